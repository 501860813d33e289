//===- LowerContractions.cpp - vector.contract to multiply-adds -----------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Upstream lowers contractions that look like matrix products. Ours have planes, batch dimensions and constant matrices with
// many zeros, so they are unrolled here: every dimension becomes straight-line code but the fastest of the result, which
// stays a vector.
//
//===----------------------------------------------------------------------===//

#include "fftconv/Conversion/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace fftconv {
#define GEN_PASS_DEF_LOWERCONTRACTIONS
#include "fftconv/Conversion/Passes.h.inc"
} // namespace fftconv

using namespace mlir;
using namespace fftconv;

namespace {
/// One operand of an unrolled contraction: gives the vector (or splat) that belongs to a point of the iteration space.
class Operand {
public:
  Operand(Value value, AffineMap map, unsigned lane) : value(value), map(map) {
    for (auto [i, expr] : llvm::enumerate(map.getResults()))
      if (cast<AffineDimExpr>(expr).getPosition() == lane)
        laneAt = i;
    matchPattern(value, m_Constant(&constant));
  }

  bool isZero(ArrayRef<int64_t> point) {
    return constant && llvm::all_of(lanes(point), [](const APFloat &v) { return v.isZero(); });
  }

  /// False where the lane dimension is not the fastest of a value that is not constant.
  bool isContiguous() const { return constant || !laneAt || *laneAt == map.getNumResults() - 1; }

  Value at(OpBuilder &b, Location loc, ArrayRef<int64_t> point, VectorType type) {
    SmallVector<int64_t> position = indices(point);
    if (constant) {
      SmallVector<APFloat> values = lanes(point);
      if (values.size() == 1)
        values.resize(type.getNumElements(), values[0]);
      return arith::ConstantOp::create(b, loc, DenseElementsAttr::get(type, values));
    }
    if (laneAt)
      return vector::ExtractOp::create(b, loc, value, ArrayRef(position).drop_back());
    Value scalar = vector::ExtractOp::create(b, loc, value, position);
    return vector::BroadcastOp::create(b, loc, type, scalar);
  }

private:
  SmallVector<int64_t> indices(ArrayRef<int64_t> point) {
    SmallVector<int64_t> result;
    for (AffineExpr expr : map.getResults())
      result.push_back(point[cast<AffineDimExpr>(expr).getPosition()]);
    return result;
  }

  /// The constant's values along the lane dimension, or its one value.
  SmallVector<APFloat> lanes(ArrayRef<int64_t> point) {
    SmallVector<int64_t> position = indices(point);
    ArrayRef<int64_t> shape = constant.getType().getShape();
    SmallVector<int64_t> strides = computeStrides(shape);
    SmallVector<APFloat> values;
    for (int64_t lane = 0; lane < (laneAt ? shape[*laneAt] : 1); ++lane) {
      if (laneAt)
        position[*laneAt] = lane;
      values.push_back(constant.getValues<APFloat>()[linearize(position, strides)]);
    }
    return values;
  }

  Value value;
  AffineMap map;
  std::optional<size_t> laneAt;
  DenseFPElementsAttr constant;
};

struct Unroll : OpRewritePattern<vector::ContractionOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(vector::ContractionOp op, PatternRewriter &rewriter) const override {
    auto type = dyn_cast<VectorType>(op.getResultType());
    SmallVector<AffineMap> maps = op.getIndexingMapsArray();
    if (!type || op.getKind() != vector::CombiningKind::ADD || !isa<FloatType>(type.getElementType()) ||
        op.getLhsType().getElementType() != type.getElementType() ||
        op.getRhsType().getElementType() != type.getElementType())
      return rewriter.notifyMatchFailure(op, "not a sum of products of one float type");

    // The fastest dimension of the result that is not of size one is the lane.
    unsigned laneAt = type.getRank() - 1;
    unsigned lane = cast<AffineDimExpr>(maps[2].getResult(laneAt)).getPosition();
    Operand lhs(op.getLhs(), maps[0], lane), rhs(op.getRhs(), maps[1], lane);
    if (!lhs.isContiguous() || !rhs.isContiguous())
      return rewriter.notifyMatchFailure(op, "the lane dimension is not the fastest of an operand");

    Location loc = op.getLoc();
    SmallVector<int64_t> extents = *op.getShapeForUnroll();
    auto row = VectorType::get({type.getDimSize(laneAt)}, type.getElementType());
    SmallVector<int64_t> outer(extents), inner(extents);
    for (auto [dim, iterator] : llvm::enumerate(op.getIteratorTypesArray()))
      (vector::isReductionIterator(op.getIteratorTypes()[dim]) ? outer : inner)[dim] = 1;
    outer[lane] = 1;

    Value result = op.getAcc();
    forEach(outer, [&](ArrayRef<int64_t> point) {
      SmallVector<int64_t> position;
      for (AffineExpr expr : maps[2].getResults().drop_back())
        position.push_back(point[cast<AffineDimExpr>(expr).getPosition()]);
      Value sum = vector::ExtractOp::create(rewriter, loc, op.getAcc(), position);
      forEach(inner, [&](ArrayRef<int64_t> step) {
        SmallVector<int64_t> at(point);
        for (size_t i = 0; i < at.size(); ++i)
          at[i] += step[i];
        if (!lhs.isZero(at) && !rhs.isZero(at))
          sum = math::FmaOp::create(rewriter, loc, lhs.at(rewriter, loc, at, row), rhs.at(rewriter, loc, at, row), sum);
      });
      result = vector::InsertOp::create(rewriter, loc, sum, result, position);
    });
    rewriter.replaceOp(op, result);
    return success();
  }

  /// Calls `visit` with every point of a box, the last dimension fastest.
  static void forEach(ArrayRef<int64_t> extents, function_ref<void(ArrayRef<int64_t>)> visit) {
    SmallVector<int64_t> strides = computeStrides(extents);
    for (int64_t i = 0, size = computeProduct(extents); i < size; ++i)
      visit(delinearize(i, strides));
  }
};

struct LowerContractions : fftconv::impl::LowerContractionsBase<LowerContractions> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<Unroll>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
