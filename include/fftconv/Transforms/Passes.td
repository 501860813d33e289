//===- Passes.td - Passes of the rungs conv, plan and monarch --*- tablegen -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef FFTCONV_TRANSFORMS_PASSES
#define FFTCONV_TRANSFORMS_PASSES

include "mlir/Pass/PassBase.td"

def PlanConvs : Pass<"fftconv-plan-convs"> {
  let summary = "Choose a plan for every convolution that has none";
  let description = [{
    Gives each `fftconv.conv` without a plan the cheapest legal one for the chip: points, radices, theta and compute type, and on a GPU
    the schedule of a kernel, where there is one that runs it. On a GPU a short filter may be cheaper as Toeplitz products: then the convolution gets a `direct` form instead. Rows whose
    channels are last may be faster `turned` (`fftconv-turn-channels`) than in a kernel that reads them as they are.
    Plans that are there already stay, so that a choice can be made or overruled in the IR. Every choice is an
    analysis remark; a plan left alone, or one without a kernel, is a missed one. Fails at a convolution that no plan serves.

    A `tuning` file (JSON, as `gpu-suite.py --autotune` writes it) holds the plans that were fastest where they were timed. A convolution that one of its entries describes
    exactly, by chip, type, boundary, length, heads, batch, gates and layout, gets that plan; one that does not fit the chip or the convolution is an error.

    Before:
    ```mlir
    func.func @f(%u: tensor<4x2x1000xf32>, %k: tensor<2x1000xf32>) -> tensor<4x2x1000xf32> {
      %y = fftconv.conv causal %u, %k : tensor<4x2x1000xf32>, tensor<2x1000xf32>
      return %y : tensor<4x2x1000xf32>
    }
    ```
    After:
    ```mlir
    #plan = #fftconv.plan<points = 1000, radices = [5, 5, 5, 8], theta = i, compute = f32, chip = "cpu">
    func.func @f(%arg0: tensor<4x2x1000xf32>, %arg1: tensor<2x1000xf32>) -> tensor<4x2x1000xf32> {
      %0 = fftconv.conv causal %arg0, %arg1 plan #plan : tensor<4x2x1000xf32>, tensor<2x1000xf32>
      return %0 : tensor<4x2x1000xf32>
    }
    ```
  }];
  let options = [
    Option<"chip", "chip", "std::string", "\"cpu\"", "chip to plan for: cpu, sm_80, sm_86, sm_89, sm_90, sm_90a, sm_100, sm_120">,
    Option<"compute", "compute", "std::string", "\"auto\"",
           "type of the operands of stages: f16, bf16, f32, or auto for the tensors' own">,
    Option<"products", "products", "std::string", "\"f16\"", "type of elementwise products in kernels: f16 (for bf16 stages bf16), or f32">,
    Option<"sums", "sums", "std::string", "\"auto\"", "type of the sums of matrix products in kernels: f32, f16 (where stages and products are), or auto for f16 where it can be">,
    Option<"method", "method", "std::string", "\"auto\"", "how to compute on a GPU: fft, direct (where it can be done so), or auto for the cheaper">,
    Option<"copies", "copies", "std::string", "\"auto\"", "how rows are copied in kernels: async, bulk (where they can be), or auto for bulk where it pays">,
    Option<"mma", "mma", "std::string", "\"auto\"", "who multiplies on a GPU: warp (each by itself), warpgroup (four together, where they can), or auto for the faster">,
    Option<"channels", "channels", "std::string", "\"auto\"",
           "how a GPU computes rows whose channels are last: fused (by a kernel that turns them itself), turned (by kernels of their own, before and after), or auto for the faster">,
    Option<"mostBlocks", "most-blocks", "int64_t", "8", "the most blocks that a GPU may cut causal rows into; 1 for none">,
    Option<"tuning", "tuning", "std::string", "\"\"", "file of plans that were timed, JSON; none by default">,
    Option<"requireKernels", "require-kernels", "bool", "false", "fail at a convolution that no kernel runs">];
}

