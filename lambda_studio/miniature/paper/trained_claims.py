"""The claims about training from nothing: each way is a prior, or a decoder, that is trained for it."""

from collections.abc import Mapping, Sequence

from lambda_studio.generation.generator import draw_embeds
from lambda_studio.miniature.paper import decoders, priors
from lambda_studio.miniature.paper.claim import Claim, Expected, Job, OfSeed
from lambda_studio.miniature.paper.claims import CLIP_T, COMPOSITION, IDENTITY, TOGETHER, together
from lambda_studio.miniature.paper.decoders import KANDINSKY, STABLE, Decoders
from lambda_studio.miniature.paper.players import Players, Subject, seeds_of
from lambda_studio.miniature.paper.priors import Priors, Trial, build_prior

WEIGHTS_OF_EQ_1 = {
    "λ 0": Trial(contrastive_weight=0.0), "λ 0.2": Trial(), "λ 0.5": Trial(contrastive_weight=0.5),
    "λ 0.2, edges": Trial(edges=0.5),
}  # fmt: skip
"""Table 6. With edges, half of the prompts are trained with them."""
SHARES = {"a twentieth": 20, "a quarter": 4, "half": 2, "all": 1}
"""Table 12: the parts of the pictures, as the paper's 100k, 500k and 1M of 2M."""
SIZES = {"small": Trial(layers=2, heads=4), "own": Trial(), "large": Trial(layers=8, heads=12)}
"""Table 13."""
JOINED = {"interleaved": Trial(), "concatenated": Trial(concatenated=True)}
"""Table 11."""
SCENES = (
    "wearing a hat on the beach", "wearing a crown in the city", "wearing a scarf in the snow",
    "wearing glasses in the forest",
)  # fmt: skip
"""Nouns and places alone are always right."""
SCORES = {"identity": IDENTITY, "composition": COMPOSITION, "CLIP-T": CLIP_T}
DRESSED = "single subjects that no training saw, each wearing something in a place"
LOST = "identity below that of the interleaved prior with as many subjects"
PARAMETERS = "parameters of the prior, in millions"
SHORT = f"Priors of {priors.STEPS} steps on {priors.PICTURES:,} pictures"


def table_6(job: Job) -> OfSeed:
    """Train priors with several λ of Eq. 1, and one with edges; draw single subjects without edges."""
    return _of(WEIGHTS_OF_EQ_1, job)


def table_10(job: Job) -> OfSeed:
    """Train a decoder of each family, and draw what the miniature's prior predicts for single subjects."""
    players, found = Players(), {}
    asked = _alone(players, job)
    embeds, seeds = players.predicted(asked, job.seed), seeds_of(asked, job.seed)
    trained = Decoders(job, players.stack)
    for family in (KANDINSKY, STABLE):
        decoder = trained.trained(family)
        drawn = draw_embeds(decoder, trained.whiten(embeds), trained.zero, seeds, players.config)
        scores = players.scores([each.to_image() for each in drawn], asked)
        found[family] = {column: scores[column] for column in SCORES}
    return found


def table_11(job: Job) -> OfSeed:
    """Train a prior on interleaved and one on concatenated prompts; draw one, two and three subjects with each."""
    found: dict[str, dict[str, float]] = {}
    priors = Priors(job)
    for way, trial in JOINED.items():
        players = Players(priors.trained(trial), trial.joining)
        for count, asked in together(players, job.pictures, job.seed):
            scores = players.scores(players.drawn(asked, job.seed), asked)
            first = found.get(f"interleaved, {count}", scores)
            lost = first["identity"] - scores["identity"]
            found[f"{way}, {count}"] = {**{column: scores[column] for column in SCORES}, "lost": lost}
    return found


