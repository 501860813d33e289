//===- KernelsTest.cpp - Kernels that compilers made ----------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The kernels of kernels/kernels.cu, compiled by clang and (where there is one) nvcc, on data of the host's making. Every run has all
// checks on and must be clean; counters are compared with what can be counted by hand.
//
//===----------------------------------------------------------------------===//

#include "../../lib/Emulator/Numeric.h"
#include "Harness.h"
#include "fftconv/Monarch/Tables.h"

#include <complex>
#include <numbers>
#include <numeric>

using namespace fftconv::emulator;

namespace {
/// The paths of the compiled kernels, one for each compiler.
std::vector<std::string> compiled() {
  std::vector<std::string> paths;
  std::stringstream list(FFTCONV_KERNELS);
  for (std::string path; std::getline(list, path, ':');)
    paths.push_back(path);
  return paths;
}

class Kernels : public testing::TestWithParam<std::tuple<std::string, uint64_t>> {
protected:
  void SetUp() override {
    program = std::make_unique<Program>(readFile(std::get<0>(GetParam())));
    options.seed = std::get<1>(GetParam());
  }
  Result clean(Session &run, const char *kernel, Dim grid, Dim block) {
    Result result = run.launch(kernel, grid, block, 0, options);
    EXPECT_TRUE(result.ok()) << describe(result);
    return result;
  }

  std::unique_ptr<Program> program;
  std::mt19937 random{7};
  Options options;
};

std::vector<float> normal(std::mt19937 &random, size_t count) {
  std::normal_distribution<float> distribution;
  std::vector<float> values(count);
  for (float &v : values)
    v = distribution(random);
  return values;
}

std::vector<uint16_t> halves(const std::vector<float> &values) {
  std::vector<uint16_t> result;
  for (float v : values)
    result.push_back(doubleToHalf(v));
  return result;
}

double relativeError(const std::vector<float> &x, const std::vector<double> &reference) {
  double error = 0, norm = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    error += (x[i] - reference[i]) * (x[i] - reference[i]);
    norm += reference[i] * reference[i];
  }
  return std::sqrt(error / norm);
}

std::vector<double> product(const std::vector<uint16_t> &a, const std::vector<uint16_t> &b, size_t M, size_t N,
                            size_t K) {
  std::vector<double> c(M * N);
  for (size_t m = 0; m < M; ++m)
    for (size_t k = 0; k < K; ++k)
      for (size_t n = 0; n < N; ++n)
        c[m * N + n] += double(halfToFloat(a[m * K + k])) * halfToFloat(b[k * N + n]);
  return c;
}

uint64_t of(const Result &result, Class c) { return result.instructions[static_cast<size_t>(c)]; }
} // namespace

TEST_P(Kernels, Saxpy) {
  std::vector<float> x = normal(random, 1000), y = normal(random, 1000), before = y;
  Session run(*program);
  run.buffer("y", y).buffer("x", x).value(2.5f).value(1000);
  Result result = clean(run, "saxpy", {8}, {128});
  for (size_t i = 0; i < 1000; ++i)
    ASSERT_EQ(y[i], std::fmaf(2.5f, x[i], before[i]));
  // 31 full warps and one of 8 lanes: two reads and one write of 4 bytes each.
  EXPECT_EQ(result.total.globalBytes, 1000u * 12);
  EXPECT_EQ(result.total.globalSectors, 1000u * 12 / 32);
  EXPECT_EQ(result.total.globalIdealSectors, result.total.globalSectors);
}

TEST_P(Kernels, ReduceSum) {
  std::vector<int> in(10007), out(4, -1);
  for (int &v : in)
    v = static_cast<int>(random() % 1000);
  Session run(*program);
  run.buffer("out", out).buffer("in", in).value(static_cast<int>(in.size()));
  Result result = clean(run, "reduceSum", {4}, {256});
  EXPECT_EQ(std::accumulate(out.begin(), out.end(), 0), std::accumulate(in.begin(), in.end(), 0));
  EXPECT_EQ(result.total.barriers, 4u * 8);
}

TEST_P(Kernels, Histogram) {
  std::vector<unsigned char> in(5000);
  std::vector<uint32_t> counts(256), expected(256);
  for (unsigned char &v : in)
    ++expected[v = static_cast<unsigned char>(random() % 16 * (random() % 17))];
  Session run(*program);
  run.buffer("counts", counts).buffer("in", in).value(5000);
  clean(run, "histogram", {5}, {96});
  EXPECT_EQ(counts, expected);
}

