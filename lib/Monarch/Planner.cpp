//===- Planner.cpp - Choice of points and radices -------------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Candidates are few enough to enumerate. A CPU takes any product of small radices whose fastest digit fills vector
// registers. A GPU takes digits of 16 and of 8 for tensor cores, and small ones in between, which butterflies on registers transform: 16 x s x 8 in one warp,
// 16 x s x t x 8 x 8 where warps exchange; and 16 x s x 16 x ... x 16, with up to two small ones, for what these do not reach.
//
//===----------------------------------------------------------------------===//

#include "fftconv/Monarch/Planner.h"

#include "KernelParts.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <functional>

using namespace fftconv::monarch;

// Figures of NVIDIA's data sheets and tuning guides for the boards named; the rate of tensor cores is that of dense f16 with f32 sums, half of it on the consumer boards. Those
// of sm_90 on the chip itself (clock, rates, latency) were measured on an H200 (benchmarks/README.md), where mma.sync reaches 63 % of what data sheets say; elsewhere an mma is
// taken for one instruction of 1.7 a clock, which is an assumption.
static constexpr Chip hopper = {.name = "sm_90",
                                .tensorTile = 16,
                                .vectorLanes = 1,
                                .sms = 132,
                                .sharedBytes = 227 * 1024,
                                .multiprocessorShared = 228 * 1024,
                                .cacheBytes = 256 * 1024,
                                .registers = 65536,
                                .clock = 1.76e9,
                                .memoryBandwidth = 3.35e12,
                                .l2Bandwidth = 5.5e12,
                                .memoryLatency = 1.6e-6,
                                .tensorRate = 1290,
                                .issueRate = 2.84,
                                .mmaSlots = 5.2,
                                .storesMatrices = true,
                                .copiesInBulk = true,
                                .board = "H100 SXM"};

static constexpr std::array<Chip, 8> table = {{
    {.name = "cpu", .tensorTile = 1, .vectorLanes = 8},
    {.name = "sm_80",
     .tensorTile = 16,
     .vectorLanes = 1,
     .sms = 108,
     .sharedBytes = 163 * 1024,
     .multiprocessorShared = 164 * 1024,
     .cacheBytes = 192 * 1024,
     .registers = 65536,
     .clock = 1.41e9,
     .memoryBandwidth = 2.04e12,
     .l2Bandwidth = 4.8e12,
     .tensorRate = 1024,
     .issueRate = 1.7,
     .storesMatrices = false,
     .board = "A100 80 GB"},
    {.name = "sm_86",
     .tensorTile = 16,
     .vectorLanes = 1,
     .sms = 84,
     .sharedBytes = 99 * 1024,
     .multiprocessorShared = 100 * 1024,
     .cacheBytes = 128 * 1024,
     .registers = 65536,
     .clock = 1.80e9,
     .memoryBandwidth = 0.77e12,
     .l2Bandwidth = 2.5e12,
     .tensorRate = 512,
     .issueRate = 1.7,
     .storesMatrices = false,
     .board = "RTX A6000"},
    {.name = "sm_89",
     .tensorTile = 16,
     .vectorLanes = 1,
     .sms = 142,
     .sharedBytes = 99 * 1024,
     .multiprocessorShared = 100 * 1024,
     .cacheBytes = 128 * 1024,
     .registers = 65536,
     .clock = 2.52e9,
     .memoryBandwidth = 0.86e12,
     .l2Bandwidth = 5.0e12,
     .tensorRate = 512,
     .issueRate = 1.7,
     .storesMatrices = false,
     .board = "L40S"},
    hopper,
    [] {
      Chip chip = hopper;
      chip.name = "sm_90a";
      chip.warpgroupRate = 2038;
      return chip;
    }(),
    {.name = "sm_100",
     .tensorTile = 16,
     .vectorLanes = 1,
     .sms = 148,
     .sharedBytes = 227 * 1024,
     .multiprocessorShared = 228 * 1024,
     .cacheBytes = 256 * 1024,
     .registers = 65536,
     .clock = 1.85e9,
     .memoryBandwidth = 8.0e12,
     .l2Bandwidth = 10e12,
     .tensorRate = 2048,
     .issueRate = 1.7,
     .storesMatrices = true,
     .copiesInBulk = true,
     .board = "B200"},
    {.name = "sm_120",
     .tensorTile = 16,
     .vectorLanes = 1,
     .sms = 188,
     .sharedBytes = 99 * 1024,
     .multiprocessorShared = 100 * 1024,
     .cacheBytes = 128 * 1024,
     .registers = 65536,
     .clock = 2.40e9,
     .memoryBandwidth = 1.79e12,
     .l2Bandwidth = 6.0e12,
     .tensorRate = 512,
     .issueRate = 1.7,
     .storesMatrices = true,
     .copiesInBulk = true,
     .board = "RTX PRO 6000"},
}};

