//===- Signature.cpp - Tensors against a function's types -----------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "fftconv/Execution/Executors.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace fftconv;

llvm::Expected<ElementType> fftconv::getElementType(Type type) {
  if (auto tensor = dyn_cast<RankedTensorType>(type)) {
    Type element = tensor.getElementType();
    if (element.isF16())
      return ElementType::F16;
    if (element.isBF16())
      return ElementType::BF16;
    if (element.isF32())
      return ElementType::F32;
    if (element.isF64())
      return ElementType::F64;
  }
  std::string spelled;
  llvm::raw_string_ostream(spelled) << type;
  return llvm::createStringError("cannot pass " + spelled +
                                 " in or out of an entry: only ranked tensors of f16, bf16, f32 or f64");
}

llvm::Error fftconv::checkInputs(func::FuncOp function, ArrayRef<Tensor> inputs) {
  if (inputs.size() != function.getNumArguments())
    return llvm::createStringError(
        llvm::formatv("@{0} takes {1} inputs, got {2}", function.getName(), function.getNumArguments(), inputs.size())
            .str());
  for (auto [i, type] : llvm::enumerate(function.getArgumentTypes())) {
    llvm::Expected<ElementType> element = getElementType(type);
    if (!element)
      return element.takeError();
    auto tensor = cast<RankedTensorType>(type);
    const Tensor &input = inputs[i];
    bool fits = *element == input.type() && tensor.getRank() == static_cast<int64_t>(input.shape().size());
    for (int64_t dim = 0; fits && dim < tensor.getRank(); ++dim)
      fits = tensor.isDynamicDim(dim) ? input.shape()[dim] > 0 : input.shape()[dim] == tensor.getDimSize(dim);
    if (!fits) {
      std::string spelled;
      llvm::raw_string_ostream(spelled) << type;
      return llvm::createStringError(
          llvm::formatv("input {0} of @{1} is {2}, expected {3}", i, function.getName(), input.spell(), spelled).str());
    }
  }
  return llvm::Error::success();
}

llvm::Expected<SmallVector<int64_t>> fftconv::getShape(Value value, ArrayRef<Tensor> inputs) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (type && type.hasStaticShape())
    return llvm::to_vector(type.getShape());
  if (auto argument = dyn_cast<BlockArgument>(value); argument && argument.getOwner()->isEntryBlock())
    return llvm::to_vector(inputs[argument.getArgNumber()].shape());
  // Convolutions and elementwise ops have the shape of their first operand.
  Operation *op = value.getDefiningOp();
  if (type && op && op->getNumOperands() > 0 && op->getOperand(0).getType() == type)
    return getShape(op->getOperand(0), inputs);
  if (auto turn = dyn_cast_if_present<TurnOp>(op)) {
    llvm::Expected<SmallVector<int64_t>> shape = getShape(turn.getX(), inputs);
    if (shape)
      std::swap((*shape)[1], (*shape)[2]);
    return shape;
  }
  std::string spelled;
  llvm::raw_string_ostream(spelled) << value;
  return llvm::createStringError("cannot tell the shape of " + spelled);
}
