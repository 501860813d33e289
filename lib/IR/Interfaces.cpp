//===- Interfaces.cpp - What a host compiler asks of our ops --------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "fftconv/IR/Interfaces.h"

#include "fftconv/IR/FFTConv.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Shard/IR/ShardDialect.h"
#include "mlir/Dialect/Shard/Interfaces/ShardingInterface.h"
#include "mlir/Dialect/Shard/Interfaces/ShardingInterfaceImpl.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Interfaces/TilingInterface.h"
#include "mlir/Interfaces/ValueBoundsOpInterface.h"

using namespace mlir;
using namespace fftconv;

namespace {
/// The dimensions of rows that loops go over, batch and heads.
std::array<int64_t, 2> loopDims(ConvOp op) { return {0, headDim(op.getChannelsLast())}; }

struct ConvTiling : TilingInterface::ExternalModel<ConvTiling, ConvOp> {
  SmallVector<utils::IteratorType> getLoopIteratorTypes(Operation *) const {
    return {utils::IteratorType::parallel, utils::IteratorType::parallel};
  }

  SmallVector<Range> getIterationDomain(Operation *op, OpBuilder &b) const {
    SmallVector<Range> ranges;
    for (int64_t dim : loopDims(cast<ConvOp>(op)))
      ranges.push_back(
          {b.getIndexAttr(0), tensor::getMixedSize(b, op->getLoc(), cast<ConvOp>(op).getU(), dim), b.getIndexAttr(1)});
    return ranges;
  }

  FailureOr<TilingResult> getTiledImplementation(Operation *op, OpBuilder &b, ArrayRef<OpFoldResult> offsets,
                                                 ArrayRef<OpFoldResult> sizes) const {
    auto conv = cast<ConvOp>(op);
    Location loc = op->getLoc();
    if (!getConstantIntValue(sizes[1])) // the verifier wants a static number of heads
      return failure();
    SmallVector<Operation *> slices;
    auto slice = [&](Value tensor, ArrayRef<OpFoldResult> at, ArrayRef<OpFoldResult> count) -> Value {
      SmallVector<OpFoldResult> strides(at.size(), b.getIndexAttr(1));
      auto extract = tensor::ExtractSliceOp::create(b, loc, tensor, at, count, strides);
      slices.push_back(extract);
      return extract;
    };
    SmallVector<OpFoldResult> at, count;
    (void)getResultTilePosition(op, b, 0, offsets, sizes, at, count);
    auto rows = [&](Value tensor) { return tensor ? slice(tensor, at, count) : Value(); };
    Value u = rows(conv.getU());
    Value k = slice(conv.getK(), {offsets[1], b.getIndexAttr(0)}, {sizes[1], b.getIndexAttr(conv.getTaps())});
    Value preGate = rows(conv.getPreGate()), postGate = rows(conv.getPostGate());
    Value skip = conv.getSkip() ? slice(conv.getSkip(), {offsets[1]}, {sizes[1]}) : Value();
    auto tile =
        ConvOp::create(b, loc, u.getType(), conv.getBoundaryAttr(), conv.getChannelsLastAttr(), conv.getTurnedAttr(), u,
                       k, preGate, postGate, skip, conv.getCenterAttr(), conv.getPlanAttr(), conv.getDirectAttr());
    return TilingResult{{tile}, {tile.getY()}, slices};
  }

  LogicalResult getResultTilePosition(Operation *op, OpBuilder &b, unsigned, ArrayRef<OpFoldResult> offsets,
                                      ArrayRef<OpFoldResult> sizes, SmallVector<OpFoldResult> &resultOffsets,
                                      SmallVector<OpFoldResult> &resultSizes) const {
    auto conv = cast<ConvOp>(op);
    resultOffsets.assign(3, b.getIndexAttr(0));
    resultSizes.assign(3, b.getIndexAttr(conv.getLength()));
    for (auto [loop, dim] : llvm::enumerate(loopDims(conv))) {
      resultOffsets[dim] = offsets[loop];
      resultSizes[dim] = sizes[loop];
    }
    return success();
  }

  /// The tile of the loops that makes a tile of the result; none for one that cuts rows.
  LogicalResult getIterationDomainTileFromResultTile(Operation *op, OpBuilder &, unsigned,
                                                     ArrayRef<OpFoldResult> offsets, ArrayRef<OpFoldResult> sizes,
                                                     SmallVectorImpl<OpFoldResult> &loopOffsets,
                                                     SmallVectorImpl<OpFoldResult> &loopSizes) const {
    auto conv = cast<ConvOp>(op);
    int64_t time = timeDim(conv.getChannelsLast());
    if (!isConstantIntValue(offsets[time], 0) || !isConstantIntValue(sizes[time], conv.getLength()))
      return failure();
    for (int64_t dim : loopDims(conv)) {
      loopOffsets.push_back(offsets[dim]);
      loopSizes.push_back(sizes[dim]);
    }
    return success();
  }

  FailureOr<TilingResult> generateResultTileValue(Operation *op, OpBuilder &b, unsigned number,
                                                  ArrayRef<OpFoldResult> offsets, ArrayRef<OpFoldResult> sizes) const {
    SmallVector<OpFoldResult> loopOffsets, loopSizes;
    if (failed(getIterationDomainTileFromResultTile(op, b, number, offsets, sizes, loopOffsets, loopSizes)))
      return failure();
    return getTiledImplementation(op, b, loopOffsets, loopSizes);
  }
};

struct ConvBounds : ValueBoundsOpInterface::ExternalModel<ConvBounds, ConvOp> {
  void populateBoundsForShapedValueDim(Operation *op, Value y, int64_t dim, ValueBoundsConstraintSet &bounds) const {
    bounds.bound(y)[dim] == bounds.getExpr(cast<ConvOp>(op).getU(), dim);
  }
};

struct ConvBufferization : bufferization::BufferizableOpInterface::ExternalModel<ConvBufferization, ConvOp> {
  bool bufferizesToAllocation(Operation *, Value) const { return true; }
  bool bufferizesToMemoryRead(Operation *, OpOperand &, const bufferization::AnalysisState &) const { return true; }
  bool bufferizesToMemoryWrite(Operation *, OpOperand &, const bufferization::AnalysisState &) const { return false; }
  bufferization::AliasingValueList getAliasingValues(Operation *, OpOperand &,
                                                     const bufferization::AnalysisState &) const {
    return {};
  }

