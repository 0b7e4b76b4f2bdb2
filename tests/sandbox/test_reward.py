"""The reward harness: good terms pass unchanged, everything else becomes a fault with a status, a line and a sentence."""

import textwrap

import pytest
import torch

from sandbox.faults import CandidateFault
from sandbox.reward import Reward
from tests.sandbox.made_states import NUM_ENVS, made_state

pytestmark = pytest.mark.worker

NOBODY = torch.zeros(NUM_ENVS, dtype=torch.bool)
FIRST_ONLY = torch.tensor([True, False, False])


def body(text: str) -> str:
    """A file whose reward has this body, from line 2 on."""
    return "def reward(s, a):\n" + textwrap.indent(textwrap.dedent(text).strip(), "    ") + "\n"


def returning(value: str) -> str:
    return body(f"return {value}")


def called(source: str, terminated=NOBODY, **options):
    return Reward(source, **options).terms(made_state(), torch.ones(NUM_ENVS, 2), terminated)


def fault_of(source: str) -> CandidateFault:
    with pytest.raises(CandidateFault) as raised:
        called(source)
    return raised.value


# What passes ---------------------------------------------------------------------------------------------------------


def test_good_reward_gives_its_terms():
    terms = called(returning("{'run': 2 * s.speed, 'gain': s.speed - s.prev.speed, 'effort': -a.square().sum(-1)}"))
    assert {name: term.tolist() for name, term in terms.items()} == {
        "run": [2.0, 4.0, 6.0],
        "gain": [0.5, 0.5, 0.5],
        "effort": [-2.0, -2.0, -2.0],
    }


@pytest.mark.parametrize("dtype", ["bool", "double", "int", "long"])
def test_term_becomes_float32(dtype):
    term = called(returning(f"{{'fast': (s.speed > 1.5).{dtype}()}}"))["fast"]
    assert term.dtype == torch.float32
    assert term.tolist() == [0.0, 1.0, 1.0]


def test_term_is_cut_off_from_the_candidate():
    source = "import torch\nkept = torch.ones(3, requires_grad=True)\n" + returning("{'run': kept}")
    reward = Reward(source)
    for _ in range(20):  # some of the answers are remembered
        term = reward.terms(made_state(), torch.ones(NUM_ENVS, 2), NOBODY)["run"]
        assert not term.requires_grad
        assert term.tolist() == [1.0, 1.0, 1.0]
        term.zero_()


def test_expanded_term_is_fine():
    assert called(returning("{'alive': torch.tensor(1.0).expand(a.shape[0])}"))["alive"].tolist() == [1.0, 1.0, 1.0]


def test_entry_names_the_function():
    assert called("def forward(s, a):\n    return {'run': s.speed}\n", entry="forward")["run"].tolist() == [1.0, 2.0, 3.0]


