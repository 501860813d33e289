//===- Emulate.cpp - fftconv-run on the emulator --------------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Emulate.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using namespace fftconv;

Expected<std::optional<std::array<int64_t, 2>>> fftconv::parseInside(const PtxOptions &options) {
  if (options.inside.empty())
    return std::nullopt;
  std::array<int64_t, 2> sizes;
  auto [first, second] = StringRef(options.inside).split('x');
  if (first.getAsInteger(10, sizes[0]) || second.getAsInteger(10, sizes[1]))
    return createStringError("--inside takes two sizes such as 8x4096, not '" + options.inside + "'");
  return sizes;
}

Expected<bool> fftconv::emulate(EmulatedProgram &program, MutableArrayRef<Tensor> inputs,
                                MutableArrayRef<Tensor> results, const PtxOptions &options) {
  Expected<emulator::Options> checks = parseChecks(options);
  if (!checks)
    return checks.takeError();
  auto inside = parseInside(options);
  if (!inside)
    return inside.takeError();
  Expected<std::vector<EmulatedLaunch>> launches = program.run(inputs, results, *checks, *inside);
  if (!launches)
    return launches.takeError();
  bool clean = true;
  json::Array described;
  for (const EmulatedLaunch &launch : *launches) {
    const emulator::Counters &c = launch.result.total;
    uint64_t mma = launch.result.instructions[static_cast<size_t>(emulator::Class::Mma)];
    outs() << formatv(
        "{0}{1} on emulator: {2:f1} ms; {3} warp instructions, {4} mma, shared wavefronts {5} (ideal {6}), "
        "global sectors {7} (ideal {8})\n",
        launch.isPrepare ? "prepare: " : "run: ", launch.kernel, launch.result.seconds * 1e3, c.warpInstructions, mma,
        c.sharedWavefronts, c.sharedIdealWavefronts, c.globalSectors, c.globalIdealSectors);
    for (const emulator::Finding &finding : launch.result.findings)
      outs() << formatv("{0}, line {1} of the PTX: {2}, {3} times; first: {4}\n", launch.kernel, finding.line,
                        StringRef(emulator::name(finding.check)), finding.count, finding.text);
    clean &= launch.result.ok();
    json::Object object = describe(launch.result);
    object["kernel"] = launch.kernel;
    object["program"] = launch.isPrepare ? "prepare" : "run";
    described.push_back(std::move(object));
  }
  if (!options.stats.empty())
    if (Error error = writeText(
            options.stats, formatv("{0:2}\n", json::Value(json::Object{{"launches", std::move(described)}})).str()))
      return error;
  return clean;
}
