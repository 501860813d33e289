//===- OpsFloat.cpp - f32 and f64 arithmetic ------------------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Round to nearest is the host's arithmetic; other roundings switch its mode for one instruction. Approximate functions (ex2.approx and
// the like) give the nearest f32, which is within the error that PTX allows; hardware's last bits differ.
//
//===----------------------------------------------------------------------===//

#include "Lanes.h"
#include "Vectors.h"

#include <cfenv>
#include <numbers>

using namespace fftconv::emulator;

namespace {
enum class Shape { Add, Sub, Mul, Div, Fma, Sqrt, Rcp };

template <typename T, Shape S>
T compute(T a, T b, T c) {
  switch (S) {
  case Shape::Add:
    return a + b;
  case Shape::Sub:
    return a - b;
  case Shape::Mul:
    return a * b;
  case Shape::Div:
    return a / b;
  case Shape::Fma:
    return std::fma(a, b, c);
  case Shape::Sqrt:
    return std::sqrt(a);
  case Shape::Rcp:
    return T(1) / a;
  }
}

template <typename T>
T saturate(T value) {
  return value > T(0) ? (value < T(1) ? value : T(1)) : T(0); // NaN becomes 0
}

/// NaN results are canonical.
template <typename T>
T canonical(T value) {
  if constexpr (sizeof(T) == 4)
    return value == value ? value : std::bit_cast<float>(0x7fffffff);
  else
    return value == value ? value : std::bit_cast<double>(uint64_t(0x7ff8) << 48);
}

/// Mode: bits 0 to 2 the rounding, 8 flushes subnormals, 16 saturates.
constexpr uint16_t flushes = 8, saturates = 16;

template <typename T, Shape S>
void nearest(Warp &warp, const Op &op) {
  T *__restrict d = warp.slot<T>(op.d);
  const T *a = warp.slot<T>(op.a), *b = op.b == noSlot ? a : warp.slot<T>(op.b),
          *c = op.c == noSlot ? a : warp.slot<T>(op.c);
  forLanes(warp, [&](unsigned lane) { d[lane] = canonical(compute<T, S>(a[lane], b[lane], c[lane])); });
}

/// Fused multiply-add on hosts that have it, 32 lanes at once.
#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) void fmaNative(Warp &warp, const Op &op) {
  float *__restrict d = warp.slot<float>(op.d);
  const float *a = warp.slot<float>(op.a), *b = warp.slot<float>(op.b), *c = warp.slot<float>(op.c);
  if (warp.mask == allLanes) {
    for (unsigned lane = 0; lane < 32; ++lane) {
      float value = __builtin_fmaf(a[lane], b[lane], c[lane]);
      d[lane] = value == value ? value : std::bit_cast<float>(0x7fffffff);
    }
    return;
  }
  for (uint32_t rest = warp.mask; rest; rest &= rest - 1) {
    auto lane = static_cast<unsigned>(__builtin_ctz(rest));
    d[lane] = canonical(__builtin_fmaf(a[lane], b[lane], c[lane]));
  }
}
#else
void fmaNative(Warp &, const Op &) {}
#endif

void fmaPortable(Warp &warp, const Op &op) {
  float *__restrict d = warp.slot<float>(op.d);
  const float *a = warp.slot<float>(op.a), *b = warp.slot<float>(op.b), *c = warp.slot<float>(op.c);
  forLanes(warp, [&](unsigned lane) { d[lane] = canonical(fusedMultiplyAdd(a[lane], b[lane], c[lane])); });
}

/// Any rounding, flushing and saturation. Flushing takes subnormal operands and results for zeros.
template <typename T, Shape S>
void general(Warp &warp, const Op &op) {
  T *d = warp.slot<T>(op.d);
  const T *a = warp.slot<T>(op.a), *b = op.b == noSlot ? a : warp.slot<T>(op.b),
          *c = op.c == noSlot ? a : warp.slot<T>(op.c);
  static constexpr int modes[] = {FE_TONEAREST, FE_TOWARDZERO, FE_DOWNWARD, FE_UPWARD};
  bool flush32 = sizeof(T) == 4 && (op.mode & flushes);
  int before = std::fegetround();
  std::fesetround(modes[op.mode & 3]);
  forLanes(warp, [&](unsigned lane) {
    volatile T x = a[lane], y = b[lane], z = c[lane];
    if constexpr (sizeof(T) == 4)
      if (flush32) {
        x = flush(x);
        y = flush(y);
        z = flush(z);
      }
    volatile T value = compute<T, S>(x, y, z);
    T result = value;
    if constexpr (sizeof(T) == 4)
      if (flush32)
        result = flush(result);
    d[lane] = op.mode & saturates ? saturate(result) : canonical(result);
  });
  std::fesetround(before);
}

