"""A served model is the measured one, or the check says so: real models behind OpenAI's form, on loopback."""

import io
import json
import shutil
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from pgt_lora.cli.app import app
from pgt_lora.core.errors import InputError
from pgt_lora.data.images import data_url
from pgt_lora.export.endpoint import messages
from pgt_lora.export.rounding import LEAST
from pgt_lora.studies.by_name import serve_check
from tests.support.adapters import write_adapter
from tests.support.openai_server import served
from tests.support.scored import BASE, NUM_QUESTIONS


@pytest.fixture(autouse=True)
def loopback(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Loopback is within reach although the Hub is not."""
    from huggingface_hub.utils import close_session

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    close_session()
    yield
    close_session()


def test_the_merged_model_passes(scored_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    with served(scored_run / "merged") as server:
        assert serve_check(scored_run, server.address)  # its name is the only one that is listed
    assert len(server.requests) == NUM_QUESTIONS
    assert {(body["temperature"], body["frequency_penalty"]) for body in server.requests} == {(0.0, 0.0)}
    assert server.keys == {"Bearer none"}, "the Hub's token is nobody else's"


def test_the_adapter_on_its_base_passes(scored_run: Path) -> None:
    with served(scored_run / "adapter", BASE) as server:
        assert serve_check(scored_run, f"{server.address}/v1", name="served", parallel=2)


def test_the_base_and_another_adapter_fail(
    scored_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = write_adapter(BASE, tmp_path / "other", size=0.15)
    with served(other, BASE) as server:
        assert not serve_check(scored_run, server.address)
    assert "measured" in capsys.readouterr().out
    with served(BASE) as server:
        answer = CliRunner().invoke(app, ["serve-check", str(scored_run), "--url", server.address])
    assert answer.exit_code == 1, answer.output


def test_the_servers_own_settings_are_seen(scored_run: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(scored_run / "merged", tmp_path / "merged")
    path = copy / "generation_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"repetition_penalty": 3.0}))
    with served(copy) as server:
        assert serve_check(scored_run, server.address), "a request says how answers are generated"
        assert not serve_check(scored_run, server.address, server_settings=True)
        assert "temperature" not in server.requests[-1]


def test_only_what_rounding_leaves_open_is_excused(scored_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with served(scored_run / "merged") as server:
        server.always = "left"
        assert not serve_check(scored_run, server.address)
        monkeypatch.setitem(LEAST, torch.float32, 10.0)  # now any token is as likely as another
        assert serve_check(scored_run, server.address)


def test_what_cannot_be_asked_is_said_in_one_line(scored_run: Path) -> None:
    with served(scored_run / "merged") as server:
        with pytest.raises(InputError, match="404"):
            serve_check(scored_run, server.address, name="another")
        with pytest.raises(InputError, match="not a JSON object"):
            serve_check(scored_run, server.address, extra="[1]")
    with pytest.raises(InputError, match="is the server up"):
        serve_check(scored_run, server.address)
    with pytest.raises(InputError, match=r"not a run with scores; make one with: pgt-lora run tiny-qwen2\.5-vl$"):
        serve_check("tiny-qwen2.5-vl", server.address)


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (200, {"choices": []}, "no chat completion"), (200, {}, "no chat completion"),
        (200, {"choices": [{"message": None}]}, "no chat completion"), (500, {"error": "no memory"}, "no memory"),
        (200, {"data": None}, "lists no models"), (200, {"data": ["m"]}, "lists no models"),
        (401, {"error": "invalid api key"}, "status 401; .*invalid api key"),
    ],
)  # fmt: skip
def test_what_is_no_answer_is_said_in_one_line(scored_run: Path, status: int, body: dict, says: str) -> None:
    """A server that answers everything alike; without --name, it is asked for its models first."""

    class Stub(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.wfile.write(text)

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Stub)
    Thread(target=server.serve_forever, daemon=True).start()
    name = "m" if "choices" in body or not body or status == 500 else None
    with pytest.raises(InputError, match=says):
        serve_check(scored_run, f"http://127.0.0.1:{server.server_port}", name=name)
    server.shutdown()
    server.server_close()


def test_an_address_without_its_scheme_is_said(scored_run: Path) -> None:
    with pytest.raises(InputError, match="--url localhost:9: begins with neither"):
        serve_check(scored_run, "localhost:9", name="m")


def test_a_conversation_is_asked_with_its_images_where_they_stand(scored_run: Path) -> None:
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "PNG")
    image = {"bytes": file.getvalue(), "path": None}
    text, shown = {"type": "text", "text": "a"}, {"type": "image", "text": None}
    row = {
        "id": "x",
        "images": [image],
        "messages": [
            {"role": "system", "content": [text]},
            {"role": "user", "content": [text, shown]},
            {"role": "assistant", "content": [text]},
        ],
    }
    said = messages(row)
    assert [each["role"] for each in said] == ["system", "user"]
    assert said[1]["content"] == [text, {"type": "image_url", "image_url": {"url": data_url(image["bytes"])}}]
    assert data_url(image["bytes"]).startswith("data:image/png;base64,")


def test_a_set_that_cannot_tell_the_model_from_its_base_is_named(
    scored_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = shutil.copytree(scored_run, tmp_path / "run")
    with served(copy / "merged") as server:
        assert serve_check(copy, server.address)
        assert "tells this model from its base" not in capsys.readouterr().out
        shutil.copy(copy / "finetuned" / "pgt" / "predictions.jsonl", copy / "base" / "pgt" / "predictions.jsonl")
        assert serve_check(copy, server.address)
    assert "tells this model from its base" in capsys.readouterr().out
