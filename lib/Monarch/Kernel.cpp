//===- Kernel.cpp - Choice and cost of a one-pass kernel ------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Counts of mma, wavefronts and sectors are exact but for sectors that unaligned rows share and the second read of a tail that wraps; the
// emulator's counters are held against them. Instructions are an estimate by classes.
//
//===----------------------------------------------------------------------===//

#include "fftconv/Monarch/Kernel.h"

#include <algorithm>
#include <cmath>

using namespace fftconv::monarch;

static int64_t ceilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

int fftconv::monarch::copyWidth(int64_t size, int64_t elementBytes) {
  int64_t bytes = size * elementBytes;
  return static_cast<int>(std::min<int64_t>(16, bytes & -bytes));
}

int fftconv::monarch::copyWidth(const KernelProblem &problem, int64_t rows) {
  int64_t bytes = problem.elementBytes();
  if (!problem.channelsLast)
    return copyWidth(problem.length, bytes);
  return std::min(copyWidth(problem.heads, bytes), copyWidth(rows, bytes));
}

/// Planes that an input has: one of real values, or two rows as real and imaginary parts.
static int64_t inputPlanes(const Digits &digits) { return digits.rightAngle ? 1 : 2; }

// Two digits of 16 and a small one between.
bool fftconv::monarch::warpOwns(const Digits &digits) { return digits.count() <= 3 && digits.points() <= 2048; }

int64_t fftconv::monarch::spectrumValues(int64_t points, bool split) { return 2 * points + (split ? 8 : 0); }

int64_t fftconv::monarch::scaleBytes(const Digits &digits, const KernelChoice &choice) {
  return 4 * inputPlanes(digits) * choice.rows * (warpOwns(digits) ? 1 : 1 + choice.warps);
}

int64_t fftconv::monarch::sharedBytes(const Digits &digits, const KernelChoice &choice, const KernelProblem &problem,
                                      bool gateAhead) {
  bool owns = warpOwns(digits);
  int64_t in = inputPlanes(digits);
  // Of one row: a plane, and an input with all its planes.
  int64_t plane = problem.elementBytes() * digits.points(), input = in * plane;
  int64_t ahead = choice.stages == 2 ? input * (1 + gateAhead) : 0;
  // What waits its turn, and what it is normalised to; what is exchanged, or the results, take their place. Where warps own rows, those are not
  // where they were before they were normalised.
  int64_t waiting = (choice.stages == 1 ? input : 0) + (problem.gateTile() && !gateAhead ? input : 0);
  int64_t normal = problem.split ? input : 0, later = owns ? (in + problem.wraps) * plane : 2 * plane;
  int64_t own = owns && problem.split ? waiting + std::max(normal, later) : std::max(waiting + normal, later);
  int64_t scales = problem.split ? scaleBytes(digits, choice) : 0;
  return choice.rows * (ahead + own) + scales;
}

bool fftconv::monarch::holdsGateAhead(const Digits &digits, const KernelChoice &choice, const KernelProblem &problem,
                                      const Chip &chip) {
  return choice.stages == 2 && sharedBytes(digits, choice, problem, /*gateAhead=*/true) <= chip.sharedBytes;
}

