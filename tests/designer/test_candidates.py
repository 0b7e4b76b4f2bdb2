"""Replies as models really write them: which code is taken, and what is said where there is none."""

from __future__ import annotations

import json

import pytest

from designer.candidates import MAX_PROSE_CHARS, MAX_REPLY_CHARS, parse_reply
from designer.llm.scripted import Scripted
from designer.prompts import inline
from designer.proposers.llm import LanguageModel
from tests.designer.prompt_material import FOLDER, brief

CODE = 'import torch\n\n\ndef reward(s, a):\n    return {"run": s.speed}\n'
BROKEN = "def reward(s, a):\n    return {\n"
OLD = 'def reward(s, a):\n    return {"old": s.speed}\n'


def fence(code, info="python", mark="```"):
    return f"{mark}{info}\n{code}{mark}\n"


READABLE = {
    "one block": fence(CODE),
    "prose around": f"Sure! Here it is:\n\n{fence(CODE)}\nHope this helps.",
    "no info string": fence(CODE, info=""),
    "odd info string": fence(CODE, info='Python title="reward.py"'),
    "tildes": fence(CODE, mark="~~~"),
    "longer fence": fence(CODE, mark="`````"),
    "never closed": f"```python\n{CODE}",
    "windows line ends": fence(CODE).replace("\n", "\r\n"),
    "old mac line ends": fence(CODE).replace("\n", "\r"),
    "byte-order mark": "\ufeff" + fence(CODE),
    "thoughts first": f"<think>I could write\n{fence(OLD)}but no.</think>\n{fence(CODE)}",
    "thoughts opened by the template": f"so I write\n{fence(OLD)}done.\n</think>\n\n{fence(CODE)}",
    "thoughts, another tag, after a word": f"Well.\n<thinking>\n{fence(OLD)}</thinking>\n{fence(CODE)}",
    "old version quoted first": f"You had\n{fence(OLD)}\nNow:\n{fence(CODE)}",
    "usage example last": f"{fence(CODE)}\nUse it so:\n{fence('total = sum(reward(s, a).values())' + chr(10))}",
    "shell block last": f"{fence(CODE)}\n{fence('pip install torch' + chr(10), info='bash')}",
    "in a list": "1. The code:\n\n" + "".join(f"   {line}\n" for line in fence(CODE).splitlines()),
    "in a quote": "".join(f"> {line}\n" for line in fence(CODE).splitlines()),
    "bare code": CODE,
    "bare code, indented": "".join(f"    {line}\n" for line in CODE.splitlines()),
    "bare code, then prose fields": f"{CODE}\nWhy: it runs.\nExpects: speed.",
    "json": json.dumps({"code": CODE, "why": "it runs."}),
    "json with a fence inside": json.dumps({"reward_code": fence(CODE)}),
    "json block": fence(json.dumps({"code": CODE}) + "\n", info="json"),
    "json, windows line ends inside": json.dumps({"code": CODE.replace("\n", "\r\n")}),
    "wrapped in a markdown fence": fence(fence(CODE), info="markdown", mark="````"),
    "xml around the fence": f"<answer>\n{fence(CODE)}</answer>",
    "a table and headings": f"# Plan\n\n| term | why |\n|---|---|\n| run | speed |\n\n## Code\n\n{fence(CODE)}",
    "wrapped in a fence of the same length": f"```markdown\nHere:\n```python\n{CODE}```\n```\n",
}


@pytest.mark.parametrize("reply", READABLE.values(), ids=READABLE.keys())
def test_code_is_found(reply):
    draft = parse_reply(reply)
    assert draft.faults == ()
    assert draft.source == CODE


