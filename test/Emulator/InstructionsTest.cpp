//===- InstructionsTest.cpp - Instructions against C++ --------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One instruction at a time, on random bits and on the values where things go wrong, against a reference written here: wide integers,
// the host's fused multiply-add, the compiler's own _Float16.
//
//===----------------------------------------------------------------------===//

#include "Harness.h"

#include <algorithm>
#include <bit>
#include <cfenv>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>

using namespace fftconv::emulator;

namespace {
using u16 = uint16_t;
using u32 = uint32_t;
using u64 = uint64_t;
using s32 = int32_t;
using s64 = int64_t;

template <typename T>
std::string registerOf(char operand) {
  return "%" + std::string(sizeof(T) == 2 ? "h" : sizeof(T) == 4 ? "r" : "d") + operand;
}
template <typename T>
std::string accessOf() {
  return ".b" + std::to_string(8 * sizeof(T));
}

/// Replaces $d, $a, $b, $c by the registers of those types.
template <typename D, typename A, typename B, typename C>
std::string spell(std::string text) {
  const std::pair<char, std::string> names[] = {
      {'d', registerOf<D>('d')}, {'a', registerOf<A>('a')}, {'b', registerOf<B>('b')}, {'c', registerOf<C>('c')}};
  for (const auto &[letter, name] : names)
    for (size_t at; (at = text.find(std::string("$") + letter)) != std::string::npos;)
      text.replace(at, 2, name);
  return text;
}

/// What an instruction (or several) gives for each element of a, b and c.
template <typename D, typename A, typename B, typename C>
std::vector<D> run(const std::string &text, std::vector<A> a, std::vector<B> b, std::vector<C> c) {
  std::string body =
      ".reg .b16 %hd, %ha, %hb, %hc; .reg .b32 %rd, %ra, %rb, %rc, %i, %n; .reg .b64 %dd, %da, %db, %dc, %p<5>, %o;"
      ".reg .pred %q<4>; .reg .b16 %t<4>; .reg .b32 %u<4>; .reg .b64 %w<4>;\n";
  for (int i = 0; i < 4; ++i)
    body += "ld.param.u64 %p" + std::to_string(i) + ", [k_param_" + std::to_string(i) + "];\n";
  body += "mov.u32 %i, %ctaid.x; mov.u32 %n, %tid.x; mad.lo.s32 %i, %i, 64, %n;\n";
  auto access = [&](char letter, const std::string &name, const std::string &type, size_t bytes, int parameter,
                    bool store) {
    std::string at =
        "mul.wide.u32 %o, %i, " + std::to_string(bytes) + "; add.u64 %o, %o, %p" + std::to_string(parameter) + ";\n";
    (void)letter;
    return at + (store ? "st.global" + type + " [%o], " + name : "ld.global" + type + " " + name + ", [%o]") + ";\n";
  };
  body += access('a', registerOf<A>('a'), accessOf<A>(), sizeof(A), 1, false);
  body += access('b', registerOf<B>('b'), accessOf<B>(), sizeof(B), 2, false);
  body += access('c', registerOf<C>('c'), accessOf<C>(), sizeof(C), 3, false);
  body += spell<D, A, B, C>(text) + "\n";
  body += access('d', registerOf<D>('d'), accessOf<D>(), sizeof(D), 0, true) + "ret;";
  size_t padded = (a.size() + 63) / 64 * 64;
  std::vector<D> d(padded);
  size_t count = a.size();
  a.resize(padded);
  b.resize(padded);
  c.resize(padded);
  std::string program = kernelText(
      ".param .u64 k_param_0, .param .u64 k_param_1, .param .u64 k_param_2, .param .u64 k_param_3", body, "sm_90");
  // With the host's vector instructions and without: the same bits.
  std::vector<D> portable(padded);
  for (bool allowed : {true, false}) {
    allowVectors(allowed);
    Program fresh(program);
    Session session(fresh);
    session.buffer("d", allowed ? d : portable).buffer("a", a).buffer("b", b).buffer("c", c);
    Result result = session.launch("k", {static_cast<uint32_t>(padded / 64)}, {64});
    EXPECT_TRUE(result.ok()) << text << "\n" << describe(result);
  }
  allowVectors(true);
  EXPECT_EQ(std::memcmp(d.data(), portable.data(), padded * sizeof(D)), 0) << text;
  d.resize(count);
  return d;
}

/// Random bits, small numbers, and the edges of integers and floats of this width.
template <typename T>
std::vector<T> values(unsigned seed, size_t count = 1500) {
  using U = std::conditional_t<sizeof(T) == 2, u16, std::conditional_t<sizeof(T) == 4, u32, u64>>;
  std::vector<U> edges = {0,
                          1,
                          2,
                          3,
                          31,
                          32,
                          33,
                          static_cast<U>(-1),
                          static_cast<U>(-2),
                          U(1) << (8 * sizeof(U) - 1),
                          static_cast<U>((U(1) << (8 * sizeof(U) - 1)) - 1)};
  if constexpr (sizeof(T) == 4)
    edges.insert(edges.end(),
                 {0x3f800000, 0xbf800000, 0x7f800000, 0xff800000, 0x7fc00000, 0x00000001, 0x007fffff, 0x00800000,
                  0x7f7fffff, 0x4b000000, 0x3effffff, 0x3f000000, 0x477fefff, 0x477ff000, 0x33000000, 0x33000001});
  if constexpr (sizeof(T) == 2)
    edges.insert(edges.end(), {0x3c00, 0xbc00, 0x7c00, 0xfc00, 0x7e00, 0x0001, 0x03ff, 0x0400, 0x7bff, 0x3800, 0x3bff});
  if constexpr (sizeof(T) == 8)
    edges.insert(edges.end(), {0x3ff0000000000000, 0x7ff0000000000000, 0x7ff8000000000000, 0x0000000000000001,
                               0x0010000000000000, 0x7fefffffffffffff, 0x41dfffffffc00000, 0xc1e0000000000000});
  std::mt19937_64 random(seed);
  std::vector<T> result;
  for (size_t i = 0; i < count; ++i) {
    U bits = static_cast<U>(random());
    if (i % 3 == 1)
      bits = edges[random() % edges.size()];
    else if (i % 3 == 2 && sizeof(T) > 2) // floats of moderate size
      bits = static_cast<U>((bits & ~(U(0x7f) << (8 * sizeof(U) - 8))) | U(i % 2 ? 0x40 : 0x3f) << (8 * sizeof(U) - 8));
    result.push_back(std::bit_cast<T>(bits));
  }
  return result;
}

template <typename T>
bool same(T x, T y) {
  if constexpr (std::is_floating_point_v<T>)
    return (x != x && y != y) || std::memcmp(&x, &y, sizeof(T)) == 0;
  else
    return x == y;
}

template <typename D, typename A, typename B = A, typename C = A>
void check(const std::string &text, std::type_identity_t<std::function<D(A, B, C)>> reference, size_t count = 1500) {
  std::vector<A> a = values<A>(1, count);
  std::vector<B> b = values<B>(2, count);
  std::vector<C> c = values<C>(3, count);
  std::vector<D> d = run<D, A, B, C>(text, a, b, c);
  for (size_t i = 0; i < count; ++i) {
    D expected = reference(a[i], b[i], c[i]);
    ASSERT_TRUE(same(d[i], expected)) << text << " of " << +a[i] << ", " << +b[i] << ", " << +c[i] << " is " << +d[i]
                                      << ", not " << +expected;
  }
}

/// f16 by the compiler's own type; NaN compares as itself.
float toFloat(u16 h) { return static_cast<float>(std::bit_cast<_Float16>(h)); }
u16 toHalf(double v) { return v != v ? 0x7fff : std::bit_cast<u16>(static_cast<_Float16>(v)); }
float brain(u16 b) { return std::bit_cast<float>(u32(b) << 16); }
u16 toBrain(float v) {
  if (v != v)
    return 0x7fff;
  u32 bits = std::bit_cast<u32>(v);
  return static_cast<u16>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}
float flushed(float v) { return std::fpclassify(v) == FP_SUBNORMAL ? std::copysign(0.0f, v) : v; }

template <typename F>
auto rounded(int mode, F f) {
  int before = std::fegetround();
  std::fesetround(mode);
  volatile auto result = f();
  std::fesetround(before);
  return result;
}
} // namespace

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

