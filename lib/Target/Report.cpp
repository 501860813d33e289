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

/// How often the loops inside the loop over groups run, in the order of the code, inner ones after those around them.
static json::Array loopTrips(GroupsOp groups, const monarch::Schedule &schedule) {
  json::Array trips;
  auto add = [&](int64_t n) {
    if (n > 1)
      trips.emplace_back(n);
  };
  monarch::KernelProblem problem = getKernelProblem(groups);
  int64_t all = static_cast<int64_t>(groups.getRows()),
          elements = monarch::copyWidth(problem, all) / problem.elementBytes();
  bool warpOwns = schedule.split == 0;
  int64_t rows = warpOwns ? 1 : all, phase = 0, threads = 32 * schedule.warps;
  auto addUnits = [&](int64_t values) {
    int64_t copies = llvm::divideCeil(values / elements, warpOwns ? 32 : threads);
    if (copies > monarch::unrolledCopies)
      add(copies);
  };
  // What one warp does for all counts as its share of that.
  monarch::KernelChoice choice = getKernelChoice(groups);
  auto addBulk = [&](bool zeros) {
    int64_t pieces = problem.elementBytes() * problem.length / monarch::bulkBytes(getDigits(groups.getPlan()), problem);
    double share = warpOwns ? 1 : 1.0 / schedule.warps;
    if (zeros && !schedule.rightAngle)
      trips.emplace_back(0); // of a row without partner
    if (rows > 1)
      trips.emplace_back(static_cast<double>(rows) * std::exchange(share, 1));
    for (int plane = 0; plane < (schedule.rightAngle ? 1 : 2) && pieces > 1; ++plane)
      trips.emplace_back(static_cast<double>(pieces) * share);
  };
  auto addCopy = [&](int64_t values) {
    if (problem.channelsLast)
      return add(llvm::divideCeil(llvm::divideCeil(values, 2) * (all / elements), threads));
    if (!monarch::copiesInLine(getDigits(groups.getPlan()), choice, problem))
      add(rows);
    addUnits(values);
  };
  auto addAhead = [&] {
    for (auto copy : groups.getBody().getOps<CopyInOp>())
      if (choice.bulk)
        addBulk(/*zeros=*/true);
      else if (copy.getAhead())
        addCopy(schedule.points());
  };
  for (auto copy : groups.getBody().getOps<CopyInOp>())
    if (!copy.getAhead())
      addCopy(schedule.points());
  if (problem.split) {
    for (int pass = 0; pass < 2; ++pass) {
      add(rows);
      addUnits(schedule.points());
    }
    addAhead();
  }
  monarch::Digits digits = getDigits(groups.getPlan());
  int64_t atOnce = monarch::rowsAtOnce(digits, choice, problem);
  for (size_t n = 0; n < schedule.steps.size(); ++n)
    if (const monarch::Step &step = schedule.steps[n]; step.kind == monarch::StepKind::Read) {
      monarch::Trips made = monarch::tripsOf(schedule, n, atOnce, problem);
      if (made == monarch::Trips::Loop)
        add(step.layout.trips());
      int64_t together = schedule.sequences() * monarch::rowsInPhase(schedule, n, choice, problem);
      int64_t passes = made == monarch::Trips::InTurn ? step.layout.trips() : 1;
      if (rows > together)
        trips.insert(trips.end(), passes, rows / together);
      // The next inputs are copied after the first phase.
      if (phase++ == 0 && !problem.split)
        addAhead();
    }
  if (monarch::storesInBulk(schedule, choice, problem))
    addBulk(/*zeros=*/false);
  else
    addCopy(problem.length);
  return trips;
}

/// What a kernel needs for one output, and the times that this would take.
static void describeCost(json::Object &object, const monarch::KernelCost &cost) {
  object["per_output"] = json::Object{{"mma", cost.mma},
                                      {"instructions", cost.instructions},
                                      {"wavefronts", cost.wavefronts},
                                      {"l1_wavefronts", cost.loads},
                                      {"sectors", cost.sectors},
                                      {"hbm_bytes", cost.bytes}};
  json::Object times;
  for (const monarch::KernelCost::Limit &limit : cost.limits)
    if (limit.time > 0)
      times[StringRef(limit.name)] = limit.time;
  object["limits_seconds"] = std::move(times);
  object["predicted_seconds"] = cost.time();
  object["binds"] = StringRef(cost.binding().name);
}

/// What is said of every kernel of a convolution; a batch that is not known is assumed.
static json::Object describeProblem(monarch::KernelProblem &problem, const monarch::Chip &chip) {
  bool assumed = problem.batch == 0;
  if (assumed)
    problem.batch = monarch::assumedBatch;
  return json::Object{{"kind", "convolution"},          {"length", problem.length},
                      {"heads", problem.heads},         {"batch", problem.batch},
                      {"batch_is_assumed", assumed},    {"pre_gate", problem.preGate},
                      {"post_gate", problem.postGate},  {"shared_limit", chip.sharedBytes},
                      {"board", StringRef(chip.board)}, {"mma_slots", chip.mmaSlots}};
}

