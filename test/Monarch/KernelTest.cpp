//===- KernelTest.cpp - Choice of one-pass kernels ------------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Counts of the cost model are held against the emulator's in test/Integration/test_static.py; here is what it decides.
//
//===----------------------------------------------------------------------===//

#include "fftconv/Monarch/Kernel.h"
#include "fftconv/Monarch/Planner.h"

#include "gtest/gtest.h"

#include <set>

using namespace fftconv::monarch;

namespace {
std::optional<KernelChoice> choose(std::vector<int64_t> radices, KernelProblem problem, std::string_view chip,
                                   bool rightAngle = true) {
  return chooseKernel({std::move(radices), rightAngle}, problem, *findChip(chip));
}
} // namespace

TEST(Kernel, TakesAsManyRowsAsPay) {
  // Unknown batches are large; shared memory is the limit, and eight.
  EXPECT_EQ(choose({16, 16, 16}, {.length = 4096}, "sm_90")->rows, 4);
  EXPECT_EQ(choose({16, 2, 16, 16}, {.length = 8192}, "sm_90")->rows, 2);
  EXPECT_EQ(choose({16, 16, 16}, {.length = 4096}, "sm_86")->rows, 2);
  // A gate takes a plane where it comes ahead, two rows in one another two.
  EXPECT_EQ(choose({16, 16, 16}, {.length = 4096, .preGate = true}, "sm_90")->rows, 4);
  EXPECT_EQ(choose({16, 2, 16, 16}, {.length = 8192, .preGate = true}, "sm_86")->rows, 1);
  EXPECT_EQ(choose({16, 16, 16}, {.length = 4096, .preGate = true}, "sm_90", false)->rows, 2);
  // Few rows spread over the chip; many come together, in groups of one size.
  EXPECT_EQ(choose({16, 16, 16}, {.batch = 8, .heads = 1}, "sm_90")->rows, 1);
  EXPECT_GT(choose({16, 16, 16}, {.batch = 64, .heads = 768}, "sm_90")->rows, 2);
}

TEST(Kernel, ComputesWhileAnotherWaits) {
  const Chip &chip = *findChip("sm_90");
  auto resident = [&](std::vector<int64_t> radices, KernelProblem problem) {
    Digits digits{std::move(radices), true};
    return residentCtas(digits, *chooseKernel(digits, problem, chip), problem, chip);
  };
  // Two CTAs where both fit.
  EXPECT_EQ(choose({16, 16, 16}, {.length = 4096}, "sm_90")->warps, 8);
  EXPECT_EQ(resident({16, 16, 16}, {.length = 4096}), 2);
  EXPECT_EQ(choose({16, 4, 16, 16}, {.length = 16384}, "sm_90")->warps, 8);
  EXPECT_EQ(resident({16, 4, 16, 16}, {.length = 16384}), 2);
  EXPECT_EQ(resident({16, 8, 16, 16}, {.length = 32768}), 1);
  // Few CTAs are as large as they can be.
  EXPECT_EQ(choose({16, 16, 16}, {.batch = 1, .heads = 3, .length = 4096}, "sm_90")->warps, 16);
}

