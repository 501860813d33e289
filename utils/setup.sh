#!/usr/bin/env bash
# Installs what is missing: Debian packages (as root or through sudo) and Python packages in build/venv. Says what it does, and
# does nothing the second time. Arguments name what else is wanted beside the compiler: test, demo, bench.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(cmake g++ ninja-build ccache libmlir-22-dev mlir-22-tools llvm-22-dev llvm-22-tools python3-venv)
python=(numpy)
for want in "$@"; do
  case "$want" in
  test)
    packages+=(libgtest-dev clang-format-14 clang-22)
    python+=(pytest pytest-xdist hypothesis nvidia-cuda-nvdisasm)
    ;;
  demo)
    packages+=(bowtie2-examples)
    python+=(matplotlib)
    ;;
  bench)
    python+=(scipy nvidia-cuda-nvdisasm)
    ;;
  *)
    echo "setup.sh: knows test, demo and bench, not '$want'" >&2
    exit 1
    ;;
  esac
done

missing=()
for package in "${packages[@]}"; do
  # The state of a package that was never installed is empty or "unknown ok not-installed".
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  echo "setup: installing ${missing[*]}"
  sudo=
  [ "$(id -u)" = 0 ] || sudo=sudo
  $sudo apt-get update -qq
  if ! DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null; then
    echo "setup.sh: apt could not install them; LLVM and MLIR 22 need Debian 12 with updates, or a release that has them" >&2
    exit 1
  fi
fi

venv=build/venv
if [ ! -x "$venv/bin/python" ]; then
  echo "setup: creating $venv"
  python3 -m venv "$venv"
fi
missing=()
for package in "${python[@]}"; do
  "$venv/bin/python" -c "import importlib.metadata; importlib.metadata.version('$package')" 2>/dev/null || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  echo "setup: installing ${missing[*]} in $venv"
  "$venv/bin/pip" install -q --disable-pip-version-check "${missing[@]}"
fi
