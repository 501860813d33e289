//===- Launch.cpp - How many CTAs a kernel takes --------------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "fftconv/IR/Launch.h"

#include "fftconv/Monarch/Kernel.h"

using namespace mlir;
using namespace fftconv;

FailureOr<LaunchGrid> fftconv::getLaunchGrid(LaunchOp launch, gpu::GPUFuncOp kernel) {
  auto first = [&](auto ops) { return ops.empty() ? nullptr : *ops.begin(); };
  GroupsOp groups = first(kernel.getBody().getOps<GroupsOp>());
  PrepareOp prepare = first(kernel.getBody().getOps<PrepareOp>());
  ToeplitzOp toeplitz = first(kernel.getBody().getOps<ToeplitzOp>());
  TurnRowsOp turn = first(kernel.getBody().getOps<TurnRowsOp>());
  if (bool(groups) + bool(prepare) + bool(toeplitz) + bool(turn) != 1)
    return launch.emitOpError("launches a kernel that is neither a convolution nor a spectrum, and turns no rows");
  LaunchGrid grid;
  if (prepare) {
    PlanAttr plan = prepare.getSpectrum().getPlan();
    grid.x = prepare.isScaled() ? 1 : prepare.getParts();
    grid.limit = prepare.getBuffer().getType().getDimSize(0);
    grid.chip = plan.getChip();
    return grid;
  }
  if (turn) {
    monarch::TurnTile tile = turn.getTile();
    grid.chip = turn.getChip();
    grid.alignment = tile.unit * getKernelProblem(turn).elementBytes();
    grid.x = llvm::divideCeil(turn.getHeads(), tile.heads) * llvm::divideCeil(turn.getLength(), tile.times);
    grid.rows = 1;
    grid.limit = 65535; // what gridDim.y may be
    return grid;
  }
  int64_t resident;
  if (groups) {
    PlanAttr plan = groups.getPlan();
    monarch::KernelProblem problem = getKernelProblem(groups);
    int64_t rows = static_cast<int64_t>(groups.getRows());
    grid.chip = plan.getChip();
    grid.alignment = monarch::copyWidth(problem, rows);
    grid.x = problem.channelsLast ? llvm::divideCeil(problem.heads, rows) : problem.heads;
    grid.rows = 1;
    grid.together = (problem.channelsLast ? 1 : rows) * (plan.getTheta() == Theta::One ? 2 : 1);
    resident = monarch::residentCtas(getDigits(plan), getKernelChoice(groups), problem, *monarch::findChip(grid.chip));
  } else {
    grid.chip = toeplitz.getDirect().getChip();
    grid.alignment = monarch::directWidth(toeplitz.getLength());
    grid.x = toeplitz.getHeads();
    grid.rows = toeplitz.getSegments();
    grid.together = 16 * toeplitz.getDirect().getWarps();
    resident = monarch::residentDirectCtas;
  }
  grid.limit = monarch::gridLimit(grid.x, resident, *monarch::findChip(grid.chip));
  return grid;
}
