//===- Canonicalize.cpp - Canonicalisation of fftconv.conv ----------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Elementwise products around a convolution become its gates, gates and skips without effect vanish, and convolutions with
// nothing to sum disappear. As in any fused kernel, a product that becomes a gate is no longer rounded to the tensor's
// type on its way. Zero times anything is taken to be zero.
//
//===----------------------------------------------------------------------===//

#include "fftconv/IR/FFTConv.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace fftconv;

/// True for a constant of zeros, and for a splat of zero of any shape.
static bool isZero(Value value) {
  if (!value)
    return false;
  if (auto splat = value.getDefiningOp<tensor::SplatOp>())
    value = splat.getInput();
  return matchPattern(value, m_AnyZeroFloat());
}

static bool isOne(Value value) {
  if (!value)
    return false;
  if (auto splat = value.getDefiningOp<tensor::SplatOp>())
    value = splat.getInput();
  return matchPattern(value, m_OneFloat());
}

OpFoldResult ConvOp::fold(FoldAdaptor) {
  if (isZero(getU()))
    return getU(); // zeros of the type of y
  for (Value gate : {getPreGate(), getPostGate()})
    if (isZero(gate))
      return gate;
  return {};
}

/// What is turned there and back, without gates, is what it was.
OpFoldResult TurnOp::fold(FoldAdaptor) {
  auto producer = getX().getDefiningOp<TurnOp>();
  if (producer && producer.getBack() != getBack() && !getGate() && !producer.getGate())
    return producer.getX();
  return {};
}

namespace {
/// conv(u * g) -> conv(u) pre_gate(g).
struct ProductBefore : OpRewritePattern<ConvOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ConvOp op, PatternRewriter &rewriter) const override {
    auto product = op.getU().getDefiningOp<arith::MulFOp>();
    if (!product || op.getPreGate())
      return failure();
    rewriter.modifyOpInPlace(op, [&] {
      op.getUMutable().assign(product.getLhs());
      op.getPreGateMutable().assign(product.getRhs());
    });
    return success();
  }
};

/// conv(u) * g -> conv(u) post_gate(g), where the convolution has no other use.
struct ProductAfter : OpRewritePattern<arith::MulFOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(arith::MulFOp product, PatternRewriter &rewriter) const override {
    for (auto [side, gate] : {std::pair(product.getLhs(), product.getRhs()), {product.getRhs(), product.getLhs()}}) {
      auto op = side.getDefiningOp<ConvOp>();
      if (!op || !op->hasOneUse() || op.getPostGate() || gate == side)
        continue;
      rewriter.setInsertionPoint(product); // the gate may be computed after the convolution
      rewriter.replaceOpWithNewOp<ConvOp>(product, op.getType(), op.getBoundaryAttr(), op.getChannelsLastAttr(),
                                          op.getTurnedAttr(), op.getU(), op.getK(), op.getPreGate(), gate, op.getSkip(),
                                          op.getCenterAttr(), op.getPlanAttr(), op.getDirectAttr());
      rewriter.eraseOp(op);
      return success();
    }
    return failure();
  }
};

/// Gates of one and skips of zero do nothing.
struct DropNeutralOperands : OpRewritePattern<ConvOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ConvOp op, PatternRewriter &rewriter) const override {
    if (!isOne(op.getPreGate()) && !isOne(op.getPostGate()) && !isZero(op.getSkip()))
      return failure();
    rewriter.modifyOpInPlace(op, [&] {
      if (isOne(op.getPreGate()))
        op.getPreGateMutable().clear();
      if (isOne(op.getPostGate()))
        op.getPostGateMutable().clear();
      if (isZero(op.getSkip()))
        op.getSkipMutable().clear();
    });
    return success();
  }
};

/// A constant filter of one tap scales every head, and a filter of zeros leaves the skip alone: both are products.
struct ConstantScale : OpRewritePattern<ConvOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ConvOp op, PatternRewriter &rewriter) const override {
    DenseFPElementsAttr taps;
    if (!matchPattern(op.getK(), m_Constant(&taps)))
      return failure();
    bool zero = isZero(op.getK());
    if (op.getTaps() != 1 && !zero)
      return failure();

    // scale[h] = k[h] + skip[h], as a constant where it is one.
    Location loc = op.getLoc();
    Type scaleType = RankedTensorType::get({op.getHeads()}, rewriter.getF32Type());
    Value scale = op.getSkip();
    if (!zero) {
      SmallVector<APFloat> values(taps.getValues<APFloat>());
      Value constant = arith::ConstantOp::create(
          rewriter, loc, cast<TypedAttr>(DenseElementsAttr::get(cast<ShapedType>(scaleType), values)));
      scale = scale ? arith::AddFOp::create(rewriter, loc, scale, constant).getResult() : constant;
    }

    Value y = op.getU();
    RankedTensorType type = op.getU().getType();
    Type element = type.getElementType();
    auto multiply = [&](Value factor) {
      if (factor)
        y = arith::MulFOp::create(rewriter, loc, y, factor);
    };
    SmallVector<Value> dynamic;
    if (type.isDynamicDim(0))
      dynamic.push_back(tensor::DimOp::create(rewriter, loc, y, 0));
    if (!scale) {
      Value nought = arith::ConstantOp::create(rewriter, loc, rewriter.getZeroAttr(element));
      rewriter.replaceOpWithNewOp<tensor::SplatOp>(op, type, nought, dynamic);
      return success();
    }
    multiply(op.getPreGate());
    if (zero || !isOne(scale)) {
      if (element.isF16() || element.isBF16())
        scale = arith::TruncFOp::create(rewriter, loc, RankedTensorType::get({op.getHeads()}, element), scale);
      Value empty = tensor::EmptyOp::create(rewriter, loc, type, dynamic);
      multiply(
          linalg::BroadcastOp::create(rewriter, loc, scale, empty, ArrayRef<int64_t>{0, timeDim(op.getChannelsLast())})
              .getResults()[0]);
    }
    multiply(op.getPostGate());
    rewriter.replaceOp(op, y);
    return success();
  }
};
} // namespace

void ConvOp::getCanonicalizationPatterns(RewritePatternSet &results, MLIRContext *context) {
  results.add<ProductBefore, ProductAfter, DropNeutralOperands, ConstantScale>(context);
}
