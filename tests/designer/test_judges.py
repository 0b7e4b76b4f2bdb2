"""Critic and analyst: probed before they are trusted, bounded, and believed only as far as the numbers go."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from designer.check import check
from designer.errors import ModelUnreachableError
from designer.executors.fake import Fake
from designer.executors.results import Episode
from designer.feedback.analyst import ANALYST, Claim, confirmed
from designer.feedback.critic import CRITIC, opposites
from designer.journal import JudgeSwitchedOff
from designer.llm.answers import read_answer
from designer.llm.scripted import Scripted
from designer.records import StateTable, Status, Verb
from tests.designer.cheetah_table import cheetah_table
from tests.designer.small_run import reply, small_run
from tests.designer.test_loop import attempt

WORLDS = Path(__file__).parent / "golden" / "worlds"
FINE = '```json\n{"verdict": "train", "faults": []}\n```'
BAD = json.dumps(
    {"verdict": "mend", "faults": [{"line": 7, "problem": "it pays for falling", "case": "pitch 3", "fix": "gate"}]}
)
NO_CAUSE = '{"causes": []}'
OTHER = {"first": "second", "second": "first"}
CAUSE = {"cause": "it stops", "quantity": "torso_pitch", "from_step": 0, "to_step": 90, "change": "rises", "suggestion": "pay"}
WRONG = {**CAUSE, "change": "falls", "cause": "it flies"}


class Model:
    """A sound proposer with a sober critic and analyst, each changeable by role."""

    def __init__(self, **said):
        self.said = said

    def __call__(self, request):
        key = request.key
        if str(key) in self.said or key.role in self.said:
            answer = self.said.get(str(key), self.said.get(key.role))
            return answer(request) if callable(answer) else answer
        match key.role:
            case "critic-probe":
                return BAD if key.sample < 2 else json.dumps({"better": choice(request)})
            case "critic":
                return FINE
            case "analyst-probe":
                return NO_CAUSE if key.sample < 2 else json.dumps({"causes": [cause_of(request)]})
            case "analyst":
                return json.dumps({"causes": [CAUSE, WRONG]})
        return reply(key.round + key.sample / 10 + key.attempt)


def choice(request) -> str:
    """Prefer the reward without the minus, wherever it stands."""
    first = request.messages[-1].content.split("The second:")[0]
    return "second" if '"level": -' in first.split("## Two rewards")[1] else "first"


def cause_of(request, of: str = "failing") -> dict[str, object]:
    """Say what the failing (or, wrongly, the best) episode's only quantity does."""
    told = request.messages[-1].content.split(f"## The {of} episode")[1]
    return {
        **{"cause": "it goes the wrong way", "quantity": "torso_position[x]", "from_step": 0, "to_step": 100},
        "change": "rises" if "rises" in told.split("## ")[0] else "falls",
    }


def run_of(folder, **llm):
    return small_run(folder, llm={"critic": 1, "analyst": True, **llm})


def keys(llm, role):
    return [str(request.key) for request in llm.requests if request.key.role == role]


def test_sound_judges_are_probed_once_and_read_every_candidate_that_a_model_wrote(tmp_path):
    run, llm = run_of(tmp_path), Scripted(Model())
    archive = attempt(run, Fake(), llm)
    assert sorted(keys(llm, "critic-probe")) == [f"r00-critic-probe-s0{k}-a0" for k in range(4)]
    assert len(keys(llm, "critic")) == 6
    assert archive.judges_off == {}
    assert {verdict.criticised for verdict in archive.verdicts.values()} == {0}
    assert archive.finished.winner


def test_candidate_that_the_critic_faults_is_sent_back_with_the_counter_example_and_trained_mended(tmp_path):
    run, llm = run_of(tmp_path), Scripted(Model(**{"r01-critic-s01-a1": BAD}))
    archive = attempt(run, Fake(), llm)
    verdict = archive.verdicts["g01c01"]
    assert (verdict.status, verdict.criticised, len(verdict.criticism)) == (Status.OK, 1, 1)
    (asked,) = [r for r in llm.requests if r.key.role == Verb.REPAIR]
    assert "it pays for falling For example: pitch 3" in asked.messages[-1].content
    assert archive.candidates["g01c01"].source in reply(1 + 0.1 + 11)


