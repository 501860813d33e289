//===- ConvEmitter.cpp - fftconv.conv for one convolution ------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ConvEmitter.h"

#include "fftconv/IR/FFTConv.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

#include <numeric>

using namespace mlir;
using namespace fftconv;

namespace {
/// Emits one convolution.
class ConvEmitter {
public:
  ConvEmitter(OpBuilder &b, Location loc, const Match &match, const DenseMap<Value, Value> &replaced)
      : b(b), loc(loc), match(match), replaced(replaced), type(match.space) {
    type.element = typeOf(match.result).element;
  }

  std::pair<Value, StringRef> emit() {
    signal = match.signal.view;
    signal.base = current(signal.base);
    channelsLast = !match.heads.empty() && match.heads.front() > match.time &&
                   llvm::all_of(match.batch, [&](int64_t d) { return d < match.time; });
    chooseElement();

    int64_t delay = match.delay(), length = match.signal.count;
    // Outputs behind the rows are of rows with zeros behind them; later ones are cut out of a longer convolution.
    int64_t reach = match.outputs - std::min<int64_t>(delay, 0), rows = std::max(length, reach);
    if (match.circular)
      rows = length;
    Value u = convert(arrangeRows(signal, match.signal.begin, length), element);
    u = pad(u, timeDim(channelsLast), 0, rows - length);
    auto [k, center] = filter();
    auto gate = [&](const std::optional<View> &view) {
      return view ? convert(arrangeRows(withCurrent(*view), 0, length), element) : Value();
    };
    Value preGate = gate(match.preGate), postGate = gate(match.postGate), skip;
    if (match.skip)
      skip = convert(arrange(withCurrent(*match.skip), {match.heads}), b.getF32Type());
    Boundary boundary = match.circular ? Boundary::Circular : center > 0 ? Boundary::Bidirectional : Boundary::Causal;
    IntegerAttr centre = boundary == Boundary::Bidirectional ? b.getI64IntegerAttr(center) : IntegerAttr();
    Value y = ConvOp::create(b, loc, u.getType(), BoundaryAttr::get(b.getContext(), boundary),
                             channelsLast ? b.getUnitAttr() : UnitAttr(), /*turned=*/UnitAttr(), u, k, preGate,
                             postGate, skip, centre, PlanAttr(), DirectAttr());
    if (delay > 0) // zeros come first
      y = pad(slice(y, timeDim(channelsLast), 0, std::max<int64_t>(match.outputs - delay, 0)), timeDim(channelsLast),
              std::min(delay, match.outputs), 0);
    else
      y = slice(y, timeDim(channelsLast), -delay, match.outputs);
    return {restore(convert(y, type.element)), stringifyBoundary(boundary)};
  }

private:
  OpBuilder &b;
  Location loc;
  const Match &match;
  const DenseMap<Value, Value> &replaced;
  HostType type;
  View signal;
  bool channelsLast = false;
  FloatType element;

  /// A value, or what took its place.
  Value current(Value value) const {
    for (auto it = replaced.find(value); it != replaced.end(); it = replaced.find(value))
      value = it->second;
    return value;
  }
  View withCurrent(View view) const {
    view.base = current(view.base);
    return view;
  }

  /// The widest of what comes in beside the filter and goes out.
  void chooseElement() {
    auto widen = [&](Type other) {
      auto next = cast<FloatType>(other);
      if (!element)
        element = next;
      else if (next != element)
        element = next.getWidth() == element.getWidth()  ? FloatType(b.getF32Type())
                  : next.getWidth() > element.getWidth() ? next
                                                         : element;
    };
    widen(typeOf(signal.base).element);
    widen(type.element);
    for (const std::optional<View> &gate : {match.preGate, match.postGate})
      if (gate)
        widen(typeOf(gate->base).element);
  }

  //===--------------------------------------------------------------------===//
  // Tensors
  //===--------------------------------------------------------------------===//

  Value toTensor(Value value) {
    Type tensor = typeOf(value).tensor();
    return value.getType() == tensor ? value : UnrealizedConversionCastOp::create(b, loc, tensor, value).getResult(0);
  }

  OpFoldResult sizeOf(Value tensor, int64_t dim) {
    auto t = cast<RankedTensorType>(tensor.getType());
    return t.isDynamicDim(dim) ? OpFoldResult(tensor::DimOp::create(b, loc, tensor, dim).getResult())
                               : OpFoldResult(b.getIndexAttr(t.getDimSize(dim)));
  }
  SmallVector<OpFoldResult> sizesOf(Value tensor) {
    SmallVector<OpFoldResult> sizes;
    for (int64_t i = 0; i < cast<RankedTensorType>(tensor.getType()).getRank(); ++i)
      sizes.push_back(sizeOf(tensor, i));
    return sizes;
  }

