"""Two processes train what one trains: the same losses, gradients and student; none waits forever.

Real processes, on a CPU, started by ``torchrun`` as a person starts them.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from judged_collections import judged_config, save_judged
from tiny_model import save_bitext, save_tiny_model, tiny_config

from clirot.distillation import DistillConfig, distill
from clirot.distillation.settings import TrainingSettings
from clirot.distillation.training.sampling import LengthBucketedSampler
from clirot.encoding.encoders import load_model
from clirot.errors import UsageError
from clirot.processes import launched
from clirot.records import LanguagePair
from clirot.store import Store
from clirot.supervision import train

_TESTS = Path(__file__).parent
_TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
_HEAD = f"""
import os, sys
sys.path.insert(0, {str(_TESTS)!r})
import torch
# Full precision, so that what differs is the order of summation alone.
torch.cpu._is_amx_tile_supported = lambda: False
RANK = int(os.environ.get("RANK", "0"))
"""


def _together(program: Path | str, *arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    target = [str(program)] if isinstance(program, Path) else ["--module", program]
    return subprocess.run(
        [*_TORCHRUN, *target, *arguments],
        capture_output=True,
        text=True,
        timeout=560,
        check=False,
        env=os.environ | {"OMP_NUM_THREADS": "1", "CLIROT_HOME": str(home)},
    )


@pytest.mark.parametrize("rows", [50, 49, 3, 1])
@pytest.mark.parametrize("processes", [1, 2, 3])
def test_a_batch_is_shared_out_evenly_and_whole(rows: int, processes: int) -> None:
    def sampler(**sharing: tuple[int, int]) -> list[list[int]]:
        return list(LengthBucketedSampler(range(rows), batch_size=8, seed=1, **sharing))

    shares = [sampler(share=(rank, processes)) for rank in range(processes)]
    for whole, *parts in zip(sampler(), *shares, strict=True):
        assert len({len(part) for part in parts}) == 1 and parts[0]
        real = [row for part in parts for row in part if row != rows]
        assert sorted(real) == sorted(whole)
        assert sum(len(part) for part in parts) - len(real) < processes


def test_who_launched_this_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "WORLD_SIZE", "MASTER_ADDR"):
        monkeypatch.delenv(name, raising=False)
    assert launched() == (0, 1)
    monkeypatch.setenv("RANK", "3")  # other programs use the name too
    assert launched() == (0, 1)
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("MASTER_ADDR", "localhost")
    assert launched() == (3, 4)
    with pytest.raises(UsageError, match="a batch of 2 cannot be shared out among 4 processes"):
        distill(
            DistillConfig(pair=LanguagePair("en", "so"), training=TrainingSettings(batch_size=2))
        )


_LOSSES = """
from pathlib import Path
import numpy as np
from torch.nn.parallel import DistributedDataParallel
from clirot.encoding.encoders import load_model
from clirot.distillation.objectives.objective import OBJECTIVES, informed, objective_of
from clirot.distillation.settings import ObjectiveSettings
from clirot.distillation.objectives.tokens import SentenceTokens, TokenBatch
from clirot.distillation.objectives.transport import CorpusStatistics, Lexicon, Transform
from clirot.settings import assembled
from clirot.distillation.training.batches import Material
from clirot.distillation.training.batches import TokenLoss
from clirot.distillation.training.unused_parameters import pass_over_unused
from clirot.processes import processes
from clirot.distillation.training.reading import TokenReader
from clirot.distillation.training.trainer import _deterministic_body

class Teacher:
    def batch(self, rows, device):
        sentences = []
        for row in rows:
            generator, length = np.random.default_rng(row), 3 + row % 4
            vectors, layer = generator.standard_normal((2, length, 16)).astype(np.float32)
            sentences.append(
                SentenceTokens(
                    vectors / np.linalg.norm(vectors, axis=1, keepdims=True),
                    ids=generator.integers(5, 50, length),
                    special=np.arange(length) == 0,
                    norms=np.linalg.norm(vectors, axis=1),
                    layer=layer / np.linalg.norm(layer, axis=1, keepdims=True),
                )
            )
        return TokenBatch.padded(sentences, device)

texts = ["abc de", "fg", "hij klm no", "p", "qr stu", "abc de", "de"]  # one of them twice
MATERIAL = Material(sentences=texts, rows=range(7), sizes=[7], teacher=Teacher())

