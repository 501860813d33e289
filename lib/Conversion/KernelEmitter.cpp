//===- KernelEmitter.cpp - What the lowerings of kernels share ------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "KernelEmitter.h"

using namespace mlir;
using namespace fftconv;

Value Scalars::constant(Type type, int64_t value) {
  return arith::ConstantOp::create(b, loc, b.getIntegerAttr(type, value));
}

Value Scalars::f32(double value) {
  return arith::ConstantOp::create(b, loc, b.getF32FloatAttr(static_cast<float>(value)));
}

Value Scalars::mul(Value x, int64_t y) {
  if (monarch::isPowerOfTwo(y))
    return y == 1 ? x : shl(x, monarch::bitsOf(y));
  return fold<arith::MulIOp>(x, constant(x.getType(), y));
}

Value Scalars::div(Value x, int64_t y) {
  if (monarch::isPowerOfTwo(y))
    return y == 1 ? x : shr(x, monarch::bitsOf(y));
  return fold<arith::DivUIOp>(x, constant(x.getType(), y));
}

Value Scalars::rem(Value x, int64_t y) {
  if (monarch::isPowerOfTwo(y))
    return bitAnd(x, y - 1);
  return fold<arith::RemUIOp>(x, constant(x.getType(), y));
}

Value Scalars::less(Value x, Value y) { return b.createOrFold<arith::CmpIOp>(loc, arith::CmpIPredicate::slt, x, y); }

Value Scalars::isZero(Value x) {
  return b.createOrFold<arith::CmpIOp>(loc, arith::CmpIPredicate::eq, x, constant(x.getType(), 0));
}

void Scalars::when(Value condition, function_ref<void()> body) {
  if (!condition)
    return body();
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&scf::IfOp::create(b, loc, condition, /*withElse=*/false).getThenRegion().front());
  body();
}

Value Scalars::magnitude(Value x) { return bitAnd(LLVM::BitcastOp::create(b, loc, b.getI32Type(), x), 0x7fffffff); }
Value Scalars::powerOfTwo(Value exponent) { return LLVM::BitcastOp::create(b, loc, b.getF32Type(), shl(exponent, 23)); }

Value Scalars::select(Value condition, Value x, Value y) {
  return b.createOrFold<arith::SelectOp>(loc, condition, x, y);
}

Value Scalars::toI64(Value x) { return b.createOrFold<arith::ExtSIOp>(loc, b.getI64Type(), x); }
Value Scalars::toI32(Value x) { return b.createOrFold<arith::TruncIOp>(loc, b.getI32Type(), x); }

scf::ForOp Scalars::loop(Value begin, Value end, Value step, ValueRange initial) {
  auto loop = scf::ForOp::create(b, loc, begin, end, step, initial);
  MLIRContext *context = b.getContext();
  auto unroll = LLVM::LoopUnrollAttr::get(context, b.getBoolAttr(true), {}, {}, {}, {}, {}, {});
  auto annotation =
      LLVM::LoopAnnotationAttr::get(context, {}, {}, {}, unroll, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {});
  loop->setAttr("llvm.loop_annotation", annotation);
  return loop;
}

static LLVM::InlineAsmOp makeAssembly(OpBuilder &b, Location loc, TypeRange results, ValueRange operands,
                                      const Twine &text, StringRef constraints) {
  return LLVM::InlineAsmOp::create(b, loc, results, operands, text.str(), constraints, /*has_side_effects=*/true,
                                   /*is_align_stack=*/false, LLVM::tailcallkind::TailCallKind::None,
                                   LLVM::AsmDialectAttr::get(b.getContext(), LLVM::AsmDialect::AD_ATT), ArrayAttr());
}

Value Scalars::assembly(Type result, ValueRange operands, const Twine &text, StringRef constraints) {
  return makeAssembly(b, loc, result, operands, text, constraints).getResult(0);
}

void Scalars::assembly(ValueRange operands, const Twine &text, StringRef constraints) {
  makeAssembly(b, loc, {}, operands, text, constraints);
}

