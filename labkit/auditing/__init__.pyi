from .canaries import Canaries as Canaries
from .asking import token_scorer as token_scorer
from .asking import token_sampler as token_sampler
from .release import audit_release as audit_release
from .release import ReleaseAudit as ReleaseAudit
