//===- StagesToLinalg.cpp - dft, twiddle, product to linalg ---------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every dft becomes one real contraction with a constant matrix, every twiddle and product one with 2x2 rotations.
//
//===----------------------------------------------------------------------===//

#include "LinalgEmitter.h"

using namespace mlir;
using namespace fftconv;
using monarch::Complex;
using utils::IteratorType;

/// The largest constant table that a stage may carry, in values.
static constexpr int64_t maxTableSize = int64_t(1) << 28;

namespace {
struct LowerDft : OpConversionPattern<DftOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(DftOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    LinalgEmitter e{rewriter, op.getLoc()};
    bool complexIn = isComplex(op.getX()), complexOut = isComplex(op.getY());
    int64_t digit = op.getDigit(), r = op.getPlan().getRadices()[digit - 1];
    Value x = adaptor.getX();
    Type operand = e.type(x).getElementType();

    if (r > maxTableSize / r / 4)
      return op.emitOpError("the matrix of digit ")
             << digit << ", of radix " << r << ", is too large for a constant table";

    // The complex matrix as a real one, [plane out][k][plane in][n]: (re, -im; im, re).
    std::vector<Complex> matrix = monarch::dftMatrix(getDigits(op.getPlan()), digit, op.getInverse());
    SmallVector<double> values;
    for (int out = 0; out < 1 + complexOut; ++out)
      for (int64_t k = 0; k < r; ++k)
        for (int in = 0; in < 1 + complexIn; ++in)
          for (int64_t n = 0; n < r; ++n) {
            Complex w = matrix[k * r + n];
            values.push_back(out == in ? w.real() : out ? w.imag() : -w.imag());
          }
    SmallVector<int64_t> shape;
    if (complexOut)
      shape.push_back(2);
    shape.push_back(r);
    if (complexIn)
      shape.push_back(2);
    shape.push_back(r);
    Value w = e.table(shape, operand, values);

    // Dimensions: [plane out] rows [before] k [after] [plane in] n.
    StageShape stage(e.type(x), complexIn, op.getPlan(), digit);
    Value in = stage.collapse(e, x);
    SmallVector<AffineExpr> wMap, xMap, yMap;
    SmallVector<OpFoldResult> size;
    unsigned dims = 0;
    auto next = [&](OpFoldResult extent) {
      size.push_back(extent);
      AffineExpr dim = rewriter.getAffineDimExpr(dims++);
      yMap.push_back(dim);
      return dim;
    };
    AffineExpr planeOut, planeIn;
    if (complexOut)
      planeOut = next(e.index(2));
    int64_t xDim = complexIn;
    for (int64_t row = 0; row < stage.rows(); ++row)
      xMap.push_back(next(e.dim(in, xDim++)));
    if (stage.hasBefore)
      xMap.push_back(next(e.dim(in, xDim++)));
    AffineExpr k = next(e.index(r));
    ++xDim;
    AffineExpr after;
    if (stage.hasAfter)
      after = next(e.dim(in, xDim));
    SmallVector<IteratorType> iterators(dims, IteratorType::parallel);
    if (complexIn)
      planeIn = rewriter.getAffineDimExpr(dims++);
    AffineExpr n = rewriter.getAffineDimExpr(dims++);
    iterators.append(dims - iterators.size(), IteratorType::reduction);
    xMap.push_back(n);
    if (after)
      xMap.push_back(after);
    if (complexOut)
      wMap.push_back(planeOut);
    wMap.push_back(k);
    if (complexIn) {
      wMap.push_back(planeIn);
      xMap.insert(xMap.begin(), planeIn);
    }
    wMap.push_back(n);
    auto map = [&](ArrayRef<AffineExpr> exprs) { return AffineMap::get(dims, 0, exprs, rewriter.getContext()); };
    Value y = e.contract(w, in, size, {map(wMap), map(xMap), map(yMap)}, iterators);

    RankedTensorType result = op.getY().getType();
    bool isSpectrum = getSpectrumEncoding(result) != nullptr;
    Type element = complexOut ? cast<ComplexType>(result.getElementType()).getElementType() : result.getElementType();
    y = e.round(y, element);
    SmallVector<int64_t> digits;
    if (complexOut)
      digits.push_back(2);
    llvm::append_range(digits, result.getShape());
    auto digitsType = RankedTensorType::get(digits, element);
    y = StageShape(digitsType, complexOut, op.getPlan(), digit).expand(e, y, digitsType);
    rewriter.replaceOp(op, isSpectrum ? rotations(e, y) : y);
    return success();
  }

