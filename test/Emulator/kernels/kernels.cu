// Kernels that the emulator's tests compile with clang, and with nvcc where there is one: PTX that we did not write.
#include "prelude.h"

// y = a x + y, a tail of threads without work.
KERNEL saxpy(float *y, const float *x, float a, int n) {
  int i = BID * BLOCK + TID;
  if (i < n)
    y[i] = a * x[i] + y[i];
}

// Sum of a block: shuffles inside warps, shared memory between them.
KERNEL reduceSum(int *out, const int *in, int n) {
  __shared__ int partial[32];
  int sum = 0;
  for (int i = BID * BLOCK + TID; i < n; i += BLOCK * GRID)
    sum += in[i];
  for (int delta = 16; delta > 0; delta /= 2)
    sum += shuffleDown(sum, delta);
  if (LANE == 0)
    partial[WARP] = sum;
  sync();
  if (WARP == 0) {
    sum = LANE < BLOCK / 32 ? partial[LANE] : 0;
    for (int delta = 16; delta > 0; delta /= 2)
      sum += shuffleDown(sum, delta);
    if (LANE == 0)
      out[BID] = sum;
  }
}

// Counts of bytes, in shared memory and then in global memory.
KERNEL histogram(u32 *counts, const unsigned char *in, int n) {
  __shared__ u32 local[256];
  for (int i = TID; i < 256; i += BLOCK)
    local[i] = 0;
  sync();
  for (int i = BID * BLOCK + TID; i < n; i += BLOCK * GRID)
    asm volatile("red.shared.add.u32 [%0], 1;" ::"r"(sharedAddress(&local[in[i]])) : "memory");
  sync();
  for (int i = TID; i < 256; i += BLOCK)
    asm volatile("red.global.add.u32 [%0], %1;" ::"l"(counts + i), "r"(local[i]) : "memory");
}

// Radix-2 Stockham FFT of 256 points in shared memory, one signal for each block of 64 threads; twiddles from constant memory.
__constant__ float twiddles[256];
KERNEL stockhamFft(float *out, const float *in) {
  __shared__ float re[2][256], im[2][256];
  for (int i = TID; i < 256; i += 64) {
    re[0][i] = in[2 * (BID * 256 + i)];
    im[0][i] = in[2 * (BID * 256 + i) + 1];
  }
  sync();
  int from = 0;
  for (int l = 1, m = 128; m >= 1; l *= 2, m /= 2) {
    for (int b = TID; b < 128; b += 64) {
      int j = b / m, k = b % m;
      float wr = twiddles[2 * j * m], wi = twiddles[2 * j * m + 1];
      float cr = re[from][k + 2 * j * m + m], ci = im[from][k + 2 * j * m + m];
      float dr = wr * cr - wi * ci, di = wr * ci + wi * cr;
      float ar = re[from][k + 2 * j * m], ai = im[from][k + 2 * j * m];
      re[from ^ 1][k + j * m] = ar + dr;
      im[from ^ 1][k + j * m] = ai + di;
      re[from ^ 1][k + j * m + 128] = ar - dr;
      im[from ^ 1][k + j * m + 128] = ai - di;
    }
    sync();
    from ^= 1;
  }
  for (int i = TID; i < 256; i += 64) {
    out[2 * (BID * 256 + i)] = re[from][i];
    out[2 * (BID * 256 + i) + 1] = im[from][i];
  }
}

// Divergent loops of different length around a call, a switch, and a local array indexed at run time.
__device__ __attribute__((noinline)) int collatz(int n) {
  int steps = 0;
  while (n != 1) {
    n = n % 2 ? 3 * n + 1 : n / 2;
    ++steps;
  }
  return steps;
}
KERNEL diverge(int *out, const int *in, int n) {
  int i = BID * BLOCK + TID;
  if (i >= n)
    return;
  int value = in[i], history[8];
  for (int j = 0; j < 8; ++j)
    history[j] = value >> j;
  int steps = collatz(value);
  switch (steps % 5) {
  case 0:
    steps = steps * 7;
    break;
  case 1:
    steps = steps - 100;
    break;
  case 2:
    steps ^= 0x55;
    break;
  case 3:
    steps = history[value & 7];
    break;
  default:
    break;
  }
  out[i] = steps;
}

