#!/usr/bin/env bash
# Installs what is missing, builds, and counts what kernels cost without running them on a GPU: see benchmarks/static.py.
set -euo pipefail
cd "$(dirname "$0")/.."
utils/setup.sh bench
utils/build.sh
exec build/venv/bin/python benchmarks/static.py "build/${FFTCONV_PRESET:-release}" "$@"
