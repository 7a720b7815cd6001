"""Standards and laws on privacy, as a checklist: what each asks, which lab shows what that means, what is left to a lawyer.

It is a map for people who build, in our own words and far from complete: not legal advice, and no substitute for the
texts. Articles are cited by their numbers, dates as they stood in November 2026.
"""

from typing import NamedTuple


class Text(NamedTuple):
    """A standard or a law. title: its name. dates: of it, and from when it applies. source: where its text is."""

    title: str
    dates: str
    source: str


class Demand(NamedTuple):
    """One line of the checklist.

    text:     a key of TEXTS.  where: the article, section or clause.
    asks:     what is asked, in a few words.
    shown:    where a lab shows it: pairs of a lab's number and the heading of a section.
    left:     what no experiment decides.
    """

    text: str
    where: str
    asks: str
    shown: tuple
    left: str


TEXTS = {
    "SP 800-226": Text("NIST SP 800-226, Guidelines for Evaluating Differential Privacy Guarantees",
                       "final in March 2025; advice, not law", "https://doi.org/10.6028/NIST.SP.800-226"),
    "ISO 20889": Text("ISO/IEC 20889, Privacy enhancing data de-identification terminology and classification of techniques",
                      "November 2018; a vocabulary, nothing to comply with", "https://www.iso.org/standard/69373.html"),
    "GDPR": Text("Regulation (EU) 2016/679, General Data Protection Regulation",
                 "27 April 2016; applies since 25 May 2018", "https://eur-lex.europa.eu/eli/reg/2016/679/oj"),
    "PIPL": Text("Personal Information Protection Law of the People's Republic of China (个人信息保护法)",
                 "20 August 2021; in force since 1 November 2021",
                 "https://digichina.stanford.edu/work/"
                 "translation-personal-information-protection-law-of-the-peoples-republic-of-china-effective-nov-1-2021/"),
    "AI Act": Text("Regulation (EU) 2024/1689, Artificial Intelligence Act, amended by Regulation (EU) 2026/1744",
                   "13 June 2024; bans since 2 February 2025, general-purpose models since 2 August 2025, article 50 since "
                   "2 August 2026, high risk from 2 December 2027 (annex III) and 2 August 2028 (annex I)",
                   "https://eur-lex.europa.eu/eli/reg/2024/1689/oj"),
    "FIPS 203": Text("NIST FIPS 203, Module-Lattice-Based Key-Encapsulation Mechanism Standard",
                     "13 August 2024; the draft plan IR 8547 (November 2024) wants the smaller sizes of RSA and elliptic curves "
                     "deprecated after 2030, and all of them gone after 2035", "https://doi.org/10.6028/NIST.FIPS.203"),
}

LABS = {  # the notebooks that the checklist leads to
    "00": "00-start-here", "01": "01-anonymisation", "02": "02-data-security", "03": "03-dp-mechanisms", "04": "04-dp-budget",
    "05": "05-dp-training", "06": "06-dp-auditing", "07": "07-federated-learning", "08": "08-gradient-leakage",
    "09": "09-federated-privacy", "10": "10-homomorphic-encryption", "11": "11-encrypted-ml", "12": "12-private-computing",
    "13": "13-language-model-leakage", "14": "14-private-fine-tuning", "15": "15-model-protection", "15b": "15b-forgetting", "16": "16-medicine",
    "17": "17-finance", "18": "18-smart-home", "19": "19-transport", "20": "20-public-safety", "21": "21-recommendation",
    "24": "24-what-comes-next", "25": "25-your-own-data",
}

