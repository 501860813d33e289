#!/usr/bin/env bash
# Installs what is missing, builds, and convolves a genome: see utils/demo.py. Results go to demo-output, or to the folder given.
set -euo pipefail
cd "$(dirname "$0")/.."
utils/setup.sh demo
utils/build.sh
exec build/venv/bin/python utils/demo.py "build/${FFTCONV_PRESET:-release}" "${1:-demo-output}"
