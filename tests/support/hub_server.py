"""A server on loopback that speaks the part of the Hub's API that pushing and loading a model or a dataset use."""

import base64
import hashlib
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

import yaml

LARGE = (".safetensors",)  # as .gitattributes says on the Hub


@dataclass
class Repo:
    """One repository: its visibility, and the files of every branch by their path."""

    private: bool
    branches: dict[str, dict[str, bytes]] = field(default_factory=lambda: {"main": {}})
    commits: list[str] = field(default_factory=list)


class Hub(ThreadingHTTPServer):
    """Holds repositories and large files; `put` counts the uploads, and `refuse_puts` makes that many fail first."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.repos: dict[str, Repo] = {}
        self.large: dict[str, bytes] = {}
        self.put: list[str] = []
        self.failing: set[str] = set()
        self.tokens: set[str] = set()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *words: Any) -> None:
        pass

    def reply(self, status: int, body: object = b"", **headers: str) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(data))} | headers).items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def missing(self, code: str) -> None:
        self.reply(404, {"error": code}, X_Error_Code=code)

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def do_GET(self) -> None:
        parts = [unquote(part) for part in urlsplit(self.path).path.strip("/").split("/")]
        if parts[:1] == ["datasets"]:  # their files lie under a prefix, their names among the models' here
            parts = parts[1:]
        if parts[:2] in (["api", "models"], ["api", "datasets"]):
            repo = self.server.repos.get("/".join(parts[2:4]))
            if repo is None:
                return self.missing("RepoNotFound")
            revision = parts[5] if len(parts) > 5 else "main"
            found = next((b for n, b in repo.branches.items() if revision in (n, sha(b))), None)
            if found is None:
                return self.missing("RevisionNotFound")
            if parts[4:5] == ["tree"]:
                whole = "recursive=true" in self.path.lower()
                entries = [entry for entry in listing(found, "/".join(parts[6:])) if whole or entry["here"]]
                if not entries and len(parts) > 6:
                    return self.missing("EntryNotFound")
                return self.reply(200, entries, Content_Type="application/json")
            name, private = "/".join(parts[2:4]), repo.private
            siblings = [{"rfilename": path} for path in found]
            told = {"id": name, "private": private, "siblings": siblings, "sha": sha(found), "tags": []}
            return self.reply(200, told | {"cardData": front_matter(found.get("README.md", b""))})
        if len(parts) > 4 and parts[2] == "resolve":
            repo = self.server.repos.get("/".join(parts[:2]))
            branch = repo and next((b for n, b in repo.branches.items() if parts[3] in (n, sha(b))), None)
            if repo is None or branch is None:
                return self.missing("RepoNotFound")
            data = branch.get("/".join(parts[4:]))
            if data is None:
                return self.missing("EntryNotFound")
            return self.reply(200, data, ETag=f'"{hashlib.sha256(data).hexdigest()}"', X_Repo_Commit=sha(branch))
        return self.missing("EntryNotFound")

    do_HEAD = do_GET

    def do_POST(self) -> None:
        parts = urlsplit(self.path).path.strip("/").split("/")
        body = self.body()
        self.server.tokens.add(self.headers.get("Authorization", ""))
        if parts == ["api", "repos", "create"]:
            asked = json.loads(body)
            name = f"{asked['organization']}/{asked['name']}" if asked.get("organization") else asked["name"]
            self.server.repos[name] = Repo(asked.get("visibility") == "private" or asked.get("private", False))
            return self.reply(200, {"url": f"{self.server.address}/{name}"})
        if parts == ["api", "validate-yaml"]:
            return self.reply(200, {})
        if parts[-2:] == ["objects", "batch"]:
            return self.reply(
                200, {"transfer": "basic", "objects": [self.large(each) for each in json.loads(body)["objects"]]}
            )
        repo = self.server.repos["/".join(parts[2:4])]
        if parts[4] == "branch":
            repo.branches.setdefault(parts[5], dict(repo.branches["main"]))
            return self.reply(200, {})
        if parts[4] == "preupload":
            branch = repo.branches[parts[5]]
            files = [
                {
                    "path": each["path"],
                    "uploadMode": "lfs" if each["path"].endswith(LARGE) else "regular",
                    "shouldIgnore": False,
                    "oid": stored_oid(each["path"], branch),
                }
                for each in json.loads(body)["files"]
            ]
            return self.reply(200, {"files": files})
        return self.commit(repo, parts[5], [json.loads(line) for line in body.splitlines()])

    def large(self, each: dict[str, Any]) -> dict[str, Any]:
        answer = {"oid": each["oid"], "size": each["size"]}
        if each["oid"] in self.server.large:
            return answer  # it is here already: nothing to send
        return answer | {"actions": {"upload": {"href": f"{self.server.address}/large/{each['oid']}"}}}

    def commit(self, repo: Repo, revision: str, lines: list[dict[str, Any]]) -> None:
        branch = dict(repo.branches[revision])
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                branch[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                branch[value["path"]] = self.server.large[value["oid"]]
        pull_request = "create_pr=1" in self.path
        repo.branches["refs/pr/1" if pull_request else revision] = branch
        repo.commits.append(revision)
        address = f"{self.server.address}/me/model/commit/{sha(branch)}"
        answer = {"success": True, "commitOid": sha(branch), "commitUrl": address}
        self.reply(
            200, answer | ({"pullRequestUrl": f"{self.server.address}/me/model/discussions/1"} if pull_request else {})
        )

    def do_PUT(self) -> None:
        data = self.body()
        oid = self.path.rpartition("/")[2]
        if oid in self.server.failing:
            return self.reply(403, b"refused")
        assert hashlib.sha256(data).hexdigest() == oid
        self.server.put.append(oid)
        self.server.large[oid] = data
        return self.reply(200)


def front_matter(card: bytes) -> Any:
    return yaml.safe_load(card.decode().split("---\n")[1]) if card.startswith(b"---\n") else None


def listing(files: dict[str, bytes], folder: str) -> list[dict[str, Any]]:
    """Return what lies below a folder, files and folders; `here` are those that lie in it."""
    below = {path: data for path, data in files.items() if path.startswith(f"{folder}/" if folder else "")}
    depth = folder.count("/") + 1 if folder else 0
    folders = {"/".join(path.split("/")[:n]) for path in below for n in range(depth + 1, path.count("/") + 1)}
    entries = [{"type": "directory", "path": path, "oid": git_oid(path.encode())} for path in sorted(folders)]
    entries += [{"type": "file", "path": path, "size": len(data), "oid": git_oid(data)} for path, data in below.items()]
    return [entry | {"here": str(entry["path"]).count("/") == depth} for entry in entries]


def sha(files: dict[str, bytes]) -> str:
    """A commit's hash: of its files."""
    return hashlib.sha1(repr(sorted((path, git_oid(data)) for path, data in files.items())).encode()).hexdigest()


def stored_oid(path: str, files: dict[str, bytes]) -> str | None:
    """What the Hub says of a file that it has: Git's hash, or of a large one the SHA-256."""
    if path not in files:
        return None
    return hashlib.sha256(files[path]).hexdigest() if path.endswith(LARGE) else git_oid(files[path])


def git_oid(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
