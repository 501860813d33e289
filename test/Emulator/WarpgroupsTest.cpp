//===- WarpgroupsTest.cpp - wgmma ------------------------------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products of every layout of operands against sums in double; misuse that must be found, and what is right beside it.
//
//===----------------------------------------------------------------------===//

#include "Harness.h"

#include <cmath>

using namespace fftconv::emulator;

namespace {
/// Where an operand of 16-bit elements lies: 16-byte chunks along K, or along the other side where transposed; lines of 2, 4 or 8 chunks whose places are swizzled,
/// as a tensor copy of such lines leaves them, or 8 x 8 blocks of 128 bytes.
struct Placement {
  unsigned chunks = 1;
  bool transposed = false;

  /// The byte of (side, k); `sides` rows or columns in all.
  unsigned byte(unsigned side, unsigned k, unsigned sides) const {
    if (chunks == 1) // blocks along K are neighbours
      return side / 8 * 256 + k / 8 * 128 + (transposed ? k % 8 * 16 + side % 8 * 2 : side % 8 * 16 + k % 8 * 2);
    unsigned along = transposed ? side : k, line = transposed ? k : side, width = 8 * chunks;
    unsigned at =
        along / width * 32 * chunks * 8 + line * chunks * 16; // 16 lines to a block, or all where there is one
    unsigned row = at / 128;
    return at + ((along / 8 % chunks) ^ (row & (chunks - 1))) * 16 + along % 8 * 2;
  }
  uint64_t descriptor() const {
    uint64_t leading = chunks == 1 ? 128 : 256 * chunks, stride = chunks == 1 ? 256 : 128 * chunks;
    uint64_t mode = chunks == 1 ? 0 : chunks == 8 ? 1 : chunks == 4 ? 2 : 3;
    return leading / 16 << 16 | stride / 16 << 32 | mode << 62;
  }
};

struct Product {
  const char *types;
  unsigned columns;
  bool fromMemory;
  Placement a, b;
  int signs = 1;
};

double numberOf(const Product &product, uint16_t bits) {
  if (std::string(product.types).find("bf16") != std::string::npos)
    return std::bit_cast<float>(uint32_t(bits) << 16);
  int exponent = bits >> 10 & 31;
  double magnitude = std::ldexp(1024 + (bits & 1023), exponent - 25);
  return bits & 0x8000 ? -magnitude : magnitude;
}

constexpr unsigned matrixB = 8192;

/// A kernel of two warpgroups that each add two products of the same operands to sums of zero.
std::string productText(const Product &p) {
  bool half = std::string(p.types).starts_with("f16");
  unsigned sums = p.columns / (half ? 4 : 2);
  std::string d, stores;
  for (unsigned i = 0; i < sums; ++i) {
    d += (i ? ", %d" : "%d") + std::to_string(i);
    stores += "st.global.u32 [%rd4+" + std::to_string(4 * i) + "], %d" + std::to_string(i) + ";\n";
  }
  std::string a = p.fromMemory ? "%rd5" : "{%r4, %r5, %r6, %r7}", sign = std::to_string(p.signs);
  std::string flags = ", 1, " + sign + (p.fromMemory ? ", " + std::to_string(p.a.transposed) : "") + ", " +
                      std::to_string(p.b.transposed) + ";\n";
  std::string product = "wgmma.mma_async.sync.aligned.m64n" + std::to_string(p.columns) + "k16." + p.types + " {" + d +
                        "}, " + a + ", %rd6, ";
  return kernelText(".param .u64 k_param_0, .param .u64 k_param_1, .param .u64 k_param_2",
                    R"(
    .reg .pred %p<3>; .reg .b32 %r<12>; .reg .b32 %d<128>; .reg .b64 %rd<12>; .shared .align 1024 .b8 s[24576];
    ld.param.u64 %rd1, [k_param_0]; ld.param.u64 %rd2, [k_param_1]; ld.param.u64 %rd3, [k_param_2];
    mov.u32 %r0, %tid.x; mov.u32 %r1, s; shl.b32 %r2, %r0, 4; add.u32 %r2, %r1, %r2; mul.wide.u32 %rd4, %r0, 16; add.u64 %rd4, %rd1, %rd4;
    mov.u32 %r3, 0;
    COPY:
    ld.global.v4.u32 {%r4, %r5, %r6, %r7}, [%rd4]; st.shared.v4.u32 [%r2], {%r4, %r5, %r6, %r7};
    add.u32 %r2, %r2, 4096; add.u64 %rd4, %rd4, 4096; add.u32 %r3, %r3, 1; setp.lt.u32 %p1, %r3, 6; @%p1 bra COPY;
    fence.proxy.async.shared::cta;
    bar.sync 0;
    mul.wide.u32 %rd4, %r0, 16; add.u64 %rd4, %rd2, %rd4; ld.global.v4.u32 {%r4, %r5, %r6, %r7}, [%rd4];
    mul.wide.u32 %rd4, %r0, )" +
                        std::to_string(4 * sums) + R"(; add.u64 %rd4, %rd3, %rd4;
    shr.u32 %r8, %r1, 4; cvt.u64.u32 %rd7, %r8; add.u64 %rd5, %rd7, )" +
                        std::to_string(static_cast<int64_t>(p.a.descriptor())) + "; add.u64 %rd6, %rd7, " +
                        std::to_string(static_cast<int64_t>(p.b.descriptor() + matrixB / 16)) + R"(;
    setp.ne.u32 %p2, %r1, %r1;
    wgmma.fence.sync.aligned;
    )" + product + "%p2" +
                        flags + product + "1" + flags + R"(
    wgmma.commit_group.sync.aligned;
    wgmma.wait_group.sync.aligned 0;
    )" + stores + "ret;",
                    "sm_90a");
}

