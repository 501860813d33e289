// RUN: fftconv-opt %s --allow-unregistered-dialect --fftconv-raise --remarks-filter=.* --split-input-file 2>&1 | FileCheck %s

// What does something besides computing its results, or is not known, needs the spectrum.
// CHECK: [Missed] NotRaised {{.*}}a spectrum has other users
// CHECK: [Passed] Raised {{.*}}causal convolution of length 64
// CHECK-LABEL: func.func @printed(
// CHECK: stablehlo.fft
// CHECK: stablehlo.custom_call
// CHECK-NOT: fftconv.conv
// CHECK: return
func.func @printed(%u: tensor<2x3x64xf32>, %k: tensor<3x64xf32>) -> tensor<2x3x64xf32> {
  %zero = "stablehlo.constant"() <{value = dense<0.0> : tensor<f32>}> : () -> tensor<f32>
  %up = "stablehlo.pad"(%u, %zero) <{edge_padding_high = array<i64: 0, 0, 64>, edge_padding_low = array<i64: 0, 0, 0>, interior_padding = array<i64: 0, 0, 0>}> : (tensor<2x3x64xf32>, tensor<f32>) -> tensor<2x3x128xf32>
  %kp = "stablehlo.pad"(%k, %zero) <{edge_padding_high = array<i64: 0, 64>, edge_padding_low = array<i64: 0, 0>, interior_padding = array<i64: 0, 0>}> : (tensor<3x64xf32>, tensor<f32>) -> tensor<3x128xf32>
  %uf = "stablehlo.fft"(%up) <{fft_length = array<i64: 128>, fft_type = #stablehlo<fft_type RFFT>}> : (tensor<2x3x128xf32>) -> tensor<2x3x65xcomplex<f32>>
  "stablehlo.custom_call"(%uf) <{call_target_name = "print", has_side_effect = true}> : (tensor<2x3x65xcomplex<f32>>) -> ()
  %kf = "stablehlo.fft"(%kp) <{fft_length = array<i64: 128>, fft_type = #stablehlo<fft_type RFFT>}> : (tensor<3x128xf32>) -> tensor<3x65xcomplex<f32>>
  %kb = "stablehlo.broadcast_in_dim"(%kf) <{broadcast_dimensions = array<i64: 1, 2>}> : (tensor<3x65xcomplex<f32>>) -> tensor<2x3x65xcomplex<f32>>
  %p = "stablehlo.multiply"(%uf, %kb) : (tensor<2x3x65xcomplex<f32>>, tensor<2x3x65xcomplex<f32>>) -> tensor<2x3x65xcomplex<f32>>
  %y = "stablehlo.fft"(%p) <{fft_length = array<i64: 128>, fft_type = #stablehlo<fft_type IRFFT>}> : (tensor<2x3x65xcomplex<f32>>) -> tensor<2x3x128xf32>
  %c = "stablehlo.slice"(%y) <{limit_indices = array<i64: 2, 3, 64>, start_indices = array<i64: 0, 0, 0>, strides = array<i64: 1, 1, 1>}> : (tensor<2x3x128xf32>) -> tensor<2x3x64xf32>
  return %c : tensor<2x3x64xf32>
}

// -----

// What takes the result stays, if nothing takes what it makes: who knows what it does.
// CHECK-LABEL: func.func @kept(
// CHECK: %[[Y:.*]] = fftconv.conv causal
// CHECK: "stablehlo.custom_call"(%[[Y]])
// CHECK: return %[[Y]]
func.func @kept(%u: tensor<2x3x64xf32>, %k: tensor<3x64xf32>) -> tensor<2x3x64xf32> {
  %zero = "stablehlo.constant"() <{value = dense<0.0> : tensor<2x3x128xf32>}> : () -> tensor<2x3x128xf32>
  %zerok = "stablehlo.constant"() <{value = dense<0.0> : tensor<3x64xf32>}> : () -> tensor<3x64xf32>
  %first = "stablehlo.constant"() <{value = dense<0> : tensor<i32>}> : () -> tensor<i32>
  %up = "stablehlo.dynamic_update_slice"(%zero, %u, %first, %first, %first) : (tensor<2x3x128xf32>, tensor<2x3x64xf32>, tensor<i32>, tensor<i32>, tensor<i32>) -> tensor<2x3x128xf32>
  %kp = "stablehlo.concatenate"(%k, %zerok) <{dimension = 1 : i64}> : (tensor<3x64xf32>, tensor<3x64xf32>) -> tensor<3x128xf32>
  %uf = "stablehlo.fft"(%up) <{fft_length = array<i64: 128>, fft_type = #stablehlo<fft_type RFFT>}> : (tensor<2x3x128xf32>) -> tensor<2x3x65xcomplex<f32>>
  %kf = "stablehlo.fft"(%kp) <{fft_length = array<i64: 128>, fft_type = #stablehlo<fft_type RFFT>}> : (tensor<3x128xf32>) -> tensor<3x65xcomplex<f32>>
  %kb = "stablehlo.broadcast_in_dim"(%kf) <{broadcast_dimensions = array<i64: 1, 2>}> : (tensor<3x65xcomplex<f32>>) -> tensor<2x3x65xcomplex<f32>>
  %p = "stablehlo.multiply"(%uf, %kb) : (tensor<2x3x65xcomplex<f32>>, tensor<2x3x65xcomplex<f32>>) -> tensor<2x3x65xcomplex<f32>>
  %y = "stablehlo.fft"(%p) <{fft_length = array<i64: 128>, fft_type = #stablehlo<fft_type IRFFT>}> : (tensor<2x3x65xcomplex<f32>>) -> tensor<2x3x128xf32>
  %c = "stablehlo.slice"(%y) <{limit_indices = array<i64: 2, 3, 64>, start_indices = array<i64: 0, 0, 0>, strides = array<i64: 1, 1, 1>}> : (tensor<2x3x128xf32>) -> tensor<2x3x64xf32>
  %t = "stablehlo.custom_call"(%c) <{call_target_name = "log", has_side_effect = true}> : (tensor<2x3x64xf32>) -> tensor<f32>
  return %c : tensor<2x3x64xf32>
}
