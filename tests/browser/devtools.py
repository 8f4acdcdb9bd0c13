"""Drives Chromium over its debugging pipe: no driver, no port, nothing to install besides."""

import json
import os
import select
import shutil
import subprocess
import time

WAIT_S = 30


def find_chromium():
    """The path of a Chromium, or None."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))),
                None)


class Chromium:
    """One browser with a profile of its own, and one page in it."""

    def __init__(self, program, profile):
        """`profile` is a directory; one that was used before still has its cookies."""
        to_browser, self.out = os.pipe()
        self.into, from_browser = os.pipe()
        options = [
            "--headless=new", "--remote-debugging-pipe", f"--user-data-dir={profile}",
            "--no-first-run", "--no-default-browser-check", "--disable-gpu",
            "--disable-dev-shm-usage", "--disable-background-networking", "--disable-sync",
            # It visits nothing but our own server, and containers often cannot have its sandbox.
            "--no-sandbox",
        ]
        self.log = open(f"{profile}.log", "wb")  # pylint: disable=consider-using-with
        # The browser reads commands from descriptor 3 and writes answers to 4.
        self.process = subprocess.Popen(
            ["bash", "-c", f'exec "$0" "$@" 3<&{to_browser} 4>&{from_browser}', program, *options],
            pass_fds=(to_browser, from_browser), stdin=subprocess.DEVNULL, stdout=self.log,
            stderr=self.log, start_new_session=True)
        os.close(to_browser)
        os.close(from_browser)
        self.buffer, self.count, self.events, self.session = b"", 0, [], None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.call("Page.enable")
        self.call("Network.enable")

    # --- the protocol: JSON objects with a NUL behind each ---

    def read(self, end):
        while b"\0" not in self.buffer:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.into], [], [], left)[0]:
                raise TimeoutError(f"the browser said nothing for {WAIT_S} s")
            got = os.read(self.into, 1 << 16)
            if not got:
                raise RuntimeError("the browser has ended")
            self.buffer += got
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, **params):
        """Returns the result of a command; events that come before it are kept."""
        self.count += 1
        command = {"id": self.count, "method": method, "params": params}
        if self.session:
            command["sessionId"] = self.session
        os.write(self.out, json.dumps(command).encode() + b"\0")
        end = time.monotonic() + WAIT_S
        while True:
            message = self.read(end)
            if message.get("id") == self.count:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']}")
                return message["result"]
            self.events.append(message)

    def wait_for(self, event):
        end = time.monotonic() + WAIT_S
        while True:
            while self.events:
                if self.events.pop(0).get("method") == event:
                    return
            self.events.append(self.read(end))

    # --- what a user does ---

    def open(self, url):
        self.events.clear()
        error = self.call("Page.navigate", url=url).get("errorText")
        if error:
            raise RuntimeError(f"{url}: {error}")
        self.wait_for("Page.loadEventFired")

    def evaluate(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in result:
            raise RuntimeError(f"{expression}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def fill(self, label, text):
        """Types into the field with this label, found as a user finds it."""
        self.evaluate(
            "(() => { const label = [...document.querySelectorAll('label')].find("
            f"l => l.textContent.trim() === {json.dumps(label)});"
            " label.control.focus(); label.control.select(); })()")
        self.call("Input.insertText", text=text)

    def press(self, button, index=0):
        """Presses the button with this text and waits for the page that follows."""
        self.events.clear()
        found = self.evaluate(
            "(() => { const button = [...document.querySelectorAll('button')].filter("
            f"b => b.textContent.trim() === {json.dumps(button)})[{index}];"
            " if (button) setTimeout(() => button.click(), 0); return !!button; })()")
        if not found:
            raise RuntimeError(f"there is no button {button!r} on {self.text()!r}")
        self.wait_for("Page.loadEventFired")

    def press_tab(self):
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab",
                      windowsVirtualKeyCode=9)

    def text(self):
        return self.evaluate("document.body.innerText")

    def path(self):
        return self.evaluate("location.pathname")

    def cookies(self, url):
        return self.call("Network.getCookies", urls=[url])["cookies"]

    def close(self):
        """Ends it as its user does, so that the profile is written."""
        try:
            self.session = None
            self.call("Browser.close")
        except (OSError, RuntimeError, TimeoutError):
            pass
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.out)
        os.close(self.into)
        self.log.close()