TEST_P(Kernels, Fft) {
  std::vector<float> in = normal(random, 3 * 512), out(3 * 512, NAN), table(256);
  for (int i = 0; i < 128; ++i) {
    table[2 * i] = static_cast<float>(std::cos(2 * std::numbers::pi * i / 256));
    table[2 * i + 1] = static_cast<float>(-std::sin(2 * std::numbers::pi * i / 256));
  }
  Session run(*program);
  // Constant memory is filled the way a host program fills it, by the address of the variable.
  uint64_t constant = run.device.variable("twiddles");
  run.device.write(constant, std::as_bytes(std::span(table)));
  run.buffer("out", out).buffer("in", in);
  Result result = clean(run, "stockhamFft", {3}, {64});
  std::vector<double> expected(3 * 512);
  for (int s = 0; s < 3; ++s)
    for (int k = 0; k < 256; ++k) {
      std::complex<double> sum = 0;
      for (int n = 0; n < 256; ++n)
        sum += std::complex<double>(in[2 * (s * 256 + n)], in[2 * (s * 256 + n) + 1]) *
               std::polar(1.0, -2 * std::numbers::pi * n * k / 256);
      expected[2 * (s * 256 + k)] = sum.real();
      expected[2 * (s * 256 + k) + 1] = sum.imag();
    }
  EXPECT_LT(relativeError(out, expected), 1e-6);
  EXPECT_EQ(result.total.barriers, 3u * 2 * 9);
}

TEST_P(Kernels, DivergentLoopsAndCalls) {
  std::vector<int> in(100), out(100, -1);
  for (int i = 0; i < 100; ++i)
    in[i] = i + 1;
  Session run(*program);
  run.buffer("out", out).buffer("in", in).value(100);
  clean(run, "diverge", {2}, {64});
  for (int i = 0; i < 100; ++i) {
    int n = in[i], steps = 0;
    for (; n != 1; ++steps)
      n = n % 2 ? 3 * n + 1 : n / 2;
    switch (steps % 5) {
    case 0:
      steps *= 7;
      break;
    case 1:
      steps -= 100;
      break;
    case 2:
      steps ^= 0x55;
      break;
    case 3:
      steps = in[i] >> (in[i] & 7);
      break;
    default:
      break;
    }
    ASSERT_EQ(out[i], steps) << i;
  }
}

TEST_P(Kernels, MatrixProductWithPipelinedCopies) {
  const int M = 128, N = 192, K = 160;
  std::vector<uint16_t> a = halves(normal(random, M * K)), b = halves(normal(random, K * N));
  std::vector<float> c(M * N, NAN);
  Session run(*program);
  run.buffer("c", c).buffer("a", a).buffer("b", b).value(M).value(N).value(K);
  Result result = clean(run, "matmul", {M / 64 * (N / 64)}, {128});
  EXPECT_LT(relativeError(c, product(a, b, M, N, K)), 1e-6);
  EXPECT_EQ(result.total.multiplyAdds, uint64_t(M) * N * K);
  EXPECT_EQ(of(result, Class::Mma), uint64_t(M) * N * K / 2048);
  // Every tile of A is read N / 64 times, every tile of B M / 64 times; C is written once.
  EXPECT_EQ(result.total.globalBytes, uint64_t(M) * K * 2 * (N / 64) + uint64_t(K) * N * 2 * (M / 64) + M * N * 4u);
  // Rows of 80 and 144 bytes keep the eight rows of a matrix in different banks; only where eight lanes copy two rows of A, of 64
  // bytes each and 80 apart, does their fourth overlap.
  EXPECT_EQ(result.total.sharedWavefronts - result.total.sharedIdealWavefronts, uint64_t(M) * K * 2 / 128 * (N / 64));
}

TEST_P(Kernels, WmmaProduct) {
  const int M = 48, N = 32, K = 64;
  std::vector<uint16_t> a = halves(normal(random, M * K)), b = halves(normal(random, K * N));
  std::vector<float> c(M * N, NAN);
  Session run(*program);
  run.buffer("c", c).buffer("a", a).buffer("b", b).value(N).value(K);
  Result result = clean(run, "wmmaMatmul", {M / 16 * (N / 16)}, {32});
  EXPECT_LT(relativeError(c, product(a, b, M, N, K)), 1e-6);
  EXPECT_EQ(result.total.multiplyAdds, uint64_t(M) * N * K);
}

