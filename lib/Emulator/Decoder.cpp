//===- Decoder.cpp - From instructions to ops -----------------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Lays out the memory of a kernel and of all that it calls, gives registers their slots, and decodes instruction by instruction.
//
//===----------------------------------------------------------------------===//

#include "Decoder.h"

#include "Async.h"

#include <algorithm>

using namespace fftconv::emulator;

Decoder::Decoder(const Module &module, const std::vector<uint64_t> &addresses, size_t entry)
    : module(module), addresses(addresses), entry(entry) {}

//===----------------------------------------------------------------------===//
// Layout
//===----------------------------------------------------------------------===//

void Decoder::visit(size_t index, std::vector<size_t> &path) {
  if (std::find(path.begin(), path.end(), index) != path.end())
    throw Error(module.functions[index].line,
                "recursion through '" + module.functions[index].name + "' is not supported");
  if (std::find(order.begin(), order.end(), index) != order.end())
    return;
  path.push_back(index);
  for (const Instruction &i : module.functions[index].body)
    for (const Operand &operand : i.operands)
      if (operand.kind == Operand::Function) {
        if (!module.functions[operand.index].isDefined)
          throw Error(i.line, "function '" + module.functions[operand.index].name + "' has no body");
        visit(operand.index, path);
      }
  path.pop_back();
  order.push_back(index);
}

void Decoder::layOut(size_t index) {
  const Function &f = module.functions[index];
  Frame &here = frames[index];
  for (size_t i = 0; i < f.variables.size(); ++i) {
    const Variable &variable = f.variables[i];
    auto take = [&](uint64_t &size) {
      size = alignTo(size, variable.align);
      uint64_t at = size;
      size += variable.bytes;
      return at;
    };
    bool isParameter =
        f.isEntry && std::find(f.parameters.begin(), f.parameters.end(), localVariable + i) != f.parameters.end();
    Place place{variable.space, 0};
    if (isParameter) {
      place.address = take(result.parameterBytes);
      result.parameters.push_back({place.address, variable.bytes});
    } else if (variable.space == Space::Param) {
      place.address = take(result.argumentBytes) | windowBytes; // told from a kernel's own parameters
    } else if (variable.space == Space::Local) {
      place.address = take(result.localBytes);
    } else if (variable.space == Space::Shared) {
      if (variable.unsized)
        throw Error(f.line, "dynamic shared memory is declared in the module");
      place.address = take(result.staticSharedBytes);
    }
    here.places.push_back(place);
  }
}

Place Decoder::place(size_t variable) const {
  if (variable >= localVariable)
    return frame->places[variable - localVariable];
  const Variable &v = module.variables[variable];
  if (v.space == Space::Shared)
    return {Space::Shared, sharedPlaces.at(variable)};
  return {v.space, addresses[variable]};
}

