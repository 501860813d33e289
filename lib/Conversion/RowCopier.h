//===- RowCopier.h - Rows between memory and shared memory ------*- C++ -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A row is cut into units of 16 bytes, fewer where its length does not keep rows aligned. The threads that own a row (a warp where warps own
// sequences, else the CTA or a team of its warps) take units in turn, and the same thread takes the same unit on the way in and out. Units past L are zeros.
//
// TileCopies.cpp copies rows and says where they lie, TileNormalize.cpp scales and splits those of f32, TurningCopies.cpp copies those whose channels are last.
//
//===----------------------------------------------------------------------===//

#ifndef FFTCONV_LIB_CONVERSION_ROWCOPIER_H
#define FFTCONV_LIB_CONVERSION_ROWCOPIER_H

#include "KernelEmitter.h"

namespace fftconv {

/// Emits the copies of a kernel.
class RowCopier {
public:
  RowCopier(KernelContext &context);

  void copyIn(CopyInOp op, mlir::Value row, mlir::Value count);

  void normalize(TileNormalizeOp op, mlir::Value row, mlir::Value count);

  void copyOut(CopyOutOp op, mlir::Value row, mlir::Value count);

  /// Loads what the results of rows will be multiplied with, in the order in which they leave.
  void holdGates(CopyOutOp op, mlir::Value row, mlir::Value count);

  /// Has the rows of a buffer from `row` on brought into L2, as many as travel together.
  void fetch(mlir::Value buffer, mlir::Value row);

private:
  KernelContext &k;
  mlir::OpBuilder &b;
  Scalars s;
  /// Of an element, of one access; elements of one access, and threads that share a row.
  int64_t bytes, width, elements, owners;
  monarch::SharedMap memory;
  /// Teams that have rows of their own, and whether teams have blocks of all rows instead.
  int64_t rowTeams;
  bool byBlocks;
  /// Of those threads this one, and the element with which its first unit begins.
  mlir::Value me, lead;
  bool linear;
  mlir::Type element;

  //===--------------------------------------------------------------------===//
  // Rows and units
  //===--------------------------------------------------------------------===//

  /// A row of a CTA: its batch row, its place among the rows of the CTA (null: the only one), which of the planes of its pair it is, and whether it is there; null where
  /// it is for sure.
  struct Row {
    mlir::Value batch, index;
    int plane = 0;
    mlir::Value exists;
  };

  /// The place among the rows of the CTA of a team's row `index` (i32).
  mlir::Value rowOfTeam(mlir::Value index) { return rowTeams > 1 ? s.add(s.mul(index, rowTeams), k.team) : index; }

  void forEachRow(mlir::Value count, llvm::function_ref<void(mlir::Value index)> body);

  /// Calls `visit` with the planes of `count` schedule rows (null: the only one) from `row` on, those of this team, one after the other: in a loop, or in line.
  void forEachScheduleRow(mlir::Value row, mlir::Value count, llvm::function_ref<void(llvm::ArrayRef<Row>)> visit);

  /// The planes of a schedule row.
  llvm::SmallVector<Row> pairOf(mlir::Value row, mlir::Value index);

  /// What a thread copies at a time.
  struct Unit {
    /// The element that begins the unit of the first thread, and where: in which iteration, if that is known.
    mlir::Value first;
    std::optional<int64_t> iteration;
    /// The element that begins this thread's unit.
    mlir::Value element;
    /// Whether it lies before L; null where all do.
    mlir::Value real;
  };

  /// Calls `visit` for all units of `values` elements, with what it has made of the units before, `initial` at first.
  llvm::SmallVector<mlir::Value>
  forEachUnit(int64_t values, llvm::ArrayRef<mlir::Value> initial,
              llvm::function_ref<llvm::SmallVector<mlir::Value>(const Unit &, mlir::ValueRange)> visit);

  /// Copies rows by way of registers, where they are multiplied with their gate.
  void gateIn(CopyInOp op, mlir::Value row, mlir::Value count);

  void holdGates(CopyOutOp op, llvm::ArrayRef<Row> rows);

  mlir::Value both(mlir::Value a, mlir::Value c) {
    return !a ? c : !c ? a : mlir::Value(mlir::arith::AndIOp::create(b, k.loc, a, c));
  }

  //===--------------------------------------------------------------------===//
  // Addresses
  //===--------------------------------------------------------------------===//

