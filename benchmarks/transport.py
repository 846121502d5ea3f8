"""Transport plans: clirot's two entropic solvers, POT and plain GeomLoss, at equal marginal error.

    python benchmarks/transport.py                       # batches of 16, 64, 256; 16 to 256 tokens
    python benchmarks/transport.py --batch 64 --tokens 32 --clock cpu
    python benchmarks/transport.py --updates             # GeomLoss's updates for an alternating one

It runs on the CPU, and then on a GPU where there is one. Student tokens are the teacher's in
another order with noise on them; all share a direction, as the tokens of an encoder do (``SHARED``:
at 2 the mean cosine of two tokens is .8, as in multilingual-e5-small; at .5 it is .2, between
MiniLM's within a sentence and across sentences). Sentences have between half and all of
``--tokens`` tokens, uniform mass.

The error is the mean over the batch of the mass by which a plan's rows and columns miss the
marginals (0 to 4). The target is what alternating updates reach at their default number; every
other solver gets the fewest iterations of a ladder that reach it. POT one pair at a time sees
unpadded matrices, in the log domain and not (float64, as POT computes); POT's batched solver and
plain ``geomloss.ot.solve_batch``, which lowers the regularisation as it iterates, see padded ones
with no mass on the padding.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable
from functools import partial

import numpy as np
import ot
import torch
from geomloss import ot as geomloss_ot
from torch import Tensor

from clirot.distillation.objectives.solvers import TransportProblem, geomloss_plan, sinkhorn_plan
from clirot.distillation.settings import PlanSettings

LADDER = (5, 10, 15, 20, 25, 30, 40, 60, 80, 100, 120, 140, 160, 180, 200, 240, 320, 640, 1280)
DIM = 384
SHARED = 2.0
DEFAULT = PlanSettings()

Solver = Callable[[TransportProblem, int], Tensor]


def drawn(
    batch: int, tokens: int, device: torch.device, shared: float = SHARED, shortest: int = 0
) -> TransportProblem:
    """Costs and marginals of a batch of sentences."""
    draw = torch.Generator().manual_seed(0)
    lengths = torch.randint(shortest or max(1, tokens // 2), tokens + 1, (2, batch), generator=draw)
    lengths[:, 0] = tokens
    common = shared * torch.randn(batch, 1, DIM, generator=draw)
    teacher, noise = torch.randn(2, batch, tokens, DIM, generator=draw)
    order = torch.randperm(tokens, generator=draw)
    student = teacher[:, order] + noise
    unit = [torch.nn.functional.normalize(one + common, dim=2) for one in (student, teacher)]
    place = torch.arange(tokens)
    a, b = ((place < lengths[side, :, None]).float() for side in (0, 1))
    return TransportProblem(
        (1 - torch.bmm(unit[0], unit[1].transpose(1, 2))).to(device),
        (a / a.sum(1, keepdim=True)).to(device),
        (b / b.sum(1, keepdim=True)).to(device),
    )


def error(problem: TransportProblem, plan: Tensor) -> float:
    """The mean marginal error of the batch; infinite for a plan that is not finite."""
    mean = float(problem.marginal_error(plan.double()).mean())
    return mean if np.isfinite(mean) else float("inf")


def alternating(problem: TransportProblem, iterations: int) -> Tensor:
    return sinkhorn_plan(problem, reg=DEFAULT.reg, iterations=iterations)


def geomloss(problem: TransportProblem, iterations: int) -> Tensor:
    return geomloss_plan(problem, reg=DEFAULT.reg, iterations=iterations)


def plain_geomloss(problem: TransportProblem, iterations: int) -> Tensor:
    plan: Tensor = geomloss_ot.solve_batch(
        problem.cost, a=problem.a, b=problem.b, reg=DEFAULT.reg, max_iter=iterations
    ).plan
    return plan


def pot_batched(problem: TransportProblem, iterations: int) -> Tensor:
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
    def solve(problem: TransportProblem, iterations: int) -> Tensor:
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
    "sinkhorn": alternating,
    "geomloss": geomloss,
    "plain solve_batch": plain_geomloss,
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
    parser.add_argument("--updates", action="store_true", help="count GeomLoss's updates")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")  # POT warns of plans that have not converged: that is measured
    if asked.updates:
        count_updates()
        return
    devices = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    for device in devices:
        print(
            f"reg {DEFAULT.reg}, {device}, {torch.get_num_threads()} threads, {asked.clock} time, "
            f"median of {asked.rounds}; milliseconds (iterations), the share that the time of "
            "sinkhorn is"
        )
        names = "".join(f"{one:>24}" for one in SOLVERS)
        print(f"{'batch':>5} {'tokens':>6} {'error':>8}  {names}")
        for batch in asked.batch or (16, 64, 256):
            for tokens in asked.tokens or (16, 32, 64, 128, 256):
                compare(drawn(batch, tokens, torch.device(device)), asked)
    if "cuda" not in devices:
        print("there is no GPU on this machine: compared on the CPU only")


def compare(problem: TransportProblem, asked: argparse.Namespace) -> None:
    target = error(problem, alternating(problem, DEFAULT.iterations))
    cells, mine = [], 0.0
    for name, solver in SOLVERS.items():
        ladder = (DEFAULT.iterations,) if name == "sinkhorn" else LADDER
        needed = next(
            (count for count in ladder if error(problem, solver(problem, count)) <= target * 1.01),
            None,
        )
        if needed is None:
            cells.append(f"{'not reached':>24}")
            continue
        spent = seconds(partial(solver, problem, needed), asked)
        mine = mine or spent
        cells.append(f"{f'{spent * 1000:.1f} ({needed}) {mine / spent:.2f}':>24}")
    batch, tokens = problem.a.shape
    print(f"{batch:>5} {tokens:>6} {target:>8.5f}  " + "".join(cells), flush=True)


def count_updates() -> None:
    """GeomLoss's updates that reach the error of some alternating ones, as a multiple of them."""
    print("sentences of 5 to 60 tokens: alternating updates, their error, GeomLoss's, the multiple")
    for shared in (0.5, SHARED):
        problem = drawn(8, 60, torch.device("cpu"), shared, shortest=5)
        for reg in (0.005, 0.01, 0.02, 0.05, 0.1):
            cells = []
            for count in (5, 10, 20, 40, 80):
                target = error(problem, sinkhorn_plan(problem, reg=reg, iterations=count))
                if target < 1e-4:  # the rounding of float32 is near
                    break
                needed = fewest(partial(geomloss_plan, problem, reg=reg), problem, target)
                cells.append(f"{count} ({target:.4f}) {needed}, {needed / count:.1f}")
            print(f"shared {shared}, reg {reg}: {'; '.join(cells)}", flush=True)


def fewest(solve: Callable[..., Tensor], problem: TransportProblem, target: float) -> int:
    """The fewest iterations that reach an error, by bisection."""
    low, high = 0, 1
    while error(problem, solve(iterations=high)) > target:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if error(problem, solve(iterations=middle)) > target:
            low = middle
        else:
            high = middle
    return high


def seconds(action: Callable[[], object], asked: argparse.Namespace) -> float:
    clock = time.perf_counter if asked.clock == "wall" else time.process_time
    spent = []
    for _ in range(asked.rounds):
        began = clock()
        action()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        spent.append(clock() - began)
    return statistics.median(spent)


if __name__ == "__main__":
    main()
