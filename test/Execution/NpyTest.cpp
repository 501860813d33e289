//===- NpyTest.cpp - NumPy's file format ----------------------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "fftconv/Execution/Tensor.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"
#include "gtest/gtest.h"

#include <cstring>

using namespace fftconv;

namespace {
class Npy : public testing::Test {
protected:
  void SetUp() override { ASSERT_FALSE(llvm::sys::fs::createTemporaryFile("fftconv", "npy", path)); }
  void TearDown() override { llvm::sys::fs::remove(path); }

  /// Writes a file of version 1 with this header and this data.
  void write(std::string header, std::string data) {
    header += '\n';
    std::string content = std::string("\x93NUMPY\x01\x00", 8);
    content += static_cast<char>(header.size() & 255);
    content += static_cast<char>(header.size() >> 8);
    raw(content + header + data);
  }
  void raw(const std::string &content) {
    std::error_code code;
    llvm::raw_fd_ostream os(path, code);
    ASSERT_FALSE(code);
    os << content;
  }
  std::string floats(std::vector<float> values) {
    std::string data(values.size() * 4, '\0');
    std::memcpy(data.data(), values.data(), data.size());
    return data;
  }
  std::string error(ElementType type = ElementType::F32) {
    llvm::Expected<Tensor> tensor = readNpy(path, type);
    return tensor ? "no error" : toString(tensor.takeError());
  }

  llvm::SmallString<128> path;
};
} // namespace

TEST_F(Npy, RoundTrips) {
  for (ElementType type : {ElementType::F16, ElementType::F32, ElementType::F64, ElementType::BF16})
    for (std::vector<int64_t> shape : {std::vector<int64_t>{}, {7}, {2, 3, 5}}) {
      Tensor written = Tensor::random(type, shape, 1);
      ASSERT_FALSE(errorToBool(writeNpy(path, written)));
      llvm::Expected<Tensor> read = readNpy(path, type);
      ASSERT_TRUE(static_cast<bool>(read));
      ASSERT_EQ(read->shape(), written.shape());
      for (int64_t i = 0; i < written.size(); ++i)
        EXPECT_EQ(read->get(i), written.get(i));
    }
}

TEST_F(Npy, DataIsAligned) {
  ASSERT_FALSE(errorToBool(writeNpy(path, Tensor::random(ElementType::F32, {5}, 1))));
  auto file = llvm::MemoryBuffer::getFile(path);
  ASSERT_TRUE(static_cast<bool>(file));
  EXPECT_EQ((*file)->getBufferSize() % 64, 20u);
}

TEST_F(Npy, ReadsFortranOrder) {
  write("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }", floats({1, 2, 3, 4, 5, 6}));
  llvm::Expected<Tensor> tensor = readNpy(path, ElementType::F32);
  ASSERT_TRUE(static_cast<bool>(tensor));
  double expected[] = {1, 3, 5, 2, 4, 6};
  for (int i = 0; i < 6; ++i)
    EXPECT_EQ(tensor->get(i), expected[i]);
}

TEST_F(Npy, RoundsFloatsToBrainFloats) {
  write("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", floats({1.00390625f, 2.5f}));
  llvm::Expected<Tensor> tensor = readNpy(path, ElementType::BF16);
  ASSERT_TRUE(static_cast<bool>(tensor));
  EXPECT_EQ(tensor->get(0), 1);
  EXPECT_EQ(tensor->get(1), 2.5);
}

TEST_F(Npy, ReadsBitsOfBrainFloats) {
  write("{'descr': '<u2', 'fortran_order': False, 'shape': (1,), }", std::string("\xc0\x3f", 2));
  llvm::Expected<Tensor> tensor = readNpy(path, ElementType::BF16);
  ASSERT_TRUE(static_cast<bool>(tensor));
  EXPECT_EQ(tensor->get(0), 1.5);
}

TEST_F(Npy, SaysWhatIsWrong) {
  raw("junk");
  EXPECT_NE(error().find("does not start with NumPy's signature"), std::string::npos);
  raw(std::string("\x93NUMPY\x09\x00\x10\x00", 10));
  EXPECT_NE(error().find("unknown version 9"), std::string::npos);
  raw(std::string("\x93NUMPY\x01\x00\xff\xff", 10));
  EXPECT_NE(error().find("header is cut off"), std::string::npos);
  write("{'fortran_order': False, 'shape': (1,), }", floats({1}));
  EXPECT_NE(error().find("no 'descr'"), std::string::npos);
  write("{'descr': '<f4', 'fortran_order': Maybe, 'shape': (1,), }", floats({1}));
  EXPECT_NE(error().find("neither True nor False"), std::string::npos);
  write("{'descr': '<f4', 'fortran_order': False, 'shape': (x,), }", floats({1}));
  EXPECT_NE(error().find("bad dimension 'x'"), std::string::npos);
  write("{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775807, 4), }", floats({1}));
  EXPECT_NE(error().find("bad dimension '4'"), std::string::npos);
  write("{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", floats({1}));
  EXPECT_NE(error().find("4 bytes of data where its shape needs 12"), std::string::npos);
  write("{'descr': '>f4', 'fortran_order': False, 'shape': (1,), }", floats({1}));
  EXPECT_NE(error().find("has type '>f4', expected f32"), std::string::npos);
  write("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", floats({1}));
  EXPECT_NE(error(ElementType::F16).find("has type f32, expected f16"), std::string::npos);
  write("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", floats({1}));
  EXPECT_NE(error().find("structured types"), std::string::npos);
}

TEST_F(Npy, CannotWriteIntoAFolderThatIsNotThere) {
  EXPECT_TRUE(llvm::errorToBool(writeNpy((path + ".none/file.npy").str(), Tensor(ElementType::F32, {1}))));
}
