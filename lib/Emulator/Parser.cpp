//===- Parser.cpp - PTX text to a module ----------------------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Recursive descent over the tokens. Names are scoped by braces; labels and functions may be used before they stand. Debug sections and
// directives are skipped.
//
//===----------------------------------------------------------------------===//

#include "TokenReader.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <map>
#include <unordered_map>

using namespace fftconv::emulator;

namespace {
constexpr uint64_t maxVariableBytes = uint64_t(1) << 30;
constexpr unsigned maxNesting = 8;
constexpr size_t maxRegisters = 1 << 20;

class Parser : TokenReader {
public:
  using TokenReader::TokenReader;

  Module parse() {
    header();
    while (lexer.peek().kind != Token::End)
      item();
    for (auto &[function, instruction, name, line] : functionUses) {
      auto it = functionIndex.find(name);
      if (it == functionIndex.end())
        throw Error(line, "unknown function " + quoted(name));
      for (Operand &operand : module.functions[function].body[instruction].operands)
        if (operand.kind == Operand::Function && operand.name == name)
          operand.index = it->second;
    }
    return std::move(module);
  }

private:
  //===--------------------------------------------------------------------===//
  // Module scope
  //===--------------------------------------------------------------------===//

  void header() {
    if (!acceptWord(".version"))
      unexpected(".version");
    int at = line();
    std::string version(lexer.take().text);
    unsigned major = 0, minor = 0;
    auto [dot, error] = std::from_chars(version.data(), version.data() + version.size(), major);
    if (error != std::errc() || dot == version.data() + version.size() || *dot != '.' ||
        std::from_chars(dot + 1, version.data() + version.size(), minor).ec != std::errc() || major < 3 || major > 9 ||
        minor > 9)
      throw Error(at, "unknown PTX version " + quoted(version));
    module.version = major * 10 + minor;
    if (!acceptWord(".target"))
      unexpected(".target");
    module.target = word();
    while (accept(','))
      word(); // debug, texmode_...
    if (acceptWord(".address_size") && count(64, "an address size") != 64)
      throw Error(line(), "only 64-bit addresses are supported");
  }

  void skipBraces() {
    int begin = line(), depth = 0;
    do {
      if (lexer.peek().kind == Token::End)
        throw Error(begin, "'{' without an end");
      depth += lexer.peek().is('{') - lexer.peek().is('}');
      lexer.take();
    } while (depth > 0);
  }
  void skipLine() {
    for (int at = line(); lexer.peek().kind != Token::End && line() == at;)
      lexer.take();
  }
  void skipTo(char punctuation) {
    while (!accept(punctuation)) {
      if (lexer.peek().kind == Token::End)
        unexpected(std::string("'") + punctuation + "'");
      lexer.take();
    }
  }
  /// Directives that say nothing about what is computed.
  bool skipped() {
    static constexpr std::string_view lines[] = {".loc", ".file"};
    for (std::string_view directive : lines)
      if (lexer.peek().isWord(directive)) {
        skipLine();
        return true;
      }
    if (acceptWord(".pragma")) {
      skipTo(';');
      return true;
    }
    if (lexer.peek().isWord(".section")) {
      lexer.take();
      lexer.take();
      if (!lexer.peek().is('{'))
        unexpected("'{'");
      skipBraces();
      return true;
    }
    return false;
  }

  void item() {
    if (skipped() || accept(';'))
      return;
    bool isExtern = false;
    while (lexer.peek().kind == Token::Directive) {
      if (acceptWord(".extern"))
        isExtern = true;
      else if (!acceptWord(".visible") && !acceptWord(".weak") && !acceptWord(".common"))
        break;
    }
    if (acceptWord(".entry"))
      return function(true);
    if (acceptWord(".func"))
      return function(false);
    static constexpr std::pair<std::string_view, Space> spaces[] = {
        {".global", Space::Global}, {".const", Space::Const}, {".shared", Space::Shared}};
    for (auto [directive, space] : spaces)
      if (acceptWord(directive))
        return variables(space, isExtern, module.variables, moduleNames, 0);
    unexpected("a function or a variable");
  }

  //===--------------------------------------------------------------------===//
  // Variables
  //===--------------------------------------------------------------------===//

  using Names = std::unordered_map<std::string, Operand>;

