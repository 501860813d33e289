//===- fftconv-run.cpp - Run a program and judge the result ---------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "../driver/Driver.h"
#include "Emulate.h"
#include "RunPtx.h"
#include "fftconv/Execution/Executors.h"
#include "fftconv/Target/Ptx.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

#include <chrono>
#include <random>
#include <unistd.h>

using namespace mlir;
using namespace fftconv;
namespace cl = llvm::cl;

static constexpr StringLiteral tool = "fftconv-run";

namespace {
enum class Device { Reference, Cpu, Emulator, Cuda };

struct Options : DriverOptions {
  cl::opt<Device> device;
  cl::list<std::string> inputs, outputs;
  cl::opt<std::string> compareWith, report, driver;
  cl::opt<double> rtol;
  cl::opt<uint64_t> seed;
  cl::opt<int64_t> dim, sample, repeat;

  explicit Options(cl::OptionCategory &category)
      : DriverOptions(category),
        device(
            "device", cl::desc("executor:"), cl::init(Device::Cpu), cl::cat(category),
            cl::values(clEnumValN(Device::Reference, "reference", "the direct sum in f64, on all cores"),
                       clEnumValN(Device::Cpu, "cpu", "compiled for this machine, on one core (default)"),
                       clEnumValN(Device::Emulator, "emulator", "compiled to PTX for --chip (sm_90), in the emulator"),
                       clEnumValN(Device::Cuda, "cuda", "compiled to PTX for the GPU that is there, on it"))),
        inputs("input", cl::desc("argument, in order, once for each; without any, random values of unit variance"),
               cl::value_desc("FILE.npy"), cl::cat(category)),
        outputs("output", cl::desc("where to write a result, in order, once for each"), cl::value_desc("FILE.npy"),
                cl::cat(category)),
        compareWith("compare-with", cl::desc("executor to compare with: reference. Exit code 1 above the error budget"),
                    cl::value_desc("EXECUTOR"), cl::cat(category)),
        report("report", cl::desc("write shapes, times and errors as JSON"), cl::value_desc("FILE.json"),
               cl::cat(category)),
        driver("driver", cl::desc("[cuda] the CUDA driver (default libcuda.so.1), or what stands in for it"),
               cl::value_desc("FILE.so"), cl::init(CudaProgram::defaultLibrary.str()), cl::cat(category)),
        rtol("rtol", cl::desc("relative RMS error allowed, instead of the budget of the compute type"),
             cl::value_desc("X"), cl::init(0), cl::cat(category)),
        seed("seed", cl::desc("seed of random inputs and samples (default 0)"), cl::value_desc("N"), cl::init(0),
             cl::cat(category)),
        dim("dim", cl::desc("size of every dynamic dimension of random inputs (default 2)"), cl::value_desc("N"),
            cl::init(2), cl::cat(category)),
        sample("sample", cl::desc("elements of each result to compare, chosen at random; 0 (default) for all"),
               cl::value_desc("N"), cl::init(0), cl::cat(category)),
        repeat("repeat", cl::desc("runs to take the median time of (default 1)"), cl::value_desc("N"), cl::init(1),
               cl::cat(category)) {}

  /// Says which flag makes no sense, if any does.
  llvm::Error check() const {
    if (!compareWith.empty() && compareWith != "reference")
      return llvm::createStringError("--compare-with takes 'reference', not '" + compareWith + "'");
    if (rtol.getNumOccurrences() && !(rtol > 0))
      return llvm::createStringError("--rtol must be above 0");
    if (dim < 1 || repeat < 1 || sample < 0)
      return llvm::createStringError("--dim and --repeat must be at least 1, --sample at least 0");
    return llvm::Error::success();
  }
};

StringRef name(Device device) {
  return device == Device::Reference ? "reference"
         : device == Device::Cpu     ? "cpu"
         : device == Device::Cuda    ? "cuda"
                                     : "emulator";
}

using Tensors = SmallVector<Tensor>;
using Samples = SmallVector<SmallVector<int64_t>>;
} // namespace

