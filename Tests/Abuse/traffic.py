"""Requests whose right answers are known: from Python's own arithmetic, or by the contract."""

import json
import math
import random


def softmax(logits, temperature=1.0, mask=None):
    """In float64 with a correctly rounded sum: good to a few units in the last place."""
    kept = [not mask or mask[index] for index in range(len(logits))]
    largest = max(z for z, keep in zip(logits, kept) if keep)
    powers = [math.exp((z - largest) / temperature) if keep else 0.0 for z, keep in zip(logits, kept)]
    total = math.fsum(powers)
    return [power / total for power in powers]


def jacobian_entry(y, j, i, temperature):
    # 1 − y without cancellation: the sum of the others.
    factor = math.fsum(y[:i] + y[i + 1:]) if i == j else -y[i]
    return y[j] * factor / temperature


def product(y, vector, temperature):
    """Jᵀv = Jv = y ⊙ (v − y·v) / τ, as differences that do not cancel where v is nearly constant."""
    return [
        y_j * math.fsum(y_i * (v_j - v_i) for y_i, v_i in zip(y, vector)) / temperature
        for y_j, v_j in zip(y, vector)]


def close(got, expected, relative, absolute):
    """Whether two nested lists are equal within a tolerance."""
    if isinstance(expected, list):
        return isinstance(got, list) and len(got) == len(expected) and all(
            close(a, b, relative, absolute) for a, b in zip(got, expected))
    return isinstance(got, (int, float)) and math.isclose(got, expected, rel_tol=relative, abs_tol=absolute)


class Case:
    """A request and how to tell whether a reply is right."""

    def __init__(self, path, body=None, status=200, check=None, method=None, steady=True):
        self.path, self.status, self.check, self.steady = path, status, check, steady
        self.body = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        self.method = method or ("GET" if body is None else "POST")
        # The content of the first right reply: where the case is steady, all others have to be the same bytes.
        self.content = None

    @property
    def name(self):
        return f"{self.method} {self.path} {(self.body or b'')[:150].decode('latin-1')}"

    def fault(self, status, content):
        """What is wrong with a reply; None where nothing is."""
        if status != self.status:
            return f"{self.name}: {status} instead of {self.status}"
        if self.steady and self.content is not None:
            return None if content == self.content else f"{self.name}: other bytes than before"
        if self.check and not self.check(content):
            return f"{self.name}: wrong: {content[:200]}"
        return None


def member(name, expected, relative=1e-12, absolute=1e-300):
    return lambda content: (
        json.loads(content).keys() == {name} and close(json.loads(content)[name], expected, relative, absolute))


