//===- OpsInteger.cpp - Integer arithmetic, logic, shifts -----------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Lanes.h"

#include <type_traits>

using namespace fftconv::emulator;

namespace {
template <typename T>
using Wide =
    std::conditional_t<sizeof(T) == 8, std::conditional_t<std::is_signed_v<T>, __int128, unsigned __int128>,
                       std::conditional_t<sizeof(T) == 4, std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>,
                                          std::conditional_t<std::is_signed_v<T>, int32_t, uint32_t>>>;
template <typename T>
using Raw = std::make_unsigned_t<T>;

/// Arithmetic wraps; unsigned types of at least int's width keep C++ from calling that undefined.
template <typename T>
using Safe = std::conditional_t<(sizeof(T) < 4), uint32_t, Raw<T>>;

template <typename T>
struct Integer {
  static T add(T a, T b) { return static_cast<T>(Safe<T>(a) + Safe<T>(b)); }
  static T sub(T a, T b) { return static_cast<T>(Safe<T>(a) - Safe<T>(b)); }
  static T mul(T a, T b) { return static_cast<T>(Safe<T>(a) * Safe<T>(b)); }
  static T mulHigh(T a, T b) { return static_cast<T>((Wide<T>(a) * Wide<T>(b)) >> (8 * sizeof(T))); }
  static Wide<T> mulWide(T a, T b) { return Wide<T>(a) * Wide<T>(b); }
  static T div(T a, T b) {
    if (b == 0)
      return static_cast<T>(~T(0)); // unspecified by PTX; what hardware gives
    if (std::is_signed_v<T> && b == static_cast<T>(-1))
      return static_cast<T>(Safe<T>(0) - Safe<T>(a));
    return static_cast<T>(a / b);
  }
  static T rem(T a, T b) {
    if (b == 0)
      return a;
    if (std::is_signed_v<T> && b == static_cast<T>(-1))
      return 0;
    return static_cast<T>(a % b);
  }
  static T min(T a, T b) { return a < b ? a : b; }
  static T max(T a, T b) { return a > b ? a : b; }
  static T abs(T a) { return a < 0 ? static_cast<T>(Safe<T>(0) - Safe<T>(a)) : a; }
  static T neg(T a) { return static_cast<T>(Safe<T>(0) - Safe<T>(a)); }
  static T mad(T a, T b, T c) { return add(mul(a, b), c); }
  static T madHigh(T a, T b, T c) { return add(mulHigh(a, b), c); }
  static T sad(T a, T b, T c) { return add(c, a < b ? sub(b, a) : sub(a, b)); }
  static T addSaturate(T a, T b) {
    Wide<T> sum = Wide<T>(a) + b;
    return static_cast<T>(sum > std::numeric_limits<T>::max()   ? std::numeric_limits<T>::max()
                          : sum < std::numeric_limits<T>::min() ? std::numeric_limits<T>::min()
                                                                : sum);
  }
  static T subSaturate(T a, T b) {
    Wide<T> sum = Wide<T>(a) - b;
    return static_cast<T>(sum > std::numeric_limits<T>::max()   ? std::numeric_limits<T>::max()
                          : sum < std::numeric_limits<T>::min() ? std::numeric_limits<T>::min()
                                                                : sum);
  }
  static T logicAnd(T a, T b) { return static_cast<T>(a & b); }
  static T logicOr(T a, T b) { return static_cast<T>(a | b); }
  static T logicXor(T a, T b) { return static_cast<T>(a ^ b); }
  static T logicNot(T a) { return static_cast<T>(~a); }
  static T cnot(T a) { return a == 0; }
  static T min3(T a, T b, T c) { return min(min(a, b), c); }
  static T max3(T a, T b, T c) { return max(max(a, b), c); }
};

template <typename T>
T shiftLeft(T a, uint32_t b) {
  return b >= 8 * sizeof(T) ? T(0) : static_cast<T>(Safe<T>(a) << b);
}
template <typename T>
T shiftRight(T a, uint32_t b) {
  uint32_t bits = 8 * sizeof(T);
  if (b >= bits)
    return std::is_signed_v<T> && a < 0 ? static_cast<T>(-1) : T(0);
  return static_cast<T>(a >> b);
}

/// add.cc, addc, sub.cc, subc and their carries, one bit a lane in Warp::carry. Mode: 1 takes a carry, 2 gives one, 4 subtracts.
template <typename T>
void withCarry(Warp &warp, const Op &op) {
  T *d = warp.slot<T>(op.d);
  const T *a = warp.slot<T>(op.a), *b = warp.slot<T>(op.b);
  forLanes(warp, [&](unsigned lane) {
    bool subtract = op.mode & 4, in = op.mode & 1 ? warp.carry >> lane & 1 : subtract;
    unsigned __int128 sum =
        static_cast<unsigned __int128>(a[lane]) + (subtract ? static_cast<T>(~b[lane]) : b[lane]) + in;
    d[lane] = static_cast<T>(sum);
    if (op.mode & 2)
      warp.carry = (warp.carry & ~(1u << lane)) | uint32_t(sum >> (8 * sizeof(T)) & 1) << lane;
  });
}

/// Handlers of one operation for every integer type.
struct ByType {
  Handler s16, u16, s32, u32, s64, u64;
  Handler of(Type type) const {
    bool isSigned = type.kind == Type::Signed;
    switch (type.bits) {
    case 16:
      return isSigned ? s16 : u16;
    case 32:
      return isSigned ? s32 : u32;
    case 64:
      return isSigned ? s64 : u64;
    default:
      return nullptr;
    }
  }
};
#define BY_TYPE(shape, f)                                                                                              \
  ByType {                                                                                                             \
    shape<int16_t, int16_t, Integer<int16_t>::f>, shape<uint16_t, uint16_t, Integer<uint16_t>::f>,                     \
        shape<int32_t, int32_t, Integer<int32_t>::f>, shape<uint32_t, uint32_t, Integer<uint32_t>::f>,                 \
        shape<int64_t, int64_t, Integer<int64_t>::f>, shape<uint64_t, uint64_t, Integer<uint64_t>::f>                  \
  }
#define BY_TYPE3(f)                                                                                                    \
  ByType {                                                                                                             \
    ternary<int16_t, int16_t, int16_t, Integer<int16_t>::f>,                                                           \
        ternary<uint16_t, uint16_t, uint16_t, Integer<uint16_t>::f>,                                                   \
        ternary<int32_t, int32_t, int32_t, Integer<int32_t>::f>,                                                       \
        ternary<uint32_t, uint32_t, uint32_t, Integer<uint32_t>::f>,                                                   \
        ternary<int64_t, int64_t, int64_t, Integer<int64_t>::f>,                                                       \
        ternary<uint64_t, uint64_t, uint64_t, Integer<uint64_t>::f>                                                    \
  }

template <typename T>
void shiftLeftLanes(Warp &warp, const Op &op) {
  const T *a = warp.slot<T>(op.a);
  const uint32_t *b = warp.slot<uint32_t>(op.b);
  T *d = warp.slot<T>(op.d);
  forLanes(warp, [&](unsigned lane) { d[lane] = shiftLeft<T>(a[lane], b[lane]); });
}
template <typename T>
void shiftRightLanes(Warp &warp, const Op &op) {
  const T *a = warp.slot<T>(op.a);
  const uint32_t *b = warp.slot<uint32_t>(op.b);
  T *d = warp.slot<T>(op.d);
  forLanes(warp, [&](unsigned lane) { d[lane] = shiftRight<T>(a[lane], b[lane]); });
}

template <typename T>
void madWide(Warp &warp, const Op &op) {
  const T *a = warp.slot<T>(op.a), *b = warp.slot<T>(op.b);
  const Wide<T> *c = warp.slot<Wide<T>>(op.c);
  Wide<T> *d = warp.slot<Wide<T>>(op.d);
  forLanes(warp,
           [&](unsigned lane) { d[lane] = Integer<Wide<T>>::add(Integer<T>::mulWide(a[lane], b[lane]), c[lane]); });
}

void predicateLogic(Warp &warp, const Op &op) {
  uint32_t a = warp.predicate(op.a), b = op.b == noSlot ? 0 : warp.predicate(op.b);
  uint32_t value = op.mode == 0 ? a & b : op.mode == 1 ? a | b : op.mode == 2 ? a ^ b : ~a;
  uint32_t &d = warp.predicate(op.d);
  d = (d & ~warp.mask) | (value & warp.mask);
}

bool isInteger(Type type) {
  return type.kind == Type::Bits || type.kind == Type::Unsigned || type.kind == Type::Signed;
}

bool take(Decoder &decoder, Op &op, const ByType &handlers, size_t count) {
  Type type = decoder.type();
  op.run = handlers.of(type);
  if (!op.run)
    decoder.fail("unsupported type");
  readOperands(decoder, op, type, count);
  return true;
}

bool decodeMultiply(Decoder &decoder, Op &op) {
  bool isMad = decoder.opcode() == "mad";
  Type type = decoder.type();
  if (decoder.has("wide")) {
    decoder.allow({"wide"});
    Type wide{type.kind, static_cast<uint8_t>(2 * type.bits)};
    decoder.expectOperands(isMad ? 4 : 3);
    op.d = decoder.write(decoder.operand(0), wide);
    op.a = decoder.read(decoder.operand(1), type);
    op.b = decoder.read(decoder.operand(2), type);
    bool isSigned = type.kind == Type::Signed;
    if (isMad) {
      op.c = decoder.read(decoder.operand(3), wide);
      op.run = type.bits == 16   ? (isSigned ? madWide<int16_t> : madWide<uint16_t>)
               : type.bits == 32 ? (isSigned ? madWide<int32_t> : madWide<uint32_t>)
                                 : nullptr;
    } else {
      op.run = type.bits == 16   ? (isSigned ? binary<int32_t, int16_t, Integer<int16_t>::mulWide>
                                             : binary<uint32_t, uint16_t, Integer<uint16_t>::mulWide>)
               : type.bits == 32 ? (isSigned ? binary<int64_t, int32_t, Integer<int32_t>::mulWide>
                                             : binary<uint64_t, uint32_t, Integer<uint32_t>::mulWide>)
                                 : nullptr;
    }
    if (!op.run)
      decoder.fail("unsupported type");
    return true;
  }
  decoder.allow({"lo", "hi"});
  bool high = decoder.has("hi");
  if (!high && !decoder.has("lo"))
    decoder.fail("a product needs .lo, .hi or .wide");
  if (isMad)
    return take(decoder, op, high ? BY_TYPE3(madHigh) : BY_TYPE3(mad), 3);
  return take(decoder, op, high ? BY_TYPE(binary, mulHigh) : BY_TYPE(binary, mul), 2);
}

} // namespace

