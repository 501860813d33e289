//===- Interfaces.h - What a host compiler asks of our ops ------*- C++ -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Models of upstream's interfaces for fftconv.conv, attached where both dialects are loaded:
//
// - TilingInterface: loops over batch rows and heads; a row is never cut. Tiles of heads have a static size.
// - ValueBoundsOpInterface: the sizes of a result are those of u. (Shapes are reified by the op itself; it has no effects.)
// - BufferizableOpInterface: an fftconv.conv_buffers, which reads its operands' buffers and writes one of its own.
// - ShardingInterface of the shard dialect: rows and heads may be split. Where rows come split in time, the axes go to the heads, and upstream's partitioner
//   exchanges the shards (an all-to-all).
//
//===----------------------------------------------------------------------===//

#ifndef FFTCONV_IR_INTERFACES_H
#define FFTCONV_IR_INTERFACES_H

#include "mlir/IR/DialectRegistry.h"

namespace fftconv {

/// Attaches the models when fftconv is loaded.
void registerInterfaceModels(mlir::DialectRegistry &registry);

} // namespace fftconv

#endif // FFTCONV_IR_INTERFACES_H
