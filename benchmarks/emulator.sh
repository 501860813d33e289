#!/usr/bin/env bash
# Installs what is missing, builds, and times the emulator: see benchmarks/emulator.cpp. Arguments: [FILE.json to write].
set -euo pipefail
cd "$(dirname "$0")/.."
utils/setup.sh test
utils/build.sh
build=build/${FFTCONV_PRESET:-release}
cmake --build "$build" --target emulator-benchmark >/dev/null
exec "$build/bin/emulator-benchmark" "$@"
