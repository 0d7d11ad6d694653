"""Packaging of tf-fewshot; the settings of the development tools are in pyproject.toml."""

import runpy
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
TENSORFLOW = ">=2.19,<2.22"

# waitress reads requests apart from the threads that answer: slow clients keep none waiting.
SERVING = [f"tensorflow-serving-api{TENSORFLOW}", "waitress>=3,<4", "werkzeug>=3.1,<4"]
ANALYSIS = ["matplotlib>=3.8,<4", "scikit-learn>=1.5,<2"]
# What these formats are read with; TensorFlow itself writes those of LiteRT.
LITERT = ["ai-edge-litert>=1.3,<3"]
RAY = ["ray>=2.40,<3"]
ONNX = ["onnx>=1.17,<2", "onnxruntime>=1.20,<2", "tf2onnx>=1.17,<1.18"]

setup(
    name="tf-fewshot",
    version=runpy.run_path(str(ROOT / "tf_fewshot" / "_version.py"))["__version__"],
    description="Adapts a pretrained image generator to a new domain from 1 to 100 pictures.",
    long_description=(ROOT / "README.md").read_text("utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE", "NOTICE"],
    classifiers=[
        "Development Status :: 4 - Beta",
        "Intended Audience :: Developers",
        "Intended Audience :: Science/Research",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
    python_requires=">=3.11,<3.14",
    # tensorflow, not tensorflow-cpu: tf-keras requires tensorflow, and both write one folder.
    # setuptools: tensorflow-hub and tensorflow-gan import pkg_resources, gone from newer ones.
    install_requires=[
        "absl-py>=2.1,<3",
        "keras>=3.12,<4",
        "ml_collections>=1.0,<2",
        "numpy>=1.26,<2.5",
        "packaging>=24,<27",
        "pillow>=10.3,<14",
        "requests>=2.31,<3",
        "scipy>=1.13,<2",
        "setuptools<81",
        f"tensorflow{TENSORFLOW}",
        "tensorflow-gan==2.1.0",
        "tensorflow-hub==0.16.1",
        "tensorflow-probability>=0.25,<0.26",
        f"tf-keras{TENSORFLOW}",
        # Before 2, what a server cuts off passed for the whole file.
        "urllib3>=2,<3",
    ],
    extras_require={
        "gpu": [f"tensorflow[and-cuda]{TENSORFLOW}"],
        "analysis": ANALYSIS,
        # For keras.callbacks.TensorBoard, and to look at the events that runs write in any case.
        "tensorboard": ["tensorboard>=2.19,<2.22"],
        # Pictures of telephones.
        "heic": ["pillow-heif>=0.16,<2"],
        # Release 4.9.10 of the former needs the latter, and does not say so.
        "tfds": ["tensorflow-datasets>=4.9.4,<5", "importlib-resources>=6,<8"],
        # Brings ffmpeg, to write moving pictures as MP4.
        "video": ["imageio-ffmpeg>=0.6,<0.7"],
        "serving": SERVING,
        "onnx": ONNX,
        # Comparisons over machines.
        "ray": RAY,
        "litert": LITERT,
        "dev": [
            *ANALYSIS,
            *LITERT,
            *ONNX,
            *RAY,
            *SERVING,
            "dicebear-core==10.7.0",
            "dicebear-styles==10.6.0",
            "hypothesis>=6.100,<7",
            "import-linter>=2.6,<3",
            "pre-commit>=4.0,<5",
            "pyright[nodejs]==1.1.414",
            "pytest>=8.3,<10",
            "pytest-xdist>=3.6,<4",
            "resvg-py==0.5.0",
            "ruff>=0.17.6,<0.18",
            # Wheels are built by the tests with the setuptools of the environment.
            "setuptools>=70.1,<81",
        ],
    },
    packages=[
        *find_packages(include=["tf_fewshot", "tf_fewshot.*"]),
        "tf_fewshot.configs",
        "tf_fewshot.tools",
    ],
    # Two top-level folders of the repository are sub-packages once installed.
    package_dir={
        "tf_fewshot": "tf_fewshot",
        "tf_fewshot.configs": "configs",
        "tf_fewshot.tools": "tools",
    },
    package_data={
        "tf_fewshot": [
            "py.typed",
            "report/*.css",
            "report/*.html",
            "samples/*/*.png",
            "serving/page/*",
            "study/*.css",
            "study/*.html",
            "study/*.js",
            "weights/data/*",
        ],
    },
    entry_points={"console_scripts": ["tf-fewshot = tf_fewshot.tools.main:run"]},
    zip_safe=False,
)
