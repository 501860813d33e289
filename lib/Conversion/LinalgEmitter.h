//===- LinalgEmitter.h - Builders for convert-fftconv-to-linalg -*- C++ -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the patterns of the conversion share: linalg ops on tensors whose complex values are planes, and the view of a stage on its
// digits. A stage sees its tensor as [plane] x rows x (digits before) x digit x (digits after), with each group of digits collapsed, so
// that twiddle, transform and product of one digit have the same shape and can be fused.
//
//===----------------------------------------------------------------------===//

#ifndef FFTCONV_LIB_CONVERSION_LINALGEMITTER_H
#define FFTCONV_LIB_CONVERSION_LINALGEMITTER_H

#include "fftconv/IR/FFTConv.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/DialectConversion.h"

namespace fftconv {

/// Patterns for dft, twiddle and spectrum_product.
void populateStagesToLinalg(const mlir::TypeConverter &converter, mlir::RewritePatternSet &patterns);

/// Patterns for embed, embed_filter and project.
void populateEndsToLinalg(const mlir::TypeConverter &converter, mlir::RewritePatternSet &patterns);

inline bool isComplex(mlir::Value v) {
  return llvm::isa<mlir::ComplexType>(llvm::cast<mlir::RankedTensorType>(v.getType()).getElementType());
}

/// Emits ops at one location.
struct LinalgEmitter {
  using Value = mlir::Value;
  using Type = mlir::Type;
  using OpFoldResult = mlir::OpFoldResult;
  template <typename T>
  using ArrayRef = llvm::ArrayRef<T>;

  mlir::OpBuilder &b;
  mlir::Location loc;

  mlir::RankedTensorType type(Value v) { return llvm::cast<mlir::RankedTensorType>(v.getType()); }
  OpFoldResult index(int64_t i) { return b.getIndexAttr(i); }
  OpFoldResult dim(Value v, int64_t i) { return mlir::tensor::getMixedSize(b, loc, v, i); }
  Value empty(ArrayRef<OpFoldResult> shape, Type element);
  Value zeros(ArrayRef<OpFoldResult> shape, Type element);

  /// A scalar of one float type as another.
  Value convert(mlir::OpBuilder &body, Value v, Type to);

  /// A part of a tensor: offsets, sizes and strides of a slice.
  struct Window {
    llvm::SmallVector<OpFoldResult> offsets, sizes, strides;
  };
  /// Where `plane` is given, the tensor has a leading dimension of planes, and the window lies in one of them. Rows, the first dimension
  /// after that, are taken `rowStride` apart.
  Window window(ArrayRef<OpFoldResult> offsets, ArrayRef<OpFoldResult> sizes, std::optional<int64_t> plane = {},
                int64_t rowStride = 1);
  /// The window's elements as a tensor of its last `rank` dimensions.
  Value extract(Value source, const Window &window, int64_t rank);
  Value insert(Value part, Value dest, const Window &window);

  using Body = llvm::function_ref<Value(mlir::OpBuilder &, mlir::ValueRange)>;
  Value generic(mlir::ValueRange inputs, Value init, ArrayRef<mlir::AffineMap> maps,
                ArrayRef<mlir::utils::IteratorType> iterators, Body body);
  /// An elementwise op on tensors of the shape of `init`; inputs of rank 1 are indexed by dimension 1, heads. Arguments of the body
  /// arrive as f32, and its result is rounded to the type of `init`.
  Value elementwise(ArrayRef<Value> inputs, Value init, Body body);
  /// `v` rounded to `element`; itself where that is its type.
  Value round(Value v, Type element);
  /// init[out] += sum of a[...] * b[...] in f32.
  Value contract(Value lhs, Value rhs, ArrayRef<OpFoldResult> shape, ArrayRef<mlir::AffineMap> maps,
                 ArrayRef<mlir::utils::IteratorType> iterators);

  /// A constant tensor of `element`, each value rounded once.
  Value table(ArrayRef<int64_t> shape, Type element, ArrayRef<double> values);
};

/// How digits group around the one that a stage transforms: [plane] rows... [before] digit [after]. A digit that counts blocks is a dimension of rows.
class StageShape {
public:
  StageShape(mlir::RankedTensorType digits, bool complex, PlanAttr plan, int64_t digit);

  /// Dimensions between the plane and the first group of digits.
  int64_t rows() const { return first - planes; }

  mlir::Value collapse(LinalgEmitter &e, mlir::Value v) const;
  mlir::Value expand(LinalgEmitter &e, mlir::Value v, mlir::RankedTensorType digits) const;

  bool hasBefore, hasAfter;

private:
  int64_t planes, first;
  llvm::SmallVector<mlir::ReassociationIndices> groups;
};

/// Groups that merge the last `digits` dimensions of a tensor of `rank` into M points.
llvm::SmallVector<mlir::ReassociationIndices> mergeDigits(int64_t rank, int64_t digits);

} // namespace fftconv

#endif // FFTCONV_LIB_CONVERSION_LINALGEMITTER_H
