// RUN: fftconv-opt %s --fftconv-tile-rows --canonicalize --split-input-file | FileCheck %s

#plan = #fftconv.plan<points = 105, radices = [7, 15], theta = i, compute = f16, chip = "cpu">
#causal = #fftconv.spectrum<causal, length = 101, plan = #plan>

// Heads outside, so that a head's spectrum serves all its rows.
// CHECK-LABEL: @rows(
// CHECK-SAME: %[[U:[a-z0-9]+]]: tensor<?x2x101xf16>, %[[S:[a-z0-9]+]]: tensor<2x7x15xcomplex<f16>, #{{[a-z0-9]+}}>
// CHECK: %[[B:.+]] = tensor.dim %[[U]], %{{.+}}
// CHECK: scf.for %[[H:[a-z0-9]+]] = %{{[a-z0-9]+}} to %c2
// CHECK-NEXT: %[[ONE:.+]] = tensor.extract_slice %[[S]][%[[H]], 0, 0] [1, 7, 15]
// CHECK: scf.for %[[ROW:[a-z0-9]+]] = %{{[a-z0-9]+}} to %[[B]]
// CHECK: fftconv.spectral_conv %{{[a-z0-9_]+}}, %[[ONE]] post_gate(%{{[a-z0-9_]+}} : tensor<1x1x101xf16>) skip(%{{[a-z0-9_]+}} : tensor<1xf32>) : tensor<1x1x101xf16>
func.func @rows(%u: tensor<?x2x101xf16>, %s: tensor<2x7x15xcomplex<f16>, #causal>, %q: tensor<?x2x101xf16>,
                %d: tensor<2xf32>) -> tensor<?x2x101xf16> {
  %y = fftconv.spectral_conv %u, %s post_gate(%q : tensor<?x2x101xf16>) skip(%d : tensor<2xf32>)
      : tensor<?x2x101xf16>, tensor<2x7x15xcomplex<f16>, #causal>
  return %y : tensor<?x2x101xf16>
}

// -----

#ring = #fftconv.plan<points = 105, radices = [7, 15], theta = one, compute = f32, chip = "cpu">
#circular = #fftconv.spectrum<circular, length = 105, plan = #ring>

// Two rows share a complex row; the last of five goes alone.
// CHECK-LABEL: @pairs(
// CHECK: fftconv.spectral_conv {{.*}} : tensor<2x1x105xf32>
// CHECK: fftconv.spectral_conv {{.*}} : tensor<1x1x105xf32>
func.func @pairs(%u: tensor<5x3x105xf32>, %s: tensor<3x7x15xcomplex<f32>, #circular>) -> tensor<5x3x105xf32> {
  %y = fftconv.spectral_conv %u, %s : tensor<5x3x105xf32>, tensor<3x7x15xcomplex<f32>, #circular>
  return %y : tensor<5x3x105xf32>
}

// -----

#plan = #fftconv.plan<points = 105, radices = [7, 15], theta = i, compute = f16, chip = "cpu">
#causal = #fftconv.spectrum<causal, length = 101, plan = #plan>

// CHECK-LABEL: @filters(
// CHECK: scf.for
// CHECK: fftconv.spectrum %{{.*}} : tensor<1x33xf32> -> tensor<1x7x15xcomplex<f16>
func.func @filters(%k: tensor<3x33xf32>) -> tensor<3x7x15xcomplex<f16>, #causal> {
  %s = fftconv.spectrum %k : tensor<3x33xf32> -> tensor<3x7x15xcomplex<f16>, #causal>
  return %s : tensor<3x7x15xcomplex<f16>, #causal>
}

// -----

#plan = #fftconv.plan<points = 105, radices = [7, 15], theta = i, compute = f16, chip = "cpu">
#causal = #fftconv.spectrum<causal, length = 101, plan = #plan>

// One row of one head is left alone.
// CHECK-LABEL: @declines_one_row(
// CHECK-NEXT: fftconv.spectral_conv
// CHECK-NEXT: return
func.func @declines_one_row(%u: tensor<1x1x101xf16>, %s: tensor<1x7x15xcomplex<f16>, #causal>) -> tensor<1x1x101xf16> {
  %y = fftconv.spectral_conv %u, %s : tensor<1x1x101xf16>, tensor<1x7x15xcomplex<f16>, #causal>
  return %y : tensor<1x1x101xf16>
}
