// One gated layer of a long-convolution model, small enough to read at every rung: the guide follows it downwards.
func.func @layer(%u: tensor<?x2x100xf16>, %k: tensor<2x100xf32>, %gate: tensor<?x2x100xf16>) -> tensor<?x2x100xf16> {
  %y = fftconv.conv causal %u, %k : tensor<?x2x100xf16>, tensor<2x100xf32>
  %gated = arith.mulf %y, %gate : tensor<?x2x100xf16>
  return %gated : tensor<?x2x100xf16>
}