def tensor_case(noise, classes=None):
    """A random request to one of the four operations."""
    classes = classes or noise.choice((1, 2, 3, 10, 50))
    rows = noise.choice((1, 1, 2, 7))
    temperature = noise.choice((1.0, 1.0, 0.5, 3.0))
    logits = [[noise.uniform(-8, 8) for _ in range(classes)] for _ in range(rows)]
    vector = [[noise.uniform(-1, 1) for _ in range(classes)] for _ in range(rows)]
    body = {"logits": logits}
    if temperature != 1:
        body["temperature"] = temperature
    mask = None
    if classes > 2 and noise.random() < 0.2:
        mask = [[index != 1 for index in range(classes)] for _ in range(rows)]
        body["mask"] = mask
    y = [softmax(row, temperature, mask and mask[0]) for row in logits]
    kind = noise.choice(("softmax", "log", "float32", "axis", "dense", "diagonal", "factored", "entries", "vjp", "jvp"))
    if kind == "log" and not mask:
        logs = [[z / temperature - max(row) / temperature - math.log(math.fsum(
            math.exp((w - max(row)) / temperature) for w in row)) for z in row] for row in logits]
        return Case(
            "/softmax", {**body, "function": "log_softmax"}, check=member("log_probabilities", logs, 1e-12, 1e-13))
    if kind == "float32":
        return Case("/softmax", {**body, "dtype": "float32"}, check=member("probabilities", y, 1e-4, 1e-30))
    if kind == "axis":
        turned = {**body, "logits": [list(row) for row in zip(*logits)], "axis": 0}
        if mask:
            turned["mask"] = [list(row) for row in zip(*mask)]
        return Case("/softmax", turned, check=member("probabilities", [list(row) for row in zip(*y)]))
    if kind == "dense":
        dense = [[[jacobian_entry(p, j, i, temperature) for i in range(classes)] for j in range(classes)] for p in y]
        return Case("/jacobian", body, check=member("jacobian", dense))
    if kind == "diagonal":
        diagonal = [[jacobian_entry(p, j, j, temperature) for j in range(classes)] for p in y]
        return Case("/jacobian", {**body, "form": "diagonal"}, check=member("diagonal", diagonal))
    if kind == "factored":
        others = [[math.fsum(p[:j] + p[j + 1:]) for j in range(classes)] for p in y]

        def check(content):
            reply = json.loads(content)
            return close(
                [reply["probabilities"], reply["complements"], reply["scale"]], [y, others, 1 / temperature],
                1e-12, 1e-300)

        return Case("/jacobian", {**body, "form": "factored"}, check=check)
    if kind == "entries":
        pairs = [[noise.randrange(classes), noise.randrange(classes)] for _ in range(5)]
        values = [[jacobian_entry(p, j, i, temperature) for j, i in pairs] for p in y]
        return Case("/jacobian", {**body, "form": "entries", "entries": pairs}, check=member("entries", values))
    if kind in ("vjp", "jvp"):
        name = "cotangents" if kind == "vjp" else "tangents"
        products = [product(p, v, temperature) for p, v in zip(y, vector)]
        return Case(f"/{kind}", {**body, name: vector}, check=member(kind, products, 1e-11, 1e-17))
    return Case("/softmax", body, check=member("probabilities", y))


def large_cases(noise):
    """What is deferred, spread over threads or streamed."""
    rows = [[round(noise.uniform(-5, 5), 3) for _ in range(100)] for _ in range(400)]
    wide = [round(noise.uniform(-5, 5), 3) for _ in range(300)]
    y = softmax(wide)
    dense = [[jacobian_entry(y, j, i, 1) for i in range(300)] for j in range(300)]
    return [
        Case("/softmax", {"logits": rows}, check=member("probabilities", [softmax(row) for row in rows])),
        Case("/jacobian", {"logits": wide}, check=member("jacobian", dense)),
    ]


def simple_cases():
    """Bad input and the other routes, by the contract."""
    bad = [
        ("/softmax", b'{"logits":[1,]}', 400), ("/softmax", b"\xff\xfe", 400), ("/softmax", b'{"logits":', 400),
        ("/softmax", b'{"logits":' + b"[" * 40 + b"1" + b"]" * 40 + b"}", 400),
        ("/softmax", b'{"logits":[1e999]}', 422),
        ("/softmax", b'{"logits":[[1],[]]}', 422), ("/softmax", b'{"logits":[1],"temperature":0}', 422),
        ("/softmax", b'{"logits":[1],"logitz":[1]}', 422), ("/vjp", b'{"logits":[1,2],"cotangents":[1]}', 422),
        ("/jacobian", b'{"logits":[1,2],"form":"entries","entries":[[0,2]]}', 422), ("/nowhere", b"{}", 404),
        ("/jacobian", b'{"logits":[' + b",".join([b"0"] * 12000) + b"]}", 413), ("/livez", b"{}", 405),
    ]

    def has(status):
        return lambda content: json.loads(content)["status"] == status

    return [Case(path, body, status, has(status)) for path, body, status in bad] + [
        Case("/metrics", check=lambda content: b"\nsoftmaxd_connections_open " in content, steady=False),
        Case("/livez"), Case("/readyz"), Case("/version"), Case("/openapi.yaml"), Case("/openapi.json"),
        Case("/problems/invalid-request"), Case("/softmax", None, 405), Case("/none", None, 404),
        Case("/softmax", None, 204, method="OPTIONS"),
        Case("/softmax", {"logits": []}, check=member("probabilities", [])),
    ]


def corpus(seed):
    """The cases that are asked again and again."""
    noise = random.Random(seed)
    return simple_cases() + [tensor_case(noise) for _ in range(80)] + large_cases(noise)
