//===- ScheduleTest.cpp - Layouts, swizzles, and schedules executed -------===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Schedules run here on f64 values that sit where the layouts say. Data moves only through the modelled instructions (mma, ldmatrix,
// stmatrix, butterflies on registers of one lane), so a schedule that gives the convolution is one that hardware can follow.
//
//===----------------------------------------------------------------------===//

#include "fftconv/Monarch/Schedule.h"

#include "gtest/gtest.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

using namespace fftconv::monarch;

namespace {
constexpr double poison = std::numeric_limits<double>::quiet_NaN();

/// Values of a CTA, at every place of the machine.
struct Registers {
  int64_t loops, tiles;
  std::vector<Complex> data;
  Registers(const Layout &layout)
      : loops(layout.trips()), tiles(layout.tiles()),
        data(layout.warps() * loops * tiles * 256, Complex(poison, poison)) {}
  Complex &at(const Coordinates &c) {
    return data[(((c.warp * loops + c.loop) * tiles + c.tile) * 32 + c.lane) * 8 + c.reg];
  }
};

/// Calls visit with the first place of every tile.
void forEachTile(const Layout &layout, const std::function<void(Coordinates)> &visit) {
  Coordinates c;
  for (c.warp = 0; c.warp < layout.warps(); ++c.warp)
    for (c.loop = 0; c.loop < layout.trips(); ++c.loop)
      for (c.tile = 0; c.tile < layout.tiles(); ++c.tile)
        visit(c);
}

using Matrix = std::vector<std::vector<Complex>>;
Matrix zeros(int rows, int columns) { return Matrix(rows, std::vector<Complex>(columns)); }

/// d (16 x 8) = a (16 x 16) b (16 x 8), on fragments.
std::vector<std::array<Complex, 4>> mma(const std::vector<std::array<Complex, 8>> &a,
                                        const std::vector<std::array<Complex, 4>> &b) {
  Matrix m = zeros(16, 16), n = zeros(16, 8);
  for (int lane = 0; lane < 32; ++lane) {
    for (int reg = 0; reg < 8; ++reg) {
      auto [row, column] = fragmentIndex(Fragment::A, lane, reg);
      m[row][column] = a[lane][reg];
    }
    for (int reg = 0; reg < 4; ++reg) {
      auto [row, column] = fragmentIndex(Fragment::B, lane, reg);
      n[row][column] = b[lane][reg];
    }
  }
  std::vector<std::array<Complex, 4>> d(32);
  for (int lane = 0; lane < 32; ++lane)
    for (int reg = 0; reg < 4; ++reg) {
      auto [row, column] = fragmentIndex(Fragment::D, lane, reg);
      for (int i = 0; i < 16; ++i)
        d[lane][reg] += m[row][i] * n[i][column];
    }
  return d;
}

class Executor {
public:
  Executor(const Schedule &schedule, std::vector<double> input)
      : schedule(schedule), shared(schedule.radices[0] * schedule.memory().elements(), poison), outputs(input.size()) {
    for (int64_t i = 0; i < outputs; ++i)
      shared[schedule.inputMemory().address(digits(i))] = input[i];
  }

  /// Runs all steps on spectra given in natural order of frequency; the result is what the shared memory holds in the end.
  std::vector<double> run(const std::vector<Complex> &spectrum) {
    size_t last = 0;
    for (size_t n = 0; n < schedule.steps.size(); ++n)
      if (isDft(schedule.steps[n].kind))
        last = n;
    Registers x{Layout(schedule.radices)};
    for (size_t n = 0; n < schedule.steps.size(); ++n) {
      const Step &step = schedule.steps[n];
      switch (step.kind) {
      case StepKind::CopyIn:
      case StepKind::CopyOut:
        break;
      case StepKind::Read:
        x = read(n);
        break;
      case StepKind::Write:
        write(x, n);
        break;
      case StepKind::Left:
      case StepKind::Right:
        x = transform(x, n);
        break;
      case StepKind::Butterfly:
        x = butterfly(x, n);
        break;
      case StepKind::Twiddle:
        scale(x, step.layout, [&](const std::vector<int64_t> &d) {
          Complex w = stageFactor(schedule, HomeKind::Product, step.digit, 0, d[step.digit], d);
          return step.inverse ? std::conj(w) : w;
        });
        break;
      case StepKind::Product:
        scale(x, step.layout, [&](const std::vector<int64_t> &d) {
          int64_t f = 0, place = 1;
          for (size_t j = 1; j < d.size(); place *= schedule.radices[j++])
            f += d[j] * place;
          return spectrum[f];
        });
        break;
      }
      if (n == last)
        for (Complex &value : x.data)
          value = value.real();
    }
    std::vector<double> result(outputs);
    for (int64_t i = 0; i < outputs; ++i)
      result[i] = shared[schedule.resultMemory().address(digits(i))].real();
    return result;
  }

private:
  const Schedule &schedule;
  std::vector<Complex> shared;
  int64_t outputs;
  /// Which iteration has read an address; nothing where what it writes lies elsewhere.
  std::vector<int64_t> reader;

