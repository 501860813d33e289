//===- KernelParts.h - What choice and cost of kernels share ----*- C++ -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef FFTCONV_LIB_MONARCH_KERNELPARTS_H
#define FFTCONV_LIB_MONARCH_KERNELPARTS_H

#include "fftconv/Monarch/Kernel.h"

namespace fftconv::monarch {

inline int64_t ceilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// The digits of a schedule.
inline Digits digitsOf(const Schedule &schedule) {
  return {{schedule.radices.begin() + 1, schedule.radices.end()}, schedule.rightAngle, schedule.blocks};
}

/// The schedule of a choice; null where there is none.
inline std::shared_ptr<const Schedule> scheduleOf(const Digits &digits, const KernelChoice &choice, bool split) {
  return findSchedule(digits.radices, scheduleRequest(digits, choice, split));
}

/// Values of a row that a lane has where warps own rows.
inline int ownedValues(const Digits &digits) { return digits.points() <= 1024 ? 32 : 64; }

/// Planes that an input has: one of real values, or two rows as real and imaginary parts.
inline int64_t inputPlanes(const Digits &digits) { return digits.rightAngle ? 1 : 2; }

/// CTAs of a kernel that share a multiprocessor as far as registers go.
int64_t ctasByRegisters(const Digits &digits, const KernelChoice &choice, const KernelProblem &problem,
                        const Chip &chip);

/// Bytes of a matrix of f16 that warpgroups multiply by: real and imaginary parts of both sides, or of one where it is the real end.
constexpr int64_t matrixBytes(int64_t radix, bool realEnd) { return 2 * 2 * radix * 2 * radix / (realEnd ? 2 : 1); }
/// Bytes of the matrices of a digit, where warpgroups multiply by them.
int64_t matrixBytes(const Schedule &schedule, int digit);

/// Bytes of shared memory of each of so many CTAs.
int64_t sharedShare(int64_t ctas, const Chip &chip);

/// Whether one of some digits is on places of a kind.
bool dependsOn(const Layout &layout, const std::vector<int> &digits, char kind);

/// Bytes of input that wait to be computed, on a whole chip that is full.
double bytesAhead(const Digits &digits, const KernelChoice &choice, const KernelProblem &problem, const Chip &chip);

/// Rows of f32 that a warp owns leave it no registers for the addresses of its copies from 1024 points on: computed each time, these take more instructions than
/// the one bulk copy that a row needs. Other rows take a bulk copy for each value of digit 1, which pays nowhere (benchmarks/README.md).
bool bulkCopiesPay(const Digits &digits, const KernelProblem &problem);

/// What loading a table of so many words that depends on some digits takes for a tile of 256 points of one row: words of a lane, and those that it holds for a whole phase or trip.
struct TableLoads {
  double words = 0;
  int64_t held = 0;
};
TableLoads tableLoads(const Digits &digits, const Layout &layout, const std::vector<int> &depends, int64_t words,
                      bool inLine, int64_t rows, int64_t rowsAtOnce, const KernelProblem &problem);
/// The same of the table that a step of a schedule has of a kind, if it has one.
TableLoads tableLoads(const Schedule &schedule, const Step &step, HomeKind kind, bool inLine, int64_t rows,
                      int64_t rowsAtOnce, const KernelProblem &problem);

/// Registers that 128 have for tiles and tables beside addresses and what is computed.
constexpr int64_t roomyRegisters = 76;

/// Slots for instructions that a wavefront of tables or spectra costs kernels whose warps share rows, which wait for it, as measured (benchmarks/README.md).
constexpr double slotsPerLoad = 1.63;

/// The times that counts for one output take a chip of which `ctas` fill a part, `warps` of them at a time on a multiprocessor.
void setTimes(KernelCost &cost, const KernelProblem &problem, double ctas, double warps, const Chip &chip);

} // namespace fftconv::monarch

#endif // FFTCONV_LIB_MONARCH_KERNELPARTS_H
