"""``answer``: what is read, what is written, what is kept, and what is refused.

The counting model of ``tiny_readers`` is the oracle: its answer is the word of its prompt that can
be counted by hand. transformers' own ``generate`` is the judge of a model with learnt positions.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from tiny_families import save_llama, save_t5
from tiny_hub import Hub
from tiny_model import save_tiny_model
from tiny_readers import ANSWERS, CHAT, counted, save_counter, save_gpt2, words
from tiny_translators import save_nllb
from typer.testing import CliRunner

import clirot
from clirot.cli import app
from clirot.cut_texts import AtLeast
from clirot.encoding import overflow
from clirot.errors import ClirotError, InputError, UnknownNameError, UsageError
from clirot.known_models import KNOWN
from clirot.models import resolve
from clirot.records import Step
from clirot.retrieval.answering.answers import Answers, answer
from clirot.retrieval.answering.configuration import AnswerConfig, WritingSettings
from clirot.retrieval.answering.fitting import fitted
from clirot.retrieval.answering.prompts import FROM_MEMORY, FROM_PASSAGES, in_languages
from clirot.retrieval.answering.reader import Reader
from clirot.settings import assembled
from clirot.store import Store

DOCUMENTS = {
    "d1": "cusbo cusbo cusbo dayax",
    "d2": "dayax dayax",
    "d3": "roob roob roob roob",
    "d4": "shimbir",
    "d5": "",
}
TOPICS = {"q2": "maxaa cad roob", "q1": "maxaa cad", "q3": "maxaa cad shimbir"}
RUN = """\
q1 Q0 d1 1 3.0 x
q1 Q0 d2 2 2.0 x
q1 Q0 d3 3 1.0 x
q2 Q0 d2 1 2.0 x
q2 Q0 d5 2 1.0 x
"""
FOUND = {"q1": ["d1", "d2", "d3"], "q2": ["d2", "d5"], "q3": []}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("readers")
    save_counter(folder / "counter")
    save_counter(folder / "chatting", template=CHAT)
    save_counter(folder / "endless", ends=False)
    save_gpt2(folder / "gpt2")
    return folder


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with the collection ``set`` and the run ``found.run``."""
    monkeypatch.chdir(tmp_path)
    Path("set").mkdir()
    rows = {"docs.so.tsv": DOCUMENTS, "queries.so.tsv": TOPICS}
    for name, texts in rows.items():
        text = "".join(f"{identifier}\t{one}\n" for identifier, one in texts.items())
        Path("set", name).write_text(text)
    Path("found.run").write_text(RUN)
    return tmp_path


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """The prompts that a model was given, as ids."""
    prompts: list[list[int]] = []
    real = Reader._written

    def counting(self: Reader, batch: list[list[int]]) -> Any:
        prompts.extend(batch)
        return real(self, batch)

    monkeypatch.setattr(Reader, "_written", counting)
    return prompts


def ready(model: Path | str, **more: Any) -> Answers:
    given = {"model": str(model), "collection": "set", "run": "found.run", "max_tokens": 6}
    if more.get("closed_book"):
        del given["run"]
    return answer(assembled(AnswerConfig, given | more))


def answers(model: Path | str, **more: Any) -> dict[str, str]:
    return {row.id: row.text for row in ready(model, **more).rows()}


def expected(k: int = 5, template: str = FROM_PASSAGES) -> dict[str, str]:
    """What the counting model has to answer, from the texts alone."""
    found = {}
    for topic, question in TOPICS.items():
        read = [DOCUMENTS[docno] for docno in FOUND[topic][:k] if DOCUMENTS[docno]]
        prompt = in_languages(template if read else FROM_MEMORY, "so", "so")
        found[topic] = counted(prompt.filled(question, read))
    return found


# --- what comes out


def test_answers_come_from_the_passages(models: Path, place: Path) -> None:
    assert (
        answers(models / "counter") == expected() == {"q1": "roob", "q2": "dayax", "q3": "shimbir"}
    )
    assert list(answers(models / "counter")) == list(TOPICS)


@pytest.mark.parametrize(("k", "first"), [(1, "cusbo"), (2, "dayax"), (3, "roob")])
def test_only_the_best_passages_are_read(models: Path, place: Path, k: int, first: str) -> None:
    Path("set/docs.so.tsv").write_text("d1\tcusbo\nd2\tdayax dayax\nd3\troob roob roob\nd5\t\n")
    assert answers(models / "counter", k=k)["q1"] == first


