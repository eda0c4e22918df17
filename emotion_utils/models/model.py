"""A causal language model as it is handed on: the network, its tokenizer and its name in one object."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import dropwhile
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from emotion_utils.core.errors import UserError, listing
from emotion_utils.core.hashing import fingerprint
from emotion_utils.core.versions import versions
from emotion_utils.models import families
from emotion_utils.models.batches import model_inputs
from emotion_utils.models.loading import context_of, load_model, load_tokenizer
from emotion_utils.models.positions import Encoded, encode
from emotion_utils.models.reading import AS_IT_IS, Reading, manner, own_start, reading_of
from emotion_utils.models.registry import model_files, short_name

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


@dataclass(frozen=True, eq=False)
class Model:
    """A network that reads and writes text, with what is needed to do so.

    One that is made in memory, such as a control with random weights, is ``Model(network, tokenizer)``.

    Attributes
    ----------
    network
        As transformers loads it.
    tokenizer
    name
        As the registry knows it; of a model made in memory whatever it is to be called.
    loaded
        Whether network and tokenizer are, unchanged, those that :func:`load` finds under the name.
    reading
        What stands around a text when it is read.
    """

    network: PreTrainedModel = field(repr=False)
    tokenizer: PreTrainedTokenizerBase = field(repr=False)
    name: str = ""
    loaded: bool = False
    reading: Reading = AS_IT_IS

    @property
    def device(self) -> torch.device:
        """Where tokens go in: the device of the embeddings."""
        return self.network.get_input_embeddings().weight.device

    @property
    def dtype(self) -> torch.dtype:
        """Of the weights."""
        return self.network.dtype

    @property
    def pad(self) -> int:
        """The token that fills a row of a batch: 0 where the tokenizer has none for it, since it is masked."""
        return int(self.tokenizer.pad_token_id or 0)

    @property
    def context(self) -> int:
        """Tokens of the longest text that there is room for.

        Raises
        ------
        UserError
            Where the configuration does not say.
        """
        return context_of(self.network.config, self.label)

    @property
    def label(self) -> str:
        """What messages call it: its name, or where a model without one came from, or its class."""
        return self.name or self.network.config.name_or_path or type(self.network).__name__

    @property
    def n_layers(self) -> int:
        """Number of transformer blocks."""
        return families.n_layers(self.network)

    @property
    def n_heads(self) -> int:
        """Number of query heads of a block."""
        return families.n_heads(self.network)

    @property
    def d_model(self) -> int:
        """Width of the residual stream."""
        return int(self.network.config.get_text_config().hidden_size)

    @property
    def identity(self) -> dict[str, Any]:
        """What can change what the model computes beside its input and our code, for the key of a store.

        Name, hash of the files of weights and tokenizer (of a hub model its commit; of one that was not loaded, hash
        of the weights and the tokenizer themselves), dtype, attention implementation, what stands around a text, and
        package versions.
        """
        config: Any = self.network.config
        return {
            "model": self.name,
            "files": fingerprint(model_files(self.name)) if self.loaded else self._contents(),
            "revision": getattr(config, "_commit_hash", None),
            "dtype": str(self.dtype),
            "attention": config._attn_implementation,
            "reading": repr(self.reading),
            "packages": versions(),
        }

    def _contents(self) -> str:
        """SHA-256 of configuration, tokenizer and weights, in hexadecimal."""
        told = [
            self.network.config.to_json_string(),
            str(self.pad),
            self.tokenizer.backend_tokenizer.to_str(),
        ]
        hashed = hashlib.sha256("\0".join(told).encode())
        for name, weight in self.network.state_dict().items():
            hashed.update(f"\0{name}\0".encode())
            hashed.update(weight.cpu().reshape(-1).view(torch.uint8).numpy())
        return hashed.hexdigest()

    def encode(self, texts: Sequence[str]) -> Encoded:
        """Encode texts as the model reads them, with the special tokens that its tokenizer adds, and its reading.

        Raises
        ------
        UserError
            What :func:`positions.encode` and :meth:`check_tokens` refuse.
        """
        encoded = encode(self.tokenizer, texts, self.context, self.reading)
        self.check_tokens(encoded.ids.flat)
        return encoded

    @property
    def opening(self) -> list[int]:
        """What stands before a text that is to be continued, outside a chat."""
        if self.reading.separator is not None:
            return [self.reading.separator]
        if not self.reading.bos:
            return own_start(self.tokenizer)
        return [] if self.tokenizer.bos_token_id is None else [self.tokenizer.bos_token_id]

    def starting_ids(self, text: str) -> list[int]:
        """Tokens of a text that is to be continued: of a bundled model after one BOS, as documents began in training.

        Other models read it as any text (:meth:`encode`); in a chat it ends where the model answers.
        """
        if not self.reading.bos:
            return self.encode([text]).ids[0]
        own = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return [
            *self.opening,
            *dropwhile(lambda token: token in self.opening, own),
        ]  # the text may bring its BOS

    @property
    def ends(self) -> tuple[int, ...]:
        """The tokens that end what the model writes.

        The end of a text in its tokenizer, every end of a text or turn in its generation settings, and the separator
        that it reads before texts, after which another text begins.
        """
        told = getattr(getattr(self.network, "generation_config", None), "eos_token_id", None)
        several = told if isinstance(told, list | tuple) else [told]
        found = [self.tokenizer.eos_token_id, *several, self.reading.separator]
        return tuple(sorted({int(token) for token in found if token is not None}))

    def padded(
        self, rows: Sequence[Sequence[int]], side: str = "right"
    ) -> dict[str, Int[Tensor, "row position"]]:
        """Rows of token ids as the inputs of the network, on its device; see :func:`batches.model_inputs`."""
        inputs = model_inputs(rows, self.pad, side)
        return {name: tensor.to(self.device) for name, tensor in inputs.items()}

    def bridge(self, *, shared: bool = False) -> TransformerBridge:
        """The model in TransformerLens: a copy with the same weights, nothing folded or centred.

        ``HookPoint.lens_name`` says what a hook is called there. TransformerLens changes the modules that it
        wraps, and so gets its own; its import takes seconds. A batch that is padded on the left needs its
        ``attention_mask``, without which TransformerLens reads padding as text. Its own ``to_tokens`` may put another
        token in front than :meth:`encode` does.

        Parameters
        ----------
        shared
            Whether it stands on the weights that are in memory instead of a copy of them: for reading alone, since
            what changes one then changes both.

        Examples
        --------
        >>> import emotion_utils as eu
        >>> import torch
        >>> model = eu.load("small-gpt2")
        >>> tokens = torch.tensor(model.encode(["Tom said to Anna:"]).ids)
        >>> logits, cache = model.bridge().run_with_cache(tokens)
        >>> cache["blocks.3.hook_resid_post"].shape[-1]
        128
        """
        from transformer_lens.model_bridge import TransformerBridge

        lens = TransformerBridge.boot_transformers(
            self.label,
            hf_model=_on_same_weights(self.network) if shared else deepcopy(self.network),
            tokenizer=self.tokenizer,
            dtype=self.dtype,
            device=str(self.device),
        )
        lens.enable_compatibility_mode(no_processing=True)
        return lens

    def check_mode(self) -> None:
        """Refuse training mode, in which dropout draws every result anew.

        Raises
        ------
        UserError
            With what to call.
        """
        if self.network.training:
            raise UserError(
                "The model is in training mode, where dropout changes every result: call model.network.eval() first."
            )

    def check_tokens(self, tokens: Iterable[int] | np.ndarray, what: str = "The tokenizer gives") -> None:
        """Refuse tokens without a row in the embeddings, the one that pads a batch among them.

        An accelerator would report them late and unreadably; the logits have as many columns as the embeddings have
        rows.

        Raises
        ------
        UserError
            Naming the token and how a tokenizer comes to give it.
        """
        ids = tokens if isinstance(tokens, np.ndarray) else np.fromiter(tokens, np.int64)
        known = int(self.network.get_input_embeddings().weight.shape[0])
        beyond = [*ids[(ids < 0) | (ids >= known)][:1].tolist(), *([self.pad] if self.pad >= known else [])]
        if beyond:
            name = self.tokenizer.convert_ids_to_tokens(beyond[0]) if beyond[0] >= 0 else None
            told = f"the token {beyond[0]}" + ("" if name is None else f" ({name})")
            raise UserError(
                f"{what} {told}, and the model knows tokens 0 to {known - 1}: a token was added after the "
                "model was made, or the tokenizer is another model's. Load the tokenizer of this model, choose a "
                "padding token that it knows, or call model.resize_token_embeddings(len(tokenizer)), train, and save "
                "both."
            )


def _on_same_weights(network: PreTrainedModel) -> PreTrainedModel:
    """A copy of all modules over the same memory: of a large model there is no room for its weights twice."""
    weights: dict[int, Any] = {
        id(own): torch.nn.Parameter(own.detach(), own.requires_grad) for own in network.parameters()
    }
    return deepcopy(network, weights | {id(own): own for own in network.buffers()})


def load(
    name: str, device: str = "cpu", dtype: str = "auto", separator: str = "off", chat: str = "off"
) -> Model:
    """Load a model and its tokenizer.

    Parameters
    ----------
    name
        See :func:`registry.resolve_model`.
    device, dtype
        See :func:`loading.load_model`.
    separator, chat
        What stands around a text: a separator in front (``auto`` or ``off``), a chat template (``on``, ``off`` or
        ``auto``, which is off); see :func:`reading.reading_of`. A bundled model reads as in its training, whatever is
        asked for.

    Raises
    ------
    UserError
        For an unknown name, device, dtype, separator or chat, for files that cannot be read, and for a chat with a
        model without a template.

    Returns
    -------
    The model, in evaluation mode: ``network``, ``tokenizer``, ``name`` and what depends on them.

    Examples
    --------
    >>> import emotion_utils as eu
    >>> model = eu.load("small-gpt2")
    >>> model.n_layers, model.n_heads, model.d_model
    (4, 8, 128)
    """
    tokenizer = load_tokenizer(name)
    reading = reading_of(name, tokenizer, separator, chat)  # before the weights, which take seconds
    return Model(load_model(name, device, dtype), tokenizer, name, loaded=True, reading=reading)


def reading_note(model: Model) -> str:
    """Say in Markdown what stands around the texts that a model reads: a separator, a chat template or nothing."""
    told = f"{short_name(model.label)}: {manner(model.tokenizer, model.reading)}"
    if not (model.reading.bos and model.opening) or own_start(model.tokenizer):
        return told
    token = model.tokenizer.convert_ids_to_tokens(model.opening[0])
    return f"{told} A text that it is to continue begins with `{token}`, as documents did in its training."


def reading_notes(names: Sequence[str], separator: str, chat: str) -> str:
    """The same for models of the registry, as :func:`load` would read with them; those that read alike together."""
    told: dict[str, list[str]] = {}
    for name in names:
        tokenizer = load_tokenizer(name)
        text = manner(tokenizer, reading_of(name, tokenizer, separator, chat))
        told.setdefault(text, []).append(short_name(name))
    return "\n".join(f"- {listing(own)}: {text}" for text, own in told.items())
