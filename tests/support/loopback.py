"""An HTTP server on loopback that stands in for the hosts of images, and can be told to misbehave."""

import hashlib
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Request:
    """One request as the server saw it; `sent` is the number of body bytes of its answer."""

    path: str
    range: str | None
    status: int
    sent: int


@dataclass
class Host:
    """`files` are served; `faults` are used up one a request: a status, `(status, Retry-After)`, or a word.

    `cut`: half of it comes; `no ranges`: all of it; `no tag`: without an ETag;
    `careless`: a part, whatever the file was when it was begun; `endless`: more and more, without saying how much.
    Requests for files in `together` are answered only once `barrier` says that as many are under way at once.
    """

    address: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    faults: dict[str, list[object]] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    together: set[str] = field(default_factory=set)
    barrier: threading.Barrier | None = None

    def sent(self) -> int:
        return sum(request.sent for request in self.requests)


@contextmanager
def serve() -> Iterator[Host]:
    host = Host()

    class Handler(BaseHTTPRequestHandler):
        tag = ""

        def pour(self, data: bytes) -> None:
            host.requests.append(Request(self.path, None, 200, 0))
            self.send_response(200)
            self.end_headers()
            with suppress(OSError):  # until the other side has had enough
                while True:
                    self.wfile.write(data)

        def log_message(self, *arguments: object) -> None:
            pass

        def do_GET(self) -> None:
            fault = host.faults[self.path].pop(0) if host.faults.get(self.path) else None
            if self.path in host.together and host.barrier:
                try:
                    host.barrier.wait(timeout=20)  # broken where requests come one after the other
                except threading.BrokenBarrierError:
                    fault = 404
            if self.path not in host.files and fault is None:
                fault = 404
            if isinstance(fault, int | tuple):
                status, wait = fault if isinstance(fault, tuple) else (fault, None)
                self.answer(status, b"no", {} if wait is None else {"Retry-After": wait}, 2)
                return
            data = host.files[self.path]
            self.tag = "" if fault == "no tag" else f'"{hashlib.md5(data).hexdigest()}"'
            if fault == "endless":
                self.pour(data)
                return
            asked = re.fullmatch(r"bytes=(-?\d+)(?:-(\d*))?", self.headers.get("Range", ""))
            other = self.headers.get("If-Range", self.tag) != self.tag and fault != "careless"
            if asked is None or other or fault == "no ranges":
                self.answer(200, data, {}, len(data) // 2 if fault == "cut" else len(data))
                return
            start = int(asked[1]) if int(asked[1]) >= 0 else max(0, len(data) + int(asked[1]))
            if start >= len(data):
                self.answer(416, b"", {"Content-Range": f"bytes */{len(data)}"}, 0)
                return
            stop = min(int(asked[2]) + 1 if asked[2] else len(data), len(data))
            part = data[start:stop]
            place = {"Content-Range": f"bytes {start}-{stop - 1}/{len(data)}"}
            self.answer(206, part, place, len(part) // 2 if fault == "cut" else len(part))

        def answer(self, status: int, body: bytes, headers: dict[str, str], sent: int) -> None:
            host.requests.append(Request(self.path, self.headers.get("Range"), status, sent))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            if self.tag:
                self.send_header("ETag", self.tag)
            self.end_headers()
            self.wfile.write(body[:sent])

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    host.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield host
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
