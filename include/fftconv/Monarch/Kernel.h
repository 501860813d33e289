//===- Kernel.h - Choice and cost of a one-pass kernel ----------*- C++ -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How many warps, how many batch rows at a time, how many stages of input: what a schedule leaves open, and what the whole costs on a chip.
//
//===----------------------------------------------------------------------===//

#ifndef FFTCONV_MONARCH_KERNEL_H
#define FFTCONV_MONARCH_KERNEL_H

#include "fftconv/Monarch/Chip.h"
#include "fftconv/Monarch/Schedule.h"

#include <array>

namespace fftconv::monarch {

struct KernelChoice {
  int warps = 0;
  /// Complex values that a lane may hold.
  int values = 0;
  /// Batch rows of a head that travel together, so that spectrum and tables are read once for them; pairs of rows where theta is one. Heads of a batch
  /// row where channels are last.
  int64_t rows = 0;
  /// Groups of rows in flight: of all but one the input is copied while that one is computed.
  int stages = 0;
  /// Rows come in by bulk copies, which one thread starts for all and an mbarrier counts; results go out by them where they are as stages leave them.
  bool bulk = false;
  /// Warpgroups multiply, by matrices that a CTA keeps in shared memory; see ScheduleRequest.
  bool warpgroups = false;
};

/// Rows that a batch which is not known is taken for where costs are compared or reported.
constexpr int64_t assumedBatch = 64;

/// The most stages that a kernel may have.
constexpr int maxStages = 4;

/// What a kernel computes.
struct KernelProblem {
  /// Rows (0: unknown, taken as many), heads, sequence length.
  int64_t batch = 0, heads = 1, length = 1;
  bool preGate = false, postGate = false;
  /// A circular convolution at a right angle, whose tail is added.
  bool wraps = false;
  /// Rows of f32, computed as pairs of f16; else tensors and tiles are of two bytes.
  bool split = false;
  /// Sums of matrix products are f32, and so are butterflies that follow them: stages of bf16, for which tensor cores have no others, products in f32, or where that is asked for.
  bool wideSums = false;
  /// Tensors are [B, L, H], and neighbouring heads travel together instead of batch rows.
  bool channelsLast = false;
  /// Whether warpgroups multiply, where one of both is asked for: if they can, or never.
  std::optional<bool> warpgroups = {};

