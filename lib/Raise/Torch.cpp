//===- Torch.cpp - What torch-mlir's ops mean ------------------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Numbers, lists and strings are values here; they are read where they are constant. Ops come as `torch.aten.NAME`, with the name of an overload behind it,
// or as `torch.operator` with a name. Source: the documentation of torch.fft and of ATen's operators.
//
//===----------------------------------------------------------------------===//

#include "HostOp.h"

#include "llvm/ADT/StringSwitch.h"

#include <cmath>

using namespace mlir;
using namespace fftconv;

namespace {
std::optional<int64_t> intOf(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op)
    return std::nullopt;
  StringRef name = op->getName().getStringRef();
  if (name == "torch.constant.int" || name == "torch.constant.bool")
    if (auto attr = dyn_cast_or_null<IntegerAttr>(op->getAttr("value")))
      return name.ends_with("bool") ? attr.getValue().getZExtValue() : attr.getValue().getSExtValue();
  return std::nullopt;
}

bool isNone(Value value) {
  Operation *op = value.getDefiningOp();
  return op && op->getName().getStringRef() == "torch.constant.none";
}

std::optional<StringRef> stringOf(Value value) {
  Operation *op = value.getDefiningOp();
  if (op && op->getName().getStringRef() == "torch.constant.str")
    if (auto attr = dyn_cast_or_null<StringAttr>(op->getAttr("value")))
      return attr.getValue();
  return std::nullopt;
}

/// The values of a list.
std::optional<SmallVector<Value>> valuesOf(Value list) {
  Operation *op = list.getDefiningOp();
  if (!op || op->getName().getStringRef() != "torch.prim.ListConstruct")
    return std::nullopt;
  return SmallVector<Value>(op->getOperands());
}

std::optional<SmallVector<int64_t>> listOf(Value list) {
  std::optional<SmallVector<Value>> values = valuesOf(list);
  if (!values)
    return std::nullopt;
  SmallVector<int64_t> ints;
  for (Value value : *values) {
    std::optional<int64_t> number = intOf(value);
    if (!number)
      return std::nullopt;
    ints.push_back(*number);
  }
  return ints;
}

/// The name without dialect and overload, and of `torch.operator` that of what it calls.
StringRef nameOf(Operation *op) {
  StringRef name = op->getName().stripDialect();
  if (name == "operator")
    if (auto attr = dyn_cast_or_null<StringAttr>(op->getAttr("name")))
      name = attr.getValue();
  name.consume_front("torch.");
  if (!name.consume_front("aten."))
    name.consume_front("prims.");
  return name;
}

/// Reads one op.
class Reader {
public:
  explicit Reader(Operation *op) : op(op) {}

  HostOp read() {
    StringRef name = nameOf(op), base = name.take_until([](char c) { return c == '.'; });
    if (base == "_assert_tensor_metadata" || base == "_assert_scalar" || base == "sym_constrain_range_for_size")
      return be(HostKind::Assert);
    if (op->getNumResults() != 1)
      return host;
    if (name == "constant.int" || name == "constant.float" || name == "constant.bool") {
      Attribute value = op->getAttr("value");
      if (auto integer = dyn_cast_or_null<IntegerAttr>(value))
        host.scalar = static_cast<double>(integer.getType().isInteger(1) ? integer.getValue().getZExtValue()
                                                                         : integer.getValue().getSExtValue());
      else if (auto number = dyn_cast_or_null<FloatAttr>(value))
        host.scalar = number.getValueAsDouble();
      return be(value ? HostKind::Constant : HostKind::Unknown);
    }
    std::optional<HostType> maybe = getHostType(op->getResult(0).getType());
    if (!maybe)
      return host;
    result = *maybe;
    if (name == "vtensor.literal") {
      host.elements = dyn_cast_or_null<DenseElementsAttr>(op->getAttr("value"));
      return be(host.elements ? HostKind::Constant : HostKind::Unknown);
    }
    if (op->getNumOperands() > 0)
      if (std::optional<HostType> type = getHostType(op->getOperand(0).getType()))
        input = *type;
    if (base.starts_with("fft_") || base.starts_with("_fft_"))
      return readTransform(base);
    if (readElementwise(name, base) || readShape(name, base) || readFactory(base))
      return host;
    host = HostOp();
    if (base == "einsum")
      return readEinsum();
    if (base == "bmm" || base == "mm") {
      bool batched = base == "bmm";
      take(2);
      if (batched)
        host.lhsBatch = host.rhsBatch = {0};
      host.lhsContracted = {batched + 1};
      host.rhsContracted = {batched};
      return be(HostKind::Dot);
    }
    if (base == "sum" && op->getNumOperands() >= 3)
      if (std::optional<SmallVector<int64_t>> dims = listOf(op->getOperand(1))) {
        take(1);
        for (int64_t dim : *dims)
          host.dims.push_back(axisOf(dim));
        host.name = "add";
        return be(HostKind::Reduce);
      }
    if (base == "size" && op->getNumOperands() == 2)
      if (std::optional<int64_t> dim = intOf(op->getOperand(1))) {
        take(1);
        host.dims = {axisOf(*dim)};
        return be(HostKind::Size);
      }
    return host;
  }

private:
  Operation *op;
  HostOp host;
  HostType result, input;

