from .voting import nearest_candidate as nearest_candidate
from .voting import class_votes as class_votes
from .voting import private_class_votes as private_class_votes
from .voting import ClassVotes as ClassVotes
from .release import synthetic_rows as synthetic_rows
from .release import write_csv as write_csv
from .evolution import evolve as evolve
from .evolution import Evolved as Evolved
