//===- TileRows.cpp - Convolutions row by row -----------------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Loops over heads outside, batch rows inside, so that a head's spectrum is read once for all its rows. Leaves ops on tensors of
// one head and one row (two where rows are paired).
//
//===----------------------------------------------------------------------===//

#include "fftconv/IR/FFTConv.h"
#include "fftconv/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/PatternMatch.h"

namespace fftconv {
#define GEN_PASS_DEF_TILEROWS
#include "fftconv/Transforms/Passes.h.inc"
} // namespace fftconv

using namespace mlir;
using namespace fftconv;

namespace {
/// A slice of `size` at `offset` along each leading dimension, whole along the others.
struct Slice {
  SmallVector<OpFoldResult> offsets, sizes, strides;

  Slice(OpBuilder &b, RankedTensorType type, ArrayRef<std::pair<Value, int64_t>> leading) {
    for (int64_t dim = 0; dim < type.getRank(); ++dim) {
      bool whole = static_cast<size_t>(dim) >= leading.size();
      offsets.push_back(whole ? OpFoldResult(b.getIndexAttr(0)) : leading[dim].first);
      sizes.push_back(b.getIndexAttr(whole ? type.getDimSize(dim) : leading[dim].second));
      strides.push_back(b.getIndexAttr(1));
    }
  }
};

Value extract(OpBuilder &b, Location loc, Value source, ArrayRef<std::pair<Value, int64_t>> leading) {
  if (!source)
    return {};
  auto type = cast<RankedTensorType>(source.getType());
  SmallVector<int64_t> shape(type.getShape());
  for (auto [dim, part] : llvm::enumerate(leading))
    shape[dim] = part.second;
  Slice slice(b, type, leading);
  return tensor::ExtractSliceOp::create(b, loc, RankedTensorType::get(shape, type.getElementType(), type.getEncoding()),
                                        source, slice.offsets, slice.sizes, slice.strides);
}

Value insert(OpBuilder &b, Location loc, Value part, Value dest, ArrayRef<std::pair<Value, int64_t>> leading) {
  Slice slice(b, cast<RankedTensorType>(dest.getType()), leading);
  return tensor::InsertSliceOp::create(b, loc, part, dest, slice.offsets, slice.sizes, slice.strides);
}

/// for i = begin to end step: dest = body(i, dest).
Value loop(OpBuilder &b, Location loc, Value begin, Value end, Value step, Value dest,
           function_ref<Value(OpBuilder &, Value, Value)> body) {
  return scf::ForOp::create(b, loc, begin, end, step, dest,
                            [&](OpBuilder &inner, Location, Value i, ValueRange args) {
                              scf::YieldOp::create(inner, loc, body(inner, i, args[0]));
                            })
      .getResult(0);
}

struct TileRows : fftconv::impl::TileRowsBase<TileRows> {
  void runOnOperation() override {
    SmallVector<Operation *> ops;
    getOperation().walk([&](Operation *op) {
      if (isa<SpectrumOp, SpectralConvOp>(op))
        ops.push_back(op);
    });
    IRRewriter rewriter(&getContext());
    for (Operation *op : ops) {
      rewriter.setInsertionPoint(op);
      if (auto spectrum = dyn_cast<SpectrumOp>(op))
        tile(rewriter, spectrum);
      else
        tile(rewriter, cast<SpectralConvOp>(op));
    }
  }

  static Value index(OpBuilder &b, Location loc, int64_t value) {
    return arith::ConstantIndexOp::create(b, loc, value);
  }

  static void tile(RewriterBase &rewriter, SpectrumOp op) {
    Location loc = op.getLoc();
    RankedTensorType type = op.getSpectrum().getType();
    if (type.getDimSize(0) == 1)
      return;
    Value empty = tensor::EmptyOp::create(rewriter, loc, type, ValueRange());
    Value all = loop(rewriter, loc, index(rewriter, loc, 0), index(rewriter, loc, type.getDimSize(0)),
                     index(rewriter, loc, 1), empty, [&](OpBuilder &b, Value h, Value dest) {
                       Value k = extract(b, loc, op.getK(), {{h, 1}});
                       Value skip = extract(b, loc, op.getSkip(), {{h, 1}});
                       Value one = SpectrumOp::create(b, loc, getSpectrumType(1, op.getEncoding()), k, skip,
                                                      op.getCenterAttr());
                       return insert(b, loc, one, dest, {{h, 1}});
                     });
    rewriter.replaceOp(op, all);
  }

  static void tile(RewriterBase &rewriter, SpectralConvOp op) {
    Location loc = op.getLoc();
    RankedTensorType type = op.getU().getType();
    int64_t rows = op.getEncoding().getPlan().getTheta() == Theta::One ? 2 : 1;
    if (type.getDimSize(0) == rows && type.getDimSize(1) == 1)
      return;
    Value zero = index(rewriter, loc, 0), one = index(rewriter, loc, 1), step = index(rewriter, loc, rows);
    Value batch = rewriter.createOrFold<tensor::DimOp>(loc, op.getU(), zero);
    SmallVector<Value> dynamic;
    if (type.isDynamicDim(0))
      dynamic.push_back(batch);
    Value empty = tensor::EmptyOp::create(rewriter, loc, type, dynamic);
    // Whole groups of rows, then the rows that are left over one by one.
    Value left = rewriter.createOrFold<arith::RemUIOp>(loc, batch, step);
    Value whole = rewriter.createOrFold<arith::SubIOp>(loc, batch, left);
    Value heads = index(rewriter, loc, type.getDimSize(1));
    Value y = loop(rewriter, loc, zero, heads, one, empty, [&](OpBuilder &b, Value h, Value dest) {
      Value spectrum = extract(b, loc, op.getSpectrum(), {{h, 1}});
      // skip is indexed by head alone
      Value skip = extract(b, loc, op.getSkip(), {{h, 1}});
      auto group = [&](int64_t size) {
        return [&, size](OpBuilder &b, Value row, Value dest) -> Value {
          std::pair<Value, int64_t> where[] = {{row, size}, {h, 1}};
          Value u = extract(b, loc, op.getU(), where);
          Value part = SpectralConvOp::create(b, loc, u.getType(), op.getChannelsLastAttr(), u, spectrum,
                                              extract(b, loc, op.getPreGate(), where),
                                              extract(b, loc, op.getPostGate(), where), skip);
          return insert(b, loc, part, dest, where);
        };
      };
      dest = loop(b, loc, zero, whole, step, dest, group(rows));
      return rows == 1 ? dest : loop(b, loc, whole, batch, one, dest, group(1));
    });
    rewriter.replaceOp(op, y);
  }
};
} // namespace
