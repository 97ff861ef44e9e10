"""Chromium without a window, and how tests look at pages in it."""

import contextlib
import functools
import importlib.util
import json
import os
import pathlib
import re
import time

from selenium import webdriver
from selenium.webdriver.chrome.service import Service as Driver
from selenium.webdriver.common.by import By

# Far above the usual duration of anything waited for; reaching it is a failure.
PATIENCE = 30


def eventually(look, what="the page"):
    """Waits until `look` returns something true without failing, and returns that."""
    deadline = time.monotonic() + PATIENCE
    while True:
        problem = None
        try:
            if result := look():
                return result
        except Exception as error:  # The page is being redrawn.
            problem = error
        assert time.monotonic() < deadline, f"{what}: not within {PATIENCE} s; {problem!r}"
        time.sleep(0.02)


class Page:
    """One tab, at one width and colour scheme."""

    def __init__(self, driver):
        self.driver = driver
        self.look(1024)

    def look(self, width, height=768, dark=False, reduced_motion=True):
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
            {"name": "prefers-reduced-motion", "value": "reduce" if reduced_motion else "no-preference"}]})

    def load(self, url):
        """Loads a page anew, even where only the fragment differs."""
        self.driver.get("about:blank")
        self.driver.get(url)

    def open(self, url, is_good=True):
        """The same with the explorer; waits until it shows numbers."""
        self.load(url)
        if is_good:
            eventually(lambda: self.text("difference") and self.text("plain") and self.text("reply"), url)
            eventually(lambda: self.all("#vector .product")[-1].text, url)

    def one(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def text(self, name):
        return self.driver.execute_script("return document.getElementById(arguments[0]).textContent", name)

    def texts(self, selector):
        script = "return [...document.querySelectorAll(arguments[0])].map((one) => one.textContent)"
        return self.driver.execute_script(script, selector)

    def active(self):
        return self.driver.switch_to.active_element

    def fragment(self):
        return self.driver.execute_script("return location.hash")

    def button(self, text):
        return next(one for one in self.all("button") if one.text == text)

    def console(self):
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self):
        """The addresses that the browser has asked for since the last time."""
        messages = (json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance"))
        return [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]

    def body(self, call):
        """The body of the last call of that name, read from the curl line that the page shows."""
        self.driver.execute_script(
            "document.querySelector(`input[name=call][value=${arguments[0]}]`).click();"
            "document.getElementById('tab-curl').click();", call)
        line = self.text("snippet")
        return json.loads(re.fullmatch(r"curl --json '(.*)' http://\S+", line)[1].replace("'\\''", "'"))

    def violations(self):
        """What axe finds, each with the elements concerned."""
        self.driver.execute_script(AXE.read_text(encoding="utf-8"))
        rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
        script = ("const done = arguments[1]; axe.run(document, {runOnly: arguments[0]})"
                  ".then((found) => done(found.violations), (error) => done([{id: String(error), nodes: []}]))")
        found = self.driver.execute_async_script(script, rules)
        where = lambda one: [node["html"][:120] + " " + node["failureSummary"] for node in one["nodes"]]  # noqa: E731
        return [(one["id"], where(one)) for one in found]


def watched(page, function):
    """The same test, at the usual width, with a look at what the browser said and whom the page asked."""

    @functools.wraps(function)
    def run():
        page.console(), page.requests()
        page.look(1024)
        remark = function()
        # A reply that is an error is always logged, also where it is shown as it should be.
        said = [message for message in page.console() if "Failed to load resource" not in message]
        assert not said, said
        strangers = [url for url in page.requests() if not re.match(r"http://127\.0\.0\.1:|data:|about:", url)]
        assert not strangers, strangers
        return remark

    return run


# Of the package only this file is used: axe-core itself.
AXE = pathlib.Path(importlib.util.find_spec("axe_playwright_python").origin).parent / "axe.min.js"


@contextlib.contextmanager
def browser():
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    arguments = ["--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"]
    if os.geteuid() == 0:
        arguments.append("--no-sandbox")
    for argument in arguments:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Driver("/usr/bin/chromedriver"))
    driver.set_script_timeout(120)
    try:
        yield Page(driver)
    finally:
        driver.quit()
