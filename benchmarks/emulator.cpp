//===- emulator.cpp - How fast PTX is emulated ----------------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// On one core, the fastest of seven runs: mma instructions a second inside a matrix product, time for a fused convolution of 4096
// points, without checks and with all, and time to parse and decode.
//
//===----------------------------------------------------------------------===//

#include "fftconv/Emulator/Emulator.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <functional>
#include <sstream>

using namespace fftconv::emulator;

static double fastest(const std::function<double()> &measure) {
  double best = measure();
  for (int i = 0; i < 6; ++i)
    best = std::min(best, measure());
  return best;
}

static std::string processor() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);)
    if (line.starts_with("model name"))
      return line.substr(line.find(':') + 2);
  return "unknown";
}

int main(int argc, char **argv) {
  std::ifstream file(FFTCONV_KERNEL);
  std::stringstream stream;
  stream << file.rdbuf();
  std::string text = stream.str();
  Program program(text);

  double parse = fastest([&] {
    auto begin = std::chrono::steady_clock::now();
    Program again(text);
    for (const KernelInfo &kernel : again.kernels())
      again.decode(kernel.name);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  });

  struct Row {
    const char *what, *unit;
    double limit;
    bool atLeast;
    double value;
  };
  std::vector<Row> rows = {{"parse and decode 5,000 lines", "ms", 20, false, parse * 1e3 * 5000 / program.lineCount()}};
  for (bool checks : {false, true}) {
    Options options = checks ? Options{} : Options::fast();
    options.threads = 1;
    auto run = [&](const char *kernel, Dim grid, Dim block, std::vector<size_t> buffers, std::vector<int> values) {
      Result result;
      double seconds = fastest([&] {
        Device device(program);
        std::vector<std::vector<uint16_t>> memory;
        std::vector<std::vector<std::byte>> arguments;
        for (size_t bytes : buffers)
          memory.emplace_back(bytes / 2, uint16_t(0x3c00));
        for (std::vector<uint16_t> &m : memory)
          arguments.push_back(argument(device.attach("buffer", m.data(), m.size() * 2)));
        for (int v : values)
          arguments.push_back(argument(v));
        result = device.launch(kernel, grid, block, 0, arguments, options);
        return result.seconds;
      });
      if (!result.ok())
        std::printf("%s: %s\n", kernel, result.findings[0].text.c_str());
      return std::pair(seconds, result);
    };
    const int M = 128, N = 128, K = 2048;
    auto [product, counted] = run("matmul", {M / 64 * (N / 64)}, {128}, {M * N * 4, M * K * 2, K * N * 2}, {M, N, K});
    auto mma = static_cast<double>(counted.instructions[static_cast<size_t>(Class::Mma)]);
    rows.push_back({checks ? "mma m16n8k16 in a matrix product, all checks" : "mma m16n8k16 in a matrix product", "M/s",
                    checks ? 0.0 : 3.0, true, mma / product / 1e6});
    const int sequences = 16;
    auto [convolution, ignored] = run("fusedConvolution", {4}, {512},
                                      {sequences * 8192, sequences * 8192, 8 * 512, 4 * (512 + 2 * 8192)}, {sequences});
    rows.push_back({checks ? "convolution of 4096 points, all checks" : "convolution of 4096 points", "ms",
                    checks ? 6.0 : 1.0, false, convolution / sequences * 1e3});
  }
  bool good = true;
  std::printf("%-48s %10s  limit\n", "one core", "fastest");
  std::time_t now = std::time(nullptr);
  char date[16];
  std::strftime(date, sizeof date, "%Y-%m-%d", std::gmtime(&now));
  std::string json = std::string("{\"date\": \"") + date + "\", \"processor\": \"" + processor() +
                     "\", \"command\": \"benchmarks/emulator.sh\", \"rows\": [";
  for (const Row &row : rows) {
    bool within = row.limit == 0 || (row.atLeast ? row.value >= row.limit : row.value <= row.limit);
    good &= within;
    std::printf("%-48s %6.2f %-3s", row.what, row.value, row.unit);
    if (row.limit != 0)
      std::printf("  %s %g", row.atLeast ? ">=" : "<=", row.limit);
    std::printf("%s\n", within ? "" : "  MISSED");
    char entry[256];
    std::snprintf(entry, sizeof entry, "%s\n {\"what\": \"%s\", \"unit\": \"%s\", \"value\": %.3f, \"limit\": %g}",
                  &row == rows.data() ? "" : ",", row.what, row.unit, row.value, row.limit);
    json += entry;
  }
  if (argc > 1)
    std::ofstream(argv[1]) << json << "\n]}\n";
  return !good;
}
