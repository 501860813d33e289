//===- ChecksTest.cpp - Defects that must be found, and their clean twins -===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each defect is a kernel that differs from its twin in one line. The defect is found at that line by the check meant for it and by no
// other; the twin is clean, under every order of warps.
//
//===----------------------------------------------------------------------===//

#include "Harness.h"

using namespace fftconv::emulator;

namespace {
constexpr const char *registers = R"(
  .reg .pred %p<4>; .reg .b16 %h<4>; .reg .b32 %r<16>; .reg .b64 %rd<8>; .reg .f32 %f<8>;
  .shared .align 16 .b8 s[1024];
  .local .align 16 .b8 l[64];
  ld.param.u64 %rd1, [k_param_0];
  mov.u32 %r1, %tid.x;
  mov.u32 %r2, %ctaid.x;
  mul.wide.u32 %rd2, %r1, 4;
  add.u64 %rd2, %rd1, %rd2;
  mul.wide.u32 %rd3, %r1, 16;
  mov.u32 %r3, s;
  shl.b32 %r4, %r1, 2;
  add.u32 %r4, %r3, %r4;
  shl.b32 %r5, %r1, 4;
  add.u32 %r5, %r3, %r5;
)";

struct Case {
  const char *name;
  Check check;
  /// %1 in the body is where the two differ.
  const char *body, *defect, *clean;
  Dim grid{1}, block{32};
  /// What the finding must say.
  const char *says = "";
};

