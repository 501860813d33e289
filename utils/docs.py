"""Keeps the documents true: fills in the output of the commands that they quote, and the reference made from TableGen.

    build/venv/bin/python utils/docs.py BUILD          writes README.md, docs/*.md and docs/reference
    build/venv/bin/python utils/docs.py BUILD --check  lists what is stale and fails

A quoted command is a comment `<!-- output of: fftconv-compile ... -->`, run from the top of the project with our tools on PATH; the fenced
block that follows it holds its output.
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).parent.parent
QUOTE = re.compile(r"(<!-- output of: (?P<command>[^\n]*?) -->\n\n?```[a-z]*\n).*?(^```$)", re.DOTALL | re.MULTILINE)


def fill(text, build):
    path = os.pathsep.join([str(build / "bin"), os.environ["PATH"]])

    def output(match):
        command = match["command"]
        done = subprocess.run(
            command, shell=True, cwd=ROOT, env=dict(os.environ, PATH=path), capture_output=True, text=True, check=True
        )
        return match[1] + done.stdout.rstrip("\n") + "\n" + match[3]

    return QUOTE.sub(output, text)


def main():
    parser = argparse.ArgumentParser(description="Keeps the documents true.")
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--check", action="store_true", help="list stale documents instead of writing them")
    options = parser.parse_args()
    build = options.build.resolve()

    fresh = {path: fill(path.read_text(), build) for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]}
    for made in sorted((build / "docs" / "reference").glob("*.md")):
        fresh[ROOT / "docs" / "reference" / made.name] = made.read_text()
    stale = [path for path, text in fresh.items() if not path.exists() or path.read_text() != text]
    for path in stale:
        print(f"stale: {path.relative_to(ROOT)}")
        if not options.check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(fresh[path])
    sys.exit(1 if options.check and stale else 0)


if __name__ == "__main__":
    main()
