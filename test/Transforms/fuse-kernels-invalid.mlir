// RUN: fftconv-opt %s --fftconv-decompose-to-monarch --fftconv-fuse-kernels --split-input-file --verify-diagnostics

#schedule = #fftconv.schedule<warps = 4, values = 32, rows = 4, stages = 2, products = f16, sums = f32>
#plan = #fftconv.plan<points = 512, radices = [16, 2, 16], theta = i, compute = f16, chip = "sm_90">
#spectrum = #fftconv.spectrum<causal, length = 301, plan = #plan>
func.func @no_schedule(%u: tensor<?x3x301xf16>, %s: tensor<3x16x2x16xcomplex<f16>, #spectrum>) -> tensor<?x3x301xf16> {
  // expected-error @+1 {{the plan has no kernel schedule; fftconv-plan-convs gives it one where it can}}
  %y = fftconv.spectral_conv %u, %s : tensor<?x3x301xf16>, tensor<3x16x2x16xcomplex<f16>, #spectrum>
  return %y : tensor<?x3x301xf16>
}

// -----

#schedule = #fftconv.schedule<warps = 4, values = 32, rows = 4, stages = 2, products = f16, sums = f32>
#plan = #fftconv.plan<points = 512, radices = [16, 2, 16], theta = i, compute = f16, chip = "sm_90", schedule = #schedule>
#spectrum = #fftconv.spectrum<causal, length = 301, plan = #plan>
func.func @skip(%u: tensor<?x3x301xf16>, %s: tensor<3x16x2x16xcomplex<f16>, #spectrum>, %d: tensor<3xf32>) -> tensor<?x3x301xf16> {
  // expected-error @+1 {{kernels take skips as part of the spectrum; fftconv-hoist-spectra puts them there}}
  %y = fftconv.spectral_conv %u, %s skip(%d : tensor<3xf32>) : tensor<?x3x301xf16>, tensor<3x16x2x16xcomplex<f16>, #spectrum>
  return %y : tensor<?x3x301xf16>
}

// -----

#schedule = #fftconv.schedule<warps = 4, values = 32, rows = 4, stages = 2, products = f32, sums = f32>
#plan = #fftconv.plan<points = 512, radices = [16, 2, 16], theta = i, compute = f32, chip = "sm_90", schedule = #schedule>
#spectrum = #fftconv.spectrum<causal, length = 301, plan = #plan>
func.func @type(%u: tensor<?x3x301xf16>, %s: tensor<3x16x2x16xcomplex<f32>, #spectrum>) -> tensor<?x3x301xf16> {
  // expected-error @+1 {{kernels compute f16 and bf16 tensors by stages of these types, and f32 by f32}}
  %y = fftconv.spectral_conv %u, %s : tensor<?x3x301xf16>, tensor<3x16x2x16xcomplex<f32>, #spectrum>
  return %y : tensor<?x3x301xf16>
}

// -----

#plan = #fftconv.plan<points = 512, radices = [16, 2, 16], theta = i, compute = f16, chip = "sm_90">
func.func @left_over(%x: tensor<3x2x16x2x16xf16>) -> tensor<3x2x16x2x16xcomplex<f32>> {
  // expected-error @+1 {{is not part of a convolution that fuses into one kernel}}
  %y = fftconv.dft %x digit 1 by #plan : tensor<3x2x16x2x16xf16> -> tensor<3x2x16x2x16xcomplex<f32>>
  return %y : tensor<3x2x16x2x16xcomplex<f32>>
}

// -----

func.func @no_plan(%u: tensor<?x3x301xf16>, %k: tensor<3x7xf32>) -> tensor<?x3x301xf16> {
  // expected-error @+1 {{has no spectrum yet; run fftconv-plan-convs and fftconv-hoist-spectra first}}
  %y = fftconv.conv causal %u, %k : tensor<?x3x301xf16>, tensor<3x7xf32>
  return %y : tensor<?x3x301xf16>
}
