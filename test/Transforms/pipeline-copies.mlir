// RUN: fftconv-opt %s --fftconv-decompose-to-monarch --fftconv-fuse-kernels --fftconv-assign-layouts --fftconv-absorb-twiddles --fftconv-pipeline-copies --split-input-file | FileCheck %s --implicit-check-not=prefetch

// The warp that has read its sequence starts the next one.
// CHECK-LABEL: gpu.module @in_a_warp_kernels
// CHECK: %[[X:.*]] = fftconv.copy_in ahead
// CHECK-NEXT: fftconv.relayout %[[X]]
// CHECK-NEXT: fftconv.prefetch %[[X]]
#one = #fftconv.schedule<warps = 4, values = 32, rows = 4, stages = 2, products = f16, sums = f32>
#warp = #fftconv.plan<points = 768, radices = [16, 3, 16], theta = i, compute = f16, chip = "sm_90", schedule = #one>
#warp_spectrum = #fftconv.spectrum<causal, length = 700, plan = #warp>
func.func @in_a_warp(%u: tensor<?x2x700xf16>, %s: tensor<2x16x3x16xcomplex<f16>, #warp_spectrum>) -> tensor<?x2x700xf16> {
  %y = fftconv.spectral_conv %u, %s : tensor<?x2x700xf16>, tensor<2x16x3x16xcomplex<f16>, #warp_spectrum>
  return %y : tensor<?x2x700xf16>
}

// -----

// Where warps loop over tiles the whole phase comes first.
// CHECK-LABEL: gpu.module @in_a_cta_kernels
// CHECK: %[[X:.*]] = fftconv.copy_in ahead
// CHECK: fftconv.tile_dft butterfly
// CHECK-NEXT: fftconv.relayout {{.*}} -> <complex<f16>, shared>
// CHECK-NEXT: fftconv.prefetch %[[X]]
// CHECK-NEXT: fftconv.relayout
#all = #fftconv.schedule<warps = 16, values = 32, rows = 3, stages = 2, products = f16, sums = f32>
#cta = #fftconv.plan<points = 8192, radices = [16, 2, 16, 16], theta = i, compute = f16, chip = "sm_90", schedule = #all>
#cta_spectrum = #fftconv.spectrum<causal, length = 5000, plan = #cta>
func.func @in_a_cta(%u: tensor<?x3x5000xf16>, %s: tensor<3x16x2x16x16xcomplex<f16>, #cta_spectrum>) -> tensor<?x3x5000xf16> {
  %y = fftconv.spectral_conv %u, %s : tensor<?x3x5000xf16>, tensor<3x16x2x16x16xcomplex<f16>, #cta_spectrum>
  return %y : tensor<?x3x5000xf16>
}

// -----

// Declines: one stage.
// CHECK-LABEL: gpu.module @in_a_cta_kernels
// CHECK: fftconv.copy_in %
#all = #fftconv.schedule<warps = 16, values = 32, rows = 3, stages = 1, products = f16, sums = f32>
#cta = #fftconv.plan<points = 8192, radices = [16, 2, 16, 16], theta = i, compute = f16, chip = "sm_90", schedule = #all>
#cta_spectrum = #fftconv.spectrum<causal, length = 5000, plan = #cta>
func.func @in_a_cta(%u: tensor<?x3x5000xf16>, %s: tensor<3x16x2x16x16xcomplex<f16>, #cta_spectrum>) -> tensor<?x3x5000xf16> {
  %y = fftconv.spectral_conv %u, %s : tensor<?x3x5000xf16>, tensor<3x16x2x16x16xcomplex<f16>, #cta_spectrum>
  return %y : tensor<?x3x5000xf16>
}