TEST_P(Kernels, TransposeCountsBankConflicts) {
  std::vector<float> in = normal(random, 64 * 64), out(64 * 64, NAN), again(64 * 64, NAN);
  Session padded(*program), conflicting(*program);
  padded.buffer("out", out).buffer("in", in).value(64);
  conflicting.buffer("out", again).buffer("in", in).value(64);
  Result good = clean(padded, "transposePadded", {4}, {256}),
         bad = clean(conflicting, "transposeConflicting", {4}, {256});
  for (int r = 0; r < 64; ++r)
    for (int c = 0; c < 64; ++c)
      ASSERT_EQ(out[r * 64 + c], in[c * 64 + r]);
  EXPECT_EQ(out, again);
  // 32 rows in and out of each of 4 tiles: one wavefront each, or 32 for each row that is read as a column.
  EXPECT_EQ(good.total.sharedWavefronts, 4u * 64);
  EXPECT_EQ(bad.total.sharedWavefronts, 4u * (32 + 32 * 32));
  EXPECT_EQ(bad.total.sharedIdealWavefronts, 4u * 64);
}

TEST_P(Kernels, LastBlockReadsWhatOthersReleased) {
  std::vector<float> in(5000, 1.0f), partial(7, NAN), total(1, NAN);
  std::vector<uint32_t> counter(1);
  Session run(*program);
  run.buffer("total", total).buffer("partial", partial).buffer("counter", counter).buffer("in", in).value(5000);
  clean(run, "lastBlockSum", {7}, {64});
  EXPECT_EQ(total[0], 5000);
}

// Where there is no toolkit, what nvcc would compile is skipped, and seen to be.
TEST(Compilers, Nvcc) {
  for (const std::string &path : compiled())
    if (path.ends_with("nvcc.ptx"))
      return;
  GTEST_SKIP() << "there is no nvcc: the kernels were compiled by clang only";
}

namespace {
/// Matrices and tables of a convolution kernel by a plan of `digits`, its spectrum from the definition, and one launch against the direct
/// sum.
struct Convolution {
  /// W1, W, V, V1; the twiddles of digits 2 and up; the spectrum of k.
  Convolution(fftconv::monarch::Digits plan, const std::vector<float> &k) : digits(std::move(plan)) {
    for (auto [digit, inverse] : {std::pair(1, false), {2, false}, {2, true}, {1, true}})
      addMatrix(digit, inverse);
    for (size_t digit = 2; digit <= digits.count(); ++digit)
      addTable(fftconv::monarch::twiddles(digits, digit, false));
    addSpectrum(k);
  }

  fftconv::monarch::Digits digits;
  std::vector<uint16_t> matrices;
  std::vector<float> tables;

  void addMatrix(size_t digit, bool inverse) {
    for (int plane = 0; plane < 2; ++plane)
      for (std::complex<double> w : fftconv::monarch::dftMatrix(digits, digit, inverse))
        matrices.push_back(doubleToHalf(plane ? w.imag() : w.real()));
  }
  void addTable(const std::vector<std::complex<double>> &table) {
    for (int plane = 0; plane < 2; ++plane)
      for (std::complex<double> w : table)
        tables.push_back(static_cast<float>(plane ? w.imag() : w.real()));
  }
  /// sum over n of k[n] exp(-2 pi i n (f - 1/4) / M), in the order of digits (k1 slowest, fastest in frequency).
  void addSpectrum(const std::vector<float> &k) {
    int64_t points = digits.points();
    std::vector<std::complex<double>> spectrum(points);
    for (int64_t i = 0; i < points; ++i) {
      int64_t f = 0;
      for (int64_t j = digits.count() - 1, rest = i; j >= 0; rest /= digits.radices[j--])
        f += rest % digits.radices[j] * digits.product(0, j);
      std::complex<double> step = std::polar(1.0, -2 * std::numbers::pi * (f - .25) / points), w = 1;
      for (int64_t n = 0; n < points; ++n, w *= step)
        spectrum[i] += double(k[n]) * w;
    }
    addTable(spectrum);
  }
  /// The arguments of a kernel, for the sequences u.
  void bind(Session &session, std::vector<uint16_t> &y, std::vector<uint16_t> &u) {
    session.buffer("y", y)
        .buffer("u", u)
        .buffer("matrices", matrices)
        .buffer("tables", tables)
        .value(static_cast<int>(u.size() / digits.points()));
  }
  double error(const std::vector<uint16_t> &y, const std::vector<uint16_t> &u, const std::vector<float> &k) const {
    size_t points = digits.points();
    std::vector<float> got;
    std::vector<double> expected(y.size());
    for (size_t i = 0; i < y.size(); ++i) {
      got.push_back(halfToFloat(y[i]));
      for (size_t j = 0; j <= i % points; ++j)
        expected[i] += double(k[j]) * halfToFloat(u[i - j]);
    }
    return relativeError(got, expected);
  }
};
} // namespace

