//===- HostOp.cpp - What other frameworks' ops mean -----------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "HostOp.h"

#include "fftconv/IR/FFTConv.h"
#include "fftconv/Raise/Passes.h"

#include "mlir/AsmParser/AsmParser.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Matchers.h"

#include <cmath>

using namespace mlir;
using namespace fftconv;

std::optional<HostType> fftconv::getHostType(Type type) {
  if (auto tensor = dyn_cast<RankedTensorType>(type))
    return HostType{SmallVector<int64_t>(tensor.getShape()), tensor.getElementType()};
  if (type.isIntOrIndexOrFloat())
    return HostType{{}, type};
  auto opaque = dyn_cast<OpaqueType>(type);
  if (!opaque || opaque.getDialectNamespace() != "torch")
    return std::nullopt;
  StringRef text = opaque.getTypeData();
  if (text == "int")
    return HostType{{}, IntegerType::get(type.getContext(), 64)};
  if (text == "float")
    return HostType{{}, Float64Type::get(type.getContext())};
  if (text == "bool")
    return HostType{{}, IntegerType::get(type.getContext(), 1)};
  if (!text.consume_front("vtensor<[") || !text.consume_back(">"))
    return std::nullopt;
  auto [sizes, element] = text.split("],");
  HostType host;
  SmallVector<StringRef> parts;
  sizes.split(parts, ',', -1, /*KeepEmpty=*/false);
  for (StringRef part : parts) {
    int64_t size = ShapedType::kDynamic;
    if (part.trim() != "?" && part.trim().getAsInteger(10, size))
      return std::nullopt;
    host.shape.push_back(size);
  }
  element = element.trim();
  // Signed and unsigned integers are plain ones where a program computes with them.
  if (element.starts_with("si") || element.starts_with("ui"))
    element = element.drop_front();
  host.element = parseType(element, type.getContext());
  return host.element ? std::optional(host) : std::nullopt;
}

SmallVector<int64_t> fftconv::intsOf(Attribute attr) {
  if (auto array = dyn_cast_or_null<DenseI64ArrayAttr>(attr))
    return SmallVector<int64_t>(array.asArrayRef());
  if (auto array = dyn_cast_or_null<DenseI32ArrayAttr>(attr))
    return SmallVector<int64_t>(array.asArrayRef());
  SmallVector<int64_t> values;
  if (auto dense = dyn_cast_or_null<DenseIntElementsAttr>(attr))
    for (const APInt &value : dense.getValues<APInt>())
      values.push_back(value.getSExtValue());
  else if (auto array = dyn_cast_or_null<ArrayAttr>(attr))
    for (Attribute value : array)
      values.push_back(cast<IntegerAttr>(value).getInt());
  else if (auto integer = dyn_cast_or_null<IntegerAttr>(attr))
    values.push_back(integer.getInt());
  return values;
}

std::string fftconv::textOf(Attribute attr) {
  std::string text;
  if (attr)
    llvm::raw_string_ostream(text) << attr;
  return text;
}

bool fftconv::isHostDialect(StringRef dialect) {
  return dialect == "stablehlo" || dialect == "chlo" || dialect == "mhlo" || dialect == "torch" || dialect == "tosa";
}

bool fftconv::isHostOp(Operation *op) { return isHostDialect(op->getName().getDialectNamespace()); }

bool fftconv::isPureHostOp(Operation *op) {
  if (!isHostOp(op) || op->getNumResults() == 0 || isInPlace(op))
    return false;
  StringRef name = op->getName().getStringRef();
  // Numbers, lists and strings of torch, and shapes of TOSA.
  if (name.starts_with("torch.constant.") || name == "torch.prim.ListConstruct" || name == "torch.aten.view_as_real" ||
      name == "tosa.const_shape")
    return true;
  HostKind kind = describe(op).kind;
  return kind != HostKind::Unknown && kind != HostKind::Assert;
}

HostOp fftconv::describe(Operation *op) {
  StringRef dialect = op->getName().getDialectNamespace();
  if (dialect == "stablehlo" || dialect == "chlo" || dialect == "mhlo")
    return describeStablehlo(op);
  if (dialect == "torch")
    return describeTorch(op);
  if (dialect == "tosa")
    return describeTosa(op);
  HostOp host;
  DenseElementsAttr elements;
  if (op->getNumResults() == 1 && matchPattern(op->getResult(0), m_Constant(&elements))) {
    host.kind = HostKind::Constant;
    host.elements = elements;
  }
  return host;
}

HostOp fftconv::describe(Value value) {
  Operation *op = value.getDefiningOp();
  return op && op->getNumResults() == 1 ? describe(op) : HostOp();
}

static std::optional<std::complex<double>> splatOf(DenseElementsAttr elements) {
  if (!elements.isSplat())
    return std::nullopt;
  Type type = elements.getElementType();
  if (isa<FloatType>(type))
    return elements.getSplatValue<APFloat>().convertToDouble();
  if (type.isInteger(1))
    return elements.getSplatValue<bool>() ? 1.0 : 0.0;
  if (isa<IntegerType>(type))
    return static_cast<double>(elements.getSplatValue<APInt>().getSExtValue());
  if (auto complex = dyn_cast<ComplexType>(type); complex && isa<FloatType>(complex.getElementType())) {
    auto value = elements.getSplatValue<std::complex<APFloat>>();
    return std::complex<double>(value.real().convertToDouble(), value.imag().convertToDouble());
  }
  return std::nullopt;
}

std::optional<std::complex<double>> fftconv::splatOf(Value value) {
  HostOp op = describe(value);
  SmallVector<std::complex<double>> x;
  auto all = [&] {
    for (Value operand : op.operands) {
      std::optional<std::complex<double>> splat = splatOf(operand);
      if (!splat)
        return false;
      x.push_back(*splat);
    }
    return true;
  };
  switch (op.kind) {
  case HostKind::Constant:
    return op.elements ? ::splatOf(op.elements) : std::optional(op.scalar);
  case HostKind::Broadcast:
  case HostKind::Transpose:
  case HostKind::Reshape:
  case HostKind::Slice:
  case HostKind::Reverse:
  case HostKind::Convert:
    return splatOf(op.operands[0]);
  case HostKind::Complex:
    if (all() && x[0].imag() == 0 && x[1].imag() == 0)
      return std::complex<double>(x[0].real(), x[1].real());
    return std::nullopt;
  case HostKind::Real:
    if (all())
      return x[0].real();
    return std::nullopt;
  case HostKind::Reduce: {
    std::optional<HostType> type = getHostType(op.operands[0].getType());
    if (!type || !all())
      return std::nullopt;
    double count = 1;
    for (int64_t dim : op.dims)
      count *= static_cast<double>(type->shape[dim]);
    std::complex<double> start = x.size() > 1 ? x[1] : op.name == "multiply" ? 1.0 : 0.0;
    if (op.name == "multiply")
      return start * std::pow(x[0], count);
    if (op.name == "add")
      return start + x[0] * count;
    return std::nullopt;
  }
  case HostKind::Map:
    if (!all())
      return std::nullopt;
    if (op.name == "add")
      return x[0] + x[1];
    if (op.name == "subtract")
      return x[0] - x[1];
    if (op.name == "multiply")
      return x[0] * x[1];
    if (op.name == "divide" && x[1] != 0.0)
      return x[0] / x[1];
    if (op.name == "negate")
      return -x[0];
    if (op.name == "sqrt")
      return std::sqrt(x[0]);
    if (op.name == "rsqrt" && x[0] != 0.0)
      return 1.0 / std::sqrt(x[0]);
    return std::nullopt;
  default:
    return std::nullopt;
  }
}
