//===- Tables.cpp - Digits, DFT matrices, twiddles ------------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Angles are kept as exact fractions of a turn until the very end, so a table of any length is accurate to the last bit
// or two of a double.
//
//===----------------------------------------------------------------------===//

#include "fftconv/Monarch/Tables.h"

#include <cassert>
#include <cmath>
#include <numbers>

using namespace fftconv::monarch;

int64_t Digits::product(size_t begin, size_t end) const {
  int64_t result = 1;
  for (size_t i = begin; i < end; ++i)
    result *= radices[i];
  return result;
}

Complex fftconv::monarch::root(int64_t numerator, int64_t denominator) {
  assert(denominator > 0);
  numerator %= denominator;
  if (numerator < 0)
    numerator += denominator;
  // Reduce to the first eighth of a turn, where sin and cos lose nothing.
  int64_t eighths = 8 * numerator, octant = eighths / denominator, rest = eighths % denominator;
  if (octant % 2)
    rest = denominator - rest;
  double angle = std::numbers::pi / 4 * static_cast<double>(rest) / static_cast<double>(denominator);
  double c = std::cos(angle), s = std::sin(angle);
  switch (octant) {
  case 0:
    return {c, s};
  case 1:
    return {s, c};
  case 2:
    return {-s, c};
  case 3:
    return {-c, s};
  case 4:
    return {-c, -s};
  case 5:
    return {-s, -c};
  case 6:
    return {s, -c};
  default:
    return {c, -s};
  }
}

/// exp(-2 pi i n (f - a) / points), with a = 1/4 as quarters so that the fraction stays exact.
static Complex twiddle(const Digits &digits, int64_t n, int64_t f, int64_t points) {
  return root(-n * (4 * f - (digits.rightAngle ? 1 : 0)), 4 * points);
}

std::vector<Complex> fftconv::monarch::dftMatrix(const Digits &digits, size_t j, bool inverse) {
  assert(j >= digits.first() && j <= digits.count());
  int64_t r = digits.radices[j - 1];
  double scale = 1 / std::sqrt(static_cast<double>(r));
  std::vector<Complex> matrix(r * r);
  for (int64_t k = 0; k < r; ++k)
    for (int64_t n = 0; n < r; ++n) {
      Complex value = scale * (j == digits.first() ? twiddle(digits, n, k, r) : root(-n * k, r));
      matrix[inverse ? n * r + k : k * r + n] = inverse ? std::conj(value) : value;
    }
  return matrix;
}

std::vector<Complex> fftconv::monarch::twiddles(const Digits &digits, size_t j, bool inverse) {
  assert(j > digits.first() && j <= digits.count());
  size_t first = digits.first() - 1;
  int64_t r = digits.radices[j - 1], done = digits.product(first, j - 1);
  std::vector<Complex> table(done * r);
  for (int64_t position = 0; position < done; ++position) {
    // The position counts k_1 as the slowest digit, the frequency as the fastest.
    int64_t f = 0, rest = position;
    for (size_t i = j - 1; i-- > first; rest /= digits.radices[i])
      f += rest % digits.radices[i] * digits.product(first, i);
    for (int64_t n = 0; n < r; ++n) {
      Complex value = twiddle(digits, n, f, done * r);
      table[position * r + n] = inverse ? std::conj(value) : value;
    }
  }
  return table;
}

double fftconv::monarch::multiplyAdds(const Digits &digits, bool realEnds) {
  double perTransform = 0;
  size_t first = digits.first() - 1;
  for (size_t i = first; i < digits.count(); ++i)
    perTransform += static_cast<double>(digits.radices[i]) * (i == first && realEnds ? 2 : 4);
  return 2 * perTransform + 2 * static_cast<double>(digits.blockCount() - 1);
}