def test_closed_book_reads_the_question_alone(models: Path, place: Path) -> None:
    Path("set/queries.so.tsv").write_text("q1\tcusbo\nq2\troob\n")
    made = ready(models / "counter", closed_book=True)
    assert {row.id: row.text for row in made.rows()} == {"q1": "cusbo", "q2": "roob"}
    assert made.report.without_passages == 0
    assert made.settings["prompt"] == in_languages(FROM_MEMORY, "so", "so").template


def test_it_can_be_imported_from_clirot(models: Path, place: Path) -> None:
    given = clirot.AnswerConfig(model=str(models / "counter"), collection="set", run="found.run")
    assert {row.id: row.text for row in clirot.answer(given).rows()} == expected()


def test_the_prompt_says_the_languages_and_numbers_the_passages() -> None:
    text = in_languages(FROM_PASSAGES, "so", "en").filled("maxaa {passages}?", ["b", "c"])
    assert "in English, in as few" in text
    assert "\n\n[1] b\n[2] c\n\nQuestion, in Somali: maxaa {passages}?\n" in text
    assert text.endswith("Answer, in English:")
    unknown = in_languages(FROM_MEMORY, None, None).filled("x", ())
    assert "Answer the question in the language of the question" in unknown
    assert "in a language that is not stated: x" in unknown


def test_languages_of_question_and_answer(models: Path, place: Path) -> None:
    shutil.copy("set/queries.so.tsv", "set/queries.en.tsv")
    template = ready(models / "counter", lang="en", answer_lang="som").settings["prompt"]
    assert "Question, in English" in template and "Answer, in Somali" in template
    with pytest.raises(UsageError, match="topics in several languages"):
        ready(models / "counter")


def test_a_prompt_of_ones_own(models: Path, place: Path) -> None:
    Path("own.txt").write_text('{"a": 1} {question} ({answer_language}) cusbo cusbo {passages} :\n')
    made = ready(models / "counter", prompt=Path("own.txt"))
    assert made.settings["prompt"] == '{"a": 1} {question} (Somali) cusbo cusbo {passages} :'
    assert {row.id: row.text for row in made.rows()} == {
        "q1": "cusbo",
        "q2": "cusbo",
        "q3": "cusbo",
    }


@pytest.mark.parametrize(
    ("text", "closed_book", "fragment"),
    [
        ("{passages}", False, "no place for {question}"),
        ("{question}", False, "no place for {passages}"),
        ("{question} {passages}", True, "has a place for {passages}, and none are given"),
        ("{question} {pasages}", False, r"{pasages} stands for nothing.*did you mean {passages}"),
    ],
)
def test_a_prompt_that_cannot_be(
    models: Path, place: Path, text: str, closed_book: bool, fragment: str
) -> None:
    Path("own.txt").write_text(text)
    with pytest.raises(InputError, match=fragment):
        ready(models / "counter", prompt=Path("own.txt"), closed_book=closed_book)


