"""Prints the performance table of the README, from files of results only: what a GPU was measured to take where benchmarks/results has a file of gpu-suite.py (*-gpu.json), and what
the cost model predicts (the latest *-static.json)."""

import json
import pathlib

RESULTS = pathlib.Path(__file__).parent / "results"


def latest(kind):
    files = sorted(RESULTS.glob(f"*-{kind}.json"))
    return json.loads(files[-1].read_text()) if files else None


def main():
    static, gpu = latest("static"), latest("gpu")
    timed = {b["name"]: b["ms"] for b in gpu["benchmarks"]} if gpu else {}
    board = static["predicted"][0]["board"]
    layer = static["predicted"][0]
    print(f"B = {layer['batch']}, H = {layer['heads']}, f16. Floor: inputs and outputs once, at {board}'s memory bandwidth.")
    print()
    print(f"| L | | floor, ms | predicted, {board} | binds | measured{', ' + gpu['device'] if gpu else ''} |")
    print("|---|---|---|---|---|---|")
    for row in static["predicted"]:
        # As the suite's programs are called.
        measured = timed.get(f"{row['boundary']}-{'both' if row['gated'] else 'none'}-f16-Bx{row['heads']}x{row['length']}-K{row['length']}")
        name = "gated circular" if row["gated"] else "causal"
        print(f"| {row['length']} | {name} | {row['ms']['memory']:.3f} | {max(row['ms'].values()):.3f} (predicted) | {row['binds']} | {f'{measured:.3f}' if measured else 'no GPU so far'} |")


if __name__ == "__main__":
    main()
