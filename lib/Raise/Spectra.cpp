//===- Spectra.cpp - Values as spectra of sequences -----------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Sequences.h"

#include <array>

using namespace mlir;
using namespace fftconv;

/// A name for what a value comes from, for reasons.
static std::string sourceOf(Value value) {
  Operation *op = value.getDefiningOp();
  return op ? "'" + op->getName().getStringRef().str() + "'" : std::string("an argument");
}

/// Whether a pad or a slice does nothing.
static bool doesNothing(const HostOp &op, Value value) {
  return (op.kind == HostKind::Pad || (op.kind == HostKind::Slice && op.dims.empty())) &&
         typeOf(op.operands[0]).shape == typeOf(value).shape &&
         llvm::all_of(op.low, [](int64_t n) { return n == 0; }) &&
         llvm::all_of(op.strides, [](int64_t n) { return n == 1; });
}

/// What is done to both parts alike, and the parts that it is done to; nothing where something else is done.
static std::optional<std::pair<HostOp, Complex>> doneToParts(const Complex &parts) {
  HostOp re = describe(parts.value), im = describe(parts.imaginary);
  bool alike = re.kind == im.kind && re.name == im.name && re.dims == im.dims && re.starts == im.starts &&
               re.strides == im.strides && re.low == im.low;
  if (!alike || re.operands.empty() || im.operands.empty())
    return std::nullopt;
  return std::pair(re, Complex{re.operands[0], im.operands[0]});
}

/// The transform of real rows `x`, that gives `value`.
static std::optional<Spectrum> transformOf(const HostOp &op, int64_t axis, Reason &reason) {
  auto no = [&](const Twine &why) {
    if (reason.empty())
      reason = why.str();
    return std::nullopt;
  };
  if (op.dims.size() != 1)
    return no("a transform of " + Twine(op.dims.size()) + " dimensions");
  if (op.dims[0] != axis)
    return no("the factors are transformed along different dimensions");
  if (op.transform == Transform::C2R || op.transform == Transform::Inverse)
    return no("a factor of the product is an inverse transform");
  if (op.operands.size() > 1 && splatOf(op.operands[1]) != std::complex<double>(0))
    return no("the transform is of complex data");
  HostType from = typeOf(op.operands[0]);
  if (ShapedType::isDynamic(op.size) || ShapedType::isDynamic(from.shape[axis]))
    return no("the length is dynamic");
  Spectrum spectrum{sequenceOf(op.operands[0], axis), op.half};
  spectrum.time.crop(op.size);
  spectrum.time.scaleBy(op.scale);
  for (const Window &window : spectrum.time.windows)
    if (!isa<FloatType>(typeOf(window.view.base).element))
      return no("the transform is of complex data");
  return spectrum;
}

/// Windows of a value of shape `from`, seen as one of shape `to`, where a reshape puts dimensions other than `axis` together or apart: as it does so with the rows
/// that the windows are of, if these were reshaped the other way before.
static bool regroup(Sequence &sequence, const HostType &from, const HostType &to, int64_t axis) {
  auto rows = [](ArrayRef<int64_t> shape, int64_t without) {
    SmallVector<int64_t> sizes;
    for (auto [i, size] : llvm::enumerate(shape))
      if (size != 1 && static_cast<int64_t>(i) != without)
        sizes.push_back(size);
    return sizes;
  };
  for (Window &window : sequence.windows) {
    HostOp reshape = describe(window.view.base);
    if (reshape.kind != HostKind::Reshape)
      return false;
    Value before = reshape.operands[0];
    HostType inner = typeOf(before), outer = typeOf(window.view.base);
    int64_t last = inner.rank() - 1;
    // All of its dimensions, in order, the last of them time.
    SmallVector<int64_t> used, all;
    for (int64_t dim : window.view.dims)
      if (dim >= 0)
        used.push_back(dim);
    for (int64_t i = 0; i < outer.rank(); ++i)
      if (outer.shape[i] != 1)
        all.push_back(i);
    if (used != all || axis != to.rank() - 1 || inner.rank() == 0 || window.view.dims.back() != outer.rank() - 1 ||
        inner.shape[last] != outer.shape.back() || rows(inner.shape, last) != rows(to.shape, axis))
      return false;
    View view{before, {}};
    int64_t next = 0;
    for (int64_t i = 0; i < to.rank(); ++i) {
      if (i != axis && to.shape[i] == 1) {
        view.dims.push_back(-1);
        continue;
      }
      while (next < last && inner.shape[next] == 1)
        ++next;
      view.dims.push_back(i == axis ? last : next++);
    }
    window.view = view;
  }
  return true;
}

