"""Shares: an image counts once, and intervals are Wilson's."""

import pytest
from scipy.stats import binomtest

from pgt_lora.studies.diagnose.shares import Share
from tests.support import planted
from tests.support.diagnoses import answered


def test_an_image_counts_once() -> None:
    skill = next(skill for skill in answered(planted.knows) if skill.task == "relation")
    assert skill.right == Share(120, 120)
    assert [wording.right.total for wording in skill.wordings] == [120, 120, 120]
    distance = next(skill for skill in answered(planted.dice) if skill.task == "distance")
    assert distance.wordings[0].right.total == 120  # each asked twice, in two orders


def test_intervals_of_verdicts_are_wilsons_at_999() -> None:
    expected = binomtest(30, 100).proportion_ci(0.999, method="wilson")
    assert (Share(30, 100).low, Share(30, 100).high) == pytest.approx((expected.low, expected.high), abs=1e-6)
