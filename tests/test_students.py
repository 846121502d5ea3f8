"""How students start: the union vocabulary, the transplanted embeddings, the projection."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_model import encoded_without_clirot, save_tiny_model

from clirot.distillation.settings import TransplantSettings
from clirot.distillation.start import with_dimension
from clirot.distillation.transplantation import transplant, union_vocabulary
from clirot.encoding.encoders import load_model
from clirot.errors import ChoiceNotice, UsageError
from clirot.records import SentencePair

_CONFIG = TransplantSettings(vocabulary=200, same_spelling=3.0, sharpness=2.0)


@pytest.fixture(scope="module")
def teacher_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("teacher") / "tiny", seed=1)


def _pairs() -> list[SentencePair]:
    words = {"a": "अ", "b": "बी", "c": "चि", "d": "डे", "e": "ऐ"}
    texts = ["a b", "b c", "c d", "d e", "e a", "a c", "b d", "c e", "a d", "b e"] * 3
    return [SentencePair(t, " ".join(words[w] for w in t.split())) for t in texts]


def test_vowel_signs_and_tone_marks_survive_the_tokenizer(teacher_path: Path) -> None:
    teacher = load_model(teacher_path).tokenizer
    union = union_vocabulary(
        teacher, [["किताब किताब", "ọ̀rọ̀ ọ̀rọ̀", "Ôtô ÔTÔ"]], size=400, max_tokens=64
    )
    for text, whole in (("किताब", "किताब"), ("ọ̀rọ̀", "ọ̀rọ̀"), ("ÔTÔ", "ôtô")):
        ids = union.tokenizer(text, add_special_tokens=False)["input_ids"]
        assert union.tokenizer.unk_token_id not in ids
        assert union.tokenizer.decode(ids) == whole


def test_long_words_and_joiners_are_kept(teacher_path: Path) -> None:
    teacher = load_model(teacher_path).tokenizer
    thai, joined = "กขคง" * 300, "र्\u200dया می\u200cخواهم"
    union = union_vocabulary(teacher, [[thai, joined, joined]], size=400, max_tokens=4096)
    for text in (thai, joined, "control\x00led"):
        ids = union.tokenizer(text, add_special_tokens=False)["input_ids"]
        assert union.tokenizer.unk_token_id not in ids
    assert "\u200d" in union.tokenizer.decode(union.tokenizer(joined)["input_ids"])


def test_the_teachers_vocabulary_keeps_its_ids(teacher_path: Path) -> None:
    teacher = load_model(teacher_path).tokenizer
    union = union_vocabulary(teacher, [["xyz xyz abc abc"]], size=300, max_tokens=64)
    theirs, ours = teacher.get_vocab(), union.tokenizer.get_vocab()
    assert all(ours[piece] == row for piece, row in theirs.items())
    assert union.n_teacher == len(theirs) < len(ours)
    assert min(union.target_ids) >= 5  # no special token counts as a subword of the language


def test_the_same_text_gives_the_same_vocabulary_in_every_process(teacher_path: Path) -> None:
    program = (
        "import sys, random; from clirot.distillation.transplantation import _learn; "
        "words = [chr(97 + i) + chr(97 + j) + chr(97 + (i * j) % 26) "
        "for i in range(26) for j in range(26)]; "
        "print(' '.join(_learn([' '.join(words), ' '.join(words[::-1])], 900)))"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", program], check=True, capture_output=True, text=True
        ).stdout
        for _ in range(3)
    }
    assert len(found) == 1
    assert len(found.pop().split()) > 100


def test_a_subword_gets_the_embedding_of_its_translation(teacher_path: Path) -> None:
    model = load_model(teacher_path)
    before = model[0].auto_model.get_input_embeddings().weight.detach().clone()
    english_id = {w: model.tokenizer.convert_tokens_to_ids(w) for w in "abcde"}
    figures = transplant(model, [_pairs()], _CONFIG)
    after = model[0].auto_model.get_input_embeddings().weight.detach()
    assert torch.equal(after[: len(before)], before)
    assert figures["vocabulary"] == len(after) == len(model.tokenizer)
    for word, target in {"b": "बी", "c": "चि", "d": "डे"}.items():
        row = model.tokenizer.convert_tokens_to_ids(target)
        assert row >= len(before)
        nearest = torch.cdist(after[row][None], before)[0].argmin().item()
        assert nearest == english_id[word]


def test_like_spelled_words_move_only_as_far_as_the_evidence_goes(teacher_path: Path) -> None:
    def moved(same_spelling: float) -> float:
        model = load_model(teacher_path)
        row = model.tokenizer.convert_tokens_to_ids("b")
        before = model[0].auto_model.get_input_embeddings().weight.detach()[row].clone()
        pairs = [SentencePair(p.src, p.src[::-1].replace("a", "b")) for p in _pairs()]
        transplant(
            model,
            [pairs],
            TransplantSettings(vocabulary=200, same_spelling=same_spelling, sharpness=2.0),
        )
        after = model[0].auto_model.get_input_embeddings().weight.detach()[row]
        return float((after - before).norm())

    assert moved(1e9) < 1e-4 < moved(100.0) < moved(1.0)


def test_a_transplanted_student_loads_without_clirot(teacher_path: Path, tmp_path: Path) -> None:
    model = load_model(teacher_path)
    transplant(model, [_pairs()], _CONFIG)
    expected = model.encode_query(["बी चि"])[0].numpy()
    model.save_pretrained(str(tmp_path / "student"), create_model_card=False)
    found = encoded_without_clirot(tmp_path / "student", "बी चि", tmp_path)
    assert np.allclose(found, expected, atol=1e-6)


def test_a_teacher_that_is_not_wordpiece_is_refused_with_a_way_out() -> None:
    from tokenizers import Tokenizer
    from tokenizers.models import BPE
    from transformers import PreTrainedTokenizerFast

    bpe = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(BPE()))
    with pytest.raises(UsageError, match="BPE") as caught:
        union_vocabulary(bpe, [["a"]], size=100, max_tokens=8)
    assert "`student=xlm-r-base`" in (caught.value.hint or "")


def test_an_encoder_of_another_width_gets_a_projection_that_keeps_angles(tmp_path: Path) -> None:
    wide = load_model(save_tiny_model(tmp_path / "wide", seed=2, hidden=32))
    narrow = with_dimension(load_model(save_tiny_model(tmp_path / "same", seed=2, hidden=16)), 16)
    assert narrow.encode_query(["abc"])[0].shape[1] == 16
    torch.manual_seed(0)
    with pytest.warns(ChoiceNotice, match="have 32 entries and the teacher's 16"):
        student = with_dimension(wide, 16)
    vectors = student.encode_query(["abc def"])[0]
    assert vectors.shape[1] == 16
    assert torch.allclose(vectors.norm(dim=1), torch.ones(len(vectors)), atol=1e-5)
    weight = student[1].linear.weight.detach()
    assert torch.allclose(weight @ weight.T, torch.eye(16), atol=1e-5)


@pytest.mark.parametrize("bad", [{"vocabulary": 5}, {"same_spelling": -1.0}, {"sharpness": 0.0}])
def test_settings_that_make_no_sense_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="must"):
        TransplantSettings(**({"vocabulary": 200, "same_spelling": 3.0, "sharpness": 2.0} | bad))
