"""Every lab, as a reader meets it: opened in JupyterLab, run to the end, every control moved.

Pictures of each are left in build/screenshots.
"""

import os
import re
import time

import pytest

from labkit.lab.build import notebook_of, sources
from tests.browser import jupyter

if jupyter.browser() is None and not os.environ.get("LABKIT_REQUIRE_BROWSER"):
    pytest.skip("the browser tests need Chromium or Chrome on this machine; none was found", allow_module_level=True)

BAD = "javascript error|Error displaying widget|This setting cannot be drawn"
SLOWEST = 15_000  # milliseconds until a redraw counts as never: a guard against hanging, not a speed test


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    from playwright.sync_api import sync_playwright

    assert jupyter.browser(), "LABKIT_REQUIRE_BROWSER is set, and this machine has no Chromium"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch_persistent_context(
            tmp_path_factory.mktemp("profile"), executable_path=jupyter.browser(), headless=True, args=jupyter.FLAGS,
            viewport={"width": 1200, "height": 1100})
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with jupyter.make_lab(tmp_path_factory.mktemp("jupyter")) as where:
        yield where


@pytest.fixture
def page(context):
    page = context.new_page()
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    yield page
    page.close()


def image_of(widget):
    return widget.locator(".widget-html img").first


def wait_for_change(page, widget, before):
    """Wait until the widget shows another picture than `before`; returns whether it did."""
    until = time.monotonic() + SLOWEST / 1000
    while time.monotonic() < until:
        if image_of(widget).get_attribute("src") != before:
            return True
        page.wait_for_timeout(40)
    return False


KERNEL_IDLE = "() => window.jupyterapp.shell.currentWidget.sessionContext.session?.kernel?.status === 'idle'"


def settle(page, widget):
    """Wait until a widget has caught up: kernel idle, no "computing", and one picture for eight tenths of a second."""
    before, since, until = None, time.monotonic(), time.monotonic() + 30
    while time.monotonic() - since < 0.8:
        now = image_of(widget).get_attribute("src")
        if now != before or "computing" in widget.inner_text() or not page.evaluate(KERNEL_IDLE):
            before, since = now, time.monotonic()
        assert time.monotonic() < until, "the widget never came to rest"
        page.wait_for_timeout(50)


def move_slider(page, widget, number):
    """Step a slider until the picture changes: towards its far end first, then back."""
    handle = widget.locator(".noUi-handle").nth(number)
    handle.scroll_into_view_if_needed()
    handle.focus()
    before = image_of(widget).get_attribute("src")
    position = float(handle.get_attribute("aria-valuenow"))
    middle = (float(handle.get_attribute("aria-valuemin")) + float(handle.get_attribute("aria-valuemax"))) / 2
    for key in ["ArrowRight" if position < middle else "ArrowLeft"] * 8:  # a dozen steps change any honest picture
        handle.press(key)
    return wait_for_change(page, widget, before)


def move_choice(page, widget, number):
    before = image_of(widget).get_attribute("src")
    choice = widget.locator("select").nth(number)
    options = choice.locator("option").all_inner_texts()
    current = choice.evaluate("each => each.selectedOptions[0].innerText")
    choice.select_option(label=next(each for each in options if each != current))
    return wait_for_change(page, widget, before)


def move_buttons(page, widget, number):
    before = image_of(widget).get_attribute("src")
    widget.locator(".widget-toggle-buttons").nth(number).locator("button:not(.mod-active)").last.click()
    return wait_for_change(page, widget, before)


def move_toggle(page, widget, number):
    before = image_of(widget).get_attribute("src")
    widget.locator("input[type=checkbox]").nth(number).click()
    return wait_for_change(page, widget, before)


@pytest.mark.parametrize("source", sources(), ids=lambda source: source.stem)
def test_lab_runs_and_every_control_moves_its_picture(source, server, page):
    page.set_default_timeout(30_000)
    jupyter.open_notebook(page, *server, notebook_of(source).name)
    jupyter.run_all(page)
    jupyter.whole_page(page, jupyter.PICTURES / f"{source.stem}.png")
    assert not page.locator("[data-mime-type='application/vnd.jupyter.stderr']").count(), "a cell wrote to stderr"
    errors = page.locator("[data-mime-type='application/vnd.jupyter.error']").all_inner_texts()
    assert not errors, errors
    widgets = page.locator(jupyter.WIDGET)
    for number in range(widgets.count()):
        widget = widgets.nth(number)
        widget.scroll_into_view_if_needed()
        image_of(widget).wait_for()
        height = widget.bounding_box()["height"]
        for kind, selector, move in [("slider", ".noUi-handle", move_slider), ("choice", "select", move_choice),
                                     ("buttons", ".widget-toggle-buttons", move_buttons),
                                     ("toggle", "input[type=checkbox]", move_toggle)]:
            for control in range(widget.locator(selector).count()):
                assert move(page, widget, control), f"widget {number + 1}: {kind} {control + 1} left the picture unchanged"
                settle(page, widget)
                assert "cannot be drawn" not in widget.inner_text(), widget.inner_text()
        assert abs(widget.bounding_box()["height"] - height) < 40, f"widget {number + 1} changed its height"
        widget.screenshot(path=jupyter.PICTURES / f"{source.stem}-widget-{number + 1}.png")
    text = page.locator("body").inner_text()
    assert not re.search(BAD, text), re.search(f".*({BAD}).*", text).group(0)
    assert not page.errors, page.errors


def test_a_notebook_that_was_not_run_shows_its_pictures(server, page):
    """What a reader sees before running anything: the stored picture, not an error about a missing widget."""
    source = next(each for each in sources() if "lab.explore(" in each.read_text())
    jupyter.open_notebook(page, *server, notebook_of(source).name)
    page.wait_for_timeout(2000)
    stored = page.locator(".jp-OutputArea-output img")
    assert stored.count() >= 1
    assert "rror displaying widget" not in page.locator("body").inner_text()
    jupyter.whole_page(page, jupyter.PICTURES / "unrun.png")
