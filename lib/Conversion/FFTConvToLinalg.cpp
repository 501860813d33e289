//===- FFTConvToLinalg.cpp - The monarch rung to linalg -------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Complex tensors become real ones with a leading plane dimension, spectra become 2x2 rotations. A stage sees its
// tensor as [plane] x rows x (digits before) x digit x (digits after), with each group of digits collapsed, so that twiddle,
// transform and product of one digit have the same shape and can be fused.
//
//===----------------------------------------------------------------------===//

#include "fftconv/Conversion/Passes.h"

#include "mlir/Dialect/Func/Transforms/FuncConversions.h"
#include "mlir/Dialect/SCF/Transforms/Patterns.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Transforms/DialectConversion.h"

#include <cmath>

namespace fftconv {
#define GEN_PASS_DEF_CONVERTFFTCONVTOLINALG
#include "fftconv/Conversion/Passes.h.inc"
} // namespace fftconv

using namespace mlir;
using namespace fftconv;
using monarch::Complex;
using utils::IteratorType;

/// The largest constant table that a stage may carry, in values.
static constexpr int64_t maxTableSize = int64_t(1) << 28;

//===----------------------------------------------------------------------===//
// Small builders
//===----------------------------------------------------------------------===//

namespace {
/// The types of the converted program.
struct PlanesConverter : TypeConverter {
  PlanesConverter() {
    addConversion([](Type type) { return type; });
    addConversion([](RankedTensorType type) -> Type {
      auto complex = dyn_cast<ComplexType>(type.getElementType());
      if (!complex)
        return type;
      SmallVector<int64_t> shape(getSpectrumEncoding(type) ? 2 : 1, 2);
      llvm::append_range(shape, type.getShape());
      return RankedTensorType::get(shape, complex.getElementType());
    });
  }
};

/// Emits ops at one location.
struct Emitter {
  OpBuilder &b;
  Location loc;

  RankedTensorType type(Value v) { return cast<RankedTensorType>(v.getType()); }
  OpFoldResult index(int64_t i) { return b.getIndexAttr(i); }
  OpFoldResult dim(Value v, int64_t i) { return tensor::getMixedSize(b, loc, v, i); }
  Value scalar(Type type, double value) {
    return arith::ConstantOp::create(b, loc, b.getFloatAttr(type, value));
  }
  Value empty(ArrayRef<OpFoldResult> shape, Type element) { return tensor::EmptyOp::create(b, loc, shape, element); }
  Value zeros(ArrayRef<OpFoldResult> shape, Type element) {
    return linalg::FillOp::create(b, loc, scalar(element, 0), empty(shape, element)).getResult(0);
  }
  Value convert(OpBuilder &body, Value v, Type to) {
    unsigned from = v.getType().getIntOrFloatBitWidth(), bits = to.getIntOrFloatBitWidth();
    if (v.getType() == to)
      return v;
    if (from < bits)
      return arith::ExtFOp::create(body, loc, to, v);
    if (from > bits)
      return arith::TruncFOp::create(body, loc, to, v);
    return convert(body, convert(body, v, body.getF32Type()), to); // f16 <-> bf16
  }

  /// Inserts or extracts [offset, offset + size) with a stride in every dimension; `plane`, where given, drops a leading one.
  struct Window {
    SmallVector<OpFoldResult> offsets, sizes, strides;
  };
  Window window(ArrayRef<OpFoldResult> offsets, ArrayRef<OpFoldResult> sizes, std::optional<int64_t> plane = {},
                int64_t rowStride = 1) {
    Window w;
    if (plane) {
      w.offsets.push_back(index(*plane));
      w.sizes.push_back(index(1));
      w.strides.push_back(index(1));
    }
    llvm::append_range(w.offsets, offsets);
    llvm::append_range(w.sizes, sizes);
    w.strides.append(sizes.size(), index(1));
    w.strides[plane ? 1 : 0] = index(rowStride);
    return w;
  }
  Value extract(Value source, const Window &w, int64_t rank) {
    SmallVector<int64_t> shape = decomposeMixedValues(ArrayRef(w.sizes).take_back(rank)).first;
    auto result = RankedTensorType::get(shape, type(source).getElementType());
    return tensor::ExtractSliceOp::create(b, loc, result, source, w.offsets, w.sizes, w.strides);
  }
  Value insert(Value part, Value dest, const Window &w) {
    return tensor::InsertSliceOp::create(b, loc, part, dest, w.offsets, w.sizes, w.strides);
  }

