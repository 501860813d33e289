//===- ToeplitzToNVVM.cpp - Convolutions with short filters ---------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Block c of 16 outputs is the sum over d of x[block c - d] T_d, T_d[j][i] = k[16 d + i - j + center]. An mma takes 16 segments of rows as its rows: operand A is
// a block of x of each, operand B one half of T_d. No order of the 16 inputs is better than another for a product, so those that a lane holds are four
// neighbours in memory, and so are its outputs: everything is loaded and stored from registers, with neither shared memory nor barriers.
//
// A warp walks along its segments and keeps the blocks of x that later ones need.
//
//===----------------------------------------------------------------------===//

#include "KernelEmitter.h"

#include "fftconv/Monarch/Kernel.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace fftconv;

namespace {
class ToeplitzEmitter {
public:
  ToeplitzEmitter(OpBuilder &b, ToeplitzOp op, const DenseMap<Value, Buffer> &buffers, Value batch)
      : b(b), op(op), loc(op.getLoc()), s(b, loc), buffers(buffers), batch(batch),
        taps(op.getK().getType().getDimSize(1)), center(static_cast<int64_t>(op.getCenter().value_or(0))),
        length(op.getLength()), segments(op.getSegments()), blocks(op.getDirect().getBlocks()),
        width(monarch::directWidth(length)), compute(op.getDirect().getCompute()) {
    std::tie(firstLag, lastLag) = monarch::blockLags(taps, center);
    lags = lastLag - firstLag + 1;
  }

  void emit() {
    Type i32 = b.getI32Type();
    Value thread = NVVM::ThreadIdXOp::create(b, loc, i32), lane = s.bitAnd(thread, 31), warp = s.shr(thread, 5);
    quad = s.bitAnd(lane, 3);
    group = s.shr(lane, 2);
    head = s.toI64(NVVM::BlockIdXOp::create(b, loc, i32));
    makeMatrices();

    // 16 segments of rows make a task.
    int64_t warps = op.getDirect().getWarps();
    Value rows = s.mul(batch, segments), tasks = s.shr(s.add(rows, s.i64(15)), 4);
    Value first = s.toI64(s.add(s.mul(NVVM::BlockIdYOp::create(b, loc, i32), warps), warp));
    auto loop = s.loop(first, tasks, s.toI64(s.mul(NVVM::GridDimYOp::create(b, loc, i32), warps)));
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    std::array<Segment, 2> mine;
    for (int half = 0; half < 2; ++half) {
      Value row = s.add(s.mul(loop.getInductionVar(), 16), s.add(s.toI64(group), s.i64(8 * half)));
      // Rows that are not there read no element and write none: their time is past the end.
      Value exists = s.less(row, rows);
      Value batchRow = s.div(row, segments), begin = s.toI32(s.mul(s.rem(row, segments), 16 * blocks));
      mine[half] = {s.select(exists, batchRow, s.i64(0)), s.select(exists, begin, s.i32(pastEnd))};
      mine[half].begin = s.add(mine[half].begin, s.mul(quad, 4));
    }
    walk(mine);
  }

private:
  OpBuilder &b;
  ToeplitzOp op;
  Location loc;
  Scalars s;
  const DenseMap<Value, Buffer> &buffers;
  Value batch;
  int64_t taps, center, length, segments, blocks, width;
  Type compute;
  int64_t firstLag, lastLag, lags;
  Value quad, group, head;
  /// A time that no row reaches, and no step forward or back from it does.
  static constexpr int64_t pastEnd = int64_t(1) << 30;
  /// T_d by lag of blocks, half of the outputs and register.
  std::vector<std::array<std::array<Value, 2>, 2>> matrices;

  /// One of the two segments that a lane has a part of: its batch row, and the time of the lane's four elements in the first block.
  struct Segment {
    Value row, begin;
  };
  /// A block of x: for each of the two segments the lane's four elements as two registers.
  using Block = std::array<std::array<Value, 2>, 2>;

  Type pair() { return VectorType::get(2, compute); }
  Value asPair(Value word) { return LLVM::BitcastOp::create(b, loc, pair(), word); }
  Value asWord(Value value) { return LLVM::BitcastOp::create(b, loc, b.getI32Type(), value); }

