"""A curriculum's course in the report: stages by name, what was left out and why, what was kept; nothing is trusted."""

from designer.course import CourseLog, CoursePoint, GateEvent, StageEnd
from designer.journal import Event, TrialsFinished
from designer.prompts import Prompts
from designer.review.course import course_of, drawn, told
from designer.review.report import write_report
from tests.designer.example_run import WINNER, example_run, finished, started, trial
from tests.designer.prompt_material import FOLDER

COURSE = CourseLog(
    stages=(
        StageEnd(name="near_key", share=0.3, spent=0.05, status="passed", retained=0.96),
        StageEnd(name="<b>fly</b>", share=0.3, spent=0.09, status="skipped"),
        StageEnd(name="open_door", share=0.2, spent=0.0, status=""),
    ),
    events=(
        GateEvent(at=0.05, what="passed", stage=0, reached=44, of=50),
        GateEvent(at=0.14, what="skipped", stage=1, reached=0, of=50),
        GateEvent(at=0.3, what="dropped", stage=2, reached=0, of=0, guided=0.1, plain=0.5),
    ),
    points=(
        CoursePoint(at=0.0, level=0, reached=(0.2, None, None)),
        CoursePoint(at=0.05, level=1, reached=(0.88, 0.0, None)),
        CoursePoint(at=0.3, level=3, reached=(0.9, 0.0, None)),
    ),
)


def test_sentences_say_what_was_mastered_left_out_dropped_and_kept():
    assert told(COURSE) == [
        "At 5% near_key was mastered: reached in 44 of the last 50 attempts.",
        "At 14% <b>fly</b> was left out: reached in 0 of the last 50 attempts.",
        "At 30% the curriculum was dropped: it brought no more of the reward than plain episodes (0.1 against 0.5).",
        "Reached by the last episodes without any subgoal: near_key 96%.",
    ]
    assert told(None) == []


def test_plot_has_a_row_for_each_stage_and_escapes_their_names():
    svg = str(drawn(COURSE))
    assert "1. near_key: mastered" in svg
    assert "&lt;b&gt;fly&lt;/b&gt;: left out" in svg
    assert "<b>" not in svg
    assert "the task itself, after the curriculum was dropped" in svg
    assert svg.count("<polyline") == 2
    assert str(drawn(None)) == ""


def test_report_shows_the_winners_stages_and_none_where_it_has_none(tmp_path):
    plain, staged = finished(), [with_course(event) for event in finished()]
    runs = [example_run(tmp_path / name, [started(), *events]) for name, events in (("a", staged), ("b", plain))]
    with_it, without = (write_report(run).read_text(encoding="utf-8") for run in runs)
    assert "Its way through the training" in with_it
    assert "near_key was mastered" in with_it
    assert "Its way through the training" not in without


def with_course(event: Event) -> Event:
    if not isinstance(event, TrialsFinished) or event.trials[0].candidate != WINNER:
        return event
    return event.model_copy(update={"trials": tuple(one.model_copy(update={"course": COURSE}) for one in event.trials)})


def test_prompt_of_a_revision_tells_the_model_which_stage_to_make_easier():
    shown = Prompts(FOLDER).render("_course.j2", trial=trial("g01c00", "search", 1, 1.0).model_copy(update={"course": COURSE}))
    assert "`near_key`: mastered, after 5 % of the training; episodes without subgoals reach it in 96 %." in shown
    assert "`<b>fly</b>`: left out, it was hardly ever reached" in shown
    assert "put an easier one in its place" in shown
    assert "was dropped" in shown


def test_course_of_the_first_trial_that_has_one():
    plain = trial("g01c00", "search", 1, 1.0)
    assert course_of([plain]) is None
    assert course_of([plain, plain.model_copy(update={"course": COURSE})]) == COURSE
