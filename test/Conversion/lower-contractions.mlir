// RUN: fftconv-opt %s --fftconv-lower-contractions --canonicalize --split-input-file | FileCheck %s

// Of the four products of each lane, the two with zeros are not there.
// CHECK-LABEL: @without_zeros(
// CHECK-COUNT-2: math.fma {{.*}} : vector<4xf32>
// CHECK-NOT: math.fma
// CHECK: return
func.func @without_zeros(%x: vector<2x4xf32>, %acc: vector<2x4xf32>) -> vector<2x4xf32> {
  %w = arith.constant dense<[[0.0, 2.0], [-1.0, 0.0]]> : vector<2x2xf32>
  %y = vector.contract {indexing_maps = [affine_map<(k, c, n) -> (k, n)>, affine_map<(k, c, n) -> (n, c)>,
                                         affine_map<(k, c, n) -> (k, c)>],
                        iterator_types = ["parallel", "parallel", "reduction"], kind = #vector.kind<add>}
      %w, %x, %acc : vector<2x2xf32>, vector<2x4xf32> into vector<2x4xf32>
  return %y : vector<2x4xf32>
}

// -----

// The digit is the fastest dimension: columns of the matrix become vectors, values of the other operand splats.
// CHECK-LABEL: @digit_fastest(
// CHECK: vector.broadcast
// CHECK: math.fma {{.*}} : vector<3xf32>
func.func @digit_fastest(%x: vector<5x2xf32>, %acc: vector<5x3xf32>) -> vector<5x3xf32> {
  %w = arith.constant dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]> : vector<3x2xf32>
  %y = vector.contract {indexing_maps = [affine_map<(c, k, n) -> (k, n)>, affine_map<(c, k, n) -> (c, n)>,
                                         affine_map<(c, k, n) -> (c, k)>],
                        iterator_types = ["parallel", "parallel", "reduction"], kind = #vector.kind<add>}
      %w, %x, %acc : vector<3x2xf32>, vector<5x2xf32> into vector<5x3xf32>
  return %y : vector<5x3xf32>
}

// -----

// Not a sum of products of floats: left to others.
// CHECK-LABEL: @declines(
// CHECK: vector.contract
func.func @declines(%w: vector<3x2xi32>, %x: vector<5x2xi32>, %acc: vector<5x3xi32>) -> vector<5x3xi32> {
  %y = vector.contract {indexing_maps = [affine_map<(c, k, n) -> (k, n)>, affine_map<(c, k, n) -> (c, n)>,
                                         affine_map<(c, k, n) -> (c, k)>],
                        iterator_types = ["parallel", "parallel", "reduction"], kind = #vector.kind<add>}
      %w, %x, %acc : vector<3x2xi32>, vector<5x2xi32> into vector<5x3xi32>
  return %y : vector<5x3xi32>
}
