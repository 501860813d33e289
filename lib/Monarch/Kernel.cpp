//===- Kernel.cpp - Choice and cost of a one-pass kernel ------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Counts of mma, wavefronts and sectors are exact but for sectors that unaligned rows share and the second read of a tail that wraps; the
// emulator's counters are held against them. Instructions are an estimate by classes.
//
//===----------------------------------------------------------------------===//

#include "fftconv/Monarch/Kernel.h"

#include <algorithm>
#include <cmath>
#include <tuple>

using namespace fftconv::monarch;

static int64_t ceilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

int fftconv::monarch::copyWidth(int64_t size, int64_t elementBytes) {
  int64_t bytes = size * elementBytes;
  return static_cast<int>(std::min<int64_t>(16, bytes & -bytes));
}

int fftconv::monarch::copyWidth(const KernelProblem &problem, int64_t rows) {
  int64_t bytes = problem.elementBytes();
  if (!problem.channelsLast)
    return copyWidth(problem.length, bytes);
  return std::min(copyWidth(problem.heads, bytes), copyWidth(rows, bytes));
}

/// Planes that an input has: one of real values, or two rows as real and imaginary parts.
static int64_t inputPlanes(const Digits &digits) { return digits.rightAngle ? 1 : 2; }

// Two digits of 16 and a small one between.
bool fftconv::monarch::warpOwns(const Digits &digits) { return digits.count() <= 3 && digits.points() <= 2048; }

bool fftconv::monarch::fitsWarps(const Digits &digits, const KernelChoice &choice, const KernelProblem &problem) {
  if (!warpOwns(digits))
    return true;
  bool several = !problem.split && !problem.channelsLast && !choice.bulk;
  return several ? choice.rows % choice.warps == 0 : choice.rows == choice.warps;
}

int64_t fftconv::monarch::spectrumValues(int64_t points, bool split) { return 2 * points + (split ? 8 : 0); }

int64_t fftconv::monarch::scaleBytes(const Digits &digits, const KernelChoice &choice) {
  // A multiple of 8, for what comes behind them.
  return 8 * ceilDiv(inputPlanes(digits) * choice.rows * (warpOwns(digits) ? 1 : 1 + choice.warps), 2);
}

int64_t fftconv::monarch::sharedBytes(const Digits &digits, const KernelChoice &choice, const KernelProblem &problem,
                                      bool gateAhead) {
  bool owns = warpOwns(digits);
  int64_t in = inputPlanes(digits);
  // Of one row: a plane, and an input with all its planes.
  int64_t padding = 2 * bulkPadding(choice, problem.split) * digits.radices[0];
  int64_t plane = problem.elementBytes() * digits.points() + padding, input = in * plane;
  int64_t ahead = (choice.stages - 1) * input * (1 + gateAhead);
  // What waits its turn, and what it is normalised to; what is exchanged, or the results, take their place. Where warps own rows, those are not
  // where they were before they were normalised.
  int64_t waiting = (choice.stages == 1 ? input : 0) + (problem.gateTile() && !gateAhead ? input : 0);
  int64_t normal = problem.split ? input : 0, later = owns ? (in + problem.wraps) * plane : 2 * plane;
  int64_t own = owns && problem.split ? waiting + std::max(normal, later) : std::max(waiting + normal, later);
  int64_t scales = problem.split ? scaleBytes(digits, choice) : 0;
  int64_t mbarriers = choice.bulk ? mbarrierBytes(digits, choice) * (1 + gateAhead) : 0;
  return choice.rows * (ahead + own) + scales + mbarriers + rowSignalBytes(digits, choice, problem);
}

int64_t fftconv::monarch::bulkBytes(const Digits &digits, const KernelProblem &problem) {
  int64_t points = problem.split ? problem.length : digits.points() / digits.radices[0];
  return problem.elementBytes() * points;
}

int64_t fftconv::monarch::bulkPadding(const KernelChoice &choice, bool split) { return choice.bulk && !split ? 8 : 0; }

int64_t fftconv::monarch::mbarrierBytes(const Digits &digits, const KernelChoice &choice) {
  return 8 * (choice.stages - 1) * (warpOwns(digits) ? choice.warps : 1);
}

ScheduleRequest fftconv::monarch::scheduleRequest(const Digits &digits, const KernelChoice &choice, bool split) {
  return {.warps = choice.warps,
          .registerBits = bitsOf(choice.values),
          .rightAngle = digits.rightAngle,
          .padding = bulkPadding(choice, split)};
}

bool fftconv::monarch::storesInBulk(const Schedule &schedule, const KernelChoice &choice,
                                    const KernelProblem &problem) {
  return choice.bulk && schedule.leavesRows && !problem.split && !problem.postGate && !problem.wraps;
}

/// Whether all that rows bring with them, a gate among it, is copied while others are computed.
static bool holdsInputsAhead(const Digits &digits, const KernelChoice &choice, const KernelProblem &problem,
                             const Chip &chip) {
  return choice.stages > 1 && (!problem.gateTile() || holdsGateAhead(digits, choice, problem, chip));
}

std::string_view fftconv::monarch::whyNoBulkCopies(const Digits &digits, const KernelChoice &choice,
                                                   const KernelProblem &problem, const Chip &chip) {
  if (!chip.copiesInBulk)
    return "the chip has none";
  if (problem.channelsLast)
    return "rows whose channels are last are turned on the way";
  if (copyWidth(problem, choice.rows) != 16)
    return "rows are no multiple of 16 bytes";
  if (!holdsInputsAhead(digits, choice, problem, chip))
    return "shared memory does not hold all inputs ahead";
  if (!findSchedule(digits.radices, scheduleRequest(digits, choice, problem.split)))
    return "no layout of the digits keeps rows contiguous and free of bank conflicts";
  return "";
}

