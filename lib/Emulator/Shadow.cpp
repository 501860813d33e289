//===- Shadow.cpp - Who touched which byte, and when ----------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Shadow.h"

#include <algorithm>
#include <bit>

using namespace fftconv::emulator;

//===----------------------------------------------------------------------===//
// Shared memory
//===----------------------------------------------------------------------===//

void SharedShadow::reset(uint64_t bytes, unsigned newGranule, uint32_t newWarps) {
  size_t count = (bytes + newGranule - 1) / newGranule;
  if (newGranule != granule || newWarps != warps || count != cells) {
    granule = newGranule;
    warps = newWarps;
    cells = count;
    clocks.assign(size_t(warps) * warps, 0);
    writeTime.assign(cells, 0);
    writer.assign(cells, 0);
    writeInstruction.assign(cells, 0);
    readTime.assign(cells * warps, 0);
    reader.assign(cells * warps, 0);
  }
  // Whatever an earlier CTA did lies before everything of this one.
  uint32_t latest = clocks.empty() ? 0 : *std::max_element(clocks.begin(), clocks.end());
  std::fill(clocks.begin(), clocks.end(), latest);
  for (uint32_t warp = 0; warp < warps; ++warp)
    tick(warp);
  initialised.assign(cells, 0);
  copying.assign(cells, Copying::No);
  strongly.assign(cells, 0);
  byBulkCopy.assign(cells, 0);
  proxyFences.assign(size_t(warps) * 32, 0);
  fences.assign(warps, {});
  releases.clear();
}

template <bool Write, bool Strong>
SharedConflict SharedShadow::access(uint64_t offset, uint64_t bytes, uint32_t thread) {
  SharedConflict conflict;
  uint32_t warp = thread / 32;
  const uint32_t *clock = &clocks[size_t(warp) * warps];
  for (size_t cell = offset / granule, end = (offset + bytes + granule - 1) / granule; cell < end; ++cell) {
    if (copying[cell] == Copying::Writing)
      conflict.what |= SharedConflict::Pending;
    if (Write && copying[cell] == Copying::Reading)
      conflict.what |= SharedConflict::BeingRead;
    if (!Write && !initialised[cell])
      conflict.what |= SharedConflict::Uninitialised;
    // Against the last write.
    uint32_t owner = writer[cell] / 32;
    bool inside = owner == warp && writer[cell] != thread && writeTime[cell] == clock[warp] &&
                  writeInstruction[cell] != instruction;
    if (((owner != warp && writeTime[cell] > clock[owner]) || inside) && !(Strong && strongly[cell])) {
      conflict.what |= inside ? SharedConflict::InsideWarp : SharedConflict::BetweenWarps;
      conflict.other = writer[cell];
    }
    uint32_t *reads = &readTime[cell * warps];
    if (Write)
      // Against what other warps read. A lane of the same warp has read before, since lanes of a warp do not overtake each other
      // from a read to a write.
      for (uint32_t other = 0; other < warps; ++other)
        if (reads[other] > clock[other] && other != warp) {
          conflict.what |= SharedConflict::BetweenWarps;
          conflict.other = reader[cell * warps + other];
        }
    if (Write) {
      writeTime[cell] = clock[warp];
      writer[cell] = static_cast<uint16_t>(thread);
      writeInstruction[cell] = instruction;
      initialised[cell] = 1;
      strongly[cell] = Strong;
      byBulkCopy[cell] = 0;
    } else if (!Strong) {
      reads[warp] = clock[warp];
      reader[cell * warps + warp] = static_cast<uint16_t>(thread);
    }
  }
  return conflict;
}

SharedConflict SharedShadow::read(uint64_t offset, uint64_t bytes, uint32_t thread) {
  return access<false, false>(offset, bytes, thread);
}

SharedConflict SharedShadow::write(uint64_t offset, uint64_t bytes, uint32_t thread) {
  return access<true, false>(offset, bytes, thread);
}

SharedConflict SharedShadow::strong(uint64_t offset, uint64_t bytes, uint32_t thread, bool writes) {
  return writes ? access<true, true>(offset, bytes, thread) : access<false, true>(offset, bytes, thread);
}

SharedConflict SharedShadow::unfenced(uint64_t offset, uint64_t bytes) const {
  for (size_t cell = offset / granule, end = (offset + bytes + granule - 1) / granule; cell < end; ++cell)
    if (initialised[cell] && !byBulkCopy[cell] && writeTime[cell] > proxyFences[writer[cell]])
      return {SharedConflict::Unfenced, writer[cell]};
  return {};
}

SharedConflict SharedShadow::bulkRead(uint64_t offset, uint64_t bytes, uint32_t thread) {
  SharedConflict fence = unfenced(offset, bytes), order = read(offset, bytes, thread);
  return order.what ? order : fence;
}

SharedConflict SharedShadow::bulkWrite(uint64_t offset, uint64_t bytes, uint32_t thread) {
  SharedConflict fence = unfenced(offset, bytes), order = write(offset, bytes, thread);
  std::fill(byBulkCopy.begin() + static_cast<ptrdiff_t>(offset / granule),
            byBulkCopy.begin() + static_cast<ptrdiff_t>((offset + bytes + granule - 1) / granule), 1);
  return order.what ? order : fence;
}

