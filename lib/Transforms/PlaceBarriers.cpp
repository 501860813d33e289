//===- PlaceBarriers.cpp - Barriers from dependences -----------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Goes twice around the body, so that accesses of one turn meet those of the next.
//
//===----------------------------------------------------------------------===//

#include "fftconv/Transforms/Passes.h"

namespace fftconv {
#define GEN_PASS_DEF_PLACEBARRIERS
#include "fftconv/Transforms/Passes.h.inc"
} // namespace fftconv

using namespace mlir;
using namespace fftconv;

namespace {
/// Who shares what: nobody, the lanes of a warp, the warps of a CTA.
enum class Scope { Thread, Warp, Cta };

struct Access {
  TileType tile;
  bool writes;
  /// The layout on registers of a relayout; null for copies, which go by chunks, each by the same thread on the way in and out.
  LayoutAttr layout = {};
  /// Copies that turn rows of neighbouring heads, by whatever thread of the CTA.
  bool turns = false;
  /// What has been waited for since.
  Scope synchronised = Scope::Thread;
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
    int64_t plane = schedule->points() * static_cast<int64_t>(groups.getRows());
    bool warpOwns = schedule->split == 0;

    SmallVector<Access> pending;
    for (int turn = 0; turn < 2; ++turn)
      for (Operation &op : llvm::make_early_inc_range(body)) {
        if (auto barrier = dyn_cast<BarrierOp>(op)) {
          wait(pending, barrier.getWarp() ? Scope::Warp : Scope::Cta);
          continue;
        }
        SmallVector<Access> accesses = getAccesses(op, groups.getChannelsLast());
        Scope needed = Scope::Thread;
        for (const Access &access : accesses) {
          if (access.tile.getLayout().getOffset() < 0)
            return op.emitOpError("has no place in shared memory yet; run fftconv-allocate-shared first");
          for (const Access &earlier : pending)
            if (overlap(earlier.tile, access.tile, plane) && (earlier.writes || access.writes)) {
              Scope scope = scopeOf(earlier, access, warpOwns);
              if (scope > earlier.synchronised)
                needed = std::max(needed, scope);
            }
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

  static SmallVector<Access> getAccesses(Operation &op, bool channelsLast) {
    auto copies = [&](TileType tile, bool writes) { return Access{tile, writes, {}, channelsLast}; };
    if (auto copy = dyn_cast<CopyInOp>(op))
      return {copies(copy.getTile().getType(), true)};
    if (auto prefetch = dyn_cast<PrefetchOp>(op))
      return {copies(prefetch.getTile().getType(), true)};
    if (auto copy = dyn_cast<CopyOutOp>(op))
      return {copies(copy.getX().getType(), false)};
    if (auto normalize = dyn_cast<TileNormalizeOp>(op))
      return {{normalize.getX().getType(), true}, {normalize.getY().getType(), true}};
    if (auto relayout = dyn_cast<RelayoutOp>(op)) {
      TileType x = relayout.getX().getType(), y = relayout.getY().getType();
      return {x.isShared() ? Access{x, false, y.getLayout()} : Access{y, true, x.getLayout()}};
    }
    return {};
  }

  static bool overlap(TileType a, TileType b, int64_t plane) {
    auto range = [&](TileType t) {
      int64_t begin = t.getLayout().getOffset();
      return std::pair(begin, begin + t.getReal().getIntOrFloatBitWidth() / 8 * plane * (t.isComplex() ? 2 : 1));
    };
    return range(a).first < range(b).second && range(b).first < range(a).second;
  }

  /// Which threads may have done the two accesses of one element.
  static Scope scopeOf(const Access &a, const Access &b, bool warpOwns) {
    if (a.turns || b.turns)
      return Scope::Cta;
    if (!a.layout && !b.layout)
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
