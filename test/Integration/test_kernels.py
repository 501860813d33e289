"""Kernels as PTX in the emulator, with all checks: the program list, other chips and precisions, and what the filter kernel computes."""

import json
import re

import numpy as np
import pytest
from conftest import call
from programs import Program, kernel_programs

CHIPS = ("sm_80", "sm_86", "sm_89", "sm_90", "sm_100", "sm_120")


def emulate(path, *flags):
    done = call("fftconv-run", path, "--device=emulator", "--seed=5", *flags)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def error_of(output):
    return float(re.search(r"relative RMS error ([^ ]+) ", output)[1])


def write(program, folder):
    path = folder / "program.mlir"
    path.write_text(program.mlir)
    return path


@pytest.mark.parametrize("program", list(kernel_programs()), ids=lambda p: f"{p}-rows{p.rows}")
def test_program(program, tmp_path):
    """Right, and the same bits whatever the order of the warps."""
    path, outputs = write(program, tmp_path), []
    for seed in (0, 7):
        outputs.append(tmp_path / f"y{seed}.npy")
        compare = ["--compare-with=reference", "--sample=2000"] if seed == 0 else []
        # Warps in a random order once; the checks are those of the other run.
        checks = [] if seed == 0 else ["--check=none"]
        out = emulate(path, f"--dim={program.rows}", f"--schedule={seed}", f"--output={outputs[-1]}", *compare, *checks)
        assert seed or "relative RMS error" in out
    assert outputs[0].read_bytes() == outputs[1].read_bytes()


# Every small radix, in a warp and in a CTA, one row and more than travel together; the last ones fit larger chips only.
@pytest.mark.parametrize("chip", CHIPS)
@pytest.mark.parametrize("length", [200, 500, 760, 1280, 1530, 1792, 2047, 12000, 16384, 24576, 28000])
def test_chips(chip, length, tmp_path):
    path = write(Program("causal", "none", "f16", length, 300, "?", 1), tmp_path)
    limit = {"sm_90": 32768, "sm_100": 32768, "sm_80": 32768}.get(chip, 24576)
    if length > limit:
        done = call("fftconv-run", path, "--device=emulator", f"--chip={chip}")
        assert done.returncode == 1 and "do not fit one pass" in done.stderr
        return
    emulate(path, f"--chip={chip}", "--dim=3", "--compare-with=reference", "--sample=1000")


# Relative RMS error with filters as long as the rows, as the table of the guide has it.
@pytest.mark.parametrize(
    "length, products, sums, limit",
    [
        (4096, "f16", "f32", 9e-4),
        (8192, "f16", "f32", 1e-3),
        (16384, "f16", "f32", 1.1e-3),
        (32768, "f16", "f32", 1.2e-3),
        (4096, "f32", "f32", 8e-4),
        (32768, "f32", "f32", 9.5e-4),
        (4096, "f16", "f16", 1e-3),
        (32768, "f16", "f16", 1.4e-3),
        (1024, "f16", "f32", 1e-3),
        (2048, "f16", "f32", 1.25e-3),
        (512, "f32", "f32", 9e-4),
    ],
)
def test_errors(length, products, sums, limit, tmp_path):
    path = write(Program("causal", "none", "f16", length, length, "2", 2), tmp_path)
    out = emulate(path, f"--products={products}", f"--sums={sums}", "--compare-with=reference")
    assert error_of(out) <= limit


