// RUN: fftconv-opt %s --allow-unregistered-dialect --fftconv-lower-to-gpu=chip=sm_90 | FileCheck %s
// RUN: fftconv-opt %s --allow-unregistered-dialect --fftconv-lower-to-gpu=chip=sm_90 \
// RUN:   | fftconv-opt --pass-pipeline="builtin.module(one-shot-bufferize{bufferize-function-boundaries function-boundary-type-conversion=identity-layout-map},func.func(fftconv-lower-copies),convert-bufferization-to-memref,convert-linalg-to-loops,func.func(gpu-async-region),convert-scf-to-cf,nvvm-attach-target{chip=sm_90 features=+ptx80},expand-strided-metadata,lower-affine,gpu-to-llvm,gpu-module-to-binary{format=isa},convert-math-to-libm,convert-to-llvm,reconcile-unrealized-casts)" -o %t.mlir
// RUN: env FFTCONV_CUDA_DRIVER=%build/lib/libFFTConvCudaOnEmulator.so mlir-runner %t.mlir -e main -entry-point-result=i32 --shared-libs=%build/lib/libFFTConvGpuRuntime.so \
// RUN:   | FileCheck %s --check-prefix=RESULT
// The same compiled ahead of time: a program unloads its module as it ends, after the driver has, or where there has never been one.
// RUN: mlir-translate --mlir-to-llvmir %t.mlir | sed 's/@main(/@compare(/' | llc -relocation-model=pic -filetype=obj -o %t.o
// RUN: printf '#include <stdio.h>\nint compare(void);\nint main(void) { printf("%%%%d\\n", compare()); return 0; }\n' > %t.c
// RUN: %cc %t.c %t.o %build/lib/libFFTConvGpuRuntime.so -Wl,-rpath,%build/lib -lm -o %t.exe
// RUN: env FFTCONV_CUDA_DRIVER=%build/lib/libFFTConvCudaOnEmulator.so %t.exe | FileCheck %s --check-prefix=RESULT
// RUN: %if gpu %{ %t.exe | FileCheck %s --check-prefix=RESULT %}
// RUN: not env FFTCONV_CUDA_DRIVER=%t.none.so %t.exe 2>&1 | FileCheck %s --check-prefix=NONE
// NONE: GPU runtime: no CUDA driver: {{.*}}.none.so
// UNSUPPORTED: asan

// A program as JAX exports it, in a host program of linalg ops. What is not a convolution stays on the host; upstream's passes and its runner go on with both: kernels run by its
// names of a GPU runtime, on the emulated driver where there is no GPU.

