"""Embeddings of words by matrices (`embeddings`): spectral radii of long products (`word_products`), and `corpora`."""
