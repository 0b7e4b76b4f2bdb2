"""What the report says, section by section, before any HTML. Strings here are data; only Markup is trusted."""

from __future__ import annotations

import shlex
from typing import NamedTuple
from urllib.parse import urlsplit

from markupsafe import Markup

from designer.archive import BASELINES, HUMAN, Archive
from designer.config import Config, knobs
from designer.display import clock, count
from designer.library import aids_told
from designer.records import Candidate, Function, Trial
from designer.review import code, course, plots
from designer.review.findings import Arm, Comparison, RunVerdict, Scale
from designer.review.lineage import PROSE_CHARS, Story, family_of, stories_of
from designer.review.verdict import arm_label, calls_of, in_short, sentences, shown, span, verdict_of
from designer.runs import Run
from designer.seeds import final_seeds, search_seed
from designer.text import one_line, printable

MAX_CANDIDATES = 200


class Fact(NamedTuple):
    name: str
    text: str


class ArmRow(NamedTuple):
    """A line of the table of final results."""

    name: str
    is_winner: bool
    reached: str
    interval: str
    seeds: str
    success: str
    normalised: str
    difference: str
    reading: str


class Reward(NamedTuple):
    """The winner's reward in full."""

    id: str
    why: str
    expects: str
    code: Markup
    traces: Markup
    shares: Markup
    seed: int | None
    course: Markup
    gates: list[str]


class Page(NamedTuple):
    """Everything that the template prints."""

    title: str
    state: str
    in_short: str
    sentences: list[str]
    facts: list[Fact]
    rows: list[ArmRow]
    unit: str
    final_plot: Markup
    training_plot: Markup
    family_plot: Markup
    reward: Reward | None
    human_code: Markup | None
    human_origin: str
    fitness_code: Markup | None
    stories: list[Story]
    left_out: int
    costs: list[Fact]
    command: str
    settings: list[Fact]
    limits: list[str]


def page_of(run: Run) -> Page:
    """Gather a run's report from its journal."""
    archive = run.archive()
    verdict = verdict_of(run, archive)
    task = run.task
    winner = archive.candidates.get(verdict.winner.name) if verdict.winner else None
    scored = task.is_judged
    stories = stories_of(archive, winner.id if winner else None, MAX_CANDIDATES, scored=scored)
    unscored = plots.nothing("There is no fitness, so there is nothing to draw.")
    return Page(
        title=one_line(task.text, 300),
        state=f"Finished: {verdict.reason}." if verdict.finished else "Not finished: this is how far it came.",
        in_short=in_short(verdict),
        sentences=sentences(verdict),
        facts=_facts(run, archive),
        rows=_rows(verdict),
        unit=task.fitness_unit,
        final_plot=unscored if not scored else plots.final_fitness(_dots(verdict), task.fitness_unit, task.solved_at),
        training_plot=unscored
        if not scored
        else plots.fitness_over_training(_curves(run, archive, verdict), task.fitness_unit),
        family_plot=unscored
        if not scored
        else plots.family(family_of(archive, winner.id if winner else None, MAX_CANDIDATES), task.fitness_unit),
        reward=_reward(archive, winner) if winner else None,
        human_code=code.highlighted(task.human.source) if task.human else None,
        human_origin=one_line(task.human_origin),
        fitness_code=code.highlighted(task.fitness.source) if isinstance(task.fitness, Function) else None,
        stories=stories,
        left_out=len(archive.candidates) - len(stories),
        costs=_costs(verdict),
        command=f"designer run {shlex.quote(str(run.folder))}",
        settings=_settings(run.config),
        limits=_limits(run, verdict),
    )


