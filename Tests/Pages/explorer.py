"""The explorer page in Chromium, with the running service. usage: explorer.py PATH-OF-SOFTMAXD"""

import gzip
import json
import math
import pathlib
import re
import shutil
import subprocess
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Clients"))

from selenium.webdriver.common.action_chains import ActionChains  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402

from browser import browser, eventually, watched  # noqa: E402
from proxy import Proxy, policy  # noqa: E402
from service import ROOT, TESTS, Service, run_tests, test  # noqa: E402

SOURCE = ROOT / "Sources/SoftmaxService/Resources/explorer.html"
PRESETS = ["2, 1, 0", "Uniform", "Tie", "Confident", "Saturated", "Masked", "Large τ"]
PAGE = None


def digits(service, path, body):
    """A reply with its numbers as the text that the service wrote."""
    content = service.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})[1]
    return json.loads(content, parse_float=str, parse_int=str)


def plain(text):
    """A number as the page shows it, in ASCII."""
    return text.replace("−∞", "-Infinity").replace("−", "-")


def shows_what_the_service_answers(page, service):
    """Compares all that is on the page with direct calls of the same content; needs "All digits" to be on."""
    request = page.body("softmax")
    log = page.body("log_softmax")
    probabilities = digits(service, "/softmax", request)["probabilities"]
    logs = digits(service, "/softmax", log)["log_probabilities"]
    eventually(lambda: [plain(text) for text in page.texts("#rows .probability")] == probabilities, probabilities)
    eventually(lambda: [plain(text)[4:] for text in page.texts("#rows .log")] == logs, logs)
    total = math.fsum(map(float, probabilities))
    eventually(lambda: float(plain(page.text("sum"))) == total, total)
    jacobian = digits(service, "/jacobian", page.body("jacobian"))["jacobian"]
    chosen = eventually(lambda: page.one("[aria-selected=true].cell"))
    j, i = int(chosen.get_attribute("data-output")), int(chosen.get_attribute("data-input"))
    for element in ("entry", "served", "plain-served"):
        eventually(lambda element=element: page.text(element) == jacobian[j][i], (element, jacobian[j][i]))
    product = page.body("product")
    name = "vjp" if "cotangents" in product else "jvp"
    answer = digits(service, "/" + name, product)[name]
    eventually(lambda: [plain(text) for text in page.texts("#vector .product")] == answer, answer)
    reply = json.loads(page.text("reply"))
    assert reply[name] == [float(one) for one in answer], reply
    return jacobian, (j, i)


@test
def the_page_is_small_and_confined_and_is_sent_again_only_when_it_changed():
    document = SOURCE.read_bytes()
    assert len(document) < 120_000 and len(gzip.compress(document, 9)) < 35_000, len(document)
    for outside in (b"http://", b"https://", b" style=", b"innerHTML", b"eval("):
        allowed = {b"http://": 1}.get(outside, 0)
        # The namespace of MathML, which nobody asks.
        assert document.count(outside) <= allowed, outside
    assert not re.search(rb"<[a-z][^>]* on[a-z]+=", document)
    with Service() as service:
        response, content = service.request("GET", "/")
        assert response.status == 200 and content == document
        tag = response.getheader("ETag")
        assert re.fullmatch(r'"[^"\s]+"', tag), tag
        expected = {
            "Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-cache",
            "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
            "Content-Security-Policy": policy(document)}
        for name, value in expected.items():
            assert response.getheader(name) == value, (name, response.getheader(name))
        head, nothing = service.request("HEAD", "/")
        assert head.status == 200 and not nothing and head.getheader("ETag") == tag
        assert head.getheader("Content-Length") == str(len(document))
        for known in (tag, f"W/{tag}", f'"a,b", {tag}', "*", f'W/"x" ,, {tag} '):
            for method in ("GET", "HEAD"):
                response, nothing = service.request(method, "/", fields={"If-None-Match": known})
                assert response.status == 304 and not nothing and response.getheader("ETag") == tag, known
                for name in ("Content-Security-Policy", "Cache-Control"):
                    assert response.getheader(name) == expected[name], name
        for other in ('"x"', tag[:-1], tag.strip('"'), f"w/{tag}", f'"*", "{tag}x"', ""):
            assert service.request("GET", "/", fields={"If-None-Match": other})[0].status == 200, other
        line = ["curl", "-sS", "--http2-prior-knowledge", "-o", "/dev/null", "-w", "%{http_code} %{size_download}"]
        for fields, answer in (([], f"200 {len(document)}"), (["-H", f"If-None-Match: {tag}"], "304 0")):
            done = subprocess.run([*line, *fields, service.url + "/"], capture_output=True, text=True, check=True)
            assert done.stdout == answer, done.stdout
    return f"{len(document)} bytes, {len(gzip.compress(document, 9))} gzipped"


