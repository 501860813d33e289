//===- Pipelines.cpp - Pipelines that reach each rung ---------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "fftconv/Pipelines/Pipelines.h"

#include "mlir/Conversion/AffineToStandard/AffineToStandard.h"
#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/BufferizationToMemRef/BufferizationToMemRef.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/FuncToLLVM/ConvertFuncToLLVMPass.h"
#include "mlir/Conversion/IndexToLLVM/IndexToLLVM.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/MathToLibm/MathToLibm.h"
#include "mlir/Conversion/MemRefToLLVM/MemRefToLLVM.h"
#include "mlir/Conversion/ReconcileUnrealizedCasts/ReconcileUnrealizedCasts.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Conversion/UBToLLVM/UBToLLVM.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVMPass.h"
#include "mlir/Conversion/VectorToSCF/VectorToSCF.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Bufferization/Pipelines/Passes.h"
#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

void fftconv::buildFromHost(OpPassManager &pm) {
  pm.addPass(createRaiseConvs());
  pm.addPass(createConvertHostToLinalg());
}

void fftconv::buildToConv(OpPassManager &pm) {
  pm.addNestedPass<func::FuncOp>(createBuffersToTensors());
  pm.addPass(createCanonicalizerPass());
}

void fftconv::buildToPlan(OpPassManager &pm, const PlanConvsOptions &options) {
  buildToConv(pm);
  pm.addPass(createPlanConvs(options));
  pm.addNestedPass<func::FuncOp>(createTurnChannels());
  pm.addNestedPass<func::FuncOp>(createHoistSpectra());
}

void fftconv::buildToMonarch(OpPassManager &pm) {
  pm.addNestedPass<func::FuncOp>(createDecomposeToMonarch());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}

void fftconv::buildToKernel(OpPassManager &pm) {
  // Each convolution has a kernel of its own: stages of the same rows stay apart.
  pm.addNestedPass<func::FuncOp>(createDecomposeToMonarch());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createFuseKernels());
  OpPassManager &kernels = pm.nest<gpu::GPUModuleOp>();
  kernels.addPass(createAssignLayouts());
  kernels.addPass(createAbsorbTwiddles());
  kernels.addPass(createPipelineCopies());
  kernels.addPass(createAllocateShared());
  kernels.addPass(createPlaceBarriers());
}

