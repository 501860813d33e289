//===- PlannerTest.cpp - Choice of points and radices ---------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "fftconv/Monarch/Planner.h"
#include "fftconv/Monarch/Schedule.h"

#include "gtest/gtest.h"

#include <random>

using namespace fftconv::monarch;

namespace {
Candidate plan(Problem problem, std::string_view chip) {
  std::optional<Candidate> best = choose(problem, *findChip(chip));
  EXPECT_TRUE(best.has_value());
  return *best;
}
} // namespace

TEST(Planner, KnowsItsChips) {
  ASSERT_FALSE(chips().empty());
  EXPECT_EQ(chips().front().name, "cpu");
  for (const Chip &chip : chips())
    EXPECT_EQ(findChip(chip.name), &chip);
  EXPECT_EQ(findChip("sm_75"), nullptr);
  EXPECT_EQ(findChip(""), nullptr);
}

// Every length gets a legal plan: enough points, theta = 1 only where they are exact, and never as many as the next power of two
// where fewer are cheaper.
TEST(Planner, PlansAreLegalAtEveryLength) {
  std::mt19937_64 random(1);
  for (const Chip &chip : chips())
    for (int i = 0; i < 200; ++i) {
      int64_t length = i < 100 ? i + 1 : 1 + random() % (int64_t(1) << (i % 30));
      for (bool circular : {false, true})
        for (int64_t batch : {0, 1, 7}) {
          Problem problem{length, circular, batch};
          Candidate best = plan(problem, chip.name);
          int64_t points = best.digits.points();
          SCOPED_TRACE(testing::Message() << chip.name << " length " << length << " points " << points);
          EXPECT_GE(points, length);
          EXPECT_TRUE(best.digits.rightAngle || (circular && points == length));
          EXPECT_GT(best.cost, 0);
          EXPECT_DOUBLE_EQ(best.cost, cost(best.digits, problem, chip));
          if (chip.tensorTile > 1) {
            // Matrix products do the first digit, of 16 values where ends are real, and the last.
            for (int64_t radix : {best.digits.radices.front(), best.digits.radices.back()})
              EXPECT_TRUE(radix == chip.tensorTile || radix == chip.tensorTile / 2) << radix;
            EXPECT_TRUE(!best.digits.rightAngle || best.digits.radices.front() == chip.tensorTile);
            ScheduleRequest request{.warps = 8, .registerBits = 6, .rightAngle = best.digits.rightAngle};
            EXPECT_TRUE(points > 57344 || findSchedule(best.digits.radices, request))
                << testing::PrintToString(best.digits.radices);
          } else {
            EXPECT_EQ(best.digits.radices.back() % chip.vectorLanes, 0);
          }
        }
    }
}

TEST(Planner, PointsAreNotThePowerOfTwoAbove) {
  EXPECT_EQ(plan({.length = 1000}, "cpu").digits.points(), 1000);
  EXPECT_EQ(plan({.length = 5000}, "cpu").digits.points(), 5000);
  EXPECT_EQ(plan({.length = 48502}, "sm_90").digits.points(), 49152);
}

// Two rows in one complex row cost less than two right angles; a lone row has no partner.
TEST(Planner, PairsRowsOfExactCircularLengths) {
  EXPECT_FALSE(plan({.length = 4096, .circular = true, .batch = 8}, "sm_90").digits.rightAngle);
  EXPECT_TRUE(plan({.length = 4096, .circular = true, .batch = 1}, "sm_90").digits.rightAngle);
  EXPECT_TRUE(plan({.length = 4099, .circular = true, .batch = 8}, "sm_90").digits.rightAngle);
}

TEST(Planner, CostPrefersKnownBetterPlans) {
  Problem problem{.length = 4096};
  const Chip &cpu = *findChip("cpu");
  EXPECT_LT(cost({{8, 8, 8, 8}, true}, problem, cpu), cost({{64, 64}, true}, problem, cpu));
  EXPECT_LT(cost({{8, 8, 8, 8}, true}, problem, cpu), cost({{2, 2, 2, 2, 2, 2, 2, 2, 2, 8}, true}, problem, cpu));
  // Real data makes the first digit cheap: the large one belongs there.
  EXPECT_LT(cost({{16, 4}, true}, problem, cpu), cost({{4, 16}, true}, problem, cpu));
}

TEST(Planner, GivesTheCheapestCandidatesInOrder) {
  Problem problem{.length = 16384};
  for (std::string_view name : {"cpu", "sm_90"}) {
    const Chip &chip = *findChip(name);
    std::vector<Candidate> best = candidates(problem, chip, 6);
    ASSERT_EQ(best.size(), 6u);
    EXPECT_EQ(best.front().digits.radices, choose(problem, chip)->digits.radices);
    for (size_t i = 0; i < best.size(); ++i) {
      EXPECT_GE(best[i].digits.points(), problem.length);
      EXPECT_EQ(best[i].cost, cost(best[i].digits, problem, chip));
      if (i > 0) {
        EXPECT_LE(best[i - 1].cost, best[i].cost);
        EXPECT_NE(best[i - 1].digits.radices, best[i].digits.radices);
      }
    }
  }
  EXPECT_TRUE(candidates({.length = maxLength() + 1}, *findChip("cpu"), 6).empty());
}

TEST(Planner, RefusesLengthsBeyondItsReach) {
  EXPECT_TRUE(choose({.length = maxLength()}, *findChip("cpu")).has_value());
  EXPECT_FALSE(choose({.length = maxLength() + 1}, *findChip("cpu")).has_value());
}