static json::Object describeDirect(ToeplitzOp op) {
  DirectAttr direct = op.getDirect();
  const monarch::Chip &chip = *monarch::findChip(direct.getChip());
  monarch::KernelProblem problem = getKernelProblem(op);
  json::Object object = describeProblem(problem, chip);
  int64_t taps = op.getK().getType().getDimSize(1), center = static_cast<int64_t>(op.getCenter().value_or(0));
  object["method"] = "direct";
  object["taps"] = taps;
  object["warps"] = direct.getWarps();
  object["blocks"] = direct.getBlocks();
  describeCost(object, monarch::directCost(taps, center, {static_cast<int>(direct.getWarps()), direct.getBlocks()},
                                           problem, chip));
  return object;
}

static json::Object describeTurn(TurnRowsOp op) {
  const monarch::Chip &chip = *monarch::findChip(op.getChip().str());
  monarch::KernelProblem problem = getKernelProblem(op);
  json::Object object = describeProblem(problem, chip);
  monarch::TurnTile tile = op.getTile();
  object["kind"] = "turn";
  object["back"] = op.getBack();
  object["gate"] = bool(op.getGate());
  object["tile"] = json::Array{tile.heads, tile.times};
  describeCost(object, monarch::turnCost(problem, bool(op.getGate()), chip));
  return object;
}

/// What fills the registers of a lane, for the case that they do not suffice.
static std::string describeRegisters(const monarch::Schedule &schedule, const monarch::KernelChoice &choice,
                                     const monarch::KernelProblem &problem) {
  int64_t most = 0;
  for (const monarch::Step &step : schedule.steps)
    if (step.kind == monarch::StepKind::Read)
      most = std::max(most, 8 * step.layout.tiles());
  return formatv("a lane holds {0} complex values{1} of {2}{3}{4}", most, problem.split ? " of f32" : "",
                 schedule.split ? "a row that the CTA exchanges" : "a row that its warp holds",
                 monarch::gateTile(choice, problem) ? ", their gates" : "",
                 problem.wraps ? ", and both planes of the last transform" : "")
      .str();
}

static json::Object describeConv(GroupsOp groups) {
  PlanAttr plan = groups.getPlan();
  ScheduleAttr attr = plan.getSchedule();
  std::shared_ptr<const monarch::Schedule> schedule = getKernelSchedule(plan);
  const monarch::Chip &chip = *monarch::findChip(plan.getChip());
  monarch::KernelProblem problem = getKernelProblem(groups);
  json::Object object = describeProblem(problem, chip);
  int64_t exchanges = -1;
  for (const monarch::Step &step : schedule->steps)
    exchanges += step.kind == monarch::StepKind::Read;
  std::string products, sums;
  raw_string_ostream(products) << attr.getProducts();
  raw_string_ostream(sums) << attr.getSums();
  object["method"] = "fft";
  object["points"] = plan.getPoints();
  object["radices"] = json::Array(plan.getRadices());
  object["blocks"] = plan.getBlocks();
  object["warps"] = attr.getWarps();
  object["values"] = attr.getValues();
  object["rows"] = static_cast<int64_t>(groups.getRows());
  object["stages"] = attr.getStages();
  object["products"] = products;
  object["sums"] = sums;
  object["copies"] = stringifyCopies(attr.getCopies());
  object["mma"] = stringifyMma(attr.getMma());
  object["wraps"] = problem.wraps;
  object["channels_last"] = problem.channelsLast;
  object["theta"] = stringifyTheta(plan.getTheta());
  object["exchanges"] = exchanges;
  object["registers_hold"] = describeRegisters(*schedule, getKernelChoice(groups), problem);
  object["loops"] = loopTrips(groups, *schedule);
  // Rows that warps share and scale wait for each other once more, in their normalisation; warps that wait for rows, for each other once only.
  bool waitsForRows = monarch::waitsForRows(getDigits(plan), getKernelChoice(groups), problem);
  int64_t barriers = llvm::count_if(groups.getBody().getOps<BarrierOp>(), [](BarrierOp op) { return !op.getWarp(); });
  object["barriers_per_group"] = waitsForRows ? 1 : barriers + (problem.split && schedule->split > 0);
  describeCost(object, monarch::kernelCost(*schedule, getKernelChoice(groups), problem, chip));
  return object;
}

