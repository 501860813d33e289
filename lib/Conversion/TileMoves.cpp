//===- TileMoves.cpp - Tiles to and from shared memory --------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// ldmatrix and stmatrix, or pairs where there is no stmatrix.
//
//===----------------------------------------------------------------------===//

#include "PhaseEmitter.h"

using namespace mlir;
using namespace fftconv;

monarch::SharedMap PhaseEmitter::memoryOf(Value tile) {
  if (!tile.getDefiningOp<RelayoutOp>())
    return schedule.inputMemory();
  return isa<CopyOutOp>(*tile.user_begin()) ? schedule.resultMemory() : schedule.memory();
}

void PhaseEmitter::read(RelayoutOp op) {
  TileType type = op.getY().getType();
  x.emplace(layoutOf(type), type.isComplex() ? 2 : 1, split() ? Form::Split : Form::Packed);
  Type pair = VectorType::get(2, split() ? operand() : type.getReal());
  monarch::SharedMap memory = memoryOf(op.getX());
  monarch::MatrixAccess access = *monarch::matrixAccess(x->layout, memory);
  // Matrices come in consecutive registers, and so does an operand of an mma: as operand B (of a product from the left) those with the same r1,
  // as operand A all four in order. Lanes 8 to 15 supply the second matrix, 16 to 23 the third.
  Operation *next = *op.getY().user_begin();
  while (isa<TileGateOp, TileConvertOp>(next))
    next = *next->getResult(0).user_begin();
  auto dft = dyn_cast<TileDftOp>(next);
  if (dft && dft.getHow() == How::Left && takesBothPlanes(dft))
    return readBothPlanes(op, memory, access);
  bool pairsByRow = dft && dft.getHow() != How::Right;
  if (pairsByRow) {
    monarch::Piece second = access.rows.at({'l', 4});
    access.rows.set({'l', 4}, access.rows.at({'l', 3}));
    access.rows.set({'l', 3}, second);
  }
  SharedAddress address(s, memory, access.rows, place);
  for (int64_t tile = 0; tile < x->layout.tiles(); ++tile) {
    if (!x->present(0, tile))
      continue;
    // Where the rows with r1 = 1 are empty two matrices are left.
    bool full = x->present(2, tile);
    assert((full || pairsByRow) && "digits that are padded are transformed from the left");
    for (int which = 0; which < x->planes; ++which)
      for (int part = 0; part < k.parts(); ++part) {
        auto [base, constant] = address.at(s, 0, tile);
        Value pointer = s.offset(s.offset(k.planeOf(op.getX(), which, part, row), base), constant);
        std::vector<Value> words = loadMatrices(pointer, full ? 4 : 2, access.transposed);
        for (int i = 0; i < static_cast<int>(words.size()); ++i)
          x->data[tile][which][4 * part + (pairsByRow ? i / 2 + i % 2 * 2 : i)] =
              LLVM::BitcastOp::create(b, k.loc, pair, words[i]);
      }
  }
}

void PhaseEmitter::forEachFourOfBothPlanes(
    Value tile, const monarch::SharedMap &memory, const monarch::MatrixAccess &access,
    llvm::function_ref<void(Value pointer, std::array<Value *, 4> matrices)> visit) {
  monarch::Layout rows(schedule.radices);
  for (const auto &[p, piece] : access.rows.pieces())
    if (p != monarch::Place{'l', 3} && p != monarch::Place{'l', 4})
      rows.set(p, piece);
  rows.set({'l', 4}, access.rows.at({'l', 3}));
  rows.set({'r', 2}, access.rows.at({'l', 4}));
  SharedAddress address(s, memory, rows, place);
  Value plane = s.mul(s.bitAnd(s.shr(k.lane, 3), 1), k.parts() * k.rows * k.rowBytes());
  for (int64_t t = 0; t < x->layout.tiles(); ++t)
    for (int part = 0; part < k.parts(); ++part)
      for (int r2 = 0; r2 < 2; ++r2) {
        auto [base, constant] = address.at(s, 4 * r2, t);
        Value pointer = s.offset(s.offset(k.planeOf(tile, 0, part, row), s.add(base, plane)), constant);
        auto &[re, im] = x->data[t];
        int at = 4 * part + 2 * r2;
        visit(pointer, {&re[at], &im[at], &re[at + 1], &im[at + 1]});
      }
}

