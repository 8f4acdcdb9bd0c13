"""Django's sessions over its cache: django_suite.py django-redis|builtin

django-redis is the package, builtin is django.core.cache.backends.redis (Django 4 and later). Both
session engines run, cache and cached_db, with requests through the whole stack of middleware. The
only setting that has to do with the server is LOCATION, a URL with database 1, as their manuals
show it.
"""

import json
import sys
import threading
import time

import django
from django.conf import settings
from interop import (ODD_TEXT, check, client, equal, holds, restart, until, url, url_options)

KIND = sys.argv[1]
AGE_S = 3600
BACKENDS = {
    "django-redis": ("django_redis.cache.RedisCache",
                     {"CLIENT_CLASS": "django_redis.client.DefaultClient",
                      "CONNECTION_POOL_KWARGS": url_options()}),
    "builtin": ("django.core.cache.backends.redis.RedisCache", url_options()),
}
backend, options = BACKENDS[KIND]
if KIND == "django-redis" and django.VERSION >= (5,):
    options = {"CONNECTION_POOL_KWARGS": url_options()}

settings.configure(
    SECRET_KEY="a secret of the suite", ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, USE_TZ=True,
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "django.db"}},
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions"],
    MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware",
                "django.contrib.auth.middleware.AuthenticationMiddleware"],
    CACHES={"default": {"BACKEND": backend, "LOCATION": url(1), "OPTIONS": options}},
    SESSION_ENGINE="django.contrib.sessions.backends.cache", SESSION_COOKIE_AGE=AGE_S,
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
)
django.setup()

from django.contrib import auth  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.core.cache import cache  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.http import JsonResponse  # noqa: E402
from django.test import Client, override_settings  # noqa: E402
from django.urls import path  # noqa: E402

call_command("migrate", verbosity=0)
User.objects.create_user("alice", password="secret")
raw = client(1)


def login(request):
    user = auth.authenticate(request, username=request.POST["user"], password=request.POST["password"])
    if not user:
        return JsonResponse({}, status=403)
    auth.login(request, user)
    request.session["visits"] = 0
    return JsonResponse({"ok": True})


def logout(request):
    auth.logout(request)
    return JsonResponse({"ok": True})


def me(request):
    if not request.user.is_authenticated:
        return JsonResponse({}, status=401)
    request.session["visits"] += 1
    return JsonResponse({"user": request.user.username, "visits": request.session["visits"]})


def read(request):
    return JsonResponse({"visits": request.session.get("visits")},
                        status=200 if request.user.is_authenticated else 401)


def data(request):
    if request.method == "POST":
        request.session["value"] = json.loads(request.body)
    return JsonResponse({"value": request.session.get("value")})


urlpatterns = [path("login", login), path("logout", logout), path("me", me), path("read", read),
               path("data", data)]


class Browser(Client):
    def session_key(self):
        return self.cookies["sessionid"].value

    def copy(self):
        other = Browser()
        other.cookies["sessionid"] = self.session_key()
        return other


def logged_in():
    browser = Browser()
    equal(browser.post("/login", {"user": "alice", "password": "secret"}).status_code, 200)
    return browser


def redis_key(browser):
    engine = settings.SESSION_ENGINE.rsplit(".", 1)[1]
    return f":1:django.contrib.sessions.{engine}{browser.session_key()}"


def ttl_is_full(key):
    left = raw.pttl(key)
    holds((AGE_S - 20) * 1000 < left <= AGE_S * 1000, f"PTTL {left}")


