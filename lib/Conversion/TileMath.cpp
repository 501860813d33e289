//===- TileMath.cpp - Tile ops to mma, ldmatrix and FMA -------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Lowers a phase. A 16 x 16 tile of a lane is four packed registers (pairs of f16, register r1 + 2 r2), or eight f32 (r0 + 2 r1 + 4 r2), for each
// plane; what is computed in f32 is four packed registers of hi and four of lo where it is an operand. Matrices, twiddles and constants of butterflies come from the kernel's constant pool, 16 bytes to a lane at a time, loaded where the
// digits that they depend on stop changing.
//
//===----------------------------------------------------------------------===//

#include "Butterfly.h"
#include "KernelEmitter.h"

#include "llvm/ADT/APFloat.h"

using namespace mlir;
using namespace fftconv;
using monarch::HomeKind;
using monarch::Level;

namespace {
/// What a lane holds of a tile op's value. Registers that a padded digit leaves empty are null.
struct TileValue {
  monarch::Layout layout;
  int planes = 1;
  /// Packed pairs of a 16-bit type, four to a tile; f32, eight to a tile; pairs of hi and then pairs of lo, four of each.
  enum class Form { Packed, Wide, Split } form = Form::Packed;
  std::vector<std::array<std::array<Value, 8>, 2>> data;

  TileValue(monarch::Layout layout, int planes, Form form)
      : layout(std::move(layout)), planes(planes), form(form), data(this->layout.tiles()) {}
  bool present(int64_t reg, int64_t tile) const { return layout.present({.reg = reg, .tile = tile}); }
};

/// Words of a table for one lane.
using LaneWords = std::vector<uint32_t>;

/// The bits of a value rounded to a 16-bit type.
uint16_t toHalf(double value, Type type) {
  return static_cast<uint16_t>(roundTo(type, value).bitcastToAPInt().getZExtValue());
}
uint32_t toFloatBits(double value) { return llvm::bit_cast<uint32_t>(static_cast<float>(value)); }

class PhaseEmitter {
public:
  PhaseEmitter(KernelContext &context, ArrayRef<Operation *> ops, const DenseMap<Operation *, double> &scales)
      : k(context), b(context.b), s(context.scalars()), schedule(*context.schedule), ops(ops), scales(scales) {}

  void emit() {
    TileType first = cast<RelayoutOp>(ops.front()).getY().getType();
    monarch::Layout layout = layoutOf(first);
    place = {k.lane, k.warp, nullptr};
    OpBuilder::InsertionGuard guard(b);
    int64_t products = llvm::count_if(
        ops, [](Operation *op) { return isa<TileDftOp>(op) && cast<TileDftOp>(op).getHow() != How::Butterfly; });
    inLine = monarch::tripsInLine(getDigits(k.plan), layout, products, k.problem);
    if (layout.trips() > 1 && !inLine) {
      auto loop = s.loop(s.i32(0), s.i32(layout.trips()), s.i32(1));
      phaseAnchor = loop;
      place.loop = loop.getInductionVar();
      b.setInsertionPointToStart(loop.getBody());
    }
    int64_t together = monarch::rowsAtOnce(getDigits(k.plan), k.choice, k.problem);
    states = std::vector<State>(together * (inLine ? layout.trips() : 1));
    if (k.rowsHere) {
      auto loop = s.loop(s.i32(0), k.rowsHere, s.i32(together));
      tileAnchor = loop;
      b.setInsertionPointToStart(loop.getBody());
      // Where there is no such row, the last one once more: what is written twice is the same.
      for (size_t i = 0; i < states.size(); ++i) {
        int64_t ahead = static_cast<int64_t>(i) % together;
        Value next = s.add(loop.getInductionVar(), s.i32(ahead));
        states[i].row = ahead == 0 || k.rowsAreFull || k.restIsZero ? next : s.min(next, s.sub(k.rowsHere, s.i32(1)));
      }
    }
    for (size_t i = 0; i < states.size(); ++i) {
      states[i].trip = static_cast<int64_t>(i) / together;
      states[i].loop = inLine ? s.i32(states[i].trip) : place.loop;
    }
    // A warp that owns rows has the one of its number, and others as many rows later as there are warps.
    if (k.warpOwns())
      for (int64_t i = 1; i < together; ++i)
        states[i].row = s.i32(i * schedule.warps);
    if (k.rowSignals >= 0 && k.phases > 0)
      k.awaitRows(k.phases - 1, states.front().row);
    for (Operation *op : ops) {
      loaded.clear();
      lower(op);
    }
    if (k.rowSignals >= 0)
      k.signalRows(k.phases, states.front().row);
  }

private:
  KernelContext &k;
  OpBuilder &b;
  Scalars s;
  const monarch::Schedule &schedule;
  ArrayRef<Operation *> ops;
  const DenseMap<Operation *, double> &scales;
  RuntimePlace place;
  Operation *phaseAnchor = nullptr, *tileAnchor = nullptr;
  /// Among the rows of a group; null for the first where warps own rows, which is part of the layout then.
  Value row;
  std::optional<TileValue> x;
  /// Values that ops have left and others will take.
  llvm::MapVector<Value, TileValue> values;
  /// Whether a warp's trips are not a loop, and which of them this is.
  bool inLine = false;
  int64_t trip = 0;
  /// All this of a row and a trip that are computed beside others, op by op and tile by tile, so that none waits for another's results, and all take a matrix that is loaded once.
  struct State {
    Value row, loop;
    int64_t trip = 0;
    std::optional<TileValue> x;
    llvm::MapVector<Value, TileValue> values;
  };
  void exchange(State &state) {
    std::swap(row, state.row);
    std::swap(place.loop, state.loop);
    std::swap(trip, state.trip);
    std::swap(x, state.x);
    std::swap(values, state.values);
  }
  std::vector<State> states;
  /// Calls `visit` for each of them, with its place, and with what it is to be computed on.
  void forEachState(llvm::function_ref<void(size_t state)> visit) {
    for (size_t i = 0; i < states.size(); ++i) {
      exchange(states[i]);
      visit(i);
      exchange(states[i]);
    }
  }
  /// Words that an op has loaded for one row, by table, trip and half tile: the others take them.
  std::map<std::array<int64_t, 3>, std::vector<Value>> loaded;
  const std::vector<Value> &loadOnce(int64_t table, int64_t halfTile, llvm::function_ref<std::vector<Value>()> load) {
    auto [entry, isNew] = loaded.try_emplace({table, trip, halfTile});
    if (isNew)
      entry->second = load();
    return entry->second;
  }

