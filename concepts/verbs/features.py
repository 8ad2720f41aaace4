"""What a registry is asked about cached results of frozen encoders."""

from collections.abc import Collection, Sequence

from concepts.records import FeatureRecord
from concepts.rows import features
from concepts.verbs.view import View


class FeatureVerbs(View):
    """The verbs of features."""

    def put_feature(
        self, key: str, kind: str, data: bytes, shape: Sequence[int], dtype: str,
        image_sha: str | None = None, mask_sha: str | None = None,
    ) -> bool:  # fmt: skip
        """Cache a feature while a concept uses its image, with that mask if one is named.

        A feature without an image stays for good. The first value of a key stays. Returns False and stores nothing
        if the image was removed in the meantime.
        """
        new = FeatureRecord(key, kind, data, tuple(shape), dtype)
        return features.put_feature(self._session, self._user, new, image_sha, mask_sha)

    def feature(self, key: str) -> FeatureRecord | None:
        """Return the cached feature, or None if it is missing or damaged."""
        return features.find_features(self._session, self._user, [key]).get(key)

    def features(self, keys: Collection[str]) -> dict[str, FeatureRecord]:
        """Return the cached features of these keys, without missing and damaged ones."""
        return features.find_features(self._session, self._user, keys)

    def computed_features(self) -> list[str]:
        """Return the keys of all features that this user can see, without embeddings given in place of pictures."""
        return features.computed_keys(self._session, self._user)

    def drop_features(self, keys: Collection[str]) -> None:
        """Delete the features of these keys whose images this user can see. They are recomputed on demand."""
        features.drop_features(self._session, self._user, keys)
