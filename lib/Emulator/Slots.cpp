//===- Slots.cpp - Which registers share memory ---------------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// PTX has as many registers as it likes; a warp's memory should stay in cache. Liveness by blocks, one interval for each register, a linear
// scan.
//
//===----------------------------------------------------------------------===//

#include "Decoder.h"

#include <algorithm>

using namespace fftconv::emulator;

std::vector<size_t> fftconv::emulator::productRegisters(const Instruction &instruction) {
  std::vector<size_t> registers;
  if (instruction.opcode == "wgmma" && instruction.operands.size() > 2)
    for (const Operand &operand : {instruction.operands[0], instruction.operands[1]})
      for (const Operand &element : operand.elements)
        if (element.kind == Operand::Register)
          registers.push_back(element.index);
  return registers;
}

void fftconv::emulator::registerUses(const Instruction &instruction, std::vector<size_t> &reads,
                                     std::vector<size_t> &writes) {
  static constexpr std::string_view readOnly[] = {"bra", "brx", "ret", "exit", "nanosleep", "setmaxnreg", "call"};
  const std::string &opcode = instruction.opcode;
  bool isBarrier = (opcode == "bar" || opcode == "barrier") && !instruction.has("red");
  bool noResult = isBarrier || std::find(std::begin(readOnly), std::end(readOnly), opcode) != std::end(readOnly);
  auto note = [](const Operand &operand, std::vector<size_t> &plain, std::vector<size_t> &bases, auto &&self) -> void {
    if (operand.kind == Operand::Register)
      plain.push_back(operand.index);
    if (operand.kind == Operand::Address && operand.base == Operand::Register)
      bases.push_back(operand.index);
    for (const Operand &element : operand.elements)
      self(element, plain, bases, self);
  };
  for (size_t i = 0; i < instruction.operands.size(); ++i)
    note(instruction.operands[i], i == 0 && !noResult ? writes : reads, reads, note);
  if (opcode == "wgmma") // adds to what its sums were
    reads.insert(reads.end(), writes.begin(), writes.end());
  if (instruction.guard.kind == Operand::Register) {
    reads.push_back(instruction.guard.index);
    // Where the guard is false the old value lives on.
    reads.insert(reads.end(), writes.begin(), writes.end());
  }
}

