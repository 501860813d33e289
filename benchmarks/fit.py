"""Fits what kernels took on GPUs to what is counted of them (lib/Monarch/KernelCost.cpp has the result): `fit.py`.

In clocks of a multiprocessor for 256 outputs a kernel takes the cube root of the sum of two cubes: of what HBM takes, at the rate of a copy, and of what the
chip takes, which is a sum. Where warps share rows, of slots by four, of wavefronts of tables and spectra, and of the tiles of a group where its CTA is
alone; where warps own them, of slots; where warpgroups multiply, of instructions by four, wavefronts of tables and spectra, and those of shared memory.
What is known is added: the time of rows and gates that are not copied ahead, where a CTA is alone.
Of f16 and bf16, up to 16,384 points, of what was timed those that come within 15 % of the fastest; the others are only compared.
"""

import json
import pathlib

import numpy

# Of sm_90 (lib/Monarch/Planner.cpp), and data sheets' bandwidths of the two boards; what a copy reaches of that (Chip::copied).
CLOCK, SMS, MMA_SLOTS, COPIED = 1.76e9, 132, 5.2, 0.87
BANDWIDTH = {"H200": 4.8e12, "H100": 3.35e12}
# Of tables, for warps that own rows (KernelCost.cpp).
OWNED_LOADS = 0.1
RESULTS = pathlib.Path(__file__).parent / "results"
KINDS = {"shared": ["slots / 4", "wavefronts of tables", "a group alone"], "owned": ["slots / 4"], "warpgroups": ["instructions / 4", "wavefronts of tables", "wavefronts of shared memory"]}
NEAR = 1.15


def read(name):
    return json.loads((RESULTS / name).read_text())


def timed_kernels():
    """What was timed, by board, with what is counted: of 2026-11-26 kernels whose warps share rows, on both boards as far as it is known; of 2026-11-27 plans."""
    on_h200, on_h100 = ({b["name"]: b["ms"] for b in read(f"2026-11-26-{board}-gpu.json")["benchmarks"]} for board in ("h200", "h100"))
    for kernel in read("2026-11-26-h200-counts.json")["kernels"]:
        if kernel["shares_rows"] and "f32" not in kernel["name"]:
            kernel |= {"kind": "shared", "ctas": 1 if kernel["alone"] else 16 // kernel["warps"], "near": True}
            yield {**kernel, "board": "H200"}
            if kernel["ms"] == round(on_h200.get(kernel["name"], 0), 4):
                yield {**kernel, "board": "H100", "ms": on_h100[kernel["name"]]}
    plans = [kernel for kernel in read("2026-11-27-h200-counts.json")["kernels"] if kernel["local"] < 12]
    fastest = {}
    for kernel in plans:
        fastest[kernel["name"]] = min(kernel["ms"], fastest.get(kernel["name"], numpy.inf))
    for kernel in plans:
        kind = "warpgroups" if kernel["mma_by"] == "warpgroup" else "shared" if kernel["shares_rows"] else "owned"
        # With fewer warps a multiprocessor is another one.
        if kind != "shared" or kernel["warps"] * kernel["ctas"] >= 12:
            yield {**kernel, "kind": kind, "board": "H200", "near": kernel["ms"] < NEAR * fastest[kernel["name"]]}


def length(kernel):
    return int(kernel["name"].split("-K")[1].split("-")[0])


def clocks(kernel):
    return kernel["ms"] * 1e-3 * CLOCK * SMS / (64 * 768 * length(kernel) / 256)


def of_memory(kernel, bytes_):
    """What HBM takes for so many bytes of an output."""
    return 256 * bytes_ / (COPIED * BANDWIDTH[kernel["board"]]) * CLOCK * SMS


def terms(kernel):
    """What is multiplied with the factors of a kernel's kind."""
    warps = min(64, kernel["warps"] * kernel["ctas"])
    # Fewer than sixteen warps use fewer of the slots (Chip::slotsPerClock).
    per_slot = 64 * (1 - numpy.exp(-16 / 6)) / (1 - numpy.exp(-warps / 6))
    slots = per_slot * (kernel["instructions"] + (0 if kernel["kind"] == "warpgroups" else (MMA_SLOTS - 1) * kernel["mma"]))
    loads = 256 * kernel["table_wavefronts"]
    if kernel["kind"] == "owned":
        return [slots]
    if kernel["kind"] == "warpgroups":
        return [slots, loads, 256 * kernel["wavefronts"]]
    return [slots, loads, (kernel["ctas"] == 1) / (kernel["group_outputs"] / 256)]


def known(kernel):
    if kernel["kind"] == "owned":
        return OWNED_LOADS * 256 * kernel["table_wavefronts"]
    return of_memory(kernel, 2 * kernel["late"] * (kernel["ctas"] == 1))


def by_the_fit(kernel, factors):
    return float(numpy.cbrt((numpy.dot(terms(kernel), factors) + known(kernel)) ** 3 + of_memory(kernel, kernel["hbm_bytes"]) ** 3))


def fit(kernels):
    """The factors of kernels of one kind."""
    fitted = [kernel for kernel in kernels if kernel["near"] and length(kernel) <= 16384]
    taken = numpy.array([clocks(kernel) for kernel in fitted])
    chip = numpy.cbrt(numpy.maximum(taken**3 - numpy.array([of_memory(kernel, kernel["hbm_bytes"]) for kernel in fitted]) ** 3, 0))
    # An error of the chip's time is one of the whole by its share.
    weights = chip**2 / taken**3
    left = (chip - [known(kernel) for kernel in fitted]) * weights
    return numpy.linalg.lstsq(numpy.array([terms(kernel) for kernel in fitted]) * weights[:, None], left, rcond=None)[0]


def regrets(kernels, factors):
    """By program, how much longer than the fastest plan the one takes that is fastest by the fit."""
    found = {}
    for kernel in kernels:
        if "chip" in kernel:
            found.setdefault(kernel["name"], []).append(kernel)
    return {name: min(plans, key=lambda plan: by_the_fit(plan, factors))["ms"] / min(plan["ms"] for plan in plans) - 1 for name, plans in found.items()}


def main():
    kernels = list(timed_kernels())
    for kind, names in KINDS.items():
        these = [kernel for kernel in kernels if kernel["kind"] == kind]
        factors = fit(these)
        print(f"{kind}:", ", ".join(f"{name}: {factor:.3f}" for name, factor in zip(names, factors)))
        for board in BANDWIDTH:
            for text, chosen in (("fitted", lambda k: k["near"] and length(k) <= 16384), ("longer", lambda k: k["near"] and length(k) > 16384), ("slower", lambda k: not k["near"])):
                errors = numpy.array([by_the_fit(k, factors) / clocks(k) - 1 for k in these if k["board"] == board and chosen(k)])
                if len(errors):
                    print(f"  {board}, {text}: {len(errors)} kernels, {100 * numpy.sqrt(numpy.mean(errors**2)):.1f} % root mean square, {100 * numpy.mean(errors):+.1f} % on average, {100 * abs(errors).max():.0f} % at most")
        if kind == "owned": # CTAs of their warps are not searched
            continue
        worse = regrets(these, factors)
        print(f"  what is fastest by the fit takes {100 * numpy.mean(list(worse.values())):.1f} % longer than what is, {100 * max(worse.values()):.0f} % at most, of {len(worse)} programs")


if __name__ == "__main__":
    main()
