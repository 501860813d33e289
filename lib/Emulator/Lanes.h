//===- Lanes.h - Handlers made of a function of scalars ---------*- C++ -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Result and operands have the types of the function; slots never overlap within an instruction, so compilers may vectorise.
//
//===----------------------------------------------------------------------===//

#ifndef FFTCONV_LIB_EMULATOR_LANES_H
#define FFTCONV_LIB_EMULATOR_LANES_H

#include "Decoder.h"

namespace fftconv::emulator {

template <typename D, typename A, auto F>
void unary(Warp &warp, const Op &op) {
  D *__restrict d = warp.slot<D>(op.d);
  const A *__restrict a = warp.slot<A>(op.a);
  forLanes(warp, [&](unsigned lane) { d[lane] = static_cast<D>(F(a[lane])); });
}

template <typename D, typename A, auto F>
void binary(Warp &warp, const Op &op) {
  D *__restrict d = warp.slot<D>(op.d);
  const A *a = warp.slot<A>(op.a), *b = warp.slot<A>(op.b);
  forLanes(warp, [&](unsigned lane) { d[lane] = static_cast<D>(F(a[lane], b[lane])); });
}

template <typename D, typename A, typename C, auto F>
void ternary(Warp &warp, const Op &op) {
  D *__restrict d = warp.slot<D>(op.d);
  const A *a = warp.slot<A>(op.a), *b = warp.slot<A>(op.b);
  const C *c = warp.slot<C>(op.c);
  forLanes(warp, [&](unsigned lane) { d[lane] = static_cast<D>(F(a[lane], b[lane], c[lane])); });
}

/// The operands of an elementwise instruction of one type: d, a[, b[, c]].
inline void readOperands(Decoder &decoder, Op &op, Type type, size_t count) {
  decoder.expectOperands(count + 1);
  op.d = decoder.write(decoder.operand(0), type);
  op.a = decoder.read(decoder.operand(1), type);
  if (count > 1)
    op.b = decoder.read(decoder.operand(2), type);
  if (count > 2)
    op.c = decoder.read(decoder.operand(3), type);
}

} // namespace fftconv::emulator

#endif // FFTCONV_LIB_EMULATOR_LANES_H
