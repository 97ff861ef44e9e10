"""Processor time of one small request, beside nginx `return 200` and a minimal C epoll server, in one run.

usage: small_request.py SOFTMAXD EPOLL-SERVER [--rounds N] [--seconds S] [--json FILE]

Every server gets the same bytes: a POST of one sample of 10 logits over 64 keep-alive connections of wrk. Rounds are
interleaved A B C A B C so that a machine whose speed drifts slows all alike. The figure is user + system time of the
server's processes from /proc/PID/stat divided by the requests that wrk counted; system calls are counted in a short run
of their own under strace, where that is installed, because tracing slows a server down.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

BODY = json.dumps({"logits": [0.3, -1.25, 2.5, 0.125, -0.7, 1.1, 3.75, -2.2, 0.9, 1.6]})


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port: int) -> None:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"nothing listens on port {port}")


def ask(port: int) -> bytes:
    request = f"POST /softmax HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {len(BODY)}\r\nConnection: close\r\n\r\n{BODY}"
    with socket.create_connection(("127.0.0.1", port), 2) as connection:
        connection.settimeout(2)
        connection.sendall(request.encode())
        reply = b""
        while chunk := connection.recv(65536):
            reply += chunk
    return reply


def tree(pid: int) -> list[int]:
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid] + [descendant for child in children for descendant in tree(int(child))]


def processor_seconds(pid: int) -> float:
    ticks = 0
    for process in tree(pid):
        fields = pathlib.Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


class Peer:
    def __init__(self, name: str, port: int, command: list[str]):
        self.name, self.port, self.samples, self.syscalls = name, port, [], None
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def load(self, script: str, seconds: float) -> tuple[int, float]:
        before = processor_seconds(self.process.pid)
        out = subprocess.run(
            ["wrk", "-t1", "-c64", f"-d{seconds}s", "-s", script, f"http://127.0.0.1:{self.port}/softmax"],
            capture_output=True, text=True, check=True).stdout
        used = processor_seconds(self.process.pid) - before
        if "Non-2xx" in out or "Socket errors" in out:
            raise SystemExit(f"{self.name}: {out}")
        requests = int(re.search(r"(\d+) requests in", out).group(1))
        return requests, used

    def trace(self, script: str) -> None:
        pids = [argument for pid in tree(self.process.pid) for argument in ("-p", str(pid))]
        with tempfile.NamedTemporaryFile("r") as report:
            tracer = subprocess.Popen(
                ["strace", "-f", "-c", "-o", report.name, *pids], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(0.5)
            requests, _ = self.load(script, 2)
            tracer.send_signal(signal.SIGINT)
            tracer.wait(10)
            total = [line for line in report.read().splitlines() if line.endswith("total")]
        if total:
            numbers = [field for field in total[0].split() if field.isdigit()]
            self.syscalls = int(numbers[1 if len(numbers) > 1 else 0]) / requests


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("softmaxd")
    parser.add_argument("epoll_server")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--json")
    arguments = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        script = os.path.join(folder, "post.lua")
        pathlib.Path(script).write_text(
            f"wrk.method = 'POST'\nwrk.body = [[{BODY}]]\nwrk.headers['Content-Type'] = 'application/json'\n")
        ports = [free_port() for _ in range(3)]
        pathlib.Path(f"{folder}/nginx.conf").write_text(
            f"worker_processes auto; daemon off; pid {folder}/pid; error_log {folder}/error.log;\n"
            f"events {{ worker_connections 1024; }}\n"
            f"http {{ access_log off; keepalive_requests 1000000000; client_body_temp_path {folder}; proxy_temp_path {folder};"
            f" fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};\n"
            f" server {{ listen 127.0.0.1:{ports[1]} reuseport; location / {{ default_type application/json; return 200 '{'x' * 210}'; }} }} }}\n")
        peers = [
            Peer("softmaxd", ports[0], [arguments.softmaxd, "--port", str(ports[0])]),
            Peer("nginx return 200", ports[1], [shutil.which("nginx") or "/usr/sbin/nginx", "-p", folder, "-c", f"{folder}/nginx.conf"]),
            Peer("minimal C epoll", ports[2], [arguments.epoll_server, str(ports[2]), "210"]),
        ]
        try:
            for peer in peers:
                wait_for(peer.port)
            reply = ask(ports[0])
            if b"200 OK" not in reply or b'"probabilities":[' not in reply:
                raise SystemExit(f"softmaxd answered {reply!r}")
            for peer in peers:
                peer.load(script, 1)
            for _ in range(arguments.rounds):
                for peer in peers:
                    requests, used = peer.load(script, arguments.seconds)
                    peer.samples.append(used / requests * 1e6)
            if shutil.which("strace"):
                for peer in peers:
                    peer.trace(script)
        finally:
            for peer in peers:
                peer.process.terminate()
                peer.process.wait(10)

    ours = statistics.median(peers[0].samples)
    print("| 1x10 request, 64 connections | CPU-µs, median | min | max | softmaxd / it | system calls |")
    print("|---|---|---|---|---|---|")
    for peer in peers:
        median = statistics.median(peer.samples)
        calls = "-" if peer.syscalls is None else f"{peer.syscalls:.2f}"
        print(f"| {peer.name} | {median:.1f} | {min(peer.samples):.1f} | {max(peer.samples):.1f} | {ours / median:.2f} | {calls} |")
    if arguments.json:
        figures = {peer.name: {"cpu_us": peer.samples, "syscalls": peer.syscalls} for peer in peers}
        pathlib.Path(arguments.json).write_text(json.dumps(figures, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
