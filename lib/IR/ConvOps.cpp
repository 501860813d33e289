//===- ConvOps.cpp - Verifiers of the conv and plan rungs -----------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Shapes and attributes of fftconv.conv, fftconv.spectrum and fftconv.spectral_conv.
//
//===----------------------------------------------------------------------===//

#include "Verify.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace fftconv;

LogicalResult fftconv::verifySignal(Operation *op, RankedTensorType u) {
  if (u.isDynamicDim(1) || u.isDynamicDim(2))
    return op->emitOpError("heads and length of u must be static, got ") << u;
  if (llvm::is_contained(u.getShape(), 0))
    return op->emitOpError("no dimension of u may be zero, got ") << u;
  return success();
}

LogicalResult fftconv::verifyFilter(Operation *op, RankedTensorType k, Boundary boundary,
                                    std::optional<int64_t> center) {
  if (!k.hasStaticShape() || llvm::is_contained(k.getShape(), 0)) // C2
    return op->emitOpError("a filter has a static number of heads and taps, at least 1 of each, got ") << k;
  bool bidirectional = boundary == Boundary::Bidirectional; // C4
  if (bidirectional != center.has_value())
    return op->emitOpError(bidirectional ? "a bidirectional filter needs 'center', the index of the tap of lag zero"
                                         : "'center' is for bidirectional filters only");
  if (center && (*center < 0 || *center >= k.getDimSize(1)))
    return op->emitOpError("center ") << *center << " is not one of the " << k.getDimSize(1) << " taps";
  return success();
}

LogicalResult fftconv::verifyGates(Operation *op, RankedTensorType u, int64_t heads, Value preGate, Value postGate,
                                   Value skip) {
  for (auto [gate, name] : {std::pair(preGate, "pre_gate"), std::pair(postGate, "post_gate")})
    if (gate && gate.getType() != u) // G1
      return op->emitOpError(name) << " must have the type of u, " << u << ", got " << gate.getType();
  return verifySkip(op, heads, skip); // G2
}

LogicalResult fftconv::verifySkip(Operation *op, int64_t heads, Value skip) {
  if (skip && cast<RankedTensorType>(skip.getType()).getShape() != ArrayRef(heads))
    return op->emitOpError("skip must be one f32 for each of the ") << heads << " heads, got " << skip.getType();
  return success();
}

LogicalResult ConvOp::verify() {
  if (failed(verifySignal(*this, getU().getType())) ||
      failed(verifyFilter(*this, getK().getType(), getBoundary(), getCenter())))
    return failure();
  if (getHeads() != getK().getType().getDimSize(0)) // C3
    return emitOpError("u has ") << getHeads() << " heads, k has " << getK().getType().getDimSize(0);
  if (failed(verifyGates(*this, getU().getType(), getHeads(), getPreGate(), getPostGate(), getSkip())))
    return failure();
  if (DirectAttr direct = getDirectAttr()) // C6
    if (getPlan() || getBoundary() == Boundary::Circular || (getChannelsLast() && !getTurned()) ||
        getU().getType().getElementType() != direct.getCompute())
      return emitOpError(
                 "what is computed directly has no plan, is not circular, not channels_last unless it is turned, "
                 "and is of the type it is computed in, ")
             << direct.getCompute();
  if (getTurned() && !(getChannelsLast() && (getDirect() || (getPlan() && getPlanAttr().getSchedule())))) // C7
    return emitOpError("what is turned is channels_last and has a plan with a schedule, or is computed directly");
  if (PlanAttr plan = getPlanAttr()) // C5
    return SpectrumAttr::verify([&] { return emitOpError(); }, getBoundary(), getLength(), plan);
  return success();
}

LogicalResult ConvBuffersOp::verify() {
  auto tensorOf = [](MemRefType type) { return RankedTensorType::get(type.getShape(), type.getElementType()); };
  RankedTensorType u = tensorOf(getU().getType()), k = tensorOf(getK().getType()); // U1
  if (failed(verifySignal(*this, u)) || failed(verifyFilter(*this, k, getBoundary(), getCenter())))
    return failure();
  int64_t heads = u.getDimSize(headDim(getChannelsLast()));
  if (heads != k.getDimSize(0))
    return emitOpError("u has ") << heads << " heads, k has " << k.getDimSize(0);
  for (Value rows : {Value(getPreGate()), Value(getPostGate()), Value(getY())})
    if (rows && tensorOf(cast<MemRefType>(rows.getType())) != u)
      return emitOpError("gates and y must have the shape and elements of u, ") << u << ", got " << rows.getType();
  if (getSkip() && getSkip().getType().getShape() != ArrayRef(heads)) // U2
    return emitOpError("skip must be one f32 for each of the ") << heads << " heads, got " << getSkip().getType();
  return success();
}

SpectrumAttr SpectrumOp::getEncoding() { return getSpectrumEncoding(getSpectrum().getType()); }
SpectrumAttr SpectralConvOp::getEncoding() { return getSpectrumEncoding(getSpectrum().getType()); }

LogicalResult SpectrumOp::verify() {
  if (failed(verifyFilter(*this, getK().getType(), getEncoding().getBoundary(), getCenter()))) // T1
    return failure();
  if (getSpectrum().getType().getDimSize(0) != getK().getType().getDimSize(0)) // T2
    return emitOpError("k has ") << getK().getType().getDimSize(0) << " heads, the spectrum has "
                                 << getSpectrum().getType().getDimSize(0);
  return verifySkip(*this, getK().getType().getDimSize(0), getSkip()); // T3
}

LogicalResult SpectralConvOp::verify() {
  RankedTensorType u = getU().getType();
  if (failed(verifySignal(*this, u))) // V1
    return failure();
  int64_t heads = u.getDimSize(headDim(getChannelsLast())), length = u.getDimSize(timeDim(getChannelsLast()));
  if (getSpectrum().getType().getDimSize(0) != heads) // V2
    return emitOpError("u has ") << heads << " heads, the spectrum has " << getSpectrum().getType().getDimSize(0);
  if (getEncoding().getLength() != length) // V2
    return emitOpError("the spectrum is for length ") << getEncoding().getLength() << ", u has length " << length;
  return verifyGates(*this, u, heads, getPreGate(), getPostGate(), getSkip());
}

LogicalResult TurnOp::verify() {
  RankedTensorType x = getX().getType(), y = getY().getType();
  if (failed(verifySignal(*this, x)))
    return failure();
  if (y.getElementType() != x.getElementType() || y.getShape() != ArrayRef<int64_t>(turnedShape(x.getShape()))) // E1
    return emitOpError("gives what it takes with its last two dimensions in each other's place, not ")
           << y << " for " << x;
  if (getGate() && getGate().getType() != (getBack() ? y : x)) // E2
    return emitOpError("a gate has the type of the rows whose channels are last, ")
           << (getBack() ? y : x) << ", got " << getGate().getType();
  return success();
}

LogicalResult TurnOp::reifyResultShapes(OpBuilder &b, ReifiedRankedShapedTypeDims &sizes) {
  SmallVector<OpFoldResult> turned = tensor::getMixedSizes(b, getLoc(), getX());
  std::swap(turned[1], turned[2]);
  sizes = {turned};
  return success();
}

#define GET_OP_CLASSES
#include "fftconv/IR/FFTConvOps.cpp.inc"
