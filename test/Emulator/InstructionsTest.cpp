//===- InstructionsTest.cpp - Instructions against C++ --------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One instruction at a time, on random bits and on the values where things go wrong, against a reference written here: wide integers,
// the host's fused multiply-add, the compiler's own _Float16.
//
//===----------------------------------------------------------------------===//

#include "Instructions.h"

using namespace fftconv::emulator;

TEST(Integers, Arithmetic) {
  check<u32, u32>("add.u32 $d, $a, $b;", [](u32 a, u32 b, u32) { return a + b; });
  check<u64, u64>("sub.s64 $d, $a, $b;", [](u64 a, u64 b, u64) { return a - b; });
  check<u16, u16>("add.s16 $d, $a, $b;", [](u16 a, u16 b, u16) { return static_cast<u16>(a + b); });
  check<s32, s32>("add.sat.s32 $d, $a, $b;", [](s32 a, s32 b, s32) {
    return static_cast<s32>(std::clamp<s64>(s64(a) + b, INT32_MIN, INT32_MAX));
  });
  check<u32, u32>("mul.lo.u32 $d, $a, $b;", [](u32 a, u32 b, u32) { return a * b; });
  check<s32, s32>("mul.hi.s32 $d, $a, $b;", [](s32 a, s32 b, s32) { return static_cast<s32>(s64(a) * b >> 32); });
  check<u64, u64>("mul.hi.u64 $d, $a, $b;",
                  [](u64 a, u64 b, u64) { return static_cast<u64>((unsigned __int128)a * b >> 64); });
  check<s64, s32>("mul.wide.s32 $d, $a, $b;", [](s32 a, s32 b, s32) { return s64(a) * b; });
  check<u32, u16>("mul.wide.u16 $d, $a, $b;", [](u16 a, u16 b, u16) { return u32(a) * b; });
  check<u32, u32>("mad.lo.u32 $d, $a, $b, $c;", [](u32 a, u32 b, u32 c) { return a * b + c; });
  check<u64, u32, u32, u64>("mad.wide.u32 $d, $a, $b, $c;", [](u32 a, u32 b, u64 c) { return u64(a) * b + c; });
  check<s32, s32>("div.s32 $d, $a, $b;", [](s32 a, s32 b, s32) {
    return b == 0 ? -1 : b == -1 ? static_cast<s32>(0u - u32(a)) : a / b;
  });
  check<u32, u32>("rem.u32 $d, $a, $b;", [](u32 a, u32 b, u32) { return b ? a % b : a; });
  check<s32, s32>("min.s32 $d, $a, $b;", [](s32 a, s32 b, s32) { return std::min(a, b); });
  check<u64, u64>("max.u64 $d, $a, $b;", [](u64 a, u64 b, u64) { return std::max(a, b); });
  check<u32, u32>("sad.u32 $d, $a, $b, $c;", [](u32 a, u32 b, u32 c) { return c + (a < b ? b - a : a - b); });
  check<s32, s32>("abs.s32 $d, $a;", [](s32 a, s32, s32) { return static_cast<s32>(a < 0 ? 0u - u32(a) : u32(a)); });
  check<u64, u64>("{ .reg .b32 %x<4>; mov.b64 {%x0, %x1}, $a; mov.b64 {%x2, %x3}, $b; add.cc.u32 %x0, %x0, %x2; "
                  "addc.u32 %x1, %x1, %x3;"
                  " mov.b64 $d, {%x0, %x1}; }",
                  [](u64 a, u64 b, u64) { return a + b; });
  check<u64, u64>("{ .reg .b32 %x<4>; mov.b64 {%x0, %x1}, $a; mov.b64 {%x2, %x3}, $b; sub.cc.u32 %x0, %x0, %x2; "
                  "subc.u32 %x1, %x1, %x3;"
                  " mov.b64 $d, {%x0, %x1}; }",
                  [](u64 a, u64 b, u64) { return a - b; });
  check<u32, u32>("dp4a.s32.u32 $d, $a, $b, $c;", [](u32 a, u32 b, u32 c) {
    s64 sum = static_cast<s32>(c);
    for (int i = 0; i < 4; ++i)
      sum += s64(static_cast<int8_t>(a >> (8 * i))) * static_cast<uint8_t>(b >> (8 * i));
    return static_cast<u32>(sum);
  });
}