// C = A B in f16 with f32 sums: tiles of 64 x 64 x 32, two stages of cp.async, ldmatrix, mma; four warps of 32 x 32. M, N, K multiples of 64, 64, 32.
KERNEL matmul(float *c, const half *a, const half *b, int M, int N, int K) {
  __shared__ __attribute__((aligned(128))) half as[2][64][40], bs[2][32][72];
  int tiles = N / 64, row = BID / tiles * 64, column = BID % tiles * 64;
  auto copy = [&](int stage, int k) {
    for (int i = TID; i < 256; i += 128) {
      copyAsync16(&as[stage][i / 4][i % 4 * 8], a + (long)(row + i / 4) * K + k + i % 4 * 8);
      copyAsync16(&bs[stage][i / 8][i % 8 * 8], b + (long)(k + i / 8) * N + column + i % 8 * 8);
    }
    commitCopies();
  };
  int warpRow = WARP / 2 * 32, warpColumn = WARP % 2 * 32;
  float sum[2][4][4] = {};
  copy(0, 0);
  for (int k = 0, stage = 0; k < K; k += 32, stage ^= 1) {
    if (k + 32 < K) {
      copy(stage ^ 1, k + 32);
      waitCopies<1>();
    } else {
      waitCopies<0>();
    }
    sync();
    for (int kk = 0; kk < 32; kk += 16) {
      u32 fa[2][4], fb[2][4];
      for (int i = 0; i < 2; ++i) {
        loadMatrix4(fa[i], &as[stage][warpRow + i * 16 + LANE % 16][kk + LANE / 16 * 8]);
        loadMatrix4Transposed(fb[i], &bs[stage][kk + LANE % 16][warpColumn + i * 16 + LANE / 16 * 8]);
      }
      for (int i = 0; i < 2; ++i)
        for (int n = 0; n < 4; ++n)
          mma16816(sum[i][n], fa[i], fb[n / 2] + n % 2 * 2);
    }
    sync();
  }
  for (int i = 0; i < 2; ++i)
    for (int n = 0; n < 4; ++n)
      for (int e = 0; e < 4; ++e)
        c[(long)(row + warpRow + i * 16 + LANE / 4 + e / 2 * 8) * N + column + warpColumn + n * 8 + LANE % 4 * 2 + e % 2] =
            sum[i][n][e];
}

// The same product of 16 x 16 tiles by wmma: one warp each.
KERNEL wmmaMatmul(float *c, const half *a, const half *b, int N, int K) {
  int tiles = N / 16, row = BID / tiles * 16, column = BID % tiles * 16;
  float d[8] = {};
  for (int k = 0; k < K; k += 16) {
    u32 fa[8], fb[8];
    asm volatile("wmma.load.a.sync.aligned.row.m16n16k16.global.f16 {%0,%1,%2,%3,%4,%5,%6,%7}, [%8], %9;"
                 : "=r"(fa[0]), "=r"(fa[1]), "=r"(fa[2]), "=r"(fa[3]), "=r"(fa[4]), "=r"(fa[5]), "=r"(fa[6]), "=r"(fa[7])
                 : "l"(a + (long)row * K + k), "r"(K));
    asm volatile("wmma.load.b.sync.aligned.row.m16n16k16.global.f16 {%0,%1,%2,%3,%4,%5,%6,%7}, [%8], %9;"
                 : "=r"(fb[0]), "=r"(fb[1]), "=r"(fb[2]), "=r"(fb[3]), "=r"(fb[4]), "=r"(fb[5]), "=r"(fb[6]), "=r"(fb[7])
                 : "l"(b + (long)k * N + column), "r"(N));
    asm volatile("wmma.mma.sync.aligned.row.row.m16n16k16.f32.f32 {%0,%1,%2,%3,%4,%5,%6,%7}, "
                 "{%8,%9,%10,%11,%12,%13,%14,%15}, {%16,%17,%18,%19,%20,%21,%22,%23}, {%0,%1,%2,%3,%4,%5,%6,%7};"
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7])
                 : "r"(fa[0]), "r"(fa[1]), "r"(fa[2]), "r"(fa[3]), "r"(fa[4]), "r"(fa[5]), "r"(fa[6]), "r"(fa[7]), "r"(fb[0]),
                   "r"(fb[1]), "r"(fb[2]), "r"(fb[3]), "r"(fb[4]), "r"(fb[5]), "r"(fb[6]), "r"(fb[7]));
  }
  asm volatile("wmma.store.d.sync.aligned.row.m16n16k16.global.f32 [%0], {%1,%2,%3,%4,%5,%6,%7,%8}, %9;" ::"l"(
                   c + (long)row * N + column),
               "f"(d[0]), "f"(d[1]), "f"(d[2]), "f"(d[3]), "f"(d[4]), "f"(d[5]), "f"(d[6]), "f"(d[7]), "r"(N)
               : "memory");
}

