// RUN: fftconv-opt %s --split-input-file --verify-diagnostics

// Each function breaks the constraint that its name cites.

#plan = #fftconv.plan<points = 105, radices = [7, 3, 5], theta = i, compute = f16, chip = "cpu">
func.func @embed_e1_gate(%u: tensor<2x3x101xf16>, %g: tensor<2x3x100xf16>) {
  // expected-error @+1 {{pre_gate must have the type of u}}
  %x = fftconv.embed %u pre_gate(%g : tensor<2x3x100xf16>) by #plan : tensor<2x3x101xf16> -> tensor<2x3x7x3x5xf16>
  return
}

// -----

#plan = #fftconv.plan<points = 105, radices = [7, 3, 5], theta = i, compute = f16, chip = "cpu">
func.func @embed_e2_order(%u: tensor<2x3x101xf16>) {
  // expected-error @+1 {{the digits of 'tensor<2x3x101xf16>' are 'tensor<2x3x7x3x5xf16>', not 'tensor<2x3x5x3x7xf16>'}}
  %x = fftconv.embed %u by #plan : tensor<2x3x101xf16> -> tensor<2x3x5x3x7xf16>
  return
}

// -----

#ring = #fftconv.plan<points = 105, radices = [7, 15], theta = one, compute = f16, chip = "cpu">
func.func @embed_e2_pairs(%u: tensor<5x3x105xf16>) {
  // expected-error @+1 {{are 'tensor<3x3x7x15xcomplex<f16>>', not 'tensor<5x3x7x15xcomplex<f16>>'}}
  %x = fftconv.embed %u by #ring : tensor<5x3x105xf16> -> tensor<5x3x7x15xcomplex<f16>>
  return
}

// -----

#plan = #fftconv.plan<points = 105, radices = [7, 3, 5], theta = i, compute = f16, chip = "cpu">
func.func @embed_e3_length(%u: tensor<2x3x106xf16>) {
  // expected-error @+1 {{length 106 exceeds the plan's 105 points}}
  %x = fftconv.embed %u by #plan : tensor<2x3x106xf16> -> tensor<2x3x7x3x5xf16>
  return
}

// -----

#plan = #fftconv.plan<points = 105, radices = [7, 3, 5], theta = i, compute = f16, chip = "cpu">
#both = #fftconv.spectrum<bidirectional, length = 101, plan = #plan>
func.func @embed_filter_f1_center(%k: tensor<3x9xf32>) {
  // expected-error @+1 {{center 9 is not one of the 9 taps}}
  %x = fftconv.embed_filter %k center 9 for #both : tensor<3x9xf32> -> tensor<3x7x3x5xcomplex<f32>>
  return
}

// -----

#plan = #fftconv.plan<points = 105, radices = [7, 3, 5], theta = i, compute = f16, chip = "cpu">
#both = #fftconv.spectrum<bidirectional, length = 101, plan = #plan>
func.func @embed_filter_f2_real(%k: tensor<3x9xf32>) {
  // expected-error @+1 {{the digits of the filter are 'tensor<3x7x3x5xcomplex<f32>>', not 'tensor<3x7x3x5xf32>'}}
  %x = fftconv.embed_filter %k center 2 for #both : tensor<3x9xf32> -> tensor<3x7x3x5xf32>
  return
}

// -----

#plan = #fftconv.plan<points = 105, radices = [7, 3, 5], theta = i, compute = f16, chip = "cpu">
func.func @dft_d1_shape(%x: tensor<2x7x3x5xcomplex<f16>>) {
  // expected-error @+1 {{operand and result must have the same shape}}
  %y = fftconv.dft %x digit 2 by #plan : tensor<2x7x3x5xcomplex<f16>> -> tensor<3x7x3x5xcomplex<f16>>
  return
}

// -----

#plan = #fftconv.plan<points = 105, radices = [7, 3, 5], theta = i, compute = f16, chip = "cpu">
func.func @dft_d1_radices(%x: tensor<2x7x5x3xcomplex<f16>>) {
  // expected-error @+1 {{must be the plan's radices}}
  %y = fftconv.dft %x digit 2 by #plan : tensor<2x7x5x3xcomplex<f16>> -> tensor<2x7x5x3xcomplex<f16>>
  return
}

// -----

