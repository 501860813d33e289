//===- PrepareToNVVM.cpp - Filters to spectra -----------------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One CTA takes one head and one value k1 of the first digit (of one block, where there are several), which leaves a transform of P = M / r1 points, small enough for shared memory in f32:
//
//   X[k1; n'] = exp(-2 pi i (k1 - 1/4) n' / M) sum over n1 of exp(-2 pi i (k1 - 1/4) n1 / r1) x[n1 P + n']
//   then the plain transform over n' by the other digits, one after the other, between two buffers.
//
// Of spectra of f32, which are scaled, one CTA takes all values of the first digit of a head in turn.
//
// Roots of unity come from tables of f32: exp(-2 pi i t / 4M) as the product of one of P and one of 4 r1 entries. Relative error a few 1e-7.
//
//===----------------------------------------------------------------------===//

#include "KernelEmitter.h"

using namespace mlir;
using namespace fftconv;

namespace {
struct Complex {
  Value re, im;
};

class PrepareEmitter {
public:
  PrepareEmitter(OpBuilder &b, PrepareOp op, ValueRange buffers, Value pool, ConstantPool &constants)
      : b(b), op(op), loc(op.getLoc()), s(b, op.getLoc()), digits(getDigits(op.getSpectrum().getPlan())),
        radices(ArrayRef(digits.radices).drop_front(digits.first() - 1)), taps(buffers.front()),
        skips(op.getSkip() ? buffers[1] : Value()), spectra(buffers.back()), pool(pool) {
    points = digits.blockPoints();
    rest = points / radices[0];
    // Coarse and fine steps of a turn of 4M, and the first digit's own turn of 4 r1.
    coarse = addRoots(constants, rest, rest);
    fine = addRoots(constants, 4 * radices[0], 4 * points);
    outer = addRoots(constants, 4 * radices[0], 4 * radices[0]);
  }

  void emit() {
    Type i32 = b.getI32Type();
    thread = NVVM::ThreadIdXOp::create(b, loc, i32);
    head = s.toI64(NVVM::BlockIdYOp::create(b, loc, i32));
    shared = LLVM::AddressOfOp::create(b, loc, LLVM::LLVMPointerType::get(b.getContext(), 3), "dynamic_shared");
    if (!op.isScaled())
      return transform(NVVM::BlockIdXOp::create(b, loc, i32));
    // All of a spectrum, then its scale.
    mostOfThread = s.offset(shared, s.add(s.mul(thread, 4), s.i32(16 * rest)));
    LLVM::StoreOp::create(b, loc, s.i32(0), mostOfThread, 4);
    auto loop = s.loop(s.i32(0), s.i32(op.getParts()), s.i32(1));
    {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(loop.getBody());
      transform(loop.getInductionVar());
      NVVM::Barrier0Op::create(b, loc);
    }
    scaleSpectrum();
  }

private:
  OpBuilder &b;
  PrepareOp op;
  Location loc;
  Scalars s;
  monarch::Digits digits;
  /// Of the digits that are transformed.
  ArrayRef<int64_t> radices;
  Value taps, skips, spectra, pool, thread, block, k1, head, quarter, shared;
  /// Where a thread keeps the greatest magnitude that it has stored, where spectra are scaled.
  Value mostOfThread;
  /// Points of a block, and those of them that a CTA has.
  int64_t points, rest, coarse, fine, outer;

  /// exp(-2 pi i t / order) for t < count, as pairs of f32; the byte offset in the pool.
  static int64_t addRoots(ConstantPool &constants, int64_t count, int64_t order) {
    std::vector<uint32_t> words;
    for (int64_t t = 0; t < count; ++t) {
      monarch::Complex w = monarch::root(-t, order);
      words.push_back(llvm::bit_cast<uint32_t>(static_cast<float>(w.real())));
      words.push_back(llvm::bit_cast<uint32_t>(static_cast<float>(w.imag())));
    }
    return 4 * constants.add(words);
  }

