//===- Sequences.h - Values as sequences in time and their spectra -*- C++ -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a value is along one dimension, as a sum of windows of other values: shifted, reversed, scaled, zero elsewhere. Padding, cropping, reversing and adding
// act on windows; a transform makes a spectrum of them, a conjugate turns them round zero. A value that is none of this is a window of itself.
//
//===----------------------------------------------------------------------===//

#ifndef FFTCONV_LIB_RAISE_SEQUENCES_H
#define FFTCONV_LIB_RAISE_SEQUENCES_H

#include "HostOp.h"

namespace fftconv {

/// A value seen with other dimensions: dims[i] is the dimension of `base` that the view's dimension i goes along, -1 where it repeats.
struct View {
  mlir::Value base;
  llvm::SmallVector<int64_t> dims;

  bool operator==(const View &other) const { return base == other.base && dims == other.dims; }
};

/// `count` elements of a view from index `begin` on, along dimension `axis` of the view. Element begin + i lies at position offset + i, or offset - i where they are
/// reversed.
struct Window {
  View view;
  bool reversed = false;
  int64_t offset = 0, begin = 0, count = 0;
  double scale = 1;

  int64_t first() const { return reversed ? offset - count + 1 : offset; }
  int64_t last() const { return reversed ? offset : offset + count - 1; }
};

/// A sum of windows, zero elsewhere, of `size` positions.
struct Sequence {
  llvm::SmallVector<Window, 2> windows;
  int64_t size = 0;

  /// Leaves positions 0 to size - 1.
  void crop(int64_t size);
  void scaleBy(double factor);
  /// See compose().
  void applyDims(llvm::ArrayRef<int64_t> dims);
};

/// The transform of a real sequence. Positions count modulo its size.
struct Spectrum {
  Sequence time;
  /// Whether only bins 0 to size / 2 are there.
  bool half = false;
};

/// A product of two spectra.
struct SpectrumProduct {
  Spectrum lhs, rhs;
  double scale = 1;
};

/// Why something is not what it would have to be. It is empty where it is.
using Reason = std::string;

/// Where an operand's dimensions are in the result of an op that leaves elements where they are, by dimension of the result (-1: it repeats along that); nothing for
/// other ops.
std::optional<llvm::SmallVector<int64_t>> operandDims(const HostOp &op, mlir::Value value, unsigned operand);

/// Whether an op leaves elements as they are, but for where its dimensions are.
bool isView(const HostOp &op);

/// The base of a value, looking through broadcasts, transpositions, reshapes by dimensions of size 1, and conversions to wider types.
View viewOf(mlir::Value value);

/// A view with other dimensions: `dims` are those of the given view's, -1 where it repeats.
View compose(const View &view, llvm::ArrayRef<int64_t> dims);

/// Whether an op, from its operand's type to its result's, takes all of its operand along the dimensions other than `axis`, and leaves out none between along that.
bool actsAlong(const HostOp &op, const HostType &from, const HostType &to, int64_t axis);

/// x, if an op is a multiple of it, as the number of an operand, and the factor.
std::optional<std::pair<unsigned, double>> multipleOf(const HostOp &op);

/// The sequence along a dimension.
Sequence sequenceOf(mlir::Value value, int64_t axis);

/// A complex value: a tensor of complex numbers, or two of their parts.
struct Complex {
  mlir::Value value, imaginary = {};
};

/// The spectrum along a dimension, or the reason why there is none.
std::optional<Spectrum> spectrumOf(Complex value, int64_t axis, Reason &reason);

/// The product of spectra along a dimension, or the reason why it is none.
std::optional<SpectrumProduct> productOf(Complex value, int64_t axis, Reason &reason);

} // namespace fftconv

#endif // FFTCONV_LIB_RAISE_SEQUENCES_H
