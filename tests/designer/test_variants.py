"""Variants on the host: what a setting chooses among, what a box is believed of them, and schedules left to later runs."""

import json

import pytest

from designer import library
from designer.commands import _header, _opening
from designer.config import Config
from designer.errors import ConfigError
from designer.executors import JobResult
from designer.executors.fake import Fake
from designer.library import Memory, aids_told, as_files, with_schedule
from designer.records import Status, Trial
from designer.review.course import way
from designer.runs import create
from designer.search import Batch
from designer.trainers import require_trainer
from designer.trials import _variants, run_batch
from designer.variants import Learner, Schedule, VariantLog, chosen, for_the_trainer, nearness, read_log, schedule_of, sentences
from designer.workbench import Workbench
from tests.designer.cheetah_table import cheetah_table
from tests.designer.small_run import GOOD, NOW, config, task
from tests.designer.test_library import winner
from tests.designer.test_loop import attempt

SIZES = ("half_cheetah", "short", "long")
TABLE = cheetah_table().model_copy(update={"variants": SIZES})
TOLD = {
    "names": list(SIZES),
    "steps": [0.5, 0.3, 0.2],
    "points": [
        {"at": 0.0, "shares": [0.2, 0.4, 0.4], "reached": [None, 0.1, 0.0]},
        {"at": 0.5, "shares": [1.0, 0.0, 0.0], "reached": [0.7, 1.0, 0.9]},
    ],
}
LEARNER = Learner(1000, 64, 0.99)


def settings(**variants) -> Config:
    return config(variants={"rule": "alp", **variants})


class Telling(Fake):
    """A fake whose trainings tell of variants where they were asked to play some."""

    def _train(self, job, folder):
        content = dict(super()._train(job, folder))
        asked = job.spec.get("aids", {}).get("variants")
        return {**content, "variants": [TOLD for _ in job.spec["seeds"]]} if asked else content


# Settings ---------------------------------------------------------------------------------------------------------------


def test_variants_are_off_by_default_and_named_where_they_are_on():
    assert Config().variants.rule == "off"
    assert chosen(Config().variants, SIZES, "half_cheetah") == ()
    (said,) = settings(among="short").aids_told
    assert said == "episodes play short, by learning progress, in the last 20% the task's own alone"
    assert {rule: settings(rule=rule).asks_solved for rule in ("uniform", "even", "alp", "ucb", "window")} == {
        **{"uniform": "", "even": "", "ucb": ""},
        **{"alp": "strict", "window": "strict"},
    }


def test_all_that_the_world_declares_is_played_or_what_is_named_and_always_its_own():
    assert chosen(settings().variants, SIZES, "half_cheetah") == SIZES
    assert chosen(settings(among="long").variants, SIZES, "half_cheetah") == ("half_cheetah", "long")
    assert chosen(settings(among="long, half_cheetah").variants, SIZES, "half_cheetah") == ("half_cheetah", "long")


@pytest.mark.parametrize(
    ("variants", "declared", "message"),
    [
        ({}, (), "half_cheetah declares no variants"),
        ({"among": "lnog"}, SIZES, "'lnog', which is no variant of half_cheetah.*long"),
    ],
)
def test_what_the_world_has_not_is_refused_before_anything_is_trained(variants, declared, message):
    with pytest.raises(ConfigError, match=message):
        require_trainer(settings(**variants), cheetah_table().model_copy(update={"variants": declared}))


def test_unknown_rule_and_another_trainer_are_refused():
    with pytest.raises(ValueError, match="rule"):
        Config.model_validate({"variants": {"rule": "best"}})
    with pytest.raises(ConfigError, match="episodes play"):
        require_trainer(
            settings().model_copy(update={"training": Config().training.model_copy(update={"trainer": "sb3"})}), TABLE
        )


# What a box tells -------------------------------------------------------------------------------------------------------


def trials(folder, **variants) -> tuple[Trial, ...]:
    bench = Workbench(task(), TABLE, settings(**variants), Telling(), folder)
    return run_batch(bench, Batch("g01c00", "search", (1, 2)), GOOD.format(weight=1.0), lambda _: None).trials


def test_trials_hold_what_was_played_and_the_report_says_it(tmp_path):
    first, _ = trials(tmp_path)
    assert first.variants is not None
    assert first.variants.steps == (0.5, 0.3, 0.2)
    job = json.loads((tmp_path / "candidates/g01c00/search-s1-2/train/job.json").read_text())
    assert job["aids"]["variants"] == {"rule": "alp", "names": list(SIZES), "own": 0.2}
    assert way([first], first)[-2:] == [
        "Of all steps 50% in half_cheetah, 30% in short, 20% in long (the task's own is half_cheetah).",
        "Outcome of each variant's last episodes, as its box tells it: half_cheetah 0.7, short 1, long 0.9.",
    ]
    assert sentences(None) == []


def test_box_is_read_with_care():
    assert read_log(TOLD) == VariantLog.model_validate(TOLD)
    assert "\x1b" not in str(read_log({**TOLD, "names": ["a\x1b[0m", "b", "c"]}))
    assert read_log({**TOLD, "steps": [1.0]}) is None
    assert read_log({**TOLD, "names": ["a", "a", "a"]}) is None
    assert read_log({**TOLD, "points": [{"at": 0.0, "shares": [1.0], "reached": [None]}]}) is None
    many = {**TOLD, "points": TOLD["points"] * 1000}
    found = read_log(many)
    assert found is not None
    assert len(found.points) == 40


@pytest.mark.parametrize("content", [{"variants": 3}, {"variants": [{**TOLD, "steps": ["x"] * 3}]}, {"variants": [None]}, {}])
def test_nonsense_of_a_box_is_nothing(content):
    assert _variants(JobResult(Status.OK, "", content, 0, 0, ""), 0) is None


