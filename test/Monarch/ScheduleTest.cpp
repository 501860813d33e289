//===- ScheduleTest.cpp - Schedules, executed -----------------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ScheduleExecutor.h"

#include <numeric>
#include <random>

using namespace fftconv::monarch;

namespace {
/// The spectrum of a filter of M taps in natural order of frequency, at a right angle, by the definition.
std::vector<Complex> spectrumOf(const std::vector<Complex> &taps) {
  int64_t m = taps.size();
  std::vector<Complex> table(4 * m), spectrum(m);
  for (int64_t i = 0; i < 4 * m; ++i)
    table[i] = root(-i, 4 * m);
  std::vector<int64_t> used;
  for (int64_t n = 0; n < m; ++n)
    if (taps[n] != Complex(0))
      used.push_back(n);
  for (int64_t f = 0; f < m; ++f)
    for (int64_t n : used)
      spectrum[f] += taps[n] * table[((4 * f - 1) * n % (4 * m) + 4 * m) % (4 * m)];
  return spectrum;
}

/// Runs a schedule on random data and compares with the direct sum.
void expectConvolution(const Schedule &schedule) {
  std::mt19937_64 random(schedule.points());
  std::normal_distribution<double> normal;
  int64_t m = schedule.points(), sequences = schedule.radices[0];
  std::vector<double> u(sequences * m), taps(m);
  for (double &value : u)
    value = normal(random);
  for (int i = 0; i < 24; ++i)
    taps[random() % m] = normal(random);
  taps[0] = 1, taps[m - 1] = -1;
  // Of each lag of blocks: its taps, and those of the lag before times -i.
  std::vector<Complex> spectrum;
  int64_t block = m / schedule.blockCount();
  for (int64_t begin = 0; begin < m; begin += block) {
    std::vector<Complex> here(taps.begin() + begin, taps.begin() + begin + block);
    for (int64_t n = 0; begin && n < block; ++n)
      here[n] -= Complex(0, taps[begin - block + n]);
    here = spectrumOf(here);
    spectrum.insert(spectrum.end(), here.begin(), here.end());
  }
  std::vector<double> y = Executor(schedule, u).run(spectrum);
  double error = 0, norm = 0;
  for (int64_t b = 0; b < sequences; ++b)
    for (int64_t n = 0; n < m; ++n) {
      double sum = 0;
      for (int64_t j = 0; j <= n; ++j)
        if (taps[j] != 0)
          sum += taps[j] * u[b * m + n - j];
      error += (y[b * m + n] - sum) * (y[b * m + n] - sum);
      norm += sum * sum;
    }
  EXPECT_LT(std::sqrt(error / norm), 1e-12);
}

/// Digits of 16 with a small one behind the first: in a warp, or in a CTA with two inner ones.
std::optional<Schedule> makeWithSmall(int64_t small, bool large, bool rightAngle = true) {
  std::vector<int64_t> radices = {16, small, 16};
  if (large)
    radices.push_back(16);
  return makeSchedule(radices, {.warps = large ? 16 : 4, .registerBits = large ? 5 : 6, .rightAngle = rightAngle});
}

int64_t countSteps(const Schedule &schedule, StepKind kind) {
  return std::ranges::count(schedule.steps, kind, &Step::kind);
}
} // namespace

// The table of the model: digits, sequences, exchanges, barriers, products, mma per 4096 points, wavefronts per 256.
TEST(Schedule, ReproducesTheTableOfPowersOfTwo) {
  struct Row {
    int64_t points;
    int warps, registerBits;
    std::vector<int64_t> radices;
    int64_t exchanges, products, mma, wavefronts;
  };
  for (const Row &row : std::vector<Row>{
           {256, 16, 5, {16, 16, 16}, 0, 2, 384, 16},
           {512, 16, 5, {16, 16, 2, 16}, 0, 2, 384, 16},
           {1024, 16, 5, {16, 16, 4, 16}, 0, 2, 384, 16},
           {2048, 16, 5, {8, 16, 8, 16}, 2, 2, 384, 48},
           {4096, 16, 5, {1, 16, 16, 16}, 2, 2, 640, 48},
           {8192, 16, 5, {1, 16, 2, 16, 16}, 2, 2, 640, 48},
           {16384, 16, 5, {1, 16, 4, 16, 16}, 2, 2, 640, 48},
           {32768, 16, 5, {1, 16, 8, 16, 16}, 2, 2, 640, 48},
           {512, 16, 3, {8, 16, 2, 16}, 2, 2, 384, 48},
           {1024, 16, 3, {4, 4, 16, 16}, 2, 2, 512, 48},
           {4096, 16, 3, {1, 16, 16, 16}, 2, 2, 640, 48},
           {8192, 16, 3, {1, 16, 2, 16, 16}, 2, 2, 640, 48},
           {1024, 4, 5, {4, 16, 4, 16}, 0, 2, 384, 16},
           {2048, 8, 4, {1, 16, 8, 16}, 2, 2, 512, 48},
           {32768, 8, 5, {1, 16, 8, 16, 16}, 2, 2, 640, 48},
       }) {
    SCOPED_TRACE(testing::Message() << row.points << " points, " << row.warps << " warps");
    std::optional<Schedule> schedule = makeSchedule(row.points, {row.warps, row.registerBits});
    ASSERT_TRUE(schedule.has_value());
    EXPECT_EQ(schedule->radices, row.radices);
    EXPECT_EQ(countSteps(*schedule, StepKind::Read) - 1, row.exchanges);
    EXPECT_EQ(countSteps(*schedule, StepKind::Twiddle), row.products);
    StepCost cost = totalCost(*schedule);
    int64_t elements = row.points * row.radices[0];
    EXPECT_EQ(cost.mma * 4096 / elements, row.mma);
    EXPECT_EQ(cost.wavefronts * 256 / elements, row.wavefronts);
    EXPECT_EQ(cost.wavefronts, cost.idealWavefronts);
    EXPECT_EQ(cost.barriers, 2 * row.exchanges);
    expectConvolution(*schedule);
  }
}

