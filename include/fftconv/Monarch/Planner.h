//===- Planner.h - Choice of points and radices -----------------*- C++ -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Chooses the digits of a convolution: the cheapest legal number of points that is at least what the boundary needs,
// not the next power of two.
//
//===----------------------------------------------------------------------===//

#ifndef FFTCONV_MONARCH_PLANNER_H
#define FFTCONV_MONARCH_PLANNER_H

#include "fftconv/Monarch/Chip.h"
#include "fftconv/Monarch/Tables.h"

#include <optional>

namespace fftconv::monarch {

/// What a plan is for.
struct Problem {
  /// Sequence length L >= 1.
  int64_t length = 1;
  /// Whether theta = 1 with M = L would do (a circular boundary); theta = i with M >= L always does.
  bool circular = false;
  /// Batch rows, 0 when unknown. A lone row has no partner to share a complex row with.
  int64_t batch = 0;
  /// Blocks that the sequence is cut into, a power of two; more than one only where the boundary is causal, for kernels. J blocks take J (J + 1) / 2 products with spectra, where a butterfly takes log2(J) sums
  /// and differences of each value on each way.
  int64_t blocks = 1;
};

/// Digits with their cost: estimated work per row, in units of one real multiply-add. Only ratios mean anything.
struct Candidate {
  Digits digits;
  double cost;
};

/// Cost of a convolution of one row by these digits on a chip.
double cost(const Digits &digits, const Problem &problem, const Chip &chip);

/// The cheapest candidates, at most so many, the cheapest first; fewer points, then fewer digits break ties. None only when the length exceeds maxLength().
std::vector<Candidate> candidates(const Problem &problem, const Chip &chip, size_t most);
/// The first of them.
std::optional<Candidate> choose(const Problem &problem, const Chip &chip);
/// Digits for kernels of warpgroups on a chip that has them: matrices of 16 or 32 values at both ends, and butterflies between, of the power of two of points that is at least the length; with theta = 1
/// besides, where that would do. Where there are blocks, with them.
std::vector<Digits> warpgroupDigits(const Problem &problem, const Chip &chip);

/// The longest sequence that a plan can be made for.
int64_t maxLength();

} // namespace fftconv::monarch

#endif // FFTCONV_MONARCH_PLANNER_H
