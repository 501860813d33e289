// RUN: fftconv-opt %s --fftconv-decompose-to-monarch --fftconv-fuse-kernels --fftconv-assign-layouts --fftconv-absorb-twiddles --fftconv-pipeline-copies --fftconv-allocate-shared --fftconv-place-barriers --split-input-file | FileCheck %s --implicit-check-not=fftconv.barrier
// RUN: fftconv-opt %s --fftconv-decompose-to-monarch --fftconv-fuse-kernels --fftconv-assign-layouts --fftconv-absorb-twiddles --fftconv-pipeline-copies --fftconv-allocate-shared --fftconv-place-barriers --fftconv-place-barriers --split-input-file | FileCheck %s --implicit-check-not=fftconv.barrier

// Lanes wait for lanes, warps for nobody.
// CHECK-LABEL: gpu.module @in_a_warp_kernels
// CHECK: fftconv.copy_in
// CHECK-NEXT: fftconv.barrier warp
// CHECK-NEXT: fftconv.relayout
// CHECK-NEXT: fftconv.barrier warp
// CHECK-NEXT: fftconv.prefetch
// CHECK: fftconv.relayout
// CHECK-NEXT: fftconv.barrier warp
// CHECK-NEXT: fftconv.copy_out
#one = #fftconv.schedule<warps = 4, values = 32, rows = 4, stages = 2, products = f16, sums = f32>
#warp = #fftconv.plan<points = 768, radices = [16, 3, 16], theta = i, compute = f16, chip = "sm_90", schedule = #one>
#warp_spectrum = #fftconv.spectrum<causal, length = 700, plan = #warp>
func.func @in_a_warp(%u: tensor<?x2x700xf16>, %s: tensor<2x16x3x16xcomplex<f16>, #warp_spectrum>) -> tensor<?x2x700xf16> {
  %y = fftconv.spectral_conv %u, %s : tensor<?x2x700xf16>, tensor<2x16x3x16xcomplex<f16>, #warp_spectrum>
  return %y : tensor<?x2x700xf16>
}

// -----

// Four barriers of the CTA: the input is there, both exchanges are done, the output is. In place, a warp's lanes wait for each other.
// CHECK-LABEL: gpu.module @in_a_cta_kernels
// CHECK: fftconv.copy_in
// CHECK-NEXT: fftconv.barrier{{$}}
// CHECK: fftconv.relayout
// CHECK: fftconv.relayout
// CHECK-NEXT: fftconv.barrier{{$}}
// CHECK-NEXT: fftconv.prefetch
// CHECK-NEXT: fftconv.relayout
// CHECK: fftconv.tile_product
// CHECK: fftconv.barrier warp
// CHECK-NEXT: fftconv.relayout
// CHECK-NEXT: fftconv.barrier{{$}}
// CHECK-NEXT: fftconv.relayout
// CHECK: fftconv.barrier warp
// CHECK-NEXT: fftconv.relayout
// CHECK-NEXT: fftconv.barrier{{$}}
// CHECK-NEXT: fftconv.copy_out
#all = #fftconv.schedule<warps = 16, values = 32, rows = 3, stages = 2, products = f16, sums = f32>
#cta = #fftconv.plan<points = 8192, radices = [16, 2, 16, 16], theta = i, compute = f16, chip = "sm_90", schedule = #all>
#cta_spectrum = #fftconv.spectrum<causal, length = 5000, plan = #cta>
func.func @in_a_cta(%u: tensor<?x3x5000xf16>, %s: tensor<3x16x2x16x16xcomplex<f16>, #cta_spectrum>) -> tensor<?x3x5000xf16> {
  %y = fftconv.spectral_conv %u, %s : tensor<?x3x5000xf16>, tensor<3x16x2x16x16xcomplex<f16>, #cta_spectrum>
  return %y : tensor<?x3x5000xf16>
}

// -----