void Decoder::allocateSlots(const Function &f, Frame &here) {
  size_t count = f.body.size();
  here.slots.assign(f.registers.size(), noSlot);
  if (count == 0)
    return;
  std::vector<std::vector<size_t>> reads(count), writes(count);
  for (size_t i = 0; i < count; ++i)
    registerUses(f.body[i], reads[i], writes[i]);
  // From here on, registers are numbered by use: those that nobody names need no bit and no slot.
  std::vector<size_t> named, numbers(f.registers.size(), SIZE_MAX);
  for (std::vector<std::vector<size_t>> *lists : {&reads, &writes})
    for (std::vector<size_t> &list : *lists)
      for (size_t &r : list) {
        if (numbers[r] == SIZE_MAX) {
          numbers[r] = named.size();
          named.push_back(r);
        }
        r = numbers[r];
      }
  size_t registers = named.size();

  // Blocks begin at targets and after jumps.
  std::vector<bool> begins(count + 1);
  begins[0] = true;
  auto targetsOf = [&](size_t i) {
    std::vector<size_t> targets;
    const Instruction &instruction = f.body[i];
    if (instruction.opcode == "bra" && !instruction.operands.empty())
      targets.push_back(instruction.operands[0].index);
    else if (instruction.opcode == "brx" && instruction.operands.size() == 2 &&
             instruction.operands[1].index < f.branchTargets.size())
      targets = f.branchTargets[instruction.operands[1].index];
    return targets;
  };
  auto isJump = [&](size_t i) {
    const std::string &opcode = f.body[i].opcode;
    return opcode == "bra" || opcode == "brx" || opcode == "ret" || opcode == "exit";
  };
  for (size_t i = 0; i < count; ++i)
    if (isJump(i)) {
      begins[i + 1] = true;
      for (size_t t : targetsOf(i))
        begins[std::min(t, count)] = true;
    }
  std::vector<size_t> starts, blockOf(count);
  for (size_t i = 0; i < count; ++i) {
    if (begins[i])
      starts.push_back(i);
    blockOf[i] = starts.size() - 1;
  }
  size_t blocks = starts.size(), words = (registers + 63) / 64;
  auto endOf = [&](size_t block) { return block + 1 < blocks ? starts[block + 1] : count; };
  std::vector<uint64_t> use(blocks * words), kill(blocks * words), in(blocks * words), out(blocks * words);
  auto bit = [&](std::vector<uint64_t> &set, size_t block, size_t r) -> uint64_t & {
    return set[block * words + r / 64];
  };
  for (size_t block = 0; block < blocks; ++block)
    for (size_t i = starts[block]; i < endOf(block); ++i) {
      for (size_t r : reads[i])
        if (!(bit(kill, block, r) >> (r % 64) & 1))
          bit(use, block, r) |= uint64_t(1) << (r % 64);
      for (size_t r : writes[i])
        bit(kill, block, r) |= uint64_t(1) << (r % 64);
    }
  for (bool changed = true; changed;) {
    changed = false;
    for (size_t block = blocks; block-- > 0;) {
      size_t last = endOf(block) - 1;
      std::vector<size_t> successors;
      for (size_t t : targetsOf(last))
        if (t < count)
          successors.push_back(blockOf[t]);
      bool falls = !isJump(last) || f.body[last].guard.kind != Operand::None;
      if (falls && block + 1 < blocks)
        successors.push_back(block + 1);
      for (size_t w = 0; w < words; ++w) {
        uint64_t live = 0;
        for (size_t s : successors)
          live |= in[s * words + w];
        out[block * words + w] = live;
        uint64_t entering = use[block * words + w] | (live & ~kill[block * words + w]);
        changed |= entering != in[block * words + w];
        in[block * words + w] = entering;
      }
    }
  }

  // One interval for each register: from the first place where it lives or is named to the last.
  std::vector<size_t> first(registers, SIZE_MAX), last(registers, 0);
  auto cover = [&](size_t r, size_t position) {
    first[r] = std::min(first[r], position);
    last[r] = std::max(last[r], position);
  };
  for (size_t block = 0; block < blocks; ++block) {
    for (size_t i = starts[block]; i < endOf(block); ++i)
      for (const std::vector<size_t> &list : {std::cref(reads[i]), std::cref(writes[i])})
        for (size_t r : list)
          cover(r, i);
    for (size_t r = 0; r < registers; ++r) {
      if (in[block * words + r / 64] >> (r % 64) & 1)
        cover(r, starts[block]);
      if (out[block * words + r / 64] >> (r % 64) & 1)
        cover(r, endOf(block) - 1);
    }
  }
  // Registers of a wgmma are in use until it was waited for, and are told from others.
  for (const Instruction &instruction : f.body)
    for (size_t r : productRegisters(instruction)) {
      cover(numbers[r], 0);
      cover(numbers[r], count - 1);
    }
  // Linear scan. A result never takes the slot of an operand that ends at the same instruction: widths may differ.
  std::vector<size_t> byStart;
  for (size_t r = 0; r < registers; ++r)
    if (first[r] != SIZE_MAX)
      byStart.push_back(r);
  std::sort(byStart.begin(), byStart.end(), [&](size_t a, size_t b) { return first[a] < first[b]; });
  std::map<uint32_t, std::vector<uint32_t>> freeSlots;
  std::multimap<size_t, size_t> alive;
  auto bytesOf = [&](size_t r) {
    return f.registers[named[r]].kind == Type::Predicate ? 4 : 32 * std::max(2u, f.registers[named[r]].bytes());
  };
  for (size_t r : byStart) {
    while (!alive.empty() && alive.begin()->first < first[r]) {
      size_t dead = alive.begin()->second;
      freeSlots[bytesOf(dead)].push_back(here.slots[named[dead]]);
      alive.erase(alive.begin());
    }
    uint32_t bytes = bytesOf(r);
    std::vector<uint32_t> &available = freeSlots[bytes];
    if (!available.empty()) {
      here.slots[named[r]] = available.back();
      available.pop_back();
    } else {
      if (bytes >= 64)
        result.registerBytes = static_cast<uint32_t>(alignTo(result.registerBytes, 64));
      here.slots[named[r]] = result.registerBytes;
      if (result.registerBytes > (1u << 30))
        throw Error(f.line, "too many registers are alive");
      result.registerBytes += bytes;
    }
    alive.emplace(last[r], r);
  }
}
