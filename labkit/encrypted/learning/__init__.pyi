from .models import ScoringClient as ScoringClient
from .models import ScoringServer as ScoringServer
from .models import largest_score as largest_score
from .networks import SquareNetwork as SquareNetwork
from .networks import network_plan as network_plan
from .networks import dense as dense
from .networks import convolution as convolution
from .inference import NetworkClient as NetworkClient
from .inference import NetworkServer as NetworkServer
from .training import Recipe as Recipe
from .training import normal_equations_plan as normal_equations_plan
from .training import Contributor as Contributor
from .training import Cloud as Cloud
from .training import KeyHolder as KeyHolder
from .averaging import RealKeys as RealKeys
from .averaging import IntegerKeys as IntegerKeys
from .averaging import CiphertextAdder as CiphertextAdder
from .sigmoid import OddPolynomial as OddPolynomial
from .sigmoid import fitted_sigmoid as fitted_sigmoid
from .one_record import OneRecordClient as OneRecordClient
from .one_record import OneRecordServer as OneRecordServer
from .coefficients import CoefficientClient as CoefficientClient
from .coefficients import CoefficientServer as CoefficientServer

# names of version 0.1
from .averaging import CiphertextAdder as Adder
