"""Publishing a dataset directory: a card of its sources and licenses, and no image that may not be passed on."""

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pgt_lora.core.errors import InputError
from pgt_lora.core.files import write_json
from pgt_lora.core.html import fence, markdown
from pgt_lora.core.terminal import console
from pgt_lora.data.directory import IMAGE_ROOT, MANIFEST, PARQUET, open_dataset, read_manifest
from pgt_lora.data.mix.terms import sources_of
from pgt_lora.data.parquet import (
    ROWS_PER_GROUP,
    parquet_files,
    shard_lines,
    stored_columns,
    total,
    write_parquet,
    write_shard_lines,
)
from pgt_lora.data.turns import Form

BOUNDS = ("1K", "10K", "100K", "1M", "10M", "100M", "1B", "10B", "100B", "1T")  # of the sizes that the Hub knows


def push(data: Path, repo: str, *, public: bool, annotations_only: bool, dry_run: bool) -> None:
    """Push a dataset directory to the Hub, private unless `public`; with `dry_run`, only say what would be pushed.

    Raises:
        InputError: the directory is unfinished, its images may not be passed on, or the Hub refuses.
    """
    manifest = read_manifest(data)
    sources = sources_of(manifest)
    kept_back = [name for name, facts in sources.items() if not facts["license"]["redistributable"]]
    if kept_back and not annotations_only:
        terms = "; ".join(f"{name}: {sources[name]['license']['images']}" for name in kept_back)
        raise InputError(f"{data}: its images may not be redistributed ({terms}); pass --annotations-only")
    with tempfile.TemporaryDirectory() as temporary:
        staged = Path(temporary)
        (staged / PARQUET).parent.mkdir()
        if annotations_only:
            _write_annotations(data, staged / PARQUET)
            manifest |= {"images": "left out"}
        else:
            manifest |= _write_rows(data, staged)
        manifest.pop(IMAGE_ROOT, None)  # which is a place on this machine
        write_json(staged / MANIFEST, manifest)
        text = card(manifest, repo, annotations_only)
        (staged / "README.md").write_text(text, encoding="utf-8")
        if dry_run:
            for path in sorted(path for path in staged.rglob("*") if path.is_file()):
                console.print(f"{path.relative_to(staged)}  {path.stat().st_size:,} bytes", highlight=False)
            console.print(text, highlight=False, soft_wrap=True)
            return
        console.print(_upload(staged, repo, public), soft_wrap=True)


def card(manifest: Mapping[str, Any], repo: str, annotations_only: bool = False) -> str:
    """Return the dataset card that a manifest makes: what was asked for, every source with its licenses, the counts."""
    from huggingface_hub import DatasetCard, DatasetCardData

    sources = sources_of(manifest)
    licenses = {facts["license"]["annotations"] for facts in sources.values()}
    number = manifest["num_samples"]
    head = DatasetCardData(
        license="apache-2.0" if licenses == {"Apache-2.0"} else "other",
        task_categories=["visual-question-answering"],
        size_categories=[size_category(number)],
        pretty_name=repo.split("/")[-1],
    )
    lines = [f"# {repo.split('/')[-1]}", "", _summary(manifest, annotations_only), "", "## Sources", ""]
    lines += ["| source | rows | annotations | images | revision |", "|---|---:|---|---|---|"]
    for name, facts in sources.items():
        terms = facts["license"]
        origin = facts.get("homepage") or facts.get("origin") or name
        drawn = facts.get("drawn", number)
        revision = facts.get("revision") or ", ".join(digest[:12] for digest in facts.get("files", {}).values()) or "-"
        terms_told = markdown(terms["annotations"]), markdown(terms["images"])
        lines.append(f"| {' | '.join((markdown(origin), f'{drawn:,}', *terms_told, revision))} |")
    removed = [
        f"- {markdown(name)}: {count:,} rows ({markdown(why)})"
        for name, facts in sources.items()
        for why, count in facts.get("removed", {}).items()
    ]
    lines += ["", "## Removed before drawing", "", *removed] if removed else []
    asked = [f"{name}: {value}" for name, value in manifest["asked"].items()]
    lines += ["", "## Made by", "", fence("\n".join(asked)), *asked, fence("\n".join(asked))]
    return str(DatasetCard(f"---\n{head.to_yaml()}\n---\n\n" + "\n".join(lines) + "\n"))


