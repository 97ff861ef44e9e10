"""How long small requests take while large ones run on every core."""

import multiprocessing
import statistics
import time

import servers
from cases import Case, SMALL
from load import Plain
from report import shown

HEAVY = Case("Jacobian, C = 3000", "/jacobian", 1, 3000)


def fairness(report, effort):
    report.section(
        "fairness", "Small requests beside large ones",
        f"Latency of {SMALL.name}, one client, 100 requests a connection, a request a millisecond, alone and while "
        f"two clients pull {HEAVY.name} again and again; alone and beside alternate. The clients run on the service's "
        "cores: the C server's line, beside the same load on softmaxd, shows what of it is only that.")
    request = Plain.request(SMALL.path, SMALL.body)
    times = {}
    with servers.softmaxd() as server, servers.epoll(210) as bare:
        for _ in range(1 if effort.quick else 4):
            for busy in (False, True):
                with _Pullers(server, 2 if busy else 0):
                    for which in (server, bare):
                        times.setdefault((which.name, busy), []).extend(
                            _latencies(which, request, 1.5 if effort.quick else 3))
    rows = []
    for name in (server.name, bare.name):
        row = {"server": name}
        for busy, label in ((False, "alone"), (True, "beside")):
            cuts = statistics.quantiles(times[name, busy], n=1000)
            row[label] = {
                "requests": len(times[name, busy]), "p50_us": cuts[499] * 1e6, "p99_us": cuts[989] * 1e6,
                "p999_us": cuts[998] * 1e6, "max_us": max(times[name, busy]) * 1e6}
        row["p99_ratio"] = row["beside"]["p99_us"] / row["alone"]["p99_us"]
        rows.append(row)
    report.table({
        "small requests to": lambda row: row["server"],
        "alone: p50, µs": lambda row: shown(row["alone"]["p50_us"]),
        "p99 alone": lambda row: shown(row["alone"]["p99_us"]),
        "beside: p50, µs": lambda row: shown(row["beside"]["p50_us"]),
        "p99 beside": lambda row: shown(row["beside"]["p99_us"]),
        "p99.9 beside": lambda row: shown(row["beside"]["p999_us"]),
        "ratio of the p99s": lambda row: f"{row['p99_ratio']:.1f}",
    }, rows)


def _latencies(server, request, seconds):
    taken = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        # Which of the service's loops a connection belongs to is chance, so that one connection would tell little.
        with Plain(server) as client:
            client.ask(request)
            for _ in range(100):
                taken.append(client.ask(request))
                time.sleep(0.001)
    return taken


def _pull(server, stop):
    request = Plain.request(HEAVY.path, HEAVY.body)
    with Plain(server) as client:
        while not stop.is_set():
            client.ask(request)


class _Port:
    """All that a client needs of a server, fit for another process."""

    def __init__(self, port):
        self.port = port


class _Pullers:
    """Processes that pull the large reply until the `with` is left."""

    def __init__(self, server, number):
        # A fresh interpreter each: a fork would share this process's sockets.
        context = multiprocessing.get_context("spawn")
        self.stop = context.Event()
        self.processes = [
            context.Process(target=_pull, args=(_Port(server.port), self.stop), daemon=True) for _ in range(number)]

    def __enter__(self):
        for process in self.processes:
            process.start()
        if self.processes:
            # Until they have imported what they need and the first replies flow.
            time.sleep(1.5)

    def __exit__(self, *_):
        self.stop.set()
        for process in self.processes:
            process.join(30)
            assert process.exitcode == 0, process.exitcode