TEST(Kernel, ComputesRowsSideBySide) {
  auto together = [](std::vector<int64_t> radices, int64_t rows, KernelProblem problem) {
    return rowsAtOnce({std::move(radices), true}, {4, 32, rows, 2}, problem);
  };
  EXPECT_EQ(together({16, 16, 16}, 4, {.length = 4096}), 2);
  EXPECT_EQ(together({16, 16, 16}, 3, {.length = 4096}), 1);
  // Where warps own rows, those that each has: two where matrices differ from tile to tile and registers hold both rows, if there are so many.
  EXPECT_EQ(together({16, 4, 16}, 4, {.length = 1024}), 1);
  EXPECT_EQ(together({16, 4, 16}, 8, {.length = 1024}), 2);
  EXPECT_EQ(choose({16, 4, 16}, {.length = 1024}, "sm_90")->rows, 2);
  EXPECT_EQ(choose({16, 4, 16}, {.length = 1024}, "sm_90")->warps, 1);
  EXPECT_EQ(choose({16, 4, 16}, {.batch = 1, .length = 1024}, "sm_90")->rows, 1);
  EXPECT_EQ(choose({16, 4, 16}, {.length = 1024}, "sm_90", false)->rows, 8);
  EXPECT_EQ(choose({16, 4, 16}, {.batch = 14, .length = 1024}, "sm_90", false)->rows, 4) << "seven pairs";
  EXPECT_EQ(choose({16, 4, 16}, {.length = 1024, .postGate = true}, "sm_90")->rows, 4);
  EXPECT_EQ(choose({16, 2, 16}, {.length = 512}, "sm_90")->rows, 1);
  EXPECT_EQ(choose({16, 8, 16}, {.length = 2048}, "sm_90")->rows, 1);
  EXPECT_FALSE(fitsWarps({{16, 4, 16}, true}, {4, 32, 6, 2}, {.length = 1024}));
  EXPECT_FALSE(fitsWarps({{16, 4, 16}, true}, {4, 32, 8, 2}, {.length = 1024, .split = true}));
  EXPECT_FALSE(fitsWarps({{16, 4, 16}, true}, {4, 32, 8, 2}, {.length = 1024, .channelsLast = true}));
  EXPECT_EQ(together({16, 16, 16}, 4, {.length = 4096, .preGate = true}), 1);
  EXPECT_EQ(together({16, 16, 16}, 4, {.length = 4096, .wideSums = true}), 1);
  // Registers hold no second row beside the operands of these, as was measured (benchmarks/README.md).
  auto blocks = [](std::vector<int64_t> radices, int64_t rows, KernelProblem problem) {
    return rowsAtOnce({std::move(radices), true, true}, {8, 32, rows, 2}, problem);
  };
  EXPECT_EQ(blocks({2, 16, 2, 8, 8}, 4, {.length = 4096}), 1);
  EXPECT_EQ(blocks({4, 16, 2, 8, 8}, 2, {.length = 8192}), 2);
  EXPECT_EQ(blocks({2, 16, 4, 8, 8}, 2, {.length = 8192}), 2);
  EXPECT_EQ(together({16, 4, 8, 8}, 4, {.length = 4096}), 2);
  // Lanes of a warp that owns rows have all values of one.
  EXPECT_TRUE(fitsWarps({{4, 16, 4, 8}, true, true}, {1, 64, 1, 3}, {.length = 2048}));
  EXPECT_FALSE(fitsWarps({{4, 16, 4, 8}, true, true}, {1, 32, 1, 3}, {.length = 2048}));
  // Warps that load no tables for their rows have one each, in fours.
  Digits inFours{{4, 16, 2, 8}, true, true};
  std::optional<KernelChoice> four =
      chooseKernel(inFours, {.batch = 64, .heads = 768, .length = 1024}, *findChip("sm_90"));
  ASSERT_TRUE(four.has_value());
  EXPECT_EQ(std::pair(four->warps, four->rows), std::pair(4, int64_t(4)));
  // Groups of an even number are taken for it.
  EXPECT_EQ(choose({16, 2, 16, 16}, {.length = 8192}, "sm_90")->rows, 2);
  EXPECT_EQ(choose({16, 3, 16, 16}, {.length = 12288, .wideSums = true}, "sm_90")->rows, 3);
  // Alone on a multiprocessor, two rows one by one, so that one is computed while the other is waited for.
  Digits alone{{16, 2, 16, 16}, true};
  KernelProblem plain{.length = 8192}, gated{.length = 8192, .preGate = true};
  EXPECT_EQ(rowsAtOnce(alone, {16, 32, 2, 2}, plain), 1);
  EXPECT_EQ(rowsAtOnce(alone, {8, 32, 2, 2}, plain), 2);
  EXPECT_TRUE(waitsForRows(alone, {16, 32, 2, 2}, plain));
  EXPECT_TRUE(waitsForRows(alone, {16, 32, 4, 2}, plain));
  EXPECT_EQ(rowSignalBytes(alone, {16, 32, 4, 2}, plain), 3 * 2 * 8);
  EXPECT_FALSE(waitsForRows(alone, {16, 32, 1, 2}, plain));
  EXPECT_FALSE(waitsForRows(alone, {8, 32, 4, 2}, plain));
  EXPECT_FALSE(waitsForRows(alone, {16, 32, 3, 2}, gated));
  EXPECT_FALSE(waitsForRows(alone, {16, 32, 4, 2, true}, plain)) << "bulk copies";
  // Groups are full where the batch is known to be a multiple.
  Digits digits{{16, 16, 16}, true}, pairs{{16, 16, 16}, false};
  EXPECT_TRUE(fillsGroups(digits, {8, 32, 4, 2}, {.batch = 8}));
  EXPECT_FALSE(fillsGroups(digits, {8, 32, 4, 2}, {.batch = 6}));
  EXPECT_FALSE(fillsGroups(digits, {8, 32, 4, 2}, {.batch = 0})) << "unknown";
  EXPECT_FALSE(fillsGroups(pairs, {8, 32, 4, 2}, {.batch = 4}));
  // Threads copy a few rows in line, many in a loop.
  EXPECT_TRUE(copiesInLine(digits, {8, 32, 4, 2}, {.length = 4096}));
  EXPECT_FALSE(copiesInLine(digits, {8, 32, 4, 2}, {.length = 4095})) << "element by element";
  EXPECT_FALSE(copiesInLine(digits, {8, 32, 4, 2}, {.length = 4096, .channelsLast = true}));
}

