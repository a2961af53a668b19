# shellcheck shell=bash
# etcd for the cluster's machines, as one archive that is laid out as the official release is: for this
# computer's processor, and for those that PROCESSORS names, as machines elsewhere may have.

etcd_hint="put etcd $ETCD_VERSION (https://github.com/etcd-io/etcd/releases) for Linux in $cache/etcd, as it is"

etcd_found() { archives_found etcd "$ETCD_VERSION"; }

etcd_install() { archives_install etcd; }

# Where components/fleet_cluster/_etcd_release.py looks for it, too.
etcd_archive() { echo "$cache/etcd/etcd-v$ETCD_VERSION-linux-$1.tar.gz"; }

# etcd_download NAME FOLDER PROCESSOR
etcd_download() {
  local url=https://github.com/etcd-io/etcd/releases/download/v$ETCD_VERSION
  checked_download etcd "$url/$1" "$2/$1" "$(pinned "$3" "${ETCD_SHA256[@]:-}")" "$url/SHA256SUMS"
}

# etcd_build PROCESSOR FOLDER NAME
etcd_build() {
  local name=${3%.tar.gz}
  go_needed etcd
  mkdir "$2/$name"
  GOOS=linux GOARCH=$1 quietly etcd "building etcd $ETCD_VERSION for $1 (about 2 minutes, once per computer)" \
    etcd_programs "$2/$name" || fail etcd "go build" "$etcd_hint"
  tar -czf "$2/$3" -C "$2" "$name"
}

etcd_programs() {
  go_build "$toolchain/go/etcd" go.etcd.io/etcd/server/v3 "$1/etcd" &&
    go_build "$toolchain/go/etcd" go.etcd.io/etcd/etcdctl/v3 "$1/etcdctl" &&
    go_build "$toolchain/go/etcd" go.etcd.io/etcd/etcdutl/v3 "$1/etcdutl"
}
