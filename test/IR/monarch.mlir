// RUN: fftconv-opt %s | fftconv-opt | FileCheck %s
// RUN: fftconv-opt %s --mlir-print-op-generic | fftconv-opt | FileCheck %s
// RUN: fftconv-opt %s --emit-bytecode | fftconv-opt | FileCheck %s

// Round trips of the ops of the monarch rung.

#plan = #fftconv.plan<points = 105, radices = [7, 3, 5], theta = i, compute = f16, chip = "cpu">
#ring = #fftconv.plan<points = 105, radices = [7, 15], theta = one, compute = f32, chip = "cpu">
#both = #fftconv.spectrum<bidirectional, length = 101, plan = #plan>
#circular = #fftconv.spectrum<circular, length = 105, plan = #ring>

// CHECK-LABEL: @ends(
// CHECK: fftconv.embed %{{[a-z0-9_]+}} pre_gate(%{{[a-z0-9_]+}} : tensor<?x3x101xf16>) by #{{[a-z0-9]+}} : tensor<?x3x101xf16> -> tensor<?x3x7x3x5xf16>
// CHECK: fftconv.project %{{[a-z0-9_]+}}, %{{[a-z0-9_]+}} pre_gate(%{{[a-z0-9_]+}} : tensor<?x3x101xf16>) skip(%{{[a-z0-9_]+}} : tensor<3xf32>) for #{{[a-z0-9]+}}
// CHECK-SAME: : tensor<?x3x7x3x5xf16>, tensor<?x3x101xf16>
func.func @ends(%u: tensor<?x3x101xf16>, %g: tensor<?x3x101xf16>, %d: tensor<3xf32>) -> tensor<?x3x101xf16> {
  %x = fftconv.embed %u pre_gate(%g : tensor<?x3x101xf16>) by #plan : tensor<?x3x101xf16> -> tensor<?x3x7x3x5xf16>
  %y = fftconv.project %x, %u pre_gate(%g : tensor<?x3x101xf16>) skip(%d : tensor<3xf32>) for #both
      : tensor<?x3x7x3x5xf16>, tensor<?x3x101xf16>
  return %y : tensor<?x3x101xf16>
}

// CHECK-LABEL: @pairs(
// CHECK: fftconv.embed %{{[a-z0-9_]+}} by #{{[a-z0-9]+}} : tensor<5x3x105xf32> -> tensor<3x3x7x15xcomplex<f32>>
// CHECK: fftconv.project
func.func @pairs(%u: tensor<5x3x105xf32>) -> tensor<5x3x105xf32> {
  %x = fftconv.embed %u by #ring : tensor<5x3x105xf32> -> tensor<3x3x7x15xcomplex<f32>>
  %y = fftconv.project %x, %u for #circular : tensor<3x3x7x15xcomplex<f32>>, tensor<5x3x105xf32>
  return %y : tensor<5x3x105xf32>
}

// CHECK-LABEL: @filter(
// CHECK: fftconv.embed_filter %{{[a-z0-9_]+}} center 2 for #{{[a-z0-9]+}} : tensor<3x9xf32> -> tensor<3x7x3x5xcomplex<f32>>
func.func @filter(%k: tensor<3x9xf32>) -> tensor<3x7x3x5xcomplex<f32>> {
  %x = fftconv.embed_filter %k center 2 for #both : tensor<3x9xf32> -> tensor<3x7x3x5xcomplex<f32>>
  return %x : tensor<3x7x3x5xcomplex<f32>>
}

// CHECK-LABEL: @stages(
// CHECK: fftconv.dft %{{[a-z0-9_]+}} digit 1 by #{{[a-z0-9]+}} : tensor<2x3x7x3x5xf16> -> tensor<2x3x7x3x5xcomplex<f32>>
// CHECK: fftconv.twiddle %{{[a-z0-9_]+}} digit 2 by #{{[a-z0-9]+}} : tensor<2x3x7x3x5xcomplex<f32>> -> tensor<2x3x7x3x5xcomplex<f16>>
// CHECK: fftconv.spectrum_product
// CHECK: fftconv.dft inverse %{{[a-z0-9_]+}} digit 1 by #{{[a-z0-9]+}} : tensor<2x3x7x3x5xcomplex<f16>> -> tensor<2x3x7x3x5xf32>
func.func @stages(%x: tensor<2x3x7x3x5xf16>, %s: tensor<3x7x3x5xcomplex<f16>, #both>) -> tensor<2x3x7x3x5xf32> {
  %0 = fftconv.dft %x digit 1 by #plan : tensor<2x3x7x3x5xf16> -> tensor<2x3x7x3x5xcomplex<f32>>
  %1 = fftconv.twiddle %0 digit 2 by #plan : tensor<2x3x7x3x5xcomplex<f32>> -> tensor<2x3x7x3x5xcomplex<f16>>
  %2 = fftconv.spectrum_product %1, %s
      : tensor<2x3x7x3x5xcomplex<f16>>, tensor<3x7x3x5xcomplex<f16>, #both> -> tensor<2x3x7x3x5xcomplex<f16>>
  %3 = fftconv.dft inverse %2 digit 1 by #plan : tensor<2x3x7x3x5xcomplex<f16>> -> tensor<2x3x7x3x5xf32>
  return %3 : tensor<2x3x7x3x5xf32>
}

// The first digit counts blocks.
#blocks = #fftconv.plan<blocks = 2, points = 30, radices = [2, 3, 5], theta = i, compute = f16, chip = "cpu">
// CHECK-LABEL: @blocks(
// CHECK: fftconv.dft %{{[a-z0-9_]+}} digit 2 by #[[BLOCKS:[a-z0-9_]+]] : tensor<2x3x2x3x5xf16> -> tensor<2x3x2x3x5xcomplex<f16>>
func.func @blocks(%x: tensor<2x3x2x3x5xf16>) -> tensor<2x3x2x3x5xcomplex<f16>> {
  %y = fftconv.dft %x digit 2 by #blocks : tensor<2x3x2x3x5xf16> -> tensor<2x3x2x3x5xcomplex<f16>>
  return %y : tensor<2x3x2x3x5xcomplex<f16>>
}
