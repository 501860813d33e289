// A gated long convolution over a whole genome: the 48,502 bases of the phage lambda, embedded into 16 channels, each convolved
// with a filter as long as the sequence. utils/demo.sh makes the inputs and runs it.
func.func @genome(%u: tensor<?x16x48502xf32>, %filter: tensor<16x48502xf32>, %gate: tensor<?x16x48502xf32>,
                  %skip: tensor<16xf32>) -> tensor<?x16x48502xf32> {
  %y = fftconv.conv causal %u, %filter skip(%skip : tensor<16xf32>) : tensor<?x16x48502xf32>, tensor<16x48502xf32>
  %gated = arith.mulf %y, %gate : tensor<?x16x48502xf32>
  return %gated : tensor<?x16x48502xf32>
}
