"""Calendar dates: in figures, as time stamps, and written in eight languages."""

import re

from labkit.scrub.context import says_something_else

_NAMES = """jan|january|januar|janv|janvier|ene|enero|gen|gennaio|januari|sty|stycznia|styczeń|janeiro|jän|jänner
feb|february|februar|févr|fév|février|febrero|febbraio|februari|lut|lutego|luty|fev|fevereiro
mar|march|märz|mär|mrz|mars|marzo|maart|mrt|marca|marzec|março
apr|april|avr|avril|abr|abril|aprile|kwi|kwietnia|kwiecień
may|mai|mayo|mag|maggio|mei|maj|maja|maio
jun|june|juni|juin|junio|giu|giugno|cze|czerwca|czerwiec|junho
jul|july|juli|juil|juillet|julio|lug|luglio|lip|lipca|lipiec|julho
aug|august|août|aout|ago|agosto|augustus|sie|sierpnia|sierpień
sep|sept|september|septembre|septiembre|set|settembre|wrz|września|wrzesień|setembro
oct|october|okt|oktober|octobre|octubre|ott|ottobre|paź|października|październik|out|outubro
nov|november|novembre|noviembre|lis|listopada|listopad|novembro
dec|december|dez|dezember|déc|décembre|dic|diciembre|dicembre|gru|grudnia|grudzień|dezembro"""
MONTHS = {name: number for number, names in enumerate(_NAMES.split("\n"), 1) for name in names.split("|")}
_MONTH = "(?P<m>" + "|".join(sorted(map(re.escape, MONTHS), key=len, reverse=True)) + r")\.?"
_WEEKDAYS = (
    "mon tue tues wed wednes thu thur thurs fri sat satur sun mo di mi do fr sa so montag dienstag mittwoch donnerstag freitag samstag "
    "sonnabend sonntag lundi mardi mercredi jeudi vendredi samedi dimanche lunes martes miércoles jueves viernes sábado domingo lunedì "
    "martedì mercoledì giovedì venerdì sabato domenica maandag dinsdag woensdag donderdag vrijdag zaterdag zondag poniedziałek wtorek "
    "środa czwartek piątek sobota niedziela"
).split()
_WEEKDAY = r"(?:(?:" + "|".join(sorted(map(re.escape, _WEEKDAYS), key=len, reverse=True)) + r")(?:day)?\.?,? (?:the |den |le |el |il )?)?"
_DAY = r"(?P<d>\d{1,2})(?: ?(?:st|nd|rd|th|er|º|ª|°))?\.?"
_YEAR = r"(?P<y>\d{4}|'?\d{2})"
_CLOCK = r"(?:(?:[Tt]| )(?:[01]?\d|2[0-4]):?[0-5]\d(?::?[0-5]\d(?:[.,]\d{1,9})?)?(?: ?(?:[Zz](?!\w)|[+-]\d{2}:?\d{2}|UTC|GMT))?(?!\w|:\d))?"
_NOTHING_BEFORE, _NOTHING_AFTER = r"(?<![\w/.-])", r"(?!\w|[/.-]\d)"
_FIGURES = [
    re.compile(_NOTHING_BEFORE + r"(?P<y>\d{4})([-/.])(?P<m>\d{1,2})\2(?P<d>\d{1,2})" + _CLOCK + r"(?!\d|[/.-]\d)"),
    re.compile(_NOTHING_BEFORE + r"(?P<d>\d{1,2})([-/.])(?P<m>\d{1,2})\2(?P<y>\d{4}|\d{2})" + _NOTHING_AFTER),
    re.compile(_NOTHING_BEFORE + r"(?P<d>\d{1,2})\. (?P<m>\d{1,2})\. (?P<y>\d{4})" + _NOTHING_AFTER),
    re.compile(_NOTHING_BEFORE + r"(?P<y>19\d\d|20\d\d)(?P<m>\d\d)(?P<d>\d\d)(?:T\d{4}(?:\d\d)?Z?)?" + _NOTHING_AFTER),
    re.compile(r"(?<!\d)(?P<y>\d{4}) ?年 ?(?P<m>\d{1,2}) ?月 ?(?P<d>\d{1,2}) ?日"),
]
_WRITTEN = [
    re.compile(rf"(?<![\w/.-]){_WEEKDAY}{_DAY}[ -]?(?:of |de |di |del |d')?{_MONTH},?(?: ?[ -]|(?<=\.))(?:of |de |del |in )?{_YEAR}(?!\w)", re.I),
    re.compile(rf"(?<!\w){_WEEKDAY}{_MONTH} (?:the )?{_DAY},? {_YEAR}(?!\w)", re.I),
]
# Without a day or without a year, "may" and "mars" are other words too: the month has to begin with a capital or be spelt in full.
_MONTH_AND_YEAR = re.compile(rf"(?<!\w){_MONTH},?(?: (?:de |del )?|[-/])(?P<y>(?:1[89]|20)\d\d)(?!\w|[/.-]\d)", re.I)


def dates(text):
    """Spans of calendar dates, with the weekday before and the time of day behind where they are part of a time stamp."""
    for pattern in _FIGURES:
        for each in pattern.finditer(text):
            day, month = int(each["d"]), int(each["m"])
            # In figures, day and month may come in either order.
            fits = (1 <= day <= 31 and 1 <= month <= 12) or (1 <= month <= 31 and 1 <= day <= 12)
            if len(each["y"]) == 4:
                fits = fits and 1800 <= int(each["y"]) <= 2199
            if fits and (len(each["y"]) == 4 or not says_something_else(text, each.start())):
                yield each.span()
    for pattern in _WRITTEN:
        yield from (each.span() for each in pattern.finditer(text) if 1 <= int(each["d"]) <= 31)
    for each in _MONTH_AND_YEAR.finditer(text):
        if each["m"][0].isupper():
            yield each.span()
