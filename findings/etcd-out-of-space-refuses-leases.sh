#!/usr/bin/env bash
# etcd 3.6 out of space: no new lease, and no transaction that could put, whichever way it goes.
#
# Guess: NOSPACE refuses writes that need space. So a lease, which stores no key, is granted, and a
# transaction is judged by the branch that it takes.
# Seen in etcd 3.6.16: LeaseGrant is refused like a put, while the leases that there are can be
# kept alive for ever; a transaction with a put in the branch that is not taken is refused, also
# where the branch taken only reads; deletes, and transactions of deletes alone, work.
# So: who loses its lease meanwhile (a restart, a pause) cannot register again until the alarm is
# disarmed, and "read, or else create" fails even for what exists.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill "$(cat "$folder/pid" 2>/dev/null)" 2>/dev/null || true; rm -rf "$folder"' EXIT

mkdir "$folder/build"
cd "$folder/build"
cat >tools.go <<'GO'
//go:build tools

package tools

import (
	_ "go.etcd.io/etcd/etcdctl/v3"
	_ "go.etcd.io/etcd/server/v3"
)
GO
cat >go.mod <<'MOD'
module example.com/tools

go 1.25

require (
	go.etcd.io/etcd/etcdctl/v3 v3.6.16
	go.etcd.io/etcd/server/v3 v3.6.16
)
MOD
go mod tidy >"$folder/log" 2>&1 || { cat "$folder/log" && exit 1; }
CGO_ENABLED=0 GOBIN=$folder/bin go install go.etcd.io/etcd/etcdctl/v3 go.etcd.io/etcd/server/v3
cd "$folder"

free_port() {
  python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# expect WHAT ANSWER PART: the answer holds the part, or this finding is out of date.
expect() {
  printf '  %-44s %s\n' "$1" "$(tr '\n' ' ' <<<"$2")"
  [[ $2 == *"$3"* ]] || { echo "changed: expected '$3'" && exit 1; }
}

client=http://127.0.0.1:$(free_port)
peer=http://127.0.0.1:$(free_port)
bin/server --data-dir data --listen-client-urls "$client" --advertise-client-urls "$client" \
  --listen-peer-urls "$peer" --initial-advertise-peer-urls "$peer" \
  --initial-cluster "default=$peer" --quota-backend-bytes 1000000 >server.log 2>&1 &
echo $! >pid

# ctl WORDS...: etcdctl without its log lines; its errors are part of the answer.
ctl() {
  bin/etcdctl --endpoints "$client" "$@" 2>&1 | grep -v '^{' || true
}
until [[ $(ctl put started yes) == OK ]]; do sleep 0.1; done
bin/server --version | sed -n 1p

lease=$(ctl lease grant 600 | awk '{print $2}')
for number in $(seq 40); do
  answer=$(head -c 60000 /dev/zero | tr '\0' x | ctl put "fill$number")
  [[ $answer == OK ]] || break
done
expect "a put when the quota is used up" "$answer" "database space exceeded"
expect "a new lease" "$(ctl lease grant 10)" "database space exceeded"
expect "a lease that was there, kept alive" "$(ctl lease keep-alive --once "$lease")" "keepalived"
expect "a delete" "$(ctl del fill1)" "1"
expect "a transaction that deletes" "$(printf '\ndel fill2\n\n\n' | ctl txn)" "SUCCESS"
expect "a transaction that reads, and else puts" \
  "$(printf 'value("started") = "yes"\n\nget started\n\nput started yes\n\n' | ctl txn)" \
  "database space exceeded"
expect "the same read alone" "$(ctl get started --print-value-only)" "yes"
