// The launcher for GPUs, with the emulator behind the driver's entry points; and where there is a GPU, with that.
// RUN: fftconv-run %s --device=cuda --driver=%build/lib/libFFTConvCudaOnEmulator.so --dim=5 --repeat=3 --compare-with=reference --report=%t.json | FileCheck %s
// RUN: FileCheck %s --check-prefix=REPORT --input-file=%t.json
// RUN: fftconv-run %s --device=cuda --driver=%build/lib/libFFTConvCudaOnEmulator.so --inside=4x104 --compare-with=reference | FileCheck %s
// CHECK: @layer on cuda (emulator): {{[0-9.]+}} ms, spectra {{[0-9.]+}} ms
// CHECK: result 0: {{[0-9]+}}x3x90xf16, relative RMS error {{.*}} <= 1.99e-03
// REPORT: "gpu": "emulator"
// REPORT: "prepare_seconds":
// REPORT: "seconds":

// The same bits as in the emulator, by way of files.
// RUN: fftconv-compile %s --chip=sm_90 -o %t.ptx --manifest=%t.manifest.json
// RUN: fftconv-run %t.manifest.json --device=cuda --driver=%build/lib/libFFTConvCudaOnEmulator.so --output=%t.cuda.npy | FileCheck %s --check-prefix=MANIFEST
// RUN: fftconv-run %t.manifest.json --output=%t.emulator.npy
// RUN: cmp %t.cuda.npy %t.emulator.npy
// MANIFEST: @layer on cuda (emulator)

// Errors by the names that the driver has for them.
// RUN: not fftconv-run %s --device=cuda --driver=%t.none.so 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not fftconv-run %s --device=cuda --driver=%build/lib/FFTConvPlugin.so 2>&1 | FileCheck %s --check-prefix=OTHER
// RUN: not fftconv-run %s --device=cuda --driver=%build/lib/libFFTConvCudaOnEmulator.so --inside=2x104 2>&1 | FileCheck %s --check-prefix=INSIDE
// RUN: sed 's/"conv1"/"conv7"/' %t.manifest.json > %t.kernel.json
// RUN: cp %t.ptx %t.kernel.ptx
// RUN: not fftconv-run %t.kernel.json --device=cuda --driver=%build/lib/libFFTConvCudaOnEmulator.so 2>&1 | FileCheck %s --check-prefix=KERNEL
// RUN: sed 's/"shared_bytes": [0-9]*/"shared_bytes": 300000/' %t.manifest.json > %t.shared.json
// RUN: not fftconv-run %t.shared.json --device=cuda --driver=%build/lib/libFFTConvCudaOnEmulator.so 2>&1 | FileCheck %s --check-prefix=SHARED
// RUN: sed 's/mma.sync/mma.sink/' %t.ptx > %t.bad.ptx
// RUN: sed 's/"code": ".*"/"code": "%basename_t.tmp.bad.ptx"/' %t.manifest.json > %t.bad.json
// RUN: not fftconv-run %t.bad.json --device=cuda --driver=%build/lib/libFFTConvCudaOnEmulator.so 2>&1 | FileCheck %s --check-prefix=PTX
// NONE: no CUDA driver: {{.*}}.none.so
// OTHER: has no cuInit
// INSIDE: in0 of 3x90 cannot lie inside of 2x104
// KERNEL: conv7: CUDA_ERROR_NOT_FOUND, named symbol not found
// SHARED: needs 300000 bytes of shared memory, a CTA on emulator has 232448
// PTX: conv1: CUDA_ERROR_LAUNCH_FAILED

func.func @layer(%u: tensor<?x3x90xf16>, %k: tensor<3x900xf32>) -> tensor<?x3x90xf16> {
  %y = fftconv.conv causal %u, %k : tensor<?x3x90xf16>, tensor<3x900xf32>
  return %y : tensor<?x3x90xf16>
}
