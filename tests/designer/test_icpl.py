"""Rankings steer the search: answers, not scores, choose the parents; the prompts show best, worst and the way between."""

from __future__ import annotations

import re

import pytest

from designer.archive import Archive
from designer.assemble import make_loop
from designer.config import SearchConfig
from designer.display import Silent
from designer.executors.fake import Fake
from designer.journal import Asked, OpinionTaken
from designer.opinions import rank
from designer.preferences.steering import preferences, preferred, tie_broken
from designer.records import Ranking, Verb
from designer.search import Advance, Ask, Propose, Stop
from designer.search.asking import Asking
from designer.search.icpl import NOBODY_ANSWERED, Icpl
from tests.designer.example_run import candidate, finals, proposed, started, trained, trial
from tests.designer.small_run import config, small_run
from tests.designer.test_loop import STARTED, attempt
from tests.designer.test_opinions import answering, prompts_of

SMALL = SearchConfig(rule="icpl", rounds=2, population=3, final_seeds=5)


def first_round(scores=(1.0, 2.0, 3.0)) -> Archive:
    names = [f"g01c0{k}" for k in range(len(scores))]
    events = [started(), *(proposed(candidate(name)) for name in names)]
    return Archive.of([*events, *(trained(trial(name, "search", 1, s)) for name, s in zip(names, scores, strict=True))])


def answer(*best_first: str, by: str = "ann", id: str = "1", round_: int = 2) -> OpinionTaken:
    ranking = Ranking(shown=best_first, places=tuple(range(len(best_first))))
    return OpinionTaken(id=id, kind="rank", round=round_, by=by, ranking=ranking)


def test_parents_are_the_preferred_and_not_the_fittest():
    archive = first_round()
    archive.add(answer("g01c00", "g01c01", "g01c02"))
    action = Icpl(SMALL, ()).next(archive)
    assert isinstance(action, Propose)
    assert [(slot.verb, slot.parents) for slot in action.slots] == [
        (Verb.INIT, ()), (Verb.MUTATE, ("g01c00",)), (Verb.CROSSOVER, ("g01c00", "g01c01")),
    ]  # fmt: skip


def test_without_an_answer_a_round_is_written_anew_and_there_is_no_winner():
    archive = first_round()
    action = Icpl(SMALL, ()).next(archive)
    assert isinstance(action, Propose)
    assert all(slot.verb is Verb.INIT for slot in action.slots)
    assert Icpl(SMALL.model_copy(update={"rounds": 1}), ()).next(archive) == Stop(NOBODY_ANSWERED, None)


def test_the_winner_is_the_strongest_by_the_answers():
    archive = first_round()
    archive.add(answer("g01c01", "g01c00", "g01c02"))
    search = Icpl(SMALL.model_copy(update={"rounds": 1}), ())
    action = search.next(archive)
    assert isinstance(action, Advance)
    assert [batch.candidate for batch in action.batches] == ["g01c01"]
    archive.add(finals("g01c01", (1.0, 1.0, 1.0, 1.0, 1.0)))
    stop = search.next(archive)
    assert isinstance(stop, Stop)
    assert stop.winner == "g01c01"


def test_raters_are_asked_once_before_a_round_and_nothing_is_waited_for():
    archive, search = first_round(), Asking(Icpl(SMALL, ()), rounds=2)
    assert search.next(archive) == Ask(2)
    archive.add(Asked(round=2))
    assert isinstance(search.next(archive), Propose)


def test_two_raters_who_disagree_steer_in_turns():
    archive = first_round((1.0, 2.0, 3.0, 4.0))
    names = ("g01c00", "g01c01", "g01c02", "g01c03")
    archive.add(answer(*names, by="ann", id="1"))
    archive.add(answer(*reversed(names), by="ben", id="2"))
    best = {round_: found.ordered()[0] for round_ in (2, 3) if (found := preferences(archive, round_))}
    assert set(best.values()) == {"g01c00", "g01c03"}


