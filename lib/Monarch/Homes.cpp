//===- Homes.cpp - Who applies which twiddles -----------------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tries every way to give the pairs of digits to matrices, butterflies and products, and takes the cheapest.
//
//===----------------------------------------------------------------------===//

#include "Homes.h"

#include <algorithm>
#include <cmath>

using namespace fftconv::monarch;

/// The stage that applies a digit's share of the right angle.
static int rightAngleStage(const std::set<int> &matrices, const HomeMap &homes, int digit) {
  int stage = digit;
  if (!matrices.contains(digit))
    for (const auto &[pair, home] : homes) {
      if (home == Home{HomeKind::Butterfly, digit})
        return digit;
      if (pair.second == digit && home == Home{HomeKind::Matrix, pair.first} && stage == digit)
        stage = pair.first;
    }
  return stage;
}

static bool twists(const std::set<int> &matrices, const HomeMap &homes, bool rightAngle, int digit) {
  return !matrices.contains(digit) && ((rightAngle && rightAngleStage(matrices, homes, digit) == digit) ||
                                       std::ranges::any_of(homes, [&](const auto &at) {
                                         return at.second == Home{HomeKind::Butterfly, digit};
                                       }));
}

bool fftconv::monarch::twists(const Schedule &schedule, int digit) {
  return ::twists(schedule.matrices, schedule.homes, schedule.rightAngle, digit);
}

Homes fftconv::monarch::chooseHomes(const std::vector<int64_t> &radices, const std::vector<Step> &steps,
                                    const std::set<int> &matrices, bool rightAngle) {
  int last = static_cast<int>(radices.size()) - 1;
  // In every mma of this stage, both ways: a product from the left has one for each half of the result, one of both planes is of a quarter of a tile.
  auto uniform = [&](int digit, int stage) {
    return std::ranges::all_of(steps, [&](const Step &step) {
      if (!isDft(step.kind) || step.digit != stage)
        return true;
      std::set<Place> parts;
      if (radices[stage] < tile)
        parts = {{'r', 1}, {'r', 2}};
      else if (step.kind == StepKind::Left)
        parts = {{'r', 2}};
      return step.layout.uniform(digit, parts);
    });
  };
  std::vector<std::pair<int, int>> pairs;
  std::vector<std::vector<Home>> options;
  for (int i = 1; i <= last; ++i)
    for (int j = i + 1; j <= last; ++j) {
      pairs.push_back({i, j});
      options.emplace_back();
      for (auto [stage, other] : {std::pair(i, j), std::pair(j, i)})
        if (matrices.contains(stage) && uniform(other, stage))
          options.back().push_back({HomeKind::Matrix, stage});
      // The constants of butterflies may differ between lanes.
      options.back().push_back({matrices.contains(j) ? HomeKind::Product : HomeKind::Butterfly, j});
    }
  // What a digit adds to the cost of a stage's table that depends on it: in how far a product turns (in whole turns, see stageFactor), and in words of a lane.
  int digits = last + 1;
  std::vector<std::vector<double>> turns(digits, std::vector<double>(digits));
  std::vector<std::vector<int64_t>> words(digits, std::vector<int64_t>(digits, 1));
  for (int stage = 1; stage <= last; ++stage) {
    const Layout &layout =
        std::ranges::find_if(steps, [&](const Step &step) { return isDft(step.kind) && step.digit == stage; })->layout;
    double points = static_cast<double>(radices[stage]);
    for (int i = stage - 1; i >= 1; --i) {
      points *= static_cast<double>(radices[i]);
      double n = static_cast<double>(radices[stage] - 1) / (matrices.contains(i) ? 2 : 1);
      turns[stage][i] = static_cast<double>(radices[i] - 1) / 2 * n / points;
    }
    for (int digit = 1; digit <= last; ++digit)
      for (const Place &p : layout.placesOf(digit))
        words[stage][digit] *= p.kind == 'u' || (p.kind == 'r' && p.index > 0) ? 2 : 1;
  }
  constexpr int64_t mostEntries = 64 * tile * tile;
  // Sets of digits that tables depend on, by kind and stage; there are up to 3^10 choices for five digits.
  using Depends = std::array<std::vector<uint32_t>, 3>;
  auto cost = [&](const std::vector<Home> &homes) {
    Depends depends;
    depends.fill(std::vector<uint32_t>(digits));
    auto of = [&](HomeKind kind, int stage) -> uint32_t & { return depends[static_cast<size_t>(kind)][stage]; };
    for (size_t p = 0; p < pairs.size(); ++p)
      of(homes[p].kind, homes[p].stage) |= 1u << (pairs[p].first + pairs[p].second - homes[p].stage);
    Homes::Cost here;
    for (int stage = 1; stage <= last; ++stage) {
      bool matrix = matrices.contains(stage), rightAngleElsewhere = false;
      for (int i = 1; i < stage; ++i)
        rightAngleElsewhere |= of(HomeKind::Matrix, i) >> stage & 1;
      // See twists(). Of two values without a right angle a twist is worth less than registers for more matrices.
      if (!matrix && (rightAngle || radices[stage] > 2))
        here.twisted += of(HomeKind::Butterfly, stage) || (rightAngle && !rightAngleElsewhere);
      for (HomeKind kind : {HomeKind::Matrix, HomeKind::Butterfly, HomeKind::Product}) {
        uint32_t set = of(kind, stage);
        if (!set && (kind != HomeKind::Matrix || !matrix))
          continue;
        // A matrix of 16 has 12 words, one of both planes 4, with negatives; a product differs with its own digit as well.
        int64_t entries = kind == HomeKind::Matrix ? radices[stage] * radices[stage] : radices[stage];
        int64_t lane = kind != HomeKind::Matrix ? 2 : radices[stage] == tile ? 12 : 4;
        double turn = 0;
        if (kind == HomeKind::Product)
          lane *= words[stage][stage];
        for (int digit = 1; digit <= last; ++digit)
          if (set >> digit & 1) {
            entries *= radices[digit];
            lane *= words[stage][digit];
            turn += turns[stage][digit];
          }
        here.products += kind == HomeKind::Product;
        here.tooFar += kind == HomeKind::Product && turn > 100.0 / 360;
        here.twisted += kind == HomeKind::Matrix && entries > mostEntries;
        here.entries += entries;
        here.words += lane;
      }
    }
    return here;
  };
  std::optional<Homes> best;
  std::vector<size_t> choice(pairs.size());
  std::vector<Home> homes(pairs.size());
  while (true) {
    for (size_t p = 0; p < pairs.size(); ++p)
      homes[p] = options[p][choice[p]];
    Homes::Cost here = cost(homes);
    if (!best || here < best->cost) {
      best = Homes{here, {}};
      for (size_t p = 0; p < pairs.size(); ++p)
        best->homes[pairs[p]] = homes[p];
    }
    size_t p = pairs.size();
    while (p > 0 && ++choice[p - 1] == options[p - 1].size())
      choice[--p] = 0;
    if (p == 0)
      return *best;
  }
}

