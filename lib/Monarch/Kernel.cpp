//===- Kernel.cpp - What a one-pass kernel does ---------------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What follows from digits, choice and problem: bytes, registers, what is loaded when. Lowerings and the cost model ask here.
//
//===----------------------------------------------------------------------===//

#include "Homes.h"
#include "KernelParts.h"

#include <algorithm>

using namespace fftconv::monarch;

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

// Two digits of 16 or one and one of 8, and a small one between.
bool fftconv::monarch::warpOwns(const Digits &digits) {
  return digits.transforms() <= 3 && digits.points() <= 2048 && std::ranges::max(digits.radices) <= tile;
}

bool fftconv::monarch::fitsWarps(const Digits &digits, const KernelChoice &choice, const KernelProblem &problem) {
  if (!warpOwns(digits)) {
    std::shared_ptr<const Schedule> schedule = scheduleOf(digits, choice, problem.split);
    return !schedule || schedule->split > 0;
  }
  if (digits.points() > 32 * choice.values)
    return false;
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
  int64_t waiting = (choice.stages == 1 ? input : 0) + (gateTile(choice, problem) && !gateAhead ? input : 0);
  int64_t normal = problem.split ? input : 0, later = owns ? (in + problem.wraps) * plane : 2 * plane;
  int64_t own = owns && problem.split ? waiting + std::max(normal, later) : std::max(waiting + normal, later);
  int64_t scales = problem.split ? scaleBytes(digits, choice) : 0;
  int64_t mbarriers = choice.bulk ? mbarrierBytes(digits, choice) * (1 + gateAhead) : 0;
  return choice.rows * (ahead + own) + scales + mbarriers + rowSignalBytes(digits, choice, problem) +
         matrixBytes(digits, choice, problem);
}

int64_t fftconv::monarch::matrixBytes(const Digits &digits, const KernelChoice &choice, const KernelProblem &problem) {
  if (!choice.warpgroups)
    return 0;
  std::shared_ptr<const Schedule> schedule = scheduleOf(digits, choice, problem.split);
  int64_t bytes = 0;
  if (schedule)
    for (int digit : schedule->matrices)
      bytes += matrixBytes(*schedule, digit);
  return bytes;
}

int64_t fftconv::monarch::matrixBytes(const Schedule &schedule, int digit) {
  int64_t bytes = matrixBytes(schedule.radices[digit], digit == schedule.first() && schedule.rightAngle);
  for (int other : dependences(schedule, HomeKind::Matrix, digit))
    bytes *= schedule.radices[other];
  return bytes;
}

int64_t fftconv::monarch::bulkBytes(const Digits &digits, const KernelProblem &problem) {
  int64_t points = problem.split ? problem.length : digits.points() / digits.radices[0];
  return problem.elementBytes() * points;
}

int64_t fftconv::monarch::bulkPadding(const KernelChoice &choice, bool split) { return choice.bulk && !split ? 8 : 0; }

int64_t fftconv::monarch::mbarrierBytes(const Digits &digits, const KernelChoice &choice) {
  return 8 * (choice.stages - 1) * (warpOwns(digits) ? choice.warps : 1);
}

static ScheduleRequest scheduleRequest(const Digits &digits, const KernelChoice &choice, bool split,
                                       int64_t rowsAtOnce) {
  return {.warps = choice.warps,
          .registerBits = bitsOf(choice.values),
          .rightAngle = digits.rightAngle,
          .blocks = digits.blocks,
          .padding = bulkPadding(choice, split),
          // Warpgroups keep most tables for a phase, however many rows there are.
          .rows = choice.warpgroups ? 4 : choice.rows,
          .rowsAtOnce = rowsAtOnce,
          .warpgroups = choice.warpgroups,
          // Beside two rows of 8192 points in each of two CTAs, or two of 16,384 in one.
          .matrixBytes = choice.warpgroups ? (choice.warps > 8 ? 32 : 16) * 1024 : 0};
}

