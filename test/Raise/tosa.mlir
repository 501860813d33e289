// RUN: fftconv-opt %s --fftconv-raise --remarks-filter=.* --split-input-file 2>&1 | FileCheck %s

// TOSA's transforms take and give real and imaginary parts, and none comes back to real rows alone; products of spectra are written by parts. Rows and heads are one
// dimension for the transforms.

// CHECK: [Passed] Raised {{.*}}causal convolution of length 64, transforms of 128 points
// CHECK: [Missed] NotRaised {{.*}}outputs wrap around
// CHECK-LABEL: func.func @causal(
// CHECK-SAME: %[[U:.*]]: tensor<2x3x64xf32>, %[[K:.*]]: tensor<3x64xf32>
// CHECK-NEXT: %[[Y:.*]] = fftconv.conv causal %[[U]], %[[K]] : tensor<2x3x64xf32>, tensor<3x64xf32>
// CHECK-NEXT: return %[[Y]]
func.func @causal(%u: tensor<2x3x64xf32>, %k: tensor<3x64xf32>) -> tensor<2x3x64xf32> {
  %zero = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %none = "tosa.const"() <{values = dense<0.0> : tensor<6x1x128xf32>}> : () -> tensor<6x1x128xf32>
  %nothing = "tosa.const"() <{values = dense<0.0> : tensor<3x1x128xf32>}> : () -> tensor<3x1x128xf32>
  %padding = tosa.const_shape {values = dense<[0, 0, 0, 0, 0, 64]> : tensor<6xindex>} : () -> !tosa.shape<6>
  %rows = tosa.const_shape {values = dense<[6, 1, 64]> : tensor<3xindex>} : () -> !tosa.shape<3>
  %filters = tosa.const_shape {values = dense<[3, 1, 64]> : tensor<3xindex>} : () -> !tosa.shape<3>
  %apart = tosa.const_shape {values = dense<[2, 3, 128]> : tensor<3xindex>} : () -> !tosa.shape<3>
  %lone = tosa.const_shape {values = dense<[1, 3, 128]> : tensor<3xindex>} : () -> !tosa.shape<3>
  %together = tosa.const_shape {values = dense<[6, 1, 128]> : tensor<3xindex>} : () -> !tosa.shape<3>
  %first = tosa.const_shape {values = dense<0> : tensor<3xindex>} : () -> !tosa.shape<3>
  %back = tosa.const_shape {values = dense<[2, 3, 64]> : tensor<3xindex>} : () -> !tosa.shape<3>
  %shift = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %norm = "tosa.const"() <{values = dense<7.8125e-3> : tensor<1x1x1xf32>}> : () -> tensor<1x1x1xf32>
  %u1 = tosa.reshape %u, %rows : (tensor<2x3x64xf32>, !tosa.shape<3>) -> tensor<6x1x64xf32>
  %u2 = tosa.pad %u1, %padding, %zero : (tensor<6x1x64xf32>, !tosa.shape<6>, tensor<1xf32>) -> tensor<6x1x128xf32>
  %ur, %ui = tosa.fft2d %u2, %none {inverse = false} : (tensor<6x1x128xf32>, tensor<6x1x128xf32>) -> (tensor<6x1x128xf32>, tensor<6x1x128xf32>)
  %k1 = tosa.reshape %k, %filters : (tensor<3x64xf32>, !tosa.shape<3>) -> tensor<3x1x64xf32>
  %k2 = tosa.pad %k1, %padding, %zero : (tensor<3x1x64xf32>, !tosa.shape<6>, tensor<1xf32>) -> tensor<3x1x128xf32>
  %kr, %ki = tosa.fft2d %k2, %nothing {inverse = false} : (tensor<3x1x128xf32>, tensor<3x1x128xf32>) -> (tensor<3x1x128xf32>, tensor<3x1x128xf32>)
  %a = tosa.reshape %ur, %apart : (tensor<6x1x128xf32>, !tosa.shape<3>) -> tensor<2x3x128xf32>
  %b = tosa.reshape %ui, %apart : (tensor<6x1x128xf32>, !tosa.shape<3>) -> tensor<2x3x128xf32>
  %c = tosa.reshape %kr, %lone : (tensor<3x1x128xf32>, !tosa.shape<3>) -> tensor<1x3x128xf32>
  %d = tosa.reshape %ki, %lone : (tensor<3x1x128xf32>, !tosa.shape<3>) -> tensor<1x3x128xf32>
  %ac = tosa.mul %a, %c, %shift : (tensor<2x3x128xf32>, tensor<1x3x128xf32>, tensor<1xi8>) -> tensor<2x3x128xf32>
  %bd = tosa.mul %b, %d, %shift : (tensor<2x3x128xf32>, tensor<1x3x128xf32>, tensor<1xi8>) -> tensor<2x3x128xf32>
  %ad = tosa.mul %a, %d, %shift : (tensor<2x3x128xf32>, tensor<1x3x128xf32>, tensor<1xi8>) -> tensor<2x3x128xf32>
  %bc = tosa.mul %b, %c, %shift : (tensor<2x3x128xf32>, tensor<1x3x128xf32>, tensor<1xi8>) -> tensor<2x3x128xf32>
  %re = tosa.sub %ac, %bd : (tensor<2x3x128xf32>, tensor<2x3x128xf32>) -> tensor<2x3x128xf32>
  %im = tosa.add %ad, %bc : (tensor<2x3x128xf32>, tensor<2x3x128xf32>) -> tensor<2x3x128xf32>
  %re1 = tosa.reshape %re, %together : (tensor<2x3x128xf32>, !tosa.shape<3>) -> tensor<6x1x128xf32>
  %im1 = tosa.reshape %im, %together : (tensor<2x3x128xf32>, !tosa.shape<3>) -> tensor<6x1x128xf32>
  %yr, %yi = tosa.fft2d %re1, %im1 {inverse = true} : (tensor<6x1x128xf32>, tensor<6x1x128xf32>) -> (tensor<6x1x128xf32>, tensor<6x1x128xf32>)
  %y1 = tosa.mul %yr, %norm, %shift : (tensor<6x1x128xf32>, tensor<1x1x1xf32>, tensor<1xi8>) -> tensor<6x1x128xf32>
  %y2 = tosa.slice %y1, %first, %rows : (tensor<6x1x128xf32>, !tosa.shape<3>, !tosa.shape<3>) -> tensor<6x1x64xf32>
  %y3 = tosa.reshape %y2, %back : (tensor<6x1x64xf32>, !tosa.shape<3>) -> tensor<2x3x64xf32>
  return %y3 : tensor<2x3x64xf32>
}