  Type scalarType() {
    if (lexer.peek().kind == Token::Directive)
      if (Type type = parseType(lexer.peek().text.substr(1)); type.bits) {
        lexer.take();
        return type;
      }
    unexpected("a type");
  }

  /// What may stand before the type of a variable.
  void attributes(Variable &variable) {
    for (;;) {
      if (acceptWord(".align")) {
        variable.align = count(1 << 16, "an alignment");
        if (!std::has_single_bit(variable.align))
          throw Error(line(), "alignment that is no power of two");
      } else if (acceptWord(".ptr")) {
        // .param .u64 .ptr .global .align 16: what the pointer points to.
        for (std::string_view space : {".global", ".shared", ".const", ".local"})
          acceptWord(space);
        if (acceptWord(".align"))
          integer();
      } else if (acceptWord(".attribute")) {
        expect('(');
        skipTo(')');
      } else {
        return;
      }
    }
  }

  /// `.type name[n][m] = {...}`, any number of them, with commas between.
  void variables(Space space, bool isExtern, std::vector<Variable> &where, Names &names, size_t firstIndex) {
    Variable common;
    common.space = space;
    attributes(common);
    if (acceptWord(".v2") || acceptWord(".v4"))
      throw Error(line(), "vector variables are not supported");
    Type type = scalarType();
    attributes(common);
    do {
      Variable variable = common;
      variable.name = word();
      declare(variable, type, isExtern);
      Operand operand;
      operand.kind = Operand::Variable;
      // A declaration may be followed by its definition.
      auto known = names.find(variable.name);
      if (known != names.end() && known->second.kind == Operand::Variable && known->second.index >= firstIndex &&
          where[known->second.index - firstIndex].unsized) {
        where[known->second.index - firstIndex] = std::move(variable);
        continue;
      }
      operand.index = firstIndex + where.size();
      names[variable.name] = operand;
      where.push_back(std::move(variable));
    } while (accept(','));
    expect(';');
  }

  void declare(Variable &variable, Type type, bool isExtern) {
    uint64_t elements = 1;
    int at = line();
    while (accept('[')) {
      if (accept(']')) {
        variable.unsized = true;
        continue;
      }
      uint64_t extent = count(maxVariableBytes, "an array");
      expect(']');
      if (extent && elements > maxVariableBytes / extent)
        throw Error(at, "variable " + quoted(variable.name) + " is too large");
      elements *= extent;
    }
    uint64_t width = std::max(1u, type.bytes());
    variable.align = std::max<uint64_t>(variable.align, width);
    if (elements > maxVariableBytes / width)
      throw Error(at, "variable " + quoted(variable.name) + " is too large");
    if (accept('=')) {
      initialiser(variable, type, 0);
      if (variable.unsized)
        elements = variable.initial.size() / width;
      variable.unsized = false;
    } else if (isExtern && variable.space != Space::Shared) {
      throw Error(at, "variable " + quoted(variable.name) + " is defined in another module");
    }
    variable.bytes = variable.unsized ? 0 : elements * width;
    if (variable.initial.size() > variable.bytes)
      throw Error(at, "more values than " + quoted(variable.name) + " holds");
  }

  void initialiser(Variable &variable, Type type, unsigned depth) {
    if (depth > maxNesting)
      throw Error(line(), "an initialiser of too many dimensions");
    if (accept('{')) {
      if (accept('}'))
        return;
      do
        initialiser(variable, type, depth + 1);
      while (accept(','));
      expect('}');
      return;
    }
    size_t offset = variable.initial.size(), width = std::max(1u, type.bytes());
    if (offset > maxVariableBytes)
      throw Error(line(), "variable " + quoted(variable.name) + " is too large");
    uint64_t value = 0;
    if (lexer.peek().kind == Token::Word) {
      // An address: name, generic(name), either with + n.
      Variable::Relocation relocation{offset, 0, 0, false};
      if (acceptWord("generic")) {
        relocation.generic = true;
        expect('(');
      }
      int at = line();
      std::string name = word();
      auto it = moduleNames.find(name);
      if (it == moduleNames.end() || it->second.kind != Operand::Variable || width != 8)
        throw Error(at, "cannot initialise with " + quoted(name));
      relocation.variable = it->second.index;
      if (relocation.generic)
        expect(')');
      if (accept('+'))
        relocation.addend = integer();
      variable.relocations.push_back(relocation);
    } else {
      bool minus = accept('-');
      if (lexer.peek().kind != Token::Number)
        unexpected("a value");
      value = numberAs(parseNumber(), type, minus);
    }
    for (size_t i = 0; i < width; ++i)
      variable.initial.push_back(static_cast<uint8_t>(value >> (8 * i)));
  }

