//===- TileCopies.cpp - Rows between memory and shared memory -------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A row is cut into units of 16 bytes, fewer where its length does not keep rows aligned. The threads that own a row (a warp where warps own
// sequences, else the CTA or a team of its warps) take units in turn, and the same thread takes the same unit on the way in and out. Units past L are zeros.
//
// Where channels are last, all threads of a CTA bring neighbouring heads at once, 16 bytes of one point in time, and turn them into rows on the way.
//
// Rows of f32 come in as they are; they are scaled and split into planes of hi and lo from there.
//
//===----------------------------------------------------------------------===//

#include "KernelEmitter.h"

using namespace mlir;
using namespace fftconv;

namespace {
class RowCopier {
public:
  RowCopier(KernelContext &context)
      : k(context), b(context.b), s(context.scalars()), bytes(k.problem.elementBytes()),
        width(monarch::copyWidth(k.problem, k.rows)), elements(width / bytes),
        memory(context.schedule->resultMemory()) {
    owners = k.warpOwns() ? 32 : k.threads() / k.teams();
    me = k.warpOwns() ? k.lane : k.team ? s.bitAnd(k.thread, owners - 1) : k.thread;
    rowTeams = k.schedule->rowTeams();
    byBlocks = k.teams() > rowTeams;
    linear = llvm::all_of(k.schedule->radices, [](int64_t r) { return monarch::isPowerOfTwo(r); });
    // Addresses that take divisions are one each for every unit: hoisted out of the loop over groups they would take registers for good, and a warp that holds rows
    // of f32 has none to spare.
    if (!linear || (k.problem.split && k.warpOwns()))
      me = s.assembly(b.getI32Type(), me, "mov.u32 $0, $1;", "=r,r");
    lead = s.mul(me, elements);
    if (byBlocks)
      lead = s.add(lead, s.mul(k.team, k.schedule->points() / k.teams()));
  }

  void copyIn(CopyInOp op, Value row, Value count) {
    if (k.problem.channelsLast)
      return turnIn(op, row);
    forEachScheduleRow(row, count, [&](ArrayRef<Row> rows) {
      forEachUnit(k.schedule->points(), {}, [&](const Unit &unit, ValueRange) -> SmallVector<Value> {
        for (const Row &row : rows) {
          Value real = both(unit.real, row.exists), global = at(op.getU(), row, unit);
          Value target = k.problem.split ? s.offset(raw(op.getTile(), row), rawAddress(unit))
                                         : s.offset(halves(op.getTile(), row, 0), address(unit));
          if (width == 2) {
            loadElement(real, target, global, k.buffers.lookup(op.getU()).pointer);
            continue;
          }
          auto cache = width == 16 ? NVVM::LoadCacheModifierKind::CG : NVVM::LoadCacheModifierKind::CA;
          Value size = real ? s.select(real, s.i32(width), s.i32(0)) : Value();
          NVVM::CpAsyncOp::create(b, k.loc, target, global, static_cast<uint32_t>(width), cache, size);
        }
        return {};
      });
    });
  }

