"""Tables for a person on standard output, and the same figures for a program."""

import datetime
import functools
import os
import pathlib
import platform
import re
import statistics
import subprocess
from importlib import metadata


class Report:
    """Sections of tables. A row is what one line of a table says, with names in place of columns."""

    def __init__(self):
        self.sections = {}

    def section(self, name, title, *notes):
        print(f"\n## {title}\n", flush=True)
        for note in notes:
            print(f"{note}\n")
        self.sections[name] = {"title": title, "notes": notes, "rows": []}
        self.current = self.sections[name]

    def table(self, columns, rows):
        """columns: heading -> function of a row that gives its text. The rows themselves are what is kept."""
        lines = [list(columns), *([str(text(row)) for text in columns.values()] for row in rows)]
        widths = [max(map(len, column)) for column in zip(*lines)]
        # Numbers stand right, the first column's names left.
        rule = [f"{'-' * widths[0]}", *(f"{'-' * (width - 1)}:" for width in widths[1:])]
        for line in (lines[0], rule, *lines[1:]):
            cells = [line[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:]))]
            print(f"| {' | '.join(cells)} |", flush=True)
        print(flush=True)
        self.current["rows"] += rows

    @property
    def count(self):
        return sum(len(section["rows"]) for section in self.sections.values())


def spread(samples):
    """median, min and max."""
    return {"median": statistics.median(samples), "min": min(samples), "max": max(samples)}


def shown(figure, digits=3):
    """A number to some significant digits, without an exponent; figures of 1000 and more keep all before the point."""
    if figure == 0:
        return "0"
    decimals = max(0, digits - 1 - int(f"{abs(figure):e}".partition("e")[2]))
    return f"{figure:,.{decimals}f}".replace(",", " ")


def shown_spread(figures):
    return f"{shown(figures['median'])} ({shown(figures['min'])}…{shown(figures['max'])})"


def _said(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True)
        return (done.stdout + done.stderr).strip()
    except OSError:
        return ""


def _first(pattern, text):
    found = re.search(pattern, text)
    return found.group(1) if found else "unknown"


def _version(package):
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


# Those of requirements.txt that take part in a figure, and torch, which kernels compares with where it is installed.
PACKAGES = (
    "fastapi", "starlette", "uvicorn", "httptools", "granian", "uvloop", "orjson", "numpy", "scipy", "torch")


@functools.cache
def versions():
    """What was measured, beside what and with what. Packages that are not installed are left out."""
    return {
        "swift": _first(r"Swift version ([\w.]+)", _said("swift", "--version")),
        "python": platform.python_version(),
        "go": _first(r"go version go([\w.]+)", _said("go", "version")),
        "node": _first(r"v([\w.]+)", _said("node", "--version")),
        "nginx": _first(r"nginx/([\w.]+)", _said("nginx", "-v")),
        "nghttp2": _first(r"nghttp2/([\w.]+)", _said("h2load", "--version")),
        "wrk": _first(r"wrk (?:debian/)?([\w.]+)", _said("wrk", "--version")),
        "simdjson": _said("dpkg-query", "-W", "-f", "${Version}", "libsimdjson-dev") or "unknown",
        **{name: version for name in PACKAGES if (version := _version(name))},
    }


def machine():
    """What the figures were measured on and with."""
    cpu = pathlib.Path("/proc/cpuinfo").read_text()
    root = pathlib.Path(__file__).resolve().parents[2]
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "commit": _said("git", "-C", str(root), "describe", "--always", "--dirty", "--exclude=*"),
        "cpu": _first(r"model name\s*: (.*)", cpu),
        "cpu_family": _first(r"cpu family\s*: (.*)", cpu),
        "cpu_model": _first(r"model\s*: (.*)", cpu),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "load_average_before": os.getloadavg()[0],
        "versions": versions(),
    }
