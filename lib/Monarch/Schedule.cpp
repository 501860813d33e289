//===- Schedule.cpp - A convolution as steps of a kernel ------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Generates the few candidates there are (load transposed or not, each mma left or right, where to split the digits), follows their
// layouts, and takes the cheapest that closes.
//
//===----------------------------------------------------------------------===//

#include "Homes.h"
#include "KernelParts.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <functional>
#include <mutex>
#include <numeric>
#include <tuple>

using namespace fftconv::monarch;

int64_t Schedule::points() const {
  return std::accumulate(radices.begin() + 1, radices.end(), int64_t(1), std::multiplies<>());
}

namespace {
struct Op {
  StepKind kind;
  int digit = 0;
  bool inverse = false;
};

/// What digits that a phase does not transform by matrices may do to its tiles where it is an outer one: those of butterflies number tiles, not registers inside of them; places of a tile
/// that are left go to the digits outside in another order. Matrices that absorb a digit which lies inside of a tile serve a half of it.
struct Arrangement {
  bool numbersTiles = false;
  int first = 0;
};

/// Generates schedules for fixed digits; radices[0] counts sequences.
class Generator {
public:
  Generator(std::vector<int64_t> radices, const ScheduleRequest &request, const Arrangement &arrangement)
      : radices(std::move(radices)), request(request), arrangement(arrangement) {}

