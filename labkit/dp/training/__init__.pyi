from .dp_sgd import Plan as Plan
from .dp_sgd import train_private as train_private
from .dp_sgd import train_without_privacy as train_without_privacy
from .curve import privacy_accuracy_curve as privacy_accuracy_curve
from .curve import event_of_all as event_of_all
from .by_user import train_private_by_user as train_private_by_user
from .by_user import stacked_by_user as stacked_by_user
from .by_user import PerUser as PerUser
