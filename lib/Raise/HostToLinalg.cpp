//===- HostToLinalg.cpp - What surrounds convolutions, upstream ------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each op of a framework by its normal form. Functions and calls take builtin tensors; casts between torch's and builtin tensors vanish. Complex tensors are pairs
// of real ones.
//
//===----------------------------------------------------------------------===//

#include "HostNumbers.h"
#include "HostOp.h"

#include "fftconv/IR/FFTConv.h"
#include "fftconv/Raise/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/IRMapping.h"

#include <numeric>

namespace fftconv {
#define GEN_PASS_DEF_CONVERTHOSTTOLINALG
#include "fftconv/Raise/Passes.h.inc"
} // namespace fftconv

using namespace mlir;
using namespace fftconv;

namespace {
/// The builtin type for a type of a framework; itself for others.
Type builtinType(Type type) {
  if (isa<RankedTensorType>(type))
    return type;
  std::optional<HostType> host = isa<OpaqueType>(type) ? getHostType(type) : std::nullopt;
  return host && host->rank() > 0 ? Type(host->tensor()) : host ? Type(RankedTensorType::get({}, host->element)) : type;
}

/// Emits ops one by one.
class HostEmitter {
public:
  HostEmitter(OpBuilder &b, IRMapping &map) : b(b), map(map) {}

  /// Emits what a host op means; fails where no one knows it.
  LogicalResult emit(Operation *op) {
    loc = op->getLoc();
    HostOp host = describe(op);
    // Numbers, lists and strings of torch are read where they are used.
    if (op->getNumResults() == 1 && !getHostType(op->getResult(0).getType()) &&
        !op->getName().getStringRef().contains("aten"))
      return success();
    if (host.kind == HostKind::Assert)
      return success();
    if (host.kind == HostKind::Unknown || host.kind == HostKind::Fft || op->getNumResults() != 1) {
      if (op->use_empty())
        return success();
      return op->emitOpError(host.kind == HostKind::Fft
                                 ? "is a transform that was not raised, and nothing here computes it"
                                 : "is not known to fftconv");
    }
    type = cast<RankedTensorType>(builtinType(op->getResult(0).getType().isIntOrIndexOrFloat()
                                                  ? Type(RankedTensorType::get({}, op->getResult(0).getType()))
                                                  : op->getResult(0).getType()));
    RankedTensorType whole = type;
    bool isComplex = isa<ComplexType>(type.getElementType());
    SmallVector<Parts> x;
    for (Value operand : host.operands) {
      Value value = map.lookupOrNull(operand);
      auto pair = pairs.find(operand);
      if (!value && pair == pairs.end())
        return op->emitOpError("has an operand that is not known to fftconv");
      if (!value) {
        x.push_back(pair->second);
        isComplex = true;
        continue;
      }
      if (!isa<RankedTensorType>(value.getType()))
        value = tensor::FromElementsOp::create(b, loc, RankedTensorType::get({}, value.getType()), value);
      x.push_back({value, {}});
    }
    Parts result;
    if (isComplex) {
      if (auto complex = dyn_cast<ComplexType>(type.getElementType()))
        type = RankedTensorType::get(type.getShape(), complex.getElementType());
      result = makeParts(host, x, op->getResult(0));
    } else {
      result.re = make(host, llvm::map_to_vector(x, [](const Parts &parts) { return parts.re; }));
    }
    if (!result.re)
      return op->emitOpError("cannot be lowered: '") << host.name << "' of elements of " << whole.getElementType();
    if (isa<ComplexType>(whole.getElementType()))
      pairs[op->getResult(0)] = {result.re, result.im ? result.im : filled(std::nullopt, 0)};
    else
      map.map(op->getResult(0), result.re);
    return success();
  }

private:
  /// Real and imaginary parts; without the latter, a real tensor.
  struct Parts {
    Value re, im;
  };

  OpBuilder &b;
  IRMapping &map;
  Location loc = b.getUnknownLoc();
  RankedTensorType type;
  DenseMap<Value, Parts> pairs;

