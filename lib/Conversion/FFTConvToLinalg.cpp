//===- FFTConvToLinalg.cpp - The monarch rung to linalg -------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Complex tensors become real ones with a leading plane dimension, spectra become 2x2 rotations; function signatures and loops
// that carry spectra follow. The patterns for ops are in StagesToLinalg.cpp and EndsToLinalg.cpp.
//
//===----------------------------------------------------------------------===//

#include "LinalgEmitter.h"

#include "fftconv/Conversion/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Func/Transforms/FuncConversions.h"
#include "mlir/Dialect/SCF/Transforms/Patterns.h"

namespace fftconv {
#define GEN_PASS_DEF_CONVERTFFTCONVTOLINALG
#include "fftconv/Conversion/Passes.h.inc"
} // namespace fftconv

using namespace mlir;
using namespace fftconv;

namespace {
/// The types of the converted program.
struct PlanesConverter : TypeConverter {
  PlanesConverter() {
    addConversion([](Type type) { return type; });
    addConversion([](RankedTensorType type) -> Type {
      auto complex = dyn_cast<ComplexType>(type.getElementType());
      if (!complex)
        return type;
      SmallVector<int64_t> shape(getSpectrumEncoding(type) ? 2 : 1, 2);
      llvm::append_range(shape, type.getShape());
      return RankedTensorType::get(shape, complex.getElementType());
    });
  }
};

struct ConvertEmpty : OpConversionPattern<tensor::EmptyOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(tensor::EmptyOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOpWithNewOp<tensor::EmptyOp>(op, getTypeConverter()->convertType(op.getType()),
                                                 adaptor.getDynamicSizes());
    return success();
  }
};

/// Prefixes a slice of digits with its planes.
template <typename SliceOp>
struct Planes {
  SmallVector<OpFoldResult> offsets, sizes, strides;
  Planes(OpBuilder &b, SliceOp op, int64_t planes)
      : offsets(planes, b.getIndexAttr(0)), sizes(planes, b.getIndexAttr(2)), strides(planes, b.getIndexAttr(1)) {
    llvm::append_range(offsets, op.getMixedOffsets());
    llvm::append_range(sizes, op.getMixedSizes());
    llvm::append_range(strides, op.getMixedStrides());
  }
};

struct ConvertExtractSlice : OpConversionPattern<tensor::ExtractSliceOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(tensor::ExtractSliceOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    auto type = cast<RankedTensorType>(getTypeConverter()->convertType(op.getType()));
    Planes planes(rewriter, op, type.getRank() - op.getType().getRank());
    rewriter.replaceOpWithNewOp<tensor::ExtractSliceOp>(op, type, adaptor.getSource(), planes.offsets, planes.sizes,
                                                        planes.strides);
    return success();
  }
};

struct ConvertInsertSlice : OpConversionPattern<tensor::InsertSliceOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(tensor::InsertSliceOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    int64_t rank = cast<RankedTensorType>(adaptor.getDest().getType()).getRank();
    Planes planes(rewriter, op, rank - op.getType().getRank());
    rewriter.replaceOpWithNewOp<tensor::InsertSliceOp>(op, adaptor.getSource(), adaptor.getDest(), planes.offsets,
                                                       planes.sizes, planes.strides);
    return success();
  }
};

/// Gates multiply on the side whose channels are last.
struct ConvertTurn : OpConversionPattern<TurnOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(TurnOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    ReifiedRankedShapedTypeDims sizes;
    if (failed(op.reifyResultShapes(rewriter, sizes)))
      return failure();
    auto times = [&](Value x, Value gate) -> Value { return gate ? arith::MulFOp::create(rewriter, loc, x, gate) : x; };
    Value gate = adaptor.getGate(), none;
    Value empty = tensor::EmptyOp::create(rewriter, loc, sizes[0], op.getType().getElementType());
    Value x = times(adaptor.getX(), op.getBack() ? none : gate);
    Value y = linalg::TransposeOp::create(rewriter, loc, x, empty, ArrayRef<int64_t>{0, 2, 1}).getResults()[0];
    rewriter.replaceOp(op, times(y, op.getBack() ? gate : none));
    return success();
  }
};

struct ConvertFFTConvToLinalg : fftconv::impl::ConvertFFTConvToLinalgBase<ConvertFFTConvToLinalg> {
  void runOnOperation() override {
    MLIRContext *context = &getContext();
    PlanesConverter converter;
    RewritePatternSet patterns(context);
    populateStagesToLinalg(converter, patterns);
    populateEndsToLinalg(converter, patterns);
    patterns.add<ConvertTurn, ConvertEmpty, ConvertExtractSlice, ConvertInsertSlice>(converter, context);
    populateFunctionOpInterfaceTypeConversionPattern<func::FuncOp>(patterns, converter);
    populateCallOpTypeConversionPattern(patterns, converter);
    populateReturnOpTypeConversionPattern(patterns, converter);

    ConversionTarget target(*context);
    target.addIllegalDialect<FFTConvDialect>();
    target.addDynamicallyLegalOp<func::FuncOp>([&](func::FuncOp op) {
      return converter.isSignatureLegal(op.getFunctionType()) && converter.isLegal(&op.getBody());
    });
    target.markUnknownOpDynamicallyLegal([&](Operation *op) { return converter.isLegal(op); });
    scf::populateSCFStructuralTypeConversionsAndLegality(converter, patterns, target);
    if (failed(applyFullConversion(getOperation(), target, std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