  std::vector<int64_t> digits(int64_t i) const {
    std::vector<int64_t> d(schedule.radices.size());
    for (size_t j = d.size(); j-- > 0; i /= schedule.radices[j])
      d[j] = i % schedule.radices[j];
    return d;
  }

  /// Where the four matrices of an ldmatrix or stmatrix lie: visit(lane, reg, address), absent rows left out.
  void forEachMatrixElement(size_t step, Coordinates tile, const std::function<void(int, int, int64_t)> &visit) {
    const Layout &layout = schedule.steps[step].layout;
    SharedMap memory = schedule.memoryOf(step);
    std::optional<MatrixAccess> access = matrixAccess(layout, memory);
    ASSERT_TRUE(access.has_value());
    std::array<int64_t, 32> rows = rowAddresses(access->rows, memory, tile);
    Fragment fragment = access->transposed ? Fragment::TransposedMatrices : Fragment::Matrices;
    for (int lane = 0; lane < 32; ++lane)
      for (int reg = 0; reg < 8; ++reg) {
        auto [first, second] = fragmentIndex(fragment, lane, reg);
        Coordinates source = tile;
        source.lane = first;
        if (access->rows.present(source))
          visit(lane, reg, rows[first] + second);
      }
  }

  Registers read(size_t step) {
    const Layout &layout = schedule.steps[step].layout;
    SharedMap memory = schedule.memoryOf(step);
    Registers x(layout);
    forEachTile(layout, [&](Coordinates c) {
      forEachMatrixElement(step, c, [&](int lane, int reg, int64_t address) {
        c.lane = lane, c.reg = reg;
        x.at(c) = shared[address];
        EXPECT_EQ(address, memory.address(layout.values(c)));
      });
    });
    // In place: what a warp takes, it will overwrite. The write checks. Padded rows come in elsewhere.
    reader.clear();
    if (step == 1 && schedule.padding)
      return x;
    reader.assign(shared.size(), -1);
    forEachTile(layout, [&](Coordinates c) {
      forEachMatrixElement(step, c,
                           [&](int, int, int64_t address) { reader[address] = c.warp * layout.trips() + c.loop; });
    });
    return x;
  }

  void write(Registers &x, size_t step) {
    const Layout &layout = schedule.steps[step].layout;
    shared.assign(shared.size(), poison);
    forEachTile(layout, [&](Coordinates c) {
      forEachMatrixElement(step, c, [&](int lane, int reg, int64_t address) {
        c.lane = lane, c.reg = reg;
        shared[address] = x.at(c);
        int64_t iteration = c.warp * layout.trips() + c.loop;
        EXPECT_EQ(reader.empty() ? iteration : reader[address], iteration)
            << "an iteration overwrites what it has read";
      });
    });
  }

  /// The matrix of a stage for the tile, or the half of one, at `c`; the values of the digits that it depends on must not vary inside.
  Matrix stageMatrix(const Layout &layout, const Step &step, Coordinates c) {
    std::vector<int64_t> d = layout.values(c);
    for (int digit : dependences(schedule, HomeKind::Matrix, step.digit))
      EXPECT_TRUE(layout.uniform(digit) || (step.kind == StepKind::Left && layout.uniform(digit, {{'r', 1}})));
    // In the order of the column bits.
    auto value = [&](int column) {
      int64_t v = 0;
      for (int bit = 0; bit < 4; ++bit)
        v |= int64_t(column >> bit & 1) << layout.at(columnPlaces[bit]).index;
      return v;
    };
    Matrix w = zeros(16, 16);
    for (int to = 0; to < 16; ++to)
      for (int from = 0; from < 16; ++from) {
        int64_t k = value(step.inverse ? from : to), n = value(step.inverse ? to : from);
        Complex factor = stageFactor(schedule, HomeKind::Matrix, step.digit, k, n, d);
        w[to][from] = step.inverse ? std::conj(factor) : factor;
      }
    return w;
  }