  HostOp be(HostKind kind) {
    host.kind = kind;
    return host;
  }
  bool is(HostKind kind) {
    host.kind = kind;
    return true;
  }
  void take(unsigned count) {
    host.operands.clear();
    for (unsigned i = 0; i < count; ++i)
      host.operands.push_back(op->getOperand(i));
  }
  Value arg(unsigned i) const { return i < op->getNumOperands() ? op->getOperand(i) : Value(); }
  int64_t axisOf(int64_t dim) const { return dim < 0 ? dim + input.rank() : dim; }

  bool readElementwise(StringRef name, StringRef base) {
    StringRef map = llvm::StringSwitch<StringRef>(base)
                        .Cases({"exp", "log", "sqrt", "rsqrt", "tanh", "sin", "cos", "abs", "erf", "erfc", "silu",
                                "relu", "floor", "ceil", "log1p", "expm1"},
                               base)
                        .Case("neg", "negate")
                        .Case("sigmoid", "logistic")
                        .Default({});
    if (!map.empty()) {
      take(1);
      host.name = map;
      return is(HostKind::Map);
    }
    if (base == "gelu") {
      if (stringOf(arg(1)).value_or("") != "none")
        return false;
      take(1);
      host.name = "gelu";
      return is(HostKind::Map);
    }
    map = llvm::StringSwitch<StringRef>(base)
              .Case("mul", "multiply")
              .Case("div", "divide")
              .Case("add", "add")
              .Case("sub", "subtract")
              .Case("maximum", "maximum")
              .Case("minimum", "minimum")
              .Case("pow", "power")
              .Default({});
    if (!map.empty() && !name.ends_with(".int") && !name.ends_with("_mode")) {
      // The second of a sum may be scaled.
      if ((base == "add" || base == "sub") && arg(2) && splatOf(arg(2)) != std::complex<double>(1))
        return false;
      take(2);
      host.name = map;
      return is(HostKind::Map);
    }
    if (base == "to" || base == "convert_element_type" || base == "_to_copy" || base == "clone" ||
        base == "contiguous" || base == "resolve_conj" || base == "alias" || base == "detach" ||
        base == "lift_fresh_copy") {
      take(1);
      return is(HostKind::Convert);
    }
    HostKind kind = llvm::StringSwitch<HostKind>(base)
                        .Case("real", HostKind::Real)
                        .Case("imag", HostKind::Imag)
                        .Cases({"conj", "_conj", "conj_physical", "_conj_physical"}, HostKind::Conj)
                        .Case("complex", HostKind::Complex)
                        .Default(HostKind::Unknown);
    if (kind == HostKind::Unknown)
      return false;
    take(kind == HostKind::Complex ? 2 : 1);
    return is(kind);
  }