// Small digits of any radix up to eight, in a warp and in a CTA.
TEST(Schedule, RunsEverySmallRadix) {
  for (int64_t small = 2; small <= 8; ++small)
    for (bool large : {false, true}) {
      SCOPED_TRACE(testing::Message() << small << (large ? ", two inner digits" : ""));
      std::optional<Schedule> schedule = makeWithSmall(small, large);
      ASSERT_TRUE(schedule.has_value());
      EXPECT_EQ(schedule->split, large ? 2 : 0);
      StepCost cost = totalCost(*schedule);
      int64_t elements = schedule->points() * schedule->radices[0];
      EXPECT_EQ(cost.mma, elements * (large ? 640 : 384) / 4096);
      EXPECT_EQ(cost.wavefronts, cost.idealWavefronts);
      expectConvolution(*schedule);
    }
}

// Digits of 8 values whose real and imaginary parts are one mma: half of the work of those of 16.
TEST(Schedule, TransformsBothPlanesAtOnce) {
  struct Row {
    std::vector<int64_t> radices;
    int warps, split;
    /// Of both planes; mma for 4096 points.
    std::set<int> eights;
    int64_t mma;
    bool rightAngle = true;
  };
  for (const Row &row : std::vector<Row>{
           {{16, 2, 8}, 4, 0, {3}, 256},
           {{16, 8, 8}, 1, 0, {3}, 256},
           {{16, 4, 8, 8}, 8, 1, {3, 4}, 384},
           {{16, 4, 8, 8}, 16, 1, {3, 4}, 384},
           {{16, 8, 8, 8}, 8, 2, {3, 4}, 384},
           {{16, 3, 16, 8}, 8, 2, {4}, 512},
           {{16, 4, 8, 16}, 16, 2, {3}, 512},
           {{16, 4, 2, 8, 8}, 16, 2, {4, 5}, 384},
           {{16, 5, 2, 8, 8}, 8, 2, {4, 5}, 384},
           {{16, 8, 4, 8, 8}, 16, 2, {4, 5}, 384},
           {{16, 7, 8, 8, 8}, 16, 2, {3, 5}, 384},
           {{8, 8, 8, 8}, 8, 2, {1, 3, 4}, 384, false},
       }) {
    SCOPED_TRACE(testing::PrintToString(row.radices) + ", " + std::to_string(row.warps) + " warps");
    std::optional<Schedule> schedule = makeSchedule(row.radices, {.warps = row.warps, .rightAngle = row.rightAngle});
    ASSERT_TRUE(schedule.has_value());
    EXPECT_EQ(schedule->split, row.split);
    for (int digit = 1; digit <= static_cast<int>(row.radices.size()); ++digit)
      EXPECT_EQ(schedule->takesBothPlanes(digit), row.eights.contains(digit)) << digit;
    StepCost cost = totalCost(*schedule);
    EXPECT_EQ(cost.mma, schedule->points() * schedule->radices[0] * row.mma / 4096);
    EXPECT_EQ(cost.wavefronts, cost.idealWavefronts);
    if (row.rightAngle)
      expectConvolution(*schedule);
  }
  EXPECT_FALSE(makeSchedule({8, 8, 8, 8}, {.warps = 8}).has_value()) << "real ends have one plane";
  EXPECT_EQ(findSchedule({4, 16, 16}, {.warps = 4}), nullptr) << "no butterfly of real rows";
  EXPECT_FALSE(makeSchedule({16, 3, 8}, {.warps = 4}).has_value()) << "values of a tile that are absent";
  EXPECT_EQ(findSchedule({8, 3, 8, 8, 8}, {.warps = 16, .rightAngle = false}), nullptr) << "tiles that are absent";
  EXPECT_FALSE(makeSchedule({16, 2, 2, 2, 2, 2, 2, 2, 8}, {}).has_value()) << "so many digits";
}

