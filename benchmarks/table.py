"""Prints the performance table of the README, from files of results only: what gpu-suite.py measured on GPUs (*-gpu.json in benchmarks/results: the last, and others of its day beside
it), and what the cost model predicted. Predictions are called so."""

import json
import pathlib

RESULTS = pathlib.Path(__file__).parent / "results"
PEERS = ("torch rfft", "torch fft", "subquadratic-ops")
KINDS = {"causal": ("causal", "none"), "gated causal": ("causal", "both"), "gated circular": ("circular", "both")}


def main():
    *older, record = [json.loads(path.read_text()) for path in sorted(RESULTS.glob("*-gpu.json"))]
    beside = [other for other in older if other["date"] == record["date"]]
    found = {b["name"]: b for b in record["benchmarks"]}
    some = record["benchmarks"][0]
    print(f"B = {some['batch']}, H = {some['heads']}, f16, forward. Measured {record['date']} on {record['device']} (driver {record['device_driver']}).")
    print("Times of others, as multiples of ours, in the same run: torch.fft in f32 and complex f32, whose filters are transformed before, as ours are; subquadratic-ops with its own")
    print("kernels, which transforms them in each call, and gates by PyTorch. Predicted: by the cost model, for", record["predicted_for"] + ".")
    print()
    print("| L | | ms | of a copy of the same bytes |" + "".join(f" {name} |" for name in PEERS) + " predicted, ms |" + "".join(f" on {other['device']}, ms |" for other in beside))
    print("|---" * (5 + len(PEERS) + len(beside)) + "|")
    for length in (1024, 2048, 4096, 8192, 16384, 32768):
        for kind, (boundary, gates) in KINDS.items():
            b = found[f"{boundary}-{gates}-f16-Bx{some['heads']}x{length}-K{length}"]
            others = "".join(f" {b['peers'][name] / b['ms']:.1f} x |" if name in b["peers"] else " |" for name in PEERS)
            line = f"| {length} | {kind} | {b['ms']:.3f} | {100 * b['fraction_of_copy']:.0f} % |{others} {b['predicted_ms']:.3f} (predicted) |"
            for other in beside:
                same = next((o for o in other["benchmarks"] if o["name"] == b["name"]), None)
                batch = f", batch {same['batch']}" if same and same["batch"] != b["batch"] else ""
                line += f" {same['ms']:.3f} ({100 * same['fraction_of_copy']:.0f} %{batch}) |" if same else " |"
            print(line)


if __name__ == "__main__":
    main()
