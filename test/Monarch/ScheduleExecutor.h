//===- ScheduleExecutor.h - A schedule on numbers ---------------*- C++ -*-===//
//
// Licensed under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs schedules on f64 values that sit where the layouts say. Data moves only through the modelled instructions (mma, ldmatrix,
// stmatrix, butterflies on registers of one lane), so a schedule that gives the convolution is one that hardware can follow.
//
//===----------------------------------------------------------------------===//

#ifndef FFTCONV_TEST_MONARCH_SCHEDULEEXECUTOR_H
#define FFTCONV_TEST_MONARCH_SCHEDULEEXECUTOR_H

#include "fftconv/Monarch/Schedule.h"

#include "gtest/gtest.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

namespace fftconv::monarch {
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
inline void forEachTile(const Layout &layout, const std::function<void(Coordinates)> &visit) {
  Coordinates c;
  for (c.warp = 0; c.warp < layout.warps(); ++c.warp)
    for (c.loop = 0; c.loop < layout.trips(); ++c.loop)
      for (c.tile = 0; c.tile < layout.tiles(); ++c.tile)
        visit(c);
}

using Matrix = std::vector<std::vector<Complex>>;
inline Matrix zeros(int rows, int columns) { return Matrix(rows, std::vector<Complex>(columns)); }

/// d (16 x 8) = a (16 x 16) b (16 x 8), on fragments.
inline std::vector<std::array<Complex, 4>> mma(const std::vector<std::array<Complex, 8>> &a,
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

  /// Runs all steps on spectra given in natural order of frequency, of each lag of blocks one after the other; the result is what the shared memory holds in the end.
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
        if (schedule.blocks) {
          convolveBlocks(x, step.layout, spectrum);
          break;
        }
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

  void convolveBlocks(Registers &x, const Layout &layout, const std::vector<Complex> &spectrum) {
    for (const Place &place : layout.placesOf(1))
      EXPECT_TRUE(place.kind == 'u' || place == (Place{'r', 1}) || place == (Place{'r', 2}));
    std::map<std::vector<int64_t>, Complex> values;
    auto forEach = [&](const std::function<void(std::vector<int64_t>, Complex &)> &visit) {
      forEachTile(layout, [&](Coordinates c) {
        for (c.lane = 0; c.lane < 32; ++c.lane)
          for (c.reg = 0; c.reg < 8; ++c.reg)
            if (layout.present(c))
              visit(layout.values(c), x.at(c));
      });
    };
    forEach([&](const std::vector<int64_t> &d, Complex &value) { values[d] = value; });
    forEach([&](std::vector<int64_t> d, Complex &value) {
      int64_t f = 0, place = 1, block = d[1];
      for (size_t j = 2; j < d.size(); place *= schedule.radices[j++])
        f += d[j] * place;
      value = 0;
      for (d[1] = 0; d[1] <= block; ++d[1])
        value += values.at(d) * spectrum[(block - d[1]) * place + f];
    });
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
} // namespace fftconv::monarch

#endif // FFTCONV_TEST_MONARCH_SCHEDULEEXECUTOR_H
