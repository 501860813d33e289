//===- Passes.h - Lowerings below the monarch rung --------------*- C++ -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef FFTCONV_CONVERSION_PASSES_H
#define FFTCONV_CONVERSION_PASSES_H

#include "mlir/Pass/Pass.h"

namespace fftconv {
#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "fftconv/Conversion/Passes.h.inc"
} // namespace fftconv

#endif // FFTCONV_CONVERSION_PASSES_H
