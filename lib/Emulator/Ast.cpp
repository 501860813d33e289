//===- Ast.cpp - A PTX module as it was written ---------------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Ast.h"

#include <algorithm>
#include <map>

using namespace fftconv::emulator;

Error::Error(int line, const std::string &message)
    : std::runtime_error(line ? "line " + std::to_string(line) + ": " + message : message), lineNumber(line) {}

Type fftconv::emulator::parseType(std::string_view name) {
  static const std::map<std::string_view, Type> types = {
      {"b8", {Type::Bits, 8}},           {"b16", {Type::Bits, 16}},
      {"b32", {Type::Bits, 32}},         {"b64", {Type::Bits, 64}},
      {"b128", {Type::Bits, 128}},       {"u8", {Type::Unsigned, 8}},
      {"u16", {Type::Unsigned, 16}},     {"u32", {Type::Unsigned, 32}},
      {"u64", {Type::Unsigned, 64}},     {"s8", {Type::Signed, 8}},
      {"s16", {Type::Signed, 16}},       {"s32", {Type::Signed, 32}},
      {"s64", {Type::Signed, 64}},       {"f16", {Type::Half, 16}},
      {"f16x2", {Type::Half, 32, true}}, {"f32x2", {Type::Float, 64, true}},
      {"bf16", {Type::Brain, 16}},       {"bf16x2", {Type::Brain, 32, true}},
      {"tf32", {Type::Tensor, 32}},      {"f32", {Type::Float, 32}},
      {"f64", {Type::Float, 64}},        {"pred", {Type::Predicate, 1}},
  };
  auto it = types.find(name);
  return it == types.end() ? Type{} : it->second;
}

bool Instruction::has(std::string_view modifier) const {
  return std::find(modifiers.begin(), modifiers.end(), modifier) != modifiers.end();
}