  /// The transform of one part.
  void transform(Value part) {
    block = s.div(part, radices[0]);
    k1 = s.rem(part, radices[0]);
    Value from = shared, to = s.offset(shared, 8 * rest);
    // 4 k1, less one at a right angle: quarters.
    bool rightAngle = op.getSpectrum().getPlan().getTheta() == Theta::I;
    quarter = s.add(s.mul(k1, 4), s.i32(rightAngle ? -1 : 0));
    forEach([&](Value n) { storeShared(from, n, first(n)); });
    int64_t done = 1;
    for (size_t j = 1; j < radices.size(); ++j) {
      NVVM::Barrier0Op::create(b, loc);
      bool last = j + 1 == radices.size();
      forEach([&](Value index) {
        Complex sum = stage(from, index, j, done);
        last ? storeSpectrum(index, sum) : storeShared(to, index, sum);
      });
      std::swap(from, to);
      done *= radices[j];
    }
  }

  Value maximum(Value x, Value y) { return b.createOrFold<arith::MaxUIOp>(loc, x, y); }
  Value load(Type type, Value pointer) { return LLVM::LoadOp::create(b, loc, type, pointer, /*alignment=*/4); }

  /// Multiplies the head's spectrum with a power of two that brings the greatest of its parts to between one and two, and writes the inverse behind it.
  void scaleSpectrum() {
    Type i32 = b.getI32Type(), f32 = b.getF32Type();
    auto all = s.loop(s.i32(0), s.i32(PrepareOp::threads), s.i32(1), s.i32(0));
    {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(all.getBody());
      Value part = load(i32, s.offset(shared, s.add(s.mul(all.getInductionVar(), 4), s.i32(16 * rest))));
      scf::YieldOp::create(b, loc, maximum(all.getRegionIterArg(0), part));
    }
    // Of the exponent alone; both it and its inverse are normal.
    Value exponent = s.min(maximum(s.shr(all.getResult(0), 23), s.i32(1)), s.i32(253));
    Value factor = s.powerOfTwo(s.sub(s.i32(254), exponent)), spectrum = spectrumOf();
    auto loop = s.loop(thread, s.i32(2 * digits.points()), s.i32(PrepareOp::threads));
    {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(loop.getBody());
      Value at = s.offset(spectrum, s.mul(loop.getInductionVar(), 4));
      LLVM::StoreOp::create(b, loc, Value(LLVM::FMulOp::create(b, loc, load(f32, at), factor)), at, 4);
    }
    s.when(s.isZero(thread),
           [&] { LLVM::StoreOp::create(b, loc, s.powerOfTwo(exponent), s.offset(spectrum, 8 * digits.points()), 4); });
  }

  /// The spectrum of the head.
  Value spectrumOf() {
    return s.offset(spectra,
                    s.mul(head, (op.isScaled() ? 4 : 2) * monarch::spectrumValues(digits.points(), op.isScaled())));
  }

  /// Runs body on the threads' shares of 0 <= index < rest.
  void forEach(llvm::function_ref<void(Value)> body) {
    auto loop = s.loop(thread, s.i32(rest), s.i32(PrepareOp::threads));
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    body(loop.getInductionVar());
  }

  /// A sum of `count` terms, each of which adds to what it is given.
  Complex sum(int64_t count, llvm::function_ref<Complex(Value, Complex)> term) {
    Value zero = s.f32(0);
    auto loop = s.loop(s.i32(0), s.i32(count), s.i32(1), ValueRange{zero, zero});
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    Complex next = term(loop.getInductionVar(), {loop.getRegionIterArg(0), loop.getRegionIterArg(1)});
    scf::YieldOp::create(b, loc, ValueRange{next.re, next.im});
    return {loop.getResult(0), loop.getResult(1)};
  }

