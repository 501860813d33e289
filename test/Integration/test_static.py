"""What kernels cost, pinned from above: benchmarks/static.py measures it. Assembles for every chip where ptxas is there."""

import shutil
import subprocess
import sys

import numpy as np
import pytest
from conftest import BUILD, ROOT, call
from programs import Program, tuning

sys.path.insert(0, str(ROOT / "benchmarks"))
import fit  # noqa: E402
import static  # noqa: E402

PTXAS = shutil.which("ptxas") or shutil.which("ptxas", path="/usr/local/cuda/bin")


@pytest.mark.parametrize("length", static.LENGTHS)
def test_counts(length):
    """mma, slots, wavefronts, sectors, barriers, spills, error within their limits; the cost model's counts are the emulator's."""
    assert not static.problems(static.measure(BUILD / "bin", length))


# Gates, bf16, two rows in one: no more mma, 8 bytes of each output with both gates, and those of the spectrum.
@pytest.mark.parametrize(
    "length, variant, mma, slots, spills",
    [
        # Rows in blocks fill 128 registers at 4096 points.
        (4096, {"gated": True}, 0.094, 260, 44),
        (1024, {"gated": True}, 0.063, 220, 0),
        (4096, {"type_": "bf16"}, 0.094, 290, 32),
        (32768, {"type_": "bf16"}, 0.094, 360, 0),
        (4096, {"boundary": "bidirectional"}, 0.094, 255, 0),
        (4096, {"boundary": "circular"}, 0.047, 150, 0),
        (8192, {"boundary": "circular", "gated": True}, 0.063, 195, 16),
        # One stage of input, which meets its gate on the way.
        (32768, {"boundary": "circular", "gated": True}, 0.063, 235, 0),
        # Three products of halves for one; about as many instructions more.
        (4096, {"type_": "f32"}, 3 * 0.094, 1160, 0),
        (4096, {"type_": "f32", "gated": True}, 3 * 0.094, 1190, 0),
        (1024, {"type_": "f32"}, 3 * 0.063, 820, 0),
        (16384, {"type_": "f32"}, 3 * 0.094, 1300, 0),
    ],
    ids=str,
)
def test_variants(length, variant, mma, slots, spills):
    result = static.measure(BUILD / "bin", length, **variant)
    assert result["mma"] <= mma
    assert result.get("slots_per_256", 0) <= slots
    wide = variant.get("type_") == "f32"
    assert result.get("ptxas", {}).get("spill_bytes", 0) <= spills
    assert result["exchange_wavefronts_over_ideal"] == result["sectors_over_ideal"] == 1
    # Bulk copies have one more before a CTA's first group, and here it has no other.
    assert result["barriers_per_group"] == (4 + wide if length > 2048 else 0) + (result["copies"] == "bulk")
    for name, value in result["model"].items():
        assert value == pytest.approx(result["counted"][name], rel=1e-9), name
    assert result["hbm_bytes"] == pytest.approx(((8 if variant.get("gated") else 4) + 4 / static.BATCH) * (1 + wide))


# Warpgroups: products by four warps at once (a wgmma counts once for each), fewer slots, wavefronts of their matrices besides. Spills are outside of loops over rows.
@pytest.mark.parametrize(
    "length, type_, radices, warps, values, rows, slots, spills",
    [
        (1024, "f16", [2, 32, 16], 4, 32, 8, 125, 0), (2048, "f16", [4, 32, 16], 8, 32, 8, 130, 0), (4096, "f16", [4, 32, 2, 16], 8, 32, 4, 150, 0),
        (8192, "f16", [4, 32, 4, 16], 16, 64, 4, 160, 28), (16384, "f16", [4, 32, 4, 32], 16, 64, 2, 160, 8), (32768, "f16", [4, 32, 4, 2, 32], 16, 64, 1, 180, 64),
        (1024, "bf16", [2, 32, 16], 4, 32, 8, 160, 0), (4096, "bf16", [2, 32, 2, 32], 8, 32, 4, 175, 0), (16384, "bf16", [4, 32, 2, 2, 32], 8, 32, 1, 235, 48),
    ],
    ids=str,
)
def test_warpgroups(length, type_, radices, warps, values, rows, slots, spills, tmp_path):
    flag = tuning(tmp_path / "t.json", length, radices, warps, values, rows, type=type_, blocks=radices[0])
    result = static.measure(BUILD / "bin", length, "sm_90a", [flag], type_=type_)
    assert result["radices"] == radices
    assert result["mma"] <= 0.028
    assert result.get("slots_per_256", 0) <= slots
    assert result.get("ptxas", {}).get("spill_bytes", 0) <= spills
    assert result["exchange_wavefronts_over_ideal"] == result["sectors_over_ideal"] == 1
    assert result["error"] <= (1e-2 if type_ == "bf16" else 1.3e-3)
    for name, value in result["model"].items():
        assert value == pytest.approx(result["counted"][name], rel=1e-9), name


