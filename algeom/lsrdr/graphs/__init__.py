"""Dense subgraphs and cliques by reductions of matrix units, with bounds, instances and other methods to compare.

`dense_subgraphs` has the verbs; `graph_input` reads graphs, `subgraph_repair` and `clique_repair` improve sets of
vertices, `clique_bounds` and `clique_result` say how large a clique can be; `instances`, `baselines` and `comparison`
are for trying them.
"""
