"""The service through real clients. usage: clients.py PATH-OF-SOFTMAXD"""

import concurrent.futures
import http.client
import json
import math
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

import operations  # noqa: F401: its tests run with these
from refusals import BUSY, REFUSALS, Refusal, check, examples, message, read_reply, served, without_id
from service import ROOT, SOFTMAXD, Service, run_tests, test


def curl(*arguments, data=None):
    return subprocess.run(
        ["curl", "-sS", "--max-time", "60", *arguments], input=data, capture_output=True, check=True).stdout


@test
def the_readme_curl_lines_answer_what_the_readme_says():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```console\n(.*?)```", text, re.S)
    checked = 0
    with Service() as service:
        for block in blocks:
            for command, reply in re.findall(r"^\$ (curl [^\n]*)\n((?:(?!\$ ).+\n)*)", block, re.M):
                run = command.replace("127.0.0.1:8080", f"127.0.0.1:{service.port}").replace("curl", "curl -sS", 1)
                out = subprocess.run(["bash", "-c", run], capture_output=True, text=True, check=True).stdout
                expected = re.sub(r"\s+", " ", reply).strip()
                got = re.sub(r'"request_id":"[^"]*"', '"request_id":"…"', re.sub(r"\s+", " ", out).strip())
                assert got == re.sub(r'"request_id":"[^"]*"', '"request_id":"…"', expected), f"{command}\n{got}\n{expected}"
                checked += 1
    assert checked >= 4, checked


@test
def every_example_of_the_api_description_is_answered_exactly_so():
    document = json.loads((ROOT / "Sources/SoftmaxService/Resources/openapi.json").read_text(encoding="utf-8"))
    checked = 0
    with Service() as service:
        for path, item in document["paths"].items():
            if "post" not in item:
                continue
            requests = item["post"]["requestBody"]["content"]["application/json"]["examples"]
            replies = item["post"]["responses"]["200"]["content"]["application/json"]["examples"]
            assert requests.keys() == replies.keys()
            for name, example in requests.items():
                status, reply, _ = service.post(path, example["value"])
                assert status == 200 and reply == replies[name]["value"], (path, name, reply)
                checked += 1
    assert checked >= 12, checked


@test
def curl_sends_a_large_batch_with_expect_and_gets_all_of_it():
    rows = [[math.sin(row * 131 + column) for column in range(1000)] for row in range(300)]
    with Service() as service:
        out = curl("--json", "@-", f"{service.url}/softmax", data=json.dumps({"logits": rows}).encode())
        replies = json.loads(out)["probabilities"]
        assert len(replies) == 300 and all(abs(math.fsum(reply) - 1) < 1e-13 for reply in replies)
        # The same rows one by one have the same bits.
        for index in (0, 17, 299):
            assert service.post("/softmax", {"logits": rows[index]})[1]["probabilities"] == replies[index]


@test
def curl_sends_chunked_and_over_http_1_0():
    with Service() as service:
        body = b'{"logits":[2,1,0]}'
        expected = json.loads(curl("--json", "@-", f"{service.url}/softmax", data=body))
        chunked = curl("--json", "@-", "-H", "Transfer-Encoding: chunked", f"{service.url}/softmax", data=body)
        old = curl("--http1.0", "--json", "@-", f"{service.url}/softmax", data=body)
        assert json.loads(chunked) == json.loads(old) == expected