def _facts(run: Run, archive: Archive) -> list[Fact]:
    task, table, config, started = run.task, run.table, run.config, archive.started
    unit = f" [{task.fitness_unit}]" if task.fitness_unit else ""
    seeds = final_seeds(config.search.seed, config.search.final_seeds)
    span_ = f"{seeds[0]}" if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
    worlds = count(config.training.num_envs, "parallel world")
    length = f"{count(table.episode_steps, 'step')} ({table.episode_s:g} s)"
    told = {
        "Proposer": started.proposer if started else "not yet known: the run has not begun",
        "Sandbox": "; ".join(sorted(archive.walls)) or (started.sandbox if started else "nothing has run yet"),
        "Fitness": f"{task.fitness_origin}" + (f": {task.fitness}{unit}" if task.fitness else ""),
        "Success": str(task.success) if task.success else "no test of its own",
        **({"Order": " > ".join(f"{factor.name}: {factor.value}" for factor in task.order)} if task.order else {}),
        "World": f"{table.world} ({table.gymnasium_id}), episodes of at most {length}",
        "Training": f"{count(task.steps, 'environment step')} a policy, {worlds}, by {config.training.trainer_name}",
        **({"Aids": "; ".join(aids_told(run)) + "; all are gone where a policy is judged"} if config.aids else {}),
        "Judged on": f"{count(config.evaluation.episodes, 'episode')} a policy, away from the candidate's code",
        "Seeds": f"search {search_seed(config.search.seed)}; final {span_}",
        "Version": f"designer {started.version}" if started else "not yet known",
    }
    return [Fact(name, one_line(text, 500)) for name, text in told.items()]


def _rows(verdict: RunVerdict) -> list[ArmRow]:
    scale = verdict.scale
    winner = [_row(verdict.winner, None, scale, is_winner=True)] if verdict.winner else []
    against = verdict.winner is not None
    return winner + [_row(c.baseline, c if against else None, scale, is_winner=False) for c in verdict.comparisons]


def _row(arm: Arm, comparison: Comparison | None, scale: Scale | None, is_winner: bool) -> ArmRow:
    normalised = scale.of(arm.mean) if scale and arm.mean is not None else None
    difference = comparison.difference if comparison else None
    failed = f", {arm.failed} failed" if arm.failed else ""
    return ArmRow(
        name=arm_label(arm.name),
        is_winner=is_winner,
        reached="no score" if arm.mean is None else shown(arm.mean),
        interval=span(arm.interval) if arm.interval else "–",
        seeds=f"{len(arm.scores)}{failed}",
        success="–" if arm.success is None else f"{arm.success:.0%}",
        normalised="–" if normalised is None else f"{normalised:.2f}",
        difference=f"{shown(difference.mean)} ({span(difference)})" if difference else "–",
        reading=_read_out(comparison) if comparison else "–",
    )


def _read_out(comparison: Comparison) -> str:
    return comparison.reading if comparison.reading == "not separable" else f"winner is {comparison.reading}"


def _dots(verdict: RunVerdict) -> list[plots.Dots]:
    arms = [*([verdict.winner] if verdict.winner else []), *(comparison.baseline for comparison in verdict.comparisons)]
    return [plots.Dots(arm_label(arm.name), _role(arm.name), [value for _, value in arm.scores], arm.interval) for arm in arms]


def _role(name: str) -> plots.Role:
    return "human" if name == HUMAN else "sparse" if name in BASELINES else "winner"


def _curves(run: Run, archive: Archive, verdict: RunVerdict) -> list[plots.Curve]:
    """Return search trainings of the first MAX_CANDIDATES, and the mean final one of the winner and the baselines."""
    curves = [
        plots.Curve(f"{name}, search seed {trial.seed}", "other", _points(trial))
        for name in list(archive.candidates)[:MAX_CANDIDATES]
        for trial in archive.trials_of(name, "search")
    ]
    if verdict.winner:
        name = verdict.winner.name
        curves.append(plots.Curve(name, "winner", _mean_points(archive.trials_of(name, "final"))))
    return curves + [
        plots.Curve(arm_label(name), _role(name), _mean_points(archive.trials_of(name, "final"))) for name in run.baselines
    ]


def _points(trial: Trial) -> list[tuple[float, float]]:
    return [(score.fraction * trial.steps, score.fitness) for score in trial.scores]


