"""Counts what causal kernels cost, without a GPU: by the emulator's counters, and by ptxas and nvdisasm where they are.

For each length: mma for one output, SASS instructions for 256 outputs in the loop over groups of batch rows (weighted by the trips of inner
loops; executed PTX instructions where there is no ptxas), the slots of schedulers that these take, of which an mma has several, the wavefronts of loads of tables and spectra among them, shared wavefronts against the ideal at every exchange, sectors of input, output and
spectrum against the ideal, barriers, spills, and the relative RMS error against the direct sum. Counts of the cost model are compared with the
emulator's. Then the same, as far as there is such a thing, of short filters that are computed directly, and what bulk copies take beside
asynchronous ones. The exit code is 1 where a count is above its limit.
"""

import argparse
import collections
import datetime
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

# The report takes a dynamic batch for 64 rows; so does the emulator then.
HEADS, BATCH = 2, 64
# For each length: mma for one output, slots and wavefronts of tables and spectra for 256, bytes spilled (0), error.
LIMITS = {
    1024: {"mma": 0.063, "slots": 185, "loads": 9, "error": 1e-3},
    2048: {"mma": 0.063, "slots": 206, "loads": 20, "error": 1e-3},
    4096: {"mma": 0.098, "slots": 233, "loads": 9, "spills": 8, "error": 1.05e-3},
    8192: {"mma": 0.098, "slots": 242, "loads": 11, "error": 1.15e-3},
    16384: {"mma": 0.098, "slots": 262, "loads": 18, "spills": 16, "error": 1.25e-3},
    32768: {"mma": 0.098, "slots": 295, "loads": 21, "error": 1.4e-3},
}
# Of short filters: mma for one output, by taps.
DIRECT_LIMITS = {4: 0.016, 16: 0.016, 64: 0.04, 128: 0.071}
DIRECT_LENGTH = 4096
# 400 mma for 4096 points where a warp holds a whole sequence.
SHORT_LIMIT = {"mma": 400 / 4096, "error": 1.5e-3}
# Rows that are counted with both kinds of copies.
COPIED = [(length, {}) for length in (1024, 4096, 16384, 32768)] + [(4096, {"gated": True})] + [(length, {"type_": "f32"}) for length in (512, 768, 1024, 1536, 2048, 4096)]
LENGTHS = (256, 512, 768, 1024, 1280, 1536, 1792, 2048, 4096, 8192, 12288, 16384, 20480, 24576, 28672, 32768)


# What a convolution has to read and write; tables and the like are small and stay in caches.
MOVED = ("input", "output", "gate", "spectrum")


def call(*command):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{command[0]}: {done.stdout}{done.stderr}")
    return done.stdout


def find_nvdisasm():
    """NVIDIA's disassembler: on the path, or as the Python package has it."""
    packaged = sorted(pathlib.Path(sys.prefix).glob("lib/python*/site-packages/nvidia/**/bin/nvdisasm"))
    return shutil.which("nvdisasm") or (str(packaged[0]) if packaged else None)


def disassemble(cubin, kernel):
    """[(label or None, opcode, text)] of a kernel's SASS."""
    lines, inside = [], False
    for line in call(find_nvdisasm(), cubin).splitlines():
        section = re.match(r"\.text\.(\w+):", line)
        if section:
            inside = section[1] == kernel
        label = re.match(r"(\.L_x_\d+):", line)
        instruction = re.match(r"\s+/\*[0-9a-f]{4,5}\*/\s+(.*?);", line)
        if inside and label:
            lines.append((label[1], None, None))
        elif inside and instruction:
            text = instruction[1].strip()
            lines.append((None, re.sub(r"^@!?U?P\w+\s+", "", text).split()[0], text))
    return lines