# Memory across runs -----------------------------------------------------------------------------------------------------


def made(folder, name="run", **changes):
    """A run that has ended, in a world with variants."""
    run = create(folder / name, task(**changes.pop("task", {})), TABLE, settings(**changes), NOW)
    attempt(run, Telling())
    return run


def test_a_winners_schedule_is_kept_with_it_and_given_to_a_similar_run(tmp_path):
    root = tmp_path / "library"
    added = library.add(root, made(tmp_path))
    assert added.schedule is not None
    assert (added.schedule.names, added.schedule.at) == (SIZES, (0.0, 0.5))
    assert added.schedule.shares == ((0.2, 0.4, 0.4), (1.0, 0.0, 0.0))
    assert added.evidence.endswith("a schedule of 3 variants by alp")
    assert with_schedule(Memory(), root, task(), TABLE, settings()).schedule is None, "off by default"
    given = with_schedule(Memory(), root, task(), TABLE, settings(memory=True))
    assert given.schedule == added.schedule
    later = create(tmp_path / "later", task(), TABLE, settings(memory=True), NOW, files=as_files(given))
    attempt(later, Telling())
    told = [json.loads(path.read_text()) for path in later.folder.rglob("train/job.json")]
    schedules = [job["aids"]["variants"].get("schedule") for job in told if "aids" in job]
    assert schedules
    assert all(schedule == {"at": [0.0, 0.5], "shares": [[0.2, 0.4, 0.4], [1.0, 0.0, 0.0]]} for schedule in schedules)
    assert any("aids" not in job for job in told), "baselines have none"


def test_a_schedule_never_reaches_a_held_out_task_nor_other_variants_nor_an_unlike_task(tmp_path):
    root = tmp_path / "library"
    library.add(root, made(tmp_path))
    wanted = settings(memory=True)
    assert with_schedule(Memory(held_out=True), root, task(), TABLE, wanted).schedule is None
    assert with_schedule(Memory(), root, task(), TABLE, settings(memory=True, among="long")).schedule is None
    strange = task(text="Zzz qqq.")
    other = TABLE.model_copy(update={"fields": ()})
    assert with_schedule(Memory(), root, strange, other, wanted).schedule is None


def test_the_nearest_learner_of_the_most_alike_task_is_followed(tmp_path):
    root = tmp_path / "library"
    root.mkdir()
    for name, steps in (("far", 90_000), ("near", 2000), ("farther", 10)):
        kept = Schedule(
            names=SIZES, at=(0.0,), shares=((1.0, 0.0, 0.0),), learner=LEARNER._replace(steps=steps).profile, rule="alp"
        )
        entry = winner(name, task().text, schedule=kept.model_copy(update={"origin": name}))
        (root / f"{name}.json").write_text(entry.model_dump_json())
    wanted = settings(memory=True)
    found = with_schedule(Memory(), root, task(steps=1000), TABLE, wanted).schedule
    assert found is not None
    assert found.origin == "near"
    assert nearness(found, LEARNER) == pytest.approx(0.5)
    assert nearness(found, LEARNER._replace(steps=2000)) == 1.0


def test_a_schedule_is_told_in_the_order_of_the_run_that_follows_it():
    kept = Schedule(names=("b", "a"), at=(0.0,), shares=((0.9, 0.1),), learner={}, rule="ucb")
    said = for_the_trainer(settings().variants, ("a", "b"), kept)
    assert said["schedule"] == {"at": [0.0], "shares": [[0.1, 0.9]]}
    assert "schedule" not in for_the_trainer(settings().variants, ("a", "c"), kept)


def test_a_schedule_is_the_mean_of_logs_that_can_be_put_together():
    one = VariantLog.model_validate(TOLD)
    two = one.model_copy(update={"points": tuple(p.model_copy(update={"shares": (0.0, 1.0, 0.0)}) for p in one.points)})
    found = schedule_of([one, two], LEARNER, "alp", "run/g01c00")
    assert found is not None
    assert found.shares == ((0.1, 0.7, 0.2), (0.5, 0.5, 0.0))
    wild = one.model_copy(update={"points": tuple(p.model_copy(update={"shares": (9.0, -8.0, 0.0)}) for p in one.points)})
    assert schedule_of([wild], LEARNER, "alp", "") is None
    assert schedule_of([one, one.model_copy(update={"names": ("x", "y", "z")})], LEARNER, "alp", "") is None
    assert schedule_of([], LEARNER, "alp", "") is None


def test_the_header_and_the_journal_name_what_is_on(tmp_path):
    run = create(tmp_path, task(), TABLE, settings(), NOW)
    opening = _opening(run, "composer", "none")
    assert "episodes play the world's variants" in opening.aids
    assert "aids:     episodes play" in _header(opening)
    assert "aids" not in _header(opening.model_copy(update={"aids": ""}))


def test_whose_schedule_a_run_follows_is_told_and_also_that_there_is_none(tmp_path):
    library.add(tmp_path / "library", made(tmp_path))
    given = with_schedule(Memory(), tmp_path / "library", task(), TABLE, settings(memory=True))
    follows = create(tmp_path / "a", task(), TABLE, settings(memory=True), NOW, files=as_files(given))
    assert given.schedule is not None
    assert aids_told(follows)[-1] == f"half of that as the schedule of {given.schedule.origin} has it"
    assert (
        aids_told(create(tmp_path / "b", task(), TABLE, settings(memory=True), NOW))[-1] == "no similar learner left a schedule"
    )
    assert len(aids_told(create(tmp_path / "c", task(), TABLE, settings(), NOW))) == 1