  static RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

  OpFoldResult sizeOf(Value tensor, int64_t dim) {
    return typeOf(tensor).isDynamicDim(dim) ? OpFoldResult(tensor::DimOp::create(b, loc, tensor, dim).getResult())
                                            : OpFoldResult(b.getIndexAttr(typeOf(tensor).getDimSize(dim)));
  }

  /// Sizes of the result; dynamic ones are those of the operands that have the dimension.
  std::optional<SmallVector<OpFoldResult>> sizes(ArrayRef<std::pair<Value, AffineMap>> operands) {
    SmallVector<OpFoldResult> all(type.getRank());
    for (int64_t i = 0; i < type.getRank(); ++i) {
      if (!type.isDynamicDim(i)) {
        all[i] = b.getIndexAttr(type.getDimSize(i));
        continue;
      }
      for (auto [operand, from] : operands)
        for (auto [j, expr] : llvm::enumerate(from.getResults()))
          if (expr == b.getAffineDimExpr(i) && typeOf(operand).isDynamicDim(j))
            all[i] = sizeOf(operand, static_cast<int64_t>(j));
      if (!all[i])
        return std::nullopt;
    }
    return all;
  }

  /// An op over the elements of the result, each operand read by its map.
  Value generic(ArrayRef<std::pair<Value, AffineMap>> operands,
                llvm::function_ref<Value(OpBuilder &, Location, ValueRange)> body) {
    std::optional<SmallVector<OpFoldResult>> shape = sizes(operands);
    if (!shape)
      return {};
    SmallVector<Value> inputs;
    SmallVector<AffineMap> maps;
    for (auto [value, from] : operands) {
      inputs.push_back(value);
      maps.push_back(from);
    }
    maps.push_back(b.getMultiDimIdentityMap(type.getRank()));
    SmallVector<utils::IteratorType> parallel(type.getRank(), utils::IteratorType::parallel);
    Value init = tensor::EmptyOp::create(b, loc, *shape, type.getElementType());
    bool failed = false;
    auto op = linalg::GenericOp::create(b, loc, TypeRange(type), inputs, ValueRange(init), maps, parallel,
                                        [&](OpBuilder &b, Location loc, ValueRange args) {
                                          Value result = body(b, loc, args.drop_back());
                                          failed = !result;
                                          linalg::YieldOp::create(b, loc, failed ? args.back() : result);
                                        });
    if (failed) {
      op.erase();
      return {};
    }
    return op.getResult(0);
  }

  /// How an operand whose trailing dimensions are aligned with the result's is read.
  AffineMap aligned(Value operand) {
    SmallVector<AffineExpr> exprs;
    int64_t rank = typeOf(operand).getRank(), by = type.getRank() - rank;
    for (int64_t i = 0; i < rank; ++i)
      exprs.push_back(typeOf(operand).getDimSize(i) == 1 && type.getDimSize(i + by) != 1 ? b.getAffineConstantExpr(0)
                                                                                         : b.getAffineDimExpr(i + by));
    return AffineMap::get(type.getRank(), 0, exprs, b.getContext());
  }

