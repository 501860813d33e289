//===- KernelOps.td - Ops of the kernel rung ------------------*- tablegen -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A fused kernel as a list of tile ops in a gpu.func. A tile is all the data of the sequences that a CTA works on; its type says where
// in the machine each element is (fftconv/Monarch/Layout.h). The list reads from top to bottom as the kernel's schedule.
//
//===----------------------------------------------------------------------===//

#ifndef FFTCONV_IR_KERNEL_OPS
#define FFTCONV_IR_KERNEL_OPS

class FFTConv_KernelOp<string mnemonic, list<Trait> traits = []> : Op<FFTConv_Dialect, mnemonic, traits>;

def FFTConv_Rows : MemRefRankOf<[F16, BF16, F32], [3]> {
  let summary = "memref<BxHxLxT> (memref<BxLxHxT> where channels are last), rows of a signal, of any stride but in the last dimension";
}
def FFTConv_SpectrumBuffer : MemRefRankOf<[F16, BF16, F32], [2]> {
  let summary = "memref<Hx2MxT>, spectra in the order in which lanes read them; of f32, a few more, of which the first is the power of two that "
                "the others are to be multiplied with";
}

def FFTConv_GroupsOp : FFTConv_KernelOp<"groups", [NoTerminator, SingleBlock]> {
  let summary = "the loop of a CTA over groups of batch rows";
  let description = [{
    A CTA keeps one head, blockIdx.x, and takes every gridDim.y-th group of `rows` batch rows of it (pairs of rows where theta is one), beginning with group blockIdx.y. The body is what
    it does with one group; a last group may have fewer rows.

    With `channels_last` the rows are those of `rows` neighbouring heads of one batch row (pair of rows) instead, beginning with head blockIdx.x * rows, and the loop goes over batch rows.

    Where warps wait for rows, not for each other, between phases, `mbarriers` says where in shared memory those lie by which they do, once that is allocated: one for each
    phase and each step of rows. Where warpgroups multiply, `matrices` says where those lie that they multiply by.

    - (N1) the body holds tile ops only, the first of which, barriers apart, is `fftconv.copy_in`; `rows` is at least 1;
    - (N2) it stands in a `gpu.func`.

    Example, with all ops that may stand in the body:
    ```mlir
    #schedule = #fftconv.schedule<warps = 8, values = 32, rows = 8, stages = 2, products = f16, sums = f32>
    #plan = #fftconv.plan<points = 256, radices = [16, 16], theta = i, compute = f16, chip = "sm_90", schedule = #schedule>
    gpu.module @f_kernels {
      gpu.func @conv0(%arg0: memref<?x2x100xf16>, %arg1: memref<2x512xf16>, %arg2: memref<?x2x100xf16>, %arg3: memref<?x2x100xf16>) kernel attributes {fftconv.shared_bytes = 12288 : i64, known_block_size = array<i32: 256, 1, 1>} {
        fftconv.groups of %arg0 rows 8 : memref<?x2x100xf16> {
          %0 = fftconv.copy_in ahead %arg0 by #plan : memref<?x2x100xf16> -> <f16, shared 4096>
          %1 = fftconv.copy_in ahead %arg2 by #plan : memref<?x2x100xf16> -> <f16, shared 8192>
          fftconv.barrier warp
          %2 = fftconv.relayout %0 by #plan : <f16, shared 4096> -> <f16, columns = "n1.0-3", rows = "n2.0-3", warps = "b.0-2">
          fftconv.barrier warp
          fftconv.prefetch %0 : <f16, shared 4096>
          %3 = fftconv.relayout %1 by #plan : <f16, shared 8192> -> <f16, columns = "n1.0-3", rows = "n2.0-3", warps = "b.0-2">
          fftconv.barrier warp
          fftconv.prefetch %1 : <f16, shared 8192>
          %4 = fftconv.tile_gate %2, %3 : <f16, columns = "n1.0-3", rows = "n2.0-3", warps = "b.0-2">, <f16, columns = "n1.0-3", rows = "n2.0-3", warps = "b.0-2"> -> <f16, columns = "n1.0-3", rows = "n2.0-3", warps = "b.0-2">
          %5 = fftconv.tile_dft left %4 digit 1 by #plan : <f16, columns = "n1.0-3", rows = "n2.0-3", warps = "b.0-2"> -> <complex<f16>, columns = "n2.0-3", rows = "k1.0-3", warps = "b.0-2">
          %6 = fftconv.tile_twiddle %5 digit 2 pairs [1, 2] by #plan : <complex<f16>, columns = "n2.0-3", rows = "k1.0-3", warps = "b.0-2"> -> <complex<f16>, columns = "n2.0-3", rows = "k1.0-3", warps = "b.0-2">
          %7 = fftconv.tile_dft right %6 digit 2 by #plan : <complex<f16>, columns = "n2.0-3", rows = "k1.0-3", warps = "b.0-2"> -> <complex<f16>, columns = "k2.0-3", rows = "k1.0-3", warps = "b.0-2">
          %8 = fftconv.tile_product %7, %arg1 by #plan : <complex<f16>, columns = "k2.0-3", rows = "k1.0-3", warps = "b.0-2">, memref<2x512xf16> -> <complex<f16>, columns = "k2.0-3", rows = "k1.0-3", warps = "b.0-2">
          %9 = fftconv.tile_dft left inverse %8 digit 2 by #plan : <complex<f16>, columns = "k2.0-3", rows = "k1.0-3", warps = "b.0-2"> -> <complex<f16>, columns = "k1.0-3", rows = "n2.0-3", warps = "b.0-2">
          %10 = fftconv.tile_twiddle inverse %9 digit 2 pairs [1, 2] by #plan : <complex<f16>, columns = "k1.0-3", rows = "n2.0-3", warps = "b.0-2"> -> <complex<f16>, columns = "k1.0-3", rows = "n2.0-3", warps = "b.0-2">
          %11 = fftconv.tile_dft left inverse %10 digit 1 by #plan : <complex<f16>, columns = "k1.0-3", rows = "n2.0-3", warps = "b.0-2"> -> <f16, columns = "n2.0-3", rows = "n1.0-3", warps = "b.0-2">
          %12 = fftconv.relayout %11 by #plan : <f16, columns = "n2.0-3", rows = "n1.0-3", warps = "b.0-2"> -> <f16, shared 0>
          fftconv.barrier warp
          fftconv.copy_out %12, %arg3 by #plan : <f16, shared 0>, memref<?x2x100xf16>
        }
        gpu.return
      }
    }
    ```
  }];
  let arguments = (ins UnitAttr:$channels_last, FFTConv_Rows:$u, ConfinedAttr<I64Attr, [IntMinValue<1>]>:$rows,
                       DefaultValuedAttr<I64Attr, "-1">:$mbarriers, DefaultValuedAttr<I64Attr, "-1">:$matrices);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "(`channels_last` $channels_last^)? `of` $u `rows` $rows attr-dict `:` type($u) $body";
  let extraClassDeclaration = [{
    int64_t getHeads() { return getU().getType().getDimSize(getChannelsLast() ? 2 : 1); }
    int64_t getLength() { return getU().getType().getDimSize(getChannelsLast() ? 1 : 2); }
    /// What brings the rows.
    CopyInOp getInput();
    PlanAttr getPlan();
    /// Bytes of a tile of this group in shared memory.
    int64_t getTileBytes(TileType tile);
  }];
  let hasVerifier = 1;
}

