//===- Memory.cpp - From addresses of lanes to bytes ----------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every access is checked for bounds and alignment, always: addresses are the device's, so nothing of the host can be reached by
// mistake.
//
//===----------------------------------------------------------------------===//

#include "Memory.h"

#include <algorithm>

using namespace fftconv::emulator;

namespace {
/// Where refused accesses go.
thread_local std::array<std::array<uint8_t, 64>, 32> nowhere;

bool isWrite(AccessKind kind) { return kind == AccessKind::Write || kind == AccessKind::StrongWrite; }
bool isStrong(AccessKind kind) { return kind == AccessKind::StrongRead || kind == AccessKind::StrongWrite; }

std::string describe(AccessKind kind, unsigned bytes) {
  return std::string(isWrite(kind) ? "write of " : "read of ") + std::to_string(bytes) + " bytes at ";
}

/// The last region that begins at or below an address and the first above it; null where there is none.
std::pair<Region *, Region *> findRegions(const Launch &launch, uint64_t address) {
  auto it = std::upper_bound(launch.regions.begin(), launch.regions.end(), address,
                             [](uint64_t a, const Region *region) { return a < region->base; });
  return {it == launch.regions.begin() ? nullptr : *std::prev(it), it == launch.regions.end() ? nullptr : *it};
}

void reportGlobal(Warp &warp, unsigned lane, uint64_t address, unsigned bytes, AccessKind kind) {
  Launch &launch = *warp.cta->launch;
  auto [region, after] = findRegions(launch, address);
  // Just below a buffer is that buffer's index -n.
  bool below = after && after->base - address <= 4096 && (!region || address - region->base > region->bytes + 4096);
  std::string text = describe(kind, bytes);
  if (below)
    text += "byte -" + std::to_string(after->base - address) + " of buffer '" + after->name + "' of " +
            std::to_string(after->bytes) + " bytes";
  else if (region)
    text += "byte " + std::to_string(address - region->base) + " of buffer '" + region->name + "' of " +
            std::to_string(region->bytes) + " bytes" + (region->detached ? ", which was freed" : "") +
            (region->readOnly && address - region->base < region->bytes ? ", which is constant" : "");
  else
    text += "address " + std::to_string(address) + ", where no buffer is";
  launch.report(Check::OutOfBounds, warp.op->line, text + ", by " + describeThread(warp, lane));
}

/// The bytes of a global or constant address, or null with a finding.
uint8_t *globalBytes(Warp &warp, unsigned lane, uint64_t address, unsigned bytes, AccessKind kind) {
  size_t pc = pcOf(warp);
  Region *&cached = warp.worker->cached[pc];
  auto inside = [&](const Region *region) {
    return region && region->contains(address, bytes) && !(region->readOnly && isWrite(kind));
  };
  if (!inside(cached)) {
    Region *found = findRegions(*warp.cta->launch, address).first;
    if (!inside(found)) {
      reportGlobal(warp, lane, address, bytes, kind);
      return nullptr;
    }
    cached = found;
  }
  if (cached->shadow && warp.cta->launch->options.globalRaces) {
    Launch &launch = *warp.cta->launch;
    uint64_t offset = address - cached->base, me = warp.cta->index;
    if (isStrong(kind)) {
      launch.order->atomic(me, address);
    } else {
      int64_t other = isWrite(kind) ? cached->shadow->write(offset, bytes, me, *launch.order)
                                    : cached->shadow->read(offset, bytes, me, *launch.order);
      if (other >= 0)
        launch.report(Check::GlobalRace, warp.op->line,
                      describe(kind, bytes) + "byte " + std::to_string(offset) + " of buffer '" + cached->name +
                          "', by " + describeThread(warp, lane) +
                          (static_cast<uint64_t>(other) == me
                               ? ", which other CTAs read"
                               : ", which CTA number " + std::to_string(other) + " touched"));
    }
  }
  return cached->host + (address - cached->base);
}

uint8_t *sharedBytes(Warp &warp, unsigned lane, uint64_t offset, unsigned bytes, AccessKind kind) {
  Cta &cta = *warp.cta;
  if (offset > cta.shared.size() || cta.shared.size() - offset < bytes) {
    cta.launch->report(Check::OutOfBounds, warp.op->line,
                       describe(kind, bytes) + "byte " + std::to_string(static_cast<int64_t>(offset)) + " of the " +
                           std::to_string(cta.shared.size()) + " bytes of shared memory, by " +
                           describeThread(warp, lane));
    return nullptr;
  }
  if (cta.shadow.enabled()) {
    uint32_t thread = warp.index * 32 + lane;
    SharedConflict conflict;
    if (isStrong(kind)) {
      conflict = cta.shadow.strong(offset, bytes, thread, isWrite(kind));
      cta.shadow.strongAccess(offset, warp.index, isWrite(kind));
    } else {
      conflict = isWrite(kind) ? cta.shadow.write(offset, bytes, thread) : cta.shadow.read(offset, bytes, thread);
    }
    if (conflict.what)
      reportConflict(warp, lane, offset, conflict, isWrite(kind) ? "write" : "read");
  }
  return cta.shared.data() + offset;
}

uint8_t *localBytes(Warp &warp, unsigned lane, uint64_t offset, unsigned bytes, AccessKind kind) {
  uint64_t size = warp.cta->launch->kernel->localBytes;
  if (offset > size || size - offset < bytes) {
    warp.cta->launch->report(Check::OutOfBounds, warp.op->line,
                             describe(kind, bytes) + "byte " + std::to_string(static_cast<int64_t>(offset)) +
                                 " of the " + std::to_string(size) + " bytes of local memory, by " +
                                 describeThread(warp, lane));
    return nullptr;
  }
  uint64_t at = lane * size + offset;
  if (!warp.localWritten.empty()) {
    auto begin = warp.localWritten.begin() + static_cast<ptrdiff_t>(at);
    if (isWrite(kind))
      std::fill(begin, begin + bytes, uint8_t(1));
    else if (std::find(begin, begin + bytes, uint8_t(0)) != begin + bytes)
      warp.cta->launch->report(Check::Uninitialised, warp.op->line,
                               "read of local memory at byte " + std::to_string(offset) + " that nothing wrote, by " +
                                   describeThread(warp, lane));
  }
  return warp.local.data() + at;
}

uint8_t *parameterBytes(Warp &warp, unsigned lane, uint64_t address, unsigned bytes, AccessKind kind) {
  Launch &launch = *warp.cta->launch;
  if (address >= windowBytes && address - windowBytes + bytes <= launch.kernel->argumentBytes)
    return warp.arguments.data() + lane * launch.kernel->argumentBytes + (address - windowBytes);
  if (address + bytes <= launch.parameters.size() && !isWrite(kind))
    return launch.parameters.data() + address;
  launch.report(Check::OutOfBounds, warp.op->line,
                describe(kind, bytes) + "byte " + std::to_string(address) + " of the parameters, by " +
                    describeThread(warp, lane));
  return nullptr;
}
} // namespace

