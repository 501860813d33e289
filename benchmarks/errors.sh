#!/usr/bin/env bash
# Installs what is missing, builds, and measures the errors of kernels by type and length: see benchmarks/errors.py.
set -euo pipefail
cd "$(dirname "$0")/.."
utils/setup.sh bench
utils/build.sh
exec build/venv/bin/python benchmarks/errors.py "build/${FFTCONV_PRESET:-release}" "$@"
