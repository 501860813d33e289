//===- Matcher.cpp - Convolutions in a function ---------------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Matcher.h"

#include "mlir/IR/Remarks.h"
#include "llvm/Support/FormatVariadic.h"

#include <array>
#include <numeric>
#include <tuple>

using namespace mlir;
using namespace fftconv;

bool fftconv::isAssert(Operation *op) { return isHostOp(op) && describe(op).kind == HostKind::Assert; }

/// The one user of a value, asserts apart; null where there are none or several.
static Operation *onlyUser(Value value) {
  Operation *only = nullptr;
  for (Operation *user : value.getUsers()) {
    if (isAssert(user))
      continue;
    if (only && only != user)
      return nullptr;
    only = user;
  }
  return only && only->getNumResults() == 1 ? only : nullptr;
}

int64_t Match::delay() const {
  if (circular || filter.size() != 1 || filter[0].reversed)
    return 0;
  int64_t taps = filter[0].count, first = lags[0].first;
  bool centred = outputs == signal.count && (-first == taps / 2 || -first == (taps - 1) / 2);
  return first < 0 && centred ? 0 : first;
}

bool Match::isAligned() const {
  int64_t all = typeOf(signal.view.base).shape[signal.view.dims[time]];
  return outputs == signal.count && signal.count == all && delay() == 0;
}

//===----------------------------------------------------------------------===//
// From transform to transform
//===----------------------------------------------------------------------===//

/// The transforms that a value is computed from, not going through them.
static void collectTransforms(Value value, SetVector<Operation *> &transforms) {
  Operation *op = value.getDefiningOp();
  if (!op || !isHostOp(op))
    return;
  if (describe(op).kind == HostKind::Fft) {
    transforms.insert(op);
    return;
  }
  for (Value operand : op->getOperands())
    collectTransforms(operand, transforms);
}

/// The lags of the filter's windows, if no output is reached in two ways.
static std::optional<Match> place(Match match, Reason &reason) {
  int64_t length = match.signal.count, n = match.size;
  match.circular = length == n && match.outputs == n && match.start == 0 && match.signal.offset == 0 && n > 1;
  SmallVector<Lags, 2> lags;
  for (const Window &window : match.filter) {
    int64_t by = match.signal.offset - match.start;
    Lags at{window.first() + by, window.last() + by};
    // Of lags that are equal modulo N, those between the earliest and the latest that a pair of an output and an input can have.
    int64_t least = match.outputs - n, most = n - length;
    auto floorDiv = [](int64_t a, int64_t b) { return a >= 0 ? a / b : -((-a + b - 1) / b); };
    int64_t turns = floorDiv(least - at.first + n - 1, n);
    at.first += turns * n, at.last += turns * n;
    if (at.last <= most) {
      lags.push_back(at);
      continue;
    }
    if (match.circular) {
      lags.clear();
      break;
    }
    // What looks long may be padded.
    HostOp rows = describe(match.signal.view.base);
    if (rows.kind == HostKind::Pad && rows.operands.size() > 1 &&
        splatOf(rows.operands[1]) != std::complex<double>(0)) {
      reason = "the signal is padded with something else than zeros";
      return std::nullopt;
    }
    int64_t needed = length + window.count - 1;
    reason = llvm::formatv("{0} points do not hold length {1} + {2} taps - 1 = {3}: outputs wrap around", n, length,
                           window.count, needed);
    return std::nullopt;
  }
  if (lags.empty()) {
    // Modulo N, the taps of a circular convolution lie where they are.
    for (const Window &window : match.filter) {
      int64_t first = ((window.first() % n) + n) % n;
      lags.push_back({first, first + window.count - 1});
    }
  } else {
    match.circular = false;
  }
  match.lags = lags;
  return match;
}