@test
def every_example_shows_the_services_own_digits():
    with Service() as service:
        PAGE.open(service.url + "/#z=1,2&a=1")
        for name in PRESETS:
            PAGE.button(name).click()
            eventually(lambda: PAGE.button(name).get_attribute("aria-pressed") == "true", name)
            for function in ("softmax", "log_softmax"):
                for dtype in ("float64", "float32"):
                    for control, value in (("function", function), ("dtype", dtype)):
                        PAGE.one(f"input[name={control}][value={value}] + span").click()
                    eventually(lambda: PAGE.body("jacobian").get("function", "softmax") == function)
                    eventually(lambda: PAGE.body("jacobian").get("dtype", "float64") == dtype)
                    shows_what_the_service_answers(PAGE, service)
            assert all(text == "0" for text in PAGE.texts("#map tbody .sum")), PAGE.texts("#map tbody .sum")


@test
def every_entry_is_reached_by_arrow_keys_and_read_out_with_its_derivation():
    with Service() as service:
        PAGE.open(service.url + "/#z=2,1,0.5,-3&a=1&c=0.0")
        jacobian = digits(service, "/jacobian", PAGE.body("jacobian"))["jacobian"]
        PAGE.one("[aria-selected=true].cell").click()
        assert len(PAGE.all("#map [tabindex='0']")) == 1
        path = [(j, i) for j in range(4) for i in (range(4) if j % 2 == 0 else reversed(range(4)))]
        for previous, (j, i) in zip([path[0], *path], path):
            key = {(0, 1): Keys.ARROW_RIGHT, (0, -1): Keys.ARROW_LEFT, (1, 0): Keys.ARROW_DOWN, (0, 0): Keys.HOME}[
                j - previous[0], i - previous[1]]
            PAGE.active().send_keys(key)
            cell = PAGE.active()
            assert (cell.get_attribute("data-output"), cell.get_attribute("data-input")) == (str(j), str(i))
            value = float(jacobian[j][i])
            label = cell.get_attribute("aria-label")
            assert label.startswith(f"∂y {j + 1} by ∂z {i + 1} = "), label
            assert math.isclose(float(plain(label.split(" = ")[1])), value, rel_tol=0.06), label
            assert cell.text and (cell.text[0] == "−") == (value < 0), cell.text
            eventually(lambda: PAGE.text("entry") == PAGE.text("served") == jacobian[j][i], (j, i))
            # The last line of the last step is the result, the finite difference stands beside it.
            last = PAGE.texts("#steps .numbers .math")[-1]
            assert math.isclose(float(plain(last).strip("= ")), value, rel_tol=6e-4), (last, value)
            eventually(lambda: math.isclose(float(PAGE.text("difference")), value, rel_tol=1e-6), (j, i))
            assert [text[:3] for text in PAGE.texts("#steps .holds")] == ["i=j" if i == j else "i≠j"]
        for keys, place in ((Keys.UP, (2, 0)), (Keys.END, (2, 3)), (Keys.HOME, (2, 0))):
            PAGE.active().send_keys(keys)
            cell = PAGE.active()
            assert (int(cell.get_attribute("data-output")), int(cell.get_attribute("data-input"))) == place
        for key, place in ((Keys.END, ("3", "3")), (Keys.HOME, ("0", "0"))):
            ActionChains(PAGE.driver).key_down(Keys.CONTROL).send_keys(key).key_up(Keys.CONTROL).perform()
            cell = PAGE.active()
            assert (cell.get_attribute("data-output"), cell.get_attribute("data-input")) == place


@test
def pointing_reads_an_entry_out_and_a_click_chooses_it():
    with Service() as service:
        PAGE.open(service.url + "/#z=2,1,0")
        jacobian = digits(service, "/jacobian", PAGE.body("jacobian"))["jacobian"]
        cell = PAGE.one("[data-output='2'][data-input='1']")
        ActionChains(PAGE.driver).move_to_element(cell).perform()
        eventually(lambda: PAGE.text("entry") == jacobian[2][1])
        assert PAGE.text("served") == jacobian[0][0]
        ActionChains(PAGE.driver).move_to_element(PAGE.one("h1")).perform()
        eventually(lambda: PAGE.text("entry") == jacobian[0][0])
        cell.click()
        eventually(lambda: PAGE.text("served") == jacobian[2][1] and "c=2.1" in PAGE.fragment())


