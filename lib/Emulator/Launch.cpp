//===- Launch.cpp - Programs, devices and launches ------------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Decoder.h"
#include "Vectors.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstring>
#include <thread>

using namespace fftconv::emulator;

std::string_view fftconv::emulator::name(Check check) {
  static constexpr std::string_view names[checkCount] = {"out-of-bounds", "misaligned",  "divergence",
                                                         "deadlock",      "trap",        "uninitialised",
                                                         "shared-race",   "global-race", "async-read"};
  return names[static_cast<size_t>(check)];
}

std::string_view fftconv::emulator::name(Class instructionClass) {
  static constexpr std::string_view names[classCount] = {"mma",    "f32",    "f16",   "f64",     "convert", "integer",
                                                         "shared", "global", "local", "control", "other"};
  return names[static_cast<size_t>(instructionClass)];
}

void fftconv::emulator::allowVectors(bool allowed) { vectorsAllowed = allowed; }

Counters &Counters::operator+=(const Counters &other) {
  warpInstructions += other.warpInstructions;
  multiplyAdds += other.multiplyAdds;
  globalBytes += other.globalBytes;
  globalSectors += other.globalSectors;
  globalIdealSectors += other.globalIdealSectors;
  sharedBytes += other.sharedBytes;
  sharedWavefronts += other.sharedWavefronts;
  sharedIdealWavefronts += other.sharedIdealWavefronts;
  localBytes += other.localBytes;
  barriers += other.barriers;
  return *this;
}

/// The most shared memory of a CTA on a target, in bytes; throws Error for an unknown one.
static uint64_t sharedLimitOf(std::string_view target) {
  // Shared memory that a CTA may opt in to, by the number of the architecture (CUDA programming guide, compute capabilities).
  static constexpr std::pair<unsigned, uint64_t> limits[] = {{80, 163},  {86, 99},   {87, 163},  {89, 99},
                                                             {90, 227},  {100, 227}, {101, 227}, {103, 227},
                                                             {110, 227}, {120, 99},  {121, 99}};
  unsigned number = 0;
  if (target.starts_with("sm_"))
    std::from_chars(target.data() + 3, target.data() + target.size(), number);
  for (auto [architecture, kibibytes] : limits)
    if (number == architecture)
      return kibibytes * 1024;
  throw Error(2, "unsupported target '" + std::string(target) + "'");
}

//===----------------------------------------------------------------------===//
// Program
//===----------------------------------------------------------------------===//

struct Program::State {
  std::string text;
  std::vector<std::string_view> lines;
  Module module;
  /// Where the module's global and constant variables lie, in every device.
  std::vector<uint64_t> addresses;
  uint64_t end = globalBase;
  std::map<size_t, std::unique_ptr<Kernel>> decoded;
  std::mutex mutex;

  size_t find(std::string_view kernel) const {
    for (size_t i = 0; i < module.functions.size(); ++i)
      if (module.functions[i].name == kernel && module.functions[i].isEntry && module.functions[i].isDefined)
        return i;
    throw Error(0, "no kernel '" + std::string(kernel) + "' in the module");
  }
  const Kernel &decode(std::string_view kernel) {
    size_t index = find(kernel);
    std::lock_guard lock(mutex);
    std::unique_ptr<Kernel> &slot = decoded[index];
    if (!slot)
      slot = std::make_unique<Kernel>(Decoder(module, addresses, index).decode());
    return *slot;
  }
};

