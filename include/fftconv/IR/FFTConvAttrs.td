//===- FFTConvAttrs.td - Plans, boundaries, spectrum encodings -*- tablegen -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a convolution means at its ends (boundary), how it will be computed (plan), and the tensor encoding that
// ties a spectrum to both.
//
//===----------------------------------------------------------------------===//

#ifndef FFTCONV_IR_ATTRS
#define FFTCONV_IR_ATTRS

include "fftconv/IR/FFTConvDialect.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/TensorEncoding.td"

def FFTConv_Boundary : I32EnumAttr<"Boundary", "what a convolution means at the ends of the sequence", [
    I32EnumAttrCase<"Causal", 0, "causal">,
    I32EnumAttrCase<"Circular", 1, "circular">,
    I32EnumAttrCase<"Bidirectional", 2, "bidirectional">]> {
  let cppNamespace = "::fftconv";
  let genSpecializedAttr = 0;
}

def FFTConv_BoundaryAttr : EnumAttr<FFTConv_Dialect, FFTConv_Boundary, "boundary"> {
  let description = [{
    With x = pre_gate * u and x[n] = 0 outside 0 <= n < L unless it says otherwise:

    - `causal`: y[n] = sum over j in [0, K) of k[j] x[n - j];
    - `circular`: y[n] = sum over j in [0, K) of k[j] x[(n - j) mod L];
    - `bidirectional`: y[n] = sum over j in [0, K) of k[j] x[n - (j - center)].
  }];
}

def FFTConv_Theta : I32EnumAttr<"Theta", "theta of z^M = theta", [
    I32EnumAttrCase<"One", 0, "one">, I32EnumAttrCase<"I", 1, "i">]> {
  let cppNamespace = "::fftconv";
  let genSpecializedAttr = 0;
}

class FFTConv_Attr<string name, string keyword, list<Trait> traits = []>
    : AttrDef<FFTConv_Dialect, name, traits> {
  let mnemonic = keyword;
}

def FFTConv_PlanAttr : FFTConv_Attr<"Plan", "plan"> {
  let summary = "how a long convolution will be computed";
  let description = [{
    M `points`, split into digits of the given `radices` (the first is the slowest digit of time), the `theta` of
    `z^M = theta`, the type in which stages keep their operands, and the chip that the plan was made for.

    - (P1) every radix is at least 1 and their product is `points`;
    - (P2) `compute` is f16, bf16 or f32;
    - (P3) `chip` is a chip of the table in `fftconv/Monarch/Chip.h`.

    Inside an op, write an alias or `<...>` alone: after `#fftconv.plan<...>` MLIR takes the colon of the op's types for one of
    the attribute.

    Example:
    ```mlir
    #plan = #fftconv.plan<points = 1024, radices = [16, 8, 8], theta = i, compute = f32, chip = "cpu">
    ```
  }];
  let parameters = (ins "int64_t":$points, ArrayRefParameter<"int64_t">:$radices, EnumParameter<FFTConv_Theta>:$theta,
                        "::mlir::FloatType":$compute, StringRefParameter<>:$chip);
  let assemblyFormat = [{ `<` `points` `=` $points `,` `radices` `=` `[` $radices `]` `,` `theta` `=` $theta `,`
                          `compute` `=` $compute `,` `chip` `=` $chip `>` }];
  let genVerifyDecl = 1;
}

def FFTConv_SpectrumAttr : FFTConv_Attr<"Spectrum", "spectrum",
    [DeclareAttrInterfaceMethods<VerifiableTensorEncoding>]> {
  let summary = "encoding of a tensor that holds the spectrum of a filter";
  let description = [{
    The type of a spectrum is `tensor<H x r1 x ... x rp x complex<C>, #fftconv.spectrum<...>>`: digits in the order of
    the plan, never bit-reversed back. It names the plan, the boundary and the sequence length L of the convolutions
    that it may serve, so that it cannot meet one of another kind.

    - (S1) the tensor has shape H x radices and elements complex<compute>;
    - (S2) L is at least 1, and the plan's points are at least L, or exactly L when theta is one;
    - (S3) theta is one only for circular convolutions.
  }];
  let parameters = (ins EnumParameter<FFTConv_Boundary>:$boundary, "int64_t":$length, "PlanAttr":$plan);
  let assemblyFormat = "`<` $boundary `,` `length` `=` $length `,` `plan` `=` $plan `>`";
  let genVerifyDecl = 1;
}

#endif // FFTCONV_IR_ATTRS
