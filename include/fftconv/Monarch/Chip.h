//===- Chip.h - The table of chips ------------------------------*- C++ -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What plans need to know of a chip, by name of field. Hardware numbers live here and nowhere else.
//
//===----------------------------------------------------------------------===//

#ifndef FFTCONV_MONARCH_CHIP_H
#define FFTCONV_MONARCH_CHIP_H

#include <cmath>
#include <cstdint>
#include <span>
#include <string_view>

namespace fftconv::monarch {

struct Chip {
  std::string_view name;
  /// Side of the tensor-core tile that a radix fills; 1 on a CPU, where every radix costs what it is.
  int64_t tensorTile;
  /// f32 values in a vector register; the planner keeps the fastest digit of time a multiple of it. 1 on a GPU.
  int64_t vectorLanes;

  // Of a GPU; zero on a CPU.
  /// Streaming multiprocessors.
  int64_t sms = 0;
  /// Shared memory that one CTA may have, and that of a multiprocessor, of which every CTA takes `sharedReserve` besides its own; in bytes.
  int64_t sharedBytes = 0, multiprocessorShared = 0;
  static constexpr int64_t sharedReserve = 1024;
  /// What a multiprocessor's shared memory and L1 cache have together.
  int64_t cacheBytes = 0;
  /// 32-bit registers of a multiprocessor.
  int64_t registers = 0;
  /// Clock under load, in Hz.
  double clock = 0;
  /// Bandwidth of the memory, in bytes a second, and of the L2 cache; and what a copy reaches of the former, as measured on an H100 and on an H200.
  double memoryBandwidth = 0, l2Bandwidth = 0;
  static constexpr double copied = 0.87;
  /// From a load to its data when memory is busy, in seconds: more than twice what an idle one takes.
  double memoryLatency = 7e-7;
  /// Multiply-adds of f16 operands with f32 sums by mma.sync, per clock and multiprocessor.
  double tensorRate = 0;
  /// What sixteen warps use of the four slots for instructions that a clock of a multiprocessor has, and how many an mma.sync counts where others count one: what fits measured kernels, of which half are instructions of f16 pairs; it takes none from other warps (benchmarks/README.md).
  double issueRate = 0, mmaSlots = 1;
  /// Multiply-adds as above by warpgroups (wgmma, of 32 columns or more); zero where there are none.
  double warpgroupRate = 0;
  /// Whether stmatrix exists.
  bool storesMatrices = false;
  /// Whether bulk copies between memory and shared memory exist (cp.async.bulk).
  bool copiesInBulk = false;
  /// The part and the board of which these are the figures.
  std::string_view board = "";

  bool isGpu() const { return sms > 0; }
  /// Slots that so many warps of a multiprocessor use of a clock: each may be ready or wait.
  double slotsPerClock(double warps) const {
    return issueRate * (1 - std::exp(-warps / 6)) / (1 - std::exp(-16.0 / 6));
  }
};

/// All chips, the CPU first.
std::span<const Chip> chips();

/// The chip called `name`, or null.
const Chip *findChip(std::string_view name);

} // namespace fftconv::monarch

#endif // FFTCONV_MONARCH_CHIP_H