  /// Products of real and imaginary parts at once: the matrix is [[re, -im], [im, re]], and so are rows of data from the right.
  Registers transformBothPlanes(Registers &x, size_t n) {
    const Step &step = schedule.steps[n];
    const Layout &layout = schedule.before(n);
    bool left = step.kind == StepKind::Left;
    Registers y(step.layout);
    forEachTile(layout, [&](Coordinates c) {
      for (int quarter = 0; quarter < 4; ++quarter) {
        c.lane = 0, c.reg = 2 * quarter;
        std::vector<int64_t> d = layout.values(c);
        for (int digit : dependences(schedule, HomeKind::Matrix, step.digit))
          EXPECT_TRUE(layout.uniform(digit, {{'r', 1}, {'r', 2}}));
        auto value = [&](int column) {
          int64_t v = 0;
          for (int bit = 0; bit < 3; ++bit)
            v |= int64_t(column >> bit & 1) << layout.at(columnPlaces[bit]).index;
          return v;
        };
        auto entry = [&](int to, int from) {
          int64_t k = value(step.inverse ? from : to), t = value(step.inverse ? to : from);
          Complex w = stageFactor(schedule, HomeKind::Matrix, step.digit, k, t, d);
          return step.inverse ? std::conj(w) : w;
        };
        auto data = [&](int lane, int reg) {
          c.lane = lane, c.reg = 2 * quarter + reg;
          return x.at(c);
        };
        auto part = [](Complex z, bool lowRow, bool lowColumn) {
          return lowRow ? (lowColumn ? z.real() : -z.imag()) : (lowColumn ? z.imag() : z.real());
        };
        std::vector<std::array<Complex, 8>> a(32);
        std::vector<std::array<Complex, 4>> b(32);
        for (int lane = 0; lane < 32; ++lane) {
          for (int reg = 0; reg < 8; ++reg) {
            auto [row, column] = fragmentIndex(Fragment::A, lane, reg);
            a[lane][reg] = part(left ? entry(row % 8, column % 8) : data(lane, reg % 2), row < 8, column < 8);
          }
          for (int reg = 0; reg < 4; ++reg) {
            auto [row, column] = fragmentIndex(Fragment::B, lane, reg);
            Complex z = left ? data(lane, reg % 2) : entry(column, row % 8);
            b[lane][reg] = row < 8 ? z.real() : z.imag();
          }
        }
        auto product = mma(a, b);
        for (int lane = 0; lane < 32; ++lane)
          for (int reg = 0; reg < 2; ++reg) {
            c.lane = lane, c.reg = 2 * (left ? quarter / 2 + quarter % 2 * 2 : quarter) + reg;
            y.at(c) = Complex(product[lane][reg].real(), product[lane][reg + 2].real());
          }
      }
    });
    return y;
  }

  Registers transform(Registers &x, size_t n) {
    const Step &step = schedule.steps[n];
    if (schedule.takesBothPlanes(step.digit))
      return transformBothPlanes(x, n);
    const Layout &layout = schedule.before(n);
    Registers y(step.layout);
    forEachTile(layout, [&](Coordinates c) {
      for (int half = 0; half < 2; ++half) {
        // A product from the left takes rows with r1 = half.
        c.lane = 0, c.reg = step.kind == StepKind::Left ? 2 * half : 0;
        Matrix w = stageMatrix(layout, step, c);
        std::vector<std::array<Complex, 8>> a(32);
        std::vector<std::array<Complex, 4>> b(32);
        auto of = [&](int lane, int reg) {
          c.lane = lane, c.reg = reg;
          return x.at(c);
        };
        for (int lane = 0; lane < 32; ++lane) {
          for (int reg = 0; reg < 8; ++reg) {
            auto [row, column] = fragmentIndex(Fragment::A, lane, reg);
            a[lane][reg] = step.kind == StepKind::Left ? w[row][column] : of(lane, reg);
          }
          for (int reg = 0; reg < 4; ++reg) {
            auto [row, column] = fragmentIndex(Fragment::B, lane, reg);
            // Registers with r1 = half are the operand; right takes half of the new digit.
            b[lane][reg] =
                step.kind == StepKind::Left ? of(lane, reg % 2 + 2 * half + reg / 2 * 4) : w[column + 8 * half][row];
          }
        }
        auto d = mma(a, b);
        for (int lane = 0; lane < 32; ++lane)
          for (int reg = 0; reg < 4; ++reg) {
            c.lane = lane, c.reg = reg + 4 * half;
            y.at(c) = d[lane][reg];
          }
      }
    });
    return y;
  }

