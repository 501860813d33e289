//===- TileCopies.cpp - Rows between memory and shared memory -------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A row is cut into units of 16 bytes, fewer where its length does not keep rows aligned. The threads that own a row (a warp where warps own
// sequences, else the CTA) take units in turn, and the same thread takes the same unit on the way in and out. Units past L are zeros.
//
//===----------------------------------------------------------------------===//

#include "KernelEmitter.h"

#include "fftconv/Monarch/Kernel.h"

using namespace mlir;
using namespace fftconv;

namespace {
class RowCopier {
public:
  RowCopier(KernelContext &context)
      : k(context), b(context.b), s(context.scalars()), width(monarch::copyWidth(context.length)),
        memory(context.schedule->memory()) {
    owners = k.warpOwns() ? 32 : k.threads();
    me = k.warpOwns() ? k.lane : k.thread;
    elements = width / 2;
    linear = llvm::all_of(k.schedule->radices, [](int64_t r) { return monarch::isPowerOfTwo(r); });
  }

  void copyIn(CopyInOp op, Value row, Value count) {
    forEachUnit(op.getTile().getType(), row, count, k.schedule->points(), [&](const Unit &unit) {
      for (const Row &row : rows) {
        Value real = both(unit.real, row.exists), global = at(op.getU(), row, unit);
        if (width == 2) {
          loadElement(real, s.offset(row.shared, unit.address), global, k.buffers.lookup(op.getU()));
          continue;
        }
        Value size = real ? s.select(real, s.i32(width), s.i32(0)) : Value();
        NVVM::CpAsyncOp::create(b, k.loc, s.offset(row.shared, unit.address), global, static_cast<uint32_t>(width),
                                width == 16 ? NVVM::LoadCacheModifierKind::CG : NVVM::LoadCacheModifierKind::CA, size);
      }
    });
  }

  void copyOut(CopyOutOp op, Value row, Value count) {
    element = op.getY().getType().getElementType();
    bool wraps = op.getX().getType().isComplex() && !k.paired();
    forEachUnit(op.getX().getType(), row, count, k.length, [&](const Unit &unit) {
      Value tail = wraps ? tailAddress(unit) : Value();
      for (const Row &row : rows)
        guarded(both(unit.real, row.exists), [&] {
          Value value = load(s.offset(row.shared, unit.address));
          if (tail)
            value = LLVM::FAddOp::create(b, k.loc, value, load(s.offset(row.shared, tail)));
          if (op.getGate())
            value = LLVM::FMulOp::create(b, k.loc, value, load(at(op.getGate(), row, unit)));
          LLVM::StoreOp::create(b, k.loc, value, at(op.getY(), row, unit), width, /*isVolatile=*/false,
                                /*isNonTemporal=*/true);
        });
    });
  }

private:
  KernelContext &k;
  OpBuilder &b;
  Scalars s;
  int64_t width, elements, owners;
  monarch::SharedMap memory;
  Value me;
  bool linear;
  Type element;

  /// A batch row: its plane in shared memory, its byte offset in a tensor [B, H, L], and whether it is there; null where it is for sure.
  struct Row {
    Value shared, bytes, exists;
  };
  SmallVector<Row> rows;

  /// What a thread copies at a time.
  struct Unit {
    /// The element that begins the unit of the first thread, and where: in which iteration, if that is known.
    Value first;
    std::optional<int64_t> iteration;
    /// The byte offset of this thread's unit in the row's plane of shared memory.
    Value address;
    /// Whether it lies before L; null where all do.
    Value real;
  };

  /// Calls `copy` for all units of `values` elements, of all rows.
  void forEachUnit(TileType tile, Value row, Value count, int64_t values, llvm::function_ref<void(const Unit &)> copy) {
    OpBuilder::InsertionGuard guard(b);
    // Addresses that take divisions are one each for every unit: hoisted out of the loop over groups they would take registers for good.
    if (!linear)
      me = s.assembly(b.getI32Type(), me, "mov.u32 $0, $1;", "=r,r");
    Value shared = s.offset(k.shared, tile.getLayout().getOffset());
    if (k.warpOwns())
      shared = s.offset(shared, s.mul(k.warp, k.rowBytes()));
    if (count) {
      auto loop = s.loop(s.i32(0), count, s.i32(1));
      b.setInsertionPointToStart(loop.getBody());
      Value i = loop.getInductionVar();
      shared = s.offset(shared, s.mul(i, k.rowBytes()));
      row = s.add(row, s.toI64(i));
    }
    rows.clear();
    for (int plane = 0; plane < (k.paired() ? 2 : 1); ++plane) {
      Value batchRow = k.paired() ? s.add(s.mul(row, 2), s.i64(plane)) : row;
      Value bytes = s.mul(s.add(s.mul(batchRow, k.heads), k.head), 2 * k.length);
      rows.push_back(
          {s.offset(shared, plane * k.rows * k.rowBytes()), bytes, plane ? s.less(batchRow, k.batch) : Value()});
    }
    int64_t units = values / elements, iterations = (units + owners - 1) / owners;
    auto visit = [&](Value first, std::optional<int64_t> iteration) {
      Value real;
      if (!iteration)
        real = s.less(s.add(first, s.mul(me, elements)), s.i32(k.length));
      else if (int64_t left = k.length / elements - *iteration * owners; left < owners)
        real = s.less(me, s.i32(left));
      copy({first, iteration, address(first, iteration), real});
    };
    if (iterations <= monarch::unrolledCopies) {
      for (int64_t it = 0; it < iterations; ++it)
        visit(s.i32(it * owners * elements), it);
      return;
    }
    auto loop = s.loop(s.i32(0), s.i32(iterations), s.i32(1));
    b.setInsertionPointToStart(loop.getBody());
    visit(s.mul(loop.getInductionVar(), owners * elements), std::nullopt);
  }

