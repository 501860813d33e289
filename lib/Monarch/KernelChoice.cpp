//===- KernelChoice.cpp - Choice of a one-pass kernel ---------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Warps, rows that travel together, stages, kinds of copies.
//
//===----------------------------------------------------------------------===//

#include "KernelParts.h"

#include <algorithm>
#include <array>
#include <cmath>

using namespace fftconv::monarch;

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

/// The choice of rows for what is chosen otherwise of warps that share them, of which as many CTAs are to run on a multiprocessor as registers let them.
static std::optional<KernelChoice> chooseRows(KernelChoice choice, const Digits &digits, const KernelProblem &problem,
                                              const Chip &chip) {
  // Those that the warps of a CTA have side by side.
  const int64_t step = choice.rows = rowsTogether(digits, choice, problem);
  int64_t ctas = ctasByRegisters(digits, choice, problem, chip), share = sharedShare(ctas, chip);
  auto fits = [&](const KernelChoice &choice, bool gateAhead) {
    return sharedBytes(digits, choice, problem, gateAhead) <= share;
  };
  if (!fits(choice, false)) {
    choice.stages = 1;
    return fits(choice, false) ? std::optional(choice) : std::nullopt;
  }
  // Past eight rows nothing is saved.
  int64_t most = 1, batch = ceilDiv(problem.batch, inputPlanes(digits));
  // A second row is worth more than a gate that comes ahead, and where one of two CTAs is computed while the other waits so are others, as was measured of rows that are not two in one (benchmarks/README.md).
  auto wantsGateAhead = [&](const KernelChoice &more) {
    return gateTile(more, problem) && (choice.bulk || (more.rows > 2 && (ctas == 1 || !digits.rightAngle)));
  };
  for (KernelChoice more = choice; more.rows <= std::max<int64_t>(8, step) && fits(more, wantsGateAhead(more));
       more.rows += step)
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
  for (KernelChoice tried = choice; tried.rows <= (batch ? std::min(most, batch) : most); tried.rows += step) {
    if (tried.warpgroups && !whyNoWarpgroups(digits, tried, problem, chip).empty())
      continue;
    double time = cost(tried) / occupancy(digits, tried, problem, chip);
    if (time < best) {
      best = time;
      choice.rows = tried.rows;
    }
  }
  return best < INFINITY ? std::optional(choice) : std::nullopt;
}

/// Whether warps that own rows load tables for each.
static bool loadsTables(const Digits &digits, const KernelChoice &choice, const KernelProblem &problem) {
  std::shared_ptr<const Schedule> schedule = scheduleOf(digits, choice, problem.split);
  return !schedule || std::ranges::any_of(schedule->steps, [&](const Step &step) {
    return std::ranges::any_of(
        std::array{HomeKind::Matrix, HomeKind::Butterfly, HomeKind::Product}, [&](HomeKind kind) {
          return tableLoads(*schedule, step, kind, /*inLine=*/false, choice.rows, /*rowsAtOnce=*/1, problem).words > 0;
        });
  });
}

/// What may be chosen of warps that share rows, but for the rows.
static std::vector<KernelChoice> sharingChoices(const Digits &digits, const KernelProblem &problem, const Chip &chip,
                                                bool bulk) {
  // Rows of other heads come by way of registers, not ahead.
  int stages = problem.channelsLast ? 1 : 2;
  std::vector<KernelChoice> byWarps, byWarpgroups;
  // Values in f32 take more registers.
  for (int warps : {16, 8})
    if (KernelChoice choice{warps, 32, 1, stages, bulk};
        (warps == 8 || !problem.split) && fitsWarps(digits, choice, problem))
      byWarps.push_back(choice);
  if (chip.warpgroupRate > 0 && problem.warpgroups != false)
    for (int values : {32, 64})
      for (int warps : {16, 8, 4}) {
        KernelChoice choice{warps, values, 1, stages, bulk, /*warpgroups=*/true};
        choice.rows = rowsTogether(digits, choice, problem);
        if (whyNoWarpgroups(digits, choice, problem, chip).empty())
          byWarpgroups.push_back(choice);
      }
  if (problem.warpgroups == true && !byWarpgroups.empty())
    return byWarpgroups;
  byWarps.insert(byWarps.end(), byWarpgroups.begin(), byWarpgroups.end());
  return byWarps;
}

