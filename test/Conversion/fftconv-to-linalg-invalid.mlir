// RUN: fftconv-opt %s --convert-fftconv-to-linalg --split-input-file --verify-diagnostics

func.func @above_monarch(%u: tensor<5x3x105xf32>, %k: tensor<3x9xf32>) -> tensor<5x3x105xf32> {
  // expected-error @+1 {{failed to legalize operation 'fftconv.conv'}}
  %y = fftconv.conv causal %u, %k : tensor<5x3x105xf32>, tensor<3x9xf32>
  return %y : tensor<5x3x105xf32>
}

// -----

#plan = #fftconv.plan<points = 268435456, radices = [16384, 16384], theta = i, compute = f32, chip = "cpu">
func.func @huge_table(%x: tensor<1x16384x16384xcomplex<f32>>) -> tensor<1x16384x16384xcomplex<f32>> {
  // expected-error @+2 {{the twiddles of digit 2 are too many for a constant table}}
  // expected-error @+1 {{failed to legalize operation 'fftconv.twiddle'}}
  %y = fftconv.twiddle %x digit 2 by #plan : tensor<1x16384x16384xcomplex<f32>> -> tensor<1x16384x16384xcomplex<f32>>
  return %y : tensor<1x16384x16384xcomplex<f32>>
}

// -----

#plan = #fftconv.plan<points = 65536, radices = [65536], theta = one, compute = f32, chip = "cpu">
func.func @huge_matrix(%x: tensor<1x65536xcomplex<f32>>) -> tensor<1x65536xcomplex<f32>> {
  // expected-error @+2 {{the matrix of digit 1, of radix 65536, is too large for a constant table}}
  // expected-error @+1 {{failed to legalize operation 'fftconv.dft'}}
  %y = fftconv.dft %x digit 1 by #plan : tensor<1x65536xcomplex<f32>> -> tensor<1x65536xcomplex<f32>>
  return %y : tensor<1x65536xcomplex<f32>>
}
