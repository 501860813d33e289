"""The installed package: a project outside of ours finds it, builds its own tool on it, and loads the plugin into a stock mlir-opt."""

import os
import shutil
import subprocess

import pytest
from conftest import BUILD, ROOT


def call(*command):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif("asan" in BUILD.name, reason="a tool without the sanitizers' runtime cannot load a plugin that has it")
def test_example_builds_against_the_package(tmp_path):
    call("cmake", "--install", BUILD, "--prefix", tmp_path / "prefix")
    # Nothing of the package may point back at our tree.
    for path in (tmp_path / "prefix" / "lib" / "cmake").rglob("*.cmake"):
        assert str(ROOT) not in path.read_text(), path
    project = tmp_path / "project"
    shutil.copytree(ROOT / "examples" / "host-compiler", project)
    launcher = ["-DCMAKE_CXX_COMPILER_LAUNCHER=ccache"] if shutil.which("ccache") else []
    call("cmake", "-G", "Ninja", "-B", project / "build", "-S", project, f"-DCMAKE_PREFIX_PATH={tmp_path / 'prefix'}", *launcher)
    call("cmake", "--build", project / "build")
    call("ctest", "--test-dir", project / "build", "--output-on-failure")


def test_tools_run_from_the_package(tmp_path):
    call("cmake", "--install", BUILD, "--prefix", tmp_path)
    for tool in ("fftconv-opt", "fftconv-compile", "fftconv-run"):
        assert os.access(tmp_path / "bin" / tool, os.X_OK)
    call(tmp_path / "bin" / "fftconv-run", ROOT / "examples" / "host-compiler" / "model.mlir", "--device=cpu")