  void normalize(TileNormalizeOp op, Value row, Value count) {
    Value x = op.getX(), y = op.getY();
    Type f32 = b.getF32Type();
    auto unitOf = [&](const Row &row, const Unit &unit) { return s.offset(raw(x, row), rawAddress(unit)); };
    auto greatest = [&](ArrayRef<Row> rows) {
      SmallVector<Value> zeros(rows.size(), s.i32(0));
      return forEachUnit(k.schedule->points(), zeros, [&](const Unit &unit, ValueRange so) {
        SmallVector<Value> next(so);
        for (auto [row, most] : llvm::zip(rows, next)) {
          Value value = load(unitOf(row, unit), f32, elements);
          if (op.getGate()) {
            // Past the end there are zeros already.
            Value real = both(unit.real, row.exists), gate = at(op.getGate(), row, unit);
            if (real)
              gate = s.select(real, gate, k.buffers.lookup(op.getGate()).pointer);
            Value product = multiply(value, load(gate, f32, elements));
            value = real ? Value(LLVM::SelectOp::create(b, k.loc, real, product, value)) : product;
            LLVM::StoreOp::create(b, k.loc, value, unitOf(row, unit), static_cast<unsigned>(width));
          }
          for (int64_t i = 0; i < elements; ++i)
            most = b.createOrFold<arith::MaxUIOp>(k.loc, most, s.magnitude(s.element(value, i)));
        }
        return next;
      });
    };
    auto split = [&](ArrayRef<Row> rows, ArrayRef<Value> most) {
      SmallVector<Value> factors;
      for (auto [row, bits] : llvm::zip(rows, most)) {
        // 2^(132 - exponent) puts the greatest between 32 and 64; its inverse is normal, too.
        Value exponent = s.min(s.sub(s.i32(259), s.shr(bits, 23)), s.i32(253));
        factors.push_back(s.splat(s.powerOfTwo(exponent), elements));
        Value inverse = s.powerOfTwo(s.sub(s.i32(254), exponent));
        // Where there is nothing but zeros, nothing of the other row of a pair may be taken for results.
        inverse = s.select(s.isZero(bits), s.f32(0), inverse);
        guarded(s.isZero(me), [&, &row = row] {
          Value head = k.head;
          if (k.problem.channelsLast && !k.warpOwns() && row.index)
            head = s.min(s.add(k.firstHead, s.toI64(row.index)), s.i64(k.problem.heads - 1));
          Value spectrum = s.offset(k.spectra, s.mul(head, k.spectrumBytes()));
          Value scale = load(s.offset(spectrum, 8 * k.schedule->points()), f32, 1);
          LLVM::StoreOp::create(b, k.loc, multiply(inverse, scale), scaleOf(row), 4);
        });
      }
      forEachUnit(k.schedule->points(), {}, [&](const Unit &unit, ValueRange) -> SmallVector<Value> {
        for (auto [row, factor] : llvm::zip(rows, factors)) {
          Value value = multiply(load(unitOf(row, unit), f32, elements), factor), hi = narrow(value);
          Value lo = narrow(LLVM::FSubOp::create(b, k.loc, value, widen(hi)));
          for (auto [part, plane] : {std::pair(0, hi), std::pair(1, lo)})
            LLVM::StoreOp::create(b, k.loc, plane, s.offset(halves(y, row, 0, part), address(unit)), 2 * elements);
        }
        return {};
      });
    };
    auto warpMost = [&](Value most) {
      return s.assembly(b.getI32Type(), most, "redux.sync.max.u32 $0, $1, 0xffffffff;", "=r,r");
    };
    if (k.warpOwns()) {
      SmallVector<Row> rows = pairOf(row, k.warp);
      split(rows, llvm::map_to_vector(greatest(rows), warpMost));
      return;
    }
    // Each warp's greatest, row by row; then, after a barrier, that of all warps. Rows of neighbouring heads are of one batch row.
    auto rowsAt = [&](Value index) {
      return pairOf(index && !k.problem.channelsLast ? s.add(row, s.toI64(index)) : row, index);
    };
    forEachRow(count, [&](Value index) {
      SmallVector<Row> rows = rowsAt(index);
      SmallVector<Value> most = llvm::map_to_vector(greatest(rows), warpMost);
      guarded(s.isZero(k.lane), [&] {
        for (auto [row, bits] : llvm::zip(rows, most))
          LLVM::StoreOp::create(b, k.loc, bits, s.offset(warpsMost(row), s.mul(k.warp, 4)), 4);
      });
    });
    NVVM::Barrier0Op::create(b, k.loc);
    forEachRow(count, [&](Value index) {
      SmallVector<Row> rows = rowsAt(index);
      SmallVector<Value> most;
      for (const Row &row : rows) {
        Value mine = s.offset(warpsMost(row), s.mul(s.bitAnd(k.lane, k.schedule->warps - 1), 4));
        most.push_back(warpMost(LLVM::LoadOp::create(b, k.loc, b.getI32Type(), mine, 4)));
      }
      split(rows, most);
    });
  }

