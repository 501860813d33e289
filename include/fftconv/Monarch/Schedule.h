//===- Schedule.h - A convolution as steps of a kernel ----------*- C++ -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From digits to the steps of a one-pass kernel, each with the layout that it leaves. Where a warp holds a whole sequence, all stages
// run in its registers. Otherwise the outer digits are transformed first, the data changes hands through shared memory, the inner
// digits are transformed there and back around the product with the spectrum, and after a second exchange the outer digits go back.
// A first digit that counts blocks lies in registers where they are multiplied with the spectrum, and anywhere else.
//
//===----------------------------------------------------------------------===//

#ifndef FFTCONV_MONARCH_SCHEDULE_H
#define FFTCONV_MONARCH_SCHEDULE_H

#include "fftconv/Monarch/Layout.h"
#include "fftconv/Monarch/Tables.h"

#include <memory>

namespace fftconv::monarch {

/// What a step does. Read and Write move a tile between shared memory and registers.
enum class StepKind { CopyIn, Read, Left, Right, Butterfly, Twiddle, Product, Write, CopyOut };
inline bool isMma(StepKind kind) { return kind == StepKind::Left || kind == StepKind::Right; }
inline bool isDft(StepKind kind) { return isMma(kind) || kind == StepKind::Butterfly; }

struct Step {
  StepKind kind;
  /// Of a transform or a twiddle: the digit (1-based), and whether it goes back.
  int digit = 0;
  bool inverse = false;
  /// After the step. Copies have none: they go by chunks of 16 bytes, thread by thread.
  Layout layout{};
  bool operator==(const Step &) const = default;
};

/// Who applies the factors exp(-2 pi i k_i n_j / (r_i ... r_j)): the matrix of a stage, the constants of a butterfly, or a product of its own.
enum class HomeKind { Matrix, Butterfly, Product };
struct Home {
  HomeKind kind;
  /// The digit at whose transform they are applied; i or j.
  int stage;
  auto operator<=>(const Home &) const = default;
};

/// What the planner is asked for.
struct ScheduleRequest {
  int warps = 16;
  /// A lane may hold 2^registerBits complex values.
  int registerBits = 5;
  /// theta = i, with real rows; else theta = 1, with two batch rows as real and imaginary parts.
  bool rightAngle = true;
  /// The first digit counts blocks, a power of two of them.
  bool blocks = false;
  /// Bulk copies bring rows and take results, all that one value of digit 1 has at once: that must be contiguous in shared memory, so that elements
  /// of padding between keep banks apart where a swizzle does else. 0 or 8.
  int64_t padding = 0;
  /// Rows of a group, for which warps that share them load some tables once, and of these the rows that a warp computes side by side.
  int64_t rows = 1, rowsAtOnce = 1;
  /// Warpgroups multiply (wgmma): the first digit and the last, of 16 values or 32, from the right, by matrices that four neighbouring warps have in common; butterflies do the others, which number tiles.
  bool warpgroups = false;
  /// What these matrices are to take of shared memory at most, in bytes, if that can be.
  int64_t matrixBytes = 0;
  /// The first digit that is transformed.
  int first() const { return blocks ? 2 : 1; }
  auto operator<=>(const ScheduleRequest &) const = default;
};

struct Schedule {
  /// Of digits 0 to p; digit 0 counts the sequences that a CTA works on side by side, one to a warp or a part of the warps.
  std::vector<int64_t> radices;
  int warps = 0;
  /// Digits 1..split are the outer ones; 0 where a warp holds a whole sequence.
  int split = 0;
  bool rightAngle = true, blocks = false;
  std::vector<Step> steps;
  /// Digits, of 16 values or 8, that matrix products transform; butterflies do the others.
  std::set<int> matrices;
  std::map<std::pair<int, int>, Home> homes;
  Swizzle swizzle;
  /// Padding of rows that come in, and whether results are left like them: they are where the last phase can work in place even so.
  int64_t padding = 0;
  bool leavesRows = false;
  /// See ScheduleRequest.
  bool warpgroups = false;
  /// Registers of a lane that tiles and tables take in the phase that has most of them, where warps share rows: tables as they are loaded, and as operands of mma, for which a matrix of 8 takes twice as many.
  int64_t registers = 0, operands = 0;