  Value make(const HostOp &host, ArrayRef<Value> x) {
    Type element = type.getElementType();
    switch (host.kind) {
    case HostKind::Constant: {
      DenseElementsAttr elements = host.elements;
      if (elements && elements.getElementType() != element) // signed integers
        elements = elements.bitcast(element);
      if (!elements) {
        if (auto number = dyn_cast<FloatType>(element)) {
          APFloat value(host.scalar.real());
          bool loses;
          value.convert(number.getFloatSemantics(), APFloat::rmNearestTiesToEven, &loses);
          elements = DenseElementsAttr::get(type, value);
        } else if (isa<IntegerType>(element)) {
          elements = DenseElementsAttr::get(
              type, b.getIntegerAttr(element, static_cast<int64_t>(host.scalar.real())).getValue());
        } else {
          return {};
        }
      }
      return arith::ConstantOp::create(b, loc, elements);
    }
    case HostKind::Broadcast: {
      SmallVector<AffineExpr> exprs;
      for (auto [i, dim] : llvm::enumerate(host.dims))
        exprs.push_back(typeOf(x[0]).getDimSize(i) == 1 && type.getDimSize(dim) != 1 ? b.getAffineConstantExpr(0)
                                                                                     : b.getAffineDimExpr(dim));
      return generic({{x[0], AffineMap::get(type.getRank(), 0, exprs, b.getContext())}},
                     [](OpBuilder &, Location, ValueRange args) { return args[0]; });
    }
    case HostKind::Transpose:
      return generic(
          {{x[0], inversePermutation(AffineMap::getPermutationMap(SmallVector<int64_t>(host.dims), b.getContext()))}},
          [](OpBuilder &, Location, ValueRange args) { return args[0]; });
    case HostKind::Reverse: {
      SmallVector<AffineExpr> exprs;
      for (int64_t i = 0; i < type.getRank(); ++i)
        exprs.push_back(llvm::is_contained(host.dims, i) ? type.getDimSize(i) - 1 - b.getAffineDimExpr(i)
                                                         : b.getAffineDimExpr(i));
      if (!type.hasStaticShape())
        return {};
      return generic({{x[0], AffineMap::get(type.getRank(), 0, exprs, b.getContext())}},
                     [](OpBuilder &, Location, ValueRange args) { return args[0]; });
    }
    case HostKind::Reshape:
      return reshape(x[0]);
    case HostKind::Slice: {
      int64_t rank = typeOf(x[0]).getRank();
      SmallVector<OpFoldResult> offsets, extents, strides;
      for (int64_t i = 0, j = 0; i < rank; ++i) {
        bool dropped = llvm::is_contained(host.dims, i);
        offsets.push_back(b.getIndexAttr(host.starts[i]));
        strides.push_back(b.getIndexAttr(host.strides[i]));
        extents.push_back(dropped                ? b.getIndexAttr(1)
                          : type.isDynamicDim(j) ? sizeOf(x[0], i)
                                                 : OpFoldResult(b.getIndexAttr(type.getDimSize(j))));
        j += !dropped;
      }
      return tensor::ExtractSliceOp::create(b, loc, type, x[0], offsets, extents, strides);
    }
    case HostKind::Pad:
      return pad(host, x);
    case HostKind::Concat:
      return tensor::ConcatOp::create(b, loc, type, host.dims[0], x);
    case HostKind::Convert: {
      return generic({{x[0], aligned(x[0])}}, [&](OpBuilder &b, Location loc, ValueRange args) {
        return convertNumber(b, loc, args[0], element);
      });
    }
    case HostKind::Iota:
      if (!type.hasStaticShape())
        return {};
      return generic({}, [&](OpBuilder &b, Location loc, ValueRange) -> Value {
        Value index = linalg::IndexOp::create(b, loc, host.dims[0]);
        Value integer =
            arith::IndexCastOp::create(b, loc, isa<IntegerType>(element) ? element : Type(b.getI64Type()), index);
        return isa<FloatType>(element) ? Value(arith::SIToFPOp::create(b, loc, element, integer)) : integer;
      });
    case HostKind::Size: {
      Value size = arith::IndexCastOp::create(b, loc, element, tensor::DimOp::create(b, loc, x[0], host.dims[0]));
      return tensor::FromElementsOp::create(b, loc, type, size);
    }
    case HostKind::Real: // of what is real already
      return x[0];
    case HostKind::Map: {
      SmallVector<std::pair<Value, AffineMap>> operands;
      for (Value value : x)
        operands.push_back({value, aligned(value)});
      return generic(operands, [&](OpBuilder &b, Location loc, ValueRange args) {
        return functionOfNumbers(b, loc, host.name, type.getElementType(), args);
      });
    }
    case HostKind::Dot:
      return dot(host, x);
    case HostKind::Reduce:
      return reduce(host, x);
    default:
      return {};
    }
  }

