# shellcheck shell=bash
# CoreDNS for the cluster's machines, as one archive that is laid out as the official release is: for
# this computer's processor, and for those that PROCESSORS names, as machines elsewhere may have.

coredns_hint="put CoreDNS $COREDNS_VERSION (https://github.com/coredns/coredns/releases) for Linux in $cache/coredns, as it is"

coredns_found() { archives_found coredns "$COREDNS_VERSION"; }

coredns_install() { archives_install coredns; }

# Where components/fleet_cluster/_releases/coredns.py looks for it, too.
coredns_archive() { echo "$cache/coredns/coredns_${COREDNS_VERSION}_linux_$1.tgz"; }

# coredns_download NAME FOLDER PROCESSOR
coredns_download() {
  local url=https://github.com/coredns/coredns/releases/download/v$COREDNS_VERSION
  checked_download coredns "$url/$1" "$2/$1" "$(pinned "$3" "${COREDNS_SHA256[@]:-}")" "$url/$1.sha256"
}

# coredns_build PROCESSOR FOLDER NAME: with the plugins that fleet uses; the official one has all.
coredns_build() {
  go_needed coredns
  GOOS=linux GOARCH=$1 quietly coredns "building CoreDNS $COREDNS_VERSION for $1 (about a minute, once per computer)" \
    go_build "$toolchain/go/coredns" coredns "$2/coredns" || fail coredns "go build" "$coredns_hint"
  tar -czf "$2/$3" -C "$2" coredns
}
