import ctypes
import os

import lit.formats

config.name = "fftconv"
# Programs that gtest built are found by their suffix; everything else is a script of RUN lines.
if config.unit:
    config.test_format = lit.formats.GoogleTest(".", "Tests")
    config.test_source_root = config.test_exec_root = os.path.join(config.build_dir, "test", "unit")
else:
    config.test_format = lit.formats.ShTest(execute_external=False)
    config.suffixes = [".mlir", ".test"]
    config.test_source_root = os.path.dirname(__file__)
    config.test_exec_root = os.path.join(config.build_dir, "test")
config.environment["PATH"] = os.pathsep.join(
    [os.path.join(config.build_dir, "bin"), config.llvm_bin, config.environment["PATH"]]
)
config.substitutions += [
    ("%plugin", os.path.join(config.build_dir, "lib", "FFTConvPlugin.so")),
    ("%cc", config.cc),
    ("%root", config.project),
    ("%build", config.build_dir),
]
# A sanitizer's runtime cannot be loaded into a program that was built without it.
if config.asan:
    config.available_features.add("asan")


def has_gpu():
    try:
        return ctypes.CDLL("libcuda.so.1").cuInit(0) == 0
    except OSError:
        return False


if has_gpu():
    config.available_features.add("gpu")
