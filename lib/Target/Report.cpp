//===- Report.cpp - What a compiled program will cost ---------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "fftconv/Target/Report.h"

#include "fftconv/IR/FFTConv.h"
#include "fftconv/Monarch/Kernel.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

using namespace llvm;
using namespace fftconv;

/// Batch rows that a dynamic batch is taken to have.
static constexpr int64_t assumedBatch = 64;

/// How often the loops inside the loop over groups run, in the order of the code, inner ones after those around them.
static json::Array loopTrips(GroupsOp groups, const monarch::Schedule &schedule) {
  json::Array trips;
  auto add = [&](int64_t n) {
    if (n > 1)
      trips.push_back(n);
  };
  int64_t length = groups.getU().getType().getDimSize(2), elements = monarch::copyWidth(length) / 2;
  bool warpOwns = schedule.split == 0;
  int64_t rows = warpOwns ? 1 : static_cast<int64_t>(groups.getRows()), phase = 0;
  auto addCopy = [&](int64_t values) {
    add(rows);
    int64_t copies = llvm::divideCeil(values / elements, warpOwns ? 32 : 32 * schedule.warps);
    if (copies > monarch::unrolledCopies)
      add(copies);
  };
  for (auto copy : groups.getBody().getOps<CopyInOp>())
    if (!copy.getAhead())
      addCopy(schedule.points());
  for (const monarch::Step &step : schedule.steps)
    if (step.kind == monarch::StepKind::Read) {
      add(step.layout.trips());
      add(rows);
      // The next inputs are copied after the first phase.
      for (auto copy : groups.getBody().getOps<CopyInOp>())
        if (copy.getAhead() && phase == 0)
          addCopy(schedule.points());
      ++phase;
    }
  addCopy(length);
  return trips;
}

static json::Object describeConv(GroupsOp groups) {
  auto copy = cast<CopyInOp>(groups.getBody().front().front());
  PlanAttr plan = copy.getPlan();
  ScheduleAttr attr = plan.getSchedule();
  std::shared_ptr<const monarch::Schedule> schedule = getKernelSchedule(plan);
  const monarch::Chip &chip = *monarch::findChip(plan.getChip());
  mlir::MemRefType u = groups.getU().getType();
  int64_t batch = u.isDynamicDim(0) ? assumedBatch : u.getDimSize(0);
  monarch::KernelChoice choice{static_cast<int>(attr.getWarps()), static_cast<int>(attr.getValues()),
                               static_cast<int64_t>(groups.getRows()), static_cast<int>(attr.getStages())};
  auto inputs = groups.getBody().getOps<CopyInOp>();
  CopyOutOp copyOut = *groups.getBody().getOps<CopyOutOp>().begin();
  monarch::KernelProblem problem{.batch = batch,
                                 .heads = u.getDimSize(1),
                                 .length = u.getDimSize(2),
                                 .preGate = std::distance(inputs.begin(), inputs.end()) > 1,
                                 .postGate = copyOut.getGate() != nullptr,
                                 .wraps = copyOut.getX().getType().isComplex() && schedule->rightAngle};
  monarch::KernelCost cost = monarch::kernelCost(*schedule, choice, problem, chip);
  int64_t exchanges = -1;
  for (const monarch::Step &step : schedule->steps)
    exchanges += step.kind == monarch::StepKind::Read;
  std::string products, sums;
  raw_string_ostream(products) << attr.getProducts();
  raw_string_ostream(sums) << attr.getSums();
  return json::Object{{"kind", "convolution"},
                      {"length", u.getDimSize(2)},
                      {"heads", u.getDimSize(1)},
                      {"batch", batch},
                      {"batch_is_assumed", u.isDynamicDim(0)},
                      {"points", plan.getPoints()},
                      {"radices", json::Array(plan.getRadices())},
                      {"warps", attr.getWarps()},
                      {"rows", static_cast<int64_t>(groups.getRows())},
                      {"stages", attr.getStages()},
                      {"products", products},
                      {"sums", sums},
                      {"pre_gate", problem.preGate},
                      {"post_gate", problem.postGate},
                      {"wraps", problem.wraps},
                      {"theta", stringifyTheta(plan.getTheta())},
                      {"exchanges", exchanges},
                      {"loops", loopTrips(groups, *schedule)},
                      {"barriers_per_group", monarch::totalCost(*schedule).barriers},
                      {"shared_limit", chip.sharedBytes},
                      {"board", StringRef(chip.board)},
                      {"per_output", json::Object{{"mma", cost.mma},
                                                  {"instructions", cost.instructions},
                                                  {"wavefronts", cost.wavefronts},
                                                  {"sectors", cost.sectors},
                                                  {"hbm_bytes", cost.bytes}}},
                      {"predicted_seconds", json::Object{{"memory", cost.memoryTime},
                                                         {"shared memory", cost.sharedTime},
                                                         {"tensor cores", cost.tensorTime},
                                                         {"issue", cost.issueTime}}},
                      {"binds", StringRef(cost.limit())}};
}