// One channel, and outputs that wrap around: N = 64 < 64 + 64 - 1, but the crop leaves 48 of them.
// CHECK-LABEL: func.func @wraps(
// CHECK: tosa.fft2d
// CHECK-NOT: fftconv.conv
func.func @wraps(%u: tensor<5x1x64xf32>, %k: tensor<1x1x64xf32>) -> tensor<5x1x48xf32> {
  %none = "tosa.const"() <{values = dense<0.0> : tensor<5x1x64xf32>}> : () -> tensor<5x1x64xf32>
  %nothing = "tosa.const"() <{values = dense<0.0> : tensor<1x1x64xf32>}> : () -> tensor<1x1x64xf32>
  %first = tosa.const_shape {values = dense<0> : tensor<3xindex>} : () -> !tosa.shape<3>
  %size = tosa.const_shape {values = dense<[5, 1, 48]> : tensor<3xindex>} : () -> !tosa.shape<3>
  %shift = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
  %a, %b = tosa.fft2d %u, %none {inverse = false} : (tensor<5x1x64xf32>, tensor<5x1x64xf32>) -> (tensor<5x1x64xf32>, tensor<5x1x64xf32>)
  %c, %d = tosa.fft2d %k, %nothing {inverse = false} : (tensor<1x1x64xf32>, tensor<1x1x64xf32>) -> (tensor<1x1x64xf32>, tensor<1x1x64xf32>)
  %ac = tosa.mul %a, %c, %shift : (tensor<5x1x64xf32>, tensor<1x1x64xf32>, tensor<1xi8>) -> tensor<5x1x64xf32>
  %bd = tosa.mul %b, %d, %shift : (tensor<5x1x64xf32>, tensor<1x1x64xf32>, tensor<1xi8>) -> tensor<5x1x64xf32>
  %ad = tosa.mul %d, %a, %shift : (tensor<1x1x64xf32>, tensor<5x1x64xf32>, tensor<1xi8>) -> tensor<5x1x64xf32>
  %bc = tosa.mul %b, %c, %shift : (tensor<5x1x64xf32>, tensor<1x1x64xf32>, tensor<1xi8>) -> tensor<5x1x64xf32>
  %re = tosa.sub %ac, %bd : (tensor<5x1x64xf32>, tensor<5x1x64xf32>) -> tensor<5x1x64xf32>
  %im = tosa.add %bc, %ad : (tensor<5x1x64xf32>, tensor<5x1x64xf32>) -> tensor<5x1x64xf32>
  %yr, %yi = tosa.fft2d %re, %im {inverse = true} : (tensor<5x1x64xf32>, tensor<5x1x64xf32>) -> (tensor<5x1x64xf32>, tensor<5x1x64xf32>)
  %y = tosa.slice %yr, %first, %size : (tensor<5x1x64xf32>, !tosa.shape<3>, !tosa.shape<3>) -> tensor<5x1x48xf32>
  return %y : tensor<5x1x48xf32>
}
