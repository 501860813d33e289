//===- FuseKernels.cpp - Stages to kernels ---------------------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A chain of stages in which each op has one user becomes the body of a kernel, op by op. Layouts come later.
//
//===----------------------------------------------------------------------===//

#include "fftconv/IR/FFTConv.h"
#include "fftconv/Transforms/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/PatternMatch.h"

namespace fftconv {
#define GEN_PASS_DEF_FUSEKERNELS
#include "fftconv/Transforms/Passes.h.inc"
} // namespace fftconv

using namespace mlir;
using namespace fftconv;

namespace {
struct FuseKernels : fftconv::impl::FuseKernelsBase<FuseKernels> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      SmallVector<Operation *> ends;
      function.walk([&](Operation *op) {
        auto dft = dyn_cast<DftOp>(op);
        if (isa<ProjectOp, ConvOp, TurnOp>(op) || (dft && getSpectrumEncoding(dft.getY().getType())))
          ends.push_back(op);
      });
      gpu::GPUModuleOp kernels;
      int64_t number = 0;
      for (Operation *end : ends) {
        FailureOr<SmallVector<Operation *>> chain = collect(end);
        if (failed(chain))
          return signalPassFailure();
        if (!kernels) {
          rewriter.setInsertionPoint(function);
          kernels = gpu::GPUModuleOp::create(rewriter, function.getLoc(), (function.getName() + "_kernels").str());
        }
        fuse(rewriter, kernels, *chain, number++);
      }
      WalkResult left = function.walk([&](Operation *op) {
        if (isa<EmbedOp, EmbedFilterOp, DftOp, TwiddleOp, SpectrumProductOp, ProjectOp>(op))
          return WalkResult(op->emitOpError("is not part of a convolution that fuses into one kernel"));
        return WalkResult::advance();
      });
      if (left.wasInterrupted())
        return signalPassFailure();
    }
  }

  /// The ops from embed (or embed_filter) to `end`, along their first operands.
  static FailureOr<SmallVector<Operation *>> collect(Operation *end) {
    SmallVector<Operation *> chain = {end};
    if (auto conv = dyn_cast<ConvOp>(end)) {
      if (!conv.getDirect())
        return end->emitOpError("has neither a plan nor a direct form; run fftconv-plan-convs first");
      if (conv.getTurned())
        return end->emitOpError("is to be turned; run fftconv-turn-channels first");
      return chain;
    }
    if (isa<TurnOp>(end))
      return chain;
    while (!isa<EmbedOp, EmbedFilterOp>(chain.back())) {
      Operation *producer = chain.back()->getOperand(0).getDefiningOp();
      if (!isa_and_present<EmbedOp, EmbedFilterOp, DftOp, TwiddleOp, SpectrumProductOp>(producer) ||
          !producer->hasOneUse())
        return chain.back()->emitOpError("has an operand that is not a stage for it alone: no kernel");
      chain.push_back(producer);
    }
    std::reverse(chain.begin(), chain.end());
    if (isa<EmbedFilterOp>(chain.front()))
      return chain;
    auto project = dyn_cast<ProjectOp>(end);
    auto embed = cast<EmbedOp>(chain.front());
    if (!project || project.getU() != embed.getU())
      return end->emitOpError("does not end the convolution that ") << embed->getName() << " begins: no kernel";
    if (project.getSkip())
      return end->emitOpError("kernels take skips as part of the spectrum; fftconv-hoist-spectra puts them there");
    if (!embed.getPlan().getSchedule())
      return end->emitOpError("the plan has no kernel schedule; fftconv-plan-convs gives it one where it can");
    Type compute = embed.getPlan().getCompute();
    if (embed.getU().getType().getElementType().isF32() != compute.isF32())
      return end->emitOpError("kernels compute f16 and bf16 tensors by stages of these types, and f32 by f32");
    if (embed.getPreGate() && project.getPreGate() && embed.getPreGate() != project.getPreGate())
      return end->emitOpError("has another gate before the convolution than ") << embed->getName();
    return chain;
  }

  static MemRefType bufferOf(Type tensor) {
    auto type = cast<RankedTensorType>(tensor);
    if (SpectrumAttr spectrum = getSpectrumEncoding(type)) {
      PlanAttr plan = spectrum.getPlan();
      int64_t values = monarch::spectrumValues(plan.getPoints(), plan.getCompute().isF32());
      return MemRefType::get({type.getDimSize(0), values}, plan.getCompute());
    }
    MemRefLayoutAttrInterface layout;
    if (type.getRank() == 3) // rows may lie in a larger buffer
      layout = StridedLayoutAttr::get(type.getContext(), /*offset=*/0, {ShapedType::kDynamic, ShapedType::kDynamic, 1});
    return MemRefType::get(type.getShape(), type.getElementType(), layout);
  }

  /// A kernel on the buffers of `operands` and `result`, and its launch in place of `end`. `build` fills it.
  static void outline(RewriterBase &rewriter, gpu::GPUModuleOp kernels, const Twine &name, Operation *end,
                      ValueRange operands, function_ref<void(OpBuilder &, ValueRange)> build) {
    Location loc = end->getLoc();
    SmallVector<Type> types = llvm::map_to_vector(operands.getTypes(), [](Type t) { return Type(bufferOf(t)); });
    types.push_back(bufferOf(end->getResult(0).getType()));
    rewriter.setInsertionPointToEnd(kernels.getBody());
    auto kernel = gpu::GPUFuncOp::create(rewriter, loc, name.str(), rewriter.getFunctionType(types, {}));
    kernel->setAttr(gpu::GPUDialect::getKernelFuncAttrName(), rewriter.getUnitAttr());
    rewriter.setInsertionPointToStart(&kernel.getBody().front());
    build(rewriter, kernel.getArguments());
    gpu::ReturnOp::create(rewriter, loc);
    rewriter.setInsertionPoint(end);
    auto symbol = SymbolRefAttr::get(rewriter.getContext(), kernels.getName(),
                                     {FlatSymbolRefAttr::get(rewriter.getContext(), kernel.getName())});
    rewriter.replaceOpWithNewOp<LaunchOp>(end, end->getResult(0).getType(), symbol, operands);
  }

  static void fuse(RewriterBase &rewriter, gpu::GPUModuleOp kernels, ArrayRef<Operation *> chain, int64_t number) {
    Operation *end = chain.back();
    Location loc = end->getLoc();
    if (auto filter = dyn_cast<EmbedFilterOp>(chain.front())) {
      SmallVector<Value> operands = {filter.getK()};
      if (filter.getSkip())
        operands.push_back(filter.getSkip());
      outline(rewriter, kernels, "spectrum" + Twine(number), end, operands, [&](OpBuilder &b, ValueRange args) {
        auto prepare = PrepareOp::create(b, loc, args[0], filter.getSkip() ? args[1] : Value(), args.back(),
                                         filter.getCenterAttr(), filter.getSpectrum());
        auto kernel = prepare->getParentOfType<gpu::GPUFuncOp>();
        kernel->setAttr("fftconv.shared_bytes", b.getI64IntegerAttr(prepare.getSharedBytes()));
        kernel.setKnownBlockSize(ArrayRef<int32_t>{PrepareOp::threads, 1, 1});
      });
    } else if (auto turn = dyn_cast<TurnOp>(end)) {
      SmallVector<Value> operands = {turn.getX()};
      if (turn.getGate())
        operands.push_back(turn.getGate());
      outline(rewriter, kernels, "turn" + Twine(number), end, operands, [&](OpBuilder &b, ValueRange args) {
        auto rows = TurnRowsOp::create(b, loc, turn.getBackAttr(), args[0], turn.getGate() ? args[1] : Value(),
                                       args.back(), turn.getChipAttr());
        auto kernel = rows->getParentOfType<gpu::GPUFuncOp>();
        int64_t bytes = rows.getTile().sharedBytes(getKernelProblem(rows).elementBytes());
        kernel->setAttr("fftconv.shared_bytes", b.getI64IntegerAttr(bytes));
        kernel.setKnownBlockSize(ArrayRef<int32_t>{monarch::TurnTile::threads, 1, 1});
      });
    } else if (auto conv = dyn_cast<ConvOp>(end)) {
      SmallVector<Value> operands = {conv.getU(), conv.getK()};
      for (Value extra : {conv.getPreGate(), conv.getPostGate(), conv.getSkip()})
        if (extra)
          operands.push_back(extra);
      outline(rewriter, kernels, "conv" + Twine(number), end, operands, [&](OpBuilder &b, ValueRange args) {
        size_t next = 2;
        auto take = [&](Value extra) { return extra ? args[next++] : Value(); };
        Value preGate = take(conv.getPreGate()), postGate = take(conv.getPostGate()), skip = take(conv.getSkip());
        auto toeplitz = ToeplitzOp::create(b, loc, args[0], args[1], preGate, postGate, skip, args.back(),
                                           conv.getCenterAttr(), conv.getDirectAttr());
        auto kernel = toeplitz->getParentOfType<gpu::GPUFuncOp>();
        kernel->setAttr("fftconv.shared_bytes", b.getI64IntegerAttr(0));
        kernel.setKnownBlockSize(ArrayRef<int32_t>{static_cast<int32_t>(32 * conv.getDirectAttr().getWarps()), 1, 1});
      });
    } else {
      auto embed = cast<EmbedOp>(chain.front());
      PlanAttr plan = embed.getPlan();
      Value spectrum;
      for (Operation *op : chain)
        if (auto product = dyn_cast<SpectrumProductOp>(op))
          spectrum = product.getSpectrum();
      auto project = cast<ProjectOp>(end);
      SmallVector<Value> operands = {embed.getU(), spectrum};
      for (Value gate : {embed.getPreGate(), project.getPostGate()})
        if (gate)
          operands.push_back(gate);
      outline(rewriter, kernels, "conv" + Twine(number), end, operands, [&](OpBuilder &b, ValueRange args) {
        auto groups = GroupsOp::create(b, loc, embed.getChannelsLast(), args[0], plan.getSchedule().getRows());
        b.setInsertionPointToStart(&groups.getBody().emplaceBlock());
        fillBody(b, chain, args);
        b.setInsertionPointAfter(groups);
      });
    }
    for (Operation *op : llvm::reverse(chain.drop_back()))
      rewriter.eraseOp(op);
  }

  /// args: rows, spectrum, the gate before, the gate after (as far as there are any), results.
  static void fillBody(OpBuilder &b, ArrayRef<Operation *> chain, ValueRange args) {
    auto embed = cast<EmbedOp>(chain.front());
    PlanAttr plan = embed.getPlan();
    size_t nextGate = 2;
    Value x;
    auto typeOf = [&](Operation *op) {
      auto type = cast<RankedTensorType>(op->getResult(0).getType());
      return TileType::get(b.getContext(), type.getElementType(), LayoutAttr());
    };
    for (Operation *op : chain) {
      Location loc = op->getLoc();
      if (op == embed) {
        // Rows come as they are, and become what stages compute with.
        TileType tile = typeOf(op), raw = tile;
        Type element = embed.getU().getType().getElementType();
        raw = TileType::get(b.getContext(), tile.isComplex() ? Type(ComplexType::get(element)) : element, LayoutAttr());
        Value rows = embed.getPreGate() ? args[nextGate++] : Value(), none, gate;
        monarch::KernelProblem problem{
            .preGate = rows != nullptr, .split = element.isF32(), .channelsLast = embed.getChannelsLast()};
        // Rows meet their gate beside them, as they are normalised, or on the way.
        bool beside = monarch::gateTile(getKernelChoice(plan.getSchedule()), problem);
        bool normalised = problem.split && !problem.channelsLast;
        x = CopyInOp::create(b, loc, raw, args[0], beside || normalised ? none : rows, plan, /*ahead=*/false);
        if (beside)
          gate = CopyInOp::create(b, loc, raw, rows, none, plan, /*ahead=*/false);
        if (problem.split)
          x = TileNormalizeOp::create(b, loc, tile, x, normalised ? rows : none, plan, /*scales=*/-1);
        for (Value *value : {&x, &gate})
          if (*value && raw != tile)
            *value = TileConvertOp::create(b, loc, tile, *value);
        if (gate)
          x = TileGateOp::create(b, loc, tile, x, gate);
      } else if (auto dft = dyn_cast<DftOp>(op)) {
        x = TileDftOp::create(b, loc, typeOf(op), How::Any, x, dft.getDigit(), dft.getInverse(), plan,
                              ArrayRef<int64_t>());
      } else if (auto twiddle = dyn_cast<TwiddleOp>(op)) {
        x = TileTwiddleOp::create(b, loc, typeOf(op), x, twiddle.getDigit(), twiddle.getInverse(), plan,
                                  ArrayRef<int64_t>());
      } else if (isa<SpectrumProductOp>(op)) {
        x = TileProductOp::create(b, loc, typeOf(op), x, args[1], plan);
      } else {
        Value gate = cast<ProjectOp>(op).getPostGate() ? args[nextGate++] : Value();
        CopyOutOp::create(b, loc, x, args.back(), gate, plan);
      }
    }
  }
};
} // namespace
