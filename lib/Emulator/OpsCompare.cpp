//===- OpsCompare.cpp - Comparisons and selections ------------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Lanes.h"

#include <algorithm>

using namespace fftconv::emulator;

namespace {
/// What compares true: any of less, equal, greater and unordered.
enum Relation : uint16_t { Less = 1, Equal = 2, Greater = 4, Unordered = 8 };

/// Mode: bits 0 to 3 the relation, then how the third predicate joins in (0 none, 1 and, 2 or, 3 xor), then its negation, flushing.
constexpr unsigned joinShift = 4, negateShift = 6, flushShift = 7;

template <typename T>
uint16_t relate(T a, T b) {
  return a < b ? Less : a == b ? Equal : a > b ? Greater : Unordered;
}

/// Values of a register slot as what is compared.
template <typename T>
struct Plain {
  using Stored = T;
  static T get(T v, bool) { return v; }
};
struct FlushedFloat {
  using Stored = float;
  static float get(float v, bool flushing) { return flushing ? flush(v) : v; }
};
struct HalfValue {
  using Stored = uint16_t;
  static float get(uint16_t v, bool flushing) {
    return flushing && !(v & 0x7c00) ? std::copysign(0.0f, halfToFloat(v)) : halfToFloat(v);
  }
};
struct BrainValue {
  using Stored = uint16_t;
  static float get(uint16_t v, bool) { return brainToFloat(v); }
};

template <typename V>
uint32_t compareLanes(Warp &warp, const Op &op) {
  const auto *a = warp.slot<typename V::Stored>(op.a), *b = warp.slot<typename V::Stored>(op.b);
  bool flushing = op.mode >> flushShift & 1;
  uint32_t result = 0;
  forLanes(warp, [&](unsigned lane) {
    bool holds = (relate(V::get(a[lane], flushing), V::get(b[lane], flushing)) & op.mode) != 0;
    result |= uint32_t(holds) << lane;
  });
  return result;
}

uint32_t join(const Warp &warp, const Op &op, uint32_t value) {
  if (op.c == noSlot)
    return value;
  uint32_t other = warp.predicate(op.c) ^ (op.mode >> negateShift & 1 ? allLanes : 0);
  switch (op.mode >> joinShift & 3) {
  case 1:
    return value & other;
  case 2:
    return value | other;
  case 3:
    return value ^ other;
  default:
    return value;
  }
}

void assign(const Warp &warp, uint32_t slot, uint32_t value) {
  if (slot == noSlot)
    return;
  uint32_t &d = warp.predicate(slot);
  d = (d & ~warp.mask) | (value & warp.mask);
}

/// d = (a cmp b) join c, e = !(a cmp b) join c.
template <typename V>
void setPredicate(Warp &warp, const Op &op) {
  uint32_t value = compareLanes<V>(warp, op);
  uint32_t first = join(warp, op, value), second = join(warp, op, ~value);
  assign(warp, op.d, first);
  assign(warp, op.e, second);
}

/// Pairs: d for the lower halves, e for the upper ones.
template <typename V>
void setPredicatePair(Warp &warp, const Op &op) {
  const uint32_t *a = warp.slot<uint32_t>(op.a), *b = warp.slot<uint32_t>(op.b);
  bool flushing = op.mode >> flushShift & 1;
  uint32_t low = 0, high = 0;
  forLanes(warp, [&](unsigned lane) {
    for (unsigned half = 0; half < 2; ++half) {
      auto x = static_cast<uint16_t>(a[lane] >> (16 * half)), y = static_cast<uint16_t>(b[lane] >> (16 * half));
      bool holds = (relate(V::get(x, flushing), V::get(y, flushing)) & op.mode) != 0;
      (half ? high : low) |= uint32_t(holds) << lane;
    }
  });
  low = join(warp, op, low);
  high = join(warp, op, high);
  assign(warp, op.d, low);
  assign(warp, op.e, high);
}

/// set: all ones or 1.0 of the result's type. immediate is the bits of true.
template <typename V, typename D>
void setValue(Warp &warp, const Op &op) {
  uint32_t value = join(warp, op, compareLanes<V>(warp, op));
  D *d = warp.slot<D>(op.d);
  forLanes(warp, [&](unsigned lane) { d[lane] = value >> lane & 1 ? static_cast<D>(op.immediate) : D(0); });
}

/// set of pairs: each half of the result is true (immediate) or zero.
template <typename V>
void setPair(Warp &warp, const Op &op) {
  const uint32_t *a = warp.slot<uint32_t>(op.a), *b = warp.slot<uint32_t>(op.b);
  uint32_t *d = warp.slot<uint32_t>(op.d);
  bool flushing = op.mode >> flushShift & 1;
  forLanes(warp, [&](unsigned lane) {
    uint32_t result = 0;
    for (unsigned half = 0; half < 2; ++half) {
      auto x = static_cast<uint16_t>(a[lane] >> (16 * half)), y = static_cast<uint16_t>(b[lane] >> (16 * half));
      if (relate(V::get(x, flushing), V::get(y, flushing)) & op.mode)
        result |= static_cast<uint32_t>(op.immediate & 0xffff) << (16 * half);
    }
    d[lane] = result;
  });
}

template <typename T>
void select(Warp &warp, const Op &op) {
  T *d = warp.slot<T>(op.d);
  const T *a = warp.slot<T>(op.a), *b = warp.slot<T>(op.b);
  uint32_t p = warp.predicate(op.c);
  forLanes(warp, [&](unsigned lane) { d[lane] = p >> lane & 1 ? a[lane] : b[lane]; });
}

/// d = c >= 0 ? a : b.
template <typename T, typename C>
void selectBySign(Warp &warp, const Op &op) {
  T *d = warp.slot<T>(op.d);
  const T *a = warp.slot<T>(op.a), *b = warp.slot<T>(op.b);
  const C *c = warp.slot<C>(op.c);
  forLanes(warp, [&](unsigned lane) { d[lane] = c[lane] >= C(0) ? a[lane] : b[lane]; });
}

uint16_t relationOf(Decoder &decoder, Type type) {
  static constexpr std::pair<std::string_view, uint16_t> relations[] = {{"eq", Equal},
                                                                        {"ne", Less | Greater},
                                                                        {"lt", Less},
                                                                        {"le", Less | Equal},
                                                                        {"gt", Greater},
                                                                        {"ge", Greater | Equal},
                                                                        {"lo", Less},
                                                                        {"ls", Less | Equal},
                                                                        {"hi", Greater},
                                                                        {"hs", Greater | Equal},
                                                                        {"equ", Equal | Unordered},
                                                                        {"neu", Less | Greater | Unordered},
                                                                        {"ltu", Less | Unordered},
                                                                        {"leu", Less | Equal | Unordered},
                                                                        {"gtu", Greater | Unordered},
                                                                        {"geu", Greater | Equal | Unordered},
                                                                        {"num", Less | Equal | Greater},
                                                                        {"nan", Unordered}};
  for (auto [name, relation] : relations)
    if (!decoder.modifiers().empty() && decoder.modifiers()[0] == name) {
      bool isFloat = type.kind == Type::Float || type.kind == Type::Half || type.kind == Type::Brain;
      if (!isFloat && (relation & Unordered))
        decoder.fail("an unordered comparison of integers");
      return relation;
    }
  decoder.fail("unknown comparison");
}

uint16_t flagsOf(Decoder &decoder, Type type) {
  uint16_t flags = relationOf(decoder, type);
  flags |= (decoder.has("and") ? 1 : decoder.has("or") ? 2 : decoder.has("xor") ? 3 : 0) << joinShift;
  return static_cast<uint16_t>(flags | (decoder.has("ftz") ? 1 << flushShift : 0));
}

template <template <typename> class Shape>
Handler byType(Type type) {
  bool isSigned = type.kind == Type::Signed;
  if (type.kind == Type::Half)
    return Shape<HalfValue>::run;
  if (type.kind == Type::Brain)
    return Shape<BrainValue>::run;
  if (type.kind == Type::Float)
    return type.bits == 64 ? Shape<Plain<double>>::run : Shape<FlushedFloat>::run;
  switch (type.bits) {
  case 16:
    return isSigned ? Shape<Plain<int16_t>>::run : Shape<Plain<uint16_t>>::run;
  case 32:
    return isSigned ? Shape<Plain<int32_t>>::run : Shape<Plain<uint32_t>>::run;
  case 64:
    return isSigned ? Shape<Plain<int64_t>>::run : Shape<Plain<uint64_t>>::run;
  default:
    return nullptr;
  }
}
template <typename V>
struct SetPredicate {
  static constexpr Handler run = setPredicate<V>;
};
template <typename V>
struct SetWord {
  static constexpr Handler run = setValue<V, uint32_t>;
};
template <typename V>
struct SetShort {
  static constexpr Handler run = setValue<V, uint16_t>;
};

void third(Decoder &decoder, Op &op, size_t index) {
  if (decoder.operandCount() <= index)
    return;
  decoder.expectOperands(index + 1);
  op.c = decoder.readPredicate(decoder.operand(index));
  if (decoder.operand(index).negated)
    op.mode |= 1 << negateShift;
}
} // namespace

