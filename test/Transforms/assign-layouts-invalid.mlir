// RUN: fftconv-opt %s --fftconv-decompose-to-monarch --fftconv-fuse-kernels --fftconv-assign-layouts --split-input-file --verify-diagnostics

#schedule = #fftconv.schedule<warps = 4, values = 32, rows = 4, stages = 2, products = f16, sums = f32>
#plan = #fftconv.plan<points = 2304, radices = [16, 9, 16], theta = i, compute = f16, chip = "sm_90", schedule = #schedule>
#spectrum = #fftconv.spectrum<causal, length = 301, plan = #plan>
func.func @no_butterfly_of_nine(%u: tensor<?x3x301xf16>, %s: tensor<3x16x9x16xcomplex<f16>, #spectrum>) -> tensor<?x3x301xf16> {
  // expected-error @+1 {{do not fit one pass}}
  %y = fftconv.spectral_conv %u, %s : tensor<?x3x301xf16>, tensor<3x16x9x16xcomplex<f16>, #spectrum>
  return %y : tensor<?x3x301xf16>
}

// -----

#schedule = #fftconv.schedule<warps = 4, values = 32, rows = 4, stages = 2, products = f16, sums = f32>
#plan = #fftconv.plan<points = 1024, radices = [16, 16, 4], theta = i, compute = f16, chip = "sm_90", schedule = #schedule>
#spectrum = #fftconv.spectrum<causal, length = 301, plan = #plan>
func.func @last_digit_of_four(%u: tensor<?x3x301xf16>, %s: tensor<3x16x16x4xcomplex<f16>, #spectrum>) -> tensor<?x3x301xf16> {
  // expected-error @+1 {{do not fit one pass}}
  %y = fftconv.spectral_conv %u, %s : tensor<?x3x301xf16>, tensor<3x16x16x4xcomplex<f16>, #spectrum>
  return %y : tensor<?x3x301xf16>
}

// -----

#schedule = #fftconv.schedule<warps = 4, values = 32, rows = 4, stages = 2, products = f16, sums = f32>
#plan = #fftconv.plan<points = 1024, radices = [4, 16, 16], theta = i, compute = f16, chip = "sm_90", schedule = #schedule>
#spectrum = #fftconv.spectrum<causal, length = 301, plan = #plan>
func.func @no_butterfly_of_real_rows(%u: tensor<?x3x301xf16>, %s: tensor<3x4x16x16xcomplex<f16>, #spectrum>) -> tensor<?x3x301xf16> {
  // expected-error @+1 {{do not fit one pass}}
  %y = fftconv.spectral_conv %u, %s : tensor<?x3x301xf16>, tensor<3x4x16x16xcomplex<f16>, #spectrum>
  return %y : tensor<?x3x301xf16>
}
