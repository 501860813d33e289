//===- KernelOps.cpp - Types and verifiers of the kernel rung -------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How layouts and tiles are written, and the contract of the kernel rung: every op leaves the layout that its step leaves.
//
//===----------------------------------------------------------------------===//

#include "fftconv/IR/FFTConv.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/IR/Builders.h"

#include <mutex>

using namespace mlir;
using namespace fftconv;

//===----------------------------------------------------------------------===//
// Layouts
//===----------------------------------------------------------------------===//

namespace {
/// The places that a keyword lists, in order.
struct Side {
  StringRef keyword;
  SmallVector<monarch::Place> places;
};
} // namespace

static SmallVector<Side> sides() {
  auto numbered = [](char kind) {
    SmallVector<monarch::Place> places;
    for (int i = 0; i < 16; ++i)
      places.push_back({kind, i});
    return places;
  };
  return {{"columns", llvm::to_vector(monarch::columnPlaces)},
          {"rows", llvm::to_vector(monarch::rowPlaces)},
          {"tiles", numbered('u')},
          {"warps", numbered('w')},
          {"loop", numbered('i')}};
}

LayoutAttr LayoutAttr::get(MLIRContext *context, const monarch::Layout &layout) {
  SmallVector<int64_t> pieces;
  for (const auto &[place, piece] : layout.pieces())
    pieces.append({place.kind, place.index, piece.digit, piece.index, piece.frequency});
  return get(context, pieces, -1);
}

LayoutAttr LayoutAttr::getShared(MLIRContext *context, int64_t offset) { return get(context, {}, offset); }

monarch::Layout LayoutAttr::getLayout(ArrayRef<int64_t> radices) const {
  monarch::Layout layout(std::vector<int64_t>(radices.begin(), radices.end()));
  ArrayRef<int64_t> p = getPieces();
  for (; !p.empty(); p = p.drop_front(5))
    layout.set({static_cast<char>(p[0]), static_cast<int>(p[1])},
               {static_cast<int>(p[2]), static_cast<int>(p[3]), p[4] != 0});
  return layout;
}

void LayoutAttr::printPieces(AsmPrinter &printer) const {
  if (isShared()) {
    printer << "shared";
    if (getOffset() >= 0)
      printer << ' ' << getOffset();
    return;
  }
  monarch::Layout layout = getLayout({});
  StringRef separator = "";
  for (const Side &side : sides()) {
    std::vector<monarch::Piece> pieces = layout.on(side.places);
    if (pieces.empty())
      continue;
    printer << separator << side.keyword << " = ";
    separator = ", ";
    // Bits one by one, runs of them as first-last: the radices are not known here.
    StringRef space = "";
    for (size_t i = 0; i < pieces.size();) {
      size_t end = i + 1;
      const monarch::Piece &first = pieces[i];
      while (end < pieces.size() && first.index != monarch::Piece::whole && pieces[end].digit == first.digit &&
             pieces[end].frequency == first.frequency && pieces[end].index == pieces[end - 1].index + 1)
        ++end;
      std::string digit = first.digit == 0 ? "b" : (first.frequency ? "k" : "n") + std::to_string(first.digit);
      std::string text = digit;
      if (first.index != monarch::Piece::whole) {
        text += "." + std::to_string(first.index);
        if (end - i > 1)
          text += "-" + std::to_string(pieces[end - 1].index);
      }
      printer << space << '"' << text << '"';
      space = " ";
      i = end;
    }
  }
}

