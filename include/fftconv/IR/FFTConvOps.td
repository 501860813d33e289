//===- FFTConvOps.td - Ops of the conv and plan rungs ---------*- tablegen -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The convolution, and its two halves once the filter's transform is split off. The ops of the monarch rung are in
// MonarchOps.td. Constraints are numbered; verifiers and tests cite the numbers.
//
//===----------------------------------------------------------------------===//

#ifndef FFTCONV_IR_OPS
#define FFTCONV_IR_OPS

include "fftconv/IR/FFTConvAttrs.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class FFTConv_Op<string mnemonic, list<Trait> traits = []>
    : Op<FFTConv_Dialect, mnemonic, !listconcat([Pure], traits)>;

/// Ops whose result has the type, and so the sizes, of `u`.
class FFTConv_RowsOp<string mnemonic>
    : FFTConv_Op<mnemonic, [AttrSizedOperandSegments, AllTypesMatch<["u", "y"]>,
                            DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, ["reifyResultShapes"]>]> {
  let extraClassDefinition = [{
    ::llvm::LogicalResult $cppClass::reifyResultShapes(::mlir::OpBuilder &builder,
                                                       ::mlir::ReifiedRankedShapedTypeDims &sizes) {
      sizes = {::mlir::tensor::getMixedSizes(builder, getLoc(), getU())};
      return ::mlir::success();
    }
  }];
}

class FFTConv_Tensor<list<Type> types, list<int> ranks, string form>
    : TensorRankOf<types, ranks> { let summary = form; }

def FFTConv_Signal : FFTConv_Tensor<[F16, BF16, F32], [3], "tensor<BxHxLxT>, or tensor<BxLxHxT> where channels are last, with T = f16, bf16 or f32">;
def FFTConv_Filter : FFTConv_Tensor<[F32], [2], "tensor<HxKxf32>">;
def FFTConv_Skip : FFTConv_Tensor<[F32], [1], "tensor<Hxf32>">;
def FFTConv_SpectrumTensor : Type<
    CPred<"::llvm::isa<::mlir::RankedTensorType>($_self) && ::llvm::isa_and_nonnull<::fftconv::SpectrumAttr>("
          "::llvm::cast<::mlir::RankedTensorType>($_self).getEncoding())">,
    "tensor of a spectrum, with a #fftconv.spectrum encoding", "::mlir::RankedTensorType">;

// Constraints on the operands that multiply around a convolution, shared by all ops that read them.
defvar FFTConv_GateConstraints = [{
    - (G1) a gate has the type of `u`;
    - (G2) `skip` is tensor<Hxf32>.

}];

def FFTConv_ConvOp : FFTConv_RowsOp<"conv"> {
  let summary = "long convolution of every row with its head's filter";
  let description = !strconcat([{
    With `x = pre_gate * u` (a missing gate is 1, a missing skip is 0):

        y[b, h, n] = post_gate[b, h, n] * (sum over j of k[h, j] x[b, h, n - lag(j)] + skip[h] x[b, h, n])

    where `boundary` says what lag(j) is and what x means outside [0, L). K < L, K = L and K > L all mean what the formula
    says; `circular` wraps a filter longer than L by addition. With `channels_last` u, gates and y are [B, L, H] instead of [B, H, L]; such rows are
    `turned`, once planned so, by kernels of their own before and after one that computes [B, H, L].

    - (C1) `u` is tensor<BxHxLxT> (tensor<BxLxHxT> with `channels_last`), T = f16, bf16 or f32; B may be dynamic, H and L are static, none is zero;
    - (C2) `k` is tensor<HxKxf32>, static, K at least 1;
    - (C3) `u` and `k` have the same number of heads;
    - (C4) `center`, the index of the tap of lag zero, is given exactly when the boundary is bidirectional, and lies in [0, K);
    - (C5) a `plan`, once chosen, satisfies S2 and S3 of `#fftconv.spectrum`;
    - (C6) what is computed directly (`direct`) has no plan, is not circular, not `channels_last` unless it is `turned`, and is of the type it is computed in;
    - (C7) what is `turned` is `channels_last` and has a plan with a schedule, or is computed directly.
    }], FFTConv_GateConstraints, [{
    Example:
    ```mlir
    func.func @gated(%u: tensor<?x2x100xf16>, %k: tensor<2x300xf32>, %g: tensor<?x2x100xf16>,
                     %d: tensor<2xf32>) -> tensor<?x2x100xf16> {
      %y = fftconv.conv causal %u, %k post_gate(%g : tensor<?x2x100xf16>) skip(%d : tensor<2xf32>)
          : tensor<?x2x100xf16>, tensor<2x300xf32>
      return %y : tensor<?x2x100xf16>
    }
    ```
  }]);
  let arguments = (ins FFTConv_BoundaryAttr:$boundary, UnitAttr:$channels_last, UnitAttr:$turned, FFTConv_Signal:$u, FFTConv_Filter:$k,
                       Optional<FFTConv_Signal>:$pre_gate, Optional<FFTConv_Signal>:$post_gate,
                       Optional<FFTConv_Skip>:$skip, OptionalAttr<I64Attr>:$center, OptionalAttr<FFTConv_PlanAttr>:$plan,
                       OptionalAttr<FFTConv_DirectAttr>:$direct);
  let results = (outs FFTConv_Signal:$y);
  let assemblyFormat = [{
    `` $boundary (`channels_last` $channels_last^)? (`turned` $turned^)? $u `,` $k (`center` $center^)? (`pre_gate` `(` $pre_gate^ `:` type($pre_gate) `)`)?
    (`post_gate` `(` $post_gate^ `:` type($post_gate) `)`)? (`skip` `(` $skip^ `:` type($skip) `)`)?
    (`plan` $plan^)? (`direct` $direct^)? attr-dict `:` type($u) `,` type($k)
  }];
  let hasVerifier = 1;
  let hasCanonicalizer = 1;
  let hasFolder = 1;
  let extraClassDeclaration = [{
    int64_t getHeads() { return getU().getType().getDimSize(getChannelsLast() ? 2 : 1); }
    int64_t getLength() { return getU().getType().getDimSize(getChannelsLast() ? 1 : 2); }
    int64_t getTaps() { return getK().getType().getDimSize(1); }
  }];
}

