"""Neighbouring relations: which two data sets a guarantee makes hard to tell apart.

Every epsilon holds for one of them, and epsilons of two different ones do not add up. A relation is a text, so that it can be
printed beside the number; these two are the usual ones. A mechanism that holds for one only says so in its attribute `relation`.
"""

ADD_OR_REMOVE = "add or remove one record"
REPLACE = "replace one record"
