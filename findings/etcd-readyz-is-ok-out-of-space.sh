#!/usr/bin/env bash
# etcd 3.6 out of space: /readyz and /livez answer ok, while /health says that it is not.
#
# Guess: /readyz, made for load balancers and orchestrators, says at least what /health says: that
# the member serves requests. Out of space it refuses every put.
# Seen in etcd 3.6.16: with the alarm NOSPACE, /health answers 503 with the alarm's name, `etcdctl
# endpoint health` exits 1, /readyz and /livez answer 200 "ok".
# So: a probe of /readyz keeps quiet about a store that takes no write; ask for the alarms.
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

for number in $(seq 40); do
  answer=$(head -c 60000 /dev/zero | tr '\0' x | ctl put "fill$number")
  [[ $answer == OK ]] || break
done
expect "a put when the quota is used up" "$answer" "database space exceeded"
# ask PATH: the status and the body.
ask() {
  printf '%s ' "$(curl --silent --output body --write-out '%{http_code}' "$client$1")"
  cat body
}
expect "/health" "$(ask /health)" '503 {"health":"false","reason":"ALARM NOSPACE"}'
expect "etcdctl endpoint health" "$(ctl endpoint health)" "Active Alarm(s): NOSPACE"
expect "/readyz" "$(ask /readyz)" "200 ok"
expect "/livez" "$(ask /livez)" "200 ok"
