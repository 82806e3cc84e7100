# Sourced by the scripts of this folder: the project's root, its .venv and the system packages of its tests.
# shellcheck shell=bash

# Whatever is opened next would become standard input if that were closed.
if ! { : <&0; } 2>/dev/null; then
  exec </dev/null
fi

root=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
cd -- "$root" || exit
python=$root/.venv/bin/python

# Byte code is what keeps imports fast, and a foreign PYTHONPATH could shadow what .venv holds.
unset PYTHONDONTWRITEBYTECODE PYTHONPATH PYTHONHOME
export PIP_DISABLE_PIP_VERSION_CHECK=1
export DO_NOT_TRACK=true MLFLOW_DISABLE_TELEMETRY=true RAY_USAGE_STATS_ENABLED=0 DVC_NO_ANALYTICS=true

say() {
  printf '%s\n' "$*" >&2
}

fail() {
  say "error: $*"
  exit 1
}

# Print the comment block under the first line of a script, which is its manual.
print_usage() {
  sed -n '2,/^[^#]/{s/^# \{0,1\}//p;}' "scripts/$(basename -- "$0")"
}

if [[ ${1:-} == -h || ${1:-} == --help ]]; then
  print_usage
  exit 0
fi

find_python() {
  local candidate
  for candidate in python3.11 python3.12 python3.13 python3.14 python3; do
    # A command of that name may be a version manager's placeholder: only running it tells.
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
      command -v "$candidate"
      return
    fi
  done
  fail "naga needs Python 3.11 or newer; none of python3.11 to python3.14 and python3 is"
}

can_install_packages() {
  [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null
}

retry() {
  local attempt
  for attempt in 1 2 3; do
    "$@" </dev/null >/dev/null && return
    sleep "$attempt"
  done
  return 1
}

# One by one, so that a package that is not to be had keeps no other away.
install_packages() {
  local package failed=
  export DEBIAN_FRONTEND=noninteractive
  say "installing system packages: $*"
  retry apt-get -qq update || say "apt-get could not update its lists"
  for package in "$@"; do
    retry apt-get -qq -o DPkg::Lock::Timeout=60 install --no-install-recommends -y "$package" || failed+=" $package"
  done
  [[ -z $failed ]] || say "apt-get could not install:$failed"
}

# The packages of scripts/system-packages whose command is not there, with a space between them.
list_missing_packages() {
  local package command _
  while read -r package command _; do
    if [[ $package != \#* ]] && ! command -v "$command" >/dev/null; then
      printf '%s ' "$package"
    fi
  done <scripts/system-packages
}

ensure_system_packages() {
  local missing
  missing=$(list_missing_packages)
  [[ -n $missing ]] || return 0
  if can_install_packages; then
    # shellcheck disable=SC2086  # one word a package
    install_packages $missing
    missing=$(list_missing_packages)
    [[ -n $missing ]] || return 0
  fi
  if [[ ${CI:-} == true ]]; then
    fail "missing system packages: $missing"
  fi
  say "missing system packages, the tests that need them are skipped: $missing"
}

make_venv() {
  local base
  base=$(find_python)
  say "making .venv with $base"
  # Debian's python3 comes without the part that a new environment's pip is made from.
  if ! "$base" -c 'import ensurepip' 2>/dev/null && can_install_packages; then
    install_packages python3-venv
  fi
  "$base" -m venv --clear .venv >&2 ||
    fail "$base cannot make .venv (Debian and Ubuntu: apt-get install python3-venv)"
  "$python" -m pip install -qq --upgrade pip || say "pip could not be upgraded; going on with the one that is there"
}

# Make .venv when it is missing, broken or moved, and install `-e .[EXTRA]` when pyproject.toml has changed since.
ensure_venv() {
  local extra=$1 place=.venv/place stamp=.venv/installed-$1 wanted
  if ! "$python" -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || [[ -e $place && $(cat "$place") != "$root" ]]; then
    make_venv
  fi
  printf '%s\n' "$root" >"$place"
  wanted=$(cksum <pyproject.toml)
  if [[ ! -e $stamp || $(cat "$stamp") != "$wanted" ]]; then
    say "installing naga with the extra '$extra' into .venv"
    "$python" -m pip install -qq --editable ".[$extra]" </dev/null || fail "pip could not install '.[$extra]'"
    printf '%s\n' "$wanted" >"$stamp"
  fi
}

# Build the view and the panel when their sources have changed, and let the JupyterLab of .venv show them.
ensure_front_end() {
  "$python" labextension/build.py --link || fail "the front end could not be built (see above)"
}
