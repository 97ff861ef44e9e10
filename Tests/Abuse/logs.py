"""Readers of the access log that leave or stall: the service goes on, and ends when it is told to. usage: see run."""

import contextlib
import fcntl
import os
import sys
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


if __name__ == "__main__":
    sys.exit(run_tests())