void fftconv::buildToNVVM(OpPassManager &pm) {
  OpPassManager &kernels = pm.nest<gpu::GPUModuleOp>();
  kernels.addPass(createConvertKernelsToNVVM());
  kernels.addPass(createSCFToControlFlowPass());
  kernels.addPass(createArithToLLVMConversionPass());
  pm.addPass(createConvertControlFlowToLLVMPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(createReconcileUnrealizedCastsPass());
}

void fftconv::buildToGPU(OpPassManager &pm, const PlanConvsOptions &options) {
  buildFromHost(pm);
  buildToPlan(pm, options);
  buildToKernel(pm);
  pm.addPass(createSizeLaunches());
  buildToNVVM(pm);
  pm.addPass(createLaunchesToGPU());
}

void fftconv::buildToLLVM(OpPassManager &pm) {
  pm.addNestedPass<func::FuncOp>(createTileRows());
  buildToMonarch(pm);
  pm.addPass(createConvertFFTConvToLinalg());
  pm.addPass(createResultsToDestinations());
  pm.addPass(createConvertElementwiseToLinalgPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addNestedPass<func::FuncOp>(createVectorizeStages());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());

  pm.addPass(bufferization::createEmptyTensorEliminationPass());
  bufferization::OneShotBufferizePassOptions bufferize;
  bufferize.bufferizeFunctionBoundaries = true;
  bufferize.allowReturnAllocsFromLoops = true; // a loop over layers carries fresh tensors
  bufferize.functionBoundaryTypeConversion = bufferization::LayoutMapOption::IdentityLayoutMap;
  pm.addPass(bufferization::createOneShotBufferizePass(bufferize));
  pm.addPass(createCSEPass()); // makes copies of a view onto itself visible
  pm.addPass(createCanonicalizerPass());
  pm.addNestedPass<func::FuncOp>(createReuseBuffers());
  pm.addNestedPass<func::FuncOp>(bufferization::createBufferLoopHoistingPass());
  bufferization::buildBufferDeallocationPipeline(pm, bufferization::BufferDeallocationPipelineOptions());
  pm.addPass(createConvertBufferizationToMemRefPass());

  pm.addNestedPass<func::FuncOp>(createLowerCopies());
  pm.addNestedPass<func::FuncOp>(createLowerContractions());
  VectorTransferToSCFOptions toSCF;
  toSCF.enableFullUnroll();
  toSCF.setTargetRank(1);
  pm.addNestedPass<func::FuncOp>(createConvertVectorToSCFPass(toSCF));
  pm.addPass(createConvertLinalgToLoopsPass());
  pm.addPass(memref::createExpandStridedMetadataPass());
  pm.addPass(createLowerAffinePass());
  pm.addPass(createSCFToControlFlowPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  // x86 before AVX512-BF16 has no conversion to bf16, and its runtime library may lack one too.
  arith::ArithExpandOpsPassOptions expand;
  expand.includeBf16 = true;
  pm.addPass(arith::createArithExpandOpsPass(expand));
  pm.addPass(createConvertVectorToLLVMPass());
  pm.addPass(createConvertMathToLLVMPass());
  pm.addPass(createConvertMathToLibmPass());
  pm.addPass(createFinalizeMemRefToLLVMConversionPass());
  pm.addPass(createArithToLLVMConversionPass());
  pm.addPass(createConvertIndexToLLVMPass());
  pm.addPass(createUBToLLVMConversionPass());
  pm.addPass(createConvertFuncToLLVMPass());
  pm.addPass(createConvertControlFlowToLLVMPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(createReconcileUnrealizedCastsPass());
}

namespace {
struct PlanOptions : PassPipelineOptions<PlanOptions> {
  Option<std::string> chip{*this, "chip", llvm::cl::desc("chip to plan for"), llvm::cl::init("cpu")};
  Option<std::string> compute{*this, "compute", llvm::cl::desc("type of the operands of stages, or auto"),
                              llvm::cl::init("auto")};

  fftconv::PlanConvsOptions get() const { return {.chip = chip.getValue(), .compute = compute.getValue()}; }
};
} // namespace

void fftconv::registerAllPasses() {
  registerFFTConvTransformsPasses();
  registerFFTConvConversionPasses();
  registerFFTConvRaisePasses();
  PassPipelineRegistration<>("fftconv-from-host", "programs of other frameworks -> conv", buildFromHost);
  PassPipelineRegistration<PlanOptions>("fftconv-to-plan", "conv -> plan",
                                        [](OpPassManager &pm, const PlanOptions &o) { buildToPlan(pm, o.get()); });
  PassPipelineRegistration<PlanOptions>("fftconv-to-monarch", "conv -> monarch",
                                        [](OpPassManager &pm, const PlanOptions &o) {
                                          buildToPlan(pm, o.get());
                                          buildToMonarch(pm);
                                        });
  PassPipelineRegistration<PlanOptions>("fftconv-to-kernel", "conv -> kernel, for a GPU",
                                        [](OpPassManager &pm, const PlanOptions &o) {
                                          PlanConvsOptions options = o.get();
                                          options.requireKernels = true;
                                          buildToPlan(pm, options);
                                          buildToKernel(pm);
                                        });
  PassPipelineRegistration<PlanOptions>("fftconv-to-nvvm", "conv -> nvvm, for a GPU",
                                        [](OpPassManager &pm, const PlanOptions &o) {
                                          PlanConvsOptions options = o.get();
                                          options.requireKernels = true;
                                          buildToPlan(pm, options);
                                          buildToKernel(pm);
                                          buildToNVVM(pm);
                                        });
  PassPipelineRegistration<PlanOptions>("fftconv-lower-to-gpu",
                                        "any program -> kernels in nvvm and gpu.launch_func, for upstream to go on",
                                        [](OpPassManager &pm, const PlanOptions &o) {
                                          PlanConvsOptions options = o.get();
                                          options.requireKernels = true;
                                          buildToGPU(pm, options);
                                        });
  PassPipelineRegistration<PlanOptions>("fftconv-to-llvm", "conv -> llvm, for the host",
                                        [](OpPassManager &pm, const PlanOptions &o) {
                                          buildToPlan(pm, o.get());
                                          buildToLLVM(pm);
                                        });
}
