//===- TablesTest.cpp - The mathematics of the Monarch rung ---------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Multiplies stages out from their tables and compares with the transform and the convolutions they stand for.
//
//===----------------------------------------------------------------------===//

#include "fftconv/Monarch/Tables.h"

#include "gtest/gtest.h"

#include <cmath>
#include <numbers>
#include <numeric>
#include <random>

using namespace fftconv::monarch;

namespace {
using Row = std::vector<Complex>;

/// Applies an r x r matrix, or r factors for each position before, to digit j (1-based) of a row of M points.
void contract(Row &x, const Digits &digits, size_t j, const std::vector<Complex> &matrix) {
  int64_t r = digits.radices[j - 1], after = digits.product(j, digits.count());
  for (int64_t before = 0; before < digits.product(0, j - 1); ++before)
    for (int64_t t = 0; t < after; ++t) {
      Row in(r);
      for (int64_t n = 0; n < r; ++n)
        in[n] = x[(before * r + n) * after + t];
      for (int64_t k = 0; k < r; ++k) {
        Complex sum = 0;
        for (int64_t n = 0; n < r; ++n)
          sum += matrix[k * r + n] * in[n];
        x[(before * r + k) * after + t] = sum;
      }
    }
}

void multiply(Row &x, const Digits &digits, size_t j, const std::vector<Complex> &factors) {
  int64_t after = digits.product(j, digits.count());
  for (size_t i = 0; i < x.size(); ++i)
    x[i] *= factors[i / after % factors.size()];
}

Row forward(Row x, const Digits &digits) {
  for (size_t j = digits.first(); j <= digits.count(); ++j) {
    if (j > digits.first())
      multiply(x, digits, j, twiddles(digits, j, /*inverse=*/false));
    contract(x, digits, j, dftMatrix(digits, j, /*inverse=*/false));
  }
  return x;
}

Row inverse(Row x, const Digits &digits) {
  for (size_t j = digits.count(); j >= digits.first(); --j) {
    contract(x, digits, j, dftMatrix(digits, j, /*inverse=*/true));
    if (j > digits.first())
      multiply(x, digits, j, twiddles(digits, j, /*inverse=*/true));
  }
  return x;
}

/// The frequency at a position of the spectrum, whose slowest digit is the fastest of the frequency.
int64_t frequency(int64_t position, const Digits &digits) {
  int64_t f = 0;
  for (size_t j = digits.count(); j-- > 0; position /= digits.radices[j])
    f += position % digits.radices[j] * digits.product(0, j);
  return f;
}

double relativeError(const Row &x, const Row &reference) {
  double error = 0, norm = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    error += std::norm(x[i] - reference[i]);
    norm += std::norm(reference[i]);
  }
  return std::sqrt(error / norm);
}

class Random {
public:
  explicit Random(unsigned seed) : generator(seed) {}
  int64_t below(int64_t n) { return std::uniform_int_distribution<int64_t>(0, n - 1)(generator); }
  Row real(int64_t size) {
    Row row(size);
    for (Complex &value : row)
      value = std::normal_distribution<double>()(generator);
    return row;
  }
  /// Up to four radices of 1 to 16, at either theta.
  Digits digits() {
    Digits digits;
    digits.rightAngle = below(2);
    for (int64_t count = 1 + below(4); count > 0 && digits.points() < 600; --count)
      digits.radices.push_back(1 + below(16));
    return digits;
  }

private:
  std::mt19937 generator;
};
} // namespace

TEST(Tables, RootsAreExactAtEighthsOfATurn) {
  EXPECT_EQ(root(0, 7), Complex(1, 0));
  EXPECT_EQ(root(5, 10), Complex(-1, 0));
  EXPECT_EQ(root(-1, 4), Complex(0, -1));
  EXPECT_EQ(root(3, 8).real(), -root(1, 8).imag());
  EXPECT_EQ(root(25, 24), root(1, 24));
  // A long way around: angle reduction must not lose digits.
  Complex far = root((int64_t(1) << 40) + 3, int64_t(1) << 40);
  EXPECT_DOUBLE_EQ(far.imag(), std::sin(2 * std::numbers::pi * 3 / std::exp2(40)));
}

