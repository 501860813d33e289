// RUN: fftconv-compile %s --chip=sm_90 --emit=kernel | FileCheck %s --check-prefix=KERNEL
// RUN: fftconv-compile %s --chip=sm_90 --emit=nvvm | FileCheck %s --check-prefix=NVVM --implicit-check-not=scf. --implicit-check-not=arith. --implicit-check-not=fftconv.groups
// RUN: fftconv-compile %s --chip=sm_80 --emit=ptx | FileCheck %s --check-prefixes=PTX,OLD
// RUN: fftconv-compile %s --chip=sm_90 -o %t.ptx --manifest=%t.json --report | FileCheck %s --check-prefix=REPORT
// RUN: FileCheck %s --check-prefixes=PTX,NEW --input-file=%t.ptx
// RUN: FileCheck %s --check-prefix=MANIFEST --input-file=%t.json
// RUN: fftconv-compile %s --chip=sm_90 -o %t.ptx --report=json | FileCheck %s --check-prefix=JSON

// Errors leave nothing behind.
// RUN: rm -f %t.none.ptx %t.none.json
// RUN: not fftconv-compile %s --emit=ptx -o %t.none.ptx --manifest=%t.none.json 2>&1 | FileCheck %s --check-prefix=CPU
// RUN: not fftconv-compile %s --chip=sm_75 --emit=ptx -o %t.none.ptx --manifest=%t.none.json 2>&1 | FileCheck %s --check-prefix=CHIP
// RUN: sed 's/100xf16/57345xf16/g' %s | not fftconv-compile - --chip=sm_90 --emit=ptx -o %t.none.ptx 2>&1 | FileCheck %s --check-prefix=LONG
// RUN: not fftconv-compile %s --chip=sm_90 --emit=ptx --compute=f32 -o %t.none.ptx 2>&1 | FileCheck %s --check-prefix=TYPE
// RUN: sed 's/100xf16/100xf32/g' %s | not fftconv-compile - --chip=sm_90 --emit=kernel --compute=f16 2>&1 | FileCheck %s --check-prefix=TYPE
// RUN: sed 's/100xf16/28673xf32/g' %s | not fftconv-compile - --chip=sm_90 --emit=ptx -o %t.none.ptx 2>&1 | FileCheck %s --check-prefix=LONG
// RUN: not fftconv-compile %s --chip=sm_90 --emit=ptx --compute=bf16 --sums=f16 -o %t.none.ptx 2>&1 | FileCheck %s --check-prefix=SUMS
// RUN: not fftconv-compile %s --chip=sm_90 --emit=ptx --method=direct -o %t.none.ptx 2>&1 | FileCheck %s --check-prefix=DIRECT
// RUN: sed 's/2x300xf32/2x30xf32/g; s/causal/circular/' %s | not fftconv-compile - --chip=sm_90 --emit=ptx --method=direct -o %t.none.ptx 2>&1 | FileCheck %s --check-prefix=DIRECT-CIRCULAR
// RUN: sed 's/2x300xf32/2x30xf32/g; s/100xf16/100xf32/g' %s | not fftconv-compile - --chip=sm_90 --emit=ptx --method=direct -o %t.none.ptx 2>&1 | FileCheck %s --check-prefix=DIRECT-TYPE
// RUN: sed 's/2x300xf32/2x30xf32/g; s/100xf16/600000000xf16/g' %s | not fftconv-compile - --chip=sm_90 --emit=ptx --method=direct -o %t.none.ptx 2>&1 | FileCheck %s --check-prefix=DIRECT-LONG
// RUN: not fftconv-compile %s --chip=cpu --emit=plan --method=direct -o %t.none.ptx 2>&1 | FileCheck %s --check-prefix=DIRECT-CPU
// RUN: not fftconv-compile %s --chip=sm_90 --emit=ptx --method=slow -o %t.none.ptx 2>&1 | FileCheck %s --check-prefix=METHOD
// RUN: sed 's/return %%y/%%z = arith.negf %%y : tensor<?x2x100xf16> return %%z/' %s | not fftconv-compile - --chip=sm_90 --emit=ptx -o %t.none.ptx 2>&1 | FileCheck %s --check-prefix=OTHER
// RUN: sed 's/return %%y/return %%u/' %s | not fftconv-compile - --chip=sm_90 --emit=ptx -o %t.none.ptx 2>&1 | FileCheck %s --check-prefix=RESULT
// RUN: not fftconv-compile %s --chip=sm_90 --emit=plan --report 2>&1 | FileCheck %s --check-prefix=FLAGS
// RUN: not fftconv-compile %s --chip=sm_90 --emit=ptx --products=f8 2>&1 | FileCheck %s --check-prefix=PRODUCTS
// RUN: env PATH=/nowhere CUDA_HOME=/nowhere %build/bin/fftconv-compile %s --chip=sm_90 --emit=ptx -o %t.plain.ptx
// RUN: not ls %t.none.ptx
// RUN: not ls %t.none.json

