from .claims import CLAIMS as CLAIMS
from .claims import TITLES as TITLES
from .record import Experiment as Experiment
from .record import experiments_in as experiments_in
from .record import overall as overall
from .record import recorded as recorded