/// Registers of a lane: 128 where warps share rows, up to all 255 where values are f32 or a warp holds one row of many points or two. Between are rows of up to 512 points without gates, 1024 where
/// one is enough for a warp and sums are f16: twelve warps on a multiprocessor instead of eight are worth more to them than registers (benchmarks/README.md).
static int64_t laneRegisters(const Digits &digits, const KernelChoice &choice, const KernelProblem &problem) {
  if (problem.split || (warpOwns(digits) && choice.rows > choice.warps))
    return 255;
  if (!warpOwns(digits) || digits.points() <= 256)
    return 128;
  int64_t most = !digits.rightAngle || problem.wideSums ? 512 : 1024;
  return !problem.gated() && digits.points() <= most ? 168 : 255;
}

/// CTAs of a kernel that share a multiprocessor as far as registers go.
static int64_t ctasByRegisters(const Digits &digits, const KernelChoice &choice, const KernelProblem &problem,
                               const Chip &chip) {
  return std::max<int64_t>(1, chip.registers / (32 * choice.warps * laneRegisters(digits, choice, problem)));
}

/// Bytes of shared memory of each of so many CTAs.
static int64_t sharedShare(int64_t ctas, const Chip &chip) {
  return std::min(chip.sharedBytes, chip.multiprocessorShared / ctas - Chip::sharedReserve);
}

bool fftconv::monarch::holdsGateAhead(const Digits &digits, const KernelChoice &choice, const KernelProblem &problem,
                                      const Chip &chip) {
  return problem.gateTile() && choice.stages > 1 &&
         sharedBytes(digits, choice, problem, /*gateAhead=*/true) <=
             sharedShare(ctasByRegisters(digits, choice, problem, chip), chip);
}

int64_t fftconv::monarch::residentCtas(const Digits &digits, const KernelChoice &choice, const KernelProblem &problem,
                                       const Chip &chip) {
  bool gateAhead = holdsGateAhead(digits, choice, problem, chip);
  int64_t bytes = sharedBytes(digits, choice, problem, gateAhead) + Chip::sharedReserve;
  return std::clamp<int64_t>(chip.multiprocessorShared / bytes, 1, ctasByRegisters(digits, choice, problem, chip));
}

/// Bytes of L1 that the shared memory of resident CTAs leaves.
static int64_t cacheBesideShared(const Digits &digits, const KernelChoice &choice, const KernelProblem &problem,
                                 const Chip &chip) {
  int64_t shared = sharedBytes(digits, choice, problem, holdsGateAhead(digits, choice, problem, chip));
  return chip.cacheBytes - residentCtas(digits, choice, problem, chip) * (shared + Chip::sharedReserve);
}

bool fftconv::monarch::keepsSpectrum(const Digits &digits, const KernelChoice &choice, const KernelProblem &problem,
                                     const Chip &chip) {
  // Tables, and what gates and results leave behind.
  constexpr int64_t others = 16 * 1024;
  int64_t spectra = problem.elementBytes() * spectrumValues(digits.points(), problem.split) *
                    (problem.channelsLast ? choice.rows : 1);
  return residentCtas(digits, choice, problem, chip) * spectra + others <=
         cacheBesideShared(digits, choice, problem, chip);
}

bool fftconv::monarch::fetchesPostGate(const Digits &digits, const KernelProblem &problem) {
  return problem.postGate && digits.rightAngle && !problem.wraps && !warpOwns(digits) && digits.points() <= 8192 &&
         !problem.split && !problem.channelsLast;
}

/// Registers of a lane for what the results of one row are multiplied with, or of all rows of a group that it has a part of; none where a loop copies them.
static std::optional<int64_t> postGateRegisters(const Digits &digits, const KernelChoice &choice,
                                                const KernelProblem &problem, bool ofAll) {
  bool own = warpOwns(digits);
  int64_t width = copyWidth(problem, choice.rows), lanes = 32 * (own ? 1 : choice.warps);
  int64_t units = ceilDiv(problem.length * problem.elementBytes() / width, lanes);
  if (units > unrolledCopies || (ofAll && !own && choice.rows > 1 && !copiesInLine(digits, choice, problem)))
    return std::nullopt;
  return units * inputPlanes(digits) * ceilDiv(width, 4) *
         (!ofAll ? 1
          : own  ? choice.rows / choice.warps
                 : choice.rows);
}

int64_t fftconv::monarch::postGatesHeld(const Digits &digits, const KernelChoice &choice,
                                        const KernelProblem &problem) {
  constexpr int64_t most = 64;
  if (problem.postGate && !problem.channelsLast)
    for (bool ofAll : {true, false})
      if (auto registers = postGateRegisters(digits, choice, problem, ofAll); registers && *registers <= most)
        return ofAll ? choice.rows : 1;
  return 0;
}

bool fftconv::monarch::holdsPostGateAhead(const Digits &digits, const KernelChoice &choice,
                                          const KernelProblem &problem) {
  return warpOwns(digits) && !problem.split && !choice.bulk && postGatesHeld(digits, choice, problem) == choice.rows &&
         *postGateRegisters(digits, choice, problem, /*ofAll=*/true) <= 32;
}

