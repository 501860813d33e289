//===- RunPtx.cpp - fftconv-run on a PTX file -----------------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RunPtx.h"

#include "fftconv/Emulator/Emulator.h"
#include "fftconv/Execution/Tensor.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

#include <deque>

using namespace llvm;
using namespace fftconv;
namespace cl = llvm::cl;

PtxOptions::PtxOptions(cl::OptionCategory &category)
    : kernel("kernel", cl::desc("[PTX] kernel to run; without it, the only one"), cl::value_desc("NAME"),
             cl::cat(category)),
      grid("grid", cl::desc("[PTX] CTAs (default 1)"), cl::value_desc("X[,Y[,Z]]"), cl::init("1"), cl::cat(category)),
      block("block", cl::desc("[PTX] threads of a CTA (default 32)"), cl::value_desc("X[,Y[,Z]]"), cl::init("32"),
            cl::cat(category)),
      check(
          "check",
          cl::desc(
              "[PTX, emulator] all (default), none, or a list of: uninitialised, shared-race, global-race, async-read. "
              "Bounds, alignment, divergence and deadlock are always checked"),
          cl::value_desc("LIST"), cl::init("all"), cl::cat(category)),
      stats("stats", cl::desc("[PTX, emulator] write counters and findings as JSON"), cl::value_desc("FILE.json"),
            cl::cat(category)),
      listing("listing", cl::desc("[PTX] write the text with counters beside each line"), cl::value_desc("FILE"),
              cl::cat(category)),
      inside("inside",
             cl::desc("[emulator, cuda] signals are slices of tensors whose last two dimensions have these sizes"),
             cl::value_desc("NxN"), cl::cat(category)),
      arguments(
          "arg",
          cl::desc("[PTX] argument, in order: i32:N, u32:N, i64:N, u64:N, f32:X, f64:X, or a buffer: in:TYPE:FILE.npy, "
                   "out:TYPE:SHAPE:FILE.npy (SHAPE as 2x3x100; TYPE f16, bf16, f32 or f64), in:bytes:FILE, "
                   "out:bytes:N:FILE (raw "
                   "bytes, zeros at first), buffer:N (N bytes of zeros)"),
          cl::value_desc("ARG"), cl::cat(category)),
      shared("shared", cl::desc("[PTX] dynamic shared memory, in bytes"), cl::value_desc("N"), cl::init(0),
             cl::cat(category)),
      schedule("schedule", cl::desc("[PTX, emulator] seed of a random order of warps; 0 (default) runs them in turn"),
               cl::value_desc("SEED"), cl::init(0), cl::cat(category)) {}

static Expected<emulator::Dim> parseDim(StringRef flag, StringRef text) {
  SmallVector<StringRef> parts;
  text.split(parts, ',');
  uint32_t sizes[3] = {1, 1, 1};
  if (parts.size() > 3)
    return createStringError("--" + flag + " takes at most three numbers, not '" + text + "'");
  for (auto [size, part] : zip(sizes, parts))
    if (part.trim().getAsInteger(10, size) || size == 0)
      return createStringError("--" + flag + " takes positive numbers, not '" + text + "'");
  return emulator::Dim{sizes[0], sizes[1], sizes[2]};
}

namespace {
/// The arguments of a launch, with the memory behind them.
struct Arguments {
  std::vector<std::vector<std::byte>> values;
  std::deque<Tensor> tensors;
  std::deque<std::vector<char>> buffers;
  std::vector<std::pair<std::string, Tensor *>> outputs;
  std::vector<std::pair<std::string, std::vector<char> *>> rawOutputs;

  template <typename T, typename Parsed>
  bool scalar(StringRef text) {
    Parsed parsed;
    if constexpr (std::is_floating_point_v<Parsed>) {
      if (text.getAsDouble(parsed))
        return false;
    } else if (text.getAsInteger(0, parsed) || static_cast<Parsed>(static_cast<T>(parsed)) != parsed) {
      return false;
    }
    values.push_back(emulator::argument(static_cast<T>(parsed)));
    return true;
  }

  void attach(emulator::Device &device, StringRef name, void *memory, size_t bytes) {
    values.push_back(emulator::argument(device.attach(name.str(), memory, bytes)));
  }

