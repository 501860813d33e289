//===- Driver.h - What the command-line tools share -------------*- C++ -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The flags of fftconv-compile and fftconv-run that mean the same in both, and what they select: a module, an entry, a pipeline.
//
//===----------------------------------------------------------------------===//

#ifndef FFTCONV_TOOLS_DRIVER_H
#define FFTCONV_TOOLS_DRIVER_H

#include "fftconv/Pipelines/Pipelines.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Support/ToolUtilities.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/SourceMgr.h"

#include <string>

namespace fftconv {

/// Parses the command line of a tool: shows its own flags and --help only, prints `--version`, and exits with 1 at a bad one.
void parseCommandLine(int argc, char **argv, llvm::cl::OptionCategory &category, llvm::StringRef overview);

/// Takes the name of a flag from LLVM's own, which would otherwise clash with ours; before ours is created.
void claimFlag(llvm::StringRef name);

/// Flags shared by tools; to be created before parseCommandLine.
struct DriverOptions {
  explicit DriverOptions(llvm::cl::OptionCategory &category);

  llvm::cl::opt<std::string> input, entry, chip, compute, products, sums, method, copies, mma, channels, tuning;
  /// Where remarks go: to standard error, to a file.
  llvm::cl::opt<bool> remarks;
  llvm::cl::opt<std::string> remarksFile;

  PlanConvsOptions plan() const {
    return {.chip = chip.getValue(),
            .compute = compute.getValue(),
            .products = products.getValue(),
            .sums = sums.getValue(),
            .method = method.getValue(),
            .copies = copies.getValue(),
            .mma = mma.getValue(),
            .channels = channels.getValue(),
            .tuning = tuning.getValue()};
  }
};

/// A program read from a file, with the diagnostics that belong to it.
class Program {
public:
  /// Reads the input; convolutions of other frameworks' programs are raised. Prints what is wrong and returns null where the file is unknown or not a valid module.
  static std::unique_ptr<Program> load(const DriverOptions &options);

  mlir::ModuleOp module() { return *op; }

  /// The function called `name`, or without a name the only public one. Prints what is wrong and returns null otherwise.
  mlir::func::FuncOp findEntry(llvm::StringRef name);

  /// Removes what `entry` does not use, so that other functions need not compile.
  void keepOnly(mlir::func::FuncOp entry);

  /// Runs the passes that `build` adds.
  mlir::LogicalResult run(llvm::function_ref<void(mlir::OpPassManager &)> build);

private:
  Program();
  std::string path;
  mlir::DialectRegistry registry;
  mlir::MLIRContext context;
  llvm::SourceMgr sources;
  std::unique_ptr<mlir::SourceMgrDiagnosticHandler> diagnostics;
  mlir::OwningOpRef<mlir::ModuleOp> op;
};

/// Prints "tool: message" and returns the exit code of a failure, 1.
int fail(llvm::StringRef tool, const llvm::Twine &message);

} // namespace fftconv

#endif // FFTCONV_TOOLS_DRIVER_H
