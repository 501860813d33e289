// RUN: fftconv-opt %s --fftconv-raise-linalg --canonicalize --split-input-file | FileCheck %s
// RUN: fftconv-opt %s --fftconv-raise-linalg --remarks-filter=.* --split-input-file 2>&1 >/dev/null | FileCheck %s --check-prefix=REMARK

// Padded before: causal, taps backwards.
// REMARK: [Passed] Raised {{.*}}convolution of length 4096 with 1024 taps
// CHECK-LABEL: func.func @causal(
// CHECK-SAME: %[[X:.*]]: tensor<2x3x4096xf32>
// CHECK: %[[F:.*]] = linalg.generic
// CHECK: fftconv.conv causal %[[X]], %[[F]] : tensor<2x3x4096xf32>, tensor<3x1024xf32>
// CHECK-NOT: depthwise
func.func @causal(%x: tensor<2x3x4096xf32>, %k: tensor<3x1024xf32>) -> tensor<2x3x4096xf32> {
  %zero = arith.constant 0.0 : f32
  %p = tensor.pad %x low[0, 0, 1023] high[0, 0, 0] {
  ^bb0(%a: index, %b: index, %c: index):
    tensor.yield %zero : f32
  } : tensor<2x3x4096xf32> to tensor<2x3x5119xf32>
  %e = tensor.empty() : tensor<2x3x4096xf32>
  %i = linalg.fill ins(%zero : f32) outs(%e : tensor<2x3x4096xf32>) -> tensor<2x3x4096xf32>
  %y = linalg.depthwise_conv_1d_ncw_cw {dilations = dense<1> : vector<1xi64>, strides = dense<1> : vector<1xi64>}
         ins(%p, %k : tensor<2x3x5119xf32>, tensor<3x1024xf32>) outs(%i : tensor<2x3x4096xf32>) -> tensor<2x3x4096xf32>
  return %y : tensor<2x3x4096xf32>
}

// -----

// On both sides, channels last, f16, added to something.
// CHECK-LABEL: func.func @same(
// CHECK: linalg.transpose
// CHECK: %[[Y:.*]] = fftconv.conv bidirectional channels_last %{{.*}} center 500 : tensor<2x4096x3xf16>, tensor<3x1001xf32>
// CHECK: arith.addf %[[Y]], %{{.*}} : tensor<2x4096x3xf16>
func.func @same(%x: tensor<2x4096x3xf16>, %k: tensor<1001x3xf16>, %i: tensor<2x4096x3xf16>) -> tensor<2x4096x3xf16> {
  %zero = arith.constant 0.0 : f16
  %p = tensor.pad %x low[0, 500, 0] high[0, 500, 0] {
  ^bb0(%a: index, %b: index, %c: index):
    tensor.yield %zero : f16
  } : tensor<2x4096x3xf16> to tensor<2x5096x3xf16>
  %y = linalg.depthwise_conv_1d_nwc_wc {dilations = dense<1> : vector<1xi64>, strides = dense<1> : vector<1xi64>}
         ins(%p, %k : tensor<2x5096x3xf16>, tensor<1001x3xf16>) outs(%i : tensor<2x4096x3xf16>) -> tensor<2x4096x3xf16>
  return %y : tensor<2x4096x3xf16>
}

// -----

// Not padded: the outputs that need none.
// CHECK-LABEL: func.func @valid(
// CHECK: fftconv.conv bidirectional %{{.*}} center 1023
// CHECK: tensor.extract_slice %{{.*}}[0, 0, 0] [2, 3, 3073] [1, 1, 1]
func.func @valid(%x: tensor<2x3x4096xf32>, %k: tensor<3x1024xf32>) -> tensor<2x3x3073xf32> {
  %zero = arith.constant dense<0.0> : tensor<2x3x3073xf32>
  %y = linalg.depthwise_conv_1d_ncw_cw {dilations = dense<1> : vector<1xi64>, strides = dense<1> : vector<1xi64>}
         ins(%x, %k : tensor<2x3x4096xf32>, tensor<3x1024xf32>) outs(%zero : tensor<2x3x3073xf32>) -> tensor<2x3x3073xf32>
  return %y : tensor<2x3x3073xf32>
}

