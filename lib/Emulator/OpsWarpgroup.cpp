//===- OpsWarpgroup.cpp - wgmma --------------------------------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Four warps multiply 64 rows, sixteen each, by a matrix in shared memory. Each computes its own rows, at once; that it may not look at them, nor
// change what is multiplied, before it has waited is for checks to say. That the four do the same is one, too.
//
//===----------------------------------------------------------------------===//

#include "Async.h"
#include "Lanes.h"
#include "Memory.h"
#include "Mma.h"

#include <algorithm>
#include <cstring>

using namespace fftconv::emulator;

namespace {
constexpr unsigned depth = 16, rowsOfWarp = 16, warpsOfGroup = 4, lineBytes = 128;

/// A matrix descriptor: where the 16-byte chunks of eight elements of an operand are, each of which lies along K, or along M or N where it is transposed.
/// As the canonical layouts of CUTLASS (cute/arch/mma_sm90_desc.hpp) have them.
struct Descriptor {
  uint64_t start, leading, stride;
  /// 16-byte chunks of a swizzled line: 2, 4 or 8; 1 without swizzle.
  unsigned chunks;

  explicit Descriptor(uint64_t bits)
      : start((bits & 0x3fff) << 4), leading((bits >> 16 & 0x3fff) << 4), stride((bits >> 32 & 0x3fff) << 4) {
    constexpr unsigned lines[] = {1, 8, 4, 2};
    chunks = lines[bits >> 62];
  }
  /// The byte of the chunk that holds element (m or n, k).
  uint64_t chunk(unsigned side, unsigned k, bool transposed) const {
    uint64_t at;
    if (transposed)
      at = chunks == 1 ? side / 8 * stride + k % 8 * 16 + k / 8 * leading
                       : side / 8 % chunks * 16 + side / 8 / chunks * leading + k % 8 * chunks * 16 + k / 8 * stride;
    else
      at = side % 8 * chunks * 16 + side / 8 * stride + k / 8 * (chunks == 1 ? leading : 16);
    at += start;
    return at ^ ((at >> 7 & (chunks - 1)) << 4);
  }
};

/// Mode: what the warpgroup multiplies.
enum : uint16_t {
  brain = 2,
  halfSums = 4,
  descriptorA = 8,
  negateA = 16,
  negateB = 32,
  transposedA = 64,
  transposedB = 128
};

float widen(uint16_t mode, uint16_t bits) { return mode & brain ? brainToFloat(bits) : halfToFloat(bits); }

/// Reads a matrix of `sides` rows (or columns) from `first` on. False where it lies outside, which is reported.
bool readMatrix(Warp &warp, const Op &op, uint64_t bits, bool transposed, unsigned first, unsigned sides,
                PendingProduct &product, float *values, unsigned sideStep, unsigned kStep) {
  Cta &cta = *warp.cta;
  Descriptor matrix(bits);
  SharedShadow &shadow = cta.shadow;
  shadow.setInstruction(warp.executed);
  // Chunks, along the one direction or the other.
  for (unsigned side = 0; side < sides; side += transposed ? 8 : 1)
    for (unsigned k = 0; k < depth; k += transposed ? 1 : 8) {
      uint64_t at = matrix.chunk(first + side, k, transposed);
      if (at + 16 > cta.shared.size()) {
        resolveLane(warp, op, 0, Space::Shared, at, 16, 16, AccessKind::StrongRead);
        return false;
      }
      if (shadow.enabled()) {
        SharedConflict conflict = shadow.bulkRead(at, 16, warp.index * 32);
        if (conflict.what)
          reportConflict(warp, 0, at, conflict, "wgmma: read");
        if (cta.launch->options.asyncReads) {
          shadow.setCopying(at, 16, SharedShadow::Copying::Reading);
          product.chunks.push_back(at);
        }
      }
      for (unsigned i = 0; i < 8; ++i) {
        uint16_t element;
        std::memcpy(&element, cta.shared.data() + at + 2 * i, 2);
        values[(side + (transposed ? i : 0)) * sideStep + (k + (transposed ? 0 : i)) * kStep] = widen(op.mode, element);
      }
    }
  return true;
}

/// The warps of a group meet nowhere here, so what each does is compared with what the first to get there did.
void checkAgreement(Warp &warp, std::array<uint64_t, 3> what) {
  Cta &cta = *warp.cta;
  if (warp.index / warpsOfGroup >= cta.warpgroups.size())
    cta.warpgroups.resize(warp.index / warpsOfGroup + 1);
  Cta::Warpgroup &group = cta.warpgroups[warp.index / warpsOfGroup];
  uint64_t &mine = group.done[warp.index % warpsOfGroup];
  if (mine - group.before < group.products.size()) {
    if (group.products[mine - group.before] != what)
      cta.launch->report(Check::Divergence, warp.op->line,
                         "a warpgroup's warps do not all come to this wgmma, or not with the same descriptors: " +
                             describeThread(warp, 0));
  } else {
    group.products.push_back(what);
  }
  ++mine;
  for (; group.before < *std::ranges::min_element(group.done); ++group.before)
    group.products.pop_front();
}

/// Pool: the sums, then A's registers (or its descriptor). b: B's descriptor; c: whether to add to the sums; elements: of 8 columns each.
void multiply(Warp &warp, const Op &op) {
  if (!gather(warp, allLanes))
    return;
  Cta &cta = *warp.cta;
  const uint32_t *slots = &cta.launch->kernel->pool[op.pool];
  unsigned blocks = op.elements, columns = 8 * blocks, sums = blocks * (op.mode & halfSums ? 2 : 4);
  bool checks = cta.launch->options.asyncReads;
  auto lanes = [&](unsigned i) { return warp.slot<uint32_t>(slots[i]); };
  PendingProduct product{warp.productGroups, op.line, {slots, slots + sums}, {}, {}};
  if (!(op.mode & descriptorA))
    product.operands.assign(slots + sums, slots + sums + 4);

  uint64_t bits[2] = {op.mode & descriptorA ? warp.slot<uint64_t>(slots[sums])[0] : 0, warp.slot<uint64_t>(op.b)[0]};
  for (unsigned lane = 1; lane < 32; ++lane)
    if (warp.slot<uint64_t>(op.b)[lane] != bits[1] ||
        (op.mode & descriptorA && warp.slot<uint64_t>(slots[sums])[lane] != bits[0]))
      cta.launch->report(Check::Divergence, op.line,
                         "the descriptors of a wgmma differ between lanes: " + describeThread(warp, lane));
  if (checks) {
    checkAgreement(warp, {pcOf(warp), bits[0], bits[1]});
    if (!warp.fencedProducts)
      cta.launch->report(Check::AsyncRead, op.line,
                         "no wgmma.fence comes before the first wgmma, " + describeThread(warp, 0));
    auto check = [&](uint32_t slot, bool sum) {
      if (warp.unfenced.contains(slot))
        cta.launch->report(Check::AsyncRead, op.line,
                           "a register of a wgmma was written, and no wgmma.fence lies between, " +
                               describeThread(warp, 0));
      for (const PendingProduct &other : warp.products)
        if (!sum && std::ranges::find(other.sums, slot) != other.sums.end())
          cta.launch->report(Check::AsyncRead, op.line,
                             "a wgmma multiplies what the one at line " + std::to_string(other.line) +
                                 " computes and nobody waited for, " + describeThread(warp, 0));
    };
    for (uint32_t slot : product.sums)
      check(slot, true);
    for (uint32_t slot : product.operands)
      check(slot, false);
  }

  std::vector<float> a(rowsOfWarp * depth), b(depth * columns), d(rowsOfWarp * 8), right(depth * 8);
  if (op.mode & descriptorA) {
    if (!readMatrix(warp, op, bits[0], op.mode & transposedA, warp.index % warpsOfGroup * rowsOfWarp, rowsOfWarp,
                    product, a.data(), depth, 1))
      return;
  } else {
    for (unsigned lane = 0; lane < 32; ++lane)
      for (unsigned i = 0; i < 4; ++i)
        for (unsigned half = 0; half < 2; ++half)
          a[(lane / 4 + 8 * (i & 1)) * depth + 2 * (lane % 4) + 8 * (i >> 1) + half] =
              widen(op.mode, static_cast<uint16_t>(lanes(sums + i)[lane] >> (16 * half)));
  }
  if (!readMatrix(warp, op, bits[1], op.mode & transposedB, 0, columns, product, b.data(), 1, columns))
    return;
  // B comes once for the four, and rows of A for each.
  if (cta.launch->options.traffic) {
    unsigned rows = (op.mode & descriptorA ? rowsOfWarp : 0) + (warp.index % warpsOfGroup ? 0 : columns);
    Counters &site = warp.worker->sites[pcOf(warp)];
    site.sharedBytes += rows * depth * 2;
    site.sharedWavefronts += rows * depth * 2 / lineBytes;
    site.sharedIdealWavefronts += rows * depth * 2 / lineBytes;
  }
  if (!(op.mode & negateA) != !(op.mode & negateB))
    for (float &value : a)
      value = -value;
  bool adds = warp.predicate(op.c) & 1;
  for (unsigned block = 0; block < blocks; ++block) {
    auto element = [&](unsigned lane, unsigned i) -> float & {
      return d[(lane / 4 + 8 * (i >> 1)) * 8 + 2 * (lane % 4) + (i & 1)];
    };
    for (unsigned lane = 0; lane < 32; ++lane)
      for (unsigned i = 0; i < 4; ++i)
        element(lane, i) = !adds ? 0
                           : op.mode & halfSums
                               ? halfToFloat(static_cast<uint16_t>(lanes(2 * block + (i >> 1))[lane] >> (16 * (i & 1))))
                               : std::bit_cast<float>(lanes(4 * block + i)[lane]);
    for (unsigned k = 0; k < depth; ++k)
      std::copy_n(&b[k * columns + 8 * block], 8, &right[k * 8]);
    multiplyAccumulate(a.data(), right.data(), d.data(), rowsOfWarp, 8, depth, !(op.mode & brain));
    for (unsigned lane = 0; lane < 32; ++lane)
      for (unsigned i = 0; i < 4; i += op.mode & halfSums ? 2 : 1)
        if (op.mode & halfSums)
          lanes(2 * block + (i >> 1))[lane] =
              doubleToHalf(element(lane, i)) | uint32_t(doubleToHalf(element(lane, i + 1))) << 16;
        else
          lanes(4 * block + i)[lane] = std::bit_cast<uint32_t>(element(lane, i));
  }
  if (checks)
    warp.products.push_back(std::move(product));
}

void fence(Warp &warp, const Op &) {
  if (!gather(warp, allLanes))
    return;
  warp.fencedProducts = true;
  warp.unfenced.clear();
}

void commitProducts(Warp &warp, const Op &) {
  if (gather(warp, allLanes))
    ++warp.productGroups;
}

void waitProducts(Warp &warp, const Op &op) {
  if (!gather(warp, allLanes))
    return;
  std::erase_if(warp.products, [&](const PendingProduct &product) {
    if (product.group + static_cast<uint64_t>(op.immediate) >= warp.productGroups)
      return false;
    for (uint64_t at : product.chunks)
      warp.cta->shadow.setCopying(at, 16, SharedShadow::Copying::No);
    return true;
  });
}

void decodeProduct(Decoder &decoder, Op &op) {
  unsigned columns = 0;
  for (const std::string &modifier : decoder.modifiers())
    if (modifier.starts_with("m64n") && modifier.ends_with("k16"))
      columns = static_cast<unsigned>(std::strtoul(modifier.c_str() + 4, nullptr, 10));
  std::string shape = "m64n" + std::to_string(columns) + "k16";
  if (columns == 0 || columns > 256 || columns % 8 || !decoder.has(shape))
    decoder.fail("unsupported shape");
  decoder.allow({"mma_async", "sync", "aligned", shape});
  std::vector<Type> types = decoder.types();
  bool isHalf = types.size() == 3 && types[1].kind == Type::Half;
  if (types.size() != 3 || types[1] != types[2] || (!isHalf && types[1].kind != Type::Brain) || types[1].packed ||
      (types[0].kind != Type::Float && !(isHalf && types[0].kind == Type::Half)))
    decoder.fail("unsupported types");
  bool sumsInHalf = types[0].kind == Type::Half, fromMemory = decoder.operand(1).kind != Operand::Vector;
  decoder.expectOperands(fromMemory ? 8 : 7);
  op.elements = static_cast<uint8_t>(columns / 8);
  op.mode = static_cast<uint16_t>((isHalf ? 0 : brain) | (sumsInHalf ? halfSums : 0) | (fromMemory ? descriptorA : 0));
  std::vector<uint32_t> slots;
  decoder.addFragment(decoder.operand(0), columns / (sumsInHalf ? 4 : 2), true, slots);
  if (fromMemory)
    slots.push_back(decoder.read(decoder.operand(1), {Type::Bits, 64}));
  else
    decoder.addFragment(decoder.operand(1), 4, false, slots);
  op.pool = decoder.addPool(slots);
  op.b = decoder.read(decoder.operand(2), {Type::Bits, 64});
  op.c = decoder.readPredicate(decoder.operand(3));
  auto flag = [&](size_t i, int64_t yes, int64_t no, uint16_t bit) {
    const Operand &operand = decoder.operand(i);
    if (operand.kind != Operand::Integer || (operand.value != yes && operand.value != no))
      decoder.fail("an immediate of " + std::to_string(no) + " or " + std::to_string(yes) + " is needed");
    op.mode |= operand.value == yes ? bit : 0;
  };
  flag(4, -1, 1, negateA);
  flag(5, -1, 1, negateB);
  if (fromMemory)
    flag(6, 1, 0, transposedA);
  flag(fromMemory ? 7 : 6, 1, 0, transposedB);
  op.immediate = int64_t(rowsOfWarp) * columns * depth;
  op.instructionClass = Class::Mma;
  op.run = multiply;
  decoder.access(Space::Shared, 16);
}
} // namespace

