//===- OpsConvert.cpp - cvt -----------------------------------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A conversion reads its operand as a double, or as a 64-bit integer where it is one, and rounds once to its result. The conversions
// that kernels repeat, f32 to pairs of f16 and back, have forms of their own.
//
//===----------------------------------------------------------------------===//

#include "Lanes.h"
#include "Vectors.h"

#include <cfenv>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

using namespace fftconv::emulator;

namespace {
/// op.mode: what the result and the operand are, and how to round.
struct Conversion {
  Type to, from;
  Round round;
  bool saturate, flushing, relu;
};

double loadFloat(const Warp &warp, uint32_t slot, unsigned lane, Type type) {
  switch (type.kind) {
  case Type::Half:
    return halfToFloat(warp.slot<uint16_t>(slot)[lane]);
  case Type::Brain:
    return brainToFloat(warp.slot<uint16_t>(slot)[lane]);
  default:
    return type.bits == 64 ? warp.slot<double>(slot)[lane] : warp.slot<float>(slot)[lane];
  }
}

/// An integer of a register that may be wider than the type.
__int128 loadInteger(const Warp &warp, uint32_t slot, unsigned lane, Type type, unsigned registerBytes) {
  uint64_t raw = registerBytes == 2   ? warp.slot<uint16_t>(slot)[lane]
                 : registerBytes == 4 ? warp.slot<uint32_t>(slot)[lane]
                                      : warp.slot<uint64_t>(slot)[lane];
  unsigned drop = 64 - type.bits;
  if (type.kind == Type::Signed)
    return static_cast<int64_t>(raw << drop) >> drop;
  return raw << drop >> drop;
}

void storeInteger(const Warp &warp, uint32_t slot, unsigned lane, Type type, unsigned registerBytes, uint64_t value) {
  // A result narrower than its register is extended by its sign or by zeros.
  unsigned drop = 64 - type.bits;
  value = type.kind == Type::Signed ? static_cast<uint64_t>(static_cast<int64_t>(value << drop) >> drop)
                                    : value << drop >> drop;
  if (registerBytes == 2)
    warp.slot<uint16_t>(slot)[lane] = static_cast<uint16_t>(value);
  else if (registerBytes == 4)
    warp.slot<uint32_t>(slot)[lane] = static_cast<uint32_t>(value);
  else
    warp.slot<uint64_t>(slot)[lane] = value;
}

bool isFloating(Type type) {
  return type.kind == Type::Float || type.kind == Type::Half || type.kind == Type::Brain || type.kind == Type::Tensor;
}

double roundToInteger(double value, Round mode) {
  switch (mode) {
  case Round::Zero:
    return std::trunc(value);
  case Round::Down:
    return std::floor(value);
  case Round::Up:
    return std::ceil(value);
  default:
    return std::nearbyint(value);
  }
}

/// The double nearest to an integer is not always what its one rounding to f32 gives: round to odd on the way.
double integerToOdd(__int128 value) {
  auto high = static_cast<double>(static_cast<int64_t>(value >> 32)) * 0x1p32;
  auto low = static_cast<double>(static_cast<uint32_t>(value));
  return addToOdd(high, low);
}

float toFloat(double value, Round mode) {
  static constexpr int modes[] = {FE_TONEAREST, FE_TOWARDZERO, FE_DOWNWARD, FE_UPWARD};
  if (mode == Round::Nearest)
    return static_cast<float>(value);
  int before = std::fegetround();
  std::fesetround(modes[static_cast<int>(mode) & 3]);
  volatile double from = value;
  volatile float result = static_cast<float>(from);
  std::fesetround(before);
  return result;
}

double exactToDouble(__int128 value, Round mode) {
  static constexpr int modes[] = {FE_TONEAREST, FE_TOWARDZERO, FE_DOWNWARD, FE_UPWARD};
  int before = std::fegetround();
  std::fesetround(modes[static_cast<int>(mode) & 3]);
  volatile int64_t high = static_cast<int64_t>(value >> 32);
  volatile double a = static_cast<double>(high), scaled = a * 0x1p32;
  volatile double low = static_cast<double>(static_cast<uint32_t>(value));
  volatile double sum = scaled + low;
  std::fesetround(before);
  return sum;
}

void convertLane(const Warp &warp, const Op &op, const Conversion &c, unsigned lane, unsigned fromBytes,
                 unsigned toBytes) {
  bool fromFloat = isFloating(c.from), toFloatType = isFloating(c.to);
  if (!fromFloat && !toFloatType) {
    __int128 value = loadInteger(warp, op.a, lane, c.from, fromBytes);
    if (c.saturate) {
      bool isSigned = c.to.kind == Type::Signed;
      __int128 one = 1, high = (one << (isSigned ? c.to.bits - 1 : c.to.bits)) - 1, low = isSigned ? -high - 1 : 0;
      value = value > high ? high : value < low ? low : value;
    }
    return storeInteger(warp, op.d, lane, c.to, toBytes, static_cast<uint64_t>(value));
  }
  if (fromFloat && !toFloatType) {
    double value = loadFloat(warp, op.a, lane, c.from);
    if (c.flushing && std::fabs(value) < 0x1p-126)
      value = 0;
    bool isSigned = c.to.kind == Type::Signed;
    double limit = std::ldexp(1.0, isSigned ? c.to.bits - 1 : c.to.bits);
    uint64_t result;
    double rounded = roundToInteger(value, c.round);
    if (value != value)
      result = c.to.bits == 64 || isSigned ? (c.to.bits == 64 ? uint64_t(1) << 63 : 0) : 0;
    else if (rounded >= limit)
      result = isSigned ? (uint64_t(1) << (c.to.bits - 1)) - 1 : ~uint64_t(0);
    else if (rounded < (isSigned ? -limit : 0))
      result = isSigned ? uint64_t(1) << (c.to.bits - 1) : 0;
    else
      result = rounded < 0 ? static_cast<uint64_t>(static_cast<int64_t>(rounded)) : static_cast<uint64_t>(rounded);
    return storeInteger(warp, op.d, lane, c.to, toBytes, result);
  }
  double value;
  if (fromFloat) {
    value = loadFloat(warp, op.a, lane, c.from);
    if (c.flushing && c.from.bits == 32 && std::fabs(value) < 0x1p-126)
      value = std::copysign(0.0, value);
    // .rni and the like: to an integral value of the same type.
    if (op.mode & 1)
      value = roundToInteger(value, c.round);
  } else {
    __int128 integer = loadInteger(warp, op.a, lane, c.from, fromBytes);
    value = c.to.bits == 64 ? exactToDouble(integer, c.round) : integerToOdd(integer);
  }
  if (c.saturate)
    value = value > 0 ? std::min(value, 1.0) : 0;
  if (c.relu && (value < 0 || std::signbit(value)))
    value = value == value ? 0 : value;
  switch (c.to.kind) {
  case Type::Half:
    warp.slot<uint16_t>(op.d)[lane] = doubleToHalf(value, c.round);
    return;
  case Type::Brain:
    warp.slot<uint16_t>(op.d)[lane] = doubleToBrain(value, c.round);
    return;
  case Type::Tensor:
    warp.slot<uint32_t>(op.d)[lane] = doubleToTensor(value, c.round);
    return;
  default:
    if (c.to.bits == 64) {
      warp.slot<double>(op.d)[lane] = value;
    } else {
      float result = toFloat(value, c.round);
      if (c.flushing)
        result = flush(result);
      warp.slot<float>(op.d)[lane] = result == result ? result : std::bit_cast<float>(0x7fffffff);
    }
  }
}

/// What op.immediate holds of a conversion.
int64_t encode(const Conversion &c, unsigned fromBytes, unsigned toBytes) {
  int64_t code = 0;
  auto put = [&](uint64_t value, unsigned bits) { code = code << bits | static_cast<int64_t>(value); };
  put(c.to.kind, 4);
  put(c.to.bits, 8);
  put(c.from.kind, 4);
  put(c.from.bits, 8);
  put(static_cast<uint64_t>(c.round), 3);
  put(c.saturate, 1);
  put(c.flushing, 1);
  put(c.relu, 1);
  put(fromBytes, 4);
  put(toBytes, 4);
  return code;
}

void convert(Warp &warp, const Op &op) {
  auto code = static_cast<uint64_t>(op.immediate);
  auto get = [&](unsigned bits) {
    uint64_t value = code & ((uint64_t(1) << bits) - 1);
    code >>= bits;
    return value;
  };
  Conversion c;
  auto toBytes = static_cast<unsigned>(get(4)), fromBytes = static_cast<unsigned>(get(4));
  c.relu = get(1);
  c.flushing = get(1);
  c.saturate = get(1);
  c.round = static_cast<Round>(get(3));
  c.from.bits = static_cast<uint8_t>(get(8));
  c.from.kind = static_cast<Type::Kind>(get(4));
  c.to.bits = static_cast<uint8_t>(get(8));
  c.to.kind = static_cast<Type::Kind>(get(4));
  forLanes(warp, [&](unsigned lane) { convertLane(warp, op, c, lane, fromBytes, toBytes); });
}

/// cvt.{rn,rz}[.relu].{f16x2,bf16x2}.f32 d, a, b: a becomes the upper half.
template <bool Brain>
void pack(Warp &warp, const Op &op) {
  uint32_t *d = warp.slot<uint32_t>(op.d);
  const float *a = warp.slot<float>(op.a), *b = warp.slot<float>(op.b);
  auto mode = static_cast<Round>(op.mode & 7);
  bool relu = op.mode & 8, saturate = op.mode & 16;
  forLanes(warp, [&](unsigned lane) {
    auto one = [&](float v) -> uint32_t {
      if (relu && std::signbit(v) && v == v)
        v = 0;
      return Brain ? doubleToBrain(v, mode, saturate) : doubleToHalf(v, mode, saturate);
    };
    d[lane] = one(a[lane]) << 16 | one(b[lane]);
  });
}

#if defined(__x86_64__)
__attribute__((target("avx2,f16c"))) void packHalfVector(Warp &warp, const Op &op) {
  if (warp.mask != allLanes)
    return pack<false>(warp, op);
  uint32_t *d = warp.slot<uint32_t>(op.d);
  const float *a = warp.slot<float>(op.a), *b = warp.slot<float>(op.b);
  for (unsigned i = 0; i < 32; i += 8) {
    __m256 high = _mm256_loadu_ps(a + i), low = _mm256_loadu_ps(b + i);
    if (_mm256_movemask_ps(_mm256_cmp_ps(high, low, _CMP_UNORD_Q))) { // NaN has to become canonical
      Op narrow = op;
      pack<false>(warp, narrow);
      return;
    }
    __m256i h = _mm256_cvtepu16_epi32(_mm256_cvtps_ph(high, _MM_FROUND_TO_NEAREST_INT));
    __m256i l = _mm256_cvtepu16_epi32(_mm256_cvtps_ph(low, _MM_FROUND_TO_NEAREST_INT));
    _mm256_storeu_si256(reinterpret_cast<__m256i *>(d + i), _mm256_or_si256(_mm256_slli_epi32(h, 16), l));
  }
}
#else
void packHalfVector(Warp &warp, const Op &op) { pack<false>(warp, op); }
#endif

template <typename T>
T same(T value) {
  return value;
}

/// Integers whose registers have the width of their types: what address arithmetic is full of. Null for others.
Handler plainInteger(Type to, Type from) {
  bool isSigned = from.kind == Type::Signed;
  auto widths = [&](unsigned a, unsigned b) { return from.bits == a && to.bits == b; };
  if (widths(32, 64))
    return isSigned ? unary<int64_t, int32_t, same<int32_t>> : unary<uint64_t, uint32_t, same<uint32_t>>;
  if (widths(64, 32))
    return unary<uint32_t, uint64_t, same<uint64_t>>;
  if (widths(16, 32))
    return isSigned ? unary<int32_t, int16_t, same<int16_t>> : unary<uint32_t, uint16_t, same<uint16_t>>;
  if (widths(32, 16))
    return unary<uint16_t, uint32_t, same<uint32_t>>;
  return nullptr;
}

float widenHalf(uint16_t v) {
  float value = halfToFloat(v);
  return value == value ? value : std::bit_cast<float>(0x7fffffff);
}
} // namespace

