from .matching import hashed as hashed
from .matching import hashed_join as hashed_join
from .matching import dictionary_attack as dictionary_attack
from .matching import IntersectionClient as IntersectionClient
from .matching import IntersectionServer as IntersectionServer
