#!/usr/bin/env bash
# Configures and builds a preset (release, debug, asan; FFTCONV_PRESET, else release), quietly unless it fails.
set -euo pipefail
cd "$(dirname "$0")/.."
preset=${FFTCONV_PRESET:-release}
log=build/$preset.log
mkdir -p build
echo "build: build/$preset (log in $log)"
if ! { cmake --preset "$preset" && cmake --build --preset "$preset"; } >"$log" 2>&1; then
  tail -n 60 "$log" >&2
  exit 1
fi
