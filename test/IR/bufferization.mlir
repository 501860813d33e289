// RUN: fftconv-opt %s --one-shot-bufferize="bufferize-function-boundaries function-boundary-type-conversion=identity-layout-map" | FileCheck %s

// A convolution bufferizes among other ops: operands are read where they are, the result gets a buffer. (test_buffers.py runs what is bufferized.)
// CHECK-LABEL: func.func @layer(
// CHECK-SAME: %[[U:.*]]: memref<?x3x100xf16>, %[[K:.*]]: memref<3x7xf32>, %[[D:.*]]: memref<3xf32>
// CHECK: linalg.exp {{.*}} outs(%[[E:.*]] : memref<?x3x100xf16>)
// CHECK: %[[Y:.*]] = memref.alloc(%{{.*}}) {{.*}}: memref<?x3x100xf16>
// CHECK-NOT: memref.copy
// CHECK: fftconv.conv_buffers bidirectional %[[U]], %[[K]] center 2 post_gate(%[[E]] : memref<?x3x100xf16>) skip(%[[D]] : memref<3xf32>) into %[[Y]]
// CHECK: return %[[Y]]
func.func @layer(%u: tensor<?x3x100xf16>, %k: tensor<3x7xf32>, %d: tensor<3xf32>) -> tensor<?x3x100xf16> {
  %zero = arith.constant 0 : index
  %b = tensor.dim %u, %zero : tensor<?x3x100xf16>
  %empty = tensor.empty(%b) : tensor<?x3x100xf16>
  %g = linalg.exp ins(%u : tensor<?x3x100xf16>) outs(%empty : tensor<?x3x100xf16>) -> tensor<?x3x100xf16>
  %y = fftconv.conv bidirectional %u, %k center 2 post_gate(%g : tensor<?x3x100xf16>) skip(%d : tensor<3xf32>) : tensor<?x3x100xf16>, tensor<3x7xf32>
  return %y : tensor<?x3x100xf16>
}
