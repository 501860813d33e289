//===- Layout.cpp - Digits on registers, lanes and warps ------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "fftconv/Monarch/Layout.h"

#include <algorithm>
#include <bit>
#include <cassert>

using namespace fftconv::monarch;

const std::array<Place, 4> fftconv::monarch::columnPlaces = {{{'r', 0}, {'l', 0}, {'l', 1}, {'r', 2}}};
const std::array<Place, 4> fftconv::monarch::rowPlaces = {{{'l', 2}, {'l', 3}, {'l', 4}, {'r', 1}}};

int fftconv::monarch::bitsOf(int64_t radix) { return std::bit_width(static_cast<uint64_t>(radix - 1)); }
bool fftconv::monarch::isPowerOfTwo(int64_t value) { return std::has_single_bit(static_cast<uint64_t>(value)); }

int Layout::count(char kind) const {
  return std::ranges::count_if(map, [&](const auto &entry) { return entry.first.kind == kind; });
}

bool Layout::holds(const Piece &piece) const {
  return std::ranges::any_of(map, [&](const auto &entry) { return entry.second.sameBit(piece); });
}

std::vector<Place> Layout::placesOf(int digit) const {
  std::vector<Place> result;
  for (const auto &[place, piece] : map)
    if (piece.digit == digit)
      result.push_back(place);
  return result;
}

std::vector<Piece> Layout::on(std::span<const Place> places) const {
  std::vector<Piece> result;
  for (const Place &place : places)
    if (has(place))
      result.push_back(at(place));
  return result;
}

std::vector<Place> Layout::places(char kind) const {
  std::vector<Place> result;
  for (const auto &[place, piece] : map)
    if (place.kind == kind)
      result.push_back(place);
  return result;
}

int64_t Layout::trips() const {
  int64_t trips = 1;
  for (const Place &place : places('i'))
    trips *= at(place).index == Piece::whole ? sizes[at(place).digit] : 2;
  return trips;
}

std::vector<int64_t> Layout::values(const Coordinates &at) const {
  std::vector<int64_t> values(sizes.size());
  int64_t loop = at.loop;
  for (const auto &[place, piece] : map) {
    int64_t bit;
    switch (place.kind) {
    case 'r':
      bit = at.reg >> place.index & 1;
      break;
    case 'u':
      bit = at.tile >> place.index & 1;
      break;
    case 'l':
      bit = at.lane >> place.index & 1;
      break;
    case 'w':
      bit = at.warp >> place.index & 1;
      break;
    default: { // The loop counts in mixed radix; its places come in order.
      int64_t size = piece.index == Piece::whole ? sizes[piece.digit] : 2;
      bit = loop % size;
      loop /= size;
    }
    }
    values[piece.digit] += piece.index == Piece::whole ? bit : bit << piece.index;
  }
  return values;
}

int64_t Layout::value(int digit, const Coordinates &at) const { return values(at)[digit]; }

bool Layout::present(const Coordinates &at) const {
  std::vector<int64_t> digits = values(at);
  for (size_t j = 0; j < digits.size(); ++j)
    if (digits[j] >= sizes[j])
      return false;
  return true;
}

bool Layout::uniform(int digit, const std::set<Place> &except) const {
  return std::ranges::none_of(map, [&](const auto &entry) {
    const auto &[place, piece] = entry;
    return piece.digit == digit && (place.kind == 'r' || place.kind == 'l') && !except.contains(place);
  });
}

int64_t Layout::variants(const std::vector<int> &digits) const {
  int64_t count = 1;
  for (int digit : digits)
    for (const Place &p : placesOf(digit))
      count *= p.kind == 'u' || (p.kind == 'r' && p.index > 0) ? 2 : 1;
  return count;
}

std::optional<Layout> Layout::afterDft(int digit, bool inverse, Dft how) const {
  std::vector<Place> places = placesOf(digit);
  for (const Place &place : places)
    if (at(place).frequency != inverse)
      return std::nullopt;
  if (how == Dft::Butterfly) {
    for (const Place &place : places)
      if (place.kind != 'u' && place != Place{'r', 1} && place != Place{'r', 2})
        return std::nullopt;
  } else {
    std::set<Place> there(places.begin(), places.end());
    if (how == Dft::Right) // what columns do not hold tiles do
      std::erase_if(there, [](const Place &place) { return place.kind == 'u'; });
    bool all = there == std::set<Place>(columnPlaces.begin(), columnPlaces.end());
    if (!all &&
        (there.size() < places.size() || there != std::set<Place>(columnPlaces.begin(), columnPlaces.begin() + 3)))
      return std::nullopt;
  }
  Layout after = *this;
  for (const Place &place : places)
    after.map[place].frequency = !inverse;
  if (how == Dft::Left)
    for (size_t i = 0; i < columnPlaces.size(); ++i)
      std::swap(after.map.at(columnPlaces[i]), after.map.at(rowPlaces[i]));
  return after;
}

