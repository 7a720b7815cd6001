"""A lab under test: nbval runs its cells and compares them with the stored outputs; then, in the same kernel, the printed
solutions are run, and in JupyterLab every control is moved.

With `--jupyterlab` (which `make test` gives) the kernel that nbval talks to is that of a notebook shown in Chromium, so
that one run serves all. Without it, or where there is no Chromium, it is nbval's own.
"""

import os
import re

import nbformat
import pytest
from nbval.plugin import IPyNbFile

from labkit.lab.build import SOURCE, read_source
from tests.browser import jupyter
from tests.browser.kernel import ShownKernel
from tests.browser.widgets import WIDGET, Mover
from tests.notebooks.solutions import assert_right, solution_of

BAD = "javascript error|Error displaying widget|This setting cannot be drawn"
SHOWN = pytest.StashKey()  # the JupyterLab of this process


class LabFile(IPyNbFile):
    """The notebook of a lab; its items are nbval's cells and the ones below."""

    @property
    def source(self):
        return SOURCE / f"{self.path.stem}.py"

    @property
    def shown(self):
        return self.config.option.jupyterlab and jupyter.browser() is not None

    def collect(self):
        if self.config.option.jupyterlab:
            yield BeforeItIsRun.from_parent(self, name="before it is run")
        yield from super().collect()
        yield Solutions.from_parent(self, name="solutions")
        if self.config.option.jupyterlab:
            yield Widgets.from_parent(self, name="widgets")

    def setup(self):
        if self.shown:
            self.kernel = ShownKernel(self.config.stash.setdefault(SHOWN, jupyter.JupyterLab()), self.path)
            self.setup_sanitize_files()
        else:
            super().setup()

    def get_sanitize_files(self):
        """The patterns that pyproject.toml names, from whatever folder pytest was started."""
        return [self.config.rootpath / each for each in super().get_sanitize_files()]

    def teardown(self):
        if self.kernel is not None:  # None where its start failed
            super().teardown()


class _After(pytest.Item):
    """Something to look at beside nbval's cells."""

    def setup(self):
        if self.config.option.jupyterlab and not self.parent.shown:
            assert not os.environ.get("LABKIT_REQUIRE_BROWSER"), "LABKIT_REQUIRE_BROWSER is set, and there is no Chromium"
            if not isinstance(self, Solutions):
                pytest.skip("needs Chromium or Chrome on this machine; none was found")

    def reportinfo(self):
        return self.path, 0, f"{self.path.stem}: {self.name}"

    def repr_failure(self, excinfo):
        """As usual, and in JupyterLab a picture of what was to be seen."""
        kernel = self.parent.kernel
        if self.parent.shown and kernel is not None:
            jupyter.PICTURES.mkdir(parents=True, exist_ok=True)
            kernel.page.screenshot(path=jupyter.PICTURES / f"{self.path.stem}-failed.png")
        return super().repr_failure(excinfo)


class BeforeItIsRun(_After):
    """What a reader sees before running anything: the stored picture, not an error about a missing widget."""

    def runtest(self):
        page = self.parent.kernel.page
        for cell in nbformat.read(self.path, 4).cells:
            for output in cell.get("outputs", []):
                if "image/png" in output.get("data", {}):
                    page.locator(".jp-OutputArea-output img").first.wait_for()
        assert not page.locator(WIDGET).count()
        assert "rror displaying widget" not in page.locator("body").inner_text()


class Solutions(_After):
    """Every exercise is passed by the solution that is printed below it."""

    def runtest(self):
        kernel = self.parent.kernel
        if self.parent.shown:
            kernel.wait()
        run = kernel.run_code if self.parent.shown else lambda code: _said(kernel, code)
        codes = filter(None, map(solution_of, read_source(self.parent.source).cells))
        assert_right(self.parent.source, [run(code) for code in codes])


def _said(kernel, code):
    """Run code in nbval's kernel; returns what it prints, an error's traceback included."""
    number, text = kernel.execute_cell_input(code, allow_stdin=False), ""
    while True:
        message = kernel.get_message("iopub", timeout=600)
        kind, content = message["msg_type"], message["content"]
        if message["parent_header"].get("msg_id") != number:
            continue
        if kind == "status" and content["execution_state"] == "idle":
            return text
        text += content["text"] if kind == "stream" else "\n".join(content["traceback"]) if kind == "error" else ""


class Widgets(_After):
    """The lab as it stands in JupyterLab once it was run: every control of its widgets moves its picture."""

    def runtest(self):
        kernel, page = self.parent.kernel, self.parent.kernel.page
        kernel.wait()
        if self.config.option.pictures:
            jupyter.whole_page(page, jupyter.PICTURES / f"{self.path.stem}.png")
        for kind in ("stderr", "error"):
            wrong = page.locator(f"[data-mime-type='application/vnd.jupyter.{kind}']").all_inner_texts()
            assert not wrong, wrong
        widgets = page.locator(WIDGET)
        assert widgets.count() == len(re.findall(r"^lab\.explore\(", self.parent.source.read_text(), re.M))
        for number in range(widgets.count()):
            self._move(page, widgets.nth(number), number + 1)
        text = page.locator("body").inner_text()
        assert not re.search(BAD, text), re.search(f".*({BAD}).*", text).group(0)
        assert not page.errors, page.errors

    def _move(self, page, widget, number):
        widget.scroll_into_view_if_needed()
        mover = Mover(page, widget)
        height = widget.bounding_box()["height"]
        assert not mover.without_effect(), f"of widget {number}"
        assert not mover.badly_named(), f"of widget {number}"
        assert mover.still() == mover.expected, f"widget {number} drew more than once for one move"
        assert abs(widget.bounding_box()["height"] - height) < 40, f"widget {number} changed its height"
        if self.config.option.pictures:
            widget.screenshot(path=jupyter.PICTURES / f"{self.path.stem}-widget-{number}.png")
