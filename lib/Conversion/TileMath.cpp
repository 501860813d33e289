//===- TileMath.cpp - Tile ops, one after the other -----------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What an op takes and leaves, and the forms that values have between.
//
//===----------------------------------------------------------------------===//

#include "PhaseEmitter.h"

using namespace mlir;
using namespace fftconv;
using monarch::Level;

void PhaseEmitter::emit() {
  TileType first = cast<RelayoutOp>(ops.front()).getY().getType();
  monarch::Layout layout = layoutOf(first);
  place = {k.lane, k.warp, nullptr};
  OpBuilder::InsertionGuard guard(b);
  // The step of the schedule that this phase begins with.
  size_t read = 0;
  for (int64_t phases = 0; phases <= k.phases; ++phases)
    while (schedule.steps[++read].kind != monarch::StepKind::Read)
      ;
  trips = monarch::tripsOf(schedule, read, monarch::rowsAtOnce(getDigits(k.plan), k.choice, k.problem), k.problem);
  int64_t together = monarch::rowsInPhase(schedule, read, k.choice, k.problem);
  if (trips == monarch::Trips::InTurn) {
    for (int64_t next = 0; next < layout.trips(); ++next) {
      place.loop = s.i32(next);
      emitTrip(layout, together);
    }
    return;
  }
  if (layout.trips() > 1 && !inLine()) {
    auto loop = s.loop(s.i32(0), s.i32(layout.trips()), s.i32(1));
    phaseAnchor = loop;
    place.loop = loop.getInductionVar();
    b.setInsertionPointToStart(loop.getBody());
  }
  emitTrip(layout, together);
}

void PhaseEmitter::emitTrip(const monarch::Layout &layout, int64_t together) {
  OpBuilder::InsertionGuard guard(b);
  tileAnchor = nullptr;
  // Of each sequence that the CTA has side by side, and of all of these.
  int64_t sequences = k.warpOwns() ? 1 : schedule.sequences();
  states = std::vector<State>(together * (inLine() ? layout.trips() : 1));
  if (k.rowsHere) {
    Value begin = s.i32(0);
    // A group has a row at least.
    if (k.rows > together * sequences) {
      auto loop = s.loop(begin, k.rowsHere, s.i32(together * sequences));
      tileAnchor = loop;
      begin = loop.getInductionVar();
      b.setInsertionPointToStart(loop.getBody());
    }
    // Where there is no such row, the last one once more: what is written twice is the same.
    for (size_t i = 0; i < states.size(); ++i) {
      int64_t ahead = static_cast<int64_t>(i) % together * sequences;
      Value next = s.add(begin, s.i32(ahead));
      states[i].row = ahead == 0 || k.rowsAreFull || k.restIsZero ? next : s.min(next, s.sub(k.rowsHere, s.i32(1)));
    }
  }
  for (size_t i = 0; i < states.size(); ++i) {
    states[i].trip = static_cast<int64_t>(i) / together;
    states[i].loop = inLine() ? s.i32(states[i].trip) : place.loop;
  }
  // A warp that owns rows has the one of its number, and others as many rows later as there are warps.
  if (k.warpOwns())
    for (int64_t i = 1; i < together; ++i)
      states[i].row = s.i32(i * schedule.warps);
  if (k.rowSignals >= 0 && k.phases > 0)
    k.awaitRows(k.phases - 1, states.front().row);
  for (Operation *op : ops) {
    loaded.clear();
    lowered = op;
    lower(op);
  }
  if (k.rowSignals >= 0)
    k.signalRows(k.phases, states.front().row);
}

Value PhaseEmitter::another(Value pair) {
  if (!zero) {
    OpBuilder::InsertionGuard guard(b);
    moveTo(Level::Kernel);
    // Grids have a third size of one, which the assembler does not know.
    zero = s.assembly(b.getI32Type(), ValueRange(), "mov.u32 $0, %nctaid.z;", "=r");
    zero = s.sub(zero, s.i32(1));
  }
  return asHalves(s.bitXor(asWord(pair), zero));
}

void PhaseEmitter::reform(Form form, llvm::function_ref<std::array<Value, 8>(const std::array<Value, 8> &)> change) {
  for (auto &tile : x->data)
    for (int plane = 0; plane < x->planes; ++plane)
      tile[plane] = change(tile[plane]);
  x->form = form;
}

