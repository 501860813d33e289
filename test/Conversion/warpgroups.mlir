// Matrices that warpgroups multiply by lie in shared memory, where fftconv-allocate-shared says; a CTA brings them there once.
// RUN: fftconv-opt %s --fftconv-decompose-to-monarch --fftconv-fuse-kernels --fftconv-assign-layouts --fftconv-absorb-twiddles --fftconv-pipeline-copies --fftconv-allocate-shared --fftconv-place-barriers -o %t.mlir
// RUN: FileCheck %s --check-prefix=PLACED --input-file=%t.mlir
// RUN: fftconv-opt %t.mlir --convert-fftconv-kernels-to-nvvm | FileCheck %s --implicit-check-not=mma.sync
// RUN: sed 's/ {matrices = [0-9]* : i64}//' %t.mlir | not fftconv-opt --convert-fftconv-kernels-to-nvvm 2>&1 | FileCheck %s --check-prefix=MISSING
// RUN: sed 's/sm_90a/sm_90/' %t.mlir | not fftconv-opt --convert-fftconv-kernels-to-nvvm 2>&1 | FileCheck %s --check-prefix=CHIP
// PLACED: fftconv.groups {{.*}} {matrices = 98304 : i64}
// MISSING: error: 'fftconv.groups' op has no place for its matrices yet; run fftconv-allocate-shared
// CHIP: error: 'fftconv.groups' op cannot have products of warpgroups: the chip has none

// Of 16 values, in four tiles, and two in the inner phase; on the way back by the same matrices, transposed. The real end leaves 16 columns.
// CHECK: nvvm.fence.proxy
// CHECK-NEXT: nvvm.barrier0
// CHECK: wgmma.fence.sync.aligned;{{.*}}wgmma.mma_async.sync.aligned.m64n32k16.f16.f16.f16 {{.*}}, 0, 1, 1, 0; {{.*}}wgmma.wait_group.sync.aligned 0;
// CHECK: wgmma.mma_async.sync.aligned.m64n32k16.f16.f16.f16 {{.*}}, 1, 1, 1, 0;
// CHECK: wgmma.mma_async.sync.aligned.m64n32k16.f16.f16.f16 {{.*}}, 1, 1, 1, 1;
// CHECK: wgmma.mma_async.sync.aligned.m64n16k16.f16.f16.f16 {{.*}}, 1, 1, 1, 1;
#schedule = #fftconv.schedule<warps = 8, values = 32, rows = 8, stages = 2, products = f16, sums = f16, mma = warpgroup>
#plan = #fftconv.plan<points = 2048, radices = [16, 4, 2, 16], theta = i, compute = f16, chip = "sm_90a", schedule = #schedule>
#spectrum = #fftconv.spectrum<causal, length = 2048, plan = #plan>
func.func @layer(%u: tensor<?x3x2048xf16>, %s: tensor<3x16x4x2x16xcomplex<f16>, #spectrum>) -> tensor<?x3x2048xf16> {
  %y = fftconv.spectral_conv %u, %s : tensor<?x3x2048xf16>, tensor<3x16x4x2x16xcomplex<f16>, #spectrum>
  return %y : tensor<?x3x2048xf16>
}
