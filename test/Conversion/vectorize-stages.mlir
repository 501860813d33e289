// RUN: fftconv-opt %s --convert-fftconv-to-linalg --canonicalize --cse --fftconv-vectorize-stages=lanes=4 --canonicalize --cse | FileCheck %s
// RUN: fftconv-opt %s --convert-fftconv-to-linalg --canonicalize --fftconv-vectorize-stages --remarks-filter=.* 2>&1 >/dev/null | FileCheck %s --check-prefix=REMARK

#plan = #fftconv.plan<points = 320, radices = [5, 4, 16], theta = i, compute = f16, chip = "cpu">

// The transform of digit 2, the twiddle after it and the rounding share one loop: four values of digit 3 at a time, digit 2 whole.
// CHECK-LABEL: func.func @fused(
// CHECK: scf.for
// CHECK: scf.for
// CHECK: %[[DIGIT:.+]] = vector.contract {{.*}} : vector<2x4x2x4xf32>, vector<2x1x1x1x4x4xf32> into vector<2x1x1x1x4x4xf32>
// CHECK: vector.contract
// CHECK: arith.truncf %{{.+}} : vector<{{.*}}xf32> to vector<{{.*}}xf16>
// CHECK: vector.transfer_write
func.func @fused(%x: tensor<1x1x5x4x16xcomplex<f32>>) -> tensor<1x1x5x4x16xcomplex<f16>> {
  %y = fftconv.dft inverse %x digit 2 by #plan : tensor<1x1x5x4x16xcomplex<f32>> -> tensor<1x1x5x4x16xcomplex<f32>>
  %z = fftconv.twiddle inverse %y digit 2 by #plan : tensor<1x1x5x4x16xcomplex<f32>> -> tensor<1x1x5x4x16xcomplex<f16>>
  return %z : tensor<1x1x5x4x16xcomplex<f16>>
}

#large = #fftconv.plan<points = 800, radices = [100, 8], theta = i, compute = f32, chip = "cpu">

// A radix whose matrix would be too much straight-line code stays a linalg op.
// CHECK-LABEL: func.func @declines_large_radix(
// CHECK: linalg.generic
// REMARK: remark: [Missed] NotTiled | Category:fftconv-vectorize-stages | Reason="the matrix of the stage is too large to unroll"
func.func @declines_large_radix(%x: tensor<1x1x100x8xf32>) -> tensor<1x1x100x8xcomplex<f32>> {
  %y = fftconv.dft %x digit 1 by #large : tensor<1x1x100x8xf32> -> tensor<1x1x100x8xcomplex<f32>>
  return %y : tensor<1x1x100x8xcomplex<f32>>
}