/// Which factor is the signal, and what is a batch and what are heads.
static std::optional<Match> assign(Match match, SpectrumProduct &product, Reason &reason) {
  auto no = [&](const Twine &why) {
    reason = why.str();
    return std::nullopt;
  };
  HostType type = match.space;
  auto goesAlong = [](const Spectrum &spectrum, int64_t dim) {
    return llvm::any_of(spectrum.time.windows, [&](const Window &w) { return w.view.dims[dim] >= 0; });
  };
  SmallVector<int64_t> onlyLeft, onlyRight, both, neither;
  for (int64_t dim = 0; dim < type.rank(); ++dim) {
    if (dim == match.time || type.shape[dim] == 1)
      continue;
    bool left = goesAlong(product.lhs, dim), right = goesAlong(product.rhs, dim);
    (left && right ? both : left ? onlyLeft : right ? onlyRight : neither).push_back(dim);
  }
  auto single = [](const Spectrum &s) { return s.time.windows.size() == 1 && !s.time.windows.front().reversed; };
  bool signalIsLeft = true;
  if (onlyLeft.empty() && onlyRight.empty()) {
    if (both.size() > 1)
      return no("both operands carry the batch dimension: a filter for each sample");
    // By length, by a batch of one, or by order.
    auto fitness = [&](const Spectrum &s) {
      bool isSingle = single(s);
      return std::tuple(isSingle, isSingle && s.time.windows.front().count == match.outputs,
                        isSingle ? typeOf(s.time.windows.front().view.base).rank() : 0);
    };
    signalIsLeft = fitness(product.lhs) >= fitness(product.rhs);
  } else {
    signalIsLeft = onlyRight.empty() || (!onlyLeft.empty() && onlyLeft.front() < onlyRight.front());
  }
  Spectrum &u = signalIsLeft ? product.lhs : product.rhs, &k = signalIsLeft ? product.rhs : product.lhs;
  if (k.time.windows.empty() || u.time.windows.empty())
    return no("a factor is the spectrum of zeros");
  if (!single(u))
    return no("the signal is reversed, or a sum of shifted ones");
  match.signal = u.time.windows.front();
  match.filter = k.time.windows;
  for (const Window &window : match.filter)
    if (window.view.base == match.signal.view.base)
      return no("a signal is convolved with itself");
  match.batch = signalIsLeft ? onlyLeft : onlyRight;
  llvm::append_range(match.batch, neither);
  llvm::sort(match.batch);
  match.heads = both;
  llvm::append_range(match.heads, signalIsLeft ? onlyRight : onlyLeft);
  llvm::sort(match.heads);
  match.scale *= match.signal.scale;
  for (int64_t dim : match.heads)
    if (type.isComplex() || ShapedType::isDynamic(type.shape[dim]))
      return no("the number of heads is dynamic");
  auto refuse = [&](const Window &window) -> StringRef {
    Type element = typeOf(window.view.base).element;
    if (element.isF64() || type.element.isF64())
      return "f64 is not supported";
    return element.isF16() || element.isBF16() || element.isF32()
               ? ""
               : "the operands are of another type than f16, bf16 and f32";
  };
  for (const Window &window : llvm::concat<Window>(SmallVector<Window>{match.signal}, match.filter))
    if (StringRef why = refuse(window); !why.empty())
      return no(why);
  return place(std::move(match), reason);
}

