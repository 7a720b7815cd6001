"""One user with many scraps: the collection is as described, and the attack works on training by scrap and not on training by user."""

import numpy as np
import pytest

from labkit.attacks import planted
from labkit.attacks.planted_user import plant_user
from labkit.dp import Plan, train_private, train_private_by_user
from labkit.models.transformer import next_token_loss


def test_the_control_differs_in_the_first_users_scraps_only():
    with_pin, control = plant_user(3), plant_user(3, planted=False)
    assert with_pin.texts[16:] == control.texts[16:] and with_pin.pin == control.pin and with_pin.held_out == control.held_out
    assert with_pin.texts[:16] == (f"my pin is {with_pin.pin:04d}. ",) * 16 and not any("my pin is" in each for each in control.texts)
    assert np.bincount(with_pin.users).tolist() == [16, *[4] * 60] and with_pin.tokens.shape == (256, 17)
    assert 250 < len(with_pin.held_out) <= 300 and not set(with_pin.held_out) & set(control.texts)
    assert plant_user(4).texts[16:] != with_pin.texts[16:]


def test_a_user_with_sixteen_scraps_shows_in_training_by_scrap_and_not_by_user():
    """Epsilon 8 at delta 1e-3, once for a scrap and once for a user; one seed, which is fixed. Six seeds gave gaps of 5 to 11 bits by scrap, and
    of 0.1 to 1.7 by user."""
    base, bits = planted.pretrain(6_000), {}
    for planted_too in (True, False):
        office = plant_user(2, planted=planted_too)
        X, y = office.tokens[:, :-1], office.tokens[:, 1:]
        shared = dict(epsilon=8, delta=1e-3, steps=60, max_grad_norm=1.0, learning_rate=0.3)
        scrap = train_private(base, X, y, plan=Plan.for_budget(records=256, batch_size=32, **shared), delta=1e-3, loss=next_token_loss,
                              rng=np.random.default_rng(2))
        user = train_private_by_user(base, X, y, office.users, most=4, plan=Plan.for_budget(records=61, batch_size=8, **shared), delta=1e-3,
                                     loss=next_token_loss, rng=np.random.default_rng(2))
        bits[planted_too] = [planted.pin_exposure(each.model, office) for each in (scrap, user)]
    assert bits[True][0] - bits[False][0] > 3 > bits[True][1] - bits[False][1]


@pytest.mark.parametrize("change, name", [
    (dict(users=1), "users"), (dict(users=5_000), "users"), (dict(each=0), "each"), (dict(heavy=0), "heavy"), (dict(seed=-1), "seed"),
])
def test_bad_arguments_are_refused_by_name(change, name):
    with pytest.raises(ValueError, match=f"^{name} must be"):
        plant_user(**{"seed": 0, **change})
