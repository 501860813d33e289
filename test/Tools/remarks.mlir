// RUN: fftconv-compile %s --emit=plan --remarks 2>&1 >/dev/null | FileCheck %s
// RUN: fftconv-compile %s --emit=plan --remarks-file=%t.yaml -o %t.mlir
// RUN: FileCheck %s --check-prefix=YAML < %t.yaml

// What was raised, refused and planned, as text and as YAML. (fftconv-opt and mlir-opt have flags of their own.)
// CHECK: remark: [Passed] Raised | Category:fftconv-raise | Remark="causal convolution of length 64, transforms of 128 points, one filter"
// CHECK: remark: [Analysis] Plan | Category:fftconv-plan-convs
// YAML: --- !Passed
// YAML: Name: {{.*}}Raised
// YAML: --- !Analysis
// YAML: Name: {{.*}}Plan
func.func @model(%u: tensor<2x3x64xf32>, %k: tensor<3x64xf32>) -> tensor<2x3x64xf32> {
  %zero = "stablehlo.constant"() <{value = dense<0.0> : tensor<f32>}> : () -> tensor<f32>
  %up = "stablehlo.pad"(%u, %zero) <{edge_padding_high = array<i64: 0, 0, 64>, edge_padding_low = array<i64: 0, 0, 0>, interior_padding = array<i64: 0, 0, 0>}> : (tensor<2x3x64xf32>, tensor<f32>) -> tensor<2x3x128xf32>
  %kp = "stablehlo.pad"(%k, %zero) <{edge_padding_high = array<i64: 0, 64>, edge_padding_low = array<i64: 0, 0>, interior_padding = array<i64: 0, 0>}> : (tensor<3x64xf32>, tensor<f32>) -> tensor<3x128xf32>
  %uf = "stablehlo.fft"(%up) <{fft_length = array<i64: 128>, fft_type = #stablehlo<fft_type RFFT>}> : (tensor<2x3x128xf32>) -> tensor<2x3x65xcomplex<f32>>
  %kf = "stablehlo.fft"(%kp) <{fft_length = array<i64: 128>, fft_type = #stablehlo<fft_type RFFT>}> : (tensor<3x128xf32>) -> tensor<3x65xcomplex<f32>>
  %kb = "stablehlo.broadcast_in_dim"(%kf) <{broadcast_dimensions = array<i64: 1, 2>}> : (tensor<3x65xcomplex<f32>>) -> tensor<2x3x65xcomplex<f32>>
  %p = "stablehlo.multiply"(%uf, %kb) : (tensor<2x3x65xcomplex<f32>>, tensor<2x3x65xcomplex<f32>>) -> tensor<2x3x65xcomplex<f32>>
  %y = "stablehlo.fft"(%p) <{fft_length = array<i64: 128>, fft_type = #stablehlo<fft_type IRFFT>}> : (tensor<2x3x65xcomplex<f32>>) -> tensor<2x3x128xf32>
  %c = "stablehlo.slice"(%y) <{limit_indices = array<i64: 2, 3, 64>, start_indices = array<i64: 0, 0, 0>, strides = array<i64: 1, 1, 1>}> : (tensor<2x3x128xf32>) -> tensor<2x3x64xf32>
  return %c : tensor<2x3x64xf32>
}
