"""``models`` and ``networks``: the available learned models, and the cost of each network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from LNStationLib.support import console

if TYPE_CHECKING:
    from rich.table import Table

    from LNStationLib.models.package import Manifest

app = typer.Typer(
    help="Model packages: trained networks as files.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)
_BYTES_PER_WEIGHT = 4
"""In single precision, in which papers give sizes."""
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
PackageArgument = Annotated[str, typer.Argument(help="File or folder of a package, or its id.")]


@app.command("list")
def list_models(
    folders: Annotated[list[Path] | None, typer.Argument(help="Further folders of packages.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List the packages that came with LNStation, your own, and those in further folders."""
    from LNStationLib.models.package import list_packages
    from LNStationLib.models.package.card import card
    from LNStationLib.models.package.folders import user_folder

    found = list_packages(folders or ())
    usable = [(one, one.manifest) for one in found if one.manifest is not None]
    if as_json:
        cards = [card(manifest, one.path, one.source) for one, manifest in usable]
        problems = [{"path": str(one.path), "message": one.problem} for one in found if one.manifest is None]
        typer.echo(json.dumps({"models": cards, "problems": problems}, indent=2, ensure_ascii=False))
        return
    screen = console.make_console()
    if usable:
        table = _table("Model packages", ("id", "version", "title", "task", "trained on", "from", "file"))
        for one, manifest in usable:
            identity = manifest.package_id, manifest.version, manifest.title, manifest.section.task_title
            table.add_row(*identity, manifest.trained_on, one.source, one.path.name)
        screen.print(table)
    else:
        screen.print("No model package found.")
    for one in found:
        if one.manifest is None:
            screen.print(f"Cannot be used: {one.problem}", style="yellow", soft_wrap=True, markup=False)
    screen.print(f"Your own packages go into {user_folder()}.", soft_wrap=True, markup=False, highlight=False)


@app.command("show")
def show_model(package: PackageArgument, as_json: JsonOption = False) -> None:
    """Show the card of a package: task, cohort, metrics, what its task adds, license."""
    from LNStationLib.models.package import find_package, read_manifest
    from LNStationLib.models.package.card import card

    path = find_package(package)
    manifest = read_manifest(path)
    if as_json:
        typer.echo(json.dumps(card(manifest, path, "folder"), indent=2, ensure_ascii=False))
        return
    _show_card(manifest, path)


@app.command("verify")
def verify_model(
    package: PackageArgument,
    build: Annotated[
        bool, typer.Option("--build", help="Also build the network and load the weights into it; needs torch.")
    ] = False,
) -> None:
    """Verify a package: its card, the hashes of its weights, and that it holds nothing else."""
    from LNStationLib.models.package import find_package, read_package

    path = find_package(package)
    read = read_package(path)
    said = [f"{path} is valid: card and weights agree (SHA-256 {read.manifest.sha256})"]
    if build:
        for entry in read.manifest.networks:
            said.append(f"{entry.name} accepts them ({_millions(read.network(entry.role))} million parameters)")
    _say(f"{', and '.join(said)}.")


@app.command("upgrade")
def upgrade_model(
    package: PackageArgument,
    out: Annotated[Path, typer.Argument(help="New package, a zip file.")],
) -> None:
    """Convert a package to the current schema version; the weights stay bit-identical."""
    from LNStationLib.models.package import find_package, upgrade_package

    manifest = upgrade_package(find_package(package), out)
    _say(f"{out} is {manifest.package_id} {manifest.version} in schema version {manifest.schema_version}.")


@app.command("join")
def join_models(
    packages: Annotated[list[Path], typer.Argument(help="Packages that find or judge nodes, two or more.")],
    out: Annotated[Path, typer.Option(help="New package, a zip file.")],
    package_id: Annotated[str, typer.Option("--id", help="Of the new package.")],
    version: Annotated[str, typer.Option(help="Of the new package.")] = "1.0.0",
    title: Annotated[str, typer.Option(help="Name for people.")] = "Lymph nodes",
) -> None:
    """Make one package of networks for visible nodes, for significant nodes, and their second stage."""
    from LNStationLib.models.package.joining import join_packages

    card = join_packages(packages, out, package_id, version, title)
    _say(f"{out} is {card.package_id} {card.version} with the networks {', '.join(e.role for e in card.networks)}.")


def networks(as_json: JsonOption = False) -> None:
    """List the networks with their parameters and multiply-adds, for 96 x 96 x 32 voxels or an input of their own."""
    from LNStationLib.networks.installation import check_installed

    check_installed()
    from LNStationLib.networks.cost import REGION, network_cost
    from LNStationLib.networks.registry import NETWORKS, build_network

    rows: list[dict[str, Any]] = []
    for info in NETWORKS.values():
        cost = network_cost(build_network(info.name))
        rows.append(
            {
                "name": info.name,
                "title": info.title,
                "parameters": cost.parameters,
                "mebibytes": round(cost.parameters * _BYTES_PER_WEIGHT / 2**20, 2),
                "multiply_adds": cost.multiply_adds,
                "input": list(cost.shape),
                "reference": info.reference,
            }
        )
    if as_json:
        typer.echo(json.dumps({"region": list(REGION), "networks": rows}, indent=2, ensure_ascii=False))
        return
    z, y, x = REGION
    table = _table(f"Networks, for {x} x {y} x {z} voxels if no other input stands", ("name", "network"))
    for heading in ("params (M)", "MiB", "multiply-adds (G)"):
        table.add_column(heading, justify="right")
    table.add_column("reference", min_width=_LONGEST_WORD)
    for row in rows:
        counts = f"{row['parameters'] / 1e6:.2f}", f"{row['mebibytes']:.2f}", f"{row['multiply_adds'] / 1e9:.2f}"
        other = "" if row["input"][-3:] == list(REGION) else f" ({' x '.join(map(str, row['input']))})"
        table.add_row(row["name"], row["title"] + other, *counts, row["reference"])
    console.make_console().print(table)


_IN_WORDS = ("title", "network", "task")
_LONGEST_WORD = 17
"""Letters: "electrocardiogram"; a narrower column would break titles inside of words."""


def _show_card(manifest: Manifest[Any], path: Path) -> None:
    from rich.text import Text

    from LNStationLib.models.package.card import card_rows
    from LNStationLib.support.sentences import SYNTHETIC_ONLY

    screen = console.make_console()
    screen.print(Text(f"{manifest.title} ({manifest.package_id} {manifest.version})", style="bold"))
    if manifest.trained_on == "synthetic":
        screen.print(Text(f"{SYNTHETIC_ONLY[0].upper()}{SYNTHETIC_ONLY[1:]}.", style="bold yellow"))
    table = _table("", ())
    table.show_header = False
    table.add_column("", style="dim")
    table.add_column("", overflow="fold")
    for row in card_rows(manifest):
        table.add_row(Text(row.title), Text("\n".join(row.lines)))
    table.add_row("File", Text(str(path)))
    screen.print(table)


def _say(sentence: str) -> None:
    console.make_console().print(sentence, soft_wrap=True, markup=False, highlight=False)


def _table(title: str, headings: tuple[str, ...]) -> Table:
    from rich.table import Table

    table = Table(title=title or None, title_justify="left", title_style="bold")
    for heading in headings:
        if heading in _IN_WORDS:
            # Broken between words, whatever the others take.
            table.add_column(heading, min_width=_LONGEST_WORD)
        else:
            table.add_column(heading, no_wrap=True, overflow="fold")
    return table


def _millions(network: Any) -> str:
    return f"{sum(parameter.numel() for parameter in network.parameters()) / 1e6:.2f}"
