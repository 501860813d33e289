// RUN: fftconv-opt %s --fftconv-decompose-to-monarch --fftconv-fuse-kernels --split-input-file | FileCheck %s

// CHECK-LABEL: gpu.module @in_a_warp_kernels
// CHECK: gpu.func @conv0(%[[U:.*]]: memref<?x2x700xf16, strided<[?, ?, 1]>>, %[[S:.*]]: memref<2x1536xf16>, %[[Y:.*]]: memref<?x2x700xf16, strided<[?, ?, 1]>>) kernel {
// CHECK-NEXT: fftconv.groups of %[[U]] rows 4 : memref<?x2x700xf16, strided<[?, ?, 1]>> {
// CHECK-NEXT: %[[X:.*]] = fftconv.copy_in %[[U]] by #plan : memref<?x2x700xf16, strided<[?, ?, 1]>> -> <f16>
// CHECK-NEXT: fftconv.tile_dft any %[[X]] digit 1 by #plan : <f16> -> <complex<f32>>
// CHECK-NEXT: fftconv.tile_twiddle %{{.*}} digit 2
// CHECK-NEXT: fftconv.tile_dft any %{{.*}} digit 2
// CHECK-NEXT: fftconv.tile_twiddle %{{.*}} digit 3
// CHECK-NEXT: fftconv.tile_dft any %{{.*}} digit 3
// CHECK-NEXT: fftconv.tile_product %{{.*}}, %[[S]]
// CHECK-NEXT: fftconv.tile_dft any inverse %{{.*}} digit 3
// CHECK-NEXT: fftconv.tile_twiddle inverse %{{.*}} digit 3
// CHECK-NEXT: fftconv.tile_dft any inverse %{{.*}} digit 2
// CHECK-NEXT: fftconv.tile_twiddle inverse %{{.*}} digit 2
// CHECK-NEXT: %[[Z:.*]] = fftconv.tile_dft any inverse %{{.*}} digit 1 by #plan : <complex<f16>> -> <f32>
// CHECK-NEXT: fftconv.copy_out %[[Z]], %[[Y]]
// CHECK: func.func @in_a_warp(%[[U:.*]]: tensor<?x2x700xf16>, %[[S:.*]]: tensor
// CHECK-NEXT: %[[Y:.*]] = fftconv.launch @in_a_warp_kernels::@conv0(%[[U]], %[[S]])
// CHECK-NEXT: return %[[Y]]
#one = #fftconv.schedule<warps = 4, values = 32, rows = 4, stages = 2, products = f16, sums = f32>
#warp = #fftconv.plan<points = 768, radices = [16, 3, 16], theta = i, compute = f16, chip = "sm_90", schedule = #one>
#warp_spectrum = #fftconv.spectrum<causal, length = 700, plan = #warp>
func.func @in_a_warp(%u: tensor<?x2x700xf16>, %s: tensor<2x16x3x16xcomplex<f16>, #warp_spectrum>) -> tensor<?x2x700xf16> {
  %y = fftconv.spectral_conv %u, %s : tensor<?x2x700xf16>, tensor<2x16x3x16xcomplex<f16>, #warp_spectrum>
  return %y : tensor<?x2x700xf16>
}

// -----

