"""softmaxd as a child process, and the few lines that run tests in Python. SOFTMAXD is the script's first argument."""

import http.client
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
import traceback

SOFTMAXD = os.path.abspath(sys.argv[1])
ROOT = pathlib.Path(__file__).resolve().parents[2]
TESTS = []


def test(function):
    TESTS.append(function)
    return function


def run_tests():
    """Runs every @test, prints "N passed, N failed", returns the exit status."""
    failures = 0
    for function in TESTS:
        name = function.__name__.replace("_", " ")
        try:
            remark = function()
            print(f"ok    {name}" + (f": {remark}" if remark else ""), flush=True)
        except Exception:
            failures += 1
            print(f"FAIL  {name}\n{traceback.format_exc()}", flush=True)
    print(f"{len(TESTS) - failures} passed, {failures} failed", flush=True)
    return 1 if failures else 0


class Service:
    """softmaxd on a free port, for the length of a `with`; afterwards it has ended with status 0."""

    def __init__(self, *flags, port=0, descriptors=None, log=None):
        """descriptors: its limit of open files. log: where its standard output goes, for a reader of its own."""
        self.command = [SOFTMAXD, "--port", str(port), *flags]
        if descriptors:
            self.command = ["prlimit", f"--nofile={descriptors}:{descriptors}", *self.command]
        self.log = log or tempfile.TemporaryFile("w+")
        self.errors = tempfile.TemporaryFile("w+")

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdout=self.log, stderr=self.errors, text=True)
        deadline = time.monotonic() + 30
        while not (listening := re.search(r":(\d+)\n", self.error_text())):
            assert self.process.poll() is None and time.monotonic() < deadline, self.error_text()
            time.sleep(0.002)
        self.port = int(listening.group(1))
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
        assert self.process.wait(35) == 0, f"softmaxd ended with {self.process.returncode}\n{self.error_text()}"

    def kill(self):
        """SIGKILL: the `with` is left without a look at the status."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.returncode = 0

    def error_text(self):
        """All of its standard error so far."""
        return os.pread(self.errors.fileno(), 1 << 20, 0).decode()

    def records(self):
        self.log.seek(0)
        return [json.loads(line) for line in self.log]

    def post(self, path, body, **fields):
        text = body if isinstance(body, (bytes, str)) else json.dumps(body)
        response, content = self.request("POST", path, text, {"Content-Type": "application/json", **fields})
        return response.status, json.loads(content), response

    def get(self, path, timeout=60):
        response, content = self.request("GET", path, timeout=timeout)
        return response.status, content.decode()

    def request(self, method, path, body=None, fields={}, timeout=60):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, body, fields)
            response = connection.getresponse()
            return response, response.read()
        finally:
            connection.close()
