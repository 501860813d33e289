//===- Mma.h - Products of small matrices -----------------------*- C++ -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// D = A B + C in f32, one fused multiply-add after another in the order of k. Hardware sums in another order and truncates, so
// results agree within the error of the types, not bit for bit.
//
//===----------------------------------------------------------------------===//

#ifndef FFTCONV_LIB_EMULATOR_MMA_H
#define FFTCONV_LIB_EMULATOR_MMA_H

#include <cstdint>

namespace fftconv::emulator {

/// d[rows][columns] += a[rows][depth] * b[depth][columns]; all row-major and dense, columns 8 or 16. `exactProducts` says that products
/// fit f32 (f16 operands), where the portable form may multiply and add apart.
void multiplyAccumulate(const float *a, const float *b, float *d, unsigned rows, unsigned columns, unsigned depth,
                        bool exactProducts);

/// mma.m16n8k16 of f16 with f32 sums, on fragments as warps hold them: a[4][32], b[2][32] pairs, c[4][32] and d[4][32] f32.
/// Falls back to the general form where the host lacks AVX2, with the same bits.
void mmaHalf16x8x16(const uint32_t *const *a, const uint32_t *const *b, const float *const *c, float *const *d);

} // namespace fftconv::emulator

#endif // FFTCONV_LIB_EMULATOR_MMA_H