Kernel Decoder::decode() {
  const Function &kernelFunction = module.functions[entry];
  result.name = kernelFunction.name;
  result.requiredThreads = kernelFunction.requiredThreads;
  result.maxThreads = kernelFunction.maxThreads;
  std::vector<size_t> path;
  visit(entry, path);
  // Shared variables of the module that are used; dynamic ones all begin where the static ones end.
  std::vector<bool> used(module.variables.size());
  for (size_t index : order)
    for (const Instruction &i : module.functions[index].body) {
      auto note = [&](const Operand &operand, auto &&self) -> void {
        bool isVariable = operand.kind == Operand::Variable ||
                          (operand.kind == Operand::Address && operand.base == Operand::Variable);
        if (isVariable && operand.index < localVariable)
          used[operand.index] = true;
        for (const Operand &element : operand.elements)
          self(element, self);
      };
      for (const Operand &operand : i.operands)
        note(operand, note);
    }
  for (size_t index : order)
    layOut(index);
  for (bool dynamic : {false, true}) {
    if (dynamic)
      result.staticSharedBytes = alignTo(result.staticSharedBytes, result.sharedAlign);
    for (size_t i = 0; i < module.variables.size(); ++i) {
      const Variable &variable = module.variables[i];
      if (variable.space != Space::Shared || !used[i])
        continue;
      if (variable.unsized)
        result.sharedAlign = std::max(result.sharedAlign, variable.align);
      if (variable.unsized != dynamic)
        continue;
      if (dynamic) {
        sharedPlaces[i] = alignTo(result.staticSharedBytes, variable.align);
        result.usesDynamicShared = true;
      } else {
        result.staticSharedBytes = alignTo(result.staticSharedBytes, variable.align);
        sharedPlaces[i] = result.staticSharedBytes;
        result.staticSharedBytes += variable.bytes;
      }
    }
  }
  result.registerBytes = specialOffset(SpecialSlotCount);
  for (size_t index : order)
    decodeFunction(index);
  result.entry = frames[entry].entry;
  result.localBytes = alignTo(result.localBytes, 16);
  result.argumentBytes = alignTo(result.argumentBytes, 16);
  // The hardware's own limit of local memory, and one in its spirit for call arguments.
  if (result.localBytes > 512 * 1024 || result.argumentBytes > 64 * 1024)
    throw Error(kernelFunction.line, "kernel '" + result.name + "' needs " + std::to_string(result.localBytes) +
                                         " bytes of local memory and " + std::to_string(result.argumentBytes) +
                                         " of call arguments for each thread; 524288 and 65536 are the most");
  return std::move(result);
}

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

uint32_t Decoder::constant(unsigned bytes, uint64_t value) {
  if (bytes < 8 && bytes > 0)
    value &= (uint64_t(1) << (8 * bytes)) - 1;
  auto [it, isNew] = constants.try_emplace({bytes, value}, 0);
  if (isNew) {
    result.registerBytes = static_cast<uint32_t>(alignTo(result.registerBytes, 64));
    it->second = result.registerBytes;
    result.registerBytes += bytes ? 32 * std::max(2u, bytes) : 4;
    result.constants.push_back({it->second, static_cast<uint8_t>(bytes), value});
  }
  return it->second;
}

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

void Decoder::decodeFunction(size_t index) {
  function = &module.functions[index];
  frame = &frames[index];
  allocateSlots(*function, *frame);
  frame->entry = static_cast<uint32_t>(result.code.size());
  std::set<size_t> ofProducts;
  for (const Instruction &i : function->body)
    for (size_t r : productRegisters(i))
      ofProducts.insert(r);
  for (const Instruction &i : function->body) {
    current = &i;
    result.code.push_back(decodeInstruction(i));
    if (!ofProducts.empty() && i.opcode != "wgmma")
      guardProducts(i, ofProducts);
  }
  // Falling off the end returns.
  Instruction end;
  end.opcode = "ret";
  end.line = function->body.empty() ? function->line : function->body.back().line;
  current = &end;
  result.code.push_back(decodeInstruction(end));
  current = nullptr;
}

void Decoder::guardProducts(const Instruction &i, const std::set<size_t> &registers) {
  std::vector<size_t> reads, writes;
  registerUses(i, reads, writes);
  auto slotsOf = [&](const std::vector<size_t> &touched) {
    std::vector<uint32_t> slots;
    for (size_t r : touched)
      if (registers.contains(r))
        slots.push_back(frame->slots[r]);
    return slots;
  };
  Op &op = result.code.back();
  Kernel::Guarded guarded{op.run, slotsOf(reads), slotsOf(writes)};
  if (guarded.reads.empty() && guarded.writes.empty())
    return;
  op.run = touchProducts;
  result.guarded.emplace(static_cast<uint32_t>(result.code.size() - 1), std::move(guarded));
}

Op Decoder::decodeInstruction(const Instruction &i) {
  Op op;
  op.line = i.line;
  if (i.guard.kind == Operand::Register) {
    op.guard = readPredicate(i.guard);
    op.guardNegated = i.guard.negated;
  }
  using Decode = bool (*)(Decoder &, Op &);
  static constexpr Decode families[] = {decodeMove, decodeMemory,  decodeBits,    decodeInteger, decodeFloat,
                                        decodeHalf, decodeCompare, decodeConvert, decodeMatrix,  decodeWarpgroup,
                                        decodeWarp, decodeAtomic,  decodeAsync,   decodeControl};
  for (Decode decode : families)
    if (decode(*this, op))
      return op;
  fail("unknown instruction");
}

