//===- Steps.cpp - The steps of a schedule --------------------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tries the few candidates there are (load transposed or not, each mma left or right), and follows their layouts.
//
//===----------------------------------------------------------------------===//

#include "Steps.h"
#include "Homes.h"

#include <algorithm>
#include <array>
#include <span>

using namespace fftconv::monarch;

namespace {
struct Op {
  StepKind kind;
  int digit = 0;
  bool inverse = false;
};

class Generator {
public:
  Generator(std::vector<int64_t> radices, const ScheduleRequest &request, const Arrangement &arrangement)
      : radices(std::move(radices)), request(request), arrangement(arrangement), first(request.first()) {}

  std::optional<std::vector<Step>> schedule(int split) {
    int last = static_cast<int>(radices.size()) - 1;
    std::vector<int> outer, inner;
    for (int j = first; j <= last; ++j)
      (j <= split ? outer : inner).push_back(j);
    if (split > 0 && outer.empty())
      return std::nullopt;
    matrices = {last};
    if (request.warpgroups) {
      if (split == 0 || radices[first] < tile || radices[last] < tile)
        return std::nullopt;
      matrices.insert(first);
    } else if (!addPartner(outer) || !addPartner(inner)) {
      return std::nullopt;
    }
    // At the real ends there is one plane.
    if (request.rightAngle && matrices.contains(first) && radices[first] < tile)
      return std::nullopt;
    auto there = [](const std::vector<int> &group, std::vector<Op> &ops) {
      for (int j : group) {
        ops.push_back({StepKind::Twiddle, j, false});
        ops.push_back({StepKind::Left, j, false});
      }
    };
    auto back = [](const std::vector<int> &group, std::vector<Op> &ops) {
      for (auto j = group.rbegin(); j != group.rend(); ++j) {
        ops.push_back({StepKind::Left, *j, true});
        ops.push_back({StepKind::Twiddle, *j, true});
      }
    };
    std::vector<Op> begin, middle, end;
    there(inner, middle);
    middle.push_back({StepKind::Product});
    back(inner, middle);
    std::vector<Step> steps = {{StepKind::CopyIn}};
    auto add = [&](int done, const std::vector<int> &group, const std::vector<Op> &ops) {
      std::optional<std::vector<Step>> part = phase(done, group, ops);
      if (part)
        steps.insert(steps.end(), part->begin(), part->end());
      return part.has_value();
    };
    there(outer, begin);
    back(outer, end);
    // Blocks lie in the registers of a lane that multiplies them with spectra.
    if (request.blocks)
      inner.push_back(1);
    if ((split && !add(0, outer, begin)) || !add(split, inner, middle) || (split && !add(split, outer, end)))
      return std::nullopt;
    steps.push_back({StepKind::CopyOut});
    return steps;
  }

private:
  std::vector<int64_t> radices;
  ScheduleRequest request;
  Arrangement arrangement;
  /// The first digit that is transformed.
  int first;
  /// Digits that matrix products transform.
  std::set<int> matrices;

  /// A tile has two sides, and the last digit takes one: the other is for the first digit of 16 values in a phase, or of 8.
  bool addPartner(const std::vector<int> &group) {
    int last = static_cast<int>(radices.size()) - 1;
    for (int64_t size : {tile, halfTile}) {
      auto isPartner = [&](int j) { return j != last && radices[j] == size; };
      auto partner = std::ranges::find_if(group, isPartner);
      if (partner == group.end())
        continue;
      matrices.insert(*partner);
      return size < tile || std::count_if(partner, group.end(), isPartner) == 1;
    }
    return true;
  }

  bool isWhole(int digit) const { return !isPowerOfTwo(radices[digit]); }

  /// All bits of some digits; digits 1..done are frequencies already.
  std::vector<Piece> bits(int done, std::span<const int> digits) const {
    std::vector<Piece> result;
    for (int j : digits)
      for (int t = 0; t < bitsOf(radices[j]); ++t)
        result.push_back({j, t, first <= j && j <= done});
    return result;
  }

