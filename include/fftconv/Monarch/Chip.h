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
};

/// All chips, the CPU first.
std::span<const Chip> chips();

/// The chip called `name`, or null.
const Chip *findChip(std::string_view name);

} // namespace fftconv::monarch

#endif // FFTCONV_MONARCH_CHIP_H
