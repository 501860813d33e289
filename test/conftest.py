"""What the Python tests share: the build folder's tools and a way to call them."""

import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).parent.parent
BUILD = pathlib.Path(os.environ.get("FFTCONV_BUILD", ROOT / "build" / "release"))


def call(tool, *arguments, input=None):
    """Runs a tool of ours and gives the finished process, output captured as text."""
    command = [str(BUILD / "bin" / tool), *map(str, arguments)]
    return subprocess.run(command, input=input, capture_output=True, text=True)


@pytest.fixture
def opt():
    return lambda *arguments, input=None: call("fftconv-opt", *arguments, input=input)
