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

#include <deque>
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

/// A buffer of a manifest in a run.
struct BoundBuffer {
  const ManifestBuffer *buffer = nullptr;
  Tensor *tensor = nullptr;
  /// Elements from one index of each dimension to the next.
  std::vector<int64_t> strides = {};
  /// Where the tensor is a slice of something larger, all of that.
  std::vector<char> slice = {};

  char *data() { return slice.empty() ? tensor->data() : slice.data(); }
  size_t size() const { return slice.empty() ? tensor->size() * byteWidth(tensor->type()) : slice.size(); }
};

/// What a run of a manifest works on.
struct Binding {
  std::map<std::string, int64_t> sizes;
  std::vector<BoundBuffer> buffers;
  /// Spectra and workspaces, poisoned.
  std::deque<Tensor> own;
};

/// A launch whose sizes are known. Arguments are numbers of buffers, or values.
struct ResolvedLaunch {
  std::array<uint32_t, 3> grid, block;
  std::vector<std::pair<bool, int64_t>> arguments;
};

/// A manifest as executors see it.
class ManifestProgram {
public:
  const Manifest &manifest() const { return plan; }
  /// Element types and shapes of the results for these inputs; an error where the inputs are not what the manifest says.
  llvm::Expected<llvm::SmallVector<Tensor>> makeResults(llvm::ArrayRef<Tensor> inputs) const;

protected:
  explicit ManifestProgram(Manifest manifest) : plan(std::move(manifest)) {}

  /// With `inside`, signals lie in tensors whose last two dimensions are of these sizes, at their beginning, and what lies around them is poisoned.
  llvm::Expected<Binding> bind(llvm::MutableArrayRef<Tensor> inputs, llvm::MutableArrayRef<Tensor> results,
                               std::optional<std::array<int64_t, 2>> inside) const;
  llvm::Expected<ResolvedLaunch> resolve(const ManifestLaunch &launch, const Binding &binding) const;
  /// Takes slices back into their tensors; an error where what lies around them was written to.
  llvm::Error finish(Binding &binding) const;

private:
  static constexpr char poison = static_cast<char>(0xff);
  llvm::Expected<std::map<std::string, int64_t>> bindSizes(llvm::ArrayRef<Tensor> inputs) const;
  llvm::Expected<Tensor> makeBuffer(const ManifestBuffer &buffer, const std::map<std::string, int64_t> &sizes) const;

  Manifest plan;
};

/// PTX with its manifest, loaded in the emulator.
class EmulatedProgram : public ManifestProgram {
public:
  static llvm::Expected<EmulatedProgram> load(Manifest manifest, llvm::StringRef ptx);

  /// Runs `prepare`, then `run`. Launches that find something do not end the run.
  llvm::Expected<std::vector<EmulatedLaunch>> run(llvm::MutableArrayRef<Tensor> inputs,
                                                  llvm::MutableArrayRef<Tensor> results,
                                                  const emulator::Options &options,
                                                  std::optional<std::array<int64_t, 2>> inside = std::nullopt);

private:
  EmulatedProgram(Manifest manifest, std::unique_ptr<emulator::Program> program)
      : ManifestProgram(std::move(manifest)), program(std::move(program)) {}

  std::unique_ptr<emulator::Program> program;
};

/// Seconds that a run on a GPU took by its events: `prepare`, and the median of all times that `run` ran.
struct CudaTimes {
  double prepare, run;
};

/// PTX or a cubin with its manifest, loaded on the first GPU by the CUDA driver, which is opened at run time: `library` is libcuda or one that has its
/// functions.
class CudaProgram : public ManifestProgram {
public:
  static constexpr llvm::StringLiteral defaultLibrary = "libcuda.so.1";
  /// The chip of the first GPU, such as sm_90; an error where there is no driver or no GPU.
  static llvm::Expected<std::string> findChip(llvm::StringRef library);
  static llvm::Expected<CudaProgram> load(Manifest manifest, llvm::StringRef code, llvm::StringRef library);
  CudaProgram(CudaProgram &&);
  ~CudaProgram();

  /// The name of the GPU.
  llvm::StringRef device() const;
  /// Runs `prepare` once, then `run` `repeat` times. Errors are the driver's, by name.
  llvm::Expected<CudaTimes> run(llvm::MutableArrayRef<Tensor> inputs, llvm::MutableArrayRef<Tensor> results,
                                int64_t repeat, std::optional<std::array<int64_t, 2>> inside = std::nullopt);

private:
  struct Driver;
  CudaProgram(Manifest manifest, std::unique_ptr<Driver> driver);

  std::unique_ptr<Driver> driver;
  void *module = nullptr;
  std::map<std::string, void *> functions;
};

} // namespace fftconv

#endif // FFTCONV_EXECUTION_EXECUTORS_H
