"""A server of files on the loopback that fails as servers and networks do."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Fault:
    """What happens to one request."""

    status: int | None = None
    """Answered instead of the file."""
    headers: dict[str, str] = field(default_factory=dict)
    """Of that answer."""
    cut_after: int | None = None
    """Bytes of the body after which the connection breaks."""
    stall_after: int | None = None
    """Bytes of the body after which nothing more comes until the server is closed."""


@dataclass
class Served:
    """A file, and how the server behaves when it is asked for."""

    content: bytes
    etag: str | None = '"1"'
    ranges: bool = True
    """Whether parts may be asked for."""
    if_range: bool = True
    """Whether parts of another version are refused to those who name theirs."""
    length: int | None = None
    """What is announced instead of the true length."""
    announces: bool = True
    """Whether a length is announced at all."""
    faults: list[Fault] = field(default_factory=list)
    """Of the next requests, one each."""


class FileServer:
    """Files by path; every request is noted."""

    def __init__(self) -> None:
        self.files: dict[str, Served] = {}
        self.requests: list[tuple[str, str | None]] = []
        """Path, and what stood in Range."""
        self.url = ""
        self.closed = threading.Event()

    def offer(self, path: str, content: bytes, **behaviour: object) -> Served:
        """Have a file at this path."""
        self.files[path] = Served(content, **behaviour)  # type: ignore[arg-type]
        return self.files[path]


@contextmanager
def file_server() -> Iterator[FileServer]:
    """A server on a free port, until the end of the block."""
    server = FileServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked = self.headers.get("Range")
            server.requests.append((self.path, asked))
            served = server.files.get(self.path)
            fault = served.faults.pop(0) if served and served.faults else Fault()
            if served is None or fault.status is not None:
                self.send_response(fault.status or 404)
                for key, value in {"Content-Length": "0", **fault.headers}.items():
                    self.send_header(key, value)
                self.end_headers()
                return
            self._answer(served, fault, asked)

        def _answer(self, served: Served, fault: Fault, asked: str | None) -> None:
            start = self._start(served, asked)
            if start and start >= len(served.content):
                self.send_response(416)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            body = served.content[start:]
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(served.content) - 1}/{len(served.content)}")
            if served.etag:
                self.send_header("ETag", served.etag)
            if served.announces:
                self.send_header("Content-Length", str(served.length or len(body)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.close_connection = True
            stop = fault.cut_after if fault.stall_after is None else fault.stall_after
            self.wfile.write(body[:stop])
            self.wfile.flush()
            if fault.stall_after is not None:
                server.closed.wait()
            if stop is not None:
                self.connection.shutdown(socket.SHUT_RDWR)

        def _start(self, served: Served, asked: str | None) -> int:
            found = re.fullmatch(r"bytes=(\d+)-", asked or "")
            other = served.if_range and self.headers.get("If-Range", served.etag) != served.etag
            if found is None or not served.ranges or other:
                return 0
            return int(found[1])

        def log_message(self, format: str, *args: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    server.url = f"http://127.0.0.1:{http.server_port}"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.closed.set()
        http.shutdown()
        http.server_close()
        thread.join()
