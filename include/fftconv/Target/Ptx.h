//===- Ptx.h - PTX, cubin and fatbin of kernels -----------------*- C++ -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From a gpu.module of llvm and nvvm to PTX text, in process and without CUDA. What only NVIDIA's assembler can tell (machine code, registers,
// spills) needs ptxas; it is looked for in CUDA_HOME/bin; without
// CUDA_HOME on the path and in /usr/local/cuda.
//
//===----------------------------------------------------------------------===//

#ifndef FFTCONV_TARGET_PTX_H
#define FFTCONV_TARGET_PTX_H

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "llvm/Support/Error.h"

#include <optional>
#include <string>
#include <vector>

namespace fftconv {

/// PTX of a module for a chip of the table (see Chip.h). An error where an op is left that is neither llvm nor nvvm, or where LLVM cannot
/// select instructions; never an abort.
llvm::Expected<std::string> emitPtx(mlir::gpu::GPUModuleOp module, llvm::StringRef chip);

/// The path of one of CUDA's programs (ptxas, fatbinary, ...), or nothing.
std::optional<std::string> findCudaTool(llvm::StringRef name);

/// What ptxas says of a kernel.
struct KernelUsage {
  std::string kernel;
  int64_t registers = 0, spillBytes = 0, stackBytes = 0;
};

struct Assembled {
  /// The cubin.
  std::string code;
  std::vector<KernelUsage> usage;
};

/// Assembles PTX; an error that says so where there is no ptxas.
llvm::Expected<Assembled> assemble(llvm::StringRef ptx, llvm::StringRef chip);

/// A fatbin of a cubin and the PTX behind it.
llvm::Expected<std::string> makeFatbin(llvm::StringRef ptx, llvm::StringRef cubin, llvm::StringRef chip);

} // namespace fftconv

#endif // FFTCONV_TARGET_PTX_H