Program::Program(std::string_view ptx) : state(std::make_unique<State>()) {
  state->text = ptx;
  std::string_view text = state->text;
  for (size_t at = 0; at <= text.size();) {
    size_t end = std::min(text.find('\n', at), text.size());
    state->lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  state->module = parseModule(text);
  for (const Variable &variable : state->module.variables) {
    if (variable.space == Space::Shared) {
      state->addresses.push_back(0);
      continue;
    }
    uint64_t address = alignTo(state->end, std::max<uint64_t>(variable.align, 256));
    state->addresses.push_back(address);
    // A gap, so that an index beyond one variable is not inside the next.
    state->end = alignTo(address + variable.bytes, 256) + 8192;
  }
  sharedLimit();
}

Program::~Program() = default;
Program::Program(Program &&) noexcept = default;
Program &Program::operator=(Program &&) noexcept = default;

std::vector<KernelInfo> Program::kernels() const {
  std::vector<KernelInfo> list;
  for (const Function &function : state->module.functions) {
    if (!function.isEntry || !function.isDefined)
      continue;
    KernelInfo info;
    info.name = function.name;
    for (size_t index : function.parameters)
      info.parameterBytes.push_back(function.variables[index - localVariable].bytes);
    for (const Variable &variable : function.variables)
      if (variable.space == Space::Shared)
        info.sharedBytes += variable.bytes;
    for (const Variable &variable : state->module.variables)
      if (variable.space == Space::Shared) {
        info.sharedBytes += variable.bytes;
        info.usesDynamicShared |= variable.unsized;
      }
    list.push_back(std::move(info));
  }
  return list;
}

void Program::decode(std::string_view kernel) { state->decode(kernel); }

uint64_t Program::sharedLimit() const { return sharedLimitOf(state->module.target); }

std::string_view Program::line(int number) const {
  return number >= 1 && number <= lineCount() ? state->lines[static_cast<size_t>(number) - 1] : std::string_view();
}

int Program::lineCount() const { return static_cast<int>(state->lines.size()); }

//===----------------------------------------------------------------------===//
// Device
//===----------------------------------------------------------------------===//

struct Device::State {
  Program::State *program;
  std::vector<std::unique_ptr<Region>> regions;
  std::vector<std::vector<uint8_t>> storage;
  uint64_t end;

  /// The bytes of [address, address + size).
  uint8_t *find(uint64_t address, size_t size) const {
    for (const std::unique_ptr<Region> &region : regions)
      if (region->contains(address, size))
        return region->host + (address - region->base);
    throw Error(0, "no memory of " + std::to_string(size) + " bytes at address " + std::to_string(address));
  }
  Region &add(std::string name, uint64_t base, uint64_t bytes, uint8_t *host, bool readOnly) {
    auto region = std::make_unique<Region>();
    region->base = base;
    region->bytes = bytes;
    region->host = host;
    region->name = std::move(name);
    region->readOnly = readOnly;
    regions.push_back(std::move(region));
    return *regions.back();
  }
};

Device::Device(Program &program) : state(std::make_unique<State>()) {
  state->program = program.state.get();
  const Program::State &p = *state->program;
  for (size_t i = 0; i < p.module.variables.size(); ++i) {
    const Variable &variable = p.module.variables[i];
    if (variable.space == Space::Shared)
      continue;
    if (p.end - globalBase > (uint64_t(1) << 32))
      throw Error(0, "the module's variables take more than 4 GiB");
    std::vector<uint8_t> bytes(variable.bytes);
    std::copy(variable.initial.begin(), variable.initial.end(), bytes.begin());
    for (const Variable::Relocation &relocation : variable.relocations) {
      uint64_t address = p.addresses[relocation.variable] + static_cast<uint64_t>(relocation.addend);
      std::memcpy(bytes.data() + relocation.offset, &address, 8);
    }
    state->storage.push_back(std::move(bytes));
    state->add(variable.name, p.addresses[i], variable.bytes, state->storage.back().data(),
               variable.space == Space::Const);
  }
  state->end = p.end;
}

Device::~Device() = default;

uint64_t Device::attach(std::string name, void *memory, size_t bytes) {
  uint64_t address = alignTo(state->end, 256);
  if (bytes >= paramWindow - address - 16384)
    throw Error(0, "buffer '" + name + "' is too large");
  state->end = alignTo(address + bytes, 256) + 8192;
  state->add(std::move(name), address, bytes, static_cast<uint8_t *>(memory), false);
  return address;
}

void Device::detach(uint64_t address) {
  for (std::unique_ptr<Region> &region : state->regions)
    if (region->base == address && !region->detached) {
      region->detached = true;
      region->host = nullptr;
      return;
    }
  throw Error(0, "no buffer at address " + std::to_string(address));
}

uint64_t Device::variable(std::string_view name) const {
  const Program::State &p = *state->program;
  for (size_t i = 0; i < p.module.variables.size(); ++i)
    if (p.module.variables[i].name == name && p.module.variables[i].space != Space::Shared)
      return p.addresses[i];
  throw Error(0, "no variable '" + std::string(name) + "' in the module");
}

void Device::write(uint64_t address, std::span<const std::byte> bytes) {
  std::memcpy(state->find(address, bytes.size()), bytes.data(), bytes.size());
}

void Device::read(uint64_t address, std::span<std::byte> bytes) const {
  std::memcpy(bytes.data(), state->find(address, bytes.size()), bytes.size());
}

Result Device::launch(std::string_view kernelName, Dim grid, Dim block, uint64_t dynamicSharedBytes,
                      std::span<const std::vector<std::byte>> arguments, const Options &options) {
  const Kernel &kernel = state->program->decode(kernelName);
  auto refuse = [&](const std::string &why) { throw Error(0, "kernel '" + kernel.name + "': " + why); };
  uint64_t threads = block.count();
  if (grid.count() == 0 || threads == 0)
    refuse("an empty grid or block");
  if (threads > 1024 || block.x > 1024 || block.y > 1024 || block.z > 64)
    refuse("a block of " + std::to_string(threads) + " threads is too large");
  if (grid.x > INT32_MAX || grid.y > 65535 || grid.z > 65535)
    refuse("the grid is too large");
  if (kernel.requiredThreads && threads != kernel.requiredThreads)
    refuse("it needs blocks of " + std::to_string(kernel.requiredThreads) + " threads, got " + std::to_string(threads));
  if (kernel.maxThreads && threads > kernel.maxThreads)
    refuse("it takes blocks of at most " + std::to_string(kernel.maxThreads) + " threads, got " +
           std::to_string(threads));
  if (arguments.size() != kernel.parameters.size())
    refuse("it takes " + std::to_string(kernel.parameters.size()) + " arguments, got " +
           std::to_string(arguments.size()));
  Launch launch;
  launch.parameters.resize(kernel.parameterBytes);
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i].size() != kernel.parameters[i].bytes)
      refuse("argument " + std::to_string(i) + " has " + std::to_string(kernel.parameters[i].bytes) + " bytes, got " +
             std::to_string(arguments[i].size()));
    std::memcpy(launch.parameters.data() + kernel.parameters[i].offset, arguments[i].data(), arguments[i].size());
  }
  uint64_t limit = sharedLimitOf(state->program->module.target);
  launch.sharedBytes = kernel.staticSharedBytes + dynamicSharedBytes;
  if (launch.sharedBytes > limit)
    refuse(std::to_string(launch.sharedBytes) + " bytes of shared memory, " + state->program->module.target + " has " +
           std::to_string(limit));
  launch.kernel = &kernel;
  launch.options = options;
  launch.grid = grid;
  launch.block = block;
  launch.dynamicSharedBytes = dynamicSharedBytes;
  for (std::unique_ptr<Region> &region : state->regions) {
    region->shadow.reset();
    if (options.globalRaces && !region->detached && !region->readOnly && grid.count() > 1 && grid.count() < UINT32_MAX)
      region->shadow = std::make_unique<GlobalShadow>(region->bytes, kernel.globalGranule);
    launch.regions.push_back(region.get());
  }
  std::sort(launch.regions.begin(), launch.regions.end(),
            [](const Region *a, const Region *b) { return a->base < b->base; });
  CtaOrder order(grid.count());
  launch.order = &order;

  auto begin = std::chrono::steady_clock::now();
  unsigned cores = options.threads ? options.threads : std::max(1u, std::thread::hardware_concurrency());
  std::vector<Worker> workers(std::min<uint64_t>(cores, grid.count()));
  for (size_t i = 0; i < workers.size(); ++i) {
    Worker &worker = workers[i];
    worker.launch = &launch;
    worker.hits.assign(kernel.code.size(), 0);
    worker.sites.assign(kernel.code.size(), {});
    worker.cached.assign(kernel.code.size(), nullptr);
    worker.random.seed(options.seed + i);
  }
  {
    std::vector<std::jthread> pool;
    for (size_t i = 1; i < workers.size(); ++i)
      pool.emplace_back([&worker = workers[i]] { runWorker(worker); });
    runWorker(workers[0]);
  }

  Result result;
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  for (auto &[key, finding] : launch.findings)
    result.findings.push_back(finding);
  std::map<int, LineCounters> lines;
  for (size_t pc = 0; pc < kernel.code.size(); ++pc) {
    const Op &op = kernel.code[pc];
    Counters counters;
    for (const Worker &worker : workers) {
      counters += worker.sites[pc];
      counters.warpInstructions += worker.hits[pc];
    }
    if (!counters.warpInstructions)
      continue;
    if (op.instructionClass == Class::Mma)
      counters.multiplyAdds = counters.warpInstructions * static_cast<uint64_t>(op.immediate);
    result.total += counters;
    result.instructions[static_cast<size_t>(op.instructionClass)] += counters.warpInstructions;
    LineCounters &line = lines[op.line];
    line.line = op.line;
    line.instructionClass = op.instructionClass;
    line.counters += counters;
  }
  for (auto &[number, line] : lines)
    result.lines.push_back(line);
  return result;
}