bool fftconv::emulator::decodeConvert(Decoder &decoder, Op &op) {
  if (decoder.opcode() != "cvt")
    return false;
  op.instructionClass = Class::Convert;
  decoder.allow({"rn", "rz", "rm", "rp", "rni", "rzi", "rmi", "rpi", "rna", "sat", "satfinite", "ftz", "relu"});
  std::vector<Type> types = decoder.types();
  if (types.size() != 2)
    decoder.fail("two types are needed");
  Type to = types[0], from = types[1];
  if (to.kind == Type::Predicate || from.kind == Type::Predicate || to.bits > 64 || from.bits > 64)
    decoder.fail("unsupported type");
  if (to.packed) {
    if (from != Type{Type::Float, 32})
      decoder.fail("pairs are made of f32");
    decoder.expectOperands(3);
    op.d = decoder.write(decoder.operand(0), to);
    op.a = decoder.read(decoder.operand(1), from);
    op.b = decoder.read(decoder.operand(2), from);
    op.mode = static_cast<uint16_t>(static_cast<uint16_t>(decoder.rounding()) | (decoder.has("relu") ? 8 : 0) |
                                    (decoder.has("satfinite") ? 16 : 0));
    op.run = to.kind == Type::Brain ? pack<true> : op.mode == 0 && hasVectors() ? packHalfVector : pack<false>;
    return true;
  }
  if (from.packed)
    decoder.fail("a pair cannot be converted");
  decoder.expectOperands(2);
  op.d = decoder.write(decoder.operand(0), to, /*orWider=*/!isFloating(to));
  op.a = decoder.read(decoder.operand(1), from, /*orWider=*/!isFloating(from));
  bool integral = decoder.has("rni") || decoder.has("rzi") || decoder.has("rmi") || decoder.has("rpi");
  op.mode = integral && isFloating(to) && isFloating(from) ? 1 : 0;
  Conversion c{to,
               from,
               decoder.rounding(isFloating(from) && !isFloating(to) ? Round::Zero : Round::Nearest),
               decoder.has("sat") || decoder.has("satfinite"),
               decoder.has("ftz"),
               decoder.has("relu")};
  if (to == Type{Type::Float, 32} && from == Type{Type::Half, 16} && !c.saturate && !c.relu) {
    op.run = unary<float, uint16_t, widenHalf>;
    return true;
  }
  unsigned fromBytes = decoder.registerBytes(decoder.operand(1), from),
           toBytes = decoder.registerBytes(decoder.operand(0), to);
  if (!isFloating(to) && !isFloating(from) && !c.saturate && fromBytes == from.bytes() && toBytes == to.bytes())
    if (Handler handler = plainInteger(to, from)) {
      op.run = handler;
      return true;
    }
  if (to.kind == Type::Tensor && !decoder.has("rna") && !decoder.has("rn") && !decoder.has("rz"))
    decoder.fail("a rounding is needed");
  op.immediate =
      encode(c, decoder.registerBytes(decoder.operand(1), from), decoder.registerBytes(decoder.operand(0), to));
  op.run = convert;
  return true;
}
