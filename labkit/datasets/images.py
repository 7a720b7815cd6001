"""Handwritten digits: the small set that comes with scikit-learn, and MNIST."""

import numpy as np

from labkit.datasets.files import read_array, verify_arrays
from labkit.datasets.record import Dataset, loader

TEN = tuple("0123456789")


def _pixel_names(side):
    return tuple(f"pixel {row},{column}" for row in range(side) for column in range(side))


@loader
def digits():
    """Digits: 1,797 handwritten digits, 8 x 8 pixels of 17 grey levels.

    y: the digit, 0 to 9. X, 64 columns: grey level / 16, so that 0 is paper and 1 is ink; the images are
    `X.reshape(-1, 8, 8)`.
    The data come with scikit-learn, and are checked against the checksum of what we tested.
    """
    from sklearn.datasets import load_digits

    bunch = load_digits()
    verify_arrays("digits", bunch.data, bunch.target)
    return Dataset(
        name="Digits",
        X=(bunch.data / 16).astype(np.float32),
        y=bunch.target.astype(np.int64),
        feature_names=_pixel_names(8),
        target_names=TEN,
        source="Alpaydin and Kaynak 1998, UCI Machine Learning Repository, through scikit-learn",
        licence="CC BY 4.0",
        description="1,797 handwritten digits, 8 x 8 pixels.",
    )


@loader
def mnist():
    """MNIST: 70,000 handwritten digits, 28 x 28 grey levels; the first 60,000 are the official training images.

    y: the digit, 0 to 9. images: the grey levels, 55 MB. X, 784 columns: grey level / 255, so that 0 is paper and 1 is
    ink; it takes 220 MB, so it is made only when it is asked for, then kept for the next call. `take` the rows that
    you need.
    `split()` without a test_size is the official split.
    """
    images = np.empty((70_000, 28, 28), dtype=np.uint8)
    start = 0
    for number in (1, 2, 3, 4):
        part = read_array(f"mnist-images-{number}.npy.xz")
        images[start : start + len(part)] = part.reshape(-1, 28, 28)
        start += len(part)
    return Dataset(
        name="MNIST",
        X=None,
        images=images,
        y=read_array("mnist-labels.npy.xz").astype(np.int64),
        feature_names=_pixel_names(28),
        target_names=TEN,
        source="LeCun, Cortes and Burges 1998, from NIST forms",
        licence="CC BY-SA 3.0",
        description="70,000 handwritten digits, 28 x 28 grey levels; 60,000 to train on and 10,000 to test on.",
        _official_train=60_000,
    )