// One stage: the thread that took the output of the turn before brings the input, so nothing stands between the two; the first phase works in place.
// CHECK-LABEL: gpu.module @in_a_cta_kernels
// CHECK: fftconv.groups
// CHECK-NEXT: fftconv.copy_in
// CHECK-NEXT: fftconv.barrier{{$}}
// CHECK-NEXT: fftconv.relayout
// CHECK: fftconv.barrier warp
// CHECK-NEXT: fftconv.relayout
// CHECK-NEXT: fftconv.barrier{{$}}
// CHECK: fftconv.tile_product
// CHECK: fftconv.barrier warp
// CHECK-NEXT: fftconv.relayout
// CHECK-NEXT: fftconv.barrier{{$}}
// CHECK: fftconv.barrier warp
// CHECK-NEXT: fftconv.relayout
// CHECK-NEXT: fftconv.barrier{{$}}
// CHECK-NEXT: fftconv.copy_out
#all = #fftconv.schedule<warps = 16, values = 32, rows = 3, stages = 1, products = f16, sums = f32>
#cta = #fftconv.plan<points = 8192, radices = [16, 2, 16, 16], theta = i, compute = f16, chip = "sm_90", schedule = #all>
#cta_spectrum = #fftconv.spectrum<causal, length = 5000, plan = #cta>
func.func @in_a_cta(%u: tensor<?x3x5000xf16>, %s: tensor<3x16x2x16x16xcomplex<f16>, #cta_spectrum>) -> tensor<?x3x5000xf16> {
  %y = fftconv.spectral_conv %u, %s : tensor<?x3x5000xf16>, tensor<3x16x2x16x16xcomplex<f16>, #cta_spectrum>
  return %y : tensor<?x3x5000xf16>
}

// -----

// Where tails wrap, threads have read what others are about to bring.
// CHECK-LABEL: gpu.module @wraps_kernels
// CHECK: fftconv.groups
// CHECK-NEXT: fftconv.barrier{{$}}
// CHECK-NEXT: fftconv.copy_in
// CHECK-NEXT: fftconv.barrier{{$}}
// CHECK-NEXT: fftconv.relayout
// CHECK: fftconv.barrier warp
// CHECK-NEXT: fftconv.relayout
// CHECK-NEXT: fftconv.barrier{{$}}
// CHECK: fftconv.tile_product
// CHECK: fftconv.barrier warp
// CHECK-NEXT: fftconv.relayout
// CHECK-NEXT: fftconv.barrier{{$}}
// CHECK: fftconv.barrier warp
// CHECK-NEXT: fftconv.relayout
// CHECK-NEXT: fftconv.barrier{{$}}
// CHECK-NEXT: fftconv.copy_out
#all = #fftconv.schedule<warps = 16, values = 32, rows = 3, stages = 1, products = f16, sums = f32>
#cta = #fftconv.plan<points = 8192, radices = [16, 2, 16, 16], theta = i, compute = f16, chip = "sm_90", schedule = #all>
#cta_spectrum = #fftconv.spectrum<circular, length = 5000, plan = #cta>
func.func @wraps(%u: tensor<?x3x5000xf16>, %s: tensor<3x16x2x16x16xcomplex<f16>, #cta_spectrum>) -> tensor<?x3x5000xf16> {
  %y = fftconv.spectral_conv %u, %s : tensor<?x3x5000xf16>, tensor<3x16x2x16x16xcomplex<f16>, #cta_spectrum>
  return %y : tensor<?x3x5000xf16>
}

// -----

