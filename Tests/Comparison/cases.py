"""What is asked of both programs: conformance cases, fuzz seeds, random requests."""

import json
import pathlib
import re

from traffic import simple_cases, tensor_case

TESTS = pathlib.Path(__file__).resolve().parent.parent
# Those of the handler's fuzz target, so that its seeds reach what they were found for.
SMALL_LIMITS = [
    "--max-body", "4096", "--max-field-bytes", "1024", "--max-fields", "16", "--max-depth", "6", "--max-numbers", "400",
    "--max-reply-numbers", "40000", "--cors-origins", "https://a.example"]
PATHS = ["/softmax", "/jacobian", "/vjp", "/jvp", "/livez", "/readyz", "/nowhere", "/version", "/openapi.yaml",
         "/openapi.json", "/problems/not-json", "/softmax?x=1"]
METHODS = ["POST", "POST", "GET", "HEAD", "OPTIONS", "PUT"]


class Case:
    """One well-framed request."""

    def __init__(self, path, body=b"", method="POST", fields=(), chunked=False):
        self.path, self.body, self.method, self.fields, self.chunked = path, body, method, list(fields), chunked

    @property
    def name(self):
        return f"{self.method} {self.path} {self.fields} {self.body[:300]!r}"

    def lines(self, index):
        """An identifier of its own makes error bodies and log lines the same bytes."""
        given = {name for name, _ in self.fields}
        fields = [("x-request-id", f"r{index}"), *self.fields]
        if self.body and "content-type" not in given:
            fields.append(("content-type", "application/json"))
        return fields

    def http1(self, index):
        fields = [("Host", "a"), *self.lines(index)]
        content = self.body
        if self.chunked:
            fields.append(("Transfer-Encoding", "chunked"))
            pieces = [content[at:at + 977] for at in range(0, len(content), 977)]
            content = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
        elif self.body or self.method in ("POST", "PUT"):
            fields.append(("Content-Length", str(len(content))))
        head = "".join(f"{name}: {value}\r\n" for name, value in fields)
        return f"{self.method} {self.path} HTTP/1.1\r\n{head}\r\n".encode() + content


# MARK: Corpora

def conformance():
    """(name, bytes) of every conformance case."""
    found = []
    file = TESTS / "HTTPServerTests/Conformance/http1-cases.tsv"
    if not file.exists():
        file = next(TESTS.glob("*/Conformance/http1-cases.tsv"))
    for line in file.read_text().splitlines():
        if line.startswith("#"):
            continue
        name, _, _, text = line.split("\t")
        if name == "h-many":
            fields = "".join(f"X-{index}: y\r\n" for index in range(2000))
            data = f"GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n".encode()
        else:
            data = _decode(text)
        found.append(("conformance " + name, data))
    return found


def _decode(text):
    text = re.sub(r"\\rep\((\d+),(.)\)", lambda match: match.group(2) * int(match.group(1)), text)
    plain = re.sub(
        r"\\(?:r|n|t|x(..))",
        lambda match: chr(int(match.group(1), 16)) if match.group(1) else
        {"r": "\r", "n": "\n", "t": "\t"}[match.group(0)[1]], text)
    return plain.encode("latin-1")


def _seeds(target):
    for folder in (TESTS / "Fuzz" / target / "seeds", TESTS.parent / ".fuzz" / target):
        if folder.is_dir():
            for file in sorted(folder.iterdir()):
                yield file.read_bytes()


def wire_seeds():
    """(name, bytes) of the seeds that are bytes off the wire, as they are."""
    found = []
    for target in ("HTTP1Session", "Handler"):
        for data in _seeds(target):
            if len(data) > 3 and (target != "Handler" or data[0] & 3 == 0):
                # HTTP/2's frames are compared by streams, not here.
                if not data[2:].startswith(b"PRI"):
                    found.append((f"seed {target} {data[2:60]!r}", data[2:]))
    return found


def body_seeds():
    """A case for each seed that is a body."""
    found = []
    for data in _seeds("Handler"):
        if len(data) > 3 and data[0] & 3 in (1, 2):
            method, path = METHODS[(data[2] >> 4) % len(METHODS)], PATHS[(data[2] & 15) % len(PATHS)]
            fields = [("origin", "https://a.example"), ("accept", "application/*;q=0.5")] if data[0] & 128 else []
            found.append(Case(path, data[3:4000], method, fields, chunked=bool(data[0] & 64)))
    for data in _seeds("JSONReader"):
        found += [Case(path, data[:4000]) for path in ("/softmax", "/jacobian", "/vjp", "/jvp")]
    return found


# MARK: Random requests

