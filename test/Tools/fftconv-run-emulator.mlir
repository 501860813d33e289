// RUN: fftconv-run %s --device=emulator --dim=5 --compare-with=reference --stats=%t.stats.json | FileCheck %s
// RUN: FileCheck %s --check-prefix=STATS --input-file=%t.stats.json
// RUN: fftconv-run %s --device=emulator --chip=sm_80 --check=none --schedule=3 --compare-with=reference | FileCheck %s

// CHECK: prepare: spectrum0 on emulator: {{.*}} warp instructions, 0 mma
// CHECK: run: conv1 on emulator: {{.*}} shared wavefronts [[N:[0-9]+]] (ideal [[N]])
// CHECK: result 0: {{[0-9]+}}x3x90xf16, relative RMS error {{.*}} <= 1.99e-03
// STATS: "launches"
// STATS: "kernel": "spectrum0"
// STATS: "program": "prepare"
// STATS: "kernel": "conv1"

// Rows may be slices of larger tensors, which a kernel leaves alone.
// RUN: fftconv-run %s --device=emulator --dim=5 --compare-with=reference --inside=4x104 | FileCheck %s
// RUN: not fftconv-run %s --device=emulator --inside=4x89 2>&1 | FileCheck %s --check-prefix=SMALL
// RUN: not fftconv-run %s --device=emulator --inside=4x91 2>&1 | FileCheck %s --check-prefix=UNALIGNED
// RUN: not fftconv-run %s --device=emulator --inside=large 2>&1 | FileCheck %s --check-prefix=INSIDE
// SMALL: in0 of 3x90 cannot lie inside of 4x89
// UNALIGNED: in0 of 3x90 cannot lie inside of 4x91: it is too small, or rows are not aligned to 4 bytes
// INSIDE: --inside takes two sizes such as 8x4096, not 'large'

// A manifest is run with the code beside it.
// RUN: fftconv-compile %s --chip=sm_90 -o %t.ptx --manifest=%t.json
// RUN: fftconv-run %t.json --dim=2 --output=%t.npy | FileCheck %s --check-prefix=MANIFEST
// RUN: not fftconv-run %t.json --compare-with=reference 2>&1 | FileCheck %s --check-prefix=COMPARE
// RUN: not fftconv-run %t.json --input=%t.npy 2>&1 | FileCheck %s --check-prefix=INPUTS
// RUN: sed 's/"version": 2/"version": 3/' %t.json > %t.new.json
// RUN: not fftconv-run %t.new.json 2>&1 | FileCheck %s --check-prefix=VERSION
// RUN: sed 's/"min"/"floor_div"/' %t.json > %t.floor.json
// RUN: not fftconv-run %t.floor.json 2>&1 | FileCheck %s --check-prefix=SIZE
// RUN: sed 's/"buffer": 2/"buffer": 7/' %t.json > %t.buffer.json
// RUN: not fftconv-run %t.buffer.json 2>&1 | FileCheck %s --check-prefix=BUFFER
// RUN: sed 's/"stride": \[/"stride": [ 0, /' %t.json > %t.stride.json
// RUN: not fftconv-run %t.stride.json 2>&1 | FileCheck %s --check-prefix=STRIDE
// RUN: sed 's/^\( *\)1$/\17/' %t.json > %t.dimension.json
// RUN: not fftconv-run %t.dimension.json 2>&1 | FileCheck %s --check-prefix=DIMENSION
// RUN: rm %t.ptx
// RUN: not fftconv-run %t.json 2>&1 | FileCheck %s --check-prefix=CODE

// MANIFEST: run: conv1 on emulator
// MANIFEST: result 0: 2x3x90xf16
// COMPARE: a manifest runs in the emulator or on a GPU, and there is nothing to compare it with
// INPUTS: --input is needed for in1
// VERSION: manifest of version 3, this reads version 2
// SIZE: a size is a number, a name, or ["min", "mul" or "ceil_div", size, size]
// BUFFER: takes buffer 7 of 4
// STRIDE: an argument is a buffer, a size, or the stride of a buffer and a dimension
// DIMENSION: takes the stride of a dimension that in0 lacks
// CODE: .ptx: No such file or directory

func.func @layer(%u: tensor<?x3x90xf16>, %k: tensor<3x900xf32>) -> tensor<?x3x90xf16> {
  %y = fftconv.conv causal %u, %k : tensor<?x3x90xf16>, tensor<3x900xf32>
  return %y : tensor<?x3x90xf16>
}
