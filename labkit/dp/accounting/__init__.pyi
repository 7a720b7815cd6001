from .epsilon import epsilon_spent as epsilon_spent
from .epsilon import noise_multiplier_for as noise_multiplier_for
from .epsilon import accountant_used as accountant_used
from .epsilon import epsilon_of as epsilon_of
from .epsilon import dp_sgd_event as dp_sgd_event
from .epsilon import best_attack as best_attack
from .budget import Budget as Budget
from .budget import BudgetExceeded as BudgetExceeded
