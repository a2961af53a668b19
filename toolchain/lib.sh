# shellcheck shell=bash
# What every script of the set-up shares: where things are, how they speak, how they fail,
# and the ways to get a tool: Debian's packages, an official download, a build with Go.
#
# A tool is a file in tools/ with two functions, named after it:
#   NAME_found     prints "version<TAB>where it is from" when the tool is there and good enough,
#                  else fails; changes nothing; takes a fraction of a second
#   NAME_install   gets it, or ends with fail
# and a variable NAME_hint: what a person can do where the set-up cannot.

set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
toolchain=$root/toolchain
cache=${FLEET_CLUSTER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/fleet-cluster}
[[ $cache == /* ]] || cache=$PWD/$cache
source "$toolchain/pins.env"

# Groups that do without each other; the tools of each are in the order in which they need each other.
tool_groups=("python" "engine language_host confd etcd coredns" "docker base_image")
# shellcheck disable=SC2034,SC2206 # others use it; it is a list
all_tools=(basics ${tool_groups[*]} plugins)
source "$toolchain/tools/basics.sh"
source "$toolchain/tools/python.sh"
source "$toolchain/tools/engine.sh"
source "$toolchain/tools/language-host.sh"
source "$toolchain/tools/plugins.sh"
source "$toolchain/tools/docker.sh"
source "$toolchain/tools/base-image.sh"
source "$toolchain/tools/confd.sh"
source "$toolchain/tools/etcd.sh"
source "$toolchain/tools/coredns.sh"
source "$toolchain/tools/sshd.sh"
source "$toolchain/tools/language-yaml.sh"
source "$toolchain/tools/promtool.sh"
source "$toolchain/tools/chromium.sh"

# What an earlier "make env" exported, of this checkout or another, is not the user's own choice.
while IFS='=' read -r name value; do
  [[ -z $name || ${!name:-} != "$value" ]] || unset "$name"
done <<<"${FLEET_CLUSTER_ENV:-}"

# say TOOL WORDS...: one line for a person, beside whatever a script prints for a program.
say() {
  printf '  %-14s %s\n' "${1//_/-}" "${*:2}" >&2
}

# fail TOOL WHAT NEXT-STEP: ends the script.
fail() {
  say "$1" "failed: $2"
  say "" "next: $3"
  exit 1
}

# quietly TOOL WHAT COMMAND...: says what runs, keeps its output in a log, says how long it took.
# Where the command fails, shows the end of the log and fails too.
quietly() {
  local tool=$1 what=$2 log=$cache/logs/$1.log start=$SECONDS
  shift 2
  mkdir -p "$cache/logs"
  say "$tool" "$what ..."
  if "$@" >"$log" 2>&1 </dev/null; then
    say "$tool" "done in $((SECONDS - start)) s"
  else
    tail -n 15 "$log" | sed 's/^/    /' >&2
    say "$tool" "this did not work; all of its output is in $log"
    return 1
  fi
}

# Puts the tools on PATH and selects the back end, as "make env" does for a person's shell.
use_env() {
  local exports
  exports=$("$toolchain/env")
  eval "$exports"
}

# pulumi_for COMMAND STACK: "up" or "destroy" without questions. On a terminal it is Pulumi's own live
# tree; elsewhere a line for each resource that is done, and all of Pulumi's output goes to a log.
pulumi_for() {
  local log code=0 command=(pulumi "$1" --yes --skip-preview --suppress-permalink=true --stack "$2")
  if [[ -t 0 && -t 1 && -z ${CI:-} && ${TERM:-} != dumb ]]; then
    "${command[@]}"
    return
  fi
  log=$(pulumi_log "$2")
  mkdir -p "$(dirname "$log")"
  (umask 077 && : >"$log")
  "${command[@]}" --non-interactive --suppress-progress |
    python -X utf8 "$toolchain/progress.py" "$log" || code=$?
  ((code)) || return 0
  say pulumi "this did not work; all of its output is in $log"
  say "" "next: mend what it says above, then: make ${0##*/}$(named_to_make "$2")"
  return "$code"
}

# named_to_make STACK: what make has to be told of it.
named_to_make() {
  [[ $1 == dev ]] || echo " STACK=$1"
}