void fftconv::emulator::reportConflict(Warp &warp, unsigned lane, uint64_t offset, const SharedConflict &conflict,
                                       const char *access) {
  Launch &launch = *warp.cta->launch;
  std::string text =
      std::string(access) + " of shared memory at byte " + std::to_string(offset) + " by " + describeThread(warp, lane);
  std::string thread = "thread " + describeIndex(conflict.other, launch.block);
  if ((conflict.what & SharedConflict::Pending) && launch.options.asyncReads)
    launch.report(Check::AsyncRead, warp.op->line,
                  text + ", the destination of an asynchronous copy that was not waited for");
  if ((conflict.what & SharedConflict::BeingRead) && launch.options.asyncReads)
    launch.report(Check::AsyncRead, warp.op->line,
                  text + ", the source of an asynchronous copy that was not waited for");
  if ((conflict.what & SharedConflict::Unfenced) && launch.options.sharedRaces)
    launch.report(Check::SharedRace, warp.op->line,
                  text + " races with the write of " + thread + ": no fence.proxy.async of that thread lies between");
  if ((conflict.what & SharedConflict::BetweenWarps) && launch.options.sharedRaces)
    launch.report(Check::SharedRace, warp.op->line,
                  text + " races with " + thread + " of another warp: no barrier lies between");
  if ((conflict.what & SharedConflict::InsideWarp) && launch.options.sharedRaces)
    launch.report(Check::SharedRace, warp.op->line,
                  text + " races with the write of " + thread + " of the same warp: no bar.warp.sync lies between");
  if ((conflict.what & SharedConflict::Uninitialised) && launch.options.uninitialised)
    launch.report(Check::Uninitialised, warp.op->line, text + ", which nothing wrote");
}

