# Takes every name as it comes, in place of incomplete stubs: see [tool.pyright].
from typing import Any

def __getattr__(name: str) -> Any: ...