@test
def plain_code_loses_all_digits_where_the_service_loses_none():
    with Service() as service:
        PAGE.open(service.url + "/")
        assert PAGE.text("plain-error") != "100 %"
        PAGE.button("Saturated").click()
        eventually(lambda: PAGE.text("plain-error") == "100 %" and PAGE.text("plain") == "0")
        assert PAGE.text("plain-served") == PAGE.text("served") == "4.248354255291589e-18"
        assert PAGE.text("plain-code") == "y[j] * (1 - y[j])"
        # Digits are compared in one notation.
        PAGE.open(service.url + "/#z=0,11.5&c=0.0")
        eventually(lambda: re.fullmatch(r"1\.\d+e-05", PAGE.text("served")))
        for number in ("plain", "difference"):
            assert PAGE.text(number)[:6] == PAGE.text("served")[:6] and PAGE.text(number).endswith("e-05"), number
        assert len(PAGE.text("plain").replace(PAGE.one("#plain mark").text, "")) > 10


def drag(slider, share):
    """Presses the mouse on a slider's middle and moves it to that share of its half width."""
    width = slider.size["width"]
    chain = ActionChains(PAGE.driver).move_to_element(slider).click_and_hold()
    chain.move_by_offset(int(width / 2 * share), 0).release().perform()


@test
def every_control_works_by_mouse():
    with Service() as service:
        PAGE.open(service.url + "/#z=2,1,0&a=1")

        def sent(call="jacobian", **members):
            eventually(lambda: members.items() <= PAGE.body(call).items(), (members, PAGE.body(call)))

        PAGE.button("Add a class").click()
        sent(logits=[2, 1, 0, 0])
        PAGE.all("#rows .remove")[0].click()
        sent(logits=[1, 0, 0])
        drag(PAGE.all("#rows .slider")[1], 0.5)
        moved = PAGE.body("jacobian")["logits"][1]
        assert 3 < moved < 7, moved
        assert PAGE.all("#rows .number")[1].get_attribute("value") == str(moved)
        PAGE.all("#rows .switch")[2].click()
        sent(mask=[True, True, False])
        drag(PAGE.one("#temperature-slider"), 0.5)
        assert 10 < PAGE.body("jacobian")["temperature"] < 1000
        PAGE.one("input[value=log_softmax][name=function] + span").click()
        sent(function="log_softmax")
        PAGE.one("input[value=float32] + span").click()
        sent(dtype="float32")
        drag(PAGE.all("#vector .slider")[1], -0.5)
        assert -1.5 < PAGE.body("product")["cotangents"][1] < -0.5, PAGE.body("product")
        PAGE.one("input[value=jvp] + span").click()
        eventually(lambda: "tangents" in PAGE.body("product"))
        shows_what_the_service_answers(PAGE, service)
        PAGE.button("All ones").click()
        sent("product", tangents=[1, 1, 1])
        PAGE.button("One-hot at the chosen entry").click()
        sent("product", tangents=[1, 0, 0])
        PAGE.one("#pasted").send_keys("[0.5, -1.25,  3e0; −2]")
        PAGE.button("Use").click()
        sent(logits=[0.5, -1.25, 3, -2])
        assert "mask" not in PAGE.body("jacobian")
        shows_what_the_service_answers(PAGE, service)
        PAGE.one("#all-digits").click()
        eventually(lambda: all(len(text) <= 9 for text in PAGE.texts("#rows .probability")))
        PAGE.one("label:has(#all-digits)").click()
        eventually(lambda: any(len(text) > 8 for text in PAGE.texts("#rows .probability")))
        for number, call in ((0, "y"), (1, "log y"), (2, "Jacobian"), (3, "difference"), (4, "product")):
            choice = PAGE.all("#call-choices span")[number]
            assert choice.text == call
            choice.click()
            reply = PAGE.text("reply")
            member = ["probabilities", "log_probabilities", "jacobian", "log_probabilities", "jvp"][number]
            assert member in json.loads(reply), reply
            facts = PAGE.text("reply-facts")
            assert re.fullmatch(rf"Reply: 200 · {len(reply) + 1}|.* bytes · \d+\.\d ms", facts), facts


@test
def the_loss_gradient_is_y_minus_p():
    with Service() as service:
        PAGE.open(service.url + "/#z=2,1,0&c=1.0&a=1")
        PAGE.button("Loss gradient: log-softmax, one-hot").click()
        eventually(lambda: PAGE.body("product").get("cotangents") == [0, -1, 0])
        assert PAGE.body("product")["function"] == "log_softmax"
        shows_what_the_service_answers(PAGE, service)
        probabilities = [float(text) for text in digits(service, "/softmax", {"logits": [2, 1, 0]})["probabilities"]]
        gradient = [float(plain(text)) for text in PAGE.texts("#vector .product")]
        for index, (got, y) in enumerate(zip(gradient, probabilities)):
            assert math.isclose(got, y - (index == 1), rel_tol=1e-15), gradient
        assert "y − p" in PAGE.text("product-note")


