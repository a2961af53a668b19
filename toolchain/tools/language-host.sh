# shellcheck shell=bash
# The program that runs Python for the engine. Official Pulumi releases carry it beside the engine;
# it goes beside ours too, since the engine warns on each run about one from elsewhere on PATH.

language_host_hint=$engine_hint

language_host_found() {
  local program
  program=$(engine_program) || return 1
  if [[ $program == "$engine_home"/* && $(cat "$engine_home/origin") == built* ]]; then
    [[ -e $(language_host_mark) ]] && printf '%s\t%s' "$LANGUAGE_HOST_VERSION" "built here from Go modules"
  else
    printf -- '-\t%s' "came with the engine"
  fi
}

# A file that is there when the host beside our engine is built from what this checkout says.
language_host_mark() {
  echo "$engine_home/language-host-$(content_hash "$toolchain/go/language-host")"
}

language_host_install() {
  local new=$cache/language-host.new
  go_needed language_host
  rm -rf "$new"
  mkdir -p "$new"
  quietly language_host "building Pulumi's Python language host $LANGUAGE_HOST_VERSION (about half a minute)" \
    language_host_build "$new" || fail language_host "go build" "$language_host_hint"
  rm -f "$engine_home"/language-host-*
  mv "$new"/pulumi-language-python* "$new"/pulumi-resource-pulumi-python "$engine_home/bin"
  rm -rf "$new"
  touch "$(language_host_mark)"
}

# The host itself is older than the engine; the two scripts that it runs must be of the engine's release.
language_host_build() {
  local of_engine
  language_host_adapt "$1" &&
    go_build "$1" github.com/pulumi/pulumi/sdk/v3/python/cmd/pulumi-language-python \
      "$1/pulumi-language-python" \
      "-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v$LANGUAGE_HOST_VERSION" &&
    of_engine=$(pulumi_sdk "$toolchain/go/engine") &&
    install -m 755 "$of_engine/python/cmd/pulumi-language-python-exec" \
      "$of_engine/python/dist/pulumi-resource-pulumi-python" "$1"
}

# Makes the folder a Go module that builds a copy of the host with adapt.go in it.
language_host_adapt() {
  local pinned=$toolchain/go/language-host host=$1/sdk/python/cmd/pulumi-language-python source
  source=$(pulumi_sdk "$pinned") && cp -r "$source" "$1/sdk" && chmod -R u+w "$1/sdk" &&
    cp "$pinned/adapt.go" "$host" && cp "$pinned/go.mod" "$pinned/go.sum" "$1" &&
    echo 'replace github.com/pulumi/pulumi/sdk/v3 => ./sdk' >>"$1/go.mod" &&
    sed -e 's/\[\]string{req\.Program}/[]string{pluginFolder(req)}/' \
      -e 's/python\.InstallDependenciesWithWriters(/installNothing(/' \
      "$host/main.go" >"$1/main.go" && mv "$1/main.go" "$host/main.go" &&
    grep -q 'pluginFolder(req)' "$host/main.go" && grep -q 'installNothing(' "$host/main.go"
}

# pulumi_sdk FOLDER: prints where Go keeps the SDK that the module in the folder pins.
pulumi_sdk() {
  cd "$1" && export GOTOOLCHAIN=auto GOFLAGS=-mod=readonly GOWORK=off &&
    go mod download github.com/pulumi/pulumi/sdk/v3 &&
    go list -m -f '{{.Dir}}' github.com/pulumi/pulumi/sdk/v3
}