  Value reshape(Value x) {
    RankedTensorType from = typeOf(x);
    if (from == type)
      return x;
    if (type.getRank() == 0 || from.getRank() == 0) {
      SmallVector<ReassociationIndices> none;
      return from.getRank() > 0 ? Value(tensor::CollapseShapeOp::create(b, loc, type, x, none))
                                : Value(tensor::ExpandShapeOp::create(b, loc, type, x, none));
    }
    std::optional<SmallVector<ReassociationIndices>> groups = getReassociationIndicesForReshape(from, type);
    if (groups && from.getRank() > type.getRank())
      return tensor::CollapseShapeOp::create(b, loc, type, x, *groups);
    if (groups && from.getRank() < type.getRank())
      return tensor::ExpandShapeOp::create(b, loc, type, x, *groups);
    if (!from.hasStaticShape() || !type.hasStaticShape())
      return {};
    // By way of one dimension.
    ReassociationIndices all(from.getRank()), into(type.getRank());
    std::iota(all.begin(), all.end(), 0);
    std::iota(into.begin(), into.end(), 0);
    Value flat = from.getRank() == 1
                     ? x
                     : Value(tensor::CollapseShapeOp::create(b, loc, x, SmallVector<ReassociationIndices>{all}));
    return type.getRank() == 1
               ? flat
               : Value(tensor::ExpandShapeOp::create(b, loc, type, flat, SmallVector<ReassociationIndices>{into}));
  }

  Value pad(const HostOp &host, ArrayRef<Value> x) {
    RankedTensorType from = typeOf(x[0]);
    SmallVector<OpFoldResult> low, high, offsets, extents, strides;
    SmallVector<int64_t> cropped(from.getShape());
    bool crops = false;
    for (int64_t i = 0; i < from.getRank(); ++i) {
      if (from.isDynamicDim(i) != type.isDynamicDim(i) || (type.isDynamicDim(i) && host.low[i] != 0))
        return {};
      int64_t behind = type.isDynamicDim(i) ? 0 : type.getDimSize(i) - from.getDimSize(i) - host.low[i];
      int64_t before = host.low[i];
      offsets.push_back(b.getIndexAttr(std::max<int64_t>(0, -before)));
      strides.push_back(b.getIndexAttr(1));
      if (before < 0 || behind < 0) {
        cropped[i] += std::min<int64_t>(0, before) + std::min<int64_t>(0, behind);
        crops = true;
      }
      extents.push_back(from.isDynamicDim(i) ? sizeOf(x[0], i) : OpFoldResult(b.getIndexAttr(cropped[i])));
      low.push_back(b.getIndexAttr(std::max<int64_t>(0, before)));
      high.push_back(b.getIndexAttr(std::max<int64_t>(0, behind)));
    }
    Value source =
        crops ? Value(tensor::ExtractSliceOp::create(b, loc, from.clone(cropped), x[0], offsets, extents, strides))
              : x[0];
    Value value;
    if (x.size() > 1)
      value = convertNumber(b, loc, tensor::ExtractOp::create(b, loc, x[1], ValueRange()), type.getElementType());
    else
      value = arith::ConstantOp::create(b, loc, b.getZeroAttr(type.getElementType()));
    if (!value)
      return {};
    return tensor::PadOp::create(b, loc, type, source, low, high, value);
  }

  Value zerosLike(Value like) {
    RankedTensorType result = type;
    type = typeOf(like);
    SmallVector<OpFoldResult> sizes;
    for (int64_t i = 0; i < type.getRank(); ++i)
      sizes.push_back(sizeOf(like, i));
    Value zeros = filled(sizes, 0);
    type = result;
    return zeros;
  }

  /// The same of the operands' real or imaginary parts; what does not tell them apart.
  Value ofEach(const HostOp &host, ArrayRef<Parts> x, bool imaginary) {
    SmallVector<Value> values;
    for (const Parts &parts : x) {
      Value value = imaginary ? parts.im : parts.re;
      values.push_back(value ? value : zerosLike(parts.re));
    }
    return make(host, values);
  }

