"""What a server's processes have used, from /proc, and the system calls they make."""

import contextlib
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time

TICK = os.sysconf("SC_CLK_TCK")


def tree(pid):
    """The process and all below it."""
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid] + [descendant for child in children for descendant in tree(int(child))]


def processor_seconds(pid):
    """User and system time of the process and all below it."""
    user = system = 0
    for process in tree(pid):
        fields = pathlib.Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
        user, system = user + int(fields[11]), system + int(fields[12])
    return user / TICK, system / TICK


def memory(pid, name):
    """VmRSS, VmHWM or another line of /proc/PID/status of the process and all below it, KiB."""
    def of(process):
        found = re.search(rf"{name}:\s+(\d+) kB", pathlib.Path(f"/proc/{process}/status").read_text())
        return int(found.group(1))
    return sum(map(of, tree(pid)))


def forget_peak(pid):
    pathlib.Path(f"/proc/{pid}/clear_refs").write_text("5")


@contextlib.contextmanager
def counted_system_calls(pid):
    """Yields a list that holds the number of system calls made meanwhile once the `with` is left."""
    count = []
    with tempfile.NamedTemporaryFile("r") as report, tempfile.TemporaryFile("w+") as errors:
        pids = [argument for process in tree(pid) for argument in ("-p", str(process))]
        tracer = subprocess.Popen(["strace", "-f", "-c", "-U", "calls,name", "-o", report.name, *pids], stderr=errors)
        try:
            deadline = time.monotonic() + 5
            while os.pread(errors.fileno(), 1 << 16, 0).count(b"attached") < len(pids) // 2:
                if tracer.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit(f"strace: {os.pread(errors.fileno(), 1 << 16, 0).decode()}")
                time.sleep(0.01)
            yield count
        finally:
            if tracer.poll() is None:
                tracer.send_signal(signal.SIGINT)
            tracer.wait(10)
        total = next(line for line in report.read().splitlines() if line.endswith("total"))
        count.append(int(total.split()[0]))
