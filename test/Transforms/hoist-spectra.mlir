// RUN: fftconv-opt %s --fftconv-hoist-spectra --split-input-file | FileCheck %s
// RUN: fftconv-opt %s --fftconv-hoist-spectra --split-input-file --remarks-filter=.* 2>&1 >/dev/null | FileCheck %s --check-prefix=REMARK

#plan = #fftconv.plan<points = 105, radices = [7, 15], theta = i, compute = f16, chip = "cpu">

// CHECK: #[[SPECTRUM:[a-z0-9]+]] = #fftconv.spectrum<bidirectional, length = 101, plan = #plan>
// CHECK-LABEL: @split(
// CHECK-SAME: %[[U:[a-z0-9]+]]: tensor<?x2x101xf16>, %[[K:[a-z0-9]+]]: tensor<2x33xf32>, %[[P:[a-z0-9]+]]: tensor<?x2x101xf16>, %[[D:[a-z0-9]+]]: tensor<2xf32>
// CHECK-NEXT: %[[S:[0-9]+]] = fftconv.spectrum %[[K]] center 3 : tensor<2x33xf32> -> tensor<2x7x15xcomplex<f16>, #[[SPECTRUM]]>
// CHECK-NEXT: %[[Y:[0-9]+]] = fftconv.spectral_conv %[[U]], %[[S]] pre_gate(%[[P]] : tensor<?x2x101xf16>) skip(%[[D]] : tensor<2xf32>)
// CHECK-NEXT: return %[[Y]]
func.func @split(%u: tensor<?x2x101xf16>, %k: tensor<2x33xf32>, %p: tensor<?x2x101xf16>, %d: tensor<2xf32>)
    -> tensor<?x2x101xf16> {
  %y = fftconv.conv bidirectional %u, %k center 3 pre_gate(%p : tensor<?x2x101xf16>) skip(%d : tensor<2xf32>) plan #plan
      : tensor<?x2x101xf16>, tensor<2x33xf32>
  return %y : tensor<?x2x101xf16>
}

// -----

#plan = #fftconv.plan<points = 105, radices = [7, 15], theta = i, compute = f32, chip = "cpu">

// The filter's transform leaves the loop, and two convolutions by one filter share it.
// CHECK-LABEL: @hoisted_and_shared(
// CHECK: fftconv.spectrum
// CHECK-NEXT: scf.for
// CHECK-NEXT: fftconv.spectral_conv
// CHECK-NEXT: fftconv.spectral_conv
// CHECK-NEXT: scf.yield
func.func @hoisted_and_shared(%u: tensor<3x2x101xf32>, %k: tensor<2x33xf32>, %n: index) -> tensor<3x2x101xf32> {
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  %y = scf.for %i = %zero to %n step %one iter_args(%x = %u) -> tensor<3x2x101xf32> {
    %a = fftconv.conv causal %x, %k plan #plan : tensor<3x2x101xf32>, tensor<2x33xf32>
    %b = fftconv.conv causal %a, %k plan #plan : tensor<3x2x101xf32>, tensor<2x33xf32>
    scf.yield %b : tensor<3x2x101xf32>
  }
  return %y : tensor<3x2x101xf32>
}

// -----

#plan = #fftconv.plan<points = 105, radices = [7, 15], theta = i, compute = f32, chip = "cpu">

// A filter that the loop changes has a new spectrum in every step.
// CHECK-LABEL: @declines_changing_filter(
// CHECK: scf.for
// CHECK: arith.addf
// CHECK-NEXT: fftconv.spectrum
// CHECK-NEXT: fftconv.spectral_conv
func.func @declines_changing_filter(%u: tensor<3x2x101xf32>, %k: tensor<2x33xf32>, %n: index) -> tensor<3x2x101xf32> {
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  %y:2 = scf.for %i = %zero to %n step %one iter_args(%x = %u, %f = %k) -> (tensor<3x2x101xf32>, tensor<2x33xf32>) {
    %g = arith.addf %f, %k : tensor<2x33xf32>
    %a = fftconv.conv causal %x, %g plan #plan : tensor<3x2x101xf32>, tensor<2x33xf32>
    scf.yield %a, %g : tensor<3x2x101xf32>, tensor<2x33xf32>
  }
  return %y#0 : tensor<3x2x101xf32>
}