std::span<const Chip> fftconv::monarch::chips() { return table; }

const Chip *fftconv::monarch::findChip(std::string_view name) {
  auto chip = std::ranges::find(table, name, &Chip::name);
  return chip == table.end() ? nullptr : &*chip;
}

/// The most that shared memory of any chip holds as complex f16, and that a warp's registers hold.
static constexpr int64_t onePassPoints = 57344, warpPoints = 2048;

int64_t fftconv::monarch::maxLength() { return int64_t(1) << 36; }

double fftconv::monarch::cost(const Digits &digits, const Problem &problem, const Chip &chip) {
  // Two rows share the complex row of theta = 1; a lone row pays for both. At a right angle the ends are real.
  double rows = digits.rightAngle || problem.batch == 1 ? 1 : 0.5;
  double work = rows * multiplyAdds(digits, digits.rightAngle);
  // Every digit costs, besides its matrix: on a CPU about a radix-8 product for loads, stores and twiddles (measured), on a GPU factors that differ from lane to lane.
  double passes = (rows * (chip.isGpu() ? 12 : 32)) * static_cast<double>(digits.count());
  return (work + passes) * static_cast<double>(digits.points());
}

/// Calls `visit` with every non-increasing sequence over `radices` (sorted downwards) whose product is at most `limit`.
static void enumerate(std::span<const int64_t> radices, int64_t limit, size_t maxCount, std::vector<int64_t> &chosen,
                      const std::function<void()> &visit) {
  visit();
  if (chosen.size() == maxCount)
    return;
  for (size_t i = 0; i < radices.size(); ++i)
    if (radices[i] <= limit) {
      chosen.push_back(radices[i]);
      enumerate(radices.subspan(i), limit / radices[i], maxCount, chosen, visit);
      chosen.pop_back();
    }
}

/// Calls `visit` with the radices of every plan the chip can run, up to `limit` points.
static void forEachPlan(const Chip &chip, int64_t limit, const std::function<void(std::vector<int64_t>)> &visit) {
  std::vector<int64_t> chosen;
  static constexpr std::array<int64_t, 7> small = {8, 7, 6, 5, 4, 3, 2};
  if (!chip.isGpu()) {
    for (int64_t last : {chip.vectorLanes, 2 * chip.vectorLanes})
      enumerate(small, std::max<int64_t>(limit / last, 1), 64, chosen, [&] {
        std::vector<int64_t> radices = chosen;
        radices.push_back(last);
        visit(radices);
      });
    return;
  }
  int64_t tile = chip.tensorTile, points = tile * tile;
  for (size_t tiles = 2; points <= std::max(limit, tile * tile); ++tiles, points *= tile)
    enumerate(small, std::max<int64_t>(limit / points, 1), tiles > 2 ? 2 : 1, chosen, [&] {
      std::vector<int64_t> radices = {tile};
      radices.insert(radices.end(), chosen.begin(), chosen.end());
      radices.insert(radices.end(), tiles - 1, tile);
      visit(radices);
    });
  // A digit of 8 by matrices takes half of the work of one of 16; what lies beside it in a tile are powers of two.
  int64_t last = tile / 2;
  for (int64_t outer : small) {
    visit({tile, outer, last});
    visit({tile, outer, last, last});
    visit({tile, outer, tile, last});
    visit({last, outer, last, last});
    for (int64_t first : {tile, last})
      for (int64_t inner : {2, 4, 8})
        visit({first, outer, inner, last, last});
  }
}

/// The digits of blocks whose points have these radices.
static Digits inBlocks(int64_t blocks, std::vector<int64_t> radices) {
  if (blocks > 1)
    radices.insert(radices.begin(), blocks);
  return {std::move(radices), /*rightAngle=*/true, blocks > 1};
}

