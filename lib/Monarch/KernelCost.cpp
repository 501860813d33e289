//===- KernelCost.cpp - Cost of a one-pass kernel -------------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Counts of mma, wavefronts and sectors are exact but for sectors that unaligned rows share and the second read of a tail that wraps; the
// emulator's counters are held against them. Instructions are an estimate by classes.
//
//===----------------------------------------------------------------------===//

#include "KernelParts.h"

#include <algorithm>
#include <cmath>

using namespace fftconv::monarch;

const KernelCost::Limit &KernelCost::binding() const { return *std::ranges::max_element(limits, {}, &Limit::time); }

double KernelCost::time() const {
  double memory = std::max({time(Memory), time(Latency), time(L2)});
  return std::cbrt(std::pow(memory, 3) + std::pow(time(OnChip), 3));
}

/// Rows that are computed for so many that are there, `together` side by side: those without a partner have one of zeros, or twice the same.
static int64_t rowsComputed(const Digits &digits, const KernelChoice &choice, int64_t together, int64_t there) {
  int64_t last = there % choice.rows;
  int64_t steps = warpOwns(digits) ? std::min<int64_t>(last, choice.warps) : ceilDiv(last, together);
  return there - last + steps * together;
}

/// How often a spectrum is read for all rows of all heads: for each group where a CTA does, for each row where registers have no room to keep it or a CTA has
/// many heads, else once by each warp.
static int64_t spectrumReads(const Schedule &schedule, const KernelChoice &choice, const KernelProblem &problem,
                             int64_t rows, const Chip &chip) {
  Digits digits = digitsOf(schedule);
  int64_t heads = problem.heads, groups = ceilDiv(rows, choice.rows);
  auto forEachRow = [&] {
    int64_t together = rowsTogether(digits, choice, problem);
    return heads * (rowsComputed(digits, choice, together, rows) / together);
  };
  if (schedule.split > 0) {
    if (problem.channelsLast)
      return rowsComputed(digits, choice, rowsTogether(digits, choice, problem), heads) * rows;
    const Step &product = *std::ranges::find(schedule.steps, StepKind::Product, &Step::kind);
    bool whereUsed = spectrumLevel(schedule, product.layout, /*inLine=*/false, problem) == Level::Use;
    return whereUsed ? forEachRow() : heads * groups;
  }
  if (schedule.points() > (problem.split ? 256 : 512))
    return forEachRow();
  int64_t resident = residentCtas(digits, choice, problem, chip);
  if (problem.channelsLast)
    return heads * std::min(rows, gridLimit(ceilDiv(heads, choice.rows), resident, chip));
  return heads * std::min(groups, gridLimit(heads, resident, chip)) * choice.warps;
}

/// Sequences that warps have side by side where they multiply by the spectrum.
static int64_t spectrumReaders(const Schedule &schedule) {
  int64_t readers = 1;
  for (const Step &step : schedule.steps)
    if (step.kind == StepKind::Product && schedule.warpgroups)
      for (const Place &p : step.layout.placesOf(0))
        readers *= p.kind == 'w' ? 2 : 1;
  return readers;
}

TableLoads fftconv::monarch::tableLoads(const Digits &digits, const Layout &layout, const std::vector<int> &depends,
                                        int64_t words, bool inLine, int64_t rows, int64_t rowsAtOnce,
                                        const KernelProblem &problem) {
  Level level = loadLevel(digits, layout, depends, words, inLine, problem);
  if (level == Level::Kernel)
    return {};
  // Of the 256 points of a tile.
  int64_t loaded = words * layout.variants(depends), served = layout.tiles();
  served *= level == Level::Use ? rowsAtOnce : rows * (level == Level::Phase ? layout.trips() : 1);
  return {static_cast<double>(loaded) / static_cast<double>(served), level == Level::Use ? 0 : loaded};
}

