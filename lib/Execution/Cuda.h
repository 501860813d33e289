//===- Cuda.h - The CUDA driver, found at run time --------------*- C++ -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The few entry points of the driver API that a launcher needs, by the names and numbers that its ABI has; no header of CUDA is needed to build
// this. The library itself is opened when it is first needed, and may be any that has these functions: lib/CudaOnEmulator is one.
//
//===----------------------------------------------------------------------===//

#ifndef FFTCONV_LIB_EXECUTION_CUDA_H
#define FFTCONV_LIB_EXECUTION_CUDA_H

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace fftconv::cuda {

using Status = int;
using Device = int;
using Address = uint64_t;
using Context = void *;
using Module = void *;
using Function = void *;
using Event = void *;
using Stream = void *;

// cuda.h: CUdevice_attribute, CUfunction_attribute, CUjit_option.
enum DeviceAttribute { CapabilityMajor = 75, CapabilityMinor = 76, SharedOptIn = 97 };
enum FunctionAttribute { MaxDynamicShared = 8 };
enum JitOption { ErrorLogBuffer = 5, ErrorLogBufferBytes = 6 };

/// Name of a function in the library, and its type.
#define FFTCONV_CUDA_FUNCTIONS(X)                                                                                      \
  X(cuInit, Status(unsigned))                                                                                          \
  X(cuGetErrorName, Status(Status, const char **))                                                                     \
  X(cuGetErrorString, Status(Status, const char **))                                                                   \
  X(cuDriverGetVersion, Status(int *))                                                                                 \
  X(cuDeviceGet, Status(Device *, int))                                                                                \
  X(cuDeviceGetName, Status(char *, int, Device))                                                                      \
  X(cuDeviceGetAttribute, Status(int *, int, Device))                                                                  \
  X(cuDevicePrimaryCtxRetain, Status(Context *, Device))                                                               \
  X(cuDevicePrimaryCtxRelease_v2, Status(Device))                                                                      \
  X(cuCtxSetCurrent, Status(Context))                                                                                  \
  X(cuCtxSynchronize, Status())                                                                                        \
  X(cuMemAlloc_v2, Status(Address *, size_t))                                                                          \
  X(cuMemFree_v2, Status(Address))                                                                                     \
  X(cuMemcpyHtoD_v2, Status(Address, const void *, size_t))                                                            \
  X(cuMemcpyDtoH_v2, Status(void *, Address, size_t))                                                                  \
  X(cuModuleLoadDataEx, Status(Module *, const void *, unsigned, int *, void **))                                      \
  X(cuModuleUnload, Status(Module))                                                                                    \
  X(cuModuleGetFunction, Status(Function *, Module, const char *))                                                     \
  X(cuFuncSetAttribute, Status(Function, int, int))                                                                    \
  X(cuLaunchKernel,                                                                                                    \
    Status(Function, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, Stream, void **, void **))  \
  X(cuEventCreate, Status(Event *, unsigned))                                                                          \
  X(cuEventRecord, Status(Event, Stream))                                                                              \
  X(cuEventElapsedTime, Status(float *, Event, Event))                                                                 \
  X(cuEventDestroy_v2, Status(Event))

} // namespace fftconv::cuda

#endif // FFTCONV_LIB_EXECUTION_CUDA_H
