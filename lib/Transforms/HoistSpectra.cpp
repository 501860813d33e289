//===- HoistSpectra.cpp - Split the filter's transform off ----------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// conv -> spectrum + spectral_conv; upstream's loop-invariant code motion and CSE then move and merge the spectra, which
// are pure like every op here.
//
//===----------------------------------------------------------------------===//

#include "fftconv/IR/FFTConv.h"
#include "fftconv/Transforms/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Dominance.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Interfaces/LoopLikeInterface.h"
#include "mlir/Transforms/CSE.h"
#include "mlir/Transforms/LoopInvariantCodeMotionUtils.h"

namespace fftconv {
#define GEN_PASS_DEF_HOISTSPECTRA
#include "fftconv/Transforms/Passes.h.inc"
} // namespace fftconv

using namespace mlir;
using namespace fftconv;

namespace {
struct HoistSpectra : fftconv::impl::HoistSpectraBase<HoistSpectra> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    getOperation().walk([&](ConvOp op) {
      if (op.getDirect())
        return; // needs no spectrum
      if (!op.getPlan()) {
        remark::missed(op.getLoc(), remark::RemarkOpts::name("NoPlan").category("fftconv-hoist-spectra"))
            << remark::reason("the convolution has no plan; run fftconv-plan-convs first");
        return;
      }
      if (op.getChannelsLast() && (op.getTurned() || !op.getPlanAttr().getSchedule())) {
        remark::missed(op.getLoc(), remark::RemarkOpts::name("NotTurned").category("fftconv-hoist-spectra"))
            << remark::reason("its channels are last, which no kernel takes; run fftconv-turn-channels first");
        return;
      }
      rewriter.setInsertionPoint(op);
      auto encoding = SpectrumAttr::get(&getContext(), op.getBoundary(), op.getLength(), op.getPlanAttr());
      // A kernel that prepares spectra adds the skip to the filter, which costs nothing; elsewhere it is added to the rows.
      Value skip = op.getSkip(), none;
      bool inFilter = op.getPlanAttr().getSchedule() != nullptr;
      Value spectrum = SpectrumOp::create(rewriter, op.getLoc(), getSpectrumType(op.getHeads(), encoding), op.getK(),
                                          inFilter ? skip : none, op.getCenterAttr());
      rewriter.replaceOpWithNewOp<SpectralConvOp>(op, op.getType(), op.getChannelsLastAttr(), op.getU(), spectrum,
                                                  op.getPreGate(), op.getPostGate(), inFilter ? none : skip);
    });
    getOperation().walk([](LoopLikeOpInterface loop) { moveLoopInvariantCode(loop); });
    DominanceInfo dominance(getOperation());
    eliminateCommonSubExpressions(rewriter, dominance, getOperation());
  }
};
} // namespace
