//===- fftconv-compile.cpp - Lower a program to a rung --------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Output is written in one go once it is complete, so a failure leaves no half-written file.
//
//===----------------------------------------------------------------------===//

#include "../driver/Driver.h"
#include "fftconv/Target/Host.h"
#include "fftconv/Target/Manifest.h"
#include "fftconv/Target/Ptx.h"
#include "fftconv/Target/Report.h"

#include "mlir/Support/FileUtilities.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/ToolOutputFile.h"

using namespace mlir;
using namespace fftconv;
namespace cl = llvm::cl;

static constexpr StringLiteral tool = "fftconv-compile";

namespace {
enum class Rung { Conv, Plan, Monarch, Kernel, NVVM, Ptx, Cubin, Fatbin, LLVM, Object };

/// A file to write.
struct Output {
  std::string path, content;
};
} // namespace

/// Rungs below plan that only a GPU has.
static bool isGpuRung(Rung rung) { return rung >= Rung::Kernel && rung <= Rung::Fatbin; }

static bool write(const Output &output) {
  std::string message;
  std::unique_ptr<llvm::ToolOutputFile> file = openOutputFile(output.path, &message);
  if (!file) {
    fail(tool, message);
    return false;
  }
  file->os() << output.content;
  file->os().flush();
  if (file->os().has_error()) {
    fail(tool, output.path + ": " + file->os().error().message());
    file->os().clear_error();
    return false;
  }
  file->keep();
  return true;
}

/// LLVM IR, or an object file and its header beside it.
static std::optional<SmallVector<Output>> emitHost(Program &program, Rung rung, StringRef path) {
  SmallVector<Output> outputs;
  if (rung == Rung::Object) {
    SmallString<128> headerPath = path;
    llvm::sys::path::replace_extension(headerPath, "h");
    if (path == "-" || headerPath == path) {
      fail(tool, "--emit=object writes an object file and a header beside it: name the object with -o FILE.o");
      return std::nullopt;
    }
    SmallVector<func::FuncOp> entries;
    for (auto function : program.module().getOps<func::FuncOp>())
      if (function.isPublic() && !function.isExternal())
        entries.push_back(function);
    std::string guard = llvm::sys::path::filename(headerPath).upper();
    for (char &c : guard)
      c = llvm::isAlnum(c) ? c : '_';
    FailureOr<std::string> header = emitHeader(entries, "FFTCONV_" + guard);
    if (failed(header))
      return std::nullopt;
    outputs.push_back({headerPath.str().str(), std::move(*header)});
  }
  if (failed(program.run(buildToLLVM)))
    return std::nullopt;
  llvm::LLVMContext context;
  llvm::Expected<std::unique_ptr<llvm::TargetMachine>> machine = createHostMachine();
  if (!machine) {
    fail(tool, toString(machine.takeError()));
    return std::nullopt;
  }
  llvm::Expected<std::unique_ptr<llvm::Module>> code = translateToLLVMIR(program.module(), context, **machine);
  if (!code) {
    fail(tool, toString(code.takeError()));
    return std::nullopt;
  }
  if (rung == Rung::LLVM) {
    std::string text;
    llvm::raw_string_ostream(text) << **code;
    return SmallVector<Output>{{path.str(), text}};
  }
  llvm::Expected<SmallVector<char, 0>> object = emitObject(**code, **machine);
  if (!object) {
    fail(tool, toString(object.takeError()));
    return std::nullopt;
  }
  outputs.push_back({path.str(), std::string(object->begin(), object->end())});
  return outputs;
}

/// What is wanted of a GPU program besides its code.
struct GpuRequest {
  Rung rung;
  std::string chip, path, manifest;
  enum class Report { None, Text, Json } report;
};

/// Code for a GPU, and its manifest; prints the report. The program is at the kernel rung.
static std::optional<SmallVector<Output>> emitGpu(Program &program, const GpuRequest &request) {
  auto failed = [](llvm::Error error) {
    fail(tool, toString(std::move(error)));
    return std::nullopt;
  };
  func::FuncOp entry = program.findEntry("");
  if (!entry)
    return std::nullopt;
  SmallVector<Output> outputs;
  FailureOr<Manifest> manifest = makeManifest(entry, llvm::sys::path::filename(request.path));
  if (mlir::failed(manifest))
    return std::nullopt;
  if (!request.manifest.empty())
    outputs.push_back({request.manifest, llvm::formatv("{0:2}\n", manifest->toJson()).str()});
  // The report looks at kernels as they are now, and at what ptxas says later.
  OwningOpRef<ModuleOp> kernels = program.module().clone();
  if (mlir::failed(program.run(buildToNVVM)))
    return std::nullopt;
  std::string ptx;
  for (auto module : program.module().getOps<gpu::GPUModuleOp>()) {
    llvm::Expected<std::string> text = emitPtx(module, request.chip);
    if (!text)
      return failed(text.takeError());
    ptx += *text;
  }
  if (ptx.empty()) {
    fail(tool, "there is no convolution in @" + entry.getName() + ", and so no kernel");
    return std::nullopt;
  }
  bool needsCode = request.rung != Rung::Ptx;
  std::optional<Assembled> assembled;
  if (needsCode || (request.report != GpuRequest::Report::None && findCudaTool("ptxas"))) {
    llvm::Expected<Assembled> code = assemble(ptx, request.chip);
    if (!code)
      return failed(code.takeError());
    assembled = std::move(*code);
  }
  std::string code = needsCode ? assembled->code : ptx;
  if (request.rung == Rung::Fatbin) {
    llvm::Expected<std::string> fatbin = makeFatbin(ptx, assembled->code, request.chip);
    if (!fatbin)
      return failed(fatbin.takeError());
    code = std::move(*fatbin);
  }
  outputs.push_back({request.path, std::move(code)});
  if (request.report != GpuRequest::Report::None) {
    auto function = cast<func::FuncOp>(SymbolTable::lookupSymbolIn(*kernels, entry.getName()));
    llvm::json::Value report = makeReport(function, assembled ? ArrayRef(assembled->usage) : ArrayRef<KernelUsage>());
    (request.path == "-" ? llvm::errs() : llvm::outs())
        << (request.report == GpuRequest::Report::Json ? llvm::formatv("{0:2}\n", report).str() : printReport(report));
  }
  return outputs;
}

