//===- Dialect.cpp - Dialect, attributes, shared helpers ------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Registration, aliases, and the verifiers of plans, schedules and spectra.
//
//===----------------------------------------------------------------------===//

#include "fftconv/IR/FFTConv.h"
#include "fftconv/Monarch/Chip.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace fftconv;

#include "fftconv/IR/FFTConvDialect.cpp.inc"
#include "fftconv/IR/FFTConvEnums.cpp.inc"

/// `, copies = ...` and `, mma = ...`, each only where it is not the default.
static ParseResult parseChoices(AsmParser &parser, Copies &copies, Mma &mma) {
  copies = Copies::Async;
  mma = Mma::Warp;
  auto parse = [&](auto &choice, auto symbolize) -> ParseResult {
    StringRef word;
    SMLoc at;
    if (parser.parseEqual() || parser.getCurrentLocation(&at) || parser.parseKeyword(&word))
      return failure();
    auto known = symbolize(word);
    if (!known)
      return parser.emitError(at, "unknown choice '") << word << "'";
    choice = *known;
    return success();
  };
  while (succeeded(parser.parseOptionalComma())) {
    if (succeeded(parser.parseOptionalKeyword("copies"))) {
      if (parse(copies, [](StringRef word) { return symbolizeCopies(word); }))
        return failure();
    } else if (parser.parseKeyword("mma", " or copies") ||
               parse(mma, [](StringRef word) { return symbolizeMma(word); })) {
      return failure();
    }
  }
  return success();
}

static void printChoices(AsmPrinter &printer, Copies copies, Mma mma) {
  if (copies != Copies::Async)
    printer << ", copies = " << stringifyCopies(copies);
  if (mma != Mma::Warp)
    printer << ", mma = " << stringifyMma(mma);
}

#define GET_ATTRDEF_CLASSES
#include "fftconv/IR/FFTConvAttrs.cpp.inc"
#define GET_TYPEDEF_CLASSES
#include "fftconv/IR/FFTConvTypes.cpp.inc"

namespace {
/// Plans and spectra print as aliases: they recur in every type of the lower rungs.
struct Aliases : OpAsmDialectInterface {
  using OpAsmDialectInterface::OpAsmDialectInterface;
  AliasResult getAlias(Attribute attr, raw_ostream &os) const override {
    return llvm::TypeSwitch<Attribute, AliasResult>(attr)
        .Case<ScheduleAttr>([&](auto) { return os << "schedule", AliasResult::OverridableAlias; })
        .Case<PlanAttr>([&](auto) { return os << "plan", AliasResult::OverridableAlias; })
        .Case<SpectrumAttr>([&](auto) { return os << "spectrum", AliasResult::OverridableAlias; })
        .Default(AliasResult::NoAlias);
  }
};
} // namespace

void FFTConvDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "fftconv/IR/FFTConvAttrs.cpp.inc"
      >();
  addTypes<
#define GET_TYPEDEF_LIST
#include "fftconv/IR/FFTConvTypes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "fftconv/IR/FFTConvOps.cpp.inc"
      >();
  addInterfaces<Aliases>();
  // Canonicalisation of fftconv.conv builds these.
  getContext()->getOrLoadDialect<arith::ArithDialect>();
  getContext()->getOrLoadDialect<linalg::LinalgDialect>();
  getContext()->getOrLoadDialect<tensor::TensorDialect>();
}

static bool isFloatOfStages(Type type) { return type.isF16() || type.isBF16() || type.isF32(); }

LogicalResult PlanAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t points, ArrayRef<int64_t> radices,
                               Theta theta, FloatType compute, StringRef chip, ScheduleAttr schedule, int64_t blocks) {
  // P1
  if (radices.empty())
    return emitError() << "a plan needs at least one radix";
  int64_t product = 1;
  for (int64_t radix : radices)
    if (radix < 1 || llvm::MulOverflow(product, radix, product))
      return emitError() << "radices must be at least 1 and their product must fit 64 bits, got " << radix;
  if (product != points)
    return emitError() << "radices multiply to " << product << ", not to " << points << " points";
  if (!isFloatOfStages(compute)) // P2
    return emitError() << "compute type must be f16, bf16 or f32, got " << compute;
  if (!monarch::findChip(chip)) { // P3
    InFlightDiagnostic diag = emitError() << "unknown chip '" << chip << "'; known are";
    for (const monarch::Chip &known : monarch::chips())
      diag << ' ' << StringRef(known.name);
    return diag;
  }
  if (schedule && !monarch::findChip(chip)->isGpu()) // P4
    return emitError() << "a kernel schedule needs a GPU, not '" << chip << "'";
  if (schedule && !schedule.getProducts().isF32() && schedule.getProducts() != compute)
    return emitError() << "products are done in the compute type " << compute << " or in f32, not in "
                       << schedule.getProducts();
  if (blocks != 1 &&
      (radices.size() < 2 || radices.front() != blocks || !llvm::isPowerOf2_64(blocks) || theta != Theta::I)) // P5
    return emitError() << "blocks are the first of several radices, a power of two, and theta is i then; got " << blocks
                       << " blocks";
  return success();
}

