"""The import of other people's data: rows of any known form become a dataset directory, and one for testing."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any

from rich.table import Table as Columns

from pgt_lora.core.errors import InputError, choices
from pgt_lora.core.new_directory import check_free, new_directory
from pgt_lora.core.terminal import console, track
from pgt_lora.core.workspace import user_cache
from pgt_lora.data.directory import IMAGE_ROOT, MANIFEST, read_manifest, write_manifest, write_rows, write_samples
from pgt_lora.data.readers.items import Reading, reader_for
from pgt_lora.data.readers.pictures import Album, Picture, refer
from pgt_lora.data.readers.places import open_table
from pgt_lora.data.readers.reader import NONE
from pgt_lora.data.readers.settings import ImportSettings, OnError
from pgt_lora.data.readers.split import by_column, by_share, groups_of
from pgt_lora.data.readers.stores import fetched, terms
from pgt_lora.data.readers.survey import MAX_LISTED, Contents, Survey, survey
from pgt_lora.data.readers.tables import ROWS_AT_A_TIME, Table
from pgt_lora.data.sample import Sample
from pgt_lora.data.turns import Form

NO_LICENSE = {"annotations": "none stated", "images": "none stated", "redistributable": False}
LONGEST_EXAMPLE = 60  # characters


def test_directory(out: Path) -> Path:
    """Return where the test split of a dataset directory lies: beside it."""
    return out.with_name(f"{out.name}-test")


def import_data(source: str, out: Path, settings: ImportSettings | None = None, overwrite: bool = False) -> list[Path]:
    """Write the rows that a name means into a dataset directory, and what is held out into `OUT-test` beside it.

    Raises:
        InputError: there are no such rows, some cannot be read, or a directory is there already. Nothing but fetched
            images is left behind then.
    """
    settings = settings or ImportSettings()
    settings.check()
    places = {"train": out} | ({"test": test_directory(out)} if settings.divides else {})
    for place in places.values():
        check_free(place, overwrite)
    _check_no_old_test(out, settings)
    table = open_table(source, settings.split, settings.revision).limited(settings.limit)
    reading = fetched(table, reading_of(table, settings), settings.mirrors)
    result = survey(table, reading, settings.on_error == OnError.STOP)
    _tell(result, table, reading, settings)
    groups = groups_of(result.rows)
    test = by_share(groups, settings.test) if settings.test else set()
    test = by_column(result.rows, groups) if settings.split_column else test
    with ExitStack() as stack:  # which puts the last directory into its place first
        for part, place in places.items():
            numbers = test if part == "test" else set(groups) - test
            directory = stack.enter_context(new_directory(place, overwrite))
            held = Contents()
            samples = _samples(table, reading, {number: groups[number] for number in numbers}, held)
            shown = track(samples, len(numbers), f"Writing {place.name}")
            if settings.by_reference:
                root = (table.folder or Path()).resolve()
                rows = (refer(sample.to_row(Form.CONVERSATIONS), pictures, root) for sample, pictures in shown)
                made = write_rows(directory, rows, Form.CONVERSATIONS, by_reference=True) | {IMAGE_ROOT: str(root)}
            else:
                made = write_samples(directory, (sample for sample, _ in shown), result.form)
            unread = result.problems if part == "train" else []  # which are of neither part, and told once
            facts = _facts(table, held, len(numbers), unread, settings.mirrors)
            made["sources"] = {table.name: facts | _read_as(result, reading)}
            write_manifest(directory, _request(table, settings, part), made)
    return list(places.values())


def reading_of(table: Table, settings: ImportSettings) -> Reading:
    """Return how a table is read, by the first of its rows that says so; what is wrong with others is told later.

    Raises:
        InputError: it holds no rows, or no reader is the one for the first ones.
    """
    album = Album(table.folder, settings.image_root, user_cache())
    problems = []
    for where, values in islice(table.rows(), ROWS_AT_A_TIME):
        try:
            reader = reader_for(values, settings.columns, where)
        except InputError as error:
            problems.append(error)
        else:
            return Reading(table.name, reader, reader.names(settings.columns), album, settings.split_column)
    raise problems[0] if problems else InputError(f"{table.name}: holds no rows")


def _tell(result: Survey, table: Table, reading: Reading, settings: ImportSettings) -> None:
    """Show what was found before anything is written.

    Raises:
        InputError: rows cannot be read and are not to be left out, none can, or no row has an image.
    """
    stops, others = settings.on_error == OnError.STOP, result.problems[1:]
    if stops and others:
        console.print(
            f"{len(others):,} more rows cannot be read{':' if len(others) <= MAX_LISTED else ', the first of them:'}"
        )
    for line in others[:MAX_LISTED] if stops else result.problems:
        console.print(line, soft_wrap=True, highlight=False)
    if result.problems and stops:
        raise InputError(f"{result.problems[0]}; fix it, or skip unreadable rows: pgt-lora import … --on-error skip")
    if not result.rows:
        raise InputError(f"{table.name}: has no readable row")
    named = {name: role for role, name in settings.columns.items() if name != NONE}
    if absent := [name for name in named if name not in result.columns]:
        raise InputError(f"--columns {named[absent[0]]}={absent[0]}: no such column; known: {choices(result.columns)}")
    if not result.num_images and settings.columns.get("image") != NONE:
        raise InputError(
            f"{table.name}: no row has an image; its columns are {choices(result.columns)}: name the one with the "
            "images with --columns image=…, or pass --columns image=none for rows without images"
        )
    console.print(
        f"{len(result.rows):,} rows read as {reading.reader.name}, {result.num_text_only:,} of text alone"
        + (f"; {len(result.problems):,} that cannot be read are left out" if result.problems else ""),
        soft_wrap=True,
    )
    if result.num_repeated:
        console.print(_repeated(result), soft_wrap=True, highlight=False)
    used = {name for columns in result.used.values() for name in columns} | {reading.split_column}
    for role, columns in sorted(result.used.items()):
        console.print(f"  {role}: {', '.join(columns)}", soft_wrap=True)
    if unused := set(result.columns) - used:
        console.print(f"  not used: {choices(unused)}", soft_wrap=True)
    grid = Columns("format", "rows", "example")
    for name, count in result.formats.most_common():
        question, answer = (" ".join(text.split()) for text in result.examples[name])
        shown = question if len(question) <= LONGEST_EXAMPLE else f"…{question[1 - LONGEST_EXAMPLE :]}"
        grid.add_row(name, f"{count:,}", f"{shown} → {answer[:LONGEST_EXAMPLE]}")
    console.print(grid)


def _repeated(result: Survey) -> str:
    line = f"{result.num_repeated:,} ask what an earlier row asks of the same images"
    if not result.contradictions:
        return f"{line}, all with its answer"
    first, second = result.contradictions[0]
    return f"{line}, {len(result.contradictions):,} with another answer, as {second} and {first}"


def _samples(
    table: Table, reading: Reading, groups: Mapping[int, str], held: Contents
) -> Iterator[tuple[Sample, tuple[Picture, ...]]]:
    """Yield the rows that have groups as samples, with their pictures, and count in `held` what they hold."""
    for number, _, values in table.numbered():
        if number in groups:
            item = reading.item(values)
            held.count(item)
            images = tuple(map(reading.album.read, item.pictures))
            yield item.sample(table.id_of(number), table.name, groups[number], images), item.pictures


def _facts(
    table: Table, held: Contents, num_rows: int, unread: Sequence[str], mirrors: Mapping[str, str]
) -> dict[str, Any]:
    """Return what the manifest says of the rows' source: where they come from, and what they hold."""
    facts = {"license": NO_LICENSE, **table.facts}
    return {
        **facts,
        **terms(facts, held.stores, held.num_images, mirrors),
        "formats": dict(sorted(held.formats.items())),
        "rows": num_rows + len(unread),
        "text_only": held.num_text_only,
        "skipped": len(unread),
        "skipped_rows": list(unread),
        "drawn": num_rows,
    }


def _read_as(result: Survey, reading: Reading) -> dict[str, Any]:
    """Return what the manifest says of how the rows were read."""
    columns = {role: sorted(columns) for role, columns in sorted(result.used.items())}
    return {"form": reading.reader.name, "columns": columns}


def _request(table: Table, settings: ImportSettings, part: str) -> dict[str, Any]:
    return {
        "source": "import",
        "of": table.name,
        "part": part,
        "split": settings.split,
        "columns": dict(settings.columns),
        "test": settings.test,
        "split_column": settings.split_column,
        "on_error": settings.on_error.value,
        **({} if settings.limit is None else {"limit": settings.limit}),
    } | ({"by_reference": True} if settings.by_reference else {})


def _check_no_old_test(out: Path, settings: ImportSettings) -> None:
    """Refuse to leave a test split behind whose rows may come to be trained on."""
    old = test_directory(out)
    if settings.divides or not (out / MANIFEST).is_file() or not old.exists():
        return
    before = read_manifest(out)["asked"]
    if before.get("source") == "import" and (before.get("test") or before.get("split_column")):
        raise InputError(f"{old}: was held out of the old {out.name}, not of the new one; delete it first")
