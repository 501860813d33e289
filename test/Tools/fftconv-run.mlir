// RUN: fftconv-run %s --entry=layer --compare-with=reference --dim=5 --report=%t.json | FileCheck %s
// RUN: FileCheck %s --check-prefix=JSON < %t.json
// RUN: fftconv-run %s --entry=layer --compare-with=reference --sample=100 | FileCheck %s --check-prefix=SAMPLE

// The same seed gives the same inputs, another one does not; both executors agree, and files carry values exactly.
// RUN: fftconv-run %s --entry=layer --output=%t.a.npy --seed=3
// RUN: fftconv-run %s --entry=layer --output=%t.b.npy --seed=3
// RUN: fftconv-run %s --entry=layer --output=%t.c.npy --seed=4
// RUN: cmp %t.a.npy %t.b.npy
// RUN: not cmp %t.a.npy %t.c.npy
// RUN: fftconv-run %s --entry=sum --input=%t.a.npy --input=%t.a.npy --compare-with=reference --output=%t.d.npy --output=%t.e.npy | FileCheck %s --check-prefix=SUM
// RUN: fftconv-run %s --entry=sum --device=reference --input=%t.a.npy --input=%t.a.npy --output=%t.f.npy --output=%t.g.npy
// RUN: cmp %t.e.npy %t.g.npy

// An error above what is allowed is a failure: f16 stages cannot reach 1e-6.
// RUN: not fftconv-run %s --entry=layer --compute=f16 --compare-with=reference --rtol=1e-6 | FileCheck %s --check-prefix=EXCEEDS
// RUN: fftconv-run %s --entry=layer --compute=f16 --compare-with=reference

// CHECK: @layer on cpu: {{[0-9.]+}} ms
// CHECK-NEXT: result 0: 5x3x101xf32, relative RMS error {{[1-9]\.[0-9]+}}e-07 <= 2.00e-06
// SAMPLE: on 100 samples
// SUM: result 0: 2x3x101xf32, relative RMS error {{.*}} <= 2.00e-06
// SUM: result 1: 2x3x101xf32, relative RMS error 0.0
// EXCEEDS: relative RMS error {{.*}} EXCEEDS 1.00e-06
// JSON: "device": "cpu"
// JSON: "points": 112
// JSON: "budget": {{1.99|2.0}}
// JSON: "error": {{[1-9].*}}e-07
// JSON: "seconds":

func.func @layer(%u: tensor<?x3x101xf32>, %k: tensor<3x7xf32>, %g: tensor<?x3x101xf32>) -> tensor<?x3x101xf32> {
  %y = fftconv.conv causal %u, %k pre_gate(%g : tensor<?x3x101xf32>) : tensor<?x3x101xf32>, tensor<3x7xf32>
  return %y : tensor<?x3x101xf32>
}

func.func @sum(%u: tensor<?x3x101xf32>, %v: tensor<?x3x101xf32>) -> (tensor<?x3x101xf32>, tensor<?x3x101xf32>) {
  %k = arith.constant dense<[[1.0, -2.0], [3.0, 0.5], [0.25, -1.0]]> : tensor<3x2xf32>
  %w = arith.addf %u, %v : tensor<?x3x101xf32>
  %y = fftconv.conv bidirectional %w, %k center 1 : tensor<?x3x101xf32>, tensor<3x2xf32>
  return %y, %w : tensor<?x3x101xf32>, tensor<?x3x101xf32>
}