TEST(Warps, ShufflesVotesAndReductions) {
  auto perWarp = [](const std::string &text, std::function<u32(const std::vector<u32> &, unsigned)> reference) {
    std::vector<u32> a = values<u32>(9, 128), d = run<u32, u32, u32, u32>(text, a, a, a);
    for (unsigned i = 0; i < a.size(); ++i) {
      std::vector<u32> warp(a.begin() + i / 32 * 32, a.begin() + i / 32 * 32 + 32);
      ASSERT_EQ(d[i], reference(warp, i % 32)) << text << " lane " << i;
    }
  };
  perWarp("shfl.sync.up.b32 $d, $a, 3, 0, -1;", [](auto &w, unsigned l) { return l < 3 ? w[l] : w[l - 3]; });
  perWarp("shfl.sync.down.b32 $d, $a, 5, 31, -1;", [](auto &w, unsigned l) { return l + 5 > 31 ? w[l] : w[l + 5]; });
  perWarp("shfl.sync.bfly.b32 $d, $a, 6, 31, -1;", [](auto &w, unsigned l) { return w[l ^ 6]; });
  // Segments of eight lanes: the lane of the same number in each.
  perWarp("shfl.sync.idx.b32 $d, $a, 2, 0x181f, -1;", [](auto &w, unsigned l) { return w[(l & 24) | 2]; });
  perWarp("shfl.sync.down.b32 %u0|%q0, $a, 16, 31, -1; selp.u32 $d, 1, 0, %q0;",
          [](auto &, unsigned l) { return u32(l < 16); });
  perWarp("setp.lt.u32 %q0, $a, 0x80000000; vote.sync.ballot.b32 $d, %q0, -1;", [](auto &w, unsigned) {
    u32 votes = 0;
    for (unsigned i = 0; i < 32; ++i)
      votes |= u32(w[i] < 0x80000000) << i;
    return votes;
  });
  perWarp(
      "setp.lt.u32 %q0, $a, 0x80000000; vote.sync.any.pred %q1, !%q0, -1; selp.u32 $d, 1, 0, %q1;",
      [](auto &w, unsigned) { return u32(std::any_of(w.begin(), w.end(), [](u32 v) { return v >= 0x80000000; })); });
  perWarp("and.b32 %u0, $a, 3; match.any.sync.b32 $d, %u0, -1;", [](auto &w, unsigned l) {
    u32 mask = 0;
    for (unsigned i = 0; i < 32; ++i)
      mask |= u32((w[i] & 3) == (w[l] & 3)) << i;
    return mask;
  });
  perWarp("redux.sync.add.u32 $d, $a, -1;", [](auto &w, unsigned) {
    u32 sum = 0;
    for (u32 v : w)
      sum += v;
    return sum;
  });
  perWarp("redux.sync.min.s32 $d, $a, -1;", [](auto &w, unsigned) {
    s32 least = INT32_MAX;
    for (u32 v : w)
      least = std::min(least, static_cast<s32>(v));
    return static_cast<u32>(least);
  });
  perWarp("movmatrix.sync.aligned.m8n8.trans.b16 $d, $a;", [](auto &w, unsigned l) {
    auto at = [&](unsigned r, unsigned c) { return w[4 * r + c / 2] >> (16 * (c & 1)) & 0xffff; };
    return at(2 * (l & 3), l >> 2) | at(2 * (l & 3) + 1, l >> 2) << 16;
  });
}

