//===- ConvEmitter.h - fftconv.conv for one convolution ---------*- C++ -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef FFTCONV_LIB_RAISE_CONVEMITTER_H
#define FFTCONV_LIB_RAISE_CONVEMITTER_H

#include "Matcher.h"

namespace fftconv {

/// Emits the convolution that was found, with what puts its operands in order before and its result after; what takes the place of the match's result, and the name of the boundary.
/// `replaced` has what took that of results of matches before.
std::pair<mlir::Value, llvm::StringRef> emitConv(mlir::OpBuilder &b, mlir::Location loc, const Match &match,
                                                 const llvm::DenseMap<mlir::Value, mlir::Value> &replaced);

} // namespace fftconv

#endif // FFTCONV_LIB_RAISE_CONVEMITTER_H
