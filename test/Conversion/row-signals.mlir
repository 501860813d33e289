// Whether warps wait for rows follows from the schedule; where the mbarriers for that lie, fftconv-allocate-shared says.
// RUN: fftconv-opt %s --fftconv-decompose-to-monarch --fftconv-fuse-kernels --fftconv-assign-layouts --fftconv-absorb-twiddles --fftconv-pipeline-copies --fftconv-allocate-shared --fftconv-place-barriers -o %t.mlir
// RUN: FileCheck %s --check-prefix=PLACED --input-file=%t.mlir
// RUN: sed 's/ {mbarriers = [0-9]* : i64}//' %t.mlir | not fftconv-opt --convert-fftconv-kernels-to-nvvm 2>&1 | FileCheck %s --check-prefix=MISSING
// PLACED: fftconv.groups {{.*}} {mbarriers = 196608 : i64}
// MISSING: error: 'fftconv.groups' op has no mbarriers for its rows yet; run fftconv-allocate-shared

// Others have none, and what is said of them there is not looked at.
// RUN: sed 's/warps = 16/warps = 8/; s/rows = 4/rows = 2/' %s | fftconv-opt --fftconv-decompose-to-monarch --fftconv-fuse-kernels --fftconv-assign-layouts --fftconv-absorb-twiddles --fftconv-pipeline-copies --fftconv-allocate-shared --fftconv-place-barriers -o %t.8.mlir
// RUN: not grep mbarriers %t.8.mlir
// RUN: sed 's/rows 2 :/rows 2 {mbarriers = 0 : i64} :/' %t.8.mlir | fftconv-opt --convert-fftconv-kernels-to-nvvm | FileCheck %s --check-prefix=BARRIERS --implicit-check-not=mbarrier
// BARRIERS-COUNT-4: nvvm.barrier0
#schedule = #fftconv.schedule<warps = 16, values = 32, rows = 4, stages = 2, products = f16, sums = f16>
#plan = #fftconv.plan<points = 8192, radices = [16, 2, 16, 16], theta = i, compute = f16, chip = "sm_90", schedule = #schedule>
#spectrum = #fftconv.spectrum<causal, length = 8192, plan = #plan>
func.func @layer(%u: tensor<?x3x8192xf16>, %s: tensor<3x16x2x16x16xcomplex<f16>, #spectrum>) -> tensor<?x3x8192xf16> {
  %y = fftconv.spectral_conv %u, %s : tensor<?x3x8192xf16>, tensor<3x16x2x16x16xcomplex<f16>, #spectrum>
  return %y : tensor<?x3x8192xf16>
}
