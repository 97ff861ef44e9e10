"""softmaxd and its peers, each on a free port of 127.0.0.1 for the length of a `with`."""

import http.client
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time

from report import versions

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILT = ROOT / ".build/benchmarks"
SOFTMAXD = ROOT / ".build/release/softmaxd"
VENV = BUILT / "venv/bin"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A server and what it needs: started on entry, ended on exit."""

    # Whether it computes what it is asked for.
    computes = True

    def __init__(self, name, command, remark="", environment=None, log=subprocess.DEVNULL):
        """command: a function of the port and of a folder that is there as long as the server is."""
        self.name, self.remark, self.command, self.log = name, remark, command, log
        self.environment = {**os.environ, **(environment or {})}

    def spawn(self):
        """Starts it without waiting."""
        self.folder = tempfile.TemporaryDirectory()
        self.port = free_port()
        # Kept for what it says when it fails.
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            self.command(self.port, self.folder.name), stdout=self.log, stderr=self.errors, env=self.environment)
        self.pid = self.process.pid

    def __enter__(self):
        self.spawn()
        deadline = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    self.__exit__()
                    raise SystemExit(f"{self.name} does not serve:\n{self.said()}")
                time.sleep(0.02)

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.folder.cleanup()

    def said(self):
        return os.pread(self.errors.fileno(), 1 << 16, 0).decode()

    def ask(self, path, body):
        """The content of the reply to a POST."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            connection.request("POST", path, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            content = response.read()
            if response.status != 200:
                raise SystemExit(f"{self.name} answered {response.status}: {content[:500]}")
            return content
        finally:
            connection.close()


class Fixed(Server):
    """One that computes nothing and always gives the same answer: a floor."""

    computes = False


def _of(*names):
    """Those names with their versions: what a peer is made of."""
    return ", ".join(f"{name} {versions().get(name.lower(), 'unknown')}" for name in names)


def softmaxd(*flags, name=None, **options):
    name = name or " ".join(["softmaxd", *flags])
    remark = "reads, checks, computes and prints; access log on unless it says off" if name == "softmaxd" else ""
    return Server(name, lambda port, _: [str(SOFTMAXD), "--port", str(port), *flags], remark, **options)


def nginx(reply_size, http2=False, single=False):
    """reply_size: bytes that it answers with. single: one process, for tools that follow no other."""
    def command(port, folder):
        paths = "".join(
            f" {kind}_temp_path {folder};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        processes = "worker_processes 1; master_process off" if single else "worker_processes auto"
        configuration = (
            f"{processes}; daemon off; pid {folder}/pid; error_log {folder}/error.log;\n"
            "events { worker_connections 1024; }\n"
            f"http {{ access_log off; keepalive_requests 1000000000;{paths} client_max_body_size 0;\n"
            f" server {{ listen 127.0.0.1:{port} {'http2 ' if http2 else ''}reuseport; location / {{"
            f" default_type application/json; return 200 '{'x' * reply_size}'; }} }} }}\n")
        pathlib.Path(folder, "nginx.conf").write_text(configuration)
        # Its workers run as another user.
        os.chmod(folder, 0o755)
        return [shutil.which("nginx"), "-p", folder, "-e", f"{folder}/error.log", "-c", f"{folder}/nginx.conf"]

    return Fixed(
        "nginx `return 200`", command, _of("nginx") + "; C, a worker a core, no log; parses and computes nothing")


def epoll(reply_size):
    return Fixed(
        "minimal C epoll server", lambda port, _: [str(BUILT / "epoll-server"), str(port), str(reply_size)],
        "one thread, no log; parses and computes nothing")


def nghttpd(reply_size):
    def command(port, folder):
        pathlib.Path(folder, "softmax").write_text("x" * reply_size)
        return [shutil.which("nghttpd"), "--no-tls", "-a", "127.0.0.1", "-d", folder, str(port)]

    return Fixed("nghttpd, a file", command, _of("nghttp2") + "; C, one thread, no log; computes nothing")


# The peers import each other's code from here, and leave nothing behind.
PYTHON = {"PYTHONPATH": str(HERE), "PYTHONDONTWRITEBYTECODE": "1"}


def fastapi():
    return Server(
        "FastAPI", lambda port, _: [
            sys.executable, "-m", "uvicorn", "peer_fastapi:app", "--port", str(port), "--no-access-log",
            "--log-level", "warning", "--loop", "uvloop", "--http", "httptools"],
        _of("FastAPI", "Starlette", "uvicorn", "uvloop", "httptools", "orjson", "NumPy", "Python")
        + "; bytes in and out, one process, no log", PYTHON)


def granian():
    return Server(
        "granian, raw ASGI", lambda port, _: [
            str(VENV / "granian"), "peer_asgi:app", "--interface", "asgi", "--port", str(port), "--no-ws",
            "--log-level", "warning", "--loop", "uvloop"],
        _of("granian", "uvloop", "orjson", "NumPy", "Python") + "; HTTP in Rust, one worker process, no log", PYTHON)


def go():
    return Server(
        "Go net/http", lambda port, _: [str(BUILT / "peer-go"), str(port)],
        _of("Go") + "; net/http, encoding/json in, strconv.AppendFloat out, GOMAXPROCS = cores, no log")


def node():
    return Server(
        "Node.js http", lambda port, _: [shutil.which("node"), str(HERE / "peer_node.js"), str(port)],
        f"Node.js {versions()['node']}; node:http, JSON.parse in, JSON.stringify out, one process, no log")
