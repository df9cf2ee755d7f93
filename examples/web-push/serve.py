"""Serves the page on this machine and passes what it asks on to a gateway, with a key of yours.

Browsers allow web push on ``localhost`` and over ``https://`` alone. The key stays in this program:
of the gateway the page reaches the routes of its notifications, and runs to look at.
"""

import argparse
import re
import urllib.error
import urllib.request
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

PASSED = re.compile(r"/(notifications/(push|browsers(/[0-9a-f]{1,64})?)|runs/[0-9A-Za-z_-]{1,64})")
HERE = Path(__file__).parent
FORM = "application/json"


class Page(SimpleHTTPRequestHandler):
    """Files of this folder; what begins with ``/notifications`` or ``/runs`` is the gateway's."""

    gateway, key, port = "", "", 0

    def do_GET(self) -> None:
        """Give a file, or what the gateway says."""
        if PASSED.fullmatch(self.path):
            self.pass_on()
        else:
            super().do_GET()

    def do_POST(self) -> None:
        """Add a browser."""
        self.pass_on()

    def do_DELETE(self) -> None:
        """Remove a browser."""
        self.pass_on()

    def pass_on(self) -> None:
        """Ask the gateway in the name of the key."""
        # Pages of others can make this browser ask: they cannot say these two.
        hosts = {f"localhost:{self.port}", f"127.0.0.1:{self.port}"}
        origin = self.headers.get("origin")
        if self.headers["host"] not in hosts or (
            origin is not None and origin.removeprefix("http://") not in hosts
        ):
            self.send_error(403)
            return
        if not PASSED.fullmatch(self.path):
            self.send_error(404)
            return
        length = min(int(self.headers.get("content-length") or 0), 10_000)
        headers = {"authorization": f"Bearer {self.key}", "content-type": FORM}
        body = self.rfile.read(length) or None
        asked = urllib.request.Request(self.gateway + self.path, body, headers, method=self.command)
        try:
            with urllib.request.urlopen(asked, timeout=60) as answer:
                status, said = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, said = error.code, error.read()
        self.send_response(status)
        self.send_header("content-type", FORM)
        if status != 204:
            self.send_header("content-length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, directory=str(HERE), **named)


def main() -> None:
    """Serve until it is interrupted."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--gateway", default="http://127.0.0.1:8080")
    words.add_argument("--key-file", type=Path, required=True)
    words.add_argument("--port", type=int, default=8010)
    said = words.parse_args()
    Page.gateway, Page.key = said.gateway.rstrip("/"), said.key_file.read_text().strip()
    Page.port = said.port
    print(f"http://localhost:{said.port}/", flush=True)
    ThreadingHTTPServer(("127.0.0.1", said.port), Page).serve_forever()


if __name__ == "__main__":
    main()
