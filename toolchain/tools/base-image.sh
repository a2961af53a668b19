# shellcheck shell=bash
# The image that all images start from: pulled, else made with Debian's debootstrap.
# It is what BASE_IMAGE names, debian:SUITE-DATE-slim.

base_image_hint="make \"docker pull $BASE_IMAGE\" work, or run this as root on Debian"

base_image_found() {
  local digests made
  digests=$(docker image inspect --format '{{json .RepoDigests}}' "$BASE_IMAGE" 2>/dev/null) || return 1
  if [[ $digests == *"@$BASE_DIGEST"* ]]; then
    printf -- '-\t%s' "$BASE_IMAGE, pulled"
    return
  fi
  made=$(docker image inspect --format '{{index .Config.Labels "packages-date"}}' "$BASE_IMAGE")
  packages_new_enough "$made" || return 1
  printf -- '-\t%s' "$BASE_IMAGE, made here with debootstrap, packages of $made"
}

base_image_install() {
  say base_image "pulling $BASE_IMAGE"
  if base_image_pull >/dev/null 2>&1; then return; fi
  say base_image "no image registry answers; making it from Debian's packages"
  command -v debootstrap >/dev/null ||
    apt_install base_image "$base_image_hint" debootstrap debian-archive-keyring
  quietly base_image "making a minimal Debian (about two minutes)" base_image_build ||
    fail base_image "debootstrap" "$base_image_hint"
}

# By digest: what a registry has under a name can change.
base_image_pull() {
  local exact=${BASE_IMAGE%:*}@$BASE_DIGEST
  limit 300 docker pull --quiet "$exact" && docker tag "$exact" "$BASE_IMAGE"
}

base_image_build() (
  suite=${BASE_IMAGE#debian:}
  suite=${suite%%-*}
  folder=$(mktemp -d "$cache/base-image.XXXXXX")
  trap 'rm -rf "$folder"' EXIT
  debootstrap --variant=minbase --include=ca-certificates "$suite" "$folder" "$(debian_mirror Debian debian)" &&
    debian_sources "$suite" >"$folder/etc/apt/sources.list" &&
    chroot "$folder" apt-get update &&
    DEBIAN_FRONTEND=noninteractive chroot "$folder" apt-get upgrade -y &&
    made=$(packages_date "$folder") &&
    if ! packages_new_enough "$made"; then
      echo "The mirror has Debian's packages of $made, and the pins ask for those of $PACKAGES_DATE."
      return 1
    fi &&
    trim "$folder" &&
    tar -C "$folder" --numeric-owner -c . |
    docker import --change 'CMD ["bash"]' --change "LABEL packages-date=$made" - "$BASE_IMAGE"
)

debian_sources() {
  cat <<SOURCES
deb $(debian_mirror Debian debian) $1 main
deb $(debian_mirror Debian debian) $1-updates main
deb $(debian_mirror Debian-Security debian-security) $1-security main
SOURCES
}

# packages_date FOLDER: the day of the last change that the lists of packages in it know.
packages_date() {
  sed -n 's/^Date: //p' "$1"/var/lib/apt/lists/*Release |
    while IFS= read -r moment; do date --utc --date "$moment" +%F; done | sort | tail -n 1
}

packages_new_enough() {
  [[ $1 =~ ^[0-9-]+$ && ! $1 < $PACKAGES_DATE ]]
}

# trim FOLDER: makes the tree as Docker's slim images are: packages without papers, no caches.
trim() {
  rm -rf "$1"/var/cache/apt/* "$1"/var/lib/apt/lists/* "$1"/var/log/*.log "$1"/var/log/apt/* &&
    rm -rf "$1"/usr/share/{doc,info,locale,man}/* &&
    printf 'path-exclude /usr/share/%s/*\n' doc info locale man >"$1/etc/dpkg/dpkg.cfg.d/slim" &&
    echo 'APT::Install-Recommends "false"; Acquire::Languages "none";' >"$1/etc/apt/apt.conf.d/slim" &&
    echo 'DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb || true"; };' \
      >>"$1/etc/apt/apt.conf.d/slim"
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