std::set<char> Layout::difference(const Layout &a, const Layout &b) {
  std::set<char> kinds;
  auto compare = [&](const Layout &x, const Layout &y) {
    for (const auto &[place, piece] : x.map)
      if (!y.has(place) || !y.at(place).sameBit(piece))
        kinds.insert(place.kind);
  };
  compare(a, b);
  compare(b, a);
  return kinds;
}

std::string fftconv::monarch::spell(std::span<const Piece> pieces, const std::vector<int64_t> &radices) {
  std::string text;
  for (size_t i = 0; i < pieces.size();) {
    const Piece &first = pieces[i];
    size_t end = i + 1;
    while (end < pieces.size() && first.index != Piece::whole && pieces[end].digit == first.digit &&
           pieces[end].frequency == first.frequency && pieces[end].index == pieces[end - 1].index + 1)
      ++end;
    int length = static_cast<int>(end - i);
    text += text.empty() ? "" : " ";
    text += first.digit == 0 ? "b" : (first.frequency ? "k" : "n") + std::to_string(first.digit);
    bool all = first.index == Piece::whole || (first.index == 0 && length == bitsOf(radices[first.digit]));
    if (!all)
      text += "." + std::to_string(first.index) + (length > 1 ? "-" + std::to_string(first.index + length - 1) : "");
    i = end;
  }
  return text.empty() ? "-" : text;
}

std::pair<int, int> fftconv::monarch::fragmentIndex(Fragment fragment, int lane, int reg) {
  int group = lane / 4, pair = lane % 4 * 2 + reg % 2, low = reg / 2 % 2, high = reg / 4;
  switch (fragment) {
  case Fragment::A:
    return {group + 8 * low, pair + 8 * high};
  case Fragment::B:
    return {pair + 8 * low, group};
  case Fragment::D:
    return {group + 8 * low, pair};
  case Fragment::Matrices:
    return {group + 8 * low + 16 * high, pair};
  case Fragment::TransposedMatrices:
    return {pair + 8 * low + 16 * high, group};
  }
  return {};
}

SharedMap::SharedMap(std::vector<int64_t> radices, Swizzle swizzle, int64_t padding)
    : radices(std::move(radices)), strides(this->radices.size()), masks(std::move(swizzle)), padding(padding) {
  int64_t stride = 1;
  for (size_t j = strides.size(); j-- > 0; stride *= this->radices[j])
    strides[j] = stride;
}

int SharedMap::pureChunkBits() const {
  int bits = 0;
  for (size_t j = radices.size(); j-- > 0;) {
    bits += std::countr_zero(static_cast<uint64_t>(radices[j]));
    if (!isPowerOfTwo(radices[j]))
      break;
  }
  return std::clamp(bits - 3, 0, 3);
}

int64_t SharedMap::address(std::span<const int64_t> values) const {
  int64_t linear = 0;
  for (size_t j = 0; j < values.size(); ++j)
    linear += values[j] * strides[j];
  for (const auto &[bit, mask] : masks)
    if (values[bit.first] >> bit.second & 1)
      linear ^= int64_t(mask) << 3;
  return linear + values[0] * paddingBelow(0, 0) + values[1] * paddingBelow(1, 0);
}

std::optional<MatrixAccess> fftconv::monarch::matrixAccess(const Layout &layout, const SharedMap &memory) {
  for (bool transposed : {false, true}) {
    auto &inside = transposed ? rowPlaces : columnPlaces, &across = transposed ? columnPlaces : rowPlaces;
    bool neighbours = true;
    for (int i = 0; i < 3; ++i) {
      const Piece &piece = layout.at(inside[i]);
      neighbours &= piece.index != Piece::whole && memory.stride(piece.digit) << piece.index == 1 << i;
    }
    if (!neighbours)
      continue;
    Layout rows(layout.radices());
    for (const auto &[place, piece] : layout.pieces())
      if (place.kind == 'w' || place.kind == 'i' || place.kind == 'u')
        rows.set(place, piece);
    for (int i = 0; i < 3; ++i)
      rows.set({'l', i}, layout.at(across[i]));
    rows.set({'l', 3}, layout.at({'r', 1}));
    rows.set({'l', 4}, layout.at({'r', 2}));
    return MatrixAccess{transposed, rows};
  }
  return std::nullopt;
}

int64_t fftconv::monarch::wavefronts(std::span<const int64_t> addresses, int width) {
  int64_t total = 0;
  size_t lanes = std::min<size_t>(128 / width, addresses.size());
  for (size_t phase = 0; phase < addresses.size(); phase += lanes) {
    std::array<std::set<int64_t>, 32> banks;
    for (size_t lane = phase; lane < phase + lanes; ++lane)
      for (int word = 0; word < std::max(width / 4, 1); ++word) {
        int64_t at = addresses[lane] / 2 + word;
        banks[at % 32].insert(at);
      }
    size_t fullest = 0;
    for (const auto &bank : banks)
      fullest = std::max(fullest, bank.size());
    total += static_cast<int64_t>(fullest);
  }
  return total;
}

