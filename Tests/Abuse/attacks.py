"""Attacks, each on a service of its own with an honest client beside it; its memory is watched all the while.

usage: see run. Options after the path of softmaxd:
  --size MB      an attack goes on until it has sent so much [100]
  --seconds S    or for so long, whichever is first [10]
  --jobs N       so many attacks at once, each on a service of its own [1]
  WORD...        only the attacks that have one of these in their names
"""

import argparse
import concurrent.futures
import os
import re
import sys
import textwrap
import time
from collections import Counter
from dataclasses import dataclass, field

import attacks_bodies
import attacks_connections
import attacks_http1
import attacks_http2
import attacks_windows
import honest_http1
import honest_http2
from attack import Target
from process import Process, Sampler
from second_client import SecondClient
from service import Service
from wire import eventually

ATTACKS = [attack for module in (
    attacks_http1, attacks_bodies, attacks_connections, attacks_http2, attacks_windows, honest_http1, honest_http2)
    for attack in module.ATTACKS]

# Whether the service is a sanitizer's build, whose memory is not the program's: see run.
INSTRUMENTED = os.environ.get("INSTRUMENTED") == "1"

# Short, so that what has to be waited for is.
FLAGS = {"--head-deadline": 2, "--body-deadline": 2, "--idle-deadline": 2, "--write-deadline": 2}

KINDS = ("new", "kept", "HTTP/2")


@dataclass
class Row:
    """What came of an attack."""
    name: str
    outcome: str = ""
    sent: float = 0
    seconds: float = 0
    # MiB of resident memory.
    before: float = 0
    peak: float = 0
    after: float = 0
    descriptors: int = 0
    cpu: float = 0
    asked: int = 0
    median: float = 0
    worst: float = 0
    wrong: list = field(default_factory=list)

    WIDTHS = (25, 22, 4, 3, 5, 5, 5, 4, 4, 5, 8)
    HEADINGS = [
        ("", "", "MB", "", "MiB", "", "", "open", "CPU", "2nd", "ms,"),
        ("attack", "what happened", "sent", "s", "befor", "peak", "after", "desc", "%", "asks", "med/max")]

    def text(self):
        """A line or more of 100 columns."""
        cells = (
            self.name, self.outcome, f"{self.sent:.0f}", f"{self.seconds:.0f}", f"{self.before:.1f}",
            f"{self.peak:.1f}", f"{self.after:.1f}", str(self.descriptors), f"{100 * self.cpu:.0f}", str(self.asked),
            f"{brief(self.median)}/{brief(self.worst)}")
        lines = [self.line([textwrap.wrap(cell, width) or [""] for cell, width in zip(cells, self.WIDTHS)])]
        lines += textwrap.wrap("; ".join(self.wrong), 92, initial_indent="  FAIL: ", subsequent_indent="    ")
        return "\n".join(lines)

    @classmethod
    def line(cls, cells):
        """Cells of one or more lines each, side by side."""
        lines = []
        for index in range(max(map(len, cells))):
            parts = [cell[index] if index < len(cell) else "" for cell in cells]
            lines.append(" ".join(
                part.ljust(width) if column < 2 else part.rjust(width)
                for column, (part, width) in enumerate(zip(parts, cls.WIDTHS))).rstrip())
        return "\n".join(lines)

    @classmethod
    def heading(cls):
        return cls.line([list(pair) for pair in zip(*cls.HEADINGS)]) + "\n" + " ".join("-" * w for w in cls.WIDTHS)


def brief(seconds):
    """Milliseconds in as few characters as tell what matters."""
    if seconds == float("inf"):
        return "lost"
    return f"{seconds * 1000:.1f}" if seconds < 0.00995 else f"{seconds * 1000:.0f}"


def summary(outcomes):
    """How often what happened; those that differ in how soon are one."""
    latest, counts = {}, Counter()
    for outcome in outcomes:
        key = re.sub(r" (after|within) .*", "", outcome)
        latest[key] = outcome
        counts[key] += 1
    return "; ".join((f"{count} × " if count > 1 else "") + latest[key] for key, count in counts.most_common())