/// An error where a tensor would not fit the memory of this machine, which would otherwise end the process.
static llvm::Error checkMemory(ElementType type, ArrayRef<int64_t> shape) {
  int64_t bytes = byteWidth(type);
  bool overflow = false;
  for (int64_t dim : shape)
    overflow |= llvm::MulOverflow(bytes, dim, bytes);
  if (!overflow && bytes / sysconf(_SC_PAGESIZE) < sysconf(_SC_PHYS_PAGES))
    return llvm::Error::success();
  std::string text;
  llvm::raw_string_ostream os(text);
  llvm::interleave(shape, os, "x");
  return llvm::createStringError(text + "x" + fftconv::name(type) + " does not fit the memory of this machine");
}

/// Input number `index`: from its file, or random where no files are given.
static llvm::Expected<Tensor> getInput(const Options &options, size_t index, ElementType type,
                                       ArrayRef<int64_t> shape) {
  if (!options.inputs.empty())
    return readNpy(options.inputs[index], type);
  if (llvm::Error error = checkMemory(type, shape))
    return error;
  return Tensor::random(type, shape, options.seed * 1000 + index);
}

static llvm::Expected<Tensors> getInputs(const Options &options, func::FuncOp entry) {
  Tensors tensors;
  if (!options.inputs.empty() && options.inputs.size() != entry.getNumArguments())
    return llvm::createStringError(llvm::formatv("@{0} takes {1} inputs, {2} were given with --input", entry.getName(),
                                                 entry.getNumArguments(), options.inputs.size())
                                       .str());
  for (auto [i, type] : llvm::enumerate(entry.getArgumentTypes())) {
    llvm::Expected<ElementType> element = getElementType(type);
    if (!element)
      return element.takeError();
    SmallVector<int64_t> shape(cast<RankedTensorType>(type).getShape());
    for (int64_t &size : shape)
      if (size == ShapedType::kDynamic)
        size = options.dim;
    llvm::Expected<Tensor> tensor = getInput(options, i, *element, shape);
    if (!tensor)
      return tensor.takeError();
    tensors.push_back(std::move(*tensor));
  }
  if (llvm::Error error = checkInputs(entry, tensors))
    return error;
  return tensors;
}

/// Results of the entry's types, poisoned.
static llvm::Expected<Tensors> makeResults(func::FuncOp entry, ArrayRef<Tensor> inputs) {
  Tensors results;
  for (Value value : entry.getBody().back().getTerminator()->getOperands()) {
    llvm::Expected<ElementType> element = getElementType(value.getType());
    if (!element)
      return element.takeError();
    llvm::Expected<SmallVector<int64_t>> shape = getShape(value, inputs);
    if (!shape)
      return shape.takeError();
    if (llvm::Error error = checkMemory(*element, *shape))
      return error;
    results.push_back(Tensor(*element, *shape));
  }
  return results;
}

/// Random elements of each result, both ends among them; none where all are to be compared.
static Samples chooseSamples(const Options &options, ArrayRef<Tensor> results) {
  Samples samples(results.size());
  std::mt19937_64 generator(options.seed);
  if (options.sample > 0)
    for (auto [indices, result] : llvm::zip_equal(samples, results)) {
      if (result.size() <= options.sample)
        continue;
      indices = {0, result.size() - 1};
      std::uniform_int_distribution<int64_t> any(0, result.size() - 1);
      while (static_cast<int64_t>(indices.size()) < options.sample)
        indices.push_back(any(generator));
    }
  return samples;
}

/// The error that the results of a planned program may have: that of each of its convolutions' stages and of the result's type.
static double budget(func::FuncOp planned, const Tensor &result) {
  double sum = 0;
  auto add = [&](Type compute) {
    sum += errorBudget(compute.isF16()    ? ElementType::F16
                       : compute.isBF16() ? ElementType::BF16
                                          : ElementType::F32,
                       result.type());
  };
  planned.walk([&](SpectralConvOp conv) { add(conv.getEncoding().getPlan().getCompute()); });
  planned.walk([&](ConvOp conv) {
    if (conv.getDirect())
      add(conv.getDirectAttr().getCompute());
  });
  return sum > 0 ? sum : errorBudget(ElementType::F32, result.type());
}

