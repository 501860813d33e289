// RUN: fftconv-opt %s --fftconv-results-to-destinations | FileCheck %s

// CHECK-LABEL: func.func @two(
// CHECK-SAME: %[[U:[a-z0-9]+]]: tensor<?x3xf16> {bufferization.writable = false}, %[[K:[a-z0-9]+]]: tensor<5xf32> {bufferization.writable = false},
// CHECK-SAME: %[[A:[a-z0-9]+]]: memref<5xf32>, %[[B:[a-z0-9]+]]: memref<?x3xf16>) attributes {llvm.emit_c_interface}
// CHECK-DAG: bufferization.materialize_in_destination %[[K]] in restrict writable %[[A]]
// CHECK-DAG: bufferization.materialize_in_destination %[[U]] in restrict writable %[[B]]
// CHECK: return
func.func @two(%u: tensor<?x3xf16>, %k: tensor<5xf32>) -> (tensor<5xf32>, tensor<?x3xf16>) {
  return %k, %u : tensor<5xf32>, tensor<?x3xf16>
}

// Private functions keep their results.
// CHECK-LABEL: func.func private @declines_private(
// CHECK-SAME: tensor<5xf32>) -> tensor<5xf32>
func.func private @declines_private(%k: tensor<5xf32>) -> tensor<5xf32> {
  return %k : tensor<5xf32>
}
