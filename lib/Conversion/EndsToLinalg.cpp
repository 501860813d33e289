//===- EndsToLinalg.cpp - embed, embed_filter, project to linalg ----------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What happens before the first stage and after the last: gates, padding, pairs of rows, taps by lag, crop, tail and skip.
//
//===----------------------------------------------------------------------===//

#include "LinalgEmitter.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

#include <cmath>

using namespace mlir;
using namespace fftconv;
using utils::IteratorType;

namespace {
/// The rows of u that travel in one plane: all of them, or every second one.
struct Rows {
  OpFoldResult first, count;
  int64_t stride = 1;
};

/// The rows in real and imaginary plane when rows are paired, else all rows; none for an imaginary plane that stays empty.
SmallVector<Rows> planesOf(LinalgEmitter &e, Value u, bool paired) {
  OpFoldResult batch = e.dim(u, 0);
  if (!paired)
    return {{e.index(0), batch}};
  AffineExpr s = e.b.getAffineSymbolExpr(0);
  auto size = [&](AffineExpr expr) { return affine::makeComposedFoldedAffineApply(e.b, e.loc, expr, {batch}); };
  SmallVector<Rows> rows = {{e.index(0), size((s + 1).floorDiv(2)), 2}, {e.index(1), size(s.floorDiv(2)), 2}};
  if (isConstantIntValue(rows[1].count, 0))
    rows.pop_back();
  return rows;
}

struct LowerEmbed : OpConversionPattern<EmbedOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(EmbedOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    if (op.getChannelsLast())
      return op.emitOpError("channels that are last are turned before; run fftconv-hoist-spectra");
    LinalgEmitter e{rewriter, op.getLoc()};
    Value u = adaptor.getU();
    bool paired = op.getPlan().getTheta() == Theta::One;
    auto result = cast<RankedTensorType>(getTypeConverter()->convertType(op.getX().getType()));
    OpFoldResult heads = e.dim(u, 1), length = e.dim(u, 2), points = e.index(op.getPlan().getPoints());
    SmallVector<Rows> rows = planesOf(e, u, paired);
    SmallVector<OpFoldResult> shape = {rows[0].count, heads, points};
    if (paired)
      shape.insert(shape.begin(), e.index(2));

    // Everything is written below unless there is padding or a row without partner.
    int64_t batch = e.type(u).getDimSize(0);
    bool full = e.type(u).getDimSize(2) == op.getPlan().getPoints() &&
                (!paired || (batch != ShapedType::kDynamic && batch % 2 == 0));
    Value x = full ? e.empty(shape, result.getElementType()) : e.zeros(shape, result.getElementType());
    for (auto [plane, part] : llvm::enumerate(rows)) {
      SmallVector<OpFoldResult> sizes = {part.count, heads, length};
      auto from = e.window({part.first, e.index(0), e.index(0)}, sizes, {}, part.stride);
      std::optional<int64_t> target;
      if (paired)
        target = plane;
      auto to = e.window({e.index(0), e.index(0), e.index(0)}, sizes, target);
      SmallVector<Value> inputs = {e.extract(u, from, 3)};
      if (adaptor.getPreGate())
        inputs.push_back(e.extract(adaptor.getPreGate(), from, 3));
      Value value = e.elementwise(inputs, e.extract(x, to, 3), [&](OpBuilder &body, ValueRange args) {
        return args.size() == 1 ? args[0] : arith::MulFOp::create(body, e.loc, args[0], args[1]).getResult();
      });
      x = e.insert(value, x, to);
    }
    rewriter.replaceOpWithNewOp<tensor::ExpandShapeOp>(op, result, x,
                                                       mergeDigits(result.getRank(), op.getPlan().getRadices().size()));
    return success();
  }
};

