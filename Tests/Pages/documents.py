"""The API reference, the derivation and the explanations of problems, in Chromium with the running service.

usage: documents.py PATH-OF-SOFTMAXD
"""

import base64
import collections
import contextlib
import gzip
import io
import json
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Clients"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "generator"))

import yaml  # noqa: E402
from selenium.webdriver.common.action_chains import ActionChains  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402

import formulas  # noqa: E402
import markdown  # noqa: E402
from browser import browser, eventually, watched  # noqa: E402
from proxy import Proxy, policy  # noqa: E402
from service import ROOT, TESTS, Service, run_tests, test  # noqa: E402

RESOURCES = ROOT / "Sources/SoftmaxService/Resources"
DESCRIPTION = yaml.safe_load((ROOT / "openapi.yaml").read_text(encoding="utf-8"))
ARTICLE = (ROOT / "Sources/SoftmaxCore/SoftmaxCore.docc/Derivation.md").read_text(encoding="utf-8")
# The most bytes of each page: as they are, and gzipped.
LIMITS = {"docs": (100_000, 20_000), "derivation": (60_000, 12_000), "problem": (12_000, 4_000)}
DOCUMENTS = ["docs", "docs/derivation", "problems/invalid-request"]
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
PAGE = None


def operations():
    return [(path, method.upper(), one) for path, item in DESCRIPTION["paths"].items() for method, one in item.items()]


