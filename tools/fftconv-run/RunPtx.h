//===- RunPtx.h - fftconv-run on a PTX file ---------------------*- C++ -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef FFTCONV_TOOLS_RUNPTX_H
#define FFTCONV_TOOLS_RUNPTX_H

#include "fftconv/Emulator/Emulator.h"

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/JSON.h"

#include <string>

namespace fftconv {

/// The flags of the emulator; those about one kernel apply to PTX files only.
struct PtxOptions {
  explicit PtxOptions(llvm::cl::OptionCategory &category);

  llvm::cl::opt<std::string> kernel, grid, block, check, stats, listing, inside;
  llvm::cl::list<std::string> arguments;
  llvm::cl::opt<uint64_t> shared, schedule;
};

/// The checks that the flags ask for.
llvm::Expected<emulator::Options> parseChecks(const PtxOptions &options);

/// Counters and findings of a launch.
llvm::json::Object describe(const emulator::Result &result);

llvm::Error writeText(llvm::StringRef path, llvm::StringRef text);

/// Runs a kernel of a PTX file in the emulator; gives the exit code, 1 where a check found something.
llvm::Expected<int> runPtx(llvm::StringRef path, const PtxOptions &options);

} // namespace fftconv

#endif // FFTCONV_TOOLS_RUNPTX_H