int64_t fftconv::monarch::rowsAtOnce(const Digits &digits, const KernelChoice &choice, const KernelProblem &problem) {
  if (warpOwns(digits))
    return std::max<int64_t>(1, choice.rows / choice.warps);
  // Of two rows alone in a CTA that has a multiprocessor to itself, one is computed while the other is waited for.
  bool one = choice.rows % 2 || (choice.rows == 2 && choice.warps == 16);
  return problem.wideSums || problem.gated() || one ? 1 : 2;
}

/// Steps in which the rows of a group are computed.
static int64_t rowSteps(const Digits &digits, const KernelChoice &choice, const KernelProblem &problem) {
  return ceilDiv(choice.rows, rowsAtOnce(digits, choice, problem));
}

bool fftconv::monarch::waitsForRows(const Digits &digits, const KernelChoice &choice, const KernelProblem &problem) {
  return !warpOwns(digits) && choice.warps == 16 && !choice.bulk && !problem.split && !problem.channelsLast &&
         !problem.gated() && rowSteps(digits, choice, problem) > 1;
}

int64_t fftconv::monarch::rowSignalBytes(const Digits &digits, const KernelChoice &choice,
                                         const KernelProblem &problem) {
  return waitsForRows(digits, choice, problem) ? 8 * exchangingPhases * rowSteps(digits, choice, problem) : 0;
}

bool fftconv::monarch::tripsInLine(const Digits &digits, const Layout &layout, int64_t products,
                                   const KernelProblem &problem) {
  return layout.trips() == 2 && layout.tiles() == 1 && products == 1 && digits.rightAngle && !problem.split;
}

/// How many parts of a table a lane needs for what it holds.
static int64_t variants(const Layout &layout, const std::vector<int> &digits) {
  int64_t count = 1;
  for (int digit : digits)
    for (const Place &p : layout.placesOf(digit))
      count *= p.kind == 'r' || p.kind == 'u' ? 2 : 1;
  return count;
}

/// Whether one of some digits is on places of a kind.
static bool dependsOn(const Layout &layout, const std::vector<int> &digits, char kind) {
  return std::ranges::any_of(digits, [&](int digit) {
    return std::ranges::any_of(layout.placesOf(digit), [&](const Place &p) { return p.kind == kind; });
  });
}

Level fftconv::monarch::loadLevel(const Digits &digits, const Layout &layout, const std::vector<int> &dependences,
                                  int64_t words, bool inLine, const KernelProblem &problem) {
  if (!warpOwns(digits)) {
    if (variants(layout, dependences) * words > 32)
      return Level::Use;
    return dependsOn(layout, dependences, 'i') && !inLine ? Level::Trip : Level::Phase;
  }
  bool roomy = layout.tiles() <= (problem.split ? 2 : 4) &&
               (!dependsOn(layout, dependences, 'u') || words * layout.tiles() <= 16);
  return roomy ? Level::Kernel : Level::Use;
}

bool fftconv::monarch::fillsGroups(const Digits &digits, const KernelChoice &choice, const KernelProblem &problem) {
  int64_t there = problem.channelsLast ? problem.heads : problem.batch;
  return there > 0 && there % (choice.rows * (problem.channelsLast ? 1 : inputPlanes(digits))) == 0;
}

bool fftconv::monarch::copiesInLine(const Digits &digits, const KernelChoice &choice, const KernelProblem &problem) {
  if (warpOwns(digits) || problem.channelsLast || problem.split)
    return false;
  int64_t units = digits.points() * problem.elementBytes() / copyWidth(problem, choice.rows);
  return choice.rows * inputPlanes(digits) * ceilDiv(units, 32 * choice.warps) <= 16;
}

KernelProblem fftconv::monarch::fillingChip(KernelProblem problem, const Chip &chip) {
  if (problem.batch == 0)
    problem.batch = assumedBatch;
  problem.heads *= chip.sms;
  return problem;
}

/// Bytes of input that wait to be computed, on a whole chip that is full.
static double bytesAhead(const Digits &digits, const KernelChoice &choice, const KernelProblem &problem,
                         const Chip &chip) {
  bool gateAhead = holdsGateAhead(digits, choice, problem, chip);
  int64_t row = inputPlanes(digits) * problem.length * problem.elementBytes() * (1 + gateAhead);
  return static_cast<double>(chip.sms * residentCtas(digits, choice, problem, chip) * choice.rows * row *
                             (choice.stages - 1));
}

/// How well CTAs of a choice fill the chip with a known batch: 1 where all multiprocessors are busy to the end.
static double occupancy(const Digits &digits, const KernelChoice &choice, const KernelProblem &problem,
                        const Chip &chip) {
  int64_t batch = ceilDiv(problem.batch, inputPlanes(digits));
  if (batch == 0 || problem.channelsLast)
    return 1;
  int64_t resident = residentCtas(digits, choice, problem, chip);
  int64_t rounds = ceilDiv(ceilDiv(batch, choice.rows) * problem.heads, resident * chip.sms);
  return static_cast<double>(batch * problem.heads) / static_cast<double>(rounds * resident * chip.sms * choice.rows);
}