void PhaseEmitter::pack(Type type) {
  if (x->form == Form::Packed) {
    Value *any = llvm::find_if(x->data[0][0], [](Value v) { return bool(v); });
    if (getElementTypeOrSelf(any->getType()) == type)
      return;
    unpack();
  }
  assert(x->form == Form::Wide && "what is split is not packed");
  reform(Form::Packed, [&](const std::array<Value, 8> &wide) {
    std::array<Value, 8> packed;
    for (int reg = 0; reg < 4; ++reg)
      if (wide[2 * reg])
        packed[reg] = packPair(wide[2 * reg], wide[2 * reg + 1], type);
    return packed;
  });
}

void PhaseEmitter::unpack() {
  if (x->form == Form::Wide)
    return;
  bool split = x->form == Form::Split;
  reform(Form::Wide, [&](const std::array<Value, 8> &packed) {
    std::array<Value, 8> wide;
    for (int reg = 0; reg < 4; ++reg)
      for (int i = 0; packed[reg] && i < 2; ++i) {
        wide[2 * reg + i] = half(packed[reg], i);
        if (split)
          wide[2 * reg + i] = LLVM::FAddOp::create(b, k.loc, wide[2 * reg + i], half(packed[4 + reg], i));
      }
    return wide;
  });
}

void PhaseEmitter::splitUp() {
  if (x->form == Form::Split)
    return;
  unpack();
  reform(Form::Split, [&](const std::array<Value, 8> &wide) {
    std::array<Value, 8> parts;
    for (int reg = 0; reg < 4; ++reg)
      if (wide[2 * reg]) {
        Value hi = packPair(wide[2 * reg], wide[2 * reg + 1], operand()), rest[2];
        for (int i = 0; i < 2; ++i)
          rest[i] = LLVM::FSubOp::create(b, k.loc, wide[2 * reg + i], half(hi, i));
        parts[reg] = hi;
        parts[4 + reg] = packPair(rest[0], rest[1], operand());
      }
    return parts;
  });
}

void PhaseEmitter::lower(Operation *op) {
  if (isa<BarrierOp>(op)) {
    NVVM::SyncWarpOp::create(b, k.loc, s.i32(-1));
    return;
  }
  if (auto prefetch = dyn_cast<PrefetchOp>(op))
    return k.prefetch(prefetch);
  // Every value has one use.
  forEachState([&](size_t) {
    if (auto taken = values.find(op->getOperand(0)); taken != values.end()) {
      x = std::move(taken->second);
      values.erase(taken);
    }
  });
  auto dft = dyn_cast<TileDftOp>(op);
  if (auto relayout = dyn_cast<RelayoutOp>(op))
    forEachState([&](size_t) { relayout.getX().getType().isShared() ? read(relayout) : write(relayout); });
  else if (dft && dft.getHow() == How::Butterfly)
    forEachState([&](size_t) { butterfly(dft); });
  else if (dft)
    transform(dft);
  else if (auto twiddle = dyn_cast<TileTwiddleOp>(op))
    scale(twiddle);
  else if (auto product = dyn_cast<TileProductOp>(op))
    multiply(product);
  else if (auto gate = dyn_cast<TileGateOp>(op))
    forEachState([&](size_t) { applyGate(gate); });
  // What an op leaves has the type that it says.
  auto type = cast<TileType>(op->getResult(0).getType());
  if (type.isShared())
    return;
  forEachState([&](size_t) {
    if (!type.getReal().isF32())
      pack(type.getReal());
    values.insert({op->getResult(0), std::move(*x)});
    x.reset();
  });
}

void PhaseEmitter::applyGate(TileGateOp op) {
  TileValue gate = values.find(op.getGate())->second;
  values.erase(op.getGate());
  for (auto [tile, factor] : llvm::zip(x->data, gate.data))
    for (int plane = 0; plane < x->planes; ++plane)
      for (int reg = 0; reg < 4; ++reg)
        if (tile[plane][reg])
          tile[plane][reg] = LLVM::FMulOp::create(b, k.loc, tile[plane][reg], factor[plane][reg]);
}

void fftconv::emitPhase(KernelContext &context, ArrayRef<Operation *> ops,
                        const DenseMap<Operation *, double> &scales) {
  PhaseEmitter(context, ops, scales).emit();
}
