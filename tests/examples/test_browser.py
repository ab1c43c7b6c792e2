"""The page of examples/browser in headless Chromium: answers, problems, form, looks, keyboard, no foreign request."""

from __future__ import annotations

import importlib.util
import json
import random
import re
import shutil
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import onnx
import pandas as pd
import pytest
from mothernet_export import to_onnx
from mothernet_runtime import load

from mothernet import MotherNetClassifier

ROOT = Path(__file__).parents[2]
EXAMPLE, CONFORMANCE = ROOT / "examples" / "browser", ROOT / "tests" / "conformance"
CASES = CONFORMANCE / "cases"
sys.path[:0] = [str(CONFORMANCE), str(Path(__file__).parent)]

import consumer_checks as checks  # noqa: E402
from run import Failure  # noqa: E402
from run_in_browser import PredictionPage, browser, chromium, run_case, served  # noqa: E402

HAS_PLAYWRIGHT = importlib.util.find_spec("playwright") is not None
if HAS_PLAYWRIGHT:
    from playwright.sync_api import expect
HAS_ALL = shutil.which("npm") and chromium() and HAS_PLAYWRIGHT
pytestmark = pytest.mark.skipif(not HAS_ALL, reason="needs npm, chromium and the Python package playwright")
SCHEMES_AND_WIDTHS = [("light", 1280), ("dark", 1280), ("light", 390), ("dark", 320)]


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    checks.build("browser")
    with served() as address:
        yield address


@pytest.fixture(scope="module")
def chrome(site: str) -> Iterator[Any]:
    with browser() as opened:
        yield opened


@pytest.fixture
def page(chrome: Any, site: str) -> Iterator[PredictionPage]:
    yield from opened_page(chrome, site)


def opened_page(chrome: Any, site: str, scheme: str = "light", width: int = 1280) -> Iterator[PredictionPage]:
    """A tab with the page; it must write nothing to the console and ask no other server."""
    tab = chrome.new_page(color_scheme=scheme, viewport={"width": width, "height": 844})
    written, asked = [], []
    tab.on("console", lambda message: written.append(message.text))
    tab.on("pageerror", lambda error: written.append(str(error)))
    tab.context.on("request", lambda request: asked.append(request.url))  # of workers too
    tab.goto(site)
    yield PredictionPage(tab)
    tab.close()
    assert written == []
    origins = {urlsplit(url.removeprefix("blob:")).netloc for url in asked if not url.startswith("data:")}
    assert origins == {urlsplit(site).netloc}


def model_of(case: str) -> Path:
    return CASES / case / "model.onnx"


@pytest.mark.slow
def test_the_page_passes_every_conformance_case(page: PredictionPage) -> None:
    wrong = []
    cases = json.loads((CONFORMANCE / "manifest.json").read_text("utf-8"))["cases"]
    for case in cases:
        try:
            run_case(case, page)
        except Failure as failure:
            wrong.append(f"{case['name']}: {failure}")
    assert len(cases) > 100 and wrong == []


class Foreigner(BaseHTTPRequestHandler):
    """A server that lets any page ask it, and counts how often it is asked."""

    asked = 0

    def do_GET(self) -> None:
        Foreigner.asked += 1
        self.send_response(200)
        self.send_header("Access-Control-Allow-Origin", "*")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def test_neither_page_nor_worker_can_ask_another_server(chrome: Any, site: str) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Foreigner)
    Thread(target=server.serve_forever, daemon=True).start()
    ask = f"fetch('http://127.0.0.1:{server.server_port}/').then(() => 'answered', () => 'refused')"
    tab = chrome.new_page()
    tab.goto(site)
    assert PredictionPage(tab).open_model(model_of("mixed")) == ""
    (worker,) = tab.workers
    assert (tab.evaluate(ask), worker.evaluate(ask), Foreigner.asked) == ("refused", "refused", 0)
    tab.goto(f"{site}package.json")
    assert (tab.evaluate(ask), Foreigner.asked) == ("answered", 1)  # so it is the policy of the page that refuses
    tab.close()
    server.shutdown()
    server.server_close()


def filled(tab: Any) -> None:
    """Fill every field of the form."""
    for control in tab.query_selector_all("#form input, #form select"):
        kind = control.evaluate("each => each.type")
        if kind == "select-one":
            control.select_option(index=control.evaluate("each => Math.min(2, each.options.length - 1)"))
        else:
            texts = {"number": "12.5", "date": "2024-02-29", "datetime-local": "2024-02-29T18:30", "time": "07:45"}
            control.fill(texts.get(kind) or control.evaluate("each => each.list.options[1].value"))


def row_of_form(tab: Any, columns: list[dict[str, Any]]) -> dict[str, Any]:
    """The row that the form holds, as the runtime takes it."""
    used = [column for column in columns if column["used"]]
    values = tab.eval_on_selector_all(
        "#form input, #form select", "all => all.map(each => each.selectedOptions?.[0].text ?? each.value)"
    )
    row: dict[str, Any] = {column["name"]: None for column in columns if column["type"] != "ignored"}
    for column, value in zip(used, values, strict=True):
        if value not in ("", "missing"):
            row[column["name"]] = float(value) if column["type"] == "number" else value
    return row