  /// The number of elements of the result along a dimension, from the rows where it is dynamic.
  OpFoldResult resultSize(int64_t dim) {
    if (!ShapedType::isDynamic(type.shape[dim]))
      return b.getIndexAttr(type.shape[dim]);
    return sizeOf(toTensor(signal.base), signal.dims[dim]);
  }

  Value convert(Value tensor, Type element) {
    auto from = cast<RankedTensorType>(tensor.getType());
    if (from.getElementType() == element)
      return tensor;
    unsigned width = from.getElementType().getIntOrFloatBitWidth(), to = element.getIntOrFloatBitWidth();
    Type f32 = b.getF32Type();
    if (width == to) // f16 and bf16
      return convert(convert(tensor, f32), element);
    Type type = from.clone(element);
    return width < to ? Value(arith::ExtFOp::create(b, loc, type, tensor))
                      : Value(arith::TruncFOp::create(b, loc, type, tensor));
  }

  Value slice(Value tensor, int64_t dim, int64_t begin, int64_t count) {
    auto from = cast<RankedTensorType>(tensor.getType());
    if (begin == 0 && count == from.getDimSize(dim))
      return tensor;
    SmallVector<OpFoldResult> offsets(from.getRank(), b.getIndexAttr(0)), strides(from.getRank(), b.getIndexAttr(1)),
        sizes = sizesOf(tensor);
    offsets[dim] = b.getIndexAttr(begin);
    sizes[dim] = b.getIndexAttr(count);
    return tensor::ExtractSliceOp::create(b, loc, tensor, offsets, sizes, strides);
  }

  Value pad(Value tensor, int64_t dim, int64_t low, int64_t high) {
    auto from = cast<RankedTensorType>(tensor.getType());
    if (low == 0 && high == 0)
      return tensor;
    SmallVector<int64_t> shape(from.getShape());
    shape[dim] += low + high;
    SmallVector<OpFoldResult> lows(from.getRank(), b.getIndexAttr(0)), highs = lows;
    lows[dim] = b.getIndexAttr(low);
    highs[dim] = b.getIndexAttr(high);
    Value zero = arith::ConstantOp::create(b, loc, b.getZeroAttr(from.getElementType()));
    return tensor::PadOp::create(b, loc, from.clone(shape), tensor, lows, highs, zero);
  }

  Value empty(ArrayRef<OpFoldResult> sizes, Type element) { return tensor::EmptyOp::create(b, loc, sizes, element); }

  /// A view with its dimensions in the order of `groups` (dimensions of the result), each group as one dimension, an empty one as one of size 1. Of the dimension of
  /// time, `count` elements from `begin` on.
  Value arrange(const View &view, ArrayRef<SmallVector<int64_t>> groups, int64_t begin = 0,
                std::optional<int64_t> count = std::nullopt) {
    Value tensor = toTensor(view.base);
    SmallVector<int64_t> order;
    for (const SmallVector<int64_t> &group : groups)
      llvm::append_range(order, group);
    SmallVector<OpFoldResult> all(order.size());
    for (auto [i, dim] : llvm::enumerate(order))
      all[i] = dim == match.time && count ? OpFoldResult(b.getIndexAttr(*count)) : resultSize(dim);
    // Dimensions of size 1 go, and all of time that is not wanted.
    SmallVector<int64_t> present; // of the base, in its order
    for (int64_t dim : order)
      if (view.dims[dim] >= 0)
        present.push_back(view.dims[dim]);
    SmallVector<int64_t> sorted = present;
    llvm::sort(sorted);
    auto from = cast<RankedTensorType>(tensor.getType());
    SmallVector<OpFoldResult> offsets(from.getRank(), b.getIndexAttr(0)), strides(from.getRank(), b.getIndexAttr(1)),
        sizes = sizesOf(tensor);
    SmallVector<int64_t> shape;
    int64_t timeOfBase = view.dims[match.time];
    if (count && timeOfBase >= 0 && llvm::is_contained(order, match.time)) {
      offsets[timeOfBase] = b.getIndexAttr(begin);
      sizes[timeOfBase] = b.getIndexAttr(*count);
    }
    for (int64_t dim : sorted)
      shape.push_back(count && dim == timeOfBase ? *count : from.getDimSize(dim));
    auto reduced = from.clone(shape);
    if (reduced != from)
      tensor = tensor::ExtractSliceOp::create(b, loc, reduced, tensor, offsets, sizes, strides);
    // Into the order that is wanted.
    SmallVector<int64_t> permutation;
    for (int64_t dim : present)
      permutation.push_back(llvm::find(sorted, dim) - sorted.begin());
    tensor = transpose(tensor, permutation);
    // Repeated along what is missing.
    SmallVector<int64_t> missing;
    for (auto [i, dim] : llvm::enumerate(order))
      if (view.dims[dim] < 0)
        missing.push_back(static_cast<int64_t>(i));
    if (!missing.empty())
      tensor = linalg::BroadcastOp::create(b, loc, tensor, empty(all, from.getElementType()), missing).getResults()[0];
    return regroup(tensor, groups);
  }

