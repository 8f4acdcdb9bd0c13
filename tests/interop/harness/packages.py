"""What the suites need from outside: runtimes, packages of pinned versions, compiled programs.

Everything fetched or built lies in a cache outside the repository, $XDG_CACHE_HOME/cloakroom-interop
(or ~/.cache/cloakroom-interop), in a directory named for the hash of the files that ask for it: a
lock file that changes gets a new directory, and a second run fetches nothing. A directory counts
only once its file "complete" is there.

What cannot be had raises Unavailable, with the reason for the SKIPPED line.
"""

import hashlib
import os
import pathlib
import shutil
import subprocess

TESTS = pathlib.Path(__file__).resolve().parent.parent
FETCH_TIMEOUT_S = 240

# Without a network the clients shall say so soon, not after minutes of trying again.
IMPATIENT = {"npm_config_fetch_retries": "1", "npm_config_fetch_retry_mintimeout": "1000",
             "npm_config_fetch_retry_maxtimeout": "2000", "PIP_RETRIES": "1"}


class Unavailable(Exception):
    """A runtime or a package is not to be had here; the text says which and why."""


class BuildFailed(Exception):
    """Everything is there and a suite does not compile: a failure, not a reason to skip."""


def cache_root():
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(base) / "cloakroom-interop"


def need_program(name, package):
    found = shutil.which(name)
    if not found:
        raise Unavailable(f"there is no {name} here (Debian's package: {package})")
    return found


def run(command, cwd, what, failure=Unavailable):
    try:
        done = subprocess.run(command, cwd=cwd, timeout=FETCH_TIMEOUT_S, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, errors="replace", check=False,
                              env={**IMPATIENT, **os.environ})
    except subprocess.TimeoutExpired:
        raise failure(f"{what} took over {FETCH_TIMEOUT_S} s") from None
    if done.returncode:
        lines = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        shown = lines[-3:] if failure is Unavailable else lines[:8]
        raise failure(f"{what} failed: {' | '.join(shown)[:800]}")


failures = {}  # kind -> why; several suites ask for the same, and one refusal is enough


def prepared(kind, asked_by, prepare):
    """Returns the cache directory for `asked_by` (files under tests/interop), prepared once."""
    if kind in failures:
        raise failures[kind]
    try:
        return prepare_once(kind, asked_by, prepare)
    except (Unavailable, BuildFailed) as why:
        failures[kind] = why
        raise


def prepare_once(kind, asked_by, prepare):
    digest = hashlib.sha256()
    for path in asked_by:
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    directory = cache_root() / f"{kind}-{digest.hexdigest()[:16]}"
    if (directory / "complete").exists():
        return directory
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    for path in asked_by:
        shutil.copy(path, directory / path.name)
    prepare(directory)
    (directory / "complete").touch()
    return directory


def node():
    """Returns a directory with node_modules, and the suites beside it, where Node looks for them."""
    need_program("node", "nodejs")
    npm = need_program("npm", "npm")

    def install(directory):
        run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], directory, "npm ci")

    files = sorted((TESTS / "node").iterdir())
    return prepared("node", [path for path in files if path.is_file()], install)


def python():
    """Returns the interpreter of a virtual environment with the packages of requirements.txt."""
    python3 = need_program("python3", "python3")

    def install(directory):
        run([python3, "-m", "venv", "venv"], directory, "python3 -m venv")
        run(["venv/bin/pip", "install", "--quiet", "--require-hashes", "--only-binary=:all:", "-r",
             "requirements.txt"], directory, "pip install")

    return prepared("python", [TESTS / "python/requirements.txt"], install) / "venv/bin/python"


def debian_python():
    """Returns Debian's own interpreter, if Debian's Django and clients are installed."""
    python3 = pathlib.Path("/usr/bin/python3")
    probe = [python3, "-c", "import django, redis, django_redis"]
    if not python3.exists() or subprocess.run(probe, capture_output=True, check=False).returncode:
        raise Unavailable("Debian's python3-django, python3-redis and python3-django-redis are not"
                          " all installed")
    return python3


def java():
    """Returns (java, class path) of the compiled suites."""
    mvn = need_program("mvn", "maven")
    javac = need_program("javac", "default-jdk-headless")
    program = need_program("java", "default-jdk-headless")
    sources = sorted((TESTS / "java").glob("*.java"))

    def fetch(directory):
        plugin = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
        run([mvn, "-q", "-B", "-C", plugin, "-DoutputDirectory=jars"], directory, "mvn")

    def build(directory):
        run([javac, "-nowarn", "-d", "classes", "-cp", f"{jars}/*",
             *(path.name for path in sources)], directory, "javac", BuildFailed)

    jars = prepared("jars", [TESTS / "java/pom.xml"], fetch) / "jars"
    classes = prepared("java", [TESTS / "java/pom.xml", *sources], build) / "classes"
    return program, f"{classes}:{jars}/*"


def go():
    """Returns the compiled suite of go-redis."""
    program = need_program("go", "golang")

    def build(directory):
        run([program, "mod", "download"], directory, "go mod download")
        run([program, "build", "-mod=readonly", "-o", "suite", "."], directory, "go build",
            BuildFailed)

    files = sorted(path for path in (TESTS / "go").iterdir() if path.is_file())
    return prepared("go", files, build) / "suite"


def hiredis():
    """Returns the compiled suite of hiredis."""
    compiler = need_program("cc", "gcc")

    if not pathlib.Path("/usr/include/hiredis/hiredis.h").exists():
        raise Unavailable("there is no hiredis/hiredis.h here (Debian's package: libhiredis-dev)")

    def build(directory):
        run([compiler, "-std=c11", "-Wall", "-Wextra", "-Werror", "-O1", "-D_GNU_SOURCE", "-o",
             "suite", "hiredis_suite.c", "-lhiredis"], directory, "cc", BuildFailed)

    return prepared("hiredis", [TESTS / "c/hiredis_suite.c"], build) / "suite"


def redis_tools():
    """Returns nothing; the suites of redis-cli run with this interpreter."""
    for name in ("redis-cli", "redis-benchmark"):
        need_program(name, "redis-tools")
