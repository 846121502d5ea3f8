"""Training speed: ``clirot distill`` against sentence-transformers' multilingual MSE distillation.

    python benchmarks/distillation.py --tgt so --source hornmt            # 960 pairs, three rounds
    python benchmarks/distillation.py --tgt so --file pairs.tsv.gz --objective transport

Theirs is the stock recipe (``MSELoss`` over mean-pooled sentence vectors, the student reads both
sides of a pair: Reimers and Gurevych 2020), and the same with the target side alone. Both train the
same student (the transplant), from the same teacher, in batches of the same size, over the same
pairs, with fused AdamW, and are timed from the end of the second step to the end of the last: no
loading, no teacher, no evaluation. Rounds alternate; the ratio is of the medians.

Below it, what a step is made of: the forward and backward pass of the objective and of its terms,
and the transport plans among them, on the token vectors of the same batches, as shares of clirot's
step.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset, disable_progress_bars
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer
from sentence_transformers.base.modules import Transformer
from sentence_transformers.sentence_transformer.losses import MSELoss
from sentence_transformers.sentence_transformer.modules import Pooling
from sentence_transformers.sentence_transformer.training_args import (
    SentenceTransformerTrainingArguments,
)
from transformers import PrinterCallback, TrainerCallback

from clirot.bitext import load_bitext, stored_sources
from clirot.distillation import DistillConfig, distill
from clirot.distillation.objectives.objective import Objective, objective_of, transports
from clirot.distillation.objectives.tokens import TokenBatch
from clirot.distillation.settings import TrainingSettings
from clirot.distillation.training.batches import Material, Task
from clirot.distillation.training.development import Development, Split
from clirot.distillation.training.teacher_tokens import TeacherTokens, teacher_tokens
from clirot.distillation.training.trainer import best_device, bfloat16_pays, train
from clirot.encoding.encoders import load_encoder, load_model
from clirot.encoding.libraries import quiet_libraries
from clirot.models import resolve
from clirot.records import LanguagePair, SentencePair, Step
from clirot.store import Store


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tgt", default="so")
    parser.add_argument("--source", action="append", default=[])
    parser.add_argument("--file", action="append", default=[], type=Path)
    parser.add_argument("--pairs", type=int, default=960)
    parser.add_argument("--batch-size", type=int, default=TrainingSettings.batch_size)
    parser.add_argument("--objective", default=DistillConfig.objective)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--clock",
        choices=["wall", "cpu"],
        default="wall",
        help="cpu: processor time, for a machine that others use; with OMP_NUM_THREADS=1",
    )
    asked = parser.parse_args()
    disable_progress_bars()
    with tempfile.TemporaryDirectory() as folder, quiet_libraries():
        store = Store(Path(folder) / "home")
        pair = LanguagePair.of("en", asked.tgt)
        config = DistillConfig(
            pair=pair,
            sources=tuple(asked.source),
            files=tuple(asked.file),
            objective="none",
            name="start",
        )
        distill(config, store=store)
        # Evenly over the bitext: sources differ in the length of their sentences.
        every = load_bitext(store, pair, stored_sources(store, pair)).pairs
        chosen = np.linspace(0, len(every) - 1, min(asked.pairs, len(every))).astype(int)
        compare(asked, store, [every[row] for row in chosen])


def compare(asked: argparse.Namespace, store: Store, pairs: list[SentencePair]) -> None:
    teacher = load_encoder(resolve(DistillConfig.teacher, store), side="document")
    tokens = teacher_tokens(teacher, [pair.src for pair in pairs], cache=store.home / "cache")
    targets = np.stack([tokens[row].mean(axis=0) for row in range(len(pairs))])
    start = resolve("start", store).path
    print(
        f"{len(pairs)} pairs, batches of {asked.batch_size}, objective {asked.objective}, "
        f"{best_device()}, {torch.get_num_threads()} threads, {asked.clock} time, "
        f"torch {torch.__version__}"
    )
    runs: dict[str, list[float]] = {"clirot": [], "stock, both sides": [], "stock, target side": []}
    for number in range(asked.rounds):
        folder = store.home / f"round-{number}"
        runs["clirot"].append(ours(asked, start, pairs, tokens, folder))
        for name, both in (("stock, both sides", True), ("stock, target side", False)):
            runs[name].append(theirs(asked, start, pairs, targets, folder / name, both=both))
    mine = statistics.median(runs["clirot"])
    print(f"{'pairs a second':22}{'median':>8}{'clirot is':>12}   rounds")
    for name, rates in runs.items():
        median = statistics.median(rates)
        every = " ".join(f"{rate:.1f}" for rate in rates)
        print(f"{name:22}{median:>8.1f}{mine / median:>10.2f} x   {every}")
    share(asked, start, pairs, tokens, asked.batch_size / mine)


def ours(
    asked: argparse.Namespace,
    start: Path,
    pairs: Sequence[SentencePair],
    tokens: TeacherTokens,
    scratch: Path,
) -> float:
    """Pairs a second of clirot's trainer."""
    marks: list[tuple[int, float]] = []

    def note(step: Step) -> None:
        if step.label == "distill":
            marks.append((step.done, now(asked)))

    held = list(pairs[:2])
    development = Development.of(
        Split([], held), {pair.src: tokens[row] for row, pair in enumerate(held)}
    )
    scratch.mkdir(parents=True)
    task = Task(
        settings=TrainingSettings(epochs=1, batch_size=asked.batch_size),
        objective=objective_of(asked.objective),
        temperature=1.0,  # measured on two pairs, which nothing depends on
        material=Material(
            sentences=[pair.tgt for pair in pairs],
            rows=range(len(pairs)),
            sizes=[len(pairs)],
            teacher=tokens,
        ),
        scratch=scratch,
    )
    train(load_model(start), task, {asked.tgt: development}, progress=note)
    return rate(marks)


