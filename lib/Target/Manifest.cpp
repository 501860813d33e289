//===- Manifest.cpp - How to launch what was compiled ---------------------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "fftconv/Target/Manifest.h"

#include "fftconv/IR/Launch.h"

#include "fftconv/Monarch/Chip.h"
#include "fftconv/Monarch/Kernel.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "llvm/Support/FormatVariadic.h"

using namespace llvm;
using namespace fftconv;

static constexpr int64_t manifestVersion = 2;

static SizeExpression combine(SizeExpression::Kind kind, SizeExpression a, int64_t b) {
  SizeExpression e{kind, 0, {}, {std::move(a), SizeExpression::of(b)}};
  if (e.operands[0].kind == SizeExpression::Kind::Number)
    return SizeExpression::of(cantFail(e.evaluate({})));
  return e;
}

SizeExpression SizeExpression::ceilDiv(SizeExpression a, int64_t b) {
  return b == 1 ? a : combine(Kind::CeilDiv, std::move(a), b);
}
SizeExpression SizeExpression::min(SizeExpression a, int64_t b) { return combine(Kind::Min, std::move(a), b); }
SizeExpression SizeExpression::mul(SizeExpression a, int64_t b) {
  return b == 1 ? a : combine(Kind::Mul, std::move(a), b);
}

Expected<int64_t> SizeExpression::evaluate(const std::map<std::string, int64_t> &sizes) const {
  if (kind == Kind::Number)
    return number;
  if (kind == Kind::Name) {
    auto entry = sizes.find(name);
    if (entry == sizes.end())
      return createStringError("the size '" + name + "' is not known");
    return entry->second;
  }
  Expected<int64_t> a = operands[0].evaluate(sizes), b = operands[1].evaluate(sizes);
  if (!a || !b)
    return joinErrors(a.takeError(), b.takeError());
  if (kind == Kind::Min)
    return std::min(*a, *b);
  if (kind == Kind::Mul) {
    int64_t product;
    if (MulOverflow(*a, *b, product))
      return createStringError("a size exceeds 64 bits");
    return product;
  }
  if (*b < 1)
    return createStringError("a size is divided by " + Twine(*b));
  return (*a + *b - 1) / *b;
}

//===----------------------------------------------------------------------===//
// JSON
//===----------------------------------------------------------------------===//

static StringRef nameOf(SizeExpression::Kind kind) {
  return kind == SizeExpression::Kind::Min ? "min" : kind == SizeExpression::Kind::Mul ? "mul" : "ceil_div";
}

static json::Value toJson(const SizeExpression &e) {
  switch (e.kind) {
  case SizeExpression::Kind::Number:
    return e.number;
  case SizeExpression::Kind::Name:
    return e.name;
  default:
    return json::Array{nameOf(e.kind), toJson(e.operands[0]), toJson(e.operands[1])};
  }
}

static json::Value toJson(const std::vector<ManifestLaunch> &launches) {
  json::Array result;
  for (const ManifestLaunch &launch : launches) {
    json::Array grid, arguments;
    for (const SizeExpression &e : launch.grid)
      grid.push_back(toJson(e));
    for (const ManifestArgument &a : launch.arguments)
      arguments.push_back(a.buffer ? json::Object{{"buffer", static_cast<int64_t>(*a.buffer)}}
                          : a.strideOf
                              ? json::Object{{"stride", json::Array{static_cast<int64_t>(*a.strideOf), a.dimension}}}
                              : json::Object{{"size", toJson(a.size)}});
    result.push_back(json::Object{{"kernel", launch.kernel},
                                  {"grid", std::move(grid)},
                                  {"block", json::Array(launch.block)},
                                  {"shared_bytes", launch.sharedBytes},
                                  {"arguments", std::move(arguments)}});
  }
  return result;
}

