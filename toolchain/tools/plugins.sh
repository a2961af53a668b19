# shellcheck shell=bash
# Pulumi's plugins: the real ones where they can be downloaded, else the stand-ins of toolchain/plugins,
# in a Pulumi home of their own in the cache, so that they never mix with a person's real plugins.

plugins_hint="install them with: pulumi plugin install resource NAME VERSION"

plugins_found() {
  if real_plugins_installed; then
    printf -- '-\t%s' "real ones: ${PLUGINS[*]}"
  elif [[ -e $(stand_ins_home)/complete ]]; then
    printf -- '-\t%s' "stand-ins of toolchain/plugins: ${PLUGINS[*]}"
  else
    return 1
  fi
}

real_plugins_installed() {
  local plugin
  for plugin in "${PLUGINS[@]}"; do
    [[ -d ${PULUMI_HOME:-$HOME/.pulumi}/plugins/resource-${plugin/@/-v} ]] || return 1
  done
}

# The folder is keyed by the stand-ins' content and versions: another checkout may have other ones.
stand_ins_home() {
  echo "$cache/stand-ins-$(content_hash "$toolchain/plugins" "$toolchain/pins.env")"
}

plugins_install() {
  if plugins_site_reached; then
    quietly plugins "downloading ${PLUGINS[*]} (about a minute)" install_plugins && return
  fi
  [[ -d $toolchain/plugins ]] || fail plugins "the real ones cannot be downloaded" "$plugins_hint"
  install_stand_ins "$(stand_ins_home)"
}

# Asks only: a plugin may be hundreds of megabytes.
plugins_site_reached() {
  local plugin=${PLUGINS[0]/@/-v}
  download "https://get.pulumi.com/releases/plugins/pulumi-resource-$plugin-$(system)-$(processor).tar.gz" \
    /dev/null --head
}

install_stand_ins() {
  rm -rf "$1"
  PULUMI_HOME=$1 quietly plugins "no official download from here; installing stand-ins" \
    install_plugins --file "$toolchain/plugins" || fail plugins "installing stand-ins" "see the log"
  touch "$1/complete"
}

install_plugins() {
  local plugin program sum=
  program=$(engine_program)
  for plugin in "${PLUGINS[@]}"; do
    (($#)) || sum=$(pinned "${plugin%@*}-$(system)-$(processor)" "${PLUGINS_SHA256[@]:-}")
    "$program" plugin install resource "${plugin%@*}" "${plugin#*@}" \
      ${sum:+--checksum "$sum"} "$@" || return 1
  done
}
