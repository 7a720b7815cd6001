"""Where any of many values stands in a text, in one pass over it: time in step with the text and the values, however many.

Source: Aho and Corasick, "Efficient string matching: an aid to bibliographic search", CACM 1975.
"""

_BASE = 1 << 21  # above every character's number


def occurrences(text, values, accept=lambda start, end: True):
    """(start, end, value) of the longest accepted value that ends at each place, in order of the ends.

    values: non-empty strings. accept: a function of (start, end).
    """
    step, ends, fall, shorter = _automaton(values)
    node = 0
    for at, character in enumerate(text):
        code = ord(character)
        while (further := step.get(node * _BASE + code)) is None and node:
            node = fall[node]
        node = further or 0
        inner = node if ends[node] else shorter[node]
        while inner:
            start = at + 1 - len(ends[inner])
            if accept(start, at + 1):
                yield start, at + 1, ends[inner]
                break
            inner = shorter[inner]


def _automaton(values):
    """Lists by node: the value that ends there, where to fall back to, the next node on that way where a value ends; and the steps."""
    step, ends, depth, parents = {}, [""], [0], [(0, 0)]
    for value in values:
        node = 0
        for character in value:
            key = node * _BASE + ord(character)
            if key not in step:
                step[key] = len(ends)
                ends.append("")
                depth.append(depth[node] + 1)
                parents.append((node, ord(character)))
            node = step[key]
        ends[node] = value
    fall, shorter = [0] * len(ends), [0] * len(ends)
    for node in sorted(range(1, len(ends)), key=depth.__getitem__):
        parent, code = parents[node]
        if parent:
            back = fall[parent]
            while (further := step.get(back * _BASE + code)) is None and back:
                back = fall[back]
            fall[node] = further or 0
        shorter[node] = fall[node] if ends[fall[node]] else shorter[fall[node]]
    return step, ends, fall, shorter