  monarch::Layout layoutOf(TileType type) const { return type.getLayout().getLayout(schedule.radices); }
  using Form = TileValue::Form;
  bool split() const { return k.problem.split; }
  /// The type of operands of mma.
  Type operand() { return split() ? Type(b.getF16Type()) : k.plan.getCompute(); }
  /// A packed register.
  Type halves() { return VectorType::get(2, operand()); }

  //===--------------------------------------------------------------------===//
  // Tables
  //===--------------------------------------------------------------------===//

  /// Moves to the place where what changes with `level` only is computed: what a phase loads once before the barrier in front of it, so that waiting for
  /// memory and for other warps is one.
  void moveTo(Level level) {
    Operation *anchors[] = {k.groups, k.ahead ? k.ahead : phaseAnchor, tileAnchor};
    if (level == Level::Use)
      return;
    for (int i = static_cast<int>(level); i < 3; ++i)
      if (anchors[i])
        return b.setInsertionPoint(anchors[i]);
  }

  /// A table of words for each lane, for every value of some digits.
  struct Table {
    std::vector<int> digits;
    int64_t words, offset, stride;
  };

  Table makeTable(std::vector<int> digits, int64_t words,
                  llvm::function_ref<LaneWords(int lane, const std::vector<int64_t> &values)> make) {
    // [digits][16 bytes][lane][4 words]
    std::vector<uint32_t> data;
    std::vector<int64_t> values(schedule.radices.size());
    int64_t count = 1, chunks = (words + 3) / 4;
    for (int digit : digits)
      count *= schedule.radices[digit];
    for (int64_t index = 0; index < count; ++index) {
      int64_t rest = index;
      for (size_t i = digits.size(); i-- > 0; rest /= schedule.radices[digits[i]])
        values[digits[i]] = rest % schedule.radices[digits[i]];
      std::vector<uint32_t> block(chunks * 128);
      for (int lane = 0; lane < 32; ++lane) {
        LaneWords row = make(lane, values);
        for (size_t word = 0; word < row.size(); ++word)
          block[word / 4 * 128 + lane * 4 + word % 4] = row[word];
      }
      data.insert(data.end(), block.begin(), block.end());
    }
    return {digits, words, k.pool.add(data), chunks * 128};
  }

  /// Those of the digits that do not differ inside a tile: a table has a part for each of their values.
  static std::vector<int> uniformDigits(const monarch::Layout &layout, std::vector<int> digits) {
    std::erase_if(digits, [&](int digit) { return !layout.uniform(digit); });
    return digits;
  }

  /// The values of all digits at a lane's register, in the part of a table that `values` says.
  static std::vector<int64_t> valuesAt(const monarch::Layout &layout, int lane, int64_t reg, ArrayRef<int> uniform,
                                       const std::vector<int64_t> &values) {
    std::vector<int64_t> result = layout.values({.reg = reg, .lane = lane});
    for (int digit : uniform)
      result[digit] = values[digit];
    return result;
  }

  /// index * unit over digits in mixed radix, the last one fastest: what is known at run time, and what is known of a tile, or of its half with r1 = `half`.
  std::pair<Value, int64_t> indexOf(const monarch::Layout &layout, ArrayRef<int> digits, int64_t unit, int64_t tile,
                                    int64_t half = 0) {
    std::map<int, int64_t> units;
    for (int digit : llvm::reverse(digits)) {
      units[digit] = unit;
      unit *= schedule.radices[digit];
    }
    auto weight = [&](int digit, int bit) { return units.contains(digit) ? units[digit] << bit : 0; };
    Value index = sumOverPlace(s, layout, place, weight, /*byXor=*/false);
    int64_t constant = 0;
    std::vector<int64_t> values = layout.values({.reg = 2 * half, .tile = tile});
    for (auto [digit, u] : units)
      constant += values[digit] * u;
    return {index, constant};
  }

  Level levelOf(const monarch::Layout &layout, const std::vector<int> &digits, int64_t words) const {
    return monarch::loadLevel(getDigits(k.plan), layout, digits, words, inLine, k.problem);
  }

  /// Loads a table's words for a tile, or for half of one.
  std::vector<Value> load(const Table &table, const monarch::Layout &layout, int64_t tile, int64_t half = 0) {
    return loadOnce(table.offset, 2 * tile + half, [&] {
      OpBuilder::InsertionGuard guard(b);
      moveTo(levelOf(layout, table.digits, table.words));
      auto [index, constant] = indexOf(layout, table.digits, 4 * table.stride, tile, half);
      // What is loaded before warps wait must stay before that, but the assembler moves loads of what never changes (ld.global.nc) down to where they are used.
      return loadWords(s.offset(k.tables, index), 4 * table.offset + constant, 512, table.words,
                       k.loadsAhead() ? "ld.global" : "ld.global.nc");
    });
  }

