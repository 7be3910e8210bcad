"""The minutes on a named card: those of the measurement where one was made, and labeled as an estimate."""

from dataclasses import replace

import pytest

from pgt_lora.models.published import PUBLISHED
from pgt_lora.training.dry_run.cards import CARDS, card_of, named_card
from pgt_lora.training.dry_run.duration import durations, operations
from pgt_lora.training.dry_run.pace import MEASURED, reached, share_reached
from tests.support.dry_runs import call, offline


@pytest.mark.slow
def test_it_gives_back_what_was_measured() -> None:
    """On an H200, 16 samples of 333 tokens at a time: 22,600 tokens a second; on an H100 of 371: 20,345."""
    model = offline("qwen2.5-vl-3b").model
    for name, length, size, rate in (("h200", 333, 16, 22_600), ("h200", 333, 64, 26_500), ("h100", 371, 16, 20_345)):
        per_token = operations(model, 1, length, 4 / length)
        found = CARDS[name].rate * reached(MEASURED[name], size * length) / per_token
        assert found == pytest.approx(rate, rel=0.04)


def test_between_measurements_it_lies_between_them() -> None:
    shares = MEASURED["h200"]
    assert [reached(shares, tokens) for tokens, _ in shares] == pytest.approx([share for _, share in shares])
    assert reached(shares, 1) == shares[0][1]
    assert reached(shares, 1e9) == shares[-1][1]
    rising = [reached(shares, tokens) for tokens in range(1000, 30_000, 500)]
    assert rising == sorted(rising)


def test_a_slower_card_takes_longer_and_names_what_it_goes_by() -> None:
    found = offline("qwen2.5-vl-3b")
    times = {name: durations(found, name, CARDS[name]) for name in ("h200", "l40s", "a100", "4090", "l4")}
    assert {each.measured_on for ways in times.values() for each in ways} == {"h200"}
    own = {name: ways[0].loop for name, ways in times.items() if ways[0].fit.size == 4}
    assert len(own) >= 4
    assert list(own.values()) == sorted(own.values())
    # A slower card waits less for the host: it loses less than its rate says.
    assert 1 < own["a100"] / own["h200"] < CARDS["h200"].rate / CARDS["a100"].rate
    first, largest = durations(found, "h100", CARDS["h100"])
    assert (first.fit.size, largest.fit.size) == (4, 16)
    assert first.loop > largest.loop
    assert first.features == largest.features > 0
    assert first.measured_on == "h100"
    assert durations(offline("qwen2.5-vl-72b"), "4090", CARDS["4090"]) == []
    (only,) = durations(offline("qwen2.5-vl-72b"), "h100", CARDS["h100"])
    assert only.fit.four_bit


def test_a_stream_has_no_cache_of_features() -> None:
    found = offline("qwen2.5-vl-3b")
    streamed = replace(found, recipe=replace(found.recipe, kit=replace(found.recipe.kit, streaming=True)))
    usual, computed_anew = (durations(each, "h100", CARDS["h100"])[0] for each in (found, streamed))
    assert computed_anew.features == pytest.approx(2 * usual.features, rel=0.02)  # in each of two epochs
    assert computed_anew.loop == usual.loop


def test_every_published_model_has_a_tower() -> None:
    assert len(PUBLISHED) > 10
    for recipe in ("qwen2.5-vl-3b", "internvl3-8b", "llava-next-vicuna-7b"):
        model = offline(recipe).model
        assert 0.2e9 < model.num_vision < 1e9
        assert model.num_vision < model.num_parameters - model.num_in_layers


def test_check_says_that_it_is_an_estimate(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = call(monkeypatch, capsys, "qwen2.5-vl-3b", "--offline", "--gpu", "RTX 4090")
    assert status == 0
    told = " ".join(out.split())
    assert "One RTX 4090, 23.5 GiB, 165.2 TFLOP/s by its data sheet: AN ESTIMATE" in told
    assert "Qwen2.5-VL-3B reached in bf16 on one H200" in told
    status, _, error = call(monkeypatch, capsys, "qwen2.5-vl-3b", "--offline", "--gpu", "voodoo2")
    assert (status, "--gpu voodoo2: unknown; known: 3090, 4090" in error) == (2, True)


def test_a_card_is_known_by_the_name_that_cuda_gives_it() -> None:
    assert named_card("RTX-4090")[0] == named_card("4090")[0] == "4090"
    cards = {
        "NVIDIA L40S": "l40s",
        "NVIDIA L4": "l4",
        "NVIDIA A100-SXM4-40GB": "a100-40gb",
        "NVIDIA H100 NVL": "h100-nvl",
    }
    assert {name: card_of(name) for name in cards} == cards
    assert card_of("NVIDIA L40") is None


def test_a_card_of_half_the_rate_is_as_busy_with_half_the_tokens() -> None:
    half = CARDS["h200"].rate / CARDS["a100"].rate
    assert share_reached("a100", 2000) == pytest.approx(share_reached("h200", 2000 * half))
    assert share_reached("h100", 2000) == reached(MEASURED["h100"], 2000)
