//===- Host.h - Code for the machine we run on ------------------*- C++ -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From the llvm dialect to optimised LLVM IR for the host's processor, and on to an object file with a C header.
//
//===----------------------------------------------------------------------===//

#ifndef FFTCONV_TARGET_HOST_H
#define FFTCONV_TARGET_HOST_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/Error.h"
#include "llvm/Target/TargetMachine.h"

#include <memory>
#include <string>

namespace fftconv {

/// A machine with the features of the processor this runs on; its code is position-independent.
llvm::Expected<std::unique_ptr<llvm::TargetMachine>> createHostMachine();

/// Translates a module of the llvm dialect and optimises it (LLVM's O3) for `machine`.
llvm::Expected<std::unique_ptr<llvm::Module>> translateToLLVMIR(mlir::ModuleOp module, llvm::LLVMContext &context,
                                                                llvm::TargetMachine &machine);

/// The bytes of an object file.
llvm::Expected<llvm::SmallVector<char, 0>> emitObject(llvm::Module &module, llvm::TargetMachine &machine);

/// A C header for the entries of an object file, given the functions as they were before lowering (public, on ranked tensors):
/// each gets an inline function that takes sizes of dynamic dimensions, then plain pointers to its operands and results.
/// `guard` names the header. Fails at an element type that C cannot hold.
mlir::FailureOr<std::string> emitHeader(llvm::ArrayRef<mlir::func::FuncOp> entries, llvm::StringRef guard);

} // namespace fftconv

#endif // FFTCONV_TARGET_HOST_H
