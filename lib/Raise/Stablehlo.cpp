//===- Stablehlo.cpp - What StableHLO's and CHLO's ops mean ---------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Source: the StableHLO specification, https://openxla.org/stablehlo/spec.
//
//===----------------------------------------------------------------------===//

#include "HostOp.h"

#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace fftconv;

/// The list after `key = [` in the text of an attribute.
static SmallVector<int64_t> listIn(StringRef text, StringRef key) {
  SmallVector<int64_t> values;
  size_t at = text.find(key);
  if (at == StringRef::npos)
    return values;
  StringRef list = text.substr(at + key.size()).ltrim(" =[");
  list = list.substr(0, list.find(']'));
  SmallVector<StringRef> parts;
  list.split(parts, ',', -1, /*KeepEmpty=*/false);
  for (StringRef part : parts) {
    int64_t value;
    if (!part.trim().getAsInteger(10, value))
      values.push_back(value);
  }
  return values;
}

/// The name of the one op that a reduction's body does.
static StringRef bodyOf(Operation *op) {
  if (op->getNumRegions() != 1 || !op->getRegion(0).hasOneBlock())
    return {};
  Block &block = op->getRegion(0).front();
  if (std::distance(block.begin(), block.end()) != 2)
    return {};
  return block.front().getName().stripDialect();
}