FailureOr<LayoutAttr> LayoutAttr::parsePieces(AsmParser &parser) {
  MLIRContext *context = parser.getContext();
  if (succeeded(parser.parseOptionalKeyword("shared"))) {
    int64_t offset = -1;
    OptionalParseResult parsed = parser.parseOptionalInteger(offset);
    if (parsed.has_value() && (failed(*parsed) || offset < 0))
      return parser.emitError(parser.getCurrentLocation(), "an offset in bytes is at least 0"), failure();
    return getShared(context, offset);
  }
  monarch::Layout layout;
  do {
    StringRef keyword;
    SMLoc loc = parser.getCurrentLocation();
    if (parser.parseKeyword(&keyword) || parser.parseEqual())
      return failure();
    SmallVector<Side> all = sides();
    const Side *side = llvm::find_if(all, [&](const Side &s) { return s.keyword == keyword; });
    if (side == all.end())
      return parser.emitError(loc, "expected shared, columns, rows, tiles, warps or loop"), failure();
    size_t next = 0;
    std::string text;
    while (succeeded(parser.parseOptionalString(&text))) {
      auto bad = [&]() {
        parser.emitError(loc,
                         "'" + text + "' is not a digit such as \"n1.0-3\", \"k2\" or \"b.0\", or there are too many");
        return failure();
      };
      StringRef rest = text;
      monarch::Piece piece;
      piece.frequency = rest.starts_with("k");
      bool batch = rest.consume_front("b");
      if (!batch && ((!rest.consume_front("n") && !rest.consume_front("k")) || rest.consumeInteger(10, piece.digit) ||
                     piece.digit < 1 || piece.digit > 16))
        return bad();
      int first = monarch::Piece::whole, last = first;
      if (rest.consume_front(".")) {
        if (rest.consumeInteger(10, first))
          return bad();
        last = first;
        if (rest.consume_front("-") && rest.consumeInteger(10, last))
          return bad();
      }
      if (!rest.empty() || last > 16 || last < first)
        return bad();
      for (piece.index = first; piece.index <= last; ++piece.index) {
        if (next == side->places.size())
          return bad();
        layout.set(side->places[next++], piece);
      }
    }
  } while (succeeded(parser.parseOptionalComma()));
  for (const auto &places : {monarch::columnPlaces, monarch::rowPlaces})
    for (monarch::Place place : places)
      if (!layout.has(place))
        return parser.emitError(parser.getCurrentLocation(), "a layout needs four bits on columns and four on rows"),
               failure();
  return get(context, layout);
}

Attribute LayoutAttr::parse(AsmParser &parser, Type) {
  if (parser.parseLess())
    return {};
  FailureOr<LayoutAttr> layout = parsePieces(parser);
  if (failed(layout) || parser.parseGreater())
    return {};
  return *layout;
}

void LayoutAttr::print(AsmPrinter &printer) const {
  printer << '<';
  printPieces(printer);
  printer << '>';
}

Type TileType::getReal() const {
  auto complex = dyn_cast<ComplexType>(getElement());
  return complex ? complex.getElementType() : getElement();
}

Type TileType::parse(AsmParser &parser) {
  Type element;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseLess() || parser.parseType(element))
    return {};
  auto complex = dyn_cast<ComplexType>(element);
  Type real = complex ? complex.getElementType() : element;
  if (!real.isF16() && !real.isBF16() && !real.isF32()) {
    parser.emitError(loc, "elements of a tile are f16, bf16, f32 or complex of these");
    return {};
  }
  LayoutAttr layout;
  if (succeeded(parser.parseOptionalComma())) {
    FailureOr<LayoutAttr> parsed = LayoutAttr::parsePieces(parser);
    if (failed(parsed))
      return {};
    layout = *parsed;
  }
  if (parser.parseGreater())
    return {};
  return get(parser.getContext(), element, layout);
}

void TileType::print(AsmPrinter &printer) const {
  printer << '<' << getElement();
  if (getLayout()) {
    printer << ", ";
    getLayout().printPieces(printer);
  }
  printer << '>';
}

//===----------------------------------------------------------------------===//
// Schedules
//===----------------------------------------------------------------------===//

std::shared_ptr<const monarch::Schedule> fftconv::getKernelSchedule(PlanAttr plan) {
  if (!plan.getSchedule())
    return nullptr;
  return monarch::findSchedule(
      plan.getRadices().vec(),
      monarch::scheduleRequest(getDigits(plan), getKernelChoice(plan.getSchedule()), plan.getCompute().isF32()));
}