  /// [2]... planes to [2][2]... rotations: (re, -im; im, re).
  static Value rotations(LinalgEmitter &e, Value planes) {
    RankedTensorType type = e.type(planes);
    SmallVector<OpFoldResult> shape = tensor::getMixedSizes(e.b, e.loc, planes), whole(shape);
    shape.insert(shape.begin(), e.index(2));
    Value all = e.empty(shape, type.getElementType());
    SmallVector<OpFoldResult> part = llvm::to_vector(llvm::drop_begin(whole)), none(part.size(), e.index(0));
    for (int64_t out = 0; out < 2; ++out)
      for (int64_t in = 0; in < 2; ++in) {
        auto from = e.window(none, part, out == in ? 0 : 1);
        Value value = e.extract(planes, from, part.size());
        LinalgEmitter::Window to = from;
        to.offsets[0] = e.index(out);
        to.offsets.insert(to.offsets.begin() + 1, e.index(in));
        to.sizes.insert(to.sizes.begin(), e.index(1));
        to.strides.insert(to.strides.begin(), e.index(1));
        if (!out && in)
          value = e.elementwise(value, e.empty(part, type.getElementType()), [&](OpBuilder &body, ValueRange args) {
            return arith::NegFOp::create(body, e.loc, args[0]).getResult();
          });
        all = e.insert(value, all, to);
      }
    return all;
  }
};

/// Rotates the planes of x: y[o, i] = sum over p of table[o, p, i] x[p, i], in f32. tableMap takes dimension 0 for o, the rank of x for p.
Value rotate(LinalgEmitter &e, Value table, ArrayRef<AffineExpr> tableMap, Value x) {
  int64_t rank = e.type(x).getRank();
  SmallVector<AffineExpr> xMap = {e.b.getAffineDimExpr(rank)}, yMap = {e.b.getAffineDimExpr(0)};
  for (int64_t i = 1; i < rank; ++i) {
    xMap.push_back(e.b.getAffineDimExpr(i));
    yMap.push_back(e.b.getAffineDimExpr(i));
  }
  SmallVector<IteratorType> iterators(rank, IteratorType::parallel);
  iterators.push_back(IteratorType::reduction);
  auto map = [&](ArrayRef<AffineExpr> exprs) { return AffineMap::get(rank + 1, 0, exprs, e.b.getContext()); };
  return e.contract(table, x, tensor::getMixedSizes(e.b, e.loc, x), {map(tableMap), map(xMap), map(yMap)}, iterators);
}

/// What has the shape of `stage`, rounded and in the shape of `result`.
Value finish(LinalgEmitter &e, const StageShape &stage, Value y, Type result) {
  auto type = cast<RankedTensorType>(result);
  return stage.expand(e, e.round(y, type.getElementType()), type);
}

struct LowerTwiddle : OpConversionPattern<TwiddleOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(TwiddleOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    LinalgEmitter e{rewriter, op.getLoc()};
    Value x = adaptor.getX();
    int64_t digit = op.getDigit(), r = op.getPlan().getRadices()[digit - 1];
    monarch::Digits digits = getDigits(op.getPlan());
    size_t first = digits.first() - 1;
    if (digits.product(first, digit) > maxTableSize / 4)
      return op.emitOpError("the twiddles of digit ") << digit << " are too many for a constant table";

    // Rotations [2][2][before][n]; the inverse is the transpose, so both directions share one table.
    std::vector<Complex> table = monarch::twiddles(digits, digit, /*inverse=*/false);
    SmallVector<double> values;
    values.reserve(4 * table.size());
    for (int part = 0; part < 4; ++part)
      for (Complex w : table)
        values.push_back(part == 0 || part == 3 ? w.real() : part == 1 ? -w.imag() : w.imag());
    int64_t before = digits.product(first, digit - 1);
    Value t = e.table({2, 2, before, r}, rewriter.getF32Type(), values);

    // Dimensions: plane out, rows, before, n, [after], plane in.
    StageShape stage(e.type(x), true, op.getPlan(), digit);
    Value in = stage.collapse(e, x);
    int64_t rank = e.type(in).getRank();
    auto d = [&](int64_t i) { return rewriter.getAffineDimExpr(i); };
    SmallVector<AffineExpr> tMap = {d(0), d(rank), d(1 + stage.rows()), d(2 + stage.rows())};
    if (op.getInverse())
      std::swap(tMap[0], tMap[1]);
    rewriter.replaceOp(op,
                       finish(e, stage, rotate(e, t, tMap, in), getTypeConverter()->convertType(op.getY().getType())));
    return success();
  }
};

