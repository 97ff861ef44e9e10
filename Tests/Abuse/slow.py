"""Slow, broken and many clients; drain and restart. usage: see run."""

import multiprocessing
import os
import signal
import statistics
import sys
import threading
import time

from h2wire import H2Wire
from process import Process
from second_client import SecondClient
from service import Service, run_tests, test
from wire import PROBABILITIES, SMALL, Wire, jacobian_of, milliseconds, request, wait_for

# The service's answer to what takes longer than a second.
FLAGS = ["--head-deadline", "1", "--body-deadline", "1", "--idle-deadline", "1", "--write-deadline", "1"]


def serves_another(service):
    """A second client is served within a second."""
    begin = time.monotonic()
    status, reply, _ = service.post("/softmax", {"logits": [0, 0]})
    assert (status, reply) == (200, {"probabilities": [0.5, 0.5]})
    assert time.monotonic() - begin < 1


def trickle(wire, data, pause, seconds):
    """Sends a byte at a time until all are sent, there is a reply, or the time is up; returns the seconds it took."""
    begin = time.monotonic()
    for byte in data:
        if not wire.send(bytes([byte])) or wire.poll() or wire.ended or time.monotonic() - begin > seconds:
            break
        time.sleep(pause)
    return time.monotonic() - begin


@test
def a_head_byte_by_byte_is_served_in_time_and_refused_after_its_deadline():
    with Service(*FLAGS) as service:
        with Wire(service) as wire:
            assert trickle(wire, SMALL, 0.001, 5) < 1
            assert wire.reply()[2] == PROBABILITIES
        with Wire(service) as wire:
            took = trickle(wire, SMALL, 0.05, 5)
            assert wire.reply()[0] == 408 and 0.9 < took < 1.6, took
            wire.read_to_end()
        serves_another(service)
        return f"408 after {took:.2f} s"


@test
def a_body_under_the_floor_rate_is_refused():
    with Service(*FLAGS) as service, Wire(service) as wire:
        wire.send(b"POST /softmax HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n")
        took = trickle(wire, b"[" * 2000, 0.02, 5)
        assert wire.reply()[0] == 408 and 0.9 < took < 2, took
        serves_another(service)
        return f"408 after {took:.2f} s"


@test
def silent_connections_are_closed_without_a_word():
    with Service(*FLAGS) as service:
        fresh = [Wire(service) for _ in range(100)]
        used = [Wire(service) for _ in range(100)]
        for wire in used:
            wire.send(SMALL)
            assert wire.reply()[0] == 200
        begin = time.monotonic()
        for wire in fresh + used:
            assert wire.read_to_end(3) == b"" and wire.ended == "closed"
        took = time.monotonic() - begin
        assert took < 2
        return f"200 closed after {took:.2f} s"


@test
def readers_that_never_read_are_closed_and_cost_little_memory():
    with Service(*FLAGS) as service:
        process = Process(service)
        serves_another(service)
        service.request("POST", "/jacobian", jacobian_of(300).partition(b"\r\n\r\n")[2])
        before, descriptors = process.resident(), process.descriptors()
        wires = [Wire(service, receive_buffer=4096) for _ in range(50)]
        process.forget_peak()
        for wire in wires:
            wire.send(jacobian_of(3000))
        time.sleep(0.5)
        serves_another(service)
        wait_for(lambda: process.descriptors() <= descriptors, "50 connections closed by the write deadline", 8)
        more = process.peak() - before
        for wire in wires:
            wire.close()
        # 50 replies of 180 MB; two pieces of 150 KiB each and what is waiting to be written.
        assert more < 50 * 1024, more
        assert service.get("/metrics")[1].count("softmaxd_work_numbers 0\n") == 1
        return f"at most {more // 1024} MiB for 50 × 180 MB"


@test
def half_closed_clients_get_their_reply_and_half_requests_end():
    with Service(*FLAGS) as service:
        for bytes_sent, count in ((SMALL, 1), (SMALL * 20, 20), (jacobian_of(400), 1)):
            with Wire(service) as wire:
                wire.send(bytes_sent)
                wire.half_close()
                for _ in range(count):
                    assert wire.reply()[0] == 200
                assert wire.read_to_end(2) == b"" and wire.ended == "closed"
        begin = time.monotonic()
        for bytes_sent in (b"", b"GET", SMALL[:-1], b"PRI * HTTP/2.0\r\n"):
            with Wire(service) as wire:
                wire.send(bytes_sent)
                wire.half_close()
                wire.read_to_end(0.9)
                assert wire.statuses() in ([], [b"400"], [b"505"]), wire.received
        assert time.monotonic() - begin < 0.9