std::array<int64_t, 32> fftconv::monarch::rowAddresses(const Layout &rows, const SharedMap &memory, Coordinates at) {
  std::array<int64_t, 32> addresses;
  for (at.lane = 0; at.lane < 32; ++at.lane) {
    std::vector<int64_t> values = rows.values(at);
    // A row that a padded digit does not have is addressed where the digit is zero: what comes from there is not used.
    for (size_t j = 0; j < values.size(); ++j)
      if (values[j] >= rows.radices()[j])
        values[j] = 0;
    addresses[at.lane] = memory.address(values);
  }
  return addresses;
}

bool fftconv::monarch::isConflictFree(const Layout &access, const SharedMap &memory) {
  Coordinates at;
  for (at.warp = 0; at.warp < access.warps(); ++at.warp)
    for (at.loop = 0; at.loop < access.trips(); ++at.loop)
      for (at.tile = 0; at.tile < access.tiles(); ++at.tile) {
        std::array<int64_t, 32> rows = rowAddresses(access, memory, at);
        for (int phase = 0; phase < 32; phase += 8) {
          Coordinates first = at;
          first.lane = phase;
          if (access.present(first) && wavefronts(std::span(rows).subspan(phase, 8), 16) != 1)
            return false;
        }
      }
  return true;
}

std::optional<Swizzle> fftconv::monarch::solveSwizzle(const std::vector<int64_t> &radices,
                                                      std::span<const Layout> accesses, int64_t padding) {
  SharedMap plain(radices);
  int pure = plain.pureChunkBits();
  std::set<std::pair<int, int>> sources;
  for (const Layout &access : accesses)
    for (int lane = 0; lane < 3; ++lane) {
      const Piece &piece = access.at({'l', lane});
      if (plain.stride(piece.digit) << piece.index >= int64_t(8) << pure)
        sources.insert({piece.digit, piece.index});
    }
  std::vector<std::pair<int, int>> bits(sources.begin(), sources.end());
  // With power-of-two radices the map is linear over F2, and so is what it makes of chunk bits that no carry reaches: a conflict anywhere is one at the origin.
  bool linear = padding == 0 && (pure == 3 || std::ranges::all_of(radices, isPowerOfTwo));
  // The rows of the first matrix of each access at the origin: addresses without a swizzle, and which of the sources are one there.
  struct Row {
    int64_t address;
    unsigned ones;
  };
  std::vector<std::array<Row, 8>> origins;
  for (const Layout &access : accesses) {
    std::array<Row, 8> &rows = origins.emplace_back();
    std::array<int64_t, 32> addresses = rowAddresses(access, SharedMap(radices, {}, padding), {});
    for (int lane = 0; lane < 8; ++lane) {
      std::vector<int64_t> values = access.values({.lane = lane});
      rows[lane] = {addresses[lane], 0};
      for (size_t i = 0; i < bits.size(); ++i)
        if (int64_t value = values[bits[i].first]; value < radices[bits[i].first])
          rows[lane].ones |= (value >> bits[i].second & 1) << i;
    }
  }
  // Whether they lie in different banks, or are the same, with these masks of sources.
  auto mayBeFree = [&](const std::array<Row, 8> &rows, const std::vector<int> &masks) {
    std::array<int64_t, 8> chunks;
    chunks.fill(-1);
    for (const Row &row : rows) {
      int64_t chunk = row.address >> 3;
      for (size_t i = 0; i < masks.size(); ++i)
        if (row.ones >> i & 1)
          chunk ^= masks[i];
      int64_t &there = chunks[chunk % 8];
      if (there >= 0 && there != chunk)
        return false;
      there = chunk;
    }
    return true;
  };
  // Every choice of masks, those with the fewest ones first; then as an odometer counts, the last source fastest.
  int width = pure * static_cast<int>(bits.size());
  int64_t count = int64_t(1) << width;
  auto sameOnesAfter = [](int64_t i) {
    int64_t low = i & -i, carried = i + low;
    return carried | ((i ^ carried) / low >> 2);
  };
  for (int64_t ones = 0, choice = 0; ones <= width; choice = (int64_t(1) << ++ones) - 1)
    for (; choice < count; choice = choice ? sameOnesAfter(choice) : count) {
      std::vector<int> masks(bits.size());
      int64_t rest = choice;
      for (size_t i = bits.size(); i-- > 0; rest >>= pure)
        masks[i] = static_cast<int>(rest & ((1 << pure) - 1));
      if (padding == 0 && !std::ranges::all_of(origins, [&](const auto &rows) { return mayBeFree(rows, masks); }))
        continue;
      Swizzle swizzle;
      for (size_t i = 0; i < bits.size(); ++i)
        if (masks[i])
          swizzle[bits[i]] = masks[i];
      SharedMap memory(radices, swizzle, padding);
      auto free = [&](const Layout &access) {
        std::array<int64_t, 32> origin = rowAddresses(access, memory, {});
        return wavefronts(std::span(origin).first(8), 16) == 1 && (linear || isConflictFree(access, memory));
      };
      if (std::ranges::all_of(accesses, free))
        return swizzle;
    }
  return std::nullopt;
}
