"""The list of programs that every executor runs: boundaries x gates x types x lengths x filter lengths x layouts.

`all_programs` is the whole list. `sample_programs` keeps every combination of boundary, type, L and K and deals gates and layouts out in turn, so
that each pair of values of any two of these meets.
"""

import dataclasses
import itertools
import json

BOUNDARIES = ("causal", "circular", "bidirectional")
GATES = ("none", "pre", "post", "both", "skip", "all")
TYPES = ("f16", "bf16", "f32")
LENGTHS = (1, 2, 7, 64, 100, 257, 1000, 1024, 4096, 5000, 8191)
# Batches: dynamic (run with three rows), one row, two rows.
BATCHES = ("?", "1", "2")


def heads_of(length):
    """Enough outputs that their RMS is not near zero by chance: single values of a sum with a skip may cancel."""
    return max(5, 64 // length)


# Lengths up to the limit of one pass.
KERNEL_LENGTHS = (*LENGTHS, 12288, 20000, 32767, 32768, 40000, 57344)
KERNEL_BATCHES, KERNEL_HEADS = (1, 2, 3, 64), (1, 3, 17)


def filter_lengths(length):
    return sorted({1, 3, max(length // 2, 1), length, 2 * length})


@dataclasses.dataclass(frozen=True)
class Program:
    boundary: str
    gates: str
    type: str
    length: int
    taps: int
    batch: str
    heads: int
    # Rows that a dynamic batch is run with.
    rows: int = 3
    # [B, L, H] instead of [B, H, L].
    channels_last: bool = False

    def __str__(self):
        batch, last = "B" if self.batch == "?" else self.batch, "-channels_last" if self.channels_last else ""
        return f"{self.boundary}-{self.gates}-{self.type}-{batch}x{self.heads}x{self.length}-K{self.taps}{last}"

    @property
    def center(self):
        """The index of tap zero of a bidirectional filter: neither end, where there is anything between."""
        return (self.taps - 1) // 3 if self.boundary == "bidirectional" else None

    @property
    def gate_operands(self):
        """The names of the operands after u and k, in order."""
        return {
            "none": (),
            "pre": ("pre_gate",),
            "post": ("post_gate",),
            "both": ("pre_gate", "post_gate"),
            "skip": ("skip",),
            "all": ("pre_gate", "post_gate", "skip"),
        }[self.gates]

    @property
    def mlir(self):
        sizes = f"{self.length}x{self.heads}" if self.channels_last else f"{self.heads}x{self.length}"
        u, k, d = (
            f"tensor<{self.batch}x{sizes}x{self.type}>",
            f"tensor<{self.heads}x{self.taps}xf32>",
            f"tensor<{self.heads}xf32>",
        )
        types = {"pre_gate": u, "post_gate": u, "skip": d}
        parameters = "".join(f", %{name}: {types[name]}" for name in self.gate_operands)
        operands = "".join(f" {name}(%{name} : {types[name]})" for name in self.gate_operands)
        center = "" if self.center is None else f" center {self.center}"
        return (
            f"func.func @f(%u: {u}, %k: {k}{parameters}) -> {u} {{\n"
            f"  %y = fftconv.conv {self.boundary}{' channels_last' * self.channels_last} %u, %k{center}{operands} : {u}, {k}\n"
            f"  return %y : {u}\n}}\n"
        )


def all_programs():
    for (b, boundary), (t, type_), (l, length) in itertools.product(*map(enumerate, (BOUNDARIES, TYPES, LENGTHS))):
        for k, taps in enumerate(filter_lengths(length)):
            for g, gates in enumerate(GATES):
                batch = BATCHES[(b + l + k + g) % len(BATCHES)]
                for channels_last in (False, True):
                    yield Program(boundary, gates, type_, length, taps, batch, heads_of(length), channels_last=channels_last)


def sample_programs():
    each = 2 * len(GATES)
    for i, program in enumerate(all_programs()):
        combination, dealt = divmod(i, each)
        # Twice the gates, then the other layout.
        if dealt == 2 * (combination % len(GATES)) + combination // len(GATES) % 2:
            yield program


def kernel_programs():
    """Plain causal f16 at every length and filter length; batches and heads are dealt out in turn, less of both where a program would take minutes.
    Then the rest of what the op can say at the lengths that the list of all executors lacks."""
    shapes = list(itertools.product(KERNEL_BATCHES, KERNEL_HEADS))
    for i, (length, k) in enumerate(itertools.product(KERNEL_LENGTHS, range(5))):
        taps = filter_lengths(length)
        if k >= len(taps):
            continue
        batch, heads = shapes[(i * 5) % len(shapes)]
        # Single values of a sum may cancel: short rows come in numbers.
        if length < 64 and batch * heads < 17:
            heads = 17
        if batch * heads * length > 1 << 21:
            batch = min(batch, 3)
        dynamic = i % 2 == 0
        yield Program("causal", "none", "f16", length, taps[k], "?" if dynamic else str(batch), heads, batch)
    for length in (4096, 32768):
        yield Program("causal", "none", "f16", length, length, "?", 17, 64)
    choices = itertools.product(KERNEL_LENGTHS[len(LENGTHS) :], BOUNDARIES, TYPES)
    for i, (length, boundary, type_) in enumerate(choices):
        # The longest rows of f32 that a chip takes in one pass.
        length = min(length, 28672) if type_ == "f32" else length
        gates, taps = GATES[1 + i % (len(GATES) - 1)], filter_lengths(length)[i % 5]
        yield Program(boundary, gates, type_, length, taps, BATCHES[i % 3], 2, channels_last=i % 4 == 3)
    # Short filters, of every number of blocks and on both sides of a block's edge, with rows that end anywhere; heads that do not fill a group.
    for i, taps in enumerate((1, 2, 4, 15, 16, 17, 31, 48, 64, 65, 100, 127, 128)):
        for j, boundary in enumerate(("causal", "bidirectional")):
            length, gates = (16, 100, 257, 1022, 4096, 70001)[(i + j) % 6], GATES[(i + 2 * j) % len(GATES)]
            yield Program(boundary, gates, ("f16", "bf16")[(i + j) % 2], length, taps, "?", max(2, 64 // length), 9)
    for i, heads in enumerate((1, 6, 8, 12, 17)):
        for type_, length in itertools.product(TYPES, (300, 2000, 5000)):
            yield Program(BOUNDARIES[i % 3], GATES[i % len(GATES)], type_, length, 200, "?", heads, 4, channels_last=True)
    # Two batch rows in one complex row: odd batches, one alone, many.
    for i, rows in enumerate(KERNEL_BATCHES + (5,)):
        for length in (768, 4096, 12288):
            yield Program("circular", GATES[i % len(GATES)], "f16", length, 500 + length, "?", 3, rows)


def groups_programs():
    """Chips, and programs of several groups of rows: every boundary, with gates and without, at lengths of every kind of kernel; types, chips and layouts are dealt out in turn."""
    kinds = (("causal", "none"), ("causal", "both"), ("circular", "none"), ("circular", "pre"), ("circular", "post"), ("bidirectional", "all"))
    for i, (length, (boundary, gates)) in enumerate(itertools.product((300, 1000, 2048, 4000, 8190, 12288, 16384, 20000, 32768), kinds)):
        type_, last = TYPES[i % 3], i % 7 == 5
        chip = "sm_90" if length > 12288 or (type_ == "f32" and length > 8192) else ("sm_90", "sm_120", "sm_80")[(i + i // 6) % 3]
        rows = 19 if length <= 1000 else 9 if length <= 4096 else 5
        yield chip, Program(boundary, gates, type_, min(length, 20480) if type_ == "f32" else length, 900, "?", 3 if last else 2, rows, channels_last=last)
    # Many groups, of rows that are copied as widely as can be.
    for boundary, gates, type_, length, rows in (
        ("causal", "none", "f16", 300, 7), ("causal", "none", "f16", 1024, 9), ("circular", "both", "f16", 1000, 37), ("causal", "none", "f32", 1024, 5),
        ("causal", "none", "f16", 4096, 11), ("circular", "both", "f16", 4000, 9), ("causal", "both", "bf16", 4096, 7),
        ("causal", "none", "f16", 8192, 17), ("circular", "none", "f16", 8192, 11), ("bidirectional", "skip", "bf16", 7000, 9), ("causal", "none", "f16", 16384, 7),
    ):
        yield "sm_90", Program(boundary, gates, type_, length, 900, "?", 2, rows)


def bulk_programs():
    """Rows and gates of every kind that come in by bulk copies, and results that leave by them: with zeros past their ends, without partners, in several buffers."""
    for boundary, gates, type_, length, rows in (
        ("causal", "none", "f16", 248, 41), ("causal", "none", "f16", 1024, 19), ("bidirectional", "both", "bf16", 1784, 9), ("causal", "none", "f16", 4096, 9),
        ("causal", "none", "bf16", 4000, 6), ("causal", "pre", "f16", 4096, 7), ("bidirectional", "all", "f16", 8000, 5), ("causal", "none", "f16", 12288, 4),
        ("causal", "both", "f16", 16384, 3), ("causal", "none", "f16", 32768, 3), ("circular", "none", "f16", 768, 33), ("circular", "both", "f16", 4096, 9),
        ("circular", "pre", "f16", 12288, 3), ("circular", "post", "f16", 1000, 17), ("causal", "none", "f32", 252, 30), ("causal", "both", "f32", 1000, 17),
        ("circular", "pre", "f32", 768, 21), ("bidirectional", "pre", "f32", 4096, 5), ("circular", "both", "f32", 4096, 5), ("causal", "skip", "f32", 16384, 3),
    ):
        yield Program(boundary, gates, type_, length, 200 + length % 7, "?", 2, rows)


def tuning(path, length, radices, warps, values, rows, theta="i", **others):
    """The flag for a tuning file that is written to `path`, of one plan for rows of two heads: for warpgroups on sm_90a if `others` do not say something else."""
    plan = {"chip": "sm_90a", "type": "f16", "boundary": "causal", "length": length, "heads": 2, "batch": 0, "pre_gate": False, "post_gate": False, "channels_last": False,
            "radices": radices, "theta": theta, "warps": warps, "values": values, "rows": rows, "stages": 2, "mma": "warpgroup", **others}
    path.write_text(json.dumps({"version": 1, "plans": [plan]}))
    return f"--tuning={path}"
