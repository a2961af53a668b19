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

# etcd_download NAME FOLDER PROCESSOR. A download that is not what the release lists, or what is pinned,
# is no reason to build.
etcd_download() {
  local url=https://github.com/etcd-io/etcd/releases/download/v$ETCD_VERSION pinned
  download "$url/$1" "$2/$1" && download "$url/SHA256SUMS" "$2/SHA256SUMS" || return 1
  grep -q "^$(sha256 "$2/$1") .*$1\$" "$2/SHA256SUMS" ||
    fail etcd "what was downloaded from $url/$1 has another SHA-256 than the release says" "make setup again, or $etcd_hint"
  for pinned in "${ETCD_SHA256[@]:-}"; do
    [[ ${pinned%%=*} != "$3" || ${pinned#*=} == "$(sha256 "$2/$1")" ]] ||
      fail etcd "what was downloaded from $url/$1 has another SHA-256 than the pinned one, ${pinned#*=}" \
        "find out why before you change the pin"
  done
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
