# shellcheck shell=bash
# The virtual environment: made in the cache per content of requirements.lock and version of Python,
# so that a fresh checkout only sets its link .venv. The lock has all packages, and the SHA-256 of each:
# pip takes no other, and runs nothing to build one.

python_hint="install Python $PYTHON_MINIMUM or newer with its venv module"

python_found() {
  local venv
  venv=$(venv_path) && [[ -e $venv/complete && $root/.venv -ef $venv ]] || return 1
  printf '%s\t%s' "$("$venv/bin/python" -c 'import platform; print(platform.python_version())')" \
    "virtual environment, packages from pip"
}

python_install() {
  local venv
  python_new_enough >/dev/null || apt_install python "$python_hint" python3 python3-venv
  venv=$(venv_path) || fail python "found only $(python3 --version 2>&1)" "$python_hint"
  [[ -e $venv/complete ]] || make_venv "$venv"
  ln -sfn "$venv" "$root/.venv"
}

make_venv() {
  rm -rf "$1"
  "$(python_new_enough)" -c 'import venv, ensurepip' 2>/dev/null ||
    apt_install python "$python_hint" python3-venv
  quietly python "installing Python packages with pip (1 to 3 minutes)" fill_venv "$1" ||
    fail python "could not make $1" "see the log; pip must reach a package index"
  touch "$1/complete"
}

fill_venv() {
  "$(python_new_enough)" -m venv "$1" &&
    "$1/bin/python" -m pip install --disable-pip-version-check --require-hashes --only-binary :all: \
      -r "$toolchain/requirements.lock"
}

venv_path() {
  local python
  python=$(python_new_enough) || return 1
  echo "$cache/venv-$({ "$python" --version; cat "$toolchain/requirements.lock"; } | git hash-object --stdin | cut -c 1-12)"
}

# Prints the first Python on PATH that runs and is new enough.
python_new_enough() {
  local name
  for name in python3 python3.14 python3.13 python3.12 python3.11; do
    if "$name" -c "import sys; sys.exit(sys.version_info < (${PYTHON_MINIMUM/./, }))" 2>/dev/null; then
      command -v "$name"
      return
    fi
  done
  return 1
}
