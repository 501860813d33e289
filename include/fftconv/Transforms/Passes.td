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
    After, with `chip=sm_90`, the op carries
    `plan <points = 1024, radices = [16, 4, 16], theta = i, compute = f32, chip = "sm_90">`.
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
    becomes two `scf.for` around a `fftconv.spectral_conv` on `tensor<1x1x100xf32>`.
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
  }];
}

#endif // FFTCONV_TRANSFORMS_PASSES
