# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # Demo

# %%
import numpy as np
from labkit import lab

# %%
def bells(fig, epsilon, noise, twin):
    """Can you tell which world you are in?"""
    ax = fig.subplots()
    x = np.linspace(-8, 9, 500)
    for centre, colour in [(0, lab.PLAIN), (1, lab.PRIVATE)]:
        ax.plot(x, epsilon / 2 * np.exp(-epsilon * abs(x - centre)), color=colour)
    fig.subplots_adjust(bottom=.18, top=.97, left=.06, right=.98)
    if epsilon > 7:
        raise ValueError("epsilon too large for this picture")
    return f"At epsilon {epsilon:.2f} with {noise} noise the attacker is right {1 - np.exp(-epsilon / 2) / 2:.0%} of the time, starting from a coin toss, and the guarantee allows {np.exp(epsilon)/(1+np.exp(epsilon)):.0%}."


lab.explore(bells, epsilon=(0.05, 8, 0.5), noise=["Laplace", "Gaussian"], twin=True)

# %%
for _ in lab.progress(range(3), "training"):
    pass
lab.claim("two is more than one", 2 > 1, two=2, one=1.0)
lab.measured("3 s")
