"""Every program of the list, on every executor, against the direct sum."""

import os

import pytest
from conftest import call
from programs import all_programs, sample_programs

PROGRAMS = list(all_programs() if os.environ.get("FFTCONV_ALL_PROGRAMS") else sample_programs())


# There are no f32 kernels yet; test_f32_is_refused sees to it that this is said.
RUNS = [("cpu", p) for p in PROGRAMS] + [("emulator", p) for p in PROGRAMS if p.type != "f32"]


def test_f32_is_refused(tmp_path):
    (tmp_path / "program.mlir").write_text(next(p for p in PROGRAMS if p.type == "f32").mlir)
    done = call("fftconv-run", tmp_path / "program.mlir", "--device=emulator")
    assert done.returncode == 1 and "has no kernel for sm_90: kernels compute f16 tensors" in done.stderr


@pytest.mark.parametrize("device, program", RUNS, ids=str)
def test_program(device, program, tmp_path):
    path = tmp_path / "program.mlir"
    path.write_text(program.mlir)
    done = call(
        "fftconv-run", path, f"--device={device}", "--compare-with=reference", "--sample=2000", "--dim=3", "--seed=5"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "relative RMS error" in done.stdout