  int64_t points() const;
  /// The first digit that is transformed, and blocks of those that come before it.
  int first() const { return blocks ? 2 : 1; }
  int64_t blockCount() const { return blocks ? radices[1] : 1; }
  /// Sequences that the warps of a CTA have side by side.
  int64_t sequences() const { return radices[0]; }
  /// The digit of which teams of four warps or more have a value each in the outer phases: 0 (sequences), 1 (blocks) or -1 where all warps are one team. A team copies what is its own, and waits for none but itself there. How many
  /// teams there are, how many that have sequences each, and whether those keep theirs in the inner phase, too.
  int teamDigit() const;
  int64_t teams() const { return teamDigit() < 0 ? 1 : radices[teamDigit()]; }
  int64_t rowTeams() const { return teamDigit() == 0 ? sequences() : 1; }
  bool teamsStayApart() const;
  /// Whether an mma transforms the real and imaginary parts of 8 values of a digit at once, not one of both of 16.
  bool takesBothPlanes(int digit) const { return matrices.contains(digit) && radices[digit] == 8; }
  /// Where elements are in shared memory: what warps exchange, rows that come in, results that go out.
  SharedMap memory() const { return {radices, swizzle, padding}; }
  SharedMap inputMemory() const { return {radices, padding ? Swizzle() : swizzle, padding}; }
  SharedMap resultMemory() const { return leavesRows ? inputMemory() : memory(); }
  /// Which of these a Read or Write, step `n`, goes to.
  SharedMap memoryOf(size_t n) const {
    return n == 1 ? inputMemory() : n + 2 == steps.size() ? resultMemory() : memory();
  }
  /// The layout before step `n`.
  const Layout &before(size_t n) const { return steps[n - 1].layout; }
};

/// The schedule of a convolution by these digits (1 to p, the first of which may count blocks), or nothing where they do not fit one pass. Of those that one phase transforms, matrix products do the last one (of 16 values or 8) and one
/// before it, the first of 16 values or, where there is none, of 8; the others need registers.
std::optional<Schedule> makeSchedule(const std::vector<int64_t> &radices, const ScheduleRequest &request);

/// The same, kept: a schedule is a pure function of what is asked for, and searching it costs milliseconds. Null where there is none, or none for kernels: their warps exchange one
/// sequence at a time, and a matrix product takes real rows.
std::shared_ptr<const Schedule> findSchedule(const std::vector<int64_t> &radices, const ScheduleRequest &request);

/// The best schedule for a power of two of points: fewest exchanges, then mma, sequences side by side, registers too many, slots of tables and of what they are multiplied with.
std::optional<Schedule> makeSchedule(int64_t points, const ScheduleRequest &request);

/// The factor of (k, n), both values of digit `stage`, in what `kind` applies at that stage; `digits` holds the values of the others. A matrix
/// includes the DFT and its 1/sqrt(r); a butterfly's twist and a product do not depend on k. The inverse is the conjugate. Of a pair a product has what depends on both digits, so that it turns as little
/// as it can: the rest is in their matrices.
Complex stageFactor(const Schedule &schedule, HomeKind kind, int stage, int64_t k, int64_t n,
                    std::span<const int64_t> digits);

/// Whether the butterfly of a digit multiplies with factors besides those of its transform: pairs of digits, or the digit's share of the right angle. A matrix
/// that absorbs all of its pairs with digits before it takes that share as well.
bool twists(const Schedule &schedule, int digit);

/// Whether the product of a digit turns by less than 100 degrees either way, which three shears can do (Daubechies and Sweldens 1998).
bool canShear(const Schedule &schedule, int digit);

/// Digits other than the stage's own on which its factors depend.
std::vector<int> dependences(const Schedule &schedule, HomeKind kind, int stage);

/// What a step costs one CTA for one group of sequences.
struct StepCost {
  int64_t mma = 0, wavefronts = 0, idealWavefronts = 0;
  /// Barriers of the CTA before the step.
  int64_t barriers = 0;
};
std::vector<StepCost> stepCosts(const Schedule &schedule);
StepCost totalCost(const Schedule &schedule);

} // namespace fftconv::monarch

#endif // FFTCONV_MONARCH_SCHEDULE_H
