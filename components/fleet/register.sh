#!/bin/bash
# register.sh KEY VALUE URL: keeps KEY=VALUE in etcd while URL answers.
#
# The key is on a lease of its own. It goes when URL stops answering, when this ends (SIGTERM), and
# with the lease when this or its machine dies. It is never deleted: by then it may be another's.
# While etcd is away this stays, and registers again when it is back.
#
# Environment: etcdctl's own settings, and optionally
#   REGISTER_TTL    seconds until a dead registration is gone (10)
#   REGISTER_DRAIN  seconds between leaving and ending, for readers of the key to notice (2)
set -u

key=$1 value=$2 url=$3
ttl=${REGISTER_TTL:-10}
drain=${REGISTER_DRAIN:-2}
allowed_misses=3

lease='' # not empty: registered, or just about to be
keeper='' # the process that keeps the lease alive
misses=0

say() {
    echo "$1"
    [ -z "${NOTIFY_SOCKET-}" ] || systemd-notify --ready --status="$1"
}

answers() {
    curl --silent --fail --output /dev/null --max-time 2 "$url"
}

# put_if CONDITION: etcdctl reads conditions, a blank line, what to do, and what to do otherwise.
put_if() {
    etcdctl txn <<EOF | grep -q SUCCESS
$1

put $key $value --lease=$lease


EOF
}

# Takes a free key, or one that an earlier run left; another's registration is left alone.
register() {
    lease=$(etcdctl lease grant "$ttl" | cut -d ' ' -f 2)
    [ -n "$lease" ] || return
    if put_if "create(\"$key\") = \"0\"" || put_if "value(\"$key\") = \"$value\""; then
        etcdctl lease keep-alive "$lease" >/dev/null &
        keeper=$!
        say "registered $key = $value"
    else
        unregister
    fi
}

unregister() {
    [ -z "$keeper" ] || kill "$keeper" 2>/dev/null
    [ -z "$lease" ] || etcdctl --command-timeout=2s lease revoke "$lease" >/dev/null
    lease='' keeper=''
}

leave() {
    trap '' TERM INT
    unregister
    # Readers still send requests for a moment; without an app, there is nothing to wait for.
    answers && sleep "$drain"
    exit 0
}

check() {
    if answers; then
        misses=0
        [ -n "$keeper" ] || register
    elif [ $((misses += 1)) -eq $allowed_misses ] && [ -n "$keeper" ]; then
        unregister
        say "not registered: $url does not answer"
    fi
}

trap leave TERM INT
while true; do
    check
    sleep 1 &
    wait -n
    # The keeper ends when its lease is lost.
    [ -z "$keeper" ] || kill -0 "$keeper" 2>/dev/null || { say "lost the lease of $key"; lease='' keeper=''; }
done
