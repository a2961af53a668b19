#!/bin/bash
# register.sh KEY VALUE URL: keeps KEY=VALUE in etcd while URL answers.
#
# For units of before; what is new has Name=, and health_check.sh. It goes when stacks have gone over.
#
# The key is on a lease of its own. It goes when URL stops answering, when this ends (SIGTERM), and
# with the lease when this or its machine dies. It is never deleted: by then it may be another's.
# While etcd is away this stays, and registers again when it is back.
#
# An instance that moves runs on two machines for a moment. Each takes the key over when it starts,
# and never again: who has lost the key takes it only when it is free. So the one that started last
# has it, the other is there should that one fail, and they do not take it from each other in turn.
#
# Environment: etcdctl's own settings, and optionally
#   REGISTER_TTL    seconds until a dead registration is gone (10)
#   REGISTER_DRAIN  seconds between leaving and ending, for readers of the key to notice (2)
set -u

key=$1 value=$2 url=$3
ttl=${REGISTER_TTL:-10}
drain=${REGISTER_DRAIN:-2}
allowed_misses=3
look_every=3 # seconds until a key that has become free is seen

lease=''
keeper='' # the process that keeps the lease alive; not empty: registered, unless another is
is_new=1  # not registered yet since it was started
misses=0
looks=0

for word in "$key" "$value"; do
    # Anything else means something to etcdctl, on its command line or in a transaction.
    [[ $word =~ ^[^[:space:]\"\'\\-][^[:space:]\"\'\\]*$ ]] && continue
    echo "register.sh: KEY=$key VALUE=$value: each is to be one word without quotes and backslashes, and not to begin with a dash" >&2
    exit 2
done

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

take_over() {
    [ -n "$is_new" ] && etcdctl put "$key" "$value" --lease="$lease" >/dev/null && is_new=''
}

take_if_free() {
    put_if "create(\"$key\") = \"0\""
}

# Not for every look: it would write each time.
take_if_own() {
    put_if "value(\"$key\") = \"$value\""
}

register() {
    lease=$(etcdctl lease grant "$ttl" | cut -d ' ' -f 2)
    [ -n "$lease" ] || return
    etcdctl lease keep-alive "$lease" >/dev/null &
    keeper=$!
    if take_over || take_if_free || take_if_own; then
        say "registered $key = $value"
    fi
}

look() {
    [ $((looks += 1)) -ge $look_every ] || return
    looks=0
    if take_over || take_if_free; then
        say "registered $key = $value"
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
        if [ -n "$keeper" ]; then look; else register; fi
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