// The stages together are the matrix exp(-2 pi i n (f - a) / M) / sqrt(M), rows in digit order.
TEST(Tables, StagesMultiplyOutToTheTransform) {
  Random random(1);
  for (int round = 0; round < 60; ++round) {
    Digits digits = random.digits();
    int64_t points = digits.points(), n = random.below(points);
    SCOPED_TRACE(testing::Message() << "points " << points << ", column " << n << ", theta " << digits.rightAngle);
    Row unit(points);
    unit[n] = 1;
    Row column = forward(unit, digits), expected(points);
    for (int64_t p = 0; p < points; ++p) {
      double turns = -static_cast<double>(n) * (frequency(p, digits) - (digits.rightAngle ? .25 : 0)) / points;
      expected[p] = std::polar(1 / std::sqrt(static_cast<double>(points)), 2 * std::numbers::pi * turns);
    }
    EXPECT_LT(relativeError(column, expected), 1e-13 * points);
  }
}

TEST(Tables, InverseUndoesForward) {
  Random random(2);
  for (int round = 0; round < 60; ++round) {
    Digits digits = random.digits();
    Row x = random.real(digits.points());
    EXPECT_LT(relativeError(inverse(forward(x, digits), digits), x), 1e-13);
  }
}

// Real part: outputs 0 to M - 1 of the linear convolution; imaginary part: its tail. At theta = 1, the circular convolution.
TEST(Tables, ProductsAreConvolutions) {
  Random random(3);
  for (int round = 0; round < 60; ++round) {
    Digits digits = random.digits();
    int64_t points = digits.points();
    Row u = random.real(points), k = random.real(points), U = forward(u, digits), K = forward(k, digits);
    for (int64_t i = 0; i < points; ++i)
      U[i] *= std::sqrt(static_cast<double>(points)) * K[i];
    Row y = inverse(U, digits), expected(points);
    for (int64_t i = 0; i < points; ++i)
      for (int64_t j = 0; j < points; ++j) {
        bool wraps = i + j >= points;
        expected[(i + j) % points] += u[i] * k[j] * (wraps && digits.rightAngle ? Complex(0, 1) : Complex(1, 0));
      }
    EXPECT_LT(relativeError(y, expected), 1e-12) << points << " points";
  }
}

// The digits of u[n] = ((n^2 + 3n) mod 11 - 5) / 4 under 3 x 2 x 4, from an independent program in numpy.
TEST(Tables, AgreesWithAnIndependentModel) {
  struct Expected {
    bool rightAngle;
    int64_t position;
    Complex value;
  };
  static const Expected table[] = {
      {true, 0, {0.642740707407302, 0.5139206342107574}},
      {true, 1, {0.16575197453071744, -0.6318242085146927}},
      {true, 5, {-1.0469727267120932, -0.1158142092826774}},
      {true, 10, {0.09663305871482471, -0.22316427230238178}},
      {true, 17, {-0.2119858296771452, 0.2790450821382377}},
      {true, 23, {0.0015589949836724837, -0.07817669244629791}},
      {false, 0, {0.8164965809277259, 0.0}},
      {false, 1, {-0.71443450831176, -1.4288690166235207}},
      {false, 5, {-0.7567100029932011, 0.6670301360914133}},
      {false, 10, {-0.11021041433018577, -0.21713215059591717}},
      {false, 17, {0.28067069969390546, 0.30935921676911504}},
      {false, 23, {-0.42011967155972485, 0.1237292443124872}},
  };
  Row u(24);
  for (int64_t n = 0; n < 24; ++n)
    u[n] = static_cast<double>((n * n + 3 * n) % 11 - 5) / 4;
  for (const Expected &expected : table) {
    Complex value = forward(u, {{3, 2, 4}, expected.rightAngle})[expected.position];
    EXPECT_NEAR(value.real(), expected.value.real(), 1e-14);
    EXPECT_NEAR(value.imag(), expected.value.imag(), 1e-14);
  }
}

