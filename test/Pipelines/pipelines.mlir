// RUN: fftconv-opt %s --fftconv-to-plan=chip=sm_80 | FileCheck %s --check-prefix=PLAN
// RUN: fftconv-opt %s --fftconv-to-monarch="chip=sm_80 compute=f16" | FileCheck %s --check-prefix=MONARCH
// RUN: fftconv-opt %s --fftconv-to-llvm | FileCheck %s --check-prefix=LLVM --implicit-check-not=unrealized_conversion_cast

// PLAN: chip = "sm_80"
// PLAN: fftconv.spectrum %
// PLAN-NEXT: fftconv.spectral_conv {{.*}} post_gate(
// MONARCH: compute = f16
// MONARCH: fftconv.embed %
// MONARCH: fftconv.project
// LLVM: llvm.func @layer(
// LLVM: llvm.intr.fma
// LLVM: llvm.func @_mlir_ciface_layer(
func.func @layer(%u: tensor<?x3x101xbf16>, %k: tensor<3x700xf32>, %g: tensor<?x3x101xbf16>) -> tensor<?x3x101xbf16> {
  %y = fftconv.conv causal %u, %k : tensor<?x3x101xbf16>, tensor<3x700xf32>
  %z = arith.mulf %y, %g : tensor<?x3x101xbf16>
  return %z : tensor<?x3x101xbf16>
}
