//===- OpsMemory.cpp - Loads and stores -----------------------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Lanes.h"
#include "Memory.h"

#include <cstring>

using namespace fftconv::emulator;

namespace {
/// Mode: 1 the base has 64 bits (Decoder::address), 2 the access is strong.
constexpr uint16_t strong = 2;

/// Elements of type M in memory, R in registers, to the slots of the pool.
template <typename M, typename R>
void load(Warp &warp, const Op &op) {
  Addresses addresses;
  resolve(warp, op, sizeof(M) * op.elements, op.mode & strong ? AccessKind::StrongRead : AccessKind::Read, addresses);
  const uint32_t *slots = &warp.cta->launch->kernel->pool[op.pool];
  for (unsigned e = 0; e < op.elements; ++e) {
    R *d = warp.slot<R>(slots[e]);
    forLanes(warp, [&](unsigned lane) {
      M value;
      std::memcpy(&value, addresses.host[lane] + e * sizeof(M), sizeof(M));
      d[lane] = static_cast<R>(value);
    });
  }
}

/// Lanes of one store that meet must agree: whose value stays is undefined.
template <typename M, typename R>
void checkAgreement(Warp &warp, const Op &op, const Addresses &addresses, const uint32_t *slots) {
  for (unsigned e = 0; e < op.elements; ++e)
    forLanes(warp, [&](unsigned lane) {
      M value = static_cast<M>(warp.slot<R>(slots[e])[lane]), kept;
      std::memcpy(&kept, addresses.host[lane] + e * sizeof(M), sizeof(M));
      if (kept != value && addresses.space[lane] == Space::Shared)
        warp.cta->launch->report(Check::SharedRace, op.line,
                                 "lanes of one store write different values to shared memory at byte " +
                                     std::to_string(addresses.at[lane]) + ", " + describeThread(warp, lane) +
                                     " among them");
    });
}

template <typename M, typename R>
void store(Warp &warp, const Op &op) {
  Addresses addresses;
  resolve(warp, op, sizeof(M) * op.elements, op.mode & strong ? AccessKind::StrongWrite : AccessKind::Write, addresses);
  const uint32_t *slots = &warp.cta->launch->kernel->pool[op.pool];
  for (unsigned e = 0; e < op.elements; ++e) {
    const R *a = warp.slot<R>(slots[e]);
    forLanes(warp, [&](unsigned lane) {
      M value = static_cast<M>(a[lane]);
      std::memcpy(addresses.host[lane] + e * sizeof(M), &value, sizeof(M));
    });
  }
  if (warp.cta->shadow.enabled() && warp.cta->launch->options.sharedRaces && !(op.mode & strong))
    checkAgreement<M, R>(warp, op, addresses, slots);
}

void nothing(Warp &, const Op &) {}

/// By the type in memory and the bytes of the register.
template <template <typename, typename> class Shape>
Handler select(Type type, unsigned registerBytes) {
  bool isSigned = type.kind == Type::Signed;
  switch (type.bits) {
  case 8:
    if (isSigned)
      return registerBytes == 2   ? Shape<int8_t, int16_t>::run
             : registerBytes == 4 ? Shape<int8_t, int32_t>::run
                                  : Shape<int8_t, int64_t>::run;
    return registerBytes == 2   ? Shape<uint8_t, uint16_t>::run
           : registerBytes == 4 ? Shape<uint8_t, uint32_t>::run
                                : Shape<uint8_t, uint64_t>::run;
  case 16:
    if (isSigned)
      return registerBytes == 2   ? Shape<int16_t, int16_t>::run
             : registerBytes == 4 ? Shape<int16_t, int32_t>::run
                                  : Shape<int16_t, int64_t>::run;
    return registerBytes == 2   ? Shape<uint16_t, uint16_t>::run
           : registerBytes == 4 ? Shape<uint16_t, uint32_t>::run
                                : Shape<uint16_t, uint64_t>::run;
  case 32:
    if (isSigned)
      return registerBytes == 4 ? Shape<int32_t, int32_t>::run : Shape<int32_t, int64_t>::run;
    return registerBytes == 4 ? Shape<uint32_t, uint32_t>::run : Shape<uint32_t, uint64_t>::run;
  case 64:
    return Shape<uint64_t, uint64_t>::run;
  default:
    return nullptr;
  }
}
template <typename M, typename R>
struct Load {
  static constexpr Handler run = load<M, R>;
};
template <typename M, typename R>
struct Store {
  static constexpr Handler run = store<M, R>;
};

Class classOf(Space space) {
  switch (space) {
  case Space::Shared:
    return Class::Shared;
  case Space::Local:
    return Class::Local;
  case Space::Param:
    return Class::Other;
  default:
    return Class::Global;
  }
}
} // namespace