/// The choice of rows for so many warps that share them, of which as many CTAs are to run on a multiprocessor as registers let them.
static std::optional<KernelChoice> chooseRows(int warps, const Digits &digits, const KernelProblem &problem,
                                              const Chip &chip, bool bulk) {
  // Rows of other heads come by way of registers, not ahead.
  KernelChoice choice{warps, 32, 1, problem.channelsLast ? 1 : 2, bulk};
  int64_t share = sharedShare(ctasByRegisters(digits, choice, problem, chip), chip);
  auto fits = [&](const KernelChoice &choice, bool gateAhead) {
    return sharedBytes(digits, choice, problem, gateAhead) <= share;
  };
  if (!fits(choice, false)) {
    choice.stages = 1;
    return fits(choice, false) ? std::optional(choice) : std::nullopt;
  }
  // Past eight rows nothing is saved.
  int64_t most = 1, batch = ceilDiv(problem.batch, inputPlanes(digits));
  // A second row is worth more than a gate that comes ahead.
  for (KernelChoice more = choice; more.rows <= 8 && fits(more, problem.gateTile() && (bulk || more.rows > 2));
       ++more.rows)
    most = more.rows;
  if (problem.channelsLast) {
    while (2 * choice.rows <= most && choice.rows < problem.heads)
      choice.rows *= 2;
    return choice;
  }
  // A CTA's time goes with its rows, less where they are computed side by side, plus what it reads once for them; a chip's with the rounds of CTAs.
  auto cost = [&](const KernelChoice &choice) {
    return (1 + 0.3 / static_cast<double>(choice.rows)) * (rowsAtOnce(digits, choice, problem) > 1 ? 0.9 : 1);
  };
  double best = INFINITY;
  for (KernelChoice tried = choice; tried.rows <= (batch ? std::min(most, batch) : most); ++tried.rows) {
    double time = cost(tried) / occupancy(digits, tried, problem, chip);
    if (time < best) {
      best = time;
      choice.rows = tried.rows;
    }
  }
  return choice;
}

/// Rows of f32 that a warp owns leave it no registers for the addresses of its copies from 1024 points on: computed each time, these take more instructions than
/// the one bulk copy that a row needs. Other rows take a bulk copy for each value of digit 1, which pays nowhere (benchmarks/README.md).
static bool bulkCopiesPay(const Digits &digits, const KernelProblem &problem) {
  return problem.split && warpOwns(digits) && digits.points() > 512;
}

std::optional<KernelChoice> fftconv::monarch::chooseKernel(const Digits &digits, const KernelProblem &problem,
                                                           const Chip &chip, std::optional<bool> asked) {
  if (!chip.isGpu() || digits.count() > 4)
    return std::nullopt;
  if (!asked) {
    std::optional<KernelChoice> choice;
    if (bulkCopiesPay(digits, problem))
      choice = chooseKernel(digits, problem, chip, true);
    return choice && whyNoBulkCopies(digits, *choice, problem, chip).empty()
               ? choice
               : chooseKernel(digits, problem, chip, false);
  }
  bool bulk = *asked;
  // A warp holds the whole sequence: CTAs are as wide as what travels together and as memory lets them.
  if (warpOwns(digits)) {
    int64_t together = problem.channelsLast ? problem.heads : ceilDiv(problem.batch, inputPlanes(digits));
    // Warps that own rows have nothing to share, and CTAs of one warp end one by one; gates and pairs of rows want their neighbours' spectra and lines in L1. Sixteen heads of 16-bit
    // values fill a sector where channels are last, if that leaves lanes the registers that they need (benchmarks/README.md).
    bool roomy = !problem.wideSums && !problem.split &&
                 (digits.points() <= 256 || (digits.points() > 512 && digits.points() <= 1024));
    int warps = problem.channelsLast ? (roomy ? 16 : 8) : problem.gated() || !digits.rightAngle ? 4 : 1;
    // Two rows to a warp where their matrices differ from tile to tile and registers hold both.
    bool two = digits.points() > 512 && digits.points() <= 1024 && !problem.gated() && !problem.wideSums &&
               !problem.channelsLast && !bulk && (together == 0 || together >= 2 * warps);
    KernelChoice choice{warps, digits.points() <= 1024 ? 32 : 64, warps * (two ? 2 : 1), problem.channelsLast ? 1 : 2,
                        bulk};
    auto fits = [&](const KernelChoice &choice) {
      return sharedBytes(digits, choice, problem, problem.gateTile() && choice.stages > 1) <= chip.sharedBytes;
    };
    auto shrinks = [&] { return !fits(choice) || (together > 0 && choice.warps / 2 >= together); };
    for (; choice.warps > 1 && shrinks(); choice.rows /= 2)
      choice.warps /= 2;
    // Short rows come further ahead, until what is on its way keeps memory busy.
    int64_t resident = residentCtas(digits, choice, problem, chip);
    int64_t most = together > 0 ? std::min<int64_t>(maxStages, ceilDiv(together, choice.rows)) : maxStages;
    for (KernelChoice more = choice; choice.stages > 1 && more.stages < most;) {
      ++more.stages;
      if (bytesAhead(digits, choice, problem, chip) >= chip.memoryLatency * chip.memoryBandwidth || !fits(more) ||
          residentCtas(digits, more, problem, chip) < resident)
        break;
      choice = more;
    }
    return choice;
  }
  // One CTA as large as registers allow, or two on a multiprocessor, of which one computes while the other waits. Twice as many values take a lane as many
  // registers again.
  std::optional<KernelChoice> best;
  std::tuple<bool, double, double> least;
  for (int warps : {16, 8}) {
    // Fewer heads of a row would touch more sectors than they use.
    if (warps == (problem.split ? 16 : problem.channelsLast ? 8 : 0))
      continue;
    std::optional<KernelChoice> choice = chooseRows(warps, digits, problem, chip, bulk);
    if (!choice)
      continue;
    std::shared_ptr<const Schedule> schedule =
        findSchedule(digits.radices, scheduleRequest(digits, *choice, problem.split));
    if (!schedule)
      continue;
    KernelCost cost = kernelCost(*schedule, *choice, fillingChip(problem, chip), chip);
    double filled = occupancy(digits, *choice, problem, chip);
    // Bulk copies that are asked for come first, then what memory binds, then the chip.
    bool cannot = bulk && !whyNoBulkCopies(digits, *choice, problem, chip).empty();
    std::tuple order(cannot, cost.time() / filled, cost.onChipTime() / filled);
    if (!best || order < least) {
      best = choice;
      least = order;
    }
  }
  return best;
}

