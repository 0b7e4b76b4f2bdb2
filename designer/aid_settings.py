"""The knobs of a training's curriculum and of what eases it: each is off by default, and the report names what was on."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from designer.machine_settings import Section

SolvedAsked = Literal["", "strict", "slack"]
"""Whether a candidate is asked where the task is solved: not at all, as solved(s), or as solved(s, slack)."""


class CurriculumConfig(Section):
    form: Literal["step", "stages", "both"] = Field(
        "step", description="what is written anew: rewards (step), curricula (stages), or both, every other candidate"
    )
    input: Literal["index", "object", "position", "language"] = Field(
        "index",
        description="how a policy is told its stage: by number, by the state's fields it is about, by these fields' values, or "
        "by its words",
    )
    bonus: float = Field(0.2, ge=0, description="what reaching a stage at once pays, in the reward's units; less the later")
    gates: bool = Field(
        True, description="go on only by measured success, leave out what can't be reached, drop what doesn't help"
    )


class FadingConfig(Section):
    reward: float = Field(
        0.0,
        ge=0,
        le=0.8,
        description="share of the training over which all that a reward pays fades away, but `fading.goal`; 0: it stays",
    )
    goal: float = Field(
        1.0, gt=0, description="what a step pays, where the reward fades, while the candidate's own solved(s) holds"
    )
    clock: bool = Field(
        True,
        description="whether rewards see s.training_progress; false: they see 1, so schedules of their own are at their end",
    )
    discount: Literal["fixed", "rising", "ads"] = Field(
        "fixed",
        description="training.gamma all along (fixed), reached by and by (rising), or as stages are mastered (ads)",
    )
    first_discount: float = Field(0.9, gt=0, lt=1, description="the discount that rising and ads begin with")
    discount_share: float = Field(
        0.5, gt=0, le=0.8, description="share of the training after which a rising discount is training.gamma"
    )

    @property
    def for_the_trainer(self) -> dict[str, Any]:
        """What a training job says of it: nothing where all is off."""
        found: dict[str, Any] = {}
        if self.reward:
            found["anneal"] = {"share": self.reward, "goal": self.goal}
        if self.discount != "fixed":
            found["discount"] = {"kind": self.discount, "first": self.first_discount, "share": self.discount_share}
        return found if self.clock else {**found, "timeless": True}

    @property
    def told(self) -> list[str]:
        """What of it is on, for people."""
        by = {"rising": f"by {self.discount_share:.0%} of the training", "ads": "as stages are mastered"}
        return [
            *([f"rewards fade over {self.reward:.0%} of the training"] if self.reward else []),
            *([] if self.clock else ["rewards see no clock"]),
            *([f"the discount grows from {self.first_discount:g} {by[self.discount]}"] if self.discount in by else []),
        ]


class HelpConfig(Section):
    carry: float = Field(
        0.0, ge=0, le=1, description="share of every body's weight that is carried at first; it fades with success; 0: none is"
    )
    grace: int = Field(
        0, ge=0, le=1000, description="steps for which an end by the world itself is put off at first; it fades too"
    )
    starts: float = Field(
        0.0, ge=0, le=1, description="share of episodes that start along the policy's own good ones at first; it fades too"
    )
    tolerance: float = Field(
        0.0,
        ge=0,
        le=1,
        description="slack that the candidate's own solved(s, slack) has at first: what counts as solved is wider; it fades "
        "too, and works in any world",
    )

    @property
    def eases_the_world(self) -> bool:
        return bool(self.carry or self.grace or self.starts)

    @property
    def for_the_trainer(self) -> dict[str, Any]:
        """What a training job says of it: nothing where all is off."""
        wanted = {"carry": self.carry, "grace": self.grace, "starts": self.starts, "tolerance": self.tolerance}
        return {"help": wanted} if any(wanted.values()) else {}

    @property
    def told(self) -> list[str]:
        """What of it is on, for people."""
        return [
            *([f"{self.carry:.0%} of the weight is carried at first"] if self.carry else []),
            *([f"ends are put off by {self.grace} steps at first"] if self.grace else []),
            *([f"{self.starts:.0%} of the episodes start along good ones at first"] if self.starts else []),
            *([f"what counts as solved has a slack of {self.tolerance:g} at first"] if self.tolerance else []),
        ]


class VariantsConfig(Section):
    rule: Literal["off", "uniform", "even", "alp", "ucb", "window"] = Field(
        "off",
        description="which variant of the world each episode of a candidate's training plays: the task's own (off), any "
        "(uniform in episodes, even in steps), more of those with learning progress (alp), a large advantage (ucb) or a "
        "success of 0.2 to 0.8 (window)",
    )
    among: str = Field("", description="which variants, with commas; not set: all that the world declares")
    own: float = Field(
        0.2, ge=0, le=1, description="share of the training, at its end, that plays the task's own variant alone"
    )
    memory: bool = Field(
        False,
        description="draw half of the episodes as the winner of a similar run did, where `designer library` has one",
    )

    @property
    def for_the_trainer(self) -> dict[str, Any]:
        """What a training job says of it, but for the names, which the world has: nothing where it is off."""
        return {"variants": {"rule": self.rule, "own": self.own}} if self.rule != "off" else {}

    @property
    def told(self) -> list[str]:
        """What of it is on, for people."""
        by = {
            "uniform": "all alike",
            "even": "for as many steps each",
            "alp": "by learning progress",
            "ucb": "by absolute advantage",
            "window": "those with a success of 0.2 to 0.8",
        }
        if self.rule == "off":
            return []
        which = "the world's variants" if not self.among else self.among
        return [f"episodes play {which}, {by[self.rule]}, in the last {self.own:.0%} the task's own alone"]