class FFTConv_Buffer<list<Type> types, list<int> ranks> : StridedMemRefRankOf<types, ranks>;
def FFTConv_SignalBuffer : FFTConv_Buffer<[F16, BF16, F32], [3]>;
def FFTConv_FilterBuffer : FFTConv_Buffer<[F32], [2]>;
def FFTConv_SkipBuffer : FFTConv_Buffer<[F32], [1]>;

def FFTConv_ConvBuffersOp : Op<FFTConv_Dialect, "conv_buffers", [AttrSizedOperandSegments]> {
  let summary = "fftconv.conv on buffers, what it bufferizes to";
  let description = [{
    Reads all of its operands and writes `y`, which must not overlap them. `fftconv-buffers-to-tensors`, with which pipelines begin, makes `fftconv.conv` of it again.

    - (U1) C1 to C4 hold for buffers as they do for tensors, and gates and `y` have the shape and elements of `u`;
    - (U2) `skip` is memref<Hxf32>.

    Example:
    ```mlir
    func.func @gated(%u: memref<4x2x100xf16>, %k: memref<2x300xf32>, %y: memref<4x2x100xf16>) {
      fftconv.conv_buffers causal %u, %k into %y : memref<4x2x100xf16>, memref<2x300xf32>, memref<4x2x100xf16>
      return
    }
    ```
  }];
  let arguments = (ins FFTConv_BoundaryAttr:$boundary, UnitAttr:$channels_last,
                       Arg<FFTConv_SignalBuffer, "rows", [MemRead]>:$u, Arg<FFTConv_FilterBuffer, "filters", [MemRead]>:$k,
                       Arg<Optional<FFTConv_SignalBuffer>, "gate before", [MemRead]>:$pre_gate,
                       Arg<Optional<FFTConv_SignalBuffer>, "gate after", [MemRead]>:$post_gate,
                       Arg<Optional<FFTConv_SkipBuffer>, "skip", [MemRead]>:$skip,
                       Arg<FFTConv_SignalBuffer, "results", [MemWrite]>:$y, OptionalAttr<I64Attr>:$center);
  let assemblyFormat = [{
    `` $boundary (`channels_last` $channels_last^)? $u `,` $k (`center` $center^)? (`pre_gate` `(` $pre_gate^ `:` type($pre_gate) `)`)?
    (`post_gate` `(` $post_gate^ `:` type($post_gate) `)`)? (`skip` `(` $skip^ `:` type($skip) `)`)? `into` $y attr-dict
    `:` type($u) `,` type($k) `,` type($y)
  }];
  let hasVerifier = 1;
}

