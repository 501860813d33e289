//===- HostNumbers.cpp - Functions of numbers by frameworks' names --------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "HostNumbers.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include <array>
#include <cmath>

using namespace mlir;
using namespace fftconv;

Value fftconv::convertNumber(OpBuilder &b, Location loc, Value x, Type to) {
  Type from = x.getType();
  if (from == to)
    return x;
  if (isa<FloatType>(from) && isa<FloatType>(to)) {
    unsigned a = from.getIntOrFloatBitWidth(), c = to.getIntOrFloatBitWidth();
    if (a == c)
      return convertNumber(b, loc, convertNumber(b, loc, x, b.getF32Type()), to);
    return a < c ? Value(arith::ExtFOp::create(b, loc, to, x)) : Value(arith::TruncFOp::create(b, loc, to, x));
  }
  if (isa<IntegerType>(from) && isa<FloatType>(to))
    return from.isInteger(1) ? Value(arith::UIToFPOp::create(b, loc, to, x))
                             : Value(arith::SIToFPOp::create(b, loc, to, x));
  if (isa<FloatType>(from) && isa<IntegerType>(to) && !to.isInteger(1))
    return arith::FPToSIOp::create(b, loc, to, x);
  if (isa<IntegerType>(from) && isa<IntegerType>(to) && !to.isInteger(1)) {
    unsigned a = from.getIntOrFloatBitWidth(), c = to.getIntOrFloatBitWidth();
    if (from.isInteger(1))
      return arith::ExtUIOp::create(b, loc, to, x);
    return a < c ? Value(arith::ExtSIOp::create(b, loc, to, x)) : Value(arith::TruncIOp::create(b, loc, to, x));
  }
  return {};
}

static Value compare(OpBuilder &b, Location loc, StringRef how, Value x, Value y) {
  static const std::array<std::tuple<StringRef, arith::CmpFPredicate, arith::CmpIPredicate>, 6> all = {{
      {"eq", arith::CmpFPredicate::OEQ, arith::CmpIPredicate::eq},
      {"ne", arith::CmpFPredicate::UNE, arith::CmpIPredicate::ne},
      {"lt", arith::CmpFPredicate::OLT, arith::CmpIPredicate::slt},
      {"le", arith::CmpFPredicate::OLE, arith::CmpIPredicate::sle},
      {"gt", arith::CmpFPredicate::OGT, arith::CmpIPredicate::sgt},
      {"ge", arith::CmpFPredicate::OGE, arith::CmpIPredicate::sge},
  }};
  for (auto [name, ofFloats, ofIntegers] : all)
    if (name == how)
      return isa<FloatType>(x.getType())     ? Value(arith::CmpFOp::create(b, loc, ofFloats, x, y))
             : isa<IntegerType>(x.getType()) ? Value(arith::CmpIOp::create(b, loc, ofIntegers, x, y))
                                             : Value();
  return {};
}

Value fftconv::constantNumber(OpBuilder &b, Location loc, Type type, double value) {
  return arith::ConstantOp::create(b, loc, b.getFloatAttr(type, value));
}