// Counts that can be done by hand: 4 r1 + 8 (r2 + ... ) with real ends.
TEST(Tables, CountsMultiplyAdds) {
  EXPECT_EQ(multiplyAdds({{16, 16, 16}, true}, /*realEnds=*/true), 4 * 16 + 8 * 32);
  EXPECT_EQ(multiplyAdds({{7, 3}, false}, /*realEnds=*/false), 8 * 10);
}

// Errors of f16 operands with wide sums, M = 256, 5.3e-4 on an independent model.
TEST(Tables, SixteenBitOperandsStayInTheirBudget) {
  auto half = [](double v) {
    if (v == 0)
      return v;
    int exponent = std::max(std::ilogb(v), -14);
    return std::ldexp(std::nearbyint(std::ldexp(v, 10 - exponent)), exponent - 10);
  };
  auto round = [&](std::vector<Complex> values) {
    for (Complex &v : values)
      v = {half(v.real()), half(v.imag())};
    return values;
  };
  Digits digits{{16, 16}, true};
  Random random(4);
  double worst = 0, best = 1;
  for (int trial = 0; trial < 8; ++trial) {
    Row u = round(random.real(256)), k = random.real(256);
    for (Complex &value : k)
      value /= 16;
    Row K = forward(k, digits);
    for (Complex &value : K)
      value *= 16;
    K = round(K);
    Row x = u;
    contract(x, digits, 1, round(dftMatrix(digits, 1, false)));
    multiply(x, digits, 2, twiddles(digits, 2, false));
    x = round(x);
    contract(x, digits, 2, round(dftMatrix(digits, 2, false)));
    for (int64_t i = 0; i < 256; ++i)
      x[i] *= K[i];
    x = round(x);
    contract(x, digits, 2, round(dftMatrix(digits, 2, true)));
    multiply(x, digits, 2, twiddles(digits, 2, true));
    x = round(x);
    contract(x, digits, 1, round(dftMatrix(digits, 1, true)));
    Row y(256), expected(256);
    for (int64_t n = 0; n < 256; ++n) {
      y[n] = x[n].real();
      for (int64_t j = 0; j <= n; ++j)
        expected[n] += k[j] * u[n - j];
    }
    worst = std::max(worst, relativeError(y, expected));
    best = std::min(best, relativeError(y, expected));
  }
  EXPECT_LT(worst, 7e-4);
  EXPECT_GT(best, 4e-4);
}

// Blocks that are convolved where their transforms are multiplied with spectra: all of a causal convolution, of filters as long as the rows and of one block.
TEST(Tables, ConvolveBlocks) {
  std::mt19937_64 random(11);
  std::normal_distribution<double> normal;
  for (const std::vector<int64_t> &radices :
       std::vector<std::vector<int64_t>>{{2, 8}, {2, 4, 6}, {4, 3, 5, 2}, {8, 7, 2}, {3, 4, 4}})
    for (bool isShort : {false, true}) {
      Digits digits{radices, /*rightAngle=*/true, /*blocks=*/true};
      int64_t m = digits.points(), block = digits.blockPoints();
      EXPECT_EQ(m, digits.blockCount() * block);
      Row x(m), taps(m), lags(m), y(m), expected(m);
      for (int64_t n = 0; n < m; ++n) {
        x[n] = normal(random);
        taps[n] = isShort && n >= block ? 0 : normal(random);
      }
      for (int64_t n = 0; n < m; ++n)
        lags[n] = taps[n] - (n >= block ? Complex(0, 1) * taps[n - block] : 0);
      Row transform = forward(x, digits), spectrum = forward(lags, digits);
      for (int64_t j = 0; j < digits.blockCount(); ++j)
        for (int64_t i = 0; i <= j; ++i)
          for (int64_t f = 0; f < block; ++f)
            y[j * block + f] +=
                std::sqrt(static_cast<double>(block)) * transform[i * block + f] * spectrum[(j - i) * block + f];
      y = inverse(y, digits);
      for (int64_t n = 0; n < m; ++n) {
        y[n] = y[n].real();
        for (int64_t j = 0; j <= n; ++j)
          expected[n] += taps[j] * x[n - j];
      }
      EXPECT_LT(relativeError(y, expected), 1e-13) << testing::PrintToString(radices);
    }
}
