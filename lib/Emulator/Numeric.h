//===- Numeric.h - Small floats and directed rounding -----------*- C++ -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// f16, bf16 and tf32 as bits, converted to and from double with one rounding; results that a second rounding could spoil go
// through round-to-odd (Boldo and Melquiond, IEEE TC 2008).
//
//===----------------------------------------------------------------------===//

#ifndef FFTCONV_LIB_EMULATOR_NUMERIC_H
#define FFTCONV_LIB_EMULATOR_NUMERIC_H

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace fftconv::emulator {

enum class Round : uint8_t { Nearest, Zero, Down, Up, NearestAway };

/// The quiet NaN that tensor and half instructions give.
inline constexpr uint16_t halfNan = 0x7fff;

inline float halfToFloat(uint16_t bits) {
  uint32_t sign = uint32_t(bits & 0x8000) << 16, magnitude = bits & 0x7fff;
  if (magnitude >= 0x7c00) // infinity and NaN keep their payload
    return std::bit_cast<float>(sign | 0x7f800000 | (magnitude & 0x3ff) << 13);
  if (magnitude >= 0x0400)
    return std::bit_cast<float>(sign | ((magnitude << 13) + (uint32_t(112) << 23)));
  float small = static_cast<float>(magnitude) * 0x1p-24f;
  return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(small));
}

inline float brainToFloat(uint16_t bits) { return std::bit_cast<float>(uint32_t(bits) << 16); }

/// `value` rounded to a binary format of `mantissa` explicit bits and exponents from `minExponent` (of the smallest normal number) to
/// `maxExponent`, as the bits of that format. Saturating gives the largest finite value instead of infinity.
template <unsigned Mantissa, int MinExponent, int MaxExponent>
inline uint32_t roundTo(double value, Round mode, bool saturate = false) {
  constexpr unsigned exponentBits = std::bit_width(static_cast<unsigned>(MaxExponent)) + 1;
  constexpr uint32_t infinity = ((1u << exponentBits) - 1) << Mantissa;
  uint64_t bits = std::bit_cast<uint64_t>(value);
  uint32_t sign = static_cast<uint32_t>(bits >> 63) << (Mantissa + exponentBits);
  bool negative = bits >> 63;
  uint64_t magnitude = bits & ~(uint64_t(1) << 63);
  if (magnitude > uint64_t(0x7ff) << 52)
    return (1u << (Mantissa + exponentBits)) - 1; // the canonical NaN
  if (magnitude == uint64_t(0x7ff) << 52)
    return sign | (saturate ? infinity - 1 : infinity);
  if (magnitude == 0)
    return sign;
  int exponent = static_cast<int>(magnitude >> 52) - 1023;
  uint64_t significand = (magnitude & ((uint64_t(1) << 52) - 1)) | uint64_t(1) << 52;
  if (magnitude >> 52 == 0) { // a subnormal double is far below any of these formats
    exponent = -1022;
    significand &= (uint64_t(1) << 52) - 1;
  }
  int drop = 52 - static_cast<int>(Mantissa);
  if (exponent < MinExponent)
    drop += MinExponent - exponent;
  uint64_t kept, rest, half;
  if (drop > 63) {
    kept = 0;
    rest = 1;
    half = 2;
  } else {
    kept = significand >> drop;
    rest = significand & ((uint64_t(1) << drop) - 1);
    half = uint64_t(1) << (drop - 1);
  }
  bool up = false;
  switch (mode) {
  case Round::Nearest:
    up = rest > half || (rest == half && (kept & 1));
    break;
  case Round::NearestAway:
    up = rest >= half;
    break;
  case Round::Zero:
    break;
  case Round::Down:
    up = rest && negative;
    break;
  case Round::Up:
    up = rest && !negative;
    break;
  }
  kept += up;
  // A subnormal that rounds up to 2^Mantissa is the smallest normal number, as its bits say.
  uint64_t result = exponent < MinExponent ? kept : kept + (static_cast<uint64_t>(exponent - MinExponent) << Mantissa);
  if (result >= infinity) {
    bool toInfinity = mode == Round::Nearest || mode == Round::NearestAway || (mode == Round::Up && !negative) ||
                      (mode == Round::Down && negative);
    result = toInfinity && !saturate ? infinity : infinity - 1;
  }
  return sign | static_cast<uint32_t>(result);
}

inline uint16_t doubleToHalf(double value, Round mode = Round::Nearest, bool saturate = false) {
  return static_cast<uint16_t>(roundTo<10, -14, 15>(value, mode, saturate));
}
inline uint16_t doubleToBrain(double value, Round mode = Round::Nearest, bool saturate = false) {
  return static_cast<uint16_t>(roundTo<7, -126, 127>(value, mode, saturate));
}
/// tf32 is kept in the upper 19 bits of an f32.
inline uint32_t doubleToTensor(double value, Round mode = Round::NearestAway) {
  return roundTo<10, -126, 127>(value, mode) << 13;
}

/// a + b with the bits that a double loses folded into the last one (round to odd), so that one more rounding is right.
inline double addToOdd(double a, double b) {
  double sum = a + b;
  if (!std::isfinite(sum))
    return sum;
  double back = sum - a, error = (a - (sum - back)) + (b - back);
  uint64_t bits = std::bit_cast<uint64_t>(sum);
  if (error != 0 && !(bits & 1)) {
    bool away = (error > 0) == (sum > 0);
    bits += away ? 1 : -1;
    return std::bit_cast<double>(bits);
  }
  return sum;
}

/// a * b + c rounded once to f32 (round to nearest), without the host's fused instruction.
inline float fusedMultiplyAdd(float a, float b, float c) {
  double sum = addToOdd(static_cast<double>(a) * b, c); // the product is exact
  return static_cast<float>(sum);
}

inline float flush(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  return bits & 0x7f800000 ? value : std::bit_cast<float>(bits & 0x80000000);
}

} // namespace fftconv::emulator

#endif // FFTCONV_LIB_EMULATOR_NUMERIC_H