TEST(Integers, LogicAndShifts) {
  check<u32, u32>("and.b32 $d, $a, $b;", [](u32 a, u32 b, u32) { return a & b; });
  check<u16, u16>("not.b16 $d, $a;", [](u16 a, u16, u16) { return static_cast<u16>(~a); });
  check<u32, u32>("lop3.b32 $d, $a, $b, $c, 0xe8;", [](u32 a, u32 b, u32 c) { return (a & b) | (b & c) | (a & c); });
  check<u32, u32>("lop3.b32 $d, $a, $b, $c, 0x96;", [](u32 a, u32 b, u32 c) { return a ^ b ^ c; });
  check<u64, u64, u32>("shl.b64 $d, $a, $b;", [](u64 a, u32 b, u64) { return b > 63 ? 0 : a << b; });
  check<s32, s32, u32>("shr.s32 $d, $a, $b;", [](s32 a, u32 b, s32) { return a >> std::min(b, 31u); });
  check<u32, u32>("shr.u32 $d, $a, $b;", [](u32 a, u32 b, u32) { return b > 31 ? 0 : a >> b; });
  check<u32, u32>("shf.l.wrap.b32 $d, $a, $b, $c;",
                  [](u32 a, u32 b, u32 c) { return static_cast<u32>((u64(b) << 32 | a) << (c & 31) >> 32); });
  check<u32, u32>("shf.r.clamp.b32 $d, $a, $b, $c;",
                  [](u32 a, u32 b, u32 c) { return c >= 32 ? b : static_cast<u32>((u64(b) << 32 | a) >> c); });
  check<u32, u32>("prmt.b32 $d, $a, $b, $c;", [](u32 a, u32 b, u32 c) {
    u32 result = 0;
    for (int i = 0; i < 4; ++i) {
      u32 s = c >> (4 * i) & 15, byte = (s & 4 ? b : a) >> (8 * (s & 3)) & 255;
      result |= (s & 8 ? (byte & 128 ? 255 : 0) : byte) << (8 * i);
    }
    return result;
  });
  check<u32, u32>("bfe.u32 $d, $a, $b, $c;", [](u32 a, u32 b, u32 c) {
    u32 result = 0;
    for (u32 i = 0, pos = b & 255, len = c & 255; i < len && pos + i < 32; ++i)
      result |= (a >> (pos + i) & 1) << i;
    return result;
  });
  check<s32, s32>("bfe.s32 $d, $a, $b, $c;", [](s32 a, s32 b, s32 c) {
    // PTX's own definition, bit by bit.
    u32 pos = b & 255, len = c & 255, result = 0, bits = static_cast<u32>(a);
    bool sign = len != 0 && (bits >> std::min(pos + len - 1, 31u) & 1);
    for (u32 i = 0; i < 32; ++i)
      result |= u32(i < len && pos + i < 32 ? bits >> (pos + i) & 1 : sign) << i;
    return static_cast<s32>(result);
  });
  check<u32, u32>("bfi.b32 $d, $a, $b, $c, 7;", [](u32 a, u32 b, u32 c) {
    u32 result = b;
    for (u32 i = 0, pos = c & 255; i < 7 && pos + i < 32; ++i)
      result = (result & ~(1u << (pos + i))) | (a >> i & 1) << (pos + i);
    return result;
  });
  check<u32, u64>("popc.b64 $d, $a;", [](u64 a, u64, u64) { return static_cast<u32>(__builtin_popcountll(a)); });
  check<u32, u32>("clz.b32 $d, $a;", [](u32 a, u32, u32) { return a ? static_cast<u32>(__builtin_clz(a)) : 32; });
  check<u32, u32>("brev.b32 $d, $a;", [](u32 a, u32, u32) {
    u32 result = 0;
    for (int i = 0; i < 32; ++i)
      result |= (a >> i & 1) << (31 - i);
    return result;
  });
  check<u32, s32>("bfind.s32 $d, $a;", [](s32 a, s32, s32) {
    for (int i = 31; i-- > 0;)
      if ((a >> i & 1) != (a < 0))
        return static_cast<u32>(i);
    return UINT32_MAX;
  });
}

