//===- PhaseEmitter.h - A phase of a kernel ---------------------*- C++ -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Lowers a phase: the ops from a read of shared memory to the next write. A 16 x 16 tile of a lane is four packed registers (pairs of f16, register r1 + 2 r2), or eight f32 (r0 + 2 r1 + 4 r2), for each
// plane; what is computed in f32 is four packed registers of hi and four of lo where it is an operand. TileMath.cpp goes through the ops, TileMoves.cpp reads and writes shared memory, TileTables.cpp
// loads tables, TileProducts.cpp has the transforms by mma, TileFactors.cpp butterflies, twiddles and the product with the spectrum.
//
//===----------------------------------------------------------------------===//

#ifndef FFTCONV_LIB_CONVERSION_PHASEEMITTER_H
#define FFTCONV_LIB_CONVERSION_PHASEEMITTER_H

#include "KernelEmitter.h"

#include "llvm/ADT/MapVector.h"

namespace fftconv {

/// What a lane holds of a tile op's value. Registers that a padded digit leaves empty are null.
struct TileValue {
  monarch::Layout layout;
  int planes = 1;
  /// Packed pairs of a 16-bit type, four to a tile; f32, eight to a tile; pairs of hi and then pairs of lo, four of each.
  enum class Form { Packed, Wide, Split } form = Form::Packed;
  std::vector<std::array<std::array<mlir::Value, 8>, 2>> data;

  TileValue(monarch::Layout layout, int planes, Form form)
      : layout(std::move(layout)), planes(planes), form(form), data(this->layout.tiles()) {}
  bool present(int64_t reg, int64_t tile) const { return layout.present({.reg = reg, .tile = tile}); }
};

/// Words of a table for one lane.
using LaneWords = std::vector<uint32_t>;

/// The bits of a value rounded to a 16-bit type.
inline uint16_t toHalf(double value, mlir::Type type) {
  return static_cast<uint16_t>(roundTo(type, value).bitcastToAPInt().getZExtValue());
}
inline uint32_t toFloatBits(double value) { return llvm::bit_cast<uint32_t>(static_cast<float>(value)); }

/// Lowers the ops of one phase, for all tiles and rows of a group.
class PhaseEmitter {
public:
  PhaseEmitter(KernelContext &context, llvm::ArrayRef<mlir::Operation *> ops,
               const llvm::DenseMap<mlir::Operation *, double> &scales)
      : k(context), b(context.b), s(context.scalars()), schedule(*context.schedule), ops(ops), scales(scales) {}

  void emit();

private:
  KernelContext &k;
  mlir::OpBuilder &b;
  Scalars s;
  const monarch::Schedule &schedule;
  llvm::ArrayRef<mlir::Operation *> ops;
  const llvm::DenseMap<mlir::Operation *, double> &scales;
  RuntimePlace place;
  mlir::Operation *phaseAnchor = nullptr, *tileAnchor = nullptr;

  /// Among the rows of a group; null for the first where warps own rows, which is part of the layout then.
  mlir::Value row;
  std::optional<TileValue> x;
  /// Values that ops have left and others will take.
  llvm::MapVector<mlir::Value, TileValue> values;
  /// How a warp makes its trips, and which of those that are side by side this is.
  monarch::Trips trips = monarch::Trips::Loop;
  bool inLine() const { return trips == monarch::Trips::SideBySide; }
  int64_t trip = 0;
  /// Lowers what one trip does, or all that are side by side, for all rows; `together` are side by side.
  void emitTrip(const monarch::Layout &layout, int64_t together);