Value Scalars::vector(ArrayRef<Value> values) {
  if (values.size() == 1)
    return values[0];
  Value vector =
      LLVM::PoisonOp::create(b, loc, VectorType::get(static_cast<int64_t>(values.size()), values[0].getType()));
  for (auto [i, value] : llvm::enumerate(values))
    vector = LLVM::InsertElementOp::create(b, loc, vector, value, i32(static_cast<int64_t>(i)));
  return vector;
}

Value Scalars::splat(Value value, int64_t elements) { return vector(SmallVector<Value>(elements, value)); }

Value Scalars::element(Value vector, int64_t index) {
  return isa<VectorType>(vector.getType()) ? Value(LLVM::ExtractElementOp::create(b, loc, vector, i32(index))) : vector;
}

SmallVector<Value> fftconv::emitMma(Scalars &s, ArrayRef<Value> a, ArrayRef<Value> b, ArrayRef<Value> c, Type type) {
  bool brain = type.isBF16();
  NVVM::MMATypes operand = brain ? NVVM::MMATypes::bf16 : NVVM::MMATypes::f16;
  // NVVM knows pairs of bf16 as words.
  auto operands = [&](ArrayRef<Value> pairs) {
    return llvm::map_to_vector(pairs, [&](Value pair) -> Value {
      return brain ? Value(LLVM::BitcastOp::create(s.b, s.loc, s.b.getI32Type(), pair)) : pair;
    });
  };
  Type result = LLVM::LLVMStructType::getLiteral(s.b.getContext(), SmallVector<Type>(c.size(), c[0].getType()));
  Value d = NVVM::MmaOp::create(s.b, s.loc, result, operands(a), operands(b), c, ArrayRef<int64_t>{16, 8, 16},
                                std::nullopt, std::nullopt, std::array{operand, operand},
                                std::array{NVVM::MMALayout::row, NVVM::MMALayout::col});
  SmallVector<Value> sums;
  for (size_t i = 0; i < c.size(); ++i)
    sums.push_back(LLVM::ExtractValueOp::create(s.b, s.loc, d, static_cast<int64_t>(i)));
  return sums;
}

llvm::APFloat fftconv::roundTo(Type type, double value) {
  llvm::APFloat rounded(value);
  bool loses;
  rounded.convert(cast<FloatType>(type).getFloatSemantics(), llvm::APFloat::rmNearestTiesToEven, &loses);
  return rounded;
}

Value Scalars::offset(Value pointer, Value bytes) {
  return LLVM::GEPOp::create(b, loc, pointer.getType(), b.getI8Type(), pointer, LLVM::GEPArg(bytes));
}

Value Scalars::offset(Value pointer, int64_t bytes) {
  if (bytes == 0)
    return pointer;
  if (static_cast<int32_t>(bytes) != bytes)
    return offset(pointer, i64(bytes));
  return LLVM::GEPOp::create(b, loc, pointer.getType(), b.getI8Type(), pointer,
                             LLVM::GEPArg(static_cast<int32_t>(bytes)));
}

std::optional<int64_t> ConstantPool::find(ArrayRef<uint32_t> words) const {
  auto entry = known.find(words.vec());
  return entry == known.end() ? std::nullopt : std::optional(entry->second);
}

int64_t ConstantPool::add(ArrayRef<uint32_t> words) {
  auto [entry, isNew] = known.try_emplace(words.vec(), static_cast<int64_t>(data.size()));
  if (isNew) {
    data.insert(data.end(), words.begin(), words.end());
    data.resize((data.size() + 3) / 4 * 4);
  }
  return entry->second;
}

