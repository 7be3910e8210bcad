"""The sizes of the published checkpoints."""

# All weights in billions, as the Hub says; and the trainable parameters with r = 8, counted by hand. The second decimal
# of InternVL3.5 from 2B on, and both of Qwen3-VL-32B, are the sums of their parts, not published ones.
SIZES = {
    "Qwen/Qwen2-VL-2B-Instruct": (2.21, 1_490_944),
    "Qwen/Qwen2-VL-7B-Instruct": (8.29, 3_440_640),
    "Qwen/Qwen2.5-VL-3B-Instruct": (3.75, 2_506_752),
    "Qwen/Qwen2.5-VL-7B-Instruct": (8.29, 3_440_640),
    "Qwen/Qwen2.5-VL-32B-Instruct": (33.45, 11_534_336),
    "Qwen/Qwen2.5-VL-72B-Instruct": (73.41, 22_282_240),
    "Qwen/Qwen3-VL-2B-Instruct": (2.13, 2_293_760),
    "Qwen/Qwen3-VL-4B-Instruct": (4.44, 3_981_312),
    "Qwen/Qwen3-VL-8B-Instruct": (8.77, 5_308_416),
    "Qwen/Qwen3-VL-32B-Instruct": (33.36, 13_107_200),
    "OpenGVLab/InternVL3-1B-hf": (0.94, 737_280),
    "OpenGVLab/InternVL3-2B-hf": (2.09, 1_490_944),
    "OpenGVLab/InternVL3-8B-hf": (7.94, 3_440_640),
    "OpenGVLab/InternVL3-14B-hf": (15.12, 8_650_752),
    "OpenGVLab/InternVL3_5-1B-HF": (1.06, 1_605_632),
    "OpenGVLab/InternVL3_5-2B-HF": (2.35, 2_293_760),
    "OpenGVLab/InternVL3_5-4B-HF": (4.73, 3_981_312),
    "OpenGVLab/InternVL3_5-8B-HF": (8.53, 5_308_416),
    "OpenGVLab/InternVL3_5-14B-HF": (15.12, 7_208_960),
    "llava-hf/llava-v1.6-vicuna-7b-hf": (7.06, 6_291_456),
    "llava-hf/llava-v1.6-mistral-7b-hf": (7.57, 4_718_592),
    "llava-hf/llama3-llava-next-8b-hf": (8.36, 4_718_592),
    "llava-hf/llava-onevision-qwen2-0.5b-ov-hf": (0.89, 737_280),
    "llava-hf/llava-onevision-qwen2-7b-ov-hf": (8.03, 3_440_640),
}
