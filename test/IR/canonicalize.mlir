// RUN: fftconv-opt %s --canonicalize --split-input-file | FileCheck %s

// CHECK-LABEL: @product_before(
// CHECK-SAME: %[[U:[a-z0-9_]+]]: tensor<2x3x100xf16>, %[[K:[a-z0-9_]+]]: tensor<3x7xf32>, %[[G:[^:]*]]: tensor<2x3x100xf16>)
// CHECK-NEXT: %[[Y:[a-z0-9_]+]] = fftconv.conv causal %[[U]], %[[K]] pre_gate(%[[G]] : tensor<2x3x100xf16>)
// CHECK-NEXT: return %[[Y]]
func.func @product_before(%u: tensor<2x3x100xf16>, %k: tensor<3x7xf32>, %g: tensor<2x3x100xf16>) -> tensor<2x3x100xf16> {
  %x = arith.mulf %u, %g : tensor<2x3x100xf16>
  %y = fftconv.conv causal %x, %k : tensor<2x3x100xf16>, tensor<3x7xf32>
  return %y : tensor<2x3x100xf16>
}

// -----

// CHECK-LABEL: @product_after(
// CHECK-SAME: %[[U:[a-z0-9_]+]]: tensor<2x3x100xf16>, %[[K:[a-z0-9_]+]]: tensor<3x7xf32>, %[[G:[^:]*]]: tensor<2x3x100xf16>)
// CHECK-NEXT: %[[Y:[a-z0-9_]+]] = fftconv.conv bidirectional %[[U]], %[[K]] center 2 post_gate(%[[G]] : tensor<2x3x100xf16>)
// CHECK-NEXT: return %[[Y]]
func.func @product_after(%u: tensor<2x3x100xf16>, %k: tensor<3x7xf32>, %g: tensor<2x3x100xf16>) -> tensor<2x3x100xf16> {
  %y = fftconv.conv bidirectional %u, %k center 2 : tensor<2x3x100xf16>, tensor<3x7xf32>
  %z = arith.mulf %g, %y : tensor<2x3x100xf16>
  return %z : tensor<2x3x100xf16>
}

// -----

// A second product on either side finds the gate taken, and stays.
// CHECK-LABEL: @gates_are_taken(
// CHECK: arith.mulf
// CHECK-NEXT: fftconv.conv causal {{.*}} pre_gate({{.*}}) post_gate(
// CHECK-NEXT: arith.mulf
// CHECK-NEXT: return
func.func @gates_are_taken(%u: tensor<2x3x100xf16>, %k: tensor<3x7xf32>, %g: tensor<2x3x100xf16>) -> tensor<2x3x100xf16> {
  %a = arith.mulf %u, %g : tensor<2x3x100xf16>
  %x = arith.mulf %a, %g : tensor<2x3x100xf16>
  %y = fftconv.conv causal %x, %k : tensor<2x3x100xf16>, tensor<3x7xf32>
  %z = arith.mulf %y, %g : tensor<2x3x100xf16>
  %w = arith.mulf %z, %g : tensor<2x3x100xf16>
  return %w : tensor<2x3x100xf16>
}

// -----

// A convolution with another use must keep its value: the product after it stays.
// CHECK-LABEL: @declines_two_uses(
// CHECK-NEXT: %[[Y:[a-z0-9_]+]] = fftconv.conv causal %{{[a-z0-9]*}}, %{{[a-z0-9]*}} : tensor<2x3x100xf32>
// CHECK-NEXT: %[[Z:[a-z0-9_]+]] = arith.mulf %[[Y]], %{{[a-z0-9_]+}}
// CHECK-NEXT: return %[[Y]], %[[Z]]
func.func @declines_two_uses(%u: tensor<2x3x100xf32>, %k: tensor<3x7xf32>, %g: tensor<2x3x100xf32>)
    -> (tensor<2x3x100xf32>, tensor<2x3x100xf32>) {
  %y = fftconv.conv causal %u, %k : tensor<2x3x100xf32>, tensor<3x7xf32>
  %z = arith.mulf %y, %g : tensor<2x3x100xf32>
  return %y, %z : tensor<2x3x100xf32>, tensor<2x3x100xf32>
}

// -----

// The square of a convolution has no gate.
// CHECK-LABEL: @declines_square(
// CHECK: arith.mulf
func.func @declines_square(%u: tensor<2x3x100xf32>, %k: tensor<3x7xf32>) -> tensor<2x3x100xf32> {
  %y = fftconv.conv causal %u, %k : tensor<2x3x100xf32>, tensor<3x7xf32>
  %z = arith.mulf %y, %y : tensor<2x3x100xf32>
  return %z : tensor<2x3x100xf32>
}