  Complex loadPair(Value pointer) {
    Value pair = LLVM::LoadOp::create(b, loc, VectorType::get(2, b.getF32Type()), pointer, /*alignment=*/8);
    return {LLVM::ExtractElementOp::create(b, loc, pair, s.i32(0)),
            LLVM::ExtractElementOp::create(b, loc, pair, s.i32(1))};
  }
  Complex root(int64_t table, Value index) { return loadPair(s.offset(s.offset(pool, s.mul(index, 8)), table)); }
  Complex loadShared(Value buffer, Value index) { return loadPair(s.offset(buffer, s.mul(index, 8))); }
  void storeShared(Value buffer, Value index, Complex x) {
    LLVM::StoreOp::create(b, loc, s.vector({x.re, x.im}), s.offset(buffer, s.mul(index, 8)), /*alignment=*/8);
  }
  Value fma(Value x, Value y, Value z) { return LLVM::FMAOp::create(b, loc, x, y, z); }
  Value negate(Value x) { return LLVM::FNegOp::create(b, loc, x); }
  /// a + x y.
  Complex addProduct(Complex a, Complex x, Complex y) {
    return {fma(negate(x.im), y.im, fma(x.re, y.re, a.re)), fma(x.re, y.im, fma(x.im, y.re, a.im))};
  }

  /// condition ? *pointer : 0.
  Value loadIf(Value condition, Value pointer) {
    auto branch = scf::IfOp::create(b, loc, b.getF32Type(), condition, /*withElse=*/true);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(&branch.getThenRegion().front());
    scf::YieldOp::create(b, loc, Value(LLVM::LoadOp::create(b, loc, b.getF32Type(), pointer, /*alignment=*/4)));
    b.setInsertionPointToStart(&branch.getElseRegion().front());
    scf::YieldOp::create(b, loc, s.f32(0));
    return branch.getResult(0);
  }

  /// What stands at position n: the taps of lag n, and -i times those of lag n - M. Taps that no output reaches are left out. Lags of a block begin with its first.
  Complex tapsAt(Value n) {
    SpectrumAttr spectrum = op.getSpectrum();
    int64_t count = op.getK().getType().getDimSize(1), length = spectrum.getLength(),
            center = op.getCenter().value_or(0);
    Value filter = s.offset(taps, s.mul(head, 4 * count));
    auto load = [&](Value condition, Value index) { return loadIf(condition, s.offset(filter, s.mul(index, 4))); };
    Value re, im = s.f32(0);
    auto addSkip = [&](Value taps, Value lag) {
      if (!skips)
        return taps;
      Value skip = loadIf(s.isZero(lag), s.offset(skips, s.mul(head, 4)));
      return Value(LLVM::FAddOp::create(b, loc, taps, skip));
    };
    if (digits.blocks) {
      Value lag = s.add(n, s.mul(block, points)), end = s.i32(std::min(length, count)),
            before = s.sub(lag, s.i32(points));
      re = addSkip(load(s.less(lag, end), lag), lag);
      Value there = arith::AndIOp::create(b, loc, s.less(s.i32(-1), before), s.less(before, end));
      return {re, negate(addSkip(load(there, before), before))};
    }
    if (spectrum.getBoundary() == Boundary::Circular && count > length) {
      // Taps L, 2 L, ... later lie on this one.
      Value inside = s.less(n, s.i32(length));
      auto turns = s.loop(s.i32(0), s.i32(llvm::divideCeil(count, length)), s.i32(1), ValueRange{s.f32(0)});
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(turns.getBody());
      Value index = s.add(n, s.mul(turns.getInductionVar(), length));
      Value there = arith::AndIOp::create(b, loc, inside, s.less(index, s.i32(count)));
      scf::YieldOp::create(b, loc, Value(LLVM::FAddOp::create(b, loc, turns.getRegionIterArg(0), load(there, index))));
      re = turns.getResult(0);
    } else {
      re = load(s.less(n, s.i32(std::min(length, count - center))), s.add(n, s.i32(center)));
    }
    if (int64_t before = std::min(center, length - 1)) {
      Value lag = s.sub(n, s.i32(points)); // -before .. -1 at the end of the row
      Value reached = s.less(s.i32(-before - 1), lag);
      im = negate(load(reached, s.add(lag, s.i32(center))));
    }
    return {addSkip(re, n), im};
  }