json::Value fftconv::makeReport(mlir::func::FuncOp entry, ArrayRef<KernelUsage> usage) {
  json::Array kernels;
  entry.walk([&](LaunchOp launch) {
    auto kernel = mlir::SymbolTable::lookupNearestSymbolFrom<mlir::gpu::GPUFuncOp>(launch, launch.getKernel());
    json::Object object{{"kind", "spectrum"}};
    for (auto groups : kernel.getBody().getOps<GroupsOp>())
      object = describeConv(groups);
    object["kernel"] = kernel.getName();
    object["shared_bytes"] = kernel->getAttrOfType<mlir::IntegerAttr>("fftconv.shared_bytes").getInt();
    object["threads"] = (*kernel.getKnownBlockSize())[0];
    for (const KernelUsage &u : usage)
      if (u.kernel == kernel.getName())
        object["ptxas"] =
            json::Object{{"registers", u.registers}, {"spill_bytes", u.spillBytes}, {"stack_bytes", u.stackBytes}};
    kernels.push_back(std::move(object));
  });
  return json::Object{{"entry", entry.getName()}, {"kernels", std::move(kernels)}};
}

std::string fftconv::printReport(const json::Value &report) {
  std::string text;
  raw_string_ostream os(text);
  auto number = [](const json::Object &o, StringRef key) { return o.getNumber(key).value_or(0); };
  auto integer = [](const json::Object &o, StringRef key) { return o.getInteger(key).value_or(0); };
  for (const json::Value &value : *report.getAsObject()->getArray("kernels")) {
    const json::Object &k = *value.getAsObject();
    bool conv = k.getString("kind") == "convolution";
    auto flag = [&](StringRef key) { return k.getBoolean(key).value_or(false); };
    os << *k.getString("kernel") << ": ";
    if (conv) {
      SmallVector<std::string> radices;
      for (const json::Value &radix : *k.getArray("radices"))
        radices.push_back(std::to_string(*radix.getAsInteger()));
      os << formatv("{3}convolution of length {0}, {1} points as {2}\n", integer(k, "length"), integer(k, "points"),
                    join(radices, " x "), flag("wraps") || k.getString("theta") == "one" ? "circular " : "");
      os << formatv("  schedule      {0} warps, {1} row{2} at a time, {3} stage{4} of input, products {5}, sums {6}\n",
                    integer(k, "warps"), integer(k, "rows"), integer(k, "rows") == 1 ? "" : "s", integer(k, "stages"),
                    integer(k, "stages") == 1 ? "" : "s", *k.getString("products"), *k.getString("sums"));
      os << formatv("                {0} exchanges, {1} barriers for a group of rows\n", integer(k, "exchanges"),
                    integer(k, "barriers_per_group"));
    } else {
      os << "spectrum of the filters, in f32\n";
    }
    os << formatv("  resources     {0} threads, {1} bytes of shared memory", integer(k, "threads"),
                  integer(k, "shared_bytes"));
    if (conv)
      os << formatv(" of {0}", integer(k, "shared_limit"));
    if (const json::Object *ptxas = k.getObject("ptxas"))
      os << formatv("; {0} registers, {1} bytes spilled, stack of {2} (ptxas)\n", integer(*ptxas, "registers"),
                    integer(*ptxas, "spill_bytes"), integer(*ptxas, "stack_bytes"));
    else
      os << "; registers not known without ptxas\n";
    if (!conv)
      continue;
    const json::Object &per = *k.getObject("per_output"), &times = *k.getObject("predicted_seconds");
    os << formatv(
        "  per output    {0:f4} mma, {1:f2} instructions, {2:f4} wavefronts, {3:f4} sectors, {4:f2} bytes of HBM\n",
        number(per, "mma"), number(per, "instructions"), number(per, "wavefronts"), number(per, "sectors"),
        number(per, "hbm_bytes"));
    os << formatv("  predicted     {0}, batch {1}{2}, {3} heads, in ms:", *k.getString("board"), integer(k, "batch"),
                  k.getBoolean("batch_is_assumed").value_or(false) ? " (assumed)" : "", integer(k, "heads"));
    for (StringRef limit : {"memory", "shared memory", "tensor cores", "issue"})
      os << formatv(" {0} {1:f4}{2}", limit, number(times, limit) * 1e3, limit == "issue" ? "" : ",");
    os << formatv("; {0} binds\n", *k.getString("binds"));
  }
  return text;
}