def FFTConv_CopyInOp : FFTConv_KernelOp<"copy_in"> {
  let summary = "the rows of a group, brought to shared memory and padded with zeros to M points";
  let description = [{
    Asynchronous copies, of 16 bytes where the length allows; the result is there once they have arrived. With `ahead` they were started
    before: by `fftconv.prefetch` as many turns before as the plan has stages but one, or before the first turn. Then it lies in a ring of as many buffers. Bulk
    copies, where the plan's schedule wants them, are counted by `mbarriers`, which lie at an offset in shared memory once that is allocated.

    Where theta is one, rows 2b and 2b + 1 are the real and imaginary parts of row b; a last one without partner has zeros beside it.

    Where channels are last the copies go through registers, where rows are turned and multiplied with the `gate`; rows that have a gate go there, too, where the schedule has one stage of input, so that the gate takes
    no shared memory.

    - (I2) there is a gate only where channels are last or the schedule has one stage of input, and it has the type of `u`;
    - (I1) the result is a real tile, complex where theta is one; in shared memory once layouts are assigned.
  }];
  let arguments = (ins FFTConv_Rows:$u, Optional<FFTConv_Rows>:$gate, FFTConv_PlanAttr:$plan, UnitAttr:$ahead,
                       DefaultValuedAttr<I64Attr, "-1">:$mbarriers);
  let results = (outs FFTConv_Tile:$tile);
  let assemblyFormat = [{
    (`ahead` $ahead^)? $u (`gate` `(` $gate^ `:` type($gate) `)`)? `by` $plan (`mbarriers` $mbarriers^)? attr-dict `:` type($u) `->` type($tile)
  }];
  let hasVerifier = 1;
}

