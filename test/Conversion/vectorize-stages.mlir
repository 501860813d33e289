// RUN: fftconv-opt %s --convert-fftconv-to-linalg --canonicalize --cse --fftconv-vectorize-stages=lanes=4 --canonicalize --cse | FileCheck %s

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