  int64_t elementBytes() const { return split ? 4 : 2; }
  bool gated() const { return preGate || postGate; }
  /// Whether rows that are copied as they are have a gate; others are multiplied with it as they are turned or normalised.
  bool gatesRows() const { return preGate && !split && !channelsLast; }
};

/// Whether that gate lies in shared memory beside its rows. It does not where there is one stage of input: rows that are not copied ahead come by way of registers then, and the gate takes no room.
inline bool gateTile(const KernelChoice &choice, const KernelProblem &problem) {
  return problem.gatesRows() && choice.stages > 1;
}

/// The choice for a problem; nothing where M points do not fit one pass on the chip. With bulk copies where they are known to pay, unless `bulk` says that
/// there are to be some or none.
std::optional<KernelChoice> chooseKernel(const Digits &digits, const KernelProblem &problem, const Chip &chip,
                                         std::optional<bool> bulk = std::nullopt);

/// Why a choice cannot have bulk copies; empty where it can.
std::string_view whyNoBulkCopies(const Digits &digits, const KernelChoice &choice, const KernelProblem &problem,
                                 const Chip &chip);
/// Why warpgroups cannot multiply for a choice; empty where they can.
std::string_view whyNoWarpgroups(const Digits &digits, const KernelChoice &choice, const KernelProblem &problem,
                                 const Chip &chip);
/// Whether results go out by bulk copies: they do not where they are scaled, multiplied with a gate or added to others on the way.
bool storesInBulk(const Schedule &schedule, const KernelChoice &choice, const KernelProblem &problem);
/// Bytes of one bulk copy, the last one of a row apart: all that one value of digit 1 has; of rows that are normalised, which lie in shared memory as in
/// memory, a whole row.
int64_t bulkBytes(const Digits &digits, const KernelProblem &problem);
/// Elements of padding behind each of them in shared memory.
int64_t bulkPadding(const KernelChoice &choice, bool split);
/// Bytes of the mbarriers of one input: one for each of its buffers, and for each warp that owns rows.
int64_t mbarrierBytes(const Digits &digits, const KernelChoice &choice);
/// What searches the schedule of a choice.
ScheduleRequest scheduleRequest(const Digits &digits, const KernelChoice &choice, bool split);

/// Bytes of shared memory of a CTA; `gateAhead` where the gate of the next rows is copied while these are computed, as their input is.
int64_t sharedBytes(const Digits &digits, const KernelChoice &choice, const KernelProblem &problem, bool gateAhead);
/// Of these, those of the scales of rows: one for each row, and where warps share rows the greatest magnitude that each has found.
int64_t scaleBytes(const Digits &digits, const KernelChoice &choice);
/// Whether shared memory holds the gate ahead.
bool holdsGateAhead(const Digits &digits, const KernelChoice &choice, const KernelProblem &problem, const Chip &chip);
/// And those of the matrices that its warpgroups multiply by.
int64_t matrixBytes(const Digits &digits, const KernelChoice &choice, const KernelProblem &problem);
/// Values of a head's spectrum in memory: real and imaginary parts; of f32, behind them a scale that keeps spectra aligned to 32 bytes.
int64_t spectrumValues(int64_t points, bool split);
/// Whether a warp holds a whole sequence of so many points in registers.
bool warpOwns(const Digits &digits);
/// Whether such warps have as many rows each: one, or more of rows that are copied asynchronously as they are. And whether others exchange what they share.
bool fitsWarps(const Digits &digits, const KernelChoice &choice, const KernelProblem &problem);

/// The most CTAs along the batch for each head: enough to fill the chip, few enough that the last ones do not run alone.
int64_t gridLimit(int64_t heads, int64_t ctasPerSm, const Chip &chip);

/// CTAs of a kernel that share a multiprocessor, by their registers and shared memory.
int64_t residentCtas(const Digits &digits, const KernelChoice &choice, const KernelProblem &problem, const Chip &chip);

/// Whether the spectrum of a head stays in the L1 cache from one group of rows to the next, beside tables.
bool keepsSpectrum(const Digits &digits, const KernelChoice &choice, const KernelProblem &problem, const Chip &chip);

/// Whether a kernel has the gate that results are multiplied with brought into L2 as it begins with their rows, and reads it for several rows at once. It is read at the very end,
/// and nothing else hides how long that takes; where longer rows, or two in one, and warps that hold rows did so, they took longer (benchmarks/README.md).
bool fetchesPostGate(const Digits &digits, const KernelProblem &problem);

/// Rows of a group, one after the other or all (`choice.rows`), for which a kernel has the gate that results are multiplied with in registers before it writes the first result;
/// 0 where it reads what it needs of it for each. And whether it reads it before the results are computed, as a warp does that owns rows and has room.
int64_t postGatesHeld(const Digits &digits, const KernelChoice &choice, const KernelProblem &problem);
bool holdsPostGateAhead(const Digits &digits, const KernelChoice &choice, const KernelProblem &problem);

/// Rows of a group that a warp computes side by side, op by op, so that one does not wait for the other and matrices are loaded once: two where warps share rows, if they are not
/// odd in number, nor two of a CTA that waits for them one by one, and registers hold them, which gates and sums in f32 do not leave; as many as it has where it owns rows.
int64_t rowsAtOnce(const Digits &digits, const KernelChoice &choice, const KernelProblem &problem);

/// Rows of a group that the warps of a CTA compute side by side: several where a few warps have one.
int64_t rowsTogether(const Digits &digits, const KernelChoice &choice, const KernelProblem &problem);

/// Teams of a CTA's warps, each of which has its own of these rows (Schedule::rowTeams).
int64_t rowTeams(const Digits &digits, const KernelChoice &choice, const KernelProblem &problem);

/// Whether warps that share rows wait, between two phases, for those rows that they are about to read, by an mbarrier for each phase and each step of rows, and not for all at barriers:
/// they do in a CTA of 16 warps, which has a multiprocessor to itself, where there are two steps, of which one is computed while the other is waited for. Inputs are then copied a phase later, which
/// rows that come with gates do not bear (benchmarks/README.md). And the bytes of these mbarriers.
bool waitsForRows(const Digits &digits, const KernelChoice &choice, const KernelProblem &problem);
int64_t rowSignalBytes(const Digits &digits, const KernelChoice &choice, const KernelProblem &problem);
/// Phases of a kernel whose warps share rows.
constexpr int64_t exchangingPhases = 3;

/// How a warp makes its trips through a phase: in a loop; one after the other in the code, where there are few, so that addresses are constants; or side by side, op by op, where they are a few tiles of one
/// product, whose matrices are then loaded before the barrier.
enum class Trips { Loop, InTurn, SideBySide };
/// Of the phase that begins with step `read` of a schedule, where a warp computes `rowsAtOnce` rows side by side.
Trips tripsOf(const Schedule &schedule, size_t read, int64_t rowsAtOnce, const KernelProblem &problem);

/// Rows of a group that a warp computes side by side in that phase: rowsAtOnce, or more where tiles of all trips are few enough to be side by side, and it does not wait for rows one by one.
int64_t rowsInPhase(const Schedule &schedule, size_t read, const KernelChoice &choice, const KernelProblem &problem);

/// When a lane takes words of a table from memory: before the loop over groups, before a phase's loop over trips (in front of the barrier), before that over rows, or where it uses them.
enum class Level { Kernel, Phase, Trip, Use };
/// As early as registers allow, for a table that depends on some digits: a warp that holds whole rows keeps small tables for good, if its rows leave room; one that shares them keeps a
/// phase's. `inLine` says that trips are side by side.
Level loadLevel(const Digits &digits, const Layout &layout, const std::vector<int> &dependences, int64_t words,
                bool inLine, const KernelProblem &problem);

/// The same of the spectrum, where `layout` is that of the product. What changes with the loop is loaded in it, and where registers do not hold it beside the tiles, where it is used.
Level spectrumLevel(const Schedule &schedule, const Layout &layout, bool inLine, const KernelProblem &problem);

/// Whether every group has all of its rows.
bool fillsGroups(const Digits &digits, const KernelChoice &choice, const KernelProblem &problem);

/// Whether threads copy the rows of a group one after the other in line, not in a loop.
bool copiesInLine(const Digits &digits, const KernelChoice &choice, const KernelProblem &problem);

/// The problem for which costs are compared: of so many heads that they fill the chip.
KernelProblem fillingChip(KernelProblem problem, const Chip &chip);

/// Bytes of one access to elements of a tensor whose last dimension is `size`: 16 where it keeps rows aligned for that, down to one element.
int copyWidth(int64_t size, int64_t elementBytes = 2);
/// The same for rows of a problem; where channels are last, as many heads as travel together at most.
int copyWidth(const KernelProblem &problem, int64_t rows);
/// Copies by one thread that stand one after the other in the code; more of them are a loop.
constexpr int64_t unrolledCopies = 32;

/// What a convolution needs for one output, and the times that this takes a chip at its limits.
struct KernelCost {
  /// Whether mma are those of warpgroups.
  bool warpgroups = false;
  /// Multiply-adds that the products of warpgroups take as long as.
  double warpgroupProducts = 0;
  double mma = 0, instructions = 0, wavefronts = 0, sectors = 0, bytes = 0;
  /// Wavefronts of L1: tables, spectra and what goes out. They take the way to registers that those of shared memory take.
  double loads = 0;
  /// Bytes that pass through L2: those of all sectors, but for spectra that stay in L1.
  double l2Bytes = 0;

