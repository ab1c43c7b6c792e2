"""Runs the page of examples/browser on the conformance cases, in headless Chromium.

    python tests/conformance/run_in_browser.py

Prints what `run.py` prints. It needs playwright and a Chromium of the system (`chromium`, or the path in the
environment variable CHROMIUM), and `npm ci && npm run build` in examples/browser.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from run import Failure, check_error, compare, report  # noqa: E402

SITE = HERE.parents[1] / "examples" / "browser"
IDLE = "main[aria-busy=false]"


class PredictionPage:
    """The page in a tab of Chromium: files in, predictions or the text of a problem out."""

    def __init__(self, tab: Any) -> None:
        self.tab = tab  # playwright.sync_api.Page

    def open_model(self, path: Path) -> str:
        """The problem that the page shows, "" for none."""
        return self._choose("#model-file", "#model-problem", path)

    def predict_file(self, path: Path) -> str:
        """The problem that the page shows, "" for none."""
        return self._choose("#rows-file", "#rows-problem", path)

    def downloaded(self) -> str:
        """The predictions that the page offers as a file."""
        with self.tab.expect_download() as download:
            self.tab.click("text=Download predictions")
        return Path(download.value.path()).read_bytes().decode("utf-8")

    def _choose(self, field: str, problem: str, path: Path) -> str:
        self.tab.set_input_files(field, path)
        self.tab.wait_for_selector(IDLE)
        text = str(self.tab.text_content(problem))
        return text.removeprefix(f"{path.name}: ")


class Server(SimpleHTTPRequestHandler):
    """What `python -m http.server` does, without its log."""

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def served(folder: Path = SITE) -> Iterator[str]:
    """The address under which the files of a folder are served."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Server, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


def chromium() -> str | None:
    """The path of the Chromium to drive."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")


@contextmanager
def browser() -> Iterator[Any]:
    """A headless Chromium of playwright."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])  # CI runs as root
        yield opened
        opened.close()


def run_case(case: dict[str, Any], page: PredictionPage) -> float | None:
    """The largest difference of a probability in a case with answers, None in an error case; raises Failure."""
    problem = page.open_model(HERE / case["model"]) or page.predict_file(HERE / case["rows_csv"])
    has_answers = page.tab.is_visible("#answers")
    if "error" in case:
        stdout = page.downloaded() if has_answers else ""
        check_error(case["error"], 2 if problem else 0, stdout, problem)
        return None
    if problem or not has_answers:
        raise Failure(f"the page must predict, however: {problem or 'it shows nothing'}")
    return compare(json.loads((HERE / case["expected"]).read_text("utf-8")), page.downloaded(), case["tolerance"])


def main() -> int:
    """Run the cases; 0 if all pass, 1 if any fails."""
    cases = json.loads((HERE / "manifest.json").read_text("utf-8"))["cases"]
    with served() as address, browser() as opened:
        page = PredictionPage(opened.new_page())
        page.tab.goto(address)
        return report(cases, lambda case: run_case(case, page))


if __name__ == "__main__":
    sys.exit(main())
