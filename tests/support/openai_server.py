"""A server on loopback that answers in OpenAI's form, with a real model through plain Transformers alone."""

import base64
import io
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor


@dataclass
class Served:
    """A server's address, the requests that it got, and its answer to every further one where there is one set."""

    address: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    always: str | None = None


def decoded(part: dict[str, Any]) -> dict[str, Any]:
    if part["type"] == "text":
        return part
    file = base64.b64decode(part["image_url"]["url"].partition("base64,")[2])
    return {"type": "image", "image": Image.open(io.BytesIO(file))}


def reply(model: Any, processor: Any, body: dict[str, Any]) -> str:
    """Answer as `transformers serve` does: the checkpoint's own settings, but for what a request says."""
    talk = [{"role": each["role"], "content": [decoded(part) for part in each["content"]]} for each in body["messages"]]
    inputs = processor.apply_chat_template(
        talk, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"
    ).to(model.dtype)
    settings: dict[str, Any] = {"max_new_tokens": body["max_tokens"]}
    if body.get("temperature") == 0:
        settings["do_sample"] = False
    if "frequency_penalty" in body:
        settings["repetition_penalty"] = 1.0 + body["frequency_penalty"]
    with torch.inference_mode():
        ids = model.generate(**inputs, **settings)
    return str(processor.decode(ids[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True))


@contextmanager
def served(directory: Path, base: Path | None = None) -> Iterator[Served]:
    """Serve a checkpoint, or an adapter on a `base`, whose processor is read from its own directory."""
    model: Any = AutoModelForImageTextToText.from_pretrained(base or directory).eval()
    if base:
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, directory).eval()
    own = (directory / "tokenizer.json").is_file()
    processor: Any = AutoProcessor.from_pretrained(directory if own or base is None else base)
    state, lock = Served(), threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            pass

        def answer(self, value: object, status: int = 200) -> None:
            data = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(data)

        def do_GET(self) -> None:
            self.answer({"object": "list", "data": [{"id": "served"}]})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if body["model"] != "served":
                self.answer({"detail": f"unknown model {body['model']}"}, 404)
                return
            with lock:
                state.requests.append(body)
                state.keys.add(self.headers.get("Authorization", ""))
                content = reply(model, processor, body) if state.always is None else state.always
            message = {"role": "assistant", "content": content}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            usage = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
            self.answer(
                {"id": "0", "object": "chat.completion", "created": 0, "model": "served", "choices": [choice]}
                | {"usage": usage, "system_fingerprint": ""}
            )

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
