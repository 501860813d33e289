"""Compiles programs for utils/gpu-suite.py: see utils/gpu-pack.sh."""

import argparse
import concurrent.futures
import functools
import gzip
import itertools
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "test" / "Integration"))
from programs import Program, bulk_programs, groups_programs, kernel_programs, sample_programs  # noqa: E402

LENGTHS = (256, 512, 1024, 2048, 4096, 8192, 16384, 32768)
# 13 GB of signals and results for the largest, and as much for the copy beside it.
BATCH, HEADS = 64, 768


def benchmarks():
    for length in LENGTHS:
        for gates in ("none", "both"):
            for boundary in ("causal", "circular"):
                yield Program(boundary, gates, "f16", length, length, "?", HEADS, BATCH)
    for length in (1024, 4096, 16384):
        yield Program("causal", "none", "bf16", length, length, "?", HEADS, BATCH)
        yield Program("causal", "none", "f32", length, length, "?", HEADS, BATCH)
        yield Program("causal", "none", "f16", length, length, "?", HEADS, BATCH, channels_last=True)
    for taps in (4, 64, 128):
        yield Program("causal", "none", "f16", 4096, taps, "?", HEADS, BATCH)


def small():
    """One of each kind, for the emulator."""
    for i, (boundary, gates, type_, length, taps) in enumerate([
        ("causal", "none", "f16", 1000, 1000), ("circular", "both", "f16", 768, 900), ("bidirectional", "all", "bf16", 4099, 77),
        ("causal", "pre", "f32", 700, 900), ("circular", "skip", "f32", 5000, 300), ("bidirectional", "post", "f16", 257, 64),
    ]):
        for channels_last in (False, True):
            yield Program(boundary, gates, type_, length, taps, "?" if i % 2 else "2", 5, 2, channels_last=channels_last)


def small_benchmarks():
    yield Program("causal", "none", "f16", 1024, 1024, "?", 4, 4)
    yield Program("causal", "both", "f16", 512, 64, "?", 4, 4)
    yield Program("circular", "post", "f16", 4096, 500, "3", 2)


def of_sixteen(points):
    """The digits of a power of two as far as they go by 16, with a small one behind the first; None for others."""
    count = (points.bit_length() - 1) // 4
    if points & (points - 1) or count < 2:
        return None
    small = points // 16**count
    return [16] + [small] * (small > 1) + [16] * (count - 1)


def number(plan, key):
    """A number of a planned program."""
    return int(re.search(rf"{key} = (\d+)", plan)[1])


def with_numbers(plan, **numbers):
    """A planned program whose schedule has other numbers."""
    for key, number in numbers.items():
        plan = re.sub(rf"{key} = \d+", f"{key} = {number}", plan)
    return plan


def with_digits(plan, digits, blocks=1):
    """A planned program by other digits, of so many blocks."""
    plan = re.sub(r"radices = \[[0-9, ]+\]", f"radices = {digits if blocks == 1 else [blocks, *digits]}", re.sub(r"blocks = \d+, ", "", plan))
    return plan if blocks == 1 else plan.replace("points = ", f"blocks = {blocks}, points = ")


def planned_for(build, text, chip, options=""):
    """The planned program, or nothing where it has no kernel, or one without a choice."""
    command = [build / "bin" / "fftconv-opt", f"--fftconv-plan-convs=chip={chip} require-kernels {options}"]
    planned = subprocess.run(command, input=text, capture_output=True, text=True)
    return None if planned.returncode or " direct <" in planned.stdout else planned.stdout


