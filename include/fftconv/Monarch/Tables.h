//===- Tables.h - Digits, DFT matrices, twiddles ----------------*- C++ -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The mathematics of the Monarch decomposition, in double precision and without MLIR. A convolution is a product modulo
// z^M - theta. M = r_1 * ... * r_p; time n = sum n_j T_j with T_j = r_(j+1)...r_p (n_1 is the slow digit), frequency
// f = sum k_j P_j with P_j = r_1...r_(j-1). The forward transform contracts n_1, then n_2, and so on:
//
//   stage j:  X <- sum_(n_j) exp(-2 pi i n_j k_j / r_j) * [ exp(-2 pi i n_j (sum_(i<j) k_i P_i - a) / (P_j r_j)) X ]
//
// with a = 1/4 for theta = i (the "right angle") and a = 0 for theta = 1. Every stage is scaled by 1/sqrt(r_j). The factors in
// brackets are twiddles; those of stage 1 depend on n_1 alone and are absorbed into its matrix. The spectrum stays in the order
// of its digits, and the inverse runs the adjoint stages backwards.
//
// The first digit may count blocks instead, J of M/J points each, for causal convolutions at a right angle. It is not transformed: blocks are convolved where spectra are multiplied,
//
//   Y_j = sum_(i <= j) X_i G_(j - i),   G_m = F(k_m - i k_(m-1)),   y_j = Re F^-1 Y_j,
//
// k_m being the taps of block m (none for m < 0). A block of x and the taps of one lag m meet in outputs of two blocks, m and m + 1 later. Modulo z^(M/J) - i those of the second come out times i in the first, that is
// imaginary; -i k_(m-1) puts them where they belong.
//
//===----------------------------------------------------------------------===//

#ifndef FFTCONV_MONARCH_TABLES_H
#define FFTCONV_MONARCH_TABLES_H

#include <complex>
#include <cstdint>
#include <vector>

namespace fftconv::monarch {

using Complex = std::complex<double>;

/// The radices of M, whether theta is i (else 1), and whether the first digit counts blocks.
struct Digits {
  std::vector<int64_t> radices;
  bool rightAngle = true;
  bool blocks = false;

  int64_t points() const { return product(0, radices.size()); }
  size_t count() const { return radices.size(); }
  /// The first digit that is transformed (1-based), and how many are.
  size_t first() const { return blocks ? 2 : 1; }
  size_t transforms() const { return count() + 1 - first(); }
  /// Blocks, and points that are transformed together.
  int64_t blockCount() const { return blocks ? radices[0] : 1; }
  int64_t blockPoints() const { return points() / blockCount(); }
  /// r_(begin+1) * ... * r_end: P_(j+1) is product(0, j), T_j is product(j, count()).
  int64_t product(size_t begin, size_t end) const;
};

/// exp(2 pi i numerator / denominator), exact at the eighths of a turn. `denominator` is positive.
Complex root(int64_t numerator, int64_t denominator);

/// The matrix of the transform of digit j (1-based), row-major [r_j out][r_j in], with 1/sqrt(r_j) and, at the first one, the
/// weights of theta. `inverse` gives the adjoint.
std::vector<Complex> dftMatrix(const Digits &digits, size_t j, bool inverse);

/// The twiddles of a digit j (1-based) that is not the first, row-major [k_first]...[k_(j-1)][n_j]; conjugated when `inverse`.
std::vector<Complex> twiddles(const Digits &digits, size_t j, bool inverse);

/// Real multiply-adds per point of one forward and one inverse transform, and of blocks with spectra beyond one product. With real ends (right angle) the first and the last
/// stage cost half.
double multiplyAdds(const Digits &digits, bool realEnds);

} // namespace fftconv::monarch

#endif // FFTCONV_MONARCH_TABLES_H
