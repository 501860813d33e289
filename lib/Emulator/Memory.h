//===- Memory.h - From addresses of lanes to bytes --------------*- C++ -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef FFTCONV_LIB_EMULATOR_MEMORY_H
#define FFTCONV_LIB_EMULATOR_MEMORY_H

#include "Machine.h"

namespace fftconv::emulator {

/// Plain accesses race; strong ones (atomics, volatile and relaxed accesses) meet each other.
enum class AccessKind : uint8_t { Read, Write, StrongRead, StrongWrite };

/// What an access of a warp comes to: for each lane that runs, an address in its space, and where the bytes are on the host. A lane whose
/// access was refused has a place of its own to read zeros from or write to.
struct Addresses {
  std::array<uint64_t, 32> at;
  std::array<uint8_t *, 32> host;
  std::array<Space, 32> space;
};

/// The addresses of op's base and offset, `bytes` at each, checked, counted, and noted for races.
void resolve(Warp &warp, const Op &op, unsigned bytes, AccessKind kind, Addresses &result);

/// The same for one lane and an address in a known space; null where it is refused.
uint8_t *resolveLane(Warp &warp, const Op &op, unsigned lane, Space space, uint64_t address, unsigned bytes,
                     unsigned align, AccessKind kind);

/// The common case of resolve: each of `lanes` inside one piece of memory, aligned, and nobody keeping track. False, with nothing done, where
/// that is not so.
bool resolveTogether(Warp &warp, Space space, uint32_t lanes, const std::array<uint64_t, 32> &addresses, unsigned bytes,
                     AccessKind kind, std::array<uint8_t *, 32> &host);

/// The offset in shared memory that a generic address of it means; other addresses stay.
inline uint64_t sharedOffset(uint64_t address) {
  return address >= sharedWindow && address - sharedWindow < windowBytes ? address - sharedWindow : address;
}

/// op's base and offset for every lane that runs.
void computeAddresses(const Warp &warp, const Op &op, std::array<uint64_t, 32> &addresses);

/// Counts a warp's accesses of `bytes` a lane to shared memory: wavefronts of 32 banks of 4 bytes, and how many would do.
void countShared(Warp &warp, const std::array<uint64_t, 32> &offsets, uint32_t mask, unsigned bytes);
/// The same for sectors of 32 bytes of global memory.
void countGlobal(Warp &warp, const std::array<uint64_t, 32> &addresses, uint32_t mask, unsigned bytes);

/// Reports what an access to shared memory ran into.
void reportConflict(Warp &warp, unsigned lane, uint64_t offset, const SharedConflict &conflict, const char *access);

} // namespace fftconv::emulator

#endif // FFTCONV_LIB_EMULATOR_MEMORY_H
