//===- OpsAsync.cpp - cp.async, bulk copies, mbarriers --------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Async.h"
#include "Lanes.h"
#include "Memory.h"

#include <algorithm>
#include <cstring>

using namespace fftconv::emulator;

namespace {
//===----------------------------------------------------------------------===//
// cp.async
//===----------------------------------------------------------------------===//

/// a, immediate and mode: the shared address, as Decoder::address left it. b, target: base and offset of the global one. e: source bytes
/// (or noSlot). width: bytes.
void copyAsync(Warp &warp, const Op &op) {
  std::array<uint64_t, 32> shared, global;
  computeAddresses(warp, op, shared);
  Cta &cta = *warp.cta;
  const uint64_t *bases = warp.slot<uint64_t>(op.b);
  const uint32_t *sizes = op.e == noSlot ? nullptr : warp.slot<uint32_t>(op.e);
  auto offset = static_cast<uint64_t>(static_cast<int64_t>(static_cast<int32_t>(op.target)));
  for (unsigned lane = 0; lane < 32; ++lane)
    global[lane] = bases[lane] + offset;
  std::array<uint8_t *, 32> from, to;
  if (!sizes && !cta.launch->options.traffic &&
      resolveTogether(warp, Space::Shared, warp.mask, shared, op.width, AccessKind::Write, to) &&
      resolveTogether(warp, Space::Global, warp.mask, global, op.width, AccessKind::Read, from)) {
    // Nobody keeps track: at once is as legal as late.
    forLanes(warp, [&](unsigned lane) { std::memcpy(to[lane], from[lane], op.width); });
    return;
  }
  uint32_t touched = 0, read = 0;
  forLanes(warp, [&](unsigned lane) {
    unsigned size = sizes ? std::min<uint32_t>(sizes[lane], op.width) : op.width;
    AsyncCopy copy{lane, warp.committed[lane], shared[lane], op.width, {}, op.line};
    if (size) {
      uint8_t *host = resolveLane(warp, op, lane, Space::Global, global[lane], size, op.width, AccessKind::Read);
      if (!host)
        return;
      std::memcpy(copy.data.data(), host, size);
      read |= 1u << lane;
    }
    // Bounds and alignment of the destination now, the write itself when it completes.
    if (shared[lane] % op.width || shared[lane] + op.width > cta.shared.size()) {
      resolveLane(warp, op, lane, Space::Shared, shared[lane], op.width, op.width, AccessKind::Write);
      return;
    }
    if (cta.shadow.enabled()) {
      uint32_t thread = warp.index * 32 + lane;
      SharedConflict conflict = cta.shadow.write(shared[lane], op.width, thread);
      if (conflict.what)
        reportConflict(warp, lane, shared[lane], conflict, "asynchronous write");
      cta.shadow.setCopying(shared[lane], op.width, SharedShadow::Copying::Writing);
    }
    touched |= 1u << lane;
    warp.copies.push_back(copy);
  });
  if (cta.launch->options.traffic) {
    countGlobal(warp, global, read, op.width);
    countShared(warp, shared, touched, op.width);
  }
}

void commitGroup(Warp &warp, const Op &) {
  forLanes(warp, [&](unsigned lane) { ++warp.committed[lane]; });
}

void waitGroup(Warp &warp, const Op &op) { completeCopies(warp, warp.mask, static_cast<uint64_t>(op.immediate) + 1); }
void waitAll(Warp &warp, const Op &) { completeCopies(warp, warp.mask, 0); }

//===----------------------------------------------------------------------===//
// mbarriers
//===----------------------------------------------------------------------===//

MbarrierState *findMbarrier(Warp &warp, const Op &op, unsigned lane, uint64_t address) {
  auto it = warp.cta->mbarriers.find(address);
  if (it != warp.cta->mbarriers.end())
    return &it->second;
  warp.cta->launch->report(Check::Uninitialised, op.line,
                           "no mbarrier was initialised at shared address " + std::to_string(address) + ", by " +
                               describeThread(warp, lane));
  throw Abort();
}

/// Ends the phase where all arrivals and bytes are there.
void advance(Cta &cta, MbarrierState &state) {
  if (state.pending != 0 || state.bytes != 0)
    return;
  state.pending = state.expected;
  ++state.phase;
  state.completed = state.arriving;
  ++cta.progress;
}

void arriveOnce(Warp &warp, MbarrierState &state, uint64_t count, int line) {
  if (count > state.pending) {
    warp.cta->launch->report(Check::Divergence, line, "more arrivals at an mbarrier than it expects");
    throw Abort();
  }
  state.pending -= count;
  if (warp.cta->shadow.enabled()) {
    SharedShadow::merge(state.arriving, warp.cta->shadow.clockOf(warp.index));
    warp.cta->shadow.tick(warp.index);
  }
  ++warp.cta->progress;
  advance(*warp.cta, state);
}

void mbarrierInit(Warp &warp, const Op &op) {
  std::array<uint64_t, 32> at;
  computeAddresses(warp, op, at);
  const uint32_t *count = warp.slot<uint32_t>(op.b);
  forLanes(warp, [&](unsigned lane) {
    uint64_t address = sharedOffset(at[lane]);
    if (!resolveLane(warp, op, lane, Space::Shared, address, 8, 8, AccessKind::StrongWrite))
      return;
    MbarrierState &state = warp.cta->mbarriers[address];
    state = {};
    state.expected = state.pending = count[lane];
    if (count[lane] == 0) {
      warp.cta->launch->report(Check::Divergence, op.line, "an mbarrier of no arrivals");
      throw Abort();
    }
  });
}

void mbarrierInval(Warp &warp, const Op &op) {
  std::array<uint64_t, 32> at;
  computeAddresses(warp, op, at);
  forLanes(warp, [&](unsigned lane) {
    findMbarrier(warp, op, lane, sharedOffset(at[lane]));
    warp.cta->mbarriers.erase(sharedOffset(at[lane]));
  });
}

/// Mode: 8 drops the arrival from later phases, 16 expects bytes (b), 32 arrives, 64 does not wait for the lanes' copies (noinc and plain
/// cp.async.mbarrier.arrive do). d takes the phase. c: the count of arrivals.
void mbarrierArrive(Warp &warp, const Op &op) {
  std::array<uint64_t, 32> at;
  computeAddresses(warp, op, at);
  forLanes(warp, [&](unsigned lane) {
    MbarrierState &state = *findMbarrier(warp, op, lane, sharedOffset(at[lane]));
    uint64_t phase = state.phase;
    if (op.mode & 16)
      state.bytes += warp.slot<uint32_t>(op.b)[lane];
    if (op.mode & 8)
      --state.expected;
    if (op.mode & 32)
      arriveOnce(warp, state, op.c == noSlot ? 1 : warp.slot<uint32_t>(op.c)[lane], op.line);
    if (op.d != noSlot)
      warp.slot<uint64_t>(op.d)[lane] = phase;
  });
}

/// Arrives once the lane's copies so far are complete, which they are made to be here.
void mbarrierArriveCopies(Warp &warp, const Op &op) {
  std::array<uint64_t, 32> at;
  computeAddresses(warp, op, at);
  completeCopies(warp, warp.mask, 0);
  forLanes(warp, [&](unsigned lane) {
    MbarrierState &state = *findMbarrier(warp, op, lane, sharedOffset(at[lane]));
    if (!(op.mode & 64))
      ++state.pending; // without .noinc the arrival was not among the expected ones
    arriveOnce(warp, state, 1, op.line);
  });
}

/// Completes the bulk copies to shared memory that an mbarrier counts.
void completeBulkCopies(Cta &cta, uint64_t mbarrier, MbarrierState &state) {
  auto isDone = [&](const BulkCopy &copy) { return copy.toShared && copy.mbarrier == mbarrier; };
  for (const BulkCopy &copy : cta.bulk) {
    if (!isDone(copy))
      continue;
    std::memcpy(cta.shared.data() + copy.shared, copy.global, copy.bytes);
    state.bytes -= copy.bytes;
    if (cta.shadow.enabled()) {
      cta.shadow.setCopying(copy.shared, copy.bytes, SharedShadow::Copying::No);
      SharedShadow::merge(state.arriving, copy.clock);
    }
  }
  if (std::erase_if(cta.bulk, isDone) == 0)
    return;
  ++cta.progress;
  advance(cta, state);
}

/// Mode: 8 the operand is a parity, not a phase. b: it. A failed try lets other warps run.
void mbarrierTest(Warp &warp, const Op &op) {
  std::array<uint64_t, 32> at;
  computeAddresses(warp, op, at);
  uint32_t &d = warp.predicate(op.d);
  bool failed = false;
  forLanes(warp, [&](unsigned lane) {
    MbarrierState &state = *findMbarrier(warp, op, lane, sharedOffset(at[lane]));
    completeBulkCopies(*warp.cta, sharedOffset(at[lane]), state);
    bool done = op.mode & 8 ? (state.phase & 1) != (warp.slot<uint32_t>(op.b)[lane] & 1)
                            : state.phase != warp.slot<uint64_t>(op.b)[lane];
    if (done && warp.cta->shadow.enabled())
      warp.cta->shadow.join(warp.index, state.completed);
    failed |= !done;
    d = (d & ~(1u << lane)) | uint32_t(done) << lane;
  });
  if (failed)
    warp.stop = warp.yielded = true;
}

void mbarrierPending(Warp &warp, const Op &op) {
  forLanes(warp, [&](unsigned lane) {
    warp.slot<uint32_t>(op.d)[lane] = static_cast<uint32_t>(warp.slot<uint64_t>(op.a)[lane]);
  });
}

//===----------------------------------------------------------------------===//
// cp.async.bulk
//===----------------------------------------------------------------------===//

/// Pool: to, from, bytes, mbarrier (of copies to shared memory), then the offset of each. Mode: 8 to shared memory.
void copyBulk(Warp &warp, const Op &op) {
  const uint32_t *slots = &warp.cta->launch->kernel->pool[op.pool];
  Cta &cta = *warp.cta;
  unsigned operands = op.mode & 8 ? 4 : 3;
  auto value = [&](unsigned i, unsigned lane) {
    auto offset = static_cast<uint64_t>(static_cast<int64_t>(static_cast<int32_t>(slots[operands + i])));
    return offset + (op.immediate >> i & 1 ? warp.slot<uint64_t>(slots[i])[lane]
                                           : uint64_t(warp.slot<uint32_t>(slots[i])[lane]));
  };
  forLanes(warp, [&](unsigned lane) {
    bool toShared = op.mode & 8;
    uint64_t shared = sharedOffset(value(toShared ? 0 : 1, lane)), global = value(toShared ? 1 : 0, lane);
    uint32_t bytes = warp.slot<uint32_t>(slots[2])[lane];
    if (bytes % 16) {
      cta.launch->report(Check::Misaligned, op.line,
                         "a bulk copy of " + std::to_string(bytes) + " bytes, no multiple of 16");
      return;
    }
    if (bytes == 0)
      return;
    uint8_t *host =
        resolveLane(warp, op, lane, Space::Global, global, bytes, 16, toShared ? AccessKind::Read : AccessKind::Write);
    // Bounds and alignment of the shared side; what it conflicts with comes below.
    if (!host || shared % 16 || shared + bytes > cta.shared.size()) {
      resolveLane(warp, op, lane, Space::Shared, shared, bytes, 16, AccessKind::StrongRead);
      return;
    }
    uint64_t mbarrier = toShared ? sharedOffset(value(3, lane)) : 0;
    if (toShared)
      findMbarrier(warp, op, lane, mbarrier);
    BulkCopy copy{warp.index, lane, toShared, shared, host, bytes, mbarrier, warp.bulkCommitted[lane], op.line};
    if (SharedShadow &shadow = cta.shadow; shadow.enabled()) {
      uint32_t thread = warp.index * 32 + lane;
      SharedConflict conflict =
          toShared ? shadow.bulkWrite(shared, bytes, thread) : shadow.bulkRead(shared, bytes, thread);
      if (conflict.what)
        reportConflict(warp, lane, shared, conflict, toShared ? "bulk copy: write" : "bulk copy: read");
      shadow.setCopying(shared, bytes, toShared ? SharedShadow::Copying::Writing : SharedShadow::Copying::Reading);
      // Who waits for the mbarrier has seen the thread get here, and nobody else.
      copy.clock = shadow.clockOf(warp.index);
      shadow.tick(warp.index);
    }
    cta.bulk.push_back(std::move(copy));
    if (cta.launch->options.traffic) {
      Counters &site = warp.worker->sites[pcOf(warp)];
      site.globalBytes += bytes;
      site.globalSectors += bytes / 32 + (bytes % 32 != 0);
      site.globalIdealSectors += bytes / 32 + (bytes % 32 != 0);
      site.sharedBytes += bytes;
      site.sharedWavefronts += (bytes + 127) / 128;
      site.sharedIdealWavefronts += (bytes + 127) / 128;
    }
  });
}

void commitBulk(Warp &warp, const Op &) {
  forLanes(warp, [&](unsigned lane) { ++warp.bulkCommitted[lane]; });
}

/// The source is read as late as here, where its bytes reach global memory.
void waitBulk(Warp &warp, const Op &op) {
  Cta &cta = *warp.cta;
  auto isDone = [&](const BulkCopy &copy) {
    return !copy.toShared && copy.warp == warp.index && (warp.mask >> copy.lane & 1) &&
           copy.group + static_cast<uint64_t>(op.immediate) < warp.bulkCommitted[copy.lane];
  };
  for (const BulkCopy &copy : cta.bulk)
    if (isDone(copy)) {
      std::memcpy(copy.global, cta.shared.data() + copy.shared, copy.bytes);
      if (cta.shadow.enabled())
        cta.shadow.setCopying(copy.shared, copy.bytes, SharedShadow::Copying::No);
    }
  cta.bulk.erase(std::remove_if(cta.bulk.begin(), cta.bulk.end(), isDone), cta.bulk.end());
}

bool decodeMbarrier(Decoder &decoder, Op &op) {
  Type b32{Type::Bits, 32}, b64{Type::Bits, 64};
  decoder.allow({"init", "inval", "arrive", "arrive_drop", "expect_tx", "complete_tx", "test_wait", "try_wait",
                 "pending_count", "parity", "noComplete", "shared", "shared::cta", "relaxed", "acquire", "release",
                 "cta", "cluster"});
  auto where = [&](size_t i) {
    decoder.address(op, decoder.operand(i), Space::Shared);
    decoder.access(Space::Shared, 8);
  };
  if (decoder.has("pending_count")) {
    decoder.expectOperands(2);
    op.d = decoder.write(decoder.operand(0), b32);
    op.a = decoder.read(decoder.operand(1), b64);
    op.run = mbarrierPending;
    return true;
  }
  if (decoder.has("init")) {
    decoder.expectOperands(2);
    where(0);
    op.b = decoder.read(decoder.operand(1), b32);
    op.run = mbarrierInit;
    return true;
  }
  if (decoder.has("inval")) {
    decoder.expectOperands(1);
    where(0);
    op.run = mbarrierInval;
    return true;
  }
  if (decoder.has("test_wait") || decoder.has("try_wait")) {
    if (decoder.operandCount() != 3 && decoder.operandCount() != 4) // a time limit is no matter here
      decoder.fail("expected 3 or 4 operands");
    op.d = decoder.writePredicate(decoder.operand(0));
    where(1);
    bool parity = decoder.has("parity");
    op.b = decoder.read(decoder.operand(2), parity ? b32 : b64);
    op.mode |= parity ? 8 : 0;
    op.run = mbarrierTest;
    return true;
  }
  bool arrives = decoder.has("arrive") || decoder.has("arrive_drop"), expects = decoder.has("expect_tx");
  if (!arrives && !expects)
    decoder.fail("unknown mbarrier instruction");
  // [state,] [address] [, bytes or count]
  size_t at = 0;
  if (decoder.operand(0).kind != Operand::Address) {
    if (decoder.operand(0).kind != Operand::Sink)
      op.d = decoder.write(decoder.operand(0), b64);
    ++at;
  }
  where(at++);
  if (expects)
    op.b = decoder.read(decoder.operand(at++), b32);
  else if (at < decoder.operandCount())
    op.c = decoder.read(decoder.operand(at++), b32);
  decoder.expectOperands(at);
  op.mode |= static_cast<uint16_t>((decoder.has("arrive_drop") ? 8 : 0) | (expects ? 16 : 0) | (arrives ? 32 : 0));
  op.run = mbarrierArrive;
  return true;
}
} // namespace

