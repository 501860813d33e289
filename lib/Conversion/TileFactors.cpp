//===- TileFactors.cpp - Butterflies, twiddles, spectra -------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What lanes compute without tensor cores, two values at a time in f16.
//
//===----------------------------------------------------------------------===//

#include "Butterfly.h"
#include "PhaseEmitter.h"

using namespace mlir;
using namespace fftconv;
using monarch::HomeKind;
using monarch::Level;

namespace {
/// FMA arithmetic on f32, or on pairs of f16.
struct Arithmetic {
  using Number = Value;
  OpBuilder &b;
  Location loc;
  Type type;
  std::map<TwistConstant, std::pair<Value, Value>> constants;

  Value literal(double value) {
    Attribute attr;
    if (auto vector = dyn_cast<VectorType>(type)) {
      attr = DenseElementsAttr::get(vector, roundTo(vector.getElementType(), value));
    } else {
      attr = b.getF32FloatAttr(static_cast<float>(value));
    }
    return LLVM::ConstantOp::create(b, loc, type, cast<TypedAttr>(attr));
  }
  Value add(Value x, Value y) { return LLVM::FAddOp::create(b, loc, x, y); }
  Value sub(Value x, Value y) { return LLVM::FSubOp::create(b, loc, x, y); }
  Value mul(Value x, Value y) { return LLVM::FMulOp::create(b, loc, x, y); }
  Value negate(Value x) { return LLVM::FNegOp::create(b, loc, x); }
  Value addProduct(Value a, Value x, Value y) { return LLVM::FMAOp::create(b, loc, x, y, a); }
  /// a - x y. Products of bf16 take no signs: there the negative of y is an instruction, once for all products that a factor is in.
  Value subProduct(Value a, Value x, Value y) {
    return LLVM::FMAOp::create(b, loc, takesSigns() ? negate(x) : x, takesSigns() ? y : negate(y), a);
  }
  bool takesSigns() const { return !getElementTypeOrSelf(type).isBF16(); }
  Value scale(Value x, double f) { return mul(x, literal(f)); }
  Value addScaled(Value a, Value x, double f) { return LLVM::FMAOp::create(b, loc, x, literal(f), a); }
  std::pair<Value, Value> twist(TwistConstant c) { return constants.at(c); }
};

/// Only asks for constants.
struct Census {
  struct Number {};
  std::set<TwistConstant> asked;
  Number add(Number, Number) { return {}; }
  Number sub(Number, Number) { return {}; }
  Number mul(Number, Number) { return {}; }
  Number negate(Number) { return {}; }
  Number addProduct(Number, Number, Number) { return {}; }
  Number subProduct(Number, Number, Number) { return {}; }
  Number scale(Number, double) { return {}; }
  Number addScaled(Number, Number, double) { return {}; }
  std::pair<Number, Number> twist(TwistConstant c) {
    asked.insert(c);
    return {};
  }
};
} // namespace

/// Where the values of a digit lie that a lane holds all of, in registers of `step` values, if its value zero is at this one: register and tile.
static std::vector<std::pair<int64_t, int64_t>> registersOf(const monarch::Layout &layout, int digit, int64_t reg,
                                                            int64_t tile, int64_t step) {
  std::vector<std::pair<int64_t, int64_t>> where(layout.radices()[digit]);
  for (int64_t value = 0; value < layout.radices()[digit]; ++value) {
    int64_t r = reg, u = tile;
    for (const monarch::Place &p : layout.placesOf(digit))
      if (value >> layout.at(p).index & 1)
        (p.kind == 'r' ? r : u) |= int64_t(1) << p.index;
    where[value] = {r / step, u};
  }
  return where;
}

