//===- RaiseLinalg.cpp - Long convolutions among linalg ops ---------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "fftconv/IR/FFTConv.h"
#include "fftconv/Monarch/Planner.h"
#include "fftconv/Raise/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/Remarks.h"
#include "llvm/Support/FormatVariadic.h"

namespace fftconv {
#define GEN_PASS_DEF_RAISELINALG
#include "fftconv/Raise/Passes.h.inc"
} // namespace fftconv

using namespace mlir;
using namespace fftconv;

namespace {
/// Whether a tensor is nothing but zeros.
bool isZero(Value value) {
  if (auto fill = value.getDefiningOp<linalg::FillOp>())
    return matchPattern(fill.getInputs()[0], m_AnyZeroFloat());
  return matchPattern(value, m_AnyZeroFloat());
}

/// Whether a body is sum + x y of its three arguments.
bool isMultiplyAdd(Region &region) {
  Block &block = region.front();
  if (block.getNumArguments() != 3)
    return false;
  auto yield = dyn_cast<linalg::YieldOp>(block.getTerminator());
  auto add = yield ? yield.getOperand(0).getDefiningOp<arith::AddFOp>() : nullptr;
  if (!add)
    return false;
  for (auto [sum, term] : {std::pair(add.getLhs(), add.getRhs()), {add.getRhs(), add.getLhs()}})
    if (auto product = term.getDefiningOp<arith::MulFOp>(); product && sum == block.getArgument(2)) {
      SmallVector<Value> factors = {product.getLhs(), product.getRhs()};
      return llvm::is_contained(factors, block.getArgument(0)) && llvm::is_contained(factors, block.getArgument(1));
    }
  return false;
}

struct RaiseLinalg : fftconv::impl::RaiseLinalgBase<RaiseLinalg> {
  using RaiseLinalgBase::RaiseLinalgBase;

  void runOnOperation() override {
    const monarch::Chip *target = monarch::findChip(chip.getValue());
    if (!target) {
      getOperation().emitError("unknown chip '") << chip << "'";
      return signalPassFailure();
    }
    SmallVector<linalg::LinalgOp> ops;
    getOperation().walk([&](linalg::LinalgOp op) { ops.push_back(op); });
    for (linalg::LinalgOp op : ops) {
      if (auto conv = dyn_cast<linalg::DepthwiseConv1DNcwCwOp>(op.getOperation()))
        (void)raiseDepthwise(conv, conv.getInputs(), conv.getOutputs()[0], conv.getStrides(), conv.getDilations(),
                             /*channelsLast=*/false, *target);
      else if (auto conv = dyn_cast<linalg::DepthwiseConv1DNwcWcOp>(op.getOperation()))
        (void)raiseDepthwise(conv, conv.getInputs(), conv.getOutputs()[0], conv.getStrides(), conv.getDilations(),
                             /*channelsLast=*/true, *target);
      else if (auto generic = dyn_cast<linalg::GenericOp>(op.getOperation()))
        (void)raiseToeplitz(generic, *target);
    }
  }

  static LogicalResult refuse(Operation *op, const Twine &reason) {
    remark::missed(op->getLoc(), remark::RemarkOpts::name("NotRaised").category("fftconv-raise-linalg"))
        << remark::reason("{0}", reason.str());
    return failure();
  }
  static void tell(Operation *op, int64_t length, int64_t taps) {
    std::string text = llvm::formatv("convolution of length {0} with {1} taps", length, taps);
    remark::passed(op->getLoc(), remark::RemarkOpts::name("Raised").category("fftconv-raise-linalg")) << text;
  }

  /// Whether the transform of a row takes fewer multiply-adds than a sum over taps.
  static LogicalResult pays(Operation *op, int64_t length, int64_t taps, const monarch::Chip &target) {
    std::optional<monarch::Candidate> plan = monarch::choose({.length = length, .circular = false, .batch = 0}, target);
    double sum = static_cast<double>(length) * static_cast<double>(std::min(length, taps));
    if (!plan || plan->cost < sum)
      return success(plan.has_value());
    return refuse(op, llvm::formatv("a sum over {0} taps is cheaper than transforms of {1} points: {2:f0} "
                                    "multiply-adds for an output, not {3:f0}",
                                    taps, plan->digits.points(), sum / static_cast<double>(length),
                                    plan->cost / static_cast<double>(length)));
  }