@pytest.mark.parametrize(
    "case",
    ["mixed", "currencies", "percent", "decimal_comma", "booleans", "dates_dmy", "times", "date_parts", "offsets"],
)
def test_the_form_says_what_the_runtime_says(page: PredictionPage, case: str) -> None:
    tab, model = page.tab, load(model_of(case), on_unseen="ignore")
    properties = onnx.load(model_of(case)).metadata_props
    (schema,) = (json.loads(each.value) for each in properties if each.key == "mothernet.schema")
    assert page.open_model(model_of(case)) == ""
    tab.click("text=One row by hand")
    for step in (lambda: None, lambda: filled(tab), lambda: tab.click("text=Clear")):
        step()
        labels, probabilities = model.predict_both([row_of_form(tab, schema["columns"])])
        tab.wait_for_timeout(300)
        assert tab.text_content("#answer .result") == str(labels[0])
        shares = [float(text.removesuffix(" %")) / 100 for text in tab.locator("#answer .number").all_text_contents()]
        assert shares == pytest.approx(probabilities[0], abs=0.00051)  # shown with one decimal of a percent


def test_many_categories_are_offered_while_one_types(page: PredictionPage, tmp_path: Path) -> None:
    table = {"city": [f"city {i % 150}" for i in range(600)], "size": [float(i % 7) for i in range(600)]}
    to_onnx(
        MotherNetClassifier(size="large").fit(pd.DataFrame(table), [i % 150 < 75 for i in range(600)]),
        tmp_path / "m.onnx",
    )
    assert page.open_model(tmp_path / "m.onnx") == ""
    page.tab.click("text=One row by hand")
    page.tab.get_by_label("city").fill("city 3")
    expect(page.tab.locator("#answer .result")).to_have_text("True")
    page.tab.get_by_label("city").fill("city 149")
    expect(page.tab.locator("#answer .result")).to_have_text("False")


def test_files_are_dropped_anywhere_and_chosen_again(page: PredictionPage) -> None:
    files = [[path.name, list(path.read_bytes())] for path in (CASES / "mixed" / "rows.csv", model_of("mixed"))]
    transfer = page.tab.evaluate_handle(
        """(files) => {
          const transfer = new DataTransfer();
          for (const [name, bytes] of files) transfer.items.add(new File([new Uint8Array(bytes)], name));
          return transfer;
        }""",
        files,
    )
    page.tab.dispatch_event("h1", "drop", {"dataTransfer": transfer})
    expect(page.tab.locator("#answer .result")).to_have_text("9 rows predicted")
    assert page.predict_file(CASES / "mixed" / "rows.csv") == ""  # the same name again
    assert page.predict_file(CASES / "error_short_row" / "rows.csv").startswith("line 3: a row must have")
    assert not page.tab.is_visible("#answers")
    assert page.open_model(CASES / "mixed" / "rows.csv") == "not an ONNX file, or one that is cut off"
    assert not page.tab.is_visible("#rows")


def test_dialect_and_further_columns_are_options(page: PredictionPage, tmp_path: Path) -> None:
    header, row = (CASES / "mixed" / "rows.csv").read_text("utf-8").splitlines()[:2]
    text = "\r".join([f"{header},zoo", *[f"{row.replace('Bern', 'Zürich')},1"] * 6]).replace(",", "|")
    (tmp_path / "rows.csv").write_bytes(text.encode("cp1252"))
    page.open_model(model_of("mixed"))
    assert page.predict_file(tmp_path / "rows.csv").startswith("the rows must be text in utf-8")
    page.tab.get_by_label("Encoding").select_option("windows-1252")
    expect(page.tab.locator("#rows-problem")).to_contain_text('unknown: "zoo"')
    page.tab.get_by_label("Ignore columns").check()
    expect(page.tab.locator("#answer .note")).to_contain_text('of column "city" are categories that the model does not')
    page.tab.get_by_label("Delimiter").select_option("comma")
    expect(page.tab.locator("#rows-problem")).to_contain_text("missing:")


def test_markup_in_a_file_is_text(page: PredictionPage, tmp_path: Path) -> None:
    header, row = (CASES / "mixed" / "rows.csv").read_text("utf-8").splitlines()[:2]
    (tmp_path / "rows.csv").write_text(f"{header}\n{row.replace('Bern', '<img src=x onerror=alert(1)>')}\n", "utf-8")
    page.open_model(model_of("mixed"))
    assert page.predict_file(tmp_path / "rows.csv") == ""
    assert page.tab.locator("#answer img").count() == 0
    assert page.tab.locator("td", has_text="<img src=x").count() == 1


