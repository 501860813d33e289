//===- KernelsToNVVM.cpp - Kernels of tile ops to NVVM --------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Turns each gpu.func into an llvm.func: arguments become pointers, with the number of batch rows at the end. The loop over groups and
// the list of tile ops in it are walked in order; phases, copies and the filter kernel have files of their own.
//
//===----------------------------------------------------------------------===//

#include "KernelEmitter.h"

#include "fftconv/Conversion/Passes.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/IR/BuiltinOps.h"

namespace fftconv {
#define GEN_PASS_DEF_CONVERTKERNELSTONVVM
#include "fftconv/Conversion/Passes.h.inc"
} // namespace fftconv

using namespace mlir;
using namespace fftconv;

namespace {
constexpr StringLiteral sharedName = "dynamic_shared", poolName = "constants";

struct ConvertKernelsToNVVM : fftconv::impl::ConvertKernelsToNVVMBase<ConvertKernelsToNVVM> {
  void runOnOperation() override {
    gpu::GPUModuleOp module = getOperation();
    SmallVector<gpu::GPUFuncOp> kernels(module.getOps<gpu::GPUFuncOp>());
    if (kernels.empty())
      return;
    OpBuilder b = OpBuilder::atBlockBegin(module.getBody());
    Location loc = module.getLoc();
    // LLVM gives gpu.dynamic_shared_memory one byte that other variables overlap; an external array of none has all of it.
    auto empty = LLVM::LLVMArrayType::get(b.getI8Type(), 0);
    LLVM::GlobalOp::create(b, loc, empty, /*isConstant=*/false, LLVM::Linkage::External, sharedName, Attribute(),
                           /*alignment=*/1024, /*addrSpace=*/3);
    ConstantPool pool;
    // The pool's size is known once all kernels are there; its address is needed before.
    auto constants = LLVM::GlobalOp::create(b, loc, empty, /*isConstant=*/true, LLVM::Linkage::Internal, poolName,
                                            Attribute(), /*alignment=*/16, /*addrSpace=*/1);
    for (gpu::GPUFuncOp kernel : kernels)
      if (failed(convert(kernel, pool)))
        return signalPassFailure();
    auto type = RankedTensorType::get(static_cast<int64_t>(pool.words().size()), b.getI32Type());
    constants.setGlobalType(LLVM::LLVMArrayType::get(b.getI32Type(), pool.words().size()));
    constants.setValueAttr(DenseElementsAttr::get(type, pool.words()));
  }

  static LogicalResult convert(gpu::GPUFuncOp kernel, ConstantPool &pool) {
    OpBuilder b(kernel);
    Location loc = kernel.getLoc();
    auto global = LLVM::LLVMPointerType::get(b.getContext(), 1);
    // Pointers, then the strides of rows of signals in the first two dimensions, in elements, then the number of batch rows.
    auto isSignal = [](Value argument) { return cast<MemRefType>(argument.getType()).getRank() == 3; };
    SmallVector<Type> types(kernel.getNumArguments(), global);
    types.append(2 * llvm::count_if(kernel.getArguments(), isSignal) + 1, b.getI64Type());
    auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(b.getContext()), types);
    auto function = LLVM::LLVMFuncOp::create(b, loc, kernel.getName(), type);
    function->setAttr(NVVM::NVVMDialect::getKernelFuncAttrName(), b.getUnitAttr());
    auto block = kernel.getKnownBlockSizeAttr();
    if (!block)
      return kernel.emitOpError("has no known_block_size; fftconv-allocate-shared sets it");
    function->setAttr(NVVM::NVVMDialect::getMaxntidAttrName(), block);
    for (unsigned i = 0; i < kernel.getNumArguments(); ++i) {
      function.setArgAttr(i, LLVM::LLVMDialect::getNoAliasAttrName(), b.getUnitAttr());
      function.setArgAttr(i, LLVM::LLVMDialect::getAlignAttrName(), b.getI64IntegerAttr(16));
    }
    Block *entry = function.addEntryBlock(b);
    b.setInsertionPointToStart(entry);

