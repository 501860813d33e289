//===- TileProducts.cpp - Transforms by matrix products -------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Of one plane of a digit of 16 values, or of both planes of one of 8.
//
//===----------------------------------------------------------------------===//

#include "PhaseEmitter.h"

using namespace mlir;
using namespace fftconv;
using monarch::HomeKind;
using monarch::Level;

monarch::Complex PhaseEmitter::matrixEntry(TileDftOp op, const monarch::Layout &before, int lane, int reg,
                                           const std::vector<int64_t> &values) {
  auto [row, column] = monarch::fragmentIndex(monarch::Fragment::A, lane, reg);
  return matrixEntry(op, before, std::pair(row, column), values);
}

monarch::Complex PhaseEmitter::matrixEntry(TileDftOp op, const monarch::Layout &before, std::pair<int, int> at,
                                           const std::vector<int64_t> &values) {
  int stage = static_cast<int>(op.getDigit());
  bool inverse = op.getInverse();
  // Columns, and tiles where they do not hold the digit.
  std::vector<monarch::Place> places(monarch::columnPlaces.begin(), monarch::columnPlaces.end());
  for (const monarch::Place &p : before.placesOf(stage))
    if (p.kind == 'u')
      places.push_back(p);
  auto valueOf = [&](int index) {
    int64_t value = 0;
    for (int bit = 0; bit < monarch::bitsOf(schedule.radices[stage]); ++bit)
      value |= int64_t(index >> bit & 1) << before.at(places[bit]).index;
    return value;
  };
  int64_t to = valueOf(at.first), from = valueOf(at.second);
  monarch::Complex w = scales.at(op) * monarch::stageFactor(schedule, HomeKind::Matrix, stage, inverse ? from : to,
                                                            inverse ? to : from, values);
  return inverse ? std::conj(w) : w;
}

SmallVector<Value> PhaseEmitter::sumOfProducts(ArrayRef<std::pair<Operand, Operand>> products, bool left,
                                               bool halfSums) {
  Value zero = halfSums ? Value(LLVM::ZeroOp::create(b, k.loc, halves())) : s.f32(0);
  SmallVector<Value> sums(halfSums ? 2 : 4, zero);
  auto add = [&](const SmallVector<Value> &matrix, const SmallVector<Value> &data) {
    sums = left ? emitMma(s, matrix, data, sums, operand()) : emitMma(s, data, matrix, sums, operand());
  };
  // The small products first; that of lo with lo is less than what rounding leaves.
  if (split())
    for (const auto &[matrix, data] : products) {
      add(matrix[1], data[0]);
      add(matrix[0], data[1]);
    }
  for (const auto &[matrix, data] : products)
    add(matrix[0], data[0]);
  return sums;
}

