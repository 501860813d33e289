//===- EmulatedProgram.cpp - A manifest run in the emulator ---------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "fftconv/Execution/Executors.h"

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

Expected<std::vector<EmulatedLaunch>> EmulatedProgram::run(MutableArrayRef<Tensor> inputs,
                                                           MutableArrayRef<Tensor> results,
                                                           const emulator::Options &options,
                                                           std::optional<std::array<int64_t, 2>> inside) {
  Expected<Binding> binding = bind(inputs, results, inside);
  if (!binding)
    return binding.takeError();
  try {
    emulator::Device device(*program);
    std::vector<uint64_t> addresses;
    for (BoundBuffer &bound : binding->buffers)
      addresses.push_back(device.attach(bound.buffer->name, bound.data(), bound.size()));
    std::vector<EmulatedLaunch> launches;
    for (const auto *part : {&manifest().prepare, &manifest().run})
      for (const ManifestLaunch &launch : *part) {
        Expected<ResolvedLaunch> resolved = resolve(launch, *binding);
        if (!resolved)
          return resolved.takeError();
        std::vector<std::vector<std::byte>> arguments;
        for (auto [isBuffer, value] : resolved->arguments)
          arguments.push_back(isBuffer ? emulator::argument(addresses[value]) : emulator::argument(value));
        auto [gx, gy, gz] = resolved->grid;
        auto [bx, by, bz] = resolved->block;
        launches.push_back({launch.kernel, part == &manifest().prepare,
                            device.launch(launch.kernel, {gx, gy, gz}, {bx, by, bz},
                                          static_cast<uint64_t>(launch.sharedBytes), arguments, options)});
      }
    if (Error error = finish(*binding))
      return error;
    return launches;
  } catch (const emulator::Error &error) {
    return createStringError(error.what());
  }
}