void SharedShadow::fenceProxy(uint32_t warp, uint32_t lanes) {
  for (uint32_t lane = 0; lane < 32; ++lane)
    if (lanes >> lane & 1)
      proxyFences[size_t(warp) * 32 + lane] = clocks[size_t(warp) * warps + warp];
  tick(warp);
}

void SharedShadow::fence(uint32_t warp) {
  fences[warp].released = true;
  join(warp, fences[warp].acquired);
}

void SharedShadow::strongAccess(uint64_t offset, uint32_t warp, bool writes) {
  if (auto it = releases.find(offset); it != releases.end())
    merge(fences[warp].acquired, it->second);
  if (writes && fences[warp].released) {
    merge(releases[offset], clockOf(warp));
    tick(warp);
  }
}

void SharedShadow::setCopying(uint64_t offset, uint64_t bytes, Copying value) {
  for (size_t cell = offset / granule, end = (offset + bytes + granule - 1) / granule; cell < end; ++cell)
    copying[cell] = value;
}

SharedShadow::Clock SharedShadow::clockOf(uint32_t warp) const {
  auto begin = clocks.begin() + static_cast<ptrdiff_t>(size_t(warp) * warps);
  return Clock(begin, begin + warps);
}

void SharedShadow::join(uint32_t warp, const Clock &clock) {
  for (size_t i = 0; i < clock.size(); ++i) {
    uint32_t &mine = clocks[size_t(warp) * warps + i];
    mine = std::max(mine, clock[i]);
  }
}

void SharedShadow::merge(Clock &into, const Clock &from) {
  into.resize(std::max(into.size(), from.size()));
  for (size_t i = 0; i < from.size(); ++i)
    into[i] = std::max(into[i], from[i]);
}

//===----------------------------------------------------------------------===//
// Order of CTAs
//===----------------------------------------------------------------------===//

CtaOrder::State &CtaOrder::state(uint64_t cta) {
  State &result = states[cta];
  if (result.before.empty()) {
    result.before.assign(ctas, false);
    result.pending.assign(ctas, false);
  }
  return result;
}

void CtaOrder::unite(std::vector<bool> &into, const std::vector<bool> &from) {
  for (size_t i = 0; i < from.size(); ++i)
    if (from[i])
      into[i] = true;
}

void CtaOrder::fence(uint64_t cta) {
  std::lock_guard lock(mutex);
  State &mine = state(cta);
  mine.fenced = true;
  unite(mine.before, mine.pending);
}

void CtaOrder::atomic(uint64_t cta, uint64_t address) {
  std::lock_guard lock(mutex);
  State &mine = state(cta);
  std::vector<bool> &here = released[address];
  here.resize(ctas);
  unite(mine.pending, here);
  if (mine.fenced) {
    unite(here, mine.before);
    here[cta] = true;
  }
}

bool CtaOrder::isOrdered(uint64_t earlier, uint64_t later) {
  std::lock_guard lock(mutex);
  auto it = states.find(later);
  return it != states.end() && !it->second.before.empty() && it->second.before[earlier];
}

//===----------------------------------------------------------------------===//
// Global memory
//===----------------------------------------------------------------------===//

GlobalShadow::GlobalShadow(uint64_t bytes, unsigned granule)
    : shift(static_cast<unsigned>(std::countr_zero(granule))),
      writer(new std::atomic<uint32_t>[(bytes >> shift) + 1]()),
      reader(new std::atomic<uint32_t>[(bytes >> shift) + 1]()) {}

int64_t GlobalShadow::read(uint64_t offset, uint64_t bytes, uint64_t cta, CtaOrder &order) {
  int64_t race = -1;
  auto me = static_cast<uint32_t>(cta + 1);
  for (uint64_t cell = offset >> shift, last = (offset + bytes - 1) >> shift; cell <= last; ++cell) {
    uint32_t other = writer[cell].load(std::memory_order_relaxed);
    if (other && other != me && !order.isOrdered(other - 1, cta))
      race = other - 1;
    uint32_t seen = reader[cell].load(std::memory_order_relaxed);
    if (seen != me)
      reader[cell].store(seen ? several : me, std::memory_order_relaxed);
  }
  return race;
}

int64_t GlobalShadow::write(uint64_t offset, uint64_t bytes, uint64_t cta, CtaOrder &order) {
  int64_t race = -1;
  auto me = static_cast<uint32_t>(cta + 1);
  for (uint64_t cell = offset >> shift, last = (offset + bytes - 1) >> shift; cell <= last; ++cell) {
    uint32_t other = writer[cell].exchange(me, std::memory_order_relaxed);
    if (other && other != me && !order.isOrdered(other - 1, cta))
      race = other - 1;
    uint32_t seen = reader[cell].load(std::memory_order_relaxed);
    if (seen && seen != me && (seen == several || !order.isOrdered(seen - 1, cta)))
      race = seen == several ? static_cast<int64_t>(cta) : seen - 1;
  }
  return race;
}
