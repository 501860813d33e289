// RUN: fftconv-opt %s --fftconv-decompose-to-monarch --fftconv-fuse-kernels --fftconv-assign-layouts --fftconv-absorb-twiddles --fftconv-pipeline-copies --fftconv-allocate-shared --fftconv-place-barriers --convert-fftconv-kernels-to-nvvm --split-input-file | FileCheck %s
// RUN: sed 's/sm_90/sm_80/' %s | fftconv-opt --fftconv-decompose-to-monarch --fftconv-fuse-kernels --fftconv-assign-layouts --fftconv-absorb-twiddles --fftconv-pipeline-copies --fftconv-allocate-shared --fftconv-place-barriers --convert-fftconv-kernels-to-nvvm --split-input-file | FileCheck %s --check-prefix=OLD --implicit-check-not=nvvm.stmatrix

// CHECK-LABEL: gpu.module @in_a_warp_kernels
// CHECK: llvm.mlir.global external @dynamic_shared() {addr_space = 3 : i32, alignment = 1024 : i64} : !llvm.array<0 x i8>
// CHECK: llvm.mlir.global internal constant @constants(dense<{{.*}}) {addr_space = 1 : i32, alignment = 16 : i64}
// CHECK: llvm.func @conv0(%{{.*}}: !llvm.ptr<1> {{.*}}, %{{.*}}: i64) attributes {{{.*}}nvvm.kernel, nvvm.maxntid = array<i32: 128, 1, 1>{{.*}}}
// Rows of 1400 bytes: eight at a time, zeros past the last.
// CHECK: nvvm.cp.async.shared.global %{{.*}}, %{{.*}}, 8, cache = ca, %
// CHECK: nvvm.cp.async.commit.group
// CHECK: scf.for
// CHECK: nvvm.cp.async.wait.group 0
// CHECK: nvvm.bar.warp.sync
// Three tiles of the digit of three.
// CHECK-COUNT-3: nvvm.ldmatrix %{{.*}} {{.*}}layout = #nvvm.mma_layout<col>, num = 4
// CHECK: nvvm.cp.async.shared.global
// CHECK: nvvm.mma.sync
// CHECK-COUNT-3: nvvm.stmatrix
// CHECK: llvm.store %{{.*}} {alignment = 8 : i64, nontemporal}
// OLD-LABEL: gpu.module @in_a_warp_kernels
// OLD: llvm.store %{{.*}} {alignment = 4 : i64} : i32, !llvm.ptr<3>
#one = #fftconv.schedule<warps = 4, values = 32, rows = 4, stages = 2, products = f16, sums = f32>
#warp = #fftconv.plan<points = 768, radices = [16, 3, 16], theta = i, compute = f16, chip = "sm_90", schedule = #one>
#warp_spectrum = #fftconv.spectrum<causal, length = 700, plan = #warp>
func.func @in_a_warp(%u: tensor<?x2x700xf16>, %s: tensor<2x16x3x16xcomplex<f16>, #warp_spectrum>) -> tensor<?x2x700xf16> {
  %y = fftconv.spectral_conv %u, %s : tensor<?x2x700xf16>, tensor<2x16x3x16xcomplex<f16>, #warp_spectrum>
  return %y : tensor<?x2x700xf16>
}

// -----