@test
def resetting_clients_leave_nothing_behind():
    with Service() as service:
        process = Process(service)
        serves_another(service)
        descriptors = process.descriptors()
        large = jacobian_of(2000)
        for index in range(1000):
            wire = Wire(service)
            wire.send((b"", SMALL[:40], SMALL[:-3], SMALL * 3, large, large[:3000])[index % 6])
            wire.reset()
        wait_for(lambda: process.descriptors() <= descriptors + 1, "descriptors back", 5)
        assert "softmaxd_work_numbers 0\n" in service.get("/metrics")[1]
        serves_another(service)


@test
def a_thousand_aborted_replies_leave_nothing_behind():
    # A budget that holds ten of them: one in a hundred that were not given back would end in 503.
    with Service("--work-budget", "10200000") as service:
        process = Process(service)
        large = jacobian_of(1000)
        resident = None
        for index in range(1000):
            with Wire(service) as wire:
                wire.send(large)
                assert wire.poll(5), f"no reply to the {index}th"
                assert wire.received.startswith(b"HTTP/1.1 200"), wire.received[:300]
                if index % 2:
                    wire.reset()
            if index == 100:
                resident, descriptors = process.resident(), process.descriptors()
        wait_for(lambda: "softmaxd_work_numbers 0\n" in service.get("/metrics")[1], "the budget back")
        wait_for(lambda: process.descriptors() <= descriptors + 1, "descriptors back")
        more = process.resident() - resident
        assert more < 8 * 1024, more
        return f"{more} KiB more resident"


@test
def running_out_of_descriptors_never_spins_and_passes():
    with Service(descriptors=64) as service:
        process = Process(service)
        busy = Wire(service)
        busy.send(SMALL)
        assert busy.reply()[0] == 200
        wires = [Wire(service) for _ in range(200)]
        time.sleep(0.2)
        begin = process.cpu()
        time.sleep(2)
        spent = process.cpu() - begin
        assert process.descriptors() == 64, process.descriptors()
        assert spent < 0.1, f"{spent} s of processor time in 2 s of waiting"
        busy.send(SMALL)
        assert busy.reply(1)[0] == 200
        for wire in wires:
            wire.close()
        serves_another(service)
        busy.close()
        return f"{spent * 1000:.0f} ms of processor time in 2 s"


@test
def past_the_connection_limit_a_reserve_answers_the_probes():
    with Service("--max-connections", "50", "--reserved-connections", "4") as service:
        wires = [Wire(service) for _ in range(50)]
        for wire in wires:
            wire.send(SMALL)
            assert wire.reply()[2] == PROBABILITIES
            # In the midst of another request: one that is idle would be closed to make room.
            wire.send(SMALL[:20])
        for _ in range(20):
            assert service.get("/livez", timeout=1)[0] == service.get("/readyz", timeout=1)[0] == 200
        with Wire(service) as wire:
            wire.send(SMALL)
            status, fields, _ = wire.reply(1)
            assert status == 503 and fields["retry-after"] and fields["connection"] == "close"
            wire.read_to_end()
        # The whole reserve is taken: the next one waits in the backlog.
        reserve = [Wire(service) for _ in range(4)]
        time.sleep(0.1)
        waiting = Wire(service)
        waiting.send(request("/livez"))
        assert not waiting.poll(0.3)
        # Those who say nothing there lose their seat within a second, long before the head's deadline.
        assert waiting.reply(2)[0] == 200
        for wire in reserve + wires:
            wire.close()
        waiting.close()
        serves_another(service)


def hungry(service):
    """A client that keeps asking for large replies and reading them, until stopped or killed."""
    large = jacobian_of(1000)
    while True:
        with Wire(service) as wire:
            wire.send(large)
            wire.reply(60)


@test
def stopped_clients_do_not_move_the_others_latency():
    with Service("--write-deadline", "60") as service:
        rounds = []
        for _ in range(3):
            with SecondClient(service, pause=0.001, connections=["kept"]) as alone:
                time.sleep(2)
            children = [multiprocessing.Process(target=hungry, args=(service,), daemon=True) for _ in range(4)]
            for child in children:
                child.start()
            time.sleep(0.5)
            for child in children:
                os.kill(child.pid, signal.SIGSTOP)
            time.sleep(0.2)
            with SecondClient(service, pause=0.001, connections=["kept"]) as beside:
                time.sleep(2)
            for child in children:
                child.kill()
                child.join()
            rounds.append((alone.quantile(0.99), beside.quantile(0.99)))
        without, with_ = (statistics.median(column) for column in zip(*rounds))
        # Other work on the machine moves both; a loop that waited for a stopped client would take its 60 s.
        assert with_ < 2 * without + 0.002, rounds
        return f"p99 {milliseconds(without)} without, {milliseconds(with_)} beside 4 stopped clients"


