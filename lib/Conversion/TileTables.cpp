//===- TileTables.cpp - Tables of tile ops --------------------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Matrices, twiddles and constants of butterflies come from the kernel's constant pool, 16 or 8 bytes to a lane at a time, loaded where the digits that they depend on stop changing.
//
//===----------------------------------------------------------------------===//

#include "PhaseEmitter.h"

using namespace mlir;
using namespace fftconv;
using monarch::Level;

void PhaseEmitter::moveTo(Level level) {
  Operation *anchors[] = {k.groups, k.ahead ? k.ahead : phaseAnchor, tileAnchor};
  if (level == Level::Use)
    return;
  for (int i = static_cast<int>(level); i < 3; ++i)
    if (anchors[i])
      return b.setInsertionPoint(anchors[i]);
}

PhaseEmitter::Table
PhaseEmitter::makeTable(const DigitIndex &index, Level level, int64_t words, int64_t width,
                        llvm::function_ref<LaneWords(int lane, const std::vector<int64_t> &values)> make) {
  // [index][load][lane][word]
  std::vector<uint32_t> data;
  int64_t loads = llvm::divideCeil(words, width);
  for (int64_t i = 0; i < index.count(); ++i) {
    std::vector<int64_t> values = index.values(i);
    std::vector<uint32_t> block(loads * 32 * width);
    for (int lane = 0; lane < 32; ++lane) {
      LaneWords row = make(lane, values);
      for (size_t word = 0; word < row.size(); ++word)
        block[(word / width * 32 + lane) * width + word % width] = row[word];
    }
    data.insert(data.end(), block.begin(), block.end());
  }
  return {index, level, words, width, k.pool.add(data), loads * 32 * width};
}

std::vector<int64_t> PhaseEmitter::slotsOf(const monarch::Layout &layout, const std::vector<int> &digits,
                                           bool insidePairs) {
  int64_t mask = 0;
  for (int digit : digits)
    for (const monarch::Place &p : layout.placesOf(digit))
      if (p.kind == 'r' && (p.index > 0 || insidePairs))
        mask |= int64_t(1) << p.index;
  std::vector<int64_t> slots;
  for (int64_t reg = 0; reg < 8; ++reg)
    if ((reg & ~mask) == 0)
      slots.push_back(reg);
  return slots;
}

DigitIndex PhaseEmitter::outsideTiles(const monarch::Layout &layout, const std::vector<int> &digits) {
  std::set<monarch::Place> inside(monarch::columnPlaces.begin(), monarch::columnPlaces.end());
  inside.insert(monarch::rowPlaces.begin(), monarch::rowPlaces.end());
  return {layout, digits, inside};
}

std::vector<int64_t> PhaseEmitter::valuesAt(const monarch::Layout &layout, int lane, int64_t reg,
                                            std::vector<int64_t> values) {
  for (auto [value, inTile] : llvm::zip(values, layout.values({.reg = reg, .lane = lane})))
    value += inTile;
  return values;
}

Value PhaseEmitter::runtimePart(const DigitIndex &index, int64_t unit, const monarch::Layout &layout) {
  auto weight = [&](int digit, int bit) { return unit * index.weight(digit, bit); };
  return sumOverPlace(s, layout, place, weight, /*byXor=*/false);
}

std::vector<Value> PhaseEmitter::load(const Table &table, const monarch::Layout &layout, int64_t tile, int64_t half) {
  auto loadNow = [&] {
    OpBuilder::InsertionGuard guard(b);
    moveTo(table.level);
    int64_t unit = 4 * table.stride, constant = unit * table.index.of(layout.values({.reg = 2 * half, .tile = tile}));
    Value index = runtimePart(table.index, unit, layout);
    // The pointer is to a lane's 16 bytes of a load.
    if (table.width == 2)
      index = s.sub(index, s.mul(k.lane, 8));
    // What is loaded before warps wait must stay before that, but the assembler moves loads of what never changes (ld.global.nc) down to where they are used.
    return loadWords(s.offset(k.tables, index), 4 * table.offset + constant, table.words, table.width,
                     k.loadsAhead() ? "ld.global" : "ld.global.nc");
  };
  bool forPhase = trips == monarch::Trips::InTurn && table.level <= Level::Phase;
  if (!forPhase && (table.level == Level::Use || !schedule.warpgroups))
    return loadOnce(table.offset, 2 * tile + half, loadNow);
  Kept key{forPhase ? lowered : nullptr, {table.offset, table.words, table.width, trip, 2 * tile + half}, {}};
  for (const auto &[place, piece] : layout.pieces())
    std::get<2>(key).push_back({place, piece.digit, piece.index});
  auto [entry, isNew] = kept.try_emplace(std::move(key));
  if (isNew)
    entry->second = loadNow();
  return entry->second;
}

std::vector<Value> PhaseEmitter::loadWords(Value pointer, int64_t constant, int64_t words, int64_t width,
                                           StringRef instruction, Value policy) {
  std::vector<Value> result;
  Type several = LLVM::LLVMStructType::getLiteral(b.getContext(), SmallVector<Type>(width, b.getI32Type()));
  for (; words > 0; words -= width) {
    std::string at = constant ? "+" + std::to_string(constant) : "";
    std::string results = width == 2 ? ".v2.b32 {$0, $1}, [$2" : ".v4.b32 {$0, $1, $2, $3}, [$4";
    std::string constraints = width == 2 ? "=r,=r,l" : "=r,=r,=r,=r,l";
    assert((width == 4 || !policy) && "policies are for spectra");
    Value loaded = policy ? s.assembly(several, {pointer, policy},
                                       instruction + ".L2::cache_hint" + results + at + "], $5;", constraints + ",l")
                          : s.assembly(several, pointer, instruction + results + at + "];", constraints);
    for (int i = 0; i < std::min(width, words); ++i)
      result.push_back(LLVM::ExtractValueOp::create(b, k.loc, loaded, i));
    constant += 128 * width;
  }
  return result;
}