  Error add(emulator::Device &device, StringRef text) {
    auto bad = [&](const Twine &why) { return createStringError("--arg=" + text + ": " + why); };
    auto [kind, rest] = text.split(':');
    std::string name = "argument " + std::to_string(values.size());
    if (kind == "i32" || kind == "u32" || kind == "i64" || kind == "u64" || kind == "f32" || kind == "f64") {
      bool good = kind == "i32"   ? scalar<int32_t, int64_t>(rest)
                  : kind == "u32" ? scalar<uint32_t, uint64_t>(rest)
                  : kind == "i64" ? scalar<int64_t, int64_t>(rest)
                  : kind == "u64" ? scalar<uint64_t, uint64_t>(rest)
                  : kind == "f32" ? scalar<float, double>(rest)
                                  : scalar<double, double>(rest);
      return good ? Error::success() : bad("'" + rest + "' is not a value of this type");
    }
    auto addBytes = [&](StringRef number) {
      uint64_t bytes;
      if (number.getAsInteger(10, bytes) || bytes > (uint64_t(1) << 36))
        return false;
      buffers.emplace_back(bytes);
      attach(device, name, buffers.back().data(), bytes);
      return true;
    };
    if (kind == "buffer")
      return addBytes(rest) ? Error::success() : bad("a number of bytes is needed");
    if (kind == "in" && rest.consume_front("bytes:")) {
      ErrorOr<std::unique_ptr<MemoryBuffer>> file =
          MemoryBuffer::getFile(rest, /*IsText=*/false, /*RequiresNullTerminator=*/false);
      if (!file)
        return createStringError(rest + ": " + file.getError().message());
      buffers.emplace_back((*file)->getBufferStart(), (*file)->getBufferEnd());
      attach(device, name, buffers.back().data(), buffers.back().size());
      return Error::success();
    }
    if (kind == "out" && rest.consume_front("bytes:")) {
      auto [number, path] = rest.split(':');
      if (path.empty() || !addBytes(number))
        return bad("a number of bytes and a file are needed");
      rawOutputs.emplace_back(path.str(), &buffers.back());
      return Error::success();
    }
    auto [typeName, where] = rest.split(':');
    std::optional<ElementType> type = parseElementType(typeName);
    if ((kind != "in" && kind != "out") || !type)
      return bad("arguments are TYPE:VALUE, in:TYPE:FILE.npy, out:TYPE:SHAPE:FILE.npy, in:bytes:FILE, out:bytes:N:FILE "
                 "or buffer:N");
    if (kind == "in") {
      Expected<Tensor> tensor = readNpy(where, *type);
      if (!tensor)
        return tensor.takeError();
      tensors.push_back(std::move(*tensor));
    } else {
      auto [shapeText, path] = where.split(':');
      SmallVector<StringRef> parts;
      SmallVector<int64_t> shape;
      shapeText.split(parts, 'x');
      for (StringRef part : parts)
        if (part.getAsInteger(10, shape.emplace_back()) || shape.back() < 1 || shape.back() > (int64_t(1) << 32))
          return bad("'" + shapeText + "' is not a shape");
      if (path.empty())
        return bad("a file to write is needed");
      tensors.emplace_back(*type, shape);
      outputs.emplace_back(path.str(), &tensors.back());
    }
    attach(device, name, tensors.back().data(), tensors.back().size() * byteWidth(*type));
    return Error::success();
  }
};
} // namespace

static json::Object describeCounters(const emulator::Counters &c) {
  return json::Object{{"warp_instructions", c.warpInstructions},
                      {"multiply_adds", c.multiplyAdds},
                      {"global_bytes", c.globalBytes},
                      {"global_sectors", c.globalSectors},
                      {"global_ideal_sectors", c.globalIdealSectors},
                      {"shared_bytes", c.sharedBytes},
                      {"shared_wavefronts", c.sharedWavefronts},
                      {"shared_ideal_wavefronts", c.sharedIdealWavefronts},
                      {"local_bytes", c.localBytes},
                      {"barriers", c.barriers}};
}

json::Object fftconv::describe(const emulator::Result &result) {
  json::Object classes;
  for (size_t i = 0; i < emulator::classCount; ++i)
    classes[StringRef(emulator::name(static_cast<emulator::Class>(i)))] = result.instructions[i];
  json::Array lines, findings;
  for (const emulator::LineCounters &line : result.lines) {
    json::Object entry = describeCounters(line.counters);
    entry["line"] = line.line;
    entry["class"] = StringRef(emulator::name(line.instructionClass));
    lines.push_back(std::move(entry));
  }
  for (const emulator::Finding &finding : result.findings)
    findings.push_back(json::Object{{"check", StringRef(emulator::name(finding.check))},
                                    {"line", finding.line},
                                    {"count", finding.count},
                                    {"text", finding.text}});
  return json::Object{{"total", describeCounters(result.total)},
                      {"instructions", std::move(classes)},
                      {"lines", std::move(lines)},
                      {"findings", std::move(findings)},
                      {"seconds", result.seconds}};
}

static void printTable(const emulator::Result &result) {
  const emulator::Counters &c = result.total;
  outs() << formatv("{0,-22} {1,14}\n", "warp instructions", c.warpInstructions);
  for (size_t i = 0; i < emulator::classCount; ++i)
    if (result.instructions[i])
      outs() << formatv("  {0,-20} {1,14}\n", StringRef(emulator::name(static_cast<emulator::Class>(i))),
                        result.instructions[i]);
  if (c.multiplyAdds)
    outs() << formatv("{0,-22} {1,14}\n", "mma multiply-adds", c.multiplyAdds);
  outs() << formatv("{0,-22} {1,14} ideal {2}\n", "shared wavefronts", c.sharedWavefronts, c.sharedIdealWavefronts);
  outs() << formatv("{0,-22} {1,14} ideal {2}\n", "global sectors", c.globalSectors, c.globalIdealSectors);
  outs() << formatv("{0,-22} {1,14} global, {2} shared, {3} local\n", "bytes", c.globalBytes, c.sharedBytes,
                    c.localBytes);
  outs() << formatv("{0,-22} {1,14}\n", "barrier arrivals", c.barriers);
}

