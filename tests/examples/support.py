"""What the tests of the example programs share: counting, servers that can be killed, a small browser."""

import html.parser
import http.client
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.parse

START_S = 30


class Checks:
    """Counts checks; a failed one is told at once."""

    def __init__(self):
        self.passed = self.failed = 0

    def check(self, name, good, detail=""):
        self.passed, self.failed = self.passed + bool(good), self.failed + (not good)
        if not good:
            print(f"{name}: failed {detail}")

    def equal(self, name, got, expected):
        self.check(name, got == expected, f"\n  got      {got!r}\n  expected {expected!r}")


class Directory:
    """An empty directory that goes with its scope."""

    def __enter__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="cloakroom-examples-"))
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """A server under test, with what it prints in `log`."""

    def __init__(self, command, directory, port=None):
        """Without `port` the server says in its first line where it listens."""
        self.log = directory / "server.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([str(c) for c in command], cwd=directory, stderr=log,
                                            stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
        if port is None:
            line = self.process.stdout.readline().decode()
            match = re.match(r"listening on http://localhost:(\d+)$", line.strip())
            if not match:
                raise RuntimeError(f"{command[0]} did not start: {line!r} {self.log.read_text()}")
            port = int(match[1])
        self.port = port
        self.wait()

    def wait(self):
        end = time.monotonic() + START_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError(f"nobody listens: {self.log.read_text()}") from None
                time.sleep(0.01)

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def stop(self):
        """Ends it as an operator does; returns its exit code."""
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(START_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        self.process.stdout.close()
        return code


class Page:
    def __init__(self, status, headers, text):
        self.status, self.headers, self.text = status, headers, text
        self.location = headers.get("Location", "")

    def csrf(self):
        match = re.search(r'name="csrf" value="([^"]+)"', self.text)
        return match[1] if match else ""


class Browser:
    """Keeps cookies, follows nothing. `agent` is what it calls itself."""

    def __init__(self, port, agent="Mozilla/5.0 (X11; Linux x86_64) Firefox/115.0"):
        self.port, self.agent, self.cookies, self.page = port, agent, {}, None

    def request(self, method, path, fields=None, headers=()):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=START_S)
        sent = {"User-Agent": self.agent, "Cookie": self.cookie_header(), **dict(headers)}
        body = None
        if fields is not None:
            body = urllib.parse.urlencode(fields)
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        connection.request(method, path, body, {k: v for k, v in sent.items() if v})
        response = connection.getresponse()
        self.page = Page(response.status, response.headers, response.read().decode())
        connection.close()
        for line in response.headers.get_all("Set-Cookie") or []:
            name, value = line.split(";")[0].split("=", 1)
            self.cookies[name] = value
            if "Max-Age=0" in line:
                del self.cookies[name]
        return self.page

    def cookie_header(self):
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    def get(self, path, **more):
        return self.request("GET", path, **more)

    def post(self, path, csrf=None, **fields):
        """Posts a form of the page that was shown last."""
        token = self.page.csrf() if csrf is None else csrf
        return self.request("POST", path, {"csrf": token, **fields} if token else fields)

    def token(self):
        return self.cookies.get("__Host-sess", "")


class Markup(html.parser.HTMLParser):
    """What an accessible page must have, collected in `faults`."""

    def __init__(self, text):
        super().__init__()
        self.faults, self.labels, self.inputs = [], set(), []
        self.headings, self.captions, self.tables, self.title, self.open = [], 0, 0, "", []
        self.feed(text)
        self.close()
        self.expect(self.headings[:1] == ["h1"] and self.headings.count("h1") == 1, "one h1, first")
        self.expect(self.title.strip(), "a title")
        self.expect(self.captions == self.tables, "a caption for each table")
        for name in self.inputs:
            self.expect(name in self.labels, f"a label for {name}")

    def expect(self, good, what):
        if not good:
            self.faults.append(what)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.open.append(tag)
        if tag == "html":
            self.expect(attributes.get("lang"), "a language")
        elif tag == "label":
            self.labels.add(attributes.get("for"))
        elif tag == "input" and attributes.get("type") != "hidden":
            self.inputs.append(attributes.get("id"))
            self.expect(attributes.get("autocomplete"), "autocomplete")
        elif tag == "th":
            self.expect(attributes.get("scope"), "a scope for each th")
        elif tag in ("h1", "h2", "h3"):
            self.headings.append(tag)
        elif tag in ("table", "caption"):
            self.tables += tag == "table"
            self.captions += tag == "caption"
        self.expect(tag != "script", "no script")
        self.expect(not any(name.startswith("on") for name in attributes), "no inline handler")

    def handle_data(self, data):
        if self.open and self.open[-1] == "title":
            self.title += data

    def handle_endtag(self, tag):
        while self.open and self.open.pop() != tag:
            pass
