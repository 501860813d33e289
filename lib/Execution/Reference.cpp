//===- Reference.cpp - The direct sum -------------------------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Evaluates a function on demand: of a result, the elements asked for; of a value under a convolution, all of them. Nothing is
// rounded between ops, and no FFT, plan or table of this project takes part.
//
//===----------------------------------------------------------------------===//

#include "fftconv/Execution/Executors.h"
#include "fftconv/IR/FFTConv.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Parallel.h"

using namespace mlir;
using namespace fftconv;
using llvm::Expected;

namespace {
using Elements = std::vector<double>;
using Shared = std::shared_ptr<const Elements>;

class Evaluator {
public:
  Evaluator(func::FuncOp function, ArrayRef<Tensor> inputs) : inputs(inputs) {
    for (auto [argument, input] : llvm::zip_equal(function.getArguments(), inputs)) {
      auto elements = std::make_shared<Elements>(input.size());
      for (int64_t i = 0; i < input.size(); ++i)
        (*elements)[i] = input.get(i);
      known[argument] = elements;
    }
  }

  /// The elements of `value` at the given flat indices.
  Expected<Elements> some(Value value, ArrayRef<int64_t> indices) {
    if (Shared whole = known.lookup(value))
      return pick(*whole, indices);
    Operation *op = value.getDefiningOp();
    if (auto conv = dyn_cast<ConvOp>(op))
      return convolve(conv, indices);
    if (DenseFPElementsAttr constant; matchPattern(op, m_Constant(&constant))) {
      auto values = constant.getValues<APFloat>();
      Elements result;
      for (int64_t index : indices)
        result.push_back(values[index].convertToDouble());
      return result;
    }
    return elementwise(op, indices);
  }

private:
  static Elements pick(const Elements &whole, ArrayRef<int64_t> indices) {
    Elements result;
    for (int64_t index : indices)
      result.push_back(whole[index]);
    return result;
  }

  /// All elements of `value`, computed once; null for an absent value.
  Expected<Shared> all(Value value) {
    if (!value)
      return nullptr;
    if (Shared whole = known.lookup(value))
      return whole;
    Expected<SmallVector<int64_t>> shape = getShape(value, inputs);
    if (!shape)
      return shape.takeError();
    int64_t size = 1;
    for (int64_t dim : *shape)
      size *= dim;
    Expected<Elements> elements = some(value, llvm::to_vector(llvm::seq<int64_t>(0, size)));
    if (!elements)
      return elements.takeError();
    return known[value] = std::make_shared<Elements>(std::move(*elements));
  }

  Expected<Elements> elementwise(Operation *op, ArrayRef<int64_t> indices) {
    using Function = double (*)(double, double);
    auto function = llvm::TypeSwitch<Operation *, Function>(op)
                        .Case<arith::AddFOp>([](auto) { return [](double a, double b) { return a + b; }; })
                        .Case<arith::SubFOp>([](auto) { return [](double a, double b) { return a - b; }; })
                        .Case<arith::MulFOp>([](auto) { return [](double a, double b) { return a * b; }; })
                        .Case<arith::DivFOp>([](auto) { return [](double a, double b) { return a / b; }; })
                        .Case<arith::NegFOp>([](auto) { return [](double a, double) { return -a; }; })
                        .Case<arith::ExtFOp, arith::TruncFOp>([](auto) { return [](double a, double) { return a; }; })
                        .Default(Function(nullptr));
    if (!function)
      return llvm::createStringError("the reference executor does not know '" + op->getName().getStringRef() + "'");
    Expected<Elements> result = some(op->getOperand(0), indices);
    if (!result)
      return result;
    Elements right(indices.size(), 0);
    if (op->getNumOperands() == 2) {
      Expected<Elements> operand = some(op->getOperand(1), indices);
      if (!operand)
        return operand;
      right = std::move(*operand);
    }
    for (auto [value, other] : llvm::zip_equal(*result, right))
      value = function(value, other);
    return result;
  }

  /// The formula of fftconv.conv, term by term.
  Expected<Elements> convolve(ConvOp op, ArrayRef<int64_t> indices) {
    Shared u, taps, preGate, skip;
    for (auto [value, whole] : {std::pair<Value, Shared *>(op.getU(), &u),
                                {op.getK(), &taps},
                                {op.getPreGate(), &preGate},
                                {op.getSkip(), &skip}}) {
      Expected<Shared> elements = all(value);
      if (!elements)
        return elements.takeError();
      *whole = *elements;
    }
    Elements gated = *u;
    if (preGate)
      for (auto [x, gate] : llvm::zip_equal(gated, *preGate))
        x *= gate;

    Elements y(indices.size());
    int64_t heads = op.getHeads(), length = op.getLength(), count = op.getTaps();
    int64_t center = op.getCenter().value_or(0);
    bool circular = op.getBoundary() == Boundary::Circular;
    // Elements from one point in time to the next.
    bool last = op.getChannelsLast();
    int64_t stride = last ? heads : 1;
    llvm::parallelFor(0, indices.size(), [&](size_t i) {
      int64_t rest = indices[i], n = rest / stride % length, row = rest / (stride * length);
      int64_t head = last ? rest % heads : row % heads;
      const double *x = gated.data() + (rest - n * stride), *k = taps->data() + head * count;
      double sum = 0;
      if (circular) {
        for (int64_t j = 0, at = n; j < count; ++j, at = at == 0 ? length - 1 : at - 1)
          sum += k[j] * x[at * stride];
      } else {
        // The taps for which 0 <= n - (j - center) < length.
        int64_t begin = std::max<int64_t>(0, n + center - length + 1), end = std::min(count, n + center + 1);
        for (int64_t j = begin; j < end; ++j)
          sum += k[j] * x[(n + center - j) * stride];
      }
      y[i] = skip ? sum + (*skip)[head] * x[n * stride] : sum;
    });
    if (op.getPostGate()) {
      Expected<Elements> postGate = some(op.getPostGate(), indices);
      if (!postGate)
        return postGate;
      for (auto [value, gate] : llvm::zip_equal(y, *postGate))
        value *= gate;
    }
    return y;
  }

  ArrayRef<Tensor> inputs;
  DenseMap<Value, Shared> known;
};
} // namespace

Expected<SmallVector<Tensor>> fftconv::runReference(func::FuncOp function, ArrayRef<Tensor> inputs,
                                                    ArrayRef<SmallVector<int64_t>> samples) {
  if (llvm::Error error = checkInputs(function, inputs))
    return error;
  if (!function.getBody().hasOneBlock())
    return llvm::createStringError("the reference executor runs functions of one block, not @" + function.getName());
  Evaluator evaluator(function, inputs);
  SmallVector<Tensor> results;
  for (auto [i, value] : llvm::enumerate(function.getBody().front().getTerminator()->getOperands())) {
    Expected<SmallVector<int64_t>> shape = getShape(value, inputs);
    if (!shape)
      return shape.takeError();
    Tensor result(ElementType::F64, *shape);
    SmallVector<int64_t> indices =
        samples[i].empty() ? llvm::to_vector(llvm::seq<int64_t>(0, result.size())) : samples[i];
    Expected<Elements> elements = evaluator.some(value, indices);
    if (!elements)
      return elements.takeError();
    for (auto [index, element] : llvm::zip_equal(indices, *elements))
      result.set(index, element);
    results.push_back(std::move(result));
  }
  return results;
}
