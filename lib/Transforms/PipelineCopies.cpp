//===- PipelineCopies.cpp - Input ahead of its use -------------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Assumes layouts; leaves fftconv.copy_in ahead and fftconv.prefetch where a plan has two stages.
//
//===----------------------------------------------------------------------===//

#include "fftconv/IR/FFTConv.h"
#include "fftconv/Monarch/Chip.h"
#include "fftconv/Monarch/Kernel.h"
#include "fftconv/Transforms/Passes.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/IR/BuiltinOps.h"

namespace fftconv {
#define GEN_PASS_DEF_PIPELINECOPIES
#include "fftconv/Transforms/Passes.h.inc"
} // namespace fftconv

using namespace mlir;
using namespace fftconv;

namespace {
struct PipelineCopies : fftconv::impl::PipelineCopiesBase<PipelineCopies> {
  void runOnOperation() override {
    getOperation().walk([](CopyInOp copy) {
      if (copy.getAhead() || !copy.getPlan().getSchedule() || copy.getPlan().getSchedule().getStages() < 2)
        return;
      // A gate waits its turn where there is no room for it beside the input.
      auto groups = copy->getParentOfType<GroupsOp>();
      if (copy != groups.getInput() &&
          !monarch::holdsGateAhead(getDigits(copy.getPlan()), getKernelChoice(groups), getKernelProblem(groups),
                                   *monarch::findChip(copy.getPlan().getChip())))
        return;
      // Once it is read the buffer is free. A phase that loops over tiles must be over, one that does not needs no more of it.
      Operation *last = copy;
      for (Operation *user : copy.getTile().getUsers())
        if (last->isBeforeInBlock(user))
          last = user;
      std::shared_ptr<const monarch::Schedule> schedule = getKernelSchedule(copy.getPlan());
      if (schedule && schedule->split > 0 && !isa<TileNormalizeOp>(last))
        while (last->getNextNode() && !(isa<RelayoutOp>(last) && cast<RelayoutOp>(last).getY().getType().isShared()))
          last = last->getNextNode();
      copy.setAhead(true);
      OpBuilder b(copy.getContext());
      b.setInsertionPointAfter(last);
      PrefetchOp::create(b, copy.getLoc(), copy.getTile());
    });
  }
};
} // namespace
