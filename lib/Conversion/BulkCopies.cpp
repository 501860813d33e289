//===- BulkCopies.cpp - Rows by cp.async.bulk -----------------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One thread (of each warp, where warps own rows) starts the copies of all rows, so that what it takes is an instruction for each piece of a row, not one for each
// 16 bytes and warp. Pieces are what one value of digit 1 has: contiguous in memory, and in shared memory with padding behind. An mbarrier counts the bytes that
// come in; what goes out has been read once its group has been waited for. Zeros past the ends of rows are written once, since no copy takes their place.
//
//===----------------------------------------------------------------------===//

#include "KernelEmitter.h"

using namespace mlir;
using namespace fftconv;

namespace {
class BulkCopier {
public:
  explicit BulkCopier(KernelContext &context)
      : k(context), b(context.b), s(context.scalars()), planes(k.paired() ? 2 : 1),
        sourceBytes(k.problem.elementBytes() * k.problem.length),
        pieceBytes(monarch::bulkBytes(getDigits(k.plan), k.problem)),
        padding(2 * monarch::bulkPadding(k.choice, k.problem.split)),
        rowBytes(k.problem.split ? k.problem.elementBytes() * k.schedule->points() : k.rowBytes()) {}

  void setup(CopyInOp op) {
    int64_t buffers = monarch::mbarrierBytes(getDigits(k.plan), k.choice) / 8;
    s.when(s.isZero(k.thread), [&] {
      for (int64_t i = 0; i < buffers; ++i)
        NVVM::MBarrierInitOp::create(b, k.loc, s.offset(k.shared, mbarriers(op) + 8 * i), s.i32(1), Value());
    });
    int64_t units = (k.problem.elementBytes() * k.schedule->points() - sourceBytes) / 16;
    if (units == 0)
      return;
    int64_t rows = planes * k.rows * (k.choice.stages - 1);
    forEachUnit(k.thread, units * rows, k.threads(), [&](Value unit) {
      Value bytes = s.add(s.mul(s.rem(unit, units), 16), s.i32(sourceBytes));
      zero(s.offset(s.offset(k.begin(op.getTile()), s.mul(s.div(unit, units), rowBytes)), padded(bytes)));
    });
  }

  void copyIn(CopyInOp op, Value row, Value count) {
    Value tile = op.getTile(), mbarrier = mbarrierOf(op);
    byOneWarp([&] {
      Value all = count ? count : s.i32(1), bytes = s.mul(all, planes * sourceBytes);
      if (k.paired()) {
        // The last row may have no partner; zeros are that. Lanes write them before the first one arrives for all.
        Value last = s.sub(s.add(row, s.toI64(all)), s.i64(1)), partner = batchOf(last, 1);
        Value isMissing = s.less(s.sub(k.batch, s.i64(1)), partner);
        s.when(isMissing, [&] {
          Value index = count ? s.sub(count, s.i32(1)) : ownIndex(), target = k.planeOf(tile, 1, index, rowBytes);
          forEachUnit(k.lane, sourceBytes / 16, 32,
                      [&](Value unit) { zero(s.offset(target, padded(s.mul(unit, 16)))); });
        });
        bytes = s.select(isMissing, s.sub(bytes, s.i32(sourceBytes)), bytes);
        NVVM::SyncWarpOp::create(b, k.loc, s.i32(-1));
      }
      byOneLane([&] {
        NVVM::MBarrierArriveExpectTxOp::create(b, k.loc, Type(), mbarrier, bytes, NVVM::MemScopeKind::CTA,
                                               /*relaxed=*/false, /*predicate=*/Value());
        forEachPiece(op.getU(), tile, row, count, [&](Value global, Value shared, int64_t size) {
          s.assembly({shared, global, s.i32(size), mbarrier},
                     "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [$0], [$1], $2, [$3];",
                     "r,l,r,r,~{memory}");
        });
      });
    });
  }

  void wait(CopyInOp op) {
    s.assembly({mbarrierOf(op), k.parity},
               "{ .reg .pred done; WAIT_${:uid}: mbarrier.try_wait.parity.shared::cta.b64 done, [$0], $1; @!done bra "
               "WAIT_${:uid}; }",
               "r,r,~{memory}");
  }

  void copyOut(CopyOutOp op, Value row, Value count) {
    byOneWarp([&] {
      byOneLane([&] {
        forEachPiece(op.getY(), op.getX(), row, count, [&](Value global, Value shared, int64_t size) {
          NVVM::CpAsyncBulkSharedCTAToGlobalOp::create(b, k.loc, global, shared, s.i32(size), Value(), Value());
        });
        NVVM::CpAsyncBulkCommitGroupOp::create(b, k.loc);
      });
    });
  }

private:
  KernelContext &k;
  OpBuilder &b;
  Scalars s;
  int planes;
  /// Bytes of a row in memory, of one copy, behind one in shared memory, and of a plane of a row there.
  int64_t sourceBytes, pieceBytes, padding, rowBytes;

  static int64_t mbarriers(CopyInOp op) { return static_cast<int64_t>(op.getMbarriers()); }