def table_12(job: Job) -> OfSeed:
    """Train priors on parts of the same pictures, for as many steps each."""
    trials = {way: Trial(pictures=priors.PICTURES // share if share > 1 else None) for way, share in SHARES.items()}
    return _of(trials, job)


def table_13(job: Job) -> OfSeed:
    """Train priors of several sizes."""
    found = _of(SIZES, job)
    return {way: {**row, "parameters": _millions(SIZES[way])} for way, row in found.items()}


def _of(trials: Mapping[str, Trial], job: Job) -> dict[str, dict[str, float]]:
    """Return the scores of pictures of single subjects, by the prior of each trial."""
    found, priors = {}, Priors(job)
    for way, trial in trials.items():
        players = Players(priors.trained(trial))
        asked = _alone(players, job)
        scores = players.scores(players.drawn(asked, job.seed), asked)
        found[way] = {column: scores[column] for column in SCORES}
    return found


def _alone(players: Players, job: Job) -> list[tuple[str, Sequence[Subject]]]:
    """Return a prompt for each subject, in scenes that take turns."""
    subjects = players.subjects(job.pictures, job.seed)
    return [(f"a {{0}} {SCENES[row % len(SCENES)]}", [each]) for row, each in enumerate(subjects)]


def _millions(trial: Trial) -> float:
    return sum(parameter.numel() for parameter in build_prior(trial).parameters()) / 1e6


TRAINED = (
    Claim(
        key="table-6",
        title="λ of Eq. 1, and edges in training",
        says="Without the contrastive loss concepts are kept better than with λ 0.5 (CCD 0.394 to 0.435, lower is "
        "better), and compositions worse (0.008 to -0.043). Edges in training help the concepts (0.402 to 0.362).",
        here=f"{SHORT}; {DRESSED}, drawn without edges.",
        ways=tuple(WEIGHTS_OF_EQ_1),
        columns=SCORES,
        expected=(
            Expected("λ 0", "λ 0.5", "identity"), Expected("λ 0.5", "λ 0", "composition"),
            Expected("λ 0.2, edges", "λ 0.2", "identity"),
        ),
        measure=table_6,
    ),
    Claim(
        key="table-10",
        title="Another family of decoders",
        says="The same method drives Stable unCLIP, with less likeness than Kandinsky 2.2 (DINO 0.564 and 0.613) and "
        "less text alignment (CLIP-T 0.276 and 0.307).",
        here=f"Two decoders of {decoders.STEPS:,} steps on {decoders.PICTURES:,} pictures, from nothing, in the "
        "latents of the miniature's MoVQ: one has the miniature's UNet, the other Stable unCLIP's image condition, "
        "empty prompt and velocity. CLIP and prior are the miniature's. The decoders are trained once, and seeds "
        f"change subjects and noise: {DRESSED}.",
        ways=(KANDINSKY, STABLE),
        columns=SCORES,
        expected=(
            Expected(KANDINSKY, STABLE, "identity"), Expected(KANDINSKY, STABLE, "CLIP-T"),
            Expected(STABLE, KANDINSKY, "identity", margin=0.1),
        ),
        measure=table_10,
    ),
    Claim(
        key="table-11",
        title="Interleaved or concatenated prompts",
        says="A prior that gets the image embeddings after the text keeps concepts less well than one that gets them "
        "in place of the nouns, the more so the more subjects there are (DINO -2.0 %, -3.3 %, -6.4 %).",
        here=f"{SHORT}; one, two and three subjects of different nouns that no training saw. Both priors learn the "
        "same prompts, and differ only in the position of the embeddings.",
        ways=tuple(f"{way}, {count}" for way in JOINED for count in TOGETHER),
        columns={**SCORES, "lost": LOST},
        expected=(
            *(Expected(f"interleaved, {count}", f"concatenated, {count}", "identity") for count in TOGETHER),
            Expected("concatenated, three subjects", "concatenated, one subject", "lost"),
        ),
        measure=table_11,
    ),
    Claim(
        key="table-12",
        title="The size of the training data",
        says="With more data likeness and text alignment rise (100k to 2M: DINO 0.593 to 0.613, CLIP-T 0.301 to "
        "0.307).",
        here=f"{SHORT} or parts of them: a twentieth, a quarter and half, as the paper's of 2M; {DRESSED}.",
        ways=tuple(SHARES),
        columns=SCORES,
        expected=(Expected("all", "a twentieth", "identity"), Expected("all", "a twentieth", "CLIP-T")),
        measure=table_12,
    ),
    Claim(
        key="table-13",
        title="The size of the prior",
        says="34M parameters keep concepts better than 5M and 70M (DINO 0.613, 0.586, 0.593); text alignment rises "
        "with the size (CLIP-T 0.305, 0.307, 0.309).",
        here=f"{SHORT}, with fewer and more layers and heads than the miniature's own; {DRESSED}.",
        ways=tuple(SIZES),
        columns={**SCORES, "parameters": PARAMETERS},
        expected=(
            Expected("own", "small", "identity"), Expected("own", "large", "identity"),
            Expected("large", "small", "CLIP-T"),
        ),
        measure=table_13,
    ),
)  # fmt: skip
