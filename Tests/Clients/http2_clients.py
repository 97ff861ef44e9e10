"""The service through real HTTP/2 clients: curl, nghttp, h2load, httpx, h2. usage: http2_clients.py PATH-OF-SOFTMAXD

Run with the Python of the project's venv: httpx and h2 are not Python's own.
"""

import asyncio
import json
import math
import re
import socket
import subprocess
import sys
import tempfile

import h2.config
import h2.connection
import h2.events
import h2.settings
import httpx

from refusals import REFUSALS, examples, without_id
from service import Service, run_tests, test

SMALL = b'{"logits":[2,1,0]}'
# One of each, with replies from a few bytes to some MB in many pieces, and bodies longer than HTTP/2's first window.
REQUESTS = {
    "/softmax": {"logits": [[math.sin(row + column) for column in range(100)] for row in range(200)]},
    "/jacobian": {"logits": [math.cos(3 * index) * 4 for index in range(400)]},
    "/vjp": {"logits": [2, 1, 0], "cotangents": [1, 0, 0]},
    "/jvp": {"logits": [[2, 1, 0], [0, 0, 0]], "tangents": [[1, 0, 0], [0, 1, 0]]},
}


def run(*command, data=None):
    return subprocess.run(command, input=data, capture_output=True, check=True, timeout=120).stdout


def over_http1(service, path):
    """The reply's bytes over HTTP/1.1: those that every client of HTTP/2 has to get too."""
    response, content = service.request(
        "POST", path, json.dumps(REQUESTS[path]), {"Content-Type": "application/json"})
    assert response.status == 200 and response.version == 11
    return content


@test
def curl_speaks_http_2_by_prior_knowledge():
    with Service() as service:
        for path, request in REQUESTS.items():
            out = run(
                "curl", "-sS", "--http2-prior-knowledge", "--json", "@-", "-w", " %{http_version} %{http_code}",
                service.url + path, data=json.dumps(request).encode())
            assert out == over_http1(service, path) + b" 2 200", (path, out[-100:])


@test
def curl_upgrades_to_http_2_and_goes_on_with_it():
    with Service() as service:
        # The second request has a body; the connection is HTTP/2 by then.
        out = run(
            "curl", "-sS", "-v", "--http2", "-w", " %{http_version} %{num_connects}\n", service.url + "/livez",
            "--next", "--http2", "-sS", "--json", "@-", "-w", " %{http_version} %{num_connects}\n",
            service.url + "/softmax", data=SMALL)
        live, softmax = out.decode().splitlines()
        assert live == '{"status":"live"} 2 1', live
        assert json.loads(softmax.removesuffix(" 2 0"))["probabilities"], softmax


@test
def a_request_of_curl_with_a_body_does_not_upgrade():
    with Service() as service:
        out = run(
            "curl", "-sS", "--http2", "--json", "@-", "-w", " %{http_version}", service.url + "/softmax", data=SMALL)
        assert out.endswith(b"} 1.1") and json.loads(out[:-4])["probabilities"], out


@test
def nghttp_gets_the_same_by_prior_knowledge_and_by_upgrade():
    with Service() as service, tempfile.NamedTemporaryFile() as file:
        for path, request in REQUESTS.items():
            file.seek(0)
            file.truncate()
            file.write(json.dumps(request).encode())
            file.flush()
            post = ("-H", "content-type: application/json", "-d", file.name, service.url + path)
            expected = over_http1(service, path)
            assert run("nghttp", *post) == expected, path
            # It upgrades with an OPTIONS of the path, then posts.
            assert run("nghttp", "-u", *post).endswith(expected), path
        log = run("nghttp", "-u", "-v", service.url + "/livez").decode()
        assert "HTTP Upgrade success" in log and '{"status":"live"}' in log, log


@test
def h2load_has_every_one_of_many_interleaved_requests_answered():
    with Service() as service, tempfile.NamedTemporaryFile() as file:
        file.write(SMALL)
        file.flush()
        log = run(
            "h2load", "-n", "5000", "-c", "10", "-m", "50", "-H", "content-type: application/json", "-d", file.name,
            service.url + "/softmax").decode()
        assert "Application protocol: h2c" in log, log
        assert "5000 done, 5000 succeeded, 0 failed, 0 errored, 0 timeout" in log, log
        assert "status codes: 5000 2xx, 0 3xx, 0 4xx, 0 5xx" in log, log
        # Each reply on its own stream, none lost: all have the same length.
        data = int(re.search(r"\((\d+)\) data", log).group(1))
        assert data == 5000 * len(service.request("POST", "/softmax", SMALL, {"Content-Type": "application/json"})[1])


