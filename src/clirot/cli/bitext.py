"""``clirot bitext``: look at the bitext in the store, take samples of it, and get it out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clirot.cli import console
from clirot.cli.wording import in_options
from clirot.errors import UsageError
from clirot.records import LanguagePair
from clirot.registry import unknown_name
from clirot.store import Artefact, Store, written

if TYPE_CHECKING:
    from clirot.bitext.stored import StoredPair

app = typer.Typer(no_args_is_help=True, help="Look at the bitext in the store, and get it out.")

_Name = Annotated[str, typer.Argument(help="Bitext in the store, such as en-so.hornmt.")]
_Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]

_WIDTH = 40  # characters of the longest bar
_FORMATS = ("tsv", "jsonl", "moses")


@app.command("list")
def list_bitext(
    src: Annotated[str | None, typer.Option(help="Only with this source language.")] = None,
    tgt: Annotated[str | None, typer.Option(help="Only with this target language.")] = None,
    as_json: _Json = False,
) -> None:
    """List the bitext in the store."""
    from clirot.languages import parse_language

    wanted = [parse_language(code) if code else None for code in (src, tgt)]
    found = []
    for artefact in Store().all("bitext"):
        pair = _pair(artefact)
        if all(w in (None, has) for w, has in zip(wanted, (pair.src, pair.tgt), strict=True)):
            found.append(artefact)
    if as_json:
        console.emit_json([_entry(one) for one in found])
        return
    rows = [
        [
            one.name,
            f"{one.manifest.results['kept']:,}",
            f"{one.manifest.results['read']:,}",
            str(one.manifest.results["licence"]),
            one.manifest.created[:10],
        ]
        for one in found
    ]
    console.emit_table(console.table_of(["bitext", "kept", "read", "licence", "made"], rows))


@app.command("show")
def show(
    name: _Name,
    examples: Annotated[
        int, typer.Option(min=0, max=5, help="Examples of each reason to drop a pair.")
    ] = 2,
    picture: Annotated[
        Path | None,
        typer.Option(help="Draw how lengths and scores are distributed (.png, .pdf, .svg)."),
    ] = None,
    as_json: _Json = False,
) -> None:
    """Show where bitext is from, what was dropped of it, and how long its sides are."""
    artefact = Store().get("bitext", name)
    results = artefact.manifest.results
    titles = _titles(_pair(artefact))
    if picture is not None:
        from clirot.bitext.distributions_picture import draw_bitext

        title = f"{name}: {results['kept']:,} of {results['read']:,} pairs kept"
        draw_bitext(results, picture, names=titles, title=title)
        console.note(f"picture: {picture}")
    if as_json:
        console.emit_json({"path": str(artefact.path), **asdict(artefact.manifest)})
        return
    console.emit_table(console.table_of(["", name], list(_facts(artefact))))
    if results["dropped"]:
        console.emit_table(_dropped_table(results, examples))
    for key, title in titles.items():
        if key in results["distributions"]:
            console.emit_table(_histogram(title, results["distributions"][key]))


@app.command("sample")
def sample(
    name: _Name,
    n: Annotated[int, typer.Option("-n", "--size", min=1, help="How many pairs.")] = 10,
    seed: Annotated[int, typer.Option(min=0, help="Another seed draws other pairs.")] = 0,
    dropped: Annotated[
        bool,
        typer.Option("--dropped", help="Draw from the dropped pairs, with the reason in front."),
    ] = False,
    reason: Annotated[
        list[str] | None,
        typer.Option(
            help="Draw from the pairs dropped for this reason; repeatable; implies --dropped."
        ),
    ] = None,
    as_json: _Json = False,
) -> None:
    """Draw pairs at random: source TAB target TAB id, in their order in the source."""
    from clirot.bitext.stored import sample_pairs

    artefact = Store().get("bitext", name)
    outcomes = _outcomes(artefact, dropped, reason or [])
    for wanted in reason or []:
        if wanted not in artefact.manifest.results["dropped"]:
            console.note(f"no pair of {name} was dropped for: {wanted}")
    found = sample_pairs(artefact, n, seed=seed, outcomes=outcomes) if outcomes else []
    if as_json:
        console.emit_json([_document(one) for one in found])
        return
    for one in found:
        before = f"{one.outcome}\t" if dropped or reason else ""
        console.emit(f"{before}{one.row}")


@app.command("export")
def export(
    name: _Name,
    out: Annotated[
        str,
        typer.Option(
            help="Where to; - is stdout. For --format moses a prefix: PREFIX.en and PREFIX.so."
        ),
    ] = "-",
    form: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="[tsv|jsonl|moses]",
            help="source TAB target TAB id; a JSON object a line; or a file for each language.",
        ),
    ] = "tsv",
    everything: Annotated[
        bool,
        typer.Option(
            "--all", help="Write the dropped pairs too, each with its outcome (tsv, jsonl)."
        ),
    ] = False,
    every: Annotated[
        int,
        typer.Option(
            "--every", min=1, help="Write every so many-th pair, the first one among them."
        ),
    ] = 1,
) -> None:
    """Write the kept pairs for other tools."""
    from clirot.bitext.stored import stored_pairs

    if form not in _FORMATS:
        raise unknown_name("format", form, _FORMATS)
    if form == "moses" and out == "-":
        raise UsageError(
            "Moses format is two files, which do not go to stdout",
            hint="--out PREFIX, or --format tsv",
        )
    if form == "moses" and everything:
        raise UsageError(
            "Moses format has no place for the outcomes of --all",
            hint="leave --all out, or --format tsv or jsonl",
        )
    artefact = Store().get("bitext", name)
    stored = stored_pairs(artefact, outcomes=None if everything else ("kept",))
    pairs = islice(stored, 0, None, every)
    if form == "moses":
        pair = _pair(artefact)
        paths = [Path(f"{out}.{language}") for language in (pair.src, pair.tgt)]
        _write(paths, ((one.pair.src, one.pair.tgt) for one in pairs))
        return
    lines = (_line(one, form, everything) for one in pairs)
    if out == "-":
        for line in lines:
            console.emit(line)
    else:
        _write([Path(out)], ((line,) for line in lines))


@app.command("rm")
def remove(
    names: Annotated[list[str], typer.Argument(help="Bitext in the store.")],
) -> None:
    """Remove bitext from the store. Downloads stay."""
    store = Store()
    chosen = list(dict.fromkeys(names))
    for name in chosen:  # all must exist before any is removed
        store.check_there("bitext", name)
    for name in chosen:
        store.remove("bitext", name)
        console.note(f"removed {name}")


def _pair(artefact: Artefact) -> LanguagePair:
    return LanguagePair(artefact.manifest.config["src"], artefact.manifest.config["tgt"])


def _entry(artefact: Artefact) -> dict[str, Any]:
    results = artefact.manifest.results
    return {
        "bitext": artefact.name,
        "pair": _pair(artefact).format(),
        "source": artefact.manifest.config["source"],
        "kept": results["kept"],
        "read": results["read"],
        "licence": results["licence"],
        "digest": artefact.digest,
        "created": artefact.manifest.created,
        "path": str(artefact.path),
    }


def _facts(artefact: Artefact) -> Iterator[list[str]]:
    manifest, results = artefact.manifest, artefact.manifest.results
    yield ["pairs", f"{results['kept']:,} kept of {results['read']:,}"]
    if results["tidied"]:
        yield ["tidied", f"{results['tidied']:,} pairs had white space or an encoding to mend"]
    for key in ("licence", "citation", "homepage", "file"):
        if results.get(key):
            yield [key, str(results[key])]
    if "revision" in manifest.config:
        yield ["revision", str(manifest.config["revision"])]
    if "realigned" in results:
        done = results["realigned"]
        yield [
            "realigned",
            f"before: {done['found']}; {done['joined']:,} pairs of joined sentences",
        ]
    if "alignment" in results:
        yield ["alignment", str(results["alignment"]["found"])]
    for one in manifest.inputs:
        yield [f"from {one.kind}", f"{one.name} (sha256 {one.digest[:16]})"]
    chosen = manifest.config["filters"]
    settings = (f"{key} {value}" for key, value in sorted(chosen.items()) if value is not None)
    yield ["filters", ", ".join(settings)]
    yield ["pairs' digest", str(results["pairs_digest"])]
    yield ["digest", artefact.digest]
    yield ["made", manifest.created]
    yield ["in", str(artefact.path)]
    for warning in results["warnings"]:
        yield ["warning", in_options(str(warning))]


def _dropped_table(results: Mapping[str, Any], examples: int) -> Any:
    rows: list[list[str]] = []
    for reason, count in sorted(results["dropped"].items(), key=lambda entry: -entry[1]):
        share = f"{100 * count / results['read']:.2f}"
        shown = results["examples"].get(reason, [])[:examples]
        places = [
            (str(one["place"]), f"{_short(one['src'])} | {_short(one['tgt'])}") for one in shown
        ]
        for number, (place, text) in enumerate(places or [("", "")]):
            start = [reason, f"{count:,}", share] if number == 0 else ["", "", ""]
            rows.append([*start, place, text])
    return console.table_of(["dropped", "pairs", "%", "place", "for example"], rows)


def _short(text: str, most: int = 60) -> str:
    visible = "".join(one if one.isprintable() else "\ufffd" for one in text)
    return visible if len(visible) <= most else visible[: most - 1] + "…"


def _titles(pair: LanguagePair) -> dict[str, str]:
    titles = {
        "src_length": f"length of {pair.src}, characters",
        "tgt_length": f"length of {pair.tgt}, characters",
        "ratio": "longer side over shorter side",
    }
    for side, language in (("src", pair.src), ("tgt", pair.tgt)):
        titles[f"{side}_script"] = f"share of {language} letters in its script"
        titles[f"{side}_language"] = f"identified as {language}"
    return titles | {"alignment": "alignment score"}


def _histogram(title: str, bins: Mapping[str, list[float]]) -> Any:
    kept, dropped, edges = bins["kept"], bins["dropped"], bins["from"]
    filled = [i for i in range(len(edges)) if kept[i] or dropped[i]]
    rows = []
    if filled:
        most = max(k + d for k, d in zip(kept, dropped, strict=True))
        for i in range(filled[0], filled[-1] + 1):
            bar = "█" * round(_WIDTH * kept[i] / most) + "░" * round(_WIDTH * dropped[i] / most)
            rows.append([f"{edges[i]:g}", f"{kept[i]:,}", f"{dropped[i]:,}", bar])
    return console.table_of(["from", "kept", "dropped", ""], rows, title=title)


def _outcomes(artefact: Artefact, dropped: bool, reasons: list[str]) -> list[str]:
    from clirot.bitext.config import REASONS

    there = list(artefact.manifest.results["dropped"])
    for reason in reasons:
        if reason not in REASONS[1:]:
            has = ", ".join(one for one in there if one in REASONS) or "none"
            found = f"{artefact.name} has: {has}"
            raise unknown_name("reason to drop a pair", reason, REASONS[1:], more=found)
    return reasons or (there if dropped else ["kept"])


def _document(one: StoredPair) -> dict[str, Any]:
    return {**asdict(one.pair), "outcome": one.outcome, "scores": one.scores}


def _line(one: StoredPair, form: str, everything: bool) -> str:
    if form == "tsv":
        return one.row + (f"\t{one.outcome}" if everything else "")
    kept = {"src": one.pair.src, "tgt": one.pair.tgt, "id": one.pair.id}
    return json.dumps(_document(one) if everything else kept, ensure_ascii=False)


def _write(paths: list[Path], rows: Iterable[tuple[str, ...]]) -> None:
    """Write columns of lines to as many files, all of them or none."""
    with written(*paths) as streams:
        for row in rows:
            for stream, line in zip(streams, row, strict=True):
                stream.write(f"{line}\n".encode())
    for path in paths:
        console.note(f"wrote {path}")
