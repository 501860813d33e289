// RUN: fftconv-opt %s --fftconv-results-to-destinations --split-input-file --verify-diagnostics

// expected-error @+1 {{a public function that is called in the module cannot become an entry; make it private}}
func.func @called(%k: tensor<5xf32>) -> tensor<5xf32> {
  return %k : tensor<5xf32>
}
func.func private @caller(%k: tensor<5xf32>) -> tensor<5xf32> {
  %y = call @called(%k) : (tensor<5xf32>) -> tensor<5xf32>
  return %y : tensor<5xf32>
}

// -----

// expected-error @+1 {{an entry must return ranked tensors, got 'index'}}
func.func @scalar(%i: index) -> index {
  return %i : index
}
