//===- OpsInteger.cpp - Integer, logic, shifts, bit fields ----------------===//
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

template <typename A, typename B>
int32_t dot4(uint32_t a, uint32_t b, uint32_t c) {
  auto sum = static_cast<int32_t>(c);
  for (unsigned i = 0; i < 4; ++i)
    sum = Integer<int32_t>::add(sum, int32_t(static_cast<A>(a >> (8 * i))) * int32_t(static_cast<B>(b >> (8 * i))));
  return sum;
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

bool decodeBits(Decoder &decoder, Op &op) {
  const std::string &opcode = decoder.opcode();
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
    return take(decoder, op,
                {nullptr, nullptr, nullptr, unary<uint32_t, uint32_t, reverseBits<uint32_t>>, nullptr,
                 unary<uint64_t, uint64_t, reverseBits<uint64_t>>},
                1);
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
} // namespace

bool fftconv::emulator::decodeInteger(Decoder &decoder, Op &op) {
  const std::string &opcode = decoder.opcode();
  op.instructionClass = Class::Integer;
  if (decodeBits(decoder, op))
    return true;
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
