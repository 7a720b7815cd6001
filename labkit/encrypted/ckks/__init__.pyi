from .planning import CKKSPlan as CKKSPlan
from .planning import plan as plan
from .planning import prime_chain as prime_chain
from .roles import CKKSClient as CKKSClient
from .roles import CKKSServer as CKKSServer
from .vector import EncryptedVector as EncryptedVector
from .sums import weighted_sum as weighted_sum
from .sums import inner_product as inner_product
from .rotations import rotate as rotate
from .rotations import added_up as added_up
from .rotations import rotation_keys as rotation_keys
from .rotations import take_rotation_keys as take_rotation_keys
from .masking import masked_sum as masked_sum
from .masking import opened_sum as opened_sum
from .publishing import Publisher as Publisher

# names of version 0.1
from .planning import CKKSPlan as Plan
from .roles import CKKSClient as Client
from .roles import CKKSServer as Server