int64_t fftconv::monarch::gridLimit(int64_t heads, int64_t ctasPerSm, const Chip &chip) {
  int64_t slots = chip.sms * std::max<int64_t>(ctasPerSm, 1), best = 1;
  auto efficiency = [&](int64_t k) {
    return static_cast<double>(heads * k) / static_cast<double>(slots * ceilDiv(heads * k, slots));
  };
  for (int64_t k = 2; k <= std::max<int64_t>(8 * slots / heads, 1) && k <= 65535; ++k)
    if (efficiency(k) > efficiency(best) * 1.01)
      best = k;
  return best;
}

const KernelCost::Limit &KernelCost::binding() const { return *std::ranges::max_element(limits, {}, &Limit::time); }

double KernelCost::onChipTime() const {
  return std::ranges::max_element(limits.begin() + L2, limits.end(), {}, &Limit::time)->time;
}

/// The digits of a schedule.
static Digits digitsOf(const Schedule &schedule) {
  return {{schedule.radices.begin() + 1, schedule.radices.end()}, schedule.rightAngle};
}

/// Rows that are computed for so many that are there: where some are side by side, those without a partner have one of zeros, or twice the same.
static int64_t rowsComputed(const Digits &digits, const KernelChoice &choice, const KernelProblem &problem,
                            int64_t there) {
  int64_t together = rowsAtOnce(digits, choice, problem), last = there % choice.rows;
  int64_t steps = warpOwns(digits) ? std::min<int64_t>(last, choice.warps) : ceilDiv(last, together);
  return there - last + steps * together;
}

bool fftconv::monarch::tripsInLine(const Schedule &schedule, size_t read, const KernelProblem &problem) {
  int64_t products = 0;
  for (size_t n = read; schedule.steps[n].kind != StepKind::Write; ++n)
    products += isMma(schedule.steps[n].kind);
  return tripsInLine(digitsOf(schedule), schedule.steps[read].layout, products, problem);
}

/// How often a spectrum is read for all rows of all heads: for each group where a CTA does, for each row where a warp has no room to keep it or a CTA has
/// many heads, else once by each warp.
static int64_t spectrumReads(const Schedule &schedule, const KernelChoice &choice, const KernelProblem &problem,
                             int64_t rows, const Chip &chip) {
  int64_t heads = problem.heads, groups = ceilDiv(rows, choice.rows);
  if (schedule.split > 0)
    return problem.channelsLast ? rowsComputed(digitsOf(schedule), choice, problem, heads) * rows : heads * groups;
  if (schedule.points() > (problem.split ? 256 : 512)) {
    int64_t together = rowsAtOnce(digitsOf(schedule), choice, problem);
    return heads * (rowsComputed(digitsOf(schedule), choice, problem, rows) / together);
  }
  int64_t resident = residentCtas(digitsOf(schedule), choice, problem, chip);
  if (problem.channelsLast)
    return heads * std::min(rows, gridLimit(ceilDiv(heads, choice.rows), resident, chip));
  return heads * std::min(groups, gridLimit(heads, resident, chip)) * choice.warps;
}

/// What a part of a kernel takes for one output: of a multiprocessor, and bytes of L2 that it waits for.
struct Work {
  double mma = 0, instructions = 0, wavefronts = 0, bytes = 0;

  /// Clocks of a multiprocessor for each of them.
  std::array<double, 4> clocks(const Chip &chip) const {
    double bytesPerClock = chip.l2Bandwidth / (chip.clock * static_cast<double>(chip.sms));
    double slots = instructions + (chip.mmaSlots - 1) * mma;
    return {wavefronts, mma * 2048 / chip.tensorRate, slots / chip.issueRate, bytes / bytesPerClock};
  }
};

/// The times that counts for one output take a chip of which `ctas` fill a part.
static void setTimes(KernelCost &cost, const KernelProblem &problem, double ctas, const Chip &chip) {
  double sms = static_cast<double>(chip.sms), full = std::min(1.0, ctas / sms);
  double outputs = static_cast<double>(problem.length) * static_cast<double>(problem.batch * problem.heads);
  double clock = outputs / (chip.clock * sms * full);
  auto [shared, tensor, issue, l2] = Work{cost.mma, cost.instructions, cost.wavefronts + cost.loads}.clocks(chip);
  cost.limits[KernelCost::Memory].time = outputs * cost.bytes / chip.memoryBandwidth;
  cost.limits[KernelCost::L2].time = outputs * cost.l2Bytes / chip.l2Bandwidth;
  cost.limits[KernelCost::SharedMemory].time = shared * clock;
  cost.limits[KernelCost::TensorCores].time = tensor * clock;
  cost.limits[KernelCost::Issue].time = issue * clock;
}

