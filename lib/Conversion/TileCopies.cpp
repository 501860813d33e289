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

  void copy(Value row, Value count, int64_t offset, bool in) {
    OpBuilder::InsertionGuard guard(b);
    // Addresses that take divisions are one each for every unit: hoisted out of the loop over groups they would take registers for good.
    if (!linear)
      me = LLVM::InlineAsmOp::create(b, k.loc, b.getI32Type(), ValueRange{me}, "mov.u32 $0, $1;", "=r,r",
                                     /*has_side_effects=*/true, /*is_align_stack=*/false,
                                     LLVM::tailcallkind::TailCallKind::None,
                                     LLVM::AsmDialectAttr::get(b.getContext(), LLVM::AsmDialect::AD_ATT), ArrayAttr())
               .getResult(0);
    Value shared = s.offset(k.shared, offset);
    if (k.warpOwns())
      shared = s.offset(shared, s.mul(k.warp, k.rowBytes()));
    if (count) {
      auto loop = s.loop(s.i32(0), count, s.i32(1));
      b.setInsertionPointToStart(loop.getBody());
      Value i = loop.getInductionVar();
      shared = s.offset(shared, s.mul(i, k.rowBytes()));
      row = s.add(row, s.toI64(i));
    }
    // Row b of the head, of a tensor [B, H, L].
    Value index = s.add(s.mul(row, k.heads), k.head);
    rowStart = s.offset(in ? k.u : k.y, s.mul(index, 2 * k.length));
    Value global = s.offset(rowStart, s.toI64(s.mul(me, width)));
    int64_t units = in ? k.schedule->points() / elements : k.length / elements;
    int64_t iterations = (units + owners - 1) / owners;
    if (iterations <= monarch::unrolledCopies) {
      for (int64_t it = 0; it < iterations; ++it)
        copyUnit(shared, s.offset(global, it * owners * width), s.i32(it * owners * elements), it, in);
      return;
    }
    auto loop = s.loop(s.i32(0), s.i32(iterations), s.i32(1));
    b.setInsertionPointToStart(loop.getBody());
    Value it = loop.getInductionVar();
    copyUnit(shared, s.offset(global, s.mul(it, owners * width)), s.mul(it, owners * elements), std::nullopt, in);
  }

private:
  KernelContext &k;
  OpBuilder &b;
  Scalars s;
  int64_t width, elements, owners;
  monarch::SharedMap memory;
  Value me, rowStart;
  bool linear;

  /// The byte address in shared memory of the element that begins this thread's unit. `first` is the element that begins the first thread's.
  Value address(Value first, std::optional<int64_t> it) {
    auto swizzled = [&](Value element) {
      Value mask = s.i32(0);
      for (const auto &[bit, bits] : memory.swizzle()) {
        Value value = s.div(element, memory.stride(bit.first) << bit.second);
        mask = s.bitXor(mask, s.mul(s.bitAnd(value, 1), int64_t(bits) << 4));
      }
      return s.bitXor(s.mul(element, 2), mask);
    };
    Value mine = s.mul(me, elements);
    if (!linear || !it)
      return swizzled(s.add(mine, first));
    // Over F2 the constant part can be added last: what lies in the low bits by XOR.
    std::vector<int64_t> digits(k.schedule->radices.size());
    int64_t element = *it * owners * elements;
    for (size_t j = 1; j < digits.size(); ++j)
      digits[j] = element / memory.stride(static_cast<int>(j)) % k.schedule->radices[j];
    int64_t bytes = 2 * memory.address(digits), low = bytes & 127;
    return s.add(s.bitXor(swizzled(mine), s.i32(low)), s.i32(bytes - low));
  }

  /// How many of the row's real units lie at and after the first one of an iteration; at least `owners` where all threads have one.
  int64_t realUnits(int64_t it) const { return k.length / elements - it * owners; }

  void copyUnit(Value shared, Value global, Value first, std::optional<int64_t> it, bool in) {
    Value target = s.offset(shared, address(first, it));
    // Whether this thread's unit is real; null where all are.
    Value real;
    if (!it)
      real = s.less(s.add(first, s.mul(me, elements)), s.i32(k.length));
    else if (realUnits(*it) < owners)
      real = s.less(me, s.i32(realUnits(*it)));
    if (!in)
      return guarded(real, [&] { store(target, global); });
    if (width == 2)
      return loadElement(target, global, real);
    Value size = real ? s.select(real, s.i32(width), s.i32(0)) : Value();
    NVVM::CpAsyncOp::create(b, k.loc, target, global, static_cast<uint32_t>(width),
                            width == 16 ? NVVM::LoadCacheModifierKind::CG : NVVM::LoadCacheModifierKind::CA, size);
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

  Type unitType() {
    if (width == 2)
      return b.getI16Type();
    return width == 4 ? Type(b.getI32Type()) : Type(VectorType::get(width / 4, b.getI32Type()));
  }

  void store(Value source, Value global) {
    Value unit = LLVM::LoadOp::create(b, k.loc, unitType(), source, width);
    LLVM::StoreOp::create(b, k.loc, unit, global, width, /*isVolatile=*/false, /*isNonTemporal=*/true);
  }

  /// Asynchronous copies are of four bytes at least; rows of odd length take the way through a register.
  void loadElement(Value target, Value global, Value real) {
    Value element = LLVM::LoadOp::create(b, k.loc, b.getI16Type(), real ? s.select(real, global, rowStart) : global, 2);
    if (real)
      element = s.select(real, element, s.constant(b.getI16Type(), 0));
    LLVM::StoreOp::create(b, k.loc, element, target, 2);
  }
};
} // namespace

void fftconv::emitCopyIn(KernelContext &context, Value row, Value count, int64_t offset) {
  RowCopier(context).copy(row, count, offset, /*in=*/true);
  NVVM::CpAsyncCommitGroupOp::create(context.b, context.loc);
}

void fftconv::emitCopyOut(KernelContext &context, Value row, Value count, int64_t offset) {
  RowCopier(context).copy(row, count, offset, /*in=*/false);
}