TEST(Kernel, MakesFewTripsInTheCode) {
  using Phases = std::vector<std::pair<Trips, int64_t>>;
  auto phases = [](Digits digits, KernelChoice choice, KernelProblem problem) {
    std::shared_ptr<const Schedule> schedule =
        findSchedule(digits.radices, scheduleRequest(digits, choice, problem.split));
    int64_t rows = rowsAtOnce(digits, choice, problem);
    Phases result;
    for (size_t n = 0; schedule && n < schedule->steps.size(); ++n)
      if (schedule->steps[n].kind == StepKind::Read)
        result.emplace_back(tripsOf(*schedule, n, rows, problem), rowsInPhase(*schedule, n, choice, problem));
    return result;
  };
  constexpr auto loop = Trips::Loop, inTurn = Trips::InTurn, beside = Trips::SideBySide;
  // Eight tiles are side by side: of two trips and four rows, though two rows do not fit the inner phase, which has one trip; or of four trips and two rows.
  EXPECT_EQ(phases({{2, 16, 2, 8, 8}, true, true}, {8, 32, 4, 2}, {.length = 4096}),
            (Phases{{beside, 4}, {loop, 1}, {beside, 4}}));
  Digits blocks{{4, 16, 2, 8, 8}, true, true};
  EXPECT_EQ(phases(blocks, {8, 32, 2, 2}, {.length = 8192}), (Phases{{beside, 2}, {inTurn, 2}, {beside, 2}}));
  // A gate leaves room for half of them, and rows that are waited for come one by one.
  EXPECT_EQ(phases(blocks, {8, 32, 2, 2}, {.length = 8192, .preGate = true}),
            (Phases{{beside, 1}, {inTurn, 1}, {beside, 1}}));
  EXPECT_EQ(phases(blocks, {16, 32, 2, 2}, {.length = 8192}), (Phases{{beside, 1}, {loop, 1}, {beside, 1}}));
  // Where a phase has several tiles or products its trips are made in turn, with gates of two rows in one in a loop, as those of f32.
  EXPECT_EQ(phases({{4, 16, 4, 2, 8, 8}, true, true}, {16, 32, 1, 2}, {.length = 32768}),
            (Phases{{inTurn, 1}, {inTurn, 1}, {inTurn, 1}}));
  Digits pairs{{8, 4, 4, 8, 8}, false};
  EXPECT_EQ(phases(pairs, {8, 32, 1, 2}, {.length = 8192}), (Phases{{loop, 1}, {inTurn, 1}, {loop, 1}}));
  EXPECT_EQ(phases(pairs, {8, 32, 1, 2}, {.length = 8192, .postGate = true}),
            (Phases{{loop, 1}, {loop, 1}, {loop, 1}}));
  EXPECT_EQ(phases({{16, 2, 16, 16}, true}, {8, 32, 1, 1}, {.length = 8192, .split = true}),
            (Phases{{loop, 1}, {loop, 1}, {loop, 1}}));
}