def test_an_answer_that_was_taken_back_steers_nothing():
    archive = first_round()
    archive.add(answer("g01c00", "g01c01"))
    archive.add(OpinionTaken(id="2", kind="undo", name="1", round=2))
    assert preferences(archive, 2) is None


def test_with_a_fitness_answers_only_break_ties():
    archive = first_round((1.0, 1.0, 3.0))
    archive.add(answer("g01c01", "g01c00", "g01c02"))
    assert tie_broken(archive, ["g01c02", "g01c00", "g01c01"]) == ["g01c02", "g01c00", "g01c01"]
    assert tie_broken(archive, ["g01c00", "g01c01"]) == ["g01c01", "g01c00"]


def test_the_way_of_the_best_is_told_oldest_first():
    archive = first_round()
    archive.add(answer("g01c00", "g01c01", "g01c02"))
    archive.add(proposed(candidate("g02c00")))
    archive.add(answer("g02c00", "g01c00", "g01c02", id="2", round_=3))
    archive.add(answer("g02c00", "g01c00", id="3", round_=3))
    found = preferred(archive, 3)
    assert found is not None
    assert (found.best, found.worst, found.before) == ("g02c00", "g01c02", ("g01c00",))


def ranking_run(tmp_path, **feedback):
    return small_run(
        tmp_path, search={"rule": "icpl", "rounds": 3}, feedback={"source": "ranking", "rater": "simulated", **feedback}
    )


def test_a_played_rater_steers_a_whole_run_and_the_prompts_show_best_worst_and_the_change(tmp_path):
    run = ranking_run(tmp_path, answers=6)
    llm = answering(run, lambda: None)
    archive = attempt(run, Fake(), llm)
    assert archive.asked == {2, 3, 4}
    assert sum(opinion.by == "simulated" for opinion in archive.opinions) == 18
    third = next(prompt for prompt in prompts_of(llm, 3) if "What people prefer" in prompt)
    assert "do NOT base anything on it" in third
    assert "```diff\n---" in third or "How the preferred reward changed" not in third
    best = max(archive.candidates, key=lambda name: archive.search_score(name) or 0.0)
    assert archive.finished.winner == best


def test_what_the_rater_knows_reaches_no_prompt(tmp_path):
    told = {}
    for rule in ("icpl", "halving"):
        feedback = {"source": "ranking", "rater": "simulated", "answers": 6}
        run = small_run(tmp_path / rule, search={"rule": rule, "rounds": 3}, feedback=feedback)
        llm = answering(run, lambda: None)
        attempt(run, Fake(), llm)
        told[rule] = "".join(prompts_of(llm, 2) + prompts_of(llm, 3))
    assert re.search(r"task score[^.\n]*\d", told["halving"])
    assert not re.search(r"task score[^.\n]*\d", told["icpl"])
    assert "trained, not scored" in told["icpl"]


def test_the_same_run_done_again_gives_the_same_answers(tmp_path):
    told = []
    for place in ("one", "two"):
        run = ranking_run(tmp_path / place, answers=4, error=0.3)
        archive = attempt(run, Fake(), answering(run, lambda: None))
        told.append([opinion.ranking for opinion in archive.opinions])
    assert told[0] == told[1] != []


def test_a_persons_answers_are_taken_up_where_the_next_round_begins(tmp_path):
    run = small_run(tmp_path, search={"rule": "icpl"}, feedback={"source": "ranking", "wait_s": 1.0, "answers": 1})
    preferred_one = Ranking(shown=("g01c00", "g01c02"), places=(0, 1))

    class Person(Silent):
        def happened(self, event, archive):
            if event.event == "trials_finished" and len(archive.trials) == 3:
                rank(run, preferred_one, "ann")

    loop = make_loop(run, Fake(), Person(), lambda line: None, answering(run, lambda: None))
    loop.record(STARTED)
    archive = loop.design(2)
    assert [opinion.by for opinion in archive.opinions] == ["ann"]
    assert archive.candidates["g02c01"].parents[0] == "g01c00"


@pytest.mark.parametrize("source", ["fitness", "ranking"])
def test_a_source_is_one_of_two(source):
    assert config(feedback={"source": source}).feedback.source == source
