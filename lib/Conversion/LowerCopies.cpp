//===- LowerCopies.cpp - Copies of strided buffers as loops ---------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "fftconv/Conversion/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace fftconv {
#define GEN_PASS_DEF_LOWERCOPIES
#include "fftconv/Conversion/Passes.h.inc"
} // namespace fftconv

using namespace mlir;

namespace {
struct LowerCopies : fftconv::impl::LowerCopiesBase<LowerCopies> {
  void runOnOperation() override {
    getOperation().walk([](memref::CopyOp copy) {
      auto isStrided = [](Value buffer) {
        auto type = dyn_cast<MemRefType>(buffer.getType());
        return type && !type.getLayout().isIdentity();
      };
      if (!isStrided(copy.getSource()) && !isStrided(copy.getTarget()))
        return;
      OpBuilder b(copy);
      linalg::makeMemRefCopyOp(b, copy.getLoc(), copy.getSource(), copy.getTarget());
      copy.erase();
    });
  }
};
} // namespace