uint8_t *fftconv::emulator::resolveLane(Warp &warp, const Op &op, unsigned lane, Space space, uint64_t address,
                                        unsigned bytes, unsigned align, AccessKind kind) {
  if (address & (align - 1)) {
    warp.cta->launch->report(Check::Misaligned, op.line,
                             describe(kind, bytes) + "address " + std::to_string(address) +
                                 ", which is no multiple of " + std::to_string(align) + ", by " +
                                 describeThread(warp, lane));
    return nullptr;
  }
  switch (space) {
  case Space::Shared:
    return sharedBytes(warp, lane, address, bytes, kind);
  case Space::Local:
    return localBytes(warp, lane, address, bytes, kind);
  case Space::Param:
    return parameterBytes(warp, lane, address, bytes, kind);
  default:
    return globalBytes(warp, lane, address, bytes, kind);
  }
}

void fftconv::emulator::computeAddresses(const Warp &warp, const Op &op, std::array<uint64_t, 32> &addresses) {
  auto offset = static_cast<uint64_t>(op.immediate);
  if (op.a == noSlot) {
    addresses.fill(offset);
  } else if (op.mode & 1) {
    const uint64_t *base = warp.slot<uint64_t>(op.a);
    for (unsigned lane = 0; lane < 32; ++lane)
      addresses[lane] = base[lane] + offset;
  } else {
    const uint32_t *base = warp.slot<uint32_t>(op.a);
    for (unsigned lane = 0; lane < 32; ++lane)
      addresses[lane] = static_cast<uint32_t>(base[lane] + static_cast<uint32_t>(offset));
  }
}

/// The space of a generic address, which becomes one of that space.
static Space classify(uint64_t &address) {
  if (address < paramWindow)
    return Space::Global;
  static constexpr std::pair<uint64_t, Space> windows[] = {
      {sharedWindow, Space::Shared}, {localWindow, Space::Local}, {paramWindow, Space::Param}};
  for (auto [window, space] : windows)
    if (address >= window && address - window < windowBytes) {
      address -= window;
      return space;
    }
  return Space::Global;
}

bool fftconv::emulator::resolveTogether(Warp &warp, Space space, uint32_t lanes,
                                        const std::array<uint64_t, 32> &addresses, unsigned bytes, AccessKind kind,
                                        std::array<uint8_t *, 32> &host) {
  uint64_t base = 0, size = 0;
  uint8_t *memory = nullptr;
  if (space == Space::Shared) {
    Cta &cta = *warp.cta;
    if (cta.shadow.enabled())
      return false;
    memory = cta.shared.data();
    size = cta.shared.size();
  } else if (space == Space::Global || space == Space::Generic || space == Space::Const) {
    const Region *region = warp.worker->cached[pcOf(warp)];
    if (!region || region->detached || region->shadow || (region->readOnly && isWrite(kind)))
      return false;
    base = region->base;
    size = region->bytes;
    memory = region->host;
  } else {
    return false;
  }
  if (size < bytes)
    return false;
  uint64_t bad = 0;
  for (unsigned lane = 0; lane < 32; ++lane) {
    uint64_t offset = addresses[lane] - base, wrong = uint64_t(offset > size - bytes) | (addresses[lane] & (bytes - 1));
    bad |= lanes >> lane & 1 ? wrong : 0;
    host[lane] = memory + offset;
  }
  return !bad;
}