@test
def curl_is_refused_before_it_has_sent_a_body_that_nobody_wants():
    body = b"x" * (15 << 20)
    refusals = [("/nope", "application/json", "*/*", "404"), ("/livez", "application/json", "*/*", "405"),
                ("/softmax", "text/plain", "*/*", "415"), ("/softmax", "application/json", "text/html", "406")]
    with Service() as service:
        for path, type, accept, status in refusals:
            for version in ("--http1.1", "--http2-prior-knowledge"):
                out = curl(
                    version, "-v", "--stderr", "-", "-o", "/dev/null", "-w", "%{http_code} %{size_upload}", "-H",
                    f"Content-Type: {type}", "-H", f"Accept: {accept}", "-H", "Expect: 100-continue",
                    "--expect100-timeout", "30", "--data-binary", "@-", service.url + path, data=body)
                said = out.decode(errors="replace")
                assert said.endswith(f"{status} 0"), said[-500:]
                assert not re.search(r"< HTTP/[12.]+ 100", said), said[-500:]
        # One that is wanted is invited, over both.
        for version in ("--http1.1", "--http2-prior-knowledge"):
            logits = json.dumps({"logits": [1.5] * 400_000}).encode()
            status = curl(version, "-o", "/dev/null", "-w", "%{http_code} %{size_upload}", "--json", "@-", "-H",
                          "Expect: 100-continue", "--expect100-timeout", "30", service.url + "/softmax", data=logits)
            assert status.decode() == f"200 {len(logits)}", status
        # A short one that is not wanted costs no connection.
        keeping = http.client.HTTPConnection("127.0.0.1", service.port, timeout=30)
        for path in ("/nope", "/livez", "/softmax"):
            keeping.request("POST", path, b"x" * 60_000, {"Content-Type": "text/plain"})
            reply = keeping.getresponse()
            reply.read()
            assert reply.status in (404, 405, 415) and not reply.will_close, (path, reply.status)
        keeping.close()


@test
def a_body_sent_as_an_encoder_makes_it_in_thousands_of_small_chunks_is_read():
    request = {"logits": [math.sin(index) for index in range(6000)]}
    with Service() as service:
        expected = service.post("/softmax", request)[1]
        # Without a length, http.client sends each string as a chunk of its own, as requests does.
        pieces = (piece.encode() for piece in json.JSONEncoder().iterencode(request))
        response, content = service.request("POST", "/softmax", pieces, {"Content-Type": "application/json"})
        assert response.status == 200, content
        assert json.loads(content) == expected


@test
def a_dense_jacobian_is_streamed_and_its_rows_sum_to_zero():
    logits = [math.cos(3 * index) * 4 for index in range(600)]
    with Service() as service:
        status, reply, response = service.post("/jacobian", {"logits": logits})
        assert status == 200 and response.getheader("Transfer-Encoding") == "chunked"
        jacobian = reply["jacobian"]
        assert len(jacobian) == 600 and all(len(row) == 600 for row in jacobian)
        for row in jacobian:
            assert abs(math.fsum(row)) <= 2**-52 * max(abs(entry) for entry in row) * 2
        _, product, _ = service.post("/vjp", {"logits": logits, "cotangents": logits})
        column = math.fsum(jacobian[row][5] * logits[row] for row in range(600))
        assert math.isclose(product["vjp"][5], column, rel_tol=1e-10, abs_tol=1e-18)


@test
def errors_are_problem_details_with_pointer_and_request_id():
    with Service() as service:
        status, problem, response = service.post(
            "/vjp", {"logits": [[1, 2], [3, 4]], "cotangents": [[1, 2], [3]]}, **{"X-Request-Id": "abc-1"})
        assert status == 422 and response.getheader("Content-Type") == "application/problem+json"
        assert problem["pointer"] == "/cotangents/1" and problem["request_id"] == "abc-1"
        assert response.getheader("X-Request-Id") == "abc-1"
        explanation = json.loads(curl(service.url + problem["type"]))
        assert explanation["status"] == 422 and explanation["title"] == problem["title"]