class Load(threading.Thread):
    """Requests one after the other, on one connection or on a new one each, until the service takes no more.

    A request counts as sent once all of it is written to a connection that was established, and as answered once all
    of its reply has come. On a connection that was kept open, one that meets the end of the connection and not one byte
    of a reply is what RFC 9112 section 9.3.1 has clients repeat; it is counted by itself, as `late`.
    """

    def __init__(self, service, keep_alive, large=False):
        super().__init__()
        self.service, self.keep_alive = service, keep_alive
        self.request = jacobian_of(200) if large else SMALL
        self.sent = self.answered = self.lost = self.late = 0

    def run(self):
        while True:
            try:
                wire = Wire(self.service)
            except OSError:
                return
            with wire:
                if not self._use(wire):
                    return

    def _use(self, wire):
        count = 0
        while True:
            if not wire.send(self.request):
                # On a new connection that is a loss: it was accepted and then cut.
                self.late += count > 0
                self.lost += count == 0
                return count == 0
            self.sent += 1
            try:
                status, fields, content = wire.reply(20)
                assert status == 200 and content, status
                self.answered += 1
                count += 1
            except AssertionError:
                self.late += count > 0 and not wire.received
                self.lost += count == 0 or bool(wire.received)
                return True
            if fields.get("connection") == "close" or not self.keep_alive:
                return True


class H2Load(Load):
    """The same over HTTP/2, five requests at once.

    Streams above the last one of GOAWAY were not accepted, and the client is told so: they are `late`.
    """

    def run(self):
        body = self.request.partition(b"\r\n\r\n")[2]
        path = "/softmax" if self.request is SMALL else "/jacobian"
        while True:
            try:
                wire = H2Wire(self.service)
            except OSError:
                return
            with wire:
                stream = 1
                while wire.goaway is None and wire.ended is None:
                    streams = range(stream, stream + 10, 2)
                    stream += 10
                    if not wire.send(b"".join(wire.post(each, path, body) for each in streams)):
                        # On a new connection that is a loss: it was accepted and then cut.
                        self.lost += stream == 11
                        break
                    self.sent += 5
                    wire.until(lambda: all(each in wire.done for each in streams), 20)
                    for each in streams:
                        if each in wire.done and wire.status[each] == 200:
                            self.answered += 1
                        elif wire.last_stream is not None and each > wire.last_stream:
                            self.late += 1
                        else:
                            self.lost += 1


@test
def sigterm_under_load_loses_no_request():
    totals = [0, 0, 0, 0]
    rounds = 20
    for _ in range(rounds):
        with Service() as service:
            load = [
                (Load, Load, H2Load)[index % 3](service, keep_alive=index % 3 == 0, large=index > 5)
                for index in range(9)]
            for client in load:
                client.start()
            time.sleep(0.3)
            service.process.terminate()
            begin = time.monotonic()
            assert service.process.wait(10) == 0
            took = time.monotonic() - begin
            for client in load:
                client.join(30)
                totals = [a + b for a, b in zip(totals, (client.sent, client.answered, client.lost, client.late))]
    sent, answered, lost, late = totals
    assert lost == late == 0 and sent == answered, totals
    return f"{rounds} drains: sent {sent}, answered {answered}, lost {lost}; the last took {took:.2f} s"


@test
def a_second_sigterm_ends_at_once():
    with Service() as service:
        with Wire(service, receive_buffer=4096) as wire:
            wire.send(jacobian_of(3000))
            assert wire.poll(5)
            service.process.terminate()
            time.sleep(0.5)
            assert service.process.poll() is None, "the first one did not wait for the reply"
            begin = time.monotonic()
            service.process.terminate()
            assert service.process.wait(2) == 0
            return f"after {milliseconds(time.monotonic() - begin)}"


@test
def killed_and_started_again_it_serves_at_once():
    with Service() as service:
        wires = [Wire(service) for _ in range(50)]
        for wire in wires:
            wire.send(SMALL)
            assert wire.reply()[0] == 200
        wires[0].send(jacobian_of(3000))
        assert wires[0].poll(5)
        service.kill()
        begin = time.monotonic()
        with Service(port=service.port) as again:
            serves_another(again)
            took = time.monotonic() - begin
            assert took < 1, took
        for wire in wires:
            wire.close()
        return f"first reply {milliseconds(took)} after the new start"


@test
def readiness_ends_with_sigterm_while_connections_are_still_taken():
    with Service("--drain-delay", "1") as service:
        assert service.get("/readyz")[0] == 200
        service.process.terminate()
        wait_for(lambda: service.get("/readyz", timeout=1)[0] == 503, "/readyz is 503", 0.5)
        assert service.get("/livez")[0] == 200
        serves_another(service)
        assert service.process.wait(10) == 0


if __name__ == "__main__":
    sys.exit(run_tests())
