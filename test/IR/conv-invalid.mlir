// RUN: fftconv-opt %s --split-input-file --verify-diagnostics

// Each function breaks the constraint that its name cites.

func.func @conv_c1_rank(%u: tensor<3x100xf32>, %k: tensor<3x7xf32>) {
  // expected-error @+1 {{operand #0 must be tensor<BxHxLxT>, or tensor<BxLxHxT> where channels are last, with T = f16, bf16 or f32}}
  %y = fftconv.conv causal %u, %k : tensor<3x100xf32>, tensor<3x7xf32>
  return
}

// -----

func.func @conv_c1_integers(%u: tensor<2x3x100xi32>, %k: tensor<3x7xf32>) {
  // expected-error @+1 {{operand #0 must be tensor<BxHxLxT>, or tensor<BxLxHxT> where channels are last, with T = f16, bf16 or f32}}
  %y = fftconv.conv causal %u, %k : tensor<2x3x100xi32>, tensor<3x7xf32>
  return
}

// -----

func.func @conv_c1_f64(%u: tensor<2x3x100xf64>, %k: tensor<3x7xf32>) {
  // expected-error @+1 {{operand #0 must be tensor<BxHxLxT>, or tensor<BxLxHxT> where channels are last, with T = f16, bf16 or f32}}
  %y = fftconv.conv causal %u, %k : tensor<2x3x100xf64>, tensor<3x7xf32>
  return
}

// -----

func.func @conv_c1_dynamic_length(%u: tensor<2x3x?xf32>, %k: tensor<3x7xf32>) {
  // expected-error @+1 {{heads and length of u must be static}}
  %y = fftconv.conv causal %u, %k : tensor<2x3x?xf32>, tensor<3x7xf32>
  return
}

// -----

func.func @conv_c1_zero_batch(%u: tensor<0x3x100xf32>, %k: tensor<3x7xf32>) {
  // expected-error @+1 {{no dimension of u may be zero}}
  %y = fftconv.conv causal %u, %k : tensor<0x3x100xf32>, tensor<3x7xf32>
  return
}

// -----

func.func @conv_c1_zero_length(%u: tensor<2x3x0xf32>, %k: tensor<3x7xf32>) {
  // expected-error @+1 {{no dimension of u may be zero}}
  %y = fftconv.conv causal %u, %k : tensor<2x3x0xf32>, tensor<3x7xf32>
  return
}

// -----

func.func @conv_c2_type(%u: tensor<2x3x100xf16>, %k: tensor<3x7xf16>) {
  // expected-error @+1 {{operand #1 must be tensor<HxKxf32>}}
  %y = fftconv.conv causal %u, %k : tensor<2x3x100xf16>, tensor<3x7xf16>
  return
}

// -----

func.func @conv_c2_no_taps(%u: tensor<2x3x100xf32>, %k: tensor<3x0xf32>) {
  // expected-error @+1 {{a filter has a static number of heads and taps, at least 1 of each}}
  %y = fftconv.conv causal %u, %k : tensor<2x3x100xf32>, tensor<3x0xf32>
  return
}

// -----

func.func @conv_c2_dynamic_taps(%u: tensor<2x3x100xf32>, %k: tensor<3x?xf32>) {
  // expected-error @+1 {{a filter has a static number of heads and taps, at least 1 of each}}
  %y = fftconv.conv causal %u, %k : tensor<2x3x100xf32>, tensor<3x?xf32>
  return
}

// -----

func.func @conv_c3_heads(%u: tensor<2x3x100xf32>, %k: tensor<4x7xf32>) {
  // expected-error @+1 {{u has 3 heads, k has 4}}
  %y = fftconv.conv causal %u, %k : tensor<2x3x100xf32>, tensor<4x7xf32>
  return
}

// -----

func.func @conv_c4_missing(%u: tensor<2x3x100xf32>, %k: tensor<3x7xf32>) {
  // expected-error @+1 {{a bidirectional filter needs 'center'}}
  %y = fftconv.conv bidirectional %u, %k : tensor<2x3x100xf32>, tensor<3x7xf32>
  return
}

// -----

func.func @conv_c4_superfluous(%u: tensor<2x3x100xf32>, %k: tensor<3x7xf32>) {
  // expected-error @+1 {{'center' is for bidirectional filters only}}
  %y = fftconv.conv circular %u, %k center 3 : tensor<2x3x100xf32>, tensor<3x7xf32>
  return
}

