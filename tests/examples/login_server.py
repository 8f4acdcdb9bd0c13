"""login_server, as its users and their attackers meet it."""

import re

from support import Browser, Directory, Markup, Server

PASSWORD, OTHER = "correct horse battery", "staple staple staple"
ATTRIBUTES = "; Path=/; Secure; HttpOnly; SameSite=Lax"


class Site:
    """The server, restarted at will, with browsers on it."""

    def __init__(self, program, directory):
        self.command = [program, "--port", "0", "--data", directory / "data"]
        self.directory, self.browsers = directory, []
        self.server = Server(self.command, directory)

    def browser(self, agent):
        browser = Browser(self.server.port, agent)
        self.browsers.append(browser)
        return browser

    def crash_and_restart(self):
        self.server.kill()
        self.server = Server(self.command, self.directory)
        for browser in self.browsers:
            browser.port = self.server.port


def log_in(browser, name="alice", password=PASSWORD, how="/login"):
    browser.get("/login")
    return browser.post(how, name=name, password=password)


def visits(browser):
    match = re.search(r'id="visits">(\d+)<', browser.get("/").text)
    return int(match[1]) if match else None


def is_out(browser):
    page = browser.get("/")
    return (page.status, page.location) == (303, "/login")


def other_device(browser):
    return re.search(r'name="handle" value="([^"]+)"', browser.get("/devices").text)[1]


def registering(checks, site):
    laptop = site.browser("Mozilla/5.0 (X11; Linux x86_64) Firefox/115.0")
    checks.check("nobody is logged in at first", is_out(laptop))
    page = laptop.get("/login")
    anonymous = laptop.token()
    checks.equal("the cookie has safe attributes", page.headers.get_all("Set-Cookie"),
                 [f"__Host-sess={anonymous}{ATTRIBUTES}"])
    checks.equal("the login page is accessible", Markup(page.text).faults, [])
    for header, value in {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}.items():
        checks.equal(f"{header} is sent", page.headers.get(header), value)

    page = laptop.post("/register", name="alice", password="short")
    checks.check("a short password is refused", page.status == 400 and "15 characters" in page.text)
    page = laptop.post("/register", name='<b>"x', password=PASSWORD)
    checks.check("a name with markup is refused", page.status == 400 and "<b>" not in page.text)
    page = laptop.post("/register", name="alice", password=PASSWORD)
    checks.equal("an account can be made", (page.status, page.location), (303, "/"))

    checks.check("a login gives a new token", laptop.token() not in ("", anonymous))
    fixed = site.browser("attacker")
    fixed.cookies["__Host-sess"] = anonymous
    checks.check("the token from before the login is worthless (fixation)", is_out(fixed))
    checks.equal("visits are counted", (visits(laptop), visits(laptop)), (1, 2))
    checks.equal("the first page is accessible", Markup(laptop.page.text).faults, [])
    return laptop


def forging(checks, site, laptop):
    laptop.get("/")
    page = laptop.post("/logout", csrf="")
    checks.equal("a form without the secret does nothing", page.status, 403)
    mallory = site.browser("Mozilla/5.0 (Windows NT 10.0) Chrome/120.0")
    log_in(mallory, "mallory", PASSWORD, "/register")
    mallory.get("/")
    page = laptop.post("/logout", csrf=mallory.page.csrf())
    checks.equal("nor does one with the secret of another session", page.status, 403)
    checks.equal("and the session goes on", visits(laptop), 4)

    handle = other_device_of_two(site, mallory)
    laptop.get("/devices")
    laptop.post("/devices/end", handle=handle)
    checks.check("nobody ends a session of somebody else", not is_out(mallory))

    double = site.browser("attacker")
    double.cookies["x"] = f"1; __Host-sess={mallory.token()}; __Host-sess={laptop.token()}"
    checks.check("two different tokens in one request are none", is_out(double))
    answers = [log_in(site.browser("b"), name, "not the right one") for name in ("alice", "nobody")]
    checks.equal("a wrong password and an unknown name are refused alike",
                 [(a.status, re.sub(r'value="[^"]*"', "", a.text)) for a in answers],
                 [(401, re.sub(r'value="[^"]*"', "", answers[0].text))] * 2)


def other_device_of_two(site, browser):
    name = re.search(r"Hello, (\w+)", browser.get("/").text)[1]
    log_in(site.browser("Safari/ iPhone"), name)
    return other_device(browser)


def devices(checks, site, laptop):
    phone = site.browser("Mozilla/5.0 (Linux; Android 14) Chrome/120.0 Mobile Safari/537.36")
    log_in(phone)
    page = phone.get("/devices")
    checks.equal("the list of devices is accessible", Markup(page.text).faults, [])
    checks.check("and shows both, by name",
                 "Firefox on Linux" in page.text and "Chrome on Android" in page.text)
    checks.equal("and which is this one", page.text.count("This device"), 1)

    before = visits(laptop)
    site.crash_and_restart()
    checks.equal("kill -9 logs nobody out", visits(laptop), before + 1)
    checks.check("on no device", not is_out(phone))

    handle = other_device(laptop)
    page = laptop.post("/devices/end", handle=handle)
    checks.equal("another device can be logged out", (page.status, page.location), (303, "/devices"))
    checks.check("it says so, once", "That device is logged out" in laptop.get("/devices").text
                 and "logged out" not in laptop.get("/devices").text)
    checks.check("and that device is out", is_out(phone))
    site.crash_and_restart()
    checks.check("still after kill -9", is_out(phone) and not is_out(laptop))

    others = [site.browser("curl/8") for _ in range(3)]
    for other in others:
        log_in(other)
    laptop.get("/devices")
    laptop.post("/devices/end-others")
    checks.check("all other devices can be logged out", all(is_out(other) for other in others))
    checks.check("this one stays", "Devices logged out: 3" in laptop.get("/devices").text)


