"""One request beside the peers, over HTTP/1.1 and HTTP/2: processor time and system calls of the server."""

import contextlib
import json
import shutil

import numpy as np

import servers
from cases import CASES, SMALL
from load import h2load_for, wrk, wrk_latencies
from processes import counted_system_calls
from report import shown, shown_spread, spread

# Enough for 10 × 100 000 numbers; the default refuses bodies over 16 MiB.
ROOM = ("--max-body", "268435456")


def check(reference, others, case):
    """Every server that computes says the same as softmaxd, to 1e-12."""
    def numbers(server):
        (member, values), = json.loads(server.ask(case.path, case.body)).items()
        return member, np.array(values)

    member, right = numbers(reference)
    # A component of the VJP is a difference and may be as near 0 as it likes; the others are products.
    slack = 1e-12 * np.abs(right).max() if case.path == "/vjp" else 0
    for server in others:
        if server.computes:
            name, values = numbers(server)
            assert name == member and values.shape == right.shape, (server.name, case.name, name, values.shape)
            np.testing.assert_allclose(values, right, rtol=1e-12, atol=slack, err_msg=f"{server.name}, {case.name}")


def rounds(contestants, effort, sample, warm_up):
    """The samples of each server by its name, taken in turn: A B C A B C; `warm_up`: after a round that does not count."""
    samples = {server.name: [] for server in contestants}
    for number in range(effort.rounds + warm_up):
        for server in contestants:
            taken = sample(server)
            if number >= warm_up:
                samples[server.name].append(taken)
    return samples


def interleaved(case, contestants, effort, load, warm_up):
    """A row per server, after a look at the answers, of ``rounds``."""
    check(contestants[0], contestants[1:], case)
    samples = rounds(contestants, effort, lambda server: load(server).microseconds(), warm_up)
    ours = spread([total for total, *_ in samples[contestants[0].name]])["median"]
    rows = []
    for server in contestants:
        total, user, system = map(spread, zip(*samples[server.name]))
        rows.append({
            "case": case.name, "server": server.name, "cpu_us": total, "user_us": user, "system_us": system,
            "ratio": total["median"] / ours})
    return rows


COLUMNS = {
    "server": lambda row: row["server"],
    "CPU-µs a request, median (min…max)": lambda row: shown_spread(row["cpu_us"]),
    "user": lambda row: shown(row["user_us"]["median"]),
    "system": lambda row: shown(row["system_us"]["median"]),
    "× first": lambda row: f"{row['ratio']:.2f}",
}
CALLS = {"system calls a request": lambda row: shown(row["system_calls"])}


def _introduce(report, contestants):
    """Says what the servers are."""
    introduced = {server.name: server.remark for server in contestants if server.remark}
    for name, remark in introduced.items():
        print(f"- {name}: {remark}")
    print()
    report.current["servers"] = introduced


def _count_calls(rows, contestants, load):
    for row, server in zip(rows, contestants):
        with counted_system_calls(server.pid) as count:
            requests = load(server).requests
        row["system_calls"] = count[0] / requests


def floor(report, effort):
    """The small request beside servers that do nothing but answer."""
    report.section(
        "floor", "The floor: softmax 1×10 over HTTP/1.1, 64 connections (wrk)",
        "User + system time of the server's processes from /proc/PID/stat, divided by replies; logs go to /dev/null. "
        "System calls: a run of its own under strace.")
    with contextlib.ExitStack() as stack:
        size = len(_reply_of(SMALL))
        contestants = [stack.enter_context(server) for server in (
            servers.softmaxd(),
            servers.softmaxd("--loops", "1"),
            servers.softmaxd("--access-log", "off"),
            servers.softmaxd("--loops", "1", "--access-log", "off"),
            servers.nginx(size),
            servers.epoll(size))]
        _introduce(report, contestants)
        rows = interleaved(
            SMALL, contestants, effort, lambda server: wrk(server, SMALL, effort.seconds * 2), not effort.quick)
        _count_calls(rows, contestants, lambda server: wrk(server, SMALL, 1))
    report.table({**COLUMNS, **CALLS}, rows)


