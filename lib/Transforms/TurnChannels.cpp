//===- TurnChannels.cpp - Rows whose channels are last, turned ------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// [B, L, H] to [B, H, L] before a convolution and back after it. On a GPU gates go with the turns, which multiply on the way; elsewhere the
// convolution multiplies, row by row.
//
//===----------------------------------------------------------------------===//

#include "fftconv/IR/FFTConv.h"
#include "fftconv/Transforms/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/PatternMatch.h"

namespace fftconv {
#define GEN_PASS_DEF_TURNCHANNELS
#include "fftconv/Transforms/Passes.h.inc"
} // namespace fftconv

using namespace mlir;
using namespace fftconv;

namespace {
struct TurnChannels : fftconv::impl::TurnChannelsBase<TurnChannels> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    getOperation().walk([&](ConvOp op) {
      if (!op.getChannelsLast())
        return;
      rewriter.setInsertionPoint(op);
      if (op.getTurned())
        turnOnGpu(rewriter, op);
      else if (op.getPlan() && !op.getPlanAttr().getSchedule())
        transpose(rewriter, op);
    });
  }

  /// Has the convolution take `u`, and `turnBack` its result.
  static void turn(RewriterBase &rewriter, ConvOp op, Value u, function_ref<Value(Value y)> turnBack) {
    op.getUMutable().set(u);
    op.setChannelsLast(false);
    op.setTurned(false);
    op.getY().setType(cast<RankedTensorType>(u.getType()));
    rewriter.setInsertionPointAfter(op);
    Value y = turnBack(op.getY());
    rewriter.replaceAllUsesExcept(op.getY(), y, y.getDefiningOp());
  }

  static void turnOnGpu(RewriterBase &rewriter, ConvOp op) {
    Location loc = op.getLoc();
    RankedTensorType last = op.getU().getType();
    auto first = RankedTensorType::get(turnedShape(last.getShape()), last.getElementType());
    auto chip = rewriter.getStringAttr(op.getDirect() ? op.getDirectAttr().getChip() : op.getPlanAttr().getChip());
    Value u = TurnOp::create(rewriter, loc, first, /*back=*/UnitAttr(), op.getU(), op.getPreGate(), chip);
    Value gate = op.getPostGate();
    op.getPreGateMutable().clear();
    op.getPostGateMutable().clear();
    turn(rewriter, op, u,
         [&](Value y) -> Value { return TurnOp::create(rewriter, loc, last, rewriter.getUnitAttr(), y, gate, chip); });
  }

  static void transpose(RewriterBase &rewriter, ConvOp op) {
    // u, gates and y have the same sizes.
    SmallVector<OpFoldResult> last = tensor::getMixedSizes(rewriter, op.getLoc(), op.getU()), first = last;
    std::swap(first[1], first[2]);
    auto turned = [&](Value x, ArrayRef<OpFoldResult> sizes) -> Value {
      Type element = cast<RankedTensorType>(x.getType()).getElementType();
      Value empty = tensor::EmptyOp::create(rewriter, op.getLoc(), sizes, element);
      return linalg::TransposeOp::create(rewriter, op.getLoc(), x, empty, ArrayRef<int64_t>{0, 2, 1}).getResults()[0];
    };
    for (MutableOperandRange range : {op.getPreGateMutable(), op.getPostGateMutable()})
      for (OpOperand &operand : range)
        operand.set(turned(operand.get(), first));
    turn(rewriter, op, turned(op.getU(), first), [&](Value y) { return turned(y, last); });
  }
};
} // namespace