void Decoder::fail(const std::string &message) const {
  std::string text = current->opcode;
  for (const std::string &modifier : current->modifiers)
    text += "." + modifier;
  throw Error(current->line, message + ": '" + text + "'");
}

void Decoder::allow(std::initializer_list<std::string_view> known) const {
  for (const std::string &modifier : current->modifiers)
    if (std::find(known.begin(), known.end(), modifier) == known.end() && !parseType(modifier).bits)
      fail("unknown modifier '." + modifier + "'");
}

std::vector<Type> Decoder::types() const {
  std::vector<Type> list;
  for (const std::string &modifier : current->modifiers)
    if (Type type = parseType(modifier); type.bits)
      list.push_back(type);
  return list;
}

Type Decoder::type() const {
  std::vector<Type> list = types();
  if (list.empty())
    fail("an instruction without a type");
  return list.back();
}

Round Decoder::rounding(Round otherwise) const {
  static constexpr std::pair<std::string_view, Round> modes[] = {
      {"rn", Round::Nearest}, {"rz", Round::Zero},     {"rm", Round::Down},
      {"rp", Round::Up},      {"rni", Round::Nearest}, {"rzi", Round::Zero},
      {"rmi", Round::Down},   {"rpi", Round::Up},      {"rna", Round::NearestAway}};
  for (auto [name, mode] : modes)
    if (has(name))
      return mode;
  return otherwise;
}

void Decoder::expectOperands(size_t count) const {
  if (operandCount() != count)
    fail("expected " + std::to_string(count) + " operands, got " + std::to_string(operandCount()));
}

const Operand &Decoder::operand(size_t i) const {
  if (i >= operandCount())
    fail("too few operands");
  return current->operands[i];
}

//===----------------------------------------------------------------------===//
// Operands
//===----------------------------------------------------------------------===//

unsigned Decoder::registerBytes(const Operand &operand, Type type) const {
  if (operand.kind == Operand::Register && function->registers[operand.index].kind != Type::Predicate)
    return std::max(2u, function->registers[operand.index].bytes());
  return std::max(2u, type.bytes());
}

uint64_t Decoder::immediate(const Operand &operand, Type type) const {
  double value;
  if (operand.kind == Operand::Integer) {
    if (type.kind == Type::Float)
      value = static_cast<double>(operand.value);
    else
      return static_cast<uint64_t>(operand.value);
  } else if (operand.kind == Operand::FloatBits) {
    if (type.bits == 32)
      return static_cast<uint64_t>(operand.value);
    value = std::bit_cast<float>(static_cast<uint32_t>(operand.value));
  } else {
    value = std::bit_cast<double>(operand.value);
  }
  if (type.kind == Type::Half)
    return doubleToHalf(value);
  if (type.kind == Type::Brain)
    return doubleToBrain(value);
  if (type.bits == 32)
    return std::bit_cast<uint32_t>(static_cast<float>(value));
  if (type.bits == 64)
    return std::bit_cast<uint64_t>(value);
  fail("a floating-point immediate for a type without fractions");
}

