"""What operators meet: standard streams, ports, processors, settings. Imported by clients.py."""

import collections
import contextlib
import csv
import fcntl
import http.client
import json
import os
import pathlib
import pty
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time

from service import SOFTMAXD, Service, test


def run(*arguments, **options):
    return subprocess.run([SOFTMAXD, *arguments], capture_output=True, text=True, timeout=30, **options)


def settings(*command):
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return dict(line.split("=", 1) for line in out.splitlines())


@contextlib.contextmanager
def started_together(command):
    """Two services that start at the same instant: those that listen. The other has ended with 71."""
    pair = [subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) for _ in range(2)]
    # The first line of each says whether it listens.
    lines = [process.stderr.readline() for process in pair]
    listening = [process for process, line in zip(pair, lines) if "listens on" in line]
    yield listening
    for process in pair:
        if process in listening:
            process.terminate()
        assert process.wait(35) == (0 if process in listening else 71), lines
        process.stderr.close()


@test
def of_two_services_that_start_at_the_same_instant_on_one_port_exactly_one_listens():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    both = neither = 0
    for _ in range(60):
        with started_together([SOFTMAXD, "--port", str(port), "--access-log", "off", "--loops", "2"]) as listening:
            both += len(listening) > 1
            neither += not listening
    assert (both, neither) == (0, 0), f"both {both}, neither {neither} of 60"


@test
def what_cannot_be_printed_is_a_failure_with_a_message():
    request = '{"logits":[1]}'
    for arguments in (["--print-config"], ["--help"], ["--version"], ["softmax"]):
        for redirection, reason in ((">/dev/full", "No space left on device"), (">&-", "Bad file descriptor")):
            failed = subprocess.run(
                ["sh", "-c", f'exec "$0" "$@" {redirection}', SOFTMAXD, *arguments], input=request,
                stderr=subprocess.PIPE, text=True, timeout=30)
            assert failed.returncode == 74, (arguments, redirection, failed)
            assert failed.stderr == f"softmaxd: cannot write to standard output: {reason}\n", failed.stderr