  bool readShape(StringRef name, StringRef base) {
    if (base == "unsqueeze" || base == "squeeze" || base == "view" || base == "reshape" || base == "_unsafe_view" ||
        base == "flatten" || base == "unflatten") {
      take(1);
      return is(HostKind::Reshape);
    }
    if (base == "expand" || base == "broadcast_to") {
      take(1);
      for (int64_t i = 0; i < input.rank(); ++i)
        host.dims.push_back(i + result.rank() - input.rank());
      return is(HostKind::Broadcast);
    }
    if (base == "permute") {
      std::optional<SmallVector<int64_t>> dims = listOf(arg(1));
      if (!dims)
        return false;
      take(1);
      for (int64_t dim : *dims)
        host.dims.push_back(axisOf(dim));
      return is(HostKind::Transpose);
    }
    if (base == "transpose" || base == "t" || base == "numpy_T") {
      std::optional<int64_t> a = 0, b = 1;
      if (base == "transpose")
        a = intOf(arg(1)), b = intOf(arg(2));
      if (!a || !b || (base != "transpose" && input.rank() != 2))
        return false;
      take(1);
      for (int64_t i = 0; i < input.rank(); ++i)
        host.dims.push_back(i);
      std::swap(host.dims[axisOf(*a)], host.dims[axisOf(*b)]);
      return is(HostKind::Transpose);
    }
    if (base == "slice") {
      std::optional<int64_t> dim = intOf(arg(1)), start = isNone(arg(2)) ? 0 : intOf(arg(2)), step = intOf(arg(4));
      if (!dim || !start || !step)
        return false;
      int64_t axis = axisOf(*dim), size = input.shape[axis];
      if (*start < 0 && ShapedType::isDynamic(size))
        return false;
      take(1);
      host.starts.assign(input.rank(), 0);
      host.strides.assign(input.rank(), 1);
      host.starts[axis] = *start < 0 ? std::max<int64_t>(*start + size, 0) : *start;
      host.strides[axis] = *step;
      return is(HostKind::Slice);
    }
    if (base == "select") {
      std::optional<int64_t> dim = intOf(arg(1)), index = intOf(arg(2));
      if (!dim || !index)
        return false;
      int64_t axis = axisOf(*dim);
      // Parts of complex numbers, seen as a dimension.
      Operation *from = arg(0).getDefiningOp();
      if (from && nameOf(from) == "view_as_real" && axis == input.rank() - 1) {
        host.operands = {from->getOperand(0)};
        return is(*index == 0 ? HostKind::Real : HostKind::Imag);
      }
      take(1);
      if (input.shape[axis] == 1)
        return is(HostKind::Reshape);
      if (*index < 0 && ShapedType::isDynamic(input.shape[axis]))
        return false;
      host.starts.assign(input.rank(), 0);
      host.strides.assign(input.rank(), 1);
      host.starts[axis] = *index < 0 ? *index + input.shape[axis] : *index;
      host.dims = {axis};
      return is(HostKind::Slice);
    }
    if (base == "constant_pad_nd" || base == "pad") {
      std::optional<SmallVector<int64_t>> list = listOf(arg(1));
      Value value = arg(base == "pad" ? 3 : 2);
      if (!list || (base == "pad" && stringOf(arg(2)) != StringRef("constant")))
        return false;
      take(1);
      if (value && !isNone(value))
        host.operands.push_back(value);
      host.low.assign(input.rank(), 0);
      for (size_t i = 0; 2 * i < list->size(); ++i)
        host.low[input.rank() - 1 - i] = (*list)[2 * i];
      return is(HostKind::Pad);
    }
    if (base == "flip") {
      std::optional<SmallVector<int64_t>> dims = listOf(arg(1));
      if (!dims)
        return false;
      take(1);
      for (int64_t dim : *dims)
        host.dims.push_back(axisOf(dim));
      return is(HostKind::Reverse);
    }
    if (base == "cat") {
      std::optional<SmallVector<Value>> parts = valuesOf(arg(0));
      std::optional<int64_t> dim = intOf(arg(1));
      if (!parts || !dim)
        return false;
      host.operands.assign(parts->begin(), parts->end());
      host.dims = {*dim < 0 ? *dim + result.rank() : *dim};
      return is(HostKind::Concat);
    }
    return false;
  }

  bool readFactory(StringRef base) {
    if (base == "zeros" || base == "zeros_like" || base == "new_zeros")
      host.scalar = 0;
    else if (base == "ones" || base == "ones_like" || base == "new_ones")
      host.scalar = 1;
    else if (base == "full" || base == "full_like" || base == "scalar_tensor") {
      std::optional<std::complex<double>> value = splatOf(arg(base == "scalar_tensor" ? 0 : 1));
      if (!value)
        return false;
      host.scalar = *value;
    } else
      return false;
    host.operands.clear();
    return is(HostKind::Constant);
  }