TEST(Kernel, KeepsMemoryBusy) {
  // Short rows come more than one group ahead, long ones need not.
  EXPECT_EQ(choose({16, 16}, {.length = 256}, "sm_90")->stages, 4);
  EXPECT_EQ(choose({16, 4, 16}, {.length = 1024}, "sm_90")->stages, 3);
  EXPECT_EQ(choose({16, 8, 16}, {.length = 2048}, "sm_90")->stages, 3);
  EXPECT_EQ(choose({16, 16, 16}, {.length = 4096}, "sm_90")->stages, 2);
  EXPECT_EQ(choose({16, 16}, {.length = 256, .channelsLast = true}, "sm_90")->stages, 1);
  // What is on its way is a limit of its own.
  const Chip &chip = *findChip("sm_90");
  Schedule schedule = *makeSchedule({16, 16}, {.warps = 8});
  KernelProblem problem{.batch = 64, .heads = 768, .length = 256};
  auto latency = [&](int stages) {
    return kernelCost(schedule, {8, 32, 8, stages}, problem, chip).time(KernelCost::Latency);
  };
  EXPECT_DOUBLE_EQ(latency(2), 2 * latency(3));
}

TEST(Kernel, KeepsSpectraInL1) {
  const Chip &chip = *findChip("sm_90");
  auto keeps = [&](std::vector<int64_t> radices, KernelChoice choice, int64_t length) {
    return keepsSpectrum({std::move(radices), true}, choice, {.length = length}, chip);
  };
  EXPECT_TRUE(keeps({16, 8, 16}, {8, 64, 8, 2}, 2048));
  EXPECT_TRUE(keeps({16, 16, 16}, {16, 32, 8, 2}, 4096));
  EXPECT_FALSE(keeps({16, 8, 16, 16}, {16, 32, 1, 2}, 32768)) << "128 KB beside 192";
}

TEST(Kernel, CopiesInBulkWhereItPays) {
  const Chip &chip = *findChip("sm_90");
  // f32 whose rows fill a warp's registers.
  auto bulk = [&](std::vector<int64_t> radices, KernelProblem problem, std::string_view name = "sm_90") {
    return choose(std::move(radices), problem, name)->bulk;
  };
  EXPECT_TRUE(bulk({16, 4, 16}, {.length = 1024, .split = true}));
  EXPECT_FALSE(bulk({16, 2, 16}, {.length = 512, .split = true}));
  EXPECT_FALSE(bulk({16, 16, 16}, {.length = 4096, .split = true}));
  EXPECT_FALSE(bulk({16, 4, 16}, {.length = 1024}));
  EXPECT_FALSE(bulk({16, 4, 16}, {.length = 1024, .split = true}, "sm_86")) << "the chip has none";
  EXPECT_FALSE(bulk({16, 4, 16}, {.length = 1001, .split = true})) << "rows of 4004 bytes";
  // Where they are asked for, and why they cannot be.
  Digits digits{{16, 16, 16}, true};
  KernelProblem plain{.length = 4096};
  KernelChoice choice = *chooseKernel(digits, plain, chip, true);
  EXPECT_TRUE(choice.bulk);
  auto reason = [&](KernelChoice choice, KernelProblem problem, std::string_view name = "sm_90") {
    return whyNoBulkCopies(digits, choice, problem, *findChip(name));
  };
  EXPECT_EQ(reason(choice, plain), "");
  EXPECT_EQ(reason(choice, plain, "sm_80"), "the chip has none");
  EXPECT_EQ(reason(choice, {.length = 4095}), "rows are no multiple of 16 bytes");
  EXPECT_EQ(reason(choice, {.length = 4096, .channelsLast = true}),
            "rows whose channels are last are turned on the way");
  EXPECT_EQ(reason({16, 32, 4, 1, true}, plain), "shared memory does not hold all inputs ahead");
  // Padding of 16 bytes behind each of 16 pieces of three planes, and an mbarrier.
  KernelChoice without = choice;
  without.bulk = false;
  EXPECT_EQ(sharedBytes(digits, choice, plain, false),
            sharedBytes(digits, without, plain, false) + choice.rows * 3 * 16 * 16 + 8);
  // Results that are changed on their way out take the way through registers.
  std::shared_ptr<const Schedule> schedule = findSchedule(digits.radices, scheduleRequest(digits, choice, false));
  EXPECT_TRUE(storesInBulk(*schedule, choice, plain));
  EXPECT_FALSE(storesInBulk(*schedule, without, plain));
  EXPECT_FALSE(storesInBulk(*schedule, choice, {.length = 4096, .postGate = true}));
  EXPECT_FALSE(storesInBulk(*schedule, choice, {.length = 4000, .wraps = true}));
}