TEST_P(Kernels, ConvolutionChainedThroughRegisters) {
  const int sequences = 5;
  std::vector<uint16_t> u = halves(normal(random, sequences * 256)), y(sequences * 256, 0x7fff);
  std::vector<float> k = normal(random, 256);
  Convolution convolution({{16, 16}, true}, k);
  Session session(*program);
  convolution.bind(session, y, u);
  Result result = clean(session, "chainedConvolution", {2}, {96});
  EXPECT_LT(convolution.error(y, u, k), 1.5e-3 + 0x1p-11);
  // Real ends cost half: 4 + 8 + 8 + 4 products of 16 x 8 x 16, 4 r1 + 8 r2 multiply-adds a point.
  EXPECT_EQ(of(result, Class::Mma), sequences * 24u);
  EXPECT_EQ(result.total.multiplyAdds, sequences * 256u * (4 * 16 + 8 * 16));
  EXPECT_EQ(result.total.sharedBytes + result.total.barriers, 0u);
}

TEST_P(Kernels, ConvolutionThroughSharedMemory) {
  const int sequences = 3;
  std::vector<uint16_t> u = halves(normal(random, sequences * 4096)), y(sequences * 4096, 0x7fff);
  std::vector<float> k = normal(random, 4096);
  for (float &tap : k)
    tap /= 64;
  Convolution convolution({{16, 16, 16}, true}, k);
  Session session(*program);
  convolution.bind(session, y, u);
  Result result = clean(session, "fusedConvolution", {2}, {512});
  EXPECT_LT(convolution.error(y, u, k), 1.5e-3 + 0x1p-11);
  EXPECT_EQ(of(result, Class::Mma), sequences * 640u);
  // Without a swizzle the inner tiles, whose rows lie 32 bytes apart, cost two wavefronts for one: 128 of ldmatrix, 128 of stores.
  EXPECT_EQ(result.total.sharedWavefronts - result.total.sharedIdealWavefronts, sequences * 256u);
  EXPECT_EQ(result.total.barriers, sequences * 5u * 16);
}

// The portable forms give the same bits as those for the host's vectors: products of fragments, fused multiply-adds, conversions.
TEST_P(Kernels, DoNotDependOnTheHost) {
  std::vector<uint16_t> a = halves(normal(random, 64 * 64)), b = halves(normal(random, 64 * 64));
  std::vector<float> tables = normal(random, 1024);
  std::vector<std::vector<float>> products;
  std::vector<std::vector<uint16_t>> outputs;
  for (bool allowed : {true, false}) {
    allowVectors(allowed);
    Program fresh(readFile(std::get<0>(GetParam())));
    std::vector<float> c(64 * 64, NAN);
    std::vector<uint16_t> y(16 * 256, 0x7fff);
    Session product(fresh), convolution(fresh);
    product.buffer("c", c).buffer("a", a).buffer("b", b).value(64).value(64).value(64);
    clean(product, "matmul", {1}, {128});
    convolution.buffer("y", y).buffer("u", a).buffer("matrices", b).buffer("tables", tables).value(16);
    clean(convolution, "chainedConvolution", {4}, {128});
    products.push_back(c);
    outputs.push_back(y);
  }
  allowVectors(true);
  EXPECT_EQ(products[0], products[1]);
  EXPECT_EQ(outputs[0], outputs[1]);
}

INSTANTIATE_TEST_SUITE_P(Compilers, Kernels,
                         testing::Combine(testing::ValuesIn(compiled()),
                                          testing::Values(uint64_t(0), uint64_t(1), uint64_t(99))));