struct LowerEmbedFilter : OpConversionPattern<EmbedFilterOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(EmbedFilterOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    LinalgEmitter e{rewriter, op.getLoc()};
    SpectrumAttr spectrum = op.getSpectrum();
    monarch::Digits digits = getDigits(spectrum.getPlan());
    int64_t points = digits.points(), length = spectrum.getLength(), center = op.getCenter().value_or(0);
    double scale = std::sqrt(static_cast<double>(digits.blockPoints()));
    Value k = adaptor.getK();
    if (spectrum.getBoundary() == Boundary::Circular)
      k = wrap(e, k, length);
    int64_t heads = e.type(k).getDimSize(0), taps = e.type(k).getDimSize(1);
    auto result = cast<RankedTensorType>(getTypeConverter()->convertType(op.getX().getType()));
    bool complex = isComplex(op.getX());

    SmallVector<OpFoldResult> shape = {e.index(heads), e.index(points)};
    if (complex)
      shape.insert(shape.begin(), e.index(2));
    Value x = e.zeros(shape, rewriter.getF32Type());
    // Taps [begin, begin + count) times `factor` to position `at`.
    auto place = [&](int64_t begin, int64_t count, int64_t at, std::optional<int64_t> plane, double factor) {
      if (count == 0)
        return;
      SmallVector<OpFoldResult> sizes = {e.index(heads), e.index(count)};
      auto to = e.window({e.index(0), e.index(at)}, sizes, plane);
      Value from = e.extract(k, e.window({e.index(0), e.index(begin)}, sizes), 2);
      Value value = e.elementwise(from, e.extract(x, to, 2), [&](OpBuilder &body, ValueRange args) {
        return arith::MulFOp::create(body, e.loc, args[0],
                                     arith::ConstantOp::create(body, e.loc, body.getF32FloatAttr(factor)))
            .getResult();
      });
      x = e.insert(value, x, to);
    };
    int64_t before = std::min(center, length - 1);
    place(center, std::min(taps - center, length), 0, complex ? std::optional<int64_t>(0) : std::nullopt, scale);
    place(center - before, before, points - before, 1, -scale);
    if (Value skip = adaptor.getSkip()) {
      // Lag zero is at position zero.
      SmallVector<OpFoldResult> sizes = {e.index(heads), e.index(1)};
      auto to = e.window({e.index(0), e.index(0)}, sizes, complex ? std::optional<int64_t>(0) : std::nullopt);
      auto column = RankedTensorType::get({heads, 1}, rewriter.getF32Type());
      Value added =
          tensor::ExpandShapeOp::create(rewriter, e.loc, column, skip, ArrayRef<ReassociationIndices>{{0, 1}});
      added = e.elementwise(added, e.extract(x, to, 2), [&](OpBuilder &body, ValueRange args) {
        Value factor = arith::ConstantOp::create(body, e.loc, body.getF32FloatAttr(scale));
        Value scaled = arith::MulFOp::create(body, e.loc, args[0], factor);
        return arith::AddFOp::create(body, e.loc, scaled, args[1]).getResult();
      });
      x = e.insert(added, x, to);
    }
    if (digits.blocks) {
      // Each block has -i times the taps of the one before.
      int64_t block = digits.blockPoints();
      SmallVector<OpFoldResult> sizes = {e.index(heads), e.index(points - block)};
      Value before = e.extract(x, e.window({e.index(0), e.index(0)}, sizes, 0), 2);
      auto to = e.window({e.index(0), e.index(block)}, sizes, 1);
      before = e.elementwise(before, e.extract(x, to, 2), [&](OpBuilder &body, ValueRange args) {
        return arith::NegFOp::create(body, e.loc, args[0]).getResult();
      });
      x = e.insert(before, x, to);
    }
    rewriter.replaceOpWithNewOp<tensor::ExpandShapeOp>(
        op, result, x, mergeDigits(result.getRank(), spectrum.getPlan().getRadices().size()));
    return success();
  }

  /// The filter with taps L, L + 1, ... added to taps 0, 1, ...
  static Value wrap(LinalgEmitter &e, Value k, int64_t length) {
    int64_t heads = e.type(k).getDimSize(0), taps = e.type(k).getDimSize(1), turns = llvm::divideCeil(taps, length);
    if (turns == 1)
      return k;
    Value padded = k;
    if (taps != turns * length) {
      SmallVector<OpFoldResult> sizes = {e.index(heads), e.index(taps)};
      padded = e.insert(k, e.zeros({e.index(heads), e.index(turns * length)}, e.b.getF32Type()),
                        e.window({e.index(0), e.index(0)}, sizes));
    }
    auto type = RankedTensorType::get({heads, turns, length}, e.b.getF32Type());
    padded = tensor::ExpandShapeOp::create(e.b, e.loc, type, padded, ArrayRef<ReassociationIndices>{{0}, {1, 2}});
    AffineExpr h = e.b.getAffineDimExpr(0), n = e.b.getAffineDimExpr(1), turn = e.b.getAffineDimExpr(2);
    MLIRContext *context = e.b.getContext();
    return e.generic(padded, e.zeros({e.index(heads), e.index(length)}, e.b.getF32Type()),
                     {AffineMap::get(3, 0, {h, turn, n}, context), AffineMap::get(3, 0, {h, n}, context)},
                     {IteratorType::parallel, IteratorType::parallel, IteratorType::reduction},
                     [&](OpBuilder &body, ValueRange args) {
                       return arith::AddFOp::create(body, e.loc, args[0], args[1]).getResult();
                     });
  }
};