    Scalars s(b, loc);
    DenseMap<Value, Buffer> buffers;
    Block::BlockArgListType strides = entry->getArguments().drop_front(kernel.getNumArguments());
    for (auto [argument, pointer] : llvm::zip(kernel.getArguments(), entry->getArguments())) {
      Buffer &buffer = buffers[argument] = {pointer, {}};
      int64_t bytes = cast<MemRefType>(argument.getType()).getElementTypeBitWidth() / 8;
      if (isSignal(argument))
        for (Value &stride : buffer.strides) {
          stride = s.mul(strides.front(), bytes);
          strides = strides.drop_front();
        }
    }
    int64_t resident = 1;
    for (Operation &op : kernel.getBody().front()) {
      if (auto groups = dyn_cast<GroupsOp>(op)) {
        resident = monarch::residentCtas(getDigits(groups.getPlan()), getKernelChoice(groups), getKernelProblem(groups),
                                         *monarch::findChip(groups.getPlan().getChip()));
        if (failed(emitGroups(b, groups, buffers, entry->getArguments().back(), pool)))
          return failure();
      } else if (auto prepare = dyn_cast<PrepareOp>(op)) {
        Value constants = LLVM::AddressOfOp::create(b, loc, global, poolName);
        emitPrepare(b, prepare, entry->getArguments().drop_back(), constants, pool);
      } else if (auto toeplitz = dyn_cast<ToeplitzOp>(op)) {
        emitToeplitz(b, toeplitz, buffers, entry->getArguments().back());
      } else if (auto turn = dyn_cast<TurnRowsOp>(op)) {
        resident = monarch::residentTurnCtas;
        auto pointer = LLVM::LLVMPointerType::get(b.getContext(), 3);
        emitTurn(b, turn, buffers, entry->getArguments().back(),
                 LLVM::AddressOfOp::create(b, loc, pointer, sharedName));
      } else if (!isa<gpu::ReturnOp>(op)) {
        return op.emitOpError("is not an op of a kernel that can be lowered");
      }
    }
    function->setAttr(NVVM::NVVMDialect::getMinctasmAttrName(), b.getI32IntegerAttr(static_cast<int32_t>(resident)));
    LLVM::ReturnOp::create(b, loc, ValueRange());
    kernel.erase();
    return success();
  }

  /// The factors that matrices take over from butterflies, which do not scale: the product before one, else the one after. On the way back those of warpgroups take over from the
  /// butterflies before them, so that a digit's matrix is the adjoint of its other one.
  static DenseMap<Operation *, double> butterflyScales(Block &body, bool warpgroups) {
    DenseMap<Operation *, double> scales;
    TileDftOp last;
    double open = 1;
    for (auto dft : body.getOps<TileDftOp>()) {
      if (dft.getHow() == How::Butterfly) {
        double scale = 1 / std::sqrt(static_cast<double>(dft.getPlan().getRadices()[dft.getDigit() - 1]));
        (last && !(warpgroups && dft.getInverse()) ? scales.try_emplace(last, 1).first->second : open) *= scale;
        continue;
      }
      last = dft;
      scales.try_emplace(dft, 1).first->second *= open;
      open = 1;
    }
    return scales;
  }