def TurnChannels : Pass<"fftconv-turn-channels", "::mlir::func::FuncOp"> {
  let summary = "Turn rows whose channels are last where no kernel of a convolution does";
  let description = [{
    A planned `fftconv.conv` with `channels_last` becomes one without between two turns: of `fftconv.turn`, which multiply with gates on the way, where it is `turned`, and of
    `linalg.transpose` where its plan has no schedule of a kernel. Others are left alone: their kernels turn rows themselves, or they have no plan.

    Before:
    ```mlir
    #schedule = #fftconv.schedule<warps = 8, values = 32, rows = 4, stages = 2, products = f16, sums = f16>
    #plan = #fftconv.plan<points = 4096, radices = [16, 4, 8, 8], theta = i, compute = f16, chip = "sm_90", schedule = #schedule>
    func.func @f(%u: tensor<?x4096x6xf16>, %k: tensor<6x4096xf32>, %g: tensor<?x4096x6xf16>) -> tensor<?x4096x6xf16> {
      %y = fftconv.conv causal channels_last turned %u, %k post_gate(%g : tensor<?x4096x6xf16>) plan #plan : tensor<?x4096x6xf16>, tensor<6x4096xf32>
      return %y : tensor<?x4096x6xf16>
    }
    ```
    After:
    ```mlir
    #schedule = #fftconv.schedule<warps = 8, values = 32, rows = 4, stages = 2, products = f16, sums = f16>
    #plan = #fftconv.plan<points = 4096, radices = [16, 4, 8, 8], theta = i, compute = f16, chip = "sm_90", schedule = #schedule>
    func.func @f(%u: tensor<?x4096x6xf16>, %k: tensor<6x4096xf32>, %g: tensor<?x4096x6xf16>) -> tensor<?x4096x6xf16> {
      %0 = fftconv.turn %u on "sm_90" : tensor<?x4096x6xf16> -> tensor<?x6x4096xf16>
      %1 = fftconv.conv causal %0, %k plan #plan : tensor<?x6x4096xf16>, tensor<6x4096xf32>
      %2 = fftconv.turn back %1 gate(%g : tensor<?x4096x6xf16>) on "sm_90" : tensor<?x6x4096xf16> -> tensor<?x4096x6xf16>
      return %2 : tensor<?x4096x6xf16>
    }
    ```
  }];
}

def HoistSpectra : Pass<"fftconv-hoist-spectra", "::mlir::func::FuncOp"> {
  let summary = "Split the filter's transform off and compute it once";
  let description = [{
    Splits every planned `fftconv.conv` into `fftconv.spectrum` and `fftconv.spectral_conv`, moves spectra out of all loops in
    which their filter does not change, and merges those of equal filter and type. A convolution without a plan is
    left alone with a missed remark; one with a direct form needs no spectrum.

    Before:
    ```mlir
    #plan = #fftconv.plan<points = 128, radices = [16, 8], theta = i, compute = f32, chip = "cpu">
    func.func @f(%u: tensor<4x2x100xf32>, %k: tensor<2x100xf32>) -> tensor<4x2x100xf32> {
      %y = fftconv.conv causal %u, %k plan #plan : tensor<4x2x100xf32>, tensor<2x100xf32>
      return %y : tensor<4x2x100xf32>
    }
    ```
    After:
    ```mlir
    #plan = #fftconv.plan<points = 128, radices = [16, 8], theta = i, compute = f32, chip = "cpu">
    #spectrum = #fftconv.spectrum<causal, length = 100, plan = #plan>
    func.func @f(%u: tensor<4x2x100xf32>, %k: tensor<2x100xf32>) -> tensor<4x2x100xf32> {
      %s = fftconv.spectrum %k : tensor<2x100xf32> -> tensor<2x16x8xcomplex<f32>, #spectrum>
      %y = fftconv.spectral_conv %u, %s : tensor<4x2x100xf32>, tensor<2x16x8xcomplex<f32>, #spectrum>
      return %y : tensor<4x2x100xf32>
    }
    ```
  }];
}

