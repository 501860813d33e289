//===- Lexer.h - Tokens of PTX text -----------------------------*- C++ -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A word may hold dots and double colons (`ld.shared::cta.u32`, `%tid.x`): the parser splits opcodes, and nothing else in PTX has
// dots inside.
//
//===----------------------------------------------------------------------===//

#ifndef FFTCONV_LIB_EMULATOR_LEXER_H
#define FFTCONV_LIB_EMULATOR_LEXER_H

#include <string_view>

namespace fftconv::emulator {

struct Token {
  enum Kind { End, Word, Directive, Number, String, Punctuation };
  Kind kind = End;
  std::string_view text;
  int line = 1;

  bool is(char punctuation) const { return kind == Punctuation && text[0] == punctuation; }
  bool isWord(std::string_view word) const { return (kind == Word || kind == Directive) && text == word; }
};

class Lexer {
public:
  explicit Lexer(std::string_view text) : text(text) { advance(); }

  const Token &peek() const { return token; }
  /// The current token, past which the lexer moves.
  Token take() {
    Token taken = token;
    advance();
    return taken;
  }

private:
  void advance();
  void skipBlanks();

  std::string_view text;
  size_t at = 0;
  int line = 1;
  Token token;
};

} // namespace fftconv::emulator

#endif // FFTCONV_LIB_EMULATOR_LEXER_H