@test
def httpx_shares_one_connection_among_many_requests():
    async def ask(service):
        limits = httpx.Limits(max_connections=1)
        async with httpx.AsyncClient(
                http1=False, http2=True, base_url=service.url, limits=limits, timeout=60) as client:
            return await asyncio.gather(*(
                client.post(path, json=request) for _ in range(8) for path, request in REQUESTS.items()))

    with Service() as service:
        expected = {path: over_http1(service, path) for path in REQUESTS}
        for response in asyncio.run(ask(service)):
            assert (response.status_code, response.http_version) == (200, "HTTP/2")
            assert response.headers["content-type"] == "application/json"
            assert response.content == expected[response.url.path], response.url
        opened = re.search(r"^softmaxd_connections_accepted_total (\d+)$", service.get("/metrics")[1], re.M).group(1)
        assert int(opened) == len(REQUESTS) + 2, opened


@test
def what_is_refused_over_http_2_is_refused_in_the_same_words():
    # Not what only HTTP/1.1 can say, nor what httpx cannot.
    rows = [
        row for row in REFUSALS
        if row.example and not row.flags and (not row.closes or row.status in (414, 431)) and row.example != "connect"]
    assert {row.status for row in rows} == {400, 404, 405, 406, 413, 414, 415, 417, 422, 431, 501}
    shown = examples()
    with Service() as service, httpx.Client(http1=False, http2=True, base_url=service.url, timeout=60) as client:
        for row in rows:
            head, _, body = row.request.decode().partition("\r\n\r\n")
            line, *fields = head.split("\r\n")
            method, target, _ = line.split(" ")
            sent = [tuple(field.split(": ", 1)) for field in fields if not field.startswith(("Host", "Content-Length"))]
            response = client.request(method, target, headers=sent, content=body)
            assert response.http_version == "HTTP/2" and response.status_code == row.status, (row.example, response)
            assert response.headers["content-type"] == "application/problem+json"
            assert response.headers.get("allow") == row.fields.get("Allow"), row.example
            assert without_id(response.json()) == without_id(shown[row.example]), (row.example, response.json())


@test
def h2_sends_bodies_byte_by_byte_and_reads_replies_through_small_windows():
    path, body = "/jacobian", json.dumps({"logits": [index % 7 for index in range(60)]}).encode()
    with Service() as service, socket.create_connection(("127.0.0.1", service.port), 60) as connection:
        expected = service.request("POST", path, body, {"Content-Type": "application/json"})[1]
        session = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        session.local_settings = h2.settings.Settings(initial_values={
            h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 1000})
        session.initiate_connection()
        streams = (1, 3, 5)
        for stream in streams:
            session.send_headers(stream, [
                (":method", "POST"), (":scheme", "http"), (":authority", "a"), (":path", path),
                ("content-type", "application/json")])
        for index in range(len(body)):
            for stream in streams:
                session.send_data(stream, body[index:index + 1], end_stream=index == len(body) - 1)
        received, pieces, open_streams = dict.fromkeys(streams, b""), 0, set(streams)
        while open_streams:
            connection.sendall(session.data_to_send())
            data = connection.recv(65536)
            assert data, f"closed before the end of {open_streams}"
            for event in session.receive_data(data):
                assert not isinstance(event, (h2.events.StreamReset, h2.events.ConnectionTerminated)), event
                if isinstance(event, h2.events.ResponseReceived):
                    assert (":status", "200") in event.headers
                elif isinstance(event, h2.events.DataReceived):
                    received[event.stream_id] += event.data
                    pieces += 1
                    session.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                elif isinstance(event, h2.events.StreamEnded):
                    open_streams.remove(event.stream_id)
        assert all(content == expected for content in received.values())
        assert pieces >= 3 * len(expected) / 1000, pieces


def upload_side_by_side(sizes, *flags):
    """Statuses of POSTs of so many bytes each, all at once on one connection of httpx, which feeds them in turn."""
    async def all_of_them(url):
        limits = httpx.Limits(max_connections=1)
        async with httpx.AsyncClient(http1=False, http2=True, limits=limits, timeout=httpx.Timeout(60, read=10)) as client:
            async def one(size):
                # JSON of a valid request, filled up with blanks.
                body = SMALL + b" " * (size - len(SMALL))
                reply = await client.post(url, content=body, headers={"content-type": "application/json"})
                return reply.status_code
            return await asyncio.gather(*(one(size) for size in sizes))

    with Service(*flags) as service:
        return asyncio.run(all_of_them(service.url + "/softmax"))


@test
def httpx_uploads_thirty_bodies_at_once():
    assert upload_side_by_side([300_000] * 30, "--max-body", "1000000") == [200] * 30


@test
def httpx_uploads_large_bodies_among_small_ones():
    sizes = [10_000_000 if index % 5 == 2 else 1000 for index in range(30)]
    assert upload_side_by_side(sizes) == [200] * 30


@test
def httpx_is_refused_what_the_memory_has_no_room_for():
    statuses = upload_side_by_side([300_000] * 30, "--max-body", "1000000", "--body-memory", "2000000")
    # Which of them are the newest httpx does not tell: it opens streams in an order of its own.
    assert set(statuses) == {200, 503}, statuses


if __name__ == "__main__":
    sys.exit(run_tests())