  /// torch.fft's functions, and what they decompose to.
  HostOp readTransform(StringRef base) {
    take(1);
    bool inner = base.consume_front("_");
    base.consume_front("fft_");
    bool two = base.consume_back("2");
    std::optional<Transform> transform;
    if (inner && base == "c2c") {
      std::optional<int64_t> forward = intOf(arg(3));
      if (!forward)
        return host;
      transform = *forward ? Transform::Forward : Transform::Inverse;
    } else {
      transform = llvm::StringSwitch<std::optional<Transform>>(base)
                      .Cases({"rfft", "r2c"}, Transform::R2C)
                      .Cases({"irfft", "c2r"}, Transform::C2R)
                      .Case("fft", Transform::Forward)
                      .Case("ifft", Transform::Inverse)
                      .Default(std::nullopt);
    }
    if (!transform)
      return host;
    host.transform = *transform;
    bool toReal = *transform == Transform::C2R, inverse = toReal || *transform == Transform::Inverse;
    host.half = *transform == Transform::R2C || toReal;
    std::optional<SmallVector<int64_t>> dims;
    int mode = 0; // 0: unscaled, 1: by the root, 2: by the size
    if (inner) {
      dims = listOf(arg(1));
      std::optional<int64_t> norm = intOf(arg(2));
      if (!norm)
        return host;
      mode = static_cast<int>(*norm);
      if (*transform == Transform::R2C && intOf(arg(3)) == 0)
        host.half = false;
    } else {
      if (two)
        dims = arg(2) ? listOf(arg(2)) : SmallVector<int64_t>{-2, -1};
      else if (std::optional<int64_t> dim = arg(2) ? intOf(arg(2)) : -1)
        dims = {*dim};
      std::optional<StringRef> norm = arg(3) && !isNone(arg(3)) ? stringOf(arg(3)) : "backward";
      if (!norm)
        return host;
      mode = *norm == "ortho" ? 1 : (*norm == "forward") != inverse ? 2 : 0;
    }
    if (!dims || dims->empty())
      return host;
    for (int64_t dim : *dims)
      host.dims.push_back(axisOf(dim));
    int64_t last = host.dims.back();
    std::reverse(host.dims.begin(), host.dims.end());
    host.size = toReal ? result.shape[last] : input.shape[last];
    if (Value size = arg(inner ? 3 : 1); !inner && !two && !isNone(size))
      host.size = intOf(size).value_or(ShapedType::kDynamic);
    else if (inner && toReal)
      host.size = intOf(size).value_or(ShapedType::kDynamic);
    if (mode && !ShapedType::isDynamic(host.size)) {
      double points = static_cast<double>(host.size);
      for (int64_t dim : ArrayRef(host.dims).drop_front())
        points *= static_cast<double>(input.shape[dim]);
      host.scale = mode == 1 ? 1 / std::sqrt(points) : 1 / points;
    }
    return be(HostKind::Fft);
  }

  /// An einsum of two operands, as a product over pairs of dimensions.
  HostOp readEinsum() {
    std::optional<StringRef> equation = stringOf(arg(0));
    std::optional<SmallVector<Value>> operands = valuesOf(arg(1));
    if (!equation || !operands || operands->size() != 2)
      return host;
    std::string text = equation->str();
    llvm::erase(text, ' ');
    auto [inputs, output] = StringRef(text).split("->");
    auto [lhs, rhs] = inputs.split(',');
    auto repeats = [](StringRef s) { return llvm::any_of(s, [&](char c) { return s.count(c) > 1; }); };
    if (output.empty() || text.find('.') != std::string::npos || repeats(lhs) || repeats(rhs) || repeats(output))
      return host;
    std::string natural;
    for (bool batch : {true, false})
      for (auto [i, label] : llvm::enumerate(lhs)) {
        size_t j = rhs.find(label);
        if (j == StringRef::npos || output.contains(label) != batch)
          continue;
        (batch ? host.lhsBatch : host.lhsContracted).push_back(static_cast<int64_t>(i));
        (batch ? host.rhsBatch : host.rhsContracted).push_back(static_cast<int64_t>(j));
        if (batch)
          natural += label;
      }
    for (auto [side, other] : {std::pair(lhs, rhs), {rhs, lhs}})
      for (char label : side)
        if (!other.contains(label)) {
          if (!output.contains(label))
            return host; // a sum over one operand
          natural += label;
        }
    for (char label : output)
      host.dims.push_back(static_cast<int64_t>(natural.find(label)));
    host.operands.assign(operands->begin(), operands->end());
    return be(HostKind::Dot);
  }
};
} // namespace

bool fftconv::isInPlace(Operation *op) {
  if (op->getName().getDialectNamespace() != "torch" || !StringRef(op->getName().getStringRef()).contains("aten"))
    return false;
  StringRef base = nameOf(op).take_until([](char c) { return c == '.'; });
  return base.ends_with("_") && !base.ends_with("__");
}

HostOp fftconv::describeTorch(Operation *op) { return Reader(op).read(); }