def FFTConv_TileNormalizeOp : FFTConv_KernelOp<"tile_normalize"> {
  let summary = "rows of f32, multiplied with a gate, scaled by powers of two and split into pairs of f16";
  let description = [{
    Each row is scaled so that its greatest magnitude lies between 32 and 64, and kept as hi + lo, two f16. No stage of an orthonormal transform makes more than sqrt(M) times that of
    it, which f16 holds for all M of one pass. `fftconv.copy_out` takes the scale back; between the two it lies in shared memory, at `scales`, or in a warp that owns
    the row. The gate is read from memory, once.

    - (J1) operand and result are tiles of f32 in shared memory once layouts are assigned, of the same element type.

    Example:
    ```mlir
    #schedule = #fftconv.schedule<warps = 8, values = 32, rows = 8, stages = 2, products = f32, sums = f32>
    #plan = #fftconv.plan<points = 256, radices = [16, 16], theta = i, compute = f32, chip = "sm_90", schedule = #schedule>
    gpu.module @f_kernels {
      gpu.func @conv1(%arg0: memref<?x2x100xf32, strided<[?, ?, 1]>>, %arg1: memref<2x520xf32>, %arg2: memref<?x2x100xf32, strided<[?, ?, 1]>>) kernel attributes {fftconv.shared_bytes = 16416 : i64, known_block_size = array<i32: 256, 1, 1>} {
        fftconv.groups of %arg0 rows 8 : memref<?x2x100xf32, strided<[?, ?, 1]>> {
          %0 = fftconv.copy_in ahead %arg0 by #plan : memref<?x2x100xf32, strided<[?, ?, 1]>> -> <f32, shared 8192>
          %1 = fftconv.tile_normalize %0 by #plan scales 16384 : <f32, shared 8192> -> <f32, shared 0>
          fftconv.prefetch %0 : <f32, shared 8192>
          fftconv.barrier warp
          %2 = fftconv.relayout %1 by #plan : <f32, shared 0> -> <f32, columns = "n1.0-3", rows = "n2.0-3", warps = "b.0-2">
          %3 = fftconv.tile_dft left %2 digit 1 by #plan : <f32, columns = "n1.0-3", rows = "n2.0-3", warps = "b.0-2"> -> <complex<f32>, columns = "n2.0-3", rows = "k1.0-3", warps = "b.0-2">
          %4 = fftconv.tile_twiddle %3 digit 2 pairs [1, 2] by #plan : <complex<f32>, columns = "n2.0-3", rows = "k1.0-3", warps = "b.0-2"> -> <complex<f32>, columns = "n2.0-3", rows = "k1.0-3", warps = "b.0-2">
          %5 = fftconv.tile_dft right %4 digit 2 by #plan : <complex<f32>, columns = "n2.0-3", rows = "k1.0-3", warps = "b.0-2"> -> <complex<f32>, columns = "k2.0-3", rows = "k1.0-3", warps = "b.0-2">
          %6 = fftconv.tile_product %5, %arg1 by #plan : <complex<f32>, columns = "k2.0-3", rows = "k1.0-3", warps = "b.0-2">, memref<2x520xf32> -> <complex<f32>, columns = "k2.0-3", rows = "k1.0-3", warps = "b.0-2">
          %7 = fftconv.tile_dft left inverse %6 digit 2 by #plan : <complex<f32>, columns = "k2.0-3", rows = "k1.0-3", warps = "b.0-2"> -> <complex<f32>, columns = "k1.0-3", rows = "n2.0-3", warps = "b.0-2">
          %8 = fftconv.tile_twiddle inverse %7 digit 2 pairs [1, 2] by #plan : <complex<f32>, columns = "k1.0-3", rows = "n2.0-3", warps = "b.0-2"> -> <complex<f32>, columns = "k1.0-3", rows = "n2.0-3", warps = "b.0-2">
          %9 = fftconv.tile_dft left inverse %8 digit 1 by #plan : <complex<f32>, columns = "k1.0-3", rows = "n2.0-3", warps = "b.0-2"> -> <f32, columns = "n2.0-3", rows = "n1.0-3", warps = "b.0-2">
          fftconv.barrier warp
          %10 = fftconv.relayout %9 by #plan : <f32, columns = "n2.0-3", rows = "n1.0-3", warps = "b.0-2"> -> <f32, shared 0>
          fftconv.barrier warp
          fftconv.copy_out %10, %arg2 by #plan : <f32, shared 0>, memref<?x2x100xf32, strided<[?, ?, 1]>>
        }
        gpu.return
      }
    }
    ```
  }];
  let arguments = (ins FFTConv_Tile:$x, Optional<FFTConv_Rows>:$gate, FFTConv_PlanAttr:$plan, DefaultValuedAttr<I64Attr, "-1">:$scales);
  let results = (outs FFTConv_Tile:$y);
  let assemblyFormat = [{
    $x (`gate` `(` $gate^ `:` type($gate) `)`)? `by` $plan (`scales` $scales^)? attr-dict `:` type($x) `->` type($y)
  }];
  let hasVerifier = 1;
}

