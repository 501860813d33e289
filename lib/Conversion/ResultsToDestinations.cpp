//===- ResultsToDestinations.cpp - Results to caller's buffers ------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs before bufferization, which then writes results where the caller wants them instead of copying them there.
//
//===----------------------------------------------------------------------===//

#include "fftconv/Conversion/Passes.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/PatternMatch.h"

namespace fftconv {
#define GEN_PASS_DEF_RESULTSTODESTINATIONS
#include "fftconv/Conversion/Passes.h.inc"
} // namespace fftconv

using namespace mlir;
using namespace fftconv;

namespace {
struct ResultsToDestinations : fftconv::impl::ResultsToDestinationsBase<ResultsToDestinations> {
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (function.isPublic() && !function.isExternal() && failed(convert(function)))
        return signalPassFailure();
  }

  LogicalResult convert(func::FuncOp function) {
    if (!SymbolTable::symbolKnownUseEmpty(function, getOperation()))
      return function.emitError(
          "a public function that is called in the module cannot become an entry; make it private");
    for (Type type : function.getResultTypes())
      if (!isa<RankedTensorType>(type))
        return function.emitError("an entry must return ranked tensors, got ") << type;

    OpBuilder builder(function);
    for (unsigned i = 0; i < function.getNumArguments(); ++i)
      if (isa<TensorType>(function.getArgument(i).getType()))
        function.setArgAttr(i, bufferization::BufferizationDialect::kWritableAttrName, builder.getBoolAttr(false));
    SmallVector<Value> destinations;
    for (Type type : function.getResultTypes()) {
      auto tensor = cast<RankedTensorType>(type);
      unsigned position = function.getNumArguments();
      if (failed(function.insertArgument(position, MemRefType::get(tensor.getShape(), tensor.getElementType()), {},
                                         function.getLoc())))
        return failure();
      destinations.push_back(function.getArgument(position));
    }
    for (auto ret : llvm::make_early_inc_range(function.getOps<func::ReturnOp>())) {
      builder.setInsertionPoint(ret);
      for (auto [value, destination] : llvm::zip_equal(ret.getOperands(), destinations))
        bufferization::MaterializeInDestinationOp::create(builder, ret.getLoc(), Type(), value, destination,
                                                          /*restrict=*/true, /*writable=*/true);
      ret->setOperands({});
    }
    function.removeResAttrsAttr();
    function.setFunctionType(FunctionType::get(&getContext(), function.getFunctionType().getInputs(), /*results=*/{}));
    function->setAttr(LLVM::LLVMDialect::getEmitCWrapperAttrName(), builder.getUnitAttr());
    return success();
  }
};
} // namespace