@test
def every_control_works_by_keyboard_alone():
    with Service() as service:
        PAGE.open(service.url + "/#z=2,1,0&a=1")
        tab = lambda times=1: ActionChains(PAGE.driver).send_keys(Keys.TAB * times).perform()  # noqa: E731
        press = lambda *keys: ActionChains(PAGE.driver).send_keys(*keys).perform()  # noqa: E731
        value = lambda: PAGE.active().get_attribute("value")  # noqa: E731
        outline = "return getComputedStyle(arguments[0]).outlineStyle + getComputedStyle(arguments[0]).outlineWidth"

        def focused(**attributes):
            active = PAGE.active()
            for name, expected in attributes.items():
                found = active.get_attribute(name.replace("_", "-"))
                assert found == expected, (name, found, active.get_attribute("outerHTML"))
            shown = active.get_attribute("type") == "radio" and active.find_element("xpath", "following-sibling::span")
            style = PAGE.driver.execute_script(outline, shown or active)
            assert style == "solid3px", (style, active.get_attribute("outerHTML"))

        for name in ("softmaxd", "Explorer", "API reference", "Derivation", *PRESETS):
            tab()
            focused(textContent=name)
        press(Keys.SPACE)
        eventually(lambda: PAGE.body("softmax").get("temperature") == 100)
        PAGE.open(service.url + "/#z=2,1,0&a=1")
        tab(12)
        focused(id="temperature-slider")
        press(Keys.ARROW_RIGHT * 10)
        tab()
        focused(id="temperature", value="1.26")
        press(Keys.END, Keys.BACKSPACE * 4, "0.5")
        eventually(lambda: PAGE.body("softmax").get("temperature") == 0.5)
        PAGE.one("#temperature").send_keys("")
        tab()
        focused(name="function", value="softmax")
        press(Keys.ARROW_RIGHT)
        focused(name="function", value="log_softmax")
        tab()
        press(Keys.ARROW_RIGHT)
        focused(name="dtype", value="float32")
        tab()
        focused(role="switch", aria_label="Class 1 takes part")
        press(Keys.SPACE)
        tab()
        focused(aria_label="Name of class 1")
        press("owl")
        tab()
        focused(type="range", aria_label="Logit of class 1, slider")
        press(Keys.ARROW_UP * 3)
        tab()
        focused(aria_label="Logit of class 1")
        assert value() == "2.3", value()
        press(Keys.END, Keys.BACKSPACE, "5")
        tab()
        focused(aria_label="Remove class 1")
        eventually(lambda: PAGE.body("jacobian") == {
            "logits": [2.5, 1, 0], "temperature": 0.5, "function": "log_softmax", "mask": [False, True, True],
            "dtype": "float32"}, PAGE.body("jacobian"))
        shows_what_the_service_answers(PAGE, service)
        assert PAGE.one("#vector .label").text == "owl"
        eventually(lambda: "n=owl,," in PAGE.fragment())
        PAGE.one("[aria-label='Remove class 1']").send_keys(Keys.ENTER)
        focused(aria_label="Logit of class 1")
        tab(4)
        focused(aria_label="Logit of class 2")
        # Two classes are the fewest: there is nothing to remove, and Tab goes on.
        tab()
        focused(id="all-digits")
        press(Keys.SPACE)
        tab()
        focused(textContent="Add a class")
        press(Keys.ENTER)
        focused(aria_label="Logit of class 3")
        PAGE.button("Add a class").send_keys("")
        tab()
        focused(id="pasted")
        press("1 2 3", Keys.ENTER)
        eventually(lambda: PAGE.body("jacobian")["logits"] == [1, 2, 3])
        PAGE.one("#pasted").send_keys("")
        tab(2)
        focused(role="gridcell", aria_selected="true")
        tab()
        focused(textContent="the whole derivation")
        tab()
        focused(aria_label="Vector, class 1, slider")
        press(Keys.ARROW_LEFT)
        tab()
        focused(aria_label="Vector, class 1", value="0.98")
        tab(5)
        focused(name="product", value="vjp")
        press(Keys.ARROW_RIGHT)
        focused(name="product", value="jvp")
        for _ in range(3):
            tab()
        focused(textContent="All ones")
        press(Keys.ENTER)
        eventually(lambda: PAGE.body("product").get("tangents") == [1, 1, 1])
        PAGE.button("All ones").send_keys("")
        tab()
        focused(name="call", value="product")
        press(Keys.ARROW_LEFT)
        focused(name="call", value="difference")
        tab()
        focused(role="tab", textContent="curl")
        for name in ("Python", "JavaScript", "Swift", "curl"):
            press(Keys.ARROW_RIGHT)
            focused(role="tab", textContent=name, aria_selected="true")
        press(Keys.END)
        focused(textContent="Swift")
        assert "URLSession" in PAGE.text("snippet")
        tab()
        focused(id="snippet")
        tab()
        focused(id="copy")
        press(Keys.ENTER)
        eventually(lambda: PAGE.text("copy") == "Copied")
        tab()
        focused(id="reply")
        tab(3)
        focused(textContent="Metrics")


