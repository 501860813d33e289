//===- Tensor.cpp - Host tensors ------------------------------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "fftconv/Execution/Tensor.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/StringExtras.h"

#include <cassert>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

using namespace llvm;
using namespace fftconv;

StringRef fftconv::name(ElementType type) {
  switch (type) {
  case ElementType::F16:
    return "f16";
  case ElementType::BF16:
    return "bf16";
  case ElementType::F32:
    return "f32";
  case ElementType::F64:
    return "f64";
  }
  llvm_unreachable("all element types are above");
}

std::optional<ElementType> fftconv::parseElementType(StringRef text) {
  for (ElementType type : {ElementType::F16, ElementType::BF16, ElementType::F32, ElementType::F64})
    if (name(type) == text)
      return type;
  return std::nullopt;
}

int64_t fftconv::byteWidth(ElementType type) { return type == ElementType::F64 ? 8 : type == ElementType::F32 ? 4 : 2; }

Tensor::Tensor(ElementType type, ArrayRef<int64_t> shape) : elementType(type), dims(shape) {
  bytes.assign(size() * byteWidth(type), static_cast<char>(0xff));
}

int64_t Tensor::size() const {
  int64_t product = 1;
  for (int64_t dim : dims)
    product *= dim;
  return product;
}

std::string Tensor::spell() const {
  std::string text;
  for (int64_t dim : dims)
    text += std::to_string(dim) + "x";
  return text + name(elementType).str();
}

static double halfToDouble(uint16_t bits) {
  int exponent = bits >> 10 & 31, mantissa = bits & 1023;
  double magnitude =
      exponent == 31  ? (mantissa ? std::numeric_limits<double>::quiet_NaN() : std::numeric_limits<double>::infinity())
      : exponent == 0 ? std::ldexp(mantissa, -24)
                      : std::ldexp(mantissa + 1024, exponent - 25);
  return bits >> 15 ? -magnitude : magnitude;
}

double Tensor::get(int64_t index) const {
  const char *at = bytes.data() + index * byteWidth(elementType);
  uint16_t half;
  float single;
  double value;
  switch (elementType) {
  case ElementType::F16:
    std::memcpy(&half, at, 2);
    return halfToDouble(half);
  case ElementType::BF16: {
    std::memcpy(&half, at, 2);
    uint32_t wide = static_cast<uint32_t>(half) << 16;
    std::memcpy(&single, &wide, 4);
    return single;
  }
  case ElementType::F32:
    std::memcpy(&single, at, 4);
    return single;
  case ElementType::F64:
    std::memcpy(&value, at, 8);
    return value;
  }
  llvm_unreachable("all element types are above");
}

void Tensor::set(int64_t index, double value) {
  char *at = bytes.data() + index * byteWidth(elementType);
  if (elementType == ElementType::F64) {
    std::memcpy(at, &value, 8);
  } else if (elementType == ElementType::F32) {
    float single = static_cast<float>(value);
    std::memcpy(at, &single, 4);
  } else {
    APFloat rounded(value);
    bool losesInfo;
    rounded.convert(elementType == ElementType::F16 ? APFloat::IEEEhalf() : APFloat::BFloat(),
                    APFloat::rmNearestTiesToEven, &losesInfo);
    uint16_t bits = static_cast<uint16_t>(rounded.bitcastToAPInt().getZExtValue());
    std::memcpy(at, &bits, 2);
  }
}

Tensor Tensor::random(ElementType type, ArrayRef<int64_t> shape, uint64_t seed) {
  Tensor tensor(type, shape);
  std::mt19937_64 generator(seed);
  std::normal_distribution<double> normal;
  for (int64_t i = 0, size = tensor.size(); i < size; ++i)
    tensor.set(i, normal(generator));
  return tensor;
}

double fftconv::relativeError(const Tensor &x, const Tensor &reference, ArrayRef<int64_t> indices) {
  assert(x.shape() == reference.shape());
  double error = 0, norm = 0;
  int64_t count = indices.empty() ? x.size() : static_cast<int64_t>(indices.size());
  for (int64_t i = 0; i < count; ++i) {
    int64_t index = indices.empty() ? i : indices[i];
    double value = x.get(index), expected = reference.get(index);
    if (!std::isfinite(value))
      return std::numeric_limits<double>::infinity();
    error += (value - expected) * (value - expected);
    norm += expected * expected;
  }
  if (norm == 0)
    return error == 0 ? 0 : std::numeric_limits<double>::infinity();
  return std::sqrt(error / norm);
}

double fftconv::errorBudget(ElementType compute, ElementType output) {
  auto stages = [](ElementType type) {
    switch (type) {
    case ElementType::F16:
      return 1.5e-3;
    case ElementType::BF16:
      return 1.2e-2;
    default:
      return 2e-6;
    }
  };
  // The worst rounding of one value, which the mean stays below: half a unit in the last place.
  auto rounding = [](ElementType type) {
    switch (type) {
    case ElementType::F16:
      return std::ldexp(1, -11);
    case ElementType::BF16:
      return std::ldexp(1, -8);
    default:
      return 0.0;
    }
  };
  return stages(compute) + rounding(output);
}