  using Body = function_ref<Value(OpBuilder &, ValueRange)>;
  Value generic(ValueRange inputs, Value init, ArrayRef<AffineMap> maps, ArrayRef<IteratorType> iterators, Body body) {
    return linalg::GenericOp::create(b, loc, init.getType(), inputs, init, maps, iterators,
                                     [&](OpBuilder &inner, Location, ValueRange args) {
                                       linalg::YieldOp::create(inner, loc, body(inner, args));
                                     })
        .getResult(0);
  }
  /// An elementwise op on tensors of the shape of `init`; inputs of rank 1 are indexed by dimension 1, heads. Arguments of the body
  /// arrive as f32, and its result is rounded to the type of `init`.
  Value elementwise(ArrayRef<Value> inputs, Value init, Body body) {
    int64_t rank = type(init).getRank();
    SmallVector<AffineMap> maps;
    for (Value input : inputs)
      maps.push_back(type(input).getRank() == 1 && rank > 1 ? AffineMap::get(rank, 0, b.getAffineDimExpr(1))
                                                            : b.getMultiDimIdentityMap(rank));
    maps.push_back(b.getMultiDimIdentityMap(rank));
    SmallVector<IteratorType> parallel(rank, IteratorType::parallel);
    return generic(inputs, init, maps, parallel, [&](OpBuilder &inner, ValueRange args) {
      SmallVector<Value> wide;
      for (Value arg : args.drop_back())
        wide.push_back(convert(inner, arg, inner.getF32Type()));
      return convert(inner, body(inner, wide), type(init).getElementType());
    });
  }
  /// `v` rounded to `element`; itself where that is its type.
  Value round(Value v, Type element) {
    if (type(v).getElementType() == element)
      return v;
    Value init = empty(tensor::getMixedSizes(b, loc, v), element);
    return elementwise(v, init, [](OpBuilder &, ValueRange args) { return args[0]; });
  }
  /// init[out] += sum of a[...] * b[...] in f32.
  Value contract(Value lhs, Value rhs, ArrayRef<OpFoldResult> shape, ArrayRef<AffineMap> maps,
                 ArrayRef<IteratorType> iterators) {
    return generic({lhs, rhs}, zeros(shape, b.getF32Type()), maps, iterators, [&](OpBuilder &inner, ValueRange args) {
      Type f32 = inner.getF32Type();
      Value product = arith::MulFOp::create(inner, loc, convert(inner, args[0], f32), convert(inner, args[1], f32));
      return arith::AddFOp::create(inner, loc, args[2], product).getResult();
    });
  }

  /// A constant tensor of `element`, each value rounded once.
  Value table(ArrayRef<int64_t> shape, Type element, ArrayRef<double> values) {
    auto type = RankedTensorType::get(shape, element);
    DenseElementsAttr attr;
    if (element.isF32()) {
      SmallVector<float> rounded(values.begin(), values.end());
      attr = DenseElementsAttr::get(type, ArrayRef<float>(rounded));
    } else {
      SmallVector<Attribute> rounded;
      for (double value : values)
        rounded.push_back(b.getFloatAttr(element, value));
      attr = DenseElementsAttr::get(type, rounded);
    }
    return arith::ConstantOp::create(b, loc, attr);
  }
};

/// How digits group around the one that a stage transforms: [plane] rows... [before] digit [after].
class StageShape {
public:
  StageShape(RankedTensorType digits, bool complex, PlanAttr plan, int64_t digit) : planes(complex ? 1 : 0) {
    int64_t count = plan.getRadices().size();
    first = digits.getRank() - count;
    int64_t at = first + digit - 1;
    for (int64_t i = 0; i < first; ++i)
      groups.push_back({i});
    auto group = [&](int64_t begin, int64_t end) {
      if (begin < end)
        groups.push_back(llvm::to_vector(llvm::seq(begin, end)));
    };
    hasBefore = digit > 1;
    hasAfter = digit < count;
    group(first, at);
    groups.push_back({at});
    group(at + 1, digits.getRank());
  }