KernelCost fftconv::monarch::kernelCost(const Schedule &schedule, const KernelChoice &choice,
                                        const KernelProblem &problem, const Chip &chip) {
  KernelCost cost;
  int64_t batch = problem.batch, heads = problem.heads, length = problem.length;
  bool preGate = problem.preGate, wraps = problem.wraps, split = problem.split;
  // Where theta is one a row of the schedule is two of the batch.
  int64_t pair = schedule.rightAngle ? 1 : 2, complexRows = ceilDiv(batch, pair);
  int64_t sequences = schedule.radices[0], points = schedule.points(), bytes = problem.elementBytes();
  int64_t width = copyWidth(problem, choice.rows), halves = split ? 2 : 1;
  // Everything is for one output; a row of M points gives L of them.
  double scale = static_cast<double>(points) / static_cast<double>(length), rows = static_cast<double>(choice.rows);
  auto perOutput = [&](int64_t perRow) {
    return static_cast<double>(perRow * complexRows) / static_cast<double>(length * batch);
  };
  std::vector<StepCost> steps = stepCosts(schedule);
  // Of each step, for a row of the schedule.
  std::vector<Work> works(steps.size());
  // 128 bytes a wavefront, or what 32 lanes move of an element each.
  auto moved = [&](int64_t elements, int64_t size) {
    int64_t unit = problem.channelsLast ? 2 : width / bytes;
    return ceilDiv(elements, std::min<int64_t>(128 / size, 32 * unit));
  };
  // Each bulk copy takes whole wavefronts.
  Digits digits = digitsOf(schedule);
  int64_t bulk = bulkBytes(digits, problem), rowBytes = bytes * length, bulkCopies = ceilDiv(rowBytes, bulk);
  int64_t bulkWavefronts = rowBytes / bulk * ceilDiv(bulk, 128) + ceilDiv(rowBytes % bulk, 128);
  bool bulkOut = storesInBulk(schedule, choice, problem);
  // Rows of the last group that are not there: some are computed, and zeros are written for these or for all.
  int64_t grouped = problem.channelsLast ? heads : complexRows;
  double computed = static_cast<double>(rowsComputed(digits, choice, problem, grouped)) / static_cast<double>(grouped);
  double brought = schedule.split == 0 ? computed : 1;
  if (problem.channelsLast || (schedule.split && !choice.bulk && copiesInLine(digits, choice, problem)))
    brought = static_cast<double>(ceilDiv(grouped, choice.rows) * choice.rows) / static_cast<double>(grouped);
  for (size_t n = 0; n < steps.size(); ++n) {
    StepKind kind = schedule.steps[n].kind;
    bool isFirst = n <= 1, isLast = n + 2 >= steps.size();
    // What wraps needs the imaginary part of the last transform, and both planes on the way out; a gate comes in beside its rows.
    int64_t planes = isLast && wraps ? 2 : 1;
    double wavefronts = 0;
    int64_t mma = (split ? 3 : 1) * steps[n].mma / sequences * (n + 3 == steps.size() && wraps ? 2 : 1);
    if (kind == StepKind::CopyIn) {
      int64_t copied = pair * (1 + problem.gateTile()) * (choice.bulk ? bulkWavefronts : moved(points, bytes));
      wavefronts = perOutput(copied) * brought;
      // Read for their greatest, then once more (and written where they are multiplied with a gate), and written as hi and lo. Where warps share rows each writes its greatest and reads that of all, one writes the
      // scale and all read it.
      if (split)
        wavefronts += perOutput(pair * ((2 + (preGate && !problem.channelsLast)) * moved(points, 4) +
                                        2 * moved(points, 2) + (schedule.split ? 3 * choice.warps + 1 : 2)));
    } else if (kind == StepKind::CopyOut) {
      // Of batch rows that are there; a last one without partner leaves alone.
      int64_t copied = bulkOut ? bulkWavefronts : planes * halves * moved(length, 2);
      wavefronts = static_cast<double>(copied) / static_cast<double>(length);
    } else {
      int64_t moves = halves * planes * (isFirst && problem.gateTile() ? 2 : 1) * steps[n].wavefronts / sequences;
      wavefronts = perOutput(moves) * computed;
    }
    works[n].mma = perOutput(mma) * computed;
    works[n].wavefronts = wavefronts;
    cost.mma += works[n].mma;
    cost.wavefronts += works[n].wavefronts;
  }

  // An element in and one out for each output, one for each gate, and spectra of two for each point: from memory once for each head.
  double tensors = static_cast<double>(bytes * (2 + preGate + problem.postGate));
  double outputs = static_cast<double>(length) * static_cast<double>(batch * heads);
  double spectrum = static_cast<double>(2 * bytes * points);
  // The scale of a spectrum takes a sector for each row.
  double scales = split ? 32 * static_cast<double>(complexRows * pair * heads) : 0;
  // Where channels are last an access is to one point in time, and those of neighbouring lanes are two apart.
  double touched = tensors;
  if (problem.channelsLast)
    touched *= static_cast<double>(std::min<int64_t>(32, 2 * heads * bytes)) / static_cast<double>(width);
  double reads = static_cast<double>(spectrumReads(schedule, choice, problem, complexRows, chip));
  cost.sectors = (touched + (reads * spectrum + scales) / outputs) / 32;
  // Where it stays in L1, once for each CTA.
  if (keepsSpectrum(digits, choice, problem, chip)) {
    int64_t ctas = problem.channelsLast ? complexRows : ceilDiv(complexRows, choice.rows);
    int64_t most = gridLimit(problem.channelsLast ? ceilDiv(heads, choice.rows) : heads,
                             residentCtas(digits, choice, problem, chip), chip);
    reads = std::min(reads, static_cast<double>(heads * std::min(ctas, most)));
  }
  double spectra = (reads * spectrum + scales) / outputs;
  cost.l2Bytes = touched + spectra;
  cost.bytes = tensors + static_cast<double>(heads) * spectrum / outputs;

  // Wavefronts of a step's table: one for each word of a lane, as often as it is loaded.
  bool inLine = false;
  auto loadsOf = [&](const Step &step, HomeKind kind) {
    std::vector<int> depends = dependences(schedule, kind, step.digit);
    int64_t words = split ? 16 : 8;
    Level level = loadLevel(digits, step.layout, depends, words, inLine, problem);
    // Of the 256 points of a tile.
    double served = static_cast<double>(step.layout.tiles());
    if (level == Level::Kernel)
      return 0.0;
    if (level == Level::Use)
      served *= static_cast<double>(rowsAtOnce(digits, choice, problem));
    else
      served *= rows * static_cast<double>(level == Level::Phase ? step.layout.trips() : 1);
    double perTile = static_cast<double>(words * variants(step.layout, depends)) / served;
    return perTile / 256 * scale / static_cast<double>(pair);
  };
  // Per 256 points: mma, packing of sums, matrices that a warp's loop changes, products, butterflies, matrices moved, copies.
  double perTile = 0;
  for (size_t n = 0; n < steps.size(); ++n) {
    const Step &step = schedule.steps[n];
    double &here = works[n].instructions;
    switch (step.kind) {
    case StepKind::Left:
    case StepKind::Right:
      here = split ? 72 : problem.wideSums ? 16 : 8; // mma, and conversions or what splits sums
      cost.loads += loadsOf(step, HomeKind::Matrix);
      if (dependsOn(step.layout, dependences(schedule, HomeKind::Matrix, step.digit), 'i'))
        here += 8 / (rows * static_cast<double>(step.layout.tiles())); // a matrix, for all rows of a group
      break;
    case StepKind::Butterfly:
      // Sums and differences, and products where it twists or has an odd number of values; in f32 where it follows sums that are.
      here = step.inverse ? 14 : 12;
      if (!twists(schedule, step.digit) && isPowerOfTwo(schedule.radices[step.digit]))
        here = 8;
      here *= (split || (problem.wideSums && !step.inverse) ? 2 : 1) *
              std::log2(static_cast<double>(schedule.radices[step.digit]));
      break;
    case StepKind::Product:
      works[n].bytes = spectra;
      cost.loads += reads * spectrum / outputs / 128;
      here = split ? 48 : 16;
      break;
    case StepKind::Twiddle:
      cost.loads += loadsOf(step, HomeKind::Product);
      here = split ? 40 : 14;
      break;
    case StepKind::Read:
      inLine = tripsInLine(schedule, n, problem);
      [[fallthrough]];
    case StepKind::Write:
      here = split ? 6 : 2;
      break;
    case StepKind::CopyIn:
    case StepKind::CopyOut:
      here = 16.0 * static_cast<double>(bytes) / static_cast<double>(width) + (split ? 40 : 0) +
             (problem.channelsLast ? 24 : 0);
      // One thread starts bulk copies: an instruction, what makes its operands, and a loop.
      if (step.kind == StepKind::CopyIn ? choice.bulk : bulkOut)
        here += 9 * static_cast<double>(bulkCopies * 256) / static_cast<double>(points) -
                (bulkCopiesPay(digits, problem) ? 40 : 16.0 * static_cast<double>(bytes) / static_cast<double>(width));
      break;
    }
    perTile += here;
  }
  // Tables and spectra that L1 does not hold beside what is shared come from L2 for each group, in bursts.
  double groups = static_cast<double>(heads * ceilDiv(complexRows, choice.rows)), loaded = 128 * cost.loads * outputs;
  bool cached = loaded / groups <= static_cast<double>(cacheBesideShared(digits, choice, problem, chip));
  // Signals go by registers on their way out; where channels are last, on both.
  cost.loads += (problem.channelsLast ? touched : static_cast<double>(bytes * (1 + problem.postGate))) / 128;
  // Addresses, loops and barriers go with everything; they are shared by rows side by side. Real ends take half of the mma, and of what follows the last one.
  double everywhere = schedule.split ? 24 + 4 / rows : 20.0 / static_cast<double>(rowsAtOnce(digits, choice, problem));
  double all = perTile + everywhere + (schedule.split ? 16 : 4.0 * choice.warps) / rows +
               8 * (preGate + problem.postGate) + 16 * wraps;
  all += schedule.rightAngle ? (problem.wideSums ? -12 : -8) : 24;
  if (schedule.split && choice.rows > 1 && rowsAtOnce(digits, choice, problem) == 1)
    all += 16;
  cost.instructions = all / 256 * scale / static_cast<double>(pair);
  for (Work &work : works)
    work.instructions *= cost.instructions / perTile;

  // CTAs that do not fill the chip leave multiprocessors idle.
  double sms = static_cast<double>(chip.sms);
  double full = std::min(1.0, groups / sms);
  setTimes(cost, problem, groups, chip);
  if (choice.stages > 1)
    cost.limits[KernelCost::Latency].time =
        outputs * static_cast<double>(bytes * (1 + holdsGateAhead(digits, choice, problem, chip))) *
        chip.memoryLatency / (full * bytesAhead(digits, choice, problem, chip));
  if (schedule.split == 0)
    return cost;
  // At barriers a group of rows waits for the last warp, and behind them for tables and for input that is not ahead: less where another CTA computes meanwhile. Part of that is hidden.
  bool alone = residentCtas(digits, choice, problem, chip) == 1;
  bool ahead = holdsInputsAhead(digits, choice, problem, chip);
  double waits = ((alone ? 5e-7 : 2e-7) + (ahead ? 0 : chip.memoryLatency)) * groups;
  constexpr double bytesPerClock = 64, exposed = 0.2;
  waits += cached ? 0 : exposed * loaded / (bytesPerClock * chip.clock);
  waits /= sms * full;
  cost.limits[KernelCost::Issue].time += waits;
  if (!alone)
    return cost;
  // A phase of ours ends where a step waits for the one before (what it loads from tables is on its way before that, and not in here); input that is not ahead is a phase of its own. Rows wait for what results are multiplied with, one by one or all at once.
  double clocks = 0;
  if (choice.stages == 1)
    clocks += static_cast<double>(bytes * (1 + preGate)) * chip.clock * sms / chip.memoryBandwidth;
  if (problem.postGate) {
    int64_t held = std::max<int64_t>(postGatesHeld(digits, choice, problem), 1);
    clocks += chip.memoryLatency / (fetchesPostGate(digits, problem) ? 8 : 2) * chip.clock /
              static_cast<double>(held * length * pair);
  }
  for (size_t n = 0; n < steps.size();) {
    Work phase;
    do {
      phase.mma += works[n].mma;
      phase.instructions += works[n].instructions;
      phase.wavefronts += works[n].wavefronts;
      phase.bytes += works[n].bytes;
      ++n;
    } while (n < steps.size() && (steps[n].barriers == 0 || n == 1));
    // The last warp comes later than it would if all were equally fast, by 6 % as measured; it does not matter to those that wait for rows.
    clocks += (waitsForRows(digits, choice, problem) ? 1.04 : 1.06) * std::ranges::max(phase.clocks(chip));
  }
  cost.limits[KernelCost::Phases].time = waits + outputs * clocks / (chip.clock * sms * full);
  return cost;
}