NUMBERS = ["0", "-0", "0.0", "1e0", "1E+2", "-1.5e-3", "1e308", "1e309", "-1e400", "5e-324", "2e-324", "1e-400", "0e9999",
           "123456789012345678901234567890", "0.1000000000000000055511151231257827", "1.7976931348623157e308",
           "9007199254740993", "01", "+1", ".5", "1.", "1e", "0x10", "NaN", "Infinity", "-Infinity", "\"-Infinity\"",
           "\"Infinity\"", "null", "true", "[]", "{}", "1e-5", "2.2250738585072011e-308", "4.9406564584124654e-324"]
MEMBERS = ["logits", "axis", "temperature", "function", "mask", "dtype", "cotangents", "tangents", "form", "entries",
           "logit", "tempreature", "x"]
VALUES = [0, 1, -1, 2, 0.5, 1e-300, 1e300, "softmax", "log_softmax", "float32", "float64", "float16", "dense", "diagonal",
          "factored", "entries", None, True, [], [[0, 0]], [[0, 1], [1, 0]], {}, "", "a\"\\\u00e9\u2028"]


def random_case(noise):
    """A request: mostly a right one, often spoilt in one place."""
    kind = noise.random()
    if kind < 0.05:
        case = noise.choice(simple_cases())
        # What counts differs between the two by nature.
        return Case("/livez" if case.path == "/metrics" else case.path, case.body or b"", case.method)
    case = tensor_case(noise)
    text, fields, path = case.body.decode(), [], case.path
    if kind < 0.35:
        text = _other_numbers(noise, text)
    elif kind < 0.5:
        text = _other_members(noise, text)
    elif kind < 0.65:
        text = _other_bytes(noise, text)
    elif kind < 0.7:
        path = noise.choice(PATHS)
    elif kind < 0.75:
        fields = [noise.choice([
            ("accept", "text/html"), ("accept", "*/*;q=0"), ("content-type", "text/plain"), ("content-encoding", "gzip"),
            ("accept", "application/json;q=0.1"), ("content-type", "application/json; charset=utf-8"),
            ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"), ("x-request-id", "a b"),
            ("expect", "100-continue"), ("origin", "https://a.example")])]
    elif kind < 0.76:
        text = json.dumps({"logits": [[round(noise.uniform(-9, 9), 3) for _ in range(100)] for _ in range(
            noise.choice((100, 400)))]})
    elif kind < 0.77:
        path, text = "/jacobian", json.dumps({"logits": [noise.gauss(0, 3) for _ in range(noise.choice((90, 300)))]})
    return Case(path, text.encode("utf-8", "surrogatepass"), "POST", fields, chunked=noise.random() < 0.1)


def _other_numbers(noise, text):
    """Some numbers in other notations, out of range, or no numbers."""
    def other(match):
        draw = noise.random()
        if draw < 0.7:
            return match.group(0)
        if draw < 0.75:
            return noise.choice(NUMBERS)
        if draw < 0.85:
            return repr(noise.uniform(-1, 1) * 10.0 ** noise.randint(-320, 300))
        if draw < 0.95:
            digits = "".join(noise.choice("0123456789") for _ in range(noise.randint(1, 40)))
            return f"{noise.choice(('', '-'))}{noise.randint(0, 99)}.{digits}e{noise.randint(-30, 5)}"
        return str(noise.randint(-10 ** noise.randint(0, 25), 10 ** noise.randint(0, 25)))

    return re.sub(r"-?\d+(\.\d+)?(e[-+]?\d+)?", other, text)


def _other_members(noise, text):
    body = json.loads(text)
    for _ in range(noise.randint(1, 2)):
        body[noise.choice(MEMBERS)] = noise.choice(VALUES)
    if noise.random() < 0.3:
        body.pop(noise.choice(list(body)))
    text = json.dumps(body, ensure_ascii=noise.random() < 0.5, indent=noise.choice((None, 2)))
    if noise.random() < 0.1:
        text = text[:-1] + ',"logits":[1]}'
    return text


def _other_bytes(noise, text):
    """One to three places changed: a byte put in, taken out or replaced, or the end cut off."""
    for _ in range(noise.randint(1, 3)):
        at = noise.randrange(len(text))
        draw = noise.random()
        new = noise.choice("[]{},:\"\\0123456789.eE+- \n\t\x00\x7f\u00e9tfn")
        if draw < 0.3:
            text = text[:at] + new + text[at:]
        elif draw < 0.6:
            text = text[:at] + text[at + 1:]
        elif draw < 0.9:
            text = text[:at] + new + text[at + 1:]
        else:
            text = text[:at]
        text = text or "1"
    return text
