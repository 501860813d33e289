//===- Schedule.cpp - A convolution as steps of a kernel ------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Generates the few candidates there are (load transposed or not, each mma left or right, where to split the digits), follows their
// layouts, and takes the cheapest that closes.
//
//===----------------------------------------------------------------------===//

#include "Homes.h"
#include "KernelParts.h"
#include "Steps.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <functional>
#include <mutex>
#include <numeric>
#include <tuple>

using namespace fftconv::monarch;

int64_t Schedule::points() const {
  return std::accumulate(radices.begin() + 1, radices.end(), int64_t(1), std::multiplies<>());
}

/// Whether a layout has a digit on the highest bits of warps, above those of a warpgroup.
static bool countsByWarps(const Schedule &schedule, const Layout &layout, int digit) {
  int bits = bitsOf(schedule.radices[digit]), highest = bitsOf(schedule.warps) - bits;
  for (int bit = 0; bit < bits; ++bit) {
    Place place{'w', highest + bit};
    if (!layout.has(place) || !layout.at(place).sameBit({digit, bit}))
      return false;
  }
  return highest >= 2;
}

// Copies are the first step and the last.
int Schedule::teamDigit() const {
  int digit = sequences() > 1 ? 0 : blocks ? 1 : -1;
  bool apart = warpgroups && digit >= 0 && countsByWarps(*this, steps[1].layout, digit) &&
               countsByWarps(*this, steps[steps.size() - 2].layout, digit);
  return apart ? digit : -1;
}

bool Schedule::teamsStayApart() const {
  return teamDigit() == 0 && std::all_of(steps.begin() + 1, steps.end() - 1,
                                         [&](const Step &step) { return countsByWarps(*this, step.layout, 0); });
}

/// The layouts of rows that ldmatrix and stmatrix address, step by step.
static std::vector<Layout> matrixAccesses(const Schedule &schedule) {
  SharedMap plain(schedule.radices);
  std::vector<Layout> accesses;
  for (const Step &step : schedule.steps)
    if (step.kind == StepKind::Read || step.kind == StepKind::Write)
      accesses.push_back(matrixAccess(step.layout, plain)->rows);
  return accesses;
}

/// Whether the last phase leaves the results of each of its tiles where the tile was: no other warp's tile must lie there.
static bool worksInPlace(const Schedule &schedule) {
  auto step = [&](size_t fromEnd) { return schedule.steps.size() - fromEnd; };
  size_t write = step(2), read = write - 1;
  while (schedule.steps[read].kind != StepKind::Read)
    --read;
  auto addresses = [&](size_t n, Coordinates at) {
    const Layout &layout = schedule.steps[n].layout;
    SharedMap memory = schedule.memoryOf(n);
    std::set<int64_t> result;
    for (at.tile = 0; at.tile < layout.tiles(); ++at.tile)
      for (at.lane = 0; at.lane < 32; ++at.lane)
        for (at.reg = 0; at.reg < 8; ++at.reg)
          if (layout.present(at))
            result.insert(memory.address(layout.values(at)));
    return result;
  };
  Coordinates at;
  for (at.warp = 0; at.warp < schedule.warps; ++at.warp)
    for (at.loop = 0; at.loop < schedule.steps[read].layout.trips(); ++at.loop)
      if (addresses(read, at) != addresses(write, at))
        return false;
  return true;
}

namespace {
struct Ranked {
  /// Exchanges, mma, sequences side by side, registers too many, slots of tables and what they are multiplied with, inner butterflies, entries of tables.
  std::tuple<bool, int64_t, int64_t, int64_t, double, int64_t, int64_t> rank;
  Schedule schedule;
};
} // namespace

/// Whether the phase of a step is the inner one, which transforms there and back.
static bool phaseHasBothWays(const Schedule &schedule, size_t n) {
  while (schedule.steps[n].kind != StepKind::Write && schedule.steps[n].kind != StepKind::Product)
    --n;
  return schedule.steps[n].kind == StepKind::Product;
}