def test_a_prompt_that_cannot_be_read(models: Path, place: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: No such file"):
        ready(models / "counter", prompt=Path("none.txt"))
    Path("own.txt").write_bytes(b"\xff")
    with pytest.raises(InputError, match="not UTF-8"):
        ready(models / "counter", prompt=Path("own.txt"))


def test_the_chat_template_is_used_where_there_is_one(models: Path, place: Path) -> None:
    plain, chatting = (ready(models / name).reader for name in ("counter", "chatting"))
    assert plain.as_given("a b") == "a b"
    assert chatting.as_given("a b") == "user a b assistant :"
    assert answers(models / "chatting") == expected()


@pytest.mark.parametrize("template", ["{% for", "{{ raise_exception('no users') }}"])
def test_a_chat_template_that_cannot_be_filled(
    models: Path, place: Path, tmp_path: Path, template: str
) -> None:
    save_counter(tmp_path / "broken", template=template)
    with pytest.raises(InputError, match="the chat template cannot be filled"):
        answers(tmp_path / "broken")


# --- batches


@pytest.mark.parametrize("batch_size", [1, 2, 3])
def test_batches_change_nothing(models: Path, place: Path, batch_size: int) -> None:
    """Padding is on the left and is not seen: the mean over the prompt would tell."""
    prompts = ["dayax roob roob :", "cusbo :", "roob " + "x " * 40 + "shimbir shimbir :"]
    reader = Reader(resolve(str(models / "counter"), Store(), task="answers"),
                    WritingSettings(max_tokens=6, batch_size=batch_size))  # fmt: skip
    found = {place: one for batch in reader.answers(prompts) for place, one in batch.items()}
    assert [found[place].answer for place in range(3)] == [counted(one) for one in prompts]


@pytest.mark.parametrize("batch_size", [1, 4])
def test_learnt_positions_against_generate(models: Path, batch_size: int) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    prompts = ["wax iyo wax", "b", "dadka magaalada waxay", "biyo iyo"]
    reader = Reader(resolve(str(models / "gpt2"), Store(), task="answers"),
                    WritingSettings(max_tokens=9, batch_size=batch_size))  # fmt: skip
    found = {place: one for batch in reader.answers(prompts) for place, one in batch.items()}
    tokenizer = AutoTokenizer.from_pretrained(models / "gpt2")
    model = AutoModelForCausalLM.from_pretrained(models / "gpt2")
    judged = []
    for prompt in prompts:
        ids = tokenizer(prompt, return_tensors="pt").input_ids
        written = model.generate(
            ids, attention_mask=ids * 0 + 1, max_new_tokens=9, do_sample=False, pad_token_id=0
        )
        text = tokenizer.decode(written[0, ids.shape[1] :], skip_special_tokens=True)
        judged.append(" ".join((text.strip().splitlines() or [""])[0].split()))
    assert [found[place].answer for place in range(4)] == judged
    assert len(set(judged)) > 2  # the model reads what it is given


def test_an_answer_ends_with_its_line_or_is_cut(models: Path, place: Path) -> None:
    made = ready(models / "endless", max_tokens=3)
    assert set(words(" ".join(row.text for row in made.rows()))) <= {*ANSWERS, ":"}
    assert made.report.cut == 3
    assert "3 of 3 answers were cut at the longest that `max_tokens` allows: q2, q1, q3" in list(
        made.remarks()
    )
    made = ready(models / "counter", max_tokens=3)
    assert all(row.text in ANSWERS for row in made.rows())
    assert made.report.cut == 0


def test_sampling_that_a_checkpoint_asks_for_is_not_done(models: Path, place: Path) -> None:
    sampling = place / "sampling"
    shutil.copytree(models / "counter", sampling)
    said = {"do_sample": True, "temperature": 50.0, "repetition_penalty": 9.0, "eos_token_id": [2]}
    (sampling / "generation_config.json").write_text(json.dumps(said))
    assert answers(sampling) == expected()


# --- what fits


def test_passages_that_do_not_fit_are_cut_and_counted(
    models: Path, place: Path, tmp_path: Path
) -> None:
    asking = len(words(in_languages(FROM_PASSAGES, "so", "so").filled("maxaa cad", ())))
    # Each passage is preceded by "[", its number and "]". Room for d1 and 12 tokens more.
    longest = asking + (3 + 4) + 12
    save_counter(tmp_path / "small", longest=longest + 6)
    lines = [f"{name}\t{text}\n" for name, text in DOCUMENTS.items()]
    lines[1] = "d2\t" + "dayax " * 40 + "\n"
    Path("set/docs.so.tsv").write_text("".join(lines))
    Path("set/queries.so.tsv").write_text("q1\tmaxaa cad\n")
    made = ready(tmp_path / "small")
    assert made.reader.longest == longest
    assert [row.text for row in made.rows()] == ["dayax"]  # 9 of it fit, and d3 has no room
    assert (made.report.shortened.count, made.report.left_out) == (1, 1)
    passages = [line.partition("\t")[2].strip() for line in lines[:3]]
    every = words(in_languages(FROM_PASSAGES, "so", "so").filled("maxaa cad", passages))
    cut = made.report.shortened
    assert (cut.which, cut.tokens, cut.limit) == ("q1", len(every), longest)
    (said,) = made.remarks()
    assert said.startswith("1 of 1 prompts with passages are longer than")
    assert said.endswith("1 passages were left out")


def test_a_very_long_passage_is_not_tokenized_whole(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_counter(tmp_path / "small", longest=120)
    model = resolve(str(tmp_path / "small"), Store(), task="answers")
    reader = Reader(model, WritingSettings(max_tokens=6))
    prompt = in_languages(FROM_PASSAGES, "so", "so")
    expected = fitted(reader, prompt, "q", ["cusbo " * 4000])
    own, given = reader._bare, []
    monkeypatch.setattr(reader, "_bare", lambda text: given.append(len(text)) or own(text))
    monkeypatch.setattr(overflow, "LONGEST_HEAD", 2000)
    found = fitted(reader, prompt, "q", ["cusbo " * 4000])
    assert found.given == expected.given and found.shortened
    assert given and max(given) <= 2000
    assert isinstance(found.whole, AtLeast) and 114 < found.whole < expected.whole


def test_what_fits_is_the_most_that_fits(models: Path, tmp_path: Path) -> None:
    prompt = in_languages(FROM_PASSAGES, "so", "so")
    asking = len(words(prompt.filled("q", ())))
    passages = ["cusbo " * 10, "dayax " * 10, "roob " * 10]
    for room in range(0, 48):
        save_counter(tmp_path / str(room), longest=asking + room + 6)
        reader = Reader(resolve(str(tmp_path / str(room)), Store(), task="answers"),
                        WritingSettings(max_tokens=6))  # fmt: skip
        made = fitted(reader, prompt, "q", passages)
        whole, rest = min(3, room // 13), room % 13
        # A piece of fewer than eight tokens, without the three before it, is left out.
        piece = whole < 3 and rest >= 8 + 3
        assert (made.shortened, made.left_out) == (piece, 3 - whole - piece), room
        assert reader.length(made.given) == asking + 13 * whole + rest * piece, room
        assert reader.length(made.given) <= reader.longest  # type: ignore[operator]


def test_a_question_that_does_not_fit(models: Path, place: Path, tmp_path: Path) -> None:
    save_counter(tmp_path / "small", longest=40)
    with pytest.raises(InputError, match=r"a question is \d+ tokens longer than .*small reads"):
        answers(tmp_path / "small")


# --- what is kept


def test_the_second_time_the_model_is_asked_nothing(
    models: Path, place: Path, asked: list[list[int]]
) -> None:
    first = answers(models / "counter")
    assert len(asked) == 3
    made = ready(models / "counter")
    assert {row.id: row.text for row in made.rows()} == first
    assert (len(asked), made.report.asked) == (3, 0)
    answers(models / "counter", max_tokens=7)
    assert len(asked) == 6
    answers(models / "counter", k=1)  # q2 reads the same as before, q3 nothing
    assert len(asked) == 7


def test_an_interrupted_command_goes_on_where_it_stopped(
    models: Path, place: Path, asked: list[list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    counting = Reader._written

    def interrupted(self: Reader, batch: list[list[int]]) -> Any:
        if len(asked) == 2:
            raise KeyboardInterrupt
        return counting(self, batch)

    monkeypatch.setattr(Reader, "_written", interrupted)
    with pytest.raises(KeyboardInterrupt):
        answers(models / "counter", batch_size=1)
    monkeypatch.setattr(Reader, "_written", counting)
    assert answers(models / "counter", batch_size=1) == expected()
    assert len(asked) == 3


def test_what_is_kept_and_is_something_else(models: Path, place: Path, home: Path) -> None:
    answers(models / "counter")
    (kept,) = (home / "cache" / "answers").glob("*.jsonl")
    rows = [json.loads(line) for line in kept.read_text().splitlines()]
    kept.write_text("".join(json.dumps(row | {"answer": 3}) + "\n" for row in rows) + "{")
    assert answers(models / "counter") == expected()


def test_the_digest_names_what_decides_the_answers(models: Path, place: Path) -> None:
    digest = ready(models / "counter").digest
    assert ready(models / "counter", batch_size=1).digest == digest
    assert ready(models / "counter", k=2).digest != digest
    assert ready(models / "counter", closed_book=True).digest != digest
    assert ready(models / "chatting").digest != digest
    Path("found.run").write_text(RUN.replace(" 3.0 x", " 1.5 x"))
    assert ready(models / "counter").digest != digest


def test_progress_reaches_the_end(models: Path, place: Path) -> None:
    steps: list[Step] = []
    for _ in ready(models / "counter", batch_size=1).rows(steps.append):
        pass
    assert [(step.done, step.total) for step in steps] == [(0, 3), (1, 3), (2, 3), (3, 3)]


# --- runs and passages


def test_topics_and_passages_that_are_missing_are_said(models: Path, place: Path) -> None:
    with Path("found.run").open("a") as stream:
        stream.write("q9 Q0 d1 1 1 x\n")
    made = ready(models / "counter")
    assert made.notes == ("run found: left out 1 of its topics, which are no topics of set: q9",)
    list(made.rows())
    remarks = list(made.remarks())
    assert "1 of 3 topics have no passages in the run, and were answered without: q3" in remarks
    assert "1 of the passages have no text, and were not read" in remarks


@pytest.mark.parametrize(
    ("run", "fragment"),
    [
        ("q1 Q0 p7 1 1 x\nq1 Q0 d1 2 .5 x\n", r"1 of the documents .* 'p7' for topic 'q1'"),
        ("t1 Q0 d1 1 1 x\n", "none of its topics is a topic of set"),
        ("", "the run is empty"),
        ("q1 0 d1 1\n", "expected 6 columns"),
    ],
)
def test_a_run_of_another_collection(models: Path, place: Path, run: str, fragment: str) -> None:
    Path("found.run").write_text(run)
    with pytest.raises(InputError, match=fragment):
        ready(models / "counter")


def test_a_run_that_is_kept_knows_its_documents(models: Path, place: Path) -> None:
    """Of two languages of documents, those are read that were searched."""
    Path("set/docs.sw.tsv").write_text("d1\tchumvi\nd2\tdayax dayax\nd3\tmvua\n")
    save_tiny_model(place / "encoder", seed=1)
    for language in ("so", "sw"):
        command("index", "--model", "encoder", "--collection", "set", "--docs-lang", language,
                "--name", language)  # fmt: skip
        command("search", "--index", language, "--collection", "set", "-k", "3", "--save", language)
    for language in ("so", "sw"):
        texts = ready(models / "counter", run=language)._passages["q1"]
        assert ("chumvi" in texts) == (language == "sw")
    with pytest.raises(UsageError, match="documents in several languages"):
        ready(models / "counter")
    made = ready(models / "counter", run="sw", docs_lang="so")
    assert made.notes == (
        "the passages are those of set in so, but sw was found in documents in sw",
    )
    shutil.copytree("set", "other")
    with Path("other/docs.sw.tsv").open("a") as stream:
        stream.write("d9\tmore\n")
    Path("other/docs.so.tsv").unlink()
    made = ready(models / "counter", run="sw", collection="other")
    assert "but sw was found in the documents of another one" in made.notes[0]


@pytest.mark.parametrize(
    ("given", "fragment"),
    [
        ({"closed_book": True}, "both were given"),
        ({"run": None}, "neither was given"),
        ({"run": None, "closed_book": True, "docs_lang": "so"}, "`docs_lang` chooses among"),
        ({"k": 0}, "`k` must be at least 1"),
        ({"answer_lang": "somali"}, "not a language code"),
        ({"dtype": "int8"}, "unknown `dtype` 'int8'"),
    ],
)
def test_contradictions(given: dict[str, Any], fragment: str) -> None:
    with pytest.raises(UsageError, match=fragment):
        assembled(AnswerConfig, {"model": "m", "collection": "set", "run": "r"} | given)


# --- what is no reader


def test_other_models_are_refused(models: Path, place: Path, hub: Hub) -> None:
    save_tiny_model(place / "encoder", seed=1)
    save_llama(place / "headless")
    save_t5(place / "t5")
    for name, fragment in (
        ("encoder", r"bert \(BertModel\) is no causal language model"),
        ("headless", r"llama \(LlamaModel\) is no causal language model"),
        ("t5", "t5 .* is no causal language model"),
        ("me5-small", "me5-small is no model for answers: it encodes text"),
        ("nllb-600m", "nllb-600m is no model for answers: it translates text"),
        ("bm25", "bm25 matches words, and answers nothing"),
    ):
        with pytest.raises(UsageError, match=fragment) as caught:
            ready(name)
        assert "qwen3-0.6b" in str(caught.value.hint) or name == "bm25"
    with pytest.raises(UnknownNameError, match="unknown model 'qwen3-06b'"):
        ready("qwen3-06b")
    assert hub.asked == []


def test_a_translator_is_refused(place: Path) -> None:
    pytest.importorskip("sentencepiece", reason="needs the extra 'translation'")
    save_nllb(place / "nllb")
    with pytest.raises(UsageError, match="is no model for answers: it translates text"):
        ready("nllb")


def test_a_student_is_refused(models: Path, place: Path) -> None:
    with Store().draft("models", "en-so", config={"src": "en", "tgt": "so"}, inputs=()) as draft:
        shutil.copytree(models / "counter", draft.path, dirs_exist_ok=True)
    with pytest.raises(UsageError, match="en-so is no model for answers"):
        ready("en-so")


@pytest.mark.parametrize("name", [name for name, row in KNOWN.items() if row.task == "answers"])
def test_a_reader_is_for_nothing_else(name: str) -> None:
    with pytest.raises(
        UsageError, match=f"{name} is a model for answers: it writes text"
    ) as caught:
        resolve(name, Store())
    assert caught.value.hint == f"let it answer questions: `answer(model={name}, ...)`"
    with pytest.raises(UsageError, match=f"{name} is no model for translation"):
        resolve(name, Store(), task="translates")


def test_a_known_reader_comes_at_its_revision(models: Path, place: Path, hub: Hub) -> None:
    row = KNOWN["qwen3-0.6b"]
    hub.repositories[row.hub_id] = models / "counter"
    assert answers("qwen3-0.6b") == expected()
    assert set(hub.asked) == {(row.hub_id, row.revision)}


def without(models: Path, name: str, *patterns: str) -> Path:
    folder = Path(name)
    shutil.copytree(models / "counter", folder)
    for pattern in patterns:
        for file in folder.glob(pattern):
            file.unlink()
    return folder


def test_checkpoints_that_are_damaged(models: Path, place: Path) -> None:
    with pytest.raises(InputError, match="there is no tokenizer"):
        ready(without(models, "untokenized", "tokenizer*", "special*"))
    with pytest.raises(InputError, match="no safetensors weights"):
        ready(without(models, "weightless", "*.safetensors"))
    spoilt = without(models, "spoilt")
    (spoilt / "tokenizer.json").write_text("{")
    with pytest.raises(InputError, match=r"tokenizer\.json: the tokenizer is damaged"):
        ready(spoilt)
    spoilt = without(models, "unreadable", "config.json")
    with pytest.raises(InputError, match="cannot be loaded as a reader"):
        ready(spoilt)
    spoilt = without(models, "cut")
    (spoilt / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(InputError, match="not safetensors data"):
        ready(spoilt)


def test_a_head_that_is_missing_is_not_made_up(models: Path, place: Path) -> None:
    from safetensors.torch import load_file, save_file

    headless = without(models, "headless")
    weights = load_file(headless / "model.safetensors")
    del weights["lm_head.weight"]
    save_file(weights, headless / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InputError, match=r"weights are missing: lm_head\.weight"):
        answers(headless)


# --- the command


def command(*arguments: str) -> Any:
    done = CliRunner().invoke(app, list(arguments))
    if done.exception is not None and not isinstance(done.exception, SystemExit | ClirotError):
        raise done.exception
    return done


def test_the_command_writes_tsv(models: Path, place: Path) -> None:
    words_ = ["answer", "--model", str(models / "counter"), "--collection", "set", "--run",
              "found.run", "--max-tokens", "6"]  # fmt: skip
    done = command(*words_)
    assert done.stdout == "q2\tdayax\nq1\troob\nq3\tshimbir\n"
    digest = ready(models / "counter").digest[:12]
    assert f"answered: 3 topics by {models / 'counter'}, 3 of them anew ({digest})" in done.stderr
    assert "warning: 1 of 3 topics have no passages" in done.stderr
    again = command(*words_, "--out", "so.tsv")
    assert again.stdout == "" and Path("so.tsv").read_text() == done.stdout
    assert "0 of them anew" in again.stderr


def test_an_empty_answer_is_an_empty_field(models: Path, place: Path) -> None:
    silent = place / "silent"
    shutil.copytree(models / "gpt2", silent)
    from safetensors.torch import load_file, save_file

    weights = load_file(silent / "model.safetensors")
    name = next(one for one in weights if one.endswith("ln_f.bias"))
    end = next(one for one in weights if one.endswith("wte.weight"))
    # All that is left of a text is the direction of the end token.
    weights[name.replace("bias", "weight")].zero_()
    weights[name] = 10 * weights[end][0].clone()
    weights[end][1:] = 0
    save_file(weights, silent / "model.safetensors", metadata={"format": "pt"})
    done = command("answer", "--model", str(silent), "--collection", "set", "--closed-book")
    assert done.stdout == "q2\t\nq1\t\nq3\t\n"
    assert "3 of 3 answers are empty: q2, q1, q3" in done.stderr