  /// Words from global memory, four at a time, `stride` bytes from one four to the next. In assembly: loads of constants must stay where they
  /// are put, for hoisted out of every loop they would take all registers.
  std::vector<Value> loadWords(Value pointer, int64_t constant, int64_t stride, int64_t words, StringRef instruction,
                               Value policy = {}) {
    std::vector<Value> result;
    Type i32 = b.getI32Type();
    Type four = LLVM::LLVMStructType::getLiteral(b.getContext(), {i32, i32, i32, i32});
    for (int64_t chunk = 0; chunk * 4 < words; ++chunk) {
      std::string at = constant ? "+" + std::to_string(constant) : "";
      Value loaded = policy ? s.assembly(four, {pointer, policy},
                                         instruction + ".L2::cache_hint.v4.b32 {$0, $1, $2, $3}, [$4" + at + "], $5;",
                                         "=r,=r,=r,=r,l,l")
                            : s.assembly(four, pointer, instruction + ".v4.b32 {$0, $1, $2, $3}, [$4" + at + "];",
                                         "=r,=r,=r,=r,l");
      for (int i = 0; i < 4 && chunk * 4 + i < words; ++i)
        result.push_back(LLVM::ExtractValueOp::create(b, k.loc, loaded, i));
      constant += stride;
    }
    return result;
  }

  uint32_t packHalves(double low, double high) {
    return toHalf(low, operand()) | static_cast<uint32_t>(toHalf(high, operand())) << 16;
  }
  Value asHalves(Value word) { return LLVM::BitcastOp::create(b, k.loc, halves(), word); }
  Value asWord(Value pair) { return LLVM::BitcastOp::create(b, k.loc, b.getI32Type(), pair); }
  /// -x of both halves, by their signs.
  Value negateHalves(Value pair) { return asHalves(s.bitXor(asWord(pair), s.i32(0x80008000))); }

  //===--------------------------------------------------------------------===//
  // Packing
  //===--------------------------------------------------------------------===//

  Value packPair(Value low, Value high, Type type) {
    return LLVM::FPTruncOp::create(b, k.loc, VectorType::get(2, type), s.vector({low, high}));
  }

  Value half(Value pair, int which) { return LLVM::FPExtOp::create(b, k.loc, b.getF32Type(), s.element(pair, which)); }

  /// Changes every tile's registers of every plane.
  void reform(Form form, llvm::function_ref<std::array<Value, 8>(const std::array<Value, 8> &)> change) {
    for (auto &tile : x->data)
      for (int plane = 0; plane < x->planes; ++plane)
        tile[plane] = change(tile[plane]);
    x->form = form;
  }

  void pack(Type type) {
    if (x->form == Form::Packed) {
      Value *any = llvm::find_if(x->data[0][0], [](Value v) { return bool(v); });
      if (getElementTypeOrSelf(any->getType()) == type)
        return;
      unpack();
    }
    assert(x->form == Form::Wide && "what is split is not packed");
    reform(Form::Packed, [&](const std::array<Value, 8> &wide) {
      std::array<Value, 8> packed;
      for (int reg = 0; reg < 4; ++reg)
        if (wide[2 * reg])
          packed[reg] = packPair(wide[2 * reg], wide[2 * reg + 1], type);
      return packed;
    });
  }

  void unpack() {
    if (x->form == Form::Wide)
      return;
    bool split = x->form == Form::Split;
    reform(Form::Wide, [&](const std::array<Value, 8> &packed) {
      std::array<Value, 8> wide;
      for (int reg = 0; reg < 4; ++reg)
        for (int i = 0; packed[reg] && i < 2; ++i) {
          wide[2 * reg + i] = half(packed[reg], i);
          if (split)
            wide[2 * reg + i] = LLVM::FAddOp::create(b, k.loc, wide[2 * reg + i], half(packed[4 + reg], i));
        }
      return wide;
    });
  }

  /// x as hi + lo: hi is x rounded to f16, lo the rest.
  void splitUp() {
    if (x->form == Form::Split)
      return;
    unpack();
    reform(Form::Split, [&](const std::array<Value, 8> &wide) {
      std::array<Value, 8> parts;
      for (int reg = 0; reg < 4; ++reg)
        if (wide[2 * reg]) {
          Value hi = packPair(wide[2 * reg], wide[2 * reg + 1], operand()), rest[2];
          for (int i = 0; i < 2; ++i)
            rest[i] = LLVM::FSubOp::create(b, k.loc, wide[2 * reg + i], half(hi, i));
          parts[reg] = hi;
          parts[4 + reg] = packPair(rest[0], rest[1], operand());
        }
      return parts;
    });
  }

  //===--------------------------------------------------------------------===//
  // Ops
  //===--------------------------------------------------------------------===//

