//===- TokenReader.h - Expectations about tokens ----------------*- C++ -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the parser asks of tokens again and again: this word, that punctuation, a number within bounds; each throws Error otherwise.
//
//===----------------------------------------------------------------------===//

#ifndef FFTCONV_LIB_EMULATOR_TOKENREADER_H
#define FFTCONV_LIB_EMULATOR_TOKENREADER_H

#include "Ast.h"
#include "Lexer.h"

namespace fftconv::emulator {

/// 'text', for messages.
std::string quoted(std::string_view text);

class TokenReader {
public:
  explicit TokenReader(std::string_view text) : lexer(text) {}

  int line() const { return lexer.peek().line; }
  [[noreturn]] void unexpected(std::string_view wanted);
  void expect(char punctuation);
  bool accept(char punctuation);
  bool acceptWord(std::string_view word);
  std::string word();
  /// An integer with an optional sign.
  int64_t integer();
  /// An integer from 0 to `most`; `what` is for the message.
  uint64_t count(uint64_t most, std::string_view what);
  /// An unsigned number: an integer, a pattern of bits (0f..., 0d...) or a decimal fraction.
  Operand parseNumber();

protected:
  Lexer lexer;
};

} // namespace fftconv::emulator

#endif // FFTCONV_LIB_EMULATOR_TOKENREADER_H
