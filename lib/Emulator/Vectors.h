//===- Vectors.h - Whether the host's vector instructions are used -*- C++ -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Some handlers have a form for AVX2, FMA and F16C beside the portable one. Both give the same bits.
//
//===----------------------------------------------------------------------===//

#ifndef FFTCONV_LIB_EMULATOR_VECTORS_H
#define FFTCONV_LIB_EMULATOR_VECTORS_H

#include <atomic>

namespace fftconv::emulator {

inline std::atomic<bool> vectorsAllowed{true};

inline bool hasVectors() {
#if defined(__x86_64__)
  static const bool has =
      __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
  return has && vectorsAllowed.load(std::memory_order_relaxed);
#else
  return false;
#endif
}

} // namespace fftconv::emulator

#endif // FFTCONV_LIB_EMULATOR_VECTORS_H
