"""Move every control of a widget in the browser, and see whether its picture changes.

A widget counts its paintings and writes the count into the page, after the picture (see labkit.lab.explore). So a test
need not guess how long a drawing takes: it moves a control and waits for the count to go up by one.
"""

WIDGET = ".labkit-explore"
SLOWEST = 60  # seconds until a drawing counts as hanging; not a speed test
MOST_STEPS = 8  # so many steps of a slider change any honest picture


def image_of(widget):
    return widget.locator(".widget-html img").first


def painted(widget):
    """How many pictures the widget has drawn."""
    return int(widget.locator("[data-painted]").get_attribute("data-painted"))


class Mover:
    """Moves the controls of one widget, and counts on exactly one drawing for each move."""

    def __init__(self, page, widget):
        self.page, self.widget = page, widget
        image_of(widget).wait_for()
        self.element = widget.element_handle()
        self.expected = painted(widget)
        self.controls = [(selector, number) for selector in KINDS for number in range(widget.locator(selector).count())]

    def badly_named(self):
        """The sliders that a screen reader would announce without a name, or with another value than the page shows."""
        told = [(each.locator("[role=slider]").get_attribute("aria-label"),
                 each.locator("[role=slider]").get_attribute("aria-valuetext"),
                 each.locator(".widget-readout").inner_text()) for each in self.widget.locator(".widget-slider").all()]
        return [each for each in told if not each[0] or each[1] != each[2]]

    def still(self):
        """The count of drawings once the kernel has nothing left to do."""
        self.page.wait_for_function("() => jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'idle'")
        return painted(self.widget)

    def picture(self):
        return image_of(self.widget).get_attribute("src")

    def move(self, act):
        """Do what moves a control, and wait for the drawing that must follow."""
        act()
        self.expected += 1
        self.page.wait_for_function(
            "([widget, count]) => widget.querySelector('[data-painted]').dataset.painted >= count",
            arg=[self.element, self.expected], timeout=SLOWEST * 1000)
        said = self.widget.inner_text()
        assert "cannot be drawn" not in said, said

    def changes_its_picture(self, control):
        """Move a control until the picture changes, and put it back; says whether it did."""
        before, steps = self.picture(), []
        for there, back in KINDS[control[0]](self.widget.locator(control[0]).nth(control[1])):
            self.move(there)
            steps.append(back)
            if self.picture() != before:
                break
        changed = self.picture() != before
        for back in reversed(steps):
            self.move(back)
        return changed

    def without_effect(self):
        """The controls that change the picture neither in the state that the lab shows, nor when one other control has
        been moved: some belong to a choice, such as how many collude when nobody does."""
        stuck = []
        for control in self.controls:
            if not self.changes_its_picture(control) and not any(
                    self._changes_its_picture_after(other, control) for other in self.controls if other != control):
                stuck.append(control)
        return stuck

    def _changes_its_picture_after(self, other, control):
        steps = []
        for there, back in KINDS[other[0]](self.widget.locator(other[0]).nth(other[1])):
            self.move(there)
            steps.append(back)
        found = self.changes_its_picture(control)
        for back in reversed(steps):
            self.move(back)
        return found


def slider(handle):
    """Steps towards the far end."""
    def now():
        return float(handle.get_attribute("aria-valuenow"))

    low, high = (float(handle.get_attribute(f"aria-value{each}")) for each in ("min", "max"))
    far, keys = (high, ("ArrowRight", "ArrowLeft")) if now() < (low + high) / 2 else (low, ("ArrowLeft", "ArrowRight"))
    there, back = (lambda key=key: handle.press(key) for key in keys)
    for _ in range(MOST_STEPS):
        if now() == far:
            return
        yield there, back


def drop_down(choice):
    """The first other option."""
    options = choice.locator("option").all_inner_texts()
    current = choice.evaluate("each => each.selectedOptions[0].innerText")
    other = next(each for each in options if each != current)
    yield lambda: choice.select_option(label=other), lambda: choice.select_option(label=current)


def buttons(group):
    """The last button that is not pressed."""
    current = group.locator("button.mod-active").inner_text()
    other = group.locator("button:not(.mod-active)").last.inner_text()
    yield tuple(lambda name=name: group.get_by_text(name, exact=True).click() for name in (other, current))


def toggle(box):
    """Tick or untick."""
    yield box.click, box.click


KINDS = {".noUi-handle": slider, "select": drop_down, ".widget-toggle-buttons": buttons,
         "input[type=checkbox]": toggle}
