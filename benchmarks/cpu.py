"""Times causal f32 convolutions on one thread: our CPU path against scipy.fft (rfft of the padded rows, product, irfft).

Both transform the filter in every call. Each length is timed in turns, ours and scipy's, and the medians are compared: the ratio means
something on a noisy machine, the times alone do not. The limit is a ratio of 2; the exit code is 1 where a length is above it.
"""

import argparse
import datetime
import json
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import scipy
import scipy.fft

LENGTHS = [2**p for p in range(10, 17)] + [1000, 5000, 48502]
HEADS, LIMIT, TURNS = 4, 2.0, 5


def program(batch, length):
    u, k = f"tensor<{batch}x{HEADS}x{length}xf32>", f"tensor<{HEADS}x{length}xf32>"
    return f"func.func @f(%u: {u}, %k: {k}) -> {u} {{\n  %y = fftconv.conv causal %u, %k : {u}, {k}\n  return %y : {u}\n}}\n"


def time_ours(tools, folder, batch, length):
    """(median seconds of a call, plan)"""
    (folder / "f.mlir").write_text(program(batch, length))
    subprocess.run(
        [tools / "fftconv-run", folder / "f.mlir", "--repeat=5", f"--report={folder / 'f.json'}"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    report = json.loads((folder / "f.json").read_text())
    return report["seconds"], report["plans"][0]


def time_scipy(u, k):
    length = u.shape[-1]
    size = scipy.fft.next_fast_len(2 * length - 1, real=True)
    seconds = []
    for _ in range(5):
        begin = time.perf_counter()
        spectrum = scipy.fft.rfft(u, size, workers=1)
        spectrum *= scipy.fft.rfft(k, size, workers=1)
        scipy.fft.irfft(spectrum, size, workers=1, overwrite_x=True)[..., :length]
        seconds.append(time.perf_counter() - begin)
    return statistics.median(seconds)


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("-o", "--output", type=pathlib.Path, help="write the results as JSON")
    options = parser.parse_args()
    tools, rng, rows = options.build.resolve() / "bin", np.random.default_rng(0), []
    print(f"{processor()}, one thread, numpy {np.__version__}, scipy {scipy.__version__}; microseconds per row")
    print(f"{'length':>7} {'rows':>5} {'points':>7}  {'radices':<22} {'fftconv':>9} {'scipy':>9}  ratio (limit {LIMIT:g})")
    with tempfile.TemporaryDirectory() as folder:
        for length in LENGTHS:
            # About a million points, as a small batch of a model has; never below four rows of each head.
            batch = max(4, 2**18 // length)
            u = rng.standard_normal((batch, HEADS, length), dtype=np.float32)
            k = rng.standard_normal((HEADS, length), dtype=np.float32)
            ours, theirs = [], []
            for _ in range(TURNS):
                seconds, plan = time_ours(tools, pathlib.Path(folder), batch, length)
                ours.append(seconds)
                theirs.append(time_scipy(u, k))
            row = {
                "length": length,
                "rows": batch * HEADS,
                "points": plan["points"],
                "radices": plan["radices"],
                "fftconv_us": statistics.median(ours) / (batch * HEADS) * 1e6,
                "scipy_us": statistics.median(theirs) / (batch * HEADS) * 1e6,
            }
            row["ratio"] = row["fftconv_us"] / row["scipy_us"]
            rows.append(row)
            radices = " x ".join(map(str, row["radices"]))
            print(
                f"{length:>7} {row['rows']:>5} {row['points']:>7}  {radices:<22} {row['fftconv_us']:>9.1f}"
                f" {row['scipy_us']:>9.1f}  {row['ratio']:.2f}",
                flush=True,
            )
    if options.output:
        command = "benchmarks/cpu.sh"
        result = {"date": datetime.date.today().isoformat(), "processor": processor(), "command": command, "rows": rows}
        result |= {"numpy": np.__version__, "scipy": scipy.__version__, "heads": HEADS, "limit": LIMIT}
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(json.dumps(result, indent=1) + "\n")
    sys.exit(any(row["ratio"] > LIMIT for row in rows))


if __name__ == "__main__":
    main()
