//===- TileNormalize.cpp - Rows of f32 as pairs of f16 --------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// They come in as they are; from there they are scaled and split into planes of hi and lo.
//
//===----------------------------------------------------------------------===//

#include "RowCopier.h"

using namespace mlir;
using namespace fftconv;

void RowCopier::normalize(TileNormalizeOp op, Value row, Value count) {
  Value x = op.getX(), y = op.getY();
  Type f32 = b.getF32Type();
  auto unitOf = [&](const Row &row, const Unit &unit) { return s.offset(raw(x, row), rawAddress(unit)); };
  auto greatest = [&](ArrayRef<Row> rows) {
    SmallVector<Value> zeros(rows.size(), s.i32(0));
    return forEachUnit(k.schedule->points(), zeros, [&](const Unit &unit, ValueRange so) {
      SmallVector<Value> next(so);
      for (auto [row, most] : llvm::zip(rows, next)) {
        Value value = load(unitOf(row, unit), f32, elements);
        if (op.getGate()) {
          // Past the end there are zeros already.
          Value real = both(unit.real, row.exists), gate = readable(op.getGate(), real, at(op.getGate(), row, unit));
          Value product = multiply(value, load(gate, f32, elements));
          value = real ? Value(LLVM::SelectOp::create(b, k.loc, real, product, value)) : product;
          LLVM::StoreOp::create(b, k.loc, value, unitOf(row, unit), static_cast<unsigned>(width));
        }
        for (int64_t i = 0; i < elements; ++i)
          most = b.createOrFold<arith::MaxUIOp>(k.loc, most, s.magnitude(s.element(value, i)));
      }
      return next;
    });
  };
  auto split = [&](ArrayRef<Row> rows, ArrayRef<Value> most) {
    SmallVector<Value> factors;
    for (auto [row, bits] : llvm::zip(rows, most)) {
      // 2^(132 - exponent) puts the greatest between 32 and 64; its inverse is normal, too.
      Value exponent = s.min(s.sub(s.i32(259), s.shr(bits, 23)), s.i32(253));
      factors.push_back(s.splat(s.powerOfTwo(exponent), elements));
      Value inverse = s.powerOfTwo(s.sub(s.i32(254), exponent));
      // Where there is nothing but zeros, nothing of the other row of a pair may be taken for results.
      inverse = s.select(s.isZero(bits), s.f32(0), inverse);
      guarded(s.isZero(me), [&, &row = row] {
        Value head = k.head;
        if (k.problem.channelsLast && !k.warpOwns() && row.index)
          head = s.min(s.add(k.firstHead, s.toI64(row.index)), s.i64(k.problem.heads - 1));
        Value spectrum = s.offset(k.spectra, s.mul(head, k.spectrumBytes()));
        Value scale = load(s.offset(spectrum, 8 * k.schedule->points()), f32, 1);
        LLVM::StoreOp::create(b, k.loc, multiply(inverse, scale), scaleOf(row), 4);
      });
    }
    forEachUnit(k.schedule->points(), {}, [&](const Unit &unit, ValueRange) -> SmallVector<Value> {
      for (auto [row, factor] : llvm::zip(rows, factors)) {
        Value value = multiply(load(unitOf(row, unit), f32, elements), factor), hi = narrow(value);
        Value lo = narrow(LLVM::FSubOp::create(b, k.loc, value, widen(hi)));
        for (auto [part, plane] : {std::pair(0, hi), std::pair(1, lo)})
          LLVM::StoreOp::create(b, k.loc, plane, s.offset(halves(y, row, 0, part), address(unit)), 2 * elements);
      }
      return {};
    });
  };
  auto warpMost = [&](Value most) {
    return s.assembly(b.getI32Type(), most, "redux.sync.max.u32 $0, $1, 0xffffffff;", "=r,r");
  };
  if (k.warpOwns()) {
    SmallVector<Row> rows = pairOf(row, k.warp);
    split(rows, llvm::map_to_vector(greatest(rows), warpMost));
    return;
  }
  // Each warp's greatest, row by row; then, after a barrier, that of all warps. Rows of neighbouring heads are of one batch row.
  auto rowsAt = [&](Value index) {
    return pairOf(index && !k.problem.channelsLast ? s.add(row, s.toI64(index)) : row, index);
  };
  forEachRow(count, [&](Value index) {
    SmallVector<Row> rows = rowsAt(index);
    SmallVector<Value> most = llvm::map_to_vector(greatest(rows), warpMost);
    guarded(s.isZero(k.lane), [&] {
      for (auto [row, bits] : llvm::zip(rows, most))
        LLVM::StoreOp::create(b, k.loc, bits, s.offset(warpsMost(row), s.mul(k.warp, 4)), 4);
    });
  });
  NVVM::Barrier0Op::create(b, k.loc);
  forEachRow(count, [&](Value index) {
    SmallVector<Row> rows = rowsAt(index);
    SmallVector<Value> most;
    for (const Row &row : rows) {
      Value mine = s.offset(warpsMost(row), s.mul(s.bitAnd(k.lane, k.schedule->warps - 1), 4));
      most.push_back(warpMost(LLVM::LoadOp::create(b, k.loc, b.getI32Type(), mine, 4)));
    }
    split(rows, most);
  });
}

Value RowCopier::scaleOf(const Row &row) {
  Value pointer = s.offset(k.shared, k.scales + 4 * row.plane * k.rows);
  return row.index ? s.offset(pointer, s.mul(row.index, 4)) : pointer;
}

Value RowCopier::warpsMost(const Row &row) {
  int64_t planes = k.paired() ? 2 : 1, each = 4 * k.schedule->warps;
  Value pointer = s.offset(k.shared, k.scales + 4 * planes * k.rows + row.plane * k.rows * each);
  return row.index ? s.offset(pointer, s.mul(row.index, each)) : pointer;
}

void fftconv::emitNormalize(KernelContext &context, TileNormalizeOp op, Value row, Value count) {
  RowCopier(context).normalize(op, row, count);
}
