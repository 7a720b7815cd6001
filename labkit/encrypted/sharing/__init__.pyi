from .sums import share as share
from .sums import reconstruct as reconstruct
from .sums import shamir_share as shamir_share
from .sums import shamir_reconstruct as shamir_reconstruct
from .sums import ShareAdder as ShareAdder
from .sums import RoundLedger as RoundLedger
from .sums import shamir_sum as shamir_sum
from .triples import deal_triple as deal_triple
from .triples import secure_scores as secure_scores
from . import field as field

# names of version 0.1
from .sums import ShareAdder as Adder
from .sums import shamir_sum as secure_sum