def password(checks, site, laptop):
    phone = site.browser("curl/8")
    log_in(phone)
    page = laptop.get("/password")
    checks.equal("the password page is accessible", Markup(page.text).faults, [])
    page = laptop.post("/password", old="wrong", new=OTHER)
    checks.equal("a change needs the current password", page.status, 401)
    page = laptop.post("/password", old=PASSWORD, new="short")
    checks.equal("and a new one of some length", page.status, 400)

    stolen = site.browser("attacker")
    stolen.cookies = dict(laptop.cookies)
    checks.check("a stolen token works until then", not is_out(stolen))
    page = laptop.post("/password", old=PASSWORD, new=OTHER)
    checks.equal("the password can be changed", (page.status, page.location), (303, "/"))
    checks.check("the browser has a new token and goes on", not is_out(laptop))
    checks.check("the old token is worthless", is_out(stolen))
    checks.check("the other devices are out", is_out(phone))
    checks.equal("the old password is", log_in(site.browser("b")).status, 401)
    checks.equal("the new one works", log_in(site.browser("b"), "alice", OTHER).status, 303)


def logout(checks, site, laptop):
    stolen = site.browser("attacker")
    stolen.cookies = dict(laptop.cookies)
    laptop.get("/")
    page = laptop.post("/logout")
    checks.check("a logout takes the cookie away", laptop.token() == "" and page.status == 303)
    checks.check("and the token with it", is_out(stolen))
    site.crash_and_restart()
    checks.check("for good", is_out(stolen))


def logout_everywhere(checks, laptop):
    pages = [laptop.get(path).text for path in ("/", "/devices", "/password", "/confirm")]
    checks.check("every page for users has a logout",
                 all('action="/logout"' in page and ">Log out<" in page for page in pages))


def secrets(checks, site, tokens):
    """No token that was ever handed out is in a file or in the log."""
    places = [p for p in site.directory.rglob("*") if p.is_file()]
    found = [p for p in places for t in tokens if t[:32].encode() in p.read_bytes()]
    checks.equal("no token is in a file of the stores or in the log", found, [])
    texts = [PASSWORD, OTHER]
    found = [p for p in places for t in texts if t.encode() in p.read_bytes()]
    checks.equal("nor is a password", found, [])
    checks.check("there were files and tokens to look at", len(places) > 5 and len(tokens) > 10)


def run(checks, program):
    with Directory() as directory:
        site = Site(program, directory)
        tokens = set()
        plain_request = Browser.request

        def recording(browser, *arguments, **named):
            page = plain_request(browser, *arguments, **named)
            if browser.token():
                tokens.add(browser.token())
            return page

        Browser.request = recording
        try:
            laptop = registering(checks, site)
            forging(checks, site, laptop)
            logout_everywhere(checks, laptop)
            devices(checks, site, laptop)
            password(checks, site, laptop)
            logout(checks, site, laptop)
            checks.equal("a stop is clean", site.server.stop(), 0)
            secrets(checks, site, tokens)
        finally:
            Browser.request = plain_request
            site.server.process.kill()
    confirming(checks, program)
    without_sessions(checks, program)


def confirming(checks, program):
    """Who logged in long ago gives the password before ending devices (here: any time ago)."""
    with Directory() as directory:
        server = Server([program, "--port", "0", "--data", directory / "data", "--confirm-after", "0"],
                        directory)
        laptop, phone = Browser(server.port), Browser(server.port)
        log_in(laptop, "alice", PASSWORD, "/register")
        log_in(phone)
        handle = other_device(laptop)
        for path, fields in (("/devices/end", {"handle": handle}), ("/devices/end-others", {})):
            laptop.get("/devices")
            page = laptop.post(path, **fields)
            checks.equal(f"{path} asks for the password", (page.status, page.location),
                         (303, "/confirm"))
        checks.check("and ends nothing before", not is_out(phone))
        page = laptop.get("/confirm")
        checks.equal("the page for it is accessible", Markup(page.text).faults, [])
        before = laptop.token()
        checks.equal("a wrong one does not do", laptop.post("/confirm", password=OTHER).status, 401)
        page = laptop.post("/confirm", password=PASSWORD)
        checks.equal("the right one leads back", (page.status, page.location), (303, "/devices"))
        checks.check("with a new token", laptop.token() not in ("", before) and not is_out(laptop))
        server.stop()


def without_sessions(checks, program):
    """What the benchmark compares is the same page."""
    with Directory() as directory:
        command = [program, "--port", "0", "--data", directory / "data"]
        server = Server(command, directory)
        browser = Browser(server.port)
        log_in(browser, "alice", PASSWORD, "/register")
        with_them = browser.get("/")
        server.stop()
        server = Server([*command, "--no-sessions"], directory)
        without = Browser(server.port).get("/")
        server.stop()
        plain = [re.sub(r'value="[^"]*"', "", page.text) for page in (with_them, without)]
        checks.equal("the page without sessions is the same", plain[0], plain[1])
        checks.equal("to the byte", len(with_them.text), len(without.text))
