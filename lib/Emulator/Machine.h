//===- Machine.h - Decoded kernels and what runs them -----------*- C++ -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A warp's registers are slots of 32 lanes in one block of memory: 4 bytes a lane for 32-bit ones, 2 for 16, 8 for 64, and one 32-bit
// mask for a predicate. Immediates and special registers are slots too, so a handler sees nothing but offsets. Lanes that
// diverged form groups with a pc each; the deepest in calls, then the lowest, runs first, which lets compiled code reconverge.
//
//===----------------------------------------------------------------------===//

#ifndef FFTCONV_LIB_EMULATOR_MACHINE_H
#define FFTCONV_LIB_EMULATOR_MACHINE_H

#include "Ast.h"
#include "Shadow.h"

#include <array>
#include <atomic>
#include <deque>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <unordered_map>

namespace fftconv::emulator {

struct Warp;
struct Op;
using Handler = void (*)(Warp &, const Op &);

inline constexpr uint32_t noSlot = UINT32_MAX;
inline constexpr uint32_t allLanes = UINT32_MAX;

/// One decoded instruction.
struct Op {
  Handler run = nullptr;
  /// Slots: results and operands, as the handler takes them.
  uint32_t d = noSlot, a = noSlot, b = noSlot, c = noSlot, e = noSlot;
  uint32_t guard = noSlot;
  bool guardNegated = false;
  Class instructionClass = Class::Other;
  Space space = Space::Generic;
  /// Bytes of one element of a memory access, and how many.
  uint8_t width = 0, elements = 1;
  /// What else the handler needs: a mode, a jump's target, an offset of an address.
  uint16_t mode = 0;
  uint32_t target = 0;
  int64_t immediate = 0;
  /// More slots (elements of vectors): Kernel::pool from here.
  uint32_t pool = 0;
  int line = 0;
};

/// Fixed slots, at the start of every warp's registers.
enum SpecialSlot : uint32_t {
  TidX,
  TidY,
  TidZ,
  NtidX,
  NtidY,
  NtidZ,
  CtaidX,
  CtaidY,
  CtaidZ,
  NctaidX,
  NctaidY,
  NctaidZ,
  LaneId,
  WarpId,
  NwarpId,
  SmId,
  NsmId,
  GridId,
  LaneMaskEq,
  LaneMaskLe,
  LaneMaskLt,
  LaneMaskGe,
  LaneMaskGt,
  DynamicSharedBytes,
  TotalSharedBytes,
  Clock,
  Scratch,
  SpecialSlotCount
};
/// Special slots have room for 64-bit values each.
inline constexpr uint32_t slotBytes = 256;
inline constexpr uint32_t specialOffset(SpecialSlot slot) { return slot * slotBytes; }

/// A kernel with the functions it calls, ready to run.
class Kernel {
public:
  struct Parameter {
    uint64_t offset, bytes;
  };
  struct Constant {
    uint32_t slot;
    uint8_t bytes; // of a lane; 0 for a predicate
    uint64_t value;
  };
  /// A copy between the areas of call arguments.
  struct Copy {
    uint32_t from, to, bytes;
  };
  struct Call {
    uint32_t entry;
    std::vector<Copy> arguments, results;
  };