Value fftconv::sumOverPlace(Scalars &s, const monarch::Layout &layout, const RuntimePlace &place,
                            llvm::function_ref<int64_t(int, int)> weight, bool byXor) {
  Value sum;
  auto accumulate = [&](Value term) { sum = !sum ? term : byXor ? s.bitXor(sum, term) : s.add(sum, term); };
  for (auto [kind, source] : {std::pair('l', place.lane), std::pair('w', place.warp), std::pair('i', place.loop)}) {
    std::vector<monarch::Place> places = layout.places(kind);
    int64_t below = 1; // what the loop's earlier places count
    for (size_t i = 0; i < places.size();) {
      const monarch::Piece &first = layout.at(places[i]);
      bool whole = first.index == monarch::Piece::whole;
      int64_t size = whole ? layout.radices()[first.digit] : 2, unit = weight(first.digit, whole ? 0 : first.index);
      // A run of bits whose weights double goes in one step.
      size_t end = i + 1;
      for (; !whole && end < places.size(); ++end, size *= 2) {
        const monarch::Piece &next = layout.at(places[end]);
        if (next.index == monarch::Piece::whole || places[end].index != places[end - 1].index + 1 ||
            weight(next.digit, next.index) != unit * size)
          break;
      }
      if (unit != 0) {
        assert(source && "a loop has an induction variable");
        Value value = kind == 'i' ? s.div(source, below) : s.shr(source, places[i].index);
        // The last run needs no mask: nothing lies above it.
        if (end < places.size())
          value = s.rem(value, size);
        accumulate(s.mul(value, unit));
      }
      below *= size;
      i = end;
    }
  }
  return sum ? sum : s.i32(0);
}

SharedAddress::SharedAddress(Scalars &s, const monarch::SharedMap &memory, const monarch::Layout &layout,
                             const RuntimePlace &place)
    : memory(memory), layout(layout), pureBytes(int64_t(16) << memory.pureChunkBits()) {
  Value linear = sumOverPlace(
      s, layout, place, [&](int digit, int bit) { return 2 * memory.stride(digit) << bit; }, /*byXor=*/false);
  Value mask = sumOverPlace(
      s, layout, place,
      [&](int digit, int bit) {
        auto entry = memory.swizzle().find({digit, bit});
        return entry == memory.swizzle().end() ? int64_t(0) : int64_t(entry->second) << 4;
      },
      /*byXor=*/true);
  base = s.bitXor(linear, mask);
  padding = sumOverPlace(
      s, layout, place, [&](int digit, int bit) { return 2 * memory.paddingBelow(digit, bit); }, /*byXor=*/false);
}

std::pair<Value, int64_t> SharedAddress::at(Scalars &s, int64_t reg, int64_t tile) {
  std::vector<int64_t> values = layout.values({.reg = reg, .tile = tile});
  int64_t padded = 0;
  for (int digit : {0, 1})
    padded += 2 * values[digit] * memory.paddingBelow(digit, 0);
  // Padding is added to what is swizzled.
  int64_t bytes = 2 * memory.address(values) - padded, low = bytes % pureBytes;
  Value &swizzled = bases[low];
  if (!swizzled)
    swizzled = s.add(s.bitXor(base, s.i32(low)), padding);
  return {swizzled, bytes - low + padded};
}

DigitIndex::DigitIndex(const monarch::Layout &layout, ArrayRef<int> digits, const std::set<monarch::Place> &except)
    : radices(layout.radices()) {
  for (int digit : llvm::reverse(digits)) {
    std::set<int> left;
    for (int bit = 0; bit < monarch::bitsOf(radices[digit]); ++bit)
      left.insert(bit);
    for (const monarch::Place &place : layout.placesOf(digit))
      if (except.contains(place))
        left.erase(layout.at(place).index);
    if (!monarch::isPowerOfTwo(radices[digit])) {
      assert((left.empty() || static_cast<int>(left.size()) == monarch::bitsOf(radices[digit])) && "all bits or none");
      if (!left.empty()) {
        runs.push_back({digit, 0, size, radices[digit]});
        size *= radices[digit];
      }
      continue;
    }
    for (int bit : left) {
      runs.push_back({digit, bit, size, 2});
      size *= 2;
    }
  }
}

int64_t DigitIndex::weight(int digit, int bit) const {
  for (const Run &run : runs)
    if (run.digit == digit && (run.values > 2 || run.bit == bit))
      return run.unit << (bit - run.bit);
  return 0;
}

std::vector<int64_t> DigitIndex::values(int64_t index) const {
  std::vector<int64_t> result(radices.size());
  for (const Run &run : runs)
    result[run.digit] += index / run.unit % run.values << run.bit;
  return result;
}

int64_t DigitIndex::of(ArrayRef<int64_t> values) const {
  int64_t index = 0;
  for (const Run &run : runs)
    index += (values[run.digit] >> run.bit) % run.values * run.unit;
  return index;
}

