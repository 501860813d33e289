#!/usr/bin/env python3
"""Checks and times compiled kernels on a machine that has a GPU, its driver, Python and numpy; nothing of this project has to be built there.

    python3 gpu-suite.py PACK [-o RESULTS.json] [--plot RESULTS.png] [--autotune TUNING.json]
    python3 gpu-suite.py PACK --launch REGEX    (benchmarks of such names once, for a profiler)

PACK is a folder that utils/gpu-pack.sh wrote: PTX or cubins (compressed), manifests, and what each program is. First every program runs several times on poisoned outputs and is
compared with an f64 convolution (numpy's FFT, which shares nothing with the compiler); results whose bits differ between runs are races. Then kernels are timed
by the driver's events, beside a copy of the same bytes and with what others have, as far as it can be imported: PyTorch's FFTs and depthwise convolutions,
FlashFFTConv, subquadratic-ops. Buffers rotate, so that nothing is found in a cache. Last, some programs run once more under compute-sanitizer, where there is one.
What is known is written to RESULTS.json after each of these. The exit code is 1 where anything was wrong.

--driver names a library with the driver's entry points instead of libcuda.so.1: libFFTConvCudaOnEmulator.so runs all of this without a GPU. Times are
then those of an emulator, and are marked so.
"""

import argparse
import ctypes
import datetime
import gzip
import itertools
import json
import pathlib
import re
import shutil
import statistics
import subprocess
import sys

import numpy as np

BUDGETS = {"f16": 1.5e-3, "bf16": 1.2e-2, "f32": 2e-6}
ROUNDING = {"f16": 2**-11, "bf16": 2**-8, "f32": 0}
WIDTH = {"f16": 2, "bf16": 2, "f32": 4}
CHECKED_ROWS = 64  # of a large program


class DriverError(RuntimeError):
    pass


class Driver:
    """The CUDA driver API by ctypes: calls raise errors by the driver's names."""

    L2_BYTES, MAJOR, MINOR, MAX_DYNAMIC_SHARED = 38, 75, 76, 8

    def __init__(self, library):
        self.library = ctypes.CDLL(library)
        self("cuInit", 0)
        device, context = ctypes.c_int(), ctypes.c_void_p()
        self("cuDeviceGet", ctypes.byref(device), 0)
        self.device = device
        name = ctypes.create_string_buffer(256)
        self("cuDeviceGetName", name, 256, device)
        self.name = name.value.decode()
        self("cuDevicePrimaryCtxRetain", ctypes.byref(context), device)
        self("cuCtxSetCurrent", context)
        version = ctypes.c_int()
        self("cuDriverGetVersion", ctypes.byref(version))
        self.version = version.value
        self.chip = f"sm_{self.attribute(self.MAJOR)}{self.attribute(self.MINOR)}"
        self.emulated = self.name == "emulator"

    def __call__(self, function, *arguments):
        status = getattr(self.library, function)(*arguments)
        if status:
            name = ctypes.c_char_p()
            self.library.cuGetErrorName(status, ctypes.byref(name))
            raise DriverError(f"{function}: {name.value.decode() if name.value else status}")

    def attribute(self, number):
        value = ctypes.c_int()
        self("cuDeviceGetAttribute", ctypes.byref(value), number, self.device)
        return value.value

    def allocate(self, size):
        address = ctypes.c_uint64()
        self("cuMemAlloc_v2", ctypes.byref(address), ctypes.c_size_t(size))
        return address.value

    def free(self, address):
        self("cuMemFree_v2", ctypes.c_uint64(address))

    def poison(self, address, size):
        self("cuMemsetD8_v2", ctypes.c_uint64(address), ctypes.c_ubyte(0xFF), ctypes.c_size_t(size))

    def upload(self, address, array):
        array = np.ascontiguousarray(array)
        self("cuMemcpyHtoD_v2", ctypes.c_uint64(address), array.ctypes.data_as(ctypes.c_void_p), ctypes.c_size_t(array.nbytes))

    def download(self, address, array):
        self("cuMemcpyDtoH_v2", array.ctypes.data_as(ctypes.c_void_p), ctypes.c_uint64(address), ctypes.c_size_t(array.nbytes))

    def copy(self, to, source, size):
        self("cuMemcpyDtoD_v2", ctypes.c_uint64(to), ctypes.c_uint64(source), ctypes.c_size_t(size))

    def synchronize(self):
        self("cuCtxSynchronize")

    def time(self, groups):
        """Milliseconds that each of `groups`, lists of functions, takes, by events around it."""
        pairs = []
        for group in groups:
            pair = [ctypes.c_void_p(), ctypes.c_void_p()]
            for event in pair:
                self("cuEventCreate", ctypes.byref(event), 0)
            self("cuEventRecord", pair[0], None)
            for step in group:
                step()
            self("cuEventRecord", pair[1], None)
            pairs.append(pair)
        self.synchronize()
        times = []
        for begin, end in pairs:
            milliseconds = ctypes.c_float()
            self("cuEventElapsedTime", ctypes.byref(milliseconds), begin, end)
            times.append(milliseconds.value)
            for event in (begin, end):
                self("cuEventDestroy_v2", event)
        return times


