# shellcheck shell=bash disable=SC2154 # lab, state and here are lab's
# Hosts: made, listed, renumbered, removed. Sourced by `lab`.
# Of a host hN, $state/hN holds: mac, address (with the prefix length), boot_id, data/, home/, log/, run/ (one pid
# file and one command line per program started in the background), deaf (whom it does not hear) and slow (its rate).

# A host's network namespace.
space() { printf 'gsm-%s-%s' "$lab" "$1"; }

# The hosts there are, in order.
hosts() {
    local folder
    for folder in "$state"/h[0-9]*; do
        if [ -e "$folder/mac" ]; then printf '%s\n' "${folder##*/h}"; fi
    done | sort -n | sed 's/^/h/'
}

# Whether there is such a host, with all that belongs to it.
is_host() { [ -e "$state/$1/mac" ] && [ -e "/run/netns/$(space "$1")" ]; }

# Dies unless these are hosts.
check_hosts() {
    local host
    for host; do
        [[ $host =~ ^h[1-9][0-9]*$ ]] || misused "a host is called h1, h2, …, not '$host'"
        is_host "$host" || die "lab $lab has no host $host"
    done
}

# A fixed, locally administered address: rules that name it stay right when the LAN is renumbered.
mac_of() { printf '02:67:73:6d:%02x:%02x' $(($1 / 256)) $(($1 % 256)); }

# The address of host number $2 in network $1, with the prefix length: 10.1.0.0/24 3 -> 10.1.0.3/24.
address_of() {
    local a b c d length net
    [[ $1 =~ ^([0-9]{1,3})\.([0-9]{1,3})\.([0-9]{1,3})\.([0-9]{1,3})/([0-9]{1,2})$ ]] \
        || misused "a network looks like 10.1.0.0/24, not '$1'"
    a=${BASH_REMATCH[1]} b=${BASH_REMATCH[2]} c=${BASH_REMATCH[3]} d=${BASH_REMATCH[4]} length=${BASH_REMATCH[5]}
    ((a < 256 && b < 256 && c < 256 && d < 256 && length >= 8 && length <= 30)) || misused "no such network: $1"
    net=$((((a << 24) | (b << 16) | (c << 8) | d) & (0xffffffff << (32 - length))))
    (($2 < (1 << (32 - length)) - 1)) || die "$1 has no room for host $2"
    net=$((net + $2))
    printf '%d.%d.%d.%d/%d' $((net >> 24 & 255)) $((net >> 16 & 255)) $((net >> 8 & 255)) $((net & 255)) "$length"
}

lab_start() {
    local count='' net='' number new=()
    while [ $# -gt 0 ]; do
        case $1 in
            --net) [ $# -ge 2 ] || misused "--net needs a network"; net=$2; shift 2 ;;
            --net=*) net=${1#--net=}; shift ;;
            *) [ -z "$count" ] || misused "start takes one number"; count=$1; shift ;;
        esac
    done
    [[ $count =~ ^[1-9][0-9]{0,2}$ ]] || misused "start needs the number of hosts"
    lock
    if [ -e "$state/net" ]; then
        [ -z "$net" ] || [ "$net" = "$(<"$state/net")" ] \
            || die "lab $lab has the network $(<"$state/net"): \`lab renumber $net\` changes it"
        net=$(<"$state/net")
    fi
    net=${net:-10.1.0.0/24}
    address_of "$net" "$count" >/dev/null
    for ((number = 1; number <= count; number++)); do
        is_host "h$number" || new+=("$number")
    done
    make_hosts "$net" "${new[@]}" || die "a start was interrupted here: \`lab stop\` removes what is left"
    printf '%s\n' "$net" >"$state/net"
}

# Makes hosts with these numbers in a network, and the bridge if there is none.
make_hosts() {
    local net=$1 number host spaces='' cables=''
    shift
    if [ ! -e "/run/netns/$(space lan)" ]; then
        spaces="netns add $(space lan)"$'\n'
        cables=$'link add br0 type bridge mcast_snooping 0\nlink set br0 up\n'
    fi
    for number; do
        host=h$number
        mkdir -p "$state/$host"/{data,home,log,run}
        cat /proc/sys/kernel/random/uuid >"$state/$host/boot_id"
        spaces+="netns add $(space "$host")"$'\n'
        cables+="link add $host type veth peer name eth0 address $(mac_of "$number") netns $(space "$host")"$'\n'
        cables+="link set $host master br0 up"$'\n'
    done
    [ -z "$spaces" ] || ip -batch - <<<"$spaces" || return 1
    [ -z "$cables" ] || ip -n "$(space lan)" -batch - <<<"$cables" || return 1
    for number; do
        host=h$number
        # No IPv6 beside it: cuts are made of IPv4 rules.
        ip -n "$(space "$host")" -batch - <<END || return 1
link set lo up
link set eth0 addrgenmode none
addr add $(address_of "$net" "$number") brd + dev eth0
link set eth0 up
END
        address_of "$net" "$number" >"$state/$host/address"
        mac_of "$number" >"$state/$host/mac"
    done
}

lab_stop() {
    local name spaces=() removals=''
    [ $# = 0 ] || misused "stop takes nothing"
    lock
    # By the namespaces, not the folders: a start that was interrupted may have left no folder.
    for name in /run/netns/"$(space 'h')"[0-9]* "/run/netns/$(space lan)"; do
        [ -e "$name" ] && spaces+=("${name##*/}")
    done
    if [ ${#spaces[@]} -gt 0 ]; then
        kill_all "${spaces[@]}"
        for name in "${spaces[@]}"; do
            removals+="netns delete $name"$'\n'
        done
        ip -batch - <<<"$removals"
    fi
    rm -rf -- "$state"
}

lab_list() {
    local host
    [ $# = 0 ] || misused "list takes nothing"
    if [ -z "$(hosts)" ]; then
        echo "lab $lab has no hosts: \`lab start 5\` makes some"
        return
    fi
    printf '%-5s %-18s %-28s %-22s %s\n' host address runs 'does not hear' slow
    for host in $(hosts); do
        printf '%-5s %-18s %-28s %-22s %s\n' "$host" "$(<"$state/$host/address")" "$(what_runs "$host")" \
            "$(deaf_to "$host")" "$(cat "$state/$host/slow" 2>/dev/null || echo -)"
    done
}

lab_renumber() {
    local net=${1:-} host address whole=''
    [ -n "$net" ] || misused "renumber needs a network, as in 10.2.0.0/24"
    shift
    lock
    check_hosts "$@"
    # shellcheck disable=SC2046 # names of hosts have no spaces
    if [ $# = 0 ]; then
        set -- $(hosts)
        whole=yes
    fi
    # All or none.
    for host; do address_of "$net" "${host#h}" >/dev/null; done
    [ -z "$whole" ] || printf '%s\n' "$net" >"$state/net"
    for host; do
        address=$(address_of "$net" "${host#h}")
        ip -n "$(space "$host")" -batch - <<END
addr flush dev eth0
addr add $address brd + dev eth0
END
        printf '%s' "$address" >"$state/$host/address"
    done
}

lab_path() {
    [ $# = 1 ] || misused "path takes one host"
    check_hosts "$1"
    printf '%s\n' "$state/$1"
}