  static uint64_t numberAs(const Operand &number, Type type, bool minus) {
    if (number.kind == Operand::Integer)
      return minus ? 0 - static_cast<uint64_t>(number.value) : static_cast<uint64_t>(number.value);
    double value = number.kind == Operand::FloatBits ? std::bit_cast<float>(static_cast<uint32_t>(number.value))
                                                     : std::bit_cast<double>(number.value);
    if (minus)
      value = -value;
    if (type.kind == Type::Float && type.bits == 32)
      return std::bit_cast<uint32_t>(static_cast<float>(value));
    if (type.kind == Type::Float)
      return std::bit_cast<uint64_t>(value);
    return static_cast<uint64_t>(number.value);
  }

  //===--------------------------------------------------------------------===//
  // Functions
  //===--------------------------------------------------------------------===//

  void function(bool isEntry) {
    Function result;
    result.isEntry = isEntry;
    current = &result;
    scopes.assign(1, {});
    labels.clear();
    branchLists.clear();
    pendingLists.clear();
    result.line = line();
    if (lexer.peek().is('('))
      parameters(result.results);
    result.name = word();
    if (lexer.peek().is('('))
      parameters(result.parameters);
    while (!lexer.peek().is('{') && !accept(';'))
      functionDirective(result);
    auto [it, isNew] = functionIndex.try_emplace(result.name, module.functions.size());
    if (isNew)
      module.functions.emplace_back();
    else if (module.functions[it->second].isDefined && lexer.peek().is('{'))
      throw Error(result.line, "function " + quoted(result.name) + " is defined twice");
    currentIndex = it->second;
    if (lexer.peek().is('{')) {
      result.isDefined = true;
      lexer.take();
      body();
      resolveLabels();
    }
    if (result.isDefined || isNew)
      module.functions[currentIndex] = std::move(result);
    current = nullptr;
  }

  void functionDirective(Function &result) {
    if (acceptWord(".maxntid") || lexer.peek().isWord(".reqntid")) {
      bool required = acceptWord(".reqntid");
      uint64_t product = 1;
      do
        product *= count(1 << 16, "a block");
      while (accept(','));
      (required ? result.requiredThreads : result.maxThreads) =
          static_cast<uint32_t>(std::min<uint64_t>(product, UINT32_MAX));
      return;
    }
    static constexpr std::string_view known[] = {
        ".minnctapersm",   ".maxnreg",      ".maxnctapersm",    ".noreturn",
        ".maxclusterrank", ".abi_preserve", ".explicitcluster", ".abi_preserve_control"};
    for (std::string_view directive : known)
      if (acceptWord(directive)) {
        while (lexer.peek().kind == Token::Number || lexer.peek().is(','))
          lexer.take();
        return;
      }
    if (acceptWord(".pragma"))
      return skipTo(';');
    unexpected("the body of a function");
  }

  void parameters(std::vector<size_t> &list) {
    expect('(');
    if (accept(')'))
      return;
    do {
      if (lexer.peek().isWord(".reg"))
        throw Error(line(), "parameters in registers are not supported");
      if (!acceptWord(".param"))
        unexpected(".param");
      Variable variable;
      variable.space = Space::Param;
      attributes(variable);
      Type type = scalarType();
      attributes(variable);
      variable.name = word();
      declare(variable, type, false);
      if (variable.unsized)
        throw Error(line(), "parameter " + quoted(variable.name) + " has no size");
      list.push_back(addLocal(std::move(variable)));
    } while (accept(','));
    expect(')');
  }

  size_t addLocal(Variable variable) {
    Operand operand;
    operand.kind = Operand::Variable;
    operand.index = localVariable + current->variables.size();
    localNames()[variable.name] = operand;
    current->variables.push_back(std::move(variable));
    return operand.index;
  }
  Names &localNames() { return scopes.back(); }

