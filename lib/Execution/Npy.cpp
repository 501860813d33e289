//===- Npy.cpp - NumPy's file format --------------------------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A file is "\x93NUMPY", a version, the length of a header, and a header that is a Python dictionary literal with the
// keys descr, fortran_order and shape (numpy.lib.format).
//
//===----------------------------------------------------------------------===//

#include "fftconv/Execution/Tensor.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FileOutputBuffer.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/MemoryBuffer.h"

#include <cstring>

using namespace llvm;
using namespace fftconv;

namespace {
struct Header {
  std::string descr;
  bool fortranOrder = false;
  SmallVector<int64_t> shape;
};
} // namespace

static Error malformed(StringRef path, const Twine &reason) {
  return createStringError(path + ": not a valid .npy file: " + reason);
}

/// The text after `'key':`, with leading blanks removed.
static Expected<StringRef> field(StringRef path, StringRef header, StringRef key) {
  size_t at = header.find(("'" + key + "'").str());
  if (at == StringRef::npos)
    return malformed(path, "its header has no '" + key + "'");
  StringRef rest = header.substr(at + key.size() + 2).ltrim();
  if (!rest.consume_front(":"))
    return malformed(path, "its header has no value for '" + key + "'");
  return rest.ltrim();
}

static Expected<Header> parseHeader(StringRef path, StringRef text) {
  Header header;
  Expected<StringRef> descr = field(path, text, "descr");
  if (!descr)
    return descr.takeError();
  if (!descr->consume_front("'") || !descr->contains('\''))
    return malformed(path, "structured types are not supported");
  header.descr = descr->take_until([](char c) { return c == '\''; }).str();

  Expected<StringRef> order = field(path, text, "fortran_order");
  if (!order)
    return order.takeError();
  header.fortranOrder = order->starts_with("True");
  if (!header.fortranOrder && !order->starts_with("False"))
    return malformed(path, "'fortran_order' is neither True nor False");

  Expected<StringRef> shape = field(path, text, "shape");
  if (!shape)
    return shape.takeError();
  if (!shape->consume_front("(") || !shape->contains(')'))
    return malformed(path, "'shape' is not a tuple");
  SmallVector<StringRef> parts;
  shape->take_until([](char c) { return c == ')'; }).split(parts, ',', -1, /*KeepEmpty=*/false);
  int64_t product = 1;
  for (StringRef part : parts) {
    int64_t dim;
    part = part.trim();
    if (part.empty())
      continue;
    if (part.getAsInteger(10, dim) || dim < 0 || MulOverflow(product, dim, product))
      return malformed(path, "bad dimension '" + part + "'");
    header.shape.push_back(dim);
  }
  return header;
}

Expected<Tensor> fftconv::readNpy(StringRef path, ElementType expected) {
  ErrorOr<std::unique_ptr<MemoryBuffer>> file =
      MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!file)
    return createStringError(path + ": " + file.getError().message());
  StringRef content = (*file)->getBuffer();
  if (!content.consume_front(StringRef("\x93NUMPY", 6)) || content.size() < 4)
    return malformed(path, "it does not start with NumPy's signature");
  int version = content[0];
  if (version < 1 || version > 3)
    return malformed(path, "unknown version " + Twine(version));
  size_t prefix = version == 1 ? 4 : 6;
  if (content.size() < prefix)
    return malformed(path, "its header is cut off");
  size_t length =
      version == 1 ? support::endian::read16le(content.data() + 2) : support::endian::read32le(content.data() + 2);
  if (content.size() < prefix + length)
    return malformed(path, "its header is cut off");
  Expected<Header> header = parseHeader(path, content.substr(prefix, length));
  if (!header)
    return header.takeError();
  content = content.substr(prefix + length);

  // The type as stored, and how it becomes the expected one.
  StringRef descr = header->descr;
  ElementType stored = expected;
  if (descr == "<f2")
    stored = ElementType::F16;
  else if (descr == "<f4")
    stored = ElementType::F32;
  else if (descr == "<f8")
    stored = ElementType::F64;
  else if (expected != ElementType::BF16 || (descr != "<u2" && descr != "|V2" && descr != "<V2"))
    return createStringError(formatv("{0}: has type '{1}', expected {2}", path, descr, name(expected)).str());
  bool rounds = expected == ElementType::BF16 && stored == ElementType::F32;
  if (stored != expected && !rounds)
    return createStringError(formatv("{0}: has type {1}, expected {2}", path, name(stored), name(expected)).str());

  uint64_t size = 1;
  for (int64_t dim : header->shape)
    size *= dim;
  if (content.size() != size * byteWidth(stored))
    return malformed(path, formatv("it holds {0} bytes of data where its shape needs {1}", content.size(),
                                   size * byteWidth(stored)));
  Tensor file_(stored, header->shape);
  std::memcpy(file_.data(), content.data(), content.size());
  if (!header->fortranOrder && !rounds)
    return file_;

  // Element by element: reorder, or round to bf16.
  Tensor tensor(expected, header->shape);
  SmallVector<int64_t> index(header->shape.size(), 0);
  for (int64_t i = 0; i < static_cast<int64_t>(size); ++i) {
    int64_t from = i;
    if (header->fortranOrder) {
      from = 0;
      for (size_t d = index.size(); d-- > 0;)
        from = from * header->shape[d] + index[d];
    }
    tensor.set(i, file_.get(from));
    for (size_t d = index.size(); d-- > 0 && ++index[d] == header->shape[d];)
      index[d] = 0;
  }
  return tensor;
}

Error fftconv::writeNpy(StringRef path, const Tensor &tensor) {
  ElementType stored = tensor.type() == ElementType::BF16 ? ElementType::F32 : tensor.type();
  std::string shape;
  for (int64_t dim : tensor.shape())
    shape += std::to_string(dim) + ", ";
  std::string header =
      formatv("{{'descr': '<f{0}', 'fortran_order': False, 'shape': ({1}), }", byteWidth(stored), shape);
  // Data starts at a multiple of 64 bytes.
  header.append(alignTo(10 + header.size() + 1, 64) - 10 - header.size() - 1, ' ');
  header += '\n';
  size_t bytes = 10 + header.size() + tensor.size() * byteWidth(stored);
  Expected<std::unique_ptr<FileOutputBuffer>> file = FileOutputBuffer::create(path, bytes);
  if (!file)
    return createStringError(path + ": " + toString(file.takeError()));
  uint8_t *at = (*file)->getBufferStart();
  std::memcpy(at, "\x93NUMPY\x01\x00", 8);
  support::endian::write16le(at + 8, static_cast<uint16_t>(header.size()));
  std::memcpy(at + 10, header.data(), header.size());
  at += 10 + header.size();
  if (stored == tensor.type()) {
    std::memcpy(at, tensor.data(), tensor.size() * byteWidth(stored));
  } else {
    for (int64_t i = 0, size = tensor.size(); i < size; ++i) {
      float value = static_cast<float>(tensor.get(i));
      std::memcpy(at + 4 * i, &value, 4);
    }
  }
  if (Error error = (*file)->commit())
    return createStringError(path + ": " + toString(std::move(error)));
  return Error::success();
}
