//===- WarpsTest.cpp - Warp-wide instructions, memory, the parser ---------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Shuffles and votes, matrices, copies, atomics and barriers against what PTX says of them; errors with line and text.
//
//===----------------------------------------------------------------------===//

#include "Instructions.h"

using namespace fftconv::emulator;

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

TEST(Memory, CacheHintsChangeNothing) {
  std::string body = R"(
    .reg .b32 %r<8>; .reg .b64 %rd<8>;
    ld.param.u64 %rd1, [k_param_0]; mov.u32 %r0, %tid.x; mul.wide.u32 %rd2, %r0, 16; add.u64 %rd1, %rd1, %rd2;
    createpolicy.fractional.L2::evict_last.b64 %rd3, 1.0;
    prefetch.global.L2 [%rd1];
    ld.global.L1::no_allocate.L2::cache_hint.v4.b32 {%r1, %r2, %r3, %r4}, [%rd1], %rd3;
    st.global.v4.u32 [%rd1], {%r4, %r3, %r2, %r1};
    ret;)";
  Program program(kernelText(".param .u64 k_param_0", body, "sm_90"));
  std::vector<u32> data = values<u32>(4, 128), before = data;
  Session session(program);
  session.buffer("data", data);
  Result result = session.launch("k", {1}, {32});
  ASSERT_TRUE(result.ok()) << describe(result);
  for (size_t i = 0; i < data.size(); ++i)
    ASSERT_EQ(data[i], before[i ^ 3]);
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

TEST(Barriers, ReduceAndName) {
  // bar.red over three warps, then warp 0 produces for warp 1 through a named barrier that warp 2 does not join.
  std::string body = R"(
    .reg .pred %p<5>; .reg .b32 %r<12>; .reg .b64 %rd<4>; .shared .align 4 .b8 s[128];
    ld.param.u64 %rd1, [k_param_0]; mov.u32 %r0, %tid.x; shr.u32 %r1, %r0, 5; and.b32 %r2, %r0, 31;
    setp.lt.u32 %p1, %r0, 70;
    bar.red.popc.u32 %r3, 0, %p1;
    bar.red.and.pred %p2, 1, %p1;
    bar.red.or.pred %p3, 1, !%p1;
    selp.u32 %r4, 1000, 0, %p2; selp.u32 %r5, 100, 0, %p3; add.u32 %r3, %r3, %r4; add.u32 %r3, %r3, %r5;
    shl.b32 %r6, %r2, 2; mov.u32 %r7, s; add.u32 %r6, %r6, %r7;
    setp.eq.u32 %p4, %r1, 0; @%p4 bra PRODUCE;
    setp.eq.u32 %p4, %r1, 1; @!%p4 bra STORE;
    bar.sync 3, 64;
    ld.shared.u32 %r8, [%r6]; add.u32 %r3, %r3, %r8;
    bra STORE;
    PRODUCE:
    st.shared.u32 [%r6], 7;
    bar.arrive 3, 64;
    STORE:
    mul.wide.u32 %rd2, %r0, 4; add.u64 %rd1, %rd1, %rd2; st.global.u32 [%rd1], %r3;
    ret;)";
  Program program(kernelText(".param .u64 k_param_0", body));
  for (uint64_t seed : {0, 1, 2, 3}) {
    std::vector<u32> out(96);
    Session session(program);
    session.buffer("out", out);
    Options options;
    options.seed = seed;
    Result result = session.launch("k", {1}, {96}, 0, options);
    ASSERT_TRUE(result.ok()) << describe(result);
    for (u32 i = 0; i < 96; ++i)
      ASSERT_EQ(out[i], 170u + (i / 32 == 1 ? 7 : 0)) << i;
    EXPECT_EQ(result.total.barriers, 3u * 3 + 2);
  }
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
  EXPECT_EQ(body("tcgen05.fence::after_thread_sync;"),
            "line 8: unknown instruction: 'tcgen05.fence::after_thread_sync'");
  EXPECT_EQ(body("add.u32.fancy %r1, %r2, %r3;"), "line 8: unknown modifier '.fancy': 'add.u32.fancy'");
  EXPECT_EQ(body("add.u32 %r1, %r2;"), "line 8: expected 3 operands, got 2: 'add.u32'");
  EXPECT_EQ(body("add.u32 %r1, %rd1, %r3;"), "line 8: a register of another width than the type: 'add.u32'");
  EXPECT_EQ(body("bra NOWHERE;"), "line 8: unknown name 'NOWHERE'");
  EXPECT_EQ(body("add.u32 %r1, %r2 %r3;"), "line 8: expected ',', got '%r3'");
  EXPECT_EQ(body("mov.b64 %rd1, {{%r1, %r2}, %r3};"), "line 8: expected an element of a vector, got '{'");
  EXPECT_EQ(body(".local .b8 l[600000]; st.local.u8 [l], %r1;"),
            "line 5: kernel 'k' needs 600000 bytes of local memory and 0 of call arguments for each thread; 524288 and "
            "65536 are the most");
  EXPECT_EQ(error(".version 12.0\n.target sm_80\n"), "line 1: unknown PTX version '12.0'");
  EXPECT_EQ(error(".version 8.0\n.target sm_75\n.address_size 64\n"), "line 2: unsupported target 'sm_75'");
  EXPECT_EQ(error(".version 8.0\n.target sm_80\n.address_size 64\n"), "no kernel 'k' in the module");
}
