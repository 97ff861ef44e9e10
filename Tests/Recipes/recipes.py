"""Runs each program in Recipes.md as it is written there and compares what it prints. usage: recipes.py SOFTMAXD

A block of a language is a program, the block of text behind it is its output. Only the service's port is another one.
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Clients"))
from service import ROOT, Service, run_tests, test  # noqa: E402

TEXT = (ROOT / "Sources/SoftmaxCore/SoftmaxCore.docc/Recipes.md").read_text()
BLOCKS = re.findall(r"^## (.+?)\n|^```(\w+)\n(.*?)^```\n```text\n(.*?)^```\n", TEXT, re.MULTILINE | re.DOTALL)

PACKAGE = """// swift-tools-version: 6.3
import PackageDescription

let package = Package(
    name: "recipe",
    dependencies: [.package(name: "softmaxd", path: "%s")],
    targets: [
        .executableTarget(name: "recipe", dependencies: [.product(name: "SoftmaxCore", package: "softmaxd")])
    ])
"""


def command(language, source, folder):
    """The command that runs a program, whose files are put into a folder."""
    if language == "swift":
        (folder / "Package.swift").write_text(PACKAGE % ROOT)
        (folder / "Sources/recipe").mkdir(parents=True)
        (folder / "Sources/recipe/main.swift").write_text(source)
        return ["swift", "run", "-q", "--scratch-path", str(ROOT / ".build/recipe")]
    name, program = {
        "sh": ("recipe.sh", ["bash", "-euo", "pipefail"]), "python": ("recipe.py", [sys.executable, "-B"]),
        "js": ("recipe.mjs", [shutil.which("node") or "node"]), "go": ("recipe.go", ["go", "run"]),
    }[language]
    (folder / name).write_text(source)
    return [*program, name]


def recipe(title, language, source, expected):
    def runs():
        with Service() as service, tempfile.TemporaryDirectory() as folder:
            source_here = source.replace("127.0.0.1:8080", f"127.0.0.1:{service.port}")
            assert language == "swift" or source_here != source, "it does not talk to the service"
            done = subprocess.run(
                command(language, source_here, pathlib.Path(folder)), cwd=folder, capture_output=True, text=True,
                timeout=600)
            # curl's reply has no line end of its own.
            assert done.returncode == 0 and done.stdout.rstrip("\n") == expected.rstrip("\n"), (
                f"{done.stdout}{done.stderr}")

    runs.__name__ = title
    test(runs)


title = ""
for heading, language, source, expected in BLOCKS:
    if heading:
        title = heading
    else:
        recipe(title, language, source, expected)
# No program is left out, for want of its output say.
assert len([block for block in BLOCKS if block[1]]) == len(re.findall(r"^```(?!text)\w+$", TEXT, re.MULTILINE)) >= 9

if __name__ == "__main__":
    sys.exit(run_tests())
