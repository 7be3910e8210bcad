"""What every model family must guarantee, on small random-weight models of the real classes."""

import copy
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from PIL import Image
from tokenizers import normalizers

from pgt_lora.core.errors import InputError
from pgt_lora.core.plugins import discover
from pgt_lora.core.recipe import RECIPES, load_recipe
from pgt_lora.evaluation.evaluate import Generation, answer
from pgt_lora.models.checkpoint import family, load_model, load_processor
from pgt_lora.models.encoding import IGNORE, Encoder
from pgt_lora.models.placement import check_placement
from pgt_lora.training.finetune import finetune

ADAPTERS = discover("pgt_lora.models.families", "ADAPTER")
LLAVA_FORMS = ("vicuna", "mistral", "llama3")
CASES = [(name, form) for name in ADAPTERS for form in (LLAVA_FORMS if name == "llava_next" else (None,))]
FUSED = ("qwen2_5_vl", "qwen3_vl")  # the vision tower has one projection for queries, keys and values
# The answers that the datasets hold, by their format.
ANSWERS = {"word": "above", "letter": "B", "number": "12", "true_false": "True", "point": "(0.32, 0.57)"}
SIZES = ((112, 112), (112, 230), (300, 100), (448, 448))
PUBLISHED = Path(str(find_spec("trl").origin)).parent / "chat_templates"


class Subject(NamedTuple):
    name: str
    form: str | None
    directory: Path
    encoder: Encoder
    model: Any


@cache
def built(name: str, form: str | None) -> Any:
    tiny = import_module(f"pgt_lora.tiny.{name}")
    return tiny.build_processor(form) if form else tiny.build_processor()


def build_processor(name: str, form: str | None = None) -> Any:
    """A processor that may be changed; its tokenizer is trained only once."""
    return copy.deepcopy(built(name, form))


@pytest.fixture(scope="module", params=CASES, ids=lambda case: "-".join(filter(None, case)))
def subject(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Subject]:
    """A family's model and processor, saved and loaded again as a published checkpoint is."""
    name, form = request.param
    tiny = import_module(f"pgt_lora.tiny.{name}")
    torch.set_num_threads(1)
    torch.manual_seed(0)
    directory = tmp_path_factory.mktemp(name)
    processor = build_processor(name, form)
    tiny.build_model(processor).save_pretrained(directory)
    processor.save_pretrained(directory)
    adapter = family(str(directory))
    assert adapter == ADAPTERS[name]
    encoder = Encoder(adapter, load_processor(str(directory)))
    yield Subject(name, form, directory, encoder, load_model(str(directory)).eval())


def row(answer_text: str = "above", size: tuple[int, int] = (112, 112), question: str = "Where is the red box?") -> Any:
    return {
        "id": f"{answer_text}-{size}",
        "images": [Image.effect_noise(size, 90).convert("RGB")],
        "prompt": [{"role": "user", "content": question}],
        "completion": [{"role": "assistant", "content": answer_text}],
    }


def rows() -> list[Any]:
    """Rows of every answer format, with images of several sizes and questions of several lengths."""
    return [
        row(text, SIZES[i % len(SIZES)], f"Where is the red box? {'Think twice. ' * i}".strip())
        for i, text in enumerate(ANSWERS.values())
    ]


def unpadded(batch: Any, name: str = "input_ids") -> list[list[int]]:
    return [ids[kept.bool()].tolist() for ids, kept in zip(batch[name], batch["attention_mask"], strict=True)]


def supervised_logits(model: Any, encoder: Encoder, part: Sequence[Any]) -> list[torch.Tensor]:
    batch = encoder.training_batch(part)
    labels = batch.pop("labels")[:, 1:]
    with torch.inference_mode():
        logits = model(**batch).logits[:, :-1]
    return [each[kept != IGNORE] for each, kept in zip(logits, labels, strict=True)]


def test_all_families_are_found() -> None:
    assert len(ADAPTERS) >= 3
    assert len({adapter.model_type for adapter in ADAPTERS.values()}) == len(ADAPTERS)
    assert set(import_module("pgt_lora.tiny.llava_next").FORMS) == set(LLAVA_FORMS)
    assert len(CASES) == len(ADAPTERS) + 2