void PhaseEmitter::butterfly(TileDftOp op) {
  int stage = static_cast<int>(op.getDigit());
  bool inverse = op.getInverse();
  int64_t radix = schedule.radices[stage];
  if (op.getPlan().getSchedule().getProducts().isF32())
    unpack();
  bool wide = x->form == Form::Wide;
  monarch::Layout before = x->layout;

  Census census;
  std::vector<Butterfly<Census>::Complex> nothing(radix);
  bool twisted = monarch::twists(schedule, stage);
  Butterfly<Census> asks(census, twisted);
  inverse ? asks.inverse(nothing) : asks.forward(nothing);
  std::vector<TwistConstant> asked(census.asked.begin(), census.asked.end());

  // A set of constants for each value of register bits, other than the digit's own, on which the twist depends.
  std::vector<int> digits = monarch::dependences(schedule, HomeKind::Butterfly, stage);
  std::vector<int64_t> slots = slotsOf(before, digits, /*insidePairs=*/wide);
  int64_t count = static_cast<int64_t>(2 * asked.size() * slots.size());
  Level level = levelOf(before, digits, count / static_cast<int64_t>(slotsOf(before, digits).size()));
  Table table =
      makeTable(outsideTiles(before, digits), level, count, 4, [&](int lane, const std::vector<int64_t> &values) {
        LaneWords result;
        for (int64_t slot : slots)
          for (const TwistConstant &c : asked) {
            auto value = [&](int64_t reg) {
              std::vector<int64_t> at = valuesAt(before, lane, reg, values);
              return monarch::stageFactor(schedule, HomeKind::Butterfly, stage, 0, c.power, at) *
                     monarch::root(-c.turn, c.order);
            };
            monarch::Complex first = value(slot), second = value(slot | 1);
            result.push_back(wide ? toFloatBits(first.real()) : packHalves(first.real(), second.real()));
            result.push_back(wide ? toFloatBits(first.imag()) : packHalves(first.imag(), second.imag()));
          }
        return result;
      });
  bool byTile = llvm::any_of(digits, [&](int d) { return tilesHold(before, d); });
  Type type = wide ? Type(b.getF32Type()) : halves();
  Arithmetic arithmetic{b, k.loc, type, {}};

  TileValue y(layoutOf(op.getY().getType()), 2, x->form);
  // Every register and tile whose digit is zero leads the others of its group.
  int64_t step = wide ? 1 : 2;
  for (int64_t slot : slots) {
    auto takeConstants = [&](int64_t tile) {
      size_t word = 2 * asked.size() * slotAt(slots, slot);
      std::vector<Value> words = load(table, before, tile);
      OpBuilder::InsertionGuard guard(b);
      moveTo(level);
      for (const TwistConstant &c : asked) {
        Value re = LLVM::BitcastOp::create(b, k.loc, type, words[word++]);
        Value im = LLVM::BitcastOp::create(b, k.loc, type, words[word++]);
        arithmetic.constants[c] = {re, im};
      }
    };
    if (!byTile)
      takeConstants(0);
    for (int64_t tile = 0; tile < before.tiles(); ++tile) {
      if (before.value(stage, {.tile = tile}) != 0)
        continue;
      if (byTile)
        takeConstants(tile);
      for (int64_t reg = 0; reg < 8; reg += step) {
        monarch::Coordinates at = {.reg = reg, .tile = tile};
        if ((reg & slots.back()) != slot || before.value(stage, at) != 0 || !before.present(at))
          continue;
        std::vector<std::pair<int64_t, int64_t>> where = registersOf(before, stage, reg, tile, step);
        Butterfly<Arithmetic>::Values in(radix), out;
        for (int64_t value = 0; value < radix; ++value) {
          auto &planes = x->data[where[value].second];
          in[value] = {planes[0][where[value].first], planes[1][where[value].first]};
        }
        Butterfly<Arithmetic> network(arithmetic, twisted);
        out = inverse ? network.inverse(in) : network.forward(in);
        for (int64_t value = 0; value < radix; ++value) {
          auto &planes = y.data[where[value].second];
          planes[0][where[value].first] = out[value].re;
          planes[1][where[value].first] = out[value].im;
        }
      }
    }
  }
  x = std::move(y);
}

Value PhaseEmitter::factorAt(llvm::ArrayRef<Value> words, int64_t at, int plane, bool inF32) {
  if (split())
    return LLVM::BitcastOp::create(b, k.loc, b.getF32Type(), words[at / 2 * 4 + 2 * plane + at % 2]);
  Value pair = asHalves(words[2 * (inF32 ? at / 2 : at) + plane]);
  return inF32 ? half(pair, static_cast<int>(at % 2)) : pair;
}

template <typename Apply>
void PhaseEmitter::forEachValue(const monarch::Layout &layout, bool inF32,
                                llvm::function_ref<std::vector<Value>(int64_t tile)> words, Apply apply) {
  forEachState([&](size_t) { inF32 ? unpack() : pack(operand()); });
  Arithmetic a{b, k.loc, inF32 ? Type(b.getF32Type()) : halves(), {}};
  auto applyTo = [&](int64_t tile) {
    std::vector<Value> w = words(tile);
    auto &[re, im] = x->data[tile];
    for (int reg = 0; reg < 4; ++reg)
      for (int i = 0; i < (inF32 ? 2 : 1); ++i) {
        int at = inF32 ? 2 * reg + i : reg;
        apply(a, re[at], im[at], factorAt(w, at, 0, inF32), factorAt(w, at, 1, inF32));
      }
  };
  for (int64_t tile = 0; tile < layout.tiles(); ++tile)
    if (layout.present({.tile = tile}))
      forEachState([&](size_t) { applyTo(tile); });
}

