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


def set_of_letters(right, reasons):
    """The judge of a question with several right letters.

    right:    the set of those letters. reasons: {letter: why it belongs or not}, for every letter; a wrong answer is told of one letter.
    An answer is a set or list of letters, or a text with commas or spaces between them.
    """
    letters = sorted(reasons)

    def judge(answer):
        named = set("".join(answer) if not isinstance(answer, str) else answer.replace(",", " ").replace(" ", ""))
        if named == right:
            return None
        unknown = named - reasons.keys()
        if unknown:
            return f"expected letters from {letters[0]} to {letters[-1]}, you gave {', '.join(sorted(unknown))}"
        first = min(named ^ right)
        return f"{first} {'belongs' if first in right else 'does not belong'} to the answer: {reasons[first]}"

    return judge