// KERNEL: fftconv.groups of
// NVVM: nvvm.mma.sync
// PTX: .target sm_{{[89]}}0
// PTX: .visible .entry spectrum0(
// PTX: .visible .entry conv1(
// PTX: .maxntid 32, 1, 1
// PTX: ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16
// PTX: mma.sync.aligned.m16n8k16.row.col.f16.f16.f16.f16
// NEW: stmatrix.sync.aligned.m8n8.x4.shared.b16
// OLD: st.shared.b32

// REPORT: spectrum0: spectrum of the filters, in f32
// REPORT: conv1: convolution of length 100, 256 points as 16 x 2 x 8
// REPORT-NEXT: schedule      1 warp, 1 row at a time, 4 stages of input, products f16, sums f16
// REPORT-NEXT: 0 exchanges, 0 barriers for a group of rows
// REPORT-NEXT: resources     32 threads, 2048 bytes of shared memory of 232448; {{[0-9]+ registers, 0 bytes spilled, stack of 0 \(ptxas\)|registers not known without ptxas}}
// REPORT-NEXT: per output    0.1600 mma
// REPORT-NEXT: predicted     H100 SXM, batch 64 (assumed), 2 heads, in ms: {{[0-9.]+}}; memory {{.*}}, on chip {{.*}} binds
// JSON: "binds"
// JSON: "kernel": "conv1"

// MANIFEST: "alignment": 8
// MANIFEST: "name": "in0"
// MANIFEST: "in0_dim0"
// MANIFEST: "name": "spectrum2"
// MANIFEST: "role": "spectrum"
// MANIFEST: "name": "out0"
// MANIFEST: "chip": "sm_90"
// MANIFEST: "code": "{{.*}}.ptx"
// MANIFEST: "prepare"
// MANIFEST: "kernel": "spectrum0"
// MANIFEST: "run"
// MANIFEST: "stride": [
// MANIFEST: "size": "in0_dim0"
// MANIFEST: "min"

// CPU: error: 'fftconv.conv' op has no kernel for cpu: it is not a GPU
// CHIP: error: unknown chip 'sm_75'
// LONG: error: 'fftconv.conv' op has no kernel for sm_90: the points do not fit one pass through the chip's shared memory
// TYPE: has no kernel for sm_90: kernels compute f16 and bf16 tensors by stages of these types, and f32 by f32
// SUMS: has no kernel for sm_90: sums in f16 need f16 stages
// DIRECT: cannot be computed directly on sm_90: matrices of 300 taps do not fit a warp's registers
// DIRECT-CIRCULAR: cannot be computed directly on sm_90: circular boundaries and channels last are not computed directly
// DIRECT-TYPE: cannot be computed directly on sm_90: direct products are of f16 or bf16, the type of the tensors
// DIRECT-LONG: cannot be computed directly on sm_90: rows are longer than 536870912
// DIRECT-CPU: cannot be computed directly on cpu: it is not a GPU
// METHOD: method must be auto, fft or direct, got 'slow'
// OTHER: error: 'arith.negf' cannot run on the device
// RESULT: error: result 0 is not what one kernel computes
// FLAGS: fftconv-compile: --manifest and --report go with --emit=ptx, cubin or fatbin
// PRODUCTS: products are f16 or f32, got 'f8'

func.func @layer(%u: tensor<?x2x100xf16>, %k: tensor<2x300xf32>) -> tensor<?x2x100xf16> {
  %y = fftconv.conv causal %u, %k : tensor<?x2x100xf16>, tensor<2x300xf32>
  return %y : tensor<?x2x100xf16>
}