  /// `name` of real tensors.
  Value call(StringRef name, ArrayRef<Value> x) {
    HostOp host;
    host.kind = HostKind::Map;
    host.name = name;
    for (Value value : x)
      if (!value)
        return {};
    return make(host, x);
  }

  /// What an op that takes or makes complex tensors means.
  Parts makeParts(const HostOp &host, ArrayRef<Parts> x, Value result) {
    auto im = [&](unsigned i) { return x[i].im ? x[i].im : zerosLike(x[i].re); };
    switch (host.kind) {
    case HostKind::Constant:
      if (std::optional<std::complex<double>> splat = splatOf(result))
        return {filled(std::nullopt, splat->real()), filled(std::nullopt, splat->imag())};
      return {};
    case HostKind::Broadcast:
    case HostKind::Transpose:
    case HostKind::Reverse:
    case HostKind::Reshape:
    case HostKind::Slice:
    case HostKind::Concat:
      return {ofEach(host, x, false), ofEach(host, x, true)};
    case HostKind::Pad:
      if (x.size() > 1 && x[1].im)
        if (std::optional<std::complex<double>> value = splatOf(host.operands[1]); !value || value->imag() != 0)
          return {};
      return {ofEach(host, x, false), ofEach(host, {{x[0].re, x[0].im}}, true)};
    case HostKind::Convert: {
      Value re = make(host, {x[0].re});
      return {re, isa<ComplexType>(cast<RankedTensorType>(builtinType(result.getType())).getElementType()) && x[0].im
                      ? make(host, {x[0].im})
                      : Value()};
    }
    case HostKind::Real:
      return {x[0].re, {}};
    case HostKind::Imag:
      return {im(0), {}};
    case HostKind::Complex:
      return {x[0].re, x[1].re};
    case HostKind::Conj:
      return {x[0].re, call("negate", {im(0)})};
    case HostKind::Dot: {
      Value rr = make(host, {x[0].re, x[1].re}), ii = make(host, {im(0), im(1)}), ri = make(host, {x[0].re, im(1)}),
            ir = make(host, {im(0), x[1].re});
      return {call("subtract", {rr, ii}), call("add", {ri, ir})};
    }
    case HostKind::Reduce:
      if (host.name == "add" && (x.size() == 1 || splatOf(host.operands[1]) == std::complex<double>(0)))
        return {make(host, {x[0].re}), make(host, {im(0)})};
      return {};
    case HostKind::Map:
      break;
    default:
      return {};
    }
    StringRef name = host.name;
    if (name == "negate")
      return {call(name, {x[0].re}), call(name, {im(0)})};
    if (name == "add" || name == "subtract")
      return {call(name, {x[0].re, x[1].re}), call(name, {im(0), im(1)})};
    auto product = [&](const Parts &a, const Parts &c) -> Parts {
      return {call("subtract", {call("multiply", {a.re, c.re}), call("multiply", {a.im, c.im})}),
              call("add", {call("multiply", {a.re, c.im}), call("multiply", {a.im, c.re})})};
    };
    auto square = [&](Value re, Value im) {
      return call("add", {call("multiply", {re, re}), call("multiply", {im, im})});
    };
    if (name == "multiply")
      return product({x[0].re, im(0)}, {x[1].re, im(1)});
    if (name == "divide") {
      Value norm = square(x[1].re, im(1));
      Parts above = product({x[0].re, im(0)}, {x[1].re, call("negate", {im(1)})});
      return {call("divide", {above.re, norm}), call("divide", {above.im, norm})};
    }
    if (name == "exp") {
      Value size = call("exp", {x[0].re});
      return {call("multiply", {size, call("cos", {im(0)})}), call("multiply", {size, call("sin", {im(0)})})};
    }
    if (name == "abs")
      return {call("sqrt", {square(x[0].re, im(0))}), {}};
    return {};
  }