def count_sass(cubin, kernel, trips):
    """Instructions of one turn of the outermost loop by opcode, inner loops weighted by `trips`, in the order of the code; and the wavefronts of loads from memory among them."""
    labels, code = {}, []
    for label, opcode, text in disassemble(cubin, kernel):
        if label:
            labels[label] = len(code)
        else:
            code.append((opcode, text))
    edges = []
    for i, (opcode, text) in enumerate(code):
        target = re.search(r"`\((\.L_x_\d+)\)", text)
        start = labels.get(target[1]) if target and opcode.startswith("BRA") else None
        if start is not None and start < i:
            edges.append((start, i))
    # The loop over groups is the first to end of those that have all matrix products. What rarely runs (retries of waits) stands behind it and comes back from there.
    products = [i for i, (opcode, _) in enumerate(code) if opcode.startswith(("HMMA", "HGMMA"))]
    start, end = min((e for e in edges if e[0] <= products[0] and products[-1] <= e[1]), key=lambda e: e[1])
    back = {}
    for a, b in edges:
        if start < a and b < end:
            back[a] = max(b, back.get(a, 0))
    inner = sorted(back.items(), key=lambda l: (l[0], -l[1]))
    if len(inner) != len(trips):
        raise RuntimeError(f"{kernel}: {len(inner)} loops in the code, {len(trips)} in the schedule")
    weights = [1] * len(code)
    for (a, b), count in zip(inner, trips):
        for i in range(a, b + 1):
            weights[i] *= count
    counts, loads = collections.Counter(), 0
    for i in range(start, end + 1):
        family, *parts = code[i][0].split(".")
        counts[family] += weights[i]
        if family == "LDG":
            loads += weights[i] * (4 if "128" in parts else 2 if "64" in parts else 1)
    return counts, loads


def program(length, gated=False, type_="f16", boundary="causal", taps=None, channels_last=False, heads=HEADS, batch="?"):
    center = f" center {length // 3}" if boundary == "bidirectional" else ""
    sizes = f"{length}x{heads}" if channels_last else f"{heads}x{length}"
    u, k = f"tensor<{batch}x{sizes}x{type_}>", f"tensor<{heads}x{taps or length}xf32>"
    parameters = f", %g: {u}, %h: {u}" if gated else ""
    gates = f" pre_gate(%g : {u}) post_gate(%h : {u})" if gated else ""
    return f"func.func @f(%u: {u}, %k: {k}{parameters}) -> {u} {{\n  %y = fftconv.conv {boundary}{' channels_last' * channels_last} %u, %k{center}{gates} : {u}, {k}\n  return %y : {u}\n}}\n"


def traffic(ptx, launch):
    """What the lines of a launch did, by what they are for."""
    lines, result = ptx.splitlines(), collections.defaultdict(collections.Counter)
    for site in launch["lines"]:
        text = lines[site["line"] - 1]
        # Our own loads are in assembly, those that LLVM makes are not.
        own = "inline asm" in lines[site["line"] - 2]
        kind = (
            "exchange" if "matrix" in text
            else "output" if "st.global" in text or "cp.async.bulk.global" in text
            else "input" if "cp.async." in text and "global" in text
            else "input" if "ld.global.b16" in text
            else "gate" if "ld.global" in text and not own
            else "spectrum" if "no_allocate" in text or "evict_last" in text
            else "table" if "ld.global" in text
            else "negation" if text.strip().startswith("neg.")
            else "other"
        )
        result[kind]["executed"] += site["warp_instructions"]
        for key in ("global_sectors", "global_ideal_sectors", "shared_wavefronts", "shared_ideal_wavefronts"):
            result[kind][key] += site[key]
        if kind == "exchange" and site["shared_wavefronts"]:
            result[kind]["worst"] = max(result[kind]["worst"], site["shared_wavefronts"] / site["shared_ideal_wavefronts"])
    return result


