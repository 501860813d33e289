"""Kernels as PTX in the emulator, with all checks: the program list, other chips and precisions, and what the filter kernel computes."""

import json
import re
import sys

import numpy as np
import pytest
from conftest import BUILD, ROOT, call
from direct import convolve, relative_error
from programs import Program, bulk_programs, groups_programs, kernel_programs, tuning

sys.path.insert(0, str(ROOT / "benchmarks"))
import errors  # noqa: E402

CHIPS = ("sm_80", "sm_86", "sm_89", "sm_90", "sm_90a", "sm_100", "sm_120")


def emulate(path, *flags):
    done = call("fftconv-run", path, "--device=emulator", "--seed=5", *flags)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def error_of(output):
    return float(re.search(r"relative RMS error ([^ ]+) ", output)[1])


def write(program, folder):
    path = folder / "program.mlir"
    path.write_text(program.mlir)
    return path


def check_groups_after_each_other(path, flags, rows, folder):
    """One CTA for each head takes all groups of rows, in the buffers that inputs go round in, and gives the same bits."""
    manifest = folder / "p.json"
    done = call("fftconv-compile", path, *flags, "-o", folder / "p.ptx", f"--manifest={manifest}")
    assert done.returncode == 0, done.stderr
    contents = json.loads(manifest.read_text())
    for name, most, seed in (("a", None, 0), ("b", 1, 7), ("c", 2, 3)):
        if most:
            for launch in contents["run"]:
                launch["grid"][1] = most
        manifest.write_text(json.dumps(contents))
        done = call("fftconv-run", manifest, "--seed=5", f"--dim={rows}", f"--schedule={seed}", f"--output={folder / name}.npy")
        assert done.returncode == 0, done.stdout + done.stderr
        assert (folder / f"{name}.npy").read_bytes() == (folder / "a.npy").read_bytes()


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


@pytest.mark.parametrize(
    "type_, boundary, gates, length, rows, flags",
    [
        ("f16", "causal", "none", 1024, 13, []), ("f16", "causal", "post", 1023, 33, []), ("f16", "bidirectional", "all", 2000, 11, []), ("f16", "causal", "none", 2048, 9, []),
        ("f16", "causal", "both", 4096, 9, []), ("f16", "causal", "none", 4001, 7, []), ("f16", "causal", "pre", 8190, 5, []), ("f16", "bidirectional", "none", 8192, 3, []),
        ("f16", "causal", "skip", 16384, 3, []), ("f16", "causal", "none", 12001, 2, []), ("f16", "circular", "none", 4096, 7, []), ("f16", "circular", "both", 4096, 10, []),
        ("f16", "circular", "none", 8192, 6, []),
        # Sums in f32, rounded as they come or once they have gone through butterflies.
        ("bf16", "causal", "none", 1024, 13, []), ("bf16", "causal", "all", 4001, 7, []), ("bf16", "bidirectional", "both", 8000, 3, []), ("bf16", "causal", "none", 16384, 2, []),
        ("bf16", "circular", "pre", 4096, 5, []), ("f16", "causal", "none", 4096, 5, ["--sums=f32"]), ("f16", "causal", "post", 2048, 9, ["--products=f32"]),
        ("bf16", "causal", "none", 4096, 5, ["--compute=f16"]),
    ],
    ids=str,
)
def test_warpgroups(type_, boundary, gates, length, rows, flags, tmp_path):
    """Warpgroups multiply on sm_90a where that is asked for: right, and the same bits whatever the order of the warps."""
    path, outputs = write(Program(boundary, gates, type_, length, 300, "?", 2, rows), tmp_path), []
    flags = ["--chip=sm_90a", "--method=fft", "--mma=warpgroup", *flags]
    assert "mma = warpgroup" in call("fftconv-compile", path, *flags, "--emit=plan").stdout
    for seed in (0, 7):
        outputs.append(tmp_path / f"y{seed}.npy")
        emulate(path, *flags, f"--dim={rows}", f"--schedule={seed}", f"--output={outputs[-1]}", "--compare-with=reference", "--sample=2000")
    assert outputs[0].read_bytes() == outputs[1].read_bytes()


