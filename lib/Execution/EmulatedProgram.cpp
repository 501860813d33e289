//===- EmulatedProgram.cpp - A manifest run in the emulator ---------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "fftconv/Execution/Executors.h"

#include "llvm/Support/FormatVariadic.h"

#include <deque>

using namespace llvm;
using namespace fftconv;

Expected<EmulatedProgram> EmulatedProgram::load(Manifest manifest, StringRef ptx) {
  try {
    auto program = std::make_unique<emulator::Program>(std::string_view(ptx.data(), ptx.size()));
    return EmulatedProgram(std::move(manifest), std::move(program));
  } catch (const emulator::Error &error) {
    return createStringError(error.what());
  }
}

Expected<std::map<std::string, int64_t>> EmulatedProgram::bindSizes(ArrayRef<Tensor> inputs) const {
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

Expected<Tensor> EmulatedProgram::makeBuffer(const ManifestBuffer &buffer,
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

Expected<SmallVector<Tensor>> EmulatedProgram::makeResults(ArrayRef<Tensor> inputs) const {
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

Expected<std::vector<EmulatedLaunch>> EmulatedProgram::run(MutableArrayRef<Tensor> inputs,
                                                           MutableArrayRef<Tensor> results,
                                                           const emulator::Options &options) {
  auto sizes = bindSizes(inputs);
  if (!sizes)
    return sizes.takeError();
  try {
    emulator::Device device(*program);
    std::deque<Tensor> own;
    std::vector<uint64_t> addresses;
    size_t input = 0, output = 0;
    for (const ManifestBuffer &buffer : plan.buffers) {
      Tensor *tensor;
      if (buffer.role == "input") {
        tensor = &inputs[input++];
      } else if (buffer.role == "output") {
        if (output == results.size())
          return createStringError("the manifest has more outputs than there are results");
        tensor = &results[output++];
      } else {
        Expected<Tensor> made = makeBuffer(buffer, *sizes);
        if (!made)
          return made.takeError();
        tensor = &own.emplace_back(std::move(*made));
      }
      addresses.push_back(device.attach(buffer.name, tensor->data(), tensor->size() * byteWidth(tensor->type())));
    }
    std::vector<EmulatedLaunch> launches;
    for (const auto *part : {&plan.prepare, &plan.run})
      for (const ManifestLaunch &launch : *part) {
        uint32_t grid[3], block[3];
        for (int i = 0; i < 3; ++i) {
          Expected<int64_t> size = launch.grid[i].evaluate(*sizes);
          if (!size)
            return size.takeError();
          if (*size < 1 || *size > INT32_MAX || launch.block[i] < 1 || launch.block[i] > 1024)
            return createStringError(launch.kernel + " has a grid or block that no device has");
          grid[i] = static_cast<uint32_t>(*size);
          block[i] = static_cast<uint32_t>(launch.block[i]);
        }
        std::vector<std::vector<std::byte>> arguments;
        for (const ManifestArgument &argument : launch.arguments) {
          if (argument.buffer) {
            arguments.push_back(emulator::argument(addresses[*argument.buffer]));
            continue;
          }
          Expected<int64_t> size = argument.size.evaluate(*sizes);
          if (!size)
            return size.takeError();
          arguments.push_back(emulator::argument(*size));
        }
        launches.push_back({launch.kernel, part == &plan.prepare,
                            device.launch(launch.kernel, {grid[0], grid[1], grid[2]}, {block[0], block[1], block[2]},
                                          static_cast<uint64_t>(launch.sharedBytes), arguments, options)});
      }
    return launches;
  } catch (const emulator::Error &error) {
    return createStringError(error.what());
  }
}
