//===- Sequences.cpp - Values as sequences in time ------------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Sequences.h"

using namespace mlir;
using namespace fftconv;

static View whole(Value value) {
  View view{value, {}};
  for (int64_t i = 0; i < typeOf(value).rank(); ++i)
    view.dims.push_back(i);
  return view;
}

/// Where the dimensions of `to` come from, if it has those of `from` that are not of size 1 in the same order, and else only such.
static std::optional<SmallVector<int64_t>> unitReshape(const HostType &from, const HostType &to) {
  SmallVector<int64_t> dims;
  int64_t next = 0;
  auto skip = [&] {
    while (next < from.rank() && from.shape[next] == 1)
      ++next;
  };
  for (int64_t size : to.shape) {
    if (size == 1) {
      dims.push_back(-1);
      continue;
    }
    skip();
    if (next == from.rank() || from.shape[next] != size)
      return std::nullopt;
    dims.push_back(next++);
  }
  skip();
  return next == from.rank() ? std::optional(dims) : std::nullopt;
}

std::optional<SmallVector<int64_t>> fftconv::operandDims(const HostOp &op, Value value, unsigned operand) {
  HostType from = typeOf(op.operands[operand]), to = typeOf(value);
  SmallVector<int64_t> dims(to.rank(), -1);
  switch (op.kind) {
  case HostKind::Broadcast:
    if (static_cast<int64_t>(op.dims.size()) != from.rank())
      return std::nullopt;
    for (auto [i, dim] : llvm::enumerate(op.dims))
      dims[dim] = static_cast<int64_t>(i);
    break;
  case HostKind::Transpose:
    dims.assign(op.dims.begin(), op.dims.end());
    break;
  case HostKind::Reshape:
    return unitReshape(from, to);
  case HostKind::Dot: {
    SmallVector<int64_t> natural;
    bool left = operand == 0;
    const auto &batch = left ? op.lhsBatch : op.rhsBatch, &contracted = left ? op.lhsContracted : op.rhsContracted;
    natural.assign(batch.begin(), batch.end());
    HostType other = typeOf(op.operands[1 - operand]);
    int64_t othersFree = other.rank() - static_cast<int64_t>(batch.size() + contracted.size());
    if (!left)
      natural.append(othersFree, -1);
    for (int64_t i = 0; i < from.rank(); ++i)
      if (!llvm::is_contained(batch, i) && !llvm::is_contained(contracted, i))
        natural.push_back(i);
    if (left)
      natural.append(othersFree, -1);
    for (int64_t i = 0; i < to.rank(); ++i)
      dims[i] = natural[op.dims.empty() ? i : op.dims[i]];
    break;
  }
  default: // element by element: trailing dimensions are aligned
    for (int64_t i = 0; i < from.rank(); ++i)
      if (int64_t at = i + to.rank() - from.rank(); at >= 0)
        dims[at] = i;
    break;
  }
  // A dimension of size 1 repeats.
  for (int64_t &dim : dims)
    if (dim >= 0 && from.shape[dim] == 1)
      dim = -1;
  return dims;
}

View fftconv::compose(const View &view, ArrayRef<int64_t> dims) {
  View result{view.base, {}};
  for (int64_t dim : dims)
    result.dims.push_back(dim < 0 ? -1 : view.dims[dim]);
  return result;
}

static Type floatOf(Type element) {
  auto complex = dyn_cast<ComplexType>(element);
  return complex ? complex.getElementType() : element;
}

/// Whether a conversion keeps values: to a wider float, to the complex numbers, or none.
static bool keepsValues(const HostType &from, const HostType &to) {
  auto a = dyn_cast<FloatType>(floatOf(from.element)), b = dyn_cast<FloatType>(floatOf(to.element));
  if (!a || !b || (from.isComplex() && !to.isComplex()))
    return false;
  return a == b || (a.getFPMantissaWidth() <= b.getFPMantissaWidth() && a.getWidth() < b.getWidth());
}

bool fftconv::isView(const HostOp &op) {
  return op.kind == HostKind::Broadcast || op.kind == HostKind::Transpose || op.kind == HostKind::Reshape;
}

View fftconv::viewOf(Value value) {
  HostOp op = describe(value);
  bool converts =
      op.kind == HostKind::Convert && keepsValues(typeOf(op.operands[0]), typeOf(value)) && !typeOf(value).isComplex();
  if (isView(op) || converts)
    if (auto dims = operandDims(op, value, 0))
      return compose(viewOf(op.operands[0]), *dims);
  View view = whole(value);
  HostType type = typeOf(value);
  for (int64_t &dim : view.dims)
    if (type.shape[dim] == 1)
      dim = -1;
  return view;
}

/// The factor that a constant operand of a product is, if it is one and real.
static std::optional<double> factorOf(Value value) {
  std::optional<std::complex<double>> splat = splatOf(value);
  return splat && splat->imag() == 0 ? std::optional(splat->real()) : std::nullopt;
}

