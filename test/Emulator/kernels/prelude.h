// CUDA without a toolkit: what clang needs to compile the kernels of this folder with -nocudainc -nocudalib.
#pragma once
#ifdef __NVCC__
#include <cuda_fp16.h>
#define TID ((int)threadIdx.x)
#define BID ((int)blockIdx.x)
#define BLOCK ((int)blockDim.x)
#define GRID ((int)gridDim.x)
#else
#define __global__ __attribute__((global))
#define __device__ __attribute__((device))
#define __shared__ __attribute__((shared))
#define __constant__ __attribute__((constant))
typedef _Float16 half;
#define TID ((int)__nvvm_read_ptx_sreg_tid_x())
#define BID ((int)__nvvm_read_ptx_sreg_ctaid_x())
#define BLOCK ((int)__nvvm_read_ptx_sreg_ntid_x())
#define GRID ((int)__nvvm_read_ptx_sreg_nctaid_x())
#endif
#define KERNEL extern "C" __global__ void
typedef unsigned int u32;
typedef unsigned long long u64;
#define LANE (TID & 31)
#define WARP (TID >> 5)

__device__ inline void sync() { __syncthreads(); }
__device__ inline void syncWarp() { asm volatile("bar.warp.sync 0xffffffff;" ::: "memory"); }
#ifdef __NVCC__
__device__ inline u32 sharedAddress(const void *p) { return (u32)__cvta_generic_to_shared(p); }
#else
__device__ inline u32 sharedAddress(const void *p) {
  return (u32)(u64)(const __attribute__((address_space(3))) void *)p;
}
#endif
__device__ inline int shuffleDown(int value, int delta) {
  int result;
  asm volatile("shfl.sync.down.b32 %0, %1, %2, 31, 0xffffffff;" : "=r"(result) : "r"(value), "r"(delta));
  return result;
}
__device__ inline float shuffleXor(float value, int mask) {
  float result;
  asm volatile("shfl.sync.bfly.b32 %0, %1, %2, 31, 0xffffffff;" : "=f"(result) : "f"(value), "r"(mask));
  return result;
}
__device__ inline void copyAsync16(void *to, const void *from) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(sharedAddress(to)), "l"(from) : "memory");
}
__device__ inline void commitCopies() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int N>
__device__ inline void waitCopies() {
  asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory");
}
__device__ inline void loadMatrix4(u32 *r, const void *row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(sharedAddress(row))
               : "memory");
}
__device__ inline void loadMatrix4Transposed(u32 *r, const void *row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(sharedAddress(row))
               : "memory");
}
__device__ inline void mma16816(float *d, const u32 *a, const u32 *b) {
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
               : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
__device__ inline u32 packHalves(float low, float high) {
  u32 result;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(result) : "f"(high), "f"(low));
  return result;
}
