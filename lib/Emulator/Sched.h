//===- Sched.h - Which lanes and warps run next -----------------*- C++ -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef FFTCONV_LIB_EMULATOR_SCHED_H
#define FFTCONV_LIB_EMULATOR_SCHED_H

#include "Machine.h"

namespace fftconv::emulator {

/// The most instructions of a loop that does nothing but try a barrier.
inline constexpr uint64_t spinLength = 64;

/// Runs a warp until it waits, ends, yields or its quantum is spent.
void runWarp(Warp &warp);

/// A warp arrives at a CTA barrier, and waits there or not. `count` is the threads expected, 0 for all of the CTA.
void arriveAtBarrier(Warp &warp, uint32_t id, uint32_t count, bool waits);

/// Lets barriers go on that need not wait for lanes that have exited.
void releaseBarriers(Cta &cta);

} // namespace fftconv::emulator

#endif // FFTCONV_LIB_EMULATOR_SCHED_H