def FFTConv_TileConvertOp : FFTConv_KernelOp<"tile_convert"> {
  let summary = "a tile rounded to another 16-bit type";
  let description = [{
    What f16 does not hold becomes infinite.

    - (Y1) operand and result have the same layout, and are both real or both complex.

    Example:
    ```mlir
    #schedule = #fftconv.schedule<warps = 8, values = 32, rows = 8, stages = 2, products = f16, sums = f32>
    #plan = #fftconv.plan<points = 256, radices = [16, 16], theta = i, compute = f16, chip = "sm_90", schedule = #schedule>
    gpu.module @f_kernels {
      gpu.func @conv1(%arg0: memref<?x2x100xbf16, strided<[?, ?, 1]>>, %arg1: memref<2x512xf16>, %arg2: memref<?x2x100xbf16, strided<[?, ?, 1]>>) kernel attributes {fftconv.shared_bytes = 8192 : i64, known_block_size = array<i32: 256, 1, 1>} {
        fftconv.groups of %arg0 rows 8 : memref<?x2x100xbf16, strided<[?, ?, 1]>> {
          %0 = fftconv.copy_in ahead %arg0 by #plan : memref<?x2x100xbf16, strided<[?, ?, 1]>> -> <bf16, shared 4096>
          fftconv.barrier warp
          %1 = fftconv.relayout %0 by #plan : <bf16, shared 4096> -> <bf16, columns = "n1.0-3", rows = "n2.0-3", warps = "b.0-2">
          fftconv.barrier warp
          fftconv.prefetch %0 : <bf16, shared 4096>
          %2 = fftconv.tile_convert %1 : <bf16, columns = "n1.0-3", rows = "n2.0-3", warps = "b.0-2"> -> <f16, columns = "n1.0-3", rows = "n2.0-3", warps = "b.0-2">
          %3 = fftconv.tile_dft left %2 digit 1 by #plan : <f16, columns = "n1.0-3", rows = "n2.0-3", warps = "b.0-2"> -> <complex<f16>, columns = "n2.0-3", rows = "k1.0-3", warps = "b.0-2">
          %4 = fftconv.tile_twiddle %3 digit 2 pairs [1, 2] by #plan : <complex<f16>, columns = "n2.0-3", rows = "k1.0-3", warps = "b.0-2"> -> <complex<f16>, columns = "n2.0-3", rows = "k1.0-3", warps = "b.0-2">
          %5 = fftconv.tile_dft right %4 digit 2 by #plan : <complex<f16>, columns = "n2.0-3", rows = "k1.0-3", warps = "b.0-2"> -> <complex<f16>, columns = "k2.0-3", rows = "k1.0-3", warps = "b.0-2">
          %6 = fftconv.tile_product %5, %arg1 by #plan : <complex<f16>, columns = "k2.0-3", rows = "k1.0-3", warps = "b.0-2">, memref<2x512xf16> -> <complex<f16>, columns = "k2.0-3", rows = "k1.0-3", warps = "b.0-2">
          %7 = fftconv.tile_dft left inverse %6 digit 2 by #plan : <complex<f16>, columns = "k2.0-3", rows = "k1.0-3", warps = "b.0-2"> -> <complex<f16>, columns = "k1.0-3", rows = "n2.0-3", warps = "b.0-2">
          %8 = fftconv.tile_twiddle inverse %7 digit 2 pairs [1, 2] by #plan : <complex<f16>, columns = "k1.0-3", rows = "n2.0-3", warps = "b.0-2"> -> <complex<f16>, columns = "k1.0-3", rows = "n2.0-3", warps = "b.0-2">
          %9 = fftconv.tile_dft left inverse %8 digit 1 by #plan : <complex<f16>, columns = "k1.0-3", rows = "n2.0-3", warps = "b.0-2"> -> <bf16, columns = "n2.0-3", rows = "n1.0-3", warps = "b.0-2">
          %10 = fftconv.relayout %9 by #plan : <bf16, columns = "n2.0-3", rows = "n1.0-3", warps = "b.0-2"> -> <bf16, shared 0>
          fftconv.barrier warp
          fftconv.copy_out %10, %arg2 by #plan : <bf16, shared 0>, memref<?x2x100xbf16, strided<[?, ?, 1]>>
        }
        gpu.return
      }
    }
    ```
  }];
  let arguments = (ins FFTConv_Tile:$x);
  let results = (outs FFTConv_Tile:$y);
  let assemblyFormat = "$x attr-dict `:` type($x) `->` type($y)";
  let hasVerifier = 1;
}