// -----

// REMARK: [Missed] NotRaised {{.*}}a sum over 3 taps is cheaper than transforms
// CHECK-LABEL: func.func @short(
// CHECK: linalg.depthwise_conv_1d_ncw_cw
func.func @short(%x: tensor<2x3x4096xf32>, %k: tensor<3x3xf32>) -> tensor<2x3x4094xf32> {
  %zero = arith.constant dense<0.0> : tensor<2x3x4094xf32>
  %y = linalg.depthwise_conv_1d_ncw_cw {dilations = dense<1> : vector<1xi64>, strides = dense<1> : vector<1xi64>}
         ins(%x, %k : tensor<2x3x4096xf32>, tensor<3x3xf32>) outs(%zero : tensor<2x3x4094xf32>) -> tensor<2x3x4094xf32>
  return %y : tensor<2x3x4094xf32>
}

// -----

// REMARK: [Missed] NotRaised {{.*}}strides or dilations
// CHECK-LABEL: func.func @dilated(
// CHECK: linalg.depthwise_conv_1d_ncw_cw
func.func @dilated(%x: tensor<2x3x4096xf32>, %k: tensor<3x1024xf32>) -> tensor<2x3x2050xf32> {
  %zero = arith.constant dense<0.0> : tensor<2x3x2050xf32>
  %y = linalg.depthwise_conv_1d_ncw_cw {dilations = dense<2> : vector<1xi64>, strides = dense<1> : vector<1xi64>}
         ins(%x, %k : tensor<2x3x4096xf32>, tensor<3x1024xf32>) outs(%zero : tensor<2x3x2050xf32>) -> tensor<2x3x2050xf32>
  return %y : tensor<2x3x2050xf32>
}

// -----

// A product with a Toeplitz matrix of the filter.
// REMARK: [Passed] Raised {{.*}}convolution of length 2048 with 2048 taps
// CHECK-LABEL: func.func @toeplitz(
// CHECK-SAME: %[[X:.*]]: tensor<4x3x2048xf32>, %[[K:.*]]: tensor<3x2048xf32>
// CHECK-NEXT: %[[Y:.*]] = fftconv.conv causal %[[X]], %[[K]] : tensor<4x3x2048xf32>, tensor<3x2048xf32>
// CHECK-NEXT: return %[[Y]]
func.func @toeplitz(%x: tensor<4x3x2048xf32>, %k: tensor<3x2048xf32>) -> tensor<4x3x2048xf32> {
  %zero = arith.constant 0.0 : f32
  %none = arith.constant 0 : index
  %t = tensor.generate {
  ^bb0(%h: index, %i: index, %j: index):
    %reaches = arith.cmpi sge, %i, %j : index
    %lag = arith.subi %i, %j : index
    %inside = arith.maxsi %lag, %none : index
    %tap = tensor.extract %k[%h, %inside] : tensor<3x2048xf32>
    %value = arith.select %reaches, %tap, %zero : f32
    tensor.yield %value : f32
  } : tensor<3x2048x2048xf32>
  %e = tensor.empty() : tensor<4x3x2048xf32>
  %init = linalg.fill ins(%zero : f32) outs(%e : tensor<4x3x2048xf32>) -> tensor<4x3x2048xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(b, h, i, j) -> (h, i, j)>, affine_map<(b, h, i, j) -> (b, h, j)>, affine_map<(b, h, i, j) -> (b, h, i)>],
                       iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%t, %x : tensor<3x2048x2048xf32>, tensor<4x3x2048xf32>) outs(%init : tensor<4x3x2048xf32>) {
  ^bb0(%a: f32, %b: f32, %s: f32):
    %p = arith.mulf %a, %b : f32
    %q = arith.addf %s, %p : f32
    linalg.yield %q : f32
  } -> tensor<4x3x2048xf32>
  return %y : tensor<4x3x2048xf32>
}
