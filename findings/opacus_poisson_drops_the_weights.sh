#!/usr/bin/env bash
# Library: opacus 1.6.0 with torch 2.13.0, PrivacyEngine.make_private, a DataLoader with a WeightedRandomSampler (the usual way to see a
#   rare class as often as a common one).
# Expected: a refusal, or batches in which the heavy record is as frequent as its weight asks, accounted at that rate.
# Seen (November 2026): with Poisson sampling (the default) the weights are dropped without a word, and a record with a third of all weight is drawn as
#   often as any other. With poisson_sampling=False the weights stay, and the account counts every record at the batch's share, one in
#   twenty, although the heavy one is in nine batches of ten.
# Fails if that changes.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/env"
"$place/env/bin/pip" --quiet --disable-pip-version-check install 'torch==2.13.0' 'opacus==1.6.0' 'numpy==2.3.5' 2>/dev/null
OMP_NUM_THREADS=1 "$place/env/bin/python" -W ignore - <<'PY'
import torch
from opacus import PrivacyEngine
from torch import nn

torch.manual_seed(0)
data = torch.utils.data.TensorDataset(torch.arange(100.0)[:, None].repeat(1, 4), torch.arange(100) % 2)
weights = torch.tensor([50.0] + [1.0] * 99)
for poisson in (True, False):
    engine, model = PrivacyEngine(), nn.Linear(4, 2)
    sampler = torch.utils.data.WeightedRandomSampler(weights, 100)
    model, optimizer, loader = engine.make_private(
        module=model, optimizer=torch.optim.SGD(model.parameters(), 0.1), noise_multiplier=1.0, max_grad_norm=1.0,
        poisson_sampling=poisson, data_loader=torch.utils.data.DataLoader(data, 5, sampler=sampler))
    batches = heavy = 0
    for _ in range(30):
        for x, y in loader:
            batches, heavy = batches + 1, heavy + bool((x[:, 0] == 0).any())
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y, reduction="sum").backward()
            optimizer.step()
    ((_, rate, _),) = engine.accountant.history
    print(f"Poisson sampling {poisson}: the heavy record is in {heavy / batches:.0%} of {batches} batches, accounted at {rate:.0%}")
    assert rate == 0.05
    assert heavy / batches < 0.1 if poisson else heavy / batches > 0.8
PY
