"""Transport plans: clirot's solver against POT and plain GeomLoss, at equal marginal error.

    python benchmarks/transport.py                       # batches of 16, 64, 256; 16 to 256 tokens
    python benchmarks/transport.py --batch 64 --tokens 32 --clock cpu

Student tokens are the teacher's in another order with noise on them; both share a direction, as the
tokens of an encoder do. Sentences have between half and all of ``--tokens`` tokens, uniform mass.

The error is the largest over the batch of the mass by which a plan's rows and columns miss the
marginals (0 to 4). The target is what clirot reaches at its default number of iterations; every
other solver gets the fewest iterations of a ladder that reach it. POT one pair at a time sees
unpadded matrices, in the log domain and not (float64, as POT computes); POT's batched solver and
plain ``geomloss.ot.solve_batch`` see padded ones with no mass on the padding.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import ot
import torch
from geomloss import ot as geomloss_ot
from torch import Tensor

from clirot.distillation.objectives.sinkhorn import sinkhorn_plan
from clirot.distillation.objectives.transport import Transport

LADDER = (5, 10, 15, 20, 25, 30, 40, 60, 80, 120, 160, 240, 320, 640, 1280)
DIM = 384
DEFAULT = Transport()

Solver = Callable[["Problem", int], Tensor]


@dataclass(frozen=True, eq=False)
class Problem:
    """``cost`` ``(batch, n, m)``; ``a`` ``(batch, n)``, ``b`` ``(batch, m)``, zero on padding."""

    cost: Tensor
    a: Tensor
    b: Tensor

    @classmethod
    def drawn(cls, batch: int, tokens: int, device: torch.device, seed: int = 0) -> Problem:
        draw = torch.Generator().manual_seed(seed)
        lengths = torch.randint(max(1, tokens // 2), tokens + 1, (2, batch), generator=draw)
        lengths[:, 0] = tokens
        shared = torch.randn(batch, 1, DIM, generator=draw)
        teacher = shared + torch.randn(batch, tokens, DIM, generator=draw)
        noise = torch.randn(batch, tokens, DIM, generator=draw)
        order = torch.randperm(tokens, generator=draw)
        student = teacher[:, order] + 0.7 * noise
        unit = [torch.nn.functional.normalize(one, dim=2) for one in (student, teacher)]
        place = torch.arange(tokens)
        a, b = ((place < lengths[side, :, None]).float() for side in (0, 1))
        return cls(
            (1 - torch.bmm(unit[0], unit[1].transpose(1, 2))).to(device),
            (a / a.sum(1, keepdim=True)).to(device),
            (b / b.sum(1, keepdim=True)).to(device),
        )

    def error(self, plan: Tensor) -> float:
        """The largest marginal error of the batch; infinite for a plan that is not finite."""
        wide = plan.double()
        missed = (wide.sum(2) - self.a).abs().sum(1) + (wide.sum(1) - self.b).abs().sum(1)
        worst = float(missed.max())
        return worst if np.isfinite(worst) else float("inf")


def clirot(problem: Problem, iterations: int) -> Tensor:
    return sinkhorn_plan(problem.cost, problem.a, problem.b, reg=DEFAULT.reg, iterations=iterations)


def plain_geomloss(problem: Problem, iterations: int) -> Tensor:
    plan: Tensor = geomloss_ot.solve_batch(
        problem.cost, a=problem.a, b=problem.b, reg=DEFAULT.reg, max_iter=iterations
    ).plan
    return plan


def pot_batched(problem: Problem, iterations: int) -> Tensor:
    # It takes the logarithm of the masses: a floor on the padding's keeps that finite.
    a, b = (mass.clamp_min(1e-12) for mass in (problem.a, problem.b))
    plan: Tensor = ot.solve_batch(
        problem.cost,
        reg=DEFAULT.reg,
        a=a,
        b=b,
        max_iter=iterations,
        tol=0.0,
        method="log_sinkhorn",
        grad="detach",
    ).plan
    return plan


def pot_each(method: str) -> Solver:
    def solve(problem: Problem, iterations: int) -> Tensor:
        plans = torch.zeros(problem.cost.shape, dtype=torch.float64)
        cost, a, b = (one.double().cpu().numpy() for one in (problem.cost, problem.a, problem.b))
        for row in range(len(cost)):
            n, m = int((a[row] > 0).sum()), int((b[row] > 0).sum())
            plan = ot.sinkhorn(
                a[row, :n] / a[row, :n].sum(),
                b[row, :m] / b[row, :m].sum(),
                cost[row, :n, :m],
                DEFAULT.reg,
                method=method,
                numItermax=iterations,
                stopThr=0.0,
                warn=False,
            )
            plans[row, :n, :m] = torch.from_numpy(plan)
        return plans.to(problem.cost.device)

    return solve


SOLVERS: dict[str, Solver] = {
    "clirot": clirot,
    "geomloss solve_batch": plain_geomloss,
    "POT solve_batch": pot_batched,
    "POT each, log": pot_each("sinkhorn_log"),
    "POT each": pot_each("sinkhorn"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, action="append")
    parser.add_argument("--tokens", type=int, action="append")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clock", choices=["wall", "cpu"], default="wall")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")  # POT warns of plans that have not converged: that is measured
    print(
        f"reg {DEFAULT.reg}, {asked.device}, {torch.get_num_threads()} threads, {asked.clock} time,"
        f" median of {asked.rounds}; milliseconds (iterations), clirot's share of the time"
    )
    print(f"{'batch':>5} {'tokens':>6} {'error':>8}  " + "".join(f"{one:>28}" for one in SOLVERS))
    for batch in asked.batch or (16, 64, 256):
        for tokens in asked.tokens or (16, 32, 64, 128, 256):
            compare(Problem.drawn(batch, tokens, torch.device(asked.device)), asked)


def compare(problem: Problem, asked: argparse.Namespace) -> None:
    target = problem.error(clirot(problem, DEFAULT.iterations))
    cells, mine = [], 0.0
    for name, solver in SOLVERS.items():
        needed = next(
            (
                count
                for count in ((DEFAULT.iterations,) if name == "clirot" else LADDER)
                if problem.error(solver(problem, count)) <= target * 1.01
            ),
            None,
        )
        if needed is None:
            cells.append(f"{'not reached':>28}")
            continue
        spent = seconds(partial(solver, problem, needed), asked)
        mine = mine or spent
        cells.append(f"{f'{spent * 1000:.1f} ({needed}) {mine / spent:.2f}':>28}")
    batch, tokens = problem.a.shape
    print(f"{batch:>5} {tokens:>6} {target:>8.5f}  " + "".join(cells), flush=True)


def seconds(action: Callable[[], object], asked: argparse.Namespace) -> float:
    clock = time.perf_counter if asked.clock == "wall" else time.process_time
    spent = []
    for _ in range(asked.rounds):
        began = clock()
        action()
        if asked.device != "cpu":
            torch.cuda.synchronize()
        spent.append(clock() - began)
    return statistics.median(spent)


if __name__ == "__main__":
    main()
