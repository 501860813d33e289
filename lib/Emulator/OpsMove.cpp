//===- OpsMove.cpp - mov, address conversions -----------------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Lanes.h"

using namespace fftconv::emulator;

namespace {
template <typename T>
T same(T value) {
  return value;
}

void movePredicate(Warp &warp, const Op &op) {
  uint32_t &d = warp.predicate(op.d);
  d = (d & ~warp.mask) | (warp.predicate(op.a) & warp.mask);
}

/// Clocks count what the warp executed.
void readClock(Warp &warp, const Op &op) {
  uint64_t now = warp.executed;
  if (op.mode == 64)
    forLanes(warp, [&](unsigned lane) { warp.slot<uint64_t>(op.d)[lane] = now; });
  else
    forLanes(warp, [&](unsigned lane) {
      warp.slot<uint32_t>(op.d)[lane] = static_cast<uint32_t>(op.mode == 33 ? now >> 32 : now);
    });
}

void activeMask(Warp &warp, const Op &op) {
  forLanes(warp, [&](unsigned lane) { warp.slot<uint32_t>(op.d)[lane] = warp.mask; });
}

void makePolicy(Warp &warp, const Op &op) {
  forLanes(warp, [&](unsigned lane) { warp.slot<uint64_t>(op.d)[lane] = 0; });
}

/// Element i of the pool, of `width` bytes in each lane.
template <typename Part, typename Whole>
void packParts(Warp &warp, const Op &op) {
  constexpr unsigned count = sizeof(Whole) / sizeof(Part);
  const uint32_t *slots = &warp.cta->launch->kernel->pool[op.pool];
  Whole *d = warp.slot<Whole>(op.d);
  forLanes(warp, [&](unsigned lane) {
    Whole value = 0;
    for (unsigned i = 0; i < count; ++i)
      value |= Whole(warp.slot<Part>(slots[i])[lane]) << (8 * sizeof(Part) * i);
    d[lane] = value;
  });
}
template <typename Part, typename Whole>
void unpackParts(Warp &warp, const Op &op) {
  constexpr unsigned count = sizeof(Whole) / sizeof(Part);
  const uint32_t *slots = &warp.cta->launch->kernel->pool[op.pool];
  const Whole *a = warp.slot<Whole>(op.a);
  forLanes(warp, [&](unsigned lane) {
    Whole value = a[lane];
    for (unsigned i = 0; i < count; ++i)
      warp.slot<Part>(slots[i])[lane] = static_cast<Part>(value >> (8 * sizeof(Part) * i));
  });
}

template <typename T>
void addImmediate(Warp &warp, const Op &op) {
  T *d = warp.slot<T>(op.d);
  const T *a = warp.slot<T>(op.a);
  forLanes(warp, [&](unsigned lane) { d[lane] = static_cast<T>(a[lane] + static_cast<T>(op.immediate)); });
}

uint64_t windowOf(Space space) {
  return space == Space::Shared  ? sharedWindow
         : space == Space::Local ? localWindow
         : space == Space::Param ? paramWindow
                                 : 0;
}

void isSpace(Warp &warp, const Op &op) {
  const uint64_t *a = warp.slot<uint64_t>(op.a);
  uint32_t &d = warp.predicate(op.d);
  forLanes(warp, [&](unsigned lane) {
    uint64_t window = windowOf(op.space);
    bool is = window ? a[lane] - window < windowBytes : a[lane] < paramWindow;
    d = (d & ~(1u << lane)) | uint32_t(is) << lane;
  });
}

/// The slots of a vector that makes up a value of `type`, of equal parts.
uint32_t parts(Decoder &decoder, const Operand &vector, Type type, bool writes, unsigned &partBytes) {
  size_t count = vector.elements.size();
  if (count < 2 || type.bytes() % count || type.bytes() / count < 2)
    decoder.fail("a vector that does not make up the type");
  partBytes = static_cast<unsigned>(type.bytes() / count);
  Type part{Type::Bits, static_cast<uint8_t>(8 * partBytes)};
  std::vector<uint32_t> slots;
  for (const Operand &element : vector.elements)
    slots.push_back(writes ? decoder.write(element, part) : decoder.read(element, part));
  return decoder.addPool(slots);
}
} // namespace

