//===- OpsControl.cpp - Jumps, calls, barriers, fences --------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Async.h"
#include "Lanes.h"
#include "Sched.h"

#include <algorithm>
#include <cstring>

using namespace fftconv::emulator;

namespace {
/// Sends the lanes that run to `target`; the others of the group stay.
void jump(Warp &warp, uint32_t target) {
  if (warp.mask == warp.active) {
    warp.next = target;
    // A jump backwards past a waiting group's place, or out of order, is for the scheduler.
    warp.stop = warp.groups.size() > 1;
    return;
  }
  Group &group = warp.group();
  Group taken = group;
  taken.lanes = warp.mask;
  taken.pc = target;
  group.lanes = warp.active & ~warp.mask;
  warp.groups.push_back(std::move(taken));
  warp.stop = true;
}

void branch(Warp &warp, const Op &op) { jump(warp, op.target); }

void branchIndexed(Warp &warp, const Op &op) {
  const std::vector<uint32_t> &targets = warp.cta->launch->kernel->jumpTables[op.target];
  const uint32_t *index = warp.slot<uint32_t>(op.a);
  uint32_t lanes = warp.mask;
  // One group for each target.
  while (lanes) {
    auto first = static_cast<unsigned>(std::countr_zero(lanes));
    uint32_t same = 0;
    for (uint32_t rest = lanes; rest; rest &= rest - 1)
      if (auto lane = static_cast<unsigned>(std::countr_zero(rest)); index[lane] == index[first])
        same |= 1u << lane;
    if (index[first] >= targets.size()) {
      warp.cta->launch->report(Check::OutOfBounds, op.line,
                               "branch to target " + std::to_string(index[first]) + " of " +
                                   std::to_string(targets.size()) + ", by " + describeThread(warp, first));
      throw Abort();
    }
    lanes &= ~same;
    warp.mask = same;
    uint32_t target = targets[index[first]];
    if (warp.mask == warp.active) {
      warp.next = target;
    } else {
      jump(warp, target);
      warp.active &= ~same;
    }
  }
  warp.stop = true;
}

void callFunction(Warp &warp, const Op &op) {
  const Kernel::Call &call = warp.cta->launch->kernel->calls[op.target];
  uint64_t stride = warp.cta->launch->kernel->argumentBytes;
  forLanes(warp, [&](unsigned lane) {
    uint8_t *area = warp.arguments.data() + lane * stride;
    for (const Kernel::Copy &copy : call.arguments)
      std::memcpy(area + copy.to, area + copy.from, copy.bytes);
  });
  uint32_t back = pcOf(warp) + 1;
  if (warp.mask != warp.active) {
    Group &group = warp.group();
    Group rest = group;
    rest.lanes = warp.active & ~warp.mask;
    rest.pc = back;
    group.lanes = warp.mask;
    warp.groups.push_back(std::move(rest));
  }
  warp.group().returns.emplace_back(back, op.target);
  warp.next = call.entry;
  warp.stop = true;
}

void exitLanes(Warp &warp) {
  warp.live &= ~warp.mask;
  // Copies that were never waited for complete anyway.
  completeCopies(warp, warp.mask, 0);
  warp.group().lanes = warp.active & ~warp.mask;
  warp.stop = true;
  ++warp.cta->progress;
  releaseBarriers(*warp.cta);
}

void returnFromFunction(Warp &warp, const Op &) {
  Group &group = warp.group();
  if (group.returns.empty())
    return exitLanes(warp);
  auto [back, index] = group.returns.back();
  const Kernel::Call &call = warp.cta->launch->kernel->calls[index];
  uint64_t stride = warp.cta->launch->kernel->argumentBytes;
  forLanes(warp, [&](unsigned lane) {
    uint8_t *area = warp.arguments.data() + lane * stride;
    for (const Kernel::Copy &copy : call.results)
      std::memcpy(area + copy.to, area + copy.from, copy.bytes);
  });
  if (warp.mask == warp.active) {
    group.returns.pop_back();
    warp.next = back;
  } else {
    Group done = group;
    done.lanes = warp.mask;
    done.pc = back;
    done.returns.pop_back();
    group.lanes = warp.active & ~warp.mask;
    warp.groups.push_back(std::move(done));
  }
  warp.stop = true;
}

void exitKernel(Warp &warp, const Op &) { exitLanes(warp); }

void trap(Warp &warp, const Op &op) {
  warp.cta->launch->report(Check::Trap, op.line,
                           "trap, by " + describeThread(warp, static_cast<unsigned>(std::countr_zero(warp.mask))));
  throw Abort();
}

void nothing(Warp &, const Op &) {}

void sleep(Warp &warp, const Op &) { warp.stop = warp.yielded = true; }

//===----------------------------------------------------------------------===//
// Barriers
//===----------------------------------------------------------------------===//

/// The value of a slot that must be the same in all lanes.
uint32_t uniform(Warp &warp, uint32_t slot, const char *what) {
  const uint32_t *values = warp.slot<uint32_t>(slot);
  uint32_t value = values[std::countr_zero(warp.mask)];
  forLanes(warp, [&](unsigned lane) {
    if (values[lane] != value) {
      warp.cta->launch->report(Check::Divergence, warp.op->line, std::string(what) + " differs between lanes");
      throw Abort();
    }
  });
  return value;
}

/// Mode: 1 arrives without waiting, 2 needs the whole warp (.aligned); 4, 8 and 16 reduce (.popc, .and, .or).
void barrier(Warp &warp, const Op &op) {
  Group &group = warp.group();
  if (op.mode & 2) {
    if (!gather(warp, warp.live))
      return;
  } else if (warp.mask != warp.active) {
    // Only some lanes of the group arrive: they wait apart from the others.
    Group waiting = group;
    waiting.lanes = warp.mask;
    waiting.pc = pcOf(warp);
    group.lanes = warp.active & ~warp.mask;
    warp.groups.push_back(std::move(waiting));
    warp.stop = true;
    return;
  }
  uint32_t id = uniform(warp, op.a, "the barrier"),
           count = op.b == noSlot ? 0 : uniform(warp, op.b, "the number of threads");
  if (id >= 16 || count % 32 || count > (warp.cta->launch->block.count() + 31) / 32 * 32) {
    warp.cta->launch->report(Check::Divergence, op.line,
                             "barrier " + std::to_string(id) + " for " + std::to_string(count) + " threads");
    throw Abort();
  }
  arriveAtBarrier(warp, id, count, !(op.mode & 1));
}

void warpBarrier(Warp &warp, const Op &op) {
  uint32_t needed = uniform(warp, op.a, "the mask of lanes") & warp.live;
  if (!gather(warp, needed))
    return;
  if (warp.cta->shadow.enabled())
    warp.cta->shadow.tick(warp.index);
}

void fence(Warp &warp, const Op &) {
  if (warp.cta->shadow.enabled())
    warp.cta->shadow.fence(warp.index);
  if (warp.cta->launch->options.globalRaces)
    warp.cta->launch->order->fence(warp.cta->index);
}

void fenceProxy(Warp &warp, const Op &) {
  if (warp.cta->shadow.enabled())
    warp.cta->shadow.fenceProxy(warp.index, warp.mask);
}
} // namespace

