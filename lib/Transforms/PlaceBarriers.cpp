//===- PlaceBarriers.cpp - Barriers from dependences -----------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Goes twice around the body, so that accesses of one turn meet those of the next.
//
//===----------------------------------------------------------------------===//

#include "fftconv/IR/FFTConv.h"
#include "fftconv/Transforms/Passes.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/IR/BuiltinOps.h"

namespace fftconv {
#define GEN_PASS_DEF_PLACEBARRIERS
#include "fftconv/Transforms/Passes.h.inc"
} // namespace fftconv

using namespace mlir;
using namespace fftconv;

namespace {
/// Who shares what: nobody, the lanes of a warp, the warps of a CTA.
enum class Scope { Thread, Warp, Cta };

/// The chunks of a row that a thread copies: as stages have rows, the same ones on the way in and out; of f32 as it is in memory, where a chunk takes twice the room; or others' as well, where
/// tails wrap.
enum class Chunks { Own, Raw, Others };

struct Access {
  TileType tile;
  bool writes;
  /// The layout on registers of a relayout; null for copies, which go by chunks.
  LayoutAttr layout = {};
  Chunks chunks = Chunks::Own;
  /// Copies that turn rows of neighbouring heads, by whatever thread of the CTA.
  bool turns = false;
  /// A bulk copy: what it writes is waited for at an mbarrier, by all who read it.
  bool bulk = false;
  /// What has been waited for since.
  Scope synchronised = Scope::Thread;
};

/// How a kernel's rows come and results go.
struct Copying {
  bool turns, bulkIn, bulkOut;
  Chunks in, out;
};

struct PlaceBarriers : fftconv::impl::PlaceBarriersBase<PlaceBarriers> {
  void runOnOperation() override {
    WalkResult result = getOperation().walk([&](GroupsOp groups) { return WalkResult(place(groups)); });
    if (result.wasInterrupted())
      signalPassFailure();
  }

  static LogicalResult place(GroupsOp groups) {
    Block &body = groups.getBody().front();
    std::shared_ptr<const monarch::Schedule> schedule = getKernelSchedule(groups.getPlan());
    if (!schedule)
      return groups.emitOpError("has a plan that does not fit one pass");
    bool warpOwns = schedule->split == 0;
    monarch::KernelChoice choice = getKernelChoice(groups);
    monarch::KernelProblem problem = getKernelProblem(groups);
    Copying copying{groups.getChannelsLast(), choice.bulk, monarch::storesInBulk(*schedule, choice, problem),
                    problem.split ? Chunks::Raw : Chunks::Own, problem.wraps ? Chunks::Others : Chunks::Own};
    auto overlap = [&](const Access &a, const Access &b) {
      int64_t beginA = a.tile.getLayout().getOffset(), beginB = b.tile.getLayout().getOffset();
      return beginA < beginB + groups.getTileBytes(b.tile) && beginB < beginA + groups.getTileBytes(a.tile);
    };

    SmallVector<Access> pending;
    for (int turn = 0; turn < 2; ++turn)
      for (Operation &op : llvm::make_early_inc_range(body)) {
        if (auto barrier = dyn_cast<BarrierOp>(op)) {
          wait(pending, barrier.getWarp() ? Scope::Warp : Scope::Cta);
          continue;
        }
        SmallVector<Access> accesses = getAccesses(op, copying);
        Scope needed = Scope::Thread;
        auto need = [&](const Access &access, Scope least) {
          for (const Access &earlier : pending)
            if (overlap(earlier, access) && (earlier.writes || access.writes)) {
              Scope scope = scopeOf(earlier, access, warpOwns);
              if (scope > earlier.synchronised && scope >= least)
                needed = std::max(needed, scope);
            }
        };
        for (const Access &access : accesses) {
          if (access.tile.getLayout().getOffset() < 0)
            return op.emitOpError("has no place in shared memory yet; run fftconv-allocate-shared first");
          need(access, Scope::Warp);
        }
        // A phase is a loop over tiles, in which warps do not wait for each other: they do before it, for what it writes at its end, too.
        if (auto read = dyn_cast<RelayoutOp>(op); read && read.getX().getType().isShared())
          for (Operation *next = &op; (next = next->getNextNode());)
            if (auto write = dyn_cast<RelayoutOp>(next); write && write.getY().getType().isShared()) {
              need(getAccesses(*next, copying).front(), Scope::Cta);
              break;
            }
        if (needed != Scope::Thread) {
          OpBuilder b(&op);
          BarrierOp::create(b, op.getLoc(), needed == Scope::Warp);
          wait(pending, needed);
        }
        llvm::append_range(pending, accesses);
      }
    return success();
  }

  /// What an op does in shared memory.
  static SmallVector<Access> getAccesses(Operation &op, const Copying &copying) {
    auto copies = [&](TileType tile, bool writes, bool bulk) {
      return Access{tile, writes, {}, writes ? copying.in : copying.out, copying.turns, bulk};
    };
    // What bulk copies bring was started by a prefetch, all of it.
    if (auto copy = dyn_cast<CopyInOp>(op))
      return copying.bulkIn ? SmallVector<Access>()
                            : SmallVector<Access>{copies(copy.getTile().getType(), true, false)};
    if (auto prefetch = dyn_cast<PrefetchOp>(op))
      return {copies(prefetch.getTile().getType(), true, copying.bulkIn)};
    if (auto copy = dyn_cast<CopyOutOp>(op))
      return {copies(copy.getX().getType(), false, copying.bulkOut)};
    if (auto normalize = dyn_cast<TileNormalizeOp>(op))
      return {{normalize.getX().getType(), true, {}, copying.in}, {normalize.getY().getType(), true}};
    if (auto relayout = dyn_cast<RelayoutOp>(op)) {
      TileType x = relayout.getX().getType(), y = relayout.getY().getType();
      return {x.isShared() ? Access{x, false, y.getLayout()} : Access{y, true, x.getLayout()}};
    }
    return {};
  }

  /// Which threads may have done the two accesses of one element, the first of them earlier.
  static Scope scopeOf(const Access &a, const Access &b, bool warpOwns) {
    if (a.turns || b.turns)
      return Scope::Cta;
    if (a.bulk && a.writes)
      return Scope::Thread;
    if (a.bulk || b.bulk)
      return warpOwns ? Scope::Warp : Scope::Cta;
    if (!a.layout && !b.layout && a.chunks == b.chunks && a.chunks != Chunks::Others)
      return Scope::Thread;
    if (warpOwns)
      return Scope::Warp;
    if (!a.layout || !b.layout)
      return Scope::Cta;
    // A loop over tiles that both sides run alike keeps a tile in its warp.
    std::set<char> kinds = monarch::Layout::difference(a.layout.getLayout({}), b.layout.getLayout({}));
    return kinds.contains('w') ? Scope::Cta : Scope::Warp;
  }

  static void wait(SmallVectorImpl<Access> &pending, Scope scope) {
    if (scope == Scope::Cta)
      return pending.clear();
    for (Access &access : pending)
      access.synchronised = std::max(access.synchronised, scope);
  }
};
} // namespace
