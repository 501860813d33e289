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

def FFTConv_Copies : I32EnumAttr<"Copies", "how rows come to shared memory and results leave it", [
    I32EnumAttrCase<"Async", 0, "async">, I32EnumAttrCase<"Bulk", 1, "bulk">]> {
  let cppNamespace = "::fftconv";
  let genSpecializedAttr = 0;
}
def FFTConv_CopiesParameter : EnumParameter<FFTConv_Copies> {
  let defaultValue = "Copies::Async";
}

def FFTConv_Mma : I32EnumAttr<"Mma", "who multiplies matrices", [
    I32EnumAttrCase<"Warp", 0, "warp">, I32EnumAttrCase<"Warpgroup", 1, "warpgroup">]> {
  let cppNamespace = "::fftconv";
  let genSpecializedAttr = 0;
}
def FFTConv_MmaParameter : EnumParameter<FFTConv_Mma> {
  let defaultValue = "Mma::Warp";
}

def FFTConv_ScheduleAttr : FFTConv_Attr<"Schedule", "schedule"> {
  let summary = "how a kernel computes a planned convolution";
  let description = [{
    A CTA has `warps` warps, whose lanes may each hold `values` complex numbers. `rows` batch rows of one head (pairs of rows where theta is one) travel together, so that the spectrum
    and the tables are read once for them; where a warp holds a row, each warp has one, or as many as each other one. Of all but one of the `stages` the input is on its way while a group is computed. Elementwise products are
    done in `products` (f16 or bf16, two values at a time, or f32), sums of matrix products in `sums` (f16 or f32). Layouts, exchanges, swizzle and shared memory follow from this and the radices.
    Where channels are last, `rows` is how many neighbouring heads of a batch row travel together. Rows are copied by `async` copies of all threads (cp.async; the default), or by
    `bulk` copies (cp.async.bulk), each of all that one value of digit 1 has, which one thread starts and an mbarrier counts; results leave by them as well, unless they are scaled, gated or wrapped on the way.
    Matrix products are a `warp`'s (mma.sync; the default), or a `warpgroup`'s (wgmma), whose four warps have the matrix in common, in shared memory.

    - (A1) warps is a power of two up to 32, values 8 to 64;
    - (A2) rows is at least 1, stages 1 to 4;
    - (A3) products are f16, bf16 or f32, sums f16 or f32; sums in f16 need products in f16.
  }];
  let parameters = (ins "int64_t":$warps, "int64_t":$values, "int64_t":$rows, "int64_t":$stages,
                        "::mlir::FloatType":$products, "::mlir::FloatType":$sums,
                        FFTConv_CopiesParameter:$copies, FFTConv_MmaParameter:$mma);
  let assemblyFormat = [{ `<` `warps` `=` $warps `,` `values` `=` $values `,` `rows` `=` $rows `,` `stages` `=` $stages `,`
                          `products` `=` $products `,` `sums` `=` $sums `` custom<Choices>($copies, $mma) `` `>` }];
  let genVerifyDecl = 1;
}

def FFTConv_PlanAttr : FFTConv_Attr<"Plan", "plan"> {
  let summary = "how a long convolution will be computed";
  let description = [{
    M `points`, split into digits of the given `radices` (the first is the slowest digit of time), the `theta` of
    `z^M = theta`, the type in which stages keep their operands, and the chip that the plan was made for.

    Where there are `blocks`, the first radix is how many: that digit is not transformed. M is a number of blocks of points, which are convolved with each other where they are multiplied
    with the spectrum (fftconv/Monarch/Tables.h).

    - (P1) every radix is at least 1 and their product is `points`;
    - (P2) `compute` is f16, bf16 or f32;
    - (P3) `chip` is a chip of the table in `fftconv/Monarch/Chip.h`;
    - (P4) a `schedule` says how a GPU's kernel computes it; a CPU has none. Its products are done in the compute type or in f32;
    - (P5) `blocks`, 1 where it is not given, is 1 or the first of several radices and a power of two; then theta is i.

    A kernel whose compute type is f32 keeps each value as the sum of two f16, of which it multiplies three of the four products, and scales each row by a power of two.

    Inside an op, write an alias or `<...>` alone: after `#fftconv.plan<...>` MLIR takes the colon of the op's types for one of
    the attribute.

    Example:
    ```mlir
    #plan = #fftconv.plan<points = 1024, radices = [16, 8, 8], theta = i, compute = f32, chip = "cpu">
    ```
  }];
  let parameters = (ins "int64_t":$points, ArrayRefParameter<"int64_t">:$radices, EnumParameter<FFTConv_Theta>:$theta,
                        "::mlir::FloatType":$compute, StringRefParameter<>:$chip,
                        OptionalParameter<"ScheduleAttr">:$schedule, DefaultValuedParameter<"int64_t", "1">:$blocks);
  let assemblyFormat = [{ `<` (`blocks` `=` $blocks^ `,` ` `)? `points` `=` $points `,` `radices` `=` `[` $radices `]` `,` `theta` `=` $theta `,`
                          `compute` `=` $compute `,` `chip` `=` $chip (`,` `schedule` `=` $schedule^)? `>` }];
  let genVerifyDecl = 1;
}

