//===- Harness.h - What the emulator's tests share --------------*- C++ -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef FFTCONV_TEST_EMULATOR_HARNESS_H
#define FFTCONV_TEST_EMULATOR_HARNESS_H

#include "fftconv/Emulator/Emulator.h"

#include "gtest/gtest.h"

#include <fstream>
#include <random>
#include <sstream>

namespace fftconv::emulator {

inline std::string readFile(const std::string &path) {
  std::ifstream file(path);
  EXPECT_TRUE(file.good()) << path;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// A device with buffers of host vectors.
class Session {
public:
  explicit Session(Program &program) : device(program) {}

  /// Adds a buffer as the next argument.
  template <typename T>
  Session &buffer(const char *name, std::vector<T> &values) {
    addresses.push_back(device.attach(name, values.data(), values.size() * sizeof(T)));
    return value(addresses.back());
  }
  template <typename T>
  Session &value(T v) {
    arguments.push_back(argument(v));
    return *this;
  }
  Result launch(const char *kernel, Dim grid, Dim block, uint64_t shared = 0, const Options &options = {}) {
    return device.launch(kernel, grid, block, shared, arguments, options);
  }

  Device device;
  std::vector<uint64_t> addresses;
  std::vector<std::vector<std::byte>> arguments;
};

inline std::string describe(const Result &result) {
  std::string text;
  for (const Finding &finding : result.findings)
    text += std::string(name(finding.check)) + " at line " + std::to_string(finding.line) + ", " +
            std::to_string(finding.count) + " times: " + finding.text + "\n";
  return text;
}

/// PTX of one kernel `k` with these parameters and this body, registers declared by the body.
inline std::string kernelText(const std::string &parameters, const std::string &body, const char *target = "sm_80",
                              const std::string &globals = "") {
  return ".version 8.5\n.target " + std::string(target) + "\n.address_size 64\n" + globals + "\n.visible .entry k(" +
         parameters + ")\n{\n" + body + "\n}\n";
}

} // namespace fftconv::emulator

#endif // FFTCONV_TEST_EMULATOR_HARNESS_H
