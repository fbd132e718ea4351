"""Every figure of algeom, and the only importer of matplotlib, which is loaded when the first figure is drawn.

Each function takes a result, draws on the matplotlib Axes it is given or on a new figure, and returns the Axes, so that
titles, sizes and files stay in the hands of the caller. The statuses of what is drawn are written in the figure.
"""

from algeom.plot.blocks import block_sizes
from algeom.plot.critical_points import critical_points
from algeom.plot.flow_diagram import flow_diagram
from algeom.plot.gsvd import gsvd
from algeom.plot.gsvd_detection import gsvd_detection
from algeom.plot.gsvd_probes import group_probe, input_reconstruction
from algeom.plot.hilbert import hilbert_function
from algeom.plot.ideals import ideal
from algeom.plot.lsrdr import lsrdr
from algeom.plot.strata import hasse_diagram
from algeom.plot.tables import generator_table
from algeom.plot.weight_sharing import weight_sharing

__all__ = [
    "block_sizes",
    "critical_points",
    "flow_diagram",
    "generator_table",
    "group_probe",
    "gsvd",
    "gsvd_detection",
    "hasse_diagram",
    "hilbert_function",
    "ideal",
    "input_reconstruction",
    "lsrdr",
    "weight_sharing",
]
