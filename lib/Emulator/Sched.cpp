//===- Sched.cpp - Which lanes, warps and CTAs run next -------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Inside a warp: of the groups that can go on, the deepest in calls, then the lowest. Inside a CTA: warps in turn, or at random from a
// seed, each until it waits or its quantum is spent. CTAs: one at a time on each host thread.
//
//===----------------------------------------------------------------------===//

#include "Sched.h"

#include "Async.h"

#include <algorithm>
#include <cstring>

using namespace fftconv::emulator;

/// Instructions that a warp may run before another gets its turn: spinning warps must not starve those they wait for.
static constexpr uint64_t quantum = 4096;

std::string fftconv::emulator::describeIndex(uint64_t index, Dim dim) {
  return "(" + std::to_string(index % dim.x) + "," + std::to_string(index / dim.x % dim.y) + "," +
         std::to_string(index / (uint64_t(dim.x) * dim.y)) + ")";
}

std::string fftconv::emulator::describeThread(const Warp &warp, unsigned lane) {
  const Launch &launch = *warp.cta->launch;
  uint64_t thread = uint64_t(warp.index) * 32 + lane;
  return "thread " + describeIndex(thread, launch.block) + " of CTA " + describeIndex(warp.cta->index, launch.grid);
}

void Launch::report(Check check, int line, const std::string &text) {
  std::lock_guard lock(mutex);
  auto it = findings.find({check, line});
  if (it != findings.end())
    ++it->second.count;
  else if (findings.size() < options.maxFindings)
    findings[{check, line}] = {check, line, text, 1};
  else
    aborted = true;
}

//===----------------------------------------------------------------------===//
// Groups
//===----------------------------------------------------------------------===//

/// Before `a` in the order in which groups run.
static bool runsFirst(const Group &a, const Group &b) {
  return a.returns.size() != b.returns.size() ? a.returns.size() > b.returns.size() : a.pc < b.pc;
}

/// Joins groups that are at the same place.
static void mergeGroups(Warp &warp) {
  std::vector<Group> &groups = warp.groups;
  for (size_t i = 0; i < groups.size(); ++i)
    for (size_t j = groups.size(); --j > i;)
      if (groups[j].pc == groups[i].pc && groups[j].state == groups[i].state &&
          groups[j].returns == groups[i].returns) {
        groups[i].lanes |= groups[j].lanes;
        groups[i].lastCall |= groups[j].lastCall;
        groups.erase(groups.begin() + static_cast<ptrdiff_t>(j));
      }
}

/// Picks the group that runs next; false where none can.
static bool pickGroup(Warp &warp) {
  if (warp.groups.size() > 1)
    mergeGroups(warp);
  auto pick = [&] {
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < warp.groups.size(); ++i)
      if (warp.groups[i].state == Group::Ready && (best == SIZE_MAX || runsFirst(warp.groups[i], warp.groups[best])))
        best = i;
    warp.current = best;
    return best != SIZE_MAX;
  };
  if (pick())
    return true;
  // What waits for lanes that never came is told so.
  bool found = false;
  for (Group &group : warp.groups)
    if (group.state == Group::Collective) {
      group.state = Group::Ready;
      group.lastCall = true;
      found = true;
    }
  return found && pick();
}

bool fftconv::emulator::gather(Warp &warp, uint32_t needed) {
  Group &group = warp.group();
  if (warp.mask == needed) {
    group.lastCall = false;
    return true;
  }
  uint32_t others = warp.live & ~warp.active;
  bool canCome = (needed & ~warp.mask & others) == (needed & ~warp.mask) && (warp.mask & ~needed) == 0;
  if (canCome && !group.lastCall) {
    group.state = Group::Collective;
    warp.next = pcOf(warp);
    warp.stop = true;
    return false;
  }
  auto hex = [](uint32_t mask) {
    char text[16];
    std::snprintf(text, sizeof text, "0x%08x", mask);
    return std::string(text);
  };
  warp.cta->launch->report(Check::Divergence, warp.op->line,
                           "lanes " + hex(warp.mask) + " are here where lanes " + hex(needed) +
                               " are needed, warp of " +
                               describeThread(warp, static_cast<unsigned>(std::countr_zero(warp.active))));
  throw Abort();
}

