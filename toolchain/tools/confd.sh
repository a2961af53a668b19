# shellcheck shell=bash
# confd, which the nginx image copies from its build context.

confd_hint="put confd $CONFD_VERSION (https://github.com/kelseyhightower/confd/releases) at images/nginx/confd"
confd_home=$cache/confd-$CONFD_VERSION
confd_placed=$root/images/nginx/confd

confd_found() {
  [[ -e $confd_home/origin ]] && cmp -s "$confd_home/confd" "$confd_placed" || return 1
  printf '%s\t%s' "$CONFD_VERSION" "$(cat "$confd_home/origin"), in images/nginx"
}

confd_install() {
  [[ -e $confd_home/origin ]] || confd_get "$confd_home"
  mkdir -p "${confd_placed%/*}"
  ln -f "$confd_home/confd" "$confd_placed" 2>/dev/null || cp "$confd_home/confd" "$confd_placed"
}

# It runs in a container, so it is Linux's, whatever this computer is.
confd_get() {
  local url=https://github.com/kelseyhightower/confd/releases/download
  rm -rf "$1"
  mkdir -p "$1"
  if download "$url/v$CONFD_VERSION/confd-$CONFD_VERSION-linux-$(processor)" "$1/confd"; then
    echo "official download" >"$1/origin.new"
  else
    go_needed confd
    GOOS=linux GOARCH=$(processor) quietly confd "building confd $CONFD_VERSION (about a minute)" \
      go_build "$toolchain/go/confd" github.com/kelseyhightower/confd "$1/confd" ||
      fail confd "go build" "$confd_hint"
    echo "built here from Go modules" >"$1/origin.new"
  fi
  chmod 755 "$1/confd"
  mv "$1/origin.new" "$1/origin"
}