/// Counts registers of a lane for tiles and tables in the phase that has most.
static void countRegisters(Schedule &schedule, const ScheduleRequest &request) {
  int64_t held = 0, operands = 0;
  bool inLine = false;
  for (size_t n = 1; n + 1 < schedule.steps.size(); ++n) {
    const Step &step = schedule.steps[n];
    if (step.kind == StepKind::Read) {
      inLine = tripsOf(schedule, n, request.rowsAtOnce, {}) == Trips::SideBySide;
      held = operands = 0;
    }
    // What warpgroups keep for the way there serves the way back.
    bool kept = step.inverse && schedule.warpgroups && phaseHasBothWays(schedule, n);
    for (HomeKind kind : {HomeKind::Matrix, HomeKind::Butterfly, HomeKind::Product}) {
      int64_t words = kept ? 0 : tableLoads(schedule, step, kind, inLine, request.rows, request.rowsAtOnce, {}).held;
      held += words;
      operands += kind == HomeKind::Matrix && schedule.takesBothPlanes(step.digit) ? 2 * words : words;
    }
    int64_t values = 0;
    Coordinates at;
    for (at.tile = 0; at.tile < step.layout.tiles(); ++at.tile)
      for (at.reg = 0; at.reg < 8; ++at.reg)
        values += step.layout.present(at);
    schedule.registers = std::max(schedule.registers, held + request.rowsAtOnce * values);
    schedule.operands = std::max(schedule.operands, operands + request.rowsAtOnce * values);
  }
}

/// The schedule of some steps, ranked.
static Ranked rank(const std::vector<int64_t> &radices, int split, std::vector<Step> steps,
                   const ScheduleRequest &request) {
  std::set<int> matrices;
  for (const Step &step : steps)
    if (isMma(step.kind))
      matrices.insert(step.digit);
  Homes homes = chooseHomes(radices, steps, matrices, request);
  std::erase_if(steps, [&](const Step &step) {
    return step.kind == StepKind::Twiddle && std::ranges::none_of(homes.homes, [&](const auto &home) {
             return home.second == Home{HomeKind::Product, step.digit};
           });
  });
  int64_t mmas = -2 * (radices[request.first()] == tile); // the real ends cost half
  int64_t inner = 0;
  int phase = 0;
  for (const Step &step : steps) {
    phase += step.kind == StepKind::Read;
    mmas += isMma(step.kind) * radices[step.digit] / halfTile;
    inner += phase == (split ? 2 : 1) && step.kind == StepKind::Butterfly;
  }
  Schedule schedule{radices,  request.warps, split, request.rightAngle, request.blocks, steps,
                    matrices, homes.homes,   {},    request.padding};
  schedule.warpgroups = request.warpgroups;
  if (split > 0)
    countRegisters(schedule, request);
  int64_t excess = std::max<int64_t>(0, schedule.registers - roomyRegisters);
  return {{split > 0, mmas, split ? radices[0] : 0, excess, homes.cost.slots, inner, homes.cost.entries},
          std::move(schedule)};
}

static std::optional<Ranked> best(const std::vector<int64_t> &order, const ScheduleRequest &request) {
  std::optional<Ranked> best;
  for (int split = 0; split < static_cast<int>(order.size()); ++split) {
    std::vector<std::vector<Step>> seen;
    for (bool numbersTiles : {false, true})
      for (int first = 0; first < (split ? 3 : 1); ++first) {
        std::optional<std::vector<Step>> steps;
        std::vector<int64_t> radices;
        // Sequences side by side only where one has fewer tiles than there are warps.
        for (int rows = 0; !steps && rows <= bitsOf(request.warps); ++rows) {
          radices.assign(1, int64_t(1) << rows);
          radices.insert(radices.end(), order.begin(), order.end());
          steps = generateSteps(radices, split, request, {numbersTiles, first});
        }
        if (!steps || std::ranges::find(seen, *steps) != seen.end())
          continue;
        seen.push_back(*steps);
        Ranked ranked = rank(radices, split, std::move(*steps), request);
        if (!best || ranked.rank < best->rank)
          best = std::move(ranked);
      }
  }
  return best;
}