json::Value Manifest::toJson() const {
  json::Array described;
  for (const ManifestBuffer &buffer : buffers) {
    json::Array shape;
    for (const SizeExpression &e : buffer.shape)
      shape.push_back(::toJson(e));
    described.push_back(json::Object{{"name", buffer.name},
                                     {"role", buffer.role},
                                     {"type", buffer.type},
                                     {"shape", std::move(shape)},
                                     {"alignment", buffer.alignment}});
  }
  return json::Object{{"version", manifestVersion},
                      {"entry", entry},
                      {"chip", chip},
                      {"code", code},
                      {"buffers", std::move(described)},
                      {"prepare", ::toJson(prepare)},
                      {"run", ::toJson(run)}};
}

namespace fftconv {
// Found by LLVM's JSON mapping.
bool fromJSON(const json::Value &value, SizeExpression &e, json::Path path) {
  if (std::optional<int64_t> number = value.getAsInteger()) {
    e = SizeExpression::of(*number);
    return true;
  }
  if (std::optional<StringRef> name = value.getAsString()) {
    e = SizeExpression::of(name->str());
    return true;
  }
  const json::Array *array = value.getAsArray();
  std::optional<StringRef> name = array && array->size() == 3 ? (*array)[0].getAsString() : std::nullopt;
  using Kind = SizeExpression::Kind;
  const Kind *kind = nullptr;
  static constexpr Kind kinds[] = {Kind::CeilDiv, Kind::Min, Kind::Mul};
  if (name)
    kind = find_if(kinds, [&](Kind k) { return nameOf(k) == *name; });
  if (!kind || kind == std::end(kinds)) {
    path.report("a size is a number, a name, or [\"min\", \"mul\" or \"ceil_div\", size, size]");
    return false;
  }
  e.kind = *kind;
  e.operands.resize(2);
  return fromJSON((*array)[1], e.operands[0], path.index(1)) && fromJSON((*array)[2], e.operands[1], path.index(2));
}

static bool fromJSON(const json::Value &value, ManifestBuffer &buffer, json::Path path) {
  json::ObjectMapper map(value, path);
  return map && map.map("name", buffer.name) && map.map("role", buffer.role) && map.map("type", buffer.type) &&
         map.map("shape", buffer.shape) && map.map("alignment", buffer.alignment);
}

static bool fromJSON(const json::Value &value, ManifestArgument &argument, json::Path path) {
  json::ObjectMapper map(value, path);
  std::optional<int64_t> buffer;
  std::optional<SizeExpression> size;
  std::optional<std::vector<int64_t>> stride;
  if (!map || !map.mapOptional("buffer", buffer) || !map.mapOptional("size", size) ||
      !map.mapOptional("stride", stride))
    return false;
  if (buffer.has_value() + size.has_value() + stride.has_value() != 1 || (stride && stride->size() != 2)) {
    path.report("an argument is a buffer, a size, or the stride of a buffer and a dimension");
    return false;
  }
  if (stride) {
    argument.strideOf = static_cast<size_t>((*stride)[0]);
    argument.dimension = (*stride)[1];
    return true;
  }
  if (buffer)
    argument.buffer = static_cast<size_t>(*buffer);
  else
    argument.size = *size;
  return true;
}

static bool fromJSON(const json::Value &value, ManifestLaunch &launch, json::Path path) {
  json::ObjectMapper map(value, path);
  std::vector<SizeExpression> grid;
  std::vector<int64_t> block;
  if (!map || !map.map("kernel", launch.kernel) || !map.map("grid", grid) || !map.map("block", block) ||
      !map.map("shared_bytes", launch.sharedBytes) || !map.map("arguments", launch.arguments))
    return false;
  if (grid.size() != 3 || block.size() != 3) {
    path.report("grid and block have three sizes");
    return false;
  }
  std::ranges::copy(grid, launch.grid.begin());
  std::ranges::copy(block, launch.block.begin());
  return true;
}
} // namespace fftconv

