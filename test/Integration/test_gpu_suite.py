"""The suite for machines with a GPU, end to end, with the emulator behind the driver's entry points: what packs, launches, judges and times is what runs there."""

import dataclasses
import gzip
import json
import re
import subprocess
import sys

import pytest
from conftest import BUILD, ROOT, call
from programs import Program

DRIVER = BUILD / "lib" / "libFFTConvCudaOnEmulator.so"


@pytest.fixture(scope="module")
def pack(tmp_path_factory):
    folder = tmp_path_factory.mktemp("suite") / "pack"
    done = subprocess.run([sys.executable, ROOT / "utils" / "gpu_pack.py", BUILD, folder, "--list=small", "--autotune"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "26 programs and 3 benchmarks for sm_90" in done.stdout
    return folder


def suite(folder, *flags):
    # From the pack alone: nothing of the project is found from there.
    return subprocess.run(
        [sys.executable, "gpu-suite.py", ".", f"--driver={DRIVER}", *flags], cwd=folder, capture_output=True, text=True, env={"PATH": "/usr/bin:/bin"}
    )


def test_end_to_end(pack):
    done = suite(pack, "--runs=2", "-o", "results.json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "26 programs right, 0 wrong" in done.stdout
    results = json.loads((pack / "results.json").read_text())
    assert results["device"] == "emulator" and results["emulated"]
    assert len(results["programs"]) == 26 and all(r["problem"] is None and 0 < r["error"] < 2e-2 for r in results["programs"])
    assert [r["length"] for r in results["benchmarks"]] == [1024, 512, 4096]
    for r in results["benchmarks"]:
        assert r["ms"] > 0 and r["copy_ms"] > 0 and r["predicted_ms"] > 0
    # How far off the cost model is, by the limit that it takes to bind.
    for limit, found in results["calibration"].items():
        ratios = sorted(r["ms"] / r["predicted_ms"] for r in results["benchmarks"] if r["binds"] == limit)
        assert found["benchmarks"] == len(ratios) and ratios[0] <= found["time_over_prediction"] <= ratios[-1]
    assert sum(found["benchmarks"] for found in results["calibration"].values()) == 3
    # Times of an emulator do not pass for measurements.
    assert "emulated: times mean nothing" in done.stdout and "measured" not in done.stdout


def test_autotune(pack, tmp_path):
    """Every plan of a program is timed, the fastest is written down, and the planner takes it for that program and no other."""
    done = suite(pack, "--runs=1", "--no-benchmarks", f"--autotune={tmp_path}/tuning.json", "-o", "results.json")
    assert done.returncode == 0, done.stdout + done.stderr
    times = json.loads((pack / "results.json").read_text())["tuning"]
    tuning = json.loads((tmp_path / "tuning.json").read_text())
    assert tuning["emulated"] and len(tuning["plans"]) == len(times) == 2 and all(len(t) >= 3 for t in times.values())
    for plan, timed in zip(tuning["plans"], times.values()):
        fastest = min(timed, key=lambda t: t["ms"])
        assert {key: plan[key] for key in fastest["plan"]} == fastest["plan"]

    # Whatever was fastest: take one that is not the planner's.
    causal, circular = tuning["plans"]
    causal["warps"] = causal["rows"] = 2
    circular["rows"] = 1 + circular["rows"] % 2
    (tmp_path / "tuning.json").write_text(json.dumps(tuning))

    def plan_of(program, *flags):
        (tmp_path / "p.mlir").write_text(program.mlir)
        done = call("fftconv-compile", tmp_path / "p.mlir", "--chip=sm_90", "--emit=plan", f"--tuning={tmp_path}/tuning.json", *flags)
        return done.stdout + done.stderr

    known = Program("causal", "none", "f16", 1024, 1024, "?", 4)
    assert "warps = 2, values = 32, rows = 2" in plan_of(known)
    assert f"rows = {circular['rows']}," in plan_of(Program("circular", "post", "f16", 4096, 500, "3", 2))
    for other in (dict(length=1023), dict(heads=5), dict(batch="64"), dict(gates="pre"), dict(type="bf16"), dict(channels_last=True)):
        assert "warps = 2," not in plan_of(dataclasses.replace(known, **other))
    assert "warps = 2," not in plan_of(known, "--products=f32")

    # What cannot be is an error at the convolution.
    for change, message in (
        (dict(rows=3), "as many rows as warps"),
        (dict(radices=[16, 3, 16], blocks=1), "a plan of 768 points does not serve length 1024"),
        (dict(theta="one", blocks=1), "a plan with theta = one serves circular convolutions only"),
        (dict(theta="two"), "theta is i or one, not 'two'"),
        (dict(radices=[16, 9, 16], blocks=1), "does not fit one pass on sm_90"),
        (dict(warps=64, rows=64), "warps must be a power of two up to 32"),
    ):
        (tmp_path / "tuning.json").write_text(json.dumps({"version": 1, "plans": [{**causal, **change}]}))
        assert message in plan_of(known)
    (tmp_path / "tuning.json").write_text('{"version": 2, "plans": []}')
    assert "no tuning: tuning file of version 2, this reads version 1" in plan_of(known)
    (tmp_path / "tuning.json").write_text('{"version": 1, "plans": [{}]}')
    assert "no tuning: missing value at tuning.plans[0]" in plan_of(known)


RESULTS = ROOT / "benchmarks" / "results"


@pytest.mark.parametrize("chip", ["sm_90", "sm_90a"])
@pytest.mark.parametrize("path", sorted(RESULTS.glob("*-tuning.json")), ids=lambda path: path.stem)
def test_tuning_files_that_are_kept(path, chip, tmp_path):
    """The planner takes every plan of a tuning file that measurements left."""
    plans = [plan for plan in json.loads(path.read_text())["plans"] if plan["chip"] == chip]
    assert plans
    for plan in plans:
        gates = {(False, False): "none", (True, False): "pre", (False, True): "post", (True, True): "both"}[plan["pre_gate"], plan["post_gate"]]
        program = Program(plan["boundary"], gates, plan["type"], plan["length"], plan["length"], "?", plan["heads"], channels_last=plan["channels_last"])
        (tmp_path / "p.mlir").write_text(program.mlir)
        done = call("fftconv-opt", tmp_path / "p.mlir", f"--fftconv-plan-convs=chip={chip} require-kernels tuning={path}")
        assert done.returncode == 0, done.stderr
        schedule = f"warps = {plan['warps']}, values = {plan['values']}, rows = {plan['rows']}, stages = {plan['stages']}"
        assert schedule in done.stdout and f"radices = {plan['radices']}" in done.stdout, (plan, done.stdout)


def test_launch(pack):
    """For a profiler: benchmarks of a name run, once, and nothing is judged or written."""
    done = suite(pack, "--launch=K1024$")
    assert done.returncode == 0 and len(done.stdout.splitlines()) == 1, done.stdout + done.stderr


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
