//===- TurningCopies.cpp - Copies of rows whose channels are last ---------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// All threads of a CTA bring neighbouring heads at once, 16 bytes of one point in time, and turn them into rows on the way.
//
//===----------------------------------------------------------------------===//

#include "RowCopier.h"

using namespace mlir;
using namespace fftconv;

void RowCopier::forEachPatch(int64_t values, llvm::function_ref<void(Value n, Value index, Value headsExist)> visit) {
  OpBuilder::InsertionGuard guard(b);
  int64_t pairs = (values + 1) / 2, patches = pairs * (k.rows / elements);
  auto loop = s.loop(k.thread, s.i32(patches), s.i32(k.threads()));
  b.setInsertionPointToStart(loop.getBody());
  Value patch = loop.getInductionVar(), index = s.mul(s.div(patch, pairs), elements), exist;
  if (k.problem.heads % k.rows)
    exist = s.less(s.add(k.firstHead, s.toI64(index)), s.i64(k.problem.heads));
  visit(s.mul(s.rem(patch, pairs), 2), index, exist);
}

Value RowCopier::patchAt(Value buffer, const Row &row, Value n, Value index) {
  Value head = s.add(k.firstHead, s.toI64(index));
  Value time = s.mul(s.toI64(n), k.buffers.find(buffer)->second.strides[1]);
  return s.offset(k.rowOf(buffer, row.batch, {}), s.add(time, s.mul(head, bytes)));
}

void RowCopier::turnIn(CopyInOp op, Value row) {
  Type type = op.getU().getType().getElementType();
  forEachPatch(k.schedule->points(), [&](Value n, Value index, Value headsExist) {
    for (Row row : pairOf(row, {})) {
      std::array<Value, 2> at;
      for (int t = 0; t < 2; ++t) {
        Value time = s.add(n, s.i32(t));
        Value real = both(both(s.less(time, s.i32(k.problem.length)), headsExist), row.exists);
        Value pointer = readable(op.getU(), real, patchAt(op.getU(), row, time, index));
        Value loaded = load(pointer, type, elements);
        if (op.getGate()) {
          Value gate = readable(op.getGate(), real, patchAt(op.getGate(), row, time, index));
          loaded = multiply(loaded, load(gate, type, elements));
        }
        Value zero = LLVM::ZeroOp::create(b, k.loc, loaded.getType());
        at[t] = LLVM::SelectOp::create(b, k.loc, real, loaded, zero);
      }
      for (int64_t i = 0; i < elements; ++i) {
        row.index = s.add(index, s.i32(i));
        Value tile = op.getTile();
        Value target =
            k.problem.split ? s.offset(raw(tile, row), s.mul(n, bytes)) : s.offset(halves(tile, row, 0), swizzled(n));
        LLVM::StoreOp::create(b, k.loc, s.vector({s.element(at[0], i), s.element(at[1], i)}), target,
                              static_cast<unsigned>(2 * bytes));
      }
    }
  });
}

void RowCopier::turnOut(CopyOutOp op, Value row) {
  Value x = op.getX();
  forEachPatch(k.problem.length, [&](Value n, Value index, Value headsExist) {
    // Rows without a head hold nothing.
    OpBuilder::InsertionGuard guard(b);
    if (headsExist)
      b.setInsertionPointToStart(&scf::IfOp::create(b, k.loc, headsExist, false).getThenRegion().front());
    for (Row row : pairOf(row, {})) {
      std::array<SmallVector<Value>, 2> at;
      for (int64_t i = 0; i < elements; ++i) {
        row.index = s.add(index, s.i32(i));
        Value neighbours = result(x, row, swizzled(n), 2), scale = loadScale(row);
        SmallVector<Value> values = {s.element(neighbours, 0), s.element(neighbours, 1)};
        for (int t = 0; t < 2; ++t) {
          if (k.problem.wraps) {
            auto [where, isImaginary] = tailAddress(s.min(s.add(n, s.i32(t)), s.i32(k.problem.length - 1)));
            values[t] = add(values[t], result(x, row, where, 1, isImaginary));
          }
          at[t].push_back(finish(values[t], scale));
        }
      }
      for (int t = 0; t < 2; ++t) {
        Value time = s.add(n, s.i32(t));
        Value real = both(s.less(time, s.i32(k.problem.length)), row.exists);
        OpBuilder::InsertionGuard guard(b);
        b.setInsertionPointToStart(&scf::IfOp::create(b, k.loc, real, false).getThenRegion().front());
        Value value = s.vector(at[t]);
        if (op.getGate())
          value = multiply(value, load(patchAt(op.getGate(), row, time, index), element, elements));
        LLVM::StoreOp::create(b, k.loc, value, patchAt(op.getY(), row, time, index), static_cast<unsigned>(width),
                              /*isVolatile=*/false, /*isNonTemporal=*/true);
      }
    }
  });
}
