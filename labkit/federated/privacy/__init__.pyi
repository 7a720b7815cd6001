from .user_level import UserLevelDP as UserLevelDP
from .adaptive_clipping import AdaptiveUserLevelDP as AdaptiveUserLevelDP
from .distributed_noise import DistributedDiscreteGaussian as DistributedDiscreteGaussian
from .record_level import noisy_gradient as noisy_gradient
from .record_level import train_logistic as train_logistic
