"""Draws the dashboards as PNG from a running Prometheus, with headless Chromium.

usage: python3 draw.py URL OUT [--minutes 30] [--to SECONDS] [--picture NAME]

Run `npm ci && npm run build` first. pictures.json lists the pictures and their contents.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HERE = Path(__file__).resolve().parent
# Chromium itself makes no network requests: only the page does.
CHROMIUM = [
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--force-color-profile=srgb",
]
# A page sends dozens of queries to a Prometheus on a busy machine.
TIMEOUT_MS = 120_000


class Handler(SimpleHTTPRequestHandler):
    """Serves the built page, and forwards /api/ to Prometheus."""

    def __init__(self, *rest, url: str, **more):
        self.url = url
        super().__init__(*rest, directory=HERE / "dist", **more)

    def do_GET(self):
        if not self.path.startswith("/api/"):
            return super().do_GET()
        try:
            with urllib.request.urlopen(self.url + self.path, timeout=60) as response:
                status, body = response.status, response.read()
        except urllib.error.HTTPError as error:
            status, body = error.code, error.read()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def chromium(page: str, *options: str) -> str:
    """Runs the browser on a page and returns its standard output."""
    names = ["chromium", "chromium-browser", "google-chrome"]
    program = next(filter(None, map(shutil.which, names)), None)
    if not program:
        raise SystemExit("draw: chromium is missing (on Debian: apt-get install chromium)")
    with tempfile.TemporaryDirectory() as profile:
        own = [f"--user-data-dir={profile}", f"--virtual-time-budget={TIMEOUT_MS}"]
        command = [program, *CHROMIUM, *own, *options, page]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise SystemExit(f"draw: {program} failed: {done.stderr[-2000:]}")
    return done.stdout


def draw(page: str, width: int, target: Path) -> None:
    """Draws one page at its full height. Fails when a query fails or gets no answer in time."""
    text = chromium(page, f"--window-size={width},1000", "--dump-dom")
    failed = re.search(r"<title>failed: (.*?)</title>", text, re.S)
    if failed or 'data-done="yes"' not in text:
        raise SystemExit(f"draw: {page}: {failed[1] if failed else 'timed out before all panels were drawn'}")
    height = re.search(r'data-height="(\d+)"', text)[1]
    chromium(page, f"--window-size={width},{height}", f"--screenshot={target}")


def main() -> None:
    layout = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=layout)
    parser.add_argument("url", help="address of Prometheus, such as http://127.0.0.1:9090")
    parser.add_argument("out", type=Path, help="folder for the pictures")
    parser.add_argument("--minutes", type=int, default=30, help="length of the time range (30)")
    parser.add_argument("--to", type=int, default=None, help="end of the time range, in Unix seconds (now)")
    parser.add_argument("--picture", action="append", help="draw only this picture; may be repeated")
    arguments = parser.parse_args()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, url=arguments.url.rstrip("/")))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    arguments.out.mkdir(parents=True, exist_ok=True)
    end = (arguments.to or int(time.time())) // 60 * 60
    for name, picture in json.loads((HERE / "pictures.json").read_text()).items():
        if arguments.picture and name not in arguments.picture:
            continue
        query = {"from": end - arguments.minutes * 60, "to": end, **picture}
        page = f"http://127.0.0.1:{server.server_address[1]}/index.html?{urllib.parse.urlencode(query)}"
        target = (arguments.out / f"{name}.png").resolve()
        draw(page, int(picture.get("width", 1600)), target)
        print(f"{target.name}: {target.stat().st_size // 1024} KB", file=sys.stderr)


if __name__ == "__main__":
    main()
