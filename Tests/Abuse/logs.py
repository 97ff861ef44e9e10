"""Readers of the access log that leave or stall: the service goes on, and ends when it is told to. usage: see run."""

import contextlib
import fcntl
import json
import os
import re
import sys
import threading
import time

from service import Service, run_tests, test
from wire import PROBABILITIES, SMALL, Wire, milliseconds


@contextlib.contextmanager
def served_with_a_log():
    """A service and the end of the pipe that its log can be read from."""
    source, target = os.pipe()
    # As little as the kernel allows: soon full.
    fcntl.fcntl(target, fcntl.F_SETPIPE_SZ, 4096)
    with Service(log=target) as service:
        os.close(target)
        yield service, source


def ask(service, count):
    with Wire(service) as wire:
        for _ in range(count):
            wire.send(SMALL)
            status, _, content = wire.reply()
            assert (status, content) == (200, PROBABILITIES), (status, content)


@test
def a_log_reader_that_leaves_is_no_reason_to_end():
    with served_with_a_log() as (service, source):
        ask(service, 1)
        os.close(source)
        for _ in range(3):
            ask(service, 10)
            # Longer than lines wait to be written together.
            time.sleep(0.3)
        assert service.process.poll() is None, service.error_text()


def ends(signals):
    """Seconds that a service whose log nobody reads takes to end after so many SIGTERMs."""
    with served_with_a_log() as (service, source):
        ask(service, 200)
        time.sleep(0.3)
        ask(service, 200)
        begin = time.monotonic()
        for _ in range(signals):
            service.process.terminate()
            time.sleep(0.02)
        assert service.process.wait(10) == 0
        os.close(source)
        return time.monotonic() - begin


@test
def a_log_reader_that_stalls_does_not_keep_the_service_from_ending():
    return f"after {milliseconds(ends(1))}; with a second SIGTERM after {milliseconds(ends(2))}"


LOST = "softmaxd_log_lines_lost_total"


class Lines:
    """The lines of a log that was read to its end: requests, and notes about lines that are lost. All are whole."""

    def __init__(self, text):
        assert text.endswith(b"\n"), f"torn at the end: {text[-200:]}"
        records = []
        for line in text.splitlines():
            try:
                records.append(json.loads(line))
            except ValueError:
                raise AssertionError(f"no whole line: {line[:600]}") from None
        self.requests = [record for record in records if "status" in record]
        self.others = [record for record in records if "status" not in record]


@contextlib.contextmanager
def served_with_an_output_that_does_not_block(size):
    """The same with O_NONBLOCK on standard output, as a parent that multiplexes leaves it, and `size` bytes of pipe."""
    source, target = os.pipe()
    fcntl.fcntl(target, fcntl.F_SETPIPE_SZ, size)
    os.set_blocking(target, False)
    with Service(log=target) as service:
        os.close(target)
        yield service, source


def pipelined(service, count):
    with Wire(service) as wire:
        for _ in range(count // 20):
            wire.send(SMALL * 20)
            for _ in range(20):
                assert wire.reply()[0] == 200


@test
def an_output_that_does_not_block_gets_every_line_whole():
    """Its reader is slower than the service for a while, and takes everything."""
    text = bytearray()

    def read():
        while piece := os.read(source, 4096):
            text.extend(piece)
            time.sleep(0.001)

    with served_with_an_output_that_does_not_block(4096) as (service, source):
        reader = threading.Thread(target=read)
        reader.start()
        pipelined(service, 3020)
        lost = metric(service, LOST)
    reader.join(30)
    os.close(source)
    lines = Lines(text)
    # And one for /metrics.
    assert lost == 0 and len(lines.requests) == 3021, (lost, len(lines.requests))
    return f"{len(lines.requests)} whole lines"


@test
def lines_that_an_output_does_not_take_are_counted_and_told():
    """Nobody reads for a while: what is lost then is neither torn nor unseen."""
    with served_with_an_output_that_does_not_block(65536) as (service, source):
        # Far more than the 4 MiB that may wait.
        pipelined(service, 40_000)
        lost = metric(service, LOST)
        text = bytearray()

        def read():
            while piece := os.read(source, 1 << 16):
                text.extend(piece)

        reader = threading.Thread(target=read)
        reader.start()
        asked = 40_001
        while b"log lines dropped" not in text and asked < 60_000:
            pipelined(service, 20)
            asked += 20
            time.sleep(0.02)
        after = metric(service, LOST)
    reader.join(30)
    os.close(source)
    lines = Lines(text)
    told = sum(record["count"] for record in lines.others if "dropped" in record["message"])
    assert None not in (lost, after), f"no {LOST} in /metrics"
    assert lost > 0 and told == after >= lost, (lost, after, told)
    assert len(lines.requests) + after == asked + 1, (len(lines.requests), after, asked)
    return f"{len(lines.requests)} whole lines, {after} lost and said to be"


def metric(service, name):
    """None where there is no such metric: the log is looked at first."""
    found = re.search(rf"^{name} (\d+)$", service.get("/metrics")[1], re.M)
    return int(found.group(1)) if found else None


if __name__ == "__main__":
    sys.exit(run_tests())
