//===- Driver.cpp - What the command-line tools share ---------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Driver.h"

#include "fftconv/IR/FFTConv.h"
#include "fftconv/IR/Interfaces.h"

#include "mlir/IR/Remarks.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Remark/RemarkStreamer.h"
#include "mlir/Support/FileUtilities.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace fftconv;
namespace cl = llvm::cl;

void fftconv::parseCommandLine(int argc, char **argv, cl::OptionCategory &category, StringRef overview) {
  cl::HideUnrelatedOptions(category);
  cl::SetVersionPrinter(
      [](llvm::raw_ostream &os) { os << "fftconv " FFTCONV_VERSION " on MLIR " LLVM_VERSION_STRING "\n"; });
  cl::ParseCommandLineOptions(argc, argv, overview);
}

void fftconv::claimFlag(StringRef name) {
  if (cl::Option *taken = cl::getRegisteredOptions().lookup(name))
    taken->removeArgument();
}

DriverOptions::DriverOptions(cl::OptionCategory &category)
    : input(cl::Positional, cl::Required, cl::desc("IN.mlir"), cl::cat(category)),
      entry("entry", cl::desc("function to take; without it, the only public one"), cl::value_desc("NAME"),
            cl::cat(category)),
      chip("chip", cl::desc("chip to plan for: cpu (default), sm_80, sm_86, sm_89, sm_90, sm_90a, sm_100, sm_120"),
           cl::value_desc("CHIP"), cl::init("cpu"), cl::cat(category)),
      compute("compute",
              cl::desc("type of the operands of stages: f16, bf16, f32, or auto (default) for that of the tensors"),
              cl::value_desc("TYPE"), cl::init("auto"), cl::cat(category)),
      products("products", cl::desc("type of elementwise products in kernels: f16 (default) or f32"),
               cl::value_desc("TYPE"), cl::init("f16"), cl::cat(category)),
      sums("sums",
           cl::desc(
               "type of the sums of matrix products in kernels: f32, f16, or auto (default) for f16 where stages are"),
           cl::value_desc("TYPE"), cl::init("auto"), cl::cat(category)),
      method("method", cl::desc("how kernels compute: fft, direct (short filters), or auto (default) for the cheaper"),
             cl::value_desc("METHOD"), cl::init("auto"), cl::cat(category)),
      copies("copies",
             cl::desc("how kernels copy rows: async, bulk (where they can), or auto (default) for bulk where it pays"),
             cl::value_desc("HOW"), cl::init("auto"), cl::cat(category)),
      mma("mma",
          cl::desc("who multiplies on a GPU: warp (each by itself), warpgroup (four together, where they can), or auto "
                   "(default) for the faster"),
          cl::value_desc("WHO"), cl::init("auto"), cl::cat(category)),
      channels("channels",
               cl::desc("how a GPU computes rows whose channels are last: fused (in one kernel), turned (before and "
                        "after), or auto (default) for the faster"),
               cl::value_desc("HOW"), cl::init("auto"), cl::cat(category)),
      tuning("tuning", cl::desc("plans that were timed, as gpu-suite.py --autotune writes them"),
             cl::value_desc("FILE.json"), cl::cat(category)),
      remarks("remarks", cl::desc("print what was raised, planned and refused, and why"), cl::cat(category)),
      remarksFile("remarks-file", cl::desc("write the same as YAML"), cl::value_desc("FILE.yaml"), cl::cat(category)) {}

Program::Program() : context(registry, MLIRContext::Threading::DISABLED) {
  registerAllDialects(registry);
  registerAllExtensions(registry);
  registry.insert<FFTConvDialect>();
  registerInterfaceModels(registry);
  context.appendDialectRegistry(registry);
  context.allowUnregisteredDialects(); // those of frameworks; others are refused below
}

std::unique_ptr<Program> Program::load(const DriverOptions &options) {
  StringRef path = options.input;
  std::string message;
  std::unique_ptr<llvm::MemoryBuffer> file = openInputFile(path, &message);
  if (!file) {
    llvm::errs() << message << "\n";
    return nullptr;
  }
  std::unique_ptr<Program> program(new Program());
  program->path = path;
  program->sources.AddNewSourceBuffer(std::move(file), llvm::SMLoc());
  program->diagnostics = std::make_unique<SourceMgrDiagnosticHandler>(program->sources, &program->context);
  remark::RemarkCategories all{std::nullopt, /*passed=*/".*", /*missed=*/".*", /*analysis=*/".*", /*failed=*/".*"};
  auto policy = std::make_unique<remark::RemarkEmittingPolicyAll>();
  if (!options.remarksFile.empty()) {
    if (failed(remark::enableOptimizationRemarksWithLLVMStreamer(program->context, options.remarksFile,
                                                                 llvm::remarks::Format::YAML, std::move(policy), all,
                                                                 options.remarks)))
      return nullptr;
  } else if (options.remarks && failed(remark::enableOptimizationRemarks(program->context, nullptr, std::move(policy),
                                                                         all, /*printAsEmitRemarks=*/true))) {
    return nullptr;
  }
  program->op = parseSourceFile<ModuleOp>(program->sources, &program->context);
  if (!program->op)
    return nullptr;
  WalkResult known = program->module().walk([](Operation *op) {
    if (op->isRegistered() || isHostDialect(op->getName().getDialectNamespace()))
      return WalkResult::advance();
    return WalkResult(op->emitError("unregistered operation '") << op->getName() << "'");
  });
  if (known.wasInterrupted() || failed(program->run(buildFromHost)))
    return nullptr;
  return program;
}

func::FuncOp Program::findEntry(StringRef name) {
  SmallVector<func::FuncOp> candidates;
  for (auto function : module().getOps<func::FuncOp>())
    if (!function.isExternal() && (name.empty() ? function.isPublic() : function.getName() == name))
      candidates.push_back(function);
  if (candidates.size() == 1)
    return candidates[0];
  llvm::errs() << path << ": ";
  if (!name.empty())
    llvm::errs() << "has no function @" << name << " with a body\n";
  else if (candidates.empty())
    llvm::errs() << "has no public function with a body\n";
  else
    llvm::errs() << "has " << candidates.size() << " public functions; choose one with --entry\n";
  return nullptr;
}

void Program::keepOnly(func::FuncOp entry) {
  for (auto function : module().getOps<func::FuncOp>())
    if (function != entry && !function.isExternal())
      function.setPrivate();
  entry.setPublic();
  PassManager pm(&context);
  pm.addPass(createSymbolDCEPass());
  (void)pm.run(module());
}

LogicalResult Program::run(llvm::function_ref<void(OpPassManager &)> build) {
  PassManager pm(&context);
  build(pm);
  return pm.run(module());
}

int fftconv::fail(StringRef tool, const Twine &message) {
  llvm::errs() << tool << ": " << message << "\n";
  return 1;
}
