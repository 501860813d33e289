"""Kernels by plans that are given, or asked for, in the emulator with all checks: warpgroups, blocks, one stage of input, rows that are turned; and plans that cannot be."""

import numpy as np
import pytest
from conftest import call
from direct import relative_error
from kernels import check_groups_after_each_other, check_in_any_order, emulate, write
from programs import Program, tuning


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
    path = write(Program(boundary, gates, type_, length, 300, "?", 2, rows), tmp_path)
    flags = ["--chip=sm_90a", "--method=fft", "--mma=warpgroup", *flags]
    assert "mma = warpgroup" in call("fftconv-compile", path, *flags, "--emit=plan").stdout
    check_in_any_order(path, [*flags, f"--dim={rows}"], tmp_path)


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
    path = write(program, tmp_path)
    plan = {"chip": chip, "type": type_, "pre_gate": gates in ("pre", "both", "all"), "post_gate": gates in ("post", "both", "all"), "mma": mma, "blocks": radices[0]}
    flags = [f"--chip={chip}", "--method=fft", tuning(tmp_path / "t.json", length, radices, warps, values, rows, **plan)]
    assert f"blocks = {radices[0]}, " in call("fftconv-compile", path, *flags, "--emit=plan").stdout
    check_in_any_order(path, [*flags, f"--dim={2 * rows + 1}"], tmp_path)


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
    path, flags = write(Program(boundary, gates, type_, length, 300, "?", 2), tmp_path), [f"--chip={chip}", "--method=fft"]
    if plan:
        about = {"chip": chip, "boundary": boundary, "type": type_, "pre_gate": True, "post_gate": gates != "pre", "stages": 1, "mma": "warp"}
        flags.append(tuning(tmp_path / "t.json", length, **{**about, **plan}))
    assert "stages = 1" in call("fftconv-compile", path, *flags, "--emit=plan").stdout
    check_in_any_order(path, [*flags, "--dim=5"], tmp_path)
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