LogicalResult ScheduleAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t warps, int64_t values,
                                   int64_t rows, int64_t stages, FloatType products, FloatType sums, Copies, Mma) {
  auto isPowerBetween = [](int64_t value, int64_t low, int64_t high) {
    return low <= value && value <= high && llvm::isPowerOf2_64(value);
  };
  if (!isPowerBetween(warps, 1, 32) || !isPowerBetween(values, 8, 64)) // A1
    return emitError() << "warps must be a power of two up to 32, values one from 8 to 64";
  if (rows < 1 || stages < 1 || stages > monarch::maxStages) // A2
    return emitError() << "rows must be at least 1, stages 1 to " << monarch::maxStages;
  if ((!products.isF16() && !products.isBF16() && !products.isF32()) || (!sums.isF16() && !sums.isF32()) ||
      (sums.isF16() && !products.isF16())) // A3
    return emitError() << "products must be f16, bf16 or f32, sums f16 or f32, and sums in f16 need products in f16";
  return success();
}

LogicalResult DirectAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t warps, int64_t blocks,
                                 FloatType compute, StringRef chip) {
  if (!llvm::isPowerOf2_64(warps) || warps < 1 || warps > 32 || blocks < 1) // K1
    return emitError() << "warps must be a power of two up to 32, blocks at least 1";
  if (!compute.isF16() && !compute.isBF16()) // K2
    return emitError() << "what is computed directly is f16 or bf16, not " << compute;
  const monarch::Chip *known = monarch::findChip(chip);
  if (!known || !known->isGpu()) // K3
    return emitError() << "'" << chip << "' is not a GPU that is known";
  return success();
}

LogicalResult SpectrumAttr::verify(function_ref<InFlightDiagnostic()> emitError, Boundary boundary, int64_t length,
                                   PlanAttr plan) {
  if (length < 1) // S2
    return emitError() << "length must be at least 1, got " << length;
  bool one = plan.getTheta() == Theta::One;
  if (one && boundary != Boundary::Circular) // S3
    return emitError() << "a plan with theta = one serves circular convolutions only";
  if (plan.getBlocks() > 1 && boundary != Boundary::Causal)
    return emitError() << "a plan of blocks serves causal convolutions only";
  if (one ? plan.getPoints() != length : plan.getPoints() < length) // S2
    return emitError() << "a plan of " << plan.getPoints() << " points does not serve length " << length
                       << (one ? ": theta = one needs as many points as the length" : ": it is too short");
  return success();
}

LogicalResult SpectrumAttr::verifyEncoding(ArrayRef<int64_t> shape, Type elementType,
                                           function_ref<InFlightDiagnostic()> emitError) const {
  // S1
  auto complex = dyn_cast<ComplexType>(elementType);
  if (!complex || complex.getElementType() != getPlan().getCompute())
    return emitError() << "elements of a spectrum must be complex<" << getPlan().getCompute() << ">, got "
                       << elementType;
  if (shape.size() != getPlan().getRadices().size() + 1 || shape.drop_front() != getPlan().getRadices())
    return emitError() << "shape of a spectrum must be heads x the plan's radices";
  return success();
}

bool fftconv::isDigits(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor)
    return false;
  auto complex = dyn_cast<ComplexType>(tensor.getElementType());
  return isFloatOfStages(complex ? complex.getElementType() : tensor.getElementType());
}

monarch::Digits fftconv::getDigits(PlanAttr plan) {
  return {{plan.getRadices().begin(), plan.getRadices().end()}, plan.getTheta() == Theta::I, plan.getBlocks() > 1};
}

SpectrumAttr fftconv::getSpectrumEncoding(RankedTensorType type) {
  return dyn_cast_or_null<SpectrumAttr>(type.getEncoding());
}

RankedTensorType fftconv::getSpectrumType(int64_t heads, SpectrumAttr spectrum) {
  SmallVector<int64_t> shape = {heads};
  llvm::append_range(shape, spectrum.getPlan().getRadices());
  return RankedTensorType::get(shape, ComplexType::get(spectrum.getPlan().getCompute()), spectrum);
}

RankedTensorType fftconv::getEmbeddedType(RankedTensorType signal, bool channelsLast, PlanAttr plan, bool isComplex,
                                          Type element) {
  int64_t batch = signal.getDimSize(0);
  bool paired = plan.getTheta() == Theta::One;
  SmallVector<int64_t> shape = {paired && batch != ShapedType::kDynamic ? (batch + 1) / 2 : batch,
                                signal.getDimSize(headDim(channelsLast))};
  llvm::append_range(shape, plan.getRadices());
  return RankedTensorType::get(shape, isComplex ? ComplexType::get(element) : element);
}

RankedTensorType fftconv::getEmbeddedFilterType(int64_t heads, std::optional<uint64_t> center, SpectrumAttr spectrum) {
  SmallVector<int64_t> shape = {heads};
  llvm::append_range(shape, spectrum.getPlan().getRadices());
  Type element = Float32Type::get(spectrum.getContext());
  if (center.value_or(0) > 0 || spectrum.getPlan().getBlocks() > 1)
    element = ComplexType::get(element);
  return RankedTensorType::get(shape, element);
}
