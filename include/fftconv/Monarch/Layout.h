//===- Layout.h - Digits on registers, lanes and warps ----------*- C++ -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A layout says which bit of which digit sits on which bit of the hardware: a one-to-one map. All fragments of mma, ldmatrix and
// stmatrix are such maps, and what an mma does to a layout is that it transforms the digit on the COLUMN bits, and leaves the new
// digit there ("right") or on the ROW bits, where the old rows become columns ("left"). Of a tile of complex values, an mma of 16 x 16 takes all columns of one
// plane; or eight of them with their real and imaginary parts, so that a digit of 8 values leaves r1 and r2 to others.
//
// Bits of the hardware: r0..r2 register of a 16 x 16 tile (r0: the pair in a 32-bit register), u0.. the tile held by a thread, l0..l4
// the lane, i0.. the iteration of a warp's loop, w0.. the warp. A digit whose radix is not a power of two lives on register and tile bits with
// some values absent, or as a whole on the loop.
//
//===----------------------------------------------------------------------===//

#ifndef FFTCONV_MONARCH_LAYOUT_H
#define FFTCONV_MONARCH_LAYOUT_H

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace fftconv::monarch {

/// A bit of the hardware: kind is one of r, u, l, i, w.
struct Place {
  char kind;
  int index;
  auto operator<=>(const Place &) const = default;
};

/// A bit of digit j (time n_j or frequency k_j), or the whole digit. Digit 0 counts the sequences of a CTA.
struct Piece {
  int digit = 0;
  /// The bit, or `whole`.
  int index = 0;
  bool frequency = false;
  static constexpr int whole = -1;

  bool sameBit(const Piece &other) const { return digit == other.digit && index == other.index; }
  auto operator<=>(const Piece &) const = default;
};

/// Where in the machine a value is.
struct Coordinates {
  int64_t reg = 0, tile = 0, lane = 0, loop = 0, warp = 0;
};

/// r0 l0 l1 r2 and l2 l3 l4 r1: the two sides of a tile.
extern const std::array<Place, 4> columnPlaces, rowPlaces;

class Layout {
public:
  /// Radices of digits 0 (sequences) to p.
  explicit Layout(std::vector<int64_t> radices = {}) : sizes(std::move(radices)) {}

  const std::vector<int64_t> &radices() const { return sizes; }
  const std::map<Place, Piece> &pieces() const { return map; }
  bool has(Place place) const { return map.contains(place); }
  const Piece &at(Place place) const { return map.at(place); }
  void set(Place place, Piece piece) { map[place] = piece; }
  /// How many of the pieces lie on a kind of bits.
  int count(char kind) const;
  bool holds(const Piece &piece) const;
  /// The places that hold bits of a digit.
  std::vector<Place> placesOf(int digit) const;
  /// The pieces on the places that are there, in order.
  std::vector<Piece> on(std::span<const Place> places) const;
  /// All places of a kind, in order.
  std::vector<Place> places(char kind) const;

  /// Values that the loop takes; tiles and warps are powers of two.
  int64_t trips() const;
  int64_t tiles() const { return int64_t(1) << count('u'); }
  int64_t warps() const { return int64_t(1) << count('w'); }

  /// The value of a digit at a place in the machine.
  int64_t value(int digit, const Coordinates &at) const;
  /// The values of digits 0 to p.
  std::vector<int64_t> values(const Coordinates &at) const;
  /// False where a padded digit has a value that its radix does not reach.
  bool present(const Coordinates &at) const;
  /// True where the digit does not differ inside one tile of a warp; or inside each part of it, those elements that have the bits of `except` (r1, r2) in common.
  bool uniform(int digit, const std::set<Place> &except = {}) const;

  /// How many combinations of values of some digits a lane holds, those inside a packed register apart.
  int64_t variants(const std::vector<int> &digits) const;

  /// The layout after the DFT of a digit by mma ("left" swaps the sides) or by butterflies on registers; nothing where another layout is
  /// needed first. A digit of 16 values takes all column bits, one of 8 all but r2; one of more, which is transformed from the right, numbers tiles besides.
  enum class Dft { Left, Right, Butterfly };
  std::optional<Layout> afterDft(int digit, bool inverse, Dft how) const;

  /// Kinds of bits on which two layouts differ: r and u cost nothing, l shared memory, w a barrier of the CTA as well.
  static std::set<char> difference(const Layout &a, const Layout &b);

  bool operator==(const Layout &) const = default;

private:
  std::vector<int64_t> sizes;
  std::map<Place, Piece> map;
};

/// "n1" for all of a digit, "n2.0-1" for two of its bits, "b" for sequences, "-" for nothing.
std::string spell(std::span<const Piece> pieces, const std::vector<int64_t> &radices);

/// The bits of a digit, rounded up to a power of two.
int bitsOf(int64_t radix);
bool isPowerOfTwo(int64_t value);

/// Rows and columns of the operands of mma.m16n8k16 and of the four 8 x 8 matrices of ldmatrix and stmatrix, as layouts: which value a
/// lane's register holds. A: (m, k); B: (k, n); D: (m, n). Matrices: (row that the lane of this number addresses, element of it).
enum class Fragment { A, B, D, Matrices, TransposedMatrices };
std::pair<int, int> fragmentIndex(Fragment fragment, int lane, int reg);

/// Which bits of digits are XORed onto the chunk bits of a shared-memory address (which 16 bytes of a line of 128): a few ones added to a
/// linear map over F2.
using Swizzle = std::map<std::pair<int, int>, int>;

/// Addresses in shared memory, in elements of 2 bytes: digits in order, the last one fastest, with the swizzle on top, and `padding` elements
/// behind all that one value of digit 1 has. A digit keeps its place when it is transformed, so that every phase works in place.
class SharedMap {
public:
  SharedMap(std::vector<int64_t> radices, Swizzle swizzle = {}, int64_t padding = 0);

  /// Of a digit, without padding.
  int64_t stride(int digit) const { return strides[digit]; }
  const Swizzle &swizzle() const { return masks; }
  /// The elements of padding that lie below a bit of a digit.
  int64_t paddingBelow(int digit, int bit) const {
    return digit > 1 ? 0 : (digit == 1 ? padding : padding * radices[1]) << bit;
  }
  /// Elements of a sequence, padding among them.
  int64_t elements() const { return strides[0] + padding * radices[1]; }
  /// Chunk bits (0 to 3) that no carry reaches, so that a swizzle may change them.
  int pureChunkBits() const;
  int64_t address(std::span<const int64_t> values) const;

private:
  std::vector<int64_t> radices, strides;
  Swizzle masks;
  int64_t padding;
};

/// How ldmatrix and stmatrix reach a tile: transposed or not, and the layout of lanes that supply row addresses.
struct MatrixAccess {
  bool transposed;
  Layout rows;
};
/// Nothing unless eight neighbours in memory lie on one side of the tile.
std::optional<MatrixAccess> matrixAccess(const Layout &layout, const SharedMap &memory);

/// Wavefronts of one warp-wide access: addresses of `width` bytes each, in elements. 128 bytes make a phase, its fullest bank is its cost.
int64_t wavefronts(std::span<const int64_t> addresses, int width);
/// Addresses of the 32 lanes of an access by rows (see MatrixAccess), elsewhere at `at`.
std::array<int64_t, 32> rowAddresses(const Layout &rows, const SharedMap &memory, Coordinates at);

/// Whether an access is free of bank conflicts wherever the loop, the tiles and the warps stand.
bool isConflictFree(const Layout &access, const SharedMap &memory);

/// The swizzle with the fewest ones that frees all accesses of bank conflicts, or nothing.
std::optional<Swizzle> solveSwizzle(const std::vector<int64_t> &radices, std::span<const Layout> accesses,
                                    int64_t padding = 0);

} // namespace fftconv::monarch

#endif // FFTCONV_MONARCH_LAYOUT_H
