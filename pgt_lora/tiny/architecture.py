"""The architecture, tokenizer and processor of the small Qwen2.5-VL."""
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers, Regex
from transformers import (Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration, Qwen2VLImageProcessor, Qwen2TokenizerFast, Qwen2_5_VLProcessor)

SPECIAL=["<|endoftext|>","<|im_start|>","<|im_end|>","<|vision_start|>","<|vision_end|>","<|vision_pad|>","<|image_pad|>","<|video_pad|>"]
QWEN_SPLIT=r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"

def tokenizer(corpus, size=900):
    t=Tokenizer(models.BPE(byte_fallback=False))
    t.pre_tokenizer=pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(QWEN_SPLIT),"isolated"),pre_tokenizers.ByteLevel(add_prefix_space=False,use_regex=False)])
    t.decoder=decoders.ByteLevel()
    t.train_from_iterator(corpus,trainers.BpeTrainer(vocab_size=size,special_tokens=SPECIAL,initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),show_progress=False))
    from transformers import PreTrainedTokenizerFast
    return PreTrainedTokenizerFast(tokenizer_object=t,eos_token="<|im_end|>",pad_token="<|endoftext|>",additional_special_tokens=SPECIAL[1:])
