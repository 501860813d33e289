//===- Passes.h - From other frameworks' programs ----------------*- C++ -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef FFTCONV_RAISE_PASSES_H
#define FFTCONV_RAISE_PASSES_H

#include "mlir/Pass/Pass.h"

namespace fftconv {
/// Whether the passes here read the ops of a dialect: StableHLO, CHLO, MHLO, torch, TOSA.
bool isHostDialect(llvm::StringRef dialect);

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "fftconv/Raise/Passes.h.inc"
} // namespace fftconv

#endif // FFTCONV_RAISE_PASSES_H
