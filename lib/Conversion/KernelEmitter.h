//===- KernelEmitter.h - What the lowerings of kernels share ----*- C++ -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Arithmetic on scalars of the llvm dialect, constants of a kernel, addresses in shared memory. Loops are scf, integers arith: upstream
// lowers both.
//
//===----------------------------------------------------------------------===//

#ifndef FFTCONV_LIB_CONVERSION_KERNELEMITTER_H
#define FFTCONV_LIB_CONVERSION_KERNELEMITTER_H

#include "fftconv/IR/FFTConv.h"
#include "fftconv/Monarch/Chip.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace fftconv {

/// A builder with short names for what address arithmetic needs; folds constants.
class Scalars {
public:
  Scalars(mlir::OpBuilder &b, mlir::Location loc) : b(b), loc(loc) {}

  mlir::Value i32(int64_t value) { return constant(b.getI32Type(), value); }
  mlir::Value i64(int64_t value) { return constant(b.getI64Type(), value); }
  mlir::Value f32(double value);
  mlir::Value constant(mlir::Type type, int64_t value);

  mlir::Value add(mlir::Value x, mlir::Value y) { return fold<mlir::arith::AddIOp>(x, y); }
  mlir::Value sub(mlir::Value x, mlir::Value y) { return fold<mlir::arith::SubIOp>(x, y); }
  mlir::Value mul(mlir::Value x, int64_t y);
  mlir::Value mul(mlir::Value x, mlir::Value y) { return fold<mlir::arith::MulIOp>(x, y); }
  mlir::Value div(mlir::Value x, int64_t y);
  mlir::Value rem(mlir::Value x, int64_t y);
  mlir::Value bitAnd(mlir::Value x, int64_t y) { return fold<mlir::arith::AndIOp>(x, constant(x.getType(), y)); }
  mlir::Value bitXor(mlir::Value x, mlir::Value y) { return fold<mlir::arith::XOrIOp>(x, y); }
  mlir::Value shl(mlir::Value x, int64_t y) { return fold<mlir::arith::ShLIOp>(x, constant(x.getType(), y)); }
  mlir::Value shr(mlir::Value x, int64_t y) { return fold<mlir::arith::ShRUIOp>(x, constant(x.getType(), y)); }
  mlir::Value min(mlir::Value x, mlir::Value y) { return fold<mlir::arith::MinSIOp>(x, y); }
  mlir::Value less(mlir::Value x, mlir::Value y);
  mlir::Value select(mlir::Value condition, mlir::Value x, mlir::Value y);
  mlir::Value isZero(mlir::Value x);
  mlir::Value toI64(mlir::Value x);
  mlir::Value toI32(mlir::Value x);

  /// for i = begin to end step: a loop that later stages leave as it is, since what is to be unrolled is unrolled already.
  mlir::scf::ForOp loop(mlir::Value begin, mlir::Value end, mlir::Value step, mlir::ValueRange initial = {});

  /// Emits `body` for the threads for which the condition holds; a null one holds for all.
  void when(mlir::Value condition, llvm::function_ref<void()> body);

  /// The bits of the magnitude of an f32, by which magnitudes are ordered; the f32 whose exponent has these bits, a power of two.
  mlir::Value magnitude(mlir::Value x);
  mlir::Value powerOfTwo(mlir::Value exponent);

  /// One instruction of PTX on `operands` (LLVM's constraints). It stays where it is put: no optimisation moves or merges it.
  mlir::Value assembly(mlir::Type result, mlir::ValueRange operands, const llvm::Twine &text,
                       llvm::StringRef constraints);

  void assembly(mlir::ValueRange operands, const llvm::Twine &text, llvm::StringRef constraints);

  /// A vector of values, or of one value many times; where there is one element, that itself.
  mlir::Value vector(llvm::ArrayRef<mlir::Value> values);
  mlir::Value splat(mlir::Value value, int64_t elements);
  mlir::Value element(mlir::Value vector, int64_t index);

  /// pointer + bytes.
  mlir::Value offset(mlir::Value pointer, mlir::Value bytes);
  mlir::Value offset(mlir::Value pointer, int64_t bytes);

  mlir::OpBuilder &b;
  mlir::Location loc;

private:
  template <typename Op>
  mlir::Value fold(mlir::Value x, mlir::Value y) {
    return b.createOrFold<Op>(loc, x, y);
  }
};

