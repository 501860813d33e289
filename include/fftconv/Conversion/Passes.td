//===- Passes.td - Lowerings below the monarch rung ------------*- tablegen -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef FFTCONV_CONVERSION_PASSES
#define FFTCONV_CONVERSION_PASSES

include "mlir/Pass/PassBase.td"

def ConvertFFTConvToLinalg : Pass<"convert-fftconv-to-linalg", "::mlir::ModuleOp"> {
  let summary = "Lower the monarch rung to linalg on real tensors";
  let description = [{
    A complex tensor becomes a real one with a leading dimension of 2 (real and imaginary plane), so that every `dft` is one real
    contraction with a constant matrix and every `twiddle` one with 2x2 rotations. A spectrum, which multiplies, becomes a tensor of such
    rotations: tensor<2x2xHx digits xC>. Sums are f32 whatever the type of the operands.

    Fails at ops of the rungs above, and at plans whose matrices or twiddle tables would exceed 2^28 values.

    ```mlir
    #plan = #fftconv.plan<points = 128, radices = [16, 8], theta = i, compute = f32, chip = "cpu">
    func.func @f(%x: tensor<3x2x16x8xcomplex<f32>>) -> tensor<3x2x16x8xcomplex<f32>> {
      %y = fftconv.dft %x digit 2 by #plan : tensor<3x2x16x8xcomplex<f32>> -> tensor<3x2x16x8xcomplex<f32>>
      return %y : tensor<3x2x16x8xcomplex<f32>>
    }
    ```
    becomes a `linalg.generic` that contracts `tensor<2x8x2x8xf32>` with `tensor<2x3x2x16x8xf32>`.
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
                           "::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect"];
}

def VectorizeStages : Pass<"fftconv-vectorize-stages", "::mlir::func::FuncOp"> {
  let summary = "Tile, fuse and vectorise contractions with constant matrices";
  let description = [{
    Tiles every contraction of a digit to one register block, fuses the twiddles, products and roundings around it into the same
    loops, and vectorises the block (upstream's tiling, fusion and vectorisation). A block holds all of the digit and `lanes` values of the
    faster digits, or `block` positions of the slower ones where the digit is the fastest. Elementwise ops elsewhere are left
    to the loop vectoriser of LLVM. An op that cannot be tiled, or whose radix is above 64, stays a linalg op, with a missed remark.

    ```mlir
    #plan = #fftconv.plan<points = 128, radices = [16, 8], theta = i, compute = f32, chip = "cpu">
    func.func @f(%x: tensor<1x1x16x8xcomplex<f32>>) -> tensor<1x1x16x8xcomplex<f32>> {
      %y = fftconv.dft %x digit 1 by #plan : tensor<1x1x16x8xcomplex<f32>> -> tensor<1x1x16x8xcomplex<f32>>
      return %y : tensor<1x1x16x8xcomplex<f32>>
    }
    ```
  }];
  let options = [
    Option<"lanes", "lanes", "int64_t", "8", "values of a vector">,
    Option<"block", "block", "int64_t", "4", "positions in a block of the fastest digit">];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect", "::mlir::scf::SCFDialect",
                           "::mlir::tensor::TensorDialect", "::mlir::ub::UBDialect", "::mlir::vector::VectorDialect"];
}

def BuffersToTensors : Pass<"fftconv-buffers-to-tensors", "::mlir::func::FuncOp"> {
  let summary = "Make fftconv.conv of fftconv.conv_buffers";
  let description = [{
    For programs that were bufferized with convolutions in them: plans and everything after work on tensors. Buffers become tensors where they are read, and results are written back.

    ```mlir
    func.func @gated(%u: memref<4x2x100xf16>, %k: memref<2x300xf32>, %y: memref<4x2x100xf16>) {
      fftconv.conv_buffers causal %u, %k into %y : memref<4x2x100xf16>, memref<2x300xf32>, memref<4x2x100xf16>
      return
    }
    ```
  }];
  let dependentDialects = ["FFTConvDialect", "::mlir::bufferization::BufferizationDialect"];
}

def LowerCopies : Pass<"fftconv-lower-copies", "::mlir::func::FuncOp"> {
  let summary = "Copies between buffers that are not contiguous, as loops";
  let description = [{
    Upstream lowers a `memref.copy` of strided buffers to a call of its runtime library, which an object file of ours is not to need.

    ```mlir
    func.func @f(%x: memref<4x8xf32>, %y: memref<4x8xf32, strided<[16, 1]>>) {
      memref.copy %x, %y : memref<4x8xf32> to memref<4x8xf32, strided<[16, 1]>>
      return
    }
    ```
    becomes a `linalg.generic` that yields its input.
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect"];
}

def LowerContractions : Pass<"fftconv-lower-contractions", "::mlir::func::FuncOp"> {
  let summary = "Unroll vector.contract into fused multiply-adds, without the zeros of constant operands";
  let description = [{
    Unrolls every `vector.contract` (multiply-add) on floats into `math.fma` on vectors along its fastest dimension. Where an operand is
    constant, as the matrices of stages are, products with zero are not emitted, which halves a radix-4 stage.

    ```mlir
    func.func @f(%x: vector<2x8xf32>, %acc: vector<2x8xf32>) -> vector<2x8xf32> {
      %w = arith.constant dense<[[1.0, 0.0], [0.0, -1.0]]> : vector<2x2xf32>
      %y = vector.contract {indexing_maps = [affine_map<(k, c, n) -> (k, n)>, affine_map<(k, c, n) -> (n, c)>,
                                             affine_map<(k, c, n) -> (k, c)>],
                            iterator_types = ["parallel", "parallel", "reduction"], kind = #vector.kind<add>}
          %w, %x, %acc : vector<2x2xf32>, vector<2x8xf32> into vector<2x8xf32>
      return %y : vector<2x8xf32>
    }
    ```
    becomes
    ```mlir
    func.func @f(%arg0: vector<2x8xf32>, %arg1: vector<2x8xf32>) -> vector<2x8xf32> {
      %cst = arith.constant dense<-1.000000e+00> : vector<8xf32>
      %cst_0 = arith.constant dense<1.000000e+00> : vector<8xf32>
      %0 = vector.extract %arg1[0] : vector<8xf32> from vector<2x8xf32>
      %1 = vector.extract %arg0[0] : vector<8xf32> from vector<2x8xf32>
      %2 = math.fma %cst_0, %1, %0 : vector<8xf32>
      %3 = vector.insert %2, %arg1 [0] : vector<8xf32> into vector<2x8xf32>
      %4 = vector.extract %arg1[1] : vector<8xf32> from vector<2x8xf32>
      %5 = vector.extract %arg0[1] : vector<8xf32> from vector<2x8xf32>
      %6 = math.fma %cst, %5, %4 : vector<8xf32>
      %7 = vector.insert %6, %3 [1] : vector<8xf32> into vector<2x8xf32>
      return %7 : vector<2x8xf32>
    }
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect", "::mlir::vector::VectorDialect"];
}

def ResultsToDestinations : Pass<"fftconv-results-to-destinations", "::mlir::ModuleOp"> {
  let summary = "Turn the results of public functions into buffers that the caller passes";
  let description = [{
    Every tensor result of a public function becomes a trailing memref argument that it writes to, and tensor arguments are marked
    read-only, so that the compiled function neither returns memory nor changes its inputs. It also asks for the C wrapper
    (`llvm.emit_c_interface`). Fails at a public function that is called in the module or returns something other than ranked tensors.

    ```mlir
    func.func @f(%u: tensor<4x2x100xf32>) -> tensor<4x2x100xf32> {
      return %u : tensor<4x2x100xf32>
    }
    ```
    becomes
    ```mlir
    func.func @f(%u: tensor<4x2x100xf32> {bufferization.writable = false}, %y: memref<4x2x100xf32>)
        attributes {llvm.emit_c_interface} {
      bufferization.materialize_in_destination %u in restrict writable %y
          : (tensor<4x2x100xf32>, memref<4x2x100xf32>) -> ()
      return
    }
    ```
  }];
  let dependentDialects = ["::mlir::bufferization::BufferizationDialect"];
}

def ReuseBuffers : Pass<"fftconv-reuse-buffers", "::mlir::func::FuncOp"> {
  let summary = "Let allocations of a block share memory once their predecessors are dead";
  let description = [{
    Linear scan over the static `memref.alloc`s of each block: an allocation takes the memory of an earlier one of the same size and
    element type whose last use, views included, lies before it. The stages of a transform then alternate between two buffers instead
    of touching fresh memory each, which is what keeps a row in cache. An allocation that is deallocated, or escapes the block
    through anything but reads and writes, is left alone.

    ```mlir
    func.func @f(%x: memref<8xf32>) {
      %a = memref.alloc() : memref<8xf32>
      memref.copy %x, %a : memref<8xf32> to memref<8xf32>
      memref.copy %a, %x : memref<8xf32> to memref<8xf32>
      %b = memref.alloc() : memref<8xf32>
      memref.copy %x, %b : memref<8xf32> to memref<8xf32>
      memref.copy %b, %x : memref<8xf32> to memref<8xf32>
      return
    }
    ```
    becomes
    ```mlir
    func.func @f(%arg0: memref<8xf32>) {
      %alloc = memref.alloc() : memref<8xf32>
      memref.copy %arg0, %alloc : memref<8xf32> to memref<8xf32>
      memref.copy %alloc, %arg0 : memref<8xf32> to memref<8xf32>
      memref.copy %arg0, %alloc : memref<8xf32> to memref<8xf32>
      memref.copy %alloc, %arg0 : memref<8xf32> to memref<8xf32>
      return
    }
    ```
  }];
  let dependentDialects = ["::mlir::memref::MemRefDialect"];
}

def ConvertKernelsToNVVM : Pass<"convert-fftconv-kernels-to-nvvm", "::mlir::gpu::GPUModuleOp"> {
  let summary = "Lower kernels of tile ops to llvm and nvvm";
  let description = [{
    Each `gpu.func` of a `gpu.module` becomes an `llvm.func` kernel on pointers to its buffers, with the number of batch rows (i64) as last argument. Loops stay
    `scf` and integers `arith`, for upstream passes to lower. DFT matrices and twiddles become one constant of the module. Needs tiles with layouts and
    places in shared memory (`fftconv-to-kernel`).

    A relayout becomes `ldmatrix`, or `stmatrix` (4-byte stores before sm_90); `left` and `right` become `mma.sync.m16n8k16`, with f16 operands, or where the schedule says `mma = warpgroup` `wgmma`, by matrices in shared memory; a butterfly
    FMA on f32, or on pairs of f16; copies `cp.async` of 16, 8 or 4 bytes, or plain loads where rows have an odd length.

    ```mlir
    #schedule = #fftconv.schedule<warps = 8, values = 32, rows = 8, stages = 2, products = f16, sums = f32>
    #plan = #fftconv.plan<points = 256, radices = [16, 16], theta = i, compute = f16, chip = "sm_90", schedule = #schedule>
    gpu.module @f_kernels {
      gpu.func @conv0(%arg0: memref<?x2x100xf16>, %arg1: memref<2x512xf16>, %arg2: memref<?x2x100xf16>) kernel attributes {fftconv.shared_bytes = 8192 : i64, known_block_size = array<i32: 256, 1, 1>} {
        fftconv.groups of %arg0 rows 8 : memref<?x2x100xf16> {
          %0 = fftconv.copy_in ahead %arg0 by #plan : memref<?x2x100xf16> -> <f16, shared 4096>
          fftconv.barrier warp
          %1 = fftconv.relayout %0 by #plan : <f16, shared 4096> -> <f16, columns = "n1.0-3", rows = "n2.0-3", warps = "b.0-2">
          fftconv.barrier warp
          fftconv.prefetch %0 : <f16, shared 4096>
          %2 = fftconv.tile_dft left %1 digit 1 by #plan : <f16, columns = "n1.0-3", rows = "n2.0-3", warps = "b.0-2"> -> <complex<f16>, columns = "n2.0-3", rows = "k1.0-3", warps = "b.0-2">
          %3 = fftconv.tile_twiddle %2 digit 2 pairs [1, 2] by #plan : <complex<f16>, columns = "n2.0-3", rows = "k1.0-3", warps = "b.0-2"> -> <complex<f16>, columns = "n2.0-3", rows = "k1.0-3", warps = "b.0-2">
          %4 = fftconv.tile_dft right %3 digit 2 by #plan : <complex<f16>, columns = "n2.0-3", rows = "k1.0-3", warps = "b.0-2"> -> <complex<f16>, columns = "k2.0-3", rows = "k1.0-3", warps = "b.0-2">
          %5 = fftconv.tile_product %4, %arg1 by #plan : <complex<f16>, columns = "k2.0-3", rows = "k1.0-3", warps = "b.0-2">, memref<2x512xf16> -> <complex<f16>, columns = "k2.0-3", rows = "k1.0-3", warps = "b.0-2">
          %6 = fftconv.tile_dft left inverse %5 digit 2 by #plan : <complex<f16>, columns = "k2.0-3", rows = "k1.0-3", warps = "b.0-2"> -> <complex<f16>, columns = "k1.0-3", rows = "n2.0-3", warps = "b.0-2">
          %7 = fftconv.tile_twiddle inverse %6 digit 2 pairs [1, 2] by #plan : <complex<f16>, columns = "k1.0-3", rows = "n2.0-3", warps = "b.0-2"> -> <complex<f16>, columns = "k1.0-3", rows = "n2.0-3", warps = "b.0-2">
          %8 = fftconv.tile_dft left inverse %7 digit 1 by #plan : <complex<f16>, columns = "k1.0-3", rows = "n2.0-3", warps = "b.0-2"> -> <f16, columns = "n2.0-3", rows = "n1.0-3", warps = "b.0-2">
          %9 = fftconv.relayout %8 by #plan : <f16, columns = "n2.0-3", rows = "n1.0-3", warps = "b.0-2"> -> <f16, shared 0>
          fftconv.barrier warp
          fftconv.copy_out %9, %arg2 by #plan : <f16, shared 0>, memref<?x2x100xf16>
        }
        gpu.return
      }
    }
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::scf::SCFDialect", "::mlir::LLVM::LLVMDialect", "::mlir::NVVM::NVVMDialect"];
}

def SizeLaunches : Pass<"fftconv-size-launches", "::mlir::ModuleOp"> {
  let summary = "Write down how each kernel is launched, before it is lowered";
  let description = [{
    Sets `fftconv.grid` (CTAs along x; rows for a batch row, rows of a CTA and the limit along y), `fftconv.threads` and `fftconv.shared_bytes` on every `fftconv.launch`: the kernel itself does
    not say so any more once it is of nvvm ops.

    ```mlir
    #schedule = #fftconv.schedule<warps = 8, values = 32, rows = 8, stages = 2, products = f16, sums = f32>
    #plan = #fftconv.plan<points = 256, radices = [16, 16], theta = i, compute = f16, chip = "sm_90", schedule = #schedule>
    #spectrum = #fftconv.spectrum<causal, length = 100, plan = #plan>
    gpu.module @prepare_kernels {
      gpu.func @spectrum0(%arg0: memref<2x300xf32>, %arg1: memref<2x512xf16>) kernel attributes {fftconv.shared_bytes = 256 : i64, known_block_size = array<i32: 128, 1, 1>} {
        fftconv.prepare %arg0, %arg1 for #spectrum : memref<2x300xf32>, memref<2x512xf16>
        gpu.return
      }
    }
    func.func @prepare(%arg0: tensor<2x300xf32>) -> tensor<2x16x16xcomplex<f16>, #spectrum> {
      %0 = fftconv.launch @prepare_kernels::@spectrum0(%arg0) : (tensor<2x300xf32>) -> tensor<2x16x16xcomplex<f16>, #spectrum>
      return %0 : tensor<2x16x16xcomplex<f16>, #spectrum>
    }
    ```
  }];
}

def LaunchesToGPU : Pass<"fftconv-launches-to-gpu", "::mlir::ModuleOp"> {
  let summary = "Lower launches on tensors to gpu.launch_func on buffers of the device";
  let description = [{
    Operands are copied to the device once and results back where something but a launch needs them; what goes from kernel to kernel stays there. Kernels take pointers, strides and the number of batch
    rows. Needs `fftconv-size-launches` and kernels of nvvm ops; upstream's `gpu-async-region`, `gpu-to-llvm` and `gpu-module-to-binary` go on from there.

    ```mlir
    module {
      gpu.module @f_kernels {
        llvm.func @k(%u: !llvm.ptr<1>, %y: !llvm.ptr<1>, %batch: i64) attributes {nvvm.kernel} {
          llvm.return
        }
      }
      func.func @f(%u: tensor<4x8xf32>) -> tensor<4x8xf32> {
        %y = fftconv.launch @f_kernels::@k(%u) {fftconv.grid = array<i64: 1, 0, 1, 1>, fftconv.threads = 32 : i64, fftconv.shared_bytes = 0 : i64} : (tensor<4x8xf32>) -> tensor<4x8xf32>
        return %y : tensor<4x8xf32>
      }
    }
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::bufferization::BufferizationDialect", "::mlir::gpu::GPUDialect", "::mlir::LLVM::LLVMDialect", "::mlir::memref::MemRefDialect", "::mlir::tensor::TensorDialect"];
}

#endif // FFTCONV_CONVERSION_PASSES
