//===- RunPtx.h - fftconv-run on a PTX file ---------------------*- C++ -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef FFTCONV_TOOLS_RUNPTX_H
#define FFTCONV_TOOLS_RUNPTX_H

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Error.h"

#include <string>

namespace fftconv {

/// The flags that apply to PTX files only.
struct PtxOptions {
  explicit PtxOptions(llvm::cl::OptionCategory &category);

  llvm::cl::opt<std::string> kernel, grid, block, check, stats, listing;
  llvm::cl::list<std::string> arguments;
  llvm::cl::opt<uint64_t> shared, schedule;
};

/// Runs a kernel of a PTX file in the emulator; gives the exit code, 1 where a check found something.
llvm::Expected<int> runPtx(llvm::StringRef path, const PtxOptions &options);

} // namespace fftconv

#endif // FFTCONV_TOOLS_RUNPTX_H
