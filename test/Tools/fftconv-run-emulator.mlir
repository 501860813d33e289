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

// A manifest is run with the code beside it.
// RUN: fftconv-compile %s --chip=sm_90 -o %t.ptx --manifest=%t.json
// RUN: fftconv-run %t.json --dim=2 --output=%t.npy | FileCheck %s --check-prefix=MANIFEST
// RUN: not fftconv-run %t.json --compare-with=reference 2>&1 | FileCheck %s --check-prefix=COMPARE
// RUN: not fftconv-run %t.json --input=%t.npy 2>&1 | FileCheck %s --check-prefix=INPUTS
// RUN: sed 's/"version": 1/"version": 2/' %t.json > %t.new.json
// RUN: not fftconv-run %t.new.json 2>&1 | FileCheck %s --check-prefix=VERSION
// RUN: sed 's/"ceil_div"/"floor_div"/' %t.json > %t.floor.json
// RUN: not fftconv-run %t.floor.json 2>&1 | FileCheck %s --check-prefix=SIZE
// RUN: sed 's/"buffer": 2/"buffer": 7/' %t.json > %t.buffer.json
// RUN: not fftconv-run %t.buffer.json 2>&1 | FileCheck %s --check-prefix=BUFFER
// RUN: rm %t.ptx
// RUN: not fftconv-run %t.json 2>&1 | FileCheck %s --check-prefix=CODE

// MANIFEST: run: conv1 on emulator
// MANIFEST: result 0: 2x3x90xf16
// COMPARE: a manifest runs in the emulator, and there is nothing to compare it with
// INPUTS: --input is needed for in1
// VERSION: manifest of version 2, this reads version 1
// SIZE: a size is a number, a name, or ["min" or "ceil_div", size, size]
// BUFFER: takes buffer 7 of 4
// CODE: .ptx: No such file or directory

func.func @layer(%u: tensor<?x3x90xf16>, %k: tensor<3x90xf32>) -> tensor<?x3x90xf16> {
  %y = fftconv.conv causal %u, %k : tensor<?x3x90xf16>, tensor<3x90xf32>
  return %y : tensor<?x3x90xf16>
}
