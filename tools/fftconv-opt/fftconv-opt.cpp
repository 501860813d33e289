//===- fftconv-opt.cpp - mlir-opt with fftconv ----------------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// All of upstream's dialects and passes, and ours.
//
//===----------------------------------------------------------------------===//

#include "fftconv/IR/FFTConv.h"
#include "fftconv/IR/Interfaces.h"
#include "fftconv/Pipelines/Pipelines.h"

#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Target/LLVMIR/Dialect/All.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::registerAllPasses();
  fftconv::registerAllPasses();
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  registry.insert<fftconv::FFTConvDialect>();
  mlir::registerAllGPUToLLVMIRTranslations(registry);
  fftconv::registerInterfaceModels(registry);
  return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, "fftconv optimizer driver\n", registry));
}