TEST(Floats, Arithmetic) {
  check<float, float>("add.f32 $d, $a, $b;", [](float a, float b, float) { return a + b; });
  check<float, float>("mul.rn.f32 $d, $a, $b;", [](float a, float b, float) { return a * b; });
  check<float, float>("fma.rn.f32 $d, $a, $b, $c;", [](float a, float b, float c) { return std::fma(a, b, c); });
  check<double, double>("fma.rn.f64 $d, $a, $b, $c;", [](double a, double b, double c) { return std::fma(a, b, c); });
  check<float, float>("div.rn.f32 $d, $a, $b;", [](float a, float b, float) { return a / b; });
  check<float, float>("sqrt.rn.f32 $d, $a;", [](float a, float, float) { return std::sqrt(a); });
  check<float, float>("rcp.rn.f32 $d, $a;", [](float a, float, float) { return 1 / a; });
  check<double, double>("div.rn.f64 $d, $a, $b;", [](double a, double b, double) { return a / b; });
  for (auto [name, mode] : {std::pair("rz", FE_TOWARDZERO), {"rm", FE_DOWNWARD}, {"rp", FE_UPWARD}}) {
    int m = mode;
    auto op = [&](const char *text) { return std::string(text).replace(std::string(text).find("RR"), 2, name); };
    check<float, float>(op("add.RR.f32 $d, $a, $b;"), [m](float a, float b, float) {
      volatile float x = a, y = b;
      return rounded(m, [&] { return x + y; });
    });
    check<float, float>(op("fma.RR.f32 $d, $a, $b, $c;"), [m](float a, float b, float c) {
      volatile float x = a, y = b, z = c;
      return rounded(m, [&] { return std::fma(x, y, z); });
    });
    check<double, double>(op("mul.RR.f64 $d, $a, $b;"), [m](double a, double b, double) {
      volatile double x = a, y = b;
      return rounded(m, [&] { return x * y; });
    });
  }
  check<float, float>("mul.ftz.f32 $d, $a, $b;",
                      [](float a, float b, float) { return flushed(flushed(a) * flushed(b)); });
  check<float, float>("add.sat.f32 $d, $a, $b;", [](float a, float b, float) {
    float sum = a + b;
    return sum > 0 ? std::min(sum, 1.0f) : 0.0f;
  });
  check<float, float>("min.f32 $d, $a, $b;", [](float a, float b, float) {
    return a != a ? b : b != b ? a : a == b ? (std::signbit(a) ? a : b) : std::min(a, b);
  });
  check<float, float>("max.NaN.f32 $d, $a, $b;", [](float a, float b, float) {
    return a != a || b != b ? NAN : a == b ? (std::signbit(a) ? b : a) : std::max(a, b);
  });
  check<u32, u32>("neg.f32 $d, $a;", [](u32 a, u32, u32) { return a ^ 0x80000000; });
  check<u32, u32>("abs.f32 $d, $a;", [](u32 a, u32, u32) { return a & 0x7fffffff; });
  check<u32, u32>("copysign.f32 $d, $a, $b;", [](u32 a, u32 b, u32) { return (a & 0x80000000) | (b & 0x7fffffff); });
}

TEST(Floats, PairsAndMixed) {
  using u64 = uint64_t;
  auto pairs = [](const char *text, float (*f)(float, float, float)) {
    check<u64, u64>(text, [f](u64 a, u64 b, u64 c) {
      auto half = [&](int shift) {
        auto of = [&](u64 pair) { return std::bit_cast<float>(static_cast<u32>(pair >> shift)); };
        float value = f(of(a), of(b), of(c));
        return u64(value == value ? std::bit_cast<u32>(value) : 0x7fffffff) << shift;
      };
      return half(0) | half(32);
    });
  };
  pairs("add.rn.f32x2 $d, $a, $b;", [](float a, float b, float) { return a + b; });
  pairs("sub.rn.f32x2 $d, $a, $b;", [](float a, float b, float) { return a - b; });
  pairs("mul.rn.f32x2 $d, $a, $b;", [](float a, float b, float) { return a * b; });
  pairs("fma.rn.f32x2 $d, $a, $b, $c;", [](float a, float b, float c) { return std::fma(a, b, c); });
  auto narrow = [](u32 bits) { return static_cast<float>(toFloat(static_cast<u16>(bits))); };
  auto mixed = [&](const char *text, auto f) {
    check<u32, u32>(text, [f](u32 a, u32 b, u32 c) {
      float value = f(a, b, c);
      return value == value ? std::bit_cast<u32>(value) : 0x7fffffff;
    });
  };
  mixed("{ .reg .b16 %n; cvt.u16.u32 %n, $a; add.rn.f32.f16 $d, %n, $b; }",
        [=](u32 a, u32 b, u32) { return narrow(a) + std::bit_cast<float>(b); });
  mixed("{ .reg .b16 %n; cvt.u16.u32 %n, $a; sub.rn.f32.bf16 $d, %n, $b; }",
        [=](u32 a, u32 b, u32) { return std::bit_cast<float>(a << 16) - std::bit_cast<float>(b); });
  mixed("{ .reg .b16 %n, %m; cvt.u16.u32 %n, $a; cvt.u16.u32 %m, $b; fma.rn.f32.f16 $d, %n, %m, $c; }",
        [=](u32 a, u32 b, u32 c) { return std::fma(narrow(a), narrow(b), std::bit_cast<float>(c)); });
}