  std::string name;
  std::vector<Op> code;
  std::vector<uint32_t> pool;
  std::vector<Constant> constants;
  std::vector<Call> calls;
  std::vector<std::vector<uint32_t>> jumpTables;
  /// Instructions other than wgmma that touch registers of one, by index: what they do, and the slots.
  struct Guarded {
    Handler run;
    std::vector<uint32_t> reads, writes;
  };
  std::unordered_map<uint32_t, Guarded> guarded;
  std::vector<Parameter> parameters;
  uint64_t parameterBytes = 0;
  uint64_t staticSharedBytes = 0, sharedAlign = 16;
  bool usesDynamicShared = false;
  uint64_t localBytes = 0, argumentBytes = 0;
  uint32_t registerBytes = 0;
  uint32_t entry = 0;
  uint32_t requiredThreads = 0, maxThreads = 0;
  /// The smallest accesses of the kernel: no access starts or ends inside a granule.
  unsigned sharedGranule = 16, globalGranule = 16;
};

/// Windows of generic addresses. Global memory lies below.
inline constexpr uint64_t globalBase = 0x10000000, paramWindow = uint64_t(0x7d) << 40,
                          localWindow = uint64_t(0x7e) << 40, sharedWindow = uint64_t(0x7f) << 40,
                          windowBytes = uint64_t(1) << 40;

/// A piece of global or constant memory.
struct Region {
  uint64_t base = 0, bytes = 0;
  uint8_t *host = nullptr;
  std::string name;
  bool detached = false, readOnly = false;
  std::unique_ptr<GlobalShadow> shadow;

  /// Whether [address, address + size) is memory of this region.
  bool contains(uint64_t address, uint64_t size) const {
    return !detached && address >= base && address - base <= bytes && bytes - (address - base) >= size;
  }
};

/// Lanes of a warp that run together.
struct Group {
  enum State : uint8_t { Ready, Collective, Barrier };
  uint32_t lanes = 0;
  uint32_t pc = 0;
  State state = Ready;
  /// Set when waiting longer cannot help: what the group waits for must be there now.
  bool lastCall = false;
  /// Set while a bar.red waits: when it runs again, its result is there.
  bool reducing = false;
  uint8_t barrier = 0;
  /// Calls on the way here, as indices into the code of the instruction to return to, with the call.
  std::vector<std::pair<uint32_t, uint32_t>> returns;
};

struct Cta;
struct Launch;
struct Worker;

/// One lane's cp.async in flight.
struct AsyncCopy {
  uint32_t lane;
  uint64_t group;
  uint64_t shared;
  uint32_t bytes;
  std::array<uint8_t, 16> data;
  int line;
};

/// A wgmma of a warp that was not waited for.
struct PendingProduct {
  uint64_t group;
  int line;
  /// Slots of its sums, and of what it multiplies from registers.
  std::vector<uint32_t> sums, operands;
  /// Of 16 bytes each, in shared memory.
  std::vector<uint64_t> chunks;
};

struct Warp {
  uint8_t *registers = nullptr;
  /// Lanes of the op being run, its group, and where the group goes next.
  uint32_t mask = 0;
  uint32_t active = 0;
  uint32_t next = 0;
  /// Set by handlers after which another group may have to run, and by those after which another warp should.
  bool stop = false, yielded = false;
  uint32_t carry = 0;

  uint32_t index = 0;
  uint32_t live = 0;
  std::vector<Group> groups;
  size_t current = 0;
  Cta *cta = nullptr;
  Worker *worker = nullptr;
  uint64_t executed = 0;
  /// The op that runs.
  const Op *op = nullptr;

  std::vector<uint8_t> local, localWritten, arguments;
  std::vector<AsyncCopy> copies;
  /// Groups of copies that each lane has committed.
  std::array<uint64_t, 32> committed{}, bulkCommitted{};

  /// Kept where checks are on. Groups of them committed; whether there was a wgmma.fence, and the registers of any that were written since.
  std::vector<PendingProduct> products;
  uint64_t productGroups = 0;
  bool fencedProducts = false;
  std::set<uint32_t> unfenced;