CHECKLIST = (
    Demand("SP 800-226", "privacy parameters and unit", "state epsilon and delta with the unit of privacy: a person, a record, an event",
           (("18", "What it costs"), ("25", "What you may say")), "which epsilon is acceptable for whom"),
    Demand("SP 800-226", "sensitivity", "bound what one unit can contribute before noise is added",
           (("03", "Clip first, then add noise"), ("21", "Build it")), "whose contributions may be cut"),
    Demand("SP 800-226", "composition", "add up over everything released from the same data",
           (("04", "Use the real thing"), ("05", "Use the real thing")), "who keeps the account when people leave"),
    Demand("SP 800-226", "trust models", "say who sees raw data: a curator, nobody, or several together",
           (("03", "Randomised response: the noise happens at your end"), ("09", "Who must be trusted")),
           "contracts with whoever is trusted"),
    Demand("SP 800-226", "implementation", "use tested libraries; beware of floating point, timing and bugs, and audit",
           (("03", "The secret in the last digits"), ("06", "The broken zoo")), "who answers for a bug"),
    Demand("SP 800-226", "utility and bias", "measure the error, also for small groups",
           (("16", "What it costs"), ("20", "What it costs")), "what unequal error is unfair"),
    Demand("SP 800-226", "security, collection", "protect what the noise does not: the raw data, before and beside the release",
           (("02", "Use the real thing"),), "how long raw data may be kept"),
    Demand("ISO 20889", "re-identification", "test against singling out, linking and inference",
           (("01", "What goes wrong"), ("19", "What goes wrong"), ("06", "The attack")), "what an attacker may be assumed to know"),
    Demand("ISO 20889", "generalisation, suppression", "coarsen and leave out; k-anonymity, l-diversity, t-closeness as measures",
           (("01", "Build it"), ("01", "The attack again")), "whether the result is anonymous in law"),
    Demand("ISO 20889", "randomisation", "noise and differential privacy, at a server or at each person",
           (("03", "Build it"), ("00", "Build it")), "none: a technique, no duty"),
    Demand("ISO 20889", "cryptographic tools", "homomorphic encryption, secret sharing among the tools",
           (("10", "Build it"), ("12", "Build it")), "who holds which key, in a contract"),
    Demand("GDPR", "art. 4(1), recital 26", "data are personal while somebody can reasonably find the person",
           (("01", "What goes wrong"), ("21", "What goes wrong")), "whether a given release still is personal data"),
    Demand("GDPR", "art. 5(1)(b)", "use data for the stated purpose only", (("02", "Use the real thing"),),
           "whether a new purpose is compatible"),
    Demand("GDPR", "art. 5(1)(c), 25", "collect no more than needed; protect by design and by default",
           (("18", "Build it"), ("07", "Build it")), "what is needed"),
    Demand("GDPR", "art. 17", "erase a person's data on request, which a model may have learnt",
           (("15b", "The attack again"),), "whether a model is personal data; exceptions"),
    Demand("GDPR", "art. 22", "no solely automated decision of weight without safeguards", (("17", "What goes wrong"),),
           "which decisions are meant, which safeguards do"),
    Demand("GDPR", "art. 32", "security fit for the risk: encryption, pseudonyms, regular tests",
           (("02", "The attack again"), ("24", "The attack again")), "what the state of the art is"),
    Demand("GDPR", "art. 33", "tell the authority of a breach within 72 hours of knowing of it: so one must notice it",
           (("02", "The attack again"),), "whether it is a risk to people; the letter"),
    Demand("GDPR", "art. 35", "assess high risks beforehand, and document it",
           (("16", "Check yourself"), ("19", "Check yourself")), "the assessment itself"),
    Demand("GDPR", "art. 44 to 46", "data leave the Union under conditions only",
           (("07", "Build it"), ("11", "A diagnosis by a server that never sees the patient")),
           "whether updates or ciphertexts are a transfer"),
    Demand("PIPL", "art. 4, 73", "anonymised means: not identifiable and not restorable; anything less is regulated",
           (("01", "The attack again"), ("20", "What goes wrong")), "whether that bar is met"),
    Demand("PIPL", "art. 6", "the smallest scope that the purpose needs", (("18", "Build it"),), "what the purpose needs"),
    Demand("PIPL", "art. 24", "automated decisions: transparent, fair, no unreasonable difference in price; a way out of profiles",
           (("17", "What it costs"), ("21", "Tune it")), "what is unreasonable"),
    Demand("PIPL", "art. 28, 29", "health, finance, whereabouts, biometrics, children: strict need and separate consent",
           (("16", "What goes wrong"), ("19", "What goes wrong")), "consent"),
    Demand("PIPL", "art. 38 to 40", "data leave the country under conditions: assessment, certificate or contract",
           (("07", "Build it"), ("11", "A diagnosis by a server that never sees the patient")), "which condition; the filing"),
    Demand("PIPL", "art. 47", "delete when the purpose is met or consent withdrawn", (("15b", "The attack again"),),
           "what to do where deleting is technically hard"),
    Demand("PIPL", "art. 51", "classify, encrypt, de-identify, limit who may operate, plan for incidents",
           (("02", "Use the real thing"),), "the organisation around it"),
    Demand("PIPL", "art. 55, 56", "assess impact beforehand, keep the report three years", (("17", "Check yourself"), ("18", "Check yourself")),
           "the assessment itself"),
    Demand("AI Act", "art. 10", "high risk: training data examined for gaps and bias",
           (("07", "Who does not answer is not learned"), ("17", "What it costs")), "whether a system is high risk"),
    Demand("AI Act", "art. 12, 19", "high risk: events are logged, and the logs kept", (("02", "Use the real thing"), ("24", "What it costs")),
           "which events, how long"),
    Demand("AI Act", "art. 15", "high risk: robust against poisoned data, adversarial inputs and attacks on confidentiality",
           (("08", "Liars among the clients"), ("15", "The attack again"), ("06", "The attack again")), "what is appropriate"),
    Demand("AI Act", "art. 50(2)", "mark generated text, sound and pictures so that a machine can tell",
           (("15", "Mark the text"),), "which exceptions apply"),
    Demand("AI Act", "art. 53, 55", "general-purpose models: document training content; the largest are tested by attack",
           (("13", "Use the real thing"), ("14", "Read a model card")), "which duties a fine-tuned model inherits"),
    Demand("FIPS 203", "whole", "agree on keys in a way that a quantum computer does not break",
           (("24", "Use the real thing"),), "by when a sector must have moved"),
)
