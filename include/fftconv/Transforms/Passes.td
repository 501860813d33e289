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
    Gives each `fftconv.conv` without a plan the cheapest legal one for the chip: points, radices, theta and compute type.
    Plans that are there already stay, so that a choice can be made or overruled in the IR. Every choice is an
    analysis remark; a plan left alone is a missed one. Fails at a convolution that no plan serves.

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
    Option<"chip", "chip", "std::string", "\"cpu\"", "chip to plan for: cpu, sm_80, sm_86, sm_89, sm_90, sm_100, sm_120">,
    Option<"compute", "compute", "std::string", "\"auto\"",
           "type of the operands of stages: f16, bf16, f32, or auto for the tensors' own">];
}

def HoistSpectra : Pass<"fftconv-hoist-spectra", "::mlir::func::FuncOp"> {
  let summary = "Split the filter's transform off and compute it once";
  let description = [{
    Splits every planned `fftconv.conv` into `fftconv.spectrum` and `fftconv.spectral_conv`, moves spectra out of all loops in
    which their filter does not change, and merges those of equal filter and type. A convolution without a plan is
    left alone with a missed remark.

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

#endif // FFTCONV_TRANSFORMS_PASSES