def _mean_points(trials: list[Trial]) -> list[tuple[float, float]]:
    """Average the curves of trainings that have the same checkpoints; others than the first one's are left out."""
    curves = [_points(trial) for trial in trials if trial.scores]
    alike = [curve for curve in curves if [step for step, _ in curve] == [step for step, _ in curves[0]]]
    return [(column[0][0], sum(value / len(alike) for _, value in column)) for column in zip(*alike, strict=True)]


def _reward(archive: Archive, winner: Candidate) -> Reward:
    trials = archive.trials_of(winner.id, "final") + archive.trials_of(winner.id, "search")
    told = next((trial for trial in trials if trial.traces), None)
    traces = told.traces if told else ()
    return Reward(
        id=winner.id,
        why=printable(winner.why, PROSE_CHARS),
        expects=printable(winner.expects, PROSE_CHARS),
        code=code.with_shares(winner.source, dict(plots.term_shares(traces))),
        traces=plots.term_traces(traces),
        shares=plots.share_bars(traces),
        seed=told.seed if told else None,
        course=course.drawn(course.course_of(trials)),
        gates=course.way(trials, told),
    )


def _costs(verdict: RunVerdict) -> list[Fact]:
    costs = verdict.costs
    failed = sum(costs.failed.values())
    return [
        Fact("Candidates", f"{verdict.tried} tried, {sum(verdict.refused.values())} refused before training"),
        Fact("Trainings", f"{costs.trainings}" + (f", {failed} of them not ended well" if failed else "")),
        Fact("Baselines kept from earlier runs", count(costs.cached, "training")),
        Fact("Environment steps", f"{costs.steps:,} in trainings that ended well"),
        Fact("CPU time in training", clock(costs.train_cpu_s)),
        Fact("Start to end", f"{clock(costs.wall_s)}, pauses included"),
        Fact("Model", calls_of(costs)),
    ]


def _settings(config: Config) -> list[Fact]:
    """Return every setting. An endpoint's address may hold a key, and paths tell of a person's machine: cut short."""
    told = []
    for knob in knobs(config):
        value = knob.default
        if knob.name == "llm.base_url" and value is not None:
            value = urlsplit(str(value)).hostname or "set"
        elif knob.name in ("llm.replay", "worker.python") and value is not None:
            value = "set"
        told.append(Fact(knob.name, "not set" if value is None else one_line(str(value), 100)))
    return told


def _limits(run: Run, verdict: RunVerdict) -> list[str]:
    """Say what the numbers can't show."""
    search = run.config.search
    told = [
        f"Every final number rests on {count(search.final_seeds, 'training seed')}. An interval is Student's t over "
        "seeds; it says how far other seeds might move the mean, and nothing about other tasks or worlds.",
        "A search score comes from one training seed and was used to choose: it is optimistic. Compare final numbers only.",
        "The curves' points before the last are judged on "
        f"{count(run.config.evaluation.checkpoint_episodes, 'episode')} each, shared by seeds that were trained together: "
        "rough. The best point of a curve is no result.",
        "What a reward's terms did is what the training box said of itself. It is shown, never scored.",
    ]
    if run.config.training.share_box:
        told.append(
            "Candidates of a round were trained in shared boxes (training.share_box), where they could spoil each other's "
            "training; finalists and baselines were trained alone."
        )
    if verdict.finalists > 1:
        told.append(
            f"The winner was chosen among {verdict.finalists} finalists on the final seeds themselves, "
            "so its final number is slightly optimistic."
        )
    if len(verdict.comparisons) > 1:
        told.append("Each comparison has its own 95 % interval; they aren't corrected for being several.")
    if run.task.fitness_origin.startswith("derived"):
        told.append("The fitness was derived from the task's sentence: a person must judge whether it measures what was meant.")
    if verdict.comparisons and run.task.human is None:
        told.append("There is no human-written reward for this task to compare with.")
    return told
