"""What the service refuses, byte by byte: how it answers, and whether the connection goes on after that."""

import http.client
import json
import socket
from dataclasses import dataclass, field

from service import ROOT, Service

JSON = {"Content-Type": "application/json"}


def message(method, target, body="", version="HTTP/1.1", **fields):
    """The bytes of a request, with a Host and, where there is a body, its length and type."""
    given = {name.replace("_", "-"): value for name, value in fields.items()}
    fields = {"Host": "a", **(JSON if body else {}), **given}
    if body and "Transfer-Encoding" not in fields:
        fields.setdefault("Content-Length", str(len(body)))
    lines = [f"{method} {target} {version}", *(f"{name}: {value}" for name, value in fields.items())]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def post(body, path="/softmax", **fields):
    return message("POST", path, body, **fields)


@dataclass
class Refusal:
    # The example of openapi.yaml that shows this very reply, or None where it shows another of the kind.
    example: str | None
    request: bytes
    status: int
    slug: str
    limit: int | None = None
    fields: dict = field(default_factory=dict)
    closes: bool = False
    flags: tuple = ()


GET_ONLY = {"Allow": "GET, HEAD, OPTIONS"}
POST_ONLY = {"Allow": "OPTIONS, POST"}
BUSY = {"Retry-After": "1"}
DEEP = '{"logits":' + "[" * 33 + "1" + "]" * 33 + "}"
LOGITS = '{"logits":[2,1,0]}'

REFUSALS = [
    # 400: HTTP that can be read in more than one way ends the connection, a bad body does not.
    Refusal("bad_request", post("", Content_Length="+5"), 400, "bad-request", closes=True),
    Refusal(None, b"GET /livez\r\n\r\n", 400, "bad-request", closes=True),
    Refusal(None, message("GET", "/livez", Host="a b"), 400, "bad-request", closes=True),
    Refusal("not_json", post('{"logits":[1,]}'), 400, "not-json"),
    Refusal(None, post('{"logits":[NaN]}'), 400, "not-json"),
    Refusal("duplicate_member", post('{"logits":[1],"logits":[2]}'), 400, "duplicate-member"),
    Refusal("nesting_too_deep", post(DEEP), 400, "nesting-too-deep", 32),
    Refusal(None, post('{"logits":[[1]]}'), 400, "nesting-too-deep", 1, flags=("--max-depth", "1")),
    # 404, 405, 406, 415, 417, 501, 505: as RFC 9110 says.
    Refusal("not_found", message("GET", "/problems/nonsense"), 404, "not-found"),
    Refusal(None, post(LOGITS, path="/sofmax"), 404, "not-found"),
    Refusal("method_not_allowed", message("PUT", "/softmax"), 405, "method-not-allowed", fields=POST_ONLY),
    Refusal(None, message("PATCH", "/jacobian"), 405, "method-not-allowed", fields=POST_ONLY),
    Refusal(None, post(LOGITS, path="/livez"), 405, "method-not-allowed", fields=GET_ONLY),
    Refusal("not_acceptable", post(LOGITS, Accept="text/html"), 406, "not-acceptable"),
    Refusal("unsupported_media_type", post(LOGITS, Content_Type="text/plain"), 415, "unsupported-media-type"),
    Refusal("content_coding", post(LOGITS, Content_Encoding="br"), 415, "unsupported-media-type"),
    Refusal("expectation_failed", message("GET", "/livez", Expect="tea"), 417, "expectation-failed"),
    Refusal(None, post(LOGITS, Expect="100-continue, tea"), 417, "expectation-failed", closes=True),
    Refusal("unknown_method", message("FOO", "/softmax"), 501, "not-implemented"),
    Refusal(None, message("post", "/nowhere"), 501, "not-implemented"),
    Refusal("connect", message("CONNECT", "a:443", Host="a:443"), 501, "not-implemented"),
    Refusal(
        "transfer_coding", post("0\r\n\r\n", Transfer_Encoding="gzip, chunked"), 501, "not-implemented", closes=True),
    Refusal("version_not_supported", message("GET", "/livez", version="HTTP/3.0"), 505, "version-not-supported",
            closes=True),
    # 408: half a head, half a body.
    Refusal("late_head", b"GET /livez HTTP/1.1\r\nHost:", 408, "request-timeout", closes=True,
            flags=("--head-deadline", "0.3")),
    Refusal("late_body", post("{", Content_Length="100"), 408, "request-timeout", closes=True,
            flags=("--body-deadline", "0.3")),
    # 413: the body, a tensor, the reply.
    Refusal("content_too_large", post("{", Content_Length="16777217"), 413, "content-too-large", 16777216, closes=True),
    Refusal(None, post(LOGITS), 413, "content-too-large", 17, closes=True, flags=("--max-body", "17")),
    Refusal(None, post("12\r\n" + LOGITS + "\r\n0\r\n\r\n", Transfer_Encoding="chunked"), 413, "content-too-large", 17,
            closes=True, flags=("--max-body", "17")),
    Refusal("too_many_numbers", post('{"logits":[' + "1," * 1_000_000 + "1]}"), 413, "too-many-numbers", 1_000_000,
            flags=("--max-numbers", "1000000")),
    Refusal("reply_too_large", post('{"logits":[' + "1," * 99_999 + "1]}", path="/jacobian"), 413, "reply-too-large",
            134217728),
    Refusal("reply_of_too_many_samples", post('{"logits":[[2,1],[1,2]]}'), 413, "reply-too-large", 3,
            flags=("--max-reply-numbers", "3")),
    # 414, 431: the request line, the fields.
    Refusal("uri_too_long", message("GET", "/" + "a" * 9000), 414, "uri-too-long", 8192, closes=True),
    Refusal(None, message("GET", "/" + "a" * 64), 414, "uri-too-long", 64, closes=True,
            flags=("--max-request-line", "64")),
    Refusal("fields_too_large", message("GET", "/livez", X="a" * 17000), 431, "fields-too-large", 16384, closes=True),
    Refusal("too_many_fields", message("GET", "/livez", **{f"X{n}": "a" for n in range(100)}), 431, "fields-too-large",
            100, closes=True),
    # 422: JSON that means nothing here.
    Refusal("shapes_differ", post('{"logits":[[1,2],[3,4]],"cotangents":[[1,2],[3]]}', path="/vjp"), 422,
            "invalid-request"),
    Refusal("all_masked", post('{"logits":[[1],[2],[3],["-Infinity"]]}'), 422, "invalid-request"),
    Refusal("unknown_member", post('{"logit":[1]}'), 422, "invalid-request"),
    Refusal("overflow", post('{"logits":[[1,2,1e999]]}'), 422, "invalid-request"),
    Refusal("not_positive", post('{"logits":[1],"temperature":0}'), 422, "invalid-request"),
    Refusal(None, post('{"logits":["Infinity"]}'), 422, "invalid-request"),
    Refusal(None, post('{"logits":[[1],[]]}'), 422, "invalid-request"),
    Refusal(None, post('{"logits":[[1,2],[3]],"axis":0}'), 422, "invalid-request"),
    Refusal("index_out_of_range", post('{"logits":[1,2],"form":"entries","entries":[[0,2]]}', path="/jacobian"), 422,
            "invalid-request", 1),
    # 503: the budgets.
    Refusal("work_budget", post('{"logits":[' + "1," * 99 + "1]}", path="/jacobian"), 503, "service-unavailable",
            fields=BUSY, flags=("--work-budget", "1000")),
    Refusal("body_memory", post("{" + " " * 100_000, Content_Length="200000"), 503, "service-unavailable", fields=BUSY,
            closes=True, flags=("--body-memory", "0")),
    # Long enough at work that the deadline is seen before it is done.
    Refusal("request_deadline", post('{"logits":[' + "1," * 4_000_000 + "1]}"), 503, "service-unavailable", fields=BUSY,
            flags=("--request-deadline", "0.001")),
]


