//===- Butterfly.h - Transforms on registers --------------------*- C++ -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// y[k] = sum over n of w^(nk) g^n x[n], w = exp(-2 pi i / s), or its adjoint, for s = 2 to 8, without the 1/sqrt(s). The twist g may differ
// between lanes: its powers only change the constants. Even s halves (decimation in time there, in frequency back), odd s pairs n with s - n.
// Written once over an arithmetic; the emitter and the counter of constants are two of those.
//
//===----------------------------------------------------------------------===//

#ifndef FFTCONV_LIB_CONVERSION_BUTTERFLY_H
#define FFTCONV_LIB_CONVERSION_BUTTERFLY_H

#include <cmath>
#include <cstdint>
#include <numbers>
#include <vector>

namespace fftconv {

/// g^power * exp(-2 pi i turn / order).
struct TwistConstant {
  int64_t power, turn, order;
  auto operator<=>(const TwistConstant &) const = default;
};

/// Arithmetic has a type Number and: add, sub, addProduct(a, x, y) = a + x y, subProduct(a, x, y) = a - x y, mul, scale(x, real),
/// addScaled(a, x, real) = a + x * real, negate; and twist(TwistConstant), a pair of Numbers (conjugated by the caller where needed).
template <typename Arithmetic>
class Butterfly {
public:
  using Number = typename Arithmetic::Number;
  struct Complex {
    Number re, im;
  };
  using Values = std::vector<Complex>;

  /// Without a twist its constants are numbers in the code, and what they do not change is not multiplied.
  Butterfly(Arithmetic &a, bool twisted) : a(a), twisted(twisted) {}

  /// The transform; `power` is the power of g that a step in n counts.
  Values forward(const Values &x, int64_t power = 1) {
    if (!twisted)
      return plain(x, false);
    int64_t s = static_cast<int64_t>(x.size());
    if (s == 1)
      return x;
    if (s % 2) {
      Values z = x;
      for (int64_t n = 1; n < s; ++n)
        z[n] = multiply(x[n], {power * n, 0, 1}, false);
      return oddDft(z, false);
    }
    Values even = forward(every(x, 0), 2 * power), odd = forward(every(x, 1), 2 * power), y(s);
    for (int64_t k = 0; k < s / 2; ++k) {
      auto [wr, wi] = constant({power, k, s});
      const Complex &e = even[k], &o = odd[k];
      y[k] = {a.subProduct(a.addProduct(e.re, wr, o.re), wi, o.im),
              a.addProduct(a.addProduct(e.im, wr, o.im), wi, o.re)};
      // e - w o = 2 e - (e + w o)
      y[k + s / 2] = {a.addScaled(a.negate(y[k].re), e.re, 2), a.addScaled(a.negate(y[k].im), e.im, 2)};
    }
    return y;
  }

  /// The adjoint.
  Values inverse(const Values &y, int64_t power = 1) {
    if (!twisted)
      return plain(y, true);
    int64_t s = static_cast<int64_t>(y.size());
    if (s == 1)
      return y;
    if (s % 2) {
      Values x = oddDft(y, true);
      for (int64_t n = 1; n < s; ++n)
        x[n] = multiply(x[n], {power * n, 0, 1}, true);
      return x;
    }
    Values sums(s / 2), differences(s / 2), x(s);
    for (int64_t k = 0; k < s / 2; ++k) {
      const Complex &p = y[k], &q = y[k + s / 2];
      sums[k] = {a.add(p.re, q.re), a.add(p.im, q.im)};
      differences[k] = multiply({a.sub(p.re, q.re), a.sub(p.im, q.im)}, {power, k, s}, true);
    }
    Values even = inverse(sums, 2 * power), odd = inverse(differences, 2 * power);
    for (int64_t k = 0; k < s / 2; ++k)
      x[2 * k] = even[k], x[2 * k + 1] = odd[k];
    return x;
  }

private:
  Arithmetic &a;
  bool twisted;