  void copyOut(CopyOutOp op, Value row, Value count) {
    element = op.getY().getType().getElementType();
    if (k.problem.channelsLast)
      return turnOut(op, row);
    // Gates that no phase has loaded before come of all rows at once, or of one at a time, before the first result is written: stores would keep them from coming together.
    int64_t held = monarch::postGatesHeld(getDigits(k.plan), k.choice, k.problem);
    if (held == k.rows && k.gates.empty())
      holdGates(op, row, count);
    size_t next = 0;
    auto copy = [&](const Row &row, Value scale, const Unit &unit) {
      Value value = result(op.getX(), row, address(unit), elements);
      if (k.problem.wraps) {
        auto [where, isImaginary] = tailAddress(unit.element);
        value = add(value, result(op.getX(), row, where, elements, isImaginary));
      }
      value = finish(value, scale);
      if (op.getGate())
        value = multiply(value, held ? k.gates[next++] : load(at(op.getGate(), row, unit), element, elements));
      LLVM::StoreOp::create(b, k.loc, value, at(op.getY(), row, unit), width, /*isVolatile=*/false,
                            /*isNonTemporal=*/true);
    };
    forEachScheduleRow(row, count, [&](ArrayRef<Row> rows) {
      if (k.rowSignals >= 0)
        s.when(rows.front().exists, [&] { k.awaitRows(k.phases - 1, rows.front().index); });
      if (held && held < k.rows)
        holdGates(op, rows);
      SmallVector<Value> scales = llvm::map_to_vector(rows, [&](const Row &row) { return loadScale(row); });
      forEachUnit(k.problem.length, {}, [&](const Unit &unit, ValueRange) -> SmallVector<Value> {
        for (auto [row, scale] : llvm::zip(rows, scales))
          s.when(row.exists, [&, &row = row, scale = scale] { guarded(unit.real, [&] { copy(row, scale, unit); }); });
        return {};
      });
    });
  }

  /// Loads what the results of rows will be multiplied with, in the order in which they leave.
  void holdGates(CopyOutOp op, Value row, Value count) {
    forEachScheduleRow(row, count, [&](ArrayRef<Row> rows) { holdGates(op, rows); });
  }

  /// Has the rows of a buffer from `row` on brought into L2, as many as travel together.
  void fetch(Value buffer, Value row) {
    // By lines, whatever is in them, so that teams of blocks are one team.
    int64_t lines = llvm::divideCeil(k.problem.length * bytes, 128), all = lines * k.rows / rowTeams;
    int64_t owners = k.warpOwns() ? 32 : k.threads() / rowTeams;
    Value me = byBlocks ? k.thread : this->me;
    for (int64_t begin = 0; begin < all; begin += owners) {
      Value line = s.add(me, s.i32(begin)), batch = s.add(row, s.toI64(rowOfTeam(s.div(line, lines))));
      Value exists = s.less(batch, k.batch);
      if (all - begin < owners)
        exists = both(exists, s.less(line, s.i32(all)));
      guarded(exists, [&] {
        Value pointer = s.offset(k.rowOf(buffer, batch, k.head), s.toI64(s.mul(s.rem(line, lines), 128)));
        s.assembly(pointer, "prefetch.global.L2 [$0];", "l");
      });
    }
  }

private:
  KernelContext &k;
  OpBuilder &b;
  Scalars s;
  /// Of an element, of one access; elements of one access, and threads that share a row.
  int64_t bytes, width, elements, owners;
  monarch::SharedMap memory;
  /// Teams that have rows of their own, and whether teams have blocks of all rows instead.
  int64_t rowTeams;
  bool byBlocks;
  /// Of those threads this one, and the element with which its first unit begins.
  Value me, lead;
  bool linear;
  Type element;

  //===--------------------------------------------------------------------===//
  // Rows and units
  //===--------------------------------------------------------------------===//

  /// A row of a CTA: its batch row, its place among the rows of the CTA (null: the only one), which of the planes of its pair it is, and whether it is there; null where
  /// it is for sure.
  struct Row {
    Value batch, index;
    int plane = 0;
    Value exists;
  };

  /// The place among the rows of the CTA of a team's row `index` (i32).
  Value rowOfTeam(Value index) { return rowTeams > 1 ? s.add(s.mul(index, rowTeams), k.team) : index; }

  void forEachRow(Value count, llvm::function_ref<void(Value index)> body) {
    OpBuilder::InsertionGuard guard(b);
    if (!count)
      return body({});
    auto loop = s.loop(rowTeams > 1 ? k.team : s.i32(0), count, s.i32(rowTeams));
    b.setInsertionPointToStart(loop.getBody());
    body(loop.getInductionVar());
  }

