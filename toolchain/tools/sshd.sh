# shellcheck shell=bash
# An SSH server's program, for the contract tests alone: they run it on 127.0.0.1 and stop it.

sshd_hint="install an OpenSSH server; it need not run as a service"

sshd_found() {
  [[ -x /usr/sbin/sshd ]] || command -v sshd >/dev/null || return 1
  printf -- '-\t%s' "OpenSSH server's program, for make test"
}

sshd_install() {
  # With systemd, Debian's package would also start the service, which nobody asked for.
  [[ ! -d /run/systemd/system ]] || fail sshd "the contract tests need it" "$sshd_hint"
  RUNLEVEL=1 apt_install sshd "$sshd_hint" openssh-server
}