  /// A tensor of the result's type, or of a shape of its own, all of whose elements are a number.
  Value filled(std::optional<SmallVector<OpFoldResult>> sizes, double value) {
    SmallVector<OpFoldResult> shape = sizes ? *sizes : getAsIndexOpFoldResult(b.getContext(), type.getShape());
    Type element = type.getElementType();
    Value start;
    if (isa<FloatType>(element)) {
      start = constantNumber(b, loc, element, value);
    } else {
      start = arith::ConstantOp::create(b, loc, b.getIntegerAttr(element, static_cast<int64_t>(value)));
    }
    return linalg::FillOp::create(b, loc, start, tensor::EmptyOp::create(b, loc, shape, element).getResult())
        .getResult(0);
  }

  Value contract(ArrayRef<Value> inputs, ArrayRef<AffineMap> maps, ArrayRef<utils::IteratorType> iterators, Value init,
                 StringRef how) {
    bool failed = false;
    auto op = linalg::GenericOp::create(
        b, loc, TypeRange(type), inputs, ValueRange(init), maps, iterators,
        [&](OpBuilder &b, Location loc, ValueRange args) {
          Value term = args.size() == 3
                           ? functionOfNumbers(b, loc, "multiply", type.getElementType(), args.take_front(2))
                           : args[0];
          Value sum = term ? functionOfNumbers(b, loc, how, type.getElementType(), {args.back(), term}) : Value();
          failed = !sum;
          linalg::YieldOp::create(b, loc, failed ? args.back() : sum);
        });
    if (failed) {
      op.erase();
      return {};
    }
    return op.getResult(0);
  }

  Value dot(const HostOp &host, ArrayRef<Value> x) {
    // Loops: the dimensions of the result, then what is contracted.
    int64_t rank = type.getRank(), loops = rank + static_cast<int64_t>(host.lhsContracted.size());
    SmallVector<int64_t> place(rank); // where dimension i of batch, lhs, rhs is in the result
    for (int64_t i = 0; i < rank; ++i)
      place[host.dims.empty() ? i : host.dims[i]] = i;
    SmallVector<AffineMap> maps;
    int64_t next = static_cast<int64_t>(host.lhsBatch.size());
    for (unsigned side : {0u, 1u}) {
      const auto &batch = side ? host.rhsBatch : host.lhsBatch,
                 &contracted = side ? host.rhsContracted : host.lhsContracted;
      SmallVector<AffineExpr> exprs;
      for (int64_t i = 0; i < typeOf(x[side]).getRank(); ++i) {
        if (auto at = llvm::find(batch, i); at != batch.end())
          exprs.push_back(b.getAffineDimExpr(place[at - batch.begin()]));
        else if (auto at = llvm::find(contracted, i); at != contracted.end())
          exprs.push_back(b.getAffineDimExpr(rank + (at - contracted.begin())));
        else
          exprs.push_back(b.getAffineDimExpr(place[next++]));
      }
      maps.push_back(AffineMap::get(loops, 0, exprs, b.getContext()));
    }
    std::optional<SmallVector<OpFoldResult>> shape = sizes({{x[0], maps[0]}, {x[1], maps[1]}});
    if (!shape)
      return {};
    SmallVector<AffineExpr> outs;
    for (int64_t i = 0; i < rank; ++i)
      outs.push_back(b.getAffineDimExpr(i));
    maps.push_back(AffineMap::get(loops, 0, outs, b.getContext()));
    SmallVector<utils::IteratorType> iterators(rank, utils::IteratorType::parallel);
    iterators.append(host.lhsContracted.size(), utils::IteratorType::reduction);
    return contract(x, maps, iterators, filled(*shape, 0.0), "add");
  }

