"""What a large vocabulary costs: training its rows that occur against the whole table, and pruning.

    python benchmarks/vocabulary.py
    python benchmarks/vocabulary.py --model DIR --text FILE    # also: size before, after pruning

Trains a student of multilingual-e5-small's shape with random weights (12 layers of 384 dimensions,
250,002 subwords), with clirot's trainer and token-contrast+contrastive, on made-up sentences of 8
to 40 words out of 6,000, in batches of 32. Once as ever, and once with the whole table of input
embeddings. The longer the sentences, the less the table costs beside the rest. Every run is a
process of its own; rounds alternate; what is shown are medians.

Pairs a second are timed from the end of the second step to the end of the last one. Memory is the
most that the process had (RSS), checkpoint included, and the bytes of the optimiser's state. The
goal: at least 1.5 times as fast, a third of the optimiser's memory.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

WORDS, OCCURRING, DIM = 250_002, 6_000, 384
FASTER, MEMORY = 1.5, 1 / 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=320)
    parser.add_argument("--words", type=int, nargs=2, default=(8, 40), help="in a sentence")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--clock",
        choices=["wall", "cpu"],
        default="wall",
        help="cpu: processor time, for a machine that others use; with OMP_NUM_THREADS=1",
    )
    parser.add_argument("--model", type=Path, help="an encoder to prune")
    parser.add_argument("--text", type=Path, help="text to prune it to, a sentence a line")
    parser.add_argument("--one", choices=["rows", "table"], help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one is not None:
        print(json.dumps(trained(asked)))
        return
    if asked.rounds:
        compare(asked)
    if asked.model is not None and asked.text is not None:
        prune(asked.model, asked.text)


def compare(asked: argparse.Namespace) -> None:
    """Print a Markdown table of both, and whether the goals are met."""
    runs: dict[str, list[dict[str, float]]] = {"rows": [], "table": []}
    for _ in range(asked.rounds):
        for name, found in runs.items():
            command = [sys.executable, __file__, "--one", name, "--clock", asked.clock]
            command += ["--pairs", str(asked.pairs), "--batch-size", str(asked.batch_size)]
            command += ["--words", *map(str, asked.words)]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            found.append(json.loads(done.stdout.splitlines()[-1]))
    print("{} to {} words, ".format(*asked.words), end="")
    print(f"{asked.pairs} pairs, batches of {asked.batch_size}, {asked.clock} time", end=", ")
    print(f"{asked.rounds} rounds, load average {os.getloadavg()[0]:.2f}\n")
    print("| trained | pairs/s | rounds | peak RSS MB | optimiser MB | rows |")
    print("|---|---:|---|---:|---:|---:|")
    median = {
        name: {key: statistics.median(one[key] for one in found) for key in found[0]}
        for name, found in runs.items()
    }
    for name, one in median.items():
        rates = " ".join(f"{run['rate']:.1f}" for run in runs[name])
        print(
            f"| {name} | {one['rate']:.1f} | {rates} | {one['rss'] / 1e6:,.0f} "
            f"| {one['optimiser'] / 1e6:,.0f} | {one['rows']:,.0f} |"
        )
    faster = median["rows"]["rate"] / median["table"]["rate"]
    memory = median["rows"]["optimiser"] / median["table"]["optimiser"]
    for what, value, met in (
        ("times as fast", faster, faster >= FASTER),
        ("of the optimiser's memory", memory, memory <= MEMORY),
        ("of the peak", median["rows"]["rss"] / median["table"]["rss"], True),
    ):
        print(f"{value:.2f} {what}{'' if met else ': the goal is MISSED'}")


def trained(asked: argparse.Namespace) -> dict[str, float]:
    """Train for an epoch in this process, with the rows that occur or with the whole table."""
    from clirot.distillation.objectives.objective import objective_of
    from clirot.distillation.settings import TrainingSettings
    from clirot.distillation.training import trainer
    from clirot.distillation.training.batches import Material, Task
    from clirot.distillation.training.development import Development, Split
    from clirot.records import SentencePair, Step

    if asked.one == "table":
        vars(trainer)["occurring_rows"] = whole_table
    marks: list[tuple[int, float]] = []
    found: dict[str, float] = {}
    train = trainer._Trainer.train

    def watched(self: Any, *arguments: Any, **given: Any) -> Any:
        out = train(self, *arguments, **given)
        state = self.optimizer.state.values()
        found["optimiser"] = sum(
            value.nbytes for one in state for value in one.values() if hasattr(value, "nbytes")
        )
        found["rows"] = len(self.model[0].auto_model.get_input_embeddings().weight)
        return out

    trainer._Trainer.train = watched  # type: ignore[method-assign]

    def note(step: Step) -> None:
        if step.label == "distill":
            clock = time.perf_counter if asked.clock == "wall" else time.process_time
            marks.append((step.done, clock()))

    texts = sentences(asked.pairs, *asked.words)
    with tempfile.TemporaryDirectory() as folder:
        tokens = teacher(texts, Path(folder))
        pairs = [SentencePair(text, text) for text in texts[:2]]
        task = Task(
            settings=TrainingSettings(epochs=1, batch_size=asked.batch_size),
            objective=objective_of("token-contrast+contrastive"),
            temperature=1.0,  # measured on two pairs, which nothing depends on
            material=Material(
                sentences=texts, rows=range(len(texts)), sizes=[len(texts)], teacher=tokens
            ),
            scratch=Path(folder),
        )
        development = Development.of(
            Split([], pairs), {pair.src: tokens[row] for row, pair in enumerate(pairs)}
        )
        trainer.train(student(), task, {"so": development}, progress=note)
    (first, began), (last, ended) = marks[1], marks[-1]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # KiB on Linux
    return {**found, "rate": (last - first) / (ended - began), "rss": peak * 1024}


@contextmanager
def whole_table(*_: object) -> Iterator[None]:
    """What training would be without :mod:`clirot.distillation.training.vocabulary`."""
    yield


def sentences(count: int, shortest: int, longest: int) -> list[str]:
    """Sentences of so many words, and what is then left of the words that occur."""
    chance = random.Random(1)
    words = chance.sample(range(5, WORDS), OCCURRING)
    found = [chance.choices(words, k=chance.randint(shortest, longest)) for _ in range(count)]
    left = sorted({*words}.difference(*found))
    for place, word in enumerate(left):
        found[place % count].append(word)
    return [" ".join(f"w{word}" for word in sentence) for sentence in found]


def teacher(texts: Sequence[str], folder: Path) -> Any:
    """Vectors of as many tokens as a sentence has words."""
    import numpy as np

    from clirot.distillation.training.teacher_tokens import teacher_tokens

    class Random:
        name, digest, dim = "random", "0" * 64, DIM

        def encode(self, texts: Sequence[str], **_: object) -> list[Any]:
            generator = np.random.default_rng(1)
            found = [
                generator.standard_normal((len(text.split()), DIM), dtype=np.float32)
                for text in texts
            ]
            return [one / np.linalg.norm(one, axis=1, keepdims=True) for one in found]

    return teacher_tokens(Random(), texts, cache=folder)


def student() -> Any:
    """An encoder of multilingual-e5-small's shape whose words are ``w5`` to ``w250001``."""
    import torch
    from sentence_transformers import MultiVectorEncoder
    from sentence_transformers.base.modules import Normalize, Transformer
    from sentence_transformers.multi_vector_encoder.modules import MultiVectorMask
    from tokenizers import Tokenizer, pre_tokenizers, processors
    from tokenizers.models import WordLevel
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    words = {one: place for place, one in enumerate(special)}
    words |= {f"w{place}": place for place in range(len(special), WORDS)}
    tokenizer = Tokenizer(WordLevel(words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        **dict(zip(("bos_token", "pad_token", "eos_token", "unk_token"), special, strict=False)),
        model_max_length=512,
    )
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=WORDS,
        hidden_size=DIM,
        num_hidden_layers=12,
        num_attention_heads=12,
        intermediate_size=4 * DIM,
        pad_token_id=1,
    )
    with tempfile.TemporaryDirectory() as folder:
        BertModel(config).save_pretrained(folder)
        fast.save_pretrained(folder)
        backbone = Transformer.load(folder)
        for parameter in backbone.parameters():  # not read from a file that is gone
            parameter.data = parameter.data.clone()
    return MultiVectorEncoder(
        modules=[backbone, MultiVectorMask(), Normalize(module_input_name="token_embeddings")],
        device="cpu",
    )