const Case cases[] = {
    {"GlobalOutOfBounds",
     Check::OutOfBounds,
     "st.global.u32 [%rd2%1], %r1;",
     "+4",
     "+0",
     {1},
     {256},
     "byte 1024 of buffer 'x' of 1024 bytes, by thread (255,0,0) of CTA (0,0,0)"},
    {"GlobalBelow", Check::OutOfBounds, "st.global.u32 [%rd2+%1], %r1;", "-4", "0", {1}, {32}, "byte -4 of buffer 'x'"},
    {"SharedOutOfBounds",
     Check::OutOfBounds,
     "st.shared.u32 [%r4+%1], %r1;",
     "1020",
     "896",
     {1},
     {32},
     "of the 1024 bytes of shared memory"},
    {"LocalOutOfBounds",
     Check::OutOfBounds,
     "st.local.u32 [l+%1], %r1;",
     "64",
     "60",
     {1},
     {32},
     "64 bytes of local memory"},
    {"WrongSpace",
     Check::OutOfBounds,
     "mov.u64 %rd4, s; %1 st.u32 [%rd4], 1;",
     "",
     "cvta.shared.u64 %rd4, %rd4;",
     {1},
     {1},
     "where no buffer is"},
    {"WriteToConstant",
     Check::OutOfBounds,
     "mov.u64 %rd4, %1; st.global.u32 [%rd4], 7;",
     "table",
     "cells",
     {1},
     {1},
     "which is constant"},
    {"MisalignedVector",
     Check::Misaligned,
     "ld.global.v4.u32 {%r6,%r7,%r8,%r9}, [%rd1+%1];",
     "8",
     "16",
     {1},
     {1},
     "no multiple of 16"},
    {"MisalignedLdmatrix",
     Check::Misaligned,
     "st.shared.v4.u32 [%r5], {%r1,%r1,%r1,%r1}; bar.sync 0; add.u32 %r5, %r5, %1;"
     "ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%r6}, [%r5];",
     "8",
     "0",
     {1},
     {32},
     "no multiple of 16"},
    {"MisalignedCopy",
     Check::Misaligned,
     "add.u64 %rd4, %rd1, %1; cp.async.ca.shared.global [%r3], [%rd4], 8; cp.async.wait_all;",
     "4",
     "8",
     {1},
     {1},
     "no multiple of 8"},
    {"UninitialisedShared",
     Check::Uninitialised,
     "%1 bar.sync 0; ld.shared.u32 %r6, [%r4];",
     "",
     "st.shared.u32 [%r4], 1;",
     {1},
     {32},
     "which nothing wrote"},
    {"UninitialisedLocal",
     Check::Uninitialised,
     "st.local.u32 [l+%1], 1; ld.local.u32 %r6, [l+8];",
     "4",
     "8",
     {1},
     {32},
     "that nothing wrote"},
    {"RaceBetweenWarps",
     Check::SharedRace,
     "st.shared.u32 [%r4], 0; bar.sync 0; st.shared.u32 [%r4], %r1; %1 xor.b32 %r6, %r4, 128; ld.shared.u32 %r7, "
     "[%r6];",
     "bar.warp.sync 0xffffffff;",
     "bar.sync 0;",
     {1},
     {64},
     "of another warp: no barrier lies between"},
    {"WriteAfterRead",
     Check::SharedRace,
     "st.shared.u32 [%r4], %r1; bar.sync 0; xor.b32 %r6, %r4, 128; ld.shared.u32 %r7, [%r6]; %1 st.shared.u32 [%r4], "
     "%r7;",
     "",
     "bar.sync 0;",
     {1},
     {64},
     "of another warp"},
    {"RaceInsideWarp",
     Check::SharedRace,
     "st.shared.u32 [%r4], %r1; %1 xor.b32 %r6, %r4, 4; ld.shared.u32 %r7, [%r6];",
     "",
     "bar.warp.sync 0xffffffff;",
     {1},
     {32},
     "of the same warp"},
    {"LanesDisagree", Check::SharedRace, "st.shared.u32 [%r3], %1;", "%r1", "7", {1}, {32}, "lanes of one store"},
    {"GlobalRace",
     Check::GlobalRace,
     "mul.wide.u32 %rd4, %r2, %1; add.u64 %rd4, %rd1, %rd4; st.global.u32 [%rd4], %r2;",
     "0",
     "4",
     {4},
     {1},
     "buffer 'x'"},
    {"GlobalReadOfAnothersWrite",
     Check::GlobalRace,
     "mul.wide.u32 %rd4, %r2, 4; add.u64 %rd4, %rd1, %rd4; st.global.u32 [%rd4], %r2; xor.b32 %r6, %r2, %1;"
     "mul.wide.u32 %rd5, %r6, 4; add.u64 %rd5, %rd1, %rd5; ld.global.u32 %r7, [%rd5];",
     "1",
     "0",
     {4},
     {1},
     "buffer 'x'"},
    {"CopyNotAwaited",
     Check::AsyncRead,
     "add.u64 %rd4, %rd1, %rd3; cp.async.cg.shared.global [%r5], [%rd4], 16; cp.async.commit_group;"
     "cp.async.wait_group %1; ld.shared.u32 %r6, [%r5];",
     "1",
     "0",
     {1},
     {32},
     "was not waited for"},
    {"CopyOfAnotherWarp",
     Check::SharedRace,
     "st.shared.v4.u32 [%r5], {%r1,%r1,%r1,%r1}; bar.sync 0; add.u64 %rd4, %rd1, %rd3;"
     "cp.async.cg.shared.global [%r5], [%rd4], 16; cp.async.wait_all; %1"
     "xor.b32 %r6, %r5, 512; ld.shared.u32 %r7, [%r6];",
     "bar.warp.sync 0xffffffff;",
     "bar.sync 0;",
     {1},
     {64},
     "races with"},
    {"BarrierInDivergence",
     Check::Divergence,
     "setp.lt.u32 %p1, %r1, %1; @!%p1 bra END; bar.sync 0; END: add.u32 %r6, %r1, 1; "
     "bar.warp.sync 0xffffffff;",
     "16",
     "64",
     {1},
     {64},
     "lanes 0x0000ffff"},
    {"MmaInDivergence",
     Check::Divergence,
     "setp.lt.u32 %p1, %r1, %1; @!%p1 bra END; movmatrix.sync.aligned.m8n8.trans.b16 %r6, %r1; END: bar.warp.sync "
     "0xffffffff;",
     "31",
     "32",
     {1},
     {32},
     "are needed"},
    {"ShuffleFromInactiveLane",
     Check::Divergence,
     "setp.lt.u32 %p1, %r1, 16; @!%p1 bra END; shfl.sync.idx.b32 %r6, %r1, %1, 31, 0xffff; END: bar.warp.sync "
     "0xffffffff;",
     "16",
     "15",
     {1},
     {32},
     "shuffle from lane 16"},
    {"ShuffleWithoutItsLanes",
     Check::Divergence,
     "setp.lt.u32 %p1, %r1, 16; @!%p1 bra END; shfl.sync.idx.b32 %r6, %r1, 0, 31, %1; END: exit;",
     "0xffffffff",
     "0xffff",
     {1},
     {32},
     "names lanes that have exited"},
    {"Deadlock",
     Check::Deadlock,
     "shr.u32 %r6, %r1, 5; setp.eq.u32 %p1, %r6, 0; @%p1 bra ONE; bar.sync %1, 64; bra END; "
     "ONE: bar.sync 2, 64; END: exit;",
     "1",
     "2",
     {1},
     {64},
     "waits at a barrier"},
    {"MbarrierThatNeverCompletes",
     Check::Deadlock,
     "setp.eq.u32 %p1, %r1, 0; @%p1 mbarrier.init.shared.b64 [s], %1; bar.sync 0; @%p1 mbarrier.arrive.shared.b64 "
     "%rd4, [s]; "
     "WAIT: mbarrier.try_wait.parity.shared.b64 %p2, [s], 0; @!%p2 bra WAIT;",
     "2",
     "1",
     {1},
     {32},
     "spins"},
    // What lanes have written goes out of shared memory by a bulk copy of lane 0.
    {"BulkCopyWithoutFence",
     Check::SharedRace,
     "setp.eq.u32 %p1, %r1, 0; st.shared.u32 [%r4], %r1; %1 bar.sync 0;"
     "@%p1 cp.async.bulk.global.shared::cta.bulk_group [%rd1], [%r3], 128; cp.async.bulk.commit_group;"
     "cp.async.bulk.wait_group.read 0;",
     "fence.proxy.async.global;",
     "fence.proxy.async.shared::cta;",
     {1},
     {32},
     "no fence.proxy.async of that thread lies between"},
    {"BulkCopyWithoutBarrier",
     Check::SharedRace,
     "setp.eq.u32 %p1, %r1, 0; setp.eq.u32 %p3, %r1, 32; mov.u32 %r8, 1; @%p1 st.volatile.shared.u32 [s+520], 0; "
     "bar.sync 0;"
     "st.shared.u32 [%r4], %r1; fence.proxy.async; @%p3 st.volatile.shared.u32 [s+520], %r8; %1 @!%p1 bra END;"
     "SPIN: ld.volatile.shared.u32 %r6, [s+520]; setp.eq.u32 %p2, %r6, 0; @%p2 bra SPIN;"
     "cp.async.bulk.global.shared::cta.bulk_group [%rd1], [%r3], 256; END: cp.async.bulk.commit_group;"
     "cp.async.bulk.wait_group.read 0;",
     "",
     "bar.sync 0;",
     {1},
     {64},
     "races with"},
    {"BulkCopySourceOverwritten",
     Check::AsyncRead,
     "setp.eq.u32 %p1, %r1, 0; st.shared.u32 [%r4], %r1; fence.proxy.async; bar.sync 0;"
     "@%p1 cp.async.bulk.global.shared::cta.bulk_group [%rd1], [%r3], 128; cp.async.bulk.commit_group; %1"
     "bar.sync 0; st.shared.u32 [%r4], %r1; cp.async.bulk.wait_group.read 0;",
     "cp.async.bulk.wait_group.read 1;",
     "cp.async.bulk.wait_group.read 0;",
     {1},
     {32},
     "the source of an asynchronous copy"},
    {"BulkCopyLeftUnderWay",
     Check::AsyncRead,
     "setp.eq.u32 %p1, %r1, 0; st.shared.u32 [%r4], %r1; fence.proxy.async; bar.sync 0;"
     "@%p1 cp.async.bulk.global.shared::cta.bulk_group [%rd1], [%r3], 128; cp.async.bulk.commit_group; %1",
     "",
     "cp.async.bulk.wait_group.read 0;",
     {1},
     {32},
     "was not waited for before the CTA ended"},
    // The second warp reads what the first one has waited for.
    {"BulkCopyThatOthersWaitedFor",
     Check::SharedRace,
     "setp.eq.u32 %p1, %r1, 0; setp.lt.u32 %p3, %r1, %1; add.u32 %r7, %r3, 512; mov.u32 %r8, 1;"
     "@%p1 st.volatile.shared.u32 [s+520], 0; @%p1 mbarrier.init.shared.b64 [s+512], 1; fence.proxy.async; bar.sync 0;"
     "@!%p1 bra WAIT; mbarrier.arrive.expect_tx.shared.b64 _, [s+512], 256;"
     "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%r3], [%rd1], 256, [%r7];"
     "WAIT: @!%p3 bra SPIN; TRY: mbarrier.try_wait.parity.shared.b64 %p2, [s+512], 0; @!%p2 bra TRY;"
     "st.volatile.shared.u32 [s+520], %r8;"
     "SPIN: ld.volatile.shared.u32 %r6, [s+520]; setp.eq.u32 %p2, %r6, 0; @%p2 bra SPIN; ld.shared.u32 %r6, [%r4];",
     "32",
     "64",
     {1},
     {64},
     "races with"},
    {"BulkCopyNotWaitedFor",
     Check::AsyncRead,
     "setp.eq.u32 %p1, %r1, 0; @%p1 mbarrier.init.shared.b64 [s+512], 1; fence.proxy.async; bar.warp.sync 0xffffffff;"
     "add.u32 %r7, %r3, 512; @!%p1 bra WAIT; mbarrier.arrive.expect_tx.shared.b64 _, [s+512], 128;"
     "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%r3], [%rd1], 128, [%r7];"
     "WAIT: bar.warp.sync 0xffffffff; %1 ld.shared.u32 %r6, [%r4];"
     "TRY: mbarrier.try_wait.parity.shared.b64 %p2, [s+512], 0; @!%p2 bra TRY;",
     "",
     "NOW: mbarrier.try_wait.parity.shared.b64 %p2, [s+512], 0; @!%p2 bra NOW;",
     {1},
     {32},
     "the destination of an asynchronous copy"},
    {"Trap", Check::Trap, "setp.gt.u32 %p1, %r1, %1; @%p1 trap;", "30", "31", {1}, {32}, "thread (31,0,0)"},
};