def resolve(part):
    while "$ref" in part:
        target = DESCRIPTION
        for step in part["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        part = {**target, **{key: value for key, value in part.items() if key != "$ref"}}
    return part


@contextlib.contextmanager
def without_scripts():
    PAGE.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        yield
    finally:
        PAGE.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def text_of(element):
    """All of it, displayed or not, in one line."""
    return " ".join(PAGE.driver.execute_script("return arguments[0].textContent", element).split())


def examples():
    """The examples of the reference as they are: element, method, path, request, reply."""
    script = """return [...document.querySelectorAll(".example")].map((one) => [one, one.dataset.method, one.dataset.path,
        (one.querySelector(".request textarea") ?? {}).value ?? one.querySelector(".request pre").textContent,
        one.querySelector(".reply pre").textContent])"""
    return PAGE.driver.execute_script(script)


# Formulas


@test
def formulas_become_the_elements_that_they_look_like():
    y = "<msub><mi>y</mi><mi>j</mi></msub>"
    times = '<mo rspace=".12em">\u2062</mo>'
    table = [
        ("y_j", y), ("x²", "<msup><mi>x</mi><mn>2</mn></msup>"),
        ("y_j²", "<msubsup><mi>y</mi><mi>j</mi><mn>2</mn></msubsup>"),
        ("δ_ij", "<msub><mi>δ</mi><mrow><mi>i</mi><mi>j</mi></mrow></msub>"),
        ("2⁻⁵³", '<msup><mn>2</mn><mrow><mo form="prefix">−</mo><mn>53</mn></mrow></msup>'),
        ("exp(a)", "<msup><mi>e</mi><mi>a</mi></msup>"), ("e^{a}", "<msup><mi>e</mi><mi>a</mi></msup>"),
        ("a b", f"<mrow><mi>a</mi>{times}<mi>b</mi></mrow>"),
        ("Jᵀg", f"<mrow><msup><mi>J</mi><mi>T</mi></msup>{times}<mi>g</mi></mrow>"),
        ("a / b c", f"<mfrac><mi>a</mi><mrow><mi>b</mi>{times}<mi>c</mi></mrow></mfrac>"),
        ("(a + b) / c", "<mfrac><mrow><mi>a</mi><mo>+</mo><mi>b</mi></mrow><mi>c</mi></mfrac>"),
        ("z/τ", '<mrow><mi>z</mi><mo lspace="0" rspace="0">/</mo><mi>τ</mi></mrow>'),
        ("∂y/∂z", "<mfrac><mrow><mo>∂</mo><mi>y</mi></mrow><mrow><mo>∂</mo><mi>z</mi></mrow></mfrac>"),
        ("-a", '<mrow><mo form="prefix">−</mo><mi>a</mi></mrow>'),
        ("a = 1", '<mrow><mi>a</mi><mo form="infix">=</mo><mn>1</mn></mrow>'),
        ("Σ_c a", '<mrow><munder><mo movablelimits="true">∑</mo><mi>c</mi></munder><mi>a</mi></mrow>'),
    ]
    for source, expected in table:
        assert formulas.line(source) == expected, (source, formulas.line(source))
    cases = formulas.display("d = ⎧ 1   if i = j\n    ⎩ 0   if i ≠ j\n")
    assert cases.count("<mtr>") == 2 and cases.count("<mtd>") == 4 and "<mtext>if" in cases, cases
    matrix = formulas.display("J = ⎡ a  -b ⎤\n    ⎣ c  d  ⎦")
    assert matrix.count("<mtr>") == 2 and matrix.count("<mtd>") == 4 and '<mo stretchy="true">[</mo>' in matrix, matrix
    equations = formulas.display("a = b\n  = c")
    assert equations.count("<mtr>") == 2 and "<mtd></mtd>" in equations, equations
    return f"{len(table) + 3} formulas"


@test
def what_is_no_formula_is_an_error_and_so_is_markdown_that_is_not_known():
    for source in ("", "a +", "(a", "a)", "()", "a_", "a^", "word", "a & b", "a / ", "e^{a", "exp a", "a $ b", "2 = = <b>",
                   "_j", "a = \\frac", "y_j (1 - y_j", "· a", "Σ"):
        try:
            found = formulas.display(source)
        except formulas.FormulaError:
            continue
        raise AssertionError((source, found))
    for source in ("⎡ a  b ⎤\n⎣ c ⎦", "⎡ a\n⎣ b", "⎧ 1  if a = b\n0", "a = b\nc", "x = ⎧ 1\ny = ⎩ 2"):
        try:
            found = formulas.display(source)
        except formulas.FormulaError:
            continue
        raise AssertionError((source, found))
    for source in ("[a](b)", "<b>", "**a", "1. a", "> a", "| a |", "### a", "```swift\na\n```", "```\na = b", "`", "&amp;"):
        try:
            found = markdown.html(source, markdown.ARTICLE)
        except (markdown.MarkdownError, formulas.FormulaError):
            continue
        raise AssertionError((source, found))
    assert markdown.html("a < b & `c`, *d*", markdown.DESCRIPTION) == \
        '<p>a &lt; b &amp; <code class=short>c</code>, <math><mi>d</mi></math></p>'


@test
def the_pages_are_what_their_sources_say():
    generator = pathlib.Path(__file__).resolve().parent / "generator/generate.py"
    done = subprocess.run([sys.executable, str(generator), "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


# How they are served


@test
def pages_are_small_and_confined_and_are_sent_again_only_when_they_changed():
    sizes = []
    with Service() as service:
        for path in DOCUMENTS:
            response, content = service.request("GET", "/" + path, fields=BROWSER)
            assert response.status == 200 and response.getheader("Content-Type") == "text/html; charset=utf-8", path
            assert response.getheader("Content-Security-Policy") == policy(content), path
            assert response.getheader("Vary") == ("Accept" if "problems" in path else None)
            tag = response.getheader("ETag")
            known, nothing = service.request("GET", "/" + path, fields={**BROWSER, "If-None-Match": tag})
            assert known.status == 304 and not nothing and known.getheader("ETag") == tag, path
            head, nothing = service.request("HEAD", "/" + path, fields=BROWSER)
            assert head.getheader("Content-Length") == str(len(content)) and not nothing
            document = content.decode()
            assert not re.search(r" style=|<[a-z][^>]* on[a-z]+=|innerHTML|eval\(|@import|url\(", document), path
            # Not even a namespace: what is left are the commands for a terminal.
            addresses = set(re.findall(r"https?://[^\s<\"']+", document))
            assert all(one.startswith("http://127.0.0.1:8080/") for one in addresses), addresses
            most, gzipped = LIMITS[{"docs": "docs", "docs/derivation": "derivation"}.get(path, "problem")]
            size = len(content), len(gzip.compress(content, 9))
            assert size[0] < most and size[1] < gzipped, (path, size)
            sizes.append(f"{path} {size[0]} bytes, {size[1]} gzipped")
        for name, page in (("docs", "docs"), ("derivation", "docs/derivation")):
            assert service.request("GET", "/" + page)[1] == (RESOURCES / f"{name}.html").read_bytes()
    return "; ".join(sizes)


@test
def links_lead_somewhere_also_under_a_path_prefix_and_behind_a_slash_too_many():
    followed = set()
    with Service() as service, Proxy(service.port, "/team/softmax") as proxy:
        for path in [*DOCUMENTS, "docs/", "docs/derivation/", "problems/invalid-request/", ""]:
            PAGE.load(proxy.url + path)
            script = """return [...document.querySelectorAll("a, link[rel=icon]")].map((one) =>
                [one.href, one.getAttribute("href"), one.hash && !document.getElementById(one.hash.slice(1))
                    && one.href.split("#")[0] === location.href.split("#")[0]])"""
            for target, written, is_dangling in PAGE.driver.execute_script(script):
                assert target.startswith(proxy.url) and not written.startswith("/"), (path, written)
                assert not is_dangling, (path, written)
                target, _, fragment = target.partition("#")
                if target in followed and not fragment:
                    continue
                followed.add(target)
                relative = "/" + target[len(proxy.url):]
                response, content = service.request("GET", relative, fields=BROWSER)
                assert response.status == 200, (path, written, response.status)
                is_state = fragment.startswith("z=")
                assert not fragment or is_state or f'id="{fragment}"'.encode() in content, (path, written)
        assert all(path.startswith("/team/softmax/") for path in proxy.paths), proxy.paths
        # Trying out goes to the same prefix.
        PAGE.load(proxy.url + "docs/")
        PAGE.one("#softmax .actions button").click()
        eventually(lambda: "200 · " in PAGE.one("#softmax .reply .caption").text)
        assert proxy.paths[-1] == "/team/softmax/softmax", proxy.paths[-3:]
    return f"{len(followed)} addresses"


# The reference


@test
def every_route_member_reply_and_error_of_the_description_is_in_the_reference():
    counts = collections.Counter()
    with Service() as service, without_scripts():
        PAGE.load(service.url + "/docs")
        members = text_of(PAGE.one("#members"))
        errors = text_of(PAGE.one("#errors"))
        headers = text_of(PAGE.one("#headers"))
        start = text_of(PAGE.one("#start"))
        for path, method, operation in operations():
            section = PAGE.one(f"[id='{operation['operationId']}']")
            shown = text_of(section)
            assert f"{method} {path}" in shown and operation["summary"] in shown, path
            assert path in start and operation["summary"] in start, path
            counts["routes"] += 1
            if "requestBody" in operation:
                schema = resolve(operation["requestBody"]["content"]["application/json"]["schema"])
                for name, member in schema["properties"].items():
                    assert name in shown, (path, name)
                    place = members if text_of(PAGE.one("#members")).count(name) and name not in (
                        "form", "entries", "cotangents", "tangents") else shown
                    member = resolve(member)
                    for fact in (*member.get("enum", ()), member.get("default"), member.get("minimum"),
                                 member.get("maximum"), member.get("exclusiveMinimum")):
                        assert fact is None or str(fact).replace("-", "−") in place.replace("-", "−"), (path, name, fact)
                    about = member.get("description", "").split(" ", 3)
                    assert all(re.sub(r"[`*,.]", "", word) in place for word in about[:2]), (path, name)
                    counts["members"] += 1
            for parameter in map(resolve, operation.get("parameters", [])):
                assert parameter["name"] in shown, (path, parameter)
                for choice in parameter["schema"].get("enum", []):
                    assert choice in shown, (path, choice)
            for status, response in operation["responses"].items():
                response = resolve(response)
                if status >= "400":
                    link = section.find_element("css selector", f".codes a[href='#status-{status}']")
                    assert text_of(link) == status and PAGE.one(f"#status-{status}")
                    counts["errors"] += 1
                for name in response.get("headers", {}):
                    assert name in headers, (path, status, name)
                for media, content in response.get("content", {}).items():
                    assert status >= "400" or media in shown or "requestBody" in operation, (path, media)
                    schema = resolve(content["schema"])
                    for form in schema.get("oneOf", [schema]):
                        for name in form.get("properties", {}):
                            assert name in (errors if status >= "400" else shown), (path, status, name)
        everything = text_of(PAGE.one("main"))
        for name, schema in DESCRIPTION["components"]["schemas"].items():
            for form in schema.get("oneOf", [schema]):
                for member in form.get("properties", {}):
                    assert member in everything, (name, member)
                    counts["properties"] += 1
        for name, response in DESCRIPTION["components"]["responses"].items():
            for key, example in response["content"]["application/problem+json"]["examples"].items():
                problem = example["value"]
                part = text_of(PAGE.one(f"#status-{problem['status']}"))
                for member in ("detail", "title", "pointer", "limit"):
                    assert str(problem.get(member, "")) in part, (name, key, member)
                assert problem["type"].rpartition("/")[2] in part
                counts["problems"] += 1
    return ", ".join(f"{count} {name}" for name, count in counts.items())


@test
def the_examples_are_those_of_the_description():
    with Service() as service, without_scripts():
        PAGE.load(service.url + "/docs")
        assert not PAGE.all("textarea, button"), "what needs a script is there without one"
        shown = collections.defaultdict(list)
        for _, method, path, request, reply in examples():
            shown[method, "/" + path].append((request, reply))
    count = 0
    for path, method, operation in operations():
        content = operation["responses"]["200"]["content"]
        if "requestBody" in operation:
            asked = operation["requestBody"]["content"]["application/json"]["examples"]
            answered = content["application/json"]["examples"]
            expected = [(asked[name]["value"], answered[name]["value"]) for name in asked]
            found = [(json.loads(request), json.loads(reply)) for request, reply in shown[method, path]]
            assert found == expected, (path, found)
        elif found := shown.get((method, path.replace("{slug}", "reply-too-large"))):
            example = [one["example"] for media, one in content.items() if media != "text/html"][0]
            reply = found[0][1] if isinstance(example, str) else json.loads(found[0][1])
            assert len(found) == 1 and reply == (example.rstrip() if isinstance(example, str) else example), (path, reply)
        else:
            # Documents: a link to them is there instead.
            assert content.keys() & {"text/html", "application/yaml"} or path == "/openapi.json", path
            continue
        count += len(found)
    return f"{count} examples"


@test
def every_example_can_be_sent_and_is_answered_as_it_says():
    with Service() as service:
        PAGE.load(service.url + "/docs")
        before = examples()
        for element, method, path, request, reply in before:
            element.find_element("css selector", ".actions button").click()
            caption = element.find_element("css selector", ".reply .caption")
            eventually(lambda: re.search(r"Reply 200 · \d+\.\d ms · \d+ bytes", caption.text), path)
        after = examples()
        for (_, method, path, _, shown), (_, _, _, _, sent) in zip(before, after):
            if path == "metrics":
                assert sent.startswith("# HELP ") and "softmaxd_connections_open" in sent
            else:
                assert sent == shown, (path, sent, shown)
        title = text_of(before[-1][0].find_element("css selector", "h4"))
        assert PAGE.text("announcer").startswith(f"{title}: reply 200"), PAGE.text("announcer")
    return f"{len(before)} examples"


@test
def a_request_is_edited_and_sent_by_keyboard_and_its_problem_is_shown_in_place():
    with Service() as service:
        PAGE.load(service.url + "/docs")
        element = PAGE.one("#vjp .example")
        editor, reply = (element.find_element("css selector", one) for one in ("textarea", ".reply pre"))
        caption = element.find_element("css selector", ".reply .caption")
        original = text_of(reply)
        assert editor.get_attribute("ariaLabel") == "Request body: One sample"
        press = lambda *keys: ActionChains(PAGE.driver).send_keys(*keys).perform()  # noqa: E731
        PAGE.driver.execute_script("arguments[0].focus()", editor)
        outline = "return getComputedStyle(document.activeElement).outlineWidth"
        assert PAGE.driver.execute_script(outline) == "3px"
        ActionChains(PAGE.driver).key_down(Keys.CONTROL).send_keys("a").key_up(Keys.CONTROL).perform()
        press('{"logits": [[1, 2], [3, 4]], "cotangents": [[1, 2], [3]]}')
        ActionChains(PAGE.driver).key_down(Keys.CONTROL).send_keys(Keys.ENTER).key_up(Keys.CONTROL).perform()
        expected = service.post("/vjp", {"logits": [[1, 2], [3, 4]], "cotangents": [[1, 2], [3]]})[1]
        eventually(lambda: "Reply 422 · " in caption.text)
        problem = json.loads(text_of(reply))
        assert {**problem, "request_id": ""} == {**expected, "request_id": ""}
        assert "refused" in reply.get_attribute("class") and "422" in PAGE.text("announcer")
        link = caption.find_element("css selector", "a")
        assert link.get_attribute("href") == service.url + "/problems/invalid-request"
        # Tab goes on to the buttons; what is not JSON is the service's to refuse.
        press(Keys.TAB)
        assert PAGE.active().get_attribute("ariaLabel") == "Send: One sample"
        editor.send_keys("}")
        press(Keys.TAB, Keys.SPACE)
        eventually(lambda: "Reply 400 · " in caption.text)
        press(Keys.TAB)
        assert PAGE.active().get_attribute("ariaLabel") == "Reset: One sample"
        press(Keys.ENTER)
        assert (editor.get_attribute("value"), caption.text, text_of(reply)) == (
            '{"logits": [2, 1, 0], "cotangents": [1, 0, 0]}', "Reply 200", original)
        assert PAGE.active().text == "Send" and not reply.get_attribute("class")
        # A long reply is shown in part, in a box that scrolls and that the keyboard reaches.
        editor.clear()
        rows = [[number % 7 - 3 for number in range(100)] for _ in range(30)]
        text = json.dumps({"logits": rows, "cotangents": rows})
        PAGE.driver.execute_script("arguments[0].value = arguments[1]", editor, text)
        element.find_element("css selector", ".actions button").send_keys(Keys.ENTER)
        eventually(lambda: "characters more" in text_of(reply)[-40:])
        assert reply.get_attribute("tabindex") == "0" and reply.size["height"] < 500


@test
def where_the_service_is_gone_the_example_says_so_and_the_newest_reply_wins():
    with Service() as service, Proxy(service.port) as proxy:
        PAGE.load(proxy.url + "docs")
        element = PAGE.one("#jvp .example")
        send, caption = (element.find_element("css selector", one) for one in (".actions button", ".reply .caption"))
        html = {"Content-Type": "text/html"}
        proxy.answer = lambda path, body: (502, html, b"<h1>oops</h1>") if path == "/jvp" else None
        send.click()
        eventually(lambda: "Reply 502 · " in caption.text)
        assert element.find_element("css selector", ".reply pre").text == "<h1>oops</h1>"
        proxy.answer = None
        send.click()
        eventually(lambda: "Reply 200 · " in caption.text)
    send.click()
    eventually(lambda: "the service cannot be reached" in caption.text)


# The derivation


@test
def the_derivation_has_every_step_and_needs_no_script():
    with Service() as service, without_scripts():
        PAGE.load(service.url + "/docs/derivation")
        assert not PAGE.all("script")
        titles = [text_of(one) for one in PAGE.all("article h2")]
        assert titles == re.findall(r"^## (.+)$", ARTICLE, re.M), titles
        shown = "".join(PAGE.texts("article math")).replace("\u2062", "").replace("\u2061", "").replace("\u00a0", "")
        steps = [
            "yj=ezj∑cezc", "∂yj∂zi=f′g−fg′g2", "δij={1ifi=j0ifi≠j", "f′=δijezj",
            "g′=∑cδicezc=ezi", "∂yj∂zi=δijezjg−ezjezig2=ezjg⋅δijg−ezig=ezjg⋅(δij−ezig)",
            "∂yj∂zi=yj(δij−yi)", "∂yj∂zj=yj(1−yj)", "∂yj∂zi=−yjyi", "J=[y1(1−y1)−y1y2−y1y3−y2y1",
            "J=diag(y)−yyT", "=yi(gi−∑jyjgj)", "(Jv)j=yj(vj−∑iyivi)", "logyj=zj−log∑cezc",
            "∂logyj∂zi=δij−yi", "(JTg)i=gi−yi∑jgj", "softmax(z/τ)", "∂yj∂zi=yj(δij−yi)τ",
            "y1(1−y1)=y1y2≈4.248354⋅10−18", "1−ym=∑i≠myi"]
        for step in steps:
            assert step in shown, step
        words = text_of(PAGE.one("article"))
        for word in ("quotient rule", "Kronecker delta", "chain rule", "Jacobian", "VJP", "JVP", "temperature", "mask"):
            assert word in words, word
    return f"{len(titles)} sections"


@test
def mathml_is_well_formed_and_laid_out():
    script = """
        const counts = {msub: 2, msup: 2, mfrac: 2, munder: 2, msubsup: 3};
        const wrong = [];
        for (const [name, count] of Object.entries(counts)) {
          for (const one of document.querySelectorAll(name)) {
            const isWhole = one.children.length === count && [...one.children].every((part) => part.textContent);
            if (!isWhole) wrong.push(one.outerHTML);
          }
        }
        for (const one of document.querySelectorAll("mi, mn, mo, mtext")) {
          if (!one.textContent || one.children.length) wrong.push(one.outerHTML);
        }
        for (const table of document.querySelectorAll("mtable")) {
          if (new Set([...table.children].map((row) => row.children.length)).size !== 1) wrong.push(table.outerHTML);
        }
        const all = [...document.querySelectorAll("math")];
        for (const one of all) {
          const box = one.getBoundingClientRect();
          if (one.namespaceURI !== "http://www.w3.org/1998/Math/MathML" || box.width < 3 || box.height < 8) {
            wrong.push(one.outerHTML);
          }
        }
        // That fractions are stacked shows that MathML is rendered and not just text.
        const [above, below] = document.querySelector("mfrac").children;
        const isStacked = above.getBoundingClientRect().bottom <= below.getBoundingClientRect().top + 1;
        return [all.length, wrong, isStacked];
    """
    counts = []
    with Service() as service:
        for path in ("docs", "docs/derivation"):
            PAGE.load(f"{service.url}/{path}")
            count, wrong, is_stacked = PAGE.driver.execute_script(script)
            assert not wrong and is_stacked and count > 20, (path, wrong[:3], is_stacked, count)
            counts.append(f"{path} {count}")
    return ", ".join(counts)


@test
def the_numbers_of_the_derivation_are_the_services():
    with Service() as service:
        sample = {"logits": [2, 1, 0]}
        rounded = [f"{one:.3f}" for one in service.post("/softmax", sample)[1]["probabilities"]]
        assert ", ".join(rounded) in ARTICLE, rounded
        jacobian = service.post("/jacobian", sample)[1]["jacobian"]
        block = re.search(r"probabilities 0\.665.*?```\n(.*?)```", ARTICLE, re.S)[1]
        numbers = [re.findall(r"-?\d\.\d+", line) for line in block.splitlines()]
        assert numbers == [[f"{one:.3f}" for one in row] for row in jacobian], numbers
        curl, reply = re.search(r"```console\n\$ (curl .*)\n(.*)\n```", ARTICLE).groups()
        command = curl.replace("http://127.0.0.1:8080", service.url)
        done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == reply, done.stdout
        assert f"{json.loads(reply)['diagonal'][0] * 1e18:.6f}·10⁻¹⁸" in ARTICLE
    lines = re.search(r"```python\n(.*?)\n```", ARTICLE, re.S)[1].splitlines()
    output, names = io.StringIO(), {}
    for line in lines[:-2]:
        exec(line.removeprefix(">>> "), names)
    with contextlib.redirect_stdout(output):
        print(eval(lines[-2].removeprefix(">>> "), names))
    assert output.getvalue().strip() == lines[-1] == "0.0"


# Explanations of problems


@test
def a_browser_gets_an_explanation_as_a_page_and_a_program_as_json():
    slugs = [one for path, _, operation in operations() if path == "/problems/{slug}"
             for parameter in map(resolve, operation["parameters"]) for one in parameter["schema"].get("enum", [])]
    with Service() as service:
        for slug in slugs:
            for slash in ("", "/"):
                response, content = service.request("GET", f"/problems/{slug}{slash}", fields={"Accept": "*/*"})
                assert response.getheader("Content-Type") == "application/json" and response.getheader("Vary") == "Accept"
            explanation = json.loads(content)
            PAGE.load(f"{service.url}/problems/{slug}")
            assert text_of(PAGE.one("h1")) == explanation["title"]
            assert text_of(PAGE.one(".status")) == str(explanation["status"])
            assert text_of(PAGE.one(".lead")) == " ".join(explanation["detail"].split()), slug
            assert f'"type": "/problems/{slug}"' in PAGE.one("pre").text
        PAGE.one(".links a").click()
        eventually(lambda: PAGE.driver.current_url == f"{service.url}/docs#{slugs[-1]}")
        # From where the explorer tells of a problem.
        PAGE.open(f"{service.url}/#z=abc,1", is_good=False)
        link = eventually(lambda: PAGE.one("#probabilities-panel .problem a"))
        link.click()
        eventually(lambda: text_of(PAGE.one("h1")) == "The request means nothing here")
        curl = ["curl", "-sS", "-o", "/dev/null", "-w", "%{content_type}", f"{service.url}/problems/not-json"]
        assert subprocess.run(curl, capture_output=True, text=True, check=True).stdout == "application/json"
    return f"{len(slugs)} kinds"


# All of them


@test
def axe_finds_nothing_in_either_colour_scheme_at_any_width():
    checked = 0
    with Service() as service:
        for path in DOCUMENTS:
            for width in (360, 1024):
                for dark in (False, True):
                    PAGE.look(width, dark=dark)
                    PAGE.load(f"{service.url}/{path}")
                    if path == "docs":
                        # With a problem shown, too.
                        editor = PAGE.one("#softmax textarea")
                        editor.clear()
                        editor.send_keys("{", Keys.CONTROL, Keys.ENTER)
                        eventually(lambda: PAGE.all(".refused"))
                    found = PAGE.violations()
                    assert not found, (path, width, dark, found)
                    checked += 1
    return f"{checked} views"


@test
def nothing_overflows_and_every_target_is_large_enough():
    script = """
        const wide = [...document.querySelectorAll("main *")]
          .filter((one) => one.clientWidth && one.scrollWidth > one.clientWidth + 1 && one.namespaceURI.endsWith("xhtml"))
          .filter((one) => getComputedStyle(one).display !== "inline").map((one) => one.outerHTML.slice(0, 200));
        // Links in the midst of text may be as high as the text (WCAG 2.2, 2.5.8).
        const targets = "button, textarea, summary, nav a, .links a, .codes a, .routes a, .end a";
        const small = [...document.querySelectorAll(targets)]
          .filter((one) => one.offsetParent).map((one) => [one.getBoundingClientRect(), one])
          .filter(([box]) => box.width < 23.9 || box.height < 23.9)
          .map(([box, one]) => `${box.width}×${box.height} ${one.outerHTML.slice(0, 120)}`);
        return [document.documentElement.scrollWidth - innerWidth, wide, small];
    """
    with Service() as service:
        for path in DOCUMENTS:
            for width in (360, 640, 960, 1024, 1920):
                PAGE.look(width)
                PAGE.load(f"{service.url}/{path}")
                over, wide, small = PAGE.driver.execute_script(script)
                assert over <= 0 and not wide and not small, (path, width, over, wide[:3], small[:3])


@test
def the_first_thing_that_tab_reaches_leads_past_the_navigation():
    with Service() as service:
        for path in DOCUMENTS:
            PAGE.load(f"{service.url}/{path}")
            ActionChains(PAGE.driver).send_keys(Keys.TAB).perform()
            assert PAGE.active().text == "Skip to the content" and PAGE.active().rect["x"] >= 0
            ActionChains(PAGE.driver).send_keys(Keys.ENTER).perform()
            eventually(lambda: PAGE.driver.current_url.endswith("#content"))
            current = [text_of(one) for one in PAGE.all("[aria-current=page]")]
            assert current == {"docs": ["API reference"], "docs/derivation": ["Derivation"]}.get(path, []), current
            levels = [int(one.tag_name[1]) for one in PAGE.all("h1, h2, h3, h4") if one.is_displayed()]
            assert levels.count(1) == 1, levels


@test
def printed_they_are_text_on_white_paper():
    remarks = []
    with Service() as service:
        for path in DOCUMENTS:
            PAGE.look(1024, dark=True)
            PAGE.load(f"{service.url}/{path}")
            PAGE.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
            script = """const shown = (one) => [...document.querySelectorAll(one)].some((each) => each.checkVisibility());
                const hidden = [".bar nav", ".contents", ".actions", "footer"];
                return [getComputedStyle(document.body).color, hidden.filter(shown)]"""
            colour, shown = PAGE.driver.execute_script(script)
            assert colour == "rgb(0, 0, 0)" and not shown, (path, colour, shown)
            printed = PAGE.driver.execute_cdp_cmd("Page.printToPDF", {"paperWidth": 8.27, "paperHeight": 11.69})
            pdf = base64.b64decode(printed["data"])
            pages = len(re.findall(rb"/Type\s*/Page\b", pdf))
            assert pdf.startswith(b"%PDF-") and 1 <= pages <= {"docs": 24, "docs/derivation": 8}.get(path, 1), (path, pages)
            remarks.append(f"{path} {pages}")
            PAGE.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    PAGE.look(1024)
    return "pages: " + ", ".join(remarks)


if __name__ == "__main__":
    with browser() as PAGE:
        TESTS[:] = [watched(PAGE, function) for function in TESTS]
        status = run_tests()
    sys.exit(status)
