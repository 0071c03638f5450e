"""What the course trained on FER2013: one float16 safetensors file a model, and its card. `models.pretrained` reads."""