  static bool isFloat(Type type) { return type.isF16() || type.isBF16() || type.isF32(); }

  static Value toF32(OpBuilder &b, Location loc, Value tensor) {
    auto type = cast<RankedTensorType>(tensor.getType());
    return type.getElementType().isF32() ? tensor
                                         : Value(arith::ExtFOp::create(b, loc, type.clone(b.getF32Type()), tensor));
  }

  /// y[w] = sum over k of x[w + k] f[k]: the taps backwards, the last of them with the padding's lag.
  static LogicalResult raiseDepthwise(Operation *op, ValueRange inputs, Value init, DenseIntElementsAttr strides,
                                      DenseIntElementsAttr dilations, bool channelsLast, const monarch::Chip &target) {
    if (op->getNumResults() != 1)
      return refuse(op, "it works on buffers");
    for (DenseIntElementsAttr steps : {strides, dilations})
      if (!steps.isSplat() || steps.getSplatValue<APInt>() != 1)
        return refuse(op, "it has strides or dilations");
    Value x = inputs[0], f = inputs[1];
    auto type = cast<RankedTensorType>(x.getType()), y = cast<RankedTensorType>(op->getResult(0).getType());
    int64_t time = timeDim(channelsLast), head = headDim(channelsLast),
            taps = cast<RankedTensorType>(f.getType()).getDimSize(channelsLast ? 0 : 1);
    int64_t low = 0;
    if (auto pad = x.getDefiningOp<tensor::PadOp>();
        pad && pad.getConstantPaddingValue() && matchPattern(pad.getConstantPaddingValue(), m_AnyZeroFloat())) {
      SmallVector<OpFoldResult> lows = pad.getMixedLowPad(), highs = pad.getMixedHighPad();
      bool inTime = true;
      for (int64_t i = 0; i < 3; ++i)
        inTime &= getConstantIntValue(lows[i]) && getConstantIntValue(highs[i]) &&
                  (i == time || (isZeroInteger(lows[i]) && isZeroInteger(highs[i])));
      if (inTime && *getConstantIntValue(lows[time]) >= 0) {
        low = *getConstantIntValue(lows[time]);
        x = pad.getSource();
        type = cast<RankedTensorType>(x.getType());
      }
    }
    if (!isFloat(type.getElementType()) || type.getElementType() != y.getElementType() ||
        !isFloat(cast<RankedTensorType>(f.getType()).getElementType()))
      return refuse(op, "elements are not f16, bf16 or f32 throughout");
    if (type.isDynamicDim(time) || type.isDynamicDim(head) || y.isDynamicDim(time) || ShapedType::isDynamic(taps))
      return refuse(op, "the length, the heads or the taps are dynamic");
    if (low >= taps)
      return refuse(op, "rows are padded by more than the taps reach");
    int64_t length = type.getDimSize(time), outputs = y.getDimSize(time);
    if (failed(pays(op, length, taps, target)))
      return failure();

    OpBuilder b(op);
    Location loc = op->getLoc();
    if (channelsLast) { // taps of a head side by side
      auto filter = cast<RankedTensorType>(f.getType());
      Value empty =
          tensor::EmptyOp::create(b, loc, {filter.getDimSize(1), filter.getDimSize(0)}, filter.getElementType());
      f = linalg::TransposeOp::create(b, loc, f, empty, ArrayRef<int64_t>{1, 0}).getResult()[0];
    }
    f = toF32(b, loc, f);
    auto filter = cast<RankedTensorType>(f.getType());
    AffineMap backwards =
        AffineMap::get(2, 0, {b.getAffineDimExpr(0), taps - 1 - b.getAffineDimExpr(1)}, b.getContext());
    SmallVector<utils::IteratorType> parallel(2, utils::IteratorType::parallel);
    Value empty = tensor::EmptyOp::create(b, loc, filter.getShape(), filter.getElementType());
    f = linalg::GenericOp::create(
            b, loc, TypeRange(filter), ValueRange(f), ValueRange(empty),
            ArrayRef{backwards, b.getMultiDimIdentityMap(2)}, parallel,
            [](OpBuilder &b, Location loc, ValueRange args) { linalg::YieldOp::create(b, loc, args[0]); })
            .getResult(0);
    // Outputs behind the rows are those of rows with zeros behind them.
    if (outputs > length) {
      SmallVector<int64_t> shape(type.getShape());
      shape[time] = outputs;
      SmallVector<OpFoldResult> lows(3, b.getIndexAttr(0)), highs = lows;
      highs[time] = b.getIndexAttr(outputs - length);
      Value zero = arith::ConstantOp::create(b, loc, b.getZeroAttr(type.getElementType()));
      x = tensor::PadOp::create(b, loc, type.clone(shape), x, lows, highs, zero);
    }
    int64_t center = taps - 1 - low;
    Boundary boundary = center ? Boundary::Bidirectional : Boundary::Causal;
    Value result =
        ConvOp::create(b, loc, x.getType(), BoundaryAttr::get(b.getContext(), boundary),
                       channelsLast ? b.getUnitAttr() : UnitAttr(), /*turned=*/UnitAttr(), x, f, Value(), Value(),
                       Value(), center ? b.getI64IntegerAttr(center) : IntegerAttr(), PlanAttr(), DirectAttr());
    if (outputs < length) {
      SmallVector<OpFoldResult> offsets(3, b.getIndexAttr(0)), steps(3, b.getIndexAttr(1)),
          sizes = tensor::getMixedSizes(b, loc, result);
      sizes[time] = b.getIndexAttr(outputs);
      result = tensor::ExtractSliceOp::create(b, loc, result, offsets, sizes, steps);
    }
    if (!isZero(init))
      result = arith::AddFOp::create(b, loc, result, init);
    op->getResult(0).replaceAllUsesWith(result);
    tell(op, length, taps);
    op->erase();
    return success();
  }

