#!/usr/bin/env bash
# CoreDNS 1.15 whose records in etcd are below a path of two words: A is right, SRV names no host.
#
# Guess: the etcd plugin's `path` may be any path: below /dns/services all is as below /services.
# Seen in CoreDNS 1.15.0 with etcd 3.6.16: A records are. The target of an SRV answer has the path's
# last word at its end, after the zone, a name that nobody knows; with a path of one word it has not.
# So: a path of one word.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill $(cat "$folder"/*.pid 2>/dev/null) 2>/dev/null || true; rm -rf "$folder"' EXIT
export CGO_ENABLED=0

mkdir -p "$folder/etcd" "$folder/dns/ask"
cd "$folder/etcd"
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
GOBIN=$folder/bin go install go.etcd.io/etcd/etcdctl/v3 go.etcd.io/etcd/server/v3

cd "$folder/dns"
cat >main.go <<'GO'
// CoreDNS with one plugin.
package main

import (
	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/etcd"

	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/coremain"
)

func init() { dnsserver.Directives = []string{"bind", "etcd"} }

func main() { coremain.Run() }
GO
cat >ask/main.go <<'GO'
// Asks a server for a name's A and SRV: of SRV, the target.
package main

import (
	"fmt"
	"os"

	"github.com/miekg/dns"
)

func main() {
	for _, kind := range []uint16{dns.TypeA, dns.TypeSRV} {
		question := new(dns.Msg)
		question.SetQuestion(os.Args[1], kind)
		answer, err := dns.Exchange(question, os.Args[2])
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		for _, record := range answer.Answer {
			switch found := record.(type) {
			case *dns.A:
				fmt.Println("A", found.A)
			case *dns.SRV:
				fmt.Println("SRV", found.Target)
			}
		}
	}
}
GO
cat >go.mod <<'MOD'
module example.com/dns

go 1.25

require (
	github.com/coredns/coredns v1.15.0
	github.com/miekg/dns v1.1.73
)
MOD
go mod tidy >"$folder/log" 2>&1 || { cat "$folder/log" && exit 1; }
go build -o "$folder/bin/coredns" .
go build -o "$folder/bin/ask" ./ask
cd "$folder"

free_port() {
  python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
client=http://127.0.0.1:$(free_port) peer=http://127.0.0.1:$(free_port)
bin/server --data-dir data --listen-client-urls "$client" --advertise-client-urls "$client" \
  --listen-peer-urls "$peer" --initial-advertise-peer-urls "$peer" \
  --initial-cluster "default=$peer" >etcd.log 2>&1 &
echo $! >etcd.pid
ctl() { bin/etcdctl --endpoints "$client" "$@" 2>/dev/null; }
until [[ $(ctl put started yes) == OK ]]; do sleep 0.1; done

# answers PATH: what a server says whose records are there.
answers() {
  local port
  port=$(free_port)
  ctl put "$1/test/example/web/1" '{"host":"192.0.2.1","port":80}' >/dev/null
  printf 'example.test:%s {\n  bind 127.0.0.1\n  etcd {\n    path %s\n    endpoint %s\n  }\n}\n' \
    "$port" "$1" "$client" >Corefile
  bin/coredns -quiet -conf Corefile >dns.log 2>&1 &
  echo $! >dns.pid
  until bin/ask web.example.test. "127.0.0.1:$port" >answer; do sleep 0.1; done
  kill "$(cat dns.pid)"
  wait "$(cat dns.pid)" 2>/dev/null || true
  tr '\n' ' ' <answer
}

bin/coredns -version | sed -n 1p
one=$(answers /services) two=$(answers /dns/services)
echo "path /services:     $one"
echo "path /dns/services: $two"
[[ $one == "A 192.0.2.1 SRV 1.web.example.test. " ]]
[[ $two == "A 192.0.2.1 SRV 1.web.example.test.services. " ]]