// -----

func.func @conv_c4_outside(%u: tensor<2x3x100xf32>, %k: tensor<3x7xf32>) {
  // expected-error @+1 {{center 7 is not one of the 7 taps}}
  %y = fftconv.conv bidirectional %u, %k center 7 : tensor<2x3x100xf32>, tensor<3x7xf32>
  return
}

// -----

#plan = #fftconv.plan<points = 96, radices = [16, 6], theta = i, compute = f32, chip = "cpu">
func.func @conv_c5_too_short(%u: tensor<2x3x100xf32>, %k: tensor<3x7xf32>) {
  // expected-error @+1 {{a plan of 96 points does not serve length 100: it is too short}}
  %y = fftconv.conv causal %u, %k plan #plan : tensor<2x3x100xf32>, tensor<3x7xf32>
  return
}

// -----

#plan = #fftconv.plan<points = 128, radices = [16, 8], theta = one, compute = f32, chip = "cpu">
func.func @conv_c5_not_exact(%u: tensor<2x3x100xf32>, %k: tensor<3x7xf32>) {
  // expected-error @+1 {{a plan of 128 points does not serve length 100: theta = one needs as many points as the length}}
  %y = fftconv.conv circular %u, %k plan #plan : tensor<2x3x100xf32>, tensor<3x7xf32>
  return
}

// -----

#plan = #fftconv.plan<points = 128, radices = [16, 8], theta = one, compute = f32, chip = "cpu">
func.func @conv_c5_theta(%u: tensor<2x3x128xf32>, %k: tensor<3x7xf32>) {
  // expected-error @+1 {{a plan with theta = one serves circular convolutions only}}
  %y = fftconv.conv causal %u, %k plan #plan : tensor<2x3x128xf32>, tensor<3x7xf32>
  return
}

// -----

func.func @conv_g1_shape(%u: tensor<2x3x100xf32>, %k: tensor<3x7xf32>, %g: tensor<2x3x99xf32>) {
  // expected-error @+1 {{post_gate must have the type of u, 'tensor<2x3x100xf32>', got 'tensor<2x3x99xf32>'}}
  %y = fftconv.conv causal %u, %k post_gate(%g : tensor<2x3x99xf32>) : tensor<2x3x100xf32>, tensor<3x7xf32>
  return
}

// -----

func.func @conv_g1_type(%u: tensor<2x3x100xf16>, %k: tensor<3x7xf32>, %g: tensor<2x3x100xbf16>) {
  // expected-error @+1 {{pre_gate must have the type of u}}
  %y = fftconv.conv causal %u, %k pre_gate(%g : tensor<2x3x100xbf16>) : tensor<2x3x100xf16>, tensor<3x7xf32>
  return
}

// -----

func.func @conv_g2_heads(%u: tensor<2x3x100xf16>, %k: tensor<3x7xf32>, %d: tensor<2xf32>) {
  // expected-error @+1 {{skip must be one f32 for each of the 3 heads, got 'tensor<2xf32>'}}
  %y = fftconv.conv causal %u, %k skip(%d : tensor<2xf32>) : tensor<2x3x100xf16>, tensor<3x7xf32>
  return
}

// -----

#plan = #fftconv.plan<points = 128, radices = [16, 8], theta = i, compute = f32, chip = "cpu">
#causal = #fftconv.spectrum<causal, length = 100, plan = #plan>
func.func @spectrum_t1_center(%k: tensor<3x7xf32>) {
  // expected-error @+1 {{'center' is for bidirectional filters only}}
  %s = fftconv.spectrum %k center 1 : tensor<3x7xf32> -> tensor<3x16x8xcomplex<f32>, #causal>
  return
}

// -----

#plan = #fftconv.plan<points = 128, radices = [16, 8], theta = i, compute = f32, chip = "cpu">
#causal = #fftconv.spectrum<causal, length = 100, plan = #plan>
func.func @spectrum_t2_heads(%k: tensor<3x7xf32>) {
  // expected-error @+1 {{k has 3 heads, the spectrum has 2}}
  %s = fftconv.spectrum %k : tensor<3x7xf32> -> tensor<2x16x8xcomplex<f32>, #causal>
  return
}