Expected<Manifest> Manifest::parse(StringRef text) {
  Expected<json::Value> value = json::parse(text);
  if (!value)
    return value.takeError();
  json::Path::Root root("manifest");
  json::ObjectMapper map(*value, root);
  Manifest manifest;
  int64_t version = 0;
  if (!map || !map.map("version", version) || !map.map("entry", manifest.entry) || !map.map("chip", manifest.chip) ||
      !map.map("code", manifest.code) || !map.map("buffers", manifest.buffers) ||
      !map.map("prepare", manifest.prepare) || !map.map("run", manifest.run))
    return root.getError();
  if (version != manifestVersion)
    return createStringError("manifest of version " + Twine(version) + ", this reads version " +
                             Twine(manifestVersion));
  for (const auto *launches : {&manifest.prepare, &manifest.run})
    for (const ManifestLaunch &launch : *launches)
      for (const ManifestArgument &argument : launch.arguments) {
        std::optional<size_t> buffer = argument.buffer ? argument.buffer : argument.strideOf;
        if (buffer && *buffer >= manifest.buffers.size())
          return createStringError("manifest: kernel " + launch.kernel + " takes buffer " + Twine(*buffer) + " of " +
                                   Twine(manifest.buffers.size()));
        if (argument.strideOf && (argument.dimension < 0 ||
                                  argument.dimension >= static_cast<int64_t>(manifest.buffers[*buffer].shape.size())))
          return createStringError("manifest: kernel " + launch.kernel + " takes the stride of a dimension that " +
                                   manifest.buffers[*buffer].name + " lacks");
      }
  return manifest;
}

//===----------------------------------------------------------------------===//
// From IR
//===----------------------------------------------------------------------===//

namespace {
class ManifestMaker {
public:
  ManifestMaker(mlir::func::FuncOp entry, StringRef code) : entry(entry) {
    manifest.entry = entry.getName();
    manifest.code = code;
  }

  mlir::FailureOr<Manifest> make() {
    for (auto [i, argument] : enumerate(entry.getArguments())) {
      std::string name = "in" + std::to_string(i);
      auto type = dyn_cast<mlir::RankedTensorType>(argument.getType());
      if (!type)
        return entry.emitError("argument ") << i << " of type " << argument.getType() << " cannot be a buffer",
               mlir::failure();
      std::vector<SizeExpression> shape;
      for (auto [dim, size] : enumerate(type.getShape()))
        shape.push_back(mlir::ShapedType::isDynamic(size) ? SizeExpression::of(name + "_dim" + std::to_string(dim))
                                                          : SizeExpression::of(size));
      if (mlir::failed(add(argument, name, "input", type.getElementType(), shape)))
        return mlir::failure();
    }
    for (mlir::Operation &op : entry.getBody().front()) {
      if (auto launch = dyn_cast<LaunchOp>(op)) {
        if (mlir::failed(addLaunch(launch)))
          return mlir::failure();
      } else if (auto ret = dyn_cast<mlir::func::ReturnOp>(op)) {
        for (auto [i, value] : enumerate(ret.getOperands())) {
          ManifestBuffer *buffer = find(value);
          if (!buffer || buffer->role == "input" || buffer->role == "output")
            return ret.emitError("result ") << i << " is not what one kernel computes", mlir::failure();
          buffer->role = "output";
          buffer->name = "out" + std::to_string(i);
        }
      } else {
        return op.emitError("'") << op.getName()
                                 << "' cannot run on the device: a compiled function is a list of convolutions",
               mlir::failure();
      }
    }
    return std::move(manifest);
  }

private:
  mlir::func::FuncOp entry;
  Manifest manifest;
  DenseMap<mlir::Value, size_t> buffers;
  /// Those of signals that a kernel takes already.
  DenseSet<size_t> signals;

  ManifestBuffer *find(mlir::Value value) {
    auto known = buffers.find(value);
    return known == buffers.end() ? nullptr : &manifest.buffers[known->second];
  }