@pytest.mark.parametrize("size", SIZES)
def test_the_prompt_is_what_transformers_makes_of_it(subject: Subject, size: tuple[int, int]) -> None:
    """No resizing, tiling or special token is our own: ids and pixels equal those of the processor's own chat path."""
    sample = row(size=size)
    content = [{"type": "image", "image": sample["images"][0]}, {"type": "text", "text": "Where is the red box?"}]
    expected = subject.encoder.processor.apply_chat_template(
        [{"role": "user", "content": content}],
        add_generation_prompt=True,
        tokenize=True,
        return_dict=True,
        processor_kwargs={"return_tensors": "pt"},
    )
    made = subject.encoder.prompts([sample])
    assert made.keys() == expected.keys()
    for name, values in expected.items():
        assert torch.equal(made[name], values), name


@pytest.mark.parametrize("answer_text", ANSWERS.values(), ids=ANSWERS)
def test_training_continues_the_prompt_of_generation(subject: Subject, answer_text: str) -> None:
    encoder, sample = subject.encoder, row(answer_text)
    (prompt,) = unpadded(encoder.prompts([sample]))
    batch = encoder.training_batch([row("False", (300, 100)), sample])
    whole, labels = unpadded(batch)[1], unpadded(batch, "labels")[1]
    assert whole[: len(prompt)] == prompt
    assert labels == [IGNORE] * len(prompt) + whole[len(prompt) :]
    assert batch["labels"][batch["attention_mask"] == 0].unique().tolist() in ([], [IGNORE])


@pytest.mark.parametrize("answer_text", ANSWERS.values(), ids=ANSWERS)
def test_the_answer_and_one_end_token_are_supervised(subject: Subject, answer_text: str) -> None:
    adapter, processor, tokenizer = (
        subject.encoder.adapter,
        subject.encoder.processor,
        subject.encoder.processor.tokenizer,
    )
    ids = subject.encoder.answer_ids(row(answer_text))
    end = tokenizer.convert_tokens_to_ids(adapter.end_token(processor))
    assert end != tokenizer.unk_token_id or tokenizer.unk_token == adapter.end_token(processor)
    assert ids[-1] == end
    assert end not in ids[:-1]
    assert tokenizer.decode(ids, skip_special_tokens=True).strip() == answer_text
    assert tokenizer.decode(ids).strip() == answer_text + adapter.end_token(processor)
    # What a user gets who tokenises prompt and answer as one text, without any code of ours.
    prompt = subject.encoder.prompt_text(row())
    text = prompt + adapter.answer_prefix(processor) + answer_text
    assert tokenizer(text).input_ids == tokenizer(prompt).input_ids + ids[:-1]


def test_one_bos_where_the_tokenizer_has_one(subject: Subject) -> None:
    tokenizer = subject.encoder.processor.tokenizer
    expected = 0 if tokenizer.bos_token is None else 1
    assert expected == (subject.name == "llava_next")
    template = subject.encoder.processor.chat_template
    for prefix in ("", "{{ bos_token }}" if expected else ""):
        subject.encoder.processor.chat_template = prefix + template
        try:
            for ids in unpadded(subject.encoder.training_batch(rows())):
                assert ids.count(tokenizer.bos_token_id) == expected
                assert expected == 0 or ids[0] == tokenizer.bos_token_id
        finally:
            subject.encoder.processor.chat_template = template


def test_roles_and_markers_are_single_tokens(subject: Subject) -> None:
    """A marker that the tokenizer does not know falls apart into letters, and no error says so."""
    processor = subject.encoder.processor
    markers = re.findall(r"<\|\w+\|>|</?\w+>", subject.encoder.prompt_text(row()))
    assert "<image>" in markers or subject.name != "llava_next"
    for marker in [*markers, subject.encoder.adapter.end_token(processor)]:
        assert len(processor.tokenizer(marker, add_special_tokens=False).input_ids) == 1, marker