uint32_t Decoder::read(const Operand &operand, Type type, bool orWider) {
  bool predicate = type.kind == Type::Predicate;
  switch (operand.kind) {
  case Operand::Register: {
    Type have = function->registers[operand.index];
    bool fits = predicate
                    ? have.kind == Type::Predicate
                    : have.kind != Type::Predicate && (have.bits == std::max<unsigned>(type.bits, 16) ||
                                                       have.bits == type.bits || (orWider && have.bits > type.bits));
    if (!fits)
      fail("a register of another width than the type");
    return frame->slots[operand.index];
  }
  case Operand::Integer:
  case Operand::FloatBits:
  case Operand::DoubleBits:
    if (predicate)
      return constant(0, operand.value ? allLanes : 0);
    return constant(std::max(2u, type.bytes()), immediate(operand, type));
  case Operand::Variable: {
    Place where = place(operand.index);
    if (type.bytes() != 8 && type.bytes() != 4)
      fail("an address does not fit the type");
    return constant(type.bytes(), where.address + static_cast<uint64_t>(operand.value));
  }
  case Operand::Special: {
    static const std::map<std::string_view, SpecialSlot> known = {{"%tid.x", TidX},
                                                                  {"%tid.y", TidY},
                                                                  {"%tid.z", TidZ},
                                                                  {"%ntid.x", NtidX},
                                                                  {"%ntid.y", NtidY},
                                                                  {"%ntid.z", NtidZ},
                                                                  {"%ctaid.x", CtaidX},
                                                                  {"%ctaid.y", CtaidY},
                                                                  {"%ctaid.z", CtaidZ},
                                                                  {"%nctaid.x", NctaidX},
                                                                  {"%nctaid.y", NctaidY},
                                                                  {"%nctaid.z", NctaidZ},
                                                                  {"%laneid", LaneId},
                                                                  {"%warpid", WarpId},
                                                                  {"%nwarpid", NwarpId},
                                                                  {"%smid", SmId},
                                                                  {"%nsmid", NsmId},
                                                                  {"%gridid", GridId},
                                                                  {"%lanemask_eq", LaneMaskEq},
                                                                  {"%lanemask_le", LaneMaskLe},
                                                                  {"%lanemask_lt", LaneMaskLt},
                                                                  {"%lanemask_ge", LaneMaskGe},
                                                                  {"%lanemask_gt", LaneMaskGt},
                                                                  {"%dynamic_smem_size", DynamicSharedBytes},
                                                                  {"%total_smem_size", TotalSharedBytes},
                                                                  {"%clock", Clock},
                                                                  {"%clock64", Clock},
                                                                  {"%clock_hi", Clock},
                                                                  {"%globaltimer", Clock},
                                                                  {"%globaltimer_lo", Clock}};
    if (operand.name == "WARP_SZ")
      return constant(std::max(2u, type.bytes()), 32);
    // A cluster of one CTA.
    if (operand.name.starts_with("%cluster_ctaid") || operand.name == "%cluster_ctarank" ||
        operand.name.starts_with("%clusterid"))
      return constant(4, 0);
    if (operand.name.starts_with("%cluster_nctaid") || operand.name == "%cluster_nctarank" ||
        operand.name.starts_with("%nclusterid"))
      return constant(4, 1);
    auto it = known.find(operand.name);
    if (it == known.end())
      fail("unknown register '" + operand.name + "'");
    if (type.bytes() > 8 || (type.bytes() == 2 && it->second == Clock))
      fail("a special register of another width than the type");
    return specialOffset(it->second);
  }
  case Operand::Sink:
    fail("'_' where a value is read");
  default:
    fail("an operand of the wrong form");
  }
}

uint32_t Decoder::write(const Operand &operand, Type type, bool orWider) {
  if (operand.kind == Operand::Sink)
    return specialOffset(Scratch);
  if (operand.kind != Operand::Register)
    fail("a result must be a register");
  return read(operand, type, orWider);
}

std::vector<Operand> Decoder::elements(const Operand &operand) const {
  return operand.kind == Operand::Vector ? operand.elements : std::vector<Operand>{operand};
}

uint32_t Decoder::addPool(const std::vector<uint32_t> &slots) {
  auto at = static_cast<uint32_t>(result.pool.size());
  result.pool.insert(result.pool.end(), slots.begin(), slots.end());
  return at;
}

void Decoder::addFragment(const Operand &operand, size_t count, bool writes, std::vector<uint32_t> &slots) {
  std::vector<Operand> list = elements(operand);
  if (list.size() != count)
    fail("expected a fragment of " + std::to_string(count) + " registers, got " + std::to_string(list.size()));
  for (const Operand &element : list)
    slots.push_back(writes ? write(element, {Type::Bits, 32}) : read(element, {Type::Bits, 32}));
}

int64_t Decoder::groupsLeft() const {
  expectOperands(1);
  if (operand(0).kind != Operand::Integer || operand(0).value < 0)
    fail("the number of groups must be an immediate");
  return operand(0).value;
}

