//===- Turns.cpp - Tiles and cost of turns --------------------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "KernelParts.h"

#include <algorithm>
#include <bit>

using namespace fftconv::monarch;

TurnTile fftconv::monarch::turnTile(const KernelProblem &problem) {
  // Sixteen accesses of a thread to each tensor: lines of 128 bytes or more along heads, and as long ones along time. Fewer heads leave room for more times, which are contiguous then as well.
  constexpr int64_t accesses = 16 * TurnTile::threads, mostHeads = 64;
  int64_t each = problem.elementBytes();
  int64_t unit = each == 2 && problem.heads % 2 == 0 && problem.length % 2 == 0 ? 2 : 1;
  auto heads = static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(std::min(problem.heads, mostHeads))));
  // A warp has so many heads or pairs of them beside each other, and so many words of each, where it accesses channels.
  int64_t words = std::max<int64_t>(1, 32 / (heads / unit)), times = accesses * unit / heads;
  return {heads, times, unit, times + words * 4 / each};
}

KernelCost fftconv::monarch::turnCost(const KernelProblem &problem, bool gate, const Chip &chip) {
  KernelCost cost;
  TurnTile tile = turnTile(problem);
  auto heads = static_cast<double>(problem.heads), length = static_cast<double>(problem.length);
  auto unit = static_cast<double>(tile.unit), each = static_cast<double>(problem.elementBytes());
  // What tiles have past the ends is computed, too.
  int64_t tiles = ceilDiv(problem.heads, tile.heads) * ceilDiv(problem.length, tile.times);
  double computed = static_cast<double>(tiles * tile.heads * tile.times) / (heads * length);
  cost.bytes = cost.l2Bytes = each * (2 + gate);
  cost.sectors = cost.bytes / 32;
  // Every access of a warp is a wavefront: one of each tensor, and one each way of shared memory.
  cost.wavefronts = 2 * computed / (32 * unit);
  cost.loads = (2 + gate) * computed / (32 * unit);
  // Besides these what they address, and what puts neighbours together, as counted.
  cost.instructions = computed * (gate ? 22 : 15) / (32 * unit);
  double ctas = static_cast<double>(tiles * problem.batch);
  setTimes(cost, problem, ctas, static_cast<double>(residentTurnCtas * TurnTile::threads) / 32, chip);
  return cost;
}