def test_batched_generation_equals_one_by_one(subject: Subject) -> None:
    encoder, model, part = subject.encoder, subject.model, rows()
    batch = encoder.prompts(part)
    kept = batch["attention_mask"]
    assert (kept.diff(dim=1) >= 0).all()
    assert kept.min() == 0
    together = list(answer(model, encoder, part, Generation(len(part), 6)))
    assert together == list(answer(model, encoder, part, Generation(1, 6)))
    # Random weights say much the same to everything, so the logits are what tells.
    settings = {"max_new_tokens": 2, "do_sample": False, "output_logits": True, "return_dict_in_generate": True}
    settings["eos_token_id"] = None
    first = torch.stack(model.generate(**batch, **settings).logits)
    for i, sample in enumerate(part):
        alone = torch.stack(model.generate(**encoder.prompts([sample]), **settings).logits)
        torch.testing.assert_close(first[:, i], alone[:, 0], rtol=0, atol=2e-5)


def test_batched_training_equals_one_by_one(subject: Subject) -> None:
    encoder, model, part = subject.encoder, subject.model, rows()
    kept = encoder.training_batch(part)["attention_mask"]
    assert (kept.diff(dim=1) <= 0).all()
    assert kept.min() == 0
    for logits, sample in zip(supervised_logits(model, encoder, part), part, strict=True):
        (alone,) = supervised_logits(model, encoder, [sample])
        torch.testing.assert_close(logits, alone, rtol=0, atol=2e-5)


def test_the_image_reaches_the_answer(subject: Subject) -> None:
    first, second = supervised_logits(subject.model, subject.encoder, [row(), row()])
    assert (first - second).abs().max() > 1e-4


def test_placeholders_are_as_many_as_features(subject: Subject) -> None:
    encoder, model = subject.encoder, subject.model
    counts = []
    for size in SIZES:
        batch = encoder.prompts([row(size=size)])
        pixels = {name: batch[name] for name in ("pixel_values", "image_grid_thw", "image_sizes") if name in batch}
        with torch.inference_mode():
            features = model.model.get_image_features(**pixels).pooler_output
        counts.append(int((batch["input_ids"] == model.config.image_token_id).sum()))
        assert counts[-1] == sum(each.flatten(0, -2).shape[0] for each in features)
    assert counts[0] == {"qwen2_5_vl": 49, "internvl3": 49, "llava_next": 105}.get(subject.name, counts[0])
    assert len(set(counts)) > 1, "images of different sizes are to give different numbers of tokens"


def test_lora_sits_on_the_language_model_alone(subject: Subject) -> None:
    names = [name for name, _ in subject.model.named_modules()]
    layers = range(subject.model.config.get_text_config().num_hidden_layers)
    hit = {name for name in names if re.fullmatch(subject.encoder.adapter.lora_targets, name)}
    assert hit == {f"model.language_model.layers.{i}.self_attn.{kind}_proj" for i in layers for kind in "qkv"}
    suffixed = {name for name in names if name.endswith(("q_proj", "k_proj", "v_proj"))}
    assert (suffixed > hit) == (subject.name not in FUSED), "the vision towers that use the same names"


def test_a_suffix_list_is_refused(subject: Subject) -> None:
    """The usual `q_proj,k_proj,v_proj` lands in the vision tower too, where that has such names."""
    from peft import LoraConfig, get_peft_model

    model = get_peft_model(
        load_model(str(subject.directory)), LoraConfig(target_modules=["q_proj", "k_proj", "v_proj"])
    )
    if subject.name in FUSED:
        placement = check_placement(model, subject.encoder.adapter)
        assert placement.num_modules == 3 * placement.num_layers
    else:
        with pytest.raises(InputError, match="vision_tower"):
            check_placement(model, subject.encoder.adapter)


def test_trl_trains_it(subject: Subject, data_dir: Path, tmp_path: Path) -> None:
    overrides = {
        "model_name_or_path": subject.directory, "model_family": subject.name, "max_steps": 2, "logging_steps": 1,
        "per_device_train_batch_size": 2, "global_batch_size": 4, "warmup_steps": 0,
    }  # fmt: skip
    words = [word for key, value in overrides.items() for word in (f"--{key}", str(value))]
    adapter_dir = finetune(load_recipe(RECIPES / "tiny-qwen2.5-vl.yaml", words), data_dir, tmp_path / "run")
    losses = [float(loss) for loss in re.findall(r'"loss": ([\d.]+)', (adapter_dir / "loss.json").read_text())]
    assert len(losses) == 2
    # Untrained, every token is about as likely as any other.
    expected = torch.tensor(subject.model.config.get_text_config().vocab_size).log().item()
    assert all(abs(loss - expected) < 0.5 for loss in losses)


