"""Parts of several networks each."""

import pytest
from torch import nn

from lambda_studio.errors import StudioError
from lambda_studio.models.decoders.unclip.parts import LoadedParts

UNET, TEXT, FIRST, LAST = (nn.Linear(1, 1) for _ in range(4))
DRAWS = LoadedParts({"unet": {"unet": UNET, "text": TEXT}}, {"unet": "a"})
ENLARGES = LoadedParts({"autoencoder": {"first": FIRST, "last": LAST}}, {"autoencoder": "b"})


def test_a_network_is_found_by_its_part_and_name():
    assert DRAWS.get("unet", "text") is TEXT and DRAWS.names == {"unet"} and DRAWS.all == (UNET, TEXT)
    with pytest.raises(StudioError) as error:
        DRAWS.get("autoencoder", "first")
    assert error.value.cause == "The decoder's autoencoder was not loaded."
    assert error.value.remedy == "Load the decoder with parts=('autoencoder',)."


def test_parts_are_joined_and_left_out():
    whole = DRAWS.joined(ENLARGES)
    assert whole.names == {"unet", "autoencoder"} and whole.fingerprints == {"unet": "a", "autoencoder": "b"}
    less = whole.without("unet")
    assert less.names == {"autoencoder"} and less.all == (FIRST, LAST)
    assert whole.names == {"unet", "autoencoder"}, "and the whole is what it was"
