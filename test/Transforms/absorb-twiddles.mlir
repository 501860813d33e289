// RUN: fftconv-opt %s --fftconv-decompose-to-monarch --fftconv-fuse-kernels --fftconv-assign-layouts --fftconv-absorb-twiddles --split-input-file | FileCheck %s
// RUN: sed '/#one =/s/sums = f32/sums = f16/' %s | fftconv-opt --fftconv-decompose-to-monarch --fftconv-fuse-kernels --fftconv-assign-layouts --fftconv-absorb-twiddles --split-input-file | FileCheck %s --check-prefix=PAIRS

// k1 n2 goes into the matrix of the first digit, so that the butterfly is a plain one, k2 n3 into that of the last; k1 n3 is a product. Sums that are f32 stay so on the
// way into a butterfly.
// PAIRS-LABEL: gpu.module @in_a_warp_kernels
// PAIRS: fftconv.tile_dft left %{{.*}} digit 1 absorbs [1, 2] by #plan : <f16, {{.*}} -> <complex<f16>,
// CHECK-LABEL: gpu.module @in_a_warp_kernels
// CHECK: fftconv.tile_dft left %{{.*}} digit 1 absorbs [1, 2] by #plan : <f16, {{.*}} -> <complex<f32>,
// CHECK-NEXT: fftconv.tile_dft butterfly %{{.*}} digit 2 by #plan : <complex<f32>, {{.*}} -> <complex<f16>,
// CHECK-NEXT: fftconv.tile_twiddle %{{.*}} digit 3 pairs [1, 3]
// CHECK-NEXT: fftconv.tile_dft right %{{.*}} digit 3 absorbs [2, 3] {{.*}} -> <complex<f16>,
// CHECK-NEXT: fftconv.tile_product
// CHECK-NEXT: fftconv.tile_dft left inverse %{{.*}} digit 3 absorbs [2, 3]
// CHECK-NEXT: fftconv.tile_twiddle inverse %{{.*}} digit 3 pairs [1, 3]
// CHECK-NEXT: fftconv.tile_dft butterfly inverse %{{.*}} digit 2 by #plan
// CHECK-NEXT: fftconv.tile_dft left inverse %{{.*}} digit 1 absorbs [1, 2] by #plan
#one = #fftconv.schedule<warps = 4, values = 32, rows = 4, stages = 2, products = f16, sums = f32>
#warp = #fftconv.plan<points = 768, radices = [16, 3, 16], theta = i, compute = f16, chip = "sm_90", schedule = #one>
#warp_spectrum = #fftconv.spectrum<causal, length = 700, plan = #warp>
func.func @in_a_warp(%u: tensor<?x2x700xf16>, %s: tensor<2x16x3x16xcomplex<f16>, #warp_spectrum>) -> tensor<?x2x700xf16> {
  %y = fftconv.spectral_conv %u, %s post_gate(%u : tensor<?x2x700xf16>) : tensor<?x2x700xf16>, tensor<2x16x3x16xcomplex<f16>, #warp_spectrum>
  return %y : tensor<?x2x700xf16>
}

// -----

// The same where the digit of the butterfly is on registers of a tile. With products in f32 sums stay f32 on their way there.
// CHECK-LABEL: gpu.module @in_a_cta_kernels
// CHECK: fftconv.tile_dft left %{{.*}} digit 1 absorbs [1, 2, 1, 3]
// CHECK-NEXT: fftconv.tile_dft butterfly %{{.*}} digit 2 by #plan
// CHECK: fftconv.tile_dft left %{{.*}} digit 3 absorbs [2, 3] {{.*}} -> <complex<f32>,
// CHECK-NEXT: fftconv.tile_twiddle %{{.*}} digit 4 pairs [2, 4, 3, 4] {{.*}} -> <complex<f16>,
// CHECK-NEXT: fftconv.tile_dft right %{{.*}} digit 4 absorbs [1, 4] {{.*}} -> <complex<f32>,
// CHECK-NEXT: fftconv.tile_product {{.*}} -> <complex<f16>,
#all = #fftconv.schedule<warps = 16, values = 32, rows = 3, stages = 2, products = f32, sums = f32>
#cta = #fftconv.plan<points = 8192, radices = [16, 2, 16, 16], theta = i, compute = f16, chip = "sm_90", schedule = #all>
#cta_spectrum = #fftconv.spectrum<causal, length = 5000, plan = #cta>
func.func @in_a_cta(%u: tensor<?x3x5000xf16>, %s: tensor<3x16x2x16x16xcomplex<f16>, #cta_spectrum>) -> tensor<?x3x5000xf16> {
  %y = fftconv.spectral_conv %u, %s : tensor<?x3x5000xf16>, tensor<3x16x2x16x16xcomplex<f16>, #cta_spectrum>
  return %y : tensor<?x3x5000xf16>
}