  /// Seconds for all outputs that one limit of the chip alone would take.
  struct Limit {
    std::string_view name;
    double time = 0;
  };
  /// `memory`: bytes of HBM. `latency`: what is read, where no more is ever on its way than the stages ahead. `L2`: bytes through it. `shared memory`: wavefronts of it and of L1.
  /// `tensor cores`: mma. `issue`: slots for instructions. `on chip`: what a multiprocessor takes for all that it does, where the last three, and waits, do not overlap but add up.
  enum { Memory, Latency, L2, SharedMemory, TensorCores, Issue, OnChip, limitCount };
  std::array<Limit, limitCount> limits = {
      {{"memory"}, {"latency"}, {"L2"}, {"shared memory"}, {"tensor cores"}, {"issue"}, {"on chip"}}};
  double time(int limit) const { return limits[limit].time; }

  /// The one that binds.
  const Limit &binding() const;
  /// Seconds for all outputs: what memory and L2 take and what multiprocessors take overlap, the less the more alike they are: as measured, the cube root of the sum of their cubes (benchmarks/README.md).
  double time() const;
};

/// The cost of a problem whose batch is known.
KernelCost kernelCost(const Schedule &schedule, const KernelChoice &choice, const KernelProblem &problem,
                      const Chip &chip);

/// The cost of what is chosen for some digits, of a problem that fills the chip; nothing where they have no kernel.
std::optional<KernelCost> chosenCost(const Digits &digits, const KernelProblem &problem, const Chip &chip);

/// A convolution with a filter of few taps as Toeplitz products: see #fftconv.direct.
struct DirectChoice {
  int warps = 0;
  int64_t blocks = 0;
};

/// CTAs of such a kernel that share a multiprocessor.
constexpr int64_t residentDirectCtas = 4;

/// Bytes of one access to rows of such a kernel, at most four elements.
int directWidth(int64_t length);
/// Lags of 16 x 16 blocks that a filter of `taps` reaches, whose tap `center` has lag zero: first and last.
std::pair<int64_t, int64_t> blockLags(int64_t taps, int64_t center);
/// Blocks that a warp loads at a time.
constexpr int64_t blocksAtOnce = 4;
/// Times are 32-bit numbers, with room for what lies past the end.
constexpr int64_t longestDirect = int64_t(1) << 29;
/// The choice for a filter; nothing where its matrices do not fit the registers of a warp, or the row is longer than that.
std::optional<DirectChoice> chooseDirect(int64_t taps, int64_t center, const KernelProblem &problem, const Chip &chip);
/// The cost of a problem whose batch is known.
KernelCost directCost(int64_t taps, int64_t center, const DirectChoice &choice, const KernelProblem &problem,
                      const Chip &chip);

/// How rows whose channels are last are turned to rows whose time is last, or back: by tiles of so many heads and times, both powers of two, in accesses of `unit` neighbours.
struct TurnTile {
  int64_t heads, times, unit;
  /// Elements of shared memory from one head to the next: more than it has times, so that neither way has bank conflicts.
  int64_t stride;
  /// Threads of a CTA, which has a tile at a time.
  static constexpr int64_t threads = 256;
  int64_t sharedBytes(int64_t elementBytes) const { return heads * stride * elementBytes; }
};
TurnTile turnTile(const KernelProblem &problem);
/// CTAs of such a kernel that share a multiprocessor.
constexpr int64_t residentTurnCtas = 2;
/// The cost for one element of a problem whose batch is known, with a gate or without.
KernelCost turnCost(const KernelProblem &problem, bool gate, const Chip &chip);

} // namespace fftconv::monarch

#endif // FFTCONV_MONARCH_KERNEL_H