  /// The filter of which T[h, i, j] is tap i - j where i >= j, and zero elsewhere; null where it is not so. T may go without heads.
  static Value filterOf(Value matrix) {
    Block *body = nullptr;
    SmallVector<Value> indices;
    auto type = dyn_cast<RankedTensorType>(matrix.getType());
    if (!type || type.getRank() < 2 || type.getRank() > 3)
      return {};
    if (auto generate = matrix.getDefiningOp<tensor::GenerateOp>()) {
      body = &generate.getBody().front();
      indices.assign(body->getArguments().begin(), body->getArguments().end());
    } else if (auto generic = matrix.getDefiningOp<linalg::GenericOp>();
               generic && generic.getNumDpsInputs() == 0 && generic.getNumLoops() == type.getRank() &&
               generic.getMatchingIndexingMap(generic.getDpsInitOperand(0)).isIdentity()) {
      body = generic.getBody();
      indices.resize(type.getRank());
    } else {
      return {};
    }
    auto isIndex = [&](Value value, int64_t dim) {
      if (indices[dim])
        return value == indices[dim];
      auto index = value.getDefiningOp<linalg::IndexOp>();
      return index && static_cast<int64_t>(index.getDim()) == dim;
    };
    int64_t i = type.getRank() - 2, j = i + 1;
    auto select = body->getTerminator()->getOperand(0).getDefiningOp<arith::SelectOp>();
    auto compare = select ? select.getCondition().getDefiningOp<arith::CmpIOp>() : nullptr;
    if (!compare || !matchPattern(select.getFalseValue(), m_AnyZeroFloat()))
      return {};
    using Predicate = arith::CmpIPredicate;
    Predicate how = compare.getPredicate();
    bool ge = (how == Predicate::sge || how == Predicate::uge) && isIndex(compare.getLhs(), i) &&
              isIndex(compare.getRhs(), j);
    bool le = (how == Predicate::sle || how == Predicate::ule) && isIndex(compare.getLhs(), j) &&
              isIndex(compare.getRhs(), i);
    auto extract = select.getTrueValue().getDefiningOp<tensor::ExtractOp>();
    if ((!ge && !le) || !extract || static_cast<int64_t>(extract.getIndices().size()) != type.getRank() - 1)
      return {};
    // Of what is out of reach, the select wants nothing, and any index inside will do.
    Value lag = extract.getIndices().back();
    if (auto clamp = lag.getDefiningOp<arith::SelectOp>(); clamp && clamp.getCondition() == select.getCondition())
      lag = clamp.getTrueValue();
    if (auto clamp = lag.getDefiningOp<arith::MaxSIOp>(); clamp && matchPattern(clamp.getRhs(), m_Zero()))
      lag = clamp.getLhs();
    auto difference = lag.getDefiningOp<arith::SubIOp>();
    if (!difference || !isIndex(difference.getLhs(), i) || !isIndex(difference.getRhs(), j) ||
        (i == 1 && !isIndex(extract.getIndices()[0], 0)))
      return {};
    return extract.getTensor();
  }