json::Value fftconv::makeReport(mlir::func::FuncOp entry, ArrayRef<KernelUsage> usage) {
  json::Array kernels;
  entry.walk([&](LaunchOp launch) {
    auto kernel = mlir::SymbolTable::lookupNearestSymbolFrom<mlir::gpu::GPUFuncOp>(launch, launch.getKernel());
    json::Object object{{"kind", "spectrum"}};
    for (auto groups : kernel.getBody().getOps<GroupsOp>())
      object = describeConv(groups);
    for (auto toeplitz : kernel.getBody().getOps<ToeplitzOp>())
      object = describeDirect(toeplitz);
    for (auto turn : kernel.getBody().getOps<TurnRowsOp>())
      object = describeTurn(turn);
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
    bool turn = k.getString("kind") == "turn", conv = k.getString("kind") == "convolution";
    auto flag = [&](StringRef key) { return k.getBoolean(key).value_or(false); };
    os << *k.getString("kernel") << ": ";
    bool direct = k.getString("method") == "direct";
    if (direct) {
      os << formatv("convolution of length {0} with {1} taps, directly\n", integer(k, "length"), integer(k, "taps"));
      os << formatv("  schedule      {0} warps, segments of {1} blocks of 16\n", integer(k, "warps"),
                    integer(k, "blocks"));
    } else if (conv) {
      SmallVector<std::string> radices;
      for (const json::Value &radix : llvm::drop_begin(*k.getArray("radices"), integer(k, "blocks") > 1))
        radices.push_back(std::to_string(*radix.getAsInteger()));
      std::string blocks = integer(k, "blocks") > 1 ? formatv("{0} blocks of ", integer(k, "blocks")).str() : "";
      os << formatv("{3}convolution of length {0}, {1} points as {4}{2}\n", integer(k, "length"), integer(k, "points"),
                    join(radices, " x "), flag("wraps") || k.getString("theta") == "one" ? "circular " : "", blocks);
      os << formatv(
          "  schedule      {0} warp{9}, {1} {7}{2} at a time, {3} stage{4} of input{8}, products {5}, sums {6}\n",
          integer(k, "warps"), integer(k, "rows"), integer(k, "rows") == 1 ? "" : "s", integer(k, "stages"),
          integer(k, "stages") == 1 ? "" : "s", *k.getString("products"), *k.getString("sums"),
          flag("channels_last") ? "head" : "row", k.getString("copies") == "bulk" ? " by bulk copies" : "",
          integer(k, "warps") == 1 ? "" : "s");
      os << formatv("                {0} exchanges, {1} barrier{2} for a group of rows\n", integer(k, "exchanges"),
                    integer(k, "barriers_per_group"), integer(k, "barriers_per_group") == 1 ? "" : "s");
    } else if (turn) {
      os << formatv("{0} heads of {1} points turned from {2}{3}\n", integer(k, "heads"), integer(k, "length"),
                    flag("back") ? "time last to channels last" : "channels last to time last",
                    flag("gate") ? ", multiplied with a gate" : "");
      const json::Array &tile = *k.getArray("tile");
      os << formatv("  schedule      tiles of {0} heads and {1} times\n", *tile[0].getAsInteger(),
                    *tile[1].getAsInteger());
    } else {
      os << "spectrum of the filters, in f32\n";
    }
    os << formatv("  resources     {0} threads, {1} bytes of shared memory", integer(k, "threads"),
                  integer(k, "shared_bytes"));
    if (conv || turn)
      os << formatv(" of {0}", integer(k, "shared_limit"));
    if (const json::Object *ptxas = k.getObject("ptxas"))
      os << formatv("; {0} registers, {1} bytes spilled, stack of {2} (ptxas)\n", integer(*ptxas, "registers"),
                    integer(*ptxas, "spill_bytes"), integer(*ptxas, "stack_bytes"));
    else
      os << "; registers not known without ptxas\n";
    if (const json::Object *ptxas = k.getObject("ptxas");
        ptxas && integer(*ptxas, "spill_bytes") > 0 && conv && !direct)
      os << formatv("  spills        {0}, and tables beside them\n", *k.getString("registers_hold"));
    if (!conv && !turn)
      continue;
    const json::Object &per = *k.getObject("per_output"), &times = *k.getObject("limits_seconds");
    os << formatv(
        "  per output    {0:f4} mma, {1:f2} instructions, {2:f4} wavefronts, {3:f4} sectors, {4:f2} bytes of HBM\n",
        number(per, "mma"), number(per, "instructions"), number(per, "wavefronts"), number(per, "sectors"),
        number(per, "hbm_bytes"));
    os << formatv("  predicted     {0}, batch {1}{2}, {3} heads, in ms: {4:f4};", *k.getString("board"),
                  integer(k, "batch"), k.getBoolean("batch_is_assumed").value_or(false) ? " (assumed)" : "",
                  integer(k, "heads"), number(k, "predicted_seconds") * 1e3);
    ListSeparator comma(",");
    for (const monarch::KernelCost::Limit &limit : monarch::KernelCost().limits)
      if (std::optional<double> time = times.getNumber(StringRef(limit.name)))
        os << comma << formatv(" {0} {1:f4}", limit.name, *time * 1e3);
    os << formatv("; {0} binds\n", *k.getString("binds"));
  }
  return text;
}
