//===- MonarchOps.td - Ops of the monarch rung ----------------*- tablegen -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A transform as Monarch stages on tensors of digits. Numbering of digits starts at 1, the slowest digit of time; see
// fftconv/Monarch/Tables.h for the matrices. All stages are orthonormal, so 16-bit values keep their range.
//
//===----------------------------------------------------------------------===//

#ifndef FFTCONV_IR_MONARCH_OPS
#define FFTCONV_IR_MONARCH_OPS

def FFTConv_Digits : Type<
    CPred<"::fftconv::isDigits($_self)">,
    "tensor<...x r1 x ... x rp x T> of digits, T = f16, bf16, f32 or complex of one of them",
    "::mlir::RankedTensorType">;

def FFTConv_EmbedOp : FFTConv_Op<"embed"> {
  let summary = "rows of a signal as digits of a plan, gated and padded with zeros";
  let description = [{
    `x = pre_gate * u`, rounded to the element type of the result, padded with zeros from L to M points. With theta = i the result is
    real, tensor<BxHx digits xT>. With theta = one, rows 2b and 2b+1 travel as real and imaginary part of one complex row:
    tensor<ceil(B/2)xHx digits xcomplex<T>>, where the imaginary part of an odd last row is zero.

    - (E1) C1 and G1 hold;
    - (E2) the result has the digits of the plan, the heads of `u` and the rows described above;
    - (E3) L is at most the plan's points.

    Example:
    ```mlir
    #plan = #fftconv.plan<points = 128, radices = [16, 8], theta = i, compute = f32, chip = "cpu">
    func.func @embed(%u: tensor<3x2x100xf16>) -> tensor<3x2x16x8xf32> {
      %x = fftconv.embed %u by #plan : tensor<3x2x100xf16> -> tensor<3x2x16x8xf32>
      return %x : tensor<3x2x16x8xf32>
    }
    ```
  }];
  let arguments = (ins UnitAttr:$channels_last, FFTConv_Signal:$u, Optional<FFTConv_Signal>:$pre_gate, FFTConv_PlanAttr:$plan);
  let results = (outs FFTConv_Digits:$x);
  let assemblyFormat = [{
    (`channels_last` $channels_last^)? $u (`pre_gate` `(` $pre_gate^ `:` type($pre_gate) `)`)? `by` $plan attr-dict `:` type($u) `->` type($x)
  }];
  let hasVerifier = 1;
}

def FFTConv_EmbedFilterOp : FFTConv_Op<"embed_filter"> {
  let summary = "taps of a filter as digits of a plan, placed by lag";
  let description = [{
    The taps times sqrt(M), placed where the boundary wants them, a skip added at lag zero (see `fftconv.spectrum`). The result is real, or complex when
    there are taps of negative lag (boundary bidirectional and center > 0). Of J blocks, block m holds the taps of its lags times sqrt(M / J), and -i times those of the block before.

    - (F1) C2 and C4 hold for `k` and `center`, T3 for `skip`;
    - (F2) the result is tensor<Hx digits xf32>, or xcomplex<f32> exactly when there are taps of negative lag, or blocks.

    Example:
    ```mlir
    #plan = #fftconv.plan<points = 128, radices = [16, 8], theta = i, compute = f32, chip = "cpu">
    #both = #fftconv.spectrum<bidirectional, length = 100, plan = #plan>
    func.func @embed_filter(%k: tensor<2x7xf32>) -> tensor<2x16x8xcomplex<f32>> {
      %x = fftconv.embed_filter %k center 3 for #both
          : tensor<2x7xf32> -> tensor<2x16x8xcomplex<f32>>
      return %x : tensor<2x16x8xcomplex<f32>>
    }
    ```
  }];
  let arguments = (ins FFTConv_Filter:$k, Optional<FFTConv_Skip>:$skip, OptionalAttr<I64Attr>:$center,
                       FFTConv_SpectrumAttr:$spectrum);
  let results = (outs FFTConv_Digits:$x);
  let assemblyFormat = [{
    $k (`center` $center^)? (`skip` `(` $skip^ `:` type($skip) `)`)? `for` $spectrum attr-dict `:` type($k) `->` type($x)
  }];
  let hasVerifier = 1;
}

class FFTConv_StageOp<string mnemonic> : FFTConv_Op<mnemonic> {
  let arguments = (ins FFTConv_Digits:$x, I64Attr:$digit, UnitAttr:$inverse, FFTConv_PlanAttr:$plan);
  let results = (outs FFTConv_Digits:$y);
  let assemblyFormat = "(`inverse` $inverse^)? $x `digit` $digit `by` $plan attr-dict `:` type($x) `->` type($y)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def FFTConv_DftOp : FFTConv_StageOp<"dft"> {
  let summary = "discrete Fourier transform of one digit";
  let description = [{
    Contracts digit j of radix r with exp(-2 pi i k n / r) / sqrt(r), or its adjoint when `inverse`; at the first digit, which is digit 2 where digit 1 counts blocks, the weights of the
    plan's theta are part of the matrix. A real operand stands for a complex one without imaginary part, and a real result is the real
    part of the complex one: each halves the work. Operands are rounded to their type, sums are f32, and the result is rounded
    once to its type. A transform followed by its own inverse folds.

    - (D1) operand and result have the same shape, whose last dimensions are the plan's radices;
    - (D2) first digit <= digit <= number of radices;
    - (D3) only the forward transform of the first digit takes a real operand, only the inverse of the first digit gives a real result;
    - (D4) the last forward result may carry a `#fftconv.spectrum` encoding of the same plan.

    Example:
    ```mlir
    #plan = #fftconv.plan<points = 128, radices = [16, 8], theta = i, compute = f16, chip = "cpu">
    func.func @first(%x: tensor<3x2x16x8xf16>) -> tensor<3x2x16x8xcomplex<f32>> {
      %y = fftconv.dft %x digit 1 by #plan : tensor<3x2x16x8xf16> -> tensor<3x2x16x8xcomplex<f32>>
      return %y : tensor<3x2x16x8xcomplex<f32>>
    }
    ```
  }];
}