@pytest.mark.parametrize("rounds", [1, 2])
def test_critic_that_is_never_content_gets_no_more_than_its_rounds(tmp_path, rounds):
    run, llm = run_of(tmp_path, critic=rounds), Scripted(Model(critic=BAD))
    archive = attempt(run, Fake(), llm)
    assert {verdict.criticised for verdict in archive.verdicts.values()} == {rounds}
    assert len(keys(llm, "critic")) == 6 * rounds


def test_critics_mistake_can_reject_nothing(tmp_path):
    """It sends a sound reward back; the mended one is broken; the sound one is trained."""
    run, llm = run_of(tmp_path), Scripted(Model(critic=BAD, repair="no code at all"))
    archive = attempt(run, Fake(), llm)
    assert {verdict.status for verdict in archive.verdicts.values()} == {Status.OK}
    assert {verdict.criticised for verdict in archive.verdicts.values()} == {0}


@pytest.mark.parametrize(
    "nonsense", ["", "train it", '{"verdict": "perhaps"}', "[1]", '{"verdict": "mend", "faults": []}', "{" * 9000]
)
def test_answer_that_is_no_judgement_is_ignored(tmp_path, nonsense):
    run, llm = run_of(tmp_path), Scripted(Model(critic=nonsense, analyst=nonsense))
    assert attempt(run, Fake(), llm).finished.winner
    assert keys(llm, "repair") == []


@pytest.mark.parametrize(
    ("probe", "answer", "said"),
    [
        ("r00-critic-probe-s00-a0", FINE, "empty reward"),
        ("r00-critic-probe-s01-a0", FINE, "master-key strings"),
        ("critic-probe", lambda r: BAD if r.key.sample < 2 else '{"better": "first"}', "order swap"),
        ("critic-probe", lambda r: BAD if r.key.sample < 2 else '{"better": "second"}', "order swap"),
        ("critic-probe", lambda r: BAD if r.key.sample < 2 else json.dumps({"better": OTHER[choice(r)]}), "order swap"),
    ],
)
def test_critic_that_fails_a_probe_is_switched_off_and_says_why(tmp_path, probe, answer, said):
    run, llm = run_of(tmp_path), Scripted(Model(**{probe: answer}))
    archive = attempt(run, Fake(), llm)
    assert said in archive.judges_off[CRITIC]
    assert keys(llm, "critic") == []
    assert archive.finished.winner
    assert len([e for e in run.events() if isinstance(e.event, JudgeSwitchedOff)]) == 1


def test_analyst_that_sees_causes_in_nothing_is_switched_off(tmp_path):
    run, llm = run_of(tmp_path), Scripted(Model(**{"analyst-probe": json.dumps({"causes": [CAUSE]})}))
    archive = attempt(run, Fake(), llm)
    assert "empty rollout" in archive.judges_off[ANALYST]
    assert keys(llm, "analyst") == []


@pytest.mark.parametrize(
    "blind",
    [
        lambda request: NO_CAUSE,
        lambda request: json.dumps({"causes": [{**CAUSE, "quantity": "torso_position[x]", "to_step": 100}]}),
        lambda request: json.dumps({"causes": [cause_of(request, of="best")]}),
    ],
    ids=["sees nothing in what is plain", "says the same of both orders", "reads the wrong episode"],
)
def test_analyst_that_does_not_turn_round_when_the_episodes_are_swapped_is_switched_off(tmp_path, blind):
    llm = Scripted(Model(**{"analyst-probe": lambda r: NO_CAUSE if r.key.sample < 2 else blind(r)}))
    archive = attempt(run_of(tmp_path), Fake(), llm)
    assert "order swap" in archive.judges_off[ANALYST]
    assert keys(llm, "analyst") == []
    assert archive.finished.winner