std::optional<KernelChoice> fftconv::monarch::chooseKernel(const Digits &digits, const KernelProblem &problem,
                                                           const Chip &chip) {
  if (!chip.isGpu() || digits.count() > 4)
    return std::nullopt;
  int64_t points = digits.points(), batch = ceilDiv(problem.batch, inputPlanes(digits));
  // What travels together.
  int64_t together = problem.channelsLast ? problem.heads : batch;
  auto fits = [&](const KernelChoice &choice, bool gateAhead) {
    return sharedBytes(digits, choice, problem, gateAhead) <= chip.sharedBytes;
  };
  // Rows of other heads come by way of registers, not ahead.
  int stages = problem.channelsLast ? 1 : 2;
  // A warp holds the whole sequence: CTAs are as wide as what travels together and as memory lets them.
  if (warpOwns(digits)) {
    KernelChoice choice{8, points <= 1024 ? 32 : 64, 8, stages};
    auto shrinks = [&] { return !fits(choice, problem.gateTile()) || (together > 0 && choice.warps / 2 >= together); };
    while (choice.warps > 1 && shrinks())
      choice.rows = choice.warps /= 2;
    return choice;
  }
  // Twice as many values take a lane as many registers again.
  KernelChoice choice{problem.split ? 8 : 16, 32, 1, stages};
  if (!fits(choice, false)) {
    choice.stages = 1;
    return fits(choice, false) ? std::optional(choice) : std::nullopt;
  }
  // Past eight rows nothing is saved.
  int64_t most = 1;
  for (KernelChoice more = choice; more.rows <= 8 && fits(more, problem.gateTile()); ++more.rows)
    most = more.rows;
  if (problem.channelsLast) {
    while (2 * choice.rows <= most && choice.rows < problem.heads)
      choice.rows *= 2;
    return choice;
  }
  if (batch == 0) {
    choice.rows = most;
    return choice;
  }
  // A CTA's time goes with its rows, plus what it reads once for them; a chip's with the rounds of CTAs.
  double best = INFINITY;
  for (int64_t rows = 1; rows <= std::min(most, batch); ++rows) {
    double time = static_cast<double>(ceilDiv(ceilDiv(batch, rows) * problem.heads, chip.sms)) *
                  (static_cast<double>(rows) + 0.3);
    if (time < best) {
      best = time;
      choice.rows = rows;
    }
  }
  return choice;
}

int64_t fftconv::monarch::gridLimit(int64_t heads, int64_t ctasPerSm, const Chip &chip) {
  int64_t slots = chip.sms * std::max<int64_t>(ctasPerSm, 1), best = 1;
  auto efficiency = [&](int64_t k) {
    return static_cast<double>(heads * k) / static_cast<double>(slots * ceilDiv(heads * k, slots));
  };
  for (int64_t k = 2; k <= std::max<int64_t>(8 * slots / heads, 1) && k <= 65535; ++k)
    if (efficiency(k) > efficiency(best) * 1.01)
      best = k;
  return best;
}

int64_t fftconv::monarch::residentCtas(int64_t points, bool split) { return points <= 256 && !split ? 2 : 1; }

double KernelCost::time() const { return std::max({memoryTime, sharedTime, tensorTime, issueTime}); }

std::string_view KernelCost::limit() const {
  double most = time();
  return most == memoryTime   ? "memory"
         : most == sharedTime ? "shared memory"
         : most == tensorTime ? "tensor cores"
                              : "issue";
}

/// How often a spectrum is read for all rows of all heads: for each group where a CTA does, for each row where a warp has no room to keep it or a CTA has
/// many heads, else once by each warp.
static int64_t spectrumReads(const Schedule &schedule, const KernelChoice &choice, const KernelProblem &problem,
                             int64_t rows, const Chip &chip) {
  int64_t heads = problem.heads, groups = ceilDiv(rows, choice.rows);
  if (schedule.split > 0)
    return heads * (problem.channelsLast ? rows : groups);
  if (schedule.points() > (problem.split ? 256 : 512))
    return heads * rows;
  int64_t resident = residentCtas(schedule.points(), problem.split);
  if (problem.channelsLast)
    return heads * std::min(rows, gridLimit(ceilDiv(heads, choice.rows), resident, chip));
  return heads * std::min(groups, gridLimit(heads, resident, chip)) * choice.warps;
}

/// The times that counts for one output take a chip, of which `ctas` fill a part.
static void setTimes(KernelCost &cost, const KernelProblem &problem, double ctas, const Chip &chip) {
  double sms = static_cast<double>(chip.sms), cycles = chip.clock * sms * std::min(1.0, ctas / sms);
  double outputs = static_cast<double>(problem.length) * static_cast<double>(problem.batch * problem.heads);
  cost.memoryTime = outputs * cost.bytes / chip.memoryBandwidth;
  cost.sharedTime = outputs * cost.wavefronts / cycles;
  cost.tensorTime = outputs * cost.mma * 2048 / (chip.tensorRate * cycles);
  cost.issueTime = outputs * cost.instructions / (chip.issueRate * cycles);
}