# Bulk copies: as many instructions for each piece of a row that digit 1 makes, so that long rows take fewer, short ones more; the rest is as it is without.
@pytest.mark.parametrize(
    "length, variant, slots",
    [
        (1024, {}, 290), (1024, {"type_": "f32"}, 820), (4096, {}, 290), (4096, {"gated": True}, 325),
        (4096, {"type_": "f32", "gated": True}, 1235), (16384, {}, 365), (32768, {}, 390),
    ],
    ids=str,
)
def test_bulk_copies(length, variant, slots):
    result = static.measure(BUILD / "bin", length, flags=["--copies=bulk"], **variant)
    assert result["copies"] == "bulk"
    assert result.get("slots_per_256", 0) <= slots
    # Where the planner takes them by itself nothing spills.
    assert result.get("ptxas", {}).get("spill_bytes", 0) <= (0 if (length, variant) == (1024, {"type_": "f32"}) else 32)
    assert result["exchange_wavefronts_over_ideal"] == result["sectors_over_ideal"] == 1
    for name, value in result["model"].items():
        assert value == pytest.approx(result["counted"][name], rel=1e-9), name


@pytest.mark.parametrize(
    "length, variant, spills", [(4096, {}, 0), (1024, {"gated": True}, 0), (16384, {}, 24), (4096, {"type_": "f32", "gated": True}, 0), (4096, {"boundary": "circular", "type_": "bf16"}, 0)], ids=str
)
def test_channels_last(length, variant, spills):
    """No more mma, exchanges at their ideal, no spills but in blocks, the bytes of any other layout; the cost model's counts are the emulator's."""
    result = static.measure(BUILD / "bin", length, channels_last=True, heads=8, **variant)
    wide = variant.get("type_") == "f32"
    assert result["mma"] <= 0.094 * (3 if wide else 1) * result["points"] / length
    assert result["exchange_wavefronts_over_ideal"] == 1
    assert result.get("ptxas", {}).get("spill_bytes", 0) <= spills
    for name, value in result["model"].items():
        assert value == pytest.approx(result["counted"][name], rel=1e-9), name


@pytest.mark.parametrize("taps", static.DIRECT_LIMITS)
@pytest.mark.parametrize("variant", [{}, {"type_": "bf16", "gated": True}], ids=str)
def test_direct(taps, variant):
    """Short filters: mma within the limit and as the model says, 4 bytes of each output (8 with both gates), no barrier."""
    result = static.measure_direct(BUILD / "bin", taps, **variant)
    assert not static.direct_problems(result)
    assert result["barriers"] == 0
    assert result["hbm_bytes"] == pytest.approx((8 if variant else 4) + 4 * taps / static.DIRECT_LENGTH / static.BATCH)


# Rows that end inside a copy, narrow copies, other chips: the cost model knows them too. Sectors that two rows share are not in it.
@pytest.mark.parametrize("length, chip", [(80, "sm_90"), (432, "sm_80"), (1600, "sm_120"), (5008, "sm_86"), (20000, "sm_90"), (9216, "sm_89"), (101, "sm_90"), (32767, "sm_90")])
def test_model(length, chip):
    result = static.measure(BUILD / "bin", length, chip)
    for name, value in result["model"].items():
        if name == "sectors" and length % 16:
            continue
        assert value == pytest.approx(result["counted"][name], rel=1e-9), name


# Groups that are not full: rows without a partner are computed beside one of zeros, or twice. Heads that are no multiple of a sector share some.
@pytest.mark.parametrize(
    "length, variant",
    [
        (1024, {"batch": 43}), (1024, {"batch": 45}), (4096, {"batch": 7}), (8192, {"batch": 13, "gated": True}), (4096, {"batch": 11, "boundary": "circular"}),
        (4096, {"batch": 5, "channels_last": True, "heads": 13}), (16384, {"batch": 3}),
    ],
    ids=str,
)
def test_model_of_groups(length, variant):
    result = static.measure(BUILD / "bin", length, **variant)
    for name, value in result["model"].items():
        if name != "sectors" or "channels_last" not in variant:
            assert value == pytest.approx(result["counted"][name], rel=1e-9), name


