#!/usr/bin/env bash
# Feeds mutated PTX to the emulator for a while: utils/fuzz.sh [SECONDS (60)] [SEED (the time)].
set -euo pipefail
cd "$(dirname "$0")/.."
utils/setup.sh test
utils/build.sh
export FFTCONV_FUZZ_SECONDS=${1:-60} FFTCONV_FUZZ_SEED=${2:-$(date +%s)}
echo "fuzz: seed $FFTCONV_FUZZ_SEED"
exec "build/${FFTCONV_PRESET:-release}/test/unit/EmulatorTests" --gtest_filter='Fuzz.*'