  Registers butterfly(Registers &x, size_t n) {
    const Step &step = schedule.steps[n];
    const Layout &layout = schedule.before(n);
    int64_t radix = schedule.radices[step.digit];
    Registers y(step.layout);
    forEachTile(layout, [&](Coordinates from) {
      for (from.lane = 0; from.lane < 32; ++from.lane)
        for (from.reg = 0; from.reg < 8; ++from.reg) {
          if (!layout.present(from))
            continue;
          std::vector<int64_t> d = layout.values(from);
          Coordinates to = from;
          for (to.tile = 0; to.tile < layout.tiles(); ++to.tile)
            for (to.reg = 0; to.reg < 8; ++to.reg) {
              std::vector<int64_t> e = layout.values(to);
              bool partner = layout.present(to);
              for (size_t j = 0; j < d.size(); ++j)
                partner &= d[j] == e[j] || static_cast<int>(j) == step.digit;
              if (!partner)
                continue;
              int64_t k = step.inverse ? d[step.digit] : e[step.digit],
                      t = step.inverse ? e[step.digit] : d[step.digit];
              Complex w = root(-k * t, radix) / std::sqrt(static_cast<double>(radix)) *
                          stageFactor(schedule, HomeKind::Butterfly, step.digit, k, t, d);
              Complex &sum = y.at(to);
              if (std::isnan(sum.real()))
                sum = 0;
              sum += (step.inverse ? std::conj(w) : w) * x.at(from);
            }
        }
    });
    return y;
  }

  void scale(Registers &x, const Layout &layout, const std::function<Complex(const std::vector<int64_t> &)> &factor) {
    forEachTile(layout, [&](Coordinates c) {
      for (c.lane = 0; c.lane < 32; ++c.lane)
        for (c.reg = 0; c.reg < 8; ++c.reg)
          if (layout.present(c))
            x.at(c) *= factor(layout.values(c));
    });
  }
};

/// The spectrum of a filter of M taps in natural order of frequency, at a right angle, by the definition.
std::vector<Complex> spectrumOf(const std::vector<double> &taps) {
  int64_t m = taps.size();
  std::vector<Complex> table(4 * m), spectrum(m);
  for (int64_t i = 0; i < 4 * m; ++i)
    table[i] = root(-i, 4 * m);
  std::vector<int64_t> used;
  for (int64_t n = 0; n < m; ++n)
    if (taps[n] != 0)
      used.push_back(n);
  for (int64_t f = 0; f < m; ++f)
    for (int64_t n : used)
      spectrum[f] += taps[n] * table[((4 * f - 1) * n % (4 * m) + 4 * m) % (4 * m)];
  return spectrum;
}

/// Runs a schedule on random data and compares with the direct sum.
void expectConvolution(const Schedule &schedule) {
  std::mt19937_64 random(schedule.points());
  std::normal_distribution<double> normal;
  int64_t m = schedule.points(), sequences = schedule.radices[0];
  std::vector<double> u(sequences * m), taps(m);
  for (double &value : u)
    value = normal(random);
  for (int i = 0; i < 24; ++i)
    taps[random() % m] = normal(random);
  taps[0] = 1, taps[m - 1] = -1;
  std::vector<double> y = Executor(schedule, u).run(spectrumOf(taps));
  double error = 0, norm = 0;
  for (int64_t b = 0; b < sequences; ++b)
    for (int64_t n = 0; n < m; ++n) {
      double sum = 0;
      for (int64_t j = 0; j <= n; ++j)
        if (taps[j] != 0)
          sum += taps[j] * u[b * m + n - j];
      error += (y[b * m + n] - sum) * (y[b * m + n] - sum);
      norm += sum * sum;
    }
  EXPECT_LT(std::sqrt(error / norm), 1e-12);
}

/// Digits of 16 with a small one behind the first: in a warp, or in a CTA with two inner ones.
std::optional<Schedule> makeWithSmall(int64_t small, bool large, bool rightAngle = true) {
  std::vector<int64_t> radices = {16, small, 16};
  if (large)
    radices.push_back(16);
  return makeSchedule(radices, {.warps = large ? 16 : 4, .registerBits = large ? 5 : 6, .rightAngle = rightAngle});
}

int64_t countSteps(const Schedule &schedule, StepKind kind) {
  return std::ranges::count(schedule.steps, kind, &Step::kind);
}
} // namespace

