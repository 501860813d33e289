//===- OpsAtomic.cpp - atom and red ---------------------------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Lanes go one after the other, lowest first. Global memory is shared with other host threads, so the operation there is a
// compare-and-swap loop on the host.
//
//===----------------------------------------------------------------------===//

#include "Lanes.h"
#include "Memory.h"

#include <cstring>

using namespace fftconv::emulator;

namespace {
enum class Atomic : uint8_t { Add, Min, Max, And, Or, Xor, Exchange, Compare, Increment, Decrement };

template <typename T>
T addWrapping(T a, T b) {
  if constexpr (std::is_floating_point_v<T>)
    return a + b;
  else
    return static_cast<T>(static_cast<std::make_unsigned_t<T>>(a) + static_cast<std::make_unsigned_t<T>>(b));
}

/// A pair of f16 or bf16 that adds half by half.
template <bool Brain>
struct Pair {
  uint32_t bits;
  friend Pair addWrapping(Pair a, Pair b) {
    auto one = [](uint32_t x, uint32_t y) -> uint32_t {
      auto u = static_cast<uint16_t>(x), v = static_cast<uint16_t>(y);
      return Brain ? doubleToBrain(addToOdd(brainToFloat(u), brainToFloat(v)))
                   : doubleToHalf(addToOdd(halfToFloat(u), halfToFloat(v)));
    };
    return {one(a.bits >> 16, b.bits >> 16) << 16 | one(a.bits, b.bits)};
  }
};
template <bool Brain>
struct Single {
  uint16_t bits;
  friend Single addWrapping(Single a, Single b) {
    return {Brain ? doubleToBrain(addToOdd(brainToFloat(a.bits), brainToFloat(b.bits)))
                  : doubleToHalf(addToOdd(halfToFloat(a.bits), halfToFloat(b.bits)))};
  }
};

template <typename T, Atomic A>
T apply(T old, T b, T c) {
  if constexpr (A == Atomic::Add)
    return addWrapping(old, b);
  else if constexpr (A == Atomic::Min)
    return old < b ? old : b;
  else if constexpr (A == Atomic::Max)
    return old > b ? old : b;
  else if constexpr (A == Atomic::And)
    return old & b;
  else if constexpr (A == Atomic::Or)
    return old | b;
  else if constexpr (A == Atomic::Xor)
    return old ^ b;
  else if constexpr (A == Atomic::Exchange)
    return b;
  else if constexpr (A == Atomic::Compare)
    return old == b ? c : old;
  else if constexpr (A == Atomic::Increment)
    return old >= b ? T(0) : static_cast<T>(old + 1);
  else
    return old == 0 || old > b ? b : static_cast<T>(old - 1);
}

template <size_t Bytes>
using Word = std::conditional_t<Bytes == 2, uint16_t, std::conditional_t<Bytes == 4, uint32_t, uint64_t>>;

/// b and c: operands (pool[0] and pool[1]); d: the old value, noSlot for red.
template <typename T, Atomic A>
void atomic(Warp &warp, const Op &op) {
  Addresses addresses;
  resolve(warp, op, sizeof(T), AccessKind::StrongWrite, addresses);
  const T *b = warp.slot<T>(op.b), *c = op.c == noSlot ? b : warp.slot<T>(op.c);
  std::array<T, 32> before;
  forLanes(warp, [&](unsigned lane) {
    using W = Word<sizeof(T)>;
    std::atomic_ref<W> cell(*reinterpret_cast<W *>(addresses.host[lane]));
    W seen = cell.load(std::memory_order_relaxed), wanted;
    do {
      T old;
      std::memcpy(&old, &seen, sizeof(T));
      T value = apply<T, A>(old, b[lane], c[lane]);
      std::memcpy(&wanted, &value, sizeof(T));
      before[lane] = old;
    } while (!cell.compare_exchange_weak(seen, wanted, std::memory_order_seq_cst));
  });
  if (op.d != noSlot) {
    T *d = warp.slot<T>(op.d);
    forLanes(warp, [&](unsigned lane) { d[lane] = before[lane]; });
  }
  ++warp.cta->progress;
}

template <typename T>
Handler integerHandler(std::string_view operation) {
  if (operation == "add")
    return atomic<T, Atomic::Add>;
  if (operation == "min")
    return atomic<T, Atomic::Min>;
  if (operation == "max")
    return atomic<T, Atomic::Max>;
  if (operation == "and")
    return atomic<T, Atomic::And>;
  if (operation == "or")
    return atomic<T, Atomic::Or>;
  if (operation == "xor")
    return atomic<T, Atomic::Xor>;
  if (operation == "exch")
    return atomic<T, Atomic::Exchange>;
  if (operation == "cas")
    return atomic<T, Atomic::Compare>;
  if (operation == "inc")
    return atomic<T, Atomic::Increment>;
  if (operation == "dec")
    return atomic<T, Atomic::Decrement>;
  return nullptr;
}

Handler handlerOf(std::string_view operation, Type type) {
  bool adds = operation == "add";
  switch (type.kind) {
  case Type::Float:
    return !adds ? nullptr : type.bits == 32 ? atomic<float, Atomic::Add> : atomic<double, Atomic::Add>;
  case Type::Half:
    return !adds ? nullptr : type.packed ? atomic<Pair<false>, Atomic::Add> : atomic<Single<false>, Atomic::Add>;
  case Type::Brain:
    return !adds ? nullptr : type.packed ? atomic<Pair<true>, Atomic::Add> : atomic<Single<true>, Atomic::Add>;
  case Type::Signed:
    return type.bits == 32   ? integerHandler<int32_t>(operation)
           : type.bits == 64 ? integerHandler<int64_t>(operation)
                             : nullptr;
  case Type::Bits:
  case Type::Unsigned:
    if (type.bits == 16)
      return operation == "cas"    ? atomic<uint16_t, Atomic::Compare>
             : operation == "exch" ? atomic<uint16_t, Atomic::Exchange>
                                   : nullptr;
    return type.bits == 32   ? integerHandler<uint32_t>(operation)
           : type.bits == 64 ? integerHandler<uint64_t>(operation)
                             : nullptr;
  default:
    return nullptr;
  }
}
} // namespace

bool fftconv::emulator::decodeAtomic(Decoder &decoder, Op &op) {
  const std::string &opcode = decoder.opcode();
  bool returns = opcode == "atom";
  if (!returns && opcode != "red")
    return false;
  decoder.allow({"add",     "min", "max",    "and",    "or",          "xor",     "exch",          "cas",
                 "inc",     "dec", "global", "shared", "shared::cta", "relaxed", "acquire",       "release",
                 "acq_rel", "cta", "gpu",    "sys",    "cluster",     "noftz",   "L2::cache_hint"});
  Type type = decoder.type();
  std::string_view operation;
  for (std::string_view name : {"add", "min", "max", "and", "or", "xor", "exch", "cas", "inc", "dec"})
    if (decoder.has(name))
      operation = name;
  size_t at = 0;
  if (returns)
    op.d = decoder.write(decoder.operand(at++), type);
  decoder.address(op, decoder.operand(at++), decoder.space());
  op.b = decoder.read(decoder.operand(at++), type);
  if (operation == "cas")
    op.c = decoder.read(decoder.operand(at++), type);
  decoder.expectOperands(at + (decoder.has("L2::cache_hint") ? 1 : 0));
  op.run = handlerOf(operation, type);
  if (!op.run)
    decoder.fail("unsupported atomic");
  op.instructionClass = op.space == Space::Shared ? Class::Shared : Class::Global;
  decoder.access(op.space, type.bytes());
  return true;
}
