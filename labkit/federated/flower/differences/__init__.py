"""Where Flower's own strategies and privacy wrappers differ from the papers they cite, found by running the
installed version.

`strategy_rows()`, `robust_rows()`, `privacy_rows()` and `secure_sum_rows()` return one `Difference` a row;
`table` shows them. A row holds the number that the paper's formula gives, the one that Flower gives, and
ours, for an example small enough to compute by hand. Another version of Flower may give other numbers: the
table then says so by itself.
"""

from labkit.lazy import public_names

__getattr__, __dir__, __all__ = public_names(__name__, __file__)
