//===- HostProgram.cpp - Compiled code in this process --------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The cpu executor: LLVM's JIT on an object file, called through the C wrappers that results-to-destinations asked for.
//
//===----------------------------------------------------------------------===//

#include "fftconv/Execution/Executors.h"
#include "fftconv/Target/Host.h"

#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace llvm;
using namespace fftconv;

static constexpr StringLiteral wrapperPrefix = "_mlir_ciface_", packedPrefix = "fftconv_packed_";

struct HostProgram::State {
  std::unique_ptr<orc::LLJIT> jit;
};

HostProgram::HostProgram(std::unique_ptr<State> state) : state(std::move(state)) {}
HostProgram::HostProgram(HostProgram &&) = default;
HostProgram &HostProgram::operator=(HostProgram &&) = default;
HostProgram::~HostProgram() = default;

/// Adds, for every C wrapper (a function of pointers), one that takes its arguments as an array: a caller here knows their number
/// at run time only.
static void addPackedWrappers(Module &module) {
  SmallVector<Function *> wrappers;
  for (Function &function : module)
    if (!function.isDeclaration() && function.getName().starts_with(wrapperPrefix))
      wrappers.push_back(&function);
  for (Function *wrapper : wrappers) {
    IRBuilder<> builder(module.getContext());
    Type *pointer = builder.getPtrTy();
    Function *packed = Function::Create(FunctionType::get(builder.getVoidTy(), pointer, /*isVarArg=*/false),
                                        GlobalValue::ExternalLinkage,
                                        packedPrefix + wrapper->getName().drop_front(wrapperPrefix.size()), module);
    builder.SetInsertPoint(BasicBlock::Create(module.getContext(), "", packed));
    SmallVector<Value *> arguments;
    for (unsigned i = 0; i < wrapper->arg_size(); ++i)
      arguments.push_back(
          builder.CreateLoad(pointer, builder.CreateConstInBoundsGEP1_64(pointer, packed->getArg(0), i)));
    builder.CreateCall(wrapper, arguments);
    builder.CreateRetVoid();
  }
}

Expected<HostProgram> HostProgram::load(mlir::ModuleOp module) {
  Expected<std::unique_ptr<TargetMachine>> machine = createHostMachine();
  if (!machine)
    return machine.takeError();
  LLVMContext context;
  Expected<std::unique_ptr<Module>> code = translateToLLVMIR(module, context, **machine);
  if (!code)
    return code.takeError();
  addPackedWrappers(**code);
  Expected<SmallVector<char, 0>> object = emitObject(**code, **machine);
  if (!object)
    return object.takeError();
  Expected<std::unique_ptr<orc::LLJIT>> jit = orc::LLJITBuilder().create();
  if (!jit)
    return jit.takeError();
  // malloc, free and the conversions of 16-bit floats come from this process.
  Expected<std::unique_ptr<orc::DynamicLibrarySearchGenerator>> process =
      orc::DynamicLibrarySearchGenerator::GetForCurrentProcess((*machine)->createDataLayout().getGlobalPrefix());
  if (!process)
    return process.takeError();
  (*jit)->getMainJITDylib().addGenerator(std::move(*process));
  if (Error error =
          (*jit)->addObjectFile(MemoryBuffer::getMemBufferCopy(StringRef(object->data(), object->size()), "fftconv")))
    return error;
  return HostProgram(std::make_unique<State>(State{std::move(*jit)}));
}

/// A memref descriptor: allocated, aligned, offset, sizes, strides.
static SmallVector<int64_t> describe(Tensor &tensor) {
  int64_t address = static_cast<int64_t>(reinterpret_cast<intptr_t>(tensor.data()));
  SmallVector<int64_t> fields = {address, address, 0};
  append_range(fields, tensor.shape());
  int64_t stride = 1;
  SmallVector<int64_t> strides(tensor.shape().size());
  for (size_t i = strides.size(); i-- > 0; stride *= tensor.shape()[i])
    strides[i] = stride;
  append_range(fields, strides);
  return fields;
}

Error HostProgram::run(StringRef entry, MutableArrayRef<Tensor> inputs, MutableArrayRef<Tensor> results) {
  Expected<orc::ExecutorAddr> address = state->jit->lookup((packedPrefix + entry).str());
  if (!address)
    return address.takeError();
  SmallVector<SmallVector<int64_t>> descriptors;
  for (MutableArrayRef<Tensor> tensors : {inputs, results})
    for (Tensor &tensor : tensors)
      descriptors.push_back(describe(tensor));
  SmallVector<void *> arguments;
  for (SmallVector<int64_t> &descriptor : descriptors)
    arguments.push_back(descriptor.data());
  address->toPtr<void (*)(void **)>()(arguments.data());
  return Error::success();
}