// Approximations are held to the errors that PTX states for them.
TEST(Floats, Approximations) {
  std::vector<float> a = values<float>(5), ex2 = run<float, float, float, float>("ex2.approx.f32 $d, $a;", a, a, a),
                     lg2 = run<float, float, float, float>("lg2.approx.f32 $d, $a;", a, a, a),
                     sine = run<float, float, float, float>("sin.approx.f32 $d, $a;", a, a, a),
                     rsqrt = run<float, float, float, float>("rsqrt.approx.f32 $d, $a;", a, a, a),
                     tanh = run<float, float, float, float>("tanh.approx.f32 $d, $a;", a, a, a);
  for (size_t i = 0; i < a.size(); ++i) {
    double x = a[i];
    if (std::isnan(x))
      continue;
    if (std::fabs(x) < 100) {
      ASSERT_NEAR(ex2[i] / std::exp2(x), 1, 2.4e-7);
      ASSERT_NEAR(tanh[i], std::tanh(x), 5e-4);
    }
    if (x > 0 && std::isnormal(a[i])) {
      ASSERT_NEAR(lg2[i], std::log2(x), 3e-7 * std::max(1.0, std::fabs(std::log2(x))));
      ASSERT_NEAR(rsqrt[i] * std::sqrt(x), 1, 2e-7);
    }
    if (std::fabs(x) < 3.14) {
      ASSERT_NEAR(sine[i], std::sin(x), 6e-7);
    }
  }
}

TEST(Halves, Arithmetic) {
  auto binary = [&](const char *text, double (*f)(double, double)) {
    check<u16, u16>(
        text, [f](u16 a, u16 b, u16) { return toHalf(f(toFloat(a), toFloat(b))); }, 6000);
  };
  binary("add.f16 $d, $a, $b;", [](double a, double b) { return a + b; });
  binary("sub.f16 $d, $a, $b;", [](double a, double b) { return a - b; });
  binary("mul.f16 $d, $a, $b;", [](double a, double b) { return a * b; });
  // The product is exact in f64, and f64 is wide enough for the sum to round right (see Numeric.h); long double is wider still.
  auto fused = [](u16 a, u16 b, u16 c) {
    long double sum = static_cast<long double>(toFloat(a)) * toFloat(b) + toFloat(c);
    return sum != sum ? u16(0x7fff) : std::bit_cast<u16>(static_cast<_Float16>(sum));
  };
  check<u16, u16>("fma.rn.f16 $d, $a, $b, $c;", fused, 20000);
  // Pairs, whose vector form must give the same bits, half-way cases among them.
  check<u32, u32>(
      "fma.rn.f16x2 $d, $a, $b, $c;",
      [&](u32 a, u32 b, u32 c) {
        return fused(static_cast<u16>(a), static_cast<u16>(b), static_cast<u16>(c)) |
               u32(fused(static_cast<u16>(a >> 16), static_cast<u16>(b >> 16), static_cast<u16>(c >> 16))) << 16;
      },
      60000);
  check<u32, u32>(
      "mul.f16x2 $d, $a, $b;",
      [&](u32 a, u32 b, u32) {
        return toHalf(double(toFloat(static_cast<u16>(a))) * toFloat(static_cast<u16>(b))) |
               u32(toHalf(double(toFloat(static_cast<u16>(a >> 16))) * toFloat(static_cast<u16>(b >> 16)))) << 16;
      },
      60000);
  check<u16, u16>("max.f16 $d, $a, $b;", [](u16 a, u16 b, u16) {
    float x = toFloat(a), y = toFloat(b);
    return x != x && y != y ? u16(0x7fff) : x != x ? b : y != y ? a : x == y ? (a >> 15 ? b : a) : x > y ? a : b;
  });
  check<u16, u16>("neg.f16 $d, $a;", [](u16 a, u16, u16) { return static_cast<u16>(a ^ 0x8000); });
  check<u16, u16>(
      "mul.bf16 $d, $a, $b;", [](u16 a, u16 b, u16) { return toBrain(brain(a) * brain(b)); }, 6000);
  check<u16, u16>(
      "fma.rn.bf16 $d, $a, $b, $c;",
      [](u16 a, u16 b, u16 c) {
        double p = double(brain(a)) * brain(b), z = brain(c); // the product is exact
        u16 nearby = toBrain(static_cast<float>(p + z));
        if (!std::isfinite(brain(nearby)) || (nearby & 0x7fff) == 0)
          return nearby;
        // Up or down by one where the exact sum lies beyond the middle of two neighbours. The larger term minus a middle near it is exact,
        // and the sign of one more sum is too.
        auto beyond = [&](u16 x, u16 y) { // sign of p + z - (x + y) / 2
          double middle = (double(brain(x)) + brain(y)) / 2, large = std::fabs(p) > std::fabs(z) ? p : z,
                 small = large == p ? z : p;
          return (large - middle) + small;
        };
        int sign = nearby >> 15 ? -1 : 1;
        u16 up = static_cast<u16>(nearby + 1), down = static_cast<u16>(nearby - 1);
        double above = sign * beyond(nearby, up), below = sign * beyond(nearby, down);
        if (above > 0 || (above == 0 && (nearby & 1)))
          return up;
        return below < 0 || (below == 0 && (nearby & 1)) ? down : nearby;
      },
      6000);
}

