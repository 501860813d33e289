//===- ReuseBuffers.cpp - Allocations that share memory -------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Bufferization gives each stage of a transform a buffer of its own. Here buffers of one type whose lives do not overlap become
// one. Runs before deallocations are placed and before allocations leave loops.
//
//===----------------------------------------------------------------------===//

#include "fftconv/Conversion/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

namespace fftconv {
#define GEN_PASS_DEF_REUSEBUFFERS
#include "fftconv/Conversion/Passes.h.inc"
} // namespace fftconv

using namespace mlir;
using namespace fftconv;

namespace {
/// The first and the last op of the allocation's block that touches it.
struct Life {
  memref::AllocOp alloc;
  Operation *first = nullptr, *last = nullptr;
};

/// The life of an allocation, or nothing where a use could let it live on unseen.
std::optional<Life> findLife(memref::AllocOp alloc) {
  Life life{alloc};
  SmallVector<Value> views = {alloc.getResult()};
  while (!views.empty())
    for (OpOperand &use : views.pop_back_val().getUses()) {
      Operation *user = use.getOwner();
      if (isa<ViewLikeOpInterface>(user))
        llvm::append_range(views, user->getResults());
      else if (isa<memref::DeallocOp>(user) || user->hasTrait<OpTrait::IsTerminator>() ||
               !(isa<memref::LoadOp, memref::StoreOp, memref::CopyOp, memref::DimOp, vector::TransferReadOp,
                     vector::TransferWriteOp, vector::LoadOp, vector::StoreOp>(user) ||
                 isa<linalg::LinalgOp>(user)))
        return std::nullopt;
      Operation *here = alloc->getBlock()->findAncestorOpInBlock(*user);
      if (!life.first || here->isBeforeInBlock(life.first))
        life.first = here;
      if (!life.last || life.last->isBeforeInBlock(here))
        life.last = here;
    }
  return life;
}

struct ReuseBuffers : fftconv::impl::ReuseBuffersBase<ReuseBuffers> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    getOperation().walk([&](Block *block) {
      SmallVector<Life> lives;
      for (auto alloc : block->getOps<memref::AllocOp>())
        if (alloc.getType().hasStaticShape() && alloc.getType().getLayout().isIdentity())
          if (std::optional<Life> life = findLife(alloc); life && life->first)
            lives.push_back(*life);
      // In the order of first uses, which is the order in which a linear scan meets them.
      llvm::sort(lives, [](const Life &a, const Life &b) { return a.first->isBeforeInBlock(b.first); });
      SmallVector<Life> open;
      for (Life &life : lives) {
        MemRefType type = life.alloc.getType();
        auto dead = llvm::find_if(open, [&](Life &old) {
          MemRefType held = old.alloc.getType();
          return held.getElementType() == type.getElementType() && held.getNumElements() == type.getNumElements() &&
                 held.getMemorySpace() == type.getMemorySpace() &&
                 old.alloc.getAlignment() == life.alloc.getAlignment() && old.last->isBeforeInBlock(life.first);
        });
        if (dead == open.end()) {
          open.push_back(life);
          continue;
        }
        // Views of the younger one may stand before its first use, but never before the older allocation.
        if (life.alloc->isBeforeInBlock(dead->alloc))
          rewriter.moveOpBefore(dead->alloc, life.alloc);
        Value memory = dead->alloc;
        if (type != dead->alloc.getType()) {
          rewriter.setInsertionPointAfter(dead->alloc);
          SmallVector<int64_t> strides = computeStrides(type.getShape());
          memory = memref::ReinterpretCastOp::create(rewriter, life.alloc.getLoc(), type, memory, 0, type.getShape(),
                                                     strides);
        }
        rewriter.replaceOp(life.alloc, memory);
        dead->last = life.last;
      }
    });
  }
};
} // namespace