def FFTConv_PrefetchOp : FFTConv_KernelOp<"prefetch"> {
  let summary = "starts the copies of the group that is next to come into the buffer of this one";
  let description = [{
    - (H1) the tile is the result of an `fftconv.copy_in ahead` of the same body.
  }];
  let arguments = (ins FFTConv_Tile:$tile);
  let assemblyFormat = "$tile attr-dict `:` type($tile)";
  let hasVerifier = 1;
}

def FFTConv_RelayoutOp : FFTConv_KernelOp<"relayout"> {
  let summary = "moves a tile between registers and shared memory";
  let description = [{
    To registers by ldmatrix, to shared memory by stmatrix (4-byte stores before sm_90). Two of them in a row are an exchange: data changes
    hands between lanes, or warps.

    - (L1) operand and result have the same elements;
    - (L2) exactly one of the two is in shared memory.
  }];
  let arguments = (ins FFTConv_Tile:$x, FFTConv_PlanAttr:$plan);
  let results = (outs FFTConv_Tile:$y);
  let assemblyFormat = "$x `by` $plan attr-dict `:` type($x) `->` type($y)";
  let hasVerifier = 1;
}

def FFTConv_How : I32EnumAttr<"How", "how a tile is transformed", [
    I32EnumAttrCase<"Any", 0, "any">, I32EnumAttrCase<"Left", 1, "left">,
    I32EnumAttrCase<"Right", 2, "right">, I32EnumAttrCase<"Butterfly", 3, "butterfly">]> {
  let cppNamespace = "::fftconv";
  let genSpecializedAttr = 0;
}
def FFTConv_HowAttr : EnumAttr<FFTConv_Dialect, FFTConv_How, "how">;