std::string replaced(std::string body, const std::string &by) {
  for (size_t at; (at = body.find("%1")) != std::string::npos && (at + 2 == body.size() || !isdigit(body[at + 2]));)
    body.replace(at, 2, by);
  return body;
}

Result runCase(const Case &c, const char *part, uint64_t seed) {
  std::string body = std::string(registers) + replaced(c.body, part) + "\n  ret;";
  Program program(kernelText(".param .u64 k_param_0", body, "sm_90",
                             ".const .align 4 .u32 table[4] = {1, 2, 3, 4};\n.global .align 4 .u32 cells[4];\n"));
  std::vector<uint32_t> x(256);
  Session session(program);
  session.buffer("x", x);
  Options options;
  options.seed = seed;
  return session.launch("k", c.grid, c.block, 0, options);
}

class Checks : public testing::TestWithParam<Case> {};
} // namespace

TEST_P(Checks, FindsTheDefect) {
  for (uint64_t seed : {0, 1, 2}) {
    Result result = runCase(GetParam(), GetParam().defect, seed);
    ASSERT_FALSE(result.ok()) << "seed " << seed;
    for (const Finding &finding : result.findings)
      EXPECT_EQ(finding.check, GetParam().check) << describe(result);
    EXPECT_NE(result.findings[0].text.find(GetParam().says), std::string::npos) << describe(result);
    EXPECT_GT(result.findings[0].line, 0);
  }
}

