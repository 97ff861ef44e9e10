"""What a process has used, and what it uses while something happens to it."""

import contextlib
import multiprocessing
import os
import re
import time


class Process:
    """What a process has used, from /proc."""

    def __init__(self, service):
        self.folder = f"/proc/{service.process.pid}"
        self.pid = service.process.pid

    def _memory(self, name):
        with open(f"{self.folder}/status", encoding="ascii") as file:
            return int(re.search(rf"{name}:\s+(\d+) kB", file.read()).group(1))

    def resident(self):
        """VmRSS in KiB."""
        return self._memory("VmRSS")

    def peak(self):
        """VmHWM in KiB: the most resident memory since the start or the last forget_peak()."""
        return self._memory("VmHWM")

    def forget_peak(self):
        with open(f"{self.folder}/clear_refs", "w", encoding="ascii") as file:
            file.write("5")

    def cpu(self):
        """Processor time of all threads, seconds."""
        with open(f"{self.folder}/stat", encoding="ascii") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def descriptors(self):
        return len(os.listdir(f"{self.folder}/fd"))

    def sockets(self):
        """Of the descriptors, those that are sockets."""
        count = 0
        for name in os.listdir(f"{self.folder}/fd"):
            with contextlib.suppress(FileNotFoundError):
                count += os.readlink(f"{self.folder}/fd/{name}").startswith("socket:")
        return count


class Sampler:
    """Looks at a process every 25 ms until left, from a process of its own.

    Afterwards `resident` is the most resident memory in KiB, `descriptors` the most open descriptors and `cpu` the
    processors it kept busy, 1 for one.
    """

    PERIOD = 0.025

    def __init__(self, process):
        self.process = process

    def __enter__(self):
        self.process.forget_peak()
        self.begin, self.spent = time.monotonic(), self.process.cpu()
        self.pipe, theirs = multiprocessing.Pipe()
        self.child = multiprocessing.Process(target=self._run, args=(theirs,), daemon=True)
        self.child.start()
        return self

    def __exit__(self, *_):
        self.pipe.send("stop")
        self.resident, self.descriptors = self.pipe.recv()
        self.child.join()
        try:
            self.cpu = (self.process.cpu() - self.spent) / (time.monotonic() - self.begin)
            # What was there for less than the period the kernel has seen.
            self.resident = max(self.resident, self.process.peak())
        except (OSError, AttributeError):
            # It has ended.
            self.cpu = 0.0

    def _run(self, pipe):
        resident = descriptors = 0
        while True:
            try:
                resident = max(resident, self.process.resident())
                descriptors = max(descriptors, self.process.descriptors())
            except (OSError, AttributeError):
                pass
            if pipe.poll(self.PERIOD):
                pipe.send((resident, descriptors))
                return