  /// All this of a row and a trip that are computed beside others, op by op and tile by tile, so that none waits for another's results, and all take a matrix that is loaded once.
  struct State {
    mlir::Value row, loop;
    int64_t trip = 0;
    std::optional<TileValue> x;
    llvm::MapVector<mlir::Value, TileValue> values;
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
  std::map<std::array<int64_t, 3>, std::vector<mlir::Value>> loaded;
  const std::vector<mlir::Value> &loadOnce(int64_t table, int64_t halfTile,
                                           llvm::function_ref<std::vector<mlir::Value>()> load) {
    auto [entry, isNew] = loaded.try_emplace({table, trip, halfTile});
    if (isNew)
      entry->second = load();
    return entry->second;
  }
  /// Where warpgroups multiply, those that were loaded ahead of all rows stay: factors are the same there and back, and so are layouts. By what is loaded, for what, and where the digits are on which that depends.
  /// Where trips are made in turn, those that an op has loaded for the whole phase serve it in all of them: by the op, too.
  using Kept = std::tuple<mlir::Operation *, std::array<int64_t, 5>, std::vector<std::tuple<monarch::Place, int, int>>>;
  std::map<Kept, std::vector<mlir::Value>> kept;
  /// The op that is being lowered.
  mlir::Operation *lowered = nullptr;

  monarch::Layout layoutOf(TileType type) const { return type.getLayout().getLayout(schedule.radices); }
  using Form = TileValue::Form;
  bool split() const { return k.problem.split; }
  /// The type of operands of mma.
  mlir::Type operand() { return split() ? mlir::Type(b.getF16Type()) : k.plan.getCompute(); }
  /// A packed register.
  mlir::Type halves() { return mlir::VectorType::get(2, operand()); }

  //===--------------------------------------------------------------------===//
  // Tables (TileTables.cpp)
  //===--------------------------------------------------------------------===//

  /// Moves to the place where what changes with `level` only is computed: what a phase loads once before the barrier in front of it, so that waiting for
  /// memory and for other warps is one.
  void moveTo(monarch::Level level);
  /// A table of words for each lane, for every value of an index over digits, `width` (4 or 2) to a load.
  struct Table {
    DigitIndex index;
    monarch::Level level;
    int64_t words, width, offset, stride;
  };
  Table makeTable(const DigitIndex &index, monarch::Level level, int64_t words, int64_t width,
                  llvm::function_ref<LaneWords(int lane, const std::vector<int64_t> &values)> make);
  /// The registers of a tile at which some digits differ: r1 and r2 each where it holds a bit of one, else zero; and r0 if values inside of pairs count.
  static std::vector<int64_t> slotsOf(const monarch::Layout &layout, const std::vector<int> &digits,
                                      bool insidePairs = false);
  /// Which of them a register belongs to.
  static size_t slotAt(const std::vector<int64_t> &slots, int64_t reg) {
    return llvm::find(slots, reg & slots.back()) - slots.begin();
  }
  /// What numbers the parts of a table that depends on some digits: their bits outside of tiles.
  static DigitIndex outsideTiles(const monarch::Layout &layout, const std::vector<int> &digits);
  /// The values of all digits at a lane's register, in the part of such a table that `values` says.
  static std::vector<int64_t> valuesAt(const monarch::Layout &layout, int lane, int64_t reg,
                                       std::vector<int64_t> values);
  monarch::Level levelOf(const monarch::Layout &layout, const std::vector<int> &digits, int64_t words) const {
    return monarch::loadLevel(getDigits(k.plan), layout, digits, words, inLine(), k.problem);
  }
  /// The part of unit * index that is known at run time only (i32).
  mlir::Value runtimePart(const DigitIndex &index, int64_t unit, const monarch::Layout &layout);
  /// Loads a table's words for a tile, or for half of one.
  std::vector<mlir::Value> load(const Table &table, const monarch::Layout &layout, int64_t tile, int64_t half = 0);
  /// Words from global memory, `width` at a time, what all lanes load of one after the other. In assembly: loads of constants must stay where they
  /// are put, for hoisted out of every loop they would take all registers.
  std::vector<mlir::Value> loadWords(mlir::Value pointer, int64_t constant, int64_t words, int64_t width,
                                     llvm::StringRef instruction, mlir::Value policy = {});