/// The layout of the product with the spectrum.
static const monarch::Layout &productLayout(const monarch::Schedule &schedule) {
  return llvm::find_if(schedule.steps,
                       [](const monarch::Step &step) { return step.kind == monarch::StepKind::Product; })
      ->layout;
}

/// All digits but that of sequences.
static std::vector<int> allDigits(const monarch::Schedule &schedule) {
  std::vector<int> digits(schedule.radices.size() - 1);
  std::iota(digits.begin(), digits.end(), 1);
  return digits;
}

/// Bits that lie inside of what the lanes of a warp read together.
static std::set<monarch::Place> placesTogether(bool split) {
  std::set<monarch::Place> places = {{'r', 0}};
  for (int i = 0; i < 5; ++i)
    places.insert({'l', i});
  if (!split)
    places.insert({'r', 1});
  return places;
}

SpectrumOrder::SpectrumOrder(const monarch::Schedule &schedule, bool split)
    : split(split), layout(productLayout(schedule)), accesses(layout, allDigits(schedule), placesTogether(split)) {}

int64_t SpectrumOrder::weight(int digit, int bit) const {
  // Of 16 bytes: [r1][plane][r0], or [plane][r0] of f32.
  std::set<monarch::Place> together = placesTogether(split);
  for (const auto &[place, piece] : layout.pieces())
    if (piece.digit == digit && piece.index == bit && together.contains(place))
      return place.kind == 'l' ? 16 << place.index : place.index == 0 ? (split ? 4 : 2) : 8;
  return accessBytes * accesses.weight(digit, bit);
}

Value KernelContext::rowSignal(int64_t phase, Value index) {
  int64_t together = monarch::rowsAtOnce(getDigits(plan), choice, problem);
  Scalars s = scalars();
  Value pointer = s.offset(shared, rowSignals + 8 * phase * llvm::divideCeil(rows, together));
  return s.offset(pointer, s.mul(s.div(index, together), 8));
}

Operation *KernelContext::barrier() {
  bool outside = phases % monarch::exchangingPhases == 0;
  if (!team || !(outside || schedule->teamsStayApart()))
    return NVVM::Barrier0Op::create(b, loc);
  // Barrier 0 is that of all warps.
  Scalars s = scalars();
  return NVVM::BarrierOp::create(b, loc, Type(), s.add(team, s.i32(1)), s.i32(threads() / teams()), nullptr, Value());
}

void KernelContext::awaitRows(int64_t phase, Value index) {
  // try_wait is a hint to sleep; before sm_90 there is test_wait alone.
  std::string instruction = chip.copiesInBulk ? "mbarrier.try_wait" : "mbarrier.test_wait";
  scalars().assembly({rowSignal(phase, index), parity},
                     "{ .reg .pred done; WAIT_${:uid}: " + instruction +
                         ".parity.shared.b64 done, [$0], $1; @!done bra WAIT_${:uid}; }",
                     "r,r,~{memory}");
}

void KernelContext::signalRows(int64_t phase, Value index) {
  NVVM::SyncWarpOp::create(b, loc, scalars().i32(-1));
  scalars().assembly(
      {rowSignal(phase, index), lane},
      "{ .reg .pred first; .reg .b64 state; setp.eq.u32 first, $1, 0; @first mbarrier.arrive.shared.b64 state, [$0]; }",
      "r,r,~{memory}");
}

void KernelContext::setUpRowSignals() {
  Scalars s = scalars();
  int64_t together = monarch::rowsAtOnce(getDigits(plan), choice, problem), phase = 0;
  s.when(s.isZero(thread), [&] {
    for (size_t n = 0; n < schedule->steps.size(); ++n) {
      const monarch::Step &step = schedule->steps[n];
      if (step.kind != monarch::StepKind::Read)
        continue;
      bool atOnce = monarch::tripsOf(*schedule, n, together, problem) == monarch::Trips::SideBySide;
      int64_t trips = atOnce ? 1 : step.layout.trips();
      for (int64_t row = 0; row < rows; row += together)
        s.assembly({rowSignal(phase, s.i32(row)), s.i32(schedule->warps * trips)}, "mbarrier.init.shared.b64 [$0], $1;",
                   "r,r,~{memory}");
      ++phase;
    }
  });
  NVVM::Barrier0Op::create(b, loc);
}
