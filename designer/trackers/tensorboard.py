"""TensorBoard: `--track tensorboard`, with the extra `tensorboard`. Event files in the run's folder under `tensorboard/`.

Each series is a run of TensorBoard's, so that the trainings' curves lie over each other; what is of the whole run is `run`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from designer.trackers import Point, TrackedRun

FOLDER, SUFFIX = "tensorboard", ".designer"


class TensorBoard:
    """Writes its files anew from the journal in every session, so that no point is in them twice. Implements `Tracker`."""

    def begin(self, run: TrackedRun) -> int:
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        self._writer = EventFileWriter
        self._folder = run.folder / FOLDER
        for earlier in self._folder.rglob(f"*tfevents*{SUFFIX}"):
            earlier.unlink()
        self._whole_run: Any = self._open(self._folder / "run")  # Any: an extra without types
        return 0

    def track(self, points: Sequence[Point]) -> None:
        """Write points. A training's arrive together, so its file is closed at once: a run may have hundreds."""
        series: dict[str, list[Point]] = {}
        for point in points:
            series.setdefault(point.series, []).append(point)
        for name, own in series.items():
            writer = self._open(self._folder / name) if name else self._whole_run
            for point in own:
                writer.add_event(_event(point))
            writer.close() if name else writer.flush()

    def end(self) -> None:
        self._whole_run.close()

    def _open(self, folder: Path) -> Any:
        return self._writer(str(folder), filename_suffix=SUFFIX)


def _event(point: Point) -> Any:
    """Return a point as an event of TensorBoard's."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary

    value = (
        _text(point.tag, point.value)
        if isinstance(point.value, str)
        else Summary.Value(tag=point.tag, simple_value=point.value)
    )
    return Event(wall_time=point.at, step=point.step, summary=Summary(value=[value]))


def _text(tag: str, text: str) -> Any:
    """Return a text, as a block of code: TensorBoard would render a candidate's words as Markdown."""
    from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
    from tensorboard.compat.proto.tensor_pb2 import TensorProto

    block = "\n".join(f"    {line}" for line in text.split("\n"))
    metadata = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="text"))
    return Summary.Value(tag=tag, metadata=metadata, tensor=TensorProto(dtype="DT_STRING", string_val=[block.encode()]))