  void lower(Operation *op) {
    if (isa<BarrierOp>(op)) {
      NVVM::SyncWarpOp::create(b, k.loc, s.i32(-1));
      return;
    }
    if (auto prefetch = dyn_cast<PrefetchOp>(op))
      return k.prefetch(prefetch);
    // Every value has one use.
    forEachState([&](size_t) {
      if (auto taken = values.find(op->getOperand(0)); taken != values.end()) {
        x = std::move(taken->second);
        values.erase(taken);
      }
    });
    auto dft = dyn_cast<TileDftOp>(op);
    if (auto relayout = dyn_cast<RelayoutOp>(op))
      forEachState([&](size_t) { relayout.getX().getType().isShared() ? read(relayout) : write(relayout); });
    else if (dft && dft.getHow() == How::Butterfly)
      forEachState([&](size_t) { butterfly(dft); });
    else if (dft)
      transform(dft);
    else if (auto twiddle = dyn_cast<TileTwiddleOp>(op))
      scale(twiddle);
    else if (auto product = dyn_cast<TileProductOp>(op))
      multiply(product);
    else if (auto gate = dyn_cast<TileGateOp>(op))
      forEachState([&](size_t) { applyGate(gate); });
    // What an op leaves has the type that it says.
    auto type = cast<TileType>(op->getResult(0).getType());
    if (type.isShared())
      return;
    forEachState([&](size_t) {
      if (!type.getReal().isF32())
        pack(type.getReal());
      values.insert({op->getResult(0), std::move(*x)});
      x.reset();
    });
  }

  /// x times a gate, register by register.
  void applyGate(TileGateOp op) {
    TileValue gate = values.find(op.getGate())->second;
    values.erase(op.getGate());
    for (auto [tile, factor] : llvm::zip(x->data, gate.data))
      for (int plane = 0; plane < x->planes; ++plane)
        for (int reg = 0; reg < 4; ++reg)
          if (tile[plane][reg])
            tile[plane][reg] = LLVM::FMulOp::create(b, k.loc, tile[plane][reg], factor[plane][reg]);
  }

  /// Where a tile's elements are in shared memory.
  monarch::SharedMap memoryOf(Value tile) {
    if (!tile.getDefiningOp<RelayoutOp>())
      return schedule.inputMemory();
    return isa<CopyOutOp>(*tile.user_begin()) ? schedule.resultMemory() : schedule.memory();
  }

  void read(RelayoutOp op) {
    TileType type = op.getY().getType();
    x.emplace(layoutOf(type), type.isComplex() ? 2 : 1, split() ? Form::Split : Form::Packed);
    Type pair = VectorType::get(2, split() ? operand() : type.getReal());
    monarch::SharedMap memory = memoryOf(op.getX());
    monarch::MatrixAccess access = *monarch::matrixAccess(x->layout, memory);
    // Matrices come in consecutive registers, and so does an operand of an mma: as operand B (of a product from the left) those with the same r1,
    // as operand A all four in order. Lanes 8 to 15 supply the second matrix, 16 to 23 the third.
    Operation *next = *op.getY().user_begin();
    while (isa<TileGateOp, TileConvertOp>(next))
      next = *next->getResult(0).user_begin();
    auto dft = dyn_cast<TileDftOp>(next);
    bool pairsByRow = dft && dft.getHow() != How::Right;
    if (pairsByRow) {
      monarch::Piece second = access.rows.at({'l', 4});
      access.rows.set({'l', 4}, access.rows.at({'l', 3}));
      access.rows.set({'l', 3}, second);
    }
    SharedAddress address(s, memory, access.rows, place);
    for (int64_t tile = 0; tile < x->layout.tiles(); ++tile) {
      if (!x->present(0, tile))
        continue;
      // Where the rows with r1 = 1 are empty two matrices are left.
      bool full = x->present(2, tile);
      assert((full || pairsByRow) && "digits that are padded are transformed from the left");
      for (int which = 0; which < x->planes; ++which)
        for (int part = 0; part < k.parts(); ++part) {
          auto [base, constant] = address.at(s, 0, tile);
          Value pointer = s.offset(s.offset(k.planeOf(op.getX(), which, part, row), base), constant);
          std::vector<Value> words = loadMatrices(pointer, full ? 4 : 2, access.transposed);
          for (int i = 0; i < static_cast<int>(words.size()); ++i)
            x->data[tile][which][4 * part + (pairsByRow ? i / 2 + i % 2 * 2 : i)] =
                LLVM::BitcastOp::create(b, k.loc, pair, words[i]);
        }
    }
  }

  std::vector<Value> loadMatrices(Value pointer, int count, bool transposed) {
    Type i32 = b.getI32Type();
    Type type = LLVM::LLVMStructType::getLiteral(b.getContext(), SmallVector<Type>(count, i32));
    Value loaded = NVVM::LdMatrixOp::create(
        b, k.loc, type, pointer, count, transposed ? NVVM::MMALayout::col : NVVM::MMALayout::row,
        NVVM::LdStMatrixShapeAttr::get(b.getContext(), 8, 8), NVVM::LdStMatrixEltType::B16);
    std::vector<Value> words;
    for (int i = 0; i < count; ++i)
      words.push_back(LLVM::ExtractValueOp::create(b, k.loc, loaded, i));
    return words;
  }