// Transpose through shared memory; PAD says whether columns are conflict-free.
template <int PAD>
__device__ inline void transpose(float *out, const float *in, int n) {
  __shared__ float tile[32][32 + PAD];
  int tiles = n / 32, bx = BID % tiles * 32, by = BID / tiles * 32;
  for (int r = WARP; r < 32; r += BLOCK / 32)
    tile[r][LANE] = in[(by + r) * n + bx + LANE];
  sync();
  for (int r = WARP; r < 32; r += BLOCK / 32)
    out[(bx + r) * n + by + LANE] = tile[LANE][r];
}
KERNEL transposePadded(float *out, const float *in, int n) { transpose<1>(out, in, n); }
KERNEL transposeConflicting(float *out, const float *in, int n) { transpose<0>(out, in, n); }

// The last block to finish adds up what all have left behind: a fence, an atomic counter, a fence.
KERNEL lastBlockSum(float *total, float *partial, u32 *counter, const float *in, int n) {
  __shared__ float sums[32];
  __shared__ bool last;
  float sum = 0;
  for (int i = BID * BLOCK + TID; i < n; i += BLOCK * GRID)
    sum += in[i];
  for (int mask = 16; mask > 0; mask /= 2)
    sum += shuffleXor(sum, mask);
  if (LANE == 0)
    sums[WARP] = sum;
  sync();
  if (TID == 0) {
    sum = 0;
    for (int i = 0; i < BLOCK / 32; ++i)
      sum += sums[i];
    partial[BID] = sum;
    asm volatile("fence.acq_rel.gpu;" ::: "memory");
    u32 before;
    asm volatile("atom.global.add.u32 %0, [%1], 1;" : "=r"(before) : "l"(counter) : "memory");
    asm volatile("fence.acq_rel.gpu;" ::: "memory");
    last = before == (u32)GRID - 1;
    if (last) {
      sum = 0;
      for (int i = 0; i < GRID; ++i)
        sum += partial[i];
      *total = sum;
    }
  }
}