  std::optional<std::vector<Step>> schedule(int split) {
    int last = static_cast<int>(radices.size()) - 1;
    std::vector<int> outer, inner;
    for (int j = 1; j <= last; ++j)
      (j <= split ? outer : inner).push_back(j);
    matrices = {last};
    if (!addPartner(outer) || !addPartner(inner))
      return std::nullopt;
    // At the real ends there is one plane.
    if (request.rightAngle && matrices.contains(1) && radices[1] != tile)
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
    std::vector<Op> first, middle, end;
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
    there(outer, first);
    back(outer, end);
    if ((split && !add(0, outer, first)) || !add(split, inner, middle) || (split && !add(split, outer, end)))
      return std::nullopt;
    steps.push_back({StepKind::CopyOut});
    return steps;
  }

private:
  std::vector<int64_t> radices;
  ScheduleRequest request;
  Arrangement arrangement;
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
        result.push_back({j, t, 0 < j && j <= done});
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
      if (!matrices.contains(j))
        small.push_back(j);
      else if (j != last)
        partner.push_back(j);
    // A row of ldmatrix is eight neighbours.
    std::vector<Piece> lastBits = bits(done, std::array{last});
    place(inside, std::span(lastBits).first(contains(last) ? lastBits.size() : 3));
    place(across, bits(done, partner));
    // Butterfly digits lie on registers, but not on r0, half of one.
    std::vector<Place> free;
    std::vector<Place> registers = {{'r', 1}, {'r', 2}};
    for (int i = 0; i + 3 < request.registerBits; ++i)
      registers.push_back({'u', i});
    if (arrangement.numbersTiles && !contains(last))
      std::rotate(registers.begin(), registers.begin() + 2, registers.end());
    for (const Place &p : registers)
      if (!layout.has(p))
        free.push_back(p);
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
      int nearest = last;
      for (int g : group)
        nearest = std::min(nearest, std::abs(j - g));
      return std::pair(nearest, j);
    });
    outside.push_back(0);
    std::vector<Place> warpPlaces;
    for (int t = 0; t < bitsOf(request.warps); ++t)
      warpPlaces.push_back({'w', t});
    fill(warpPlaces, bits(done, outside));
    std::vector<Piece> rest;
    for (int j = 0; j <= last; ++j)
      if (isWhole(j) && !contains(j))
        rest.push_back({j, Piece::whole, 0 < j && j <= done});
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
      for (int sides = 0; sides < 1 << mmas; ++sides) {
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

/// The layouts of rows that ldmatrix and stmatrix address, step by step.
static std::vector<Layout> matrixAccesses(const Schedule &schedule) {
  SharedMap plain(schedule.radices);
  std::vector<Layout> accesses;
  for (const Step &step : schedule.steps)
    if (step.kind == StepKind::Read || step.kind == StepKind::Write)
      accesses.push_back(matrixAccess(step.layout, plain)->rows);
  return accesses;
}

/// Whether the last phase leaves the results of each of its tiles where the tile was: no other warp's tile must lie there.
static bool worksInPlace(const Schedule &schedule) {
  auto step = [&](size_t fromEnd) { return schedule.steps.size() - fromEnd; };
  size_t write = step(2), read = write - 1;
  while (schedule.steps[read].kind != StepKind::Read)
    --read;
  auto addresses = [&](size_t n, Coordinates at) {
    const Layout &layout = schedule.steps[n].layout;
    SharedMap memory = schedule.memoryOf(n);
    std::set<int64_t> result;
    for (at.tile = 0; at.tile < layout.tiles(); ++at.tile)
      for (at.lane = 0; at.lane < 32; ++at.lane)
        for (at.reg = 0; at.reg < 8; ++at.reg)
          if (layout.present(at))
            result.insert(memory.address(layout.values(at)));
    return result;
  };
  Coordinates at;
  for (at.warp = 0; at.warp < schedule.warps; ++at.warp)
    for (at.loop = 0; at.loop < schedule.steps[read].layout.trips(); ++at.loop)
      if (addresses(read, at) != addresses(write, at))
        return false;
  return true;
}

namespace {
struct Ranked {
  /// Exchanges, mma, sequences side by side, registers too many, clocks of tables and what they are multiplied with, inner butterflies, entries of tables.
  std::tuple<bool, int64_t, int64_t, int64_t, double, int64_t, int64_t> rank;
  Schedule schedule;
};
} // namespace

/// Registers of a lane for tiles and tables in the phase that has most.
static int64_t registersOf(const Schedule &schedule, const ScheduleRequest &request) {
  int64_t most = 0, tables = 0;
  bool inLine = false;
  for (size_t n = 1; n + 1 < schedule.steps.size(); ++n) {
    const Step &step = schedule.steps[n];
    if (step.kind == StepKind::Read) {
      inLine = tripsInLine(schedule, n, {});
      tables = 0;
    }
    for (HomeKind kind : {HomeKind::Matrix, HomeKind::Butterfly, HomeKind::Product})
      tables += tableLoads(schedule, step, kind, inLine, request.rows, request.rowsAtOnce, {}).held;
    int64_t values = 0;
    Coordinates at;
    for (at.tile = 0; at.tile < step.layout.tiles(); ++at.tile)
      for (at.reg = 0; at.reg < 8; ++at.reg)
        values += step.layout.present(at);
    most = std::max(most, tables + request.rowsAtOnce * values);
  }
  return most;
}

/// The schedule of some steps, ranked; nothing where products turn too far.
static std::optional<Ranked> rank(const std::vector<int64_t> &radices, int split, std::vector<Step> steps,
                                  const ScheduleRequest &request) {
  std::set<int> matrices;
  for (const Step &step : steps)
    if (isMma(step.kind))
      matrices.insert(step.digit);
  Homes homes = chooseHomes(radices, steps, matrices, request);
  if (homes.cost.tooFar > 0)
    return std::nullopt;
  std::erase_if(steps, [&](const Step &step) {
    return step.kind == StepKind::Twiddle && std::ranges::none_of(homes.homes, [&](const auto &home) {
             return home.second == Home{HomeKind::Product, step.digit};
           });
  });
  int64_t mmas = -2 * (radices[1] == tile); // the real ends cost half
  int64_t inner = 0;
  int phase = 0;
  for (const Step &step : steps) {
    phase += step.kind == StepKind::Read;
    mmas += isMma(step.kind) * radices[step.digit] / halfTile;
    inner += phase == (split ? 2 : 1) && step.kind == StepKind::Butterfly;
  }
  Schedule schedule{radices,  request.warps, split, request.rightAngle, steps,
                    matrices, homes.homes,   {},    request.padding};
  schedule.registers = split > 0 ? registersOf(schedule, request) : 0;
  int64_t excess = std::max<int64_t>(0, schedule.registers - roomyRegisters);
  return Ranked{{split > 0, mmas, split ? radices[0] : 0, excess, homes.cost.clocks, inner, homes.cost.entries},
                std::move(schedule)};
}

static std::optional<Ranked> best(const std::vector<int64_t> &order, const ScheduleRequest &request) {
  std::optional<Ranked> best;
  for (int split = 0; split < static_cast<int>(order.size()); ++split) {
    std::vector<std::vector<Step>> seen;
    for (bool numbersTiles : {false, true})
      for (int first = 0; first < (split ? 3 : 1); ++first) {
        std::optional<std::vector<Step>> steps;
        std::vector<int64_t> radices;
        // Sequences side by side only where one has fewer tiles than there are warps.
        for (int rows = 0; !steps && rows <= bitsOf(request.warps); ++rows) {
          radices.assign(1, int64_t(1) << rows);
          radices.insert(radices.end(), order.begin(), order.end());
          steps = Generator(radices, request, {numbersTiles, first}).schedule(split);
        }
        if (!steps || std::ranges::find(seen, *steps) != seen.end())
          continue;
        seen.push_back(*steps);
        std::optional<Ranked> ranked = rank(radices, split, std::move(*steps), request);
        if (ranked && (!best || ranked->rank < best->rank))
          best = std::move(ranked);
      }
  }
  return best;
}

static std::optional<Schedule> finish(std::optional<Ranked> ranked) {
  if (!ranked)
    return std::nullopt;
  Schedule &schedule = ranked->schedule;
  std::vector<Layout> accesses = matrixAccesses(schedule);
  auto solve = [&](size_t first, size_t last) {
    std::span<const Layout> swizzled = std::span(accesses).subspan(first, last - first);
    std::optional<Swizzle> swizzle = solveSwizzle(schedule.radices, swizzled, schedule.padding);
    if (swizzle)
      schedule.swizzle = *swizzle;
    return swizzle.has_value();
  };
  if (!schedule.padding)
    return solve(0, accesses.size()) ? std::optional(std::move(schedule)) : std::nullopt;
  if (!isConflictFree(accesses.front(), schedule.inputMemory()))
    return std::nullopt;
  schedule.leavesRows = true;
  if (isConflictFree(accesses.back(), schedule.resultMemory()) && solve(1, accesses.size() - 1) &&
      (schedule.split == 0 || worksInPlace(schedule)))
    return std::move(schedule);
  schedule.leavesRows = false;
  return solve(1, accesses.size()) ? std::optional(std::move(schedule)) : std::nullopt;
}

std::optional<Schedule> fftconv::monarch::makeSchedule(const std::vector<int64_t> &radices,
                                                       const ScheduleRequest &request) {
  bool legal = radices.size() >= 2 && radices.size() <= mostDigits &&
               (radices.back() == tile || radices.back() == halfTile) && isPowerOfTwo(request.warps) &&
               std::ranges::all_of(radices, [](int64_t r) { return r >= 2 && (r < 9 || r == tile); });
  return legal ? finish(best(radices, request)) : std::nullopt;
}

std::shared_ptr<const Schedule> fftconv::monarch::findSchedule(const std::vector<int64_t> &radices,
                                                               const ScheduleRequest &request) {
  static std::mutex mutex;
  static std::map<std::pair<std::vector<int64_t>, ScheduleRequest>, std::shared_ptr<const Schedule>> known;
  std::lock_guard<std::mutex> lock(mutex);
  auto [entry, isNew] = known.try_emplace({radices, request});
  if (isNew)
    if (std::optional<Schedule> schedule = makeSchedule(radices, request);
        schedule && (schedule->split == 0 || schedule->radices[0] == 1) &&
        (!request.rightAngle || schedule->matrices.contains(1)))
      entry->second = std::make_shared<const Schedule>(std::move(*schedule));
  return entry->second;
}

std::optional<Schedule> fftconv::monarch::makeSchedule(int64_t points, const ScheduleRequest &request) {
  if (!isPowerOfTwo(points) || points < tile * tile)
    return std::nullopt;
  int bits = bitsOf(points);
  std::vector<int64_t> sixteens(bits / 4, tile);
  int64_t small = int64_t(1) << bits % 4;
  std::optional<Ranked> found;
  // A row of ldmatrix is eight elements of the last digit, so the small radix goes anywhere but last.
  for (size_t at = 0; at < (small == 1 ? 1 : sixteens.size()); ++at) {
    std::vector<int64_t> order = sixteens;
    if (small > 1)
      order.insert(order.begin() + at, small);
    std::optional<Ranked> ranked = best(order, request);
    if (ranked && (!found || ranked->rank < found->rank))
      found = std::move(ranked);
  }
  return finish(std::move(found));
}

std::vector<StepCost> fftconv::monarch::stepCosts(const Schedule &schedule) {
  int last = 0, first = -1;
  for (size_t n = 0; n < schedule.steps.size(); ++n)
    if (isDft(schedule.steps[n].kind)) {
      last = static_cast<int>(n);
      if (first < 0)
        first = last;
    }
  int64_t elements = schedule.radices[0] * schedule.points();
  std::vector<StepCost> costs(schedule.steps.size());
  for (int n = 0; n < static_cast<int>(costs.size()); ++n) {
    const Step &step = schedule.steps[n];
    StepCost &cost = costs[n];
    // Real data has one plane: before the first transform and after the last.
    int planes = schedule.rightAngle && (n < first || n > last) ? 1 : 2;
    bool copies = step.kind == StepKind::CopyIn || step.kind == StepKind::CopyOut;
    if (copies || step.kind == StepKind::Read || step.kind == StepKind::Write)
      cost.idealWavefronts = planes * elements / 64;
    if (copies)
      cost.wavefronts = cost.idealWavefronts; // a line of 128 bytes to eight lanes, whatever its swizzle
    if (step.kind == StepKind::Read || step.kind == StepKind::Write) {
      SharedMap memory = schedule.memoryOf(n);
      Layout rows = matrixAccess(step.layout, memory)->rows;
      Coordinates at;
      for (at.warp = 0; at.warp < rows.warps(); ++at.warp)
        for (at.loop = 0; at.loop < rows.trips(); ++at.loop)
          for (at.tile = 0; at.tile < rows.tiles(); ++at.tile) {
            std::array<int64_t, 32> addresses = rowAddresses(rows, memory, at);
            for (int matrix = 0; matrix < 4; ++matrix) {
              Coordinates row = at;
              row.lane = 8 * matrix;
              if (rows.present(row))
                cost.wavefronts += planes * wavefronts(std::span(addresses).subspan(8 * matrix, 8), 16);
            }
          }
    }
    if (isMma(step.kind)) {
      int64_t tiles = 0;
      const Layout &layout = step.layout;
      Coordinates at;
      // Half tiles of eight columns (or rows, which become columns) that hold anything.
      for (at.warp = 0; at.warp < layout.warps(); ++at.warp)
        for (at.loop = 0; at.loop < layout.trips(); ++at.loop)
          for (at.tile = 0; at.tile < layout.tiles(); ++at.tile)
            for (at.reg = 0; at.reg < 8; at.reg += 4)
              tiles += layout.present(at);
      bool half = schedule.takesBothPlanes(step.digit) || (schedule.rightAngle && (n == first || n == last));
      cost.mma = tiles * (half ? 2 : 4);
    }
    // Data of one warp for another: between the outer phases and the inner one, and where threads copy what warps transform.
    bool side = step.kind == StepKind::Read || step.kind == StepKind::CopyOut;
    cost.barriers = side && schedule.split > 0 && schedule.warps > 1;
  }
  return costs;
}

StepCost fftconv::monarch::totalCost(const Schedule &schedule) {
  StepCost total;
  for (const StepCost &cost : stepCosts(schedule)) {
    total.mma += cost.mma;
    total.wavefronts += cost.wavefronts;
    total.idealWavefronts += cost.idealWavefronts;
    total.barriers += cost.barriers;
  }
  return total;
}
