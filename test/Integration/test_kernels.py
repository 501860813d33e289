"""Kernels as PTX in the emulator, with all checks: the program list, other chips and precisions, and what the filter kernel computes."""

import json
import re
import sys

import numpy as np
import pytest
from conftest import BUILD, ROOT, call
from direct import convolve, relative_error
from kernels import check_groups_after_each_other, emulate, error_of, write
from programs import Program, bulk_programs, groups_programs, kernel_programs

sys.path.insert(0, str(ROOT / "benchmarks"))
import errors  # noqa: E402

CHIPS = ("sm_80", "sm_86", "sm_89", "sm_90", "sm_90a", "sm_100", "sm_120")

# Rows whose channels are last both ways, whatever the planner says.
WAYS = [(program, way) for program in kernel_programs() for way in (("fused", "turned") if program.channels_last else ("auto",))]


@pytest.mark.parametrize("program, way", WAYS, ids=[f"{program}-rows{program.rows}" + f"-{way}" * program.channels_last for program, way in WAYS])
def test_program(program, way, tmp_path):
    """Right, and the same bits whatever the order of the warps."""
    path, outputs = write(program, tmp_path), []
    for seed in (0, 7):
        outputs.append(tmp_path / f"y{seed}.npy")
        compare = ["--compare-with=reference", "--sample=2000"] if seed == 0 else []
        # Warps in a random order once; the checks are those of the other run.
        checks = [] if seed == 0 else ["--check=none"]
        out = emulate(path, f"--channels={way}", f"--dim={program.rows}", f"--schedule={seed}", f"--output={outputs[-1]}", *compare, *checks)
        assert seed or "relative RMS error" in out
        assert (way == "turned") == ("run: turn" in out)
    assert outputs[0].read_bytes() == outputs[1].read_bytes()


@pytest.mark.parametrize("program", list(bulk_programs()), ids=lambda p: f"{p}-rows{p.rows}")
@pytest.mark.parametrize("chip", ["sm_90", "sm_120"])
def test_bulk_copies(program, chip, tmp_path):
    path, ptx = write(program, tmp_path), tmp_path / "p.ptx"
    flags = ["--copies=bulk", "--method=fft", f"--chip={chip}"]
    done = call("fftconv-compile", path, *flags, "--remarks", "-o", ptx)
    # The smaller shared memory of sm_120 does not hold long rows ahead.
    refused = "NoBulkCopies" in done.stderr
    assert refused == (chip == "sm_120" and program.length > (12288 if program.gates == "none" or program.boundary == "circular" else 8192)), done.stderr
    if not refused:
        assert done.returncode == 0 and "cp.async.bulk.shared" in ptx.read_text()
        for seed in (0, 7):
            emulate(path, *flags, f"--dim={program.rows}", f"--schedule={seed}", "--compare-with=reference", "--sample=2000")


# Points that one pass takes.
ONE_PASS = {
    "f16": {"sm_80": 40960, "sm_90": 57344, "sm_90a": 57344, "sm_100": 57344},
    "f32": {"sm_80": 20480, "sm_90": 28672, "sm_90a": 28672, "sm_100": 28672},
}


# Every small radix, in a warp and in a CTA, one row and more than travel together; f32, rows that are turned, short filters.
@pytest.mark.parametrize("chip", CHIPS)
@pytest.mark.parametrize(
    "program",
    [Program("causal", "none", "f16", length, 300, "?", 1) for length in (200, 500, 760, 1280, 1530, 1792, 2047, 12000, 16384, 24576, 28000, 40000, 50000)]
    + [
        Program("bidirectional", "all", type_, length, taps, "?", 3, channels_last=length in (300, 1000, 2000))
        for type_, length, taps in (("f32", 300, 300), ("f32", 2000, 300), ("f32", 12000, 300), ("f32", 20000, 300), ("bf16", 5000, 90), ("f16", 300, 31), ("f16", 1000, 300))
    ],
    ids=str,
)
def test_chips(chip, program, tmp_path):
    path = write(program, tmp_path)
    wide = program.type == "f32"
    if program.length > ONE_PASS["f32" if wide else "f16"].get(chip, 12288 if wide else 24576):
        done = call("fftconv-run", path, "--device=emulator", f"--chip={chip}")
        assert done.returncode == 1 and "do not fit one pass" in done.stderr
        return
    emulate(path, f"--chip={chip}", "--dim=3", "--compare-with=reference", "--sample=1000")