monarch::KernelProblem fftconv::getKernelProblem(GroupsOp groups) {
  auto inputs = groups.getBody().getOps<CopyInOp>();
  PlanAttr plan = groups.getPlan();
  MemRefType u = groups.getU().getType();
  monarch::KernelProblem problem{.batch = u.isDynamicDim(0) ? 0 : u.getDimSize(0),
                                 .heads = groups.getHeads(),
                                 .length = groups.getLength(),
                                 .split = plan.getCompute().isF32(),
                                 .wideSums = plan.getSchedule().getSums().isF32(),
                                 .channelsLast = groups.getChannelsLast()};
  // A gate is copied beside its rows, or multiplied with where they come by way of registers or are normalised.
  problem.preGate = std::distance(inputs.begin(), inputs.end()) > 1 || groups.getInput().getGate();
  for (auto normalize : groups.getBody().getOps<TileNormalizeOp>())
    problem.preGate |= normalize.getGate() != nullptr;
  for (auto out : groups.getBody().getOps<CopyOutOp>()) {
    problem.postGate = out.getGate() != nullptr;
    problem.wraps = out.getX().getType().isComplex() && plan.getTheta() == Theta::I;
  }
  return problem;
}

monarch::KernelChoice fftconv::getKernelChoice(GroupsOp groups) {
  monarch::KernelChoice choice = getKernelChoice(groups.getPlan().getSchedule());
  choice.rows = static_cast<int64_t>(groups.getRows());
  return choice;
}

monarch::KernelChoice fftconv::getKernelChoice(ScheduleAttr schedule) {
  return {static_cast<int>(schedule.getWarps()),
          static_cast<int>(schedule.getValues()),
          schedule.getRows(),
          static_cast<int>(schedule.getStages()),
          schedule.getCopies() == Copies::Bulk,
          schedule.getMma() == Mma::Warpgroup};
}

monarch::KernelProblem fftconv::getKernelProblem(ToeplitzOp op) {
  MemRefType u = op.getU().getType();
  return {.batch = u.isDynamicDim(0) ? 0 : u.getDimSize(0),
          .heads = op.getHeads(),
          .length = op.getLength(),
          .preGate = op.getPreGate() != nullptr,
          .postGate = op.getPostGate() != nullptr};
}

monarch::KernelProblem fftconv::getKernelProblem(TurnRowsOp op) {
  MemRefType x = op.getX().getType();
  return {.batch = x.isDynamicDim(0) ? 0 : x.getDimSize(0),
          .heads = op.getHeads(),
          .length = op.getLength(),
          .split = x.getElementType().isF32(),
          .channelsLast = true};
}

monarch::TurnTile TurnRowsOp::getTile() { return monarch::turnTile(getKernelProblem(*this)); }

//===----------------------------------------------------------------------===//
// Verifiers
//===----------------------------------------------------------------------===//

LogicalResult GroupsOp::verify() {
  if (!(*this)->getParentOfType<gpu::GPUFuncOp>()) // N2
    return emitOpError("must stand in a gpu.func");
  for (Operation &op : getBody().front())
    if (!isa<CopyInOp, PrefetchOp, RelayoutOp, TileDftOp, TileTwiddleOp, TileProductOp, TileGateOp, TileConvertOp,
             TileNormalizeOp, BarrierOp, CopyOutOp>(op)) // N1
      return op.emitOpError("is not a tile op and cannot stand in fftconv.groups");
  auto first = llvm::find_if(getBody().front(), [](Operation &op) { return !isa<BarrierOp>(op); });
  if (first == getBody().front().end() || !isa<CopyInOp>(*first))
    return emitOpError("does not begin with fftconv.copy_in");
  return success();
}

CopyInOp GroupsOp::getInput() { return *getBody().getOps<CopyInOp>().begin(); }
PlanAttr GroupsOp::getPlan() { return getInput().getPlan(); }
int64_t GroupsOp::getTileBytes(TileType tile) {
  PlanAttr plan = getPlan();
  int64_t bytes = tile.getReal().getIntOrFloatBitWidth() / 8 * (tile.isComplex() ? 2 : 1), padding = 0;
  if (plan.getSchedule())
    padding = monarch::bulkPadding(getKernelChoice(*this), plan.getCompute().isF32()) * plan.getRadices().front();
  return bytes * (plan.getPoints() + padding) * static_cast<int64_t>(getRows());
}