def size_category(number: int) -> str:
    """Return the Hub's name of a number of rows: `n<1K`, `1K<n<10K` and so on."""
    place = max(0, len(str(number)) - 3)
    if place == 0:
        return f"n<{BOUNDS[0]}"
    return f"{BOUNDS[place - 1]}<n<{BOUNDS[place]}" if place < len(BOUNDS) else f"n>{BOUNDS[-1]}"


def _summary(manifest: Mapping[str, Any], annotations_only: bool) -> str:
    if manifest.get("rows") == Form.CONVERSATIONS:
        rows = "conversations, most of them about images, in the conversational language-modeling format of TRL"
    else:
        rows = "questions on images, in the conversational prompt and completion format of TRL"
    text = f"{manifest['num_samples']:,} {rows}. The manifest beside this card says what was drawn and from where."
    if annotations_only:
        text += (
            " The images are not passed on here: `image_paths` names each in its own dataset, to be had from there "
            "under its own terms."
        )
    return text


def _write_rows(data: Path, staged: Path) -> dict[str, Any]:
    """Copy the files of rows; those of a plan with its images drawn. Return what is to be said otherwise of them."""
    rows, files, begin = open_dataset(data), parquet_files(data), 0
    lines = shard_lines(data)
    if not stored_columns(files[0])[1]:
        for path in files:
            shutil.copyfile(path, staged / path.relative_to(data))
        if lines:
            write_shard_lines(staged, lines)
        return {}
    drawn = []
    for path, line in zip(files, lines, strict=True):
        end = begin + line["num_samples"]
        part = (rows[index] for index in range(begin, end))
        drawn.append(line | write_parquet(staged / path.relative_to(data), part, Form.CONVERSATIONS))
        begin = end
    write_shard_lines(staged, drawn)
    return total(drawn)


def _write_annotations(data: Path, path: Path) -> None:
    """Write the rows with the paths of their images in the place of the images, and with what is drawn over them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = open_dataset(data).data.table
    by_reference = stored_columns(parquet_files(data)[0])[1]
    fields = {"image_paths": "path"} | ({"overlays": "overlay"} if by_reference else {})
    place = table.schema.get_field_index("images")
    schema = table.schema.remove(place)
    for name in reversed(fields):
        schema = schema.insert(place, pa.field(name, pa.list_(pa.string())))
    # The old schema's metadata says that there are images.
    with pq.ParquetWriter(path, schema.remove_metadata()) as writer:
        for batch in table.to_batches(max_chunksize=ROWS_PER_GROUP):  # all images may be too many to be held
            images = batch.column("images").to_pylist()
            columns = pa.Table.from_batches([batch]).remove_column(place)
            for name, field in reversed(fields.items()):
                column = pa.array([[image[field] for image in row] for row in images], pa.list_(pa.string()))
                columns = columns.add_column(place, name, column)
            writer.write_table(columns.replace_schema_metadata(None))


def _upload(staged: Path, repo: str, public: bool) -> str:
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    api = HfApi()
    try:
        if not api.repo_exists(repo, repo_type="dataset"):
            api.create_repo(repo, repo_type="dataset", private=not public)
        elif not public and not api.dataset_info(repo).private:
            raise InputError(f"{repo}: exists and is public; choose another name, or pass --public")
        info = api.upload_folder(
            repo_id=repo, repo_type="dataset", folder_path=staged, commit_message="Upload a dataset"
        )
    except (HfHubHTTPError, OfflineModeIsEnabled) as error:
        raise InputError(
            f"{repo}: the push failed ({' '.join(str(error).split())}); look at `hf auth whoami`"
        ) from error
    return f"Pushed: {info.commit_url}"