class Products : public testing::TestWithParam<Product> {};
} // namespace

TEST_P(Products, AreThoseOfTheirOperands) {
  const Product &p = GetParam();
  std::mt19937 random(7);
  // Of one binade and both signs.
  auto draw = [&] {
    bool brain = std::string(p.types).find("bf16") != std::string::npos;
    uint32_t bits = static_cast<uint32_t>(random());
    return static_cast<uint16_t>((bits & 0x8000) | (brain ? 0x3f80 | (bits & 0x7f) : 0x3c00 | (bits & 0x3ff)));
  };
  std::vector<uint16_t> a(128 * 16), b(16 * p.columns), shared(24576 / 2);
  std::vector<uint32_t> fragments(256 * 4);
  for (uint16_t &v : a)
    v = draw();
  for (uint16_t &v : b)
    v = draw();
  if (p.fromMemory) // both warpgroups have the same rows
    std::copy_n(a.begin(), 64 * 16, a.begin() + 64 * 16);
  for (unsigned row = 0; row < 128; ++row)
    for (unsigned k = 0; k < 16; ++k) {
      unsigned warp = row / 16, lane = row % 8 * 4 + k % 8 / 2, reg = row % 16 / 8 + 2 * (k / 8);
      fragments[(warp * 32 + lane) * 4 + reg] |= uint32_t(a[row * 16 + k]) << (16 * (k & 1));
      if (row < 64)
        shared[p.a.byte(row, k, 64) / 2] = a[row * 16 + k];
    }
  for (unsigned column = 0; column < p.columns; ++column)
    for (unsigned k = 0; k < 16; ++k)
      shared[(matrixB + p.b.byte(column, k, p.columns)) / 2] = b[k * p.columns + column];
  bool half = std::string(p.types).starts_with("f16");
  unsigned sums = p.columns / (half ? 4 : 2);
  std::vector<uint32_t> out(256 * sums, 0xdeadbeef);
  Program program(productText(p));
  Session session(program);
  session.buffer("shared", shared).buffer("fragments", fragments).buffer("out", out);
  Options options;
  options.traffic = true;
  Result result = session.launch("k", {1}, {256}, 0, options);
  ASSERT_TRUE(result.ok()) << describe(result);
  double error = 0, norm = 0;
  for (unsigned row = 0; row < 128; ++row)
    for (unsigned column = 0; column < p.columns; ++column) {
      double sum = 0;
      for (unsigned k = 0; k < 16; ++k)
        sum += 2 * p.signs * numberOf(p, a[row * 16 + k]) * numberOf(p, b[k * p.columns + column]);
      unsigned thread = row / 16 * 32 + row % 8 * 4 + column % 8 / 2, upper = row % 16 / 8;
      double got =
          half ? numberOf(p, static_cast<uint16_t>(out[thread * sums + column / 8 * 2 + upper] >> (16 * (column & 1))))
               : std::bit_cast<float>(out[thread * sums + column / 8 * 4 + 2 * upper + (column & 1)]);
      error += (got - sum) * (got - sum);
      norm += sum * sum;
    }
  EXPECT_LT(std::sqrt(error / norm), half ? 5e-4 : 1e-6);
}