int main(int argc, char **argv) {
  cl::OptionCategory category("fftconv-compile options");
  DriverOptions options(category);
  cl::opt<Rung> emit(
      "emit", cl::desc("what to write:"), cl::init(Rung::Plan), cl::cat(category),
      cl::values(clEnumValN(Rung::Conv, "conv", "the program as it came, canonicalised"),
                 clEnumValN(Rung::Plan, "plan", "planned, with spectra split off and hoisted (default)"),
                 clEnumValN(Rung::Monarch, "monarch", "as Monarch stages"),
                 clEnumValN(Rung::Kernel, "kernel", "as fused kernels of tile ops (with a GPU as --chip)"),
                 clEnumValN(Rung::NVVM, "nvvm", "kernels in llvm and nvvm"),
                 clEnumValN(Rung::Ptx, "ptx", "kernels as PTX"),
                 clEnumValN(Rung::Cubin, "cubin", "kernels as machine code; needs ptxas"),
                 clEnumValN(Rung::Fatbin, "fatbin", "machine code and PTX; needs ptxas and fatbinary"),
                 clEnumValN(Rung::LLVM, "llvm", "LLVM IR for this machine, optimised"),
                 clEnumValN(Rung::Object, "object", "an object file for this machine, and a C header beside it")));
  cl::opt<std::string> output("o", cl::desc("file to write; - (default) for standard output"), cl::value_desc("FILE"),
                              cl::init("-"), cl::cat(category));
  cl::opt<std::string> manifest("manifest", cl::desc("with ptx, cubin or fatbin: write how to launch it, as JSON"),
                                cl::value_desc("FILE.json"), cl::cat(category));
  using Report = GpuRequest::Report;
  cl::opt<Report> report(
      "report", cl::desc("with ptx, cubin or fatbin: print plan, resources and predicted cost:"),
      cl::init(Report::None), cl::ValueOptional, cl::cat(category),
      cl::values(clEnumValN(Report::Text, "", "as text"), clEnumValN(Report::Json, "json", "as JSON")));
  parseCommandLine(argc, argv, category, "Lowers long convolutions to a rung, and prints or writes it.\n");

  // A file named .ptx wants PTX.
  if (emit.getNumOccurrences() == 0)
    for (auto [suffix, rung] :
         {std::pair(".ptx", Rung::Ptx), std::pair(".cubin", Rung::Cubin), std::pair(".fatbin", Rung::Fatbin)})
      if (StringRef(output).ends_with(suffix))
        emit = rung;
  if ((!manifest.empty() || report != Report::None) && (emit < Rung::Ptx || emit > Rung::Fatbin))
    return fail(tool, "--manifest and --report go with --emit=ptx, cubin or fatbin");
  std::unique_ptr<Program> program = Program::load(options);
  if (!program)
    return 1;
  if (!options.entry.empty()) {
    func::FuncOp entry = program->findEntry(options.entry);
    if (!entry)
      return 1;
    program->keepOnly(entry);
  }
  LogicalResult lowered = program->run([&](OpPassManager &pm) {
    if (emit == Rung::Conv)
      return buildToConv(pm);
    PlanConvsOptions plan = options.plan();
    plan.requireKernels = isGpuRung(emit);
    buildToPlan(pm, plan);
    if (emit == Rung::Monarch)
      buildToMonarch(pm);
    if (isGpuRung(emit))
      buildToKernel(pm);
    if (emit == Rung::NVVM)
      buildToNVVM(pm);
  });
  if (failed(lowered))
    return 1;

  SmallVector<Output> outputs;
  if (emit == Rung::LLVM || emit == Rung::Object) {
    std::optional<SmallVector<Output>> host = emitHost(*program, emit, output);
    if (!host)
      return 1;
    outputs = std::move(*host);
  } else if (emit >= Rung::Ptx && emit <= Rung::Fatbin) {
    std::optional<SmallVector<Output>> gpu = emitGpu(*program, {emit, options.chip, output, manifest, report});
    if (!gpu)
      return 1;
    outputs = std::move(*gpu);
  } else {
    std::string text;
    llvm::raw_string_ostream os(text);
    program->module().print(os); // with aliases, which << would spell out
    os << "\n";
    outputs.push_back({output, std::move(text)});
  }
  for (const Output &file : outputs)
    if (!write(file))
      return 1;
  return 0;
}