  void write(RelayoutOp op) {
    if (split())
      splitUp();
    monarch::SharedMap memory = memoryOf(op.getY());
    monarch::MatrixAccess access = *monarch::matrixAccess(x->layout, memory);
    // Rows of matrices where there is stmatrix, else pairs, which have the same wavefronts.
    const monarch::Layout &layout = k.chip.storesMatrices ? access.rows : x->layout;
    SharedAddress address(s, memory, layout, place);
    for (int64_t tile = 0; tile < x->layout.tiles(); ++tile) {
      if (!x->present(0, tile))
        continue;
      for (int which = 0; which < x->planes; ++which)
        for (int part = 0; part < k.parts(); ++part) {
          Value target = k.planeOf(op.getY(), which, part, row);
          ArrayRef<Value> regs = ArrayRef(x->data[tile][which]).slice(4 * part, 4);
          if (k.chip.storesMatrices) {
            auto [base, constant] = address.at(s, 0, tile);
            SmallVector<Value> words;
            for (int reg = 0; reg < 4 && regs[reg]; ++reg)
              words.push_back(asWord(regs[reg]));
            NVVM::StMatrixOp::create(b, k.loc, s.offset(s.offset(target, base), constant), words,
                                     access.transposed ? NVVM::MMALayout::col : NVVM::MMALayout::row,
                                     NVVM::LdStMatrixShapeAttr::get(b.getContext(), 8, 8),
                                     NVVM::LdStMatrixEltType::B16);
            continue;
          }
          for (int reg = 0; reg < 4; ++reg)
            if (regs[reg]) {
              auto [base, constant] = address.at(s, 2 * reg, tile);
              LLVM::StoreOp::create(b, k.loc, asWord(regs[reg]), s.offset(s.offset(target, base), constant),
                                    /*alignment=*/4);
            }
        }
    }
  }

  /// One half of a product: the sum of products of pairs of operands.
  SmallVector<Value> sumOfProducts(ArrayRef<std::pair<SmallVector<Value>, SmallVector<Value>>> products,
                                   bool halfSums) {
    Value zero = halfSums ? Value(LLVM::ZeroOp::create(b, k.loc, halves())) : s.f32(0);
    SmallVector<Value> sums(halfSums ? 2 : 4, zero);
    for (const auto &[a, bOperand] : products)
      sums = emitMma(s, a, bOperand, sums, operand());
    return sums;
  }

  void transform(TileDftOp op) {
    bool left = op.getHow() == How::Left, inverse = op.getInverse();
    bool realIn = !op.getX().getType().isComplex(), realOut = !op.getY().getType().isComplex();
    bool halfSums = op.getPlan().getSchedule().getSums().isF16();
    int stage = static_cast<int>(op.getDigit());
    monarch::Layout before = layoutOf(op.getX().getType()), after = layoutOf(op.getY().getType());
    std::vector<int> digits = monarch::dependences(schedule, HomeKind::Matrix, stage);
    double factor = scales.at(op);

    // The matrix as an A operand, [new][old] in the order of the column bits; real parts, then imaginary parts (negated where only the
    // real part of the result is computed).
    auto columnValue = [&](int column) {
      int64_t value = 0;
      for (int bit = 0; bit < 4; ++bit)
        value |= int64_t(column >> bit & 1) << before.at(monarch::columnPlaces[bit]).index;
      return value;
    };
    // As operand B its registers go in pairs, which are to be neighbours. Of f32, all of hi, then all of lo.
    std::array<int, 4> order = left ? std::array{0, 1, 2, 3} : std::array{0, 2, 1, 3};
    int parts = static_cast<int>(k.parts());
    Table table = makeTable(digits, 8 * parts, [&](int lane, const std::vector<int64_t> &values) {
      auto entry = [&](int reg) {
        auto [row, column] = monarch::fragmentIndex(monarch::Fragment::A, lane, reg);
        int64_t to = columnValue(row), from = columnValue(column);
        monarch::Complex w = factor * monarch::stageFactor(schedule, HomeKind::Matrix, stage, inverse ? from : to,
                                                           inverse ? to : from, values);
        return inverse ? std::conj(w) : w;
      };
      LaneWords words;
      double sign = realOut ? -1 : 1;
      for (int part = 0; part < parts; ++part)
        for (int plane = 0; plane < 2; ++plane)
          for (int reg : order) {
            auto value = [&](int at) {
              double x = plane == 0 ? entry(at).real() : sign * entry(at).imag();
              return part == 0 ? x : x - roundTo(operand(), x).convertToDouble();
            };
            words.push_back(packHalves(value(2 * reg), value(2 * reg + 1)));
          }
      return words;
    });
    Level level = levelOf(before, digits, 8 * parts);
    // The negative of the matrix is made as it comes, where no data are waited for, and once for many rows; halves of f32 need the registers.
    bool negateMatrix = (level <= Level::Phase || !split()) && !realIn && !realOut;

    // Sums that will be rounded are rounded at once, before the next tile needs registers.
    Type element = op.getY().getType().getReal();
    bool round = !halfSums && !element.isF32();
    forEachState([&](size_t) { split() ? splitUp() : pack(operand()); });
    std::vector<TileValue> results(states.size(),
                                   {after, realOut ? 1 : 2, halfSums || round ? Form::Packed : Form::Wide});
    // Four registers of hi, and of lo where there are any.
    using Parts = std::array<SmallVector<Value>, 2>;
    struct Matrix {
      Parts re, im, minusIm;
    };
    // Of each half of a tile where they differ; kept for all tiles where these do not.
    std::vector<std::array<std::optional<Matrix>, 2>> matricesOf(states.size());
    bool differ = llvm::any_of(digits, [&](int d) { return !before.uniform(d); });
    bool byTile = llvm::any_of(digits, [&](int d) { return tilesHold(before, d); });
    auto negate = [&](const Parts &from) {
      Parts to;
      for (int part = 0; part < parts; ++part)
        for (Value v : from[part])
          to[part].push_back(v ? negateHalves(v) : v);
      return to;
    };
    auto transformTile = [&](int64_t tile, size_t state) {
      TileValue &y = results[state];
      auto &matrices = matricesOf[state];
      if (byTile)
        matrices = {};
      auto dataOf = [&](int plane) {
        Parts data;
        for (int part = 0; part < parts; ++part)
          data[part].assign(&x->data[tile][plane][4 * part], &x->data[tile][plane][4 * part] + 4);
        return data;
      };
      Parts xr = dataOf(0), xi = dataOf(1), minusXi;
      if (!realIn && !realOut && !negateMatrix)
        minusXi = negate(xi);
      for (int h = 0; h < 2; ++h) {
        // As operand B: of a tile, rows with r1 = h; of the matrix, half h of the new digit. Both are registers h and h + 2.
        auto pick = [&](ArrayRef<Value> four) { return SmallVector<Value>{four[h], four[h + 2]}; };
        if (left && !xr[0][h])
          continue;
        std::optional<Matrix> &matrix = matrices[differ ? h : 0];
        if (!matrix) {
          matrix.emplace();
          std::vector<Value> words = load(table, before, tile, differ ? h : 0);
          OpBuilder::InsertionGuard guard(b);
          moveTo(level);
          for (int part = 0; part < parts; ++part) {
            matrix->re[part].resize(4), matrix->im[part].resize(4);
            for (int i = 0; i < 4; ++i) {
              matrix->re[part][order[i]] = asHalves(words[8 * part + i]);
              matrix->im[part][order[i]] = asHalves(words[8 * part + 4 + i]);
            }
          }
          if (negateMatrix)
            matrix->minusIm = negate(matrix->im);
        }
        const auto &[re, im, minusIm] = *matrix;
        auto sums = [&](std::initializer_list<std::pair<const Parts &, const Parts &>> pairs) {
          SmallVector<std::pair<SmallVector<Value>, SmallVector<Value>>> operands;
          auto add = [&](const SmallVector<Value> &matrix, const SmallVector<Value> &data) {
            left ? operands.push_back({matrix, pick(data)}) : operands.push_back({data, pick(matrix)});
          };
          // The small products first; that of lo with lo is less than what rounding leaves.
          if (parts == 2)
            for (auto [matrix, data] : pairs) {
              add(matrix[1], data[0]);
              add(matrix[0], data[1]);
            }
          for (auto [matrix, data] : pairs)
            add(matrix[0], data[0]);
          return sumOfProducts(operands, halfSums);
        };
        SmallVector<Value> dr, di;
        if (realIn) {
          dr = sums({{re, xr}});
          di = sums({{im, xr}});
        } else if (realOut) {
          dr = sums({{re, xr}, {im, xi}});
        } else {
          dr = negateMatrix ? sums({{re, xr}, {minusIm, xi}}) : sums({{re, xr}, {im, minusXi}});
          di = sums({{im, xr}, {re, xi}});
        }
        if (round)
          for (SmallVector<Value> *d : {&dr, &di})
            if (!d->empty())
              *d = {packPair((*d)[0], (*d)[1], element), packPair((*d)[2], (*d)[3], element)};
        // Half h of the result: r2 = h.
        for (size_t i = 0; i < dr.size(); ++i)
          y.data[tile][0][i + dr.size() * h] = dr[i];
        for (size_t i = 0; i < di.size(); ++i)
          y.data[tile][1][i + di.size() * h] = di[i];
      }
    };
    for (int64_t tile = 0; tile < before.tiles(); ++tile)
      if (before.present({.tile = tile}))
        forEachState([&](size_t state) { transformTile(tile, state); });
    forEachState([&](size_t state) { x = std::move(results[state]); });
  }