# A plan that asks for all that there is to know of a token.
KNOWING = {
    "marginals": "idf", "special_tokens": "drop", "teacher_layer": 1, "centring": "whiten",
    "lexical_prior": 0.3, "reg": 0.1,
}
generator = torch.Generator().manual_seed(1)
pairs = torch.randperm(60 * 60, generator=generator)[:900]
CORPUS = CorpusStatistics(
    student_idf=1 + torch.rand(60, generator=generator),
    teacher_idf=1 + torch.rand(60, generator=generator),
    transform=Transform.fitted(torch.randn(200, 16, generator=generator), whiten=True),
    lexicon=Lexicon(pairs // 60, pairs % 60, torch.rand(900, generator=generator)),
)

def loss_and_gradient(objective, rows, sides, together, shares):
    model = load_model(Path(sys.argv[1]), device="cpu").train()
    _deterministic_body(model)
    ours = shares[together.rank] if together is not None else rows
    if together:
        pass_over_unused(model, sides)
    wrapped = DistributedDataParallel(model) if together else model
    features = [model.preprocess([texts[row] for row in ours], task=side) for side in sides]
    with TokenReader(model, layer=1) as reader:
        given = [together] if together else []
        loss = TokenLoss(wrapped, objective, MATERIAL, sides, *given, read=reader.batch)
        value = loss(features, torch.tensor([row or -1 for row in ours]))  # 0 makes up the number
        value.backward()
    return value.detach(), {n: p.grad for n, p in model.named_parameters() if p.grad is not None}

with processes() as together:
    asked = [(name, {}) for name in [*OBJECTIVES, "transport+0.5*contrastive"]]
    asked += [("transport+0.5*transport-contrast", KNOWING), ("token-contrast", KNOWING)]
    asked += [("transport", {"marginals": "norm"})]
    for name, settings in asked:
        objective = informed(objective_of(name, assembled(ObjectiveSettings, settings)), CORPUS)
        # Three sentences against two with one to make up the number; and one against none.
        for rows, shares in (
            ([1, 2, 3, 4, 5], ([1, 3, 5], [2, 4, 0])),
            ([6], ([6], [0])),
        ):
            if len(rows) == 1 and objective.in_batch and "+" not in name:
                continue
            sides = ("query", "document") if len(rows) > 1 else ("query",)
            value, gradient = loss_and_gradient(objective, rows, sides, together, shares)
            mean = value.clone()
            torch.distributed.all_reduce(mean)
            mean /= together.count
            wanted, expected = loss_and_gradient(objective, rows, sides, None, shares)
            assert torch.allclose(mean, wanted, atol=1e-6), (name, mean, wanted)
            assert expected.keys() <= gradient.keys()
            for parameter, one in expected.items():
                near = torch.allclose(gradient[parameter], one, atol=1e-6, rtol=1e-4)
                assert near, (name, rows, parameter, gradient[parameter], one)
    if together.first:
        print("the same")
"""


def test_losses_and_gradients_are_those_of_one_process(tmp_path: Path) -> None:
    """Every objective, with a batch that does not divide and one smaller than the processes."""
    program = tmp_path / "losses.py"
    program.write_text(_HEAD + _LOSSES, encoding="utf-8")
    model = save_tiny_model(tmp_path / "tiny", seed=2)
    done = _together(program, str(model), home=tmp_path / "home")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "the same\n"


_DISTIL = """
from clirot.cli import main
if os.environ.get("DIES"):
    from clirot.distillation.training.batches import TokenLoss
    whole, steps = TokenLoss.forward, 0
    def forward(self, *arguments):
        global steps
        steps += 1
        if RANK == 1 and steps == 12:
            os._exit(9)
        return whole(self, *arguments)
    TokenLoss.forward = forward
main()
"""


def _arguments(teacher: Path, bitext: Path) -> list[str]:
    line = "distill --src en --tgt so --epochs 2 --batch-size 16 --vocabulary 200 --max-tokens 48 "
    line += "--learning-rate 1e-3 --objective transport+0.5*contrastive --name one "
    line += "--marginals idf --lexical-prior 0.2"  # which the first process alone works out
    return [*line.split(), "--teacher", str(teacher), "--file", str(bitext)]


def test_two_processes_make_the_student_of_one_also_after_one_has_died(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "program.py"
    program.write_text(_HEAD + _DISTIL, encoding="utf-8")
    teacher = save_tiny_model(tmp_path / "tiny", seed=4)
    bitext = save_bitext(tmp_path / "pairs.tsv")
    arguments = _arguments(teacher, bitext)
    home = tmp_path / "two"
    with monkeypatch.context() as patched:
        patched.setenv("DIES", "1")
        died = _together(program, *arguments, home=home)
    assert died.returncode != 0 and died.stdout == ""
    assert not Store(home).names("models")
    assert any((home / "models" / ".one.part").glob("scratch/checkpoints/*/whole"))
    done = _together(program, *arguments, home=home)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "one\n"  # the first process alone speaks
    assert done.stderr.count("MAP on the development split") == 1

    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    alone = distill(
        tiny_config(
            teacher,
            bitext,
            embedding_learning_rate=TrainingSettings.embedding_learning_rate,
            new_embedding_learning_rate=TrainingSettings.new_embedding_learning_rate,
            objective="transport+0.5*contrastive",
            marginals="idf",
            lexical_prior=0.2,
            name="one",
        )
    )
    made = Store(home).get("models", "one")
    assert made.manifest.fingerprint == alone.artefact.manifest.fingerprint
    expected = alone.artefact.manifest.results
    found = made.manifest.results
    assert [pairs for pairs, _ in found["loss_curve"]] == [n for n, _ in expected["loss_curve"]]
    assert [loss for _, loss in found["loss_curve"]] == pytest.approx(
        [loss for _, loss in expected["loss_curve"]], rel=1e-3
    )
    assert found["development_map"] == pytest.approx(expected["development_map"], abs=0.02)
    ours, theirs = (load_model(one.path).state_dict() for one in (made, alone.artefact))
    for name, value in theirs.items():
        assert torch.allclose(ours[name], value, atol=2e-3), name


def test_an_error_of_the_first_process_ends_the_others(tmp_path: Path) -> None:
    teacher = save_tiny_model(tmp_path / "tiny", seed=4)
    few = save_bitext(tmp_path / "few.tsv", count=12)
    done = _together("clirot", *_arguments(teacher, few), home=tmp_path / "home")
    assert done.returncode != 0 and done.stdout == ""
    assert done.stderr.count("error: too little bitext to train on: 12 pairs") == 1
    assert not Store(tmp_path / "home").names("models")


_JUDGED = """
from pathlib import Path
from judged_collections import judged_config
from torch.nn.parallel import DistributedDataParallel
from clirot.distillation.training.unused_parameters import pass_over_unused
from clirot.processes import ALONE, processes
from clirot.distillation.training.reading import prompt_of
from clirot.distillation.training.trainer import _deterministic_body
from clirot.encoding.encoders import load_model
from clirot.supervision import train
from clirot.supervision.losses import LOSSES

base, collection = sys.argv[1:]
CONFIG = judged_config(base, Path(collection), mini_batch=2, epochs=1)
TEXTS = [("abc", "abc de", "fg", "h"), ("ij", "i", "klm no", "pq"), ("r", "s", "tu", "v w"),
         ("xy", "yz", "a", "bc")]
SCORES = torch.rand(4, 3, generator=torch.Generator().manual_seed(1))

def loss_and_gradient(name, rows, together):
    model = load_model(Path(base), device="cpu").train()
    _deterministic_body(model)
    if together is not ALONE:
        pass_over_unused(model, ("query", "document"))
    wrapped = DistributedDataParallel(model) if together is not ALONE else model
    sides = ("query", "document", "document", "document")
    columns = zip(*(TEXTS[row] for row in rows))
    features = [
        model.preprocess(list(column), task=side, prompt=prompt_of(model, side))
        for column, side in zip(columns, sides)
    ]
    loss = LOSSES[name].made(wrapped, CONFIG.training, together)
    value = loss(features, SCORES[list(rows)])
    value.backward()
    return value.detach(), {n: p.grad for n, p in model.named_parameters() if p.grad is not None}

with processes() as together:
    for name in LOSSES:
        value, gradient = loss_and_gradient(name, range(together.rank, 4, 2), together)
        mean = value.clone()
        torch.distributed.all_reduce(mean)
        wanted, expected = loss_and_gradient(name, range(4), ALONE)
        assert torch.allclose(mean / 2, wanted, atol=1e-6), (name, mean / 2, wanted)
        for parameter, one in expected.items():
            near = torch.allclose(gradient[parameter], one, atol=1e-6, rtol=1e-4)
            assert near, (name, parameter, gradient[parameter], one)
    if together.first:
        print("the same")
    result = train(CONFIG)
    if together.first:
        print(result.name, result.fresh)
"""


def test_two_processes_train_on_judged_topics_as_one_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "judged.py"
    program.write_text(_HEAD + _JUDGED, encoding="utf-8")
    base = save_tiny_model(tmp_path / "tiny", seed=2)
    collection = save_judged(tmp_path / "set")
    done = _together(program, str(base), str(collection), home=tmp_path / "two")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "the same\ntrained True\n"
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    alone = train(judged_config(base, collection, mini_batch=2, epochs=1))
    made = Store(tmp_path / "two").get("models", "trained")
    assert made.manifest.fingerprint == alone.artefact.manifest.fingerprint
    expected, found = alone.artefact.manifest.results, made.manifest.results
    assert found["loss_curve"] == [
        [groups, pytest.approx(loss, rel=1e-3)] for groups, loss in expected["loss_curve"]
    ]
    assert found["development"] == pytest.approx(expected["development"], abs=0.02)
    with monkeypatch.context() as patched:
        for name, value in (("RANK", "0"), ("WORLD_SIZE", "3"), ("MASTER_ADDR", "localhost")):
            patched.setenv(name, value)
        with pytest.raises(UsageError, match="a batch of 8 groups cannot be shared out evenly"):
            train(judged_config(base, collection))