  /// That of this group's buffer, of this warp where each has its own.
  Value mbarrierOf(CopyInOp op) {
    Value pointer = s.offset(k.shared, mbarriers(op));
    if (k.warpOwns())
      pointer = s.offset(pointer, s.mul(k.warp, 8));
    return k.slot ? s.offset(pointer, s.mul(k.slot, k.warpOwns() ? 8 * k.choice.warps : 8)) : pointer;
  }

  void byOneWarp(llvm::function_ref<void()> body) { s.when(k.warpOwns() ? Value() : s.isZero(k.warp), body); }

  /// Emits `body` for one lane of a warp, always the same. What it computes then goes to uniform registers, from which bulk copies take their operands; of a
  /// lane that a comparison chooses ptxas does not know that it is alone, and makes a loop over lanes of each copy.
  void byOneLane(llvm::function_ref<void()> body) {
    s.when(NVVM::ElectSyncOp::create(b, k.loc, b.getI1Type(), Value()), body);
    NVVM::SyncWarpOp::create(b, k.loc, s.i32(-1));
  }

  /// Calls `visit` for units first, first + step, ... below `end`, in a loop.
  void forEachUnit(Value first, int64_t end, int64_t step, llvm::function_ref<void(Value)> visit) {
    OpBuilder::InsertionGuard guard(b);
    auto loop = s.loop(first, s.i32(end), s.i32(step));
    b.setInsertionPointToStart(loop.getBody());
    visit(loop.getInductionVar());
  }

  /// Where a byte of a row lies in its plane.
  Value padded(Value bytes) { return padding ? s.add(bytes, s.mul(s.div(bytes, pieceBytes), padding)) : bytes; }

  void zero(Value pointer) {
    auto type = VectorType::get(4, b.getI32Type());
    LLVM::StoreOp::create(b, k.loc, LLVM::ZeroOp::create(b, k.loc, type), pointer, 16);
  }

  Value batchOf(Value row, int plane) { return planes == 2 ? s.add(s.mul(row, 2), s.i64(plane)) : row; }
  Value ownIndex() { return k.warpOwns() ? k.warp : Value(); }

  /// Calls `visit` with both ends and the size of all pieces of `count` rows from `row` on (one where it is null) that are there.
  void forEachPiece(Value buffer, Value tile, Value row, Value count,
                    llvm::function_ref<void(Value global, Value shared, int64_t size)> visit) {
    OpBuilder::InsertionGuard guard(b);
    Value index = ownIndex();
    if (count) {
      auto loop = s.loop(s.i32(0), count, s.i32(1));
      b.setInsertionPointToStart(loop.getBody());
      index = loop.getInductionVar();
      row = s.add(row, s.toI64(index));
    }
    // Addresses are for one thread, once a group; hoisted out of the loop over groups they would take registers of all.
    auto keepHere = [&](Value x) { return s.assembly(b.getI64Type(), x, "mov.b64 $0, $1;", "=l,l"); };
    Value head = keepHere(k.head);
    row = keepHere(row);
    for (int plane = 0; plane < planes; ++plane) {
      Value batch = batchOf(row, plane);
      s.when(plane ? s.less(batch, k.batch) : Value(), [&] {
        Value global = k.rowOf(buffer, batch, head), shared = k.planeOf(tile, plane, index, rowBytes);
        // A loop, as for rows: unrolled it would take more registers than it saves instructions.
        int64_t whole = sourceBytes / pieceBytes, pitch = pieceBytes + padding;
        auto visitPiece = [&](Value piece, int64_t size) {
          visit(s.offset(global, s.toI64(s.mul(piece, pieceBytes))), s.offset(shared, s.mul(piece, pitch)), size);
        };
        if (whole > 1)
          forEachUnit(s.i32(0), whole, 1, [&](Value piece) { visitPiece(piece, pieceBytes); });
        else if (whole == 1)
          visitPiece(s.i32(0), pieceBytes);
        if (int64_t rest = sourceBytes % pieceBytes)
          visitPiece(s.i32(whole), rest);
      });
    }
  }
};
} // namespace

void fftconv::emitBulkSetup(KernelContext &context, ArrayRef<CopyInOp> inputs) {
  for (CopyInOp input : inputs)
    BulkCopier(context).setup(input);
  NVVM::FenceMbarrierInitOp::create(context.b, context.loc);
  NVVM::Barrier0Op::create(context.b, context.loc);
}

void fftconv::emitBulkIn(KernelContext &context, CopyInOp op, Value row, Value count) {
  BulkCopier(context).copyIn(op, row, count);
}

void fftconv::emitBulkWait(KernelContext &context, CopyInOp op) { BulkCopier(context).wait(op); }

void fftconv::emitBulkOut(KernelContext &context, CopyOutOp op, Value row, Value count) {
  BulkCopier(context).copyOut(op, row, count);
}

void fftconv::emitBulkFence(KernelContext &context) {
  NVVM::FenceProxyOp::create(context.b, context.loc, NVVM::ProxyKind::async_shared,
                             NVVM::SharedSpaceAttr::get(context.b.getContext(), NVVM::SharedSpace::shared_cta));
}

void fftconv::emitBulkDrain(KernelContext &context) {
  NVVM::CpAsyncBulkWaitGroupOp::create(context.b, context.loc, 0, context.b.getUnitAttr());
}
