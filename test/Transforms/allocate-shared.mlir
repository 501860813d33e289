// RUN: fftconv-opt %s --fftconv-decompose-to-monarch --fftconv-fuse-kernels --fftconv-assign-layouts --fftconv-absorb-twiddles --fftconv-pipeline-copies --fftconv-allocate-shared --split-input-file | FileCheck %s

// 768 points of two bytes for four sequences; the next input has a place of its own.
// CHECK-LABEL: gpu.module @in_a_warp_kernels
// CHECK: kernel attributes {fftconv.shared_bytes = 12288 : i64, known_block_size = array<i32: 128, 1, 1>}
// CHECK: fftconv.copy_in ahead {{.*}} -> <f16, shared 6144>
// CHECK: fftconv.relayout {{.*}} -> <f16, shared 0>
#one = #fftconv.schedule<warps = 4, values = 32, rows = 4, stages = 2, products = f16, sums = f32>
#warp = #fftconv.plan<points = 768, radices = [16, 3, 16], theta = i, compute = f16, chip = "sm_90", schedule = #one>
#warp_spectrum = #fftconv.spectrum<causal, length = 700, plan = #warp>
func.func @in_a_warp(%u: tensor<?x2x700xf16>, %s: tensor<2x16x3x16xcomplex<f16>, #warp_spectrum>) -> tensor<?x2x700xf16> {
  %y = fftconv.spectral_conv %u, %s : tensor<?x2x700xf16>, tensor<2x16x3x16xcomplex<f16>, #warp_spectrum>
  return %y : tensor<?x2x700xf16>
}

// -----

// Three rows: planes of real and imaginary parts, then the next input. The exchanges and the output share the first two.
// CHECK-LABEL: gpu.module @in_a_cta_kernels
// CHECK: kernel attributes {fftconv.shared_bytes = 147528 : i64, known_block_size = array<i32: 512, 1, 1>}
// CHECK: fftconv.copy_in ahead {{.*}} -> <f16, shared 98304>
// CHECK: fftconv.relayout {{.*}} -> <complex<f16>, shared 0>
// CHECK: fftconv.relayout {{.*}} -> <complex<f16>, shared 0>
// CHECK: fftconv.relayout {{.*}} -> <f16, shared 0>
#all = #fftconv.schedule<warps = 16, values = 32, rows = 3, stages = 2, products = f16, sums = f32>
#cta = #fftconv.plan<points = 8192, radices = [16, 2, 16, 16], theta = i, compute = f16, chip = "sm_90", schedule = #all>
#cta_spectrum = #fftconv.spectrum<causal, length = 5000, plan = #cta>
func.func @in_a_cta(%u: tensor<?x3x5000xf16>, %s: tensor<3x16x2x16x16xcomplex<f16>, #cta_spectrum>) -> tensor<?x3x5000xf16> {
  %y = fftconv.spectral_conv %u, %s : tensor<?x3x5000xf16>, tensor<3x16x2x16x16xcomplex<f16>, #cta_spectrum>
  return %y : tensor<?x3x5000xf16>
}

// -----

// One stage: the input lies where the exchanges go.
// CHECK-LABEL: gpu.module @in_a_cta_kernels
// CHECK: fftconv.shared_bytes = 98376 : i64
// CHECK: fftconv.copy_in {{.*}} -> <f16, shared 0>
#all = #fftconv.schedule<warps = 16, values = 32, rows = 3, stages = 1, products = f16, sums = f32>
#cta = #fftconv.plan<points = 8192, radices = [16, 2, 16, 16], theta = i, compute = f16, chip = "sm_90", schedule = #all>
#cta_spectrum = #fftconv.spectrum<causal, length = 5000, plan = #cta>
func.func @in_a_cta(%u: tensor<?x3x5000xf16>, %s: tensor<3x16x2x16x16xcomplex<f16>, #cta_spectrum>) -> tensor<?x3x5000xf16> {
  %y = fftconv.spectral_conv %u, %s : tensor<?x3x5000xf16>, tensor<3x16x2x16x16xcomplex<f16>, #cta_spectrum>
  return %y : tensor<?x3x5000xf16>
}