/// Every line of the text, with executions, wavefronts and sectors (each with its ideal where it differs) in front.
static std::string makeListing(const emulator::Program &program, const emulator::Result &result) {
  std::string text;
  raw_string_ostream os(text);
  os << formatv("{0,10} {1,15} {2,15}  {3}\n", "executed", "wavefronts", "sectors", "line");
  size_t next = 0;
  auto pair = [](uint64_t value, uint64_t ideal) {
    return value == 0       ? std::string()
           : value == ideal ? std::to_string(value)
                            : formatv("{0} ({1})", value, ideal).str();
  };
  for (int line = 1; line <= program.lineCount(); ++line) {
    std::string executed, wavefronts, sectors;
    if (next < result.lines.size() && result.lines[next].line == line) {
      const emulator::Counters &c = result.lines[next++].counters;
      executed = std::to_string(c.warpInstructions);
      wavefronts = pair(c.sharedWavefronts, c.sharedIdealWavefronts);
      sectors = pair(c.globalSectors, c.globalIdealSectors);
    }
    os << formatv("{0,10} {1,15} {2,15}  {3}\n", executed, wavefronts, sectors, StringRef(program.line(line)));
  }
  return text;
}

Error fftconv::writeText(StringRef path, StringRef text) {
  std::error_code code;
  raw_fd_ostream os(path, code);
  if (code)
    return createStringError(path + ": " + code.message());
  os << text;
  return Error::success();
}

Expected<emulator::Options> fftconv::parseChecks(const PtxOptions &options) {
  emulator::Options result;
  result.seed = options.schedule;
  if (options.check == "all")
    return result;
  result.uninitialised = result.sharedRaces = result.globalRaces = result.asyncReads = false;
  if (options.check == "none")
    return result;
  SmallVector<StringRef> names;
  StringRef(options.check).split(names, ',');
  for (StringRef name : names) {
    bool *flag = StringSwitch<bool *>(name)
                     .Case("uninitialised", &result.uninitialised)
                     .Case("shared-race", &result.sharedRaces)
                     .Case("global-race", &result.globalRaces)
                     .Case("async-read", &result.asyncReads)
                     .Default(nullptr);
    if (!flag)
      return createStringError(
          "--check knows all, none, uninitialised, shared-race, global-race and async-read, not '" + name + "'");
    *flag = true;
  }
  return result;
}

Expected<int> fftconv::runPtx(StringRef path, const PtxOptions &options) {
  ErrorOr<std::unique_ptr<MemoryBuffer>> file = MemoryBuffer::getFile(path);
  if (!file)
    return createStringError(path + ": " + file.getError().message());
  Expected<emulator::Dim> grid = parseDim("grid", options.grid), block = parseDim("block", options.block);
  Expected<emulator::Options> checks = parseChecks(options);
  if (!grid || !block || !checks)
    return joinErrors(joinErrors(grid.takeError(), block.takeError()), checks.takeError());
  try {
    StringRef text = (*file)->getBuffer();
    emulator::Program program(std::string_view(text.data(), text.size()));
    std::string kernel = options.kernel;
    if (kernel.empty()) {
      std::vector<emulator::KernelInfo> kernels = program.kernels();
      if (kernels.size() != 1)
        return createStringError(path + ": has " + Twine(kernels.size()) + " kernels; choose one with --kernel");
      kernel = kernels[0].name;
    }
    emulator::Device device(program);
    Arguments arguments;
    for (StringRef text : options.arguments)
      if (Error error = arguments.add(device, text))
        return error;
    emulator::Result result = device.launch(kernel, *grid, *block, options.shared, arguments.values, *checks);
    outs() << formatv("{0} on emulator: {1:f3} ms\n", kernel, result.seconds * 1e3);
    printTable(result);
    for (const emulator::Finding &finding : result.findings)
      outs() << formatv("{0}:{1}: {2}, {3} times; first: {4}\n", path, finding.line,
                        StringRef(emulator::name(finding.check)), finding.count, finding.text);
    for (auto &[output, tensor] : arguments.outputs)
      if (Error error = writeNpy(output, *tensor))
        return error;
    for (auto &[output, bytes] : arguments.rawOutputs)
      if (Error error = writeText(output, StringRef(bytes->data(), bytes->size())))
        return error;
    if (!options.stats.empty())
      if (Error error = writeText(options.stats, formatv("{0:2}\n", json::Value(describe(result))).str()))
        return error;
    if (!options.listing.empty())
      if (Error error = writeText(options.listing, makeListing(program, result)))
        return error;
    return result.ok() ? 0 : 1;
  } catch (const emulator::Error &error) {
    return createStringError(path + ": " + error.what());
  }
}
