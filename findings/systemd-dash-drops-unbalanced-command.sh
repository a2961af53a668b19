#!/usr/bin/env bash
# systemd 252: a dash before a command ("its failure does not matter") also makes a quote that is not
# closed not matter: the whole line is dropped, the unit loads without it, and `systemd-analyze verify`
# exits 0. Without the dash the same line keeps the unit from loading.
set -euo pipefail

# Either of the two that Debian 12's archive has had lately.
readonly versions=(252.39-1~deb12u2 252.38-1~deb12u1)

folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
cd "$folder"
for version in "${versions[@]}"; do
  if apt-get download -qq "systemd=$version" "libsystemd-shared=$version" 2>>apt.log; then break; fi
done
for package in ./*.deb; do
  [[ -e $package ]] || { cat apt.log >&2; exit 2; }
  dpkg -x "$package" root
done

verify() { # verify NAME LINE: what systemd-analyze says of a service with this line, and its exit code
  printf '[Unit]\nDefaultDependencies=no\n[Service]\nExecStart=/bin/true\n%s\n' "$2" >"$1"
  local code=0
  LC_ALL=C SYSTEMD_LOG_TARGET=console SYSTEMD_UNIT_PATH=$folder \
    LD_LIBRARY_PATH=$(echo root/usr/lib/*/systemd) \
    root/usr/bin/systemd-analyze verify --man=no "./$1" 2>"$1.said" || code=$?
  echo "$2"
  sed "s|$folder/||; s/^/  /" "$1.said"
  echo "  exit code $code"
  return "$code"
}

LD_LIBRARY_PATH=$(echo root/usr/lib/*/systemd) root/usr/bin/systemd-analyze --version | head -1
failed=0
verify plain.service 'ExecStartPre=/bin/sh -c "echo ready' && failed=1
verify dash.service 'ExecStartPre=-/bin/sh -c "echo ready' || failed=1
grep -q 'Unbalanced quoting, ignoring' dash.service.said || failed=1
grep -q 'bad unit file setting' plain.service.said || failed=1
exit "$failed"
