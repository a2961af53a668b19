# shellcheck shell=bash
# The Docker engine that machines run in. Where it does not answer, it is installed (Debian, as root)
# and started: by systemd where that runs, else by hand, remembered so that "make down" can stop it.

docker_hint="install Docker (https://docs.docker.com/get-docker), start it, and see that \"docker info\" works"
dockerd_home=$cache/dockerd
# How long it has to answer: with a DOCKER_HOST or a context of another engine, it never would.
dockerd_seconds=300

docker_found() {
  local version
  version=$(limit 10 docker info --format '{{.ServerVersion}}' 2>/dev/null) && [[ -n $version ]] || return 1
  if started_dockerd >/dev/null; then
    printf '%s\t%s' "$version" "started by this set-up; log in $dockerd_home/log"
  else
    printf '%s\t%s' "$version" "already running"
  fi
}

docker_install() {
  [[ $(uname -s) == Linux && $(id -u) == 0 ]] ||
    fail docker "\"docker info\" does not work: $(docker info 2>&1 | tail -n 1)" "$docker_hint"
  if ! command -v dockerd >/dev/null || ! command -v docker >/dev/null; then
    apt_install docker "$docker_hint" docker.io iptables
  fi
  if [[ -d /run/systemd/system ]]; then start_docker_with_systemd; else start_docker_by_hand; fi
}

start_docker_with_systemd() {
  quietly docker "starting the engine with systemd" systemctl start docker ||
    fail docker "the engine does not start" "read: journalctl --unit docker; $docker_hint"
}

start_docker_by_hand() {
  quietly docker "starting the engine (a few seconds; its log is $dockerd_home/log)" start_dockerd && return
  tail -n 15 "$dockerd_home/log" | sed 's/^/    /' >&2
  fail docker "the engine does not start" "read its log above; $docker_hint"
}

# As a session of its own, so that it outlives make. It must not inherit the set-up's lock (9).
start_dockerd() {
  mkdir -p "$dockerd_home"
  setsid dockerd >"$dockerd_home/log" 2>&1 </dev/null 9>&- &
  local pid=$! start=$SECONDS
  echo "$pid $(process_start "$pid")" >"$dockerd_home/pid"
  until limit 10 docker info >/dev/null 2>&1; do
    kill -0 "$pid" 2>/dev/null || return 1
    if ((SECONDS - start >= dockerd_seconds)); then
      kill "$pid"
      echo "\"docker info\" does not reach it within $dockerd_seconds s: does DOCKER_HOST, or a context, name another engine?"
      return 1
    fi
    sleep 0.2 # nothing tells when the engine answers
  done
}

# Prints the process id of the engine that this set-up started, if it still runs.
started_dockerd() {
  local pid start
  read -r pid start 2>/dev/null <"$dockerd_home/pid" || return 1
  [[ -n $start && $(process_start "$pid") == "$start" ]] && echo "$pid"
}

# Checkouts share the engine: remembers that this one needs it, until its "make down".
use_dockerd() {
  started_dockerd >/dev/null || return 0
  mkdir -p "$dockerd_home/users"
  echo "$root" >"$(dockerd_user)"
}

# Forgets this checkout, and those that are gone; prints the others that need the engine.
leave_dockerd() {
  local user
  rm -f "$(dockerd_user)"
  for user in "$dockerd_home"/users/*; do
    [[ -f $user ]] || continue
    if [[ -d $(<"$user") ]]; then cat "$user"; else rm -f "$user"; fi
  done
}

dockerd_user() {
  echo "$dockerd_home/users/$(cksum <<<"$root" | cut -d ' ' -f 1)"
}

# When a process started, in clock ticks since boot: tells it from a later one with the same id.
process_start() {
  sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20
}
