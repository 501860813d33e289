//===- Emulator.h - Runs PTX on the CPU -------------------------*- C++ -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Parses PTX text and executes its kernels, warp by warp in lockstep, with the checks and counters that let a machine without a
// GPU judge them. Plain C++20: depends on neither LLVM nor MLIR.
//
// A Program is what was parsed; it can be launched any number of times. A Device holds the global memory that launches share.
// Addresses are the device's own, not the host's.
//
//===----------------------------------------------------------------------===//

#ifndef FFTCONV_EMULATOR_EMULATOR_H
#define FFTCONV_EMULATOR_EMULATOR_H

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace fftconv::emulator {

/// PTX that is malformed or not supported, or a launch that cannot be made. `line` is 1-based, 0 where no line is to blame.
class Error : public std::runtime_error {
public:
  Error(int line, const std::string &message);
  int line() const { return lineNumber; }

private:
  int lineNumber;
};

/// What a check found. Memory errors, misuse of barriers and deadlocks are always looked for, since a run cannot go on past
/// them; the other checks are by choice.
enum class Check : uint8_t {
  OutOfBounds, ///< an access outside every buffer, variable or the CTA's shared memory, or through a freed buffer
  Misaligned,  ///< an address that is not a multiple of what the access needs
  Divergence, ///< a barrier or a warp-wide instruction that some lanes do not reach, or a shuffle from an inactive lane
  Deadlock,   ///< no warp can go on
  Trap,       ///< the trap instruction
  Uninitialised, ///< a read of shared or local memory that nothing wrote
  SharedRace,    ///< conflicting accesses to shared memory, of two warps or inside one, without synchronisation between
  GlobalRace,    ///< conflicting accesses to global memory by two CTAs
  AsyncRead,     ///< an access to the destination of an asynchronous copy that was not waited for
};

/// "out-of-bounds", "shared-race", ...
std::string_view name(Check check);
inline constexpr size_t checkCount = 9;

struct Finding {
  Check check;
  /// Line of the PTX text.
  int line = 0;
  /// What happened first: buffer, index, thread, the other access.
  std::string text;
  /// How often this check failed at this line.
  uint64_t count = 1;
};

struct Dim {
  uint32_t x = 1, y = 1, z = 1;
  uint64_t count() const { return uint64_t(x) * y * z; }
};

/// The classes of executed instructions.
enum class Class : uint8_t { Mma, F32, F16, F64, Convert, Integer, Shared, Global, Local, Control, Other };
std::string_view name(Class instructionClass);
inline constexpr size_t classCount = 11;

/// What one instruction of the text (or a whole kernel) did. A site's ideal is what its accesses would need if their bytes lay best.
struct Counters {
  /// Times that a warp executed it.
  uint64_t warpInstructions = 0;
  /// Multiply-adds of mma instructions, all lanes together.
  uint64_t multiplyAdds = 0;
  uint64_t globalBytes = 0, globalSectors = 0, globalIdealSectors = 0;
  uint64_t sharedBytes = 0, sharedWavefronts = 0, sharedIdealWavefronts = 0;
  uint64_t localBytes = 0;
  /// CTA barriers, counted once for each warp that arrives.
  uint64_t barriers = 0;

  Counters &operator+=(const Counters &other);
};

struct LineCounters {
  int line = 0;
  Class instructionClass = Class::Other;
  Counters counters;
};

struct Options {
  bool uninitialised = true, sharedRaces = true, globalRaces = true, asyncReads = true;
  /// Whether sectors, wavefronts and bytes are counted; executed instructions always are.
  bool traffic = true;
  /// 0 runs warps round-robin; any other value picks the next warp at random.
  uint64_t seed = 0;
  /// Worker threads; 0 for one on each core.
  unsigned threads = 0;
  /// Findings of one check at one line are counted, but at most this many different ones are kept.
  size_t maxFindings = 32;
  /// A warp that executes this many instructions in a launch is taken to hang.
  uint64_t maxInstructions = uint64_t(1) << 32;

  /// All checks by choice and the counters off: for speed.
  static Options fast() { return {false, false, false, false, false}; }
};

struct Result {
  std::vector<Finding> findings;
  Counters total;
  std::array<uint64_t, classCount> instructions{};
  std::vector<LineCounters> lines;
  /// Wall time of the launch.
  double seconds = 0;

  bool ok() const { return findings.empty(); }
};

struct KernelInfo {
  std::string name;
  /// Bytes of each parameter.
  std::vector<size_t> parameterBytes;
  /// Static shared memory, in bytes.
  uint64_t sharedBytes = 0;
  bool usesDynamicShared = false;
};

/// A parsed module. Kernels are decoded on their first launch and kept.
class Program {
public:
  /// Throws Error at the first thing that is not known PTX. Instructions are looked at when their kernel is decoded.
  explicit Program(std::string_view ptx);
  ~Program();
  Program(Program &&) noexcept;
  Program &operator=(Program &&) noexcept;

  std::vector<KernelInfo> kernels() const;
  /// Decodes a kernel, which tells what is not supported in it; throws Error.
  void decode(std::string_view kernel);
  /// The most shared memory that a CTA may have on the module's target, in bytes.
  uint64_t sharedLimit() const;
  /// A line of the text, 1-based.
  std::string_view line(int number) const;
  int lineCount() const;

private:
  friend class Device;
  struct State;
  std::unique_ptr<State> state;
};

class Device {
public:
  /// Allocates the program's global variables with their initial values.
  explicit Device(Program &program);
  ~Device();
  Device(const Device &) = delete;
  Device &operator=(const Device &) = delete;

  /// Makes host memory visible to kernels under an address of the device, a multiple of 256. The memory stays the caller's and must
  /// outlive its use. `name` is for findings.
  uint64_t attach(std::string name, void *memory, size_t bytes);
  /// Ends the life of a buffer: later accesses are findings, and its addresses are not used again. Throws Error for an address that
  /// attach did not give.
  void detach(uint64_t address);
  /// The address of a global variable of the module; throws Error where there is none.
  uint64_t variable(std::string_view name) const;
  /// Copies to and from memory of the device, constant memory too; throws Error where no buffer or variable holds all of it.
  void write(uint64_t address, std::span<const std::byte> bytes);
  void read(uint64_t address, std::span<std::byte> bytes) const;

  /// Launches a kernel on arguments given as the bytes of each parameter, and waits. Throws Error where the launch cannot be made:
  /// an unknown kernel, arguments of another number or size, a block or an amount of shared memory that the target does not have.
  Result launch(std::string_view kernel, Dim grid, Dim block, uint64_t dynamicSharedBytes,
                std::span<const std::vector<std::byte>> arguments, const Options &options = {});

private:
  struct State;
  std::unique_ptr<State> state;
};

/// Whether kernels decoded from now on may use the host's vector instructions, where it has them. The bits of results do not depend on it.
void allowVectors(bool allowed);

/// The bytes of a kernel argument.
template <typename T>
std::vector<std::byte> argument(const T &value) {
  auto bytes = std::as_bytes(std::span(&value, 1));
  return {bytes.begin(), bytes.end()};
}

} // namespace fftconv::emulator

#endif // FFTCONV_EMULATOR_EMULATOR_H
