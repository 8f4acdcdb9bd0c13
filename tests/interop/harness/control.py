"""The control port: how a suite has its server killed and started again.

A suite connects to 127.0.0.1:$INTEROP_CONTROL and sends "restart\n". The server is killed with
SIGKILL and started over the same directory and ports; "done\n" comes back when it answers again,
or "failed: why\n". "restart gently\n" is the same with SIGTERM, which must end it with 0.
"""

import socket
import threading

from harness.server import ServerFailed


class Control:
    """Serves one suite run; a context manager."""

    def __init__(self, server):
        self.server = server
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.restarts = 0
        self.thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        # shutdown() wakes accept(), which close() alone does not.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()

    def _serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rw") as stream:
                end = {"restart": self.server.kill, "restart gently": self.server.terminate}.get(
                    stream.readline().strip())
                if end is None:
                    continue
                try:
                    end()
                    self.server.start()
                    self.restarts += 1
                    answer = "done"
                except ServerFailed as why:
                    answer = f"failed: {why}"
                stream.write(answer + "\n")
                stream.flush()