KernelCost fftconv::monarch::kernelCost(const Schedule &schedule, const KernelChoice &choice,
                                        const KernelProblem &problem, const Chip &chip) {
  KernelCost cost;
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
  int64_t mma = 0, wavefronts = 0;
  std::vector<StepCost> steps = stepCosts(schedule);
  // 128 bytes a wavefront, or what 32 lanes move of an element each.
  auto moved = [&](int64_t elements, int64_t size) {
    int64_t unit = problem.channelsLast ? 2 : width / bytes;
    return ceilDiv(elements, std::min<int64_t>(128 / size, 32 * unit));
  };
  for (size_t n = 0; n < steps.size(); ++n) {
    StepKind kind = schedule.steps[n].kind;
    bool isFirst = n <= 1, isLast = n + 2 >= steps.size();
    // What wraps needs the imaginary part of the last transform, and both planes on the way out; a gate comes in beside its rows.
    int64_t planes = isLast && wraps ? 2 : 1;
    mma += (split ? 3 : 1) * steps[n].mma / sequences * (n + 3 == steps.size() && wraps ? 2 : 1);
    if (kind == StepKind::CopyIn) {
      wavefronts += pair * (1 + problem.gateTile()) * moved(points, bytes);
      // Read for their greatest, then once more (and written where they are multiplied with a gate), and written as hi and lo. Where warps share rows each writes its greatest and reads that of all, one writes the
      // scale and all read it.
      if (split)
        wavefronts += pair * ((2 + (preGate && !problem.channelsLast)) * moved(points, 4) + 2 * moved(points, 2) +
                              (schedule.split ? 3 * choice.warps + 1 : 2));
    } else if (kind == StepKind::CopyOut) {
      wavefronts += pair * planes * halves * moved(length, 2);
    } else {
      wavefronts += halves * planes * (isFirst && problem.gateTile() ? 2 : 1) * steps[n].wavefronts / sequences;
    }
  }
  cost.mma = perOutput(mma);
  cost.wavefronts = perOutput(wavefronts);

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
  cost.sectors =
      (touched +
       (static_cast<double>(spectrumReads(schedule, choice, problem, complexRows, chip)) * spectrum + scales) /
           outputs) /
      32;
  cost.bytes = tensors + static_cast<double>(heads) * spectrum / outputs;

  // Per 256 points: mma, packing of sums, products, butterflies, matrices moved, copies, and addresses and loops.
  double perTile = 0;
  for (const Step &step : schedule.steps)
    switch (step.kind) {
    case StepKind::Left:
    case StepKind::Right:
      perTile += split ? 72 : 16; // mma, and conversions or what splits sums; the ends half of that
      break;
    case StepKind::Butterfly:
      perTile += (step.inverse ? 16 : 24) * std::log2(static_cast<double>(schedule.radices[step.digit]));
      break;
    case StepKind::Twiddle:
    case StepKind::Product:
      perTile += split ? 48 : 16;
      break;
    case StepKind::Read:
    case StepKind::Write:
      perTile += split ? 6 : 2;
      break;
    case StepKind::CopyIn:
    case StepKind::CopyOut:
      perTile += 16.0 * static_cast<double>(bytes) / static_cast<double>(width) + (split ? 40 : 0) +
                 (problem.channelsLast ? 24 : 0);
      break;
    }
  perTile += (schedule.split ? 42 : 20) + 16 / rows - 12 + 14 * (preGate + problem.postGate) + 16 * wraps;
  cost.instructions = perTile / 256 * scale / static_cast<double>(pair);
  // CTAs that do not fill the chip leave multiprocessors idle.
  setTimes(cost, problem, static_cast<double>(heads * ceilDiv(complexRows, choice.rows)), chip);
  return cost;
}

