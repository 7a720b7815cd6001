"""Every name that the package offers can be had."""

import pytest

import labkit.federated


@pytest.mark.parametrize("name", labkit.federated.__all__)
def test_the_name_loads(name):
    assert getattr(labkit.federated, name).__doc__


def test_other_names_are_refused():
    with pytest.raises(AttributeError, match="FedBest"):
        labkit.federated.FedBest