# Relative RMS error with filters as long as the rows, as the table of the guide has it.
@pytest.mark.parametrize(
    "length, products, sums, limit",
    [
        (512, "f16", "f16", 9.5e-4),
        (1024, "f16", "f16", 1e-3),
        (2048, "f16", "f16", 1.1e-3),
        (4096, "f16", "f16", 1.05e-3),
        (8192, "f16", "f16", 1.15e-3),
        (16384, "f16", "f16", 1.3e-3),
        (32768, "f16", "f16", 1.4e-3),
        (57344, "f16", "f16", 1.45e-3),
        (1024, "f16", "f32", 9e-4),
        (2048, "f16", "f32", 1.05e-3),
        (4096, "f16", "f32", 9.8e-4),
        (32768, "f16", "f32", 1.2e-3),
        (512, "f32", "f32", 7.5e-4),
        (4096, "f32", "f32", 8.2e-4),
        (32768, "f32", "f32", 8.5e-4),
    ],
)
def test_errors(length, products, sums, limit, tmp_path):
    path = write(Program("causal", "none", "f16", length, length, "2", 2), tmp_path)
    out = emulate(path, f"--products={products}", f"--sums={sums}", "--compare-with=reference")
    assert error_of(out) <= limit


def spectrum_places(kernel):
    """The radices of a kernel's plan and, for every value of k_1 .. k_p (of the block first where there are several), the index of the real part in memory, by the layout of its product (a lane's 16 bytes are [r1][plane][r0])."""
    radices = [int(r) for r in re.search(r"radices = \[([0-9, ]+)\]", kernel)[1].split(",")]
    layout = re.search(r"tile_product .*, columns = (.*?), rows = (.*?)[,>]", kernel)
    sides = []
    for side in layout.groups():
        pieces = re.findall(r'"[kn](\d+)\.(\d+)(?:-(\d+))?"', side)
        sides.append([(int(digit), bit) for digit, first, last in pieces for bit in range(int(first), int(last or first) + 1)])
    columns, rows = sides
    weights = dict(zip([columns[0], rows[3], *columns[1:3], *rows[:3]], [1, 4, 8, 16, 32, 64, 128]))
    unit = 256
    for digit in range(len(radices), 0, -1):
        radix = radices[digit - 1]
        bits = [bit for bit in range((radix - 1).bit_length()) if (digit, bit) not in weights]
        power = radix & (radix - 1) == 0
        weights |= {(digit, bit): unit << n for n, bit in enumerate(bits)}
        unit *= 2 ** len(bits) if power else radix
    values = np.indices(radices)
    return radices, sum((values[digit - 1] >> bit & 1) * weight for (digit, bit), weight in weights.items())


# Plans of one warp and of many, with digits of 16 and of 8, one that is no power of two, and blocks.
@pytest.mark.parametrize("points", [256, 512, 768, 4096, 8192, 20480, 32768])
def test_spectra(points, tmp_path):
    """The filter kernel rounds once what it computes in f32: all but a few values are the nearest f16, none is further than its neighbour."""
    program = Program("causal", "none", "f16", points, points + 5, "1", 2)
    path, ptx, manifest = write(program, tmp_path), tmp_path / "p.ptx", tmp_path / "p.json"
    done = call("fftconv-compile", path, "--chip=sm_90", "-o", ptx, f"--manifest={manifest}")
    assert done.returncode == 0, done.stderr
    launch = json.loads(manifest.read_text())["prepare"][0]
    taps = np.random.default_rng(3).standard_normal((2, program.taps)).astype(np.float32)
    np.save(tmp_path / "k.npy", taps)
    command = ["--kernel=" + launch["kernel"], "--grid=" + ",".join(map(str, launch["grid"]))]
    command += ["--block=" + ",".join(map(str, launch["block"])), f"--shared={launch['shared_bytes']}"]
    command += [f"--arg=in:f32:{tmp_path}/k.npy", f"--arg=out:f16:2x{2 * points}:{tmp_path}/s.npy", "--arg=i64:0"]
    done = call("fftconv-run", ptx, *command)
    assert done.returncode == 0, done.stdout + done.stderr
    kernel = call("fftconv-compile", path, "--chip=sm_90", "--emit=kernel").stdout
    radices, places = spectrum_places(kernel)
    assert np.prod(radices) == points
    stored = np.load(tmp_path / "s.npy")
    blocks = int((re.search(r"blocks = (\d+)", kernel) or ["", "1"])[1])
    size = points // blocks
    # With each lag of blocks go the taps of the lag before, times -i.
    lags = taps[:, :points].astype(np.complex128).reshape(2, blocks, size)
    lags[:, 1:] -= 1j * lags[:, :-1].real
    exact = np.fft.fft(lags * np.exp(0.5j * np.pi * np.arange(size) / size))
    # Frequency k1 + r1 (k2 + r2 (...)), blocks apart.
    digits = radices[1:] if blocks > 1 else radices
    expected = exact.reshape(2, blocks, *reversed(digits)).transpose(0, 1, *range(len(digits) + 1, 1, -1)).reshape(2, *radices)
    for plane, part in enumerate((expected.real, expected.imag)):
        nearest = part.astype(np.float16)
        ulps = np.abs(stored[:, places + 2 * plane].view(np.int16).astype(int) - nearest.view(np.int16))
        # Filters of two lags are complex: twice as many terms.
        assert (ulps > 0).mean() < (2e-3 if blocks == 1 else 2e-3 * 2**0.5)
        assert ulps[np.abs(part) > 1].max(initial=0) <= 1