// -----

// CHECK-LABEL: @neutral(
// CHECK-NEXT: fftconv.conv circular %{{[a-z0-9]*}}, %{{[a-z0-9]*}} : tensor<2x3x100xf32>
func.func @neutral(%u: tensor<2x3x100xf32>, %k: tensor<3x7xf32>) -> tensor<2x3x100xf32> {
  %one = arith.constant dense<1.0> : tensor<2x3x100xf32>
  %zero = arith.constant dense<0.0> : tensor<3xf32>
  %y = fftconv.conv circular %u, %k pre_gate(%one : tensor<2x3x100xf32>) post_gate(%one : tensor<2x3x100xf32>)
      skip(%zero : tensor<3xf32>) : tensor<2x3x100xf32>, tensor<3x7xf32>
  return %y : tensor<2x3x100xf32>
}

// -----

// CHECK-LABEL: @zero_signal(
// CHECK-NEXT: %[[Z:[a-z0-9_]+]] = arith.constant dense<0.000000e+00> : tensor<2x3x100xbf16>
// CHECK-NEXT: return %[[Z]]
func.func @zero_signal(%k: tensor<3x7xf32>) -> tensor<2x3x100xbf16> {
  %zero = arith.constant dense<0.0> : tensor<2x3x100xbf16>
  %y = fftconv.conv causal %zero, %k : tensor<2x3x100xbf16>, tensor<3x7xf32>
  return %y : tensor<2x3x100xbf16>
}

// -----

// CHECK-LABEL: @zero_gate(
// CHECK-NEXT: %[[Z:[a-z0-9_]+]] = arith.constant dense<0.000000e+00> : tensor<2x3x100xf16>
// CHECK-NEXT: return %[[Z]]
func.func @zero_gate(%u: tensor<2x3x100xf16>, %k: tensor<3x7xf32>) -> tensor<2x3x100xf16> {
  %zero = arith.constant dense<0.0> : tensor<2x3x100xf16>
  %y = fftconv.conv causal %u, %k post_gate(%zero : tensor<2x3x100xf16>) : tensor<2x3x100xf16>, tensor<3x7xf32>
  return %y : tensor<2x3x100xf16>
}

// -----

// CHECK-LABEL: @zero_filter(
// CHECK-SAME: %[[U:[a-z0-9_]+]]: tensor<?x3x100xf16>
// CHECK: %[[B:[a-z0-9_]+]] = tensor.dim %[[U]]
// CHECK: %[[Y:[a-z0-9_]+]] = tensor.splat %{{[a-z0-9_]+}}[%[[B]]] : tensor<?x3x100xf16>
// CHECK-NEXT: return %[[Y]]
func.func @zero_filter(%u: tensor<?x3x100xf16>) -> tensor<?x3x100xf16> {
  %k = arith.constant dense<0.0> : tensor<3x7xf32>
  %y = fftconv.conv causal %u, %k : tensor<?x3x100xf16>, tensor<3x7xf32>
  return %y : tensor<?x3x100xf16>
}

// -----

// What is left of a filter of zeros is the skip.
// CHECK-LABEL: @zero_filter_skip(
// CHECK-SAME: %[[U:[a-z0-9_]+]]: tensor<2x3x100xf32>, %[[D:[a-z0-9_]+]]: tensor<3xf32>
// CHECK: %[[S:[a-z0-9_]+]] = linalg.broadcast ins(%[[D]] : tensor<3xf32>)
// CHECK: arith.mulf %[[U]], %[[S]]
func.func @zero_filter_skip(%u: tensor<2x3x100xf32>, %d: tensor<3xf32>) -> tensor<2x3x100xf32> {
  %k = arith.constant dense<0.0> : tensor<3x7xf32>
  %y = fftconv.conv causal %u, %k skip(%d : tensor<3xf32>) : tensor<2x3x100xf32>, tensor<3x7xf32>
  return %y : tensor<2x3x100xf32>
}

// -----

