//===- instructions.cu - What instructions cost a scheduler ---------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Clocks that a scheduler of a multiprocessor spends on one instruction, by the number of its warps: the figures of the cost model that no data sheet has. On a machine with a GPU of
// capability 9.0:
//
//   nvcc -O3 -gencode=arch=compute_90a,code=sm_90a instructions.cu -o instructions && ./instructions
//
// Each kernel repeats a block of 16 instructions, or of 16 mma with others between, and the four that its loop takes. For wgmma, clocks for what one mma.sync does; in the second table, for one wgmma.
//
//===----------------------------------------------------------------------===//

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cuda_runtime.h>

namespace {
constexpr int turns = 256, block = 16, shared = 65536;

#define TIMED(...)                                                                                                     \
  __syncthreads();                                                                                                     \
  long long begin = clock64();                                                                                         \
  _Pragma("unroll 1") for (int turn = 0; turn < turns; ++turn) { __VA_ARGS__ }                                         \
  __syncthreads();                                                                                                     \
  long long end = clock64();                                                                                           \
  if (threadIdx.x == 0)                                                                                                \
    *clocks = end - begin;

/// Registers that others work on, and what keeps all results from being left out.
__device__ void number(uint32_t (&x)[8]) {
  for (int i = 0; i < 8; ++i)
    x[i] = threadIdx.x + i;
}

template <int count> __device__ uint32_t mixed(const uint32_t (&words)[count]) {
  uint32_t all = 0;
  for (uint32_t word : words)
    all ^= word;
  return all;
}

template <int rows, int count> __device__ uint32_t mixed(const uint32_t (&words)[rows][count]) {
  uint32_t all = 0;
  for (auto &row : words)
    all ^= mixed(row);
  return all;
}

enum class Sums { Wide, Half };

/// Sums in f32 or f16.
__device__ void mma(uint32_t (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], Sums sums) {
  if (sums == Sums::Half)
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f16.f16.f16.f16 {%0,%1}, {%2,%3,%4,%5}, {%6,%7}, {%0,%1};"
                 : "+r"(d[0]), "+r"(d[1])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
  else
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
        : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

enum class Kind { Fma16, Add16, Logic, Fma32, Movmatrix, Shuffle };

template <Kind kind> __device__ void other(uint32_t &x, uint32_t y, uint32_t z) {
  if (kind == Kind::Fma16)
    asm volatile("fma.rn.f16x2 %0, %0, %1, %0;" : "+r"(x) : "r"(y));
  if (kind == Kind::Add16)
    asm volatile("add.f16x2 %0, %0, %1;" : "+r"(x) : "r"(y));
  if (kind == Kind::Logic)
    asm volatile("lop3.b32 %0, %0, %1, %2, 0x96;" : "+r"(x) : "r"(y), "r"(z));
  if (kind == Kind::Fma32)
    asm volatile("fma.rn.f32 %0, %0, %1, %0;" : "+r"(x) : "r"(y));
  if (kind == Kind::Movmatrix)
    asm volatile("movmatrix.sync.aligned.m8n8.trans.b16 %0, %0;" : "+r"(x));
  if (kind == Kind::Shuffle)
    asm volatile("shfl.sync.bfly.b32 %0, %0, 1, 31, -1;" : "+r"(x));
}

/// Products in `chains` chains of sums, each with `between` others of a kind behind it.
template <int chains, Sums sumsAre, int between = 0, Kind kind = Kind::Fma16>
__global__ void products(long long *clocks, uint32_t *sink) {
  uint32_t a[4], b[2], sums[chains][4] = {}, x[8];
  for (int i = 0; i < 4; ++i)
    a[i] = threadIdx.x * 77 + i;
  for (int i = 0; i < 2; ++i)
    b[i] = threadIdx.x * 33 + i;
  number(x);
  TIMED(_Pragma("unroll") for (int i = 0; i < block; ++i) {
    mma(sums[i % chains], a, b, sumsAre);
    _Pragma("unroll") for (int j = 0; j < between; ++j) other<kind>(x[(i * between + j) % 8], a[0], a[1]);
  })
  sink[threadIdx.x] = mixed(sums) ^ mixed(x);
}

template <Kind kind> __global__ void others(long long *clocks, uint32_t *sink) {
  uint32_t x[8];
  number(x);
  TIMED(_Pragma("unroll") for (int i = 0; i < block; ++i) other<kind>(x[i % 8], threadIdx.x, threadIdx.x * 3);)
  sink[threadIdx.x] = mixed(x);
}

/// A matrix in shared memory without swizzle, its 8 x 8 blocks 128 and 256 bytes apart.
__device__ uint64_t descriptor(const void *matrix) {
  auto address = static_cast<uint32_t>(__cvta_generic_to_shared(matrix));
  return (address & 0x3ffff) >> 4 | uint64_t(128 >> 4) << 16 | uint64_t(256 >> 4) << 32;
}

/// A matrix of zeros that all of a CTA multiply by.
__device__ uint64_t clearedMatrix() {
  extern __shared__ __align__(1024) uint4 memory[];
  for (int i = threadIdx.x; i < shared / 16; i += blockDim.x)
    memory[i] = uint4{0, 0, 0, 0};
  __syncthreads();
  asm volatile("fence.proxy.async;");
  return descriptor(memory);
}

/// One turn: eight wgmma with A in registers in two chains of sums, waited for; without columns eight mma.sync in four.
template <int columns> __device__ void multiply(uint32_t (&sums)[2][32], uint64_t b) {
  if (columns == 0) {
    uint32_t left[4] = {1, 2, 3, 4}, right[2] = {5, 6};
    auto &chains = reinterpret_cast<uint32_t(&)[4][4]>(sums);
#pragma unroll
    for (int i = 0; i < 8; ++i)
      mma(chains[i % 4], left, right, Sums::Half);
    return;
  }
  asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
#pragma unroll
  for (int i = 0; i < 8; ++i) {
    uint32_t *d = sums[i % 2];
    if (columns == 8)
      asm volatile("wgmma.mma_async.sync.aligned.m64n8k16.f16.f16.f16 {%0,%1}, {%2,%2,%2,%2}, %3, 1, 1, 1, 0;" : "+r"(d[0]), "+r"(d[1]) : "r"(0), "l"(b));
    if (columns == 16)
      asm volatile("wgmma.mma_async.sync.aligned.m64n16k16.f16.f16.f16 {%0,%1,%2,%3}, {%4,%4,%4,%4}, %5, 1, 1, 1, 0;"
                   : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])
                   : "r"(0), "l"(b));
    if (columns == 32)
      asm volatile("wgmma.mma_async.sync.aligned.m64n32k16.f16.f16.f16 {%0,%1,%2,%3,%4,%5,%6,%7}, {%8,%8,%8,%8}, %9, 1, 1, 1, 0;"
                   : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3]), "+r"(d[4]), "+r"(d[5]), "+r"(d[6]), "+r"(d[7])
                   : "r"(0), "l"(b));
    if (columns == 64)
      asm volatile("wgmma.mma_async.sync.aligned.m64n64k16.f16.f16.f16 {%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15}, {%16,%16,%16,%16}, %17, 1, 1, 1, 0;"
                   : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3]), "+r"(d[4]), "+r"(d[5]), "+r"(d[6]), "+r"(d[7]), "+r"(d[8]), "+r"(d[9]), "+r"(d[10]), "+r"(d[11]), "+r"(d[12]), "+r"(d[13]),
                     "+r"(d[14]), "+r"(d[15])
                   : "r"(0), "l"(b));
  }
  asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
  asm volatile("wgmma.wait_group.sync.aligned 0;" ::: "memory");
}