@test
def what_is_shown_is_in_the_address():
    with Service() as service:
        PAGE.open(service.url + "/")
        PAGE.one("#pasted").send_keys("3.25 -1 0.125 -inf")
        PAGE.button("Use").click()
        for index, name in enumerate(["a,b", "<i>&", "ü/#?", ""]):
            PAGE.all("#rows .name input")[index].send_keys(name)
        PAGE.all("#rows .switch")[1].click()
        PAGE.one("input[value=log_softmax][name=function] + span").click()
        PAGE.one("input[value=float32] + span").click()
        PAGE.one("#temperature").send_keys(".5")
        PAGE.one("input[value=jvp] + span").click()
        PAGE.all("#vector .number")[2].send_keys(".75")
        PAGE.one("#all-digits").click()
        PAGE.one("[data-output='2'][data-input='0']").click()
        PAGE.one("#tab-javascript").click()
        PAGE.all("#call-choices span")[2].click()

        def everything():
            values = "return [...document.querySelectorAll('input')].map((one) => one.value + one.checked)"
            text = PAGE.driver.execute_script("return document.querySelector('main').innerText")
            return PAGE.driver.execute_script(values), re.sub(r"[\d.]+ ms", "", text)

        eventually(lambda: "q=jacobian" in PAGE.fragment() and "c=2.0" in PAGE.fragment())
        fragment = PAGE.fragment()
        PAGE.open(service.url + "/" + fragment)
        first = everything()
        PAGE.open(service.url + "/" + fragment)
        eventually(lambda: everything() == first)
        assert PAGE.fragment() == fragment, (fragment, PAGE.fragment())
        assert [one.get_attribute("value") for one in PAGE.all("#rows .name input")] == ["a,b", "<i>&", "ü/#?", ""]
        # A fragment that somebody types while the page is open.
        PAGE.driver.execute_script("location.hash = 'z=7,8'")
        eventually(lambda: [one.get_attribute("value") for one in PAGE.all("#rows .number")] == ["7", "8"])
        # In the same moment as a change on the page, whose own fragment is about to be written.
        PAGE.driver.execute_script("document.querySelector('#add').click(); setTimeout(() => {"
                                   "location.hash = 'z=5,6'; const end = performance.now() + 300;"
                                   "while (performance.now() < end); }, 100)")
        eventually(lambda: [one.get_attribute("value") for one in PAGE.all("#rows .number")] == ["5", "6"])


@test
def a_fragment_of_anybodys_does_no_harm():
    with Service() as service:
        names = "%3Cimg%20src=x%20onerror=alert(1)%3E"
        for fragment in (f"z=1,2&n={names},{names}", "z=1", "z=" + "1," * 50 + "1", "%",
                         "z=%E0%A4,1&c=9.9&p=x&q=y&l=z&t=1&m=zz", "z=1,2&c=-1.1e9&g=1,2,3,4,5",
                         "q=__proto__&l=constructor&z=1,2", "&&==&z"):
            PAGE.open(f"{service.url}/#{fragment}", is_good=False)
            eventually(lambda: len(PAGE.all("#rows .row")) >= 2 and (
                PAGE.text("reply") or not PAGE.all("#probabilities-panel .problem[hidden]")), fragment)
            assert not PAGE.all("#rows img, main img"), fragment


@test
def a_refused_request_is_told_in_place_and_the_last_good_reply_stays():
    with Service() as service:
        PAGE.open(service.url + "/#z=2,1,0&a=1")
        before = PAGE.texts("#rows .probability"), PAGE.text("entry"), PAGE.texts("#vector .product")
        PAGE.one("#pasted").send_keys("2 apples 0")
        PAGE.button("Use").click()
        problem = eventually(lambda: PAGE.one("#probabilities-panel .problem:not([hidden])"))
        expected = service.post("/softmax", {"logits": [2, "apples", 0]})[1]
        assert expected["status"] == 422
        eventually(lambda: all(part in problem.text for part in (expected["title"], expected["detail"], "422")))
        assert problem.find_element("css selector", "a").get_attribute("href") == service.url + expected["type"]
        eventually(lambda: len(PAGE.all(".problem:not([hidden])")) == 4)
        assert (PAGE.texts("#rows .probability"), PAGE.text("entry"), PAGE.texts("#vector .product")) == before
        assert "last good reply" in problem.text
        invalid = PAGE.all("[aria-invalid=true]")
        assert [one.get_attribute("aria-label") for one in invalid] == ["Logit of class 2"]
        eventually(lambda: expected["detail"] in PAGE.text("announcer"))
        invalid[0].clear()
        invalid[0].send_keys("1")
        eventually(lambda: not PAGE.all(".problem:not([hidden]), [aria-invalid=true]"))
        shows_what_the_service_answers(PAGE, service)
        # Every class masked; a temperature of 0; too large a number; a vector that is none.
        PAGE.open(service.url + "/#z=2,1")
        for switch in PAGE.all("#rows .switch"):
            switch.click()
        eventually(lambda: "every class of this sample is masked" in PAGE.one("#probabilities-panel .problem").text)
        for fragment, field in (
                ("z=2,1&t=0", "#temperature"), ("z=1e999,1", "#rows .number"), ("z=1,2&g=a,0", "#vector .number")):
            PAGE.open(f"{service.url}/#{fragment}", is_good=False)
            eventually(lambda: PAGE.one(field).get_attribute("aria-invalid") == "true", fragment)


