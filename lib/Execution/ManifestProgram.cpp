//===- ManifestProgram.cpp - What every launcher does with a manifest -----===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "fftconv/Execution/Executors.h"

#include "llvm/Support/FormatVariadic.h"

using namespace llvm;
using namespace fftconv;

Expected<std::map<std::string, int64_t>> ManifestProgram::bindSizes(ArrayRef<Tensor> inputs) const {
  std::map<std::string, int64_t> sizes;
  size_t next = 0;
  for (const ManifestBuffer &buffer : plan.buffers) {
    if (buffer.role != "input")
      continue;
    if (next == inputs.size())
      return createStringError(formatv("the manifest has more inputs than the {0} given", inputs.size()).str());
    const Tensor &tensor = inputs[next++];
    if (name(tensor.type()) != buffer.type || tensor.shape().size() != buffer.shape.size())
      return createStringError(buffer.name + " is " + tensor.spell() + ", not what the manifest says");
    for (auto [size, expression] : zip_equal(tensor.shape(), buffer.shape)) {
      if (expression.kind == SizeExpression::Kind::Name)
        sizes[expression.name] = size;
      else if (expression.kind != SizeExpression::Kind::Number || expression.number != size)
        return createStringError(buffer.name + " is " + tensor.spell() + ", not of the shape that the manifest says");
    }
  }
  if (next != inputs.size())
    return createStringError(formatv("the manifest has {0} inputs, {1} were given", next, inputs.size()).str());
  return sizes;
}

Expected<Tensor> ManifestProgram::makeBuffer(const ManifestBuffer &buffer,
                                             const std::map<std::string, int64_t> &sizes) const {
  SmallVector<int64_t> shape;
  for (const SizeExpression &expression : buffer.shape) {
    Expected<int64_t> size = expression.evaluate(sizes);
    if (!size)
      return size.takeError();
    shape.push_back(*size);
  }
  if (std::optional<ElementType> type = parseElementType(buffer.type))
    return Tensor(*type, shape);
  return createStringError(buffer.name + " has elements of an unknown type, " + buffer.type);
}

Expected<SmallVector<Tensor>> ManifestProgram::makeResults(ArrayRef<Tensor> inputs) const {
  auto sizes = bindSizes(inputs);
  if (!sizes)
    return sizes.takeError();
  SmallVector<Tensor> results;
  for (const ManifestBuffer &buffer : plan.buffers)
    if (buffer.role == "output") {
      Expected<Tensor> tensor = makeBuffer(buffer, *sizes);
      if (!tensor)
        return tensor.takeError();
      results.push_back(std::move(*tensor));
    }
  return results;
}

/// The rows of a signal that lies at the beginning of a buffer whose last two dimensions are larger, one after the other: those of the tensor, and those of
/// the buffer.
static void forEachRow(Tensor &tensor, BoundBuffer &buffer,
                       function_ref<void(char *mine, char *whole, size_t bytes)> visit) {
  ArrayRef<int64_t> shape = tensor.shape();
  int64_t width = byteWidth(tensor.type());
  for (int64_t i = 0; i < shape[0]; ++i)
    for (int64_t j = 0; j < shape[1]; ++j)
      visit(tensor.data() + (i * shape[1] + j) * shape[2] * width,
            buffer.slice.data() + (i * buffer.strides[0] + j * buffer.strides[1]) * width, shape[2] * width);
}

Expected<Binding> ManifestProgram::bind(MutableArrayRef<Tensor> inputs, MutableArrayRef<Tensor> results,
                                        std::optional<std::array<int64_t, 2>> inside) const {
  Binding binding;
  auto sizes = bindSizes(inputs);
  if (!sizes)
    return sizes.takeError();
  binding.sizes = std::move(*sizes);
  size_t input = 0, output = 0;
  for (const ManifestBuffer &buffer : plan.buffers) {
    BoundBuffer &bound = binding.buffers.emplace_back();
    bound.buffer = &buffer;
    if (buffer.role == "input") {
      bound.tensor = &inputs[input++];
    } else if (buffer.role == "output") {
      if (output == results.size())
        return createStringError("the manifest has more outputs than there are results");
      bound.tensor = &results[output++];
    } else {
      Expected<Tensor> made = makeBuffer(buffer, binding.sizes);
      if (!made)
        return made.takeError();
      bound.tensor = &binding.own.emplace_back(std::move(*made));
    }
    ArrayRef<int64_t> shape = bound.tensor->shape();
    bound.strides.assign(shape.size(), 1);
    for (size_t i = shape.size(); i-- > 1;)
      bound.strides[i - 1] = bound.strides[i] * shape[i];
    int64_t width = byteWidth(bound.tensor->type());
    bool isSignal = shape.size() == 3 && (buffer.role == "input" || buffer.role == "output");
    if (!inside || !isSignal)
      continue;
    if ((*inside)[0] < shape[1] || (*inside)[1] < shape[2] || (*inside)[1] * width % buffer.alignment)
      return createStringError(formatv("{0} of {1}x{2} cannot lie inside of {3}x{4}: it is too small, or rows are not "
                                       "aligned to {5} bytes",
                                       buffer.name, shape[1], shape[2], (*inside)[0], (*inside)[1], buffer.alignment)
                                   .str());
    bound.strides = {(*inside)[0] * (*inside)[1], (*inside)[1], 1};
    bound.slice.assign(shape[0] * bound.strides[0] * width, poison);
    forEachRow(*bound.tensor, bound, [](char *mine, char *whole, size_t n) { std::copy_n(mine, n, whole); });
  }
  return binding;
}

Error ManifestProgram::finish(Binding &binding) const {
  for (BoundBuffer &bound : binding.buffers) {
    if (bound.slice.empty())
      continue;
    forEachRow(*bound.tensor, bound, [](char *mine, char *whole, size_t n) {
      std::copy_n(whole, n, mine);
      std::fill_n(whole, n, poison);
    });
    if (!all_of(bound.slice, [](char b) { return b == poison; }))
      return createStringError(bound.buffer->name + ": a kernel wrote beside the rows that are its own");
  }
  return Error::success();
}

Expected<ResolvedLaunch> ManifestProgram::resolve(const ManifestLaunch &launch, const Binding &binding) const {
  ResolvedLaunch resolved;
  for (int i = 0; i < 3; ++i) {
    Expected<int64_t> size = launch.grid[i].evaluate(binding.sizes);
    if (!size)
      return size.takeError();
    if (*size < 1 || *size > INT32_MAX || launch.block[i] < 1 || launch.block[i] > 1024)
      return createStringError(launch.kernel + " has a grid or block that no device has");
    resolved.grid[i] = static_cast<uint32_t>(*size);
    resolved.block[i] = static_cast<uint32_t>(launch.block[i]);
  }
  for (const ManifestArgument &argument : launch.arguments) {
    if (argument.buffer) {
      resolved.arguments.push_back({true, static_cast<int64_t>(*argument.buffer)});
    } else if (argument.strideOf) {
      resolved.arguments.push_back({false, binding.buffers[*argument.strideOf].strides[argument.dimension]});
    } else {
      Expected<int64_t> size = argument.size.evaluate(binding.sizes);
      if (!size)
        return size.takeError();
      resolved.arguments.push_back({false, *size});
    }
  }
  return resolved;
}