void fftconv::emulator::touchProducts(Warp &warp, const Op &op) {
  const Kernel::Guarded &guarded = warp.cta->launch->kernel->guarded.at(pcOf(warp));
  if (warp.cta->launch->options.asyncReads) {
    for (const PendingProduct &product : warp.products) {
      auto among = [](const std::vector<uint32_t> &slots) {
        return [&](uint32_t slot) { return std::ranges::find(slots, slot) != slots.end(); };
      };
      bool reads = std::ranges::any_of(guarded.reads, among(product.sums)),
           writes = std::ranges::any_of(guarded.writes, among(product.sums)) ||
                    std::ranges::any_of(guarded.writes, among(product.operands));
      if (reads || writes)
        warp.cta->launch->report(Check::AsyncRead, op.line,
                                 std::string(writes ? "writes" : "reads") + " a register of the wgmma at line " +
                                     std::to_string(product.line) + ", which was not waited for, " +
                                     describeThread(warp, 0));
    }
    warp.unfenced.insert(guarded.writes.begin(), guarded.writes.end());
  }
  guarded.run(warp, op);
}

void fftconv::emulator::reportUnfinishedProducts(Cta &cta) {
  for (const Warp &warp : cta.warps)
    for (const PendingProduct &product : warp.products)
      cta.launch->report(Check::AsyncRead, product.line,
                         "a wgmma of " + describeThread(warp, 0) + " was not waited for before the CTA ended");
  for (const Cta::Warpgroup &group : cta.warpgroups)
    if (std::ranges::any_of(group.done, [&](uint64_t done) { return done != group.done[0]; })) {
      size_t first = static_cast<size_t>(&group - cta.warpgroups.data()) * warpsOfGroup;
      cta.launch->report(Check::Divergence, cta.launch->kernel->code[group.products.front()[0]].line,
                         "not all four warps of a warpgroup came to this wgmma; the first is that of " +
                             describeThread(cta.warps[first], 0));
    }
}

bool fftconv::emulator::decodeWarpgroup(Decoder &decoder, Op &op) {
  if (decoder.opcode() != "wgmma")
    return false;
  if (!decoder.has("sync") || !decoder.has("aligned"))
    decoder.fail("wgmma is .sync.aligned");
  if (decoder.has("mma_async")) {
    decodeProduct(decoder, op);
    return true;
  }
  decoder.allow({"fence", "commit_group", "wait_group", "sync", "aligned"});
  op.instructionClass = Class::Control;
  if (decoder.has("wait_group")) {
    op.immediate = decoder.groupsLeft();
    op.run = waitProducts;
    return true;
  }
  decoder.expectOperands(0);
  if (!decoder.has("fence") && !decoder.has("commit_group"))
    decoder.fail("unknown wgmma instruction");
  op.run = decoder.has("fence") ? fence : commitProducts;
  return true;
}