TableLoads fftconv::monarch::tableLoads(const Schedule &schedule, const Step &step, HomeKind kind, bool inLine,
                                        int64_t rows, int64_t rowsAtOnce, const KernelProblem &problem) {
  if ((kind == HomeKind::Matrix && (!isMma(step.kind) || schedule.warpgroups)) ||
      (kind == HomeKind::Product && step.kind != StepKind::Twiddle) ||
      (kind == HomeKind::Butterfly && (step.kind != StepKind::Butterfly || !twists(schedule, step.digit))))
    return {};
  std::vector<int> depends = dependences(schedule, kind, step.digit);
  int64_t words = (problem.split ? 2 : 1) * (kind != HomeKind::Matrix || schedule.takesBothPlanes(step.digit) ? 2 : 8);
  if (kind != HomeKind::Matrix)
    depends.push_back(step.digit);
  return tableLoads(digitsOf(schedule), step.layout, depends, words, inLine, rows, rowsAtOnce, problem);
}

void fftconv::monarch::setTimes(KernelCost &cost, const KernelProblem &problem, double ctas, double warps,
                                const Chip &chip) {
  double sms = static_cast<double>(chip.sms), full = std::min(1.0, ctas / sms);
  double outputs = static_cast<double>(problem.length) * static_cast<double>(problem.batch * problem.heads);
  double clock = outputs / (chip.clock * sms * full);
  double slots = cost.instructions + (cost.warpgroups ? 0 : (chip.mmaSlots - 1) * cost.mma);
  cost.limits[KernelCost::Memory].time = outputs * cost.bytes / (Chip::copied * chip.memoryBandwidth);
  cost.limits[KernelCost::L2].time = outputs * cost.l2Bytes / chip.l2Bandwidth;
  cost.limits[KernelCost::SharedMemory].time = (cost.wavefronts + cost.loads) * clock;
  cost.limits[KernelCost::TensorCores].time =
      (cost.warpgroups ? cost.warpgroupProducts / chip.warpgroupRate : cost.mma * 2048 / chip.tensorRate) * clock;
  cost.limits[KernelCost::Issue].time = slots / chip.slotsPerClock(warps) * clock;
  cost.limits[KernelCost::OnChip].time =
      std::max({cost.time(KernelCost::SharedMemory), cost.time(KernelCost::TensorCores), cost.time(KernelCost::Issue)});
}

