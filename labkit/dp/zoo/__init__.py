"""The broken zoo: mechanisms that claim an epsilon and do not keep it, each with its repair and with audits of both.

    from labkit.dp.zoo import ZOO
    cage = ZOO["Laplace, scale inverted"]
    cage.measure().epsilon > cage.look.epsilon            # caught
    cage.measure(repaired=True)                           # not any more
    cage.measure(overlook=True)                           # a setting in which the audit sees nothing: a pass proves nothing

Three of them are no frauds: sparse vector 1 and 2 keep their claim, and 4 is private with a larger epsilon than it claims.
"""

from labkit.dp.zoo import answers, models, streams, training
from labkit.dp.zoo.specimen import CONFIDENCE, AuditSetting, Specimen

ZOO = {each.name: each for part in (answers, training, streams, models) for each in part.SPECIMENS}

Setting = AuditSetting  # its name in version 0.1

__all__ = ["ZOO", "Specimen", "AuditSetting", "CONFIDENCE"]
