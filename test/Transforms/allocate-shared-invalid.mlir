// RUN: fftconv-opt %s --fftconv-decompose-to-monarch --fftconv-fuse-kernels --fftconv-assign-layouts --fftconv-pipeline-copies --fftconv-allocate-shared --split-input-file --verify-diagnostics

#all = #fftconv.schedule<warps = 16, values = 32, rows = 8, stages = 2, products = f16, sums = f32>
#cta = #fftconv.plan<points = 8192, radices = [16, 2, 16, 16], theta = i, compute = f16, chip = "sm_90", schedule = #all>
#cta_spectrum = #fftconv.spectrum<causal, length = 5000, plan = #cta>
func.func @in_a_cta(%u: tensor<?x3x5000xf16>, %s: tensor<3x16x2x16x16xcomplex<f16>, #cta_spectrum>) -> tensor<?x3x5000xf16> {
  // expected-error @+1 {{needs 393408 bytes of shared memory, a CTA on sm_90 has 232448}}
  %y = fftconv.spectral_conv %u, %s : tensor<?x3x5000xf16>, tensor<3x16x2x16x16xcomplex<f16>, #cta_spectrum>
  return %y : tensor<?x3x5000xf16>
}

// -----

#all = #fftconv.schedule<warps = 16, values = 32, rows = 1, stages = 1, products = f16, sums = f32, copies = bulk>
#cta = #fftconv.plan<points = 8192, radices = [16, 2, 16, 16], theta = i, compute = f16, chip = "sm_90", schedule = #all>
#cta_spectrum = #fftconv.spectrum<causal, length = 8000, plan = #cta>
func.func @not_ahead(%u: tensor<?x3x8000xf16>, %s: tensor<3x16x2x16x16xcomplex<f16>, #cta_spectrum>) -> tensor<?x3x8000xf16> {
  // expected-error @+1 {{cannot have bulk copies: shared memory does not hold all inputs ahead}}
  %y = fftconv.spectral_conv %u, %s : tensor<?x3x8000xf16>, tensor<3x16x2x16x16xcomplex<f16>, #cta_spectrum>
  return %y : tensor<?x3x8000xf16>
}

// -----

#all = #fftconv.schedule<warps = 16, values = 32, rows = 1, stages = 2, products = f16, sums = f32, copies = bulk>
#cta = #fftconv.plan<points = 8192, radices = [16, 2, 16, 16], theta = i, compute = f16, chip = "sm_90", schedule = #all>
#cta_spectrum = #fftconv.spectrum<causal, length = 8001, plan = #cta>
func.func @narrow(%u: tensor<?x3x8001xf16>, %s: tensor<3x16x2x16x16xcomplex<f16>, #cta_spectrum>) -> tensor<?x3x8001xf16> {
  // expected-error @+1 {{cannot have bulk copies: rows are no multiple of 16 bytes}}
  %y = fftconv.spectral_conv %u, %s : tensor<?x3x8001xf16>, tensor<3x16x2x16x16xcomplex<f16>, #cta_spectrum>
  return %y : tensor<?x3x8001xf16>
}
