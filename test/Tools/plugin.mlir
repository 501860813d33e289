// UNSUPPORTED: asan
// RUN: mlir-opt %s --load-dialect-plugin=%plugin --load-pass-plugin=%plugin \
// RUN:   --pass-pipeline="builtin.module(fftconv-plan-convs{chip=sm_89},func.func(fftconv-hoist-spectra,fftconv-decompose-to-monarch))" \
// RUN:   | FileCheck %s
// RUN: mlir-opt %s --load-dialect-plugin=%plugin --pass-pipeline="builtin.module(canonicalize)" | FileCheck %s --check-prefix=DIALECT

// The plugin serves the mlir-opt that comes with MLIR.
// CHECK: chip = "sm_89"
// CHECK: fftconv.embed
// CHECK: fftconv.spectrum_product
// CHECK: fftconv.project
// DIALECT: fftconv.conv causal {{.*}} pre_gate(
func.func @layer(%u: tensor<?x3x101xf32>, %k: tensor<3x7xf32>, %g: tensor<?x3x101xf32>) -> tensor<?x3x101xf32> {
  %x = arith.mulf %u, %g : tensor<?x3x101xf32>
  %y = fftconv.conv causal %x, %k : tensor<?x3x101xf32>, tensor<3x7xf32>
  return %y : tensor<?x3x101xf32>
}