  int64_t rows() const { return first - planes; }

  Value collapse(Emitter &e, Value v) const { return tensor::CollapseShapeOp::create(e.b, e.loc, v, groups); }
  Value expand(Emitter &e, Value v, RankedTensorType digits) const {
    return tensor::ExpandShapeOp::create(e.b, e.loc, digits, v, groups);
  }

  bool hasBefore, hasAfter;

private:
  int64_t planes, first;
  SmallVector<ReassociationIndices> groups;
};

/// Groups that merge the last `digits` dimensions of a tensor of `rank` into M points.
SmallVector<ReassociationIndices> mergeDigits(int64_t rank, int64_t digits) {
  SmallVector<ReassociationIndices> groups;
  for (int64_t i = 0; i < rank - digits; ++i)
    groups.push_back({i});
  groups.push_back(llvm::to_vector(llvm::seq(rank - digits, rank)));
  return groups;
}

//===----------------------------------------------------------------------===//
// Stages
//===----------------------------------------------------------------------===//

bool isComplex(Value v) { return isa<ComplexType>(cast<RankedTensorType>(v.getType()).getElementType()); }

struct LowerDft : OpConversionPattern<DftOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(DftOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    Emitter e{rewriter, op.getLoc()};
    bool complexIn = isComplex(op.getX()), complexOut = isComplex(op.getY());
    int64_t digit = op.getDigit(), r = op.getPlan().getRadices()[digit - 1];
    Value x = adaptor.getX();
    Type operand = e.type(x).getElementType();

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
  static Value rotations(Emitter &e, Value planes) {
    RankedTensorType type = e.type(planes);
    SmallVector<OpFoldResult> shape = tensor::getMixedSizes(e.b, e.loc, planes), whole(shape);
    shape.insert(shape.begin(), e.index(2));
    Value all = e.empty(shape, type.getElementType());
    SmallVector<OpFoldResult> part = llvm::to_vector(llvm::drop_begin(whole)), none(part.size(), e.index(0));
    for (int64_t out = 0; out < 2; ++out)
      for (int64_t in = 0; in < 2; ++in) {
        auto from = e.window(none, part, out == in ? 0 : 1);
        Value value = e.extract(planes, from, part.size());
        Emitter::Window to = from;
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

struct LowerTwiddle : OpConversionPattern<TwiddleOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(TwiddleOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    Emitter e{rewriter, op.getLoc()};
    Value x = adaptor.getX();
    int64_t digit = op.getDigit(), r = op.getPlan().getRadices()[digit - 1];
    monarch::Digits digits = getDigits(op.getPlan());
    if (digits.product(0, digit) > maxTableSize / 4)
      return op.emitOpError("the twiddles of digit ") << digit << " are too many for a constant table";

    // Rotations [2][2][before][n]; the inverse is the transpose, so both directions share one table.
    std::vector<Complex> table = monarch::twiddles(digits, digit, /*inverse=*/false);
    SmallVector<double> values;
    values.reserve(4 * table.size());
    for (int part = 0; part < 4; ++part)
      for (Complex w : table)
        values.push_back(part == 0 || part == 3 ? w.real() : part == 1 ? -w.imag() : w.imag());
    int64_t before = digits.product(0, digit - 1);
    Value t = e.table({2, 2, before, r}, rewriter.getF32Type(), values);

    // Dimensions: plane out, rows, before, n, [after], plane in.
    StageShape stage(e.type(x), true, op.getPlan(), digit);
    Value in = stage.collapse(e, x);
    int64_t rank = e.type(in).getRank();
    auto d = [&](int64_t i) { return rewriter.getAffineDimExpr(i); };
    AffineExpr planeOut = d(0), planeIn = d(rank), position = d(1 + stage.rows()), n = d(2 + stage.rows());
    SmallVector<AffineExpr> tMap = {planeOut, planeIn, position, n}, xMap = {planeIn}, yMap = {planeOut};
    if (op.getInverse())
      std::swap(tMap[0], tMap[1]);
    for (int64_t i = 1; i < rank; ++i) {
      xMap.push_back(d(i));
      yMap.push_back(d(i));
    }
    SmallVector<IteratorType> iterators(rank, IteratorType::parallel);
    iterators.push_back(IteratorType::reduction);
    auto map = [&](ArrayRef<AffineExpr> exprs) { return AffineMap::get(rank + 1, 0, exprs, rewriter.getContext()); };
    Value y = e.contract(t, in, tensor::getMixedSizes(rewriter, e.loc, in), {map(tMap), map(xMap), map(yMap)},
                         iterators);
    auto result = cast<RankedTensorType>(getTypeConverter()->convertType(op.getY().getType()));
    rewriter.replaceOp(op, stage.expand(e, e.round(y, result.getElementType()), result));
    return success();
  }
};

struct LowerSpectrumProduct : OpConversionPattern<SpectrumProductOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(SpectrumProductOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Emitter e{rewriter, op.getLoc()};
    // In the shape of the last digit's stages, with which it fuses.
    PlanAttr plan = getSpectrumEncoding(op.getSpectrum().getType()).getPlan();
    int64_t digit = plan.getRadices().size();
    StageShape stage(e.type(adaptor.getX()), true, plan, digit);
    Value x = stage.collapse(e, adaptor.getX());
    Value s = StageShape(e.type(adaptor.getSpectrum()), true, plan, digit).collapse(e, adaptor.getSpectrum());

    // Dimensions: plane out, batch, head, [before], n, plane in.
    int64_t rank = e.type(x).getRank();
    auto d = [&](int64_t i) { return rewriter.getAffineDimExpr(i); };
    SmallVector<AffineExpr> sMap = {d(0), d(rank)}, xMap = {d(rank)}, yMap = {d(0)};
    for (int64_t i = 1; i < rank; ++i) {
      if (i > 1)
        sMap.push_back(d(i));
      xMap.push_back(d(i));
      yMap.push_back(d(i));
    }
    SmallVector<IteratorType> iterators(rank, IteratorType::parallel);
    iterators.push_back(IteratorType::reduction);
    auto map = [&](ArrayRef<AffineExpr> exprs) { return AffineMap::get(rank + 1, 0, exprs, rewriter.getContext()); };
    Value y = e.contract(s, x, tensor::getMixedSizes(rewriter, e.loc, x), {map(sMap), map(xMap), map(yMap)}, iterators);
    auto result = cast<RankedTensorType>(getTypeConverter()->convertType(op.getY().getType()));
    rewriter.replaceOp(op, stage.expand(e, e.round(y, result.getElementType()), result));
    return success();
  }
};

//===----------------------------------------------------------------------===//
// Ends
//===----------------------------------------------------------------------===//

/// The rows of u that travel in one plane: all of them, or every second one.
struct Rows {
  OpFoldResult first, count;
  int64_t stride = 1;
};

/// The rows in real and imaginary plane when rows are paired, else all rows; none for an imaginary plane that stays empty.
SmallVector<Rows> planesOf(Emitter &e, Value u, bool paired) {
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
    Emitter e{rewriter, op.getLoc()};
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
    rewriter.replaceOpWithNewOp<tensor::ExpandShapeOp>(
        op, result, x, mergeDigits(result.getRank(), op.getPlan().getRadices().size()));
    return success();
  }
};

struct LowerEmbedFilter : OpConversionPattern<EmbedFilterOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(EmbedFilterOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Emitter e{rewriter, op.getLoc()};
    SpectrumAttr spectrum = op.getSpectrum();
    int64_t points = spectrum.getPlan().getPoints(), length = spectrum.getLength(), center = op.getCenter().value_or(0);
    double scale = std::sqrt(static_cast<double>(points));
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
    rewriter.replaceOpWithNewOp<tensor::ExpandShapeOp>(
        op, result, x, mergeDigits(result.getRank(), spectrum.getPlan().getRadices().size()));
    return success();
  }

