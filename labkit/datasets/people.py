"""Records about people's money: Adult (census income) and credit (loans to buy something)."""

from labkit.datasets.encode import category, encode, number
from labkit.datasets.files import read_table
from labkit.datasets.record import Dataset, loader

ADULT_PLAN = (
    number("age", 0, 100),
    number("education_num", 1, 16),
    number("capital_gain", 0, 99_999, log=True),
    number("capital_loss", 0, 99_999, log=True),
    number("hours_per_week", 0, 99),
    category(
        "workclass",
        (
            "Federal-gov",
            "Local-gov",
            "Never-worked",
            "Private",
            "Self-emp-inc",
            "Self-emp-not-inc",
            "State-gov",
            "Without-pay",
        ),
        missing=True,
    ),
    category(
        "marital_status",
        (
            "Divorced",
            "Married-AF-spouse",
            "Married-civ-spouse",
            "Married-spouse-absent",
            "Never-married",
            "Separated",
            "Widowed",
        ),
    ),
    category(
        "occupation",
        (
            "Adm-clerical",
            "Armed-Forces",
            "Craft-repair",
            "Exec-managerial",
            "Farming-fishing",
            "Handlers-cleaners",
            "Machine-op-inspct",
            "Other-service",
            "Priv-house-serv",
            "Prof-specialty",
            "Protective-serv",
            "Sales",
            "Tech-support",
            "Transport-moving",
        ),
        missing=True,
    ),
    category("relationship", ("Husband", "Not-in-family", "Other-relative", "Own-child", "Unmarried", "Wife")),
    category("race", ("Amer-Indian-Eskimo", "Asian-Pac-Islander", "Black", "Other", "White")),
    category("sex", ("Female", "Male")),
    category("native_country", ("United-States",), missing=True, others=True),
)

CREDIT_PLAN = (
    number("job_seniority", 0, 50),
    category("home", ("owner", "rent", "parents", "priv", "ignore", "other"), missing=True),
    number("months", 0, 72),
    number("age", 0, 100),
    category("marital_status", ("single", "married", "separated", "divorced", "widow"), missing=True),
    category("payment_records", ("no", "yes")),
    category("job", ("fixed", "freelance", "part time", "other"), missing=True),
    number("expenses", 0, 200),
    number("income", 5, 1_000, log=True, missing=True),
    number("assets", 0, 1_000_000, log=True, missing=True),
    number("debt", 0, 100_000, log=True, missing=True),
    number("amount", 50, 10_000, log=True),
    number("price", 50, 20_000, log=True),
)


@loader
def adult():
    """Adult, also called Census Income: 48,842 people of the US Census database of 1994, and what they earn.

    y: 1 for over 50,000 dollars (23.9 %), else 0.
    X, 52 columns in [0, 1], by these public rules (none is computed from the records):
      age            0 to 100 years, linear
      education_num  1 to 16 (the census's ladder from preschool to doctorate), linear
      capital_gain, capital_loss   0 to 99,999 dollars, log(1 + value) / log(100,000); 99,999 is the census's top code
      hours_per_week 0 to 99, linear; 99 is the top code
      workclass, marital_status, occupation, relationship, race, sex   one column per category of the census's list
      native_country United-States, other or missing
    A category that was not recorded is one of its own, "missing" (workclass, occupation, native_country).
    Left out of X, kept in `.table`: fnlwgt (how many people the record stands for), education (education_num in words).
    `.table` has the 15 published columns in words; there too an unrecorded value (published as "?") reads "missing".
    """
    table = read_table("adult.csv.xz")
    income = table["income"].eq(">50K").to_numpy().astype("int64")
    # In the file a gap is the word "missing"; the encoder wants it as a gap.
    X, names = encode(table.replace("missing", None), ADULT_PLAN)
    return Dataset(
        name="Adult",
        X=X,
        y=income,
        feature_names=names,
        target_names=("<=50K", ">50K"),
        source="Becker and Kohavi 1996, UCI Machine Learning Repository",
        licence="CC BY 4.0",
        description="48,842 people from the US Census database of 1994; did they earn over 50,000 dollars a year?",
        _table=table,
    )


@loader
def credit():
    """Credit: 4,454 clients of a Spanish lender who borrowed to buy something, with its verdict on each: good or bad.

    y: 1 for bad (28.2 %), 0 for good. The source calls it the final opinion on the client, and does not say whether it
    was formed before or after the money was paid back.
    X, 32 columns in [0, 1], by public rules (none is computed from the records):
      job_seniority 0 to 50 years, months (to pay back) 0 to 72, age 0 to 100 years, expenses 0 to 200: linear
      income 5 to 1,000, assets 0 to 1,000,000, debt 0 to 100,000, amount (borrowed) 50 to 10,000, price (of what is
      bought) 50 to 20,000: (log(1 + value) - log(1 + low)) / (log(1 + high) - log(1 + low))
      home, marital_status, payment_records (of earlier trouble), job: one column per category
    Values beyond a bound are cut off there. Money is in thousands of pesetas.
    A missing income, assets or debt is 0, and 1 in its "<name> missing" column; a missing category is "<name>=missing".
    """
    table = read_table("credit.csv.xz")
    X, names = encode(table, CREDIT_PLAN)
    return Dataset(
        name="Credit",
        X=X,
        y=table["status"].eq("bad").to_numpy().astype("int64"),
        feature_names=names,
        target_names=("good", "bad"),
        source="credit_data of the R package modeldata, from Belanche and Sanchez",
        licence="MIT",
        description="4,454 clients who borrowed to buy something; did the lender find them good or bad?",
        _table=table,
    )
