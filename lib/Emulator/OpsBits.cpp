//===- OpsBits.cpp - Bit fields, permutations, tables of logic -------------===//
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
using Raw = std::make_unsigned_t<T>;

template <typename T>
uint32_t population(T a) {
  return static_cast<uint32_t>(std::popcount(a));
}
template <typename T>
uint32_t leadingZeros(T a) {
  return static_cast<uint32_t>(std::countl_zero(a));
}
template <typename T>
T reverseBits(T a) {
  T result = 0;
  for (unsigned i = 0; i < 8 * sizeof(T); ++i)
    result |= (a >> i & 1) << (8 * sizeof(T) - 1 - i);
  return result;
}
/// The highest bit that differs from the sign (or the highest one bit), or -1; with Shift, how far left it would have to go.
template <typename T, bool Shift>
uint32_t findHighest(T a) {
  auto bits = static_cast<Raw<T>>(std::is_signed_v<T> && a < 0 ? ~a : a);
  if (bits == 0)
    return UINT32_MAX;
  int at = static_cast<int>(8 * sizeof(T)) - 1 - std::countl_zero(bits);
  return static_cast<uint32_t>(Shift ? static_cast<int>(8 * sizeof(T)) - 1 - at : at);
}

template <typename T>
void bitFieldExtract(Warp &warp, const Op &op) {
  const T *a = warp.slot<T>(op.a);
  const uint32_t *position = warp.slot<uint32_t>(op.b), *length = warp.slot<uint32_t>(op.c);
  T *d = warp.slot<T>(op.d);
  constexpr unsigned bits = 8 * sizeof(T);
  forLanes(warp, [&](unsigned lane) {
    unsigned pos = position[lane] & 255, len = length[lane] & 255;
    auto value = static_cast<Raw<T>>(a[lane]);
    bool sign = std::is_signed_v<T> && len != 0 && (value >> std::min(pos + len - 1, bits - 1) & 1);
    Raw<T> field = pos >= bits ? 0 : value >> pos;
    unsigned valid = pos >= bits ? 0 : std::min(len, bits - pos);
    Raw<T> mask = valid >= bits ? ~Raw<T>(0) : (Raw<T>(1) << valid) - 1;
    d[lane] = static_cast<T>((field & mask) | (sign ? ~mask : 0));
  });
}

template <typename T>
void bitFieldInsert(Warp &warp, const Op &op) {
  const T *a = warp.slot<T>(op.a), *b = warp.slot<T>(op.b);
  const uint32_t *position = warp.slot<uint32_t>(op.c), *length = warp.slot<uint32_t>(op.e);
  T *d = warp.slot<T>(op.d);
  constexpr unsigned bits = 8 * sizeof(T);
  forLanes(warp, [&](unsigned lane) {
    unsigned pos = position[lane] & 255, len = length[lane] & 255;
    T mask = pos >= bits || len == 0 ? T(0) : static_cast<T>((len >= bits ? ~T(0) : (T(1) << len) - 1) << pos);
    d[lane] = (b[lane] & ~mask) | (pos >= bits ? T(0) : static_cast<T>(a[lane] << pos) & mask);
  });
}

uint32_t permuteBytes(uint32_t a, uint32_t b, uint32_t selector) {
  uint64_t bytes = uint64_t(b) << 32 | a;
  uint32_t result = 0;
  for (unsigned i = 0; i < 4; ++i) {
    uint32_t pick = selector >> (4 * i);
    auto byte = static_cast<uint8_t>(bytes >> (8 * (pick & 7)));
    if (pick & 8)
      byte = byte & 0x80 ? 0xff : 0;
    result |= uint32_t(byte) << (8 * i);
  }
  return result;
}

/// The special modes of prmt: forward/backward 4 extract, replicate 8 and 16, edge clamps.
template <unsigned Mode>
uint32_t permuteMode(uint32_t a, uint32_t b, uint32_t c) {
  static constexpr uint16_t selectors[6][4] = {{0x3210, 0x4321, 0x5432, 0x6543}, {0x5670, 0x6701, 0x7012, 0x0123},
                                               {0x0000, 0x1111, 0x2222, 0x3333}, {0x3210, 0x3211, 0x3222, 0x3333},
                                               {0x0000, 0x1110, 0x2210, 0x3210}, {0x1010, 0x3232, 0x1010, 0x3232}};
  return permuteBytes(a, b, selectors[Mode][c & 3]);
}

