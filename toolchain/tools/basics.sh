# shellcheck shell=bash
# Small programs that the scripts, fleetctl and the tests call.

basics_hint="install curl, git and an OpenSSH client"

basics_found() {
  command -v curl >/dev/null && command -v git >/dev/null && command -v ssh >/dev/null || return 1
  printf -- '-\tcurl, git and ssh on PATH'
}

basics_install() {
  apt_install basics "$basics_hint" ca-certificates curl git openssh-client
}