/// Some warpgroups multiply, and others do nothing but one kind of instruction, 128 in a turn: whether warps of a scheduler that do different things do them at once.
template <int columns, Kind kind> __global__ void beside(long long *clocks, uint32_t *sink, int multiplying) {
  uint32_t sums[2][32] = {}, x[8];
  number(x);
  uint64_t b = clearedMatrix();
  bool multiplies = threadIdx.x / 128 < multiplying;
  __syncthreads();
  long long begin = clock64();
  if (multiplies)
    _Pragma("unroll 1") for (int turn = 0; turn < turns; ++turn) multiply<columns>(sums, b);
  else
    _Pragma("unroll 1") for (int turn = 0; turn < turns; ++turn) _Pragma("unroll") for (int i = 0; i < 128; ++i) other<kind>(x[i % 8], threadIdx.x, 0);
  long long end = clock64();
  if (threadIdx.x == 0)
    clocks[0] = end - begin;
  if (threadIdx.x == blockDim.x - 1)
    clocks[1] = end - begin;
  sink[threadIdx.x] = mixed(sums) ^ mixed(x);
}

/// wgmma, and others of the same warps behind each turn's: `between` for what one mma.sync does.
template <int columns, int between = 0> __global__ void warpgroups(long long *clocks, uint32_t *sink) {
  uint32_t sums[2][32] = {}, x[8];
  number(x);
  uint64_t b = clearedMatrix();
  TIMED(multiply<columns>(sums, b); _Pragma("unroll") for (int i = 0; i < columns * between; ++i) {
    uint32_t &v = x[i % 8];
    // Not before the products.
    asm volatile("fma.rn.f16x2 %0, %0, %1, %2;" : "+r"(v) : "r"(threadIdx.x), "r"(sums[0][0]));
  })
  sink[threadIdx.x] = mixed(sums) ^ mixed(x);
}

