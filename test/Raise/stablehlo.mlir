// RUN: fftconv-opt %s --allow-unregistered-dialect --fftconv-raise --remarks-filter=.* --split-input-file 2>&1 | FileCheck %s

// A sign is a scale like any other, before and after the transforms.
// CHECK: [Passed] Raised {{.*}}causal convolution of length 8
// CHECK: [Missed] NotRaised {{.*}}f64 is not supported
// CHECK-LABEL: func.func @negated(
// CHECK: fftconv.conv causal
// CHECK-NOT: stablehlo.negate
func.func @negated(%u: tensor<2x3x8xf32>, %k: tensor<3x8xf32>) -> tensor<2x3x8xf32> {
  %zero = "stablehlo.constant"() <{value = dense<0.0> : tensor<f32>}> : () -> tensor<f32>
  %u1 = "stablehlo.pad"(%u, %zero) <{edge_padding_low = array<i64: 0, 0, 0>, edge_padding_high = array<i64: 0, 0, 8>, interior_padding = array<i64: 0, 0, 0>}> : (tensor<2x3x8xf32>, tensor<f32>) -> tensor<2x3x16xf32>
  %k1 = "stablehlo.pad"(%k, %zero) <{edge_padding_low = array<i64: 0, 0>, edge_padding_high = array<i64: 0, 8>, interior_padding = array<i64: 0, 0>}> : (tensor<3x8xf32>, tensor<f32>) -> tensor<3x16xf32>
  %uf = "stablehlo.fft"(%u1) <{fft_type = #stablehlo<fft_type RFFT>, fft_length = array<i64: 16>}> : (tensor<2x3x16xf32>) -> tensor<2x3x9xcomplex<f32>>
  %kf = "stablehlo.fft"(%k1) <{fft_type = #stablehlo<fft_type RFFT>, fft_length = array<i64: 16>}> : (tensor<3x16xf32>) -> tensor<3x9xcomplex<f32>>
  %kb = "stablehlo.broadcast_in_dim"(%kf) <{broadcast_dimensions = array<i64: 1, 2>}> : (tensor<3x9xcomplex<f32>>) -> tensor<2x3x9xcomplex<f32>>
  %p = "stablehlo.multiply"(%uf, %kb) : (tensor<2x3x9xcomplex<f32>>, tensor<2x3x9xcomplex<f32>>) -> tensor<2x3x9xcomplex<f32>>
  %y = "stablehlo.fft"(%p) <{fft_type = #stablehlo<fft_type IRFFT>, fft_length = array<i64: 16>}> : (tensor<2x3x9xcomplex<f32>>) -> tensor<2x3x16xf32>
  %n = "stablehlo.negate"(%y) : (tensor<2x3x16xf32>) -> tensor<2x3x16xf32>
  %c = "stablehlo.slice"(%n) <{start_indices = array<i64: 0, 0, 0>, limit_indices = array<i64: 2, 3, 8>, strides = array<i64: 1, 1, 1>}> : (tensor<2x3x16xf32>) -> tensor<2x3x8xf32>
  return %c : tensor<2x3x8xf32>
}

// -----

// Filters that are added up are of a type that convolutions have, every one of them.
// CHECK-LABEL: func.func @mixed(
// CHECK: stablehlo.fft
// CHECK-NOT: fftconv.conv
func.func @mixed(%u: tensor<2x3x8xf32>, %k: tensor<3x8xf32>, %d: tensor<3x8xf64>) -> tensor<2x3x8xf32> {
  %zero = "stablehlo.constant"() <{value = dense<0.0> : tensor<f64>}> : () -> tensor<f64>
  %uw = "stablehlo.convert"(%u) : (tensor<2x3x8xf32>) -> tensor<2x3x8xf64>
  %kw = "stablehlo.convert"(%k) : (tensor<3x8xf32>) -> tensor<3x8xf64>
  %u1 = "stablehlo.pad"(%uw, %zero) <{edge_padding_low = array<i64: 0, 0, 0>, edge_padding_high = array<i64: 0, 0, 8>, interior_padding = array<i64: 0, 0, 0>}> : (tensor<2x3x8xf64>, tensor<f64>) -> tensor<2x3x16xf64>
  %k1 = "stablehlo.pad"(%kw, %zero) <{edge_padding_low = array<i64: 0, 0>, edge_padding_high = array<i64: 0, 8>, interior_padding = array<i64: 0, 0>}> : (tensor<3x8xf64>, tensor<f64>) -> tensor<3x16xf64>
  %d1 = "stablehlo.pad"(%d, %zero) <{edge_padding_low = array<i64: 0, 8>, edge_padding_high = array<i64: 0, 0>, interior_padding = array<i64: 0, 0>}> : (tensor<3x8xf64>, tensor<f64>) -> tensor<3x16xf64>
  %s = "stablehlo.add"(%k1, %d1) : (tensor<3x16xf64>, tensor<3x16xf64>) -> tensor<3x16xf64>
  %uf = "stablehlo.fft"(%u1) <{fft_type = #stablehlo<fft_type RFFT>, fft_length = array<i64: 16>}> : (tensor<2x3x16xf64>) -> tensor<2x3x9xcomplex<f64>>
  %kf = "stablehlo.fft"(%s) <{fft_type = #stablehlo<fft_type RFFT>, fft_length = array<i64: 16>}> : (tensor<3x16xf64>) -> tensor<3x9xcomplex<f64>>
  %kb = "stablehlo.broadcast_in_dim"(%kf) <{broadcast_dimensions = array<i64: 1, 2>}> : (tensor<3x9xcomplex<f64>>) -> tensor<2x3x9xcomplex<f64>>
  %p = "stablehlo.multiply"(%uf, %kb) : (tensor<2x3x9xcomplex<f64>>, tensor<2x3x9xcomplex<f64>>) -> tensor<2x3x9xcomplex<f64>>
  %y = "stablehlo.fft"(%p) <{fft_type = #stablehlo<fft_type IRFFT>, fft_length = array<i64: 16>}> : (tensor<2x3x9xcomplex<f64>>) -> tensor<2x3x16xf64>
  %c = "stablehlo.slice"(%y) <{start_indices = array<i64: 0, 0, 0>, limit_indices = array<i64: 2, 3, 8>, strides = array<i64: 1, 1, 1>}> : (tensor<2x3x16xf64>) -> tensor<2x3x8xf64>
  %r = "stablehlo.convert"(%c) : (tensor<2x3x8xf64>) -> tensor<2x3x8xf32>
  return %r : tensor<2x3x8xf32>
}