class Kernels:
    """Code with its manifest, loaded."""

    def __init__(self, driver, path):
        self.driver, self.manifest = driver, json.loads(path.read_text())
        if self.manifest["version"] != 2:
            raise DriverError(f"{path.name}: manifest of version {self.manifest['version']}, this reads version 2")
        code = gzip.decompress((path.parent / (self.manifest["code"] + ".gz")).read_bytes()) + b"\0"
        self.module = ctypes.c_void_p()
        log = ctypes.create_string_buffer(8192)
        names = (ctypes.c_int * 2)(5, 6)  # error log and its size
        values = (ctypes.c_void_p * 2)(ctypes.addressof(log), len(log))
        try:
            driver("cuModuleLoadDataEx", ctypes.byref(self.module), code, 2, names, values)
        except DriverError as error:
            raise DriverError(f"{path.name}: {error}\n{log.value.decode()}") from None
        self.functions = {}
        for launch in self.manifest["prepare"] + self.manifest["run"]:
            function = ctypes.c_void_p()
            driver("cuModuleGetFunction", ctypes.byref(function), self.module, launch["kernel"].encode())
            driver("cuFuncSetAttribute", function, driver.MAX_DYNAMIC_SHARED, launch["shared_bytes"])
            self.functions[launch["kernel"]] = function

    def close(self):
        self.driver("cuModuleUnload", self.module)

    def size(self, expression, sizes):
        if isinstance(expression, int):
            return expression
        if isinstance(expression, str):
            return sizes[expression]
        kind, a, b = expression[0], *(self.size(e, sizes) for e in expression[1:])
        return {"min": min(a, b), "mul": a * b, "ceil_div": -(-a // b)}[kind]

    def shape(self, buffer, sizes):
        return tuple(self.size(e, sizes) for e in buffer["shape"])

    def launches(self, part, sizes, addresses, alone=False):
        """The launches of a part, as functions without arguments: buffers dense, at `addresses`. With `alone` one CTA takes all rows of its heads, one group after the other, where CTAs may take several."""
        steps = []
        for launch in self.manifest[part]:
            values = []
            for argument in launch["arguments"]:
                if "buffer" in argument:
                    values.append(addresses[argument["buffer"]])
                elif "stride" in argument:
                    number, dimension = argument["stride"]
                    values.append(int(np.prod(self.shape(self.manifest["buffers"][number], sizes)[dimension + 1 :])))
                else:
                    values.append(self.size(argument["size"], sizes))
            numbers = [ctypes.c_uint64(value) for value in values]
            pointers = (ctypes.c_void_p * len(numbers))(*(ctypes.addressof(number) for number in numbers))
            grid = [1 if alone and isinstance(e, list) and e[0] == "min" else self.size(e, sizes) for e in launch["grid"]]
            function, shared = self.functions[launch["kernel"]], launch["shared_bytes"]

            def step(function=function, grid=grid, block=launch["block"], shared=shared, numbers=numbers, pointers=pointers):
                self.driver("cuLaunchKernel", function, *grid, *block, shared, None, pointers, None)

            steps.append(step)
        return steps


# ---------------------------------------------------------------------------------------------------------------------------------------
# Programs and what they should give


def to_bits(array, type_):
    """An array as the type's bytes: bf16, which numpy lacks, as 16-bit integers."""
    if type_ == "f16":
        return array.astype(np.float16)
    array = array.astype(np.float32)
    if type_ == "f32":
        return array
    bits = array.view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


def from_bits(bits, type_):
    return (bits.astype(np.uint32) << 16).view(np.float32) if type_ == "bf16" else bits


def convolve(u, k, program, gates):
    """y[B, H, L] in f64 by FFTs of padded rows."""
    x = u.astype(np.float64)
    if "pre_gate" in gates:
        x = x * gates["pre_gate"]
    length, taps, boundary = x.shape[-1], k.shape[-1], program["boundary"]
    k = k.astype(np.float64)
    if boundary == "circular":
        wrapped = np.zeros(k.shape[:-1] + (length,))
        for begin in range(0, taps, length):
            part = k[..., begin : begin + length]
            wrapped[..., : part.shape[-1]] += part
        y = np.fft.irfft(np.fft.rfft(x) * np.fft.rfft(wrapped), length)
    else:
        size, center = length + taps, program.get("center") or 0
        full = np.fft.irfft(np.fft.rfft(x, size) * np.fft.rfft(k, size), size)
        y = full[..., center : center + length]
    if "skip" in gates:
        y = y + gates["skip"][:, None] * x
    return y * gates["post_gate"] if "post_gate" in gates else y


class Case:
    """A program of a pack with its inputs on the device. Without `sets` its inputs are kept in `arrays` by their names, time last; else there are so many
    sets of signals and results, filled with a pattern of random values."""

    def __init__(self, driver, pack, program, sets=None):
        self.driver, self.program = driver, program
        self.kernels = Kernels(driver, pack / program["manifest"])
        self.addresses, self.sets = [], []
        buffers = self.kernels.manifest["buffers"]
        self.sizes = {e: program["batch"] for b in buffers for e in b["shape"] if isinstance(e, str)}
        self.rng, self.arrays = np.random.default_rng(program["seed"]), {}
        try:
            self.make(buffers, sets)
        except DriverError:
            self.close()
            raise

    def make(self, buffers, sets):
        program, driver, names = self.program, self.driver, iter(["u", "k", *self.program["gates"]])
        common = []
        for buffer in buffers:
            address = None
            if buffer["role"] == "input" and sets is not None:
                address = self.fill(buffer)
            elif buffer["role"] == "input":
                name, shape = next(names), self.kernels.shape(buffer, self.sizes)
                last = program["channels_last"] and len(shape) == 3
                host = (shape[0], shape[2], shape[1]) if last else shape
                bits = to_bits(self.rng.standard_normal(host, dtype=np.float32), buffer["type"])
                self.arrays[name] = from_bits(bits, buffer["type"])
                address = self.allocate(buffer)
                driver.upload(address, bits.swapaxes(1, 2) if last else bits)
            elif buffer["role"] != "output":
                address = self.allocate(buffer)
                driver.poison(address, self.bytes(buffer))
            common.append(address)
        # Signals and results have buffers of their own in each set.
        for index in range(sets or 1):
            addresses = list(common)
            for i, buffer in enumerate(buffers):
                if buffer["role"] == "output":
                    addresses[i] = self.allocate(buffer)
                elif index and buffer["role"] == "input" and len(buffer["shape"]) == 3:
                    addresses[i] = self.fill(buffer)
            self.sets.append(addresses)

    def fill(self, buffer):
        address, size = self.allocate(buffer), self.bytes(buffer)
        pattern = to_bits(self.rng.standard_normal(min(size // WIDTH[buffer["type"]], 1 << 22), dtype=np.float32), buffer["type"])
        self.driver.upload(address, pattern)
        done = pattern.nbytes
        while done < size:
            self.driver.copy(address + done, address, min(done, size - done))
            done *= 2
        return address

    def bytes(self, buffer):
        return int(np.prod(self.kernels.shape(buffer, self.sizes))) * WIDTH[buffer["type"]]

    def allocate(self, buffer):
        self.addresses.append(self.driver.allocate(self.bytes(buffer)))
        return self.addresses[-1]

    def steps(self, part, alone=False):
        """What launches a part, for each set."""
        sets = [self.kernels.launches(part, self.sizes, addresses, alone) for addresses in self.sets]
        return [lambda launches=launches: [launch() for launch in launches] for launches in sets]

    def launch(self, part, alone=False):
        self.steps(part, alone)[0]()

    def output(self, values=None):
        """(as it lies in memory, as numbers) of the result, or of as many values at its begin."""
        (i, buffer), = [(i, b) for i, b in enumerate(self.kernels.manifest["buffers"]) if b["role"] == "output"]
        dtype = {"f16": np.float16, "bf16": np.uint16, "f32": np.float32}[buffer["type"]]
        shape = self.kernels.shape(buffer, self.sizes)
        bits = np.empty(shape if values is None else min(values, int(np.prod(shape))), dtype)
        self.driver.download(self.sets[0][i], bits)
        return bits, from_bits(bits, buffer["type"])

    def result(self):
        """(as it lies in memory, [B, H, L])."""
        bits, values = self.output()
        return bits, values.swapaxes(1, 2) if self.program["channels_last"] else values

    def poison_outputs(self):
        for i, buffer in enumerate(self.kernels.manifest["buffers"]):
            if buffer["role"] in ("output", "workspace"):
                self.driver.poison(self.sets[0][i], self.bytes(buffer))

    def close(self):
        for address in self.addresses:
            self.driver.free(address)
        self.kernels.close()


def check(driver, pack, program, runs):
    """(error, what is wrong or None)."""
    case = Case(driver, pack, program)
    try:
        case.launch("prepare")
        first = None
        for run in range(runs):
            case.poison_outputs()
            # Every other time by CTAs that take all groups of rows: what one leaves the next must not disturb.
            case.launch("run", alone=run % 2 == 1)
            driver.synchronize()
            bits, y = case.result()
            if first is None:
                first = bits.tobytes()
            elif bits.tobytes() != first:
                return None, "bits differ from run to run"
        # All rows where they are few; else some of them.
        heads = np.arange(y.shape[1])
        if y.shape[0] * y.shape[1] > CHECKED_ROWS:
            heads = np.unique(np.linspace(0, y.shape[1] - 1, max(1, CHECKED_ROWS // y.shape[0])).astype(int))
        gates = {name: case.arrays[name][..., heads, :] if name != "skip" else case.arrays[name][heads] for name in program["gates"]}
        expected = convolve(case.arrays["u"][:, heads], case.arrays["k"][heads], program, gates)
        error = float(np.linalg.norm(y[:, heads] - expected) / np.linalg.norm(expected))
        allowed = BUDGETS[program["type"]] + ROUNDING[program["type"]]
        return error, None if error <= allowed else f"error {error:.2e} exceeds {allowed:.2e}"
    finally:
        case.close()


def check_all(driver, pack, programs, runs):
    results = []
    for program in programs:
        try:
            error, problem = check(driver, pack, program, runs)
        except DriverError as failure:
            error, problem = None, str(failure)
        print(f"{program['name']}: " + (f"WRONG: {problem}" if problem else f"error {error:.1e}"), flush=True)
        results.append({"name": program["name"], "error": error, "problem": problem})
        if problem and "ILLEGAL" in problem:
            raise SystemExit("the device cannot go on after that")
    return results


def sanitize(arguments):
    """A few programs once more under compute-sanitizer; what each of its tools says."""
    tool = shutil.which("compute-sanitizer") or shutil.which("compute-sanitizer", path="/usr/local/cuda/bin")
    if not tool:
        print("compute-sanitizer: not there")
        return None
    command = [sys.executable, __file__, arguments.pack, "--sanitized", "--driver", arguments.driver]
    tools = {
        kind: subprocess.Popen([tool, "--tool", kind, "--error-exitcode", "9", *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for kind in ("memcheck", "racecheck")
    }
    results = []
    for kind, process in tools.items():
        try:
            output, _ = process.communicate(timeout=arguments.sanitizer_seconds)
            problem = None if process.returncode == 0 else output[-2000:]
        except subprocess.TimeoutExpired:
            process.kill()
            problem = f"did not end in {arguments.sanitizer_seconds} s: {process.communicate()[0][-2000:]}"
        print(f"compute-sanitizer {kind}: {problem or 'clean'}", flush=True)
        results.append({"tool": kind, "ok": problem is None, "problem": problem})
    return results


# ---------------------------------------------------------------------------------------------------------------------------------------
# Times


def peers(program, torch):
    """{name: function that runs it once} of what others have for this program, with its inputs made; empty where nothing can be imported."""
    if torch is None or program["channels_last"] or program["boundary"] == "bidirectional":
        return {}
    b, h, length, taps = program["batch"], program["heads"], program["length"], program["taps"]
    dtype = {"f16": torch.float16, "bf16": torch.bfloat16, "f32": torch.float32}[program["type"]]
    size = length if program["boundary"] == "circular" else 2 * length
    u = torch.randn(b, h, length, device="cuda", dtype=dtype)
    k = torch.randn(h, taps, device="cuda")
    gates = [torch.randn_like(u) for name in program["gates"] if name != "skip"]
    pre, post = "pre_gate" in program["gates"], "post_gate" in program["gates"]

    def gated(convolution, type_):
        def run():
            x = (u * gates[0] if pre else u).to(type_)
            y = convolution(x)[..., :length].to(dtype)
            return y * gates[-1] if post else y

        return run

    real, full = torch.fft.rfft(k, n=size), torch.fft.fft(k, n=size)
    runs = {
        "torch rfft": gated(lambda x: torch.fft.irfft(torch.fft.rfft(x, n=size) * real, n=size), torch.float32),
        "torch fft": gated(lambda x: torch.fft.ifft(torch.fft.fft(x, n=size) * full, n=size).real, torch.float32),
    }
    if program["boundary"] == "causal" and taps <= 256:
        filters = k.flip(-1).to(dtype)[:, None]
        runs["torch conv1d"] = gated(lambda x: torch.nn.functional.conv1d(x, filters, padding=taps - 1, groups=h), dtype)
    try:
        from flashfftconv import FlashFFTConv

        flash = FlashFFTConv(size, dtype=dtype).to("cuda")
        runs["FlashFFTConv"] = (lambda: flash(u, k, gates[0], gates[1])) if pre and post else (lambda: flash(u, k))
    except ImportError:
        pass
    if program["boundary"] == "causal":
        try:
            from subquadratic_ops_torch.fft_causal_conv1d import fft_causal_conv1d

            weight = k.to(dtype)
            runs["subquadratic-ops"] = gated(lambda x: fft_causal_conv1d(x, weight), dtype)
        except ImportError:
            pass
    return runs


def median_of(driver, steps, repeat):
    """The median of milliseconds that one of `steps` takes, run in turn. Short ones are timed several at once, so that what the host does between them is hidden."""
    turns = itertools.cycle(steps)
    driver.time([[next(turns)] for _ in range(3)])
    first, = driver.time([[next(turns)]])
    together = 1 if driver.emulated else max(1, min(50, int(1 / max(first, 0.02))))
    return statistics.median(driver.time([[next(turns) for _ in range(together)] for _ in range(repeat)])) / together


def rotating(driver, size):
    """How many buffers of so many bytes it takes to pass twice through the L2 cache."""
    return 1 if driver.emulated else int(min(16, 1 + 2 * driver.attribute(driver.L2_BYTES) // size))


def copy_time(driver, size, repeat):
    """Milliseconds of a copy that reads and writes `size` bytes altogether."""
    half, count = size // 2, rotating(driver, size)
    buffers = []
    try:
        for _ in range(2 * count):
            buffers.append(driver.allocate(half))
        return median_of(driver, [lambda i=i: driver.copy(buffers[2 * i + 1], buffers[2 * i], half) for i in range(count)], repeat)
    finally:
        for address in buffers:
            driver.free(address)


def measure(driver, pack, program, torch, repeat):
    moved = int(program["per_output"]["hbm_bytes"] * program["batch"] * program["heads"] * program["length"])
    case = Case(driver, pack, program, rotating(driver, moved))
    try:
        case.launch("prepare")
        prepare_ms = median_of(driver, case.steps("prepare")[:1], 3)
        ms = median_of(driver, case.steps("run"), repeat)
    finally:
        case.close()
    # A copy that reads and writes as many bytes as the inputs and outputs of the program have.
    copy_ms = copy_time(driver, moved, repeat)
    result = {
        "name": program["name"], "batch": program["batch"], "heads": program["heads"], "length": program["length"], "plan": program["plan"], "ms": ms,
        "prepare_ms": prepare_ms, "copy_ms": copy_ms, "fraction_of_copy": copy_ms / ms, "moved_bytes": moved, "predicted_ms": program["predicted_ms"],
        "binds": program["binds"], "peers": {},
    }
    try:
        for name, run in peers(program, torch).items():
            try:
                result["peers"][name] = time_peer(run, torch, repeat)
            except Exception as error:  # not ours to be right: out of memory, a size that it does not know
                print(f"{program['name']}: {name}: {str(error).splitlines()[0]}", flush=True)
    except RuntimeError as error:
        print(f"{program['name']}: inputs of peers: {str(error).splitlines()[0]}", flush=True)
    if torch is not None:
        torch.cuda.empty_cache()
    return result


def time_peer(run, torch, repeat):
    """The median of milliseconds of one run, timed as our own kernels are."""
    def events(count, together):
        pairs = []
        for _ in range(count):
            pair = [torch.cuda.Event(enable_timing=True) for _ in range(2)]
            pair[0].record()
            for _ in range(together):
                run()
            pair[1].record()
            pairs.append(pair)
        torch.cuda.synchronize()
        return statistics.median(begin.elapsed_time(end) / together for begin, end in pairs)

    events(1, 1)
    first = events(1, 1)
    return events(max(3, min(repeat, int(100 / first))), max(1, min(50, int(1 / first))))


def measure_what_fits(driver, pack, program, torch, repeat):
    """The same; of half the batch, and half of that, where memory does not suffice, which is said."""
    try:
        return measure(driver, pack, program, torch, repeat)
    except DriverError as error:
        if "OUT_OF_MEMORY" not in str(error) or program["batch"] < 2 or program["planned_batch"]:
            raise
    less = {**program, "batch": program["batch"] // 2, "predicted_ms": program["predicted_ms"] / 2}
    print(f"{program['name']}: not enough memory for batch {program['batch']}, timed with {less['batch']}", flush=True)
    return measure_what_fits(driver, pack, less, torch, repeat)


def autotune(driver, pack, programs, repeat):
    """Times each program in all its plans. (what each took, the fastest as fftconv-plan-convs reads them). A plan is right if it gives what the planner's own gives,
    on the same inputs; one that does not is no candidate."""
    times, best, wanted = {}, {}, {}
    for program in programs:
        name = program["name"]
        entry = {"plan": program["plan"], "ms": None, "predicted_ms": program["predicted_ms"], "problem": None}
        times.setdefault(name, []).append(entry)
        try:
            # Seeds would tell the plans' inputs apart.
            case = Case(driver, pack, {**program, "seed": 0}, 1)
            try:
                case.launch("prepare")
                case.poison_outputs()
                case.launch("run")
                driver.synchronize()
                y = case.output(1 << 16)[1].astype(np.float64)
                error = np.linalg.norm(y - wanted.setdefault(name, y)) / np.linalg.norm(wanted[name])
                allowed = 2 * (BUDGETS[program["type"]] + ROUNDING[program["type"]])
                if not error <= allowed:
                    entry["problem"] = f"error {error:.2e} against the planner's own plan"
                entry["ms"] = median_of(driver, case.steps("run"), repeat)
            finally:
                case.close()
        except DriverError as failure:
            entry["problem"] = str(failure)
        if entry["problem"]:
            print(f"{name}, {program['plan']}: WRONG: {entry['problem']}", flush=True)
        elif name not in best or entry["ms"] < best[name][0]:
            best[name] = entry["ms"], program
    plans = []
    for name, (ms, program) in best.items():
        own = times[name][0]["ms"]
        print(f"{name}: {ms:.4f} ms as {plan_text(program['plan'])}; the planner's {own:.4f} as {plan_text(times[name][0]['plan'])}" if own else name)
        keys = ("chip", "type", "boundary", "length", "heads", "channels_last")
        gates = {gate: gate in program["gates"] for gate in ("pre_gate", "post_gate")}
        plans.append({**{key: program[key] for key in keys}, "batch": program["planned_batch"], **gates, **program["plan"]})
    return times, {"version": 1, "device": driver.name, "emulated": driver.emulated, "date": str(datetime.date.today()), "plans": plans}


def plan_text(plan):
    return " ".join(f"{key} {plan[key]}" for key in ("blocks", "warps", "rows", "stages", "copies", "mma", "turned") if key in plan)


def calibrate(rows):
    """For each limit of the cost model that binds anywhere, the median of time over prediction: what the figure of that limit in the table of chips is to be divided by."""
    ratios = {}
    for r in rows:
        ratios.setdefault(r["binds"], []).append(r["ms"] / r["predicted_ms"])
    return {limit: {"time_over_prediction": statistics.median(found), "benchmarks": len(found)} for limit, found in sorted(ratios.items())}


def table(record):
    """The results as Markdown. Predicted numbers are called so."""
    names = sorted({name for r in record["benchmarks"] for name in r["peers"]})
    note = "emulated: times mean nothing" if record["emulated"] else f"measured {record['date']} on {record['device']}"
    lines = [
        f"{note}; predictions are for {record['predicted_for']}, {record['pack']}",
        "",
        "| program | B x H | ms | of a copy | predicted ms | binds (predicted) |" + "".join(f" {name} |" for name in names),
        "|---" * (6 + len(names)) + "|",
    ]
    for r in record["benchmarks"]:
        ratios = "".join(f" {r['peers'][n] / r['ms']:.1f} x |" if n in r["peers"] else " |" for n in names)
        lines.append(
            f"| {r['name']} | {r['batch']} x {r['heads']} | {r['ms']:.3f} | {100 * r['fraction_of_copy']:.0f} % | {r['predicted_ms']:.3f} | {r['binds']} |{ratios}"
        )
    return "\n".join(lines)


def plot(record, path):
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    rows = record["benchmarks"]
    figure, axes = plt.subplots(figsize=(10, 0.4 * len(rows) + 1.5))
    axes.barh([r["name"] for r in rows], [100 * r["fraction_of_copy"] for r in rows])
    axes.axvline(100, color="black", linewidth=1)
    axes.set_xlabel("% of the speed of a copy of the same bytes" + (" (emulated: means nothing)" if record["emulated"] else ""))
    figure.tight_layout()
    figure.savefig(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pack", type=pathlib.Path)
    parser.add_argument("-o", type=pathlib.Path, metavar="RESULTS.json")
    parser.add_argument("--plot", type=pathlib.Path, metavar="FILE.png")
    parser.add_argument("--autotune", type=pathlib.Path, metavar="TUNING.json", help="time the pack's plans, write the fastest for fftconv-compile --tuning")
    parser.add_argument("--driver", default="libcuda.so.1", metavar="FILE.so")
    parser.add_argument("--runs", type=int, default=5, help="of each program that is checked")
    parser.add_argument("--repeat", type=int, default=30, help="runs whose median is a time")
    parser.add_argument("--no-benchmarks", action="store_true")
    parser.add_argument("--sanitizer-seconds", type=int, default=120, help="how long compute-sanitizer may take")
    parser.add_argument("--launch", metavar="REGEX", help="run the benchmarks of such names once and do nothing else, for a profiler")
    parser.add_argument("--sanitized", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    contents = json.loads((arguments.pack / "pack.json").read_text())
    driver = Driver(arguments.driver)
    print(f"{driver.name}, {driver.chip}, driver {driver.version}; {contents['description']}", flush=True)
    if arguments.sanitized:
        results = check_all(driver, arguments.pack, [p for p in contents["programs"] if p["sanitize"]], 1)
        sys.exit(any(r["problem"] for r in results))
    if arguments.launch:
        for program in contents["benchmarks"]:
            if re.search(arguments.launch, program["name"]):
                case = Case(driver, arguments.pack, program, 1)
                case.launch("prepare")
                case.launch("run")
                driver.synchronize()
                case.close()
        return
    record = {
        "date": str(datetime.date.today()), "device": driver.name, "chip": driver.chip, "driver": driver.version, "device_driver": installed_driver(),
        "emulated": driver.emulated, "command": " ".join(["gpu-suite.py", *sys.argv[1:]]), "pack": contents["description"],
        "predicted_for": contents["board"],
    }
    repeat = 2 if driver.emulated else arguments.repeat

    def save():
        if arguments.o:
            arguments.o.write_text(json.dumps(record, indent=1) + "\n")

    record["programs"] = check_all(driver, arguments.pack, contents["programs"], arguments.runs)
    wrong = sum(r["problem"] is not None for r in record["programs"])
    print(f"{len(record['programs']) - wrong} programs right, {wrong} wrong", flush=True)
    save()
    if not arguments.no_benchmarks:
        record["benchmarks"], record["failed"] = [], []
        torch = import_torch(driver)
        for program in contents["benchmarks"]:
            try:
                record["benchmarks"].append(measure_what_fits(driver, arguments.pack, program, torch, repeat))
            except DriverError as error:
                print(f"{program['name']}: {error}", flush=True)
                record["failed"].append({"name": program["name"], "problem": str(error)})
            save()
        wrong += len(record["failed"])
        record["calibration"] = calibrate(record["benchmarks"])
        print(table(record))
        if not driver.emulated:
            for limit, found in record["calibration"].items():
                print(f"where {limit} binds: {found['time_over_prediction']:.2f} times the prediction ({found['benchmarks']} benchmarks)")
        save()
        if arguments.plot:
            plot(record, arguments.plot)
    if arguments.autotune:
        if not contents["tuning"]:
            sys.exit("the pack has one plan for each program; gpu-pack.sh --autotune makes one with several")
        record["tuning"], tuning = autotune(driver, arguments.pack, contents["tuning"], min(repeat, 10))
        wrong += sum(entry["problem"] is not None for entries in record["tuning"].values() for entry in entries)
        arguments.autotune.write_text(json.dumps(tuning, indent=1) + "\n")
        save()
    record["sanitizer"] = None if driver.emulated else sanitize(arguments)
    save()
    sys.exit(wrong > 0 or any(not s["ok"] for s in record["sanitizer"] or []))


def installed_driver():
    """The version of the installed driver, where nvidia-smi says it; `driver` of a record is that of its API."""
    tool = shutil.which("nvidia-smi")
    query = [tool, "--query-gpu=driver_version", "--format=csv,noheader", "--id=0"]
    return subprocess.run(query, capture_output=True, text=True).stdout.strip() if tool else None


def import_torch(driver):
    """PyTorch, where it is there and sees the device."""
    try:
        import torch
    except ImportError:
        return None
    return torch if torch.cuda.is_available() and not driver.emulated else None


if __name__ == "__main__":
    main()
