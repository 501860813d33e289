//===- PlanConvs.cpp - Choose a plan for every convolution ----------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Puts the planner's choice into the IR as #fftconv.plan; lowerings only read it.
//
//===----------------------------------------------------------------------===//

#include "fftconv/IR/FFTConv.h"
#include "fftconv/Monarch/Kernel.h"
#include "fftconv/Monarch/Planner.h"
#include "fftconv/Transforms/Passes.h"

#include "mlir/IR/Remarks.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"

namespace fftconv {
#define GEN_PASS_DEF_PLANCONVS
#include "fftconv/Transforms/Passes.h.inc"
} // namespace fftconv

using namespace mlir;
using namespace fftconv;

namespace {
/// A plan of a tuning file, and the convolution that it is for.
struct TunedPlan {
  std::string chip, type, boundary, theta, copies = "async", mma = "warp";
  int64_t length = 0, heads = 0, batch = 0, warps = 0, values = 0, rows = 0, stages = 0, blocks = 1;
  bool preGate = false, postGate = false, channelsLast = false, turned = false;
  std::vector<int64_t> radices;
};

// Found by LLVM's JSON mapping.
bool fromJSON(const llvm::json::Value &value, TunedPlan &plan, llvm::json::Path path) {
  llvm::json::ObjectMapper map(value, path);
  return map && map.map("chip", plan.chip) && map.map("type", plan.type) && map.map("boundary", plan.boundary) &&
         map.map("length", plan.length) && map.map("heads", plan.heads) && map.map("batch", plan.batch) &&
         map.map("pre_gate", plan.preGate) && map.map("post_gate", plan.postGate) &&
         map.map("channels_last", plan.channelsLast) && map.map("radices", plan.radices) &&
         map.map("theta", plan.theta) && map.map("warps", plan.warps) && map.map("values", plan.values) &&
         map.map("rows", plan.rows) && map.map("stages", plan.stages) && map.mapOptional("copies", plan.copies) &&
         map.mapOptional("mma", plan.mma) && map.mapOptional("blocks", plan.blocks) &&
         map.mapOptional("turned", plan.turned);
}

/// The plans of a tuning file.
llvm::Expected<std::vector<TunedPlan>> readTuning(StringRef path) {
  auto file = llvm::MemoryBuffer::getFile(path);
  if (!file)
    return llvm::createStringError(path + ": " + file.getError().message());
  llvm::Expected<llvm::json::Value> value = llvm::json::parse((*file)->getBuffer());
  if (!value)
    return value.takeError();
  llvm::json::Path::Root root("tuning");
  llvm::json::ObjectMapper map(*value, root);
  int64_t version = 0;
  std::vector<TunedPlan> plans;
  if (!map || !map.map("version", version) || !map.map("plans", plans))
    return root.getError();
  if (version != 1)
    return llvm::createStringError("tuning file of version " + llvm::Twine(version) + ", this reads version 1");
  return plans;
}

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
    if (products != "f16" && products != "f32") {
      getOperation()->emitError("products are f16 or f32, got '") << products << "'";
      return signalPassFailure();
    }
    if (sums != "auto" && sums != "f16" && sums != "f32") {
      getOperation()->emitError("sums are auto, f16 or f32, got '") << sums << "'";
      return signalPassFailure();
    }
    if (method != "auto" && method != "fft" && method != "direct") {
      getOperation()->emitError("method must be auto, fft or direct, got '") << method << "'";
      return signalPassFailure();
    }
    if (copies != "auto" && !symbolizeCopies(copies)) {
      getOperation()->emitError("copies must be auto, async or bulk, got '") << copies << "'";
      return signalPassFailure();
    }
    if (mma != "auto" && !symbolizeMma(mma)) {
      getOperation()->emitError("mma must be auto, warp or warpgroup, got '") << mma << "'";
      return signalPassFailure();
    }
    if (channels != "auto" && channels != "fused" && channels != "turned") {
      getOperation()->emitError("channels must be auto, fused or turned, got '") << channels << "'";
      return signalPassFailure();
    }
    if (mostBlocks < 1 || mostBlocks > 8) {
      getOperation()->emitError("most-blocks must be 1 to 8, got ") << mostBlocks.getValue();
      return signalPassFailure();
    }
    if (products == "f32" && sums == "f16") {
      getOperation()->emitError("sums in f16 need products in f16");
      return signalPassFailure();
    }
    if (!tuning.empty()) {
      llvm::Expected<std::vector<TunedPlan>> read = readTuning(tuning);
      if (!read) {
        getOperation()->emitError("no tuning: ") << toString(read.takeError());
        return signalPassFailure();
      }
      tuned = std::move(*read);
    }
    WalkResult result = getOperation()->walk([&](ConvOp op) { return plan(op, *target, forced); });
    if (result.wasInterrupted())
      signalPassFailure();
  }

  /// The type of a kernel's sums where its stages are of some type.
  FloatType sumsOf(FloatType type) {
    bool wide = sums == "f32" || !type.isF16() || products == "f32";
    return wide ? FloatType(Float32Type::get(&getContext())) : type;
  }

  /// What a kernel of the convolution is to compute: where rows are turned before, they are not in it, nor are gates.
  monarch::KernelProblem describe(ConvOp op, const monarch::Digits &digits, FloatType type) {
    monarch::KernelProblem problem = describeWhole(op, digits, type);
    if (op.getTurned())
      problem.preGate = problem.postGate = problem.channelsLast = false;
    return problem;
  }

  /// The same of all that the convolution takes.
  monarch::KernelProblem describeWhole(ConvOp op, const monarch::Digits &digits, FloatType type) {
    RankedTensorType u = op.getU().getType();
    return {.batch = u.isDynamicDim(0) ? 0 : u.getDimSize(0),
            .heads = op.getHeads(),
            .length = op.getLength(),
            .preGate = op.getPreGate() != nullptr,
            .postGate = op.getPostGate() != nullptr,
            .wraps = op.getBoundary() == Boundary::Circular && digits.rightAngle,
            .split = u.getElementType().isF32(),
            .wideSums = sumsOf(type).isF32(),
            .channelsLast = op.getChannelsLast(),
            .warpgroups = mma == "auto" ? std::nullopt : std::optional(mma == "warpgroup")};
  }

  static remark::RemarkOpts options(StringRef name) {
    return remark::RemarkOpts::name(name).category("fftconv-plan-convs");
  }

  /// How a kernel runs the plan; null where none does, with a remark that says why.
  FailureOr<ScheduleAttr> getSchedule(ConvOp op, const monarch::Digits &digits, FloatType type,
                                      const monarch::Chip &target) {
    if (!target.isGpu() && !requireKernels)
      return ScheduleAttr();
    monarch::KernelProblem problem = describe(op, digits, type);
    std::optional<bool> bulk = copies == "auto" ? std::nullopt : std::optional(copies == "bulk");
    std::optional<monarch::KernelChoice> choice = monarch::chooseKernel(digits, problem, target, bulk);
    if (bulk == true && target.isGpu()) {
      std::string_view refusal =
          choice ? monarch::whyNoBulkCopies(digits, *choice, problem, target) : "no padded rows fit one pass";
      if (!refusal.empty()) {
        remark::missed(op.getLoc(), options("NoBulkCopies")) << remark::reason("{0}", StringRef(refusal));
        choice = monarch::chooseKernel(digits, problem, target, false);
      }
    }
    if (problem.warpgroups == true && choice && !choice->warpgroups)
      remark::missed(op.getLoc(), options("NoWarpgroups"))
          << remark::reason("no kernel of its digits has warpgroups multiply");
    StringRef reason;
    if (!target.isGpu())
      reason = "it is not a GPU";
    else if (type.isF32() != op.getU().getType().getElementType().isF32())
      reason = "kernels compute f16 and bf16 tensors by stages of these types, and f32 by f32";
    else if (sums == "f16" && !type.isF16())
      reason = "sums in f16 need f16 stages";
    else if (!choice)
      reason = "the points do not fit one pass through the chip's shared memory";
    if (!reason.empty()) {
      remark::missed(op.getLoc(), options("NoKernel")) << remark::reason("{0}", reason);
      if (requireKernels)
        return op.emitOpError("has no kernel for ") << chip << ": " << reason;
      return ScheduleAttr();
    }
    return getScheduleAttr(*choice, type);
  }

  ScheduleAttr getScheduleAttr(const monarch::KernelChoice &choice, FloatType type) {
    FloatType wide = Float32Type::get(&getContext());
    return ScheduleAttr::get(&getContext(), choice.warps, choice.values, choice.rows, choice.stages,
                             products == "f32" ? wide : type, sumsOf(type), choice.bulk ? Copies::Bulk : Copies::Async,
                             choice.warpgroups ? Mma::Warpgroup : Mma::Warp);
  }

  /// The direct form of a convolution and its cost; null where it has none, with the reason.
  std::pair<DirectAttr, monarch::KernelCost> getDirect(ConvOp op, FloatType type, const monarch::Chip &target,
                                                       std::string &reason) {
    monarch::KernelProblem problem = describe(op, {}, type);
    int64_t center = static_cast<int64_t>(op.getCenter().value_or(0));
    if (!target.isGpu())
      reason = "it is not a GPU";
    else if (op.getBoundary() == Boundary::Circular || problem.channelsLast)
      reason = "circular boundaries and channels last are not computed directly";
    else if (type.isF32() || op.getU().getType().getElementType() != type)
      reason = "direct products are of f16 or bf16, the type of the tensors";
    else if (problem.length > monarch::longestDirect)
      reason = llvm::formatv("rows are longer than {0}", monarch::longestDirect);
    else if (std::optional<monarch::DirectChoice> choice =
                 monarch::chooseDirect(op.getTaps(), center, problem, target)) {
      problem = monarch::fillingChip(problem, target);
      return {DirectAttr::get(&getContext(), choice->warps, choice->blocks, type, chip.getValue()),
              monarch::directCost(op.getTaps(), center, *choice, problem, target)};
    } else
      reason = llvm::formatv("matrices of {0} taps do not fit a warp's registers", op.getTaps());
    return {};
  }

  /// How a convolution will be computed: directly, or by the digits of an FFT; and how long its kernel takes, if it has one.
  struct Way {
    DirectAttr direct = {};
    std::optional<monarch::Digits> digits = {};
    std::optional<double> time = {};
    /// Why not directly.
    std::string reason = {};
  };

  Way chooseWay(ConvOp op, const monarch::Chip &target, FloatType type) {
    Way way;
    auto [direct, cost] = getDirect(op, type, target, way.reason);
    if (method != "direct")
      if (std::optional<DigitsChoice> fft = chooseDigits(op, target, type)) {
        way.digits = fft->digits;
        way.time = fft->time;
      }
    if (direct && method != "fft" && !(way.time && *way.time < cost.time())) {
      way.direct = direct;
      way.time = cost.time();
    }
    return way;
  }

  /// The way of a convolution whose channels are last, which may be to turn its rows.
  Way chooseTurn(ConvOp op, const monarch::Chip &target, FloatType type) {
    Way fused = chooseWay(op, target, type);
    if (!target.isGpu() || channels == "fused")
      return fused;
    op.setTurned(true);
    Way turned = chooseWay(op, target, type);
    monarch::KernelProblem problem = monarch::fillingChip(describeWhole(op, {}, type), target);
    if (turned.time)
      for (bool gate : {problem.preGate, problem.postGate})
        *turned.time += monarch::turnCost(problem, gate, target).time();
    if (turned.time && (channels == "turned" || !fused.time || *turned.time < *fused.time)) {
      remark::analysis(op.getLoc(), options("Turned")) << "rows are turned before and after, by kernels of their own";
      return turned;
    }
    op.setTurned(false);
    return fused;
  }

  WalkResult plan(ConvOp op, const monarch::Chip &target, FloatType forced) {
    if (op.getPlan() || op.getDirect()) {
      remark::missed(op.getLoc(), options("PlanKept")) << remark::reason("the convolution already has a plan");
      return WalkResult::advance();
    }
    FloatType type = forced ? forced : cast<FloatType>(op.getU().getType().getElementType());
    // A plan that was timed needs no search, but to be compared with a direct form.
    const TunedPlan *known = method == "direct" ? nullptr : findTuned(op, type);
    std::string reason;
    bool mayBeDirect = method == "auto" && (op.getChannelsLast() || getDirect(op, type, target, reason).first);
    if (known && !mayBeDirect)
      return useTuned(op, *known, type, target);
    Way way = op.getChannelsLast() ? chooseTurn(op, target, type) : chooseWay(op, target, type);
    if (method == "direct" && !way.direct)
      return op.emitOpError("cannot be computed directly on ") << chip << ": " << way.reason;
    if (!way.direct)
      return known ? useTuned(op, *known, type, target) : planFft(op, target, type, way.digits);
    op.setDirectAttr(way.direct);
    std::string text = llvm::formatv("direct, {0} taps by blocks of 16", op.getTaps());
    remark::analysis(op.getLoc(), options("Direct")) << text;
    return WalkResult::advance();
  }

  /// The plan of the tuning file for a convolution, if it has one.
  const TunedPlan *findTuned(ConvOp op, FloatType type) {
    std::string spelled;
    llvm::raw_string_ostream(spelled) << type;
    monarch::KernelProblem problem = describeWhole(op, {}, type);
    bool own = op.getU().getType().getElementType() == type && products == "f16" && sums == "auto";
    auto known = llvm::find_if(tuned, [&](const TunedPlan &plan) {
      return own && plan.chip == chip && plan.type == spelled && plan.boundary == stringifyBoundary(op.getBoundary()) &&
             plan.length == problem.length && plan.heads == problem.heads && plan.batch == problem.batch &&
             plan.preGate == problem.preGate && plan.postGate == problem.postGate &&
             plan.channelsLast == problem.channelsLast;
    });
    return known == tuned.end() ? nullptr : &*known;
  }

  WalkResult useTuned(ConvOp op, const TunedPlan &known, FloatType type, const monarch::Chip &target) {
    auto refuse = [&](const Twine &reason) {
      op.emitOpError("the tuning file's plan for it cannot be used: ") << reason;
      return WalkResult::interrupt();
    };
    auto error = [&] { return op.emitOpError("the tuning file's plan for it cannot be used: "); };
    monarch::Digits digits{known.radices, known.theta != "one", known.blocks != 1};
    if (known.turned && !op.getChannelsLast())
      return refuse("rows are turned whose channels are last, and of no others");
    op.setTurned(known.turned);
    if (known.theta != "i" && known.theta != "one")
      return refuse("theta is i or one, not '" + known.theta + "'");
    std::optional<Copies> how = symbolizeCopies(known.copies);
    if (!how)
      return refuse("copies are async or bulk, not '" + known.copies + "'");
    std::optional<Mma> who = symbolizeMma(known.mma);
    if (!who)
      return refuse("mma is warp or warpgroup, not '" + known.mma + "'");
    auto schedule = ScheduleAttr::getChecked(error, &getContext(), known.warps, known.values, known.rows, known.stages,
                                             type, sumsOf(type), *how, *who);
    if (!schedule)
      return WalkResult::interrupt();
    auto plan =
        PlanAttr::getChecked(error, &getContext(), digits.points(), ArrayRef<int64_t>(digits.radices),
                             digits.rightAngle ? Theta::I : Theta::One, type, StringRef(chip), schedule, known.blocks);
    if (!plan || failed(SpectrumAttr::verify(error, op.getBoundary(), op.getLength(), plan)))
      return WalkResult::interrupt();
    monarch::KernelChoice choice = getKernelChoice(schedule);
    monarch::KernelProblem problem = describe(op, digits, type);
    if (StringRef reason(choice.bulk && target.isGpu() ? monarch::whyNoBulkCopies(digits, choice, problem, target)
                                                       : "");
        !reason.empty())
      return refuse("no bulk copies, since " + reason);
    if (!target.isGpu() || !getKernelSchedule(plan) ||
        monarch::sharedBytes(digits, choice, problem, /*gateAhead=*/false) > target.sharedBytes)
      return refuse("it does not fit one pass on " + chip);
    if (StringRef reason(choice.warpgroups ? monarch::whyNoWarpgroups(digits, choice, problem, target) : "");
        !reason.empty())
      return refuse("no products of warpgroups, since " + reason);
    if (!monarch::fitsWarps(digits, choice, problem))
      return refuse("a warp holds a row, so lanes have all values of it, and there are as many rows as warps, or a "
                    "multiple of f16 and bf16");
    op.setPlanAttr(plan);
    remark::analysis(op.getLoc(), options("Tuned")) << "the plan of the tuning file";
    return WalkResult::advance();
  }

  struct DigitsChoice {
    monarch::Digits digits;
    /// The time of the kernel; nothing where none runs the digits.
    std::optional<double> time = {};
    /// Whether warpgroups multiply.
    bool warpgroups = false;
  };

  /// The digits of a convolution: of the cheapest by work those whose kernel is fastest, if they have kernels. Nothing where its length is out of reach.
  std::optional<DigitsChoice> chooseDigits(ConvOp op, const monarch::Chip &target, FloatType type) {
    constexpr size_t most = 6;
    RankedTensorType u = op.getU().getType();
    monarch::Problem problem{.length = op.getLength(),
                             .circular = op.getBoundary() == Boundary::Circular,
                             .batch = u.isDynamicDim(0) ? 0 : u.getDimSize(0)};
    std::vector<monarch::Candidate> candidates = monarch::candidates(problem, target, target.isGpu() ? most : 1);
    if (candidates.empty())
      return std::nullopt;
    DigitsChoice best{candidates.front().digits};
    if (!target.isGpu())
      return best;
    std::vector<monarch::Digits> tried = monarch::warpgroupDigits(problem, target);
    // Two rows and their gates may be too much for shared memory; one at a right angle is less.
    if (problem.circular) {
      problem.circular = false;
      llvm::append_range(candidates, monarch::candidates(problem, target, most));
    }
    // Rows in blocks do not come by bulk copies.
    if (op.getBoundary() == Boundary::Causal && copies != "bulk")
      for (problem.blocks = 2; problem.blocks <= mostBlocks; problem.blocks *= 2) {
        llvm::append_range(candidates, monarch::candidates(problem, target, most / 2));
        llvm::append_range(tried, monarch::warpgroupDigits(problem, target));
      }
    for (const monarch::Candidate &candidate : candidates)
      tried.push_back(candidate.digits);
    auto rank = [&](const DigitsChoice &choice) {
      return std::pair(mma == "warpgroup" && !choice.warpgroups, *choice.time);
    };
    for (const monarch::Digits &digits : tried) {
      std::optional<monarch::KernelCost> cost = monarch::chosenCost(digits, describe(op, digits, type), target);
      if (!cost)
        continue;
      DigitsChoice choice{digits, cost->time(), cost->warpgroups};
      if (!best.time || rank(choice) < rank(best))
        best = choice;
    }
    return best;
  }

  PlanAttr getPlan(const monarch::Digits &digits, FloatType type, ScheduleAttr schedule) {
    return PlanAttr::get(&getContext(), digits.points(), digits.radices, digits.rightAngle ? Theta::I : Theta::One,
                         type, chip.getValue(), schedule, digits.blockCount());
  }

  /// Plans an FFT by digits that have been chosen, if there are any.
  WalkResult planFft(ConvOp op, const monarch::Chip &target, FloatType type,
                     const std::optional<monarch::Digits> &chosen) {
    if (!chosen)
      return op.emitOpError("no plan serves length ") << op.getLength() << "; the longest is " << monarch::maxLength();
    const monarch::Digits &digits = *chosen;
    FailureOr<ScheduleAttr> schedule = getSchedule(op, digits, type, target);
    if (failed(schedule))
      return WalkResult::interrupt();
    if (!*schedule)
      op.setTurned(false); // other than by kernels
    op.setPlanAttr(getPlan(digits, type, *schedule));
    auto transformed = llvm::make_range(digits.radices.begin() + digits.first() - 1, digits.radices.end());
    std::string blocks = digits.blocks ? llvm::formatv("{0} blocks of ", digits.blockCount()).str() : "";
    std::string text = llvm::formatv("{0} points as {1}{2:$[ x ]} for length {3}", digits.points(), blocks, transformed,
                                     op.getLength());
    remark::analysis(op.getLoc(), options("Plan")) << text;
    return WalkResult::advance();
  }

  std::vector<TunedPlan> tuned;
};
} // namespace