@test
def with_its_standard_streams_closed_no_connection_becomes_one():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(["sh", "-c", f'exec "$0" --port {port} <&- >&- 2>&-', SOFTMAXD])
    try:
        for _ in range(3000):
            try:
                client = socket.create_connection(("127.0.0.1", port), timeout=10)
                break
            except ConnectionRefusedError:
                assert process.poll() is None
        with client:
            for descriptor in range(3):
                assert os.readlink(f"/proc/{process.pid}/fd/{descriptor}") == "/dev/null"
            client.sendall(b"GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            received = b"".join(iter(lambda: client.recv(4096), b""))
            # Nothing of the access log behind the reply.
            assert received.endswith(b'{"status":"live"}'), received
    finally:
        process.terminate()
        assert process.wait(35) == 0


@test
def a_log_that_does_not_block_has_every_line_whole():
    source, target = os.pipe()
    fcntl.fcntl(target, fcntl.F_SETPIPE_SZ, 4096)
    os.set_blocking(target, False)
    text = []

    def read():
        with os.fdopen(source, "rb") as file:
            text.append(file.read())

    reader = threading.Thread(target=read)
    with Service(log=target) as service:
        os.close(target)
        requests = b"GET /version HTTP/1.1\r\nHost: a\r\n\r\n" * 3019
        requests += b"GET /version HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        with socket.create_connection(("127.0.0.1", service.port), timeout=60) as client:
            sender = threading.Thread(target=client.sendall, args=(requests,))
            sender.start()
            replies = b"".join(iter(lambda: client.recv(65536), b""))
            sender.join()
        # Only now does somebody read: the pipe has been full for long.
        reader.start()
        assert replies.count(b"HTTP/1.1 200") == 3020
        assert "\nsoftmaxd_log_lines_lost_total 0\n" in service.get("/metrics")[1]
    reader.join()
    paths = [json.loads(line)["path"] for line in text[0].splitlines()]
    assert paths.count("/version") == 3020, len(paths)


@test
def threads_are_as_many_as_the_processors_that_are_given():
    processor = min(os.sched_getaffinity(0))
    given = settings("taskset", "-c", str(processor), SOFTMAXD, "--print-config")
    assert (given["SOFTMAXD_LOOPS"], given["SOFTMAXD_COMPUTE_THREADS"]) == ("1", "1"), given
    set_by_hand = settings("taskset", "-c", str(processor), SOFTMAXD, "--print-config", "--loops", "3")
    assert set_by_hand["SOFTMAXD_LOOPS"] == "3"


def scheduling(service):
    """How many of its threads are of which class (field 41 of proc(5)'s stat) and niceness (field 19)."""
    counts = collections.Counter()
    for path in pathlib.Path(f"/proc/{service.process.pid}/task").glob("*/stat"):
        fields = path.read_text(encoding="ascii").rpartition(")")[2].split()
        counts[int(fields[41 - 3]), int(fields[19 - 3])] += 1
    return counts


@test
def only_compute_threads_give_way():
    normal = os.nice(0)
    for priority, given_way in (("idle", (5, 2)), ("low", (0, 10)), ("normal", (0, 2))):
        with Service("--compute-threads", "3", "--compute-priority", priority) as service:
            before = sum(scheduling(service).values())
            for classes in (1500, 20_000):
                # Small to read and large to write; large to read, on all threads.
                form = "dense" if classes == 1500 else "diagonal"
                assert service.post("/jacobian", {"logits": [0.5] * classes, "form": form})[0] == 200
            after = scheduling(service)
            assert after.pop(given_way) == 3 and sum(after.values()) >= before, (before, after)
            # The loops, the log, the signals and Dispatch's own.
            assert all(policy == 0 and niceness <= normal for policy, niceness in after), after
        # Timers, signals and the log are served while compute threads are there.
        assert len(service.records()) == 2


@test
def the_start_says_where_it_listens_and_what_is_short():
    with Service("--host", "[::1]", descriptors=200) as service:
        lines = service.error_text().splitlines()
        assert "1040 connections need 1296 open files" in lines[0] and "ulimit -n" in lines[0], lines
        assert re.fullmatch(r"softmaxd \S+ listens on \[::1\]:\d+", lines[1]), lines
        assert run("healthcheck", "--host", "[::1]", "--port", str(service.port)).returncode == 0
        assert run("--port", str(service.port), "--host", "::1", "healthcheck").returncode == 0
        assert run("healthcheck", "--port", str(service.port)).returncode == 1
    with Service(descriptors=1296) as service:
        assert len(service.error_text().splitlines()) == 1


@test
def unknown_variables_are_warned_of_and_those_of_kubernetes_are_not():
    environment = {
        **os.environ, "SOFTMAXD_METRICS_PORT": "tcp://10.0.0.1:80", "SOFTMAXD_CANARY_SERVICE_HOST": "10.0.0.1",
        "SOFTMAXD_MAXBODY": "5"}
    done = run("--print-config", env=environment)
    assert done.returncode == 0
    assert done.stderr == (
        "softmaxd: warning: SOFTMAXD_MAXBODY is not a variable this program knows and is ignored; "
        "the closest known one is SOFTMAXD_MAX_BODY\n"), done.stderr


@test
def a_health_check_finds_the_port_of_process_1():
    if os.geteuid() != 0 or subprocess.run(["unshare", "-pf", "--mount-proc", "true"], capture_output=True).returncode:
        return "not tried: needs a process namespace of its own"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        ["unshare", "-pf", "--mount-proc", SOFTMAXD, "--port", str(port), "--access-log", "off"],
        stderr=subprocess.PIPE, text=True)
    assert "listens on" in process.stderr.readline()
    # The service's own process, the child of unshare's.
    with open(f"/proc/{process.pid}/task/{process.pid}/children", encoding="ascii") as children:
        child = int(children.read().split()[0])
    inside = ["nsenter", "-t", str(child), "-p", "-m", SOFTMAXD, "healthcheck"]
    try:
        assert subprocess.run(inside, timeout=30).returncode == 0
        assert subprocess.run([*inside, "--port", "1"], stderr=subprocess.DEVNULL, timeout=30).returncode == 1
    finally:
        os.kill(child, 15)
        assert process.wait(35) == 0
        process.stderr.close()


@test
def the_log_names_agent_and_client_and_leaves_probes_out():
    with Service("--access-log", "requests", "--trusted-proxies", "127.0.0.0/8") as service:
        for path in ("/livez", "/version"):
            service.request("GET", path, fields={"User-Agent": "probe/1", "X-Forwarded-For": "9.9.9.9, 203.0.113.7"})
    records = service.records()
    assert [record["path"] for record in records] == ["/version"], records
    assert records[0]["client"] == "203.0.113.7" and records[0]["user_agent"] == "probe/1"
    assert records[0]["remote"].startswith("127.0.0.1:")


