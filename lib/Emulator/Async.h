//===- Async.h - Copies that complete later ---------------------*- C++ -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where checks are on, a copy is made as late as PTX allows: at the wait of the thread that issued it, or at the wait for its
// mbarrier. Whoever reads its destination earlier sees old bytes, and a check says so.
//
//===----------------------------------------------------------------------===//

#ifndef FFTCONV_LIB_EMULATOR_ASYNC_H
#define FFTCONV_LIB_EMULATOR_ASYNC_H

#include "Machine.h"

namespace fftconv::emulator {

class Decoder;

/// Completes the cp.async of `lanes`, all but the latest `pending` groups that each has committed (0 completes what is not
/// committed, too, as wait_all does).
void completeCopies(Warp &warp, uint32_t lanes, uint64_t pending);

/// Runs an instruction that reads or writes registers of a wgmma (Kernel::guarded), once it is known that none is under way.
void touchProducts(Warp &warp, const Op &op);

/// Reports what warpgroups leave undone at the end of a CTA, and warps that did less than others of their group.
void reportUnfinishedProducts(Cta &cta);

/// Reports bulk copies that a CTA leaves under way at its end: its shared memory is another's by the time they are done.
void reportUnfinishedCopies(Cta &cta);

/// bar.red: a barrier that also counts or combines predicates.
bool decodeBarrierReduction(Decoder &decoder, Op &op);

} // namespace fftconv::emulator

#endif // FFTCONV_LIB_EMULATOR_ASYNC_H