  //===--------------------------------------------------------------------===//
  // Registers, and the forms of values
  //===--------------------------------------------------------------------===//

  uint32_t packHalves(double low, double high) {
    return toHalf(low, operand()) | static_cast<uint32_t>(toHalf(high, operand())) << 16;
  }
  mlir::Value asHalves(mlir::Value word) { return mlir::LLVM::BitcastOp::create(b, k.loc, halves(), word); }
  mlir::Value asWord(mlir::Value pair) { return mlir::LLVM::BitcastOp::create(b, k.loc, b.getI32Type(), pair); }
  /// The same value in another register, so that the assembler need not copy it each time that an operand has it at two places.
  mlir::Value another(mlir::Value pair);
  mlir::Value zero;
  /// -x of both halves, by their signs.
  mlir::Value negateHalves(mlir::Value pair) { return asHalves(s.bitXor(asWord(pair), s.i32(0x80008000))); }
  mlir::Value packPair(mlir::Value low, mlir::Value high, mlir::Type type) {
    return mlir::LLVM::FPTruncOp::create(b, k.loc, mlir::VectorType::get(2, type), s.vector({low, high}));
  }
  mlir::Value half(mlir::Value pair, int which) {
    return mlir::LLVM::FPExtOp::create(b, k.loc, b.getF32Type(), s.element(pair, which));
  }
  /// Changes every tile's registers of every plane.
  void reform(Form form, llvm::function_ref<std::array<mlir::Value, 8>(const std::array<mlir::Value, 8> &)> change);
  void pack(mlir::Type type);
  void unpack();
  /// x as hi + lo: hi is x rounded to f16, lo the rest.
  void splitUp();

  void lower(mlir::Operation *op);
  /// x times a gate, register by register.
  void applyGate(TileGateOp op);

  //===--------------------------------------------------------------------===//
  // Shared memory (TileMoves.cpp)
  //===--------------------------------------------------------------------===//

  /// Where a tile's elements are in shared memory.
  monarch::SharedMap memoryOf(mlir::Value tile);
  void read(RelayoutOp op);
  bool takesBothPlanes(TileDftOp op) const { return schedule.takesBothPlanes(static_cast<int>(op.getDigit())); }
  /// Calls `visit` for four matrices at a time that lie in consecutive registers where products of both planes take or leave them: those of real and
  /// imaginary parts in turn, with r1 = 0 and then 1. Lanes 8 to 15 address the second matrix.
  void
  forEachFourOfBothPlanes(mlir::Value tile, const monarch::SharedMap &memory, const monarch::MatrixAccess &access,
                          llvm::function_ref<void(mlir::Value pointer, std::array<mlir::Value *, 4> matrices)> visit);
  void readBothPlanes(RelayoutOp op, const monarch::SharedMap &memory, const monarch::MatrixAccess &access);
  std::vector<mlir::Value> loadMatrices(mlir::Value pointer, int count, bool transposed);
  void storeMatrices(mlir::Value pointer, const llvm::SmallVector<mlir::Value> &words, bool transposed);
  void write(RelayoutOp op);

  //===--------------------------------------------------------------------===//
  // Matrix products (TileProducts.cpp)
  //===--------------------------------------------------------------------===//