@test
def what_scripts_send_is_understood():
    """curl -d without a type, a byte order mark, a type with +json, a trailing slash, settings with units."""
    with Service("--max-body", "64k", "--idle-deadline", "500ms") as service:
        body = b'{"logits": [2, 1, 0]}'
        expected = service.post("/softmax", body)[1]
        for path, content, options in (
                ("/softmax", body, []), ("/softmax/", body, []), ("/softmax", b"\xef\xbb\xbf" + body, []),
                ("/softmax", body, ["-H", "Content-Type: application/vnd.api+json"])):
            out = subprocess.run(
                ["curl", "-sS", *options, "--data-binary", "@-", service.url + path], input=content, capture_output=True,
                check=True).stdout
            assert json.loads(out) == expected, (path, content, options, out)
        out = subprocess.run(
            ["curl", "-sS", "-d", "logits=2", "-w", " %{http_code}", service.url + "/softmax"], capture_output=True,
            text=True, check=True).stdout
        assert out.endswith(" 415") and "curl does with --json" in out, out
        status, problem, _ = service.post("/softmax", b" " * 65_537)
        assert (status, problem["limit"]) == (413, 65_536)
        idle = http.client.HTTPConnection("127.0.0.1", service.port, timeout=30)
        idle.request("GET", "/livez")
        idle.getresponse().read()
        assert idle.sock.recv(1) == b""


@test
def an_offline_error_is_a_sentence_on_a_terminal_and_json_elsewhere():
    request = b'{"logits": [[1, 2], [3, "x"]]}'
    for flags in ([], ["--json"]):
        master, terminal = pty.openpty()
        done = subprocess.run([SOFTMAXD, "softmax", *flags], input=request, stdout=subprocess.PIPE, stderr=terminal)
        os.close(terminal)
        said = os.read(master, 4096).decode()
        os.close(master)
        assert (done.returncode, done.stdout) == (65, b"")
        if flags:
            assert json.loads(said)["pointer"] == "/logits/1/1"
        else:
            assert said.startswith("softmaxd: standard input: ") and said.endswith(" (at /logits/1/1)\r\n"), said
    piped = run("softmax", input=request.decode())
    assert piped.returncode == 65 and json.loads(piped.stderr)["pointer"] == "/logits/1/1"


@test
def completions_complete_and_the_manual_page_renders():
    """Where the shells and groff are installed; bash always is."""
    script = run("completions", "bash").stdout
    complete = script + """
        complete_line() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _softmaxd; echo "${COMPREPLY[@]}"; }
        complete_line softmaxd jac; complete_line softmaxd --max-b; complete_line softmaxd --access-log ""
        complete_line softmaxd --port 8; complete_line softmaxd completions ""
    """
    out = subprocess.run(["bash", "-c", complete], capture_output=True, text=True, check=True).stdout
    assert out == "jacobian\n--max-body\non requests off\n\nbash zsh fish\n", out
    tried = ["bash"]
    for shell in ("zsh", "fish"):
        if shutil.which(shell):
            subprocess.run([shell, "-n"], input=run("completions", shell).stdout, text=True, check=True)
            tried.append(shell)
    if shutil.which("fish"):
        out = subprocess.run(
            ["fish", "-c", f"{run('completions', 'fish').stdout}; complete -C 'softmaxd --access-log '"],
            capture_output=True, text=True, check=True).stdout
        assert sorted(line.split("\t")[0] for line in out.splitlines()) == ["off", "on", "requests"], out
    if shutil.which("groff"):
        page = subprocess.run(
            ["groff", "-man", "-ww", "-Tascii", "-P-cbou"], input=run("man").stdout, capture_output=True, text=True, check=True)
        assert not page.stderr and "--max-body" in page.stdout, page.stderr
        tried.append("groff")
    return ", ".join(tried)


