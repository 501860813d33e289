//===- BuffersToTensors.cpp - Convolutions on buffers, on tensors again ---===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "fftconv/Conversion/Passes.h"
#include "fftconv/IR/FFTConv.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace fftconv {
#define GEN_PASS_DEF_BUFFERSTOTENSORS
#include "fftconv/Conversion/Passes.h.inc"
} // namespace fftconv

using namespace mlir;
using namespace fftconv;

namespace {
struct BuffersToTensors : fftconv::impl::BuffersToTensorsBase<BuffersToTensors> {
  void runOnOperation() override {
    getOperation().walk([](ConvBuffersOp op) {
      OpBuilder b(op);
      Location loc = op.getLoc();
      auto tensor = [&](Value buffer) -> Value {
        if (!buffer)
          return {};
        auto type = cast<MemRefType>(buffer.getType());
        return bufferization::ToTensorOp::create(b, loc, RankedTensorType::get(type.getShape(), type.getElementType()),
                                                 buffer, /*restrict=*/true);
      };
      Value u = tensor(op.getU());
      Value y =
          ConvOp::create(b, loc, u.getType(), op.getBoundaryAttr(), op.getChannelsLastAttr(),
                         /*turned=*/UnitAttr(), u, tensor(op.getK()), tensor(op.getPreGate()), tensor(op.getPostGate()),
                         tensor(op.getSkip()), op.getCenterAttr(), PlanAttr(), DirectAttr());
      bufferization::MaterializeInDestinationOp::create(b, loc, Type(), y, op.getY(), /*restrict=*/true,
                                                        /*writable=*/true);
      op.erase();
    });
  }
};
} // namespace