  void body() {
    int begin = line();
    for (size_t depth = 1; depth > 0;) {
      if (lexer.peek().kind == Token::End)
        throw Error(begin, "function " + quoted(current->name) + " has no end");
      if (accept('{')) {
        scopes.emplace_back();
        ++depth;
      } else if (accept('}')) {
        --depth;
        if (depth)
          scopes.pop_back();
      } else {
        statement();
      }
    }
  }

  void statement() {
    if (skipped() || accept(';'))
      return;
    if (acceptWord(".reg"))
      return registers();
    for (auto [directive, space] :
         {std::pair(".local", Space::Local), std::pair(".shared", Space::Shared), std::pair(".param", Space::Param)})
      if (acceptWord(directive))
        return variables(space, false, current->variables, localNames(), localVariable);
    if (lexer.peek().isWord(".branchtargets"))
      throw Error(line(), ".branchtargets without a label");
    if (lexer.peek().kind == Token::Directive)
      throw Error(line(), "unsupported directive " + quoted(lexer.peek().text));
    Instruction instruction;
    if (accept('@')) {
      bool negated = accept('!');
      instruction.guard = operandNamed(word());
      instruction.guard.negated = negated;
      if (instruction.guard.kind != Operand::Register)
        throw Error(line(), "a guard must be a predicate register");
    } else if (lexer.peek().kind != Token::Word) {
      unexpected("an instruction");
    }
    instruction.line = line();
    std::string opcode = word();
    if (instruction.guard.kind == Operand::None && accept(':'))
      return label(opcode, instruction.line);
    split(opcode, instruction);
    operands(instruction);
    expect(';');
    current->body.push_back(std::move(instruction));
  }

  void label(const std::string &name, int at) {
    if (acceptWord(".branchtargets")) {
      std::vector<std::pair<std::string, int>> targets;
      do
        targets.emplace_back(word(), line());
      while (accept(','));
      expect(';');
      branchLists[name] = pendingLists.size();
      pendingLists.push_back(std::move(targets));
      return;
    }
    if (lexer.peek().isWord(".callprototype") || lexer.peek().isWord(".calltargets"))
      throw Error(at, "indirect calls are not supported");
    if (!labels.try_emplace(name, current->body.size()).second)
      throw Error(at, "label " + quoted(name) + " stands twice");
  }

  void registers() {
    Type type = scalarType();
    if (type.bits > 64)
      throw Error(line(), "registers of 128 bits are not supported");
    do {
      std::string name = word();
      uint64_t many = 1;
      bool numbered = accept('<');
      if (numbered) {
        many = count(maxRegisters, "a number of registers");
        expect('>');
      }
      if (current->registers.size() + many > maxRegisters)
        throw Error(line(), "too many registers");
      for (uint64_t i = 0; i < many; ++i) {
        Operand operand;
        operand.kind = Operand::Register;
        operand.index = current->registers.size();
        current->registers.push_back(type);
        localNames()[numbered ? name + std::to_string(i) : name] = operand;
      }
    } while (accept(','));
    expect(';');
  }

  static void split(std::string_view opcode, Instruction &instruction) {
    size_t dot = opcode.find('.');
    instruction.opcode = opcode.substr(0, dot);
    while (dot != std::string_view::npos) {
      size_t next = opcode.find('.', dot + 1);
      instruction.modifiers.emplace_back(
          opcode.substr(dot + 1, next == std::string_view::npos ? next : next - dot - 1));
      dot = next;
    }
  }

  //===--------------------------------------------------------------------===//
  // Operands
  //===--------------------------------------------------------------------===//

  void operands(Instruction &instruction) {
    bool isCall = instruction.opcode == "call";
    while (!lexer.peek().is(';')) {
      if (!instruction.operands.empty())
        expect(',');
      if (isCall && accept('(')) {
        // (results) or (arguments)
        Operand list;
        list.kind = Operand::Vector;
        while (!accept(')')) {
          if (!list.elements.empty())
            expect(',');
          list.elements.push_back(operand());
        }
        instruction.operands.push_back(std::move(list));
        continue;
      }
      Operand first = operand();
      if (accept('|')) {
        Operand pair;
        pair.kind = Operand::Vector;
        pair.elements.push_back(std::move(first));
        pair.elements.push_back(operand());
        first = std::move(pair);
      }
      instruction.operands.push_back(std::move(first));
    }
  }

