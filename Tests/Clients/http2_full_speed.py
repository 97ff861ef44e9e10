"""HTTP/2 clients that others wrote, at full speed: no request may be lost. usage: http2_full_speed.py PATH-OF-SOFTMAXD [SECONDS]

Each runs for SECONDS (60 where none are given) on connections that it keeps: HAProxy between clients of HTTP/1.1 and the
service, h2load, nghttp, curl, Node and Go. What a client is refused or does not get an answer to is lost; so is a
connection that the service ends for what the client sent.
"""

import concurrent.futures
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

from service import Service, run_tests, test

SECONDS = int(sys.argv[2]) if len(sys.argv) > 2 else 60
HERE = pathlib.Path(__file__).resolve().parent / "http2"
SMALL = '{"logits":[2,1,0]}'
HAPROXY = """
defaults
    mode http
    retries 0
    timeout connect 5s
    timeout client 30s
    timeout server 30s
frontend front
    bind 127.0.0.1:{front}
    default_backend back
backend back
    http-reuse always
    server softmaxd 127.0.0.1:{back} proto h2
"""


def run(*command, environment={}):
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=SECONDS + 120, env={**os.environ, **environment})
    assert done.returncode == 0, f"{command[0]} ended with {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def check_nobody_was_cut_off(service):
    _, metrics = service.get("/metrics")
    ended = re.findall(r"^softmaxd_connections_ended_total\{reason=\"(.+)\"\} (\d+)$", metrics, re.MULTILINE)
    assert ended, metrics
    assert all(count == "0" for _, count in ended), ended


def ask_until(end, port):
    """Requests answered on one connection of HTTP/1.1; every reply has to be a 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    requests = 0
    while time.monotonic() < end:
        connection.request("POST", "/softmax", SMALL, {"Content-Type": "application/json"})
        response = connection.getresponse()
        content = response.read()
        assert response.status == 200 and b"probabilities" in content, (response.status, content, requests)
        requests += 1
    connection.close()
    return requests


def h2load(url, *options):
    """Requests that h2load got an answer to; all of them have to be 2xx."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as body:
        body.write(SMALL)
        body.flush()
        out = run(
            "h2load", "-D", str(SECONDS), "-d", body.name, "-H", "content-type: application/json", *options,
            url + "/softmax")
    counts = re.search(r"requests: .* (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout", out)
    codes = re.search(r"status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", out)
    assert counts and codes, out
    assert counts.group(2, 3, 4) == ("0", "0", "0") and codes.group(2, 3, 4) == ("0", "0", "0"), out
    assert int(counts.group(1)) > 0, out
    return f"{counts.group(1)} requests, 0 lost"


@test
def haproxy_with_h2_to_the_service():
    with Service() as service, tempfile.TemporaryDirectory() as folder:
        front = free_port()
        path = pathlib.Path(folder) / "haproxy.cfg"
        path.write_text(HAPROXY.format(front=front, back=service.port))
        haproxy = subprocess.Popen(["haproxy", "-db", "-q", "-f", str(path)])
        try:
            deadline = time.monotonic() + 10
            while True:
                assert haproxy.poll() is None and time.monotonic() < deadline, "HAProxy does not listen"
                try:
                    socket.create_connection(("127.0.0.1", front)).close()
                    break
                except ConnectionRefusedError:
                    time.sleep(0.01)
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                end = time.monotonic() + SECONDS
                requests = sum(pool.map(lambda _: ask_until(end, front), range(8)))
        finally:
            haproxy.send_signal(signal.SIGTERM)
            haproxy.wait(10)
        check_nobody_was_cut_off(service)
        return f"{requests} requests, 0 lost"


@test
def h2load_on_many_streams():
    with Service() as service:
        remark = h2load(service.url, "-c", "4", "-m", "50")
        check_nobody_was_cut_off(service)
        return remark


@test
def nghttp_a_thousand_requests_to_a_connection():
    with Service() as service:
        requests, end = 0, time.monotonic() + SECONDS
        while time.monotonic() < end:
            out = run("nghttp", "-n", "-s", "-m", "1000", service.url + "/livez")
            answers = re.findall(r"^ *\d+ .* (\d{3}) +\S+ /livez$", out, re.MULTILINE)
            assert answers == ["200"] * 1000, out[-2000:]
            requests += 1000
        check_nobody_was_cut_off(service)
        return f"{requests} requests, 0 lost"


@test
def curl_two_thousand_requests_to_a_connection():
    """By upgrade: curl 7.88.1 of Debian 12 cannot use a connection of prior knowledge twice, whatever the server."""
    with Service() as service:
        requests, end = 0, time.monotonic() + SECONDS
        while time.monotonic() < end:
            out = run(
                "curl", "-sS", "-Z", "--parallel-max", "50", "--http2", "-w", "\n%{http_code} %{http_version}\n",
                f"{service.url}/livez?[1-2000]")
            answers = re.findall(r"^(\d{3} [\d.]+)$", out, re.MULTILINE)
            assert answers == ["200 2"] * 2000, (len(answers), out[-2000:])
            requests += 2000
        check_nobody_was_cut_off(service)
        return f"{requests} requests, 0 lost"


def check_counts(text):
    counts = json.loads(text)
    assert counts["lost"] == 0 and counts["answered"] > 0, counts
    return f"{counts['answered']} requests, 0 lost"


@test
def node_fifty_streams_at_a_time():
    with Service() as service:
        remark = check_counts(run("node", str(HERE / "node.js"), service.url, str(SECONDS), SMALL))
        check_nobody_was_cut_off(service)
        return remark


@test
def go_fifty_streams_at_a_time():
    """golang.org/x/net/http2 as Debian packages it: net/http of Go 1.19 speaks HTTP/2 over TLS only."""
    with Service() as service:
        out = run(
            "go", "run", str(HERE / "client.go"), service.url, str(SECONDS), SMALL,
            environment={"GO111MODULE": "off", "GOPATH": "/usr/share/gocode", "GOFLAGS": ""})
        check_nobody_was_cut_off(service)
        return check_counts(out)


if __name__ == "__main__":
    sys.exit(run_tests())