# program_of STACK: the folder of its program. The demo's is a copy, for it to change.
program_of() {
  local copy=$root/.pulumi/programs/${1##*/}
  if [[ -d $copy ]]; then echo "$copy"; else echo "$root"; fi
}

# pulumi_log STACK: where it is until the stack is removed.
pulumi_log() {
  echo "$root/.pulumi/${1##*/}.log"
}

# limit SECONDS COMMAND...: macOS has no timeout; there the command takes its time.
limit() {
  if command -v timeout >/dev/null; then timeout "$@"; else "${@:2}"; fi
}

# at_least VERSION MINIMUM
at_least() {
  [[ $(printf '%s\n' "$2" "$1" | sort -V | head -n 1) == "$2" ]]
}

# download URL FILE [OPTION-OF-CURL...]: fails in seconds where the site cannot be reached.
download() {
  command -v curl >/dev/null || return 1
  mkdir -p "$(dirname "$2")"
  curl --fail --silent --location --connect-timeout 5 --speed-limit 1000 --speed-time 15 \
    --output "$2" "${@:3}" "$1" </dev/null
}

# checked_download TOOL URL FILE SHA256 LIST: gets a file that is what is pinned or, where nothing is,
# what the release's own LIST of checksums says. Fails where it cannot be had, or nothing is known of it.
# One that is another is no reason to build: it ends the set-up.
checked_download() {
  local tool=$1 url=$2 file=$3 sum=$4 known="the pinned one, $4" list=${3%/*}/${5##*/}
  [[ $sum || $5 ]] && download "$url" "$file" || return 1
  if [[ -z $sum ]]; then
    download "$5" "$list" || return 1
    sum=$(awk -v name="${url##*/}" '$2 == name { print $1 }' "$list") known="the release says"
    rm "$list"
  fi
  [[ $(sha256 "$file") == "$sum" ]] ||
    fail "$tool" "what was downloaded from $url has another SHA-256 than $known" \
      "make setup again; if it stays so, find out why before you change a pin"
}

# pinned KEY KEY=SHA256...: prints what is pinned for a key; nothing where nothing is.
pinned() {
  local entry
  for entry in "${@:2}"; do
    [[ ${entry%%=*} != "$1" ]] || echo "${entry#*=}"
  done
}

# The operating system and processor, in the words of Go and Docker.
system() {
  uname -s | tr '[:upper:]' '[:lower:]'
}

processor() {
  case $(uname -m) in
    x86_64) echo amd64 ;;
    aarch64) echo arm64 ;;
    *) uname -m ;;
  esac
}

# Those that the machines may have: this computer's, and what PROCESSORS names.
processors() {
  # shellcheck disable=SC2086 # it is a list
  printf '%s\n' "$(processor)" ${PROCESSORS:-} | sort -u
}

# sha256 FILE
sha256() {
  if command -v sha256sum >/dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d ' ' -f 1
}

may_use_apt() {
  [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null
}

# apt_install TOOL HINT PACKAGE...
apt_install() {
  local tool=$1 hint=$2
  shift 2
  may_use_apt || fail "$tool" "not installed, and only root on Debian or Ubuntu can be helped here" "$hint"
  quietly "$tool" "installing Debian's packages $* (about a minute)" apt_get_install "$@" ||
    fail "$tool" "apt-get install $*" "$hint"
}

# One at a time: apt-get does not wait for another one's lists.
apt_get_install() (
  export DEBIAN_FRONTEND=noninteractive
  exec 8>"$cache/apt-lock"
  if command -v flock >/dev/null; then flock 8; fi
  # The lists of packages are fetched only where they are missing or too old to serve.
  apt-get install -y --no-install-recommends "$@" && exit
  apt-get update && apt-get install -y --no-install-recommends "$@"
)

# go_build FOLDER PACKAGE FILE [LDFLAGS]: builds a package at the versions that the module in the folder
# pins, of sources that are what its go.sum says: of others, or of none that it knows, nothing is built.
go_build() {
  (cd "$1" &&
    GOWORK=off GOTOOLCHAIN=auto CGO_ENABLED=0 \
      go build -mod=readonly -trimpath -ldflags "-s -w ${4:-}" -o "$3" "$2")
}

# go_needed TOOL. Go 1.21 is the first that fetches the newer Go which a module asks for.
go_needed() {
  local hint="install Go 1.25 or newer (https://go.dev/dl), put its bin on PATH, and run this again" version
  command -v go >/dev/null || fail "$1" "there is no Go to build it with" "$hint"
  version=$(cd / && go env GOVERSION)
  at_least "${version#go}" 1.21 || fail "$1" "Go ${version#go} is too old to build it" "$hint"
}

# content_hash FILE-OR-FOLDER...: names and contents, without what Python leaves behind.
content_hash() {
  find "$@" -type f -not -path '*/__pycache__/*' -print0 | sort -z |
    while IFS= read -r -d '' file; do
      printf '%s %s\n' "${file#"$root"/}" "$(git hash-object "$file")"
    done | git hash-object --stdin | cut -c 1-12
}

# Tools that are an archive for each processor say TOOL_archive PROCESSOR: where it is in the cache,
# TOOL_download NAME FOLDER PROCESSOR, and TOOL_build PROCESSOR FOLDER NAME.

# archives_found TOOL VERSION
archives_found() {
  local one
  for one in $(processors); do
    [[ -e $("$1_archive" "$one") ]] || return 1
  done
  printf '%s\t%s' "$2" "$(cat "$("$1_archive" "$(processor)").origin" 2>/dev/null || echo "$cache/$1")"
}

# archives_install TOOL
archives_install() {
  local one
  for one in $(processors); do
    [[ -e $("$1_archive" "$one") ]] || archive_get "$1" "$one" "$("$1_archive" "$one")"
  done
}

# archive_get TOOL PROCESSOR FILE
archive_get() {
  local new=$cache/$1.new name=${3##*/}
  rm -rf "$new"
  mkdir -p "$new" "$cache/$1"
  if "$1_download" "$name" "$new" "$2"; then
    echo "official download" >"$3.origin"
  else
    "$1_build" "$2" "$new" "$name"
    echo "built here from Go modules" >"$3.origin"
  fi
  mv "$new/$name" "$3"
  rm -rf "$new"
}