//===----------------------------------------------------------------------===//
// Functions of one operand, minimum and maximum
//===----------------------------------------------------------------------===//

float exp2Of(float a) { return static_cast<float>(std::exp2(static_cast<double>(a))); }
float log2Of(float a) { return static_cast<float>(std::log2(static_cast<double>(a))); }
float sinOf(float a) { return static_cast<float>(std::sin(static_cast<double>(a))); }
float cosOf(float a) { return static_cast<float>(std::cos(static_cast<double>(a))); }
float tanhOf(float a) { return static_cast<float>(std::tanh(static_cast<double>(a))); }
float rsqrtOf(float a) { return static_cast<float>(1 / std::sqrt(static_cast<double>(a))); }
double rcp64Of(double a) { return 1 / a; }
double rsqrt64Of(double a) { return 1 / std::sqrt(a); }

template <auto F>
void function32(Warp &warp, const Op &op) {
  float *d = warp.slot<float>(op.d);
  const float *a = warp.slot<float>(op.a);
  bool flushing = op.mode & flushes;
  forLanes(warp, [&](unsigned lane) {
    float value = F(flushing ? flush(a[lane]) : a[lane]);
    d[lane] = canonical(flushing ? flush(value) : value);
  });
}

/// Mode: 8 flushes, 32 propagates NaN, 64 takes the sign of a xor of both (.xorsign.abs), 128 works on magnitudes.
template <typename T, bool Max>
void extremum(Warp &warp, const Op &op) {
  T *d = warp.slot<T>(op.d);
  const T *a = warp.slot<T>(op.a), *b = warp.slot<T>(op.b), *c = op.c == noSlot ? nullptr : warp.slot<T>(op.c);
  auto pick = [&](T x, T y) {
    if constexpr (sizeof(T) == 4)
      if (op.mode & flushes) {
        x = flush(x);
        y = flush(y);
      }
    bool sign = std::signbit(x) != std::signbit(y);
    if (op.mode & 128) {
      x = std::fabs(x);
      y = std::fabs(y);
    }
    if (x != x || y != y) {
      if ((op.mode & 32) || (x != x && y != y))
        return canonical(std::numeric_limits<T>::quiet_NaN());
      return x != x ? y : x;
    }
    bool first = x == y ? (std::signbit(x) != Max) : (x < y) != Max;
    T value = first ? x : y;
    return op.mode & 64 ? std::copysign(value, sign ? T(-1) : T(1)) : value;
  };
  forLanes(warp, [&](unsigned lane) {
    T value = pick(a[lane], b[lane]);
    d[lane] = c ? pick(value, c[lane]) : value;
  });
}

template <typename T>
void signOp(Warp &warp, const Op &op) {
  using Bits = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
  constexpr Bits top = Bits(1) << (8 * sizeof(T) - 1);
  Bits *d = warp.slot<Bits>(op.d);
  const Bits *a = warp.slot<Bits>(op.a), *b = op.b == noSlot ? a : warp.slot<Bits>(op.b);
  forLanes(warp, [&](unsigned lane) {
    Bits x = a[lane];
    if constexpr (sizeof(T) == 4)
      if ((op.mode & flushes) && !(x & 0x7f800000))
        x &= top;
    // abs, neg, copysign (the sign of a, the magnitude of b)
    d[lane] = (op.mode & 3) == 0 ? x & ~top : (op.mode & 3) == 1 ? x ^ top : (a[lane] & top) | (b[lane] & ~top);
  });
}

template <typename T>
void testProperty(Warp &warp, const Op &op) {
  const T *a = warp.slot<T>(op.a);
  uint32_t &d = warp.predicate(op.d);
  forLanes(warp, [&](unsigned lane) {
    int kind = std::fpclassify(a[lane]);
    bool is[] = {kind != FP_INFINITE && kind != FP_NAN,
                 kind == FP_INFINITE,
                 kind != FP_NAN,
                 kind == FP_NAN,
                 kind == FP_NORMAL,
                 kind == FP_SUBNORMAL};
    d = (d & ~(1u << lane)) | uint32_t(is[op.mode]) << lane;
  });
}