  /// The first digit's transform at n', twisted for those that follow.
  Complex first(Value n) {
    Complex x = sum(radices[0], [&](Value n1, Complex sum) {
      Value turn = s.bitAnd(multiply(n1, quarter), 4 * radices[0] - 1);
      return addProduct(sum, tapsAt(s.add(s.mul(n1, rest), n)), root(outer, turn));
    });
    // (4 k1 - 1) n' as a fraction of 4M; negative for k1 = 0, where a whole turn is added.
    Value turn = s.add(multiply(n, quarter), s.i32(4 * points));
    Complex w = addProduct({s.f32(0), s.f32(0)}, root(coarse, s.rem(s.div(turn, 4 * radices[0]), rest)),
                           root(fine, s.bitAnd(turn, 4 * radices[0] - 1)));
    return addProduct({s.f32(0), s.f32(0)}, x, w);
  }

  Value multiply(Value x, Value y) { return b.createOrFold<arith::MulIOp>(loc, x, y); }

  /// One value of the transform of digit j (0-based), at [k_2 .. k_j][n_(j+1) ..]; `done` is the product of the radices between.
  Complex stage(Value from, Value index, size_t j, int64_t done) {
    int64_t radix = radices[j], after = rest / done / radix;
    Value tail = s.rem(index, after), k = s.rem(s.div(index, after), radix), before = s.div(index, after * radix);
    // The frequency so far, k_2 the fastest; the position counts k_2 as the slowest.
    Value frequency = s.mul(k, done), left = before;
    int64_t place = done;
    for (size_t i = j - 1; i >= 1; --i) {
      place /= radices[i];
      frequency = s.add(frequency, s.mul(s.rem(left, radices[i]), place));
      left = s.div(left, radices[i]);
    }
    Value base = s.add(s.mul(before, after * radix), tail);
    return sum(radix, [&](Value n, Complex sum) {
      Value turn = s.mul(s.rem(multiply(n, frequency), done * radix), after);
      return addProduct(sum, loadShared(from, s.add(base, s.mul(n, after))), root(coarse, turn));
    });
  }

  /// Rounds a value once and puts it where tile_product will look for it.
  void storeSpectrum(Value index, Complex x) {
    std::shared_ptr<const monarch::Schedule> schedule = getKernelSchedule(op.getSpectrum().getPlan());
    SpectrumOrder order(*schedule, op.isScaled());
    std::vector<Value> values(digits.count() + 1);
    values[1] = block;
    values[digits.first()] = k1;
    for (size_t j = digits.count(); j > digits.first(); --j) {
      values[j] = s.rem(index, digits.radices[j - 1]);
      index = s.div(index, digits.radices[j - 1]);
    }
    Value bytes = s.i32(0);
    for (size_t j = 1; j < values.size(); ++j) {
      int digit = static_cast<int>(j), bits = monarch::bitsOf(digits.radices[j - 1]);
      // Bits whose weights double go in one step.
      for (int bit = 0, end = 0; bit < bits; bit = end) {
        int64_t unit = order.weight(digit, bit);
        for (end = bit + 1; end < bits && order.weight(digit, end) == unit << (end - bit);)
          ++end;
        Value run = s.shr(values[j], bit);
        if (end < bits)
          run = s.bitAnd(run, (1 << (end - bit)) - 1);
        bytes = s.add(bytes, s.mul(run, unit));
      }
    }
    Value target = s.offset(spectrumOf(), s.toI64(bytes));
    if (op.isScaled()) {
      Value most = load(b.getI32Type(), mostOfThread);
      for (auto [part, at] : {std::pair(x.re, int64_t(0)), std::pair(x.im, order.planeBytes())}) {
        LLVM::StoreOp::create(b, loc, part, s.offset(target, at), /*alignment=*/4);
        most = maximum(most, s.magnitude(part));
      }
      LLVM::StoreOp::create(b, loc, most, mostOfThread, 4);
      return;
    }
    for (auto [part, at] : {std::pair(x.re, int64_t(0)), std::pair(x.im, order.planeBytes())}) {
      Value rounded = LLVM::FPTruncOp::create(b, loc, op.getBuffer().getType().getElementType(), part);
      LLVM::StoreOp::create(b, loc, rounded, s.offset(target, at), /*alignment=*/2);
    }
  }
};
} // namespace

void fftconv::emitPrepare(OpBuilder &b, PrepareOp op, ValueRange buffers, Value pool, ConstantPool &constants) {
  PrepareEmitter(b, op, buffers, pool, constants).emit();
}