  /// Where ldmatrix puts the digits if those of `group` are to be transformed; nothing where they do not fit a warp.
  std::optional<Layout> tileLayout(int done, const std::vector<int> &group, bool transposed) {
    int last = static_cast<int>(radices.size()) - 1;
    auto contains = [&](int j) { return std::ranges::find(group, j) != group.end(); };
    auto &inside = transposed ? rowPlaces : columnPlaces, &across = transposed ? columnPlaces : rowPlaces;
    Layout layout(radices);
    auto place = [&](std::span<const Place> places, std::span<const Piece> pieces) {
      for (size_t i = 0; i < std::min(places.size(), pieces.size()); ++i)
        layout.set(places[i], pieces[i]);
    };
    std::vector<int> partner, small;
    for (int j : group)
      if (matrices.contains(j) && j != last)
        partner.push_back(j);
      else if (!matrices.contains(j) && j >= first)
        small.push_back(j);
    // A row of ldmatrix is eight neighbours.
    std::vector<Piece> lastBits = bits(done, std::array{last});
    place(inside, std::span(lastBits).first(contains(last) ? lastBits.size() : 3));
    place(across, bits(done, partner));
    // What a side of the tile does not hold of a digit numbers tiles.
    int tiles = 0;
    for (int j : group)
      for (const Piece &piece : bits(done, std::array{j}))
        if (matrices.contains(j) && !layout.holds(piece))
          layout.set({'u', tiles++}, piece);
    if (tiles + 3 > request.registerBits)
      return std::nullopt;
    // Butterfly digits lie on registers, but not on r0, half of one.
    std::vector<Place> free;
    std::vector<Place> registers = {{'r', 1}, {'r', 2}};
    for (int i = 0; i + 3 < request.registerBits; ++i)
      registers.push_back({'u', i});
    if (request.warpgroups || (arrangement.numbersTiles && !contains(last)))
      std::rotate(registers.begin(), registers.begin() + 2, registers.end());
    for (const Place &p : registers)
      if (!layout.has(p))
        free.push_back(p);
    // No matrix depends on the block: it takes what lies inside of tiles.
    if (request.blocks && contains(1)) {
      std::ranges::stable_partition(free, [](const Place &p) { return p.kind == 'r'; });
      std::vector<Piece> blocks = bits(done, std::array{1});
      if (blocks.size() > free.size())
        return std::nullopt;
      place(free, blocks);
      free.erase(free.begin(), free.begin() + blocks.size());
      std::ranges::stable_partition(free, [](const Place &p) { return p.kind == 'u'; });
    }
    std::vector<Piece> smallBits = bits(done, small);
    if (smallBits.size() > free.size())
      return std::nullopt;
    place(free, smallBits);

    auto fill = [&](std::vector<Place> slots, const std::vector<Piece> &pieces) {
      std::erase_if(slots, [&](const Place &p) { return layout.has(p); });
      std::vector<Piece> rest;
      for (const Piece &piece : pieces)
        if (!layout.holds(piece))
          rest.push_back(piece);
      place(slots, rest);
    };
    // The rest of the tile takes digits that cannot be uniform anyway, so that the others are. Warps take the digits
    // nearest to the group: its matrices and tables depend on those and are then loaded once. The loop has what remains.
    std::vector<int> outside;
    for (int j = 1; j <= last; ++j)
      if (!contains(j) && !isWhole(j))
        outside.push_back(j);
    std::ranges::stable_sort(outside, {}, [&](int j) { return std::pair(j != last, -radices[j]); });
    if (!contains(last) && arrangement.first + 1 < static_cast<int>(outside.size()))
      std::rotate(outside.begin() + 1, outside.begin() + 1 + arrangement.first, outside.end());
    std::vector<Place> slots(columnPlaces.begin(), columnPlaces.end());
    slots.insert(slots.end(), rowPlaces.begin(), rowPlaces.end());
    fill(slots, bits(done, outside));
    std::ranges::stable_sort(outside, {}, [&](int j) {
      // Nothing depends on the block.
      int nearest = last;
      for (int g : group)
        if (g >= first && j >= first)
          nearest = std::min(nearest, std::abs(j - g));
      return std::pair(nearest, j < first ? last + 1 : j);
    });
    outside.push_back(0);
    std::vector<Place> warpPlaces;
    for (int t = 0; t < bitsOf(request.warps); ++t)
      warpPlaces.push_back({'w', t});
    fill(warpPlaces, bits(done, outside));
    std::vector<Piece> rest;
    for (int j = 0; j <= last; ++j)
      if (isWhole(j) && !contains(j))
        rest.push_back({j, Piece::whole, first <= j && j <= done});
      else if (!isWhole(j))
        for (const Piece &piece : bits(done, std::array{j}))
          rest.push_back(piece);
    std::vector<Place> loop;
    for (size_t t = 0; t < rest.size(); ++t)
      loop.push_back({'i', static_cast<int>(t)});
    fill(loop, rest);
    for (const Place &p : slots)
      if (!layout.has(p))
        return std::nullopt;
    for (const Place &p : warpPlaces)
      if (!layout.has(p))
        return std::nullopt;
    // Products of both planes, and what they share tables and spectra with, know no values of a tile that are absent, and no absent tiles.
    if (std::ranges::any_of(group, [&](int j) { return matrices.contains(j) && radices[j] < tile; }))
      for (const auto &[p, piece] : layout.pieces())
        if ((p.kind == 'r' || p.kind == 'u') && !isPowerOfTwo(radices[piece.digit]))
          return std::nullopt;
    return layout;
  }