INSTANTIATE_TEST_SUITE_P(Wgmma, Products,
                         testing::Values(Product{"f16.f16.f16", 32, false, {}, {}},
                                         Product{"f16.f16.f16", 16, false, {}, {1, true}},
                                         Product{"f32.f16.f16", 32, false, {}, {1, true}, -1},
                                         Product{"f32.bf16.bf16", 64, true, {}, {}},
                                         Product{"f32.f16.f16", 8, true, {1, true}, {}},
                                         Product{"f32.f16.f16", 24, true, {2, false}, {2, false}},
                                         Product{"f32.f16.f16", 64, true, {4, false}, {8, false}},
                                         Product{"f32.f16.f16", 128, true, {8, false}, {8, true}},
                                         Product{"f16.f16.f16", 64, true, {8, true}, {4, true}},
                                         Product{"f32.bf16.bf16", 32, true, {2, true}, {2, true}, -1}));

namespace {
struct Misuse {
  const char *name;
  Check check;
  /// In the kernel at %1.
  const char *defect, *clean, *says;
};

// Two products, one after the other's results.
const char *misused = R"(
  .reg .pred %p<3>; .reg .b32 %r<24>; .reg .b64 %rd<8>; .shared .align 128 .b8 s[1024];
  ld.param.u64 %rd1, [k_param_0]; mov.u32 %r0, %tid.x; mov.u32 %r1, s; shl.b32 %r2, %r0, 3; add.u32 %r2, %r1, %r2;
  st.shared.v2.u32 [%r2], {0, 0};
  mov.u32 %r4, 0; mov.u32 %r5, 0; mov.u32 %r6, 0; mov.u32 %r7, 0; mov.u32 %r3, 1;
  shr.u32 %r8, %r1, 4; cvt.u64.u32 %rd2, %r8; add.u64 %rd2, %rd2, 68720001024;
  )";

const Misuse misuses[] = {
    {"NoFence", Check::AsyncRead, "READY PRODUCT COMMIT WAIT0", "READY FENCE PRODUCT COMMIT WAIT0",
     "no wgmma.fence comes before"},
    {"WrittenSinceTheFence", Check::AsyncRead, "READY FENCE mov.u32 %r5, 1; PRODUCT COMMIT WAIT0",
     "READY mov.u32 %r5, 1; FENCE PRODUCT COMMIT WAIT0", "no wgmma.fence lies between"},
    {"ReadTooEarly", Check::AsyncRead, "READY FENCE PRODUCT COMMIT add.u32 %r3, %r3, %r10; WAIT0",
     "READY FENCE PRODUCT COMMIT WAIT0 add.u32 %r3, %r3, %r10;", "reads a register of the wgmma at line"},
    {"WaitForTooFew", Check::AsyncRead, "READY FENCE PRODUCT COMMIT WAIT1 add.u32 %r3, %r3, %r10; WAIT0",
     "READY FENCE PRODUCT COMMIT COMMIT WAIT1 add.u32 %r3, %r3, %r10;", "reads a register of the wgmma at line"},
    {"NotCommitted", Check::AsyncRead, "READY FENCE PRODUCT WAIT0 add.u32 %r3, %r3, %r10; COMMIT WAIT0",
     "READY FENCE PRODUCT COMMIT WAIT0 add.u32 %r3, %r3, %r10;", "reads a register of the wgmma at line"},
    {"OperandOverwritten", Check::AsyncRead, "READY FENCE PRODUCT COMMIT mov.u32 %r6, 3; WAIT0",
     "READY FENCE PRODUCT COMMIT WAIT0 mov.u32 %r6, 3;", "writes a register of the wgmma at line"},
    {"ProductOfWhatIsUnderWay", Check::AsyncRead, "READY FENCE PRODUCT SECOND COMMIT WAIT0",
     "READY FENCE PRODUCT COMMIT WAIT0 FENCE SECOND COMMIT WAIT0", "multiplies what the one at line"},
    {"LeftUnderWay", Check::AsyncRead, "READY FENCE PRODUCT COMMIT", "READY FENCE PRODUCT COMMIT WAIT0",
     "was not waited for before the CTA ended"},
    {"NoFenceOfProxies", Check::SharedRace, "bar.sync 0; FENCE PRODUCT COMMIT WAIT0",
     "READY FENCE PRODUCT COMMIT WAIT0", "no fence.proxy.async"},
    {"NoBarrier", Check::SharedRace,
     "bar.sync 0; st.shared.u32 [%r2], 1; fence.proxy.async; FENCE PRODUCT COMMIT WAIT0",
     "bar.sync 0; st.shared.u32 [%r2], 1; READY FENCE PRODUCT COMMIT WAIT0", "no barrier lies between"},
    {"MatrixOverwritten", Check::AsyncRead, "READY FENCE PRODUCT COMMIT bar.sync 0; st.shared.u32 [%r2], 1; WAIT0",
     "READY FENCE PRODUCT COMMIT WAIT0 bar.sync 0; st.shared.u32 [%r2], 1;", "write"},
    {"OneWarpStaysAway", Check::Divergence,
     "READY setp.gt.u32 %p1, %r0, 95; @%p1 bra END; FENCE PRODUCT COMMIT WAIT0 END:",
     "READY setp.gt.u32 %p1, %r0, 127; @%p1 bra END; FENCE PRODUCT COMMIT WAIT0 END:", "not all four warps"},
    {"WarpsDisagree", Check::Divergence,
     "READY and.b32 %r8, %r0, 32; cvt.u64.u32 %rd3, %r8; shr.u64 %rd3, %rd3, 2; add.u64 %rd2, %rd2, %rd3; FENCE "
     "PRODUCT COMMIT WAIT0",
     "READY and.b32 %r8, %r0, 128; cvt.u64.u32 %rd3, %r8; shr.u64 %rd3, %rd3, 2; add.u64 %rd2, %rd2, %rd3; FENCE "
     "PRODUCT COMMIT WAIT0",
     "do not all come to this wgmma"},
    {"LanesDisagree", Check::Divergence,
     "READY and.b32 %r8, %r0, 1; cvt.u64.u32 %rd3, %r8; shl.b64 %rd3, %rd3, 3; add.u64 %rd2, %rd2, %rd3; FENCE PRODUCT "
     "COMMIT WAIT0",
     "READY FENCE PRODUCT COMMIT WAIT0", "differ between lanes"},
    {"OutsideOfMemory", Check::OutOfBounds, "READY add.u64 %rd2, %rd2, 62; FENCE PRODUCT COMMIT WAIT0",
     "READY add.u64 %rd2, %rd2, 32; FENCE PRODUCT COMMIT WAIT0", "shared memory"},
};