def _reply_of(case):
    with servers.softmaxd() as server:
        return server.ask(case.path, case.body)


CONNECTIONS = (1, 64, 512)


def latency(report, effort):
    """How long the small request takes at the client, beside servers that do nothing but answer."""
    report.section(
        "latency", "Latency of softmax 1×10 over HTTP/1.1 (wrk, one thread)",
        "At the client, which shares the processors with the server and sends its next request as soon as it has a reply: "
        "with many connections a latency is mostly waiting for one's turn, so that it follows from the rate. "
        "Median over the rounds.")
    rows = []
    with contextlib.ExitStack() as stack:
        size = len(_reply_of(SMALL))
        contestants = [stack.enter_context(server) for server in (
            servers.softmaxd(), servers.softmaxd("--access-log", "off"), servers.nginx(size), servers.epoll(size))]
        _introduce(report, contestants)
        for connections in CONNECTIONS:
            samples = rounds(
                contestants, effort, lambda server: wrk_latencies(server, SMALL, effort.seconds * 2, connections),
                not effort.quick)
            rows += [{
                "connections": connections, "server": name,
                **{key: spread([sample[key] for sample in samples[name]])["median"]
                   for key in ("rate", "p50_us", "p99_us")}} for name in samples]
    report.table({
        "server": lambda row: row["server"],
        "connections": lambda row: row["connections"],
        "requests a second": lambda row: f"{row['rate']:,.0f}".replace(",", " "),
        "p50, µs": lambda row: shown(row["p50_us"]),
        "p99, µs": lambda row: shown(row["p99_us"]),
    }, rows)


def http1(report, effort):
    """Every case over HTTP/1.1."""
    report.section(
        "http1", "The same work beside servers in Python, Go and JavaScript, HTTP/1.1",
        "Every server reads the same bytes and answers the same numbers (to 1e-12, checked before each case). Small "
        "requests from wrk, large ones counted exactly by `h2load --h1`.")
    counts = {}
    with contextlib.ExitStack() as stack:
        contestants = [stack.enter_context(server) for server in (
            servers.softmaxd(*ROOM, name="softmaxd"), servers.granian(), servers.fastapi(), servers.go(),
            servers.node())]
        _introduce(report, contestants)
        for case in CASES:
            def load(server):
                if case.large:
                    return h2load_for(server, case, effort.seconds, counts, http2=False)
                return wrk(server, case, effort.seconds)

            print(f"**{case.name}**, {case.connections} connections\n")
            # h2load_for has its own warm-up.
            report.table(COLUMNS, interleaved(case, contestants, effort, load, not case.large and not effort.quick))


def http2(report, effort):
    """Every case over HTTP/2 by prior knowledge; the small one beside servers that only answer, too."""
    report.section(
        "http2", "HTTP/2 by prior knowledge (h2load)",
        "Of the peers that compute only granian has it. The small request goes over 8 connections with 8 streams each, "
        "the others one stream a connection.")
    counts = {}
    with contextlib.ExitStack() as stack:
        computing = [stack.enter_context(server) for server in (
            servers.softmaxd(*ROOM, name="softmaxd"), servers.granian())]
        size = len(computing[0].ask(SMALL.path, SMALL.body))
        fixed = [servers.nginx(size, http2=True)]
        if shutil.which("nghttpd"):
            fixed.append(servers.nghttpd(size))
        fixed = [stack.enter_context(server) for server in fixed]
        _introduce(report, computing + fixed)
        for case in CASES:
            small = case is SMALL
            how = {"connections": 8, "streams": 8} if small else {}
            contestants = computing + fixed if small else computing

            def load(server):
                return h2load_for(server, case, effort.seconds, counts, **how)

            rows = interleaved(case, contestants, effort, load, False)
            if small:
                _count_calls(rows, contestants, load)
            print(f"**{case.name}**\n")
            report.table({**COLUMNS, **(CALLS if small else {})}, rows)
