"""The built site in a browser, opened from disk with the network off: every slider moves by keyboard, and shows what the
kernel shows for the same setting."""

import functools
import html
import io
import json
import os
import re
import shutil
import time

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from PIL import Image

from labkit.lab.build import BUILT, ROOT, SOURCE, read_source
from tests.browser import jupyter

pytest.importorskip("sphinx_book_theme")
from labkit.site.build import build

LABS = ["00-start-here"]
MOST = 25  # settings a widget: a test need not wait for all of them
PICTURES = ROOT / "build/screenshots/site"

# Takes the widgets of a lab out of its kernel: sets their controls to what the page showed, and writes what they draw.
RECORD = """
from labkit.lab import Explore
shown = []
Explore._repr_mimebundle_ = lambda self, **_: (shown.append(self), {"text/plain": ""})[1]
"""
REPLAY = """
import base64, json, re
from labkit.site.grid import grid
for number, places in json.load(open({asked!r})).items():
    widget = shown[int(number)]
    chosen = grid(widget.controls, {most})
    for place in places:
        for name, value in chosen.values(tuple(map(int, place.split(",")))).items():
            widget.controls[name].value = value
        widget._paint()  # at once: a kernel waits until the cell is done
        data = re.search('base64,([^"]+)', widget._picture.value)[1]
        open("{folder}/" + number + "-" + place + ".webp", "wb").write(base64.b64decode(data))
        open("{folder}/" + number + "-" + place + ".txt", "w").write(widget.reading)
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of a site of one lab. Formulas are drawn where `make site` has already fetched MathJax."""
    if shutil.which("make") is None or not hasattr(os, "fork"):
        pytest.skip("frames need a system that forks")
    script = ROOT / "build/site/mathjax/tex-svg.js"
    return build(LABS, tmp_path_factory.mktemp("site"), most=MOST, seconds=1000,
                 script=script if script.exists() else None)


@pytest.fixture(scope="module")
def chromium():
    if jupyter.browser() is None:
        assert not os.environ.get("LABKIT_REQUIRE_BROWSER"), "LABKIT_REQUIRE_BROWSER is set, and there is no Chromium"
        pytest.skip("needs Chromium or Chrome on this machine; none was found")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=jupyter.browser(), args=jupyter.FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def opened(site, chromium):
    """A function that opens a page of the site without network; afterwards nothing may have gone wrong or out."""
    asked, wrong, contexts = [], [], []

    def show(name, **options):
        context = chromium.new_context(offline=True, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("requestfailed", lambda request: wrong.append(request.url))
        address, _, query = name.partition("?")
        page.goto((site / address).as_uri() + ("?" + query if query else ""))
        return page

    yield show
    for context in contexts:
        context.close()
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    assert [each for each in wrong if not each.endswith("tex-svg.js")] == []  # see the fixture above


def at(box):
    """The setting of a widget and what it shows: (place, name of the picture, reading)."""
    box.page.wait_for_function("box => { const image = box.querySelector('img'),"
                               " spec = JSON.parse(document.getElementById(box.dataset.frames).textContent);"
                               " return image.complete && image.src.endsWith(spec.frames[box.dataset.at][0]) }",
                               arg=box.element_handle())
    return (box.get_attribute("data-at"), box.locator("img").get_attribute("src").rsplit("/", 1)[1],
            box.locator(".lk-reading").inner_text())


def test_every_slider_moves_by_keyboard_and_shows_what_the_kernel_shows(site, opened, tmp_path):
    (name,) = LABS
    began = time.monotonic()
    page = opened(f"{name}.html")
    boxes, seen = page.locator(".lk"), {}
    boxes.first.locator("input, select").first.wait_for()
    assert boxes.count() == len(re.findall(r"^lab\.explore\(", (SOURCE / f"{name}.py").read_text(), re.M)) > 0
    for number in range(boxes.count()):
        box = boxes.nth(number)
        seen[number] = [at(box)]
        for slider in box.locator("input, select").all():
            was = at(box)
            slider.focus()
            key = {"checkbox": "Space", "range": "ArrowRight"}.get(slider.get_attribute("type"), "ArrowDown")
            page.keyboard.press(key)
            if at(box)[0] == was[0]:
                page.keyboard.press("ArrowLeft" if key == "ArrowRight" else "ArrowUp")  # it stood at its end
            assert at(box)[0] != was[0], "the setting did not change"
            seen[number].append(at(box))
            if number == 0 and len(seen[0]) == 2:
                print(f"first slider moved {time.monotonic() - began:.2f} s after opening")
            if slider.get_attribute("type") == "range":
                shown = slider.locator("xpath=following-sibling::output").inner_text()
                assert slider.get_attribute("aria-valuetext") == shown != ""
            assert page.evaluate("input => input.labels[0].textContent", slider.element_handle()).strip()
        assert len({picture for _, picture, _ in seen[number]}) > 1, "no picture changed"

    (tmp_path / "asked.json").write_text(json.dumps({number: [each[0] for each in moves] for number, moves in seen.items()}))
    notebook = read_source(SOURCE / f"{name}.py")
    notebook.cells.insert(0, nbformat.v4.new_code_cell(RECORD))
    notebook.cells.append(nbformat.v4.new_code_cell(
        REPLAY.format(asked=str(tmp_path / "asked.json"), most=MOST, folder=str(tmp_path))))
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(BUILT)}}).execute()
    for number, moves in seen.items():
        for place, picture, reading in moves:
            wanted = Image.open(tmp_path / f"{number}-{place}.webp")
            found = Image.open(site / "_static/frames" / name / picture)
            assert wanted.size == found.size
            assert np.array_equal(np.asarray(found.convert("RGB")), np.asarray(wanted.convert("RGB"))), (number, place)
            assert reading == (tmp_path / f"{number}-{place}.txt").read_text()


