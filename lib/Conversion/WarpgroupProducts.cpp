//===- WarpgroupProducts.cpp - Transforms by products of warpgroups ------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A tile's real and imaginary parts are operand A of a wgmma, in registers, of four warps with 64 rows; the matrix is operand B, in shared memory, where a CTA
// keeps it for good. wgmma.mma_async.m64n32k16: D has both planes of a tile, 16 columns each.
//
//===----------------------------------------------------------------------===//

#include "PhaseEmitter.h"

using namespace mlir;
using namespace fftconv;
using monarch::HomeKind;
using monarch::Level;

namespace {
constexpr int64_t side = 16, chunk = 8, blockBytes = 128;
} // namespace

void PhaseEmitter::transformByWarpgroup(TileDftOp op) {
  bool realIn = !op.getX().getType().isComplex(), realOut = !op.getY().getType().isComplex();
  bool halfSums = op.getPlan().getSchedule().getSums().isF16();
  int stage = static_cast<int>(op.getDigit());
  int64_t radix = schedule.radices[stage], planesIn = realIn ? 1 : 2, planesOut = realOut ? 1 : 2;
  int64_t depth = radix * planesIn, columns = radix * planesOut;
  monarch::Layout before = layoutOf(op.getX().getType()), after = layoutOf(op.getY().getType());
  std::vector<int> digits = monarch::dependences(schedule, HomeKind::Matrix, stage);
  DigitIndex index(before, digits);

  // Tiles that hold a digit of more than 16 values together, in the order of its values; their planes stand side by side.
  std::vector<int64_t> tilesOf = {0};
  for (const monarch::Place &p : before.placesOf(stage))
    if (p.kind == 'u')
      for (size_t i = 0, end = tilesOf.size(); i < end; ++i)
        tilesOf.push_back(tilesOf[i] | int64_t(1) << p.index);

  // 8 x 8 blocks of 128 bytes: of columns of the matrix, each along K, or of rows, each along N.
  auto wordsOf = [&](bool byRows) {
    std::vector<uint32_t> words;
    for (int64_t i = 0; i < index.count(); ++i) {
      std::vector<int64_t> values = index.values(i);
      auto entry = [&](int64_t n, int64_t from) {
        auto position = [](int64_t at, int64_t planes) { return int(at / (side * planes) * side + at % side); };
        monarch::Complex w =
            matrixEntry(op, before, std::pair(position(n, planesOut), position(from, planesIn)), values);
        bool imaginaryOut = n / side % planesOut == 1, imaginaryIn = from / side % planesIn == 1;
        return imaginaryOut == imaginaryIn ? w.real() : imaginaryOut ? w.imag() : -w.imag();
      };
      int64_t lines = byRows ? depth : columns, along = byRows ? columns : depth;
      for (int64_t line = 0; line < lines; line += chunk)
        for (int64_t first = 0; first < along; first += chunk)
          for (int64_t in = line; in < line + chunk; ++in)
            for (int64_t at = first; at < first + chunk; at += 2)
              words.push_back(byRows ? packHalves(entry(at, in), entry(at + 1, in))
                                     : packHalves(entry(in, at), entry(in, at + 1)));
    }
    return words;
  };
  // The adjoint of a matrix that is there already is the same, transposed.
  std::optional<int64_t> adjoint = k.matrices.find(wordsOf(/*byRows=*/true));
  bool transposed = adjoint.has_value();
  int64_t offset = k.matricesAt + (transposed ? *adjoint : k.matrices.add(wordsOf(/*byRows=*/false)));
  // Bytes from one block to the next along K and along N.
  int64_t alongK = transposed ? columns / chunk * blockBytes : blockBytes,
          alongN = transposed ? blockBytes : depth / chunk * blockBytes;
  int64_t bytes = depth * columns * 2;

  // Where a matrix lies, in units of 16 bytes.
  if (!sharedDescriptor) {
    OpBuilder::InsertionGuard guard(b);
    moveTo(Level::Kernel);
    Value address = LLVM::PtrToIntOp::create(b, k.loc, b.getI32Type(), k.shared);
    sharedDescriptor = s.shr(s.bitAnd(address, 0x3ffff), 4);
  }
  Value descriptor = sharedDescriptor;
  if (index.count() > 1)
    descriptor = s.add(descriptor, runtimePart(index, bytes / 16, before));

  forEachState([&](size_t) { pack(operand()); });
  std::vector<TileValue> results(states.size(), {after, realOut ? 1 : 2, Form::Packed});
  Type element = op.getY().getType().getReal(), word = b.getI32Type(), sum = halfSums ? word : Type(b.getF32Type());
  int64_t sums = columns / (halfSums ? 4 : 2);
  std::string type = operand().isF16() ? "f16" : "bf16";
  std::string name = "wgmma.mma_async.sync.aligned.m64n" + std::to_string(columns) + "k16." +
                     (halfSums ? "f16." : "f32.") + type + "." + type;
  // Products that are under way together: as many as registers have room for.
  constexpr int64_t sumsUnderWay = 16;
  struct Product {
    size_t state;
    int64_t tile;
  };
  std::vector<Product> products;
  auto multiply = [&] {
    // Descriptors are made where they are used: kept in registers, they would take those of data.
    std::string text = "{ .reg .b32 low; .reg .b64 matrix; wgmma.fence.sync.aligned;", constraints;
    SmallVector<Value> operands;
    int64_t made = static_cast<int64_t>(products.size()) * sums,
            taken = static_cast<int64_t>(products.size()) * 4 * (depth / side);
    auto list = [](int64_t first, int64_t count) {
      std::string names;
      for (int64_t i = first; i < first + count; ++i)
        names += (i == first ? "$" : ", $") + std::to_string(i);
      return names;
    };
    for (int64_t i = 0; i < made; ++i)
      constraints += halfSums ? "=r," : "=f,";
    for (size_t i = 0; i < products.size(); ++i) {
      auto [state, tile] = products[i];
      int64_t at = offset + bytes * index.of(before.values({.tile = tile}));
      for (int64_t step = 0; step < depth / side; ++step, at += side / chunk * alongK) {
        auto &planes = states[state].x->data[tile | tilesOf[step / planesIn]];
        text += " add.u32 low, $" + std::to_string(made + taken) + ", " + std::to_string(alongK / 16 << 16 | at / 16) +
                "; mov.b64 matrix, {low, " + std::to_string(alongN / 16) + "}; " + name + " {" +
                list(static_cast<int64_t>(i) * sums, sums) + "}, {" +
                list(made + static_cast<int64_t>(operands.size()), 4) + "}, matrix, " + (step ? "1" : "0") +
                ", 1, 1, " + (transposed ? "1;" : "0;");
        for (int reg = 0; reg < 4; ++reg)
          operands.push_back(asWord(planes[step % planesIn][reg]));
      }
    }
    text += " wgmma.commit_group.sync.aligned; wgmma.wait_group.sync.aligned 0; }";
    operands.push_back(descriptor);
    for (size_t i = 0; i < operands.size(); ++i)
      constraints += i ? ",r" : "r";
    Value all = s.assembly(LLVM::LLVMStructType::getLiteral(b.getContext(), SmallVector<Type>(made, sum)), operands,
                           text, constraints);
    for (size_t i = 0; i < products.size(); ++i) {
      auto sumAt = [&](int64_t j) -> Value {
        return LLVM::ExtractValueOp::create(b, k.loc, all, static_cast<int64_t>(i) * sums + j);
      };
      for (int64_t part = 0; part < columns / side; ++part) {
        auto &planes = results[products[i].state].data[products[i].tile | tilesOf[part / planesOut]];
        for (int64_t reg = 0; reg < 4; ++reg) {
          int64_t at = 4 * part + reg;
          planes[part % planesOut][reg] =
              halfSums ? asHalves(sumAt(at)) : packPair(sumAt(2 * at), sumAt(2 * at + 1), element);
        }
      }
    }
    products.clear();
  };
  for (int64_t tile = 0; tile < before.tiles(); ++tile)
    for (size_t state = 0; state < states.size() && (tile & tilesOf.back()) == 0; ++state) {
      products.push_back({state, tile});
      if (static_cast<int64_t>(products.size() + 1) * sums > sumsUnderWay)
        multiply();
    }
  if (!products.empty())
    multiply();
  forEachState([&](size_t state) { x = std::move(results[state]); });
}

