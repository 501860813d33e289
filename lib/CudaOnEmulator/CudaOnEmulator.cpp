//===- CudaOnEmulator.cpp - The CUDA driver API on the emulator -----------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A library with the entry points of libcuda that launchers of kernels use (cuda.h, driver API 13), which runs kernels in the emulator with all checks. A
// launcher that opens it instead of libcuda is tested as it is, on a machine without a GPU: the same manifest reader, the same calls. One device, one
// context, no streams but the default one; a launch has ended when the call returns. What a kernel is found to do wrong is printed, and the launch fails as it
// would on a device. Times of events are those of the emulator and say nothing of a GPU.
//
//===----------------------------------------------------------------------===//

#include "fftconv/Emulator/Emulator.h"

#include <chrono>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>

using namespace fftconv::emulator;

namespace {
using Status = int;
// cuda.h: CUresult.
enum : Status {
  Success = 0,
  InvalidValue = 1,
  OutOfMemory = 2,
  NotInitialized = 3,
  InvalidPtx = 218,
  NotFound = 500,
  IllegalAddress = 700,
  LaunchFailed = 719,
};

struct Allocation {
  std::unique_ptr<std::byte[]> memory;
  size_t bytes;
};

struct Module {
  explicit Module(std::string_view ptx) : program(ptx), device(program) {}

  Program program;
  Device device;
  /// Where the driver's allocations are attached, by their addresses.
  std::map<uint64_t, uint64_t> attached;
};

struct Function {
  Module *module;
  KernelInfo info;
  uint64_t sharedLimit = 48 << 10;
};

struct Event {
  std::chrono::steady_clock::time_point when;
};

struct Driver {
  std::mutex mutex;
  bool initialized = false;
  /// Allocations by address. Addresses are far above all sizes, so that an argument that lies in one is a pointer.
  std::map<uint64_t, Allocation> memory;
  uint64_t next = uint64_t(1) << 44;
  std::map<void *, std::unique_ptr<Module>> modules;
  std::map<void *, std::unique_ptr<Function>> functions;