def prolong(attack, target):
    """Attacks over and over until the target had enough; what happened each time."""
    outcomes = []
    while not outcomes or target.more():
        outcomes.append(attack.function(target))
        # A hundred times a second at most: each leaves connections that the kernel remembers for a minute.
        target.pace(len(outcomes), 100)
    return outcomes


def run(name, size, seconds):
    """Attacks a service and judges what came of it."""
    attack = next(attack for attack in ATTACKS if attack.name == name)
    row = Row(name)
    flags = [str(part) for pair in {**FLAGS, **attack.flags}.items() for part in pair]
    with open(os.devnull, "wb") as log, Service(*flags, log=log) as service:
        try:
            measure(attack, service, size, seconds, row)
        except OSError as error:
            if service.process.poll() is None:
                raise
            row.wrong.append(f"the service ended: {error}")
        if service.process.poll() is not None:
            row.wrong.append(f"ended with {service.process.returncode}")
            service.process.returncode = 0
    said = service.error_text().partition("\n")[2]
    if said:
        row.wrong.append(f"on standard error: {said}")
    return row


def measure(attack, service, size, seconds, row):
    process = Process(service)
    sockets, descriptors = process.sockets(), process.descriptors()
    # What the first requests allocate for good is no attack's.
    with SecondClient(service, pause=0, connections=KINDS):
        time.sleep(0.2)
    before = process.resident()
    with Sampler(process) as sampler, SecondClient(service, connections=KINDS) as other:
        target = Target(service, size, seconds)
        try:
            row.outcome = summary(prolong(attack, target))
        except Exception as error:
            row.outcome = f"{type(error).__name__}: {error}"[:160]
            row.wrong.append("not what was to happen")
        row.sent, row.seconds = target.sent / 1e6, target.seconds
    row.before, row.peak, row.descriptors, row.cpu = before / 1024, sampler.resident / 1024, (
        sampler.descriptors), sampler.cpu
    row.asked, row.median, row.worst = len(other.times), other.quantile(0.5), other.worst
    if other.lost:
        row.wrong.append(f"the second client lost {other.lost} of {row.asked}: {other.fault}")
    if not eventually(lambda: process.sockets() <= sockets, 10):
        row.wrong.append(f"{process.sockets() - sockets} sockets left open")
    # Timers and events, which Dispatch and the event loops make once when they are first needed.
    if process.descriptors() > descriptors + 8:
        row.wrong.append(f"{process.descriptors() - descriptors} descriptors left open")
    if row.peak > attack.peak and not INSTRUMENTED:
        row.wrong.append(f"{row.peak:.1f} MiB resident, stated are {attack.peak:.0f}")
    # What large bodies leave is given back a second after the last of them.
    if not eventually(lambda: process.resident() - before <= attack.slack * 1024, 5, every=0.1) and not INSTRUMENTED:
        row.wrong.append(f"more than {attack.slack} MiB stay resident")
    row.after = process.resident() / 1024


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("softmaxd")
    parser.add_argument("words", nargs="*")
    parser.add_argument("--size", type=float, default=100)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_intermixed_args()
    chosen = [
        attack.name for attack in ATTACKS if not options.words or any(word in attack.name for word in options.words)]
    failures = 0
    print(
        f"each until {options.size:g} MB are sent or for {options.seconds:g} s, {options.jobs} at once\n"
        + Row.heading(), flush=True)
    begin = time.monotonic()
    with concurrent.futures.ProcessPoolExecutor(options.jobs) as pool:
        for future in [pool.submit(run, name, options.size * 1e6, options.seconds) for name in chosen]:
            row = future.result()
            failures += bool(row.wrong)
            print(row.text(), flush=True)
    print(f"{time.monotonic() - begin:.0f} s\n{len(chosen) - failures} passed, {failures} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
