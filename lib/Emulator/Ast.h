//===- Ast.h - A PTX module as it was written -------------------*- C++ -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the parser gives: names are resolved, instructions are still opcodes with modifiers and operands. Decode.h makes them
// executable.
//
//===----------------------------------------------------------------------===//

#ifndef FFTCONV_LIB_EMULATOR_AST_H
#define FFTCONV_LIB_EMULATOR_AST_H

#include "fftconv/Emulator/Emulator.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fftconv::emulator {

enum class Space : uint8_t { Generic, Global, Const, Shared, Local, Param };

/// The type of a register or of an access: its kind, and bits of one scalar. `packed` for f16x2 and bf16x2, of 32 bits in all.
struct Type {
  enum Kind : uint8_t { Bits, Unsigned, Signed, Half, Brain, Tensor, Float, Predicate };
  Kind kind = Bits;
  uint8_t bits = 0;
  bool packed = false;

  unsigned bytes() const { return kind == Predicate ? 4 : bits / 8; }
  bool operator==(const Type &) const = default;
};

/// The type that `name` (without a dot: "f16x2", "u32") spells; bits = 0 where it spells none.
Type parseType(std::string_view name);

/// A variable in memory. Its initialiser may hold addresses of other variables.
struct Variable {
  struct Relocation {
    size_t offset;
    size_t variable;
    int64_t addend;
    bool generic;
  };
  std::string name;
  Space space = Space::Global;
  uint64_t align = 1, bytes = 0;
  /// An array without a size: dynamic shared memory, or a variable defined elsewhere.
  bool unsized = false;
  std::vector<uint8_t> initial;
  std::vector<Relocation> relocations;
};

/// Indices of variables that a function declares start here; those below are the module's.
inline constexpr size_t localVariable = size_t(1) << 32;

struct Operand {
  enum Kind : uint8_t {
    None,
    Sink,
    Register,
    Integer,
    FloatBits,
    DoubleBits,
    Variable,
    Special,
    Label,
    Function,
    Address,
    Vector
  };
  Kind kind = None;
  /// `!%p`.
  bool negated = false;
  /// Register: its index in the function; Variable: its index, see localVariable; Label: the instruction; Function:
  /// its index. Address: the index of its base where it has one.
  size_t index = 0;
  /// Address: whether the base is a register, a variable or absent.
  Kind base = None;
  /// Integer: the value; FloatBits and DoubleBits: the bits; Address and Variable: what is added.
  int64_t value = 0;
  /// Special: the name.
  std::string name;
  /// Vector: its elements. `%p|%q`: two.
  std::vector<Operand> elements;
};

struct Instruction {
  int line = 0;
  /// The opcode without its modifiers, and the modifiers without dots.
  std::string opcode;
  std::vector<std::string> modifiers;
  Operand guard;
  std::vector<Operand> operands;

  bool has(std::string_view modifier) const;
};

struct Function {
  std::string name;
  int line = 0;
  bool isEntry = false, isDefined = false;
  /// Parameters and results are variables of the function, in Space::Param.
  std::vector<size_t> parameters, results;
  std::vector<Type> registers;
  /// Variables declared inside: parameters, results, call arguments, local and static shared memory.
  std::vector<Variable> variables;
  std::vector<Instruction> body;
  /// Targets of brx.idx, by name of list: instructions.
  std::vector<std::vector<size_t>> branchTargets;
  /// From .reqntid; 0 where the kernel takes any block.
  uint32_t requiredThreads = 0, maxThreads = 0;
};

struct Module {
  unsigned version = 0;
  std::string target;
  std::vector<Variable> variables;
  std::vector<Function> functions;
};

/// Parses PTX text. Throws Error, with a line, at what is not PTX of the versions and targets known.
Module parseModule(std::string_view text);

} // namespace fftconv::emulator

#endif // FFTCONV_LIB_EMULATOR_AST_H