  /// The entry of a transform's matrix, scaled, that a lane has in a register of operand A: [new][old] in the order of the column bits of `before`, the operand's layout. `values` has what it depends on.
  monarch::Complex matrixEntry(TileDftOp op, const monarch::Layout &before, int lane, int reg,
                               const std::vector<int64_t> &values);
  /// The same at a row and a column.
  monarch::Complex matrixEntry(TileDftOp op, const monarch::Layout &before, std::pair<int, int> at,
                               const std::vector<int64_t> &values);
  /// A part of an entry: as it is, or what rounding leaves of it.
  double partOf(double entry, int part) {
    return part == 0 ? entry : entry - roundTo(operand(), entry).convertToDouble();
  }
  /// How the sums of a product come and stay: in f16, in f32 and rounded at once, before the next tile needs registers, or in f32.
  struct Sums {
    bool half, round;
    mlir::Type element;
    Form form() const { return half || round ? Form::Packed : Form::Wide; }
  };
  static Sums sumsOf(TileDftOp op) {
    bool half = op.getPlan().getSchedule().getSums().isF16();
    mlir::Type element = op.getY().getType().getReal();
    return {half, !half && !element.isF32(), element};
  }
  /// The registers of an operand of mma: of hi and, where there is one, of lo.
  using Operand = std::array<llvm::SmallVector<mlir::Value>, 2>;
  /// The sum of the products of matrices and data, from the left or from the right.
  llvm::SmallVector<mlir::Value> sumOfProducts(llvm::ArrayRef<std::pair<Operand, Operand>> products, bool left,
                                               bool halfSums);
  /// A product with the matrix of a digit of 8 values, of real and imaginary parts at once. From the left operand A is [[re, -im], [im, re]], the matrix, and B is [re; im] of 64 values that
  /// have r1 and r2 in common. From the right A has such rows, or, where the matrix is the same for two values of r1 or r2, those of both: [re, im] of one below the other; then B is the
  /// matrix, once as what makes real parts, [re; -im], and once for imaginary ones, [im; re].
  void transformBothPlanes(TileDftOp op);
  void transform(TileDftOp op);

  /// The same by wgmma (WarpgroupProducts.cpp), and how the matrix of a digit lies in shared memory: where, one for each value of an index, the bytes from one 8 x 8 block to the next along K and along
  /// N, and whether rows of blocks are along N.
  struct MatrixInShared {
    int64_t offset, bytes, alongK, alongN;
    bool transposed;
  };
  MatrixInShared placeMatrix(TileDftOp op, const monarch::Layout &before, const DigitIndex &index, int64_t planesIn,
                             int64_t planesOut);
  void transformByWarpgroup(TileDftOp op);
  /// Where shared memory begins, as descriptors of matrices have it (i32).
  mlir::Value sharedDescriptor;

  bool tilesHold(const monarch::Layout &layout, int digit) const {
    return llvm::any_of(layout.placesOf(digit), [](const monarch::Place &p) { return p.kind == 'u'; });
  }

  //===--------------------------------------------------------------------===//
  // Butterflies, twiddles, spectra (TileFactors.cpp)
  //===--------------------------------------------------------------------===//

  void butterfly(TileDftOp op);
  /// Words of a factor for the four registers of a tile: real and imaginary pairs, f32 where that is what is computed in.
  int64_t factorWords() const { return split() ? 16 : 8; }
  /// A part of factors, of real or imaginary parts, for register `at` of one form or the other, of those that the words are for.
  mlir::Value factorAt(llvm::ArrayRef<mlir::Value> words, int64_t at, int plane, bool inF32);
  /// Applies two factors of each to all complex values, register by register; `words(tile)` gives the factors of a tile.
  template <typename Apply>
  void forEachValue(const monarch::Layout &layout, bool inF32,
                    llvm::function_ref<std::vector<mlir::Value>(int64_t tile)> words, Apply apply);
  /// Factors of a twiddle have magnitude one: those that turn by less than a right angle or a little more are three shears, three instructions, where a product takes four (the lifting
  /// steps of Daubechies and Sweldens 1998). They are by the tangent of half of the angle, by its sine, and by the tangent again.
  void scale(TileTwiddleOp op);
  void multiply(TileProductOp op);
  /// The product of blocks with a spectrum for each lag; `words(tile, half)` gives those of a half of a tile.
  void convolveBlocks(const monarch::Layout &layout, bool inF32,
                      llvm::function_ref<std::vector<mlir::Value>(int64_t tile, int64_t half)> words);
};

} // namespace fftconv

#endif // FFTCONV_LIB_CONVERSION_PHASEEMITTER_H
