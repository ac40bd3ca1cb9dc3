"""A server of files on this machine that fails when it is told to."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Iterator


class FileServer(ThreadingHTTPServer):
    """Serves ``files`` (name to content); one fault of ``faults`` is used up by each request.

    Attributes:
        faults: an HTTP status to answer with, ``"cut"`` (announces all, sends half), ``"mute"``
            (never answers), ``"chunked cut"`` or None (answers as it should).
        has_ranges: whether ``Range`` is understood.
        requests: the name and ``Range`` of each request.
    """

    daemon_threads = True

    def __init__(self, files: dict[str, bytes]):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files = files
        self.faults: list = []
        self.has_ranges = True
        self.requests: list[tuple[str, str | None]] = []
        self.closing = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        name, wanted = self.path.lstrip("/"), self.headers["Range"]
        server.requests.append((name, wanted))
        fault = server.faults.pop(0) if server.faults else None
        if fault == "mute":
            server.closing.wait()
        elif isinstance(fault, int):
            self.send_error(fault)
        elif name not in server.files:
            self.send_error(404)
        elif fault == "chunked cut":
            self._send_chunks_without_end(server.files[name])
        else:
            self._send(server.files[name], wanted if server.has_ranges else None, fault == "cut")

    def _send(self, content: bytes, wanted: str | None, cut: bool) -> None:
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
        body = content[start:]
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if cut else body)

    def _send_chunks_without_end(self, content: bytes) -> None:
        self.protocol_version = "HTTP/1.1"
        self.close_connection = True
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"%x\r\n%b\r\n" % (len(content), content))

    def log_message(self, *arguments):
        pass


@contextmanager
def serving(files: dict[str, bytes]) -> Iterator[FileServer]:
    server = FileServer(files)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()