def FFTConv_SpectrumOp : FFTConv_Op<"spectrum"> {
  let summary = "transform of a filter, in the digit order of a plan";
  let description = [{
    The spectrum that `fftconv.spectral_conv` multiplies with, scaled so that orthonormal transforms around it give the
    convolution. It is computed in f32 arithmetic and rounded once to the plan's compute type. Boundary, length and
    plan are those of the result type. Taps that cannot reach an output are dropped, circular filters are
    wrapped, and taps of negative lag -m sit at index M - m with weight -i (since z^-m = -i z^(M-m) when z^M = i).

    A `skip` is added to the tap of lag zero: a convolution with a skip connection is one with another filter.

    - (T1) C2 and C4 hold for `k` and `center`;
    - (T2) the result has a `#fftconv.spectrum` encoding and as many heads as `k`;
    - (T3) `skip` is one f32 for each head.

    Example:
    ```mlir
    #plan = #fftconv.plan<points = 128, radices = [16, 8], theta = i, compute = f16, chip = "cpu">
    #causal = #fftconv.spectrum<causal, length = 100, plan = #plan>
    func.func @prepare(%k: tensor<2x300xf32>) -> tensor<2x16x8xcomplex<f16>, #causal> {
      %s = fftconv.spectrum %k : tensor<2x300xf32> -> tensor<2x16x8xcomplex<f16>, #causal>
      return %s : tensor<2x16x8xcomplex<f16>, #causal>
    }
    ```
  }];
  let arguments = (ins FFTConv_Filter:$k, Optional<FFTConv_Skip>:$skip, OptionalAttr<I64Attr>:$center);
  let results = (outs FFTConv_SpectrumTensor:$spectrum);
  let assemblyFormat = [{
    $k (`center` $center^)? (`skip` `(` $skip^ `:` type($skip) `)`)? attr-dict `:` type($k) `->` type($spectrum)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{ SpectrumAttr getEncoding(); }];
}

def FFTConv_SpectralConvOp : FFTConv_RowsOp<"spectral_conv"> {
  let summary = "long convolution with a filter whose spectrum is known";
  let description = !strconcat([{
    What `fftconv.conv` computes, given the spectrum of the filter instead of its taps. Boundary and plan are those of
    the spectrum's type.

    - (V1) C1 holds for `u`;
    - (V2) the spectrum has as many heads as `u` and was made for its length.
    }], FFTConv_GateConstraints, [{
    Example:
    ```mlir
    #plan = #fftconv.plan<points = 128, radices = [16, 8], theta = i, compute = f16, chip = "cpu">
    #causal = #fftconv.spectrum<causal, length = 100, plan = #plan>
    func.func @run(%u: tensor<?x2x100xf16>, %s: tensor<2x16x8xcomplex<f16>, #causal>) -> tensor<?x2x100xf16> {
      %y = fftconv.spectral_conv %u, %s : tensor<?x2x100xf16>, tensor<2x16x8xcomplex<f16>, #causal>
      return %y : tensor<?x2x100xf16>
    }
    ```
  }]);
  let arguments = (ins UnitAttr:$channels_last, FFTConv_Signal:$u, FFTConv_SpectrumTensor:$spectrum, Optional<FFTConv_Signal>:$pre_gate,
                       Optional<FFTConv_Signal>:$post_gate, Optional<FFTConv_Skip>:$skip);
  let results = (outs FFTConv_Signal:$y);
  let assemblyFormat = [{
    (`channels_last` $channels_last^)? $u `,` $spectrum (`pre_gate` `(` $pre_gate^ `:` type($pre_gate) `)`)?
    (`post_gate` `(` $post_gate^ `:` type($post_gate) `)`)? (`skip` `(` $skip^ `:` type($skip) `)`)?
    attr-dict `:` type($u) `,` type($spectrum)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{ SpectrumAttr getEncoding(); }];
}

def FFTConv_TurnOp : FFTConv_Op<"turn", [DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, ["reifyResultShapes"]>]> {
  let summary = "rows whose channels are last, turned to rows whose time is last, or back";
  let description = [{
    Turns [B, L, H] to [B, H, L], or `back` with it:

        y[b, h, n] = gate[b, n, h] x[b, n, h]        or        y[b, n, h] = gate[b, n, h] x[b, h, n]

    where a missing gate is 1. A gate has its channels last always. `chip` is that of the kernel that does it.

    - (E1) `y` has the sizes of `x` but for the last two, which have changed places, and its elements; all but the first are static;
    - (E2) `gate` has the type of the one whose channels are last.

    Example:
    ```mlir
    func.func @turn(%u: tensor<?x4096x768xf16>, %g: tensor<?x4096x768xf16>) -> tensor<?x768x4096xf16> {
      %y = fftconv.turn %u gate(%g : tensor<?x4096x768xf16>) on "sm_90" : tensor<?x4096x768xf16> -> tensor<?x768x4096xf16>
      return %y : tensor<?x768x4096xf16>
    }
    ```
  }];
  let arguments = (ins UnitAttr:$back, FFTConv_Signal:$x, Optional<FFTConv_Signal>:$gate, StrAttr:$chip);
  let results = (outs FFTConv_Signal:$y);
  let assemblyFormat = [{
    (`back` $back^)? $x (`gate` `(` $gate^ `:` type($gate) `)`)? `on` $chip attr-dict `:` type($x) `->` type($y)
  }];
  let hasVerifier = 1;
  let hasFolder = 1;
}

include "fftconv/IR/MonarchOps.td"
include "fftconv/IR/KernelOps.td"

#endif // FFTCONV_IR_OPS
