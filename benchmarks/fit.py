"""Fits what kernels took on a GPU to what the cost model counts of them (lib/Monarch/KernelCost.cpp has the result): `fit.py [COUNTS.json]`.

In clocks of a multiprocessor for 256 outputs: slots by four, wavefronts of tables and spectra, what HBM takes by its bandwidth, and the tiles of a group
where its CTA is alone. Of kernels of f16 and bf16 whose warps share rows, up to 16,384 points; the others are only compared.
"""

import json
import pathlib
import sys

import numpy

# Of sm_90 (lib/Monarch/Planner.cpp).
CLOCK, SMS, BANDWIDTH, MMA_SLOTS = 1.76e9, 132, 3.35e12, 5.2
COUNTS = pathlib.Path(__file__).parent / "results" / "2026-11-26-h200-counts.json"


def terms(kernel):
    return [
        64 * (kernel["instructions"] + (MMA_SLOTS - 1) * kernel["mma"]),
        256 * kernel["table_wavefronts"],
        256 * kernel["hbm_bytes"] / BANDWIDTH * CLOCK * SMS,
        kernel["alone"] / (kernel["group_outputs"] / 256),
    ]


def clocks(kernel):
    return kernel["ms"] * 1e-3 * CLOCK * SMS / (kernel["outputs"] / 256)


def is_fitted(kernel):
    return kernel["shares_rows"] and "f32" not in kernel["name"] and kernel["outputs"] <= 64 * 768 * 16384


def fit(kernels):
    """The factors of the terms, and the relative errors that they leave."""
    fitted = [kernel for kernel in kernels if is_fitted(kernel)]
    weighted = numpy.array([terms(kernel) for kernel in fitted]) / numpy.array([clocks(kernel) for kernel in fitted])[:, None]
    factors = numpy.linalg.lstsq(weighted, numpy.ones(len(fitted)), rcond=None)[0]
    return factors, weighted @ factors - 1


def main():
    kernels = json.loads((pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else COUNTS).read_text())["kernels"]
    factors, errors = fit(kernels)
    print("slots / 4: {:.3f}, wavefronts of tables: {:.3f}, memory: {:.3f}, a group alone: {:.0f} clocks".format(*factors))
    print(f"{len(errors)} kernels, {100 * numpy.sqrt(numpy.mean(errors**2)):.1f} % root mean square, {100 * abs(errors).max():.1f} % at most\n")
    print("| kernel | warps x rows | clocks | by the fit | |\n|---|---|---|---|---|")
    for kernel in kernels:
        fitted = float(numpy.dot(terms(kernel), factors))
        note = "" if is_fitted(kernel) else "not fitted"
        if kernel["shares_rows"]:
            print(f"| {kernel['name']} | {kernel['warps']} x {kernel['rows']} | {clocks(kernel):.0f} | {fitted:.0f} ({100 * (fitted / clocks(kernel) - 1):+.0f} %) | {note} |")


if __name__ == "__main__":
    main()