class FFTConv_TileStageOp<string mnemonic, dag extra> : FFTConv_KernelOp<mnemonic> {
  let arguments = !con(extra, (ins FFTConv_Tile:$x, I64Attr:$digit, UnitAttr:$inverse, FFTConv_PlanAttr:$plan,
                                   DefaultValuedAttr<DenseI64ArrayAttr, "{}">:$pairs));
  let results = (outs FFTConv_Tile:$y);
  let hasVerifier = 1;
}

def FFTConv_TileDftOp : FFTConv_TileStageOp<"tile_dft", (ins FFTConv_HowAttr:$how)> {
  let summary = "transform of one digit of a tile";
  let description = [{
    What `fftconv.dft` computes, with the digit's weights of the right angle. `left` and `right` are matrix products on tensor cores, of one plane of a digit of 16 values (a warpgroup's are from the right, of both planes of one of 16 or 32) or of
    the real and imaginary parts of one of 8; `butterfly` runs on the registers of a lane. `pairs` lists digits i, j, i, j, ... whose twiddles exp(-2 pi i k_i n_j / (r_i ... r_j)) the matrix or the
    butterfly applies besides. A matrix that takes all pairs of a butterfly's digit takes its weights of the right angle as well, so that sums and differences are left there.

    - (Q1) `how` says how the layout of the operand becomes that of the result (`Layout::afterDft`); it is `any` before layouts are assigned;
    - (Q2) a matrix product takes 16-bit operands, or f32 of a plan that computes in f32, three products of hi and lo each;
    - (Q3) digit is one of the plan's.
  }];
  let assemblyFormat = [{
    `` $how (`inverse` $inverse^)? $x `digit` $digit (`absorbs` $pairs^)? `by` $plan attr-dict `:` type($x) `->` type($y)
  }];
}

def FFTConv_TileTwiddleOp : FFTConv_TileStageOp<"tile_twiddle", (ins)> {
  let summary = "twiddles of a tile that no transform absorbs";
  let description = [{
    Multiplies with the twiddles of the `pairs` i, j, i, j, ... (all pairs of `digit` where the list is empty), conjugated when `inverse`. Of pairs of digits of tensor cores only as far as both are from the
    middle, exp(-2 pi i (k_i - (r_i - 1) / 2) (n_j - (r_j - 1) / 2) / ...), of others as far as k_i is; the matrices of the two digits have the rest. So a value turns by less than 100 degrees, which takes three multiply-adds.

    - (Z1) operand and result have the same layout;
    - (Q3) digit is one of the plan's.
  }];
  let assemblyFormat = [{
    (`inverse` $inverse^)? $x `digit` $digit (`pairs` $pairs^)? `by` $plan attr-dict `:` type($x) `->` type($y)
  }];
}

def FFTConv_TileProductOp : FFTConv_KernelOp<"tile_product"> {
  let summary = "product of a tile with the spectrum of its head";
  let description = [{
    - (Z1) operand and result have the same layout.
  }];
  let arguments = (ins FFTConv_Tile:$x, FFTConv_SpectrumBuffer:$spectrum, FFTConv_PlanAttr:$plan);
  let results = (outs FFTConv_Tile:$y);
  let assemblyFormat = "$x `,` $spectrum `by` $plan attr-dict `:` type($x) `,` type($spectrum) `->` type($y)";
  let hasVerifier = 1;
}

def FFTConv_TileGateOp : FFTConv_KernelOp<"tile_gate"> {
  let summary = "product of a tile with a gate, value by value";
  let description = [{
    - (Z2) operands and result have the same type.
  }];
  let arguments = (ins FFTConv_Tile:$x, FFTConv_Tile:$gate);
  let results = (outs FFTConv_Tile:$y);
  let assemblyFormat = "$x `,` $gate attr-dict `:` type($x) `,` type($gate) `->` type($y)";
  let hasVerifier = 1;
}