  /// The pointer to a unit of a row in a buffer.
  mlir::Value at(mlir::Value buffer, const Row &row, const Unit &unit);
  /// A pointer into a buffer where there is something (`real`; null where there always is), else to its begin: what may be read in any case.
  mlir::Value readable(mlir::Value buffer, mlir::Value real, mlir::Value pointer) {
    return real ? s.select(real, pointer, k.buffers.lookup(buffer).pointer) : pointer;
  }

  /// Pointers to a row's plane in shared memory: of 16-bit values, or as it is in memory.
  mlir::Value halves(mlir::Value tile, const Row &row, int which, int part = 0);
  mlir::Value raw(mlir::Value tile, const Row &row) {
    return k.planeOf(tile, row.plane, row.index, bytes * k.schedule->points());
  }
  mlir::Value rawAddress(const Unit &unit) { return s.mul(unit.element, bytes); }

  /// What a row's results are to be multiplied with; and the greatest magnitude that each warp has found in the row.
  mlir::Value scaleOf(const Row &row);
  mlir::Value warpsMost(const Row &row);

  mlir::Value dense(mlir::Value element);
  mlir::Value padded(mlir::Value element, mlir::Value bytes);
  mlir::Value swizzled(mlir::Value element) { return padded(element, dense(element)); }

  /// The byte offset of this thread's unit in a plane of 16-bit values.
  mlir::Value address(const Unit &unit);

  /// The same for the element L later, and whether that is past the real parts, among the imaginary ones.
  std::pair<mlir::Value, mlir::Value> tailAddress(mlir::Value element);

  //===--------------------------------------------------------------------===//
  // Values
  //===--------------------------------------------------------------------===//

  mlir::Value load(mlir::Value pointer, mlir::Type type, int64_t count);
  mlir::Type like(mlir::Value value, mlir::Type type);
  mlir::Value multiply(mlir::Value x, mlir::Value y) { return mlir::LLVM::FMulOp::create(b, k.loc, x, y); }
  mlir::Value add(mlir::Value x, mlir::Value y) { return mlir::LLVM::FAddOp::create(b, k.loc, x, y); }
  mlir::Value widen(mlir::Value x) { return mlir::LLVM::FPExtOp::create(b, k.loc, like(x, b.getF32Type()), x); }
  mlir::Value narrow(mlir::Value x) { return mlir::LLVM::FPTruncOp::create(b, k.loc, like(x, b.getF16Type()), x); }

  /// Results as the stages have left them: `count` of them at an address of a row's plane, the one after it where `isImaginary`.
  mlir::Value result(mlir::Value x, const Row &row, mlir::Value where, int64_t count, mlir::Value isImaginary = {});

  /// What takes the scale of a row back; null where rows have none.
  mlir::Value loadScale(const Row &row) {
    return k.problem.split ? load(scaleOf(row), b.getF32Type(), 1) : mlir::Value();
  }
  mlir::Value finish(mlir::Value value, mlir::Value scale);

  /// Runs `body` on the threads that have a real unit. Lanes that have none wait for the others: left to themselves they would run ahead
  /// into the next row, and the warp would do that twice.
  void guarded(mlir::Value condition, llvm::function_ref<void()> body);

  /// Asynchronous copies are of four bytes at least; 16-bit rows of odd length take the way through a register.
  void loadElement(mlir::Value real, mlir::Value target, mlir::Value global, mlir::Value safe);

  //===--------------------------------------------------------------------===//
  // Channels last
  //===--------------------------------------------------------------------===//

  /// Calls `visit` with the first of two neighbouring points in time below `values`, the first of `elements` neighbouring rows of the CTA, and whether their heads
  /// exist (null where all do), until all are done. A warp's lanes have neighbouring times, so that what they write to a row is contiguous.
  void forEachPatch(int64_t values,
                    llvm::function_ref<void(mlir::Value n, mlir::Value index, mlir::Value headsExist)> visit);

  /// The pointer to a point in time of the head at a place among the CTA's rows.
  mlir::Value patchAt(mlir::Value buffer, const Row &row, mlir::Value n, mlir::Value index);

  void turnIn(CopyInOp op, mlir::Value row);

  void turnOut(CopyOutOp op, mlir::Value row);
};

} // namespace fftconv

#endif // FFTCONV_LIB_CONVERSION_ROWCOPIER_H