ScheduleRequest fftconv::monarch::scheduleRequest(const Digits &digits, const KernelChoice &choice, bool split) {
  return ::scheduleRequest(digits, choice, split, rowsAtOnce(digits, choice, {.split = split}));
}

bool fftconv::monarch::storesInBulk(const Schedule &schedule, const KernelChoice &choice,
                                    const KernelProblem &problem) {
  return choice.bulk && schedule.leavesRows && !problem.split && !problem.postGate && !problem.wraps;
}

/// Whether all that rows bring with them, a gate among it, is copied while others are computed.
static bool holdsInputsAhead(const Digits &digits, const KernelChoice &choice, const KernelProblem &problem,
                             const Chip &chip) {
  return choice.stages > 1 && (!problem.gatesRows() || holdsGateAhead(digits, choice, problem, chip));
}

std::string_view fftconv::monarch::whyNoBulkCopies(const Digits &digits, const KernelChoice &choice,
                                                   const KernelProblem &problem, const Chip &chip) {
  if (!chip.copiesInBulk)
    return "the chip has none";
  if (problem.channelsLast)
    return "rows whose channels are last are turned on the way";
  if (digits.blocks)
    return "rows come in blocks";
  if (copyWidth(problem, choice.rows) != 16)
    return "rows are no multiple of 16 bytes";
  if (!holdsInputsAhead(digits, choice, problem, chip))
    return "shared memory does not hold all inputs ahead";
  if (!scheduleOf(digits, choice, problem.split))
    return "no layout of the digits keeps rows contiguous and free of bank conflicts";
  return "";
}