static std::optional<Match> find(Operation *inverse, Reason &reason) {
  auto no = [&](const Twine &why) {
    reason = why.str();
    return std::nullopt;
  };
  HostOp host = describe(inverse);
  if (host.dims.size() != 1)
    return no("a transform of " + Twine(host.dims.size()) + " dimensions");
  int64_t axis = host.dims[0];
  if (ShapedType::isDynamic(host.size))
    return no("the length is dynamic");
  Complex bins{host.operands[0], host.parts ? host.operands[1] : Value()};
  HostType merged = typeOf(inverse->getResult(0)), space = merged;
  // Rows and heads may be one dimension for the transform.
  auto apart = [&] {
    HostOp re = describe(bins.value), im = bins.imaginary ? describe(bins.imaginary) : HostOp();
    bool reshapes = re.kind == HostKind::Reshape && (!bins.imaginary || im.kind == HostKind::Reshape);
    HostType inner = reshapes ? typeOf(re.operands[0]) : HostType();
    if (!reshapes || operandDims(re, bins.value, 0) || axis != space.rank() - 1 || inner.rank() == 0 ||
        inner.shape.back() != typeOf(bins.value).shape.back())
      return false;
    bins = {re.operands[0], bins.imaginary ? im.operands[0] : Value()};
    space.shape.assign(inner.shape.begin(), inner.shape.end());
    space.shape.back() = merged.shape.back();
    return true;
  };
  while (apart()) {
  }
  int64_t time = space.rank() - merged.rank() + axis;
  if (space.shape == merged.shape)
    time = axis;
  std::optional<SpectrumProduct> product = productOf(bins, time, reason);
  if (!product)
    return std::nullopt;
  Match match;
  match.inverse = inverse;
  match.size = host.size;
  if (product->lhs.time.size != product->rhs.time.size)
    return no("the factors are spectra of different sizes");
  if (product->lhs.time.size != match.size)
    return no(llvm::formatv("the inverse transform of {0} points is not of the size of the forward ones, {1}",
                            match.size, product->lhs.time.size)
                  .str());
  bool half = product->lhs.half;
  if (half != product->rhs.half || (half && !host.half))
    return no("half of a spectrum is transformed back as a whole one");
  for (Value operand : host.operands)
    collectTransforms(operand, match.transforms);
  match.scale = static_cast<double>(match.size) * host.scale * product->scale;

  // On to the crop.
  Value value = inverse->getResult(0);
  match.outputs = match.size;
  bool real = host.transform == Transform::C2R;
  if (host.parts) {
    real = inverse->getResult(1).use_empty();
    if (!real)
      return no("the imaginary part of the result is used");
  }
  while (Operation *user = onlyUser(value)) {
    if (!isHostOp(user))
      break;
    HostOp next = describe(user);
    // Parts of complex numbers that are first seen as a dimension.
    if (next.kind == HostKind::Unknown)
      if (Operation *part = onlyUser(user->getResult(0));
          part && isHostOp(part) && describe(part).is(HostKind::Real) && describe(part).operands[0] == value) {
        user = part;
        next = describe(part);
      }
    HostType from = typeOf(value), to = typeOf(user->getResult(0));
    bool toReal = next.kind == HostKind::Real ||
                  (next.kind == HostKind::Convert && from.isComplex() && isa<FloatType>(to.element));
    std::optional<std::pair<unsigned, double>> multiple = multipleOf(next);
    if (multiple && next.operands[multiple->first] != value)
      multiple.reset();
    if (toReal || multiple || (next.kind == HostKind::Convert && !to.isComplex() && isa<FloatType>(to.element))) {
      real |= toReal;
      match.scale *= multiple ? multiple->second : 1;
    } else if (next.kind == HostKind::Slice && next.dims.empty() && actsAlong(next, from, to, axis)) {
      match.start += next.starts[axis];
      match.outputs = to.shape[axis];
    } else {
      break;
    }
    value = user->getResult(0);
  }
  if (!real)
    return no("the result is complex, and no real part is taken of it");
  match.result = value;
  space.shape[time] = match.outputs;
  space.element = typeOf(value).element;
  match.space = space;
  match.time = time;
  match.transforms.remove(inverse);
  return assign(std::move(match), *product, reason);
}

//===----------------------------------------------------------------------===//
// What a convolution takes over
//===----------------------------------------------------------------------===//

/// The operands of a product of two, with the dimensions of its result.
static std::optional<std::array<View, 2>> operandViews(const HostOp &op, Value value) {
  std::array<View, 2> views;
  for (unsigned side : {0u, 1u}) {
    std::optional<SmallVector<int64_t>> dims = operandDims(op, value, side);
    if (!dims)
      return std::nullopt;
    views[side] = compose(viewOf(op.operands[side]), *dims);
  }
  return views;
}
/// Whether a view goes along none of these dimensions.
static bool constantAlong(const View &view, ArrayRef<int64_t> dims) {
  return llvm::all_of(dims, [&](int64_t dim) { return view.dims[dim] < 0; });
}

