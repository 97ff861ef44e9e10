"""User instructions of one request, counted by callgrind: they repeat to ±50 on any machine.

A kept connection makes `MORE` requests in one run and `FEWER` in another; what the runs differ by, divided by how many
requests they differ by, leaves out the start, the end and the warm-up.
"""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time

import servers
from cases import SMALL, Case, body, text, values
from load import Plain, h2load

FEWER, MORE = 200, 700
REPLY_SIZE = 240
DENSE = b'{"logits":%s,"form":"dense"}'


# Offline runs: what an element or an entry costs when everything else is shared by many.
OFFLINE = (
    ("softmax 100×1000, an element", "softmax", body(100, 1000), body(1, 10), 100 * 1000 - 10),
    ("dense Jacobian C = 1000, an entry", "jacobian", DENSE % text(values(1, 1000, 20)), DENSE % text(values(1, 10, 20)),
     1000 * 1000 - 10 * 10),
)


class Get:
    """A GET, in the place of a case."""

    name, path, body = "GET /livez", "/livez", b""


VJP = Case("VJP 1×10", "/vjp", 1, 10)


def instructions(report, effort):
    report.section(
        "instructions", "User instructions a request",
        "callgrind, one event loop, one kept connection, access log off unless it says on; the difference of a run of "
        f"{MORE} and a run of {FEWER} requests. valgrind knows no AVX-512: a program that could use it takes AVX2.")
    program = _stripped(servers.SOFTMAXD)
    flags = ("--loops", "1", "--compute-threads", "1")
    quiet = (*flags, "--access-log", "off")

    def softmaxd(*flags):
        return servers.Server("softmaxd", lambda port, _: [str(program), "--port", str(port), *flags])

    plans = [
        ("HTTP/1.1", Get, softmaxd(*quiet), _plain), ("HTTP/1.1", SMALL, softmaxd(*quiet), _plain),
        ("HTTP/1.1", VJP, softmaxd(*quiet), _plain), ("HTTP/1.1, log on", SMALL, softmaxd(*flags), _plain),
        ("HTTP/2", SMALL, softmaxd(*quiet), _streams),
        ("HTTP/1.1", SMALL, servers.nginx(REPLY_SIZE, single=True), _plain),
        ("HTTP/2", SMALL, servers.nginx(REPLY_SIZE, http2=True, single=True), _streams),
        ("HTTP/2", SMALL, servers.nghttpd(REPLY_SIZE), _streams),
    ]
    rows = []
    for protocol, case, server, load in plans:
        totals = [_counted(server, lambda: load(server, case, count)) for count in (FEWER, MORE)]
        rows.append({
            "server": server.name, "protocol": protocol, "case": case.name,
            "instructions": (totals[1] - totals[0]) / (MORE - FEWER)})
    for name, command, large, small, count in OFFLINE:
        totals = [_counted_offline(program, command, content) for content in (small, large)]
        rows.append({
            "server": "softmaxd", "protocol": "offline", "case": name, "instructions": (totals[1] - totals[0]) / count})
    report.table({
        "server": lambda row: row["server"],
        "protocol": lambda row: row["protocol"],
        "request": lambda row: row["case"],
        "instructions": lambda row: f"{row['instructions']:,.0f}".replace(",", " "),
    }, rows)


def _stripped(program):
    """A copy without debugging information, which valgrind may not be able to read."""
    copy = servers.BUILT / "softmaxd-stripped"
    subprocess.run(["objcopy", "--strip-debug", program, copy], check=True)
    return copy


def _counted(server, load):
    """All user instructions of a server from its start to its end, with that load in between."""
    command = server.command
    with tempfile.NamedTemporaryFile() as counts:
        server.command = lambda port, folder: [*_callgrind(counts.name), *command(port, folder)]
        try:
            with server:
                load()
                # nginx does not see a signal that comes right before it goes to sleep; let it sleep first.
                time.sleep(0.2)
        finally:
            server.command = command
        total = _total(counts.name)
    if total is None:
        raise SystemExit(f"{server.name} was not counted: it did not end by itself")
    return total


def _counted_offline(program, command, content):
    """All user instructions of one run of `softmaxd COMMAND FILE` on one thread."""
    with tempfile.NamedTemporaryFile() as counts, tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        subprocess.run(
            [*_callgrind(counts.name), program, command, file.name],
            env={**os.environ, "SOFTMAXD_COMPUTE_THREADS": "1"}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            check=True)
        return _total(counts.name)


def _callgrind(counts):
    """What stands before a command whose instructions are to be counted into a file."""
    return [shutil.which("valgrind"), "--tool=callgrind", f"--callgrind-out-file={counts}"]


def _total(path):
    found = re.search(r"^(?:totals|summary): (\d+)", pathlib.Path(path).read_text(), re.MULTILINE)
    return int(found.group(1)) if found else None


def _plain(server, case, count):
    request = Plain.request(case.path, case.body) if case.body else (
        f"GET {case.path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    with Plain(server) as client:
        for _ in range(count):
            client.ask(request)


def _streams(server, case, count):
    h2load(server, case, count, connections=1)
