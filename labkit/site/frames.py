"""Draw what a widget shows at each of its settings, while its lab runs.

`install` makes every `lab.explore` of a kernel do so when it is shown. The drawing is done by a forked child of the
kernel, which ends without a trace: the lab's random numbers, caches and later cells are those of a reader's own run.
Linux and macOS only, because of the fork.
"""

import hashlib
import json
import os
import sys
import time
import traceback
from pathlib import Path

import ipywidgets as widgets

from labkit.lab import Explore
from labkit.lab.controls import is_epsilon
from labkit.lab.picture import DPI, raster, webp
from labkit.lab.plots import bare_figure
from labkit.site.grid import grid

MOST = 121  # settings of one widget: eleven stops for each of two sliders
SECONDS = 14  # of the processor, for one widget
KINDS = {widgets.Dropdown: "choice", widgets.ToggleButtons: "choice", widgets.Checkbox: "toggle"}


def install(folder, most=MOST, seconds=SECONDS):
    """From now on, each widget that this kernel shows leaves its frames in `folder`.

    Widget number k writes k.json (what `draw_all` returns) and its pictures, or k.error, a traceback.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    shown = []

    def bundle(self, **_):
        shown.append(self)
        _in_child(lambda: draw_all(self, folder, most, seconds), folder / f"{len(shown)}")
        return {"text/plain": self.question}, {}

    Explore._repr_mimebundle_ = bundle


def _in_child(work, path):
    """Run `work` in a fork of this process; its result goes to path.json, its exception to path.error."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    try:
        sys.stdout = sys.stderr = open(os.devnull, "w")  # the kernel's own streams talk to sockets
        path.with_suffix(".json").write_text(json.dumps(work(), ensure_ascii=False))
    except BaseException:
        path.with_suffix(".error").write_text(traceback.format_exc())
    finally:
        os._exit(0)


def draw_all(widget, folder, most, seconds):
    """Draw a widget at each setting of its grid, pictures into `folder`; returns what the page needs, as plain values.

    most, seconds: as many settings as fit into both, judged by the time that one drawing takes.
    """
    picture(widget, widget.values)  # fills what is filled once
    began = time.process_time()
    picture(widget, widget.values)
    once = max(time.process_time() - began, 1e-3)
    chosen = grid(widget.controls, max(9, min(most, int(seconds / once))))
    frames = {}
    for place in chosen.places:
        data, reading = picture(widget, chosen.values(place))
        name = hashlib.sha256(data).hexdigest()[:12] + ".webp"  # equal pictures are kept once
        (folder / name).write_bytes(data)
        frames[",".join(map(str, place))] = [name, reading]
    width, height = (int(inches * DPI) for inches in widget.size)
    return {"question": widget.question, "width": width, "height": height, "star": chosen.star, "frames": frames,
            "controls": [{"name": name, "label": control.description.rstrip(":"),
                          "kind": KINDS.get(type(control), "range"), "epsilon": is_epsilon(name),
                          "stops": [text for text, _ in chosen.stops[name]], "start": at}
                         for (name, control), at in zip(widget.controls.items(), chosen.start)]}


def picture(widget, values):
    """(bytes of a WebP file, reading) of a widget at these values."""
    figure = bare_figure(*widget.size)
    reading = widget.draw(figure, **values) or ""
    return webp(raster(figure), effort=4), reading
