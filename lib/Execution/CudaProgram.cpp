//===- CudaProgram.cpp - A manifest run on a GPU --------------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Cuda.h"

#include "fftconv/Execution/Executors.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/FormatVariadic.h"

#include <algorithm>
#include <dlfcn.h>

using namespace llvm;
using namespace fftconv;
using namespace fftconv::cuda;

/// The driver, opened; functions by their names.
struct CudaProgram::Driver {
#define FFTCONV_DECLARE(name, ...) std::add_pointer_t<__VA_ARGS__> name = nullptr;
  FFTCONV_CUDA_FUNCTIONS(FFTCONV_DECLARE)
#undef FFTCONV_DECLARE
  cuda::Device device = 0;
  std::string deviceName;
  int major = 0, minor = 0, sharedLimit = 0;

  static Expected<std::unique_ptr<Driver>> open(StringRef library) {
    // Stays open: a driver does not like to be unloaded.
    void *handle = dlopen(library.str().c_str(), RTLD_NOW);
    if (!handle)
      return createStringError(Twine("no CUDA driver: ") + dlerror());
    auto driver = std::make_unique<Driver>();
#define FFTCONV_RESOLVE(name, ...)                                                                                     \
  driver->name = reinterpret_cast<std::add_pointer_t<__VA_ARGS__>>(dlsym(handle, #name));                              \
  if (!driver->name)                                                                                                   \
    return createStringError(library + " has no " #name);
    FFTCONV_CUDA_FUNCTIONS(FFTCONV_RESOLVE)
#undef FFTCONV_RESOLVE
    if (Error error = driver->initialize())
      return error;
    return driver;
  }

  Error initialize() {
    if (Error error = check(cuInit(0), "cuInit"))
      return error;
    if (Error error = check(cuDeviceGet(&device, 0), "cuDeviceGet"))
      return error;
    char name[256] = "";
    if (Error error = check(cuDeviceGetName(name, sizeof(name), device), "cuDeviceGetName"))
      return error;
    deviceName = name;
    for (auto [attribute, value] :
         {std::pair(CapabilityMajor, &major), {CapabilityMinor, &minor}, {SharedOptIn, &sharedLimit}})
      if (Error error = check(cuDeviceGetAttribute(value, attribute, device), "cuDeviceGetAttribute"))
        return error;
    Context context;
    if (Error error = check(cuDevicePrimaryCtxRetain(&context, device), "cuDevicePrimaryCtxRetain"))
      return error;
    return check(cuCtxSetCurrent(context), "cuCtxSetCurrent");
  }

  /// An error with the driver's own name for a status.
  Error check(Status status, const Twine &what) {
    if (status == 0)
      return Error::success();
    const char *name = nullptr, *text = nullptr;
    cuGetErrorName(status, &name);
    cuGetErrorString(status, &text);
    return createStringError(what + ": " + (name ? name : "status " + std::to_string(status)) +
                             (text ? Twine(", ") + text : Twine()));
  }
};

CudaProgram::CudaProgram(Manifest manifest, std::unique_ptr<Driver> driver)
    : ManifestProgram(std::move(manifest)), driver(std::move(driver)) {}
CudaProgram::CudaProgram(CudaProgram &&) = default;
CudaProgram::~CudaProgram() {
  if (driver && module) {
    driver->cuModuleUnload(module);
    driver->cuDevicePrimaryCtxRelease_v2(driver->device);
  }
}

Expected<std::string> CudaProgram::findChip(StringRef library) {
  Expected<std::unique_ptr<Driver>> driver = Driver::open(library);
  if (!driver)
    return driver.takeError();
  return formatv("sm_{0}{1}", (*driver)->major, (*driver)->minor).str();
}

StringRef CudaProgram::device() const { return driver->deviceName; }

Expected<CudaProgram> CudaProgram::load(Manifest manifest, StringRef code, StringRef library) {
  Expected<std::unique_ptr<Driver>> opened = Driver::open(library);
  if (!opened)
    return opened.takeError();
  CudaProgram program(std::move(manifest), std::move(*opened));
  Driver &d = *program.driver;
  // PTX has to end with a zero.
  std::string image = code.str();
  std::string log(8192, '\0');
  int options[] = {ErrorLogBuffer, ErrorLogBufferBytes};
  void *values[] = {log.data(), reinterpret_cast<void *>(log.size())};
  if (Error error = d.check(d.cuModuleLoadDataEx(&program.module, image.c_str(), 2, options, values),
                            "loading the code for " + program.manifest().chip))
    return joinErrors(std::move(error), createStringError(log.c_str()));
  for (const auto *part : {&program.manifest().prepare, &program.manifest().run})
    for (const ManifestLaunch &launch : *part) {
      if (launch.sharedBytes > d.sharedLimit)
        return createStringError(formatv("{0} needs {1} bytes of shared memory, a CTA on {2} has {3}", launch.kernel,
                                         launch.sharedBytes, d.deviceName, d.sharedLimit)
                                     .str());
      Function &function = program.functions[launch.kernel];
      if (Error error = d.check(d.cuModuleGetFunction(&function, program.module, launch.kernel.c_str()), launch.kernel))
        return error;
      if (Error error = d.check(d.cuFuncSetAttribute(function, MaxDynamicShared, static_cast<int>(launch.sharedBytes)),
                                launch.kernel + ": dynamic shared memory"))
        return error;
    }
  return program;
}

Expected<CudaTimes> CudaProgram::run(MutableArrayRef<Tensor> inputs, MutableArrayRef<Tensor> results, int64_t repeat,
                                     std::optional<std::array<int64_t, 2>> inside) {
  Expected<Binding> binding = bind(inputs, results, inside);
  if (!binding)
    return binding.takeError();
  Driver &d = *driver;
  std::vector<Address> addresses;
  std::array<Event, 2> events{};
  scope_exit cleanUp([&] {
    for (Address address : addresses)
      d.cuMemFree_v2(address);
    for (Event event : events)
      if (event)
        d.cuEventDestroy_v2(event);
  });
  // What is no input comes over poisoned.
  for (BoundBuffer &bound : binding->buffers) {
    Address address = 0;
    if (Error error = d.check(d.cuMemAlloc_v2(&address, bound.size()), bound.buffer->name))
      return error;
    addresses.push_back(address);
    if (Error error = d.check(d.cuMemcpyHtoD_v2(address, bound.data(), bound.size()), bound.buffer->name))
      return error;
  }
  for (Event &event : events)
    if (Error error = d.check(d.cuEventCreate(&event, 0), "cuEventCreate"))
      return error;

  auto launchAll = [&](const std::vector<ManifestLaunch> &launches) -> Expected<double> {
    if (Error error = d.check(d.cuEventRecord(events[0], nullptr), "cuEventRecord"))
      return error;
    for (const ManifestLaunch &launch : launches) {
      Expected<ResolvedLaunch> resolved = resolve(launch, *binding);
      if (!resolved)
        return resolved.takeError();
      std::vector<uint64_t> values;
      for (auto [isBuffer, value] : resolved->arguments)
        values.push_back(isBuffer ? addresses[value] : static_cast<uint64_t>(value));
      std::vector<void *> pointers;
      for (uint64_t &value : values)
        pointers.push_back(&value);
      auto [gx, gy, gz] = resolved->grid;
      auto [bx, by, bz] = resolved->block;
      if (Error error =
              d.check(d.cuLaunchKernel(functions[launch.kernel], gx, gy, gz, bx, by, bz,
                                       static_cast<unsigned>(launch.sharedBytes), nullptr, pointers.data(), nullptr),
                      launch.kernel))
        return error;
    }
    if (Error error = d.check(d.cuEventRecord(events[1], nullptr), "cuEventRecord"))
      return error;
    if (Error error = d.check(d.cuCtxSynchronize(), "running " + manifest().entry))
      return error;
    float milliseconds = 0;
    if (Error error = d.check(d.cuEventElapsedTime(&milliseconds, events[0], events[1]), "cuEventElapsedTime"))
      return error;
    return milliseconds * 1e-3;
  };
  // Spectra are made once and kept for all runs.
  Expected<double> prepared = launchAll(manifest().prepare);
  if (!prepared)
    return prepared.takeError();
  std::vector<double> seconds;
  for (int64_t i = 0; i < repeat; ++i) {
    Expected<double> time = launchAll(manifest().run);
    if (!time)
      return time.takeError();
    seconds.push_back(*time);
  }
  for (auto [bound, address] : zip_equal(binding->buffers, addresses))
    if (bound.buffer->role == "output")
      if (Error error = d.check(d.cuMemcpyDtoH_v2(bound.data(), address, bound.size()), bound.buffer->name))
        return error;
  if (Error error = finish(*binding))
    return error;
  std::nth_element(seconds.begin(), seconds.begin() + repeat / 2, seconds.end());
  return CudaTimes{*prepared, seconds[repeat / 2]};
}
