// REQUIRES: gpu
// RUN: fftconv-run %s --device=cuda --dim=5 --repeat=10 --compare-with=reference | FileCheck %s
// CHECK: @layer on cuda ({{.+}}): {{[0-9.]+}} ms
// CHECK: result 0: 5x3x5000xf16, relative RMS error {{.*}} <= 3.98e-03
// CHECK: result 1: 5x3x5000xf16, relative RMS error {{.*}} <= 3.98e-03

func.func @layer(%u: tensor<?x3x5000xf16>, %k: tensor<3x900xf32>, %s: tensor<3x9xf32>) -> (tensor<?x3x5000xf16>, tensor<?x3x5000xf16>) {
  %y = fftconv.conv causal %u, %k : tensor<?x3x5000xf16>, tensor<3x900xf32>
  %z = fftconv.conv causal %u, %s : tensor<?x3x5000xf16>, tensor<3x9xf32>
  return %y, %z : tensor<?x3x5000xf16>, tensor<?x3x5000xf16>
}