/// (re + i im) times wr + i wi, or its conjugate.
static void multiplyComplex(Arithmetic &a, Value &re, Value &im, Value wr, Value wi, bool conjugate) {
  Value r = re;
  re = conjugate ? a.addProduct(a.mul(r, wr), im, wi) : a.subProduct(a.mul(r, wr), im, wi);
  im = conjugate ? a.subProduct(a.mul(im, wr), r, wi) : a.addProduct(a.mul(im, wr), r, wi);
}

void PhaseEmitter::scale(TileTwiddleOp op) {
  int stage = static_cast<int>(op.getDigit());
  monarch::Layout layout = layoutOf(op.getX().getType());
  std::vector<int> digits = monarch::dependences(schedule, HomeKind::Product, stage);
  digits.push_back(stage);
  std::vector<int64_t> slots = slotsOf(layout, digits);
  // On the way back by the conjugate; where the factors of the way there are kept, by turning the other way.
  bool conjugate = op.getInverse(), turnsBack = conjugate && schedule.warpgroups;
  bool shears = monarch::canShear(schedule, stage);
  int64_t slotWords = factorWords() / 4, count = slotWords * static_cast<int64_t>(slots.size());
  Table table =
      makeTable(outsideTiles(layout, digits), levelOf(layout, digits, slotWords), count, count < 4 ? 2 : 4,
                [&](int lane, const std::vector<int64_t> &values) {
                  LaneWords words;
                  for (int64_t reg : slots) {
                    auto value = [&](int at) {
                      std::vector<int64_t> d = valuesAt(layout, lane, at, values);
                      monarch::Complex w = monarch::stageFactor(schedule, HomeKind::Product, stage, 0, d[stage], d);
                      return conjugate && !turnsBack ? std::conj(w) : w;
                    };
                    monarch::Complex first = value(reg), second = value(reg + 1);
                    auto tangent = [](monarch::Complex w) { return std::tan(std::arg(w) / 2); };
                    double factors[] = {shears ? tangent(first) : first.real(),
                                        shears ? tangent(second) : second.real(), first.imag(), second.imag()};
                    if (split()) {
                      for (double factor : factors)
                        words.push_back(toFloatBits(factor));
                      continue;
                    }
                    words.push_back(packHalves(factors[0], factors[1]));
                    words.push_back(packHalves(factors[2], factors[3]));
                  }
                  return words;
                });
  bool byTile = llvm::any_of(digits, [&](int d) { return tilesHold(layout, d); });
  auto wordsOf = [&](int64_t tile) {
    std::vector<Value> there = load(table, layout, byTile ? tile : 0), words;
    for (int64_t reg = 0; reg < 8; reg += 2) {
      auto first = there.begin() + slotWords * slotAt(slots, reg);
      words.insert(words.end(), first, first + slotWords);
    }
    return words;
  };
  auto turn = [&](Arithmetic &a, Value &re, Value &im, Value first, Value sine) {
    if (!shears)
      return multiplyComplex(a, re, im, first, sine, turnsBack);
    auto shear = [&](Value &to, Value from, Value factor, bool subtracts) {
      to = subtracts != turnsBack ? a.subProduct(to, from, factor) : a.addProduct(to, from, factor);
    };
    shear(im, re, first, false);
    shear(re, im, sine, true);
    shear(im, re, first, false);
  };
  forEachValue(layout, op.getPlan().getSchedule().getProducts().isF32(), wordsOf, turn);
}

