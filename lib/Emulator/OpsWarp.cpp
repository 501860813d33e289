//===- OpsWarp.cpp - Shuffles, votes, reductions across lanes -------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Async.h"
#include "Lanes.h"
#include "Sched.h"

using namespace fftconv::emulator;

namespace {
/// The mask operand of a .sync instruction, and the lanes it names gathered. False while the group waits.
bool gatherMask(Warp &warp, uint32_t slot, uint32_t &members) {
  const uint32_t *masks = warp.slot<uint32_t>(slot);
  members = masks[std::countr_zero(warp.mask)];
  bool same = true;
  forLanes(warp, [&](unsigned lane) { same &= masks[lane] == members; });
  if (!same || (members & ~warp.live)) {
    warp.cta->launch->report(Check::Divergence, warp.op->line,
                             same ? "the mask of lanes names lanes that have exited or do not exist"
                                  : "the mask of lanes differs between lanes");
    throw Abort();
  }
  return gather(warp, members);
}

enum ShuffleMode : uint16_t { Up, Down, Butterfly, Index };

/// a: value, b: lane or delta, c: clamp and segment, e: mask; d, and a predicate in target (noSlot for none).
void shuffle(Warp &warp, const Op &op) {
  uint32_t members;
  if (!gatherMask(warp, op.e, members))
    return;
  const uint32_t *a = warp.slot<uint32_t>(op.a), *b = warp.slot<uint32_t>(op.b), *c = warp.slot<uint32_t>(op.c);
  uint32_t *d = warp.slot<uint32_t>(op.d);
  std::array<uint32_t, 32> result;
  uint32_t valid = 0;
  forLanes(warp, [&](unsigned lane) {
    unsigned bval = b[lane] & 31, cval = c[lane] & 31, segment = c[lane] >> 8 & 31;
    int maxLane = static_cast<int>((lane & segment) | (cval & ~segment)), minLane = static_cast<int>(lane & segment), j;
    bool p;
    switch (op.mode) {
    case Up:
      j = static_cast<int>(lane) - static_cast<int>(bval);
      p = j >= maxLane;
      break;
    case Down:
      j = static_cast<int>(lane + bval);
      p = j <= maxLane;
      break;
    case Butterfly:
      j = static_cast<int>(lane ^ bval);
      p = j <= maxLane;
      break;
    default:
      j = minLane | static_cast<int>(bval & ~segment);
      p = j <= maxLane;
    }
    if (!p)
      j = static_cast<int>(lane);
    if (!(warp.mask >> j & 1))
      warp.cta->launch->report(Check::Divergence, op.line,
                               "shuffle from lane " + std::to_string(j) + ", which is not among those that run, by " +
                                   describeThread(warp, lane));
    result[lane] = a[j];
    valid |= uint32_t(p) << lane;
  });
  forLanes(warp, [&](unsigned lane) { d[lane] = result[lane]; });
  if (op.target != noSlot) {
    uint32_t &p = warp.predicate(op.target);
    p = (p & ~warp.mask) | valid;
  }
}

enum VoteMode : uint16_t { All, Any, Uni, Ballot };

/// a: predicate, negated by mode 8; e: mask.
void vote(Warp &warp, const Op &op) {
  uint32_t members;
  if (!gatherMask(warp, op.e, members))
    return;
  uint32_t votes = (warp.predicate(op.a) ^ (op.mode & 8 ? allLanes : 0)) & members;
  if ((op.mode & 7) == Ballot) {
    uint32_t *d = warp.slot<uint32_t>(op.d);
    forLanes(warp, [&](unsigned lane) { d[lane] = votes; });
    return;
  }
  bool result = (op.mode & 7) == All   ? votes == members
                : (op.mode & 7) == Any ? votes != 0
                                       : votes == members || votes == 0;
  uint32_t &d = warp.predicate(op.d);
  d = (d & ~warp.mask) | (result ? warp.mask : 0);
}

/// Mode: 0 any, 1 all; c: the predicate of match.all (noSlot for none).
template <typename T>
void match(Warp &warp, const Op &op) {
  uint32_t members;
  if (!gatherMask(warp, op.e, members))
    return;
  const T *a = warp.slot<T>(op.a);
  std::array<uint32_t, 32> result;
  bool allSame = true;
  T first = a[std::countr_zero(members)];
  forLanes(warp, [&](unsigned lane) {
    uint32_t same = 0;
    for (uint32_t rest = members; rest; rest &= rest - 1)
      if (auto other = static_cast<unsigned>(std::countr_zero(rest)); a[other] == a[lane])
        same |= 1u << other;
    result[lane] = same;
    allSame &= a[lane] == first;
  });
  uint32_t *d = warp.slot<uint32_t>(op.d);
  forLanes(warp, [&](unsigned lane) { d[lane] = op.mode ? (allSame ? members : 0) : result[lane]; });
  if (op.c != noSlot) {
    uint32_t &p = warp.predicate(op.c);
    p = (p & ~warp.mask) | (allSame ? warp.mask : 0);
  }
}

enum class Reduce : uint16_t { Add, Min, Max, And, Or, Xor };

template <typename T, Reduce R>
void reduce(Warp &warp, const Op &op) {
  uint32_t members;
  if (!gatherMask(warp, op.e, members))
    return;
  const T *a = warp.slot<T>(op.a);
  T result = a[std::countr_zero(members)];
  for (uint32_t rest = members & (members - 1); rest; rest &= rest - 1) {
    T value = a[std::countr_zero(rest)];
    switch (R) {
    case Reduce::Add:
      result = static_cast<T>(static_cast<uint32_t>(result) + static_cast<uint32_t>(value));
      break;
    case Reduce::Min:
      result = std::min(result, value);
      break;
    case Reduce::Max:
      result = std::max(result, value);
      break;
    case Reduce::And:
      result &= value;
      break;
    case Reduce::Or:
      result |= value;
      break;
    case Reduce::Xor:
      result ^= value;
      break;
    }
  }
  T *d = warp.slot<T>(op.d);
  forLanes(warp, [&](unsigned lane) { d[lane] = result; });
}

/// elect.sync d|p, mask: the lowest lane.
void elect(Warp &warp, const Op &op) {
  uint32_t members;
  if (!gatherMask(warp, op.e, members))
    return;
  auto leader = static_cast<uint32_t>(std::countr_zero(members));
  forLanes(warp, [&](unsigned lane) { warp.slot<uint32_t>(op.d)[lane] = leader; });
  uint32_t &p = warp.predicate(op.c);
  p = (p & ~warp.mask) | (1u << leader & warp.mask);
}

/// bar.red: arrives and waits; when it runs again the result of all warps is there. Mode: 4 popc, 8 and, 16 or; 1 negates.
void reduceBarrier(Warp &warp, const Op &op) {
  Cta &cta = *warp.cta;
  uint32_t id = warp.slot<uint32_t>(op.a)[std::countr_zero(warp.mask)] & 15;
  Group &group = warp.group();
  if (group.reducing) {
    group.reducing = false;
    const Reduction &reduction = cta.reductions[id];
    if (op.mode & 4) {
      forLanes(warp, [&](unsigned lane) { warp.slot<uint32_t>(op.d)[lane] = reduction.count; });
    } else {
      bool value = op.mode & 8 ? reduction.all : reduction.any;
      uint32_t &d = warp.predicate(op.d);
      d = (d & ~warp.mask) | (value ? warp.mask : 0);
    }
    return;
  }
  if (!gather(warp, warp.live))
    return;
  uint32_t votes = (warp.predicate(op.c) ^ (op.mode & 1 ? allLanes : 0)) & warp.mask;
  Reduction &mine = cta.barriers[id].reduction;
  mine.count += static_cast<uint32_t>(std::popcount(votes));
  mine.all &= votes == warp.mask;
  mine.any |= votes != 0;
  warp.group().reducing = true;
  warp.next = pcOf(warp);
  warp.stop = true;
  arriveAtBarrier(warp, id, op.b == noSlot ? 0 : warp.slot<uint32_t>(op.b)[std::countr_zero(warp.mask)], true);
}
} // namespace

