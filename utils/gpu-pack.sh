#!/usr/bin/env bash
# Installs what is missing, builds, and compiles programs for a machine that has a GPU and nothing of this project: a folder (build/gpu-pack) to be carried there,
# where `python3 gpu-suite.py .` checks and times them. Arguments: those of utils/gpu_pack.py after the folder (--chip=CHIP, --list=small).
set -euo pipefail
cd "$(dirname "$0")/.."
utils/setup.sh
utils/build.sh
exec build/venv/bin/python utils/gpu_pack.py "build/${FFTCONV_PRESET:-release}" build/gpu-pack "$@"
