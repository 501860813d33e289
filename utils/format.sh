#!/usr/bin/env bash
# Formats our C++ sources; with --check, lists what is not formatted and fails.
set -euo pipefail
cd "$(dirname "$0")/.."
mode=(-i)
[ "${1:-}" = --check ] && mode=(--dry-run --Werror)
git ls-files -co --exclude-standard '*.cpp' '*.h' | xargs clang-format-14 "${mode[@]}"