//===----------------------------------------------------------------------===//
// Short filters
//===----------------------------------------------------------------------===//

static constexpr int64_t block = 16;

int fftconv::monarch::directWidth(int64_t length) { return std::min(8, copyWidth(length)); }

std::pair<int64_t, int64_t> fftconv::monarch::blockLags(int64_t taps, int64_t center) {
  // Outputs i and inputs j of a block are up to 15 apart, so block lag d reaches lags 16 d - 15 to 16 d + 15.
  auto floorDiv = [](int64_t a) { return a >= 0 ? a / block : -ceilDiv(-a, block); };
  return {-floorDiv(center + block - 1), floorDiv(taps - 1 - center + block - 1)};
}

/// Blocks that all tasks of a head compute, those past the end and those of rows that are not there among them.
static int64_t blocksOfHead(int64_t segment, const KernelProblem &problem) {
  int64_t segments = ceilDiv(ceilDiv(problem.length, block), segment);
  return ceilDiv(problem.batch * segments, 16) * 16 * segment;
}

std::optional<DirectChoice> fftconv::monarch::chooseDirect(int64_t taps, int64_t center, const KernelProblem &problem,
                                                           const Chip &chip) {
  auto [first, last] = blockLags(taps, center);
  int64_t lags = last - first + 1, atOnce = blocksAtOnce, blocks = ceilDiv(problem.length, block);
  // Four registers for each matrix, four for each block of the window and of those that come next.
  if (!chip.isGpu() || problem.split || problem.channelsLast || problem.wraps || problem.length > longestDirect ||
      4 * (2 * lags + atOnce) > 128)
    return std::nullopt;
  // What a segment reads before its first block is read twice, and what it computes past the end of its row is for nothing. Segments of equal cost are
  // short, so that there are many.
  KernelProblem many = problem;
  if (many.batch == 0)
    many.batch = assumedBatch;
  DirectChoice best{4, 0};
  double least = INFINITY;
  for (int64_t segment = atOnce; segment <= std::max<int64_t>(16 * atOnce, 8 * lags); segment += atOnce) {
    double read = 1 + 0.25 * static_cast<double>(lags - 1) / static_cast<double>(segment);
    double cost = static_cast<double>(blocksOfHead(segment, many)) * read;
    if (cost < least * 0.99) {
      least = cost;
      best.blocks = segment;
    }
    if (segment >= blocks)
      break;
  }
  return best;
}

KernelCost fftconv::monarch::directCost(int64_t taps, int64_t center, const DirectChoice &choice,
                                        const KernelProblem &problem, const Chip &chip) {
  auto [first, last] = blockLags(taps, center);
  int64_t lags = last - first + 1, all = blocksOfHead(choice.blocks, problem);
  double outputs = static_cast<double>(problem.length) * static_cast<double>(problem.batch);
  // Sixteen blocks, one of each segment, at a time.
  double perBlocks = static_cast<double>(all / 16) / outputs;
  double tensors = static_cast<double>(problem.elementBytes()) * (2 + problem.preGate + problem.postGate);
  int64_t width = directWidth(problem.length);
  KernelCost cost;
  cost.mma = 2 * static_cast<double>(lags) * perBlocks;
  cost.bytes = tensors + 4 * static_cast<double>(taps) / outputs;
  double halo = static_cast<double>(lags - 1) / static_cast<double>(choice.blocks);
  cost.sectors = (tensors + halo * 2 * (1 + problem.preGate)) / 32;
  // Sixteen blocks: mma, loads and stores, bounds, and rounding of sums.
  double loads = 2.0 * 8 / width * 4;
  cost.instructions =
      perBlocks * (2 * static_cast<double>(lags) + loads * (2 + problem.preGate + problem.postGate) + 12);
  setTimes(cost, problem, static_cast<double>(problem.heads * ceilDiv(all / choice.blocks, 16 * choice.warps)), chip);
  return cost;
}
