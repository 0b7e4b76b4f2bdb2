"""The viewer over TCP: it is probed, sent frames as image parts, believed as text, and switched off where it can't see."""

from __future__ import annotations

import base64
import json
import zlib

import pytest

from designer.config import Config
from designer.executors import JobResult
from designer.executors.fake import Fake
from designer.feedback.viewer import VIEWER, black_frame
from designer.llm import CallKey, Message, Request
from designer.llm.manual import Manual
from designer.llm.openai_compatible import OpenAICompatible
from designer.records import Status
from tests.designer.loopback import Asked, error, reply, scripted_server
from tests.designer.small_run import reply as reward
from tests.designer.small_run import small_run
from tests.designer.test_loop import attempt

FRAMES = 3
SEEN = {"visible": True, "seen": "it lies on its back and kicks", "suggestion": "pay for an upright torso"}
NOTHING = {"visible": False}
FILMED = "data:image/jpeg;base64,/9j/"


class Eyes:
    """A proposer that sees, but for what is said of some prompts: the probes (by number), or all films."""

    def __init__(self, **said):
        self.said = said
        self.weights = iter(range(1, 100))

    def __call__(self, asked: Asked):
        if "Which film shows anything?" in asked.prompt:
            right = "second" if asked.images[0] == black_frame() else "first"
            return self.answer("swap", {"shows": right})
        if "## The film" in asked.prompt:
            if not asked.images:
                return self.answer("none", NOTHING)
            return self.answer("black", NOTHING) if asked.images[0] == black_frame() else self.answer("film", SEEN)
        return reply(reward(float(next(self.weights)) / 10))

    def answer(self, what, usual):
        said = self.said.get(what, self.said.get("all", usual))
        return reply(f"```json\n{json.dumps(said)}\n```") if isinstance(said, dict) else said


def played(folder, eyes, executor=None, frames=FRAMES):
    with scripted_server(eyes) as server:
        run = small_run(folder, llm={"frames": frames, "parallel": 1})
        archive = attempt(run, executor or Fake(), OpenAICompatible(server.base_url, "m"))
        return archive, server.requests


def of_viewer(asked):
    return [request for request in asked if "Two films" in request.prompt or "## The film" in request.prompt]


def test_it_is_off_unless_frames_are_asked_for(tmp_path):
    archive, asked = played(tmp_path, Eyes(), frames=Config().llm.frames)
    assert of_viewer(asked) == []
    assert not [judge for judge, _ in archive.reviews if judge == VIEWER]


def test_frames_travel_as_image_parts_and_what_is_seen_enters_the_next_prompt(tmp_path):
    archive, asked = played(tmp_path, Eyes())
    probes, films = of_viewer(asked)[:4], of_viewer(asked)[4:]
    assert [len(request.images) for request in probes] == [FRAMES, 0, 2 * FRAMES, 2 * FRAMES]
    assert films
    assert all(request.images == [FILMED] * FRAMES for request in films)
    assert films[0].body["messages"][1]["content"][0]["type"] == "text"
    revised = [request.prompt for request in asked if "What happened, to be held against" in request.prompt]
    assert revised
    assert all("it lies on its back and kicks It suggests: pay for an upright torso" in prompt for prompt in revised)
    assert archive.judges_off == {}
    assert not any(request.images for request in asked if request not in of_viewer(asked))


@pytest.mark.parametrize(
    ("said", "probe"),
    [
        ({"black": SEEN}, "black frames"),
        ({"none": SEEN}, "no frames"),
        ({"swap": {"shows": "first"}}, "order swap"),
        ({"swap": {"shows": "second"}}, "order swap"),
        ({"all": reply("What a nice film!")}, "black frames"),
    ],
)
def test_viewer_that_fails_a_probe_is_switched_off_and_says_why(tmp_path, said, probe):
    archive, asked = played(tmp_path, Eyes(**said))
    assert probe in archive.judges_off[VIEWER]
    assert not [request for request in asked if request.images and set(request.images) == {FILMED}]
    assert archive.finished.winner


@pytest.mark.parametrize(
    "refusal",
    [
        error(400, "messages[1].content must be a string"),
        error(404, "No endpoints found that support image input"),
        error(500, "image input is not supported - hint: you may need to provide the mmproj"),
    ],
)
def test_model_that_takes_no_images_is_asked_once_and_the_run_goes_on(tmp_path, refusal):
    archive, asked = played(tmp_path, Eyes(all=refusal))
    assert len(of_viewer(asked)) == 1
    assert "takes no images" in archive.judges_off[VIEWER]
    assert archive.finished.winner


@pytest.mark.parametrize(
    "failed",
    [
        JobResult(Status.REJECTED, "no software renderer", {}, 0.0, 0.0, ""),
        JobResult(Status.OK, "", {"frames": 1, "stills": ["PHN2Zz4="]}, 0.0, 0.0, ""),
        JobResult(Status.OK, "", {"frames": 0, "stills": []}, 0.0, 0.0, ""),
    ],
    ids=["nothing draws", "no JPEG", "no frame"],
)
def test_film_that_cannot_be_made_switches_it_off_and_fails_nothing(tmp_path, failed):
    archive, asked = played(tmp_path, Eyes(), Fake(lambda job: failed if job.verb == "render" else None))
    assert "could not be filmed" in archive.judges_off[VIEWER]
    assert of_viewer(asked) == []
    assert archive.finished.winner


def test_answer_that_is_no_judgement_is_ignored(tmp_path):
    archive, _ = played(tmp_path, Eyes(film=reply("nice")))
    assert {review.remarks for review in archive.reviews.values()} == {()}
    assert archive.judges_off == {}


def test_black_frame_is_a_png_of_zeros():
    content = base64.b64decode(black_frame(4, 2).removeprefix("data:image/png;base64,"))
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    start = content.index(b"IDAT") + 4
    assert set(zlib.decompress(content[start : content.index(b"IEND") - 8])) == {0}


def test_text_is_stored_and_hashed_as_before_there_were_images():
    plain = Message(role="user", content="Run.")
    assert plain.model_dump() == {"role": "user", "content": "Run."}
    assert Message.model_validate(plain.model_dump()) == plain


def test_person_finds_the_frames_beside_the_prompt(tmp_path):
    key = CallKey(round=1, role="viewer", sample=0, attempt=0)
    request = Request(key=key, messages=(Message(role="user", content="Look.", images=(black_frame(),)),))
    (tmp_path / f"{key}.reply.md").write_text("black")
    assert Manual(tmp_path, tell=lambda text: None, sleep=lambda seconds: None).complete(request).text == "black"
    (picture,) = tmp_path.glob("*.png")
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.name in (tmp_path / f"{key}.prompt.md").read_text()