// Two convolutions with one spectrum: its kernel comes once.
#schedule = #fftconv.schedule<warps = 4, values = 32, rows = 4, stages = 2, products = f16, sums = f32>
#plan = #fftconv.plan<points = 512, radices = [16, 2, 16], theta = i, compute = f16, chip = "sm_80", schedule = #schedule>
#spectrum = #fftconv.spectrum<causal, length = 301, plan = #plan>
// CHECK-LABEL: gpu.module @twice_kernels
// CHECK: gpu.func @spectrum0(%[[K:.*]]: memref<3x33xf32>, %[[S:.*]]: memref<3x1024xf16>) kernel attributes {fftconv.shared_bytes = 512 : i64, known_block_size = array<i32: 128, 1, 1>}
// CHECK-NEXT: fftconv.prepare %[[K]], %[[S]] for #spectrum
// CHECK: gpu.func @conv1(
// CHECK: gpu.func @conv2(
// CHECK: func.func @twice
// CHECK-NEXT: %[[S:.*]] = fftconv.launch @twice_kernels::@spectrum0(%{{.*}})
// CHECK-NEXT: %[[Y:.*]] = fftconv.launch @twice_kernels::@conv1(%{{.*}}, %[[S]])
// CHECK-NEXT: fftconv.launch @twice_kernels::@conv2(%[[Y]], %[[S]])
func.func @twice(%u: tensor<?x3x301xf16>, %k: tensor<3x33xf32>) -> tensor<?x3x301xf16> {
  %s = fftconv.spectrum %k : tensor<3x33xf32> -> tensor<3x16x2x16xcomplex<f16>, #spectrum>
  %y = fftconv.spectral_conv %u, %s : tensor<?x3x301xf16>, tensor<3x16x2x16xcomplex<f16>, #spectrum>
  %z = fftconv.spectral_conv %y, %s : tensor<?x3x301xf16>, tensor<3x16x2x16xcomplex<f16>, #spectrum>
  return %z : tensor<?x3x301xf16>
}

// -----

// Gates become inputs of the kernel, in order; a circular convolution at a right angle keeps its imaginary part, which wraps.
#schedule = #fftconv.schedule<warps = 4, values = 32, rows = 4, stages = 2, products = bf16, sums = f32>
#plan = #fftconv.plan<points = 512, radices = [16, 2, 16], theta = i, compute = bf16, chip = "sm_80", schedule = #schedule>
#ring = #fftconv.spectrum<circular, length = 301, plan = #plan>
// CHECK-LABEL: gpu.module @gated_kernels
// CHECK: gpu.func @conv0(%[[U:.*]]: memref<2x3x301xbf16, strided<[?, ?, 1]>>, %[[S:.*]]: memref<3x1024xbf16>, %[[P:.*]]: memref<2x3x301xbf16, strided<[?, ?, 1]>>, %[[Q:.*]]: memref<2x3x301xbf16, strided<[?, ?, 1]>>, %[[Y:.*]]: memref<2x3x301xbf16, strided<[?, ?, 1]>>)
// CHECK: %[[X:.*]] = fftconv.copy_in %[[U]]
// CHECK-NEXT: %[[G:.*]] = fftconv.copy_in %[[P]]
// CHECK-NEXT: %[[XG:.*]] = fftconv.tile_gate %[[X]], %[[G]]
// CHECK-NEXT: fftconv.tile_dft any %[[XG]] digit 1
// CHECK: %[[Z:.*]] = fftconv.tile_dft any inverse %{{.*}} digit 1 by #plan : <complex<bf16>> -> <complex<f32>>
// CHECK-NEXT: fftconv.copy_out %[[Z]], %[[Y]] gate(%[[Q]] : memref<2x3x301xbf16, strided<[?, ?, 1]>>)
func.func @gated(%u: tensor<2x3x301xbf16>, %s: tensor<3x16x2x16xcomplex<bf16>, #ring>, %p: tensor<2x3x301xbf16>, %q: tensor<2x3x301xbf16>) -> tensor<2x3x301xbf16> {
  %y = fftconv.spectral_conv %u, %s pre_gate(%p : tensor<2x3x301xbf16>) post_gate(%q : tensor<2x3x301xbf16>) : tensor<2x3x301xbf16>, tensor<3x16x2x16xcomplex<bf16>, #ring>
  return %y : tensor<2x3x301xbf16>
}

// -----

// A function without convolutions stays as it is.
// CHECK-LABEL: module {
// CHECK-NEXT: func.func @nothing
func.func @nothing(%u: tensor<2x3xf16>) -> tensor<2x3xf16> {
  return %u : tensor<2x3xf16>
}

