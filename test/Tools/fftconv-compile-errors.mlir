// RUN: not fftconv-compile %t.nowhere.mlir 2>&1 | FileCheck %s --check-prefix=FILE
// RUN: not fftconv-compile %s --entry=nobody 2>&1 | FileCheck %s --check-prefix=ENTRY
// RUN: not fftconv-compile %s --chip=sm_75 2>&1 | FileCheck %s --check-prefix=CHIP
// RUN: not fftconv-compile %s --emit=wasm 2>&1 | FileCheck %s --check-prefix=EMIT
// RUN: not fftconv-compile %s --emit=object 2>&1 | FileCheck %s --check-prefix=OBJECT
// RUN: not fftconv-compile %s -o %t.none/out.mlir 2>&1 | FileCheck %s --check-prefix=OUTPUT
// RUN: echo "func.func @f(%%u) {" > %t.bad.mlir
// RUN: not fftconv-compile %t.bad.mlir 2>&1 | FileCheck %s --check-prefix=PARSE

// A failure leaves no file behind.
// RUN: rm -f %t.out.o %t.out.h
// RUN: not fftconv-compile %s --compute=f8 --emit=object -o %t.out.o
// RUN: not ls %t.out.o
// RUN: not ls %t.out.h

// FILE: nowhere.mlir': No such file or directory
// ENTRY: has no function @nobody with a body
// CHIP: error: unknown chip 'sm_75'
// EMIT: Cannot find option named 'wasm'!
// OBJECT: fftconv-compile: --emit=object writes an object file and a header beside it: name the object with -o FILE.o
// OUTPUT: out.mlir
// PARSE: bad.mlir:1:16: error: expected ':'

func.func @layer(%u: tensor<?x3x101xf32>, %k: tensor<3x7xf32>) -> tensor<?x3x101xf32> {
  %y = fftconv.conv causal %u, %k : tensor<?x3x101xf32>, tensor<3x7xf32>
  return %y : tensor<?x3x101xf32>
}