def FFTConv_TwiddleOp : FFTConv_StageOp<"twiddle"> {
  let summary = "factors between the transforms of two digits";
  let description = [{
    Multiplies with exp(-2 pi i n_j (k_1 P_1 + ... + k_(j-1) P_(j-1) - a) / (r_1 ... r_j)), P_i = r_1 ... r_(i-1), a = 1/4 for
    theta = i and 0 for theta = one, all without a digit that counts blocks; conjugated when `inverse`. It stands before the forward transform of digit j and after the inverse one.

    - (W1) operand and result are complex and of the same shape, whose last dimensions are the plan's radices;
    - (W2) first digit < digit <= number of radices.

    Example:
    ```mlir
    #plan = #fftconv.plan<points = 128, radices = [16, 8], theta = i, compute = f16, chip = "cpu">
    func.func @between(%x: tensor<3x2x16x8xcomplex<f32>>) -> tensor<3x2x16x8xcomplex<f16>> {
      %y = fftconv.twiddle %x digit 2 by #plan : tensor<3x2x16x8xcomplex<f32>> -> tensor<3x2x16x8xcomplex<f16>>
      return %y : tensor<3x2x16x8xcomplex<f16>>
    }
    ```
  }];
}

def FFTConv_SpectrumProductOp : FFTConv_Op<"spectrum_product"> {
  let summary = "elementwise product of transformed rows with their head's spectrum";
  let description = [{
    y[b, h, f] = x[b, h, f] * spectrum[h, f], in f32, rounded once to the type of the result. Of blocks y[b, h, j, f] is the sum of x[b, h, i, f] * spectrum[h, j - i, f] over i <= j.

    - (M1) `x` and the result are complex, tensor<BxHx digits x...>, of the same shape;
    - (M2) the spectrum has the heads and digits of `x`.

    Example:
    ```mlir
    #plan = #fftconv.plan<points = 128, radices = [16, 8], theta = i, compute = f32, chip = "cpu">
    #causal = #fftconv.spectrum<causal, length = 100, plan = #plan>
    func.func @product(%x: tensor<?x2x16x8xcomplex<f32>>, %s: tensor<2x16x8xcomplex<f32>, #causal>)
        -> tensor<?x2x16x8xcomplex<f32>> {
      %y = fftconv.spectrum_product %x, %s
          : tensor<?x2x16x8xcomplex<f32>>, tensor<2x16x8xcomplex<f32>, #causal> -> tensor<?x2x16x8xcomplex<f32>>
      return %y : tensor<?x2x16x8xcomplex<f32>>
    }
    ```
  }];
  let arguments = (ins FFTConv_Digits:$x, FFTConv_SpectrumTensor:$spectrum);
  let results = (outs FFTConv_Digits:$y);
  let assemblyFormat = "$x `,` $spectrum attr-dict `:` type($x) `,` type($spectrum) `->` type($y)";
  let hasVerifier = 1;
}

def FFTConv_ProjectOp : FFTConv_RowsOp<"project"> {
  let summary = "digits back to rows, cropped, with skip and gate applied";
  let description = [{
    `y = post_gate * (c + skip * pre_gate * u)`, where c is the convolution that the digits hold:

    - theta = one: real and imaginary parts are rows 2b and 2b+1;
    - theta = i, causal or bidirectional: the first L points of the real part;
    - theta = i, circular: c[n] = w[n] + w[n + L], where w is the real part followed by the imaginary part (the tail).

    - (R1) C1, G1 and G2 hold for `u`, gates and skip;
    - (R2) `x` has the rows that `fftconv.embed` makes of `u`, and the digits of the spectrum's plan;
    - (R3) `x` is real where only the real part is used, complex otherwise;
    - (R4) the length of `u` is the spectrum's.

    Example:
    ```mlir
    #plan = #fftconv.plan<points = 128, radices = [16, 8], theta = i, compute = f32, chip = "cpu">
    #causal = #fftconv.spectrum<causal, length = 100, plan = #plan>
    func.func @project(%x: tensor<3x2x16x8xf32>, %u: tensor<3x2x100xf16>, %d: tensor<2xf32>) -> tensor<3x2x100xf16> {
      %y = fftconv.project %x, %u skip(%d : tensor<2xf32>) for #causal
          : tensor<3x2x16x8xf32>, tensor<3x2x100xf16>
      return %y : tensor<3x2x100xf16>
    }
    ```
  }];
  let arguments = (ins UnitAttr:$channels_last, FFTConv_Digits:$x, FFTConv_Signal:$u, Optional<FFTConv_Signal>:$pre_gate,
                       Optional<FFTConv_Signal>:$post_gate, Optional<FFTConv_Skip>:$skip, FFTConv_SpectrumAttr:$spectrum);
  let results = (outs FFTConv_Signal:$y);
  let assemblyFormat = [{
    (`channels_last` $channels_last^)? $x `,` $u (`pre_gate` `(` $pre_gate^ `:` type($pre_gate) `)`)?
    (`post_gate` `(` $post_gate^ `:` type($post_gate) `)`)? (`skip` `(` $skip^ `:` type($skip) `)`)?
    `for` $spectrum attr-dict `:` type($x) `,` type($u)
  }];
  let hasVerifier = 1;
}

#endif // FFTCONV_IR_MONARCH_OPS
