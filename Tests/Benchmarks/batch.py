"""Latency of one large batch, with one compute thread and with two."""

import json
import os
import statistics
import subprocess
import tempfile
import time

import servers
from cases import Case
from load import Plain
from report import shown

CASE = Case("softmax 100×1000", "/softmax", 100, 1000)


def batch(report, effort):
    report.section(
        "batch", "Latency of a batch: softmax 100×1000, one client at a time",
        "Requests alternate between two services. `in the service` is duration_us of the access log: from the whole "
        "request in hand to the last byte of the reply handed to the kernel.")
    request = Plain.request(CASE.path, CASE.body)
    times, logged = {}, {}
    with tempfile.TemporaryFile("w+") as one, tempfile.TemporaryFile("w+") as two:
        with (
            servers.softmaxd("--compute-threads", "1", log=one) as single, Plain(single) as alone,
            servers.softmaxd("--compute-threads", "2", log=two) as double, Plain(double) as both,
        ):
            for _ in range(10):
                alone.ask(request), both.ask(request)
            for _ in range(60 if effort.quick else 400):
                for threads, client in ((1, alone), (2, both)):
                    times.setdefault(threads, []).append(client.ask(request))
        # The services have ended, so their logs are whole.
        for threads, log in ((1, one), (2, two)):
            log.seek(0)
            logged[threads] = [record["duration_us"] for record in map(json.loads, log) if "duration_us" in record][10:]
    rows = []
    for threads in (1, 2):
        assert len(logged[threads]) == len(times[threads])
        rows.append({
            "compute_threads": threads, "client_ms": _quantiles([1000 * time for time in times[threads]]),
            "service_ms": _quantiles([time / 1000 for time in logged[threads]])})
    for row in rows:
        for which in ("client_ms", "service_ms"):
            row[f"ratio_{which}"] = rows[0][which]["p50"] / row[which]["p50"]
    # Amdahl's law: with one thread serial + shared, with two serial + shared / 2.
    serial = {which: max(0, 2 * rows[1][which]["p50"] - rows[0][which]["p50"]) for which in ("client_ms", "service_ms")}
    report.current["serial_ms"] = serial
    report.table({
        "--compute-threads": lambda row: row["compute_threads"],
        "at the client, ms, median": lambda row: shown(row["client_ms"]["p50"]),
        "p90": lambda row: shown(row["client_ms"]["p90"]),
        "times faster": lambda row: f"{row['ratio_client_ms']:.2f}",
        "in the service, ms, median": lambda row: shown(row["service_ms"]["p50"]),
        "times faster there": lambda row: f"{row['ratio_service_ms']:.2f}",
    }, rows)
    ceiling = _two_processes(3 if effort.quick else 15)
    report.current["two_processes_over_one"] = ceiling
    print(f"By Amdahl's law {shown(serial['client_ms'])} ms of it are serial at the client, receiving and sending among "
          f"them, and {shown(serial['service_ms'])} ms in the service.\n")
    print(f"Two processes that share nothing, `softmaxd softmax FILE` on one thread each, do {ceiling:.2f} times as much "
          "as one in the same time.\n")


def _two_processes(rounds):
    """What two of the machine's processors do in the time of one, for this work without a server or a client."""
    environment = {**os.environ, "SOFTMAXD_COMPUTE_THREADS": "1"}
    times = {1: [], 2: []}
    with tempfile.NamedTemporaryFile() as file:
        file.write(Case("", "/softmax", 800, 1000).body)
        file.flush()
        for _ in range(rounds):
            for count in times:
                begin = time.perf_counter()
                processes = [
                    subprocess.Popen(
                        [servers.SOFTMAXD, "softmax", file.name], stdout=subprocess.DEVNULL, env=environment)
                    for _ in range(count)]
                if any(process.wait() for process in processes):
                    raise SystemExit("softmaxd softmax failed")
                times[count].append(time.perf_counter() - begin)
    return 2 * statistics.median(times[1]) / statistics.median(times[2])


def _quantiles(samples):
    cuts = statistics.quantiles(samples, n=10)
    return {"p50": statistics.median(samples), "p90": cuts[8], "min": min(samples)}
