//===- Launch.h - How many CTAs a kernel takes ------------------*- C++ -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef FFTCONV_IR_LAUNCH_H
#define FFTCONV_IR_LAUNCH_H

#include "fftconv/IR/FFTConv.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"

namespace fftconv {

/// The grid of a kernel at the kernel rung: x CTAs, times y = min(ceil(batch * rows / together), limit); `limit` itself where `rows` is zero, for a kernel of filters.
struct LaunchGrid {
  int64_t x = 1, rows = 0, together = 1, limit = 1;
  /// Of rows of signals, in bytes; as wide as the kernel's accesses.
  int64_t alignment = 16;
  /// The chip that the kernel is for.
  llvm::StringRef chip;
};

/// The grid of a kernel; failure, with a diagnostic at `launch`, for one that is neither a convolution nor a spectrum, and turns no rows.
mlir::FailureOr<LaunchGrid> getLaunchGrid(LaunchOp launch, mlir::gpu::GPUFuncOp kernel);

} // namespace fftconv

#endif // FFTCONV_IR_LAUNCH_H