@test
def refusals_have_the_statuses_of_the_contract():
    cases = [
        ("/softmax", '{"logits":[1,]}', 400), ("/softmax", '{"logits":[1],"logits":[1]}', 400),
        ("/softmax", '{"logits":' + "[" * 40 + "1" + "]" * 40 + "}", 400),
        ("/softmax", '{"logits":[1e999]}', 422), ("/softmax", '{"logits":[NaN]}', 400),
        ("/softmax", '{"logits":["Infinity"]}', 422), ("/softmax", '{"logits":[[1],[]]}', 422),
        ("/softmax", '{"logits":["-Infinity","-Infinity"]}', 422), ("/softmax", '{"logits":[1],"temperature":0}', 422),
        ("/softmax", '{"logits":[1],"temprature":1}', 422), ("/softmax", '{"logits":[[1,2],[3]],"axis":0}', 422),
        ("/softmax", '{"logits":[1,2],"mask":[false,false]}', 422), ("/softmax", "{}", 422), ("/softmax", "[1]", 422),
        ("/jacobian", '{"logits":[1,2],"form":"entries"}', 422),
        ("/jacobian", '{"logits":[1,2],"form":"entries","entries":[[0,2]]}', 422),
        ("/jacobian", json.dumps({"logits": [0] * 20000}), 413), ("/vjp", '{"logits":[1,2]}', 422),
        ("/vjp", '{"logits":[1,2],"cotangents":[1]}', 422), ("/nowhere", "{}", 404), ("/livez", "{}", 405),
    ]
    with Service() as service:
        for path, body, expected in cases:
            status, problem, _ = service.post(path, body)
            assert status == expected, (path, body[:60], status, problem)
            assert problem["status"] == status and problem["detail"]
        assert service.post("/softmax", "{}", **{"Content-Type": "text/plain"})[0] == 415
        assert service.post("/softmax", '{"logits":[1]}', Accept="text/html")[0] == 406


@test
def every_refusal_is_answered_to_the_letter_and_ends_the_connection_only_where_it_must():
    shown = examples()
    wrong = []
    for refusal, service in served():
        try:
            problem = check(refusal, service)
            if refusal.example:
                expected = without_id(shown[refusal.example])
                assert without_id(problem) == expected, f"answered {problem}, described {expected}"
        except (AssertionError, OSError, http.client.HTTPException) as error:
            wrong.append(f"{refusal.request[:60]} {refusal.flags}: {error!r}")
    assert not wrong, "\n".join(wrong)
    statuses = sorted({refusal.status for refusal in REFUSALS})
    assert statuses == [400, 404, 405, 406, 408, 413, 414, 415, 417, 422, 431, 501, 503, 505], statuses


@test
def the_connection_reserve_answers_probes_and_refuses_the_rest():
    with Service("--loops", "1", "--max-connections", "1", "--reserved-connections", "2") as service:
        with socket.create_connection(("127.0.0.1", service.port), 60) as only:
            only.sendall(message("GET", "/version"))
            assert read_reply(only)[0] == 200
            # In the midst of its next request, or it would be closed to make room.
            only.sendall(b"GET /version HTTP/1.1\r\n")
            refusal = Refusal("no_connection_left", message("GET", "/version"), 503, "service-unavailable",
                              fields=BUSY, closes=True)
            assert without_id(check(refusal, service)) == without_id(examples()["no_connection_left"])
            assert service.get("/livez")[0] == 200


@test
def readiness_is_refused_while_the_service_drains():
    with Service("--drain-delay", "30") as service:
        service.process.terminate()
        # The signal and a request sent after it may be taken in either order.
        deadline = time.monotonic() + 10
        while (answer := service.get("/readyz"))[0] == 200 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert without_id(json.loads(answer[1])) == without_id(examples()["draining"]), answer


@test
def every_problem_that_the_api_description_shows_is_replayed():
    """All but the server's own failure, which nothing a client sends brings about."""
    elsewhere = {"no_connection_left", "draining", "internal"}
    assert {refusal.example for refusal in REFUSALS if refusal.example} | elsewhere == examples().keys()


@test
def an_empty_batch_is_an_empty_batch():
    with Service() as service:
        for path, name in (("/softmax", "probabilities"), ("/jacobian", "jacobian")):
            assert service.post(path, {"logits": []})[:2] == (200, {name: []})


