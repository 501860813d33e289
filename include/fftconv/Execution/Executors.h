//===- Executors.h - Ways to run a function ---------------------*- C++ -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every executor takes the tensors of a function's arguments and gives those of its results. `reference` is the judge of all
// others and shares no code with them.
//
//===----------------------------------------------------------------------===//

#ifndef FFTCONV_EXECUTION_EXECUTORS_H
#define FFTCONV_EXECUTION_EXECUTORS_H

#include "fftconv/Emulator/Emulator.h"
#include "fftconv/Execution/Tensor.h"
#include "fftconv/Target/Manifest.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

#include <memory>

namespace fftconv {

/// The element type of a tensor that executors handle; an error that names any other type.
llvm::Expected<ElementType> getElementType(mlir::Type tensor);

/// Checks tensors against the argument types of `function`: number, element types, shapes.
llvm::Error checkInputs(mlir::func::FuncOp function, llvm::ArrayRef<Tensor> inputs);

/// The shape of a value inside a function whose arguments have the shapes of `inputs`; follows first operands where it is dynamic.
llvm::Expected<llvm::SmallVector<int64_t>> getShape(mlir::Value value, llvm::ArrayRef<Tensor> inputs);

/// Runs a function of the conv rung by the direct O(L K) sum, in f64 throughout, on all cores. Knows `fftconv.conv` and the
/// elementwise arithmetic on constants around it; any other op is an error that names it. Where `samples[i]` is not empty, only
/// those elements of result i are computed (the others stay NaN). Results are f64.
llvm::Expected<llvm::SmallVector<Tensor>> runReference(mlir::func::FuncOp function, llvm::ArrayRef<Tensor> inputs,
                                                       llvm::ArrayRef<llvm::SmallVector<int64_t>> samples);

/// A module compiled for this machine and loaded.
class HostProgram {
public:
  /// Compiles a module whose entries went through buildToLLVM.
  static llvm::Expected<HostProgram> load(mlir::ModuleOp module);
  HostProgram(HostProgram &&);
  HostProgram &operator=(HostProgram &&);
  ~HostProgram();

  /// Runs an entry on one thread. `results` have their final shapes and are written to; what they held does not matter.
  llvm::Error run(llvm::StringRef entry, llvm::MutableArrayRef<Tensor> inputs, llvm::MutableArrayRef<Tensor> results);

private:
  struct State;
  explicit HostProgram(std::unique_ptr<State> state);
  std::unique_ptr<State> state;
};

/// What a launch did in the emulator.
struct EmulatedLaunch {
  std::string kernel;
  bool isPrepare;
  emulator::Result result;
};

/// PTX with its manifest, loaded in the emulator.
class EmulatedProgram {
public:
  static llvm::Expected<EmulatedProgram> load(Manifest manifest, llvm::StringRef ptx);

  const Manifest &manifest() const { return plan; }
  /// Element types and shapes of the results for these inputs; an error where the inputs are not what the manifest says.
  llvm::Expected<llvm::SmallVector<Tensor>> makeResults(llvm::ArrayRef<Tensor> inputs) const;
  /// Runs `prepare`, then `run`. Spectra and temporaries are poisoned before. Launches that find something do not end the run.
  llvm::Expected<std::vector<EmulatedLaunch>>
  run(llvm::MutableArrayRef<Tensor> inputs, llvm::MutableArrayRef<Tensor> results, const emulator::Options &options);

private:
  EmulatedProgram(Manifest manifest, std::unique_ptr<emulator::Program> program)
      : plan(std::move(manifest)), program(std::move(program)) {}
  llvm::Expected<std::map<std::string, int64_t>> bindSizes(llvm::ArrayRef<Tensor> inputs) const;
  llvm::Expected<Tensor> makeBuffer(const ManifestBuffer &buffer, const std::map<std::string, int64_t> &sizes) const;

  Manifest plan;
  std::unique_ptr<emulator::Program> program;
};

} // namespace fftconv

#endif // FFTCONV_EXECUTION_EXECUTORS_H
