// Windows of 32,768 bases, embedded in 16 channels; each channel convolved with a filter as long as the window.
func.func @window(%u: tensor<?x16x32768xf16>, %filter: tensor<16x32768xf32>) -> tensor<?x16x32768xf16> {
  %y = fftconv.conv causal %u, %filter : tensor<?x16x32768xf16>, tensor<16x32768xf32>
  return %y : tensor<?x16x32768xf16>
}
