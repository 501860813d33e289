//===- LaunchesToGPU.cpp - Launches on tensors to gpu.launch_func ---------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "fftconv/Conversion/Passes.h"
#include "fftconv/IR/FFTConv.h"
#include "fftconv/IR/Launch.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/MapVector.h"

namespace fftconv {
#define GEN_PASS_DEF_SIZELAUNCHES
#define GEN_PASS_DEF_LAUNCHESTOGPU
#include "fftconv/Conversion/Passes.h.inc"
} // namespace fftconv

using namespace mlir;
using namespace fftconv;

namespace {
constexpr StringLiteral gridName = "fftconv.grid", threadsName = "fftconv.threads", sharedName = "fftconv.shared_bytes";

struct SizeLaunches : fftconv::impl::SizeLaunchesBase<SizeLaunches> {
  void runOnOperation() override {
    WalkResult result = getOperation().walk([&](LaunchOp launch) {
      auto kernel = SymbolTable::lookupNearestSymbolFrom<gpu::GPUFuncOp>(launch, launch.getKernel());
      if (!kernel)
        return WalkResult(launch.emitOpError("has no kernel ") << launch.getKernel() << " at the kernel rung");
      FailureOr<LaunchGrid> grid = getLaunchGrid(launch, kernel);
      auto block = kernel.getKnownBlockSize();
      auto shared = kernel->getAttrOfType<IntegerAttr>(sharedName);
      if (failed(grid))
        return WalkResult::interrupt();
      if (!block || !shared)
        return WalkResult(launch.emitOpError("launches a kernel without known_block_size and fftconv.shared_bytes; run "
                                             "fftconv-to-kernel"));
      Builder b(launch);
      launch->setAttr(gridName, b.getDenseI64ArrayAttr({grid->x, grid->rows, grid->together, grid->limit}));
      launch->setAttr(threadsName, b.getI64IntegerAttr((*block)[0]));
      launch->setAttr(sharedName, shared);
      return WalkResult::advance();
    });
    if (result.wasInterrupted())
      signalPassFailure();
  }
};

struct LaunchesToGPU : fftconv::impl::LaunchesToGPUBase<LaunchesToGPU> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    for (auto function : module.getOps<func::FuncOp>()) {
      if (function.isExternal())
        continue;
      FunctionLaunches launches;
      WalkResult result = function.walk([&](LaunchOp launch) { return WalkResult(launches.lower(launch)); });
      if (result.wasInterrupted())
        return signalPassFailure();
      launches.finish();
    }
    module->setAttr(gpu::GPUDialect::getContainerModuleAttrName(), UnitAttr::get(&getContext()));
    module.walk([&](LLVM::LLVMFuncOp kernel) {
      if (kernel->hasAttr(NVVM::NVVMDialect::getKernelFuncAttrName()))
        kernel->setAttr(gpu::GPUDialect::getKernelFuncAttrName(), UnitAttr::get(&getContext()));
    });
  }

  /// The launches of a function, and what of theirs is on the device.
  struct FunctionLaunches {
    llvm::MapVector<Value, Value> onDevice;
    SmallVector<LaunchOp> done;

    /// The buffer of a tensor: dense, of real numbers. Spectra, which only kernels see, are as many values as their kernel's buffer has.
    static MemRefType bufferOf(RankedTensorType type) {
      if (SpectrumAttr spectrum = getSpectrumEncoding(type)) {
        PlanAttr plan = spectrum.getPlan();
        return MemRefType::get(
            {type.getDimSize(0), monarch::spectrumValues(plan.getPoints(), plan.getCompute().isF32())},
            plan.getCompute());
      }
      return MemRefType::get(type.getShape(), type.getElementType());
    }

    static SmallVector<Value> dynamicSizes(OpBuilder &b, Location loc, Value from, MemRefType type) {
      SmallVector<Value> sizes;
      for (int64_t i = 0; i < type.getRank(); ++i)
        if (type.isDynamicDim(i))
          sizes.push_back(isa<TensorType>(from.getType()) ? Value(tensor::DimOp::create(b, loc, from, i))
                                                          : Value(memref::DimOp::create(b, loc, from, i)));
      return sizes;
    }

    static Value allocate(OpBuilder &b, Location loc, MemRefType type, ValueRange sizes) {
      return gpu::AllocOp::create(b, loc, type, /*asyncToken=*/Type(), ValueRange(), sizes, ValueRange()).getMemref();
    }

    static void copy(OpBuilder &b, Location loc, Value to, Value from) {
      gpu::MemcpyOp::create(b, loc, /*asyncToken=*/Type(), ValueRange(), to, from);
    }

    /// The operand in a buffer of the host. A part of a larger tensor may become a view that is not dense, which nothing copies to a device: it is put together before.
    static Value onHost(OpBuilder &b, Location loc, Value tensor, MemRefType type) {
      Value root = tensor;
      while (Operation *op = root.getDefiningOp()) {
        if (!isa<tensor::CollapseShapeOp, tensor::ExpandShapeOp, tensor::CastOp>(op))
          break;
        root = op->getOperand(0);
      }
      if (!root.getDefiningOp<tensor::ExtractSliceOp>())
        return bufferization::ToBufferOp::create(b, loc, type, tensor, /*read_only=*/true);
      Value host = memref::AllocOp::create(b, loc, type, dynamicSizes(b, loc, tensor, type));
      bufferization::MaterializeInDestinationOp::create(b, loc, Type(), tensor, host, /*restrict=*/true,
                                                        /*writable=*/true);
      return host;
    }

    LogicalResult lower(LaunchOp launch) {
      OpBuilder b(launch);
      Location loc = launch.getLoc();
      auto grid = launch->getAttrOfType<DenseI64ArrayAttr>(gridName);
      auto threads = launch->getAttrOfType<IntegerAttr>(threadsName),
           shared = launch->getAttrOfType<IntegerAttr>(sharedName);
      if (!grid || grid.size() != 4 || !threads || !shared)
        return launch.emitOpError(
            "does not say how it is launched; run fftconv-size-launches before kernels are lowered");
      if (launch->getParentOp() != launch->getParentOfType<func::FuncOp>().getOperation())
        return launch.emitOpError("stands in a loop or a branch, where nothing is copied to the device yet");

      SmallVector<Value> buffers;
      for (Value operand : launch.getOperands()) {
        Value &device = onDevice[operand];
        if (!device) {
          MemRefType type = bufferOf(cast<RankedTensorType>(operand.getType()));
          Value host = onHost(b, loc, operand, type);
          device = allocate(b, loc, type, dynamicSizes(b, loc, host, type));
          copy(b, loc, device, host);
        }
        buffers.push_back(device);
      }
      // The sizes of a result are those of the rows that come first.
      MemRefType type = bufferOf(launch.getResult().getType());
      Value result = allocate(b, loc, type, dynamicSizes(b, loc, buffers[0], type));
      buffers.push_back(result);
      onDevice[launch.getResult()] = result;

      auto index = [&](int64_t value) -> Value { return arith::ConstantIndexOp::create(b, loc, value); };
      auto i64 = [&](Value value) -> Value { return arith::IndexCastOp::create(b, loc, b.getI64Type(), value); };
      SmallVector<Value> arguments, strides;
      auto global = LLVM::LLVMPointerType::get(b.getContext(), 1);
      for (Value buffer : buffers) {
        Value address = i64(memref::ExtractAlignedPointerAsIndexOp::create(b, loc, buffer));
        arguments.push_back(LLVM::IntToPtrOp::create(b, loc, global, address));
        // Those of rows of signals, in elements: the buffers are dense.
        auto shape = cast<MemRefType>(buffer.getType()).getShape();
        if (shape.size() == 3)
          for (int64_t stride : {shape[1] * shape[2], shape[2]})
            strides.push_back(i64(index(stride)));
      }
      arguments.append(strides);
      bool prepare = grid[1] == 0;
      Value batch = prepare ? index(1) : Value(memref::DimOp::create(b, loc, buffers[0], 0));
      arguments.push_back(i64(batch));
      Value y = index(grid[3]);
      if (!prepare) {
        Value rows = arith::MulIOp::create(b, loc, batch, index(grid[1]));
        y = arith::MinUIOp::create(b, loc, arith::CeilDivUIOp::create(b, loc, rows, index(grid[2])), y);
      }
      Value one = index(1), bytes = arith::ConstantIntOp::create(b, loc, b.getI32Type(), shared.getInt());
      gpu::LaunchFuncOp::create(b, loc, launch.getKernel(), gpu::KernelDim3{index(grid[0]), y, one},
                                gpu::KernelDim3{index(threads.getInt()), one, one}, bytes, arguments);
      bool leaves = llvm::any_of(launch->getUsers(), [](Operation *user) { return !isa<LaunchOp>(user); });
      if (leaves) {
        if (getSpectrumEncoding(launch.getResult().getType()))
          return launch.emitOpError("makes a spectrum that is not used by kernels alone");
        Value host = memref::AllocOp::create(b, loc, type, dynamicSizes(b, loc, result, type));
        copy(b, loc, host, result);
        Value tensor = bufferization::ToTensorOp::create(b, loc, launch.getResult().getType(), host, /*restrict=*/true,
                                                         /*writable=*/true);
        launch.getResult().replaceUsesWithIf(tensor, [](OpOperand &use) { return !isa<LaunchOp>(use.getOwner()); });
      }
      done.push_back(launch);
      return success();
    }

    /// Frees what is on the device, at the function's end.
    void finish() {
      if (done.empty())
        return;
      Operation *end = done.back()->getBlock()->getTerminator();
      OpBuilder b(end);
      for (auto [tensor, buffer] : onDevice)
        gpu::DeallocOp::create(b, end->getLoc(), /*asyncToken=*/Type(), ValueRange(), buffer);
      for (LaunchOp launch : llvm::reverse(done))
        launch.erase();
    }
  };
};
} // namespace
