"""More work than there is room for: the budget, the deadline, probes meanwhile, memory. usage: see run."""

import concurrent.futures
import json
import re
import sys
import time

from process import Process
from second_client import SecondClient
from service import Service, run_tests, test
from wire import Wire, jacobian_of, milliseconds, request, wait_for

MIB = 1 << 20


def ask(service, data, seconds=60):
    """A request on a connection of its own: (status, fields, content, seconds)."""
    begin = time.monotonic()
    with Wire(service, timeout=seconds) as wire:
        wire.send(data)
        return *wire.reply(seconds), time.monotonic() - begin


def gauge(service, name):
    return int(re.search(rf"^{name} (\d+)$", service.get("/metrics")[1], re.M).group(1))


def rows_of(numbers, text=b"0.5"):
    """A softmax request of 1000 classes and so many numbers."""
    row = b"[" + b",".join([text] * 1000) + b"]"
    return request("/softmax", b'{"logits":[' + b",".join([row] * (numbers // 1000)) + b"]}")


def at_once(service, requests):
    with concurrent.futures.ThreadPoolExecutor(len(requests)) as pool:
        return list(pool.map(lambda data: ask(service, data), requests))


class Probes:
    """Asks for the probes on new connections all the while; `worst` is the slowest reply of any."""

    def __init__(self, service):
        self.clients = [SecondClient(service, path=path) for path in ("/livez", "/readyz", "/metrics")]

    def __enter__(self):
        for client in self.clients:
            client.__enter__()

    def __exit__(self, *_):
        for client in self.clients:
            client.__exit__()
        self.worst = max(client.worst for client in self.clients)
        self.count = sum(len(client.times) for client in self.clients)


@test
def past_the_work_budget_requests_get_503_and_probes_still_answer():
    with Service("--work-budget", "3100000") as service:
        process = Process(service)
        probes = Probes(service)
        with probes:
            answers = at_once(service, [jacobian_of(1000)] * 24)
        statuses = [status for status, *_ in answers]
        assert 3 <= statuses.count(200) < 24 and set(statuses) == {200, 503}, statuses
        for status, fields, content, _ in answers:
            if status == 503:
                problem = json.loads(content)
                assert int(fields["retry-after"]) >= 1 and problem["status"] == 503, (fields, problem)
            else:
                assert len(json.loads(content)["jacobian"]) == 1000
        assert probes.worst < 0.5, probes.worst
        assert gauge(service, "softmaxd_work_numbers") == 0
        return (
            f"{statuses.count(200)} × 200, {statuses.count(503)} × 503; {probes.count} probes, the slowest in "
            f"{milliseconds(probes.worst)}; peak {process.peak() // 1024} MiB")


@test
def large_bodies_past_the_budget_get_503_too():
    with Service("--work-budget", "5000000") as service:
        process = Process(service)
        probes = Probes(service)
        with probes:
            answers = at_once(service, [rows_of(500_000)] * 16)
        statuses = [status for status, *_ in answers]
        assert statuses.count(200) >= 1 and set(statuses) <= {200, 503}, statuses
        assert all("retry-after" in fields for status, fields, *_ in answers if status == 503)
        assert probes.worst < 0.5, probes.worst
        assert gauge(service, "softmaxd_work_numbers") == 0
        return (
            f"{statuses.count(200)} × 200, {statuses.count(503)} × 503; the slowest probe in "
            f"{milliseconds(probes.worst)}; peak {process.peak() // 1024} MiB for 16 × 2 MB")


@test
def a_request_larger_than_the_whole_budget_is_refused_and_small_ones_are_not():
    with Service("--work-budget", "100000") as service:
        assert ask(service, jacobian_of(1000))[0] == 503
        assert ask(service, jacobian_of(50))[0] == 200


@test
def work_that_waits_too_long_gets_503_and_the_next_request_is_served():
    # Much in, little out: a long reply that has begun would be cut by the same deadline.
    body = rows_of(2_000_000).partition(b"\r\n\r\n")[2][:-1] + b',"form":"entries","entries":[[0,1]]}'
    with Service("--request-deadline", "0.3", "--compute-threads", "1") as service:
        probes = Probes(service)
        with probes:
            answers = at_once(service, [request("/jacobian", body)] * 12)
        statuses = [status for status, *_ in answers]
        assert 503 in statuses and set(statuses) <= {200, 503}, statuses
        begin = time.monotonic()
        assert ask(service, rows_of(10_000))[0] == 200
        took = time.monotonic() - begin
        assert took < 1, took
        assert gauge(service, "softmaxd_work_numbers") == 0
        assert probes.worst < 0.5, probes.worst
        return (
            f"{statuses.count(200)} × 200, {statuses.count(503)} × 503; the next one in {milliseconds(took)}; the "
            f"slowest probe in {milliseconds(probes.worst)}")


@test
def a_client_that_leaves_gives_its_budget_back():
    """Whether it resets or closes, before or within its reply."""
    large = jacobian_of(1500)
    cost = 1500 * 1500 + 1500
    with Service("--work-budget", str(2 * cost), "--write-deadline", "60") as service:
        worst = 0
        for end in ("reset", "close"):
            for started in (True, False):
                wires = [Wire(service, receive_buffer=4096) for _ in range(2)]
                for wire in wires:
                    wire.send(large)
                    if started:
                        assert wire.poll(5)
                wait_for(lambda: gauge(service, "softmaxd_work_numbers") == 2 * cost, "the budget is taken")
                assert ask(service, large)[0] == 503
                for wire in wires:
                    getattr(wire, end)()
                begin = time.monotonic()
                wait_for(lambda: gauge(service, "softmaxd_work_numbers") == 0, f"the budget back after {end}", 2)
                worst = max(worst, time.monotonic() - begin)
                assert ask(service, large)[0] == 200
        return f"after {milliseconds(worst)} at most"


@test
def queued_work_of_clients_that_left_is_not_done():
    with Service("--compute-threads", "1") as service:
        process = Process(service)
        body = rows_of(2_000_000)
        begin, first = time.monotonic(), process.cpu()
        assert ask(service, body)[0] == 200
        alone, spent = time.monotonic() - begin, process.cpu() - first
        wires = [Wire(service) for _ in range(20)]
        for wire in wires:
            wire.send(body)
        # A number is two bytes at least, or more once it is read.
        wait_for(lambda: gauge(service, "softmaxd_work_numbers") > 10 * 2_000_000, "they queue")
        for wire in wires:
            wire.reset()
        first = process.cpu()
        wait_for(lambda: gauge(service, "softmaxd_work_numbers") == 0, "all given up", 20 * alone)
        more = process.cpu() - first
        # What was being computed may be finished; not all that waited behind it.
        assert more < 5 * spent, (more, spent)
        return f"{more:.2f} s of processor time for 20 left alone, {spent:.2f} s for one answered"


if __name__ == "__main__":
    sys.exit(run_tests())
