//===- MonarchOps.cpp - Verifiers and folders of the monarch rung ---------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Shapes of digits against plans; a stage undone at once by its own inverse folds away.
//
//===----------------------------------------------------------------------===//

#include "Verify.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace fftconv;

static bool isComplex(RankedTensorType type) { return isa<ComplexType>(type.getElementType()); }

/// The last dimensions of `x` are the plan's radices.
static LogicalResult verifyDigits(Operation *op, RankedTensorType x, PlanAttr plan) {
  ArrayRef<int64_t> radices = plan.getRadices();
  if (static_cast<size_t>(x.getRank()) <= radices.size() || x.getShape().take_back(radices.size()) != radices)
    return op->emitOpError("the last dimensions of ") << x << " must be the plan's radices";
  return success();
}

LogicalResult EmbedOp::verify() {
  RankedTensorType u = getU().getType(), x = getX().getType();
  if (failed(verifySignal(*this, u)) ||
      failed(verifyGates(*this, u, /*heads=*/0, getPreGate(), nullptr, nullptr))) // E1
    return failure();
  bool paired = getPlan().getTheta() == Theta::One;
  auto complex = dyn_cast<ComplexType>(x.getElementType());
  Type element = complex ? complex.getElementType() : x.getElementType();
  RankedTensorType expected = getEmbeddedType(u, getChannelsLast(), getPlan(), paired, element);
  if (x != expected) // E2
    return emitOpError("the digits of ") << u << " are " << expected << ", not " << x;
  int64_t length = u.getDimSize(timeDim(getChannelsLast()));
  if (length > getPlan().getPoints()) // E3
    return emitOpError("length ") << length << " exceeds the plan's " << getPlan().getPoints() << " points";
  return success();
}

LogicalResult EmbedFilterOp::verify() {
  if (failed(verifyFilter(*this, getK().getType(), getSpectrum().getBoundary(), getCenter())) ||
      failed(verifySkip(*this, getK().getType().getDimSize(0), getSkip()))) // F1
    return failure();
  RankedTensorType expected = getEmbeddedFilterType(getK().getType().getDimSize(0), getCenter(), getSpectrum());
  if (getX().getType() != expected) // F2
    return emitOpError("the digits of the filter are ") << expected << ", not " << getX().getType();
  return success();
}

LogicalResult DftOp::verify() {
  RankedTensorType x = getX().getType(), y = getY().getType();
  if (x.getShape() != y.getShape()) // D1
    return emitOpError("operand and result must have the same shape, got ") << x << " and " << y;
  if (failed(verifyDigits(*this, x, getPlan())))
    return failure();
  int64_t count = getPlan().getRadices().size(), first = getDigits(getPlan()).first(), digit = getDigit();
  if (digit < first || digit > count) // D2
    return emitOpError("digit must be in [") << first << ", " << count << "], got " << digit;
  if (!isComplex(x) && (getInverse() || digit != first)) // D3
    return emitOpError("only the forward transform of digit ") << first << " takes a real operand";
  if (!isComplex(y) && (!getInverse() || digit != first))
    return emitOpError("only the inverse transform of digit ") << first << " gives a real result";
  if (y.getEncoding()) { // D4
    SpectrumAttr spectrum = getSpectrumEncoding(y);
    if (!spectrum || getInverse() || digit != count || spectrum.getPlan() != getPlan())
      return emitOpError("only the last forward result carries an encoding, that of a spectrum of the same plan");
  }
  return success();
}

LogicalResult TwiddleOp::verify() {
  RankedTensorType x = getX().getType(), y = getY().getType();
  if (x.getShape() != y.getShape() || !isComplex(x) || !isComplex(y)) // W1
    return emitOpError("operand and result must be complex and of the same shape, got ") << x << " and " << y;
  if (failed(verifyDigits(*this, x, getPlan())))
    return failure();
  monarch::Digits digits = getDigits(getPlan());
  if (getDigit() <= digits.first() || getDigit() > digits.count()) // W2
    return emitOpError("digit must be in [") << digits.first() + 1 << ", " << digits.count() << "], got " << getDigit();
  return success();
}

/// stage(inverse(x)) of the same digit, plan and type is x.
template <typename Stage>
static OpFoldResult foldInverse(Stage op) {
  auto producer = op.getX().template getDefiningOp<Stage>();
  if (producer && producer.getInverse() != op.getInverse() && producer.getDigit() == op.getDigit() &&
      producer.getPlan() == op.getPlan() && producer.getX().getType() == op.getY().getType() &&
      isComplex(op.getY().getType()))
    return producer.getX();
  return {};
}

OpFoldResult DftOp::fold(FoldAdaptor) { return foldInverse(*this); }
OpFoldResult TwiddleOp::fold(FoldAdaptor) { return foldInverse(*this); }

LogicalResult SpectrumProductOp::verify() {
  RankedTensorType x = getX().getType(), y = getY().getType(), spectrum = getSpectrum().getType();
  if (x.getShape() != y.getShape() || !isComplex(x) || !isComplex(y)) // M1
    return emitOpError("operand and result must be complex and of the same shape, got ") << x << " and " << y;
  if (x.getShape().drop_front() != spectrum.getShape()) // M2
    return emitOpError("the spectrum must have the heads and digits of ") << x << ", got " << spectrum;
  return success();
}

LogicalResult ProjectOp::verify() {
  RankedTensorType u = getU().getType(), x = getX().getType();
  int64_t heads = u.getDimSize(headDim(getChannelsLast())), length = u.getDimSize(timeDim(getChannelsLast()));
  if (failed(verifySignal(*this, u)) ||
      failed(verifyGates(*this, u, heads, getPreGate(), getPostGate(), getSkip()))) // R1
    return failure();
  PlanAttr plan = getSpectrum().getPlan();
  bool complex = getSpectrum().getBoundary() == Boundary::Circular;
  auto type = dyn_cast<ComplexType>(x.getElementType());
  RankedTensorType expected =
      getEmbeddedType(u, getChannelsLast(), plan, complex, type ? type.getElementType() : x.getElementType());
  if (x != expected) // R2, R3
    return emitOpError("the digits of ") << u << " are " << expected << ", not " << x;
  if (length != getSpectrum().getLength()) // R4
    return emitOpError("u has length ") << length << ", the spectrum is for " << getSpectrum().getLength();
  return success();
}