namespace {
/// D = A B + C of fragments, element by element, in f64 and in the order of k.
template <typename Get>
void checkMma(const std::string &shape, unsigned depth, unsigned perRegister, Get get, double budget) {
  unsigned steps = depth / (4 * perRegister), aCount = 2 * steps, bCount = steps;
  std::string body =
      ".reg .b32 %r<24>; .reg .b64 %rd<8>; .reg .f32 %f<8>;\n"
      "ld.param.u64 %rd1, [k_param_0]; ld.param.u64 %rd2, [k_param_1]; mov.u32 %r0, %tid.x;\n"
      "mul.wide.u32 %rd3, %r0, 64; add.u64 %rd1, %rd1, %rd3; mul.wide.u32 %rd4, %r0, 16; add.u64 %rd2, %rd2, %rd4;\n";
  std::string a, b;
  for (unsigned i = 0; i < aCount + bCount; ++i) {
    body += "ld.global.u32 %r" + std::to_string(i + 1) + ", [%rd1+" + std::to_string(4 * i) + "];\n";
    std::string &list = i < aCount ? a : b;
    list += (list.empty() ? "%r" : ", %r") + std::to_string(i + 1);
  }
  for (unsigned i = 0; i < 4; ++i)
    body += "ld.global.f32 %f" + std::to_string(i) + ", [%rd1+" + std::to_string(4 * (12 + i)) + "];\n";
  body += "mma.sync.aligned." + shape + " {%f4,%f5,%f6,%f7}, {" + a + "}, {" + b + "}, {%f0,%f1,%f2,%f3};\n" +
          "st.global.v4.f32 [%rd2], {%f4,%f5,%f6,%f7};\nret;";
  Program program(kernelText(".param .u64 k_param_0, .param .u64 k_param_1", body));
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  std::vector<u32> in(32 * 16);
  for (unsigned lane = 0; lane < 32; ++lane)
    for (unsigned i = 0; i < 16; ++i)
      in[lane * 16 + i] = i >= 12 || perRegister == 1 ? std::bit_cast<u32>(normal(random))
                          : budget < 1e-6             ? u32(toHalf(normal(random))) << 16 | toHalf(normal(random))
                                                      : u32(toBrain(normal(random))) << 16 | toBrain(normal(random));
  std::vector<float> out(128, NAN);
  Session session(program);
  session.buffer("in", in).buffer("out", out);
  Result result = session.launch("k", {1}, {32});
  ASSERT_TRUE(result.ok()) << describe(result);
  EXPECT_EQ(result.total.multiplyAdds, 16u * 8 * depth);
  double error = 0, norm = 0;
  for (unsigned row = 0; row < 16; ++row)
    for (unsigned column = 0; column < 8; ++column) {
      double sum = std::bit_cast<float>(in[(row % 8 * 4 + column / 2) * 16 + 12 + row / 8 * 2 + column % 2]);
      for (unsigned k = 0; k < depth; ++k) {
        // PTX's tables: groups of four lanes, registers by halves of rows and by steps of k.
        unsigned step = k / (4 * perRegister), within = k % (4 * perRegister), t = within / perRegister,
                 half = within % perRegister;
        sum += get(in[(row % 8 * 4 + t) * 16 + 2 * step + row / 8], half) *
               get(in[(column * 4 + t) * 16 + aCount + step], half);
      }
      double got = out[(row % 8 * 4 + column / 2) * 4 + row / 8 * 2 + column % 2];
      error += (got - sum) * (got - sum);
      norm += sum * sum;
    }
  EXPECT_LT(std::sqrt(error / norm), 2e-7);
}
} // namespace

