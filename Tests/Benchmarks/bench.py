"""Runs the benchmarks. usage: see run.

Everything is measured beside its peers in one run, A B C A B C, so that a machine whose speed drifts slows all alike.
"""

import argparse
import dataclasses
import json
import pathlib
import signal
import sys
import time

import plot
from allocations import allocations
from batch import batch
from fairness import fairness
from instructions import instructions
from kernels import kernels
from memory import start, streaming
from model import model
from number_text import number_text
from report import Report, machine
from servers import BUILT, HERE
from side_by_side import floor, http1, http2, latency
from size import size

SECTIONS = {
    "instructions": instructions, "floor": floor, "latency": latency, "http1": http1, "http2": http2, "batch": batch,
    "size": size, "model": model,
    "memory": streaming, "fairness": fairness, "start": start, "allocations": allocations, "kernels": kernels,
    "numbers": number_text,
}


@dataclasses.dataclass(frozen=True)
class Effort:
    """How much time a figure gets."""

    quick: bool
    # How often each contestant has its turn.
    rounds: int
    # Of load in one turn.
    seconds: float


def main():
    parser = argparse.ArgumentParser(prog="Tests/Benchmarks/run")
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=", ".join(SECTIONS))
    parser.add_argument("--quick", action="store_true", help="two minutes, to see that everything runs")
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.sections if name not in SECTIONS]:
        parser.error(f"no section {unknown[0]}: there are {', '.join(SECTIONS)}")
    # A signal to end still ends the servers.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))

    effort = Effort(True, 1, 0.25) if arguments.quick else Effort(False, 5, 1)
    report, about, begin = Report(), machine(), time.monotonic()
    print("# softmaxd beside its peers\n")
    print(f"{about['cpu']}, {about['cores']} cores, Linux {about['kernel']}, {about['date']}")
    print(", ".join(f"{name} {version}" for name, version in about["versions"].items()), flush=True)
    for name, section in SECTIONS.items():
        if name in (arguments.sections or SECTIONS):
            started = time.monotonic()
            section(report, effort)
            report.current["seconds"] = round(time.monotonic() - started, 1)
    about["seconds"] = round(time.monotonic() - begin, 1)

    places = [BUILT]
    # The record that is kept with the project is a whole run at full length.
    if not arguments.quick and len(report.sections) == len(SECTIONS):
        places.append(HERE)
    for place in places:
        (place / "results.json").write_text(
            json.dumps({"machine": about, "sections": report.sections}, indent=1, ensure_ascii=False) + "\n")
        plot.draw(report.sections, place / "results.svg")
    (HERE / "results.png").unlink(missing_ok=True)
    written = ", ".join(str(place.relative_to(pathlib.Path.cwd())) for place in places)
    print(f"{report.count} rows written to results.json in {written}, after {about['seconds']:.0f} s")


if __name__ == "__main__":
    main()