void check(cudaError_t error) {
  if (error == cudaSuccess)
    return;
  std::fprintf(stderr, "%s\n", cudaGetErrorString(error));
  std::exit(1);
}

/// What a kernel leaves in its first argument, run by so many warps on each multiprocessor, the second time that it runs.
template <class Kernel, class... Arguments>
std::array<long long, 2> clocksOf(Kernel kernel, int warps, Arguments... arguments) {
  static long long *clocks;
  static uint32_t *sink;
  int sms = 0;
  if (!clocks) {
    check(cudaMalloc(&clocks, 2 * sizeof *clocks));
    check(cudaMalloc(&sink, 512 * sizeof *sink));
  }
  check(cudaDeviceGetAttribute(&sms, cudaDevAttrMultiProcessorCount, 0));
  check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, shared));
  for (int warm = 0; warm < 2; ++warm)
    kernel<<<sms, 32 * warps, shared>>>(clocks, sink, arguments...);
  check(cudaDeviceSynchronize());
  std::array<long long, 2> took;
  check(cudaMemcpy(took.data(), clocks, sizeof took, cudaMemcpyDeviceToHost));
  return took;
}

/// Prints the clocks for one of `each` things that a warp does in a turn.
template <class Kernel> void time(const char *name, Kernel kernel, int each) {
  std::printf("| %s |", name);
  for (int warps : {4, 8, 16})
    std::printf(" %.2f |", static_cast<double>(clocksOf(kernel, warps)[0]) / turns / each / (warps / 4));
  std::printf("\n");
}

/// Prints the clocks of a scheduler for one product, and for one of the others, of as many warps beside each other.
template <int columns, Kind kind> void timeBeside(const char *name) {
  std::printf("| %s |", name);
  for (int multiplying : {1, 2})
    for (int others : {0, 1, 2}) {
      auto [products, rest] = clocksOf(beside<columns, kind>, 4 * (multiplying + others), multiplying);
      std::printf(" %.2f", static_cast<double>(products) / turns / 8 / multiplying);
      if (others)
        std::printf(", %.2f", static_cast<double>(rest) / turns / 128 / others);
      std::printf(" |");
    }
  std::printf("\n");
}
} // namespace

