"""The suite for machines with a GPU, end to end, with the emulator behind the driver's entry points: what packs, launches, judges and times is what runs there."""

import gzip
import json
import re
import subprocess
import sys

import pytest
from conftest import BUILD, ROOT

DRIVER = BUILD / "lib" / "libFFTConvCudaOnEmulator.so"


@pytest.fixture(scope="module")
def pack(tmp_path_factory):
    folder = tmp_path_factory.mktemp("suite") / "pack"
    done = subprocess.run([sys.executable, ROOT / "utils" / "gpu_pack.py", BUILD, folder, "--list=small"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "12 programs and 2 benchmarks for sm_90" in done.stdout
    return folder


def suite(folder, *flags):
    # From the pack alone: nothing of the project is found from there.
    return subprocess.run(
        [sys.executable, "gpu-suite.py", ".", f"--driver={DRIVER}", *flags], cwd=folder, capture_output=True, text=True, env={"PATH": "/usr/bin:/bin"}
    )


def test_end_to_end(pack):
    done = suite(pack, "--runs=2", "-o", "results.json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "12 programs right, 0 wrong" in done.stdout
    results = json.loads((pack / "results.json").read_text())
    assert results["device"] == "emulator" and results["emulated"]
    assert len(results["programs"]) == 12 and all(r["problem"] is None and 0 < r["error"] < 2e-2 for r in results["programs"])
    assert [r["length"] for r in results["benchmarks"]] == [1024, 512]
    for r in results["benchmarks"]:
        assert r["ms"] > 0 and r["copy_ms"] > 0 and r["predicted_ms"] > 0
    # Times of an emulator do not pass for measurements.
    assert "emulated: times mean nothing" in done.stdout and "measured" not in done.stdout


def damaged(pack, tmp_path, change):
    """A copy of a pack of one program whose PTX was changed."""
    contents = json.loads((pack / "pack.json").read_text())
    contents["programs"], contents["benchmarks"] = contents["programs"][:1], []
    (tmp_path / "pack.json").write_text(json.dumps(contents))
    (tmp_path / "gpu-suite.py").write_text((pack / "gpu-suite.py").read_text())
    (tmp_path / "p0.json").write_text((pack / "p0.json").read_text())
    text = gzip.decompress((pack / "p0.ptx.gz").read_bytes()).decode()
    assert change(text) != text
    (tmp_path / "p0.ptx.gz").write_bytes(gzip.compress(change(text).encode()))
    return suite(tmp_path, "--no-benchmarks")


def test_finds_wrong_results(pack, tmp_path):
    done = damaged(pack, tmp_path, lambda ptx: re.sub(r"fma\.rn\.f16x2 (.*), (.*), (.*), (.*);", r"fma.rn.f16x2 \1, \2, \3, \2;", ptx))
    assert done.returncode == 1
    assert "WRONG: error" in done.stdout and "0 programs right, 1 wrong" in done.stdout


def test_finds_stores_that_are_missing(pack, tmp_path):
    """Outputs are poisoned: what a kernel leaves out is no number, not what was there before."""
    def change(ptx):
        prepare, run = ptx.split(".entry conv1")
        return prepare + ".entry conv1" + re.sub(r"\n[^\n]*st\.global[^\n]*", "", run, count=1)

    done = damaged(pack, tmp_path, change)
    assert done.returncode == 1 and "WRONG: error nan" in done.stdout


def test_names_the_driver_s_errors(pack, tmp_path):
    done = damaged(pack, tmp_path, lambda ptx: ptx.replace(".visible .entry conv1", ".visible .entry conv9"))
    assert done.returncode == 1
    assert "WRONG: cuModuleGetFunction: CUDA_ERROR_NOT_FOUND" in done.stdout
