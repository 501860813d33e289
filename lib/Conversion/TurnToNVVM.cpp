//===- TurnToNVVM.cpp - Rows turned from channels last and back -----------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A tile of heads and times comes to shared memory along the dimension that is last where it comes from, and leaves along the one that is last where it goes. Shared
// memory has a head's times side by side. Of 16-bit values two by two neighbours change places in registers on the side whose channels are last.
//
//===----------------------------------------------------------------------===//

#include "KernelEmitter.h"

using namespace mlir;
using namespace fftconv;

namespace {
class TurnEmitter {
public:
  TurnEmitter(OpBuilder &b, TurnRowsOp op, const DenseMap<Value, Buffer> &buffers, Value batch)
      : b(b), op(op), loc(op.getLoc()), s(b, loc), buffers(buffers), batch(batch), tile(op.getTile()),
        element(op.getX().getType().getElementType()), bytes(element.getIntOrFloatBitWidth() / 8) {}

  void emit(Value shared) {
    this->shared = shared;
    Type i32 = b.getI32Type();
    thread = NVVM::ThreadIdXOp::create(b, loc, i32);
    // Neighbouring CTAs have neighbouring heads.
    int64_t across = llvm::divideCeil(op.getHeads(), tile.heads);
    Value number = NVVM::BlockIdXOp::create(b, loc, i32);
    firstHead = s.mul(s.rem(number, across), tile.heads);
    firstTime = s.mul(s.div(number, across), tile.times);
    auto loop =
        s.loop(s.toI64(NVVM::BlockIdYOp::create(b, loc, i32)), batch, s.toI64(NVVM::GridDimYOp::create(b, loc, i32)));
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    row = loop.getInductionVar();
    op.getBack() ? turnBack() : turn();
    // The next tile takes this one's place.
    NVVM::Barrier0Op::create(b, loc);
  }

private:
  OpBuilder &b;
  TurnRowsOp op;
  Location loc;
  Scalars s;
  const DenseMap<Value, Buffer> &buffers;
  Value batch;
  monarch::TurnTile tile;
  Type element;
  int64_t bytes;
  Value shared, thread, firstHead, firstTime, row;

  /// What a thread has of a tile, neighbours that are accessed together: `unit` times of a head or, on the side whose channels are last, `unit` times of `unit` heads. The head and the time
  /// with which the first of them begins, and how far the others are from it, heads and times.
  struct Share {
    bool channelsLast;
    Value head, time;
    SmallVector<std::pair<int64_t, int64_t>> steps;
  };

  Share share(bool channelsLast) {
    int64_t along = (channelsLast ? tile.heads : tile.times) / tile.unit;
    int64_t across = channelsLast ? tile.times / tile.unit : tile.heads;
    int64_t outerUnit = channelsLast ? tile.unit : 1;
    Share result{channelsLast, s.mul(s.rem(thread, along), tile.unit), s.mul(s.div(thread, along), outerUnit), {}};
    if (along >= tile.threads)
      result.time = s.i32(0); // all threads begin at the first, whichever of the two it is
    for (int64_t i = 0; i < along * across; i += tile.threads) {
      std::pair step(i % along * tile.unit, i / along * outerUnit);
      result.steps.push_back(channelsLast ? step : std::pair(step.second, step.first));
    }
    if (!channelsLast)
      std::swap(result.head, result.time);
    return result;
  }

  /// Whether a step of a share lies in the tensor; null where all do.
  Value exists(const Share &share, size_t step) {
    auto [head, time] = share.steps[step];
    Value inHeads, inTimes;
    if (op.getHeads() % tile.heads)
      inHeads = s.less(s.add(firstHead, share.head), s.i32(op.getHeads() - head));
    if (op.getLength() % tile.times)
      inTimes = s.less(s.add(firstTime, share.time), s.i32(op.getLength() - time));
    return !inHeads ? inTimes : !inTimes ? inHeads : Value(arith::AndIOp::create(b, loc, inHeads, inTimes));
  }

  Type access() { return tile.unit == 1 ? element : Type(VectorType::get(tile.unit, element)); }
  unsigned width() const { return static_cast<unsigned>(tile.unit * bytes); }

  /// Pointers to a share's steps in rows, and where channels are last to each time of each. Each is so much past the one before it: one sum, and no register for each.
  SmallVector<Value> pointers(Value buffer, const Share &share) {
    const Buffer &in = buffers.find(buffer)->second;
    Value head = s.toI64(s.add(firstHead, share.head)), time = s.toI64(s.add(firstTime, share.time));
    Value outer = share.channelsLast ? time : head, inner = share.channelsLast ? head : time;
    Value line = s.offset(in.pointer, s.add(s.mul(row, in.strides[0]), s.mul(outer, in.strides[1])));
    // A value that changes from batch row to batch row for reasons that the optimiser does not see: it would keep one for each step, for which there are no registers.
    line = s.assembly(line.getType(), s.offset(line, s.mul(inner, bytes)), "mov.b64 $0, $1;", "=l,l");
    SmallVector<Value> result;
    int64_t at = 0;
    for (auto [heads, times] : share.steps)
      for (int64_t t = 0; t < (share.channelsLast ? tile.unit : 1); ++t) {
        auto [further, along] = share.channelsLast ? std::pair(times + t, heads) : std::pair(heads, times);
        if (further != at)
          line = s.offset(line, s.mul(in.strides[1], further - std::exchange(at, further)));
        result.push_back(s.offset(line, along * bytes));
      }
    return result;
  }