void PhaseEmitter::readBothPlanes(RelayoutOp op, const monarch::SharedMap &memory,
                                  const monarch::MatrixAccess &access) {
  forEachFourOfBothPlanes(op.getX(), memory, access, [&](Value pointer, std::array<Value *, 4> matrices) {
    for (auto [matrix, word] : llvm::zip(matrices, loadMatrices(pointer, 4, access.transposed)))
      *matrix = asHalves(word);
  });
}

std::vector<Value> PhaseEmitter::loadMatrices(Value pointer, int count, bool transposed) {
  Type i32 = b.getI32Type();
  Type type = LLVM::LLVMStructType::getLiteral(b.getContext(), SmallVector<Type>(count, i32));
  Value loaded =
      NVVM::LdMatrixOp::create(b, k.loc, type, pointer, count, transposed ? NVVM::MMALayout::col : NVVM::MMALayout::row,
                               NVVM::LdStMatrixShapeAttr::get(b.getContext(), 8, 8), NVVM::LdStMatrixEltType::B16);
  std::vector<Value> words;
  for (int i = 0; i < count; ++i)
    words.push_back(LLVM::ExtractValueOp::create(b, k.loc, loaded, i));
  return words;
}

void PhaseEmitter::storeMatrices(Value pointer, const SmallVector<Value> &words, bool transposed) {
  NVVM::StMatrixOp::create(b, k.loc, pointer, words, transposed ? NVVM::MMALayout::col : NVVM::MMALayout::row,
                           NVVM::LdStMatrixShapeAttr::get(b.getContext(), 8, 8), NVVM::LdStMatrixEltType::B16);
}

void PhaseEmitter::write(RelayoutOp op) {
  if (split())
    splitUp();
  monarch::SharedMap memory = memoryOf(op.getY());
  monarch::MatrixAccess access = *monarch::matrixAccess(x->layout, memory);
  auto dft = op.getX().getDefiningOp<TileDftOp>();
  if (k.chip.storesMatrices && dft && dft.getHow() != How::Butterfly && takesBothPlanes(dft))
    return forEachFourOfBothPlanes(op.getY(), memory, access, [&](Value pointer, std::array<Value *, 4> matrices) {
      SmallVector<Value> words;
      for (Value *matrix : matrices)
        words.push_back(asWord(*matrix));
      storeMatrices(pointer, words, access.transposed);
    });
  // Rows of matrices where there is stmatrix, else pairs, which have the same wavefronts.
  const monarch::Layout &layout = k.chip.storesMatrices ? access.rows : x->layout;
  SharedAddress address(s, memory, layout, place);
  for (int64_t tile = 0; tile < x->layout.tiles(); ++tile) {
    if (!x->present(0, tile))
      continue;
    for (int which = 0; which < x->planes; ++which)
      for (int part = 0; part < k.parts(); ++part) {
        Value target = k.planeOf(op.getY(), which, part, row);
        ArrayRef<Value> regs = ArrayRef(x->data[tile][which]).slice(4 * part, 4);
        if (k.chip.storesMatrices) {
          auto [base, constant] = address.at(s, 0, tile);
          SmallVector<Value> words;
          for (int reg = 0; reg < 4 && regs[reg]; ++reg)
            words.push_back(asWord(regs[reg]));
          storeMatrices(s.offset(s.offset(target, base), constant), words, access.transposed);
          continue;
        }
        for (int reg = 0; reg < 4; ++reg)
          if (regs[reg]) {
            auto [base, constant] = address.at(s, 2 * reg, tile);
            LLVM::StoreOp::create(b, k.loc, asWord(regs[reg]), s.offset(s.offset(target, base), constant),
                                  /*alignment=*/4);
          }
      }
  }
}