  mlir::LogicalResult add(mlir::Value value, const Twine &name, StringRef role, mlir::Type element,
                          std::vector<SizeExpression> shape) {
    if (!element.isF16() && !element.isBF16() && !element.isF32())
      return entry.emitError("buffers hold f16, bf16 or f32, not ") << element;
    buffers[value] = manifest.buffers.size();
    manifest.buffers.push_back({name.str(), role.str(),
                                element.isF16()    ? "f16"
                                : element.isBF16() ? "bf16"
                                                   : "f32",
                                std::move(shape)});
    return mlir::success();
  }

  mlir::LogicalResult addLaunch(LaunchOp op) {
    auto kernel = mlir::SymbolTable::lookupNearestSymbolFrom<mlir::gpu::GPUFuncOp>(op, op.getKernel());
    if (!kernel)
      return op.emitOpError("has no kernel ") << op.getKernel() << " at the kernel rung";
    ManifestLaunch launch;
    launch.kernel = kernel.getName();
    mlir::FailureOr<LaunchGrid> grid = getLaunchGrid(op, kernel);
    if (failed(grid))
      return mlir::failure();
    for (mlir::Value operand : op.getOperands())
      if (!find(operand))
        return op.emitOpError("takes a value that is no buffer");

    // The kernel says what it works on, its plan how.
    SizeExpression batch = SizeExpression::of(1);
    auto result = cast<mlir::MemRefType>(kernel.getArguments().back().getType());
    std::vector<SizeExpression> shape;
    bool prepare = grid->rows == 0;
    manifest.chip = grid->chip;
    if (prepare) {
      for (int64_t size : result.getShape())
        shape.push_back(SizeExpression::of(size));
    } else {
      shape = find(op.getOperands()[0])->shape;
      batch = shape[0];
      for (int dimension : {1, 2}) // turned or not
        shape[dimension] = SizeExpression::of(result.getDimSize(dimension));
    }
    SizeExpression rows = grid->rows == 1 ? batch : SizeExpression::mul(batch, grid->rows);
    launch.grid = {SizeExpression::of(grid->x),
                   prepare ? SizeExpression::of(grid->limit)
                           : SizeExpression::min(SizeExpression::ceilDiv(rows, grid->together), grid->limit),
                   SizeExpression::of(1)};
    auto block = kernel.getKnownBlockSize();
    auto shared = kernel->getAttrOfType<mlir::IntegerAttr>("fftconv.shared_bytes");
    if (!block || !shared)
      return op.emitOpError(
          "launches a kernel without known_block_size and fftconv.shared_bytes; run fftconv-to-kernel");
    launch.block = {(*block)[0], (*block)[1], (*block)[2]};
    launch.sharedBytes = shared.getInt();
    std::string name = (prepare ? "spectrum" : "temporary") + std::to_string(manifest.buffers.size());
    if (mlir::failed(add(op.getResult(), name, prepare ? "spectrum" : "workspace", result.getElementType(), shape)))
      return mlir::failure();
    SmallVector<mlir::Value> values(op.getOperands());
    values.push_back(op.getResult());
    for (mlir::Value value : values)
      launch.arguments.push_back({.buffer = buffers[value]});
    for (auto [value, argument] : zip_equal(values, kernel.getArguments()))
      if (cast<mlir::MemRefType>(argument.getType()).getRank() == 3) {
        ManifestBuffer &signal = *find(value);
        bool isFirst = signals.insert(buffers[value]).second;
        signal.alignment = std::max(isFirst ? 1 : signal.alignment, grid->alignment);
        for (int64_t dimension : {0, 1})
          launch.arguments.push_back({.strideOf = buffers[value], .dimension = dimension});
      }
    launch.arguments.push_back({.size = batch});
    // What depends on arguments of the function that are filters can be done once.
    bool once = prepare && all_of(op.getOperands(), [](mlir::Value v) { return isa<mlir::BlockArgument>(v); });
    (once ? manifest.prepare : manifest.run).push_back(std::move(launch));
    return mlir::success();
  }
};
} // namespace

mlir::FailureOr<Manifest> fftconv::makeManifest(mlir::func::FuncOp entry, StringRef code) {
  return ManifestMaker(entry, code).make();
}
