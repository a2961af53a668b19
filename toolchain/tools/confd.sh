# shellcheck shell=bash
# confd, which the image nginx-pool copies from its build context: for this computer's processor, and
# for those that PROCESSORS names (make setup PROCESSORS=arm64), as machines elsewhere may have.

confd_hint="put confd $CONFD_VERSION (https://github.com/kelseyhightower/confd/releases) at images/nginx-pool/confd-PROCESSOR"

confd_found() {
  local one home
  for one in $(processors); do
    home=$(confd_home "$one")
    [[ -e $home/origin ]] && cmp -s "$home/confd" "$(confd_placed "$one")" || return 1
  done
  printf '%s\t%s' "$CONFD_VERSION" "$(cat "$home/origin"), in images/nginx-pool"
}

confd_install() {
  local one placed
  rm -f "$root"/images/nginx/confd-* # where a set-up of before has put it: it would go into that image
  for one in $(processors); do
    [[ -e $(confd_home "$one")/origin ]] || confd_get "$one" "$(confd_home "$one")"
    placed=$(confd_placed "$one")
    mkdir -p "${placed%/*}"
    ln -f "$(confd_home "$one")/confd" "$placed" 2>/dev/null ||
      cp "$(confd_home "$one")/confd" "$placed"
  done
}

confd_home() { echo "$cache/confd-$CONFD_VERSION-$1"; }

confd_placed() { echo "$root/images/nginx-pool/confd-$1"; }

# confd_get PROCESSOR FOLDER. It runs in a container, so it is Linux's, whatever this computer is.
confd_get() {
  local url=https://github.com/kelseyhightower/confd/releases/download
  rm -rf "$2"
  mkdir -p "$2"
  if checked_download confd "$url/v$CONFD_VERSION/confd-$CONFD_VERSION-linux-$1" "$2/confd" \
    "$(pinned "$1" "${CONFD_SHA256[@]:-}")" ""; then
    echo "official download" >"$2/origin.new"
  else
    go_needed confd
    GOOS=linux GOARCH=$1 quietly confd "building confd $CONFD_VERSION for $1 (about a minute)" \
      go_build "$toolchain/go/confd" github.com/kelseyhightower/confd "$2/confd" ||
      fail confd "go build" "$confd_hint"
    echo "built here from Go modules" >"$2/origin.new"
  fi
  chmod 755 "$2/confd"
  mv "$2/origin.new" "$2/origin"
}
