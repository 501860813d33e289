//===- TensorTest.cpp - Host tensors, errors and budgets ------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "fftconv/Execution/Tensor.h"

#include "gtest/gtest.h"

#include <cmath>
#include <limits>

using namespace fftconv;

static constexpr ElementType allTypes[] = {ElementType::F16, ElementType::BF16, ElementType::F32, ElementType::F64};

TEST(Tensor, StartsPoisoned) {
  for (ElementType type : allTypes) {
    Tensor tensor(type, {2, 3});
    EXPECT_EQ(tensor.size(), 6);
    for (int64_t i = 0; i < 6; ++i)
      EXPECT_TRUE(std::isnan(tensor.get(i))) << name(type).str();
  }
  EXPECT_EQ(Tensor(ElementType::BF16, {2, 3, 100}).spell(), "2x3x100xbf16");
}

TEST(Tensor, RoundsToNearestEven) {
  Tensor half(ElementType::F16, {8});
  half.set(0, 1 + std::exp2(-11));     // a tie, down to even
  half.set(1, 1 + 3 * std::exp2(-11)); // a tie, up to even
  half.set(2, -65504);
  half.set(3, 1e6);
  half.set(4, std::exp2(-24)); // the smallest subnormal
  half.set(5, std::exp2(-26));
  half.set(6, std::numeric_limits<double>::quiet_NaN());
  half.set(7, -0.0);
  EXPECT_EQ(half.get(0), 1);
  EXPECT_EQ(half.get(1), 1 + std::exp2(-9));
  EXPECT_EQ(half.get(2), -65504);
  EXPECT_EQ(half.get(3), std::numeric_limits<double>::infinity());
  EXPECT_EQ(half.get(4), std::exp2(-24));
  EXPECT_EQ(half.get(5), 0);
  EXPECT_TRUE(std::isnan(half.get(6)));
  EXPECT_TRUE(std::signbit(half.get(7)));

  Tensor brain(ElementType::BF16, {2});
  brain.set(0, 1 + std::exp2(-8));
  brain.set(1, 3e38);
  EXPECT_EQ(brain.get(0), 1);
  EXPECT_NEAR(brain.get(1), 3e38, 3e38 / 256);
}

// Every 16-bit pattern that is a number reads and writes back as itself.
TEST(Tensor, SixteenBitValuesAreExact) {
  for (ElementType type : {ElementType::F16, ElementType::BF16}) {
    Tensor tensor(type, {2});
    for (uint32_t bits = 0; bits < 65536; ++bits) {
      reinterpret_cast<uint16_t *>(tensor.data())[0] = static_cast<uint16_t>(bits);
      double value = tensor.get(0);
      if (std::isnan(value))
        continue;
      tensor.set(1, value);
      ASSERT_EQ(reinterpret_cast<uint16_t *>(tensor.data())[1], bits) << name(type).str();
    }
  }
}

TEST(Tensor, RandomValuesHaveUnitVarianceAndAreRepeatable) {
  Tensor a = Tensor::random(ElementType::F32, {10000}, 7), b = Tensor::random(ElementType::F32, {10000}, 7),
         c = Tensor::random(ElementType::F32, {10000}, 8);
  double sum = 0, squares = 0;
  for (int64_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a.get(i), b.get(i));
    sum += a.get(i);
    squares += a.get(i) * a.get(i);
  }
  EXPECT_NEAR(sum / 10000, 0, .05);
  EXPECT_NEAR(squares / 10000, 1, .1);
  EXPECT_NE(a.get(0), c.get(0));
}

TEST(Tensor, RelativeErrorSeesWhatIsWrong) {
  Tensor x(ElementType::F32, {3}), y(ElementType::F64, {3});
  for (int i = 0; i < 3; ++i) {
    x.set(i, i + 1);
    y.set(i, i + 1);
  }
  EXPECT_EQ(relativeError(x, y), 0);
  x.set(0, 2);
  EXPECT_DOUBLE_EQ(relativeError(x, y), std::sqrt(1.0 / 14));
  EXPECT_EQ(relativeError(x, y, {1, 2}), 0);
  x.set(1, std::numeric_limits<double>::quiet_NaN());
  EXPECT_EQ(relativeError(x, y), std::numeric_limits<double>::infinity());
  Tensor zero(ElementType::F64, {3});
  for (int i = 0; i < 3; ++i)
    zero.set(i, 0);
  EXPECT_EQ(relativeError(y, zero), std::numeric_limits<double>::infinity());
  EXPECT_EQ(relativeError(zero, zero), 0);
  // An output of zeros passes no budget.
  EXPECT_EQ(relativeError(zero, y), 1);
}

TEST(Tensor, BudgetsAreThoseOfTheTypes) {
  EXPECT_EQ(errorBudget(ElementType::F32, ElementType::F32), 2e-6);
  EXPECT_EQ(errorBudget(ElementType::F16, ElementType::F32), 1.5e-3);
  EXPECT_EQ(errorBudget(ElementType::BF16, ElementType::F32), 1.2e-2);
  EXPECT_EQ(errorBudget(ElementType::F16, ElementType::F16), 1.5e-3 + std::exp2(-11));
}