struct LowerProject : OpConversionPattern<ProjectOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(ProjectOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    if (op.getChannelsLast())
      return op.emitOpError("channels that are last are turned before; run fftconv-hoist-spectra");
    LinalgEmitter e{rewriter, op.getLoc()};
    PlanAttr plan = op.getSpectrum().getPlan();
    Value u = adaptor.getU();
    bool paired = plan.getTheta() == Theta::One, complex = isComplex(op.getX());
    int64_t length = e.type(u).getDimSize(2), points = plan.getPoints();
    Value x = tensor::CollapseShapeOp::create(rewriter, e.loc, adaptor.getX(),
                                              mergeDigits(e.type(adaptor.getX()).getRank(), plan.getRadices().size()));

    OpFoldResult heads = e.dim(u, 1), zero = e.index(0);
    SmallVector<Rows> rows = planesOf(e, u, paired);
    Value y = e.empty(tensor::getMixedSizes(rewriter, e.loc, u), e.type(u).getElementType());
    for (auto [index, part] : llvm::enumerate(rows)) {
      SmallVector<OpFoldResult> sizes = {part.count, heads, e.index(length)};
      std::optional<int64_t> plane;
      if (complex)
        plane = index;
      auto mine = e.window({part.first, zero, zero}, sizes, {}, part.stride);
      SmallVector<Value> inputs = {e.extract(x, e.window({zero, zero, zero}, sizes, plane), 3)};
      bool wraps = complex && !paired;
      if (wraps)
        inputs.push_back(tail(e, x, part.count, heads, length, points));
      if (adaptor.getSkip()) {
        inputs.push_back(adaptor.getSkip());
        inputs.push_back(e.extract(u, mine, 3));
        if (adaptor.getPreGate())
          inputs.push_back(e.extract(adaptor.getPreGate(), mine, 3));
      }
      if (adaptor.getPostGate())
        inputs.push_back(e.extract(adaptor.getPostGate(), mine, 3));
      Value value = e.elementwise(inputs, e.extract(y, mine, 3), [&](OpBuilder &body, ValueRange args) {
        auto next = [&] {
          Value front = args.front();
          args = args.drop_front();
          return front;
        };
        auto add = [&](Value a, Value c) { return arith::AddFOp::create(body, e.loc, a, c).getResult(); };
        auto multiply = [&](Value a, Value c) { return arith::MulFOp::create(body, e.loc, a, c).getResult(); };
        Value sum = next();
        if (wraps)
          sum = add(sum, next());
        if (adaptor.getSkip()) {
          Value skipped = next();
          skipped = multiply(skipped, next());
          sum = add(sum, adaptor.getPreGate() ? multiply(skipped, next()) : skipped);
        }
        return adaptor.getPostGate() ? multiply(sum, next()) : sum;
      });
      y = e.insert(value, y, mine);
    }
    rewriter.replaceOp(op, y);
    return success();
  }

  /// w[n + L], 0 <= n < L, where w is the real plane followed by the imaginary one.
  static Value tail(LinalgEmitter &e, Value x, OpFoldResult rows, OpFoldResult heads, int64_t length, int64_t points) {
    OpFoldResult zero = e.index(0);
    auto slice = [&](int64_t plane, int64_t begin, int64_t count) {
      return e.extract(x, e.window({zero, zero, e.index(begin)}, {rows, heads, e.index(count)}, plane), 3);
    };
    int64_t inReal = std::min(points - length, length);
    if (inReal == 0)
      return slice(1, 0, length);
    if (inReal == length)
      return slice(0, length, length);
    Value all = e.empty({rows, heads, e.index(length)}, e.type(x).getElementType());
    auto at = [&](int64_t begin, int64_t count) {
      return e.window({zero, zero, e.index(begin)}, {rows, heads, e.index(count)});
    };
    all = e.insert(slice(0, length, inReal), all, at(0, inReal));
    return e.insert(slice(1, 0, length - inReal), all, at(inReal, length - inReal));
  }
};
} // namespace

void fftconv::populateEndsToLinalg(const TypeConverter &converter, RewritePatternSet &patterns) {
  patterns.add<LowerEmbed, LowerEmbedFilter, LowerProject>(converter, patterns.getContext());
}
