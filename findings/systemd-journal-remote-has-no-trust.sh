#!/usr/bin/env bash
# systemd-journal-remote as Debian builds it has no option --trust, though its manual page and its
# --help do: it cannot ask who sends for a certificate.
#
# Guess: with --listen-https and --trust=ca.pem, as journal-remote(8) has them, a sender without a
# certificate of that authority is refused.
# Seen in 252.39 (Debian 12) and 257.13 (Debian 13): "Option --trust is not available". Debian builds
# with OpenSSL since 251.1, and only GnuTLS has that part. systemd-journal-upload has its --trust.
# So: where senders have to show a certificate, something else asks for it in front.
set -euo pipefail

# Either of the two that Debian 12's archive has had lately.
readonly versions=(252.39-1~deb12u2 252.38-1~deb12u1)

folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
cd "$folder"
for version in "${versions[@]}"; do
  if apt-get download -qq "systemd-journal-remote=$version" "libsystemd-shared=$version" \
    libmicrohttpd12 2>>apt.log; then break; fi
done
for package in ./*.deb; do
  [[ -e $package ]] || { cat apt.log >&2; exit 2; }
  dpkg -x "$package" root
done
LD_LIBRARY_PATH=$(echo root/usr/lib/*/systemd):$(echo root/usr/lib/*-linux-gnu)
export LD_LIBRARY_PATH

program=$(echo root/*lib/systemd/systemd-journal-remote root/usr/lib/systemd/systemd-journal-remote)
for one in $program; do [[ -x $one ]] && remote=$one; done
"$remote" --version | head -1
"$remote" --help | grep -e --trust
code=0
said=$("$remote" --listen-https=127.0.0.1:0 --trust=ca.pem --output=. 2>&1) || code=$?
echo "$said (exit code $code)"
[[ $code == 1 && $said =~ ^Option\ --trust=?\ is\ not\ available ]]