LogicalResult CopyInOp::verify() {
  TileType tile = getTile().getType();
  bool paired = getPlan().getTheta() == Theta::One;
  if (tile.isComplex() != paired || (tile.getLayout() && !tile.isShared())) // I1
    return emitOpError("gives a ") << (paired ? "complex" : "real") << " tile in shared memory, not " << tile;
  auto groups = (*this)->getParentOfType<GroupsOp>();
  ScheduleAttr schedule = getPlan().getSchedule();
  bool byRegisters = groups && (groups.getChannelsLast() || (schedule && schedule.getStages() == 1));
  if (getGate() && (!byRegisters || getGate().getType() != getU().getType())) // I2
    return emitOpError(
        "multiplies rows of the same type, and only where channels are last or there is one stage of input");
  return success();
}

LogicalResult TileNormalizeOp::verify() {
  TileType x = getX().getType(), y = getY().getType();
  if (x.getElement() != y.getElement() || !x.getReal().isF32() || (x.getLayout() && !x.isShared()) ||
      (y.getLayout() && !y.isShared())) // J1
    return emitOpError("makes tiles of f32 in shared memory from others of the same, not ") << y << " from " << x;
  return success();
}

LogicalResult TileConvertOp::verify() {
  TileType x = getX().getType(), y = getY().getType();
  if (x.getLayout() != y.getLayout() || x.isComplex() != y.isComplex()) // Y1
    return emitOpError("changes the type of elements and nothing else, got ") << x << " and " << y;
  return success();
}

LogicalResult PrefetchOp::verify() {
  auto copy = getTile().getDefiningOp<CopyInOp>();
  if (!copy || !copy.getAhead() || copy->getBlock() != (*this)->getBlock()) // H1
    return emitOpError("starts the copies of an fftconv.copy_in ahead of the same body");
  return success();
}

LogicalResult RelayoutOp::verify() {
  TileType x = getX().getType(), y = getY().getType();
  if (x.getElement() != y.getElement()) // L1
    return emitOpError("changes elements from ") << x.getElement() << " to " << y.getElement();
  if (!x.getLayout() || !y.getLayout() || x.isShared() == y.isShared()) // L2
    return emitOpError("has one side in shared memory and one on registers, not ") << x << " and " << y;
  return success();
}

/// Q3.
static LogicalResult verifyDigit(Operation *op, uint64_t digit, PlanAttr plan) {
  monarch::Digits digits = getDigits(plan);
  if (digit < digits.first() || digit > digits.count())
    return op->emitOpError("digit must be in [") << digits.first() << ", " << digits.count() << "], got " << digit;
  return success();
}

LogicalResult TileDftOp::verify() {
  if (failed(verifyDigit(*this, getDigit(), getPlan())))
    return failure();
  TileType x = getX().getType(), y = getY().getType();
  bool assigned = getHow() != How::Any;
  if (assigned != bool(x.getLayout()) || assigned != bool(y.getLayout()) || x.isShared() || y.isShared()) // Q1
    return emitOpError("transforms tiles on registers by left, right or butterfly, or tiles without layouts by any");
  if (!assigned)
    return success();
  if (getHow() != How::Butterfly && x.getReal().isF32() && !getPlan().getCompute().isF32()) // Q2
    return emitOpError("operands of matrix products are 16-bit, got ") << x.getElement();
  ArrayRef<int64_t> radices;
  std::optional<monarch::Layout> after =
      x.getLayout().getLayout(radices).afterDft(static_cast<int>(getDigit()), getInverse(),
                                                getHow() == How::Left    ? monarch::Layout::Dft::Left
                                                : getHow() == How::Right ? monarch::Layout::Dft::Right
                                                                         : monarch::Layout::Dft::Butterfly);
  if (!after || LayoutAttr::get(getContext(), *after) != y.getLayout()) // Q1
    return emitOpError("does not turn the layout of ") << x << " into that of " << y;
  return success();
}

/// Z1.
static LogicalResult verifySameLayout(Operation *op, TileType x, TileType y) {
  if (x.getLayout() != y.getLayout() || x.isShared())
    return op->emitOpError("operand and result must have the same layout on registers, got ") << x << " and " << y;
  return success();
}

