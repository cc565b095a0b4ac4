"""The Transformer (Vaswani et al. 2017): a decoder whose key-value cache is its memory."""
