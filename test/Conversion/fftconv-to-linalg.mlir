// RUN: fftconv-opt %s --convert-fftconv-to-linalg --canonicalize | FileCheck %s

#plan = #fftconv.plan<points = 35, radices = [5, 7], theta = i, compute = f16, chip = "cpu">
#ring = #fftconv.plan<points = 35, radices = [5, 7], theta = one, compute = f16, chip = "cpu">
#causal = #fftconv.spectrum<causal, length = 31, plan = #plan>
#circular = #fftconv.spectrum<circular, length = 35, plan = #ring>
#wrapped = #fftconv.spectrum<circular, length = 31, plan = #plan>
#both = #fftconv.spectrum<bidirectional, length = 31, plan = #plan>

// CHECK-DAG: #[[MATRIX:[a-z0-9]+]] = affine_map<(d0, d1, d2, d3, d4, d5) -> (d0, d3, d5)>
// CHECK-DAG: #[[DIGITS:[a-z0-9]+]] = affine_map<(d0, d1, d2, d3, d4, d5) -> (d1, d2, d5, d4)>
// CHECK-DAG: #[[PLANES:[a-z0-9]+]] = affine_map<(d0, d1, d2, d3, d4, d5) -> (d0, d1, d2, d3, d4)>
// CHECK-DAG: #[[TRANSPOSED:[a-z0-9]+]] = affine_map<(d0, d1, d2, d3, d4, d5) -> (d5, d0, d3, d4)>

// A real operand gives two planes; the matrix is rounded to the operand's type, the sum is f32.
// CHECK-LABEL: func.func @first_stage(
// CHECK-SAME: %[[X:[a-z0-9]+]]: tensor<3x2x5x7xf16>) -> tensor<2x3x2x5x7xf32>
// CHECK: linalg.generic {indexing_maps = [#[[MATRIX]], #[[DIGITS]], #[[PLANES]]]
// CHECK-SAME: ins(%{{.+}}, %[[X]] : tensor<2x5x5xf16>, tensor<3x2x5x7xf16>)
// CHECK: %[[SUM:.+]] = arith.addf %{{.+}}, %{{.+}} : f32
// CHECK-NEXT: linalg.yield %[[SUM]] : f32
func.func @first_stage(%x: tensor<3x2x5x7xf16>) -> tensor<3x2x5x7xcomplex<f32>> {
  %y = fftconv.dft %x digit 1 by #plan : tensor<3x2x5x7xf16> -> tensor<3x2x5x7xcomplex<f32>>
  return %y : tensor<3x2x5x7xcomplex<f32>>
}

// The inverse twiddle reads the same rotations transposed.
// CHECK-LABEL: func.func @inverse_twiddle(
// CHECK-SAME: tensor<2x?x2x5x7xf32>) -> tensor<2x?x2x5x7xf16>
// CHECK: linalg.generic {indexing_maps = [#[[TRANSPOSED]], #{{.+}}, #[[PLANES]]]
// CHECK-SAME: ins(%{{.+}}, %{{.+}} : tensor<2x2x5x7xf32>, tensor<2x?x2x5x7xf32>)
// CHECK: arith.truncf %{{.+}} : f32 to f16
func.func @inverse_twiddle(%x: tensor<?x2x5x7xcomplex<f32>>) -> tensor<?x2x5x7xcomplex<f16>> {
  %y = fftconv.twiddle inverse %x digit 2 by #plan : tensor<?x2x5x7xcomplex<f32>> -> tensor<?x2x5x7xcomplex<f16>>
  return %y : tensor<?x2x5x7xcomplex<f16>>
}

