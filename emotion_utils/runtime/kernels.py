"""The kernel that executes notebooks: this very Python, whatever kernels a machine has installed."""

from __future__ import annotations

from ipykernel.kernelspec import get_kernel_dict
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager

STARTING = "Kernel died before replying to kernel_info"
"""What a kernel that does not start is known by."""


class OwnKernel(AsyncKernelManager):
    """Starts the interpreter that is running; a ``python3`` on ``JUPYTER_PATH`` may be another environment's."""

    @property
    def kernel_spec(self) -> KernelSpec:
        """How it is started."""
        return KernelSpec(**get_kernel_dict())