// A causal convolution of 256 points, one sequence a warp, chained through registers: four Monarch stages of radix 16 and the product with
// the spectrum without shared memory, shuffles or barriers. A stage contracts the columns of a tile: `right` in place, `left` with the
// tile's other digit becoming the columns. `matrices`: W1, W2, V2, V1 as planes of f16; `tables`: twiddles, then the spectrum, as planes of f32.
struct Tile {
  float re[2][4], im[2][4]; // fragments of two halves of the columns, as mma gives them
};
__device__ inline int rowOf(int i) { return LANE / 4 + i / 2 * 8; }
__device__ inline int columnOf(int half, int i) { return LANE % 4 * 2 + half * 8 + i % 2; }
__device__ inline u32 pairAt(const half *m, int row, int column) { return *(const u32 *)(m + row * 16 + column); }
__device__ inline void loadA(u32 *a, const half *m) {
  for (int i = 0; i < 4; ++i)
    a[i] = pairAt(m, LANE / 4 + i % 2 * 8, LANE % 4 * 2 + i / 2 * 8);
}
__device__ inline void negate(u32 *a, int count) {
  for (int i = 0; i < count; ++i)
    a[i] ^= 0x80008000;
}
// Multiplies by table[row][column] (or [column][row]), a plane of real parts and, `plane` values later, one of imaginary parts.
__device__ inline void rotate(Tile &x, const float *table, int plane, bool conjugate, bool swapped) {
  for (int h = 0; h < 2; ++h)
    for (int i = 0; i < 4; ++i) {
      int at = swapped ? columnOf(h, i) * 16 + rowOf(i) : rowOf(i) * 16 + columnOf(h, i);
      float wr = table[at], wi = conjugate ? -table[plane + at] : table[plane + at], re = x.re[h][i], im = x.im[h][i];
      x.re[h][i] = re * wr - im * wi;
      x.im[h][i] = re * wi + im * wr;
    }
}
// The tile as the second operand: its columns are contracted, its rows become columns (`half` of them).
__device__ inline void asB(u32 *b, const float (*plane)[4], int half) {
  b[0] = packHalves(plane[0][2 * half], plane[0][2 * half + 1]);
  b[1] = packHalves(plane[1][2 * half], plane[1][2 * half + 1]);
}
// d += w b, complex, on one half of the columns; w as planes of f16.
__device__ inline void multiplyLeft(Tile &d, const half *w, u32 *br, u32 *bi, int h) {
  u32 a[4];
  loadA(a, w);
  mma16816(d.re[h], a, br);
  mma16816(d.im[h], a, bi);
  loadA(a, w + 256);
  mma16816(d.im[h], a, br);
  negate(a, 4);
  mma16816(d.re[h], a, bi);
}
// Contracts columns with w[new][column]; what was on rows goes to columns.
__device__ inline Tile left(const Tile &x, const half *w) {
  Tile d = {};
  for (int h = 0; h < 2; ++h) {
    u32 br[2], bi[2];
    asB(br, x.re, h);
    asB(bi, x.im, h);
    multiplyLeft(d, w, br, bi, h);
  }
  return d;
}
// Contracts columns with w[new][column], in place.
__device__ inline Tile right(const Tile &x, const half *w) {
  Tile d = {};
  u32 re[4], im[4], b[2];
  for (int i = 0; i < 4; ++i) {
    re[i] = packHalves(x.re[i / 2][i % 2 * 2], x.re[i / 2][i % 2 * 2 + 1]);
    im[i] = packHalves(x.im[i / 2][i % 2 * 2], x.im[i / 2][i % 2 * 2 + 1]);
  }
  for (int h = 0; h < 2; ++h)
    for (int plane = 0; plane < 2; ++plane) {
      for (int i = 0; i < 2; ++i)
        b[i] = pairAt(w + plane * 256, LANE / 4 + h * 8, LANE % 4 * 2 + i * 8);
      mma16816(plane ? d.im[h] : d.re[h], re, b);
      if (plane)
        negate(b, 2);
      mma16816(plane ? d.re[h] : d.im[h], im, b);
    }
  return d;
}
KERNEL chainedConvolution(half *y, const half *u, const half *matrices, const float *tables, int sequences) {
  int sequence = BID * (BLOCK / 32) + WARP;
  if (sequence >= sequences)
    return;
  u += sequence * 256;
  y += sequence * 256;
  Tile x = {}, z = {};
  u32 a[4], b[2];
  // n1: W1[k1][n1] u[n1][n2].
  for (int h = 0; h < 2; ++h) {
    for (int i = 0; i < 2; ++i) {
      const unsigned short *raw = (const unsigned short *)u + (LANE % 4 * 2 + i * 8) * 16 + LANE / 4 + h * 8;
      b[i] = raw[0] | (u32)raw[16] << 16;
    }
    loadA(a, matrices);
    mma16816(x.re[h], a, b);
    loadA(a, matrices + 256);
    mma16816(x.im[h], a, b);
  }
  rotate(x, tables, 256, false, false);
  z = right(x, matrices + 2 * 256);
  rotate(z, tables + 512, 256, false, false); // the spectrum
  x = left(z, matrices + 4 * 256);
  rotate(x, tables, 256, true, true);
  // k1: left, by V1[n1][k1]; the real part.
  z = {};
  for (int h = 0; h < 2; ++h) {
    asB(b, x.re, h);
    loadA(a, matrices + 6 * 256);
    mma16816(z.re[h], a, b);
    asB(b, x.im, h);
    loadA(a, matrices + 7 * 256);
    negate(a, 4);
    mma16816(z.re[h], a, b);
    for (int i = 0; i < 4; i += 2)
      *(u32 *)(y + rowOf(i) * 16 + columnOf(h, i)) = packHalves(z.re[h][i], z.re[h][i + 1]);
  }
}

