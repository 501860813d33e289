//===- Shadow.h - Who touched which byte, and when --------------*- C++ -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Race detection. Shared memory: a vector clock for every warp, and for every granule of memory the last write and each warp's last
// read (Flanagan and Freund, FastTrack, PLDI 2009). Global memory: for every granule the CTA that last wrote and the one that last read,
// since CTAs are ordered by atomics and fences only.
//
//===----------------------------------------------------------------------===//

#ifndef FFTCONV_LIB_EMULATOR_SHADOW_H
#define FFTCONV_LIB_EMULATOR_SHADOW_H

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

namespace fftconv::emulator {

/// What an access to shared memory ran into. Bits, so that granules of one access add up.
struct SharedConflict {
  enum : unsigned {
    None = 0,
    BetweenWarps = 1,
    InsideWarp = 2,
    Uninitialised = 4,
    Pending = 8,
    BeingRead = 16,
    Unfenced = 32
  };
  unsigned what = None;
  /// The thread of the other access.
  uint32_t other = 0;
};

class SharedShadow {
public:
  /// Starts a CTA of `warps` warps with nothing initialised. Accesses cover whole granules of `granule` bytes.
  void reset(uint64_t bytes, unsigned granule, uint32_t warps);
  bool enabled() const { return granule != 0; }

  /// Accesses up to the next call belong to one instruction, whose lanes do not race with each other here.
  void setInstruction(uint64_t serial) { instruction = static_cast<uint32_t>(serial); }
  SharedConflict read(uint64_t offset, uint64_t bytes, uint32_t thread);
  SharedConflict write(uint64_t offset, uint64_t bytes, uint32_t thread);
  /// Atomics, and other accesses that may meet each other, conflict with plain ones only.
  SharedConflict strong(uint64_t offset, uint64_t bytes, uint32_t thread, bool writes);
  /// What asynchronous copies are doing with memory: touching what they write, or writing what they read, is a conflict.
  enum class Copying : uint8_t { No, Writing, Reading };
  void setCopying(uint64_t offset, uint64_t bytes, Copying copying);
  /// An access of a bulk copy, which `thread` issues: it must be ordered like one of the thread's own, and a fence between proxies must lie
  /// between it and what threads wrote. Nobody sees what it writes but who joins a later clock of the thread's warp.
  SharedConflict bulkRead(uint64_t offset, uint64_t bytes, uint32_t thread);
  SharedConflict bulkWrite(uint64_t offset, uint64_t bytes, uint32_t thread);
  /// fence.proxy.async of some lanes of a warp.
  void fenceProxy(uint32_t warp, uint32_t lanes);

  using Clock = std::vector<uint32_t>;
  Clock clockOf(uint32_t warp) const;
  /// What `clock` has seen happened before what `warp` does next.
  void join(uint32_t warp, const Clock &clock);
  /// A fence, then a strong write to `offset`, is seen by who reads it strongly and then fences.
  void fence(uint32_t warp);
  void strongAccess(uint64_t offset, uint32_t warp, bool writes);
  /// What `warp` does next is later than what anybody who joined its clock so far has seen.
  void tick(uint32_t warp) { ++clocks[size_t(warp) * warps + warp]; }
  static void merge(Clock &into, const Clock &from);

private:
  template <bool Write, bool Strong>
  SharedConflict access(uint64_t offset, uint64_t bytes, uint32_t thread);
  SharedConflict unfenced(uint64_t offset, uint64_t bytes) const;

  struct FenceState {
    bool released = false;
    Clock acquired;
  };

  unsigned granule = 0;
  uint32_t warps = 0;
  std::vector<FenceState> fences;
  std::map<uint64_t, Clock> releases;
  size_t cells = 0;
  std::vector<uint32_t> clocks;
  uint32_t instruction = 0;
  std::vector<uint32_t> writeTime, readTime, writeInstruction;
  std::vector<uint16_t> writer;
  std::vector<uint16_t> reader;
  std::vector<uint8_t> initialised, strongly, byBulkCopy;
  std::vector<Copying> copying;
  /// When each thread last ordered what it wrote before what bulk copies do.
  std::vector<uint32_t> proxyFences;
};

/// Which CTAs a CTA is ordered after: those that released (a fence, then an atomic) before it acquired (an atomic, then a fence).
class CtaOrder {
public:
  explicit CtaOrder(uint64_t ctas) : ctas(ctas) {}
  void fence(uint64_t cta);
  void atomic(uint64_t cta, uint64_t address);
  /// True where `earlier` is known to have come before what `later` does now.
  bool isOrdered(uint64_t earlier, uint64_t later);

private:
  struct State {
    bool fenced = false;
    std::vector<bool> pending, before;
  };
  State &state(uint64_t cta);
  static void unite(std::vector<bool> &into, const std::vector<bool> &from);

  uint64_t ctas;
  std::mutex mutex;
  std::map<uint64_t, State> states;
  std::map<uint64_t, std::vector<bool>> released;
};

/// The CTAs that touched each granule of a buffer during a launch.
class GlobalShadow {
public:
  GlobalShadow(uint64_t bytes, unsigned granule);

  /// The other CTA of a race, or -1.
  int64_t read(uint64_t offset, uint64_t bytes, uint64_t cta, CtaOrder &order);
  int64_t write(uint64_t offset, uint64_t bytes, uint64_t cta, CtaOrder &order);

private:
  static constexpr uint32_t several = UINT32_MAX;
  unsigned shift;
  std::unique_ptr<std::atomic<uint32_t>[]> writer, reader;
};

} // namespace fftconv::emulator

#endif // FFTCONV_LIB_EMULATOR_SHADOW_H
