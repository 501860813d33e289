"""Prints the performance table of the README, from files of results only: what a GPU was measured to take (the latest *-gpu.json in benchmarks/results, which gpu-suite.py wrote),
and what the cost model predicts for kernels as they are (the latest *-predicted.json, which predicted.sh wrote). Predictions are called so."""

import json
import pathlib

RESULTS = pathlib.Path(__file__).parent / "results"
PEERS = ("torch rfft", "torch fft", "subquadratic-ops")
KINDS = {"causal": ("causal", "none"), "gated causal": ("causal", "both"), "gated circular": ("circular", "both")}


def main():
    record = json.loads(sorted(RESULTS.glob("*-gpu.json"))[-1].read_text())
    found = {b["name"]: b for b in record["benchmarks"]}
    now = json.loads(sorted(RESULTS.glob("*-predicted.json"))[-1].read_text())
    predicted = {b["name"]: b["predicted_ms"] for b in now["benchmarks"]}
    some = record["benchmarks"][0]
    print(f"B = {some['batch']}, H = {some['heads']}, f16, forward. Measured {record['date']} on {record['device']} (driver {record['device_driver']}).")
    print("Times of others, as multiples of ours, in the same run: torch.fft in f32 and complex f32, whose filters are transformed before, as ours are; subquadratic-ops with its own")
    print("kernels, which transforms them in each call, and gates by PyTorch. Predicted: by the cost model, for", record["predicted_for"] + ", then, and now for kernels as they are,")
    print("which have not run on a GPU; in brackets of the copy that was measured.")
    print()
    print("| L | | ms | of a copy of the same bytes |" + "".join(f" {name} |" for name in PEERS) + " predicted then, ms | now |")
    print("|---" * (6 + len(PEERS)) + "|")
    for length in (1024, 2048, 4096, 8192, 16384, 32768):
        for kind, (boundary, gates) in KINDS.items():
            b = found[f"{boundary}-{gates}-f16-Bx{some['heads']}x{length}-K{length}"]
            ms = predicted[b["name"]]
            others = "".join(f" {b['peers'][name] / b['ms']:.1f} x |" if name in b["peers"] else " |" for name in PEERS)
            print(f"| {length} | {kind} | {b['ms']:.3f} | {100 * b['fraction_of_copy']:.0f} % |{others} {b['predicted_ms']:.3f} (predicted) | {ms:.3f} ({100 * b['copy_ms'] / ms:.0f} %, predicted) |")


if __name__ == "__main__":
    main()