FAULTY = {
    "empty": ("", 0, "empty"),
    "blank": (" \n\t\n", 0, "empty"),
    "only thoughts": ("<think>I never stop", 0, "nothing but thoughts"),
    "only prose": ("I am sorry, I can't help with that.", 0, "no code block"),
    "bare code, wrong name": ("def get_reward(s, a):\n    return {}\n", 0, "no code block"),
    "wrong name": (fence("x = 1\ndef compute_reward(s, a):\n    return {}\n"), 2, "Rename compute_reward to reward"),
    "no function": (fence("speed = 3\n"), 0, "defines no function reward"),
    "a lambda": (fence("reward = lambda s, a: {}\n"), 0, "defines no function reward"),
    "in a class": (fence("class R:\n    def reward(self, s, a):\n        return {}\n"), 2, "top level"),
    "async": (fence("async def reward(s, a):\n    return {}\n"), 1, "async"),
    "syntax error": (fence(BROKEN), 2, "never closed"),
    "curly quotes": (fence("def reward(s, a):\n    return {“run”: s.x}\n"), 2, "invalid character"),
    "python 2": (fence("def reward(s, a):\n    print s\n"), 2, "print"),
    "prose in the block": (fence("Here is the reward:\n" + CODE), 1, "not valid Python"),
    "broken after an old one": (fence(OLD) + "\n" + fence(BROKEN), 2, "never closed"),
    "null byte": ("def reward(s, a):\n    return '\0'\n", 0, "null bytes"),
    "far too deep": (fence("def reward(s, a):\n    return " + "(" * 5000 + "\n"), None, ""),
    "json without code": (json.dumps({"answer": "no"}), 0, "no code"),
    "a diff": (fence("--- a\n+++ b\n+def reward(s, a):\n+    return {}\n", info="diff"), 3, "not a diff"),
    "too long a reply": ("a" * (MAX_REPLY_CHARS + 1), 0, "at most"),
}


@pytest.mark.parametrize(("reply", "line", "said"), FAULTY.values(), ids=FAULTY.keys())
def test_fault_says_what_is_wrong_and_where(reply, line, said):
    draft = parse_reply(reply)
    assert len(draft.faults) == 1
    assert said in str(draft.faults[0])
    assert line in (None, draft.faults[0].line)


def test_there_are_forty_awkward_replies_and_more():
    assert len(READABLE) + len(FAULTY) >= 40


@pytest.mark.parametrize("reply", [case[0] for case in FAULTY.values()], ids=FAULTY.keys())
def test_every_faulty_reply_makes_a_repair_prompt_that_says_what_and_where(reply):
    draft = parse_reply(reply)
    text = LanguageModel(Scripted([]), FOLDER).repair_prompt(brief(), draft, draft.faults)
    assert inline(draft.faults[0].message, 600) in text
    assert draft.faults[0].hint in text
    assert ("1 | " in text) == bool(draft.source.strip())
    assert "Answer with one ```python block" in text


def test_truncated_reply_is_never_code_even_where_it_parses():
    draft = parse_reply(fence(CODE), finish_reason="length")
    assert draft.source == ""
    assert "cut off" in draft.faults[0].message


def test_helper_functions_stay_with_the_reward():
    helped = "def near(x):\n    return x\n\n\n" + CODE
    assert parse_reply(fence(helped)).source == helped


def test_faulty_code_is_kept_for_the_repair():
    draft = parse_reply(fence("def compute(s, a):\n    return {}\n"))
    assert draft.source.startswith("def compute")


def test_lone_surrogates_and_odd_escapes_are_survived():
    draft = parse_reply(fence('def reward(s, a):\n    """\\d \ud800"""\n    return {}\n'))
    assert draft.faults == ()
    assert draft.source.encode()


@pytest.mark.parametrize(
    "prose",
    [
        "Why: it pays for speed.\nExpects: a fast run.",
        "**Why:** it pays\nfor speed.\n\n**Expects:** a fast run.\n\nGood luck!",
        "- why: it pays for speed.\n- expects: a fast run.",
        "### Why: it pays for speed.\n\n> Expects: a   fast\trun.",
    ],
)
def test_prose_fields_are_read_outside_the_code(prose):
    draft = parse_reply(fence("# Why: not this\n" + CODE) + "\n" + prose)
    assert (draft.why, draft.expects) == ("it pays for speed.", "a fast run.")


def test_prose_fields_are_read_from_json_and_beside_faults():
    draft = parse_reply(json.dumps({"code": "def f(s, a): ...", "why": "speed\n", "Expects": "a run"}))
    assert (draft.why, draft.expects) == ("speed", "a run")
    assert draft.faults


def test_prose_is_capped_and_loses_control_characters():
    draft = parse_reply(fence(CODE) + "Why: \x1b[31m" + "very " * 1000)
    assert len(draft.why) <= MAX_PROSE_CHARS + len(" [cut]")
    assert "\x1b" not in draft.why


def test_tag_in_the_middle_of_a_line_is_no_thought():
    code = CODE.replace("import torch", "import torch  # <think> about it")
    assert parse_reply(fence(code)).source == code