  /// The steps from one read of shared memory to the next write. Tries both loads and every mma left or right. Prefers a plain write: chips
  /// before sm_90 replace stmatrix by 4-byte stores, which only that form allows.
  std::optional<std::vector<Step>> phase(int done, const std::vector<int> &group, const std::vector<Op> &ops) {
    SharedMap memory(radices);
    int mmas = static_cast<int>(std::ranges::count_if(
        ops, [&](const Op &op) { return op.kind == StepKind::Left && matrices.contains(op.digit); }));
    std::optional<std::vector<Step>> found;
    for (bool transposed : {true, false})
      for (int sides = request.warpgroups ? (1 << mmas) - 1 : 0; sides < 1 << mmas; ++sides) {
        std::optional<Layout> layout = tileLayout(done, group, transposed);
        std::vector<Step> steps;
        auto push = [&](StepKind kind, int digit = 0, bool inverse = false) {
          steps.push_back({kind, digit, inverse, *layout});
        };
        if (layout)
          push(StepKind::Read);
        // The first mma takes the highest bit of `sides`, as nested loops would.
        int mma = mmas;
        for (const Op &op : ops) {
          if (!layout)
            break;
          StepKind kind = op.kind;
          if (kind == StepKind::Left) {
            kind = !matrices.contains(op.digit) ? StepKind::Butterfly
                   : (sides >> --mma & 1)       ? StepKind::Right
                                                : StepKind::Left;
            layout = layout->afterDft(op.digit, op.inverse,
                                      kind == StepKind::Left    ? Layout::Dft::Left
                                      : kind == StepKind::Right ? Layout::Dft::Right
                                                                : Layout::Dft::Butterfly);
          }
          if (layout)
            push(kind, op.digit, op.inverse);
        }
        if (!layout)
          continue;
        std::optional<MatrixAccess> access = matrixAccess(*layout, memory);
        if (!access)
          continue;
        push(StepKind::Write);
        if (!access->transposed)
          return steps;
        if (!found)
          found = steps;
      }
    return found;
  }
};
} // namespace

std::optional<std::vector<Step>> fftconv::monarch::generateSteps(const std::vector<int64_t> &radices, int split,
                                                                 const ScheduleRequest &request,
                                                                 const Arrangement &arrangement) {
  return Generator(radices, request, arrangement).schedule(split);
}
