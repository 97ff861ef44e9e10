"""Memory while a reply of 2 GB is streamed; start-up and memory at rest."""

import statistics
import time

import servers
from cases import Case, SMALL
from load import Plain
from processes import forget_peak, memory, processor_seconds
from report import shown, shown_spread, spread


def streaming(report, effort):
    """A dense Jacobian to a fast reader and to a slow one."""
    classes = 3000 if effort.quick else 10_000
    case = Case(f"Jacobian, C = {classes}", "/jacobian", 1, classes)
    request = Plain.request(case.path, case.body)
    report.section(
        "memory", f"Memory while a dense Jacobian of C = {classes} is streamed",
        "Growth of VmHWM over VmRSS before. The slow reader takes 20 MB/s with a receive buffer of 64 KiB and leaves "
        "early.")
    with servers.softmaxd() as server:
        with Plain(server) as client:
            client.ask(Plain.request(SMALL.path, SMALL.body))
        rows = [_fast(server, request, classes) for _ in range(1 if effort.quick else 3)]
        rows.append(_slow(server, request, 10e6 if effort.quick else 100e6))
    report.table({
        "reader": lambda row: row["reader"],
        "MB read": lambda row: shown(row["bytes"] / 1e6),
        "seconds": lambda row: shown(row["seconds"]),
        "growth, MiB": lambda row: f"{row['growth_mib']:.1f}",
        "ns a number": lambda row: shown(row["ns_per_number"]) if "ns_per_number" in row else "–",
        "CPU-ns a number": lambda row: shown(row["cpu_ns_per_number"]) if "cpu_ns_per_number" in row else "–",
    }, rows)


def _fast(server, request, classes):
    before = _begin(server)
    cpu = sum(processor_seconds(server.pid))
    with Plain(server) as client:
        begin = time.monotonic()
        client.socket.sendall(request)
        received = client.reply()
        seconds = time.monotonic() - begin
    cpu = sum(processor_seconds(server.pid)) - cpu
    assert received > 10 * classes ** 2, f"{received} bytes are no Jacobian"
    return {
        "reader": "fast", "bytes": received, "seconds": seconds, "growth_mib": _growth(server, before),
        "ns_per_number": seconds / classes ** 2 * 1e9, "cpu_ns_per_number": cpu / classes ** 2 * 1e9}


def _slow(server, request, enough):
    before = _begin(server)
    received, step = 0, 200_000
    with Plain(server, receive_buffer=1 << 16) as client:
        begin = time.monotonic()
        client.socket.sendall(request)
        while received < enough:
            received += client.socket.recv_into(client.buffer, step)
            time.sleep(max(0.0, begin + received / 20e6 - time.monotonic()))
        seconds = time.monotonic() - begin
        growth = _growth(server, before)
    return {"reader": "slow", "bytes": received, "seconds": seconds, "growth_mib": growth}


def _begin(server):
    # What the reply before left unfinished ends first.
    time.sleep(0.3)
    forget_peak(server.pid)
    return memory(server.pid, "VmRSS")


def _growth(server, before):
    return (memory(server.pid, "VmHWM") - before) / 1024


def start(report, effort):
    """From the process's beginning to its first reply, and memory after it."""
    report.section(
        "start", "Start to the first reply, and memory at rest after it",
        "From spawning the process to the end of the first 200, connecting again as long as that is refused.")
    rows = []
    contestants = [
        (servers.softmaxd(), 50), (servers.nginx(210), 20), (servers.go(), 20), (servers.node(), 10),
        (servers.granian(), 4), (servers.fastapi(), 4)]
    for server, runs in contestants:
        times, resident = [], []
        for _ in range(max(2, runs // 5) if effort.quick else runs):
            begin = time.perf_counter()
            server.spawn()
            try:
                _first_reply(server)
                times.append((time.perf_counter() - begin) * 1000)
                # Memory at rest, not in the middle of starting workers.
                time.sleep(0.1)
                resident.append(memory(server.pid, "VmRSS") / 1024)
            finally:
                server.__exit__()
        rows.append({
            "server": server.name, "runs": len(times), "start_ms": spread(times),
            "resident_mib": statistics.median(resident)})
    report.table({
        "server": lambda row: row["server"],
        "ms, median (min…max)": lambda row: shown_spread(row["start_ms"]),
        "runs": lambda row: row["runs"],
        "resident, MiB (all its processes)": lambda row: shown(row["resident_mib"]),
    }, rows)


def _first_reply(server):
    request = Plain.request(SMALL.path, SMALL.body)
    deadline = time.monotonic() + 30
    while True:
        try:
            with Plain(server) as client:
                client.ask(request)
                return
        except ConnectionError:
            if server.process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{server.name} does not serve:\n{server.said()}")
            time.sleep(0.0002)