  Value transpose(Value tensor, ArrayRef<int64_t> permutation) {
    if (llvm::is_sorted(permutation))
      return tensor;
    SmallVector<OpFoldResult> sizes = sizesOf(tensor), permuted;
    for (int64_t dim : permutation)
      permuted.push_back(sizes[dim]);
    return linalg::TransposeOp::create(
               b, loc, tensor, empty(permuted, cast<RankedTensorType>(tensor.getType()).getElementType()), permutation)
        .getResult()[0];
  }

  Value regroup(Value tensor, ArrayRef<SmallVector<int64_t>> groups) {
    auto type = cast<RankedTensorType>(tensor.getType());
    SmallVector<ReassociationIndices> together;
    int64_t next = 0;
    for (const SmallVector<int64_t> &group : groups)
      if (!group.empty()) {
        ReassociationIndices indices;
        for (size_t i = 0; i < group.size(); ++i)
          indices.push_back(next++);
        together.push_back(indices);
      }
    if (static_cast<int64_t>(together.size()) < type.getRank())
      tensor = tensor::CollapseShapeOp::create(b, loc, tensor, together);
    if (together.size() == groups.size())
      return tensor;
    // Empty groups are dimensions of size 1, beside the one that follows or else the one before.
    SmallVector<int64_t> shape;
    SmallVector<ReassociationIndices> apart(together.size());
    SmallVector<OpFoldResult> sizes = sizesOf(tensor), expanded;
    auto flat = cast<RankedTensorType>(tensor.getType());
    int64_t filled = 0;
    for (auto [i, group] : llvm::enumerate(groups)) {
      size_t at = std::min<size_t>(filled, apart.empty() ? 0 : apart.size() - 1);
      if (!apart.empty())
        apart[at].push_back(static_cast<int64_t>(i));
      shape.push_back(group.empty() ? 1 : flat.getDimSize(filled));
      expanded.push_back(group.empty() ? OpFoldResult(b.getIndexAttr(1)) : sizes[filled]);
      filled += !group.empty();
    }
    return tensor::ExpandShapeOp::create(b, loc, flat.clone(shape), tensor, apart, expanded);
  }

  /// [B, H, L], or [B, L, H].
  SmallVector<SmallVector<int64_t>> rowGroups() const {
    SmallVector<int64_t> time = {match.time};
    return channelsLast ? SmallVector<SmallVector<int64_t>>{match.batch, time, match.heads}
                        : SmallVector<SmallVector<int64_t>>{match.batch, match.heads, time};
  }
  Value arrangeRows(const View &view, int64_t begin, int64_t count) { return arrange(view, rowGroups(), begin, count); }

  /// The result with the dimensions that it has in the program.
  Value restore(Value y) {
    SmallVector<SmallVector<int64_t>> groups = rowGroups();
    SmallVector<int64_t> order;
    for (const SmallVector<int64_t> &group : groups)
      llvm::append_range(order, group);
    // Without the dimensions that no group has anything for; then apart.
    auto rank3 = cast<RankedTensorType>(y.getType());
    SmallVector<ReassociationIndices> kept;
    ReassociationIndices open;
    for (auto [i, group] : llvm::enumerate(groups)) {
      open.push_back(static_cast<int64_t>(i));
      if (!group.empty()) {
        kept.push_back(open);
        open.clear();
      }
    }
    llvm::append_range(kept.back(), open);
    if (kept.size() < 3)
      y = tensor::CollapseShapeOp::create(b, loc, y, kept);
    if (order.size() > kept.size()) {
      SmallVector<ReassociationIndices> apart;
      SmallVector<int64_t> shape;
      SmallVector<OpFoldResult> sizes;
      int64_t next = 0;
      for (const SmallVector<int64_t> &group : groups) {
        if (group.empty())
          continue;
        apart.emplace_back();
        for (int64_t dim : group) {
          apart.back().push_back(next++);
          shape.push_back(type.shape[dim]);
          sizes.push_back(resultSize(dim));
        }
      }
      y = tensor::ExpandShapeOp::create(b, loc, rank3.clone(shape), y, apart, sizes);
    }
    SmallVector<int64_t> permutation(order.size());
    std::iota(permutation.begin(), permutation.end(), 0);
    llvm::sort(permutation, [&](int64_t i, int64_t j) { return order[i] < order[j]; });
    y = transpose(y, permutation);
    if (type.rank() > static_cast<int64_t>(order.size())) {
      llvm::sort(order);
      SmallVector<ReassociationIndices> apart(order.size());
      SmallVector<OpFoldResult> sizes;
      size_t at = 0;
      for (int64_t dim = 0; dim < type.rank(); ++dim) {
        apart[std::min(at, order.size() - 1)].push_back(dim);
        sizes.push_back(resultSize(dim));
        at += at < order.size() && order[at] == dim;
      }
      y = tensor::ExpandShapeOp::create(b, loc, type.tensor(), y, apart, sizes);
    }
    RankedTensorType whole = typeOf(match.result).tensor();
    if (y.getType() != whole) { // dimensions are put together
      std::optional<SmallVector<ReassociationIndices>> together =
          getReassociationIndicesForReshape(cast<RankedTensorType>(y.getType()), whole);
      if (!together) {
        ReassociationIndices all(cast<RankedTensorType>(y.getType()).getRank()), apart(whole.getRank());
        std::iota(all.begin(), all.end(), 0);
        std::iota(apart.begin(), apart.end(), 0);
        y = tensor::CollapseShapeOp::create(b, loc, y, SmallVector<ReassociationIndices>{all});
        y = tensor::ExpandShapeOp::create(b, loc, whole, y, SmallVector<ReassociationIndices>{apart});
      } else if (cast<RankedTensorType>(y.getType()).getRank() > whole.getRank()) {
        y = tensor::CollapseShapeOp::create(b, loc, whole, y, *together);
      } else {
        y = tensor::ExpandShapeOp::create(b, loc, whole, y, *together);
      }
    }
    Type wanted = match.result.getType();
    return y.getType() == wanted ? y : UnrealizedConversionCastOp::create(b, loc, wanted, y).getResult(0);
  }