TEST(Kernel, FitsSharedMemory) {
  EXPECT_EQ(choose({16, 8, 16, 16}, {}, "sm_90")->stages, 2);
  EXPECT_EQ(choose({16, 8, 16, 16}, {}, "sm_80")->stages, 1);
  EXPECT_FALSE(choose({16, 8, 16, 16}, {}, "sm_86").has_value());
  EXPECT_EQ(choose({16, 6, 16, 16}, {}, "sm_86")->stages, 1);
  EXPECT_EQ(choose({16, 4, 16, 16}, {}, "sm_86")->stages, 2);
  EXPECT_FALSE(choose({16, 2, 16, 16, 16}, {}, "sm_90").has_value());
  EXPECT_FALSE(choose({16, 16}, {}, "cpu").has_value());
  // The gate of 32768 points has no place beside the next input.
  EXPECT_EQ(choose({16, 8, 16, 16}, {.preGate = true}, "sm_90")->stages, 2);
  KernelChoice alone{16, 32, 1, 2};
  EXPECT_FALSE(holdsGateAhead({{16, 8, 16, 16}, true}, alone, {.preGate = true}, *findChip("sm_90")));
  EXPECT_TRUE(holdsGateAhead({{16, 4, 16, 16}, true}, alone, {.preGate = true}, *findChip("sm_90")));
  // That of a pair of rows has none at all: they come in one stage, and are multiplied with it on the way.
  KernelProblem gated{.preGate = true};
  std::optional<KernelChoice> pair = choose({16, 8, 16, 16}, gated, "sm_90", false);
  ASSERT_TRUE(pair.has_value());
  EXPECT_EQ(pair->stages, 1);
  EXPECT_FALSE(gateTile(*pair, gated));
  EXPECT_TRUE(gateTile(alone, gated));
  EXPECT_EQ(sharedBytes({{16, 8, 16, 16}, false}, *pair, gated, false), 32768 * 4);
}

TEST(Kernel, GivesWarpsSequencesOfTheirOwn) {
  // One to a CTA, but for gates and pairs of rows.
  EXPECT_EQ(choose({16, 16}, {}, "sm_90")->warps, 1);
  EXPECT_EQ(choose({16, 16}, {.preGate = true}, "sm_90")->warps, 4);
  EXPECT_EQ(choose({16, 16}, {.batch = 1, .preGate = true}, "sm_90")->warps, 1);
  EXPECT_EQ(choose({16, 16}, {.batch = 3, .preGate = true}, "sm_90")->warps, 4);
  EXPECT_EQ(choose({16, 16}, {}, "sm_90", false)->warps, 4);
  EXPECT_EQ(choose({16, 16}, {.batch = 3}, "sm_90", false)->warps, 2) << "two pairs";
  EXPECT_EQ(choose({16, 4, 16}, {}, "sm_90")->values, 32);
  EXPECT_EQ(choose({16, 5, 16}, {}, "sm_90")->values, 64);
  EXPECT_LT(choose({16, 8, 16}, {.preGate = true, .split = true}, "sm_86", false)->warps, 4) << "99 KB";
}

TEST(Kernel, FillsTheChip) {
  const Chip &chip = *findChip("sm_90");
  for (int64_t heads : {1, 3, 16, 100, 131, 132, 133, 768, 5000}) {
    int64_t ctas = heads * gridLimit(heads, 1, chip), rounds = (ctas + chip.sms - 1) / chip.sms;
    EXPECT_GT(static_cast<double>(ctas), 0.85 * static_cast<double>(rounds * chip.sms)) << heads << " heads";
  }
  EXPECT_EQ(gridLimit(100000, 1, chip), 1);
}