static std::optional<Schedule> finish(std::optional<Ranked> ranked) {
  if (!ranked)
    return std::nullopt;
  Schedule &schedule = ranked->schedule;
  std::vector<Layout> accesses = matrixAccesses(schedule);
  auto solve = [&](size_t first, size_t last) {
    std::span<const Layout> swizzled = std::span(accesses).subspan(first, last - first);
    std::optional<Swizzle> swizzle = solveSwizzle(schedule.radices, swizzled, schedule.padding);
    if (swizzle)
      schedule.swizzle = *swizzle;
    return swizzle.has_value();
  };
  if (!schedule.padding)
    return solve(0, accesses.size()) ? std::optional(std::move(schedule)) : std::nullopt;
  if (!isConflictFree(accesses.front(), schedule.inputMemory()))
    return std::nullopt;
  schedule.leavesRows = true;
  if (isConflictFree(accesses.back(), schedule.resultMemory()) && solve(1, accesses.size() - 1) &&
      (schedule.split == 0 || worksInPlace(schedule)))
    return std::move(schedule);
  schedule.leavesRows = false;
  return solve(1, accesses.size()) ? std::optional(std::move(schedule)) : std::nullopt;
}

std::optional<Schedule> fftconv::monarch::makeSchedule(const std::vector<int64_t> &radices,
                                                       const ScheduleRequest &request) {
  size_t first = request.first() - 1;
  bool legal = radices.size() >= first + 2 && radices.size() <= mostDigits && isPowerOfTwo(request.warps) &&
               (!request.blocks || (request.rightAngle && isPowerOfTwo(radices[0])));
  if (request.warpgroups) {
    auto isEnd = [](int64_t r) { return r == tile || r == 2 * tile; };
    legal = legal && isEnd(radices[first]) && isEnd(radices.back()) &&
            std::ranges::all_of(radices.begin() + first + 1, radices.end() - 1,
                                [](int64_t r) { return isPowerOfTwo(r) && r >= 2 && r < tile; });
  } else {
    legal = legal && (radices.back() == tile || radices.back() == halfTile) &&
            std::ranges::all_of(radices, [](int64_t r) { return r >= 2 && (r < 9 || r == tile); });
  }
  return legal ? finish(best(radices, request)) : std::nullopt;
}

std::shared_ptr<const Schedule> fftconv::monarch::findSchedule(const std::vector<int64_t> &radices,
                                                               const ScheduleRequest &request) {
  static std::mutex mutex;
  static std::map<std::pair<std::vector<int64_t>, ScheduleRequest>, std::shared_ptr<const Schedule>> known;
  std::lock_guard<std::mutex> lock(mutex);
  auto [entry, isNew] = known.try_emplace({radices, request});
  if (isNew)
    if (std::optional<Schedule> schedule = makeSchedule(radices, request);
        schedule && (schedule->split == 0 || schedule->sequences() == 1 || request.warpgroups) &&
        (!request.rightAngle || schedule->matrices.contains(schedule->first())))
      entry->second = std::make_shared<const Schedule>(std::move(*schedule));
  return entry->second;
}

std::optional<Schedule> fftconv::monarch::makeSchedule(int64_t points, const ScheduleRequest &request) {
  if (!isPowerOfTwo(points) || points < tile * tile)
    return std::nullopt;
  int bits = bitsOf(points);
  std::vector<int64_t> sixteens(bits / 4, tile);
  int64_t small = int64_t(1) << bits % 4;
  std::optional<Ranked> found;
  // A row of ldmatrix is eight elements of the last digit, so the small radix goes anywhere but last.
  for (size_t at = 0; at < (small == 1 ? 1 : sixteens.size()); ++at) {
    std::vector<int64_t> order = sixteens;
    if (small > 1)
      order.insert(order.begin() + at, small);
    std::optional<Ranked> ranked = best(order, request);
    if (ranked && (!found || ranked->rank < found->rank))
      found = std::move(ranked);
  }
  return finish(std::move(found));
}

