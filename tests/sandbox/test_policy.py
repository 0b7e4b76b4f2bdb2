"""Policy files: what was packed comes back, and a file that is anything else is refused before it is used."""

import json
import struct

import pytest
import torch
from safetensors.torch import save

from sandbox.policy import MAX_FILE_BYTES, PolicyRefusedError, StackedPolicy, pack, policy_shapes, unpack

pytestmark = pytest.mark.worker

CHECKPOINTS, POLICIES, OBSERVATION_DIM, ACTION_DIM = 2, 3, 4, 1
MEAN, STD, BIAS = "normaliser.mean", "normaliser.std", "actor.2.bias"


def drawn(seed: int = 0) -> dict[str, torch.Tensor]:
    """One checkpoint: (POLICIES, ...) each."""
    generator = torch.Generator().manual_seed(seed)
    shapes = policy_shapes(OBSERVATION_DIM, ACTION_DIM)
    parameters = {name: torch.randn(POLICIES, *shape, generator=generator) for name, shape in shapes.items()}
    return {**parameters, STD: parameters[STD].abs() + 0.1}


def stacked() -> dict[str, torch.Tensor]:
    first, last = drawn(1), drawn(2)
    return {name: torch.stack([first[name], last[name]]) for name in first}


def opened(payload: bytes):
    return unpack(payload, CHECKPOINTS, POLICIES, OBSERVATION_DIM, ACTION_DIM)


def with_header(header: object, body: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def header_and_body(payload: bytes) -> tuple[dict, bytes]:
    (length,) = struct.unpack("<Q", payload[:8])
    return json.loads(payload[8 : 8 + length]), payload[8 + length :]


def refusal(payload: bytes) -> str:
    with pytest.raises(PolicyRefusedError) as raised:
        opened(payload)
    return str(raised.value)


def test_what_was_packed_comes_back():
    checkpoints = [drawn(1), drawn(2)]
    tensors = opened(pack(checkpoints))
    assert set(tensors) == set(policy_shapes(OBSERVATION_DIM, ACTION_DIM))
    for name, tensor in tensors.items():
        assert torch.equal(tensor, torch.stack([checkpoint[name] for checkpoint in checkpoints]))


def test_stacked_policies_act_as_each_would_alone():
    parameters = drawn()
    observation = torch.randn(POLICIES, 5, OBSERVATION_DIM, generator=torch.Generator().manual_seed(9))
    together = StackedPolicy(parameters).act(observation)
    assert together.shape == (POLICIES, 5, ACTION_DIM)
    for k in range(POLICIES):
        x = (observation[k] - parameters[MEAN][k]) / parameters[STD][k]
        x = x.clamp(-10, 10)
        for layer in range(3):
            x = x @ parameters[f"actor.{layer}.weight"][k] + parameters[f"actor.{layer}.bias"][k]
            x = torch.tanh(x) if layer < 2 else x
        torch.testing.assert_close(together[k], x, rtol=1e-4, atol=1e-4)


# Refused by its header -----------------------------------------------------------------------------------------------


def test_every_truncation_is_refused():
    payload = save(stacked())
    for length in [*range(0, 400, 7), len(payload) // 2, len(payload) - 1]:
        assert refusal(payload[:length])


@pytest.mark.parametrize("claim", [1 << 63, 65 * 1024, 200])
def test_header_that_claims_too_much_is_refused(claim):
    assert refusal(struct.pack("<Q", claim) + b"{}" + b" " * 100) == f"the policy file's header claims {claim} bytes"


def test_long_header_is_refused_although_it_is_there():
    assert "header claims" in refusal(with_header(b" " * 70_000))


@pytest.mark.parametrize("header", [b"{]", b"", b"\xff\xfe{}", b"[" * 60_000, b'{"a":' * 10_000, b"9" * 5000])
def test_header_that_is_no_json_is_refused(header):
    assert "header is not JSON" in refusal(with_header(header, b" "))


@pytest.mark.parametrize("header", [[], None, "x", 3])
def test_header_that_is_no_object_is_refused(header):
    assert refusal(with_header(header, b" " * 8)) == "the policy file's header is not an object"


def test_name_that_stands_twice_is_refused():
    text = save(stacked())
    (length,) = struct.unpack("<Q", text[:8])
    twice = text[8 : 8 + length].rstrip()[:-1] + b',"normaliser.std":{}}'
    assert refusal(with_header(twice, text[8 + length :])) == "the policy file's header names something twice"


def test_oversize_file_is_refused_unread():
    assert f"at most {MAX_FILE_BYTES} are read" in refusal(bytes(MAX_FILE_BYTES + 1))


@pytest.mark.parametrize(
    "change",
    [
        {"dtype": "F64"},
        {"dtype": "F4"},
        {"dtype": None},
        {"shape": [CHECKPOINTS, POLICIES, ACTION_DIM, 1]},
        {"shape": [-CHECKPOINTS, -POLICIES, ACTION_DIM]},
        {"shape": "x" * 1000},
        {"data_offsets": [0, 24]},
        {"data_offsets": [1 << 40, (1 << 40) + 24]},
        {"data_offsets": [24, 0]},
        {"data_offsets": [-24, 0]},
        {"data_offsets": None},
        {"more": 1},
    ],
    ids=str,
)
def test_entry_that_does_not_fit_is_refused(change):
    header, body = header_and_body(save(stacked()))
    assert len(refusal(with_header({**header, BIAS: {**header[BIAS], **change}}, body))) < 1000


def test_entry_that_is_no_object_is_refused():
    header, body = header_and_body(save(stacked()))
    assert refusal(with_header({**header, BIAS: 3}, body)).startswith(f"{BIAS} is told as 3")


def test_bytes_after_the_last_tensor_are_refused():
    assert "don't fit its header" in refusal(save(stacked()) + b" ")


# Refused by what it holds --------------------------------------------------------------------------------------------


def test_missing_tensor_is_refused():
    assert BIAS in refusal(save({name: t for name, t in stacked().items() if name != BIAS}))


def test_extra_tensor_is_refused():
    assert "critic" in refusal(save({**stacked(), "critic": torch.zeros(1)}))


def test_metadata_is_refused():
    assert "__metadata__" in refusal(save(stacked(), metadata={"note": "hello"}))


@pytest.mark.parametrize(
    "tensor",
    [
        torch.zeros(CHECKPOINTS, POLICIES, ACTION_DIM, dtype=torch.float64),
        torch.zeros(CHECKPOINTS, POLICIES, ACTION_DIM, dtype=torch.int32),
        torch.zeros(POLICIES, ACTION_DIM),
        torch.zeros(CHECKPOINTS, POLICIES + 1, ACTION_DIM),
        torch.zeros(CHECKPOINTS - 1, POLICIES, ACTION_DIM),
        torch.zeros(0),
    ],
)
def test_wrong_shape_or_type_is_refused(tensor):
    assert refusal(save({**stacked(), BIAS: tensor})).startswith(f"{BIAS} is ")


@pytest.mark.parametrize("name", [BIAS, MEAN, STD])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 1e7, -1e7])
def test_number_that_no_policy_needs_is_refused(name, value):
    tensors = stacked()
    tensors[name][-1, 0, 0] = value
    assert refusal(save(tensors)) == f"{name} holds a number that is not finite or above 1e+06"


@pytest.mark.parametrize("value", [0.0, -0.5])
def test_spread_that_is_not_above_zero_is_refused(value):
    tensors = stacked()
    tensors[STD][0, 0, 0] = value
    assert refusal(save(tensors)) == "normaliser.std holds a number that is not above 0"