//===----------------------------------------------------------------------===//
// Short filters
//===----------------------------------------------------------------------===//

static constexpr int64_t block = 16;

int fftconv::monarch::directWidth(int64_t length) { return std::min(8, copyWidth(length)); }

std::pair<int64_t, int64_t> fftconv::monarch::blockLags(int64_t taps, int64_t center) {
  // Outputs i and inputs j of a block are up to 15 apart, so block lag d reaches lags 16 d - 15 to 16 d + 15.
  auto floorDiv = [](int64_t a) { return a >= 0 ? a / block : -ceilDiv(-a, block); };
  return {-floorDiv(center + block - 1), floorDiv(taps - 1 - center + block - 1)};
}

/// Blocks that all tasks of a head compute, those past the end and those of rows that are not there among them.
static int64_t blocksOfHead(int64_t segment, const KernelProblem &problem) {
  int64_t segments = ceilDiv(ceilDiv(problem.length, block), segment);
  return ceilDiv(problem.batch * segments, 16) * 16 * segment;
}

std::optional<DirectChoice> fftconv::monarch::chooseDirect(int64_t taps, int64_t center, const KernelProblem &problem,
                                                           const Chip &chip) {
  auto [first, last] = blockLags(taps, center);
  int64_t lags = last - first + 1, atOnce = blocksAtOnce, blocks = ceilDiv(problem.length, block);
  // Four registers for each matrix, four for each block of the window and of those that come next.
  if (!chip.isGpu() || problem.split || problem.channelsLast || problem.wraps || problem.length > longestDirect ||
      4 * (2 * lags + atOnce) > 128)
    return std::nullopt;
  // What a segment reads before its first block is read twice, and what it computes past the end of its row is for nothing. Segments of equal cost are
  // short, so that there are many.
  KernelProblem many = problem;
  if (many.batch == 0)
    many.batch = assumedBatch;
  DirectChoice best{4, 0};
  double least = INFINITY;
  for (int64_t segment = atOnce; segment <= std::max<int64_t>(16 * atOnce, 8 * lags); segment += atOnce) {
    double read = 1 + 0.25 * static_cast<double>(lags - 1) / static_cast<double>(segment);
    double cost = static_cast<double>(blocksOfHead(segment, many)) * read;
    if (cost < least * 0.99) {
      least = cost;
      best.blocks = segment;
    }
    if (segment >= blocks)
      break;
  }
  return best;
}

