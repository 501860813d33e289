//===- Passes.h - Passes from the conv to the kernel rung --------*- C++ -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef FFTCONV_TRANSFORMS_PASSES_H
#define FFTCONV_TRANSFORMS_PASSES_H

#include "fftconv/IR/FFTConv.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Pass/Pass.h"

namespace fftconv {
#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "fftconv/Transforms/Passes.h.inc"
} // namespace fftconv

#endif // FFTCONV_TRANSFORMS_PASSES_H