  /// Calls `visit` with the planes of `count` schedule rows (null: the only one) from `row` on, those of this team, one after the other: in a loop, or in line.
  void forEachScheduleRow(Value row, Value count, llvm::function_ref<void(ArrayRef<Row>)> visit) {
    if (k.warpOwns()) {
      // Rows of a warp are as far apart as there are warps.
      for (int64_t r = 0; r < k.rows; r += k.schedule->warps) {
        SmallVector<Row> rows = pairOf(s.add(row, s.i64(r)), s.add(k.warp, s.i32(r)));
        for (Row &plane : rows)
          plane.exists = k.rowsAreFull || (r == 0 && plane.plane == 0) ? Value() : s.less(plane.batch, k.batch);
        visit(rows);
      }
      return;
    }
    if (!count)
      return visit(pairOf(row, {}));
    if (!monarch::copiesInLine(getDigits(k.plan), k.choice, k.problem))
      return forEachRow(count, [&](Value index) { visit(pairOf(s.add(row, s.toI64(index)), index)); });
    // Batch rows of the group that are there.
    int64_t planes = k.paired() ? 2 : 1;
    Value there = k.paired() ? s.toI32(s.min(s.sub(k.batch, s.mul(row, planes)), s.i64(planes * k.rows))) : count;
    for (int64_t r = 0; r < k.rows / rowTeams; ++r) {
      Value index = rowOfTeam(s.i32(r));
      SmallVector<Row> rows = pairOf(s.add(row, s.toI64(index)), index);
      for (Row &plane : rows)
        plane.exists = k.rowsAreFull || (r == 0 && rowTeams == 1 && plane.plane == 0)
                           ? Value()
                           : s.less(s.add(s.mul(index, planes), s.i32(plane.plane)), there);
      visit(rows);
    }
  }

  /// The planes of a schedule row.
  SmallVector<Row> pairOf(Value row, Value index) {
    SmallVector<Row> rows;
    for (int plane = 0; plane < (k.paired() ? 2 : 1); ++plane) {
      Value batch = k.paired() ? s.add(s.mul(row, 2), s.i64(plane)) : row;
      rows.push_back({batch, index, plane, plane ? s.less(batch, k.batch) : Value()});
    }
    return rows;
  }

  /// What a thread copies at a time.
  struct Unit {
    /// The element that begins the unit of the first thread, and where: in which iteration, if that is known.
    Value first;
    std::optional<int64_t> iteration;
    /// The element that begins this thread's unit.
    Value element;
    /// Whether it lies before L; null where all do.
    Value real;
  };

  /// Calls `visit` for all units of `values` elements, with what it has made of the units before, `initial` at first.
  SmallVector<Value> forEachUnit(int64_t values, ArrayRef<Value> initial,
                                 llvm::function_ref<SmallVector<Value>(const Unit &, ValueRange)> visit) {
    OpBuilder::InsertionGuard guard(b);
    int64_t units = (byBlocks ? k.schedule->points() / k.teams() : values) / elements;
    int64_t iterations = (units + owners - 1) / owners;
    auto unitAt = [&](Value first, std::optional<int64_t> iteration) {
      Value mine = s.add(first, lead), real;
      if (!iteration || (byBlocks && k.problem.length < k.schedule->points()))
        real = s.less(mine, s.i32(k.problem.length));
      else if (int64_t left = k.problem.length / elements - *iteration * owners; left < owners)
        real = s.less(me, s.i32(left));
      return Unit{first, iteration, mine, real};
    };
    SmallVector<Value> made(initial);
    if (iterations <= monarch::unrolledCopies) {
      for (int64_t it = 0; it < iterations; ++it)
        made = visit(unitAt(s.i32(it * owners * elements), it), made);
      return made;
    }
    auto loop = s.loop(s.i32(0), s.i32(iterations), s.i32(1), initial);
    b.setInsertionPointToStart(loop.getBody());
    made = visit(unitAt(s.mul(loop.getInductionVar(), owners * elements), std::nullopt), loop.getRegionIterArgs());
    if (!made.empty())
      scf::YieldOp::create(b, k.loc, made);
    return SmallVector<Value>(loop.getResults());
  }

