//===- Mma.cpp - Products of small matrices -------------------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Mma.h"

#include "Numeric.h"
#include "Vectors.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

using namespace fftconv::emulator;

static void portable(const float *a, const float *b, float *d, unsigned rows, unsigned columns, unsigned depth,
                     bool exactProducts) {
  for (unsigned m = 0; m < rows; ++m)
    for (unsigned k = 0; k < depth; ++k)
      for (unsigned n = 0; n < columns; ++n) {
        float x = a[m * depth + k], y = b[k * columns + n], &sum = d[m * columns + n];
        sum = exactProducts ? sum + x * y : fusedMultiplyAdd(x, y, sum);
      }
}

/// NaN results are canonical.
static void canonicalise(float *values, unsigned count) {
  for (unsigned i = 0; i < count; ++i)
    if (values[i] != values[i])
      values[i] = std::bit_cast<float>(0x7fffffff);
}

static void general16x8x16(const uint32_t *const *a, const uint32_t *const *b, const float *const *c, float *const *d) {
  float left[16][16], right[16][8], sum[16][8];
  for (unsigned lane = 0; lane < 32; ++lane) {
    unsigned g = lane / 4, t = lane % 4;
    for (unsigned i = 0; i < 4; ++i)
      for (unsigned half = 0; half < 2; ++half) {
        left[g + 8 * (i & 1)][2 * t + 8 * (i >> 1) + half] =
            halfToFloat(static_cast<uint16_t>(a[i][lane] >> (16 * half)));
        sum[g + 8 * half][2 * t + (i & 1)] = c[2 * half + (i & 1)][lane];
      }
    for (unsigned i = 0; i < 2; ++i)
      for (unsigned half = 0; half < 2; ++half)
        right[2 * t + 8 * i + half][g] = halfToFloat(static_cast<uint16_t>(b[i][lane] >> (16 * half)));
  }
  portable(&left[0][0], &right[0][0], &sum[0][0], 16, 8, 16, /*exactProducts=*/true);
  canonicalise(&sum[0][0], 128);
  for (unsigned lane = 0; lane < 32; ++lane)
    for (unsigned i = 0; i < 4; ++i)
      d[i][lane] = sum[lane / 4 + 8 * (i >> 1)][2 * (lane % 4) + (i & 1)];
}

#if defined(__x86_64__)
#define FFTCONV_AVX2 __attribute__((target("avx2,fma,f16c")))

FFTCONV_AVX2 static void vectorised(const float *a, const float *b, float *d, unsigned rows, unsigned columns,
                                    unsigned depth) {
  for (unsigned m = 0; m < rows; ++m)
    for (unsigned n = 0; n < columns; n += 8) {
      __m256 sum = _mm256_loadu_ps(d + m * columns + n);
      for (unsigned k = 0; k < depth; ++k)
        sum = _mm256_fmadd_ps(_mm256_broadcast_ss(a + m * depth + k), _mm256_loadu_ps(b + k * columns + n), sum);
      _mm256_storeu_ps(d + m * columns + n, sum);
    }
}

FFTCONV_AVX2 static void transpose8(__m256 *r) {
  __m256 t[8], u[8];
  for (unsigned i = 0; i < 8; i += 2) {
    t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
    t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
  }
  for (unsigned i = 0; i < 8; i += 4) {
    u[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
    u[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xee);
    u[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
    u[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xee);
  }
  for (unsigned i = 0; i < 4; ++i) {
    r[i] = _mm256_permute2f128_ps(u[i], u[i + 4], 0x20);
    r[i + 4] = _mm256_permute2f128_ps(u[i], u[i + 4], 0x31);
  }
}

FFTCONV_AVX2 static inline __m256 widen(const uint32_t *lanes) {
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i *>(lanes)));
}

/// Lanes 4g to 4g+3 of a fragment register hold eight neighbours of row g of A, or of column g of B.
FFTCONV_AVX2 static void vector16x8x16(const uint32_t *const *a, const uint32_t *const *b, const float *const *c,
                                       float *const *d) {
  __m256 right[16];
  for (unsigned i = 0; i < 2; ++i) {
    for (unsigned g = 0; g < 8; ++g)
      right[8 * i + g] = widen(b[i] + 4 * g);
    transpose8(right + 8 * i);
  }
  constexpr unsigned rows = 4; // at a time, so that a row of B is loaded once for all of them
  const __m256i toPairs = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7),
                fromPairs = _mm256_setr_epi32(0, 2, 4, 6, 1, 3, 5, 7);
  for (unsigned i = 0; i < 2; ++i)
    for (unsigned g = 0; g < 8; g += rows) {
      alignas(32) float left[rows][16];
      __m256 sum[rows];
      for (unsigned j = 0; j < rows; ++j) {
        _mm256_store_ps(left[j], widen(a[i] + 4 * (g + j)));
        _mm256_store_ps(left[j] + 8, widen(a[i + 2] + 4 * (g + j)));
        __m256 both = _mm256_set_m128(_mm_loadu_ps(c[2 * i + 1] + 4 * (g + j)), _mm_loadu_ps(c[2 * i] + 4 * (g + j)));
        sum[j] = _mm256_permutevar8x32_ps(both, toPairs);
      }
#pragma GCC unroll 16
      for (unsigned k = 0; k < 16; ++k)
#pragma GCC unroll 4
        for (unsigned j = 0; j < rows; ++j)
          sum[j] = _mm256_fmadd_ps(_mm256_broadcast_ss(&left[j][k]), right[k], sum[j]);
      for (unsigned j = 0; j < rows; ++j) {
        __m256 nan = _mm256_cmp_ps(sum[j], sum[j], _CMP_UNORD_Q);
        sum[j] = _mm256_blendv_ps(sum[j], _mm256_castsi256_ps(_mm256_set1_epi32(0x7fffffff)), nan);
        __m256 parted = _mm256_permutevar8x32_ps(sum[j], fromPairs);
        _mm_storeu_ps(d[2 * i] + 4 * (g + j), _mm256_castps256_ps128(parted));
        _mm_storeu_ps(d[2 * i + 1] + 4 * (g + j), _mm256_extractf128_ps(parted, 1));
      }
    }
}

#endif

void fftconv::emulator::multiplyAccumulate(const float *a, const float *b, float *d, unsigned rows, unsigned columns,
                                           unsigned depth, bool exactProducts) {
#if defined(__x86_64__)
  if (hasVectors())
    vectorised(a, b, d, rows, columns, depth);
  else
#endif
    portable(a, b, d, rows, columns, depth, exactProducts);
  canonicalise(d, rows * columns);
}

void fftconv::emulator::mmaHalf16x8x16(const uint32_t *const *a, const uint32_t *const *b, const float *const *c,
                                       float *const *d) {
#if defined(__x86_64__)
  if (hasVectors())
    return vector16x8x16(a, b, c, d);
#endif
  general16x8x16(a, b, c, d);
}
