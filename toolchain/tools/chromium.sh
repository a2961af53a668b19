# shellcheck shell=bash
# The browser in which the tests look at fleetctl's page; nothing else needs it.

chromium_hint="install Chromium and put it on PATH as chromium"

chromium_found() {
  local program
  program=$(command -v chromium) || return 1
  printf '%s\t%s' "$("$program" --version 2>/dev/null | grep -om 1 '[0-9][0-9.]*')" "$program"
}

chromium_install() {
  apt_install chromium "$chromium_hint" chromium
}