TEST(Layout, FragmentsChain) {
  // D is the A operand of tile W^T as it stands, and two B operands of W tile^T.
  for (int lane = 0; lane < 32; ++lane)
    for (int half = 0; half < 2; ++half)
      for (int reg = 0; reg < 4; ++reg) {
        auto [row, column] = fragmentIndex(Fragment::D, lane, reg);
        EXPECT_EQ(fragmentIndex(Fragment::A, lane, reg + 4 * half), std::pair(row, column + 8 * half));
        // The B operand that contracts D's column, of the rows with r1 = half: register (pair, column half).
        auto [k, n] = fragmentIndex(Fragment::B, lane, reg);
        auto [m, c] = fragmentIndex(Fragment::A, lane, reg % 2 + 2 * half + reg / 2 * 4);
        EXPECT_EQ(std::pair(m, c), std::pair(n + 8 * half, k));
      }
}

TEST(Layout, TransformsOnlyWhatLiesOnColumns) {
  Layout layout({1, 16, 16});
  for (int t = 0; t < 4; ++t) {
    layout.set(columnPlaces[t], {1, t});
    layout.set(rowPlaces[t], {2, t});
  }
  EXPECT_FALSE(layout.afterDft(2, false, Layout::Dft::Left).has_value());
  EXPECT_FALSE(layout.afterDft(1, true, Layout::Dft::Left).has_value()) << "it is time, not frequency";
  EXPECT_FALSE(layout.afterDft(1, false, Layout::Dft::Butterfly).has_value());
  std::optional<Layout> left = layout.afterDft(1, false, Layout::Dft::Left);
  ASSERT_TRUE(left.has_value());
  EXPECT_EQ(spell(left->on(columnPlaces), left->radices()), "n2");
  EXPECT_EQ(spell(left->on(rowPlaces), left->radices()), "k1");
  EXPECT_EQ(Layout::difference(layout, *left), (std::set<char>{'l', 'r'}));
  EXPECT_EQ(Layout::difference(*left, *left), std::set<char>());
}

TEST(Layout, SpellsPieces) {
  std::vector<int64_t> radices = {4, 16, 8, 7};
  auto text = [&](std::vector<Piece> pieces) { return spell(pieces, radices); };
  EXPECT_EQ(text({}), "-");
  EXPECT_EQ(text({{1, 0}, {1, 1}, {1, 2}, {1, 3}}), "n1");
  EXPECT_EQ(text({{1, 0}, {1, 1}, {1, 2}, {2, 0, true}}), "n1.0-2 k2.0");
  EXPECT_EQ(text({{3, Piece::whole, true}, {0, 0}, {0, 1}}), "k3 b");
}

TEST(Layout, SwizzlesArePermutations) {
  for (std::vector<int64_t> radices : {std::vector<int64_t>{1, 16, 3, 16}, {1, 16, 6, 16}, {2, 16, 4, 16}}) {
    std::optional<Schedule> schedule = makeSchedule({radices.begin() + 1, radices.end()}, {.warps = 4});
    ASSERT_TRUE(schedule.has_value());
    SharedMap memory = schedule->memory();
    int64_t size = schedule->radices[0] * schedule->points();
    std::set<int64_t> seen;
    for (int64_t i = 0; i < size; ++i) {
      std::vector<int64_t> d(schedule->radices.size());
      int64_t rest = i;
      for (size_t j = d.size(); j-- > 0; rest /= schedule->radices[j])
        d[j] = rest % schedule->radices[j];
      int64_t address = memory.address(d);
      EXPECT_EQ(address / 64, i / 64) << "a line of 128 bytes keeps what it holds";
      seen.insert(address);
    }
    EXPECT_EQ(static_cast<int64_t>(seen.size()), size);
  }
}