# What comes back wrong -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "status", "part"),
    [
        ("{'x': s.speed[:, None]}", "rejected", "term 'x' has shape (3, 1); it must be (num_envs,) = (3,)"),
        ("{'x': s.speed.mean()}", "rejected", "term 'x' has shape ()"),
        ("{'x': torch.zeros(2)}", "rejected", "term 'x' has shape (2,)"),
        ("{'x': 1.0}", "rejected", "term 'x' is a float"),
        ("{'x': None}", "rejected", "term 'x' is a NoneType"),
        ("{'x': torch.nn.Parameter(s.speed)}", "rejected", "term 'x' is a Parameter"),
        ("{'x': s.speed.numpy()}", "rejected", "term 'x' is a ndarray"),
        ("{'x': s.speed.to(torch.complex64)}", "rejected", "has dtype torch.complex64; it must be torch.float32"),
        ("{'x': s.speed.half()}", "rejected", "has dtype torch.float16; it must be torch.float32"),
        ("{'x': s.speed / 0}", "non_finite", "term 'x' holds NaN or infinity"),
        ("{'x': torch.log(-s.speed)}", "non_finite", "term 'x' holds NaN or infinity"),
        ("{'x': s.speed.double() * 1e300}", "non_finite", "term 'x' holds NaN or infinity"),
        ("{'x': torch.full((3,), 1e38)}", "non_finite", "term 'x' reached 1e+38; values stay within 1e+06"),
        ("{'x': torch.full((3,), -2e6)}", "non_finite", "term 'x' reached 2e+06"),
        ("{}", "rejected", "reward returned 0 terms; it must return a dict of 1 to 32 terms"),
        ("{f't{k}': s.speed for k in range(33)}", "rejected", "reward returned 33 terms"),
        ("s.speed", "rejected", "reward returned a Tensor"),
        ("None", "rejected", "reward returned a NoneType"),
        ("[s.speed]", "rejected", "reward returned a list"),
        ("__import__('collections').OrderedDict(x=s.speed)", "rejected", "reward returned a OrderedDict"),
        ("{3: s.speed}", "rejected", "reward named a term by a int; names are strings"),
        ("{type('Name', (str,), {})('x'): s.speed}", "rejected", "reward named a term by a Name"),
        ("{'two words': s.speed}", "rejected", "term named 'two words'; names are identifiers"),
        ("{'x' * 61: s.speed}", "rejected", "names are identifiers"),
        ("{'': s.speed}", "rejected", "names are identifiers"),
    ],
)
def test_wrong_answer_is_named(value, status, part):
    fault = fault_of(returning(value))
    assert fault.status == status
    assert part in fault.message


def test_hostile_tensor_is_refused_before_its_methods_run():
    source = """
        class Lying(torch.Tensor):
            @property
            def shape(self):
                raise SystemExit
    """
    fault = fault_of(textwrap.dedent(source) + returning("{'x': Lying(a.shape[0])}"))
    assert fault.message == "reward's term 'x' is a Lying; it must be a Tensor (num_envs,)"


def test_terms_may_not_change_during_a_run():
    reward = Reward(body("return {'a' if s.episode_time_s[0] < 1 else 'b': s.speed}"))
    reward.terms(made_state(), torch.ones(NUM_ENVS, 2), NOBODY)
    with pytest.raises(CandidateFault, match=r"the terms changed from \['a'\] to \['b'\] during a run") as raised:
        reward.terms(made_state(time_s=2.0), torch.ones(NUM_ENVS, 2), NOBODY)
    assert raised.value.status == "rejected"


@pytest.mark.parametrize("source", ["", "x = 1\n", "reward = 3\n", "def rewards(s, a):\n    return {}\n"])
def test_file_without_the_function_is_named(source):
    assert fault_of(source).message == "the file defines no function reward(s, a)"


def test_unknown_field_names_the_closest_and_all():
    fault = fault_of(returning("{'run': s.sped}"))
    assert "the state has no field 'sped'. Did you mean s.speed? Fields: speed, place, episode_time_s" in fault.message
    assert fault.line == 2


# What is raised ------------------------------------------------------------------------------------------------------


def test_exception_is_mapped_to_its_line_and_quotes_it():
    fault = fault_of(body("speed = s.speed\nodd = speed + torch.zeros(7)\nreturn {'x': odd}"))
    assert (fault.status, fault.line) == ("crashed", 3)
    assert fault.message.startswith("RuntimeError: The size of tensor a (3)")
    assert fault.message.endswith("in `odd = speed + torch.zeros(7)`")


def test_exception_in_a_function_of_the_file_is_mapped_into_it():
    fault = fault_of("def ratio(x):\n    return 1 / x\n\n" + returning("{'x': ratio(0)}"))
    assert (fault.line, fault.message) == (2, "ZeroDivisionError: division by zero in `return 1 / x`")


def test_exception_in_a_lambda_is_mapped_into_it():
    fault = fault_of("ratio = lambda x: 1 / x\n" + returning("{'x': ratio(0)}"))
    assert fault.line == 1


