"""What a screen reader is told of a slider: the script of the widget at work on sliders as ipywidgets makes them.

Here in a bare page, so that the test takes a second; tests.browser.widgets looks again in JupyterLab.
"""

import os

import pytest

from labkit.lab import explore, predict
from tests.browser import jupyter

SLIDER = """
<div class="widget-slider"><label class="widget-label">epsilon</label>
  <div class="noUi-handle" role="slider" tabindex="0" aria-valuenow="-0.3" aria-valuetext="-0.30102999566398136"></div>
  <div class="widget-readout" contenteditable="true">0.500</div></div>"""


@pytest.fixture(scope="module")
def page():
    if jupyter.browser() is None:
        assert not os.environ.get("LABKIT_REQUIRE_BROWSER"), "LABKIT_REQUIRE_BROWSER is set, and there is no Chromium"
        pytest.skip("needs Chromium or Chrome on this machine; none was found")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=jupyter.browser(), args=jupyter.FLAGS)
        yield browser.new_page()
        browser.close()


def draw(fig, epsilon):
    """How private?"""
    return f"epsilon {epsilon}"


@pytest.mark.parametrize("late", [False, True])
def test_a_slider_has_its_name_and_the_value_that_the_page_shows(page, late):
    """late: the slider comes after the title, as it does in JupyterLab."""
    widget = explore(draw, epsilon=(0.05, 8, 0.5))
    title, sentence = widget.children[0].value, widget._sentence.value
    page.set_content('<div class="labkit-explore"></div>')
    add = ("html => { const part = document.createElement('div'); part.innerHTML = html;"
           " document.querySelector('.labkit-explore').append(part) }")
    for part in [title, SLIDER, sentence] if late else [SLIDER, sentence, title]:
        page.evaluate(add, part)
        page.wait_for_timeout(100 * late)
    handle = page.locator("[role=slider]")
    page.wait_for_function("() => document.querySelector('[role=slider]').getAttribute('aria-label')")
    assert handle.get_attribute("aria-label") == "epsilon"
    assert handle.get_attribute("aria-valuetext") == "0.500"
    assert page.locator(".widget-readout").get_attribute("aria-label") == "epsilon, typed"
    assert page.locator("[aria-live=polite] [data-painted]").count() == 1
    # A move, in the order in which ipywidgets and noUiSlider write: the readout, then the exponent.
    said = page.evaluate("""async () => {
        const handle = document.querySelector('[role=slider]');
        document.querySelector('.widget-readout').textContent = '0.554';
        handle.setAttribute('aria-valuetext', '-0.2566');
        await null; // no longer than until the script that moved it is done
        return handle.getAttribute('aria-valuetext');
    }""")
    assert said == "0.554"


def test_a_widget_whose_kernel_is_gone_says_so_and_what_to_press(page):
    """ipywidgets puts a class on every part when a kernel is restarted; tried in JupyterLab by hand."""
    widget = explore(draw, epsilon=(0.05, 8, 0.5))
    page.set_content(f'<div class="labkit-explore">{SLIDER}{widget._sentence.value}</div>')
    page.evaluate("html => { const part = document.createElement('div'); part.innerHTML = html;"
                  " document.querySelector('.labkit-explore').append(part) }", widget.children[0].value)
    page.wait_for_function("() => document.querySelector('[role=slider]').getAttribute('aria-label')")
    sentence = page.locator("[data-painted]")
    assert sentence.inner_text() == "epsilon 0.5"
    page.evaluate("() => document.querySelector('.labkit-explore').classList.add('jupyter-widgets-disconnected')")
    page.wait_for_function("() => document.querySelector('[data-painted]').dataset.gone")
    assert "restarted" in sentence.inner_text() and "Shift+Enter" in sentence.inner_text()


def test_a_guess_whose_kernel_is_gone_says_so_and_what_to_press(page):
    title = predict("How many?", low=0, high=9).children[0].value
    page.set_content('<div class="labkit-predict"><div class="widget-html-content"></div></div>')
    page.evaluate("html => { const part = document.createElement('div'); part.innerHTML = html;"
                  " document.querySelector('.labkit-predict').prepend(part) }", title)
    page.wait_for_timeout(200)
    assert page.locator("[role=status]").count() == 0
    page.evaluate("() => document.querySelector('.labkit-predict').classList.add('jupyter-widgets-disconnected')")
    page.locator("[role=status]").wait_for()
    assert "restarted" in page.locator("[role=status]").inner_text()
