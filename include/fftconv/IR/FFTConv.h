//===- FFTConv.h - The fftconv dialect --------------------------*- C++ -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attributes, types and ops of the rungs conv, plan, monarch and kernel; docs/reference/dialect.md is generated from the same records.
//
//===----------------------------------------------------------------------===//

#ifndef FFTCONV_IR_FFTCONV_H
#define FFTCONV_IR_FFTCONV_H

#include "fftconv/Monarch/Kernel.h"
#include "fftconv/Monarch/Schedule.h"
#include "fftconv/Monarch/Tables.h"

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/TensorEncoding.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "llvm/Support/MathExtras.h"

#include <memory>

#include "fftconv/IR/FFTConvDialect.h.inc"
#include "fftconv/IR/FFTConvEnums.h.inc"

#define GET_ATTRDEF_CLASSES
#include "fftconv/IR/FFTConvAttrs.h.inc"

#define GET_TYPEDEF_CLASSES
#include "fftconv/IR/FFTConvTypes.h.inc"

#define GET_OP_CLASSES
#include "fftconv/IR/FFTConvOps.h.inc"

namespace fftconv {

/// True for ranked tensors of f16, bf16, f32 or complex of these.
bool isDigits(mlir::Type type);

/// The digits of a plan, as the pure library sees them.
monarch::Digits getDigits(PlanAttr plan);

/// The encoding of a spectrum's type (see FFTConv_SpectrumTensor); null where there is none.
SpectrumAttr getSpectrumEncoding(mlir::RankedTensorType type);

/// The type of the spectrum of a filter with `heads` heads.
mlir::RankedTensorType getSpectrumType(int64_t heads, SpectrumAttr spectrum);

/// The digits that `fftconv.embed` makes of `signal`, with elements of type `element` or complex<element>.
mlir::RankedTensorType getEmbeddedType(mlir::RankedTensorType signal, bool channelsLast, PlanAttr plan, bool isComplex,
                                       mlir::Type element);

/// The digits that `fftconv.embed_filter` makes of a filter with `heads` heads: complex where there are taps of negative lag, or blocks.
mlir::RankedTensorType getEmbeddedFilterType(int64_t heads, std::optional<uint64_t> center, SpectrumAttr spectrum);

/// The dimensions of a signal that count heads and time.
inline unsigned headDim(bool channelsLast) { return channelsLast ? 2 : 1; }
inline unsigned timeDim(bool channelsLast) { return channelsLast ? 1 : 2; }

/// The sizes of rows once their heads and times have changed places.
inline std::array<int64_t, 3> turnedShape(llvm::ArrayRef<int64_t> shape) { return {shape[0], shape[2], shape[1]}; }

/// The kernel schedule of a plan that has one, derived from it; null where its digits do not fit one pass. Made once for each plan.
std::shared_ptr<const monarch::Schedule> getKernelSchedule(PlanAttr plan);

/// What a kernel computes and how, as its ops say; a batch that is not known is 0.
monarch::KernelProblem getKernelProblem(GroupsOp groups);
monarch::KernelChoice getKernelChoice(GroupsOp groups);
monarch::KernelChoice getKernelChoice(ScheduleAttr schedule);
monarch::KernelProblem getKernelProblem(ToeplitzOp op);
monarch::KernelProblem getKernelProblem(TurnRowsOp op);

} // namespace fftconv

#endif // FFTCONV_IR_FFTCONV_H
