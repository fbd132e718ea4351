"""Layers of trained networks and images: reduced (`layer_tuples`, `image_features`) and compared with other methods.

`trained_layers` makes small networks, `feature_comparison` measures features side by side.
"""
