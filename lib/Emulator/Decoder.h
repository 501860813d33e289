//===- Decoder.h - From instructions to ops ---------------------*- C++ -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each family of instructions has a file with its handlers and a function that decodes them. A decode function returns false for an
// opcode that is not its own, and throws Error for one that is but says something unknown: nothing is skipped.
//
//===----------------------------------------------------------------------===//

#ifndef FFTCONV_LIB_EMULATOR_DECODER_H
#define FFTCONV_LIB_EMULATOR_DECODER_H

#include "Machine.h"
#include "Numeric.h"

#include <set>
#include <unordered_map>

namespace fftconv::emulator {

inline uint64_t alignTo(uint64_t value, uint64_t align) { return (value + align - 1) / align * align; }

/// Where a variable lies: its space, and its offset there or (global and constant memory) its address.
struct Place {
  Space space;
  uint64_t address;
};

/// The registers that an instruction reads and writes, by their index in the function.
void registerUses(const Instruction &instruction, std::vector<size_t> &reads, std::vector<size_t> &writes);
/// The sums of a wgmma, and what of it is multiplied from registers.
std::vector<size_t> productRegisters(const Instruction &instruction);

class Decoder {
public:
  Decoder(const Module &module, const std::vector<uint64_t> &addresses, size_t entry);

  Kernel decode();

  //===--------------------------------------------------------------------===//
  // For decode functions
  //===--------------------------------------------------------------------===//

  const Instruction &instruction() const { return *current; }
  const std::string &opcode() const { return current->opcode; }
  bool has(std::string_view modifier) const { return current->has(modifier); }
  const std::vector<std::string> &modifiers() const { return current->modifiers; }
  /// Fails at any modifier that is neither listed nor a type.
  void allow(std::initializer_list<std::string_view> known) const;
  /// The types among the modifiers, in order.
  std::vector<Type> types() const;
  /// The last type of the modifiers; fails where there is none.
  Type type() const;
  /// Rounding of .rn .rz .rm .rp and their integer forms.
  Round rounding(Round otherwise = Round::Nearest) const;

  size_t operandCount() const { return current->operands.size(); }
  void expectOperands(size_t count) const;
  const Operand &operand(size_t i) const;
  [[noreturn]] void fail(const std::string &message) const;

  /// The slot of a value of a type: registers of that width (or wider, where `orWider`), immediates, special registers, addresses.
  uint32_t read(const Operand &operand, Type type, bool orWider = false);
  uint32_t write(const Operand &operand, Type type, bool orWider = false);
  uint32_t readPredicate(const Operand &operand) { return read(operand, {Type::Predicate, 1}); }
  uint32_t writePredicate(const Operand &operand) { return write(operand, {Type::Predicate, 1}); }
  /// Bytes of a register; those of `type` for anything else.
  unsigned registerBytes(const Operand &operand, Type type) const;
  uint32_t constant(unsigned bytes, uint64_t value);
  /// The elements of a vector, or the operand alone.
  std::vector<Operand> elements(const Operand &operand) const;
  uint32_t addPool(const std::vector<uint32_t> &slots);
  /// Appends the slots of a vector of `count` registers of 32 bits.
  void addFragment(const Operand &operand, size_t count, bool writes, std::vector<uint32_t> &slots);
  /// The only operand, the groups that a wait leaves under way.
  int64_t groupsLeft() const;

  /// Base slot (op.a, noSlot for none), offset (op.immediate), and the space where the base is a variable or `space` says one.
  void address(Op &op, const Operand &operand, Space space);
  /// The space that the modifiers name, without ::cta; Generic where there is none.
  Space space() const;
  Place place(size_t variable) const;
  uint32_t target(const Operand &operand) const;
  uint32_t jumpTable(const Operand &operand);
  uint32_t call(const Operand &callee, const Operand *results, const Operand *arguments);

  /// Notes the granularity of an access, for the race detectors.
  void access(Space space, unsigned bytes);
  Kernel &kernel() { return result; }

private:
  struct Frame {
    uint32_t entry = 0;
    std::vector<uint32_t> slots;
    std::vector<Place> places;
  };

  void visit(size_t function, std::vector<size_t> &path);
  void layOut(size_t function);
  void allocateSlots(const Function &function, Frame &frame);
  void decodeFunction(size_t function);
  /// Has an instruction, decoded last, check those of its registers that a wgmma has, too.
  void guardProducts(const Instruction &instruction, const std::set<size_t> &registers);
  Op decodeInstruction(const Instruction &instruction);
  uint64_t immediate(const Operand &operand, Type type) const;

  const Module &module;
  const std::vector<uint64_t> &addresses;
  size_t entry;
  Kernel result;
  std::vector<size_t> order;
  std::unordered_map<size_t, Frame> frames;
  std::unordered_map<size_t, uint64_t> sharedPlaces;
  std::map<std::pair<unsigned, uint64_t>, uint32_t> constants;
  const Function *function = nullptr;
  Frame *frame = nullptr;
  const Instruction *current = nullptr;
};

bool decodeBits(Decoder &decoder, Op &op);
bool decodeInteger(Decoder &decoder, Op &op);
bool decodeFloat(Decoder &decoder, Op &op);
bool decodeHalf(Decoder &decoder, Op &op);
bool decodeCompare(Decoder &decoder, Op &op);
bool decodeConvert(Decoder &decoder, Op &op);
bool decodeMove(Decoder &decoder, Op &op);
bool decodeMemory(Decoder &decoder, Op &op);
bool decodeAtomic(Decoder &decoder, Op &op);
bool decodeAsync(Decoder &decoder, Op &op);
bool decodeMatrix(Decoder &decoder, Op &op);
bool decodeWarpgroup(Decoder &decoder, Op &op);
bool decodeWarp(Decoder &decoder, Op &op);
bool decodeControl(Decoder &decoder, Op &op);

} // namespace fftconv::emulator

#endif // FFTCONV_LIB_EMULATOR_DECODER_H