def serving(command, path, **options):
    """A service at a Unix domain socket that listens."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, **options)
    line = process.stderr.readline()
    assert line.endswith(f"listens on unix:{path}\n"), line
    return process


def ended(process, status=0):
    process.terminate()
    assert process.wait(35) == status
    process.stderr.close()


@test
def a_unix_domain_socket_serves_one_service_at_a_time_and_is_left_clean():
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/softmaxd.sock"
        command = [SOFTMAXD, "--host", f"unix:{path}", "--loops", "2", "--max-body", "1000"]
        body = b'{"logits": [2, 1, 0]}'

        def ask(*options, content=body, target="/softmax"):
            return subprocess.run(
                ["curl", "-sS", "--unix-socket", path, *options, "--data-binary", "@-", "http://localhost" + target],
                input=content, capture_output=True, check=True).stdout

        first = serving(command, path)
        expected = json.loads(run("softmax", input=body.decode()).stdout)
        for options in ([], ["--http1.0"], ["--http2-prior-knowledge"]):
            assert json.loads(ask(*options)) == expected
        # More than is kept of a body that is refused: it is read and discarded, so that the reply arrives.
        assert b'"limit":1000' in ask(content=b" " * 3_000_000)
        assert run("healthcheck", "--host", f"unix:{path}").returncode == 0
        second = run(*command[1:])
        assert second.returncode == 71 and "Address already in use" in second.stderr, second
        assert json.loads(ask()) == expected
        # What a killed service leaves is replaced; what a service ends with SIGTERM is gone.
        first.kill()
        first.wait()
        first.stderr.close()
        assert os.path.exists(path)
        ended(serving(command, path))
        assert not os.path.exists(path)
        # A file that is no socket is left alone.
        pathlib.Path(path).write_text("mine")
        assert run(*command[1:]).returncode == 71 and pathlib.Path(path).read_text() == "mine"
        os.unlink(path)
        for wrong in ("unix:" + folder + "/" + "x" * 120, "unix:/nonexistent/a.sock"):
            assert run("--host", wrong).returncode == 71
        assert run("--host", "unix:").returncode == 64
        # Of two that start at the same instant over a dead one's file exactly one listens.
        for _ in range(20):
            dead = socket.socket(socket.AF_UNIX)
            dead.bind(path)
            dead.close()
            with started_together(command) as listening:
                assert len(listening) == 1, listening
                assert json.loads(ask()) == expected
            assert not os.path.exists(path)


@test
def a_proxy_at_a_unix_domain_socket_may_name_the_client():
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/a.sock"
        for proxies, client in (("unix", "192.0.2.7"), ("10.0.0.0/8", None)):
            log = tempfile.TemporaryFile("w+")
            process = subprocess.Popen(
                [SOFTMAXD, "--host", f"unix:{path}", "--trusted-proxies", proxies], stdout=log, stderr=subprocess.PIPE,
                text=True)
            process.stderr.readline()
            subprocess.run(
                ["curl", "-sS", "--unix-socket", path, "-H", "X-Forwarded-For: 192.0.2.7", "http://localhost/version"],
                capture_output=True, check=True)
            ended(process)
            log.seek(0)
            line = json.loads(log.readline())
            assert (line["remote"], line.get("client")) == ("unix:", client), line


@test
def a_service_manager_passes_sockets_and_is_told_of_the_state():
    with tempfile.TemporaryDirectory() as folder, socket.socket() as tcp, socket.socket(socket.AF_UNIX) as local, \
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        tcp.bind(("127.0.0.1", 0))
        local.bind(f"{folder}/local.sock")
        manager.bind(f"{folder}/notify")
        manager.settimeout(30)
        for listener in (tcp, local):
            listener.listen(64)
        port = tcp.getsockname()[1]

        def start(*flags, **environment):
            # Descriptors 3 and 4, as systemd passes them, in a process that knows its own number.
            script = f'exec 3<&{tcp.fileno()} 4<&{local.fileno()}; LISTEN_PID=$$ exec "$0" "$@"'
            return subprocess.Popen(
                ["bash", "-c", script, SOFTMAXD, "--port", "1", *flags], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                text=True, pass_fds=(tcp.fileno(), local.fileno()),
                env={**os.environ, "LISTEN_FDS": "2", "NOTIFY_SOCKET": f"{folder}/notify", **environment})

        for generation in range(2):
            process = start("--loops", "2")
            assert process.stderr.readline().endswith(
                f"listens on 127.0.0.1:{port} and unix:{folder}/local.sock\n")
            assert manager.recv(4096).startswith(b"READY=1\nSTATUS=listens on ")
            for options in ([f"http://127.0.0.1:{port}/livez"],
                            ["--unix-socket", f"{folder}/local.sock", "http://localhost/livez"]):
                out = subprocess.run(["curl", "-sS", *options], capture_output=True, check=True).stdout
                assert out == b'{"status":"live"}', (generation, out)
            process.terminate()
            assert manager.recv(4096).startswith(b"STOPPING=1\n")
            assert process.wait(35) == 0
            process.stderr.close()
            # The sockets stay the manager's: a client that comes now is the next process's.
            assert os.path.exists(f"{folder}/local.sock")
            if generation == 0:
                waiting = socket.create_connection(("127.0.0.1", port), timeout=30)
                waiting.sendall(b"GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert b"200 OK" in b"".join(iter(lambda: waiting.recv(4096), b""))
        waiting.close()
        wrong = start(LISTEN_FDS="x")
        assert wrong.wait(30) == 64 and "LISTEN_FDS" in wrong.stderr.read()
        wrong.stderr.close()
        # A socket that is none, or that was meant for another process.
        wrong = start(LISTEN_FDS="3")
        assert wrong.wait(30) == 71 and "descriptor 5" in wrong.stderr.read()
        wrong.stderr.close()


HAPROXY = """
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
frontend front
    bind unix@{folder}/front.sock
    default_backend back