TEST(Comparisons, Relations) {
  auto predicate = [](const std::string &text) { return text + " selp.u32 $d, 1, 0, %q0;"; };
  check<u32, s32>(predicate("setp.lt.s32 %q0, $a, $b;"), [](s32 a, s32 b, s32) { return u32(a < b); });
  check<u32, u32>(predicate("setp.hs.u32 %q0, $a, $b;"), [](u32 a, u32 b, u32) { return u32(a >= b); });
  check<u32, float>(predicate("setp.le.f32 %q0, $a, $b;"), [](float a, float b, float) { return u32(a <= b); });
  check<u32, float>(predicate("setp.neu.f32 %q0, $a, $b;"), [](float a, float b, float) { return u32(!(a == b)); });
  check<u32, float>(predicate("setp.nan.f32 %q0, $a, $b;"),
                    [](float a, float b, float) { return u32(a != a || b != b); });
  check<u32, u32>(predicate("setp.ne.u32 %q1, $c, 0; setp.gt.and.u32 %q0|%q2, $a, $b, !%q1;"),
                  [](u32 a, u32 b, u32 c) { return u32(a > b && c == 0); });
  check<u32, u16>(predicate("setp.gt.f16 %q0, $a, $b;"),
                  [](u16 a, u16 b, u16) { return u32(toFloat(a) > toFloat(b)); });
  check<u32, u32>(
      "setp.eq.f16x2 %q0|%q1, $a, $b; selp.u32 %u0, 1, 0, %q0; selp.u32 %u1, 2, 0, %q1; add.u32 $d, %u0, %u1;",
      [](u32 a, u32 b, u32) {
        return u32(toFloat(static_cast<u16>(a)) == toFloat(static_cast<u16>(b))) +
               2 * u32(toFloat(static_cast<u16>(a >> 16)) == toFloat(static_cast<u16>(b >> 16)));
      });
  check<u32, s32>("set.le.u32.s32 $d, $a, $b;", [](s32 a, s32 b, s32) { return a <= b ? UINT32_MAX : 0; });
  check<u32, u32, u32, s32>("slct.u32.s32 $d, $a, $b, $c;", [](u32 a, u32 b, s32 c) { return c >= 0 ? a : b; });
}