TEST_P(Checks, PassesTheCleanTwin) {
  for (uint64_t seed : {0, 1, 2}) {
    Result result = runCase(GetParam(), GetParam().clean, seed);
    EXPECT_TRUE(result.ok()) << describe(result);
  }
}

INSTANTIATE_TEST_SUITE_P(Defects, Checks, testing::ValuesIn(cases),
                         [](const testing::TestParamInfo<Case> &info) { return info.param.name; });

TEST(Launches, AreRefusedWithTheReason) {
  Program program(kernelText(".param .u64 k_param_0, .param .u32 k_param_1",
                             ".shared .b8 s[1024];\n.reg .b32 %r<2>;\nst.shared.u32 [s], 1;\nret;"));
  Device device(program);
  auto error = [&](const char *kernel, Dim grid, Dim block, uint64_t shared,
                   std::vector<std::vector<std::byte>> arguments) {
    try {
      device.launch(kernel, grid, block, shared, arguments);
    } catch (const Error &e) {
      return std::string(e.what());
    }
    return std::string("no error");
  };
  std::vector<std::vector<std::byte>> good = {argument(uint64_t(0)), argument(1)};
  EXPECT_EQ(error("k", {1}, {32}, 0, good), "no error");
  EXPECT_NE(error("nobody", {1}, {32}, 0, good).find("no kernel 'nobody'"), std::string::npos);
  EXPECT_NE(error("k", {1}, {32}, 0, {good[0]}).find("takes 2 arguments, got 1"), std::string::npos);
  EXPECT_NE(error("k", {1}, {32}, 0, {good[1], good[1]}).find("argument 0 has 8 bytes, got 4"), std::string::npos);
  EXPECT_NE(error("k", {1}, {1025}, 0, good).find("1025 threads is too large"), std::string::npos);
  EXPECT_NE(error("k", {0}, {32}, 0, good).find("empty grid"), std::string::npos);
  // sm_80 has 163 KiB for a CTA.
  EXPECT_EQ(error("k", {1}, {32}, 163 * 1024 - 1024, good), "no error");
  EXPECT_NE(error("k", {1}, {32}, 163 * 1024, good).find("167936 bytes of shared memory, sm_80 has 166912"),
            std::string::npos);
}

