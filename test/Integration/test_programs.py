"""Every program of the list, on every executor, against the direct sum."""

import math
import os

import pytest
from conftest import call
from programs import Program, all_programs, sample_programs

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


# Blocks are for GPUs, but a plan that says so runs anywhere.
@pytest.mark.parametrize(
    "gates, type_, length, taps, radices",
    [
        ("none", "f32", 96, 96, [2, 6, 8]),
        ("all", "f16", 1000, 1500, [4, 4, 8, 8]),
        ("skip", "bf16", 1024, 30, [8, 16, 8]),
        ("none", "f32", 250, 250, [2, 16, 8]),
        ("both", "f32", 64, 64, [8, 8]),
    ],
    ids=str,
)
def test_blocks_on_a_cpu(gates, type_, length, taps, radices, tmp_path):
    path = tmp_path / "program.mlir"
    plan = f'<blocks = {radices[0]}, points = {math.prod(radices)}, radices = {radices}, theta = i, compute = {type_}, chip = "cpu">'
    convolution, result = Program("causal", gates, type_, length, taps, "?", 3).mlir.split("\n  return")
    operands, types = convolution.rsplit(" : ", 1)
    path.write_text(f"{operands} plan {plan} : {types}\n  return{result}")
    done = call("fftconv-run", path, "--device=cpu", "--compare-with=reference", "--sample=2000", "--dim=3", "--seed=5")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "relative RMS error" in done.stdout