def test_an_answer_that_merges_with_the_prompt_is_refused(subject: Subject) -> None:
    processor = load_processor(str(subject.directory))
    encoder = replace(subject.encoder, processor=processor)
    last = encoder.prompt_text(row())[-1]
    processor.tokenizer.add_tokens([last + encoder.adapter.answer_prefix(processor) + "above"])
    assert encoder.answer_ids(row("B"))
    with pytest.raises(InputError, match=r"row above-\(112, 112\): its answer 'above' merges"):
        encoder.answer_ids(row("above"))


# LLaVA-NeXT's formats


@pytest.mark.parametrize("form", LLAVA_FORMS)
def test_llava_forms_are_told_apart_by_their_templates(form: str) -> None:
    processor = build_processor("llava_next", form)
    expected = {"vicuna": ("</s>", " "), "mistral": ("</s>", " "), "llama3": ("<|eot_id|>", "")}[form]
    adapter = ADAPTERS["llava_next"]
    assert (adapter.end_token(processor), adapter.answer_prefix(processor)) == expected
    # The tokenizer's own end token is not asked where the template renders one.
    if form == "llama3":
        processor = build_processor("llava_next", form)
        processor.tokenizer.eos_token = "<|end_of_text|>"
        assert adapter.end_token(processor) == "<|eot_id|>"


@pytest.mark.parametrize(("name", "form"), [("llava_next", "mistral"), ("qwen2_5_vl", None), ("qwen3_vl", None)])
def test_published_templates_render_the_same_prompt(name: str, form: str | None) -> None:
    """The small models' templates are our own words for what is published; TRL's package carries three of those."""
    processor = build_processor(name, form)
    encoder = Encoder(ADAPTERS[name], processor)
    ours, ours_end = encoder.prompt_text(row()), encoder.adapter.end_token(processor)
    ours_ids = encoder.answer_ids(row())
    published = build_processor(name, form)
    published.chat_template = (PUBLISHED / f"{name}.jinja").read_text(encoding="utf-8")
    theirs = Encoder(ADAPTERS[name], published)
    assert theirs.prompt_text(row()) == ours
    assert theirs.adapter.end_token(published) == ours_end
    assert theirs.answer_ids(row()) == ours_ids


@pytest.mark.parametrize("form", ["vicuna", "mistral"])
@pytest.mark.parametrize("answer_text", ANSWERS.values(), ids=ANSWERS)
def test_tokenizers_that_prepend_a_space_do_not_double_it(form: str, answer_text: str) -> None:
    """Older conversions of SentencePiece models put a space before every text, so " above" alone has two."""
    processor = build_processor("llava_next", form)
    tokenizer = processor.tokenizer
    space = normalizers.Replace(" ", "▁")
    tokenizer.backend_tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), space])
    tokenizer.backend_tokenizer.pre_tokenizer = None
    encoder = Encoder(ADAPTERS["llava_next"], processor)
    *ids, end = encoder.answer_ids(row(answer_text))
    assert end == tokenizer.eos_token_id
    assert tokenizer.convert_ids_to_tokens(ids)[0].startswith("▁")
    assert "".join(tokenizer.convert_ids_to_tokens(ids)) == "▁" + answer_text.replace(" ", "▁")
    assert tokenizer(" " + answer_text, add_special_tokens=False).input_ids != ids


def test_a_template_without_an_answer_is_refused() -> None:
    processor = build_processor("llava_next", "vicuna")
    processor.chat_template = "{{ 'ASSISTANT:' if add_generation_prompt else 'USER:' }}"
    with pytest.raises(InputError, match="renders no answer behind its generation prompt 'ASSISTANT:'"):
        ADAPTERS["llava_next"].end_token(processor)