std::optional<std::pair<unsigned, double>> fftconv::multipleOf(const HostOp &op) {
  if (op.is(HostKind::Map, "negate"))
    return std::pair(0u, -1.0);
  if (op.is(HostKind::Map, "multiply"))
    for (unsigned side : {0u, 1u})
      if (std::optional<double> factor = factorOf(op.operands[1 - side]))
        return std::pair(side, *factor);
  if (op.is(HostKind::Map, "divide"))
    if (std::optional<double> factor = factorOf(op.operands[1]); factor && *factor != 0)
      return std::pair(0u, 1 / *factor);
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Sequences
//===----------------------------------------------------------------------===//

static void shift(Sequence &sequence, int64_t by) {
  for (Window &window : sequence.windows)
    window.offset += by;
}

void Sequence::crop(int64_t to) {
  size = to;
  for (Window &window : windows) {
    int64_t before = std::max<int64_t>(0, -window.first()), behind = std::max<int64_t>(0, window.last() - size + 1);
    int64_t front = window.reversed ? behind : before;
    window.count = std::max<int64_t>(0, window.count - before - behind);
    window.begin += front;
    window.offset += window.reversed ? -front : front;
  }
  llvm::erase_if(windows, [](const Window &window) { return window.count == 0; });
}

void Sequence::scaleBy(double factor) {
  for (Window &window : windows)
    window.scale *= factor;
}

void Sequence::applyDims(ArrayRef<int64_t> dims) {
  for (Window &window : windows)
    window.view = compose(window.view, dims);
}

/// Whether a sequence is a view of one value and nothing else.
static bool isPlain(const Sequence &sequence) {
  if (sequence.windows.size() != 1)
    return false;
  const Window &window = sequence.windows.front();
  return !window.reversed && window.offset == 0 && window.begin == 0 && window.count == sequence.size &&
         window.scale == 1;
}

bool fftconv::actsAlong(const HostOp &op, const HostType &from, const HostType &to, int64_t axis) {
  if (from.rank() != to.rank())
    return false;
  for (int64_t i = 0; i < to.rank(); ++i)
    if (i != axis &&
        (from.shape[i] != to.shape[i] || (!op.low.empty() && op.low[i]) || (!op.starts.empty() && op.starts[i])))
      return false;
  return op.strides.empty() || op.strides[axis] == 1;
}

Sequence fftconv::sequenceOf(Value value, int64_t axis) {
  HostType type = typeOf(value);
  View self = whole(value);
  for (int64_t &dim : self.dims)
    if (dim != axis && type.shape[dim] == 1)
      dim = -1;
  Sequence leaf{{Window{self, false, 0, 0, type.shape[axis], 1}}, type.shape[axis]};
  HostOp op = describe(value);
  if (splatOf(value) == std::complex<double>(0))
    return {{}, type.shape[axis]};
  switch (op.kind) {
  case HostKind::Pad: {
    HostType from = typeOf(op.operands[0]);
    bool zeros = op.operands.size() == 1 || splatOf(op.operands[1]) == std::complex<double>(0);
    if (!actsAlong(op, from, type, axis) || !zeros)
      return leaf;
    Sequence sequence = sequenceOf(op.operands[0], axis);
    shift(sequence, op.low[axis]);
    sequence.crop(type.shape[axis]);
    return sequence;
  }
  case HostKind::Slice: {
    if (!op.dims.empty() || !actsAlong(op, typeOf(op.operands[0]), type, axis))
      return leaf;
    Sequence sequence = sequenceOf(op.operands[0], axis);
    // A crop of what is no more than itself is a value like any other.
    if (isPlain(sequence))
      return leaf;
    shift(sequence, -op.starts[axis]);
    sequence.crop(type.shape[axis]);
    return sequence;
  }
  case HostKind::Reverse: {
    if (op.dims != SmallVector<int64_t>{axis})
      return leaf;
    Sequence sequence = sequenceOf(op.operands[0], axis);
    for (Window &window : sequence.windows) {
      window.offset = sequence.size - 1 - window.offset;
      window.reversed = !window.reversed;
    }
    return sequence;
  }
  case HostKind::Concat: {
    if (op.dims[0] != axis)
      return leaf;
    Sequence all{{}, type.shape[axis]};
    int64_t at = 0;
    bool plain = true;
    for (Value part : op.operands) {
      Sequence sequence = sequenceOf(part, axis);
      plain &= isPlain(sequence);
      shift(sequence, at);
      at += sequence.size;
      all.windows.append(sequence.windows.begin(), sequence.windows.end());
    }
    // Values put together are a value like any other.
    return plain ? leaf : all;
  }
  case HostKind::Complex:
    if (splatOf(op.operands[1]) == std::complex<double>(0))
      return sequenceOf(op.operands[0], axis);
    return leaf;
  case HostKind::Convert:
    if (keepsValues(typeOf(op.operands[0]), type))
      return sequenceOf(op.operands[0], axis);
    return leaf;
  case HostKind::Broadcast:
  case HostKind::Transpose:
  case HostKind::Reshape: {
    std::optional<SmallVector<int64_t>> dims = operandDims(op, value, 0);
    if (!dims || (*dims)[axis] < 0)
      return leaf;
    Sequence sequence = sequenceOf(op.operands[0], (*dims)[axis]);
    sequence.applyDims(*dims);
    return sequence;
  }
  case HostKind::Map: {
    auto inside = [&](unsigned operand) -> std::optional<Sequence> {
      std::optional<SmallVector<int64_t>> dims = operandDims(op, value, operand);
      if (!dims || (*dims)[axis] < 0)
        return std::nullopt;
      Sequence sequence = sequenceOf(op.operands[operand], (*dims)[axis]);
      sequence.applyDims(*dims);
      return sequence;
    };
    if (std::optional<std::pair<unsigned, double>> multiple = multipleOf(op)) {
      std::optional<Sequence> sequence = inside(multiple->first);
      if (!sequence)
        return leaf;
      sequence->scaleBy(multiple->second);
      return *sequence;
    }
    if (op.name != "add" && op.name != "subtract")
      return leaf;
    std::optional<Sequence> lhs = inside(0), rhs = inside(1);
    // A sum of whole values is a value like any other.
    if (!lhs || !rhs || (isPlain(*lhs) && isPlain(*rhs)))
      return leaf;
    rhs->scaleBy(op.name == "add" ? 1 : -1);
    lhs->windows.append(rhs->windows.begin(), rhs->windows.end());
    return *lhs;
  }
  default:
    return leaf;
  }
}