std::optional<Spectrum> fftconv::spectrumOf(Complex complex, int64_t axis, Reason &reason) {
  Value value = complex.value;
  HostOp op = describe(value);
  HostType type = typeOf(value);
  auto no = [&](const Twine &why) {
    if (reason.empty())
      reason = why.str();
    return std::nullopt;
  };
  auto through = [&](Complex operand, std::optional<SmallVector<int64_t>> dims) -> std::optional<Spectrum> {
    HostType from = typeOf(operand.value);
    bool regroups = !dims && op.kind == HostKind::Reshape && axis == type.rank() - 1 && from.rank() > 0 &&
                    from.shape.back() == type.shape.back();
    if (!regroups && (!dims || (*dims)[axis] < 0))
      return no("bins of a spectrum are rearranged by " + sourceOf(value));
    std::optional<Spectrum> spectrum = spectrumOf(operand, regroups ? from.rank() - 1 : (*dims)[axis], reason);
    if (!spectrum)
      return std::nullopt;
    if (!regroups)
      spectrum->time.applyDims(*dims);
    else if (!regroup(spectrum->time, from, type, axis))
      return no("a spectrum is reshaped otherwise than its rows were before");
    return spectrum;
  };
  auto inside = [&](unsigned operand) { return through({op.operands[operand]}, operandDims(op, value, operand)); };
  auto conjugate = [](Spectrum &spectrum) {
    for (Window &window : spectrum.time.windows) {
      window.offset = -window.offset;
      window.reversed = !window.reversed;
    }
  };
  if (complex.imaginary) {
    // Both parts of a transform, or the same done to both parts of a spectrum.
    Operation *transform = value.getDefiningOp();
    if (transform && transform == complex.imaginary.getDefiningOp() && transform->getNumResults() == 2 &&
        value == transform->getResult(0))
      if (HostOp fft = describe(transform); fft.kind == HostKind::Fft)
        return transformOf(fft, axis, reason);
    if (describe(complex.imaginary).is(HostKind::Map, "negate")) {
      std::optional<Spectrum> spectrum = spectrumOf({value, describe(complex.imaginary).operands[0]}, axis, reason);
      if (spectrum)
        conjugate(*spectrum);
      return spectrum;
    }
    std::optional<std::pair<HostOp, Complex>> done = doneToParts(complex);
    if (!done)
      return no("a factor of the product is put together from parts that are not those of a spectrum");
    if (isView(done->first) || doesNothing(done->first, value))
      return through(done->second, operandDims(done->first, value, 0));
    std::optional<std::pair<unsigned, double>> a = multipleOf(done->first), c = multipleOf(describe(complex.imaginary));
    if (!a || a != c)
      return no("a factor of the product is made by " + sourceOf(value) + " in the frequency domain");
    HostOp im = describe(complex.imaginary);
    std::optional<Spectrum> spectrum =
        through({op.operands[a->first], im.operands[a->first]}, operandDims(op, value, a->first));
    if (spectrum)
      spectrum->time.scaleBy(a->second);
    return spectrum;
  }
  switch (op.kind) {
  case HostKind::Fft:
    return transformOf(op, axis, reason);
  case HostKind::Pad:
    return doesNothing(op, value) ? inside(0) : no("a spectrum is padded");
  case HostKind::Slice: {
    if (doesNothing(op, value))
      return inside(0);
    if (!op.dims.empty() || !actsAlong(op, typeOf(op.operands[0]), type, axis) || op.starts[axis] != 0)
      return no("a spectrum is cropped");
    std::optional<Spectrum> spectrum = inside(0);
    if (!spectrum)
      return std::nullopt;
    if (spectrum->half || type.shape[axis] != spectrum->time.size / 2 + 1)
      return no("a spectrum is cropped");
    spectrum->half = true;
    return spectrum;
  }
  case HostKind::Conj: {
    std::optional<Spectrum> spectrum = inside(0);
    if (spectrum)
      conjugate(*spectrum);
    return spectrum;
  }
  case HostKind::Complex: {
    // A conjugate by parts.
    HostOp re = describe(op.operands[0]), minus = describe(op.operands[1]);
    HostOp im = minus.is(HostKind::Map, "negate") ? describe(minus.operands[0]) : HostOp();
    if (re.kind != HostKind::Real || im.kind != HostKind::Imag || re.operands[0] != im.operands[0])
      return spectrumOf({op.operands[0], op.operands[1]}, axis, reason);
    std::optional<Spectrum> spectrum = spectrumOf({re.operands[0]}, axis, reason);
    if (spectrum)
      conjugate(*spectrum);
    return spectrum;
  }
  case HostKind::Convert:
    if (typeOf(op.operands[0]).isComplex())
      return inside(0);
    return no("a factor of the product is not a spectrum: it comes from " + sourceOf(viewOf(op.operands[0]).base));
  case HostKind::Broadcast:
  case HostKind::Transpose:
  case HostKind::Reshape:
    return inside(0);
  case HostKind::Map: {
    if (std::optional<std::pair<unsigned, double>> multiple = multipleOf(op)) {
      std::optional<Spectrum> spectrum = inside(multiple->first);
      if (spectrum)
        spectrum->time.scaleBy(multiple->second);
      return spectrum;
    }
    if (op.name == "add" || op.name == "subtract") {
      std::optional<Spectrum> lhs = inside(0), rhs = lhs ? inside(1) : std::nullopt;
      if (!lhs || !rhs)
        return std::nullopt;
      if (lhs->time.size != rhs->time.size || lhs->half != rhs->half)
        return no("spectra of different sizes are added");
      rhs->time.scaleBy(op.name == "add" ? 1 : -1);
      lhs->time.windows.append(rhs->time.windows.begin(), rhs->time.windows.end());
      return lhs;
    }
    return no("a factor of the product is made by " + sourceOf(value) + " in the frequency domain");
  }
  default:
    if (!value.getDefiningOp())
      return no(type.isComplex() ? "a spectrum is an argument: it may be that of any filter of the whole size"
                                 : "a factor of the product is not a spectrum");
    return no("a factor of the product, " + sourceOf(value) + ", is not the spectrum of a filter");
  }
}