void fftconv::emulator::runWarp(Warp &warp) {
  const Kernel &kernel = *warp.cta->launch->kernel;
  const Op *code = kernel.code.data();
  Worker &worker = *warp.worker;
  uint64_t budget = quantum;
  while (budget > 0 && pickGroup(warp)) {
    Group *group = &warp.group();
    uint32_t pc = group->pc;
    // Runs on until it meets, or passes, a group that could join it.
    uint32_t limit = UINT32_MAX;
    for (const Group &other : warp.groups)
      if (&other != group && other.returns.size() == group->returns.size() && other.state == Group::Ready)
        limit = std::min(limit, other.pc);
    warp.active = group->lanes;
    warp.stop = false;
    do {
      const Op &op = code[pc];
      ++worker.hits[pc];
      ++warp.executed;
      warp.mask = warp.active;
      warp.op = &op;
      warp.next = pc + 1;
      if (op.guard != noSlot) {
        uint32_t holds = warp.predicate(op.guard);
        warp.mask &= op.guardNegated ? ~holds : holds;
        if (warp.mask)
          op.run(warp, op);
      } else {
        op.run(warp, op);
      }
      pc = warp.next;
      --budget;
    } while (!warp.stop && pc < limit && budget > 0);
    if (warp.current != SIZE_MAX)
      warp.group().pc = pc;
    warp.groups.erase(
        std::remove_if(warp.groups.begin(), warp.groups.end(), [](const Group &g) { return g.lanes == 0; }),
        warp.groups.end());
    if (warp.yielded) {
      warp.yielded = false;
      break;
    }
    if (warp.executed > warp.cta->launch->options.maxInstructions) {
      warp.cta->launch->report(Check::Deadlock, code[pc].line,
                               "a warp went on for more than " +
                                   std::to_string(warp.cta->launch->options.maxInstructions) + " instructions");
      throw Abort();
    }
  }
}

//===----------------------------------------------------------------------===//
// CTAs
//===----------------------------------------------------------------------===//

static bool canRun(const Warp &warp) {
  return std::any_of(warp.groups.begin(), warp.groups.end(),
                     [](const Group &group) { return group.state != Group::Barrier; });
}

static void reportDeadlock(Cta &cta) {
  const Op *code = cta.launch->kernel->code.data();
  std::string text = "no warp of CTA " + std::to_string(cta.index) + " can go on:";
  int line = 0;
  size_t told = 0;
  for (const Warp &warp : cta.warps)
    for (const Group &group : warp.groups) {
      int here = code[group.state == Group::Barrier && group.pc ? group.pc - 1 : group.pc].line;
      line = line ? line : here;
      if (++told <= 8)
        text += " warp " + std::to_string(warp.index) +
                (group.state == Group::Barrier ? " waits at a barrier" : " spins") + " at line " +
                std::to_string(here) + ";";
    }
  if (told > 8)
    text += " and " + std::to_string(told - 8) + " more";
  cta.launch->report(Check::Deadlock, line, text);
  throw Abort();
}

static void startCta(Cta &cta, Worker &worker, uint64_t index) {
  Launch &launch = *worker.launch;
  const Kernel &kernel = *launch.kernel;
  uint64_t threads = launch.block.count();
  cta.index = index;
  std::fill(cta.shared.begin(), cta.shared.end(), uint8_t(0xff));
  for (BarrierState &barrier : cta.barriers)
    barrier = {};
  cta.mbarriers.clear();
  cta.bulk.clear();
  cta.warpgroups.clear();
  if (launch.options.sharedRaces || launch.options.uninitialised || launch.options.asyncReads)
    cta.shadow.reset(cta.shared.size(), kernel.sharedGranule, static_cast<uint32_t>(cta.warps.size()));
  Dim at{static_cast<uint32_t>(index % launch.grid.x), static_cast<uint32_t>(index / launch.grid.x % launch.grid.y),
         static_cast<uint32_t>(index / (uint64_t(launch.grid.x) * launch.grid.y))};
  for (Warp &warp : cta.warps) {
    uint64_t left = threads - uint64_t(warp.index) * 32;
    warp.live = left >= 32 ? allLanes : (1u << left) - 1;
    warp.groups.assign(1, {});
    warp.groups[0].lanes = warp.live;
    warp.groups[0].pc = kernel.entry;
    warp.copies.clear();
    warp.committed.fill(0);
    warp.bulkCommitted.fill(0);
    warp.products.clear();
    warp.productGroups = 0;
    warp.fencedProducts = false;
    warp.unfenced.clear();
    warp.carry = 0;
    warp.executed = 0;
    warp.yielded = false;
    if (launch.options.uninitialised)
      warp.localWritten.assign(32 * kernel.localBytes, 0);
    auto fill = [&](SpecialSlot slot, auto value) {
      uint32_t *lanes = warp.slot<uint32_t>(specialOffset(slot));
      for (unsigned lane = 0; lane < 32; ++lane)
        lanes[lane] = static_cast<uint32_t>(value(lane));
    };
    auto same = [](uint64_t value) { return [value](unsigned) { return value; }; };
    auto thread = [&](unsigned lane) { return uint64_t(warp.index) * 32 + lane; };
    fill(TidX, [&](unsigned lane) { return thread(lane) % launch.block.x; });
    fill(TidY, [&](unsigned lane) { return thread(lane) / launch.block.x % launch.block.y; });
    fill(TidZ, [&](unsigned lane) { return thread(lane) / (uint64_t(launch.block.x) * launch.block.y); });
    for (auto [slot, value] : {std::pair(NtidX, launch.block.x),
                               {NtidY, launch.block.y},
                               {NtidZ, launch.block.z},
                               {CtaidX, at.x},
                               {CtaidY, at.y},
                               {CtaidZ, at.z},
                               {NctaidX, launch.grid.x},
                               {NctaidY, launch.grid.y},
                               {NctaidZ, launch.grid.z}})
      fill(slot, same(value));
    fill(LaneId, [](unsigned lane) { return lane; });
    fill(WarpId, same(warp.index));
    fill(NwarpId, same(cta.warps.size()));
    fill(SmId, same(0));
    fill(NsmId, same(1));
    fill(GridId, same(0));
    fill(LaneMaskEq, [](unsigned lane) { return 1u << lane; });
    fill(LaneMaskLt, [](unsigned lane) { return (1u << lane) - 1; });
    fill(LaneMaskLe, [](unsigned lane) { return ((1u << lane) - 1) | 1u << lane; });
    fill(LaneMaskGe, [](unsigned lane) { return ~((1u << lane) - 1); });
    fill(LaneMaskGt, [](unsigned lane) { return ~(((1u << lane) - 1) | 1u << lane); });
    fill(DynamicSharedBytes, same(launch.dynamicSharedBytes));
    fill(TotalSharedBytes, same(launch.sharedBytes));
    for (const Kernel::Constant &constant : kernel.constants)
      for (unsigned lane = 0; lane < 32; ++lane) {
        if (constant.bytes == 0)
          warp.predicate(constant.slot) = static_cast<uint32_t>(constant.value);
        else
          std::memcpy(warp.registers + constant.slot + lane * constant.bytes, &constant.value, constant.bytes);
      }
  }
}

