# shellcheck shell=bash
# The program that runs Python for the engine. Official Pulumi releases carry it beside the engine;
# it goes beside ours too, since the engine warns on each run about one from elsewhere on PATH.

language_host_hint=$engine_hint
language_host_origin=$engine_home/language-host-origin

language_host_found() {
  local program
  program=$(engine_program) && [[ -x ${program%/*}/pulumi-language-python ]] || return 1
  if [[ $program == "$engine_home"/* && -e $language_host_origin ]]; then
    printf '%s\t%s' "$LANGUAGE_HOST_VERSION" "$(cat "$language_host_origin")"
  else
    printf '%s\t%s' "$PULUMI_VERSION" "came with the engine"
  fi
}

language_host_install() {
  local new=$cache/language-host.new
  go_needed language_host
  rm -rf "$new"
  mkdir -p "$new"
  quietly language_host "building Pulumi's Python language host $LANGUAGE_HOST_VERSION (about half a minute)" \
    language_host_build "$new" || fail language_host "go build" "$language_host_hint"
  echo "built here from Go modules" >"$language_host_origin"
  # The host goes last: the others are nothing without it.
  mv "$new"/*-python-exec "$new"/*-pulumi-python "$engine_home/bin"
  mv "$new/pulumi-language-python" "$engine_home/bin"
  rm -r "$new"
}

# The host itself is older than the engine; the two scripts that it runs must be of the engine's release.
language_host_build() {
  local sdk
  go_build language-host github.com/pulumi/pulumi/sdk/v3/python/cmd/pulumi-language-python \
    "$1/pulumi-language-python" \
    "-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v$LANGUAGE_HOST_VERSION" &&
    sdk=$(language_host_sdk) &&
    install -m 755 "$sdk/python/cmd/pulumi-language-python-exec" \
      "$sdk/python/dist/pulumi-resource-pulumi-python" "$1"
}

# Prints the folder of the engine's own SDK module.
language_host_sdk() {
  cd "$toolchain/go/engine" && GOTOOLCHAIN=auto go mod download github.com/pulumi/pulumi/sdk/v3 &&
    GOTOOLCHAIN=auto go list -m -f '{{.Dir}}' github.com/pulumi/pulumi/sdk/v3
}
