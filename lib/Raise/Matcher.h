//===- Matcher.h - Convolutions in a function ------------------*- C++ -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From every inverse transform back to the product of two spectra and the windows that these are of, and forward to the crop. Whether that is a convolution is
// arithmetic then: for each tap, every pair of an output and an input whose distance is the tap's lag modulo N must have just that lag.
//
//===----------------------------------------------------------------------===//

#ifndef FFTCONV_LIB_RAISE_MATCHER_H
#define FFTCONV_LIB_RAISE_MATCHER_H

#include "Sequences.h"

#include "llvm/ADT/SetVector.h"

#include <vector>

namespace fftconv {

/// A filter window's place among lags: those of its first and last tap in time.
struct Lags {
  int64_t first, last;
};

/// A convolution that was found.
struct Match {
  mlir::Operation *inverse = nullptr;
  /// The transforms behind the product.
  llvm::SetVector<mlir::Operation *> transforms;
  /// The result's shape, but for dimensions that a reshape puts together between the product and the inverse transform.
  HostType space;
  /// What the convolution computes, after all that it takes over: to be replaced.
  mlir::Value result;
  /// Dimensions of `space` that count batch rows and heads (none of size 1), and that of time.
  llvm::SmallVector<int64_t> batch, heads;
  int64_t time = 0;
  Window signal;
  llvm::SmallVector<Window, 2> filter;
  llvm::SmallVector<Lags, 2> lags;
  double scale = 1;
  /// N, the first position of the crop, and how many.
  int64_t size = 0, start = 0, outputs = 0;
  bool circular = false;
  std::optional<View> preGate, postGate, skip;

  /// How much later than that of a convolution whose earliest tap has lag zero the crop begins; negative for later outputs. Zero where lags say all, as they do of
  /// reversed filters, sums of filters, and a filter whose middle tap has lag zero.
  int64_t delay() const;
  /// Whether outputs and inputs are as many, one beside the other.
  bool isAligned() const;
};

/// The convolutions of a function of one block. Each transform back that is none gets a remark that says why.
class Matcher {
public:
  explicit Matcher(mlir::func::FuncOp function) : function(function) {}

  void run();
  llvm::ArrayRef<Match> matches() const { return found; }
  bool sawTransforms() const { return transforms > 0; }

private:
  mlir::func::FuncOp function;
  std::vector<Match> found;
  size_t transforms = 0;

  void refuse(mlir::Operation *op, const Reason &reason);
  bool isDead(mlir::Operation *op) const;
  bool isTakenOver(mlir::Operation *op) const;
  void dropShared();
  void takeOver(Match &match) const;
  void takeGateBefore(Match &match) const;
};

/// Whether an op only asserts something of its operands.
bool isAssert(mlir::Operation *op);

} // namespace fftconv

#endif // FFTCONV_LIB_RAISE_MATCHER_H
