// RUN: fftconv-opt %s --fftconv-decompose-to-monarch --fftconv-fuse-kernels --fftconv-assign-layouts --fftconv-absorb-twiddles --fftconv-pipeline-copies --fftconv-allocate-shared --fftconv-place-barriers --convert-fftconv-kernels-to-nvvm --split-input-file | FileCheck %s
// RUN: fftconv-opt %s --fftconv-decompose-to-monarch --fftconv-fuse-kernels --fftconv-assign-layouts --fftconv-absorb-twiddles --fftconv-pipeline-copies --fftconv-allocate-shared --fftconv-place-barriers --split-input-file | sed 's/ mbarriers [0-9]*//' | not fftconv-opt --convert-fftconv-kernels-to-nvvm --split-input-file 2>&1 | FileCheck %s --check-prefix=NONE

// NONE: error: 'fftconv.copy_in' op has no mbarriers for its bulk copies yet; run fftconv-allocate-shared

// One lane of one warp copies four rows, in and out, by pieces of 512 bytes; zeros past the ends are there before.
// CHECK-LABEL: gpu.module @all_kernels
// CHECK: llvm.func @conv0
// CHECK: scf.if
// CHECK: nvvm.mbarrier.init
// CHECK-NOT: nvvm.mbarrier.init
// CHECK: scf.for
// CHECK: llvm.store %{{.*}} {alignment = 16 : i64} : vector<4xi32>, !llvm.ptr<3>
// CHECK: nvvm.fence.mbarrier.init
// CHECK-NEXT: nvvm.barrier
// CHECK: nvvm.elect.sync
// CHECK: nvvm.mbarrier.arrive.expect_tx
// CHECK: cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes
// Groups.
// CHECK: nvvm.cp.async.bulk.wait_group 0 {read}
// CHECK: mbarrier.try_wait.parity
// CHECK: nvvm.ldmatrix
// CHECK: cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes
// CHECK: nvvm.stmatrix
// CHECK: nvvm.fence.proxy {kind = #nvvm.proxy_kind<async.shared>, space = #nvvm.shared_space<cta>}
// CHECK: nvvm.barrier
// CHECK: nvvm.elect.sync
// CHECK: nvvm.cp.async.bulk.global.shared.cta
// CHECK: nvvm.cp.async.bulk.commit.group
// CHECK: nvvm.cp.async.bulk.wait_group 0 {read}
// CHECK: llvm.return
#four = #fftconv.schedule<warps = 8, values = 32, rows = 4, stages = 2, products = f16, sums = f32, copies = bulk>
#cta = #fftconv.plan<points = 4096, radices = [16, 16, 16], theta = i, compute = f16, chip = "sm_90", schedule = #four>
#cta_spectrum = #fftconv.spectrum<causal, length = 4000, plan = #cta>
func.func @all(%u: tensor<?x2x4000xf16>, %s: tensor<2x16x16x16xcomplex<f16>, #cta_spectrum>) -> tensor<?x2x4000xf16> {
  %y = fftconv.spectral_conv %u, %s : tensor<?x2x4000xf16>, tensor<2x16x16x16xcomplex<f16>, #cta_spectrum>
  return %y : tensor<?x2x4000xf16>
}

// -----

// Each warp has its own mbarrier for each of two buffers; rows fill all points, a row of f32 is one piece, and its results are scaled on their way out.
// CHECK-LABEL: gpu.module @wide_kernels
// CHECK-COUNT-8: nvvm.mbarrier.init
// CHECK-NOT: nvvm.mbarrier.init
// CHECK: nvvm.fence.mbarrier.init
// CHECK: cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes
// CHECK: mbarrier.try_wait.parity
// CHECK: nvvm.bar.warp.sync
// CHECK: cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes
// CHECK-NOT: nvvm.cp.async.bulk.global.shared.cta
// CHECK: llvm.return
#one = #fftconv.schedule<warps = 4, values = 32, rows = 4, stages = 3, products = f32, sums = f32, copies = bulk>
#warp = #fftconv.plan<points = 1024, radices = [16, 4, 16], theta = i, compute = f32, chip = "sm_90", schedule = #one>
#warp_spectrum = #fftconv.spectrum<causal, length = 1024, plan = #warp>
func.func @wide(%u: tensor<?x2x1024xf32>, %s: tensor<2x16x4x16xcomplex<f32>, #warp_spectrum>) -> tensor<?x2x1024xf32> {
  %y = fftconv.spectral_conv %u, %s : tensor<?x2x1024xf32>, tensor<2x16x4x16xcomplex<f32>, #warp_spectrum>
  return %y : tensor<?x2x1024xf32>
}