  /// Emits the loop over groups.
  static LogicalResult emitGroups(OpBuilder &builder, GroupsOp groups, const DenseMap<Value, Buffer> &buffers,
                                  Value batch, ConstantPool &pool) {
    Location loc = groups.getLoc();
    Block &body = groups.getBody().front();
    CopyInOp copyIn = groups.getInput();
    if (!copyIn.getTile().getType().isShared() || copyIn.getTile().getType().getLayout().getOffset() < 0)
      return groups.emitOpError("has no layouts and no places in shared memory yet; run fftconv-to-kernel");
    PlanAttr plan = copyIn.getPlan();
    if (getKernelChoice(groups).warpgroups)
      if (std::string_view reason = monarch::whyNoWarpgroups(
              getDigits(plan), getKernelChoice(groups), getKernelProblem(groups), *monarch::findChip(plan.getChip()));
          !reason.empty())
        return groups.emitOpError("cannot have products of warpgroups: ") << StringRef(reason);
    std::shared_ptr<const monarch::Schedule> schedule = getKernelSchedule(plan);
    int64_t sequences = schedule ? schedule->radices[0] : 0, rows = groups.getRows();
    if (!schedule || (schedule->split > 0 && sequences != 1 && !schedule->warpgroups) ||
        !monarch::fitsWarps(getDigits(plan), getKernelChoice(groups), getKernelProblem(groups)))
      return groups.emitOpError(
          "kernels take rows one by one where a sequence is exchanged between warps, else as many "
          "to each warp, whose lanes have all values of a row");

    if (getKernelChoice(groups).bulk)
      for (auto copy : body.getOps<CopyInOp>())
        if (!copy.getAhead() || static_cast<int64_t>(copy.getMbarriers()) < 0)
          return copy.emitOpError("has no mbarriers for its bulk copies yet; run fftconv-allocate-shared");
    KernelContext k{builder,
                    loc,
                    plan,
                    schedule,
                    *monarch::findChip(plan.getChip()),
                    pool,
                    getKernelProblem(groups),
                    getKernelChoice(groups),
                    rows};
    bool channelsLast = k.problem.channelsLast;
    OpBuilder &b = k.b;
    Scalars s = k.scalars();
    k.buffers = buffers;
    k.batch = batch;
    k.rowCount = k.paired() ? s.shr(s.add(k.batch, s.i64(1)), 1) : k.batch;
    Type i32 = b.getI32Type();
    k.thread = NVVM::ThreadIdXOp::create(b, loc, i32);
    k.lane = s.bitAnd(k.thread, 31);
    k.warp = s.shr(k.thread, 5);
    if (k.teams() > 1)
      k.team = s.div(k.warp, schedule->warps / k.teams());
    k.firstHead = s.mul(s.toI64(NVVM::BlockIdXOp::create(b, loc, i32)), channelsLast ? rows : 1);
    k.head = k.firstHead;
    if (channelsLast &&
        k.warpOwns()) // a warp without a head of its own does as the last one does, and what comes of it goes nowhere
      k.head = s.min(s.add(k.firstHead, s.toI64(k.warp)), s.i64(k.problem.heads - 1));
    Value laneBytes = s.toI64(s.mul(k.lane, 16));
    k.shared = LLVM::AddressOfOp::create(b, loc, LLVM::LLVMPointerType::get(b.getContext(), 3), sharedName);
    k.tables =
        s.offset(LLVM::AddressOfOp::create(b, loc, LLVM::LLVMPointerType::get(b.getContext(), 1), poolName), laneBytes);
    TileProductOp product = *body.getOps<TileProductOp>().begin();
    k.spectra = k.buffers.lookup(product.getSpectrum()).pointer;
    k.spectrum = s.offset(k.spectra, s.add(s.mul(k.head, k.spectrumBytes()), laneBytes));
    for (auto normalize : body.getOps<TileNormalizeOp>())
      k.scales = normalize.getScales();
    // Where warps own sequences each has a loop of its own over rows; else the CTA's goes over groups of rows. Heads that travel together take batch rows one
    // by one.
    int64_t together = channelsLast ? 1 : rows;
    Value first = s.toI64(s.mul(NVVM::BlockIdYOp::create(b, loc, i32), together));
    Value step = s.toI64(s.mul(NVVM::GridDimYOp::create(b, loc, i32), together));
    if (k.warpOwns() && !channelsLast)
      first = s.add(first, s.toI64(k.warp));
    k.rowsAreFull = monarch::fillsGroups(getDigits(plan), k.choice, k.problem);
    k.restIsZero = !k.choice.bulk && monarch::copiesInLine(getDigits(plan), k.choice, k.problem);
    auto rowsFrom = [&](Value row) -> Value {
      if (k.warpOwns() || rows == 1)
        return {};
      if (k.rowsAreFull)
        return s.i32(rows);
      Value left = channelsLast ? s.sub(s.i64(k.problem.heads), k.firstHead) : s.sub(k.rowCount, row);
      return s.toI32(s.min(left, s.i64(rows)));
    };
    k.matricesAt = static_cast<int64_t>(groups.getMatrices());
    if (schedule->warpgroups && k.matricesAt < 0)
      return groups.emitOpError("has no place for its matrices yet; run fftconv-allocate-shared");
    bool bulk = k.choice.bulk, bulkOut = monarch::storesInBulk(*schedule, k.choice, k.problem);
    bool waitsForRows = monarch::waitsForRows(getDigits(plan), k.choice, k.problem);
    if (waitsForRows) {
      k.rowSignals = static_cast<int64_t>(groups.getMbarriers());
      if (k.rowSignals < 0)
        return groups.emitOpError("has no mbarriers for its rows yet; run fftconv-allocate-shared");
      k.setUpRowSignals();
    }
    if (bulk)
      emitBulkSetup(k, llvm::to_vector(body.getOps<CopyInOp>()));
    auto startCopies = [&](CopyInOp copy, Value row) {
      s.when(s.less(row, k.rowCount), [&] { (bulk ? emitBulkIn : emitCopyIn)(k, copy, row, rowsFrom(row)); });
      // Where there are no more rows, a group of nothing keeps the count of groups.
      if (!bulk)
        NVVM::CpAsyncCommitGroupOp::create(b, loc);
    };
    // Inputs ahead go round in as many buffers as there are stages but one: what a group has read makes room for the one that comes so much later.
    int64_t slots = plan.getSchedule().getStages() - 1, copiesAhead = 0;
    Value next = first;
    for (int64_t slot = 0; slot < slots; ++slot, next = s.add(next, step))
      for (auto copy : body.getOps<CopyInOp>())
        if (copy.getAhead()) {
          k.slot = slot ? s.i32(slot) : Value();
          startCopies(copy, next);
          ++copiesAhead;
        }
    bool rotates = slots > 1 && copiesAhead > 0;
    // The buffer of a group, and the parity of the phase of its mbarriers.
    SmallVector<Value> begin(rotates + (bulk || waitsForRows), s.i32(0));
    auto loop = s.loop(first, k.rowCount, step, begin);
    k.groups = loop;
    b.setInsertionPointToStart(loop.getBody());
    Value row = loop.getInductionVar();
    k.slot = rotates ? loop.getRegionIterArg(0) : Value();
    k.parity = bulk || waitsForRows ? loop.getRegionIterArgs().back() : Value();
    if (bulkOut)
      emitBulkDrain(k);
    k.rowsHere = rowsFrom(row);
    Value later = s.mul(step, slots);
    k.prefetch = [&](PrefetchOp op) { startCopies(op.getTile().getDefiningOp<CopyInOp>(), s.add(row, later)); };
    // Copies finish in order: those of later groups may be on their way still, unless one of this group came after them.
    int64_t underWay = copiesAhead - copiesAhead / std::max<int64_t>(slots, 1);
    if (llvm::any_of(body.getOps<CopyInOp>(), [](CopyInOp copy) { return !copy.getAhead(); }))
      underWay = 0;

    if (monarch::fetchesPostGate(getDigits(plan), k.problem))
      for (auto copyOut : body.getOps<CopyOutOp>())
        emitFetch(k, copyOut.getGate(), row);

    DenseMap<Operation *, double> scales = butterflyScales(body, k.choice.warpgroups);
    SmallVector<Operation *> phase;
    auto waitsAt = [&](Operation *op) {
      if (!k.ahead && !k.warpOwns())
        k.ahead = op;
    };
    for (Operation &op : body) {
      auto relayout = dyn_cast<RelayoutOp>(op);
      if (!phase.empty() || relayout) {
        phase.push_back(&op);
        if (relayout && relayout.getY().getType().isShared()) {
          auto results = dyn_cast<CopyOutOp>(*relayout.getY().user_begin());
          if (results && monarch::holdsPostGateAhead(getDigits(plan), k.choice, k.problem))
            emitHoldGates(k, results, row, k.rowsHere);
          emitPhase(k, phase, scales);
          ++k.phases;
          // What has come through a second phase has waited for all warps to leave the first, and read the inputs.
          if (waitsForRows && k.phases == 2)
            for (auto prefetch : body.getOps<PrefetchOp>())
              k.prefetch(prefetch);
          phase.clear();
          k.ahead = nullptr;
          if (bulkOut && isa<CopyOutOp>(*relayout.getY().user_begin()))
            emitBulkFence(k);
        }
      } else if (auto copy = dyn_cast<CopyInOp>(op)) {
        if (!copy.getAhead())
          emitCopyIn(k, copy, row, k.rowsHere);
        if (!copy.getAhead() && !channelsLast)
          NVVM::CpAsyncCommitGroupOp::create(b, loc);
        if (bulk)
          emitBulkWait(k, copy);
        else if (!isa<CopyInOp>(op.getNextNode()) && !channelsLast) // all inputs are under way
          waitsAt(NVVM::CpAsyncWaitGroupOp::create(b, loc, static_cast<uint32_t>(underWay)));
      } else if (auto normalize = dyn_cast<TileNormalizeOp>(op)) {
        emitNormalize(k, normalize, row, k.rowsHere);
        // The product with a gate takes the place of what bulk copies have brought, and will bring.
        if (bulk && normalize.getGate())
          emitBulkFence(k);
      } else if (auto prefetch = dyn_cast<PrefetchOp>(op)) {
        if (!waitsForRows)
          k.prefetch(prefetch);
      } else if (auto barrier = dyn_cast<BarrierOp>(op)) {
        if (barrier.getWarp())
          NVVM::SyncWarpOp::create(b, loc, s.i32(-1));
        else if (!waitsForRows || k.phases == 0)
          waitsAt(k.barrier());
      } else if (auto copyOut = dyn_cast<CopyOutOp>(op)) {
        (bulkOut ? emitBulkOut : emitCopyOut)(k, copyOut, row, k.rowsHere);
      } else {
        return op.emitOpError("stands outside of a phase");
      }
    }
    SmallVector<Value> following;
    Value isLast;
    if (rotates) {
      Value next = s.add(k.slot, s.i32(1));
      isLast = s.less(s.i32(slots - 1), next);
      following.push_back(s.select(isLast, s.i32(0), next));
    }
    if (waitsForRows)
      following.push_back(s.bitXor(k.parity, s.i32(1)));
    if (bulk) {
      Value other = s.bitXor(k.parity, s.i32(1));
      following.push_back(isLast ? s.select(isLast, other, k.parity) : other);
    }
    if (!following.empty())
      scf::YieldOp::create(b, loc, following);
    if (k.choice.warpgroups) {
      if (4 * static_cast<int64_t>(k.matrices.words().size()) >
          monarch::matrixBytes(getDigits(plan), k.choice, k.problem))
        return groups.emitOpError("has more matrices than there is shared memory for");
      b.setInsertionPoint(loop);
      emitMatrices(k);
    }
    builder.setInsertionPointAfter(loop);
    if (bulkOut) {
      b.setInsertionPointAfter(loop);
      emitBulkDrain(k);
    }
    return success();
  }
};
} // namespace
