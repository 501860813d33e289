//===- Ptx.cpp - PTX, cubin and fatbin of kernels -------------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "fftconv/Target/Ptx.h"

#include "fftconv/Monarch/Chip.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/GPU/GPUToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/NVVM/NVVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/CrashRecoveryContext.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/Regex.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"

using namespace llvm;

/// Addresses in shared memory are 32 bits wide; LLVM believes so only when told, before it makes its first target.
static void useShortPointers() {
  static bool done = [] {
    if (cl::Option *option = cl::getRegisteredOptions().lookup("nvptx-short-ptr"))
      static_cast<cl::opt<bool> *>(option)->setValue(true);
    LLVMInitializeNVPTXTargetInfo();
    LLVMInitializeNVPTXTarget();
    LLVMInitializeNVPTXTargetMC();
    LLVMInitializeNVPTXAsmPrinter();
    return true;
  }();
  (void)done;
}

static Expected<std::unique_ptr<TargetMachine>> createMachine(StringRef chip) {
  if (const fftconv::monarch::Chip *known = fftconv::monarch::findChip(chip); !known || !known->isGpu())
    return createStringError("'" + chip + "' is not a GPU that kernels are compiled for");
  useShortPointers();
  Triple triple("nvptx64-nvidia-cuda");
  std::string message;
  const llvm::Target *target = TargetRegistry::lookupTarget(triple, message);
  if (!target)
    return createStringError(message);
  // Hints to caches on loads came with PTX 7.4, bulk copies with 8.0: later than the versions that LLVM takes for these chips.
  StringRef features = chip == "sm_80" || chip == "sm_86" ? "+ptx74" : chip == "sm_90" ? "+ptx80" : "";
  std::unique_ptr<TargetMachine> machine(target->createTargetMachine(
      triple, chip, features, TargetOptions(), std::nullopt, std::nullopt, CodeGenOptLevel::Aggressive));
  if (!machine)
    return createStringError("LLVM has no target machine for " + chip);
  return machine;
}

static void optimize(Module &module, TargetMachine &machine) {
  LoopAnalysisManager loops;
  FunctionAnalysisManager functions;
  CGSCCAnalysisManager components;
  ModuleAnalysisManager modules;
  PipelineTuningOptions tuning;
  // What is to be unrolled is unrolled already.
  tuning.LoopUnrolling = tuning.LoopVectorization = tuning.SLPVectorization = false;
  PassBuilder builder(&machine, tuning);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(components);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, components, modules);
  builder.buildPerModuleDefaultPipeline(OptimizationLevel::O2).run(module, modules);
}

Expected<std::string> fftconv::emitPtx(mlir::gpu::GPUModuleOp module, StringRef chip) {
  std::string problem;
  module.walk([&](mlir::Operation *op) {
    if (op != module && problem.empty() && !isa<mlir::LLVM::LLVMDialect, mlir::NVVM::NVVMDialect>(op->getDialect()))
      problem = ("'" + op->getName().getStringRef() + "' is left in @" + module.getName() +
                 ": PTX is made of llvm and nvvm ops only")
                    .str();
  });
  if (!problem.empty())
    return createStringError(problem);
  Expected<std::unique_ptr<TargetMachine>> machine = createMachine(chip);
  if (!machine)
    return machine.takeError();
  mlir::MLIRContext &context = *module.getContext();
  mlir::registerBuiltinDialectTranslation(context);
  mlir::registerGPUDialectTranslation(context);
  mlir::registerLLVMDialectTranslation(context);
  mlir::registerNVVMDialectTranslation(context);
  LLVMContext llvmContext;
  // Upstream's lowering of loops carries their annotation along, but under a name that the translation does not read.
  module.walk([](mlir::LLVM::BrOp branch) {
    if (auto annotation = branch->getAttrOfType<mlir::LLVM::LoopAnnotationAttr>("llvm.loop_annotation"))
      branch.setLoopAnnotationAttr(annotation);
  });
  std::unique_ptr<Module> code = mlir::translateModuleToLLVMIR(module, llvmContext);
  if (!code)
    return createStringError("@" + module.getName() + " could not be translated to LLVM IR");
  code->setDataLayout((*machine)->createDataLayout());
  code->setTargetTriple((*machine)->getTargetTriple());

  SmallString<0> text;
  bool emitted = true;
  // LLVM ends the process where it cannot select an instruction; this ends the attempt.
  CrashRecoveryContext::Enable();
  scope_exit disable([] { CrashRecoveryContext::Disable(); });
  CrashRecoveryContext recovery;
  bool survived = recovery.RunSafely([&] {
    optimize(*code, **machine);
    raw_svector_ostream os(text);
    legacy::PassManager passes;
    emitted = !(*machine)->addPassesToEmitFile(passes, os, nullptr, CodeGenFileType::AssemblyFile);
    if (emitted)
      passes.run(*code);
  });
  if (!survived || !emitted)
    return createStringError("LLVM could not make PTX of @" + module.getName() + " for " + chip);
  return text.str().str();
}