  /// The allocation that holds `bytes` at an address, and the offset; null where none does.
  std::pair<Allocation *, uint64_t> find(uint64_t address, size_t bytes, uint64_t *base = nullptr) {
    auto after = memory.upper_bound(address);
    if (after == memory.begin())
      return {};
    auto &[begin, allocation] = *std::prev(after);
    if (address - begin > allocation.bytes || bytes > allocation.bytes - (address - begin))
      return {};
    if (base)
      *base = begin;
    return {&allocation, address - begin};
  }
};

/// Never destroyed: a program may unload modules as it ends, after destructors of this library have run.
Driver &driver() {
  static Driver &it = *new Driver;
  return it;
}

struct ErrorText {
  Status status;
  const char *name, *text;
};
constexpr ErrorText errors[] = {
    {Success, "CUDA_SUCCESS", "no error"},
    {InvalidValue, "CUDA_ERROR_INVALID_VALUE", "invalid argument"},
    {OutOfMemory, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
    {NotInitialized, "CUDA_ERROR_NOT_INITIALIZED", "initialization error"},
    {InvalidPtx, "CUDA_ERROR_INVALID_PTX", "a PTX JIT compilation failed"},
    {NotFound, "CUDA_ERROR_NOT_FOUND", "named symbol not found"},
    {IllegalAddress, "CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered"},
    {LaunchFailed, "CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"},
};

const ErrorText *findError(Status status) {
  for (const ErrorText &error : errors)
    if (error.status == status)
      return &error;
  return nullptr;
}

/// Runs an entry point: one at a time, after cuInit, and no exception gets out.
template <typename Body>
Status guarded(Body body) {
  std::lock_guard<std::mutex> lock(driver().mutex);
  if (!driver().initialized)
    return NotInitialized;
  try {
    return body(driver());
  } catch (const std::bad_alloc &) {
    return OutOfMemory;
  } catch (const std::exception &error) {
    std::fprintf(stderr, "emulated driver: %s\n", error.what());
    return LaunchFailed;
  }
}

/// Calls `use` with the memory behind an address that holds `bytes`.
template <typename Use>
Status onMemory(uint64_t address, size_t bytes, Use use) {
  return guarded([&](Driver &d) {
    auto [allocation, offset] = d.find(address, bytes);
    if (!allocation)
      return InvalidValue;
    use(allocation->memory.get() + offset);
    return Success;
  });
}
} // namespace

extern "C" {
Status cuInit(unsigned) {
  driver().initialized = true;
  return Success;
}
Status cuDriverGetVersion(int *version) {
  *version = 13000;
  return Success;
}
Status cuGetErrorName(Status status, const char **name) {
  const ErrorText *error = findError(status);
  *name = error ? error->name : nullptr;
  return error ? Success : InvalidValue;
}
Status cuGetErrorString(Status status, const char **text) {
  const ErrorText *error = findError(status);
  *text = error ? error->text : nullptr;
  return error ? Success : InvalidValue;
}
Status cuDeviceGet(int *device, int ordinal) {
  *device = ordinal;
  return ordinal == 0 ? Success : InvalidValue;
}
Status cuDeviceGetName(char *name, int length, int) {
  std::snprintf(name, static_cast<size_t>(length), "emulator");
  return Success;
}
Status cuDeviceGetAttribute(int *value, int attribute, int) {
  // Those of an sm_90: L2, capability, shared memory.
  static const std::map<int, int> values = {{38, 50 << 20}, {75, 9}, {76, 0}, {97, 232448}};
  auto known = values.find(attribute);
  if (known == values.end())
    return InvalidValue;
  *value = known->second;
  return Success;
}
Status cuDevicePrimaryCtxRetain(void **context, int) {
  *context = &driver();
  return Success;
}
Status cuDevicePrimaryCtxRelease_v2(int) { return Success; }
Status cuCtxSetCurrent(void *) { return Success; }
Status cuCtxSynchronize() { return Success; }

Status cuMemAlloc_v2(uint64_t *address, size_t bytes) {
  return guarded([&](Driver &d) {
    if (bytes == 0)
      return InvalidValue;
    *address = d.next;
    d.memory[d.next] = {std::make_unique_for_overwrite<std::byte[]>(bytes), bytes};
    d.next += (bytes + 511) / 256 * 256; // a gap between two
    return Success;
  });
}
Status cuMemFree_v2(uint64_t address) {
  return guarded([&](Driver &d) {
    if (!d.memory.contains(address))
      return InvalidValue;
    for (auto &[handle, module] : d.modules)
      if (auto at = module->attached.find(address); at != module->attached.end()) {
        module->device.detach(at->second);
        module->attached.erase(at);
      }
    d.memory.erase(address);
    return Success;
  });
}
Status cuMemcpyHtoD_v2(uint64_t to, const void *from, size_t bytes) {
  return onMemory(to, bytes, [&](std::byte *memory) { std::memcpy(memory, from, bytes); });
}
Status cuMemcpyDtoH_v2(void *to, uint64_t from, size_t bytes) {
  return onMemory(from, bytes, [&](std::byte *memory) { std::memcpy(to, memory, bytes); });
}

/// Between any two of host and device: an address that lies in no allocation is the host's.
Status cuMemcpy(uint64_t to, uint64_t from, size_t bytes) {
  return guarded([&](Driver &d) {
    auto resolve = [&](uint64_t address) {
      auto [allocation, offset] = d.find(address, bytes);
      return allocation ? allocation->memory.get() + offset : reinterpret_cast<std::byte *>(address);
    };
    std::memmove(resolve(to), resolve(from), bytes);
    return Success;
  });
}
Status cuMemcpyDtoD_v2(uint64_t to, uint64_t from, size_t bytes) {
  std::byte *source = nullptr;
  Status status = onMemory(from, bytes, [&](std::byte *memory) { source = memory; });
  return status ? status : onMemory(to, bytes, [&](std::byte *memory) { std::memmove(memory, source, bytes); });
}
Status cuMemsetD8_v2(uint64_t to, unsigned char value, size_t bytes) {
  return onMemory(to, bytes, [&](std::byte *memory) { std::memset(memory, value, bytes); });
}

Status cuModuleLoadDataEx(void **module, const void *image, unsigned options, int *names, void **values) {
  return guarded([&](Driver &d) {
    try {
      auto loaded = std::make_unique<Module>(static_cast<const char *>(image));
      *module = loaded.get();
      d.modules[*module] = std::move(loaded);
      return Success;
    } catch (const Error &error) {
      // CU_JIT_ERROR_LOG_BUFFER and its size.
      for (unsigned i = 0; i + 1 < options; ++i)
        if (names[i] == 5 && names[i + 1] == 6)
          std::snprintf(static_cast<char *>(values[i]), reinterpret_cast<size_t>(values[i + 1]), "%s", error.what());
      return InvalidPtx;
    }
  });
}
Status cuModuleUnload(void *module) {
  return guarded([&](Driver &d) {
    std::erase_if(d.functions, [&](const auto &entry) { return entry.second->module == module; });
    return d.modules.erase(module) ? Success : InvalidValue;
  });
}
Status cuModuleGetFunction(void **function, void *module, const char *name) {
  return guarded([&](Driver &d) {
    auto known = d.modules.find(module);
    if (known == d.modules.end())
      return InvalidValue;
    for (KernelInfo &info : known->second->program.kernels())
      if (info.name == name) {
        auto made = std::make_unique<Function>(Function{known->second.get(), info});
        *function = made.get();
        d.functions[*function] = std::move(made);
        return Success;
      }
    return NotFound;
  });
}
Status cuFuncSetAttribute(void *function, int attribute, int value) {
  return guarded([&](Driver &d) {
    auto known = d.functions.find(function);
    if (known == d.functions.end() || attribute != 8 || value < 0 || // CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
        static_cast<uint64_t>(value) > known->second->module->program.sharedLimit())
      return InvalidValue;
    known->second->sharedLimit = static_cast<uint64_t>(value);
    return Success;
  });
}

Status cuLaunchKernel(void *function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
                      unsigned shared, void *, void **parameters, void **) {
  return guarded([&](Driver &d) {
    auto known = d.functions.find(function);
    if (known == d.functions.end())
      return InvalidValue;
    Function &f = *known->second;
    // As on a device: more than 48 KB are to be asked for.
    if (shared > f.sharedLimit)
      return InvalidValue;
    std::vector<std::vector<std::byte>> arguments;
    for (size_t i = 0; i < f.info.parameterBytes.size(); ++i) {
      auto *bytes = static_cast<std::byte *>(parameters[i]);
      std::vector<std::byte> value(bytes, bytes + f.info.parameterBytes[i]);
      uint64_t pointer, base;
      if (value.size() == 8) {
        std::memcpy(&pointer, value.data(), 8);
        if (auto [allocation, offset] = d.find(pointer, 0, &base); allocation) {
          auto [entry, isNew] = f.module->attached.try_emplace(base);
          if (isNew)
            entry->second =
                f.module->device.attach("argument " + std::to_string(i), allocation->memory.get(), allocation->bytes);
          value = argument(entry->second + offset);
        }
      }
      arguments.push_back(std::move(value));
    }
    Result result = f.module->device.launch(f.info.name, {gx, gy, gz}, {bx, by, bz}, shared, arguments);
    for (const Finding &finding : result.findings)
      std::fprintf(stderr, "emulated driver: %s, line %d: %s: %s\n", f.info.name.c_str(), finding.line,
                   std::string(name(finding.check)).c_str(), finding.text.c_str());
    return result.ok() ? Success : result.findings[0].check == Check::OutOfBounds ? IllegalAddress : LaunchFailed;
  });
}

Status cuEventCreate(void **event, unsigned) {
  *event = new Event{};
  return Success;
}
Status cuEventRecord(void *event, void *) {
  static_cast<Event *>(event)->when = std::chrono::steady_clock::now();
  return Success;
}
Status cuEventElapsedTime(float *milliseconds, void *begin, void *end) {
  *milliseconds =
      std::chrono::duration<float, std::milli>(static_cast<Event *>(end)->when - static_cast<Event *>(begin)->when)
          .count();
  return Success;
}
Status cuEventDestroy_v2(void *event) {
  delete static_cast<Event *>(event);
  return Success;
}
}
