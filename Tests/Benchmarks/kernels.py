"""Softmax and its kin on arrays in memory, beside NumPy, SciPy and, where it is installed, torch."""

import re
import statistics
import subprocess
import time

import numpy as np
import scipy.special

from report import shown
from servers import ROOT

SHAPES = [(1000, 10), (1, 1000), (100, 1000), (1, 32000)]


def kernels(report, effort):
    try:
        import torch
        torch.set_num_threads(1)
    except ImportError:
        torch = None
    report.section(
        "kernels", "Kernels: ns an element, one thread",
        "The best of 9 passes in each round, the median of the rounds; rounds of softmaxd and of the others alternate. "
        "Only softmaxd is within 0.51 ulp; NumPy and SciPy are the usual float code. "
        + ("" if torch else "torch is not installed."))
    rounds = {}
    for _ in range(effort.rounds):
        for key, figure in [*_ours(), *_theirs(torch)]:
            rounds.setdefault(key, []).append(figure)
    rows = []
    for dtype in ("float64", "float32"):
        for operation in ("softmax", "log-softmax"):
            for shape in SHAPES:
                row = {"operation": operation, "dtype": dtype, "rows": shape[0], "classes": shape[1], "ns": {}}
                for (who, *what), figures in rounds.items():
                    if what == [operation, dtype, shape]:
                        row["ns"][who] = statistics.median(figures)
                rows.append(row)
    columns = {"rows × classes": lambda row: f"{row['operation']}, {row['dtype']}, {row['rows']}×{row['classes']}"}
    for who in ("softmaxd", "NumPy", "SciPy", *(["torch"] if torch else [])):
        columns[who] = lambda row, who=who: shown(row["ns"][who]) if who in row["ns"] else "–"
    columns["NumPy / softmaxd"] = lambda row: f"{row['ns']['NumPy'] / row['ns']['softmaxd']:.2f}"
    report.table(columns, rows)


def _ours():
    out = subprocess.run(
        [ROOT / ".build/release/softmax-stress", "--speed"], capture_output=True, text=True, check=True).stdout
    for line in out.splitlines():
        dtype, rows, classes, softmax, logarithm = re.match(
            r"(\w+) (\d+)x(\d+): softmax ([\d.]+) ns/number,.* log-softmax ([\d.]+) ns/number", line).groups()
        shape = (int(rows), int(classes))
        if shape in SHAPES:
            yield ("softmaxd", "softmax", dtype, shape), float(softmax)
            yield ("softmaxd", "log-softmax", dtype, shape), float(logarithm)


def _softmax(z, y):
    """As good as NumPy allows: no temporaries of the array's size."""
    np.subtract(z, z.max(axis=-1, keepdims=True), out=y)
    np.exp(y, out=y)
    y /= y.sum(axis=-1, keepdims=True)


def _log_softmax(z, y):
    np.subtract(z, z.max(axis=-1, keepdims=True), out=y)
    y -= np.log(np.exp(y).sum(axis=-1, keepdims=True))


def _theirs(torch):
    random = np.random.default_rng(20)
    for dtype in ("float64", "float32"):
        for shape in SHAPES:
            z = random.uniform(-3, 3, shape).astype(dtype)
            y = np.empty_like(z)
            works = {
                ("NumPy", "softmax"): lambda: _softmax(z, y),
                ("NumPy", "log-softmax"): lambda: _log_softmax(z, y),
                ("SciPy", "softmax"): lambda: scipy.special.softmax(z, axis=-1),
                ("SciPy", "log-softmax"): lambda: scipy.special.log_softmax(z, axis=-1),
            }
            if torch:
                tensor = torch.from_numpy(z)
                works["torch", "softmax"] = lambda: torch.softmax(tensor, -1)
                works["torch", "log-softmax"] = lambda: torch.log_softmax(tensor, -1)
            for (who, operation), work in works.items():
                yield (who, operation, dtype, shape), _best(work, z.size)


def _best(work, elements):
    repetitions = 200_000 // elements + 1
    best = float("inf")
    for _ in range(9):
        begin = time.perf_counter()
        for _ in range(repetitions):
            work()
        best = min(best, time.perf_counter() - begin)
    return best / repetitions / elements * 1e9
