#!/usr/bin/env bash
# A service is reloaded while it still starts. systemctl reload and reload-or-restart wait for the start
# and exit 0, try-reload-or-restart exits 0 at once; ExecReload= is run by none of them. A service that has
# read its configuration before it was changed goes on with the old one, and nobody is told. Shown with
# systemd 257; 252 does the same. What helps: systemctl start, which waits, and then the reload.
#
# Needs root, for a systemd of its own in namespaces; it sees nothing of this computer's.
set -euo pipefail
[[ $(id -u) == 0 ]] || { echo "run it as root: it starts a systemd in namespaces of its own" >&2; exit 2; }

readonly version=257.13-1~deb13u1
folder=$(mktemp -d)
cgroups=$(findmnt --noheadings --first-only --output TARGET --types cgroup2)
cgroup=$cgroups$(sed -n 's/^0:://p' /proc/self/cgroup)/${folder##*/}
clean_up() {
  while grep -q 'populated 1' "$cgroup/cgroup.events"; do sleep 0.1; done
  find "$cgroup" -depth -type d -exec rmdir {} \;
  rm -r "$folder"
}
trap clean_up EXIT
mkdir "$cgroup"
cd "$folder"

mkdir -p apt/{lists,cache/archives}/partial root/usr/{bin,sbin,lib,lib64}
ln -s usr/bin usr/sbin usr/lib usr/lib64 root
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' | sort -u | head -1)
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror trixie main" >apt/sources
touch apt/status
apt=(
  apt-get -qq -o APT::Sandbox::User=root -o "Dir::Etc::SourceList=$PWD/apt/sources"
  -o Dir::Etc::SourceParts=/dev/null -o "Dir::State=$PWD/apt" -o "Dir::State::Lists=$PWD/apt/lists"
  -o "Dir::State::Status=$PWD/apt/status" -o "Dir::Cache=$PWD/apt/cache"
)
"${apt[@]}" update
"${apt[@]}" install --yes --download-only --no-install-recommends "systemd=$version" dash coreutils
for package in apt/cache/archives/*.deb; do
  dpkg-deb --fsys-tarfile "$package" | tar --extract --directory root --keep-directory-symlink
done

mkdir -p root/{proc,dev,tmp,sys/fs/cgroup,run/user,run/systemd/system,units}
touch root/dev/null
printf '[Unit]\nDefaultDependencies=no\n' | tee root/units/{begin.target,slow.service} >/dev/null
cat >>root/units/slow.service <<'END'
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sleep 2
ExecReload=/bin/sh -c 'echo reloaded >>/reloads'
END
cat >root/look <<'END'
/lib/systemd/systemd --user --unit=begin.target >/log 2>&1 &
until systemctl --user is-active --quiet begin.target 2>/dev/null; do sleep 0.1; done
systemctl --user --version | { read -r line; echo "$line"; }
reload() { # reload VERB: the service is, just then, in this state
  state=$(systemctl --user show --property=ActiveState --value slow)
  code=0
  systemctl --user "$1" slow || code=$?
  times=0
  while read -r _; do times=$((times + 1)); done </reloads
  echo "  $1 while $state: exit code $code, ExecReload= ran $times times" | tee -a /seen
  : >/reloads
}
: >/reloads
for verb in reload reload-or-restart try-reload-or-restart; do
  systemctl --user stop slow
  systemctl --user start --no-block slow
  until [ "$(systemctl --user show --property=ActiveState --value slow)" = activating ]; do :; done
  reload "$verb"
  systemctl --user start slow
done
reload reload
END

enter() { # its root folder is /, its processes and its cgroup are all there are
  echo "$BASHPID" >"$cgroup/cgroup.procs"
  exec unshare --mount --pid --fork --kill-child --cgroup bash -euc "
    mount -t proc proc root/proc
    mount -t cgroup2 cgroup2 root/sys/fs/cgroup
    mount --bind /dev/null root/dev/null
    cd root
    exec env -i PATH=$PATH XDG_RUNTIME_DIR=/run/user HOME=/tmp SYSTEMD_UNIT_PATH=/units chroot . sh /look"
}
(enter)

cat >expected <<'END'
  reload while activating: exit code 0, ExecReload= ran 0 times
  reload-or-restart while activating: exit code 0, ExecReload= ran 0 times
  try-reload-or-restart while activating: exit code 0, ExecReload= ran 0 times
  reload while active: exit code 0, ExecReload= ran 1 times
END
diff expected root/seen