def FFTConv_BarrierOp : FFTConv_KernelOp<"barrier"> {
  let summary = "waits for all warps of the CTA, or for all lanes of the warp";
  let arguments = (ins UnitAttr:$warp);
  let assemblyFormat = "(`warp` $warp^)? attr-dict";
}

def FFTConv_CopyOutOp : FFTConv_KernelOp<"copy_out"> {
  let summary = "the first L points of the rows of a group, from shared memory to memory";
  let description = [{
    At a right angle a complex tile w is that of a circular convolution, whose tail is added where it wraps: y[n] = w[n] + w[n + L], w being the real parts followed by
    the imaginary ones. Where theta is one, real and imaginary parts are rows 2b and 2b + 1. What comes out is multiplied with the `gate`.

    - (O1) the gate has the type of `y`.
  }];
  let arguments = (ins FFTConv_Tile:$x, FFTConv_Rows:$y, Optional<FFTConv_Rows>:$gate, FFTConv_PlanAttr:$plan);
  let assemblyFormat = [{
    $x `,` $y (`gate` `(` $gate^ `:` type($gate) `)`)? `by` $plan attr-dict `:` type($x) `,` type($y)
  }];
  let hasVerifier = 1;
}

def FFTConv_ToeplitzOp : FFTConv_KernelOp<"toeplitz", [AttrSizedOperandSegments]> {
  let summary = "convolution with a short filter, as a kernel";
  let description = [{
    What `fftconv.conv` computes, as `#fftconv.direct` says. A CTA has one head, blockIdx.x; its warps take 16 segments of rows at a time, a segment being `blocks` blocks of 16. Each warp
    makes the matrices of its head from the taps.

    - (X3) filters, skips and `center` are as C2, C4 and G2 of `fftconv.conv` say; gates have the type of `u`, and so has `y`.

    Example:
    ```mlir
    gpu.module @f_kernels {
      gpu.func @conv0(%arg0: memref<?x2x100xf16, strided<[?, ?, 1]>>, %arg1: memref<2x30xf32>, %arg2: memref<?x2x100xf16, strided<[?, ?, 1]>>) kernel attributes {fftconv.shared_bytes = 0 : i64, known_block_size = array<i32: 128, 1, 1>} {
        fftconv.toeplitz %arg0, %arg1, %arg2 by <warps = 4, blocks = 8, compute = f16, chip = "sm_90"> : memref<?x2x100xf16, strided<[?, ?, 1]>>, memref<2x30xf32>, memref<?x2x100xf16, strided<[?, ?, 1]>>
        gpu.return
      }
    }
    ```
  }];
  let extraClassDeclaration = [{
    int64_t getHeads() { return getU().getType().getDimSize(1); }
    int64_t getLength() { return getU().getType().getDimSize(2); }
    /// Segments of a row.
    int64_t getSegments() { return ::llvm::divideCeil(::llvm::divideCeil(getLength(), 16), getDirect().getBlocks()); }
  }];
  let arguments = (ins FFTConv_Rows:$u, MemRefRankOf<[F32], [2]>:$k, Optional<FFTConv_Rows>:$pre_gate, Optional<FFTConv_Rows>:$post_gate,
                       Optional<MemRefRankOf<[F32], [1]>>:$skip, FFTConv_Rows:$y, OptionalAttr<I64Attr>:$center, FFTConv_DirectAttr:$direct);
  let assemblyFormat = [{
    $u `,` $k (`center` $center^)? (`pre_gate` `(` $pre_gate^ `:` type($pre_gate) `)`)? (`post_gate` `(` $post_gate^ `:` type($post_gate) `)`)?
    (`skip` `(` $skip^ `:` type($skip) `)`)? `,` $y `by` $direct attr-dict `:` type($u) `,` type($k) `,` type($y)
  }];
  let hasVerifier = 1;
}

