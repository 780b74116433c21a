"""A tiny Qwen2 checkpoint with a real byte-level BPE tokenizer and a chat template, made in about a second.

Random weights, real everything else: safetensors on disk, tokenizer, template, generation settings. `make_tiny_causal`
writes the folder; `add_tiny_adapter` writes a LoRA adapter for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
CORPUS = (
    "You answer questions from the documents that the user's last message shows, and from nothing else.",
    "After every sentence that states a fact, cite the documents it comes from by their numbers in brackets, like [1].",
    '<document number="1" title="Handbook"> Refunds are paid within thirty days. </document> Question: When?',
    "Ein Übergang über den Fluß; les élèves mangent du café. 日本語の文章です。 Привет, мир! 🎉🎊",
)


def make_tiny_causal(
    folder: Path, *, corpus: Iterable[str] = CORPUS, context_tokens: int = 2048, seed: int = 0, layers: int = 2
) -> Path:
    """Write a checkpoint into a folder and give the folder."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    bpe.train_from_iterator(
        corpus,
        trainers.BpeTrainer(
            vocab_size=512,
            special_tokens=special,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        model_max_length=context_tokens,
    )
    tokenizer.chat_template = TEMPLATE
    torch.manual_seed(seed)
    config = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=context_tokens,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        tie_word_embeddings=True,
        initializer_range=0.3,  # wide, so that greedy answers do not depend on rounding
    )
    model = Qwen2ForCausalLM(config)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def add_tiny_adapter(checkpoint: Path, folder: Path, *, scale: float = 0.2, seed: int = 1) -> Path:
    """Write a LoRA adapter that changes what the checkpoint says, and give its folder."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(checkpoint)
    adapted = get_peft_model(
        model, LoraConfig(r=4, lora_alpha=8, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM")
    )
    torch.manual_seed(seed)
    with torch.no_grad():
        for name, weights in adapted.named_parameters():
            if "lora_B" in name:
                weights.normal_(0.0, scale)
    adapted.save_pretrained(folder)
    return folder