@pytest.mark.parametrize("radices", [[16, 16], [16, 3, 16], [16, 16, 16], [16, 5, 16, 16], [16, 8, 16, 16]])
def test_spectra(radices, tmp_path):
    """The filter kernel rounds once what it computes in f32: all but a few values are the nearest f16, none is further than its neighbour."""
    points = int(np.prod(radices))
    program = Program("causal", "none", "f16", points, points + 5, "1", 2)
    path, ptx, manifest = write(program, tmp_path), tmp_path / "p.ptx", tmp_path / "p.json"
    done = call("fftconv-compile", path, "--chip=sm_90", "-o", ptx, f"--manifest={manifest}")
    assert done.returncode == 0, done.stderr
    launch = json.loads(manifest.read_text())["prepare"][0]
    taps = np.random.default_rng(3).standard_normal((2, program.taps)).astype(np.float32)
    np.save(tmp_path / "k.npy", taps)
    command = ["--kernel=" + launch["kernel"], "--grid=" + ",".join(map(str, launch["grid"]))]
    command += ["--block=" + ",".join(map(str, launch["block"])), f"--shared={launch['shared_bytes']}"]
    command += [f"--arg=in:f32:{tmp_path}/k.npy", f"--arg=out:f16:2x{2 * points}:{tmp_path}/s.npy", "--arg=i64:0"]
    done = call("fftconv-run", ptx, *command)
    assert done.returncode == 0, done.stdout + done.stderr
    # [head][tile][column / 8][lane][row / 8][plane][column % 2], lane = row % 8 * 4 + column % 8 / 2
    stored = np.load(tmp_path / "s.npy").reshape(2, -1, 2, 8, 4, 2, 2, 2)
    stored = stored.transpose(0, 1, 5, 3, 2, 4, 7, 6).reshape(2, -1, 16, 16, 2)
    angle = np.exp(-2j * np.pi * np.arange(points) * -0.25 / points)
    exact = np.fft.fft(taps[:, :points].astype(np.float64) * angle)
    # Frequency k1 + r1 (k2 + r2 (...)); tiles count digits before the last two, or k2 of three, the slowest first.
    digits = exact.reshape(2, *reversed(radices)).transpose(0, *range(len(radices), 0, -1))
    inside = (len(radices) - 1, len(radices)) if points > 2048 else (1, len(radices))
    outside = [d for d in range(1, len(radices) + 1) if d not in inside]
    expected = digits.transpose(0, *outside, *inside).reshape(2, -1, 16, 16)
    for plane, part in enumerate((expected.real, expected.imag)):
        nearest = part.astype(np.float16)
        ulps = np.abs(stored[..., plane].view(np.int16).astype(int) - nearest.view(np.int16))
        assert (ulps > 0).mean() < 2e-3
        assert ulps[np.abs(part) > 1].max(initial=0) <= 1


def test_manifest_runs_like_the_program(tmp_path):
    """The files that fftconv-compile writes, run on their own, give the bits that fftconv-run gives."""
    path = write(Program("causal", "none", "f16", 1000, 1500, "?", 3), tmp_path)
    done = call("fftconv-compile", path, "--chip=sm_90", "-o", tmp_path / "p.ptx", f"--manifest={tmp_path}/p.json")
    assert done.returncode == 0, done.stderr
    emulate(path, "--dim=9", f"--output={tmp_path}/a.npy")
    done = call("fftconv-run", tmp_path / "p.json", "--seed=5", "--dim=9", f"--output={tmp_path}/b.npy")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "a.npy").read_bytes() == (tmp_path / "b.npy").read_bytes()


def test_layers_in_sequence(tmp_path):
    """Two convolutions, one after the other, share no buffer and run in order."""
    (tmp_path / "p.mlir").write_text(
        """
        func.func @f(%u: tensor<?x2x300xf16>, %k: tensor<2x300xf32>, %l: tensor<2x9xf32>) -> (tensor<?x2x300xf16>, tensor<?x2x300xf16>) {
          %y = fftconv.conv causal %u, %k : tensor<?x2x300xf16>, tensor<2x300xf32>
          %z = fftconv.conv causal %y, %l : tensor<?x2x300xf16>, tensor<2x9xf32>
          return %y, %z : tensor<?x2x300xf16>, tensor<?x2x300xf16>
        }
        """
    )
    out = emulate(tmp_path / "p.mlir", "--dim=5", "--compare-with=reference")
    assert out.count("relative RMS error") == 2
