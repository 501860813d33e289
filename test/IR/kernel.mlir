// RUN: fftconv-opt %s | fftconv-opt | FileCheck %s
// RUN: fftconv-opt %s --mlir-print-op-generic | fftconv-opt | FileCheck %s

// A kernel as passes leave it, one as they find it, a digit that is no power of two.

#schedule = #fftconv.schedule<warps = 4, values = 64, rows = 4, stages = 2, products = f32, sums = f32>
#plan = #fftconv.plan<points = 768, radices = [16, 3, 16], theta = i, compute = f16, chip = "sm_90", schedule = #schedule>
// CHECK: #schedule = #fftconv.schedule<warps = 4, values = 64, rows = 4, stages = 2, products = f32, sums = f32>
// CHECK: chip = "sm_90", schedule = #schedule>
// CHECK-LABEL: gpu.func @assigned
gpu.module @kernels {
  gpu.func @assigned(%u: memref<?x2x700xf16>, %s: memref<2x1536xf16>, %y: memref<?x2x700xf16>) kernel {
    // CHECK: fftconv.groups of %{{.*}} rows 4 : memref<?x2x700xf16> {
    fftconv.groups of %u rows 4 : memref<?x2x700xf16> {
      // CHECK: fftconv.copy_in ahead %{{.*}} by #plan : memref<?x2x700xf16> -> <f16, shared 6144>
      %0 = fftconv.copy_in ahead %u by #plan : memref<?x2x700xf16> -> !fftconv.tile<f16, shared 6144>
      // CHECK: fftconv.barrier warp
      fftconv.barrier warp
      // CHECK: <f16, columns = "n1.0-3", rows = "n3.0-3", tiles = "n2.0-1", warps = "b.0-1">
      %1 = fftconv.relayout %0 by #plan : <f16, shared 6144> -> <f16, columns = "n1.0-3", rows = "n3.0-3", tiles = "n2.0-1", warps = "b.0-1">
      // CHECK: fftconv.prefetch
      fftconv.prefetch %0 : <f16, shared 6144>
      // CHECK: fftconv.tile_dft left %{{.*}} digit 1 absorbs [1, 3] by #plan
      %2 = fftconv.tile_dft left %1 digit 1 absorbs [1, 3] by #plan : <f16, columns = "n1.0-3", rows = "n3.0-3", tiles = "n2.0-1", warps = "b.0-1"> -> <complex<f32>, columns = "n3.0-3", rows = "k1.0-3", tiles = "n2.0-1", warps = "b.0-1">
      // CHECK: fftconv.tile_dft butterfly %{{.*}} digit 2 by #plan
      %3 = fftconv.tile_dft butterfly %2 digit 2 by #plan : <complex<f32>, columns = "n3.0-3", rows = "k1.0-3", tiles = "n2.0-1", warps = "b.0-1"> -> <complex<f16>, columns = "n3.0-3", rows = "k1.0-3", tiles = "k2.0-1", warps = "b.0-1">
      // CHECK: fftconv.tile_twiddle %{{.*}} digit 3 pairs [1, 3] by #plan
      %4 = fftconv.tile_twiddle %3 digit 3 pairs [1, 3] by #plan : <complex<f16>, columns = "n3.0-3", rows = "k1.0-3", tiles = "k2.0-1", warps = "b.0-1"> -> <complex<f16>, columns = "n3.0-3", rows = "k1.0-3", tiles = "k2.0-1", warps = "b.0-1">
      // CHECK: loop = "k2" "b.3"
      %5 = fftconv.relayout %4 by #plan : <complex<f16>, columns = "n3.0-3", rows = "k1.0-3", tiles = "k2.0-1", warps = "b.0-1"> -> <complex<f16>, shared>
      %6 = fftconv.relayout %5 by #plan : <complex<f16>, shared> -> <complex<f16>, columns = "n3.0-3", rows = "k1.0-3", warps = "b.0-1", loop = "k2" "b.3">
    }
    gpu.return
  }
  // CHECK-LABEL: gpu.func @open
  gpu.func @open(%u: memref<?x2x700xf16>, %s: memref<2x1536xf16>, %y: memref<?x2x700xf16>) kernel {
    fftconv.groups of %u rows 1 : memref<?x2x700xf16> {
      // CHECK: fftconv.copy_in %{{.*}} by #plan : memref<?x2x700xf16> -> <f16>
      %0 = fftconv.copy_in %u by #plan : memref<?x2x700xf16> -> !fftconv.tile<f16>
      // CHECK: fftconv.tile_dft any %{{.*}} digit 1 by #plan : <f16> -> <complex<f32>>
      %1 = fftconv.tile_dft any %0 digit 1 by #plan : !fftconv.tile<f16> -> !fftconv.tile<complex<f32>>
      // CHECK: fftconv.tile_product %{{.*}}, %{{.*}} by #plan : <complex<f32>>, memref<2x1536xf16> -> <complex<f16>>
      %2 = fftconv.tile_product %1, %s by #plan : !fftconv.tile<complex<f32>>, memref<2x1536xf16> -> !fftconv.tile<complex<f16>>
      // CHECK: fftconv.tile_dft any inverse %{{.*}} digit 1 by #plan
      %3 = fftconv.tile_dft any inverse %2 digit 1 by #plan : !fftconv.tile<complex<f16>> -> !fftconv.tile<f32>
      // CHECK: fftconv.barrier{{$}}
      fftconv.barrier
      // CHECK: fftconv.copy_out
      fftconv.copy_out %3, %y by #plan : !fftconv.tile<f32>, memref<?x2x700xf16>
    }
    gpu.return
  }
}