struct LowerSpectrumProduct : OpConversionPattern<SpectrumProductOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(SpectrumProductOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    LinalgEmitter e{rewriter, op.getLoc()};
    // In the shape of the last digit's stages, with which it fuses.
    PlanAttr plan = getSpectrumEncoding(op.getSpectrum().getType()).getPlan();
    int64_t digit = plan.getRadices().size();
    StageShape stage(e.type(adaptor.getX()), true, plan, digit);
    Value x = stage.collapse(e, adaptor.getX());
    Value s = StageShape(e.type(adaptor.getSpectrum()), true, plan, digit).collapse(e, adaptor.getSpectrum());

    // Dimensions: plane out, batch, head, [block], [before], n, plane in.
    int64_t rank = e.type(x).getRank(), blocks = plan.getBlocks();
    auto d = [&](int64_t i) { return rewriter.getAffineDimExpr(i); };
    SmallVector<AffineExpr> sMap = {d(0), d(rank)};
    for (int64_t i = 2; i < rank; ++i)
      if (blocks == 1 || i != blockDim)
        sMap.push_back(d(i));
    Value y = blocks == 1 ? rotate(e, s, sMap, x) : convolveBlocks(e, s, sMap, x, blocks);
    rewriter.replaceOp(op, finish(e, stage, y, getTypeConverter()->convertType(op.getY().getType())));
    return success();
  }

  /// The sum over lags of all blocks of x that have another so much later, times the spectrum's block of that lag.
  static Value convolveBlocks(LinalgEmitter &e, Value s, ArrayRef<AffineExpr> sMap, Value x, int64_t blocks) {
    int64_t rank = e.type(x).getRank();
    SmallVector<ReassociationIndices> withoutBlock = {{0}, {1}, {2, blockDim}};
    for (int64_t i = blockDim + 1; i < rank; ++i)
      withoutBlock.push_back({i});
    Value y;
    for (int64_t lag = 0; lag < blocks; ++lag) {
      Value part = e.extract(s, blocksOf(e, s, lag, 1), rank);
      part = tensor::CollapseShapeOp::create(e.b, e.loc, part, withoutBlock);
      Value product = rotate(e, part, sMap, e.extract(x, blocksOf(e, x, 0, blocks - lag), rank));
      if (lag == 0) {
        y = product;
        continue;
      }
      auto later = blocksOf(e, y, lag, blocks - lag);
      Value sum = e.elementwise({e.extract(y, later, rank), product}, product, [&](OpBuilder &body, ValueRange args) {
        return arith::AddFOp::create(body, e.loc, args[0], args[1]).getResult();
      });
      y = e.insert(sum, y, later);
    }
    return y;
  }

  /// The dimension of blocks, behind planes, rows and heads; or behind both planes of a spectrum, and heads.
  static constexpr int64_t blockDim = 3;
  static LinalgEmitter::Window blocksOf(LinalgEmitter &e, Value v, int64_t first, int64_t count) {
    SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(e.b, e.loc, v), offsets(sizes.size(), e.index(0));
    offsets[blockDim] = e.index(first);
    sizes[blockDim] = e.index(count);
    return e.window(offsets, sizes);
  }
};
} // namespace

void fftconv::populateStagesToLinalg(const TypeConverter &converter, RewritePatternSet &patterns) {
  patterns.add<LowerDft, LowerTwiddle, LowerSpectrumProduct>(converter, patterns.getContext());
}
