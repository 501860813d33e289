#!/usr/bin/env bash
# Installs what is missing, builds, runs every test. --all runs the whole list of programs instead of a covering sample.
# The last line is "N passed, N failed[, N skipped]"; the exit code is 0 exactly when nothing failed.
set -euo pipefail
cd "$(dirname "$0")/.."
case "${1:-}" in
"") ;;
--all) export FFTCONV_ALL_PROGRAMS=1 ;;
*)
  echo "usage: utils/test.sh [--all]" >&2
  exit 1
  ;;
esac
utils/setup.sh test demo
utils/build.sh
# LLVM marks what its arenas have not given out; the packaged libraries, which are not instrumented, do not unmark what they take.
export ASAN_OPTIONS=${ASAN_OPTIONS:-allow_user_poisoning=0}
exec build/venv/bin/python utils/run_tests.py "build/${FFTCONV_PRESET:-release}"