TEST(Buffers, AreGoneOnceDetached) {
  Program program(kernelText(".param .u64 k_param_0",
                             ".reg .b32 %r<2>; .reg .b64 %rd<2>;\nld.param.u64 %rd1, [k_param_0];\n"
                             "ld.global.u32 %r1, [%rd1];\nret;"));
  std::vector<uint32_t> x(4);
  Session session(program);
  session.buffer("x", x);
  EXPECT_TRUE(session.launch("k", {1}, {1}).ok());
  session.device.detach(session.addresses[0]);
  Result result = session.launch("k", {1}, {1});
  ASSERT_EQ(result.findings.size(), 1u);
  EXPECT_NE(result.findings[0].text.find("which was freed"), std::string::npos) << describe(result);
  EXPECT_THROW(session.device.detach(session.addresses[0]), Error);
}

// A finding that repeats is counted, not repeated.
TEST(Findings, AreCounted) {
  Program program(kernelText(".param .u64 k_param_0", ".reg .b64 %rd<2>;\nld.param.u64 %rd1, [k_param_0];\n"
                                                      "st.global.u32 [%rd1+64], 1;\nret;"));
  std::vector<uint32_t> x(4);
  Session session(program);
  session.buffer("x", x);
  Result result = session.launch("k", {3}, {64});
  ASSERT_EQ(result.findings.size(), 1u);
  EXPECT_EQ(result.findings[0].count, 3u * 64);
}