def read_reply(connection):
    """The next reply on a connection: (status, fields, content)."""
    response = http.client.HTTPResponse(connection)
    response.begin()
    return response.status, response.headers, response.read()


def check(refusal, service):
    """Sends a refused request and compares all there is of the reply; returns its problem."""
    with socket.create_connection(("127.0.0.1", service.port), 60) as connection:
        connection.sendall(refusal.request)
        status, fields, content = read_reply(connection)
        problem = json.loads(content)
        assert status == refusal.status == problem["status"], (status, problem)
        assert fields["Content-Type"] == "application/problem+json", fields
        assert problem["type"] == f"/problems/{refusal.slug}", problem
        assert problem.get("limit") == refusal.limit, problem
        assert problem["error"] == problem["detail"] and problem["request_id"] == fields["X-Request-Id"], problem
        for name in ("Allow", "Retry-After"):
            assert fields[name] == refusal.fields.get(name), (name, fields[name])
        assert (fields["Connection"] == "close") == refusal.closes, fields
        if refusal.closes:
            assert connection.recv(1) == b"", "more after the last reply"
        else:
            connection.sendall(message("GET", "/version"))
            assert read_reply(connection)[0] == 200
    return problem


def served():
    """Every refusal with a running service of its settings."""
    for flags in dict.fromkeys(refusal.flags for refusal in REFUSALS):
        with Service(*flags) as service:
            for refusal in REFUSALS:
                if refusal.flags == flags:
                    yield refusal, service


def examples():
    """The problems that the API description shows, by name."""
    document = json.loads((ROOT / "Sources/SoftmaxService/Resources/openapi.json").read_text(encoding="utf-8"))
    shown = {}
    for status, response in {
        (status, answer["$ref"].rpartition("/")[2])
        for item in document["paths"].values() for operation in item.values()
        for status, answer in operation["responses"].items() if "$ref" in answer
    }:
        content = document["components"]["responses"][response]["content"]["application/problem+json"]
        for name, example in content["examples"].items():
            assert example["value"]["status"] == int(status), (name, status)
            shown[name] = example["value"]
    return shown


def without_id(problem):
    return {**problem, "request_id": ""}
