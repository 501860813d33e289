//===- DecomposeToMonarch.cpp - Convolutions to Monarch stages ------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Assumes that hoist-spectra ran; leaves embed, dft, twiddle, spectrum_product and project. Element types carry the
// precision: a stage's operand has the compute type, its result is f32.
//
//===----------------------------------------------------------------------===//

#include "fftconv/IR/FFTConv.h"
#include "fftconv/Transforms/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/PatternMatch.h"

namespace fftconv {
#define GEN_PASS_DEF_DECOMPOSETOMONARCH
#include "fftconv/Transforms/Passes.h.inc"
} // namespace fftconv

using namespace mlir;
using namespace fftconv;

namespace {
/// Emits the stages of one transform by a plan.
class Stages {
public:
  Stages(OpBuilder &builder, Location loc, PlanAttr plan, Type compute)
      : builder(builder), loc(loc), plan(plan), compute(compute) {}

  /// All forward stages of `x`; the last result has the type `last` where one is given, else complex<f32>.
  Value forward(Value x, RankedTensorType last = nullptr) {
    int64_t first = getDigits(plan).first(), count = plan.getRadices().size();
    for (int64_t digit = first; digit <= count; ++digit) {
      if (digit > first)
        x = TwiddleOp::create(builder, loc, complexLike(x, compute), x, digit, /*inverse=*/false, plan);
      Type type = last && digit == count ? last : complexLike(x, builder.getF32Type());
      x = DftOp::create(builder, loc, type, x, digit, /*inverse=*/false, plan);
    }
    return x;
  }

  /// All inverse stages; the result is real where only that part is used.
  Value inverse(Value x, bool realResult) {
    int64_t first = getDigits(plan).first();
    for (int64_t digit = plan.getRadices().size(); digit >= first; --digit) {
      RankedTensorType type = complexLike(x, builder.getF32Type());
      if (digit == first && realResult)
        type = type.clone(builder.getF32Type());
      x = DftOp::create(builder, loc, type, x, digit, /*inverse=*/true, plan);
      if (digit > first)
        x = TwiddleOp::create(builder, loc, complexLike(x, compute), x, digit, /*inverse=*/true, plan);
    }
    return x;
  }

  RankedTensorType complexLike(Value x, Type element) {
    return cast<RankedTensorType>(x.getType()).clone(ComplexType::get(element));
  }

private:
  OpBuilder &builder;
  Location loc;
  PlanAttr plan;
  Type compute;
};

struct DecomposeToMonarch : fftconv::impl::DecomposeToMonarchBase<DecomposeToMonarch> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    WalkResult result = getOperation().walk([&](Operation *op) {
      rewriter.setInsertionPoint(op);
      if (auto conv = dyn_cast<ConvOp>(op); conv && !conv.getDirect()) {
        conv.emitOpError("has no spectrum yet; run fftconv-plan-convs and fftconv-hoist-spectra first");
        return WalkResult::interrupt();
      }
      if (auto spectrum = dyn_cast<SpectrumOp>(op))
        decompose(rewriter, spectrum);
      else if (auto conv = dyn_cast<SpectralConvOp>(op))
        decompose(rewriter, conv);
      return WalkResult::advance();
    });
    if (result.wasInterrupted())
      signalPassFailure();
  }

  static void decompose(RewriterBase &rewriter, SpectrumOp op) {
    PlanAttr plan = op.getEncoding().getPlan();
    Type f32 = rewriter.getF32Type();
    RankedTensorType digits =
        getEmbeddedFilterType(op.getK().getType().getDimSize(0), op.getCenter(), op.getEncoding());
    Value x = EmbedFilterOp::create(rewriter, op.getLoc(), digits, op.getK(), op.getSkip(), op.getCenterAttr(),
                                    op.getEncoding());
    rewriter.replaceOp(op, Stages(rewriter, op.getLoc(), plan, f32).forward(x, op.getSpectrum().getType()));
  }

  static void decompose(RewriterBase &rewriter, SpectralConvOp op) {
    Location loc = op.getLoc();
    SpectrumAttr encoding = op.getEncoding();
    PlanAttr plan = encoding.getPlan();
    Stages stages(rewriter, loc, plan, plan.getCompute());
    RankedTensorType digits = getEmbeddedType(op.getU().getType(), op.getChannelsLast(), plan,
                                              plan.getTheta() == Theta::One, plan.getCompute());
    Value x = EmbedOp::create(rewriter, loc, digits, op.getChannelsLastAttr(), op.getU(), op.getPreGate(), plan);
    x = stages.forward(x);
    x = SpectrumProductOp::create(rewriter, loc, stages.complexLike(x, plan.getCompute()), x, op.getSpectrum());
    x = stages.inverse(x, /*realResult=*/encoding.getBoundary() != Boundary::Circular);
    // Without a skip, project has no use for the gate before the convolution.
    Value preGate = op.getSkip() ? op.getPreGate() : Value();
    rewriter.replaceOpWithNewOp<ProjectOp>(op, op.getType(), op.getChannelsLastAttr(), x, op.getU(), preGate,
                                           op.getPostGate(), op.getSkip(), encoding);
  }
};
} // namespace