  bool tilesHold(const monarch::Layout &layout, int digit) const {
    return llvm::any_of(layout.placesOf(digit), [](const monarch::Place &p) { return p.kind == 'u'; });
  }

  //===--------------------------------------------------------------------===//
  // Butterflies
  //===--------------------------------------------------------------------===//

  /// FMA arithmetic on f32, or on pairs of f16.
  struct Arithmetic {
    using Number = Value;
    OpBuilder &b;
    Location loc;
    Type type;
    std::map<TwistConstant, std::pair<Value, Value>> constants;

    Value literal(double value) {
      Attribute attr;
      if (auto vector = dyn_cast<VectorType>(type)) {
        attr = DenseElementsAttr::get(vector, roundTo(vector.getElementType(), value));
      } else {
        attr = b.getF32FloatAttr(static_cast<float>(value));
      }
      return LLVM::ConstantOp::create(b, loc, type, cast<TypedAttr>(attr));
    }
    Value add(Value x, Value y) { return LLVM::FAddOp::create(b, loc, x, y); }
    Value sub(Value x, Value y) { return LLVM::FSubOp::create(b, loc, x, y); }
    Value mul(Value x, Value y) { return LLVM::FMulOp::create(b, loc, x, y); }
    Value negate(Value x) { return LLVM::FNegOp::create(b, loc, x); }
    Value addProduct(Value a, Value x, Value y) { return LLVM::FMAOp::create(b, loc, x, y, a); }
    Value subProduct(Value a, Value x, Value y) { return LLVM::FMAOp::create(b, loc, negate(x), y, a); }
    Value scale(Value x, double f) { return mul(x, literal(f)); }
    Value addScaled(Value a, Value x, double f) { return LLVM::FMAOp::create(b, loc, x, literal(f), a); }
    std::pair<Value, Value> twist(TwistConstant c) { return constants.at(c); }
  };

  /// Only asks for constants.
  struct Census {
    struct Number {};
    std::set<TwistConstant> asked;
    Number add(Number, Number) { return {}; }
    Number sub(Number, Number) { return {}; }
    Number mul(Number, Number) { return {}; }
    Number negate(Number) { return {}; }
    Number addProduct(Number, Number, Number) { return {}; }
    Number subProduct(Number, Number, Number) { return {}; }
    Number scale(Number, double) { return {}; }
    Number addScaled(Number, Number, double) { return {}; }
    std::pair<Number, Number> twist(TwistConstant c) {
      asked.insert(c);
      return {};
    }
  };

