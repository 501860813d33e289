//===- OpsHalf.cpp - f16, bf16 and their pairs ----------------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A pair is two values in 32 bits. Arithmetic is exact in double (f16), or to odd (bf16), and rounded once. Pairs of f16, which fused
// kernels spend their time on, have a vector form that falls back where a second rounding could show.
//
//===----------------------------------------------------------------------===//

#include "Lanes.h"
#include "Vectors.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

using namespace fftconv::emulator;

namespace {
struct F16 {
  static float widen(uint16_t v) { return halfToFloat(v); }
  static uint16_t round(double v) { return doubleToHalf(v); }
  static constexpr uint16_t smallestNormal = 0x0400, infinity = 0x7c00, one = 0x3c00;
};
struct BF16 {
  static float widen(uint16_t v) { return brainToFloat(v); }
  static uint16_t round(double v) { return doubleToBrain(v); }
  static constexpr uint16_t smallestNormal = 0x0080, infinity = 0x7f80, one = 0x3f80;
};

enum class Kind : uint8_t { Add, Sub, Mul, Fma, Min, Max, Neg, Abs, Exp2, Tanh };

/// Mode bits: flush subnormals, saturate to [0, 1], clamp negatives (.relu), propagate NaN.
constexpr uint16_t flushes = 1, saturates = 2, relu = 4, propagates = 8;

template <typename F>
uint16_t flushed(uint16_t v) {
  return (v & 0x7fff) < F::smallestNormal ? v & 0x8000 : v;
}

template <typename F, Kind K>
uint16_t scalar(uint16_t a, uint16_t b, uint16_t c, uint16_t mode) {
  if (mode & flushes) {
    a = flushed<F>(a);
    b = flushed<F>(b);
    c = flushed<F>(c);
  }
  bool nanA = (a & 0x7fff) > F::infinity, nanB = (b & 0x7fff) > F::infinity;
  double x = F::widen(a), y = F::widen(b), z = F::widen(c);
  uint16_t result = 0;
  switch (K) {
  case Kind::Add:
    result = F::round(addToOdd(x, y));
    break;
  case Kind::Sub:
    result = F::round(addToOdd(x, -y));
    break;
  case Kind::Mul:
    result = F::round(x * y);
    break;
  case Kind::Fma:
    result = F::round(addToOdd(x * y, z));
    break;
  case Kind::Min:
  case Kind::Max: {
    if (nanA || nanB) {
      result = (mode & propagates) || (nanA && nanB) ? halfNan : nanA ? b : a;
      break;
    }
    bool first = x == y ? ((a >> 15) != 0) != (K == Kind::Max) : (x < y) != (K == Kind::Max);
    result = first ? a : b;
    break;
  }
  case Kind::Neg:
    return a ^ 0x8000;
  case Kind::Abs:
    return a & 0x7fff;
  case Kind::Exp2:
    result = F::round(std::exp2(x));
    break;
  case Kind::Tanh:
    result = F::round(std::tanh(x));
    break;
  }
  if (mode & flushes)
    result = flushed<F>(result);
  bool nan = (result & 0x7fff) > F::infinity, negative = result >> 15;
  if (mode & saturates)
    return nan || negative ? 0 : result > F::one ? F::one : result;
  if ((mode & relu) && negative && !nan)
    return 0;
  return result;
}

template <typename F, Kind K>
void single(Warp &warp, const Op &op) {
  uint16_t *d = warp.slot<uint16_t>(op.d);
  const uint16_t *a = warp.slot<uint16_t>(op.a), *b = op.b == noSlot ? a : warp.slot<uint16_t>(op.b),
                 *c = op.c == noSlot ? a : warp.slot<uint16_t>(op.c);
  forLanes(warp, [&](unsigned lane) { d[lane] = scalar<F, K>(a[lane], b[lane], c[lane], op.mode); });
}

template <typename F, Kind K>
void pair(Warp &warp, const Op &op) {
  uint32_t *d = warp.slot<uint32_t>(op.d);
  const uint32_t *a = warp.slot<uint32_t>(op.a), *b = op.b == noSlot ? a : warp.slot<uint32_t>(op.b),
                 *c = op.c == noSlot ? a : warp.slot<uint32_t>(op.c);
  forLanes(warp, [&](unsigned lane) {
    uint32_t x = a[lane], y = b[lane], z = c[lane];
    d[lane] = scalar<F, K>(static_cast<uint16_t>(x), static_cast<uint16_t>(y), static_cast<uint16_t>(z), op.mode) |
              uint32_t(scalar<F, K>(static_cast<uint16_t>(x >> 16), static_cast<uint16_t>(y >> 16),
                                    static_cast<uint16_t>(z >> 16), op.mode))
                  << 16;
  });
}

#if defined(__x86_64__)
/// Eight pairs' worth of f16 at a time, in f32. The f32 result, once rounded, is rounded again to f16: that is wrong only where it lies
/// half-way between two f16 values, or is subnormal there; then the scalar form decides. NaN goes there too, to be canonical.
template <Kind K>
__attribute__((target("avx2,fma,f16c"))) void pairVector(Warp &warp, const Op &op) {
  if (warp.mask != allLanes)
    return pair<F16, K>(warp, op);
  auto load = [&](uint32_t slot, unsigned i) __attribute__((target("avx2,fma,f16c"))) {
    return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i *>(warp.registers + slot) + i));
  };
  const uint32_t *a = warp.slot<uint32_t>(op.a), *b = warp.slot<uint32_t>(op.b),
                 *c = op.c == noSlot ? a : warp.slot<uint32_t>(op.c);
  uint32_t *d = warp.slot<uint32_t>(op.d);
  for (unsigned i = 0; i < 8; ++i) {
    __m256 x = load(op.a, i), y = load(op.b, i), value;
    if (K == Kind::Add)
      value = _mm256_add_ps(x, y);
    else if (K == Kind::Sub)
      value = _mm256_sub_ps(x, y);
    else if (K == Kind::Mul)
      value = _mm256_mul_ps(x, y);
    else
      value = _mm256_fmadd_ps(x, y, load(op.c, i));
    __m256i bits = _mm256_castps_si256(value);
    __m256i magnitude = _mm256_and_si256(bits, _mm256_set1_epi32(0x7fffffff));
    __m256i halfWay = _mm256_cmpeq_epi32(_mm256_and_si256(bits, _mm256_set1_epi32(0x1fff)), _mm256_set1_epi32(0x1000));
    __m256i subnormal = _mm256_and_si256(_mm256_cmpgt_epi32(_mm256_set1_epi32(0x38800000), magnitude),
                                         _mm256_cmpgt_epi32(magnitude, _mm256_setzero_si256()));
    __m256i nan = _mm256_cmpgt_epi32(magnitude, _mm256_set1_epi32(0x7f800000));
    __m256i doubtful = _mm256_or_si256(_mm256_or_si256(halfWay, subnormal), nan);
    if (_mm256_testz_si256(doubtful, doubtful)) {
      _mm_storeu_si128(reinterpret_cast<__m128i *>(d) + i, _mm256_cvtps_ph(value, _MM_FROUND_TO_NEAREST_INT));
      continue;
    }
    for (unsigned lane = 4 * i; lane < 4 * i + 4; ++lane) {
      uint32_t u = a[lane], v = b[lane], w = c[lane];
      d[lane] = scalar<F16, K>(static_cast<uint16_t>(u), static_cast<uint16_t>(v), static_cast<uint16_t>(w), 0) |
                uint32_t(scalar<F16, K>(static_cast<uint16_t>(u >> 16), static_cast<uint16_t>(v >> 16),
                                        static_cast<uint16_t>(w >> 16), 0))
                    << 16;
    }
  }
}
#else
template <Kind K>
void pairVector(Warp &warp, const Op &op) {
  pair<F16, K>(warp, op);
}
#endif