// Rows of f32 come in other chunks than results leave in.
// CHECK-LABEL: gpu.module @wide_kernels
// CHECK: fftconv.groups
// CHECK-NEXT: fftconv.barrier{{$}}
// CHECK-NEXT: fftconv.copy_in
// CHECK-NEXT: fftconv.tile_normalize
// CHECK-NEXT: fftconv.barrier{{$}}
// CHECK-NEXT: fftconv.relayout
// CHECK: fftconv.barrier warp
// CHECK-NEXT: fftconv.relayout
// CHECK-NEXT: fftconv.barrier{{$}}
// CHECK: fftconv.tile_product
// CHECK: fftconv.barrier warp
// CHECK-NEXT: fftconv.relayout
// CHECK-NEXT: fftconv.barrier{{$}}
// CHECK: fftconv.barrier warp
// CHECK-NEXT: fftconv.relayout
// CHECK-NEXT: fftconv.barrier{{$}}
// CHECK-NEXT: fftconv.copy_out
#wide = #fftconv.schedule<warps = 8, values = 32, rows = 1, stages = 1, products = f32, sums = f32>
#wide_plan = #fftconv.plan<points = 8192, radices = [16, 2, 16, 16], theta = i, compute = f32, chip = "sm_90", schedule = #wide>
#wide_spectrum = #fftconv.spectrum<causal, length = 5000, plan = #wide_plan>
func.func @wide(%u: tensor<?x3x5000xf32>, %s: tensor<3x16x2x16x16xcomplex<f32>, #wide_spectrum>) -> tensor<?x3x5000xf32> {
  %y = fftconv.spectral_conv %u, %s : tensor<?x3x5000xf32>, tensor<3x16x2x16x16xcomplex<f32>, #wide_spectrum>
  return %y : tensor<?x3x5000xf32>
}

// -----

// Bulk copies: who reads what they bring waits at an mbarrier, and who writes where they read waits for a barrier after that; here the first phase does, which
// has its barrier before it begins.
// CHECK-LABEL: gpu.module @bulk_kernels
// CHECK: fftconv.copy_in {{.*}}mbarriers
// CHECK-NEXT: fftconv.barrier{{$}}
// CHECK-NEXT: fftconv.relayout
// CHECK: fftconv.relayout
// CHECK-NEXT: fftconv.barrier{{$}}
// CHECK-NEXT: fftconv.prefetch
// CHECK: fftconv.barrier warp
// CHECK-NEXT: fftconv.relayout
// CHECK-NEXT: fftconv.barrier{{$}}
// CHECK: fftconv.barrier warp
// CHECK-NEXT: fftconv.relayout
// CHECK-NEXT: fftconv.barrier{{$}}
// CHECK-NEXT: fftconv.copy_out
#four = #fftconv.schedule<warps = 8, values = 32, rows = 4, stages = 2, products = f16, sums = f32, copies = bulk>
#square = #fftconv.plan<points = 4096, radices = [16, 16, 16], theta = i, compute = f16, chip = "sm_90", schedule = #four>
#square_spectrum = #fftconv.spectrum<causal, length = 4000, plan = #square>
func.func @bulk(%u: tensor<?x2x4000xf16>, %s: tensor<2x16x16x16xcomplex<f16>, #square_spectrum>) -> tensor<?x2x4000xf16> {
  %y = fftconv.spectral_conv %u, %s : tensor<?x2x4000xf16>, tensor<2x16x16x16xcomplex<f16>, #square_spectrum>
  return %y : tensor<?x2x4000xf16>
}

// -----

// Of rows that warps own lanes wait for lanes, as ever.
// CHECK-LABEL: gpu.module @bulk_in_a_warp_kernels
// CHECK: fftconv.copy_in
// CHECK-NEXT: fftconv.relayout
// CHECK-NEXT: fftconv.barrier warp
// CHECK-NEXT: fftconv.prefetch
// CHECK: fftconv.relayout
// CHECK-NEXT: fftconv.barrier warp
// CHECK-NEXT: fftconv.copy_out
#one = #fftconv.schedule<warps = 4, values = 32, rows = 4, stages = 2, products = f16, sums = f32, copies = bulk>
#warp = #fftconv.plan<points = 768, radices = [16, 3, 16], theta = i, compute = f16, chip = "sm_90", schedule = #one>
#warp_spectrum = #fftconv.spectrum<causal, length = 704, plan = #warp>
func.func @bulk_in_a_warp(%u: tensor<?x2x704xf16>, %s: tensor<2x16x3x16xcomplex<f16>, #warp_spectrum>) -> tensor<?x2x704xf16> {
  %y = fftconv.spectral_conv %u, %s : tensor<?x2x704xf16>, tensor<2x16x3x16xcomplex<f16>, #warp_spectrum>
  return %y : tensor<?x2x704xf16>
}