// A first digit of blocks, in a warp and in a CTA, by products of both sides and of warpgroups: in registers where it is convolved, on any place elsewhere.
TEST(Schedule, ConvolvesBlocks) {
  struct Row {
    std::vector<int64_t> radices;
    int warps, registerBits, split;
    bool warpgroups = false;
  };
  for (const Row &row : std::vector<Row>{
           {{2, 16, 8}, 1, 5, 0},
           {{2, 16, 2, 8}, 1, 5, 0},
           {{2, 16, 3, 16}, 1, 6, 0},
           {{2, 16, 8, 8}, 1, 6, 0},
           {{2, 16, 2, 8, 8}, 8, 5, 2},
           {{4, 16, 4, 8, 8}, 8, 5, 2},
           {{4, 16, 4, 2, 8, 8}, 16, 5, 3},
           {{8, 16, 16, 8}, 8, 5, 2},
           {{2, 16, 4, 16}, 4, 5, 3, true},
           {{4, 16, 4, 2, 16}, 8, 5, 3, true},
       }) {
    SCOPED_TRACE(testing::PrintToString(row.radices));
    std::optional<Schedule> schedule = makeSchedule(row.radices, {.warps = row.warps,
                                                                  .registerBits = row.registerBits,
                                                                  .blocks = true,
                                                                  .warpgroups = row.warpgroups,
                                                                  .matrixBytes = 16384});
    ASSERT_TRUE(schedule.has_value());
    EXPECT_EQ(schedule->split, row.split);
    EXPECT_FALSE(schedule->matrices.contains(1));
    for (const auto &[pair, home] : schedule->homes)
      EXPECT_GT(pair.first, 1);
    StepCost cost = totalCost(*schedule);
    EXPECT_EQ(cost.wavefronts, cost.idealWavefronts);
    expectConvolution(*schedule);
  }
  EXPECT_FALSE(makeSchedule({3, 16, 16}, {.warps = 1, .registerBits = 6, .blocks = true}).has_value());
  EXPECT_FALSE(makeSchedule({2, 16}, {.blocks = true}).has_value());
  EXPECT_FALSE(makeSchedule({2, 16, 16}, {.rightAngle = false, .blocks = true}).has_value());
  EXPECT_FALSE(makeSchedule({8, 16, 8, 8, 8}, {.warps = 16, .registerBits = 3, .blocks = true}).has_value())
      << "registers";
}

// What a butterfly would multiply with is in matrices, also where its digit is on the registers of a tile.
TEST(Schedule, LeavesButterfliesWithoutTwist) {
  for (int64_t small = 2; small <= 8; ++small)
    for (bool large : {false, true})
      for (bool rightAngle : {false, true}) {
        SCOPED_TRACE(testing::Message() << small << (large ? ", two inner digits" : ""));
        std::optional<Schedule> schedule = makeWithSmall(small, large, rightAngle);
        ASSERT_TRUE(schedule.has_value());
        // But where loading so many matrices would take longer.
        EXPECT_EQ(twists(*schedule, 2), large && small > 4);
        EXPECT_FALSE(twists(*schedule, 1));
      }
}

// Where a butterfly numbers tiles, and what else lies in one is none of its matrix's concern, a matrix serves all of a tile.
TEST(Schedule, LoadsAMatrixForATile) {
  std::optional<Schedule> schedule = makeSchedule({16, 4, 4, 8, 8}, {.warps = 16, .rows = 2});
  ASSERT_TRUE(schedule.has_value());
  std::vector<int> depends = dependences(*schedule, HomeKind::Matrix, 1);
  EXPECT_FALSE(depends.empty());
  for (const Step &step : schedule->steps)
    for (int digit : depends)
      EXPECT_TRUE(step.digit != 1 || step.layout.uniform(digit, {})) << digit;
  EXPECT_FALSE(twists(*schedule, 2));
  // With a digit of 8 there are too many tiles for that: it twists instead.
  schedule = makeSchedule({16, 8, 4, 8, 8}, {.warps = 16});
  ASSERT_TRUE(schedule.has_value());
  EXPECT_TRUE(twists(*schedule, 2));
  EXPECT_LE(schedule->registers, 76);
}

