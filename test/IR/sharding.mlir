// RUN: split-file %s %t
// RUN: fftconv-opt %t/rows.mlir --pass-pipeline="builtin.module(func.func(sharding-propagation,shard-partition,canonicalize))" | FileCheck %t/rows.mlir
// RUN: fftconv-opt %t/rows.mlir --pass-pipeline="builtin.module(func.func(sharding-propagation,shard-partition,canonicalize),convert-shard-to-mpi,canonicalize)" | FileCheck %t/rows.mlir --check-prefix=LEVEL
// RUN: fftconv-opt %t/gather.mlir --pass-pipeline="builtin.module(func.func(shard-partition,canonicalize))" | FileCheck %t/gather.mlir
// RUN: fftconv-opt %t/time.mlir --pass-pipeline="builtin.module(func.func(sharding-propagation,shard-partition,canonicalize))" | FileCheck %t/time.mlir
// RUN: not fftconv-opt %t/filter.mlir --pass-pipeline="builtin.module(func.func(shard-partition))" 2>&1 | FileCheck %t/filter.mlir

// Upstream's partitioner splits a convolution that is larger than one processor; its own conversion goes on to MPI.
//--- rows.mlir
module attributes {dlti.map = #dlti.map<"MPI:comm_world_rank" = 1>} {
  shard.grid @grid(shape = 2x2)

  // Four processors: halves of the batch, halves of the heads. Nothing is exchanged.
  // CHECK-LABEL: func.func @rows_and_heads(
  // CHECK-SAME: %[[U:.*]]: tensor<4x3x100xf32>, %[[K:.*]]: tensor<3x7xf32>) -> tensor<4x3x100xf32>
  // CHECK-NEXT: %[[Y:.*]] = fftconv.conv causal %[[U]], %[[K]] : tensor<4x3x100xf32>, tensor<3x7xf32>
  // CHECK-NEXT: return %[[Y]]
  // LEVEL-LABEL: func.func @rows_and_heads(
  // LEVEL-NOT: mpi.
  // LEVEL: return
  func.func @rows_and_heads(%u: tensor<8x6x100xf32>, %k: tensor<6x7xf32>) -> tensor<8x6x100xf32> {
    %rows = shard.sharding @grid split_axes = [[0], [1]] : !shard.sharding
    %us = shard.shard %u to %rows : tensor<8x6x100xf32>
    %uu = shard.shard %us to %rows annotate_for_users : tensor<8x6x100xf32>
    %y = fftconv.conv causal %uu, %k : tensor<8x6x100xf32>, tensor<6x7xf32>
    return %y : tensor<8x6x100xf32>
  }

  // A sum over the batch, whose rows are on different processors, goes down to MPI.
  // CHECK-LABEL: func.func @summed(
  // CHECK: fftconv.conv causal %{{.*}} : tensor<4x6x100xf32>, tensor<6x7xf32>
  // CHECK: shard.all_reduce %{{.*}} on @grid grid_axes = [0]
  // LEVEL-LABEL: func.func @summed(
  // LEVEL: fftconv.conv causal %{{.*}} : tensor<4x6x100xf32>, tensor<6x7xf32>
  // LEVEL-NOT: shard.
  // LEVEL: mpi.allreduce
  func.func @summed(%u: tensor<8x6x100xf32>, %k: tensor<6x7xf32>) -> tensor<6x100xf32> {
    %rows = shard.sharding @grid split_axes = [[0]] : !shard.sharding
    %us = shard.shard %u to %rows : tensor<8x6x100xf32>
    %uu = shard.shard %us to %rows annotate_for_users : tensor<8x6x100xf32>
    %y = fftconv.conv causal %uu, %k : tensor<8x6x100xf32>, tensor<6x7xf32>
    %zero = arith.constant dense<0.0> : tensor<6x100xf32>
    %s = linalg.generic {indexing_maps = [affine_map<(b, h, i) -> (b, h, i)>, affine_map<(b, h, i) -> (h, i)>], iterator_types = ["reduction", "parallel", "parallel"]}
        ins(%y : tensor<8x6x100xf32>) outs(%zero : tensor<6x100xf32>) {
    ^bb0(%a: f32, %b: f32):
      %c = arith.addf %b, %a : f32
      linalg.yield %c : f32
    } -> tensor<6x100xf32>
    return %s : tensor<6x100xf32>
  }
}

