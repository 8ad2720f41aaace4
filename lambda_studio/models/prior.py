"""The λ prior, which maps text states with subjects written into them to an image embedding in one forward pass.

Its keys and shapes are those of the published λ-ECLIPSE class, so that the published weights load unchanged.
"""

import torch
import torch.nn.functional as F
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from einops import rearrange, repeat
from jaxtyping import Bool, Float
from torch import Tensor, nn

from lambda_studio.config import require

MASKED = -10000.0
"""The value added to the attention score of a masked position, as in the published class."""

FIXED_SETTINGS = {
    "added_emb_type": "prd",
    "additional_embeddings": 4,
    "embedding_proj_norm_type": None,
    "encoder_hid_proj_type": "linear",
    "norm_in_type": None,
}
"""Settings of the published configuration with only one supported value."""


class SelfAttention(nn.Module):
    """Multi-head self-attention with biases, under an additive mask."""

    def __init__(self, dim: int, num_heads: int, dropout: float = 0.0):
        super().__init__()
        self.num_heads = num_heads
        self.to_q, self.to_k, self.to_v = nn.Linear(dim, dim), nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.to_out = nn.ModuleList([nn.Linear(dim, dim), nn.Dropout(dropout)])

    def forward(
        self, hidden_states: Float[Tensor, "batch position dim"], mask: Float[Tensor, "batch 1 position position"]
    ) -> Float[Tensor, "batch position dim"]:
        """Attend from every position to the positions that `mask` allows (0 allowed, `MASKED` not)."""
        query, key, value = (
            rearrange(project(hidden_states), "b n (h d) -> b h n d", h=self.num_heads)
            for project in (self.to_q, self.to_k, self.to_v)
        )
        attended = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        output, dropout = self.to_out
        return dropout(output(rearrange(attended, "b h n d -> b n (h d)")))


class Gelu(nn.Module):
    """A projection, then exact GELU."""

    def __init__(self, dim: int, dim_out: int):
        super().__init__()
        self.proj = nn.Linear(dim, dim_out)

    def forward(self, hidden_states: Float[Tensor, "*shape dim"]) -> Float[Tensor, "*shape dim_out"]:
        """Return the GELU of the projected states."""
        return F.gelu(self.proj(hidden_states))


class FeedForward(nn.Module):
    """Two linear layers with a hidden width of four times `dim`."""

    def __init__(self, dim: int, dropout: float = 0.0):
        super().__init__()
        self.net = nn.Sequential(Gelu(dim, 4 * dim), nn.Dropout(dropout), nn.Linear(4 * dim, dim))

    def forward(self, hidden_states: Float[Tensor, "*shape dim"]) -> Float[Tensor, "*shape dim"]:
        """Transform each position independently."""
        return self.net(hidden_states)


class TransformerBlock(nn.Module):
    """A pre-norm block with the names of diffusers' `BasicTransformerBlock`. There is no norm2."""

    def __init__(self, dim: int, num_heads: int, dropout: float = 0.0):
        super().__init__()
        self.norm1 = nn.LayerNorm(dim)
        self.attn1 = SelfAttention(dim, num_heads, dropout)
        self.norm3 = nn.LayerNorm(dim)
        self.ff = FeedForward(dim, dropout)

    def forward(
        self, hidden_states: Float[Tensor, "batch position dim"], mask: Float[Tensor, "batch 1 position position"]
    ) -> Float[Tensor, "batch position dim"]:
        """Add attention, then feed-forward, to the hidden states."""
        hidden_states = hidden_states + self.attn1(self.norm1(hidden_states), mask)
        return hidden_states + self.ff(self.norm3(hidden_states))