// Products are rotations by less than 100 degrees: three shears do them.
TEST(Schedule, TurnsByLittle) {
  for (const std::vector<int64_t> &radices : std::vector<std::vector<int64_t>>{{16, 16},
                                                                               {16, 2, 16},
                                                                               {16, 8, 16},
                                                                               {16, 16, 16},
                                                                               {16, 2, 16, 16},
                                                                               {16, 7, 16, 16},
                                                                               {16, 8, 16, 16},
                                                                               {16, 8, 8},
                                                                               {16, 4, 8, 8},
                                                                               {16, 8, 8, 8},
                                                                               {16, 4, 16, 8},
                                                                               {16, 8, 4, 8, 8},
                                                                               {16, 7, 8, 8, 8}}) {
    bool large = radices.size() >= 4 || radices[1] == 16;
    std::optional<Schedule> schedule =
        makeSchedule(radices, {.warps = large && radices.size() > 2 ? 16 : 4, .registerBits = 6});
    ASSERT_TRUE(schedule.has_value());
    double most = 0;
    std::vector<int64_t> d(schedule->radices.size());
    for (const Step &step : schedule->steps) {
      if (step.kind != StepKind::Twiddle)
        continue;
      std::function<void(size_t)> each = [&](size_t j) {
        if (j == d.size()) {
          most = std::max(
              most, std::abs(std::arg(stageFactor(*schedule, HomeKind::Product, step.digit, 0, d[step.digit], d))));
          return;
        }
        for (d[j] = 0; d[j] < schedule->radices[j]; ++d[j])
          each(j + 1);
      };
      each(1);
    }
    EXPECT_GT(most, 0.1);
    EXPECT_LT(most, 1.8);
  }
}

// The rule that solves both sides of every exchange from 4096 points on; parts of it cost what they cost.
TEST(Schedule, SwizzleIsTheSmallestThatWorks) {
  for (int64_t points : {4096, 8192, 16384, 32768}) {
    std::optional<Schedule> schedule = makeSchedule(points, {});
    ASSERT_TRUE(schedule.has_value());
    int third = static_cast<int>(schedule->radices.size()) - 2;
    Swizzle outer = {{{1, 0}, 1}, {{1, 1}, 2}, {{1, 2}, 4}}, inner = {{{third, 2}, 1}}, both = outer;
    both.merge(Swizzle(inner));
    EXPECT_EQ(schedule->swizzle, both);
    for (auto [swizzle, expected] : {std::pair(both, 48), std::pair(outer, 64), std::pair(inner, 216)}) {
      Schedule changed = *schedule;
      changed.swizzle = swizzle;
      EXPECT_EQ(totalCost(changed).wavefronts * 256, expected * points);
    }
  }
}

// For bulk copies: what a value of digit 1 has is contiguous, with padding behind, and nothing has more wavefronts.
TEST(Schedule, PadsRowsForBulkCopies) {
  for (const std::vector<int64_t> &radices : std::vector<std::vector<int64_t>>{{16, 16},
                                                                               {16, 2, 16},
                                                                               {16, 7, 16},
                                                                               {16, 8, 16},
                                                                               {16, 16, 16},
                                                                               {16, 2, 16, 16},
                                                                               {16, 3, 16, 16},
                                                                               {16, 8, 16, 16}}) {
    bool large = radices.size() > 3 || (radices.size() == 3 && radices[1] == 16);
    SCOPED_TRACE(testing::PrintToString(radices));
    std::optional<Schedule> schedule =
        makeSchedule(radices, {.warps = large ? 16 : 4, .registerBits = large ? 5 : 6, .padding = 8});
    ASSERT_TRUE(schedule.has_value());
    StepCost cost = totalCost(*schedule);
    EXPECT_EQ(cost.wavefronts, cost.idealWavefronts);
    SharedMap rows = schedule->inputMemory();
    int64_t piece = schedule->points() / 16;
    EXPECT_EQ(rows.elements(), schedule->points() + 16 * 8);
    for (int64_t n = 0; n < schedule->points(); ++n) {
      std::vector<int64_t> digits(schedule->radices.size());
      for (size_t j = digits.size(), rest = n; j-- > 1; rest /= schedule->radices[j])
        digits[j] = rest % schedule->radices[j];
      ASSERT_EQ(rows.address(digits), n / piece * (piece + 8) + n % piece);
    }
    // Results are left like rows unless a warp's next tile lies where they would.
    EXPECT_EQ(schedule->leavesRows, !large || radices.size() == 3);
    expectConvolution(*schedule);
  }
}

TEST(Schedule, RefusesWhatDoesNotFit) {
  EXPECT_FALSE(makeSchedule({16, 9, 16}, {}).has_value()) << "no butterfly of nine";
  EXPECT_FALSE(makeSchedule({16, 16, 4}, {}).has_value()) << "a row of ldmatrix is eight elements of the last digit";
  EXPECT_FALSE(makeSchedule({16, 16, 16, 16, 16}, {}).has_value());
  EXPECT_FALSE(makeSchedule(int64_t(1000), {}).has_value());
  EXPECT_FALSE(makeSchedule({16, 7, 16}, {.warps = 16, .registerBits = 3}).has_value());
}
