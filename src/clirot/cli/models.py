"""``clirot models``: what the model registry holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from clirot.cli import console
from clirot.errors import UsageError
from clirot.known_models import KNOWN, LEXICAL, covering
from clirot.languages import closest_language, parse_language
from clirot.models import is_student, trained_languages, unknown
from clirot.store import Artefact, Store


class _ListUnlessNamed(TyperGroup):
    """``clirot models`` is ``clirot models list``, with the same options."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        options_only = not args or (args[0].startswith("-") and args[0] not in ("-h", "--help"))
        return super().parse_args(ctx, ["list", *args] if options_only else args)


app = typer.Typer(
    cls=_ListUnlessNamed,
    no_args_is_help=False,
    help="List, show and remove what the model registry holds.",
)


@app.command("list")
def list_models(
    lang: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CODES",
            help="Only models that read this language, the best first. Several: with commas, or "
            "the option again; a model must read all of them.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """List the known models and those made here.

    `list` may be left out. What is best is said in the documentation, on the page of models.
    """
    wanted = [parse_language(code) for codes in lang or [] for code in codes.split(",")]
    known = covering(wanted) if wanted else list(KNOWN)
    students = [one for one in Store().all("models") if _reads(one, wanted)]
    if as_json:
        console.emit_json(
            {
                "known": {name: asdict(KNOWN[name]) for name in known},
                "lexical": dict(LEXICAL),
                "made": {one.name: asdict(one.manifest) for one in students},
            }
        )
        return
    columns = ["name", "role", "languages", "dimensions", "parameters (M)", "licence", "what"]
    rows = [_known_row(name) for name in known]
    rows += [[name, "lexical", "", "", "", "", what] for name, what in LEXICAL.items()]
    rows += [_student_row(one) for one in students]
    console.emit_table(console.table_of(columns, rows))


def _reads(made: Artefact, wanted: list[str]) -> bool:
    return all(closest_language(one, _languages(made)) for one in wanted)


def _languages(made: Artefact) -> tuple[str, ...]:
    """The languages that a model made here reads."""
    if is_student(made.manifest.config):
        return trained_languages(made.manifest.config).tgts
    return tuple(made.manifest.results["reads"])


def _known_row(name: str) -> list[str]:
    row = KNOWN[name]
    role = "teacher, student base" if row.role == "both" else row.role
    what = f"{row.description}; gated" if row.gated else row.description
    figures = (len(row.languages), row.dimensions, row.parameters)
    return [name, role, *map(str, figures), row.licence, what]


def _student_row(student: Artefact) -> list[str]:
    config = student.manifest.config
    if not is_student(config):
        return _trained_row(student)
    languages = trained_languages(config)
    teacher = next((i.name for i in student.manifest.inputs if i.kind == "teacher"), "?")
    made = f"made {student.manifest.created[:10]}"
    what = f"{languages}, teacher {teacher}, {config['objective']}, {made}"
    return [student.name, "student", str(len(languages.tgts)), "", "", "of its bitext", what]


def _trained_row(made: Artefact) -> list[str]:
    config, inputs = made.manifest.config, made.manifest.inputs
    named = {one.kind: one.name for one in inputs}
    what = f"{named['base']} on {named['collection']}, {config['loss']}"
    what += f", made {made.manifest.created[:10]}"
    return [made.name, "trained", str(len(_languages(made))), "", "", "of its collection", what]


@app.command("show")
def show(
    name: Annotated[str, typer.Argument(help="A known model or one made here.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
    picture: Annotated[
        Path | None, typer.Option(help="Draw how it was trained (.png, .pdf, .svg).")
    ] = None,
) -> None:
    """Show all that is known of a model: what it is, or what made it."""
    store = Store()
    if name in KNOWN:
        document: dict[str, Any] = {"name": name, **asdict(KNOWN[name])}
    elif name in LEXICAL:
        document = {"name": name, "role": "lexical", "description": LEXICAL[name]}
    elif store.has("models", name):
        artefact = store.get("models", name)
        document = {"path": str(artefact.path), **asdict(artefact.manifest)}
    else:
        raise unknown(name, store)
    if picture is not None:
        from clirot.distillation.diagnostics import draw_training

        draw_training(document.get("results", {}), picture, title=name)
        console.note(f"picture: {picture}")
    if as_json:
        console.emit_json(document)
    else:
        console.emit_table(console.table_of(["", name], list(_facts(document))))


def _facts(document: Mapping[str, Any], prefix: str = "") -> Iterator[list[str]]:
    """A document as rows of a path into it and what is there."""
    for key, value in document.items():
        if isinstance(value, Mapping):
            yield from _facts(value, f"{prefix}{key}.")
        elif key == "inputs":
            for one in value:
                yield [f"{prefix}{one['kind']}", f"{one['name']} ({one['digest'][:12]})"]
        elif value is not None:
            listed = isinstance(value, list | tuple)
            if listed and value and all(isinstance(one, Mapping) for one in value):
                # Figures epoch by epoch: a row a figure, like the development MAP.
                names = dict.fromkeys(name for one in value for name in one)
                yield from _facts(
                    {name: [one.get(name) for one in value] for name in names}, f"{prefix}{key}."
                )
                continue
            if listed and any(isinstance(one, Mapping | list | tuple) for one in value):
                continue  # curves: for --json and --picture
            yield [f"{prefix}{key}", " ".join(map(str, value)) if listed else str(value)]


@app.command("rm")
def remove(
    names: Annotated[list[str], typer.Argument(help="Models made here.")],
) -> None:
    """Remove models made here."""
    store = Store()
    chosen = list(dict.fromkeys(names))
    for name in chosen:  # all must exist before any is removed
        if name in KNOWN or name in LEXICAL:
            raise UsageError(
                f"{name} is a known model, not one made here: there is nothing to remove",
                hint="the Hub's own cache is cleared by the command: hf cache",
            )
        store.check_there("models", name)
    for name in chosen:
        store.remove("models", name)
        console.note(f"removed {name}")
