//===- OpsMatrix.cpp - ldmatrix, stmatrix, movmatrix, mma, wmma -----------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Fragments of mma are as PTX lays them down. Those of wmma are not specified; ours: A has row lane mod 16, B column lane mod 16
// (lanes 16 to 31 repeat the others), C and D half a row, of row lane / 2.
//
//===----------------------------------------------------------------------===//

#include "Lanes.h"
#include "Memory.h"
#include "Mma.h"

#include <cstring>

using namespace fftconv::emulator;

namespace {
/// op.pool: slots of the fragments; op.elements matrices of 8 x 8 halves. Mode 8: transposed.
constexpr uint16_t transposed = 8;

/// The rows of op.elements matrices: lane 8i + r has the address of row r of matrix i. False where the warp waits.
bool rowAddresses(Warp &warp, const Op &op, AccessKind kind, std::array<uint8_t *, 32> &rows) {
  if (!gather(warp, allLanes))
    return false;
  static thread_local std::array<std::array<uint8_t, 16>, 32> nowhere;
  std::array<uint64_t, 32> addresses;
  computeAddresses(warp, op, addresses);
  uint32_t mask = op.elements == 4 ? allLanes : (1u << (8 * op.elements)) - 1;
  if (!warp.cta->launch->options.traffic && resolveTogether(warp, Space::Shared, mask, addresses, 16, kind, rows))
    return true;
  for (uint64_t &address : addresses)
    address = sharedOffset(address);
  warp.cta->shadow.setInstruction(warp.executed);
  for (unsigned lane = 0; lane < 8u * op.elements; ++lane) {
    rows[lane] = resolveLane(warp, op, lane, Space::Shared, addresses[lane], 16, 16, kind);
    if (!rows[lane]) {
      nowhere[lane].fill(0);
      rows[lane] = nowhere[lane].data();
    }
  }
  if (warp.cta->launch->options.traffic)
    countShared(warp, addresses, mask, 16);
  return true;
}

void loadMatrix(Warp &warp, const Op &op) {
  std::array<uint8_t *, 32> rows;
  if (!rowAddresses(warp, op, AccessKind::Read, rows))
    return;
  const uint32_t *slots = &warp.cta->launch->kernel->pool[op.pool];
  for (unsigned i = 0; i < op.elements; ++i) {
    uint32_t *d = warp.slot<uint32_t>(slots[i]);
    if (!(op.mode & transposed)) {
      // Lanes 4r to 4r+3 hold row r.
      for (unsigned row = 0; row < 8; ++row)
        std::memcpy(d + 4 * row, rows[8 * i + row], 16);
      continue;
    }
    uint16_t matrix[8][8];
    for (unsigned row = 0; row < 8; ++row)
      std::memcpy(matrix[row], rows[8 * i + row], 16);
    for (unsigned column = 0; column < 8; ++column)
      for (unsigned pair = 0; pair < 4; ++pair)
        d[4 * column + pair] = uint32_t(matrix[2 * pair + 1][column]) << 16 | matrix[2 * pair][column];
  }
}

void storeMatrix(Warp &warp, const Op &op) {
  std::array<uint8_t *, 32> rows;
  if (!rowAddresses(warp, op, AccessKind::Write, rows))
    return;
  const uint32_t *slots = &warp.cta->launch->kernel->pool[op.pool];
  for (unsigned i = 0; i < op.elements; ++i) {
    const uint32_t *a = warp.slot<uint32_t>(slots[i]);
    for (unsigned lane = 0; lane < 32; ++lane) {
      if (op.mode & transposed) {
        std::memcpy(rows[8 * i + 2 * (lane % 4)] + 2 * (lane / 4), &a[lane], 2);
        uint16_t high = static_cast<uint16_t>(a[lane] >> 16);
        std::memcpy(rows[8 * i + 2 * (lane % 4) + 1] + 2 * (lane / 4), &high, 2);
      } else {
        std::memcpy(rows[8 * i + lane / 4] + 4 * (lane % 4), &a[lane], 4);
      }
    }
  }
}

void moveMatrix(Warp &warp, const Op &op) {
  if (!gather(warp, allLanes))
    return;
  const uint32_t *a = warp.slot<uint32_t>(op.a);
  std::array<uint32_t, 32> result;
  auto element = [&](unsigned row, unsigned column) { return a[4 * row + column / 2] >> (16 * (column & 1)) & 0xffff; };
  for (unsigned lane = 0; lane < 32; ++lane)
    result[lane] = element(2 * (lane % 4), lane / 4) | element(2 * (lane % 4) + 1, lane / 4) << 16;
  std::memcpy(warp.slot<uint32_t>(op.d), result.data(), sizeof result);
}

//===----------------------------------------------------------------------===//
// mma
//===----------------------------------------------------------------------===//

/// What an mma multiplies, in op.mode: the kind of its operands, its depth, and whether sums are kept in f16.
enum class Operands : uint8_t { Half, Brain, Tensor };

float widen(Operands kind, uint32_t bits, unsigned half) {
  switch (kind) {
  case Operands::Half:
    return halfToFloat(static_cast<uint16_t>(bits >> (16 * half)));
  case Operands::Brain:
    return brainToFloat(static_cast<uint16_t>(bits >> (16 * half)));
  default:
    return std::bit_cast<float>(bits & 0xffffe000);
  }
}

void mmaFast(Warp &warp, const Op &op) {
  if (!gather(warp, allLanes))
    return;
  const uint32_t *slots = &warp.cta->launch->kernel->pool[op.pool];
  float *d[4];
  const uint32_t *a[4], *b[2];
  const float *c[4];
  for (unsigned i = 0; i < 4; ++i) {
    d[i] = warp.slot<float>(slots[i]);
    a[i] = warp.slot<uint32_t>(slots[4 + i]);
    c[i] = warp.slot<float>(slots[10 + i]);
  }
  for (unsigned i = 0; i < 2; ++i)
    b[i] = warp.slot<uint32_t>(slots[8 + i]);
  mmaHalf16x8x16(a, b, c, d);
}

template <Operands Kind, unsigned Depth, bool HalfSums>
void mma(Warp &warp, const Op &op) {
  if (!gather(warp, allLanes))
    return;
  constexpr bool pairs = Kind != Operands::Tensor;
  constexpr unsigned perRegister = pairs ? 2 : 1, step = 4 * perRegister, steps = Depth / step, sums = HalfSums ? 2 : 4;
  const uint32_t *slots = &warp.cta->launch->kernel->pool[op.pool];
  auto lanes = [&](unsigned i) { return warp.slot<uint32_t>(slots[i]); };
  unsigned aAt = sums, bAt = aAt + 2 * steps, cAt = bAt + steps;
  float a[16][Depth], b[Depth][8], d[16][8];
  for (unsigned lane = 0; lane < 32; ++lane) {
    unsigned g = lane / 4, t = lane % 4;
    for (unsigned s = 0; s < steps; ++s)
      for (unsigned half = 0; half < perRegister; ++half) {
        for (unsigned upper = 0; upper < 2; ++upper)
          a[g + 8 * upper][step * s + perRegister * t + half] = widen(Kind, lanes(aAt + 2 * s + upper)[lane], half);
        b[step * s + perRegister * t + half][g] = widen(Kind, lanes(bAt + s)[lane], half);
      }
    for (unsigned i = 0; i < 4; ++i)
      d[g + 8 * (i >> 1)][2 * t + (i & 1)] =
          HalfSums ? halfToFloat(static_cast<uint16_t>(lanes(cAt + (i >> 1))[lane] >> (16 * (i & 1))))
                   : std::bit_cast<float>(lanes(cAt + i)[lane]);
  }
  multiplyAccumulate(&a[0][0], &b[0][0], &d[0][0], 16, 8, Depth, Kind == Operands::Half);
  for (unsigned lane = 0; lane < 32; ++lane)
    for (unsigned i = 0; i < 4; i += HalfSums ? 2 : 1) {
      const float *row = d[lane / 4 + 8 * (i >> 1)] + 2 * (lane % 4);
      if constexpr (HalfSums)
        lanes(i >> 1)[lane] = doubleToHalf(row[0]) | uint32_t(doubleToHalf(row[1])) << 16;
      else
        lanes(i)[lane] = std::bit_cast<uint32_t>(row[i & 1]);
    }
}

bool decodeMma(Decoder &decoder, Op &op) {
  decoder.allow({"sync", "aligned", "m16n8k4", "m16n8k8", "m16n8k16", "row", "col"});
  if (!decoder.has("sync") || !decoder.has("aligned") || !decoder.has("row") || !decoder.has("col"))
    decoder.fail("an mma is .sync.aligned and of row-major by column-major matrices");
  std::vector<Type> types = decoder.types();
  if (types.size() != 4 || types[1] != types[2] || types[0] != types[3])
    decoder.fail("unsupported types");
  bool halfSums = types[0].kind == Type::Half;
  unsigned depth = decoder.has("m16n8k16") ? 16 : decoder.has("m16n8k8") ? 8 : 4;
  Type::Kind kind = types[1].kind;
  if (!halfSums && types[0].kind != Type::Float)
    decoder.fail("unsupported types");
  if (kind == Type::Half)
    op.run = depth == 16  ? (halfSums ? mma<Operands::Half, 16, true> : mmaFast)
             : depth == 8 ? (halfSums ? mma<Operands::Half, 8, true> : mma<Operands::Half, 8, false>)
                          : nullptr;
  else if (kind == Type::Brain && !halfSums)
    op.run = depth == 16 ? mma<Operands::Brain, 16, false> : depth == 8 ? mma<Operands::Brain, 8, false> : nullptr;
  else if (kind == Type::Tensor && !halfSums)
    op.run = depth == 8 ? mma<Operands::Tensor, 8, false> : depth == 4 ? mma<Operands::Tensor, 4, false> : nullptr;
  if (!op.run)
    decoder.fail("unsupported shape and types");
  decoder.expectOperands(4);
  unsigned steps = kind == Type::Tensor ? depth / 4 : depth / 8, sums = halfSums ? 2 : 4;
  std::vector<uint32_t> slots;
  decoder.addFragment(decoder.operand(0), sums, true, slots);
  decoder.addFragment(decoder.operand(1), 2 * steps, false, slots);
  decoder.addFragment(decoder.operand(2), steps, false, slots);
  decoder.addFragment(decoder.operand(3), sums, false, slots);
  op.pool = decoder.addPool(slots);
  op.immediate = 16 * 8 * depth;
  op.instructionClass = Class::Mma;
  return true;
}

//===----------------------------------------------------------------------===//
// wmma
//===----------------------------------------------------------------------===//

enum class Part : uint16_t { A, B, C };

/// The element of a fragment's register and half that a lane holds: (row, column) of its 16 x 16 matrix.
std::pair<unsigned, unsigned> wmmaElement(Part part, bool halves, unsigned lane, unsigned i, unsigned half) {
  unsigned index = halves ? 2 * i + half : i;
  if (part == Part::A)
    return {lane % 16, index};
  if (part == Part::B)
    return {index, lane % 16};
  return {lane / 2, (lane % 2) * 8 + index};
}

/// Mode: bits 2 to 3 the part, 16 column-major, 32 elements of 16 bits. c: the stride (noSlot for none), in elements.
void wmmaAccess(Warp &warp, const Op &op, bool stores) {
  if (!gather(warp, allLanes))
    return;
  std::array<uint64_t, 32> base;
  computeAddresses(warp, op, base);
  auto part = static_cast<Part>(op.mode >> 2 & 3);
  bool columnMajor = op.mode & 16, halves = op.mode & 32;
  unsigned width = halves ? 2 : 4, perRegister = halves ? 2 : 1;
  const uint32_t *slots = &warp.cta->launch->kernel->pool[op.pool];
  warp.cta->shadow.setInstruction(warp.executed);
  for (unsigned i = 0; i < op.elements; ++i)
    for (unsigned half = 0; half < perRegister; ++half) {
      std::array<uint64_t, 32> addresses{};
      uint32_t shared = 0, global = 0;
      for (unsigned lane = 0; lane < 32; ++lane) {
        uint64_t stride = op.c == noSlot ? 16 : warp.slot<uint32_t>(op.c)[lane];
        auto [row, column] = wmmaElement(part, halves, lane, i, half);
        uint64_t address = base[lane] + width * (columnMajor ? column * stride + row : row * stride + column);
        Space space = op.space;
        if (space == Space::Generic) {
          uint64_t offset = sharedOffset(address);
          space = offset != address ? Space::Shared : Space::Global;
          address = offset;
        }
        uint8_t *host =
            resolveLane(warp, op, lane, space, address, width, width, stores ? AccessKind::Write : AccessKind::Read);
        if (!host)
          continue;
        addresses[lane] = address;
        (space == Space::Shared ? shared : global) |= 1u << lane;
        uint8_t *registerBytes = reinterpret_cast<uint8_t *>(&warp.slot<uint32_t>(slots[i])[lane]) + 2 * half;
        if (stores)
          std::memcpy(host, registerBytes, width);
        else
          std::memcpy(registerBytes, host, width);
      }
      if (warp.cta->launch->options.traffic) {
        if (shared)
          countShared(warp, addresses, shared, width);
        if (global)
          countGlobal(warp, addresses, global, width);
      }
    }
}
void wmmaLoad(Warp &warp, const Op &op) { wmmaAccess(warp, op, false); }
void wmmaStore(Warp &warp, const Op &op) { wmmaAccess(warp, op, true); }

/// Mode: 1 the result is f16, 2 the addend is f16.
void wmmaMultiply(Warp &warp, const Op &op) {
  if (!gather(warp, allLanes))
    return;
  const uint32_t *slots = &warp.cta->launch->kernel->pool[op.pool];
  unsigned results = op.mode & 1 ? 4 : 8;
  float a[16][16], b[16][16], d[16][16];
  auto each = [&](Part part, bool halves, unsigned at, auto body) {
    for (unsigned lane = 0; lane < 32; ++lane)
      for (unsigned i = 0; i < (part == Part::C ? (halves ? 4 : 8) : 8); ++i)
        for (unsigned half = 0; half < (halves ? 2u : 1u); ++half) {
          auto [row, column] = wmmaElement(part, halves, lane, i, half);
          body(row, column, warp.slot<uint32_t>(slots[at + i])[lane], half);
        }
  };
  auto read = [](auto &matrix, bool halves) {
    return [&matrix, halves](unsigned row, unsigned column, uint32_t bits, unsigned half) {
      matrix[row][column] =
          halves ? halfToFloat(static_cast<uint16_t>(bits >> (16 * half))) : std::bit_cast<float>(bits);
    };
  };
  each(Part::A, true, results, read(a, true));
  each(Part::B, true, results + 8, read(b, true));
  each(Part::C, op.mode & 2, results + 16, read(d, op.mode & 2));
  multiplyAccumulate(&a[0][0], &b[0][0], &d[0][0], 16, 16, 16, /*exactProducts=*/true);
  bool halfResult = op.mode & 1;
  each(Part::C, halfResult, 0, [&](unsigned row, unsigned column, uint32_t &bits, unsigned half) {
    if (halfResult)
      bits = (bits & ~(0xffffu << (16 * half))) | uint32_t(doubleToHalf(d[row][column])) << (16 * half);
    else
      bits = std::bit_cast<uint32_t>(d[row][column]);
  });
}

bool decodeWmma(Decoder &decoder, Op &op) {
  decoder.allow({"load", "store", "mma", "a", "b", "c", "d", "sync", "aligned", "row", "col", "m16n16k16", "shared",
                 "shared::cta", "global"});
  if (!decoder.has("m16n16k16"))
    decoder.fail("unsupported shape");
  std::vector<Type> types = decoder.types();
  auto isHalf = [&](Type type) {
    if (type.kind != Type::Half && !(type.kind == Type::Float && type.bits == 32))
      decoder.fail("unsupported type");
    return type.kind == Type::Half;
  };
  std::vector<uint32_t> slots;
  if (decoder.has("mma")) {
    if (types.size() != 2)
      decoder.fail("unsupported types");
    bool halfResult = isHalf(types[0]), halfAddend = isHalf(types[1]);
    decoder.expectOperands(4);
    decoder.addFragment(decoder.operand(0), halfResult ? 4 : 8, true, slots);
    decoder.addFragment(decoder.operand(1), 8, false, slots);
    decoder.addFragment(decoder.operand(2), 8, false, slots);
    decoder.addFragment(decoder.operand(3), halfAddend ? 4 : 8, false, slots);
    op.mode = static_cast<uint16_t>((halfResult ? 1 : 0) | (halfAddend ? 2 : 0));
    op.immediate = 16 * 16 * 16;
    op.instructionClass = Class::Mma;
    op.run = wmmaMultiply;
  } else {
    bool stores = decoder.has("store");
    if (types.size() != 1 || (!stores && !decoder.has("load")))
      decoder.fail("unsupported wmma instruction");
    bool halves = isHalf(types[0]);
    Part part = decoder.has("a") ? Part::A : decoder.has("b") ? Part::B : Part::C;
    if (part != Part::C && !halves)
      decoder.fail("unsupported type");
    size_t count = part == Part::C && halves ? 4 : 8, at = stores ? 1 : 0;
    if (decoder.operandCount() != 2 && decoder.operandCount() != 3)
      decoder.fail("expected 2 or 3 operands");
    decoder.address(op, decoder.operand(stores ? 0 : 1), decoder.space());
    decoder.addFragment(decoder.operand(at), count, !stores, slots);
    if (decoder.operandCount() == 3)
      op.c = decoder.read(decoder.operand(2), {Type::Bits, 32});
    op.mode |=
        static_cast<uint16_t>(static_cast<uint16_t>(part) << 2 | (decoder.has("col") ? 16 : 0) | (halves ? 32 : 0));
    op.elements = static_cast<uint8_t>(count);
    op.instructionClass = op.space == Space::Shared ? Class::Shared : Class::Global;
    op.run = stores ? wmmaStore : wmmaLoad;
    decoder.access(op.space, halves ? 2 : 4);
  }
  op.pool = decoder.addPool(slots);
  return true;
}
} // namespace

