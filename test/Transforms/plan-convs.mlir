// RUN: fftconv-opt %s --fftconv-plan-convs --split-input-file | FileCheck %s --check-prefixes=CHECK,CPU
// RUN: fftconv-opt %s --fftconv-plan-convs="chip=sm_90 compute=bf16" --split-input-file | FileCheck %s --check-prefixes=CHECK,GPU
// RUN: fftconv-opt %s --fftconv-plan-convs="chip=sm_90 copies=bulk" --split-input-file | FileCheck %s --check-prefix=BULK
// RUN: fftconv-opt %s --fftconv-plan-convs="chip=sm_90 copies=bulk" --split-input-file --remarks-filter=.* 2>&1 >/dev/null | FileCheck %s --check-prefix=NOBULK
// RUN: fftconv-opt %s --fftconv-plan-convs=chip=sm_90 --split-input-file | FileCheck %s --check-prefix=AUTO
// RUN: fftconv-opt %s --fftconv-plan-convs="chip=sm_90 channels=fused" --split-input-file | FileCheck %s --check-prefix=FUSED
// RUN: fftconv-opt %s --fftconv-plan-convs="chip=sm_90a mma=warpgroup" --split-input-file --remarks-filter=.* 2>&1 >/dev/null | FileCheck %s --check-prefix=NOGROUPS
// RUN: fftconv-opt %s --fftconv-plan-convs --split-input-file --remarks-filter=.* 2>&1 >/dev/null | FileCheck %s --check-prefix=REMARK

// The number of points is the cheapest at least as large as the length, not a power of two.
// CPU: #plan = #fftconv.plan<points = 1008, radices = [7, 6, 3, 8], theta = i, compute = f16, chip = "cpu">
// GPU: #schedule = #fftconv.schedule<warps = 1, values = 32, rows = 1, stages = 4, products = bf16, sums = f32>
// GPU: #plan = #fftconv.plan<blocks = 4, points = 1024, radices = [4, 16, 2, 8], theta = i, compute = bf16, chip = "sm_90", schedule = #schedule>
// CHECK-LABEL: @causal(
// CHECK: fftconv.conv causal {{.*}} plan #plan
// REMARK: remark: [Analysis] Plan | Category:fftconv-plan-convs | Remark="{{[0-9]+}} points as {{[0-9]+( x [0-9]+)*}} for length 1001"
func.func @causal(%u: tensor<4x2x1001xf16>, %k: tensor<2x33xf32>) -> tensor<4x2x1001xf16> {
  %y = fftconv.conv causal %u, %k : tensor<4x2x1001xf16>, tensor<2x33xf32>
  return %y : tensor<4x2x1001xf16>
}

// -----

// A circular length that radices make up needs no padding; one row alone has no partner to share a complex row with.
// CPU: #plan = #fftconv.plan<points = 120, radices = [{{.*}}], theta = one, compute = f32, chip = "cpu">
// GPU: #plan = #fftconv.plan<points = 256, radices = [16, 2, 8], theta = i, compute = bf16, chip = "sm_90">
// CHECK-LABEL: @circular(
func.func @circular(%u: tensor<4x2x120xf32>, %k: tensor<2x33xf32>) -> tensor<4x2x120xf32> {
  %y = fftconv.conv circular %u, %k : tensor<4x2x120xf32>, tensor<2x33xf32>
  return %y : tensor<4x2x120xf32>
}

// -----

// CPU: #plan = #fftconv.plan<points = 120, radices = [{{.*}}], theta = i, compute = f32, chip = "cpu">
// CHECK-LABEL: @circular_alone(
func.func @circular_alone(%u: tensor<1x2x120xf32>, %k: tensor<2x33xf32>) -> tensor<1x2x120xf32> {
  %y = fftconv.conv circular %u, %k : tensor<1x2x120xf32>, tensor<2x33xf32>
  return %y : tensor<1x2x120xf32>
}

// -----

// A prime circular length has no plan of its own and is computed with its wrap added.
// CPU: #plan = #fftconv.plan<points = 112, radices = [{{.*}}], theta = i, compute = f32, chip = "cpu">
// CHECK-LABEL: @circular_prime(
func.func @circular_prime(%u: tensor<?x2x101xf32>, %k: tensor<2x33xf32>) -> tensor<?x2x101xf32> {
  %y = fftconv.conv circular %u, %k : tensor<?x2x101xf32>, tensor<2x33xf32>
  return %y : tensor<?x2x101xf32>
}

// -----