// -----

// REMARK: remark: [Missed] NoPlan | Category:fftconv-hoist-spectra | Reason="the convolution has no plan; run fftconv-plan-convs first"
// CHECK-LABEL: @declines_without_plan(
// CHECK: fftconv.conv causal
func.func @declines_without_plan(%u: tensor<3x2x101xf32>, %k: tensor<2x33xf32>) -> tensor<3x2x101xf32> {
  %y = fftconv.conv causal %u, %k : tensor<3x2x101xf32>, tensor<2x33xf32>
  return %y : tensor<3x2x101xf32>
}

// -----

// With a kernel that prepares the spectrum, the skip goes into the filter.
// CHECK-LABEL: @skip_in_the_filter(
// CHECK: %[[S:.*]] = fftconv.spectrum %{{.*}} center 2 skip(%{{.*}} : tensor<3xf32>)
// CHECK-NEXT: fftconv.spectral_conv %{{.*}}, %[[S]] :
#schedule = #fftconv.schedule<warps = 4, values = 32, rows = 4, stages = 2, products = f16, sums = f32>
#plan = #fftconv.plan<points = 512, radices = [16, 2, 16], theta = i, compute = f16, chip = "sm_80", schedule = #schedule>
func.func @skip_in_the_filter(%u: tensor<?x3x301xf16>, %k: tensor<3x7xf32>, %d: tensor<3xf32>) -> tensor<?x3x301xf16> {
  %y = fftconv.conv bidirectional %u, %k center 2 skip(%d : tensor<3xf32>) plan #plan : tensor<?x3x301xf16>, tensor<3x7xf32>
  return %y : tensor<?x3x301xf16>
}

// -----

// Rows whose channels are last are turned before.
// CHECK-LABEL: @channels_last(
// CHECK: fftconv.conv causal channels_last
// CHECK: fftconv.conv causal channels_last turned
#cpu = #fftconv.plan<points = 105, radices = [7, 15], theta = i, compute = f32, chip = "cpu">
#schedule = #fftconv.schedule<warps = 4, values = 32, rows = 4, stages = 1, products = f16, sums = f32>
#plan = #fftconv.plan<points = 512, radices = [16, 2, 16], theta = i, compute = f16, chip = "sm_80", schedule = #schedule>
func.func @channels_last(%u: tensor<?x101x2xf32>, %v: tensor<2x301x2xf16>, %k: tensor<2x33xf32>) -> (tensor<?x101x2xf32>, tensor<2x301x2xf16>) {
  // REMARK: remark: [Missed] NotTurned | Category:fftconv-hoist-spectra | Reason="its channels are last, which no kernel takes; run fftconv-turn-channels first"
  %y = fftconv.conv causal channels_last %u, %k plan #cpu : tensor<?x101x2xf32>, tensor<2x33xf32>
  %z = fftconv.conv causal channels_last turned %v, %k plan #plan : tensor<2x301x2xf16>, tensor<2x33xf32>
  return %y, %z : tensor<?x101x2xf32>, tensor<2x301x2xf16>
}

// -----

// With a kernel they stay as they are; what is computed directly needs no spectrum.
// CHECK-LABEL: @left_alone(
// CHECK: fftconv.spectral_conv channels_last
// CHECK: fftconv.conv causal {{.*}} direct
#schedule = #fftconv.schedule<warps = 4, values = 32, rows = 4, stages = 1, products = f16, sums = f32>
#plan = #fftconv.plan<points = 512, radices = [16, 2, 16], theta = i, compute = f16, chip = "sm_80", schedule = #schedule>
func.func @left_alone(%u: tensor<2x301x3xf16>, %v: tensor<2x3x301xf16>, %k: tensor<3x7xf32>) -> (tensor<2x301x3xf16>, tensor<2x3x301xf16>) {
  %y = fftconv.conv causal channels_last %u, %k plan #plan : tensor<2x301x3xf16>, tensor<3x7xf32>
  %z = fftconv.conv causal %v, %k direct <warps = 4, blocks = 8, compute = f16, chip = "sm_80"> : tensor<2x3x301xf16>, tensor<3x7xf32>
  return %y, %z : tensor<2x301x3xf16>, tensor<2x3x301xf16>
}