  /// y[.., i] = sum over j of T[.., i, j] x[.., j], with such a matrix.
  static LogicalResult raiseToeplitz(linalg::GenericOp op, const monarch::Chip &target) {
    if (op->getNumResults() != 1 || op.getNumDpsInputs() != 2 || op.getNumReductionLoops() != 1 ||
        !isMultiplyAdd(op.getRegion()))
      return failure();
    for (unsigned side : {0u, 1u}) {
      Value matrix = op.getInputs()[side], x = op.getInputs()[1 - side], k = filterOf(matrix);
      if (!k)
        continue;
      auto type = cast<RankedTensorType>(x.getType()), t = cast<RankedTensorType>(matrix.getType()),
           taps = cast<RankedTensorType>(k.getType());
      AffineMap ofX = op.getMatchingIndexingMap(op.getDpsInputOperand(1 - side)),
                ofT = op.getMatchingIndexingMap(op.getDpsInputOperand(side));
      AffineMap ofY = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
      int64_t rank = type.getRank();
      // Rows and heads in order, time last.
      bool heads = t.getRank() == 3;
      SmallVector<unsigned> loops;
      op.getReductionDims(loops);
      unsigned reduced = loops[0];
      MLIRContext *context = op.getContext();
      auto dim = [&](unsigned d) { return getAffineDimExpr(d, context); };
      if (rank != 3 || ofY.getNumResults() != 3 || ofX.getNumResults() != 3 || !ofY.isProjectedPermutation())
        return refuse(op, "rows are not of rank 3, batch x heads x time");
      AffineExpr row = ofY.getResult(0), head = ofY.getResult(1), i = ofY.getResult(2);
      bool fits = ofX.getResult(0) == row && ofX.getResult(1) == head && ofX.getResult(2) == dim(reduced) &&
                  ofT.getResult(t.getRank() - 1) == dim(reduced) && ofT.getResult(t.getRank() - 2) == i &&
                  (!heads || ofT.getResult(0) == head);
      if (!fits)
        return refuse(op, "the product is not of rows with a matrix for each head");
      Type element = type.getElementType();
      if (!isFloat(element) || cast<RankedTensorType>(op->getResult(0).getType()).getElementType() != element ||
          !isFloat(taps.getElementType()))
        return refuse(op, "elements are not f16, bf16 or f32 throughout");
      if (type.isDynamicDim(1) || type.isDynamicDim(2) || !t.hasStaticShape() || !taps.hasStaticShape() ||
          t.getShape().back() != t.getDimSize(t.getRank() - 2))
        return refuse(op, "the length, the heads or the taps are dynamic, or there are not as many outputs as inputs");
      int64_t length = type.getDimSize(2), count = taps.getShape().back();
      if (count < length)
        return refuse(op, "the matrix reads past the taps of its filter");
      if (failed(pays(op, length, count, target)))
        return failure();
      OpBuilder b(op);
      Location loc = op.getLoc();
      k = toF32(b, loc, k);
      if (!heads) { // one filter for all
        Value empty = tensor::EmptyOp::create(b, loc, {type.getDimSize(1), count}, b.getF32Type());
        k = linalg::BroadcastOp::create(b, loc, k, empty, ArrayRef<int64_t>{0}).getResults()[0];
      }
      Value y = ConvOp::create(b, loc, type, BoundaryAttr::get(context, Boundary::Causal), UnitAttr(), UnitAttr(), x, k,
                               Value(), Value(), Value(), IntegerAttr(), PlanAttr(), DirectAttr());
      if (!isZero(op.getOutputs()[0]))
        y = arith::AddFOp::create(b, loc, y, op.getOutputs()[0]);
      op->getResult(0).replaceAllUsesWith(y);
      tell(op, length, count);
      op->erase();
      return success();
    }
    return failure();
  }
};
} // namespace
