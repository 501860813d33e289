// RUN: fftconv-opt %s --resolve-ranked-shaped-type-result-dims --canonicalize | FileCheck %s

// The result has the sizes of u: a dynamic batch is that of the operand, whatever the convolution needs to run.
// CHECK-LABEL: @batch(
// CHECK-SAME: %[[U:[a-z0-9_]+]]: tensor<?x3x100xf16>
// CHECK: %[[B:[a-z0-9_]+]] = tensor.dim %[[U]], %{{[a-z0-9_]+}}
// CHECK: return %[[B]]
func.func @batch(%u: tensor<?x3x100xf16>, %k: tensor<3x7xf32>) -> index {
  %zero = arith.constant 0 : index
  %y = fftconv.conv causal %u, %k : tensor<?x3x100xf16>, tensor<3x7xf32>
  %b = tensor.dim %y, %zero : tensor<?x3x100xf16>
  return %b : index
}
