// RUN: fftconv-opt %s --split-input-file --fftconv-turn-channels | FileCheck %s
// RUN: fftconv-opt %s --split-input-file --fftconv-turn-channels --canonicalize | FileCheck %s --check-prefix=FOLDED

// Rows whose channels are last are turned where no kernel does it, and gates with them.
// CHECK-LABEL: @channels_last(
// CHECK-SAME: %[[U:.*]]: tensor<?x101x2xf32>, %{{.*}}: tensor<2x33xf32>, %[[G:.*]]: tensor<?x101x2xf32>
// CHECK: %[[P:.*]] = linalg.transpose ins(%[[G]] : tensor<?x101x2xf32>)
// CHECK: %[[T:.*]] = linalg.transpose ins(%[[U]] : tensor<?x101x2xf32>) outs({{.*}} : tensor<?x2x101xf32>) permutation = [0, 2, 1]
// CHECK: %[[Y:.*]] = fftconv.conv causal %[[T]], %{{.*}} post_gate(%[[P]] : tensor<?x2x101xf32>) plan
// CHECK: linalg.transpose ins(%[[Y]] : tensor<?x2x101xf32>) outs({{.*}} : tensor<?x101x2xf32>) permutation = [0, 2, 1]
#plan = #fftconv.plan<points = 105, radices = [7, 15], theta = i, compute = f32, chip = "cpu">
func.func @channels_last(%u: tensor<?x101x2xf32>, %k: tensor<2x33xf32>, %g: tensor<?x101x2xf32>) -> tensor<?x101x2xf32> {
  %y = fftconv.conv causal channels_last %u, %k post_gate(%g : tensor<?x101x2xf32>) plan #plan : tensor<?x101x2xf32>, tensor<2x33xf32>
  return %y : tensor<?x101x2xf32>
}

// -----

// Kernels of their own turn them where the plan says so, and multiply with gates on the way. What is turned back and forth between two convolutions stays as it is.
// CHECK-LABEL: @turned(
// CHECK-SAME: %[[U:.*]]: tensor<?x301x2xf16>, %[[K:.*]]: tensor<2x7xf32>, %[[G:.*]]: tensor<?x301x2xf16>
// CHECK: %[[T:.*]] = fftconv.turn %[[U]] gate(%[[G]] : tensor<?x301x2xf16>) on "sm_80" : tensor<?x301x2xf16> -> tensor<?x2x301xf16>
// CHECK: %[[Y:.*]] = fftconv.conv causal %[[T]], %[[K]] plan
// CHECK: %[[B:.*]] = fftconv.turn back %[[Y]] on "sm_80" : tensor<?x2x301xf16> -> tensor<?x301x2xf16>
// CHECK: %[[V:.*]] = fftconv.turn %[[B]] on "sm_80" : tensor<?x301x2xf16> -> tensor<?x2x301xf16>
// CHECK: %[[Z:.*]] = fftconv.conv causal %[[V]], %[[K]] direct
// CHECK: %[[R:.*]] = fftconv.turn back %[[Z]] gate(%[[G]] : tensor<?x301x2xf16>) on "sm_80" : tensor<?x2x301xf16> -> tensor<?x301x2xf16>
// CHECK: return %[[R]]
// FOLDED-LABEL: @turned(
// FOLDED: %[[Y:.*]] = fftconv.conv causal {{.*}} plan
// FOLDED-NEXT: fftconv.conv causal %[[Y]], {{.*}} direct
#schedule = #fftconv.schedule<warps = 4, values = 32, rows = 4, stages = 1, products = f16, sums = f32>
#plan = #fftconv.plan<points = 512, radices = [16, 2, 16], theta = i, compute = f16, chip = "sm_80", schedule = #schedule>
func.func @turned(%u: tensor<?x301x2xf16>, %k: tensor<2x7xf32>, %g: tensor<?x301x2xf16>) -> tensor<?x301x2xf16> {
  %y = fftconv.conv causal channels_last turned %u, %k pre_gate(%g : tensor<?x301x2xf16>) plan #plan : tensor<?x301x2xf16>, tensor<2x7xf32>
  %z = fftconv.conv causal channels_last turned %y, %k post_gate(%g : tensor<?x301x2xf16>) direct <warps = 4, blocks = 8, compute = f16, chip = "sm_80"> : tensor<?x301x2xf16>, tensor<2x7xf32>
  return %z : tensor<?x301x2xf16>
}

// -----

// Left alone: kernels that turn rows themselves, and what has no plan.
// CHECK-LABEL: @left_alone(
// CHECK: fftconv.conv causal channels_last {{.*}} plan
// CHECK: fftconv.conv causal channels_last
// CHECK-NOT: {{linalg.transpose|fftconv.turn}}
#schedule = #fftconv.schedule<warps = 4, values = 32, rows = 4, stages = 1, products = f16, sums = f32>
#plan = #fftconv.plan<points = 512, radices = [16, 2, 16], theta = i, compute = f16, chip = "sm_80", schedule = #schedule>
func.func @left_alone(%u: tensor<2x301x3xf16>, %k: tensor<3x7xf32>) -> tensor<2x301x3xf16> {
  %y = fftconv.conv causal channels_last %u, %k plan #plan : tensor<2x301x3xf16>, tensor<3x7xf32>
  %z = fftconv.conv causal channels_last %y, %k : tensor<2x301x3xf16>, tensor<3x7xf32>
  return %z : tensor<2x301x3xf16>
}
