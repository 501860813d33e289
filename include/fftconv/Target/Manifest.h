//===- Manifest.h - How to launch what was compiled -------------*- C++ -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A manifest stands beside PTX (or cubin, fatbin) and says which buffers there are and which kernels to launch on them: `prepare` once for the
// filters, `run` for each input. Every executor reads it; docs/manifest.md describes the file.
//
//===----------------------------------------------------------------------===//

#ifndef FFTCONV_TARGET_MANIFEST_H
#define FFTCONV_TARGET_MANIFEST_H

#include "fftconv/IR/FFTConv.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/JSON.h"

#include <map>
#include <string>
#include <vector>

namespace fftconv {

/// A number, or an expression in the dynamic sizes: a name, or ceil_div, min or mul of two expressions.
struct SizeExpression {
  enum class Kind { Number, Name, CeilDiv, Min, Mul } kind = Kind::Number;
  int64_t number = 1;
  std::string name;
  std::vector<SizeExpression> operands;

  static SizeExpression of(int64_t number) { return {Kind::Number, number, {}, {}}; }
  static SizeExpression of(std::string name) { return {Kind::Name, 0, std::move(name), {}}; }
  /// Folded where the operands are numbers.
  static SizeExpression ceilDiv(SizeExpression a, int64_t b);
  static SizeExpression min(SizeExpression a, int64_t b);
  static SizeExpression mul(SizeExpression a, int64_t b);

  /// An error where a name has no value or a divisor is not positive.
  llvm::Expected<int64_t> evaluate(const std::map<std::string, int64_t> &sizes) const;
};

struct ManifestBuffer {
  std::string name;
  /// input, output, spectrum or workspace.
  std::string role;
  /// f16, bf16 or f32.
  std::string type;
  std::vector<SizeExpression> shape;
  /// Bytes that the address of a signal and its strides are multiples of.
  int64_t alignment = 16;
};

/// An argument of a kernel: a pointer to a buffer, elements from one index of one of its dimensions to the next (64 bits), or a 64-bit size.
struct ManifestArgument {
  std::optional<size_t> buffer = {};
  std::optional<size_t> strideOf = {};
  int64_t dimension = 0;
  SizeExpression size = {};
};

struct ManifestLaunch {
  std::string kernel;
  std::array<SizeExpression, 3> grid;
  std::array<int64_t, 3> block;
  int64_t sharedBytes = 0;
  std::vector<ManifestArgument> arguments;
};

struct Manifest {
  std::string entry, chip;
  /// The file with the code, beside the manifest.
  std::string code;
  std::vector<ManifestBuffer> buffers;
  std::vector<ManifestLaunch> prepare, run;

  llvm::json::Value toJson() const;
  static llvm::Expected<Manifest> parse(llvm::StringRef text);
};

/// The manifest of a function at the kernel rung. Fails at an op that is not the launch of a kernel.
mlir::FailureOr<Manifest> makeManifest(mlir::func::FuncOp entry, llvm::StringRef code);

} // namespace fftconv

#endif // FFTCONV_TARGET_MANIFEST_H