def scenario(engine):
    """The life of a session with one of Django's session engines."""
    in_database = engine == "cached_db"  # it reads the database when the cache has nothing

    @check(f"{engine}: a wrong password leaves no session")
    def _():
        browser = Browser()
        equal(browser.post("/login", {"user": "alice", "password": "no"}).status_code, 403)
        equal(browser.get("/me").status_code, 401)

    @check(f"{engine}: login, a cookie, and a key with its full time to live")
    def _():
        browser = logged_in()
        equal(raw.exists(redis_key(browser)), 1)
        ttl_is_full(redis_key(browser))
        for visits in range(1, 11):
            equal(browser.get("/me").json(), {"user": "alice", "visits": visits})

    @check(f"{engine}: a second login changes the key, and the old cookie is dead")
    def _():
        browser = Browser()
        browser.post("/data", json.dumps("before login"), content_type="application/json")
        thief, old = browser.copy(), redis_key(browser)
        browser.post("/login", {"user": "alice", "password": "secret"})
        holds(redis_key(browser) != old)
        equal(raw.exists(old), 0)
        equal(thief.get("/me").status_code, 401)
        equal(browser.get("/data").json()["value"], "before login")

    @check(f"{engine}: rolling: every request renews the time to live when it is told to save")
    def _():
        browser = logged_in()
        raw.pexpire(redis_key(browser), 30_000)
        equal(browser.get("/read").status_code, 200)
        holds(raw.pttl(redis_key(browser)) <= 30_000, "a read alone renews nothing")
        with override_settings(SESSION_SAVE_EVERY_REQUEST=True):
            equal(browser.get("/read").status_code, 200)
        ttl_is_full(redis_key(browser))

    @check(f"{engine}: logout: the key is gone, and the cookie opens nothing")
    def _():
        browser = logged_in()
        thief, key = browser.copy(), redis_key(browser)
        browser.post("/logout")
        equal(raw.exists(key), 0)
        equal(thief.get("/me").status_code, 401)

    @check(f"{engine}: deleted or expired by another client")
    def _():
        for end in (raw.delete, lambda key: raw.pexpire(key, 1)):
            browser = logged_in()
            equal(int(end(redis_key(browser))), 1)
            until("gone", lambda: not raw.exists(redis_key(browser)))
            equal(browser.get("/me").status_code, 200 if in_database else 401)

    @check(f"{engine}: a million characters, and every kind of character")
    def _():
        browser = logged_in()
        for value in ("0123456789abcdef" * 65_536, {ODD_TEXT: [ODD_TEXT]}):
            browser.post("/data", json.dumps(value), content_type="application/json")
            holds(browser.get("/data").json()["value"] == value)

    @check(f"{engine}: fifty parallel requests, of one session and of fifty")
    def _():
        # Sessions of the suite's own making: fifty logins at once would wait for SQLite.
        browser = logged_in()
        statuses, lock = [], threading.Lock()

        def ask(who):
            status = who.get("/me").status_code
            with lock:
                statuses.append(status)

        browsers = [browser.copy() for _ in range(50)]
        threads = [threading.Thread(target=ask, args=(each,)) for each in browsers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        equal(statuses, [200] * 50)

    @check(f"{engine}: kill -9 and restart: sessions live on, ended ones stay ended")
    def _():
        browser = logged_in()
        for _ in range(5):
            browser.get("/me")
        ended = logged_in()
        thief = ended.copy()
        ended.post("/logout")
        before, began = raw.pttl(redis_key(browser)), time.monotonic()
        restart()
        until("reconnected", raw.ping)
        # The pool of the application holds connections of before, and each fails once at most.
        for _ in range(60):
            try:
                cache.get("anything")
                break
            except Exception:  # noqa: BLE001: the clients have no exception in common
                time.sleep(0.01)
        left = before - (time.monotonic() - began) * 1000
        holds(abs(raw.pttl(redis_key(browser)) - left) < 1500, "the deadline")
        equal(browser.get("/me").json()["visits"], 6)
        equal(thief.get("/me").status_code, 401)


def cache_calls():
    @check("cache: add, get, set_many, get_many, touch, incr, delete_many")
    def _():
        equal(cache.add("a", {"n": 1}, 100), True)
        equal(cache.add("a", {"n": 2}, 100), False)
        equal(cache.get("a"), {"n": 1})
        equal(cache.set_many({"b": b"\0\xff", "c": "\u00fc"}, 100) or [], [])
        equal(cache.get_many(["b", "c", "absent"]), {"b": b"\0\xff", "c": "\u00fc"})
        equal(bool(cache.touch("b", 5000)), True)
        holds(raw.pttl(":1:b") > 4_990_000, raw.pttl(":1:b"))
        equal(bool(cache.touch("absent", 5000)), False)
        cache.set("n", 40, 100)
        equal(cache.incr("n", 2), 42)
        holds(90_000 < raw.pttl(":1:n") <= 100_000, raw.pttl(":1:n"))
        cache.delete_many(["a", "b"])
        equal(cache.get("a"), None)
        cache.set("forever", 1, None)
        equal(raw.pttl(":1:forever"), -1)

    @check("cache: clear empties this database and no other")
    def _():
        zero = client(0)
        zero.set("k", "v")
        cache.clear()
        equal(cache.get("c"), None)
        equal(zero.get("k"), b"v")

    if KIND != "django-redis":
        return

    @check("cache: keys, delete_pattern, ttl, persist, lock of django-redis")
    def _():
        cache.set_many({f"p:{i}": i for i in range(500)}, 100)
        equal(len(cache.keys("p:*")), 500)
        equal(len(list(cache.iter_keys("p:*"))), 500)
        holds(95 <= cache.ttl("p:7") <= 100)
        equal(cache.persist("p:7"), True)
        equal(cache.ttl("p:7"), None)
        with cache.lock("guard", timeout=10):
            equal(cache.lock("guard", timeout=10).acquire(blocking=False), False)
        equal(cache.delete_pattern("p:*"), 500)
        equal(cache.keys("p:*"), [])


for name in ("cache", "cached_db"):
    with override_settings(SESSION_ENGINE=f"django.contrib.sessions.backends.{name}"):
        scenario(name)
cache_calls()
print("done")
