//===- KernelCostTest.cpp - Cost of kernels -------------------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Counts of the cost model are held against the emulator's in test/Integration/test_static.py, its constants against the fit there; here is what it decides.
//
//===----------------------------------------------------------------------===//

#include "fftconv/Monarch/Kernel.h"

#include "gtest/gtest.h"

#include <set>

using namespace fftconv::monarch;

TEST(Kernel, CostsAreOrderedAsTheyShouldBe) {
  const Chip &chip = *findChip("sm_90");
  Schedule schedule = *makeSchedule({16, 16, 16}, {});
  auto cost = [&](int64_t rows, KernelProblem problem) {
    return kernelCost(schedule, {16, 32, rows, 2}, problem, chip);
  };
  KernelProblem large{.batch = 64, .heads = 768, .length = 4096};
  KernelCost plain = cost(8, large);
  EXPECT_DOUBLE_EQ(plain.mma, 640.0 / 4096);
  EXPECT_DOUBLE_EQ(plain.wavefronts, 48.0 / 256);
  EXPECT_DOUBLE_EQ(plain.bytes, 4 + 4.0 / 64);
  EXPECT_EQ(plain.binding().name, "on chip") << "at 4096 points";
  // What does not overlap takes longer than any part of it, and all longer than that and memory.
  for (int limit : {KernelCost::SharedMemory, KernelCost::TensorCores, KernelCost::Issue})
    EXPECT_GT(plain.time(KernelCost::OnChip), plain.time(limit));
  EXPECT_GT(plain.time(), plain.time(KernelCost::OnChip));
  EXPECT_LT(plain.time(), plain.time(KernelCost::OnChip) + plain.time(KernelCost::Memory));
  // Rows that travel together read the spectrum less often.
  EXPECT_GT(cost(1, large).sectors, cost(8, large).sectors);
  EXPECT_LE(cost(8, large).time(), cost(1, large).time());
  // A gate is two bytes more; one CTA does not use the chip.
  KernelProblem gated = large;
  gated.preGate = gated.postGate = true;
  EXPECT_DOUBLE_EQ(cost(8, gated).bytes, plain.bytes + 4);
  KernelProblem few{.batch = 8, .heads = 1, .length = 4096};
  EXPECT_GT(cost(8, few).time(), 3 * cost(1, few).time());
}