void lop3(Warp &warp, const Op &op) {
  uint32_t *d = warp.slot<uint32_t>(op.d);
  const uint32_t *a = warp.slot<uint32_t>(op.a), *b = warp.slot<uint32_t>(op.b), *c = warp.slot<uint32_t>(op.c);
  auto table = static_cast<uint32_t>(op.immediate);
  forLanes(warp, [&](unsigned lane) {
    uint32_t result = 0;
    for (unsigned i = 0; i < 8; ++i)
      if (table >> i & 1)
        result |= (i & 4 ? a[lane] : ~a[lane]) & (i & 2 ? b[lane] : ~b[lane]) & (i & 1 ? c[lane] : ~c[lane]);
    d[lane] = result;
  });
}

template <bool Left, bool Clamp>
uint32_t funnel(uint32_t a, uint32_t b, uint32_t c) {
  uint32_t n = Clamp ? std::min(c, 32u) : c & 31;
  uint64_t both = uint64_t(b) << 32 | a;
  return static_cast<uint32_t>(Left ? (n == 32 ? a : (both << n) >> 32) : (n == 32 ? b : both >> n));
}

template <typename A, typename B>
int32_t dot4(uint32_t a, uint32_t b, uint32_t c) {
  uint32_t sum = c;
  for (unsigned i = 0; i < 4; ++i)
    sum += static_cast<uint32_t>(int32_t(static_cast<A>(a >> (8 * i))) * int32_t(static_cast<B>(b >> (8 * i))));
  return static_cast<int32_t>(sum);
}
} // namespace

