"""How a patient becomes tensors; the same code cuts for training and for inference."""