  void holdGates(CopyOutOp op, ArrayRef<Row> rows) {
    element = op.getY().getType().getElementType();
    forEachUnit(k.problem.length, {}, [&](const Unit &unit, ValueRange) -> SmallVector<Value> {
      for (const Row &row : rows) {
        auto read = [&] { return load(at(op.getGate(), row, unit), element, elements); };
        Value real = both(row.exists, unit.real);
        if (!real) {
          k.gates.push_back(read());
          continue;
        }
        auto then = [&](OpBuilder &, Location) { scf::YieldOp::create(b, k.loc, read()); };
        auto otherwise = [&](OpBuilder &, Location) {
          Type type = elements == 1 ? element : Type(VectorType::get(elements, element));
          scf::YieldOp::create(b, k.loc, Value(LLVM::ZeroOp::create(b, k.loc, type)));
        };
        k.gates.push_back(scf::IfOp::create(b, k.loc, real, then, otherwise).getResult(0));
      }
      return {};
    });
  }

  Value both(Value a, Value c) { return !a ? c : !c ? a : Value(arith::AndIOp::create(b, k.loc, a, c)); }

  //===--------------------------------------------------------------------===//
  // Addresses
  //===--------------------------------------------------------------------===//

  /// The pointer to a unit of a row in a buffer.
  Value at(Value buffer, const Row &row, const Unit &unit) {
    Value pointer = s.offset(k.rowOf(buffer, row.batch, k.head), s.toI64(s.mul(lead, bytes)));
    return unit.iteration ? s.offset(pointer, *unit.iteration * owners * width)
                          : s.offset(pointer, s.mul(unit.first, bytes));
  }

  /// Pointers to a row's plane in shared memory: of 16-bit values, or as it is in memory.
  Value halves(Value tile, const Row &row, int which, int part = 0) {
    return k.planeOf(tile, row.plane + which, part, row.index);
  }
  Value raw(Value tile, const Row &row) { return k.planeOf(tile, row.plane, row.index, bytes * k.schedule->points()); }
  Value rawAddress(const Unit &unit) { return s.mul(unit.element, bytes); }

  /// What a row's results are to be multiplied with; and the greatest magnitude that each warp has found in the row.
  Value scaleOf(const Row &row) {
    Value pointer = s.offset(k.shared, k.scales + 4 * row.plane * k.rows);
    return row.index ? s.offset(pointer, s.mul(row.index, 4)) : pointer;
  }
  Value warpsMost(const Row &row) {
    int64_t planes = k.paired() ? 2 : 1, each = 4 * k.schedule->warps;
    Value pointer = s.offset(k.shared, k.scales + 4 * planes * k.rows + row.plane * k.rows * each);
    return row.index ? s.offset(pointer, s.mul(row.index, each)) : pointer;
  }

  Value dense(Value element) {
    Value mask = s.i32(0);
    for (const auto &[bit, bits] : memory.swizzle()) {
      Value value = s.div(element, memory.stride(bit.first) << bit.second);
      mask = s.bitXor(mask, s.mul(s.bitAnd(value, 1), int64_t(bits) << 4));
    }
    return s.bitXor(s.mul(element, 2), mask);
  }
  Value padded(Value element, Value bytes) {
    int64_t padding = 2 * memory.paddingBelow(1, 0);
    return padding ? s.add(bytes, s.mul(s.div(element, memory.stride(1)), padding)) : bytes;
  }
  Value swizzled(Value element) { return padded(element, dense(element)); }

  /// The byte offset of this thread's unit in a plane of 16-bit values.
  Value address(const Unit &unit) {
    if (!linear || !unit.iteration)
      return swizzled(unit.element);
    // Over F2 the constant part can be added last: what lies in the low bits by XOR.
    std::vector<int64_t> digits(k.schedule->radices.size());
    int64_t element = *unit.iteration * owners * elements;
    for (size_t j = 1; j < digits.size(); ++j)
      digits[j] = element / memory.stride(static_cast<int>(j)) % k.schedule->radices[j];
    int64_t padding = 2 * digits[1] * memory.paddingBelow(1, 0);
    int64_t bytes = 2 * memory.address(digits) - padding, low = bytes & 127;
    return s.add(padded(lead, s.bitXor(dense(lead), s.i32(low))), s.i32(bytes - low + padding));
  }

  /// The same for the element L later, and whether that is past the real parts, among the imaginary ones.
  std::pair<Value, Value> tailAddress(Value element) {
    Value later = s.add(element, s.i32(k.problem.length)), points = s.i32(k.schedule->points());
    Value inReal = s.less(later, points);
    return {swizzled(s.select(inReal, later, s.sub(later, points))), s.select(inReal, s.i32(0), s.i32(1))};
  }

  //===--------------------------------------------------------------------===//
  // Values
  //===--------------------------------------------------------------------===//

