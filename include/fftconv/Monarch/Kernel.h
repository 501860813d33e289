//===- Kernel.h - Choice and cost of a one-pass kernel ----------*- C++ -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How many warps, how many batch rows at a time, how many stages of input: what a schedule leaves open, and what the whole costs on a chip.
//
//===----------------------------------------------------------------------===//

#ifndef FFTCONV_MONARCH_KERNEL_H
#define FFTCONV_MONARCH_KERNEL_H

#include "fftconv/Monarch/Chip.h"
#include "fftconv/Monarch/Schedule.h"

namespace fftconv::monarch {

struct KernelChoice {
  int warps = 0;
  /// Complex values that a lane may hold.
  int values = 0;
  /// Batch rows of a head that travel together, so that spectrum and tables are read once for them; pairs of rows where theta is one.
  int64_t rows = 0;
  /// 2 where the input of the next rows is copied while these are computed.
  int stages = 0;
};

/// What a kernel computes.
struct KernelProblem {
  /// Rows (0: unknown, taken as many), heads, sequence length.
  int64_t batch = 0, heads = 1, length = 1;
  bool preGate = false, postGate = false;
  /// A circular convolution at a right angle, whose tail is added.
  bool wraps = false;
};

/// The choice for a problem; nothing where M points do not fit one pass on the chip.
std::optional<KernelChoice> chooseKernel(const Digits &digits, const KernelProblem &problem, const Chip &chip);

/// Whether shared memory holds, for so many rows of M points that are exchanged between warps, planes of real and imaginary parts, the next input and
/// its gate.
bool holdsGateAhead(const Digits &digits, int64_t rows, const Chip &chip);

/// The most CTAs along the batch for each head: enough to fill the chip, few enough that the last ones do not run alone.
int64_t gridLimit(int64_t heads, int64_t ctasPerSm, const Chip &chip);

/// CTAs of a kernel that share a multiprocessor, by their registers.
int64_t residentCtas(int64_t points);

/// Bytes of a copy of rows of L 16-bit elements between memory and shared memory: 16 where rows are aligned for that, down to 2.
int copyWidth(int64_t length);
/// Copies by one thread that stand one after the other in the code; more of them are a loop.
constexpr int64_t unrolledCopies = 32;

/// What a convolution needs for one output, and the times that this takes a chip at its limits.
struct KernelCost {
  double mma = 0, instructions = 0, wavefronts = 0, sectors = 0, bytes = 0;
  /// Seconds for all outputs: memory, shared memory, tensor cores, issue.
  double memoryTime = 0, sharedTime = 0, tensorTime = 0, issueTime = 0;

  double time() const;
  std::string_view limit() const;
};

/// The cost of a problem whose batch is known.
KernelCost kernelCost(const Schedule &schedule, const KernelChoice &choice, const KernelProblem &problem,
                      const Chip &chip);

} // namespace fftconv::monarch

#endif // FFTCONV_MONARCH_KERNEL_H