  Value reduce(const HostOp &host, ArrayRef<Value> x) {
    RankedTensorType from = typeOf(x[0]);
    // Loops as the operand's dimensions; torch may keep reduced ones, of size 1.
    bool keeps = type.getRank() == from.getRank();
    if (keeps) {
      RankedTensorType wanted = type;
      SmallVector<int64_t> shape;
      for (int64_t i = 0; i < from.getRank(); ++i)
        if (!llvm::is_contained(host.dims, i))
          shape.push_back(from.getDimSize(i));
      type = from.clone(shape, wanted.getElementType());
      Value inner = reduce(host, x);
      type = wanted;
      return inner ? reshape(inner) : Value();
    }
    SmallVector<AffineExpr> outs;
    SmallVector<utils::IteratorType> iterators;
    SmallVector<OpFoldResult> shape;
    for (int64_t i = 0; i < from.getRank(); ++i) {
      bool reduced = llvm::is_contained(host.dims, i);
      iterators.push_back(reduced ? utils::IteratorType::reduction : utils::IteratorType::parallel);
      if (reduced)
        continue;
      outs.push_back(b.getAffineDimExpr(i));
      shape.push_back(sizeOf(x[0], i));
    }
    Value init;
    if (x.size() > 1)
      init = linalg::FillOp::create(b, loc, tensor::ExtractOp::create(b, loc, x[1], ValueRange()).getResult(),
                                    tensor::EmptyOp::create(b, loc, shape, type.getElementType()).getResult())
                 .getResult(0);
    else if (host.name == "add" || host.name == "multiply")
      init = filled(shape, host.name == "add" ? 0.0 : 1.0);
    else
      return {};
    SmallVector<AffineMap> maps = {b.getMultiDimIdentityMap(from.getRank()),
                                   AffineMap::get(from.getRank(), 0, outs, b.getContext())};
    return contract({x[0]}, maps, iterators, init, host.name);
  }
};

struct ConvertHostToLinalg : fftconv::impl::ConvertHostToLinalgBase<ConvertHostToLinalg> {
  using ConvertHostToLinalgBase::ConvertHostToLinalgBase;

  void runOnOperation() override {
    for (auto function : llvm::make_early_inc_range(getOperation().getOps<func::FuncOp>()))
      if (failed(convert(function)))
        return signalPassFailure();
  }

  static bool isNeeded(func::FuncOp function) {
    auto foreign = [](Type type) { return isa<OpaqueType>(type); };
    if (llvm::any_of(function.getFunctionType().getInputs(), foreign) ||
        llvm::any_of(function.getFunctionType().getResults(), foreign))
      return true;
    return function.walk([](Operation *op) { return isHostOp(op) ? WalkResult::interrupt() : WalkResult::advance(); })
        .wasInterrupted();
  }

  static LogicalResult convert(func::FuncOp function) {
    if (!isNeeded(function))
      return success();
    if (function.isExternal() || !function.getBody().hasOneBlock())
      return function.emitOpError("has more than one block, or none");
    OpBuilder b(function);
    SmallVector<Type> inputs = llvm::map_to_vector(function.getFunctionType().getInputs(), builtinType);
    SmallVector<Type> results = llvm::map_to_vector(function.getFunctionType().getResults(), builtinType);
    Region body;
    Block &block = body.emplaceBlock();
    IRMapping map;
    for (auto [argument, type] : llvm::zip(function.getArguments(), inputs))
      map.map(argument, block.addArgument(type, argument.getLoc()));
    b.setInsertionPointToStart(&block);
    HostEmitter emitter(b, map);
    for (Operation &op : function.getBody().front()) {
      if (isHostOp(&op)) {
        if (failed(emitter.emit(&op)))
          return failure();
        continue;
      }
      if (auto cast = dyn_cast<UnrealizedConversionCastOp>(op); cast && cast.getInputs().size() == 1) {
        Value value = map.lookupOrNull(cast.getInputs()[0]);
        if (value && value.getType() == builtinType(cast.getType(0))) {
          map.map(cast.getResult(0), value);
          continue;
        }
      }
      for (Value operand : op.getOperands())
        if (!map.contains(operand))
          return op.emitOpError("has an operand that is not known to fftconv");
      Operation *copy = b.clone(op, map);
      for (Value result : copy->getResults())
        result.setType(builtinType(result.getType()));
    }
    function.getBody().takeBody(body);
    function.setFunctionType(b.getFunctionType(inputs, results));
    return success();
  }
};
} // namespace
