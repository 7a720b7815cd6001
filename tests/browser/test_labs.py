"""Every lab, as a reader meets it: opened in JupyterLab, run to the end, its exercises solved, every control moved.

Pictures of each are left in build/screenshots.
"""

import os
import re
import time

import pytest

from labkit.lab.build import notebook_of, read_source, sources
from tests.browser import jupyter
from tests.notebooks.solutions import assert_right, solution_of

if jupyter.browser() is None and not os.environ.get("LABKIT_REQUIRE_BROWSER"):
    pytest.skip("the browser tests need Chromium or Chrome on this machine; none was found", allow_module_level=True)

BAD = "javascript error|Error displaying widget|This setting cannot be drawn"
SLOWEST = 60  # seconds until a widget counts as hanging; not a speed test


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
    page.evaluate("() => window.jupyterapp?.shell?.currentWidget?.sessionContext?.shutdown()")  # its kernel holds memory
    page.close()


def image_of(widget):
    return widget.locator(".widget-html img").first


KERNEL_IDLE = "() => window.jupyterapp.shell.currentWidget.sessionContext.session?.kernel?.status === 'idle'"


def settle(page, widget, quiet=0.8):
    """Wait until a widget has caught up: kernel idle, no "computing", and one picture for `quiet` seconds."""
    before, since, until = None, time.monotonic(), time.monotonic() + SLOWEST
    while time.monotonic() - since < quiet:
        now = image_of(widget).get_attribute("src")
        if now != before or "computing" in widget.inner_text() or not page.evaluate(KERNEL_IDLE):
            before, since = now, time.monotonic()
        assert time.monotonic() < until, "the widget never came to rest"
        page.wait_for_timeout(50)
    assert "cannot be drawn" not in widget.inner_text(), widget.inner_text()
    return before


def move_slider(page, widget, number):
    """Step a slider towards its far end; give back what puts it where it was."""
    handle = widget.locator(".noUi-handle").nth(number)
    handle.scroll_into_view_if_needed()
    handle.focus()
    start, low, high = (float(handle.get_attribute(f"aria-value{each}")) for each in ("now", "min", "max"))
    there, back = ("ArrowRight", "ArrowLeft") if start < (low + high) / 2 else ("ArrowLeft", "ArrowRight")
    for _ in range(8):  # so many steps change any honest picture
        handle.press(there)

    def restore():
        handle.focus()
        for _ in range(8):
            if abs(float(handle.get_attribute("aria-valuenow")) - start) > (high - low) * 1e-6:
                handle.press(back)
    return restore


def move_choice(page, widget, number):
    """Choose the first other option."""
    choice = widget.locator("select").nth(number)
    options = choice.locator("option").all_inner_texts()
    current = choice.evaluate("each => each.selectedOptions[0].innerText")
    choice.select_option(label=next(each for each in options if each != current))
    return lambda: choice.select_option(label=current)


def move_buttons(page, widget, number):
    """Press the last button that is not pressed."""
    group = widget.locator(".widget-toggle-buttons").nth(number)
    current = group.locator("button.mod-active").inner_text()
    group.locator("button:not(.mod-active)").last.click()
    return lambda: group.get_by_text(current, exact=True).click()


def move_toggle(page, widget, number):
    """Tick or untick."""
    box = widget.locator("input[type=checkbox]").nth(number)
    box.click()
    return box.click


KINDS = {".noUi-handle": move_slider, "select": move_choice, ".widget-toggle-buttons": move_buttons,
         "input[type=checkbox]": move_toggle}


def has_effect(page, widget, control):
    """Move a control, see whether the picture changes, and put it back."""
    selector, number = control
    before = settle(page, widget)
    restore = KINDS[selector](page, widget, number)
    after = settle(page, widget, quiet=1.2)
    restore()
    return after != before


def controls_without_effect(page, widget):
    """The controls of a widget that change its picture neither in the state that the lab shows, nor when one other
    control has been moved: some belong to a choice, such as how many collude when nobody does."""
    controls = [(selector, number) for selector in KINDS for number in range(widget.locator(selector).count())]
    stuck = []
    for control in controls:
        if has_effect(page, widget, control):
            continue
        for selector, number in controls:
            if (selector, number) != control:
                restore = KINDS[selector](page, widget, number)
                found = has_effect(page, widget, control)
                restore()
                if found:
                    break
        else:
            stuck.append(control)
    settle(page, widget)
    return stuck


def lab_runs_is_solved_and_every_control_moves_its_picture(source, server, page):
    page.set_default_timeout(30_000)
    jupyter.open_notebook(page, *server, notebook_of(source).name)
    jupyter.run_all(page)
    jupyter.whole_page(page, jupyter.PICTURES / f"{source.stem}.png")
    assert not page.locator("[data-mime-type='application/vnd.jupyter.stderr']").count(), "a cell wrote to stderr"
    errors = page.locator("[data-mime-type='application/vnd.jupyter.error']").all_inner_texts()
    assert not errors, errors
    solutions = filter(None, map(solution_of, read_source(source).cells))
    assert_right(source, [jupyter.run_code(page, code) for code in solutions])
    widgets = page.locator(jupyter.WIDGET)
    for number in range(widgets.count()):
        widget = widgets.nth(number)
        widget.scroll_into_view_if_needed()
        image_of(widget).wait_for()
        height = widget.bounding_box()["height"]
        assert not controls_without_effect(page, widget), f"of widget {number + 1}"
        assert abs(widget.bounding_box()["height"] - height) < 40, f"widget {number + 1} changed its height"
        widget.screenshot(path=jupyter.PICTURES / f"{source.stem}-widget-{number + 1}.png")
    text = page.locator("body").inner_text()
    assert not re.search(BAD, text), re.search(f".*({BAD}).*", text).group(0)
    assert not page.errors, page.errors


def some(labs):
    return pytest.mark.parametrize("source", labs, ids=lambda source: source.stem)


class TestEverySecondLab:
    """Two classes, so that two workers can share the labs."""

    @some(sources()[::2])
    def test_runs_is_solved_and_every_control_moves_its_picture(self, source, server, page):
        lab_runs_is_solved_and_every_control_moves_its_picture(source, server, page)


class TestTheOtherLabs:
    @some(sources()[1::2])
    def test_runs_is_solved_and_every_control_moves_its_picture(self, source, server, page):
        lab_runs_is_solved_and_every_control_moves_its_picture(source, server, page)


def test_a_notebook_that_was_not_run_shows_its_pictures(server, page):
    """What a reader sees before running anything: the stored picture, not an error about a missing widget."""
    source = next(each for each in sources() if "lab.explore(" in each.read_text())
    jupyter.open_notebook(page, *server, notebook_of(source).name)
    page.wait_for_timeout(2000)
    stored = page.locator(".jp-OutputArea-output img")
    stored.first.wait_for()
    assert "rror displaying widget" not in page.locator("body").inner_text()
    jupyter.whole_page(page, jupyter.PICTURES / "unrun.png")