/// What a planned program does, for the report.
static llvm::json::Array describePlans(func::FuncOp planned) {
  llvm::json::Array plans;
  planned.walk([&](SpectralConvOp conv) {
    PlanAttr plan = conv.getEncoding().getPlan();
    plans.push_back(llvm::json::Object{{"length", conv.getEncoding().getLength()},
                                       {"points", plan.getPoints()},
                                       {"radices", llvm::json::Array(plan.getRadices())},
                                       {"blocks", plan.getBlocks()},
                                       {"theta", stringifyTheta(plan.getTheta())},
                                       {"chip", plan.getChip()}});
  });
  planned.walk([&](ConvOp conv) {
    if (DirectAttr direct = conv.getDirectAttr())
      plans.push_back(llvm::json::Object{{"length", conv.getLength()},
                                         {"taps", conv.getTaps()},
                                         {"blocks", direct.getBlocks()},
                                         {"chip", direct.getChip()}});
  });
  return plans;
}

/// Runs `step` `repeat` times and gives the median of the seconds that each took.
static llvm::Expected<double> timeMedian(int64_t repeat, llvm::function_ref<llvm::Error()> step) {
  std::vector<double> seconds;
  for (int64_t i = 0; i < repeat; ++i) {
    auto begin = std::chrono::steady_clock::now();
    if (llvm::Error error = step())
      return error;
    seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  std::nth_element(seconds.begin(), seconds.begin() + repeat / 2, seconds.end());
  return seconds[repeat / 2];
}

/// A planned program compiled for a GPU: its manifest, and PTX.
static llvm::Expected<std::pair<Manifest, std::string>> compileKernels(Program &program, func::FuncOp entry,
                                                                       StringRef chip) {
  auto failed = [] { return llvm::createStringError("the program could not be compiled to kernels"); };
  if (mlir::failed(program.run(buildToKernel)))
    return failed();
  FailureOr<Manifest> manifest = makeManifest(entry, "");
  if (mlir::failed(manifest) || mlir::failed(program.run(buildToNVVM)))
    return failed();
  std::string ptx;
  for (auto module : program.module().getOps<gpu::GPUModuleOp>()) {
    llvm::Expected<std::string> text = emitPtx(module, chip);
    if (!text)
      return text.takeError();
    ptx += *text;
  }
  return std::pair(std::move(*manifest), std::move(ptx));
}

/// Runs kernels in the emulator or on a GPU, and prints what that was like. False where the emulator found something.
static llvm::Expected<bool> runKernels(const Options &options, const PtxOptions &ptxOptions, Manifest manifest,
                                       StringRef code, Tensors &inputs, Tensors *results, llvm::json::Object &report) {
  auto withResults = [&](ManifestProgram &program, auto run) -> llvm::Expected<bool> {
    if (results->empty()) {
      llvm::Expected<Tensors> made = program.makeResults(inputs);
      if (!made)
        return made.takeError();
      *results = std::move(*made);
    }
    return run();
  };
  if (options.device == Device::Cuda) {
    llvm::Expected<CudaProgram> program = CudaProgram::load(std::move(manifest), code, options.driver);
    if (!program)
      return program.takeError();
    return withResults(*program, [&]() -> llvm::Expected<bool> {
      llvm::Expected<std::optional<std::array<int64_t, 2>>> inside = parseInside(ptxOptions);
      if (!inside)
        return inside.takeError();
      llvm::Expected<CudaTimes> times = program->run(inputs, *results, options.repeat, *inside);
      if (!times)
        return times.takeError();
      report["seconds"] = times->run;
      report["prepare_seconds"] = times->prepare;
      report["gpu"] = program->device();
      llvm::outs() << llvm::formatv("@{0} on cuda ({1}): {2:f4} ms, spectra {3:f4} ms\n", program->manifest().entry,
                                    program->device(), times->run * 1e3, times->prepare * 1e3);
      return true;
    });
  }
  llvm::Expected<EmulatedProgram> program = EmulatedProgram::load(std::move(manifest), code);
  if (!program)
    return program.takeError();
  return withResults(*program, [&] { return emulate(*program, inputs, *results, ptxOptions); });
}

/// Runs a manifest and the code beside it, in the emulator unless told otherwise.
static llvm::Expected<int> runManifest(const Options &options, const PtxOptions &ptxOptions) {
  bool otherDevice =
      options.device.getNumOccurrences() && options.device != Device::Emulator && options.device != Device::Cuda;
  if (!options.compareWith.empty() || otherDevice)
    return llvm::createStringError(
        "a manifest runs in the emulator or on a GPU, and there is nothing to compare it with");
  auto read = [](StringRef path) -> llvm::Expected<std::string> {
    auto file = llvm::MemoryBuffer::getFile(path);
    if (!file)
      return llvm::createStringError(path + ": " + file.getError().message());
    return (*file)->getBuffer().str();
  };
  llvm::Expected<std::string> text = read(options.input);
  if (!text)
    return text.takeError();
  llvm::Expected<Manifest> manifest = Manifest::parse(*text);
  if (!manifest)
    return manifest.takeError();
  SmallString<128> path = llvm::sys::path::parent_path(options.input);
  llvm::sys::path::append(path, manifest->code);
  llvm::Expected<std::string> ptx = read(path);
  if (!ptx)
    return ptx.takeError();
  Tensors inputs;
  for (const ManifestBuffer &buffer : manifest->buffers) {
    if (buffer.role != "input")
      continue;
    std::optional<ElementType> type = parseElementType(buffer.type);
    if (!type)
      return llvm::createStringError(buffer.name + " has elements of an unknown type, " + buffer.type);
    if (!options.inputs.empty() && inputs.size() >= options.inputs.size())
      return llvm::createStringError("--input is needed for " + buffer.name);
    SmallVector<int64_t> shape;
    for (const SizeExpression &size : buffer.shape)
      shape.push_back(size.kind == SizeExpression::Kind::Number ? size.number : options.dim);
    llvm::Expected<Tensor> tensor = getInput(options, inputs.size(), *type, shape);
    if (!tensor)
      return tensor.takeError();
    inputs.push_back(std::move(*tensor));
  }
  Tensors results;
  llvm::json::Object report;
  llvm::Expected<bool> clean = runKernels(options, ptxOptions, std::move(*manifest), *ptx, inputs, &results, report);
  if (!clean)
    return clean.takeError();
  for (auto [output, result] : llvm::zip(options.outputs, results))
    if (llvm::Error error = writeNpy(output, result))
      return error;
  for (auto [i, result] : llvm::enumerate(results))
    llvm::outs() << llvm::formatv("result {0}: {1}\n", i, result.spell());
  return *clean ? 0 : 1;
}

static llvm::Expected<int> run(const Options &options, const PtxOptions &ptxOptions, Program &program,
                               func::FuncOp entry) {
  if (llvm::Error error = options.check())
    return error;
  std::string name = entry.getName().str();
  llvm::Expected<Tensors> inputs = getInputs(options, entry);
  if (!inputs)
    return inputs.takeError();
  llvm::Expected<Tensors> results = makeResults(entry, *inputs);
  if (!results)
    return results.takeError();
  if (options.outputs.size() > results->size())
    return llvm::createStringError(llvm::formatv("@{0} gives {1} results, {2} were named with --output", name,
                                                 results->size(), options.outputs.size())
                                       .str());

  bool onReference = options.device == Device::Reference, compare = !options.compareWith.empty();
  Samples samples = chooseSamples(options, *results);
  Tensors reference;
  if (onReference || compare) {
    llvm::Expected<Tensors> judged = runReference(entry, *inputs, onReference ? Samples(results->size()) : samples);
    if (!judged)
      return judged.takeError();
    reference = std::move(*judged);
  }

  bool good = true;
  llvm::json::Object report{{"entry", name}, {"device", ::name(options.device)}};
  SmallVector<double> budgets;
  if (onReference) {
    for (auto [result, judged] : llvm::zip_equal(*results, reference)) {
      for (int64_t i = 0; i < result.size(); ++i)
        result.set(i, judged.get(i));
      budgets.push_back(errorBudget(ElementType::F32, result.type()));
    }
  } else {
    program.keepOnly(entry);
    bool kernels = options.device != Device::Cpu;
    PlanConvsOptions plan = options.plan();
    plan.requireKernels = kernels;
    if (kernels && options.chip.getNumOccurrences() == 0)
      plan.chip = "sm_90";
    if (options.device == Device::Cuda && options.chip.getNumOccurrences() == 0) {
      llvm::Expected<std::string> chip = CudaProgram::findChip(options.driver);
      if (!chip)
        return chip.takeError();
      plan.chip = *chip;
    }
    if (failed(program.run([&](OpPassManager &pm) { buildToPlan(pm, plan); })))
      return 1;
    report["plans"] = describePlans(entry);
    for (const Tensor &result : *results)
      budgets.push_back(budget(entry, result));
    if (kernels) {
      auto compiled = compileKernels(program, entry, plan.chip);
      if (!compiled)
        return compiled.takeError();
      llvm::Expected<bool> clean =
          runKernels(options, ptxOptions, std::move(compiled->first), compiled->second, *inputs, &*results, report);
      if (!clean)
        return clean.takeError();
      good &= *clean;
    } else {
      if (failed(program.run(buildToLLVM)))
        return 1;
      llvm::Expected<HostProgram> host = HostProgram::load(program.module());
      if (!host)
        return host.takeError();
      llvm::Expected<double> seconds = timeMedian(options.repeat, [&] { return host->run(name, *inputs, *results); });
      if (!seconds)
        return seconds.takeError();
      report["seconds"] = *seconds;
      llvm::outs() << llvm::formatv("@{0} on cpu: {1:f3} ms\n", name, *seconds * 1e3);
    }
  }

  for (auto [path, result] : llvm::zip(options.outputs, *results))
    if (llvm::Error error = writeNpy(path, result))
      return error;

  llvm::json::Array described;
  for (auto [i, result] : llvm::enumerate(*results)) {
    llvm::json::Object entryOf{{"shape", llvm::json::Array(result.shape())}, {"type", fftconv::name(result.type())}};
    llvm::outs() << llvm::formatv("result {0}: {1}", i, result.spell());
    if (compare) {
      double allowed = options.rtol > 0 ? options.rtol : budgets[i];
      double error = relativeError(result, reference[i], samples[i]);
      bool within = error <= allowed;
      good &= within;
      llvm::outs() << llvm::formatv(
          ", relative RMS error {0:e2} {1} {2:e2}{3}", error, within ? "<=" : "EXCEEDS", allowed,
          samples[i].empty() ? std::string() : llvm::formatv(" on {0} samples", samples[i].size()).str());
      entryOf["error"] = error;
      entryOf["budget"] = allowed;
    }
    llvm::outs() << "\n";
    described.push_back(std::move(entryOf));
  }
  report["results"] = std::move(described);
  if (!options.report.empty()) {
    std::error_code code;
    llvm::raw_fd_ostream os(options.report, code);
    if (code)
      return llvm::createStringError(options.report + ": " + code.message());
    os << llvm::formatv("{0:2}\n", llvm::json::Value(std::move(report)));
  }
  return good ? 0 : 1;
}

int main(int argc, char **argv) {
  cl::OptionCategory category("fftconv-run options");
  Options options(category);
  claimFlag("stats");
  PtxOptions ptxOptions(category);
  parseCommandLine(argc, argv, category,
                   "Runs a program of long convolutions (IN.mlir), and compares what comes out; or a compiled one "
                   "(IN.json, the manifest that "
                   "fftconv-compile writes), or one kernel (IN.ptx), in the emulator.\n");
  if (StringRef(options.input).ends_with(".ptx")) {
    llvm::Expected<int> code = runPtx(options.input, ptxOptions);
    if (!code)
      return fail(tool, toString(code.takeError()));
    return *code;
  }
  if (StringRef(options.input).ends_with(".json")) {
    llvm::Expected<int> code = runManifest(options, ptxOptions);
    if (!code)
      return fail(tool, toString(code.takeError()));
    return *code;
  }
  std::unique_ptr<Program> program = Program::load(options);
  if (!program)
    return 1;
  func::FuncOp entry = program->findEntry(options.entry);
  if (!entry)
    return 1;
  llvm::Expected<int> code = run(options, ptxOptions, *program, entry);
  if (!code)
    return fail(tool, toString(code.takeError()));
  return *code;
}