// CHECK-LABEL: @one_tap(
// CHECK-SAME: %[[U:[a-z0-9_]+]]: tensor<?x3x100xf16>, %[[G:[a-z0-9_]+]]: tensor<?x3x100xf16>
// CHECK: %[[K:[a-z0-9_]+]] = arith.constant dense<[1.000000e+00, 2.000000e+00, -5.000000e-01]> : tensor<3xf16>
// CHECK: %[[S:[a-z0-9_]+]] = linalg.broadcast ins(%[[K]] : tensor<3xf16>)
// CHECK: %[[Y:[a-z0-9_]+]] = arith.mulf %[[U]], %[[S]] : tensor<?x3x100xf16>
// CHECK: arith.mulf %[[Y]], %[[G]]
func.func @one_tap(%u: tensor<?x3x100xf16>, %g: tensor<?x3x100xf16>) -> tensor<?x3x100xf16> {
  %k = arith.constant dense<[[1.0], [2.0], [-0.5]]> : tensor<3x1xf32>
  %y = fftconv.conv bidirectional %u, %k center 0 post_gate(%g : tensor<?x3x100xf16>)
      : tensor<?x3x100xf16>, tensor<3x1xf32>
  return %y : tensor<?x3x100xf16>
}

// -----

// CHECK-LABEL: @identity(
// CHECK-SAME: %[[U:[a-z0-9_]+]]: tensor<2x3x100xf16>
// CHECK-NEXT: return %[[U]]
func.func @identity(%u: tensor<2x3x100xf16>) -> tensor<2x3x100xf16> {
  %k = arith.constant dense<1.0> : tensor<3x1xf32>
  %y = fftconv.conv circular %u, %k : tensor<2x3x100xf16>, tensor<3x1xf32>
  return %y : tensor<2x3x100xf16>
}

// -----

// One tap that is not constant, or constant taps that are several, are convolutions.
// CHECK-LABEL: @declines_filters(
// CHECK: fftconv.conv
// CHECK: fftconv.conv
func.func @declines_filters(%u: tensor<2x3x100xf16>, %one: tensor<3x1xf32>) -> tensor<2x3x100xf16> {
  %k = arith.constant dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]> : tensor<3x2xf32>
  %x = fftconv.conv causal %u, %one : tensor<2x3x100xf16>, tensor<3x1xf32>
  %y = fftconv.conv causal %x, %k : tensor<2x3x100xf16>, tensor<3x2xf32>
  return %y : tensor<2x3x100xf16>
}

// -----

// CHECK-LABEL: @unused(
// CHECK-NEXT: return
func.func @unused(%u: tensor<2x3x100xf16>, %k: tensor<3x7xf32>) {
  %y = fftconv.conv causal %u, %k : tensor<2x3x100xf16>, tensor<3x7xf32>
  return
}

// -----

#plan = #fftconv.plan<points = 105, radices = [7, 3, 5], theta = i, compute = f32, chip = "cpu">

// CHECK-LABEL: @stage_undone(
// CHECK-SAME: %[[X:[a-z0-9_]+]]: tensor<2x7x3x5xcomplex<f32>>
// CHECK-NEXT: return %[[X]]
func.func @stage_undone(%x: tensor<2x7x3x5xcomplex<f32>>) -> tensor<2x7x3x5xcomplex<f32>> {
  %0 = fftconv.twiddle %x digit 2 by #plan : tensor<2x7x3x5xcomplex<f32>> -> tensor<2x7x3x5xcomplex<f32>>
  %1 = fftconv.dft %0 digit 2 by #plan : tensor<2x7x3x5xcomplex<f32>> -> tensor<2x7x3x5xcomplex<f32>>
  %2 = fftconv.dft inverse %1 digit 2 by #plan : tensor<2x7x3x5xcomplex<f32>> -> tensor<2x7x3x5xcomplex<f32>>
  %3 = fftconv.twiddle inverse %2 digit 2 by #plan : tensor<2x7x3x5xcomplex<f32>> -> tensor<2x7x3x5xcomplex<f32>>
  return %3 : tensor<2x7x3x5xcomplex<f32>>
}

// -----

#plan = #fftconv.plan<points = 105, radices = [7, 3, 5], theta = i, compute = f32, chip = "cpu">

// Another digit is no inverse, nor is a real part the whole of what went in.
// CHECK-LABEL: @declines_other_stages(
// CHECK-NEXT: fftconv.dft
// CHECK-NEXT: fftconv.dft inverse
// CHECK-NEXT: fftconv.dft inverse
func.func @declines_other_stages(%x: tensor<2x7x3x5xcomplex<f32>>) -> tensor<2x7x3x5xf32> {
  %0 = fftconv.dft %x digit 2 by #plan : tensor<2x7x3x5xcomplex<f32>> -> tensor<2x7x3x5xcomplex<f32>>
  %1 = fftconv.dft inverse %0 digit 3 by #plan : tensor<2x7x3x5xcomplex<f32>> -> tensor<2x7x3x5xcomplex<f32>>
  %2 = fftconv.dft inverse %1 digit 1 by #plan : tensor<2x7x3x5xcomplex<f32>> -> tensor<2x7x3x5xf32>
  return %2 : tensor<2x7x3x5xf32>
}
