"""The vocabulary of a folder in whichever format it has: tokenizer.json, or one that is converted to it.

tokenizer.json wins; then tokenizer.model (SentencePiece, or tiktoken's text as Llama 3 has it), tekken.json (Mistral)
and NAME.tiktoken (Qwen).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..errors import NomoatError
from .byte_pair_ranks import is_tiktoken, tekken_content, tiktoken_content
from .gguf_pre_tokenizers import PRE_TOKENIZERS
from .json_file import read_json_object
from .sentencepiece_model import named_tokens, read_sentencepiece_model, sentencepiece_content
from .special_tokens import token_text
from .tokenizer_content import added_token, template, tokenizer_json_bytes

MAX_VOCABULARY_BYTES = 64 << 20
QWEN_CLASS = "QWenTokenizer"
# tokenization_qwen.py of Qwen 1: these follow the vocabulary, and no file names them.
QWEN_SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *(f"<|extra_{i}|>" for i in range(205))]


def read_vocabulary(folder: Path, tokenizer_config: dict[str, Any]) -> bytes | None:
    """tokenizer.json; None where the folder has no vocabulary. Adds the tokens that a format names to the config."""
    if (folder / "tokenizer.json").is_file():
        return _bytes(folder / "tokenizer.json")
    content = _converted(folder, tokenizer_config)
    if content is None:
        return None
    if "add_bos_token" in tokenizer_config or "add_eos_token" in tokenizer_config:
        content["post_processor"] = _ends(content, tokenizer_config)
    return tokenizer_json_bytes(content)


def _converted(folder: Path, tokenizer_config: dict[str, Any]) -> dict[str, Any] | None:
    path = folder / "tokenizer.model"
    if path.is_file():
        data = _bytes(path)
        if is_tiktoken(data):
            return _tiktoken(data, path.name, tokenizer_config)
        model = read_sentencepiece_model(data, path.name)
        content = sentencepiece_content(model, tokenizer_config)
        for key, text in named_tokens(model).items():
            tokenizer_config.setdefault(key, text)
        return content
    path = folder / "tekken.json"
    if path.is_file():
        content = tekken_content(read_json_object(path, max_bytes=MAX_VOCABULARY_BYTES), path.name)
        if not tokenizer_config:  # Mistral's own library begins every text with <s>.
            tokenizer_config["add_bos_token"] = True
        for key, text in (("bos_token", "<s>"), ("eos_token", "</s>"), ("unk_token", "<unk>")):
            if text in content["model"]["vocab"]:
                tokenizer_config.setdefault(key, text)
        return content
    named = sorted(folder.glob("*.tiktoken"))
    if len(named) > 1:
        raise NomoatError("invalid_checkpoint", f"The folder has {len(named)} tiktoken files; one is needed.")
    return _tiktoken(_bytes(named[0]), named[0].name, tokenizer_config) if named else None


def _tiktoken(data: bytes, name: str, tokenizer_config: dict[str, Any]) -> dict[str, Any]:
    """Special tokens follow the vocabulary: those that the config gives an id there, its others after them."""
    content = tiktoken_content(data, name)
    base = max(content["model"]["vocab"].values()) + 1
    if tokenizer_config.get("tokenizer_class") == QWEN_CLASS:
        family = PRE_TOKENIZERS["qwen2"]
        content |= {"normalizer": family.normalizer, "pre_tokenizer": family.pre_tokenizer}
        tokenizer_config.setdefault("eos_token", "<|endoftext|>")
        content["added_tokens"] = [added_token(base + i, t, special=True) for i, t in enumerate(QWEN_SPECIAL)]
        return content
    decoder = tokenizer_config.get("added_tokens_decoder")
    texts = {int(i): token_text(t) for i, t in decoder.items() if i.isdigit()} if isinstance(decoder, dict) else {}
    last = max(texts, default=-1)
    if last >= base + 65_536:
        raise NomoatError("invalid_checkpoint", f"added_tokens_decoder has the id {last}, far past the vocabulary.")
    special = [texts.get(i) or f"<|reserved_token_{i}|>" for i in range(base, last + 1)]
    content["added_tokens"] = [added_token(base + i, text, special=True) for i, text in enumerate(special)]
    return content


def _ends(content: dict[str, Any], tokenizer_config: dict[str, Any]) -> dict[str, Any] | None:
    """bos and eos around a text where the config asks for them: what transformers does without tokenizer.json."""
    ids = dict(content["model"]["vocab"]) if isinstance(content["model"]["vocab"], dict) else {}
    ids |= {piece[0]: i for i, piece in enumerate(content["model"]["vocab"])} if not ids else {}
    ids |= {token["content"]: token["id"] for token in content["added_tokens"]}
    ends: list[list[tuple[str, int]]] = []
    for name in ("bos", "eos"):
        text = token_text(tokenizer_config.get(f"{name}_token"))
        add = tokenizer_config.get(f"add_{name}_token") is True and text in ids
        ends.append([(text, ids[text])] if add and text is not None else [])
    return template(*ends) or content["post_processor"]


def _bytes(path: Path) -> bytes:
    if path.stat().st_size > MAX_VOCABULARY_BYTES:
        raise NomoatError("invalid_checkpoint", f"{path.name} is larger than {MAX_VOCABULARY_BYTES} bytes.")
    return path.read_bytes()
