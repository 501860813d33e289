"""Runs lit (with the gtests) and pytest on a build folder, and closes with one line that counts both."""

import collections
import json
import os
import pathlib
import subprocess
import sys
import xml.etree.ElementTree


def run_lit(build):
    output = build / "lit.json"
    output.unlink(missing_ok=True)
    lit = pathlib.Path(os.environ.get("LLVM_BIN", "/usr/lib/llvm-22/bin")) / "lit"
    code = subprocess.call([lit, "-s", "-v", f"--output={output}", build / "test", build / "test" / "unit"])
    counts = collections.Counter(test["code"] for test in json.loads(output.read_text())["tests"])
    passed = counts["PASS"] + counts["FLAKYPASS"] + counts["XFAIL"]
    skipped = counts["UNSUPPORTED"] + counts["SKIPPED"] + counts["EXCLUDED"]
    return code, passed, sum(counts.values()) - passed - skipped, skipped


def run_pytest(build):
    output = build / "pytest.xml"
    output.unlink(missing_ok=True)
    environment = dict(os.environ, FFTCONV_BUILD=str(build))
    command = [sys.executable, "-m", "pytest", "-q", "-n", "auto", "-p", "no:cacheprovider", f"--junitxml={output}", "test"]
    code = subprocess.call(command, env=environment)
    suite = xml.etree.ElementTree.parse(output).getroot().find("testsuite").attrib
    failed, skipped = int(suite["failures"]) + int(suite["errors"]), int(suite["skipped"])
    return code, int(suite["tests"]) - failed - skipped, failed, skipped


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    runs = [run_lit(build), run_pytest(build)]
    passed, failed, skipped = (sum(run[i] for run in runs) for i in (1, 2, 3))
    # A runner that failed without a failed test (a broken configuration, say) must not look green.
    failed = max(failed, sum(run[0] != 0 for run in runs))
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    sys.exit(failed != 0)


if __name__ == "__main__":
    main()