TEST(Layout, CountsBankConflicts) {
  std::vector<int64_t> rows(32);
  std::iota(rows.begin(), rows.end(), 0);
  auto scaled = [&](int64_t stride) {
    std::vector<int64_t> result;
    for (int64_t row : rows)
      result.push_back(row * stride);
    return result;
  };
  EXPECT_EQ(wavefronts(scaled(8), 16), 4);
  EXPECT_EQ(wavefronts(scaled(64), 16), 32);
  EXPECT_EQ(wavefronts(scaled(2), 4), 1);
  EXPECT_EQ(wavefronts(scaled(4), 4), 2);
  EXPECT_EQ(wavefronts(std::vector<int64_t>(32, 7 * 2), 4), 1) << "one word to all lanes";
}

// The table of the model: digits, sequences, exchanges, barriers, products, mma per 4096 points, wavefronts per 256.
TEST(Schedule, ReproducesTheTableOfPowersOfTwo) {
  struct Row {
    int64_t points;
    int warps, registerBits;
    std::vector<int64_t> radices;
    int64_t exchanges, products, mma, wavefronts;
  };
  for (const Row &row : std::vector<Row>{
           {256, 16, 5, {16, 16, 16}, 0, 2, 384, 16},
           {512, 16, 5, {16, 16, 2, 16}, 0, 2, 384, 16},
           {1024, 16, 5, {16, 16, 4, 16}, 0, 2, 384, 16},
           {2048, 16, 5, {8, 16, 8, 16}, 2, 2, 384, 48},
           {4096, 16, 5, {1, 16, 16, 16}, 2, 2, 640, 48},
           {8192, 16, 5, {1, 16, 2, 16, 16}, 2, 2, 640, 48},
           {16384, 16, 5, {1, 16, 4, 16, 16}, 2, 2, 640, 48},
           {32768, 16, 5, {1, 16, 8, 16, 16}, 2, 2, 640, 48},
           {512, 16, 3, {8, 16, 2, 16}, 2, 2, 384, 48},
           {1024, 16, 3, {4, 4, 16, 16}, 2, 2, 512, 48},
           {4096, 16, 3, {1, 16, 16, 16}, 2, 2, 640, 48},
           {8192, 16, 3, {1, 16, 2, 16, 16}, 2, 2, 640, 48},
           {1024, 4, 5, {4, 16, 4, 16}, 0, 2, 384, 16},
           {2048, 8, 4, {1, 16, 8, 16}, 2, 2, 512, 48},
           {32768, 8, 5, {1, 16, 8, 16, 16}, 2, 2, 640, 48},
       }) {
    SCOPED_TRACE(testing::Message() << row.points << " points, " << row.warps << " warps");
    std::optional<Schedule> schedule = makeSchedule(row.points, {row.warps, row.registerBits});
    ASSERT_TRUE(schedule.has_value());
    EXPECT_EQ(schedule->radices, row.radices);
    EXPECT_EQ(countSteps(*schedule, StepKind::Read) - 1, row.exchanges);
    EXPECT_EQ(countSteps(*schedule, StepKind::Twiddle), row.products);
    StepCost cost = totalCost(*schedule);
    int64_t elements = row.points * row.radices[0];
    EXPECT_EQ(cost.mma * 4096 / elements, row.mma);
    EXPECT_EQ(cost.wavefronts * 256 / elements, row.wavefronts);
    EXPECT_EQ(cost.wavefronts, cost.idealWavefronts);
    EXPECT_EQ(cost.barriers, 2 * row.exchanges);
    expectConvolution(*schedule);
  }
}

// Small digits of any radix up to eight, in a warp and in a CTA.
TEST(Schedule, RunsEverySmallRadix) {
  for (int64_t small = 2; small <= 8; ++small)
    for (bool large : {false, true}) {
      SCOPED_TRACE(testing::Message() << small << (large ? ", two inner digits" : ""));
      std::optional<Schedule> schedule = makeWithSmall(small, large);
      ASSERT_TRUE(schedule.has_value());
      EXPECT_EQ(schedule->split, large ? 2 : 0);
      StepCost cost = totalCost(*schedule);
      int64_t elements = schedule->points() * schedule->radices[0];
      EXPECT_EQ(cost.mma, elements * (large ? 640 : 384) / 4096);
      EXPECT_EQ(cost.wavefronts, cost.idealWavefronts);
      expectConvolution(*schedule);
    }
}