bool fftconv::emulator::decodeMove(Decoder &decoder, Op &op) {
  const std::string &opcode = decoder.opcode();
  op.instructionClass = Class::Integer;
  if (opcode == "mov") {
    decoder.allow({});
    decoder.expectOperands(2);
    Type type = decoder.type();
    const Operand &to = decoder.operand(0), &from = decoder.operand(1);
    if (type.kind == Type::Predicate) {
      op.d = decoder.writePredicate(to);
      op.a = decoder.readPredicate(from);
      op.run = movePredicate;
      return true;
    }
    unsigned partBytes = 0;
    if (from.kind == Operand::Vector) {
      op.d = decoder.write(to, type);
      op.pool = parts(decoder, from, type, false, partBytes);
      op.run = type.bytes() == 4 ? packParts<uint16_t, uint32_t>
               : partBytes == 4  ? packParts<uint32_t, uint64_t>
                                 : packParts<uint16_t, uint64_t>;
      return true;
    }
    if (to.kind == Operand::Vector) {
      op.a = decoder.read(from, type);
      op.pool = parts(decoder, to, type, true, partBytes);
      op.run = type.bytes() == 4 ? unpackParts<uint16_t, uint32_t>
               : partBytes == 4  ? unpackParts<uint32_t, uint64_t>
                                 : unpackParts<uint16_t, uint64_t>;
      return true;
    }
    op.d = decoder.write(to, type);
    if (from.kind == Operand::Special && (from.name.starts_with("%clock") || from.name.starts_with("%globaltimer"))) {
      op.mode = from.name == "%clock_hi" ? 33 : type.bits;
      op.run = readClock;
      return true;
    }
    op.a = decoder.read(from, type);
    // A special register of 32 bits may be read as 16 or 64, through a slot of its own width.
    if (from.kind == Operand::Special && type.bits != 32) {
      if (type.bits == 16)
        op.run = unary<uint16_t, uint32_t, same<uint32_t>>;
      else
        op.run = unary<uint64_t, uint32_t, same<uint32_t>>;
      return true;
    }
    op.run = type.bits == 16   ? unary<uint16_t, uint16_t, same<uint16_t>>
             : type.bits == 32 ? unary<uint32_t, uint32_t, same<uint32_t>>
             : type.bits == 64 ? unary<uint64_t, uint64_t, same<uint64_t>>
                               : nullptr;
    if (!op.run)
      decoder.fail("unsupported type");
    return true;
  }
  if (opcode == "activemask") {
    decoder.allow({});
    decoder.expectOperands(1);
    op.d = decoder.write(decoder.operand(0), {Type::Bits, 32});
    op.run = activeMask;
    return true;
  }
  if (opcode == "createpolicy") {
    // There is no cache here that would follow it.
    decoder.allow({"fractional", "L2::evict_last", "L2::evict_first", "L2::evict_normal", "L2::evict_unchanged"});
    decoder.expectOperands(2);
    op.d = decoder.write(decoder.operand(0), {Type::Bits, 64});
    op.run = makePolicy;
    return true;
  }
  if (opcode == "cvta") {
    decoder.allow({"to", "global", "shared", "shared::cta", "local", "const", "param", "param::entry"});
    decoder.expectOperands(2);
    Type type = decoder.type();
    if (type.bits != 64)
      decoder.fail("generic addresses have 64 bits");
    op.d = decoder.write(decoder.operand(0), type);
    op.a = decoder.read(decoder.operand(1), type);
    auto window = static_cast<int64_t>(windowOf(decoder.space()));
    op.immediate = decoder.has("to") ? -window : window;
    op.run = addImmediate<uint64_t>;
    return true;
  }
  if (opcode == "isspacep") {
    decoder.allow({"global", "shared", "shared::cta", "local", "const", "param"});
    decoder.expectOperands(2);
    op.d = decoder.writePredicate(decoder.operand(0));
    op.a = decoder.read(decoder.operand(1), {Type::Bits, 64});
    op.space = decoder.space();
    op.run = isSpace;
    return true;
  }
  return false;
}