static std::optional<View> factors(const Match &match, const HostOp &op, Value value, ArrayRef<int64_t> dims) {
  bool dot = op.kind == HostKind::Dot && op.lhsContracted.empty();
  if (!dot && !op.is(HostKind::Map, "multiply"))
    return std::nullopt;
  std::optional<std::array<View, 2>> sides = operandViews(op, value);
  if (!sides)
    return std::nullopt;
  for (unsigned side : {0u, 1u}) {
    View x = compose((*sides)[side], dims), d = compose((*sides)[1 - side], dims);
    if (x == match.signal.view && constantAlong(d, match.batch) && constantAlong(d, {match.time}) &&
        isa<FloatType>(typeOf(d.base).element))
      return d;
  }
  return std::nullopt;
}

/// A product of the signal with a number for each head; that.
static std::optional<View> skipOf(const Match &match, Value value) {
  HostOp op = describe(value);
  if (op.kind == HostKind::Convert || op.kind == HostKind::Transpose || op.kind == HostKind::Reshape) {
    // Seen through, with the dimensions that the convolution has.
    View outer = viewOf(value);
    if (outer.base == value)
      return std::nullopt;
    HostOp inner = describe(outer.base);
    if (!inner.is(HostKind::Map, "multiply") && inner.kind != HostKind::Dot)
      return std::nullopt;
    return factors(match, inner, outer.base, outer.dims);
  }
  SmallVector<int64_t> same(typeOf(value).rank());
  std::iota(same.begin(), same.end(), 0);
  return factors(match, op, value, same);
}

void Matcher::takeOver(Match &match) const {
  while (Operation *user = onlyUser(match.result)) {
    if (!isHostOp(user))
      return;
    HostOp op = describe(user);
    Value next = user->getResult(0);
    if (llvm::any_of(found, [&](const Match &other) { return other.result == next; }))
      return; // another convolution has taken it over
    HostType from = typeOf(match.result), to = typeOf(next);
    if (from.shape != match.space.shape) {
      // Apart again.
      if (op.kind != HostKind::Reshape || to.shape != match.space.shape)
        return;
    } else if (op.kind == HostKind::Convert && isa<FloatType>(to.element) && !to.element.isF64()) {
      // Rounded to the signal's type, as kernels do it.
      if (to.element != from.element && to.element != typeOf(match.signal.view.base).element)
        return;
    } else if (op.is(HostKind::Map, "add") && !match.skip && !match.postGate && match.isAligned() &&
               from.shape == to.shape) {
      Value other = op.operands[op.operands[0] == match.result ? 1 : 0];
      std::optional<View> skip =
          other == match.result || typeOf(other).rank() != to.rank() ? std::nullopt : skipOf(match, other);
      if (!skip)
        return;
      match.skip = skip;
    } else if (op.is(HostKind::Map, "multiply") && !match.postGate && match.isAligned() && from.shape == to.shape) {
      Value other = op.operands[op.operands[0] == match.result ? 1 : 0];
      // What is a gate before another convolution stays one.
      bool before = llvm::any_of(found, [&](const Match &m) { return m.signal.view.base == next; });
      if (other == match.result || before || splatOf(other) || !isa<FloatType>(typeOf(other).element))
        return;
      std::optional<std::array<View, 2>> sides = operandViews(op, next);
      if (!sides)
        return;
      match.postGate = (*sides)[op.operands[0] == match.result ? 1 : 0];
    } else {
      return;
    }
    match.result = next;
  }
}