def TileRows : Pass<"fftconv-tile-rows", "::mlir::func::FuncOp"> {
  let summary = "Run convolutions row by row, so that a row's stages stay in cache";
  let description = [{
    Wraps every `fftconv.spectral_conv` and `fftconv.spectrum` in loops over heads and batch, with one row (two where theta = one, and
    a last single one when the batch is odd) in each step. For CPUs; a GPU kernel has its own loops.

    ```mlir
    #plan = #fftconv.plan<points = 128, radices = [16, 8], theta = i, compute = f32, chip = "cpu">
    #spectrum = #fftconv.spectrum<causal, length = 100, plan = #plan>
    func.func @f(%u: tensor<4x2x100xf32>, %s: tensor<2x16x8xcomplex<f32>, #spectrum>) -> tensor<4x2x100xf32> {
      %y = fftconv.spectral_conv %u, %s : tensor<4x2x100xf32>, tensor<2x16x8xcomplex<f32>, #spectrum>
      return %y : tensor<4x2x100xf32>
    }
    ```
    becomes
    ```mlir
    #plan = #fftconv.plan<points = 128, radices = [16, 8], theta = i, compute = f32, chip = "cpu">
    #spectrum = #fftconv.spectrum<causal, length = 100, plan = #plan>
    func.func @f(%arg0: tensor<4x2x100xf32>, %arg1: tensor<2x16x8xcomplex<f32>, #spectrum>) -> tensor<4x2x100xf32> {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c1_0 = arith.constant 1 : index
      %c4 = arith.constant 4 : index
      %0 = tensor.empty() : tensor<4x2x100xf32>
      %c0_1 = arith.constant 0 : index
      %c2 = arith.constant 2 : index
      %1 = scf.for %arg2 = %c0 to %c2 step %c1 iter_args(%arg3 = %0) -> (tensor<4x2x100xf32>) {
        %extracted_slice = tensor.extract_slice %arg1[%arg2, 0, 0] [1, 16, 8] [1, 1, 1]
            : tensor<2x16x8xcomplex<f32>, #spectrum> to tensor<1x16x8xcomplex<f32>, #spectrum>
        %2 = scf.for %arg4 = %c0 to %c4 step %c1_0 iter_args(%arg5 = %arg3) -> (tensor<4x2x100xf32>) {
          %extracted_slice_2 = tensor.extract_slice %arg0[%arg4, %arg2, 0] [1, 1, 100] [1, 1, 1]
              : tensor<4x2x100xf32> to tensor<1x1x100xf32>
          %3 = fftconv.spectral_conv %extracted_slice_2, %extracted_slice : tensor<1x1x100xf32>,
              tensor<1x16x8xcomplex<f32>, #spectrum>
          %inserted_slice = tensor.insert_slice %3 into %arg5[%arg4, %arg2, 0] [1, 1, 100] [1, 1, 1]
              : tensor<1x1x100xf32> into tensor<4x2x100xf32>
          scf.yield %inserted_slice : tensor<4x2x100xf32>
        }
        scf.yield %2 : tensor<4x2x100xf32>
      }
      return %1 : tensor<4x2x100xf32>
    }
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect"];
}

def DecomposeToMonarch : Pass<"fftconv-decompose-to-monarch", "::mlir::func::FuncOp"> {
  let summary = "Decompose spectra and convolutions into Monarch stages";
  let description = [{
    `fftconv.spectrum` becomes `embed_filter` and forward stages in f32; `fftconv.spectral_conv` becomes `embed`, forward stages, the product
    with the spectrum, inverse stages and `project`. Stages are `dft` and `twiddle`; operands of matrix products are rounded to the
    compute type, everything between is f32. Fails at a `fftconv.conv`, which has no spectrum yet.

    ```mlir
    #plan = #fftconv.plan<points = 128, radices = [16, 8], theta = i, compute = f16, chip = "cpu">
    #spectrum = #fftconv.spectrum<causal, length = 100, plan = #plan>
    func.func @f(%u: tensor<4x2x100xf16>, %s: tensor<2x16x8xcomplex<f16>, #spectrum>) -> tensor<4x2x100xf16> {
      %y = fftconv.spectral_conv %u, %s : tensor<4x2x100xf16>, tensor<2x16x8xcomplex<f16>, #spectrum>
      return %y : tensor<4x2x100xf16>
    }
    ```
    becomes
    ```mlir
    #plan = #fftconv.plan<points = 128, radices = [16, 8], theta = i, compute = f16, chip = "cpu">
    #spectrum = #fftconv.spectrum<causal, length = 100, plan = #plan>
    func.func @f(%arg0: tensor<4x2x100xf16>, %arg1: tensor<2x16x8xcomplex<f16>, #spectrum>) -> tensor<4x2x100xf16> {
      %0 = fftconv.embed %arg0 by #plan : tensor<4x2x100xf16> -> tensor<4x2x16x8xf16>
      %1 = fftconv.dft %0 digit 1 by #plan : tensor<4x2x16x8xf16> -> tensor<4x2x16x8xcomplex<f32>>
      %2 = fftconv.twiddle %1 digit 2 by #plan : tensor<4x2x16x8xcomplex<f32>> -> tensor<4x2x16x8xcomplex<f16>>
      %3 = fftconv.dft %2 digit 2 by #plan : tensor<4x2x16x8xcomplex<f16>> -> tensor<4x2x16x8xcomplex<f32>>
      %4 = fftconv.spectrum_product %3, %arg1 : tensor<4x2x16x8xcomplex<f32>>, tensor<2x16x8xcomplex<f16>,
          #spectrum> -> tensor<4x2x16x8xcomplex<f16>>
      %5 = fftconv.dft inverse %4 digit 2 by #plan : tensor<4x2x16x8xcomplex<f16>> -> tensor<4x2x16x8xcomplex<f32>>
      %6 = fftconv.twiddle inverse %5 digit 2 by #plan : tensor<4x2x16x8xcomplex<f32>>
          -> tensor<4x2x16x8xcomplex<f16>>
      %7 = fftconv.dft inverse %6 digit 1 by #plan : tensor<4x2x16x8xcomplex<f16>> -> tensor<4x2x16x8xf32>
      %8 = fftconv.project %7, %arg0 for #spectrum : tensor<4x2x16x8xf32>, tensor<4x2x100xf16>
      return %8 : tensor<4x2x100xf16>
    }
    ```
  }];
}

def FuseKernels : Pass<"fftconv-fuse-kernels", "::mlir::ModuleOp"> {
  let summary = "Fuse the stages of each convolution, and of each spectrum, into a kernel";
  let description = [{
    The stages from `embed` to `project` become the body of a `gpu.func` of tile ops, those from `embed_filter` to the spectrum an `fftconv.prepare`, and an
    `fftconv.launch` takes their place. Plans need a kernel schedule. Fails at a stage that is left over.

    ```mlir
    #schedule = #fftconv.schedule<warps = 8, values = 32, rows = 8, stages = 2, products = f16, sums = f32>
    #plan = #fftconv.plan<points = 256, radices = [16, 16], theta = i, compute = f16, chip = "sm_90", schedule = #schedule>
    #spectrum = #fftconv.spectrum<causal, length = 100, plan = #plan>
    func.func @f(%arg0: tensor<?x2x100xf16>, %arg1: tensor<2x16x16xcomplex<f16>, #spectrum>) -> tensor<?x2x100xf16> {
      %0 = fftconv.embed %arg0 by #plan : tensor<?x2x100xf16> -> tensor<?x2x16x16xf16>
      %1 = fftconv.dft %0 digit 1 by #plan : tensor<?x2x16x16xf16> -> tensor<?x2x16x16xcomplex<f32>>
      %2 = fftconv.twiddle %1 digit 2 by #plan : tensor<?x2x16x16xcomplex<f32>> -> tensor<?x2x16x16xcomplex<f16>>
      %3 = fftconv.dft %2 digit 2 by #plan : tensor<?x2x16x16xcomplex<f16>> -> tensor<?x2x16x16xcomplex<f32>>
      %4 = fftconv.spectrum_product %3, %arg1 : tensor<?x2x16x16xcomplex<f32>>, tensor<2x16x16xcomplex<f16>, #spectrum> -> tensor<?x2x16x16xcomplex<f16>>
      %5 = fftconv.dft inverse %4 digit 2 by #plan : tensor<?x2x16x16xcomplex<f16>> -> tensor<?x2x16x16xcomplex<f32>>
      %6 = fftconv.twiddle inverse %5 digit 2 by #plan : tensor<?x2x16x16xcomplex<f32>> -> tensor<?x2x16x16xcomplex<f16>>
      %7 = fftconv.dft inverse %6 digit 1 by #plan : tensor<?x2x16x16xcomplex<f16>> -> tensor<?x2x16x16xf32>
      %8 = fftconv.project %7, %arg0 for #spectrum : tensor<?x2x16x16xf32>, tensor<?x2x100xf16>
      return %8 : tensor<?x2x100xf16>
    }
    ```
    becomes
    ```mlir
    #schedule = #fftconv.schedule<warps = 8, values = 32, rows = 8, stages = 2, products = f16, sums = f32>
    #plan = #fftconv.plan<points = 256, radices = [16, 16], theta = i, compute = f16, chip = "sm_90", schedule = #schedule>
    #spectrum = #fftconv.spectrum<causal, length = 100, plan = #plan>
    gpu.module @f_kernels {
      gpu.func @conv0(%arg0: memref<?x2x100xf16, strided<[?, ?, 1]>>, %arg1: memref<2x512xf16>, %arg2: memref<?x2x100xf16, strided<[?, ?, 1]>>) kernel {
        fftconv.groups of %arg0 rows 8 : memref<?x2x100xf16, strided<[?, ?, 1]>> {
          %0 = fftconv.copy_in %arg0 by #plan : memref<?x2x100xf16, strided<[?, ?, 1]>> -> <f16>
          %1 = fftconv.tile_dft any %0 digit 1 by #plan : <f16> -> <complex<f32>>
          %2 = fftconv.tile_twiddle %1 digit 2 by #plan : <complex<f32>> -> <complex<f16>>
          %3 = fftconv.tile_dft any %2 digit 2 by #plan : <complex<f16>> -> <complex<f32>>
          %4 = fftconv.tile_product %3, %arg1 by #plan : <complex<f32>>, memref<2x512xf16> -> <complex<f16>>
          %5 = fftconv.tile_dft any inverse %4 digit 2 by #plan : <complex<f16>> -> <complex<f32>>
          %6 = fftconv.tile_twiddle inverse %5 digit 2 by #plan : <complex<f32>> -> <complex<f16>>
          %7 = fftconv.tile_dft any inverse %6 digit 1 by #plan : <complex<f16>> -> <f32>
          fftconv.copy_out %7, %arg2 by #plan : <f32>, memref<?x2x100xf16, strided<[?, ?, 1]>>
        }
        gpu.return
      }
    }
    func.func @f(%arg0: tensor<?x2x100xf16>, %arg1: tensor<2x16x16xcomplex<f16>, #spectrum>) -> tensor<?x2x100xf16> {
      %0 = fftconv.launch @f_kernels::@conv0(%arg0, %arg1) : (tensor<?x2x100xf16>, tensor<2x16x16xcomplex<f16>, #spectrum>) -> tensor<?x2x100xf16>
      return %0 : tensor<?x2x100xf16>
    }
    ```
  }];
  let dependentDialects = ["::mlir::gpu::GPUDialect", "::mlir::memref::MemRefDialect"];
}

def AssignLayouts : Pass<"fftconv-assign-layouts", "::mlir::gpu::GPUModuleOp"> {
  let summary = "Give every tile a place in the machine";
  let description = [{
    Follows the schedule that `fftconv/Monarch/Schedule.h` derives from a plan: each transform becomes left, right or a butterfly, and where the next one
    needs another layout, two `fftconv.relayout` exchange the data through shared memory. Fails where digits do not fit one pass.

    ```mlir
    #schedule = #fftconv.schedule<warps = 8, values = 32, rows = 8, stages = 2, products = f16, sums = f32>
    #plan = #fftconv.plan<points = 256, radices = [16, 16], theta = i, compute = f16, chip = "sm_90", schedule = #schedule>
    gpu.module @f_kernels {
      gpu.func @conv0(%arg0: memref<?x2x100xf16>, %arg1: memref<2x512xf16>, %arg2: memref<?x2x100xf16>) kernel {
        fftconv.groups of %arg0 rows 8 : memref<?x2x100xf16> {
          %0 = fftconv.copy_in %arg0 by #plan : memref<?x2x100xf16> -> <f16>
          %1 = fftconv.tile_dft any %0 digit 1 by #plan : <f16> -> <complex<f32>>
          %2 = fftconv.tile_twiddle %1 digit 2 by #plan : <complex<f32>> -> <complex<f16>>
          %3 = fftconv.tile_dft any %2 digit 2 by #plan : <complex<f16>> -> <complex<f32>>
          %4 = fftconv.tile_product %3, %arg1 by #plan : <complex<f32>>, memref<2x512xf16> -> <complex<f16>>
          %5 = fftconv.tile_dft any inverse %4 digit 2 by #plan : <complex<f16>> -> <complex<f32>>
          %6 = fftconv.tile_twiddle inverse %5 digit 2 by #plan : <complex<f32>> -> <complex<f16>>
          %7 = fftconv.tile_dft any inverse %6 digit 1 by #plan : <complex<f16>> -> <f32>
          fftconv.copy_out %7, %arg2 by #plan : <f32>, memref<?x2x100xf16>
        }
        gpu.return
      }
    }
    ```
    becomes
    ```mlir
    #schedule = #fftconv.schedule<warps = 8, values = 32, rows = 8, stages = 2, products = f16, sums = f32>
    #plan = #fftconv.plan<points = 256, radices = [16, 16], theta = i, compute = f16, chip = "sm_90", schedule = #schedule>
    gpu.module @f_kernels {
      gpu.func @conv0(%arg0: memref<?x2x100xf16>, %arg1: memref<2x512xf16>, %arg2: memref<?x2x100xf16>) kernel {
        fftconv.groups of %arg0 rows 8 : memref<?x2x100xf16> {
          %0 = fftconv.copy_in %arg0 by #plan : memref<?x2x100xf16> -> <f16, shared>
          %1 = fftconv.relayout %0 by #plan : <f16, shared> -> <f16, columns = "n1.0-3", rows = "n2.0-3", warps = "b.0-2">
          %2 = fftconv.tile_dft left %1 digit 1 by #plan : <f16, columns = "n1.0-3", rows = "n2.0-3", warps = "b.0-2"> -> <complex<f32>, columns = "n2.0-3", rows = "k1.0-3", warps = "b.0-2">
          %3 = fftconv.tile_twiddle %2 digit 2 by #plan : <complex<f32>, columns = "n2.0-3", rows = "k1.0-3", warps = "b.0-2"> -> <complex<f16>, columns = "n2.0-3", rows = "k1.0-3", warps = "b.0-2">
          %4 = fftconv.tile_dft right %3 digit 2 by #plan : <complex<f16>, columns = "n2.0-3", rows = "k1.0-3", warps = "b.0-2"> -> <complex<f32>, columns = "k2.0-3", rows = "k1.0-3", warps = "b.0-2">
          %5 = fftconv.tile_product %4, %arg1 by #plan : <complex<f32>, columns = "k2.0-3", rows = "k1.0-3", warps = "b.0-2">, memref<2x512xf16> -> <complex<f16>, columns = "k2.0-3", rows = "k1.0-3", warps = "b.0-2">
          %6 = fftconv.tile_dft left inverse %5 digit 2 by #plan : <complex<f16>, columns = "k2.0-3", rows = "k1.0-3", warps = "b.0-2"> -> <complex<f32>, columns = "k1.0-3", rows = "n2.0-3", warps = "b.0-2">
          %7 = fftconv.tile_twiddle inverse %6 digit 2 by #plan : <complex<f32>, columns = "k1.0-3", rows = "n2.0-3", warps = "b.0-2"> -> <complex<f16>, columns = "k1.0-3", rows = "n2.0-3", warps = "b.0-2">
          %8 = fftconv.tile_dft left inverse %7 digit 1 by #plan : <complex<f16>, columns = "k1.0-3", rows = "n2.0-3", warps = "b.0-2"> -> <f32, columns = "n2.0-3", rows = "n1.0-3", warps = "b.0-2">
          %9 = fftconv.relayout %8 by #plan : <f32, columns = "n2.0-3", rows = "n1.0-3", warps = "b.0-2"> -> <f32, shared>
          fftconv.copy_out %9, %arg2 by #plan : <f32, shared>, memref<?x2x100xf16>
        }
        gpu.return
      }
    }
    ```
  }];
}

def AbsorbTwiddles : Pass<"fftconv-absorb-twiddles", "::mlir::gpu::GPUModuleOp"> {
  let summary = "Move twiddles into the matrices and butterflies that apply them for free";
  let description = [{
    A twiddle is a product over pairs of digits (k_i, n_j). It costs nothing where one of the two is uniform in a matrix product, whose matrix then includes
    it, or for a product from the left in each of its halves, or in a butterfly. Pairs move there (`absorbs`), and `fftconv.tile_twiddle` keeps what is left, if anything. Also settles the types
    between ops: f32 where the next op wants sums unrounded, else f16.

    ```mlir
    #schedule = #fftconv.schedule<warps = 8, values = 32, rows = 8, stages = 2, products = f16, sums = f32>
    #plan = #fftconv.plan<points = 256, radices = [16, 16], theta = i, compute = f16, chip = "sm_90", schedule = #schedule>
    gpu.module @f_kernels {
      gpu.func @conv0(%arg0: memref<?x2x100xf16>, %arg1: memref<2x512xf16>, %arg2: memref<?x2x100xf16>) kernel {
        fftconv.groups of %arg0 rows 8 : memref<?x2x100xf16> {
          %0 = fftconv.copy_in %arg0 by #plan : memref<?x2x100xf16> -> <f16, shared>
          %1 = fftconv.relayout %0 by #plan : <f16, shared> -> <f16, columns = "n1.0-3", rows = "n2.0-3", warps = "b.0-2">
          %2 = fftconv.tile_dft left %1 digit 1 by #plan : <f16, columns = "n1.0-3", rows = "n2.0-3", warps = "b.0-2"> -> <complex<f32>, columns = "n2.0-3", rows = "k1.0-3", warps = "b.0-2">
          %3 = fftconv.tile_twiddle %2 digit 2 by #plan : <complex<f32>, columns = "n2.0-3", rows = "k1.0-3", warps = "b.0-2"> -> <complex<f16>, columns = "n2.0-3", rows = "k1.0-3", warps = "b.0-2">
          %4 = fftconv.tile_dft right %3 digit 2 by #plan : <complex<f16>, columns = "n2.0-3", rows = "k1.0-3", warps = "b.0-2"> -> <complex<f32>, columns = "k2.0-3", rows = "k1.0-3", warps = "b.0-2">
          %5 = fftconv.tile_product %4, %arg1 by #plan : <complex<f32>, columns = "k2.0-3", rows = "k1.0-3", warps = "b.0-2">, memref<2x512xf16> -> <complex<f16>, columns = "k2.0-3", rows = "k1.0-3", warps = "b.0-2">
          %6 = fftconv.tile_dft left inverse %5 digit 2 by #plan : <complex<f16>, columns = "k2.0-3", rows = "k1.0-3", warps = "b.0-2"> -> <complex<f32>, columns = "k1.0-3", rows = "n2.0-3", warps = "b.0-2">
          %7 = fftconv.tile_twiddle inverse %6 digit 2 by #plan : <complex<f32>, columns = "k1.0-3", rows = "n2.0-3", warps = "b.0-2"> -> <complex<f16>, columns = "k1.0-3", rows = "n2.0-3", warps = "b.0-2">
          %8 = fftconv.tile_dft left inverse %7 digit 1 by #plan : <complex<f16>, columns = "k1.0-3", rows = "n2.0-3", warps = "b.0-2"> -> <f32, columns = "n2.0-3", rows = "n1.0-3", warps = "b.0-2">
          %9 = fftconv.relayout %8 by #plan : <f32, columns = "n2.0-3", rows = "n1.0-3", warps = "b.0-2"> -> <f32, shared>
          fftconv.copy_out %9, %arg2 by #plan : <f32, shared>, memref<?x2x100xf16>
        }
        gpu.return
      }
    }
    ```
  }];
}

def PipelineCopies : Pass<"fftconv-pipeline-copies", "::mlir::gpu::GPUModuleOp"> {
  let summary = "Copy the next group's input while this one is computed";
  let description = [{
    Where the plan's schedule has two stages, `fftconv.copy_in` becomes `ahead`, and an `fftconv.prefetch` starts the next group's copies once the
    input has been read.

    ```mlir
    #schedule = #fftconv.schedule<warps = 8, values = 32, rows = 8, stages = 2, products = f16, sums = f32>
    #plan = #fftconv.plan<points = 256, radices = [16, 16], theta = i, compute = f16, chip = "sm_90", schedule = #schedule>
    gpu.module @f_kernels {
      gpu.func @conv0(%arg0: memref<?x2x100xf16>, %arg1: memref<2x512xf16>, %arg2: memref<?x2x100xf16>) kernel {
        fftconv.groups of %arg0 rows 8 : memref<?x2x100xf16> {
          %0 = fftconv.copy_in %arg0 by #plan : memref<?x2x100xf16> -> <f16, shared>
          %1 = fftconv.relayout %0 by #plan : <f16, shared> -> <f16, columns = "n1.0-3", rows = "n2.0-3", warps = "b.0-2">
          %2 = fftconv.tile_dft left %1 digit 1 by #plan : <f16, columns = "n1.0-3", rows = "n2.0-3", warps = "b.0-2"> -> <complex<f16>, columns = "n2.0-3", rows = "k1.0-3", warps = "b.0-2">
          %3 = fftconv.tile_twiddle %2 digit 2 pairs [1, 2] by #plan : <complex<f16>, columns = "n2.0-3", rows = "k1.0-3", warps = "b.0-2"> -> <complex<f16>, columns = "n2.0-3", rows = "k1.0-3", warps = "b.0-2">
          %4 = fftconv.tile_dft right %3 digit 2 by #plan : <complex<f16>, columns = "n2.0-3", rows = "k1.0-3", warps = "b.0-2"> -> <complex<f16>, columns = "k2.0-3", rows = "k1.0-3", warps = "b.0-2">
          %5 = fftconv.tile_product %4, %arg1 by #plan : <complex<f16>, columns = "k2.0-3", rows = "k1.0-3", warps = "b.0-2">, memref<2x512xf16> -> <complex<f16>, columns = "k2.0-3", rows = "k1.0-3", warps = "b.0-2">
          %6 = fftconv.tile_dft left inverse %5 digit 2 by #plan : <complex<f16>, columns = "k2.0-3", rows = "k1.0-3", warps = "b.0-2"> -> <complex<f16>, columns = "k1.0-3", rows = "n2.0-3", warps = "b.0-2">
          %7 = fftconv.tile_twiddle inverse %6 digit 2 pairs [1, 2] by #plan : <complex<f16>, columns = "k1.0-3", rows = "n2.0-3", warps = "b.0-2"> -> <complex<f16>, columns = "k1.0-3", rows = "n2.0-3", warps = "b.0-2">
          %8 = fftconv.tile_dft left inverse %7 digit 1 by #plan : <complex<f16>, columns = "k1.0-3", rows = "n2.0-3", warps = "b.0-2"> -> <f16, columns = "n2.0-3", rows = "n1.0-3", warps = "b.0-2">
          %9 = fftconv.relayout %8 by #plan : <f16, columns = "n2.0-3", rows = "n1.0-3", warps = "b.0-2"> -> <f16, shared>
          fftconv.copy_out %9, %arg2 by #plan : <f16, shared>, memref<?x2x100xf16>
        }
        gpu.return
      }
    }
    ```
  }];
}

def AllocateShared : Pass<"fftconv-allocate-shared", "::mlir::gpu::GPUModuleOp"> {
  let summary = "Place tiles in shared memory by their lifetimes";
  let description = [{
    A tile lives from the op that writes it to the last that reads it; input copied ahead lives always. A phase works in place: what it
    writes may lie where it reads. Puts the total on the kernel as `fftconv.shared_bytes` and its
    threads as `known_block_size`, and fails where the chip has less shared memory.

    ```mlir
    #schedule = #fftconv.schedule<warps = 8, values = 32, rows = 8, stages = 2, products = f16, sums = f32>
    #plan = #fftconv.plan<points = 256, radices = [16, 16], theta = i, compute = f16, chip = "sm_90", schedule = #schedule>
    gpu.module @f_kernels {
      gpu.func @conv0(%arg0: memref<?x2x100xf16>, %arg1: memref<2x512xf16>, %arg2: memref<?x2x100xf16>) kernel {
        fftconv.groups of %arg0 rows 8 : memref<?x2x100xf16> {
          %0 = fftconv.copy_in ahead %arg0 by #plan : memref<?x2x100xf16> -> <f16, shared>
          %1 = fftconv.relayout %0 by #plan : <f16, shared> -> <f16, columns = "n1.0-3", rows = "n2.0-3", warps = "b.0-2">
          fftconv.prefetch %0 : <f16, shared>
          %2 = fftconv.tile_dft left %1 digit 1 by #plan : <f16, columns = "n1.0-3", rows = "n2.0-3", warps = "b.0-2"> -> <complex<f16>, columns = "n2.0-3", rows = "k1.0-3", warps = "b.0-2">
          %3 = fftconv.tile_twiddle %2 digit 2 pairs [1, 2] by #plan : <complex<f16>, columns = "n2.0-3", rows = "k1.0-3", warps = "b.0-2"> -> <complex<f16>, columns = "n2.0-3", rows = "k1.0-3", warps = "b.0-2">
          %4 = fftconv.tile_dft right %3 digit 2 by #plan : <complex<f16>, columns = "n2.0-3", rows = "k1.0-3", warps = "b.0-2"> -> <complex<f16>, columns = "k2.0-3", rows = "k1.0-3", warps = "b.0-2">
          %5 = fftconv.tile_product %4, %arg1 by #plan : <complex<f16>, columns = "k2.0-3", rows = "k1.0-3", warps = "b.0-2">, memref<2x512xf16> -> <complex<f16>, columns = "k2.0-3", rows = "k1.0-3", warps = "b.0-2">
          %6 = fftconv.tile_dft left inverse %5 digit 2 by #plan : <complex<f16>, columns = "k2.0-3", rows = "k1.0-3", warps = "b.0-2"> -> <complex<f16>, columns = "k1.0-3", rows = "n2.0-3", warps = "b.0-2">
          %7 = fftconv.tile_twiddle inverse %6 digit 2 pairs [1, 2] by #plan : <complex<f16>, columns = "k1.0-3", rows = "n2.0-3", warps = "b.0-2"> -> <complex<f16>, columns = "k1.0-3", rows = "n2.0-3", warps = "b.0-2">
          %8 = fftconv.tile_dft left inverse %7 digit 1 by #plan : <complex<f16>, columns = "k1.0-3", rows = "n2.0-3", warps = "b.0-2"> -> <f16, columns = "n2.0-3", rows = "n1.0-3", warps = "b.0-2">
          %9 = fftconv.relayout %8 by #plan : <f16, columns = "n2.0-3", rows = "n1.0-3", warps = "b.0-2"> -> <f16, shared>
          fftconv.copy_out %9, %arg2 by #plan : <f16, shared>, memref<?x2x100xf16>
        }
        gpu.return
      }
    }
    ```
  }];
}

def PlaceBarriers : Pass<"fftconv-place-barriers", "::mlir::gpu::GPUModuleOp"> {
  let summary = "Place barriers where data changes hands";
  let description = [{
    Between two accesses of the same shared memory, one of which writes, stands a barrier: of the CTA where their layouts differ in what
    warps hold, of the warp where only lanes differ, and none where the same thread does both. The body is a loop: an access also meets those of the turn before.

    ```mlir
    #schedule = #fftconv.schedule<warps = 8, values = 32, rows = 8, stages = 2, products = f16, sums = f32>
    #plan = #fftconv.plan<points = 256, radices = [16, 16], theta = i, compute = f16, chip = "sm_90", schedule = #schedule>
    gpu.module @f_kernels {
      gpu.func @conv0(%arg0: memref<?x2x100xf16>, %arg1: memref<2x512xf16>, %arg2: memref<?x2x100xf16>) kernel attributes {fftconv.shared_bytes = 8192 : i64, known_block_size = array<i32: 256, 1, 1>} {
        fftconv.groups of %arg0 rows 8 : memref<?x2x100xf16> {
          %0 = fftconv.copy_in ahead %arg0 by #plan : memref<?x2x100xf16> -> <f16, shared 4096>
          %1 = fftconv.relayout %0 by #plan : <f16, shared 4096> -> <f16, columns = "n1.0-3", rows = "n2.0-3", warps = "b.0-2">
          fftconv.prefetch %0 : <f16, shared 4096>
          %2 = fftconv.tile_dft left %1 digit 1 by #plan : <f16, columns = "n1.0-3", rows = "n2.0-3", warps = "b.0-2"> -> <complex<f16>, columns = "n2.0-3", rows = "k1.0-3", warps = "b.0-2">
          %3 = fftconv.tile_twiddle %2 digit 2 pairs [1, 2] by #plan : <complex<f16>, columns = "n2.0-3", rows = "k1.0-3", warps = "b.0-2"> -> <complex<f16>, columns = "n2.0-3", rows = "k1.0-3", warps = "b.0-2">
          %4 = fftconv.tile_dft right %3 digit 2 by #plan : <complex<f16>, columns = "n2.0-3", rows = "k1.0-3", warps = "b.0-2"> -> <complex<f16>, columns = "k2.0-3", rows = "k1.0-3", warps = "b.0-2">
          %5 = fftconv.tile_product %4, %arg1 by #plan : <complex<f16>, columns = "k2.0-3", rows = "k1.0-3", warps = "b.0-2">, memref<2x512xf16> -> <complex<f16>, columns = "k2.0-3", rows = "k1.0-3", warps = "b.0-2">
          %6 = fftconv.tile_dft left inverse %5 digit 2 by #plan : <complex<f16>, columns = "k2.0-3", rows = "k1.0-3", warps = "b.0-2"> -> <complex<f16>, columns = "k1.0-3", rows = "n2.0-3", warps = "b.0-2">
          %7 = fftconv.tile_twiddle inverse %6 digit 2 pairs [1, 2] by #plan : <complex<f16>, columns = "k1.0-3", rows = "n2.0-3", warps = "b.0-2"> -> <complex<f16>, columns = "k1.0-3", rows = "n2.0-3", warps = "b.0-2">
          %8 = fftconv.tile_dft left inverse %7 digit 1 by #plan : <complex<f16>, columns = "k1.0-3", rows = "n2.0-3", warps = "b.0-2"> -> <f16, columns = "n2.0-3", rows = "n1.0-3", warps = "b.0-2">
          %9 = fftconv.relayout %8 by #plan : <f16, columns = "n2.0-3", rows = "n1.0-3", warps = "b.0-2"> -> <f16, shared 0>
          fftconv.copy_out %9, %arg2 by #plan : <f16, shared 0>, memref<?x2x100xf16>
        }
        gpu.return
      }
    }
    ```
    becomes
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
}

#endif // FFTCONV_TRANSFORMS_PASSES