Space Decoder::space() const {
  for (const std::string &modifier : current->modifiers) {
    std::string_view name = modifier;
    name = name.substr(0, name.find("::"));
    if (name == "global")
      return Space::Global;
    if (name == "shared")
      return Space::Shared;
    if (name == "const")
      return Space::Const;
    if (name == "local")
      return Space::Local;
    if (name == "param")
      return Space::Param;
  }
  return Space::Generic;
}

void Decoder::address(Op &op, const Operand &operand, Space space) {
  if (operand.kind != Operand::Address)
    fail("an address in brackets is needed");
  op.immediate = operand.value;
  op.space = space;
  if (operand.base == Operand::Variable) {
    Place where = place(operand.index);
    op.immediate += static_cast<int64_t>(where.address);
    if (space == Space::Generic)
      op.space = where.space;
    else if (where.space != space)
      fail("a variable of another space");
  } else if (operand.base == Operand::Register) {
    Type have = function->registers[operand.index];
    if (have.bits != 32 && have.bits != 64)
      fail("an address needs a register of 32 or 64 bits");
    op.a = frame->slots[operand.index];
    op.mode = have.bits == 64;
  }
}

uint32_t Decoder::target(const Operand &operand) const {
  if (operand.kind != Operand::Label)
    fail("a label is needed");
  return frame->entry + static_cast<uint32_t>(operand.index);
}

uint32_t Decoder::jumpTable(const Operand &operand) {
  if (operand.kind != Operand::Label || operand.index >= function->branchTargets.size())
    fail("a list of branch targets is needed");
  std::vector<uint32_t> targets;
  for (size_t t : function->branchTargets[operand.index])
    targets.push_back(frame->entry + static_cast<uint32_t>(t));
  result.jumpTables.push_back(std::move(targets));
  return static_cast<uint32_t>(result.jumpTables.size() - 1);
}

uint32_t Decoder::call(const Operand &callee, const Operand *results, const Operand *arguments) {
  if (callee.kind != Operand::Function)
    fail("only direct calls are supported");
  const Function &target = module.functions[callee.index];
  Frame &there = frames.at(callee.index);
  Kernel::Call call{there.entry, {}, {}};
  auto copies = [&](const Operand *list, const std::vector<size_t> &formal, bool intoCallee,
                    std::vector<Kernel::Copy> &into) {
    size_t count = list ? list->elements.size() : 0;
    if (count != formal.size())
      fail("a call with another number of arguments or results than '" + target.name + "' has");
    for (size_t i = 0; i < count; ++i) {
      const Operand &actual = list->elements[i];
      if (actual.kind != Operand::Variable || actual.index < localVariable ||
          function->variables[actual.index - localVariable].space != Space::Param)
        fail("arguments and results of a call must be .param variables");
      const Variable &mine = function->variables[actual.index - localVariable];
      const Variable &theirs = target.variables[formal[i] - localVariable];
      if (mine.bytes != theirs.bytes)
        fail("an argument of another size than '" + target.name + "' takes");
      auto from = static_cast<uint32_t>(place(actual.index).address & (windowBytes - 1));
      auto to = static_cast<uint32_t>(there.places[formal[i] - localVariable].address & (windowBytes - 1));
      into.push_back(intoCallee ? Kernel::Copy{from, to, static_cast<uint32_t>(mine.bytes)}
                                : Kernel::Copy{to, from, static_cast<uint32_t>(mine.bytes)});
    }
  };
  if (target.isEntry)
    fail("a kernel cannot be called");
  copies(arguments, target.parameters, true, call.arguments);
  copies(results, target.results, false, call.results);
  result.calls.push_back(std::move(call));
  return static_cast<uint32_t>(result.calls.size() - 1);
}

void Decoder::access(Space space, unsigned bytes) {
  bytes = std::min(bytes, 16u);
  if (space == Space::Shared || space == Space::Generic)
    result.sharedGranule = std::min(result.sharedGranule, bytes);
  if (space == Space::Global || space == Space::Generic)
    result.globalGranule = std::min(result.globalGranule, bytes);
}
