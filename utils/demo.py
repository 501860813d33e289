"""Convolves the genome of the phage lambda with a long implicit filter, on the CPU and as GPU kernels in the emulator, and compares with the
direct sum.

The genome (FASTA, from Debian's bowtie2-examples) is one-hot encoded and embedded into 16 channels. Each channel has a filter as long
as the sequence, a sum of decaying sinusoids as in Hyena, and a gate that depends on the base. examples/genome.mlir is planned,
compiled and run on the CPU once for every type that stages can compute in, and a random sample of outputs is compared with the sum
that defines them. A window of 32,768 bases (examples/genome-window.mlir, f16, without gate and skip) is compiled to PTX for an H100; that PTX
runs in the emulator, with all checks, beside the same program on the CPU.
"""

import gzip
import json
import pathlib
import subprocess
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

GENOME = "/usr/share/doc/bowtie2/examples/reference/lambda_virus.fa.gz"
EXAMPLES = pathlib.Path(__file__).parent.parent / "examples"
PROGRAM, WINDOW = EXAMPLES / "genome.mlir", EXAMPLES / "genome-window.mlir"
CHANNELS, SAMPLE, SEED, BASES = 16, 4096, 2026, 32768


def read_genome():
    """The bases as 0..3."""
    with gzip.open(GENOME, "rt") as file:
        text = "".join(line.strip() for line in file if not line.startswith(">"))
    return np.array(["ACGT".index(base) for base in text])


def make_inputs(bases, rng):
    """u[1, H, L], filter[H, L], gate[1, H, L], skip[H], all f32."""
    one_hot = np.eye(4)[bases].T
    length = len(bases)
    u = rng.standard_normal((CHANNELS, 4)) @ one_hot
    gate = 1 / (1 + np.exp(-rng.standard_normal((CHANNELS, 4)) @ one_hot))
    t = np.arange(length)
    modes = 4
    decay = np.geomspace(50, length / 3, CHANNELS * modes).reshape(modes, CHANNELS).T[:, :, None]
    period = rng.uniform(8, 4000, (CHANNELS, modes, 1))
    phase = rng.uniform(0, 2 * np.pi, (CHANNELS, modes, 1))
    taps = (np.exp(-t / decay) * np.sin(2 * np.pi * t / period + phase)).sum(1)
    taps /= np.linalg.norm(taps, axis=1, keepdims=True)
    skip = rng.standard_normal(CHANNELS)
    return [array.astype(np.float32) for array in (u[None], taps, gate[None], skip)]


def run(tools, program, inputs, result, *flags):
    """Runs a program and compares a sample of its outputs; the report."""
    report = result.with_suffix(".json")
    command = [tools / "fftconv-run", program, *flags, *(f"--input={path}" for path in inputs), f"--output={result}"]
    command += ["--compare-with=reference", f"--sample={SAMPLE}", f"--seed={SEED}", f"--report={report}"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"{done.stdout}fftconv-run failed")
    return json.loads(report.read_text())


def run_window(tools, output, bases, rng):
    """A window of the genome as a kernel: compiled, reported, run in the emulator next to the CPU path."""
    u, taps, _, _ = make_inputs(bases[:BASES], rng)
    paths = [output / "window-u.npy", output / "window-filter.npy"]
    np.save(paths[0], u.astype(np.float16))
    np.save(paths[1], taps)
    ptx, manifest = output / "window.ptx", output / "window.json"
    command = [tools / "fftconv-compile", WINDOW, "--chip=sm_90", "-o", ptx, f"--manifest={manifest}", "--report"]
    report = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    print(f"\na window of {BASES:,} bases as kernels for an H100:\n{report}", end="")
    for device in ("cpu", "emulator"):
        described = run(tools, WINDOW, paths, output / f"window-y-{device}.npy", f"--device={device}", "--compute=f16")
        error, budget = described["results"][0]["error"], described["results"][0]["budget"]
        print(f"{device:>8}: error against the direct sum {error:.1e}, allowed {budget:.1e}")
    # The very files, once more: what a launcher would read.
    files = [f"--input={path}" for path in paths] + [f"--output={output / 'window-y.npy'}"]
    subprocess.run([tools / "fftconv-run", manifest, *files], stdout=subprocess.DEVNULL, check=True)
    ours, other = (np.load(output / f"window-y{name}.npy").astype(np.float64) for name in ("", "-cpu"))
    same = (output / "window-y.npy").read_bytes() == (output / "window-y-emulator.npy").read_bytes()
    print(f"window.ptx by window.json: {'the same bits' if same else 'OTHER BITS'}; {np.linalg.norm(ours - other) / np.linalg.norm(other):.1e} from the CPU")
    if not same:
        sys.exit("the manifest's kernels gave other bits than fftconv-run")


def plot(output, u, taps, y):
    figure, axes = plt.subplots(3, 1, figsize=(9, 6.5), layout="constrained")
    length = u.shape[-1]
    axes[0].plot(u[0, 0, :400], lw=0.7)
    axes[0].set_title("input: channel 0 of the embedded genome, first 400 bases")
    axes[1].plot(taps[0], lw=0.4)
    axes[1].set_title(f"filter of channel 0, {length:,} taps")
    axes[2].plot(y[0, 0], lw=0.2)
    axes[2].set_title(f"output of channel 0, {length:,} bases")
    axes[2].set_xlabel("base")
    figure.savefig(output / "genome.png", dpi=110)


def main():
    build, output = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    output.mkdir(parents=True, exist_ok=True)
    bases = read_genome()
    tensors = make_inputs(bases, np.random.default_rng(SEED))
    paths = [output / f"{name}.npy" for name in ("u", "filter", "gate", "skip")]
    for path, tensor in zip(paths, tensors):
        np.save(path, tensor)
    print(f"phage lambda, {len(bases):,} bases, {CHANNELS} channels: causal convolution, filter of {len(bases):,} taps, gate, skip")
    tools = build / "bin"
    subprocess.run([tools / "fftconv-compile", PROGRAM, "--emit=plan", "-o", output / "genome.plan.mlir"], check=True)
    print(f"{'stages':>6} {'length':>7} {'points':>7}  {'radices':<22} {'time':>8}  error against the direct sum ({SAMPLE} outputs)")
    for compute in ("f32", "f16", "bf16"):
        report = run(tools, PROGRAM, paths, output / f"y-{compute}.npy", "--device=cpu", f"--compute={compute}", "--repeat=5")
        plan, result = report["plans"][0], report["results"][0]
        radices = " x ".join(map(str, plan["radices"]))
        print(
            f"{compute:>6} {plan['length']:>7} {plan['points']:>7}  {radices:<22} {report['seconds'] * 1e3:>5.1f} ms"
            f"  {result['error']:.1e}, allowed {result['budget']:.1e}"
        )
    plot(output, tensors[0], tensors[1], np.load(output / "y-f32.npy"))
    run_window(tools, output, bases, np.random.default_rng(SEED))
    print(f"\nplan, kernels, arrays and plot are in {output.name}: genome.plan.mlir, window.ptx, window.json, *.npy, genome.png")


if __name__ == "__main__":
    main()
