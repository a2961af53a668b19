#!/usr/bin/env bash
# Two units that keep together: a.service wants b.service, which is bound to a.service and ordered after
# it. When a.service fails in its start, systemd waits RestartSec= and tries again; meanwhile it starts
# b.service, which a.service wants, and with that a job for a.service is asked for. systemd 252 keeps
# the job waiting. systemd 257 takes it for a client's request and restarts a.service at once, again and
# again, until the start limit ends it for good. Nobody but systemd has asked for anything.
# Wants=, through a target that is ordered before a.service and is never active, keeps them together and
# keeps RestartSec=.
#
# Needs root, for a systemd of its own in namespaces; it sees nothing of this computer's.
set -euo pipefail
[[ $(id -u) == 0 ]] || { echo "run it as root: it starts a systemd in namespaces of its own" >&2; exit 2; }

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
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' | sort -u | head -1)

install_systemd() { # install_systemd SUITE VERSION: that systemd and what it needs, in a folder SUITE
  mkdir -p "$1"/apt/{lists,cache/archives}/partial "$1"/usr/{bin,sbin,lib,lib64}
  ln -s usr/bin usr/sbin usr/lib usr/lib64 "$1"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $1 main" >"$1/apt/sources"
  touch "$1/apt/status"
  local apt=(
    apt-get -qq -o APT::Sandbox::User=root -o "Dir::Etc::SourceList=$PWD/$1/apt/sources"
    -o Dir::Etc::SourceParts=/dev/null -o "Dir::State=$PWD/$1/apt" -o "Dir::State::Lists=$PWD/$1/apt/lists"
    -o "Dir::State::Status=$PWD/$1/apt/status" -o "Dir::Cache=$PWD/$1/apt/cache"
  )
  "${apt[@]}" update
  "${apt[@]}" install --yes --download-only --no-install-recommends "systemd=$2" dash coreutils
  for package in "$1"/apt/cache/archives/*.deb; do
    dpkg-deb --fsys-tarfile "$package" | tar --extract --directory "$1" --keep-directory-symlink
  done
}

write_units() { # write_units SUITE: two units that keep together, and two by way of a target
  local units=$1/units
  mkdir -p "$units"/{a,c}.service.wants
  printf '[Unit]\nDefaultDependencies=no\n' | tee "$units"/{start.target,{a,b,c,d}.service} >"$units/c.target"
  for name in a c; do
    printf '[Service]\nType=oneshot\nRestart=on-failure\nRestartSec=60\n' >>"$units/$name.service"
    echo "ExecStart=/bin/sh -c 'echo again >>/$name.attempts; exit 1'" >>"$units/$name.service"
  done
  printf 'BindsTo=a.service\nAfter=a.service\n[Service]\nExecStart=/bin/sleep infinity\n' >>"$units/b.service"
  sed s/a.service/c.service/ "$units/b.service" >"$units/d.service"
  ln -s ../b.service "$units/a.service.wants"
  ln -s ../c.target "$units/c.service.wants"
  printf 'Before=c.service\nWants=d.service\nConditionPathExists=!/\n' >>"$units/c.target"
}

write_script() { # write_script SUITE: what its sh does: start the units, and look at them after a while
  cat >"$1/look" <<'END'
set -e
/lib/systemd/systemd --user --unit=start.target >/log 2>&1 &
until systemctl --user is-active --quiet start.target 2>/dev/null; do sleep 0.1; done
systemctl --user start --no-block a.service c.service
sleep 3
systemctl --user --version | { read -r version; echo "$version"; }
for name in a c; do
  systemctl --user show --property=SubState --value "$name" >"$name.state"
  echo "  $name.service: RestartSec=60; 3 s later: $(cat "$name.state"), attempts: $(wc -l <"$name.attempts")"
done
END
}

enter() { # enter SUITE CGROUP: its root folder is /, its processes and its cgroup are all there are
  echo "$BASHPID" >"$2/cgroup.procs"
  exec unshare --mount --pid --fork --kill-child --cgroup bash -euc "
    mount -t proc proc $1/proc
    mount -t cgroup2 cgroup2 $1/sys/fs/cgroup
    mount --bind /dev/null $1/dev/null
    cd $1
    exec env -i PATH=$PATH XDG_RUNTIME_DIR=/run/user HOME=/tmp SYSTEMD_UNIT_PATH=/units chroot . sh /look"
}

manage() { # manage SUITE: start its units in its systemd, without what else is on this computer
  mkdir -p "$1"/{proc,dev,tmp,sys/fs/cgroup,run/user,run/systemd/system}
  touch "$1/dev/null"
  (enter "$1" "$cgroup")
}

seen() { echo "$(cat "$1/a.state") $(wc -l <"$1/a.attempts") $(cat "$1/c.state") $(wc -l <"$1/c.attempts")"; }

install_systemd bookworm 252.39-1~deb12u2
install_systemd trixie 257.13-1~deb13u1
for suite in bookworm trixie; do
  write_units "$suite"
  write_script "$suite"
  manage "$suite"
done
[[ $(seen bookworm) == "auto-restart 1 auto-restart 1" ]] || exit 1
[[ $(seen trixie) == "failed "[2-9]" auto-restart 1" ]] || exit 1