def prune(path: Path, text: Path) -> None:
    """Print the size of an encoder, saved before and after pruning to a text."""
    from clirot.distillation.pruning import prune as pruned
    from clirot.encoding.encoders import load_model, save_model

    lines = [line for line in text.read_text(encoding="utf-8").splitlines() if line.strip()]
    random.Random(1).shuffle(lines)
    held = min(500, len(lines) // 10)
    model = load_model(path, device="cpu")
    sizes = []
    with tempfile.TemporaryDirectory() as folder:
        for name in ("before", "after"):
            if name == "after":
                figures = pruned(model, lines[held:], lines[:held], sides=["query"]).figures
            save_model(model, Path(folder) / name)
            files = (Path(folder) / name).rglob("*")
            sizes.append(sum(one.stat().st_size for one in files if one.is_file()))
    print(f"\n{path.name}, {len(lines):,} lines of {text.name}, {held} of them held out:")
    print(f"{figures['pieces_before']:,} pieces, {sizes[0] / 1e6:,.1f} MB before", end="; ")
    print(f"{figures['pieces_after']:,} pieces, {sizes[1] / 1e6:,.1f} MB after")
    print(f"held out: {figures['development_pieces']:.2%} of the pieces not in the rest", end=", ")
    print(f"{figures['development_words']:.2%} of the words cut otherwise")


if __name__ == "__main__":
    main()
