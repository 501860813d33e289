//===- FuzzTest.cpp - Broken PTX breaks nothing ---------------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Mutates the text of real kernels; whatever comes out is parsed, decoded and, where it still decodes, launched. It may be refused or run
// into findings, but never crash or hang. A fixed number of mutations here; FFTCONV_FUZZ_SECONDS (see utils/fuzz.sh) goes on.
//
//===----------------------------------------------------------------------===//

#include "Harness.h"

#include <chrono>
#include <cstdlib>

using namespace fftconv::emulator;

namespace {
std::vector<std::string> corpus() {
  std::vector<std::string> texts;
  std::stringstream list(FFTCONV_KERNELS);
  for (std::string path; std::getline(list, path, ':');) {
    if (path.find("debug") != std::string::npos)
      continue; // long, and mostly debug sections
    // One kernel at a time, under the header: small texts mutate to more different things.
    std::string text = readFile(path);
    size_t header = text.find(".visible .entry");
    std::string head = text.substr(0, header);
    for (size_t at = header; at != std::string::npos;) {
      size_t next = text.find(".visible .entry", at + 1);
      texts.push_back(head + text.substr(at, next == std::string::npos ? next : next - at));
      at = next;
    }
  }
  return texts;
}

std::string mutate(std::string text, std::mt19937 &random) {
  static const char *words[] = {"{",
                                "}",
                                ";",
                                ",",
                                "[",
                                "]",
                                "(",
                                ")",
                                "@%p1 ",
                                "!",
                                "-1",
                                "0xffffffffffffffff",
                                "%r1",
                                "%rd1",
                                "%p1",
                                ".v4",
                                ".reg .b32 %z<99999999>;",
                                ".shared .b8 big[4294967295];",
                                "bra $L__BB0_1;",
                                "ret;",
                                "%tid.x",
                                ".param",
                                "call",
                                "0f7fffffff",
                                "1e999",
                                "//",
                                "/*",
                                "\"",
                                "bar.sync 17;",
                                ".local .b8 q[8];",
                                ".global .b32 g[4] = {1,2,3,4,5};",
                                "_",
                                "|",
                                "+-",
                                "18446744073709551616",
                                "{{{{{{{{{{",
                                ".local .b8 huge[900000000];",
                                ".param .b8 p[70000];"};
  for (unsigned edits = 1 + random() % 3; edits > 0; --edits) {
    if (text.empty())
      return text;
    size_t at = random() % text.size(), length = 1 + random() % 40;
    switch (random() % 12) {
    case 0:
      text[at] = static_cast<char>(random());
      break;
    case 1:
      text.erase(at, length);
      break;
    case 2:
      text.insert(at, text.substr(random() % text.size(), length));
      break;
    case 3:
      text.insert(at, words[random() % std::size(words)]);
      break;
    case 4: // a digit becomes another
    case 5:
    case 6:
    case 7:
    case 8:
      if (size_t digit = text.find_first_of("0123456789", at); digit != std::string::npos)
        text[digit] = static_cast<char>('0' + random() % 10);
      break;
    default: // a line goes somewhere else
      if (size_t begin = text.find('\n', at); begin != std::string::npos) {
        size_t end = text.find('\n', begin + 1);
        std::string line = text.substr(begin, end == std::string::npos ? end : end - begin);
        text.erase(begin, line.size());
        text.insert(text.empty() ? 0 : random() % text.size(), line);
      }
    }
  }
  return text;
}

/// 0 refused, 1 launched.
int tryProgram(const std::string &text) {
  try {
    Program program(text);
    int launched = 0;
    for (const KernelInfo &kernel : program.kernels()) {
      program.decode(kernel.name);
      Device device(program);
      std::vector<float> data(256);
      std::vector<std::vector<std::byte>> arguments;
      for (size_t bytes : kernel.parameterBytes) {
        if (bytes > 4096)
          throw Error(0, "too many bytes");
        arguments.push_back(bytes == 8 ? argument(device.attach("data", data.data(), 1024))
                                       : std::vector<std::byte>(bytes));
        if (bytes == 4)
          arguments.back() = argument(64);
      }
      Options options;
      options.maxInstructions = 20000;
      options.threads = 1;
      device.launch(kernel.name, {2}, {64}, 0, arguments, options);
      launched = 1;
    }
    return launched;
  } catch (const Error &) {
    return 0;
  }
}
} // namespace

TEST(Fuzz, MutatedKernelsNeverCrash) {
  const char *seconds = std::getenv("FFTCONV_FUZZ_SECONDS"), *seedText = std::getenv("FFTCONV_FUZZ_SEED");
  auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds ? std::atoi(seconds) : 0);
  std::mt19937 random(seedText ? static_cast<unsigned>(std::atoi(seedText)) : 1u);
  std::vector<std::string> texts = corpus();
  // A kernel that calls a function of another piece is no start.
  std::erase_if(texts, [](const std::string &text) { return tryProgram(text) == 0; });
  ASSERT_GE(texts.size(), 8u);
  int tried = 0, launched = 0;
  for (; tried < 8000 || std::chrono::steady_clock::now() < end; ++tried)
    launched += tryProgram(mutate(texts[random() % texts.size()], random));
  std::cout << tried << " mutations, " << launched << " still ran\n";
  EXPECT_GT(launched, tried / 20); // the rest of the tool is reached, too
}
