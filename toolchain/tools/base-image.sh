# shellcheck shell=bash
# The image that all images start from: pulled, else made with Debian's debootstrap.
# It is what BASE_IMAGE names, debian:SUITE-slim.

base_image_hint="make \"docker pull $BASE_IMAGE\" work, or run this as root on Debian"

base_image_found() {
  local origin
  origin=$(docker image inspect --format '{{if .RepoDigests}}pulled{{else}}made here with debootstrap{{end}}' \
    "$BASE_IMAGE" 2>/dev/null) || return 1
  printf -- '-\t%s' "$BASE_IMAGE, $origin"
}

base_image_install() {
  say base_image "pulling $BASE_IMAGE"
  if limit 300 docker pull --quiet "$BASE_IMAGE" >/dev/null 2>&1; then return; fi
  say base_image "no image registry answers; making it from Debian's packages"
  command -v debootstrap >/dev/null ||
    apt_install base_image "$base_image_hint" debootstrap debian-archive-keyring
  quietly base_image "making a minimal Debian (about a minute)" base_image_build ||
    fail base_image "debootstrap" "$base_image_hint"
}

base_image_build() (
  suite=${BASE_IMAGE#debian:}
  suite=${suite%-slim}
  folder=$(mktemp -d "$cache/base-image.XXXXXX")
  trap 'rm -rf "$folder"' EXIT
  debootstrap --variant=minbase --include=ca-certificates "$suite" "$folder" "$(debian_mirror Debian debian)" &&
    trim "$folder" "$suite" &&
    tar -C "$folder" --numeric-owner -c . |
    docker import --change 'CMD ["bash"]' - "$BASE_IMAGE"
)

# trim FOLDER SUITE: makes the tree as Docker's slim images are: packages without papers, no caches, all
# of Debian's sources.
trim() {
  rm -rf "$1"/var/cache/apt/* "$1"/var/lib/apt/lists/* "$1"/var/log/*.log "$1"/var/log/apt/* &&
    rm -rf "$1"/usr/share/{doc,info,locale,man}/* &&
    printf 'path-exclude /usr/share/%s/*\n' doc info locale man >"$1/etc/dpkg/dpkg.cfg.d/slim" &&
    echo 'APT::Install-Recommends "false"; Acquire::Languages "none";' >"$1/etc/apt/apt.conf.d/slim" &&
    echo 'DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb || true"; };' \
      >>"$1/etc/apt/apt.conf.d/slim" &&
    cat >"$1/etc/apt/sources.list" <<SOURCES
deb $(debian_mirror Debian debian) $2 main
deb $(debian_mirror Debian debian) $2-updates main
deb $(debian_mirror Debian-Security debian-security) $2-security main
SOURCES
}

# debian_mirror LABEL FOLDER: where this computer's own apt gets Debian, of whatever release; else
# Debian's usual address.
debian_mirror() {
  local mirror
  # shellcheck disable=SC2016
  mirror=$(apt-get indextargets --format '$(LABEL) $(COMPONENT) $(REPO_URI)' 'Identifier: Packages' \
    2>/dev/null | awk -v label="$1" '$1 == label && $2 == "main" { print $3; exit }')
  echo "${mirror:-http://deb.debian.org/$2}"
}