@pytest.mark.parametrize("scheme, width", [("light", 1280), ("dark", 1280), ("light", 390), ("dark", 390)])
def test_pages_fit_their_screen_and_keep_their_colours(opened, scheme, width):
    for name in ["index", *LABS, "privacy"]:
        page = opened(f"{name}.html", viewport={"width": width, "height": 900}, color_scheme=scheme)
        page.wait_for_timeout(500)
        assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), f"{name} scrolls sideways"
        assert page.evaluate("() => document.documentElement.dataset.theme") == scheme
        PICTURES.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=PICTURES / f"{name}-{scheme}-{width}.png")
        if page.locator(".lk").count():
            assert page.locator(".lk img").first.evaluate("image => getComputedStyle(image).filter") == "none"
            page.locator(".lk").first.screenshot(path=PICTURES / f"{name}-widget-{scheme}-{width}.png")


def test_search_finds_a_lab_without_a_network(opened):
    page = opened("search.html?q=randomised")
    page.locator("#search-results li a").first.wait_for()
    assert "Start here" in page.locator("#search-results").inner_text()


def test_no_page_names_another_server_for_what_it_loads(site):
    loads = re.compile(r"<(?:script|img|iframe|source|embed|audio|video)\b[^>]*\ssrc=[\"']([^\"']*)|<link\b([^>]*)>", re.I)
    pages = sorted(site.glob("*.html"))
    assert len(pages) >= 4
    for path in pages:
        for source, link in loads.findall(path.read_text()):
            address = html.unescape(source or functools.reduce(str.__add__, re.findall(r'href="([^"]*)"', link), ""))
            assert not re.match(r"(https?:)?//", address), f"{path.name}: {address}"


def test_drawing_cells_are_folded_and_a_kernel_is_one_press_away(opened):
    (name,) = LABS
    page = opened(f"{name}.html")
    assert page.locator("details.hide, .cell.tag_hide-input").count() >= 2
    links = {link.inner_text(): link.get_attribute("href") for link in page.locator(".lk-buttons a").all()}
    assert "mybinder.org/v2/gh/" in links["Run in Binder"] and links["Run in Binder"].endswith(f"%2F{name}.ipynb")
    assert links["Run in Colab"].endswith(f"/gh-pages/colab/{name}.ipynb")
    assert page.locator("footer").get_by_text("No cookies, no tracking").count()


def test_what_the_buttons_lead_to_is_there(site):
    (name,) = LABS
    committed = nbformat.read(BUILT / f"{name}.ipynb", 4)
    assert nbformat.read(site / "download" / f"{name}.ipynb", 4) == committed
    first, *rest = nbformat.read(site / "colab" / f"{name}.ipynb", 4).cells
    assert "pip install" in first.source and rest == committed.cells


def test_a_picture_that_is_another_would_be_noticed():
    """The comparison above is exact: one pixel off by one is another picture."""
    pixels = np.full((8, 8, 3), 255, np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "WEBP", lossless=True)
    assert np.array_equal(np.asarray(Image.open(buffer).convert("RGB")), pixels)
    pixels[3, 3, 0] = 254
    assert not np.array_equal(np.asarray(Image.open(buffer).convert("RGB")), pixels)