/// One mma.m16n8k16: the new sums, a b + c. Operands are pairs of `type`, f16 or bf16; sums are four f32, or two pairs of f16.
llvm::SmallVector<mlir::Value> emitMma(Scalars &s, llvm::ArrayRef<mlir::Value> a, llvm::ArrayRef<mlir::Value> b,
                                       llvm::ArrayRef<mlir::Value> c, mlir::Type type);

/// A value rounded to a floating-point type.
llvm::APFloat roundTo(mlir::Type type, double value);

/// Constant data, 32-bit words, each content once: of a module's kernels in one global, of a kernel's warpgroups in shared memory.
class ConstantPool {
public:
  /// The position of `words`, in words, a multiple of 4.
  int64_t add(llvm::ArrayRef<uint32_t> words);
  /// The same of words that are there already.
  std::optional<int64_t> find(llvm::ArrayRef<uint32_t> words) const;
  llvm::ArrayRef<uint32_t> words() const { return data; }

private:
  std::vector<uint32_t> data;
  std::map<std::vector<uint32_t>, int64_t> known;
};

/// The values of a place in the machine that are known at run time only.
struct RuntimePlace {
  mlir::Value lane, warp, loop;
};

/// What `weights(digit, bit)` says of every bit that a layout has on lanes, warps and the loop, summed up for a place: bits with the same shift are
/// taken together. A whole digit counts by its weight of bit 0.
mlir::Value sumOverPlace(Scalars &s, const monarch::Layout &layout, const RuntimePlace &place,
                         llvm::function_ref<int64_t(int digit, int bit)> weight, bool byXor);

/// The address of a tile's elements in shared memory, for a layout: the part that is known at run time once, constants on top.
class SharedAddress {
public:
  SharedAddress(Scalars &s, const monarch::SharedMap &memory, const monarch::Layout &layout, const RuntimePlace &place);

  /// The byte offset of the element at these registers and this tile, in a base and a constant.
  std::pair<mlir::Value, int64_t> at(Scalars &s, int64_t reg, int64_t tile);

private:
  const monarch::SharedMap &memory;
  const monarch::Layout &layout;
  mlir::Value base, padding;
  int64_t pureBytes;
  /// base, XORed with a constant below pureBytes.
  std::map<int64_t, mlir::Value> bases;
};

/// A buffer of a kernel: where it begins, and for rows of signals the bytes from one index of each of the first two dimensions to the next.
struct Buffer {
  mlir::Value pointer;
  std::array<mlir::Value, 2> strides;
};

/// What a kernel under construction knows.
struct KernelContext {
  mlir::OpBuilder b;
  mlir::Location loc;
  PlanAttr plan;
  std::shared_ptr<const monarch::Schedule> schedule;
  const monarch::Chip &chip;
  ConstantPool &pool;
  monarch::KernelProblem problem;
  monarch::KernelChoice choice;
  /// Rows of a group.
  int64_t rows;
  /// The buffers of the kernel's arguments.
  llvm::DenseMap<mlir::Value, Buffer> buffers{};
  /// Pointers to each lane's 16 bytes of the head's spectrum and of the pool, and to shared memory; batch rows (i64), rows of the schedule (pairs of those where theta is one).
  mlir::Value spectrum = {}, tables = {}, shared = {}, batch = {}, rowCount = {};
  /// The head of a CTA or of its first row, and that of this warp where warps own rows of different heads (i64).
  mlir::Value firstHead = {}, head = {};
  /// Where the scales of rows lie in shared memory, in bytes.
  int64_t scales = -1;
  mlir::Value thread = {}, lane = {}, warp = {};
  /// The team of a thread (i32; null where all warps are one).
  mlir::Value team = {};
  /// The loop over groups, before which a kernel sets up what never changes.
  mlir::Operation *groups = nullptr;
  /// What warps that share rows do before a phase, to wait for each other and for copies; before it a phase may load what it needs of constants.
  mlir::Operation *ahead = nullptr;
  /// Batch rows of this group (i32), where several travel together one after the other; else null.
  mlir::Value rowsHere = {};
  /// Whether every group has all of its rows; whether those that it has not are zeros in shared memory.
  bool rowsAreFull = false, restIsZero = false;

  /// What results will be multiplied with, in the order in which they leave, where it has been loaded.
  llvm::SmallVector<mlir::Value> gates = {};

