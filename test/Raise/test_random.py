"""Random programs of the kind that JAX exports, written here: every way to say a long convolution, and near misses. What is raised computes what numpy's transforms of the same
program compute; what is a convolution by construction is raised."""

import re
import subprocess

import numpy
import pytest
from conftest import BUILD


class Program:
    """StableHLO in generic form, and what it computes, op by op."""

    def __init__(self, seed):
        self.random = numpy.random.default_rng(seed)
        self.lines, self.arguments, self.count = [], [], 0

    def choose(self, *options):
        return options[self.random.integers(len(options))]

    @staticmethod
    def type(array):
        element = {"float32": "f32", "complex128": "complex<f32>", "float64": "f32", "int32": "i32"}[str(array.dtype)]
        return "tensor<" + "".join(f"{n}x" for n in array.shape) + element + ">"

    def emit(self, op, attributes, operands, array):
        self.count += 1
        name = f"%v{self.count}"
        types = ", ".join(self.type(a) for _, a in operands)
        self.lines.append(f'  {name} = "stablehlo.{op}"({", ".join(n for n, _ in operands)}) <{{{attributes}}}> : ({types}) -> {self.type(array)}')
        return name, array

    def argument(self, *shape):
        name = f"%a{len(self.arguments)}"
        value = name, self.random.standard_normal(shape).astype("f4").astype("f8")
        self.arguments.append(value)
        return value

    @staticmethod
    def ints(values):
        return "array<i64" + (": " if len(values) else "") + ", ".join(str(v) for v in values) + ">"

    def constant(self, number, complex_=False):
        array = numpy.asarray(number, "c16" if complex_ else "f8")
        text = f"({number:e},0.0)" if complex_ else f"{number:e}"
        return self.emit("constant", f"value = dense<{text}> : {self.type(array)}", [], array)

    def pad(self, x, axis, low, high):
        widths = [(low, high) if i == axis % x[1].ndim else (0, 0) for i in range(x[1].ndim)]
        zero = self.constant(0.0, x[1].dtype.kind == "c")
        attributes = f"edge_padding_low = {self.ints([a for a, _ in widths])}, edge_padding_high = {self.ints([b for _, b in widths])}, interior_padding = {self.ints([0] * len(widths))}"
        return self.emit("pad", attributes, [x, zero], numpy.pad(x[1], widths))

    def slice(self, x, axis, start, stop):
        axis %= x[1].ndim
        starts = [start if i == axis else 0 for i in range(x[1].ndim)]
        stops = [stop if i == axis else n for i, n in enumerate(x[1].shape)]
        attributes = f"start_indices = {self.ints(starts)}, limit_indices = {self.ints(stops)}, strides = {self.ints([1] * len(starts))}"
        return self.emit("slice", attributes, [x], x[1][tuple(slice(a, b) for a, b in zip(starts, stops))])

    def broadcast(self, x, shape, dims):
        view = numpy.reshape(x[1], [x[1].shape[dims.index(i)] if i in dims else 1 for i in range(len(shape))])
        return self.emit("broadcast_in_dim", f"broadcast_dimensions = {self.ints(dims)}", [x], numpy.broadcast_to(view, shape).copy())

    def transpose(self, x, permutation):
        return self.emit("transpose", f"permutation = {self.ints(permutation)}", [x], numpy.transpose(x[1], permutation).copy())

    def binary(self, op, x, y):
        f = {"multiply": numpy.multiply, "add": numpy.add, "subtract": numpy.subtract, "divide": numpy.divide}[op]
        return self.emit(op, "", [x, y] if op in ("divide", "subtract") or self.random.integers(2) else [y, x], f(x[1], y[1]))

    def scaled(self, x, factor):
        """x times a factor, in one of the ways to say so."""
        complex_ = x[1].dtype.kind == "c"
        if self.random.integers(2):
            return self.binary("divide", x, self.broadcast(self.constant(1 / factor, complex_), x[1].shape, []))
        return self.binary("multiply", x, self.broadcast(self.constant(factor, complex_), x[1].shape, []))

    def complexified(self, x):
        return self.emit("convert", "", [x], x[1].astype("c16"))

    def real(self, x):
        return self.emit("real", "", [x], x[1].real.copy())

    def fft(self, x, kind, size):
        f = {"RFFT": lambda a: numpy.fft.rfft(a), "IRFFT": lambda a: numpy.fft.irfft(a, size), "FFT": numpy.fft.fft, "IFFT": numpy.fft.ifft}[kind]
        return self.emit("fft", f"fft_type = #stablehlo<fft_type {kind}>, fft_length = {self.ints([size])}", [x], f(x[1]))

    def text(self, result):
        arguments = ", ".join(f"{n}: {self.type(a)}" for n, a in self.arguments)
        return f"func.func @main({arguments}) -> {self.type(result[1])} {{\n" + "\n".join(self.lines) + f"\n  return {result[0]} : {self.type(result[1])}\n}}\n"