TEST(Kernel, RanksPlansThatAreKnownToBeBetter) {
  const Chip &chip = *findChip("sm_90");
  auto time = [&](std::vector<int64_t> radices, KernelProblem problem, int64_t rows, bool rightAngle = true) {
    problem.batch = 64;
    problem.heads = 768;
    int values = radices.size() == 3 && radices[1] < 16 ? 64 : 32;
    ScheduleRequest request{.warps = 16, .registerBits = bitsOf(values), .rightAngle = rightAngle};
    KernelChoice choice{16, values, rows, 2};
    return kernelCost(*makeSchedule(radices, request), choice, problem, chip).time();
  };
  // No more points than it takes.
  EXPECT_LT(time({16, 16, 16}, {.length = 4000}, 8), time({16, 2, 16, 16}, {.length = 4000}, 4));
  EXPECT_LT(time({16, 3, 16, 16}, {.length = 12000}, 3), time({16, 4, 16, 16}, {.length = 12000}, 2));
  // Two rows in one rather than one at a right angle with its tail.
  EXPECT_LT(time({16, 16, 16}, {.length = 4096}, 4, false), time({16, 16, 16}, {.length = 4096, .wraps = true}, 8));
  // Rows that travel together share the spectrum and the tables.
  EXPECT_LT(time({16, 16, 16}, {.length = 4096}, 8), time({16, 16, 16}, {.length = 4096}, 1));
  // Halves of f32 cost three products and twice the bytes.
  EXPECT_LT(time({16, 16, 16}, {.length = 4096}, 4), time({16, 16, 16}, {.length = 4096, .split = true}, 4));
  // What was measured on an H200 (benchmarks/README.md): rows travel in fours by two CTAs of eight warps rather than by one of sixteen, or in ones and twos; not by half
  // of the warps that there is room for; and 32,768 points as they fit.
  auto measured = [&](std::vector<int64_t> radices, int warps, int64_t rows, int64_t length, bool rightAngle = true,
                      bool gated = false) {
    ScheduleRequest request{.warps = warps, .rightAngle = rightAngle};
    KernelProblem problem{.batch = 64, .heads = 768, .length = length, .preGate = gated, .postGate = gated};
    return kernelCost(*makeSchedule(radices, request), {warps, 32, rows, 2}, problem, chip).time();
  };
  EXPECT_LT(measured({16, 16, 16}, 8, 4, 4096), measured({16, 16, 16}, 16, 4, 4096));
  EXPECT_LT(measured({16, 16, 16}, 8, 2, 4096), measured({16, 16, 16}, 16, 4, 4096));
  EXPECT_LT(measured({16, 16, 16}, 16, 2, 4096), measured({16, 16, 16}, 16, 1, 4096));
  EXPECT_LT(measured({16, 16, 16}, 8, 2, 4096, false), measured({16, 16, 16}, 16, 4, 4096, false));
  EXPECT_LT(measured({16, 2, 16, 16}, 16, 4, 8192), measured({16, 2, 16, 16}, 16, 2, 8192));
  EXPECT_LT(measured({16, 2, 16, 16}, 16, 4, 8192), measured({16, 2, 16, 16}, 8, 1, 8192));
  EXPECT_LT(measured({16, 4, 16, 16}, 16, 2, 16384), measured({16, 4, 16, 16}, 16, 1, 16384));
  EXPECT_LT(measured({16, 16, 16}, 8, 3, 4096, true, true), measured({16, 16, 16}, 8, 2, 4096, true, true));
  EXPECT_LT(measured({16, 16, 16}, 8, 2, 4096, true, true), measured({16, 16, 16}, 8, 1, 4096, true, true));
  EXPECT_LT(measured({16, 2, 16, 16}, 16, 2, 8192, true, true), measured({16, 2, 16, 16}, 16, 1, 8192, true, true));
  // Of rows in blocks: two rows by two CTAs rather than four by one, or two; and four with a gate that is late rather than three with one that is not.
  auto inBlocks = [&](std::vector<int64_t> radices, int warps, int64_t rows, int64_t length, bool gated = false) {
    ScheduleRequest request{.warps = warps, .rightAngle = true, .blocks = true, .rows = rows};
    KernelProblem problem{.batch = 64, .heads = 768, .length = length, .preGate = gated, .postGate = gated};
    return kernelCost(*makeSchedule(radices, request), {warps, 32, rows, 2}, problem, chip).time();
  };
  EXPECT_LT(inBlocks({4, 16, 2, 8, 8}, 8, 2, 8192), inBlocks({4, 16, 2, 8, 8}, 16, 4, 8192));
  EXPECT_LT(inBlocks({4, 16, 2, 8, 8}, 16, 4, 8192), inBlocks({4, 16, 2, 8, 8}, 16, 2, 8192));
  EXPECT_LT(inBlocks({4, 16, 2, 8, 8}, 8, 2, 8192, true), inBlocks({4, 16, 2, 8, 8}, 16, 4, 8192, true));
  EXPECT_LT(inBlocks({2, 16, 2, 8, 8}, 8, 4, 4096, true), inBlocks({2, 16, 2, 8, 8}, 8, 3, 4096, true));
  EXPECT_LT(inBlocks({4, 16, 4, 8, 8}, 8, 1, 16384), inBlocks({4, 16, 4, 8, 8}, 16, 1, 16384));
  // Warps before warpgroups, and rows in blocks, also of warps that own them.
  auto chosen = [&](Digits digits, int64_t length) {
    return chosenCost(digits, {.batch = 64, .heads = 768, .length = length}, *findChip("sm_90a"))->time();
  };
  EXPECT_LT(chosen({{4, 16, 2, 8}, true, true}, 1024), chosen({{2, 16, 4, 8}, true, true}, 1024));
  EXPECT_LT(chosen({{4, 16, 2, 8}, true, true}, 1024), chosen({{2, 32, 16}, true, true}, 1024));
  EXPECT_LT(chosen({{4, 16, 4, 8}, true, true}, 2048), chosen({{2, 16, 8, 8}, true, true}, 2048));
  EXPECT_LT(chosen({{2, 16, 8, 8}, true, true}, 2048), chosen({{16, 8, 16}, true}, 2048));
  EXPECT_LT(chosen({{4, 16, 4, 8}, true, true}, 2048), chosen({{4, 32, 16}, true, true}, 2048));
  EXPECT_LT(chosen({{4, 16, 2, 8, 8}, true, true}, 8192), chosen({{4, 32, 4, 16}, true, true}, 8192));
  EXPECT_LT(chosen({{4, 16, 4, 8, 8}, true, true}, 16384), chosen({{4, 32, 4, 32}, true, true}, 16384));
  EXPECT_LT(chosen({{4, 16, 4, 2, 8, 8}, true, true}, 32768), chosen({{4, 32, 4, 2, 32}, true, true}, 32768));
  // A short filter directly.
  KernelProblem problem{.batch = 64, .heads = 768, .length = 4096};
  KernelCost direct = directCost(64, 0, *chooseDirect(64, 0, problem, chip), problem, chip);
  EXPECT_LT(direct.time(), time({16, 16, 16}, {.length = 4096}, 8));
}