void fftconv::emulator::completeCopies(Warp &warp, uint32_t lanes, uint64_t pending) {
  Cta &cta = *warp.cta;
  auto isDone = [&](const AsyncCopy &copy) {
    if (!(lanes >> copy.lane & 1))
      return false;
    // pending is one more than the groups that may be left: 0 leaves nothing, not even what is not committed.
    return pending == 0 || copy.group + pending <= warp.committed[copy.lane];
  };
  for (const AsyncCopy &copy : warp.copies)
    if (isDone(copy)) {
      std::memcpy(cta.shared.data() + copy.shared, copy.data.data(), copy.bytes);
      if (cta.shadow.enabled()) {
        cta.shadow.setCopying(copy.shared, copy.bytes, SharedShadow::Copying::No);
        // The write counts from here: what the thread does next comes after it.
        cta.shadow.write(copy.shared, copy.bytes, warp.index * 32 + copy.lane);
      }
    }
  warp.copies.erase(std::remove_if(warp.copies.begin(), warp.copies.end(), isDone), warp.copies.end());
}

void fftconv::emulator::reportUnfinishedCopies(Cta &cta) {
  for (const BulkCopy &copy : cta.bulk)
    cta.launch->report(Check::AsyncRead, copy.line,
                       "a bulk copy of " + describeThread(cta.warps[copy.warp], copy.lane) +
                           " was not waited for before the CTA ended");
}

