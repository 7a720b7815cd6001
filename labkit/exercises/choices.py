"""Judges that several exercises share."""


def one_letter(right, reasons):
    """The judge of a question with one right letter.

    right:    that letter. reasons: {wrong letter: why not}; a wrong answer is told its reason, not the right letter.
    Case, spaces and a mark behind the letter do not matter.
    """
    letters = sorted([right, *reasons])

    def judge(answer):
        choice = str(answer).strip().upper().rstrip(".:)")
        if choice == right:
            return None
        if choice in reasons:
            return f"not this one: {reasons[choice]}"
        return f"expected one letter, {letters[0]} to {letters[-1]}, you gave {answer!r}"

    return judge