@test
def a_busy_service_is_asked_again_and_an_absent_one_is_named():
    with Service() as service, Proxy(service.port) as proxy:
        PAGE.open(proxy.url + "#z=2,1,0&a=1")
        busy = service.request("GET", "/problems/service-unavailable")[1]
        problem = json.dumps({
            "type": "/problems/service-unavailable", "title": json.loads(busy)["title"], "status": 503,
            "detail": "The work budget is full.", "request_id": "1", "error": "The work budget is full."}).encode()
        isBusy = True
        fields = {"Content-Type": "application/problem+json", "Retry-After": "1"}
        proxy.answer = lambda path, body: (503, fields, problem) if isBusy and path == "/jacobian" else None
        PAGE.all("#rows .number")[0].send_keys("5")
        box = PAGE.one("#jacobian-panel .problem")
        eventually(lambda: all(part in box.text for part in ("The work budget is full.", "503", "asking again in")))
        # The other panels go on.
        eventually(lambda: float(PAGE.texts("#rows .probability")[0]) > 0.9)
        assert len(PAGE.all(".problem:not([hidden])")) == 1
        isBusy = False
        eventually(lambda: not PAGE.all(".problem:not([hidden])"))
        shows_what_the_service_answers(PAGE, service)
        # A proxy's own page, which is no problem document.
        oops = (502, {"Content-Type": "text/html"}, b"<h1>oops</h1>")
        proxy.answer = lambda path, body: oops if path != "/" else None
        PAGE.all("#rows .number")[0].send_keys("1")
        eventually(lambda: len([one for one in PAGE.all(".problem") if "502" in one.text]) == 4)
        proxy.answer = None
        eventually(lambda: not PAGE.all(".problem:not([hidden])"))
        oops = (200, *oops[1:])
        proxy.answer = lambda path, body: oops if path != "/" else None
        PAGE.all("#rows .number")[0].send_keys("1")
        eventually(lambda: "not the service’s" in PAGE.one("#probabilities-panel .problem").text)
        proxy.answer = None
        eventually(lambda: not PAGE.all(".problem:not([hidden])"))
    PAGE.all("#rows .number")[0].send_keys("2")
    eventually(lambda: "cannot be reached" in PAGE.one("#probabilities-panel .problem").text)
    assert PAGE.texts("#rows .probability")[0]


@test
def one_call_at_a_time_and_a_reply_that_is_late_is_dropped():
    with Service() as service, Proxy(service.port) as proxy:
        PAGE.open(proxy.url + "#z=2,1,0&a=1")
        gate, lock, under_way, most, seen = threading.Event(), threading.Lock(), 0, 0, []
        poison = b'{"jacobian":[[9,9,9],[9,9,9],[9,9,9]]}'

        def answer(path, body):
            nonlocal under_way, most
            if path != "/jacobian":
                return None
            with lock:
                under_way += 1
                most = max(most, under_way)
                seen.append(body)
                is_first = len(seen) == 1
            if is_first:
                gate.wait(60)
            with lock:
                under_way -= 1
            return (200, {"Content-Type": "application/json"}, poison) if is_first else None

        proxy.answer = answer
        PAGE.driver.execute_script(
            "window.entries = [];"
            "new MutationObserver(() => entries.push(document.getElementById('entry')?.textContent))"
            ".observe(document.getElementById('readout'), {childList: true, subtree: true})")
        number = PAGE.all("#rows .number")[0]
        for text in "0123":
            number.send_keys(text)
            eventually(lambda: seen)
        # The panels beside it do not wait.
        eventually(lambda: PAGE.body("softmax")["logits"][0] == 20123)
        gate.set()
        eventually(lambda: PAGE.body("jacobian")["logits"][0] == 20123)
        shows_what_the_service_answers(PAGE, service)
        assert most == 1 and len(seen) == 2, (most, seen)
        assert "9" not in PAGE.driver.execute_script("return entries"), "a late reply was shown"


