// RUN: not fftconv-run %s 2>&1 | FileCheck %s --check-prefix=ENTRY
// RUN: not fftconv-run %s --entry=layer --device=tpu 2>&1 | FileCheck %s --check-prefix=DEVICE
// RUN: not fftconv-run %s --entry=layer --compare-with=cpu 2>&1 | FileCheck %s --check-prefix=COMPARE
// RUN: not fftconv-run %s --entry=layer --rtol=0 2>&1 | FileCheck %s --check-prefix=RTOL
// RUN: not fftconv-run %s --entry=layer --dim=0 2>&1 | FileCheck %s --check-prefix=DIM
// RUN: not fftconv-run %s --entry=integers 2>&1 | FileCheck %s --check-prefix=TYPE
// RUN: not fftconv-run %s --entry=foreign --device=reference 2>&1 | FileCheck %s --check-prefix=FOREIGN
// RUN: not fftconv-run %s --entry=layer --dim=1000000000000 2>&1 | FileCheck %s --check-prefix=MEMORY
// RUN: not fftconv-run %s --entry=layer --dim=9000000000000000000 2>&1 | FileCheck %s --check-prefix=OVERFLOW

// Files that are not what is needed.
// RUN: fftconv-run %s --entry=layer --output=%t.y.npy
// RUN: fftconv-run %s --entry=half --output=%t.h.npy
// RUN: echo "not an array" > %t.bad.npy
// RUN: head -c 200 %t.y.npy > %t.cut.npy
// RUN: not fftconv-run %s --entry=layer --input=%t.y.npy 2>&1 | FileCheck %s --check-prefix=NUMBER
// RUN: not fftconv-run %s --entry=layer --input=%t.nowhere.npy --input=%t.y.npy 2>&1 | FileCheck %s --check-prefix=FILE
// RUN: not fftconv-run %s --entry=layer --input=%t.bad.npy --input=%t.y.npy 2>&1 | FileCheck %s --check-prefix=MALFORMED
// RUN: not fftconv-run %s --entry=layer --input=%t.cut.npy --input=%t.y.npy 2>&1 | FileCheck %s --check-prefix=CUT
// RUN: not fftconv-run %s --entry=layer --input=%t.h.npy --input=%t.y.npy 2>&1 | FileCheck %s --check-prefix=DTYPE
// RUN: not fftconv-run %s --entry=layer --input=%t.y.npy --input=%t.y.npy 2>&1 | FileCheck %s --check-prefix=SHAPE
// RUN: not fftconv-run %s --entry=layer --output=%t.y.npy --output=%t.z.npy 2>&1 | FileCheck %s --check-prefix=OUTPUTS
// RUN: not fftconv-run %s --entry=layer --output=%t.none/y.npy 2>&1 | FileCheck %s --check-prefix=OUTPUT

// ENTRY: has 4 public functions; choose one with --entry
// DEVICE: Cannot find option named 'tpu'!
// COMPARE: fftconv-run: --compare-with takes 'reference', not 'cpu'
// RTOL: fftconv-run: --rtol must be above 0
// DIM: fftconv-run: --dim and --repeat must be at least 1, --sample at least 0
// MEMORY: fftconv-run: 1000000000000x3x101xf32 does not fit the memory of this machine
// OVERFLOW: fftconv-run: 9000000000000000000x3x101xf32 does not fit the memory of this machine
// TYPE: fftconv-run: cannot pass tensor<3xi32> in or out of an entry: only ranked tensors of f16, bf16, f32 or f64
// FOREIGN: fftconv-run: the reference executor does not know 'math.exp'
// NUMBER: fftconv-run: @layer takes 2 inputs, 1 were given with --input
// FILE: fftconv-run: {{.*}}nowhere.npy: No such file or directory
// MALFORMED: fftconv-run: {{.*}}bad.npy: not a valid .npy file: it does not start with NumPy's signature
// CUT: fftconv-run: {{.*}}cut.npy: not a valid .npy file: it holds 72 bytes of data where its shape needs 2424
// DTYPE: fftconv-run: {{.*}}h.npy: has type f16, expected f32
// SHAPE: fftconv-run: input 1 of @layer is 2x3x101xf32, expected tensor<3x7xf32>
// OUTPUTS: fftconv-run: @layer gives 1 results, 2 were named with --output
// OUTPUT: fftconv-run: {{.*}}y.npy: No such file or directory

func.func @layer(%u: tensor<?x3x101xf32>, %k: tensor<3x7xf32>) -> tensor<?x3x101xf32> {
  %y = fftconv.conv causal %u, %k : tensor<?x3x101xf32>, tensor<3x7xf32>
  return %y : tensor<?x3x101xf32>
}

func.func @half(%u: tensor<?x3x101xf16>, %k: tensor<3x7xf32>) -> tensor<?x3x101xf16> {
  %y = fftconv.conv causal %u, %k : tensor<?x3x101xf16>, tensor<3x7xf32>
  return %y : tensor<?x3x101xf16>
}

func.func @integers(%i: tensor<3xi32>) -> tensor<3xi32> {
  return %i : tensor<3xi32>
}

func.func @foreign(%u: tensor<3xf32>) -> tensor<3xf32> {
  %y = math.exp %u : tensor<3xf32>
  return %y : tensor<3xf32>
}
