//===- plugin.cpp - fftconv inside a stock mlir-opt -----------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Load with --load-dialect-plugin and --load-pass-plugin; passes are then known to --pass-pipeline. A tool that registers the
// dialect itself must not load it.
//
//===----------------------------------------------------------------------===//

#include "fftconv/IR/FFTConv.h"
#include "fftconv/IR/Interfaces.h"
#include "fftconv/Pipelines/Pipelines.h"

#include "mlir/Tools/Plugins/DialectPlugin.h"
#include "mlir/Tools/Plugins/PassPlugin.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/Compiler.h"

/// Both plugins may be loaded from one file, in either order.
static void registerPassesOnce() { [[maybe_unused]] static bool once = (fftconv::registerAllPasses(), true); }

extern "C" LLVM_ATTRIBUTE_WEAK mlir::DialectPluginLibraryInfo mlirGetDialectPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "FFTConv", LLVM_VERSION_STRING, [](mlir::DialectRegistry *registry) {
            registry->insert<fftconv::FFTConvDialect>();
            fftconv::registerInterfaceModels(*registry);
            registerPassesOnce();
          }};
}

extern "C" LLVM_ATTRIBUTE_WEAK mlir::PassPluginLibraryInfo mlirGetPassPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "FFTConv", LLVM_VERSION_STRING, registerPassesOnce};
}