def warpgroup_plans(text):
    """A program that warpgroups compute, as planned, and by other digits, blocks, warps and rows; those that cannot be are found out when they are compiled."""
    yield text
    points = number(text, "points")
    for blocks in (1, 2, 4, 8) if "conv causal" in text else (1,):
        for first, last in itertools.product((16, 32), repeat=2):
            for outer, inner in itertools.product((1, 2, 4, 8), repeat=2):
                # Blocks may lie inside of tiles.
                tiles = max(first // 16 * outer, last // 16 * inner * max(1, blocks // 2))
                if blocks * first * outer * inner * last != points or tiles > 8:
                    continue
                other = with_digits(text, [first, *(r for r in (outer, inner) if r > 1), last], blocks)
                for warps, rows in itertools.product((4, 8, 16), (1, 2, 4, 8)):
                    # With blocks those only that fill shared memory, of one CTA or two, as far as rows go.
                    if blocks == 1 or 16384 <= rows * points <= 32768 or (rows == 8 and points < 2048):
                        yield with_numbers(other, warps=warps, rows=rows, values=max(32, 8 * tiles))


def plans(build, chip, program):
    """The program as the planner plans it, without blocks, with the other kind of copies, with other numbers of warps, of rows that travel together and of stages, with one stage of input, by digits of 16, and by
    more warps, as far as they fit the chip."""
    planned = functools.partial(planned_for, build, program.mlir, chip)
    text = planned("mma=warpgroup")
    if text and "mma = warpgroup" in text:
        yield planned()
        yield from warpgroup_plans(text)
        text = planned("mma=warp")
    if not text:
        return
    # By warps from here on.
    whole = planned("mma=warp most-blocks=1") if "blocks = " in text else text
    chosen = {key: number(text, key) for key in ("warps", "rows", "stages")}
    # Where warps hold rows, each has one, or two where the planner says so.
    points = number(text, "points")
    own = points <= 2048
    if own:
        shares = range(chosen["rows"] // chosen["warps"], 0, -1)
        sizes = [(chosen["warps"], chosen["rows"]), *((w, w * n) for n in shares for w in (1, 2, 4, 8, 16) if (w, w * n) != (chosen["warps"], chosen["rows"]))]
    else:
        rows = [chosen["rows"], *(r for r in (1, 2, 4, 8, 16) if r != chosen["rows"])]
        warps = [chosen["warps"], 24 - chosen["warps"]] if chosen["warps"] in (8, 16) else [chosen["warps"]]
        sizes = list(itertools.product(warps, rows))
    stages = [chosen["stages"], *(n for n in (2, 3, 4) if n != chosen["stages"])] if own and chosen["stages"] > 1 else [chosen["stages"]]
    bulk = ", copies = bulk"
    yield text
    if program.channels_last:
        for way in ("fused", "turned"):
            other = planned(f"channels={way}")
            if other and other != text:
                yield other
    if whole and whole != text:
        yield whole
    if bulk in text:
        yield text.replace(bulk, "")
    elif whole: # without blocks, and one row to a warp then
        one = with_numbers(whole, rows=number(whole, "warps")) if own else whole
        yield re.sub(r"(stages = [^>]*)>", rf"\1{bulk}>", one)
    for (w, r), n in list(itertools.product(sizes, stages))[1:]:
        yield with_numbers(text, rows=r, warps=w, stages=n)
    # One stage of input leaves room for more CTAs, of which some are computed while others wait.
    if not own and chosen["stages"] > 1:
        for w, r in itertools.product((4, 8), (1, 2)):
            yield with_numbers(text, rows=r, warps=w, stages=1)
    digits = of_sixteen(points)
    sixteens = with_digits(text, digits)
    for w, r in sizes if digits and sixteens != text else []:
        yield with_numbers(sixteens, rows=r, warps=w)
    if points == 2048: # what one warp holds, by several that exchange it: all but as fast by the cost model
        for w in (4, 8):
            yield with_numbers(with_digits(text, [16, 2, 8, 8]), values=32, rows=4, warps=w, stages=2)


def compiled_entry(build, out, chip, cubin, flags, way, tune, name, index, program, text):
    """Compiles one program; what the suite has to know of it, or None for a plan that is none."""
    source = out / f"{name}.mlir"
    source.write_text(text)
    # The driver is to compile every fortieth.
    sampled = index % 40 == 3
    kind = "cubin" if cubin and not sampled else "ptx"
    code = out / f"{name}.{kind}"
    command = [build / "bin" / "fftconv-compile", source, f"--chip={chip}", f"--emit={kind}", "-o", code, f"--manifest={out / name}.json", "--report=json", *flags]
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    source.unlink()
    if "do not fit one pass" in done.stderr or (tune and re.search("bytes of shared memory, a CTA on|cannot have (bulk copies|products of warpgroups)", done.stderr)):
        return None
    if done.returncode:
        raise SystemExit(f"{program}: {done.stderr}")
    (out / f"{code.name}.gz").write_bytes(gzip.compress(code.read_bytes(), mtime=0))
    code.unlink()
    run = [kernel for kernel in json.loads(done.stdout)["kernels"] if kernel["kind"] != "spectrum"]
    (kernel,) = (kernel for kernel in run if kernel["kind"] == "convolution")
    turned = len(run) > 1
    # Of the batch that the suite runs, times go with outputs.
    batch = program.rows if program.batch == "?" else int(program.batch)
    scale = batch / kernel["batch"]
    # What a convolution has to read and write, if its gates go with turns or not.
    per_output = kernel["per_output"]
    if turned:
        per_output["hbm_bytes"] += (4 if program.type == "f32" else 2) * sum("gate" in name for name in program.gate_operands)
    times = [k["predicted_seconds"] for k in run]
    return {
        "name": f"{program}{way}", "manifest": f"{name}.json", "boundary": program.boundary, "center": program.center, "type": program.type,
        "gates": list(program.gate_operands), "length": program.length, "taps": program.taps, "heads": program.heads, "batch": batch,
        "channels_last": program.channels_last, "seed": index, "sanitize": program.length <= 5000 and sampled,
        "per_output": per_output, "binds": run[times.index(max(times))]["binds"],
        "plan": {key: kernel[key] for key in ("radices", "blocks", "theta", "warps", "values", "rows", "stages", "copies", "mma") if key in kernel} | ({"turned": True} if turned else {}),
        "planned_batch": 0 if program.batch == "?" else batch, "chip": chip,
        "predicted_ms": sum(times) * 1e3 * scale, "board": kernel["board"],
    }


def pack(build, out, chip, programs, prefix, tune=False, cubin=False, flags=(), way=""):
    """Compiles programs into a folder, as many at once as there are processors; what the suite has to know of each. With `tune`, each in several plans. With
    `cubin`, as machine code. What is compiled in another `way` than the planner's says so in its name."""
    choices = ((program, text) for program in programs for text in (plans(build, chip, program) if tune else [program.mlir]))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        entries = [pool.submit(compiled_entry, build, out, chip, cubin, flags, way, tune, f"{prefix}{i}", i, *choice) for i, choice in enumerate(choices)]
        return [entry.result() for entry in entries if entry.result()]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--chip", default="sm_90")
    parser.add_argument("--autotune", action="store_true", help="add the benchmarks in several plans each, for gpu-suite.py --autotune")
    parser.add_argument("--cubin", action="store_true", help="assemble here (needs ptxas), so that the driver there has little to compile")
    parser.add_argument("--list", choices=["full", "small"], default="full")
    arguments = parser.parse_args()
    shutil.rmtree(arguments.out, ignore_errors=True)
    arguments.out.mkdir(parents=True)
    checked = [*small()] if arguments.list == "small" else [*sample_programs(), *kernel_programs(), *(program for _, program in groups_programs())]
    timed = list(small_benchmarks() if arguments.list == "small" else benchmarks())
    compiled = functools.partial(pack, arguments.build, arguments.out, arguments.chip, cubin=arguments.cubin)
    tuning = compiled(timed, "t", tune=True) if arguments.autotune else []
    in_bulk = list(bulk_programs())[3:5] if arguments.list == "small" else bulk_programs()
    programs = compiled(checked, "p") + compiled(in_bulk, "c", flags=["--copies=bulk", "--method=fft"])
    # Whatever the planner says of rows whose channels are last.
    last = [program for program in (checked if arguments.list == "small" else kernel_programs()) if program.channels_last]
    for way in ("fused", "turned"):
        programs += compiled(last, way, flags=[f"--channels={way}"], way=f"-{way}")
    timings = compiled(timed, "b")
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    contents = {
        "description": f"{len(programs)} programs and {len(timings)} benchmarks for {arguments.chip}, of commit {commit or 'unknown'}",
        "board": timings[0]["board"], "programs": programs, "benchmarks": timings, "tuning": tuning,
    }
    (arguments.out / "pack.json").write_text(json.dumps(contents, indent=1) + "\n")
    shutil.copy(ROOT / "utils" / "gpu-suite.py", arguments.out)
    size = sum(path.stat().st_size for path in arguments.out.iterdir())
    print(f"{arguments.out}: {contents['description']}, {size / 2**20:.1f} MiB")


if __name__ == "__main__":
    main()
