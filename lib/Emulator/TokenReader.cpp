//===- TokenReader.cpp - Expectations about tokens ------------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TokenReader.h"

#include <bit>
#include <charconv>

using namespace fftconv::emulator;

std::string fftconv::emulator::quoted(std::string_view text) { return "'" + std::string(text) + "'"; }

void TokenReader::unexpected(std::string_view wanted) {
  const Token &token = lexer.peek();
  throw Error(token.line, "expected " + std::string(wanted) + ", got " +
                              (token.kind == Token::End ? "the end" : quoted(token.text)));
}

void TokenReader::expect(char punctuation) {
  if (!accept(punctuation))
    unexpected(std::string("'") + punctuation + "'");
}

bool TokenReader::accept(char punctuation) {
  if (!lexer.peek().is(punctuation))
    return false;
  lexer.take();
  return true;
}

bool TokenReader::acceptWord(std::string_view word) {
  if (!lexer.peek().isWord(word))
    return false;
  lexer.take();
  return true;
}

std::string TokenReader::word() {
  if (lexer.peek().kind != Token::Word)
    unexpected("a name");
  return std::string(lexer.take().text);
}

int64_t TokenReader::integer() {
  bool minus = accept('-');
  if (lexer.peek().kind != Token::Number)
    unexpected("an integer");
  Operand number = parseNumber();
  if (number.kind != Operand::Integer)
    unexpected("an integer");
  return minus ? static_cast<int64_t>(0 - static_cast<uint64_t>(number.value)) : number.value;
}

uint64_t TokenReader::count(uint64_t most, std::string_view what) {
  int at = line();
  int64_t value = integer();
  if (value < 0 || static_cast<uint64_t>(value) > most)
    throw Error(at, std::string(what) + " of " + std::to_string(value));
  return static_cast<uint64_t>(value);
}

Operand TokenReader::parseNumber() {
  Token token = lexer.take();
  std::string_view text = token.text;
  auto bad = [&]() { return Error(token.line, "malformed number " + quoted(text)); };
  Operand result;
  auto digits = [&](std::string_view part, int base) {
    uint64_t value = 0;
    auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value, base);
    if (error != std::errc() || end != part.data() + part.size() || part.empty())
      throw bad();
    return value;
  };
  if (text.size() > 2 && text[0] == '0' && (text[1] == 'f' || text[1] == 'F')) {
    if (text.size() != 10)
      throw bad();
    result.kind = Operand::FloatBits;
    result.value = static_cast<int64_t>(digits(text.substr(2), 16));
    return result;
  }
  if (text.size() > 2 && text[0] == '0' && (text[1] == 'd' || text[1] == 'D')) {
    if (text.size() != 18)
      throw bad();
    result.kind = Operand::DoubleBits;
    result.value = static_cast<int64_t>(digits(text.substr(2), 16));
    return result;
  }
  bool hex = text.size() > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
  if (!hex && text.find_first_of(".eE") != std::string_view::npos) {
    double value = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size())
      throw bad();
    result.kind = Operand::DoubleBits;
    result.value = std::bit_cast<int64_t>(value);
    return result;
  }
  if (text.ends_with('U') || text.ends_with('u'))
    text.remove_suffix(1);
  result.kind = Operand::Integer;
  if (hex)
    result.value = static_cast<int64_t>(digits(text.substr(2), 16));
  else if (text.size() > 2 && text[0] == '0' && (text[1] == 'b' || text[1] == 'B'))
    result.value = static_cast<int64_t>(digits(text.substr(2), 2));
  else if (text.size() > 1 && text[0] == '0')
    result.value = static_cast<int64_t>(digits(text.substr(1), 8));
  else
    result.value = static_cast<int64_t>(digits(text, 10));
  return result;
}
