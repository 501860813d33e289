//===- Passes.td - From other frameworks' programs ---------*- tablegen -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef FFTCONV_RAISE_PASSES
#define FFTCONV_RAISE_PASSES

include "mlir/Pass/PassBase.td"

def RaiseConvs : Pass<"fftconv-raise", "::mlir::ModuleOp"> {
  let summary = "Find FFT convolutions in programs of JAX, PyTorch and TOSA";
  let description = [{
    Reads StableHLO and CHLO (as JAX exports them), torch-mlir's torch dialect (raw or decomposed) and TOSA, in MLIR's generic form; none of these projects is needed. A
    product of two spectra between transforms becomes `fftconv.conv` where it is one: padded or exact sizes, real or complex transforms of real data, any normalisation,
    factors wherever they stand, reversed filters and conjugate spectra, sums of filters, channels first or last, einsums, conversions from and to narrower types. Gates
    before and after and a skip connection become operands. Private functions that are called on the way are followed.

    Whether it is a convolution is arithmetic: for each tap, the pairs of an output and an input whose distance equals the tap's lag modulo N must have just that
    lag. Causal for N >= L + K - 1, circular for N = L; other crops of a linear convolution are computed by a causal one and sliced.

    What is not raised stays as it was, with a missed remark `NotRaised` at the inverse transform that says why: outputs that wrap around, a spectrum that others use, a
    filter for each sample, channels that are mixed, a dynamic length, f64, two dimensions, and whatever else makes it no convolution of real rows.

    ```mlir
    func.func @f(%u: tensor<2x3x64xf32>, %k: tensor<3x64xf32>) -> tensor<2x3x64xf32> {
      %zero = "stablehlo.constant"() <{value = dense<0.0> : tensor<f32>}> : () -> tensor<f32>
      %up = "stablehlo.pad"(%u, %zero) <{edge_padding_high = array<i64: 0, 0, 64>, edge_padding_low = array<i64: 0, 0, 0>, interior_padding = array<i64: 0, 0, 0>}> : (tensor<2x3x64xf32>, tensor<f32>) -> tensor<2x3x128xf32>
      %kp = "stablehlo.pad"(%k, %zero) <{edge_padding_high = array<i64: 0, 64>, edge_padding_low = array<i64: 0, 0>, interior_padding = array<i64: 0, 0>}> : (tensor<3x64xf32>, tensor<f32>) -> tensor<3x128xf32>
      %uf = "stablehlo.fft"(%up) <{fft_length = array<i64: 128>, fft_type = #stablehlo<fft_type RFFT>}> : (tensor<2x3x128xf32>) -> tensor<2x3x65xcomplex<f32>>
      %kf = "stablehlo.fft"(%kp) <{fft_length = array<i64: 128>, fft_type = #stablehlo<fft_type RFFT>}> : (tensor<3x128xf32>) -> tensor<3x65xcomplex<f32>>
      %kb = "stablehlo.broadcast_in_dim"(%kf) <{broadcast_dimensions = array<i64: 1, 2>}> : (tensor<3x65xcomplex<f32>>) -> tensor<2x3x65xcomplex<f32>>
      %p = "stablehlo.multiply"(%uf, %kb) : (tensor<2x3x65xcomplex<f32>>, tensor<2x3x65xcomplex<f32>>) -> tensor<2x3x65xcomplex<f32>>
      %y = "stablehlo.fft"(%p) <{fft_length = array<i64: 128>, fft_type = #stablehlo<fft_type IRFFT>}> : (tensor<2x3x65xcomplex<f32>>) -> tensor<2x3x128xf32>
      %c = "stablehlo.slice"(%y) <{limit_indices = array<i64: 2, 3, 64>, start_indices = array<i64: 0, 0, 0>, strides = array<i64: 1, 1, 1>}> : (tensor<2x3x128xf32>) -> tensor<2x3x64xf32>
      return %c : tensor<2x3x64xf32>
    }
    ```
    becomes `fftconv.conv causal %u, %k : tensor<2x3x64xf32>, tensor<3x64xf32>`.
  }];
  let dependentDialects = ["FFTConvDialect", "::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect"];
}

def RaiseLinalg : Pass<"fftconv-raise-linalg", "::mlir::func::FuncOp"> {
  let summary = "Find long convolutions among linalg ops, where an FFT is cheaper";
  let description = [{
    A depthwise convolution (`linalg.depthwise_conv_1d_ncw_cw`, `linalg.depthwise_conv_1d_nwc_wc`, without strides and dilations) of f16, bf16 or f32, and a product of rows with a Toeplitz matrix (a contraction
    with a `tensor.generate` or `linalg.generic` that takes element i - j of a filter where i >= j and zero elsewhere) become `fftconv.conv` where the transform takes fewer multiply-adds on `chip` than the sum does; the planner
    knows how many. Padding before goes into the convolution. What is not raised stays, with a missed remark.

    ```mlir
    func.func @f(%x: tensor<2x3x4096xf32>, %k: tensor<3x1024xf32>) -> tensor<2x3x4096xf32> {
      %zero = arith.constant 0.0 : f32
      %p = tensor.pad %x low[0, 0, 1023] high[0, 0, 0] {
      ^bb0(%a: index, %b: index, %c: index):
        tensor.yield %zero : f32
      } : tensor<2x3x4096xf32> to tensor<2x3x5119xf32>
      %e = tensor.empty() : tensor<2x3x4096xf32>
      %i = linalg.fill ins(%zero : f32) outs(%e : tensor<2x3x4096xf32>) -> tensor<2x3x4096xf32>
      %y = linalg.depthwise_conv_1d_ncw_cw {dilations = dense<1> : vector<1xi64>, strides = dense<1> : vector<1xi64>}
             ins(%p, %k : tensor<2x3x5119xf32>, tensor<3x1024xf32>) outs(%i : tensor<2x3x4096xf32>) -> tensor<2x3x4096xf32>
      return %y : tensor<2x3x4096xf32>
    }
    ```
    becomes a causal `fftconv.conv` with the reversed filter.
  }];
  let options = [Option<"chip", "chip", "std::string", "\"cpu\"", "chip whose costs are compared">];
  let dependentDialects = ["FFTConvDialect", "::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect"];
}

def ConvertHostToLinalg : Pass<"convert-host-to-linalg", "::mlir::ModuleOp"> {
  let summary = "Lower what surrounds raised convolutions to upstream dialects";
  let description = [{
    Functions of StableHLO, torch and TOSA ops become functions of tensor, linalg, arith and math ops on builtin tensors, so that upstream passes and executors take them. It
    knows what `fftconv-raise` reads: elementwise functions, views, slices, pads, products over pairs of dimensions, reductions. Functions without such ops are left alone.

    Fails at an op that it does not know, transforms that were not raised among them, and names it.

    ```mlir
    func.func @f(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
      %y = "stablehlo.tanh"(%x) : (tensor<4x8xf32>) -> tensor<4x8xf32>
      return %y : tensor<4x8xf32>
    }
    ```
    becomes a `linalg.generic` around `math.tanh`.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect", "::mlir::math::MathDialect", "::mlir::tensor::TensorDialect"];
}

#endif // FFTCONV_RAISE_PASSES
