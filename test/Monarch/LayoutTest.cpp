//===- LayoutTest.cpp - Layouts, fragments, swizzles ----------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "fftconv/Monarch/Schedule.h"

#include "gtest/gtest.h"

#include <numeric>

using namespace fftconv::monarch;

TEST(Layout, FragmentsChain) {
  // D is the A operand of tile W^T as it stands, and two B operands of W tile^T.
  for (int lane = 0; lane < 32; ++lane)
    for (int half = 0; half < 2; ++half)
      for (int reg = 0; reg < 4; ++reg) {
        auto [row, column] = fragmentIndex(Fragment::D, lane, reg);
        EXPECT_EQ(fragmentIndex(Fragment::A, lane, reg + 4 * half), std::pair(row, column + 8 * half));
        // The B operand that contracts D's column, of the rows with r1 = half: register (pair, column half).
        auto [k, n] = fragmentIndex(Fragment::B, lane, reg);
        auto [m, c] = fragmentIndex(Fragment::A, lane, reg % 2 + 2 * half + reg / 2 * 4);
        EXPECT_EQ(std::pair(m, c), std::pair(n + 8 * half, k));
      }
}

TEST(Layout, TransformsOnlyWhatLiesOnColumns) {
  Layout layout({1, 16, 16});
  for (int t = 0; t < 4; ++t) {
    layout.set(columnPlaces[t], {1, t});
    layout.set(rowPlaces[t], {2, t});
  }
  EXPECT_FALSE(layout.afterDft(2, false, Layout::Dft::Left).has_value());
  EXPECT_FALSE(layout.afterDft(1, true, Layout::Dft::Left).has_value()) << "it is time, not frequency";
  EXPECT_FALSE(layout.afterDft(1, false, Layout::Dft::Butterfly).has_value());
  std::optional<Layout> left = layout.afterDft(1, false, Layout::Dft::Left);
  ASSERT_TRUE(left.has_value());
  EXPECT_EQ(spell(left->on(columnPlaces), left->radices()), "n2");
  EXPECT_EQ(spell(left->on(rowPlaces), left->radices()), "k1");
  EXPECT_EQ(Layout::difference(layout, *left), (std::set<char>{'l', 'r'}));
  EXPECT_EQ(Layout::difference(*left, *left), std::set<char>());
}

TEST(Layout, SpellsPieces) {
  std::vector<int64_t> radices = {4, 16, 8, 7};
  auto text = [&](std::vector<Piece> pieces) { return spell(pieces, radices); };
  EXPECT_EQ(text({}), "-");
  EXPECT_EQ(text({{1, 0}, {1, 1}, {1, 2}, {1, 3}}), "n1");
  EXPECT_EQ(text({{1, 0}, {1, 1}, {1, 2}, {2, 0, true}}), "n1.0-2 k2.0");
  EXPECT_EQ(text({{3, Piece::whole, true}, {0, 0}, {0, 1}}), "k3 b");
}

TEST(Layout, SwizzlesArePermutations) {
  for (std::vector<int64_t> radices : {std::vector<int64_t>{1, 16, 3, 16}, {1, 16, 6, 16}, {2, 16, 4, 16}}) {
    std::optional<Schedule> schedule = makeSchedule({radices.begin() + 1, radices.end()}, {.warps = 4});
    ASSERT_TRUE(schedule.has_value());
    SharedMap memory = schedule->memory();
    int64_t size = schedule->radices[0] * schedule->points();
    std::set<int64_t> seen;
    for (int64_t i = 0; i < size; ++i) {
      std::vector<int64_t> d(schedule->radices.size());
      int64_t rest = i;
      for (size_t j = d.size(); j-- > 0; rest /= schedule->radices[j])
        d[j] = rest % schedule->radices[j];
      int64_t address = memory.address(d);
      EXPECT_EQ(address / 64, i / 64) << "a line of 128 bytes keeps what it holds";
      seen.insert(address);
    }
    EXPECT_EQ(static_cast<int64_t>(seen.size()), size);
  }
}

TEST(Layout, CountsBankConflicts) {
  std::vector<int64_t> rows(32);
  std::iota(rows.begin(), rows.end(), 0);
  auto scaled = [&](int64_t stride) {
    std::vector<int64_t> result;
    for (int64_t row : rows)
      result.push_back(row * stride);
    return result;
  };
  EXPECT_EQ(wavefronts(scaled(8), 16), 4);
  EXPECT_EQ(wavefronts(scaled(64), 16), 32);
  EXPECT_EQ(wavefronts(scaled(2), 4), 1);
  EXPECT_EQ(wavefronts(scaled(4), 4), 2);
  EXPECT_EQ(wavefronts(std::vector<int64_t>(32, 7 * 2), 4), 1) << "one word to all lanes";
}
