"""What the cost model predicts for the benchmarks that gpu-suite.py times, of kernels as they are: for lines of tables whose measurements are older than the kernels. No GPU."""

import argparse
import datetime
import json
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "utils"))
from gpu_pack import benchmarks, predicted_ms  # noqa: E402


def predict(build, program, chip):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "program.mlir"
        path.write_text(program.mlir)
        command = [build / "bin" / "fftconv-compile", path, f"--chip={chip}", "--emit=ptx", "--report=json", "-o", path.with_suffix(".ptx")]
        kernel = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)["kernels"][-1]
    return {"name": str(program), "predicted_ms": predicted_ms(kernel, program.rows), "binds": kernel["binds"], "per_output": kernel["per_output"]}, kernel["board"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("-o", type=pathlib.Path, required=True)
    parser.add_argument("--chip", default="sm_90")
    arguments = parser.parse_args()
    found = [predict(arguments.build, program, arguments.chip) for program in benchmarks()]
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    record = {
        "date": datetime.date.today().isoformat(), "predicted_for": found[0][1], "commit": commit,
        "command": "benchmarks/predicted.sh", "benchmarks": [entry for entry, _ in found],
    }
    arguments.o.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