  /// The transform without a twist, or its conjugate.
  Values plain(const Values &x, bool conjugate) {
    int64_t s = static_cast<int64_t>(x.size());
    if (s == 1)
      return x;
    if (s % 2)
      return oddDft(x, conjugate);
    Values even = plain(every(x, 0), conjugate), odd = plain(every(x, 1), conjugate), y(s);
    for (int64_t k = 0; k < s / 2; ++k) {
      const Complex &e = even[k];
      Complex o = odd[k];
      if (k == 0 || 4 * k == s) {
        // o, or -i o and i o.
        if (k != 0)
          o = conjugate ? Complex{a.negate(o.im), o.re} : Complex{o.im, a.negate(o.re)};
        y[k] = {a.add(e.re, o.re), a.add(e.im, o.im)};
        y[k + s / 2] = {a.sub(e.re, o.re), a.sub(e.im, o.im)};
        continue;
      }
      double angle = 2 * std::numbers::pi * static_cast<double>(k) / static_cast<double>(s);
      double wr = std::cos(angle), wi = conjugate ? std::sin(angle) : -std::sin(angle);
      y[k] = {a.addScaled(a.addScaled(e.re, o.re, wr), o.im, -wi), a.addScaled(a.addScaled(e.im, o.im, wr), o.re, wi)};
      y[k + s / 2] = {a.addScaled(a.negate(y[k].re), e.re, 2), a.addScaled(a.negate(y[k].im), e.im, 2)};
    }
    return y;
  }

  static Values every(const Values &x, size_t first) {
    Values half;
    for (size_t i = first; i < x.size(); i += 2)
      half.push_back(x[i]);
    return half;
  }

  /// A constant; those a quarter of a turn apart are one.
  std::pair<Number, Number> constant(TwistConstant c) {
    if (c.order % 4 == 0 && 4 * c.turn >= c.order) {
      auto [re, im] = a.twist({c.power, c.turn - c.order / 4, c.order});
      return {im, a.negate(re)};
    }
    return a.twist(c);
  }

  Complex multiply(const Complex &x, TwistConstant c, bool conjugate) {
    auto [wr, wi] = constant(c);
    if (conjugate)
      return {a.addProduct(a.mul(x.re, wr), x.im, wi), a.subProduct(a.mul(x.im, wr), x.re, wi)};
    return {a.subProduct(a.mul(x.re, wr), x.im, wi), a.addProduct(a.mul(x.im, wr), x.re, wi)};
  }

  /// The plain transform of 3, 5 or 7 values, by sums and differences of partners.
  Values oddDft(const Values &x, bool conjugate) {
    int64_t s = static_cast<int64_t>(x.size()), half = s / 2;
    Values sum(half + 1), difference(half + 1), y(s);
    y[0] = x[0];
    for (int64_t m = 1; m <= half; ++m) {
      sum[m] = {a.add(x[m].re, x[s - m].re), a.add(x[m].im, x[s - m].im)};
      difference[m] = {a.sub(x[m].re, x[s - m].re), a.sub(x[m].im, x[s - m].im)};
      y[0] = {a.add(y[0].re, sum[m].re), a.add(y[0].im, sum[m].im)};
    }
    for (int64_t k = 1; k <= half; ++k) {
      Complex c = x[0], d{};
      for (int64_t m = 1; m <= half; ++m) {
        double angle = 2 * std::numbers::pi * static_cast<double>(k * m % s) / static_cast<double>(s);
        double sine = conjugate ? -std::sin(angle) : std::sin(angle);
        c = {a.addScaled(c.re, sum[m].re, std::cos(angle)), a.addScaled(c.im, sum[m].im, std::cos(angle))};
        d = m == 1 ? Complex{a.scale(difference[m].re, sine), a.scale(difference[m].im, sine)}
                   : Complex{a.addScaled(d.re, difference[m].re, sine), a.addScaled(d.im, difference[m].im, sine)};
      }
      // c - i d and c + i d
      y[k] = {a.add(c.re, d.im), a.sub(c.im, d.re)};
      y[s - k] = {a.sub(c.re, d.im), a.add(c.im, d.re)};
    }
    return y;
  }
};

} // namespace fftconv

#endif // FFTCONV_LIB_CONVERSION_BUTTERFLY_H