KernelCost fftconv::monarch::directCost(int64_t taps, int64_t center, const DirectChoice &choice,
                                        const KernelProblem &problem, const Chip &chip) {
  auto [first, last] = blockLags(taps, center);
  int64_t lags = last - first + 1, all = blocksOfHead(choice.blocks, problem);
  double outputs = static_cast<double>(problem.length) * static_cast<double>(problem.batch);
  // Sixteen blocks, one of each segment, at a time.
  double perBlocks = static_cast<double>(all / 16) / outputs;
  double tensors = static_cast<double>(problem.elementBytes()) * (2 + problem.preGate + problem.postGate);
  int64_t width = directWidth(problem.length);
  KernelCost cost;
  cost.mma = 2 * static_cast<double>(lags) * perBlocks;
  cost.bytes = tensors + 4 * static_cast<double>(taps) / outputs;
  double halo = static_cast<double>(lags - 1) / static_cast<double>(choice.blocks);
  cost.l2Bytes = tensors + halo * 2 * (1 + problem.preGate);
  cost.sectors = cost.l2Bytes / 32;
  // Sixteen blocks: mma, loads and stores, bounds, and rounding of sums.
  double loads = 2.0 * 8 / width * 4;
  cost.instructions =
      perBlocks * (2 * static_cast<double>(lags) + loads * (2 + problem.preGate + problem.postGate) + 12);
  setTimes(cost, problem, static_cast<double>(problem.heads * ceilDiv(all / choice.blocks, 16 * choice.warps)), chip);
  return cost;
}