@test
def the_offline_commands_answer_like_the_service():
    with Service() as service:
        requests = {
            "softmax": {"logits": [[2, 1, 0], [5, 5]]}, "jacobian": {"logits": [2, 1, 0], "form": "factored"},
            "vjp": {"logits": [2, 1, 0], "cotangents": [1, 0, 0]}, "jvp": {"logits": [2, 1, 0], "tangents": [1, 0, 0]},
        }
        for name, request in requests.items():
            text = json.dumps(request).encode()
            online = curl("--json", "@-", f"{service.url}/{name}", data=text)
            offline = subprocess.run([SOFTMAXD, name], input=text, capture_output=True, check=True).stdout
            assert offline.strip() == online.strip()
            with tempfile.NamedTemporaryFile() as file:
                file.write(text)
                file.flush()
                assert subprocess.run([SOFTMAXD, name, file.name], capture_output=True, check=True).stdout == offline
        failed = subprocess.run([SOFTMAXD, "softmax"], input=b"{", capture_output=True)
        assert failed.returncode == 65 and not failed.stdout and json.loads(failed.stderr)["status"] == 400


@test
def probes_healthcheck_and_version_answer():
    with Service() as service:
        assert json.loads(curl(service.url + "/livez")) == {"status": "live"}
        assert json.loads(curl(service.url + "/readyz")) == {"status": "ready"}
        assert json.loads(curl(service.url + "/version"))["name"] == "softmaxd"
        assert curl(service.url + "/openapi.yaml") == (ROOT / "openapi.yaml").read_bytes()
        assert json.loads(curl(service.url + "/openapi.json"))["openapi"] == "3.1.0"
        check = [SOFTMAXD, "healthcheck", "--port", str(service.port)]
        assert subprocess.run(check).returncode == 0
    assert subprocess.run(check, stderr=subprocess.DEVNULL).returncode == 1


@test
def the_access_log_is_one_json_object_a_request():
    with Service() as service:
        trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        service.post("/softmax", {"logits": [1]}, **{"X-Request-Id": "log-1", "traceparent": trace})
        service.post("/softmax?x=1", "{", **{"X-Request-Id": "log-2"})
    records = {record["request_id"]: record for record in service.records()}
    assert records["log-1"]["status"] == 200 and records["log-1"]["path"] == "/softmax"
    assert records["log-1"]["traceparent"] == trace and records["log-1"]["bytes_in"] == 15
    assert records["log-2"]["status"] == 400 and "?" not in records["log-2"]["path"]


@test
def sigterm_finishes_what_is_begun():
    rows = [[math.sin(row + column) for column in range(2000)] for row in range(100)]
    with Service() as service, concurrent.futures.ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(service.post, "/softmax", {"logits": rows}) for _ in range(4)]
        time.sleep(0.15)
        service.process.send_signal(signal.SIGTERM)
        answered = 0
        for future in futures:
            try:
                status, reply, _ = future.result()
            except ConnectionError:
                continue  # never accepted
            assert status == 200 and len(reply["probabilities"]) == 100
            answered += 1
        assert answered >= 1


@test
def settings_come_from_flags_and_environment():
    out = subprocess.run(
        [SOFTMAXD, "--print-config", "--max-body=77"], capture_output=True, text=True, check=True,
        env={**os.environ, "SOFTMAXD_PORT": "9999", "SOFTMAXD_MAX_BODY": "88"}).stdout
    assert "SOFTMAXD_PORT=9999\n" in out and "SOFTMAXD_MAX_BODY=77\n" in out
    for wrong in (["--max-body", "-1"], ["--nonsense", "1"], ["--port"], ["dance"]):
        failed = subprocess.run([SOFTMAXD, *wrong], capture_output=True, text=True)
        assert failed.returncode == 64 and failed.stderr.startswith("softmaxd: "), wrong
    with Service("--max-body", "100") as service:
        status, problem, _ = service.post("/softmax", {"logits": [1] * 100})
        assert (status, problem["limit"]) == (413, 100)


if __name__ == "__main__":
    sys.exit(run_tests())
