//===- Report.h - What a compiled program will cost -------------*- C++ -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// For each kernel: plan, resources (of ptxas, where there is one), counts for one output and times at the chip's limits, both predicted by
// the cost model.
//
//===----------------------------------------------------------------------===//

#ifndef FFTCONV_TARGET_REPORT_H
#define FFTCONV_TARGET_REPORT_H

#include "fftconv/Target/Ptx.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/Support/JSON.h"

namespace fftconv {

/// The kernels that a function at the kernel rung launches. `usage` is empty where nobody assembled them. A dynamic batch counts as 64.
llvm::json::Value makeReport(mlir::func::FuncOp entry, llvm::ArrayRef<KernelUsage> usage);

/// The same as text.
std::string printReport(const llvm::json::Value &report);

} // namespace fftconv

#endif // FFTCONV_TARGET_REPORT_H
