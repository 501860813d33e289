// RUN: fftconv-opt %s --fftconv-decompose-to-monarch --split-input-file | FileCheck %s

#plan = #fftconv.plan<points = 105, radices = [7, 3, 5], theta = i, compute = f16, chip = "cpu">
#causal = #fftconv.spectrum<causal, length = 101, plan = #plan>

// Real in the first stage and out of the last; operands are f16, sums f32.
// CHECK-LABEL: @causal(
// CHECK-SAME: %[[U:[a-z0-9]+]]: tensor<?x2x101xf16>, %[[S:[a-z0-9]+]]: tensor<2x7x3x5xcomplex<f16>, #{{[a-z0-9]+}}>, %[[G:[a-z0-9]+]]: tensor<?x2x101xf16>
// CHECK-NEXT: %[[X:.+]] = fftconv.embed %[[U]] pre_gate(%[[G]] : tensor<?x2x101xf16>) by #plan : tensor<?x2x101xf16> -> tensor<?x2x7x3x5xf16>
// CHECK-NEXT: %[[F1:.+]] = fftconv.dft %[[X]] digit 1 by #plan : tensor<?x2x7x3x5xf16> -> tensor<?x2x7x3x5xcomplex<f32>>
// CHECK-NEXT: %[[T2:.+]] = fftconv.twiddle %[[F1]] digit 2 by #plan : {{.*}} -> tensor<?x2x7x3x5xcomplex<f16>>
// CHECK-NEXT: %[[F2:.+]] = fftconv.dft %[[T2]] digit 2 by #plan : {{.*}} -> tensor<?x2x7x3x5xcomplex<f32>>
// CHECK-NEXT: %[[T3:.+]] = fftconv.twiddle %[[F2]] digit 3 by #plan : {{.*}} -> tensor<?x2x7x3x5xcomplex<f16>>
// CHECK-NEXT: %[[F3:.+]] = fftconv.dft %[[T3]] digit 3 by #plan : {{.*}} -> tensor<?x2x7x3x5xcomplex<f32>>
// CHECK-NEXT: %[[P:.+]] = fftconv.spectrum_product %[[F3]], %[[S]] : {{.*}} -> tensor<?x2x7x3x5xcomplex<f16>>
// CHECK-NEXT: %[[I3:.+]] = fftconv.dft inverse %[[P]] digit 3 by #plan : {{.*}} -> tensor<?x2x7x3x5xcomplex<f32>>
// CHECK-NEXT: %[[J3:.+]] = fftconv.twiddle inverse %[[I3]] digit 3 by #plan : {{.*}} -> tensor<?x2x7x3x5xcomplex<f16>>
// CHECK-NEXT: %[[I2:.+]] = fftconv.dft inverse %[[J3]] digit 2 by #plan : {{.*}} -> tensor<?x2x7x3x5xcomplex<f32>>
// CHECK-NEXT: %[[J2:.+]] = fftconv.twiddle inverse %[[I2]] digit 2 by #plan : {{.*}} -> tensor<?x2x7x3x5xcomplex<f16>>
// CHECK-NEXT: %[[I1:.+]] = fftconv.dft inverse %[[J2]] digit 1 by #plan : {{.*}} -> tensor<?x2x7x3x5xf32>
// CHECK-NEXT: %[[Y:.+]] = fftconv.project %[[I1]], %[[U]] for #{{.+}} : tensor<?x2x7x3x5xf32>, tensor<?x2x101xf16>
// CHECK-NEXT: return %[[Y]]
func.func @causal(%u: tensor<?x2x101xf16>, %s: tensor<2x7x3x5xcomplex<f16>, #causal>, %g: tensor<?x2x101xf16>)
    -> tensor<?x2x101xf16> {
  %y = fftconv.spectral_conv %u, %s pre_gate(%g : tensor<?x2x101xf16>)
      : tensor<?x2x101xf16>, tensor<2x7x3x5xcomplex<f16>, #causal>
  return %y : tensor<?x2x101xf16>
}

// -----

#plan = #fftconv.plan<points = 105, radices = [7, 15], theta = i, compute = f16, chip = "cpu">
#both = #fftconv.spectrum<bidirectional, length = 101, plan = #plan>

// A filter is transformed in f32 and rounded once; taps of negative lag make it complex.
// CHECK-LABEL: @filter(
// CHECK-NEXT: %[[X:.+]] = fftconv.embed_filter %{{.+}} center 3 for #{{[a-z0-9]+}} : tensor<2x33xf32> -> tensor<2x7x15xcomplex<f32>>
// CHECK-NEXT: %[[A:.+]] = fftconv.dft %[[X]] digit 1 by #plan : {{.*}} -> tensor<2x7x15xcomplex<f32>>
// CHECK-NEXT: %[[B:.+]] = fftconv.twiddle %[[A]] digit 2 by #plan : {{.*}} -> tensor<2x7x15xcomplex<f32>>
// CHECK-NEXT: %[[C:.+]] = fftconv.dft %[[B]] digit 2 by #plan : {{.*}} -> tensor<2x7x15xcomplex<f16>, #{{[a-z0-9]+}}>
func.func @filter(%k: tensor<2x33xf32>) -> tensor<2x7x15xcomplex<f16>, #both> {
  %s = fftconv.spectrum %k center 3 : tensor<2x33xf32> -> tensor<2x7x15xcomplex<f16>, #both>
  return %s : tensor<2x7x15xcomplex<f16>, #both>
}

// -----

#ring = #fftconv.plan<points = 105, radices = [105], theta = one, compute = f32, chip = "cpu">
#circular = #fftconv.spectrum<circular, length = 105, plan = #ring>

// Five rows are three complex ones.
// CHECK-LABEL: @circular(
// CHECK-NEXT: fftconv.embed %{{.+}} by #plan : tensor<5x3x105xf32> -> tensor<3x3x105xcomplex<f32>>
// CHECK-NEXT: fftconv.dft
// CHECK-NEXT: fftconv.spectrum_product
// CHECK-NEXT: fftconv.dft inverse {{.*}} -> tensor<3x3x105xcomplex<f32>>
// CHECK-NEXT: fftconv.project
func.func @circular(%u: tensor<5x3x105xf32>, %s: tensor<3x105xcomplex<f32>, #circular>) -> tensor<5x3x105xf32> {
  %y = fftconv.spectral_conv %u, %s : tensor<5x3x105xf32>, tensor<3x105xcomplex<f32>, #circular>
  return %y : tensor<5x3x105xf32>
}
