"""A convolution that upstream's partitioner has split, computed by several processes at once, is the whole one."""

import re
import subprocess

import numpy
import pytest
from conftest import BUILD


@pytest.mark.parametrize("axes, grid", [("[[0], [1]]", (2, 2)), ("[[0, 1]]", (2, 2)), ("[[], [0]]", (3,)), ("[[0]]", (4,))], ids=str)
def test_processes_together(axes, grid, tmp_path):
    batch, heads, length, taps = 8, 6, 500, 77
    shape = "x".join(map(str, grid))
    whole = f"""
module attributes {{dlti.map = #dlti.map<"MPI:comm_world_rank" = 0>}} {{
shard.grid @grid(shape = {shape})
func.func @f(%u: tensor<{batch}x{heads}x{length}xf32>, %k: tensor<{heads}x{taps}xf32>) -> tensor<{batch}x{heads}x{length}xf32> {{
  %rows = shard.sharding @grid split_axes = {axes} : !shard.sharding
  %us = shard.shard %u to %rows : tensor<{batch}x{heads}x{length}xf32>
  %uu = shard.shard %us to %rows annotate_for_users : tensor<{batch}x{heads}x{length}xf32>
  %y = fftconv.conv causal %uu, %k : tensor<{batch}x{heads}x{length}xf32>, tensor<{heads}x{taps}xf32>
  return %y : tensor<{batch}x{heads}x{length}xf32>
}}
}}
"""
    pipeline = "builtin.module(func.func(sharding-propagation,shard-partition,canonicalize),convert-shard-to-mpi,canonicalize)"
    split = subprocess.run([BUILD / "bin" / "fftconv-opt", f"--pass-pipeline={pipeline}"], input=whole, capture_output=True, text=True)
    assert split.returncode == 0, split.stderr
    part = tmp_path / "part.mlir"
    part.write_text(re.sub(r"^  shard\.grid.*\n", "", split.stdout, flags=re.MULTILINE))
    b, h = map(int, re.search(r"fftconv\.conv causal .*: tensor<(\d+)x(\d+)x", split.stdout).groups())
    random = numpy.random.default_rng(3)
    u, k = random.standard_normal((batch, heads, length)).astype("f4"), random.standard_normal((heads, taps)).astype("f4")
    processes, starts = [], [(i, j) for i in range(0, batch, b) for j in range(0, heads, h)]
    assert len(starts) == numpy.prod(grid)
    for rank, (i, j) in enumerate(starts):
        numpy.save(tmp_path / f"u{rank}.npy", u[i : i + b, j : j + h])
        numpy.save(tmp_path / f"k{rank}.npy", k[j : j + h])
        command = [BUILD / "bin" / "fftconv-run", part, "--device=cpu", f"--input={tmp_path}/u{rank}.npy", f"--input={tmp_path}/k{rank}.npy", f"--output={tmp_path}/y{rank}.npy"]
        processes.append(subprocess.Popen(list(map(str, command)), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True))
    y = numpy.empty_like(u)
    for rank, (process, (i, j)) in enumerate(zip(processes, starts)):
        errors = process.communicate()[1]
        assert process.returncode == 0, errors
        y[i : i + b, j : j + h] = numpy.load(tmp_path / f"y{rank}.npy")
    size = length + taps
    want = numpy.fft.irfft(numpy.fft.rfft(u.astype("f8"), size) * numpy.fft.rfft(k.astype("f8"), size), size)[..., :length]
    assert numpy.linalg.norm(y - want) <= 2e-6 * numpy.linalg.norm(want)
