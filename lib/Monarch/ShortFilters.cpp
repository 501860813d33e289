//===- ShortFilters.cpp - Choice and cost of Toeplitz kernels -------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "KernelParts.h"

#include <algorithm>
#include <cmath>

using namespace fftconv::monarch;

static constexpr int64_t block = 16;

int fftconv::monarch::directWidth(int64_t length) { return std::min(8, copyWidth(length)); }

std::pair<int64_t, int64_t> fftconv::monarch::blockLags(int64_t taps, int64_t center) {
  // Outputs i and inputs j of a block are up to 15 apart, so block lag d reaches lags 16 d - 15 to 16 d + 15.
  auto floorDiv = [](int64_t a) { return a >= 0 ? a / block : -ceilDiv(-a, block); };
  return {-floorDiv(center + block - 1), floorDiv(taps - 1 - center + block - 1)};
}

/// Blocks that all tasks of a head compute, those past the end and those of rows that are not there among them.
static int64_t blocksOfHead(int64_t segment, const KernelProblem &problem) {
  int64_t segments = ceilDiv(ceilDiv(problem.length, block), segment);
  return ceilDiv(problem.batch * segments, 16) * 16 * segment;
}

std::optional<DirectChoice> fftconv::monarch::chooseDirect(int64_t taps, int64_t center, const KernelProblem &problem,
                                                           const Chip &chip) {
  auto [first, last] = blockLags(taps, center);
  int64_t lags = last - first + 1, atOnce = blocksAtOnce, blocks = ceilDiv(problem.length, block);
  // Four registers for each matrix, four for each block of the window and of those that come next.
  if (!chip.isGpu() || problem.split || problem.channelsLast || problem.wraps || problem.length > longestDirect ||
      4 * (2 * lags + atOnce) > 128)
    return std::nullopt;
  // What a segment reads before its first block is read twice, and what it computes past the end of its row is for nothing. Segments of equal cost are
  // short, so that there are many.
  KernelProblem many = problem;
  if (many.batch == 0)
    many.batch = assumedBatch;
  DirectChoice best{4, 0};
  double least = INFINITY;
  for (int64_t segment = atOnce; segment <= std::max<int64_t>(16 * atOnce, 8 * lags); segment += atOnce) {
    double read = 1 + 0.25 * static_cast<double>(lags - 1) / static_cast<double>(segment);
    double cost = static_cast<double>(blocksOfHead(segment, many)) * read;
    if (cost < least * 0.99) {
      least = cost;
      best.blocks = segment;
    }
    if (segment >= blocks)
      break;
  }
  return best;
}

KernelCost fftconv::monarch::directCost(int64_t taps, int64_t center, const DirectChoice &choice,
                                        const KernelProblem &problem, const Chip &chip) {
  auto [first, last] = blockLags(taps, center);
  int64_t lags = last - first + 1, all = blocksOfHead(choice.blocks, problem);
  double outputs = static_cast<double>(problem.length) * static_cast<double>(problem.batch);
  // Sixteen blocks, one of each segment, at a time.
  double perBlocks = static_cast<double>(all / 16) / outputs;
  double tensors = static_cast<double>(problem.elementBytes()) * (2 + problem.preGate + problem.postGate);
  int64_t width = directWidth(problem.length);
  KernelCost cost;
  cost.mma = 2 * static_cast<double>(lags) * perBlocks;
  cost.bytes = tensors + 4 * static_cast<double>(taps) / outputs;
  double halo = static_cast<double>(lags - 1) / static_cast<double>(choice.blocks);
  cost.l2Bytes = tensors + halo * 2 * (1 + problem.preGate);
  cost.sectors = cost.l2Bytes / 32;
  // Sixteen blocks: mma, loads and stores, bounds, and rounding of sums.
  double loads = 2.0 * 8 / width * 4;
  cost.instructions =
      perBlocks * (2 * static_cast<double>(lags) + loads * (2 + problem.preGate + problem.postGate) + 12);
  setTimes(cost, problem, static_cast<double>(problem.heads * ceilDiv(all / choice.blocks, 16 * choice.warps)),
           static_cast<double>(residentDirectCtas * choice.warps), chip);
  return cost;
}
