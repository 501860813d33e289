//===- VectorizeStages.cpp - Tile, fuse and vectorise stages --------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Works on what convert-fftconv-to-linalg leaves, canonicalised: contractions of a constant matrix with a digit, with elementwise
// contractions (twiddles, products) and roundings between them. Leaves loops around vector.contract; a stage's operand and result
// touch memory once.
//
//===----------------------------------------------------------------------===//

#include "fftconv/Conversion/Passes.h"
#include "fftconv/IR/FFTConv.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SCF/Transforms/TileUsingInterface.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Tensor/Transforms/Transforms.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Dialect/Vector/Transforms/LoweringPatterns.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace fftconv {
#define GEN_PASS_DEF_VECTORIZESTAGES
#include "fftconv/Conversion/Passes.h.inc"
} // namespace fftconv

using namespace mlir;
using namespace fftconv;

/// The largest constant matrix that becomes straight-line code: a complex one of radix 64.
static constexpr int64_t maxMatrixSize = 4 * 64 * 64;

namespace {
/// Dimensions of the result of a stage, by how a tile treats them.
struct Stage {
  linalg::GenericOp transform;
  /// True for result dimensions that come from the constant matrix: a tile holds all of them.
  SmallVector<bool> whole;
};

/// Recognises a contraction with a constant matrix, whose result dimensions come from either side but not from both.
std::optional<Stage> matchStage(linalg::GenericOp op) {
  if (op.getNumDpsInputs() != 2 || op.getNumReductionLoops() == 0 || op->getNumResults() != 1 ||
      !op.getDpsInputs()[0].getDefiningOp<arith::ConstantOp>())
    return std::nullopt;
  AffineMap matrix = op.getMatchingIndexingMap(op.getDpsInputOperand(0)),
            data = op.getMatchingIndexingMap(op.getDpsInputOperand(1)),
            result = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
  Stage stage{op, {}};
  for (AffineExpr expr : result.getResults()) {
    unsigned dim = cast<AffineDimExpr>(expr).getPosition();
    bool inMatrix = matrix.isFunctionOfDim(dim), inData = data.isFunctionOfDim(dim);
    if (inMatrix && inData)
      return std::nullopt; // a twiddle: elementwise but for the planes
    stage.whole.push_back(inMatrix);
  }
  return stage;
}

/// The last op of the chain that `stage` starts: single uses by linalg ops on tensors of the same shape, up to the next stage.
linalg::GenericOp endOfChain(linalg::GenericOp op) {
  while (op->hasOneUse()) {
    auto user = dyn_cast<linalg::GenericOp>(*op->user_begin());
    if (!user || user->getBlock() != op->getBlock() || matchStage(user) || user->getNumResults() != 1 ||
        cast<ShapedType>(user.getResult(0).getType()).getShape() !=
            cast<ShapedType>(op.getResult(0).getType()).getShape())
      break;
    op = user;
  }
  return op;
}

/// The largest divisor of `extent` that is at most `most`.
int64_t divisor(int64_t extent, int64_t most) {
  while (extent % most)
    --most;
  return most;
}

/// The values of a floating-point constant in a type that holds them exactly.
DenseElementsAttr widened(DenseElementsAttr constant, VectorType type) {
  const llvm::fltSemantics &semantics = cast<FloatType>(type.getElementType()).getFloatSemantics();
  SmallVector<APFloat> values;
  for (APFloat value : constant.getValues<APFloat>()) {
    bool losesInfo;
    value.convert(semantics, APFloat::rmNearestTiesToEven, &losesInfo);
    values.push_back(value);
  }
  return DenseElementsAttr::get(type, values);
}

/// Vectorises a contraction (f32 sums of products of two inputs, each widened) as the vector.contract that it is; upstream's
/// vectoriser would give a reduction over the whole iteration space. Null for any other op.
Value vectorizeContraction(RewriterBase &rewriter, linalg::GenericOp op) {
  if (op.getNumDpsInputs() != 2 || op.getNumReductionLoops() == 0 || op->getNumResults() != 1 ||
      !llvm::all_of(op.getIndexingMapsArray(), [](AffineMap map) { return map.isProjectedPermutation(); }))
    return {};
  // convert-fftconv-to-linalg is the one producer: yield(addf(out, mulf(ext(a), ext(b)))).
  Block *body = op.getBody();
  auto sum = body->getTerminator()->getOperand(0).getDefiningOp<arith::AddFOp>();
  auto product = sum ? sum.getRhs().getDefiningOp<arith::MulFOp>() : nullptr;
  auto isInput = [&](Value v, unsigned i) {
    if (auto widened = v.getDefiningOp<arith::ExtFOp>())
      v = widened.getIn();
    return v == body->getArgument(i);
  };
  if (!product || sum.getLhs() != body->getArgument(2) || !isInput(product.getLhs(), 0) ||
      !isInput(product.getRhs(), 1))
    return {};

  Location loc = op.getLoc();
  Type element = product.getType();
  Value zero = arith::ConstantIndexOp::create(rewriter, loc, 0);
  auto read = [&](OpOperand *operand) -> Value {
    Value source = operand->get();
    auto type = cast<RankedTensorType>(source.getType());
    // The tile of a matrix is all of it.
    while (auto slice = source.getDefiningOp<tensor::ExtractSliceOp>()) {
      if (slice.getSourceType() != type)
        break;
      source = slice.getSource();
    }
    DenseElementsAttr constant;
    if (matchPattern(source, m_Constant(&constant)))
      return arith::ConstantOp::create(rewriter, loc, widened(constant, VectorType::get(type.getShape(), element)));
    SmallVector<Value> indices(type.getRank(), zero);
    SmallVector<bool> inBounds(type.getRank(), true);
    Value padding = ub::PoisonOp::create(rewriter, loc, type.getElementType());
    Value vector =
        vector::TransferReadOp::create(rewriter, loc, VectorType::get(type.getShape(), type.getElementType()), source,
                                       indices, padding, ArrayRef<bool>(inBounds));
    if (type.getElementType() == element)
      return vector;
    return arith::ExtFOp::create(rewriter, loc, VectorType::get(type.getShape(), element), vector);
  };
  OpOperand *init = op.getDpsInitOperand(0);
  SmallVector<Attribute> iterators;
  for (utils::IteratorType type : op.getIteratorTypesArray())
    iterators.push_back(vector::IteratorTypeAttr::get(rewriter.getContext(), type == utils::IteratorType::parallel
                                                                                 ? vector::IteratorType::parallel
                                                                                 : vector::IteratorType::reduction));
  Value lhs = read(op.getDpsInputOperand(0)), rhs = read(op.getDpsInputOperand(1)), acc = read(init);
  Value result = vector::ContractionOp::create(rewriter, loc, lhs, rhs, acc, op.getIndexingMaps(),
                                               rewriter.getArrayAttr(iterators));
  SmallVector<Value> indices(cast<RankedTensorType>(init->get().getType()).getRank(), zero);
  SmallVector<bool> inBounds(indices.size(), true);
  return vector::TransferWriteOp::create(rewriter, loc, result, init->get(), indices, ArrayRef<bool>(inBounds))
      .getResult();
}

struct VectorizeStages : fftconv::impl::VectorizeStagesBase<VectorizeStages> {
  using VectorizeStagesBase::VectorizeStagesBase;