// -----

// f32 is normalised once it is there, with its gate; rows whose channels are last take their gate as they are turned.
#schedule = #fftconv.schedule<warps = 4, values = 32, rows = 4, stages = 2, products = f32, sums = f32>
#plan = #fftconv.plan<points = 512, radices = [16, 2, 16], theta = i, compute = f32, chip = "sm_90", schedule = #schedule>
#spectrum = #fftconv.spectrum<causal, length = 301, plan = #plan>
// CHECK: gpu.module @f32_kernels
// CHECK: %[[X:.*]] = fftconv.copy_in %{{.*}} by #plan : memref<2x3x301xf32, strided<[?, ?, 1]>> -> <f32>
// CHECK-NEXT: fftconv.tile_normalize %[[X]] gate(%{{.*}} : memref<2x3x301xf32, strided<[?, ?, 1]>>) by #plan
// CHECK-NEXT: fftconv.tile_dft
func.func @f32(%u: tensor<2x3x301xf32>, %s: tensor<3x16x2x16xcomplex<f32>, #spectrum>, %g: tensor<2x3x301xf32>) -> tensor<2x3x301xf32> {
  %y = fftconv.spectral_conv %u, %s pre_gate(%g : tensor<2x3x301xf32>) : tensor<2x3x301xf32>, tensor<3x16x2x16xcomplex<f32>, #spectrum>
  return %y : tensor<2x3x301xf32>
}
// Rows of one stage of input meet it on the way.
#stage = #fftconv.schedule<warps = 4, values = 32, rows = 4, stages = 1, products = f16, sums = f32>
#bare = #fftconv.plan<points = 512, radices = [16, 2, 16], theta = i, compute = f16, chip = "sm_90", schedule = #stage>
#bare_spectrum = #fftconv.spectrum<causal, length = 301, plan = #bare>
// CHECK: gpu.module @one_stage_kernels
// CHECK: %[[X:.*]] = fftconv.copy_in %{{.*}} gate(%{{.*}} : memref<2x3x301xbf16, strided<[?, ?, 1]>>) by #plan1 : memref<2x3x301xbf16, strided<[?, ?, 1]>> -> <bf16>
// CHECK-NEXT: %[[V:.*]] = fftconv.tile_convert %[[X]] : <bf16> -> <f16>
// CHECK-NEXT: fftconv.tile_dft any %[[V]]
func.func @one_stage(%u: tensor<2x3x301xbf16>, %s: tensor<3x16x2x16xcomplex<f16>, #bare_spectrum>, %g: tensor<2x3x301xbf16>) -> tensor<2x3x301xbf16> {
  %y = fftconv.spectral_conv %u, %s pre_gate(%g : tensor<2x3x301xbf16>) : tensor<2x3x301xbf16>, tensor<3x16x2x16xcomplex<f16>, #bare_spectrum>
  return %y : tensor<2x3x301xbf16>
}
// CHECK: gpu.module @turned_kernels
// CHECK: fftconv.groups channels_last of
// CHECK-NEXT: %[[X:.*]] = fftconv.copy_in %{{.*}} gate(%{{.*}} : memref<2x301x3xf32, strided<[?, ?, 1]>>) by #plan
// CHECK-NEXT: fftconv.tile_normalize %[[X]] by #plan
func.func @turned(%u: tensor<2x301x3xf32>, %s: tensor<3x16x2x16xcomplex<f32>, #spectrum>, %g: tensor<2x301x3xf32>) -> tensor<2x301x3xf32> {
  %y = fftconv.spectral_conv channels_last %u, %s pre_gate(%g : tensor<2x301x3xf32>) : tensor<2x301x3xf32>, tensor<3x16x2x16xcomplex<f32>, #spectrum>
  return %y : tensor<2x301x3xf32>
}

