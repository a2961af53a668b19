# shellcheck shell=bash
# Prometheus' promtool, for the tests alone: it checks docs/monitoring. Debian's package is unpacked in the
# cache, not installed: installed, it would also run Prometheus.

promtool_hint="install promtool (https://prometheus.io/download) and put it on PATH"
promtool_home=$cache/promtool

promtool_found() {
  local program
  program=$(promtool_program) || return 1
  printf '%s\t%s' "$("$program" --version 2>&1 | sed -n 's/^promtool, version \([^ ]*\).*/\1/p')" "$program"
}

# Prints its path: the first on PATH, else the one in the cache.
promtool_program() {
  command -v promtool || { [[ -x $promtool_home/usr/bin/promtool ]] && echo "$promtool_home/usr/bin/promtool"; }
}

promtool_install() {
  command -v apt-get >/dev/null || fail promtool "not installed, and only Debian and Ubuntu can be helped here" "$promtool_hint"
  quietly promtool "unpacking promtool of Debian's package prometheus (some seconds)" promtool_unpack ||
    fail promtool "apt-get download prometheus" "$promtool_hint"
}

promtool_unpack() {
  local new=$promtool_home.new
  rm -rf "$new" "$promtool_home"
  mkdir -p "$new"
  (cd "$new" && apt-get download prometheus && dpkg-deb --extract prometheus_*.deb . && rm prometheus_*.deb) &&
    mv "$new" "$promtool_home"
}