@test
def the_page_works_under_a_path_prefix():
    with Service() as service, Proxy(service.port, "/team/softmax") as proxy:
        PAGE.requests()
        PAGE.open(proxy.url + "#z=2,1,0&a=1")
        shows_what_the_service_answers(PAGE, service)
        assert f"{proxy.url}softmax" in PAGE.text("snippet").replace("vjp", "softmax")
        eventually(lambda: re.fullmatch(r"softmaxd \d+\.\d+\.\d+.*", PAGE.text("version")))
        asked = [url for url in PAGE.requests() if url != "about:blank" and not url.startswith("data:")]
        assert asked and all(url.startswith(proxy.url) for url in asked), asked
        assert all(path.startswith("/team/softmax/") for path in proxy.paths), proxy.paths
        links = [one.get_attribute("href") for one in PAGE.all("a")]
        for link in links:
            assert link.startswith(proxy.url), link
            assert service.request("GET", "/" + link[len(proxy.url):])[0].status == 200, link


@test
def the_snippets_run_and_print_the_reply_that_the_page_got():
    runners = {"curl": ["bash", "-c"], "python": [sys.executable, "-c"]}
    if shutil.which("node"):
        runners["javascript"] = ["node", "--input-type=module", "-e"]
    ran = 0
    with Service() as service:
        for fragment in ("z=2,1,0", "z=2,1,-Infinity&m=101&t=0.5&f=log&d=32&p=jvp&g=1,-2,0.5&c=0.1"):
            PAGE.open(service.url + "/#" + fragment)
            for call in ("softmax", "log_softmax", "jacobian", "difference", "product"):
                body = PAGE.body(call)
                for language, command in runners.items():
                    PAGE.one(f"#tab-{language}").click()
                    done = subprocess.run([*command, PAGE.text("snippet")], capture_output=True, text=True, timeout=60)
                    assert done.returncode == 0 and done.stdout.strip() == PAGE.text("reply"), (language, done)
                    ran += 1
                PAGE.one("#tab-swift").click()
                snippet = PAGE.text("snippet")
                assert json.loads(re.search(r'Data\(#"(.*)"#\.utf8\)', snippet)[1]) == body, snippet
        # Quotes and backslashes that somebody typed are the shell's and the languages' to keep apart.
        PAGE.open(service.url + "/#z=" + "it's%20%22%5C%22%23,1", is_good=False)
        eventually(lambda: PAGE.text("reply"))
        assert PAGE.body("softmax")["logits"] == ["it's \"\\\"#", 1]
        done = subprocess.run(["bash", "-c", PAGE.text("snippet")], capture_output=True, text=True, timeout=60)
        assert json.loads(done.stdout)["pointer"] == "/logits/0", done
        PAGE.one("#tab-python").click()
        literal = re.search(r"data=(.*)\.encode", PAGE.text("snippet"))[1]
        assert json.loads(eval(literal))["logits"] == ["it's \"\\\"#", 1], literal
    return f"{ran} runs of {', '.join(runners)}"


