// RUN: fftconv-opt %s --resolve-ranked-shaped-type-result-dims --canonicalize | FileCheck %s

// The sizes of a result are those of its rows.
// CHECK-LABEL: func.func @size(
// CHECK-SAME: %[[U:.*]]: tensor<?x3x101xf32>
// CHECK: tensor.dim %[[U]]
func.func @size(%u: tensor<?x3x101xf32>, %k: tensor<3x7xf32>) -> index {
  %zero = arith.constant 0 : index
  %y = fftconv.conv causal %u, %k : tensor<?x3x101xf32>, tensor<3x7xf32>
  %b = tensor.dim %y, %zero : tensor<?x3x101xf32>
  return %b : index
}