  LogicalResult bufferize(Operation *op, RewriterBase &rewriter, const bufferization::BufferizationOptions &options,
                          bufferization::BufferizationState &state) const {
    auto conv = cast<ConvOp>(op);
    if (conv.getPlan() || conv.getDirect())
      return op->emitOpError("is bufferized before it is planned, or lowered before it is bufferized");
    bool failedOnce = false;
    auto buffer = [&](Value tensor) -> Value {
      if (!tensor)
        return {};
      FailureOr<Value> found = bufferization::getBuffer(rewriter, tensor, options, state);
      failedOnce |= failed(found);
      return failed(found) ? Value() : *found;
    };
    Value u = buffer(conv.getU()), k = buffer(conv.getK()), preGate = buffer(conv.getPreGate()),
          postGate = buffer(conv.getPostGate()), skip = buffer(conv.getSkip());
    if (failedOnce)
      return failure();
    auto type = MemRefType::get(conv.getU().getType().getShape(), conv.getU().getType().getElementType());
    SmallVector<Value> sizes;
    if (type.isDynamicDim(0))
      sizes.push_back(memref::DimOp::create(rewriter, op->getLoc(), u, 0));
    FailureOr<Value> y = options.createAlloc(rewriter, op->getLoc(), type, sizes);
    if (failed(y))
      return failure();
    ConvBuffersOp::create(rewriter, op->getLoc(), conv.getBoundaryAttr(), conv.getChannelsLastAttr(), u, k, preGate,
                          postGate, skip, *y, conv.getCenterAttr());
    bufferization::replaceOpWithBufferizedValues(rewriter, op, *y);
    return success();
  }
};

struct ConvSharding : shard::ShardingInterface::ExternalModel<ConvSharding, ConvOp> {
  /// Batch, heads, time, taps.
  SmallVector<utils::IteratorType> getLoopIteratorTypes(Operation *) const {
    return SmallVector<utils::IteratorType>(4, utils::IteratorType::parallel);
  }

  SmallVector<AffineMap> getIndexingMaps(Operation *op) const {
    auto conv = cast<ConvOp>(op);
    Builder b(op->getContext());
    auto map = [&](ArrayRef<unsigned> loops) {
      return AffineMap::getMultiDimMapWithTargets(4, loops, op->getContext());
    };
    AffineMap rows = conv.getChannelsLast() ? map({0, 2, 1}) : map({0, 1, 2});
    SmallVector<AffineMap> maps = {rows, map({1, 3})};
    maps.append((conv.getPreGate() ? 1 : 0) + (conv.getPostGate() ? 1 : 0), rows);
    if (conv.getSkip())
      maps.push_back(map({1}));
    maps.push_back(rows);
    return maps;
  }

  SmallVector<shard::ReductionKind> getReductionLoopIteratorKinds(Operation *) const { return {}; }

  /// The default's, but that time and taps stay whole: axes that split them go to the heads, where these are not split already.
  FailureOr<shard::ShardingOption> getShardingOption(Operation *op, ArrayRef<shard::Sharding> operands,
                                                     ArrayRef<shard::Sharding> results) const {
    FailureOr<shard::ShardingOption> option = shard::detail::defaultGetShardingOption(op, operands, results);
    if (failed(option) || option->empty)
      return option;
    auto &axes = option->shardingArray;
    for (size_t loop : {2, 3})
      if (axes.size() > loop && !axes[loop].empty()) {
        if (axes[1].empty() && loop == 2)
          axes[1] = axes[loop];
        axes[loop].clear();
      }
    return option;
  }

  LogicalResult partition(Operation *op, ArrayRef<Value> partitioned, ArrayRef<shard::Sharding> operands,
                          ArrayRef<shard::Sharding> results, IRMapping &map, SymbolTableCollection &symbols,
                          OpBuilder &b) const {
    auto conv = cast<ConvOp>(op);
    int64_t time = timeDim(conv.getChannelsLast());
    auto splits = [](const shard::Sharding &sharding, int64_t dim) {
      return sharding && static_cast<int64_t>(sharding.getSplitAxes().size()) > dim &&
             !sharding.getSplitAxes()[dim].empty();
    };
    if (llvm::any_of(results, [&](const shard::Sharding &s) { return splits(s, time); }) || splits(operands[0], time) ||
        splits(operands[1], 1))
      return op->emitOpError("cannot be computed where rows are split in time or filters by taps; split batch rows or "
                             "heads (sharding-propagation does)");
    shard::partitionTriviallyShardableOperation(*op, partitioned, operands, results, map, symbols, b);
    return success();
  }
};
} // namespace

void fftconv::registerInterfaceModels(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, FFTConvDialect *) {
    ConvOp::attachInterface<ConvTiling, ConvBounds, ConvBufferization>(*context);
    context->loadDialect<affine::AffineDialect, memref::MemRefDialect>();
  });
  registry.addExtension(+[](MLIRContext *context, FFTConvDialect *, shard::ShardDialect *) {
    ConvOp::attachInterface<ConvSharding>(*context);
  });
}
