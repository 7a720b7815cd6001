"""Anonymising tables of people: measures, generalisation, Mondrian, pseudonyms, and a differentially private release.

from labkit.anonymity import Numbers, Tree, mondrian, k_anonymity

hierarchies  what a value may be generalised to          mondrian    k-anonymity, l-diversity, t-closeness by cutting
measures     k, l, t and information loss                pseudonyms  keyed hashes
recoding     generalise by hand, suppress                synthetic   noisy counts and made-up rows
people       Adult with simulated names, dates, codes
"""

from labkit.anonymity.hierarchies import SUPPRESSED, Numbers, Tree, prefixes
from labkit.anonymity.measures import (
    certainty_penalty,
    class_sizes,
    classes,
    discernibility,
    entropy_l_diversity,
    k_anonymity,
    l_diversity,
    t_closeness,
    unique_share,
)
from labkit.anonymity.mondrian import Release, mondrian
from labkit.anonymity.pseudonyms import keyed_pseudonym, new_key, plain_hash
from labkit.anonymity.recoding import generalise, suppress_rare

__all__ = [
    "Numbers",
    "Tree",
    "prefixes",
    "SUPPRESSED",
    "mondrian",
    "Release",
    "classes",
    "class_sizes",
    "unique_share",
    "k_anonymity",
    "l_diversity",
    "entropy_l_diversity",
    "t_closeness",
    "certainty_penalty",
    "discernibility",
    "generalise",
    "suppress_rare",
    "keyed_pseudonym",
    "plain_hash",
    "new_key",
]