/// Two f32 in 64 bits, each on its own.
template <Shape S>
void pairwise(Warp &warp, const Op &op) {
  uint64_t *d = warp.slot<uint64_t>(op.d);
  const uint64_t *a = warp.slot<uint64_t>(op.a), *b = warp.slot<uint64_t>(op.b),
                 *c = op.c == noSlot ? a : warp.slot<uint64_t>(op.c);
  forLanes(warp, [&](unsigned lane) {
    auto half = [&](int shift) -> uint64_t {
      auto of = [&](uint64_t pair) { return std::bit_cast<float>(static_cast<uint32_t>(pair >> shift)); };
      float value = compute<float, S>(of(a[lane]), of(b[lane]), of(c[lane]));
      return uint64_t(std::bit_cast<uint32_t>(canonical(value))) << shift;
    };
    d[lane] = half(0) | half(32);
  });
}

/// An operation of f32 whose first operands (all but the last) are 16 bits wide: f16, or bf16 where the mode is not 0.
template <Shape S>
void mixed(Warp &warp, const Op &op) {
  float *d = warp.slot<float>(op.d);
  const uint16_t *a = warp.slot<uint16_t>(op.a), *b = S == Shape::Fma ? warp.slot<uint16_t>(op.b) : a;
  const float *c = warp.slot<float>(S == Shape::Fma ? op.c : op.b);
  auto wide = [&](uint16_t bits) { return op.mode ? brainToFloat(bits) : halfToFloat(bits); };
  forLanes(warp, [&](unsigned lane) {
    float x = wide(a[lane]), z = c[lane];
    d[lane] = canonical(S == Shape::Fma ? compute<float, S>(x, wide(b[lane]), z) : compute<float, S>(x, z, z));
  });
}

/// add, sub and fma .f32.f16 and .f32.bf16.
bool decodeMixed(Decoder &decoder, Op &op, Type narrow) {
  const std::string &opcode = decoder.opcode();
  bool fused = opcode == "fma";
  if (narrow.packed || (!fused && opcode != "add" && opcode != "sub"))
    return false;
  decoder.allow({"rn"});
  decoder.expectOperands(fused ? 4 : 3);
  Type wide{Type::Float, 32};
  op.instructionClass = Class::F32;
  op.mode = narrow.kind == Type::Brain;
  op.d = decoder.write(decoder.operand(0), wide);
  op.a = decoder.read(decoder.operand(1), narrow);
  op.b = decoder.read(decoder.operand(2), fused ? narrow : wide);
  if (fused)
    op.c = decoder.read(decoder.operand(3), wide);
  op.run = fused ? mixed<Shape::Fma> : opcode == "add" ? mixed<Shape::Add> : mixed<Shape::Sub>;
  return true;
}

template <Shape S>
bool arithmetic(Decoder &decoder, Op &op, Type type, size_t count) {
  bool approximate = decoder.has("approx") || decoder.has("full");
  Round mode = decoder.rounding();
  uint16_t flags = static_cast<uint16_t>((decoder.has("ftz") ? flushes : 0) | (decoder.has("sat") ? saturates : 0));
  readOperands(decoder, op, type, count);
  op.mode = static_cast<uint16_t>(static_cast<uint16_t>(mode) | flags);
  bool plain = (mode == Round::Nearest || approximate) && flags == 0;
  if (type.bits == 64)
    op.run = plain ? nearest<double, S> : general<double, S>;
  else if (plain && S == Shape::Fma)
    op.run = hasVectors() ? fmaNative : fmaPortable;
  else
    op.run = plain ? nearest<float, S> : general<float, S>;
  return true;
}
} // namespace