#plan = #fftconv.plan<points = 105, radices = [7, 3, 5], theta = i, compute = f16, chip = "cpu">
func.func @dft_d2_digit(%x: tensor<2x7x3x5xcomplex<f16>>) {
  // expected-error @+1 {{digit must be in [1, 3], got 4}}
  %y = fftconv.dft %x digit 4 by #plan : tensor<2x7x3x5xcomplex<f16>> -> tensor<2x7x3x5xcomplex<f16>>
  return
}

// -----

#plan = #fftconv.plan<points = 105, radices = [7, 3, 5], theta = i, compute = f16, chip = "cpu">
func.func @dft_d3_operand(%x: tensor<2x7x3x5xf16>) {
  // expected-error @+1 {{only the forward transform of digit 1 takes a real operand}}
  %y = fftconv.dft %x digit 2 by #plan : tensor<2x7x3x5xf16> -> tensor<2x7x3x5xcomplex<f16>>
  return
}

// -----

#plan = #fftconv.plan<points = 105, radices = [7, 3, 5], theta = i, compute = f16, chip = "cpu">
func.func @dft_d3_result(%x: tensor<2x7x3x5xcomplex<f16>>) {
  // expected-error @+1 {{only the inverse transform of digit 1 gives a real result}}
  %y = fftconv.dft %x digit 1 by #plan : tensor<2x7x3x5xcomplex<f16>> -> tensor<2x7x3x5xf16>
  return
}

// -----

#plan = #fftconv.plan<points = 105, radices = [7, 3, 5], theta = i, compute = f16, chip = "cpu">
#causal = #fftconv.spectrum<causal, length = 101, plan = #plan>
func.func @dft_d4_encoding(%x: tensor<2x7x3x5xcomplex<f16>>) {
  // expected-error @+1 {{only the last forward result carries an encoding}}
  %y = fftconv.dft %x digit 2 by #plan : tensor<2x7x3x5xcomplex<f16>> -> tensor<2x7x3x5xcomplex<f16>, #causal>
  return
}

// -----

#plan = #fftconv.plan<points = 105, radices = [7, 3, 5], theta = i, compute = f16, chip = "cpu">
func.func @twiddle_w1_real(%x: tensor<2x7x3x5xf16>) {
  // expected-error @+1 {{operand and result must be complex and of the same shape}}
  %y = fftconv.twiddle %x digit 2 by #plan : tensor<2x7x3x5xf16> -> tensor<2x7x3x5xcomplex<f16>>
  return
}

// -----

#plan = #fftconv.plan<points = 105, radices = [7, 3, 5], theta = i, compute = f16, chip = "cpu">
func.func @twiddle_w2_digit(%x: tensor<2x7x3x5xcomplex<f16>>) {
  // expected-error @+1 {{digit must be in [2, 3], got 1}}
  %y = fftconv.twiddle %x digit 1 by #plan : tensor<2x7x3x5xcomplex<f16>> -> tensor<2x7x3x5xcomplex<f16>>
  return
}

// -----

#plan = #fftconv.plan<points = 105, radices = [7, 3, 5], theta = i, compute = f16, chip = "cpu">
#causal = #fftconv.spectrum<causal, length = 101, plan = #plan>
func.func @spectrum_product_m1_real(%x: tensor<2x3x7x3x5xf16>, %s: tensor<3x7x3x5xcomplex<f16>, #causal>) {
  // expected-error @+1 {{operand and result must be complex and of the same shape}}
  %y = fftconv.spectrum_product %x, %s
      : tensor<2x3x7x3x5xf16>, tensor<3x7x3x5xcomplex<f16>, #causal> -> tensor<2x3x7x3x5xcomplex<f16>>
  return
}

// -----

#plan = #fftconv.plan<points = 105, radices = [7, 3, 5], theta = i, compute = f16, chip = "cpu">
#causal = #fftconv.spectrum<causal, length = 101, plan = #plan>
func.func @spectrum_product_m2_heads(%x: tensor<2x4x7x3x5xcomplex<f16>>, %s: tensor<3x7x3x5xcomplex<f16>, #causal>) {
  // expected-error @+1 {{the spectrum must have the heads and digits of}}
  %y = fftconv.spectrum_product %x, %s
      : tensor<2x4x7x3x5xcomplex<f16>>, tensor<3x7x3x5xcomplex<f16>, #causal> -> tensor<2x4x7x3x5xcomplex<f16>>
  return
}

// -----

