"""Random programs on arrays from numpy: all executors against numpy's own sum, through .npy files."""

import tempfile
import pathlib

import hypothesis
import numpy as np
import pytest
from conftest import call
from direct import convolve, relative_error
from hypothesis import strategies as st
from programs import BOUNDARIES, GATES, Program, heads_of

BUDGETS = {"f16": 1.5e-3 + 2**-11, "bf16": 1.2e-2 + 2**-8, "f32": 2e-6}
# The reference computes in f64 and is rounded once, on writing.
ROUNDING = {"f16": 2**-11, "bf16": 2**-8, "f32": 2**-24}


@st.composite
def kernels(draw):
    """What kernels compute, of lengths of one pass, odd ones among them."""
    length = draw(st.one_of(st.integers(1, 2100), st.integers(2100, 12300)))
    return Program(
        boundary=draw(st.sampled_from(BOUNDARIES)),
        gates=draw(st.sampled_from(GATES)),
        type=draw(st.sampled_from(sorted(BUDGETS))),
        length=length,
        taps=draw(st.one_of(st.integers(1, min(2 * length, 3000)), st.integers(1, 130))),
        batch=draw(st.sampled_from(["?", "1", "4", "19"])),
        heads=draw(st.integers(1, 3)) + (heads_of(length) if length < 64 else 0),
        channels_last=draw(st.booleans()),
    )


@st.composite
def surroundings(draw, program):
    """The last two dimensions of tensors of which a program's signals are slices: rows stay aligned as they were, up to what copies need."""
    first, last = (program.length, program.heads) if program.channels_last else (program.heads, program.length)
    width = 2 if program.type != "f32" else 4
    alignment = max(1, min(16, last * width & -(last * width)) // width)
    return first + draw(st.integers(0, 3)), last + alignment * draw(st.integers(0, 5))


@st.composite
def programs(draw):
    length = draw(st.integers(1, 700))
    return Program(
        boundary=draw(st.sampled_from(BOUNDARIES)),
        gates=draw(st.sampled_from(GATES)),
        type=draw(st.sampled_from(sorted(BUDGETS))),
        length=length,
        taps=draw(st.integers(1, 1000)),
        batch=draw(st.sampled_from(["?", "1", "4", "5"])),
        heads=draw(st.integers(1, 4)) + heads_of(length),
        channels_last=draw(st.booleans()),
    )


def round_to(array, type_):
    """f16 as such; bf16 as the f32 that holds it."""
    if type_ == "f16":
        return array.astype(np.float16)
    array = array.astype(np.float32)
    if type_ == "bf16":
        bits = array.view(np.uint32)
        array = ((bits + 0x7FFF + ((bits >> 16) & 1)) & np.uint32(0xFFFF0000)).view(np.float32)
    return array


def run(program, rng, device, folder, *flags):
    batch = 3 if program.batch == "?" else int(program.batch)
    shape = (batch, program.heads, program.length)
    # numpy's own sum has time last.
    turned = lambda array: array.swapaxes(1, 2) if program.channels_last and array.ndim == 3 else array
    arrays = {"u": round_to(rng.standard_normal(shape), program.type)}
    arrays["k"] = rng.standard_normal((program.heads, program.taps)).astype(np.float32)
    for name in program.gate_operands:
        values = rng.standard_normal(shape if name != "skip" else program.heads)
        arrays[name] = round_to(values, program.type) if name != "skip" else values.astype(np.float32)
    (folder / "program.mlir").write_text(program.mlir)
    command = [folder / "program.mlir", f"--device={device}", f"--output={folder / 'y.npy'}", *flags]
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", np.ascontiguousarray(turned(array)))
        command.append(f"--input={folder / name}.npy")
    done = call("fftconv-run", *command)
    assert done.returncode == 0, done.stdout + done.stderr
    expected = convolve(boundary=program.boundary, center=program.center, **arrays)
    return turned(np.load(folder / "y.npy").astype(np.float64)), expected


@pytest.mark.parametrize("device", ["reference", "cpu"])
def test_random_programs(device):
    allowed = ROUNDING if device == "reference" else BUDGETS

    @hypothesis.settings(max_examples=60, deadline=None, derandomize=True, database=None)
    @hypothesis.given(programs(), st.integers(0, 2**32))
    def check(program, seed):
        with tempfile.TemporaryDirectory() as folder:
            y, expected = run(program, np.random.default_rng(seed), device, pathlib.Path(folder))
        assert y.shape == expected.shape
        assert relative_error(y, expected) <= allowed[program.type], program.mlir

    check()


def test_random_kernels():
    """Shapes, strides, boundaries, layouts, types, gates; all checks of the emulator on."""

    @hypothesis.settings(max_examples=200, deadline=None, derandomize=True, database=None)
    @hypothesis.given(st.data(), kernels(), st.integers(0, 2**32))
    def check(data, program, seed):
        inside = "x".join(map(str, data.draw(surroundings(program))))
        with tempfile.TemporaryDirectory() as folder:
            y, expected = run(program, np.random.default_rng(seed), "emulator", pathlib.Path(folder), f"--inside={inside}")
        assert relative_error(y, expected) <= BUDGETS[program.type], program.mlir

    check()


def test_layers_in_sequence(tmp_path):
    """Two layers with a product between, a helper function and a loop: what a model makes of one convolution."""
    rng = np.random.default_rng(11)
    u, k, g = (rng.standard_normal(shape).astype(np.float32) for shape in ((2, 3, 100), (3, 30), (2, 3, 100)))
    for name, array in (("u", u), ("k", k), ("g", g)):
        np.save(tmp_path / f"{name}.npy", array)
    (tmp_path / "model.mlir").write_text(
        """
        func.func private @layer(%u: tensor<2x3x100xf32>, %k: tensor<3x30xf32>, %g: tensor<2x3x100xf32>) -> tensor<2x3x100xf32> {
          %y = fftconv.conv circular %u, %k : tensor<2x3x100xf32>, tensor<3x30xf32>
          %z = arith.mulf %y, %g : tensor<2x3x100xf32>
          return %z : tensor<2x3x100xf32>
        }
        func.func @model(%u: tensor<2x3x100xf32>, %k: tensor<3x30xf32>, %g: tensor<2x3x100xf32>) -> tensor<2x3x100xf32> {
          %c0 = arith.constant 0 : index
          %c1 = arith.constant 1 : index
          %c2 = arith.constant 2 : index
          %v = scf.for %i = %c0 to %c2 step %c1 iter_args(%x = %u) -> tensor<2x3x100xf32> {
            %w = fftconv.conv causal %x, %k : tensor<2x3x100xf32>, tensor<3x30xf32>
            scf.yield %w : tensor<2x3x100xf32>
          }
          %y = call @layer(%v, %k, %g) : (tensor<2x3x100xf32>, tensor<3x30xf32>, tensor<2x3x100xf32>) -> tensor<2x3x100xf32>
          return %y : tensor<2x3x100xf32>
        }
        """
    )
    inputs = [f"--input={tmp_path / name}.npy" for name in "ukg"]
    done = call("fftconv-run", tmp_path / "model.mlir", "--entry=model", *inputs, f"--output={tmp_path / 'y.npy'}")
    assert done.returncode == 0, done.stdout + done.stderr
    x = convolve(convolve(u, k, "causal"), k, "causal")
    expected = convolve(x, k, "circular", post_gate=g)
    assert relative_error(np.load(tmp_path / "y.npy"), expected) <= 3 * BUDGETS["f32"]
