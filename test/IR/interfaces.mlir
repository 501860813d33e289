// RUN: fftconv-opt %s --transform-interpreter --canonicalize --cse --split-input-file | FileCheck %s

// Tiles of rows and heads, fused with what makes them and what takes them.
// CHECK-LABEL: func.func @tiled(
// CHECK: scf.forall (%[[I:.*]], %[[J:.*]]) in (2, 3)
// CHECK-DAG: %[[B:.*]] = affine.apply #{{.*}}(%[[I]])
// CHECK-DAG: %[[H:.*]] = affine.apply #{{.*}}(%[[J]])
// CHECK-DAG: %[[U:.*]] = tensor.extract_slice %{{.*}}[%[[B]], %[[H]], 0] [4, 2, 100] [1, 1, 1] : tensor<8x6x100xf32> to tensor<4x2x100xf32>
// CHECK-DAG: %[[K:.*]] = tensor.extract_slice %{{.*}}[%[[H]], 0] [2, 7] [1, 1] : tensor<6x7xf32> to tensor<2x7xf32>
// CHECK-DAG: %[[D:.*]] = tensor.extract_slice %{{.*}}[%[[H]]] [2] [1] : tensor<6xf32> to tensor<2xf32>
// CHECK: fftconv.conv bidirectional %[[U]], %[[K]] center 3 skip(%[[D]] : tensor<2xf32>)
// CHECK: linalg.exp
func.func @tiled(%u: tensor<8x6x100xf32>, %k: tensor<6x7xf32>, %d: tensor<6xf32>) -> tensor<8x6x100xf32> {
  %y = fftconv.conv bidirectional %u, %k center 3 skip(%d : tensor<6xf32>) : tensor<8x6x100xf32>, tensor<6x7xf32>
  %empty = tensor.empty() : tensor<8x6x100xf32>
  %z = linalg.exp ins(%y : tensor<8x6x100xf32>) outs(%empty : tensor<8x6x100xf32>) -> tensor<8x6x100xf32>
  return %z : tensor<8x6x100xf32>
}
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %exp = transform.structured.match ops{["linalg.exp"]} in %root : (!transform.any_op) -> !transform.any_op
    %tiled, %loop = transform.structured.tile_using_forall %exp tile_sizes [4, 2, 0] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    %conv = transform.structured.match ops{["fftconv.conv"]} in %root : (!transform.any_op) -> !transform.any_op
    %fused, %new = transform.structured.fuse_into_containing_op %conv into %loop : (!transform.any_op, !transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// Channels last, tiled by itself.
// CHECK-LABEL: func.func @channels_last(
// CHECK: scf.for %[[H:[a-z0-9]+]] =
// CHECK: tensor.extract_slice %{{.*}}[0, 0, %[[H]]] [8, 100, 3] [1, 1, 1]
// CHECK: fftconv.conv causal channels_last
// CHECK: tensor.insert_slice %{{.*}}[0, 0, %[[H]]] [8, 100, 3] [1, 1, 1]
func.func @channels_last(%u: tensor<8x100x6xf16>, %k: tensor<6x7xf32>, %g: tensor<8x100x6xf16>) -> tensor<8x100x6xf16> {
  %y = fftconv.conv causal channels_last %u, %k pre_gate(%g : tensor<8x100x6xf16>) : tensor<8x100x6xf16>, tensor<6x7xf32>
  return %y : tensor<8x100x6xf16>
}
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
    %conv = transform.structured.match ops{["fftconv.conv"]} in %root : (!transform.any_op) -> !transform.any_op
    %tiled, %loop = transform.structured.tile_using_for %conv tile_sizes [0, 3] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}