  /// The filter with taps L, L + 1, ... added to taps 0, 1, ...
  static Value wrap(Emitter &e, Value k, int64_t length) {
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
    Emitter e{rewriter, op.getLoc()};
    PlanAttr plan = op.getSpectrum().getPlan();
    Value u = adaptor.getU();
    bool paired = plan.getTheta() == Theta::One, complex = isComplex(op.getX());
    int64_t length = e.type(u).getDimSize(2), points = plan.getPoints();
    Value x = tensor::CollapseShapeOp::create(
        rewriter, e.loc, adaptor.getX(), mergeDigits(e.type(adaptor.getX()).getRank(), plan.getRadices().size()));

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
  static Value tail(Emitter &e, Value x, OpFoldResult rows, OpFoldResult heads, int64_t length, int64_t points) {
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

//===----------------------------------------------------------------------===//
// Spectra that loops carry (fftconv-tile-rows)
//===----------------------------------------------------------------------===//

struct ConvertEmpty : OpConversionPattern<tensor::EmptyOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(tensor::EmptyOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOpWithNewOp<tensor::EmptyOp>(op, getTypeConverter()->convertType(op.getType()),
                                                 adaptor.getDynamicSizes());
    return success();
  }
};

/// Prefixes a slice of digits with its planes.
template <typename SliceOp>
struct Planes {
  SmallVector<OpFoldResult> offsets, sizes, strides;
  Planes(OpBuilder &b, SliceOp op, int64_t planes)
      : offsets(planes, b.getIndexAttr(0)), sizes(planes, b.getIndexAttr(2)), strides(planes, b.getIndexAttr(1)) {
    llvm::append_range(offsets, op.getMixedOffsets());
    llvm::append_range(sizes, op.getMixedSizes());
    llvm::append_range(strides, op.getMixedStrides());
  }
};

struct ConvertExtractSlice : OpConversionPattern<tensor::ExtractSliceOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(tensor::ExtractSliceOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    auto type = cast<RankedTensorType>(getTypeConverter()->convertType(op.getType()));
    Planes planes(rewriter, op, type.getRank() - op.getType().getRank());
    rewriter.replaceOpWithNewOp<tensor::ExtractSliceOp>(op, type, adaptor.getSource(), planes.offsets, planes.sizes,
                                                        planes.strides);
    return success();
  }
};

struct ConvertInsertSlice : OpConversionPattern<tensor::InsertSliceOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(tensor::InsertSliceOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    int64_t rank = cast<RankedTensorType>(adaptor.getDest().getType()).getRank();
    Planes planes(rewriter, op, rank - op.getType().getRank());
    rewriter.replaceOpWithNewOp<tensor::InsertSliceOp>(op, adaptor.getSource(), adaptor.getDest(), planes.offsets,
                                                       planes.sizes, planes.strides);
    return success();
  }
};