# Both radices at both ends, all numbers of tiles, rows side by side in one, two and four parts of the warps, loops over sequences.
@pytest.mark.parametrize(
    "radices, warps, values, rows",
    [
        ([16, 2, 2, 16], 4, 32, 4), ([32, 2, 16], 4, 32, 8), ([16, 2, 4, 16], 8, 32, 4), ([32, 4, 16], 8, 64, 8), ([16, 4, 4, 16], 4, 32, 1), ([16, 8, 2, 16], 8, 64, 4), ([32, 4, 2, 16], 4, 64, 2),
        ([32, 4, 32], 8, 64, 4), ([32, 2, 2, 32], 16, 32, 8), ([16, 2, 8, 16], 8, 64, 4), ([16, 8, 2, 32], 16, 64, 4), ([32, 4, 2, 32], 16, 64, 4), ([16, 8, 4, 32], 16, 64, 2),
    ],
    ids=str,
)
def test_warpgroup_digits(radices, warps, values, rows, tmp_path):
    length = int(np.prod(radices))
    path = write(Program("causal", "none", "f16", length, length, "?", 2), tmp_path)
    flag = tuning(tmp_path / "t.json", length, radices, warps, values, rows)
    emulate(path, "--chip=sm_90a", "--method=fft", flag, f"--dim={2 * rows - 1}", "--compare-with=reference", "--sample=2000")


@pytest.mark.parametrize(
    "choice, says",
    [
        ({}, ""),
        ({"rows": 3}, "rows are no multiple of those that are side by side"),
        ({"warps": 16, "rows": 8}, "a row is less than what its threads copy at once"),
        ({"copies": "bulk"}, "bulk copies are for warps"),
        ({"mma": "thread"}, "mma is warp or warpgroup, not 'thread'"),
        ({"radices": [16, 128]}, "it does not fit one pass"),
        ({"chip": "sm_90"}, "the chip has none"),
    ],
    ids=str,
)
def test_warpgroups_that_cannot_be(choice, says, tmp_path):
    path = write(Program("causal", "none", "f16", 2048, 99, "?", 2), tmp_path)
    plan = {"length": 2048, "radices": [16, 4, 2, 16], "warps": 8, "values": 32, "rows": 8, **choice}
    chip = plan.get("chip", "sm_90a")
    done = call("fftconv-compile", path, f"--chip={chip}", "--method=fft", tuning(tmp_path / "t.json", **plan), "-o", tmp_path / "p.ptx")
    assert done.returncode == (1 if says else 0) and says in done.stderr, done.stderr


# Two blocks, four and eight, inside of tiles and on several, of warps that own rows, that share them, and of warpgroups: alone, in teams that meet in the inner phase, in teams that never do.
# Tails, gates, skips, filters shorter than a block and longer than the rows, all types, channels last.
@pytest.mark.parametrize(
    "chip, type_, gates, length, taps, radices, warps, values, rows, mma",
    [
        ("sm_90a", "f16", "none", 2048, 2048, [2, 32, 32], 4, 32, 4, "warpgroup"),
        ("sm_90a", "f16", "none", 4096, 4096, [2, 32, 2, 32], 8, 32, 4, "warpgroup"),
        ("sm_90a", "f16", "none", 4090, 4090, [4, 32, 2, 16], 4, 32, 2, "warpgroup"),
        ("sm_90a", "f16", "both", 8192, 300, [4, 32, 2, 32], 16, 32, 4, "warpgroup"),
        ("sm_90a", "f16", "skip", 8191, 9000, [8, 16, 4, 16], 8, 32, 2, "warpgroup"),
        ("sm_90a", "f16", "none", 16384, 16384, [4, 32, 4, 32], 16, 64, 2, "warpgroup"),
        ("sm_90a", "f16", "pre", 16000, 5000, [8, 32, 2, 32], 8, 64, 1, "warpgroup"),
        ("sm_90a", "f16", "none", 32768, 32768, [4, 32, 4, 2, 32], 16, 64, 1, "warpgroup"),
        ("sm_90", "f16", "all", 512, 512, [2, 16, 2, 8], 1, 32, 2, "warp"),
        ("sm_90", "f16", "none", 1500, 10, [2, 16, 3, 16], 1, 64, 1, "warp"),
        ("sm_90", "f16", "post", 2047, 2047, [2, 16, 8, 8], 1, 64, 1, "warp"),
        ("sm_80", "f16", "none", 4096, 4096, [2, 16, 2, 8, 8], 8, 32, 4, "warp"),
        ("sm_90", "f16", "none", 5000, 5000, [2, 16, 3, 8, 8], 8, 32, 3, "warp"),
        ("sm_90", "bf16", "both", 8192, 8192, [4, 16, 2, 8, 8], 16, 32, 2, "warp"),
        ("sm_90", "f32", "all", 1024, 1024, [2, 16, 4, 8], 4, 32, 4, "warp"),
        ("sm_120", "f32", "none", 4000, 4000, [2, 16, 2, 8, 8], 8, 32, 1, "warp"),
        ("sm_100", "f16", "none", 4096, 4096, [8, 16, 4, 8], 8, 32, 2, "warp"),
    ],
    ids=str,
)
def test_blocks(chip, type_, gates, length, taps, radices, warps, values, rows, mma, tmp_path):
    program = Program("causal", gates, type_, length, taps, "?", 2)
    path, outputs = write(program, tmp_path), []
    plan = {"chip": chip, "type": type_, "pre_gate": gates in ("pre", "both", "all"), "post_gate": gates in ("post", "both", "all"), "mma": mma, "blocks": radices[0]}
    flags = [f"--chip={chip}", "--method=fft", tuning(tmp_path / "t.json", length, radices, warps, values, rows, **plan)]
    assert f"blocks = {radices[0]}, " in call("fftconv-compile", path, *flags, "--emit=plan").stdout
    for seed in (0, 7):
        outputs.append(tmp_path / f"y{seed}.npy")
        emulate(path, *flags, f"--dim={2 * rows + 1}", f"--schedule={seed}", f"--output={outputs[-1]}", "--compare-with=reference", "--sample=2000")
    assert outputs[0].read_bytes() == outputs[1].read_bytes()


