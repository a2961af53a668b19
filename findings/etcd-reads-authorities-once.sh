#!/usr/bin/env bash
# etcd 3.6 takes another certificate of its own at the next connection, and another trusted
# authority only when it is started again.
#
# Guess: files of one flag family are read alike: whoever replaces --cert-file and --trusted-ca-file
# while etcd runs has both taken up, or neither.
# Seen in etcd 3.6.16: the new certificate is shown at once; a client of the new authority is refused
# until etcd is another process, and one of the old authority is still served. etcdctl too keeps the
# authorities that it has begun with, for as long as it runs.
# So: to rotate an authority, let the old one introduce the new one, or restart each member.
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

# authority NAME: a certificate authority, and a certificate of it for the loopback.
authority() {
  mkdir "$1"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj "/CN=$1" \
    -keyout "$1/ca.key" -out "$1/ca.crt" 2>>log
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=member" \
    -keyout "$1/tls.key" -out "$1/request" 2>>log
  openssl x509 -req -in "$1/request" -CA "$1/ca.crt" -CAkey "$1/ca.key" -CAcreateserial -days 1 \
    -extfile <(echo "subjectAltName=IP:127.0.0.1") -out "$1/tls.crt" 2>>log
}
authority old
authority new

# expect WHAT ANSWER PART: the answer holds the part, or this finding is out of date.
expect() {
  printf '  %-44s %s\n' "$1" "$2"
  [[ $2 == *"$3"* ]] || { echo "changed: expected '$3'" && exit 1; }
}

client=https://127.0.0.1:$(free_port)
peer=http://127.0.0.1:$(free_port)
start() {
  bin/server --data-dir data --listen-client-urls "$client" --advertise-client-urls "$client" \
    --listen-peer-urls "$peer" --initial-advertise-peer-urls "$peer" \
    --initial-cluster "default=$peer" --client-cert-auth --trusted-ca-file pki/ca.crt \
    --cert-file pki/tls.crt --key-file pki/tls.key >>server.log 2>&1 &
  echo $! >pid
}

# shown: whose certificate etcd shows.
shown() {
  openssl s_client -connect "${client#https://}" </dev/null 2>/dev/null |
    openssl x509 -noout -issuer | tr -d ' '
}

# put AUTHORITY: what a client with its certificate is answered. It trusts both.
put() {
  bin/etcdctl --endpoints "$client" --cacert both.crt --cert "$1/tls.crt" --key "$1/tls.key" \
    --command-timeout 2s put key value 2>>log || echo refused
}

cat old/ca.crt new/ca.crt >both.crt
cp -r old pki
start
until [[ $(put old) == OK ]]; do sleep 0.1; done
bin/server --version | sed -n 1p
cp new/ca.crt new/tls.crt new/tls.key pki
expect "files replaced: whose certificate is shown" "$(shown)" "issuer=CN=new"
expect "a client of the new authority" "$(put new)" refused
expect "a client of the old authority" "$(put old)" OK
kill "$(cat pid)"
wait || true
start
until [[ $(put new) == OK ]]; do sleep 0.1; done
expect "another process: a client of the new authority" "$(put new)" OK
expect "a client of the old authority" "$(put old)" refused