// CHECK: module attributes {gpu.container_module}
// CHECK: gpu.module @layer_kernels
// CHECK: llvm.func @conv1({{.*}}gpu.kernel
// CHECK-LABEL: func.func @layer(
// CHECK-SAME: tensor<3x4x500xf32>
// CHECK-NOT: stablehlo
// CHECK: %[[S:.*]] = gpu.alloc  () : memref<4x1032xf32>
// CHECK: gpu.launch_func  @layer_kernels::@spectrum0
// CHECK: gpu.launch_func  @layer_kernels::@conv1 {{.*}} args(%{{.*}} : !llvm.ptr<1>, %{{.*}} : !llvm.ptr<1>, %{{.*}} : !llvm.ptr<1>, %{{.*}} : i64
// CHECK: gpu.memcpy
// CHECK: bufferization.to_tensor
// CHECK: math.tanh
// CHECK-COUNT-4: gpu.dealloc
func.func @layer(%u: tensor<3x4x500xf32>, %k: tensor<4x500xf32>) -> tensor<3x4x500xf32> {
  %zero = "stablehlo.constant"() <{value = dense<0.0> : tensor<f32>}> : () -> tensor<f32>
  %up = "stablehlo.pad"(%u, %zero) <{edge_padding_high = array<i64: 0, 0, 500>, edge_padding_low = array<i64: 0, 0, 0>, interior_padding = array<i64: 0, 0, 0>}> : (tensor<3x4x500xf32>, tensor<f32>) -> tensor<3x4x1000xf32>
  %kp = "stablehlo.pad"(%k, %zero) <{edge_padding_high = array<i64: 0, 500>, edge_padding_low = array<i64: 0, 0>, interior_padding = array<i64: 0, 0>}> : (tensor<4x500xf32>, tensor<f32>) -> tensor<4x1000xf32>
  %uf = "stablehlo.fft"(%up) <{fft_length = array<i64: 1000>, fft_type = #stablehlo<fft_type RFFT>}> : (tensor<3x4x1000xf32>) -> tensor<3x4x501xcomplex<f32>>
  %kf = "stablehlo.fft"(%kp) <{fft_length = array<i64: 1000>, fft_type = #stablehlo<fft_type RFFT>}> : (tensor<4x1000xf32>) -> tensor<4x501xcomplex<f32>>
  %kb = "stablehlo.broadcast_in_dim"(%kf) <{broadcast_dimensions = array<i64: 1, 2>}> : (tensor<4x501xcomplex<f32>>) -> tensor<3x4x501xcomplex<f32>>
  %p = "stablehlo.multiply"(%uf, %kb) : (tensor<3x4x501xcomplex<f32>>, tensor<3x4x501xcomplex<f32>>) -> tensor<3x4x501xcomplex<f32>>
  %y = "stablehlo.fft"(%p) <{fft_length = array<i64: 1000>, fft_type = #stablehlo<fft_type IRFFT>}> : (tensor<3x4x501xcomplex<f32>>) -> tensor<3x4x1000xf32>
  %c = "stablehlo.slice"(%y) <{limit_indices = array<i64: 3, 4, 500>, start_indices = array<i64: 0, 0, 0>, strides = array<i64: 1, 1, 1>}> : (tensor<3x4x1000xf32>) -> tensor<3x4x500xf32>
  %t = "stablehlo.tanh"(%c) : (tensor<3x4x500xf32>) -> tensor<3x4x500xf32>
  return %t : tensor<3x4x500xf32>
}

// The largest difference between the layer and a sum of products, in billionths: rounding, and not nothing.
// RESULT: {{^[1-9][0-9]?[0-9]?[0-9]?$}}
#rows = affine_map<(b, h, i) -> (b, h, i)>
func.func @main() -> i32 {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<3x4x500xf32>
  %emptyk = tensor.empty() : tensor<4x500xf32>
  %u = linalg.generic {indexing_maps = [#rows], iterator_types = ["parallel", "parallel", "parallel"]} outs(%empty : tensor<3x4x500xf32>) {
  ^bb0(%o: f32):
    %i = linalg.index 2 : index
    %h = linalg.index 1 : index
    %b = linalg.index 0 : index
    %c37 = arith.constant 37 : index
    %c11 = arith.constant 11 : index
    %c23 = arith.constant 23 : index
    %c5 = arith.constant 5 : index
    %x = arith.muli %i, %c37 : index
    %y = arith.muli %h, %c11 : index
    %z = arith.muli %b, %c5 : index
    %s = arith.addi %x, %y : index
    %r = arith.addi %s, %z : index
    %m = arith.remui %r, %c23 : index
    %n = arith.index_cast %m : index to i32
    %f = arith.sitofp %n : i32 to f32
    %c = arith.constant 11.0 : f32
    %d = arith.subf %f, %c : f32
    %w = arith.constant 0.005 : f32
    %v = arith.mulf %d, %w : f32
    linalg.yield %v : f32
  } -> tensor<3x4x500xf32>
  %k = linalg.generic {indexing_maps = [affine_map<(h, j) -> (h, j)>], iterator_types = ["parallel", "parallel"]} outs(%emptyk : tensor<4x500xf32>) {
  ^bb0(%o: f32):
    %j = linalg.index 1 : index
    %h = linalg.index 0 : index
    %c29 = arith.constant 29 : index
    %c7 = arith.constant 7 : index
    %c13 = arith.constant 13 : index
    %x = arith.muli %j, %c29 : index
    %y = arith.muli %h, %c7 : index
    %s = arith.addi %x, %y : index
    %m = arith.remui %s, %c13 : index
    %n = arith.index_cast %m : index to i32
    %f = arith.sitofp %n : i32 to f32
    %c = arith.constant 6.0 : f32
    %d = arith.subf %f, %c : f32
    %w = arith.constant 0.02 : f32
    %v = arith.mulf %d, %w : f32
    linalg.yield %v : f32
  } -> tensor<4x500xf32>
  %y = func.call @layer(%u, %k) : (tensor<3x4x500xf32>, tensor<4x500xf32>) -> tensor<3x4x500xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<3x4x500xf32>) -> tensor<3x4x500xf32>
  %up = tensor.pad %u low[0, 0, 499] high[0, 0, 0] {
  ^bb0(%a: index, %b: index, %c: index):
    tensor.yield %zero : f32
  } : tensor<3x4x500xf32> to tensor<3x4x999xf32>
  %kr = linalg.generic {indexing_maps = [affine_map<(h, j) -> (h, 499 - j)>, affine_map<(h, j) -> (h, j)>], iterator_types = ["parallel", "parallel"]}
      ins(%k : tensor<4x500xf32>) outs(%emptyk : tensor<4x500xf32>) {
  ^bb0(%x: f32, %o: f32):
    linalg.yield %x : f32
  } -> tensor<4x500xf32>
  %direct = linalg.generic {indexing_maps = [affine_map<(b, h, i, j) -> (b, h, i + j)>, affine_map<(b, h, i, j) -> (h, j)>, affine_map<(b, h, i, j) -> (b, h, i)>],
                            iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%up, %kr : tensor<3x4x999xf32>, tensor<4x500xf32>) outs(%init : tensor<3x4x500xf32>) {
  ^bb0(%x: f32, %t: f32, %s: f32):
    %p = arith.mulf %x, %t : f32
    %q = arith.addf %s, %p : f32
    linalg.yield %q : f32
  } -> tensor<3x4x500xf32>
  %scalar = tensor.empty() : tensor<f32>
  %start = linalg.fill ins(%zero : f32) outs(%scalar : tensor<f32>) -> tensor<f32>
  %most = linalg.generic {indexing_maps = [#rows, #rows, affine_map<(b, h, i) -> ()>], iterator_types = ["reduction", "reduction", "reduction"]}
      ins(%y, %direct : tensor<3x4x500xf32>, tensor<3x4x500xf32>) outs(%start : tensor<f32>) {
  ^bb0(%a: f32, %d: f32, %m: f32):
    %t = math.tanh %d : f32
    %e = arith.subf %a, %t : f32
    %f = math.absf %e : f32
    %g = arith.maximumf %m, %f : f32
    linalg.yield %g : f32
  } -> tensor<f32>
  %error = tensor.extract %most[] : tensor<f32>
  %billion = arith.constant 1.0e9 : f32
  %scaled = arith.mulf %error, %billion : f32
  %result = arith.fptosi %scaled : f32 to i32
  return %result : i32
}