TEST(Matrices, ProductsOfEveryShape) {
  auto half = [](u32 bits, unsigned h) -> double { return toFloat(static_cast<u16>(bits >> (16 * h))); };
  auto brains = [](u32 bits, unsigned h) -> double { return brain(static_cast<u16>(bits >> (16 * h))); };
  auto tensor = [](u32 bits, unsigned) -> double { return std::bit_cast<float>(bits & 0xffffe000); };
  checkMma("m16n8k16.row.col.f32.f16.f16.f32", 16, 2, half, 1e-7);
  checkMma("m16n8k8.row.col.f32.f16.f16.f32", 8, 2, half, 1e-7);
  checkMma("m16n8k16.row.col.f32.bf16.bf16.f32", 16, 2, brains, 1e-3);
  checkMma("m16n8k8.row.col.f32.bf16.bf16.f32", 8, 2, brains, 1e-3);
  checkMma("m16n8k8.row.col.f32.tf32.tf32.f32", 8, 1, tensor, 1e-3);
  checkMma("m16n8k4.row.col.f32.tf32.tf32.f32", 4, 1, tensor, 1e-3);
}

TEST(Memory, MatricesInSharedMemory) {
  // A warp stores four 8 x 8 matrices with stmatrix.trans and reads them back with ldmatrix: each comes out transposed.
  std::string body = R"(
    .reg .b32 %r<24>; .reg .b64 %rd<8>; .shared .align 16 .b8 s[512];
    ld.param.u64 %rd1, [k_param_0]; mov.u32 %r0, %tid.x; mul.wide.u32 %rd2, %r0, 16; add.u64 %rd1, %rd1, %rd2;
    ld.global.v4.u32 {%r1, %r2, %r3, %r4}, [%rd1];
    shl.b32 %r5, %r0, 4; mov.u32 %r6, s; add.u32 %r5, %r5, %r6;
    stmatrix.sync.aligned.m8n8.x4.trans.shared.b16 [%r5], {%r1, %r2, %r3, %r4};
    bar.warp.sync 0xffffffff;
    ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%r1, %r2, %r3, %r4}, [%r5];
    st.global.v4.u32 [%rd1], {%r1, %r2, %r3, %r4};
    ret;)";
  Program program(kernelText(".param .u64 k_param_0", body, "sm_90"));
  std::vector<u32> data(128), before;
  std::mt19937 random(1);
  for (u32 &v : data)
    v = static_cast<u32>(random());
  before = data;
  Session session(program);
  session.buffer("data", data);
  Result result = session.launch("k", {1}, {32});
  ASSERT_TRUE(result.ok()) << describe(result);
  auto at = [](const std::vector<u32> &d, unsigned matrix, unsigned r, unsigned c) {
    return d[(4 * r + c / 2) * 4 + matrix] >> (16 * (c & 1)) & 0xffff;
  };
  for (unsigned m = 0; m < 4; ++m)
    for (unsigned r = 0; r < 8; ++r)
      for (unsigned c = 0; c < 8; ++c)
        ASSERT_EQ(at(data, m, r, c), at(before, m, c, r));
  EXPECT_EQ(result.total.sharedWavefronts, 8u); // four matrices of 128 bytes, there and back
}

