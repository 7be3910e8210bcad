"""A server that speaks OpenAI's form, and the questions of rows asked there."""

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pgt_lora.core.errors import InputError
from pgt_lora.core.terminal import track
from pgt_lora.data.images import data_url, plain_file
from pgt_lora.data.turns import IMAGE, Turn, turns
from pgt_lora.evaluation.generation import Generation

if TYPE_CHECKING:
    from huggingface_hub import InferenceClient


@dataclass(frozen=True)
class Endpoint:
    """A server that speaks OpenAI's form, the name of a model there, and what a request says of the generation.

    With `server_settings`, a request says only how long an answer may be; `extra` are further fields of it.
    """

    url: str
    name: str
    server_settings: bool = False
    extra: Mapping[str, Any] | None = None
    parallel: int = 1


def ask_all(endpoint: Endpoint, rows: Any, generation: Generation) -> list[str]:
    """Return a served model's answers to the questions of rows, in their order.

    Raises:
        InputError: the server cannot be reached, or refuses a request.
    """
    client = open_client(endpoint.url)
    settings: dict[str, Any] = {"max_tokens": generation.max_new_tokens}
    if not endpoint.server_settings:
        # Greedy; and Transformers' server makes a repetition penalty of 1 of a frequency penalty of 0.
        settings |= {"temperature": 0.0, "frequency_penalty": 0.0}
    if endpoint.extra:
        settings["extra_body"] = dict(endpoint.extra)

    def ask(index: int) -> str:
        asked = messages(rows[index])
        answer = _call(endpoint.url, lambda: client.chat_completion(asked, model=endpoint.name, **settings))
        try:
            return answer.choices[0].message.content or ""
        except (AttributeError, IndexError, TypeError) as error:
            raise InputError(
                f"{endpoint.url}: answers {str(answer)[:200]!r}, no chat completion in OpenAI's form"
            ) from error

    with ThreadPoolExecutor(endpoint.parallel) as pool:
        try:
            return list(track(pool.map(ask, range(len(rows))), len(rows), "Asking"))
        except InputError:
            pool.shutdown(cancel_futures=True)  # the first refusal ends it
            raise


def open_client(url: str) -> "InferenceClient":
    """Return a client of a server; the key is OPENAI_API_KEY's, and never the token of the Hub's login."""
    from huggingface_hub import InferenceClient

    return InferenceClient(base_url=url, api_key=os.environ.get("OPENAI_API_KEY") or "none", timeout=600)


def only_model(url: str) -> str:
    """Return the name of the one model that a server lists.

    Raises:
        InputError: it lists none, or several.
    """
    from huggingface_hub.utils import get_session

    address = url.rstrip("/").removesuffix("/v1") + "/v1/models"
    key = os.environ.get("OPENAI_API_KEY") or "none"
    answer = _call(url, lambda: get_session().get(address, headers={"Authorization": f"Bearer {key}"}))
    try:
        names = [str(each["id"]) for each in answer.json()["data"]]
    except (ValueError, KeyError, TypeError) as error:
        said = f"status {answer.status_code}; {' '.join(answer.text.split())[:200]}"
        raise InputError(f"{address}: lists no models ({said}); choose one with --name") from error
    if len(names) != 1:
        raise InputError(f"{url}: lists {', '.join(names) or 'no model'}; choose one with --name")
    return names[0]


def _call(url: str, request: Any) -> Any:
    try:
        return request()
    except Exception as error:  # of httpx or httpx2, by the version of huggingface_hub, or of JSON
        said = " ".join(str(error).split()) or type(error).__name__
        body = getattr(getattr(error, "response", None), "text", "")
        hint = "; HF_HUB_OFFLINE must not be set" if os.environ.get("HF_HUB_OFFLINE") else ""
        raise InputError(
            f"{url}: the request failed ({said}{f'; {body[:300]}' if body and body not in said else ''}); is the "
            f"server up, and is --name the model's name there?{hint}"
        ) from error


def messages(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a row's turns up to the last question in OpenAI's form, with the images as data URLs."""
    images = iter(row["images"])
    said = turns(row)
    asked = said[:-1] if said[-1].role == "assistant" else said
    return [{"role": turn.role.value, "content": list(_parts(turn, images, row["id"]))} for turn in asked]


def _parts(turn: Turn, images: Any, where: str) -> Any:
    for part in turn.parts:
        if part is IMAGE:
            yield {"type": "image_url", "image_url": {"url": data_url(plain_file(next(images), f"row {where}"))}}
        else:
            yield {"type": "text", "text": part}
