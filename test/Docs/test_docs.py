"""What the documents say is so: quoted output is what the commands print, the reference is fresh, examples run."""

import pathlib
import re
import subprocess
import sys

import pytest
from conftest import BUILD, ROOT, call

BLOCK = re.compile(r"^```mlir\n(.*?)^```", re.DOTALL | re.MULTILINE)


def sections(name):
    """(title, mlir blocks) of the entries of a reference page."""
    text = (ROOT / "docs" / "reference" / name).read_text()
    for section in re.split(r"^### ", text, flags=re.MULTILINE)[1:]:
        yield section.split("\n")[0].split(" ")[0].strip("`"), BLOCK.findall(section)


OPS = dict(sections("dialect.md"))
PASSES = dict([*sections("transforms.md"), *sections("conversion.md"), *sections("raise.md")])


def test_documents_are_fresh():
    done = subprocess.run(
        [sys.executable, ROOT / "utils" / "docs.py", BUILD, "--check"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr + "run utils/docs.py"


def test_reference_covers_the_dialect():
    listed = call("fftconv-opt", "--help").stdout
    assert set(re.findall(r"--((?:convert-)?fftconv-[a-z-]+)", listed)) == {
        name.strip("-") for name in PASSES
        if "fftconv" in name
    } | {f"fftconv-to-{rung}" for rung in ("plan", "monarch", "kernel", "nvvm", "llvm")} | {"fftconv-from-host", "fftconv-lower-to-gpu"}
    assert {"fftconv.conv", "fftconv.spectrum", "fftconv.spectral_conv", "fftconv.dft", "fftconv.project"} <= set(OPS)


@pytest.mark.parametrize("name", [name for name in OPS if name.startswith("fftconv.")])
def test_example_of_op(name, opt):
    """Every op has one example; it holds the op, survives a round trip and compiles to LLVM. Ops of kernels share those of two of them."""
    (example,) = OPS[name] or [block for op in ("fftconv.groups", "fftconv.launch") for block in OPS[op] if name in block]
    assert re.search(rf"{name}\s", example)
    once = opt(input=example)
    assert once.returncode == 0, once.stderr
    assert opt(input=once.stdout).stdout == once.stdout
    if "gpu.module" in example:
        lowered = opt("--convert-fftconv-kernels-to-nvvm", input=example)
        assert lowered.returncode == 0, lowered.stderr
        kernels = lowered.stdout.split("func.func")[0].split("gpu.module")[1]
        assert "llvm.func" in kernels and " fftconv." not in re.sub(r"fftconv\.shared_bytes", "", kernels)
        return
    lowered = opt("--fftconv-to-llvm", input=example)
    assert lowered.returncode == 0, lowered.stderr
    assert "llvm.func" in lowered.stdout and "fftconv." not in lowered.stdout


@pytest.mark.parametrize("name", PASSES)
def test_example_of_pass(name, opt):
    """Every pass has an example that it changes; where the page shows the program after it, that is what comes out."""
    before, *after = PASSES[name]
    # Ops of other frameworks are not registered.
    foreign = ["--allow-unregistered-dialect"] if "stablehlo" in before else []
    program = opt(*foreign, input=before)
    assert program.returncode == 0, program.stderr
    # Stages are what vectorize-stages works on once they are linalg.
    lead = ["--convert-fftconv-to-linalg", "--canonicalize"] if name == "-fftconv-vectorize-stages" else foreign
    done = opt(*lead, "-" + name, input=before)
    assert done.returncode == 0, done.stderr
    assert done.stdout != opt(*lead, input=before).stdout
    if after:
        assert done.stdout == opt(input=after[0]).stdout


def test_examples_of_attributes():
    text = (ROOT / "docs" / "reference" / "dialect.md").read_text()
    attribute = re.search(r"^### PlanAttr.*?^```mlir\n(#plan = .*?)^```", text, re.DOTALL | re.MULTILINE)[1]
    done = call("fftconv-opt", input=attribute)
    assert done.returncode == 0, done.stderr


def test_demo_prints_the_table_of_the_readme(tmp_path):
    """Times and errors vary with the machine; lengths, points, radices and budgets do not."""
    done = subprocess.run(
        [sys.executable, ROOT / "utils" / "demo.py", BUILD, tmp_path], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    row = re.compile(r"^ *(f32|f16|bf16) +(\d+) +(\d+) +([\d x]+?) +[\d.]+ ms +\S+, allowed (\S+)$", re.MULTILINE)
    printed = row.findall(done.stdout)
    assert len(printed) == 3
    assert printed == row.findall((ROOT / "README.md").read_text())
    assert {"genome.png", "genome.plan.mlir", "y-f32.npy"} <= {path.name for path in pathlib.Path(tmp_path).iterdir()}


def test_performance_comes_from_results():
    table = subprocess.run([sys.executable, ROOT / "benchmarks" / "table.py"], capture_output=True, text=True, check=True).stdout
    assert f"```\n{table}```" in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("document", ["README.md", "docs/guide.md"])
def test_programs_in_documents_compile(document):
    blocks = BLOCK.findall((ROOT / document).read_text())
    assert blocks
    for block in blocks:
        done = call("fftconv-opt", "--fftconv-to-llvm", input=block)
        assert done.returncode == 0, done.stderr + block