  /// f32 at `index` of a table of `count`, 0 past its ends.
  Value loadOr0(Value table, Value index, int64_t count) {
    Value inside = b.createOrFold<arith::CmpIOp>(loc, arith::CmpIPredicate::ult, index, s.i32(count));
    Value at = s.offset(table, s.toI64(s.mul(s.select(inside, index, s.i32(0)), 4)));
    return s.select(inside, LLVM::LoadOp::create(b, loc, b.getF32Type(), at, 4), s.f32(0));
  }

  void makeMatrices() {
    Value filter = s.offset(buffers.lookup(op.getK()).pointer, s.mul(head, 4 * taps)), skip;
    if (op.getSkip())
      skip = LLVM::LoadOp::create(b, loc, b.getF32Type(),
                                  s.offset(buffers.lookup(op.getSkip()).pointer, s.mul(head, 4)), 4);
    // Column p of half h stands for output 4 (p / 2) + 2 h + p % 2, rows 2 t + i and 8 + 2 t + i for inputs 4 t + i and 4 t + 2 + i.
    Value output = s.add(s.mul(s.shr(group, 1), 4), s.bitAnd(group, 1)), least = s.sub(output, s.mul(quad, 4));
    std::map<int64_t, Value> known;
    auto tap = [&](int64_t offset) {
      Value &value = known[offset];
      if (value)
        return value;
      Value lag = s.add(least, s.i32(offset));
      value = loadOr0(filter, s.add(lag, s.i32(center)), taps);
      if (skip) {
        value = LLVM::FAddOp::create(b, loc, value, s.select(s.isZero(lag), skip, s.f32(0)));
      }
      return value;
    };
    for (int64_t d = firstLag; d <= lastLag; ++d) {
      auto &matrix = matrices.emplace_back();
      for (int h = 0; h < 2; ++h)
        for (int j = 0; j < 2; ++j) {
          int64_t offset = 16 * d + 2 * h - 2 * j;
          matrix[h][j] = LLVM::FPTruncOp::create(b, loc, pair(), s.vector({tap(offset), tap(offset - 1)}));
        }
    }
  }

  /// The pointer to the element at `time` of a segment's row.
  Value at(Value buffer, const Segment &segment, Value time) {
    const Buffer &in = buffers.find(buffer)->second;
    Value row = s.add(s.mul(segment.row, in.strides[0]), s.mul(head, in.strides[1]));
    return s.offset(s.offset(in.pointer, row), s.toI64(s.mul(time, 2)));
  }

  /// Four elements from `time` on as two registers, zeros outside the row.
  std::array<Value, 2> load(Value buffer, const Segment &segment, Value time) {
    // One access of the width that rows are aligned for after the other, each under a predicate: no branch, and no address outside the row.
    StringRef access = width == 8 ? "v2.b32 {$0, $1}" : width == 4 ? "b32 $0" : "b16 $0";
    SmallVector<Value> parts;
    for (int64_t i = 0; i < 4; i += width / 2) {
      Value now = s.add(time, s.i32(i)), pointer = at(buffer, segment, now);
      Value inside = b.createOrFold<arith::CmpIOp>(loc, arith::CmpIPredicate::ult, now, s.i32(length));
      Type i32 = b.getI32Type(), part = width == 2 ? b.getI16Type() : i32;
      Type type = width == 8 ? Type(LLVM::LLVMStructType::getLiteral(b.getContext(), {i32, i32})) : part;
      std::string zero = width == 8   ? "mov.b32 $0, 0; mov.b32 $1, 0;"
                         : width == 4 ? "mov.b32 $0, 0;"
                                      : "mov.b16 $0, 0;";
      StringRef outputs = width == 8 ? "=&r,=&r" : width == 4 ? "=&r" : "=&h";
      int next = width == 8 ? 2 : 1;
      Value word = b.createOrFold<arith::ExtUIOp>(loc, i32, inside);
      std::string text =
          llvm::formatv("{{ .reg .pred inside; setp.ne.u32 inside, ${0}, 0; {1} @inside ld.global.nc.{2}, [${3}]; }",
                        next, zero, access, next + 1);
      Value loaded = s.assembly(type, {word, pointer}, text, (outputs + ",r,l").str());
      if (width == 8)
        for (int j = 0; j < 2; ++j)
          parts.push_back(LLVM::ExtractValueOp::create(b, loc, loaded, j));
      else
        parts.push_back(loaded);
    }
    if (width == 2) {
      SmallVector<Value> halves =
          llvm::map_to_vector(parts, [&](Value part) { return Value(LLVM::BitcastOp::create(b, loc, compute, part)); });
      return {s.vector({halves[0], halves[1]}), s.vector({halves[2], halves[3]})};
    }
    return {asPair(parts[0]), asPair(parts[1])};
  }