LogicalResult TileTwiddleOp::verify() {
  if (failed(verifyDigit(*this, getDigit(), getPlan())))
    return failure();
  return verifySameLayout(*this, getX().getType(), getY().getType());
}

LogicalResult TileProductOp::verify() { return verifySameLayout(*this, getX().getType(), getY().getType()); }

LogicalResult TileGateOp::verify() {
  if (getX().getType() != getGate().getType() || getX().getType() != getY().getType()) // Z2
    return emitOpError("operands and result must have the same type");
  return success();
}

LogicalResult CopyOutOp::verify() {
  if (getGate() && getGate().getType() != getY().getType()) // O1
    return emitOpError("the gate must have the type of y, ") << getY().getType() << ", got " << getGate().getType();
  return success();
}

LogicalResult ToeplitzOp::verify() {
  MemRefType u = getU().getType(), k = getK().getType();
  bool good = k.hasStaticShape() && k.getDimSize(0) == getHeads() && u.getElementType() == getDirect().getCompute() &&
              (!getCenter() || *getCenter() < static_cast<uint64_t>(k.getDimSize(1)));
  for (Value row : {Value(getPreGate()), Value(getPostGate()), Value(getY())})
    good &= !row || row.getType() == u;
  if (getSkip())
    good &= cast<MemRefType>(getSkip().getType()).getShape() == ArrayRef(getHeads());
  if (!good) // X3
    return emitOpError("takes rows, gates and results of one type, that of its compute, a filter and a skip for each "
                       "head, and for 'center' "
                       "the index of a tap");
  return success();
}

LogicalResult TurnRowsOp::verify() {
  MemRefType x = getX().getType(), y = getY().getType();
  const monarch::Chip *chip = monarch::findChip(getChip().str());
  if (y.getElementType() != x.getElementType() || (getGate() && getGate().getType() != getChannelsLastType()) ||
      y.getShape() != ArrayRef<int64_t>(turnedShape(x.getShape())) || !chip || !chip->isGpu()) // X4
    return emitOpError("turns rows to others whose last two dimensions have changed places, by a gate of the type of "
                       "those whose channels are last, on a GPU");
  monarch::TurnTile tile = getTile();
  int64_t across = llvm::divideCeil(getHeads(), tile.heads), along = llvm::divideCeil(getLength(), tile.times);
  if (getLength() > monarch::longestDirect || across > std::numeric_limits<int32_t>::max() / along) // X5
    return emitOpError("has more times or tiles than 32-bit numbers count: ")
           << getHeads() << " heads of " << getLength() << " times";
  return success();
}

int64_t PrepareOp::getParts() {
  monarch::Digits digits = getDigits(getSpectrum().getPlan());
  return digits.product(0, digits.first());
}

int64_t PrepareOp::getSharedBytes() {
  return 2 * 8 * getSpectrum().getPlan().getPoints() / getParts() + (isScaled() ? 4 * threads : 0);
}

LogicalResult PrepareOp::verify() {
  MemRefType k = getK().getType(), buffer = getBuffer().getType();
  int64_t values = monarch::spectrumValues(getSpectrum().getPlan().getPoints(), isScaled());
  if (!k.hasStaticShape() || buffer.getShape() != ArrayRef<int64_t>{k.getDimSize(0), values}) // X1
    return emitOpError("the spectra of ")
           << k << " take " << k.getDimSize(0) << " x " << values << " values, not " << buffer;
  if (getSkip() && cast<MemRefType>(getSkip().getType()).getShape() != ArrayRef(k.getDimSize(0)))
    return emitOpError("skips are one f32 for each of the ")
           << k.getDimSize(0) << " heads, got " << getSkip().getType();
  bool bidirectional = getSpectrum().getBoundary() == Boundary::Bidirectional; // X2
  if (bidirectional != getCenter().has_value() ||
      (bidirectional && *getCenter() >= static_cast<uint64_t>(k.getDimSize(1))))
    return emitOpError("'center' is the index of a tap of a bidirectional filter, and of no other");
  return success();
}
