// RUN: not fftconv-opt %s --fftconv-plan-convs=chip=sm_75 2>&1 | FileCheck %s --check-prefix=CHIP
// RUN: not fftconv-opt %s --fftconv-plan-convs=compute=f64 2>&1 | FileCheck %s --check-prefix=COMPUTE
// RUN: not fftconv-opt %s --fftconv-plan-convs=copies=tma 2>&1 | FileCheck %s --check-prefix=COPIES
// RUN: not fftconv-opt %s --fftconv-plan-convs=channels=first 2>&1 | FileCheck %s --check-prefix=CHANNELS
// RUN: not fftconv-opt %s --fftconv-plan-convs=mma=thread 2>&1 | FileCheck %s --check-prefix=MMA
// RUN: not fftconv-opt %s --fftconv-plan-convs=most-blocks=16 2>&1 | FileCheck %s --check-prefix=BLOCKS
// RUN: not fftconv-opt %s --fftconv-plan-convs 2>&1 | FileCheck %s --check-prefix=LENGTH

// CHIP: error: unknown chip 'sm_75'; known are cpu sm_80 sm_86 sm_89 sm_90 sm_90a sm_100 sm_120
// COMPUTE: error: compute type must be auto, f16, bf16 or f32, got 'f64'
// COPIES: error: copies must be auto, async or bulk, got 'tma'
// CHANNELS: error: channels must be auto, fused or turned, got 'first'
// MMA: error: mma must be auto, warp or warpgroup, got 'thread'
// BLOCKS: error: most-blocks must be 1 to 8, got 16
// LENGTH: plan-convs-invalid.mlir:[[@LINE+2]]:8: error: 'fftconv.conv' op no plan serves length 137438953473; the longest is 68719476736
func.func @too_long(%u: tensor<1x1x137438953473xf16>, %k: tensor<1x33xf32>) -> tensor<1x1x137438953473xf16> {
  %y = fftconv.conv causal %u, %k : tensor<1x1x137438953473xf16>, tensor<1x33xf32>
  return %y : tensor<1x1x137438953473xf16>
}