bool fftconv::emulator::decodeInteger(Decoder &decoder, Op &op) {
  const std::string &opcode = decoder.opcode();
  op.instructionClass = Class::Integer;
  std::vector<Type> types = decoder.types();
  if (types.empty())
    return false;
  Type type = types.back();

  if (type.kind == Type::Predicate) {
    static constexpr std::string_view names[] = {"and", "or", "xor", "not"};
    for (uint16_t mode = 0; mode < 4; ++mode)
      if (opcode == names[mode]) {
        decoder.expectOperands(mode == 3 ? 2 : 3);
        op.d = decoder.writePredicate(decoder.operand(0));
        op.a = decoder.readPredicate(decoder.operand(1));
        if (mode != 3)
          op.b = decoder.readPredicate(decoder.operand(2));
        op.mode = mode;
        op.run = predicateLogic;
        return true;
      }
    return false;
  }
  if (!isInteger(type))
    return false;
  if (opcode == "mul" || opcode == "mad")
    return decodeMultiply(decoder, op);
  if (opcode == "mul24" || opcode == "mad24")
    return false;
  if (opcode == "add" || opcode == "sub" || opcode == "addc" || opcode == "subc") {
    decoder.allow({"sat", "cc"});
    bool subtract = opcode.starts_with("sub"), takes = opcode.ends_with('c');
    if (takes || decoder.has("cc")) {
      op.mode = static_cast<uint16_t>((takes ? 1 : 0) | (decoder.has("cc") ? 2 : 0) | (subtract ? 4 : 0));
      readOperands(decoder, op, type, 2);
      op.run = type.bits == 32 ? withCarry<uint32_t> : type.bits == 64 ? withCarry<uint64_t> : nullptr;
      if (!op.run)
        decoder.fail("unsupported type");
      return true;
    }
    if (decoder.has("sat")) {
      if (type.kind != Type::Signed || type.bits != 32)
        decoder.fail(".sat is for s32");
      return take(decoder, op, subtract ? BY_TYPE(binary, subSaturate) : BY_TYPE(binary, addSaturate), 2);
    }
    return take(decoder, op, subtract ? BY_TYPE(binary, sub) : BY_TYPE(binary, add), 2);
  }
  static const std::pair<std::string_view, ByType> binaries[] = {
      {"div", BY_TYPE(binary, div)},     {"rem", BY_TYPE(binary, rem)},      {"min", BY_TYPE(binary, min)},
      {"max", BY_TYPE(binary, max)},     {"and", BY_TYPE(binary, logicAnd)}, {"or", BY_TYPE(binary, logicOr)},
      {"xor", BY_TYPE(binary, logicXor)}};
  for (const auto &[name, handlers] : binaries)
    if (opcode == name) {
      decoder.allow({});
      if ((name == "min" || name == "max") && decoder.operandCount() == 4)
        return take(decoder, op, name == "min" ? BY_TYPE3(min3) : BY_TYPE3(max3), 3);
      return take(decoder, op, handlers, 2);
    }
  static const std::pair<std::string_view, ByType> unaries[] = {{"not", BY_TYPE(unary, logicNot)},
                                                                {"cnot", BY_TYPE(unary, cnot)},
                                                                {"neg", BY_TYPE(unary, neg)},
                                                                {"abs", BY_TYPE(unary, abs)}};
  for (const auto &[name, handlers] : unaries)
    if (opcode == name) {
      decoder.allow({});
      return take(decoder, op, handlers, 1);
    }
  if (opcode == "sad") {
    decoder.allow({});
    return take(decoder, op, BY_TYPE3(sad), 3);
  }
  if (opcode == "shl" || opcode == "shr") {
    decoder.allow({});
    decoder.expectOperands(3);
    op.d = decoder.write(decoder.operand(0), type);
    op.a = decoder.read(decoder.operand(1), type);
    op.b = decoder.read(decoder.operand(2), {Type::Bits, 32});
    static const ByType left{shiftLeftLanes<int16_t>,  shiftLeftLanes<uint16_t>, shiftLeftLanes<int32_t>,
                             shiftLeftLanes<uint32_t>, shiftLeftLanes<int64_t>,  shiftLeftLanes<uint64_t>};
    static const ByType right{shiftRightLanes<int16_t>,  shiftRightLanes<uint16_t>, shiftRightLanes<int32_t>,
                              shiftRightLanes<uint32_t>, shiftRightLanes<int64_t>,  shiftRightLanes<uint64_t>};
    op.run = (opcode == "shl" ? left : right).of(type);
    if (!op.run)
      decoder.fail("unsupported type");
    return true;
  }
  return false;
}
