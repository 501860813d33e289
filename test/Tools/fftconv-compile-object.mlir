// RUN: rm -rf %t && mkdir %t
// RUN: split-file %s %t
// RUN: fftconv-compile %t/layer.mlir --emit=object -o %t/layer.o
// RUN: %cc -std=c11 -Wall -Wextra -Werror %t/main.c %t/layer.o -lm -o %t/main
// RUN: %t/main | FileCheck %s

// A C program calls a compiled layer through the header beside the object file, and compares with the sum itself.
// CHECK: relative error below 2e-6

//--- layer.mlir
func.func @layer(%u: tensor<?x3x101xf32>, %k: tensor<3x7xf32>) -> tensor<?x3x101xf32> {
  %y = fftconv.conv causal %u, %k : tensor<?x3x101xf32>, tensor<3x7xf32>
  return %y : tensor<?x3x101xf32>
}

//--- main.c
#include "layer.h"
#include <math.h>
#include <stdio.h>

static float u[5][3][101], k[3][7], y[5][3][101];

static float noise(void) {
  static uint32_t state = 1;
  state = state * 1664525u + 1013904223u;
  return (float)(state >> 8) / 8388608.0f - 1.0f;
}

int main(void) {
  for (int i = 0; i < 5 * 3 * 101; ++i) {
    ((float *)u)[i] = noise();
    ((float *)y)[i] = NAN;
  }
  for (int i = 0; i < 3 * 7; ++i)
    ((float *)k)[i] = noise();
  fftconv_layer(5, 5, (const float *)u, (const float *)k, (float *)y);
  double error = 0, norm = 0;
  for (int b = 0; b < 5; ++b)
    for (int h = 0; h < 3; ++h)
      for (int n = 0; n < 101; ++n) {
        double sum = 0;
        for (int j = 0; j < 7 && j <= n; ++j)
          sum += (double)k[h][j] * u[b][h][n - j];
        error += (y[b][h][n] - sum) * (y[b][h][n] - sum);
        norm += sum * sum;
      }
  double relative = sqrt(error / norm);
  puts(relative < 2e-6 ? "relative error below 2e-6" : "wrong");
  return 0;
}