  template <typename T>
  T *slot(uint32_t offset) const {
    return reinterpret_cast<T *>(registers + offset);
  }
  uint32_t &predicate(uint32_t offset) const { return *reinterpret_cast<uint32_t *>(registers + offset); }
  Group &group() { return groups[current]; }
};

/// What bar.red gives: how many predicates were true, whether all or any were.
struct Reduction {
  uint32_t count = 0;
  bool all = true, any = false;
};

struct BarrierState {
  /// Lanes of each warp that have arrived, and the threads expected (0: all that are left).
  std::vector<uint32_t> arrived;
  uint32_t expected = 0;
  int line = 0;
  Reduction reduction;
};

/// An mbarrier object of shared memory.
struct MbarrierState {
  uint64_t expected = 0, pending = 0, phase = 0;
  int64_t bytes = 0;
  SharedShadow::Clock arriving, completed;
};

/// A copy of cp.async.bulk: of one thread, to shared memory with an mbarrier, or to global memory in a group.
struct BulkCopy {
  uint32_t warp, lane;
  bool toShared;
  uint64_t shared;
  uint8_t *global;
  uint32_t bytes;
  uint64_t mbarrier;
  uint64_t group;
  int line;
  SharedShadow::Clock clock = {};
};

struct Cta {
  Launch *launch = nullptr;
  uint64_t index = 0;
  std::vector<Warp> warps;
  std::vector<uint8_t> shared;
  std::array<BarrierState, 16> barriers;
  std::array<Reduction, 16> reductions;
  std::map<uint64_t, MbarrierState> mbarriers;
  std::vector<BulkCopy> bulk;
  /// What the four warps of a group have each done, of which `products` holds those after the first `before`: instructions and descriptors.
  struct Warpgroup {
    std::array<uint64_t, 4> done{};
    uint64_t before = 0;
    std::deque<std::array<uint64_t, 3>> products;
  };
  std::vector<Warpgroup> warpgroups;
  SharedShadow shadow;
  /// Counts events that may let a waiting warp go on; a round of all warps without one is a deadlock.
  uint64_t progress = 0;
};

/// What one launch shares between its CTAs.
struct Launch {
  const Kernel *kernel = nullptr;
  Options options;
  Dim grid, block;
  uint64_t dynamicSharedBytes = 0, sharedBytes = 0;
  std::vector<uint8_t> parameters;
  std::vector<Region *> regions;
  CtaOrder *order = nullptr;

  std::mutex mutex;
  std::map<std::pair<Check, int>, Finding> findings;
  std::atomic<uint64_t> nextCta{0};
  std::atomic<bool> aborted{false};

  void report(Check check, int line, const std::string &text);
};

/// One host thread.
struct Worker {
  Launch *launch = nullptr;
  std::vector<uint64_t> hits;
  std::vector<Counters> sites;
  /// The region that each op last used.
  std::vector<Region *> cached;
  std::mt19937_64 random;
};

/// The index of the op that a warp runs.
inline uint32_t pcOf(const Warp &warp) {
  return static_cast<uint32_t>(warp.op - warp.cta->launch->kernel->code.data());
}

/// Thrown to leave a launch that cannot go on.
struct Abort {};

/// "(3,0,0)": a linear index inside `dim`.
std::string describeIndex(uint64_t index, Dim dim);
/// "thread (3,0,0) of CTA (1,0,0)".
std::string describeThread(const Warp &warp, unsigned lane);

//===----------------------------------------------------------------------===//
// Lanes
//===----------------------------------------------------------------------===//

/// Calls `body` with every lane that runs.
template <typename Body>
inline void forLanes(const Warp &warp, Body body) {
  if (warp.mask == allLanes) {
    for (unsigned lane = 0; lane < 32; ++lane)
      body(lane);
    return;
  }
  for (uint32_t rest = warp.mask; rest; rest &= rest - 1)
    body(static_cast<unsigned>(__builtin_ctz(rest)));
}

/// A warp-wide instruction needs the lanes of `needed` together. False where they are not: the group waits for the others, or, where that
/// cannot help, the run ends with a finding.
bool gather(Warp &warp, uint32_t needed);

/// Runs CTAs until none is left.
void runWorker(Worker &worker);

} // namespace fftconv::emulator

#endif // FFTCONV_LIB_EMULATOR_MACHINE_H