def measure(tools, length, chip="sm_90", flags=(), **variant):
    """Everything that is counted for one length; `variant` is that of program()."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)

        (folder / "f.mlir").write_text(program(length, **variant))
        # Rows whose channels are last in one kernel; turning them is a copy.
        flags = ["--method=fft", "--channels=fused", *flags]
        compile_ = [tools / "fftconv-compile", folder / "f.mlir", f"--chip={chip}", *flags]
        kernel = json.loads(call(*compile_, "--report=json", "-o", folder / "f.ptx"))["kernels"][1]
        rows, batch = kernel["rows"], variant.get("batch", BATCH)
        dims = [] if "batch" in variant else [f"--dim={BATCH}"]
        ptx = (folder / "f.ptx").read_text()
        out = call(
            tools / "fftconv-run", folder / "f.mlir", "--device=emulator", f"--chip={chip}", *dims, "--seed=3",
            "--check=none", "--compare-with=reference", "--sample=4000", f"--stats={folder / 'stats.json'}", *flags,
        )
        launch = json.loads((folder / "stats.json").read_text())["launches"][1]
        heads = variant.get("heads", HEADS)
        lines, total, outputs = traffic(ptx, launch), launch["total"], batch * heads * length
        pair = 2 if kernel["theta"] == "one" else 1
        # Heads that travel together take batch rows one by one.
        groups = -(-heads // rows) * -(-batch // pair) if kernel["channels_last"] else heads * -(-batch // (rows * pair))
        result = {
            "length": length,
            **variant,
            "points": kernel["points"],
            "radices": kernel["radices"],
            "blocks": kernel["blocks"],
            "rows": rows,
            "copies": kernel["copies"],
            "mma": launch["instructions"]["mma"] / outputs,
            "exchange_wavefronts_over_ideal": lines["exchange"]["worst"],
            "wavefronts": total["shared_wavefronts"] / outputs,
            "sectors_over_ideal": sum(lines[k]["global_sectors"] for k in MOVED)
            / sum(lines[k]["global_ideal_sectors"] for k in MOVED),
            "barriers_per_group": total["barriers"] / kernel["warps"] / groups,
            "error": float(re.search(r"relative RMS error ([^ ]+) ", out)[1]),
            # Machine code has negations as modifiers of operands.
            "executed_ptx_per_256": (total["warp_instructions"] - lines["negation"]["executed"]) / outputs * 256,
        }
        model = kernel["per_output"]
        result["hbm_bytes"] = model["hbm_bytes"]
        counted = sum(lines[k]["global_sectors"] for k in MOVED) / outputs
        result["model"] = {"mma": model["mma"], "wavefronts": model["wavefronts"], "sectors": model["sectors"]}
        result["counted"] = {"mma": result["mma"], "wavefronts": result["wavefronts"], "sectors": counted}
        if "ptxas" in kernel:
            result["ptxas"] = kernel["ptxas"]
        if "ptxas" in kernel and find_nvdisasm():
            call(*compile_, "-o", folder / "f.cubin")
            counts, loads = count_sass(folder / "f.cubin", kernel["kernel"], kernel["loops"])
            # A warp does its share of the group's rows in one turn.
            tiles = length / 256 * pair * rows / kernel["warps"]
            result["sass_per_256"] = sum(counts.values()) / tiles
            result["slots_per_256"] = result["sass_per_256"] + (kernel["mma_slots"] - 1) * counts["HMMA"] / tiles
            result["loads_per_256"] = loads / tiles
            result["sass"] = {opcode: count / tiles for opcode, count in counts.most_common()}
        return result


def measure_direct(tools, taps, chip="sm_90", **variant):
    """The same for a short filter, whose kernel has neither shared memory nor a spectrum."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "f.mlir").write_text(program(DIRECT_LENGTH, taps=taps, **variant))
        flags = [f"--chip={chip}", "--method=direct"]
        (kernel,) = json.loads(call(tools / "fftconv-compile", folder / "f.mlir", *flags, "--report=json", "-o", folder / "f.ptx"))["kernels"]
        out = call(
            tools / "fftconv-run", folder / "f.mlir", "--device=emulator", f"--dim={BATCH}", "--seed=3", "--check=none",
            "--compare-with=reference", "--sample=4000", f"--stats={folder / 'stats.json'}", *flags,
        )
        (launch,) = json.loads((folder / "stats.json").read_text())["launches"]
        outputs, total = BATCH * HEADS * DIRECT_LENGTH, launch["total"]
        return {
            "taps": taps,
            **variant,
            "blocks": kernel["blocks"],
            "mma": launch["instructions"]["mma"] / outputs,
            "model": {"mma": kernel["per_output"]["mma"]},
            "executed_ptx_per_256": total["warp_instructions"] / outputs * 256,
            "sectors_over_model": total["global_sectors"] / outputs / kernel["per_output"]["sectors"],
            "hbm_bytes": kernel["per_output"]["hbm_bytes"],
            "barriers": total["barriers"],
            "error": float(re.search(r"relative RMS error ([^ ]+) ", out)[1]),
            **({"ptxas": kernel["ptxas"]} if "ptxas" in kernel else {}),
        }