  void runOnOperation() override {
    if (lanes < 1 || block < 1) {
      getOperation().emitError("lanes and block must be at least 1");
      return signalPassFailure();
    }
    SmallVector<Stage> stages;
    getOperation().walk([&](linalg::GenericOp op) {
      if (std::optional<Stage> stage = matchStage(op))
        stages.push_back(*stage);
    });
    IRRewriter rewriter(&getContext());
    DenseSet<Operation *> fused;
    for (Stage &stage : llvm::reverse(stages))
      if (!fused.contains(stage.transform) && isWorthwhile(stage))
        if (failed(tile(rewriter, stage, fused)))
          return signalPassFailure();

    // Unit dimensions and slices between fused ops would keep values in memory.
    RewritePatternSet patterns(&getContext());
    tensor::populateFoldTensorSubsetIntoVectorTransferPatterns(patterns);
    vector::populateVectorTransferPermutationMapLoweringPatterns(patterns);
    vector::TransferReadOp::getCanonicalizationPatterns(patterns, &getContext());
    vector::TransferWriteOp::getCanonicalizationPatterns(patterns, &getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }

  /// False, with a remark, for a matrix that would become too much straight-line code.
  static bool isWorthwhile(Stage &stage) {
    auto matrix = cast<ShapedType>(stage.transform.getDpsInputs()[0].getType());
    if (matrix.getNumElements() <= maxMatrixSize)
      return true;
    remark::missed(stage.transform.getLoc(), remark::RemarkOpts::name("NotTiled").category("fftconv-vectorize-stages"))
        << remark::reason("the matrix of the stage is too large to unroll");
    return false;
  }

  LogicalResult tile(RewriterBase &rewriter, Stage &stage, DenseSet<Operation *> &fused) {
    linalg::GenericOp root = endOfChain(stage.transform);
    ArrayRef<int64_t> shape = cast<ShapedType>(root.getResult(0).getType()).getShape();
    SmallVector<int64_t> resultTile(shape.size(), 1);
    for (size_t i = 0; i < shape.size(); ++i)
      if (stage.whole[i])
        resultTile[i] = shape[i];
    // The fastest dimension fills a vector; where it is the digit itself, several positions of the next one share constants.
    bool digitIsFastest = stage.whole.back();
    if (!digitIsFastest)
      resultTile.back() = divisor(shape.back(), lanes);
    else if (shape.size() > 1 && !stage.whole[shape.size() - 2])
      resultTile[shape.size() - 2] = divisor(shape[shape.size() - 2], block);

    AffineMap map = root.getMatchingIndexingMap(root.getDpsInitOperand(0));
    SmallVector<OpFoldResult> sizes(root.getNumLoops(), rewriter.getIndexAttr(0));
    for (auto [expr, size, extent] : llvm::zip_equal(map.getResults(), resultTile, shape))
      if (size != extent)
        sizes[cast<AffineDimExpr>(expr).getPosition()] = rewriter.getIndexAttr(size);

    scf::SCFTileAndFuseOptions options;
    options.tilingOptions.setTileSizes(sizes);
    rewriter.setInsertionPoint(root);
    FailureOr<scf::SCFTileAndFuseResult> tiled =
        scf::tileConsumerAndFuseProducersUsingSCF(rewriter, cast<TilingInterface>(root.getOperation()), options);
    if (failed(tiled)) {
      remark::missed(root.getLoc(), remark::RemarkOpts::name("NotTiled").category("fftconv-vectorize-stages"))
          << remark::reason("the stage could not be tiled");
      return success();
    }
    for (auto [before, after] : tiled->replacements)
      rewriter.replaceAllUsesWith(before, after);
    for (Operation *producer : tiled->fusedProducers)
      fused.insert(producer);
    for (Operation *op : tiled->tiledAndFusedOps) {
      if (!isa<linalg::LinalgOp>(op) || op->use_empty())
        continue;
      rewriter.setInsertionPoint(op);
      if (auto generic = dyn_cast<linalg::GenericOp>(op))
        if (Value vector = vectorizeContraction(rewriter, generic)) {
          rewriter.replaceOp(op, vector);
          continue;
        }
      FailureOr<linalg::VectorizationResult> vectors = linalg::vectorize(rewriter, op);
      if (failed(vectors))
        return op->emitError("a tile of a stage could not be vectorised");
      rewriter.replaceOp(op, vectors->replacements);
    }
    return success();
  }
};
} // namespace
