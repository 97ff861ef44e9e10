"""Mixed traffic for some minutes; every reply is checked. usage: soak.py PATH-OF-SOFTMAXD MINUTES; see run."""

import json
import multiprocessing
import os
import sys
import threading
import time
from collections import Counter

from mixture import HTTP1Client, HTTP2Client, bytes_of
from process import Process
from service import Service
from traffic import corpus
from wire import Wire, eventually

CLIENTS = [HTTP1Client, HTTP1Client, HTTP1Client, HTTP2Client, HTTP2Client]
# KiB that resident memory may grow after the first tenth of the time: the allocator's slack.
GROWTH = 24 * 1024
# A sanitizer's build keeps memory for itself: see run.
INSTRUMENTED = os.environ.get("INSTRUMENTED") == "1"


class LogReader(threading.Thread):
    """Reads the access log as it comes and looks at every line."""

    def __init__(self):
        super().__init__(daemon=True)
        self.source, self.target = os.pipe()
        self.lines, self.statuses, self.faults = 0, Counter(), []

    def run(self):
        with open(self.source, encoding="utf-8") as log:
            for line in log:
                self.lines += 1
                try:
                    record = json.loads(line)
                    # Of these clients only those that send noise are ended, and for that alone.
                    if record.get("message") == "connection ended" and record["reason"] == "protocol-error":
                        continue
                    self.statuses[record["status"]] += 1
                    if record["status"] == 0 and "incomplete" not in record or record["status"] >= 500 and (
                            record["status"] not in (501, 505)):
                        self.faults.append(line)
                except (ValueError, KeyError):
                    self.faults.append(line)


def learn(service, cases):
    """Checks each case's first reply, which all others are held to."""
    faults = []
    with Wire(service) as wire:
        for case in cases:
            wire.send(bytes_of(case))
            status, _, content = wire.reply()
            faults.append(case.fault(status, content))
            case.content = content
    return [fault for fault in faults if fault]


def work(pipe, kind, service, cases, seed, until):
    pipe.send(kind(service, cases, seed).run(until))


def main():
    minutes = float(sys.argv[2])
    log = LogReader()
    checks = {}
    with Service(log=log.target) as service:
        os.close(log.target)
        log.start()
        process = Process(service)
        cases = corpus(1)
        faults = learn(service, cases)
        descriptors = process.descriptors()
        begin = time.monotonic()
        until = begin + 60 * minutes
        pipes = []
        for index, kind in enumerate(CLIENTS):
            pipe, theirs = multiprocessing.Pipe()
            multiprocessing.Process(
                target=work, args=(theirs, kind, service, cases, time.time_ns() + index, until), daemon=True).start()
            theirs.close()
            pipes.append(pipe)
        early, samples = None, []
        while time.monotonic() < until and service.process.poll() is None:
            time.sleep(min(1, max(0.01, until - time.monotonic())))
            samples.append(process.resident() if service.process.poll() is None else 0)
            if early is None and time.monotonic() - begin > 6 * minutes:
                early = max(samples)
        counts = Counter()
        for pipe in pipes:
            try:
                counted, wrong = pipe.recv() if pipe.poll(120) else (Counter(), ["a client did not end"])
            except EOFError:
                counted, wrong = Counter(), ["a client failed"]
            counts += counted
            faults += wrong
        checks["every reply is right"] = faults
        if service.process.poll() is None:
            checks["no descriptor is left open"] = [] if eventually(
                # One more for the timer that Dispatch makes with its first delayed work.
                lambda: process.descriptors() <= descriptors + 1, 15) else [process.descriptors() - descriptors]
            with Wire(service) as wire:
                wire.send(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
                metrics = wire.reply()[2]
            checks["no work is left over"] = [] if b"\nsoftmaxd_work_numbers 0\n" in metrics else [metrics]
            late = process.resident()
            checks["memory does not grow"] = [] if INSTRUMENTED or late - early < GROWTH else [f"{early} to {late} KiB"]
            peak, cpu = process.peak(), process.cpu()
        else:
            checks["the service lives"] = [service.error_text()]
            early = late = peak = cpu = 0
    log.join(10)
    checks["the log holds no failure"] = log.faults
    said = service.error_text().partition("\n")[2]
    checks["nothing is said on standard error"] = [said] if said else []
    for name, wrong in checks.items():
        print(f"{'FAIL' if wrong else 'ok  '}  {name}" + "".join(f"\n      {fault}" for fault in wrong[:20]))
    activities = ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
    print(
        f"{minutes:g} minutes: {sum(counts.values())} checks ({activities}); {log.lines} log lines; resident "
        f"{early // 1024} MiB early, {late // 1024} at the end, {peak // 1024} at most; {cpu:.0f} s of processor time")
    failed = sum(bool(wrong) for wrong in checks.values())
    print(f"{len(checks) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