void PhaseEmitter::transformBothPlanes(TileDftOp op) {
  bool left = op.getHow() == How::Left;
  int stage = static_cast<int>(op.getDigit()), parts = static_cast<int>(k.parts());
  monarch::Layout before = layoutOf(op.getX().getType()), after = layoutOf(op.getY().getType());
  std::vector<int> digits = monarch::dependences(schedule, HomeKind::Matrix, stage);
  std::vector<int64_t> slots = slotsOf(before, digits);
  // The bit of packed registers at which two of them have one matrix from the right.
  int pairs = left ? 0 : !(slots.back() & 2) ? 1 : !(slots.back() & 4) ? 2 : 0;
  Level level = levelOf(before, digits, 2 * parts);
  // [slot][part][plane]
  int64_t words = 2 * parts * static_cast<int64_t>(slots.size());
  // Operands that begin with them want pairs of their own.
  Table table = makeTable(outsideTiles(before, digits), level, words, left || pairs ? 2 : 4,
                          [&](int lane, const std::vector<int64_t> &values) {
                            LaneWords result;
                            for (int64_t slot : slots) {
                              std::vector<int64_t> at = valuesAt(before, 0, slot, values);
                              monarch::Complex first = matrixEntry(op, before, lane, 0, at),
                                               second = matrixEntry(op, before, lane, 1, at);
                              for (int part = 0; part < parts; ++part) {
                                result.push_back(packHalves(partOf(first.real(), part), partOf(second.real(), part)));
                                result.push_back(packHalves(partOf(first.imag(), part), partOf(second.imag(), part)));
                              }
                            }
                            return result;
                          });

  Sums kind = sumsOf(op);
  bool halfSums = kind.half, round = kind.round;
  Type element = kind.element;
  forEachState([&](size_t) { split() ? splitUp() : pack(operand()); });
  std::vector<TileValue> results(states.size(), {after, 2, kind.form()});
  // By trip, tile, where tiles differ, and slot: of both planes of the result, or of each.
  std::map<std::tuple<int64_t, int64_t, size_t>, std::array<Operand, 2>> matrices;
  bool byTile = llvm::any_of(digits, [&](int d) { return tilesHold(before, d); });
  auto matrixAt = [&](int64_t tile, int reg) -> const std::array<Operand, 2> & {
    size_t slot = slotAt(slots, 2 * reg);
    auto [entry, isNew] = matrices.try_emplace({trip, byTile ? tile : 0, slot});
    if (isNew) {
      std::vector<Value> all = load(table, before, byTile ? tile : 0);
      OpBuilder::InsertionGuard guard(b);
      moveTo(level);
      for (int part = 0; part < parts; ++part) {
        Value re = asHalves(all[2 * (slot * parts + part)]), im = asHalves(all[2 * (slot * parts + part) + 1]);
        auto &[first, second] = entry->second;
        if (left) {
          first[part] = {re, im, negateHalves(im), another(re)};
        } else if (pairs) {
          first[part] = {re, negateHalves(im)};
          second[part] = {another(im), another(re)};
        } else {
          first[part] = {re, im};
        }
      }
    }
    return entry->second;
  };
  auto transformTile = [&](int64_t tile, size_t state) {
    std::array<std::array<Value, 8>, 2> &y = results[state].data[tile];
    auto &[xr, xi] = x->data[tile];
    // Half of the sums: eight rows of the product.
    auto keep = [&](int plane, int reg, ArrayRef<Value> sums, int half) {
      if (halfSums)
        y[plane][reg] = sums[half];
      else if (round)
        y[plane][reg] = packPair(sums[2 * half], sums[2 * half + 1], element);
      else
        for (int i = 0; i < 2; ++i)
          y[plane][2 * reg + i] = sums[2 * half + i];
    };
    if (pairs) {
      for (int reg = 0; reg < 4; ++reg) {
        int other = reg + pairs;
        if (reg & pairs)
          continue;
        const std::array<Operand, 2> &matrix = matrixAt(tile, reg);
        Operand data;
        for (int part = 0; part < parts; ++part)
          data[part] = {xr[4 * part + reg], xr[4 * part + other], xi[4 * part + reg], xi[4 * part + other]};
        for (int plane = 0; plane < 2; ++plane) {
          SmallVector<Value> sums = sumOfProducts({{matrix[plane], data}}, left, halfSums);
          keep(plane, reg, sums, 0);
          keep(plane, other, sums, 1);
        }
      }
      return;
    }
    for (int reg = 0; reg < 4; ++reg) {
      Operand data;
      for (int part = 0; part < parts; ++part) {
        Value re = xr[4 * part + reg], im = xi[4 * part + reg];
        data[part] = left ? SmallVector<Value>{re, im} : SmallVector<Value>{re, im, negateHalves(im), re};
      }
      SmallVector<Value> sums = sumOfProducts({{matrixAt(tile, reg)[0], data}}, left, halfSums);
      // From the left the sides change places, r1 and r2 among them.
      int to = left ? reg / 2 + reg % 2 * 2 : reg;
      for (int plane = 0; plane < 2; ++plane)
        keep(plane, to, sums, plane);
    }
  };
  for (int64_t tile = 0; tile < before.tiles(); ++tile)
    if (before.present({.tile = tile}))
      forEachState([&](size_t state) { transformTile(tile, state); });
  forEachState([&](size_t state) { x = std::move(results[state]); });
}

