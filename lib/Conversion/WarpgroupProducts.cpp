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
/// A side of a tile, and of an 8 x 8 block of a matrix; bytes of such a block, and those that descriptors count.
constexpr int64_t side = 16, chunk = 8, blockBytes = 128, unit = 16;
} // namespace

PhaseEmitter::MatrixInShared PhaseEmitter::placeMatrix(TileDftOp op, const monarch::Layout &before,
                                                       const DigitIndex &index, int64_t planesIn, int64_t planesOut) {
  int64_t radix = schedule.radices[op.getDigit()], depth = radix * planesIn, columns = radix * planesOut;
  // 8 x 8 blocks of 128 bytes: of columns of the matrix, each along K, or of rows, each along N.
  auto wordsOf = [&](bool byRows) {
    std::vector<uint32_t> words;
    for (int64_t i = 0; i < index.count(); ++i) {
      std::vector<int64_t> values = index.values(i);
      auto entry = [&](int64_t to, int64_t from) {
        auto position = [](int64_t at, int64_t planes) { return int(at / (side * planes) * side + at % side); };
        monarch::Complex w =
            matrixEntry(op, before, std::pair(position(to, planesOut), position(from, planesIn)), values);
        bool imaginaryOut = to / side % planesOut == 1, imaginaryIn = from / side % planesIn == 1;
        return imaginaryOut == imaginaryIn ? w.real() : imaginaryOut ? w.imag() : -w.imag();
      };
      int64_t lines = byRows ? depth : columns, along = byRows ? columns : depth;
      for (int64_t block = 0; block < lines * along; block += chunk * chunk)
        for (int64_t in = 0; in < chunk * chunk; in += 2) {
          int64_t line = block / (along * chunk) * chunk + in / chunk, at = block / chunk % along + in % chunk;
          words.push_back(byRows ? packHalves(entry(at, line), entry(at + 1, line))
                                 : packHalves(entry(line, at), entry(line, at + 1)));
        }
    }
    return words;
  };
  int64_t bytes = 2 * depth * columns;
  // The adjoint of a matrix that is there already is the same, transposed.
  if (std::optional<int64_t> adjoint = k.matrices.find(wordsOf(/*byRows=*/true)))
    return {k.matricesAt + 4 * *adjoint, bytes, columns / chunk * blockBytes, blockBytes, /*transposed=*/true};
  int64_t offset = k.matricesAt + 4 * k.matrices.add(wordsOf(/*byRows=*/false));
  return {offset, bytes, blockBytes, depth / chunk * blockBytes, /*transposed=*/false};
}

