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

int fftconv::monarch::copyWidth(int64_t length) {
  return static_cast<int>(std::min<int64_t>(16, (2 * length) & -(2 * length)));
}

/// Planes that an input has: one of real values, or two rows as real and imaginary parts.
static int64_t inputPlanes(const Digits &digits) { return digits.rightAngle ? 1 : 2; }

bool fftconv::monarch::holdsGateAhead(const Digits &digits, int64_t rows, const Chip &chip) {
  return (2 + 2 * inputPlanes(digits)) * 2 * digits.points() * rows <= chip.sharedBytes;
}

std::optional<KernelChoice> fftconv::monarch::chooseKernel(const Digits &digits, const KernelProblem &problem,
                                                           const Chip &chip) {
  if (!chip.isGpu())
    return std::nullopt;
  int64_t points = digits.points(), plane = 2 * points, in = inputPlanes(digits), batch = ceilDiv(problem.batch, in);
  // Two digits of 16 and a small one between: a warp holds the whole sequence, and CTAs are as wide as the batch and as memory lets them.
  if (digits.count() <= 3 && points <= 2048) {
    int64_t planes = in * (2 + problem.preGate) + problem.wraps;
    int warps = 8;
    while (warps > 1 && (planes * plane * warps > chip.sharedBytes || (batch > 0 && warps / 2 >= batch)))
      warps /= 2;
    return KernelChoice{warps, points <= 1024 ? 32 : 64, warps, 2};
  }
  KernelChoice choice{16, 32, 1, 2};
  // The least: the exchange, where inputs may lie as well.
  if (digits.count() > 4 || std::max<int64_t>(2, in * (1 + problem.preGate)) * plane > chip.sharedBytes)
    return std::nullopt;
  if ((2 + in) * plane > chip.sharedBytes) {
    choice.stages = 1;
    return choice;
  }
  // Past eight rows nothing is saved.
  int64_t most =
      std::min<int64_t>(8, std::max<int64_t>(1, chip.sharedBytes / ((2 + in * (1 + problem.preGate)) * plane)));
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

int64_t fftconv::monarch::residentCtas(int64_t points) { return points <= 256 ? 2 : 1; }

double KernelCost::time() const { return std::max({memoryTime, sharedTime, tensorTime, issueTime}); }

std::string_view KernelCost::limit() const {
  double most = time();
  return most == memoryTime   ? "memory"
         : most == sharedTime ? "shared memory"
         : most == tensorTime ? "tensor cores"
                              : "issue";
}

/// How often a spectrum is read for all rows of all heads: for each group where a CTA does, for each row where a warp has no room to keep it, else
/// once by each warp.
static int64_t spectrumReads(const Schedule &schedule, const KernelChoice &choice, int64_t batch, int64_t heads,
                             const Chip &chip) {
  int64_t groups = ceilDiv(batch, choice.rows);
  if (schedule.split > 0)
    return heads * groups;
  if (schedule.points() > 512)
    return heads * batch;
  return heads * std::min(groups, gridLimit(heads, residentCtas(schedule.points()), chip)) * choice.warps;
}

KernelCost fftconv::monarch::kernelCost(const Schedule &schedule, const KernelChoice &choice,
                                        const KernelProblem &problem, const Chip &chip) {
  KernelCost cost;
  auto [batch, heads, length, preGate, postGate, wraps] = problem;
  // Where theta is one a row of the schedule is two of the batch.
  int64_t pair = schedule.rightAngle ? 1 : 2, complexRows = ceilDiv(batch, pair);
  int64_t sequences = schedule.radices[0], points = schedule.points(), width = copyWidth(length);
  // Everything is for one output; a row of M points gives L of them.
  double scale = static_cast<double>(points) / static_cast<double>(length), rows = static_cast<double>(choice.rows);
  auto perOutput = [&](int64_t perRow) {
    return static_cast<double>(perRow * complexRows) / static_cast<double>(length * batch);
  };
  int64_t mma = 0, wavefronts = 0;
  std::vector<StepCost> steps = stepCosts(schedule);
  for (size_t n = 0; n < steps.size(); ++n) {
    StepKind kind = schedule.steps[n].kind;
    bool isFirst = n <= 1, isLast = n + 2 >= steps.size(),
         copies = kind == StepKind::CopyIn || kind == StepKind::CopyOut;
    // What wraps needs the imaginary part of the last transform, and both planes on the way out; a gate comes in beside its rows.
    int64_t planes = isFirst && preGate ? 2 : isLast && wraps ? 2 : 1, copied = copies ? pair : 1;
    mma += steps[n].mma / sequences * (n + 3 == steps.size() && wraps ? 2 : 1);
    // All M points come in, L go out, 128 bytes a wavefront or what 32 lanes move.
    int64_t elements = kind == StepKind::CopyOut ? length : points, atOnce = width == 2 ? 32 : 64;
    wavefronts += planes * copied * (copies ? ceilDiv(elements, atOnce) : steps[n].wavefronts / sequences);
  }
  cost.mma = perOutput(mma);
  cost.wavefronts = perOutput(wavefronts);

  // Two bytes in and two out for each output, two for each gate, and spectra of four bytes a point: from memory once for each head.
  double tensors = 4 + 2 * (preGate + postGate);
  double outputs = static_cast<double>(length) * static_cast<double>(batch * heads);
  double spectrum = 4 * static_cast<double>(points);
  cost.sectors =
      (tensors + static_cast<double>(spectrumReads(schedule, choice, complexRows, heads, chip)) * spectrum / outputs) /
      32;
  cost.bytes = tensors + static_cast<double>(heads) * spectrum / outputs;

  // Per 256 points: mma, packing of sums, products, butterflies, matrices moved, copies, and addresses and loops.
  double perTile = 0;
  for (const Step &step : schedule.steps)
    switch (step.kind) {
    case StepKind::Left:
    case StepKind::Right:
      perTile += 16; // eight mma and eight conversions; the ends half of that
      break;
    case StepKind::Butterfly:
      perTile += (step.inverse ? 16 : 24) * std::log2(static_cast<double>(schedule.radices[step.digit]));
      break;
    case StepKind::Twiddle:
    case StepKind::Product:
      perTile += 16;
      break;
    case StepKind::Read:
    case StepKind::Write:
      perTile += 2;
      break;
    case StepKind::CopyIn:
    case StepKind::CopyOut:
      perTile += 32.0 / copyWidth(length);
      break;
    }
  perTile += (schedule.split ? 42 : 20) + 16 / rows - 12 + 14 * (preGate + postGate) + 16 * wraps;
  cost.instructions = perTile / 256 * scale / static_cast<double>(pair);

  double sms = static_cast<double>(chip.sms);
  // CTAs that do not fill the chip leave multiprocessors idle.
  double ctas = static_cast<double>(heads * ceilDiv(complexRows, choice.rows));
  double busy = std::min(1.0, ctas / sms);
  double cycles = chip.clock * sms * busy;
  cost.memoryTime = outputs * cost.bytes / chip.memoryBandwidth;
  cost.sharedTime = outputs * cost.wavefronts / cycles;
  cost.tensorTime = outputs * cost.mma * 2048 / (chip.tensorRate * cycles);
  cost.issueTime = outputs * cost.instructions / (chip.issueRate * cycles);
  return cost;
}