void fftconv::emitMatrices(KernelContext &k) {
  Scalars s = k.scalars();
  OpBuilder &b = k.b;
  constexpr int64_t unit = 16;
  int64_t bytes = 4 * static_cast<int64_t>(k.matrices.words().size());
  Type four = LLVM::LLVMStructType::getLiteral(b.getContext(), SmallVector<Type>(4, b.getI32Type()));
  // The pointer to the pool is a lane's.
  Value pool = s.offset(k.tables, s.sub(s.i64(4 * k.pool.add(k.matrices.words())), s.toI64(s.mul(k.lane, unit))));
  auto loop = s.loop(s.mul(k.thread, unit), s.i32(bytes), s.i32(unit * k.threads()));
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    Value at = loop.getInductionVar();
    Value loaded =
        s.assembly(four, s.offset(pool, s.toI64(at)), "ld.global.nc.v4.b32 {$0, $1, $2, $3}, [$4];", "=r,=r,=r,=r,l");
    SmallVector<Value> words;
    for (int64_t i = 0; i < 4; ++i)
      words.push_back(LLVM::ExtractValueOp::create(b, k.loc, loaded, i));
    LLVM::StoreOp::create(b, k.loc, s.vector(words), s.offset(s.offset(k.shared, k.matricesAt), at), unit);
  }
  emitBulkFence(k);
  NVVM::Barrier0Op::create(b, k.loc);
}
