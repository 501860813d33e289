//===- Steps.h - The steps of a schedule ---------------------- -*- C++ -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef FFTCONV_LIB_MONARCH_STEPS_H
#define FFTCONV_LIB_MONARCH_STEPS_H

#include "fftconv/Monarch/Schedule.h"

namespace fftconv::monarch {

/// What digits that a phase does not transform by matrices may do to its tiles where it is an outer one: those of butterflies number tiles, not registers inside of them; places of a tile
/// that are left go to the digits outside in another order. Matrices that absorb a digit which lies inside of a tile serve a half of it.
struct Arrangement {
  bool numbersTiles = false;
  int first = 0;
};

/// The steps for fixed digits, of which the first `split` are outer ones; radices[0] counts sequences. Twiddles are there before every transform, whoever applies them. Nothing where no layouts close.
std::optional<std::vector<Step>> generateSteps(const std::vector<int64_t> &radices, int split,
                                               const ScheduleRequest &request, const Arrangement &arrangement);

} // namespace fftconv::monarch

#endif // FFTCONV_LIB_MONARCH_STEPS_H
