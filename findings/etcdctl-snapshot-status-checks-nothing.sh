#!/usr/bin/env bash
# etcdctl 3.6: "snapshot status" and "snapshot restore" are gone, and a script does not notice.
#
# Guess: a subcommand that was removed is an error, as every unknown command of etcdctl is.
# Seen in etcdctl 3.6.16: "snapshot status FILE" prints the help of "snapshot" and exits 0, so that
# a backup script that checks its file goes on checking nothing; a top-level command that does not
# exist exits 1. etcdutl 3.6.16 has both, and exits 1 for a file that is no snapshot.
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
	_ "go.etcd.io/etcd/etcdutl/v3"
)
GO
cat >go.mod <<'MOD'
module example.com/tools

go 1.25

require (
	go.etcd.io/etcd/etcdctl/v3 v3.6.16
	go.etcd.io/etcd/etcdutl/v3 v3.6.16
)
MOD
go mod tidy >"$folder/log" 2>&1 || { cat "$folder/log" && exit 1; }
CGO_ENABLED=0 GOBIN=$folder/bin go install go.etcd.io/etcd/etcdctl/v3 go.etcd.io/etcd/etcdutl/v3
cd "$folder"

bin/etcdctl version | sed -n 1p
echo "no snapshot" >backup.db

# code COMMAND...: its exit code; what it prints goes to the file "said".
code() {
  local result=0
  "$@" >said 2>&1 || result=$?
  echo "$result"
}

# expect CODE COMMAND...
expect() {
  local result
  result=$(code "${@:2}")
  printf '  %-36s exit code %s\n' "${*:2}" "$result"
  [[ $result == "$1" ]] || { cat said && echo "changed: expected $1" && exit 1; }
}
expect 0 bin/etcdctl snapshot status backup.db
grep -q 'USAGE' said || { echo "changed: it is no help text" && exit 1; }
expect 0 bin/etcdctl snapshot restore backup.db
expect 1 bin/etcdctl snapshots
expect 1 bin/etcdutl snapshot status backup.db