void fftconv::emulator::resolve(Warp &warp, const Op &op, unsigned bytes, AccessKind kind, Addresses &result) {
  computeAddresses(warp, op, result.at);
  if (!warp.cta->launch->options.traffic &&
      resolveTogether(warp, op.space, warp.mask, result.at, bytes, kind, result.host)) {
    result.space.fill(op.space);
    return;
  }
  uint32_t shared = 0, global = 0, local = 0;
  warp.cta->shadow.setInstruction(warp.executed);
  forLanes(warp, [&](unsigned lane) {
    Space space = op.space == Space::Generic ? classify(result.at[lane]) : op.space;
    result.space[lane] = space;
    uint8_t *host = resolveLane(warp, op, lane, space, result.at[lane], bytes, bytes, kind);
    if (!host) {
      nowhere[lane].fill(0);
      host = nowhere[lane].data();
    } else {
      (space == Space::Shared ? shared : space == Space::Local ? local : global) |= 1u << lane;
    }
    result.host[lane] = host;
  });
  if (warp.cta->launch->options.traffic) {
    if (shared)
      countShared(warp, result.at, shared, bytes);
    if (global && op.space != Space::Param)
      countGlobal(warp, result.at, global, bytes);
    if (local)
      warp.worker->sites[pcOf(warp)].localBytes += static_cast<uint64_t>(std::popcount(local)) * bytes;
  }
}

static Counters &siteOf(Warp &warp) { return warp.worker->sites[pcOf(warp)]; }

void fftconv::emulator::countShared(Warp &warp, const std::array<uint64_t, 32> &offsets, uint32_t mask,
                                    unsigned bytes) {
  // 8-byte accesses go by half warps, 16-byte ones by quarters; lanes that read one word share it.
  unsigned group = bytes <= 4 ? 32 : bytes == 8 ? 16 : 8;
  uint64_t wavefronts = 0, ideal = 0;
  for (unsigned first = 0; first < 32; first += group) {
    uint32_t lanes = group == 32 ? mask : mask >> first & ((1u << group) - 1);
    if (!lanes)
      continue;
    std::array<uint64_t, 64> words;
    std::array<uint8_t, 32> inBank{};
    unsigned count = 0;
    uint8_t most = 0;
    for (uint32_t rest = lanes; rest; rest &= rest - 1) {
      uint64_t offset = offsets[first + static_cast<unsigned>(std::countr_zero(rest))];
      for (uint64_t word = offset / 4; word <= (offset + bytes - 1) / 4 && count < words.size(); ++word) {
        // Neighbouring lanes are the likely sharers: look from the end.
        bool known = false;
        for (unsigned i = count; i-- > 0 && !known;)
          known = words[i] == word;
        if (known)
          continue;
        words[count++] = word;
        most = std::max(most, ++inBank[word % 32]);
      }
    }
    wavefronts += most;
    ideal += (count + 31) / 32;
  }
  Counters &site = siteOf(warp);
  site.sharedBytes += static_cast<uint64_t>(std::popcount(mask)) * bytes;
  site.sharedWavefronts += wavefronts;
  site.sharedIdealWavefronts += ideal;
}

void fftconv::emulator::countGlobal(Warp &warp, const std::array<uint64_t, 32> &addresses, uint32_t mask,
                                    unsigned bytes) {
  std::array<uint64_t, 128> sectors;
  unsigned count = 0;
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    uint64_t address = addresses[static_cast<unsigned>(std::countr_zero(rest))];
    for (uint64_t sector = address / 32; sector <= (address + bytes - 1) / 32 && count < sectors.size(); ++sector) {
      bool known = false;
      for (unsigned i = count; i-- > 0 && !known;)
        known = sectors[i] == sector;
      if (!known)
        sectors[count++] = sector;
    }
  }
  uint64_t total = static_cast<uint64_t>(std::popcount(mask)) * bytes;
  Counters &site = siteOf(warp);
  site.globalBytes += total;
  site.globalSectors += count;
  site.globalIdealSectors += (total + 31) / 32;
}
