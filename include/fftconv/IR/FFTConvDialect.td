//===- FFTConvDialect.td - The fftconv dialect ---------------*- tablegen -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The dialect itself; attributes and ops are in the files beside this one.
//
//===----------------------------------------------------------------------===//

#ifndef FFTCONV_IR_DIALECT
#define FFTCONV_IR_DIALECT

include "mlir/IR/OpBase.td"

def FFTConv_Dialect : Dialect {
  let name = "fftconv";
  let cppNamespace = "::fftconv";
  let summary = "Long convolutions, from one op down to Monarch matrix products";
  let description = [{
    A long convolution is one op, `fftconv.conv`. Passes give it a plan (`#fftconv.plan`), split the transform of
    the filter off (`fftconv.spectrum`, `fftconv.spectral_conv`) and decompose both into Monarch stages
    (`fftconv.dft`, `fftconv.twiddle`, `fftconv.spectrum_product`), which lower to `linalg`, or fuse into kernels of tile
    ops (`fftconv.tile_dft` and others) that lower to NVVM.

    All of it rests on one fact: a convolution is a product of polynomials modulo `z^M - theta`. With `theta = i`
    (a right angle) and real data, the real part of the product is the causal convolution and the imaginary
    part its tail, so M >= L points suffice where the textbook pads to 2L.
  }];
  let useDefaultAttributePrinterParser = 1;
  let useDefaultTypePrinterParser = 1;
}

#endif // FFTCONV_IR_DIALECT