struct ConvertFFTConvToLinalg : fftconv::impl::ConvertFFTConvToLinalgBase<ConvertFFTConvToLinalg> {
  void runOnOperation() override {
    MLIRContext *context = &getContext();
    PlanesConverter converter;
    RewritePatternSet patterns(context);
    patterns.add<LowerDft, LowerTwiddle, LowerSpectrumProduct, LowerEmbed, LowerEmbedFilter, LowerProject, ConvertEmpty,
                 ConvertExtractSlice, ConvertInsertSlice>(converter, context);
    populateFunctionOpInterfaceTypeConversionPattern<func::FuncOp>(patterns, converter);
    populateCallOpTypeConversionPattern(patterns, converter);
    populateReturnOpTypeConversionPattern(patterns, converter);

    ConversionTarget target(*context);
    target.addIllegalDialect<FFTConvDialect>();
    target.addDynamicallyLegalOp<func::FuncOp>([&](func::FuncOp op) {
      return converter.isSignatureLegal(op.getFunctionType()) && converter.isLegal(&op.getBody());
    });
    target.markUnknownOpDynamicallyLegal([&](Operation *op) { return converter.isLegal(op); });
    scf::populateSCFStructuralTypeConversionsAndLegality(converter, patterns, target);
    if (failed(applyFullConversion(getOperation(), target, std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