void fftconv::emulator::arriveAtBarrier(Warp &warp, uint32_t id, uint32_t count, bool waits) {
  Cta &cta = *warp.cta;
  BarrierState &state = cta.barriers[id];
  if (state.arrived.empty()) {
    state.arrived.assign(cta.warps.size(), 0);
    state.expected = count;
    state.line = warp.op->line;
  } else if (state.expected != count) {
    cta.launch->report(Check::Divergence, warp.op->line,
                       "barrier " + std::to_string(id) + " is awaited by " + std::to_string(count) +
                           " threads here and by " + std::to_string(state.expected) + " at line " +
                           std::to_string(state.line));
    throw Abort();
  }
  if (state.arrived[warp.index] & warp.mask) {
    cta.launch->report(Check::Divergence, warp.op->line,
                       "warp " + std::to_string(warp.index) + " arrives twice at barrier " + std::to_string(id));
    throw Abort();
  }
  state.arrived[warp.index] |= warp.mask;
  ++cta.progress;
  if (cta.launch->options.traffic)
    ++warp.worker->sites[pcOf(warp)].barriers;
  if (waits) {
    Group &group = warp.group();
    group.state = Group::Barrier;
    group.barrier = static_cast<uint8_t>(id);
    warp.stop = true;
  }
  releaseBarriers(cta);
}

