# shellcheck shell=bash
# etcd for the cluster's machines, as one archive that is laid out as the official release is: for this
# computer's processor, and for those that PROCESSORS names, as machines elsewhere may have.

etcd_hint="put etcd $ETCD_VERSION (https://github.com/etcd-io/etcd/releases) for Linux in $cache/etcd, as it is"

etcd_found() {
  local one
  for one in $(processors); do
    [[ -e $(etcd_archive "$one") ]] || return 1
  done
  printf '%s\t%s' "$ETCD_VERSION" "$(cat "$(etcd_archive "$(processor)").origin" 2>/dev/null || echo "$cache/etcd")"
}

etcd_install() {
  local one
  for one in $(processors); do
    [[ -e $(etcd_archive "$one") ]] || etcd_get "$one" "$(etcd_archive "$one")"
  done
}

# Where components/fleet_cluster/_etcd_release.py looks for it, too.
etcd_archive() { echo "$cache/etcd/etcd-v$ETCD_VERSION-linux-$1.tar.gz"; }

# etcd_get PROCESSOR FILE
etcd_get() {
  local new=$cache/etcd.new
  rm -rf "$new"
  mkdir -p "$new" "$cache/etcd"
  if etcd_download "${2##*/}" "$new" "$1"; then
    echo "official download" >"$2.origin"
  else
    etcd_build "$1" "$new"
    echo "built here from Go modules" >"$2.origin"
  fi
  mv "$new/${2##*/}" "$2"
  rm -rf "$new"
}

# etcd_download NAME FOLDER PROCESSOR
etcd_download() {
  local url=https://github.com/etcd-io/etcd/releases/download/v$ETCD_VERSION
  checked_download etcd "$url/$1" "$2/$1" "$(pinned "$3" "${ETCD_SHA256[@]:-}")" "$url/SHA256SUMS"
}

# etcd_build PROCESSOR FOLDER
etcd_build() {
  local name=etcd-v$ETCD_VERSION-linux-$1
  go_needed etcd
  mkdir "$2/$name"
  GOOS=linux GOARCH=$1 quietly etcd "building etcd $ETCD_VERSION for $1 (about 2 minutes, once per computer)" \
    etcd_programs "$2/$name" || fail etcd "go build" "$etcd_hint"
  tar -czf "$2/$name.tar.gz" -C "$2" "$name"
}

etcd_programs() {
  go_build "$toolchain/go/etcd" go.etcd.io/etcd/server/v3 "$1/etcd" &&
    go_build "$toolchain/go/etcd" go.etcd.io/etcd/etcdctl/v3 "$1/etcdctl" &&
    go_build "$toolchain/go/etcd" go.etcd.io/etcd/etcdutl/v3 "$1/etcdutl"
}