  Value load(Value pointer, Type type, int64_t count) {
    int64_t size = type.getIntOrFloatBitWidth() / 8 * count;
    Type all = count == 1 ? type : Type(VectorType::get(count, type));
    return LLVM::LoadOp::create(b, k.loc, all, pointer, static_cast<unsigned>(size & -size));
  }
  Type like(Value value, Type type) {
    auto vector = dyn_cast<VectorType>(value.getType());
    return vector ? Type(VectorType::get(vector.getShape(), type)) : type;
  }
  Value multiply(Value x, Value y) { return LLVM::FMulOp::create(b, k.loc, x, y); }
  Value add(Value x, Value y) { return LLVM::FAddOp::create(b, k.loc, x, y); }
  Value widen(Value x) { return LLVM::FPExtOp::create(b, k.loc, like(x, b.getF32Type()), x); }
  Value narrow(Value x) { return LLVM::FPTruncOp::create(b, k.loc, like(x, b.getF16Type()), x); }

  /// Results as the stages have left them: `count` of them at an address of a row's plane, the one after it where `isImaginary`.
  Value result(Value x, const Row &row, Value where, int64_t count, Value isImaginary = {}) {
    if (isImaginary)
      where = s.add(where, s.mul(isImaginary, k.parts() * k.rows * k.rowBytes()));
    if (!k.problem.split)
      return load(s.offset(halves(x, row, 0), where), element, count);
    Value hi = load(s.offset(halves(x, row, 0, 0), where), b.getF16Type(), count);
    Value lo = load(s.offset(halves(x, row, 0, 1), where), b.getF16Type(), count);
    return add(widen(hi), widen(lo));
  }

  /// What takes the scale of a row back; null where rows have none.
  Value loadScale(const Row &row) { return k.problem.split ? load(scaleOf(row), b.getF32Type(), 1) : Value(); }
  Value finish(Value value, Value scale) {
    auto vector = dyn_cast<VectorType>(value.getType());
    return scale ? multiply(value, s.splat(scale, vector ? vector.getDimSize(0) : 1)) : value;
  }

  /// Runs `body` on the threads that have a real unit. Lanes that have none wait for the others: left to themselves they would run ahead
  /// into the next row, and the warp would do that twice.
  void guarded(Value condition, llvm::function_ref<void()> body) {
    s.when(condition, body);
    if (condition)
      NVVM::SyncWarpOp::create(b, k.loc, s.i32(-1));
  }

  /// Asynchronous copies are of four bytes at least; 16-bit rows of odd length take the way through a register.
  void loadElement(Value real, Value target, Value global, Value safe) {
    Value value = LLVM::LoadOp::create(b, k.loc, b.getI16Type(), real ? s.select(real, global, safe) : global, 2);
    if (real)
      value = s.select(real, value, s.constant(b.getI16Type(), 0));
    LLVM::StoreOp::create(b, k.loc, value, target, 2);
  }

  //===--------------------------------------------------------------------===//
  // Channels last
  //===--------------------------------------------------------------------===//

  /// Calls `visit` with the first of two neighbouring points in time below `values`, the first of `elements` neighbouring rows of the CTA, and whether their heads
  /// exist (null where all do), until all are done. A warp's lanes have neighbouring times, so that what they write to a row is contiguous.
  void forEachPatch(int64_t values, llvm::function_ref<void(Value n, Value index, Value headsExist)> visit) {
    OpBuilder::InsertionGuard guard(b);
    int64_t pairs = (values + 1) / 2, patches = pairs * (k.rows / elements);
    auto loop = s.loop(k.thread, s.i32(patches), s.i32(k.threads()));
    b.setInsertionPointToStart(loop.getBody());
    Value patch = loop.getInductionVar(), index = s.mul(s.div(patch, pairs), elements), exist;
    if (k.problem.heads % k.rows)
      exist = s.less(s.add(k.firstHead, s.toI64(index)), s.i64(k.problem.heads));
    visit(s.mul(s.rem(patch, pairs), 2), index, exist);
  }

  /// The pointer to a point in time of the head at a place among the CTA's rows.
  Value patchAt(Value buffer, const Row &row, Value n, Value index) {
    Value head = s.add(k.firstHead, s.toI64(index));
    Value time = s.mul(s.toI64(n), k.buffers.find(buffer)->second.strides[1]);
    return s.offset(k.rowOf(buffer, row.batch, {}), s.add(time, s.mul(head, bytes)));
  }

