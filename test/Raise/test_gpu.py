"""Raised programs whole, with what surrounds their convolutions: fftconv-lower-to-gpu, upstream's passes and code generator, and kernels in the emulator behind the driver's entry
points. What comes out computes what the framework computed."""

import ctypes
import os
import subprocess

import numpy
import pytest
from conftest import BUILD
from test_raise import BUDGET, PROGRAMS, RAISED

LLVM = os.environ.get("LLVM_BIN", "/usr/lib/llvm-22/bin")
HOST = (
    "builtin.module(convert-elementwise-to-linalg,one-shot-bufferize{bufferize-function-boundaries function-boundary-type-conversion=identity-layout-map},func.func(fftconv-lower-copies),convert-bufferization-to-memref,"
    "convert-linalg-to-loops,func.func(gpu-async-region,llvm-request-c-wrappers),convert-scf-to-cf,nvvm-attach-target{chip=sm_90 features=+ptx80},expand-strided-metadata,lower-affine,"
    "gpu-to-llvm,gpu-module-to-binary{format=isa},convert-math-to-libm,arith-expand{include-bf16=true},convert-to-llvm,reconcile-unrealized-casts)"
)
# One form of each program; the others raise to the same.
CASES = [case for case in RAISED if case.values[1] in (case.values[0]["files"].get("stablehlo_inlined"), case.values[0]["files"].get("torch_decomp"))]


def descriptor(array, dtype):
    """A memref of an array's, or for a result."""
    rank = len(array.shape) if array is not None else dtype

    class Descriptor(ctypes.Structure):
        _fields_ = [("allocated", ctypes.c_void_p), ("aligned", ctypes.c_void_p), ("offset", ctypes.c_int64), ("sizes", ctypes.c_int64 * rank), ("strides", ctypes.c_int64 * rank)]

    if array is None:
        return Descriptor()
    strides = [s // array.itemsize for s in array.strides]
    return Descriptor(array.ctypes.data, array.ctypes.data, 0, (ctypes.c_int64 * rank)(*array.shape), (ctypes.c_int64 * rank)(*strides))


def to_bits(array, dtype):
    if dtype == "bf16":
        return (numpy.ascontiguousarray(array, "f4").view("u4") >> 16).astype("u2")
    return numpy.ascontiguousarray(array, {"f16": "f2", "f32": "f4"}[dtype])


def from_bits(array, dtype):
    return (array.astype("u4") << 16).view("f4") if dtype == "bf16" else array


def build(file, folder):
    """A library of the program's functions."""
    def pipe(*command, data=None):
        done = subprocess.run(list(map(str, command)), input=data, capture_output=True)
        assert done.returncode == 0, done.stderr.decode()[:4000]
        return done.stdout

    opt = BUILD / "bin" / "fftconv-opt"
    kernels = pipe(opt, PROGRAMS / file, "--allow-unregistered-dialect", "--fftconv-lower-to-gpu=chip=sm_90")
    host = pipe(opt, f"--pass-pipeline={HOST}", data=kernels)
    code = pipe(f"{LLVM}/mlir-translate", "--mlir-to-llvmir", data=host)
    (folder / "p.o").write_bytes(pipe(f"{LLVM}/llc", "-O1", "-filetype=obj", "--relocation-model=pic", data=code))
    pipe("cc", "-shared", "-o", folder / "p.so", folder / "p.o", f"-L{BUILD / 'lib'}", "-lFFTConvGpuRuntime", "-lm", f"-Wl,-rpath,{BUILD / 'lib'}")
    return folder / "p.so"


@pytest.mark.skipif("asan" in BUILD.name, reason="the runtime is built for a program with the sanitizers' runtime")
@pytest.mark.parametrize("entry, file", CASES)
def test_whole_program(entry, file, tmp_path):
    os.environ["FFTCONV_CUDA_DRIVER"] = str(BUILD / "lib" / "libFFTConvCudaOnEmulator.so")
    main = ctypes.CDLL(str(build(file, tmp_path)))[f"_mlir_ciface_{entry['entry']}"]
    arrays = [to_bits(numpy.load(PROGRAMS / i["file"]), i["dtype"]) for i in entry["inputs"]]
    results = [descriptor(None, len(o["shape"])) for o in entry["outputs"]]
    assert len(results) == 1
    main(ctypes.byref(results[0]), *[ctypes.byref(descriptor(a, None)) for a in arrays])
    for result, expected in zip(results, entry["outputs"]):
        dtype = {"f32": ctypes.c_float, "f16": ctypes.c_uint16, "bf16": ctypes.c_uint16}[expected["dtype"]]
        assert list(result.sizes) == list(numpy.load(PROGRAMS / expected["file"]).shape)
        raw = numpy.ctypeslib.as_array(ctypes.cast(result.aligned, ctypes.POINTER(dtype)), (result.offset + int(numpy.prod(result.sizes)),))[result.offset :]
        y = from_bits(raw.view("f2") if expected["dtype"] == "f16" else raw, expected["dtype"]).astype("f8").reshape(list(result.sizes))
        want = numpy.load(PROGRAMS / expected["file_f64"])
        assert numpy.linalg.norm(y - want) <= BUDGET[expected["dtype"]] * numpy.linalg.norm(want)