bool fftconv::emulator::decodeMemory(Decoder &decoder, Op &op) {
  const std::string &opcode = decoder.opcode();
  if (opcode == "prefetch" || opcode == "prefetchu" || opcode == "applypriority" || opcode == "discard") {
    op.instructionClass = Class::Other;
    op.run = nothing;
    return true;
  }
  bool isLoad = opcode == "ld" || opcode == "ldu";
  if (!isLoad && opcode != "st")
    return false;
  decoder.allow({"weak",
                 "volatile",
                 "relaxed",
                 "acquire",
                 "release",
                 "mmio",
                 "cta",
                 "gpu",
                 "sys",
                 "cluster",
                 "nc",
                 "ca",
                 "cg",
                 "cs",
                 "lu",
                 "cv",
                 "wb",
                 "wt",
                 "v2",
                 "v4",
                 "v8",
                 "global",
                 "shared",
                 "shared::cta",
                 "const",
                 "local",
                 "param",
                 "param::entry",
                 "param::func",
                 "L1::evict_normal",
                 "L1::evict_unchanged",
                 "L1::evict_first",
                 "L1::evict_last",
                 "L1::no_allocate",
                 "L2::cache_hint",
                 "L2::64B",
                 "L2::128B",
                 "L2::256B",
                 "L2::evict_last",
                 "L2::evict_normal",
                 "L2::evict_first",
                 "unified"});
  Type type = decoder.type();
  if (type.kind == Type::Predicate || type.bits > 64)
    decoder.fail("unsupported type");
  unsigned elements = decoder.has("v2") ? 2 : decoder.has("v4") ? 4 : decoder.has("v8") ? 8 : 1;
  size_t hint = decoder.has("L2::cache_hint") ? 1 : 0;
  decoder.expectOperands(2 + hint);
  const Operand &value = decoder.operand(isLoad ? 0 : 1), &where = decoder.operand(isLoad ? 1 : 0);
  std::vector<Operand> list = decoder.elements(value);
  if (list.size() != elements)
    decoder.fail("a vector of another length than the modifiers say");
  if (elements * type.bytes() > 32)
    decoder.fail("more than 32 bytes a lane");
  decoder.address(op, where, decoder.space());
  if (decoder.has("volatile") || decoder.has("relaxed") || decoder.has("acquire") || decoder.has("release") ||
      decoder.has("mmio"))
    op.mode |= strong;
  unsigned registerBytes = 0;
  std::vector<uint32_t> slots;
  for (const Operand &element : list) {
    slots.push_back(isLoad ? decoder.write(element, type, /*orWider=*/true)
                           : decoder.read(element, type, /*orWider=*/true));
    if (element.kind == Operand::Sink)
      continue;
    unsigned bytes = decoder.registerBytes(element, type);
    if (registerBytes && bytes != registerBytes)
      decoder.fail("registers of different widths");
    registerBytes = bytes;
  }
  if (!registerBytes)
    registerBytes = std::max(2u, type.bytes());
  op.pool = decoder.addPool(slots);
  op.elements = static_cast<uint8_t>(elements);
  op.width = static_cast<uint8_t>(type.bytes());
  op.instructionClass = classOf(op.space);
  op.run = isLoad ? select<Load>(type, registerBytes) : select<Store>(type, registerBytes);
  decoder.access(op.space, elements * type.bytes());
  return true;
}