// A spectrum is a tensor of rotations.
// CHECK-LABEL: func.func @product(
// CHECK-SAME: tensor<2x3x2x5x7xf32>, %{{.+}}: tensor<2x2x2x5x7xf16>) -> tensor<2x3x2x5x7xf16>
func.func @product(%x: tensor<3x2x5x7xcomplex<f32>>, %s: tensor<2x5x7xcomplex<f16>, #causal>)
    -> tensor<3x2x5x7xcomplex<f16>> {
  %y = fftconv.spectrum_product %x, %s
      : tensor<3x2x5x7xcomplex<f32>>, tensor<2x5x7xcomplex<f16>, #causal> -> tensor<3x2x5x7xcomplex<f16>>
  return %y : tensor<3x2x5x7xcomplex<f16>>
}

// CHECK-LABEL: func.func @padding(
// CHECK: linalg.fill
// CHECK: tensor.extract_slice %{{.+}}[0, 0, 0] [3, 2, 31]
// CHECK: arith.mulf %{{.+}}, %{{.+}} : f32
// CHECK: tensor.insert_slice
// CHECK: tensor.expand_shape %{{.+}} {{\[}}[0], [1], [2, 3]]
func.func @padding(%u: tensor<3x2x31xf16>, %g: tensor<3x2x31xf16>) -> tensor<3x2x5x7xf16> {
  %x = fftconv.embed %u pre_gate(%g : tensor<3x2x31xf16>) by #plan : tensor<3x2x31xf16> -> tensor<3x2x5x7xf16>
  return %x : tensor<3x2x5x7xf16>
}

// Rows 0, 2, 4 are real parts, rows 1 and 3 imaginary ones.
// CHECK-LABEL: func.func @pairs(
// CHECK: tensor.extract_slice %{{.+}}[0, 0, 0] [3, 2, 35] [2, 1, 1]
// CHECK: tensor.extract_slice %{{.+}}[1, 0, 0] [2, 2, 35] [2, 1, 1]
func.func @pairs(%u: tensor<5x2x35xf16>) -> tensor<3x2x5x7xcomplex<f16>> {
  %x = fftconv.embed %u by #ring : tensor<5x2x35xf16> -> tensor<3x2x5x7xcomplex<f16>>
  return %x : tensor<3x2x5x7xcomplex<f16>>
}

// Real outputs 31 to 34, then 27 of the imaginary plane, wrap around onto outputs 0 to 30.
// CHECK-LABEL: func.func @tail(
// CHECK: tensor.extract_slice %{{.+}}[0, 0, 0, 31] [1, 3, 2, 4]
// CHECK: tensor.extract_slice %{{.+}}[1, 0, 0, 0] [1, 3, 2, 27]
func.func @tail(%x: tensor<3x2x5x7xcomplex<f16>>, %u: tensor<3x2x31xf16>) -> tensor<3x2x31xf16> {
  %y = fftconv.project %x, %u for #wrapped : tensor<3x2x5x7xcomplex<f16>>, tensor<3x2x31xf16>
  return %y : tensor<3x2x31xf16>
}

// Taps 3 to 8 start at 0; taps 0 to 2, of negative lag, end at 35 in the imaginary plane.
// CHECK-LABEL: func.func @taps(
// CHECK: tensor.extract_slice %{{.+}}[0, 3] [2, 6]
// CHECK: tensor.extract_slice %{{.+}}[0, 0, 0] [1, 2, 6]
// CHECK: tensor.extract_slice %{{.+}}[0, 0] [2, 3]
// CHECK: tensor.extract_slice %{{.+}}[1, 0, 32] [1, 2, 3]
func.func @taps(%k: tensor<2x9xf32>) -> tensor<2x5x7xcomplex<f32>> {
  %x = fftconv.embed_filter %k center 3 for #both : tensor<2x9xf32> -> tensor<2x5x7xcomplex<f32>>
  return %x : tensor<2x5x7xcomplex<f32>>
}

// A loop that carries a spectrum carries its rotations.
// CHECK-LABEL: func.func @loop(
// CHECK: scf.for {{.*}} -> (tensor<2x2x2x5x7xf16>)
func.func @loop(%s: tensor<2x5x7xcomplex<f16>, #causal>, %n: index) -> tensor<2x5x7xcomplex<f16>, #causal> {
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  %r = scf.for %i = %zero to %n step %one iter_args(%a = %s) -> tensor<2x5x7xcomplex<f16>, #causal> {
    %h = tensor.extract_slice %a[%i, 0, 0] [1, 5, 7] [1, 1, 1]
        : tensor<2x5x7xcomplex<f16>, #causal> to tensor<1x5x7xcomplex<f16>, #causal>
    %b = tensor.insert_slice %h into %a[0, 0, 0] [1, 5, 7] [1, 1, 1]
        : tensor<1x5x7xcomplex<f16>, #causal> into tensor<2x5x7xcomplex<f16>, #causal>
    scf.yield %b : tensor<2x5x7xcomplex<f16>, #causal>
  }
  return %r : tensor<2x5x7xcomplex<f16>, #causal>
}
