"""Tiny pipelines: in the layout of Kandinsky 2.2's prior, whose towers are transformers', and of a stack."""

from pathlib import Path

from PIL import Image, ImageDraw
from transformers import CLIPImageProcessor, CLIPTextModelWithProjection, CLIPVisionModelWithProjection

from lambda_studio import LambdaEclipsePriorPipeline
from lambda_studio.models.clip.clip import load_clip
from lambda_studio.models.prior import PriorTransformer
from lambda_studio.pipeline.from_stack import tokenizer_of


def hub_pipeline(towers: Path, prior: Path) -> LambdaEclipsePriorPipeline:
    """A pipeline whose towers are transformers', from the folders of a CLIP and of a prior."""
    pipeline = LambdaEclipsePriorPipeline(
        prior=PriorTransformer.from_pretrained(prior),
        text_encoder=CLIPTextModelWithProjection.from_pretrained(towers / "text_encoder"),
        tokenizer=tokenizer_of(load_clip(f"local-dir:{towers}", towers=("text",))),
        image_encoder=CLIPVisionModelWithProjection.from_pretrained(towers / "image_encoder"),
        image_processor=CLIPImageProcessor(crop_size={"height": 32, "width": 32}, size={"shortest_edge": 32}),
    )
    return quiet(pipeline)


def quiet(pipeline: LambdaEclipsePriorPipeline) -> LambdaEclipsePriorPipeline:
    """Show no progress bar."""
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def photo(colour: str, size: tuple[int, int] = (90, 60)) -> Image.Image:
    """A disc on nothing."""
    image = Image.new("RGBA", size)
    ImageDraw.Draw(image).ellipse((10, 10, 60, 50), fill=colour)
    return image
