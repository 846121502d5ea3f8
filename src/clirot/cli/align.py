"""``clirot align``: the transport plan of a sentence pair, in the terminal and as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clirot.cli import console

if TYPE_CHECKING:
    from clirot.distillation.diagnostics import Alignment

_SHADES = " ·░▒▓█"


def align(
    model: Annotated[str, typer.Option(help="A student, for example en-so.")],
    tgt: Annotated[str, typer.Argument(help="A sentence in the student's language.")] = "",
    src: Annotated[str, typer.Argument(help="Its translation in the teacher's language.")] = "",
    collection: Annotated[
        str | None, typer.Option(help="Take a topic of this collection instead (cldr/so).")
    ] = None,
    lang: Annotated[
        str | None, typer.Option(help="Language of the topic [default: the student's].")
    ] = None,
    topic: Annotated[str | None, typer.Option(help="Which topic [default: a long one].")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Also write the heat map here (.png, .pdf, .svg).")
    ] = None,
    reg: Annotated[
        float | None, typer.Option(help="Sharpness of the plan [default: as trained].")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The plan as one JSON document.")] = False,
) -> None:
    """Show which tokens of a translation the student's tokens are transported to."""
    from clirot.distillation.diagnostics import AlignConfig, draw
    from clirot.distillation.diagnostics import align as run

    found = run(
        AlignConfig(
            model=model,
            tgt=tgt,
            src=src,
            collection=collection,
            lang=lang,
            topic=topic,
            reg=reg,
        )
    )
    if as_json:
        console.emit_json(
            {
                "target": found.target_tokens,
                "source": found.source_tokens,
                "plan": [[round(float(mass), 6) for mass in row] for row in found.plan],
                "cost": round(found.cost, 6),
            }
        )
    else:
        console.emit(_text(found))
    if out is not None:
        draw(found, str(out), title=model)
        console.note(f"picture: {out}")


def _text(found: Alignment) -> str:
    """The plan as shaded cells, a row a target token, and the strongest link of each."""
    wide = max(len(token) for token in found.target_tokens)
    lines = [
        f"{token:>{wide}} |"
        + "".join(_SHADES[min(int(share * len(_SHADES)), len(_SHADES) - 1)] for share in row)
        + f"|  {best}  {share:.2f}"
        for token, row, (_, best, share) in zip(
            found.target_tokens, found.shares, found.links, strict=True
        )
    ]
    columns = "columns: " + " ".join(found.source_tokens)
    return "\n".join([*lines, columns, f"transport cost {found.cost:.4f}"])
