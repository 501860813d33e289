// RUN: fftconv-opt %s --fftconv-decompose-to-monarch --fftconv-fuse-kernels --fftconv-assign-layouts --split-input-file | FileCheck %s
// RUN: fftconv-opt %s --fftconv-decompose-to-monarch --fftconv-fuse-kernels --fftconv-assign-layouts --fftconv-assign-layouts --split-input-file | FileCheck %s

// A warp holds a sequence: read once, written once, nothing exchanged between. The digit of three is a butterfly on a lane's tiles.
// CHECK-LABEL: gpu.module @in_a_warp_kernels
// CHECK: %[[X:.*]] = fftconv.copy_in %{{.*}} -> <f16, shared>
// CHECK-NEXT: fftconv.relayout %[[X]] by #plan : <f16, shared> -> <f16, columns = "n1.0-3", rows = "n3.0-3", tiles = "n2.0-1", warps = "b.0-1">
// CHECK-NEXT: fftconv.tile_dft left
// CHECK-NEXT: fftconv.tile_twiddle
// CHECK-NEXT: fftconv.tile_dft butterfly {{.*}} -> <complex<f32>, columns = "n3.0-3", rows = "k1.0-3", tiles = "k2.0-1", warps = "b.0-1">
// CHECK-NEXT: fftconv.tile_twiddle
// CHECK-NEXT: fftconv.tile_dft right
// CHECK-NEXT: fftconv.tile_product
// CHECK-NEXT: fftconv.tile_dft left inverse
// CHECK-NEXT: fftconv.tile_twiddle inverse
// CHECK-NEXT: fftconv.tile_dft butterfly inverse
// CHECK-NEXT: fftconv.tile_twiddle inverse
// CHECK-NEXT: %[[Z:.*]] = fftconv.tile_dft left inverse
// CHECK-NEXT: fftconv.relayout %[[Z]] by #plan : {{.*}} -> <f32, shared>
// CHECK-NEXT: fftconv.copy_out
#one = #fftconv.schedule<warps = 4, values = 32, rows = 4, stages = 2, products = f16, sums = f32>
#warp = #fftconv.plan<points = 768, radices = [16, 3, 16], theta = i, compute = f16, chip = "sm_90", schedule = #one>
#warp_spectrum = #fftconv.spectrum<causal, length = 700, plan = #warp>
func.func @in_a_warp(%u: tensor<?x2x700xf16>, %s: tensor<2x16x3x16xcomplex<f16>, #warp_spectrum>) -> tensor<?x2x700xf16> {
  %y = fftconv.spectral_conv %u, %s : tensor<?x2x700xf16>, tensor<2x16x3x16xcomplex<f16>, #warp_spectrum>
  return %y : tensor<?x2x700xf16>
}

// -----

// Two exchanges: outer digits, inner digits there and back, outer digits.
// CHECK-LABEL: gpu.module @in_a_cta_kernels
// CHECK: fftconv.copy_in
// CHECK-NEXT: fftconv.relayout {{.*}} -> <f16, columns = "n1.0-3", rows = "n4.0-2" "n2.0", warps = "n3.0-3", loop = "n4.3">
// CHECK-NEXT: fftconv.tile_dft left
// CHECK-NEXT: fftconv.tile_twiddle
// CHECK-NEXT: fftconv.tile_dft butterfly
// CHECK-NEXT: fftconv.tile_twiddle
// CHECK-NEXT: fftconv.relayout {{.*}} -> <complex<f16>, shared>
// CHECK-NEXT: fftconv.relayout {{.*}} -> <complex<f16>, columns = "n3.0-3", rows = "n4.0-3", warps = "k2.0" "k1.0-2", loop = "k1.3">
// CHECK: fftconv.tile_product
// CHECK: fftconv.relayout {{.*}} -> <complex<f16>, shared>
// CHECK-NEXT: fftconv.relayout {{.*}} -> <complex<f16>, columns = "k1.0-3", rows = "n4.0-2" "k2.0", warps = "n3.0-3", loop = "n4.3">
// CHECK-NEXT: fftconv.tile_dft butterfly inverse
// CHECK: fftconv.relayout {{.*}} -> <f32, shared>
// CHECK-NEXT: fftconv.copy_out
#all = #fftconv.schedule<warps = 16, values = 32, rows = 3, stages = 2, products = f16, sums = f32>
#cta = #fftconv.plan<points = 8192, radices = [16, 2, 16, 16], theta = i, compute = f16, chip = "sm_90", schedule = #all>
#cta_spectrum = #fftconv.spectrum<causal, length = 5000, plan = #cta>
func.func @in_a_cta(%u: tensor<?x3x5000xf16>, %s: tensor<3x16x2x16x16xcomplex<f16>, #cta_spectrum>) -> tensor<?x3x5000xf16> {
  %y = fftconv.spectral_conv %u, %s : tensor<?x3x5000xf16>, tensor<3x16x2x16x16xcomplex<f16>, #cta_spectrum>
  return %y : tensor<?x3x5000xf16>
}