# Of warps that own rows and that share them, two in one, with zeros past their ends, in accesses of two to sixteen bytes, in line and in a loop; on a chip without bf16 products; with tails that wrap; and as long rows are planned.
@pytest.mark.parametrize(
    "chip, boundary, gates, type_, length, plan",
    [
        ("sm_90", "causal", "both", "f16", 300, {"radices": [16, 2, 16], "warps": 4, "values": 32, "rows": 4}),
        ("sm_80", "bidirectional", "pre", "bf16", 999, {"radices": [16, 4, 16], "warps": 4, "values": 32, "rows": 4}),
        ("sm_90", "circular", "all", "f16", 768, {"radices": [16, 3, 16], "warps": 2, "values": 32, "rows": 2, "theta": "one"}),
        ("sm_90", "causal", "pre", "f16", 4001, {"radices": [16, 4, 8, 8], "warps": 8, "values": 32, "rows": 3}),
        ("sm_90", "causal", "both", "bf16", 4092, {"radices": [2, 16, 2, 8, 8], "warps": 8, "values": 32, "rows": 2, "blocks": 2}),
        ("sm_90", "circular", "both", "f16", 4096, {"radices": [8, 8, 8, 8], "warps": 8, "values": 32, "rows": 2, "theta": "one"}),
        ("sm_90", "circular", "both", "f16", 4000, {"radices": [16, 4, 8, 8], "warps": 16, "values": 32, "rows": 2}),
        ("sm_90a", "causal", "pre", "f16", 8192, {"radices": [4, 32, 4, 16], "warps": 16, "values": 32, "rows": 4, "blocks": 4, "mma": "warpgroup"}),
        ("sm_90", "circular", "both", "f16", 32768, None),
        ("sm_120", "circular", "pre", "bf16", 16384, {"radices": [16, 4, 16, 16], "warps": 16, "values": 32, "rows": 1, "theta": "one"}),
        ("sm_80", "causal", "both", "f16", 40000, None),
    ],
    ids=str,
)
def test_gates_by_registers(chip, boundary, gates, type_, length, plan, tmp_path):
    """Rows of one stage of input are multiplied with their gate on the way to shared memory: right, and the same bits whatever the order of the warps."""
    path, outputs, flags = write(Program(boundary, gates, type_, length, 300, "?", 2), tmp_path), [], [f"--chip={chip}", "--method=fft"]
    if plan:
        about = {"chip": chip, "boundary": boundary, "type": type_, "pre_gate": True, "post_gate": gates != "pre", "stages": 1, "mma": "warp"}
        flags.append(tuning(tmp_path / "t.json", length, **{**about, **plan}))
    assert "stages = 1" in call("fftconv-compile", path, *flags, "--emit=plan").stdout
    for seed in (0, 7):
        outputs.append(tmp_path / f"y{seed}.npy")
        emulate(path, *flags, "--dim=5", f"--schedule={seed}", f"--output={outputs[-1]}", "--compare-with=reference", "--sample=2000")
    assert outputs[0].read_bytes() == outputs[1].read_bytes()
    check_groups_after_each_other(path, flags, 5 if length > 8192 else 9, tmp_path)