@pytest.mark.parametrize(
    "kind, constants, error, regret",
    # Chip::issueRate, slotsPerLoad (KernelParts.h) and what KernelCost.cpp has.
    [
        ("shared", [4 / 2.84, 1.63 / 2.84, 6.8e-7 * fit.CLOCK], 0.06, 0.01),
        ("owned", [0.96 * 4 / 2.84], 0.075, None),
        ("warpgroups", [0.7 * 4 / 2.84, 2.45, 0.88], 0.06, 0.04),
    ],
)
def test_fit(kind, constants, error, regret):
    """What the cost model takes for slots, loads, waits and shared memory is what fits the kernels that were timed; and it finds plans that are all but as fast as the fastest."""
    kernels = [kernel for kernel in fit.timed_kernels() if kernel["kind"] == kind]
    assert fit.fit(kernels) == pytest.approx(constants, rel=0.01)
    fitted = [kernel for kernel in kernels if kernel["near"] and fit.length(kernel) <= 16384]
    errors = np.array([fit.by_the_fit(kernel, constants) / fit.clocks(kernel) - 1 for kernel in fitted])
    assert len(errors) > 100 and np.sqrt(np.mean(errors**2)) < error
    if regret:
        assert np.mean(list(fit.regrets(kernels, constants).values())) < regret


@pytest.mark.skipif(PTXAS is None, reason="needs ptxas")
@pytest.mark.parametrize("chip", ["sm_80", "sm_86", "sm_89", "sm_90", "sm_90a", "sm_100", "sm_120"])
def test_assembles(chip, tmp_path):
    """Every small radix in a warp and in a CTA, narrow copies, both precisions."""
    for type_, length, taps, flags in [("f32", 4096, 99, []), ("f32", 1536, 99, []), ("bf16", 2046, 99, ["--compute=f16", "--method=fft"]), ("f16", 4096, 128, []), ("bf16", 1001, 7, [])]:
        path = tmp_path / "p.mlir"
        path.write_text(Program("bidirectional", "all", type_, length, taps, "?", 2, channels_last=type_ == "f32").mlir)
        done = call("fftconv-compile", path, f"--chip={chip}", "-o", tmp_path / "p.ptx", *flags)
        assert done.returncode == 0, done.stderr
        done = subprocess.run([PTXAS, f"-arch={chip}", tmp_path / "p.ptx", "-o", tmp_path / "p.cubin"], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    for length, flags in [(256, []), (777, []), (1792, ["--products=f32"]), (2046, []), (4096, ["--sums=f16"]), (12287, []), (20480, ["--products=f32"])]:
        path = tmp_path / "p.mlir"
        path.write_text(Program("causal", "none", "f16", length, 299, "?", 2).mlir)
        done = call("fftconv-compile", path, f"--chip={chip}", "-o", tmp_path / "p.ptx", *flags)
        assert done.returncode == 0, done.stderr
        done = subprocess.run([PTXAS, f"-arch={chip}", tmp_path / "p.ptx", "-o", tmp_path / "p.cubin"], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


@pytest.mark.skipif(PTXAS is None, reason="needs ptxas")
def test_cubin_and_fatbin(tmp_path):
    path = tmp_path / "p.mlir"
    path.write_text(Program("causal", "none", "f16", 500, 99, "?", 2).mlir)
    for form, magic in (("cubin", b"\x7fELF"), ("fatbin", b"\x50\xed\x55\xba")):
        done = call("fftconv-compile", path, "--chip=sm_90", "-o", tmp_path / f"p.{form}")
        assert done.returncode == 0, done.stderr
        assert (tmp_path / f"p.{form}").read_bytes()[:4] == magic


def test_without_ptxas(tmp_path, monkeypatch):
    """PTX and its report need no CUDA; machine code says what it needs, and leaves nothing behind."""
    monkeypatch.setenv("CUDA_HOME", str(tmp_path / "nowhere"))
    path = tmp_path / "p.mlir"
    path.write_text(Program("causal", "none", "f16", 500, 99, "?", 2).mlir)
    for form in ("cubin", "fatbin"):
        done = call("fftconv-compile", path, "--chip=sm_90", "-o", tmp_path / f"p.{form}")
        assert done.returncode == 1 and "needs ptxas of the CUDA toolkit" in done.stderr
        assert not (tmp_path / f"p.{form}").exists()
    done = call("fftconv-compile", path, "--chip=sm_90", "-o", tmp_path / "p.ptx", "--report")
    assert done.returncode == 0 and "registers not known without ptxas" in done.stdout


def test_foreign_kernels(tmp_path):
    """A gpu.module of somebody else's beside ours: an error that names the op, never an abort."""
    path = tmp_path / "p.mlir"
    foreign = "gpu.module @other { gpu.func @k() kernel attributes {known_block_size = array<i32: 32, 1, 1>} { gpu.barrier gpu.return } }"
    path.write_text(foreign + Program("causal", "none", "f16", 500, 99, "?", 2).mlir)
    done = call("fftconv-compile", path, "--chip=sm_90", "-o", tmp_path / "p.ptx")
    assert done.returncode == 1 and "'gpu.barrier' op is not an op of a kernel that can be lowered" in done.stderr
    assert not (tmp_path / "p.ptx").exists()
