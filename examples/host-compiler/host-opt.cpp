//===- host-opt.cpp - fftconv inside a compiler of one's own ---------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A tool with a pass of its own, which works on fftconv's ops, beside fftconv's passes and MLIR's.
//
//===----------------------------------------------------------------------===//

#include "fftconv/IR/FFTConv.h"
#include "fftconv/IR/Interfaces.h"
#include "fftconv/Pipelines/Pipelines.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SCF/Transforms/TileUsingInterface.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

using namespace mlir;

namespace {
/// Raises what a framework exported, and loops over its batch row by row: by upstream's tiling, which takes any op that implements the interface.
struct BatchOfOne : PassWrapper<BatchOfOne, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(BatchOfOne)
  StringRef getArgument() const final { return "host-batch-of-one"; }
  StringRef getDescription() const final { return "Raise convolutions, and loop over their batches"; }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<fftconv::FFTConvDialect, scf::SCFDialect>();
  }

  void runOnOperation() override {
    OpPassManager raise(ModuleOp::getOperationName());
    fftconv::buildFromHost(raise);
    if (failed(runPipeline(raise, getOperation())))
      return signalPassFailure();
    SmallVector<fftconv::ConvOp> convs;
    getOperation().walk([&](fftconv::ConvOp conv) { convs.push_back(conv); });
    IRRewriter rewriter(&getContext());
    scf::SCFTilingOptions options;
    options.setTileSizes({rewriter.getIndexAttr(1), rewriter.getIndexAttr(0)});
    for (fftconv::ConvOp conv : convs) {
      rewriter.setInsertionPoint(conv);
      FailureOr<scf::SCFTilingResult> tiled =
          scf::tileUsingSCF(rewriter, cast<TilingInterface>(conv.getOperation()), options);
      if (failed(tiled))
        return signalPassFailure();
      rewriter.replaceOp(conv, tiled->replacements);
    }
  }
};
} // namespace

int main(int argc, char **argv) {
  registerAllPasses();
  fftconv::registerAllPasses();
  PassRegistration<BatchOfOne>();
  DialectRegistry registry;
  registerAllDialects(registry);
  registry.insert<fftconv::FFTConvDialect>();
  fftconv::registerInterfaceModels(registry);
  return asMainReturnCode(MlirOptMain(argc, argv, "a host compiler\n", registry));
}
