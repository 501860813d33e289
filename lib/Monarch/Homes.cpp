//===- Homes.cpp - Who applies which twiddles -----------------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tries every way to give the pairs of digits to matrices, butterflies and products, and takes the cheapest.
//
//===----------------------------------------------------------------------===//

#include "Homes.h"
#include "KernelParts.h"

#include <algorithm>
#include <array>
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

/// Whether a product with the pairs that a digit has with others, by what of them depends on both (see stageFactor), turns by less than 100 degrees.
static bool canShear(const std::vector<int64_t> &radices, const std::set<int> &matrices, int stage,
                     const std::vector<int> &others) {
  double most = 0;
  for (int i : others) {
    double n = static_cast<double>(radices[stage] - 1) / (matrices.contains(i) ? 2 : 1), points = 1;
    for (int d = i; d <= stage; ++d)
      points *= static_cast<double>(radices[d]);
    most += static_cast<double>(radices[i] - 1) / 2 * n / points;
  }
  return most <= 100.0 / 360;
}

bool fftconv::monarch::canShear(const Schedule &schedule, int digit) {
  return ::canShear(schedule.radices, schedule.matrices, digit, dependences(schedule, HomeKind::Product, digit));
}

Homes fftconv::monarch::chooseHomes(const std::vector<int64_t> &radices, const std::vector<Step> &steps,
                                    const std::set<int> &matrices, const ScheduleRequest &request) {
  bool rightAngle = request.rightAngle;
  const int first = request.first();
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
      // What four warps multiply with is the same for them.
      bool amongFour = request.warpgroups && std::ranges::any_of(step.layout.placesOf(digit), [](const Place &p) {
                         return p.kind == 'w' && p.index < 2;
                       });
      return step.layout.uniform(digit, parts) && !amongFour;
    });
  };
  std::vector<std::pair<int, int>> pairs;
  std::vector<std::vector<Home>> options;
  for (int i = first; i <= last; ++i)
    for (int j = i + 1; j <= last; ++j) {
      pairs.push_back({i, j});
      options.emplace_back();
      for (auto [stage, other] : {std::pair(i, j), std::pair(j, i)})
        if (matrices.contains(stage) && uniform(other, stage))
          options.back().push_back({HomeKind::Matrix, stage});
      // The constants of butterflies may differ between lanes.
      options.back().push_back({matrices.contains(j) ? HomeKind::Product : HomeKind::Butterfly, j});
    }
  // What a home costs that applies pairs with some digits (a bit each); asked for often.
  Digits all{{radices.begin() + 1, radices.end()}, rightAngle, request.blocks};
  struct Part {
    Homes::Cost cost;
    bool known = false;
  };
  std::vector<Part> parts(size_t(3) * (last + 1) << (last + 1));
  auto partOf = [&](HomeKind kind, int stage, unsigned mask) -> const Homes::Cost & {
    Part &part = parts[((static_cast<size_t>(kind) * (last + 1) + stage) << (last + 1)) + mask];
    if (part.known)
      return part.cost;
    part.known = true;
    std::set<int> digits;
    for (int j = 1; j <= last; ++j)
      if (mask >> j & 1)
        digits.insert(j);
    bool matrix = kind == HomeKind::Matrix;
    double radix = static_cast<double>(radices[stage]);
    // There and back.
    std::vector<int> depends(digits.begin(), digits.end());
    bool shears = kind == HomeKind::Product && ::canShear(radices, matrices, stage, depends);
    double slots = matrix ? 0 : shears ? 28 : kind == HomeKind::Product ? 36 : 36 * (radix - 1) / radix, words = 0;
    if (!matrix)
      depends.push_back(stage);
    // What warpgroups multiply by lies in shared memory.
    for (const Step &step : steps)
      if (isDft(step.kind) && step.digit == stage && !(matrix && request.warpgroups))
        words += tableLoads(all, step.layout, depends, matrix && radices[stage] == tile ? 8 : 2,
                            /*inLine=*/false, request.rows, request.rowsAtOnce, {})
                     .words;
    part.cost.slots = slots + (0.25 + (warpOwns(all) ? 0 : slotsPerLoad)) * words;
    part.cost.entries = matrix ? radices[stage] * radices[stage] : radices[stage];
    for (int digit : digits)
      part.cost.entries *= radices[digit];
    return part.cost;
  };
  std::vector<size_t> choice(pairs.size()), chosen;
  std::optional<Homes::Cost> least;
  while (true) {
    // Of each digit, those that its matrix takes along, and those that its butterfly or a product does.
    std::array<unsigned, mostDigits + 1> absorbed = {}, others = {};
    unsigned relieved = 0;
    for (size_t p = 0; p < pairs.size(); ++p) {
      auto [i, j] = pairs[p];
      const Home &home = options[p][choice[p]];
      (home.kind == HomeKind::Matrix ? absorbed : others)[home.stage] |= 1u << (i + j - home.stage);
      relieved |= (home == Home{HomeKind::Matrix, i}) << j;
    }
    Homes::Cost here;
    auto add = [&](HomeKind kind, int stage, unsigned mask) {
      const Homes::Cost &part = partOf(kind, stage, mask);
      here.slots += part.slots;
      here.entries += part.entries;
    };
    for (int j = first; j <= last; ++j)
      if (matrices.contains(j)) {
        add(HomeKind::Matrix, j, absorbed[j]);
        if (others[j])
          add(HomeKind::Product, j, others[j]);
      } else if (others[j] || (rightAngle && !(relieved >> j & 1))) { // see twists
        add(HomeKind::Butterfly, j, others[j]);
      }
    if (request.warpgroups) {
      int64_t bytes = 0;
      for (int j : matrices) {
        int64_t each = matrixBytes(radices[j], j == first && rightAngle);
        for (int i = 1; i <= last; ++i)
          each *= absorbed[j] >> i & 1 ? radices[i] : 1;
        bytes += each;
      }
      here.tooMuch = std::max<int64_t>(0, bytes - request.matrixBytes);
    }
    // What is as good must not differ by how sums were rounded.
    here.slots = std::round(16 * here.slots) / 16;
    if (!least || here < *least) {
      least = here;
      chosen = choice;
    }
    size_t p = pairs.size();
    while (p > 0 && ++choice[p - 1] == options[p - 1].size())
      choice[--p] = 0;
    if (p == 0)
      break;
  }
  Homes best{*least, {}};
  for (size_t p = 0; p < pairs.size(); ++p)
    best.homes[pairs[p]] = options[p][chosen[p]];
  return best;
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
    for (int j = schedule.first(); j < static_cast<int>(schedule.radices.size()); ++j)
      if (rightAngleStage(schedule.matrices, schedule.homes, j) == stage)
        angle -= (j == stage ? n : digits[j]) * (rate(schedule.first(), j) / 4); // a digit's share of the right angle
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
