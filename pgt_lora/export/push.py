"""Pushing to the Hub: a run's merged model, its adapter or both, and nothing that was not proven and scored."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from pgt_lora.core.errors import InputError
from pgt_lora.core.files import file_digest
from pgt_lora.core.terminal import console
from pgt_lora.core.typed import typed
from pgt_lora.export.card import HubLicense, base_license, write_card
from pgt_lora.export.merge import typed_verify
from pgt_lora.export.record import VERIFICATION, changed_files, verified_dtype
from pgt_lora.export.verify import STAGES, score_directories
from pgt_lora.export.verify_weights import Subject
from pgt_lora.models.checkpoint import adapter_checkpoint


class What(StrEnum):
    """What of a run is pushed."""

    MERGED = "merged"
    ADAPTER = "adapter"
    BOTH = "both"


@dataclass(frozen=True)
class Upload:
    """One file of a push; `source` is a file, or the text of one."""

    path: str
    source: Path | str

    @property
    def num_bytes(self) -> int:
        """Its size."""
        return self.source.stat().st_size if isinstance(self.source, Path) else len(self.source.encode())


def push(
    run: Path, repo: str, *, what: str = What.MERGED, public: bool = False, branch: str | None = None,
    create_pr: bool = False, license: str | None = None, dry_run: bool = False,
) -> str | None:  # fmt: skip
    """Push a run to a model repository and return the commit's address; with `dry_run`, list and show it only.

    The token is the one that the Hub's own login or environment holds.

    Raises:
        InputError: the run is not finished, scored and verified, or changed since; the repository holds a model of
            another base, or is public although `public` is not set; or the Hub refuses.
    """
    if what not in list(What):
        raise InputError(f"{what!r}: nothing to push; known: {', '.join(What)}")
    proven = check_proven(run)
    base = adapter_checkpoint(run / "adapter").base
    uploads = list(files(run, base, base_license(base, license), repo, what))
    total = sum(upload.num_bytes for upload in uploads)
    for upload in uploads:
        console.print(f"{upload.num_bytes:>15,}  {upload.path}", soft_wrap=True, highlight=False)
    console.print(f"{total:>15,}  bytes in {len(uploads)} files")
    if dry_run:
        card = next(upload.source for upload in uploads if upload.path == "README.md")
        console.print(str(card), highlight=False, soft_wrap=True)
        return None
    return commit(repo, uploads, proven, base, public, branch, create_pr)


def check_proven(run: Path) -> dict[Path, str]:
    """Check that a run's merged model passed its verification, scores included, and has not changed since.

    Returns:
        The SHA-256 of every file that was proven, and of the proof.

    Raises:
        InputError: it did not, or it has.
    """
    path = run / "merged" / VERIFICATION
    if not path.is_file():
        raise InputError(f"{path}: missing, so the merged model is not verified; run: {typed('run', run)}")
    proven = {path: file_digest(path)}
    again = f"verify again with: {typed_verify(run / 'merged', run, verified_dtype(run / 'merged'))}"
    try:
        proof = json.loads(path.read_text(encoding="utf-8"))
        outcomes = [(check["name"], check["passed"]) for check in proof["checks"]]
        hashes = {
            name: {str(file): str(value) for file, value in then.items()} for name, then in proof["sha256"].items()
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: is not a record of a verification; {again}") from error
    if failed := [name for name, passed in outcomes if passed is not True]:
        raise InputError(f"{path}: failed: {', '.join(map(str, failed))}; nothing is pushed")
    names = [name for name, _ in outcomes]
    if Subject.SCORES not in names:
        raise InputError(
            f"{path}: the scores were not compared, as the run has none; make them with: {typed('run', run)}"
        )
    if sorted(names) != sorted(Subject) or proof.get("passed") is not True:
        raise InputError(f"{path}: does not hold every check exactly once, all passed; {again}")
    scored = {path.relative_to(run).as_posix() for path in score_directories(run, STAGES)}
    if lacking := {"merged", "adapter", *scored} - hashes.keys():
        raise InputError(f"{path}: holds no hashes of {min(lacking)}; {again}")
    for name, then in hashes.items():
        if changed := changed_files(run / name, then):
            raise InputError(f"{run / name / changed[0]}: changed since it was verified; {again}")
        proven |= {run / name / file: value for file, value in then.items()}
    return proven


def files(run: Path, base: str, license: HubLicense, repo: str, what: str) -> Iterator[Upload]:
    """Yield what is pushed: at the root the model that `what` names, of both the merged one, and its card."""
    merged = what != What.ADAPTER
    yield Upload("README.md", write_card(run, base, license, repo, merged))
    folders = {"": run / "merged", "adapter/": run / "adapter"} if what == What.BOTH else {"": run / what}
    for prefix, folder in folders.items():
        for path in sorted(folder.iterdir()):
            if path.is_file() and path.name != "README.md" and not path.name.startswith("."):
                yield Upload(prefix + path.name, path)
    if not merged:
        yield Upload(VERIFICATION, run / "merged" / VERIFICATION)


def commit(
    repo: str, uploads: list[Upload], proven: Mapping[Path, str], base: str, public: bool, branch: str | None,
    create_pr: bool,
) -> str:  # fmt: skip
    """Create the repository where there is none, and commit the files; those that are there already are not sent.

    Raises:
        InputError: the repository holds a model of another base, or is public and may not be; a file is not what was
            proven; or the Hub refuses.
    """
    from huggingface_hub import CommitOperationAdd, HfApi
    from huggingface_hub.errors import HfHubHTTPError

    api = HfApi()
    operations = [
        CommitOperationAdd(upload.path, upload.source.encode() if isinstance(upload.source, str) else upload.source)
        for upload in uploads
    ]
    for upload, operation in zip(uploads, operations, strict=True):  # by the hashes that the Hub is told
        sent = operation.upload_info.sha256.hex()
        if isinstance(upload.source, Path) and proven.get(upload.source) != sent:
            raise InputError(f"{upload.source}: changed since it was verified; verify again, then push")
    try:
        if api.repo_exists(repo):
            check_same_base(repo, base)
            if not public and not api.model_info(repo).private:
                raise InputError(f"{repo}: exists and is public; choose another repository, or pass --public")
        else:
            api.create_repo(repo, private=not public)
        if branch:
            api.create_branch(repo, branch=branch, exist_ok=True)
        info = api.create_commit(
            repo, operations, commit_message="Upload a verified model", revision=branch, create_pr=create_pr
        )
    except (HfHubHTTPError, RuntimeError) as error:  # the second where a large file did not get through
        reason = " ".join(f"{error} {error.__cause__ or ''}".split())
        raise InputError(
            f"{repo}: the push failed ({reason}); look at `hf auth whoami`, and run the same command to resume"
        ) from error
    return str(info.pr_url or info.commit_url)


def check_same_base(repo: str, base: str) -> None:
    """Check that an existing repository says to hold a model of the same base.

    Raises:
        InputError: it says another one, or none.
    """
    from huggingface_hub import HfApi, ModelCard

    if set(HfApi().list_repo_files(repo)) <= {".gitattributes"}:
        return
    data: dict[str, Any] = ModelCard.load(repo).data.to_dict() if HfApi().file_exists(repo, "README.md") else {}
    there = data.get("base_model")
    if (there or None) != (None if Path(base).is_dir() else base) or "pgt-lora" not in data.get("tags", ()):
        raise InputError(f"{repo}: exists and holds {there or 'something else'}, not {base}; choose another repository")
