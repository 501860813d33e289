// RUN: fftconv-opt %s | fftconv-opt | FileCheck %s
// RUN: fftconv-opt %s --mlir-print-op-generic | fftconv-opt | FileCheck %s
// RUN: fftconv-opt %s --emit-bytecode | fftconv-opt | FileCheck %s

// Round trips of the ops of the rungs conv and plan, as text, generic text and bytecode.

// CHECK-DAG: #[[PLAN:[a-z0-9]+]] = #fftconv.plan<points = 105, radices = [7, 3, 5], theta = i, compute = bf16, chip = "sm_90">
// CHECK-DAG: #[[RING:[a-z0-9]+]] = #fftconv.plan<points = 100, radices = [10, 10], theta = one, compute = f32, chip = "cpu">
// CHECK-DAG: #[[CIRCULAR:[a-z0-9]+]] = #fftconv.spectrum<circular, length = 100, plan = #[[RING]]>
// CHECK-DAG: #[[BOTH:[a-z0-9]+]] = #fftconv.spectrum<bidirectional, length = 101, plan = #[[PLAN]]>
#plan = #fftconv.plan<points = 105, radices = [7, 3, 5], theta = i, compute = bf16, chip = "sm_90">
#ring = #fftconv.plan<points = 100, radices = [10, 10], theta = one, compute = f32, chip = "cpu">
#circular = #fftconv.spectrum<circular, length = 100, plan = #ring>
#both = #fftconv.spectrum<bidirectional, length = 101, plan = #plan>

// CHECK-LABEL: @causal(
// CHECK: fftconv.conv causal %{{[a-z0-9_]+}}, %{{[a-z0-9_]+}} : tensor<5x3x7xf16>, tensor<3x11xf32>
func.func @causal(%u: tensor<5x3x7xf16>, %k: tensor<3x11xf32>) -> tensor<5x3x7xf16> {
  %y = fftconv.conv causal %u, %k : tensor<5x3x7xf16>, tensor<3x11xf32>
  return %y : tensor<5x3x7xf16>
}

// CHECK-LABEL: @everything(
// CHECK: fftconv.conv bidirectional %{{[a-z0-9_]+}}, %{{[a-z0-9_]+}} center 4 pre_gate(%{{[a-z0-9_]+}} : tensor<?x3x101xbf16>)
// CHECK-SAME: post_gate(%{{[a-z0-9_]+}} : tensor<?x3x101xbf16>) skip(%{{[a-z0-9_]+}} : tensor<3xf32>) plan #[[PLAN]]
// CHECK-SAME: : tensor<?x3x101xbf16>, tensor<3x9xf32>
func.func @everything(%u: tensor<?x3x101xbf16>, %k: tensor<3x9xf32>, %p: tensor<?x3x101xbf16>,
                      %q: tensor<?x3x101xbf16>, %d: tensor<3xf32>) -> tensor<?x3x101xbf16> {
  %y = fftconv.conv bidirectional %u, %k center 4 pre_gate(%p : tensor<?x3x101xbf16>)
      post_gate(%q : tensor<?x3x101xbf16>) skip(%d : tensor<3xf32>) plan #plan
      : tensor<?x3x101xbf16>, tensor<3x9xf32>
  return %y : tensor<?x3x101xbf16>
}

// CHECK-LABEL: @split(
// CHECK: %[[S:[a-z0-9_]+]] = fftconv.spectrum %{{[a-z0-9_]+}} : tensor<2x300xf32> -> tensor<2x10x10xcomplex<f32>, #[[CIRCULAR]]>
// CHECK: fftconv.spectral_conv %{{[a-z0-9_]+}}, %[[S]] post_gate(%{{[a-z0-9_]+}} : tensor<3x2x100xf32>)
// CHECK-SAME: : tensor<3x2x100xf32>, tensor<2x10x10xcomplex<f32>, #[[CIRCULAR]]>
func.func @split(%u: tensor<3x2x100xf32>, %k: tensor<2x300xf32>, %q: tensor<3x2x100xf32>) -> tensor<3x2x100xf32> {
  %s = fftconv.spectrum %k : tensor<2x300xf32> -> tensor<2x10x10xcomplex<f32>, #circular>
  %y = fftconv.spectral_conv %u, %s post_gate(%q : tensor<3x2x100xf32>)
      : tensor<3x2x100xf32>, tensor<2x10x10xcomplex<f32>, #circular>
  return %y : tensor<3x2x100xf32>
}

// CHECK-LABEL: @two_sided(
// CHECK: fftconv.spectrum %{{[a-z0-9_]+}} center 2 : tensor<3x9xf32> -> tensor<3x7x3x5xcomplex<bf16>, #[[BOTH]]>
func.func @two_sided(%k: tensor<3x9xf32>) -> tensor<3x7x3x5xcomplex<bf16>, #both> {
  %s = fftconv.spectrum %k center 2 : tensor<3x9xf32> -> tensor<3x7x3x5xcomplex<bf16>, #both>
  return %s : tensor<3x7x3x5xcomplex<bf16>, #both>
}