def test_blocks_with_channels_last(tmp_path):
    path = write(Program("causal", "both", "f16", 4096, 300, "?", 2, channels_last=True), tmp_path)
    plan = {"chip": "sm_90", "pre_gate": True, "post_gate": True, "channels_last": True, "stages": 1, "mma": "warp", "blocks": 2}
    flag = tuning(tmp_path / "t.json", 4096, [2, 16, 2, 8, 8], 8, 32, 2, **plan)
    emulate(path, "--chip=sm_90", "--method=fft", flag, "--dim=3", "--compare-with=reference", "--sample=2000")


def test_turned_by_a_tuning_file(tmp_path):
    """Gates go with the turns, and warpgroups multiply where rows are turned; rows whose time is last are not."""
    path = write(Program("causal", "both", "f16", 4096, 300, "?", 2, channels_last=True), tmp_path)
    plan = {"pre_gate": True, "post_gate": True, "channels_last": True, "turned": True, "blocks": 4}
    flag = tuning(tmp_path / "t.json", 4096, [4, 32, 2, 16], 8, 32, 4, **plan)
    out = emulate(path, "--chip=sm_90a", "--method=fft", flag, "--dim=5", "--compare-with=reference", "--sample=2000")
    assert out.count("run: turn") == 2
    path = write(Program("causal", "both", "f16", 4096, 300, "?", 2), tmp_path)
    flag = tuning(tmp_path / "t.json", 4096, [4, 32, 2, 16], 8, 32, 4, **{**plan, "channels_last": False})
    done = call("fftconv-compile", path, "--chip=sm_90a", "--method=fft", flag, "-o", tmp_path / "p.ptx")
    assert done.returncode == 1 and "rows are turned whose channels are last, and of no others" in done.stderr


def test_turned_plan_on_a_cpu(tmp_path):
    """A program as it is planned for a GPU, turns and all, computes the same on a CPU."""
    path, plan, results = write(Program("causal", "both", "f16", 300, 300, "?", 6, channels_last=True), tmp_path), tmp_path / "plan.mlir", []
    plan.write_text(call("fftconv-compile", path, "--chip=sm_90", "--channels=turned", "--emit=plan").stdout)
    assert plan.read_text().count("fftconv.turn ") == 2
    for device in ("cpu", "emulator"):
        done = call("fftconv-run", plan, f"--device={device}", "--chip=sm_90", "--seed=5", "--dim=3", f"--output={tmp_path}/{device}.npy")
        assert done.returncode == 0, done.stderr
        results.append(np.load(tmp_path / f"{device}.npy"))
    assert relative_error(results[0], results[1].astype("f8")) < 2e-3


@pytest.mark.parametrize(
    "choice, boundary, says",
    [
        ({}, "causal", ""),
        ({"blocks": 4}, "causal", "blocks are the first of several radices, a power of two, and theta is i then; got 4 blocks"),
        ({"blocks": 3, "radices": [3, 16, 2, 8]}, "causal", "got 3 blocks"),
        ({"theta": "one"}, "causal", "theta is i then"),
        ({"copies": "bulk"}, "causal", "no bulk copies, since rows come in blocks"),
        ({}, "bidirectional", "a plan of blocks serves causal convolutions only"),
        ({"radices": [2, 512]}, "causal", "it does not fit one pass"),
    ],
    ids=str,
)
def test_blocks_that_cannot_be(choice, boundary, says, tmp_path):
    path = write(Program(boundary, "none", "f16", 1024, 99, "?", 2), tmp_path)
    plan = {"length": 1024, "radices": [2, 16, 4, 8], "warps": 1, "values": 32, "rows": 1, "chip": "sm_90", "mma": "warp", "blocks": 2, "boundary": boundary, **choice}
    done = call("fftconv-compile", path, "--chip=sm_90", "--method=fft", tuning(tmp_path / "t.json", **plan), "-o", tmp_path / "p.ptx")
    assert done.returncode == (1 if says else 0) and says in done.stderr, done.stderr


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
