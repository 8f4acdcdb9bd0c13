"""session_server, as the guide quotes it, and loop_server."""

import concurrent.futures
import difflib
import re

from support import Browser, Directory, Server, free_port

ADDED_LINES_MAX = 15


def quoted(checks, examples):
    """What a newcomer adds to a server of cpp-httplib."""
    plain, sessions = ((examples / name).read_text().splitlines()
                       for name in ("plain_server.cc", "session_server.cc"))
    code = [lines[next(i for i, line in enumerate(lines) if line.startswith("#include")):]
            for lines in (plain, sessions)]
    lines = [line for line in difflib.ndiff(*code) if line[:2] != "? "]
    changes = [line for line in lines if line[:2] in ("+ ", "- ")]
    added = [line for line in changes if line.startswith("+ ") and line[2:].strip()]
    checks.check("sessions only add lines", not [c for c in changes if c.startswith("- ")], changes)
    checks.check(f"at most {ADDED_LINES_MAX}", 0 < len(added) <= ADDED_LINES_MAX, len(added))
    # As `diff -u` writes it: one column for the sign.
    shown = "\n".join((line[0] + line[2:]).rstrip() for line in lines)
    checks.check("docs/web-server.md shows them",
                 f"```diff\n{shown}\n```" in (examples.parent / "web-server.md").read_text())


def session_server(checks, program):
    with Directory() as directory:
        port = free_port()
        server = Server([program, port], directory, port)
        browser = Browser(port)
        checks.equal("a stranger", browser.get("/").text, "Hello, stranger\n")
        browser.post("/login", user="alice")
        checks.equal("is known after a login", browser.get("/").text, "Hello, alice\n")
        server.kill()
        server = Server([program, port], directory, port)
        checks.equal("after kill -9 too", browser.get("/").text, "Hello, alice\n")
        stolen = Browser(port)
        stolen.cookies = dict(browser.cookies)
        browser.post("/logout")
        checks.equal("and not after a logout", browser.get("/").text, "Hello, stranger\n")
        checks.equal("by nobody", stolen.get("/").text, "Hello, stranger\n")
        server.kill()


def plain_server(checks, program):
    with Directory() as directory:
        port = free_port()
        server = Server([program, port], directory, port)
        browser = Browser(port)
        browser.get("/")
        browser.post("/login", user="alice")
        checks.equal("the plain server forgets", browser.get("/").text, "Hello, stranger\n")
        server.kill()


def visit(browser):
    match = re.search(r"<h1>Visit (\d+)</h1>", browser.get("/").text)
    return int(match[1]) if match else None


def loop_server(checks, program):
    with Directory() as directory:
        command = [program, 0, directory / "store"]
        server = Server(command, directory)
        browser = Browser(server.port)
        checks.equal("nobody is logged in at first", visit(browser), None)
        checks.equal("a login is answered", browser.post("/login", user="alice").status, 303)
        checks.equal("visits are counted", (visit(browser), visit(browser)), (1, 2))

        def log_in(number):
            other = Browser(server.port)
            other.get("/")
            other.post("/login", user=f"u{number}")
            return other

        with concurrent.futures.ThreadPoolExecutor(16) as threads:
            others = list(threads.map(log_in, range(32)))
        checks.equal("many who log in at once all get a session of their own",
                     len({other.token() for other in others if visit(other) == 1}), 32)

        server.kill()
        server = Server(command, directory)
        browser.port = server.port
        checks.equal("kill -9 ends no session", visit(browser), 3)
        stolen = Browser(server.port)
        stolen.cookies = dict(browser.cookies)
        checks.equal("a logout is answered", browser.post("/logout").status, 303)
        server.kill()
        server = Server(command, directory)
        stolen.port = server.port
        checks.equal("and stays after kill -9", visit(stolen), None)
        checks.equal("no page is served that is not there", stolen.get("/x").status, 404)
        checks.equal("a stop is clean", server.stop(), 0)