  void butterfly(TileDftOp op) {
    int stage = static_cast<int>(op.getDigit());
    bool inverse = op.getInverse();
    int64_t radix = schedule.radices[stage];
    if (op.getPlan().getSchedule().getProducts().isF32())
      unpack();
    bool wide = x->form == Form::Wide;
    monarch::Layout before = x->layout;

    Census census;
    std::vector<Butterfly<Census>::Complex> nothing(radix);
    bool twisted = monarch::twists(schedule, stage);
    Butterfly<Census> asks(census, twisted);
    inverse ? asks.inverse(nothing) : asks.forward(nothing);
    std::vector<TwistConstant> asked(census.asked.begin(), census.asked.end());

    // Register bits, other than the digit's own, on which the twist depends: a set of constants for each of their values.
    std::vector<int> digits = monarch::dependences(schedule, HomeKind::Butterfly, stage);
    std::vector<int> uniform = uniformDigits(before, digits);
    int64_t slotMask = 0;
    for (int digit : digits)
      for (const monarch::Place &p : before.placesOf(digit))
        if (p.kind == 'r' && (wide || p.index > 0))
          slotMask |= int64_t(1) << p.index;
    std::vector<int64_t> slots;
    for (int64_t reg = 0; reg < 8; ++reg)
      if ((reg & ~slotMask) == 0)
        slots.push_back(reg);
    int64_t count = static_cast<int64_t>(2 * asked.size() * slots.size());
    Table table = makeTable(uniform, count, [&](int lane, const std::vector<int64_t> &values) {
      LaneWords result;
      for (int64_t slot : slots)
        for (const TwistConstant &c : asked) {
          auto value = [&](int64_t reg) {
            std::vector<int64_t> at = valuesAt(before, lane, reg, uniform, values);
            return monarch::stageFactor(schedule, HomeKind::Butterfly, stage, 0, c.power, at) *
                   monarch::root(-c.turn, c.order);
          };
          monarch::Complex first = value(slot), second = value(slot | 1);
          result.push_back(wide ? toFloatBits(first.real()) : packHalves(first.real(), second.real()));
          result.push_back(wide ? toFloatBits(first.imag()) : packHalves(first.imag(), second.imag()));
        }
      return result;
    });
    std::vector<Value> words = load(table, before, 0);
    Type type = wide ? Type(b.getF32Type()) : halves();
    Arithmetic arithmetic{b, k.loc, type, {}};

    TileValue y(layoutOf(op.getY().getType()), 2, x->form);
    // Every register and tile whose digit is zero leads the others of its group.
    int64_t step = wide ? 1 : 2;
    for (int64_t slot : slots) {
      size_t word = 2 * asked.size() * (llvm::find(slots, slot) - slots.begin());
      {
        OpBuilder::InsertionGuard guard(b);
        moveTo(levelOf(before, table.digits, count));
        for (const TwistConstant &c : asked) {
          Value re = LLVM::BitcastOp::create(b, k.loc, type, words[word++]);
          Value im = LLVM::BitcastOp::create(b, k.loc, type, words[word++]);
          arithmetic.constants[c] = {re, im};
        }
      }
      for (int64_t tile = 0; tile < before.tiles(); ++tile)
        for (int64_t reg = 0; reg < 8; reg += step) {
          if ((reg & slotMask) != slot || before.value(stage, {.reg = reg, .tile = tile}) != 0)
            continue;
          // Where the digit's values lie.
          std::vector<std::pair<int64_t, int64_t>> where(radix);
          for (int64_t value = 0; value < radix; ++value) {
            int64_t r = reg, u = tile;
            for (const monarch::Place &p : before.placesOf(stage))
              if (value >> before.at(p).index & 1)
                (p.kind == 'r' ? r : u) |= int64_t(1) << p.index;
            where[value] = {r / step, u};
          }
          Butterfly<Arithmetic>::Values in(radix), out;
          for (int64_t value = 0; value < radix; ++value) {
            auto &planes = x->data[where[value].second];
            in[value] = {planes[0][where[value].first], planes[1][where[value].first]};
          }
          Butterfly<Arithmetic> network(arithmetic, twisted);
          out = inverse ? network.inverse(in) : network.forward(in);
          for (int64_t value = 0; value < radix; ++value) {
            auto &planes = y.data[where[value].second];
            planes[0][where[value].first] = out[value].re;
            planes[1][where[value].first] = out[value].im;
          }
        }
    }
    x = std::move(y);
  }

  //===--------------------------------------------------------------------===//
  // Products
  //===--------------------------------------------------------------------===//

  /// Words of a factor for the four registers of a tile: real and imaginary pairs, f32 where that is what is computed in.
  int64_t factorWords() const { return split() ? 16 : 8; }

