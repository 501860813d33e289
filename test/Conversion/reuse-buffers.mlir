// RUN: fftconv-opt %s --fftconv-reuse-buffers --split-input-file | FileCheck %s

// The second buffer begins where the first has ended, whatever its shape.
// CHECK-LABEL: @shared(
// CHECK: %[[A:.+]] = memref.alloc() : memref<6x4xf32>
// CHECK-NEXT: %[[B:.+]] = memref.reinterpret_cast %[[A]] to offset: [0], sizes: [24], strides: [1]
// CHECK-NOT: memref.alloc
// CHECK: return
func.func @shared(%x: memref<6x4xf32>, %y: memref<24xf32>) {
  %a = memref.alloc() : memref<6x4xf32>
  memref.copy %x, %a : memref<6x4xf32> to memref<6x4xf32>
  memref.copy %a, %x : memref<6x4xf32> to memref<6x4xf32>
  %b = memref.alloc() : memref<24xf32>
  memref.copy %y, %b : memref<24xf32> to memref<24xf32>
  memref.copy %b, %y : memref<24xf32> to memref<24xf32>
  return
}

// -----

// A view prolongs the life of its buffer.
// CHECK-LABEL: @declines_overlap(
// CHECK: memref.alloc
// CHECK: memref.alloc
func.func @declines_overlap(%x: memref<6x4xf32>, %y: memref<24xf32>) {
  %a = memref.alloc() : memref<6x4xf32>
  memref.copy %x, %a : memref<6x4xf32> to memref<6x4xf32>
  %v = memref.collapse_shape %a [[0, 1]] : memref<6x4xf32> into memref<24xf32>
  %b = memref.alloc() : memref<24xf32>
  memref.copy %y, %b : memref<24xf32> to memref<24xf32>
  memref.copy %v, %y : memref<24xf32> to memref<24xf32>
  memref.copy %b, %y : memref<24xf32> to memref<24xf32>
  return
}

// -----

// A buffer that leaves the function, or is of another size, is not shared.
// CHECK-LABEL: @declines_escape(
// CHECK: memref.alloc() : memref<24xf32>
// CHECK: memref.alloc() : memref<24xf32>
// CHECK: memref.alloc() : memref<25xf32>
func.func @declines_escape(%y: memref<24xf32>, %z: memref<25xf32>) -> memref<24xf32> {
  %a = memref.alloc() : memref<24xf32>
  memref.copy %y, %a : memref<24xf32> to memref<24xf32>
  %b = memref.alloc() : memref<24xf32>
  memref.copy %y, %b : memref<24xf32> to memref<24xf32>
  memref.copy %b, %y : memref<24xf32> to memref<24xf32>
  %c = memref.alloc() : memref<25xf32>
  memref.copy %z, %c : memref<25xf32> to memref<25xf32>
  return %a : memref<24xf32>
}
