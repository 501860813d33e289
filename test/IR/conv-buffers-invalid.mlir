// RUN: fftconv-opt %s --split-input-file --verify-diagnostics

func.func @heads(%u: memref<4x2x100xf16>, %k: memref<3x7xf32>, %y: memref<4x2x100xf16>) {
  // expected-error @+1 {{u has 2 heads, k has 3}}
  fftconv.conv_buffers causal %u, %k into %y : memref<4x2x100xf16>, memref<3x7xf32>, memref<4x2x100xf16>
  return
}

// -----

func.func @result(%u: memref<4x2x100xf16>, %k: memref<2x7xf32>, %y: memref<4x2x101xf16>) {
  // expected-error @+1 {{gates and y must have the shape and elements of u}}
  fftconv.conv_buffers causal %u, %k into %y : memref<4x2x100xf16>, memref<2x7xf32>, memref<4x2x101xf16>
  return
}

// -----

func.func @center(%u: memref<4x2x100xf16>, %k: memref<2x7xf32>, %y: memref<4x2x100xf16>) {
  // expected-error @+1 {{a bidirectional filter needs 'center'}}
  fftconv.conv_buffers bidirectional %u, %k into %y : memref<4x2x100xf16>, memref<2x7xf32>, memref<4x2x100xf16>
  return
}

// -----

func.func @skip(%u: memref<4x2x100xf16>, %k: memref<2x7xf32>, %d: memref<3xf32>, %y: memref<4x2x100xf16>) {
  // expected-error @+1 {{skip must be one f32 for each of the 2 heads}}
  fftconv.conv_buffers causal %u, %k skip(%d : memref<3xf32>) into %y : memref<4x2x100xf16>, memref<2x7xf32>, memref<4x2x100xf16>
  return
}