int main() {
  cudaDeviceProp device;
  check(cudaGetDeviceProperties(&device, 0));
  std::printf("%s\n\n| clocks of a scheduler | 1 warp | 2 | 4 |\n|---|---|---|---|\n", device.name);
  time("mma, sums in f32, one chain", products<1, Sums::Wide>, block);
  time("mma, sums in f32, four chains", products<4, Sums::Wide>, block);
  time("mma, sums in f16, one chain", products<1, Sums::Half>, block);
  time("mma, sums in f16, four chains", products<4, Sums::Half>, block);
  time("mma and one FMA of f16 pairs", products<4, Sums::Half, 1>, block);
  time("mma and two", products<4, Sums::Half, 2>, block);
  time("mma and three", products<4, Sums::Half, 3>, block);
  time("mma and four", products<4, Sums::Half, 4>, block);
  time("mma and three additions of f16 pairs", products<4, Sums::Half, 3, Kind::Add16>, block);
  time("mma and three LOP3", products<4, Sums::Half, 3, Kind::Logic>, block);
  time("mma and three FMA of f32", products<4, Sums::Half, 3, Kind::Fma32>, block);
  time("FMA of f16 pairs", others<Kind::Fma16>, block);
  time("addition of f16 pairs", others<Kind::Add16>, block);
  time("LOP3", others<Kind::Logic>, block);
  time("movmatrix", others<Kind::Movmatrix>, block);
  time("shuffle", others<Kind::Shuffle>, block);
  time("wgmma of 16 columns, for each mma in it", warpgroups<16>, 8 * 2);
  time("wgmma of 32 columns", warpgroups<32>, 8 * 4);
  time("wgmma of 16 columns, and three FMA of f16 pairs beside each mma in it", warpgroups<16, 3>, 8 * 2);
  time("wgmma of 32 columns, and three", warpgroups<32, 3>, 8 * 4);
  time("wgmma of 32 columns, and six", warpgroups<32, 6>, 8 * 4);
  time("wgmma of 8 columns", warpgroups<8>, 8);
  time("wgmma of 64 columns", warpgroups<64>, 8 * 8);
  time("wgmma of 64 columns, and three", warpgroups<64, 3>, 8 * 8);
  std::printf("\n| products, and one of others | 1 warp multiplies | and 1 other | and 2 | 2 multiply | and 1 other | and 2 |\n|---|---|---|---|---|---|---|\n");
  timeBeside<0, Kind::Fma16>("mma, FMA of f16 pairs");
  timeBeside<0, Kind::Add16>("mma, addition of f16 pairs");
  timeBeside<0, Kind::Logic>("mma, LOP3");
  timeBeside<0, Kind::Fma32>("mma, FMA of f32");
  timeBeside<0, Kind::Movmatrix>("mma, movmatrix");
  timeBeside<8, Kind::Fma16>("wgmma of 8 columns, FMA of f16 pairs");
  timeBeside<16, Kind::Fma16>("wgmma of 16 columns, FMA of f16 pairs");
  timeBeside<32, Kind::Fma16>("wgmma of 32 columns, FMA of f16 pairs");
  timeBeside<64, Kind::Fma16>("wgmma of 64 columns, FMA of f16 pairs");
  timeBeside<32, Kind::Add16>("wgmma of 32 columns, addition of f16 pairs");
  timeBeside<32, Kind::Logic>("wgmma of 32 columns, LOP3");
  timeBeside<32, Kind::Fma32>("wgmma of 32 columns, FMA of f32");
  timeBeside<32, Kind::Movmatrix>("wgmma of 32 columns, movmatrix");
  timeBeside<32, Kind::Shuffle>("wgmma of 32 columns, shuffle");
}
