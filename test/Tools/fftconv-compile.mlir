// RUN: fftconv-compile %s --entry=layer --emit=conv | FileCheck %s --check-prefix=CONV --implicit-check-not=@other
// RUN: fftconv-compile %s --chip=sm_90 | FileCheck %s --check-prefix=PLAN
// RUN: fftconv-compile %s --entry=layer --emit=monarch --chip=sm_90 --compute=bf16 | FileCheck %s --check-prefix=MONARCH
// RUN: fftconv-compile %s --entry=layer --emit=llvm -o %t.ll
// RUN: FileCheck %s --check-prefix=LLVM < %t.ll

// CONV: fftconv.conv causal {{.*}} post_gate(
// CONV-NOT: plan
// CONV: return
// PLAN: chip = "sm_90"
// PLAN: func.func @layer(
// PLAN: fftconv.spectral_conv
// PLAN: func.func @other(
// PLAN: fftconv.spectral_conv
// MONARCH: compute = bf16, chip = "sm_90"
// MONARCH: fftconv.embed
// MONARCH: fftconv.project
// LLVM: target triple =
// LLVM: define void @layer(
// LLVM: call {{.*}}@llvm.fma.
// LLVM: define void @_mlir_ciface_layer(ptr

func.func @layer(%u: tensor<?x3x101xf32>, %k: tensor<3x7xf32>, %g: tensor<?x3x101xf32>) -> tensor<?x3x101xf32> {
  %y = fftconv.conv causal %u, %k : tensor<?x3x101xf32>, tensor<3x7xf32>
  %z = arith.mulf %y, %g : tensor<?x3x101xf32>
  return %z : tensor<?x3x101xf32>
}

func.func @other(%u: tensor<2x3x101xf32>, %k: tensor<3x7xf32>) -> tensor<2x3x101xf32> {
  %y = fftconv.conv circular %u, %k : tensor<2x3x101xf32>, tensor<3x7xf32>
  return %y : tensor<2x3x101xf32>
}
