//===- AllocateShared.cpp - Shared memory by lifetimes ---------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// First fit, over the few tiles that a kernel has in shared memory.
//
//===----------------------------------------------------------------------===//

#include "fftconv/IR/FFTConv.h"
#include "fftconv/Monarch/Chip.h"
#include "fftconv/Transforms/Passes.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/IR/BuiltinOps.h"

namespace fftconv {
#define GEN_PASS_DEF_ALLOCATESHARED
#include "fftconv/Transforms/Passes.h.inc"
} // namespace fftconv

using namespace mlir;
using namespace fftconv;

namespace {
/// A tile in shared memory: ops are numbered in order, and it lives from `begin` to `end`.
struct Lifetime {
  Value tile;
  int64_t begin, end, bytes, offset = -1;
  bool always = false;

  bool meets(const Lifetime &other) const {
    // Where one ends in the phase that writes the other, the phase works in place.
    return always || other.always || (begin < other.end && other.begin < end);
  }
};

struct AllocateShared : fftconv::impl::AllocateSharedBase<AllocateShared> {
  void runOnOperation() override {
    WalkResult result = getOperation().walk([&](GroupsOp groups) { return WalkResult(allocate(groups)); });
    if (result.wasInterrupted())
      signalPassFailure();
  }

  static LogicalResult allocate(GroupsOp groups) {
    SmallVector<Lifetime> tiles;
    PlanAttr plan = groups.getPlan();
    // Phases are what is numbered: all ops from a read to the next write count as one. What is normalised is read and written at once, by no phase.
    DenseMap<Operation *, int64_t> phase;
    int64_t number = 0;
    for (Operation &op : groups.getBody().front()) {
      auto relayout = dyn_cast<RelayoutOp>(op);
      if (isa<CopyOutOp>(op) || (relayout && relayout.getX().getType().isShared()))
        ++number;
      if (isa<TileNormalizeOp>(op))
        phase[&op] = ++number, ++number;
      else
        phase[&op] = number;
    }
    for (Operation &op : groups.getBody().front()) {
      if (!op.getNumResults() || !cast<TileType>(op.getResult(0).getType()).isShared())
        continue;
      auto copy = dyn_cast<CopyInOp>(op);
      auto type = cast<TileType>(op.getResult(0).getType());
      Lifetime tile{op.getResult(0), phase[&op], phase[&op], groups.getTileBytes(type)};
      if (copy && copy.getAhead())
        tile.bytes *= plan.getSchedule().getStages() - 1;
      // A row that a warp owns does not lie where it did before it was normalised; other warps may still be about to do that with theirs.
      bool ownRaw = copy && plan.getCompute().isF32() && monarch::warpOwns(getDigits(plan));
      tile.always = copy && (copy.getAhead() || ownRaw);
      for (Operation *user : op.getUsers())
        tile.end = std::max(tile.end, phase[user] + isa<TileNormalizeOp>(user));
      tiles.push_back(tile);
    }
    // What lives always goes on top of what shares.
    llvm::stable_sort(tiles, [](const Lifetime &a, const Lifetime &b) { return a.always < b.always; });
    int64_t total = 0;
    for (size_t i = 0; i < tiles.size(); ++i) {
      Lifetime &tile = tiles[i];
      tile.offset = 0;
      for (bool moved = true; moved;) {
        moved = false;
        for (const Lifetime &other : ArrayRef(tiles).take_front(i))
          if (tile.meets(other) && tile.offset < other.offset + other.bytes &&
              other.offset < tile.offset + tile.bytes) {
            tile.offset = other.offset + other.bytes;
            moved = true;
          }
      }
      total = std::max(total, tile.offset + tile.bytes);
      auto type = cast<TileType>(tile.tile.getType());
      tile.tile.setType(TileType::get(groups.getContext(), type.getElement(),
                                      LayoutAttr::getShared(groups.getContext(), tile.offset)));
    }
    if (tiles.empty())
      return groups.emitOpError("has no tile in shared memory; run fftconv-assign-layouts first");
    for (auto normalize : groups.getBody().getOps<TileNormalizeOp>()) {
      normalize.setScales(total);
      total += monarch::scaleBytes(getDigits(plan), getKernelChoice(groups));
    }
    const monarch::Chip *chip = monarch::findChip(plan.getChip());
    if (monarch::KernelChoice choice = getKernelChoice(groups); choice.bulk) {
      std::string_view reason = monarch::whyNoBulkCopies(getDigits(plan), choice, getKernelProblem(groups), *chip);
      auto copies = groups.getBody().getOps<CopyInOp>();
      if (reason.empty() && !llvm::all_of(copies, [](CopyInOp copy) { return copy.getAhead(); }))
        reason = "inputs are not ahead; run fftconv-pipeline-copies first";
      if (!reason.empty())
        return groups.emitOpError("cannot have bulk copies: ") << StringRef(reason);
      for (CopyInOp copy : copies) {
        copy.setMbarriers(total);
        total += monarch::mbarrierBytes(getDigits(plan), choice);
      }
    }
    if (int64_t bytes = monarch::rowSignalBytes(getDigits(plan), getKernelChoice(groups), getKernelProblem(groups))) {
      int64_t phases = llvm::count_if(groups.getBody().getOps<RelayoutOp>(),
                                      [](RelayoutOp relayout) { return relayout.getY().getType().isShared(); });
      if (phases != monarch::exchangingPhases)
        return groups.emitOpError("has ") << phases << " phases, not " << monarch::exchangingPhases;
      groups.setMbarriers(total);
      total += bytes;
    }
    if (int64_t bytes = monarch::matrixBytes(getDigits(plan), getKernelChoice(groups), getKernelProblem(groups))) {
      total = llvm::alignTo(total, 16);
      groups.setMatrices(total);
      total += bytes;
    }
    if (total > chip->sharedBytes)
      return groups.emitOpError("needs ")
             << total << " bytes of shared memory, a CTA on " << plan.getChip() << " has " << chip->sharedBytes;
    auto kernel = groups->getParentOfType<gpu::GPUFuncOp>();
    OpBuilder b(groups);
    kernel->setAttr("fftconv.shared_bytes", b.getI64IntegerAttr(total));
    kernel.setKnownBlockSize(ArrayRef<int32_t>{static_cast<int32_t>(32 * plan.getSchedule().getWarps()), 1, 1});
    return success();
  }
};
} // namespace
