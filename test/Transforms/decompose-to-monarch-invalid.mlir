// RUN: fftconv-opt %s --fftconv-decompose-to-monarch --verify-diagnostics

func.func @whole(%u: tensor<5x3x105xf32>, %k: tensor<3x9xf32>) -> tensor<5x3x105xf32> {
  // expected-error @+1 {{has no spectrum yet; run fftconv-plan-convs and fftconv-hoist-spectra first}}
  %y = fftconv.conv causal %u, %k : tensor<5x3x105xf32>, tensor<3x9xf32>
  return %y : tensor<5x3x105xf32>
}