  /// What warpgroups multiply by; where it begins in shared memory, in bytes.
  ConstantPool matrices = {};
  int64_t matricesAt = -1;

  /// Where the mbarriers lie by which warps wait for rows between phases (bytes of shared memory; negative where they wait at barriers of the CTA), and the phases emitted so far.
  int64_t rowSignals = -1, phases = 0;

  /// Starts the copies of an input of the next group.
  std::function<void(PrefetchOp)> prefetch = {};

  /// Whether mbarriers, those of this group's inputs or rows, are in an odd phase (i32).
  mlir::Value parity = {};

  Scalars scalars() { return {b, loc}; }
  /// Whether two batch rows are the real and imaginary parts of one.
  bool paired() const { return !schedule->rightAngle; }
  /// Whether a phase loads what it needs of constants before its warps wait.
  bool loadsAhead() const { return ahead || rowSignals >= 0; }
  bool warpOwns() const { return schedule->split == 0; }
  int64_t threads() const { return 32 * schedule->warps; }
  /// Teams of warps, each of which has every so many-th row of a group to itself, or a block of each row.
  int64_t teams() const { return schedule->teams(); }
  /// Waits, in front of a phase or of what copies results, for the warps that have left to it what it reads: those of a team, or all.
  mlir::Operation *barrier();
  /// Waits until all warps have left a phase of the step of rows that has the row `index` (i32) of a group; says so of this warp, whose lanes have met.
  void awaitRows(int64_t phase, mlir::Value index);
  void signalRows(int64_t phase, mlir::Value index);
  /// The mbarrier of a phase and a row.
  mlir::Value rowSignal(int64_t phase, mlir::Value index);
  /// Initialises them, for arrivals of warps, each as often as a phase's loop has trips.
  void setUpRowSignals();
  /// Bytes of a plane of 16-bit values of one row, and the planes that make up real values.
  int64_t rowBytes() const { return 2 * schedule->memory().elements(); }
  int64_t parts() const { return problem.split ? 2 : 1; }
  /// Bytes of the spectrum of a head.
  int64_t spectrumBytes() const {
    return problem.elementBytes() * monarch::spectrumValues(schedule->points(), problem.split);
  }
  mlir::Value spectra = {};
  /// Which of its buffers the input ahead of this group lies in (i32); null for the first, and where there is one.
  mlir::Value slot = {};

  /// Where a tile in shared memory begins.
  mlir::Value begin(mlir::Value tile) {
    Scalars s = scalars();
    auto type = mlir::cast<TileType>(tile.getType());
    mlir::Value pointer = s.offset(shared, type.getLayout().getOffset());
    auto copy = tile.getDefiningOp<CopyInOp>();
    return slot && copy && copy.getAhead()
               ? s.offset(pointer, s.mul(slot, copy->getParentOfType<GroupsOp>().getTileBytes(type)))
               : pointer;
  }
  /// A plane of `bytes` of one row of a tile in shared memory, where it has several; a null index is the first row.
  mlir::Value planeOf(mlir::Value tile, int64_t plane, mlir::Value index, int64_t bytes) {
    Scalars s = scalars();
    mlir::Value pointer = s.offset(begin(tile), plane * rows * bytes);
    return index ? s.offset(pointer, s.mul(index, bytes)) : pointer;
  }
  /// The same of 16-bit values: real or imaginary, hi or lo.
  mlir::Value planeOf(mlir::Value tile, int which, int part, mlir::Value index) {
    return planeOf(tile, which * parts() + part, index, rowBytes());
  }

  /// The pointer to a batch row of a head in a buffer; where channels are last, to a batch row of head 0.
  mlir::Value rowOf(mlir::Value buffer, mlir::Value batch, mlir::Value head) {
    Scalars s = scalars();
    const Buffer &in = buffers.find(buffer)->second;
    mlir::Value offset = s.mul(batch, in.strides[0]);
    return s.offset(in.pointer, head ? s.add(offset, s.mul(head, in.strides[1])) : offset);
  }
};

/// Emits a phase: the ops from a read of shared memory to the next write, for all tiles and rows of a group.
void emitPhase(KernelContext &context, llvm::ArrayRef<mlir::Operation *> ops,
               const llvm::DenseMap<mlir::Operation *, double> &scales);