// CHECK-LABEL: gpu.module @in_a_cta_kernels
// CHECK: nvvm.maxntid = array<i32: 512, 1, 1>
// CHECK: nvvm.cp.async.shared.global %{{.*}}, %{{.*}}, 16, cache = cg
// CHECK: nvvm.cp.async.wait.group 0
// CHECK-NEXT: nvvm.barrier0
// Loops over tiles and over the rows of a group stay loops.
// CHECK: scf.for
// CHECK: scf.for
// CHECK: nvvm.ldmatrix
// Of a step of rows each warp says that it is done with it; who reads it in the next phase waits for all to have said so, not at a barrier. What that phase loads once is loaded
// before, by loads that stay there.
// CHECK: nvvm.bar.warp.sync
// CHECK: llvm.inline_asm {{.*}}mbarrier.arrive.shared.b64
// CHECK-NOT: nvvm.barrier0
// CHECK: llvm.inline_asm has_side_effects asm_dialect = att "ld.global.v4.b32
// CHECK: scf.for
// CHECK: mbarrier.try_wait.parity.shared.b64
// CHECK: nvvm.ldmatrix
#all = #fftconv.schedule<warps = 16, values = 32, rows = 3, stages = 2, products = f16, sums = f32>
#cta = #fftconv.plan<points = 8192, radices = [16, 2, 16, 16], theta = i, compute = f16, chip = "sm_90", schedule = #all>
#cta_spectrum = #fftconv.spectrum<causal, length = 5000, plan = #cta>
func.func @in_a_cta(%u: tensor<?x3x5000xf16>, %s: tensor<3x16x2x16x16xcomplex<f16>, #cta_spectrum>) -> tensor<?x3x5000xf16> {
  %y = fftconv.spectral_conv %u, %s : tensor<?x3x5000xf16>, tensor<3x16x2x16x16xcomplex<f16>, #cta_spectrum>
  return %y : tensor<?x3x5000xf16>
}

// -----

// Two rows side by side, and in a phase of one product all four with their two trips each: what reads one does so before anything of another is written, matrices are loaded once, sums are f16. A row that is not there is zeros.
// CHECK-LABEL: gpu.module @side_by_side_kernels
// CHECK: nvvm.cp.async.shared.global %{{.*}}, %{{.*}}, 16, cache = cg, %{{.*}}
// CHECK: nvvm.cp.async.wait.group 0
// CHECK-COUNT-8: nvvm.ldmatrix
// CHECK-NOT: nvvm.ldmatrix
// CHECK-COUNT-32: nvvm.mma.sync
// CHECK-NOT: nvvm.mma.sync
// CHECK-COUNT-16: nvvm.stmatrix
// What the next phase loads once is loaded before the barrier, by loads that stay there.
// CHECK: llvm.inline_asm has_side_effects asm_dialect = att "ld.global.v4.b32
// CHECK-NOT: scf.for
// CHECK: nvvm.barrier0
// CHECK: scf.for
#beside = #fftconv.schedule<warps = 8, values = 32, rows = 4, stages = 2, products = f16, sums = f16>
#two = #fftconv.plan<points = 4096, radices = [16, 16, 16], theta = i, compute = f16, chip = "sm_90", schedule = #beside>
#two_spectrum = #fftconv.spectrum<causal, length = 4096, plan = #two>
func.func @side_by_side(%u: tensor<?x3x4096xf16>, %s: tensor<3x16x16x16xcomplex<f16>, #two_spectrum>) -> tensor<?x3x4096xf16> {
  %y = fftconv.spectral_conv %u, %s : tensor<?x3x4096xf16>, tensor<3x16x16x16xcomplex<f16>, #two_spectrum>
  return %y : tensor<?x3x4096xf16>
}

// -----

// Gates of results come into L2 as a group begins, and spectra that L1 does not keep stay there.
// CHECK-LABEL: gpu.module @gated_kernels
// CHECK: "createpolicy.fractional.L2::evict_last.b64 $0, 1.0;"
// CHECK: scf.for
// CHECK: "prefetch.global.L2 [$0];"
// CHECK: nvvm.barrier0
// CHECK: "ld.global.L1::no_allocate.L2::cache_hint.v4.b32
// CHECK: llvm.load
#eight = #fftconv.schedule<warps = 8, values = 32, rows = 2, stages = 2, products = f16, sums = f32>
#gated = #fftconv.plan<points = 8192, radices = [16, 2, 16, 16], theta = i, compute = f16, chip = "sm_90", schedule = #eight>
#gated_spectrum = #fftconv.spectrum<causal, length = 8192, plan = #gated>
func.func @gated(%u: tensor<?x3x8192xf16>, %s: tensor<3x16x2x16x16xcomplex<f16>, #gated_spectrum>) -> tensor<?x3x8192xf16> {
  %y = fftconv.spectral_conv %u, %s post_gate(%u : tensor<?x3x8192xf16>) : tensor<?x3x8192xf16>, tensor<3x16x2x16x16xcomplex<f16>, #gated_spectrum>
  return %y : tensor<?x3x8192xf16>
}
