// RUN: fftconv-opt %s --fftconv-lower-to-gpu=chip=sm_90 | FileCheck %s

// Rows whose channels are last in a host program: turned there and back on the device, where what passes from kernel to kernel stays; the batch is known at run time.
// CHECK: gpu.module @layer_kernels
// CHECK: llvm.func @turn0({{.*}}gpu.kernel
// CHECK: llvm.func @conv2({{.*}}gpu.kernel
// CHECK: llvm.func @turn3({{.*}}gpu.kernel
// CHECK-LABEL: func.func @layer(
// CHECK: %[[U:.*]] = gpu.alloc  (%[[B:.*]]) : memref<?x8192x64xf16>
// CHECK: %[[X:.*]] = gpu.alloc  (%{{.*}}) : memref<?x64x8192xf16>
// CHECK: gpu.launch_func  @layer_kernels::@turn0 blocks in (%{{.*}}, %{{.*}}, %{{.*}}) threads in (%{{.*}}, %{{.*}}, %{{.*}})
// CHECK: gpu.launch_func  @layer_kernels::@spectrum1
// CHECK: %[[Y:.*]] = gpu.alloc  (%{{.*}}) : memref<?x64x8192xf16>
// CHECK: gpu.launch_func  @layer_kernels::@conv2
// CHECK: %[[R:.*]] = gpu.alloc  (%{{.*}}) : memref<?x8192x64xf16>
// CHECK: gpu.launch_func  @layer_kernels::@turn3
// CHECK: gpu.memcpy  %{{.*}}, %[[R]] : memref<?x8192x64xf16>
// CHECK-NOT: gpu.launch_func
func.func @layer(%u: tensor<?x8192x64xf16>, %k: tensor<64x8192xf32>) -> tensor<?x8192x64xf16> {
  %y = fftconv.conv causal channels_last %u, %k : tensor<?x8192x64xf16>, tensor<64x8192xf32>
  return %y : tensor<?x8192x64xf16>
}
