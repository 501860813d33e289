//===- TileCopies.cpp - Rows between memory and shared memory -------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rows whose time is last, as they are.
//
//===----------------------------------------------------------------------===//

#include "RowCopier.h"

using namespace mlir;
using namespace fftconv;

RowCopier::RowCopier(KernelContext &context)
    : k(context), b(context.b), s(context.scalars()), bytes(k.problem.elementBytes()),
      width(monarch::copyWidth(k.problem, k.rows)), elements(width / bytes), memory(context.schedule->resultMemory()) {
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

void RowCopier::copyIn(CopyInOp op, Value row, Value count) {
  if (k.problem.channelsLast)
    return turnIn(op, row);
  if (op.getGate())
    return gateIn(op, row, count);
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

void RowCopier::gateIn(CopyInOp op, Value row, Value count) {
  // As many units are loaded before the first is stored; each takes a lane eight registers.
  constexpr size_t most = 8;
  Type type = op.getU().getType().getElementType();
  struct Loaded {
    Value target, value, gate, real;
  };
  SmallVector<Loaded> loaded;
  auto store = [&] {
    for (const Loaded &unit : loaded) {
      Value product = multiply(unit.value, unit.gate), zero = LLVM::ZeroOp::create(b, k.loc, product.getType());
      if (unit.real)
        product = LLVM::SelectOp::create(b, k.loc, unit.real, product, zero);
      LLVM::StoreOp::create(b, k.loc, product, unit.target, static_cast<unsigned>(width));
    }
    loaded.clear();
  };
  forEachScheduleRow(row, count, [&](ArrayRef<Row> rows) {
    forEachUnit(k.schedule->points(), {}, [&](const Unit &unit, ValueRange) -> SmallVector<Value> {
      for (const Row &row : rows) {
        Value real = both(unit.real, row.exists);
        auto read = [&](Value buffer) { return load(readable(buffer, real, at(buffer, row, unit)), type, elements); };
        Value target = s.offset(halves(op.getTile(), row, 0), address(unit));
        loaded.push_back({target, read(op.getU()), read(op.getGate()), real});
      }
      if (!unit.iteration || loaded.size() >= most)
        store();
      return {};
    });
    store();
  });
}

void RowCopier::copyOut(CopyOutOp op, Value row, Value count) {
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

void RowCopier::holdGates(CopyOutOp op, Value row, Value count) {
  forEachScheduleRow(row, count, [&](ArrayRef<Row> rows) { holdGates(op, rows); });
}

void RowCopier::holdGates(CopyOutOp op, ArrayRef<Row> rows) {
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

void RowCopier::fetch(Value buffer, Value row) {
  // By lines, whatever is in them, so that teams of blocks are one team.
  int64_t lines = llvm::divideCeil(k.problem.length * bytes, 128), all = lines * k.rows / rowTeams;
  int64_t sharing = byBlocks ? k.threads() : owners;
  Value first = byBlocks ? k.thread : me;
  for (int64_t begin = 0; begin < all; begin += sharing) {
    Value line = s.add(first, s.i32(begin)), batch = s.add(row, s.toI64(rowOfTeam(s.div(line, lines))));
    Value exists = s.less(batch, k.batch);
    if (all - begin < sharing)
      exists = both(exists, s.less(line, s.i32(all)));
    guarded(exists, [&] {
      Value pointer = s.offset(k.rowOf(buffer, batch, k.head), s.toI64(s.mul(s.rem(line, lines), 128)));
      s.assembly(pointer, "prefetch.global.L2 [$0];", "l");
    });
  }
}

void RowCopier::forEachRow(Value count, llvm::function_ref<void(Value index)> body) {
  OpBuilder::InsertionGuard guard(b);
  if (!count)
    return body({});
  auto loop = s.loop(rowTeams > 1 ? k.team : s.i32(0), count, s.i32(rowTeams));
  b.setInsertionPointToStart(loop.getBody());
  body(loop.getInductionVar());
}

void RowCopier::forEachScheduleRow(Value row, Value count, llvm::function_ref<void(ArrayRef<Row>)> visit) {
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

SmallVector<RowCopier::Row> RowCopier::pairOf(Value row, Value index) {
  SmallVector<Row> rows;
  for (int plane = 0; plane < (k.paired() ? 2 : 1); ++plane) {
    Value batch = k.paired() ? s.add(s.mul(row, 2), s.i64(plane)) : row;
    rows.push_back({batch, index, plane, plane ? s.less(batch, k.batch) : Value()});
  }
  return rows;
}

SmallVector<Value> RowCopier::forEachUnit(int64_t values, ArrayRef<Value> initial,
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

Value RowCopier::at(Value buffer, const Row &row, const Unit &unit) {
  Value pointer = s.offset(k.rowOf(buffer, row.batch, k.head), s.toI64(s.mul(lead, bytes)));
  return unit.iteration ? s.offset(pointer, *unit.iteration * owners * width)
                        : s.offset(pointer, s.mul(unit.first, bytes));
}

Value RowCopier::halves(Value tile, const Row &row, int which, int part) {
  return k.planeOf(tile, row.plane + which, part, row.index);
}

Value RowCopier::dense(Value element) {
  Value mask = s.i32(0);
  for (const auto &[bit, bits] : memory.swizzle()) {
    Value value = s.div(element, memory.stride(bit.first) << bit.second);
    mask = s.bitXor(mask, s.mul(s.bitAnd(value, 1), int64_t(bits) << 4));
  }
  return s.bitXor(s.mul(element, 2), mask);
}

Value RowCopier::padded(Value element, Value bytes) {
  int64_t padding = 2 * memory.paddingBelow(1, 0);
  return padding ? s.add(bytes, s.mul(s.div(element, memory.stride(1)), padding)) : bytes;
}

Value RowCopier::address(const Unit &unit) {
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

std::pair<Value, Value> RowCopier::tailAddress(Value element) {
  Value later = s.add(element, s.i32(k.problem.length)), points = s.i32(k.schedule->points());
  Value inReal = s.less(later, points);
  return {swizzled(s.select(inReal, later, s.sub(later, points))), s.select(inReal, s.i32(0), s.i32(1))};
}

Value RowCopier::load(Value pointer, Type type, int64_t count) {
  int64_t size = type.getIntOrFloatBitWidth() / 8 * count;
  Type all = count == 1 ? type : Type(VectorType::get(count, type));
  return LLVM::LoadOp::create(b, k.loc, all, pointer, static_cast<unsigned>(size & -size));
}

Type RowCopier::like(Value value, Type type) {
  auto vector = dyn_cast<VectorType>(value.getType());
  return vector ? Type(VectorType::get(vector.getShape(), type)) : type;
}

Value RowCopier::result(Value x, const Row &row, Value where, int64_t count, Value isImaginary) {
  if (isImaginary)
    where = s.add(where, s.mul(isImaginary, k.parts() * k.rows * k.rowBytes()));
  if (!k.problem.split)
    return load(s.offset(halves(x, row, 0), where), element, count);
  Value hi = load(s.offset(halves(x, row, 0, 0), where), b.getF16Type(), count);
  Value lo = load(s.offset(halves(x, row, 0, 1), where), b.getF16Type(), count);
  return add(widen(hi), widen(lo));
}

Value RowCopier::finish(Value value, Value scale) {
  auto vector = dyn_cast<VectorType>(value.getType());
  return scale ? multiply(value, s.splat(scale, vector ? vector.getDimSize(0) : 1)) : value;
}

void RowCopier::guarded(Value condition, llvm::function_ref<void()> body) {
  s.when(condition, body);
  if (condition)
    NVVM::SyncWarpOp::create(b, k.loc, s.i32(-1));
}

void RowCopier::loadElement(Value real, Value target, Value global, Value safe) {
  Value value = LLVM::LoadOp::create(b, k.loc, b.getI16Type(), real ? s.select(real, global, safe) : global, 2);
  if (real)
    value = s.select(real, value, s.constant(b.getI16Type(), 0));
  LLVM::StoreOp::create(b, k.loc, value, target, 2);
}

void fftconv::emitCopyIn(KernelContext &context, CopyInOp op, Value row, Value count) {
  RowCopier(context).copyIn(op, row, count);
}

void fftconv::emitCopyOut(KernelContext &context, CopyOutOp op, Value row, Value count) {
  RowCopier(context).copyOut(op, row, count);
}

void fftconv::emitHoldGates(KernelContext &context, CopyOutOp op, Value row, Value count) {
  RowCopier(context).holdGates(op, row, count);
}

void fftconv::emitFetch(KernelContext &context, Value buffer, Value row) { RowCopier(context).fetch(buffer, row); }
