#!/usr/bin/env bash
# Installs what is missing, builds, and times the CPU path against scipy's FFT: see benchmarks/cpu.py.
set -euo pipefail
cd "$(dirname "$0")/.."
utils/setup.sh bench
utils/build.sh
exec build/venv/bin/python benchmarks/cpu.py "build/${FFTCONV_PRESET:-release}" "$@"