  /// Loads all of a share, under predicates and not branched around, so that all are on their way together. What is not there goes nowhere.
  SmallVector<Value> load(Value buffer, const Share &share) {
    SmallVector<Value> result;
    SmallVector<Value> from = pointers(buffer, share);
    size_t each = from.size() / share.steps.size();
    for (auto [i, pointer] : llvm::enumerate(from)) {
      Value there = exists(share, i / each);
      if (!there) {
        result.push_back(LLVM::LoadOp::create(b, loc, access(), pointer, width()));
        continue;
      }
      Type word = b.getIntegerType(8 * width());
      std::string type = width() == 4 ? "b32" : "b16", text = "{ .reg .pred there; setp.ne.u32 there, $1, 0; mov." +
                                                              type + " $0, 0; @there ld.global." + type +
                                                              " $0, [$2]; }";
      Value loaded = s.assembly(word, {b.createOrFold<arith::ExtUIOp>(loc, b.getI32Type(), there), pointer}, text,
                                width() == 4 ? "=&r,r,l" : "=&h,r,l");
      result.push_back(LLVM::BitcastOp::create(b, loc, access(), loaded));
    }
    return result;
  }

  /// The pointer to the times of a step, of the head `other` after its first, in shared memory. Where heads come in pairs, the second ones lie behind all first ones.
  Value inShared(const Share &share, size_t step, int64_t other = 0) {
    auto lineOf = [&](int64_t head) { return head / tile.unit + head % tile.unit * (tile.heads / tile.unit); };
    Value line = s.div(share.head, tile.unit);
    if (!share.channelsLast && tile.unit > 1)
      line = s.add(line, s.mul(s.rem(share.head, tile.unit), tile.heads / tile.unit));
    Value first = s.offset(shared, s.mul(s.add(s.mul(line, tile.stride), share.time), bytes));
    // Steps are of whole pairs, or the first head is head 0.
    auto [head, time] = share.steps[step];
    return s.offset(first, (lineOf(head + other) * tile.stride + time) * bytes);
  }

  /// Neighbours of some heads at some times, as those of some times of some heads.
  SmallVector<Value> transposed(ArrayRef<Value> lines) {
    SmallVector<Value> result;
    for (size_t i = 0; i < lines.size(); ++i)
      result.push_back(
          s.vector(llvm::map_to_vector(lines, [&](Value line) { return s.element(line, static_cast<int64_t>(i)); })));
    return result;
  }

  Value multiply(Value x, Value y) { return LLVM::FMulOp::create(b, loc, x, y); }

  void turn() {
    Share from = share(/*channelsLast=*/true), to = share(/*channelsLast=*/false);
    SmallVector<Value> loaded = load(op.getX(), from);
    if (op.getGate())
      for (auto [x, gate] : llvm::zip(loaded, load(op.getGate(), from)))
        x = multiply(x, gate);
    for (size_t i = 0; i < from.steps.size(); ++i)
      for (auto [h, times] : llvm::enumerate(transposed(ArrayRef(loaded).slice(i * tile.unit, tile.unit))))
        LLVM::StoreOp::create(b, loc, times, inShared(from, i, static_cast<int64_t>(h)), width());
    NVVM::Barrier0Op::create(b, loc);
    for (auto [i, pointer] : llvm::enumerate(pointers(op.getY(), to))) {
      Value times = LLVM::LoadOp::create(b, loc, access(), inShared(to, i), width());
      s.when(exists(to, i), [&] { LLVM::StoreOp::create(b, loc, times, pointer, width()); });
    }
  }

  void turnBack() {
    Share from = share(/*channelsLast=*/false), to = share(/*channelsLast=*/true);
    SmallVector<Value> loaded = load(op.getX(), from), gates;
    if (op.getGate())
      gates = load(op.getGate(), to);
    for (auto [i, times] : llvm::enumerate(loaded))
      LLVM::StoreOp::create(b, loc, times, inShared(from, i), width());
    NVVM::Barrier0Op::create(b, loc);
    SmallVector<Value> target = pointers(op.getY(), to);
    for (size_t i = 0; i < to.steps.size(); ++i) {
      SmallVector<Value> heads;
      for (int64_t h = 0; h < tile.unit; ++h)
        heads.push_back(LLVM::LoadOp::create(b, loc, access(), inShared(to, i, h), width()));
      SmallVector<Value> lines = transposed(heads);
      for (auto [t, line] : llvm::enumerate(lines))
        line = op.getGate() ? multiply(line, gates[i * tile.unit + t]) : line;
      s.when(exists(to, i), [&] {
        for (auto [t, line] : llvm::enumerate(lines))
          LLVM::StoreOp::create(b, loc, line, target[i * tile.unit + t], width(), /*isVolatile=*/false,
                                /*isNonTemporal=*/true);
      });
    }
  }
};
} // namespace

void fftconv::emitTurn(OpBuilder &b, TurnRowsOp op, const DenseMap<Value, Buffer> &buffers, Value batch, Value shared) {
  TurnEmitter(b, op, buffers, batch).emit(shared);
}