  /// Applies two factors of each to all complex values, register by register; `words(tile)` gives the factors of a tile.
  template <typename Apply>
  void forEachValue(const monarch::Layout &layout, bool inF32,
                    llvm::function_ref<std::vector<Value>(int64_t tile)> words, Apply apply) {
    forEachState([&](size_t) { inF32 ? unpack() : pack(operand()); });
    Arithmetic a{b, k.loc, inF32 ? Type(b.getF32Type()) : halves(), {}};
    auto applyTo = [&](int64_t tile) {
      std::vector<Value> w = words(tile);
      auto &[re, im] = x->data[tile];
      for (int reg = 0; reg < 4; ++reg)
        for (int i = 0; i < (inF32 ? 2 : 1); ++i) {
          auto factor = [&](int plane) -> Value {
            if (split())
              return LLVM::BitcastOp::create(b, k.loc, b.getF32Type(), w[4 * reg + 2 * plane + i]);
            Value pair = asHalves(w[2 * reg + plane]);
            return inF32 ? half(pair, i) : pair;
          };
          int at = inF32 ? 2 * reg + i : reg;
          apply(a, re[at], im[at], factor(0), factor(1));
        }
    };
    for (int64_t tile = 0; tile < layout.tiles(); ++tile)
      if (layout.present({.tile = tile}))
        forEachState([&](size_t) { applyTo(tile); });
  }

  /// Factors of a twiddle have magnitude one, and turn by less than a right angle or a little more: three shears do that in three instructions, where a product takes four (the lifting
  /// steps of Daubechies and Sweldens 1998). They are by the tangent of half of the angle, by its sine, and by the tangent again.
  void scale(TileTwiddleOp op) {
    int stage = static_cast<int>(op.getDigit());
    monarch::Layout layout = layoutOf(op.getX().getType());
    std::vector<int> uniform = uniformDigits(layout, monarch::dependences(schedule, HomeKind::Product, stage));
    Table table = makeTable(uniform, factorWords(), [&](int lane, const std::vector<int64_t> &values) {
      LaneWords words;
      for (int reg = 0; reg < 8; reg += 2) {
        auto value = [&](int at) {
          std::vector<int64_t> d = valuesAt(layout, lane, at, uniform, values);
          monarch::Complex w = monarch::stageFactor(schedule, HomeKind::Product, stage, 0, d[stage], d);
          return op.getInverse() ? std::conj(w) : w;
        };
        double first = std::arg(value(reg)), second = std::arg(value(reg + 1));
        assert(std::max(std::abs(first), std::abs(second)) < 1.8 && "more than 100 degrees");
        double factors[] = {std::tan(first / 2), std::tan(second / 2), std::sin(first), std::sin(second)};
        if (split()) {
          for (double factor : factors)
            words.push_back(toFloatBits(factor));
          continue;
        }
        words.push_back(packHalves(factors[0], factors[1]));
        words.push_back(packHalves(factors[2], factors[3]));
      }
      return words;
    });
    bool byTile = llvm::any_of(uniform, [&](int d) { return tilesHold(layout, d); });
    auto wordsOf = [&](int64_t tile) { return load(table, layout, byTile ? tile : 0); };
    auto turn = [](Arithmetic &a, Value &re, Value &im, Value tangent, Value sine) {
      im = a.addProduct(im, re, tangent);
      re = a.subProduct(re, im, sine);
      im = a.addProduct(im, re, tangent);
    };
    forEachValue(layout, op.getPlan().getSchedule().getProducts().isF32(), wordsOf, turn);
  }

  void multiply(TileProductOp op) {
    SpectrumOrder order = spectrumOrder(schedule);
    int64_t tiles = 1;
    for (int digit : order.tileDigits)
      tiles *= schedule.radices[digit];
    monarch::Layout layout = layoutOf(op.getX().getType());
    // A CTA that takes rows of many heads one after the other has a spectrum for each.
    bool byRow = k.problem.channelsLast && k.rowsHere;
    Level level = byRow ? Level::Use : levelOf(layout, order.tileDigits, factorWords());
    bool keeps = monarch::keepsSpectrum(getDigits(k.plan), k.choice, k.problem, k.chip);
    std::string load = k.loadsAhead() ? "ld.global" : "ld.global.nc";
    load += keeps ? ".L1::evict_last" : ".L1::no_allocate";
    // What L1 does not keep is to stay in L2, though more than L2 holds passes through it between two groups.
    Value policy;
    if (!keeps && !k.warpOwns()) {
      OpBuilder::InsertionGuard guard(b);
      moveTo(Level::Kernel);
      policy = s.assembly(b.getI64Type(), ValueRange(), "createpolicy.fractional.L2::evict_last.b64 $0, 1.0;", "=l");
    }
    // Spectra change from head to head, and a CTA has one; the digits of tiles are on warps or on the loop otherwise.
    auto loadTile = [&](int64_t tile) {
      OpBuilder::InsertionGuard guard(b);
      moveTo(level);
      auto [index, constant] = indexOf(layout, order.tileDigits, 128 * factorWords(), tile);
      Value pointer = s.offset(k.spectrum, s.toI64(index));
      if (byRow)
        pointer = s.offset(pointer, s.mul(s.toI64(row), k.spectrumBytes()));
      return loadWords(pointer, constant, 512, factorWords(), load, policy);
    };
    constexpr int64_t spectrum = -1;
    auto wordsOf = [&](int64_t tile) {
      return byRow ? loadTile(tile) : loadOnce(spectrum, 2 * tile, [&] { return loadTile(tile); });
    };
    auto multiply = [](Arithmetic &a, Value &re, Value &im, Value wr, Value wi) {
      Value r = re;
      re = a.subProduct(a.mul(r, wr), im, wi);
      im = a.addProduct(a.mul(im, wr), r, wi);
    };
    forEachValue(layout, op.getPlan().getSchedule().getProducts().isF32(), wordsOf, multiply);
  }
};
} // namespace

void fftconv::emitPhase(KernelContext &context, ArrayRef<Operation *> ops,
                        const DenseMap<Operation *, double> &scales) {
  PhaseEmitter(context, ops, scales).emit();
}
