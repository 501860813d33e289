//===- GpuRuntime.cpp - MLIR's GPU runtime, on the driver API -------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The functions that upstream's gpu-to-llvm calls, by the names of its CUDA runtime wrappers, which distributions do not ship. The driver is libcuda.so.1, or what
// FFTCONV_CUDA_DRIVER names: with libFFTConvCudaOnEmulator.so a program with gpu.launch_func runs on a machine without a GPU. All work is in one stream.
//
// These functions have no way to say that something failed; a failure is printed by the driver's own name, and the process exits with 1.
//
//===----------------------------------------------------------------------===//

#include "Cuda.h"

#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>

using namespace fftconv::cuda;

namespace {
struct Driver {
#define FFTCONV_DECLARE(name, ...) std::add_pointer_t<__VA_ARGS__> name = nullptr;
  FFTCONV_CUDA_FUNCTIONS(FFTCONV_DECLARE)
#undef FFTCONV_DECLARE
  std::add_pointer_t<Status(Address, Address, size_t)> cuMemcpy = nullptr;

  [[noreturn]] static void fail(const char *what, const char *why) {
    std::fprintf(stderr, "GPU runtime: %s: %s\n", what, why);
    std::fflush(nullptr);
    std::_Exit(1); // not exit(): programs unload modules as they end, which would come here again
  }

  Driver() {
    const char *name = std::getenv("FFTCONV_CUDA_DRIVER");
    void *handle = dlopen(name ? name : "libcuda.so.1", RTLD_NOW);
    if (!handle)
      fail("no CUDA driver", dlerror());
    auto resolve = [&](auto &function, const char *symbol) {
      function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(dlsym(handle, symbol));
      if (!function)
        fail("the driver has no", symbol);
    };
#define FFTCONV_RESOLVE(name, ...) resolve(name, #name);
    FFTCONV_CUDA_FUNCTIONS(FFTCONV_RESOLVE)
#undef FFTCONV_RESOLVE
    resolve(cuMemcpy, "cuMemcpy");
    Device device;
    Context context;
    check(cuInit(0), "cuInit");
    check(cuDeviceGet(&device, 0), "cuDeviceGet");
    check(cuDevicePrimaryCtxRetain(&context, device), "cuDevicePrimaryCtxRetain");
    check(cuCtxSetCurrent(context), "cuCtxSetCurrent");
  }

  void check(Status status, const char *what) {
    if (status == 0)
      return;
    const char *name = nullptr;
    cuGetErrorName(status, &name);
    fail(what, name ? name : "an error without a name");
  }
};

Driver &driver() {
  static Driver it;
  return it;
}
} // namespace

#define CHECK(call) driver().check(driver().call, #call)

extern "C" {
Module mgpuModuleLoadJIT(void *data, int) {
  Module module = nullptr;
  CHECK(cuModuleLoadDataEx(&module, data, 0, nullptr, nullptr));
  return module;
}
Module mgpuModuleLoad(void *data, size_t) { return mgpuModuleLoadJIT(data, 0); }
void mgpuModuleUnload(Module module) {
  // Programs unload as they end, when the driver may have ended before.
  constexpr Status deinitialized = 4;
  if (Status status = driver().cuModuleUnload(module); status != deinitialized)
    driver().check(status, "cuModuleUnload");
}
Function mgpuModuleGetFunction(Module module, const char *name) {
  Function function = nullptr;
  CHECK(cuModuleGetFunction(&function, module, name));
  return function;
}
void mgpuLaunchKernel(Function function, intptr_t gridX, intptr_t gridY, intptr_t gridZ, intptr_t blockX,
                      intptr_t blockY, intptr_t blockZ, int32_t shared, Stream stream, void **params, void **extra,
                      size_t) {
  if (shared > 0)
    CHECK(cuFuncSetAttribute(function, MaxDynamicShared, shared));
  auto u = [](intptr_t n) { return static_cast<unsigned>(n); };
  CHECK(cuLaunchKernel(function, u(gridX), u(gridY), u(gridZ), u(blockX), u(blockY), u(blockZ),
                       static_cast<unsigned>(shared), stream, params, extra));
}
Stream mgpuStreamCreate() { return nullptr; }
void mgpuStreamDestroy(Stream) {}
void mgpuStreamSynchronize(Stream) { CHECK(cuCtxSynchronize()); }
void mgpuStreamWaitEvent(Stream, Event) {}
Event mgpuEventCreate() { return nullptr; }
void mgpuEventDestroy(Event) {}
void mgpuEventSynchronize(Event) { CHECK(cuCtxSynchronize()); }
void mgpuEventRecord(Event, Stream) {}
void *mgpuMemAlloc(uint64_t bytes, Stream, bool) {
  Address address = 0;
  if (bytes)
    CHECK(cuMemAlloc_v2(&address, bytes));
  return reinterpret_cast<void *>(address);
}
void mgpuMemFree(void *memory, Stream) {
  if (memory)
    CHECK(cuMemFree_v2(reinterpret_cast<Address>(memory)));
}
void mgpuMemcpy(void *to, void *from, size_t bytes, Stream) {
  if (bytes)
    CHECK(cuMemcpy(reinterpret_cast<Address>(to), reinterpret_cast<Address>(from), bytes));
}
}