/// Whether the digits have a schedule, with as few warps as kernels have that share rows, or as many values to a lane as it takes for a warp that owns one.
static bool hasSchedule(const Digits &digits) {
  ScheduleRequest request{.warps = 8, .rightAngle = digits.rightAngle, .blocks = digits.blocks};
  if (warpOwns(digits))
    request.registerBits = bitsOf(ownedValues(digits));
  return findSchedule(digits.radices, request) != nullptr;
}

std::vector<Candidate> fftconv::monarch::candidates(const Problem &problem, const Chip &chip, size_t most) {
  assert(problem.length >= 1 && most >= 1);
  if (problem.length > maxLength())
    return {};
  // Whether a GPU has a schedule takes a search: it is asked from the cheapest on, of all that there are, which are few.
  size_t kept = chip.isGpu() ? SIZE_MAX : most;
  std::vector<Candidate> best;
  auto rank = [](const Candidate &c) { return std::tuple(c.cost, c.digits.points(), c.digits.count()); };
  auto endsByEight = [&](const Digits &digits) { return digits.radices.back() < chip.tensorTile; };
  auto needsSchedule = [&](const Digits &digits) { return endsByEight(digits) || digits.blocks; };
  auto consider = [&](Digits digits) {
    // What fits one pass has no use for a second small digit among those of 16, nor what a warp holds for an exchange.
    if (chip.isGpu() && ((digits.points() <= onePassPoints && digits.transforms() > 4 && !endsByEight(digits)) ||
                         (needsSchedule(digits) && digits.points() > onePassPoints) ||
                         (digits.points() <= warpPoints && digits.transforms() > 3)))
      return;
    Candidate candidate{digits, cost(digits, problem, chip)};
    auto place = std::ranges::upper_bound(best, rank(candidate), {}, rank);
    if (place == best.end() && best.size() == kept)
      return;
    best.insert(place, std::move(candidate));
    if (best.size() > kept)
      best.pop_back();
  };
  // Radices 16 and 2 alone always reach a power of two below twice the length.
  forEachPlan(chip, std::max<int64_t>(2 * problem.length / problem.blocks, 16), [&](std::vector<int64_t> radices) {
    Digits digits = inBlocks(problem.blocks, std::move(radices));
    if (digits.points() >= problem.length)
      consider(digits);
    digits.rightAngle = false;
    if (problem.circular && digits.points() == problem.length)
      consider(digits);
  });
  std::vector<Candidate> result;
  for (Candidate &candidate : best)
    if (result.size() < most && (!chip.isGpu() || !needsSchedule(candidate.digits) || hasSchedule(candidate.digits)))
      result.push_back(std::move(candidate));
  return result;
}

std::vector<Digits> fftconv::monarch::warpgroupDigits(const Problem &problem, const Chip &chip) {
  std::vector<Digits> all;
  if (chip.warpgroupRate == 0)
    return all;
  // What a lane holds of a row are 64 values at most: eight tiles, in the outer phase and in the inner one.
  constexpr int64_t mostTiles = 8;
  for (int64_t first : {chip.tensorTile, 2 * chip.tensorTile})
    for (int64_t last : {chip.tensorTile, 2 * chip.tensorTile})
      for (int64_t outer : {1, 2, 4, 8})
        for (int64_t inner : {1, 2, 4, 8}) {
          std::vector<int64_t> radices = {first};
          for (int64_t radix : {outer, inner})
            if (radix > 1)
              radices.push_back(radix);
          radices.push_back(last);
          Digits digits = inBlocks(problem.blocks, std::move(radices));
          int64_t points = digits.points(), most = mostTiles * chip.tensorTile;
          // The halves of a tile's rows may be two blocks.
          int64_t mostInner = problem.blocks > 1 ? 2 * most : most;
          if (first * outer > most || problem.blocks * inner * last > mostInner || points < problem.length ||
              points >= 2 * problem.length)
            continue;
          all.push_back(digits);
          if (problem.circular && points == problem.length)
            all.push_back({digits.radices, false});
        }
  return all;
}

std::optional<Candidate> fftconv::monarch::choose(const Problem &problem, const Chip &chip) {
  std::vector<Candidate> best = candidates(problem, chip, 1);
  return best.empty() ? std::nullopt : std::optional(best.front());
}
