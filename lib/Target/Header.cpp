//===- Header.cpp - A C header for an object file -------------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compiled entries take MLIR's memref descriptors. The header hides them: a caller passes pointers to dense row-major arrays.
//
//===----------------------------------------------------------------------===//

#include "fftconv/Target/Host.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace {
/// One operand or result of an entry.
struct Parameter {
  std::string name;
  RankedTensorType type;
  bool isResult;
};
} // namespace

/// The C type that holds an element, or nothing. Sixteen-bit floats travel as their bits.
static StringRef cType(Type element) {
  if (element.isF32())
    return "float";
  if (element.isF64())
    return "double";
  if (element.isF16() || element.isBF16())
    return "uint16_t";
  return {};
}

static FailureOr<SmallVector<Parameter>> getParameters(func::FuncOp entry) {
  SmallVector<Parameter> parameters;
  auto add = [&](Type type, const Twine &name, bool isResult) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    if (!tensor || cType(tensor.getElementType()).empty()) {
      entry.emitError("a C header cannot hold ") << type;
      return failure();
    }
    parameters.push_back({name.str(), tensor, isResult});
    return success();
  };
  for (auto [i, type] : llvm::enumerate(entry.getArgumentTypes()))
    if (failed(add(type, "in" + Twine(i), false)))
      return failure();
  for (auto [i, type] : llvm::enumerate(entry.getResultTypes()))
    if (failed(add(type, "out" + Twine(i), true)))
      return failure();
  return parameters;
}

static void emitEntry(llvm::raw_ostream &os, StringRef name, ArrayRef<Parameter> parameters) {
  // Sizes of dynamic dimensions are named after the tensor and dimension that they belong to.
  auto extent = [](const Parameter &p, int64_t dim) {
    int64_t size = p.type.getDimSize(dim);
    return size == ShapedType::kDynamic ? llvm::formatv("{0}_dim{1}", p.name, dim).str() : std::to_string(size);
  };
  SmallVector<std::string> plain, descriptors;
  for (const Parameter &p : parameters)
    for (int64_t dim = 0; dim < p.type.getRank(); ++dim)
      if (p.type.isDynamicDim(dim))
        plain.push_back("int64_t " + extent(p, dim));
  os << "\n";
  for (const Parameter &p : parameters) {
    os << "/* " << p.name << ": ";
    for (int64_t dim = 0; dim < p.type.getRank(); ++dim)
      os << "[" << extent(p, dim) << "]";
    os << " of " << p.type.getElementType() << " */\n";
    plain.push_back(
        llvm::formatv("{0}{1} *{2}", p.isResult ? "" : "const ", cType(p.type.getElementType()), p.name).str());
    descriptors.push_back(llvm::formatv("struct fftconv_tensor{0} *{1}", p.type.getRank(), p.name).str());
  }
  os << "void _mlir_ciface_" << name << "(" << llvm::join(descriptors, ", ") << ");\n";
  os << "static inline void fftconv_" << name << "(" << llvm::join(plain, ", ") << ") {\n";
  SmallVector<std::string> arguments;
  for (const Parameter &p : parameters) {
    int64_t rank = p.type.getRank();
    SmallVector<std::string> sizes, strides(rank, "1");
    for (int64_t dim = 0; dim < rank; ++dim)
      sizes.push_back(extent(p, dim));
    for (int64_t dim = rank - 2; dim >= 0; --dim)
      strides[dim] = strides[dim + 1] == "1" ? sizes[dim + 1] : strides[dim + 1] + " * " + sizes[dim + 1];
    os << llvm::formatv("  struct fftconv_tensor{0} {1}_ = {{(void *){1}, (void *){1}, 0, {{{2}}, {{{3}}};\n", rank,
                        p.name, llvm::join(sizes, ", "), llvm::join(strides, ", "));
    arguments.push_back("&" + p.name + "_");
  }
  os << "  _mlir_ciface_" << name << "(" << llvm::join(arguments, ", ") << ");\n}\n";
}

FailureOr<std::string> fftconv::emitHeader(ArrayRef<func::FuncOp> entries, StringRef guard) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << "/* Entries compiled by fftconv. Arrays are dense, row-major and do not overlap. */\n";
  os << "#ifndef " << guard << "\n#define " << guard << "\n\n#include <stdint.h>\n\n";
  os << "#ifdef __cplusplus\nextern \"C\" {\n#endif\n";
  SmallVector<std::pair<StringRef, SmallVector<Parameter>>> all;
  llvm::SmallSetVector<int64_t, 4> ranks;
  for (func::FuncOp entry : entries) {
    FailureOr<SmallVector<Parameter>> parameters = getParameters(entry);
    if (failed(parameters))
      return failure();
    for (const Parameter &p : *parameters)
      ranks.insert(p.type.getRank());
    all.emplace_back(entry.getName(), std::move(*parameters));
  }
  for (int64_t rank : ranks)
    os << llvm::formatv("\n#ifndef FFTCONV_TENSOR{0}\n#define FFTCONV_TENSOR{0}\nstruct fftconv_tensor{0} {{\n"
                        "  void *allocated, *aligned;\n  int64_t offset, sizes[{0}], strides[{0}];\n};\n#endif\n",
                        rank);
  for (auto &[name, parameters] : all)
    emitEntry(os, name, parameters);
  os << "\n#ifdef __cplusplus\n}\n#endif\n\n#endif\n";
  return text;
}
