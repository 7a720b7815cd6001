import numpy as np
import pytest

from labkit import validate

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize("check, good", [
    (validate.positive, [1, 0.5, np.float32(2), np.int64(3)]),
    (validate.non_negative, [0, 1.5]),
    (validate.finite, [-3, 0, 2.5]),
    (validate.probability, [0.5, 1e-9]),
    (validate.fraction, [1, 1.0, 1e-6]),
    (validate.integer, [0, -4, np.int32(7)]),
])
def test_good_values_pass_unchanged(check, good):
    for value in good:
        assert check(argument=value) == value


@pytest.mark.parametrize("check, bad", [
    (validate.positive, [0, -1, NAN, INF, "1", None, True, [1], 1j]),
    (validate.non_negative, [-1e-9, NAN, INF, "0", None, False]),
    (validate.finite, [NAN, INF, -INF, "x", None]),
    (validate.probability, [0, 1, -0.1, 1.5, NAN, None]),
    (validate.fraction, [0, 1.001, -1, NAN, "0.5"]),
    (validate.integer, [1.0, "3", NAN, None, True, np.float64(2)]),
])
def test_bad_values_are_refused_by_name_and_value(check, bad):
    for value in bad:
        with pytest.raises(ValueError, match="noise must be") as refused:
            check(noise=value)
        assert repr(value)[:20] in str(refused.value)


def test_integer_bounds():
    assert validate.integer(k=3, at_least=1, at_most=3) == 3
    with pytest.raises(ValueError, match="k must be a whole number from 1 to 3, got 4"):
        validate.integer(k=4, at_least=1, at_most=3)
    with pytest.raises(ValueError, match="at least 1, got 0"):
        validate.integer(k=0, at_least=1)
    with pytest.raises(ValueError, match="at most 3, got 9"):
        validate.integer(k=9, at_most=3)


def test_one_of():
    assert validate.one_of(accountant="rdp", options=["pld", "rdp"]) == "rdp"
    for bad in ["PLD", None, 1]:
        with pytest.raises(ValueError, match="accountant must be one of 'pld', 'rdp'"):
            validate.one_of(accountant=bad, options=["pld", "rdp"])


@pytest.mark.parametrize("bad", [[], [NAN], [1, INF], "text", [[1], [1, 2]], None, np.array(["a"]), {"a": 1}])
def test_bad_arrays(bad):
    with pytest.raises(ValueError, match="X must be"):
        validate.array(X=bad)


def test_arrays_and_their_dimensions():
    assert validate.array(X=[[1, 2], [3, 4]], ndim=2).shape == (2, 2)
    with pytest.raises(ValueError, match="X must be .* with 2 dimensions"):
        validate.array(X=[1, 2], ndim=2)


def test_same_length_names_both():
    assert validate.same_length(X=[1, 2], y=[3, 4]) == 2
    with pytest.raises(ValueError, match="X has 2, y has 3"):
        validate.same_length(X=[1, 2], y=[1, 2, 3])


def test_generator():
    rng = np.random.default_rng(0)
    assert validate.generator(rng=rng) is rng and validate.generator(rng=None) is None
    for bad in [0, "seed", np.random.RandomState(0)]:
        with pytest.raises(ValueError, match="rng must be"):
            validate.generator(rng=bad)


def test_long_values_are_cut():
    with pytest.raises(ValueError) as refused:
        validate.positive(epsilon="x" * 1000)
    assert len(str(refused.value)) < 200


def test_a_tensor_that_requires_a_gradient_is_refused_by_name():
    torch = pytest.importorskip("torch")
    with pytest.raises(ValueError, match="value must be a non-empty array"):
        validate.array(value=torch.ones(2, requires_grad=True))
