//===- Tosa.cpp - What TOSA's ops mean -------------------------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Transforms take and give real and imaginary parts as tensors of their own, over the last two dimensions, and none is normalised. Source: the TOSA specification 1.0.
//
//===----------------------------------------------------------------------===//

#include "HostOp.h"

#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace fftconv;

/// The values of a constant shape, or of a constant.
static SmallVector<int64_t> valuesOf(Value value) {
  Operation *op = value.getDefiningOp();
  return op ? intsOf(op->getAttr("values")) : SmallVector<int64_t>();
}

HostOp fftconv::describeTosa(Operation *op) {
  HostOp host;
  StringRef name = op->getName().stripDialect();
  auto be = [&](HostKind kind) {
    host.kind = kind;
    return host;
  };
  auto take = [&](unsigned count) {
    for (unsigned i = 0; i < count && i < op->getNumOperands(); ++i)
      host.operands.push_back(op->getOperand(i));
  };
  std::optional<HostType> type = op->getNumResults() ? getHostType(op->getResult(0).getType()) : std::nullopt;
  if (!type)
    return host;
  if (name == "rfft2d" || name == "fft2d") {
    take(name == "rfft2d" ? 1 : 2);
    std::optional<HostType> input = getHostType(op->getOperand(0).getType());
    if (!input || input->rank() != 3)
      return host;
    auto inverse = dyn_cast_or_null<BoolAttr>(op->getAttr("inverse"));
    host.transform = name == "rfft2d"                ? Transform::R2C
                     : inverse && inverse.getValue() ? Transform::Inverse
                                                     : Transform::Forward;
    host.half = name == "rfft2d";
    host.parts = true;
    host.size = input->shape[2];
    host.dims = {2};
    if (input->shape[1] != 1)
      host.dims.push_back(1);
    return be(HostKind::Fft);
  }
  if (op->getNumResults() != 1)
    return host;
  auto [map, operands] = llvm::StringSwitch<std::pair<StringRef, unsigned>>(name)
                             .Case("add", {"add", 2})
                             .Case("sub", {"subtract", 2})
                             .Case("mul", {"multiply", 2})
                             .Case("maximum", {"maximum", 2})
                             .Case("minimum", {"minimum", 2})
                             .Case("pow", {"power", 2})
                             .Case("negate", {"negate", 1})
                             .Case("exp", {"exp", 1})
                             .Case("log", {"log", 1})
                             .Case("rsqrt", {"rsqrt", 1})
                             .Case("tanh", {"tanh", 1})
                             .Case("sigmoid", {"logistic", 1})
                             .Case("sin", {"sin", 1})
                             .Case("cos", {"cos", 1})
                             .Case("abs", {"abs", 1})
                             .Case("erf", {"erf", 1})
                             .Case("floor", {"floor", 1})
                             .Case("ceil", {"ceil", 1})
                             .Case("select", {"select", 3})
                             .Default({"", 0});
  if (operands) {
    // A product of integers may be shifted.
    if (name == "mul" && !isa<FloatType>(type->element))
      return host;
    take(operands);
    host.name = map;
    return be(HostKind::Map);
  }
  if (name == "const") {
    host.elements = dyn_cast_or_null<DenseElementsAttr>(op->getAttr("values"));
    return be(host.elements ? HostKind::Constant : HostKind::Unknown);
  }
  if (name == "reshape") {
    take(1);
    return be(HostKind::Reshape);
  }
  if (name == "cast" || name == "identity") {
    take(1);
    return be(HostKind::Convert);
  }
  if (name == "transpose") {
    take(1);
    host.dims = intsOf(op->getAttr("perms"));
    return be(HostKind::Transpose);
  }
  if (name == "reverse") {
    take(1);
    host.dims = intsOf(op->getAttr("axis"));
    return be(HostKind::Reverse);
  }
  if (name == "concat") {
    take(op->getNumOperands());
    host.dims = intsOf(op->getAttr("axis"));
    return be(HostKind::Concat);
  }
  if (name == "slice") {
    take(1);
    host.starts = valuesOf(op->getOperand(1));
    host.strides.assign(type->rank(), 1);
    return be(static_cast<int64_t>(host.starts.size()) == type->rank() ? HostKind::Slice : HostKind::Unknown);
  }
  if (name == "pad") {
    take(1);
    SmallVector<int64_t> pairs = valuesOf(op->getOperand(1));
    if (op->getNumOperands() > 2)
      host.operands.push_back(op->getOperand(2));
    for (size_t i = 0; i < pairs.size(); i += 2)
      host.low.push_back(pairs[i]);
    return be(static_cast<int64_t>(host.low.size()) == type->rank() ? HostKind::Pad : HostKind::Unknown);
  }
  if (name == "reduce_sum") {
    take(1);
    host.name = "add";
    host.dims = intsOf(op->getAttr("axis"));
    return be(HostKind::Reduce);
  }
  return host;
}