// -----

func.func @spectrum_t2_encoding(%k: tensor<3x7xf32>) {
  // expected-error @+1 {{result #0 must be tensor of a spectrum, with a #fftconv.spectrum encoding}}
  %s = fftconv.spectrum %k : tensor<3x7xf32> -> tensor<3x16x8xcomplex<f32>>
  return
}

// -----

#plan = #fftconv.plan<points = 128, radices = [16, 8], theta = i, compute = f32, chip = "cpu">
#causal = #fftconv.spectrum<causal, length = 100, plan = #plan>
func.func @spectral_conv_v1_zero(%u: tensor<0x3x100xf32>, %s: tensor<3x16x8xcomplex<f32>, #causal>) {
  // expected-error @+1 {{no dimension of u may be zero}}
  %y = fftconv.spectral_conv %u, %s : tensor<0x3x100xf32>, tensor<3x16x8xcomplex<f32>, #causal>
  return
}

// -----

#plan = #fftconv.plan<points = 128, radices = [16, 8], theta = i, compute = f32, chip = "cpu">
#causal = #fftconv.spectrum<causal, length = 100, plan = #plan>
func.func @spectral_conv_v2_heads(%u: tensor<2x3x100xf32>, %s: tensor<4x16x8xcomplex<f32>, #causal>) {
  // expected-error @+1 {{u has 3 heads, the spectrum has 4}}
  %y = fftconv.spectral_conv %u, %s : tensor<2x3x100xf32>, tensor<4x16x8xcomplex<f32>, #causal>
  return
}

// -----

#plan = #fftconv.plan<points = 128, radices = [16, 8], theta = i, compute = f32, chip = "cpu">
#causal = #fftconv.spectrum<causal, length = 100, plan = #plan>
func.func @spectral_conv_v2_length(%u: tensor<2x3x99xf32>, %s: tensor<3x16x8xcomplex<f32>, #causal>) {
  // expected-error @+1 {{the spectrum is for length 100, u has length 99}}
  %y = fftconv.spectral_conv %u, %s : tensor<2x3x99xf32>, tensor<3x16x8xcomplex<f32>, #causal>
  return
}

// -----

#plan = #fftconv.plan<points = 128, radices = [16, 8], theta = i, compute = f32, chip = "cpu">
#other = #fftconv.plan<points = 128, radices = [8, 16], theta = i, compute = f32, chip = "cpu">
#causal = #fftconv.spectrum<causal, length = 100, plan = #plan>
#foreign = #fftconv.spectrum<causal, length = 100, plan = #other>
// A spectrum of one plan does not pass for that of another, even of the same number of points.
func.func @spectrum_of_another_plan(%u: tensor<2x3x100xf32>, %k: tensor<3x7xf32>) {
  // expected-note @+1 {{prior use here}}
  %s = fftconv.spectrum %k : tensor<3x7xf32> -> tensor<3x16x8xcomplex<f32>, #causal>
  // expected-error @+1 {{expects different type than prior uses}}
  %y = fftconv.spectral_conv %u, %s : tensor<2x3x100xf32>, tensor<3x8x16xcomplex<f32>, #foreign>
  return
}

// -----

func.func @conv_c6_type(%u: tensor<2x3x100xbf16>, %k: tensor<3x7xf32>) -> tensor<2x3x100xbf16> {
  // expected-error @+1 {{what is computed directly has no plan, is not circular, not channels_last unless it is turned, and is of the type it is computed in, 'f16'}}
  %y = fftconv.conv causal %u, %k direct <warps = 4, blocks = 8, compute = f16, chip = "sm_90"> : tensor<2x3x100xbf16>, tensor<3x7xf32>
  return %y : tensor<2x3x100xbf16>
}

// -----

func.func @conv_c6_circular(%u: tensor<2x3x100xf16>, %k: tensor<3x7xf32>) -> tensor<2x3x100xf16> {
  // expected-error @+1 {{what is computed directly has no plan, is not circular}}
  %y = fftconv.conv circular %u, %k direct <warps = 4, blocks = 8, compute = f16, chip = "sm_90"> : tensor<2x3x100xf16>, tensor<3x7xf32>
  return %y : tensor<2x3x100xf16>
}

