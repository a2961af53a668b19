# shellcheck shell=bash
# The program that runs Python for the engine. Official Pulumi releases carry it beside the engine.

language_host_hint=$engine_hint
language_host_home=$cache/language-host-$LANGUAGE_HOST_VERSION-for-$PULUMI_VERSION

language_host_found() {
  if beside_engine=$(engine_program) && [[ -x ${beside_engine%/*}/pulumi-language-python ]]; then
    printf -- '-\t%s' "beside the engine"
  elif [[ -e $language_host_home/origin ]]; then
    printf '%s\t%s' "$LANGUAGE_HOST_VERSION" "$(cat "$language_host_home/origin")"
  else
    return 1
  fi
}

language_host_install() {
  local new=$language_host_home.new
  rm -rf "$new" "$language_host_home"
  mkdir -p "$new/bin"
  go_needed language_host
  quietly language_host "building Pulumi's Python language host $LANGUAGE_HOST_VERSION (about half a minute)" \
    language_host_build "$new/bin" || fail language_host "go build" "$language_host_hint"
  echo "built here from Go modules" >"$new/origin"
  mv "$new" "$language_host_home"
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