std::optional<SpectrumProduct> fftconv::productOf(Complex complex, int64_t axis, Reason &reason) {
  Value value = complex.value;
  HostOp op = describe(value);
  auto no = [&](const Twine &why) {
    if (reason.empty())
      reason = why.str();
    return std::nullopt;
  };
  auto inside = [&](unsigned operand) -> std::optional<SpectrumProduct> {
    std::optional<SmallVector<int64_t>> dims = operandDims(op, value, operand);
    if (!dims || (*dims)[axis] < 0)
      return no("bins of a product of spectra are rearranged by " + sourceOf(value));
    std::optional<SpectrumProduct> product = productOf({op.operands[operand]}, (*dims)[axis], reason);
    if (product) {
      product->lhs.time.applyDims(*dims);
      product->rhs.time.applyDims(*dims);
    }
    return product;
  };
  /// Of the operands of a product, and the imaginary parts where they are apart.
  auto factors = [&](const HostOp &op, Value value,
                     std::array<Value, 2> imaginary = {}) -> std::optional<SpectrumProduct> {
    SpectrumProduct product;
    for (unsigned side : {0u, 1u}) {
      std::optional<SmallVector<int64_t>> dims = operandDims(op, value, side);
      if (!dims || (*dims)[axis] < 0)
        return no("a factor of the product is the same for all frequencies");
      std::optional<Spectrum> spectrum = spectrumOf({op.operands[side], imaginary[side]}, (*dims)[axis], reason);
      if (!spectrum)
        return std::nullopt;
      spectrum->time.applyDims(*dims);
      (side ? product.rhs : product.lhs) = std::move(*spectrum);
    }
    return product;
  };
  if (op.kind == HostKind::Complex && !complex.imaginary)
    return productOf({op.operands[0], op.operands[1]}, axis, reason);
  if (complex.imaginary) {
    // (a + b i)(c + d i) = (a c - b d) + (a d + b c) i
    HostOp im = describe(complex.imaginary);
    if (op.is(HostKind::Map, "subtract") && im.is(HostKind::Map, "add")) {
      HostOp ac = describe(op.operands[0]), bd = describe(op.operands[1]), ad = describe(im.operands[0]),
             bc = describe(im.operands[1]);
      bool products = llvm::all_of(ArrayRef<const HostOp *>{&ac, &bd, &ad, &bc},
                                   [](const HostOp *x) { return x->is(HostKind::Map, "multiply"); });
      auto isProduct = [](const HostOp &x, Value p, Value q) {
        return (x.operands[0] == p && x.operands[1] == q) || (x.operands[0] == q && x.operands[1] == p);
      };
      for (bool swap : {false, true}) {
        if (!products)
          break;
        Value a = ac.operands[0], c = ac.operands[1], b = bd.operands[swap], d = bd.operands[!swap];
        if ((isProduct(ad, a, d) && isProduct(bc, b, c)) || (isProduct(bc, a, d) && isProduct(ad, b, c)))
          return factors(ac, op.operands[0], {b, d});
      }
      return no("what is transformed back is put together from parts, but not as a product is");
    }
    std::optional<std::pair<HostOp, Complex>> done = doneToParts(complex);
    if (!done || (!isView(done->first) && !doesNothing(done->first, value)))
      return no("what is transformed back, by parts, is not a product of spectra");
    std::optional<SmallVector<int64_t>> dims = operandDims(done->first, value, 0);
    if (!dims || (*dims)[axis] < 0)
      return no("bins of a product of spectra are rearranged by " + sourceOf(value));
    std::optional<SpectrumProduct> product = productOf(done->second, (*dims)[axis], reason);
    if (product) {
      product->lhs.time.applyDims(*dims);
      product->rhs.time.applyDims(*dims);
    }
    return product;
  }
  if (doesNothing(op, value) || isView(op) || (op.kind == HostKind::Convert && typeOf(op.operands[0]).isComplex()))
    return inside(0);
  // Half of the bins of a product of whole spectra.
  if (op.kind == HostKind::Slice && op.dims.empty() && actsAlong(op, typeOf(op.operands[0]), typeOf(value), axis) &&
      op.starts[axis] == 0) {
    std::optional<SpectrumProduct> product = inside(0);
    if (!product)
      return std::nullopt;
    if (product->lhs.half || typeOf(value).shape[axis] != product->lhs.time.size / 2 + 1)
      return no("a product of spectra is cropped");
    product->lhs.half = product->rhs.half = true;
    return product;
  }
  if (op.kind == HostKind::Dot) {
    if (!op.lhsContracted.empty())
      return no("the product of spectra is contracted over a dimension: it mixes channels");
    return factors(op, value);
  }
  if (op.kind == HostKind::Map) {
    if (std::optional<std::pair<unsigned, double>> multiple = multipleOf(op)) {
      std::optional<SpectrumProduct> product = inside(multiple->first);
      if (product)
        product->scale *= multiple->second;
      return product;
    }
    if (op.name == "multiply")
      return factors(op, value);
    if (op.name == "add" || op.name == "subtract")
      return no("spectra are added, not multiplied");
    if (op.name == "divide")
      return no("spectra are divided, not multiplied");
    return no("what is transformed back is made by " + sourceOf(value) + ", not a product of spectra");
  }
  if (op.kind == HostKind::Fft)
    return no("a spectrum is transformed back without a product");
  if (op.kind == HostKind::Pad)
    return no("a product of spectra is padded: the inverse is of another size");
  return no("what is transformed back, " + sourceOf(value) + ", is not a product of spectra");
}