def FFTConv_TurnRowsOp : FFTConv_KernelOp<"turn_rows"> {
  let summary = "rows turned from channels last to time last or back, as a kernel";
  let description = [{
    What `fftconv.turn` computes. A CTA has one tile of heads and times, blockIdx.x, of every gridDim.y-th batch row: it comes to shared memory along the dimension that is last in `x`,
    and leaves along the one that is last in `y`.

    - (X4) `x`, `gate` and `y` are as E1 and E2 of `fftconv.turn` say, and `chip` is a GPU;
    - (X5) there are at most 2^29 times, and fewer than 2^31 tiles.

    Example:
    ```mlir
    gpu.module @f_kernels {
      gpu.func @turn0(%arg0: memref<?x100x6xf16, strided<[?, ?, 1]>>, %arg1: memref<?x6x100xf16, strided<[?, ?, 1]>>) kernel attributes {fftconv.shared_bytes = 16640 : i64, known_block_size = array<i32: 256, 1, 1>} {
        fftconv.turn_rows %arg0, %arg1 on "sm_90" : memref<?x100x6xf16, strided<[?, ?, 1]>>, memref<?x6x100xf16, strided<[?, ?, 1]>>
        gpu.return
      }
    }
    ```
  }];
  let extraClassDeclaration = [{
    /// The one of `x` and `y` whose channels are last.
    ::mlir::MemRefType getChannelsLastType() { return (getBack() ? getY() : getX()).getType(); }
    int64_t getHeads() { return getChannelsLastType().getDimSize(2); }
    int64_t getLength() { return getChannelsLastType().getDimSize(1); }
    ::fftconv::monarch::TurnTile getTile();
  }];
  let arguments = (ins UnitAttr:$back, FFTConv_Rows:$x, Optional<FFTConv_Rows>:$gate, FFTConv_Rows:$y, StrAttr:$chip);
  let assemblyFormat = [{
    (`back` $back^)? $x (`gate` `(` $gate^ `:` type($gate) `)`)? `,` $y `on` $chip attr-dict `:` type($x) `,` type($y)
  }];
  let hasVerifier = 1;
}

def FFTConv_PrepareOp : FFTConv_KernelOp<"prepare"> {
  let summary = "spectra of all filters, as a kernel";
  let description = [{
    What `fftconv.spectrum` computes, in f32 arithmetic, rounded once and written in the order in which `fftconv.tile_product` reads it. A spectrum of f32 is multiplied with a power of
    two that brings the greatest of its real and imaginary parts to between 1 and 2; its inverse stands behind the spectrum.

    - (X1) the filters are memref<HxKxf32>, skips memref<Hxf32>, and the buffer has their heads and the plan's points;
    - (X2) `center` is given exactly when the spectrum's boundary is bidirectional, and is the index of a tap.
  }];
  let extraClassDeclaration = [{
    /// Threads of a CTA; there is one for each part of a spectrum and each head.
    static constexpr int32_t threads = 128;
    /// Parts of a spectrum: one for each value of the first digit, of each block.
    int64_t getParts();
    /// Shared memory of a CTA: two buffers of a part in complex f32, and a magnitude for each thread where spectra are scaled.
    int64_t getSharedBytes();
    bool isScaled() { return getSpectrum().getPlan().getCompute().isF32(); }
  }];
  let arguments = (ins MemRefRankOf<[F32], [2]>:$k, Optional<MemRefRankOf<[F32], [1]>>:$skip, FFTConv_SpectrumBuffer:$buffer,
                       OptionalAttr<I64Attr>:$center, FFTConv_SpectrumAttr:$spectrum);
  let assemblyFormat = [{
    $k (`center` $center^)? (`skip` `(` $skip^ `:` type($skip) `)`)? `,` $buffer `for` $spectrum attr-dict
    `:` type($k) `,` type($buffer)
  }];
  let hasVerifier = 1;
}

def FFTConv_LaunchOp : FFTConv_KernelOp<"launch"> {
  let summary = "a kernel on tensors";
  let description = [{
    Runs a kernel of a `gpu.module` whose arguments are the operands' buffers, then that of the result.

    Example:
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
  let arguments = (ins SymbolRefAttr:$kernel, Variadic<AnyRankedTensor>:$operands);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$kernel `(` $operands `)` attr-dict `:` functional-type($operands, $result)";
}

#endif // FFTCONV_IR_KERNEL_OPS