TEST(Memory, BulkCopiesAndMbarriers) {
  // One thread copies 1 KiB in by bulk copy; all wait for the mbarrier, double the values, and one copies the block out.
  std::string body = R"(
    .reg .pred %p<3>; .reg .b32 %r<8>; .reg .b64 %rd<8>; .shared .align 128 .b8 s[1024]; .shared .align 8 .b64 bar;
    ld.param.u64 %rd1, [k_param_0]; ld.param.u64 %rd2, [k_param_1]; mov.u32 %r0, %tid.x; setp.eq.u32 %p1, %r0, 0;
    mov.u32 %r1, s; mov.u32 %r2, bar;
    @%p1 mbarrier.init.shared::cta.b64 [%r2], 1;
    fence.proxy.async.shared::cta;
    bar.sync 0;
    @!%p1 bra WAIT;
    mbarrier.arrive.expect_tx.shared::cta.b64 _, [%r2], 1024;
    cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%r1], [%rd1], 1024, [%r2];
    WAIT:
    mbarrier.try_wait.parity.shared::cta.b64 %p2, [%r2], 0;
    @!%p2 bra WAIT;
    shl.b32 %r3, %r0, 2; add.u32 %r3, %r3, %r1; ld.shared.u32 %r4, [%r3]; add.u32 %r4, %r4, %r4; st.shared.u32 [%r3], %r4;
    fence.proxy.async.shared::cta;
    bar.sync 0;
    @!%p1 bra END;
    cp.async.bulk.global.shared::cta.bulk_group [%rd2], [%r1], 1024;
    cp.async.bulk.commit_group;
    cp.async.bulk.wait_group 0;
    END: ret;)";
  Program program(kernelText(".param .u64 k_param_0, .param .u64 k_param_1", body, "sm_90"));
  std::vector<u32> in = values<u32>(4, 256), out(256);
  for (uint64_t seed : {0, 1, 2, 3}) {
    Session session(program);
    session.buffer("in", in).buffer("out", out);
    Options options;
    options.seed = seed;
    Result result = session.launch("k", {1}, {256}, 0, options);
    ASSERT_TRUE(result.ok()) << describe(result);
    for (size_t i = 0; i < 256; ++i)
      ASSERT_EQ(out[i], in[i] * 2);
  }
}