TEST(Kernel, CopiesAsWideAsRowsAreAligned) {
  EXPECT_EQ(copyWidth(4096), 16);
  EXPECT_EQ(copyWidth(1000), 16);
  EXPECT_EQ(copyWidth(100), 8);
  EXPECT_EQ(copyWidth(4102), 4);
  EXPECT_EQ(copyWidth(32767), 2);
}

TEST(Kernel, HalvesOfF32TakeTwiceTheRoom) {
  EXPECT_EQ(choose({16, 16, 16}, {.split = true}, "sm_90")->rows, 4);
  EXPECT_EQ(choose({16, 16, 16}, {.split = true}, "sm_90")->warps, 8);
  // Their gates are read as rows are normalised, and need no room.
  EXPECT_EQ(choose({16, 16, 16}, {.preGate = true, .split = true}, "sm_90")->rows, 4);
  EXPECT_EQ(choose({16, 7, 16, 16}, {.split = true}, "sm_90")->stages, 1);
  EXPECT_FALSE(choose({16, 8, 16, 16}, {.split = true}, "sm_90").has_value());
  EXPECT_FALSE(choose({16, 4, 16, 16}, {.split = true}, "sm_86").has_value());
  // A pair of rows is normalised beside itself.
  EXPECT_TRUE(choose({16, 3, 16, 16}, {.split = true}, "sm_90", false).has_value());
  EXPECT_FALSE(choose({16, 4, 16, 16}, {.split = true}, "sm_90", false).has_value());
}

TEST(Kernel, HeadsTravelTogetherWhereChannelsAreLast) {
  EXPECT_EQ(choose({16, 16, 16}, {.heads = 768, .channelsLast = true}, "sm_90")->rows, 8);
  EXPECT_EQ(choose({16, 16, 16}, {.heads = 768, .channelsLast = true}, "sm_86")->rows, 4);
  // Sixteen fill a sector, where lanes can do with the registers that are left.
  EXPECT_EQ(choose({16, 16}, {.heads = 768, .channelsLast = true}, "sm_90")->rows, 16);
  EXPECT_EQ(choose({16, 4, 16}, {.heads = 768, .channelsLast = true}, "sm_90")->rows, 16);
  EXPECT_EQ(choose({16, 2, 16}, {.heads = 768, .channelsLast = true}, "sm_90")->rows, 8);
  EXPECT_EQ(choose({16, 16}, {.heads = 768, .wideSums = true, .channelsLast = true}, "sm_90")->rows, 8);
  EXPECT_EQ(choose({16, 16}, {.heads = 768, .split = true, .channelsLast = true}, "sm_90")->rows, 8);
  EXPECT_EQ(choose({16, 16}, {.heads = 2, .channelsLast = true}, "sm_90")->rows, 2);
  EXPECT_EQ(choose({16, 16, 16}, {.heads = 768, .channelsLast = true}, "sm_90")->stages, 1);
  // As many heads at once as they are aligned for.
  EXPECT_EQ(copyWidth({.heads = 768, .channelsLast = true}, 8), 16);
  EXPECT_EQ(copyWidth({.heads = 768, .channelsLast = true}, 2), 4);
  EXPECT_EQ(copyWidth({.heads = 17, .channelsLast = true}, 8), 2);
  EXPECT_EQ(copyWidth({.heads = 17, .split = true, .channelsLast = true}, 8), 4);
}