static Value ofFloats(OpBuilder &b, Location loc, StringRef name, ArrayRef<Value> x) {
  Type type = x[0].getType();
  auto one = [&] { return constantNumber(b, loc, type, 1); };
  auto logistic = [&](Value v) {
    Value e = math::ExpOp::create(b, loc, arith::NegFOp::create(b, loc, v));
    return arith::DivFOp::create(b, loc, one(), arith::AddFOp::create(b, loc, one(), e));
  };
  if (name == "add")
    return arith::AddFOp::create(b, loc, x[0], x[1]);
  if (name == "subtract")
    return arith::SubFOp::create(b, loc, x[0], x[1]);
  if (name == "multiply")
    return arith::MulFOp::create(b, loc, x[0], x[1]);
  if (name == "divide")
    return arith::DivFOp::create(b, loc, x[0], x[1]);
  if (name == "maximum")
    return arith::MaximumFOp::create(b, loc, x[0], x[1]);
  if (name == "minimum")
    return arith::MinimumFOp::create(b, loc, x[0], x[1]);
  if (name == "power")
    return math::PowFOp::create(b, loc, x[0], x[1]);
  if (name == "negate")
    return arith::NegFOp::create(b, loc, x[0]);
  if (name == "exp")
    return math::ExpOp::create(b, loc, x[0]);
  if (name == "expm1")
    return math::ExpM1Op::create(b, loc, x[0]);
  if (name == "log")
    return math::LogOp::create(b, loc, x[0]);
  if (name == "log1p")
    return math::Log1pOp::create(b, loc, x[0]);
  if (name == "sqrt")
    return math::SqrtOp::create(b, loc, x[0]);
  if (name == "rsqrt")
    return arith::DivFOp::create(b, loc, one(), math::SqrtOp::create(b, loc, x[0]));
  if (name == "tanh")
    return math::TanhOp::create(b, loc, x[0]);
  if (name == "sin")
    return math::SinOp::create(b, loc, x[0]);
  if (name == "cos")
    return math::CosOp::create(b, loc, x[0]);
  if (name == "abs")
    return math::AbsFOp::create(b, loc, x[0]);
  if (name == "floor")
    return math::FloorOp::create(b, loc, x[0]);
  if (name == "ceil")
    return math::CeilOp::create(b, loc, x[0]);
  if (name == "erf")
    return math::ErfOp::create(b, loc, x[0]);
  if (name == "erfc")
    return math::ErfcOp::create(b, loc, x[0]);
  if (name == "logistic")
    return logistic(x[0]);
  if (name == "silu")
    return arith::MulFOp::create(b, loc, x[0], logistic(x[0]));
  if (name == "relu")
    return arith::MaximumFOp::create(b, loc, x[0], constantNumber(b, loc, type, 0));
  if (name == "gelu") { // x/2 (1 + erf(x / sqrt 2))
    Value erf =
        math::ErfOp::create(b, loc, arith::MulFOp::create(b, loc, x[0], constantNumber(b, loc, type, std::sqrt(0.5))));
    Value half = arith::MulFOp::create(b, loc, x[0], constantNumber(b, loc, type, 0.5));
    return arith::MulFOp::create(b, loc, half, arith::AddFOp::create(b, loc, one(), erf));
  }
  return {};
}

Value fftconv::functionOfNumbers(OpBuilder &b, Location loc, StringRef name, Type element, ValueRange args) {
  if (name == "select")
    return arith::SelectOp::create(b, loc, args[0], args[1], args[2]);
  if (name.starts_with("compare_"))
    return compare(b, loc, name.drop_front(8), args[0], args[1]);
  // Numbers beside tensors are of a wider type; what is computed is of the result's.
  SmallVector<Value> x;
  for (Value arg : args) {
    x.push_back(convertNumber(b, loc, arg, name == "abs" ? arg.getType() : element));
    if (!x.back())
      return {};
  }
  if (isa<FloatType>(element))
    return ofFloats(b, loc, name, x);
  if (isa<IntegerType>(element)) {
    if (name == "add")
      return arith::AddIOp::create(b, loc, x[0], x[1]);
    if (name == "subtract")
      return arith::SubIOp::create(b, loc, x[0], x[1]);
    if (name == "multiply")
      return arith::MulIOp::create(b, loc, x[0], x[1]);
    if (name == "maximum")
      return arith::MaxSIOp::create(b, loc, x[0], x[1]);
    if (name == "minimum")
      return arith::MinSIOp::create(b, loc, x[0], x[1]);
    if (name == "and")
      return arith::AndIOp::create(b, loc, x[0], x[1]);
    if (name == "or")
      return arith::OrIOp::create(b, loc, x[0], x[1]);
    if (name == "negate")
      return arith::SubIOp::create(b, loc, arith::ConstantOp::create(b, loc, b.getZeroAttr(element)), x[0]);
  }
  return {};
}