// Digits of 8 values whose real and imaginary parts are one mma: half of the work of those of 16.
TEST(Schedule, TransformsBothPlanesAtOnce) {
  struct Row {
    std::vector<int64_t> radices;
    int warps, split;
    /// Of both planes; mma for 4096 points.
    std::set<int> eights;
    int64_t mma;
    bool rightAngle = true;
  };
  for (const Row &row : std::vector<Row>{
           {{16, 2, 8}, 4, 0, {3}, 256},
           {{16, 8, 8}, 1, 0, {3}, 256},
           {{16, 4, 8, 8}, 8, 2, {3, 4}, 384},
           {{16, 4, 8, 8}, 16, 1, {3, 4}, 384},
           {{16, 8, 8, 8}, 8, 2, {3, 4}, 384},
           {{16, 3, 16, 8}, 8, 2, {4}, 512},
           {{16, 4, 8, 16}, 16, 2, {3}, 512},
           {{16, 4, 2, 8, 8}, 16, 2, {4, 5}, 384},
           {{16, 5, 2, 8, 8}, 8, 2, {4, 5}, 384},
           {{16, 8, 4, 8, 8}, 16, 2, {4, 5}, 384},
           {{16, 7, 8, 8, 8}, 16, 2, {3, 5}, 384},
           {{8, 8, 8, 8}, 8, 2, {1, 3, 4}, 384, false},
       }) {
    SCOPED_TRACE(testing::PrintToString(row.radices) + ", " + std::to_string(row.warps) + " warps");
    std::optional<Schedule> schedule = makeSchedule(row.radices, {.warps = row.warps, .rightAngle = row.rightAngle});
    ASSERT_TRUE(schedule.has_value());
    EXPECT_EQ(schedule->split, row.split);
    for (int digit = 1; digit <= static_cast<int>(row.radices.size()); ++digit)
      EXPECT_EQ(schedule->takesBothPlanes(digit), row.eights.contains(digit)) << digit;
    StepCost cost = totalCost(*schedule);
    EXPECT_EQ(cost.mma, schedule->points() * schedule->radices[0] * row.mma / 4096);
    EXPECT_EQ(cost.wavefronts, cost.idealWavefronts);
    if (row.rightAngle)
      expectConvolution(*schedule);
  }
  EXPECT_FALSE(makeSchedule({8, 8, 8, 8}, {.warps = 8}).has_value()) << "real ends have one plane";
  EXPECT_EQ(findSchedule({4, 16, 16}, {.warps = 4}), nullptr) << "no butterfly of real rows";
  EXPECT_FALSE(makeSchedule({16, 3, 8}, {.warps = 4}).has_value()) << "values of a tile that are absent";
}

// What a butterfly would multiply with is in matrices, also where its digit is on the registers of a tile; without a right angle a digit of two keeps its twist.
TEST(Schedule, LeavesButterfliesWithoutTwist) {
  for (int64_t small = 2; small <= 8; ++small)
    for (bool large : {false, true})
      for (bool rightAngle : {false, true}) {
        SCOPED_TRACE(testing::Message() << small << (large ? ", two inner digits" : ""));
        std::optional<Schedule> schedule = makeWithSmall(small, large, rightAngle);
        ASSERT_TRUE(schedule.has_value());
        // Of two values without a right angle, and where matrices would be more than 64.
        EXPECT_EQ(twists(*schedule, 2), (!rightAngle && small == 2) || (large && small > 4));
        EXPECT_FALSE(twists(*schedule, 1));
      }
}

// Products are rotations by less than 100 degrees: three shears do them.
TEST(Schedule, TurnsByLittle) {
  for (const std::vector<int64_t> &radices : std::vector<std::vector<int64_t>>{{16, 16},
                                                                               {16, 2, 16},
                                                                               {16, 8, 16},
                                                                               {16, 16, 16},
                                                                               {16, 2, 16, 16},
                                                                               {16, 7, 16, 16},
                                                                               {16, 8, 16, 16},
                                                                               {16, 8, 8},
                                                                               {16, 4, 8, 8},
                                                                               {16, 8, 8, 8},
                                                                               {16, 4, 16, 8},
                                                                               {16, 8, 4, 8, 8},
                                                                               {16, 7, 8, 8, 8}}) {
    bool large = radices.size() >= 4 || radices[1] == 16;
    std::optional<Schedule> schedule =
        makeSchedule(radices, {.warps = large && radices.size() > 2 ? 16 : 4, .registerBits = 6});
    ASSERT_TRUE(schedule.has_value());
    double most = 0;
    std::vector<int64_t> d(schedule->radices.size());
    for (const Step &step : schedule->steps) {
      if (step.kind != StepKind::Twiddle)
        continue;
      std::function<void(size_t)> each = [&](size_t j) {
        if (j == d.size()) {
          most = std::max(
              most, std::abs(std::arg(stageFactor(*schedule, HomeKind::Product, step.digit, 0, d[step.digit], d))));
          return;
        }
        for (d[j] = 0; d[j] < schedule->radices[j]; ++d[j])
          each(j + 1);
      };
      each(1);
    }
    EXPECT_GT(most, 0.1);
    EXPECT_LT(most, 1.8);
  }
}

