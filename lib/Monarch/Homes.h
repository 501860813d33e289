//===- Homes.h - Who applies which twiddles ---------------------*- C++ -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef FFTCONV_LIB_MONARCH_HOMES_H
#define FFTCONV_LIB_MONARCH_HOMES_H

#include "fftconv/Monarch/Schedule.h"

namespace fftconv::monarch {

/// Values on a side of a tile, and those of a digit whose real and imaginary parts are one.
constexpr int64_t tile = 16, halfTile = 8;
/// Digits of a schedule; the search for homes tries every way to share their pairs.
constexpr size_t mostDigits = 8;

using HomeMap = std::map<std::pair<int, int>, Home>;

struct Homes {
  /// In the order in which they matter: matrices that take too much memory, slots of a scheduler that products, twists and loads of tables take a row of 256 points both ways,
  /// entries of all tables.
  struct Cost {
    /// Bytes of matrices that warpgroups multiply by, beyond what there is room for.
    int64_t tooMuch = 0;
    double slots = 0;
    int64_t entries = 0;
    auto operator<=>(const Cost &) const = default;
  } cost;
  HomeMap homes;
};

/// Chooses who applies each pair of digits, for steps of digits of which matrices transform some.
Homes chooseHomes(const std::vector<int64_t> &radices, const std::vector<Step> &steps, const std::set<int> &matrices,
                  const ScheduleRequest &request);

} // namespace fftconv::monarch

#endif // FFTCONV_LIB_MONARCH_HOMES_H
