"""How often softmaxd allocates: a request, and a number more in it."""

import mmap
import os
import struct
import tempfile
import time

import servers
from cases import Case
from load import Plain
from report import shown

CASES = [
    Case("softmax 1×10", "/softmax", 1, 10),
    Case("softmax 1×1000", "/softmax", 1, 1000),
    Case("softmax 100×1000", "/softmax", 100, 1000),
    Case("Jacobian, C = 100", "/jacobian", 1, 100),
    Case("Jacobian, C = 1000", "/jacobian", 1, 1000),
    Case("VJP 1×1000", "/vjp", 1, 1000),
]


def allocations(report, effort):
    report.section(
        "allocations", "Allocations",
        "malloc and its kin counted by a preloaded library, over one kept connection after a warm-up. A number: the "
        "difference from the case above it of the same route, divided by the numbers (in and out) it has more.")
    rows = []
    with tempfile.NamedTemporaryFile() as file:
        environment = {"LD_PRELOAD": str(servers.BUILT / "allocations.so"), "ALLOCATION_COUNTS": file.name}
        with servers.softmaxd(environment=environment) as server, Plain(server) as client:
            with mmap.mmap(os.open(file.name, os.O_RDONLY), 16, prot=mmap.PROT_READ) as counts:
                previous = None
                for case in CASES:
                    row = _measure(case, client, counts, effort.quick)
                    if previous and previous["path"] == case.path:
                        more = row["numbers"] - previous["numbers"]
                        row["per_number"] = (row["allocations"] - previous["allocations"]) / more
                    rows.append(row)
                    previous = row
    report.table({
        "request": lambda row: row["case"],
        "allocations a request": lambda row: f"{row['allocations']:.2f}",
        "KiB asked for": lambda row: shown(row["bytes"] / 1024),
        "allocations a number": lambda row: f"{row['per_number']:.5f}" if "per_number" in row else "–",
    }, rows)


def _measure(case, client, counts, quick):
    request = Plain.request(case.path, case.body)
    number = max(20, min(2000, 1_000_000 // sum(case.numbers))) // (4 if quick else 1)
    for _ in range(20):
        client.ask(request)
    allocations, size = _counted(counts)
    for _ in range(number):
        client.ask(request)
    later, later_size = _counted(counts)
    return {
        "case": case.name, "path": case.path, "numbers": sum(case.numbers), "requests": number,
        "allocations": (later - allocations) / number, "bytes": (later_size - size) / number}


def _counted(counts):
    # What is done once a reply has gone, such as the log's line, is allocated for too.
    time.sleep(0.2)
    return struct.unpack("QQ", counts[:16])
