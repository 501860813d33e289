//===- HostOp.h - What other frameworks' ops mean ----------------*- C++ -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One small normal form for the ops of StableHLO, torch-mlir and TOSA, read from their generic form: no dependency on these projects. Each front end
// says what an op means; the matcher of convolutions and the lowering of the rest know the normal form only.
//
//===----------------------------------------------------------------------===//

#ifndef FFTCONV_LIB_RAISE_HOSTOP_H
#define FFTCONV_LIB_RAISE_HOSTOP_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Operation.h"

#include <complex>
#include <optional>

namespace fftconv {

/// The shape and element type of a value: of a ranked tensor, of torch-mlir's `!torch.vtensor<[sizes],type>`, or of a scalar (rank 0).
struct HostType {
  llvm::SmallVector<int64_t> shape;
  mlir::Type element;

  int64_t rank() const { return static_cast<int64_t>(shape.size()); }
  mlir::RankedTensorType tensor() const { return mlir::RankedTensorType::get(shape, element); }
  bool isComplex() const { return mlir::isa<mlir::ComplexType>(element); }
};
std::optional<HostType> getHostType(mlir::Type type);

/// The type of a value; with no element type where it is none of these.
inline HostType typeOf(mlir::Value value) { return getHostType(value.getType()).value_or(HostType()); }

enum class HostKind {
  /// `elements`, or the scalar of every element.
  Constant,
  /// Operand's dimension i is the result's dims[i]; the others repeat it, as do operand dimensions of size 1.
  Broadcast,
  /// The result's dimension i is the operand's dims[i].
  Transpose,
  /// The same elements in row-major order.
  Reshape,
  /// From starts[d] on, every strides[d]-th; the result's shape says how many.
  Slice,
  /// low[d] elements of the second operand's value (of zeros where there is none) before, as many behind as the result's shape says; negative low crops.
  Pad,
  /// dims are reversed.
  Reverse,
  /// Operands one behind the other along dims[0].
  Concat,
  /// `name` of the operands, element by element, after numpy's broadcasting (trailing dimensions are aligned).
  Map,
  /// The element type changes, real parts stay.
  Convert,
  /// A complex number's parts, and from parts.
  Real,
  Imag,
  Complex,
  Conj,
  /// The transform along dims, of `size` points for the first: see Transform.
  Fft,
  /// A product over pairs of dimensions: batch (lhs, rhs), then contracted (lhs, rhs). Results: batch, free of lhs, free of rhs.
  Dot,
  /// `name` over dims of the first operand, begun with the second where there is one.
  Reduce,
  /// The index along dims[0].
  Iota,
  /// dims[0] of the first operand, as a number.
  Size,
  /// Says something of its operands and computes nothing.
  Assert,
  /// None of the above.
  Unknown
};

/// Real to (half of) complex, complex to complex there and back, (half of) complex to real.
enum class Transform { R2C, Forward, Inverse, C2R };

struct HostOp {
  HostKind kind = HostKind::Unknown;
  llvm::SmallVector<mlir::Value> operands{};
  llvm::SmallVector<int64_t> dims{}, starts{}, strides{}, low{};
  /// Of Dot.
  llvm::SmallVector<int64_t> lhsBatch{}, rhsBatch{}, lhsContracted{}, rhsContracted{};
  /// Of Map and Reduce: add, subtract, multiply, divide, negate, maximum, minimum, power, exp, log, log1p, expm1, sqrt, rsqrt, tanh, logistic, sin, cos, abs, erf, erfc,
  /// gelu, silu, relu, floor, ceil, select, and, or, not, and compare_eq, _ne, _lt, _le, _gt, _ge.
  std::string name{};
  std::complex<double> scalar{};
  mlir::DenseElementsAttr elements{};
  // Of Fft. Sizes other than the operand's crop it or pad it with zeros at its end.
  Transform transform = Transform::R2C;
  int64_t size = 0;
  /// Whether only bins 0 to size / 2 are there (R2C), or expected (C2R).
  bool half = false;
  /// What each sum is multiplied with.
  double scale = 1;
  /// Whether complex tensors are two results, and two operands, of real and of imaginary parts.
  bool parts = false;

  bool is(HostKind k, llvm::StringRef n = {}) const { return kind == k && (n.empty() || name == n); }
};

/// What an op means that has one result; Unknown for those that no front end knows. Constants and lists among torch's operands are not operands here.
HostOp describe(mlir::Operation *op);
/// The same for the op that defines a value; Unknown for arguments of blocks.
HostOp describe(mlir::Value value);

/// The number that all elements of a value are, as far as it can be computed here.
std::optional<std::complex<double>> splatOf(mlir::Value value);

/// Whether an op belongs to a framework that a front end reads.
bool isHostOp(mlir::Operation *op);

// Front ends. An op of their dialect that they don't know is Unknown.
HostOp describeStablehlo(mlir::Operation *op);
HostOp describeTorch(mlir::Operation *op);
HostOp describeTosa(mlir::Operation *op);

/// Whether an op of a framework does nothing but compute its results.
bool isPureHostOp(mlir::Operation *op);

/// Whether an op changes a tensor that it is given.
bool isInPlace(mlir::Operation *op);

/// Integers of an attribute of any of the forms that they have had: array, dense elements, array of integer attributes.
llvm::SmallVector<int64_t> intsOf(mlir::Attribute attr);
/// The text of an attribute.
std::string textOf(mlir::Attribute attr);

} // namespace fftconv

#endif // FFTCONV_LIB_RAISE_HOSTOP_H