def test_manifest_runs_like_the_program(tmp_path):
    """The files that fftconv-compile writes, run on their own, give the bits that fftconv-run gives."""
    path = write(Program("causal", "none", "f16", 1000, 1500, "?", 3), tmp_path)
    done = call("fftconv-compile", path, "--chip=sm_90", "-o", tmp_path / "p.ptx", f"--manifest={tmp_path}/p.json")
    assert done.returncode == 0, done.stderr
    emulate(path, "--dim=9", f"--output={tmp_path}/a.npy")
    done = call("fftconv-run", tmp_path / "p.json", "--seed=5", "--dim=9", f"--output={tmp_path}/b.npy")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "a.npy").read_bytes() == (tmp_path / "b.npy").read_bytes()


@pytest.mark.parametrize("chip, program", list(groups_programs()), ids=str)
def test_groups_after_each_other(chip, program, tmp_path):
    check_groups_after_each_other(write(program, tmp_path), [f"--chip={chip}", "--channels=fused"], program.rows, tmp_path)


def test_layers_in_sequence(tmp_path):
    """Two convolutions, one after the other, share no buffer and run in order."""
    (tmp_path / "p.mlir").write_text(
        """
        func.func @f(%u: tensor<?x2x300xf16>, %k: tensor<2x300xf32>, %l: tensor<2x9xf32>) -> (tensor<?x2x300xf16>, tensor<?x2x300xf16>) {
          %y = fftconv.conv causal %u, %k : tensor<?x2x300xf16>, tensor<2x300xf32>
          %z = fftconv.conv causal %y, %l : tensor<?x2x300xf16>, tensor<2x9xf32>
          return %y, %z : tensor<?x2x300xf16>, tensor<?x2x300xf16>
        }
        """
    )
    out = emulate(tmp_path / "p.mlir", "--dim=5", "--compare-with=reference")
    assert out.count("relative RMS error") == 2


def run_arrays(program, folder, arrays, *flags):
    """The result of a program on arrays (bf16 as the f32 that holds it), in the emulator."""
    path = write(program, folder)
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array.astype(np.float16 if program.type == "f16" and name != "k" else np.float32))
    inputs = [f"--input={folder / name}.npy" for name in arrays]
    done = call("fftconv-run", path, "--device=emulator", *inputs, f"--output={folder / 'y.npy'}", *flags)
    assert done.returncode == 0, done.stdout + done.stderr
    return np.load(folder / "y.npy").astype(np.float64)


# Kernels that exchange rows between warps and that do not, and direct ones.
@pytest.mark.parametrize("length, taps", [(1024, 300), (4096, 300), (1024, 60)])
def test_bf16_has_the_range_of_f32(length, taps, tmp_path):
    """Inputs far above what f16 holds: stages of bf16, the default, are right; those of f16 give no number at all rather than a wrong one."""
    rng = np.random.default_rng(7)
    u, k = 2.0**17 * rng.integers(-8, 9, (2, 3, length)), rng.standard_normal((3, taps)).astype(np.float32)
    program = Program("causal", "none", "bf16", length, taps, "2", 3)
    y = run_arrays(program, tmp_path, {"u": u, "k": k})
    expected = convolve(u, k, "causal")
    assert relative_error(y, expected) <= 1.2e-2 + 2**-8
    if taps > 128:
        y = run_arrays(program, tmp_path, {"u": u, "k": k}, "--compute=f16")
        assert not np.isfinite(y).any()