// The same for 4096 = 16 x 16 x 16 points, one sequence a block of 512 threads: the outer digit through shared memory, the inner two
// chained through registers. `matrices`: W1, W (inner digits), V (their inverse), V1; `tables`: twiddles [k1][n3] (2 x 256), twiddles
// [k1][k3][n4] (2 x 4096), the spectrum [k1][k3][k4] (2 x 4096).
KERNEL fusedConvolution(half *y, const half *u, const half *matrices, const float *tables, int sequences) {
  // Pairs of halves; rows of 256 padded by 8 against bank conflicts.
  __shared__ __attribute__((aligned(128))) u32 s[2][16][132];
  const float *outer = tables, *inner = tables + 512, *spectrum = inner + 8192;
  for (int sequence = BID; sequence < sequences; sequence += GRID) {
    // Input to the plane of real parts, which the first stage replaces.
    for (int i = TID; i < 512; i += BLOCK)
      copyAsync16(&s[0][i / 32][i % 32 * 4], u + sequence * 4096 + i * 8);
    commitCopies();
    waitCopies<0>();
    sync();
    // n1, left: sixteen columns a warp.
    Tile x = {};
    u32 a[4], b[4], c[4];
    loadMatrix4Transposed(b, &s[0][LANE % 16][WARP * 8 + LANE / 16 * 4]);
    for (int h = 0; h < 2; ++h) {
      loadA(a, matrices);
      mma16816(x.re[h], a, b + 2 * h);
      loadA(a, matrices + 256);
      mma16816(x.im[h], a, b + 2 * h);
    }
    sync();
    for (int h = 0; h < 2; ++h)
      for (int i = 0; i < 4; i += 2) {
        float wr = outer[rowOf(i) * 16 + WARP], wi = outer[256 + rowOf(i) * 16 + WARP];
        float *re = x.re[h] + i, *im = x.im[h] + i;
        int column = WARP * 16 + columnOf(h, i);
        s[0][rowOf(i)][column / 2] = packHalves(re[0] * wr - im[0] * wi, re[1] * wr - im[1] * wi);
        s[1][rowOf(i)][column / 2] = packHalves(re[0] * wi + im[0] * wr, re[1] * wi + im[1] * wr);
      }
    sync();
    // One k1 a warp: left, right, spectrum, left, left.
    x = {};
    loadMatrix4Transposed(b, &s[0][WARP][LANE % 16 * 8 + LANE / 16 * 4]);
    loadMatrix4Transposed(c, &s[1][WARP][LANE % 16 * 8 + LANE / 16 * 4]);
    for (int h = 0; h < 2; ++h)
      multiplyLeft(x, matrices + 2 * 256, b + 2 * h, c + 2 * h, h);
    rotate(x, inner + WARP * 256, 4096, false, false);
    x = right(x, matrices + 2 * 256);
    rotate(x, spectrum + WARP * 256, 4096, false, false);
    x = left(x, matrices + 4 * 256);
    rotate(x, inner + WARP * 256, 4096, true, true);
    x = left(x, matrices + 4 * 256);
    syncWarp();
    for (int h = 0; h < 2; ++h)
      for (int i = 0; i < 4; i += 2) {
        float wr = outer[WARP * 16 + rowOf(i)], wi = -outer[256 + WARP * 16 + rowOf(i)];
        float *re = x.re[h] + i, *im = x.im[h] + i;
        int at = rowOf(i) * 16 + columnOf(h, i);
        s[0][WARP][at / 2] = packHalves(re[0] * wr - im[0] * wi, re[1] * wr - im[1] * wi);
        s[1][WARP][at / 2] = packHalves(re[0] * wi + im[0] * wr, re[1] * wi + im[1] * wr);
      }
    sync();
    // k1, left; the real part.
    x = {};
    loadMatrix4Transposed(b, &s[0][LANE % 16][WARP * 8 + LANE / 16 * 4]);
    loadMatrix4Transposed(c, &s[1][LANE % 16][WARP * 8 + LANE / 16 * 4]);
    for (int h = 0; h < 2; ++h) {
      loadA(a, matrices + 6 * 256);
      mma16816(x.re[h], a, b + 2 * h);
      loadA(a, matrices + 7 * 256);
      negate(a, 4);
      mma16816(x.re[h], a, c + 2 * h);
      for (int i = 0; i < 4; i += 2)
        *(u32 *)(y + sequence * 4096 + rowOf(i) * 256 + WARP * 16 + columnOf(h, i)) = packHalves(x.re[h][i], x.re[h][i + 1]);
    }
    sync();
  }
}
