#!/usr/bin/env bash
# Installs what is missing, builds, and writes what the cost model predicts for the benchmarks of the GPU suite: see benchmarks/predicted.py.
set -euo pipefail
cd "$(dirname "$0")/.."
utils/setup.sh bench
utils/build.sh
exec build/venv/bin/python benchmarks/predicted.py "build/${FFTCONV_PRESET:-release}" "$@"