KernelCost fftconv::monarch::kernelCost(const Schedule &schedule, const KernelChoice &choice,
                                        const KernelProblem &problem, const Chip &chip) {
  KernelCost cost{.warpgroups = schedule.warpgroups};
  int64_t batch = problem.batch, heads = problem.heads, length = problem.length;
  bool preGate = problem.preGate, wraps = problem.wraps, split = problem.split;
  // Where theta is one a row of the schedule is two of the batch.
  int64_t pair = schedule.rightAngle ? 1 : 2, complexRows = ceilDiv(batch, pair);
  int64_t sequences = schedule.radices[0], points = schedule.points(), bytes = problem.elementBytes();
  int64_t width = copyWidth(problem, choice.rows), halves = split ? 2 : 1;
  // Everything is for one output; a row of M points gives L of them.
  double scale = static_cast<double>(points) / static_cast<double>(length), rows = static_cast<double>(choice.rows);
  auto perOutput = [&](int64_t perRow) {
    return static_cast<double>(perRow * complexRows) / static_cast<double>(length * batch);
  };
  std::vector<StepCost> steps = stepCosts(schedule);
  // 128 bytes a wavefront, or what 32 lanes move of an element each.
  auto moved = [&](int64_t elements, int64_t size) {
    int64_t unit = problem.channelsLast ? 2 : width / bytes;
    return ceilDiv(elements, std::min<int64_t>(128 / size, 32 * unit));
  };
  // Each bulk copy takes whole wavefronts.
  Digits digits = digitsOf(schedule);
  int64_t bulk = bulkBytes(digits, problem), rowBytes = bytes * length, bulkCopies = ceilDiv(rowBytes, bulk);
  int64_t bulkWavefronts = rowBytes / bulk * ceilDiv(bulk, 128) + ceilDiv(rowBytes % bulk, 128);
  bool bulkOut = storesInBulk(schedule, choice, problem);
  // Rows of the last group that are not there: some are computed, and zeros are written for these or for all.
  int64_t grouped = problem.channelsLast ? heads : complexRows;
  auto computedOf = [&](int64_t together) {
    return static_cast<double>(rowsComputed(digits, choice, together, grouped)) / static_cast<double>(grouped);
  };
  double computed = computedOf(rowsTogether(digits, choice, problem));
  double brought = schedule.split == 0 ? computed : 1;
  if (problem.channelsLast || (schedule.split && !choice.bulk && copiesInLine(digits, choice, problem)))
    brought = static_cast<double>(ceilDiv(grouped, choice.rows) * choice.rows) / static_cast<double>(grouped);
  for (size_t n = 0; n < steps.size(); ++n) {
    StepKind kind = schedule.steps[n].kind;
    bool isFirst = n <= 1, isLast = n + 2 >= steps.size();
    if (kind == StepKind::Read && schedule.split > 0)
      computed = computedOf(sequences * rowsInPhase(schedule, n, choice, problem));
    // What wraps needs the imaginary part of the last transform, and both planes on the way out; a gate comes in beside its rows.
    int64_t planes = isLast && wraps ? 2 : 1;
    double wavefronts = 0;
    int64_t mma = (split ? 3 : 1) * steps[n].mma / sequences * (n + 3 == steps.size() && wraps ? 2 : 1);
    if (kind == StepKind::CopyIn) {
      int64_t copied = pair * (1 + gateTile(choice, problem)) * (choice.bulk ? bulkWavefronts : moved(points, bytes));
      wavefronts = perOutput(copied) * brought;
      // Read for their greatest, then once more (and written where they are multiplied with a gate), and written as hi and lo. Where warps share rows each writes its greatest and reads that of all, one writes the
      // scale and all read it.
      if (split)
        wavefronts += perOutput(pair * ((2 + (preGate && !problem.channelsLast)) * moved(points, 4) +
                                        2 * moved(points, 2) + (schedule.split ? 3 * choice.warps + 1 : 2)));
    } else if (kind == StepKind::CopyOut) {
      // Of batch rows that are there; a last one without partner leaves alone.
      int64_t copied = bulkOut ? bulkWavefronts : planes * halves * moved(length, 2);
      wavefronts = static_cast<double>(copied) / static_cast<double>(length);
    } else {
      int64_t moves =
          halves * planes * (isFirst && gateTile(choice, problem) ? 2 : 1) * steps[n].wavefronts / sequences;
      wavefronts = perOutput(moves) * computed;
    }
    cost.mma += perOutput(mma) * computed;
    // Of 16 columns they take as long as of 32.
    if (isMma(kind))
      cost.warpgroupProducts +=
          perOutput(mma) * computed * static_cast<double>(512 * schedule.radices[schedule.steps[n].digit]);
    cost.wavefronts += wavefronts;
  }
  int64_t resident = residentCtas(digits, choice, problem, chip);
  // CTAs of all heads; where warps share rows, each brings the matrices of its warpgroups to shared memory.
  int64_t ctasAlongBatch = problem.channelsLast ? complexRows : ceilDiv(complexRows, choice.rows);
  int64_t ctas = heads * std::min(ctasAlongBatch, gridLimit(problem.channelsLast ? ceilDiv(heads, choice.rows) : heads,
                                                            resident, chip));
  cost.wavefronts += static_cast<double>(ctas * matrixBytes(digits, choice, problem) / 128) /
                     (static_cast<double>(length) * static_cast<double>(batch * heads));

  // An element in and one out for each output, one for each gate, and spectra of two for each point: from memory once for each head.
  double tensors = static_cast<double>(bytes * (2 + preGate + problem.postGate));
  double outputs = static_cast<double>(length) * static_cast<double>(batch * heads);
  double spectrum = static_cast<double>(2 * bytes * points);
  // The scale of a spectrum takes a sector for each row.
  double scales = split ? 32 * static_cast<double>(complexRows * pair * heads) : 0;
  // Where channels are last an access is to one point in time, and those of neighbouring lanes are two apart.
  double touched = tensors;
  if (problem.channelsLast)
    touched *= static_cast<double>(std::min<int64_t>(32, 2 * heads * bytes)) / static_cast<double>(width);
  double reads = static_cast<double>(spectrumReads(schedule, choice, problem, complexRows, chip));
  // Warps of each sequence that a CTA has side by side take the same from L1.
  double readers = static_cast<double>(spectrumReaders(schedule));
  cost.sectors = (touched + (readers * reads * spectrum + scales) / outputs) / 32;
  // Where it stays in L1, once for each CTA.
  if (keepsSpectrum(digits, choice, problem, chip))
    reads = std::min(reads, static_cast<double>(ctas));
  double spectra = (reads * spectrum + scales) / outputs;
  cost.l2Bytes = touched + spectra;
  cost.bytes = tensors + static_cast<double>(heads) * spectrum / outputs;

  bool inLine = false;
  int64_t atOnce = rowsAtOnce(digits, choice, problem);
  // Wavefronts of a step's table: one for each word of a lane.
  auto loadsOf = [&](const Step &step, HomeKind kind) {
    TableLoads loads = tableLoads(schedule, step, kind, inLine, choice.rows, atOnce, problem);
    return loads.words / 256 * scale / static_cast<double>(pair);
  };
  // Per 256 points: mma, packing of sums, matrices that a warp's loop changes, products, butterflies, matrices moved, copies.
  double perTile = 0;
  for (size_t n = 0; n < steps.size(); ++n) {
    const Step &step = schedule.steps[n];
    double here = 0;
    switch (step.kind) {
    case StepKind::Left:
    case StepKind::Right:
      here = split ? 72 : problem.wideSums ? 16 : 8; // mma, and conversions or what splits sums
      if (schedule.warpgroups)
        here = 5 + (problem.wideSums ? 8 : 0); // two, what they wait for, their descriptors, and rounding
      if (schedule.takesBothPlanes(step.digit))
        here += (step.kind == StepKind::Right ? 8 : 0) + (split ? 14 : -4);
      cost.loads += loadsOf(step, HomeKind::Matrix);
      if (dependsOn(step.layout, dependences(schedule, HomeKind::Matrix, step.digit), 'i'))
        here += (schedule.takesBothPlanes(step.digit) ? 2 : 8) /
                (rows * static_cast<double>(step.layout.tiles())); // a matrix, for all rows of a group
      break;
    case StepKind::Butterfly:
      // Sums and differences, and products where it twists or has an odd number of values; in f32 where it follows sums that are.
      here = step.inverse ? 14 : 12;
      if (!twists(schedule, step.digit) && isPowerOfTwo(schedule.radices[step.digit]))
        here = 8;
      here *= (split || (problem.wideSums && !step.inverse) ? 2 : 1) *
              std::log2(static_cast<double>(schedule.radices[step.digit]));
      break;
    case StepKind::Product:
      cost.loads += readers * reads * spectrum / outputs / 128;
      // With as many spectra as there are blocks before this one, and its own.
      here = (split ? 24.0 : 8.0) * static_cast<double>(1 + schedule.blockCount());
      break;
    case StepKind::Twiddle:
      cost.loads += loadsOf(step, HomeKind::Product);
      here = (split ? 40 : 14) + (canShear(schedule, step.digit) ? 0 : split ? 8 : 4);
      break;
    case StepKind::Read:
      inLine = tripsOf(schedule, n, atOnce, problem) == Trips::SideBySide;
      [[fallthrough]];
    case StepKind::Write:
      here = split ? 6 : 2;
      break;
    case StepKind::CopyIn:
    case StepKind::CopyOut:
      here = 16.0 * static_cast<double>(bytes) / static_cast<double>(width) + (split ? 40 : 0) +
             (problem.channelsLast ? 24 : 0);
      // One thread starts bulk copies: an instruction, what makes its operands, and a loop.
      if (step.kind == StepKind::CopyIn ? choice.bulk : bulkOut)
        here += 9 * static_cast<double>(bulkCopies * 256) / static_cast<double>(points) -
                (bulkCopiesPay(digits, problem) ? 40 : 16.0 * static_cast<double>(bytes) / static_cast<double>(width));
      break;
    }
    perTile += here;
  }
  double tables = cost.loads;
  // Signals go by registers on their way out; where channels are last, on both.
  cost.loads += (problem.channelsLast ? touched : static_cast<double>(bytes * (1 + problem.postGate))) / 128;
  // Addresses, loops and barriers go with everything; they are shared by rows side by side. Real ends take half of the mma, and of what follows the last one.
  double everywhere = schedule.split ? 24 + 4 / rows : (split ? 20.0 : 28.0) / static_cast<double>(atOnce);
  double all = perTile + everywhere + (schedule.split ? 16 : 4.0 * choice.warps) / rows +
               8 * (preGate + problem.postGate) + 16 * wraps;
  all += schedule.rightAngle ? (problem.wideSums ? -12 : -8) : 24;
  // What is left of that where trips stand in the code and addresses are constants, as counted (benchmarks/README.md); a warp that has one tile of a row has them for that alone, and one that waits for rows signals.
  if (!split && !schedule.warpgroups) {
    all -= !schedule.rightAngle ? 4 : (digits.blocks ? 32 : 16) - (schedule.split ? 0 : 6);
    if (schedule.split)
      all += (points <= 256 * choice.warps * sequences ? 24 : 0) + (waitsForRows(digits, choice, problem) ? 16 : 0);
  }
  // Digits that are no powers of two leave values of tiles absent, and addresses take divisions.
  if (schedule.split)
    for (int64_t radix : digits.radices)
      all += isPowerOfTwo(radix) ? 0 : 14 * static_cast<double>(radix - 2);
  // What is spilled comes back. Gates take registers, too, but where rows are multiplied with them before the first phase, and so do sums of products of warpgroups while they are under way.
  int64_t excess = schedule.registers - roomyRegisters;
  excess += schedule.warpgroups ? (problem.wideSums ? 28 : 12) : problem.gated() && choice.stages > 1 ? 12 : 0;
  if (excess > 0)
    all += 24 + 2 * static_cast<double>(excess);
  // Operands need no order, and addresses fewer registers.
  if (schedule.warpgroups)
    all -= 12;
  if (schedule.split && choice.rows > sequences && atOnce == 1)
    all += 16;
  cost.instructions = all / 256 * scale / static_cast<double>(pair);

  // CTAs that do not fill the chip leave multiprocessors idle.
  double groups = static_cast<double>(heads * ceilDiv(complexRows, choice.rows)), sms = static_cast<double>(chip.sms);
  double full = std::min(1.0, groups / sms);
  setTimes(cost, problem, groups, static_cast<double>(resident * choice.warps), chip);
  // As measured: sectors of which a row's neighbours have most come no faster than half of what L2 moves of whole lines (benchmarks/README.md).
  if (problem.channelsLast)
    cost.limits[KernelCost::L2].time *= 2;
  if (choice.stages > 1)
    cost.limits[KernelCost::Latency].time =
        outputs * static_cast<double>(bytes * (1 + holdsGateAhead(digits, choice, problem, chip))) *
        chip.memoryLatency / (full * bytesAhead(digits, choice, problem, chip));
  // As measured (benchmarks/README.md): what does not overlap adds up.
  auto time = [&](int limit) { return cost.limits[limit].time; };
  double perClock = outputs / (chip.clock * sms * full);
  double &onChip = cost.limits[KernelCost::OnChip].time;
  if (schedule.split == 0) {
    // Warps that own rows wait for none but themselves, and little for tables.
    onChip = 0.96 * time(KernelCost::Issue) + 0.1 * tables * perClock;
    return cost;
  }
  // Warpgroups wait for tables, for products and for shared memory; others for tables, and those of f32, which have few pairs of f16, less for what they compute.
  double waiting = slotsPerLoad / chip.slotsPerClock(static_cast<double>(resident * choice.warps)) * tables;
  if (schedule.warpgroups)
    onChip = 0.7 * time(KernelCost::Issue) + (2.45 * tables + 0.88 * cost.wavefronts) * perClock;
  else
    onChip = (split ? 0.85 : 1) * time(KernelCost::Issue) + waiting * perClock;
  // A CTA that is alone on its multiprocessor waits at barriers for its last warp, and for what is not copied ahead; where there are two, one is computed meanwhile. Nothing was measured of two whose rows have
  // one stage; they are taken to wait as one does.
  bool alone = resident == 1, rowsLate = choice.stages == 1;
  int64_t late = rowsLate + (problem.gatesRows() && !holdsGateAhead(digits, choice, problem, chip));
  if (alone && !schedule.warpgroups)
    onChip += 6.8e-7 * groups / (sms * full);
  if (alone || rowsLate)
    onChip += static_cast<double>(bytes * late) / cost.bytes * time(KernelCost::Memory);
  return cost;
}