//--- gather.mlir
// A result that every processor wants whole is gathered.
shard.grid @grid(shape = 4)
// CHECK-LABEL: func.func @gathered(
// CHECK: %[[Y:.*]] = fftconv.conv causal %{{.*}} : tensor<2x6x100xf32>, tensor<6x7xf32>
// CHECK: shard.all_gather %[[Y]] on @grid grid_axes = [0] gather_axis = 0
func.func @gathered(%u: tensor<8x6x100xf32>, %k: tensor<6x7xf32>) -> tensor<8x6x100xf32> {
  %rows = shard.sharding @grid split_axes = [[0]] : !shard.sharding
  %none = shard.sharding @grid split_axes = [[]] : !shard.sharding
  %us = shard.shard %u to %rows : tensor<8x6x100xf32>
  %uu = shard.shard %us to %rows annotate_for_users : tensor<8x6x100xf32>
  %ks = shard.shard %k to %none : tensor<6x7xf32>
  %kk = shard.shard %ks to %none annotate_for_users : tensor<6x7xf32>
  %y = fftconv.conv causal %uu, %kk : tensor<8x6x100xf32>, tensor<6x7xf32>
  %ys = shard.shard %y to %rows : tensor<8x6x100xf32>
  %yy = shard.shard %ys to %none annotate_for_users : tensor<8x6x100xf32>
  return %yy : tensor<8x6x100xf32>
}

//--- time.mlir
// Rows that come split in time: heads are split instead, and shards exchanged before. (MLIR 22 converts neither this nor gathers to MPI.)
shard.grid @grid(shape = 2x2)
// CHECK-LABEL: func.func @sequence(
// CHECK-SAME: %[[U:.*]]: tensor<8x6x50xf32>
// CHECK: %[[A:.*]] = shard.all_to_all %[[U]] on @grid grid_axes = [1] split_axis = 1 concat_axis = 2
// CHECK: fftconv.conv causal %{{.*}} : tensor<8x3x100xf32>, tensor<3x7xf32>
func.func @sequence(%u: tensor<8x6x100xf32>, %k: tensor<6x7xf32>) -> tensor<8x6x100xf32> {
  %time = shard.sharding @grid split_axes = [[], [], [1]] : !shard.sharding
  %us = shard.shard %u to %time : tensor<8x6x100xf32>
  %uu = shard.shard %us to %time annotate_for_users : tensor<8x6x100xf32>
  %y = fftconv.conv causal %uu, %k : tensor<8x6x100xf32>, tensor<6x7xf32>
  return %y : tensor<8x6x100xf32>
}

//--- filter.mlir
// CHECK: cannot be computed where rows are split in time or filters by taps
shard.grid @grid(shape = 2x2)
func.func @taps(%u: tensor<8x6x100xf32>, %k: tensor<6x8xf32>) -> tensor<8x6x100xf32> {
  %none = shard.sharding @grid split_axes = [[]] : !shard.sharding
  %taps = shard.sharding @grid split_axes = [[], [0]] : !shard.sharding
  %us = shard.shard %u to %none : tensor<8x6x100xf32>
  %uu = shard.shard %us to %none annotate_for_users : tensor<8x6x100xf32>
  %ks = shard.shard %k to %taps : tensor<6x8xf32>
  %kk = shard.shard %ks to %taps annotate_for_users : tensor<6x8xf32>
  %y = fftconv.conv causal %uu, %kk : tensor<8x6x100xf32>, tensor<6x8xf32>
  %ys = shard.shard %y to %none : tensor<8x6x100xf32>
  %yy = shard.shard %ys to %none annotate_for_users : tensor<8x6x100xf32>
  return %yy : tensor<8x6x100xf32>
}