TEST(Memory, Atomics) {
  auto total = [](const std::string &instruction, std::vector<u32> cells, Dim grid) {
    std::string body = ".reg .b32 %r<8>; .reg .b64 %rd<4>;\nld.param.u64 %rd1, [k_param_0]; mov.u32 %r1, %tid.x; "
                       "mov.u32 %r2, %ctaid.x;"
                       "mad.lo.u32 %r1, %r2, 64, %r1;\n" +
                       instruction + "\nret;";
    Program program(kernelText(".param .u64 k_param_0", body));
    Session session(program);
    session.buffer("cells", cells);
    Result result = session.launch("k", grid, {64});
    EXPECT_TRUE(result.ok()) << describe(result);
    return cells;
  };
  EXPECT_EQ(total("red.global.add.u32 [%rd1], %r1;", {7}, {10})[0], 7u + 640 * 639 / 2);
  EXPECT_EQ(total("red.global.max.s32 [%rd1], %r1;", {5}, {10})[0], 639u);
  EXPECT_EQ(total("atom.global.inc.u32 %r3, [%rd1], 99;", {0}, {10})[0], 40u);
  EXPECT_EQ(total("red.global.or.b32 [%rd1], 5; red.global.and.b32 [%rd1+4], 6; red.global.xor.b32 [%rd1+8], 3;",
                  {2, 15, 1}, {1}),
            (std::vector<u32>{7, 6, 1}));
  EXPECT_EQ(std::bit_cast<float>(total("red.global.add.f32 [%rd1], 0f3F000000;", {0}, {4})[0]), 128.0f);
  EXPECT_EQ(total("red.global.add.noftz.f16x2 [%rd1], 0x3c003c00;", {0}, {2})[0], 0x58005800u);
  // Thread after thread, each waiting for the one before: lanes of a warp, and warps, must all get on.
  EXPECT_EQ(total("{ .reg .pred %p<2>; add.u32 %r6, %r1, 1; LOOP: atom.global.cas.b32 %r3, [%rd1], %r1, %r6; "
                  "setp.ne.u32 %p1, %r3, %r1;"
                  "@%p1 bra LOOP; }",
                  {0}, {1})[0],
            64u);
}

TEST(Parser, NamesLineAndText) {
  auto error = [](const std::string &text) {
    try {
      Program program(text);
      program.decode("k");
    } catch (const Error &e) {
      return std::string(e.what());
    }
    return std::string("no error");
  };
  auto body = [&](const std::string &statement) {
    return error(kernelText("", ".reg .b32 %r<4>; .reg .b64 %rd<4>; .reg .pred %p<2>;\n" + statement + "\nret;"));
  };
  EXPECT_EQ(body("add.u32 %r1, %r2, %r3;"), "no error");
  EXPECT_EQ(body("wgmma.fence.sync.aligned;"), "line 8: unknown instruction: 'wgmma.fence.sync.aligned'");
  EXPECT_EQ(body("add.u32.fancy %r1, %r2, %r3;"), "line 8: unknown modifier '.fancy': 'add.u32.fancy'");
  EXPECT_EQ(body("add.u32 %r1, %r2;"), "line 8: expected 3 operands, got 2: 'add.u32'");
  EXPECT_EQ(body("add.u32 %r1, %rd1, %r3;"), "line 8: a register of another width than the type: 'add.u32'");
  EXPECT_EQ(body("bra NOWHERE;"), "line 8: unknown name 'NOWHERE'");
  EXPECT_EQ(body("add.u32 %r1, %r2 %r3;"), "line 8: expected ',', got '%r3'");
  EXPECT_EQ(error(".version 12.0\n.target sm_80\n"), "line 1: unknown PTX version '12.0'");
  EXPECT_EQ(error(".version 8.0\n.target sm_75\n.address_size 64\n"), "line 2: unsupported target 'sm_75'");
  EXPECT_EQ(error(".version 8.0\n.target sm_80\n.address_size 64\n"), "no kernel 'k' in the module");
}
