"""What tests of kernels share."""

import json
import re

from conftest import call


def emulate(path, *flags):
    done = call("fftconv-run", path, "--device=emulator", "--seed=5", *flags)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def error_of(output):
    return float(re.search(r"relative RMS error ([^ ]+) ", output)[1])


def write(program, folder):
    path = folder / "program.mlir"
    path.write_text(program.mlir)
    return path


def check_in_any_order(path, flags, folder):
    """Right, with all checks, and the same bits whatever the order of the warps."""
    outputs = []
    for seed in (0, 7):
        outputs.append(folder / f"y{seed}.npy")
        emulate(path, *flags, f"--schedule={seed}", f"--output={outputs[-1]}", "--compare-with=reference", "--sample=2000")
    assert outputs[0].read_bytes() == outputs[1].read_bytes()


def check_groups_after_each_other(path, flags, rows, folder):
    """One CTA for each head takes all groups of rows, in the buffers that inputs go round in, and gives the same bits."""
    manifest = folder / "p.json"
    done = call("fftconv-compile", path, *flags, "-o", folder / "p.ptx", f"--manifest={manifest}")
    assert done.returncode == 0, done.stderr
    contents = json.loads(manifest.read_text())
    for name, most, seed in (("a", None, 0), ("b", 1, 0), ("c", 1, 7), ("d", 2, 3)):
        if most:
            for launch in contents["run"]:
                launch["grid"][1] = most
        manifest.write_text(json.dumps(contents))
        done = call("fftconv-run", manifest, "--seed=5", f"--dim={rows}", f"--schedule={seed}", f"--output={folder / name}.npy")
        assert done.returncode == 0, done.stdout + done.stderr
        assert (folder / f"{name}.npy").read_bytes() == (folder / "a.npy").read_bytes()
