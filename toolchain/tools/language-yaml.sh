# shellcheck shell=bash
# The program that runs YAML programs for the engine, for the tests alone: they deploy one through the
# components. Official Pulumi releases carry it beside the engine, and so is ours placed.

language_yaml_hint=$engine_hint

language_yaml_found() {
  local program
  program=$(engine_program) || return 1
  if [[ $program == "$engine_home"/* && $(cat "$engine_home/origin") == built* ]]; then
    [[ -e $(language_yaml_mark) ]] && printf '%s\t%s' "$LANGUAGE_YAML_VERSION" "built here from Go modules"
  else
    printf -- '-\t%s' "came with the engine"
  fi
}

# A file that is there when the program beside our engine is built from what this checkout says.
language_yaml_mark() {
  echo "$engine_home/language-yaml-$(content_hash "$toolchain/go/language-yaml")"
}

language_yaml_install() {
  local new=$cache/language-yaml.new
  go_needed language_yaml
  rm -rf "$new"
  mkdir -p "$new"
  quietly language_yaml "building Pulumi's YAML runtime $LANGUAGE_YAML_VERSION (about a minute)" \
    go_build "$toolchain/go/language-yaml" github.com/pulumi/pulumi-yaml/cmd/pulumi-language-yaml \
    "$new/pulumi-language-yaml" || fail language_yaml "go build" "$language_yaml_hint"
  rm -f "$engine_home"/language-yaml-*
  mv "$new/pulumi-language-yaml" "$engine_home/bin"
  rm -rf "$new"
  touch "$(language_yaml_mark)"
}