def direct_problems(result):
    checks = [
        ("mma", result["mma"], DIRECT_LIMITS[result["taps"]]),
        ("mma", result["mma"], result["model"]["mma"] * (1 + 1e-9)),
        # The model leaves out the taps, of which each warp makes its matrices.
        ("sectors over model", result["sectors_over_model"], 1.1),
        ("error", result["error"], 5e-4 if result.get("type_", "f16") == "f16" else 3.5e-3),
        ("bytes spilled", result.get("ptxas", {}).get("spill_bytes", 0), 0),
    ]
    return [f"{name} {value:.4g} > {most:.4g}" for name, value, most in checks if not value <= most]


# The benchmarks that a GPU is to run: rows of all heads of a layer, plain causal and gated circular.
LAYER = {"batch": 64, "heads": 768}
PREDICTED = [(length, variant) for length in (1024, 2048, 4096, 8192, 16384, 32768) for variant in ({}, {"gated": True, "boundary": "circular"})]


def predict(tools, length, chip, gated=False, boundary="causal"):
    """What the cost model makes of a benchmark: its time, those of its limits, in ms, and the one that binds."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "p.mlir"
        text = program(length, gated=gated, boundary=boundary, heads=LAYER["heads"])
        path.write_text(text.replace("?x", f"{LAYER['batch']}x"))
        report = call(tools / "fftconv-compile", path, f"--chip={chip}", "-o", path.with_suffix(".ptx"), "--report=json")
    kernel = json.loads(report)["kernels"][-1]
    return {"length": length, "gated": gated, "boundary": boundary, **LAYER, "board": kernel["board"], "binds": kernel["binds"],
            "ms": 1e3 * kernel["predicted_seconds"], "limits_ms": {name: 1e3 * seconds for name, seconds in kernel["limits_seconds"].items()}}


def digits(result):
    blocks = result["blocks"]
    return (f"{blocks} blocks of " if blocks > 1 else "") + " x ".join(map(str, result["radices"][blocks > 1 :]))


def problems(result):
    """What is above its limit, in words."""
    limit = LIMITS.get(result["length"], SHORT_LIMIT if result["points"] <= 2048 else {"mma": 0.108, "error": 1.4e-3})
    checks = [
        ("mma", result["mma"], limit["mma"]),
        ("slots", result.get("slots_per_256", 0), limit.get("slots", float("inf"))),
        ("loads", result.get("loads_per_256", 0), limit.get("loads", float("inf"))),
        ("error", result["error"], limit["error"]),
        ("wavefronts over ideal", result["exchange_wavefronts_over_ideal"], 1),
        ("sectors over ideal", result["sectors_over_ideal"], 1),
        ("barriers", result["barriers_per_group"], 4 if result["points"] > 2048 else 0),
        ("bytes spilled", result.get("ptxas", {}).get("spill_bytes", 0), limit.get("spills", 0)),
        ("stack", result.get("ptxas", {}).get("stack_bytes", 0), limit.get("spills", 0)),
    ]
    found = [f"{name} {value:.4g} > {most:.4g}" for name, value, most in checks if not value <= most]
    for name, value in result["model"].items():
        if abs(value - result["counted"][name]) > 1e-9 * value:
            found.append(f"model's {name} {value:.6g}, counted {result['counted'][name]:.6g}")
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("-o", type=pathlib.Path, metavar="FILE.json")
    parser.add_argument("--chip", default="sm_90")
    arguments = parser.parse_args()
    tools, results, bad = arguments.build / "bin", [], False
    print("| L | digits | rows | mma per output | SASS per 256 | slots | loads | wavefronts / ideal | sectors / ideal | barriers | registers | spills | error |")
    print("|---|---|---|---|---|---|---|---|---|---|---|---|---|")
    for length in LENGTHS:
        try:
            result = measure(tools, length, arguments.chip)
        except RuntimeError as error:
            if "do not fit one pass" in str(error):
                continue
            raise
        results.append(result)
        ptxas = result.get("ptxas", {})
        sass = f"{result['sass_per_256']:.0f}" if "sass_per_256" in result else f"({result['executed_ptx_per_256']:.0f} PTX)"
        print(
            f"| {length} | {digits(result)} | {result['rows']} | {result['mma']:.4f} | {sass} "
            f"| {result.get('slots_per_256', 0):.0f} | {result.get('loads_per_256', 0):.0f} | {result['exchange_wavefronts_over_ideal']:.2f} | {result['sectors_over_ideal']:.2f} | {result['barriers_per_group']:.0f} "
            f"| {ptxas.get('registers', '?')} | {ptxas.get('spill_bytes', '?')} | {result['error']:.1e} |"
        )
        for problem in problems(result):
            bad = True
            print(f"L = {length}: {problem}", file=sys.stderr)
    print("\n| taps | segment | mma per output | PTX per 256 | registers | spills | error |")
    print("|---|---|---|---|---|---|---|")
    direct = [measure_direct(tools, taps, arguments.chip) for taps in DIRECT_LIMITS]
    for result in direct:
        ptxas = result.get("ptxas", {})
        print(
            f"| {result['taps']} | {result['blocks']} | {result['mma']:.4f} | {result['executed_ptx_per_256']:.0f} "
            f"| {ptxas.get('registers', '?')} | {ptxas.get('spill_bytes', '?')} | {result['error']:.1e} |"
        )
        for problem in direct_problems(result):
            bad = True
            print(f"{result['taps']} taps: {problem}", file=sys.stderr)
    print("\n| rows | slots per 256, async | bulk | registers and bytes spilled, async | bulk |")
    print("|---|---|---|---|---|")
    copies = []
    for length, variant in COPIED:
        pair = []
        for kind in ("async", "bulk"):
            result = measure(tools, length, arguments.chip, flags=[f"--copies={kind}"], **variant)
            # Chips without bulk copies have a line for async ones alone.
            if result["copies"] == kind:
                pair.append(result)
        copies += pair
        name = f"{variant.get('type_', 'f16')}, L = {length}{', both gates' * variant.get('gated', False)}"
        counts = [f"{r['slots_per_256']:.0f}" if "slots_per_256" in r else f"({r['executed_ptx_per_256']:.0f} PTX)" for r in pair]
        spills = [f"{r['ptxas']['registers']}, {r['ptxas']['spill_bytes']}" if "ptxas" in r else "?" for r in pair]
        print(f"| {name} | {' | '.join(counts)} | {' | '.join(spills)} |")
    if arguments.o:
        record = {"date": str(datetime.date.today()), "command": "benchmarks/static.sh", "chip": arguments.chip, "results": results, "direct": direct, "copies": copies,
                  "predicted": [predict(tools, length, arguments.chip, **variant) for length, variant in PREDICTED]}
        arguments.o.write_text(json.dumps(record, indent=1) + "\n")
    sys.exit(bad)


if __name__ == "__main__":
    main()