Result runMisuse(std::string body, uint64_t seed) {
  const std::pair<std::string, std::string> shorts[] = {
      {"READY", "fence.proxy.async; bar.sync 0;"},
      {"FENCE", "wgmma.fence.sync.aligned;"},
      {"PRODUCT", "wgmma.mma_async.sync.aligned.m64n16k16.f16.f16.f16 {%r10, %r11, %r12, %r13}, {%r4, %r5, %r6, %r7}, "
                  "%rd2, 0, 1, 1, 0;"},
      {"SECOND", "wgmma.mma_async.sync.aligned.m64n16k16.f16.f16.f16 {%r14, %r15, %r16, %r17}, {%r10, %r11, %r12, "
                 "%r13}, %rd2, 0, 1, 1, 1;"},
      {"COMMIT", "wgmma.commit_group.sync.aligned;"},
      {"WAIT0", "wgmma.wait_group.sync.aligned 0;"},
      {"WAIT1", "wgmma.wait_group.sync.aligned 1;"}};
  for (const auto &[name, text] : shorts)
    for (size_t at = 0; (at = body.find(name, at)) != std::string::npos; at += text.size())
      body.replace(at, name.size(), text + "\n");
  Program program(kernelText(".param .u64 k_param_0", misused + body + "\nst.global.u32 [%rd1], %r3; ret;", "sm_90a"));
  std::vector<uint32_t> out(1);
  Session session(program);
  session.buffer("out", out);
  Options options;
  options.seed = seed;
  options.globalRaces = false;
  return session.launch("k", {1}, {128}, 0, options);
}

class Misuses : public testing::TestWithParam<Misuse> {};
} // namespace

TEST_P(Misuses, AreFound) {
  for (uint64_t seed : {0, 1, 2}) {
    Result result = runMisuse(GetParam().defect, seed);
    ASSERT_FALSE(result.ok()) << "seed " << seed;
    for (const Finding &finding : result.findings)
      EXPECT_EQ(finding.check, GetParam().check) << describe(result);
    EXPECT_NE(result.findings[0].text.find(GetParam().says), std::string::npos) << describe(result);
  }
}

TEST_P(Misuses, LeaveTheCleanTwinAlone) {
  for (uint64_t seed : {0, 1, 2}) {
    Result result = runMisuse(GetParam().clean, seed);
    EXPECT_TRUE(result.ok()) << describe(result);
  }
}

INSTANTIATE_TEST_SUITE_P(Wgmma, Misuses, testing::ValuesIn(misuses),
                         [](const testing::TestParamInfo<Misuse> &info) { return info.param.name; });
