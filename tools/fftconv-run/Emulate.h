//===- Emulate.h - fftconv-run on the emulator ------------------*- C++ -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef FFTCONV_RUN_EMULATE_H
#define FFTCONV_RUN_EMULATE_H

#include "RunPtx.h"

#include "fftconv/Execution/Executors.h"

namespace fftconv {

/// The sizes that --inside gives, if it does.
llvm::Expected<std::optional<std::array<int64_t, 2>>> parseInside(const PtxOptions &options);

/// Runs a program in the emulator as the flags say, prints what each launch did and found, and writes --stats. False where something was found.
llvm::Expected<bool> emulate(EmulatedProgram &program, llvm::MutableArrayRef<Tensor> inputs,
                             llvm::MutableArrayRef<Tensor> results, const PtxOptions &options);

} // namespace fftconv

#endif // FFTCONV_RUN_EMULATE_H
