from .agreement import Aborted as Aborted
from .agreement import Agreement as Agreement
from .agreement import MessageRefused as MessageRefused
from .neighbourhood import fewest_neighbours as fewest_neighbours
from .fixed_point import FixedPoint as FixedPoint
from .fixed_point import signed as signed
from .client import MaskingClient as MaskingClient
from .server import MaskingServer as MaskingServer
from .protocol import Outcome as Outcome
from .protocol import make_identities as make_identities
from .protocol import secure_sum as secure_sum
from .step import SecureSum as SecureSum
from . import masks as masks
from . import shares as shares

# names of version 0.1
from .agreement import MessageRefused as Refused
from .client import MaskingClient as Client
from .server import MaskingServer as Server
