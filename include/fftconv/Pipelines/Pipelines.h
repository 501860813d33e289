//===- Pipelines.h - Pipelines that reach each rung -------------*- C++ -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One options struct and one build function per rung; each starts at the rung before. Registered under the names
// fftconv-to-plan, fftconv-to-monarch, fftconv-to-kernel, fftconv-to-nvvm and fftconv-to-llvm, which start at the conv rung.
//
//===----------------------------------------------------------------------===//

#ifndef FFTCONV_PIPELINES_PIPELINES_H
#define FFTCONV_PIPELINES_PIPELINES_H

#include "fftconv/Conversion/Passes.h"
#include "fftconv/Raise/Passes.h"
#include "fftconv/Transforms/Passes.h"

#include "mlir/Pass/PassManager.h"

namespace fftconv {

/// Programs of JAX, PyTorch and TOSA to the conv rung: raise convolutions, and lower what surrounds them to upstream dialects. Others stay as they are.
void buildFromHost(mlir::OpPassManager &pm);

/// Any program to the conv rung: canonicalise, so that products around convolutions become gates.
void buildToConv(mlir::OpPassManager &pm);

/// conv -> plan: canonicalise, plan, split and hoist spectra.
void buildToPlan(mlir::OpPassManager &pm, const PlanConvsOptions &options = {});

/// plan -> monarch.
void buildToMonarch(mlir::OpPassManager &pm);

/// plan -> kernel: fuse stages into kernels, give their tiles layouts and shared memory, pipeline copies, place barriers. Convolutions were
/// planned for a GPU with `requireKernels`.
void buildToKernel(mlir::OpPassManager &pm);

/// kernel -> nvvm: the kernels in llvm and nvvm only.
void buildToNVVM(mlir::OpPassManager &pm);

/// Any program, of another framework too, to kernels in nvvm and a host function with `gpu.launch_func`, on tensors and buffers: upstream's passes go on with both.
void buildToGPU(mlir::OpPassManager &pm, const PlanConvsOptions &options);

/// plan -> llvm, for the host: row by row, by way of monarch, linalg and vectors. Public functions become entries that take the
/// buffers of their results as trailing arguments.
void buildToLLVM(mlir::OpPassManager &pm);

/// Registers the dialect's passes and the pipelines above.
void registerAllPasses();

} // namespace fftconv

#endif // FFTCONV_PIPELINES_PIPELINES_H