std::optional<KernelCost> fftconv::monarch::chosenCost(const Digits &digits, const KernelProblem &problem,
                                                       const Chip &chip) {
  std::optional<KernelChoice> choice = chooseKernel(digits, problem, chip);
  std::shared_ptr<const Schedule> schedule;
  if (choice)
    schedule = scheduleOf(digits, *choice, problem.split);
  return schedule ? std::optional(kernelCost(*schedule, *choice, fillingChip(problem, chip), chip)) : std::nullopt;
}

bool fftconv::monarch::bulkCopiesPay(const Digits &digits, const KernelProblem &problem) {
  return problem.split && warpOwns(digits) && digits.points() > 512;
}

std::optional<KernelChoice> fftconv::monarch::chooseKernel(const Digits &digits, const KernelProblem &problem,
                                                           const Chip &chip, std::optional<bool> asked) {
  if (!chip.isGpu() || digits.transforms() > 5)
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
  std::vector<KernelChoice> sharing;
  if (!warpOwns(digits) || problem.warpgroups == true)
    sharing = sharingChoices(digits, problem, chip, bulk);
  // A warp holds the whole sequence: CTAs are as wide as what travels together and as memory lets them.
  if (warpOwns(digits) && sharing.empty()) {
    int64_t together = problem.channelsLast ? problem.heads : ceilDiv(problem.batch, inputPlanes(digits));
    // Warps that own rows have nothing to share, and CTAs of one warp end one by one; gates and pairs of rows want their neighbours' spectra and lines in L1. Sixteen heads of 16-bit
    // values fill a sector where channels are last, if that leaves lanes the registers that they need (benchmarks/README.md).
    bool roomy = !problem.wideSums && !problem.split &&
                 (digits.points() <= 256 || (digits.points() > 512 && digits.points() <= 1024));
    int warps = problem.channelsLast ? (roomy ? 16 : 8) : problem.gated() || !digits.rightAngle ? 4 : 1;
    KernelChoice choice{warps, ownedValues(digits), warps, problem.channelsLast ? 1 : 2, bulk};
    // Two rows to a warp where what it loads serves both and registers hold them. Warps that load no tables are better off with each other's spectra in L1.
    if (digits.points() > 512 && digits.points() <= 1024 && !problem.gated() && !problem.wideSums &&
        !problem.channelsLast && !bulk) {
      if (!loadsTables(digits, choice, problem))
        choice.rows = choice.warps = 4;
      else if (together == 0 || together >= 2 * warps)
        choice.rows = 2 * warps;
    }
    auto fits = [&](const KernelChoice &choice) {
      return sharedBytes(digits, choice, problem, gateTile(choice, problem)) <= chip.sharedBytes;
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
  std::pair<bool, double> least;
  for (const KernelChoice &tried : sharing) {
    // Fewer heads of a row would touch more sectors than they use.
    if (tried.warps == 8 && problem.channelsLast && best)
      continue;
    std::optional<KernelChoice> choice = chooseRows(tried, digits, problem, chip);
    if (!choice)
      continue;
    std::shared_ptr<const Schedule> schedule = scheduleOf(digits, *choice, problem.split);
    if (!schedule)
      continue;
    KernelCost cost = kernelCost(*schedule, *choice, fillingChip(problem, chip), chip);
    double filled = occupancy(digits, *choice, problem, chip);
    // Bulk copies that are asked for come first.
    bool cannot = bulk && !whyNoBulkCopies(digits, *choice, problem, chip).empty();
    std::pair order(cannot, cost.time() / filled);
    if (!best || order < least) {
      best = choice;
      least = order;
    }
  }
  return best;
}