TEST(Conversions, BetweenIntegersAndFloats) {
  check<s32, float>("cvt.rzi.s32.f32 $d, $a;", [](float a, float, float) {
    return a != a ? 0 : a >= 0x1p31f ? INT32_MAX : a < -0x1p31f ? INT32_MIN : static_cast<s32>(a);
  });
  check<u32, float>("cvt.rni.u32.f32 $d, $a;", [](float a, float, float) {
    double r = std::nearbyint(double(a));
    return a != a || r < 0 ? 0u : r >= 0x1p32 ? UINT32_MAX : static_cast<u32>(r);
  });
  check<float, s32>("cvt.rn.f32.s32 $d, $a;", [](s32 a, s32, s32) { return static_cast<float>(a); });
  check<float, u64>("cvt.rn.f32.u64 $d, $a;", [](u64 a, u64, u64) { return static_cast<float>(a); });
  check<double, s64>("cvt.rz.f64.s64 $d, $a;", [](s64 a, s64, s64) {
    volatile s64 x = a;
    return rounded(FE_TOWARDZERO, [&] { return static_cast<double>(x); });
  });
  check<float, double>("cvt.rp.f32.f64 $d, $a;", [](double a, double, double) {
    volatile double x = a;
    return rounded(FE_UPWARD, [&] { return static_cast<float>(x); });
  });
  check<float, float>("cvt.rmi.f32.f32 $d, $a;", [](float a, float, float) { return std::floor(a); });
  check<s64, s32>("cvt.s64.s32 $d, $a;", [](s32 a, s32, s32) { return s64(a); });
  check<u32, u32>("cvt.sat.u8.u32 %u0, $a; mov.u32 $d, %u0;", [](u32 a, u32, u32) { return std::min(a, 255u); });
  check<u32, u32>("cvt.s8.u32 %u0, $a; mov.u32 $d, %u0;",
                  [](u32 a, u32, u32) { return static_cast<u32>(s32(static_cast<int8_t>(a))); });
}

// Every f16 and bf16 there is, and every upper half of an f32 with the lower halves where rounding turns.
TEST(Conversions, SmallFloatsExhaustively) {
  std::vector<u16> all(65536);
  for (u32 i = 0; i < 65536; ++i)
    all[i] = static_cast<u16>(i);
  std::vector<float> wide = run<float, u16, u16, u16>("cvt.f32.f16 $d, $a;", all, all, all);
  std::vector<float> brains = run<float, u16, u16, u16>("cvt.f32.bf16 $d, $a;", all, all, all);
  for (u32 i = 0; i < 65536; ++i) {
    ASSERT_TRUE(same(wide[i], toFloat(all[i]))) << i;
    ASSERT_TRUE(same(brains[i], brain(all[i]))) << i;
  }
  for (u32 low : {0u, 1u, 0x0fffu, 0x1000u, 0x1001u, 0x7fffu, 0x8000u, 0x8001u, 0xe000u, 0xefffu, 0xf000u, 0xffffu}) {
    std::vector<float> in(65536);
    for (u32 i = 0; i < 65536; ++i)
      in[i] = std::bit_cast<float>(i << 16 | low);
    std::vector<u16> half = run<u16, float, float, float>("cvt.rn.f16.f32 $d, $a;", in, in, in);
    std::vector<u16> brain16 = run<u16, float, float, float>("cvt.rn.bf16.f32 $d, $a;", in, in, in);
    std::vector<u32> pair = run<u32, float, float, float>("cvt.rn.f16x2.f32 $d, $a, $b;", in, in, in);
    std::vector<u32> tensor = run<u32, float, float, float>("cvt.rna.tf32.f32 $d, $a;", in, in, in);
    std::vector<u16> toZero = run<u16, float, float, float>("cvt.rz.f16.f32 $d, $a;", in, in, in);
    for (u32 i = 0; i < 65536; ++i) {
      u16 expected = toHalf(in[i]);
      ASSERT_EQ(half[i], expected) << in[i];
      ASSERT_EQ(pair[i], u32(expected) << 16 | expected) << in[i];
      ASSERT_EQ(brain16[i], toBrain(in[i])) << in[i];
      if (in[i] == in[i]) {
        u32 bits = std::bit_cast<u32>(in[i]);
        // Ties away from zero: half of the last bit added to the magnitude.
        u32 away = (bits & 0x7fffffff) >= 0x7f800000 ? bits : (bits + 0x1000) & 0xffffe000;
        ASSERT_EQ(tensor[i], away) << in[i];
        float back = toFloat(toZero[i]);
        ASSERT_LE(std::fabs(back), std::fabs(in[i]));
        u16 next = static_cast<u16>(toZero[i] + 1);
        ASSERT_TRUE(std::isinf(in[i]) || std::fabs(toFloat(next)) > std::fabs(in[i]) || (next & 0x7fff) == 0x7c00)
            << in[i];
      }
    }
  }
}
