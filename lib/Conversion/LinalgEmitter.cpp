//===- LinalgEmitter.cpp - Builders for convert-fftconv-to-linalg ---------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LinalgEmitter.h"

using namespace mlir;
using namespace fftconv;
using utils::IteratorType;

Value LinalgEmitter::empty(ArrayRef<OpFoldResult> shape, Type element) {
  return tensor::EmptyOp::create(b, loc, shape, element);
}

Value LinalgEmitter::zeros(ArrayRef<OpFoldResult> shape, Type element) {
  Value zero = arith::ConstantOp::create(b, loc, b.getFloatAttr(element, 0));
  return linalg::FillOp::create(b, loc, zero, empty(shape, element)).getResult(0);
}

Value LinalgEmitter::convert(OpBuilder &body, Value v, Type to) {
  unsigned from = v.getType().getIntOrFloatBitWidth(), bits = to.getIntOrFloatBitWidth();
  if (v.getType() == to)
    return v;
  if (from < bits)
    return arith::ExtFOp::create(body, loc, to, v);
  if (from > bits)
    return arith::TruncFOp::create(body, loc, to, v);
  return convert(body, convert(body, v, body.getF32Type()), to); // f16 <-> bf16
}

LinalgEmitter::Window LinalgEmitter::window(ArrayRef<OpFoldResult> offsets, ArrayRef<OpFoldResult> sizes,
                                            std::optional<int64_t> plane, int64_t rowStride) {
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

Value LinalgEmitter::extract(Value source, const Window &w, int64_t rank) {
  SmallVector<int64_t> shape = decomposeMixedValues(ArrayRef<OpFoldResult>(w.sizes).take_back(rank)).first;
  auto result = RankedTensorType::get(shape, type(source).getElementType());
  return tensor::ExtractSliceOp::create(b, loc, result, source, w.offsets, w.sizes, w.strides);
}

Value LinalgEmitter::insert(Value part, Value dest, const Window &w) {
  return tensor::InsertSliceOp::create(b, loc, part, dest, w.offsets, w.sizes, w.strides);
}

Value LinalgEmitter::generic(ValueRange inputs, Value init, ArrayRef<AffineMap> maps, ArrayRef<IteratorType> iterators,
                             Body body) {
  return linalg::GenericOp::create(b, loc, init.getType(), inputs, init, maps, iterators,
                                   [&](OpBuilder &inner, Location, ValueRange args) {
                                     linalg::YieldOp::create(inner, loc, body(inner, args));
                                   })
      .getResult(0);
}

Value LinalgEmitter::elementwise(ArrayRef<Value> inputs, Value init, Body body) {
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

Value LinalgEmitter::round(Value v, Type element) {
  if (type(v).getElementType() == element)
    return v;
  Value init = empty(tensor::getMixedSizes(b, loc, v), element);
  return elementwise(v, init, [](OpBuilder &, ValueRange args) { return args[0]; });
}

Value LinalgEmitter::contract(Value lhs, Value rhs, ArrayRef<OpFoldResult> shape, ArrayRef<AffineMap> maps,
                              ArrayRef<IteratorType> iterators) {
  return generic({lhs, rhs}, zeros(shape, b.getF32Type()), maps, iterators, [&](OpBuilder &inner, ValueRange args) {
    Type f32 = inner.getF32Type();
    Value product = arith::MulFOp::create(inner, loc, convert(inner, args[0], f32), convert(inner, args[1], f32));
    return arith::AddFOp::create(inner, loc, args[2], product).getResult();
  });
}

Value LinalgEmitter::table(ArrayRef<int64_t> shape, Type element, ArrayRef<double> values) {
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

StageShape::StageShape(RankedTensorType digits, bool complex, PlanAttr plan, int64_t digit) : planes(complex ? 1 : 0) {
  monarch::Digits all = getDigits(plan);
  int64_t firstDigit = all.first(), count = all.count();
  first = digits.getRank() - static_cast<int64_t>(all.transforms());
  int64_t at = first + digit - firstDigit;
  for (int64_t i = 0; i < first; ++i)
    groups.push_back({i});
  auto group = [&](int64_t begin, int64_t end) {
    if (begin < end)
      groups.push_back(llvm::to_vector(llvm::seq(begin, end)));
  };
  hasBefore = digit > firstDigit;
  hasAfter = digit < count;
  group(first, at);
  groups.push_back({at});
  group(at + 1, digits.getRank());
}

Value StageShape::collapse(LinalgEmitter &e, Value v) const {
  return tensor::CollapseShapeOp::create(e.b, e.loc, v, groups);
}

Value StageShape::expand(LinalgEmitter &e, Value v, RankedTensorType digits) const {
  return tensor::ExpandShapeOp::create(e.b, e.loc, digits, v, groups);
}

SmallVector<ReassociationIndices> fftconv::mergeDigits(int64_t rank, int64_t digits) {
  SmallVector<ReassociationIndices> groups;
  for (int64_t i = 0; i < rank - digits; ++i)
    groups.push_back({i});
  groups.push_back(llvm::to_vector(llvm::seq(rank - digits, rank)));
  return groups;
}
