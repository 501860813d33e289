//===- Lexer.cpp - Tokens of PTX text -------------------------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Lexer.h"

#include "fftconv/Emulator/Emulator.h"

using namespace fftconv::emulator;

static bool isDigit(char c) { return c >= '0' && c <= '9'; }
static bool isStart(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$' || c == '%';
}

void Lexer::skipBlanks() {
  while (at < text.size()) {
    char c = text[at];
    if (c == '\n') {
      ++line;
      ++at;
    } else if (c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v') {
      ++at;
    } else if (text.substr(at, 2) == "//") {
      while (at < text.size() && text[at] != '\n')
        ++at;
    } else if (text.substr(at, 2) == "/*") {
      size_t end = text.find("*/", at + 2);
      if (end == std::string_view::npos)
        throw Error(line, "comment without an end");
      for (; at < end + 2; ++at)
        line += text[at] == '\n';
    } else {
      return;
    }
  }
}

void Lexer::advance() {
  skipBlanks();
  token = {Token::End, {}, line};
  if (at >= text.size())
    return;
  size_t begin = at;
  char c = text[at];
  auto peek = [&](size_t ahead) { return at + ahead < text.size() ? text[at + ahead] : '\0'; };
  auto finish = [&](Token::Kind kind) {
    token.kind = kind;
    token.text = text.substr(begin, at - begin);
  };
  if (isStart(c) || (c == '.' && isStart(peek(1)))) {
    ++at;
    while (at < text.size()) {
      if (isStart(text[at]) || isDigit(text[at]) || text[at] == '.')
        ++at;
      else if (text[at] == ':' && peek(1) == ':')
        at += 2;
      else
        break;
    }
    return finish(c == '.' ? Token::Directive : Token::Word);
  }
  if (isDigit(c)) {
    // Integers with a radix prefix or suffix U, 0f and 0d bit patterns, decimal fractions with exponents.
    bool bits = c == '0' && (peek(1) == 'f' || peek(1) == 'F' || peek(1) == 'd' || peek(1) == 'D' || peek(1) == 'x' ||
                             peek(1) == 'X' || peek(1) == 'b' || peek(1) == 'B');
    ++at;
    while (at < text.size()) {
      char d = text[at];
      bool sign = !bits && (d == '+' || d == '-') && (text[at - 1] == 'e' || text[at - 1] == 'E');
      if (!isDigit(d) && !isStart(d) && d != '.' && !sign)
        break;
      ++at;
    }
    return finish(Token::Number);
  }
  if (c == '"') {
    ++at;
    while (at < text.size() && text[at] != '"' && text[at] != '\n')
      ++at;
    if (at >= text.size() || text[at] != '"')
      throw Error(line, "string without an end");
    ++at;
    return finish(Token::String);
  }
  ++at;
  finish(Token::Punctuation);
}