TEST(Direct, CountsTheBlocksThatAFilterReaches) {
  // By definition: block lag d reaches lag l where 16 d + i - j = l for some 0 <= i, j < 16.
  for (int64_t taps : {1, 2, 15, 16, 17, 18, 33, 64, 128})
    for (int64_t center : {int64_t(0), taps / 3, taps - 1}) {
      std::set<int64_t> reached;
      for (int64_t tap = 0; tap < taps; ++tap)
        for (int64_t d = -20; d <= 20; ++d)
          if (std::abs(tap - center - 16 * d) < 16)
            reached.insert(d);
      auto [first, last] = blockLags(taps, center);
      EXPECT_EQ(first, *reached.begin()) << taps << " taps, center " << center;
      EXPECT_EQ(last, *reached.rbegin()) << taps << " taps, center " << center;
    }
}

TEST(Direct, WastesLittle) {
  const Chip &chip = *findChip("sm_90");
  for (int64_t length : {16, 100, 1000, 4096, 100000})
    for (int64_t batch : {0, 1, 8, 64}) {
      KernelProblem problem{.batch = batch, .heads = 768, .length = length};
      std::optional<DirectChoice> choice = chooseDirect(64, 0, problem, chip);
      ASSERT_TRUE(choice.has_value());
      EXPECT_EQ(choice->blocks % blocksAtOnce, 0);
      problem.batch = std::max<int64_t>(batch, 64);
      if (batch != 1 && length >= 4096) {
        EXPECT_LE(directCost(64, 0, *choice, problem, chip).mma, 0.04) << length << ", " << batch;
      }
    }
  EXPECT_EQ(
      directCost(64, 0, *chooseDirect(64, 0, {.batch = 8, .length = 4096}, chip), {.batch = 8, .length = 4096}, chip)
          .mma,
      10.0 / 256);
  EXPECT_FALSE(chooseDirect(300, 0, {.length = 4096}, chip).has_value()) << "registers";
  EXPECT_FALSE(chooseDirect(64, 0, {.length = 4096, .split = true}, chip).has_value());
  EXPECT_FALSE(chooseDirect(64, 0, {.length = 4096, .channelsLast = true}, chip).has_value());
  EXPECT_FALSE(chooseDirect(64, 0, {.length = 4096}, *findChip("cpu")).has_value());
}

TEST(Turn, TilesFillLinesBothWays) {
  const Chip &chip = *findChip("sm_90");
  for (int64_t heads : {1, 2, 3, 6, 17, 64, 130, 768})
    for (int64_t length : {1, 64, 101, 4096, 50000})
      for (bool split : {false, true}) {
        KernelProblem problem{.batch = 64, .heads = heads, .length = length, .split = split, .channelsLast = true};
        TurnTile tile = turnTile(problem);
        EXPECT_TRUE(isPowerOfTwo(tile.heads) && isPowerOfTwo(tile.times));
        EXPECT_EQ(tile.unit, !split && heads % 2 == 0 && length % 2 == 0 ? 2 : 1);
        // Sixteen accesses of each thread, of 64 heads or as many as there are.
        EXPECT_EQ(tile.heads * tile.times / tile.unit, 16 * TurnTile::threads);
        EXPECT_LT(tile.heads, 2 * heads);
        EXPECT_GE(tile.heads, std::min<int64_t>(heads, 64));
        EXPECT_LE(residentTurnCtas * tile.sharedBytes(problem.elementBytes()), chip.multiprocessorShared / 2);
        // Every element in and out, and a gate in.
        EXPECT_EQ(turnCost(problem, true, chip).bytes, 3 * problem.elementBytes());
        EXPECT_EQ(turnCost(problem, false, chip).sectors * 32, 2 * problem.elementBytes());
      }
  // Memory binds where tiles are full.
  EXPECT_EQ(turnCost({.batch = 64, .heads = 768, .length = 4096}, false, chip).binding().name, "memory");
}
