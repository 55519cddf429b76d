# shellcheck shell=bash disable=SC2154 # lab, state and here are lab's
# What runs in a host: started, paused, killed, and the power cut. Sourced by `lab`.

# Everything that runs in these namespaces.
pids_in() {
    local name
    for name; do ip netns pids "$name"; done
}

# Sends a signal to processes, of which some may have ended.
signal() {
    local signal=$1
    shift
    [ $# = 0 ] || kill "-$signal" "$@" 2>/dev/null || true
}

# SIGKILL, until nothing runs in these namespaces: a process may start another while it is being killed.
kill_all() {
    local pids tries
    for ((tries = 0; tries < 500; tries++)); do
        pids=$(pids_in "$@")
        [ -n "$pids" ] || return 0
        # shellcheck disable=SC2086 # numbers
        signal KILL $pids
        sleep 0.01
    done
    die "these do not end: ${pids//$'\n'/ }"
}

# The same for hosts.
kill_hosts() {
    local host spaces=()
    for host; do spaces+=("$(space "$host")"); done
    kill_all "${spaces[@]}"
}

# The names of a host's programs that run.
running() {
    local file pids
    pids=$(pids_in "$(space "$1")")
    for file in "$state/$1"/run/*.pid; do
        [ -e "$file" ] || continue
        # Not by `kill -0`: the number may be another process's by now.
        if grep -qx "$(<"$file")" <<<"$pids"; then basename "$file" .pid; fi
    done
}

# What `list` says about that.
what_runs() {
    local host=$1 name count=0 words=()
    for name in $(running "$host"); do words+=("$name($(<"$state/$host/run/$name.pid"))"); done
    count=$(($(pids_in "$(space "$host")" | wc -l) - ${#words[@]}))
    [ "$count" -le 0 ] || words+=("and $count more")
    echo "${words[*]:--}"
}

# Puts the program under test where all hosts find it as `gossamer`; fails if there is none.
link_program() {
    local program=${GOSSAMER:-}
    [ -n "$program" ] || program=$(command -v gossamer || true)
    [ -n "$program" ] || program=$here/../../target/release/gossamer
    [ -x "$program" ] || return 1
    program=$(readlink -f "$program")
    mkdir -p "$state/bin"
    [ "$(readlink "$state/bin/gossamer" || true)" = "$program" ] || ln -sfn "$program" "$state/bin/gossamer"
}

# Becomes a command in a host: its network, its boot id, its name, its home. The process id stays the same.
enter() {
    local host=$1
    shift
    export HOME=$state/$host/home PATH=$state/bin:$PATH
    unset XDG_CONFIG_HOME XDG_DATA_HOME XDG_STATE_HOME XDG_CACHE_HOME
    # shellcheck disable=SC2016 # for the inner shell
    exec ip netns exec "$(space "$host")" unshare --mount --uts --propagation private sh -ec '
        mount --bind "$1" /proc/sys/kernel/random/boot_id
        echo "$2" >/proc/sys/kernel/hostname
        shift 2
        exec "$@"
    ' sh "$state/$host/boot_id" "$host" "$@"
}

lab_run() {
    [ $# -ge 2 ] || misused "run takes a host and a command"
    check_hosts "$1"
    link_program || true
    enter "$@"
}

lab_spawn() {
    [ $# -ge 3 ] || misused "spawn takes a host, a name and a command"
    local host=$1 name=$2 run=$state/$1/run
    check_hosts "$host"
    [[ $name =~ ^[A-Za-z0-9_-]+$ ]] || misused "a program's name is letters, digits, - and _, not '$name'"
    link_program || true
    if running "$host" | grep -qx "$name"; then die "$name runs in $host"; fi
    shift 2
    printf '%s\0' "$@" >"$run/$name.command"
    start_again "$host" "$name"
}

# Starts a program by its recorded command line; returns when it is in the host, out of which a kill now gets it.
start_again() {
    local host=$1 name=$2 pid words
    mapfile -d '' -t words <"$state/$host/run/$name.command"
    read -r pid < <(
        exec 3>&1 9>&- >>"$state/$host/log/$name.log" 2>&1 </dev/null
        # shellcheck disable=SC2016 # for the inner shell
        enter "$host" setsid sh -c 'echo $$ >&3; exec "$@" 3>&-' sh "${words[@]}"
    ) || die "$name did not start in $host: $(tail -n 1 "$state/$host/log/$name.log")"
    printf '%s\n' "$pid" >"$state/$host/run/$name.pid"
}

lab_up() {
    [ $# -ge 1 ] || misused "up takes a host"
    local host=$1
    check_hosts "$host"
    link_program || die "no gossamer: set GOSSAMER=FILE, or cargo build --release, or cargo install --path cli"
    shift
    lab_spawn "$host" up gossamer up --dir "$state/$host/data" "$@"
}

lab_log() {
    [ $# = 1 ] || [ $# = 2 ] || misused "log takes a host and perhaps a name"
    check_hosts "$1"
    local file=$state/$1/log/${2:-up}.log
    [ -e "$file" ] || die "${2:-up} was never started in $1"
    cat "$file"
}

lab_pause() { signal_hosts STOP "$@"; }
lab_resume() { signal_hosts CONT "$@"; }

signal_hosts() {
    local signal=$1 host
    shift
    [ $# -ge 1 ] || misused "which hosts?"
    check_hosts "$@"
    # shellcheck disable=SC2046 # numbers
    for host; do signal "$signal" $(pids_in "$(space "$host")"); done
}

lab_kill() {
    [ $# -ge 1 ] || misused "kill takes hosts"
    check_hosts "$@"
    kill_hosts "$@"
}

lab_power_cycle() {
    local again='' host name program ran=()
    if [ "${1:-}" = --again ]; then
        again=yes
        shift
    fi
    [ $# -ge 1 ] || misused "power-cycle takes hosts"
    lock
    check_hosts "$@"
    if [ -n "$again" ]; then
        link_program || true
        for host; do
            for name in $(running "$host"); do ran+=("$host $name"); done
        done
    fi
    kill_hosts "$@"
    for host; do
        ip -n "$(space "$host")" link set eth0 down
        cat /proc/sys/kernel/random/uuid >"$state/$host/boot_id"
    done
    for host; do ip -n "$(space "$host")" link set eth0 up; done
    for program in "${ran[@]}"; do
        # shellcheck disable=SC2086 # a host and a name
        start_again $program
    done
}

lab_wipe() {
    local host
    [ $# -ge 1 ] || misused "wipe takes hosts"
    check_hosts "$@"
    for host; do
        [ -z "$(pids_in "$(space "$host")")" ] || die "something runs in $host: \`lab kill $host\` first"
        find "$state/$host/data" -mindepth 1 -delete
    done
}