static void runCta(Cta &cta, Worker &worker) {
  size_t count = cta.warps.size(), turn = 0;
  uint64_t idle = 0;
  for (;;) {
    std::vector<size_t> ready;
    bool alive = false;
    for (size_t i = 0; i < count; ++i) {
      alive |= !cta.warps[i].groups.empty();
      if (canRun(cta.warps[i]))
        ready.push_back(i);
    }
    if (!alive)
      break;
    if (worker.launch->aborted)
      throw Abort();
    if (ready.empty())
      reportDeadlock(cta);
    uint64_t before = cta.progress;
    bool moved = false;
    for (size_t i = 0; i < ready.size(); ++i) {
      size_t pick = worker.launch->options.seed ? worker.random() % ready.size() : turn++ % ready.size();
      Warp &warp = cta.warps[ready[pick]];
      if (!canRun(warp))
        continue;
      uint64_t executed = warp.executed;
      runWarp(warp);
      // A warp that only tried a barrier again has not moved.
      moved |= warp.executed - executed > spinLength;
    }
    idle = moved || cta.progress != before ? 0 : idle + 1;
    if (idle > 64)
      reportDeadlock(cta);
  }
}

void fftconv::emulator::runWorker(Worker &worker) {
  Launch &launch = *worker.launch;
  const Kernel &kernel = *launch.kernel;
  Cta cta;
  cta.launch = &launch;
  cta.shared.resize(launch.sharedBytes);
  size_t warps = (launch.block.count() + 31) / 32;
  size_t registerBytes = (kernel.registerBytes + 127) / 64 * 64;
  std::vector<uint8_t> registers(warps * registerBytes + 64);
  auto *aligned = reinterpret_cast<uint8_t *>((reinterpret_cast<uintptr_t>(registers.data()) + 63) & ~uintptr_t(63));
  cta.warps.resize(warps);
  for (size_t i = 0; i < warps; ++i) {
    Warp &warp = cta.warps[i];
    warp.registers = aligned + i * registerBytes;
    warp.index = static_cast<uint32_t>(i);
    warp.cta = &cta;
    warp.worker = &worker;
    warp.local.resize(32 * kernel.localBytes);
    warp.arguments.resize(32 * kernel.argumentBytes);
  }
  try {
    for (uint64_t index; !launch.aborted && (index = launch.nextCta++) < launch.grid.count();) {
      startCta(cta, worker, index);
      runCta(cta, worker);
      reportUnfinishedCopies(cta);
      reportUnfinishedProducts(cta);
    }
  } catch (const Abort &) {
    launch.aborted = true;
  }
}