std::string_view fftconv::monarch::whyNoWarpgroups(const Digits &digits, const KernelChoice &choice,
                                                   const KernelProblem &problem, const Chip &chip) {
  if (chip.warpgroupRate == 0)
    return "the chip has none";
  if (problem.split)
    return "rows of f32 are for warps";
  if (problem.wideSums && choice.values > 32)
    return "registers do not hold so many values beside sums of f32";
  if (problem.channelsLast || problem.wraps || choice.bulk)
    return "rows whose channels are last, tails that wrap and bulk copies are for warps";
  if (warpOwns(digits))
    return "a warp holds a row by itself";
  std::shared_ptr<const Schedule> schedule = scheduleOf(digits, choice, false);
  if (!schedule || choice.warps < 4)
    return "no layout of the digits gives four warps one matrix";
  if (digits.points() * problem.elementBytes() < 16 * 32 * choice.warps)
    return "a row is less than what its threads copy at once";
  if (choice.rows % schedule->sequences() != 0)
    return "rows are no multiple of those that are side by side";
  if (schedule->sequences() > 1 && !fillsGroups(digits, choice, problem) && !copiesInLine(digits, choice, problem))
    return "rows that are not there would not be zeros";
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

int64_t fftconv::monarch::ctasByRegisters(const Digits &digits, const KernelChoice &choice,
                                          const KernelProblem &problem, const Chip &chip) {
  return std::max<int64_t>(1, chip.registers / (32 * choice.warps * laneRegisters(digits, choice, problem)));
}

int64_t fftconv::monarch::sharedShare(int64_t ctas, const Chip &chip) {
  return std::min(chip.sharedBytes, chip.multiprocessorShared / ctas - Chip::sharedReserve);
}

bool fftconv::monarch::holdsGateAhead(const Digits &digits, const KernelChoice &choice, const KernelProblem &problem,
                                      const Chip &chip) {
  return gateTile(choice, problem) && sharedBytes(digits, choice, problem, /*gateAhead=*/true) <=
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
  int64_t width = copyWidth(problem, choice.rows), apart = rowTeams(digits, choice, problem);
  int64_t lanes = 32 * (own ? 1 : choice.warps / apart);
  int64_t units = ceilDiv(problem.length * problem.elementBytes() / width, lanes);
  if (units > unrolledCopies || (ofAll && !own && choice.rows > 1 && !copiesInLine(digits, choice, problem)))
    return std::nullopt;
  return units * inputPlanes(digits) * ceilDiv(width, 4) *
         (!ofAll ? 1
          : own  ? choice.rows / choice.warps
                 : choice.rows / apart);
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
  if (choice.warpgroups)
    return 1;
  // Of two rows alone in a CTA that has a multiprocessor to itself, one is computed while the other is waited for.
  if (problem.wideSums || problem.gated() || choice.rows % 2 || (choice.rows == 2 && choice.warps == 16))
    return 1;
  // Nor two that registers do not hold beside operands (benchmarks/README.md).
  constexpr int64_t most = 80;
  std::shared_ptr<const Schedule> two =
      findSchedule(digits.radices, ::scheduleRequest(digits, choice, problem.split, 2));
  return two && two->operands > most ? 1 : 2;
}

int64_t fftconv::monarch::rowsTogether(const Digits &digits, const KernelChoice &choice, const KernelProblem &problem) {
  int64_t sequences = 1;
  if (choice.warpgroups)
    if (std::shared_ptr<const Schedule> schedule = scheduleOf(digits, choice, problem.split))
      sequences = schedule->sequences();
  return sequences * rowsAtOnce(digits, choice, problem);
}

int64_t fftconv::monarch::rowTeams(const Digits &digits, const KernelChoice &choice, const KernelProblem &problem) {
  std::shared_ptr<const Schedule> schedule;
  if (choice.warpgroups)
    schedule = scheduleOf(digits, choice, problem.split);
  return schedule ? schedule->rowTeams() : 1;
}

/// Steps in which the rows of a group are computed.
static int64_t rowSteps(const Digits &digits, const KernelChoice &choice, const KernelProblem &problem) {
  return ceilDiv(choice.rows, rowsAtOnce(digits, choice, problem));
}

bool fftconv::monarch::waitsForRows(const Digits &digits, const KernelChoice &choice, const KernelProblem &problem) {
  return !warpOwns(digits) && choice.warps == 16 && !choice.bulk && !choice.warpgroups && !problem.split &&
         !problem.channelsLast && !problem.gated() && rowSteps(digits, choice, problem) > 1;
}

int64_t fftconv::monarch::rowSignalBytes(const Digits &digits, const KernelChoice &choice,
                                         const KernelProblem &problem) {
  return waitsForRows(digits, choice, problem) ? 8 * exchangingPhases * rowSteps(digits, choice, problem) : 0;
}

/// Whether a phase has one matrix product and tiles that are alone in a lane, and few of them if so many rows and all trips are side by side: no other table wants registers there, and real data take half
/// of what a tile has. A gate may take as much again, and warpgroups have sums of several tiles under way.
static bool isLight(const Schedule &schedule, size_t read, int64_t rows, const KernelProblem &problem) {
  const Layout &layout = schedule.steps[read].layout;
  int64_t products = 0;
  for (size_t n = read; schedule.steps[n].kind != StepKind::Write; ++n)
    products += isMma(schedule.steps[n].kind);
  int64_t most = schedule.warpgroups ? 2 : problem.gatesRows() ? 4 : 8;
  return products == 1 && layout.tiles() == 1 && rows * layout.trips() <= most && schedule.rightAngle && !problem.split;
}

Trips fftconv::monarch::tripsOf(const Schedule &schedule, size_t read, int64_t rowsAtOnce,
                                const KernelProblem &problem) {
  int64_t trips = schedule.steps[read].layout.trips();
  if (trips > 1 && isLight(schedule, read, rowsAtOnce, problem))
    return Trips::SideBySide;
  // Those of f32 are several hundred instructions, of warpgroups few; two rows in one with gates spill, and wait for memory alone.
  bool fits = !schedule.warpgroups && !problem.split && (schedule.rightAngle || !problem.gated());
  return trips > 1 && trips <= 4 && fits ? Trips::InTurn : Trips::Loop;
}

int64_t fftconv::monarch::rowsInPhase(const Schedule &schedule, size_t read, const KernelChoice &choice,
                                      const KernelProblem &problem) {
  Digits digits = digitsOf(schedule);
  int64_t least = rowsAtOnce(digits, choice, problem);
  if (schedule.split == 0 || schedule.warpgroups || problem.channelsLast || waitsForRows(digits, choice, problem))
    return least;
  for (int64_t rows = choice.rows; rows > least; --rows)
    if (choice.rows % rows == 0 && rows % least == 0 && isLight(schedule, read, rows, problem))
      return rows;
  return least;
}

bool fftconv::monarch::dependsOn(const Layout &layout, const std::vector<int> &digits, char kind) {
  return std::ranges::any_of(digits, [&](int digit) {
    return std::ranges::any_of(layout.placesOf(digit), [&](const Place &p) { return p.kind == kind; });
  });
}

Level fftconv::monarch::loadLevel(const Digits &digits, const Layout &layout, const std::vector<int> &dependences,
                                  int64_t words, bool inLine, const KernelProblem &problem) {
  if (!warpOwns(digits)) {
    if (layout.variants(dependences) * words > 32)
      return Level::Use;
    return dependsOn(layout, dependences, 'i') && !inLine ? Level::Trip : Level::Phase;
  }
  bool roomy = layout.tiles() <= (problem.split ? 2 : 4) &&
               (!dependsOn(layout, dependences, 'u') || words * layout.variants(dependences) <= 16);
  return roomy ? Level::Kernel : Level::Use;
}

Level fftconv::monarch::spectrumLevel(const Schedule &schedule, const Layout &layout, bool inLine,
                                      const KernelProblem &problem) {
  Digits digits = digitsOf(schedule);
  std::vector<int> uniform, all;
  for (int digit = 1; digit <= static_cast<int>(digits.count()); ++digit) {
    all.push_back(digit);
    if (layout.uniform(digit, {{'r', 1}, {'r', 2}}))
      uniform.push_back(digit);
  }
  // Of a tile so many words for each value that registers have of digits that are the same in all lanes.
  int64_t words = 8 * (problem.split ? 2 : 1);
  for (int digit : uniform)
    for (const Place &p : layout.placesOf(digit))
      words /= p.kind == 'r' ? 2 : 1;
  Level level = loadLevel(digits, layout, uniform, words, inLine, problem);
  if (!warpOwns(digits) && 8 * layout.tiles() + layout.variants(uniform) * words > roomyRegisters)
    return Level::Use;
  return dependsOn(layout, all, 'i') && !inLine ? std::max(level, Level::Trip) : level;
}

bool fftconv::monarch::fillsGroups(const Digits &digits, const KernelChoice &choice, const KernelProblem &problem) {
  int64_t there = problem.channelsLast ? problem.heads : problem.batch;
  return there > 0 && there % (choice.rows * (problem.channelsLast ? 1 : inputPlanes(digits))) == 0;
}

bool fftconv::monarch::copiesInLine(const Digits &digits, const KernelChoice &choice, const KernelProblem &problem) {
  if (warpOwns(digits) || problem.channelsLast || problem.split)
    return false;
  int64_t units = digits.points() * problem.elementBytes() / copyWidth(problem, choice.rows);
  int64_t apart = rowTeams(digits, choice, problem);
  return choice.rows / apart * inputPlanes(digits) * ceilDiv(units, 32 * choice.warps / apart) <= 16;
}

KernelProblem fftconv::monarch::fillingChip(KernelProblem problem, const Chip &chip) {
  if (problem.batch == 0)
    problem.batch = assumedBatch;
  problem.heads *= chip.sms;
  return problem;
}

double fftconv::monarch::bytesAhead(const Digits &digits, const KernelChoice &choice, const KernelProblem &problem,
                                    const Chip &chip) {
  bool gateAhead = holdsGateAhead(digits, choice, problem, chip);
  int64_t row = inputPlanes(digits) * problem.length * problem.elementBytes() * (1 + gateAhead);
  return static_cast<double>(chip.sms * residentCtas(digits, choice, problem, chip) * choice.rows * row *
                             (choice.stages - 1));
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