@pytest.mark.parametrize("world", sorted(path.stem for path in WORLDS.glob("*.json")))
def test_probe_rewards_of_every_world_are_sound_and_opposite(world):
    table = StateTable.model_validate_json((WORLDS / f"{world}.json").read_bytes())
    pair = opposites(table)
    assert [check(f"import torch\n\n\n{source}", table) for source in (pair.serves, pair.defeats)] == [(), ()]
    assert pair.serves.replace('"level": ', '"level": -') == pair.defeats


def test_probe_rewards_without_a_signed_quantity_are_about_the_action():
    table = cheetah_table()
    unsigned = table.model_copy(update={"fields": tuple(f.model_copy(update={"low": f.high}) for f in table.fields)})
    assert "a[:, 0]" in opposites(unsigned).serves


def test_only_what_the_numbers_confirm_enters_the_next_prompt(tmp_path):
    run, llm = run_of(tmp_path), Scripted(Model())
    archive = attempt(run, Fake(), llm)
    (review,) = archive.reviews.values()
    assert (len(review.remarks), review.dropped) == (1, 1)
    revised = [r.messages[-1].content for r in llm.requests if r.key.role in ("mutate", "crossover")]
    assert revised
    assert all("it stops (confirmed by the numbers: torso_pitch rises between steps 0 and 90)" in text for text in revised)
    assert not any("it flies" in text for text in revised)


def test_killed_run_asks_no_judge_twice(tmp_path):
    class GoneAt(Model):
        """Out of reach from the n-th call on."""

        def __init__(self, last):
            super().__init__(critic=BAD)
            self.calls, self.last = 0, last

        def __call__(self, request):
            self.calls += 1
            if self.calls > self.last:
                raise ModelUnreachableError("gone")
            return super().__call__(request)

    whole = Scripted(GoneAt(10**6))
    expected = attempt(run_of(tmp_path / "whole"), Fake(), whole)
    run = run_of(tmp_path / "killed")
    asked = []
    for last in (3, 4, 6, 9):
        llm = Scripted(GoneAt(last))
        with pytest.raises(ModelUnreachableError):
            attempt(run, Fake(), llm)
        asked += [str(r.key) for r in llm.requests[:last]]
    llm = Scripted(GoneAt(10**6))
    archive = attempt(run, Fake(), llm)
    asked += [str(r.key) for r in llm.requests]
    assert len(asked) == len(set(asked))
    assert (archive.candidates, archive.finished) == (expected.candidates, expected.finished)


# What is confirmed --------------------------------------------------------------------------------------------------

EPISODE = Episode(fitness=1.0, steps=100, edges=(0, 25, 50, 75, 100), stages={"torso_pitch": (0.0, 0.0, 1.0, 2.0)}, events=())


@pytest.mark.parametrize(
    ("change", "first", "last", "fine"),
    [
        ("rises", 0, 100, True),
        ("rises", 30, 60, True),
        ("rises", 0, 40, False),
        ("falls", 0, 100, False),
        ("stays", 0, 50, True),
        ("stays", 0, 100, False),
        ("rises", 60, 30, False),
        ("rises", 0, 101, False),
        ("rises", -5, 100, False),
    ],
)
def test_claim_is_held_against_the_stages(change, first, last, fine):
    claim = Claim(cause="c", quantity="s.torso_pitch", from_step=first, to_step=last, change=change)
    assert confirmed(claim, EPISODE, cheetah_table()) is fine


def test_claim_about_an_unknown_quantity_or_without_a_cause_is_dropped():
    fine = {"from_step": 0, "to_step": 100, "change": "rises"}
    assert not confirmed(Claim(cause="c", quantity="torso_pitsch", **fine), EPISODE, cheetah_table())
    assert not confirmed(Claim(cause=" ", quantity="torso_pitch", **fine), EPISODE, cheetah_table())


@pytest.mark.parametrize(
    "wrapped", ["{0}", "```json\n{0}\n```", "<think>{{}}</think>\nSo:\n{0}\nDone.", "a {{b}} \n```\n{0}\n```"]
)
def test_json_is_found_wherever_it_stands(wrapped):
    text = json.dumps(CAUSE)
    assert read_answer(wrapped.format(text), Claim) == Claim(**CAUSE)
