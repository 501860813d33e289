"""Prints the performance table of the README, from files of results only: what gpu-suite.py measured on GPUs (*-gpu.json in benchmarks/results: the last, and the last of each other device
beside it; *-gpu-*.json of the same day for others that only they timed), plans that were timed (*-plans.json), and what the cost model predicted. Predictions are called so."""

import json
import pathlib

RESULTS = pathlib.Path(__file__).parent / "results"
PEERS = ("torch rfft", "torch fft", "subquadratic-ops")
KINDS = {"causal": ("causal", "none"), "gated causal": ("causal", "both"), "gated circular": ("circular", "both")}


def load(pattern):
    return [json.loads(path.read_text()) for path in sorted(RESULTS.glob(pattern))]


def planned_since(record, name):
    """The plan that is the planner's own since `record` was made, as it was timed on that day, or nothing; of several times the least: they differ by CTAs along the batch."""
    plans = (p for timed in load("*-plans.json") if timed["date"] == record["date"] for p in timed["programs"].get(name, []))
    return min((p for p in plans if p.get("as_planned_since")), key=lambda p: p["ms"], default=None)


def main():
    *older, record = load("*-gpu.json")
    beside = list({other["device"]: other for other in older if other["device"] != record["device"]}.values())
    same_day = [other for other in load("*-gpu-*.json") if (other["date"], other["device"]) == (record["date"], record["device"])]
    some = record["benchmarks"][0]

    def found(record, name):
        return next((b for b in record["benchmarks"] if b["name"] == name), None)

    print(f"B = {some['batch']}, H = {some['heads']}, f16, forward. Measured {record['date']} on {record['device']} (driver {record['device_driver']}).")
    print("Times of others, as multiples of ours, on the same day and chip: torch.fft in f32 and complex f32, whose filters are transformed before, as ours are; subquadratic-ops with its own")
    print("kernels, which transforms them in each call, and gates by PyTorch. Predicted: by the cost model, for", record["predicted_for"] + ".")
    print()
    headers = ["L", "", "ms", "of a copy of the same bytes", *PEERS, "predicted, ms", *(f"on {other['device']}, {other['date']}, ms" for other in beside)]
    print("| " + " | ".join(headers) + " |\n" + "|---" * len(headers) + "|")
    for length in (1024, 2048, 4096, 8192, 16384, 32768):
        for kind, (boundary, gates) in KINDS.items():
            name = f"{boundary}-{gates}-f16-Bx{some['heads']}x{length}-K{length}"
            b = found(record, name)
            kernel = planned_since(record, name) or b
            ms = kernel["ms"]
            peers = {key: took for other in (*same_day, record) for key, took in found(other, name)["peers"].items()}
            cells = [str(length), kind, f"{ms:.3f}", f"{100 * b['copy_ms'] / ms:.0f} %", *(f"{peers[key] / ms:.1f} x" if key in peers else "" for key in PEERS)]
            cells.append(f"{kernel['predicted_ms']:.3f} (predicted)")
            for other in beside:
                same = found(other, name)
                batch = f", batch {same['batch']}" if same and same["batch"] != b["batch"] else ""
                cells.append(f"{same['ms']:.3f} ({100 * same['fraction_of_copy']:.0f} %{batch})" if same else "")
            print("| " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