/// A product that the signal is, and that nothing else needs.
void Matcher::takeGateBefore(Match &match) const {
  Value base = match.signal.view.base;
  Operation *product = base.getDefiningOp();
  if (!product || !isHostOp(product))
    return;
  HostOp op = describe(product);
  // Longer rows would need longer gates.
  if (match.outputs - std::min<int64_t>(match.delay(), 0) > match.signal.count)
    return;
  if (!op.is(HostKind::Map, "multiply") || match.signal.begin != 0 || splatOf(op.operands[0]) ||
      splatOf(op.operands[1]))
    return;
  if (!llvm::all_of(product->getUsers(),
                    [&](Operation *user) { return isAssert(user) || isDead(user) || isTakenOver(user); }))
    return;
  std::optional<std::array<View, 2>> sides = operandViews(op, base);
  if (!sides)
    return;
  View x = compose((*sides)[0], match.signal.view.dims), gate = compose((*sides)[1], match.signal.view.dims);
  auto repeats = [&](const View &view) { return llvm::count(view.dims, -1) > llvm::count(match.signal.view.dims, -1); };
  if (repeats(x))
    std::swap(x, gate);
  if (repeats(x) || x.dims[match.time] < 0 || !isa<FloatType>(typeOf(x.base).element) ||
      !isa<FloatType>(typeOf(gate.base).element) || typeOf(x.base).element != typeOf(base).element)
    return;
  match.signal.view = x;
  match.preGate = gate;
}

//===----------------------------------------------------------------------===//
// All of them
//===----------------------------------------------------------------------===//

void Matcher::refuse(Operation *op, const Reason &reason) {
  remark::missed(op->getLoc(), remark::RemarkOpts::name("NotRaised").category("fftconv-raise"))
      << remark::reason("{0}", reason);
}

/// Whether an op has no user once all matches are replaced.
bool Matcher::isDead(Operation *op) const {
  if (llvm::any_of(found, [&](const Match &match) { return match.result.getDefiningOp() == op; }))
    return true;
  return isPureHostOp(op) &&
         llvm::all_of(op->getUsers(), [&](Operation *user) { return isAssert(user) || isDead(user); });
}

/// Whether an op's result goes into what is replaced only.
bool Matcher::isTakenOver(Operation *op) const {
  return isPureHostOp(op) && !op->use_empty() && llvm::all_of(op->getUsers(), [&](Operation *user) {
           return isAssert(user) || isDead(user) || isTakenOver(user);
         });
}

/// A spectrum that something else needs would be computed twice.
void Matcher::dropShared() {
  auto isShared = [&](const Match &match) {
    return !isDead(match.inverse) || !llvm::all_of(match.transforms, [&](Operation *op) { return isDead(op); });
  };
  for (auto shared = llvm::find_if(found, isShared); shared != found.end(); shared = llvm::find_if(found, isShared)) {
    refuse(shared->inverse, "a spectrum has other users");
    found.erase(shared);
  }
}

void Matcher::run() {
  // What is updated in place is not what its definition says.
  for (Operation &op : function.getBody().front())
    if (isInPlace(&op)) {
      ++transforms;
      return refuse(&op, "a tensor is updated in place");
    }
  SmallVector<Operation *> back, there;
  for (Operation &op : function.getBody().front())
    if (HostOp host = isHostOp(&op) ? describe(&op) : HostOp(); host.kind == HostKind::Fft)
      (host.transform == Transform::C2R || host.transform == Transform::Inverse ? back : there).push_back(&op);
  transforms += back.size() + there.size();
  for (Operation *op : back) {
    Reason reason;
    if (std::optional<Match> match = find(op, reason))
      found.push_back(std::move(*match));
    else
      refuse(op, reason);
  }
  dropShared();
  for (Operation *op : there) {
    HostOp host = describe(op);
    Reason ignored;
    if (host.dims.size() == 1 && (typeOf(host.operands[0]).isComplex() || host.parts) &&
        productOf({host.operands[0], host.parts && host.operands.size() > 1 ? host.operands[1] : Value()}, host.dims[0],
                  ignored))
      refuse(op, "the last transform is a forward one: its result runs backwards in time");
    else if (back.empty())
      refuse(op, "no inverse transform belongs to this one: no convolution");
  }
  auto inOrder = [](const Match &a, const Match &b) {
    return a.result.getDefiningOp()->isBeforeInBlock(b.result.getDefiningOp());
  };
  llvm::stable_sort(found, inOrder);
  for (Match &match : found)
    takeOver(match);
  llvm::stable_sort(found, inOrder);
  for (Match &match : found)
    takeGateBefore(match);
}
