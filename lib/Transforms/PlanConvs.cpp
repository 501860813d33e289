//===- PlanConvs.cpp - Choose a plan for every convolution ----------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Puts the planner's choice into the IR as #fftconv.plan; lowerings only read it.
//
//===----------------------------------------------------------------------===//

#include "fftconv/Monarch/Kernel.h"
#include "fftconv/Monarch/Planner.h"
#include "fftconv/Transforms/Passes.h"

#include "mlir/IR/Remarks.h"
#include "llvm/Support/FormatVariadic.h"

namespace fftconv {
#define GEN_PASS_DEF_PLANCONVS
#include "fftconv/Transforms/Passes.h.inc"
} // namespace fftconv

using namespace mlir;
using namespace fftconv;

namespace {
struct PlanConvs : fftconv::impl::PlanConvsBase<PlanConvs> {
  using PlanConvsBase::PlanConvsBase;

  void runOnOperation() override {
    const monarch::Chip *target = monarch::findChip(chip.getValue());
    if (!target) {
      InFlightDiagnostic diag = getOperation()->emitError("unknown chip '") << chip << "'; known are";
      for (const monarch::Chip &known : monarch::chips())
        diag << ' ' << StringRef(known.name);
      return signalPassFailure();
    }
    FloatType forced;
    if (compute != "auto") {
      forced = llvm::StringSwitch<FloatType>(compute)
                   .Case("f16", Float16Type::get(&getContext()))
                   .Case("bf16", BFloat16Type::get(&getContext()))
                   .Case("f32", Float32Type::get(&getContext()))
                   .Default(nullptr);
      if (!forced) {
        getOperation()->emitError("compute type must be auto, f16, bf16 or f32, got '") << compute << "'";
        return signalPassFailure();
      }
    }
    for (const std::string &type : {products.getValue(), sums.getValue()})
      if (type != "f16" && type != "f32") {
        getOperation()->emitError("products and sums are f16 or f32, got '") << type << "'";
        return signalPassFailure();
      }
    if (products == "f32" && sums == "f16") {
      getOperation()->emitError("sums in f16 need products in f16");
      return signalPassFailure();
    }
    WalkResult result = getOperation()->walk([&](ConvOp op) { return plan(op, *target, forced); });
    if (result.wasInterrupted())
      signalPassFailure();
  }

  static monarch::KernelProblem describe(ConvOp op, int64_t batch, const monarch::Digits &digits) {
    return {.batch = batch,
            .heads = op.getHeads(),
            .length = op.getLength(),
            .preGate = op.getPreGate() != nullptr,
            .postGate = op.getPostGate() != nullptr,
            .wraps = op.getBoundary() == Boundary::Circular && digits.rightAngle};
  }

  /// How a kernel runs the plan; null where none does yet, with a remark that says why.
  FailureOr<ScheduleAttr> getSchedule(ConvOp op, const monarch::Digits &digits, FloatType type, int64_t batch,
                                      const monarch::Chip &target) {
    if (!target.isGpu() && !requireKernels)
      return ScheduleAttr();
    std::optional<monarch::KernelChoice> choice = monarch::chooseKernel(digits, describe(op, batch, digits), target);
    StringRef reason;
    if (!target.isGpu())
      reason = "it is not a GPU";
    else if (type.isF32() || op.getU().getType().getElementType() != type)
      reason = "kernels compute f16 tensors by f16 stages, and bf16 by bf16";
    else if (sums == "f16" && !type.isF16())
      reason = "sums in f16 need f16 stages";
    else if (!choice)
      reason = "the points do not fit one pass through the chip's shared memory";
    if (!reason.empty()) {
      remark::missed(op.getLoc(), remark::RemarkOpts::name("NoKernel").category("fftconv-plan-convs"))
          << remark::reason("{0}", reason);
      if (requireKernels)
        return op.emitOpError("has no kernel for ") << chip << ": " << reason;
      return ScheduleAttr();
    }
    auto floatType = [&](StringRef name) -> FloatType {
      return name == "f16" ? type : FloatType(Float32Type::get(&getContext()));
    };
    return ScheduleAttr::get(&getContext(), choice->warps, choice->values, choice->rows, choice->stages,
                             floatType(products), floatType(sums));
  }

  WalkResult plan(ConvOp op, const monarch::Chip &target, FloatType forced) {
    auto options = [](StringRef name) { return remark::RemarkOpts::name(name).category("fftconv-plan-convs"); };
    if (op.getPlan()) {
      remark::missed(op.getLoc(), options("PlanKept")) << remark::reason("the convolution already has a plan");
      return WalkResult::advance();
    }
    RankedTensorType u = op.getU().getType();
    monarch::Problem problem{.length = op.getLength(),
                             .circular = op.getBoundary() == Boundary::Circular,
                             .batch = u.isDynamicDim(0) ? 0 : u.getDimSize(0)};
    std::optional<monarch::Candidate> best = monarch::choose(problem, target);
    if (!best)
      return op.emitOpError("no plan serves length ") << problem.length << "; the longest is " << monarch::maxLength();
    FloatType type = forced ? forced : cast<FloatType>(u.getElementType());
    // Two rows and their gates may be too much for shared memory; one at a right angle is less.
    monarch::Digits alone{best->digits.radices, true};
    if (target.isGpu() && !best->digits.rightAngle &&
        !monarch::chooseKernel(best->digits, describe(op, problem.batch, best->digits), target) &&
        monarch::chooseKernel(alone, describe(op, problem.batch, alone), target))
      best->digits = alone;
    FailureOr<ScheduleAttr> schedule = getSchedule(op, best->digits, type, problem.batch, target);
    if (failed(schedule))
      return WalkResult::interrupt();
    op.setPlanAttr(PlanAttr::get(&getContext(), best->digits.points(), best->digits.radices,
                                 best->digits.rightAngle ? Theta::I : Theta::One, type, chip.getValue(), *schedule));
    std::string text =
        llvm::formatv("{0} points as {1:$[ x ]} for length {2}", best->digits.points(),
                      llvm::make_range(best->digits.radices.begin(), best->digits.radices.end()), problem.length);
    remark::analysis(op.getLoc(), options("Plan")) << text;
    return WalkResult::advance();
  }
};
} // namespace