void PhaseEmitter::transformByWarpgroup(TileDftOp op) {
  int stage = static_cast<int>(op.getDigit());
  int64_t planesIn = op.getX().getType().isComplex() ? 2 : 1, planesOut = op.getY().getType().isComplex() ? 2 : 1;
  int64_t steps = schedule.radices[stage] / side * planesIn, columns = schedule.radices[stage] * planesOut;
  monarch::Layout before = layoutOf(op.getX().getType()), after = layoutOf(op.getY().getType());
  DigitIndex index(before, monarch::dependences(schedule, HomeKind::Matrix, stage));
  MatrixInShared matrix = placeMatrix(op, before, index, planesIn, planesOut);

  // Where shared memory begins, as descriptors say it: in units of 16 bytes.
  if (!sharedDescriptor) {
    OpBuilder::InsertionGuard guard(b);
    moveTo(Level::Kernel);
    Value address = LLVM::PtrToIntOp::create(b, k.loc, b.getI32Type(), k.shared);
    sharedDescriptor = s.shr(s.bitAnd(address, 0x3ffff), 4);
  }
  Value descriptor = s.add(sharedDescriptor, runtimePart(index, matrix.bytes / unit, before));

  // Tiles that hold a digit of more than 16 values together, in the order of its values; their planes stand side by side.
  std::vector<int64_t> tilesOf = {0};
  for (const monarch::Place &p : before.placesOf(stage))
    if (p.kind == 'u')
      for (size_t i = 0, end = tilesOf.size(); i < end; ++i)
        tilesOf.push_back(tilesOf[i] | int64_t(1) << p.index);

  forEachState([&](size_t) { pack(operand()); });
  Sums kind = sumsOf(op);
  bool halfSums = kind.half;
  Type sum = halfSums ? Type(b.getI32Type()) : Type(b.getF32Type());
  std::vector<TileValue> results(states.size(), {after, static_cast<int>(planesOut), kind.form()});
  std::string type = operand().isBF16() ? "bf16" : "f16";
  std::string name = "wgmma.mma_async.sync.aligned.m64n" + std::to_string(columns) + "k16." +
                     (halfSums ? "f16" : "f32") + "." + type + "." + type + " ";
  // Registers of the sums of a product, and the most that are under way together: there is room for no more.
  const int64_t sums = columns / (halfSums ? 4 : 2);
  constexpr int64_t sumsUnderWay = 16;
  struct Product {
    size_t state;
    int64_t tile;
  };
  std::vector<Product> products;
  auto multiply = [&] {
    int64_t count = static_cast<int64_t>(products.size()), made = count * sums, taken = count * steps * 4;
    auto list = [](int64_t first, int64_t count) {
      std::string names;
      for (int64_t i = first; i < first + count; ++i)
        names += (i == first ? "$" : ", $") + std::to_string(i);
      return names;
    };
    // Descriptors are made where they are used: kept in registers, they would take those of data.
    std::string text = "{ .reg .b32 low; .reg .b64 matrix; wgmma.fence.sync.aligned;";
    SmallVector<Value> operands;
    for (int64_t i = 0; i < count; ++i) {
      auto [state, tile] = products[i];
      int64_t at = matrix.offset + matrix.bytes * index.of(before.values({.tile = tile}));
      for (int64_t step = 0; step < steps; ++step, at += side / chunk * matrix.alongK) {
        text += " add.u32 low, $" + std::to_string(made + taken) + ", " +
                std::to_string(matrix.alongK / unit << 16 | at / unit) + "; mov.b64 matrix, {low, " +
                std::to_string(matrix.alongN / unit) + "}; " + name + "{" + list(i * sums, sums) + "}, {" +
                list(made + static_cast<int64_t>(operands.size()), 4) + "}, matrix, " + (step ? "1" : "0") +
                ", 1, 1, " + (matrix.transposed ? "1;" : "0;");
        for (int reg = 0; reg < 4; ++reg)
          operands.push_back(asWord(states[state].x->data[tile | tilesOf[step / planesIn]][step % planesIn][reg]));
      }
    }
    text += " wgmma.commit_group.sync.aligned; wgmma.wait_group.sync.aligned 0; }";
    operands.push_back(descriptor);
    std::string constraints;
    for (int64_t i = 0; i < made; ++i)
      constraints += halfSums ? "=r," : "=f,";
    for (size_t i = 0; i < operands.size(); ++i)
      constraints += i ? ",r" : "r";
    Value all = s.assembly(LLVM::LLVMStructType::getLiteral(b.getContext(), SmallVector<Type>(made, sum)), operands,
                           text, constraints);
    auto sumAt = [&](int64_t i) -> Value { return LLVM::ExtractValueOp::create(b, k.loc, all, i); };
    // Four pairs to a plane of a tile.
    for (int64_t pair = 0, perProduct = columns / 4; pair < count * perProduct; ++pair) {
      auto [state, tile] = products[pair / perProduct];
      int64_t part = pair % perProduct / 4, reg = pair % 4;
      auto &plane = results[state].data[tile | tilesOf[part / planesOut]][part % planesOut];
      if (halfSums)
        plane[reg] = asHalves(sumAt(pair));
      else if (kind.round)
        plane[reg] = packPair(sumAt(2 * pair), sumAt(2 * pair + 1), kind.element);
      else
        for (int64_t i : {0, 1})
          plane[2 * reg + i] = sumAt(2 * pair + i);
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