TEST(Kernel, HasWarpgroupsMultiply) {
  const Chip &chip = *findChip("sm_90a");
  KernelProblem problem{.batch = 64, .heads = 768, .length = 4096};
  int kernels = 0;
  for (const Digits &digits : warpgroupDigits({.length = 4096}, chip)) {
    EXPECT_EQ(digits.points(), 4096);
    std::optional<KernelChoice> choice = chooseKernel(digits, problem, chip);
    // Layouts of some digits do not close; others are faster by warps.
    if (!choice || !choice->warpgroups)
      continue;
    ++kernels;
    EXPECT_EQ(whyNoWarpgroups(digits, *choice, problem, chip), "");
    // Four warps have a matrix in common, of a digit that is on columns: no digit that it depends on is on them or on rows.
    std::shared_ptr<const Schedule> schedule = findSchedule(digits.radices, scheduleRequest(digits, *choice, false));
    EXPECT_EQ(schedule->matrices, (std::set<int>{1, static_cast<int>(digits.count())}));
    for (const Step &step : schedule->steps) {
      if (!isMma(step.kind))
        continue;
      EXPECT_EQ(step.kind, StepKind::Right);
      for (int other : dependences(*schedule, HomeKind::Matrix, step.digit))
        for (const Place &place : step.layout.placesOf(other))
          EXPECT_TRUE(place.kind == 'u' || place.kind == 'i' || (place.kind == 'w' && place.index >= 2));
    }
  }
  EXPECT_GE(kernels, 4);
  EXPECT_TRUE(warpgroupDigits({.length = 4096}, *findChip("sm_90")).empty());
  EXPECT_TRUE(warpgroupDigits({.length = 32768}, chip).empty());
  EXPECT_FALSE(warpgroupDigits({.length = 32768, .blocks = 4}, chip).empty());
  // With theta = 1 besides, where rows are circular and as long as there are points.
  EXPECT_EQ(warpgroupDigits({.length = 4096, .circular = true}, chip).size(),
            2 * warpgroupDigits({.length = 4096}, chip).size());
  EXPECT_EQ(warpgroupDigits({.length = 4000, .circular = true}, chip).size(),
            warpgroupDigits({.length = 4096}, chip).size());
  // What they do not do is for warps.
  Digits digits{{32, 2, 2, 32}, true};
  KernelChoice choice = *chooseKernel(digits, problem, chip);
  auto refuses = [&](KernelProblem other) { return !whyNoWarpgroups(digits, choice, other, chip).empty(); };
  EXPECT_TRUE(refuses({.length = 4096, .split = true}));
  // Sums of f32 leave room for 32 values of a lane.
  EXPECT_FALSE(refuses({.length = 4096, .wideSums = true}));
  choice.values = 64;
  EXPECT_TRUE(refuses({.length = 4096, .wideSums = true}));
  EXPECT_TRUE(refuses({.length = 4096, .channelsLast = true}));
  EXPECT_TRUE(refuses({.length = 4096, .wraps = true}));
}

// Warps of two rows side by side wait for none but themselves, if the same ones have a row from beginning to end; those of a block outside of the inner phase.
TEST(Kernel, WorksInTeams) {
  const Chip &chip = *findChip("sm_90a");
  auto teamsOf = [&](Digits digits, KernelChoice choice, bool apart = true) {
    KernelProblem problem{.batch = 64, .heads = 768, .length = digits.points()};
    EXPECT_EQ(whyNoWarpgroups(digits, choice, problem, chip), "");
    std::shared_ptr<const Schedule> schedule = findSchedule(digits.radices, scheduleRequest(digits, choice, false));
    EXPECT_EQ(schedule->teamsStayApart(), apart);
    // Rows are theirs, or blocks of all rows.
    EXPECT_EQ(rowTeams(digits, choice, problem), schedule->teamDigit() == 1 ? 1 : schedule->teams());
    return schedule->teams();
  };
  EXPECT_EQ(teamsOf({{32, 2, 2, 32}}, {8, 32, 4, 2, false, true}), 2);
  EXPECT_EQ(teamsOf({{2, 32, 2, 32}, true, true}, {8, 32, 4, 2, false, true}, false), 2);
  EXPECT_EQ(teamsOf({{4, 32, 4, 32}, true, true}, {16, 64, 2, 2, false, true}, false), 2);
  EXPECT_EQ(teamsOf({{4, 32, 4, 2, 32}, true, true}, {16, 64, 1, 2, false, true}, false), 4);
  EXPECT_EQ(teamsOf({{4, 32, 2, 32}, true, true}, {8, 32, 2, 2, false, true}, false), 1);
  EXPECT_EQ(rowTeams({{16, 4, 8, 8}}, {8, 32, 4, 2}, {.batch = 64, .heads = 768, .length = 4096}), 1);
}
