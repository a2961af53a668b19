# shellcheck shell=bash
# Pulumi's engine: the user's own when it is new enough, else ours in the cache.

engine_hint="install Pulumi $PULUMI_VERSION or newer (https://www.pulumi.com/docs/install)"
engine_home=$cache/engine-$PULUMI_VERSION

engine_found() {
  local program version
  program=$(engine_program) || return 1
  version=$("$program" version 2>/dev/null) || return 1
  if [[ $program == "$engine_home"/* ]]; then
    printf '%s\t%s' "${version#v}" "$(cat "$engine_home/origin")"
  else
    printf '%s\t%s' "${version#v}" "$program"
  fi
}

# Prints the engine's path: the first on PATH that is not ours, if it will do, else ours.
engine_program() {
  local own
  own=$(type -ap pulumi | grep -vF "$cache/" | head -n 1 || true)
  if [[ -n $own ]] && engine_will_do "$own"; then
    echo "$own"
  elif [[ -e $engine_home/origin ]]; then
    echo "$engine_home/bin/pulumi"
  else
    return 1
  fi
}

engine_will_do() {
  local version
  version=$("$1" version 2>/dev/null) && at_least "${version#v}" "$PULUMI_VERSION" &&
    [[ -x ${1%/*}/pulumi-language-python ]]
}

engine_install() {
  local new=$engine_home.new
  rm -rf "$new" "$engine_home"
  mkdir -p "$new/bin"
  if engine_download "$new"; then
    echo "official download" >"$new/origin"
  else
    say engine "no official download from here; building it from Go modules"
    go_needed engine
    quietly engine "building Pulumi $PULUMI_VERSION (about 5 minutes, once per computer)" \
      go_build "$toolchain/go/engine" github.com/pulumi/pulumi/pkg/v3/cmd/pulumi "$new/bin/pulumi" \
      "-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v$PULUMI_VERSION" ||
      fail engine "go build" "$engine_hint"
    echo "built here from Go modules" >"$new/origin"
  fi
  mv "$new" "$engine_home"
}

engine_download() {
  local url=https://get.pulumi.com/releases/sdk computer
  computer=$(system)-$(processor)
  computer=${computer/amd64/x64}
  checked_download engine "$url/pulumi-v$PULUMI_VERSION-$computer.tar.gz" "$1/pulumi.tar.gz" \
    "$(pinned "$computer" "${PULUMI_SHA256[@]:-}")" "$url/pulumi-$PULUMI_VERSION-checksums.txt" &&
    tar -xzf "$1/pulumi.tar.gz" -C "$1/bin" --strip-components 1 && rm "$1/pulumi.tar.gz"
}