  //===--------------------------------------------------------------------===//
  // Filters
  //===--------------------------------------------------------------------===//

  Value reverse(Value k) {
    auto type = cast<RankedTensorType>(k.getType());
    MLIRContext *context = b.getContext();
    AffineExpr head = b.getAffineDimExpr(0), tap = b.getAffineDimExpr(1);
    AffineMap from = AffineMap::get(2, 0, {head, b.getAffineConstantExpr(type.getDimSize(1) - 1) - tap}, context);
    SmallVector<utils::IteratorType> parallel(2, utils::IteratorType::parallel);
    return linalg::GenericOp::create(
               b, loc, TypeRange(type), ValueRange(k), ValueRange(empty(sizesOf(k), type.getElementType())),
               ArrayRef{from, b.getMultiDimIdentityMap(2)}, parallel,
               [](OpBuilder &b, Location loc, ValueRange args) { linalg::YieldOp::create(b, loc, args[0]); })
        .getResult(0);
  }

  /// The filter as f32 taps for each head, the earliest first, and the index of the one of lag zero.
  std::pair<Value, int64_t> filter() {
    int64_t n = match.size, first = 0, last = 0;
    if (match.delay() == 0 && !match.circular)
      for (const Lags &lags : match.lags)
        first = std::min(first, lags.first), last = std::max(last, lags.last);
    Value sum;
    for (auto [window, lags] : llvm::zip(match.filter, match.lags)) {
      View view = withCurrent(window.view);
      Value k = convert(arrange(view, {match.heads, {match.time}}, window.begin, window.count), b.getF32Type());
      if (window.reversed)
        k = reverse(k);
      double scale = match.scale * window.scale;
      if (std::abs(scale - 1) > 1e-6) {
        auto type = cast<RankedTensorType>(k.getType());
        Value factor = arith::ConstantOp::create(b, loc, DenseElementsAttr::get(type, static_cast<float>(scale)));
        k = arith::MulFOp::create(b, loc, k, factor);
      }
      if (match.circular) {
        // Behind the taps before it; where that passes N, it wraps when the convolution does.
        int64_t at = ((lags.first % n) + n) % n;
        k = pad(k, 1, at, 0);
      } else if (match.delay() == 0) {
        k = pad(k, 1, lags.first - first, last - lags.last);
      }
      if (sum && match.circular) {
        int64_t a = cast<RankedTensorType>(sum.getType()).getDimSize(1),
                c = cast<RankedTensorType>(k.getType()).getDimSize(1);
        sum = pad(sum, 1, 0, std::max<int64_t>(0, c - a));
        k = pad(k, 1, 0, std::max<int64_t>(0, a - c));
      }
      sum = sum ? arith::AddFOp::create(b, loc, sum, k).getResult() : k;
    }
    return {sum, match.circular || match.delay() != 0 ? 0 : -first};
  }
};
} // namespace

std::pair<Value, StringRef> fftconv::emitConv(OpBuilder &b, Location loc, const Match &match,
                                              const DenseMap<Value, Value> &replaced) {
  return ConvEmitter(b, loc, match, replaced).emit();
}