// A plan that is there stays: declined with a remark.
// CHECK: #plan = #fftconv.plan<points = 35, radices = [5, 7], theta = i, compute = f16, chip = "sm_80">
// CHECK-LABEL: @kept(
// CHECK: plan #plan
// REMARK: remark: [Missed] PlanKept | Category:fftconv-plan-convs | Reason="the convolution already has a plan"
#plan = #fftconv.plan<points = 35, radices = [5, 7], theta = i, compute = f16, chip = "sm_80">
func.func @kept(%u: tensor<?x2x31xf32>, %k: tensor<2x33xf32>) -> tensor<?x2x31xf32> {
  %y = fftconv.conv bidirectional %u, %k center 3 plan #plan : tensor<?x2x31xf32>, tensor<2x33xf32>
  return %y : tensor<?x2x31xf32>
}

// -----

// A short filter is cheaper as Toeplitz products, where it can be that.
// GPU-LABEL: @short(
// GPU: fftconv.conv bidirectional {{.*}} center 9 post_gate({{.*}}) direct <warps = 4, blocks = {{[0-9]+}}, compute = bf16, chip = "sm_90">
// GPU: fftconv.conv circular {{.*}} plan #plan
// CPU-LABEL: @short(
// CPU-NOT: direct <
func.func @short(%u: tensor<4x2x1000xbf16>, %k: tensor<2x33xf32>) -> tensor<4x2x1000xbf16> {
  %y = fftconv.conv bidirectional %u, %k center 9 post_gate(%u : tensor<4x2x1000xbf16>) : tensor<4x2x1000xbf16>, tensor<2x33xf32>
  %z = fftconv.conv circular %y, %k : tensor<4x2x1000xbf16>, tensor<2x33xf32>
  return %z : tensor<4x2x1000xbf16>
}

// -----

// Bulk copies by themselves where they pay, elsewhere where they are asked for and can be.
// GPU: #schedule = #fftconv.schedule<warps = 1, values = 32, rows = 1, stages = 4, products = bf16, sums = f32>
// GPU-LABEL: @copies(
// BULK: #[[BULK:.*]] = #fftconv.schedule<{{.*}}, copies = bulk>
// BULK: #[[PLAN:.*]] = #fftconv.plan<points = 1024, {{.*}}, schedule = #[[BULK]]>
// BULK-LABEL: @copies(
// BULK: plan #[[PLAN]]
// NOBULK: remark: [Missed] NoBulkCopies | Category:fftconv-plan-convs | Reason="rows are no multiple of 16 bytes"
func.func @copies(%u: tensor<?x2x1024xf16>, %k: tensor<2x1024xf32>, %v: tensor<?x2x1001xf16>) -> (tensor<?x2x1024xf16>, tensor<?x2x1001xf16>) {
  %y = fftconv.conv causal %u, %k : tensor<?x2x1024xf16>, tensor<2x1024xf32>
  %z = fftconv.conv causal %v, %k : tensor<?x2x1001xf16>, tensor<2x1024xf32>
  return %y, %z : tensor<?x2x1024xf16>, tensor<?x2x1001xf16>
}

// -----

// BULK-LABEL: @wide(
// NOGROUPS: plan-convs.mlir:[[@LINE+4]]:8: remark: [Missed] NoWarpgroups | Category:fftconv-plan-convs | Reason="no kernel of its digits has warpgroups multiply"
// AUTO: #fftconv.schedule<{{.*}}, copies = bulk>
// AUTO-LABEL: @wide(
func.func @wide(%u: tensor<?x2x1024xf32>, %k: tensor<2x1024xf32>) -> tensor<?x2x1024xf32> {
  %y = fftconv.conv causal %u, %k : tensor<?x2x1024xf32>, tensor<2x1024xf32>
  return %y : tensor<?x2x1024xf32>
}

// -----

// Long rows whose channels are last are turned, and so are those with few taps, which are computed directly then.
// AUTO-LABEL: @channels_last(
// AUTO: fftconv.conv causal channels_last turned {{.*}} plan
// AUTO: fftconv.conv causal channels_last turned {{.*}} direct
// AUTO: fftconv.conv causal channels_last %{{.*}} plan
// FUSED-LABEL: @channels_last(
// FUSED-NOT: turned
// CPU-LABEL: @channels_last(
// CPU-NOT: turned
func.func @channels_last(%u: tensor<64x16384x768xf16>, %k: tensor<768x16384xf32>, %f: tensor<768x4xf32>, %v: tensor<64x512x768xf16>) -> (tensor<64x16384x768xf16>, tensor<64x512x768xf16>) {
  %x = fftconv.conv causal channels_last %u, %k : tensor<64x16384x768xf16>, tensor<768x16384xf32>
  %y = fftconv.conv causal channels_last %x, %f : tensor<64x16384x768xf16>, tensor<768x4xf32>
  %z = fftconv.conv causal channels_last %v, %k : tensor<64x512x768xf16>, tensor<768x16384xf32>
  return %y, %z : tensor<64x16384x768xf16>, tensor<64x512x768xf16>
}