Complex fftconv::monarch::stageFactor(const Schedule &schedule, HomeKind kind, int stage, int64_t k, int64_t n,
                                      std::span<const int64_t> digits) {
  // Angles in units of 1 / 16M of a turn, where all of them are whole.
  int64_t turn = 16 * schedule.points(), angle = 0;
  auto rate = [&](int i, int j) {
    int64_t product = 1;
    for (int d = i; d <= j; ++d)
      product *= schedule.radices[d];
    return turn / product;
  };
  int64_t radix = schedule.radices[stage];
  if (kind == HomeKind::Matrix)
    angle += k * n * (turn / radix);
  if (kind != HomeKind::Product && schedule.rightAngle)
    for (int j = 1; j < static_cast<int>(schedule.radices.size()); ++j)
      if (rightAngleStage(schedule.matrices, schedule.homes, j) == stage)
        angle -= (j == stage ? n : digits[j]) * (rate(1, j) / 4); // a digit's share of the right angle
  // Of k n a product has (k - k') (n - n') only, with k' and n' in the middle, or n' = 0 where the first digit has no matrix: the rest depends on one of them, whose matrix takes it.
  for (const auto &[pair, home] : schedule.homes) {
    auto [i, j] = pair;
    bool product = home.kind == HomeKind::Product;
    int64_t twiceK = schedule.radices[i] - 1, twiceN = schedule.matrices.contains(i) ? schedule.radices[j] - 1 : 0;
    if (product && kind == HomeKind::Matrix && i == stage)
      angle += twiceN * k * (rate(i, j) / 2);
    if (product && kind == HomeKind::Matrix && j == stage)
      angle += twiceK * (2 * n - twiceN) * (rate(i, j) / 4);
    if (home != Home{kind, stage})
      continue;
    if (product)
      angle += (2 * digits[i] - twiceK) * (2 * n - twiceN) * (rate(i, j) / 4);
    else
      angle += i == stage ? k * digits[j] * rate(i, j) : n * digits[i] * rate(i, j);
  }
  Complex value = root(-angle, turn);
  return kind == HomeKind::Matrix ? value / std::sqrt(static_cast<double>(radix)) : value;
}

std::vector<int> fftconv::monarch::dependences(const Schedule &schedule, HomeKind kind, int stage) {
  std::set<int> digits;
  for (const auto &[pair, home] : schedule.homes)
    if (home == Home{kind, stage})
      digits.insert(pair.first + pair.second - stage);
  return {digits.begin(), digits.end()};
}