std::vector<StepCost> fftconv::monarch::stepCosts(const Schedule &schedule) {
  int last = 0, first = -1;
  for (size_t n = 0; n < schedule.steps.size(); ++n)
    if (isDft(schedule.steps[n].kind)) {
      last = static_cast<int>(n);
      if (first < 0)
        first = last;
    }
  int64_t elements = schedule.radices[0] * schedule.points();
  std::vector<StepCost> costs(schedule.steps.size());
  for (int n = 0; n < static_cast<int>(costs.size()); ++n) {
    const Step &step = schedule.steps[n];
    StepCost &cost = costs[n];
    // Real data has one plane: before the first transform and after the last.
    int planes = schedule.rightAngle && (n < first || n > last) ? 1 : 2;
    bool copies = step.kind == StepKind::CopyIn || step.kind == StepKind::CopyOut;
    if (copies || step.kind == StepKind::Read || step.kind == StepKind::Write)
      cost.idealWavefronts = planes * elements / 64;
    if (copies)
      cost.wavefronts = cost.idealWavefronts; // a line of 128 bytes to eight lanes, whatever its swizzle
    if (step.kind == StepKind::Read || step.kind == StepKind::Write) {
      SharedMap memory = schedule.memoryOf(n);
      Layout rows = matrixAccess(step.layout, memory)->rows;
      Coordinates at;
      for (at.warp = 0; at.warp < rows.warps(); ++at.warp)
        for (at.loop = 0; at.loop < rows.trips(); ++at.loop)
          for (at.tile = 0; at.tile < rows.tiles(); ++at.tile) {
            std::array<int64_t, 32> addresses = rowAddresses(rows, memory, at);
            for (int matrix = 0; matrix < 4; ++matrix) {
              Coordinates row = at;
              row.lane = 8 * matrix;
              if (rows.present(row))
                cost.wavefronts += planes * wavefronts(std::span(addresses).subspan(8 * matrix, 8), 16);
            }
          }
    }
    if (isMma(step.kind)) {
      int64_t tiles = 0;
      const Layout &layout = step.layout;
      Coordinates at;
      // Half tiles of eight columns (or rows, which become columns) that hold anything.
      for (at.warp = 0; at.warp < layout.warps(); ++at.warp)
        for (at.loop = 0; at.loop < layout.trips(); ++at.loop)
          for (at.tile = 0; at.tile < layout.tiles(); ++at.tile)
            for (at.reg = 0; at.reg < 8; at.reg += 4)
              tiles += layout.present(at);
      bool realEnd = schedule.rightAngle && (n == first || n == last);
      cost.mma = tiles * (schedule.takesBothPlanes(step.digit) || realEnd ? 2 : 4);
      if (schedule.warpgroups) {
        // One of each plane of a tile that it takes, by as many columns as the digit has in both planes, or in one; these are read once for four warps.
        cost.mma = tiles / 2 * (realEnd && n == first ? 1 : 2);
        cost.wavefronts = cost.idealWavefronts =
            cost.mma * schedule.radices[step.digit] / tile * (realEnd && n == last ? 1 : 2);
      }
    }
    // Data of one warp for another: between the outer phases and the inner one, and where threads copy what warps transform.
    bool side = step.kind == StepKind::Read || step.kind == StepKind::CopyOut;
    cost.barriers = side && schedule.split > 0 && schedule.warps > 1;
  }
  return costs;
}

StepCost fftconv::monarch::totalCost(const Schedule &schedule) {
  StepCost total;
  for (const StepCost &cost : stepCosts(schedule)) {
    total.mma += cost.mma;
    total.wavefronts += cost.wavefronts;
    total.idealWavefronts += cost.idealWavefronts;
    total.barriers += cost.barriers;
  }
  return total;
}
