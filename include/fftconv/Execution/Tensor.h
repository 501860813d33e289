//===- Tensor.h - Host tensors and .npy files -------------------*- C++ -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Dense row-major tensors of f16, bf16, f32 and f64, what executors take and give. Pure C++ on LLVM's support library.
//
//===----------------------------------------------------------------------===//

#ifndef FFTCONV_EXECUTION_TENSOR_H
#define FFTCONV_EXECUTION_TENSOR_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace fftconv {

enum class ElementType { F16, BF16, F32, F64 };

/// "f16", "bf16", "f32" or "f64".
llvm::StringRef name(ElementType type);
/// The type of a name, or nothing.
std::optional<ElementType> parseElementType(llvm::StringRef name);
/// Bytes of one element.
int64_t byteWidth(ElementType type);

class Tensor {
public:
  Tensor() = default;
  /// A tensor whose every byte is 0xff: NaN in all types, so that what nobody wrote is seen.
  Tensor(ElementType type, llvm::ArrayRef<int64_t> shape);

  ElementType type() const { return elementType; }
  llvm::ArrayRef<int64_t> shape() const { return dims; }
  int64_t size() const;
  char *data() { return bytes.data(); }
  const char *data() const { return bytes.data(); }
  /// "3x2x100xf16".
  std::string spell() const;

  double get(int64_t index) const;
  /// Stores a value, rounded to nearest even.
  void set(int64_t index, double value);

  /// Values of a normal distribution of unit variance, rounded to the type; the same seed gives the same values.
  static Tensor random(ElementType type, llvm::ArrayRef<int64_t> shape, uint64_t seed);

private:
  ElementType elementType = ElementType::F32;
  llvm::SmallVector<int64_t> dims;
  std::vector<char> bytes;
};

/// Reads an .npy file of version 1 to 3: little-endian f2, f4 or f8 in C or Fortran order. NumPy has no bf16: `expected`
/// bf16 is read from 2-byte unsigned integers or 2-byte voids that hold its bits, or rounded from f4. Otherwise the file's type
/// must be the expected one.
llvm::Expected<Tensor> readNpy(llvm::StringRef path, ElementType expected);

/// Writes an .npy file, bf16 widened to f4, under a temporary name first: a failure leaves no half-written file.
llvm::Error writeNpy(llvm::StringRef path, const Tensor &tensor);

/// sqrt(sum |x - y|^2 / sum |y|^2) over the given flat indices (all of them if empty). Infinite where x is not finite, or where y is all
/// zero and x is not.
double relativeError(const Tensor &x, const Tensor &reference, llvm::ArrayRef<int64_t> indices = {});

/// The error that a convolution with stages of type `compute` and a result of type `output` may have, relative RMS.
double errorBudget(ElementType compute, ElementType output);

} // namespace fftconv

#endif // FFTCONV_EXECUTION_TENSOR_H