void PhaseEmitter::transform(TileDftOp op) {
  if (schedule.warpgroups)
    return transformByWarpgroup(op);
  if (takesBothPlanes(op))
    return transformBothPlanes(op);
  bool left = op.getHow() == How::Left;
  bool realIn = !op.getX().getType().isComplex(), realOut = !op.getY().getType().isComplex();
  Sums kind = sumsOf(op);
  bool halfSums = kind.half, round = kind.round;
  Type element = kind.element;
  int stage = static_cast<int>(op.getDigit());
  monarch::Layout before = layoutOf(op.getX().getType()), after = layoutOf(op.getY().getType());
  std::vector<int> digits = monarch::dependences(schedule, HomeKind::Matrix, stage);

  // The matrix as an A operand: real parts, then imaginary parts (negated where only the real part of the result is computed). As operand B its registers go in pairs, which are to be neighbours. Of f32, all of hi, then all of lo.
  std::array<int, 4> order = left ? std::array{0, 1, 2, 3} : std::array{0, 2, 1, 3};
  int parts = static_cast<int>(k.parts());
  Level level = levelOf(before, digits, 8 * parts);
  Table table = makeTable({before, digits}, level, 8 * parts, 4, [&](int lane, const std::vector<int64_t> &values) {
    LaneWords words;
    double sign = realOut ? -1 : 1;
    for (int part = 0; part < parts; ++part)
      for (int plane = 0; plane < 2; ++plane)
        for (int reg : order) {
          auto value = [&](int at) {
            monarch::Complex entry = matrixEntry(op, before, lane, at, values);
            return partOf(plane == 0 ? entry.real() : sign * entry.imag(), part);
          };
          words.push_back(packHalves(value(2 * reg), value(2 * reg + 1)));
        }
    return words;
  });
  // The negative of the matrix is made as it comes, where no data are waited for, and once for many rows; halves of f32 need the registers.
  bool negateMatrix = (level <= Level::Phase || !split()) && !realIn && !realOut;

  forEachState([&](size_t) { split() ? splitUp() : pack(operand()); });
  std::vector<TileValue> results(states.size(), {after, realOut ? 1 : 2, kind.form()});
  // Four registers each.
  struct Matrix {
    Operand re, im, minusIm;
  };
  // Of each half of a tile where they differ; kept for all tiles where these do not.
  std::vector<std::array<std::optional<Matrix>, 2>> matricesOf(states.size());
  bool differ = llvm::any_of(digits, [&](int d) { return !before.uniform(d); });
  bool byTile = llvm::any_of(digits, [&](int d) { return tilesHold(before, d); });
  auto negate = [&](const Operand &from) {
    Operand to;
    for (int part = 0; part < parts; ++part)
      for (Value v : from[part])
        to[part].push_back(v ? negateHalves(v) : v);
    return to;
  };
  auto transformTile = [&](int64_t tile, size_t state) {
    TileValue &y = results[state];
    auto &matrices = matricesOf[state];
    if (byTile)
      matrices = {};
    auto dataOf = [&](int plane) {
      Operand data;
      for (int part = 0; part < parts; ++part)
        data[part].assign(&x->data[tile][plane][4 * part], &x->data[tile][plane][4 * part] + 4);
      return data;
    };
    Operand xr = dataOf(0), xi = dataOf(1), minusXi;
    if (!realIn && !realOut && !negateMatrix)
      minusXi = negate(xi);
    for (int h = 0; h < 2; ++h) {
      // As operand B: of a tile, rows with r1 = h; of the matrix, half h of the new digit. Both are registers h and h + 2.
      auto pick = [&](const Operand &four) {
        Operand two;
        for (int part = 0; part < parts; ++part)
          two[part] = {four[part][h], four[part][h + 2]};
        return two;
      };
      if (left && !xr[0][h])
        continue;
      std::optional<Matrix> &matrix = matrices[differ ? h : 0];
      if (!matrix) {
        matrix.emplace();
        std::vector<Value> words = load(table, before, tile, differ ? h : 0);
        OpBuilder::InsertionGuard guard(b);
        moveTo(level);
        for (int part = 0; part < parts; ++part) {
          matrix->re[part].resize(4), matrix->im[part].resize(4);
          for (int i = 0; i < 4; ++i) {
            matrix->re[part][order[i]] = asHalves(words[8 * part + i]);
            matrix->im[part][order[i]] = asHalves(words[8 * part + 4 + i]);
          }
        }
        if (negateMatrix)
          matrix->minusIm = negate(matrix->im);
      }
      const auto &[re, im, minusIm] = *matrix;
      auto sums = [&](std::initializer_list<std::pair<const Operand &, const Operand &>> pairs) {
        SmallVector<std::pair<Operand, Operand>> products;
        for (const auto &[matrix, data] : pairs)
          left ? products.push_back({matrix, pick(data)}) : products.push_back({pick(matrix), data});
        return sumOfProducts(products, left, halfSums);
      };
      SmallVector<Value> dr, di;
      if (realIn) {
        dr = sums({{re, xr}});
        di = sums({{im, xr}});
      } else if (realOut) {
        dr = sums({{re, xr}, {im, xi}});
      } else {
        dr = negateMatrix ? sums({{re, xr}, {minusIm, xi}}) : sums({{re, xr}, {im, minusXi}});
        di = sums({{im, xr}, {re, xi}});
      }
      if (round)
        for (SmallVector<Value> *d : {&dr, &di})
          if (!d->empty())
            *d = {packPair((*d)[0], (*d)[1], element), packPair((*d)[2], (*d)[3], element)};
      // Half h of the result: r2 = h.
      for (size_t i = 0; i < dr.size(); ++i)
        y.data[tile][0][i + dr.size() * h] = dr[i];
      for (size_t i = 0; i < di.size(); ++i)
        y.data[tile][1][i + di.size() * h] = di[i];
    }
  };
  for (int64_t tile = 0; tile < before.tiles(); ++tile)
    if (before.present({.tile = tile}))
      forEachState([&](size_t state) { transformTile(tile, state); });
  forEachState([&](size_t state) { x = std::move(results[state]); });
}