bool fftconv::emulator::decodeBarrierReduction(Decoder &decoder, Op &op) {
  bool count = decoder.has("popc");
  if (!count && !decoder.has("and") && !decoder.has("or"))
    decoder.fail("unknown reduction");
  size_t operands = decoder.operandCount();
  if (operands != 3 && operands != 4)
    decoder.fail("expected 3 or 4 operands");
  Type b32{Type::Bits, 32};
  op.d = count ? decoder.write(decoder.operand(0), b32) : decoder.writePredicate(decoder.operand(0));
  op.a = decoder.read(decoder.operand(1), b32);
  if (operands == 4)
    op.b = decoder.read(decoder.operand(2), b32);
  const Operand &predicate = decoder.operand(operands - 1);
  op.c = decoder.readPredicate(predicate);
  op.mode = static_cast<uint16_t>((count ? 4 : decoder.has("and") ? 8 : 16) | (predicate.negated ? 1 : 0));
  op.run = reduceBarrier;
  return true;
}

bool fftconv::emulator::decodeWarp(Decoder &decoder, Op &op) {
  const std::string &opcode = decoder.opcode();
  Type b32{Type::Bits, 32};
  op.instructionClass = Class::Other;
  if (opcode == "shfl") {
    decoder.allow({"sync", "up", "down", "bfly", "idx"});
    if (!decoder.has("sync"))
      decoder.fail("only .sync shuffles are supported");
    decoder.expectOperands(5);
    std::vector<Operand> results = decoder.elements(decoder.operand(0));
    if (results.empty() || results.size() > 2)
      decoder.fail("a value and perhaps a predicate are the result");
    op.d = decoder.write(results[0], b32);
    op.target = results.size() == 2 ? decoder.writePredicate(results[1]) : noSlot;
    op.a = decoder.read(decoder.operand(1), b32);
    op.b = decoder.read(decoder.operand(2), b32);
    op.c = decoder.read(decoder.operand(3), b32);
    op.e = decoder.read(decoder.operand(4), b32);
    op.mode = decoder.has("up") ? Up : decoder.has("down") ? Down : decoder.has("bfly") ? Butterfly : Index;
    op.run = shuffle;
    return true;
  }
  if (opcode == "vote") {
    decoder.allow({"sync", "all", "any", "uni", "ballot"});
    if (!decoder.has("sync"))
      decoder.fail("only .sync votes are supported");
    decoder.expectOperands(3);
    bool ballot = decoder.has("ballot");
    op.d = ballot ? decoder.write(decoder.operand(0), b32) : decoder.writePredicate(decoder.operand(0));
    op.a = decoder.readPredicate(decoder.operand(1));
    op.e = decoder.read(decoder.operand(2), b32);
    op.mode = ballot ? Ballot : decoder.has("all") ? All : decoder.has("any") ? Any : Uni;
    op.mode |= decoder.operand(1).negated ? 8 : 0;
    op.run = vote;
    return true;
  }
  if (opcode == "match") {
    decoder.allow({"sync", "any", "all"});
    decoder.expectOperands(3);
    Type type = decoder.type();
    std::vector<Operand> results = decoder.elements(decoder.operand(0));
    op.d = decoder.write(results[0], b32);
    if (results.size() == 2)
      op.c = decoder.writePredicate(results[1]);
    op.a = decoder.read(decoder.operand(1), type);
    op.e = decoder.read(decoder.operand(2), b32);
    op.mode = decoder.has("all");
    op.run = type.bits == 64 ? match<uint64_t> : match<uint32_t>;
    return true;
  }
  if (opcode == "redux") {
    decoder.allow({"sync", "add", "min", "max", "and", "or", "xor"});
    Type type = decoder.type();
    if (type.bits != 32 || type.kind == Type::Float)
      decoder.fail("unsupported type");
    decoder.expectOperands(3);
    op.d = decoder.write(decoder.operand(0), type);
    op.a = decoder.read(decoder.operand(1), type);
    op.e = decoder.read(decoder.operand(2), b32);
    bool isSigned = type.kind == Type::Signed;
    op.run = decoder.has("add")   ? reduce<uint32_t, Reduce::Add>
             : decoder.has("min") ? (isSigned ? reduce<int32_t, Reduce::Min> : reduce<uint32_t, Reduce::Min>)
             : decoder.has("max") ? (isSigned ? reduce<int32_t, Reduce::Max> : reduce<uint32_t, Reduce::Max>)
             : decoder.has("and") ? reduce<uint32_t, Reduce::And>
             : decoder.has("or")  ? reduce<uint32_t, Reduce::Or>
             : decoder.has("xor") ? reduce<uint32_t, Reduce::Xor>
                                  : nullptr;
    if (!op.run)
      decoder.fail("unknown reduction");
    return true;
  }
  if (opcode == "elect") {
    decoder.allow({"sync"});
    decoder.expectOperands(2);
    std::vector<Operand> results = decoder.elements(decoder.operand(0));
    if (results.size() != 2)
      decoder.fail("a lane and a predicate are the result");
    op.d = decoder.write(results[0], b32);
    op.c = decoder.writePredicate(results[1]);
    op.e = decoder.read(decoder.operand(1), b32);
    op.run = elect;
    return true;
  }
  return false;
}
