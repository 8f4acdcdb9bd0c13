"""Private servers for the interop suites: redis-server, and cloakroom serve.

A server lives in a directory of its own and listens at two places at once: a unix socket, and a
port that was free, which speaks TLS if asked to. Both kinds acknowledge a write only when it survives a kill -9
(redis by "appendonly yes" and "appendfsync always", cloakroom by itself), so that a suite may have
the server killed in its middle and must find everything again.
"""

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

START_TIMEOUT_S = 20


class ServerFailed(Exception):
    """The server could not be started; the text says why and shows the end of its log."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def make_certificate(directory):
    """Makes a throw-away authority and a certificate for localhost by it, with openssl."""
    directory.mkdir(parents=True, exist_ok=True)

    def openssl(*args):
        subprocess.run(["openssl", *args], cwd=directory, check=True, capture_output=True)

    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl("req", "-x509", *curve, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2",
            "-subj", "/CN=cloakroom interop", "-addext", "keyUsage=critical,keyCertSign")
    openssl("req", *curve, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost")
    (directory / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
            "-CAcreateserial", "-days", "2", "-extfile", "names", "-out", "server.pem")


class Server:
    """One running server. start() and kill() may alternate; stop() ends it for good."""

    name = ""

    def __init__(self, directory, certificates, tls=False, password=""):
        self.directory = pathlib.Path(directory)
        self.certificates = pathlib.Path(certificates)
        self.tls = tls
        self.password = password
        self.port = free_port()
        self.options = ()  # more of the command line
        self.log = self.directory / "log"
        self.process = None
        self.socket = self.directory / "s" / "x.sock"

    def command(self):
        raise NotImplementedError

    def start(self):
        """Starts it over what its directory holds; returns when it answers at both places."""
        self.socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                cwd=self.directory)
        deadline = time.monotonic() + START_TIMEOUT_S
        while not (self._answers_unix() and self._listens(self.port)):
            if self.process.poll() is not None:
                raise ServerFailed(f"{self.name} ended with {self.process.returncode}: {self.tail()}")
            if time.monotonic() > deadline:
                self.stop()
                raise ServerFailed(f"{self.name} did not answer for {START_TIMEOUT_S} s: "
                                   f"{self.tail()}")
            time.sleep(0.01)

    def kill(self):
        """kill -9: no farewell, nothing flushed."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def terminate(self):
        """SIGTERM: it answers what it has read, closes and ends with 0."""
        self.process.terminate()
        try:
            code = self.process.wait(timeout=START_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise ServerFailed(f"{self.name} did not end at SIGTERM: {self.tail()}") from None
        if code:
            raise ServerFailed(f"{self.name} ended with {code} at SIGTERM: {self.tail()}")

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def tail(self):
        lines = self.log.read_text(errors="replace").splitlines()
        return " | ".join(lines[-5:]) or "its log is empty"

    def _answers_unix(self):
        # redis-server begins with LOADING, which it says only to whom it knows.
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(2)
                connection.connect(str(self.socket))
                if self.password:
                    secret = self.password.encode()
                    connection.sendall(b"*2\r\n$4\r\nAUTH\r\n$%d\r\n%s\r\n" % (len(secret), secret))
                connection.sendall(b"PING\r\n")
                connection.shutdown(socket.SHUT_WR)
                return connection.makefile("rb").read().endswith(b"+PONG\r\n")
        except OSError:
            return False

    @staticmethod
    def _listens(port):
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=2):
                return True
        except OSError:
            return False


class Redis(Server):
    name = "redis"

    @staticmethod
    def find():
        return shutil.which("redis-server")

    def command(self):
        # INTEROP_REDIS_ARGS is for sabotage: with "--rename-command EXPIRE ''" the suites go red.
        extra = os.environ.get("INTEROP_REDIS_ARGS", "").split()
        extra = ["" if word == "''" else word for word in extra]
        password = ["--requirepass", self.password] if self.password else []
        tls = [
            "--port", "0", "--tls-port", str(self.port), "--tls-auth-clients", "no",
            "--tls-cert-file", str(self.certificates / "server.pem"),
            "--tls-key-file", str(self.certificates / "server.key"),
            "--tls-ca-cert-file", str(self.certificates / "ca.pem"),
        ]
        return [
            self.find(), "--bind", "127.0.0.1", *(tls if self.tls else ["--port", str(self.port)]),
            "--unixsocket", str(self.socket), "--unixsocketperm", "600",
            "--dir", str(self.directory), "--save", "", "--appendonly", "yes",
            "--appendfsync", "always", "--daemonize", "no", *password, *extra,
        ]


class Cloakroom(Server):
    name = "cloakroom"
    program = None  # set by the runner

    @classmethod
    def find(cls):
        return cls.program

    def command(self):
        command = [self.program, "serve", str(self.directory / "store"), "--unix", str(self.socket),
                   "--port", str(self.port)]
        if self.tls:
            command += ["--tls-cert", str(self.certificates / "server.pem"),
                        "--tls-key", str(self.certificates / "server.key")]
        if self.password:
            secret = self.directory / "password"
            secret.touch(mode=0o600)
            secret.write_text(self.password + "\n")
            command += ["--password-file", str(secret)]
        if "--hash-keys" in self.options:
            secret = self.directory / "hash-secret"
            secret.touch(mode=0o600)
            secret.write_text("0123456789abcdef0123456789abcdef\n")
            command += ["--hash-secret-file", str(secret)]
        return command + list(self.options)


KINDS = {kind.name: kind for kind in (Redis, Cloakroom)}
