"""``python algeom/checker FILE`` or ``python -m algeom.checker FILE``."""

import importlib.util
import sys
from pathlib import Path

if __package__:
    from . import main
else:
    # Run as a folder: load it as a package of its own, so that algeom is not even looked for.
    folder = Path(__file__).resolve().parent
    spec = importlib.util.spec_from_file_location(
        "checker", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None
    assert spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules["checker"] = package
    spec.loader.exec_module(package)
    main = package.main

sys.exit(main(sys.argv[1:]))