std::optional<std::string> fftconv::findCudaTool(StringRef name) {
  // Whoever says where the toolkit is means it.
  if (std::optional<std::string> home = sys::Process::GetEnv("CUDA_HOME")) {
    std::string folder = *home + "/bin";
    ErrorOr<std::string> path = sys::findProgramByName(name, {folder});
    return path ? std::optional(*path) : std::nullopt;
  }
  if (ErrorOr<std::string> path = sys::findProgramByName(name))
    return *path;
  if (ErrorOr<std::string> path = sys::findProgramByName(name, {"/usr/local/cuda/bin"}))
    return *path;
  return std::nullopt;
}

namespace {
/// A file that is gone when this is.
struct TemporaryFile {
  SmallString<128> path;
  explicit TemporaryFile(StringRef suffix) { sys::fs::createTemporaryFile("fftconv", suffix, path); }
  ~TemporaryFile() { sys::fs::remove(path); }
};
} // namespace

static Error writeFile(StringRef path, StringRef content) {
  std::error_code code;
  raw_fd_ostream os(path, code);
  if (code)
    return createStringError(path + ": " + code.message());
  os << content;
  return Error::success();
}

static Expected<std::string> readFile(StringRef path) {
  ErrorOr<std::unique_ptr<MemoryBuffer>> file = MemoryBuffer::getFile(path, false, false);
  if (!file)
    return createStringError(path + ": " + file.getError().message());
  return (*file)->getBuffer().str();
}

/// Runs a program of CUDA's; what it prints, or an error with it.
static Expected<std::string> runTool(StringRef name, ArrayRef<StringRef> arguments) {
  std::optional<std::string> path = fftconv::findCudaTool(name);
  if (!path)
    return createStringError(
        "needs " + name +
        " of the CUDA toolkit, which is not in CUDA_HOME/bin, or without CUDA_HOME on the path or in /usr/local/cuda");
  SmallVector<StringRef> all = {*path};
  all.append(arguments.begin(), arguments.end());
  TemporaryFile output("txt");
  std::optional<StringRef> redirects[] = {StringRef(""), StringRef(output.path), StringRef(output.path)};
  std::string message;
  int code = sys::ExecuteAndWait(*path, all, std::nullopt, redirects, 0, 0, &message);
  Expected<std::string> printed = readFile(output.path);
  if (!printed)
    return printed.takeError();
  if (code != 0)
    return createStringError(name + " failed: " + (message.empty() ? *printed : message));
  return printed;
}

/// The usage of each kernel in what `ptxas -v` prints.
static std::vector<fftconv::KernelUsage> parseUsage(StringRef text) {
  std::vector<fftconv::KernelUsage> usage;
  Regex entry("Compiling entry function '([^']+)'"), frame("([0-9]+) bytes stack frame, ([0-9]+) bytes spill stores"),
      registers("Used ([0-9]+) registers");
  SmallVector<StringRef> lines, match;
  text.split(lines, '\n');
  for (StringRef line : lines) {
    if (entry.match(line, &match))
      usage.push_back({match[1].str()});
    if (usage.empty())
      continue;
    if (frame.match(line, &match)) {
      match[1].getAsInteger(10, usage.back().stackBytes);
      match[2].getAsInteger(10, usage.back().spillBytes);
    }
    if (registers.match(line, &match))
      match[1].getAsInteger(10, usage.back().registers);
  }
  return usage;
}

Expected<fftconv::Assembled> fftconv::assemble(StringRef ptx, StringRef chip) {
  TemporaryFile source("ptx"), object("cubin");
  if (Error error = writeFile(source.path, ptx))
    return error;
  Expected<std::string> printed =
      runTool("ptxas", {"-v", "-O3", ("-arch=" + chip).str(), source.path, "-o", object.path});
  if (!printed)
    return printed.takeError();
  Expected<std::string> code = readFile(object.path);
  if (!code)
    return code.takeError();
  return Assembled{std::move(*code), parseUsage(*printed)};
}

Expected<std::string> fftconv::makeFatbin(StringRef ptx, StringRef cubin, StringRef chip) {
  TemporaryFile source("ptx"), object("cubin"), result("fatbin");
  if (Error error = joinErrors(writeFile(source.path, ptx), writeFile(object.path, cubin)))
    return error;
  StringRef number = chip.drop_front(3);
  std::string image = ("--image3=kind=elf,sm=" + number + ",file=" + object.path).str();
  std::string text = ("--image3=kind=ptx,sm=" + number + ",file=" + source.path).str();
  Expected<std::string> printed = runTool("fatbinary", {("--create=" + result.path).str(), "-64", image, text});
  if (!printed)
    return printed.takeError();
  return readFile(result.path);
}