bool fftconv::emulator::decodeFloat(Decoder &decoder, Op &op) {
  const std::string &opcode = decoder.opcode();
  std::vector<Type> types = decoder.types();
  if (types.size() == 2 && types[0] == Type{Type::Float, 32} &&
      (types[1].kind == Type::Half || types[1].kind == Type::Brain))
    return decodeMixed(decoder, op, types[1]);
  if (types.empty() || types.back().kind != Type::Float)
    return false;
  Type type = types.back();
  op.instructionClass = type.bits == 64 && !type.packed ? Class::F64 : Class::F32;

  static constexpr std::pair<std::string_view, int> shapes[] = {{"add", 0}, {"sub", 1}, {"mul", 2},  {"div", 3},
                                                                {"fma", 4}, {"mad", 4}, {"sqrt", 5}, {"rcp", 6}};
  for (auto [name, shape] : shapes)
    if (opcode == name) {
      if (types.size() > 1)
        return false; // mixed precision: fma.f32.f16 and the like
      if (type.packed) {
        static constexpr Handler pairs[] = {pairwise<Shape::Add>, pairwise<Shape::Sub>, pairwise<Shape::Mul>, nullptr,
                                            pairwise<Shape::Fma>};
        if (opcode != "add" && opcode != "sub" && opcode != "mul" && opcode != "fma")
          return false;
        decoder.allow({"rn"});
        readOperands(decoder, op, type, opcode == "fma" ? 3 : 2);
        op.run = pairs[shape];
        return true;
      }
      bool rounds64 = opcode == "rcp" && type.bits == 64 && decoder.has("approx");
      decoder.allow({"rn", "rz", "rm", "rp", "ftz", "sat", "approx", "full"});
      if (rounds64) {
        readOperands(decoder, op, type, 1);
        op.run = unary<double, double, rcp64Of>;
        return true;
      }
      switch (shape) {
      case 0:
        return arithmetic<Shape::Add>(decoder, op, type, 2);
      case 1:
        return arithmetic<Shape::Sub>(decoder, op, type, 2);
      case 2:
        return arithmetic<Shape::Mul>(decoder, op, type, 2);
      case 3:
        return arithmetic<Shape::Div>(decoder, op, type, 2);
      case 4:
        return arithmetic<Shape::Fma>(decoder, op, type, 3);
      case 5:
        return arithmetic<Shape::Sqrt>(decoder, op, type, 1);
      default:
        return arithmetic<Shape::Rcp>(decoder, op, type, 1);
      }
    }
  if (type.packed)
    return false;
  if (opcode == "min" || opcode == "max") {
    decoder.allow({"ftz", "NaN", "xorsign", "abs"});
    readOperands(decoder, op, type, decoder.operandCount() == 4 ? 3 : 2);
    op.mode = static_cast<uint16_t>((decoder.has("ftz") ? flushes : 0) | (decoder.has("NaN") ? 32 : 0) |
                                    (decoder.has("xorsign") ? 64 | 128 : 0) | (decoder.has("abs") ? 128 : 0));
    bool max = opcode == "max";
    op.run = type.bits == 64 ? (max ? extremum<double, true> : extremum<double, false>)
                             : (max ? extremum<float, true> : extremum<float, false>);
    return true;
  }
  if (opcode == "abs" || opcode == "neg" || opcode == "copysign") {
    decoder.allow({"ftz"});
    readOperands(decoder, op, type, opcode == "copysign" ? 2 : 1);
    op.mode = static_cast<uint16_t>((opcode == "abs"   ? 0
                                     : opcode == "neg" ? 1
                                                       : 2) |
                                    (decoder.has("ftz") ? flushes : 0));
    op.run = type.bits == 64 ? signOp<double> : signOp<float>;
    return true;
  }
  if (opcode == "testp") {
    static constexpr std::string_view properties[] = {"finite",     "infinite", "number",
                                                      "notanumber", "normal",   "subnormal"};
    decoder.allow({"finite", "infinite", "number", "notanumber", "normal", "subnormal"});
    decoder.expectOperands(2);
    op.d = decoder.writePredicate(decoder.operand(0));
    op.a = decoder.read(decoder.operand(1), type);
    for (uint16_t i = 0; i < 6; ++i)
      if (decoder.has(properties[i]))
        op.mode = i;
    op.run = type.bits == 64 ? testProperty<double> : testProperty<float>;
    return true;
  }
  static constexpr std::pair<std::string_view, Handler> functions[] = {
      {"ex2", function32<exp2Of>}, {"lg2", function32<log2Of>},  {"sin", function32<sinOf>},
      {"cos", function32<cosOf>},  {"tanh", function32<tanhOf>}, {"rsqrt", function32<rsqrtOf>}};
  for (auto [name, handler] : functions)
    if (opcode == name) {
      decoder.allow({"approx", "ftz"});
      readOperands(decoder, op, type, 1);
      op.mode = decoder.has("ftz") ? flushes : 0;
      op.run = handler;
      if (type.bits == 64) {
        if (opcode != "rsqrt")
          decoder.fail("unsupported type");
        op.run = unary<double, double, rsqrt64Of>;
      }
      return true;
    }
  return false;
}