  Value both(Value a, Value c) { return !a ? c : !c ? a : Value(arith::AndIOp::create(b, k.loc, a, c)); }

  /// The pointer to a unit of a row in a buffer.
  Value at(Value buffer, const Row &row, const Unit &unit) {
    Value pointer = s.offset(k.buffers.lookup(buffer), s.add(row.bytes, s.toI64(s.mul(me, width))));
    return unit.iteration ? s.offset(pointer, *unit.iteration * owners * width)
                          : s.offset(pointer, s.mul(unit.first, 2));
  }

  Value swizzled(Value element) {
    Value mask = s.i32(0);
    for (const auto &[bit, bits] : memory.swizzle()) {
      Value value = s.div(element, memory.stride(bit.first) << bit.second);
      mask = s.bitXor(mask, s.mul(s.bitAnd(value, 1), int64_t(bits) << 4));
    }
    return s.bitXor(s.mul(element, 2), mask);
  }

  /// The byte offset in a row's plane of this thread's unit, where the first thread's begins at element `first`.
  Value address(Value first, std::optional<int64_t> iteration) {
    Value mine = s.mul(me, elements);
    if (!linear || !iteration)
      return swizzled(s.add(mine, first));
    // Over F2 the constant part can be added last: what lies in the low bits by XOR.
    std::vector<int64_t> digits(k.schedule->radices.size());
    int64_t element = *iteration * owners * elements;
    for (size_t j = 1; j < digits.size(); ++j)
      digits[j] = element / memory.stride(static_cast<int>(j)) % k.schedule->radices[j];
    int64_t bytes = 2 * memory.address(digits), low = bytes & 127;
    return s.add(s.bitXor(swizzled(mine), s.i32(low)), s.i32(bytes - low));
  }

  /// The same for the element L later, which past the real parts is among the imaginary ones.
  Value tailAddress(const Unit &unit) {
    Value later = s.add(s.add(unit.first, s.mul(me, elements)), s.i32(k.length)), points = s.i32(k.schedule->points());
    Value inReal = s.less(later, points), index = s.select(inReal, later, s.sub(later, points));
    return s.add(swizzled(index), s.select(inReal, s.i32(0), s.i32(k.rows * k.rowBytes())));
  }

  /// Runs `body` on the threads that have a real unit. Lanes that have none wait for the others: left to themselves they would run ahead
  /// into the next row, and the warp would do that twice.
  void guarded(Value condition, llvm::function_ref<void()> body) {
    if (!condition)
      return body();
    {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(&scf::IfOp::create(b, k.loc, condition, /*withElse=*/false).getThenRegion().front());
      body();
    }
    NVVM::SyncWarpOp::create(b, k.loc, s.i32(-1));
  }

  Value load(Value pointer) {
    Type type = elements == 1 ? element : Type(VectorType::get(elements, element));
    return LLVM::LoadOp::create(b, k.loc, type, pointer, width);
  }

  /// Asynchronous copies are of four bytes at least; rows of odd length take the way through a register.
  void loadElement(Value real, Value target, Value global, Value safe) {
    Value value = LLVM::LoadOp::create(b, k.loc, b.getI16Type(), real ? s.select(real, global, safe) : global, 2);
    if (real)
      value = s.select(real, value, s.constant(b.getI16Type(), 0));
    LLVM::StoreOp::create(b, k.loc, value, target, 2);
  }
};
} // namespace

void fftconv::emitCopyIn(KernelContext &context, CopyInOp op, Value row, Value count) {
  RowCopier(context).copyIn(op, row, count);
  NVVM::CpAsyncCommitGroupOp::create(context.b, context.loc);
}

void fftconv::emitCopyOut(KernelContext &context, CopyOutOp op, Value row, Value count) {
  RowCopier(context).copyOut(op, row, count);
}
