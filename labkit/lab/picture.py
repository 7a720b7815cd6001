"""A matplotlib figure as a picture file, at twice the pixels that it takes on the page: sharp on every screen."""

import io

from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

__all__ = ["DPI", "SHARP", "raster", "webp"]

DPI = 100  # pixels of the page an inch
SHARP = 2  # pixels of the picture for each of the page


def raster(figure):
    """The figure as an RGB image, SHARP * DPI pixels an inch.

    Drawn on a canvas of our own, because savefig would set the figure up a second time.
    """
    figure.set_dpi(SHARP * DPI)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    pixels = Image.frombuffer("RGBA", canvas.get_width_height(), canvas.buffer_rgba(), "raw", "RGBA", 0, 1)
    return pixels.convert("RGB")


def webp(image, *, effort=0):
    """The image as the bytes of a WebP file, without loss.

    effort: 0 is fastest, as a moving slider needs it; 4 takes twice the time and leaves a third of the bytes.
    """
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", lossless=True, method=effort, quality=25 if effort else 0)
    return buffer.getvalue()
