//===- HostNumbers.h - Functions of numbers by frameworks' names -*- C++ -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What linalg bodies compute element by element. Values are null where there is no such thing.
//
//===----------------------------------------------------------------------===//

#ifndef FFTCONV_LIB_RAISE_HOSTNUMBERS_H
#define FFTCONV_LIB_RAISE_HOSTNUMBERS_H

#include "mlir/IR/Builders.h"

namespace fftconv {

/// A number of another type.
mlir::Value convertNumber(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x, mlir::Type to);

/// A constant of a floating point type.
mlir::Value constantNumber(mlir::OpBuilder &b, mlir::Location loc, mlir::Type type, double value);

/// The function that normal forms call `name` (HostOp::name), whose result is of type `element`.
mlir::Value functionOfNumbers(mlir::OpBuilder &b, mlir::Location loc, llvm::StringRef name, mlir::Type element,
                              mlir::ValueRange args);

} // namespace fftconv

#endif // FFTCONV_LIB_RAISE_HOSTNUMBERS_H