template <Kind K>
Handler handlerOf(Type type) {
  if (type.kind == Type::Half)
    return type.packed ? pair<F16, K> : single<F16, K>;
  return type.packed ? pair<BF16, K> : single<BF16, K>;
}

template <Kind K>
bool take(Decoder &decoder, Op &op, Type type, size_t count) {
  readOperands(decoder, op, type, count);
  op.run = handlerOf<K>(type);
  if constexpr (K == Kind::Add || K == Kind::Sub || K == Kind::Mul || K == Kind::Fma)
    if (type.kind == Type::Half && type.packed && op.mode == 0 && hasVectors())
      op.run = pairVector<K>;
  return true;
}
} // namespace

bool fftconv::emulator::decodeHalf(Decoder &decoder, Op &op) {
  const std::string &opcode = decoder.opcode();
  std::vector<Type> types = decoder.types();
  if (types.size() != 1 || (types[0].kind != Type::Half && types[0].kind != Type::Brain))
    return false;
  Type type = types[0];
  op.instructionClass = Class::F16;
  op.mode = static_cast<uint16_t>((decoder.has("ftz") ? flushes : 0) | (decoder.has("sat") ? saturates : 0) |
                                  (decoder.has("relu") ? relu : 0) | (decoder.has("NaN") ? propagates : 0));
  if (opcode == "add" || opcode == "sub" || opcode == "mul" || opcode == "fma") {
    decoder.allow({"rn", "ftz", "sat", "relu"});
    if (opcode == "fma")
      return take<Kind::Fma>(decoder, op, type, 3);
    return opcode == "add"   ? take<Kind::Add>(decoder, op, type, 2)
           : opcode == "sub" ? take<Kind::Sub>(decoder, op, type, 2)
                             : take<Kind::Mul>(decoder, op, type, 2);
  }
  if (opcode == "min" || opcode == "max") {
    decoder.allow({"ftz", "NaN"});
    return opcode == "min" ? take<Kind::Min>(decoder, op, type, 2) : take<Kind::Max>(decoder, op, type, 2);
  }
  if (opcode == "neg" || opcode == "abs") {
    decoder.allow({"ftz"});
    return opcode == "neg" ? take<Kind::Neg>(decoder, op, type, 1) : take<Kind::Abs>(decoder, op, type, 1);
  }
  if (opcode == "ex2" || opcode == "tanh") {
    decoder.allow({"approx", "ftz"});
    return opcode == "ex2" ? take<Kind::Exp2>(decoder, op, type, 1) : take<Kind::Tanh>(decoder, op, type, 1);
  }
  return false;
}