  void turnIn(CopyInOp op, Value row) {
    Type type = op.getU().getType().getElementType();
    forEachPatch(k.schedule->points(), [&](Value n, Value index, Value headsExist) {
      for (Row row : pairOf(row, {})) {
        std::array<Value, 2> at;
        for (int t = 0; t < 2; ++t) {
          Value time = s.add(n, s.i32(t));
          Value real = both(both(s.less(time, s.i32(k.problem.length)), headsExist), row.exists);
          Value pointer = s.select(real, patchAt(op.getU(), row, time, index), k.buffers.lookup(op.getU()).pointer);
          Value loaded = load(pointer, type, elements);
          if (op.getGate()) {
            Value gate =
                s.select(real, patchAt(op.getGate(), row, time, index), k.buffers.lookup(op.getGate()).pointer);
            loaded = multiply(loaded, load(gate, type, elements));
          }
          Value zero = LLVM::ZeroOp::create(b, k.loc, loaded.getType());
          at[t] = LLVM::SelectOp::create(b, k.loc, real, loaded, zero);
        }
        for (int64_t i = 0; i < elements; ++i) {
          row.index = s.add(index, s.i32(i));
          Value tile = op.getTile();
          Value target =
              k.problem.split ? s.offset(raw(tile, row), s.mul(n, bytes)) : s.offset(halves(tile, row, 0), swizzled(n));
          LLVM::StoreOp::create(b, k.loc, s.vector({s.element(at[0], i), s.element(at[1], i)}), target,
                                static_cast<unsigned>(2 * bytes));
        }
      }
    });
  }

  void turnOut(CopyOutOp op, Value row) {
    Value x = op.getX();
    forEachPatch(k.problem.length, [&](Value n, Value index, Value headsExist) {
      // Rows without a head hold nothing.
      OpBuilder::InsertionGuard guard(b);
      if (headsExist)
        b.setInsertionPointToStart(&scf::IfOp::create(b, k.loc, headsExist, false).getThenRegion().front());
      for (Row row : pairOf(row, {})) {
        std::array<SmallVector<Value>, 2> at;
        for (int64_t i = 0; i < elements; ++i) {
          row.index = s.add(index, s.i32(i));
          Value neighbours = result(x, row, swizzled(n), 2), scale = loadScale(row);
          SmallVector<Value> values = {s.element(neighbours, 0), s.element(neighbours, 1)};
          for (int t = 0; t < 2; ++t) {
            if (k.problem.wraps) {
              auto [where, isImaginary] = tailAddress(s.min(s.add(n, s.i32(t)), s.i32(k.problem.length - 1)));
              values[t] = add(values[t], result(x, row, where, 1, isImaginary));
            }
            at[t].push_back(finish(values[t], scale));
          }
        }
        for (int t = 0; t < 2; ++t) {
          Value time = s.add(n, s.i32(t));
          Value real = both(s.less(time, s.i32(k.problem.length)), row.exists);
          OpBuilder::InsertionGuard guard(b);
          b.setInsertionPointToStart(&scf::IfOp::create(b, k.loc, real, false).getThenRegion().front());
          Value value = s.vector(at[t]);
          if (op.getGate())
            value = multiply(value, load(patchAt(op.getGate(), row, time, index), element, elements));
          LLVM::StoreOp::create(b, k.loc, value, patchAt(op.getY(), row, time, index), static_cast<unsigned>(width),
                                /*isVolatile=*/false, /*isNonTemporal=*/true);
        }
      }
    });
  }
};
} // namespace

void fftconv::emitCopyIn(KernelContext &context, CopyInOp op, Value row, Value count) {
  RowCopier(context).copyIn(op, row, count);
}

void fftconv::emitNormalize(KernelContext &context, TileNormalizeOp op, Value row, Value count) {
  RowCopier(context).normalize(op, row, count);
}

void fftconv::emitCopyOut(KernelContext &context, CopyOutOp op, Value row, Value count) {
  RowCopier(context).copyOut(op, row, count);
}

void fftconv::emitHoldGates(KernelContext &context, CopyOutOp op, Value row, Value count) {
  RowCopier(context).holdGates(op, row, count);
}

void fftconv::emitFetch(KernelContext &context, Value buffer, Value row) { RowCopier(context).fetch(buffer, row); }
