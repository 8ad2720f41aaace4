"""The miniature's networks and its tokenizer."""

from lambda_studio.miniature.recipe.networks import CONTEXT_LENGTH, vocabulary, write_merges
from lambda_studio.miniature.world.captions import captions
from lambda_studio.miniature.world.scenes import scenes
from lambda_studio.miniature.world.seeding import seeded


def test_the_short_tokenizer_keeps_the_worlds_words_whole(tmp_path):
    from open_clip.tokenizer import SimpleTokenizer

    size = write_merges(tmp_path / "merges.txt.gz")
    short, whole = SimpleTokenizer(bpe_path=str(tmp_path / "merges.txt.gz")), SimpleTokenizer()
    assert size == short.vocab_size < 1500
    for word in vocabulary():
        assert len(short.encode(word)) == len(whole.encode(word)), word
    plain = captions(scenes(300, seeded(11, "many")), seeded(11, "words"), attributes=0.0)
    assert max(len(short.encode(c.text)) for c in plain) + 2 <= CONTEXT_LENGTH