  Block loadBlock(ArrayRef<Segment> mine, Value blockTime) {
    Block block;
    for (int half = 0; half < 2; ++half) {
      Value time = s.add(mine[half].begin, blockTime);
      block[half] = load(op.getU(), mine[half], time);
      if (op.getPreGate()) {
        std::array<Value, 2> gate = load(op.getPreGate(), mine[half], time);
        for (int j = 0; j < 2; ++j)
          block[half][j] = LLVM::FMulOp::create(b, loc, block[half][j], gate[j]);
      }
    }
    return block;
  }

  void store(ArrayRef<Value> values, const Segment &segment, Value time) {
    std::array<Value, 2> gate;
    if (op.getPostGate())
      gate = load(op.getPostGate(), segment, time);
    SmallVector<Value> pairs;
    for (int j = 0; j < 2; ++j) {
      Value rounded = LLVM::FPTruncOp::create(b, loc, pair(), s.vector({values[2 * j], values[2 * j + 1]}));
      pairs.push_back(gate[j] ? Value(LLVM::FMulOp::create(b, loc, rounded, gate[j])) : rounded);
    }
    SmallVector<Value> elements;
    for (int i = 0; i < 4; ++i)
      elements.push_back(s.element(pairs[i / 2], i % 2));
    for (int64_t i = 0; i < 4; i += width / 2) {
      Value now = s.add(time, s.i32(i));
      Value inside = b.createOrFold<arith::CmpIOp>(loc, arith::CmpIPredicate::ult, now, s.i32(length));
      s.when(inside, [&] {
        LLVM::StoreOp::create(b, loc, s.vector(ArrayRef(elements).slice(i, width / 2)), at(op.getY(), segment, now),
                              static_cast<unsigned>(width), /*isVolatile=*/false, /*isNonTemporal=*/true);
      });
    }
  }

  void walk(ArrayRef<Segment> mine) {
    int64_t atOnce = monarch::blocksAtOnce, steps = llvm::divideCeil(blocks, atOnce);
    // Blocks that come before the first: lags last .. first + 1. The first block to load is that of lag `first`.
    SmallVector<Value> window;
    auto keep = [&](const Block &block) {
      for (const auto &segment : block)
        window.append(segment.begin(), segment.end());
    };
    for (int64_t d = lastLag; d > firstLag; --d)
      keep(loadBlock(mine, s.i32(-16 * d)));
    auto loop = s.loop(s.i32(0), s.i32(steps), s.i32(1), window);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    window.assign(loop.getRegionIterArgs().begin(), loop.getRegionIterArgs().end());
    Value begin = s.mul(loop.getInductionVar(), 16 * atOnce);
    for (int64_t i = 0; i < atOnce; ++i)
      keep(loadBlock(mine, s.add(begin, s.i32(16 * (i - firstLag)))));
    for (int64_t i = 0; i < atOnce; ++i) {
      // Element 0 of the window is the block that lies lastLag before output block 0 of this step.
      std::array<SmallVector<Value>, 2> sums;
      for (int h = 0; h < 2; ++h) {
        sums[h].assign(4, s.f32(0));
        for (int64_t d = lastLag; d >= firstLag; --d) {
          ArrayRef<Value> block = ArrayRef(window).slice(4 * (i + lastLag - d), 4);
          const auto &matrix = matrices[d - firstLag];
          // Registers of operand A: rows 0 to 7 and 8 to 15 of the first inputs, then of the others.
          sums[h] =
              emitMma(s, {block[0], block[2], block[1], block[3]}, {matrix[h][0], matrix[h][1]}, sums[h], compute);
        }
      }
      Value time = s.add(begin, s.i32(16 * i));
      for (int half = 0; half < 2; ++half)
        store({sums[0][2 * half], sums[0][2 * half + 1], sums[1][2 * half], sums[1][2 * half + 1]}, mine[half],
              s.add(mine[half].begin, time));
    }
    if (lags > 1)
      scf::YieldOp::create(b, loc, ArrayRef(window).take_back(4 * (lags - 1)));
  }
};
} // namespace

void fftconv::emitToeplitz(OpBuilder &b, ToeplitzOp op, const DenseMap<Value, Buffer> &buffers, Value batch) {
  ToeplitzEmitter(b, op, buffers, batch).emit();
}