backend back
    option httpchk
    default-server inter 100ms
    server softmaxd 127.0.0.1:{port} check
    server nobody 127.0.0.1:1 check
global
    stats socket {folder}/stats.sock
"""


@test
def the_usual_health_checks_of_proxies_find_the_service_up():
    with Service() as service:
        # What HAProxy sends where `option httpchk` has no arguments, and what many monitors send.
        for line, status in (("OPTIONS / HTTP/1.0", b" 204 "), ("OPTIONS / HTTP/1.1\r\nHost: a", b" 204 "),
                             ("OPTIONS * HTTP/1.0", b" 204 "), ("HEAD / HTTP/1.0", b" 200 "), ("GET / HTTP/1.0", b" 200 ")):
            with socket.create_connection(("127.0.0.1", service.port), 30) as client:
                end = "" if "1.0" in line else "Connection: close\r\n"
                client.sendall(f"{line}\r\n{end}\r\n".encode())
                reply = b"".join(iter(lambda: client.recv(65536), b""))
            head, _, content = reply.partition(b"\r\n\r\n")
            assert status in head.split(b"\r\n")[0], (line, head)
            assert bool(content) == line.startswith("GET"), (line, content[:80])
            assert not line.startswith("OPTIONS") or b"Allow: GET, HEAD, OPTIONS" in head, head
        haproxy = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin")
        if not haproxy:
            return "without HAProxy, which is not installed"
        with tempfile.TemporaryDirectory() as folder:
            configuration = pathlib.Path(folder) / "haproxy.cfg"
            configuration.write_text(HAPROXY.format(folder=folder, port=service.port))
            process = subprocess.Popen([haproxy, "-db", "-q", "-f", str(configuration)], stderr=subprocess.DEVNULL)
            try:
                deadline, servers = time.monotonic() + 30, {}
                # Up from the start until a check has failed: what counts is that a check has passed.
                while servers.get("softmaxd") != ("UP", "L7OK", "204") or servers.get("nobody", "")[0] != "DOWN":
                    assert process.poll() is None and time.monotonic() < deadline, servers
                    time.sleep(0.02)
                    try:
                        with socket.socket(socket.AF_UNIX) as stats:
                            stats.connect(f"{folder}/stats.sock")
                            stats.sendall(b"show stat\n")
                            table = b"".join(iter(lambda: stats.recv(65536), b"")).decode()
                    except OSError:
                        continue
                    rows = list(csv.DictReader(table.removeprefix("# ").splitlines()))
                    servers = {row["svname"]: (row["status"], row["check_status"].lstrip("* "), row["check_code"])
                               for row in rows if row["pxname"] == "back"}
                out = subprocess.run(
                    ["curl", "-sS", "--unix-socket", f"{folder}/front.sock", "--json", '{"logits": [0]}',
                     "http://localhost/softmax"], capture_output=True, text=True, check=True).stdout
                assert json.loads(out) == {"probabilities": [1]}, out
            finally:
                process.terminate()
                process.wait(30)
        return "HAProxy too"
