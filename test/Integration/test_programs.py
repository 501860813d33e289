"""Every program of the list, on every executor, against the direct sum."""

import os

import pytest
from conftest import call
from programs import all_programs, sample_programs

PROGRAMS = list(all_programs() if os.environ.get("FFTCONV_ALL_PROGRAMS") else sample_programs())


@pytest.mark.parametrize("device", ["cpu", "emulator"])
@pytest.mark.parametrize("program", PROGRAMS, ids=str)
def test_program(device, program, tmp_path):
    path = tmp_path / "program.mlir"
    path.write_text(program.mlir)
    done = call(
        "fftconv-run", path, f"--device={device}", "--compare-with=reference", "--sample=2000", "--dim=3", "--seed=5"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "relative RMS error" in done.stdout
