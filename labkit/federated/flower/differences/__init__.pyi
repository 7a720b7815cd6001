from .drive import Difference as Difference
from .drive import Answer as Answer
from .drive import after_rounds as after_rounds
from .drive import table as table
from .strategies import strategy_rows as strategy_rows
from .robust import robust_rows as robust_rows
from .privacy import privacy_rows as privacy_rows
from .secure_sum import secure_sum_rows as secure_sum_rows
