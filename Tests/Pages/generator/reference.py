"""The API reference: openapi.yaml as one page. What it does not know how to show is an error."""

import http
import json
from html import escape

import frame
import markdown

REPLY_NOTE = "Reply to the request example of the same name"
KNOWN_KEYWORDS = {
    "type", "description", "$ref", "default", "enum", "const", "minimum", "maximum", "exclusiveMinimum", "items", "anyOf",
    "minItems", "maxItems", "minLength", "maxLength", "pattern", "required", "properties", "additionalProperties",
    # Says in Schema what the description of `entries` says in words.
    "if", "then", "else"}


class DescriptionError(ValueError):
    pass


def words(text):
    """One paragraph of a description."""
    rendered = markdown.html(text, markdown.DESCRIPTION)
    if not rendered.startswith("<p>") or rendered.count("<p>") != 1:
        raise DescriptionError(f"{text!r}: not one paragraph")
    return rendered[3:-4]


def phrase(status):
    """As RFC 9110 has it; Python has older names for some."""
    newer = {"413": "Content Too Large", "414": "URI Too Long", "422": "Unprocessable Content"}
    return newer.get(status) or http.HTTPStatus(int(status)).phrase


def plain(text):
    return escape(text, quote=False)


def code(value):
    return markdown.code(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def number(value):
    return f"{value}".replace("-", "−")


WIDTH = 40


def layout(value, indent="", before=""):
    """JSON over as many lines as it needs. reference.js has the same for replies: text in, text out, digits as they are.

    indent: of the line. before: what is on it already.
    """
    short = json.dumps(value, ensure_ascii=False)
    if len(indent + before + short) <= WIDTH or not isinstance(value, (dict, list)):
        return short
    more = indent + "  "
    if isinstance(value, dict):
        names = [json.dumps(key, ensure_ascii=False) + ": " for key in value]
        lines = [more + name + layout(one, more, name) for name, one in zip(names, value.values())]
        return "{\n" + ",\n".join(lines) + f"\n{indent}}}"
    if any(isinstance(one, (dict, list)) for one in value):
        return "[\n" + ",\n".join(more + layout(one, more) for one in value) + f"\n{indent}]"
    # Numbers: as many on a line as fit, below the first.
    text, length = "[", len(indent + before) + 1
    for index, one in enumerate(json.dumps(each, ensure_ascii=False) for each in value):
        is_next = index > 0 and length + len(one) + 2 > WIDTH
        text += (f"\n{indent}" if is_next else "") + (" " if index > 0 else "") + one + ","
        length = (len(indent) if is_next else length) + (index > 0) + len(one) + 1
    return text[:-1] + "]"


class Reference:
    def __init__(self, document):
        self.document = document
        self.operations = [
            (path, method.upper(), operation)
            for path, item in document["paths"].items() for method, operation in item.items()]

    def resolve(self, part):
        """What a reference points to, with what stands beside it."""
        while "$ref" in part:
            target = self.document
            for step in part["$ref"].removeprefix("#/").split("/"):
                target = target[step]
            part = {**target, **{key: value for key, value in part.items() if key != "$ref"}}
        return part

    # Types and members

    def kind(self, schema, is_plural=False):
        """A type in a few words of HTML."""
        reference = schema.get("$ref")
        schema = self.resolve(schema)
        if unknown := schema.keys() - KNOWN_KEYWORDS:
            raise DescriptionError(f"{unknown} in {schema}")
        if "enum" in schema:
            return " or ".join(code(json.dumps(one)) for one in schema["enum"])
        if "const" in schema:
            return code(json.dumps(schema["const"]))
        name, items = schema["type"], schema.get("items", {})
        if name == "array" and "anyOf" in items:
            # A tensor: an array of arrays of itself, down to its elements.
            elements = [self.kind(one, True) for one in items["anyOf"] if one.get("$ref") != reference]
            return " or ".join(elements) + ", nested"
        if name == "array":
            if items.get("minItems", 0) == items.get("maxItems") == 2:
                return f"list of pairs of {self.kind(items['items'], True)}"
            return f"list of {self.kind(items, True)}"
        if name == "object":
            return "objects" if is_plural else "object"
        text = name + "s" * is_plural
        if "exclusiveMinimum" in schema:
            text += f" &gt; {number(schema['exclusiveMinimum'])}"
        if "minimum" in schema and "maximum" in schema:
            text += f", {number(schema['minimum'])} to {number(schema['maximum'])}"
        elif "minimum" in schema:
            text += f" ≥ {number(schema['minimum'])}"
        if "maxLength" in schema:
            text += f" of {schema['minLength']} to {schema['maxLength']} characters"
        return text

    def member(self, name, schema, mark):
        resolved = self.resolve(schema)
        needed = f'<span class="{mark}">{mark}</span>' if mark else ""
        kind = self.kind(schema)
        if "default" in resolved:
            kind += f"; default {code(json.dumps(resolved['default']))}"
        about = words(resolved["description"]) if "description" in resolved else ""
        return f'<div><dt>{name}{needed}</dt><dd class="type">{kind}</dd><dd>{about}</dd></div>'

    def members(self, properties, required):
        """Members of a request: those are marked that have to be there."""
        return self.listed({name: "required" if name in required else "" for name in properties}, properties)

    def reply_members(self, properties, required):
        """Members of a reply: those are marked that are not always there."""
        return self.listed({name: "" if name in required else "optional" for name in properties}, properties)

    def listed(self, marks, properties):
        return '<dl class="members">' + "".join(
            self.member(name, schema, marks[name]) for name, schema in properties.items()) + "</dl>"

    def shared_members(self):
        """Those that every request has alike."""
        requests = [self.request_schema(operation)["properties"] for _, _, operation in self.operations
                    if "requestBody" in operation]
        return {name: schema for name, schema in requests[0].items() if all(one.get(name) == schema for one in requests)}

    def request_schema(self, operation):
        content = operation["requestBody"]["content"]
        if content.keys() != {"application/json"}:
            raise DescriptionError(f"{content.keys()}")
        return self.resolve(content["application/json"]["schema"])

    # Parts of the page

    def heading(self, path, method, operation):
        return (f'<h2 class="route"><span class="method">{method}</span> {path}</h2>\n'
                f"<p>{plain(operation['summary'])}.</p>")

    def example(self, title, path, method, body, status, reply):
        request = f"<pre>{plain(json.dumps(body, ensure_ascii=False))}</pre>" if body else ""
        side = "" if body else f"<pre>{method} {path}</pre>"
        return f"""<div class="example" data-method="{method}" data-path="{path.removeprefix("/")}">
<h4>{plain(title)}</h4>
<div class="exchange">
<div class="request"><p class="caption"><b>Request</b> {f"{method} {path}" if body else ""}</p>{request}{side}</div>
<div class="reply"><p class="caption"><b>Reply</b> {status}</p><pre>{plain(reply)}</pre></div>
</div>
</div>"""

    def posted_examples(self, path, method, operation):
        asked = operation["requestBody"]["content"]["application/json"]["examples"]
        answered = operation["responses"]["200"]["content"]["application/json"]["examples"]
        if asked.keys() != answered.keys() or any(one["summary"] != REPLY_NOTE for one in answered.values()):
            raise DescriptionError(f"{path}: requests and replies do not match")
        return "\n".join(
            self.example(one["summary"], path, method, one["value"], 200, layout(answered[name]["value"]))
            for name, one in asked.items())

    def replies(self, operation):
        """The members of each form of the 200."""
        response = operation["responses"]["200"]
        schema = self.resolve(response["content"]["application/json"]["schema"])
        about = f"<p>{words(response['description'])} With {self.headers(response)}.</p>"
        return about + '<p class="or small soft">or</p>'.join(
            self.reply_members(form["properties"], form["required"]) for form in schema.get("oneOf", [schema]))

    def headers(self, response):
        return ", ".join(code(name) for name in response["headers"])

    def failures(self, operation):
        """Links to all errors of a route."""
        links = [
            f'<li><a href="#status-{status}" title="{phrase(status)}">{status}</a></li>'
            for status in operation["responses"] if status >= "400"]
        return f'<ul class="codes" aria-label="Errors">{"".join(links)}</ul>'

    def compute_route(self, path, method, operation, shared):
        schema = self.request_schema(operation)
        own = {name: one for name, one in schema["properties"].items() if name not in shared}
        others = ", ".join(f'<a href="#members"><code>{name}</code></a>' for name in shared)
        table = self.members(own, schema["required"]) if own else ""
        return f"""<section class="panel" id="{operation['operationId']}">
{self.heading(path, method, operation)}
{markdown.html(operation["description"], markdown.DESCRIPTION)}
<h3>Members</h3>
{table}
<p class="small soft">{"And those of every request" if own else "Those of every request"}: {others}.</p>
<h3>Examples</h3>
<div class="examples">
{self.posted_examples(path, method, operation)}
</div>
<h3>Reply</h3>
{self.replies(operation)}
<h3>Errors</h3>
{self.failures(operation)}
</section>"""

    def get_route(self, path, method, operation):
        parts = [self.heading(path, method, operation)]
        if "description" in operation:
            parts.append(f"<p>{words(operation['description'])}</p>")
        if parameters := [self.resolve(one) for one in operation.get("parameters", [])]:
            parts.append("<h3>Parameters</h3>" + '<dl class="members">' + "".join(
                self.parameter(one) for one in parameters) + "</dl>")
        parts.append("<h3>Reply</h3>")
        for status, response in operation["responses"].items():
            if status < "400":
                fields = f" With {self.headers(response)}." if "headers" in response else ""
                types = " or ".join(map(code, response.get("content", {})))
                about = words(response["description"]) + (f" {types}." if types else "")
                parts.append(f"<p><b>{status}</b> {about}{fields}</p>")
        for media, content in operation["responses"]["200"]["content"].items():
            schema = self.resolve(content["schema"])
            if "properties" in schema:
                parts.append(self.reply_members(schema["properties"], schema["required"]))
            is_document = media in ("text/html", "application/yaml") or path == "/openapi.json"
            if not is_document:
                example = content["example"]
                shown = example.rstrip() if isinstance(example, str) else layout(example)
                target = path.replace("{slug}", "reply-too-large")
                title = "An example" if media != "text/plain" else "Its beginning"
                parts.append(f'<div class="examples">{self.example(title, target, method, None, 200, shown)}</div>')
            elif path != "/docs" and "{" not in path:
                root = path.removeprefix("/") or "./"
                parts.append(f'<p><a href="{root}">Open it</a></p>')
        parts.append(f"<h3>Errors</h3>{self.failures(operation)}")
        return f'<section class="panel" id="{operation["operationId"]}">\n' + "\n".join(parts) + "\n</section>"

    def parameter(self, parameter):
        schema = parameter["schema"]
        if parameter["in"] == "path":
            kinds = " ".join(
                f'<a href="problems/{one}"><code class=short>{one}</code></a>' for one in schema["enum"])
            return (f'<div><dt>{parameter["name"]}<span class="required">required</span></dt>'
                    f'<dd class="type">in the path</dd><dd>One of {kinds}</dd></div>')
        about = words(parameter["description"])
        return f'<div><dt>{parameter["name"]}</dt><dd class="type">header field</dd><dd>{about}</dd></div>'

    def errors(self):
        """Each status with its kinds of problems, and what each of the examples says."""
        found = {}
        for _, _, operation in self.operations:
            for status, response in operation["responses"].items():
                if status >= "400":
                    found.setdefault(status, self.resolve(response))
        parts = []
        for status, response in sorted(found.items()):
            kinds = {}
            for example in response["content"]["application/problem+json"]["examples"].values():
                kinds.setdefault(example["value"]["type"], []).append(example)
            causes = "".join(self.cause(kind, examples) for kind, examples in kinds.items())
            parts.append(f"""<div class="failure" id="status-{status}">
<h3>{status} {phrase(status)}</h3>
<p>{words(response["description"])} With {self.headers(response)}.</p>
{causes}</div>""")
        return "\n".join(parts)

    def cause(self, kind, examples):
        """One kind of problem: its title, which is a link to what it means, and its examples."""
        name = kind.removeprefix("/problems/")
        items = []
        for example in examples:
            problem = example["value"]
            facts = [f"{key}: {code(problem[key])}" for key in ("pointer", "limit") if key in problem]
            if "summary" in example:
                facts.insert(0, words(example["summary"]))
            meta = f'<br><span class="meta">{" · ".join(facts)}</span>' if facts else ""
            items.append(f"<li>{plain(problem['detail'])}{meta}</li>")
        return f'<div class="cause" id="{name}"><h4><a href="problems/{name}">{plain(examples[0]["value"]["title"])}</a> ' \
            f'<code class="soft">{name}</code></h4><ul>{"".join(items)}</ul></div>\n'

    def headers_section(self):
        used = {}
        for _, _, operation in self.operations:
            for response in operation["responses"].values():
                for name, header in self.resolve(response).get("headers", {}).items():
                    used.setdefault(name, []).append(self.resolve(header))
        rows = []
        for name, headers in sorted(used.items()):
            about = {words(one["description"]) for one in headers}
            kinds = {self.kind(one["schema"]) for one in headers}
            rows.append(f'<div><dt>{name}</dt><dd class="type">{" or ".join(sorted(kinds))}</dd>'
                        f"<dd>{' '.join(sorted(about))}</dd></div>")
        return f'<dl class="members">{"".join(rows)}</dl>'

    def html(self, script):
        document, info = self.document, self.document["info"]
        shared = self.shared_members()
        required = self.request_schema(self.operations[0][2])["required"]
        compute = [one for one in self.operations if "requestBody" in one[2]]
        others = [one for one in self.operations if "requestBody" not in one[2]]
        about = markdown.html(info["description"], markdown.DESCRIPTION)
        path, method, operation = compute[0]
        request = operation["requestBody"]["content"]["application/json"]["examples"]["sample"]["value"]
        reply = operation["responses"]["200"]["content"]["application/json"]["examples"]["sample"]["value"]
        curl = f"$ curl --json '{json.dumps(request)}' http://127.0.0.1:8080{path}"
        problem = self.resolve({"$ref": "#/components/responses/UnprocessableContent"})
        shown = problem["content"]["application/problem+json"]["examples"]["shapes_differ"]["value"]
        schema = self.resolve({"$ref": "#/components/schemas/Problem"})

        def route_list(some):
            return '<ul class="routes">' + "".join(
                f'<li><a href="#{operation["operationId"]}"><span class="method">{method}</span><code>{path}</code>'
                f'<span class="small">{plain(operation["summary"])}</span></a></li>'
                for path, method, operation in some) + "</ul>"

        entries = [("start", "At a glance"), ("members", "Members of requests"), (None, "Routes")]
        entries += [(one["operationId"], f"<code>{path}</code>") for path, _, one in self.operations]
        entries += [(None, "Whatever the route"), ("errors", "Errors"), ("headers", "Header fields"),
                    ("numbers", "Numbers and rules")]
        content = f"""<main id="content" class="page">
{frame.contents(entries)}
<div class="sheets">
<div class="intro">
<h1>API reference</h1>
<p class="lead">{plain(info["summary"])} JSON in, JSON out.</p>
<p class="links small"><a href="openapi.yaml">openapi.yaml</a> <a href="openapi.json">openapi.json</a>
<a href="docs/derivation">The derivation</a> <a href="./">The explorer</a></p>
</div>
<section class="panel" id="start">
<h2>At a glance</h2>
<p>Send logits, get probabilities:</p>
<pre>{plain(curl)}
{plain(json.dumps(reply, separators=(",", ":")))}</pre>
{route_list(compute)}
<h3>For operators and tools</h3>
{route_list(others)}
<h3>Whatever the route</h3>
<p class="links"><a href="#errors">Errors</a> <a href="#headers">Header fields</a>
<a href="#numbers">Numbers and rules</a></p>
</section>
<section class="panel" id="members">
<h2>Members of requests</h2>
<p>A request is one JSON object, sent as <code>application/json</code>. Every compute route takes these members; the
routes below add their own. An unknown member is an error that names the closest known one.</p>
{self.members(shared, required)}
</section>
{chr(10).join(self.compute_route(*one, shared) for one in compute)}
{chr(10).join(self.get_route(*one) for one in others)}
<section class="panel" id="errors">
<h2>Errors</h2>
<p>Every failure has the same form, <code>application/problem+json</code>: {words(schema["description"])}</p>
<pre>{plain(layout(shown))}</pre>
{self.reply_members(schema["properties"], schema["required"])}
{self.errors()}
</section>
<section class="panel" id="headers">
<h2>Header fields of replies</h2>
{self.headers_section()}
</section>
<section class="panel" id="numbers">
<h2>Numbers and rules</h2>
{about}
</section>
</div>
</main>
<footer><span>softmaxd {info["version"]}</span> <a href="openapi.yaml">openapi.yaml</a> <a href="metrics">Metrics</a>
<span>Made from openapi.yaml, whose examples are tested.</span></footer>
<p class="unseen" id="announcer" role="status"></p>
"""
        return frame.page(
            "API reference – softmaxd", "Every route of softmaxd with its members, replies and errors.", content, root="",
            path="docs", style="reference", script=script)