void PhaseEmitter::multiply(TileProductOp op) {
  SpectrumOrder order(schedule, split());
  monarch::Layout layout = layoutOf(op.getX().getType());
  // A CTA that takes rows of many heads one after the other has a spectrum for each.
  bool byRow = k.problem.channelsLast && k.rowsHere;
  Level level = byRow ? Level::Use : monarch::spectrumLevel(schedule, layout, inLine(), k.problem);
  bool keeps = monarch::keepsSpectrum(getDigits(k.plan), k.choice, k.problem, k.chip);
  std::string load = k.loadsAhead() ? "ld.global" : "ld.global.nc";
  load += keeps ? ".L1::evict_last" : ".L1::no_allocate";
  // What L1 does not keep is to stay in L2, though more than L2 holds passes through it between two groups.
  Value policy;
  if (!keeps && !k.warpOwns()) {
    OpBuilder::InsertionGuard guard(b);
    moveTo(Level::Kernel);
    policy = s.assembly(b.getI64Type(), ValueRange(), "createpolicy.fractional.L2::evict_last.b64 $0, 1.0;", "=l");
  }
  // Spectra change from head to head, and a CTA has one; the digits of tiles are on warps or on the loop otherwise.
  auto loadHalf = [&](int64_t tile, int64_t half) {
    OpBuilder::InsertionGuard guard(b);
    moveTo(level);
    Value pointer = s.offset(k.spectrum, s.toI64(runtimePart(order.access(), order.accessBytes, layout)));
    if (byRow)
      pointer = s.offset(pointer, s.mul(s.toI64(row), k.spectrumBytes()));
    std::vector<Value> words;
    for (int64_t reg = 4 * half; reg < 4 * (half + 1); reg += split() ? 2 : 4) {
      int64_t constant = order.accessBytes * order.access().of(layout.values({.reg = reg, .tile = tile}));
      std::vector<Value> four = loadWords(pointer, constant, 4, 4, load, policy);
      words.insert(words.end(), four.begin(), four.end());
    }
    return words;
  };
  constexpr int64_t spectrum = -1;
  auto halfOf = [&](int64_t tile, int64_t half) {
    return byRow ? loadHalf(tile, half) : loadOnce(spectrum, 2 * tile + half, [&] { return loadHalf(tile, half); });
  };
  auto wordsOf = [&](int64_t tile) {
    std::vector<Value> words = halfOf(tile, 0);
    llvm::append_range(words, halfOf(tile, 1));
    return words;
  };
  bool inF32 = op.getPlan().getSchedule().getProducts().isF32();
  if (schedule.blocks)
    convolveBlocks(layout, inF32, halfOf);
  else
    forEachValue(layout, inF32, wordsOf, [](Arithmetic &a, Value &re, Value &im, Value wr, Value wi) {
      multiplyComplex(a, re, im, wr, wi, /*conjugate=*/false);
    });
}

void PhaseEmitter::convolveBlocks(const monarch::Layout &layout, bool inF32,
                                  llvm::function_ref<std::vector<Value>(int64_t tile, int64_t half)> words) {
  constexpr int digit = 1;
  int64_t blocks = schedule.blockCount(), step = inF32 ? 1 : 2, halfSize = 4 / step;
  forEachState([&](size_t) { inF32 ? unpack() : pack(operand()); });
  Arithmetic a{b, k.loc, inF32 ? Type(b.getF32Type()) : halves(), {}};
  struct Number {
    Value re, im;
  };
  for (int64_t tile = 0; tile < layout.tiles(); ++tile) {
    // By state, since each may have its own, tile and half.
    std::map<std::tuple<size_t, int64_t, int64_t>, std::vector<Value>> loaded;
    for (int64_t reg = 0; reg < 8; reg += step) {
      if (layout.value(digit, {.reg = reg, .tile = tile}) != 0 || !layout.present({.reg = reg, .tile = tile}))
        continue;
      std::vector<std::pair<int64_t, int64_t>> where = registersOf(layout, digit, reg, tile, step);
      forEachState([&](size_t state) {
        std::vector<Number> spectra;
        for (auto [at, u] : where) {
          auto [half, isNew] = loaded.try_emplace({state, u, at / halfSize});
          if (isNew)
            half->second = words(u, at / halfSize);
          spectra.push_back(
              {factorAt(half->second, at % halfSize, 0, inF32), factorAt(half->second, at % halfSize, 1, inF32)});
        }
        auto block = [&](int64_t i) {
          auto [at, u] = where[i];
          return std::tie(x->data[u][0][at], x->data[u][1][at]);
        };
        // The last first: the others do without it.
        for (int64_t to = blocks - 1; to >= 0; --to) {
          Number sum;
          for (int64_t lag = 0; lag <= to; ++lag) {
            auto [re, im] = block(to - lag);
            auto [wr, wi] = spectra[lag];
            // A spectrum has no register to keep its negative in.
            sum = {a.addProduct(lag ? a.addProduct(sum.re, re, wr) : a.mul(re, wr), a.negate(im), wi),
                   a.addProduct(lag ? a.addProduct(sum.im, im, wr) : a.mul(im, wr), re, wi)};
          }
          block(to) = std::tie(sum.re, sum.im);
        }
      });
    }
  }
}