def test_exception_in_a_library_is_mapped_to_the_line_that_called_it():
    fault = fault_of("import json\n\n" + body("word = '{'\nreturn json.loads(word)"))
    assert fault.line == 5
    assert fault.message.startswith("json.decoder.JSONDecodeError")


def test_broken_syntax_is_mapped_to_its_line():
    fault = fault_of("def reward(s, a):\n    x = 1\n    return {'x': s.speed\n")
    assert (fault.status, fault.line) == ("crashed", 3)
    assert fault.message == "SyntaxError: '{' was never closed in `return {'x': s.speed`"


def test_syntax_error_of_a_text_within_is_mapped_to_the_line_that_read_it():
    assert fault_of("\n\n\n" + body("x = 1\nreturn compile('1 +', 'text', 'eval')")).line == 6


@pytest.mark.parametrize("source", ["\0", "(" * 500 + ")" * 500, "x = " + "-" * 100_000 + "1"])
def test_source_that_cannot_be_compiled_is_a_fault(source):
    assert fault_of(source).status in ("crashed", "out_of_memory")


@pytest.mark.parametrize("raised", ["SystemExit(0)", "KeyboardInterrupt", "GeneratorExit", "BaseException('x')"])
@pytest.mark.parametrize("when", ["import", "call"])
def test_exit_is_a_fault(raised, when):
    source = f"raise {raised}\n" if when == "import" else body(f"raise {raised}")
    fault = fault_of(source)
    assert (fault.status, fault.line) == ("crashed", 1 if when == "import" else 2)


def test_exception_whose_text_raises_is_a_fault():
    source = "class Trap(Exception):\n    def __str__(self):\n        raise SystemExit\n\n" + body("raise Trap")
    assert (fault_of(source).status, fault_of(source).line) == ("crashed", 6)


def test_endless_recursion_is_a_fault():
    assert fault_of("def deeper():\n    return deeper()\n" + returning("deeper()")).line == 2


def test_memory_error_is_out_of_memory():
    fault = fault_of(body("raise MemoryError"))
    assert (fault.status, fault.line) == ("out_of_memory", 2)


def test_tensor_too_large_to_allocate_is_out_of_memory():
    assert fault_of(returning("{'x': torch.zeros(1 << 60)}")).status == "out_of_memory"


def test_long_messages_are_cut():
    assert len(fault_of(body("raise ValueError('x' * 10_000)")).message) < 1000


# Potentials ----------------------------------------------------------------------------------------------------------

POTENTIAL = returning("{'run': s.speed}") + "\ndef potential(s):\n    return {'height': 10 * s.speed}\n"


def test_potential_becomes_shaping():
    terms = called(POTENTIAL, gamma=0.9)
    assert list(terms) == ["run", "shaping_height"]
    torch.testing.assert_close(terms["shaping_height"], torch.tensor([0.9 * 10 - 5, 0.9 * 20 - 15, 0.9 * 30 - 25]))


def test_potential_is_zero_at_a_true_end_only():
    # a time limit is no true end: `terminated` is false there, and phi is kept
    terms = called(POTENTIAL, terminated=FIRST_ONLY, gamma=0.9)
    torch.testing.assert_close(terms["shaping_height"], torch.tensor([-5.0, 0.9 * 20 - 15, 0.9 * 30 - 25]))


def test_potential_is_checked_like_a_reward():
    fault = fault_of(POTENTIAL.replace("10 * s.speed", "s.place"))
    assert fault.message.startswith("potential's term 'height' has shape (3, 2)")


def test_potential_whose_terms_change_is_refused():
    changing = "\ndef potential(s):\n    return {'early' if s.episode_time_s[0] < 0.05 else 'late': s.speed}\n"
    fault = fault_of(returning("{'run': s.speed}") + changing)
    assert fault.message == "potential's terms changed from ['early'] to ['late']"


def test_exception_in_a_potential_is_mapped():
    assert fault_of(POTENTIAL.replace("10 * s.speed", "s.speed[9]")).line == 5
