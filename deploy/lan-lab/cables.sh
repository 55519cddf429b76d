# shellcheck shell=bash disable=SC2154 # lab, state and here are lab's
# What is wrong with the LAN: who does not hear whom, who is slow, whose cable is pulled. Sourced by `lab`.

# The hosts that a host does not hear, with commas; "-" if it hears all.
deaf_to() {
    if [ -s "$state/$1/deaf" ]; then paste -sd, "$state/$1/deaf"; else echo -; fi
}

# Makes a host's rules out of the list in its file `deaf`, all at once. A rule names the sender's MAC and is the
# hearer's: it holds for broadcasts too, survives a change of addresses, and the sender gets no error.
apply_rules() {
    local host=$1 deaf
    {
        printf '*filter\n:INPUT ACCEPT [0:0]\n'
        while read -r deaf; do
            printf -- '-A INPUT -i eth0 -m mac --mac-source %s -j DROP\n' "$(mac_of "${deaf#h}")"
        done <"$state/$host/deaf"
        printf 'COMMIT\n'
    } | ip netns exec "$(space "$host")" iptables-restore -w 5
}

# Adds to the list of a host ($1) another that it does not hear ($2).
deafen() {
    grep -qx "$2" "$state/$1/deaf" 2>/dev/null || printf '%s\n' "$2" >>"$state/$1/deaf"
}

# Removes it from there.
undeafen() {
    [ -e "$state/$1/deaf" ] || return 0
    sed -i "/^$2\$/d" "$state/$1/deaf"
}

# The hosts that `B` of `cut A B` means.
others() {
    if [ "$2" = all ]; then
        hosts | sed "/^$1\$/d"
    else
        check_hosts "$2"
        printf '%s\n' "$2"
    fi
}

lab_cut() {
    local one_way='' other others changed
    if [ "${1:-}" = --one-way ]; then
        one_way=yes
        shift
    fi
    [ $# = 2 ] || misused "cut takes two hosts, or a host and \`all\`"
    [ "$1" != "$2" ] || misused "a host always hears itself"
    lock
    check_hosts "$1"
    others=$(others "$1" "$2")
    changed=$others
    for other in $others; do
        deafen "$other" "$1"
        [ -n "$one_way" ] || deafen "$1" "$other"
    done
    [ -n "$one_way" ] || changed+=" $1"
    for other in $changed; do apply_rules "$other"; done
}

lab_heal() {
    local host others changed
    lock
    if [ $# = 0 ]; then
        changed=$(hosts)
        for host in $changed; do : >"$state/$host/deaf"; done
    else
        [ $# = 2 ] || misused "heal takes two hosts, or a host and \`all\`, or nothing"
        check_hosts "$1"
        others=$(others "$1" "$2")
        changed="$others $1"
        for host in $others; do
            undeafen "$host" "$1"
            undeafen "$1" "$host"
        done
    fi
    for host in $changed; do
        if [ -e "$state/$host/deaf" ]; then apply_rules "$host"; fi
    done
}

lab_slow() {
    local shape
    [ $# = 2 ] || misused "slow takes a host and a rate, as in 20mbit"
    check_hosts "$1"
    # A short queue: what does not fit is lost, as in a switch, and does not come seconds late.
    shape="root tbf rate $2 burst 32k latency 50ms"
    # shellcheck disable=SC2086 # words
    tc -n "$(space "$1")" qdisc replace dev eth0 $shape || die "no such rate: $2"
    # shellcheck disable=SC2086
    tc -n "$(space lan)" qdisc replace dev "$1" $shape
    printf '%s\n' "$2" >"$state/$1/slow"
}

lab_fast() {
    [ $# = 1 ] || misused "fast takes a host"
    check_hosts "$1"
    [ -e "$state/$1/slow" ] || return 0
    tc -n "$(space "$1")" qdisc del dev eth0 root
    tc -n "$(space lan)" qdisc del dev "$1" root
    rm "$state/$1/slow"
}

# The bridge's end goes down: the host keeps its address and sees that there is no carrier, as with a real cable.
lab_link() {
    [[ $# = 2 && ($2 = up || $2 = down) ]] || misused "link takes a host and \`up\` or \`down\`"
    check_hosts "$1"
    ip -n "$(space lan)" link set "$1" "$2"
}
