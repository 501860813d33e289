//===- Instructions.h - One instruction at a time ---------------*- C++ -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels of one instruction on arrays, with and without the host's vectors, and references for small floats written here.
//
//===----------------------------------------------------------------------===//

#ifndef FFTCONV_TEST_EMULATOR_INSTRUCTIONS_H
#define FFTCONV_TEST_EMULATOR_INSTRUCTIONS_H

#include "Harness.h"

#include <algorithm>
#include <bit>
#include <cfenv>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>

namespace fftconv::emulator {

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
  auto access = [&](const std::string &name, const std::string &type, size_t bytes, int parameter, bool store) {
    std::string at =
        "mul.wide.u32 %o, %i, " + std::to_string(bytes) + "; add.u64 %o, %o, %p" + std::to_string(parameter) + ";\n";
    return at + (store ? "st.global" + type + " [%o], " + name : "ld.global" + type + " " + name + ", [%o]") + ";\n";
  };
  body += access(registerOf<A>('a'), accessOf<A>(), sizeof(A), 1, false);
  body += access(registerOf<B>('b'), accessOf<B>(), sizeof(B), 2, false);
  body += access(registerOf<C>('c'), accessOf<C>(), sizeof(C), 3, false);
  body += spell<D, A, B, C>(text) + "\n";
  body += access(registerOf<D>('d'), accessOf<D>(), sizeof(D), 0, true) + "ret;";
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
inline float toFloat(u16 h) { return static_cast<float>(std::bit_cast<_Float16>(h)); }
inline u16 toHalf(double v) { return v != v ? 0x7fff : std::bit_cast<u16>(static_cast<_Float16>(v)); }
inline float brain(u16 b) { return std::bit_cast<float>(u32(b) << 16); }
inline u16 toBrain(float v) {
  if (v != v)
    return 0x7fff;
  u32 bits = std::bit_cast<u32>(v);
  return static_cast<u16>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}
inline float flushed(float v) { return std::fpclassify(v) == FP_SUBNORMAL ? std::copysign(0.0f, v) : v; }

template <typename F>
inline auto rounded(int mode, F f) {
  int before = std::fegetround();
  std::fesetround(mode);
  volatile auto result = f();
  std::fesetround(before);
  return result;
}

} // namespace fftconv::emulator

#endif // FFTCONV_TEST_EMULATOR_INSTRUCTIONS_H