bool fftconv::emulator::decodeBits(Decoder &decoder, Op &op) {
  const std::string &opcode = decoder.opcode();
  op.instructionClass = Class::Integer;
  Type b32{Type::Bits, 32};
  auto unaryToWord = [&](Handler narrow, Handler wide) {
    Type type = decoder.type();
    decoder.expectOperands(2);
    op.d = decoder.write(decoder.operand(0), b32);
    op.a = decoder.read(decoder.operand(1), type);
    op.run = type.bits == 32 ? narrow : type.bits == 64 ? wide : nullptr;
    if (!op.run)
      decoder.fail("unsupported type");
    return true;
  };
  if (opcode == "popc") {
    decoder.allow({});
    return unaryToWord(unary<uint32_t, uint32_t, population<uint32_t>>,
                       unary<uint32_t, uint64_t, population<uint64_t>>);
  }
  if (opcode == "clz") {
    decoder.allow({});
    return unaryToWord(unary<uint32_t, uint32_t, leadingZeros<uint32_t>>,
                       unary<uint32_t, uint64_t, leadingZeros<uint64_t>>);
  }
  if (opcode == "bfind") {
    decoder.allow({"shiftamt"});
    bool isSigned = decoder.type().kind == Type::Signed;
    if (decoder.has("shiftamt"))
      return isSigned ? unaryToWord(unary<uint32_t, int32_t, findHighest<int32_t, true>>,
                                    unary<uint32_t, int64_t, findHighest<int64_t, true>>)
                      : unaryToWord(unary<uint32_t, uint32_t, findHighest<uint32_t, true>>,
                                    unary<uint32_t, uint64_t, findHighest<uint64_t, true>>);
    return isSigned ? unaryToWord(unary<uint32_t, int32_t, findHighest<int32_t, false>>,
                                  unary<uint32_t, int64_t, findHighest<int64_t, false>>)
                    : unaryToWord(unary<uint32_t, uint32_t, findHighest<uint32_t, false>>,
                                  unary<uint32_t, uint64_t, findHighest<uint64_t, false>>);
  }
  if (opcode == "brev") {
    decoder.allow({});
    Type type = decoder.type();
    readOperands(decoder, op, type, 1);
    op.run = type.bits == 32   ? unary<uint32_t, uint32_t, reverseBits<uint32_t>>
             : type.bits == 64 ? unary<uint64_t, uint64_t, reverseBits<uint64_t>>
                               : nullptr;
    if (!op.run)
      decoder.fail("unsupported type");
    return true;
  }
  if (opcode == "bfe" || opcode == "bfi") {
    decoder.allow({});
    Type type = decoder.type();
    bool insert = opcode == "bfi", isSigned = type.kind == Type::Signed;
    decoder.expectOperands(insert ? 5 : 4);
    op.d = decoder.write(decoder.operand(0), type);
    op.a = decoder.read(decoder.operand(1), type);
    if (insert) {
      op.b = decoder.read(decoder.operand(2), type);
      op.c = decoder.read(decoder.operand(3), b32);
      op.e = decoder.read(decoder.operand(4), b32);
      op.run = type.bits == 32 ? bitFieldInsert<uint32_t> : type.bits == 64 ? bitFieldInsert<uint64_t> : nullptr;
    } else {
      op.b = decoder.read(decoder.operand(2), b32);
      op.c = decoder.read(decoder.operand(3), b32);
      op.run = type.bits == 32   ? (isSigned ? bitFieldExtract<int32_t> : bitFieldExtract<uint32_t>)
               : type.bits == 64 ? (isSigned ? bitFieldExtract<int64_t> : bitFieldExtract<uint64_t>)
                                 : nullptr;
    }
    if (!op.run)
      decoder.fail("unsupported type");
    return true;
  }
  if (opcode == "prmt") {
    static constexpr std::pair<std::string_view, Handler> modes[] = {
        {"f4e", ternary<uint32_t, uint32_t, uint32_t, permuteMode<0>>},
        {"b4e", ternary<uint32_t, uint32_t, uint32_t, permuteMode<1>>},
        {"rc8", ternary<uint32_t, uint32_t, uint32_t, permuteMode<2>>},
        {"ecl", ternary<uint32_t, uint32_t, uint32_t, permuteMode<3>>},
        {"ecr", ternary<uint32_t, uint32_t, uint32_t, permuteMode<4>>},
        {"rc16", ternary<uint32_t, uint32_t, uint32_t, permuteMode<5>>}};
    decoder.allow({"f4e", "b4e", "rc8", "ecl", "ecr", "rc16"});
    readOperands(decoder, op, b32, 3);
    op.run = ternary<uint32_t, uint32_t, uint32_t, permuteBytes>;
    for (auto [name, handler] : modes)
      if (decoder.has(name))
        op.run = handler;
    return true;
  }
  if (opcode == "lop3") {
    decoder.allow({});
    decoder.expectOperands(5);
    op.d = decoder.write(decoder.operand(0), b32);
    op.a = decoder.read(decoder.operand(1), b32);
    op.b = decoder.read(decoder.operand(2), b32);
    op.c = decoder.read(decoder.operand(3), b32);
    if (decoder.operand(4).kind != Operand::Integer)
      decoder.fail("the table of lop3 must be an immediate");
    op.immediate = decoder.operand(4).value & 255;
    op.run = lop3;
    return true;
  }
  if (opcode == "shf") {
    decoder.allow({"l", "r", "wrap", "clamp"});
    readOperands(decoder, op, b32, 3);
    bool left = decoder.has("l"), clamp = decoder.has("clamp");
    op.run = left ? (clamp ? ternary<uint32_t, uint32_t, uint32_t, funnel<true, true>>
                           : ternary<uint32_t, uint32_t, uint32_t, funnel<true, false>>)
                  : (clamp ? ternary<uint32_t, uint32_t, uint32_t, funnel<false, true>>
                           : ternary<uint32_t, uint32_t, uint32_t, funnel<false, false>>);
    return true;
  }
  if (opcode == "dp4a") {
    std::vector<Type> types = decoder.types();
    if (types.size() != 2)
      decoder.fail("two types are needed");
    readOperands(decoder, op, b32, 3);
    bool a = types[0].kind == Type::Signed, b = types[1].kind == Type::Signed;
    op.run = a ? (b ? ternary<uint32_t, uint32_t, uint32_t, dot4<int8_t, int8_t>>
                    : ternary<uint32_t, uint32_t, uint32_t, dot4<int8_t, uint8_t>>)
               : (b ? ternary<uint32_t, uint32_t, uint32_t, dot4<uint8_t, int8_t>>
                    : ternary<uint32_t, uint32_t, uint32_t, dot4<uint8_t, uint8_t>>);
    return true;
  }
  return false;
}
