"""Measures the relative RMS error of kernels by type and length, in the emulator against the direct sum in f64, and writes docs/errors.md.

Causal, filters as long as the rows (64 taps where it says direct), inputs and taps of unit variance, 4000 samples. What is printed includes the
rounding of the results to the type of the tensors.
"""

import argparse
import pathlib
import re
import subprocess
import tempfile

LENGTHS = (16, 64, 100, 256, 1000, 1024, 2048, 4096, 5000, 8192, 16384, 20000, 28672, 32768, 57344)
DIRECT_TAPS = 64
# Tensors, flags, whether the filter is short; and the budget without the rounding of results.
COLUMNS = {
    "f16": ("f16", ["--method=fft"], False, 1.5e-3),
    "f16, direct": ("f16", ["--method=direct"], True, 1.5e-3),
    "bf16": ("bf16", ["--method=fft"], False, 1.2e-2),
    "bf16, direct": ("bf16", ["--method=direct"], True, 1.2e-2),
    "bf16 by f16 stages": ("bf16", ["--method=fft", "--compute=f16"], False, 1.5e-3),
    "f32": ("f32", [], False, 2e-6),
}
ROUNDING = {"f16": 2**-11, "bf16": 2**-8, "f32": 0}


def measure(build, column, length):
    """The error, or None where no kernel takes rows of this length."""
    type_, flags, short, _ = COLUMNS[column]
    u, k = f"tensor<3x5x{length}x{type_}>", f"tensor<5x{DIRECT_TAPS if short else length}xf32>"
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "f.mlir"
        path.write_text(f"func.func @f(%u: {u}, %k: {k}) -> {u} {{\n  %y = fftconv.conv causal %u, %k : {u}, {k}\n  return %y : {u}\n}}\n")
        command = [build / "bin" / "fftconv-run", path, "--device=emulator", "--check=none", "--compare-with=reference", "--sample=4000", "--seed=3"]
        done = subprocess.run([*map(str, command), *flags], capture_output=True, text=True)
    if "do not fit one pass" in done.stderr:
        return None
    error = re.search(r"relative RMS error ([^ ]+) ", done.stdout)
    if not error:
        raise RuntimeError(done.stdout + done.stderr)
    return float(error[1])


def row(build, length):
    cells = [measure(build, column, length) for column in COLUMNS]
    return f"| {length} | " + " | ".join("no kernel" if cell is None else f"{cell:.1e}" for cell in cells) + " |"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("-o", type=pathlib.Path, default=pathlib.Path(__file__).parent.parent / "docs" / "errors.md")
    arguments = parser.parse_args()
    budgets = [f"{budget + ROUNDING[type_]:.1e}" for type_, _, _, budget in COLUMNS.values()]
    lines = [
        "# Errors by type and length",
        "",
        "Written by `benchmarks/errors.sh`; not to be edited. Relative RMS error of kernels for sm_90 in the emulator against the direct sum in f64: causal,",
        f"filters as long as the rows ({DIRECT_TAPS} taps where it says direct), inputs and taps of unit variance. Rounding of the results to the type of the",
        "tensors is part of it, and of the budget. What the types are good for is in the [guide](guide.md#types).",
        "",
        "| L | " + " | ".join(COLUMNS) + " |",
        "|---" * (len(COLUMNS) + 1) + "|",
        "| budget | " + " | ".join(budgets) + " |",
        *(row(arguments.build, length) for length in LENGTHS),
    ]
    arguments.o.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
