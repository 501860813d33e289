"""What kernels cost, pinned from above: benchmarks/static.py measures it. Assembles for every chip where ptxas is there."""

import shutil
import subprocess
import sys

import pytest
from conftest import BUILD, ROOT, call
from programs import Program

sys.path.insert(0, str(ROOT / "benchmarks"))
import static  # noqa: E402

PTXAS = shutil.which("ptxas") or shutil.which("ptxas", path="/usr/local/cuda/bin")


@pytest.mark.parametrize("length", static.LENGTHS)
def test_counts(length):
    """mma, instructions, wavefronts, sectors, barriers, spills, error within their limits; the cost model's counts are the emulator's."""
    assert not static.problems(static.measure(BUILD / "bin", length))


# Rows that end inside a copy, narrow copies, other chips: the cost model knows them too. Sectors that two rows share are not in it.
@pytest.mark.parametrize("length, chip", [(80, "sm_90"), (432, "sm_80"), (1600, "sm_120"), (5008, "sm_86"), (20000, "sm_90"), (9216, "sm_89"), (101, "sm_90"), (32767, "sm_90")])
def test_model(length, chip):
    result = static.measure(BUILD / "bin", length, chip)
    for name, value in result["model"].items():
        if name == "sectors" and length % 16:
            continue
        assert value == pytest.approx(result["counted"][name], rel=1e-9), name


@pytest.mark.skipif(PTXAS is None, reason="needs ptxas")
@pytest.mark.parametrize("chip", ["sm_80", "sm_86", "sm_89", "sm_90", "sm_100", "sm_120"])
def test_assembles(chip, tmp_path):
    """Every small radix in a warp and in a CTA, narrow copies, both precisions."""
    for length, flags in [(256, []), (777, []), (1792, ["--products=f32"]), (2046, []), (4096, ["--sums=f16"]), (12287, []), (20480, ["--products=f32"])]:
        path = tmp_path / "p.mlir"
        path.write_text(Program("causal", "none", "f16", length, 99, "?", 2).mlir)
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


def test_without_ptxas(tmp_path):
    path = tmp_path / "p.mlir"
    path.write_text(Program("causal", "none", "f16", 500, 99, "?", 2).mlir)
    if PTXAS and PTXAS.startswith("/usr/local/cuda"):
        pytest.skip("ptxas is where it is always looked for")
    done = call("fftconv-compile", path, "--chip=sm_90", "-o", tmp_path / "p.cubin")
    assert done.returncode == 1 and "needs ptxas" in done.stderr
    assert not (tmp_path / "p.cubin").exists()