HostOp fftconv::describeStablehlo(Operation *op) {
  HostOp host;
  llvm::append_range(host.operands, op->getOperands());
  StringRef name = op->getName().stripDialect();
  auto ints = [&](StringRef key) { return intsOf(op->getAttr(key)); };
  auto be = [&](HostKind kind) {
    host.kind = kind;
    return host;
  };
  if (op->getNumResults() == 0 || name == "custom_call") {
    bool asserts = name == "custom_call" && textOf(op->getAttr("call_target_name")) == "\"shape_assertion\"";
    return be(asserts ? HostKind::Assert : HostKind::Unknown);
  }
  if (op->getNumResults() != 1)
    return host;
  std::optional<HostType> type = getHostType(op->getResult(0).getType());
  if (!type)
    return host;

  StringRef map =
      llvm::StringSwitch<StringRef>(name)
          .Cases({"add", "subtract", "multiply", "divide", "negate", "maximum", "minimum", "power"}, name)
          .Cases({"sqrt", "rsqrt", "tanh", "logistic", "abs", "floor", "ceil", "erf", "erfc", "select"}, name)
          .Cases({"and", "or", "not", "log"}, name)
          .Case("exponential", "exp")
          .Case("exponential_minus_one", "expm1")
          .Case("log_plus_one", "log1p")
          .Case("sine", "sin")
          .Case("cosine", "cos")
          .Default({});
  if (!map.empty()) {
    host.name = map;
    return be(HostKind::Map);
  }
  if (name == "compare") {
    std::string text = textOf(op->getAttr("comparison_direction"));
    for (StringRef direction : {"EQ", "NE", "LT", "LE", "GT", "GE"})
      if (StringRef(text).contains(" " + direction.str()))
        host.name = "compare_" + direction.lower();
    return be(host.name.empty() ? HostKind::Unknown : HostKind::Map);
  }
  if (name == "constant") {
    host.elements = dyn_cast_or_null<DenseElementsAttr>(op->getAttr("value"));
    return be(host.elements ? HostKind::Constant : HostKind::Unknown);
  }
  if (name == "broadcast_in_dim" || name == "dynamic_broadcast_in_dim") {
    host.operands.resize(1);
    host.dims = ints("broadcast_dimensions");
    return be(HostKind::Broadcast);
  }
  if (name == "transpose") {
    host.dims = ints("permutation");
    return be(HostKind::Transpose);
  }
  if (name == "reshape")
    return be(HostKind::Reshape);
  if (name == "slice") {
    host.starts = ints("start_indices");
    host.strides = ints("strides");
    return be(HostKind::Slice);
  }
  if (name == "pad") {
    if (llvm::any_of(ints("interior_padding"), [](int64_t n) { return n != 0; }))
      return host;
    host.low = ints("edge_padding_low");
    return be(HostKind::Pad);
  }
  if (name == "dynamic_update_slice" && splatOf(op->getOperand(0)) == std::complex<double>(0)) {
    // Into zeros, at a known place.
    for (Value index : op->getOperands().drop_front(2)) {
      std::optional<std::complex<double>> at = splatOf(index);
      if (!at)
        return host;
      host.low.push_back(static_cast<int64_t>(at->real()));
    }
    // Where that does not fit, it is moved until it does.
    std::optional<HostType> update = getHostType(op->getOperand(1).getType());
    for (int64_t i = 0; i < type->rank(); ++i) {
      if (!update || ShapedType::isDynamic(update->shape[i]) || ShapedType::isDynamic(type->shape[i]))
        return host;
      host.low[i] = std::clamp<int64_t>(host.low[i], 0, type->shape[i] - update->shape[i]);
    }
    host.operands = {op->getOperand(1)};
    return be(HostKind::Pad);
  }
  if (name == "reverse") {
    host.dims = ints("dimensions");
    return be(HostKind::Reverse);
  }
  if (name == "concatenate") {
    host.dims = ints("dimension");
    return be(HostKind::Concat);
  }
  if (name == "convert")
    return be(HostKind::Convert);
  if (name == "real")
    return be(HostKind::Real);
  if (name == "imag")
    return be(HostKind::Imag);
  if (name == "complex")
    return be(HostKind::Complex);
  if (name == "conj")
    return be(HostKind::Conj);
  if (name == "iota") {
    host.dims = ints("iota_dimension");
    return be(HostKind::Iota);
  }
  if (name == "get_dimension_size") {
    host.dims = ints("dimension");
    return be(HostKind::Size);
  }
  if (name == "reduce" && op->getNumOperands() == 2) {
    host.name = bodyOf(op);
    host.dims = ints("dimensions");
    bool known = llvm::is_contained({"add", "multiply", "maximum", "minimum"}, host.name);
    return be(known ? HostKind::Reduce : HostKind::Unknown);
  }
  if (name == "dot_general") {
    std::string text = textOf(op->getAttr("dot_dimension_numbers"));
    host.lhsBatch = listIn(text, "lhs_batching_dimensions");
    host.rhsBatch = listIn(text, "rhs_batching_dimensions");
    host.lhsContracted = listIn(text, "lhs_contracting_dimensions");
    host.rhsContracted = listIn(text, "rhs_contracting_dimensions");
    return be(HostKind::Dot);
  }
  if (name == "dynamic_gather" && op->getNumOperands() == 3) {
    // What a slice becomes where other dimensions are dynamic: all start from zero, none is collapsed.
    std::string text = textOf(op->getAttr("dimension_numbers"));
    std::optional<std::complex<double>> start = splatOf(op->getOperand(1));
    std::optional<HostType> from = getHostType(op->getOperand(0).getType());
    if (!start || *start != 0.0 || !from || from->rank() != type->rank() ||
        static_cast<int64_t>(listIn(text, "offset_dims").size()) != type->rank() ||
        StringRef(text).contains("batching"))
      return host;
    host.operands.resize(1);
    host.starts.assign(type->rank(), 0);
    host.strides.assign(type->rank(), 1);
    return be(HostKind::Slice);
  }
  if (name == "fft") {
    std::string text = textOf(op->getAttr("fft_type"));
    SmallVector<int64_t> sizes = ints("fft_length");
    std::optional<Transform> transform;
    for (auto [word, value] : {std::pair("IRFFT", Transform::C2R),
                               {"RFFT", Transform::R2C},
                               {"IFFT", Transform::Inverse},
                               {"FFT", Transform::Forward}})
      if (!transform && StringRef(text).contains(word))
        transform = value;
    if (!transform || sizes.empty())
      return host;
    host.transform = *transform;
    host.size = sizes.back();
    int64_t axes = static_cast<int64_t>(sizes.size());
    for (int64_t axis = type->rank() - 1; axis >= type->rank() - axes; --axis)
      host.dims.push_back(axis);
    host.half = *transform == Transform::R2C || *transform == Transform::C2R;
    if (*transform == Transform::C2R || *transform == Transform::Inverse)
      for (int64_t size : sizes)
        host.scale /= static_cast<double>(size);
    return be(HostKind::Fft);
  }
  return host;
}
