"""Reading and printing numbers: the service's own way, simdjson, the standard libraries, orjson."""

import statistics
import subprocess
import tempfile
import time

import numpy as np
import orjson

from cases import body, values
from report import shown
from servers import BUILT, ROOT


def number_text(report, effort):
    count = 100_000 if effort.quick else 1_000_000
    report.section(
        "numbers", "JSON numbers: ns to read and to print one",
        f"{count} numbers from N(0, 1) in one array, 16 or 17 digits for most. The best of 5 passes in each round, the "
        "median of the rounds; programs alternate. softmaxd checks the whole grammar as well; orjson reads into Python "
        "objects and prints from a NumPy array.")
    rounds = {}
    with tempfile.NamedTemporaryFile() as file:
        content = body(1, count)
        file.write(content)
        file.flush()
        for _ in range(effort.rounds):
            for program in (ROOT / ".build/release/number-speed", BUILT / "number-speed"):
                out = subprocess.run([program, file.name], capture_output=True, text=True, check=True).stdout
                for name, what, figure in (line.split("\t") for line in out.splitlines()):
                    rounds.setdefault((name, what), []).append(float(figure))
            for what, figure in _orjson(content, values(1, count, 20)[0]):
                rounds.setdefault(("orjson", what), []).append(figure)
    names = list(dict.fromkeys(name for name, _ in rounds))
    rows = [
        {"name": name, **{f"{what}_ns": statistics.median(rounds[name, what])
                          for what in ("read", "print") if (name, what) in rounds}}
        for name in names]
    report.table({
        "by": lambda row: row["name"],
        "read": lambda row: shown(row["read_ns"]) if "read_ns" in row else "–",
        "print": lambda row: shown(row["print_ns"]) if "print_ns" in row else "–",
    }, rows)


def _orjson(content, numbers):
    yield "read", _best(lambda: orjson.loads(content), len(numbers))
    contiguous = np.ascontiguousarray(numbers)
    yield "print", _best(lambda: orjson.dumps(contiguous, option=orjson.OPT_SERIALIZE_NUMPY), len(numbers))


def _best(work, count):
    best = float("inf")
    for _ in range(5):
        begin = time.perf_counter()
        result = work()
        best = min(best, time.perf_counter() - begin)
        # Freeing a million objects is not part of reading the next million.
        del result
    return best / count * 1e9
