"""A convolution on buffers, which pipelines take back to tensors, computes what one on tensors does."""

import numpy
from conftest import call


def test_buffers_compute_the_same(tmp_path):
    u, k = "tensor<3x4x500xf32>", "tensor<4x77xf32>"
    header = f"func.func @f(%u: {u}, %k: {k}, %g: {u}, %d: tensor<4xf32>) -> {u} {{\n"
    (tmp_path / "tensors.mlir").write_text(
        header + f"  %y = fftconv.conv bidirectional %u, %k center 30 pre_gate(%g : {u}) skip(%d : tensor<4xf32>) : {u}, {k}\n  return %y : {u}\n}}\n"
    )
    # Twice, so that what one has written the next one reads.
    rows, filters = u.replace("tensor", "memref"), k.replace("tensor", "memref")
    (tmp_path / "buffers.mlir").write_text(
        header
        + "".join(f"  %b{n} = bufferization.to_buffer %{n} read_only : {t} to {t.replace('tensor', 'memref')}\n" for n, t in (("u", u), ("k", k), ("g", u), ("d", "tensor<4xf32>")))
        + f"""  %a = memref.alloc() : {rows}
  fftconv.conv_buffers bidirectional %bu, %bk center 30 pre_gate(%bg : {rows}) skip(%bd : memref<4xf32>) into %a : {rows}, {filters}, {rows}
  %c = memref.alloc() : {rows}
  fftconv.conv_buffers causal %a, %bk into %c : {rows}, {filters}, {rows}
  %y = bufferization.to_tensor %c restrict : {rows} to {u}
  return %y : {u}
}}
"""
    )
    (tmp_path / "twice.mlir").write_text(
        (tmp_path / "tensors.mlir").read_text().replace(f"  return %y : {u}\n", f"  %z = fftconv.conv causal %y, %k : {u}, {k}\n  return %z : {u}\n")
    )
    for name in ("buffers", "twice"):
        done = call("fftconv-run", tmp_path / f"{name}.mlir", "--device=cpu", "--seed=3", f"--output={tmp_path / name}.npy")
        assert done.returncode == 0, done.stderr
    a, b = numpy.load(tmp_path / "buffers.npy"), numpy.load(tmp_path / "twice.npy")
    assert numpy.linalg.norm(a - b) <= 1e-6 * numpy.linalg.norm(b) and numpy.linalg.norm(b) > 1