bool fftconv::emulator::decodeMatrix(Decoder &decoder, Op &op) {
  const std::string &opcode = decoder.opcode();
  if (opcode == "mma")
    return decodeMma(decoder, op);
  if (opcode == "wmma")
    return decodeWmma(decoder, op);
  if (opcode == "movmatrix") {
    decoder.allow({"sync", "aligned", "m8n8", "trans"});
    decoder.expectOperands(2);
    op.d = decoder.write(decoder.operand(0), {Type::Bits, 32});
    op.a = decoder.read(decoder.operand(1), {Type::Bits, 32});
    op.run = moveMatrix;
    return true;
  }
  bool loads = opcode == "ldmatrix";
  if (!loads && opcode != "stmatrix")
    return false;
  decoder.allow({"sync", "aligned", "m8n8", "x1", "x2", "x4", "trans", "shared", "shared::cta"});
  if (!decoder.has("m8n8") || decoder.type() != Type{Type::Bits, 16})
    decoder.fail("unsupported shape");
  decoder.expectOperands(2);
  decoder.address(op, decoder.operand(loads ? 1 : 0), Space::Shared);
  op.elements = decoder.has("x4") ? 4 : decoder.has("x2") ? 2 : 1;
  std::vector<uint32_t> slots;
  decoder.addFragment(decoder.operand(loads ? 0 : 1), op.elements, loads, slots);
  op.pool = decoder.addPool(slots);
  op.mode |= decoder.has("trans") ? transposed : 0;
  op.instructionClass = Class::Shared;
  op.run = loads ? loadMatrix : storeMatrix;
  decoder.access(Space::Shared, 16);
  return true;
}