@pytest.mark.parametrize("length", [1024, 4096])
def test_f16_overflows_where_the_guide_says(length, tmp_path):
    """No stage makes more than sqrt(M / J) times the largest input. A row that comes near that is right below 65504, and no number above it."""
    program = Program("causal", "none", "f16", length, 50, "1", 1)
    planned = call("fftconv-compile", write(program, tmp_path), "--chip=sm_90", "--method=fft", "--emit=plan").stdout
    size = length // int((re.search(r"blocks = (\d+)", planned) or ["", "1"])[1])
    n = np.arange(length)
    # In the first block the lowest frequency of the right angle, whose transform is almost one value.
    wave = np.where(n < size, np.cos(np.pi * n / (2 * size)), 0)
    transform = (wave * np.exp(1j * np.pi * n / (2 * size))).sum() / np.sqrt(size)
    peak = max(abs(transform.real), abs(transform.imag))
    assert peak <= np.sqrt(size)
    k = np.full((1, 50), 1 / 50, np.float32)
    for factor, fits in ((0.9, True), (1.1, False)):
        u = (factor * 65504 / peak * wave).astype(np.float16)[None, None]
        y = run_arrays(program, tmp_path, {"u": u, "k": k}, "--method=fft")
        if fits:
            assert relative_error(y, convolve(u, k, "causal")) <= 1.5e-3 + 2**-11
        else:
            assert not np.isfinite(y).any()


def test_direct_taps_overflow_where_the_guide_says(tmp_path):
    """A tap that f16 does not hold leaves no number in its head's rows, and all in others; bf16 holds it."""
    u, k = np.ones((1, 2, 500)), np.zeros((2, 60), np.float32)
    k[:, 3], k[1, 40] = 1, 1e5
    expected = convolve(u, k, "causal")
    y = run_arrays(Program("causal", "none", "bf16", 500, 60, "1", 2), tmp_path, {"u": u, "k": k})
    assert relative_error(y, expected) <= 1.2e-2 + 2**-8
    y = run_arrays(Program("causal", "none", "f16", 500, 60, "1", 2), tmp_path, {"u": u, "k": k})
    assert relative_error(y[:, 0], expected[:, 0]) <= 1.5e-3 + 2**-11
    assert not np.isfinite(y[:, 1]).any()


@pytest.mark.parametrize("length, boundary, batch", [(700, "causal", 5), (5000, "bidirectional", 5), (768, "circular", 5), (4096, "circular", 4)])
@pytest.mark.parametrize("channels_last", [False, True])
def test_f32_rows_of_any_magnitude(length, boundary, batch, channels_last, tmp_path):
    """Each row has a scale of its own, and each filter: rows 50 orders of magnitude apart and filters 20 keep their accuracy, zeros stay zeros."""
    rng, heads = np.random.default_rng(9), 4
    # The third row is far below the others, or nothing.
    rows = np.array([1e-25, 1.0, 0.0, 1e25, 3e-20])[:batch, None, None]
    filters = np.array([1e-10, 1.0, 1e10, 1e-4])[:heads, None]
    u = (rows * rng.standard_normal((batch, heads, length))).astype(np.float32)
    k = (filters * rng.standard_normal((heads, 300))).astype(np.float32)
    program = Program(boundary, "none", "f32", length, 300, str(batch), heads, channels_last=channels_last)
    turned = lambda x: np.ascontiguousarray(x.swapaxes(1, 2)) if channels_last else x
    y = turned(run_arrays(program, tmp_path, {"u": turned(u), "k": k}))
    expected = convolve(u, k, boundary, program.center)
    for b in range(batch):
        for h in range(heads):
            if rows[b] == 0:
                assert not y[b, h].any()
            else:
                assert relative_error(y[b, h], expected[b, h]) <= 2e-6, (b, h)


@pytest.mark.parametrize("length", [1000, 4096])
def test_bf16_by_f16_stages(length, tmp_path):
    path = write(Program("bidirectional", "all", "bf16", length, 500, "3", 4), tmp_path)
    # Products with gates are in f16, but for the last.
    assert error_of(emulate(path, "--compute=f16", "--compare-with=reference")) <= 1.5e-3 + 2 * 2**-8


@pytest.mark.parametrize("column", errors.COLUMNS)
def test_table_of_errors(column):
    """docs/errors.md holds what benchmarks/errors.py measures, and every error is within its budget."""
    lines = [l.strip("|").split("|") for l in (ROOT / "docs" / "errors.md").read_text().splitlines() if l.startswith("|")]
    table = {row[0].strip(): dict(zip(errors.COLUMNS, row[1:])) for row in lines[2:]}
    assert [int(length) for length in list(table)[1:]] == list(errors.LENGTHS)
    budget = float(table["budget"][column])
    for length in errors.LENGTHS:
        cell = table[str(length)][column].strip()
        assert cell == "no kernel" or float(cell) <= budget
    for length in (16, 1000, 5000):
        assert f"{errors.measure(BUILD, column, length):.1e}" == table[str(length)][column].strip()
