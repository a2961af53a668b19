#!/usr/bin/env bash
# etcd 3.6: a misspelt key in the configuration file is not told; a misspelt flag stops etcd.
#
# Guess: the file is another way to give the flags, so that an unknown name in it stops etcd as an
# unknown flag does, or is warned of as an unknown variable of the environment is.
# Seen in etcd 3.6.16: it starts, serves, and says nothing of the key; what was meant stays at its
# default. With a file, the environment is not looked at any more, so that its warnings go as well.
# So: a file of settings needs a check of its own (read back what is in force).
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

client=http://127.0.0.1:$(free_port)
peer=http://127.0.0.1:$(free_port)
cat >etcd.yaml <<YAML
data-dir: data
listen-client-urls: $client
advertise-client-urls: $client
listen-peer-urls: $peer
initial-advertise-peer-urls: $peer
initial-cluster: default=$peer
heartbeat-intervall: 250
YAML
bin/server --version | sed -n 1p

if answer=$(bin/server --heartbeat-intervall 250 2>&1); then
  echo "changed: an unknown flag is taken" && exit 1
fi
echo "  as a flag:         $(grep --max-count 1 -o 'flag provided but not defined.*' <<<"$answer")"

answer=$(ETCD_HEARTBEAT_INTERVALL=250 ETCD_LISTEN_CLIENT_URLS=none bin/server 2>&1 || true)
grep -q 'unrecognized environment variable' <<<"$answer" ||
  { echo "changed: no warning of a variable" && exit 1; }
echo "  as a variable:     unrecognized environment variable"

ETCD_HEARTBEAT_INTERVALL=250 bin/server --config-file etcd.yaml >server.log 2>&1 &
echo $! >pid
until bin/etcdctl --endpoints "$client" put started yes >/dev/null 2>&1; do sleep 0.1; done
if grep -i -q -e 'intervall' -e 'unrecognized' server.log; then
  grep -i -e 'intervall' -e 'unrecognized' server.log
  echo "changed: it is told" && exit 1
fi
grep -q '"heartbeat-interval":"100ms"' server.log || { echo "changed: no default" && exit 1; }
echo "  in the file:       nothing is said; heartbeat-interval is 100ms, its default"