bool fftconv::emulator::decodeAsync(Decoder &decoder, Op &op) {
  const std::string &opcode = decoder.opcode();
  Type b32{Type::Bits, 32};
  if (opcode == "mbarrier") {
    op.instructionClass = Class::Control;
    return decodeMbarrier(decoder, op);
  }
  if (opcode != "cp" || !decoder.has("async"))
    return false;
  op.instructionClass = Class::Global;
  if (decoder.has("mbarrier") && decoder.has("arrive")) {
    decoder.allow({"async", "mbarrier", "arrive", "noinc", "shared", "shared::cta"});
    decoder.expectOperands(1);
    decoder.address(op, decoder.operand(0), Space::Shared);
    op.mode |= decoder.has("noinc") ? 64 : 0;
    op.run = mbarrierArriveCopies;
    return true;
  }
  bool bulk = decoder.has("bulk");
  if (decoder.has("commit_group")) {
    decoder.expectOperands(0);
    op.instructionClass = Class::Control;
    op.run = bulk ? commitBulk : commitGroup;
    return true;
  }
  if (decoder.has("wait_all")) {
    decoder.expectOperands(0);
    op.instructionClass = Class::Control;
    op.run = waitAll;
    return true;
  }
  if (decoder.has("wait_group")) {
    op.immediate = decoder.groupsLeft();
    op.instructionClass = Class::Control;
    op.run = bulk ? waitBulk : waitGroup;
    return true;
  }
  if (bulk) {
    decoder.allow(
        {"async", "bulk", "shared::cluster", "shared::cta", "global", "mbarrier::complete_tx::bytes", "bulk_group"});
    bool toShared = decoder.has("mbarrier::complete_tx::bytes");
    if (toShared == decoder.has("bulk_group") || !decoder.has("global"))
      decoder.fail("unsupported bulk copy");
    decoder.expectOperands(toShared ? 4 : 3);
    std::vector<uint32_t> slots, offsets;
    for (size_t i = 0; i < decoder.operandCount(); ++i) {
      offsets.push_back(0);
      if (i == 2) {
        slots.push_back(decoder.read(decoder.operand(i), b32));
        continue;
      }
      Op address;
      decoder.address(address, decoder.operand(i), i == (toShared ? 1 : 0) ? Space::Global : Space::Shared);
      if (address.a == noSlot) {
        slots.push_back(decoder.constant(8, static_cast<uint64_t>(address.immediate)));
        op.immediate |= 1 << i;
        continue;
      }
      if (address.immediate != static_cast<int32_t>(address.immediate))
        decoder.fail("an offset of more than 32 bits");
      offsets.back() = static_cast<uint32_t>(address.immediate);
      slots.push_back(address.a);
      op.immediate |= (address.mode & 1) << i;
    }
    slots.insert(slots.end(), offsets.begin(), offsets.end());
    op.pool = decoder.addPool(slots);
    op.mode = toShared ? 8 : 0;
    op.run = copyBulk;
    decoder.access(Space::Shared, 16);
    decoder.access(Space::Global, 16);
    return true;
  }
  decoder.allow(
      {"async", "ca", "cg", "shared", "shared::cta", "global", "L2::128B", "L2::256B", "L2::64B", "L2::cache_hint"});
  if (decoder.operandCount() < 3)
    decoder.fail("expected at least 3 operands");
  Op global;
  decoder.address(global, decoder.operand(1), Space::Global);
  decoder.address(op, decoder.operand(0), Space::Shared);
  const Operand &size = decoder.operand(2);
  if (size.kind != Operand::Integer || (size.value != 4 && size.value != 8 && size.value != 16) ||
      (decoder.has("cg") && size.value != 16))
    decoder.fail("cp.async copies 4, 8 or 16 bytes (16 with .cg)");
  op.width = static_cast<uint8_t>(size.value);
  if (global.a != noSlot && !(global.mode & 1))
    decoder.fail("a global address has 64 bits");
  if (global.a == noSlot) {
    op.b = decoder.constant(8, static_cast<uint64_t>(global.immediate));
  } else {
    op.b = global.a;
    if (global.immediate != static_cast<int32_t>(global.immediate))
      decoder.fail("an offset of more than 32 bits");
    op.target = static_cast<uint32_t>(static_cast<int32_t>(global.immediate));
  }
  size_t hints = decoder.has("L2::cache_hint") ? 1 : 0;
  if (decoder.operandCount() == 4 + hints)
    op.e = decoder.read(decoder.operand(3), b32);
  else
    decoder.expectOperands(3 + hints);
  op.run = copyAsync;
  decoder.access(Space::Shared, op.width);
  decoder.access(Space::Global, op.width);
  return true;
}