// -----

func.func @conv_c6_channels_last(%u: tensor<2x100x3xf16>, %k: tensor<3x7xf32>) -> tensor<2x100x3xf16> {
  // expected-error @+1 {{what is computed directly has no plan, is not circular, not channels_last unless it is turned}}
  %y = fftconv.conv causal channels_last %u, %k direct <warps = 4, blocks = 8, compute = f16, chip = "sm_90"> : tensor<2x100x3xf16>, tensor<3x7xf32>
  return %y : tensor<2x100x3xf16>
}

// -----

func.func @channels_last_heads(%u: tensor<2x100x3xf16>, %k: tensor<100x7xf32>) -> tensor<2x100x3xf16> {
  // expected-error @+1 {{u has 3 heads, k has 100}}
  %y = fftconv.conv causal channels_last %u, %k : tensor<2x100x3xf16>, tensor<100x7xf32>
  return %y : tensor<2x100x3xf16>
}

// -----

func.func @channels_last_skip(%u: tensor<2x100x3xf16>, %k: tensor<3x7xf32>, %d: tensor<100xf32>) -> tensor<2x100x3xf16> {
  // expected-error @+1 {{skip must be one f32 for each of the 3 heads, got 'tensor<100xf32>'}}
  %y = fftconv.conv causal channels_last %u, %k skip(%d : tensor<100xf32>) : tensor<2x100x3xf16>, tensor<3x7xf32>
  return %y : tensor<2x100x3xf16>
}

// -----

func.func @conv_c7_no_plan(%u: tensor<2x100x3xf16>, %k: tensor<3x7xf32>) -> tensor<2x100x3xf16> {
  // expected-error @+1 {{what is turned is channels_last and has a plan with a schedule, or is computed directly}}
  %y = fftconv.conv causal channels_last turned %u, %k : tensor<2x100x3xf16>, tensor<3x7xf32>
  return %y : tensor<2x100x3xf16>
}

// -----

func.func @conv_c7_channels_first(%u: tensor<2x3x100xf16>, %k: tensor<3x7xf32>) -> tensor<2x3x100xf16> {
  // expected-error @+1 {{what is turned is channels_last and has a plan with a schedule, or is computed directly}}
  %y = fftconv.conv causal turned %u, %k direct <warps = 4, blocks = 8, compute = f16, chip = "sm_90"> : tensor<2x3x100xf16>, tensor<3x7xf32>
  return %y : tensor<2x3x100xf16>
}

// -----

func.func @turn_e1(%x: tensor<?x100x3xf16>) -> tensor<?x100x3xf16> {
  // expected-error @+1 {{gives what it takes with its last two dimensions in each other's place, not 'tensor<?x100x3xf16>' for 'tensor<?x100x3xf16>'}}
  %y = fftconv.turn %x on "sm_90" : tensor<?x100x3xf16> -> tensor<?x100x3xf16>
  return %y : tensor<?x100x3xf16>
}

// -----

func.func @turn_e1_type(%x: tensor<?x100x3xf16>) -> tensor<?x3x100xbf16> {
  // expected-error @+1 {{gives what it takes with its last two dimensions in each other's place}}
  %y = fftconv.turn %x on "sm_90" : tensor<?x100x3xf16> -> tensor<?x3x100xbf16>
  return %y : tensor<?x3x100xbf16>
}

// -----

func.func @turn_e1_dynamic(%x: tensor<?x?x3xf16>) -> tensor<?x3x?xf16> {
  // expected-error @+1 {{heads and length of u must be static}}
  %y = fftconv.turn %x on "sm_90" : tensor<?x?x3xf16> -> tensor<?x3x?xf16>
  return %y : tensor<?x3x?xf16>
}

// -----

func.func @turn_e2(%x: tensor<?x3x100xf16>, %g: tensor<?x3x100xf16>) -> tensor<?x100x3xf16> {
  // expected-error @+1 {{a gate has the type of the rows whose channels are last, 'tensor<?x100x3xf16>', got 'tensor<?x3x100xf16>'}}
  %y = fftconv.turn back %x gate(%g : tensor<?x3x100xf16>) on "sm_90" : tensor<?x3x100xf16> -> tensor<?x100x3xf16>
  return %y : tensor<?x100x3xf16>
}
