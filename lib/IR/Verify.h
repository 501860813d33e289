//===- Verify.h - Constraints shared by several ops -------------*- C++ -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The constraints that more than one op states; numbers are those of the op descriptions.
//
//===----------------------------------------------------------------------===//

#ifndef FFTCONV_LIB_IR_VERIFY_H
#define FFTCONV_LIB_IR_VERIFY_H

#include "fftconv/IR/FFTConv.h"

namespace fftconv {

/// conv C1.
mlir::LogicalResult verifySignal(mlir::Operation *op, mlir::RankedTensorType u);

/// conv C2 and C4.
mlir::LogicalResult verifyFilter(mlir::Operation *op, mlir::RankedTensorType k, Boundary boundary,
                                 std::optional<int64_t> center);

/// G1 and G2; absent values are null.
mlir::LogicalResult verifyGates(mlir::Operation *op, mlir::RankedTensorType u, int64_t heads, mlir::Value preGate,
                                mlir::Value postGate, mlir::Value skip);

/// G2 and T3; an absent skip is null.
mlir::LogicalResult verifySkip(mlir::Operation *op, int64_t heads, mlir::Value skip);

} // namespace fftconv

#endif // FFTCONV_LIB_IR_VERIFY_H