void fftconv::emulator::releaseBarriers(Cta &cta) {
  for (size_t id = 0; id < cta.barriers.size(); ++id) {
    BarrierState &state = cta.barriers[id];
    if (state.arrived.empty())
      continue;
    uint32_t arrived = 0, alive = 0;
    for (const Warp &warp : cta.warps) {
      alive += warp.live != 0;
      arrived += warp.live != 0 && (state.arrived[warp.index] & warp.live) == warp.live;
      if (!warp.live && state.arrived[warp.index])
        ++arrived, ++alive; // arrived, then exited
    }
    if (arrived < (state.expected ? state.expected / 32 : alive))
      continue;
    SharedShadow::Clock clock;
    if (cta.shadow.enabled())
      for (const Warp &warp : cta.warps)
        if (state.arrived[warp.index])
          SharedShadow::merge(clock, cta.shadow.clockOf(warp.index));
    for (Warp &warp : cta.warps) {
      bool waited = false;
      for (Group &group : warp.groups)
        if (group.state == Group::Barrier && group.barrier == id) {
          group.state = Group::Ready;
          waited = true;
        }
      if (cta.shadow.enabled() && state.arrived[warp.index]) {
        if (waited)
          cta.shadow.join(warp.index, clock);
        cta.shadow.tick(warp.index);
      }
    }
    cta.reductions[id] = state.reduction;
    state = {};
    ++cta.progress;
  }
}

bool fftconv::emulator::decodeControl(Decoder &decoder, Op &op) {
  const std::string &opcode = decoder.opcode();
  op.instructionClass = Class::Control;
  Type b32{Type::Bits, 32};
  if (opcode == "bra") {
    decoder.allow({"uni"});
    decoder.expectOperands(1);
    op.target = decoder.target(decoder.operand(0));
    op.run = branch;
    return true;
  }
  if (opcode == "brx") {
    decoder.allow({"idx", "uni"});
    decoder.expectOperands(2);
    op.a = decoder.read(decoder.operand(0), b32);
    op.target = decoder.jumpTable(decoder.operand(1));
    op.run = branchIndexed;
    return true;
  }
  if (opcode == "call") {
    decoder.allow({"uni"});
    // call f; call f, (args); call (results), f; call (results), f, (args).
    size_t at = 0;
    const Operand *results = nullptr, *arguments = nullptr;
    if (decoder.operand(at).kind == Operand::Vector)
      results = &decoder.operand(at++);
    const Operand &callee = decoder.operand(at++);
    if (at < decoder.operandCount() && decoder.operand(at).kind == Operand::Vector)
      arguments = &decoder.operand(at++);
    if (at != decoder.operandCount())
      decoder.fail("only direct calls are supported");
    op.target = decoder.call(callee, results, arguments);
    op.run = callFunction;
    return true;
  }
  if (opcode == "ret" || opcode == "exit" || opcode == "trap" || opcode == "brkpt") {
    decoder.allow({"uni"});
    decoder.expectOperands(0);
    op.run = opcode == "ret" ? returnFromFunction : opcode == "exit" ? exitKernel : trap;
    return true;
  }
  if (opcode == "bar" || opcode == "barrier") {
    if (decoder.has("warp")) {
      decoder.allow({"warp", "sync"});
      decoder.expectOperands(1);
      op.a = decoder.read(decoder.operand(0), b32);
      op.run = warpBarrier;
      return true;
    }
    decoder.allow({"sync", "arrive", "red", "aligned", "cta", "popc", "and", "or"});
    if (decoder.has("red"))
      return decodeBarrierReduction(decoder, op);
    if (!decoder.has("sync") && !decoder.has("arrive"))
      decoder.fail("unknown barrier");
    if (decoder.operandCount() == 0 || decoder.operandCount() > 2)
      decoder.fail("expected 1 or 2 operands");
    op.a = decoder.read(decoder.operand(0), b32);
    if (decoder.operandCount() == 2)
      op.b = decoder.read(decoder.operand(1), b32);
    else if (decoder.has("arrive"))
      decoder.fail("an arrival needs a number of threads");
    bool aligned = opcode == "bar" || decoder.has("aligned");
    op.mode = static_cast<uint16_t>((decoder.has("arrive") ? 1 : 0) | (aligned ? 2 : 0));
    op.run = barrier;
    return true;
  }
  if (opcode == "membar" || opcode == "fence") {
    // Of the fences between proxies, the one that bulk copies out of shared memory need.
    bool async = decoder.has("proxy") && decoder.has("async");
    op.run = !decoder.has("proxy") ? fence : async && !decoder.has("global") ? fenceProxy : nothing;
    return true;
  }
  if (opcode == "nanosleep") {
    decoder.allow({});
    op.run = sleep;
    return true;
  }
  if (opcode == "griddepcontrol" || opcode == "setmaxnreg" || opcode == "pmevent") {
    op.run = nothing;
    return true;
  }
  return false;
}
