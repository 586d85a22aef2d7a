# SPDX-License-Identifier: GPL-3.0-or-later
"""Headless Chromium with what the tests of the page need of it.

    b = Browser(); b.begin(base)       b.sign_in(token) · b.go("#/host/edge01") · b.find(css) · b.text(css) · b.click(css)
    b.wait(lambda: …, what)            b.js(source, *args) · b.shot("fleet-dark") -> build/test-logs/web/fleet-dark.png
    b.size("phone") · b.theme("dark")  b.faults(): errors of the console, among them whatever the content security policy refused
    b.axe() -> serious and critical faults that axe-core finds"""
import base64
import os
import time

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SHOTS = os.path.join(ROOT, "build", "test-logs", "web")
AXE = os.path.join(ROOT, "build", "web-npm", "node_modules", "axe-core", "axe.min.js")
PATIENCE = 60
SIZES = {"desktop": (1440, 900), "phone": (360, 740)}
# What the tests bring about themselves: the server away, a session that is over, a refusal. Everything else that the console complains of fails.
EXPECTED = ("401 (", "403 (", "404 (", "409 (", "net::ERR_CONNECTION_REFUSED", "net::ERR_INCOMPLETE_CHUNKED_ENCODING", "net::ERR_EMPTY_RESPONSE",
            "net::ERR_CONNECTION_RESET")


class Browser:
    def __init__(self):
        options = Options()
        for arg in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--hide-scrollbars", "--force-color-profile=srgb",
                    "--lang=en-GB", "--no-proxy-server", "--disable-background-networking", "--disable-component-update"):
            options.add_argument(arg)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
        self.base = None
        self.logs = []
        self.expected = EXPECTED
        os.makedirs(SHOTS, exist_ok=True)

    def begin(self, base):
        """For a test: a page nobody has used yet."""
        self.base, self.logs, self.expected = base, [], EXPECTED
        self.driver.execute_cdp_cmd("Storage.clearDataForOrigin", {"origin": base, "storageTypes": "all"})
        self.driver.execute_cdp_cmd("Network.clearBrowserCookies", {})
        self.size("desktop")
        self.theme("light")

    def end(self):
        self.driver.get("about:blank")
        self.console()

    def size(self, name):
        width, height = SIZES[name]
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": width, "height": height, "deviceScaleFactor": 1 if name == "desktop" else 2,
                                                                           "mobile": name == "phone"})

    def theme(self, name):
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": name},
                                                                                 {"name": "prefers-reduced-motion", "value": "reduce"}]})

    def js(self, source, *args):
        return self.driver.execute_script(source, *args)

    def wait(self, condition, what="condition", timeout=PATIENCE):
        end = time.monotonic() + timeout
        while True:
            try:
                value = condition()
            except StaleElementReferenceException:
                value = None
            if value:
                return value
            if time.monotonic() > end:
                self.shot("timeout")
                raise AssertionError(f"timed out waiting for {what}; the page says:\n{self.text('body')}\n{self.console()}")
            time.sleep(0.02)

    def all(self, css):
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def find(self, css):
        return self.wait(lambda: next((e for e in self.all(css) if e.is_displayed()), None), css)

    def text(self, css):
        return self.js("return [...document.querySelectorAll(arguments[0])].map(e => e.innerText).join('\\n')", css)

    def sees(self, words, css="main"):
        return self.wait(lambda: words in self.text(css), f"{words!r} in {css}")

    def click(self, css, words=None):
        def done():
            for e in self.all(css):
                if e.is_displayed() and e.is_enabled() and (words is None or words in e.text):
                    e.click()
                    return True
            return False
        self.wait(done, f"{css} {words or ''}")

    def type(self, css, text, clear=True):
        e = self.find(css)
        if clear:
            e.clear()
        e.send_keys(text)

    def key(self, keys):
        """As from a keyboard: to whatever has the focus, also where that is a button that has just been disabled."""
        ActionChains(self.driver).send_keys(getattr(Keys, keys, keys)).perform()

    def open(self, hash_=""):
        self.driver.get(f"{self.base}/{hash_}")

    def go(self, hash_):
        self.js("location.hash = arguments[0]", hash_)
        self.settled()

    def settled(self):
        """The view is there, and nothing is being read."""
        self.wait(lambda: self.js("return document.querySelector('main h1') && !document.querySelector('main').hasAttribute('aria-busy')"), "the view")

    def live(self):
        self.wait(lambda: self.js("return document.querySelector('.stream').dataset.state") == "live", "the stream")

    def sign_in(self, token):
        self.type("#token", token)
        self.click("dialog.login button[type=submit]")
        self.wait(lambda: not self.all("dialog.login"), "the login")
        self.settled()

    def shot(self, name, whole=False):
        path = os.path.join(SHOTS, f"{name}.png")
        if whole:
            picture = self.driver.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True, "clip": dict(zip(
                ("x", "y", "width", "height", "scale"), (0, 0, *self.js("const e = document.documentElement; return [e.clientWidth, e.scrollHeight]"), 1)))})
            with open(path, "wb") as f:
                f.write(base64.b64decode(picture["data"]))
        else:
            self.driver.save_screenshot(path)
        return path

    def expect(self, *messages):
        """What this test brings about: it is no fault of the page."""
        self.expected = (*self.expected, *messages)

    def console(self):
        self.logs += self.driver.get_log("browser")
        return "\n".join(f"{entry['level']}: {entry['message']}" for entry in self.logs)

    def faults(self):
        self.console()
        return [e["message"] for e in self.logs if e["level"] in ("SEVERE", "WARNING")
                and (not any(known in e["message"] for known in self.expected) or "Content Security Policy" in e["message"])]

    def axe(self):
        with open(AXE, encoding="utf-8") as f:
            self.js(f.read())
        found = self.driver.execute_async_script(
            "const done = arguments[0]; axe.run(document, {resultTypes: ['violations']}).then(r => done(r.violations), e => done([{id: String(e), impact: 'critical', nodes: []}]))")
        return [f"{v['id']}: {v.get('help')}: " + "; ".join(f"{n['html'][:160]} {n.get('failureSummary', '')[:300]}" for n in v["nodes"][:4])
                for v in found if v["impact"] in ("serious", "critical")]

    def wide(self):
        """By how many pixels the page is wider than its window: it is not to scroll sideways."""
        return self.js("return document.documentElement.scrollWidth - document.documentElement.clientWidth")

    def close(self):
        self.driver.quit()