  Operand operand() {
    const Token &token = lexer.peek();
    if (accept('!')) {
      Operand result = operandNamed(word());
      result.negated = true;
      return result;
    }
    if (accept('['))
      return address();
    if (accept('{')) {
      Operand vector;
      vector.kind = Operand::Vector;
      do {
        if (lexer.peek().is('{'))
          unexpected("an element of a vector");
        vector.elements.push_back(operand());
      } while (accept(','));
      expect('}');
      if (vector.elements.size() > 64)
        throw Error(line(), "vector of " + std::to_string(vector.elements.size()) + " operands");
      return vector;
    }
    if (accept('-')) {
      if (lexer.peek().kind != Token::Number)
        unexpected("a number");
      Operand number = parseNumber();
      if (number.kind == Operand::DoubleBits)
        number.value = std::bit_cast<int64_t>(-std::bit_cast<double>(number.value));
      else if (number.kind == Operand::FloatBits)
        number.value ^= int64_t(1) << 31;
      else
        number.value = static_cast<int64_t>(0 - static_cast<uint64_t>(number.value));
      return number;
    }
    if (token.kind == Token::Number)
      return parseNumber();
    Operand result = operandNamed(word());
    if (result.kind == Operand::Variable && accept('+'))
      result.value = integer();
    return result;
  }

  Operand address() {
    Operand result;
    result.kind = Operand::Address;
    if (lexer.peek().kind == Token::Number || lexer.peek().is('-')) {
      result.value = integer();
    } else {
      int at = line();
      Operand base = operandNamed(word());
      if (base.kind != Operand::Register && base.kind != Operand::Variable)
        throw Error(at, "an address needs a register or a variable");
      result.base = base.kind;
      result.index = base.index;
      if (accept('+'))
        result.value = integer();
      else if (lexer.peek().is('-'))
        result.value = integer();
    }
    expect(']');
    return result;
  }

  Operand operandNamed(const std::string &name) {
    Operand result;
    if (name == "_") {
      result.kind = Operand::Sink;
      return result;
    }
    for (size_t i = scopes.size(); i-- > 0;)
      if (auto it = scopes[i].find(name); it != scopes[i].end())
        return it->second;
    if (auto it = moduleNames.find(name); it != moduleNames.end())
      return it->second;
    if (name[0] == '%' || name == "WARP_SZ") {
      result.kind = Operand::Special;
      result.name = name;
      return result;
    }
    // A label, a list of labels or a function: known at the end.
    result.kind = Operand::Label;
    result.name = name;
    result.value = line();
    return result;
  }

  void resolveLabels() {
    for (auto &targets : pendingLists) {
      std::vector<size_t> list;
      for (auto &[name, at] : targets) {
        auto it = labels.find(name);
        if (it == labels.end())
          throw Error(at, "unknown label " + quoted(name));
        list.push_back(it->second);
      }
      current->branchTargets.push_back(std::move(list));
    }
    for (size_t i = 0; i < current->body.size(); ++i) {
      Instruction &instruction = current->body[i];
      for (Operand &operand : instruction.operands) {
        if (operand.kind != Operand::Label)
          continue;
        if (instruction.opcode == "call") {
          operand.kind = Operand::Function;
          functionUses.push_back({currentIndex, i, operand.name, instruction.line});
        } else if (auto it = labels.find(operand.name); it != labels.end() && instruction.opcode == "bra") {
          operand.index = it->second;
        } else if (auto list = branchLists.find(operand.name);
                   list != branchLists.end() && instruction.opcode == "brx") {
          operand.index = list->second;
        } else {
          throw Error(instruction.line, "unknown name " + quoted(operand.name));
        }
      }
    }
  }

  struct FunctionUse {
    size_t function, instruction;
    std::string name;
    int line;
  };

  Module module;
  Names moduleNames;
  std::unordered_map<std::string, size_t> functionIndex;
  std::vector<FunctionUse> functionUses;

  // Of the function being parsed.
  Function *current = nullptr;
  size_t currentIndex = 0;
  std::vector<Names> scopes;
  std::unordered_map<std::string, size_t> labels, branchLists;
  std::vector<std::vector<std::pair<std::string, int>>> pendingLists;
};
} // namespace

Module fftconv::emulator::parseModule(std::string_view text) { return Parser(text).parse(); }
