"""Statements about noisy gradients on samples: what `statement` of a training plan, a run and a federated plan have in common."""

from dp_accounting import dp_event

from labkit import statement, validate
from labkit.dp.accounting.epsilon import accountant_used, best_attack, epsilon_spent
from labkit.dp.accounting.groups import epsilon_of_group

POISSON = "every {unit} joins a step by a coin of its own (Poisson), with probability {rate:.4g}, as the account assumes"
ALL = "every {unit} is in every step: no sampling is assumed"


def of_noisy_sums(*, event, noise_multiplier, sample_rate, steps, max_grad_norm, relation, delta, records, unit, batches, reused, tuning,
                  records_per_unit=None, accountant="pld", released="the model and every noisy gradient on the way"):
    """The Statement of a training by noisy sums of clipped gradients (or changes). Arguments as for `labkit.statement.state`.

    batches:  how they were really drawn: "poisson", or "all" where every record is in every one. "shuffled" (each record once a pass, as data
              loaders do) and "fixed size" are refused.
    A unit of several records is accounted for as a group of that many (`labkit.dp.accounting.groups`).
    """
    validate.one_of(batches=batches, options=statement.BATCHES)
    if batches in ("shuffled", "fixed size"):
        raise statement.NotStated(f"batches were {batches}, and the account assumes Poisson samples, each record by a coin of its own. The true "
                                  "epsilon of such batches can be far larger (Chua et al., ICML 2024). Train with Poisson samples")
    if tuning == "paid":
        raise statement.NotStated("tuning is said to be paid, and the epsilon of one training holds no tries: spend them and this training from "
                                  "one Budget, and state that")
    if batches == "all" and sample_rate < 1:
        raise statement.NotStated(f"every record was in every batch, and the account assumes a sample rate of {sample_rate:.4g}: that epsilon is "
                                  "too low")
    what = dict(noise_multiplier=noise_multiplier, sample_rate=sample_rate, steps=steps, delta=delta)
    group = isinstance(records_per_unit, int) and records_per_unit > 1 and isinstance(unit, str) and unit.strip() not in relation
    if group:
        count, records_per_unit = records_per_unit, None
        relation = f"add or remove one {unit.strip()}, with up to {count} records"
    statement.check(unit, relation, delta, records, tuning, reused, records_per_unit)
    if group:
        epsilon, right, accountant = epsilon_of_group(count=count, **what), None, "pld"
    else:
        epsilon, right = epsilon_spent(accountant=accountant, **what), best_attack(event)
        accountant = accountant_used(accountant=accountant, **what)
    drawn = (ALL if sample_rate == 1 else POISSON).format(unit="record" if "record" in relation else unit, rate=sample_rate)
    return statement.state(unit=unit, relation=relation, epsilon=epsilon, delta=delta, records=records, accountant=accountant, sampling=drawn,
                           released=[released], releases=steps, tuning=tuning, reused=reused, records_per_unit=records_per_unit,
                           right_at_most=right, settings={"noise_multiplier": noise_multiplier, "sample_rate": sample_rate, "steps": steps,
                                                          "max_grad_norm": max_grad_norm})


def of_spends(*, spends, epsilon, delta, accountant, relation, unit, reused, tuning, records=None, records_per_unit=None):
    """The Statement of what a Budget has recorded."""
    if not spends:
        raise statement.NotStated("nothing was released yet: there is nothing to state")
    if tuning == "paid" and len(spends) < 2:
        raise statement.NotStated("tuning is said to be paid, and the budget holds one release only: the tries are not in it")
    sampled = any("PoissonSampled" in repr(each.price) for each in spends)
    drawn = "Poisson samples where a release is priced for them" if sampled else "none is assumed"
    right = None
    if len(spends) == 1 and isinstance(spends[0].price, dp_event.DpEvent):
        right = best_attack(spends[0].price)
    open_ends = ["prices that were set by earlier answers"] if delta else []
    return statement.state(unit=unit, relation=relation, epsilon=epsilon, delta=delta, records=records,
                           accountant=accountant if delta else "plain addition", sampling=drawn,
                           released=[f"{each.label} (epsilon {each.epsilon:.3g})" for each in spends], releases=len(spends), tuning=tuning,
                           reused=reused, records_per_unit=records_per_unit, right_at_most=right, not_covered=open_ends)