/// Brings the matrices that warpgroups multiply by to shared memory.
void emitMatrices(KernelContext &context);

/// Starts the copies of `count` rows (i32; null for one) of an input, from batch row `row` on.
void emitCopyIn(KernelContext &context, CopyInOp op, mlir::Value row, mlir::Value count);
/// Scales rows and splits them into hi and lo.
void emitNormalize(KernelContext &context, TileNormalizeOp op, mlir::Value row, mlir::Value count);
/// Copies results back.
void emitCopyOut(KernelContext &context, CopyOutOp op, mlir::Value row, mlir::Value count);

/// Loads what results will be multiplied with, ahead of emitCopyOut.
void emitHoldGates(KernelContext &context, CopyOutOp op, mlir::Value row, mlir::Value count);

/// Has the rows of a group brought into L2, from batch row `row` of a buffer on.
void emitFetch(KernelContext &context, mlir::Value buffer, mlir::Value row);

/// Both by bulk copies.
void emitBulkIn(KernelContext &context, CopyInOp op, mlir::Value row, mlir::Value count);
void emitBulkOut(KernelContext &context, CopyOutOp op, mlir::Value row, mlir::Value count);
/// Before all groups: makes the mbarriers of the inputs, and the zeros past the ends of their rows, which bulk copies do not bring.
void emitBulkSetup(KernelContext &context, llvm::ArrayRef<CopyInOp> inputs);
/// Waits for the bulk copies of this group's input.
void emitBulkWait(KernelContext &context, CopyInOp op);
/// Orders what threads have written to shared memory before bulk copies that come after a barrier.
void emitBulkFence(KernelContext &context);
/// Waits until bulk copies have read results, so that others may take their place.
void emitBulkDrain(KernelContext &context);

/// The kernel of a convolution with a short filter. `batch` is the number of batch rows (i64).
void emitToeplitz(mlir::OpBuilder &b, ToeplitzOp op, const llvm::DenseMap<mlir::Value, Buffer> &buffers,
                  mlir::Value batch);

/// The kernel that turns rows, which has shared memory at `shared`.
void emitTurn(mlir::OpBuilder &b, TurnRowsOp op, const llvm::DenseMap<mlir::Value, Buffer> &buffers, mlir::Value batch,
              mlir::Value shared);

/// The kernel that transforms filters; `buffers` points to the taps, to the skips where the op has some, and to the spectra. `pool` is the
/// pointer to the pool's data.
void emitPrepare(mlir::OpBuilder &b, PrepareOp op, mlir::ValueRange buffers, mlir::Value pool, ConstantPool &constants);

/// An index in mixed radix over digits, the last one fastest, or over those of their bits that are not on some places. Of a digit whose radix is no power of two all bits count or none.
class DigitIndex {
public:
  DigitIndex(const monarch::Layout &layout, llvm::ArrayRef<int> digits, const std::set<monarch::Place> &except = {});

  /// Values that the index takes.
  int64_t count() const { return size; }
  /// What a bit of a digit adds to it.
  int64_t weight(int digit, int bit) const;
  /// The digits at an index, their other bits zero.
  std::vector<int64_t> values(int64_t index) const;
  /// The part of the index that some values make.
  int64_t of(llvm::ArrayRef<int64_t> values) const;

private:
  std::vector<int64_t> radices;
  int64_t size = 1;
  /// A bit of a digit, or from bit 0 on all of one whose radix is no power of two: what it adds, and the values that it takes.
  struct Run {
    int digit, bit;
    int64_t unit, values;
  };
  std::vector<Run> runs;
};

/// Where a spectrum's value for digits k_1 .. k_p lies, so that the lanes of tile_product read it 16 bytes at a time: the bytes that a bit of a digit counts.
class SpectrumOrder {
public:
  SpectrumOrder(const monarch::Schedule &schedule, bool split);

  int64_t weight(int digit, int bit) const;
  /// Bytes from the real to the imaginary part.
  int64_t planeBytes() const { return split ? 8 : 4; }
  /// What the lanes of a warp read together, and what numbers it.
  static constexpr int64_t accessBytes = 512;
  const DigitIndex &access() const { return accesses; }

private:
  bool split;
  monarch::Layout layout;
  DigitIndex accesses;
};

} // namespace fftconv

#endif // FFTCONV_LIB_CONVERSION_KERNELEMITTER_H