class Clock(TrainerCallback):
    """Notes the end of every step."""

    def __init__(self, asked: argparse.Namespace, sentences: int) -> None:
        self._asked = asked
        self._sentences = sentences
        self.marks: list[tuple[int, float]] = []

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.marks.append((round(state.epoch * self._sentences), now(self._asked)))


def theirs(
    asked: argparse.Namespace,
    start: Path,
    pairs: Sequence[SentencePair],
    targets: np.ndarray,
    folder: Path,
    *,
    both: bool,
) -> float:
    """Pairs a second of sentence-transformers' trainer with its multilingual recipe."""
    backbone = Transformer.load(str(start))
    model = SentenceTransformer(modules=[backbone, Pooling(backbone.get_embedding_dimension())])
    model.max_seq_length = TrainingSettings.max_tokens
    columns: dict[str, list[Any]] = {"english": [pair.src for pair in pairs]} if both else {}
    columns |= {"non_english": [pair.tgt for pair in pairs], "label": targets.tolist()}
    clock = Clock(asked, len(pairs))
    trainer = SentenceTransformerTrainer(
        model=model,
        args=SentenceTransformerTrainingArguments(
            output_dir=str(folder),
            num_train_epochs=1,
            per_device_train_batch_size=asked.batch_size,
            learning_rate=2e-5,
            optim="adamw_torch_fused",
            bf16=bfloat16_pays(best_device()),
            save_strategy="no",
            eval_strategy="no",
            report_to="none",
            disable_tqdm=True,
            logging_strategy="no",
            use_cpu=best_device() == "cpu",
            dataloader_pin_memory=best_device() == "cuda",
        ),
        train_dataset=Dataset.from_dict(columns),
        loss=MSELoss(model),
        callbacks=[clock],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    return rate(clock.marks)


def now(asked: argparse.Namespace) -> float:
    """Seconds, by the clock that was asked for."""
    return time.perf_counter() if asked.clock == "wall" else time.process_time()


def rate(marks: Sequence[tuple[int, float]]) -> float:
    """Pairs a second, from the end of the second step (the first warms up) to the last."""
    (first, began), (last, ended) = marks[1], marks[-1]
    return (last - first) / (ended - began)


def share(
    asked: argparse.Namespace,
    start: Path,
    pairs: Sequence[SentencePair],
    tokens: TeacherTokens,
    step: float,
) -> None:
    """Seconds of the objective, of its terms and its plans, on batches of like length.

    Of objectives forward and backward; a plan has no backward pass.
    """
    model = load_model(start)
    device = torch.device(best_device())
    objective = objective_of(asked.objective)
    order = sorted(range(len(pairs)), key=lambda row: len(pairs[row].tgt))
    parts: dict[str, Callable[[TokenBatch, TokenBatch], object]] = {
        "the objective": trained(objective)
    }
    terms = asked.objective.split("+")
    for name in terms:
        term = objective_of(name)
        if len(terms) > 1:
            parts[name] = trained(term)
        for one in transports(term):
            parts[f"the plan of {name}"] = one.plan_and_cost
    seconds: dict[str, list[float]] = {name: [] for name in parts}
    for begin in range(0, len(order) - asked.batch_size + 1, asked.batch_size):
        rows = order[begin : begin + asked.batch_size]
        student = TokenBatch.padded(
            [
                vectors.cpu().numpy()
                for vectors in model.encode_query([pairs[row].tgt for row in rows])
            ],
            device,
        )
        student.vectors.requires_grad_()
        teacher = tokens.batch(rows, device)
        for name, part in parts.items():
            began = now(asked)
            part(student, teacher)
            if device.type == "cuda":
                torch.cuda.synchronize()
            seconds[name].append(now(asked) - began)
            student.vectors.grad = None
    print(f"a step {step * 1000:.0f} ms, of it")
    for name, each in seconds.items():
        mean = statistics.mean(each)
        print(f"  {name:28}{mean * 1000:>8.1f} ms {mean / step:>6.1%}")


def trained(objective: Objective) -> Callable[[TokenBatch, TokenBatch], None]:
    """An objective's forward and backward pass."""

    def both(student: TokenBatch, teacher: TokenBatch) -> None:
        torch.autograd.backward(objective.loss(student, teacher))

    return both


if __name__ == "__main__":
    main()
