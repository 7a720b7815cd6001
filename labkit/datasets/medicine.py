"""Medical records: breast cancer (measured cell nuclei) and heart disease (patients of four hospitals)."""

import numpy as np

from labkit.datasets.encode import category, encode, number
from labkit.datasets.files import read_table, verify_arrays
from labkit.datasets.record import Dataset, loader

# Low and high bound of each measurement of a cell nucleus: of its mean, of its standard error, of its worst value.
# Round numbers around the ranges printed in the data set's public description.
NUCLEUS_BOUNDS = {
    "radius": ((5, 30), (0, 3), (5, 40)),
    "texture": ((5, 40), (0, 5), (10, 50)),
    "perimeter": ((40, 200), (0, 25), (50, 260)),
    "area": ((100, 2600), (0, 600), (100, 4500)),
    "smoothness": ((0.05, 0.2), (0, 0.04), (0.05, 0.25)),
    "compactness": ((0, 0.4), (0, 0.15), (0, 1.2)),
    "concavity": ((0, 0.5), (0, 0.4), (0, 1.3)),
    "concave points": ((0, 0.25), (0, 0.06), (0, 0.3)),
    "symmetry": ((0.1, 0.35), (0, 0.1), (0.15, 0.7)),
    "fractal dimension": ((0.04, 0.1), (0, 0.03), (0.05, 0.25)),
}

HEART_PLAN = (
    number("age", 0, 100),
    category("sex", ("female", "male")),
    category("chest_pain", ("typical angina", "atypical angina", "non-anginal", "asymptomatic")),
    number("resting_blood_pressure", 50, 250, missing=True),
    number("cholesterol", 50, 650, missing=True),
    category("fasting_blood_sugar_over_120", ("yes", "no"), missing=True),
    category("resting_ecg", ("normal", "st-t abnormality", "lv hypertrophy"), missing=True),
    number("max_heart_rate", 50, 220, missing=True),
    category("exercise_angina", ("yes", "no"), missing=True),
    number("st_depression", -3, 7, missing=True),
    category("st_slope", ("upsloping", "flat", "downsloping"), missing=True),
    number("vessels_coloured", 0, 3, missing=True),
    category("thallium_scan", ("normal", "fixed defect", "reversible defect"), missing=True),
)


@loader
def breast_cancer():
    """Breast Cancer Wisconsin (Diagnostic): 569 samples of breast tissue, 30 measurements of the cell nuclei in each.

    y: 0 malignant, 1 benign (scikit-learn's order; 62.7 % are benign).
    X: each measurement scaled linearly to [0, 1] between fixed round bounds (`NUCLEUS_BOUNDS` in this module), and cut
    off there. Bounds should come from the instrument, not from the patients. None are published for this one, so these
    stand in for them: round numbers around the ranges in the public description of the data set, which are ranges of
    these very patients. `.table` has the measurements as published.
    The data come with scikit-learn, and are checked against the checksum of what we tested.
    """
    from sklearn.datasets import load_breast_cancer

    bunch = load_breast_cancer(as_frame=True)
    verify_arrays("breast_cancer", bunch.data.to_numpy(), bunch.target.to_numpy())
    X, names = encode(bunch.data, _nucleus_plan(bunch.data.columns))
    return Dataset(
        name="Breast cancer",
        X=X,
        y=bunch.target.to_numpy().astype(np.int64),
        feature_names=names,
        target_names=("malignant", "benign"),
        source="Wolberg, Mangasarian, Street and Street 1995, UCI Machine Learning Repository, through scikit-learn",
        licence="CC BY 4.0",
        description="569 breast tissue samples, 30 measurements of the cell nuclei; malignant or benign?",
        _table=bunch.data,
    )


def _nucleus_plan(columns):
    plan = []
    for column in columns:
        kind = 1 if column.endswith(" error") else 2 if column.startswith("worst ") else 0
        measure = column.removeprefix("mean ").removeprefix("worst ").removesuffix(" error")
        plan.append(number(column, *NUCLEUS_BOUNDS[measure][kind]))
    return plan


@loader
def heart_disease():
    """Heart disease: 920 patients of four hospitals; does the angiogram show a coronary artery narrowed by over half?

    y: 1 for disease (55.3 %), else 0. `.table` also has the published grade, `disease_grade` 0 to 4; y is grade > 0.
    `.groups`: the hospital of each row: Cleveland 303, Hungary 294, Long Beach 200, Switzerland 123.
    X, 35 columns in [0, 1], by public rules: age 0 to 100 years; resting blood pressure 50 to 250 mm Hg; cholesterol
    50 to 650 mg/dl; maximum heart rate 50 to 220 a minute; ST depression -3 to 7 (tenths of a millivolt); vessels
    coloured 0 to 3; each linear and cut off there; one column per category for the rest.
    Much was not measured, and what was differs by hospital: 66 % of `vessels_coloured` is missing. A gap is never
    filled in from other patients: a missing number is 0, and 1 in its "<name> missing" column; a missing category is 1
    in "<name>=missing". A published blood pressure or cholesterol of 0 was not measured, and is a gap here.
    """
    table = read_table("heart_disease.csv.xz")
    X, names = encode(table, HEART_PLAN)
    return Dataset(
        name="Heart disease",
        X=X,
        y=table["disease_grade"].gt(0).to_numpy().astype(np.int64),
        feature_names=names,
        target_names=("healthy", "disease"),
        source="Janosi, Steinbrunn, Pfisterer and Detrano 1989, UCI Machine Learning Repository",
        licence="CC BY 4.0",
        description="920 patients of four hospitals; does the angiogram show a narrowed coronary artery?",
        groups=table["hospital"].to_numpy(dtype=str),
        _table=table,
    )