@pytest.mark.slow
def test_damaged_files_are_problems_of_the_page(page: PredictionPage, tmp_path: Path) -> None:
    rng, whole, rows = random.Random(3), model_of("mixed").read_bytes(), (CASES / "mixed" / "rows.csv").read_bytes()
    assert page.open_model(model_of("mixed")) == ""
    for i in range(16):
        data = bytearray(rows if i % 2 else whole)
        for _ in range(3):
            data[rng.randrange(len(data))] = rng.choice([0, 34, 255, rng.randrange(256)])
        path = tmp_path / f"damaged-{i}"
        path.write_bytes(data[: rng.randrange(len(data))] if i % 4 < 2 else data)
        if i % 2:
            page.predict_file(path)
        else:
            assert page.open_model(path) != ""
            assert page.open_model(model_of("mixed")) == ""
    assert page.predict_file(CASES / "mixed" / "rows.csv") == ""


@pytest.mark.slow
def test_many_rows_leave_the_page_awake_and_can_be_cancelled(page: PredictionPage, tmp_path: Path) -> None:
    header, *rows = (CASES / "dates_ymd" / "rows.csv").read_text("utf-8").splitlines()
    many = [rows[i % len(rows)] for i in range(100_000)]
    (tmp_path / "rows.csv").write_text("\n".join([header, *many]) + "\n", "utf-8")
    tab = page.tab
    page.open_model(model_of("dates_ymd"))
    tab.evaluate(
        """() => {
          let last = performance.now();
          window.longest = 0;
          setInterval(() => {
            window.longest = Math.max(window.longest, performance.now() - last);
            last = performance.now();
          }, 10);
        }"""
    )
    tab.set_input_files("#rows-file", tmp_path / "rows.csv")
    expect(tab.locator("#work-text")).to_contain_text(" of 100,000 rows", timeout=60_000)
    tab.click("#cancel")
    expect(tab.locator("#rows-problem")).to_have_text("Cancelled.")
    assert not tab.is_visible("#answers")
    assert page.predict_file(tmp_path / "rows.csv") == ""
    assert len(page.downloaded().splitlines()) == 100_001
    assert tab.locator("tbody tr").count() == 50
    assert tab.evaluate("window.longest") < 1000  # ms; the work takes seconds


def states(page: PredictionPage) -> Iterator[str]:
    """Bring the page into each of its states, by the name of which."""
    tab = page.tab
    yield "start"
    for case in ("odd_strings", "many_columns", "many_classes", "string_classes", "date_parts", "missing_markers"):
        page.open_model(model_of(case))
        page.predict_file(CASES / case / "rows.csv")
        yield f"file of {case}"
        tab.click("text=One row by hand")
        expect(tab.locator("#answer .result")).to_be_visible()
        yield f"form of {case}"
        tab.click("text=A CSV file")
        expect(tab.locator("#answer table")).to_be_visible()
    page.predict_file(CASES / "mixed" / "rows.csv")
    yield "problem with the rows"
    page.open_model(CASES / "error_truncated" / "model.onnx")
    yield "problem with the model"


@pytest.mark.slow
@pytest.mark.parametrize(("scheme", "width"), SCHEMES_AND_WIDTHS)
def test_every_state_fits_its_width_and_is_accessible(chrome: Any, site: str, scheme: str, width: int) -> None:
    checker = (EXAMPLE / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8")
    for page in opened_page(chrome, site, scheme, width):
        page.tab.evaluate(checker)
        seen = []
        for state in states(page):
            assert page.tab.evaluate("document.documentElement.scrollWidth") <= width, state
            found = page.tab.evaluate("axe.run({ resultTypes: ['violations'] })")["violations"]
            assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in found] == [], state
            seen.append(state)
        assert len(seen) == 15


def test_the_scheme_is_that_of_the_system(page: PredictionPage) -> None:
    brightness = []
    for scheme in ("light", "dark"):
        page.tab.emulate_media(color_scheme=scheme)
        color = page.tab.evaluate("getComputedStyle(document.body).backgroundColor")
        brightness.append(sum(map(int, re.findall(r"\d+", color)[:3])))
    assert brightness[0] > 600 and brightness[1] < 150


def test_the_keyboard_reaches_everything(page: PredictionPage) -> None:
    tab = page.tab
    focused = "document.activeElement.id || document.activeElement.name || document.activeElement.className"
    page.open_model(model_of("mixed"))
    page.predict_file(CASES / "mixed" / "rows.csv")
    reached = []
    for _ in range(8):
        tab.keyboard.press("Tab")
        reached.append(tab.evaluate(focused))
    wanted = ["model-file", "source", "rows-file", "ignore-extra", "delimiter", "encoding", "button", "scroller"]
    assert reached == wanted
    tab.focus("[name=source]:checked")
    tab.keyboard.press("ArrowRight")
    expect(tab.locator("#form")).to_be_visible()
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.form.id") == "form"


def test_the_lock_file_names_no_registry() -> None:
    assert "resolved" not in (EXAMPLE / "package-lock.json").read_text("utf-8")
