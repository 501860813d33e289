//===- AssignLayouts.cpp - Tiles to places ---------------------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Walks the ops of a kernel beside the steps of its schedule; what moves data (read, write) is inserted, everything else gets its layout.
//
//===----------------------------------------------------------------------===//

#include "fftconv/IR/FFTConv.h"
#include "fftconv/Transforms/Passes.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/IR/BuiltinOps.h"

namespace fftconv {
#define GEN_PASS_DEF_ASSIGNLAYOUTS
#include "fftconv/Transforms/Passes.h.inc"
} // namespace fftconv

using namespace mlir;
using namespace fftconv;
using monarch::Step;
using monarch::StepKind;

namespace {
struct AssignLayouts : fftconv::impl::AssignLayoutsBase<AssignLayouts> {
  void runOnOperation() override {
    WalkResult result = getOperation().walk([&](GroupsOp groups) { return WalkResult(assign(groups)); });
    if (result.wasInterrupted())
      signalPassFailure();
  }

  static LogicalResult assign(GroupsOp groups) {
    Block &body = groups.getBody().front();
    CopyInOp copy = groups.getInput();
    if (copy.getTile().getType().getLayout())
      return success(); // has its layouts
    PlanAttr plan = copy.getPlan();
    std::shared_ptr<const monarch::Schedule> schedule = getKernelSchedule(plan);
    if (!schedule)
      return groups.emitOpError("digits of ") << plan << " do not fit one pass";

    OpBuilder b(groups.getContext());
    auto withLayout = [&](Value x, LayoutAttr layout) {
      x.setType(TileType::get(b.getContext(), cast<TileType>(x.getType()).getElement(), layout));
    };
    auto shared = LayoutAttr::getShared(b.getContext());
    withLayout(copy.getTile(), shared);
    ArrayRef<Step> steps(schedule->steps);
    steps = steps.drop_front(); // copy in
    LayoutAttr layout = shared;
    for (Operation &op : llvm::make_early_inc_range(llvm::make_range(std::next(copy->getIterator()), body.end()))) {
      if (auto gate = dyn_cast<CopyInOp>(op)) {
        withLayout(gate.getTile(), shared);
        continue;
      }
      if (auto normalize = dyn_cast<TileNormalizeOp>(op)) {
        withLayout(normalize.getY(), shared);
        continue;
      }
      auto isMove = [](const Step &s) { return s.kind == StepKind::Read || s.kind == StepKind::Write; };
      if (auto twiddle = dyn_cast<TileTwiddleOp>(op)) {
        // One that others absorb has no step of its own.
        const Step &next = *llvm::find_if_not(steps, isMove);
        if (next.kind != StepKind::Twiddle || next.digit != static_cast<int>(twiddle.getDigit())) {
          withLayout(twiddle.getY(), layout);
          continue;
        }
      }
      // The moves that stand before this op.
      b.setInsertionPoint(&op);
      for (; isMove(steps.front()); steps = steps.drop_front()) {
        layout = steps.front().kind == StepKind::Write ? shared : LayoutAttr::get(b.getContext(), steps.front().layout);
        Value x = op.getOperand(0);
        Type element = cast<TileType>(x.getType()).getElement();
        op.setOperand(0, RelayoutOp::create(b, op.getLoc(), TileType::get(b.getContext(), element, layout), x, plan));
      }
      auto mismatch = [&] { return op.emitOpError("is not what the schedule of its plan does next"); };
      if (auto dft = dyn_cast<TileDftOp>(op)) {
        const Step &step = steps.front();
        if (!isDft(step.kind) || step.digit != static_cast<int>(dft.getDigit()) || step.inverse != dft.getInverse())
          return mismatch();
        dft.setHow(step.kind == StepKind::Left    ? How::Left
                   : step.kind == StepKind::Right ? How::Right
                                                  : How::Butterfly);
        layout = LayoutAttr::get(b.getContext(), step.layout);
        steps = steps.drop_front();
      } else if (isa<TileGateOp, TileConvertOp>(op)) {
        // A gate is read beside what it multiplies.
        OpOperand &last = op.getOpOperand(op.getNumOperands() - 1);
        if (auto type = cast<TileType>(last.get().getType()); type.isShared()) {
          Type moved = TileType::get(b.getContext(), type.getElement(), layout);
          last.set(RelayoutOp::create(b, op.getLoc(), moved, last.get(), plan));
        }
      } else if (isa<TileTwiddleOp>(op)) {
        steps = steps.drop_front();
      } else if (isa<TileProductOp>(op)) {
        if (steps.front().kind != StepKind::Product)
          return mismatch();
        steps = steps.drop_front();
      } else if (!isa<CopyOutOp>(op) || steps.front().kind != StepKind::CopyOut) {
        return mismatch();
      }
      if (op.getNumResults())
        withLayout(op.getResult(0), layout);
    }
    return success();
  }
};
} // namespace