class PriorTransformer(ModelMixin, ConfigMixin):
    """The published prior (λ-ECLIPSE 3.2; `ECLIPSE-Community/Lambda-ECLIPSE-Prior-v1.0`, 34,849,536 parameters).

    The input is `[text states | control | pooled text | noise | prd]`, each projected to the inner width. Attention is
    causal, and the output is read at the `prd` token. There is no time embedding. `clip_mean` and `clip_std` are in
    the published files but unused.

    The defaults build the published model. Raises InvalidSetting for a configuration of another kind of prior.
    """

    @register_to_config
    def __init__(
        self,
        num_attention_heads: int = 16,
        attention_head_dim: int = 32,
        num_layers: int = 10,
        embedding_dim: int = 1280,
        num_embeddings: int = 77,
        additional_embeddings: int = 4,
        dropout: float = 0.0,
        norm_in_type: str | None = None,
        embedding_proj_norm_type: str | None = None,
        encoder_hid_proj_type: str | None = "linear",
        added_emb_type: str | None = "prd",
        embedding_proj_dim: int | None = None,
        clip_embed_dim: int | None = None,
    ):
        super().__init__()
        _refuse_other_priors(self.config)
        dim = num_attention_heads * attention_head_dim
        clip_embed_dim = clip_embed_dim or embedding_dim
        length = num_embeddings + additional_embeddings

        self.proj_in = nn.Linear(embedding_dim, dim)
        self.embedding_proj = nn.Linear(embedding_proj_dim or embedding_dim, dim)
        self.embedding_control = nn.Linear(embedding_dim, dim)
        self.encoder_hidden_states_proj = nn.Linear(embedding_dim, dim)
        self.positional_embedding = nn.Parameter(torch.zeros(1, length, dim))
        self.prd_embedding = nn.Parameter(torch.zeros(1, 1, dim))
        self.transformer_blocks = nn.ModuleList(
            TransformerBlock(dim, num_attention_heads, dropout) for _ in range(num_layers)
        )
        self.norm_out = nn.LayerNorm(dim)
        self.proj_to_clip_embeddings = nn.Linear(dim, clip_embed_dim)
        self.clip_mean = nn.Parameter(torch.zeros(1, clip_embed_dim), requires_grad=False)
        self.clip_std = nn.Parameter(torch.zeros(1, clip_embed_dim), requires_grad=False)

    def forward(
        self,
        noise: Float[Tensor, "batch dim"],
        text_encoder_hidden_states: Float[Tensor, "batch position dim"],
        prompt_embeds: Float[Tensor, "batch pooled_dim"],
        control_embeds: Float[Tensor, "batch dim"],
        text_mask: Bool[Tensor, "batch position"],
    ) -> Float[Tensor, "batch clip_dim"]:
        """Return the raw (not normalised) CLIP image embedding of the requested picture.

        `text_mask` is true from the start token to the end token; the other positions have no effect.
        """
        tokens = torch.cat(
            [
                self.encoder_hidden_states_proj(text_encoder_hidden_states),
                rearrange(self.embedding_control(control_embeds), "b d -> b 1 d"),
                rearrange(self.embedding_proj(prompt_embeds), "b d -> b 1 d"),
                rearrange(self.proj_in(noise), "b d -> b 1 d"),
                repeat(self.prd_embedding, "1 1 d -> b 1 d", b=len(noise)),
            ],
            dim=1,
        )
        hidden_states = tokens + self.positional_embedding
        mask = self._attention_mask(text_mask).to(hidden_states.dtype)
        for block in self.transformer_blocks:
            hidden_states = block(hidden_states, mask)
        return self.proj_to_clip_embeddings(self.norm_out(hidden_states)[:, -1])

    def _attention_mask(self, text_mask: Bool[Tensor, "batch position"]) -> Float[Tensor, "batch 1 sequence sequence"]:
        """Return a causal mask that also hides padded text. Each adds `MASKED`, as in the published class."""
        length = self.positional_embedding.shape[1]
        causal = torch.full((length, length), MASKED, device=text_mask.device).triu(1)
        padding = F.pad(~text_mask, (0, length - text_mask.shape[1])).float() * MASKED
        return causal + rearrange(padding, "b n -> b 1 1 n")


def _refuse_other_priors(config) -> None:
    """Raise InvalidSetting if a configuration needs a part that the λ prior does not have."""
    for name, value in FIXED_SETTINGS.items():
        require(
            config[name] == value,
            f"This prior's configuration has {name} = {config[name]!r}.",
            f"A λ prior has {value!r}: use the files of a λ-ECLIPSE prior.",
        )