#plan = #fftconv.plan<points = 105, radices = [7, 3, 5], theta = i, compute = f16, chip = "cpu">
#causal = #fftconv.spectrum<causal, length = 101, plan = #plan>
func.func @project_r1_skip(%x: tensor<2x3x7x3x5xf32>, %u: tensor<2x3x101xf16>, %d: tensor<2xf32>) {
  // expected-error @+1 {{skip must be one f32 for each of the 3 heads}}
  %y = fftconv.project %x, %u skip(%d : tensor<2xf32>) for #causal : tensor<2x3x7x3x5xf32>, tensor<2x3x101xf16>
  return
}

// -----

#plan = #fftconv.plan<points = 105, radices = [7, 3, 5], theta = i, compute = f16, chip = "cpu">
#causal = #fftconv.spectrum<causal, length = 101, plan = #plan>
func.func @project_r2_rows(%x: tensor<4x3x7x3x5xf32>, %u: tensor<2x3x101xf16>) {
  // expected-error @+1 {{the digits of 'tensor<2x3x101xf16>' are 'tensor<2x3x7x3x5xf32>', not 'tensor<4x3x7x3x5xf32>'}}
  %y = fftconv.project %x, %u for #causal : tensor<4x3x7x3x5xf32>, tensor<2x3x101xf16>
  return
}

// -----

#plan = #fftconv.plan<points = 105, radices = [7, 3, 5], theta = i, compute = f16, chip = "cpu">
#circular = #fftconv.spectrum<circular, length = 101, plan = #plan>
func.func @project_r3_real(%x: tensor<2x3x7x3x5xf32>, %u: tensor<2x3x101xf16>) {
  // expected-error @+1 {{are 'tensor<2x3x7x3x5xcomplex<f32>>', not 'tensor<2x3x7x3x5xf32>'}}
  %y = fftconv.project %x, %u for #circular : tensor<2x3x7x3x5xf32>, tensor<2x3x101xf16>
  return
}

// -----

#plan = #fftconv.plan<points = 105, radices = [7, 3, 5], theta = i, compute = f16, chip = "cpu">
#causal = #fftconv.spectrum<causal, length = 101, plan = #plan>
func.func @project_r4_length(%x: tensor<2x3x7x3x5xf32>, %u: tensor<2x3x99xf16>) {
  // expected-error @+1 {{u has length 99, the spectrum is for 101}}
  %y = fftconv.project %x, %u for #causal : tensor<2x3x7x3x5xf32>, tensor<2x3x99xf16>
  return
}

// -----

// The first digit counts blocks, and is not transformed.
#plan = #fftconv.plan<blocks = 2, points = 30, radices = [2, 3, 5], theta = i, compute = f16, chip = "cpu">
func.func @dft_d2_blocks(%x: tensor<2x2x3x5xcomplex<f16>>) {
  // expected-error @+1 {{digit must be in [2, 3], got 1}}
  %y = fftconv.dft %x digit 1 by #plan : tensor<2x2x3x5xcomplex<f16>> -> tensor<2x2x3x5xcomplex<f16>>
  return
}

// -----

#plan = #fftconv.plan<blocks = 2, points = 30, radices = [2, 3, 5], theta = i, compute = f16, chip = "cpu">
func.func @dft_d3_blocks(%x: tensor<2x2x3x5xf16>) {
  // expected-error @+1 {{only the forward transform of digit 2 takes a real operand}}
  %y = fftconv.dft %x digit 3 by #plan : tensor<2x2x3x5xf16> -> tensor<2x2x3x5xcomplex<f16>>
  return
}

// -----

#plan = #fftconv.plan<blocks = 2, points = 30, radices = [2, 3, 5], theta = i, compute = f16, chip = "cpu">
func.func @twiddle_w2_blocks(%x: tensor<2x2x3x5xcomplex<f16>>) {
  // expected-error @+1 {{digit must be in [3, 3], got 2}}
  %y = fftconv.twiddle %x digit 2 by #plan : tensor<2x2x3x5xcomplex<f16>> -> tensor<2x2x3x5xcomplex<f16>>
  return
}

// -----

#plan = #fftconv.plan<blocks = 2, points = 30, radices = [2, 3, 5], theta = i, compute = f16, chip = "cpu">
#causal = #fftconv.spectrum<causal, length = 30, plan = #plan>
func.func @embed_filter_f2_blocks(%k: tensor<2x9xf32>) {
  // expected-error @+1 {{the digits of the filter are 'tensor<2x2x3x5xcomplex<f32>>', not 'tensor<2x2x3x5xf32>'}}
  %x = fftconv.embed_filter %k for #causal : tensor<2x9xf32> -> tensor<2x2x3x5xf32>
  return
}
