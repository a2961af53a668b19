#!/usr/bin/env bash
# cloud-init 22.4 (Debian 12): "schema" calls user data valid whose module is misspelt, or given twice.
#
# Guess: `cloud-init schema --config-file` knows the names of all modules, so that "wirte_files:" is
# an error as "contents:" inside of write_files is; and of two "runcmd:" it says at least one word.
# Seen in cloud-init 22.4.2: names inside of a module are checked, the modules' own are not: "Valid
# cloud-config", exit code 0, and the machine boots without what was meant. Of two keys of one name
# the last one counts and the first is lost, also in silence.
# So: user data that is made by a program is checked by that program; the schema command is no test.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download cloud-init >log 2>&1 || { cat log && exit 1; }
dpkg -x cloud-init_*.deb cloud-init
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check \
  pyyaml==6.0.3 configobj==5.0.9 jinja2==3.1.6 jsonschema==4.26.0 oauthlib==3.3.1 jsonpatch==1.33 \
  requests==2.34.2

# schema TEXT: what the command says to this user data, and its exit code.
schema() {
  printf '#cloud-config\n%b' "$1" >user-data
  PYTHONPATH=cloud-init/usr/lib/python3/dist-packages venv/bin/python -m cloudinit.cmd.main \
    schema --config-file user-data 2>&1 || echo "(exit code $?)"
}

# expect WHAT ANSWER PART
expect() {
  printf '  %-34s %s\n' "$1" "$(grep -v '^Error:$' <<<"$2" | tail -n 2 | tr '\n' ' ')"
  [[ $2 == *"$3"* ]] || { echo "changed: expected '$3'" && exit 1; }
}

PYTHONPATH=cloud-init/usr/lib/python3/dist-packages venv/bin/python -c \
  'from cloudinit import version; print("cloud-init", version.version_string())'
expect "a misspelt key in a module" \
  "$(schema 'write_files:\n- path: /etc/motd\n  contents: hello\n')" "'contents' was unexpected"
expect "a misspelt module" \
  "$(schema 'wirte_files:\n- path: /etc/motd\n  content: hello\n')" "Valid cloud-config"
expect "runcmd twice" \
  "$(schema 'runcmd:\n- echo one\nruncmd:\n- echo two\n')" "Valid cloud-config"