def FFTConv_DirectAttr : FFTConv_Attr<"Direct", "direct"> {
  let summary = "how a convolution with a short filter will be computed, as Toeplitz products";
  let description = [{
    Time is cut into blocks of 16, and a block of y is the sum over d of a 16 x 16 Toeplitz matrix of taps times the block of x that lies d before it. A CTA has `warps` warps, and
    a warp walks over `blocks` blocks of 16 places at once, so that it reads each block of x once. Operands are of type `compute`, sums are f32.

    - (K1) warps is a power of two up to 32, blocks at least 1;
    - (K2) `compute` is f16 or bf16;
    - (K3) `chip` is a GPU of the table in `fftconv/Monarch/Chip.h`.
  }];
  let parameters = (ins "int64_t":$warps, "int64_t":$blocks, "::mlir::FloatType":$compute, StringRefParameter<>:$chip);
  let assemblyFormat = [{ `<` `warps` `=` $warps `,` `blocks` `=` $blocks `,` `compute` `=` $compute `,` `chip` `=` $chip `>` }];
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
    - (S3) theta is one only for circular convolutions, and blocks are only for causal ones.
  }];
  let parameters = (ins EnumParameter<FFTConv_Boundary>:$boundary, "int64_t":$length, "PlanAttr":$plan);
  let assemblyFormat = "`<` $boundary `,` `length` `=` $length `,` `plan` `=` $plan `>`";
  let genVerifyDecl = 1;
}

def FFTConv_LayoutAttr : FFTConv_Attr<"Layout", "layout"> {
  let summary = "where a tile's elements are";
  let description = [{
    In shared memory, in the order of the digits under the plan's swizzle, at a byte `offset` once that is allocated:

    ```
    shared
    shared 131072
    ```

    or on registers: the bits of digits (n: time, k: frequency, b: sequences of a CTA), lowest first, on the columns and rows of 16 x 16 tiles that
    a warp holds, on the tiles of a warp, on warps, and on the iterations of a warp's loop.

    ```
    columns = "n4.0-2" "n2.0", rows = "k1.0-3", tiles = "n2.1-2", warps = "n3.0-3", loop = "n4.3"
    ```

    A digit without bits (`"k2"`) is there as a whole: its radix is not a power of two.
  }];
  // Each piece as kind, index, digit, bit, frequency; empty in shared memory, where `offset` is -1 before allocation.
  let parameters = (ins ArrayRefParameter<"int64_t">:$pieces, "int64_t":$offset);
  let hasCustomAssemblyFormat = 1;
  let extraClassDeclaration = [{
    bool isShared() const { return getPieces().empty(); }
    static LayoutAttr get(::mlir::MLIRContext *context, const monarch::Layout &layout);
    static LayoutAttr getShared(::mlir::MLIRContext *context, int64_t offset = -1);
    /// The layout of a tile on registers, for a schedule's radices (digit 0 first).
    monarch::Layout getLayout(::llvm::ArrayRef<int64_t> radices) const;
    void printPieces(::mlir::AsmPrinter &printer) const;
    static ::mlir::FailureOr<LayoutAttr> parsePieces(::mlir::AsmParser &parser);
  }];
}

def FFTConv_TileType : TypeDef<FFTConv_Dialect, "Tile"> {
  let mnemonic = "tile";
  let summary = "the data of the sequences that a CTA works on, spread over its lanes or its shared memory";
  let description = [{
    M elements for each sequence: f16, bf16, f32, or complex of these (planes of real and imaginary parts), with a `#fftconv.layout` once
    it is assigned. In shared memory, f32 of a plan that computes in f32 are two planes of f16 whose sum they are; what `fftconv.copy_in` brings are rows as they were in memory.

    ```
    !fftconv.tile<f16, shared 131072>
    !fftconv.tile<complex<f16>, columns = "k4.0-3", rows = "k3.0-3", warps = "k2.0-2" "k1.0", loop = "k1.1-3">
    ```
  }];
  let parameters = (ins "::mlir::Type":$element, "LayoutAttr":$layout);
  let hasCustomAssemblyFormat = 1;
  let extraClassDeclaration = [{
    bool isComplex() const { return ::llvm::isa<::mlir::ComplexType>(getElement()); }
    /// f16, bf16 or f32.
    ::mlir::Type getReal() const;
    bool isShared() const { return getLayout() && getLayout().isShared(); }
  }];
}
def FFTConv_Tile : Type<CPred<"::llvm::isa<::fftconv::TileType>($_self)">, "tile", "::fftconv::TileType">;

#endif // FFTCONV_IR_ATTRS
