"""New adapters of the library from others of it: merged, scaled, or of a lower rank. The others stay."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, get_args

from concepts.records import AdapterRecord
from concepts.registry import Registry
from lambda_studio.config import (
    LARGEST,
    ScaledAdapter,
    Wanted,
    checked_scale,
    read_adapters,
    require,
    require_different,
)
from lambda_studio.errors import ModelFilesInvalid, ModelFilesMissing
from lambda_studio.models.adapters.adapter import require_base
from lambda_studio.models.adapters.derived import DerivedAdapter, SourceAdapter, combined, extracted, save_derived
from lambda_studio.models.adapters.information import AdapterInfo
from lambda_studio.models.adapters.lora.shape import Targets
from lambda_studio.models.adapters.weights import open_weights
from lambda_studio.models.files.tensors import StoredTensors
from lambda_studio.progress import Advance
from lambda_studio.workflows.base_weights import unet_file, with_size
from lambda_studio.workflows.home import adapter_file, adapters_folder, why_missing
from lambda_studio.workflows.workplace import Workplace


@dataclass(frozen=True)
class Source:
    """An adapter of the library, opened."""

    record: AdapterRecord
    opened: SourceAdapter


class Deriving:
    """Makes adapters of a library's adapters.

    Args:
        name: a name for the new adapter, or None.

    Raises NameInvalid and AdapterExists.
    """

    def __init__(self, place: Workplace, name: str | None):
        place.require_editor()
        self.place, self.name = place, None if name is None else self._checked(place, name)

    @staticmethod
    def _checked(place: Workplace, name: str) -> str:
        library = place.library
        with place.database.reading() as registry:
            return registry.require_adapter_name(library, name)

    @cached_property
    def base(self) -> StoredTensors:
        """The weights of the stack's UNet."""
        return StoredTensors(unet_file(self.place))

    def merge(self, wanted: Wanted) -> AdapterRecord:
        """Register the sum of two or more adapters, each times its scale."""
        named = read_adapters(wanted)
        require(len(named) > 1, "One adapter is given.", "Give two or more, or scale one: studio adapters scale")
        for each in named:
            _require_scale(each.scale)
        sources = self._sources(named)
        require_different([str(source.record.id) for source in sources])
        ranks = sum(source.opened.info.rank for source in sources if source.opened.info.method == "lora")
        _require_rank(ranks, 0)  # 0: full UNets alone
        return self._register("merge", sources, combined(_opened(sources), self.base))

    def scale(self, adapter_id: int | str, factor: float) -> AdapterRecord:
        """Register an adapter whose update is scaled."""
        checked_scale(factor, f"{adapter_id}:{factor}")
        _require_scale(factor)
        sources = self._sources([ScaledAdapter(str(adapter_id), factor)])
        return self._register("scale", sources, combined(_opened(sources), self.base))

    def extract(self, adapter_id: int | str, rank: int) -> AdapterRecord:
        """Register the nearest LoRA of this rank."""
        _require_rank(rank)
        sources = self._sources([ScaledAdapter(str(adapter_id))])
        source = sources[0].opened
        plain = source.info.method == "lora" and not source.info.use_dora
        require(
            not plain or rank < source.info.rank,
            f"rank is {rank}, which is not below that of adapter {sources[0].record.id}, {source.info.rank}.",
            "Give a lower rank.",
            "rank",
        )
        with self._progress("Extracting", len(source.weights.names)) as advance:
            made = extracted(source, self.base, rank, advance)
        if not made.slots:
            cause = f"Adapter {sources[0].record.id} changes no layer that a LoRA may change."
            raise ModelFilesInvalid(cause, "Use it as it is.")
        return self._register("extract", sources, made, kept=made.kept)

    def _sources(self, named: Sequence[ScaledAdapter]) -> list[Source]:
        library = self.place.library
        with self.place.database.reading() as registry:
            records = [registry.get_adapter(library, each.name) for each in named]
        return [self._source(record, each.scale) for record, each in zip(records, named, strict=True)]

    def _source(self, record: AdapterRecord, scale: float) -> Source:
        """Open an adapter. Raises ModelFilesMissing, and ModelFilesInvalid for an adapter of another UNet."""
        if record.stack != self.place.spec.name:
            cause = f"Adapter {record.id} was trained for {record.stack}, but this stack is {self.place.spec.name}."
            raise ModelFilesInvalid(cause, f"Give stack={record.stack}.")
        path = adapter_file(self.place.home, record)
        if not path.is_file():
            raise ModelFilesMissing(*why_missing(self.place.home, record, self.place.database.path is None))
        info = require_base(path, self.place.stack.fingerprints()["decoder"])
        return Source(record, SourceAdapter(open_weights(path, info, self.base.shapes), info, scale))

    def _register(self, how: str, sources: Sequence[Source], made: DerivedAdapter, **said: Any) -> AdapterRecord:
        """Write the file, then the row, which knows all concepts that the sources know."""
        info = self._information(how, sources, made, said)
        folder = adapters_folder(self.place.home)
        with self._progress("Writing", len(made.slots)) as advance:
            sha = save_derived(made, info, folder, advance)
        settings = with_size(self.place, sha, info.settings)
        library, ids = self.place.library, [source.record.id for source in sources]

        def register(registry: Registry) -> AdapterRecord:
            return registry.derive_adapter(library, sha, made.method, info.stack, settings, ids)

        return self.place.database.write(register)

    def _information(
        self, how: str, sources: Sequence[Source], made: DerivedAdapter, said: dict[str, Any]
    ) -> AdapterInfo:
        base = sources[0].opened.info.base_fingerprint
        of = [{"sha256": each.record.sha256, "scale": each.opened.factor} for each in sources]
        shape = {"method": made.method, "rank": made.rank, "use_dora": made.use_dora} if made.rank else {}
        settings: dict[str, Any] = {"method": made.method, **shape, "base_fingerprint": base}
        settings |= {"made_by": how, "made_of": of, **said}
        if made.targets in get_args(Targets):
            settings["targets"] = made.targets
        if self.name:
            settings["name"] = self.name
        return AdapterInfo(
            method=made.method,
            rank=made.rank,
            stack=self.place.spec.name,
            base_fingerprint=base,
            concepts=_concepts(sources),
            settings=settings,
            use_dora=made.use_dora,
            targets=made.targets,
        )

    def _progress(self, label: str, total: int) -> AbstractContextManager[Advance]:
        return self.place.progress(label, total=total)


def _opened(sources: Sequence[Source]) -> list[SourceAdapter]:
    return [source.opened for source in sources]


def _concepts(sources: Sequence[Source]) -> tuple[dict[str, Any], ...]:
    """Return the concepts that any of the files names, without duplicates."""
    seen = {
        (str(each.get("name")), str(each.get("manifest"))): each
        for source in sources
        for each in source.opened.info.concepts
    }
    return tuple(seen.values())


def _require_scale(scale: float) -> None:
    require(
        scale != 0, "A scale is 0, which changes nothing.", "Give another scale, or leave the adapter out.", "scale"
    )


def _require_rank(rank: int, least: int = 1) -> None:
    most = LARGEST["rank"]
    require(least <= rank <= most, f"The rank is {rank}.", f"Give 1 to {most}.", "rank")