// -----

// Rows of bf16 become f16 where that is what stages compute with, and so do gates.
#schedule = #fftconv.schedule<warps = 4, values = 32, rows = 4, stages = 2, products = f16, sums = f32>
#plan = #fftconv.plan<points = 512, radices = [16, 2, 16], theta = i, compute = f16, chip = "sm_90", schedule = #schedule>
#spectrum = #fftconv.spectrum<causal, length = 301, plan = #plan>
// CHECK: gpu.module @converted_kernels
// CHECK: %[[U:.*]] = fftconv.copy_in {{.*}} -> <bf16>
// CHECK-NEXT: %[[G:.*]] = fftconv.copy_in {{.*}} -> <bf16>
// CHECK-NEXT: %[[V:.*]] = fftconv.tile_convert %[[U]] : <bf16> -> <f16>
// CHECK-NEXT: %[[H:.*]] = fftconv.tile_convert %[[G]] : <bf16> -> <f16>
// CHECK-NEXT: fftconv.tile_gate %[[V]], %[[H]]
func.func @converted(%u: tensor<2x3x301xbf16>, %s: tensor<3x16x2x16xcomplex<f16>, #spectrum>, %g: tensor<2x3x301xbf16>) -> tensor<2x3x301xbf16> {
  %y = fftconv.spectral_conv %u, %s pre_gate(%g : tensor<2x3x301xbf16>) : tensor<2x3x301xbf16>, tensor<3x16x2x16xcomplex<f16>, #spectrum>
  return %y : tensor<2x3x301xbf16>
}

// -----

// What is computed directly is one op.
// CHECK: gpu.module @direct_kernels
// CHECK: fftconv.toeplitz %{{.*}}, %{{.*}} center 3 pre_gate({{.*}}) skip({{.*}}), %{{.*}} by <warps = 4, blocks = 8, compute = f16, chip = "sm_80">
func.func @direct(%u: tensor<2x3x301xf16>, %k: tensor<3x7xf32>, %d: tensor<3xf32>) -> tensor<2x3x301xf16> {
  %z = fftconv.conv bidirectional %u, %k center 3 pre_gate(%u : tensor<2x3x301xf16>) skip(%d : tensor<3xf32>) direct <warps = 4, blocks = 8, compute = f16, chip = "sm_80"> : tensor<2x3x301xf16>, tensor<3x7xf32>
  return %z : tensor<2x3x301xf16>
}

// -----

// Turns are kernels of their own.
// CHECK: gpu.module @turns_kernels
// CHECK: gpu.func @turn0(%[[U:.*]]: memref<?x301x3xf16, strided<[?, ?, 1]>>, %[[G:.*]]: memref<?x301x3xf16, strided<[?, ?, 1]>>, %[[Y:.*]]: memref<?x3x301xf16, strided<[?, ?, 1]>>) kernel attributes {fftconv.shared_bytes = {{.*}}, known_block_size = array<i32: 256, 1, 1>}
// CHECK-NEXT: fftconv.turn_rows %[[U]] gate(%[[G]] : memref<?x301x3xf16, strided<[?, ?, 1]>>), %[[Y]] on "sm_80"
// CHECK: fftconv.turn_rows back %{{.*}}, %{{.*}} on "sm_80"
// CHECK: fftconv.launch @turns_kernels::@turn0
// CHECK: fftconv.launch @turns_kernels::@turn1
func.func @turns(%u: tensor<?x301x3xf16>, %g: tensor<?x301x3xf16>) -> tensor<?x301x3xf16> {
  %x = fftconv.turn %u gate(%g : tensor<?x301x3xf16>) on "sm_80" : tensor<?x301x3xf16> -> tensor<?x3x301xf16>
  %y = fftconv.turn back %x on "sm_80" : tensor<?x3x301xf16> -> tensor<?x301x3xf16>
  return %y : tensor<?x301x3xf16>
}