def build(seed):
    """A program, its result, and whether it is a convolution for sure."""
    p = Program(seed)
    batch, heads, length = int(p.choose(1, 2, 3)), int(p.choose(2, 3, 5)), int(p.choose(16, 31, 48, 64))
    taps = int(p.choose(1, 7, length, length // 2, length + 5))
    kind = p.choose("causal", "causal", "circular", "two-sided", "correlation", "wraps", "same", "full")
    channels_last = kind in ("causal", "circular") and bool(p.random.integers(2))
    u = p.argument(*((batch, length, heads) if channels_last else (batch, heads, length)))
    k = p.argument(*((taps, heads) if channels_last and p.random.integers(2) else (heads, taps)))
    original, raisable = u, kind != "wraps" or taps < 3
    gate = p.argument(*u[1].shape) if p.random.integers(2) else None
    if gate:
        u = p.binary("multiply", u, gate)
    x = p.transpose(u, [0, 2, 1]) if channels_last else u
    if k[1].shape != (heads, taps):
        k = p.transpose(k, [1, 0])

    size = {"causal": length + taps - 1 + int(p.choose(0, 1, 10)), "circular": length, "two-sided": length + 2 * taps, "correlation": length + taps,
            "wraps": max(length, taps, length + taps - 1 - max(1, taps // 2)), "same": length + taps, "full": length + taps - 1 + int(p.choose(0, 3))}[kind]
    size += size == 1
    if kind == "circular" and taps > size:
        k, taps = p.slice(k, -1, 0, size), size
    if kind == "wraps" and size == length:
        raisable = True # that is circular
    x = p.pad(x, -1, 0, size - length)
    back = p.argument(heads, taps) if kind == "two-sided" else None
    kp = p.pad(k, -1, 0, size - taps)
    if back:
        reverse = p.emit("reverse", f"dimensions = {p.ints([1])}", [back], back[1][:, ::-1].copy())
        kp = p.binary("add", kp, p.pad(reverse, -1, size - taps, 0))

    # Real or complex transforms, whole or half.
    whole = bool(p.random.integers(2))
    if whole:
        xf = p.fft(p.complexified(x), "FFT", size)
        kf = p.fft(p.complexified(kp), "FFT", size)
    else:
        xf = p.fft(x, "RFFT", size)
        if p.random.integers(3) == 0: # a whole one, cropped
            kf = p.slice(p.fft(p.complexified(kp), "FFT", size), -1, 0, size // 2 + 1)
        else:
            kf = p.fft(kp, "RFFT", size)
    if kind == "correlation":
        im = p.emit("imag", "", [kf], kf[1].imag.copy())
        kf = p.emit("complex", "", [p.real(kf), p.emit("negate", "", [im], -im[1])], numpy.conj(kf[1]))
    scale = float(p.choose(1, 1, 2, size, 1 / size))
    where = p.choose("filter", "signal", "product", "result")
    if where == "filter" and scale != 1:
        kf = p.scaled(kf, scale)
    if where == "signal" and scale != 1:
        xf = p.scaled(xf, scale)
    kb = p.broadcast(kf, xf[1].shape, [1, 2])
    product = p.binary("multiply", xf, kb)
    if where == "product" and scale != 1:
        product = p.scaled(product, scale)
    y = p.real(p.fft(product, "IFFT", size)) if whole else p.fft(product, "IRFFT", size)
    if where == "result" and scale != 1:
        y = p.scaled(y, scale)
    if kind != "full":
        start = taps // 2 if kind == "same" else 0
        y = p.slice(y, -1, start, start + length) if size != length or start else y
    if channels_last:
        y = p.transpose(y, [0, 2, 1])
    # A skip of what is convolved, or of what is not; a gate.
    if kind != "full" and p.random.integers(2):
        d = p.argument(heads)
        other = p.choose(u, original)
        y = p.binary("add", y, p.binary("multiply", other, p.broadcast(d, other[1].shape, [2 if channels_last else 1])))
    if p.random.integers(2):
        y = p.binary("multiply", y, p.argument(*y[1].shape))
    return p, y, raisable


@pytest.mark.parametrize("seed", range(100))
def test_random_program(seed, tmp_path):
    p, y, raisable = build(seed)
    path = tmp_path / "program.mlir"
    path.write_text(p.text(y))
    raised = subprocess.run([BUILD / "bin" / "fftconv-opt", path, "--allow-unregistered-dialect", "--fftconv-raise", "--remarks-filter=.*"], capture_output=True, text=True)
    assert raised.returncode == 0, raised.stderr
    convs = len(re.findall(r"= fftconv\.conv", raised.stdout))
    assert convs == 1 or not raisable, raised.stderr + path.read_text()
    if not convs:
        assert "wrap around" in raised.stderr
        return
    command = [BUILD / "bin" / "fftconv-run", path, "--device=cpu", f"--output={tmp_path / 'y.npy'}"]
    for i, (_, array) in enumerate(p.arguments):
        numpy.save(tmp_path / f"{i}.npy", array.astype("f4"))
        command.append(f"--input={tmp_path / f'{i}.npy'}")
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr + path.read_text()
    computed = numpy.load(tmp_path / "y.npy").astype("f8")
    assert numpy.linalg.norm(computed - y[1]) <= 3e-6 * numpy.linalg.norm(y[1]), path.read_text()
