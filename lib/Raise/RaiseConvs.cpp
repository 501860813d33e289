//===- RaiseConvs.cpp - fftconv.conv for convolutions that were found ------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Works on a copy of each function in which calls of private functions are inlined; it takes the place of the function where something was raised.
//
//===----------------------------------------------------------------------===//

#include "ConvEmitter.h"

#include "fftconv/IR/FFTConv.h"
#include "fftconv/Raise/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Remarks.h"
#include "llvm/Support/FormatVariadic.h"

namespace fftconv {
#define GEN_PASS_DEF_RAISECONVS
#include "fftconv/Raise/Passes.h.inc"
} // namespace fftconv

using namespace mlir;
using namespace fftconv;

namespace {
struct RaiseConvs : fftconv::impl::RaiseConvsBase<RaiseConvs> {
  using RaiseConvsBase::RaiseConvsBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    SmallVector<func::FuncOp> roots;
    DenseSet<StringAttr> used = usedSymbols(module);
    for (auto function : module.getOps<func::FuncOp>())
      if (!function.isExternal() && (!function.isPrivate() || !used.contains(function.getSymNameAttr())))
        roots.push_back(function);
    for (func::FuncOp function : roots)
      raise(module, function);
    // What was inlined everywhere is needed no more.
    for (bool changed = true; changed;) {
      changed = false;
      used = usedSymbols(module);
      for (auto function : llvm::make_early_inc_range(module.getOps<func::FuncOp>()))
        if (inlined.contains(function.getSymNameAttr()) && !used.contains(function.getSymNameAttr())) {
          function.erase();
          changed = true;
        }
    }
  }

private:
  DenseSet<StringAttr> inlined;

  static bool hasHostOps(func::FuncOp function) {
    return function.walk([](Operation *op) { return isHostOp(op) ? WalkResult::interrupt() : WalkResult::advance(); })
        .wasInterrupted();
  }

  /// The symbols that ops refer to. (Upstream's tables of users do not take unregistered ops with regions.)
  static DenseSet<StringAttr> usedSymbols(ModuleOp module) {
    DenseSet<StringAttr> used;
    module.walk([&](Operation *op) {
      op->getAttrDictionary().walk([&](SymbolRefAttr symbol) { used.insert(symbol.getRootReference()); });
    });
    return used;
  }

  /// Inlines calls of private functions of one block, those that they call among them; not without end where they call themselves.
  static void inlineCalls(ModuleOp module, func::FuncOp function, SmallVector<StringAttr> &names) {
    constexpr int deepest = 16;
    for (int depth = 0; depth < deepest; ++depth) {
      bool changed = false;
      for (auto call : llvm::make_early_inc_range(function.getBody().front().getOps<func::CallOp>())) {
        auto callee = module.lookupSymbol<func::FuncOp>(call.getCallee());
        if (!callee || !callee.isPrivate() || callee.isExternal() || !callee.getBody().hasOneBlock() ||
            callee == function)
          continue;
        IRMapping map;
        map.map(callee.getArguments(), call.getOperands());
        OpBuilder b(call);
        for (Operation &op : callee.getBody().front().without_terminator())
          b.clone(op, map);
        for (auto [result, value] :
             llvm::zip(call.getResults(), callee.getBody().front().getTerminator()->getOperands()))
          result.replaceAllUsesWith(map.lookupOrDefault(value));
        names.push_back(callee.getSymNameAttr());
        call.erase();
        changed = true;
      }
      if (!changed)
        return;
    }
  }

  void raise(ModuleOp module, func::FuncOp function) {
    if (!function.getBody().hasOneBlock())
      return;
    OpBuilder b(function);
    SmallVector<StringAttr> names;
    auto copy = cast<func::FuncOp>(b.clone(*function));
    inlineCalls(module, copy, names);
    if (!hasHostOps(copy)) {
      copy.erase();
      return;
    }
    Matcher matcher(copy);
    matcher.run();
    if (matcher.matches().empty()) {
      if (!matcher.sawTransforms())
        remark::missed(function.getLoc(), options("NotRaised"))
            << remark::reason("there is no Fourier transform in it");
      copy.erase();
      return;
    }
    DenseMap<Value, Value> replaced;
    for (const Match &match : matcher.matches()) {
      Operation *op = match.result.getDefiningOp();
      b.setInsertionPoint(op);
      auto [y, boundary] = emitConv(b, match.inverse->getLoc(), match, replaced);
      Value result = match.result;
      result.replaceAllUsesWith(y);
      replaced[match.result] = y;
      std::string text =
          llvm::formatv("{0} convolution of length {1}, transforms of {2} points, {3}{4}{5}", boundary,
                        match.signal.count, match.size, match.filter.size() == 1 ? "one filter" : "a sum of filters",
                        match.preGate || match.postGate ? ", gated" : "", match.skip ? ", with a skip" : "");
      remark::passed(match.inverse->getLoc(), options("Raised")) << text;
    }
    eraseDead(copy);
    function.getBody().takeBody(copy.getBody());
    copy.erase();
    inlined.insert(names.begin(), names.end());
  }

  static remark::RemarkOpts options(StringRef name) { return remark::RemarkOpts::name(name).category("fftconv-raise"); }

  /// Ops whose results nothing needs.
  static void eraseDead(func::FuncOp function) {
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(function.getBody().front()))) {
      if (!isPureHostOp(&op) && !(isMemoryEffectFree(&op) && !op.hasTrait<OpTrait::IsTerminator>()))
        continue;
      if (!llvm::all_of(op.getUsers(), isAssert))
        continue;
      for (Operation *user : llvm::make_early_inc_range(op.getUsers()))
        if (user->use_empty())
          user->erase();
      if (op.use_empty())
        op.erase();
    }
  }
};
} // namespace