// The rule that solves both sides of every exchange from 4096 points on; parts of it cost what they cost.
TEST(Schedule, SwizzleIsTheSmallestThatWorks) {
  for (int64_t points : {4096, 8192, 16384, 32768}) {
    std::optional<Schedule> schedule = makeSchedule(points, {});
    ASSERT_TRUE(schedule.has_value());
    int third = static_cast<int>(schedule->radices.size()) - 2;
    Swizzle outer = {{{1, 0}, 1}, {{1, 1}, 2}, {{1, 2}, 4}}, inner = {{{third, 2}, 1}}, both = outer;
    both.merge(Swizzle(inner));
    EXPECT_EQ(schedule->swizzle, both);
    for (auto [swizzle, expected] : {std::pair(both, 48), std::pair(outer, 64), std::pair(inner, 216)}) {
      Schedule changed = *schedule;
      changed.swizzle = swizzle;
      EXPECT_EQ(totalCost(changed).wavefronts * 256, expected * points);
    }
  }
}

// For bulk copies: what a value of digit 1 has is contiguous, with padding behind, and nothing has more wavefronts.
TEST(Schedule, PadsRowsForBulkCopies) {
  for (const std::vector<int64_t> &radices : std::vector<std::vector<int64_t>>{{16, 16},
                                                                               {16, 2, 16},
                                                                               {16, 7, 16},
                                                                               {16, 8, 16},
                                                                               {16, 16, 16},
                                                                               {16, 2, 16, 16},
                                                                               {16, 3, 16, 16},
                                                                               {16, 8, 16, 16}}) {
    bool large = radices.size() > 3 || (radices.size() == 3 && radices[1] == 16);
    SCOPED_TRACE(testing::PrintToString(radices));
    std::optional<Schedule> schedule =
        makeSchedule(radices, {.warps = large ? 16 : 4, .registerBits = large ? 5 : 6, .padding = 8});
    ASSERT_TRUE(schedule.has_value());
    StepCost cost = totalCost(*schedule);
    EXPECT_EQ(cost.wavefronts, cost.idealWavefronts);
    SharedMap rows = schedule->inputMemory();
    int64_t piece = schedule->points() / 16;
    EXPECT_EQ(rows.elements(), schedule->points() + 16 * 8);
    for (int64_t n = 0; n < schedule->points(); ++n) {
      std::vector<int64_t> digits(schedule->radices.size());
      for (size_t j = digits.size(), rest = n; j-- > 1; rest /= schedule->radices[j])
        digits[j] = rest % schedule->radices[j];
      ASSERT_EQ(rows.address(digits), n / piece * (piece + 8) + n % piece);
    }
    // Results are left like rows unless a warp's next tile lies where they would.
    EXPECT_EQ(schedule->leavesRows, !large || radices.size() == 3);
    expectConvolution(*schedule);
  }
}

TEST(Schedule, RefusesWhatDoesNotFit) {
  EXPECT_FALSE(makeSchedule({16, 9, 16}, {}).has_value()) << "no butterfly of nine";
  EXPECT_FALSE(makeSchedule({16, 16, 4}, {}).has_value()) << "a row of ldmatrix is eight elements of the last digit";
  EXPECT_FALSE(makeSchedule({16, 16, 16, 16, 16}, {}).has_value());
  EXPECT_FALSE(makeSchedule(int64_t(1000), {}).has_value());
  EXPECT_FALSE(makeSchedule({16, 7, 16}, {.warps = 16, .registerBits = 3}).has_value());
}