bool fftconv::emulator::decodeCompare(Decoder &decoder, Op &op) {
  const std::string &opcode = decoder.opcode();
  if (opcode != "setp" && opcode != "set" && opcode != "selp" && opcode != "slct")
    return false;
  std::vector<Type> types = decoder.types();
  if (types.empty())
    decoder.fail("a type is needed");
  Type type = types.back();
  op.instructionClass = type.kind == Type::Float ? (type.bits == 64 ? Class::F64 : Class::F32)
                        : type.kind == Type::Half || type.kind == Type::Brain ? Class::F16
                                                                              : Class::Integer;
  if (opcode == "selp") {
    decoder.allow({});
    decoder.expectOperands(4);
    op.d = decoder.write(decoder.operand(0), type);
    op.a = decoder.read(decoder.operand(1), type);
    op.b = decoder.read(decoder.operand(2), type);
    op.c = decoder.readPredicate(decoder.operand(3));
    op.run = type.bits == 16   ? select<uint16_t>
             : type.bits == 32 ? select<uint32_t>
             : type.bits == 64 ? select<uint64_t>
                               : nullptr;
    if (!op.run)
      decoder.fail("unsupported type");
    return true;
  }
  if (opcode == "slct") {
    decoder.allow({"ftz"});
    if (types.size() != 2)
      decoder.fail("two types are needed");
    decoder.expectOperands(4);
    op.d = decoder.write(decoder.operand(0), types[0]);
    op.a = decoder.read(decoder.operand(1), types[0]);
    op.b = decoder.read(decoder.operand(2), types[0]);
    op.c = decoder.read(decoder.operand(3), types[1]);
    bool isFloat = types[1].kind == Type::Float;
    switch (types[0].bits) {
    case 16:
      op.run = isFloat ? selectBySign<uint16_t, float> : selectBySign<uint16_t, int32_t>;
      return true;
    case 32:
      op.run = isFloat ? selectBySign<uint32_t, float> : selectBySign<uint32_t, int32_t>;
      return true;
    case 64:
      op.run = isFloat ? selectBySign<uint64_t, float> : selectBySign<uint64_t, int32_t>;
      return true;
    default:
      decoder.fail("unsupported type");
    }
  }
  decoder.allow({"eq",  "ne",  "lt",  "le",  "gt",  "ge",  "lo",  "ls",  "hi", "hs",  "equ",
                 "neu", "ltu", "leu", "gtu", "geu", "num", "nan", "and", "or", "xor", "ftz"});
  op.mode = flagsOf(decoder, type);
  op.a = decoder.read(decoder.operand(1), type);
  op.b = decoder.read(decoder.operand(2), type);
  if (opcode == "setp") {
    std::vector<Operand> results = decoder.elements(decoder.operand(0));
    if (results.empty() || results.size() > 2)
      decoder.fail("one or two predicates are set");
    op.d = decoder.writePredicate(results[0]);
    if (results.size() == 2)
      op.e = decoder.writePredicate(results[1]);
    third(decoder, op, 3);
    if (type.packed)
      op.run = type.kind == Type::Half ? setPredicatePair<HalfValue> : setPredicatePair<BrainValue>;
    else
      op.run = byType<SetPredicate>(type);
  } else {
    if (types.size() != 2)
      decoder.fail("two types are needed");
    Type result = types[0];
    op.d = decoder.write(decoder.operand(0), result);
    third(decoder, op, 3);
    if (type.packed) {
      op.immediate = result.packed ? (result.kind == Type::Half ? 0x3c00 : 0x3f80) : 0xffff;
      op.run = type.kind == Type::Half ? setPair<HalfValue> : setPair<BrainValue>;
      if (op.c != noSlot)
        decoder.fail("a comparison of pairs joined with a predicate");
    } else {
      op.immediate = result.kind == Type::Float   ? 0x3f800000
                     : result.kind == Type::Half  ? 0x3c00
                     : result.kind == Type::Brain ? 0x3f80
                                                  : -1;
      op.run = result.bits == 16 ? byType<SetShort>(type) : result.bits == 32 ? byType<SetWord>(type) : nullptr;
    }
  }
  if (!op.run)
    decoder.fail("unsupported type");
  return true;
}