@test
def copying_takes_the_code_and_works_without_a_clipboard_object():
    with Service() as service:
        PAGE.open(service.url + "/#z=2,1,0")
        permissions = {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]}
        PAGE.driver.execute_cdp_cmd("Browser.grantPermissions", permissions)
        PAGE.one("#copy").click()
        eventually(lambda: PAGE.text("copy") == "Copied")
        read = "const done = arguments[0]; navigator.clipboard.readText().then(done, (error) => done(String(error)))"
        assert PAGE.driver.execute_async_script(read) == PAGE.text("snippet")
        eventually(lambda: PAGE.text("copy") == "Copy")
        PAGE.driver.execute_script("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
        PAGE.one("#copy").click()
        eventually(lambda: PAGE.text("copy") == "Copied")
        assert PAGE.driver.execute_script("return getSelection().toString()").strip() == PAGE.text("snippet")


STATES = ["z=2,1,0&n=cat,dog,bird&c=0.1", "z=40,0&a=1",
          "z=2,1,3,0&m=1101&c=0.2&t=3.5&f=log&p=jvp&d=32&l=swift&q=difference",
          "z=" + ",".join(str(n % 5 - 2.5) for n in range(12)) + "&a=1&t=0.25", "z=abc,1"]
WIDTHS = [360, 640, 1024, 1920]


@test
def axe_finds_nothing_in_either_colour_scheme_at_any_width():
    checked = 0
    with Service() as service:
        for state in STATES:
            for width in (360, 1024):
                for dark in (False, True):
                    PAGE.look(width, dark=dark)
                    PAGE.open(f"{service.url}/#{state}", is_good="abc" not in state)
                    eventually(lambda: PAGE.text("reply"))
                    found = PAGE.violations()
                    assert not found, (state, width, dark, found)
                    checked += 1
    PAGE.look(1024)
    return f"{checked} views"


@test
def numbers_in_the_heat_map_stand_out_from_every_colour():
    # Mixed colours are beyond what axe computes.
    script = """
        const pen = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
        const luminance = (colour) => {
          pen.fillStyle = colour;
          pen.fillRect(0, 0, 1, 1);
          const [r, g, b] = [...pen.getImageData(0, 0, 1, 1).data].map((one) => one / 255)
            .map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4));
          return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const cell = document.querySelector("#map .cell");
        let least = Infinity;
        for (const hue of ["positive", "negative"]) {
          for (let strength = 0; strength <= 1; strength += 1 / 64) {
            cell.style.setProperty("--hue", `var(--${hue})`);
            cell.style.setProperty("--strength", strength);
            const {color, backgroundColor} = getComputedStyle(cell);
            const [dark, light] = [luminance(color), luminance(backgroundColor)].sort((a, b) => a - b);
            least = Math.min(least, (light + 0.05) / (dark + 0.05));
          }
        }
        return least;
    """
    found = []
    with Service() as service:
        for dark in (False, True):
            PAGE.look(1024, dark=dark)
            PAGE.open(service.url + "/")
            found.append(PAGE.driver.execute_script(script))
    assert min(found) >= 4.5, found
    return ", ".join(f"{ratio:.1f} : 1" for ratio in found)


@test
def nothing_overflows_and_every_target_is_large_enough():
    script = """
        const places = ".steps .numbers, .steps .math, .panel, .values, .cell, .formulas, .readout";
        const wide = [...document.querySelectorAll(places)]
          .filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.outerHTML.slice(0, 200));
        const small = [...document.querySelectorAll("button, input, a, .cell")]
          .map((one) => (one.type === "radio" ? one.nextElementSibling : one))
          .filter((one) => one.offsetParent)
          .map((one) => [one.getBoundingClientRect(), one])
          .filter(([box]) => box.width < 23.99 || box.height < 23.99)
          .map(([box, one]) => `${box.width}×${box.height} ${one.outerHTML.slice(0, 120)}`);
        return [document.documentElement.scrollWidth - innerWidth, wide, small];
    """
    with Service() as service:
        for state in STATES:
            for width in WIDTHS:
                PAGE.look(width, reduced_motion=False)
                PAGE.open(f"{service.url}/#{state}", is_good="abc" not in state)
                over, wide, small = PAGE.driver.execute_script(script)
                assert over <= 0 and not wide and not small, (state, width, over, wide[:3], small[:3])
    PAGE.look(1024)


@test
def the_first_screen_shows_logits_probabilities_and_the_jacobian():
    with Service() as service:
        PAGE.open(service.url + "/")
        bottom = ("return Math.max(...[...document.querySelectorAll('#rows .row, #map .cell')]"
                  ".map((one) => one.getBoundingClientRect().bottom))")
        assert PAGE.driver.execute_script(bottom) < 768
        tops = [PAGE.one(name).rect["y"] for name in ("#probabilities-panel", "#jacobian-panel")]
        assert tops[0] == tops[1], tops


@test
def without_motion_nothing_moves():
    with Service() as service:
        PAGE.open(service.url + "/")
        duration = "return getComputedStyle(document.querySelector('.fill')).transitionDuration"
        PAGE.look(1024, reduced_motion=True)
        assert PAGE.driver.execute_script(duration) == "0s"
        PAGE.look(1024, reduced_motion=False)
        assert PAGE.driver.execute_script(duration) != "0s"
        PAGE.look(1024)


@test
def dragging_a_slider_is_announced_once():
    with Service() as service:
        PAGE.open(service.url + "/#z=2,1,0")
        eventually(lambda: PAGE.text("announcer"))
        PAGE.driver.execute_script(
            "window.said = []; new MutationObserver(() => said.push(document.getElementById('announcer').textContent))"
            ".observe(document.getElementById('announcer'), {childList: true})")
        slider = PAGE.all("#rows .slider")[0]
        for _ in range(10):
            slider.send_keys(Keys.ARROW_LEFT)
        eventually(lambda: PAGE.body("softmax")["logits"][0] == 1)
        summary = "Probabilities: class 1 0.42, class 2 0.42, class 3 0.16"
        eventually(lambda: summary in PAGE.driver.execute_script("return said"))
        said = PAGE.driver.execute_script("return said")
        assert len(said) <= 2, said


if __name__ == "__main__":
    with browser() as PAGE:
        TESTS[:] = [watched(PAGE, function) for function in TESTS]
        status = run_tests()
    sys.exit(status)
