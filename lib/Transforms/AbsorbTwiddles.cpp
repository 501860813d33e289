//===- AbsorbTwiddles.cpp - Twiddles into matrices -------------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Who applies which pair of digits is part of the schedule; this pass writes it into the ops.
//
//===----------------------------------------------------------------------===//

#include "fftconv/IR/FFTConv.h"
#include "fftconv/Transforms/Passes.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/IR/BuiltinOps.h"

namespace fftconv {
#define GEN_PASS_DEF_ABSORBTWIDDLES
#include "fftconv/Transforms/Passes.h.inc"
} // namespace fftconv

using namespace mlir;
using namespace fftconv;
using monarch::Home;
using monarch::HomeKind;

namespace {
struct AbsorbTwiddles : fftconv::impl::AbsorbTwiddlesBase<AbsorbTwiddles> {
  void runOnOperation() override {
    WalkResult result = getOperation().walk([&](GroupsOp groups) { return WalkResult(absorb(groups)); });
    if (result.wasInterrupted())
      signalPassFailure();
  }

  /// The pairs that live at a home, flattened.
  static SmallVector<int64_t> pairsAt(const monarch::Schedule &schedule, Home home) {
    SmallVector<int64_t> pairs;
    for (const auto &[pair, at] : schedule.homes)
      if (at == home)
        pairs.append({pair.first, pair.second});
    return pairs;
  }

  static LogicalResult absorb(GroupsOp groups) {
    Block &body = groups.getBody().front();
    for (Operation &op : llvm::make_early_inc_range(body)) {
      auto twiddle = dyn_cast<TileTwiddleOp>(op);
      auto dft = dyn_cast<TileDftOp>(op);
      if (!twiddle && !dft)
        continue;
      if (!cast<TileType>(op.getResult(0).getType()).getLayout())
        return op.emitOpError("has no layout yet; run fftconv-assign-layouts first");
      std::shared_ptr<const monarch::Schedule> schedule =
          getKernelSchedule(twiddle ? twiddle.getPlan() : dft.getPlan());
      int digit = static_cast<int>(twiddle ? twiddle.getDigit() : dft.getDigit());
      HomeKind kind = twiddle                          ? HomeKind::Product
                      : dft.getHow() == How::Butterfly ? HomeKind::Butterfly
                                                       : HomeKind::Matrix;
      SmallVector<int64_t> pairs = pairsAt(*schedule, {kind, digit});
      if (dft) {
        dft.setPairs(pairs);
      } else if (!pairs.empty()) {
        twiddle.setPairs(pairs);
      } else {
        twiddle.getY().replaceAllUsesWith(twiddle.getX());
        twiddle.erase();
      }
    }
    Type tensor = cast<MemRefType>(groups.getU().getType()).getElementType();
    for (Operation &op : body)
      if (op.getNumResults())
        settleType(op, tensor, groups.getPlan().getCompute());
    return success();
  }

  /// Whether a lane that holds a whole share of a sequence would need 128 registers for its sums in f32.
  static bool fillsRegisters(PlanAttr plan, int64_t values) {
    return values >= 64 && getKernelSchedule(plan)->split == 0 && plan.getPoints() / 32 >= 64;
  }

  /// Rows that come in and go out are of the tensor's type. Sums stay f32 where a butterfly or a product in f32 takes them next, and there are registers
  /// for it; everything else is of the compute type.
  static void settleType(Operation &op, Type tensor, Type compute) {
    Value y = op.getResult(0);
    auto type = cast<TileType>(y.getType());
    Type element = compute;
    auto stage = dyn_cast<TileDftOp>(op);
    if (isa<CopyInOp, TileNormalizeOp>(op) ||
        (stage && stage.getInverse() && stage.getDigit() == getDigits(stage.getPlan()).first()))
      element = tensor;
    else if (isa<RelayoutOp, TileGateOp>(op))
      element = cast<TileType>(op.getOperand(0).getType()).getReal();
    if (auto dft = stage) {
      ScheduleAttr schedule = dft.getPlan().getSchedule();
      Operation *next = *y.user_begin();
      auto butterfly = dyn_cast<TileDftOp>(next);
      bool toButterfly = butterfly && butterfly.getHow() == How::Butterfly && dft.getHow() != How::Butterfly &&
                         schedule.getSums().isF32() && !fillsRegisters(dft.getPlan(), schedule.getValues());
      bool toProduct = isa<TileTwiddleOp, TileProductOp>(next) && schedule.getProducts().isF32();
      if (toButterfly || toProduct)
        element = Float32Type::get(op.getContext());
    }
    y.setType(
        TileType::get(op.getContext(), type.isComplex() ? Type(ComplexType::get(element)) : element, type.getLayout()));
  }
};
} // namespace
